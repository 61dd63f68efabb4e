//! Networks that learn.

use crate::common::command::{folder, raspc, refuses};
use crate::common::compiled::compile;
use candle_core::{DType, Device, Tensor};
use raspc::data::{Dataset, Examples, Spec, Targets};
use raspc::model::{
    Activation, AttnScale, Batch, Biases, Config, Decode, Layout, NoHooks, NormConfig, OutputConfig,
    Positions, Transformer,
};
use raspc::train::{
    Checkpoint, CheckpointError, Event, FileError, Flow, Kind, Observer, Optimiser, OptimiserConfig, State,
    TrainConfig, Trainer, counts, initial, loss,
};
use raspc::value::{Number, Value};

/// Two ragged heads, neurons, a categorical and a numeric output, BOS.
fn config() -> Config {
    let json = serde_json::json!({
        "d_model": 6, "n_ctx": 5, "bos": true, "causal": false,
        "attn_scale": "one", "activation": "relu",
        "columns": [{ "name": "tokens", "vocabulary": [0, 1, 2] }],
        "layers": [
            { "heads": [{ "d_head": 2, "d_value": 3 }, { "d_head": 3, "d_value": 1 }], "d_mlp": 5 },
            { "heads": [{ "d_head": 2, "d_value": 2 }, { "d_head": 2, "d_value": 2 }], "d_mlp": 4 },
        ],
        "outputs": [],
    });
    let outputs = vec![
        OutputConfig {
            name: "class".to_owned(),
            decode: Decode::Categorical { values: (0..3).map(Value::int).collect() },
        },
        OutputConfig {
            name: "number".to_owned(),
            decode: Decode::Numeric { values: Vec::new(), bound: Number::ZERO },
        },
    ];
    Config { outputs, ..serde_json::from_value(json).unwrap() }
}

/// Every option by itself, and several together.
pub fn configs() -> Vec<(&'static str, Config)> {
    let norm = Some(NormConfig { eps: 1e-5, bias: true });
    let gpt = |config: Config| Config {
        norm: Some(NormConfig { eps: 1e-5, bias: false }),
        activation: Activation::Gelu,
        attn_scale: AttnScale::SqrtDHead,
        biases: Biases::None,
        tied: true,
        outputs: config.outputs[..1].to_vec(),
        causal: true,
        bos: false,
        ..config
    };
    let attention_only = |mut config: Config| {
        config.layers.iter_mut().for_each(|layer| layer.d_mlp = 0);
        config
    };
    vec![
        ("compiled", config()),
        ("causal", Config { causal: true, ..config() }),
        ("norm", Config { norm, ..config() }),
        ("gelu", Config { activation: Activation::Gelu, ..config() }),
        ("gelu_tanh", Config { activation: Activation::GeluTanh, ..config() }),
        ("scale", Config { attn_scale: AttnScale::SqrtDHead, ..config() }),
        ("sinusoidal", Config { positions: Positions::Sinusoidal, ..config() }),
        ("query_key", Config { positions: Positions::QueryKey, ..config() }),
        ("biases", Config { biases: Biases::All, norm, ..config() }),
        ("no biases", Config { biases: Biases::None, ..config() }),
        ("attention only", attention_only(config())),
        ("gpt", gpt(config())),
    ]
}

pub fn examples(config: &Config) -> Examples {
    let bos = usize::from(config.bos);
    let inputs: [&[i64]; 3] = [&[0, 1, 2], &[2, 2], &[1, 0, 0, 2]];
    let pairs: Vec<_> = inputs
        .iter()
        .map(|input| {
            let input: Vec<Value> = input.iter().map(|x| Value::int(*x)).collect();
            let reversed: Vec<Value> = input.iter().rev().cloned().collect();
            (vec![input], vec![reversed.clone(), reversed])
        })
        .collect();
    let examples = Examples::new(config, &pairs).unwrap();
    assert_eq!(examples.batch.lengths, [3 + bos, 2 + bos, 4 + bos]);
    examples
}

/// A model of a shape; its parameters do not matter.
pub fn shape(config: &Config) -> Transformer {
    let layout = Layout::of(config);
    let zeros = Tensor::zeros(layout.len(), DType::F64, &Device::Cpu).unwrap();
    let weights = layout.weights(config, &zeros).unwrap();
    Transformer::new(config.clone(), &weights, &Device::Cpu, DType::F64).unwrap()
}

fn loss_of(model: &Transformer, examples: &Examples) -> Tensor {
    let logits = model.forward(&examples.batch, &mut NoHooks).unwrap();
    loss(&logits, &examples.targets, &counts(&examples.targets)).unwrap()
}

