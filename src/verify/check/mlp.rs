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
//!   two, no larger than 2^24 times it; and it has the sign of the exact result.

use super::Reason;
use super::ball::{Ball, dot, exact, gamma, is_f32, is_power_of_two};
use super::certificate::Shown;
use super::stream::{Recorded, Stream, columns};
use super::table::{Shape, Table};
use crate::ir::{Node, SOpId};
use crate::model::Of;
use crate::weights::MlpWeights;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a neuron gives where its inputs are known.
enum Post {
    Known(Ball),
    Line(Line),
}

/// `constant + Σ slope · x` of inexact numbers `x`, which stand in these directions: no rounding.
struct Line {
    constant: f64,
    slopes: Vec<(usize, f64)>,
    range: Ball,
    quantum: f64,
}

struct Neuron {
    terms: Vec<(usize, f32)>,
    bias: f64,
}

impl Neuron {
    fn post(&self, held: &impl Fn(usize) -> Ball) -> Option<Post> {
        let inputs = self.terms.iter().map(|(d, w)| (*d, f64::from(*w), held(*d)));
        let inputs: Vec<(usize, f64, Ball)> = inputs.filter(|(_, _, x)| !x.is_zero()).collect();
        let bias = (Ball::exact(self.bias), Ball::exact(1.0));
        let products = inputs.iter().map(|(_, w, x)| (Ball::exact(*w), *x));
        let sum = dot(products.chain([bias]))?;
        if inputs.iter().all(|(_, _, x)| x.is_exact()) {
            return Some(Post::Known(relu(sum)));
        }
        let mut line =
            Line { constant: self.bias, slopes: Vec::new(), range: Ball::ZERO, quantum: f64::INFINITY };
        let (mut size, mut known) = (self.bias.abs(), true);
        line.quantum = Ball::exact(self.bias).quantum().unwrap_or(0.0);
        let (mut mid, mut rad) = (0.0, 0.0);
        for (d, w, x) in &inputs {
            let quantum = x.quantum().zip(Ball::exact(*w).quantum()).map(|(x, w)| x * w);
            known &= quantum.is_some();
            line.quantum = line.quantum.min(quantum.unwrap_or(0.0));
            size += w.abs() * x.size();
            match x.is_exact() {
                true => line.constant += w * x.mid,
                false => line.slopes.push((*d, *w)),
            }
            (mid, rad) = (mid + w * x.mid, rad + w.abs() * x.rad);
        }
        let slack = size * (inputs.len() + 4) as f64 * 4.0 * f64::EPSILON;
        line.range = Ball { mid: mid + self.bias, rad }.widened(slack);
        let terms = inputs.len() + usize::from(self.bias != 0.0);
        // Products that are shifts, and one addition, or none.
        let shifts = inputs.iter().all(|(_, w, _)| is_power_of_two(*w));
        let (once, alone) = (shifts && terms <= 2, shifts && terms <= 1);
        if once && line.range.high() <= 0.0 {
            return Some(Post::Known(Ball::ZERO));
        }
        let no_rounding =
            alone || known && (exact(size, line.quantum) || once && exact(line.range.size(), line.quantum));
        Some(match no_rounding {
            true if line.range.high() <= 0.0 => Post::Known(Ball::ZERO),
            true if line.range.low() >= 0.0 => Post::Line(line),
            true | false => Post::Known(relu(sum)),
        })
    }
}

fn relu(x: Ball) -> Ball {
    match x {
        x if x.high() <= 0.0 => Ball::ZERO,
        x if x.low() >= 0.0 => x,
        x => Ball::between(0.0, x.high()),
    }
}

impl Post {
    /// What direction `d` holds already.
    fn held(d: usize, ball: Ball) -> Self {
        match ball.is_exact() {
            true => Self::Known(ball),
            false => {
                let quantum = ball.quantum().unwrap_or(0.0);
                Self::Line(Line { constant: 0.0, slopes: vec![(d, 1.0)], range: ball, quantum })
            }
        }
    }
}

/// `Σ factor · post` as f32 computes it.
fn written(posts: &[(f64, Post)]) -> Option<Ball> {
    let ball = |post: &Post| match post {
        Post::Known(ball) => *ball,
        Post::Line(line) => line.range,
    };
    let sum = || dot(posts.iter().map(|(w, post)| (Ball::exact(*w), ball(post))));
    let inexact = |(_, post): &(f64, Post)| matches!(post, Post::Known(ball) if !ball.is_exact());
    if posts.iter().all(|(_, post)| matches!(post, Post::Known(_))) || posts.iter().any(inexact) {
        return sum();
    }
    let mut slopes: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    let mut constant = Vec::new();
    let (mut size, mut quantum, mut terms, mut shifts) = (0.0, f64::INFINITY, 0, true);
    for (w, post) in posts.iter().filter(|(_, post)| !ball(post).is_zero()) {
        let of_post = match post {
            Post::Known(ball) => {
                constant.push(w * ball.mid);
                ball.quantum()?
            }
            Post::Line(line) => {
                constant.push(w * line.constant);
                line.slopes.iter().for_each(|(d, s)| slopes.entry(*d).or_default().push(w * s));
                line.quantum
            }
        };
        size += w.abs() * ball(post).size();
        quantum = quantum.min(Ball::exact(*w).quantum()? * of_post);
        terms += 1;
        shifts &= is_power_of_two(*w);
    }
    let total = |numbers: &[f64]| {
        let terms = numbers.iter().map(|x| (Ball::exact(*x), Ball::exact(1.0)));
        dot(terms).filter(|sum| sum.is_exact()).map(|sum| sum.mid)
    };
    let level = slopes.values().all(|s| total(s) == Some(0.0));
    match (level, total(&constant)) {
        (true, Some(number)) if exact(size, quantum) || terms <= 2 && shifts && is_f32(number) => {
            Some(Ball::exact(number))
        }
        // The lines cancel each other, but for what is rounded.
        (true, Some(number)) => Some(Ball::exact(number).widened(gamma(terms) * size)),
        _ => sum(),
    }
}

/// What direction `d` holds after neurons have written it.
fn after(
    d: usize,
    held: &impl Fn(usize) -> Ball,
    writers: &[(usize, f32)],
    neurons: &[Neuron],
) -> Option<Ball> {
    let post = |(j, w): &(usize, f32)| Some((f64::from(*w), neurons[*j].post(held)?));
    let old = Some((1.0, Post::held(d, held(d))));
    written(&std::iter::once(old).chain(writers.iter().map(post)).collect::<Option<Vec<_>>>()?)
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
        let mut cells = vec![None; states.joint.size()];
        let mut recorded = Some(Recorded::default());
        for state in 0..states.len() {
            let Some(held) = self.held(&read, &states, state, 0) else { continue };
            let ball = after(d, &|d| held[place(d)], writers, neurons).ok_or(Reason::Overflow)?;
            if let Some(inner) = inner {
                let Some(value) = &inner.cells[states.place(state, read.len())] else { continue };
                recorded = recorded.and_then(|mut r| r.add(value, ball).then_some(r));
            }
            cells[states.cells[state]] = Some(ball);
        }
        let tuples = states.len();
        Ok(match (inner, recorded, target.map(|id| self.local.sop(id))) {
            (Some(_), Some(recorded), Some(Ok(table))) => (recorded.table(&table), tuples),
            _ => (Table::new(states.joint.shape, cells), tuples),
        })
    }

    pub fn sop(&self, index: usize) -> Option<SOpId> {
        let graph = &self.network.program.graph;
        graph.sop_ids().nth(index).filter(|id| self.network.live.contains(&Node::SOp(*id)))
    }
}
