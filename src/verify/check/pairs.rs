//! Which keys does a query select, and how many, on inputs of one length?
//!
//! A selector is a table of pairs of states: one of the query, one of the key. What is known of the
//! number of selected keys:
//!
//! - **by position**: a key position counts for the least width if every state that it can have is
//!   selected, and for the greatest if some state is. The query's own position has its own state.
//! - **by what cannot meet**: let `w` be the width of a selector `R`, which an assumption or the
//!   selector itself speaks of. Of two positions `a`, `b`, `a` cannot select more than its `w` among
//!   the two; nor have both the same `w` if all that `a` selects, `b` selects too, and `b` selects one
//!   of `a`, `b` that `a` does not. So one key at most is selected if no two states that are selected
//!   can meet; and if no two positions can have the same `w`, and `w` has no more than `n` possible
//!   values, each of them occurs: a rank is a permutation.
//! - **by what was seen** when the program was run on all inputs.

use super::Reason;
use super::local::{Known, Local, width_of};
use super::table::{Table, classes};
use crate::ir::{Node, SOpId, SelectorId, SelectorOp};
use crate::value::Value;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::ops::RangeInclusive;
use std::rc::Rc;

/// The largest table of pairs.
const MAX_PAIRS: usize = 1 << 23;

/// What a selector says of a query and a key, masks aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pair {
    Selected,
    Unselected,
    /// The program fails on inputs on which the query sees the key. So it is of states that no input has.
    Fails,
}

impl Pair {
    pub fn of(selected: bool) -> Self {
        if selected { Self::Selected } else { Self::Unselected }
    }

    /// A function of two selectors.
    fn and(self, other: Self, f: fn(bool, bool) -> bool) -> Self {
        match self == Self::Fails || other == Self::Fails {
            true => Self::Fails,
            false => Self::of(f(self == Self::Selected, other == Self::Selected)),
        }
    }
}

/// Which pairs of query and key are selected.
///
/// Queries that select the same keys are one class, and so are keys that the same queries select.
pub(super) struct Pairs {
    pub query: Table<usize>,
    pub key: Table<usize>,
    /// `[query class][key class]`
    pub cells: Vec<Vec<Pair>>,
    /// Once they are asked for.
    pub bounds: OnceCell<Known<Bounds>>,
}

impl Pairs {
    /// Whether a query of one class selects a key of another.
    pub fn at(&self, query: usize, key: usize) -> Pair {
        self.cells[query][key]
    }

    pub fn new<T: Clone + Eq + Hash>(
        query: &Table<T>,
        key: &Table<T>,
        f: impl Fn(&T, &T) -> Pair,
    ) -> Result<Self, Reason> {
        if query.cells.len().saturating_mul(key.cells.len()) > MAX_PAIRS {
            return Err(Reason::TooManyTuples);
        }
        let pair =
            |q: &Option<T>, k: &Option<T>| q.as_ref().zip(k.as_ref()).map_or(Pair::Fails, |(q, k)| f(q, k));
        let row = |q: &Option<T>| key.cells.iter().map(|k| pair(q, k)).collect::<Vec<_>>();
        let rows: Vec<Vec<Pair>> = query.cells.iter().map(row).collect();
        let (query_class, queries) = classes(&rows);
        let column = |k: usize| queries.iter().map(|q| rows[*q][k]).collect::<Vec<_>>();
        let (key_class, keys) = classes((0..key.cells.len()).map(column));
        let cells = queries.iter().map(|q| keys.iter().map(|k| rows[*q][*k]).collect()).collect();
        let (query, key) = (query.numbered(&query_class), key.numbered(&key_class));
        Ok(Self { query, key, cells, bounds: OnceCell::new() })
    }
}

/// The least and the greatest width, for each class of queries that occurs.
#[derive(Clone, PartialEq)]
pub(super) struct Bounds {
    pub of_class: Vec<Option<(usize, usize)>>,
    /// Whether they rest on the order of ranks.
    pub by_rank: bool,
}

impl Bounds {
    pub fn reached(&self) -> impl Iterator<Item = (usize, (usize, usize))> + '_ {
        self.of_class.iter().enumerate().filter_map(|(q, b)| Some((q, (*b)?)))
    }

    pub fn range(&self) -> RangeInclusive<usize> {
        let all = self.of_class.iter().flatten().copied();
        let (min, max) = all.reduce(|(a, b), (c, d)| (a.min(c), b.max(d))).unwrap_or_default();
        min..=max
    }
}

/// A state of one position: the index; its class as a key of a selector; for each witness, the width,
/// and its classes as a query and as a key; then, if it is asked for, its class as a query.
type Position = Vec<usize>;

const INDEX: usize = 0;
const KEY: usize = 1;

/// All states, and which of them can meet.
struct Positions {
    states: Vec<Position>,
    orders: Vec<Order>,
}

