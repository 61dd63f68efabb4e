//! Which keys does a query select, and how many, on inputs of one length?
//!
//! A selector is a table of pairs of states: one of the query, one of the key. What is known of the
//! number of selected keys:
//!
//! - **by position**: a key position counts for the least width if every state that it can have is
//!   selected, and for the greatest if some state is. The query's own position has its own state.
//! - **apart**: where an assumption says that a selector selects the query alone, two positions that
//!   it would relate cannot occur.
//! - **by rank**: let `w` be the width of a selector `R`. Two positions `a`, `b` have different `w` if
//!   all that `a` selects, `b` selects too, and `b` selects one of `a`, `b` that `a` does not. So a
//!   selector that fixes `w` at its keys, among positions that are told apart like that, selects
//!   one key at most; and if all `n` positions are told apart, and `w` has `n` possible values, each
//!   of them occurs: a rank is a permutation.

use super::Reason;
use super::local::{INDEX, Local};
use super::table::{Joint, Shape};
use crate::ir::{Op, SOpId, SelectorId, SelectorOp};
use crate::value::Value;
use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

/// The largest table of pairs.
const MAX_PAIRS: usize = 1 << 23;

/// Which pairs of query and key are selected, masks aside. Those that no input has are empty.
pub(super) struct Pairs {
    pub query: Shape,
    pub key: Shape,
    cells: Vec<Option<bool>>,
}

impl Pairs {
    pub fn get(&self, query: usize, key: usize) -> Option<bool> {
        self.cells[query * self.key.size() + key]
    }

    pub fn new(
        query: Shape,
        key: Shape,
        mut f: impl FnMut(usize, usize) -> Option<bool>,
    ) -> Result<Self, Reason> {
        let (n_queries, n_keys) = (query.size(), key.size());
        if n_queries.saturating_mul(n_keys) > MAX_PAIRS {
            return Err(Reason::TooManyTuples);
        }
        let cells = (0..n_queries * n_keys).map(|i| f(i / n_keys, i % n_keys)).collect();
        Ok(Self { query, key, cells })
    }

    fn both(&self, other: &Self, f: impl Fn(bool, bool) -> bool) -> Result<Self, Reason> {
        let query = Joint::new(&[&self.query, &other.query]).ok_or(Reason::TooManyTuples)?;
        let key = Joint::new(&[&self.key, &other.key]).ok_or(Reason::TooManyTuples)?;
        Self::new(query.shape.clone(), key.shape.clone(), |q, k| {
            let a = self.get(query.place(q, 0), key.place(k, 0))?;
            Some(f(a, other.get(query.place(q, 1), key.place(k, 1))?))
        })
    }

    /// Whether no pair is selected by both.
    pub fn disjoint(&self, other: &Self) -> Option<bool> {
        let both = self.both(other, |a, b| a && b).ok()?;
        Some(both.cells.iter().all(|cell| *cell != Some(true)))
    }
}

/// The least and the greatest width, for each class of queries that occurs.
pub(super) struct Bounds {
    of_query: Vec<Option<(usize, usize)>>,
    /// Whether they rest on the order of ranks.
    pub by_rank: bool,
}

impl Bounds {
    pub fn of(&self, query: usize) -> Option<(usize, usize)> {
        self.of_query[query]
    }

    pub fn reached(&self) -> impl Iterator<Item = (usize, (usize, usize))> + '_ {
        self.of_query.iter().enumerate().filter_map(|(q, b)| Some((q, (*b)?)))
    }

    pub fn range(&self) -> RangeInclusive<usize> {
        let all = || self.of_query.iter().flatten();
        all().map(|b| b.0).min().unwrap_or(0)..=all().map(|b| b.1).max().unwrap_or(0)
    }
}

/// States of one position that matter for selectors, each once.
struct Positions {
    /// Places in the shapes that were asked for, the index first.
    rows: Vec<Vec<usize>>,
}

impl Positions {
    fn by_index(&self, n: usize) -> Vec<Vec<usize>> {
        let mut by = vec![Vec::new(); n];
        self.rows.iter().enumerate().for_each(|(i, row)| by[row[0]].push(i));
        by
    }
}

