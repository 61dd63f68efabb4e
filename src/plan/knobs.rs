//! What may be asked of a plan.

use super::Padding;

/// What may be asked of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knobs {
    /// Whether to look for small networks. Otherwise every s-op that is read stands in the residual
    /// stream as a one-hot code or a thermometer, and every table takes a neuron per tuple.
    pub optimise: bool,
    /// The distance between the scores of selected and unselected keys; none for attention that does
    /// not leak.
    pub sharpness: Option<u16>,
    /// Whether all layers have as many heads and neurons, and all heads are as wide: what is missing
    /// is zeros.
    pub uniform: bool,
    /// What sizes the network is to have.
    pub padding: Padding,
    /// Whether what is multiplied has like norms, instead of entries that are exact.
    pub balanced: bool,
}

impl Knobs {
    /// A small network that is exact.
    pub const DEFAULT: Self =
        Self { optimise: true, sharpness: None, uniform: false, padding: Padding::NONE, balanced: false };
}

impl Default for Knobs {
    fn default() -> Self {
        Self::DEFAULT
    }
}
