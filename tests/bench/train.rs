//! How fast networks learn and run, in process CPU seconds: `cargo bench --bench train`.
//!
//! A GPT of 2 layers (d 128, 4 heads, T 128, batch 64, tied, no biases, exact GELU, clipping) by the
//! trainer itself, with one worker and with two; and the forward pass of a network as small as compiled
//! ones are (d 40, 3 layers of 1 head and 40 neurons, 10 tokens) at three batch sizes.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use raspc::data::{Dataset, Examples, Targets};
use raspc::model::{Activation, AttnScale, Batch, Biases, Config, Layout, NoHooks, NormConfig, Transformer};
use raspc::train::{Event, Flow, Observer, OptimiserConfig, State, TrainConfig, Trainer, initial};

/// Seconds that all threads of this process have run, in steps of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// Layers all alike over tokens `0..vocabulary`, which are also the classes of the only output.
fn config(vocabulary: usize, seq: usize, d: [usize; 3], heads: usize, layers: usize) -> Config {
    let [d_model, d_head, d_mlp] = d;
    let values: Vec<usize> = (0..vocabulary).collect();
    let head = serde_json::json!({ "d_head": d_head, "d_value": d_head });
    let layer = serde_json::json!({ "heads": vec![head; heads], "d_mlp": d_mlp });
    serde_json::from_value(serde_json::json!({
        "d_model": d_model, "n_ctx": seq, "bos": false, "causal": false,
        "attn_scale": "one", "activation": "relu",
        "columns": [{ "name": "tokens", "vocabulary": values }],
        "layers": vec![layer; layers],
        "outputs": [{ "name": "next", "decode": { "kind": "categorical", "values": values } }],
    }))
    .unwrap()
}

fn model(config: &Config) -> (Transformer, Tensor) {
    let layout = Layout::of(config);
    let flat = initial(config, &layout, 0, DType::F32, &Device::Cpu).unwrap();
    let weights = layout.weights(config, &flat).unwrap();
    (Transformer::new(config.clone(), &weights, &Device::Cpu, DType::F32).unwrap(), flat)
}

/// Tokens without a pattern.
fn examples(n: usize, seq: usize, vocabulary: usize) -> Examples {
    let token = |i: usize| (i.wrapping_mul(2_654_435_761) >> 7) as u32 % vocabulary as u32;
    let batch = Batch { seq, lengths: vec![seq; n], tokens: vec![(0..n * seq).map(token).collect()] };
    Examples { batch, targets: vec![Targets::Classes((1..=n * seq).map(token).collect())] }
}

/// Takes the time from the third step on.
struct Clock {
    since: f64,
    steps: usize,
}

impl Observer for Clock {
    fn see(&mut self, event: &Event, state: &State) -> std::io::Result<Flow> {
        if matches!(event, Event::Step { .. }) {
            match state.step {
                3 => self.since = cpu_seconds(),
                step if step > 3 => self.steps += 1,
                _ => {}
            }
        }
        Ok(if state.step >= 3 + STEPS { Flow::Stop } else { Flow::Continue })
    }
}

const STEPS: usize = 12;

fn gpt(workers: usize) {
    let config = Config {
        causal: true,
        tied: true,
        biases: Biases::None,
        norm: Some(NormConfig { eps: 1e-5, bias: false }),
        activation: Activation::Gelu,
        attn_scale: AttnScale::SqrtDHead,
        ..config(64, 128, [128, 32, 512], 4, 2)
    };
    let (model, flat) = model(&config);
    let data = Dataset { train: examples(64 * 20, 128, 64), held_out: examples(1, 128, 64) };
    let train = TrainConfig {
        steps: usize::MAX,
        batch: 64,
        workers,
        evaluate_every: 1 << 40,
        ..TrainConfig::default()
    };
    let learning = OptimiserConfig { beta2: 0.95, weight_decay: 1e-4, ..OptimiserConfig::default() };
    let mut clock = Clock { since: 0.0, steps: 0 };
    let mut state = State::new(&flat).unwrap();
    Trainer::new(&model, &data, &train, &learning).unwrap().run(&mut state, &mut clock).unwrap();
    let seconds = (cpu_seconds() - clock.since) / clock.steps as f64;
    let memory = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    println!(
        "gpt, {workers} workers: {seconds:.3} CPU s/step, {:.0} tokens per CPU s, {peak}",
        8192.0 / seconds
    );
}

fn tiny(batch: usize, runs: usize) {
    let (model, _) = model(&config(12, 10, [40, 40, 40], 1, 3));
    let examples = examples(batch, 10, 12);
    let run = || model.forward(&examples.batch, &mut NoHooks).unwrap();
    for _ in 0..runs / 10 {
        run();
    }
    let since = cpu_seconds();
    for _ in 0..runs {
        run();
    }
    println!("tiny, batch {batch}: {:.1} µs", (cpu_seconds() - since) / runs as f64 * 1e6);
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        tiny(1, 20_000);
        tiny(64, 1_000);
        tiny(4096, 20);
    });
    gpt(1);
    gpt(2);
}
