//! f32 and f64, and functions of them that the compiler turns into wide instructions.

use candle_core::WithDType;
use num_traits::{Float, NumAssign};

/// Numbers that are worked on side by side: 512 bits of f32.
pub(super) const LANES: usize = 16;

pub(super) trait Real: Float + NumAssign + WithDType {
    /// `eˣ` within 2 units in the last place; 1 at 0, and 0 below -87.
    fn e(self) -> Self;

    /// The distribution function of the normal distribution, `Φ(x)`, within 4e-7 (f32).
    fn phi(self) -> Self;

    fn of(x: f64) -> Self;
}

impl Real for f32 {
    /// `2ⁿ eʳ` with `|r| ≤ ln 2 / 2` and the Taylor series of `eʳ` up to `r⁷`.
    #[inline(always)]
    fn e(self) -> Self {
        // Adding and subtracting 1.5 · 2²³ rounds to an integer.
        const ROUND: f32 = 12_582_912.0;
        // ln 2 in two parts, the first with so few digits that n times it is exact.
        const HIGH: f32 = 0.693_359_4;
        const LOW: f32 = -2.121_944_4e-4;
        let x = if self > 88.0 { 88.0 } else { self };
        let x = if x < -87.0 { -87.0 } else { x };
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = x - n * HIGH - n * LOW;
        let series = 1.0 / 5040.0;
        let series = series * r + 1.0 / 720.0;
        let series = series * r + 1.0 / 120.0;
        let series = series * r + 1.0 / 24.0;
        let series = series * r + 1.0 / 6.0;
        let series = (series * r + 0.5) * r * r + r + 1.0;
        // The last digits of the shifted number are n.
        let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
        let power = f32::from_bits(exponent << 23);
        if self < -87.0 { 0.0 } else { series * power }
    }

    /// Abramowitz and Stegun 7.1.26 for the error function of `|x| / √2`.
    #[inline(always)]
    fn phi(self) -> Self {
        let z = self.abs() * std::f32::consts::FRAC_1_SQRT_2;
        let t = 1.0 / (1.0 + 0.327_591_1 * z);
        let series = 1.061_405_4 * t - 1.453_152;
        let series = series * t + 1.421_413_8;
        let series = series * t - 0.284_496_74;
        let tail = 0.5 * (series * t + 0.254_829_6) * t * (-z * z).e();
        if self > 0.0 { 1.0 - tail } else { tail }
    }

    #[inline(always)]
    fn of(x: f64) -> Self {
        x as Self
    }
}

impl Real for f64 {
    #[inline(always)]
    fn e(self) -> Self {
        self.exp()
    }

    #[inline(always)]
    fn phi(self) -> Self {
        0.5 * (1.0 + candle_core::cpu::erf::erf_f64(self * std::f64::consts::FRAC_1_SQRT_2))
    }

    #[inline(always)]
    fn of(x: f64) -> Self {
        x
    }
}

/// `Σ f(xᵢ, yᵢ)`, added up in lanes.
#[inline(always)]
pub(super) fn sum<T: Real>(x: &[T], y: &[T], f: impl Fn(T, T) -> T) -> T {
    let mut lanes = [T::zero(); LANES];
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let rest = xs.remainder().iter().zip(ys.remainder()).fold(T::zero(), |sum, (x, y)| sum + f(*x, *y));
    for (x, y) in xs.zip(ys) {
        for i in 0..LANES {
            lanes[i] += f(x[i], y[i]);
        }
    }
    lanes.iter().fold(rest, |sum, lane| sum + *lane)
}