impl Positions {
    /// Whether two different positions can be in these states.
    fn meet(&self, i: usize, j: usize) -> bool {
        let (a, b) = (&self.states[i], &self.states[j]);
        a[INDEX] != b[INDEX] && self.orders.iter().all(|order| order.admits(i, a, j, b))
    }
}

impl Local<'_> {
    pub(super) fn select(&self, id: SelectorId) -> Result<Pairs, Reason> {
        match self.network.program.graph[id].op {
            SelectorOp::Select { key, query, op } => {
                let (query, key) = (self.sop(query)?, self.sop(key)?);
                let words =
                    |side: &Table<Value>| side.cells.iter().flatten().map(Value::words).sum::<usize>();
                let (queries, keys) = (query.cells.len(), key.cells.len());
                self.spend_on_pairs(queries, keys)?;
                self.network
                    .spend(words(&query).saturating_mul(keys) + words(&key).saturating_mul(queries))?;
                Pairs::new(&query, &key, |q, k| op.holds(k, q).map_or(Pair::Fails, Pair::of))
            }
            SelectorOp::And(a, b) => self.both(a, b, |a, b| a && b),
            SelectorOp::Or(a, b) => self.both(a, b, |a, b| a || b),
            SelectorOp::Not(a) => {
                let a = self.selector(a)?;
                self.spend_on_pairs(a.query.cells.len(), a.key.cells.len())?;
                Pairs::new(&a.query, &a.key, |q, k| a.at(*q, *k).and(Pair::Unselected, |a, _| !a))
            }
        }
    }

    pub(super) fn both(
        &self,
        a: SelectorId,
        b: SelectorId,
        f: fn(bool, bool) -> bool,
    ) -> Result<Pairs, Reason> {
        let (a, b) = (self.selector(a)?, self.selector(b)?);
        let query = self.join(&a.query, &b.query, |a, b| Ok((*a, *b)))?;
        let key = self.join(&a.key, &b.key, |a, b| Ok((*a, *b)))?;
        self.spend_on_pairs(query.cells.len(), key.cells.len())?;
        Pairs::new(&query, &key, |q, k| a.at(q.0, k.0).and(b.at(q.1, k.1), f))
    }

    /// To compare each query with each key, and to put both into classes.
    fn spend_on_pairs(&self, queries: usize, keys: usize) -> Result<(), Reason> {
        self.network.spend(queries.saturating_mul(keys).saturating_mul(8))
    }

    pub(super) fn sees(&self, query: usize, key: usize) -> bool {
        key <= query || !self.network.program.causal
    }

    /// Bounds on the width of a selector.
    pub(super) fn count(&self, id: SelectorId) -> Result<Bounds, Reason> {
        let pairs = self.selector(id)?;
        let positions = self.positions(&pairs.key, &self.assumed, Some(&pairs.query))?;
        let mut bounds = self.by_position(&pairs, &positions)?;
        self.by_meeting(&pairs, &positions, &mut bounds)?;
        let made_of = self.network.program.graph.live([Node::Selector(id)]);
        for width in made_of.into_iter().filter_map(|node| self.as_width(node)) {
            if bounds.reached().all(|(_, (min, max))| min == max) {
                break;
            }
            // A rank that is not understood is not made use of.
            let widths: Vec<_> = self.assumed.iter().copied().chain([width]).collect();
            if let Ok(positions) = self.positions(&pairs.key, &widths, None) {
                let before = bounds.clone();
                self.by_meeting(&pairs, &positions, &mut bounds)?;
                bounds.by_rank |= bounds != before;
            }
        }
        let seen = |bound| self.network.seen.within(self.n, id, bound);
        bounds.of_class.iter_mut().for_each(|bound| *bound = bound.and_then(seen));
        Ok(bounds)
    }

    /// All states of a position, as far as these widths and classes tell them apart.
    fn positions(
        &self,
        key: &Table<usize>,
        widths: &[(SOpId, SelectorId)],
        query: Option<&Table<usize>>,
    ) -> Result<Positions, Reason> {
        let witness = |(sop, selector): &(_, _)| {
            // A width is a number of keys.
            Ok((self.sop(*sop)?.without(width_of), self.selector(*selector)?))
        };
        let witnesses = widths.iter().map(witness).collect::<Result<Vec<_>, Reason>>()?;
        let index = self.index();
        let classes = witnesses.iter().flat_map(|(width, pairs)| [width, &pairs.query, &pairs.key]);
        let tables: Vec<&Table<usize>> = [&index, key].into_iter().chain(classes).chain(query).collect();
        let state = |classes: &[&usize]| Ok(classes.iter().map(|c| **c).collect::<Position>());
        let states: BTreeSet<Position> = self.combine(&tables, state)?.cells.into_iter().flatten().collect();
        let states: Vec<Position> = states.into_iter().collect();
        let order = |(i, (_, pairs)): (usize, &(_, Rc<Pairs>))| self.order(pairs, 2 + 3 * i, &states);
        let orders = witnesses.iter().enumerate().map(order).collect::<Result<_, _>>()?;
        Ok(Positions { states, orders })
    }

    fn order(&self, pairs: &Pairs, at: usize, positions: &[Position]) -> Result<Order, Reason> {
        let (place, first) = classes(positions.iter().map(|p| (p[INDEX], p[at + 1], p[at + 2])));
        let seen = || first.iter().map(|i| &positions[*i]);
        self.network.spend(first.len().pow(3))?;
        let selects = |a: &Position, b: &Position| {
            self.sees(a[INDEX], b[INDEX]) && pairs.at(a[at + 1], b[at + 2]) == Pair::Selected
        };
        let selects: Vec<Vec<bool>> = seen().map(|a| seen().map(|b| selects(a, b)).collect()).collect();
        let below = |a: usize, b: usize| {
            let more = |c: usize| selects[b][c] && !selects[a][c];
            (more(a) || more(b)) && selects[a].iter().zip(&selects[b]).all(|(a, b)| !a || *b)
        };
        let all = 0..first.len();
        let below = all.clone().map(|a| all.clone().map(|b| below(a, b)).collect()).collect();
        Ok(Order { at, place, selects, below })
    }

    fn by_position(&self, pairs: &Pairs, positions: &Positions) -> Result<Bounds, Reason> {
        let states = &positions.states;
        self.network.spend(states.len() * states.len() * (1 + positions.orders.len()))?;
        let mut bounds = Bounds { of_class: vec![None; pairs.cells.len()], by_rank: false };
        for (i, x) in states.iter().enumerate() {
            let Some(&query) = x.last() else { continue };
            // At each index, whether all states are selected, and whether any is.
            let mut at: Vec<Option<(bool, bool)>> = vec![None; self.n];
            let own = pairs.at(query, x[KEY]);
            at[x[INDEX]] = (own != Pair::Fails).then_some((own == Pair::Selected, own == Pair::Selected));
            for y in (0..states.len()).filter(|j| positions.meet(i, *j)).map(|j| &states[j]) {
                let selected = match (self.sees(x[INDEX], y[INDEX]), pairs.at(query, y[KEY])) {
                    (true, Pair::Fails) => continue,
                    (seen, pair) => seen && pair == Pair::Selected,
                };
                let (all, any) = at[y[INDEX]].get_or_insert((true, false));
                (*all, *any) = (*all && selected, *any || selected);
            }
            // Somebody stands at each index.
            let Some(at) = at.into_iter().collect::<Option<Vec<_>>>() else { continue };
            let min = at.iter().filter(|(all, _)| *all).count();
            let max = at.iter().filter(|(_, any)| *any).count();
            let bound = &mut bounds.of_class[query];
            *bound = Some(bound.map_or((min, max), |(a, b)| (a.min(min), b.max(max))));
        }
        Ok(bounds)
    }

    fn by_meeting(&self, pairs: &Pairs, positions: &Positions, bounds: &mut Bounds) -> Result<(), Reason> {
        let Positions { states, orders } = positions;
        let Some(rank) = orders.last().map(|order| order.at) else { return Ok(()) };
        let apart = |states: &[usize]| {
            for i in states {
                self.network.spend(states.len())?;
                if states.iter().any(|j| positions.meet(*i, *j)) {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let mut by_rank: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        states.iter().enumerate().for_each(|(i, state)| by_rank.entry(state[rank]).or_default().push(i));
        let mut permutation = !self.network.program.causal && by_rank.len() <= self.n;
        for states in by_rank.values() {
            permutation = permutation && apart(states)?;
        }
        for (q, bound) in bounds.of_class.iter_mut().enumerate() {
            let Some((min, max)) = bound else { continue };
            let selected = |i: &usize| pairs.at(q, states[*i][KEY]) == Pair::Selected;
            if *max > 1 && apart(&(0..states.len()).filter(selected).collect::<Vec<_>>())? {
                *max = 1;
            }
            // Some rank is selected whatever else its position holds.
            if *min == 0 && permutation && by_rank.values().any(|states| states.iter().all(selected)) {
                *min = 1;
            }
        }
        Ok(())
    }
}

/// What a width says of two positions.
struct Order {
    /// Where the width stands in a position.
    at: usize,
    /// For each position, its place below: of an index, and of classes as a query and as a key.
    place: Vec<usize>,
    selects: Vec<Vec<bool>>,
    /// Whether the first is sure to select fewer keys than the second.
    below: Vec<Vec<bool>>,
}

impl Order {
    /// Whether two different positions can be in these states.
    fn admits(&self, i: usize, a: &Position, j: usize, b: &Position) -> bool {
        let (a, b, i, j) = (a[self.at], b[self.at], self.place[i], self.place[j]);
        let fits =
            |w, i: usize, j: usize| usize::from(self.selects[i][i]) + usize::from(self.selects[i][j]) <= w;
        fits(a, i, j) && fits(b, j, i) && !(a == b && (self.below[i][j] || self.below[j][i]))
    }
}
