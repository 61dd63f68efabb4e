//! Losses of fifty steps, beside PyTorch's from the same weights and batches (`torch/losses.py`).

use candle_core::{DType, Device, Tensor};
use raspc::data::{Dataset, Examples, IGNORED, Targets};
use raspc::model::{Batch, Config, Decode, Layout, Parameter, Transformer};
use raspc::train::{Event, FileError, Flow, Observer, OptimiserConfig, State, TrainConfig, Trainer};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

/// A number for a name and an index.
fn number(name: &str, i: usize) -> u32 {
    let hash = Sha256::digest(format!("{name} {i}"));
    u32::from_le_bytes(*hash.first_chunk().unwrap())
}

fn filled(parameter: &Parameter) -> Vec<f64> {
    let [rows, _] = parameter.shape;
    let entry = |i| f64::from(number(&parameter.name, i)) / 2f64.powi(32) - 0.5;
    let entries = (0..parameter.len()).map(entry);
    match rows {
        1 if parameter.name.ends_with(".w") => entries.map(|x| x / 5.0 + 1.0).collect(),
        1 => entries.map(|x| x / 5.0).collect(),
        _ => entries.map(|x| x * 2.0 / (rows as f64).sqrt()).collect(),
    }
}

/// The batch of a step.
fn batch(config: &Config, size: usize, step: usize) -> Examples {
    let (bos, seq, longest) = (usize::from(config.bos), config.n_ctx, config.max_len());
    let examples = step * size..(step + 1) * size;
    let length = |example: usize| 1 + number("length", example) as usize % longest;
    let token = |column: usize, example: usize, i: usize| {
        number(&format!("tokens {column}"), example * longest + i)
            % config.columns[column].vocabulary.len() as u32
    };
    let tokens = |column: usize| -> Vec<u32> {
        let row = |example: usize| {
            let bos_token = config.columns[column].vocabulary.len() as u32;
            let row = (0..length(example)).map(|i| token(column, example, i));
            let mut row: Vec<u32> = std::iter::repeat_n(bos_token, bos).chain(row).collect();
            row.resize(seq, 0);
            row
        };
        examples.clone().flat_map(row).collect()
    };
    let targets = config.outputs.iter().map(|output| match &output.decode {
        Decode::Categorical { values } => {
            let row = |example: usize| {
                let n = length(example);
                let class =
                    |i: usize| (token(0, example, i) + token(0, example, n - 1 - i)) % values.len() as u32;
                let mut row = vec![IGNORED; seq];
                (0..n).for_each(|i| row[bos + i] = class(i));
                row
            };
            Targets::Classes(examples.clone().flat_map(row).collect())
        }
        Decode::Numeric { .. } => {
            let row = |example: usize| {
                let mut row = vec![f64::NAN; seq];
                (0..length(example))
                    .for_each(|i| row[bos + i] = f64::from(token(0, example, i) + i as u32) / 4.0);
                row
            };
            Targets::Numbers(examples.clone().flat_map(row).collect())
        }
    });
    let lengths = examples.clone().map(|example| bos + length(example)).collect();
    let batch = Batch { seq, lengths, tokens: (0..config.columns.len()).map(tokens).collect() };
    Examples { batch, targets: targets.collect() }
}

/// Keeps the loss of one step.
struct Once(f64);

impl Observer for Once {
    fn see(&mut self, event: &Event, _: &State) -> Result<Flow, FileError> {
        let Event::Step { loss, .. } = event else { return Ok(Flow::Continue) };
        self.0 = *loss;
        Ok(Flow::Stop)
    }
}

/// The losses of a case by the trainer, whose batch is all that it is given at each step.
fn losses(config: &Config, train: &TrainConfig, learning: &OptimiserConfig) -> Vec<f64> {
    let layout = Layout::of(config);
    let flat: Vec<f64> = layout.parameters.iter().flat_map(filled).collect();
    let flat = Tensor::from_vec(flat, layout.len(), &Device::Cpu).unwrap().to_dtype(DType::F32).unwrap();
    let weights = layout.weights(config, &flat).unwrap();
    let model = Transformer::new(config.clone(), &weights, &Device::Cpu, DType::F32).unwrap();
    let mut state = State::new(&flat).unwrap();
    let step = |step| {
        let train_on = batch(config, train.batch, step);
        let data = Dataset { held_out: train_on.select(&[0]), train: train_on };
        let mut seen = Once(f64::NAN);
        Trainer::new(&model, &data, train, learning).unwrap().run(&mut state, &mut seen).unwrap();
        seen.0
    };
    (0..train.steps).map(step).collect()
}

/// One object over another.
fn over(base: &Json, more: &Json) -> Json {
    let mut all = base.as_object().unwrap().clone();
    all.extend(more.as_object().unwrap().clone());
    Json::Object(all)
}

#[test]
fn losses_are_those_of_pytorch() {
    let file: Json = serde_json::from_str(include_str!("torch/losses.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let config = serde_json::from_value(over(&file["model"], &case["model"])).unwrap();
        let train = serde_json::from_value(over(&file["train"], &case["train"])).unwrap();
        let learning = serde_json::from_value(case["optimiser"].clone()).unwrap();
        let expected: Vec<f64> = serde_json::from_value(case["losses"].clone()).unwrap();
        let found = losses(&config, &train, &learning);
        let off = |(a, b): (&f64, &f64)| ((a - b) / b).abs();
        let worst = found.iter().zip(&expected).map(off).fold(0.0, f64::max);
        assert_eq!((found.len(), expected.len()), (50, 50));
        // As much as 1e-4 is promised; sums in another order make less than 1e-6.
        assert!(worst <= 1e-5, "{}: off by {worst} of {expected:?}: {found:?}", case["name"]);
    }
}
