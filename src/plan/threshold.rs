//! Where does a step of a thermometer lie, and how steep is it?
//!
//! A step is a pair of neurons, `ReLU(L·|x| - c + ½) - ReLU(L·|x| - c - ½)`: 0 up to one value of
//! `x`, 1 from the next on, and a ramp of width `1/L` in between, centred in the gap.

use super::arithmetic::{add, div, mul, power_of_two, sub};
use crate::value::Number;

/// A step: 1 where `slope · x > centre`, 0 elsewhere.
///
/// The slope is a power of two, or minus one where the threshold is negative: the ramp faces
/// away from zero. Then `slope · x - centre ± ½` is a multiple of the input's own unit in the
/// last place and, as the centre is ½ at least, no larger than `slope · x`: both neurons are exact,
/// and so is their difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    pub slope: Number,
    pub centre: Number,
}

/// The largest `slope · |x|`: numbers below 2^23 have ½ on their grid, and one binade is spent
/// on what a neuron adds and on the error of `x`.
const MAX_SLOPE: i32 = 22;

impl Threshold {
    /// The step between two neighbouring values that are known up to `error`, among values of
    /// size `largest` at most; none if f32 cannot tell them apart.
    ///
    /// `2 / gap` or more is steep enough: the ramp fills half of the gap, and a quarter stays
    /// free on either side for `error` and for rounding the centre.
    pub fn between(low: &Number, high: &Number, error: &Number, largest: &Number) -> Option<Self> {
        let half = power_of_two(-1);
        let middle = mul(&add(low, high), &half);
        let (near, far) = match middle.is_negative() {
            true => (high.neg(), low.neg()),
            false => (low.clone(), high.clone()),
        };
        let gap = sub(&far, &near);
        let reach = (0..).find(|&e| power_of_two(e) >= *largest)?;
        let least = (-reach..=MAX_SLOPE).find(|&e| mul(&power_of_two(e), &gap) >= Number::from(2i64))?;
        (least..=MAX_SLOPE - reach).find_map(|exponent| {
            let slope = power_of_two(exponent);
            let grid = power_of_two(exponent + reach - MAX_SLOPE - 1);
            let centre = div(&mul(&middle.abs(), &slope), &grid).round_half_even();
            let centre = mul(&centre, &grid).max(half.clone());
            let above = sub(&mul(&slope, &sub(&far, error)), &centre);
            let below = sub(&centre, &mul(&slope, &add(&near, error)));
            let slope = if middle.is_negative() { slope.neg() } else { slope };
            (above >= half && below >= half).then_some(Self { slope, centre })
        })
    }

    /// Whether the step is 1 for large inputs, not for small ones.
    pub fn rises(&self) -> bool {
        !self.slope.is_negative()
    }
}
