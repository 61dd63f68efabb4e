//! The whole pass beside its plain twin, over all that a configuration can say.

use super::product::{Band, Left, Product, Start, apart, pack, transpose};
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

/// How the left factor is given: by rows, by columns, packed from either.
#[derive(Clone, Copy, Debug)]
enum Given {
    Rows,
    Columns,
    PackedRows,
    PackedColumns,
}

/// A matrix by its entries, with rows that lie so far apart, and no numbers between them.
fn stored<T: Real>(rows: usize, columns: usize, apart: usize, f: impl Fn(usize, usize) -> f64) -> Vec<T> {
    let entry = |at: usize| if at % apart < columns { T::of(f(at / apart, at % apart)) } else { T::nan() };
    (0..rows * apart).map(entry).collect()
}

/// The product of two matrices by their entries.
fn product<T: Real>(
    a: &dyn Fn(usize, usize) -> f64,
    b: &dyn Fn(usize, usize) -> f64,
    [m, k, n]: [usize; 3],
    given: Given,
    band: Band,
) -> Vec<T> {
    let (rows, columns) = (stored(m, k, k.max(1), a), stored(k, m, m + 3, |i, j| a(j, i)));
    let (rows, columns) = (Left::Rows(&rows, k.max(1)), Left::Columns(&columns, m + 3));
    let packed: Vec<T>;
    let left = match given {
        Given::Rows => rows,
        Given::Columns => columns,
        Given::PackedRows | Given::PackedColumns => {
            packed = pack(if matches!(given, Given::PackedRows) { rows } else { columns }, m, k);
            Left::Tiles(&packed)
        }
    };
    let right = stored(k, n, apart(n), b);
    let (right, start, mut out) = ((&*right, apart(n)), Start::Zero, vec![T::nan(); m * n]);
    Product { m, k, n, left, right, start, band, out: &mut out, stride: n }.run();
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
        given in prop_oneof![
            Just(Given::Rows), Just(Given::Columns), Just(Given::PackedRows), Just(Given::PackedColumns)
        ],
        band in prop_oneof![
            Just(Band::All), Just(Band::Upper), Just(Band::UpperRight), Just(Band::LowerRight)
        ],
    ) {
        let matters = |i: usize, j: usize| match band {
            Band::All | Band::Upper => true,
            Band::UpperRight => i <= j,
            Band::LowerRight => i >= j,
        };
        let a = |i: usize, j: usize| ((i * 5 + j * 3) % 7) as f64;
        let b = |i: usize, j: usize| f64::from(u8::from(matters(i, j))) * (((i * 2 + j * 11) % 5) as f64 - 2.0);
        let narrow = product::<f32>(&a, &b, [m, k, n], given, band);
        let out = product::<f64>(&a, &b, [m, k, n], given, band);
        for i in 0..m {
            for j in (0..n).filter(|j| band != Band::Upper || i <= *j) {
                let exact: f64 = (0..k).map(|x| a(i, x) * b(x, j)).sum();
                prop_assert_eq!((out[i * n + j], f64::from(narrow[i * n + j])), (exact, exact), "{} {}", i, j);
            }
        }
    }

    /// All of a matrix, and what matters of a triangular one.
    #[test]
    fn what_is_transposed_is_the_same([rows, columns] in [0..70usize, 0..110usize], upper in any::<bool>()) {
        let from: Vec<f64> = stored(rows, columns, columns + 2, |i, j| (i * 1_000 + j) as f64);
        let mut to = vec![f64::NAN; columns * (rows + 1)];
        transpose((&from, columns + 2), (&mut to, rows + 1), rows, columns, upper);
        for i in 0..rows {
            for j in (0..columns).filter(|j| !upper || i <= *j) {
                prop_assert_eq!(to[j * (rows + 1) + i], (i * 1_000 + j) as f64);
            }
        }
    }
}

/// No number is read or written that is not there.
#[test]
#[should_panic(expected = "steps beyond a matrix")]
fn a_matrix_that_is_too_small_is_refused() {
    let (left, right, mut out) = ([1.0_f32; 8], [1.0_f32; 16], [0.0_f32; 16]);
    let (left, right, out) = (Left::Rows(&left, 2), (&right[..], 16), &mut out[..]);
    Product { m: 1, k: 2, n: 16, left, right, start: Start::Zero, band: Band::All, out, stride: 16 }.run();
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
        Batch { lengths: vec![3], ..batch(2, vec![vec![0, 1]]) },
        Batch { lengths: vec![0], ..batch(2, vec![vec![0, 1]]) },
    ] {
        assert!(model.forward(&wrong, &mut NoHooks).is_err(), "{wrong:?}");
        assert!(model.forward(&wrong, &mut Everything).is_err(), "{wrong:?}");
        assert!(model.decode(&wrong, &[]).is_err(), "{wrong:?}");
    }
}
