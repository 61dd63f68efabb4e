//! What an aggregate can be.

use super::analysis::{Analysis, MAX_PARTS, cost, parts};
use super::depends::Depends;
use super::lattice::{self, Lattice, Offset, numbers};
use super::reason::Reason;
use super::set::ValueSet;
use super::table::{Axis, MAX_STATES, NONE, Space, Table, classes};
use super::{SOpFacts, WidthBounds};
use crate::ir::{Op, SOpId, SelectorId, SelectorOp};
use crate::value::{Compare, Elementwise, Kind, Value};
use std::collections::HashMap;
use std::sync::Arc;

impl Analysis<'_> {
    /// A mean times the width of its selector is a sum of as many values.
    pub(super) fn selected_sum(&self, f: &Elementwise, args: &[SOpId]) -> Option<Lattice> {
        let [a, b] = args else { return None };
        let graph = self.graph();
        let pair = |mean: SOpId, width: SOpId| {
            let Op::Aggregate { selector, value, default } = &graph[mean].op else { return None };
            let same = graph[width].op == Op::Width { selector: *selector };
            same.then_some((*selector, *value, default.kind()))
        };
        let (selector, value, default) =
            pair(*a, *b).or_else(|| pair(*b, *a)).filter(|_| *f == Elementwise::Mul)?;
        let one = match &self.sops[value.index()].values {
            ValueSet::Explicit(values) if values.iter().all(|v| v.kind() == Kind::Number) => {
                Lattice::around(numbers(values))?
            }
            ValueSet::Means(means) if means.lattice.max_count == 1 && means.also.is_empty() => {
                means.lattice.clone()
            }
            ValueSet::Explicit(_) | ValueSet::Means(_) | ValueSet::Unbounded(_) => return None,
        };
        let WidthBounds { min, max } = self.selectors[selector.index()].widths.overall();
        // An empty row gives 0 times the default, and that is "" for a string.
        (min > 0 || default != Kind::Str).then_some(())?;
        one.sums(min, max.min(self.max_length()))
    }

    pub fn aggregate(&mut self, id: SOpId, selector: SelectorId, value: SOpId, default: &Value) -> SOpFacts {
        let agreement = self.agree(selector, value);
        let mut facts = if let Some(table) = self.aggregate_by_query(selector, value, default) {
            let depends = self.depends_of(&table);
            SOpFacts { table: Some(Arc::new(table)), ..SOpFacts::of(ValueSet::of([]), depends) }
        } else if self.reads_itself(selector) {
            let own = self.sops[value.index()].clone();
            let reason = Reason::ReadsItself(selector);
            let injective = own.injective.map(|_| reason.clone());
            let permutation = own.permutation.map(|_| reason);
            SOpFacts { injective, permutation, ..own }
        } else {
            let set = self.means(selector, value, default, agreement.is_some());
            let depends = self.depends_of_attention(selector, Some(value));
            self.opaque(id, set, depends)
        };
        facts.agreement = agreement;
        if facts.injective.is_none() && self.reads_each_once(selector) {
            let value_facts = &self.sops[value.index()];
            let reason = Reason::ReadsEachOnce { selector, value };
            facts.injective = value_facts.injective.as_ref().map(|_| reason.clone());
            facts.permutation = value_facts.permutation.as_ref().map(|_| reason);
        }
        facts
    }

    /// Whether every query selects itself alone.
    fn reads_itself(&self, selector: SelectorId) -> bool {
        let facts = &self.selectors[selector.index()];
        facts.itself == Some(true) && facts.widths.overall().at_most_one()
    }

    /// Whether every query selects one key, and no two queries the same: `==` of s-ops that differ
    /// at any two positions, with a match for each.
    fn reads_each_once(&self, selector: SelectorId) -> bool {
        let SelectorOp::Select { key, query, op: Compare::Eq } = self.graph()[selector].op else {
            return false;
        };
        let differ = |id: SOpId| self.sops[id.index()].injective.is_some();
        differ(key) && differ(query) && self.selectors[selector.index()].widths.overall().exactly_one()
    }

    /// What attention to keys and values depends on.
    pub fn depends_of_attention(&self, selector: SelectorId, value: Option<SOpId>) -> Depends {
        let graph = self.graph();
        let (mut queries, mut keys) = (Depends::default(), Depends::default());
        for part in parts(graph, selector, usize::MAX).unwrap_or_default() {
            if let SelectorOp::Select { key, query, .. } = graph[part].op {
                keys.join(&self.sops[key.index()].depends);
                queries.join(&self.sops[query.index()].depends);
            }
        }
        if let Some(value) = value {
            keys.join(&self.sops[value.index()].depends);
        }
        // Keys that depend on the position alone are the same in all inputs of a length.
        let known = keys.position_alone();
        let mut all = queries;
        if !known {
            all.join(&keys);
        }
        all.others |= !known;
        all.length |= !self.program.causal;
        all.index |= self.program.causal;
        all
    }

    /// Why all selected values of a row are equal.
    fn agree(&mut self, selector: SelectorId, value: SOpId) -> Option<Reason> {
        if self.selectors[selector.index()].widths.overall().at_most_one() {
            return Some(Reason::AtMostOne(selector));
        }
        let same = |t: &Arc<Table>| t.axes().all(|axis| axis == Axis::Length);
        if self.table(value).is_some_and(same) {
            return Some(Reason::SameEverywhere);
        }
        let fixed: Vec<SOpId> = self.selectors[selector.index()].fixed.iter().map(|pair| pair.0).collect();
        let follows =
            !fixed.is_empty() && (self.made_of(value, &fixed, &mut 64) || self.determined(value, &fixed));
        follows.then_some(Reason::Fixed(fixed))
    }

    /// Whether an s-op is written in terms of the `fixed` ones alone. Looks at `budget` s-ops.
    fn made_of(&self, value: SOpId, fixed: &[SOpId], budget: &mut usize) -> bool {
        *budget = budget.saturating_sub(1);
        // `==` does not tell `True` from 1, but other operations do.
        let mixed = |id: SOpId| {
            let kinds = self.sops[id.index()].values.kinds();
            kinds.contains(Kind::Bool) && kinds.contains(Kind::Number)
        };
        match &self.graph()[value].op {
            _ if fixed.contains(&value) => true,
            Op::Const(_) => true,
            Op::Elementwise { args, .. } => {
                let arg_is = |&arg: &SOpId, budget: &mut usize| {
                    self.made_of(arg, fixed, budget) && !(fixed.contains(&arg) && mixed(arg))
                };
                *budget > 0 && args.iter().all(|arg| arg_is(arg, budget))
            }
            Op::Input(_) | Op::Indices | Op::Aggregate { .. } | Op::Width { .. } => false,
        }
    }

    /// Whether no two states that agree in the `fixed` s-ops and the length differ in the value.
    fn determined(&mut self, value: SOpId, fixed: &[SOpId]) -> bool {
        let tables: Option<Vec<Arc<Table>>> =
            fixed.iter().chain([&value]).map(|&id| self.table(id).cloned()).collect();
        let Some(tables) = tables else { return false };
        let tables: Vec<&Table> = tables.iter().map(|t| &**t).collect();
        let space = Space::of(tables.iter().copied());
        if space.size() > MAX_STATES || !self.spend(space.size() * (tables.len() * cost::CELL + cost::HASH)) {
            return false;
        }
        let by_length = space.position(Axis::Length);
        let classes: Vec<Vec<u32>> = tables.iter().map(|t| classes(&t.values)).collect();
        let mut seen: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut agree = true;
        space.walk(&tables, |_, coordinates, ids| {
            let mut key: Vec<u32> = ids.iter().zip(&classes).map(|(&id, c)| c[id as usize]).collect();
            let value = key.pop().unwrap_or(NONE);
            key.push(by_length.map_or(0, |at| coordinates[at] as u32));
            agree &= *seen.entry(key).or_insert(value) == value;
        });
        agree
    }

    /// The values that an aggregate can have.
    fn means(&mut self, selector: SelectorId, value: SOpId, default: &Value, agree: bool) -> ValueSet {
        let WidthBounds { min, max } = self.selectors[selector.index()].widths.overall();
        let values = match self.selectable(selector, value) {
            Some(values) => ValueSet::of(values),
            None => self.sops[value.index()].values.clone(),
        };
        let values = self.affordable(&values);
        let max = (self.rules.mean_count)(max);
        let default = ValueSet::of((min == 0).then(|| default.clone()));
        if max == 0 {
            return default;
        }
        let limit = self.explicit_limit();
        // One selected value is itself; several that agree are too, or the program fails.
        let singles = if min <= 1 || agree { values.clone() } else { ValueSet::of([]) };
        let several =
            if max < 2 || agree { ValueSet::of([]) } else { mean_set(&values, min.max(2), max, limit) };
        let several = self.paid(several);
        singles.union(&several).union(&default)
    }

    /// The values at keys that some query can select, if that can be found by going through the
    /// states of a key.
    fn selectable(&mut self, selector: SelectorId, value: SOpId) -> Option<Vec<Value>> {
        let graph = self.graph();
        let parts = parts(graph, selector, MAX_PARTS)?;
        let mut tables = vec![self.table(value)?.clone()];
        let mut steps = Vec::new();
        let place = |id: SelectorId| parts.binary_search(&id).ok();
        for &id in &parts {
            steps.push(match graph[id].op {
                SelectorOp::Select { key, query, op } => {
                    let (key, query) = (self.table(key)?.clone(), self.table(query)?.clone());
                    let pairs = key.values.len().saturating_mul(query.values.len());
                    if !self.spend(pairs.saturating_mul(cost::COMPARE)) {
                        return None;
                    }
                    let matches = |key: &Value| {
                        let outcome = |wanted| query.values.iter().any(|q| op.holds(key, q) == Ok(wanted));
                        Can { select: outcome(true), pass: outcome(false) }
                    };
                    let outcomes = key.values.iter().map(matches).collect();
                    tables.push(key);
                    Possible::Atom(tables.len() - 1, outcomes)
                }
                SelectorOp::And(a, b) => Possible::And(place(a)?, place(b)?),
                SelectorOp::Or(a, b) => Possible::Or(place(a)?, place(b)?),
                SelectorOp::Not(a) => Possible::Not(place(a)?),
            });
        }
        let tables: Vec<&Table> = tables.iter().map(|t| &**t).collect();
        let space = Space::of(tables.iter().copied());
        if space.size() > MAX_STATES || !self.spend(space.size() * (tables.len() + steps.len()) * cost::CELL)
        {
            return None;
        }
        let mut found = vec![false; tables[0].values.len()];
        let mut can: Vec<Can> = Vec::new();
        space.walk(&tables, |_, _, ids| {
            can.clear();
            for step in &steps {
                can.push(match step {
                    Possible::Atom(at, outcomes) => outcomes[ids[*at] as usize],
                    Possible::And(a, b) => can[*a].and(can[*b]),
                    Possible::Or(a, b) => can[*a].not().and(can[*b].not()).not(),
                    Possible::Not(a) => can[*a].not(),
                });
            }
            found[ids[0] as usize] |= can.last().is_some_and(|can| can.select);
        });
        Some(tables[0].values.iter().zip(found).filter(|(_, f)| *f).map(|(v, _)| v.clone()).collect())
    }
}

