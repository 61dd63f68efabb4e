//! The forward pass that shows every site. Where none is asked for, `fused` runs the same as one operation.

use super::artifact::Artifact;
use super::attention::{mask, masked_softmax};
use super::batch::{Batch, InputError, Tokenizer};
use super::config::{Activation, AttnScale, Config, HeadConfig, LayerConfig, OutputConfig, Positions};
use super::decode::Decoded;
use super::fused::{self, Engine, Objective, Pass, Ready};
use super::norm::Norm;
use super::parameters::{Layout, Variables};
use super::site::{Hooks, NoHooks, Part, Site};
use crate::value::Value;
use crate::weights::Weights;
use candle_core::{DType, Device, Error, Result, Tensor, Var};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A transformer on a device.
pub struct Transformer {
    shared: Arc<Shared>,
    dtype: DType,
    device: Device,
    /// All parameters; the tensors below are views of it, or it is a copy of them.
    flat: Tensor,
    /// The same for the whole pass as one operation, made when it is needed.
    ready: OnceLock<Ready>,
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
    engine: Arc<Engine>,
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
            Some(b) => product.broadcast_add(b),
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
    fn forward(&self, x: &Tensor, seen: &Tensor, mask: &Tensor, scale: AttnScale) -> Result<Tensor> {
        let (n, seq, _) = x.dims3()?;
        let split = |x: Tensor| {
            let width = x.dim(2)? / self.heads;
            x.reshape((n, seq, self.heads, width))?.transpose(1, 2)?.contiguous()
        };
        let q = split(self.q.forward(seen)?)?; // [batch, head, position, d_head]
        let k = split(self.k.forward(seen)?)?;
        let v = split(self.v.forward(x)?)?;
        let scores = (q.matmul(&k.t()?)? * scale.factor(q.dim(3)?))?;
        let pattern = masked_softmax(&scores, mask)?;
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
        let (tokenizer, layout) = (Tokenizer::new(&config), Layout::of(&config));
        let flat = layout.flatten(weights, dtype, device)?;
        let engine = Arc::new(Engine::of(&config, &layout));
        Self::assemble(Arc::new(Shared { config, tokenizer, layout, engine }), None, flat)
    }

    /// The same shape with other parameters, a flat vector by [`Layout`].
    pub fn with_parameters(&self, flat: &Tensor) -> Result<Self> {
        Self::assemble(self.shared.clone(), None, flat.clone())
    }

    /// [`Self::with_parameters`], copied into variables that gradients can be taken with respect to.
    pub fn learning(&self, flat: &Tensor) -> Result<(Self, Variables)> {
        let variables: Vec<Var> =
            self.layout().views(flat)?.iter().map(Var::from_tensor).collect::<Result<_>>()?;
        let tensors: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
        let rows = tensors.iter().map(Tensor::flatten_all).collect::<Result<Vec<_>>>()?;
        let model = Self::assemble(self.shared.clone(), Some(tensors), Tensor::cat(&rows, 0)?)?;
        Ok((model, Variables(variables)))
    }

    /// A model with these parameters: tensors in the order of the layout, or views of the flat vector.
    fn assemble(shared: Arc<Shared>, tensors: Option<Vec<Tensor>>, flat: Tensor) -> Result<Self> {
        let (config, device, dtype) = (&shared.config, flat.device(), flat.dtype());
        let tensors = tensors.map_or_else(|| shared.layout.views(&flat), Ok)?;
        let names = shared.layout.parameters.iter().map(|p| p.name.clone());
        let mut named = Named(names.zip(tensors).collect());
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
            Positions::Sinusoidal => {
                Tensor::from_vec(config.sinusoids(), (config.n_ctx, config.d_model), device)?
                    .to_dtype(dtype)?
            }
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
        let (device, ready) = (device.clone(), OnceLock::new());
        Ok(Self { w_e, w_pos, layers, norm, unembed, device, dtype, flat, ready, shared })
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
        batch.check(self.config())?;
        let bos = usize::from(self.config().bos);
        let mut decoded = vec![Vec::with_capacity(logits.len()); batch.lengths.len()];
        for (output, logits) in self.config().outputs.iter().zip(logits) {
            let width = output.decode.width();
            let shape = (batch.lengths.len(), batch.seq, width);
            if logits.dims3()? != shape {
                return Err(Error::Msg(format!(
                    "logits {:?} are not those of a batch {shape:?}",
                    logits.dims()
                )));
            }
            let flat = logits.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            for (b, &length) in batch.lengths.iter().enumerate() {
                let rows = flat[b * batch.seq * width..][bos.min(length) * width..length * width]
                    .chunks(width.max(1));
                decoded[b].push(rows.map(|row| output.decode.decode(row)).collect());
            }
        }
        Ok(decoded)
    }

