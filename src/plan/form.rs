//! What does a matrix read of a base, and which slots let it?
//!
//! Every matrix reads the residual stream linearly. So a base need not stand there value by value:
//! it is enough to hold numbers from which each reader's [`Form`] follows, up to a constant. `x`
//! and `x²` are enough for any number of heads that compare positions for equality.

use super::arithmetic::{add, div, mul, sub};
use super::{Base, Partition};
use crate::value::Number;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A number for each value of a base.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Form {
    /// None for a constant, which has one number.
    pub base: Option<Base>,
    /// None where the program has no value: any number will do.
    pub numbers: Arc<[Option<Number>]>,
}

impl Form {
    pub fn constant(number: Number) -> Self {
        Self { base: None, numbers: Arc::new([Some(number)]) }
    }

    /// `numbers[c]` where the base is in class `c`.
    pub fn of(partition: &Partition, numbers: &[Number]) -> Self {
        let of_value = partition.class.iter().map(|class| class.map(|c| numbers[c as usize].clone()));
        Self { base: partition.base, numbers: of_value.collect() }.simplified()
    }

    /// 1 where the base is in this class, else 0.
    pub fn indicator(partition: &Partition, class: usize) -> Self {
        let is = |c: &Option<u32>| c.map(|c| i64::from(c as usize == class).into());
        Self { base: partition.base, numbers: partition.class.iter().map(is).collect() }.simplified()
    }

    /// The form with every number changed.
    pub(super) fn map(&self, f: impl Fn(&Number) -> Number) -> Self {
        let numbers = self.numbers.iter().map(|n| n.as_ref().map(&f)).collect();
        Self { base: self.base, numbers }.simplified()
    }

    /// The sum of the squares of forms of one base.
    pub(super) fn squares<'f>(forms: impl Iterator<Item = &'f Self>) -> Self {
        let sum = |sum: Option<Self>, form: &Self| {
            let square = |n: &Option<Number>| n.as_ref().map(|n| mul(n, n));
            let squares = form.numbers.iter().map(square);
            let numbers = match sum {
                None => squares.collect(),
                Some(sum) => {
                    sum.numbers.iter().zip(squares).map(|(a, b)| Some(add(a.as_ref()?, &b?))).collect()
                }
            };
            Some(Self { base: form.base, numbers })
        };
        forms.fold(None, sum).map_or_else(|| Self::constant(Number::ZERO), Self::simplified)
    }

    fn simplified(self) -> Self {
        let mut known = self.numbers.iter().flatten();
        let first = known.next().cloned().unwrap_or(Number::ZERO);
        if self.base.is_none() || known.all(|n| *n == first) { Self::constant(first) } else { self }
    }

    /// Every number, with that of a neighbour where any will do.
    pub(super) fn filled(&self) -> Vec<Number> {
        let mut last = self.numbers.iter().flatten().next().cloned().unwrap_or(Number::ZERO);
        let number = |n: &Option<Number>| {
            if let Some(n) = n {
                last.clone_from(n);
            }
            last.clone()
        };
        self.numbers.iter().map(number).collect()
    }
}

/// Numbers held of a base: `features[j][v]` for its value `v`. Each is a vector of small integers
/// from 0 on, so that all sums are exact.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    pub features: Vec<Vec<Number>>,
    /// The features less their number for the first value, brought to echelon form.
    rows: Vec<Row>,
}

/// `reduced = Σ combination[j] · (features[j] - features[j][0])`, 1 at `pivot`.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    pivot: usize,
    reduced: Vec<Number>,
    combination: Vec<Number>,
}

/// A base read in more ways than this stands as a one-hot code: looking for a smaller one would
/// take time that grows with the square.
const MAX_FEATURES: usize = 24;

/// Features are integers up to this size, and four times that is the most that they add up to for a
/// reader: far below 2^24, up to which f32 counts.
const MAX_NUMBER: i64 = 1 << 20;

