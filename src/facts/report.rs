//! The facts of a program as lines for a reader.

use super::{Facts, Reason, WidthBounds};
use crate::ir::{Node, Op, Program};
use crate::value::Value;
use serde::Serialize;

/// What is known of one s-op or selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactLine {
    /// What it is called: its name, or the text that defines it.
    pub label: String,
    #[serde(flatten)]
    pub node: NodeFacts,
    /// What holds, each with its reason.
    pub because: Vec<Because>,
}

/// What is known of every node of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum NodeFacts {
    #[serde(rename = "s-op")]
    SOp {
        /// The set of values, in words.
        values: String,
        /// The number of values, if they are listed.
        n_values: Option<usize>,
        /// And the list.
        #[serde(skip)]
        set: Option<Vec<Value>>,
        /// Why these.
        values_because: String,
        depends: String,
        /// Why on nothing else.
        depends_because: String,
    },
    Selector {
        /// The least width.
        min: usize,
        /// The greatest; none if there is no bound.
        max: Option<usize>,
    },
}

/// A fact and why it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Because {
    pub fact: &'static str,
    pub reason: String,
}

/// A line for every s-op and selector that the outputs and assumptions need, operands first.
/// Constants and indices are left out, unless they are outputs; these stand there by all their
/// names. `label` is how a node is called.
pub fn report(facts: &Facts, program: &Program, label: &dyn Fn(Node) -> String) -> Vec<FactLine> {
    let plain = |node: &Node| match *node {
        Node::SOp(id) => matches!(program.graph[id].op, Op::Const(_) | Op::Indices),
        Node::Selector(_) => false,
    };
    let nodes = program.live().into_iter().filter(|node| !plain(node));
    let mut lines: Vec<FactLine> = nodes.map(|node| line(facts, program, label, node)).collect();
    for output in &program.outputs {
        if !lines.iter().any(|line| *line.label == *output.name) {
            let known = line(facts, program, label, Node::SOp(output.sop));
            lines.push(FactLine { label: output.name.to_string(), ..known });
        }
    }
    lines
}

fn line(facts: &Facts, program: &Program, label: &dyn Fn(Node) -> String, node: Node) -> FactLine {
    let (known, reasons) = match node {
        Node::SOp(id) => {
            let values = facts.values(id);
            let known = NodeFacts::SOp {
                values: values.to_string(),
                n_values: values.explicit().map(<[_]>::len),
                set: values.explicit().map(<[Value]>::to_vec),
                values_because: facts.values_reason(program, id).describe(label),
                depends: facts.depends(id).describe(program),
                depends_because: facts.depends_reason(program, id).describe(label),
            };
            let reasons = vec![
                ("differs at any two positions", facts.injective(id).cloned()),
                ("is a permutation of 0..n-1", facts.permutation(id).cloned()),
                ("all selected values are equal", facts.agreement(id).cloned()),
            ];
            (known, reasons)
        }
        Node::Selector(id) => {
            let WidthBounds { min, max } = facts.width(id);
            let known = NodeFacts::Selector { min, max: (max < usize::MAX).then_some(max) };
            let widths = &facts.selectors[id.index()].widths;
            let always = facts.always(id).cloned();
            let bounds = |reason: &Option<Reason>| reason.clone().filter(|_| always.is_none());
            let reasons = vec![
                ("not less", bounds(&widths.min_reason)),
                ("not more", bounds(&widths.max_reason)),
                ("selects every key", always.clone()),
                ("is a total order", facts.total_order(id)),
            ];
            (known, reasons)
        }
    };
    let because = |(fact, reason): (&'static str, Option<Reason>)| {
        Some(Because { fact, reason: reason?.describe(label) })
    };
    FactLine { label: label(node), node: known, because: reasons.into_iter().filter_map(because).collect() }
}
