//! The forward pass: the only one there is.

use super::artifact::Artifact;
use super::attention::Mask;
use super::batch::{Batch, InputError, Tokenizer};
use super::config::{AttnScale, Config, HeadConfig, LayerConfig, Positions};
use super::decode::Decoded;
use super::fused;
use super::norm::Norm;
use super::parameters::{Layout, Variables};
use super::site::{Hooks, NoHooks, Part, Site};
use crate::value::Value;
use crate::weights::Weights;
use candle_core::{DType, Device, Error, Result, Tensor, Var};
use ndarray::Array2;
use std::collections::HashMap;
use std::sync::Arc;

/// A transformer on a device.
pub struct Transformer {
    shared: Arc<Shared>,
    dtype: DType,
    device: Device,
    w_e: Vec<Tensor>,
    w_pos: Tensor,
    layers: Vec<Layer>,
    norm: Option<Norm>,
    unembed: Vec<Linear>,
}

/// What stays when the parameters change.
struct Shared {
    config: Config,
    tokenizer: Tokenizer,
    layout: Layout,
}

struct Layer {
    norm1: Option<Norm>,
    heads: Vec<Head>,
    packed: Option<Packed>,
    b_o: Option<Tensor>,
    norm2: Option<Norm>,
    mlp: Option<Mlp>,
}

struct Head {
    q: Linear,
    k: Linear,
    v: Linear,
    w_o: Tensor,
}

struct Mlp {
    first: Linear,
    second: Linear,
}

/// `x w + b`
struct Linear {
    w: Tensor,
    /// `[1, columns of w]`
    b: Option<Tensor>,
}

impl Linear {
    /// For x `[batch, seq, n]` and w `[n, m]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let product = times(x, &self.w)?;
        match &self.b {
            Some(b) => plus_row(&product, b),
            None => Ok(product),
        }
    }

    /// Several side by side: `x [w₁ w₂ …] + [b₁ b₂ …]`.
    fn beside<'l>(parts: impl Iterator<Item = &'l Self> + Clone) -> Result<Self> {
        let w = Tensor::cat(&parts.clone().map(|part| &part.w).collect::<Vec<_>>(), 1)?;
        let b: Vec<&Tensor> = parts.filter_map(|part| part.b.as_ref()).collect();
        Ok(Self { w, b: if b.is_empty() { None } else { Some(Tensor::cat(&b, 1)?) } })
    }
}

/// Heads of one size as wide matrices.
struct Packed {
    heads: usize,
    q: Linear,
    k: Linear,
    v: Linear,
    /// `[heads · d_value, d_model]`
    w_o: Tensor,
}

impl Packed {
    /// None if heads differ in size, or there is one at most.
    fn of(config: &LayerConfig, heads: &[Head]) -> Result<Option<Self>> {
        let sizes = |h: &HeadConfig| h.d_head > 0 && h.d_value > 0 && *h == config.heads[0];
        if heads.len() < 2 || !config.heads.iter().all(sizes) {
            return Ok(None);
        }
        Ok(Some(Self {
            heads: heads.len(),
            q: Linear::beside(heads.iter().map(|h| &h.q))?,
            k: Linear::beside(heads.iter().map(|h| &h.k))?,
            v: Linear::beside(heads.iter().map(|h| &h.v))?,
            w_o: Tensor::cat(&heads.iter().map(|h| &h.w_o).collect::<Vec<_>>(), 0)?,
        }))
    }

    /// All heads at once. Queries and keys read `seen`, values `x`.
    fn forward(&self, x: &Tensor, seen: &Tensor, mask: &Mask, scale: AttnScale) -> Result<Tensor> {
        let (n, seq, _) = x.dims3()?;
        let split = |x: Tensor| {
            let width = x.dim(2)? / self.heads;
            x.reshape((n, seq, self.heads, width))?.transpose(1, 2)?.contiguous()
        };
        let q = split(self.q.forward(seen)?)?; // [batch, head, position, d_head]
        let k = split(self.k.forward(seen)?)?;
        let v = split(self.v.forward(x)?)?;
        let pattern = mask.pattern(&q.matmul(&k.t()?)?, scale.factor(q.dim(3)?))?;
        let z = pattern.matmul(&v)?.transpose(1, 2)?.contiguous()?;
        times(&z.reshape((n, seq, ()))?, &self.w_o)
    }
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
    /// Puts parameters on a device. They must be those of the configuration.
    pub fn new(config: Config, weights: &Weights, device: &Device, dtype: DType) -> Result<Self> {
        let put = |(name, matrix): (String, &Array2<f32>)| -> Result<(String, Tensor)> {
            let data: Vec<f32> = matrix.iter().copied().collect();
            Ok((name, Tensor::from_vec(data, matrix.dim(), device)?.to_dtype(dtype)?))
        };
        let named = weights.named().into_iter().map(put).collect::<Result<_>>()?;
        let (tokenizer, layout) = (Tokenizer::new(&config), Layout::of(&config));
        Self::assemble(Arc::new(Shared { config, tokenizer, layout }), Named(named), device, dtype)
    }

