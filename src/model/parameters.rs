//! The parameters of a model as one flat vector: what gradients, optimisers and noise see.

use super::config::Config;
use crate::weights::{HeadWeights, LayerWeights, MlpWeights, Weights};
use candle_core::{DType, Device, Error, Result, Tensor, Var};
use ndarray::Array2;
use std::collections::BTreeMap;

/// Where each parameter lies in the flat vector: one behind the other, row by row, in the order of
/// [`Config::shapes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub parameters: Vec<Parameter>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Where its first entry lies.
    pub offset: usize,
}

impl Parameter {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Layout {
    pub fn of(config: &Config) -> Self {
        let mut offset = 0;
        let place = |(name, shape): (String, [usize; 2])| {
            let parameter = Parameter { name, shape, offset };
            offset += parameter.len();
            parameter
        };
        Self { parameters: config.shapes().into_iter().map(place).collect() }
    }

    /// Number of entries of the flat vector.
    pub fn len(&self) -> usize {
        self.parameters.last().map_or(0, |p| p.offset + p.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Weights of this layout as a flat vector.
    pub fn flatten(&self, weights: &Weights, dtype: DType, device: &Device) -> Result<Tensor> {
        let flat: Vec<f32> = weights.named().into_iter().flat_map(|(_, m)| m.iter().copied()).collect();
        Tensor::from_vec(flat, self.len(), device)?.to_dtype(dtype)
    }

    /// The parameters of a flat vector by name: views of it.
    pub(super) fn views(&self, flat: &Tensor) -> Result<Vec<Tensor>> {
        let view = |p: &Parameter| flat.narrow(0, p.offset, p.len())?.reshape((p.shape[0], p.shape[1]));
        self.parameters.iter().map(view).collect()
    }

    /// A flat vector of a configuration as weights, rounded to f32.
    pub fn weights(&self, config: &Config, flat: &Tensor) -> Result<Weights> {
        let flat = flat.to_dtype(DType::F32)?.to_vec1::<f32>()?;
        let matrix = |p: &Parameter| {
            let entries = flat.get(p.offset..p.offset + p.len()).unwrap_or_default().to_vec();
            Some((p.name.clone(), Array2::from_shape_vec(p.shape, entries).ok()?))
        };
        let named: Option<BTreeMap<_, _>> = self.parameters.iter().map(matrix).collect();
        let weights = named.and_then(|named| weights_of(config, named));
        weights.ok_or_else(|| Error::Msg("the parameters are not those of the configuration".to_owned()))
    }
}

/// Matrices by name as the weights of a configuration; none if one is missing.
pub(super) fn weights_of(config: &Config, mut named: BTreeMap<String, Array2<f32>>) -> Option<Weights> {
    let columns = 0..config.columns.len();
    let w_e = columns.map(|c| named.remove(&format!("embed.{c}.w_e"))).collect::<Option<_>>()?;
    let w_pos = named.remove("pos_embed.w_pos").unwrap_or_default();
    let mut layers = Vec::new();
    for (l, layer) in config.layers.iter().enumerate() {
        let mut heads = Vec::new();
        for h in 0..layer.heads.len() {
            let mut part = |matrix: &str| named.remove(&format!("blocks.{l}.attn.{h}.{matrix}"));
            heads.push(HeadWeights {
                w_q: part("w_q")?,
                w_k: part("w_k")?,
                w_v: part("w_v")?,
                w_o: part("w_o")?,
            });
        }
        let mut part = |matrix: &str| named.remove(&format!("blocks.{l}.mlp.{matrix}"));
        let mlp = match layer.d_mlp {
            0 => None,
            _ => Some(MlpWeights {
                w_in: part("w_in")?,
                b_in: part("b_in").unwrap_or_default(),
                w_out: part("w_out")?,
            }),
        };
        layers.push(LayerWeights { heads, mlp });
    }
    let w_u = (0..config.outputs.len()).filter_map(|o| named.remove(&format!("unembed.{o}.w_u"))).collect();
    Some(Weights { w_e, w_pos, layers, w_u, more: named })
}

/// The parameters of a model that learns.
pub struct Variables(pub(super) Vec<Var>);

impl Variables {
    /// The gradient of a number with respect to every parameter, as a flat vector. A parameter that
    /// it does not depend on has gradient 0.
    pub fn gradient(&self, of: &Tensor) -> Result<Tensor> {
        let gradients = of.backward()?;
        let flat = |var: &Var| match gradients.get(var) {
            Some(gradient) => gradient.flatten_all(),
            None => var.zeros_like()?.flatten_all(),
        };
        Tensor::cat(&self.0.iter().map(flat).collect::<Result<Vec<_>>>()?, 0)
    }
}
