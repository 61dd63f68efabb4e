//! LayerNorm without its bias.

use super::real::{Real, sum};
use super::{Kernel, run};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

/// `(x - mean x) / √(var x + eps) · w` for rows as long as `w`.
pub(in crate::model) fn normalise(x: &Tensor, w: &Tensor, eps: f64) -> Result<Tensor> {
    x.contiguous()?.apply_op2(&w.contiguous()?, Normalise { eps })
}

struct Normalise {
    eps: f64,
}

/// The mean of a row, and 1 over its standard deviation.
#[inline(always)]
fn moments<T: Real>(x: &[T], eps: T) -> (T, T) {
    let n = T::of(x.len() as f64);
    let mean = sum(x, x, |x, _| x) / n;
    let variance = sum(x, x, |x, _| (x - mean) * (x - mean)) / n;
    (mean, T::one() / (variance + eps).sqrt())
}

impl Kernel<2> for Normalise {
    #[inline(always)]
    fn run<T: Real>(&self, [x, w]: [&[T]; 2]) -> Vec<T> {
        let mut out = vec![T::zero(); x.len()];
        let eps = T::of(self.eps);
        for (x, out) in x.chunks_exact(w.len()).zip(out.chunks_exact_mut(w.len())) {
            let (mean, scale) = moments(x, eps);
            for ((out, x), w) in out.iter_mut().zip(x).zip(w) {
                *out = (*x - mean) * scale * *w;
            }
        }
        out
    }
}

impl CustomOp2 for Normalise {
    fn name(&self) -> &'static str {
        "normalise"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((run(self, [(x, lx), (w, lw)])?, lx.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let both = x.apply_op3_no_bwd(w, &gradient.contiguous()?, &Back { eps: self.eps })?;
        let n = x.elem_count();
        let part = |from, like: &Tensor| both.narrow(0, from, like.elem_count())?.reshape(like.shape());
        Ok((Some(part(0, x)?), Some(part(n, w)?)))
    }
}

/// The gradients of `x` and `w`, one behind the other. With `y` the normalised row and `h = g w`:
/// `(h - mean h - y mean(h y)) / √(var x + eps)`, and `Σ g y` over the rows.
struct Back {
    eps: f64,
}

impl Kernel<3> for Back {
    #[inline(always)]
    fn run<T: Real>(&self, [x, w, gradient]: [&[T]; 3]) -> Vec<T> {
        let mut both = vec![T::zero(); x.len() + w.len()];
        let (dx, dw) = both.split_at_mut(x.len());
        let (eps, n) = (T::of(self.eps), T::of(w.len() as f64));
        let rows = x.chunks_exact(w.len()).zip(gradient.chunks_exact(w.len()));
        for ((x, g), dx) in rows.zip(dx.chunks_exact_mut(w.len())) {
            let (mean, scale) = moments(x, eps);
            // h, kept where the result will stand.
            dx.iter_mut().zip(g).zip(w).for_each(|((dx, g), w)| *dx = *g * *w);
            let mean_h = sum(dx, dx, |h, _| h) / n;
            let mean_hy = sum(dx, x, |h, x| h * (x - mean) * scale) / n;
            for (((dx, dw), x), g) in dx.iter_mut().zip(dw.iter_mut()).zip(x).zip(g) {
                let y = (*x - mean) * scale;
                *dw += *g * y;
                *dx = (*dx - mean_h - y * mean_hy) * scale;
            }
        }
        both
    }
}

impl CustomOp3 for Back {
    fn name(&self) -> &'static str {
        "normalise backward"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        g: &CpuStorage,
        lg: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let both = run(self, [(x, lx), (w, lw), (g, lg)])?;
        Ok((both, (lx.shape().elem_count() + lw.shape().elem_count()).into()))
    }
}