    /// The same shape with other parameters, a flat vector by [`Layout`].
    pub fn with_parameters(&self, flat: &Tensor) -> Result<Self> {
        self.with(self.layout().views(flat)?, flat)
    }

    /// [`Self::with_parameters`], copied into variables that gradients can be taken with respect to.
    pub fn learning(&self, flat: &Tensor) -> Result<(Self, Variables)> {
        let variables: Vec<Var> =
            self.layout().views(flat)?.iter().map(Var::from_tensor).collect::<Result<_>>()?;
        let model = self.with(variables.iter().map(|v| v.as_tensor().clone()).collect(), flat)?;
        Ok((model, Variables(variables)))
    }

    fn with(&self, parameters: Vec<Tensor>, flat: &Tensor) -> Result<Self> {
        let names = self.layout().parameters.iter().map(|p| p.name.clone());
        let named = Named(names.zip(parameters).collect());
        Self::assemble(self.shared.clone(), named, flat.device(), flat.dtype())
    }

    fn assemble(shared: Arc<Shared>, mut named: Named, device: &Device, dtype: DType) -> Result<Self> {
        let config = &shared.config;
        let linear = |named: &mut Named, w: String, b: String| -> Result<Linear> {
            Ok(Linear { w: named.take(&w)?, b: named.maybe(&b) })
        };
        let norm = |named: &mut Named, name: &str| {
            let eps = config.norm?.eps;
            Some(Norm { w: named.maybe(&format!("{name}.w"))?, b: named.maybe(&format!("{name}.b")), eps })
        };
        let columns = 0..config.columns.len();
        let w_e = columns.map(|c| named.take(&format!("embed.{c}.w_e"))).collect::<Result<Vec<_>>>()?;
        let w_pos = match config.positions {
            Positions::Learned | Positions::QueryKey => named.take("pos_embed.w_pos")?,
            Positions::Sinusoidal => sinusoids(config.n_ctx, config.d_model, device)?.to_dtype(dtype)?,
        };
        let mut layers = Vec::new();
        for (l, layer) in config.layers.iter().enumerate() {
            let mut heads = Vec::new();
            for h in 0..layer.heads.len() {
                let mut part = |x: &str| {
                    let name = |kind: &str| format!("blocks.{l}.attn.{h}.{kind}_{x}");
                    linear(&mut named, name("w"), name("b"))
                };
                heads.push(Head { q: part("q")?, k: part("k")?, v: part("v")?, w_o: part("o")?.w });
            }
            let mlp = |x: &str| format!("blocks.{l}.mlp.{x}");
            let mlp = match layer.d_mlp {
                0 => None,
                _ => Some(Mlp {
                    first: linear(&mut named, mlp("w_in"), mlp("b_in"))?,
                    second: linear(&mut named, mlp("w_out"), mlp("b_out"))?,
                }),
            };
            layers.push(Layer {
                norm1: norm(&mut named, &format!("blocks.{l}.ln1")),
                packed: Packed::of(layer, &heads)?,
                heads,
                b_o: named.maybe(&format!("blocks.{l}.attn.b_o")),
                norm2: norm(&mut named, &format!("blocks.{l}.ln2")),
                mlp,
            });
        }
        let mut unembed = Vec::new();
        for (o, output) in config.outputs.iter().enumerate() {
            let b = named.maybe(&format!("unembed.{o}.b_u"));
            let w = match (config.tied, w_e.first()) {
                (true, Some(w_e)) => w_e.narrow(0, 0, output.decode.width())?.t()?,
                _ => named.take(&format!("unembed.{o}.w_u"))?,
            };
            unembed.push(Linear { w, b });
        }
        let norm = norm(&mut named, "ln_final");
        Ok(Self { w_e, w_pos, layers, norm, unembed, device: device.clone(), dtype, shared })
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
        &self.shared.config
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        &self.shared.tokenizer
    }

