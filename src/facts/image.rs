//! Where an elementwise operation leads from sets that are too large to go through.

use super::lattice::Lattice;
use super::set::ValueSet;
use crate::value::{Elementwise, Kind, Kinds, Number, Value};

/// A set that holds `f(x, …)` for every `x` of `args[0]`, and so on, on which `f` does not fail. At
/// most `limit` members of a lattice are listed.
pub(super) fn image(f: &Elementwise, args: &[&ValueSet], limit: usize) -> ValueSet {
    let kinds: Vec<Kinds> = args.iter().map(|set| set.kinds()).collect();
    let kinds = f.kinds(&kinds);
    if kinds.is_empty() || args.iter().any(|set| set.is_empty()) {
        return ValueSet::of([]);
    }
    if kinds == Kinds::BOOL {
        return ValueSet::of([Value::Bool(false), Value::Bool(true)]);
    }
    let lattice = |set: Option<Lattice>| match set {
        Some(lattice) if kinds == Kinds::NUMBER => ValueSet::of_lattice(lattice, [], limit),
        Some(_) | None => ValueSet::Unbounded(kinds),
    };
    match f {
        Elementwise::Neg => lattice(args[0].lattice().map(|x| x.neg())),
        Elementwise::Pos => lattice(args[0].lattice()),
        Elementwise::Round => lattice(args[0].lattice().map(|x| x.to_integers(Number::round_half_even))),
        Elementwise::Indicator => ValueSet::of([Value::int(0), Value::int(1)]),
        // A string can become any number.
        Elementwise::ToInt | Elementwise::ToFloat if args[0].kinds().contains(Kind::Str) => {
            ValueSet::Unbounded(kinds)
        }
        Elementwise::ToInt => lattice(args[0].lattice().map(|x| x.to_integers(Number::trunc))),
        Elementwise::ToFloat => lattice(args[0].lattice()),
        Elementwise::Add => lattice(both(args, Lattice::add)),
        Elementwise::Sub => lattice(both(args, |x, y| x.add(&y.neg()))),
        Elementwise::Mul => lattice(both(args, Lattice::mul)),
        Elementwise::Div => lattice(by_constant(args, |x, divisor| {
            x.mul(&Lattice::around([Number::ONE.div(divisor).ok()?])?)
        })),
        Elementwise::Mod => lattice(by_constant(args, Lattice::modulo)),
        Elementwise::If => {
            let (truths, lies) = truths(args[0]);
            match (truths, lies) {
                (true, false) => args[1].clone(),
                (false, true) => args[2].clone(),
                _ => args[1].union(args[2]),
            }
        }
        Elementwise::LookUp(table) => ValueSet::of(table.values().cloned()),
        Elementwise::Pow
        | Elementwise::ToStr
        | Elementwise::Not
        | Elementwise::ToBool
        | Elementwise::Compare(_)
        | Elementwise::And
        | Elementwise::Or
        | Elementwise::Member(_) => ValueSet::Unbounded(kinds),
    }
}

fn both(args: &[&ValueSet], f: impl Fn(&Lattice, &Lattice) -> Option<Lattice>) -> Option<Lattice> {
    f(&args[0].lattice()?, &args[1].lattice()?)
}

/// With a second argument that is one number other than 0.
fn by_constant(args: &[&ValueSet], f: impl Fn(&Lattice, &Number) -> Option<Lattice>) -> Option<Lattice> {
    match args[1].explicit()? {
        [one] => f(&args[0].lattice()?, &one.number().filter(|n| !n.is_zero())?),
        _ => None,
    }
}

/// Whether a condition can be true, and whether it can be false.
fn truths(set: &ValueSet) -> (bool, bool) {
    match set.explicit() {
        Some(values) => (values.iter().any(Value::truth), values.iter().any(|v| !v.truth())),
        None => (true, true),
    }
}
