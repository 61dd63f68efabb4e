//! The forward pass: the only one there is.

use super::artifact::Artifact;
use super::attention::{mask, masked_softmax};
use super::batch::{Batch, InputError, Tokenizer};
use super::config::{Activation, AttnScale, Config};
use super::decode::Decoded;
use super::site::{Hooks, NoHooks, Part, Site};
use crate::value::Value;
use crate::weights::{HeadWeights, LayerWeights, MlpWeights, Weights};
use candle_core::{DType, Device, Result, Tensor};
use ndarray::Array2;

/// A transformer on a device.
pub struct Transformer {
    config: Config,
    tokenizer: Tokenizer,
    device: Device,
    dtype: DType,
    w_e: Vec<Tensor>,
    w_pos: Tensor,
    layers: Vec<Layer>,
    w_u: Vec<Tensor>,
}

struct Layer {
    heads: Vec<Head>,
    mlp: Option<Mlp>,
}

struct Head {
    w_q: Tensor,
    w_k: Tensor,
    w_v: Tensor,
    w_o: Tensor,
}

struct Mlp {
    w_in: Tensor,
    b_in: Tensor,
    w_out: Tensor,
}

/// Why a run gives no outputs.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Input(#[from] InputError),
    /// The device or the library failed: out of memory, say.
    #[error(transparent)]
    Device(#[from] candle_core::Error),
}

impl Transformer {
    /// Puts parameters on a device. Their shapes must be those of the configuration.
    pub fn new(config: Config, weights: &Weights, device: &Device, dtype: DType) -> Result<Self> {
        let put = |matrix: &Array2<f32>| -> Result<Tensor> {
            let data: Vec<f32> = matrix.iter().copied().collect();
            Tensor::from_vec(data, matrix.dim(), device)?.to_dtype(dtype)
        };
        let head = |h: &HeadWeights| -> Result<Head> {
            Ok(Head { w_q: put(&h.w_q)?, w_k: put(&h.w_k)?, w_v: put(&h.w_v)?, w_o: put(&h.w_o)? })
        };
        let mlp = |m: &MlpWeights| -> Result<Mlp> {
            Ok(Mlp { w_in: put(&m.w_in)?, b_in: put(&m.b_in)?, w_out: put(&m.w_out)? })
        };
        let layer = |l: &LayerWeights| -> Result<Layer> {
            let heads = l.heads.iter().map(head).collect::<Result<_>>()?;
            Ok(Layer { heads, mlp: l.mlp.as_ref().map(mlp).transpose()? })
        };
        Ok(Self {
            tokenizer: Tokenizer::new(&config),
            w_e: weights.w_e.iter().map(put).collect::<Result<_>>()?,
            w_pos: put(&weights.w_pos)?,
            layers: weights.layers.iter().map(layer).collect::<Result<_>>()?,
            w_u: weights.w_u.iter().map(put).collect::<Result<_>>()?,
            config,
            device: device.clone(),
            dtype,
        })
    }

    /// The model of an artifact, in f32.
    pub fn from_artifact(artifact: &Artifact, device: &Device) -> Result<Self> {
        Self::with_dtype(artifact, device, DType::F32)
    }

