//! A selector as a conjunction of atoms: predicates on one base of the key and one of the query.

use super::atom::{Relation, classes};
use super::lower::Lower;
use super::view::View;
use super::{Atom, Base, Partition, PlanError};
use crate::ir::{SOpId, SelectorId, SelectorOp};
use crate::value::{Compare, Elementwise, Value};

/// The most pairs of a query and a key value that a predicate is tabled for: indices to length
/// 2048, squared.
const MAX_PAIRS: usize = 1 << 22;

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
                let too_many = || {
                    let pairs = key.cells.len().saturating_mul(query.cells.len());
                    let at = self.program.graph[selector].origin;
                    PlanError::TooManyPairs { at, pairs, limit: MAX_PAIRS }
                };
                let atom = Atom::select(&key, &query, op, MAX_PAIRS).ok_or_else(too_many)?;
                // One column per class, or a table of what is not selected.
                let tabled = negated || !self.knobs.optimise;
                match tabled && atom.pairs() > MAX_PAIRS {
                    true => Err(too_many()),
                    false => Ok(vec![if negated { atom.negated() } else { atom }]),
                }
            }
            (SelectorOp::Not(a), _) => self.conjunction(a, !negated),
            (SelectorOp::And(a, b), false) | (SelectorOp::Or(a, b), true) => {
                let mut atoms = self.conjunction(a, negated)?;
                for atom in self.conjunction(b, negated)? {
                    match atoms.iter_mut().find_map(|a| Some((a.join(&atom, |x, y| x && y, MAX_PAIRS)?, a))) {
                        Some((joined, place)) => *place = joined,
                        None => atoms.push(atom),
                    }
                }
                Ok(atoms)
            }
            (SelectorOp::Or(a, b), false) | (SelectorOp::And(a, b), true) => {
                let (a, b) = (self.conjunction(a, negated)?, self.conjunction(b, negated)?);
                let joined = match (a.as_slice(), b.as_slice()) {
                    ([a], [b]) => a.join(b, |x, y| x || y, MAX_PAIRS),
                    _ => None,
                };
                let atom = match joined {
                    Some(atom) => atom,
                    None if negated => self.by_classes(selector)?.negated(),
                    None => self.by_classes(selector)?,
                };
                Ok(vec![atom])
            }
        }
    }

    /// The width of a disjunction as the sum of the widths of its sides, if no key is selected by
    /// both, and it takes classes of several bases otherwise.
    pub(super) fn sum_of_widths(&mut self, selector: SelectorId) -> Option<View> {
        let SelectorOp::Or(a, b) = self.program.graph[selector].op else { return None };
        self.knobs.optimise.then_some(())?;
        let (left, right) = (self.conjunction(a, false).ok()?, self.conjunction(b, false).ok()?);
        let one = |atoms: &[Atom]| match atoms {
            [atom] => Some(atom.clone()),
            _ => None,
        };
        if one(&left).zip(one(&right)).is_some_and(|(l, r)| l.join(&r, |x, y| x || y, MAX_PAIRS).is_some()) {
            return None;
        }
        let excludes = |l: &Atom| {
            right.iter().any(|r| l.join(r, |x, y| x && y, MAX_PAIRS).is_some_and(|both| both.never()))
        };
        if !left.iter().any(excludes) {
            return None;
        }
        let mut side = |side: SelectorId| {
            let depth = self.head_depth(side, None);
            let depth = if self.is_stepped_width(side) { depth.next_mlp() } else { depth };
            self.depths.insert(Base::Width(side), depth);
            View::base(Base::Width(side), &self.width_values(side))
        };
        let (a, b) = (side(a), side(b));
        Some(View::combine(&[&a, &b], |widths| Elementwise::Add.apply(widths)))
    }

    /// Any selector as one atom: on the classes of keys that it treats alike, and on those of
    /// queries. Classes of several bases become a base of their own.
    fn by_classes(&mut self, selector: SelectorId) -> Result<Atom, PlanError> {
        let at = self.program.graph[selector].origin;
        let mut leaves = Vec::new();
        self.leaves(selector, &mut leaves);
        let keys: Vec<View> = leaves.iter().map(|l| self.single(l.0)).collect::<Result<_, _>>()?;
        let queries: Vec<View> = leaves.iter().map(|l| self.single(l.1)).collect::<Result<_, _>>()?;
        let (n_keys, n_queries) = (View::combined_size(&refs(&keys)), View::combined_size(&refs(&queries)));
        let pairs = n_keys.saturating_mul(n_queries);
        if pairs > MAX_PAIRS {
            return Err(PlanError::TooManyPairs { at, pairs, limit: MAX_PAIRS });
        }
        let (key_view, key_states) = states(&keys);
        let (query_view, query_states) = states(&queries);
        let ops: Vec<Compare> = leaves.iter().map(|l| l.2).collect();
        let cell = |q: &[Value], k: &[Value]| {
            let mut leaf =
                ops.iter().zip(k.iter().zip(q)).map(|(op, (k, q))| op.holds(k, q).unwrap_or(false));
            self.evaluate(selector, &mut leaf)
        };
        let rows: Vec<Vec<bool>> =
            query_states.iter().map(|q| key_states.iter().map(|k| cell(q, k)).collect()).collect();
        let column = |k: usize| rows.iter().map(|row| row[k]).collect::<Vec<bool>>();
        let columns: Vec<Vec<bool>> = (0..key_states.len()).map(column).collect();
        let (key_classes, one_key) = classes(&columns);
        let (query_classes, one_query) = classes(&rows);
        let holds = one_query.iter().flat_map(|&q| one_key.iter().map(move |&k| (q, k)));
        let holds = Relation::Table(holds.map(|(q, k)| rows[q][k]).collect());
        let key = self.class_partition(Base::Keys(selector), &key_view, &key_classes);
        let query = self.class_partition(Base::Queries(selector), &query_view, &query_classes);
        Ok(Atom { key, query, holds })
    }

    /// The comparisons in a selector, from left to right: key, query, operator.
    pub(super) fn leaves(&self, selector: SelectorId, leaves: &mut Vec<(SOpId, SOpId, Compare)>) {
        match self.program.graph[selector].op {
            SelectorOp::Select { key, query, op } => leaves.push((key, query, op)),
            SelectorOp::And(a, b) | SelectorOp::Or(a, b) => {
                self.leaves(a, leaves);
                self.leaves(b, leaves);
            }
            SelectorOp::Not(a) => self.leaves(a, leaves),
        }
    }

    /// Whether a selector selects, given whether each of its [`Self::leaves`] does.
    fn evaluate(&self, selector: SelectorId, leaves: &mut impl Iterator<Item = bool>) -> bool {
        match self.program.graph[selector].op {
            SelectorOp::Select { .. } => leaves.next().unwrap_or(false),
            SelectorOp::And(a, b) => self.evaluate(a, leaves) & self.evaluate(b, leaves),
            SelectorOp::Or(a, b) => self.evaluate(a, leaves) | self.evaluate(b, leaves),
            SelectorOp::Not(a) => !self.evaluate(a, leaves),
        }
    }

    /// The partition of states into classes: of the one base they are read from, or of `base`,
    /// which holds the class.
    fn class_partition(&mut self, base: Base, states: &View, class: &[usize]) -> Partition {
        let name = |state: &[&Value]| match state[0].number().and_then(|n| n.to_i64()) {
            Some(state) => Ok(Value::int(class[state as usize] as i64)),
            None => Err(()),
        };
        let view = View::combine(&[states], name);
        let values = view.values();
        let view = match view.args.len() > 1 {
            true => {
                self.tables.insert(base, view);
                View::base(base, &values)
            }
            false => view,
        };
        self.coded(&view, &values).0
    }
}

fn refs(views: &[View]) -> Vec<&View> {
    views.iter().collect()
}

/// The joint states of several views, numbered, and the value of each view in each state.
fn states(views: &[View]) -> (View, Vec<Vec<Value>>) {
    let mut states: Vec<Vec<Value>> = Vec::new();
    let view = View::combine(&refs(views), |values| {
        states.push(values.iter().map(|&v| v.clone()).collect());
        Ok::<_, ()>(Value::int(states.len() as i64 - 1))
    });
    (view, states)
}