/// How a part of a selector is judged for one key, over all queries.
enum Possible {
    /// The table of the key, and the judgement for each of its values.
    Atom(usize, Vec<Can>),
    And(usize, usize),
    Or(usize, usize),
    Not(usize),
}

/// Whether some query may select a key, and whether some may pass it over.
#[derive(Clone, Copy)]
struct Can {
    select: bool,
    pass: bool,
}

impl Can {
    fn and(self, other: Self) -> Self {
        Self { select: self.select && other.select, pass: self.pass || other.pass }
    }

    fn not(self) -> Self {
        Self { select: self.pass, pass: self.select }
    }
}

/// Every mean of `min` to `max` numbers of a set; at most `limit` are listed.
fn mean_set(values: &ValueSet, min: usize, max: usize, limit: usize) -> ValueSet {
    let any = || ValueSet::Unbounded(crate::value::Kinds::NUMBER);
    match values {
        ValueSet::Explicit(values) => {
            let numbers: Vec<_> = numbers(values).collect();
            let (Some(lo), Some(hi)) = (numbers.iter().min(), numbers.iter().max()) else {
                return ValueSet::of([]);
            };
            let exact = Offset::around(&numbers)
                .and_then(|offset| lattice::means(&offset, lo, hi, min, max, limit))
                .or_else(|| lattice::means_of_few(&numbers, min, max, limit));
            match exact {
                Some(means) => ValueSet::of(means.into_iter().map(Value::Number)),
                None => lattice::Lattice::around(numbers)
                    .and_then(|l| l.means(max))
                    .map_or_else(any, |l| ValueSet::of_lattice(l, [], limit)),
            }
        }
        ValueSet::Means(means) => {
            let also = numbers(&means.also);
            let all = also.into_iter().try_fold(means.lattice.clone(), |l, n| l.with(&n));
            all.and_then(|l| l.means(max)).map_or_else(any, |l| ValueSet::of_lattice(l, [], limit))
        }
        ValueSet::Unbounded(kinds) if kinds.contains(Kind::Number) => any(),
        ValueSet::Unbounded(_) => ValueSet::of([]),
    }
}
