//! Do the outputs decode to what the program says?

use super::ball::Ball;
use super::stream::{Stream, columns};
use super::{Reason, Shown};
use crate::model::Decode;
use crate::value::{Number, Value};

impl Stream<'_> {
    pub fn output(&self, output: usize, shown: &mut Shown) -> Result<(), Reason> {
        let decode = &self.network.config.outputs[output].decode;
        let logits = self.read(&columns(self.network.weights.w_u[output].columns()))?;
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
        Decode::Numeric { values, bound } => {
            let off = logits.first()?.distance(&value.number()?)?;
            if values.is_empty() {
                // The bound itself will do.
                return if off == *bound { Some(f64::MIN_POSITIVE) } else { more(bound, &off) };
            }
            let numbers = values.iter().map(Value::number).collect::<Option<Vec<_>>>()?;
            let sorted = numbers.is_sorted_by(|a, b| a < b);
            let Some(at) = values.iter().position(|v| v == value).filter(|_| sorted) else {
                return Some(0.0);
            };
            let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten();
            let gaps = beside.filter_map(|other| Some(numbers.get(other)?.sub(&numbers[at]).ok()?.abs()));
            gaps.min().map_or(Some(f64::INFINITY), |gap| more(&gap, &off.add(&off).ok()?))
        }
    }
}
