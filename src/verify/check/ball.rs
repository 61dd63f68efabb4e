//! Which f32 numbers can a sum come out as, in any order of summation, fused or not?
//!
//! A [`Ball`] holds every number that a run may have at some place. Where its radius is 0, all runs
//! have that one f32 number there.
//!
//! Everything is computed in f64. Products of two f32 are exact there, and sums that [`exact`]
//! admits are so in f32, hence in f64 too. Bounds are sums and products of numbers that are not
//! negative, each off by one part in 2^52 at most; [`UP`] outweighs 2^30 of these.

use crate::value::Number;
use std::hash::{Hash, Hasher};

/// Half a unit in the last place of f32, relative to the number.
const UNIT: f64 = 1.0 / (1u32 << 24) as f64;

/// f32 counts up to this many quanta.
const QUANTA: f64 = (1u32 << 24) as f64;

/// Bounds are stretched by this.
const UP: f64 = 1.0 + 1.0 / (1u32 << 20) as f64;

/// Numbers beyond this size are not reasoned about: f32 ends at 2^128.
pub(super) const LARGEST: f64 = 1e30;

/// Beyond the least f32 that is not 0: what a sum or product loses there.
pub(super) const LEAST: f64 = 1e-44;

/// Every number within `rad` of `mid`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ball {
    pub mid: f64,
    pub rad: f64,
}

/// No number is NaN: sums that could overflow are refused.
impl Eq for Ball {}

impl Hash for Ball {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // 0 and -0 are equal.
        ((self.mid + 0.0).to_bits(), (self.rad + 0.0).to_bits()).hash(state);
    }
}

impl Ball {
    pub const ZERO: Self = Self { mid: 0.0, rad: 0.0 };

    pub fn exact(number: f64) -> Self {
        Self { mid: number, rad: 0.0 }
    }

    /// A rational, which need not be an f64.
    pub fn rational(number: &Number) -> Self {
        let mid = number.to_f64();
        let same = Number::from_f64(mid).as_ref() == Some(number);
        Self { mid, rad: if same { 0.0 } else { mid.abs() * 2.0 * f64::EPSILON } }
    }

    pub fn is_exact(self) -> bool {
        self.rad == 0.0
    }

    /// The greatest size.
    pub fn size(self) -> f64 {
        (self.mid.abs() + self.rad) * UP
    }

    pub fn low(self) -> f64 {
        if self.is_exact() { self.mid } else { self.mid - self.rad * UP - self.mid.abs() * f64::EPSILON }
    }

    pub fn high(self) -> f64 {
        -Self { mid: -self.mid, rad: self.rad }.low()
    }

    pub fn widened(self, by: f64) -> Self {
        Self { mid: self.mid, rad: (self.rad + by) * UP }
    }

    /// Products with a number that f32 and the runtime may round: it, or what it is the inverse of.
    pub fn times(self, number: f64) -> Self {
        let product = Self { mid: self.mid * number, rad: self.rad * number.abs() };
        if is_power_of_two(number) { product } else { product.widened(rounding(4, product.size())) }
    }

    /// The least ball around both.
    pub fn hull(self, other: Self) -> Self {
        match self == other {
            true => self,
            false => Self::between(self.low().min(other.low()), self.high().max(other.high())),
        }
    }

    pub fn between(low: f64, high: f64) -> Self {
        let mid = low.midpoint(high);
        Self { mid, rad: (high - low) / 2.0 * UP + mid.abs() * 2.0 * f64::EPSILON }
    }

    /// Whether no number is in both.
    pub fn apart(self, other: Self) -> bool {
        self.low() > other.high() || other.low() > self.high()
    }

    /// How far the numbers may be from a rational.
    pub fn distance(self, number: &Number) -> Option<Number> {
        let far = |end: f64| Some(Number::from_f64(end)?.sub(number).ok()?.abs());
        Some(far(self.low())?.max(far(self.high())?))
    }

    /// A power of two that all f32 numbers in the ball are multiples of; none if 0 is among them
    /// and others too.
    pub fn quantum(self) -> Option<f64> {
        let nearest = self.low().max(-self.high());
        let last_place = || power_of_two_below(nearest) / (1u32 << 23) as f64;
        if self.is_exact() { Some(quantum(self.mid)) } else { (nearest > 1e-30).then(last_place) }
    }
}

/// The error of `m` roundings of numbers of that size: `γ_m = m u / (1 - m u)` of it, or what is lost
/// near 0.
pub(super) fn rounding(m: usize, size: f64) -> f64 {
    let relative = m as f64 * UNIT;
    (relative / (1.0 - relative) * size + m as f64 * LEAST) * UP
}

/// `fl(1/n)`
pub(super) fn share(n: usize) -> Ball {
    let mid = 1.0 / n as f64;
    Ball { mid, rad: if n.is_power_of_two() { 0.0 } else { mid * UNIT * UP } }
}

fn power_of_two_below(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & (0x7ff << 52))
}

/// Whether a product with this number is a shift.
pub(super) fn is_power_of_two(x: f64) -> bool {
    x.is_normal() && x.abs() == power_of_two_below(x.abs())
}

/// The greatest power of two that a number is a multiple of; infinity for 0.
fn quantum(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY;
    }
    let mantissa = x.to_bits() & ((1 << 52) - 1) | 1 << 52;
    power_of_two_below(x.abs()) * f64::from_bits((1023 - 52 + u64::from(mantissa.trailing_zeros())) << 52)
}

/// Whether f32 adds up terms exactly in any order: they are multiples of one power of two, and
/// their sizes add up to 2^24 times that at most.
pub(super) fn exact(size: f64, quantum: f64) -> bool {
    size <= QUANTA * quantum && size < LARGEST && (quantum > LEAST || size == 0.0)
}

/// Whether a number is an f32, and no very small one.
pub(super) fn is_f32(x: f64) -> bool {
    x == 0.0 || exact(x.abs(), quantum(x))
}

/// `Σ a b` as f32 computes it. None where that may overflow.
pub(super) fn dot(terms: impl Iterator<Item = (Ball, Ball)>) -> Option<Ball> {
    let (mut mid, mut size, mut rad, mut least) = (0.0, 0.0, 0.0, f64::INFINITY);
    let (mut count, mut shifts, mut two) = (0_usize, true, [0.0; 2]);
    for (a, b) in terms.filter(|(a, b)| *a != Ball::ZERO && *b != Ball::ZERO) {
        let product = a.mid * b.mid;
        mid += product;
        size += a.size() * b.size();
        rad += a.mid.abs() * b.rad + b.mid.abs() * a.rad + a.rad * b.rad;
        least = f64::min(least, quantum(product));
        shifts &= a.is_exact() && is_power_of_two(a.mid) || b.is_exact() && is_power_of_two(b.mid);
        if let Some(place) = two.get_mut(count) {
            *place = product;
        }
        count += 1;
    }
    if size >= LARGEST {
        return None;
    }
    // Two numbers are added with one rounding; where f64 gives an f32, that is it.
    let once = count <= 2 && two.iter().all(|p| is_f32(*p)) && is_f32(mid);
    if rad == 0.0 && (exact(size, least) || once) {
        return Some(Ball::exact(mid));
    }
    let rounding = if count <= 1 && shifts { count as f64 * LEAST } else { rounding(count, size) };
    let computing = (count + 4) as f64 * 4.0 * f64::EPSILON * size;
    Some(Ball { mid, rad: (rad + rounding + computing) * UP })
}
