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
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::ops::RangeInclusive;
use std::rc::Rc;

/// The largest table of pairs.
const MAX_PAIRS: usize = 1 << 23;

/// Which pairs of query and key are selected, masks aside. Those that no input has are empty.
///
/// Queries that select the same keys are one class, and so are keys that the same queries select.
pub(super) struct Pairs {
    pub query: Shape,
    pub key: Shape,
    /// The class of each cell of the shapes.
    pub query_class: Vec<usize>,
    pub key_class: Vec<usize>,
    /// `[query class][key class]`
    cells: Vec<Vec<Option<bool>>>,
}

/// Numbers for things, the same for equal ones; and where each first occurs.
fn classes<T: Eq + Hash>(things: impl IntoIterator<Item = T>) -> (Vec<usize>, Vec<usize>) {
    let (mut seen, mut first) = (HashMap::new(), Vec::new());
    let number = |(i, thing)| {
        *seen.entry(thing).or_insert_with(|| {
            first.push(i);
            first.len() - 1
        })
    };
    (things.into_iter().enumerate().map(number).collect(), first)
}

impl Pairs {
    /// Whether a query of one class selects a key of another.
    pub fn at(&self, query: usize, key: usize) -> Option<bool> {
        self.cells[query][key]
    }

    fn get(&self, query: usize, key: usize) -> Option<bool> {
        self.at(self.query_class[query], self.key_class[key])
    }

    pub fn new(query: Shape, key: Shape, f: impl Fn(usize, usize) -> Option<bool>) -> Result<Self, Reason> {
        let (n_queries, n_keys) = (query.size(), key.size());
        if n_queries.saturating_mul(n_keys) > MAX_PAIRS {
            return Err(Reason::TooManyTuples);
        }
        let row = |q| (0..n_keys).map(|k| f(q, k)).collect::<Vec<_>>();
        let rows: Vec<Vec<Option<bool>>> = (0..n_queries).map(row).collect();
        let (query_class, queries) = classes(&rows);
        let column = |k: usize| queries.iter().map(|q| rows[*q][k]).collect::<Vec<_>>();
        let (key_class, keys) = classes((0..n_keys).map(column));
        let cells = queries.iter().map(|q| keys.iter().map(|k| rows[*q][*k]).collect()).collect();
        Ok(Self { query, key, query_class, key_class, cells })
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
        Some(both.cells.iter().flatten().all(|cell| *cell != Some(true)))
    }
}

/// The least and the greatest width, for each class of queries that occurs.
pub(super) struct Bounds {
    of_class: Vec<Option<(usize, usize)>>,
    /// Whether they rest on the order of ranks.
    pub by_rank: bool,
}

impl Bounds {
    pub fn of(&self, class: usize) -> Option<(usize, usize)> {
        self.of_class[class]
    }

    pub fn reached(&self) -> impl Iterator<Item = (usize, (usize, usize))> + '_ {
        self.of_class.iter().enumerate().filter_map(|(q, b)| Some((q, (*b)?)))
    }

    pub fn range(&self) -> RangeInclusive<usize> {
        let all = || self.of_class.iter().flatten();
        all().map(|b| b.0).min().unwrap_or(0)..=all().map(|b| b.1).max().unwrap_or(0)
    }
}

