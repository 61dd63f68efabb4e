//! What does a head write?
//!
//! A direction that a head writes is said to tell of an s-op. If that is what attention gives over a
//! selector, then for every query and key that can meet it is shown that
//!
//! - selected keys score at least [`super::row::GAP`] above the others, so that f32 `exp` gives these weight 0
//!   ([`crate::model::attention`]); BOS stands as far below, or exactly with them;
//! - where several keys may be selected, their scores are one f32 number, so that each of `k` keys
//!   gets `fl(1/k)`, or differ by so little that it gets about that;
//! - where no key may be selected, BOS stands [`super::row::GAP`] above all keys;
//! - what the attended keys hand on is what the s-op is then: the default, the value at the key, the
//!   mean, or a function of the width.
//!
//! If the s-op depends on the position alone, it is enough that one position wins, whatever stands
//! there: then this is what is selected.
//!
//! What stands in a direction and what heads add to it is summed. A direction may take several columns of
//! values from a head: what each key would hand on through all of them is what is averaged. Then nothing
//! else may stand there or be added: f32 adds all columns in some order, and parts may cancel.
//!
//! A smaller gap `g` leaks: of `n` other keys, each gets `e^-g` of the attention at most, and what is
//! written moves by that part of the range of all that is handed on. BOS, as a query, must attend to
//! itself in the same sense.

use super::ball::{Ball, LARGEST, dot, rounding};
use super::local::{Attended, INDEX};
use super::pairs::{Bounds, Pair, Pairs};
use super::row::{Content, Handed, LARGEST_UNEVEN, Row, Side, leak, uneven};
use super::stream::{Columns, Recorded, Stream, columns, sum};
use super::table::{Table, distinct};
use super::{HeadShown, Reason, Shown};
use crate::ir::Node;
use crate::value::Value;
use crate::weights::HeadWeights;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A head, as far as it writes some directions.
struct Head {
    queries: Table<Vec<Ball>>,
    keys: Table<Vec<Ball>>,
    /// What is handed on, by direction.
    values: Table<Vec<Ball>>,
    n_directions: usize,
}

/// What a head writes into each of its directions, and how.
type Written = (Vec<Table<Ball>>, HeadShown);

fn score(query: &[Ball], key: &[Ball]) -> Result<Ball, Reason> {
    dot(query.iter().copied().zip(key.iter().copied())).ok_or(Reason::Overflow)
}

