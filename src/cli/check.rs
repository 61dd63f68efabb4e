//! `raspc check`: everything that can be said about a program without compiling it.

use super::draw::printable;
use super::number::natural;
use super::program::{self, Loaded, ProgramFlags};
use super::run::to_json;
use super::table;
use super::{Exit, Ui, json_input};
use crate::diagnostic::Diagnostic;
use crate::facts::{self, Because, FactLine, NodeFacts};
use crate::inputs::{self, columns_text};
use crate::ir::{self, LeftOut};
use crate::source::Sources;
use crate::verify::{self, CanFail, Counts, Effort, failure_report, wrong_examples};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// Check programs: errors, warnings, examples, and whether they can fail.
///
/// A program fails on an input if an s-op has no value there: a division by zero, a missing key, a
/// mean of strings. The answer is one of: it fails on an input (which is shown, exit code 3), it
/// cannot fail (by facts, or because every input was run), or no failure was found in a number of
/// tests, which is no proof, but ends with exit code 0 too.
#[derive(clap::Args)]
pub struct CheckArgs {
    /// Programs (.rasp).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Print the program graph: every s-op and selector with its definition.
    #[arg(long)]
    graph: bool,
    /// Print what holds on every input: value sets, widths, dependences, each with its reason.
    #[arg(long)]
    facts: bool,
    /// Print JSON, one object per program.
    #[arg(long)]
    pub(super) json: bool,
    /// Run every input if there are at most this many.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = natural::<u128>)]
    enumerate: u128,
    /// If there are more, run the shortest ones and this many random ones.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = natural::<usize>)]
    tests: usize,
    /// Seed of the random inputs.
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = natural::<u64>)]
    seed: u64,
    #[command(flatten)]
    flags: ProgramFlags,
}

pub fn check(args: &CheckArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let mut worst = Exit::Done;
    for file in &args.files {
        ui.begin();
        let exit = match program::load(file, &args.flags, ui).unwrap_or_else(|error| Err(ui.error(&error))) {
            Ok(loaded) => check_one(&loaded, args, ui),
            Err(exit) => {
                if args.json {
                    ui.failed(Some(file));
                }
                exit
            }
        };
        if worst == Exit::Done {
            worst = exit;
        }
    }
    Ok(worst)
}

fn check_one(loaded: &Loaded, args: &CheckArgs, ui: &Ui) -> Exit {
    let Loaded { name, program, sources } = loaded;
    let shown_name = printable(name);
    if args.graph && !args.json {
        ui.out(&ir::print(program, sources));
    }
    let wrong = wrong_examples(program);
    ui.diagnostics(&wrong, sources);
    let facts = ui.phase("finding facts", |_| facts::analyse(program));
    ui.diagnostics(&facts::warnings(program, &facts, sources), sources);
    if program.outputs.is_empty() {
        ui.diagnostics(&[verify::no_outputs_warning()], sources);
    }
    let label = |node| ir::label(program, sources, node);
    let lines = if args.facts { facts::report(&facts, program, &label) } else { Vec::new() };
    if !args.json {
        ui.out(&facts_text(&lines, ui.width()));
    }
    let effort = Effort { all_up_to: args.enumerate, samples: args.tests, seed: args.seed };
    let verdict = ui.phase("running inputs", |progress| {
        progress.of(inputs::count(program).filter(|count| *count <= args.enumerate).unwrap_or(0));
        let go_on = |run| {
            progress.at(run);
            true
        };
        verify::can_fail(program, &facts, effort, go_on)
    });
    let verdict = verdict.unwrap_or(CanFail::Undeclared);
    match &verdict {
        CanFail::Fails { input, failure, .. } => {
            let report = failure_report(program, failure, input);
            // An example that fails in the same place has said it.
            let place = |d: &Diagnostic| (d.code, d.labels.first().map(|label| label.span));
            if !wrong.iter().any(|example| place(example) == place(&report)) {
                ui.diagnostics(&[report], sources);
            }
        }
        CanFail::NoInputs { all } => ui.diagnostics(&[verify::no_inputs_report(program, *all)], sources),
        CanFail::NotByFacts
        | CanFail::NotByEnumeration { .. }
        | CanFail::NotInTests { .. }
        | CanFail::Undeclared => {}
    }
    let examples = program.examples.len();
    let (verdict_text, verdict_json) = describe_verdict(&verdict, loaded);
    if args.json {
        let mut report = json!({
            "program": name,
            "examples": examples,
            "examples_left_out": program.left_out.len(),
            "wrong_examples": wrong.iter().map(|d| code_and_place(d, sources)).collect::<Vec<_>>(),
            "can_fail": verdict_json,
        });
        if args.facts {
            report["facts"] = lines.iter().map(fact_json).collect();
        }
        if args.graph {
            report["graph"] = json!(ir::print(program, sources));
        }
        ui.json(&report);
    } else {
        let examples = match (examples, wrong.len()) {
            (0, _) => "no examples".to_owned(),
            (1, 0) => "1 example holds".to_owned(),
            (n, 0) => format!("{n} examples hold"),
            (n, wrong) => format!("{wrong} of {n} examples wrong"),
        };
        let left_out = examples_left_out(&program.left_out);
        ui.line(&format!("{shown_name}: {examples}{left_out}, {verdict_text}"));
    }
    let found_wrong = matches!(verdict, CanFail::Fails { .. } | CanFail::NoInputs { .. });
    if wrong.is_empty() && !found_wrong { Exit::Done } else { Exit::Refuted }
}

