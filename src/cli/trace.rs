//! `raspc run --trace`: every s-op at every position.

use super::draw::{self, Grid, Row};
use super::input::Columns;
use super::program::Loaded;
use super::{Exit, Ui, json_input};
use crate::interp::{Failure, Interpreter, Trace};
use crate::ir::{Column, Node, Op, Program, SOpId, label};
use crate::model::{Artifact, Decoded, Shown, Stream, Transformer, half_layer_name, json};
use crate::source::Sources;
use crate::value::Value;
use crate::verify::{self, failure_report};
use serde_json::{Value as Json, json};
use std::collections::HashSet;

/// What stands behind a value of the network that is not the program's.
const WRONG: &str = " ✗";

/// An s-op with what the program says of it and how the network holds it.
struct Line {
    name: String,
    values: Option<Vec<Value>>,
    held: Vec<HeldLine>,
    located: Located,
}

/// Where the network has an s-op.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Located {
    /// In slots, or nowhere yet because a program was run.
    Held,
    /// In no slot: the compiler folded it into the matrices that read it.
    Folded,
    /// Gradient descent found the weights, and nothing is known of where they have it.
    Nowhere,
}

impl Located {
    /// What stands behind the name of an s-op.
    fn mark(self) -> &'static str {
        match self {
            Self::Held => "",
            Self::Folded => " (folded)",
            Self::Nowhere => " (not located)",
        }
    }
}

struct HeldLine {
    place: String,
    cells: Vec<Json>,
    texts: Vec<String>,
    wrong: Vec<usize>,
    wrong_at_bos: bool,
}

/// The trace of a program, unless it fails on the input.
pub fn program(
    loaded: &Loaded,
    interpreter: &Interpreter<'_>,
    input: &Columns,
    as_json: bool,
    ui: &Ui,
) -> Result<(), Failure> {
    let Loaded { program, sources, .. } = loaded;
    let trace = interpreter.trace(input)?;
    let line = |(name, id): (String, SOpId)| Line {
        name,
        values: trace.sop(id).map(<[Value]>::to_vec),
        held: Vec::new(),
        located: Located::Held,
    };
    let lines: Vec<Line> = sops(program, sources).into_iter().map(line).collect();
    show(&program.columns, input, &lines, as_json, ui);
    Ok(())
}

/// The trace of a model, beside that of its program.
pub fn model(
    artifact: &Artifact,
    model: &Transformer,
    loaded: &Loaded,
    input: &Columns,
    as_json: bool,
    ui: &Ui,
) -> anyhow::Result<Exit> {
    let Loaded { program, sources, .. } = loaded;
    let trace = match Interpreter::new(program).trace(input) {
        Ok(trace) => Some(trace),
        Err(failure) => {
            ui.diagnostics(&[failure_report(program, &failure, input)], sources);
            None
        }
    };
    let stream = Stream::record(model, input)?;
    let rows = verify::rows(&artifact.manifest, program, &stream, input);
    let folded = verify::folded(&artifact.manifest, program);
    let mut lines = Vec::new();
    let mut seen = HashSet::new();
    for (name, id) in sops(program, sources) {
        let node = Some(Node::SOp(id));
        // What holds it stands under its first name only.
        let first = seen.insert(id);
        let of_it = |row: &&verify::Row<'_>| first && verify::node(program, row.holding.of) == node;
        let mut held: Vec<HeldLine> = rows.iter().filter(of_it).map(held_line).collect();
        held.extend(output(program, &name, id, &stream, model, trace.as_ref()));
        lines.push(Line {
            name,
            values: trace.as_ref().and_then(|t| t.sop(id)).map(<[Value]>::to_vec),
            held,
            located: match (folded.contains(&id), artifact.manifest.training.is_some()) {
                (false, _) => Located::Held,
                (true, false) => Located::Folded,
                (true, true) => Located::Nowhere,
            },
        });
    }
    for row in rows.iter().filter(|row| row.expected.is_none() && trace.is_some()) {
        let selector =
            verify::node(program, row.holding.of).map_or_else(String::new, |n| label(program, sources, n));
        let name = format!("classes of {selector}");
        lines.push(Line { name, values: None, held: vec![held_line(row)], located: Located::Held });
    }
    show(&program.columns, input, &lines, as_json, ui);
    let wrong = |line: &Line| line.held.iter().any(|h| !h.wrong.is_empty() || h.wrong_at_bos);
    Ok(if trace.is_none() || lines.iter().any(wrong) { Exit::Refuted } else { Exit::Done })
}

