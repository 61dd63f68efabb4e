//! Cross-entropy straight from logits.

use super::real::Real;
use super::{Kernel, run};
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor};
use std::sync::Arc;

/// `-Σ log softmax(logits)[class]` in nats, over rows whose class is one; logits are
/// `[rows, classes]`, and rows with a class beyond them are passed over.
pub fn cross_entropy(logits: &Tensor, classes: &[u32]) -> Result<Tensor> {
    let width = logits.dim(1)?;
    logits.contiguous()?.apply_op1(CrossEntropy { classes: classes.into(), width })
}

struct CrossEntropy {
    classes: Arc<[u32]>,
    width: usize,
}

/// The greatest logit of a row, and the sum of `e` to the power of what each falls short of it.
#[inline(always)]
fn partition<T: Real>(row: &[T]) -> (T, T) {
    let greatest = row.iter().fold(T::neg_infinity(), |a, b| if *b > a { *b } else { a });
    (greatest, row.iter().fold(T::zero(), |sum, x| sum + (*x - greatest).e()))
}

impl Kernel<1> for CrossEntropy {
    #[inline(always)]
    fn run<T: Real>(&self, [logits]: [&[T]; 1]) -> Vec<T> {
        let mut nats = 0.0;
        for (row, class) in logits.chunks_exact(self.width.max(1)).zip(self.classes.iter()) {
            if let Some(logit) = row.get(*class as usize) {
                let (greatest, sum) = partition(row);
                nats += (sum.ln() + greatest - *logit).to_f64();
            }
        }
        vec![T::of(nats)]
    }
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((run(self, [(logits, layout)])?, ().into()))
    }

    fn bwd(&self, logits: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let factor = gradient.to_dtype(DType::F64)?.to_scalar()?;
        let back = Back { classes: self.classes.clone(), width: self.width, factor };
        Ok(Some(logits.apply_op1_no_bwd(&back)?))
    }
}

/// `factor · (softmax(logits) - 1[class])`
struct Back {
    classes: Arc<[u32]>,
    width: usize,
    factor: f64,
}

impl Kernel<1> for Back {
    #[inline(always)]
    fn run<T: Real>(&self, [logits]: [&[T]; 1]) -> Vec<T> {
        let mut out = vec![T::zero(); logits.len()];
        let (width, factor) = (self.width.max(1), T::of(self.factor));
        let rows = logits.chunks_exact(width).zip(out.chunks_exact_mut(width));
        for ((row, out), class) in rows.zip(self.classes.iter()) {
            let class = *class as usize;
            if class < width {
                let (greatest, sum) = partition(row);
                let scale = factor / sum;
                out.iter_mut().zip(row).for_each(|(out, x)| *out = scale * (*x - greatest).e());
                out[class] -= factor;
            }
        }
        out
    }
}

impl CustomOp1 for Back {
    fn name(&self) -> &'static str {
        "cross-entropy backward"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((run(self, [(logits, layout)])?, layout.shape().clone()))
    }
}
