//! What a value is made of: every selector and s-op on the way to it, layer by layer.

use super::example;
use crate::cli::draw::{self, Grid};
use crate::cli::input::Columns;
use crate::interp::Trace;
use crate::ir::{self, Graph, Node, Op, Program, SelectorOp};
use std::collections::HashMap;

/// Definitions beyond this many characters are cut off.
const MAX_DEFINITION: usize = 90;
/// Values stand under their definitions, this many characters to the right.
const INDENT: usize = 4;

/// Draws everything that `root` depends on, as a run on an input made it.
pub fn draw(program: &Program, root: Node, trace: &Trace, input: &Columns, width: usize) -> String {
    let graph = &program.graph;
    let nodes = graph.live([root]);
    let layers = layers(graph, &nodes);
    let layer = |node: &Node| layers.get(node).copied().unwrap_or(0);
    let mut steps: Vec<Node> = nodes.into_iter().filter(|n| *n == root || is_step(graph, *n)).collect();
    steps.sort_by_key(layer);

    let row = |node: &Node| match node {
        Node::SOp(id) => {
            trace.sop(*id).map(|values| (String::new(), values.iter().map(draw::cell).collect()))
        }
        Node::Selector(_) => None,
    };
    let mut rows = example::rows(input, &program.columns);
    let n_header = rows.len();
    rows.extend(steps.iter().filter_map(row));
    let grid = Grid::of(&rows, width);
    let indented = grid.indented(INDENT);

    let mut out = grid.table(&rows[..n_header]);
    let mut last = None;
    for node in steps {
        if last.replace(layer(&node)) != Some(layer(&node)) {
            out += &match layer(&node) {
                0 => "before attention\n".to_owned(),
                n => format!("layer {n}\n"),
            };
        }
        out += &format!("{:INDENT$}{}\n", "", title(program, node));
        let picture = match node {
            Node::SOp(_) => row(&node).map(|row| indented.table(&[row])),
            Node::Selector(id) => {
                let labels = example::labels(input);
                trace.selector(id).map(|matrix| draw::matrix(matrix, &labels, width - INDENT.min(width)))
            }
        };
        for line in picture.unwrap_or_default().lines() {
            out += format!("{:INDENT$}{line}", "").trim_end();
            out.push('\n');
        }
    }
    out
}

/// `reverse = aggregate(flip, tokens_str, 0)`
fn title(program: &Program, node: Node) -> String {
    let definition = ir::definition(program, node);
    let title = match program.graph.name(node) {
        Some(name) if **name != *definition => format!("{name} = {definition}"),
        _ => definition,
    };
    draw::shorten(&title, MAX_DEFINITION)
}

/// Whether a node is shown by itself: elementwise operations without a name are part of what
/// uses them.
fn is_step(graph: &Graph, node: Node) -> bool {
    match node {
        Node::SOp(id) => match graph[id].op {
            Op::Input(_) | Op::Indices | Op::Const(_) => false,
            Op::Elementwise { .. } => graph[id].name.is_some(),
            Op::Aggregate { .. } | Op::Width { .. } => true,
        },
        Node::Selector(_) => true,
    }
}

/// The layer of attention after which each node can be known, counted as the RASP tool does: an
/// aggregate comes one layer after its value, a selector one layer after what it compares.
fn layers(graph: &Graph, nodes: &[Node]) -> HashMap<Node, usize> {
    let mut layers: HashMap<Node, usize> = HashMap::new();
    for &node in nodes {
        let of = |node: Node| layers.get(&node).copied().unwrap_or(0);
        let latest = graph.operands(node).into_iter().map(of).max().unwrap_or(0);
        let layer = match node {
            Node::SOp(id) => match graph[id].op {
                Op::Aggregate { selector, value, .. } => {
                    of(Node::Selector(selector)).max(of(Node::SOp(value)) + 1)
                }
                Op::Input(_) | Op::Indices | Op::Const(_) | Op::Elementwise { .. } | Op::Width { .. } => {
                    latest
                }
            },
            Node::Selector(id) => match graph[id].op {
                SelectorOp::Select { .. } => latest + 1,
                SelectorOp::And(..) | SelectorOp::Or(..) | SelectorOp::Not(_) => latest,
            },
        };
        layers.insert(node, layer);
    }
    layers
}
