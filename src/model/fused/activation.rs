//! ReLU and both GELUs.

use super::real::Real;
use super::{Kernel, run};
use crate::model::Activation;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

/// What neurons make of their inputs.
pub(in crate::model) fn activation(x: &Tensor, activation: Activation) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Activate(activation))
}

struct Activate(Activation);

/// `tanh x`
#[inline(always)]
fn tanh<T: Real>(x: T) -> T {
    let one = T::one();
    one - T::of(2.0) / ((x + x).e() + one)
}

/// `√(2/π)`, and the factor of the cube.
const SLOPE: f64 = 0.797_884_560_802_865_4;
const CUBE: f64 = 0.044_715;

impl Kernel<1> for Activate {
    fn run<T: Real>(&self, [x]: [&[T]; 1]) -> Vec<T> {
        let (half, one) = (T::of(0.5), T::one());
        match self.0 {
            Activation::Relu => each([x], |[x]| if x > T::zero() { x } else { T::zero() }),
            Activation::Gelu => each([x], |[x]| x * x.phi()),
            Activation::GeluTanh => {
                each([x], |[x]| half * x * (one + tanh(T::of(SLOPE) * (x + T::of(CUBE) * x * x * x))))
            }
        }
    }
}

/// A function of each place.
#[inline(always)]
fn each<T: Real, const N: usize>(inputs: [&[T]; N], f: impl Fn([T; N]) -> T) -> Vec<T> {
    let mut out = vec![T::zero(); inputs[0].len()];
    // Of one known length, so that no place is looked up.
    let inputs = inputs.map(|input| &input[..out.len()]);
    pulp::Arch::new().dispatch(|| {
        for (i, out) in out.iter_mut().enumerate() {
            *out = f(inputs.map(|input| input[i]));
        }
    });
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
    fn run<T: Real>(&self, [x, gradient]: [&[T]; 2]) -> Vec<T> {
        let (half, one) = (T::of(0.5), T::one());
        // The density of the normal distribution at 0.
        let density = T::of(0.398_942_280_401_432_7);
        match self.0 {
            Activation::Relu => each([x, gradient], |[x, g]| if x > T::zero() { g } else { T::zero() }),
            Activation::Gelu => {
                each([x, gradient], |[x, g]| g * (x.phi() + x * density * (-half * x * x).e()))
            }
            Activation::GeluTanh => each([x, gradient], |[x, g]| {
                let (slope, cube) = (T::of(SLOPE), T::of(CUBE));
                let t = tanh(slope * (x + cube * x * x * x));
                let inner = slope * (one + T::of(3.0) * cube * x * x);
                g * half * (one + t + x * (one - t * t) * inner)
            }),
        }
    }
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
