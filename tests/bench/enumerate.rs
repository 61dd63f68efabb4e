//! How many inputs a second the program side of enumeration takes: `cargo bench --bench enumerate`.
//!
//! All inputs of one length, on one processor: every output of every input is computed. CPU time,
//! medians of several runs, what it takes to begin included.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use raspc::ir::Program;
use raspc::ir::lower::{NoFiles, Outside, read};
use raspc::verify::lanes::Many;
use std::sync::LazyLock;
use std::time::Instant;

/// Runs of each program, of which the median is taken.
const RUNS: usize = 5;

/// What is enumerated, and at which length.
const PROGRAMS: [(&str, &str, usize); 6] = [
    ("histogram", "input tokens : 0..3; length 12..12; output histogram(tokens);", 12),
    (
        "histogram, causal",
        "input tokens : 0..3; length 12..12; attention causal; output histogram(tokens);",
        12,
    ),
    ("sort", "input tokens : 0..3; length 10..10; output sort(tokens, tokens);", 10),
    (
        "reverse",
        "input tokens : 0..3; length 12..12; output load_from_location(tokens, length - indices - 1);",
        12,
    ),
    ("mean", "input tokens : 0..3; length 10..10; output aggregate(select(tokens, tokens, <=), tokens);", 10),
    ("sort by frequency", "input tokens : 0..3; length 8..8; output sort(tokens, -histogram(tokens));", 8),
];

fn main() {
    println!("| program | inputs | CPU seconds | inputs per second |\n|---|---|---|---|");
    for (name, text, n) in PROGRAMS {
        let program = read("bench.rasp", text, &NoFiles, &Outside::default()).program.unwrap();
        let mut times: Vec<f64> = (0..RUNS).map(|_| seconds(&program, n)).collect();
        times.sort_by(f64::total_cmp);
        let (inputs, median) = (4_u64.pow(n as u32), times[RUNS / 2]);
        println!(
            "| {name}, 4 tokens, length {n} | {inputs} | {median:.3} | {:.2e} |",
            inputs as f64 / median
        );
    }
}

fn seconds(program: &Program, n: usize) -> f64 {
    let start = cpu_seconds();
    let mut many = Many::new(program).unwrap();
    for block in 0..4_u128.pow(n as u32) / many.block_size(n) as u128 {
        divan::black_box(many.block(n, block).unwrap());
    }
    cpu_seconds() - start
}

/// What this thread has used up to now, where the system tells; elsewhere, the time.
fn cpu_seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let start = *START;
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| start.elapsed().as_secs_f64(), |ns| ns / 1e9)
}
