//! Exact rational numbers with a limit on their size.

use super::Fault;
use dashu_int::{
    IBig, UBig,
    ops::{Abs, BitTest, RemEuclid},
};
use dashu_ratio::RBig;
use std::fmt;

/// An exact rational number. Integers are the ones with denominator 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number(RBig);

/// Numerators and denominators beyond this many bits are refused: `lcm(1..=2800)`, which
/// bounds the denominator of a mean of means at length 2800, still fits.
pub const MAX_BITS: usize = 4096;

impl Default for Number {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Number {
    pub const ZERO: Self = Self(RBig::ZERO);
    pub const ONE: Self = Self(RBig::ONE);

    /// `numerator / denominator`; `None` if the denominator is 0.
    pub fn ratio(numerator: i64, denominator: i64) -> Option<Self> {
        (denominator != 0).then(|| Self(RBig::from_parts_signed(numerator.into(), denominator.into())))
    }

    /// Reads `12`, `-3`, `0.25`, `1/3`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let plain =
            |s: &str| !s.is_empty() && s.len() <= MAX_BITS / 4 && s.bytes().all(|b| b.is_ascii_digit());
        let int = |s: &str| plain(s).then(|| IBig::from_str_radix(s, 10).ok()).flatten();
        let value = if let Some((n, d)) = digits.split_once('/') {
            let d = int(d)?;
            if d == IBig::ZERO {
                return None;
            }
            RBig::from_parts_signed(int(n)?, d)
        } else if let Some((whole, fraction)) = digits.split_once('.') {
            int(whole)?;
            int(fraction)?;
            RBig::from_parts(int(&format!("{whole}{fraction}"))?, UBig::from(10u8).pow(fraction.len()))
        } else {
            RBig::from(int(digits)?)
        };
        Some(Self(value * RBig::from(sign)))
    }

    pub fn is_integer(&self) -> bool {
        self.0.is_int()
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    pub fn is_negative(&self) -> bool {
        self.0 < RBig::ZERO
    }

    /// The number as an integer of 64 bits, if it is one.
    pub fn to_i64(&self) -> Option<i64> {
        self.is_integer().then(|| i64::try_from(self.0.numerator()).ok()).flatten()
    }

    /// The nearest 64-bit float (ties to even).
    pub fn to_f64(&self) -> f64 {
        self.0.to_f64().value()
    }

    /// The nearest 32-bit float (ties to even).
    pub fn to_f32(&self) -> f32 {
        self.0.to_f32().value()
    }

    /// The exact value of a finite float.
    pub fn from_f64(value: f64) -> Option<Self> {
        RBig::try_from(value).ok().map(Self)
    }

    /// The number of 64-bit words of numerator and denominator: addition and multiplication take time by
    /// its square.
    pub fn words(&self) -> usize {
        let (numerator, denominator) = self.bits();
        numerator.div_ceil(64).max(1) + denominator.div_ceil(64)
    }

    /// How many binary digits the numerator and the denominator of the reduced fraction have.
    pub fn bits(&self) -> (usize, usize) {
        (self.0.numerator().bit_len(), self.0.denominator().bit_len())
    }

    /// The denominator of the reduced fraction, if it fits.
    pub fn denominator(&self) -> Option<u64> {
        u64::try_from(self.0.denominator()).ok()
    }

    fn checked(value: RBig) -> Result<Self, Fault> {
        let bits = value.numerator().bit_len().max(value.denominator().bit_len());
        if bits > MAX_BITS { Err(Fault::NumberTooLarge { bits }) } else { Ok(Self(value)) }
    }

    /// Both numerators, if both are integers: most numbers are, and need no common denominator.
    fn integers<'n>(&'n self, other: &'n Self) -> Option<(&'n IBig, &'n IBig)> {
        (self.is_integer() && other.is_integer()).then(|| (self.0.numerator(), other.0.numerator()))
    }

    pub fn add(&self, other: &Self) -> Result<Self, Fault> {
        Self::checked(self.integers(other).map_or_else(|| &self.0 + &other.0, |(a, b)| RBig::from(a + b)))
    }

    pub fn sub(&self, other: &Self) -> Result<Self, Fault> {
        Self::checked(self.integers(other).map_or_else(|| &self.0 - &other.0, |(a, b)| RBig::from(a - b)))
    }

    pub fn mul(&self, other: &Self) -> Result<Self, Fault> {
        Self::checked(self.integers(other).map_or_else(|| &self.0 * &other.0, |(a, b)| RBig::from(a * b)))
    }

    pub fn div(&self, other: &Self) -> Result<Self, Fault> {
        if other.is_zero() {
            return Err(Fault::DivisionByZero);
        }
        Self::checked(&self.0 / &other.0)
    }

