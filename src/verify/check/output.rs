//! Do the outputs decode to what the program says?

use super::ball::Ball;
use super::stream::{Stream, columns};
use super::{Reason, Shown};
use crate::ir::Node;
use crate::model::Decode;
use crate::value::{Number, Value};

impl Stream<'_> {
    pub fn output(&self, output: usize, shown: &mut Shown) -> Result<(), Reason> {
        self.network.about.set(Some(Node::SOp(self.network.program.outputs[output].sop)));
        let decode = &self.network.config.outputs[output].decode;
        let logits = self.read(&columns(self.network.weights.w_u[output].columns()))?;
        let expected = self.local.sop(self.network.program.outputs[output].sop)?;
        let known = shown.outputs.entry(output).or_default();
        self.local.join(&logits, &expected, |logits, value| {
            self.network.spend(8 * logits.len() + 64)?;
            let Decoded { margin, off } = decoded(decode, logits, value).ok_or(Reason::Overflow)?;
            if margin <= 0.0 {
                return Err(Reason::Output { value: value.clone() });
            }
            known.margin = known.margin.min(margin);
            known.tuples += 1;
            if let Some(off) = off {
                known.within = off.max(std::mem::take(&mut known.within));
                known.values.insert(value.clone());
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// What logits are decoded to, beside the value that they should mean.
struct Decoded {
    /// How far they are from meaning another value, whichever of the numbers in their balls they are; not
    /// above 0 if they may.
    margin: f64,
    /// How far the number that they mean may be from the value, where no list says which values there are.
    off: Option<Number>,
}

/// None if a number is beyond all bounds. Values of another type than the decoded one are other values.
fn decoded(decode: &Decode, logits: &[Ball], value: &Value) -> Option<Decoded> {
    let exactly = |margin| Some(Decoded { margin, off: None });
    // Less than the difference, if that is above 0.
    let more = |more: &Number, less: &Number| {
        let rest = more.sub(less).ok()?;
        Some(if rest > Number::ZERO { (rest.to_f64() * 0.99).max(f64::MIN_POSITIVE) } else { 0.0 })
    };
    match (decode, value) {
        // Another value nowhere scores as high as the best place of this one.
        (Decode::Categorical { values }, _) => {
            let of = |same: bool| {
                let places = values.iter().zip(logits).filter(move |(v, _)| (*v == value) == same);
                places.map(|(_, logit)| *logit)
            };
            let best = of(true).map(Ball::low).fold(f64::NEG_INFINITY, f64::max);
            let next = of(false).map(Ball::high).fold(f64::NEG_INFINITY, f64::max);
            exactly(if best > next { best - next } else { 0.0 })
        }
        (Decode::Numeric { values, bound }, Value::Number(number)) => {
            let off = logits.first()?.distance(number)?;
            if values.is_empty() {
                // The bound itself will do.
                let margin = if off == *bound { f64::MIN_POSITIVE } else { more(bound, &off)? };
                return Some(Decoded { margin, off: Some(off) });
            }
            let numbers = values.iter().map(Value::number).collect::<Option<Vec<_>>>()?;
            let sorted = numbers.is_sorted_by(|a, b| a < b);
            let Some(at) = values.iter().position(|v| v == value).filter(|_| sorted) else {
                return exactly(0.0);
            };
            let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten();
            let gaps = beside.filter_map(|other| Some(numbers.get(other)?.sub(&numbers[at]).ok()?.abs()));
            exactly(match gaps.min() {
                Some(gap) => more(&gap, &off.add(&off).ok()?)?,
                None => f64::INFINITY,
            })
        }
        (Decode::Numeric { .. }, Value::Bool(_) | Value::Str(_)) => exactly(0.0),
    }
}
