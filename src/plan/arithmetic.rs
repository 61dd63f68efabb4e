//! Exact arithmetic on the small numbers of a plan.
//!
//! [`manageable`] is checked of every number that comes from the program, so that the few
//! operations a plan does on them stay far inside the limits of [`Number`].

use crate::value::{Fault, Number};

/// Whether a number is small enough to become a weight: below 2^24 in size, with a denominator
/// of 32 bits.
pub(super) fn manageable(number: &Number) -> bool {
    number.abs() < Number::from(1i64 << 24) && number.denominator().is_some_and(|d| d < 1 << 32)
}

fn inside(result: Result<Number, Fault>) -> Number {
    result.expect("numbers in a plan are small and divisors are not 0")
}

pub(super) fn add(a: &Number, b: &Number) -> Number {
    inside(a.add(b))
}

pub(super) fn sub(a: &Number, b: &Number) -> Number {
    inside(a.sub(b))
}

pub(super) fn mul(a: &Number, b: &Number) -> Number {
    inside(a.mul(b))
}

pub(super) fn div(a: &Number, b: &Number) -> Number {
    inside(a.div(b))
}

/// `2^exponent`
pub fn power_of_two(exponent: i32) -> Number {
    inside(Number::from(2i64).pow(&i64::from(exponent).into()))
}

/// `γ_m = m·u / (1 - m·u)` with `u = 2^-24`: the relative error of an f32 dot product of `m`
/// terms, in any order of summation (Higham, *Accuracy and Stability*, §3.1).
pub fn gamma(m: usize) -> Number {
    let mu = mul(&m.into(), &power_of_two(-24));
    div(&mu, &sub(&Number::ONE, &mu))
}

/// The nearest f32.
pub(super) fn rounded(number: &Number) -> Number {
    Number::from_f64(f64::from(number.to_f32())).unwrap_or_else(|| number.clone())
}

/// The distance between a number and the nearest f32.
pub(super) fn rounding(number: &Number) -> Number {
    sub(number, &rounded(number)).abs()
}

/// A number with a small denominator that is no smaller: sums of many fractions get large ones.
pub(super) fn above(number: &Number) -> Number {
    let steps = mul(number, &power_of_two(48)).floor();
    mul(&add(&steps, &Number::ONE), &power_of_two(-48))
}
