//! The whole pass beside its plain twin, over all that a configuration can say.

use super::product::{Band, Panels, View, multiply};
use super::*;
use crate::model::{
    Activation, AttnScale, Batch, Biases, Config, Hooks, Layout, NoHooks, NormConfig, Positions, Site,
    Transformer,
};
use candle_core::{DType, Device, Result, Tensor};
use proptest::prelude::*;

/// Asks for every site and changes none: the plain twin.
struct Everything;

impl Hooks for Everything {
    fn at(&mut self, _: Site, value: Tensor) -> Result<Tensor> {
        Ok(value)
    }
}

fn configs() -> impl Strategy<Value = Config> {
    let head = (0..5usize, 0..5usize).prop_map(|(q, v)| serde_json::json!({ "d_head": q, "d_value": v }));
    let alike = (head.clone(), 2..4usize).prop_map(|(head, n)| vec![head; n]);
    let heads = prop_oneof![prop::collection::vec(head, 0..3), alike];
    let layer = (heads, prop_oneof![Just(0usize), 1..60usize])
        .prop_map(|(heads, d_mlp)| serde_json::json!({ "heads": heads, "d_mlp": d_mlp }));
    let shape = (1..20usize, 1..5usize, prop::collection::vec(layer, 0..3), 1..3usize, any::<[bool; 3]>());
    let norm = prop::option::of(any::<bool>().prop_map(|bias| NormConfig { eps: 1e-3, bias }));
    let options = (
        norm,
        prop_oneof![Just(Positions::Learned), Just(Positions::Sinusoidal), Just(Positions::QueryKey)],
        prop_oneof![Just(Biases::None), Just(Biases::Neurons), Just(Biases::All)],
        prop_oneof![Just(Activation::Relu), Just(Activation::Gelu), Just(Activation::GeluTanh)],
        prop_oneof![Just(AttnScale::One), Just(AttnScale::SqrtDHead)],
    );
    (shape, options).prop_map(|((d_model, tokens, layers, columns, [bos, causal, tied]), options)| {
        let (norm, positions, biases, activation, attn_scale) = options;
        let values: Vec<usize> = (0..tokens).collect();
        let column = serde_json::json!({ "name": "tokens", "vocabulary": values });
        let class =
            serde_json::json!({ "name": "class", "decode": { "kind": "categorical", "values": values } });
        let number = serde_json::json!(
            { "name": "number", "decode": { "kind": "numeric", "values": [], "bound": 0 } });
        let outputs = if tied { vec![class.clone(), class] } else { vec![class, number] };
        let json = serde_json::json!({
            "d_model": d_model, "n_ctx": 10, "bos": bos, "causal": causal,
            "attn_scale": "one", "activation": "relu",
            "columns": vec![column; columns], "layers": layers, "outputs": outputs,
        });
        let config: Config = serde_json::from_value(json).unwrap();
        Config { norm, positions, biases, activation, attn_scale, tied, ..config }
    })
}

fn batches(config: &Config) -> impl Strategy<Value = Batch> + use<> {
    let (columns, known) = (config.columns.len(), config.columns[0].vocabulary.len() as u32);
    let tokens = known + u32::from(config.bos);
    (1..5usize, 1..=10usize).prop_flat_map(move |(n, seq)| {
        let lengths = prop::collection::vec(1..=seq, n);
        let column = prop::collection::vec(0..tokens, n * seq);
        (lengths, prop::collection::vec(column, columns)).prop_map(move |(lengths, tokens)| Batch {
            seq,
            lengths,
            tokens,
        })
    })
}

