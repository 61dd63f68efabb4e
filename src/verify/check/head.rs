//! What does a head write?
//!
//! A direction that a head writes is said to tell of an s-op. If that is what attention gives over a
//! selector, then for every query and key that can meet it is shown that
//!
//! - selected keys score at least [`super::row::GAP`] above the others, so that f32 `exp` gives these weight 0
//!   ([`crate::model::attention`]); BOS stands as far below, or exactly with them;
//! - where several keys may be selected, their scores are one f32 number, so that each of `k` keys
//!   gets `fl(1/k)`, and a mean is off by `γ_(k+1)` at most;
//! - where no key may be selected, BOS stands [`super::row::GAP`] above all keys;
//! - what the attended keys hand on is what the s-op is then: the default, the value at the key, the
//!   mean, or a function of the width.
//!
//! If the s-op depends on the position alone, it is enough that one position wins, whatever stands
//! there, and hands on the right number.
//!
//! What stands in a direction and what heads add to it is summed. Columns of values that one head adds
//! up have no fixed order among those of others: where there are such, nobody else may have a part.
//!
//! A smaller gap `g` leaks: of `n` other keys, each gets `e^-g` of the attention at most, and what is
//! written moves by that part of the range of all that is handed on. BOS, as a query, must attend to
//! itself in the same sense.

use super::ball::{Ball, dot};
use super::local::{Attended, INDEX};
use super::pairs::Pairs;
use super::row::{Content, Direction, Kind, Row, Side, Sides, Target, leak, moved, range};
use super::stream::{Reader, Recorded, Stream, columns, is_zero, sum, total};
use super::table::{Shape, Table};
use super::{HeadShown, Reason, Shown};
use crate::ir::{Node, Op, SelectorId};
use crate::model::Of;
use crate::value::Value;
use crate::weights::HeadWeights;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

/// The matrices of a head, as far as they write some directions.
struct Head {
    queries: Reader,
    keys: Reader,
    values: Reader,
    /// For each direction, the columns of the values that it adds up.
    adds: Vec<Vec<(usize, Ball)>>,
}

/// What a head, or the stream before it, has in a direction.
struct Part {
    table: Rc<Table<Ball>>,
    bos: Ball,
    /// So many columns of values add up to it: together with other parts, in any order.
    columns: usize,
}

fn score(query: &[Ball], key: &[Ball]) -> Result<Ball, Reason> {
    dot(query.iter().copied().zip(key.iter().copied())).ok_or(Reason::Overflow)
}