/// How many examples do not fit the flags, and which flags.
fn examples_left_out(left_out: &[LeftOut]) -> String {
    let flags =
        [(LeftOut::Domains, "--input"), (LeftOut::Lengths, "--length"), (LeftOut::Outputs, "--output")];
    let told = flags.into_iter().filter_map(|(why, flag)| {
        let n = left_out.iter().filter(|w| **w == why).count();
        (n > 0).then(|| format!(" ({n} more left out: not for this {flag})"))
    });
    told.collect()
}

/// Facts as paragraphs: what it is, its values or widths, and each fact with its reason.
fn facts_text(lines: &[FactLine], width: usize) -> String {
    let mut text = String::new();
    for FactLine { label, node, because } in lines {
        let mut rows = match node {
            NodeFacts::SOp { values, n_values, values_because, depends, depends_because, set: _ } => {
                let count = n_values.map_or(String::new(), |n| format!(" ({n})"));
                vec![
                    ("values", format!("{values}{count}: {values_because}")),
                    ("depends", format!("on {depends}: {depends_because}")),
                ]
            }
            NodeFacts::Selector { min, max } => match max {
                Some(max) if max == min => vec![("width", format!("exactly {min}"))],
                Some(max) => vec![("width", format!("{min} to {max}"))],
                None => vec![("width", format!("{min} or more"))],
            },
        };
        rows.extend(because.iter().map(|Because { fact, reason }| ("fact", format!("{fact}: {reason}"))));
        let cells = |(name, text): (&str, String)| vec![format!("{name:<7}"), text];
        text += &format!("{label}\n");
        text += &table::columns(&rows.into_iter().map(cells).collect::<Vec<_>>(), width);
    }
    text
}

/// A fact as JSON; of values that are listed, the list instead of the words.
fn fact_json(line: &FactLine) -> Json {
    let mut json = json!(line);
    if let NodeFacts::SOp { set: Some(set), .. } = &line.node {
        let listed = to_json(set);
        for key in ["values", "exact"] {
            if let Some(list) = listed.get(key) {
                json[key] = list.clone();
            }
        }
    }
    json
}

fn code_and_place(diagnostic: &Diagnostic, sources: &Sources) -> Json {
    let place = diagnostic.labels.first().map(|label| sources.place(label.span));
    json!({ "code": diagnostic.code, "place": place })
}

/// The answer in words, and as JSON.
pub fn describe_verdict(verdict: &CanFail, loaded: &Loaded) -> (String, Json) {
    if loaded.program.outputs.is_empty() {
        return ("computes nothing".to_owned(), json!({ "answer": "computes nothing" }));
    }
    match verdict {
        CanFail::Fails { input, failure, counts } => {
            let text = match counts {
                Some(Counts { with_value, failing }) if *failing > 1 => {
                    let all = with_value + failing;
                    format!("fails on {failing} of all {all} inputs, as on {}", columns_text(input))
                }
                Some(_) | None => format!("fails on {}", columns_text(input)),
            };
            let place = loaded.sources.place(loaded.program.graph.origin(failure.node).span);
            let json = json!({
                "answer": "fails",
                "input": json_input::to_json(&loaded.program.columns, input),
                "reason": failure.fault.to_string(),
                "place": place,
                "position": failure.position,
                "inputs_with_value": counts.map(|counts| counts.with_value),
                "inputs_without_value": counts.map(|counts| counts.failing),
            });
            (text, json)
        }
        CanFail::NotByFacts => ("cannot fail".to_owned(), json!({ "answer": "cannot fail", "by": "facts" })),
        CanFail::NotByEnumeration { inputs } => (
            format!("cannot fail (all {inputs} inputs were run)"),
            json!({ "answer": "cannot fail", "by": "enumeration", "inputs": inputs }),
        ),
        CanFail::NotInTests { inputs, seed } => (
            format!("no failure in {inputs} tests (seed {seed})"),
            json!({ "answer": "no failure found", "tests": inputs, "seed": seed }),
        ),
        CanFail::NoInputs { all: true } => {
            ("no input fulfils the assumptions".to_owned(), json!({ "answer": "no inputs" }))
        }
        CanFail::NoInputs { all: false } => (
            "no input was found that fulfils the assumptions".to_owned(),
            json!({ "answer": "no inputs found" }),
        ),
        CanFail::Undeclared => (
            "no declared domain or length, so nothing is known of failures (see --input and --length)"
                .to_owned(),
            json!({ "answer": "undeclared" }),
        ),
    }
}