/// Logits, and the gradient of a weighted sum of them.
fn everything(config: &Config, batch: &Batch, dtype: DType, hooks: &mut dyn Hooks) -> [Vec<f64>; 2] {
    let layout = Layout::of(config);
    let entry = |i: usize| (i.wrapping_mul(2_654_435_761) >> 9) as f64 % 1_000.0 / 1_000.0 - 0.5;
    let flat: Vec<f64> = (0..layout.len()).map(entry).collect();
    let flat = Tensor::new(flat, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    let weights = layout.weights(config, &flat).unwrap();
    let model = Transformer::new(config.clone(), &weights, &Device::Cpu, dtype).unwrap();
    let (model, variables) = model.learning(&flat).unwrap();
    let logits: Vec<Tensor> =
        model.forward(batch, hooks).unwrap().iter().map(|x| x.flatten_all().unwrap()).collect();
    let logits = Tensor::cat(&logits, 0).unwrap();
    let weights: Vec<f64> = (0..logits.elem_count()).map(|i| (i * 5 % 13) as f64 / 13.0 - 0.4).collect();
    let weights = Tensor::new(weights, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    let gradient = variables.gradient(&(&logits * weights).unwrap().sum_all().unwrap()).unwrap();
    [logits, gradient].map(|x| x.to_dtype(DType::F64).unwrap().to_vec1().unwrap())
}

fn product<T: Real>(
    left: &[T],
    right: &[T],
    [m, k, n]: [usize; 3],
    transposed: [bool; 2],
    band: Band,
) -> Vec<T> {
    let view = |data, rows, columns, transposed| View {
        data,
        stride: if transposed { rows } else { columns },
        transposed,
    };
    let factors = (view(left, m, k, transposed[0]), view(right, k, n, transposed[1]));
    let mut out = vec![T::nan(); m * n];
    multiply(&mut Panels::default(), [m, k, n], factors, band, &mut out, n);
    out
}

proptest! {
    #[test]
    fn the_pass_has_a_plain_twin(
        (config, batch) in configs().prop_flat_map(|c| { let b = batches(&c); (Just(c), b) }),
    ) {
        let expected = everything(&config, &batch, DType::F64, &mut Everything);
        // What f32 loses is in proportion to the largest entry.
        for (dtype, error) in [(DType::F64, 1e-10), (DType::F32, 1e-4)] {
            let found = everything(&config, &batch, dtype, &mut NoHooks);
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert_eq!(found.len(), expected.len());
                let largest = expected.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
                for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
                    let near = (found - expected).abs() <= error * largest;
                    prop_assert!(near, "{dtype:?}, entry {i}: {found} and not {expected}");
                }
            }
        }
    }

    /// Every size of tile, and bands of triangular factors.
    #[test]
    fn products_are_those_of_the_definition(
        [m, k, n] in [0..40usize, 0..300usize, 0..110usize],
        transposed in any::<[bool; 2]>(),
        band in prop_oneof![
            Just(Band::All), Just(Band::Lower), Just(Band::LowerLeft), Just(Band::UpperLeft)
        ],
    ) {
        let matters = |i: usize, j: usize| match band {
            Band::All | Band::Lower => true,
            Band::LowerLeft => j <= i,
            Band::UpperLeft => j >= i,
        };
        let a = |i: usize, j: usize| f64::from(u8::from(matters(i, j))) * ((i * 5 + j * 3) % 7) as f64;
        let b = |i: usize, j: usize| ((i * 2 + j * 11) % 5) as f64 - 2.0;
        let stored = |rows: usize, columns: usize, f: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            (0..rows * columns).map(|at| f(at / columns, at % columns)).collect()
        };
        let left = if transposed[0] { stored(k, m, &|i, j| a(j, i)) } else { stored(m, k, &a) };
        let right = if transposed[1] { stored(n, k, &|i, j| b(j, i)) } else { stored(k, n, &b) };
        let cast = |x: &[f64]| x.iter().map(|x| *x as f32).collect::<Vec<_>>();
        let narrow = product::<f32>(&cast(&left), &cast(&right), [m, k, n], transposed, band);
        let out = product::<f64>(&left, &right, [m, k, n], transposed, band);
        for i in 0..m {
            for j in (0..n).filter(|j| band != Band::Lower || *j <= i) {
                let exact: f64 = (0..k).map(|x| a(i, x) * b(x, j)).sum();
                prop_assert_eq!((out[i * n + j], f64::from(narrow[i * n + j])), (exact, exact), "{} {}", i, j);
            }
        }
    }
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
        let (found, exact) = (Real::normal(x), Real::normal(f64::from(x)));
        let off = (f64::from(found.0) - exact.0).abs().max((f64::from(found.1) - exact.1).abs());
        assert!(off < 4e-7, "at {x}");
    }
}

#[test]
fn a_batch_of_another_network_is_refused() {
    let config = serde_json::json!({
        "d_model": 2, "n_ctx": 3, "bos": false, "causal": false, "attn_scale": "one", "activation": "relu",
        "columns": [{ "name": "tokens", "vocabulary": [0, 1] }], "layers": [], "outputs": [],
    });
    let config: Config = serde_json::from_value(config).unwrap();
    let layout = Layout::of(&config);
    let flat = Tensor::zeros(layout.len(), DType::F32, &Device::Cpu).unwrap();
    let weights = layout.weights(&config, &flat).unwrap();
    let model = Transformer::new(config, &weights, &Device::Cpu, DType::F32).unwrap();
    let batch = |seq, tokens| Batch { seq, lengths: vec![seq], tokens };
    assert!(model.forward(&batch(2, vec![vec![0, 1]]), &mut NoHooks).is_ok());
    for wrong in [
        batch(2, vec![vec![0, 2]]),
        batch(2, vec![vec![0]]),
        batch(2, vec![]),
        batch(4, vec![vec![0, 0, 0, 0]]),
    ] {
        assert!(model.forward(&wrong, &mut NoHooks).is_err(), "{wrong:?}");
    }
}
