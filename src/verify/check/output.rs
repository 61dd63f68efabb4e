//! Do the outputs decode to what the program says?

use super::ball::Ball;
use super::stream::{Stream, columns};
use super::{Reason, Shown};
use crate::model::Decode;
use crate::value::{Number, Value};

impl Stream<'_> {
    pub fn output(&self, output: usize, shown: &mut Shown) -> Result<(), Reason> {
        let decode = &self.network.config.outputs[output].decode;
        let logits = self.read(&columns(&self.network.weights.w_u[output]))?;
        let expected = self.local.sop(self.network.program.outputs[output].sop)?;
        let (mut least, mut tuples) = (f64::INFINITY, 0);
        self.local.join(&logits, &expected, |logits, value| {
            let margin = margin(decode, logits, value).ok_or(Reason::Overflow)?;
            (least, tuples) = (least.min(margin), tuples + 1);
            if margin > 0.0 { Ok(Some(())) } else { Err(Reason::Output { value: value.clone() }) }
        })?;
        shown.outputs.push((output, least, tuples));
        Ok(())
    }
}

/// How far logits are from meaning another value, whichever of the numbers in their balls they are; not
/// above 0 if they may. None if a number is beyond all bounds.
fn margin(decode: &Decode, logits: &[Ball], value: &Value) -> Option<f64> {
    // Less than the difference, if that is above 0.
    let more = |more: &Number, less: &Number| {
        let rest = more.sub(less).ok()?;
        Some(if rest > Number::ZERO { (rest.to_f64() * 0.99).max(f64::MIN_POSITIVE) } else { 0.0 })
    };
    match decode {
        // Another value nowhere scores as high as the best place of this one.
        Decode::Categorical { values } => {
            let of = |same: bool| {
                let places = values.iter().zip(logits).filter(move |(v, _)| (*v == value) == same);
                places.map(|(_, logit)| *logit)
            };
            let best = of(true).map(Ball::low).fold(f64::NEG_INFINITY, f64::max);
            let next = of(false).map(Ball::high).fold(f64::NEG_INFINITY, f64::max);
            Some(if best > next { best - next } else { 0.0 })
        }
        // The bound itself will do.
        Decode::Numeric { values, bound } if values.is_empty() => {
            let off = logits.first()?.distance(&value.number()?)?;
            if off == *bound { Some(f64::MIN_POSITIVE) } else { more(bound, &off) }
        }
        Decode::Numeric { values, .. } => {
            let of = |v: &Value| if matches!(v, Value::Number(_)) { v.number() } else { None };
            let numbers: Option<Vec<Number>> = values.iter().map(of).collect();
            let numbers = numbers.filter(|n| n.is_sorted_by(|a, b| a < b)).unwrap_or_default();
            let Some(at) = values.iter().position(|v| v == value).filter(|at| *at < numbers.len()) else {
                return Some(0.0);
            };
            let off = logits.first()?.distance(&numbers[at])?;
            let twice = off.add(&off).ok()?;
            let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten();
            let gaps = beside.filter_map(|other| numbers.get(other)?.sub(&numbers[at]).ok());
            gaps.map(|gap| more(&gap.abs(), &twice))
                .try_fold(f64::INFINITY, |least, gap| Some(least.min(gap?)))
        }
    }
}
