//! A row added to every row.

use super::real::Real;
use super::{Kernel, run};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

/// `x + b`, where `x` is as many rows as long as `b` as it has room for.
pub(in crate::model) fn add_row(x: &Tensor, b: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op2(&b.contiguous()?, AddRow)
}

struct AddRow;

impl Kernel<2> for AddRow {
    #[inline(always)]
    fn run<T: Real>(&self, [x, b]: [&[T]; 2]) -> Vec<T> {
        let mut out = x.to_vec();
        for row in out.chunks_exact_mut(b.len().max(1)) {
            row.iter_mut().zip(b).for_each(|(x, b)| *x += *b);
        }
        out
    }
}

impl CustomOp2 for AddRow {
    fn name(&self) -> &'static str {
        "add row"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        b: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((run(self, [(x, lx), (b, lb)])?, lx.shape().clone()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        b: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let sums = gradient.contiguous()?.apply_op1_no_bwd(&ColumnSums { shape: b.shape().clone() })?;
        Ok((Some(gradient.clone()), Some(sums)))
    }
}

/// The sums of the columns of a matrix, in this shape.
struct ColumnSums {
    shape: Shape,
}

impl Kernel<1> for ColumnSums {
    #[inline(always)]
    fn run<T: Real>(&self, [x]: [&[T]; 1]) -> Vec<T> {
        let mut sums = vec![T::zero(); self.shape.elem_count()];
        for row in x.chunks_exact(sums.len().max(1)) {
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += *x);
        }
        sums
    }
}

impl CustomOp1 for ColumnSums {
    fn name(&self) -> &'static str {
        "column sums"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((run(self, [(x, layout)])?, self.shape.clone()))
    }
}
