//! What was shown so far, of all lengths.

use crate::model::Of;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Shown {
    /// Those of which there are inputs.
    pub lengths: Vec<usize>,
    /// Whether some output has some value.
    pub any: bool,
    /// By layer and head.
    pub heads: BTreeMap<(usize, usize), HeadShown>,
    /// For each layer, the tuples of each direction that its MLP writes.
    pub mlps: BTreeMap<usize, BTreeMap<usize, usize>>,
    /// Margins and tuples.
    pub outputs: BTreeMap<usize, (f64, usize)>,
    pub cost: u64,
}

#[derive(Clone)]
pub struct HeadShown {
    pub writes: Vec<Of>,
    pub gap: f64,
    pub leak: f64,
    pub selected: [usize; 2],
    pub by_rank: bool,
    pub pairs: usize,
}

impl HeadShown {
    pub const NONE: Self = Self {
        writes: Vec::new(),
        gap: f64::INFINITY,
        leak: 0.0,
        selected: [usize::MAX, 0],
        by_rank: false,
        pairs: 0,
    };
}