    /// `self - other * floor(self / other)`: the remainder has the sign of the divisor.
    pub fn modulo(&self, other: &Self) -> Result<Self, Fault> {
        if let Some((a, b)) = self.integers(other).filter(|(_, b)| **b > IBig::ZERO) {
            return Self::checked(RBig::from(IBig::from(a.rem_euclid(b))));
        }
        let quotient = self.div(other)?;
        Self::checked(&self.0 - &other.0 * RBig::from(quotient.0.floor()))
    }

    /// `self ^ exponent`, where the result is rational: roots only of perfect powers.
    pub fn pow(&self, exponent: &Self) -> Result<Self, Fault> {
        if self.is_zero() && exponent.is_negative() {
            return Err(Fault::DivisionByZero);
        }
        let irrational = || Fault::IrrationalPower { base: self.clone(), exponent: exponent.clone() };
        let (n, d) = (exponent.0.numerator(), exponent.0.denominator());
        let root = match u32::try_from(d).ok() {
            Some(1) => self.clone(),
            Some(degree) => self.root(degree).ok_or_else(irrational)?,
            None => return Err(irrational()),
        };
        if root.is_zero() || root == Self::ONE {
            return Ok(if exponent.is_zero() { Self::ONE } else { root });
        }
        let size = root.0.numerator().bit_len().max(root.0.denominator().bit_len());
        let times = i64::try_from(n).unwrap_or(i64::MAX);
        let bits = size.saturating_sub(1).saturating_mul(times.unsigned_abs() as usize);
        if bits > MAX_BITS || times == i64::MAX {
            return match root == Self::ONE.neg() {
                true => Ok(if n.bit(0) { root } else { Self::ONE }),
                false => Err(Fault::NumberTooLarge { bits }),
            };
        }
        Self::checked(root.0.pow(times as isize))
    }

    /// The rational root of the given degree, if there is one.
    fn root(&self, degree: u32) -> Option<Self> {
        if self.is_negative() {
            return None;
        }
        let exact = |x: &UBig| {
            let root = x.nth_root(degree as usize);
            (root.pow(degree as usize) == *x).then_some(root)
        };
        if self.is_zero() {
            return Some(Self::ZERO);
        }
        // A root of 2 or more has at least `degree` bits below the number it comes from.
        if *self != Self::ONE && degree as usize > MAX_BITS {
            return None;
        }
        let numerator = UBig::try_from(self.0.numerator().clone()).ok()?;
        Some(Self(RBig::from_parts(exact(&numerator)?.into(), exact(self.0.denominator())?)))
    }

    pub fn neg(&self) -> Self {
        Self(-self.0.clone())
    }

    pub fn abs(&self) -> Self {
        if self.is_negative() { self.neg() } else { self.clone() }
    }

    /// The nearest integer; a half goes to the even neighbour.
    pub fn round_half_even(&self) -> Self {
        let floor = self.0.floor();
        let rest = &self.0 - RBig::from(floor.clone());
        let half = RBig::from_parts(IBig::ONE, UBig::from(2u8));
        let up = rest > half || (rest == half && floor.bit(0));
        Self(RBig::from(if up { floor + IBig::ONE } else { floor }))
    }

    pub fn floor(&self) -> Self {
        Self(RBig::from(self.0.floor()))
    }

    /// The integer part: towards zero.
    pub fn trunc(&self) -> Self {
        Self(RBig::from(self.0.trunc()))
    }

    /// The decimal notation, if it ends: `0.25`, but nothing for `1/3`.
    pub fn to_decimal(&self) -> Option<String> {
        if self.is_integer() {
            return Some(self.to_string());
        }
        let mut rest = self.0.denominator().clone();
        let (two, five) = (UBig::from(2u8), UBig::from(5u8));
        let mut digits = [0usize; 2];
        for (prime, count) in [two, five].into_iter().zip(&mut digits) {
            while (&rest % &prime).is_zero() {
                rest /= &prime;
                *count += 1;
            }
        }
        if !rest.is_one() {
            return None;
        }
        let places = digits[0].max(digits[1]);
        let scaled = &self.0 * RBig::from(UBig::from(10u8).pow(places));
        let sign = if self.is_negative() { "-" } else { "" };
        let text = format!("{:0>width$}", scaled.numerator().clone().abs().to_string(), width = places + 1);
        let (whole, fraction) = text.split_at(text.len() - places);
        Some(format!("{sign}{whole}.{fraction}"))
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(RBig::from(value))
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self(RBig::from(value))
    }
}

/// `7`, `-2`, `1/3`.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