/// The s-ops that the outputs depend on, but constants, and the outputs by all their names.
fn sops(program: &Program, sources: &Sources) -> Vec<(String, SOpId)> {
    let sop = |node: Node| match node {
        Node::SOp(id) if !matches!(program.graph[id].op, Op::Const(_)) => {
            Some((label(program, sources, node), id))
        }
        Node::SOp(_) | Node::Selector(_) => None,
    };
    let nodes = program.graph.live(program.outputs.iter().map(|o| Node::SOp(o.sop)));
    let mut sops: Vec<(String, SOpId)> = nodes.into_iter().filter_map(sop).collect();
    for output in &program.outputs {
        if !sops.iter().any(|(name, _)| **name == *output.name) {
            sops.push((output.name.to_string(), output.sop));
        }
    }
    sops
}

fn held_line(row: &verify::Row<'_>) -> HeldLine {
    HeldLine {
        place: half_layer_name(row.holding.born),
        cells: row.held.iter().map(shown_json).collect(),
        texts: row.held.iter().map(shown_cell).collect(),
        wrong: row.wrong.clone(),
        wrong_at_bos: row.wrong_at_bos,
    }
}

/// The output of this name, as the unembedding gives it; none if the name is no output's.
fn output(
    program: &Program,
    name: &str,
    id: SOpId,
    stream: &Stream,
    model: &Transformer,
    trace: Option<&Trace>,
) -> Option<HeldLine> {
    let o = program.outputs.iter().position(|output| *output.name == *name && output.sop == id)?;
    let (found, config) = (stream.outputs.get(o)?, model.config().outputs.get(o)?);
    let expected = trace.and_then(|t| t.sop(id)).unwrap_or_default();
    let wrong = |i: &usize| !verify::agrees(&expected[*i], &found[*i], &config.decode);
    Some(HeldLine {
        place: format!("unembed.{o}"),
        cells: found.iter().map(json::decoded).collect(),
        texts: found.iter().map(decoded_cell).collect(),
        wrong: (0..expected.len().min(found.len())).filter(wrong).collect(),
        wrong_at_bos: false,
    })
}

fn show(columns: &[Column], input: &Columns, lines: &[Line], as_json: bool, ui: &Ui) {
    if as_json {
        let values = |list: &Vec<Value>| Json::Array(list.iter().map(json::to_json).collect());
        let inputs = json_input::to_json(columns, input);
        let held = |h: &HeldLine| json!({ "site": h.place, "values": h.cells, "wrong": h.wrong, "wrong_at_bos": h.wrong_at_bos });
        let line = |l: &Line| {
            json!({
                "sop": l.name,
                "values": l.values.as_ref().map(values),
                "held": l.held.iter().map(held).collect::<Vec<_>>(),
                "folded": l.located == Located::Folded,
                "located": l.located != Located::Nowhere,
            })
        };
        ui.json(&json!({ "input": inputs, "trace": lines.iter().map(line).collect::<Vec<_>>() }));
        return;
    }
    let mut rows: Vec<Row> = Vec::new();
    let marks = lines.iter().flat_map(|l| &l.held).any(|h| !h.wrong.is_empty());
    for line in lines {
        let mark = line.located.mark();
        let room = Grid::label_room(ui.width()).min(MAX_NAME + mark.len()).saturating_sub(mark.len());
        let name = draw::shorten(&draw::printable(&line.name), room);
        let pad = if marks { " ".repeat(WRONG.chars().count()) } else { String::new() };
        let cell = |v: &Value| draw::cell(v) + &pad;
        rows.push((format!("{name}{mark}"), line.values.iter().flatten().map(cell).collect()));
        for held in &line.held {
            let cell = |(i, text): (usize, &String)| match held.wrong.contains(&i) {
                true => text.clone() + WRONG,
                false => text.clone() + &pad,
            };
            let bos = if held.wrong_at_bos { " (wrong at BOS)" } else { "" };
            rows.push((format!("  {}{bos}", held.place), held.texts.iter().enumerate().map(cell).collect()));
        }
    }
    ui.out(&Grid::of(&rows, ui.width()).table(&rows));
}

/// Longer names are cut off.
const MAX_NAME: usize = 40;

fn shown_cell(shown: &Shown) -> String {
    match shown {
        Shown::Value(value) => draw::cell(value),
        Shown::About(_) | Shown::Between(..) | Shown::Among(_) | Shown::Unclear => shown.to_string(),
    }
}

fn shown_json(shown: &Shown) -> Json {
    match shown {
        Shown::Value(value) => json::to_json(value),
        Shown::About(number) => json!(number),
        Shown::Between(low, high) => {
            json!({ "at_least": low.as_ref().map(json::to_json), "below": high.as_ref().map(json::to_json) })
        }
        Shown::Among(values) => json!({ "one_of": values.iter().map(json::to_json).collect::<Vec<_>>() }),
        Shown::Unclear => Json::Null,
    }
}

fn decoded_cell(decoded: &Decoded) -> String {
    match decoded {
        Decoded::Value(value) => draw::cell(value),
        Decoded::About(_) | Decoded::Undefined(_) => decoded.to_string(),
    }
}
