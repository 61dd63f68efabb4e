//! What does a gradient change?

use crate::model::{Layout, fused::Real};
use candle_core::{CpuStorage, Error, InplaceOp2, Layout as Strides, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// An optimiser and its numbers. `lr` is what the schedule multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimiserConfig {
    pub kind: Kind,
    pub lr: f64,
    /// Of matrices; biases and norms do not decay.
    pub weight_decay: f64,
    /// Of SGD.
    pub momentum: f64,
    /// Of Adam: the decay of the mean gradient and of its mean square.
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    /// The greatest norm of a gradient, longer ones are shortened; 0 for none.
    pub clip: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `m ← momentum m + g + weight_decay θ; θ ← θ - lr m`
    Sgd,
    /// `g ← g + weight_decay θ; m ← β₁m + (1-β₁)g; v ← β₂v + (1-β₂)g²;
    /// θ ← θ - lr/(1-β₁ᵗ) · m / (√(v/(1-β₂ᵗ)) + eps)`
    Adam,
    /// Adam without its `g + weight_decay θ`, after `θ ← (1 - lr weight_decay) θ`.
    #[default]
    AdamW,
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self {
            kind: Kind::AdamW,
            lr: 1e-3,
            weight_decay: 0.0,
            momentum: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            clip: 1.0,
        }
    }
}

/// Rows of the state: parameters θ, first moment m, second moment v.
pub const ROWS: usize = 3;

/// An optimiser of parameters that lie as a layout says.
#[derive(Clone, Debug)]
pub struct Optimiser {
    config: OptimiserConfig,
    /// Stretches of the flat vector, and whether they decay.
    stretches: Vec<(Range<usize>, bool)>,
}

impl Optimiser {
    pub fn new(config: OptimiserConfig, layout: &Layout) -> Self {
        let stretch = |p: &crate::model::Parameter| (p.offset..p.offset + p.len(), p.shape[0] > 1);
        Self { config, stretches: layout.parameters.iter().map(stretch).collect() }
    }

    /// Changes the state `[3, n]` by a gradient `[n]`, in place. `step` counts from 0. Returns the
    /// norm of the gradient.
    pub fn step(&self, state: &Tensor, gradient: &Tensor, factor: f64, step: usize) -> Result<f64> {
        let norm = gradient.sqr()?.sum_all()?.to_dtype(candle_core::DType::F64)?.to_scalar::<f64>()?.sqrt();
        let OptimiserConfig { lr, clip, .. } = self.config;
        let shorten = if clip > 0.0 { (clip / (norm + 1e-6)).min(1.0) } else { 1.0 };
        let update = Update { optimiser: self, lr: lr * factor, shorten, t: step as i32 + 1 };
        state.inplace_op2(&gradient.contiguous()?, &update)?;
        Ok(norm)
    }
}

/// One step with all its numbers.
struct Update<'o> {
    optimiser: &'o Optimiser,
    lr: f64,
    shorten: f64,
    t: i32,
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "optimiser step"
    }

    fn cpu_fwd(&self, state: &mut CpuStorage, s: &Strides, gradient: &CpuStorage, g: &Strides) -> Result<()> {
        let range = |strides: &Strides| {
            let offsets = strides.contiguous_offsets();
            offsets.map(|(from, to)| from..to).ok_or_else(|| Error::Msg("a state has gaps".to_owned()))
        };
        let (s, g) = (range(s)?, range(g)?);
        match (state, gradient) {
            (CpuStorage::F32(state), CpuStorage::F32(gradient)) => self.update(&mut state[s], &gradient[g]),
            (CpuStorage::F64(state), CpuStorage::F64(gradient)) => self.update(&mut state[s], &gradient[g]),
            _ => Err(Error::Msg("a state and its gradient have numbers of one kind, f32 or f64".to_owned())),
        }
    }
}

impl Update<'_> {
    fn update<T: Real>(&self, state: &mut [T], gradient: &[T]) -> Result<()> {
        let (theta, moments) = state.split_at_mut(gradient.len());
        let (m, v) = moments.split_at_mut(gradient.len());
        for (range, decays) in &self.optimiser.stretches {
            let [theta, m, v] = [&mut *theta, &mut *m, &mut *v].map(|row| &mut row[range.clone()]);
            let gradient = &gradient[range.clone()];
            pulp::Arch::new().dispatch(Stretch { update: self, theta, m, v, gradient, decays: *decays });
        }
        Ok(())
    }
}

/// A part of the flat vector.
struct Stretch<'s, T> {
    update: &'s Update<'s>,
    theta: &'s mut [T],
    m: &'s mut [T],
    v: &'s mut [T],
    gradient: &'s [T],
    decays: bool,
}

impl<T: Real> pulp::WithSimd for Stretch<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { update, theta, m, v, gradient, decays } = self;
        let real = T::of;
        let OptimiserConfig { kind, weight_decay, momentum, beta1, beta2, eps, .. } = update.optimiser.config;
        let decay = if decays { weight_decay } else { 0.0 };
        let shorten = real(update.shorten);
        let entries = theta.iter_mut().zip(m).zip(v).zip(gradient);
        if kind == Kind::Sgd {
            let (lr, decay, momentum) = (real(update.lr), real(decay), real(momentum));
            for (((theta, m), _), g) in entries {
                *m = momentum * *m + (*g * shorten + decay * *theta);
                *theta -= lr * *m;
            }
            return;
        }
        let (coupled, shrink) = match kind {
            Kind::AdamW => (real(0.0), real(1.0 - update.lr * decay)),
            Kind::Adam | Kind::Sgd => (real(decay), real(1.0)),
        };
        let rate = real(update.lr / (1.0 - beta1.powi(update.t)));
        let correction = real((1.0 - beta2.powi(update.t)).sqrt());
        let (b1, c1, b2, c2, eps) =
            (real(beta1), real(1.0 - beta1), real(beta2), real(1.0 - beta2), real(eps));
        for (((theta, m), v), g) in entries {
            let g = *g * shorten + coupled * *theta;
            *m = b1 * *m + c1 * g;
            *v = b2 * *v + c2 * g * g;
            *theta = *theta * shrink - rate * *m / (v.sqrt() / correction + eps);
        }
    }
}
