//! Lattices of fractions: where means lie.

use crate::value::{MAX_BITS, Number, Value};
use std::collections::BTreeSet;
use std::fmt;

/// Every `s / k` with `s` a multiple of `step`, `1 <= k <= max_count` and `lo <= s / k <= hi`.
///
/// `step` is positive, and `lo <= hi`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lattice {
    pub step: Number,
    pub lo: Number,
    pub hi: Number,
    pub max_count: usize,
}

/// The numbers among some values; booleans are none.
pub(super) fn numbers(values: &[Value]) -> impl Iterator<Item = Number> {
    values.iter().filter_map(|v| match v {
        Value::Number(n) => Some(n.clone()),
        Value::Bool(_) | Value::Str(_) => None,
    })
}

/// The greatest number of which both are multiples.
fn gcd(a: &Number, b: &Number) -> Option<Number> {
    let (mut a, mut b) = (a.abs(), b.abs());
    while !b.is_zero() {
        let rest = a.modulo(&b).ok()?;
        a = std::mem::replace(&mut b, rest);
    }
    Some(a)
}

/// [`gcd`] of all; 1 if they are all 0.
fn step_of<'a>(numbers: impl IntoIterator<Item = &'a Number>) -> Option<Number> {
    let step = numbers.into_iter().try_fold(Number::ZERO, |step, n| gcd(&step, n))?;
    Some(if step.is_zero() { Number::ONE } else { step })
}

impl Lattice {
    /// The tightest lattice of plain multiples (`max_count` 1) around some numbers; `None` if
    /// there are none, or if their common step is too fine to write down.
    pub(super) fn around(numbers: impl IntoIterator<Item = Number>) -> Option<Self> {
        let numbers: Vec<Number> = numbers.into_iter().collect();
        let (lo, hi) = (numbers.iter().min()?.clone(), numbers.iter().max()?.clone());
        Some(Self { step: step_of(&numbers)?, lo, hi, max_count: 1 })
    }

    /// Whether a number is one of the fractions.
    pub fn contains(&self, number: &Number) -> bool {
        // In lowest terms, number / step = s / k; its other forms have larger k.
        let within = &self.lo <= number && number <= &self.hi;
        let count = number.div(&self.step).ok().and_then(|ratio| ratio.denominator());
        within && count.is_some_and(|k| k <= self.max_count as u64)
    }

    /// The greatest fraction below a number.
    pub fn below(&self, number: &Number) -> Option<Number> {
        let of_count = |k: usize| {
            let k = Number::from(k);
            let units = |x: &Number| x.mul(&k).ok()?.div(&self.step).ok();
            // The greatest integer below: ⌈x⌉ - 1.
            let under = units(number)?.neg().floor().neg().sub(&Number::ONE).ok()?;
            let multiple = under.min(units(&self.hi)?.floor());
            multiple.mul(&self.step).ok()?.div(&k).ok().filter(|n| *n >= self.lo)
        };
        (1..=self.max_count).filter_map(of_count).max()
    }

    /// The least fraction above a number.
    pub fn above(&self, number: &Number) -> Option<Number> {
        self.neg().below(&number.neg()).map(|n| n.neg())
    }

    /// All fractions in order, unless there are more than `limit`.
    pub(super) fn members(&self, limit: usize) -> Option<Vec<Number>> {
        means(
            &Offset { base: Number::ZERO, step: self.step.clone() },
            &self.lo,
            &self.hi,
            1,
            self.max_count,
            limit,
        )
    }

    /// This lattice, widened to hold one more number.
    pub(super) fn with(&self, number: &Number) -> Option<Self> {
        if self.contains(number) {
            return Some(self.clone());
        }
        self.union(&Self::around([number.clone()])?)
    }

    /// The smallest lattice that holds both.
    pub(super) fn union(&self, other: &Self) -> Option<Self> {
        Some(Self {
            step: gcd(&self.step, &other.step)?,
            lo: (&self.lo).min(&other.lo).clone(),
            hi: (&self.hi).max(&other.hi).clone(),
            max_count: self.max_count.max(other.max_count),
        })
    }

