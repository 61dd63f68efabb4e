//! The whole pass as candle sees it: an operation on the flat vector of parameters.

use super::network::Network;
use super::pass::Objective;
use super::real::Real;
use super::workspace::{Weights, Workspace};
use crate::model::{Batch, Config, Layout};
use candle_core::{
    CpuStorage, CustomOp1, DType, Device, Error, Layout as Strides, Result, Shape, Tensor, WithDType,
};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether the pass can run with these parameters.
pub(crate) fn runs(flat: &Tensor) -> bool {
    flat.device().is_cpu() && matches!(flat.dtype(), DType::F32 | DType::F64)
}

/// The passes of one shape, at any parameters, over batches that are checked ([`Batch::check`]).
pub(in crate::model) struct Engine {
    network: Network,
    f32: Mutex<Vec<Workspace<f32>>>,
    f64: Mutex<Vec<Workspace<f64>>>,
}

/// f32 or f64.
pub(in crate::model) trait Number: Real + WithDType {
    /// Workspaces that nobody uses.
    fn spare(engine: &Engine) -> &Mutex<Vec<Workspace<Self>>>;
}

impl Number for f32 {
    fn spare(engine: &Engine) -> &Mutex<Vec<Workspace<Self>>> {
        &engine.f32
    }
}

impl Number for f64 {
    fn spare(engine: &Engine) -> &Mutex<Vec<Workspace<Self>>> {
        &engine.f64
    }
}

/// Parameters that were made ready for forward passes.
pub(in crate::model) enum Ready {
    F32(Weights<f32>),
    F64(Weights<f64>),
}

impl Engine {
    pub(in crate::model) fn of(config: &Config, layout: &Layout) -> Self {
        Self { network: Network::of(config, layout), f32: Mutex::default(), f64: Mutex::default() }
    }

    pub(in crate::model) fn ready(&self, flat: &Tensor) -> Result<Ready> {
        Ok(match flat.dtype() {
            DType::F64 => Ready::F64(Weights::new(&self.network, &flat.to_vec1()?, false)),
            _ => Ready::F32(Weights::new(&self.network, &flat.to_vec1()?, false)),
        })
    }

    /// The logits of all outputs, one behind the other.
    pub(in crate::model) fn logits(&self, ready: &Ready, batch: &Batch) -> Result<Tensor> {
        match ready {
            Ready::F32(weights) => self.run(weights, batch),
            Ready::F64(weights) => self.run(weights, batch),
        }
    }

    fn run<T: Number>(&self, weights: &Weights<T>, batch: &Batch) -> Result<Tensor> {
        let logits = self.with_workspace(|workspace| workspace.logits(&self.network, weights, batch));
        let len = logits.len();
        Tensor::from_vec(logits, len, &Device::Cpu)
    }

    /// The loss of a batch and its gradient with respect to the flat vector.
    pub(in crate::model) fn gradient<T: Number>(
        &self,
        flat: &[T],
        batch: &Batch,
        objective: &mut impl Objective<T>,
    ) -> Result<(f64, Vec<T>)> {
        let weights = Weights::new(&self.network, flat, true);
        let mut gradient = vec![T::zero(); flat.len()];
        let loss = self.with_workspace(|workspace| {
            workspace.gradient(&self.network, &weights, batch, objective, &mut gradient)
        });
        Ok((loss, gradient))
    }

    fn with_workspace<T: Number, R>(&self, work: impl FnOnce(&mut Workspace<T>) -> R) -> R {
        let spare = || T::spare(self).lock().unwrap_or_else(PoisonError::into_inner);
        let mut workspace = spare().pop().unwrap_or_default();
        let result = work(&mut workspace);
        spare().push(workspace);
        result
    }
}

/// The pass over a batch, of parameters that gradients are wanted of.
pub(in crate::model) struct Pass {
    pub engine: Arc<Engine>,
    pub batch: Batch,
}

impl CustomOp1 for Pass {
    fn name(&self) -> &'static str {
        "transformer"
    }

    fn cpu_fwd(&self, flat: &CpuStorage, strides: &Strides) -> Result<(CpuStorage, Shape)> {
        fn run<T: Number>(pass: &Pass, flat: &[T]) -> Vec<T> {
            let weights = Weights::new(&pass.engine.network, flat, false);
            pass.engine
                .with_workspace(|workspace| workspace.logits(&pass.engine.network, &weights, &pass.batch))
        }
        let logits = match flat {
            CpuStorage::F32(flat) => CpuStorage::F32(run(self, contiguous(flat, strides)?)),
            CpuStorage::F64(flat) => CpuStorage::F64(run(self, contiguous(flat, strides)?)),
            _ => return Err(Error::Msg("a transformer has parameters in f32 or f64".to_owned())),
        };
        let widths = self.engine.network.unembed.iter().map(|unembed| unembed.w.columns);
        let len = self.batch.lengths.len() * self.batch.seq * widths.sum::<usize>();
        Ok((logits, len.into()))
    }

    /// The forward pass runs again: its intermediate values were not kept.
    fn bwd(&self, flat: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        fn run<T: Number>(pass: &Pass, flat: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
            let widths = pass.engine.network.unembed.iter().map(|unembed| unembed.w.columns).collect();
            let mut given =
                Given { gradient: &gradient.flatten_all()?.to_vec1::<T>()?, widths, batch: &pass.batch };
            let (_, gradient) = pass.engine.gradient(&flat.to_vec1::<T>()?, &pass.batch, &mut given)?;
            Ok(Some(Tensor::from_vec(gradient, flat.shape(), &Device::Cpu)?))
        }
        match flat.dtype() {
            DType::F64 => run::<f64>(self, flat, gradient),
            _ => run::<f32>(self, flat, gradient),
        }
    }
}

fn contiguous<'s, T>(storage: &'s [T], strides: &Strides) -> Result<&'s [T]> {
    let (from, to) = strides
        .contiguous_offsets()
        .ok_or_else(|| Error::Msg("the flat vector of parameters has gaps".to_owned()))?;
    Ok(&storage[from..to])
}

/// The gradient of something that candle computed from the logits.
struct Given<'g, T> {
    /// Of all outputs, one behind the other.
    gradient: &'g [T],
    widths: Vec<usize>,
    batch: &'g Batch,
}

impl<T: Real> Objective<T> for Given<'_, T> {
    fn part(&mut self, sequences: Range<usize>, logits: &mut [Vec<T>]) -> f64 {
        let positions = self.batch.lengths.len() * self.batch.seq;
        let (mut from, first) = (0, sequences.start * self.batch.seq);
        for (logits, width) in logits.iter_mut().zip(&self.widths) {
            let len = logits.len();
            logits.copy_from_slice(&self.gradient[from + first * width..][..len]);
            from += positions * width;
        }
        0.0
    }
}
