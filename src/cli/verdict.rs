//! What is said of a model that was compared with a program.

use super::check::describe_verdict as describe;
use super::draw::printable;
use super::json_input;
use super::program::Loaded;
use super::verify::{Claim, From};
use super::{Exit, Ui};
use crate::diagnostic::Diagnostic;
use crate::inputs::{columns_text, named_text};
use crate::ir::{Column, Node, Op, label, lower, outermost};
use crate::model::{Certificate, Of, half_layer_name, json};
use crate::source::{Sources, Span};
use crate::verify::check::Open;
use crate::verify::{
    self, Answer, CanFail, Counts, Disagreement, Evidence, FirstDifference, Verdict, Within,
};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use std::ops::Range;
use std::path::Path;

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

/// Everything that is known of a model and a program.
pub struct Outcome {
    pub answer: Answer,
    /// Whether the program itself can fail, if that was looked at to the end.
    pub can_fail: Option<CanFail>,
    pub interrupted: bool,
}

impl Outcome {
    /// How the process ends.
    pub fn exit(&self, accept_tested: bool) -> Exit {
        let decisive = self.answer.within.as_ref().is_none_or(|within| within.decisive);
        match &self.answer.evidence {
            Evidence::Compared { verdict: Verdict::Refuted(_), .. } => Exit::Refuted,
            _ if self.interrupted => Exit::Interrupted,
            Evidence::Compared { verdict: Verdict::Undecided { .. }, .. } => Exit::Undecided,
            Evidence::Compared { verdict: Verdict::Tested { .. }, .. } if !accept_tested => Exit::Undecided,
            Evidence::Proved(_) | Evidence::Compared { .. } if !decisive => Exit::Undecided,
            Evidence::Proved(_) | Evidence::Compared { .. } => Exit::Done,
        }
    }

    /// The verdict in one word or three.
    pub fn kind(&self) -> &'static str {
        match &self.answer.evidence {
            Evidence::Proved(Certificate { classes: 0, .. }) => "proved",
            Evidence::Proved(_) | Evidence::Compared { verdict: Verdict::Enumerated { .. }, .. } => {
                "proved by enumeration"
            }
            Evidence::Compared { verdict: Verdict::Tested { .. }, .. } => "tested",
            Evidence::Compared { verdict: Verdict::Undecided { .. }, .. } => "undecided",
            Evidence::Compared { verdict: Verdict::Refuted(_), .. } => "refuted",
        }
    }

    /// The answer in the words that it deserves.
    pub fn words(&self, columns: &[Column]) -> String {
        let Answer { evidence, within } = &self.answer;
        let within = within.as_ref().map_or(String::new(), words_of_bound);
        let on = match &self.can_fail {
            Some(CanFail::Fails { counts: Some(counts), .. }) => {
                let Counts { with_value, failing } = *counts;
                let inputs = if with_value == 1 { "input" } else { "inputs" };
                format!(
                    " on the {with_value} {inputs} on which the program has a value; it fails on {failing}"
                )
            }
            Some(CanFail::Fails { input, counts: None, .. }) => {
                let input = columns_text(input);
                format!(" on every input on which the program has a value; it fails on {input}, for example")
            }
            Some(_) | None => String::new(),
        };
        let verdict = match evidence {
            Evidence::Proved(Certificate { classes: 0, .. }) => format!("proved{within}{on}"),
            Evidence::Proved(Certificate { classes, .. }) => {
                format!("proved by enumeration{within} (the program on {classes} classes of inputs){on}")
            }
            Evidence::Compared { verdict, .. } => match verdict {
                Verdict::Undecided { failing } => undecided(*failing),
                Verdict::Enumerated { inputs, classes, failing } => {
                    let inputs_text = counted(*inputs, "input");
                    let classes =
                        if classes < inputs { format!(" in {classes} classes") } else { String::new() };
                    format!("proved by enumeration{within} ({inputs_text}{classes}{})", left_out(*failing))
                }
                Verdict::Tested { inputs, failing, seed } => {
                    let which = seed.map_or("the first in order".to_owned(), |seed| format!("seed {seed}"));
                    let inputs = counted(*inputs, "input");
                    format!("tested{within} ({inputs}, {which}{})", left_out(*failing))
                }
                Verdict::Refuted(found) => format!("refuted on {}", named_text(columns, &found.input)),
            },
        };
        verdict + if self.interrupted { ", interrupted" } else { "" }
    }

    /// What kept a proof from being found, if it was looked for.
    pub fn open(&self) -> Option<&Open> {
        match &self.answer.evidence {
            Evidence::Compared { open, .. } => open.as_ref(),
            Evidence::Proved(_) => None,
        }
    }
}