    pub(super) fn neg(&self) -> Self {
        Self { lo: self.hi.neg(), hi: self.lo.neg(), ..self.clone() }
    }

    /// `s1/k1 + s2/k2 = (s1·k2 + s2·k1) / (k1·k2)`
    pub(super) fn add(&self, other: &Self) -> Option<Self> {
        Some(Self {
            step: gcd(&self.step, &other.step)?,
            lo: self.lo.add(&other.lo).ok()?,
            hi: self.hi.add(&other.hi).ok()?,
            max_count: self.max_count.checked_mul(other.max_count)?,
        })
    }

    pub(super) fn mul(&self, other: &Self) -> Option<Self> {
        let corner = |a: &Number, b: &Number| a.mul(b).ok();
        let corners = [
            corner(&self.lo, &other.lo)?,
            corner(&self.lo, &other.hi)?,
            corner(&self.hi, &other.lo)?,
            corner(&self.hi, &other.hi)?,
        ];
        Some(Self {
            step: self.step.mul(&other.step).ok()?,
            lo: corners.iter().min()?.clone(),
            hi: corners.iter().max()?.clone(),
            max_count: self.max_count.checked_mul(other.max_count)?,
        })
    }

    /// The image under a monotone function to the integers.
    pub(super) fn to_integers(&self, f: impl Fn(&Number) -> Number) -> Self {
        Self { step: Number::ONE, lo: f(&self.lo), hi: f(&self.hi), max_count: 1 }
    }

    /// `x - m · floor(x / m)` lies between 0 and `m`.
    pub(super) fn modulo(&self, m: &Number) -> Option<Self> {
        let (lo, hi) = if m.is_negative() { (m.clone(), Number::ZERO) } else { (Number::ZERO, m.clone()) };
        Some(Self { step: gcd(&self.step, m)?, lo, hi, max_count: self.max_count })
    }

    /// The sums of `min` to `max` members of a lattice of plain multiples.
    pub(super) fn sums(&self, min: usize, max: usize) -> Option<Self> {
        let times = |count: usize| Some((self.lo.mul(&count.into()).ok()?, self.hi.mul(&count.into()).ok()?));
        let ((few_lo, few_hi), (many_lo, many_hi)) = (times(min)?, times(max)?);
        Some(Self { step: self.step.clone(), lo: few_lo.min(many_lo), hi: few_hi.max(many_hi), max_count: 1 })
    }

    /// The means of 1 to `count` members.
    pub(super) fn means(&self, count: usize) -> Option<Self> {
        if self.max_count == 1 {
            return Some(Self { max_count: count, ..self.clone() });
        }
        if self.max_count > MAX_BITS {
            return None;
        }
        // Members over different counts are multiples of one over the least common multiple of the
        // counts: the product of the prime p for every power of p up to the greatest.
        let common = (2..=self.max_count)
            .filter_map(prime_of_power)
            .try_fold(Number::ONE, |lcm, p| lcm.mul(&p.into()).ok())?;
        Some(Self { step: self.step.div(&common).ok()?, max_count: count, ..self.clone() })
    }
}

/// The numbers `base + m · step`.
pub(super) struct Offset {
    pub base: Number,
    pub step: Number,
}

impl Offset {
    /// The coarsest one that holds some numbers: `{1, 3}` are 1 plus multiples of 2.
    pub fn around(numbers: &[Number]) -> Option<Self> {
        let base = numbers.iter().min()?.clone();
        let offsets: Option<Vec<Number>> = numbers.iter().map(|n| n.sub(&base).ok()).collect();
        Some(Self { step: step_of(&offsets?)?, base })
    }

    /// `base + m / d · step`, over the denominator `d` where both are small integers.
    fn at(&self, m: i64, d: i64) -> Option<Number> {
        let small = || d.checked_mul(self.base.to_i64()?)?.checked_add(m.checked_mul(self.step.to_i64()?)?);
        match small() {
            Some(numerator) => Number::ratio(numerator, d),
            None => self.base.add(&self.step.mul(&Number::ratio(m, d)?).ok()?).ok(),
        }
    }
}

