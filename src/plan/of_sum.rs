//! Which operations on two s-ops depend on a sum of integers alone, one of each?
//!
//! `a + b` does, `a == b` and `a < b` depend on the difference of two ranks. A table of all pairs
//! would grow with the square of a vocabulary; a function of one integer grows with its bends.

use super::Partition;
use super::folded::MAX_SUM;
use super::lower::MAX_VALUES;
use super::view::View;
use crate::value::{Elementwise, Value};
use std::collections::BTreeMap;

/// `results[codes[0][class of args[0]] + codes[1][class of args[1]]]`
pub(super) struct OfSum {
    pub args: [Partition; 2],
    pub codes: [Vec<i64>; 2],
    pub results: BTreeMap<i64, Value>,
}

impl OfSum {
    /// `f` of two views of one base each, if it depends on a sum. It may list more results than occur.
    pub fn new(f: &Elementwise, views: &[View]) -> Option<Self> {
        let [left, right] = views else { return None };
        let ([a], [b]) = (left.args.as_slice(), right.args.as_slice()) else { return None };
        if a.base == b.base {
            return None;
        }
        let negative = |codes: Vec<i64>| codes.into_iter().map(|code| -code).collect();
        let codes: [Vec<i64>; 2] = match f {
            Elementwise::Add => [integers(left)?, integers(right)?],
            Elementwise::Sub => [integers(left)?, negative(integers(right)?)],
            Elementwise::Compare(_) => {
                let [left, right] = ranks(left, right)?;
                [left, negative(right)]
            }
            _ => return None,
        };
        let result = |sum: i64| match f {
            Elementwise::Compare(op) => Value::Bool(op.holds(&Value::int(sum), &Value::int(0)) == Ok(true)),
            _ => Value::int(sum),
        };
        let [a_codes, b_codes] = &codes;
        let least = a_codes.iter().min()? + b_codes.iter().min()?;
        let most = a_codes.iter().max()? + b_codes.iter().max()?;
        let few = most - least < MAX_VALUES as i64;
        let results = few.then(|| (least..=most).map(|sum| (sum, result(sum))).collect())?;
        Some(Self { args: [a.clone(), b.clone()], codes, results })
    }

    /// The values that it lists, sorted.
    pub fn values(&self) -> Vec<Value> {
        let mut values: Vec<Value> = self.results.values().cloned().collect();
        values.sort();
        values.dedup();
        values
    }
}

/// The number of each class, if all are small integers.
fn integers(view: &View) -> Option<Vec<i64>> {
    let integer = |cell: &Option<Value>| match cell {
        Some(Value::Number(n)) => n.to_i64().filter(|n| n.abs() <= MAX_SUM),
        Some(Value::Bool(_) | Value::Str(_)) | None => None,
    };
    view.cells.iter().map(integer).collect()
}

/// The place of the value of each class among those of both views, which are all numbers or all strings.
/// Neighbours that only one of the views has share a place: nothing asks which of them it is.
fn ranks(left: &View, right: &View) -> Option<[Vec<i64>; 2]> {
    let cells = || left.cells.iter().chain(&right.cells);
    let numbers = cells().all(|cell| matches!(cell, Some(Value::Number(_))));
    let strings = cells().all(|cell| matches!(cell, Some(Value::Str(_))));
    (numbers || strings).then_some(())?;
    let mut sides: BTreeMap<&Value, [bool; 2]> = BTreeMap::new();
    for (side, view) in [left, right].into_iter().enumerate() {
        view.cells.iter().flatten().for_each(|value| sides.entry(value).or_default()[side] = true);
    }
    let (mut ranks, mut rank, mut before) = (BTreeMap::new(), 0, None);
    for (value, side) in sides {
        // A value that both have is apart from all others.
        let apart = before.is_some_and(|before| before != side || side == [true; 2]);
        rank += i64::from(apart);
        before = Some(side);
        ranks.insert(value, rank);
    }
    let rank = |cell: &Option<Value>| ranks.get(cell.as_ref()?).copied();
    let of = |view: &View| view.cells.iter().map(rank).collect::<Option<Vec<i64>>>();
    Some([of(left)?, of(right)?])
}
