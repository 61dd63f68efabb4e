//! How is an s-op that is held exactly made of conditions that neurons can be shut by?

use super::arithmetic::sub;
use super::{Form, Partition};
use crate::value::Number;
use std::collections::BTreeSet;

/// A number where an exact s-op opens the gate, else nothing.
#[derive(Clone)]
pub(super) struct Gate {
    /// 0 where it is open, 1 where it is shut.
    pub shut: Form,
    pub factor: Number,
}

/// Gates that add up to these numbers, one for each class: by bits where that takes fewer, otherwise one
/// for each number.
pub(super) fn by_code(partition: &Partition, numbers: &[Number]) -> Vec<Gate> {
    let gate = |open: &dyn Fn(&Number) -> bool, factor: Number| {
        let shut: Vec<Number> = numbers.iter().map(|n| i64::from(!open(n)).into()).collect();
        Gate { shut: Form::of(partition, &shut), factor }
    };
    let different: BTreeSet<&Number> = numbers.iter().filter(|n| !n.is_zero()).collect();
    let one_each = || different.iter().map(|number| gate(&|n| n == *number, (*number).clone())).collect();
    let Some(integers) = numbers.iter().map(Number::to_i64).collect::<Option<Vec<i64>>>() else {
        return one_each();
    };
    let largest = integers.iter().map(|i| i.unsigned_abs()).max().unwrap_or(0);
    let mut by_bits = Vec::new();
    for bit in (0..64 - largest.leading_zeros()).map(|b| 1_i64 << b) {
        for sign in [1, -1] {
            let open = |n: &Number| n.to_i64().is_some_and(|n| n.signum() == sign && n.abs() & bit != 0);
            if numbers.iter().any(open) {
                by_bits.push(gate(&open, (sign * bit).into()));
            }
        }
    }
    if by_bits.len() < different.len() { by_bits } else { one_each() }
}

/// Gates that add up to these numbers of a width that arrives as a share: one where they change, which
/// the step of the thermometer there shuts, as it is 1 below and 0 from there on.
pub(super) fn by_steps(partition: &Partition, numbers: &[Number]) -> Vec<Gate> {
    let mut gates = Vec::new();
    let mut before = &Number::ZERO;
    for (place, class) in partition.class.iter().enumerate() {
        let Some(number) = class.map(|c| &numbers[c as usize]) else { continue };
        if number != before {
            let below = (0..partition.class.len()).map(|p| Some(i64::from(p < place).into())).collect();
            let shut = Form { base: partition.base, numbers: below }.map(Number::clone);
            gates.push(Gate { shut, factor: sub(number, before) });
            before = number;
        }
    }
    gates
}
