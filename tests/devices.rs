//! Does a network compute the same on another device?
//!
//! A device is known here by its arithmetic alone: in which order and how many side by side it adds,
//! whether it fuses multiplication and addition, what its `exp` is worth, whether it flushes subnormal
//! numbers, and when attention divides. Exact weights may depend on none of it as long as the contract
//! of `src/model/attention.rs` holds. The forward pass below is a second one on purpose: it shares
//! nothing with the runtime but the weights and how logits are read.

use crate::common::compiled::{Compiled, compile, compile_for};
use crate::common::file::File;
use crate::common::number;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use raspc::inputs::{Columns, Inputs};
use raspc::interp::Interpreter;
use raspc::model::{Config, Decoded, Tokenizer};
use raspc::verify;
use raspc::weights::{HeadWeights, MlpWeights, Weights};

/// How a device calculates in f32.
struct Device {
    name: &'static str,
    /// So many partial sums side by side, which are then added pairwise: 32 for a warp of a GPU.
    lanes: usize,
    backwards: bool,
    fused: bool,
    /// Whether subnormal numbers become 0.
    flushes: bool,
    /// Whether attention adds up values first and divides by the sum of weights then, as kernels do
    /// that never hold a whole pattern.
    divides_last: bool,
    /// So many binary digits of a factor are lost in a product.
    loses: u32,
    exp: fn(f32) -> f32,
}

/// `eˣ` correctly rounded.
fn exact_exp(x: f32) -> f32 {
    f64::from(x).exp() as f32
}

/// `2^(x log₂ e)` with a rounded exponent, wrong by some |x| units in the last place: what fast
/// instructions of GPUs give.
fn fast_exp(x: f32) -> f32 {
    f64::from(x * std::f32::consts::LOG2_E).exp2() as f32
}

const PLAIN: Device = Device {
    name: "one after the other",
    lanes: 1,
    backwards: false,
    fused: false,
    flushes: false,
    divides_last: false,
    loses: 0,
    exp: exact_exp,
};

const DEVICES: [Device; 6] = [
    PLAIN,
    Device { name: "backwards", backwards: true, ..PLAIN },
    Device { name: "fused", fused: true, ..PLAIN },
    Device { name: "wide vectors", lanes: 16, fused: true, ..PLAIN },
    Device { name: "a warp", lanes: 32, fused: true, flushes: true, exp: fast_exp, ..PLAIN },
    Device { name: "division last", lanes: 8, fused: true, divides_last: true, exp: fast_exp, ..PLAIN },
];

/// What the contract excludes: factors of 11 binary digits, as GPUs use where they may.
const TF32: Device = Device { name: "TF32", loses: 13, ..PLAIN };

impl Device {
    fn kept(&self, x: f32) -> f32 {
        if self.flushes && x.is_subnormal() { 0.0 } else { x }
    }

    fn factor(&self, x: f32) -> f32 {
        f32::from_bits(x.to_bits() >> self.loses << self.loses)
    }

    /// `Σ aᵢ bᵢ`
    fn dot(&self, terms: impl DoubleEndedIterator<Item = (f32, f32)>) -> f32 {
        let mut lanes = vec![0.0f32; self.lanes];
        let mut add = |i: usize, (a, b): (f32, f32)| {
            let (a, b) = (self.factor(a), self.factor(b));
            let lane = &mut lanes[i % self.lanes];
            *lane = self.kept(if self.fused { a.mul_add(b, *lane) } else { *lane + self.kept(a * b) });
        };
        match self.backwards {
            true => terms.rev().enumerate().for_each(|(i, term)| add(i, term)),
            false => terms.enumerate().for_each(|(i, term)| add(i, term)),
        }
        while lanes.len() > 1 {
            lanes = lanes.chunks(2).map(|pair| self.kept(pair.iter().sum())).collect();
        }
        lanes[0]
    }

    /// `x w` for a row x.
    fn times(&self, x: &[f32], w: &ndarray::Array2<f32>) -> Vec<f32> {
        w.columns().into_iter().map(|column| self.dot(x.iter().copied().zip(column.to_vec()))).collect()
    }

    /// What a head adds at each position of x.
    fn head(&self, head: &HeadWeights, x: &[Vec<f32>], causal: bool) -> Vec<Vec<f32>> {
        let all = |w| x.iter().map(|row| self.times(row, w)).collect::<Vec<_>>();
        let (q, k, v) = (all(&head.w_q), all(&head.w_k), all(&head.w_v));
        let pairs = |a: &[f32], b: &[f32]| self.dot(a.iter().copied().zip(b.to_vec()));
        let query = |(i, q): (usize, &Vec<f32>)| {
            let seen = if causal { i + 1 } else { x.len() };
            let scores: Vec<f32> = k[..seen].iter().map(|k| pairs(q, k)).collect();
            let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let weights: Vec<f32> = scores.iter().map(|s| self.kept((self.exp)(s - greatest))).collect();
            let sum = self.dot(weights.iter().map(|w| (*w, 1.0)));
            let mean = |j: usize| match self.divides_last {
                true => self.dot(weights.iter().zip(&v).map(|(w, v)| (*w, v[j]))) / sum,
                false => self.dot(weights.iter().zip(&v).map(|(w, v)| (w / sum, v[j]))),
            };
            let z: Vec<f32> = (0..head.w_v.ncols()).map(mean).collect();
            self.times(&z, &head.w_o)
        };
        q.iter().enumerate().map(query).collect()
    }

