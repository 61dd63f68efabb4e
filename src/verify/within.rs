//! How exact an answer is, where an output is a number that is not decoded to one of a list of values.

use super::matching::Matching;
use crate::facts::Facts;
use crate::ir::Program;
use crate::model::{Certificate, Config, Decode};
use crate::value::{Number, Value};
use std::collections::BTreeSet;

/// What the decoded numbers of inexact outputs are known up to.
#[derive(Clone, Debug, PartialEq)]
pub struct Within {
    /// The largest distance from the program's value, over all outputs.
    pub bound: Number,
    /// Whether twice the bound is smaller than the distance of any two of the program's values, so that the
    /// nearest of these is the right one.
    pub decisive: bool,
}

impl Within {
    /// What was proved; none if all outputs are exact.
    pub fn of_certificate(certificate: &Certificate) -> Option<Self> {
        let bound = certificate.outputs.iter().map(|output| &output.within).max()?;
        let decisive = certificate.outputs.iter().all(|o| tells_apart(&o.within, o.gap.as_ref()));
        (!bound.is_zero()).then(|| Self { bound: bound.clone(), decisive })
    }

    /// What comparing inputs shows: the bounds that the decoding rules of the model state. The program's
    /// values are those of the facts; where these list none, nothing is known of their distance.
    pub fn of_decoding(program: &Program, facts: &Facts, config: &Config) -> Option<Self> {
        let matching = Matching::of(program, config).ok()?;
        let inexact = program.outputs.iter().zip(matching.outputs()).filter_map(|(output, place)| {
            match &config.outputs.get(*place)?.decode {
                Decode::Numeric { values, bound } if values.is_empty() && !bound.is_zero() => {
                    let known = facts.values(output.sop).explicit();
                    let decisive = known.is_some_and(|known| tells_apart(bound, least_gap(known).as_ref()));
                    Some(Self { bound: bound.clone(), decisive })
                }
                Decode::Numeric { .. } | Decode::Categorical { .. } => None,
            }
        });
        inexact.reduce(|a, b| Self { bound: a.bound.max(b.bound), decisive: a.decisive && b.decisive })
    }
}

/// Whether numbers that are off by `bound` at most are nearest to the right one of values that lie `gap`
/// apart; none if there are no two values.
fn tells_apart(bound: &Number, gap: Option<&Number>) -> bool {
    gap.is_none_or(|gap| bound.add(bound).is_ok_and(|twice| twice < *gap))
}

/// The least distance of two different numbers.
pub(super) fn least_gap<'v>(values: impl IntoIterator<Item = &'v Value>) -> Option<Number> {
    let numbers: BTreeSet<Number> = values.into_iter().filter_map(Value::number).collect();
    numbers.iter().zip(numbers.iter().skip(1)).filter_map(|(a, b)| b.sub(a).ok()).min()
}