/// The bound of numbers that are not exact, and whether it is too wide.
fn words_of_bound(Within { bound, decisive }: &Within) -> String {
    let bound = two_digits(bound.to_f64());
    match decisive {
        true => format!(" within {bound}"),
        false => format!(" within {bound}, which may not tell the program's values apart"),
    }
}

/// A number that is not negative, rounded up to two digits.
fn two_digits(x: f64) -> String {
    if x == 0.0 {
        return "0".to_owned();
    }
    let exponent = x.log10().floor();
    let unit = 10_f64.powf(exponent - 1.0);
    // What is above a whole number of units by rounding only is not rounded up.
    let rounded = (x / unit * (1.0 - 1e-12)).ceil() * unit;
    match exponent as i32 {
        1..6 => format!("{rounded:.0}"),
        decimals @ -3..1 => {
            format!("{rounded:.*}", (1 - decimals) as usize).trim_end_matches(".0").to_owned()
        }
        _ => format!("{rounded:.1e}"),
    }
}

pub fn tell(file: &Path, claim: &Claim, outcome: &Outcome, wrong_examples: usize, brief: bool, ui: &Ui) {
    let Loaded { name, program, sources } = &claim.loaded;
    let file = printable(&file.to_string_lossy());
    let identity = Identity::of(sources);
    let verdict = outcome.words(&program.columns);
    let (name, from) = match &claim.from {
        // Its path names it already.
        From::File(path) => (printable(path), String::new()),
        From::Inside | From::Compiled => (printable(name), format!(", {}", claim.from)),
    };
    if brief {
        let hash = identity.sha256.get(..12).unwrap_or_default();
        let options = if identity.options.is_empty() { "" } else { " with options" };
        ui.line(&format!("{file}: {verdict}; {name} {hash}{options}{from}"));
        return;
    }
    ui.line(&format!("{file}: {verdict}"));
    ui.line(&format!("  program   {name}{from}"));
    ui.line(&format!("  sha256    {}", identity.sha256));
    for option in &identity.options {
        ui.line(&format!("  option    {}", printable(option)));
    }
    for (name, hash) in &identity.loaded {
        ui.line(&format!("  loads     {} {hash}", printable(name)));
    }
    if let Some(open) = outcome.open() {
        ui.line(&format!("  open      {open}"));
        if let Some(node) = open.about {
            let place = sources.place(outermost(&program.graph, node));
            ui.line(&format!("  about     `{}` at {place}", printable(&label(program, sources, node))));
        }
    }
    if let Evidence::Proved(Certificate { classes: 1.., .. }) = outcome.answer.evidence {
        ui.line(
            "  classes   the program, not the network, ran on one input of each kind that it can tell apart",
        );
    }
    if let Some(can_fail) = &outcome.can_fail {
        ui.line(&format!("  itself    {}", describe(can_fail, &claim.loaded).0));
    }
    match (program.examples.len(), wrong_examples) {
        (0, _) => {}
        (all, 0) => ui.line(&format!("  examples  {all}, all hold of the program")),
        (all, wrong) => ui.line(&format!("  examples  {wrong} of {all} do not hold of the program")),
    }
}

/// Which program an answer is about: everything that it was read from, apart from the standard library.
struct Identity {
    /// Of the program's text; where options or loaded files change what it means, of all of these texts.
    sha256: String,
    /// Declarations from the command line.
    options: Vec<String>,
    /// Files that the program loads, with their hashes.
    loaded: Vec<(String, String)>,
}

