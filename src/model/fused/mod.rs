//! What dominates training, each as one pass over the numbers, with a backward pass written by hand.
//!
//! They run on the CPU, with the widest instructions that it has. Every one has a plain twin made of
//! candle's operations, which other devices run and which `tests.rs` compares it with.

mod activation;
mod add_row;
mod cross_entropy;
mod normalise;
mod real;
mod softmax;
#[cfg(test)]
mod tests;

pub use cross_entropy::cross_entropy;

pub(super) use activation::activation;
pub(super) use add_row::add_row;
pub(super) use normalise::normalise;
pub(super) use softmax::{Seen, softmax};

use candle_core::{CpuStorage, Error, Layout, Result, Tensor};
use real::Real;

/// Whether a tensor can be given to the functions here.
pub fn runs(x: &Tensor) -> bool {
    x.device().is_cpu() && matches!(x.dtype(), candle_core::DType::F32 | candle_core::DType::F64)
}

/// A kernel that reads slices of one kind of number and gives a vector of it.
trait Kernel<const N: usize> {
    fn run<T: Real>(&self, inputs: [&[T]; N]) -> Vec<T>;
}

/// Runs a kernel on what tensors hold; they must be contiguous.
fn run<const N: usize>(kernel: &impl Kernel<N>, inputs: [(&CpuStorage, &Layout); N]) -> Result<CpuStorage> {
    match inputs[0].0 {
        CpuStorage::F32(_) => Ok(CpuStorage::F32(kernel.run::<f32>(slices(inputs)?))),
        CpuStorage::F64(_) => Ok(CpuStorage::F64(kernel.run::<f64>(slices(inputs)?))),
        _ => Err(Error::Msg("a fused operation takes f32 or f64".to_owned())),
    }
}

fn slices<'s, T: Real, const N: usize>(inputs: [(&'s CpuStorage, &Layout); N]) -> Result<[&'s [T]; N]> {
    let mut slices = [&[][..]; N];
    for (slice, (storage, layout)) in slices.iter_mut().zip(inputs) {
        let (from, to) = layout
            .contiguous_offsets()
            .ok_or_else(|| Error::Msg("a fused operation takes contiguous tensors".to_owned()))?;
        *slice = &storage.as_slice::<T>()?[from..to];
    }
    Ok(slices)
}
