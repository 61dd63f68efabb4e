//! Why a fact holds.

/// Why a fact holds: evidence for a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Positions are numbered.
    Index,
}
