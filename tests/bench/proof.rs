//! What is proved, and at what cost: `cargo bench --bench proof`, as JSON `-- --json`.
//!
//! Every program in `programs/` and every fixture that compiles, at its declared inputs.

#![allow(clippy::print_stdout, clippy::unwrap_used, dead_code)]

mod clock;
#[path = "../common/compiled.rs"]
mod compiled;
#[path = "../common/file.rs"]
mod file;
#[path = "../common/fixture.rs"]
mod fixture;

use compiled::Compiled;
use file::File;
use fixture::Fixture;
use raspc::inputs::Inputs;
use raspc::interp::Interpreter;
use raspc::ir::lower::{NoFiles, Outside, read};
use raspc::model::Certificate;
use raspc::verify::check::prove;
use raspc::verify::{self, Effort, Verdict};
use serde_json::{Value as Json, json};

/// Runs of each proof, of which the fastest counts.
const RUNS: usize = 3;

/// What is open is run, as `raspc verify` does.
const EFFORT: Effort = Effort { all_up_to: 1_000_000, samples: 10_000, seed: 0 };

struct Row {
    name: String,
    /// As declared: assumptions rule some of them out.
    inputs: u128,
    verdict: &'static str,
    certificate: Option<Certificate>,
    /// CPU seconds.
    took: f64,
}

fn main() {
    let programs = rows(File::all().into_iter().map(|file| {
        let read = read(&file.name, &file.text, &NoFiles, &Outside::default());
        (file.name, read)
    }));
    let fixtures =
        rows(Fixture::all("").into_iter().map(|fixture| (fixture.name.clone(), fixture.program())));
    match std::env::args().any(|arg| arg == "--json") {
        true => programs.iter().chain(&fixtures).for_each(|row| println!("{}", row.json())),
        false => println!("{}\n{}", table("program", &programs), table("fixture", &fixtures)),
    }
}

fn rows(all: impl Iterator<Item = (String, raspc::ir::lower::Read)>) -> Vec<Row> {
    let compiled = |(name, read): (String, raspc::ir::lower::Read)| {
        Some(row(name, &Compiled::new(read.program?, read.sources).ok()?))
    };
    all.filter_map(compiled).collect()
}

fn row(name: String, compiled: &Compiled) -> Row {
    let Compiled { program, facts, artifact, model, .. } = compiled;
    let interpreter = Interpreter::new(program);
    let inputs = Inputs::new(program, &interpreter, Vec::new()).map_or(0, |inputs| inputs.count());
    let runs = (0..RUNS).map(|_| {
        let begin = clock::thread();
        let proof = prove(program, artifact);
        (clock::thread() - begin, proof)
    });
    let (took, proof) = runs.min_by(|(a, _), (b, _)| a.total_cmp(b)).unwrap();
    let verdict = match &proof {
        Ok(_) => "proved",
        Err(_) => match verify::compare(program, facts, model, EFFORT, &mut |_| true).unwrap() {
            Verdict::Enumerated { .. } => "proved by enumeration",
            Verdict::Tested { .. } => "tested",
            Verdict::Undecided { .. } => "undecided",
            Verdict::Refuted(_) => "refuted",
        },
    };
    Row { name, inputs, verdict, certificate: proof.ok(), took }
}

impl Row {
    fn cost(&self) -> f64 {
        self.certificate.as_ref().map_or(0.0, |shown| shown.cost.to_f64())
    }

    fn brute_force(&self) -> f64 {
        self.certificate.as_ref().map_or(0.0, |shown| shown.brute_force.to_f64())
    }

    /// The least of all outputs.
    fn margin(&self) -> Option<f64> {
        let margins = self.certificate.iter().flat_map(|shown| &shown.outputs).map(|o| o.margin.to_f64());
        margins.reduce(f64::min)
    }

    fn json(&self) -> Json {
        json!({
            "program": self.name,
            "inputs": self.inputs as f64,
            "verdict": self.verdict,
            "cost": self.cost(),
            "brute_force": self.brute_force(),
            "margin": self.margin(),
            "cpu_ms": self.took * 1e3,
        })
    }
}

/// A table in Markdown, and a sum below it.
fn table(what: &str, rows: &[Row]) -> String {
    let mut text = format!(
        "| {what} | inputs | verdict | steps of the proof | multiplications of running every input | margin | CPU ms |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        text += &format!(
            "| {} | {} | {} | {:.0} | {:.1e} | {} | {:.1} |\n",
            row.name,
            short(row.inputs),
            row.verdict,
            row.cost(),
            row.brute_force(),
            row.margin().map_or("–".to_owned(), |margin| format!("{margin}")),
            row.took * 1e3,
        );
    }
    let proved = rows.iter().filter(|row| row.certificate.is_some()).count();
    let took: f64 = rows.iter().map(|row| row.took).sum();
    let longest = rows.iter().map(|row| row.took).fold(0.0, f64::max);
    let inputs: f64 = rows.iter().map(|row| row.inputs as f64).sum();
    text + &format!(
        "\n{proved} of {} proved, on {inputs:.1e} inputs, in {:.2} CPU s together, {:.2} at most\n",
        rows.len(),
        took,
        longest,
    )
}

fn short(inputs: u128) -> String {
    if inputs < 100_000 { inputs.to_string() } else { format!("{:.1e}", inputs as f64) }
}
