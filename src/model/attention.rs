//! How do scores become an attention pattern?
//!
//! Exact models rest on what this file promises (see [`masked_softmax`]); `contract_tests.rs`
//! holds it to that on every device.

use candle_core::{DType, Device, Result, Tensor};

/// The attention pattern: softmax over the keys that the mask allows.
///
/// Shapes: scores `[batch, head, query, key]`, mask `[batch, 1, query, key]` (u8, 1 = allowed)
/// → `[batch, head, query, key]`. Every query must be allowed at least one key.
///
/// Promise: a key that is masked, or scores at least 104 below the greatest score of its row,
/// gets exactly 0; `k` keys with the greatest score, and all others that far below, get
/// `fl(1/k)` each, at any batch and padding. The greatest score becomes `exp(0) = 1`, a sum of
/// ones is exact, and one correctly rounded division follows. Masked scores are replaced by
/// -inf: to add a large negative number would not do, since scores themselves reach 6e7.
pub fn masked_softmax(scores: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let hidden = Tensor::full(f32::NEG_INFINITY, (), scores.device())?
        .to_dtype(scores.dtype())?
        .broadcast_as(scores.shape())?;
    let scores = mask.broadcast_as(scores.shape())?.where_cond(scores, &hidden)?;
    candle_nn::ops::softmax(&scores, candle_core::D::Minus1)
}

/// Which keys each query may attend to: those inside its own sequence, and in a causal model
/// those not behind it. Queries in the padding keep the real keys, so that no row is empty.
///
/// `lengths` counts positions, the BOS position included; result `[batch, 1, seq, seq]`.
pub fn mask(lengths: &[usize], seq: usize, causal: bool, device: &Device) -> Result<Tensor> {
    let mut cells = Vec::with_capacity(lengths.len() * seq * seq);
    for &length in lengths {
        for q in 0..seq {
            cells.extend((0..seq).map(|k| u8::from(k < length && (k <= q || !causal))));
        }
    }
    Tensor::from_vec(cells, (lengths.len(), 1, seq, seq), device)?.to_dtype(DType::U8)
}
