//! What was shown, of all lengths.

use crate::ir::Node;

#[derive(Default)]
pub struct Shown {
    /// Those of which there are inputs.
    pub lengths: Vec<usize>,
    /// By layer and head, what is told of.
    pub heads: Vec<((usize, usize), Node, HeadShown)>,
    /// Layer and direction that an MLP writes, and so many tuples.
    pub mlps: Vec<(usize, usize, usize)>,
    /// Outputs, the margin of each, and so many tuples.
    pub outputs: Vec<(usize, f64, usize)>,
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
