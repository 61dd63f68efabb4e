//! What the value of an s-op at one position is a function of.

use crate::ir::Program;
use std::collections::BTreeSet;

/// What the value at a position is a function of.
///
/// Without `others` it is a function of the tokens of these columns at the same position, of the
/// index if `index`, and of the length if `length`. With `others` it may also read these columns
/// at other positions; it then still ignores the columns that are not named, and without `index`
/// it commutes with every permutation of the positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Depends {
    pub columns: BTreeSet<usize>,
    pub index: bool,
    pub length: bool,
    pub others: bool,
}

impl Depends {
    /// A function of the whole input.
    pub fn anything(program: &Program) -> Self {
        let columns = (0..program.columns.len()).collect();
        Self { columns, index: true, length: true, others: true }
    }

    /// Whether it is the same at every position of every input.
    pub fn constant(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it is a function of index and length alone.
    pub fn position_alone(&self) -> bool {
        self.columns.is_empty() && !self.others
    }

    /// Whether it is a function of what one position holds: own tokens, index and length.
    pub fn local(&self) -> bool {
        !self.others
    }

    /// Adds what another s-op depends on.
    pub fn join(&mut self, other: &Self) {
        self.columns.extend(&other.columns);
        self.index |= other.index;
        self.length |= other.length;
        self.others |= other.others;
    }

    /// In words: `nothing`, `tokens and index`, `all positions: tokens`.
    pub fn describe(&self, program: &Program) -> String {
        let column = |&c: &usize| program.columns.get(c).map(|column| column.name.to_string());
        let mut parts: Vec<String> = self.columns.iter().filter_map(column).collect();
        if self.index {
            parts.push("index".to_owned());
        }
        if self.length {
            parts.push("length".to_owned());
        }
        let parts = match parts.as_slice() {
            [] => "nothing".to_owned(),
            [one] => one.clone(),
            [init @ .., last] => format!("{} and {last}", init.join(", ")),
        };
        if self.others { format!("all positions: {parts}") } else { parts }
    }
}
