//! Networks of a shape that is asked for.
//!
//! What a program does not need is filled up with zeros: a direction that nobody writes, a head that hands
//! on nothing, a silent neuron. None of them changes a sum.

use super::place::MAX_PARAMETERS;
use super::{Layer, NeuronGroup, Plan, PlanError};
use crate::ir::Program;

/// What sizes a network is to have. Where none is asked for, it is as small as it comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    pub layers: Option<usize>,
    /// In each layer.
    pub heads: Option<usize>,
    pub d_model: Option<usize>,
    /// Neurons in each layer.
    pub d_mlp: Option<usize>,
}

impl Padding {
    pub const NONE: Self = Self { layers: None, heads: None, d_model: None, d_mlp: None };

    /// The flag of each size, and what is asked for.
    pub fn flags(self) -> [(&'static str, Option<usize>); 4] {
        let Self { layers, heads, d_model, d_mlp } = self;
        [("--layers", layers), ("--heads", heads), ("--d-model", d_model), ("--d-mlp", d_mlp)]
    }

    /// Whether a number of layers, or what is in one, is asked for: then all are alike.
    pub(super) fn is_of_layers(self) -> bool {
        self.layers.or(self.heads).or(self.d_mlp).is_some()
    }
}

impl Plan {
    /// Number of heads of the layer that has most.
    pub fn n_heads(&self) -> usize {
        let heads = self.layers.iter().map(|l| l.heads.len()).max().unwrap_or(0);
        heads.max(self.knobs.padding.heads.unwrap_or(0))
    }

    /// Number of neurons of the layer that has most.
    pub fn d_mlp(&self) -> usize {
        let neurons = |l: &Layer| l.neurons.iter().map(NeuronGroup::len).sum();
        let neurons = self.layers.iter().map(neurons).max().unwrap_or(0);
        neurons.max(self.knobs.padding.d_mlp.unwrap_or(0))
    }

    /// Number of columns of the widest head's queries, keys or values; 1 where that would be none.
    pub fn d_head(&self) -> usize {
        let bos = |head: &super::Head| usize::from(head.scores.bos.is_some());
        let values = |head: &super::Head| head.outputs.iter().map(|o| o.columns.len()).sum::<usize>();
        let heads = self.layers.iter().flat_map(|l| &l.heads);
        heads.map(|head| values(head).max(head.columns.len() + bos(head))).max().unwrap_or(0).max(1)
    }

    /// Whether all layers have as many heads and neurons, and all heads are as wide.
    pub fn is_uniform(&self) -> bool {
        self.knobs.uniform || self.knobs.padding.is_of_layers()
    }

    /// Gives the network the shape that the knobs ask for.
    pub(super) fn pad(&mut self, program: &Program) -> Result<(), PlanError> {
        let padding = self.knobs.padding;
        let at = || program.outputs[0].span.into();
        let has = [self.layers.len(), self.n_heads(), self.d_model, self.d_mlp()];
        let asked = padding.flags().into_iter().zip(has);
        if let Some(((flag, _), _)) =
            asked.into_iter().find(|((_, asked), has)| asked.is_some_and(|n| n < *has))
        {
            return Err(PlanError::TooSmall { at: at(), flag, has });
        }
        self.d_model = padding.d_model.unwrap_or(self.d_model);
        self.layers.resize_with(padding.layers.unwrap_or(self.layers.len()), Layer::default);
        let (parameters, limit) = (self.n_padded_params(), MAX_PARAMETERS);
        match program.outputs.is_empty() || parameters <= limit {
            true => Ok(()),
            false => Err(PlanError::TooManyParameters { at: at(), parameters, limit }),
        }
    }

    /// [`Self::n_params`] with what fills layers up.
    fn n_padded_params(&self) -> usize {
        if !self.is_uniform() {
            return self.n_params();
        }
        let embedding = Self { layers: Vec::new(), ..self.clone() }.n_params();
        let times = usize::saturating_mul;
        let heads = times(4 * self.d_head(), self.n_heads());
        let layer = times(heads, self.d_model).saturating_add(times(self.d_mlp(), 2 * self.d_model + 1));
        times(layer, self.layers.len()).saturating_add(embedding)
    }
}
