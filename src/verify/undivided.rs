//! Networks whose scores are divided by a power of two, as networks whose scores are not divided.
//!
//! A head with `d_head` dimensions multiplies its scores by `s = 1/√d_head`. If `d_head` is a power of 4, `s`
//! is a power of two: multiplying by it is exact, and it does not matter whether it comes before or after
//! a rounding. So the network with `s w_q` in the place of `w_q` has the same scores, bit for bit, in any
//! order of summation; only numbers near 0 may be rounded once more, by less than the kernel allows for
//! ([`super::check`]). Otherwise `s` is rounded, and the product of each score with it too: no `w_q` gives these
//! scores, and a proof about one that nearly does would be about another network.

use super::open::{Open, Reason};
use crate::model::{Artifact, AttnScale};
use std::borrow::Cow;

/// The network with undivided scores that has the same scores, or what keeps it from being one.
pub(super) fn undivided(artifact: &Artifact) -> Result<Cow<'_, Artifact>, Open> {
    let scale = match artifact.manifest.config.attn_scale {
        AttnScale::One => return Ok(Cow::Borrowed(artifact)),
        scale @ AttnScale::SqrtDHead => scale,
    };
    let mut folded = artifact.clone();
    folded.manifest.config.attn_scale = AttnScale::One;
    for (l, layer) in folded.weights.layers.iter_mut().enumerate() {
        for head in &mut layer.heads {
            let d_head = head.w_q.ncols();
            let factor = scale.factor(d_head) as f32;
            head.w_q *= factor;
            let normal = |entry: &f32| *entry == 0.0 || entry.is_normal();
            let exact = d_head <= 1 || d_head.is_power_of_two() && d_head.trailing_zeros().is_multiple_of(2);
            if !exact || !head.w_q.iter().all(normal) {
                let (length, site) = (None, format!("blocks.{l}.attn"));
                return Err(Open { length, site, reason: Reason::Divided { d_head } });
            }
        }
    }
    Ok(Cow::Owned(folded))
}
