//! What do neurons write?
//!
//! A direction that neurons write is computed for every combination of what they read. Where a
//! neuron reads inexact numbers, it is a line in these: `ReLU(L x - c + ½) - ReLU(L x - c - ½)` is 1
//! for large `x`, whatever `x` is exactly. It is so in f32 too where no sum is rounded:
//!
//! - An f32 number that is at least `2^e` in size is a multiple of `2^(e-23)`. A sum is exact in any
//!   order if its terms are multiples of one power of two, and their sizes add up to 2^24 times
//!   that at most.
//! - A sum of two terms is rounded once: it is exact if the result is a multiple of that power of
//!   two, no larger than 2^24 times it.

use super::ball::{Ball, dot, exact, gamma, is_f32, is_power_of_two};
use super::stream::{Recorded, Stream, columns};
use super::table::{Shape, Table};
use super::{Reason, Shown};
use crate::ir::{Node, SOpId};
use crate::model::Of;
use crate::weights::MlpWeights;
use std::collections::BTreeMap;
use std::rc::Rc;

/// `constant + Σ slope · x` of inexact numbers `x`, by the directions that these stand in, where no sum
/// was rounded; otherwise, some number in a range.
#[derive(Clone)]
struct Line {
    range: Ball,
    constant: f64,
    slopes: Vec<(usize, f64, Ball)>,
    /// A power of two that it is a multiple of; 0 if none is known.
    quantum: f64,
}

impl Line {
    fn number(range: Ball) -> Self {
        Self { range, constant: range.mid, slopes: Vec::new(), quantum: range.quantum().unwrap_or(0.0) }
    }

    /// What stands in a direction.
    fn held(d: usize, ball: Ball) -> Self {
        match ball.is_exact() {
            true => Self::number(ball),
            false => Self { constant: 0.0, slopes: vec![(d, 1.0, ball)], ..Self::number(ball) },
        }
    }

    /// `Σ factor · term` as f32 computes it, in any order. None where that may overflow.
    fn sum(terms: impl Iterator<Item = (f64, Self)>) -> Option<Self> {
        let terms: Vec<(f64, Self)> = terms.filter(|(_, term)| !term.range.is_zero()).collect();
        let rounded = Self::number(dot(terms.iter().map(|(w, term)| (Ball::exact(*w), term.range)))?);
        let is_line = |term: &Self| term.range.is_exact() || !term.slopes.is_empty();
        if rounded.range.is_exact() || !terms.iter().all(|(_, term)| is_line(term)) {
            return Some(rounded);
        }
        Some(Self::exact_sum(&terms).unwrap_or(rounded))
    }

    /// The same where no sum is rounded, or all slopes cancel each other.
    fn exact_sum(terms: &[(f64, Self)]) -> Option<Self> {
        let total = |numbers: &[f64]| {
            let sum = dot(numbers.iter().map(|x| (Ball::exact(*x), Ball::exact(1.0))))?;
            sum.is_exact().then_some(sum.mid)
        };
        let constant = total(&terms.iter().map(|(w, term)| w * term.constant).collect::<Vec<_>>())?;
        let mut by_direction: BTreeMap<usize, (Vec<f64>, Ball)> = BTreeMap::new();
        for (w, (d, slope, x)) in terms.iter().flat_map(|(w, term)| term.slopes.iter().map(move |s| (w, s))) {
            by_direction.entry(*d).or_insert((Vec::new(), *x)).0.push(w * slope);
        }
        let slope = |(d, (slopes, x)): (usize, (Vec<f64>, Ball))| Some((d, total(&slopes)?, x));
        let mut slopes = by_direction.into_iter().map(slope).collect::<Option<Vec<_>>>()?;
        slopes.retain(|(_, slope, _)| *slope != 0.0);
        let (mut size, mut quantum, mut shifts) = (0.0, f64::INFINITY, true);
        for (w, term) in terms {
            size += w.abs() * term.range.size();
            quantum = f64::min(quantum, Ball::exact(*w).quantum()? * term.quantum);
            shifts &= is_power_of_two(*w);
        }
        let mut range = Ball::exact(constant);
        for (_, slope, x) in &slopes {
            range = Ball { mid: range.mid + slope * x.mid, rad: range.rad + slope.abs() * x.rad };
        }
        if !slopes.is_empty() {
            range = range.widened(size * (terms.len() + 4) as f64 * 4.0 * f64::EPSILON);
        }
        let fits = exact(range.size(), quantum) || slopes.is_empty() && is_f32(constant);
        let once = shifts && (terms.len() <= 1 || terms.len() <= 2 && fits);
        match once || exact(size, quantum) {
            true => Some(Self { range, constant, slopes, quantum }),
            // The lines cancel each other, but for what is rounded.
            false => slopes.is_empty().then(|| Self::number(range.widened(gamma(terms.len()) * size))),
        }
    }