/// Random parameters where none is 0 or 1 that could be another.
pub fn parameters(layout: &Layout, config: &Config) -> Vec<f64> {
    let flat = initial(config, layout, 5, DType::F64, &Device::Cpu).unwrap().to_vec1::<f64>().unwrap();
    flat.iter().enumerate().map(|(i, x)| x + 0.1 * ((i * 7 % 11) as f64 - 5.0) / 5.0).collect()
}

/// `f'` by five points: the error is of order h⁴.
pub fn slope(f: impl Fn(f64) -> f64) -> f64 {
    let h = 1e-4;
    (f(-2.0 * h) - 8.0 * f(-h) + 8.0 * f(h) - f(2.0 * h)) / (12.0 * h)
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for (name, config) in configs() {
        let (model, layout, examples) = (shape(&config), Layout::of(&config), examples(&config));
        let flat = parameters(&layout, &config);
        let tensor = |flat: &[f64]| Tensor::new(flat, &Device::Cpu).unwrap();
        let (learning, variables) = model.learning(&tensor(&flat)).unwrap();
        let gradient = variables.gradient(&loss_of(&learning, &examples)).unwrap().to_vec1::<f64>().unwrap();
        for parameter in &layout.parameters {
            let range = parameter.offset..parameter.offset + parameter.len();
            let expected = range.clone().map(|i| {
                slope(|step| {
                    let mut moved = flat.clone();
                    moved[i] += step;
                    let model = model.with_parameters(&tensor(&moved)).unwrap();
                    loss_of(&model, &examples).to_scalar::<f64>().unwrap()
                })
            });
            let expected: Vec<f64> = expected.collect();
            let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
            let off: Vec<f64> = expected.iter().zip(&gradient[range]).map(|(e, g)| e - g).collect();
            // A bias of all keys alike changes no score that counts.
            let least = if parameter.name.ends_with("b_k") { 1e-4 } else { 0.0 };
            assert!(length(&expected) > 1e-4 || least > 0.0, "{name}: {} does not matter", parameter.name);
            assert!(
                length(&off) <= 1e-6 * length(&expected).max(least),
                "{name}: {} is off by {} of {}",
                parameter.name,
                length(&off),
                length(&expected)
            );
        }
    }
}

#[test]
fn weights_and_flat_parameters_are_the_same() {
    for (name, config) in configs() {
        let layout = Layout::of(&config);
        let flat = initial(&config, &layout, 1, DType::F32, &Device::Cpu).unwrap();
        let weights = layout.weights(&config, &flat).unwrap();
        let names: Vec<String> = weights.named().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, layout.parameters.iter().map(|p| p.name.clone()).collect::<Vec<_>>(), "{name}");
        let again = layout.flatten(&weights, DType::F32, &Device::Cpu).unwrap();
        assert_eq!(again.to_vec1::<f32>().unwrap(), flat.to_vec1::<f32>().unwrap(), "{name}");
    }
}

#[test]
fn classes_cost_nats_and_numbers_squares() {
    let logits = Tensor::new(&[[[1.0, 3.0], [0.0, 0.0], [5.0, 1.0]]], &Device::Cpu).unwrap();
    let numbers = Tensor::new(&[[[1.5], [9.0], [2.0]]], &Device::Cpu).unwrap();
    let targets =
        [Targets::Classes(vec![0, raspc::data::IGNORED, 0]), Targets::Numbers(vec![1.0, f64::NAN, f64::NAN])];
    assert_eq!(counts(&targets), [2, 1]);
    let total = loss(&[logits, numbers], &targets, &[2, 1]).unwrap().to_scalar::<f64>().unwrap();
    let nats = (f64::exp(2.0).ln_1p() + f64::exp(-4.0).ln_1p()) / 2.0;
    assert!((total - nats - 0.25).abs() < 1e-12, "{total}");
}

