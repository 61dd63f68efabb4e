//! What was shown of a model, on all declared inputs at once.
//!
//! A certificate is made by [`crate::verify::check`], which derives it again from nothing whenever it is
//! asked: nothing rests on what stands here.

use super::json;
use crate::value::Number;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The shortest and the longest length of which there are inputs.
    pub lengths: [usize; 2],
    /// The program was run on so many inputs, one of each class, for what could not be derived.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub classes: usize,
    pub heads: Vec<HeadShown>,
    pub mlps: Vec<MlpShown>,
    pub outputs: Vec<OutputShown>,
    /// What it cost to show this, in multiplications, runs of the program apart, and what running every input would cost.
    #[serde(with = "json::number")]
    pub cost: Number,
    #[serde(with = "json::number")]
    pub brute_force: Number,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// A head attends to just the keys that its s-op needs, and writes what the s-op is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadShown {
    pub layer: usize,
    pub head: usize,
    /// The s-ops that it writes.
    pub writes: Vec<String>,
    /// What keys that get attention score above those that get none, or too little to count.
    #[serde(with = "json::number")]
    pub gap: Number,
    /// The most attention that others get.
    #[serde(with = "json::number")]
    pub leak: Number,
    /// The fewest and the most keys that a query selects.
    pub selected: [usize; 2],
    /// Whether that rests on the order of ranks.
    pub by_rank: bool,
    /// Pairs of states of queries and keys that were looked at.
    pub pairs: usize,
}

/// Neurons write what their s-ops are, whatever they read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpShown {
    pub layer: usize,
    /// Directions that it writes.
    pub directions: usize,
    /// Combinations of what is read, over all of these.
    pub tuples: usize,
}

/// An output decodes to the program's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputShown {
    pub name: String,
    /// What the logit of the value has above all others; of a number, how much closer it could be to
    /// another value, or to its bound, without harm.
    #[serde(with = "json::number")]
    pub margin: Number,
    /// Combinations of what is read.
    pub tuples: usize,
    /// How far the number that is decoded may be from the program's value; 0 of exact outputs.
    #[serde(with = "json::number", default, skip_serializing_if = "Number::is_zero")]
    pub within: Number,
    /// How far apart the program's values are, if the output is not exact and there are several.
    #[serde(with = "json::maybe_number", default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Number>,
}
