//! How does a matrix read a table of a base from the base's slots?

use super::arithmetic::{add, gamma, mul, sub};
use super::{Encoding, Form, Holds, Plan, Slot, SlotId};
use crate::value::Number;

/// `constant + Σ factor · slot`
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    pub constant: Number,
    pub terms: Vec<(SlotId, Number)>,
}

impl Plan {
    /// The linear form of the slots that is what a form asks for. It may be anything where the
    /// program has no value.
    pub fn linear(&self, form: &Form) -> Linear {
        match form.base {
            Some(base) => linear(&self.bases[&base].encoding, &self.slots, form),
            None => Linear { constant: form.filled().swap_remove(0), terms: Vec::new() },
        }
    }

    /// How far the linear form of numbers that are no small multiples of a power of two is off in
    /// f32, in any order of summation, beyond the rounding of the number itself.
    ///
    /// One slot of a one-hot code is 1, so nothing is added up. Otherwise it is γ_n of the sizes of
    /// the terms, with one more for rounding each factor, and one for what a mean makes of this
    /// error (the next order, which is far less).
    pub(super) fn summing_error(&self, form: &Form) -> Number {
        let largest = |slot: &SlotId| self.slot(*slot).holds.largest();
        let one_hot = |base| matches!(self.bases[&base].encoding, Encoding::OneHot(_));
        if form.base.is_none_or(one_hot) {
            return Number::ZERO;
        }
        let form = self.linear(form);
        let size = |(slot, factor): &(SlotId, Number)| mul(&factor.abs(), &largest(slot));
        let sizes = form.terms.iter().fold(form.constant.abs(), |sum, term| add(&sum, &size(term)));
        match form.terms.is_empty() || form.is_exact(&sizes) {
            true => Number::ZERO,
            false => mul(&gamma(form.terms.len() + 3), &sizes),
        }
    }
}

/// Of the one-hot code `Σ f(v) [v]`; of a thermometer `f(first) + Σ rise(place) [at or after place]`;
/// of features the combination that gives the form.
fn linear(encoding: &Encoding, slots: &[Slot], asked: &Form) -> Linear {
    let number = |i: usize| asked.numbers[i].clone();
    let mut form = Linear { constant: Number::ZERO, terms: Vec::new() };
    match encoding {
        Encoding::OneHot(of_value) => {
            for (i, &slot) in of_value.iter().enumerate() {
                form.add(slot, number(i).unwrap_or(Number::ZERO));
            }
        }
        Encoding::Features(features, into) => {
            let combined = features.combine(&asked.filled());
            let (constant, factors) = combined.expect("features are made for the forms that are read");
            form.constant = constant;
            into.iter().zip(factors).for_each(|(&slot, factor)| form.add(slot, factor));
        }
        Encoding::Thermometer(steps) => {
            let places = steps.iter().map(|s| s.0);
            let starts = std::iter::once(0).chain(places.clone());
            let ends = places.chain([asked.numbers.len()]);
            // What each stretch of values asks for; one that cannot occur goes along with its
            // neighbour.
            let mut stretches: Vec<Option<Number>> =
                starts.zip(ends).map(|(start, end)| (start..end).find_map(number)).collect();
            let anything = stretches.iter().flatten().next().cloned();
            let mut last = anything.unwrap_or(Number::ZERO);
            for stretch in &mut stretches {
                last = stretch.get_or_insert(last).clone();
            }
            let stretches: Vec<Number> = stretches.into_iter().flatten().collect();
            form.constant = stretches[0].clone();
            for (pair, &(_, slot)) in stretches.windows(2).zip(steps) {
                let rise = sub(&pair[1], &pair[0]);
                match slots[slot.0].holds {
                    Holds::Below(..) => {
                        form.constant = add(&form.constant, &rise);
                        form.add(slot, rise.neg());
                    }
                    Holds::AtLeast(..)
                    | Holds::One
                    | Holds::Bos
                    | Holds::OneHot(..)
                    | Holds::Function(..)
                    | Holds::Numeric(_)
                    | Holds::Share(_) => form.add(slot, rise),
                }
            }
        }
    }
    form
}

impl Linear {
    /// Whether all partial sums are f32 numbers: integers below 2^24.
    fn is_exact(&self, sizes: &Number) -> bool {
        let integers = self.terms.iter().all(|(_, factor)| factor.is_integer()) && self.constant.is_integer();
        integers && *sizes < Number::from(1i64 << 24)
    }

    fn add(&mut self, slot: SlotId, factor: Number) {
        if !factor.is_zero() {
            self.terms.push((slot, factor));
        }
    }
}
