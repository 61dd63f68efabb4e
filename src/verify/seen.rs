//! What the program was seen to do, of all inputs of a length.
//!
//! [`super::classes`] runs the program on one input of each class; the kernel takes from here what it
//! cannot derive by itself.

use crate::ir::{SOpId, SelectorId};
use crate::value::Value;
use std::collections::{BTreeSet, HashMap};

/// By length; nothing is known of lengths that are not here.
#[derive(Debug, Default)]
pub struct Seen {
    pub lengths: HashMap<usize, OfLength>,
    /// On so many inputs the program was run, one of each class.
    pub classes: usize,
}

/// Whatever is not here was not followed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OfLength {
    /// All values that an s-op has, at whatever position.
    pub values: HashMap<SOpId, BTreeSet<Value>>,
    /// The least and the greatest width; none if no input counts.
    pub widths: HashMap<SelectorId, Option<(usize, usize)>>,
}

impl Seen {
    pub fn values(&self, n: usize, sop: SOpId) -> Option<&BTreeSet<Value>> {
        self.lengths.get(&n)?.values.get(&sop)
    }

    /// A value of an s-op; none if it never has it.
    pub fn value(&self, n: usize, sop: SOpId, value: &Value) -> Option<Value> {
        self.values(n, sop).is_none_or(|seen| seen.contains(value)).then(|| value.clone())
    }

    /// Bounds on the width of a selector, as narrow as was seen; none if that leaves nothing.
    pub fn within(
        &self,
        n: usize,
        selector: SelectorId,
        (min, max): (usize, usize),
    ) -> Option<(usize, usize)> {
        let Some(seen) = self.lengths.get(&n).and_then(|of| of.widths.get(&selector)) else {
            return Some((min, max));
        };
        let (least, most) = (*seen)?;
        (min.max(least) <= max.min(most)).then_some((min.max(least), max.min(most)))
    }
}