impl Local<'_> {
    pub(super) fn select(&self, id: SelectorId) -> Result<Pairs, Reason> {
        match self.program.graph[id].op {
            SelectorOp::Select { key, query, op } => {
                let (key, query) = (self.sop(key)?, self.sop(query)?);
                Pairs::new(query.shape.clone(), key.shape.clone(), |q, k| {
                    op.holds(key.cells[k].as_ref()?, query.cells[q].as_ref()?).ok()
                })
            }
            SelectorOp::And(a, b) => self.selector(a)?.both(&*self.selector(b)?, |a, b| a && b),
            SelectorOp::Or(a, b) => self.selector(a)?.both(&*self.selector(b)?, |a, b| a || b),
            SelectorOp::Not(a) => {
                let a = self.selector(a)?;
                Pairs::new(a.query.clone(), a.key.clone(), |q, k| Some(!a.get(q, k)?))
            }
        }
    }

    pub(super) fn sees(&self, query: usize, key: usize) -> bool {
        key <= query || !self.program.causal
    }

    /// The states of a position as far as the index, these selectors and all that are apart see them.
    fn positions(&self, shapes: &[&Shape]) -> Result<Positions, Reason> {
        let index = Shape::variable(INDEX, self.n);
        let apart = self.apart.iter().map(|a| self.selector(*a)).collect::<Result<Vec<_>, _>>()?;
        let mut all = vec![&index];
        all.extend(shapes);
        all.extend(apart.iter().flat_map(|a| [&a.query, &a.key]));
        let states = self.states(&all)?;
        let row = |s: usize| (0..all.len()).map(|i| states.place(s, i)).collect::<Vec<_>>();
        let distinct: HashSet<Vec<usize>> = (0..states.len()).map(row).collect();
        let mut rows: Vec<Vec<usize>> = distinct.into_iter().collect();
        rows.sort();
        Ok(Positions { rows })
    }

    /// Whether two different positions can be in these states.
    fn can_meet(&self, a: &[usize], b: &[usize]) -> bool {
        let from = a.len() - 2 * self.apart.len();
        let related = |(i, id): (usize, &SelectorId)| {
            let at = from + 2 * i;
            self.selector(*id).is_ok_and(|pairs| {
                pairs.get(a[at], b[at + 1]) == Some(true) || pairs.get(b[at], a[at + 1]) == Some(true)
            })
        };
        a[0] != b[0] && !self.apart.iter().enumerate().any(related)
    }

    /// Bounds on the width of a selector.
    pub(super) fn count(&self, id: SelectorId) -> Result<Bounds, Reason> {
        let pairs = self.selector(id)?;
        let positions = self.positions(&[&pairs.query, &pairs.key])?;
        let by_index = positions.by_index(self.n);
        self.work.spend(positions.rows.len() * positions.rows.len())?;
        let mut bounds: Vec<Option<(usize, usize)>> = vec![None; pairs.query.size()];
        'states: for x in &positions.rows {
            let Some(own) = pairs.get(x[1], x[2]) else { continue };
            let (mut min, mut max) = (usize::from(own), usize::from(own));
            for (j, states) in by_index.iter().enumerate().filter(|(j, _)| *j != x[0]) {
                let (mut all, mut any, mut possible) = (true, false, false);
                for y in states.iter().map(|y| &positions.rows[*y]).filter(|y| self.can_meet(x, y)) {
                    match pairs.get(x[1], y[2]) {
                        _ if !self.sees(x[0], j) => possible = true,
                        Some(selected) => {
                            (all, any, possible) = (all && selected, any || selected, true);
                        }
                        None => {}
                    }
                }
                if !possible {
                    continue 'states;
                }
                if self.sees(x[0], j) {
                    (min, max) = (min + usize::from(all), max + usize::from(any));
                }
            }
            let bound = &mut bounds[x[1]];
            *bound = Some(bound.map_or((min, max), |(a, b)| (a.min(min), b.max(max))));
        }
        let mut bounds = Bounds { of_query: bounds, by_rank: false };
        let decided = bounds.reached().all(|(_, (min, max))| min == max);
        if !decided {
            let ranks = self.ranks(id);
            for (sop, rank) in ranks {
                // A rank that is not understood is not made use of.
                let _ = self.by_rank(&pairs, sop, rank, &mut bounds);
            }
        }
        Ok(bounds)
    }

    /// The widths that a selector compares at its keys.
    fn ranks(&self, id: SelectorId) -> Vec<(SOpId, SelectorId)> {
        let graph = &self.program.graph;
        let (mut selectors, mut sops, mut ranks) = (vec![id], Vec::new(), Vec::new());
        while let Some(id) = selectors.pop() {
            match graph[id].op {
                SelectorOp::Select { key, .. } => sops.push(key),
                SelectorOp::And(a, b) | SelectorOp::Or(a, b) => selectors.extend([a, b]),
                SelectorOp::Not(a) => selectors.push(a),
            }
        }
        let mut seen: HashSet<SOpId> = HashSet::new();
        while let Some(id) = sops.pop() {
            if !seen.insert(id) {
                continue;
            }
            match &graph[id].op {
                Op::Elementwise { args, .. } => sops.extend(args),
                Op::Width { selector } => ranks.push((id, *selector)),
                Op::Input(_) | Op::Indices | Op::Const(_) | Op::Aggregate { .. } => {}
            }
        }
        ranks
    }

    fn by_rank(
        &self,
        pairs: &Pairs,
        sop: SOpId,
        rank: SelectorId,
        bounds: &mut Bounds,
    ) -> Result<(), Reason> {
        let (width, ranked) = (self.sop(sop)?, self.selector(rank)?);
        let mut positions =
            self.positions(&[&pairs.query, &pairs.key, &width.shape, &ranked.query, &ranked.key])?;
        // Places in a row: the index, `pairs`, the width, `ranked`.
        const KEY: usize = 2;
        const WIDTH: usize = 3;
        let value = |row: &[usize]| width.cells[row[WIDTH]].as_ref();
        positions.rows.retain(|row| value(row).is_some());
        let order = Order::new(self, &ranked, &positions.rows)?;
        let mut keys: HashMap<Vec<usize>, &[usize]> = HashMap::new();
        for row in &positions.rows {
            keys.entry([&row[..1], &row[KEY..]].concat()).or_insert(row);
        }
        let keys: Vec<&[usize]> = keys.into_values().collect();
        let told_apart = |a: &[usize], b: &[usize]| value(a) == value(b) && order.separates(a, b);
        let values: HashSet<Option<&Value>> = keys.iter().map(|k| value(k)).collect();
        let permutation = || {
            let states: Vec<&[usize]> = order.states.iter().map(|s| positions.rows[*s].as_slice()).collect();
            let apart = |a: &&[usize], b: &&[usize]| !self.can_meet(a, b) || order.separates(a, b);
            !self.program.causal
                && values.len() <= self.n
                && states.iter().all(|a| states.iter().all(|b| apart(a, b)))
        };
        let permutation = permutation();
        for q in 0..bounds.of_query.len() {
            let Some((min, max)) = bounds.of_query[q] else { continue };
            let selected = |k: &&&[usize]| pairs.get(q, k[KEY]) == Some(true);
            let found: Vec<&&[usize]> = keys.iter().filter(selected).collect();
            self.work.spend(keys.len() * values.len() + found.len() * found.len())?;
            let one = max > 1
                && found.iter().all(|a| found.iter().all(|b| !self.can_meet(a, b) || told_apart(a, b)));
            // Some value of the rank is selected whatever else its position holds.
            let whole = |v: &Option<&Value>| {
                keys.iter().filter(|k| value(k) == *v).all(|k| pairs.get(q, k[KEY]) == Some(true))
            };
            let some = min == 0 && permutation && values.iter().any(whole);
            bounds.by_rank |= some || one;
            bounds.of_query[q] = Some((if some { 1 } else { min }, if one { 1 } else { max }));
        }
        Ok(())
    }

    /// Finds the selectors that assumptions limit to the query itself.
    pub(super) fn find_apart(&mut self) {
        let graph = &self.program.graph;
        for id in graph.selector_ids() {
            let (Some(Ok(width)), Some(Ok(pairs))) = (self.widths_of(id), self.pairs.get(&id)) else {
                continue;
            };
            let one = |v: &Value| v.number().is_some_and(|n| n.to_i64().is_some_and(|w| w <= 1));
            let (Ok(states), Ok(own)) =
                (self.states(&[&width.shape]), self.states(&[&pairs.query, &pairs.key]))
            else {
                continue;
            };
            let narrow = (0..states.len()).all(|s| width.cells[states.place(s, 0)].as_ref().is_some_and(one));
            let itself = (0..own.len()).all(|s| pairs.get(own.place(s, 0), own.place(s, 1)) != Some(false));
            if narrow && itself {
                self.apart.push(id);
            }
        }
    }
}