    /// Where each parameter lies in a flat vector.
    pub fn layout(&self) -> &Layout {
        &self.shared.layout
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    /// `w_e` of each column.
    pub(super) fn token_rows(&self) -> &[Tensor] {
        &self.w_e
    }

    /// `w_pos`
    pub(super) fn position_rows(&self) -> &Tensor {
        &self.w_pos
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
        let batch = self.tokenizer().batch(&[columns], 0)?;
        let logits = self.forward(&batch, hooks)?;
        Ok(self.decode(&batch, &logits)?.pop().unwrap_or_default())
    }

    /// The outputs of several inputs, which run as one batch.
    pub fn run_all(&self, inputs: &[&[Vec<Value>]]) -> std::result::Result<Vec<Vec<Vec<Decoded>>>, RunError> {
        let batch = self.tokenizer().batch(inputs, 0)?;
        let logits = self.forward(&batch, &mut NoHooks)?;
        Ok(self.decode(&batch, &logits)?)
    }

    /// The outputs that logits mean: per sequence, per output, per position (BOS left out).
    pub fn decode(&self, batch: &Batch, logits: &[Tensor]) -> Result<Vec<Vec<Vec<Decoded>>>> {
        let bos = usize::from(self.config().bos);
        let mut decoded = vec![Vec::with_capacity(logits.len()); batch.lengths.len()];
        for (output, logits) in self.config().outputs.iter().zip(logits) {
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
        let (n, seq, config) = (batch.lengths.len(), batch.seq, self.config());
        let mask = Mask::new(&batch.lengths, seq, config.causal, &self.device)?;
        let mut embed: Option<Tensor> = None;
        for (w_e, tokens) in self.w_e.iter().zip(&batch.tokens) {
            let tokens = Tensor::from_slice(tokens, n * seq, &self.device)?;
            let rows = w_e.index_select(&tokens, 0)?.reshape((n, seq, config.d_model))?;
            embed = Some(embed.map_or(Ok(rows.clone()), |embed| embed + rows)?);
        }
        let embed = embed.ok_or_else(|| Error::Msg("there is no input column".to_owned()))?;
        let embed = hooks.at(Site::Embed, embed)?;
        let pos_embed = hooks.at(Site::PosEmbed, self.w_pos.narrow(0, 0, seq)?.unsqueeze(0)?)?;
        let (mut resid, beside) = match config.positions {
            Positions::Learned | Positions::Sinusoidal => (plus_row(&embed, &pos_embed)?, None),
            Positions::QueryKey => (embed, Some(pos_embed)),
        }; // [batch, seq, d_model]
        for (l, layer) in self.layers.iter().enumerate() {
            resid = hooks.at(Site::ResidPre(l), resid)?;
            if !layer.heads.is_empty() {
                let x = normed(layer.norm1.as_ref(), &resid)?;
                let out = self.attention(l, layer, &x, beside.as_ref(), &mask, hooks)?;
                resid = (resid + hooks.at(Site::AttnOut(l), out)?)?;
            }
            resid = hooks.at(Site::ResidMid(l), resid)?;
            if let Some(mlp) = &layer.mlp {
                let out = self.mlp(l, mlp, &normed(layer.norm2.as_ref(), &resid)?, hooks)?;
                resid = (resid + hooks.at(Site::MlpOut(l), out)?)?;
            }
            resid = hooks.at(Site::ResidPost(l), resid)?;
        }
        let resid = normed(self.norm.as_ref(), &resid)?;
        self.unembed.iter().map(|unembed| unembed.forward(&resid)).collect()
    }

    /// `Σ_h pattern_h (x w_v) w_o`, added up in the order of the heads. Queries and keys read `x` and
    /// what stands `beside` it.
    fn attention(
        &self,
        l: usize,
        layer: &Layer,
        x: &Tensor,
        beside: Option<&Tensor>,
        mask: &Mask,
        hooks: &mut dyn Hooks,
    ) -> Result<Tensor> {
        let seen = beside.map(|beside| plus_row(x, beside)).transpose()?;
        let seen = seen.as_ref().unwrap_or(x);
        if let Some(packed) = &layer.packed
            && !Site::of_heads(l, layer.heads.len()).any(|site| hooks.wants(site))
        {
            let out = packed.forward(x, seen, mask, self.config().attn_scale)?;
            return layer.b_o.as_ref().map_or(Ok(out.clone()), |b_o| plus_row(&out, b_o));
        }
        let mut scores = Vec::with_capacity(layer.heads.len());
        for (h, head) in layer.heads.iter().enumerate() {
            let q = hooks.at(Site::Head(l, h, Part::Q), head.q.forward(seen)?)?;
            let k = hooks.at(Site::Head(l, h, Part::K), head.k.forward(seen)?)?;
            scores.push(self.scores(&q, &k)?);
        }
        let scores = hooks.at(Site::AttnScores(l), Tensor::stack(&scores, 1)?)?; // [batch, head, query, key]
        let pattern = hooks.at(Site::Pattern(l), mask.pattern(&scores, 1.0)?)?;
        let mut out = x.zeros_like()?;
        for (h, head) in layer.heads.iter().enumerate() {
            let pattern = pattern.narrow(1, h, 1)?.squeeze(1)?.contiguous()?; // [batch, query, key]
            let v = hooks.at(Site::Head(l, h, Part::V), head.v.forward(x)?)?;
            let z = hooks.at(Site::Head(l, h, Part::Z), pattern.matmul(&v)?)?; // [batch, query, d_value]
            out = (out + hooks.at(Site::Head(l, h, Part::Result), times(&z, &head.w_o)?)?)?;
        }
        match &layer.b_o {
            Some(b_o) => plus_row(&out, b_o),
            None => Ok(out),
        }
    }

    /// `q kᵀ`, scaled: `[batch, query, key]`.
    fn scores(&self, q: &Tensor, k: &Tensor) -> Result<Tensor> {
        let (n, seq, d_head) = q.dims3()?;
        if d_head == 0 {
            return Tensor::zeros((n, seq, seq), self.dtype, &self.device);
        }
        let scores = q.matmul(&k.transpose(1, 2)?.contiguous()?)?;
        match self.config().attn_scale {
            AttnScale::One => Ok(scores),
            scale @ AttnScale::SqrtDHead => scores * scale.factor(d_head),
        }
    }

    fn mlp(&self, l: usize, mlp: &Mlp, x: &Tensor, hooks: &mut dyn Hooks) -> Result<Tensor> {
        let pre = hooks.at(Site::MlpPre(l), mlp.first.forward(x)?)?;
        let post = fused::activation(&pre, self.config().activation)?;
        mlp.second.forward(&hooks.at(Site::MlpPost(l), post)?)
    }
}

fn normed(norm: Option<&Norm>, x: &Tensor) -> Result<Tensor> {
    norm.map_or_else(|| Ok(x.clone()), |norm| norm.forward(x))
}

/// `x + b`, where `b` is a row or a sequence of rows.
fn plus_row(x: &Tensor, b: &Tensor) -> Result<Tensor> {
    if fused::runs(x) { fused::add_row(x, b) } else { x.broadcast_add(b) }
}

/// `x w` for x `[batch, seq, n]` and w `[n, m]`.
fn times(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let (batch, seq, n) = x.dims3()?;
    x.reshape((batch * seq, n))?.matmul(w)?.reshape((batch, seq, w.dim(1)?))
}

/// `[n_ctx, d_model]`: row `i` has `sin(i / 10000^(2j/d))` and the cosine at `2j` and `2j + 1`.
fn sinusoids(n_ctx: usize, d_model: usize, device: &Device) -> Result<Tensor> {
    let entry = |i: usize, j: usize| {
        let angle = i as f64 / 10_000f64.powf((j / 2 * 2) as f64 / d_model as f64);
        if j.is_multiple_of(2) { angle.sin() } else { angle.cos() }
    };
    let entries: Vec<f64> = (0..n_ctx).flat_map(|i| (0..d_model).map(move |j| entry(i, j))).collect();
    Tensor::from_vec(entries, (n_ctx, d_model), device)
}

/// Tensors by name.
struct Named(HashMap<String, Tensor>);

impl Named {
    fn take(&mut self, name: &str) -> Result<Tensor> {
        self.maybe(name).ok_or_else(|| Error::Msg(format!("there is no parameter `{name}`")))
    }

    fn maybe(&mut self, name: &str) -> Option<Tensor> {
        self.0.remove(name)
    }
}
