//! Which intermediate value of a run is meant?

use super::config::Config;
use candle_core::{Result, Tensor};
use std::fmt;

/// An intermediate value. Shapes: `b` batch, `s` sequence, `q` query, `k` key, `h` head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Site {
    /// The token embedding, summed over columns: `[b, s, d_model]`.
    Embed,
    /// `[1, s, d_model]`
    PosEmbed,
    /// The residual stream before a layer: `[b, s, d_model]`.
    ResidPre(usize),
    /// What one head of a layer does, heads being of different sizes.
    Head(usize, usize, Part),
    /// Scores before the mask: `[b, h, q, k]`.
    AttnScores(usize),
    /// The attention pattern: `[b, h, q, k]`.
    Pattern(usize),
    /// What all heads of a layer add to the residual stream: `[b, s, d_model]`.
    AttnOut(usize),
    /// The residual stream between attention and MLP.
    ResidMid(usize),
    /// Neurons before the activation: `[b, s, d_mlp]`.
    MlpPre(usize),
    /// Neurons after the activation: `[b, s, d_mlp]`.
    MlpPost(usize),
    /// What an MLP adds to the residual stream: `[b, s, d_model]`.
    MlpOut(usize),
    /// The residual stream after a layer.
    ResidPost(usize),
}

/// A value of one head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Queries: `[b, s, d_head]`.
    Q,
    /// Keys: `[b, s, d_head]`.
    K,
    /// Values: `[b, s, d_value]`.
    V,
    /// Means of the values: `[b, s, d_value]`.
    Z,
    /// What the head adds to the residual stream: `[b, s, d_model]`.
    Result,
}

impl Part {
    pub const ALL: [Self; 5] = [Self::Q, Self::K, Self::V, Self::Z, Self::Result];
}

impl Site {
    /// What lies between the input and the output of a layer's attention.
    pub(super) fn of_heads(l: usize, heads: usize) -> impl Iterator<Item = Self> {
        let of_head = move |h| Part::ALL.map(|part| Self::Head(l, h, part));
        (0..heads).flat_map(of_head).chain([Self::AttnScores(l), Self::Pattern(l)])
    }

    /// Every site of a model, in the order of a run.
    pub fn all(config: &Config) -> Vec<Self> {
        let mut all = vec![Self::Embed, Self::PosEmbed];
        for (l, layer) in config.layers.iter().enumerate() {
            all.push(Self::ResidPre(l));
            if !layer.heads.is_empty() {
                all.extend(Self::of_heads(l, layer.heads.len()));
                all.push(Self::AttnOut(l));
            }
            all.push(Self::ResidMid(l));
            if layer.d_mlp > 0 {
                all.extend([Self::MlpPre(l), Self::MlpPost(l), Self::MlpOut(l)]);
            }
            all.push(Self::ResidPost(l));
        }
        all
    }
}

/// The name that TransformerLens gives the site; sites of one head have its number before that.
impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embed => write!(f, "hook_embed"),
            Self::PosEmbed => write!(f, "hook_pos_embed"),
            Self::ResidPre(l) => write!(f, "blocks.{l}.hook_resid_pre"),
            Self::Head(l, h, part) => {
                let part = match part {
                    Part::Q => "q",
                    Part::K => "k",
                    Part::V => "v",
                    Part::Z => "z",
                    Part::Result => "result",
                };
                write!(f, "blocks.{l}.attn.{h}.hook_{part}")
            }
            Self::AttnScores(l) => write!(f, "blocks.{l}.attn.hook_attn_scores"),
            Self::Pattern(l) => write!(f, "blocks.{l}.attn.hook_pattern"),
            Self::AttnOut(l) => write!(f, "blocks.{l}.hook_attn_out"),
            Self::ResidMid(l) => write!(f, "blocks.{l}.hook_resid_mid"),
            Self::MlpPre(l) => write!(f, "blocks.{l}.mlp.hook_pre"),
            Self::MlpPost(l) => write!(f, "blocks.{l}.mlp.hook_post"),
            Self::MlpOut(l) => write!(f, "blocks.{l}.hook_mlp_out"),
            Self::ResidPost(l) => write!(f, "blocks.{l}.hook_resid_post"),
        }
    }
}

/// Something that sees every intermediate value of a run, and may put another in its place.
pub trait Hooks {
    /// Whether it asks for a site. Those that it does not ask for may never be computed.
    fn wants(&self, _: Site) -> bool {
        true
    }

    /// Whether it asks for any site. Where it does not, the whole pass runs as one operation.
    fn wants_any(&self) -> bool {
        true
    }

    /// What the run goes on with; of the same shape as `value`.
    fn at(&mut self, site: Site, value: Tensor) -> Result<Tensor>;
}

/// Sees nothing and changes nothing.
pub struct NoHooks;

impl Hooks for NoHooks {
    fn wants(&self, _: Site) -> bool {
        false
    }

    fn wants_any(&self) -> bool {
        false
    }

    fn at(&mut self, _: Site, value: Tensor) -> Result<Tensor> {
        Ok(value)
    }
}

/// Keeps the values of the sites that were asked for.
#[derive(Default)]
pub struct Recorder {
    pub wanted: Vec<Site>,
    pub seen: std::collections::BTreeMap<Site, Tensor>,
}

impl Hooks for Recorder {
    fn wants(&self, site: Site) -> bool {
        self.wanted.contains(&site)
    }

    fn at(&mut self, site: Site, value: Tensor) -> Result<Tensor> {
        if self.wanted.contains(&site) {
            self.seen.insert(site, value.clone());
        }
        Ok(value)
    }
}