    /// The model of an artifact, in f32 or f64.
    pub fn with_dtype(artifact: &Artifact, device: &Device, dtype: DType) -> Result<Self> {
        Self::new(artifact.manifest.config.clone(), &artifact.weights, device, dtype)
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The outputs of one input: one list of values per column → one list per output.
    pub fn run(&self, columns: &[Vec<Value>]) -> std::result::Result<Vec<Vec<Decoded>>, RunError> {
        Ok(self.run_all(&[columns])?.pop().unwrap_or_default())
    }

    /// [`Self::run`] with every site shown to `hooks` on the way.
    pub fn run_hooked(
        &self,
        columns: &[Vec<Value>],
        hooks: &mut dyn Hooks,
    ) -> std::result::Result<Vec<Vec<Decoded>>, RunError> {
        let batch = self.tokenizer.batch(&[columns], 0)?;
        let logits = self.forward(&batch, hooks)?;
        Ok(self.decode(&batch, &logits)?.pop().unwrap_or_default())
    }

    /// The outputs of several inputs, which run as one batch.
    pub fn run_all(&self, inputs: &[&[Vec<Value>]]) -> std::result::Result<Vec<Vec<Vec<Decoded>>>, RunError> {
        let batch = self.tokenizer.batch(inputs, 0)?;
        let logits = self.forward(&batch, &mut NoHooks)?;
        Ok(self.decode(&batch, &logits)?)
    }

    /// The outputs that logits mean: per sequence, per output, per position (BOS left out).
    pub fn decode(&self, batch: &Batch, logits: &[Tensor]) -> Result<Vec<Vec<Vec<Decoded>>>> {
        let bos = usize::from(self.config.bos);
        let mut decoded = vec![Vec::with_capacity(logits.len()); batch.lengths.len()];
        for (output, logits) in self.config.outputs.iter().zip(logits) {
            let width = output.decode.width().max(1);
            let flat = logits.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            for (b, &length) in batch.lengths.iter().enumerate() {
                let rows = flat[b * batch.seq * width..][bos * width..length * width].chunks(width);
                decoded[b].push(rows.map(|row| output.decode.decode(row)).collect());
            }
        }
        Ok(decoded)
    }

    /// Logits `[batch, seq, width]` of each output. `hooks` sees every site on the way.
    pub fn forward(&self, batch: &Batch, hooks: &mut dyn Hooks) -> Result<Vec<Tensor>> {
        let (n, seq) = (batch.lengths.len(), batch.seq);
        let mask = mask(&batch.lengths, seq, self.config.causal, &self.device)?;
        let mut embed = Tensor::zeros((n, seq, self.config.d_model), self.dtype, &self.device)?;
        for (w_e, tokens) in self.w_e.iter().zip(&batch.tokens) {
            let tokens = Tensor::from_slice(tokens, n * seq, &self.device)?;
            embed = (embed + w_e.index_select(&tokens, 0)?.reshape((n, seq, self.config.d_model))?)?;
        }
        let embed = hooks.at(Site::Embed, embed)?;
        let pos_embed = hooks.at(Site::PosEmbed, self.w_pos.narrow(0, 0, seq)?.unsqueeze(0)?)?;
        let mut resid = embed.broadcast_add(&pos_embed)?; // [batch, seq, d_model]
        for (l, layer) in self.layers.iter().enumerate() {
            resid = hooks.at(Site::ResidPre(l), resid)?;
            if !layer.heads.is_empty() {
                let out = self.attention(l, &layer.heads, &resid, &mask, hooks)?;
                resid = (resid + hooks.at(Site::AttnOut(l), out)?)?;
            }
            resid = hooks.at(Site::ResidMid(l), resid)?;
            if let Some(mlp) = &layer.mlp {
                let out = self.mlp(l, mlp, &resid, hooks)?;
                resid = (resid + hooks.at(Site::MlpOut(l), out)?)?;
            }
            resid = hooks.at(Site::ResidPost(l), resid)?;
        }
        self.w_u.iter().map(|w_u| times(&resid, w_u)).collect()
    }

    /// `Σ_h pattern_h (x w_v) w_o`, added up in the order of the heads.
    fn attention(
        &self,
        l: usize,
        heads: &[Head],
        x: &Tensor,
        mask: &Tensor,
        hooks: &mut dyn Hooks,
    ) -> Result<Tensor> {
        let mut scores = Vec::with_capacity(heads.len());
        for (h, head) in heads.iter().enumerate() {
            let q = hooks.at(Site::Head(l, h, Part::Q), times(x, &head.w_q)?)?;
            let k = hooks.at(Site::Head(l, h, Part::K), times(x, &head.w_k)?)?;
            scores.push(self.scores(&q, &k)?);
        }
        let scores = hooks.at(Site::AttnScores(l), Tensor::stack(&scores, 1)?)?; // [batch, head, query, key]
        let pattern = hooks.at(Site::Pattern(l), masked_softmax(&scores, mask)?)?;
        let mut out = x.zeros_like()?;
        for (h, head) in heads.iter().enumerate() {
            let pattern = pattern.narrow(1, h, 1)?.squeeze(1)?.contiguous()?; // [batch, query, key]
            let v = hooks.at(Site::Head(l, h, Part::V), times(x, &head.w_v)?)?;
            let z = hooks.at(Site::Head(l, h, Part::Z), pattern.matmul(&v)?)?; // [batch, query, d_value]
            out = (out + hooks.at(Site::Head(l, h, Part::Result), times(&z, &head.w_o)?)?)?;
        }
        Ok(out)
    }

    /// `q kᵀ`, scaled: `[batch, query, key]`.
    fn scores(&self, q: &Tensor, k: &Tensor) -> Result<Tensor> {
        let (n, seq, d_head) = q.dims3()?;
        if d_head == 0 {
            return Tensor::zeros((n, seq, seq), self.dtype, &self.device);
        }
        let scores = q.matmul(&k.transpose(1, 2)?.contiguous()?)?;
        match self.config.attn_scale {
            AttnScale::One => Ok(scores),
            AttnScale::SqrtDHead => scores / (d_head as f64).sqrt(),
        }
    }

    fn mlp(&self, l: usize, mlp: &Mlp, x: &Tensor, hooks: &mut dyn Hooks) -> Result<Tensor> {
        let pre = hooks.at(Site::MlpPre(l), times(x, &mlp.w_in)?.broadcast_add(&mlp.b_in)?)?;
        let post = match self.config.activation {
            Activation::Relu => pre.relu()?,
            Activation::Gelu => pre.gelu()?,
        };
        times(&hooks.at(Site::MlpPost(l), post)?, &mlp.w_out)
    }
}

/// `x w` for x `[batch, seq, n]` and w `[n, m]`.
fn times(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let (batch, seq, n) = x.dims3()?;
    x.reshape((batch * seq, n))?.matmul(w)?.reshape((batch, seq, w.dim(1)?))
}
