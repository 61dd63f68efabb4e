//! ReLU and both GELUs, with their derivatives.

use super::real::Real;
use super::wide::wide;
use crate::model::Activation;

wide! {
    /// `x ← f(x)`, and `slopes ← f'(x)` where they are asked for.
    fn activate<'x, T>(x: &'x mut [T], slopes: Option<&'x mut [T]>, activation: Activation) {
        match activation {
            Activation::Relu => each(x, slopes, relu),
            Activation::Gelu => each(x, slopes, gelu),
            Activation::GeluTanh => each(x, slopes, gelu_tanh),
        }
    }
}

/// `f` gives the value and the slope.
#[inline(always)]
fn each<T: Real>(x: &mut [T], slopes: Option<&mut [T]>, f: impl Fn(T) -> (T, T)) {
    match slopes {
        Some(slopes) => x.iter_mut().zip(slopes).for_each(|(x, slope)| (*x, *slope) = f(*x)),
        None => x.iter_mut().for_each(|x| *x = f(*x).0),
    }
}

#[inline(always)]
fn relu<T: Real>(x: T) -> (T, T) {
    if x > T::zero() { (x, T::one()) } else { (T::zero(), T::zero()) }
}

/// `x Φ(x)` and `Φ(x) + x φ(x)`
#[inline(always)]
fn gelu<T: Real>(x: T) -> (T, T) {
    let (phi, density) = x.normal();
    (x * phi, phi + x * density)
}

/// `√(2/π)`, and the factor of the cube.
const SLOPE: f64 = 0.797_884_560_802_865_4;
const CUBE: f64 = 0.044_715;

/// `x (1 + t) / 2` with `t = tanh y = 1 - 2/(e²ʸ + 1)`, `y = √(2/π) (x + 0.044715 x³)`, and
/// `(1 + t + x (1 - t²) y') / 2`
#[inline(always)]
fn gelu_tanh<T: Real>(x: T) -> (T, T) {
    let (one, half) = (T::one(), T::of(0.5));
    let y = T::of(SLOPE) * (x + T::of(CUBE) * x * x * x);
    let t = one - T::of(2.0) / ((y + y).e() + one);
    let dy = T::of(SLOPE) * (one + T::of(3.0 * CUBE) * x * x);
    (half * x * (one + t), half * (one + t + x * (one - t * t) * dy))
}
