//! What is said of a model that was compared with a program.

use super::Ui;
use super::check::describe_verdict as describe;
use super::draw::printable;
use super::json_input;
use super::program::Loaded;
use super::verify::{Claim, From};
use crate::diagnostic::Diagnostic;
use crate::inputs::named_text;
use crate::ir::{Column, Node, Op, label, lower};
use crate::model::{Certificate, Decoded, Of, half_layer_name, json};
use crate::source::{Sources, Span};
use crate::verify::{self, Answer, CanFail, Disagreement, FirstDifference, Verdict};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// The text of the program, apart from the library and what it loads.
fn main_source(sources: &Sources) -> &str {
    sources.iter().nth(lower::PROGRAM).map_or("", |(_, source)| &source.text)
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is said of inputs that were left out, because the program fails on them.
pub fn left_out(failing: usize) -> String {
    match failing {
        0 => String::new(),
        n => format!("; the program itself fails on {n} more"),
    }
}

/// What is said where nothing was compared.
pub fn undecided(failing: usize) -> String {
    format!("undecided: no input was compared{}", left_out(failing))
}

pub fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// An answer in the words that it deserves.
fn words(answer: &Answer, columns: &[Column]) -> String {
    let verdict = match answer {
        Answer::Proved(Certificate { classes: 0, .. }) => return "proved".to_owned(),
        Answer::Proved(Certificate { classes, .. }) => {
            return format!("proved by enumeration (the program on {classes} classes of inputs)");
        }
        Answer::Compared { verdict, .. } => verdict,
    };
    let compared = |n: usize| counted(n, "input");
    match verdict {
        Verdict::Undecided { failing } => undecided(*failing),
        Verdict::Enumerated { inputs, classes, failing } => {
            let classes = if classes < inputs { format!(" in {classes} classes") } else { String::new() };
            format!("proved by enumeration ({}{classes}{})", compared(*inputs), left_out(*failing))
        }
        Verdict::Tested { inputs, failing, seed } => {
            let which = seed.map_or("the first in order".to_owned(), |seed| format!("seed {seed}"));
            format!("tested ({}, {which}{})", compared(*inputs), left_out(*failing))
        }
        Verdict::Refuted(found) => format!("refuted on {}", named_text(columns, &found.input)),
    }
}

/// How an answer is told.
#[derive(Clone, Copy)]
pub struct Manner {
    /// In one line.
    pub brief: bool,
    /// The comparison was ended early.
    pub interrupted: bool,
}

pub fn tell(
    file: &Path,
    claim: &Claim,
    answer: &Answer,
    can_fail: Option<&CanFail>,
    wrong_examples: usize,
    manner: Manner,
    ui: &Ui,
) {
    let Loaded { name, program, sources } = &claim.loaded;
    let file = printable(&file.to_string_lossy());
    let hash = sha256(main_source(sources));
    let verdict = words(answer, &program.columns) + if manner.interrupted { ", interrupted" } else { "" };
    let (name, from) = match &claim.from {
        // Its path names it already.
        From::File(path) => (printable(path), String::new()),
        From::Inside | From::Compiled => (printable(name), format!(", {}", claim.from)),
    };
    if manner.brief {
        let hash = hash.get(..12).unwrap_or_default();
        let fails = can_fail.filter(|can_fail| matches!(can_fail, CanFail::Fails { .. }));
        let fails = fails.map_or(String::new(), |fails| format!(", {}", describe(fails, &claim.loaded).0));
        ui.line(&format!("{file}: {verdict}; {name} {hash}{from}{fails}"));
        return;
    }
    ui.line(&format!("{file}: {verdict}"));
    ui.line(&format!("  program   {name}{from}"));
    ui.line(&format!("  sha256    {hash}"));
    match answer {
        Answer::Compared { open: Some(open), .. } => ui.line(&format!("  open      {open}")),
        Answer::Proved(Certificate { classes: 1.., .. }) => {
            ui.line("  classes   the program, not the network, ran on one input of each kind that it can tell apart");
        }
        Answer::Compared { open: None, .. } | Answer::Proved(_) => {}
    }
    if let Some(can_fail) = can_fail {
        ui.line(&format!("  itself    {}", describe(can_fail, &claim.loaded).0));
    }
    match (program.examples.len(), wrong_examples) {
        (0, _) => {}
        (all, 0) => ui.line(&format!("  examples  {all}, all hold")),
        (all, wrong) => ui.line(&format!("  examples  {wrong} of {all} do not hold")),
    }
}

pub fn report(
    file: &Path,
    claim: &Claim,
    answer: &Answer,
    first: Option<&FirstDifference>,
    can_fail: Option<&CanFail>,
    wrong_examples: usize,
) -> Json {
    let Loaded { name, program, sources } = &claim.loaded;
    let mut report = json!({
        "file": file.to_string_lossy(),
        "program": { "name": name, "sha256": sha256(main_source(sources)), "from": claim.from.to_string() },
        "examples": program.examples.len(),
        "wrong_examples": wrong_examples,
        "can_fail": can_fail.map(|can_fail| describe(can_fail, &claim.loaded).1),
    });
    let verdict = match answer {
        Answer::Proved(certificate) => {
            report["verdict"] = json!("proved");
            if certificate.classes > 0 {
                report["verdict"] = json!("proved by enumeration");
                report["classes"] = json!(certificate.classes);
            }
            report["certificate"] = json!(certificate);
            return report;
        }
        Answer::Compared { verdict, open } => {
            report["open"] = json!(open.as_ref().map(ToString::to_string));
            verdict
        }
    };
    match verdict {
        Verdict::Enumerated { inputs, classes, failing } => {
            report["verdict"] = json!("proved by enumeration");
            report["inputs"] = json!(inputs);
            report["classes"] = json!(classes);
            report["inputs_without_value"] = json!(failing);
        }
        Verdict::Tested { inputs, failing, seed } => {
            report["verdict"] = json!("tested");
            report["inputs"] = json!(inputs);
            report["inputs_without_value"] = json!(failing);
            report["seed"] = json!(seed);
        }
        Verdict::Undecided { failing } => {
            report["verdict"] = json!("undecided");
            report["inputs"] = json!(0);
            report["inputs_without_value"] = json!(failing);
        }
        Verdict::Refuted(found) => {
            report["verdict"] = json!("refuted");
            report["counterexample"] = json!({
                "input": json_input::to_json(&program.columns, &found.input),
                "output": program.outputs[found.output].name.as_ref(),
                "position": found.position,
                "expected": json::to_json(&found.expected),
                "found": decoded(&found.found),
                "first_difference": first.map(|first| json!({
                    "of": name_of(&claim.loaded, first.of),
                    "site": half_layer_name(first.half_layer),
                    "owner": first.owner,
                    "position": first.position.map_or(json!("BOS"), |p| json!(p)),
                    "expected": first.expected,
                    "found": first.found,
                })),
            });
        }
    }
    report
}

fn decoded(found: &Decoded) -> Json {
    match found {
        Decoded::Value(value) => json::to_json(value),
        Decoded::About(number) => json!(number),
    }
}

fn name_of(loaded: &Loaded, of: Of) -> String {
    let Loaded { program, sources, .. } = loaded;
    verify::node(program, of).map_or_else(String::new, |node| label(program, sources, node))
}

/// The report of a counterexample. The first place is where the values part, if that is known.
pub fn difference_report(claim: &Claim, found: &Disagreement, first: Option<&FirstDifference>) -> Diagnostic {
    let Disagreement { input, output, position, expected, found } = found;
    let Claim { artifact, loaded, own, .. } = claim;
    let program = &loaded.program;
    let output = &program.outputs[*output];
    let message = format!(
        "the weights differ from the program on {}: `{}` at position {position} is {expected}, they give {found}",
        named_text(&program.columns, input),
        output.name,
    );
    let mut report = Diagnostic::error("E0502", message);
    if let Some(first) = first {
        let node = verify::node(program, first.of);
        let at = first.position.map_or("the BOS position".to_owned(), |p| format!("position {p}"));
        let site = half_layer_name(first.half_layer);
        let FirstDifference { owner, expected, found, .. } = first;
        let note = format!("it is written by {owner} and read at {site}");
        let text = format!("the first difference: at {at} this is {expected}, the network holds {found}");
        match node {
            Some(node) => {
                report = report.label(place(loaded, node), text).note(note);
                for call in program.graph.calls(program.graph.origin(node).stack).take(3) {
                    report = report.label(call.site, format!("in this call of `{}`", call.function));
                }
            }
            None => report = report.note(format!("{text}; {note}")),
        }
    } else if *own {
        report = report.note("what the residual stream holds is right: how the output reads it is not");
    } else {
        let compiled_from = &artifact.manifest.program;
        report = report.note(format!("the model was compiled from another program, {compiled_from}"));
    }
    report.label(output.span, "the output")
}

/// Where a node was written; an input, where it was declared.
fn place(loaded: &Loaded, node: Node) -> Span {
    let graph = &loaded.program.graph;
    if let Node::SOp(id) = node
        && let Op::Input(column) = graph[id].op
        && let Some(declared) = loaded.program.columns.get(column).and_then(|c| c.span)
    {
        return declared;
    }
    graph.origin(node).span
}
