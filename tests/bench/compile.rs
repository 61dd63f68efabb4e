//! How long compiling takes, and how large networks get: `cargo bench --bench compile`.
//!
//! Sizes and times as one thing grows, in one process; and with `-- --programs` whole processes: every
//! program at its declared length and at 50, without the proof and check at the end (CPU time, medians)
//! and with both (once).

#![allow(clippy::print_stdout, clippy::unwrap_used, dead_code)]

mod clock;
#[path = "../common/compiled.rs"]
mod compiled;

use raspc::facts;
use raspc::plan::{self, Knobs};
use raspc::weights;
use std::path::{Path, PathBuf};

/// Runs of each process, of which the median is taken.
const RUNS: usize = 7;

fn main() {
    // divan knows no flags but its own.
    match std::env::args().any(|arg| arg == "--programs") {
        true => println!("{}", processes()),
        false => {
            println!("{}", sizes());
            divan::main();
        }
    }
}

/// A histogram: one head.
fn histogram(length: usize, vocabulary: usize) -> String {
    format!(
        "input tokens : 0..{}; length 1..{length}; output selector_width(select(tokens, tokens, ==));",
        vocabulary - 1
    )
}

/// Ranks, and the tokens in their order: three layers.
fn sort(length: usize, vocabulary: usize) -> String {
    format!("input tokens : 0..{}; length 1..{length}; output sort(tokens, tokens);", vocabulary - 1)
}

/// `x' = f(x, g(x))` so many times: each step reads the one before twice.
fn diamonds(depth: usize) -> String {
    let mut text = "input tokens : 0..3; length 1..6; x = tokens;\n".to_owned();
    for _ in 0..depth {
        text += "x = (x + shift(x, 1, 0)) % 4;\n";
    }
    text + "output x;"
}

const LENGTHS: [usize; 4] = [10, 50, 200, 500];
const VOCABULARIES: [usize; 4] = [10, 100, 1_000, 10_000];
const DEPTHS: [usize; 3] = [10, 20, 40];

fn plan_and_build(text: &str) -> (usize, usize, usize) {
    let (program, _) = compiled::read(text);
    let facts = facts::analyse(&program);
    let plan = plan::plan(&program, &facts, Knobs::default()).unwrap();
    let weights = weights::build(&plan);
    (plan.layers.len(), plan.d_model, weights.n_params())
}

#[divan::bench(args = LENGTHS)]
fn histogram_by_length(length: usize) {
    plan_and_build(&histogram(length, 10));
}

#[divan::bench(args = VOCABULARIES)]
fn histogram_by_vocabulary(vocabulary: usize) {
    plan_and_build(&histogram(10, vocabulary));
}

#[divan::bench(args = LENGTHS)]
fn sort_by_length(length: usize) {
    plan_and_build(&sort(length, 10));
}

#[divan::bench(args = DEPTHS)]
fn diamonds_by_depth(depth: usize) {
    plan_and_build(&diamonds(depth));
}

/// What the times below are for.
fn sizes() -> String {
    let mut text = "| what | of | layers | d_model | parameters |\n|---|---|---|---|---|\n".to_owned();
    let mut row = |what: &str, of: usize, program: &str| {
        let (layers, d_model, parameters) = plan_and_build(program);
        text += &format!("| {what} | {of} | {layers} | {d_model} | {parameters} |\n");
    };
    LENGTHS.iter().for_each(|&n| row("histogram_by_length", n, &histogram(n, 10)));
    VOCABULARIES.iter().for_each(|&n| row("histogram_by_vocabulary", n, &histogram(10, n)));
    LENGTHS.iter().for_each(|&n| row("sort_by_length", n, &sort(n, 10)));
    DEPTHS.iter().for_each(|&n| row("diamonds_by_depth", n, &diamonds(n)));
    text
}

fn programs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("lib") {
            found.extend(programs(&path));
        } else if path.extension().is_some_and(|e| e == "rasp") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The median CPU seconds of so many whole processes, if they succeed.
fn process(args: &[&str], runs: usize) -> Option<f64> {
    let runs = (0..runs).map(|_| clock::process(env!("CARGO_BIN_EXE_raspc"), args));
    let mut times = runs.collect::<Option<Vec<f64>>>()?;
    times.sort_by(f64::total_cmp);
    Some(times[times.len() / 2])
}

/// A row per program; then the medians.
fn processes() -> String {
    let mut text =
        "| program | CPU ms | proved and checked | at 50 | proved and checked |\n|---|---|---|---|---|\n"
            .to_owned();
    let out = std::env::temp_dir().join(format!("raspc-bench-{}.safetensors", std::process::id()));
    let out = out.to_str().unwrap();
    let mut columns: [Vec<f64>; 4] = Default::default();
    for path in programs(Path::new("programs")) {
        let source = std::fs::read_to_string(&path).unwrap();
        let at_50 = std::env::temp_dir().join(path.file_name().unwrap());
        let longer = |line: &str| match line.split_once("..") {
            Some((start, _)) if line.starts_with("length ") => Some(format!("{start}..50;\n")),
            _ if line.starts_with("example") => None,
            _ => Some(format!("{line}\n")),
        };
        std::fs::write(&at_50, source.lines().filter_map(longer).collect::<String>()).unwrap();
        let mut times = Vec::new();
        for file in [path.as_path(), at_50.as_path()] {
            let compile = ["compile", file.to_str().unwrap(), "-o", out];
            times.push(process(&[compile.as_slice(), &["--no-check", "--no-proof"]].concat(), RUNS));
            // Proof and check of all programs take minutes: once is enough.
            times.push(process(&compile, 1));
        }
        std::fs::remove_file(&at_50).unwrap();
        let ms = |time: &Option<f64>| time.map_or("–".to_owned(), |t| format!("{:.0}", t * 1e3));
        let cells: Vec<String> = times.iter().map(ms).collect();
        text += &format!("| {} | {} |\n", path.file_stem().unwrap().to_string_lossy(), cells.join(" | "));
        columns.iter_mut().zip(&times).for_each(|(column, time)| column.extend(time));
    }
    let _ = std::fs::remove_file(out);
    columns.iter_mut().for_each(|column| column.sort_by(f64::total_cmp));
    let summary = |name: &str, of: &dyn Fn(&[f64]) -> f64| {
        let ms = |column: &Vec<f64>| format!("{:.0}", of(column) * 1e3);
        format!("| **{name}** | {} |\n", columns.iter().map(ms).collect::<Vec<_>>().join(" | "))
    };
    let median = |column: &[f64]| column[column.len() / 2];
    let most = |column: &[f64]| column[column.len() - 1];
    text + &summary("median", &median) + &summary("most", &most)
}