/// What three steps do to one decaying and one free parameter, as the formulas say.
#[test]
fn optimisers_follow_their_formulas() {
    let layout = Layout::of(&config());
    let matrix = layout.parameters.iter().find(|p| p.name == "embed.0.w_e").unwrap().offset;
    let bias = layout.parameters.iter().find(|p| p.name == "blocks.0.mlp.b_in").unwrap().offset;
    for kind in [Kind::Sgd, Kind::Adam, Kind::AdamW] {
        let config = OptimiserConfig {
            kind,
            lr: 0.1,
            weight_decay: 0.2,
            momentum: 0.5,
            clip: 0.0,
            ..Default::default()
        };
        let optimiser = Optimiser::new(config, &layout);
        let start: Vec<f64> = (0..layout.len()).map(|i| 0.5 + i as f64 / 100.0).collect();
        let state = State::new(&Tensor::new(start.as_slice(), &Device::Cpu).unwrap()).unwrap();
        let gradients = |i: usize, t: i32| (i as f64 * 0.1 + 0.3) * f64::from(t - 1);
        for t in 0..3 {
            let gradient: Vec<f64> = (0..layout.len()).map(|i| gradients(i, t)).collect();
            optimiser
                .step(
                    &state.tensor,
                    &Tensor::new(gradient.as_slice(), &Device::Cpu).unwrap(),
                    0.5,
                    t as usize,
                )
                .unwrap();
        }
        let found = state.parameters().unwrap().to_vec1::<f64>().unwrap();
        for (i, decay) in [(matrix, 0.2), (bias, 0.0)] {
            let (mut x, mut m, mut v, lr) = (start[i], 0.0, 0.0, 0.05);
            for t in 1..=3 {
                let mut g = gradients(i, t - 1);
                match kind {
                    Kind::Sgd => {
                        m = 0.5 * m + g + decay * x;
                        x -= lr * m;
                        continue;
                    }
                    Kind::Adam => g += decay * x,
                    Kind::AdamW => x *= 1.0 - lr * decay,
                }
                m = 0.9 * m + 0.1 * g;
                v = 0.999 * v + 0.001 * g * g;
                let (mean, square) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
                x -= lr * mean / (square.sqrt() + 1e-8);
            }
            assert!((found[i] - x).abs() < 1e-12, "{kind:?}: {} and not {x}", found[i]);
        }
    }
}

#[test]
fn long_gradients_are_shortened() {
    let layout = Layout::of(&config());
    let config = OptimiserConfig { kind: Kind::Sgd, lr: 1.0, clip: 2.0, ..Default::default() };
    let zeros = Tensor::zeros(layout.len(), DType::F64, &Device::Cpu).unwrap();
    let state = State::new(&zeros).unwrap();
    let norm = Optimiser::new(config, &layout).step(&state.tensor, &(zeros + 3.0).unwrap(), 1.0, 0).unwrap();
    let expected = 3.0 * (layout.len() as f64).sqrt();
    let moved =
        state.parameters().unwrap().sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap().sqrt();
    assert!((norm - expected).abs() < 1e-9 && (moved - 2.0).abs() < 1e-6, "{norm}, {moved}");
}

/// Keeps the state of one step, and stops there.
struct StopAt(usize);

impl Observer for StopAt {
    fn see(&mut self, event: &Event, state: &State) -> Result<Flow, FileError> {
        let step = matches!(event, Event::Step { .. });
        Ok(if step && state.step == self.0 { Flow::Stop } else { Flow::Continue })
    }
}

const PEAK: &str = include_str!("../programs/peak.rasp");

/// A trainer's shape, its data and how it learns: peak, and 3 batches per epoch.
fn small() -> (Transformer, Dataset, TrainConfig, OptimiserConfig) {
    let peak = compile(PEAK);
    let spec = Spec { distributions: vec!["peak".to_owned()], train: 50, held_out: 20, ..Spec::default() };
    let data = Dataset::new(&peak.program, &peak.facts, peak.model.config(), &spec).unwrap();
    let config = TrainConfig { steps: 12, batch: 16, evaluate_every: 4, ..TrainConfig::default() };
    (peak.model, data, config, OptimiserConfig { lr: 0.01, ..OptimiserConfig::default() })
}

fn first(model: &Transformer) -> State {
    State::new(&initial(model.config(), model.layout(), 0, DType::F32, &Device::Cpu).unwrap()).unwrap()
}

fn bits(state: &State) -> Vec<u32> {
    let entries = state.tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    entries.into_iter().map(f32::to_bits).collect()
}

