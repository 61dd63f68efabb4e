//! Softmax with mask and scale.

use super::real::{LANES, Real, sum};
use super::{Kernel, run};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};
use std::sync::Arc;

/// Which keys a query sees: those inside its sequence, in a causal model those not behind it.
#[derive(Clone)]
pub(in crate::model) struct Seen {
    /// Positions of each sequence.
    pub lengths: Arc<[usize]>,
    pub causal: bool,
}

/// The attention pattern: softmax of `scale · scores` over the keys that are seen. Scores and
/// pattern are `[batch, head, query, key]`. It promises what `masked_softmax` does.
pub(in crate::model) fn softmax(scores: &Tensor, seen: &Seen, scale: f64) -> Result<Tensor> {
    let (_, heads, queries, keys) = scores.dims4()?;
    scores.contiguous()?.apply_op1(Softmax { seen: seen.clone(), heads, queries, keys, scale })
}

#[derive(Clone)]
struct Softmax {
    seen: Seen,
    heads: usize,
    queries: usize,
    keys: usize,
    scale: f64,
}

impl Softmax {
    /// Number of keys that the query of a row sees, rows being counted over batch, heads, queries.
    fn seen(&self, row: usize) -> usize {
        let length = self.seen.lengths.get(row / (self.heads * self.queries)).copied().unwrap_or(0);
        let length = length.min(self.keys);
        if self.seen.causal { length.min(row % self.queries + 1) } else { length }
    }
}

impl Kernel<1> for Softmax {
    #[inline(always)]
    fn run<T: Real>(&self, [scores]: [&[T]; 1]) -> Vec<T> {
        let mut pattern = vec![T::zero(); scores.len()];
        let scale = T::of(self.scale);
        let rows = scores.chunks_exact(self.keys).zip(pattern.chunks_exact_mut(self.keys)).enumerate();
        for (row, (scores, pattern)) in rows {
            let seen = self.seen(row);
            softmax_row(&scores[..seen], &mut pattern[..seen], scale);
        }
        pattern
    }
}

#[inline(always)]
fn softmax_row<T: Real>(scores: &[T], pattern: &mut [T], scale: T) {
    let greatest = scores.iter().fold(T::neg_infinity(), |a, b| if *b > a { *b } else { a });
    let mut sums = [T::zero(); LANES];
    for (scores, pattern) in scores.chunks(LANES).zip(pattern.chunks_mut(LANES)) {
        // Full lanes, so that short rows are wide work too; what stands beyond the row is 0.
        let mut lanes = [T::neg_infinity(); LANES];
        lanes[..scores.len()].copy_from_slice(scores);
        for i in 0..LANES {
            lanes[i] = ((lanes[i] - greatest) * scale).e();
            sums[i] += lanes[i];
        }
        pattern.copy_from_slice(&lanes[..scores.len()]);
    }
    let sum = sums.iter().fold(T::zero(), |sum, lane| sum + *lane);
    pattern.iter_mut().for_each(|weight| *weight /= sum);
}

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax with mask and scale"
    }

    fn cpu_fwd(&self, scores: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((run(self, [(scores, layout)])?, layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, pattern: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let back = Back { keys: self.keys, scale: self.scale };
        Ok(Some(pattern.apply_op2_no_bwd(&gradient.contiguous()?, &back)?))
    }
}

/// From pattern `p` and its gradient `g`: `scale · p (g - Σ p g)`.
struct Back {
    keys: usize,
    scale: f64,
}

impl Kernel<2> for Back {
    #[inline(always)]
    fn run<T: Real>(&self, [pattern, gradient]: [&[T]; 2]) -> Vec<T> {
        let mut scores = vec![T::zero(); pattern.len()];
        let scale = T::of(self.scale);
        let rows = pattern.chunks_exact(self.keys).zip(gradient.chunks_exact(self.keys));
        for ((pattern, gradient), scores) in rows.zip(scores.chunks_exact_mut(self.keys)) {
            let mean = sum(pattern, gradient, |p, g| p * g);
            for ((score, p), g) in scores.iter_mut().zip(pattern).zip(gradient) {
                *score = scale * *p * (*g - mean);
            }
        }
        scores
    }
}

impl CustomOp2 for Back {
    fn name(&self) -> &'static str {
        "softmax backward"
    }

    fn cpu_fwd(
        &self,
        p: &CpuStorage,
        lp: &Layout,
        g: &CpuStorage,
        lg: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((run(self, [(p, lp), (g, lg)])?, lp.shape().clone()))
    }
}