/// A state of one position: the index, then the classes that were asked for, then those of all
/// selectors that are apart.
type Position = Vec<usize>;

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

    /// Every state of a position as far as the index, these classes and all that are apart see it.
    fn positions(&self, seen: &[(&Shape, &[usize])]) -> Result<Vec<Position>, Reason> {
        let (index, indices) = (Shape::variable(INDEX, self.n), (0..self.n).collect::<Vec<_>>());
        let apart = self.apart.iter().map(|a| self.selector(*a)).collect::<Result<Vec<_>, _>>()?;
        let sides = |p: &'_ Rc<Pairs>| {
            [(p.query.clone(), p.query_class.clone()), (p.key.clone(), p.key_class.clone())]
        };
        let apart: Vec<(Shape, Vec<usize>)> = apart.iter().flat_map(sides).collect();
        let all = std::iter::once((&index, indices.as_slice())).chain(seen.iter().copied());
        let all: Vec<(&Shape, &[usize])> = all.chain(apart.iter().map(|(s, c)| (s, c.as_slice()))).collect();
        let states = self.states(&all.iter().map(|(shape, _)| *shape).collect::<Vec<_>>())?;
        let position = |s| (0..all.len()).map(|i| all[i].1[states.place(s, i)]).collect::<Position>();
        Ok((0..states.len()).map(position).collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// Whether two different positions can be in these states.
    fn can_meet(&self, a: &Position, b: &Position) -> bool {
        let from = a.len() - 2 * self.apart.len();
        let related = |(i, id): (usize, &SelectorId)| {
            let (query, key) = (from + 2 * i, from + 2 * i + 1);
            self.selector(*id).is_ok_and(|pairs| {
                pairs.at(a[query], b[key]) == Some(true) || pairs.at(b[query], a[key]) == Some(true)
            })
        };
        a[0] != b[0] && !self.apart.iter().enumerate().any(related)
    }

    /// Bounds on the width of a selector.
    pub(super) fn count(&self, id: SelectorId) -> Result<Bounds, Reason> {
        let pairs = self.selector(id)?;
        let positions =
            self.positions(&[(&pairs.query, &pairs.query_class), (&pairs.key, &pairs.key_class)])?;
        self.work.spend(positions.len() * positions.len() * (1 + self.apart.len()))?;
        let mut bounds: Vec<Option<(usize, usize)>> = vec![None; pairs.cells.len()];
        'states: for x in &positions {
            let Some(own) = pairs.at(x[1], x[2]) else { continue };
            let (mut min, mut max) = (usize::from(own), usize::from(own));
            // Positions come by their indices.
            for others in positions.chunk_by(|a, b| a[0] == b[0]).filter(|others| others[0][0] != x[0]) {
                let (mut all, mut any, mut possible) = (true, false, false);
                let sees = self.sees(x[0], others[0][0]);
                for y in others.iter().filter(|y| self.can_meet(x, y)) {
                    match pairs.at(x[1], y[2]) {
                        _ if !sees => possible = true,
                        Some(selected) => (all, any, possible) = (all && selected, any || selected, true),
                        None => {}
                    }
                }
                if !possible {
                    continue 'states;
                }
                if sees {
                    (min, max) = (min + usize::from(all), max + usize::from(any));
                }
            }
            let bound = &mut bounds[x[1]];
            *bound = Some(bound.map_or((min, max), |(a, b)| (a.min(min), b.max(max))));
        }
        let mut bounds = Bounds { of_class: bounds, by_rank: false };
        if bounds.reached().any(|(_, (min, max))| min < max) {
            for (sop, rank) in self.ranks(id) {
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
        let (of_width, _) = classes(&width.cells);
        let mut positions = self.positions(&[
            (&pairs.key, &pairs.key_class),
            (&width.shape, &of_width),
            (&ranked.query, &ranked.query_class),
            (&ranked.key, &ranked.key_class),
        ])?;
        const KEY: usize = 1;
        const WIDTH: usize = 2;
        const RANKED: usize = 3;
        let none = width.cells.iter().position(Option::is_none).map(|at| of_width[at]);
        positions.retain(|p| Some(p[WIDTH]) != none);
        // What the order of ranks sees of a position.
        let (place, first) = classes(positions.iter().map(|p| [&p[..1], &p[RANKED..]].concat()));
        let seen: Vec<&Position> = first.iter().map(|i| &positions[*i]).collect();
        self.work.spend(seen.len().pow(3))?;
        let selects = |a: &Position, b: &Position| {
            self.sees(a[0], b[0]) && ranked.at(a[RANKED], b[RANKED + 1]) == Some(true)
        };
        let cells: Vec<Vec<bool>> =
            seen.iter().map(|a| seen.iter().map(|b| selects(a, b)).collect()).collect();
        let below = |a: usize, b: usize| {
            let more = |c: usize| cells[b][c] && !cells[a][c];
            (more(a) || more(b)) && cells[a].iter().zip(&cells[b]).all(|(a, b)| !a || *b)
        };
        let apart = |a: usize, b: usize| !self.can_meet(seen[a], seen[b]) || below(a, b) || below(b, a);
        let n = seen.len();
        let apart: Vec<Vec<bool>> = (0..n).map(|a| (0..n).map(|b| apart(a, b)).collect()).collect();
        let values: BTreeSet<usize> = positions.iter().map(|p| p[WIDTH]).collect();
        let permutation =
            !self.program.causal && values.len() <= self.n && apart.iter().flatten().all(|apart| *apart);
        for q in 0..pairs.cells.len() {
            let Some((min, max)) = bounds.of_class[q] else { continue };
            let selected = |p: &Position| pairs.at(q, p[KEY]) == Some(true);
            let found: BTreeSet<(usize, usize)> = (0..positions.len())
                .filter(|p| selected(&positions[*p]))
                .map(|p| (place[p], positions[p][WIDTH]))
                .collect();
            self.work.spend(positions.len() + found.len() * found.len())?;
            let one = max > 1
                && found.iter().all(|(a, v)| {
                    found.iter().all(|(b, w)| apart[*a][*b] && (v == w || !self.can_meet(seen[*a], seen[*b])))
                });
            // Some value of the rank is selected whatever else its position holds.
            let partly: BTreeSet<usize> =
                positions.iter().filter(|p| !selected(p)).map(|p| p[WIDTH]).collect();
            let some = min == 0 && permutation && values.difference(&partly).next().is_some();
            bounds.by_rank |= some || one;
            bounds.of_class[q] = Some((if some { 1 } else { min }, if one { 1 } else { max }));
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