/// Which states select a part of what others do.
struct Order<'a> {
    ranked: &'a Pairs,
    /// One row for each state as far as the index and the selector see it.
    states: Vec<usize>,
    number: HashMap<[usize; 3], usize>,
    separated: Vec<bool>,
}

/// Where the places of the ranked selector stand in a row.
const RANKED: usize = 4;

impl<'a> Order<'a> {
    fn new(local: &Local<'_>, ranked: &'a Pairs, rows: &[Vec<usize>]) -> Result<Self, Reason> {
        let (mut states, mut number) = (Vec::new(), HashMap::new());
        for (i, row) in rows.iter().enumerate() {
            number.entry(Self::name(row)).or_insert_with(|| {
                states.push(i);
                states.len() - 1
            });
        }
        let mut order = Self { ranked, states, number, separated: Vec::new() };
        let n = order.states.len();
        local.work.spend(n * n * n)?;
        let row = |s: usize| rows[order.states[s]].as_slice();
        let selects = |a: usize, b: usize| local.sees(row(a)[0], row(b)[0]) && order.selects(row(a), row(b));
        let cells: Vec<Vec<bool>> = (0..n).map(|a| (0..n).map(|b| selects(a, b)).collect()).collect();
        let part = |a: usize, b: usize| cells[a].iter().zip(&cells[b]).all(|(a, b)| !a || *b);
        let more = |a: usize, b: usize| [a, b].iter().any(|&c| cells[b][c] && !cells[a][c]);
        let below = |a: usize, b: usize| part(a, b) && more(a, b);
        let separated = (0..n * n).map(|i| (i / n, i % n)).map(|(a, b)| below(a, b) || below(b, a));
        order.separated = separated.collect();
        Ok(order)
    }

    fn name(row: &[usize]) -> [usize; 3] {
        [row[0], row[RANKED], row[RANKED + 1]]
    }

    /// A pair that no input has may count either way.
    fn selects(&self, a: &[usize], b: &[usize]) -> bool {
        self.ranked.get(a[RANKED], b[RANKED + 1]) == Some(true)
    }

    fn separates(&self, a: &[usize], b: &[usize]) -> bool {
        self.separated[self.number[&Self::name(a)] * self.states.len() + self.number[&Self::name(b)]]
    }
}
