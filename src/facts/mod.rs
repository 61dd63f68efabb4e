//! What holds on every declared input: which values can an s-op have, how many keys can a
//! selector select, what does an s-op depend on?
//!
//! Declared inputs are those of the declared domains and lengths on which the assumptions are
//! true and the program does not fail. A fact that is given holds on all of them; a fact that is
//! not given may hold or not. Only what outputs and assumptions need is looked at.

mod depends;
mod reason;
mod set;

pub use depends::Depends;
pub use reason::Reason;
pub use set::{EXPLICIT_LIMIT, Means, ValueSet};

use crate::ir::{Program, SOpId, SelectorId};
use crate::value::Value;

/// The facts of a program.
#[derive(Clone, Debug)]
pub struct Facts {
    sops: Vec<SOpFacts>,
    selectors: Vec<SelectorFacts>,
}

#[derive(Clone, Debug)]
struct SOpFacts {
    values: ValueSet,
    depends: Depends,
    agreement: Option<Reason>,
    injective: Option<Reason>,
    permutation: Option<Reason>,
}

#[derive(Clone, Debug)]
struct SelectorFacts {
    width: WidthBounds,
    always: Option<Reason>,
    total_order: Option<Reason>,
}

/// The least and the greatest number of keys that a query selects, over all queries of all
/// declared inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WidthBounds {
    pub min: usize,
    /// `usize::MAX` if no length is declared and nothing else bounds it.
    pub max: usize,
}

impl WidthBounds {
    pub fn at_most_one(self) -> bool {
        self.max <= 1
    }

    pub fn at_least_one(self) -> bool {
        self.min >= 1
    }

    pub fn exactly_one(self) -> bool {
        self.min == 1 && self.max == 1
    }
}

/// Derives the facts of a program.
pub fn analyse(program: &Program) -> Facts {
    let graph = &program.graph;
    let sop = |id: SOpId| SOpFacts {
        values: ValueSet::Unbounded(graph[id].kinds),
        depends: Depends::anything(program),
        agreement: None,
        injective: None,
        permutation: None,
    };
    let max = program.lengths.map_or(usize::MAX, |l| l.max);
    let selector = SelectorFacts { width: WidthBounds { min: 0, max }, always: None, total_order: None };
    Facts { sops: graph.sop_ids().map(sop).collect(), selectors: vec![selector; graph.n_selectors()] }
}

impl Facts {
    /// Every value that the s-op can have at any position.
    pub fn values(&self, sop: SOpId) -> &ValueSet {
        &self.sops[sop.index()].values
    }

    /// What the value at a position is a function of.
    pub fn depends(&self, sop: SOpId) -> &Depends {
        &self.sops[sop.index()].depends
    }

    /// The value at a position, for an s-op that depends on the position alone
    /// ([`Depends::position_alone`]) and whose values were evaluated for every length; `None`
    /// also where the program fails or the length is not declared.
    pub fn at(&self, _sop: SOpId, _index: usize, _length: usize) -> Option<&Value> {
        None
    }

    /// Why all values that the aggregate selects in a row are equal, if they are. Its value is
    /// then one of those of the s-op it aggregates, or the default.
    pub fn agreement(&self, sop: SOpId) -> Option<&Reason> {
        self.sops[sop.index()].agreement.as_ref()
    }

    /// Why the s-op differs (by `==`) at any two positions of one input, if it does.
    pub fn injective(&self, sop: SOpId) -> Option<&Reason> {
        self.sops[sop.index()].injective.as_ref()
    }

    /// Why the s-op is a permutation of `0..n`, if it is.
    pub fn permutation(&self, sop: SOpId) -> Option<&Reason> {
        self.sops[sop.index()].permutation.as_ref()
    }

    /// How many keys a query selects.
    pub fn width(&self, selector: SelectorId) -> WidthBounds {
        self.selectors[selector.index()].width
    }

    /// Why every query selects every key that it sees, if it does.
    pub fn always(&self, selector: SelectorId) -> Option<&Reason> {
        self.selectors[selector.index()].always.as_ref()
    }

    /// Why the selector is a strict total order of the positions, if it is: its width is then the
    /// rank of the query, a permutation. There is none under a causal mask.
    pub fn total_order(&self, selector: SelectorId) -> Option<&Reason> {
        self.selectors[selector.index()].total_order.as_ref()
    }
}
