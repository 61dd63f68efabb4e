//! What to write instead of an operation that has no value on an input.

use crate::inputs::Columns;
use crate::interp::{self, Failure};
use crate::ir::{self, Node, Op, Program, SOpId};
use crate::source::Span;
use crate::value::{Elementwise, Fault, Value};

/// What helps against a failure.
#[derive(Debug, Default)]
pub struct Advice {
    /// The conditional that does not use the value that failed, and what to know of it.
    pub conditional: Option<(Span, String)>,
    pub help: Option<String>,
}

/// Longer operands are not written out.
const MAX_SHOWN: usize = 60;

/// What to write instead of the operation that failed.
pub fn of(program: &Program, failure: &Failure, input: &Columns) -> Advice {
    let Node::SOp(failed) = failure.node else { return Advice::default() };
    let unused = unused_branch(program, failed, failure.position, input);
    let conditional = unused.as_ref().map(|unused| {
        let takes = if unused.is_then { "the part after `else`" } else { "the part before `if`" };
        let text = format!(
            "both parts of a conditional are evaluated at every position; here {takes} is taken, and the other one fails"
        );
        (program.graph.origin(Node::SOp(unused.conditional)).span, text)
    });
    Advice { conditional, help: help(program, failed, &failure.fault, unused.as_ref()) }
}

/// A conditional that reads the s-op that failed only in the part that it does not take.
struct Unused {
    conditional: SOpId,
    condition: SOpId,
    /// Whether the s-op that failed is in the part before `if`.
    is_then: bool,
}

fn unused_branch(program: &Program, failed: SOpId, position: usize, input: &Columns) -> Option<Unused> {
    let graph = &program.graph;
    let nodes = graph.live(program.outputs.iter().map(|output| Node::SOp(output.sop)));
    nodes.into_iter().find_map(|node| {
        let Node::SOp(conditional) = node else { return None };
        let Op::Elementwise { f: Elementwise::If, args } = &graph[conditional].op else { return None };
        let &[condition, then, otherwise] = args.as_slice() else { return None };
        let reads = |sop| reads_here(program, sop, failed);
        let is_then = match (reads(condition), reads(then), reads(otherwise)) {
            (false, true, false) => true,
            (false, false, true) => false,
            _ => return None,
        };
        let below = graph.live([Node::SOp(condition)]);
        let trace = interp::run(graph, &below, input, program.causal).ok()?;
        let holds = trace.sop(condition)?.get(position)?.truth();
        (holds != is_then).then_some(Unused { conditional, condition, is_then })
    })
}

/// Whether the value of an s-op at a position is computed from that of another one at the position.
fn reads_here(program: &Program, from: SOpId, to: SOpId) -> bool {
    let mut seen = std::collections::HashSet::new();
    let mut open = vec![from];
    while let Some(sop) = open.pop() {
        if sop == to {
            return true;
        }
        if let Op::Elementwise { args, .. } = &program.graph[sop].op {
            open.extend(args.iter().filter(|arg| seen.insert(**arg)));
        }
    }
    false
}

fn help(program: &Program, failed: SOpId, fault: &Fault, unused: Option<&Unused>) -> Option<String> {
    let short = |text: String| (text.chars().count() <= MAX_SHOWN).then_some(text);
    let operand = |sop: SOpId| short(ir::operand(program, Node::SOp(sop)));
    let whole = |node: Node| {
        let name = program.graph.name(node).map(ToString::to_string);
        short(name.unwrap_or_else(|| ir::definition(program, node)))
    };
    match (fault, &program.graph[failed].op) {
        (Fault::DivisionByZero, Op::Elementwise { f: f @ (Elementwise::Div | Elementwise::Mod), args }) => {
            let &[left, right] = args.as_slice() else { return None };
            let divisor = |right: &str| match unused {
                Some(unused) => {
                    let condition = whole(Node::SOp(unused.condition))?;
                    Some(match unused.is_then {
                        true => format!("{right} if {condition} else 1"),
                        false => format!("1 if {condition} else {right}"),
                    })
                }
                None => Some(format!("{right} if {right} != 0 else 1")),
            };
            let written = || {
                let (left, right) = (operand(left)?, operand(right)?);
                Some(format!("{left} {} ({})", f.symbol(), divisor(&right)?))
            };
            let example = || format!("a {} (b if b != 0 else 1)", f.symbol());
            let instead = written().unwrap_or_else(example);
            Some(format!("divide by another number where the divisor is 0, as in `{instead}`"))
        }
        (Fault::AverageOf { value: Value::Bool(_), .. }, Op::Aggregate { selector, value, .. }) => {
            let write = match (whole(Node::Selector(*selector)), whole(Node::SOp(*value))) {
                (Some(selector), Some(value)) => format!("aggregate({selector}, indicator({value}))"),
                _ => "aggregate(s, indicator(x))".to_owned(),
            };
            Some(format!("for the fraction of the keys where it is True, write `{write}`"))
        }
        (Fault::AverageOf { .. }, _) => {
            Some("select one key at most, or take the mean of numbers".to_owned())
        }
        _ => unused.map(|_| {
            "give the operation an operand on which it has a value there too: write a conditional around the operand"
                .to_owned()
        }),
    }
}
