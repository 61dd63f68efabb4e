//! How fast networks learn and run, beside PyTorch: `RASPC_TORCH=python3 cargo bench --bench train`, where
//! that interpreter has PyTorch. Without it only our side runs.
//!
//! A GPT of 2 layers (d 128, 4 heads, T 128, batch 64, tied, no biases, exact GELU, clipping, AdamW) by the
//! trainer itself, with one worker and with two; and the forward pass of a network as small as compiled
//! ones are (d 40, 3 layers of 1 head and 40 neurons, 10 tokens) at three batch sizes. Both sides take
//! turns, each measurement in a process of its own: CPU seconds of all its threads, and its peak memory.
//! One thread each, but for the two workers.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use raspc::data::{Dataset, Examples, Targets};
use raspc::model::{Activation, AttnScale, Batch, Biases, Config, Layout, NoHooks, NormConfig, Transformer};
use raspc::train::{Event, FileError, Flow, Observer, OptimiserConfig, State, TrainConfig, Trainer, initial};
use serde_json::json;
use std::process::Command;

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
    last: usize,
}

impl Observer for Clock {
    fn see(&mut self, event: &Event, state: &State) -> Result<Flow, FileError> {
        if matches!(event, Event::Step { .. }) {
            match state.step {
                3 => self.since = cpu_seconds(),
                step if step > 3 => self.steps += 1,
                _ => {}
            }
        }
        Ok(if state.step >= 3 + self.last { Flow::Stop } else { Flow::Continue })
    }
}

/// CPU seconds of a step.
fn gpt(workers: usize, steps: usize) -> f64 {
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
    let mut clock = Clock { since: 0.0, steps: 0, last: steps };
    let mut state = State::new(&flat).unwrap();
    Trainer::new(&model, &data, &train, &learning).unwrap().run(&mut state, &mut clock).unwrap();
    (cpu_seconds() - clock.since) / clock.steps as f64
}

/// CPU seconds of a forward pass.
fn tiny(batch: usize, runs: usize) -> f64 {
    let (model, _) = model(&config(12, 10, [40, 40, 40], 1, 3));
    let examples = examples(batch, 10, 12);
    let run = || model.forward(&examples.batch, &mut NoHooks).unwrap();
    for _ in 0..(runs / 10).max(3) {
        run();
    }
    let since = cpu_seconds();
    for _ in 0..runs {
        run();
    }
    (cpu_seconds() - since) / runs as f64
}

/// One measurement, as a child process: what is measured, its size, and how often.
fn measure(what: &str, size: usize, runs: usize) {
    let seconds = match what {
        "gpt" => gpt(size, runs),
        _ => tiny(size, runs),
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: usize = peak.trim_end_matches("kB").trim().parse().unwrap();
    println!("{}", json!({ "seconds": seconds, "peak": peak }));
}

/// Runs a measurement in its own process: seconds, and MiB at most.
fn child(command: &mut Command, what: &str, size: usize, runs: usize) -> (f64, f64) {
    let out = command.args([what, &size.to_string(), &runs.to_string()]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|_| panic!("{command:?}: {}", String::from_utf8_lossy(&out.stderr)));
    (json["seconds"].as_f64().unwrap(), json["peak"].as_f64().unwrap() / 1024.0)
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Processors change their speed: ratios are taken round by round.
const ROUNDS: usize = 11;

/// What is measured, its size, how often we run it and how often PyTorch does; PyTorch has no two workers.
const PARTS: [(&str, usize, usize, usize); 5] = [
    ("tiny", 1, 50_000, 3_000),
    ("tiny", 64, 1_000, 500),
    ("tiny", 4096, 20, 10),
    ("gpt", 1, 8, 6),
    ("gpt", 2, 8, 0),
];

fn main() {
    // Cargo adds an argument of its own.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if let [what, size, runs] = args.as_slice() {
        return measure(what, size.parse().unwrap(), runs.parse().unwrap());
    }
    let torch = std::env::var("RASPC_TORCH").ok();
    if torch.is_none() {
        println!("PyTorch is left out: RASPC_TORCH names no interpreter that has it");
    }
    let mut found = vec![(Vec::new(), Vec::new()); PARTS.len()];
    for _ in 0..ROUNDS {
        for ((what, size, runs, theirs), (ours, torchs)) in PARTS.into_iter().zip(&mut found) {
            let exe = std::env::current_exe().unwrap();
            ours.push(child(&mut Command::new(exe), what, size, runs));
            if let Some(torch) = torch.as_ref().filter(|_| theirs > 0) {
                let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/torch_train.py");
                torchs.push(child(Command::new(torch).arg(script), what, size, theirs));
            }
        }
    }
    println!(
        "medians of {ROUNDS} rounds, CPU seconds and their ratios, one thread each (`gpt 2` has two workers)"
    );
    for ((what, size, ..), (ours, torchs)) in PARTS.into_iter().zip(&found) {
        let seconds = median(ours.iter().map(|our| our.0));
        print!("{what} {size}: {:.1} µs, {:.0} MiB", seconds * 1e6, median(ours.iter().map(|our| our.1)));
        if what == "gpt" {
            print!(", {:.0} tokens per CPU s", 8192.0 / seconds);
        }
        if !torchs.is_empty() {
            let ratio = median(ours.iter().zip(torchs).map(|(our, their)| their.0 / our.0));
            let (theirs, memory) = (median(torchs.iter().map(|t| t.0)), median(torchs.iter().map(|t| t.1)));
            print!("; PyTorch {:.1} µs, {memory:.0} MiB; {ratio:.2} times as fast", theirs * 1e6);
        }
        println!();
    }
    let ratio = median(found[4].0.iter().zip(&found[3].0).map(|(two, one)| two.0 / one.0));
    println!("two workers cost {ratio:.3} times the CPU seconds of one");
}
