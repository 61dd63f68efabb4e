//! Which value do the logits of an output mean?

use super::config::Decode;
use crate::value::{Number, Value};
use std::fmt;

/// An output at one position.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// Exactly this.
    Value(Value),
    /// A number, give or take the bound of its output.
    About(f32),
}

impl Decode {
    /// The output that these logits mean. Values of a numeric output must be sorted.
    pub fn decode(&self, logits: &[f32]) -> Decoded {
        match self {
            Self::Categorical { values } => {
                let mut best = 0;
                for (i, logit) in logits.iter().enumerate() {
                    if *logit > logits[best] {
                        best = i;
                    }
                }
                values.get(best).cloned().map_or(Decoded::About(f32::NAN), Decoded::Value)
            }
            Self::Numeric { values, bound } => {
                let logit = logits.first().copied().unwrap_or(f32::NAN);
                let Some(held) = Number::from_f64(f64::from(logit)) else { return Decoded::About(logit) };
                if values.is_empty() && bound.is_zero() {
                    return Decoded::Value(Value::Number(held));
                }
                let distance =
                    |value: &Value| value.number().and_then(|n| n.sub(&held).ok()).map(|d| d.abs());
                // The values are sorted: only the neighbours of the place where it would stand.
                let at = values.partition_point(|v| v.number().is_some_and(|n| n < held));
                let neighbours = &values[at.saturating_sub(1)..values.len().min(at + 1)];
                let nearest = neighbours.iter().min_by_key(|v| distance(v));
                nearest.cloned().map_or(Decoded::About(logit), Decoded::Value)
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
        }
    }
}