impl Stream<'_> {
    pub fn attention(&mut self, l: usize, heads: &[HeadWeights], shown: &mut Shown) -> Result<(), Reason> {
        let (mut written, mut mixed): (BTreeMap<usize, Vec<Table<Ball>>>, _) =
            (BTreeMap::new(), BTreeSet::new());
        for (h, weights) in heads.iter().enumerate() {
            let values = columns(weights.w_v.columns());
            // Of heads that write nothing as well: 0 times infinity is no number.
            let [q, k, v] = [&weights.w_q, &weights.w_k, &weights.w_v]
                .map(|matrix| self.largest(&columns(matrix.columns())));
            let (q, k, v) = (q?, k?, v?);
            if q.max(k).max(v).max(q * k * weights.w_q.ncols() as f64) >= LARGEST {
                return Err(Reason::Overflow);
            }
            let scale = self.network.config.attn_scale.factor(weights.w_q.ncols());
            let scaled = |key: &Vec<Ball>| key.iter().map(|x| x.times(scale)).collect::<Vec<_>>();
            let mut targets: BTreeMap<Node, (Vec<usize>, Columns)> = BTreeMap::new();
            for (d, mut adds) in columns(weights.w_o.columns()).into_iter().enumerate() {
                // Columns that are zero hand on zero.
                adds.retain(|(column, _)| !values[*column].is_empty());
                if !adds.is_empty() {
                    let of = self.network.told.get(&(2 * l + 1, d)).ok_or(Reason::Untold)?;
                    let (directions, all) = targets.entry(*of).or_default();
                    directions.push(d);
                    mixed.extend((adds.len() > 1).then_some(d));
                    all.push(adds);
                }
            }
            for (of, (directions, adds)) in targets {
                self.network.about.set(Some(of));
                let head = Head {
                    queries: self.read(&columns(weights.w_q.columns()))?,
                    // Multiplying each key by the scale of scores, or each score, comes to the same.
                    keys: self.read(&columns(weights.w_k.columns()))?.map(scaled),
                    values: self.handed_on(&values, &adds)?,
                    n_directions: directions.len(),
                };
                let (tables, of_head) = self.head(&head, of)?;
                shown.heads.push(((l, h), of, of_head));
                for (d, table) in directions.into_iter().zip(tables) {
                    written.entry(d).or_default().push(table);
                }
            }
        }
        for (d, parts) in written {
            let alone = parts.len() == 1 && self.held[d].only().is_some_and(|held| *held == Ball::ZERO);
            if mixed.contains(&d) && !alone {
                return Err(Reason::Occupied { direction: d });
            }
            let all: Vec<&Table<Ball>> = parts.iter().chain([&*self.held[d]]).collect();
            self.held[d] = Rc::new(sum(&self.local, &all)?);
        }
        Ok(())
    }

    /// What a key hands on into each direction, through all columns that are added to it there.
    fn handed_on(&self, values: &Columns, adds: &Columns) -> Result<Table<Vec<Ball>>, Reason> {
        let used: BTreeSet<usize> = adds.iter().flatten().map(|(column, _)| *column).collect();
        let read = |c: usize| if used.contains(&c) { values[c].clone() } else { Vec::new() };
        self.local.combine(&[&self.read(&(0..values.len()).map(read).collect())?], |read| {
            let sum = |terms: &Vec<(usize, f32)>| {
                if let [(column, 1.0)] = terms[..] {
                    return Some(read[0][column]);
                }
                let terms = || terms.iter().map(|(c, w)| (read[0][*c], Ball::exact(f64::from(*w))));
                // The mean of each column is rounded before they are added up.
                let rounded = |(x, w): (Ball, Ball)| {
                    w.size() * rounding(2 * self.local.n + 16 + values.len(), x.size())
                };
                Some(dot(terms())?.widened(terms().map(rounded).sum()))
            };
            adds.iter().map(sum).collect::<Option<_>>().ok_or(Reason::Overflow)
        })
    }

    fn head(&mut self, head: &Head, of: Node) -> Result<Written, Reason> {
        let (table, attended) = match of {
            Node::SOp(id) => (self.local.sop(id)?, self.local.attended(id)),
            Node::Selector(id) => (self.local.width(id)?, self.local.counted(id)),
        };
        match attended.and_then(|attended| self.rows(head, &table, &attended)) {
            Err(_) if table.shape.vars().all(|v| v == INDEX) => {
                self.rows(head, &table, &self.winners(head, &table)?)
            }
            shown => shown,
        }
    }

    /// What each direction gets, for each value of an s-op that attention gives.
    fn rows(&self, head: &Head, table: &Table<Value>, of: &Attended) -> Result<Written, Reason> {
        let any = || Table::variable(INDEX, (0..self.local.n).map(|_| Some(of.default.clone())), None);
        let value = of.value.clone().unwrap_or_else(|| Rc::new(any()));
        // The index counts where it hides keys.
        let causal = self.network.config.causal || self.network.program.causal;
        let index = self.local.index().map(|i| if causal { *i } else { 0 });
        let states = self.local.states(&[&head.queries.shape, &of.pairs.query.shape, &index.shape])?;
        let side = |vector, class: Option<usize>, i: usize| {
            Some(Side { vector, class: class?, index: index.cells[i]? })
        };
        let query =
            |p: &[usize]| side(head.queries.cells[p[0]].as_deref()?, of.pairs.query.cells[p[1]], p[2]);
        let queries = distinct(states.iter().filter_map(query));
        let shapes = [&head.keys.shape, &of.pairs.key.shape, &index.shape, &head.values.shape, &value.shape];
        let states = self.local.states(&shapes)?;
        let key = |p: &[usize]| {
            let content = (head.values.cells[p[3]].as_deref()?, value.cells[p[4]].as_ref()?);
            Some((side(head.keys.cells[p[0]].as_deref()?, of.pairs.key.cells[p[1]], p[2])?, content))
        };
        let keys: Vec<(Side, Content<Option<Value>>)> = distinct(states.iter().filter_map(key));

        let handed: Vec<Handed> = (0..head.n_directions).map(|place| self.handed(head, place)).collect();
        let mut recorded: Vec<Recorded> = handed.iter().map(|_| Recorded::default()).collect();
        let pairs = queries.len() * keys.len();
        self.network.spend(pairs * (4 + 4 * queries.first().map_or(0, |query| query.vector.len())))?;
        let (mut gap, mut leak, mut selected) = (f64::INFINITY, 0.0, [usize::MAX, 0]);
        for query in &queries {
            let Some(bounds) = of.bounds.of_class[query.class] else { continue };
            let row = self.row(&keys, head.keys.bos(), &of.pairs, query, bounds)?;
            (gap, leak) = (row.gap.min(gap), row.lost.max(row.lost_empty).max(leak));
            selected = [row.min.min(selected[0]), row.max.max(selected[1])];
            for (handed, recorded) in handed.iter().zip(&mut recorded) {
                handed.record(&row, of, recorded)?;
            }
        }
        let shown = HeadShown { gap, leak, selected, by_rank: of.bounds.by_rank, pairs };
        let at_bos = self.at_bos(head, &handed)?;
        let at = |d: usize| at_bos.as_ref().map(|bos| bos[d]);
        Ok((recorded.iter().enumerate().map(|(d, r)| r.table(table, at(d))).collect(), shown))
    }

    fn handed(&self, head: &Head, place: usize) -> Handed {
        let all = head.values.cells.iter().flatten().map(|values| values[place]).reduce(Ball::hull);
        let bos = head.values.bos().map(|values| values[place]);
        Handed { place, bos, range: all.map_or(0.0, |all| all.high() - all.low()), n_keys: self.local.n }
    }

    /// What BOS, as a query, gets.
    fn at_bos(&self, head: &Head, handed: &[Handed]) -> Result<Option<Vec<Ball>>, Reason> {
        let Some((query, key)) = head.queries.bos().zip(head.keys.bos()) else { return Ok(None) };
        let mut others = f64::NEG_INFINITY;
        for key in head.keys.tokens().filter(|_| !self.network.config.causal) {
            others = others.max(score(query, key)?.high());
        }
        let lost = leak(score(query, key)?.low() - others, self.local.n).map_err(|_| Reason::BosAttends)?;
        Ok(handed.iter().map(|handed| Some(handed.written(handed.bos?, lost, handed.bos?.size()))).collect())
    }

    /// As if the position that scores highest were selected, for an s-op that depends on the position
    /// alone.
    fn winners(&self, head: &Head, table: &Table<Value>) -> Result<Attended, Reason> {
        let (index, n) = (self.local.index(), self.local.n);
        let sides = |vectors: &Table<Vec<Ball>>| {
            let sides = self.local.join(vectors, &index, |vector, i| Ok((vector.clone(), *i)))?;
            Ok(distinct(sides.cells.into_iter().flatten()))
        };
        let (queries, keys) = (sides(&head.queries)?, sides(&head.keys)?);
        self.network
            .spend(queries.len() * keys.len() * (4 + 4 * queries.first().map_or(0, |q| q.0.len())))?;
        let mut best = vec![(f64::NEG_INFINITY, 0); n];
        for (query, i) in &queries {
            for (key, j) in keys.iter().filter(|(_, j)| j <= i || !self.network.config.causal) {
                let score = score(query, key)?.mid;
                if score > best[*i].0 {
                    best[*i] = (score, *j);
                }
            }
        }
        let mut values: Vec<Option<Value>> = vec![None; n];
        self.local.join(&index, table, |i, value| {
            let known = values[best[*i].1].get_or_insert_with(|| value.clone());
            if known == value { Ok(()) } else { Err(Reason::WrongValue { value: value.clone() }) }
        })?;
        let values = values.into_iter().map(|value| value.or(Some(Value::int(0))));
        Ok(Attended {
            pairs: Rc::new(Pairs::new(&index, &index, |q, k| Pair::of(best[*q].1 == *k))?),
            bounds: Rc::new(Bounds { of_class: vec![Some((1, 1)); n], by_rank: false }),
            value: Some(Rc::new(Table::variable(INDEX, values, None))),
            default: Value::int(0),
        })
    }

    /// The keys that a query attends to: those that the program lets it see and select.
    fn row<'k>(
        &self,
        keys: &[(Side, Content<'k, Option<Value>>)],
        bos: Option<&Vec<Ball>>,
        pairs: &Pairs,
        query: &Side,
        (min, max): (usize, usize),
    ) -> Result<Row<'k>, Reason> {
        let (mut selected, mut others) = (Vec::new(), f64::NEG_INFINITY);
        let mut level: Option<Ball> = None;
        for (key, content) in keys {
            // The program compares what it lets a query see, and fails where that cannot be compared.
            let is_selected =
                match (self.local.sees(query.index, key.index), pairs.at(query.class, key.class)) {
                    (true, Pair::Fails) => continue,
                    (sees, pair) => sees && pair == Pair::Selected,
                };
            let seen = key.index <= query.index || !self.network.config.causal;
            let score = score(query.vector, key.vector)?;
            match is_selected {
                true if !seen => return Err(Reason::Unseen),
                true => {
                    level = Some(level.map_or(score, |level| level.hull(score)));
                    selected.push((content.0, content.1.as_ref().ok_or(Reason::NoValue)?));
                }
                false if seen => others = others.max(score.high()),
                false => {}
            }
        }
        if min > 0 && selected.is_empty() {
            return Err(Reason::NoKey);
        }
        let bos = bos.map(|key| score(query.vector, key)).transpose()?;
        let with_bos = level.zip(bos).map_or(f64::INFINITY, |(level, bos)| uneven(level.hull(bos)));
        let tied = with_bos <= LARGEST_UNEVEN;
        let n = self.local.n;
        let mut row = Row { min, max, tied, selected, gap: f64::INFINITY, lost: 0.0, lost_empty: 0.0 };
        if let Some(level) = level.filter(|_| max > 0) {
            // BOS has a gap of its own, as it is one key.
            let above = bos.filter(|_| !tied).map_or(f64::INFINITY, |bos| level.low() - bos.high());
            let shared = if tied { with_bos } else { uneven(level) };
            let uneven = if tied || max > 1 { shared } else { 0.0 };
            if uneven > LARGEST_UNEVEN {
                return Err(Reason::Unequal);
            }
            row.gap = above.min(level.low() - others);
            row.lost = leak(level.low() - others, n)? + leak(above, 1)? + uneven;
        }
        if min == 0 {
            let gap = bos.ok_or(Reason::EmptyRow)?.low() - others;
            row.gap = row.gap.min(gap);
            row.lost_empty = leak(gap, n).map_err(|_| Reason::EmptyRow)?;
        }
        Ok(row)
    }
}
