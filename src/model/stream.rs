//! What does the residual stream hold, after each half-layer of one run?

use super::decode::Decoded;
use super::site::{Recorder, Site};
use super::transformer::{RunError, Transformer};
use crate::value::Value;
use candle_core::{DType, Result, Tensor};
use std::collections::BTreeMap;

/// The residual stream and the attention patterns of a model on one input.
pub struct Stream {
    pub outputs: Vec<Vec<Decoded>>,
    /// `[half-layer][position][direction]`, the BOS position included; half-layers as in
    /// [`SlotInfo::live`](super::SlotInfo::live).
    pub residual: Vec<Vec<Vec<f64>>>,
    /// `[layer][head][query][key]`; no head where a layer has none.
    pub patterns: Vec<Vec<Vec<Vec<f64>>>>,
}

impl Stream {
    /// Runs a model on one input.
    pub fn record(model: &Transformer, input: &[Vec<Value>]) -> std::result::Result<Self, RunError> {
        let layers = 0..model.config().layers.len();
        let of_layer = |l| [Site::ResidMid(l), Site::ResidPost(l), Site::Pattern(l)];
        let wanted = [Site::Embed, Site::PosEmbed].into_iter().chain(layers.clone().flat_map(of_layer));
        let mut recorder = Recorder { wanted: wanted.collect(), seen: BTreeMap::new() };
        let outputs = model.run_hooked(input, &mut recorder)?;
        let Recorder { seen, .. } = recorder;
        let mut residual = Vec::new();
        if let (Some(embed), Some(pos)) = (seen.get(&Site::Embed), seen.get(&Site::PosEmbed)) {
            residual.push(matrix(&embed.broadcast_add(pos)?)?);
        }
        let mut patterns = Vec::new();
        for l in layers {
            for site in [Site::ResidMid(l), Site::ResidPost(l)] {
                residual.extend(seen.get(&site).map(matrix).transpose()?);
            }
            let pattern = seen.get(&Site::Pattern(l)).map(|p| p.squeeze(0)?.to_dtype(DType::F64)?.to_vec3());
            patterns.push(pattern.transpose()?.unwrap_or_default());
        }
        Ok(Self { outputs, residual, patterns })
    }
}

/// The only sequence of a batch of one.
fn matrix(tensor: &Tensor) -> Result<Vec<Vec<f64>>> {
    tensor.squeeze(0)?.to_dtype(DType::F64)?.to_vec2()
}

/// The name that TransformerLens gives the residual stream after a half-layer.
pub fn half_layer_name(half_layer: usize) -> String {
    let site = match half_layer {
        0 => Site::ResidPre(0),
        h if h % 2 == 1 => Site::ResidMid(h / 2),
        h => Site::ResidPost(h / 2 - 1),
    };
    site.to_string()
}
