//! What shape does a transformer have, and how are its outputs read?

use super::json;
use crate::plan::{Plan, Read};
use crate::value::{Number, Value};
use crate::weights::Weights;
use serde::{Deserialize, Serialize};

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    Relu,
    Gelu,
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
            columns: plan.columns.iter().map(column).collect(),
            layers: weights.layers.iter().map(layer).collect(),
            outputs: plan.outputs.iter().map(output).collect(),
        }
    }

    /// The greatest length of an input.
    pub fn max_len(&self) -> usize {
        self.n_ctx.saturating_sub(usize::from(self.bos))
    }

    /// The name and shape of every parameter, in the order of [`Weights::named`].
    pub fn shapes(&self) -> Vec<(String, [usize; 2])> {
        let d = self.d_model;
        let bos = usize::from(self.bos);
        let mut shapes = Vec::new();
        for (c, column) in self.columns.iter().enumerate() {
            shapes.push((format!("embed.{c}.w_e"), [column.vocabulary.len() + bos, d]));
        }
        shapes.push(("pos_embed.w_pos".to_owned(), [self.n_ctx, d]));
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
                shapes.push((format!("blocks.{l}.mlp.b_in"), [1, layer.d_mlp]));
                shapes.push((format!("blocks.{l}.mlp.w_out"), [layer.d_mlp, d]));
            }
        }
        for (o, output) in self.outputs.iter().enumerate() {
            shapes.push((format!("unembed.{o}.w_u"), [d, output.decode.width()]));
        }
        shapes
    }
}
