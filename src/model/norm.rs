//! LayerNorm.

use candle_core::{D, Result, Tensor};

/// The parameters of a norm.
pub(super) struct Norm {
    /// `[1, d_model]`
    pub(super) w: Tensor,
    /// `[1, d_model]`
    pub(super) b: Option<Tensor>,
    pub(super) eps: f64,
}

impl Norm {
    /// `(x - mean x) / √(var x + eps) · w + b`, row by row.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let variance = x.sqr()?.mean_keepdim(D::Minus1)?;
        let x = x.broadcast_div(&(variance + self.eps)?.sqrt()?)?.broadcast_mul(&self.w)?;
        match &self.b {
            Some(b) => x.broadcast_add(b),
            None => Ok(x),
        }
    }
}
