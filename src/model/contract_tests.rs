//! Does the runtime's arithmetic keep the promises that exact weights rest on?
//!
//! Each test states one promise and runs on every device that there is. `fused::softmax` is what models run; its plain twin `masked_softmax` and candle's fused softmax are held to the same.

use super::attention::{mask, masked_softmax};
use super::fused;
use candle_core::{Device, Tensor};

/// The scores that rows of tests are built around: ordinary ones and very large ones, which a
/// conjunction of selectors over parabola codes reaches at length 500.
const LEVELS: [f32; 6] = [0.0, 128.0, 256.0, 1024.0, -3.0e7, 6.0e7];

/// Below this an f32 `exp` is exactly 0 (`e^-103.98` is half the least subnormal).
const VANISHES: f32 = -104.0;

/// The processor; and the first CUDA device, where raspc is built for one.
fn devices() -> Vec<Device> {
    let cuda = cfg!(feature = "cuda").then(|| Device::new_cuda(0).expect("a CUDA device"));
    [Device::Cpu].into_iter().chain(cuda).collect()
}

type Softmax = fn(&Tensor) -> Tensor;

fn softmaxes() -> [(&'static str, Softmax); 3] {
    let plain: Softmax = |scores| {
        let (rows, keys) = scores.dims2().unwrap();
        let everything = Tensor::ones((1, 1, rows, keys), candle_core::DType::U8, scores.device()).unwrap();
        let pattern = masked_softmax(&scores.reshape((1, 1, rows, keys)).unwrap(), &everything).unwrap();
        pattern.reshape((rows, keys)).unwrap()
    };
    let fused: Softmax = |scores| candle_nn::ops::softmax_last_dim(scores).unwrap();
    let own: Softmax = |scores| {
        let (rows, keys) = scores.dims2().unwrap();
        // There a row is a key.
        let mut pattern: Vec<f32> = scores.t().unwrap().flatten_all().unwrap().to_vec1().unwrap();
        fused::softmax(&mut pattern, rows, keys, false, 1.0);
        Tensor::from_vec(pattern, (keys, rows), scores.device()).unwrap().t().unwrap()
    };
    [("masked_softmax", plain), ("candle_nn::ops::softmax_last_dim", fused), ("fused::softmax", own)]
}

fn rows(tensor: &Tensor) -> Vec<Vec<f32>> {
    tensor.to_vec2::<f32>().unwrap()
}

#[test]
fn exp_of_zero_is_one_and_vanishes_from_minus_104() {
    for device in &devices() {
        // Many lengths, so that vectorised bodies and their scalar tails are both met.
        for n in (1..=70).chain([500, 513]) {
            let ones = Tensor::zeros(n, candle_core::DType::F32, device).unwrap().exp().unwrap();
            assert!(ones.to_vec1::<f32>().unwrap().iter().all(|&x| x.to_bits() == 1f32.to_bits()));
            let far: Vec<f32> = (0..n).map(|i| VANISHES - i as f32 * 1.0e5).collect();
            let zeros = Tensor::new(far, device).unwrap().exp().unwrap();
            assert!(zeros.to_vec1::<f32>().unwrap().iter().all(|&x| x.to_bits() == 0));
        }
        let hidden = Tensor::new(&[f32::NEG_INFINITY], device).unwrap().exp().unwrap();
        assert_eq!(hidden.to_vec1::<f32>().unwrap()[0].to_bits(), 0);
    }
}

#[test]
fn k_equal_keys_weigh_one_kth_each_for_k_to_600() {
    for device in &devices() {
        for (name, softmax) in softmaxes() {
            for k in 1..=600usize {
                let others = k % 7;
                let level = LEVELS[k % LEVELS.len()];
                // The unselected keys stand between the selected ones.
                let below = level + VANISHES - 24.0;
                let selected = |i: usize| others == 0 || i % 2 == 1 || i >= 2 * others;
                let scores: Vec<f32> =
                    (0..k + others).map(|i| if selected(i) { level } else { below }).collect();
                let count = (0..k + others).filter(|&i| selected(i)).count();
                let pattern = softmax(&Tensor::from_vec(scores, (1, k + others), device).unwrap());
                let share = 1.0 / count as f32;
                for (i, weight) in rows(&pattern)[0].iter().enumerate() {
                    let expected = if selected(i) { share } else { 0.0 };
                    assert_eq!(weight.to_bits(), expected.to_bits(), "{name}, {count} keys at {level}");
                }
            }
        }
    }
}

#[test]
fn masks_select_at_any_score() {
    for device in &devices() {
        for level in LEVELS {
            // Key 1 has the greatest score by far, and the mask hides it.
            let scores = Tensor::new(&[[[[level, level + 1.0e7, level, level - 1.0e5]]]], device).unwrap();
            let allowed = Tensor::new(&[[[[1u8, 0, 1, 1]]]], device).unwrap();
            let pattern = masked_softmax(&scores, &allowed).unwrap().flatten_all().unwrap();
            assert_eq!(pattern.to_vec1::<f32>().unwrap(), [0.5, 0.0, 0.5, 0.0], "scores around {level}");
        }
    }
}

#[test]
fn masks_hide_the_padding_and_in_causal_models_the_future() {
    for device in &devices() {
        let cells = |causal| mask(&[2, 3], 3, causal, device).unwrap().flatten_all().unwrap();
        let full = [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        assert_eq!(cells(false).to_vec1::<u8>().unwrap(), full);
        let causal = [1, 0, 0, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 1];
        assert_eq!(cells(true).to_vec1::<u8>().unwrap(), causal);
    }
}

#[test]
fn batch_and_padding_change_no_weight() {
    for device in &devices() {
        // A sequence of 5 keys, alone, and in a batch of 64 padded to 33 keys with greater scores.
        let (n, seq, batch) = (5usize, 33usize, 64usize);
        let score = |q: usize, k: usize| if (q * 3 + k * 5) % 4 < 2 { 256.0 } else { 0.0 } as f32;
        let alone: Vec<f32> = (0..n * n).map(|i| score(i / n, i % n)).collect();
        let alone = Tensor::from_vec(alone, (1, 1, n, n), device).unwrap();
        let alone = masked_softmax(&alone, &mask(&[n], n, false, device).unwrap()).unwrap();
        let padded = |q: usize, k: usize| if q < n && k < n { score(q, k) } else { 6.0e7 };
        let many: Vec<f32> = (0..batch * seq * seq).map(|i| padded(i / seq % seq, i % seq)).collect();
        let many = Tensor::from_vec(many, (batch, 1, seq, seq), device).unwrap();
        let lengths: Vec<usize> = (0..batch).map(|b| if b % 2 == 0 { n } else { seq }).collect();
        let many = masked_softmax(&many, &mask(&lengths, seq, false, device).unwrap()).unwrap();
        let alone = rows(&alone.reshape((n, n)).unwrap());
        for b in (0..batch).step_by(2) {
            for (q, row) in rows(&many.get(b).unwrap().squeeze(0).unwrap())[..n].iter().enumerate() {
                assert_eq!(row[..n], alone[q]);
                assert!(row[n..].iter().all(|w| w.to_bits() == 0), "padding was attended to");
            }
        }
    }
}

#[test]
fn products_of_dyadic_numbers_are_exact_in_every_order() {
    for device in &devices() {
        // One-hot times integers, and sums of multiples of one quantum below 2^24 quanta: whatever
        // blocks and fused multiply-adds the product uses, the result is the exact sum.
        for m in [1usize, 3, 17, 64, 257, 600] {
            let x: Vec<f32> = (0..4 * m).map(|i| ((i * 37 % 101) as f32 - 50.0) / 8.0).collect();
            let w: Vec<f32> = (0..m * 3).map(|i| ((i * 53 % 97) as f32 - 48.0) * 4.0).collect();
            let exact = |r: usize, c: usize| {
                (0..m).map(|i| f64::from(x[r * m + i]) * f64::from(w[i * 3 + c])).sum::<f64>() as f32
            };
            let a = Tensor::from_vec(x.clone(), (4, m), device).unwrap();
            let b = Tensor::from_vec(w.clone(), (m, 3), device).unwrap();
            for (r, row) in rows(&a.matmul(&b).unwrap()).iter().enumerate() {
                for (c, value) in row.iter().enumerate() {
                    assert_eq!(value.to_bits(), exact(r, c).to_bits(), "row {r}, column {c} of {m} terms");
                }
            }
        }
    }
}

#[test]
fn one_selected_key_hands_on_its_value_unchanged() {
    for device in &devices() {
        let n = 50;
        let values: Vec<f32> = (0..n).map(|i| 1.0 / (i as f32 + 3.0)).collect();
        let v = Tensor::from_vec(values.clone(), (n, 1), device).unwrap();
        for (name, softmax) in softmaxes() {
            let scores: Vec<f32> = (0..n * n).map(|i| if i / n == i % n { 256.0 } else { 0.0 }).collect();
            let scores = Tensor::from_vec(scores, (n, n), device).unwrap();
            let out = softmax(&scores).matmul(&v).unwrap().flatten_all().unwrap();
            assert_eq!(out.to_vec1::<f32>().unwrap(), values, "{name}");
        }
    }
}
