//! What holds on every declared input: which values can an s-op have, how many keys can a
//! selector select, what does an s-op depend on?
//!
//! Declared inputs are those of the declared domains and lengths on which the assumptions are
//! true and the program does not fail. A fact that is given holds on all of them; a fact that is
//! not given may hold or not. Only what outputs and assumptions need is looked at.

mod aggregate;
mod analysis;
mod assume;
mod attention;
mod depends;
mod failure;
mod image;
mod lattice;
mod order;
mod reason;
mod report;
mod set;
mod table;
mod unique;
mod warn;
mod width;
#[cfg(test)]
pub(crate) mod soundness;
#[cfg(test)]
pub(crate) mod soundness_tests;
#[cfg(test)]
mod tests;

pub use depends::Depends;
pub use failure::may_fail;
pub use lattice::Lattice;
pub use reason::Reason;
pub use report::{Because, FactLine, NodeFacts, report};
pub use set::{EXPLICIT_LIMIT, Means, ValueSet};
pub use warn::warnings;

use crate::ir::{Op, Program, SOpId, SelectorId};
use crate::value::Value;
use analysis::{Analysis, Rules};
use assume::Restrictions;
use order::{Order, Signs};
use std::sync::Arc;
use table::{Axis, NONE, Table};
use width::Widths;

/// The facts of a program.
#[derive(Clone, Debug)]
pub struct Facts {
    sops: Vec<SOpFacts>,
    selectors: Vec<SelectorFacts>,
    lengths: Vec<usize>,
}

/// What is known of an s-op.
#[derive(Clone, Debug)]
struct SOpFacts {
    values: ValueSet,
    depends: Depends,
    /// The value as a function of other things, if there are few enough combinations.
    table: Option<Arc<Table>>,
    agreement: Option<Reason>,
    injective: Option<Reason>,
    permutation: Option<Reason>,
}

/// What is known of a selector.
#[derive(Clone, Debug)]
struct SelectorFacts {
    widths: Widths,
    /// The width as a function of the queries, if the keys are known.
    by_query: Option<Arc<Table>>,
    /// Whether every position selects itself, or none does.
    itself: Option<bool>,
    always: Option<Reason>,
    /// The order of the positions that it is; no two positions that it compares are equal in it.
    order: Option<Order>,
    signs: Option<Signs>,
    /// Pairs of s-ops: at every key that a query selects, the first is equal to the second at the
    /// query. So the first is equal at all of them; keys that are equal to one of two things are
    /// not, which is why it takes the pair.
    fixed: Vec<(SOpId, SOpId)>,
    /// The same of the keys that a query sees and does not select.
    fixed_outside: Vec<(SOpId, SOpId)>,
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
    analyse_by(program, Rules::SOUND)
}

fn analyse_by(program: &Program, rules: Rules) -> Facts {
    let assumed = Restrictions::of(program, rules);
    let Analysis { sops, selectors, lengths, .. } = Analysis::run(program, &program.live(), &assumed, rules);
    Facts { sops, selectors, lengths }
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
    pub fn at(&self, sop: SOpId, index: usize, length: usize) -> Option<&Value> {
        let table = self.sops[sop.index()].table.as_deref().filter(|t| t.by_position() && index < length)?;
        match table.at(index, self.lengths.binary_search(&length).ok()?) {
            NONE => None,
            cell => table.values.get(cell as usize),
        }
    }

    /// Why the values are these.
    pub fn values_reason(&self, program: &Program, sop: SOpId) -> Reason {
        if let Some(reason) = self.computed(sop) {
            return reason;
        }
        match &program.graph[sop].op {
            Op::Input(column) => match program.columns.get(*column).and_then(|c| c.domain.as_ref()) {
                Some(domain) if domain.iter().all(|v| self.values(sop).contains(v)) => Reason::Declared,
                Some(_) => Reason::Assumed,
                None => Reason::Undeclared,
            },
            Op::Indices => Reason::Index,
            Op::Const(_) => Reason::SameEverywhere,
            Op::Elementwise { .. } => Reason::Arguments,
            Op::Aggregate { selector, value, .. } => match self.width(*selector) {
                width if width.at_most_one() || self.agreement(sop).is_some() => Reason::Selected(*value),
                width => Reason::Means { value: *value, count: width.max },
            },
            Op::Width { selector } => Reason::WidthBounds(*selector),
        }
    }

    /// Why it depends on nothing else.
    pub fn depends_reason(&self, program: &Program, sop: SOpId) -> Reason {
        if let Some(reason) = self.computed(sop) {
            return reason;
        }
        match &program.graph[sop].op {
            Op::Input(_) => Reason::Input,
            Op::Indices => Reason::Index,
            Op::Const(_) => Reason::SameEverywhere,
            Op::Elementwise { .. } => Reason::Arguments,
            Op::Aggregate { .. } | Op::Width { .. } => Reason::Attention,
        }
    }

    /// How the s-op was computed, if it is known as a function of other things.
    fn computed(&self, sop: SOpId) -> Option<Reason> {
        let table = self.sops[sop.index()].table.as_deref()?;
        let itself = table.reads(Axis::SOp(sop));
        let everywhere = if table.by_position() { Reason::EveryPosition } else { Reason::EveryState };
        (!itself).then_some(everywhere)
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
        self.selectors[selector.index()].widths.overall()
    }

    /// Why every query selects every key that it sees, if it does.
    pub fn always(&self, selector: SelectorId) -> Option<&Reason> {
        self.selectors[selector.index()].always.as_ref()
    }

    /// Why the selector is a strict total order of the positions, if it is: its width is then the
    /// rank of the query, a permutation. Under a
    /// causal mask there is one only if it selects no later keys anyway.
    pub fn total_order(&self, selector: SelectorId) -> Option<Reason> {
        let order = self.selectors[selector.index()].order.as_ref();
        order
            .filter(|order| order.strict && order.within.is_empty())
            .map(|order| Reason::Order(order.sops.clone()))
    }
}

/// Wrong facts, for tests of who notices.
#[cfg(test)]
impl Facts {
    /// An s-op never has this value.
    pub(crate) fn without(mut self, sop: SOpId, value: &Value) -> Self {
        let known = &mut self.sops[sop.index()].values;
        *known = ValueSet::of(known.explicit().unwrap_or_default().iter().filter(|v| *v != value).cloned());
        self
    }

    /// What a selector selects in a row is one value.
    pub(crate) fn agreeing(mut self, sop: SOpId) -> Self {
        self.sops[sop.index()].agreement = Some(Reason::SameEverywhere);
        self
    }

    /// A selector selects so many keys, where it was known to select more or fewer.
    pub(crate) fn with_width(mut self, selector: SelectorId, bounds: WidthBounds) -> Self {
        for (min, max) in &mut self.selectors[selector.index()].widths.by_length {
            (*min, *max) = ((*min).max(bounds.min), (*max).min(bounds.max));
        }
        self
    }
}
