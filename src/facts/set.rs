//! Sets of values: explicit, or a lattice of fractions.

use crate::value::{Kinds, Number, Value};
use std::sync::Arc;

/// The largest set that is listed value by value.
pub const EXPLICIT_LIMIT: usize = 4096;

/// A set that holds every value an s-op can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueSet {
    /// Sorted by [`Value`]'s order (`True` and `1` are two values), without repeats.
    Explicit(Arc<[Value]>),
    /// Too many to list, but on a lattice.
    Means(Means),
    /// Every value of these types.
    Unbounded(Kinds),
}

/// Every `s / k` with `s` a multiple of `step`, `1 <= k <= max_count` and `lo <= s / k <= hi`;
/// and the values of `also`, which are not of this form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Means {
    pub step: Number,
    pub lo: Number,
    pub hi: Number,
    pub max_count: usize,
    pub also: Arc<[Value]>,
}

impl ValueSet {
    /// The values, if they are listed.
    pub fn explicit(&self) -> Option<&[Value]> {
        match self {
            Self::Explicit(values) => Some(values),
            Self::Means(_) | Self::Unbounded(_) => None,
        }
    }
}