/// Every mean of `k` numbers of `of` for `min_count <= k <= max_count` that lies in `lo..=hi`, in
/// order; `None` if there are more than `limit` (or nearly so).
pub(super) fn means(
    of: &Offset,
    lo: &Number,
    hi: &Number,
    min_count: usize,
    max_count: usize,
    limit: usize,
) -> Option<Vec<Number>> {
    if max_count > limit {
        return None;
    }
    let scaled = |x: &Number| x.sub(&of.base).ok()?.div(&of.step).ok();
    let (lo, hi) = (scaled(lo)?, scaled(hi)?);
    // In lowest terms m / d, a fraction is a mean of every multiple of d.
    let bounds = (1..=max_count).filter(|d| max_count / d * d >= min_count).map(|d| {
        let floor = |x: &Number| x.mul(&d.into()).ok()?.floor().to_i64();
        Some((d, floor(&lo.neg())?.checked_neg()?, floor(&hi)?))
    });
    let mut pairs = 0_i64;
    let mut ranges = Vec::new();
    for bound in bounds {
        let (d, from, to) = bound?;
        pairs = pairs.checked_add(to.checked_sub(from)?)?;
        // About 6/π² of all pairs are in lowest terms.
        if pairs > 2 * limit as i64 {
            return None;
        }
        ranges.push((d, from, to));
    }
    let mut reduced: Vec<(i64, i64)> = ranges
        .into_iter()
        .flat_map(|(d, from, to)| (from..=to).map(move |m| (m, d as i64)))
        .filter(|&(m, d)| coprime(m.unsigned_abs(), d.unsigned_abs()))
        .collect();
    if reduced.len() > limit {
        return None;
    }
    let product = |a: i64, b: i64| i128::from(a) * i128::from(b);
    reduced.sort_unstable_by(|&(m, d), &(n, e)| product(m, e).cmp(&product(n, d)));
    reduced.into_iter().map(|(m, d)| of.at(m, d)).collect()
}

/// Every mean of `min_count` to `max_count` of some numbers, in order; `None` if there are more sums
/// than `limit`. Of a few numbers that are far apart this finds many fewer than [`means`].
pub(super) fn means_of_few(
    numbers: &[Number],
    min_count: usize,
    max_count: usize,
    limit: usize,
) -> Option<Vec<Number>> {
    let of = Offset::around(numbers)?;
    let place = |n: &Number| n.sub(&of.base).ok()?.div(&of.step).ok()?.to_i64();
    let places: Vec<i64> = numbers.iter().map(place).collect::<Option<_>>()?;
    let (mut sums, mut all, mut found) = (BTreeSet::from([0_i64]), 0, BTreeSet::new());
    for count in 1..=max_count {
        let mut longer = BTreeSet::new();
        for (sum, place) in sums.iter().flat_map(|s| places.iter().map(move |p| (s, p))) {
            longer.insert(sum.checked_add(*place)?);
            if longer.len() > limit {
                return None;
            }
        }
        sums = longer;
        all += sums.len();
        if all > 2 * limit {
            return None;
        }
        if count >= min_count {
            found.extend(sums.iter().map(|sum| of.at(*sum, count as i64)).collect::<Option<Vec<_>>>()?);
        }
    }
    (found.len() <= limit).then(|| found.into_iter().collect())
}

/// `p` if `k` is a power of the prime `p`.
fn prime_of_power(k: usize) -> Option<usize> {
    let p = (2..=k).find(|p| k.is_multiple_of(*p))?;
    let mut rest = k;
    while rest.is_multiple_of(p) {
        rest /= p;
    }
    (rest == 1).then_some(p)
}

fn coprime(a: u64, b: u64) -> bool {
    if b == 0 { a == 1 } else { coprime(b, a % b) }
}

/// `k / 1..20 from 0 to 1`: multiples of 1 divided by 1 to 20.
impl fmt::Display for Lattice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, lo, hi, max_count } = self;
        match *max_count {
            1 => write!(f, "multiples of {step} from {lo} to {hi}"),
            usize::MAX => write!(f, "rational numbers from {lo} to {hi}"),
            _ => write!(f, "multiples of {step} divided by 1..{max_count}, from {lo} to {hi}"),
        }
    }
}