#[test]
fn a_run_goes_on_from_any_checkpoint_as_if_it_had_never_stopped() {
    let (model, data, config, learning) = small();
    let mut whole = first(&model);
    Trainer::new(&model, &data, &config, &learning)
        .unwrap()
        .run(&mut whole, &mut StopAt(usize::MAX))
        .unwrap();
    assert_eq!(whole.step, 12);
    let path = folder("checkpoints").join("state.safetensors");
    for stop in [1, 4, 7] {
        let mut state = first(&model);
        Trainer::new(&model, &data, &config, &learning).unwrap().run(&mut state, &mut StopAt(stop)).unwrap();
        assert_eq!(state.step, stop);
        Checkpoint::save(&state, &path).unwrap();
        let mut again = Checkpoint::load(&path, model.layout().len(), DType::F32, &Device::Cpu).unwrap();
        Trainer::new(&model, &data, &config, &learning).unwrap().run(&mut again, &mut StopAt(0)).unwrap();
        assert_eq!(
            (again.step, again.best, bits(&again)),
            (12, whole.best, bits(&whole)),
            "stopped at {stop}"
        );
    }
    assert!(Checkpoint::load(&path, 1, DType::F32, &Device::Cpu).is_err());
    assert!(Checkpoint::load(&path, model.layout().len(), DType::F64, &Device::Cpu).is_err());
    let mut file = std::fs::read(&path).unwrap();
    let last = file.len() - 1;
    file[last] ^= 1;
    std::fs::write(&path, file).unwrap();
    let changed = Checkpoint::load(&path, model.layout().len(), DType::F32, &Device::Cpu);
    assert!(matches!(changed, Err(CheckpointError::Changed)));
}

#[test]
fn workers_share_a_batch_and_change_rounding_only() {
    let (model, data, config, learning) = small();
    let after = |workers: usize| {
        let config = TrainConfig { workers, steps: 3, batch: 15, ..config.clone() };
        let mut state =
            State::new(&first(&model).parameters().unwrap().to_dtype(DType::F64).unwrap()).unwrap();
        Trainer::new(&model, &data, &config, &learning).unwrap().run(&mut state, &mut StopAt(0)).unwrap();
        state.parameters().unwrap().to_vec1::<f64>().unwrap()
    };
    let (one, two) = (after(1), after(2));
    assert!(one.iter().zip(&two).all(|(a, b)| (a - b).abs() < 1e-9));
}

#[test]
fn a_run_that_diverges_says_so_and_patience_ends() {
    let (model, data, config, learning) = small();
    let wild = OptimiserConfig { lr: 1e30, clip: 0.0, kind: Kind::Sgd, ..learning };
    let config = TrainConfig { schedule: serde_json::from_str("{\"warm_up\":0}").unwrap(), ..config };
    let error = Trainer::new(&model, &data, &config, &wild).unwrap().run(&mut first(&model), &mut StopAt(0));
    assert!(error.unwrap_err().to_string().contains("diverged"));
    let still = OptimiserConfig { lr: 0.0, ..learning };
    let config = TrainConfig { patience: 6, steps: 1_000, ..config };
    let mut state = first(&model);
    Trainer::new(&model, &data, &config, &still).unwrap().run(&mut state, &mut StopAt(0)).unwrap();
    assert_eq!(state.step, 8, "the loss is looked at every 4 steps, and 6 without progress end it");
}

#[test]
fn networks_learn() {
    let (model, data, config, _) = small();
    let config = TrainConfig { steps: 150, batch: 32, ..config };
    let learning = OptimiserConfig { lr: 0.02, ..OptimiserConfig::default() };
    let mut state = first(&model);
    let before = loss_of(&model.with_parameters(&state.parameters().unwrap()).unwrap(), &data.train);
    Trainer::new(&model, &data, &config, &learning).unwrap().run(&mut state, &mut StopAt(0)).unwrap();
    let after = loss_of(&model.with_parameters(&state.parameters().unwrap()).unwrap(), &data.train);
    let [before, after] = [before, after].map(|loss| loss.to_scalar::<f32>().unwrap());
    assert!(after < 0.5 * before, "from {before} to {after}");
}

/// Batches of a model that reads nothing but tokens.
#[test]
fn padding_changes_no_gradient() {
    let config = config();
    let (model, layout) = (shape(&config), Layout::of(&config));
    let flat = Tensor::new(parameters(&layout, &config).as_slice(), &Device::Cpu).unwrap();
    let gradient = |examples: &Examples| {
        let (model, variables) = model.learning(&flat).unwrap();
        variables.gradient(&loss_of(&model, examples)).unwrap().to_vec1::<f64>().unwrap()
    };
    let short = examples(&config).select(&[1]);
    let mut other = short.clone();
    let Batch { seq, lengths, tokens } = &mut other.batch;
    (lengths[0]..*seq).for_each(|at| tokens[0][at] = 2);
    assert_ne!(other.batch, short.batch);
    assert_eq!(gradient(&other), gradient(&short));
}

const SHORT: [&str; 8] = [
    "--set",
    "train.steps=20",
    "--set",
    "data.train=200",
    "--set",
    "data.held_out=50",
    "--set",
    "train.checkpoint_every=5",
];