    fn mlp(&self, mlp: &MlpWeights, x: &[f32]) -> Vec<f32> {
        let neurons = self.times(x, &mlp.w_in);
        let active = neurons.iter().zip(mlp.b_in.row(0)).map(|(n, b)| (n + b).max(0.0));
        self.times(&active.collect::<Vec<_>>(), &mlp.w_out)
    }

    /// The outputs for one input, as `Transformer::run` gives them.
    fn run(&self, config: &Config, weights: &Weights, input: &Columns) -> Vec<Vec<Decoded>> {
        let batch = Tokenizer::new(config).batch(&[input], 0).unwrap();
        let entry = |position: usize, j: usize| {
            let tokens = weights.w_e.iter().zip(&batch.tokens);
            let embedded = tokens.map(|(w_e, tokens)| w_e[[tokens[position] as usize, j]]);
            embedded.sum::<f32>() + weights.w_pos[[position, j]]
        };
        let row = |position| (0..config.d_model).map(|j| entry(position, j)).collect();
        let mut x: Vec<Vec<f32>> = (0..batch.seq).map(row).collect();
        let add = |x: &mut [f32], more: &[f32]| x.iter_mut().zip(more).for_each(|(x, m)| *x += m);
        for layer in &weights.layers {
            let heads: Vec<_> = layer.heads.iter().map(|head| self.head(head, &x, config.causal)).collect();
            for head in &heads {
                x.iter_mut().zip(head).for_each(|(x, more)| add(x, more));
            }
            if let Some(mlp) = &layer.mlp {
                for row in &mut x {
                    let more = self.mlp(mlp, row);
                    add(row, &more);
                }
            }
        }
        let first = usize::from(config.bos);
        let output = |(output, w_u): (&raspc::model::OutputConfig, _)| {
            x[first..].iter().map(|row| output.decode.decode(&self.times(row, w_u))).collect()
        };
        config.outputs.iter().zip(&weights.w_u).map(output).collect()
    }
}

/// Runs a program's examples and some random inputs on devices; says how many inputs those were, or
/// what came out wrong.
fn alike(name: &str, compiled: &Compiled, samples: usize, devices: &[Device]) -> Result<usize, String> {
    let Compiled { program, facts, artifact, .. } = compiled;
    let interpreter = Interpreter::new(program);
    let inputs = Inputs::new(program, &interpreter, verify::distinct_columns(program, facts)).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let random = (0..samples).filter_map(|_| inputs.sample(&mut rng));
    let examples = program.examples.iter().map(|example| example.inputs.clone());
    let config = &artifact.manifest.config;
    let mut ran = 0;
    for input in examples.chain(random) {
        // Where the program has no value, anything may come out.
        let Ok(expected) = interpreter.outputs(&input) else { continue };
        ran += 1;
        for device in devices {
            let found = device.run(config, &artifact.weights, &input);
            for ((expected, found), output) in expected.iter().zip(&found).zip(&config.outputs) {
                let right = |(e, f)| verify::agrees(e, f, &output.decode);
                if expected.len() != found.len() || !expected.iter().zip(found).all(right) {
                    let name = format!("{name} on {}", device.name);
                    return Err(format!("{name}: {found:?}, not {expected:?}, for {input:?}"));
                }
            }
        }
    }
    Ok(ran)
}

/// `RASPC_INPUTS=200` runs more than two hundred inputs of every program.
#[test]
fn devices_change_no_decoded_output() {
    let samples = number("RASPC_INPUTS", 4);
    let files = File::all();
    let (mut ran, mut noticed) = (0, 0);
    for file in &files {
        let compiled = compile(&file.text);
        ran += alike(&file.name, &compiled, samples, &DEVICES).unwrap();
        noticed += usize::from(alike(&file.name, &compiled, samples, &[TF32]).is_err());
    }
    println!("{} programs, {ran} inputs, {} devices; TF32 noticed by {noticed}", files.len(), DEVICES.len());
    assert!(ran >= files.len() * samples && noticed > 0, "{ran} inputs, {noticed} noticed TF32");
}

#[test]
fn devices_change_no_decoded_output_of_long_inputs() {
    let programs = [("histogram", "0..3"), ("sort", "0..5"), ("causal_fraction_previous", "{\"a\", \"b\"}")];
    for (name, tokens) in programs {
        let compiled = compile_for(&File::read(name).text, Some(tokens), "1..50");
        assert_eq!(alike(name, &compiled, 3, &DEVICES), Ok(3));
    }
}
