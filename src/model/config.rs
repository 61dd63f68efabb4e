//! What shape does a transformer have, and how are its outputs read?

use super::json;
use crate::plan::{Plan, Read};
use crate::value::{Number, Value};
use crate::weights::Weights;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The shape of a transformer. Compiled programs are one family of shapes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub d_model: usize,
    /// Number of positions at most, BOS included.
    pub n_ctx: usize,
    /// Whether a BOS position stands before the first token.
    pub bos: bool,
    pub causal: bool,
    pub attn_scale: AttnScale,
    pub activation: Activation,
    /// Normalisation of what each half-layer and the unembedding read; compiled networks have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm: Option<NormConfig>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub positions: Positions,
    #[serde(default, skip_serializing_if = "is_default")]
    pub biases: Biases,
    /// Whether the unembedding is the transposed embedding of the first column.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tied: bool,
    pub columns: Vec<ColumnConfig>,
    pub layers: Vec<LayerConfig>,
    pub outputs: Vec<OutputConfig>,
}

/// What scores are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttnScale {
    /// 1. Exact models use it: `1/√d_head` is irrational unless `d_head` is a power of 4.
    One,
    /// `√d_head`
    SqrtDHead,
}

impl AttnScale {
    /// What scores of a head are multiplied by.
    pub fn factor(self, d_head: usize) -> f64 {
        match self {
            Self::One => 1.0,
            // Without dimensions all scores are 0, and stay so.
            Self::SqrtDHead => 1.0 / (d_head.max(1) as f64).sqrt(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`
    Relu,
    /// `x Φ(x)`, Φ being the distribution function of the normal distribution.
    Gelu,
    /// `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`, within 5e-4 of the exact one.
    GeluTanh,
}

/// LayerNorm: `(x - mean x) / √(var x + eps) · w + b` over the entries of a row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormConfig {
    pub eps: f64,
    /// Whether there is a `b`.
    pub bias: bool,
}

/// How a position makes itself known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Positions {
    /// A row of `w_pos` is added to the embedding.
    #[default]
    Learned,
    /// `sin(i / 10000^(2j/d))` and the cosine, alternating, are added to the embedding.
    Sinusoidal,
    /// A row of `w_pos` is added to what queries and keys are computed from, and to nothing else.
    QueryKey,
}

/// Which constants are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Biases {
    None,
    /// One per neuron, as compiled networks have them.
    #[default]
    Neurons,
    /// Also to queries, keys, values, what each half-layer adds, and logits.
    All,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An input column: token `i` is `vocabulary[i]`; one more token, the last, is BOS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnConfig {
    pub name: String,
    #[serde(with = "json::values")]
    pub vocabulary: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerConfig {
    pub heads: Vec<HeadConfig>,
    /// Number of neurons; none without an MLP.
    pub d_mlp: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    pub d_head: usize,
    pub d_value: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputConfig {
    pub name: String,
    pub decode: Decode,
}

/// How an output is read from its logits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decode {
    /// `values[argmax(logits)]`
    Categorical {
        #[serde(with = "json::values")]
        values: Vec<Value>,
    },
    /// The one logit is the number, give or take `bound`. The output is the nearest of `values`,
    /// or, if there are none, the logit itself.
    Numeric {
        #[serde(with = "json::values")]
        values: Vec<Value>,
        #[serde(with = "json::number")]
        bound: Number,
    },
}

impl Decode {
    /// Number of logits.
    pub fn width(&self) -> usize {
        match self {
            Self::Categorical { values } => values.len(),
            Self::Numeric { .. } => 1,
        }
    }

    /// How far off a number may be.
    pub fn bound(&self) -> Option<&Number> {
        match self {
            Self::Categorical { .. } => None,
            Self::Numeric { bound, .. } => Some(bound),
        }
    }
}

impl Config {
    /// The shape of a plan's network.
    pub fn of(plan: &Plan, weights: &Weights) -> Self {
        let column = |c: &crate::plan::Column| ColumnConfig {
            name: c.name.to_string(),
            vocabulary: c.vocabulary.clone(),
        };
        let layer = |l: &crate::weights::LayerWeights| LayerConfig {
            heads: l
                .heads
                .iter()
                .map(|h| HeadConfig { d_head: h.w_q.ncols(), d_value: h.w_v.ncols() })
                .collect(),
            d_mlp: l.mlp.as_ref().map_or(0, |m| m.w_in.ncols()),
        };
        let output = |o: &crate::plan::Output| OutputConfig {
            name: o.name.to_string(),
            decode: match &o.read {
                Read::Categorical { values, .. } => Decode::Categorical { values: values.clone() },
                Read::Numeric { values, bound, .. } => {
                    let bound = bound.clone();
                    let told_apart = super::decode::separated(values, &bound);
                    Decode::Numeric { values: if told_apart { values.to_vec() } else { Vec::new() }, bound }
                }
            },
        };
        Self {
            d_model: plan.d_model,
            n_ctx: plan.n_ctx(),
            bos: plan.bos,
            causal: plan.causal,
            attn_scale: AttnScale::One,
            activation: Activation::Relu,
            norm: None,
            positions: Positions::default(),
            biases: Biases::default(),
            tied: false,
            columns: plan.columns.iter().map(column).collect(),
            layers: weights.layers.iter().map(layer).collect(),
            outputs: plan.outputs.iter().map(output).collect(),
        }
    }

    /// The greatest length of an input.
    pub fn max_len(&self) -> usize {
        self.n_ctx.saturating_sub(usize::from(self.bos))
    }

    /// Sinusoidal positions `[n_ctx, d_model]`, row by row: row `i` has `sin(i / 10000^(2j/d))` and the
    /// cosine at `2j` and `2j + 1`.
    pub(super) fn sinusoids(&self) -> Vec<f64> {
        let d = self.d_model;
        let entry = |i: usize, j: usize| {
            let angle = i as f64 / 10_000f64.powf((j / 2 * 2) as f64 / d as f64);
            if j.is_multiple_of(2) { angle.sin() } else { angle.cos() }
        };
        (0..self.n_ctx).flat_map(|i| (0..d).map(move |j| entry(i, j))).collect()
    }

    /// The name and shape of every parameter, in the order of [`Weights::named`].
    pub fn shapes(&self) -> Vec<(String, [usize; 2])> {
        let d = self.d_model;
        let bos = usize::from(self.bos);
        let mut shapes = Vec::new();
        for (c, column) in self.columns.iter().enumerate() {
            shapes.push((format!("embed.{c}.w_e"), [column.vocabulary.len() + bos, d]));
        }
        if self.positions != Positions::Sinusoidal {
            shapes.push(("pos_embed.w_pos".to_owned(), [self.n_ctx, d]));
        }
        for (l, layer) in self.layers.iter().enumerate() {
            for (h, head) in layer.heads.iter().enumerate() {
                let name = |matrix: &str| format!("blocks.{l}.attn.{h}.{matrix}");
                shapes.push((name("w_q"), [d, head.d_head]));
                shapes.push((name("w_k"), [d, head.d_head]));
                shapes.push((name("w_v"), [d, head.d_value]));
                shapes.push((name("w_o"), [head.d_value, d]));
            }
            if layer.d_mlp > 0 {
                shapes.push((format!("blocks.{l}.mlp.w_in"), [d, layer.d_mlp]));
                if self.biases != Biases::None {
                    shapes.push((format!("blocks.{l}.mlp.b_in"), [1, layer.d_mlp]));
                }
                shapes.push((format!("blocks.{l}.mlp.w_out"), [layer.d_mlp, d]));
            }
        }
        for (o, output) in self.outputs.iter().enumerate().filter(|_| !self.tied) {
            shapes.push((format!("unembed.{o}.w_u"), [d, output.decode.width()]));
        }
        shapes.extend(self.more_shapes());
        shapes
    }

    /// The parameters that no compiled network has, sorted by name.
    fn more_shapes(&self) -> BTreeMap<String, [usize; 2]> {
        let d = self.d_model;
        let mut shapes = BTreeMap::new();
        let mut norm = |name: String| {
            if let Some(norm) = self.norm {
                shapes.extend(norm.bias.then(|| (format!("{name}.b"), [1, d])));
                shapes.insert(format!("{name}.w"), [1, d]);
            }
        };
        for (l, layer) in self.layers.iter().enumerate() {
            if !layer.heads.is_empty() {
                norm(format!("blocks.{l}.ln1"));
            }
            if layer.d_mlp > 0 {
                norm(format!("blocks.{l}.ln2"));
            }
        }
        norm("ln_final".to_owned());
        if self.biases != Biases::All {
            return shapes;
        }
        for (l, layer) in self.layers.iter().enumerate() {
            for (h, head) in layer.heads.iter().enumerate() {
                for (name, width) in [("b_q", head.d_head), ("b_k", head.d_head), ("b_v", head.d_value)] {
                    shapes.insert(format!("blocks.{l}.attn.{h}.{name}"), [1, width]);
                }
            }
            if !layer.heads.is_empty() {
                shapes.insert(format!("blocks.{l}.attn.b_o"), [1, d]);
            }
            if layer.d_mlp > 0 {
                shapes.insert(format!("blocks.{l}.mlp.b_out"), [1, d]);
            }
        }
        for (o, output) in self.outputs.iter().enumerate() {
            shapes.insert(format!("unembed.{o}.b_u"), [1, output.decode.width()]);
        }
        shapes
    }
}
