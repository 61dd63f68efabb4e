//! A selector as a conjunction of atoms: predicates on one base of the key and one of the query.

use super::lower::Lower;
use super::view::View;
use super::{Atom, Partition, PlanError};
use crate::ir::{SelectorId, SelectorOp};
use crate::value::Compare;
use std::collections::HashMap;

/// The most pairs of a query and a key value that a predicate is tabled for: indices to length
/// 2048, squared.
const MAX_PAIRS: usize = 1 << 22;

impl Atom {
    fn at(&self, query: usize, key: usize) -> bool {
        self.holds[query * self.key.n_classes + key]
    }

    fn select(key: &View, query: &View, op: Compare) -> Self {
        let side = |view: &View| view.args.first().cloned().unwrap_or_else(Partition::constant);
        let holds = |q: &_, k: &_| op.holds(k, q).unwrap_or(false);
        let rows = query.cells.iter().flatten().map(|q| key.cells.iter().flatten().map(move |k| holds(q, k)));
        Self { key: side(key), query: side(query), holds: rows.flatten().collect() }.reduced()
    }

    /// Both atoms as one, if they read the same bases.
    fn join(&self, other: &Self, op: fn(bool, bool) -> bool) -> Option<Self> {
        let (key, keys) = self.key.joint(&other.key)?;
        let (query, queries) = self.query.joint(&other.query)?;
        let cell = |q: (u32, u32), k: (u32, u32)| {
            op(self.at(q.0 as usize, k.0 as usize), other.at(q.1 as usize, k.1 as usize))
        };
        let holds = queries.iter().flat_map(|&q| keys.iter().map(move |&k| cell(q, k))).collect();
        Some(Self { key, query, holds }.reduced())
    }

    fn negated(mut self) -> Self {
        self.holds.iter_mut().for_each(|h| *h = !*h);
        self
    }

    /// The atom with queries that select the same keys in one class, and likewise keys.
    fn reduced(self) -> Self {
        let (n_queries, n_keys) = (self.query.n_classes, self.key.n_classes);
        let row = |q: usize| -> Vec<bool> { (0..n_keys).map(|k| self.at(q, k)).collect() };
        let column = |k: usize| -> Vec<bool> { (0..n_queries).map(|q| self.at(q, k)).collect() };
        let (query, queries) = self.query.coarsened(row);
        let (key, keys) = self.key.coarsened(column);
        let holds = queries.iter().flat_map(|&q| keys.iter().map(move |&k| (q, k)));
        let holds = holds.map(|(q, k)| self.at(q, k)).collect();
        Self { key, query, holds }
    }

    /// Whether it holds of every query and key.
    fn always(&self) -> bool {
        self.holds.iter().all(|h| *h)
    }
}

impl Partition {
    /// The joint partition of two that read the same base, or of which one is constant.
    fn joint(&self, other: &Self) -> Option<(Self, Vec<(u32, u32)>)> {
        match (self.base, other.base) {
            (_, None) => Some((self.clone(), (0..self.n_classes as u32).map(|c| (c, 0)).collect())),
            (None, _) => Some((other.clone(), (0..other.n_classes as u32).map(|c| (0, c)).collect())),
            (Some(a), Some(b)) => (a == b).then(|| self.refine(other)),
        }
    }

    /// The partition with classes of equal `kind` merged, and one old class for each new one.
    fn coarsened(&self, kind: impl Fn(usize) -> Vec<bool>) -> (Self, Vec<usize>) {
        let mut seen: HashMap<Vec<bool>, u32> = HashMap::new();
        let mut kept = Vec::new();
        let names: Vec<Option<u32>> = (0..self.n_classes)
            .map(|c| {
                Some(*seen.entry(kind(c)).or_insert_with(|| {
                    kept.push(c);
                    kept.len() as u32 - 1
                }))
            })
            .collect();
        match kept.len() {
            1 => (Self::constant(), kept),
            n => (self.merge(&names, n), kept),
        }
    }
}

impl Lower<'_> {
    /// The atoms whose conjunction a selector is. Atoms that always hold are left out.
    pub(super) fn atoms(&mut self, selector: SelectorId) -> Result<Vec<Atom>, PlanError> {
        let mut atoms = self.conjunction(selector, false)?;
        atoms.retain(|a| !a.always());
        Ok(atoms)
    }

    fn conjunction(&mut self, selector: SelectorId, negated: bool) -> Result<Vec<Atom>, PlanError> {
        match (self.program.graph[selector].op.clone(), negated) {
            (SelectorOp::Select { key, query, op }, _) => {
                let (key, query) = (self.single(key)?, self.single(query)?);
                let pairs = key.cells.len().saturating_mul(query.cells.len());
                if pairs > MAX_PAIRS {
                    let span = self.program.graph[selector].origin.span;
                    return Err(PlanError::TooManyPairs { span, pairs, limit: MAX_PAIRS });
                }
                let atom = Atom::select(&key, &query, op);
                Ok(vec![if negated { atom.negated() } else { atom }])
            }
            (SelectorOp::Not(a), _) => self.conjunction(a, !negated),
            (SelectorOp::And(a, b), false) | (SelectorOp::Or(a, b), true) => {
                let mut atoms = self.conjunction(a, negated)?;
                for atom in self.conjunction(b, negated)? {
                    match atoms.iter_mut().find_map(|a| Some((a.join(&atom, |x, y| x && y)?, a))) {
                        Some((joined, place)) => *place = joined,
                        None => atoms.push(atom),
                    }
                }
                Ok(atoms)
            }
            (SelectorOp::Or(a, b), false) | (SelectorOp::And(a, b), true) => {
                let (a, b) = (self.conjunction(a, negated)?, self.conjunction(b, negated)?);
                let joined = match (a.as_slice(), b.as_slice()) {
                    ([a], [b]) => a.join(b, |x, y| x || y),
                    _ => None,
                };
                let span = self.program.graph[selector].origin.span;
                Ok(vec![joined.ok_or(PlanError::Disjunction { span })?])
            }
        }
    }
}
