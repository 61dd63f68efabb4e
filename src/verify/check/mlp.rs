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

use super::ball::{Ball, LARGEST, LEAST, dot, exact, is_f32, is_power_of_two, rounding};
use super::stream::{Columns, Recorded, Stream, columns};
use super::table::Table;
use super::{Reason, Shown};
use crate::ir::Node;
use crate::weights::MlpWeights;
use std::collections::BTreeSet;
use std::rc::Rc;

/// `Σ slope · x` of inexact numbers `x`, by the directions that these stand in, and of 1, where no sum
/// was rounded; otherwise, some number in a range.
#[derive(Clone)]
struct Line {
    range: Ball,
    /// Empty where it is one exact number, or was rounded.
    slopes: Vec<Slope>,
    /// A power of two that it is a multiple of; 0 if none is known.
    quantum: f64,
}

/// The direction of `x`, the slope, and `x`.
type Slope = (Option<usize>, f64, Ball);

impl Line {
    fn number(range: Ball) -> Self {
        Self { range, slopes: Vec::new(), quantum: range.quantum().unwrap_or(0.0) }
    }

    /// What stands in a direction.
    fn held(d: usize, ball: Ball) -> Self {
        let slopes = if ball.is_exact() { Vec::new() } else { vec![(Some(d), 1.0, ball)] };
        Self { slopes, ..Self::number(ball) }
    }

    fn slopes(&self) -> impl Iterator<Item = Slope> {
        let constant = self.slopes.is_empty() && self.range.is_exact();
        let constant = constant.then_some((None, self.range.mid, Ball::exact(1.0)));
        self.slopes.iter().copied().chain(constant)
    }

    /// `Σ factor · term` as f32 computes it, in any order. None where that may overflow.
    fn sum(terms: impl Iterator<Item = (f64, Self)>) -> Option<Self> {
        let terms: Vec<(f64, Self)> = terms.filter(|(_, term)| term.range != Ball::ZERO).collect();
        let rounded = Self::number(dot(terms.iter().map(|(w, term)| (Ball::exact(*w), term.range)))?);
        if rounded.range.is_exact() || terms.iter().any(|(_, term)| term.slopes().next().is_none()) {
            return Some(rounded);
        }
        Some(Self::exact_sum(&terms).unwrap_or(rounded))
    }

    /// The same where no sum is rounded, or all slopes cancel each other.
    fn exact_sum(terms: &[(f64, Self)]) -> Option<Self> {
        let (mut parts, mut size, mut quantum, mut shifts) = (Vec::new(), 0.0, f64::INFINITY, true);
        for (w, term) in terms {
            parts.extend(term.slopes().map(|(d, slope, x)| (d, w * slope, x)));
            size += w.abs() * term.range.size();
            quantum = f64::min(quantum, Ball::exact(*w).quantum()? * term.quantum);
            shifts &= is_power_of_two(*w);
        }
        parts.sort_by_key(|(d, ..)| *d);
        let (mut slopes, mut range) = (Vec::new(), Ball::ZERO);
        for same in parts.chunk_by(|a, b| a.0 == b.0) {
            let (d, _, x) = same[0];
            let added = same.iter().map(|(_, slope, _)| (Ball::exact(*slope), Ball::exact(1.0)));
            let slope = dot(added).filter(|slope| slope.is_exact())?;
            if slope != Ball::ZERO {
                range.mid += slope.mid * x.mid;
                range.rad += slope.mid.abs() * x.rad;
                slopes.push((d, slope.mid, x));
            }
        }
        let constant = slopes.iter().all(|(d, ..): &Slope| d.is_none());
        if !constant {
            range = range.widened(size * (terms.len() + 4) as f64 * 4.0 * f64::EPSILON);
        }
        let fits = exact(range.size(), quantum) || constant && is_f32(range.mid);
        let once = shifts && quantum > LEAST && (terms.len() <= 1 || terms.len() <= 2 && fits);
        match once || exact(size, quantum) {
            true => Some(Self { range, slopes, quantum }),
            // The lines cancel each other, but for what is rounded.
            false => constant.then(|| Self::number(range.widened(rounding(terms.len(), size)))),
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

/// Neurons: what they read, their biases, and for each direction those that write it.
struct Neurons {
    reads: Columns,
    biases: Vec<f32>,
    writes: Columns,
}

impl Neurons {
    /// What a direction holds after they have written it.
    fn after(&self, d: usize, held: impl Fn(usize) -> Ball) -> Option<Ball> {
        let post = |(j, factor): &(usize, f32)| {
            let read = self.reads[*j].iter().map(|(d, w)| (f64::from(*w), Line::held(*d, held(*d))));
            let bias = (1.0, Line::number(Ball::exact(f64::from(self.biases[*j]))));
            Some((f64::from(*factor), Line::sum(read.chain([bias]))?.relu()))
        };
        let posts = self.writes[d].iter().map(post).collect::<Option<Vec<_>>>()?;
        let old = (1.0, Line::held(d, held(d)));
        Some(Line::sum(posts.into_iter().chain([old]))?.range)
    }
}

impl Stream<'_> {
    pub fn mlp(&mut self, layer: usize, weights: &MlpWeights, shown: &mut Shown) -> Result<(), Reason> {
        let (reads, writes) = (columns(weights.w_in.columns()), columns(weights.w_out.columns()));
        let neurons = Neurons { reads, biases: weights.b_in.iter().copied().collect(), writes };
        // Those that write nothing as well: 0 times infinity is no number.
        let bias = neurons.biases.iter().map(|b| f64::from(b.abs())).fold(0.0, f64::max);
        if self.largest(&neurons.reads)? + bias >= LARGEST {
            return Err(Reason::Overflow);
        }
        let mut written = self.held.clone();
        for d in (0..written.len()).filter(|d| !neurons.writes[*d].is_empty()) {
            self.network.about.set(self.network.told.get(&(2 * layer + 2, d)).copied());
            let writers = || neurons.writes[d].iter().map(|(j, _)| &neurons.reads[*j]);
            let read: BTreeSet<usize> = writers().flatten().map(|(d, _)| *d).chain([d]).collect();
            let read: Vec<usize> = read.into_iter().collect();
            let tables: Vec<&Table<Ball>> = read.iter().map(|d| &*self.held[*d]).collect();
            let (terms, mut tuples) = (writers().map(|terms| 1 + terms.len()).sum::<usize>(), 0);
            let mut table = self.local.combine(&tables, |held| {
                self.network.spend(16 * terms)?;
                tuples += 1;
                let place = |d: usize| read.binary_search(&d).unwrap_or_default();
                neurons.after(d, |d| *held[place(d)]).ok_or(Reason::Overflow)
            })?;
            shown.mlps.push((layer, d, tuples));
            if let Some(Node::SOp(id)) = self.network.told.get(&(2 * layer + 2, d))
                && let Some(inner) = self.local.inner.get(id)
            {
                let mut recorded = Recorded::default();
                let fits = self.local.join(&table, inner, |ball, value| recorded.add(value, *ball));
                if fits.is_ok() {
                    table = recorded.table(&*self.local.sop(*id)?, table.bos().copied());
                }
            }
            written[d] = Rc::new(table);
        }
        self.held = written;
        Ok(())
    }
}