    /// Logits `[batch, seq, width]` of each output. `hooks` sees every site on the way. An error if the batch
    /// was not made for this network.
    pub fn forward(&self, batch: &Batch, hooks: &mut dyn Hooks) -> Result<Vec<Tensor>> {
        batch.check(self.config())?;
        let (n, seq, config) = (batch.lengths.len(), batch.seq, self.config());
        if !hooks.wants_any() && fused::runs(&self.flat) {
            return self.whole(batch);
        }
        let mask = mask(&batch.lengths, seq, config.causal, &self.device)?;
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
            Positions::Learned | Positions::Sinusoidal => (embed.broadcast_add(&pos_embed)?, None),
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

    /// [`Self::forward`] as one operation.
    fn whole(&self, batch: &Batch) -> Result<Vec<Tensor>> {
        let engine = &self.shared.engine;
        let all = if self.flat.track_op() {
            self.flat.apply_op1(Pass { engine: engine.clone(), batch: batch.clone() })?
        } else {
            let ready = match self.ready.get() {
                Some(ready) => ready,
                None => {
                    let ready = engine.ready(&self.flat)?;
                    self.ready.get_or_init(|| ready)
                }
            };
            engine.logits(ready, batch)?
        };
        let (n, mut from) = (batch.lengths.len(), 0);
        let output = |output: &OutputConfig| {
            let width = output.decode.width();
            let len = n * batch.seq * width;
            from += len;
            all.narrow(0, from - len, len)?.reshape((n, batch.seq, width))
        };
        self.config().outputs.iter().map(output).collect()
    }

    /// The loss of a batch and its gradient `[n]` at parameters `[n]`, on the CPU; the parameters of
    /// this model do not matter.
    pub fn gradient(
        &self,
        flat: &Tensor,
        batch: &Batch,
        objective: &mut (impl Objective<f32> + Objective<f64>),
    ) -> Result<(f64, Tensor)> {
        batch.check(self.config())?;
        let (engine, n) = (&self.shared.engine, flat.dim(0)?);
        match flat.dtype() {
            DType::F64 => {
                let (loss, gradient) = engine.gradient::<f64>(&flat.to_vec1()?, batch, objective)?;
                Ok((loss, Tensor::from_vec(gradient, n, &Device::Cpu)?))
            }
            _ => {
                let (loss, gradient) = engine.gradient::<f32>(&flat.to_vec1()?, batch, objective)?;
                Ok((loss, Tensor::from_vec(gradient, n, &Device::Cpu)?))
            }
        }
    }

    /// `Σ_h pattern_h (x w_v) w_o`, added up in the order of the heads. Queries and keys read `x` and
    /// what stands `beside` it.
    fn attention(
        &self,
        l: usize,
        layer: &Layer,
        x: &Tensor,
        beside: Option<&Tensor>,
        mask: &Tensor,
        hooks: &mut dyn Hooks,
    ) -> Result<Tensor> {
        let seen = beside.map(|beside| x.broadcast_add(beside)).transpose()?;
        let seen = seen.as_ref().unwrap_or(x);
        if let Some(packed) = &layer.packed
            && !Site::of_heads(l, layer.heads.len()).any(|site| hooks.wants(site))
        {
            let out = packed.forward(x, seen, mask, self.config().attn_scale)?;
            return layer.b_o.as_ref().map_or(Ok(out.clone()), |b_o| out.broadcast_add(b_o));
        }
        let mut scores = Vec::with_capacity(layer.heads.len());
        for (h, head) in layer.heads.iter().enumerate() {
            let q = hooks.at(Site::Head(l, h, Part::Q), head.q.forward(seen)?)?;
            let k = hooks.at(Site::Head(l, h, Part::K), head.k.forward(seen)?)?;
            scores.push(self.scores(&q, &k)?);
        }
        let scores = hooks.at(Site::AttnScores(l), Tensor::stack(&scores, 1)?)?; // [batch, head, query, key]
        let pattern = hooks.at(Site::Pattern(l), masked_softmax(&scores, mask)?)?;
        let mut out = x.zeros_like()?;
        for (h, head) in layer.heads.iter().enumerate() {
            let pattern = pattern.narrow(1, h, 1)?.squeeze(1)?.contiguous()?; // [batch, query, key]
            let v = hooks.at(Site::Head(l, h, Part::V), head.v.forward(x)?)?;
            let z = hooks.at(Site::Head(l, h, Part::Z), pattern.matmul(&v)?)?; // [batch, query, d_value]
            out = (out + hooks.at(Site::Head(l, h, Part::Result), times(&z, &head.w_o)?)?)?;
        }
        match &layer.b_o {
            Some(b_o) => out.broadcast_add(b_o),
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
        let post = activated(&pre, self.config().activation)?;
        mlp.second.forward(&hooks.at(Site::MlpPost(l), post)?)
    }
}

fn normed(norm: Option<&Norm>, x: &Tensor) -> Result<Tensor> {
    norm.map_or_else(|| Ok(x.clone()), |norm| norm.forward(x))
}

/// What neurons make of their inputs. candle has GELUs of its own, whose gradients have six digits.
fn activated(x: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Relu => x.relu(),
        Activation::Gelu => (x * 0.5)? * ((x / std::f64::consts::SQRT_2)?.erf()? + 1.0)?,
        Activation::GeluTanh => {
            let y = (((x.powf(3.0)? * 0.044_715)? + x)? * (2.0 / std::f64::consts::PI).sqrt())?;
            (x * 0.5)? * (y.tanh()? + 1.0)?
        }
    }
}

/// `x w` for x `[batch, seq, n]` and w `[n, m]`.
fn times(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let (batch, seq, n) = x.dims3()?;
    x.reshape((batch * seq, n))?.matmul(w)?.reshape((batch, seq, w.dim(1)?))
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