impl Identity {
    fn of(sources: &Sources) -> Self {
        let all: Vec<_> = sources.iter().map(|(_, source)| source).collect();
        let last = all.len().saturating_sub(2);
        let of = |range: Range<usize>| all.get(range).unwrap_or_default();
        let files = of(lower::PROGRAM + 1..last);
        let options = of(1..lower::PROGRAM).iter().chain(of(last..all.len()));
        let options: Vec<String> =
            options.flat_map(|source| source.text.lines()).map(str::to_owned).collect();
        let main = all.get(lower::PROGRAM).map_or("", |source| source.text.as_str());
        let hash = match options.is_empty() && files.is_empty() {
            true => sha256(main),
            false => {
                // Each text behind its length, so that no two lists of texts are hashed alike.
                let of_one = |text: &str| format!("{}\n{text}", text.len());
                sha256(&of(1..all.len()).iter().map(|source| of_one(&source.text)).collect::<String>())
            }
        };
        let loaded = files.iter().map(|source| (source.name.clone(), sha256(&source.text))).collect();
        Self { sha256: hash, options, loaded }
    }
}

pub fn report(
    file: &Path,
    claim: &Claim,
    outcome: &Outcome,
    first: Option<&FirstDifference>,
    wrong_examples: usize,
) -> Json {
    let Loaded { name, program, sources } = &claim.loaded;
    let Identity { sha256, options, loaded } = Identity::of(sources);
    let can_fail = outcome.can_fail.as_ref();
    let mut report = json!({
        "file": file.to_string_lossy(),
        "program": {
            "name": name,
            "sha256": sha256,
            "options": options,
            "loads": loaded.iter().map(|(name, hash)| json!({ "name": name, "sha256": hash })).collect::<Vec<_>>(),
            "from": claim.from.to_string(),
        },
        "examples": program.examples.len(),
        "wrong_examples": wrong_examples,
        "can_fail": can_fail.map(|can_fail| describe(can_fail, &claim.loaded).1),
        "verdict": outcome.kind(),
        "interrupted": outcome.interrupted,
        "answer": outcome.words(&program.columns),
    });
    if let Some(Within { bound, decisive }) = &outcome.answer.within {
        report["within"] = json!({ "bound": bound.to_f64(), "tells_values_apart": decisive });
    }
    evidence(&mut report, &outcome.answer.evidence, &claim.loaded, first);
    report
}

/// What was found, as the keys of a report.
fn evidence(report: &mut Json, evidence: &Evidence, loaded: &Loaded, first: Option<&FirstDifference>) {
    let verdict = match evidence {
        Evidence::Proved(certificate) => {
            if certificate.classes > 0 {
                report["classes"] = json!(certificate.classes);
            }
            report["certificate"] = json!(certificate);
            return;
        }
        Evidence::Compared { verdict, open } => {
            report["open"] = json!(open.as_ref().map(ToString::to_string));
            report["open_about"] = json!(open.as_ref().and_then(|open| open.about).map(|node| json!({
                "name": label(&loaded.program, &loaded.sources, node),
                "place": loaded.sources.place(outermost(&loaded.program.graph, node)),
            })));
            verdict
        }
    };
    match verdict {
        Verdict::Enumerated { inputs, classes, failing } => {
            report["inputs"] = json!(inputs);
            report["classes"] = json!(classes);
            report["inputs_without_value"] = json!(failing);
        }
        Verdict::Tested { inputs, failing, seed } => {
            report["inputs"] = json!(inputs);
            report["inputs_without_value"] = json!(failing);
            report["seed"] = json!(seed);
        }
        Verdict::Undecided { failing } => {
            report["inputs"] = json!(0);
            report["inputs_without_value"] = json!(failing);
        }
        Verdict::Refuted(found) => {
            let program = &loaded.program;
            report["counterexample"] = json!({
                "input": json_input::to_json(&program.columns, &found.input),
                "output": program.outputs[found.output].name.as_ref(),
                "position": found.position,
                "expected": json::to_json(&found.expected),
                "found": json::decoded(&found.found),
                "first_difference": first.map(|first| json!({
                    "of": name_of(loaded, first.of),
                    "site": half_layer_name(first.half_layer),
                    "owner": first.owner,
                    "position": first.position.map_or(json!("BOS"), |p| json!(p)),
                    "expected": first.expected,
                    "found": first.found,
                })),
            });
        }
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
