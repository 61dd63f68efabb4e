//! Do the outputs decode to what the program says?

use super::ball::Ball;
use super::stream::{Stream, columns};
use super::{Reason, Shown};
use crate::ir::Node;
use crate::model::Decode;
use crate::value::{Number, Value};
use std::collections::HashMap;

impl Stream<'_> {
    pub fn output(&self, output: usize, shown: &mut Shown) -> Result<(), Reason> {
        self.network.about.set(Some(Node::SOp(self.network.program.outputs[output].sop)));
        let rule = Rule::new(&self.network.config.outputs[output].decode);
        let logits = self.read(&columns(self.network.weights.w_u[output].columns()))?;
        let expected = self.local.sop(self.network.program.outputs[output].sop)?;
        let known = shown.outputs.entry(output).or_default();
        self.local.join(&logits, &expected, |logits, value| {
            self.network.spend(4 * logits.len() + 256)?;
            let Decoded { margin, off } = rule.decoded(logits, value).ok_or(Reason::Overflow)?;
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

impl Decoded {
    fn exactly(margin: f64) -> Option<Self> {
        Some(Self { margin, off: None })
    }
}

/// How an output is read.
enum Rule<'d> {
    /// Where each value stands.
    Largest(HashMap<&'d Value, Vec<usize>>),
    /// The numbers that there are, in their order; none if they are in no order.
    Nearest(Option<Vec<Number>>),
    Number(&'d Number),
}

impl<'d> Rule<'d> {
    fn new(decode: &'d Decode) -> Self {
        match decode {
            Decode::Categorical { values } => {
                let mut places: HashMap<&Value, Vec<usize>> = HashMap::new();
                values.iter().zip(0..).for_each(|(value, i)| places.entry(value).or_default().push(i));
                Self::Largest(places)
            }
            Decode::Numeric { values, bound } if values.is_empty() => Self::Number(bound),
            Decode::Numeric { values, .. } => {
                let number =
                    |value: &Value| if let Value::Number(n) = value { Some(n.clone()) } else { None };
                let numbers: Option<Vec<Number>> = values.iter().map(number).collect();
                Self::Nearest(numbers.filter(|numbers| numbers.is_sorted_by(|a, b| a < b)))
            }
        }
    }

    /// None if a number is beyond all bounds. Values of another type than the decoded one are other values.
    fn decoded(&self, logits: &[Ball], value: &Value) -> Option<Decoded> {
        // Less than the difference, if that is above 0.
        let more = |more: &Number, less: &Number| {
            let rest = more.sub(less).ok()?;
            Some(if rest > Number::ZERO { (rest.to_f64() * 0.99).max(f64::MIN_POSITIVE) } else { 0.0 })
        };
        match (self, value) {
            // Another value nowhere scores as high as the best place of this one.
            (Self::Largest(places), _) => {
                let own = places.get(value).map_or(&[][..], |places| places);
                let best = own.iter().map(|i| logits[*i].low()).fold(f64::NEG_INFINITY, f64::max);
                let others = logits.iter().enumerate().filter(|(i, _)| !own.contains(i));
                let next = others.map(|(_, logit)| logit.high()).fold(f64::NEG_INFINITY, f64::max);
                Decoded::exactly(if best > next { best - next } else { 0.0 })
            }
            (Self::Number(bound), Value::Number(number)) => {
                let off = logits.first()?.distance(number)?;
                // The bound itself will do.
                let margin = if off == **bound { f64::MIN_POSITIVE } else { more(bound, &off)? };
                Some(Decoded { margin, off: Some(off) })
            }
            (Self::Nearest(Some(numbers)), Value::Number(number)) => {
                let Ok(at) = numbers.binary_search(number) else { return Decoded::exactly(0.0) };
                let off = logits.first()?.distance(number)?;
                let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten();
                let gaps = beside.filter_map(|other| Some(numbers.get(other)?.sub(number).ok()?.abs()));
                Decoded::exactly(match gaps.min() {
                    Some(gap) => more(&gap, &off.add(&off).ok()?)?,
                    None => f64::INFINITY,
                })
            }
            (Self::Nearest(None), _)
            | (Self::Number(_) | Self::Nearest(_), Value::Bool(_) | Value::Str(_)) => Decoded::exactly(0.0),
        }
    }
}
