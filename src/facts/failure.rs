//! Can the program fail on a declared input: is there an operation without a value?
//!
//! The question is answered node by node, operands first: if no operand has failed, its value
//! set holds, and an operation that has a value for every combination of members cannot fail.
//! Sets say too much, so "may fail" is no proof that it does.

use super::lattice::Lattice;
use super::{Facts, ValueSet};
use crate::ir::{Graph, Node, Op, Program, SOpId, SelectorId, SelectorOp};
use crate::value::{Compare, Elementwise, Kinds, MAX_BITS, Number, Table, Value};

/// Members that are looked at and combinations of arguments that are tried, over the whole
/// program: about 0.1 s.
const TRIES: usize = 300_000;

/// The first node that may fail as far as value sets tell; none if the program cannot fail.
pub fn may_fail(program: &Program, facts: &Facts) -> Option<Node> {
    let mut tries = TRIES;
    program.live().into_iter().find(|&node| match node {
        Node::SOp(id) => sop_may_fail(&program.graph, facts, id, &mut tries),
        Node::Selector(id) => selector_may_fail(&program.graph, facts, id),
    })
}

fn sop_may_fail(graph: &Graph, facts: &Facts, id: SOpId, tries: &mut usize) -> bool {
    match &graph[id].op {
        Op::Input(_) | Op::Indices | Op::Const(_) | Op::Width { .. } => false,
        Op::Elementwise { f, args } => elementwise_may_fail(f, args, facts, tries),
        Op::Aggregate { selector, value, .. } => {
            let width = facts.width(*selector);
            !width.at_most_one() && !averages(facts.values(*value), width.max, tries)
        }
    }
}

/// Whether any mean of up to `count` members has a value: numbers all, and no sum is enormous.
///
/// Over the common denominator `d` of `count` numbers of at most `m`, a sum is at most
/// `count · m · d / d`, and the mean has a denominator of at most `count · d`.
fn averages(set: &ValueSet, count: usize, tries: &mut usize) -> bool {
    let Some(size) = Size::of(set, tries).filter(|_| set.kinds().within(Kinds::NUMBER)) else {
        return set.is_empty();
    };
    let common = size.common.min(count.saturating_mul(size.denominator));
    [bits(count), size.magnitude, common].into_iter().fold(0, usize::saturating_add) <= MAX_BITS
}

/// Bits of the numbers of a set.
struct Size {
    /// Of the greatest integer part.
    magnitude: usize,
    /// Of the greatest denominator.
    denominator: usize,
    /// Of the least common multiple of all denominators.
    common: usize,
}

impl Size {
    /// The size of the members that are numbers or booleans, if it is bounded and there are tries
    /// left to look at them.
    fn of(set: &ValueSet, tries: &mut usize) -> Option<Self> {
        *tries = tries.checked_sub(set.n_listed())?;
        let magnitude = |n: &Number| n.floor().bits().0 + 1;
        if let Some(values) = set.explicit() {
            let numbers = || values.iter().filter_map(Value::number);
            let common = set.lattice().map_or(usize::MAX, |lattice| lattice.step.bits().1);
            return Some(Self {
                magnitude: numbers().map(|n| magnitude(&n)).max()?,
                denominator: numbers().map(|n| n.bits().1).max()?,
                common,
            });
        }
        // Members are `s / k · step`. The least common multiple of all numbers up to k is less
        // than 3^k (Hanson, 1972), and log2(3) < 1.6.
        let Lattice { step, lo, hi, max_count: k } = set.lattice()?;
        Some(Self {
            magnitude: magnitude(&lo).max(magnitude(&hi)),
            denominator: step.bits().1 + bits(k),
            common: k.saturating_mul(8) / 5 + 1 + step.bits().1,
        })
    }

    /// Of numerator or denominator, whichever is larger.
    fn whole(&self) -> usize {
        self.magnitude + self.denominator
    }
}

/// How many binary digits a count has.
fn bits(count: usize) -> usize {
    (usize::BITS - count.leading_zeros()) as usize
}

/// Whether sums, differences and products of members stay below the limit:
/// `a/b + c/d = (ad + cb) / bd`.
fn stay_small(sets: &[&ValueSet], tries: &mut usize) -> bool {
    let mut sum = 1_usize;
    for set in sets {
        let Some(size) = Size::of(set, tries).filter(|_| is_numeric(set)) else { return false };
        sum = sum.saturating_add(size.whole());
    }
    sum <= MAX_BITS
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

fn elementwise_may_fail(f: &Elementwise, args: &[SOpId], facts: &Facts, tries: &mut usize) -> bool {
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
        // These never make a number larger.
        Elementwise::Neg
        | Elementwise::Pos
        | Elementwise::Round
        | Elementwise::ToFloat
        | Elementwise::ToInt
            if sets.iter().all(|s| is_numeric(s)) =>
        {
            false
        }
        Elementwise::Add | Elementwise::Sub | Elementwise::Mul if stay_small(&sets, tries) => false,
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
        | Elementwise::Pow => some_combination_fails(f, &sets, tries),
    }
}

fn is_numeric(set: &ValueSet) -> bool {
    set.kinds().within(Kinds::NUMBER | Kinds::BOOL)
}

/// Tries every combination of listed members.
fn some_combination_fails(f: &Elementwise, sets: &[&ValueSet], tries: &mut usize) -> bool {
    let Some(lists) = sets.iter().map(|s| s.explicit()).collect::<Option<Vec<&[Value]>>>() else {
        return true;
    };
    let combinations = lists.iter().try_fold(1_usize, |n, l| n.checked_mul(l.len()));
    let Some(combinations) = combinations.filter(|n| n <= tries) else {
        return true;
    };
    *tries -= combinations;
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