    fn relu(self) -> Self {
        match self.range {
            x if x.high() <= 0.0 => Self::number(Ball::ZERO),
            x if x.low() >= 0.0 => self,
            x => Self::number(Ball::between(0.0, x.high())),
        }
    }
}

struct Neuron {
    terms: Vec<(usize, f32)>,
    bias: f64,
}

/// What direction `d` holds after neurons have written it.
fn after(
    d: usize,
    held: &impl Fn(usize) -> Ball,
    writers: &[(usize, f32)],
    neurons: &[Neuron],
) -> Option<Ball> {
    let post = |(j, factor): &(usize, f32)| {
        let read = neurons[*j].terms.iter().map(|(d, w)| (f64::from(*w), Line::held(*d, held(*d))));
        let bias = (1.0, Line::number(Ball::exact(neurons[*j].bias)));
        Some((f64::from(*factor), Line::sum(read.chain([bias]))?.relu()))
    };
    let posts = writers.iter().map(post).collect::<Option<Vec<_>>>()?;
    let old = (1.0, Line::held(d, held(d)));
    Some(Line::sum(posts.into_iter().chain([old]))?.range)
}

impl Stream<'_> {
    pub fn mlp(&mut self, layer: usize, weights: &MlpWeights, shown: &mut Shown) -> Result<(), Reason> {
        let d_model = self.network.config.d_model;
        let d_mlp = weights.b_in.len();
        let neuron = |(j, terms)| Neuron { terms, bias: f64::from(weights.b_in[[0, j]]) };
        let inputs = columns(d_model, d_mlp, |d, j| weights.w_in[[d, j]]);
        let neurons: Vec<Neuron> = inputs.into_iter().enumerate().map(neuron).collect();
        let writers = columns(d_mlp, d_model, |j, d| weights.w_out[[j, d]]);
        let mut tokens = self.tokens.clone();
        let mut bos = self.bos.clone();
        for (d, writers) in writers.iter().enumerate().filter(|(_, w)| !w.is_empty()) {
            let (table, tuples) = self.direction(layer, d, writers, &neurons)?;
            tokens[d] = Rc::new(table);
            let known = shown.mlps.entry(layer).or_default();
            known.insert(d, known.get(&d).copied().unwrap_or(0) + tuples);
            if let (Some(old), Some(bos)) = (&self.bos, &mut bos) {
                bos[d] = after(d, &|d| old[d], writers, &neurons).ok_or(Reason::Overflow)?;
            }
        }
        (self.tokens, self.bos) = (tokens, bos);
        Ok(())
    }

    fn direction(
        &self,
        layer: usize,
        d: usize,
        writers: &[(usize, f32)],
        neurons: &[Neuron],
    ) -> Result<(Table<Ball>, usize), Reason> {
        let mut read: Vec<usize> =
            writers.iter().flat_map(|(j, _)| neurons[*j].terms.iter().map(|t| t.0)).chain([d]).collect();
        read.sort_unstable();
        read.dedup();
        let target = match self.network.told(2 * layer + 2, d) {
            Some(Of::Sop(index)) => self.sop(index),
            _ => None,
        };
        let inner = target.and_then(|id| self.local.inner(id));
        let shapes = || read.iter().map(|d| &self.tokens[*d].shape);
        let with_inner: Vec<&Shape> = shapes().chain(inner.map(|table| &table.shape)).collect();
        let (states, inner) = match self.local.states(&with_inner) {
            Ok(states) => (states, inner),
            Err(_) => (self.local.states(&shapes().collect::<Vec<_>>())?, None),
        };
        let terms: usize = writers.iter().map(|(j, _)| 1 + neurons[*j].terms.len()).sum();
        self.network.work.spend(states.len() * terms)?;
        let place = |d: usize| read.binary_search(&d).unwrap_or_default();
        let mut recorded = Some(Recorded::default());
        let table = states.table(|state| {
            let Some(held) = self.held(&read, &states, state, 0) else { return Ok(None) };
            let ball = after(d, &|d| held[place(d)], writers, neurons).ok_or(Reason::Overflow)?;
            if let Some(inner) = inner {
                let Some(value) = &inner.cells[states.place(state, read.len())] else { return Ok(None) };
                recorded = recorded.take().and_then(|mut r| r.add(value, ball).then_some(r));
            }
            Ok(Some(ball))
        })?;
        let tuples = states.len();
        Ok(match (inner, recorded, target.map(|id| self.local.sop(id))) {
            (Some(_), Some(recorded), Some(Ok(table))) => (recorded.table(&table), tuples),
            _ => (table, tuples),
        })
    }

    pub fn sop(&self, index: usize) -> Option<SOpId> {
        let graph = &self.network.program.graph;
        graph.sop_ids().nth(index).filter(|id| self.network.live.contains(&Node::SOp(*id)))
    }
}