impl Stream<'_> {
    pub fn attention(
        &mut self,
        layer: usize,
        heads: &[HeadWeights],
        shown: &mut Shown,
    ) -> Result<(), Reason> {
        let mut written: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
        for (h, head) in heads.iter().enumerate() {
            // Columns that are zero hand on zero.
            let live: Vec<bool> =
                head.w_v.columns().into_iter().map(|c| c.iter().any(|w| *w != 0.0)).collect();
            let adds = columns(live.len(), self.network.config.d_model, |j, d| {
                if live[j] { head.w_o[[j, d]] } else { 0.0 }
            });
            let mut targets: BTreeMap<Option<Of>, Vec<usize>> = BTreeMap::new();
            for d in (0..adds.len()).filter(|d| !adds[*d].is_empty()) {
                targets.entry(self.network.told(2 * layer + 1, d)).or_default().push(d);
            }
            for (of, directions) in targets {
                let of = of.ok_or(Reason::Untold)?;
                let target = self.target(of)?;
                let head = self.parts(head, &directions, &adds);
                let known = shown.heads.entry((layer, h)).or_insert(HeadShown::NONE);
                if !known.writes.contains(&of) {
                    known.writes.push(of);
                }
                let tables = self.head(&head, target, known)?;
                let at_bos = self.at_bos(&head)?;
                for (i, (d, table)) in directions.into_iter().zip(tables).enumerate() {
                    let bos = at_bos.as_ref().map_or(Ball::ZERO, |bos| bos[i]);
                    let part = Part { table: Rc::new(table), bos, columns: adds[d].len() };
                    written.entry(d).or_default().push(part);
                }
            }
        }
        for (d, mut parts) in written {
            let bos = self.bos.as_ref().map_or(Ball::ZERO, |bos| bos[d]);
            parts.push(Part { table: self.tokens[d].clone(), bos, columns: 1 });
            parts.retain(|part| !part.bos.is_zero() || !is_zero(&part.table));
            if parts.len() > 1 && parts.iter().any(|part| part.columns > 1) {
                return Err(Reason::Occupied { direction: d });
            }
            self.tokens[d] = Rc::new(sum(&self.local, parts.iter().map(|part| &*part.table))?);
            if let Some(held) = &mut self.bos {
                held[d] = total(parts.iter().map(|part| part.bos))?;
            }
        }
        Ok(())
    }

    fn target(&mut self, of: Of) -> Result<Target, Reason> {
        match of {
            Of::Sop(index) => {
                let id = self.sop(index).ok_or(Reason::NotLive)?;
                let kind = match &self.network.program.graph[id].op {
                    Op::Width { selector } => Kind::Width(*selector),
                    _ => self.local.attended(id).map_or(Kind::Positional, Kind::Mean),
                };
                Ok(Target { table: self.local.sop(id)?, kind })
            }
            Of::Width(index) => {
                let mut ids = self.network.program.graph.selector_ids();
                let live = |id: &SelectorId| self.network.live.contains(&Node::Selector(*id));
                let id = ids.nth(index).filter(live).ok_or(Reason::NotLive)?;
                Ok(Target { table: self.local.width(id)?, kind: Kind::Width(id) })
            }
            Of::Column(_) | Of::Index | Of::Keys(_) | Of::Queries(_) => Err(Reason::Untold),
        }
    }

    fn parts(&self, head: &HeadWeights, directions: &[usize], adds: &[Vec<(usize, f32)>]) -> Head {
        let d_model = self.network.config.d_model;
        // Only what goes into these directions.
        let used = |j: usize| directions.iter().any(|d| adds[*d].iter().any(|(c, _)| *c == j));
        let values = columns(d_model, head.w_v.ncols(), |d, c| if used(c) { head.w_v[[d, c]] } else { 0.0 });
        let weight = |(j, w): &(usize, f32)| (*j, Ball::exact(f64::from(*w)));
        Head {
            queries: Reader::new(columns(d_model, head.w_q.ncols(), |d, c| head.w_q[[d, c]])),
            keys: Reader::new(columns(d_model, head.w_k.ncols(), |d, c| head.w_k[[d, c]])),
            values: Reader::new(values),
            adds: directions.iter().map(|d| adds[*d].iter().map(weight).collect()).collect(),
        }
    }

    fn head(
        &mut self,
        head: &Head,
        target: Target,
        shown: &mut HeadShown,
    ) -> Result<Vec<Table<Ball>>, Reason> {
        let before = shown.clone();
        let by_selector = match &target.kind {
            Kind::Width(id) | Kind::Mean(Attended { selector: id, .. }) => {
                let (pairs, bounds) = (self.local.selector(*id)?, self.local.bounds(*id)?);
                shown.by_rank |= bounds.by_rank;
                self.rows(head, &target, &pairs, |q| bounds.of(q), shown)
            }
            Kind::Positional => Err(Reason::Untold),
        };
        by_selector.or_else(|reason| {
            if target.table.shape.vars().any(|v| v != INDEX) {
                return Err(reason);
            }
            *shown = before;
            let winners = self.winners(head)?;
            self.rows(head, &Target { kind: Kind::Positional, ..target }, &winners, |_| Some((1, 1)), shown)
        })
    }

    /// Every state that a query or a key may be in, seen through a reader and a shape. A key hands on
    /// values.
    fn sides(
        &self,
        reader: &Reader,
        (shape, classes): (&Shape, &[usize]),
        key: Option<(&Head, Option<&Table<Value>>)>,
    ) -> Result<Sides, Reason> {
        let (none, positions) = (Shape::default(), Shape::variable(INDEX, self.local.n));
        // The index counts where it hides keys, or is asked for.
        let causal = self.network.config.causal || self.local.program.causal;
        let index = causal || shape.vars().any(|v| v == INDEX);
        let value = key.and_then(|(_, value)| value);
        let mut shapes = vec![shape, if index { &positions } else { &none }];
        shapes.push(value.map_or(&none, |v| &v.shape));
        let first = shapes.len();
        shapes.extend(self.shapes(reader));
        let values = shapes.len();
        shapes.extend(key.iter().flat_map(|(head, _)| self.shapes(&head.values)));
        let states = self.local.states(&shapes)?;
        let mut sides = Sides::new();
        let (mut numbers, mut seen) = (HashMap::new(), HashSet::new());
        for state in 0..states.len() {
            let Some(vector) = self.read(reader, &states, state, first)? else { continue };
            let value = value.map(|table| table.cells[states.place(state, 2)].clone());
            let handed = match key {
                Some((head, _)) => match self.read(&head.values, &states, state, values)? {
                    Some(values) => head.handed(&values)?,
                    None => continue,
                },
                None => Vec::new(),
            };
            if value != Some(None) {
                let (class, index) = (classes[states.place(state, 0)], states.place(state, 1));
                let side = Side { vector, class, index };
                let number = *numbers.entry(side).or_insert_with_key(|side| {
                    sides.push((side.clone(), Vec::new()));
                    sides.len() - 1
                });
                let content = Content { handed, value: value.flatten() };
                if seen.insert((number, content.clone())) {
                    sides[number].1.push(content);
                }
            }
        }
        Ok(sides)
    }

    /// What BOS, as a query, gets.
    fn at_bos(&self, head: &Head) -> Result<Option<Vec<Ball>>, Reason> {
        let (Some(query), Some(key), Some(values)) =
            (self.read_bos(&head.queries)?, self.read_bos(&head.keys)?, self.read_bos(&head.values)?)
        else {
            return Ok(None);
        };
        let (own, handed) = (score(&query, &key)?, head.handed(&values)?);
        if self.network.config.causal {
            return Ok(Some(handed.into_iter().map(|(sum, _)| sum).collect()));
        }
        let keys = self.sides(&head.keys, (&Shape::default(), &[0]), Some((head, None)))?;
        let others = keys.iter().try_fold(f64::NEG_INFINITY, |others, (key, _)| {
            Ok(f64::max(others, score(&query, &key.vector)?.high()))
        })?;
        let lost = leak(own.low() - others, self.local.n).map_err(|_| Reason::BosAttends)?;
        let net = |(d, (sum, size)): (usize, &(Ball, Ball))| {
            moved(*sum, lost, range(&keys, Some(&handed), d), size.mid, self.local.n)
        };
        Ok(Some(handed.iter().enumerate().map(net).collect()))
    }

    /// For each query position, the key position that scores highest.
    fn winners(&self, head: &Head) -> Result<Pairs, Reason> {
        let (index, classes) = (Shape::variable(INDEX, self.local.n), vec![0; self.local.n]);
        let keys = self.sides(&head.keys, (&index, &classes), Some((head, None)))?;
        let queries = self.sides(&head.queries, (&index, &classes), None)?;
        self.network.work.spend(queries.len() * keys.len() * head.queries.n_columns())?;
        let mut winners = vec![0; self.local.n];
        for (query, _) in &queries {
            let seen = |key: &&Side| key.index <= query.index || !self.network.config.causal;
            let scored = |key: &Side| Ok((score(&query.vector, &key.vector)?.mid, key.index));
            let scores =
                keys.iter().map(|(key, _)| key).filter(seen).map(scored).collect::<Result<Vec<_>, _>>()?;
            let best = scores.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
            winners[query.index] = best.map_or(0, |(_, key)| key);
        }
        Pairs::new(index.clone(), index, |q, k| Some(k == winners[q]))
    }

    /// What is written for each value of the s-op, if `pairs` selects what the head attends to, and
    /// `bounds` says how many that are.
    fn rows(
        &self,
        head: &Head,
        target: &Target,
        pairs: &Pairs,
        bounds: impl Fn(usize) -> Option<(usize, usize)>,
        shown: &mut HeadShown,
    ) -> Result<Vec<Table<Ball>>, Reason> {
        let value = match &target.kind {
            Kind::Mean(attended) => Some(&*attended.value),
            Kind::Width(_) | Kind::Positional => None,
        };
        let keys = self.sides(&head.keys, (&pairs.key, &pairs.key_class), Some((head, value)))?;
        let queries = self.sides(&head.queries, (&pairs.query, &pairs.query_class), None)?;
        let bos_key = self.read_bos(&head.keys)?;
        let bos = self.read_bos(&head.values)?.map(|v| head.handed(&v)).transpose()?;
        let known: Vec<Option<Value>> = match target.kind {
            Kind::Positional => target.table.by_index(self.local.n),
            Kind::Width(_) | Kind::Mean(_) => Vec::new(),
        };
        let ranges: Vec<f64> = (0..head.adds.len()).map(|d| range(&keys, bos.as_deref(), d)).collect();
        self.network.work.spend(queries.len() * keys.len() * head.queries.n_columns())?;
        shown.pairs += queries.len() * keys.len();
        let mut recorded: Vec<Recorded> = head.adds.iter().map(|_| Recorded::default()).collect();
        for (query, _) in &queries {
            let Some((min, max)) = bounds(query.class) else { continue };
            let row = self.row(&keys, bos_key.as_deref(), pairs, query, target, (min, max))?;
            shown.gap = shown.gap.min(row.gap);
            shown.leak = shown.leak.max(row.lost).max(row.lost_empty);
            shown.selected = [shown.selected[0].min(min), shown.selected[1].max(max)];
            for (d, recorded) in recorded.iter_mut().enumerate() {
                let bos = bos.as_ref().map(|bos| bos[d]);
                let row = Direction { row: &row, d, adds: &head.adds[d], bos, range: ranges[d] };
                row.record(target, known.get(query.index).and_then(Option::as_ref), recorded)?;
            }
        }
        Ok(recorded.iter().map(|recorded| recorded.table(&target.table)).collect())
    }

    /// The keys that a query attends to: those that the program lets it see and select, or a winner.
    fn row<'k>(
        &self,
        keys: &'k Sides,
        bos: Option<&[Ball]>,
        pairs: &Pairs,
        query: &Side,
        target: &Target,
        (min, max): (usize, usize),
    ) -> Result<Row<'k>, Reason> {
        let (mut selected, mut others) = (Vec::new(), f64::NEG_INFINITY);
        let (mut least, mut equal): (Option<Ball>, bool) = (None, true);
        for (key, contents) in keys {
            let Some(is_selected) = pairs.at(query.class, key.class) else { continue };
            let seen = key.index <= query.index || !self.network.config.causal;
            let score = score(&query.vector, &key.vector)?;
            let visible = match target.kind {
                Kind::Positional => seen,
                Kind::Width(_) | Kind::Mean(_) => self.local.sees(query.index, key.index),
            };
            match is_selected && visible {
                true if !seen => return Err(Reason::Unseen),
                true => {
                    equal &= score.is_exact() && least.is_none_or(|least| least == score);
                    least = Some(least.filter(|least| least.low() <= score.low()).unwrap_or(score));
                    selected.extend(contents);
                }
                false if seen => others = others.max(score.high()),
                false => {}
            }
        }
        if min > 0 && selected.is_empty() {
            return Err(Reason::NoKey);
        }
        let bos = bos.map(|key| score(&query.vector, key)).transpose()?;
        let tied = equal && least.is_some() && least == bos;
        let n = self.local.n;
        let mut row = Row { min, max, tied, selected, n, gap: f64::INFINITY, lost: 0.0, lost_empty: 0.0 };
        if let Some(least) = least.filter(|_| max > 0) {
            row.gap = least.low() - others;
            row.lost = leak(row.gap, n)?;
            if let Some(bos) = bos.filter(|_| !tied) {
                row.gap = row.gap.min(least.low() - bos.high());
                row.lost += leak(least.low() - bos.high(), 1)?;
            }
            if max > 1 && !equal {
                return Err(Reason::Unequal);
            }
        }
        if min == 0 {
            let gap = bos.ok_or(Reason::EmptyRow)?.low() - others;
            row.gap = row.gap.min(gap);
            row.lost_empty = leak(gap, n).map_err(|_| Reason::EmptyRow)?;
        }
        Ok(row)
    }
}

impl Head {
    /// What a key with these values hands on: by direction, and the sizes of what is added up.
    fn handed(&self, values: &[Ball]) -> Result<Vec<(Ball, Ball)>, Reason> {
        let of = |terms: &Vec<(usize, Ball)>| {
            let sum = dot(terms.iter().map(|(j, w)| (values[*j], *w))).ok_or(Reason::Overflow)?;
            let size = terms.iter().map(|(j, w)| values[*j].size() * w.size()).sum();
            Ok((sum, Ball::exact(size)))
        };
        self.adds.iter().map(of).collect()
    }
}
