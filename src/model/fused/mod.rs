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

/// What one operation does to numbers of one kind. `run` and all that it calls is to be
/// `#[inline(always)]`: it is compiled once for each width of instructions.
trait Kernel<const N: usize> {
    fn run<T: Real>(&self, inputs: [&[T]; N]) -> Vec<T>;
}

/// A kernel with its inputs.
struct Call<'c, K, T, const N: usize>(&'c K, [&'c [T]; N]);

impl<K: Kernel<N>, T: Real, const N: usize> pulp::WithSimd for Call<'_, K, T, N> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Vec<T> {
        self.0.run(self.1)
    }
}

/// Runs a kernel on what tensors hold; they must be contiguous.
fn run<const N: usize>(kernel: &impl Kernel<N>, inputs: [(&CpuStorage, &Layout); N]) -> Result<CpuStorage> {
    let widest = pulp::Arch::new();
    match inputs[0].0 {
        CpuStorage::F32(_) => Ok(CpuStorage::F32(widest.dispatch(Call(kernel, slices(inputs)?)))),
        CpuStorage::F64(_) => Ok(CpuStorage::F64(widest.dispatch(Call(kernel, slices(inputs)?)))),
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