impl Features {
    /// Numbers that let every one of these forms be read, with fewer slots than a one-hot code; none
    /// if there are no such numbers. `gates`, of zeros and ones, are held as they are: where one is 0,
    /// what reads it adds nothing.
    pub(super) fn for_forms<'f>(
        n_values: usize,
        forms: impl IntoIterator<Item = &'f Form>,
        gates: impl IntoIterator<Item = &'f Form>,
    ) -> Option<Self> {
        let mut vectors: BTreeSet<(Number, Vec<Number>)> = BTreeSet::new();
        for form in forms {
            let vector = normalised(&form.filled())?;
            let largest = vector.iter().max().filter(|n| **n <= Number::from(MAX_NUMBER))?.clone();
            vectors.insert((largest, vector));
            if vectors.len() > 2 * MAX_FEATURES {
                return None;
            }
        }
        let mut found = Self::none();
        gates.into_iter().for_each(|gate| found.push(gate.filled()));
        // The simplest come first, so that the others are made of them.
        for (_, vector) in vectors {
            found.include(vector);
            let limit = if n_values <= 2 { 1 } else { n_values - 2 };
            if found.features.len() > limit.min(MAX_FEATURES) {
                return None;
            }
        }
        Some(found)
    }

    fn none() -> Self {
        Self { features: Vec::new(), rows: Vec::new() }
    }

    /// Holds a vector, unless it is made of what is held.
    fn include(&mut self, vector: Vec<Number>) {
        if !self.makes(&vector) {
            self.push(vector);
        }
    }

    /// Whether a vector is a sum of the features that f32 adds up exactly.
    fn makes(&self, vector: &[Number]) -> bool {
        self.combine(vector).is_some_and(|(_, factors)| self.is_exact(&factors))
    }

    /// The binary digits of these features, which let the same forms be read, if they are fewer than a
    /// one-hot code takes. Gates are not kept apart: none stands on a code that has to be cleaned.
    pub(super) fn in_bits(&self, n_values: usize) -> Option<Self> {
        let mut bits = Self::none();
        for feature in &self.features {
            let numbers: Vec<i64> = feature.iter().map(Number::to_i64).collect::<Option<_>>()?;
            let largest = numbers.iter().max()?;
            for place in 0..i64::BITS - largest.leading_zeros() {
                bits.include(numbers.iter().map(|n| (n >> place & 1).into()).collect());
                (bits.features.len() < n_values).then_some(())?;
            }
        }
        self.features.iter().all(|feature| bits.makes(feature)).then_some(bits)
    }

    /// Whether so many times the features add up exactly, in any order.
    fn is_exact(&self, factors: &[Number]) -> bool {
        let size = |(factor, feature): (&Number, &Vec<Number>)| {
            mul(&factor.abs(), feature.iter().max().unwrap_or(&Number::ZERO))
        };
        let sizes = factors.iter().zip(&self.features).map(size);
        let sum = sizes.fold(Number::ZERO, |sum, size| add(&sum, &size));
        factors.iter().all(Number::is_integer) && sum <= Number::from(4 * MAX_NUMBER)
    }

    /// Shifts every feature so that it is 0 for a value.
    pub(super) fn zero_at(&mut self, value: usize) {
        for feature in &mut self.features {
            let at = feature[value].clone();
            feature.iter_mut().for_each(|n| *n = sub(n, &at));
        }
    }

    /// The features that are not 0 for a value.
    pub(super) fn written(&self, value: usize) -> Vec<(usize, Number)> {
        let numbers = self.features.iter().map(|feature| feature[value].clone()).enumerate();
        numbers.filter(|(_, number)| !number.is_zero()).collect()
    }

    fn push(&mut self, vector: Vec<Number>) {
        let (rest, mut combination) = self.reduce(&vector);
        combination.iter_mut().for_each(|c| *c = c.neg());
        combination.push(Number::ONE);
        if let Some(pivot) = rest.iter().position(|n| !n.is_zero()) {
            let scale = rest[pivot].clone();
            let scaled = |numbers: Vec<Number>| numbers.iter().map(|n| div(n, &scale)).collect();
            self.rows.push(Row { pivot, reduced: scaled(rest), combination: scaled(combination) });
        }
        self.features.push(vector);
    }

    /// What is left of a vector's differences to its first number, and the factors of the features
    /// that were taken away.
    fn reduce(&self, vector: &[Number]) -> (Vec<Number>, Vec<Number>) {
        let mut rest: Vec<Number> = vector.iter().map(|n| sub(n, &vector[0])).collect();
        let mut factors = vec![Number::ZERO; self.features.len()];
        for row in &self.rows {
            let times = rest[row.pivot].clone();
            if times.is_zero() {
                continue;
            }
            for (n, r) in rest.iter_mut().zip(&row.reduced).filter(|(_, r)| !r.is_zero()) {
                *n = sub(n, &mul(&times, r));
            }
            for (f, c) in factors.iter_mut().zip(&row.combination) {
                *f = add(f, &mul(&times, c));
            }
        }
        (rest, factors)
    }

    /// The factors of a vector that a single feature is enough for.
    fn alone(&self, vector: &[Number]) -> Option<Vec<Number>> {
        let at = vector.iter().position(|n| *n != vector[0])?;
        let (from, rise) = (&vector[0], sub(&vector[at], &vector[0]));
        let fits = |feature: &Vec<Number>| {
            let unit = sub(&feature[at], &feature[0]);
            let same =
                |(n, f): (&Number, &Number)| mul(&sub(n, from), &unit) == mul(&sub(f, &feature[0]), &rise);
            !unit.is_zero() && vector.iter().zip(feature).all(same)
        };
        // Best without a constant.
        let multiple = |feature: &Vec<Number>| mul(from, &feature[at]) == mul(&vector[at], &feature[0]);
        let all = || self.features.iter().enumerate().filter(|(_, feature)| fits(feature));
        let (j, _) = all().find(|(_, feature)| multiple(feature)).or_else(|| all().next())?;
        let factor = div(&rise, &sub(&self.features[j][at], &self.features[j][0]));
        Some((0..self.features.len()).map(|i| if i == j { factor.clone() } else { Number::ZERO }).collect())
    }

    /// `vector = constant + Σ factors[j] · features[j]`, if it can be written so.
    pub(super) fn combine(&self, vector: &[Number]) -> Option<(Number, Vec<Number>)> {
        let factors = self.alone(vector).or_else(|| {
            let (rest, factors) = self.reduce(vector);
            rest.iter().all(Number::is_zero).then_some(factors)
        })?;
        let first = |sum: Number, (f, feature): (&Number, &Vec<Number>)| sub(&sum, &mul(f, &feature[0]));
        let constant = factors.iter().zip(&self.features).fold(vector[0].clone(), first);
        Some((constant, factors))
    }
}

/// A vector shifted, scaled and, if it falls at first, negated, so that its smallest number is 0,
/// the others are integers without a common divisor, and many readers ask for the same. None if
/// that takes large numbers.
fn normalised(vector: &[Number]) -> Option<Vec<Number>> {
    let rising = vector.windows(2).find(|w| w[0] != w[1]).is_none_or(|w| w[0] < w[1]);
    let vector: Vec<Number> = vector.iter().map(|n| if rising { n.clone() } else { n.neg() }).collect();
    let least = vector.iter().min()?.clone();
    let shifted: Vec<Number> = vector.iter().map(|n| n.sub(&least).ok()).collect::<Option<_>>()?;
    let mut step = Number::ZERO;
    for number in &shifted {
        let (mut a, mut b) = (number.clone(), step);
        while !b.is_zero() {
            let rest = a.modulo(&b).ok()?;
            a = std::mem::replace(&mut b, rest);
        }
        step = a;
    }
    if step.is_zero() {
        return Some(shifted);
    }
    shifted.iter().map(|n| n.div(&step).ok()).collect()
}
