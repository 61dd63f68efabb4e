//! ReLU and both GELUs.

use super::real::Real;
use super::{Kernel, run};
use crate::model::Activation;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

/// What neurons make of their inputs.
pub(in crate::model) fn activation(x: &Tensor, activation: Activation) -> Result<Tensor> {
    if super::runs(x) { x.contiguous()?.apply_op1(Activate(activation)) } else { plain(x, activation) }
}

/// [`activation`] in candle's operations, but not its own GELUs: their gradients have six digits.
pub(super) fn plain(x: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Relu => x.relu(),
        Activation::Gelu => (x * 0.5)? * ((x / std::f64::consts::SQRT_2)?.erf()? + 1.0)?,
        Activation::GeluTanh => {
            let y = (((x.powf(3.0)? * CUBE)? + x)? * SLOPE)?;
            (x * 0.5)? * (y.tanh()? + 1.0)?
        }
    }
}

/// A function and its derivative.
trait Function {
    fn value<T: Real>(x: T) -> T;
    fn slope<T: Real>(x: T) -> T;
}

struct Relu;

impl Function for Relu {
    #[inline(always)]
    fn value<T: Real>(x: T) -> T {
        if x > T::zero() { x } else { T::zero() }
    }

    #[inline(always)]
    fn slope<T: Real>(x: T) -> T {
        if x > T::zero() { T::one() } else { T::zero() }
    }
}

/// `x Φ(x)`
struct Gelu;

impl Function for Gelu {
    #[inline(always)]
    fn value<T: Real>(x: T) -> T {
        x * x.phi()
    }

    /// `Φ(x) + x φ(x)`, with `φ(0) = 1/√(2π)`
    #[inline(always)]
    fn slope<T: Real>(x: T) -> T {
        x.phi() + x * T::of(0.398_942_280_401_432_7) * (T::of(-0.5) * x * x).e()
    }
}

/// `x (1 + t(x)) / 2` with `t(x) = tanh(√(2/π) (x + 0.044715 x³))`
struct GeluTanh;

/// `√(2/π)`, and the factor of the cube.
const SLOPE: f64 = 0.797_884_560_802_865_4;
const CUBE: f64 = 0.044_715;

/// `t(x)`, by `tanh y = 1 - 2/(e²ʸ + 1)`
#[inline(always)]
fn t<T: Real>(x: T) -> T {
    let y = T::of(SLOPE) * (x + T::of(CUBE) * x * x * x);
    T::one() - T::of(2.0) / ((y + y).e() + T::one())
}

impl Function for GeluTanh {
    #[inline(always)]
    fn value<T: Real>(x: T) -> T {
        T::of(0.5) * x * (T::one() + t(x))
    }

    /// `(1 + t + x (1 - t²) √(2/π) (1 + 3 · 0.044715 x²)) / 2`
    #[inline(always)]
    fn slope<T: Real>(x: T) -> T {
        let (one, t) = (T::one(), t(x));
        let inner = T::of(SLOPE) * (one + T::of(3.0 * CUBE) * x * x);
        T::of(0.5) * (one + t + x * (one - t * t) * inner)
    }
}

struct Activate(Activation);

impl Kernel<1> for Activate {
    #[inline(always)]
    fn run<T: Real>(&self, [x]: [&[T]; 1]) -> Vec<T> {
        match self.0 {
            Activation::Relu => values::<Relu, T>(x),
            Activation::Gelu => values::<Gelu, T>(x),
            Activation::GeluTanh => values::<GeluTanh, T>(x),
        }
    }
}

#[inline(always)]
fn values<F: Function, T: Real>(x: &[T]) -> Vec<T> {
    let mut out = vec![T::zero(); x.len()];
    for (out, x) in out.iter_mut().zip(x) {
        *out = F::value(*x);
    }
    out
}

impl CustomOp1 for Activate {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((run(self, [(x, layout)])?, layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(x.apply_op2_no_bwd(&gradient.contiguous()?, &Back(self.0))?))
    }
}

/// The gradient times the slope at `x`.
struct Back(Activation);

impl Kernel<2> for Back {
    #[inline(always)]
    fn run<T: Real>(&self, [x, gradient]: [&[T]; 2]) -> Vec<T> {
        match self.0 {
            Activation::Relu => slopes::<Relu, T>(x, gradient),
            Activation::Gelu => slopes::<Gelu, T>(x, gradient),
            Activation::GeluTanh => slopes::<GeluTanh, T>(x, gradient),
        }
    }
}

#[inline(always)]
fn slopes<F: Function, T: Real>(x: &[T], gradient: &[T]) -> Vec<T> {
    let mut out = vec![T::zero(); x.len()];
    for ((out, x), g) in out.iter_mut().zip(x).zip(gradient) {
        *out = *g * F::slope(*x);
    }
    out
}

impl CustomOp2 for Back {
    fn name(&self) -> &'static str {
        "activation backward"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        g: &CpuStorage,
        lg: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((run(self, [(x, lx), (g, lg)])?, lx.shape().clone()))
    }
}
