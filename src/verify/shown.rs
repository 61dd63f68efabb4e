//! What was shown, of all lengths.

use crate::ir::Node;
use crate::value::{Number, Value};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct Shown {
    /// Those of which there are inputs.
    pub lengths: Vec<usize>,
    /// By layer and head, what is told of.
    pub heads: Vec<((usize, usize), Node, HeadShown)>,
    /// Layer and direction that an MLP writes, and so many tuples.
    pub mlps: Vec<(usize, usize, usize)>,
    pub outputs: BTreeMap<usize, OutputShown>,
    pub cost: u64,
}

/// Of one length, or of several.
pub struct HeadShown {
    pub gap: f64,
    pub leak: f64,
    pub selected: [usize; 2],
    pub by_rank: bool,
    pub pairs: usize,
}

/// Of one output, on all lengths.
pub struct OutputShown {
    pub margin: f64,
    pub tuples: usize,
    /// How far a number may be from the program's value, where it is not decoded to one of a list.
    pub within: Number,
    /// The values that the program may have there.
    pub values: BTreeSet<Value>,
}

impl Default for OutputShown {
    fn default() -> Self {
        Self { margin: f64::INFINITY, tuples: 0, within: Number::ZERO, values: BTreeSet::new() }
    }
}
