//! Tests facts against runs of the interpreter: a fact that some input contradicts is wrong.

use super::Facts;
use crate::interp::{self, Interpreter, Trace};
use crate::ir::{Node, Op, Program, SOpId, SelectorId};
use crate::value::Value;
use std::collections::HashMap;

/// A fact that does not hold on an input.
pub(crate) struct Wrong {
    fact: &'static str,
    node: Node,
    input: Vec<Vec<Value>>,
    evidence: String,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { fact, node, input, evidence } = self;
        write!(f, "\"{fact}\" of {node:?} is wrong on {input:?}: {evidence}")
    }
}

/// What a value is said to be a function of, with the value that was seen first.
type Seen = HashMap<(SOpId, Vec<usize>, Vec<Vec<Value>>), Value>;

/// Runs the program on each input that counts; returns how many there were, or a wrong fact.
pub(crate) fn check(
    program: &Program,
    facts: &Facts,
    inputs: &[Vec<Vec<Value>>],
) -> Result<usize, Box<Wrong>> {
    let interpreter = Interpreter::new(program);
    let live = program.live();
    let mut seen = Seen::new();
    let mut runs = 0;
    for input in inputs {
        if interpreter.broken_assumption(input).is_some() {
            continue;
        }
        let Ok(trace) = interp::run(&program.graph, &live, input, program.causal) else { continue };
        runs += 1;
        for &node in &live {
            let wrong = match node {
                Node::SOp(id) => sop(program, facts, &trace, id, input, &mut seen),
                Node::Selector(id) => selector(program, facts, &trace, id),
            };
            if let Some((fact, evidence)) = wrong {
                return Err(Box::new(Wrong { fact, node, input: input.clone(), evidence }));
            }
        }
    }
    Ok(runs)
}

fn sop(
    program: &Program,
    facts: &Facts,
    trace: &Trace,
    id: SOpId,
    input: &[Vec<Value>],
    seen: &mut Seen,
) -> Option<(&'static str, String)> {
    let values = trace.sop(id).unwrap();
    let n = values.len();
    let shown = || format!("{values:?}");
    if let Some(value) = values.iter().find(|v| !facts.values(id).contains(v)) {
        return Some(("values", format!("{value:?} is not in {:?}", facts.values(id))));
    }
    let repeats = (0..n).any(|i| (0..i).any(|j| values[i].same(&values[j])));
    if facts.injective(id).is_some() && repeats {
        return Some(("injective", shown()));
    }
    let missing = |i: usize| !values.contains(&Value::Number(i.into()));
    if facts.permutation(id).is_some() && (0..n).any(missing) {
        return Some(("permutation", shown()));
    }
    for (i, value) in values.iter().enumerate() {
        if facts.at(id, i, n).is_some_and(|v| v != value) {
            return Some(("at", shown()));
        }
    }
    if let Op::Aggregate { selector, value, default } = &program.graph[id].op
        && facts.agreement(id).is_some()
    {
        let (matrix, source) = (trace.selector(*selector).unwrap(), trace.sop(*value).unwrap());
        for (q, value) in values.iter().enumerate() {
            let row: Vec<&Value> = matrix.selected(q).map(|k| &source[k]).collect();
            if !row.iter().all(|v| v.same(row[0])) || !row.contains(&value) && value != default {
                return Some(("agreement", format!("{row:?} gives {value:?}")));
            }
        }
    }
    let depends = facts.depends(id);
    for (q, value) in values.iter().enumerate() {
        let own = |q: usize| depends.columns.iter().map(|&c| input[c][q].clone()).collect::<Vec<_>>();
        let mut position = Vec::new();
        let mut tokens = vec![own(q)];
        if depends.index {
            position.push(q);
        }
        if depends.length || depends.others {
            position.push(n);
        }
        if depends.others {
            let mut all: Vec<Vec<Value>> = (0..n).map(own).collect();
            if !depends.index {
                all.sort_unstable();
            }
            tokens.extend(all);
        }
        let before = seen.entry((id, position, tokens)).or_insert_with(|| value.clone());
        if before != value {
            return Some(("depends", format!("{value:?} and {before:?} at {q} with {depends:?}")));
        }
    }
    None
}

fn selector(
    program: &Program,
    facts: &Facts,
    trace: &Trace,
    id: SelectorId,
) -> Option<(&'static str, String)> {
    let matrix = trace.selector(id).unwrap();
    let n = matrix.n();
    let bounds = facts.width(id);
    for q in 0..n {
        let width = matrix.width(q);
        if width < bounds.min || bounds.max < width {
            return Some(("width", format!("{width} is not in {bounds:?}")));
        }
        let visible = if program.causal { q + 1 } else { n };
        if facts.always(id).is_some() && width != visible {
            return Some(("always", format!("{width} of {visible}")));
        }
    }
    if facts.total_order(id).is_some() {
        let mut widths: Vec<usize> = (0..n).map(|q| matrix.width(q)).collect();
        widths.sort_unstable();
        if widths != (0..n).collect::<Vec<_>>() {
            return Some(("total order", format!("{matrix:?}")));
        }
    }
    None
}
