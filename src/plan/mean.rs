//! What does attention average, and how far off is that?

use super::arithmetic::{add, gamma, manageable, mul, rounding, sub};
use super::attend::{Attend, Attended, BosLevel, Steps, cuts};
use super::lower::Lower;
use super::view::View;
use super::{Base, Fact, Form, Partition, PlanError};
use crate::ir::{Op, SOpId, SelectorId};
use crate::value::{Elementwise, Kind, Kinds, Number, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How far a mean is off in f32: `relative · size + absolute`.
#[derive(Clone)]
pub(super) struct MeanError {
    pub relative: Number,
    pub absolute: Number,
    /// The greatest size of the numbers.
    pub largest: Number,
    /// Whether the numbers are all of one sign: then the size is that of the mean itself, otherwise
    /// that of the largest number.
    pub one_sign: bool,
}

impl MeanError {
    pub fn bound(&self) -> Number {
        add(&mul(&self.relative, &self.largest), &self.absolute)
    }

    /// The error of a mean that is no larger than this in size.
    pub fn at(&self, mean: &Number) -> Number {
        match self.one_sign {
            true => add(&mul(&self.relative, &mean.abs()), &self.absolute),
            false => self.bound(),
        }
    }
}

/// A mean: what is averaged, over which keys, and what it is where there are none.
#[derive(Clone)]
pub(super) struct MeanOf {
    selector: SelectorId,
    value: View,
    default: Value,
}

impl MeanOf {
    /// No mean is below the first or above the second number; none if not all are numbers.
    pub(super) fn range(&self) -> Option<(Number, Number)> {
        let all = self.value.cells.iter().flatten().chain([&self.default]);
        let numbers: Vec<Number> = all.map(Value::number).collect::<Option<_>>()?;
        numbers.iter().all(manageable).then_some(())?;
        Some((numbers.iter().min()?.clone(), numbers.iter().max()?.clone()))
    }
}

impl Lower<'_> {
    /// Whether an s-op is an aggregate that may average several different values.
    pub(super) fn is_mean(&self, id: SOpId) -> Result<bool, PlanError> {
        let Op::Aggregate { selector, value, .. } = self.program.graph[id].op else { return Ok(false) };
        let numbers = Kinds::of_all(&self.view(value)?.values()).contains(Kind::Number);
        let one = self.facts.width(selector).at_most_one() || self.facts.agreement(id).is_some();
        Ok(numbers && !one)
    }

    /// Notes an aggregate that is a mean.
    pub(super) fn note_mean(&mut self, id: SOpId) -> Result<(), PlanError> {
        if let Op::Aggregate { selector, value, default } = &self.program.graph[id].op
            && self.is_mean(id)?
        {
            let value = self.view(*value)?.clone();
            self.means.insert(id, MeanOf { selector: *selector, value, default: default.clone() });
        }
        Ok(())
    }

    /// Notes a sum or difference of means over one selector, or a multiple of a mean: one head gives
    /// it. Whether its values can be listed.
    pub(super) fn is_mean_of_means(&mut self, id: SOpId, f: &Elementwise, args: &[SOpId]) -> bool {
        match self.mean_of_means(f, args) {
            Some(mean) => {
                let deepest = args.iter().filter_map(|a| self.depths.get(&Base::SOp(*a)).copied()).max();
                self.depths.extend(deepest.map(|depth| (Base::SOp(id), depth)));
                self.means.insert(id, mean);
                self.attended_values(id).is_ok()
            }
            None => false,
        }
    }

    fn mean_of_means(&self, f: &Elementwise, args: &[SOpId]) -> Option<MeanOf> {
        let [a, b] = args else { return None };
        let a = self.means.get(a).filter(|_| self.knobs.optimise)?;
        let (value, default) = match f {
            Elementwise::Add | Elementwise::Sub => {
                let b = self.means.get(b).filter(|b| b.selector == a.selector)?;
                (View::combine(&[&a.value, &b.value], |v| f.apply(v)), f.apply(&[&a.default, &b.default]))
            }
            Elementwise::Mul | Elementwise::Div => {
                let Op::Const(by) = &self.program.graph[*b].op else { return None };
                (View::combine(&[&a.value], |v| f.apply(&[v[0], by])), f.apply(&[&a.default, by]))
            }
            _ => return None,
        };
        let whole = value.args.len() <= 1 && value.cells.iter().any(Option::is_some);
        whole.then_some(MeanOf { selector: a.selector, value, default: default.ok()? })
    }

    /// A sum or a multiple of means, as one mean.
    pub(super) fn aggregate_of_means(
        &mut self,
        id: SOpId,
        forms: &BTreeSet<Form>,
    ) -> Result<Attend, PlanError> {
        let kinds = self.program.graph[id].kinds;
        let Some(MeanOf { selector, value, default }) = self.means.get(&id).cloned() else {
            return Err(PlanError::TooManyValues { at: self.origin(id), kinds });
        };
        let width = self.facts.width(selector);
        let (may_be_empty, most) = (!width.at_least_one(), width.max.min(self.lengths.max));
        let mut facts = if may_be_empty { Vec::new() } else { vec![Fact::WidthAtLeastOne] };
        let bos = if may_be_empty { BosLevel::Half } else { BosLevel::Out };
        let (scoring, columns) = self.scoring(selector, &mut facts)?;
        let result = self.mean(id, &value, may_be_empty.then_some(&default), most, forms)?;
        Ok(Attend { base: Base::SOp(id), selector, scoring, columns, bos, facts, result })
    }

    pub(super) fn mean(
        &mut self,
        id: SOpId,
        view: &View,
        default: Option<&Value>,
        most: usize,
        forms: &BTreeSet<Form>,
    ) -> Result<Attended, PlanError> {
        let (at, kinds) = (self.origin(id), self.program.graph[id].kinds);
        let number = |v: &Value| match v {
            Value::Number(n) if manageable(n) => Ok(n.clone()),
            Value::Number(n) => Err(PlanError::UnwieldyNumber { at, number: n.clone() }),
            Value::Bool(_) | Value::Str(_) => Err(PlanError::MixedMean { at, kinds }),
        };
        let numbers: Vec<Number> = view.cells.iter().flatten().map(number).collect::<Result<_, _>>()?;
        let default = default.map(number).transpose()?;
        let cuts = cuts(forms);
        let values: Arc<[Value]> = match cuts.is_empty() {
            true => Arc::new([]),
            false => self.attended_values(id)?.into(),
        };
        values.iter().map(number).collect::<Result<Vec<_>, _>>()?;
        let all = || numbers.iter().chain(&default);
        let largest = all().map(Number::abs).max().unwrap_or(Number::ZERO);
        let rounded = all().map(rounding).max().unwrap_or(Number::ZERO);
        // γ_k for the sum, and one unit each for the weights, the numbers and, in the row of BOS,
        // the default less what BOS holds already.
        // A leak goes from one number to another, or to what BOS holds.
        let zero = Number::ZERO;
        let (lo, hi) = (all().min().unwrap_or(&zero).min(&zero), all().max().unwrap_or(&zero).max(&zero));
        let bos = if default.is_some() { BosLevel::Half } else { BosLevel::Out };
        let leak = mul(&self.knobs.leak(bos, self.lengths.max), &sub(hi, lo));
        let error = MeanError {
            relative: gamma(most + 4),
            absolute: add(&leak, &mul(&2i64.into(), &rounded)),
            one_sign: all().all(|n| !n.is_negative()) || all().all(|n| n.is_negative() || n.is_zero()),
            largest,
        };
        let value = view.args.first().cloned().unwrap_or_else(Partition::constant);
        let number = Form::of(&value, &numbers);
        self.need(&number);
        Ok(Attended::Mean { number, default, error, read: Steps { values, cuts } })
    }
}
