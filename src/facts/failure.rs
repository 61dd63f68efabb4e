//! Can the program fail on a declared input: is there an operation without a value?
//!
//! The question is answered node by node, operands first: if no operand has failed, its value
//! set holds, and an operation that has a value for every combination of members cannot fail.
//! Sets say too much, so "may fail" is no proof that it does.

use super::{Facts, ValueSet};
use crate::ir::{Graph, Node, Op, Program, SOpId, SelectorId, SelectorOp};
use crate::value::{Compare, Elementwise, Kind, Kinds, Table, Value};

/// Combinations of arguments that are tried for one operation.
const COMBINATIONS: usize = 200_000;

/// The first node that may fail as far as value sets tell; none if the program cannot fail.
pub fn may_fail(program: &Program, facts: &Facts) -> Option<Node> {
    program.live().into_iter().find(|&node| match node {
        Node::SOp(id) => sop_may_fail(&program.graph, facts, id),
        Node::Selector(id) => selector_may_fail(&program.graph, facts, id),
    })
}

fn sop_may_fail(graph: &Graph, facts: &Facts, id: SOpId) -> bool {
    match &graph[id].op {
        Op::Input(_) | Op::Indices | Op::Const(_) | Op::Width { .. } => false,
        Op::Elementwise { f, args } => elementwise_may_fail(f, args, facts),
        Op::Aggregate { selector, value, .. } => {
            !facts.width(*selector).at_most_one() && !averages(facts.values(*value))
        }
    }
}

/// Whether any mean of members has a value: numbers all, and none of them enormous.
fn averages(set: &ValueSet) -> bool {
    match set {
        ValueSet::Explicit(values) => values.iter().all(|v| v.kind() == Kind::Number),
        ValueSet::Means(means) => means.also.iter().all(|v| v.kind() == Kind::Number),
        ValueSet::Unbounded(_) => false,
    }
}

fn selector_may_fail(graph: &Graph, facts: &Facts, id: SelectorId) -> bool {
    match graph[id].op {
        SelectorOp::And(..) | SelectorOp::Or(..) | SelectorOp::Not(_) => false,
        SelectorOp::Select { key, query, op } => compare_may_fail(op, facts.values(key), facts.values(query)),
    }
}

/// Strings have no order with numbers.
fn compare_may_fail(op: Compare, left: &ValueSet, right: &ValueSet) -> bool {
    let kinds = left.kinds() | right.kinds();
    match op {
        Compare::Eq | Compare::Ne => false,
        Compare::Lt | Compare::Le | Compare::Gt | Compare::Ge => {
            !kinds.within(Kinds::STR) && !kinds.within(Kinds::NUMBER | Kinds::BOOL)
        }
    }
}

fn elementwise_may_fail(f: &Elementwise, args: &[SOpId], facts: &Facts) -> bool {
    let sets: Vec<&ValueSet> = args.iter().map(|&a| facts.values(a)).collect();
    match f {
        Elementwise::Not
        | Elementwise::Indicator
        | Elementwise::ToStr
        | Elementwise::ToBool
        | Elementwise::And
        | Elementwise::Or
        | Elementwise::If
        | Elementwise::Member(_) => false,
        Elementwise::Compare(op) => compare_may_fail(*op, sets[0], sets[1]),
        // On bounded numbers these have a value: sizes stay far below the limit.
        Elementwise::Neg
        | Elementwise::Pos
        | Elementwise::Round
        | Elementwise::ToFloat
        | Elementwise::ToInt
        | Elementwise::Sub
            if sets.iter().all(|s| bounded_numbers(s)) =>
        {
            false
        }
        Elementwise::LookUp(Table::Dict(_) | Table::List(_))
        | Elementwise::Neg
        | Elementwise::Pos
        | Elementwise::Round
        | Elementwise::ToFloat
        | Elementwise::ToInt
        | Elementwise::Add
        | Elementwise::Sub
        | Elementwise::Mul
        | Elementwise::Div
        | Elementwise::Mod
        | Elementwise::Pow => some_combination_fails(f, &sets),
    }
}

fn bounded_numbers(set: &ValueSet) -> bool {
    set.kinds().within(Kinds::NUMBER | Kinds::BOOL) && !matches!(set, ValueSet::Unbounded(_))
}

/// Tries every combination of listed members.
fn some_combination_fails(f: &Elementwise, sets: &[&ValueSet]) -> bool {
    let Some(lists) = sets.iter().map(|s| s.explicit()).collect::<Option<Vec<&[Value]>>>() else {
        return true;
    };
    let combinations = lists.iter().try_fold(1_usize, |n, l| n.checked_mul(l.len()));
    let Some(combinations) = combinations.filter(|n| *n <= COMBINATIONS) else {
        return true;
    };
    (0..combinations).any(|mut code| {
        let pick = |list: &&[Value]| {
            let i = code % list.len();
            code /= list.len();
            i
        };
        let places: Vec<usize> = lists.iter().map(pick).collect();
        let args: Vec<&Value> = lists.iter().zip(places).map(|(list, i)| &list[i]).collect();
        f.apply(&args).is_err()
    })
}
