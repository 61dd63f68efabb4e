//! The whole pass over a batch, forwards and backwards, part by part.

use super::forward::Part;
use super::network::Network;
use super::real::Real;
use super::workspace::{Weights, Workspace};
use crate::model::Batch;
use std::ops::Range;

/// Positions that are worked on at a time: what lies between products then stays in the cache, and
/// little memory is needed. A multiple of the width of tiles, and less than two sequences of 128.
const PART: usize = 192;

/// How far off logits are.
pub trait Objective<T: Real> {
    /// What some sequences of a batch add to the loss. `logits` are `[sequences · seq, width]` of each
    /// output; the gradient of the loss takes their place.
    fn part(&mut self, sequences: Range<usize>, logits: &mut [Vec<T>]) -> f64;
}

fn parts(batch: &Batch) -> impl Iterator<Item = Part<'_>> {
    let step = (PART / batch.seq.max(1)).max(1);
    let n = batch.lengths.len();
    (0..n).step_by(step).map(move |from| Part { batch, sequences: from..n.min(from + step) })
}

impl<T: Real> Workspace<T> {
    /// The logits of all outputs, one behind the other, each `[batch, seq, width]`.
    pub(super) fn logits(&mut self, network: &Network, weights: &Weights<T>, batch: &Batch) -> Vec<T> {
        let positions = batch.lengths.len() * batch.seq;
        let widths = network.unembed.iter().map(|unembed| unembed.w.columns);
        let mut all = vec![T::zero(); positions * widths.clone().sum::<usize>()];
        for part in parts(batch) {
            self.forward(network, weights, &part, false);
            let (mut from, first) = (0, part.sequences.start * batch.seq);
            for (logits, width) in self.listed.iter().zip(widths.clone()) {
                all[from + first * width..][..logits.len()].copy_from_slice(logits);
                from += positions * width;
            }
        }
        all
    }

    /// The loss of a batch; its gradient with respect to the flat vector is added to `gradient`.
    pub(super) fn gradient(
        &mut self,
        network: &Network,
        weights: &Weights<T>,
        batch: &Batch,
        objective: &mut impl Objective<T>,
        gradient: &mut [T],
    ) -> f64 {
        self.gradient.clear();
        self.gradient.resize(network.len, T::zero());
        let mut loss = 0.0;
        for part in parts(batch) {
            self.forward(network, weights, &part, true);
            loss += objective.part(part.sequences.clone(), &mut self.listed);
            self.backward(network, weights, &part);
        }
        network.scatter(&self.gradient, gradient);
        loss
    }
}