#[test]
fn a_trained_model_is_a_model() {
    let run = folder("trained").join("peak");
    let out = run.to_string_lossy().into_owned();
    let command = |more: &[&str]| {
        raspc(&[&["train", "experiments/peak.toml", "-o", &out], &SHORT[..], more].concat(), "")
    };
    let answer = command(&["--json"]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    let report = &answer.json()[0];
    assert_eq!((&report["compiled"]["verdict"], &report["steps"]), (&"proved".into(), &20.into()));
    assert!(report["trained"]["declared"]["token_accuracy"].as_f64().unwrap() > 0.5);
    let model = run.join("model.safetensors").to_string_lossy().into_owned();
    assert_eq!(raspc(&["run", &model, "[1, 3, 2]"], "").code, Some(0));
    let shown = raspc(&["inspect", &model], "");
    assert!(shown.out.contains("trained"), "{}", shown.out);
    assert_eq!(raspc(&["verify", &model, "--tests", "100"], "").code, Some(3), "20 steps are too few");
    // The same run, killed after step 10: what is done again is the same.
    let bytes = std::fs::read(&model).unwrap();
    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    refuses(&command(&[]), "already contains a run");
    refuses(
        &command(&["--resume", "--set", "optimiser.lr=1"]),
        "was started with optimiser.lr = 0.003, and now it is 1.0;",
    );
    for large in
        ["multiple=9223372036854775807", "layers=4294967296", "heads=1000000000000", "d_mlp=100000000"]
    {
        refuses(&command(&["--set", &format!("model.{large}")]), "parameters; at most");
    }
    refuses(&command(&["--set", "data.train=99999999999"]), "at most 10000000 examples");
    std::fs::remove_file(&model).unwrap();
    assert_eq!(command(&["--resume"]).code, Some(0));
    assert_eq!(std::fs::read(&model).unwrap(), bytes);
    assert_eq!(std::fs::read_to_string(run.join("metrics.jsonl")).unwrap(), metrics);
}

#[test]
fn training_begins_at_compiled_weights() {
    let out = folder("begun").join("run").to_string_lossy().into_owned();
    let args =
        ["train", "experiments/peak.toml", "--init", "compiled/peak.safetensors", "--json", "-o", &out];
    let answer = raspc(&[&args, &SHORT[..], &["--set", "train.steps=0"]].concat(), "");
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    let report = &answer.json()[0];
    for same in ["norm", "held_out", "declared"] {
        assert_eq!(report["trained"][same], report["compiled"][same]);
    }
    assert!(report["trained"]["verdict"].as_str().unwrap().starts_with("tested"));
    assert_eq!(report["agreement"], 1.0);
}

/// Kills a run again and again, at moments that differ; `RASPC_KILLS` says how often.
#[test]
fn a_killed_run_ends_at_the_same_weights() {
    let kills: u64 = std::env::var("RASPC_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let sets = ["train.steps=60", "train.batch=16", "train.checkpoint_every=3", "train.log_every=1"];
    let sets = sets.iter().chain(&["data.train=100", "data.held_out=20", "train.evaluate_every=10"]);
    let root = folder("killed");
    let run = |name: &str| root.join(name);
    let args = |name: &str, more: &[&str]| -> Vec<String> {
        let begin = ["train", "experiments/peak.toml", "-o"].map(str::to_owned);
        let sets = sets.clone().flat_map(|set| ["--set".to_owned(), set.to_string()]);
        let out = run(name).to_string_lossy().into_owned();
        begin.into_iter().chain([out]).chain(sets).chain(more.iter().map(ToString::to_string)).collect()
    };
    let raspc = |args: Vec<String>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_raspc"));
        command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    let begun = std::time::Instant::now();
    assert!(raspc(args("whole", &[])).wait().unwrap().success());
    let whole = begun.elapsed();
    for kill in 0..kills {
        let there = run("killed").join("experiment.toml").exists();
        let mut child = raspc(args("killed", if there { &["--resume"] } else { &[] }));
        // Anywhere between the first moment and the last.
        std::thread::sleep(whole.mul_f64((kill * 7 % 10) as f64 / 10.0 + 0.05));
        let _ = child.kill();
        child.wait().unwrap();
    }
    let there = run("killed").join("experiment.toml").exists();
    assert!(raspc(args("killed", if there { &["--resume"] } else { &[] })).wait().unwrap().success());
    for file in ["model.safetensors", "metrics.jsonl"] {
        let [whole, killed] = ["whole", "killed"].map(|name| std::fs::read(run(name).join(file)).unwrap());
        assert!(whole == killed, "{file} differs");
    }
}
