//! f32 and f64, and functions of them that the compiler turns into wide instructions.

use num_traits::{Float, NumAssign};
use pulp::Simd;

/// Numbers that are worked on side by side: 512 bits of f32.
pub(super) const LANES: usize = 16;

/// `φ(0) = 1/√(2π)`
const DENSITY: f64 = 0.398_942_280_401_432_7;

pub trait Real: Float + NumAssign + Default + Send + Sync + 'static {
    /// A register.
    type Vector<S: Simd>: Copy;

    /// Numbers in a register.
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::Vector<S>>() / size_of::<Self>()
    }

    /// As many whole registers as a slice has.
    fn vectors<S: Simd>(slice: &[Self]) -> &[Self::Vector<S>];

    fn vectors_mut<S: Simd>(slice: &mut [Self]) -> &mut [Self::Vector<S>];

    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;

    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// `a b + c`
    fn times_plus<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;

    /// Registers as numbers.
    fn entries<S: Simd>(vectors: &[Self::Vector<S>]) -> &[Self];

    /// `eˣ` within 2 units in the last place; 1 at 0, and 0 below -87.
    fn e(self) -> Self;

    /// The distribution function of the normal distribution, `Φ(x)`, within 4e-7 (f32), and its
    /// density `φ(x)`.
    fn normal(self) -> (Self, Self);

    fn of(x: f64) -> Self;

    fn wide(self) -> f64;
}

/// The parts of [`Real`] that are pulp's.
macro_rules! registers {
    ($vector:ident, $vectors:ident, $vectors_mut:ident, $splat:ident, $add:ident, $times_plus:ident) => {
        type Vector<S: Simd> = S::$vector;

        #[inline(always)]
        fn vectors<S: Simd>(slice: &[Self]) -> &[S::$vector] {
            S::$vectors(slice).0
        }

        #[inline(always)]
        fn vectors_mut<S: Simd>(slice: &mut [Self]) -> &mut [S::$vector] {
            S::$vectors_mut(slice).0
        }

        #[inline(always)]
        fn splat<S: Simd>(simd: S, x: Self) -> S::$vector {
            simd.$splat(x)
        }

        #[inline(always)]
        fn plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
            simd.$add(a, b)
        }

        #[inline(always)]
        fn times_plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
            simd.$times_plus(a, b, c)
        }

        #[inline(always)]
        fn entries<S: Simd>(vectors: &[S::$vector]) -> &[Self] {
            pulp::bytemuck::cast_slice(vectors)
        }

        #[inline(always)]
        fn of(x: f64) -> Self {
            x as Self
        }

        #[inline(always)]
        fn wide(self) -> f64 {
            f64::from(self)
        }
    };
}

impl Real for f32 {
    registers!(f32s, as_simd_f32s, as_mut_simd_f32s, splat_f32s, add_f32s, mul_add_e_f32s);

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
        // In pairs of terms, which do not wait for each other.
        let r2 = r * r;
        let (low, middle, high) =
            (r * (1.0 / 6.0) + 0.5, r * (1.0 / 120.0) + 1.0 / 24.0, r * (1.0 / 5040.0) + 1.0 / 720.0);
        let series = ((high * r2 + middle) * r2 + low) * r2 + r + 1.0;
        // The last digits of the shifted number are n.
        let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
        let power = f32::from_bits(exponent << 23);
        if self < -87.0 { 0.0 } else { series * power }
    }

    /// Abramowitz and Stegun 7.1.26 for the error function of `z = |x| / √2`; `e^(-z²)` is in both.
    #[inline(always)]
    fn normal(self) -> (Self, Self) {
        let t = 1.0 / (1.0 + 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2 * self.abs());
        let series = 1.061_405_4 * t - 1.453_152;
        let series = series * t + 1.421_413_8;
        let series = series * t - 0.284_496_74;
        let bell = (-0.5 * self * self).e();
        let tail = 0.5 * (series * t + 0.254_829_6) * t * bell;
        (if self > 0.0 { 1.0 - tail } else { tail }, bell * DENSITY as Self)
    }
}

impl Real for f64 {
    registers!(f64s, as_simd_f64s, as_mut_simd_f64s, splat_f64s, add_f64s, mul_add_e_f64s);

    #[inline(always)]
    fn e(self) -> Self {
        self.exp()
    }

    #[inline(always)]
    fn normal(self) -> (Self, Self) {
        let phi = 0.5 * (1.0 + candle_core::cpu::erf::erf_f64(self * std::f64::consts::FRAC_1_SQRT_2));
        (phi, (-0.5 * self * self).exp() * DENSITY)
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
    fold(lanes, |a, b| a + b) + rest
}

/// `to ← from` for fewer numbers than there are lanes.
#[inline(always)]
pub(super) fn copy_few<T: Real>(to: &mut [T], from: &[T]) {
    few(to, from, |to, from| *to = from);
}

/// `to ← to + from` for fewer numbers than there are lanes.
#[inline(always)]
pub(super) fn add_few<T: Real>(to: &mut [T], from: &[T]) {
    few(to, from, |to, from| *to += from);
}

/// In pieces of fixed sizes.
#[inline(always)]
fn few<T: Real>(to: &mut [T], from: &[T], f: impl Fn(&mut T, T)) {
    let mut at = 0;
    macro_rules! pieces {
        ($($size:literal)*) => {$(
            if to.len() & $size != 0 {
                let (to, from) = (&mut to[at..at + $size], &from[at..at + $size]);
                for i in 0..$size {
                    f(&mut to[i], from[i]);
                }
                at += $size;
            }
        )*};
    }
    pieces!(8 4 2 1);
    let _ = at;
}

/// All lanes in one number, halves of them at a time.
#[inline(always)]
pub(super) fn fold<T: Real>(mut lanes: [T; LANES], f: impl Fn(T, T) -> T) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = f(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}
