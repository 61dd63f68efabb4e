//! Does f32 add up exactly whatever a matrix reads, in any order?
//!
//! A sum is exact in any order if all its terms are multiples of one power of two, the quantum, and
//! their sizes add up to 2^24 quanta at most. Those who choose numbers see to that; this looks at
//! the finished plan again, so that an oversight is an error and no wrong weight.

use super::arithmetic::{add, mul, power_of_two};
use super::{Encoding, Form, Head, Holds, Linear, Logit, Moves, NeuronGroup, Neurons, Plan, PlanError, Read};
use crate::ir::{Origin, Program};
use crate::value::Number;

/// f32 holds every integer up to this.
const MAX_QUANTA: i64 = 1 << 24;

/// The sizes of terms, added up, and a power of two that all of them are multiples of.
struct Sum {
    size: Number,
    /// The exponent of the quantum; none while there is no term but 0.
    quantum: Option<i32>,
}

impl Sum {
    const EMPTY: Self = Self { size: Number::ZERO, quantum: None };

    /// A term, which is `factor` times an integer of size `times` at most.
    fn add(&mut self, factor: &Number, times: &Number) {
        self.size = add(&self.size, &mul(&factor.abs(), times));
        let quantum = exponent(factor);
        self.quantum = self.quantum.into_iter().chain(quantum).min();
    }

    fn is_exact(&self) -> bool {
        let limit = |quantum| mul(&power_of_two(quantum), &MAX_QUANTA.into());
        self.quantum.is_none_or(|quantum| self.size <= limit(quantum))
    }
}

/// The greatest power of two that a number is a multiple of, if it is one of any; none for 0.
fn exponent(number: &Number) -> Option<i32> {
    let float = number.to_f64();
    if float == 0.0 {
        return None;
    }
    let (mantissa, exponent) = (float.to_bits() & ((1 << 52) - 1), (float.to_bits() >> 52 & 0x7ff) as i32);
    // A number that is no f64 gets a quantum that it is far from reaching.
    Some(exponent - 1023 - 52 + (mantissa | 1 << 52).trailing_zeros() as i32)
}

impl Form {
    /// How far the numbers go up and down from value to value, and the first one: a thermometer adds
    /// up no more.
    pub(super) fn variation(&self) -> Number {
        let numbers = self.filled();
        let steps = numbers.windows(2).map(|w| super::arithmetic::sub(&w[1], &w[0]).abs());
        steps.fold(numbers[0].abs(), |sum, step| add(&sum, &step))
    }

    /// The greatest size of the numbers.
    fn largest(&self) -> Number {
        self.numbers.iter().flatten().map(Number::abs).max().unwrap_or(Number::ZERO)
    }
}

/// How a form is read.
struct Terms {
    linear: Linear,
    /// Whether all slots but one are 0.
    one_at_a_time: bool,
}

/// A plan, and the greatest size of what each slot holds.
struct Sums<'p> {
    plan: &'p Plan,
    largest: Vec<Number>,
}

impl Plan {
    /// The first reader of exact slots that f32 may add up wrongly.
    pub(super) fn inexact_sum(&self, program: &Program) -> Result<(), PlanError> {
        let largest = self.slots.iter().map(|slot| slot.holds.largest()).collect();
        Sums { plan: self, largest }.first_inexact(program)
    }
}

impl Sums<'_> {
    fn first_inexact(&self, program: &Program) -> Result<(), PlanError> {
        let check = |exact: bool, at: Origin| if exact { Ok(()) } else { Err(PlanError::InexactSum { at }) };
        for layer in &self.plan.layers {
            for head in &layer.heads {
                check(self.scores_are_exact(head), program.graph[head.selector].origin)?;
                for output in head.outputs.iter().filter(|o| o.moves == Moves::Code) {
                    let exact = output.columns.iter().all(|c| self.sum([&c.form]).is_exact());
                    check(exact, super::origin(program, output.base))?;
                }
            }
            let exact = |g: &&NeuronGroup| match g.kind {
                Neurons::Table => true,
                Neurons::Product => g.neurons.iter().all(|n| n.slots.is_empty()),
                Neurons::Steps | Neurons::Clean | Neurons::Erase => false,
            };
            for group in layer.neurons.iter().filter(exact) {
                let exact = group.neurons.iter().all(|n| {
                    let mut sum = self.sum(&n.forms);
                    sum.add(&n.bias, &Number::ONE);
                    sum.is_exact()
                });
                check(exact, super::origin(program, group.base))?;
            }
        }
        for output in &self.plan.outputs {
            if let Read::Categorical { forms, logits, .. } = &output.read {
                let forms: Vec<Terms> = forms.iter().map(|form| self.terms(form)).collect();
                let exact = |logit: &Logit| {
                    let mut sum = Sum::EMPTY;
                    sum.add(&logit.constant, &Number::ONE);
                    let terms = logit.terms.iter();
                    terms.for_each(|(form, factor)| self.add_terms(&mut sum, &forms[*form], factor));
                    sum.is_exact()
                };
                check(logits.iter().all(exact), program.graph[output.sop].origin)?;
            }
        }
        Ok(())
    }

    /// Queries and keys, and the sum of their products.
    fn scores_are_exact(&self, head: &Head) -> bool {
        let mut score = Sum::EMPTY;
        for column in &head.columns {
            let (query, key) = (self.sum([&column.query]), self.sum([&column.key]));
            if !query.is_exact() || !key.is_exact() {
                return false;
            }
            let (Some(q), Some(k)) = (query.quantum, key.quantum) else { continue };
            let quantum = power_of_two(q + k);
            let quanta =
                super::arithmetic::div(&mul(&column.query.largest(), &column.key.largest()), &quantum);
            score.add(&quantum, &quanta);
        }
        score.is_exact()
    }

    /// What a matrix adds up that reads these forms.
    fn sum<'f>(&self, forms: impl IntoIterator<Item = &'f Form>) -> Sum {
        let mut sum = Sum::EMPTY;
        for form in forms {
            self.add_terms(&mut sum, &self.terms(form), &Number::ONE);
        }
        sum
    }

    fn terms(&self, form: &Form) -> Terms {
        let one_hot = |base| matches!(self.plan.bases[&base].encoding, Encoding::OneHot(_));
        Terms { linear: self.plan.linear(form), one_at_a_time: form.base.is_some_and(one_hot) }
    }

    fn add_terms(&self, sum: &mut Sum, Terms { linear, one_at_a_time }: &Terms, times: &Number) {
        sum.add(&mul(&linear.constant, times), &Number::ONE);
        let before = sum.size.clone();
        let mut most = before.clone();
        for (slot, factor) in &linear.terms {
            sum.add(&mul(factor, times), &self.largest[slot.0]);
            if *one_at_a_time {
                most = most.max(std::mem::replace(&mut sum.size, before.clone()));
            }
        }
        if *one_at_a_time {
            sum.size = most;
        }
    }
}

impl Holds {
    /// The greatest size of what is held.
    pub(super) fn largest(&self) -> Number {
        match self {
            Self::Function(_, numbers) => numbers.iter().map(|(_, n)| n.abs()).max().unwrap_or(Number::ZERO),
            Self::One | Self::Bos | Self::OneHot(..) | Self::AtLeast(..) | Self::Below(..) => Number::ONE,
            // Read by neurons alone, never as a form.
            Self::Numeric(_) | Self::Share(_) => Number::ONE,
        }
    }
}
