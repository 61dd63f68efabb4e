//! What does a network begin with?

use crate::model::{Config, Layout};
use candle_core::{DType, Device, Result, Tensor};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Random parameters, as a flat vector: embeddings from N(0, 1/d_model), matrices from N(0, 1/rows),
/// those that write to the residual stream divided by √(number of half-layers); norms are 1, biases
/// 0.
pub fn initial(config: &Config, layout: &Layout, seed: u64, dtype: DType, device: &Device) -> Result<Tensor> {
    let writers = |l: &crate::model::LayerConfig| usize::from(!l.heads.is_empty()) + usize::from(l.d_mlp > 0);
    let depth = config.layers.iter().map(writers).sum::<usize>().max(1) as f64;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut flat: Vec<f64> = Vec::with_capacity(layout.len());
    for parameter in &layout.parameters {
        let [rows, columns] = parameter.shape;
        let kind = parameter.name.rsplit('.').next().unwrap_or_default();
        let std = match kind {
            "w_e" | "w_pos" => (1.0 / columns.max(1) as f64).sqrt(),
            "w_o" | "w_out" => (1.0 / (rows.max(1) as f64 * depth)).sqrt(),
            _ => (1.0 / rows.max(1) as f64).sqrt(),
        };
        let mut normal = || std * <StandardNormal as Distribution<f64>>::sample(&StandardNormal, &mut rng);
        flat.extend((0..parameter.len()).map(|_| match (rows, kind) {
            (1, "w") => 1.0,
            (1, _) if kind.starts_with('b') => 0.0,
            _ => normal(),
        }));
    }
    Tensor::from_vec(flat, layout.len(), device)?.to_dtype(dtype)
}
