//! Which value do the logits of an output mean?

use super::config::Decode;
use crate::value::{Number, Value};
use std::cmp::Ordering;
use std::fmt;

/// An output at one position.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// Exactly this.
    Value(Value),
    /// A number, give or take the bound of its output.
    About(f32),
    Undefined(Undefined),
}

/// Why logits mean no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// A logit is infinite or no number.
    NotFinite,
    /// Two values have the largest logit, or are equally near: another runtime may take the other one.
    Tie,
}

impl Decode {
    /// The output that these logits mean. Values of a numeric output must be sorted.
    pub fn decode(&self, logits: &[f32]) -> Decoded {
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Decoded::Undefined(Undefined::NotFinite);
        }
        match self {
            Self::Categorical { values } => {
                let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let mut winners = values.iter().zip(logits).filter(|(_, logit)| **logit == best);
                match winners.next() {
                    Some((value, _)) if winners.all(|(other, _)| other == value) => {
                        Decoded::Value(value.clone())
                    }
                    _ => Decoded::Undefined(Undefined::Tie),
                }
            }
            Self::Numeric { values, bound } => {
                let logit = logits.first().copied().unwrap_or(f32::NAN);
                let Some(held) = Number::from_f64(f64::from(logit)) else {
                    return Decoded::Undefined(Undefined::NotFinite);
                };
                if values.is_empty() {
                    return match bound.is_zero() {
                        true => Decoded::Value(Value::Number(held)),
                        false => Decoded::About(logit),
                    };
                }
                let distance =
                    |value: &Value| value.number().and_then(|n| n.sub(&held).ok()).map(|d| d.abs());
                // The values are sorted: only the neighbours of the place where it would stand.
                let at = values.partition_point(|v| v.number().is_some_and(|n| n < held));
                match &values[at.saturating_sub(1)..values.len().min(at + 1)] {
                    [below, above] => match distance(below).cmp(&distance(above)) {
                        Ordering::Less => Decoded::Value(below.clone()),
                        Ordering::Greater => Decoded::Value(above.clone()),
                        Ordering::Equal => Decoded::Undefined(Undefined::Tie),
                    },
                    neighbours => neighbours.first().cloned().map_or(Decoded::About(logit), Decoded::Value),
                }
            }
        }
    }
}

/// Whether numbers that are known up to `bound` tell these sorted values apart.
pub(super) fn separated(values: &[Value], bound: &Number) -> bool {
    let numbers: Option<Vec<Number>> = values
        .iter()
        .map(|v| match v {
            Value::Number(n) => Some(n.clone()),
            Value::Bool(_) | Value::Str(_) => None,
        })
        .collect();
    let Ok(twice) = bound.add(bound) else { return false };
    numbers.is_some_and(|n| n.windows(2).all(|w| w[1].sub(&w[0]).is_ok_and(|gap| gap > twice)))
}

impl fmt::Display for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            Self::About(number) => write!(f, "≈{number}"),
            Self::Undefined(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "undefined (a logit is not a finite number)",
            Self::Tie => "undefined (two values are equally likely)",
        })
    }
}
