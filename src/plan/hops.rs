//! How few layers can follow a program step by step?

use crate::facts::Facts;
use crate::ir::{Node, Op, Program};
use std::collections::HashMap;

/// The most heads on a path from an input to an output: each reads what the one before wrote, so it
/// stands in a later layer. What the index alone tells, or no input changes, needs no head.
///
/// A network that computes the outputs in another way may have fewer.
pub(super) fn least_layers(program: &Program, facts: &Facts) -> usize {
    let graph = &program.graph;
    let outputs = program.outputs.iter().map(|o| Node::SOp(o.sop));
    let mut hops: HashMap<Node, usize> = HashMap::new();
    for node in graph.live(outputs.clone()) {
        let before =
            graph.operands(node).into_iter().filter_map(|n| hops.get(&n).copied()).max().unwrap_or(0);
        let found = match node {
            Node::Selector(_) => before,
            Node::SOp(id) => {
                let depends = facts.depends(id);
                let known = matches!(facts.values(id).explicit(), Some([_]));
                let folded = known || (depends.position_alone() && !depends.length);
                match graph[id].op {
                    _ if folded => 0,
                    Op::Aggregate { .. } | Op::Width { .. } => before + 1,
                    Op::Elementwise { .. } | Op::Input(_) | Op::Indices | Op::Const(_) => before,
                }
            }
        };
        hops.insert(node, found);
    }
    outputs.filter_map(|node| hops.get(&node).copied()).max().unwrap_or(0)
}
