//! Which shape does a trained network have, compared with the compiled one?

use crate::model::check::{self, Defect};
use crate::model::{Activation, AttnScale, Biases, Config, HeadConfig, LayerConfig, NormConfig, Positions};
use serde::{Deserialize, Serialize};

/// What is to be other than in the compiled network of the program. Without a word, nothing is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shape {
    /// `d_model`, `d_head`, `d_value` and `d_mlp` are so many times as large.
    pub multiple: Option<usize>,
    /// The number of layers, all alike. Widths that are not said are the greatest of the compiled ones.
    pub layers: Option<usize>,
    pub heads: Option<usize>,
    pub d_model: Option<usize>,
    pub d_head: Option<usize>,
    pub d_mlp: Option<usize>,
    pub activation: Option<Activation>,
    pub attn_scale: Option<AttnScale>,
    pub positions: Option<Positions>,
    pub biases: Option<Biases>,
    /// The eps of LayerNorm before each half-layer and the unembedding.
    pub norm_eps: Option<f64>,
    pub tied: Option<bool>,
}

/// A shape that no network can have.
#[derive(Debug, thiserror::Error)]
pub enum ShapeError {
    #[error("model.{0} is 0")]
    Zero(&'static str),
    #[error("model asks for a network of about {0:.1e} parameters; at most {most:.1e} are trained", most = MOST as f64)]
    Large(f64),
    #[error("model.norm_eps is {0}, and must be a positive number")]
    Eps(f64),
    #[error("model.tied needs outputs with a logit for each token of the first column")]
    Tied,
    /// No file may hold such a network.
    #[error("model asks for a network that no file may hold: {0}")]
    Defect(Defect),
}

/// The most parameters, heads and layers of a network together, so that it fits into memory beside its
/// gradient and the moments of the optimiser.
const MOST: u32 = 1 << 28;

impl Shape {
    /// The shape that a compiled one becomes.
    pub fn of(&self, compiled: &Config) -> Result<Config, ShapeError> {
        let sizes = [
            ("multiple", self.multiple),
            ("heads", self.heads),
            ("d_model", self.d_model),
            ("d_head", self.d_head),
        ];
        if let Some((name, _)) = sizes.into_iter().find(|(_, size)| *size == Some(0)) {
            return Err(ShapeError::Zero(name));
        }
        if let Some(eps) = self.norm_eps.filter(|eps| !(*eps > 0.0 && eps.is_finite())) {
            return Err(ShapeError::Eps(eps));
        }
        let size = self.size(compiled);
        if size > f64::from(MOST) {
            return Err(ShapeError::Large(size));
        }
        let times = self.multiple.unwrap_or(1);
        let mut config = compiled.clone();
        config.d_model = self.d_model.unwrap_or(config.d_model * times);
        let wider = |layer: &LayerConfig| LayerConfig {
            heads: layer
                .heads
                .iter()
                .map(|h| HeadConfig { d_head: h.d_head * times, d_value: h.d_value * times })
                .collect(),
            d_mlp: layer.d_mlp * times,
        };
        config.layers = config.layers.iter().map(wider).collect();
        if self.layers.or(self.heads).or(self.d_head).or(self.d_mlp).is_some() {
            let layer = self.alike(&config);
            config.layers = vec![layer; self.layers.unwrap_or(config.layers.len())];
        }
        config.activation = self.activation.unwrap_or(config.activation);
        config.attn_scale = self.attn_scale.unwrap_or(config.attn_scale);
        config.positions = self.positions.unwrap_or(config.positions);
        config.biases = self.biases.unwrap_or(config.biases);
        config.tied = self.tied.unwrap_or(config.tied);
        let bias = config.biases == Biases::All;
        config.norm = self.norm_eps.map(|eps| NormConfig { eps, bias }).or(config.norm);
        let tokens = config.columns.first().map_or(0, |c| c.vocabulary.len());
        if config.tied && config.outputs.iter().any(|o| o.decode.width() != tokens) {
            return Err(ShapeError::Tied);
        }
        check::config(&config).map_err(ShapeError::Defect)?;
        Ok(config)
    }

    /// About how many parameters, heads and layers that is, without building it.
    fn size(&self, compiled: &Config) -> f64 {
        let most = |sizes: &mut dyn Iterator<Item = usize>| sizes.max().unwrap_or(0).max(1) as f64;
        let layers = || compiled.layers.iter();
        let heads = || layers().flat_map(|layer| &layer.heads);
        let times = self.multiple.unwrap_or(1) as f64;
        let or = |asked: Option<usize>, compiled: f64| asked.map_or(compiled, |n| n as f64);
        let d_model = or(self.d_model, compiled.d_model as f64 * times);
        let n_layers = or(self.layers, layers().count() as f64);
        let n_heads = or(self.heads, most(&mut layers().map(|layer| layer.heads.len())));
        let d_head = or(self.d_head, times * most(&mut heads().map(|head| head.d_head.max(head.d_value))));
        let d_mlp = or(self.d_mlp, times * most(&mut layers().map(|layer| layer.d_mlp)));
        let rows = compiled.columns.iter().map(|c| c.vocabulary.len()).sum::<usize>() + compiled.n_ctx;
        n_layers * (1.0 + n_heads * (1.0 + 4.0 * d_head * d_model) + 2.0 * d_mlp * d_model)
            + rows as f64 * d_model
    }

    /// One layer as large as the largest.
    fn alike(&self, config: &Config) -> LayerConfig {
        let heads = || config.layers.iter().flat_map(|l| &l.heads);
        let most = |sizes: &mut dyn Iterator<Item = usize>| sizes.max().unwrap_or(0);
        let n_heads = self.heads.unwrap_or_else(|| most(&mut config.layers.iter().map(|l| l.heads.len())));
        let d_head = self.d_head.unwrap_or_else(|| most(&mut heads().map(|h| h.d_head)).max(1));
        let d_value = self.d_head.unwrap_or_else(|| most(&mut heads().map(|h| h.d_value)).max(1));
        let d_mlp = self.d_mlp.unwrap_or_else(|| most(&mut config.layers.iter().map(|l| l.d_mlp)));
        LayerConfig { heads: vec![HeadConfig { d_head, d_value }; n_heads], d_mlp }
    }
}
