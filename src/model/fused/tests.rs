//! Fused operations beside their plain twins, in values and gradients.

use super::*;
use crate::model::Activation;
use crate::model::attention::{mask, masked_softmax};
use crate::model::norm::Norm;
use candle_core::{DType, Device, Var};

/// Numbers around 0, none of which is 0, of the size that networks have.
fn numbers(shape: &[usize], seed: usize) -> Var {
    let n = shape.iter().product();
    let entries: Vec<f64> = (0..n).map(|i| ((i * 71 + seed * 13) % 97) as f64 / 16.0 - 2.97).collect();
    Var::from_vec(entries, shape, &Device::Cpu).unwrap()
}

/// What a function gives and the gradients of a weighted sum of it, one behind the other.
fn everything(variables: &[Var], dtype: DType, f: &dyn Fn(&[Tensor]) -> Result<Tensor>) -> Vec<f64> {
    let inputs: Vec<Tensor> = variables.iter().map(|v| v.to_dtype(dtype).unwrap()).collect();
    let out = f(&inputs).unwrap();
    let weights = numbers(out.dims(), 5).to_dtype(dtype).unwrap();
    let gradients = (&out * weights).unwrap().sum_all().unwrap().backward().unwrap();
    let flat = |t: &Tensor| t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let gradients = variables.iter().flat_map(|v| flat(gradients.get(v).unwrap()));
    flat(&out).into_iter().chain(gradients).collect()
}

/// Both in f64 are nearly equal, and the fused one in f32 as nearly as f32 can be.
#[track_caller]
fn twins(
    variables: &[Var],
    fused: impl Fn(&[Tensor]) -> Result<Tensor>,
    plain: impl Fn(&[Tensor]) -> Result<Tensor>,
) {
    let expected = everything(variables, DType::F64, &plain);
    for (dtype, error) in [(DType::F64, 1e-12), (DType::F32, 1e-5)] {
        let found = everything(variables, dtype, &fused);
        assert_eq!(found.len(), expected.len());
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let near = (found - expected).abs() <= error * expected.abs().max(1.0);
            assert!(near, "{dtype:?}, entry {i}: {found} and not {expected}");
        }
    }
}

#[test]
fn softmax_has_a_plain_twin() {
    for (keys, causal, scale) in [(5, false, 1.0), (5, true, 0.5), (37, false, 0.3), (37, true, 1.0)] {
        let scores = numbers(&[2, 3, keys, keys], 1);
        let lengths = [keys, keys - 2];
        let seen = Seen { lengths: lengths.as_slice().into(), causal };
        let mask = mask(&lengths, keys, causal, &Device::Cpu).unwrap();
        twins(&[scores], |x| softmax(&x[0], &seen, scale), |x| masked_softmax(&(&x[0] * scale)?, &mask));
    }
}

#[test]
fn normalise_has_a_plain_twin() {
    for width in [6, 33] {
        let (x, w, b) = (numbers(&[2, 4, width], 1), numbers(&[1, width], 2), numbers(&[1, width], 3));
        let norm = |x: &[Tensor]| Norm { w: x[1].clone(), b: Some(x[2].clone()), eps: 1e-5 };
        twins(&[x, w, b], |x| norm(x).forward(&x[0]), |x| norm(x).plain(&x[0]));
    }
}

#[test]
fn activations_have_plain_twins() {
    for kind in [Activation::Relu, Activation::Gelu, Activation::GeluTanh] {
        let x = [numbers(&[3, 41], 1)];
        twins(&x, |x| activation(&x[0], kind), |x| activation::plain(&x[0], kind));
    }
}

#[test]
fn add_row_has_a_plain_twin() {
    let (x, row) = (numbers(&[2, 4, 7], 1), numbers(&[1, 7], 2));
    twins(&[x, row], |x| add_row(&x[0], &x[1]), |x| x[0].broadcast_add(&x[1]));
    let (x, rows) = (numbers(&[2, 4, 7], 1), numbers(&[1, 4, 7], 2));
    twins(&[x, rows], |x| add_row(&x[0], &x[1]), |x| x[0].broadcast_add(&x[1]));
}

#[test]
fn the_exponential_is_exact_where_it_must_be_and_near_elsewhere() {
    assert_eq!(
        (Real::e(0f32), Real::e(-0f32), Real::e(-104f32), Real::e(f32::NEG_INFINITY)),
        (1.0, 1.0, 0.0, 0.0)
    );
    assert!(Real::e(f32::NAN).is_nan());
    for i in -8_600..8_700 {
        let x = i as f32 / 100.0;
        let exact = f64::from(x).exp();
        assert!((f64::from(Real::e(x)) / exact - 1.0).abs() < 2.5e-7, "at {x}");
    }
    for i in -600..600 {
        let x = i as f32 / 100.0;
        assert!((f64::from(Real::phi(x)) - Real::phi(f64::from(x))).abs() < 4e-7, "at {x}");
    }
}

#[test]
fn other_kinds_of_numbers_are_refused() {
    let x = Tensor::zeros((2, 2), DType::F16, &Device::Cpu).unwrap();
    assert!(!runs(&x));
    assert!(add_row(&x, &x).is_err());
}
