//! Weights with a fault, and inputs on which it shows.

use super::compiled::Compiled;
use ndarray::Array2;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use raspc::inputs::{Columns, Inputs};
use raspc::interp::Interpreter;
use raspc::model::Transformer;
use raspc::value::Value;
use raspc::verify::agrees;
use raspc::weights::Weights;

/// What a fault does to weights.
pub const FAULTS: [&str; 12] = [
    "an entry changed",
    "an entry off by one",
    "an entry off by one part in a million",
    "an entry that was zero",
    "a sign",
    "two rows swapped",
    "two columns swapped",
    "a halved scale",
    "a row gone",
    "an entry off by a part of it",
    "one token's embedding",
    "a threshold moved by one gap",
];

/// Every matrix of a model, to be changed.
pub fn matrices(weights: &mut Weights) -> Vec<&mut Array2<f32>> {
    let mut all: Vec<&mut Array2<f32>> = weights.w_e.iter_mut().collect();
    all.push(&mut weights.w_pos);
    for layer in &mut weights.layers {
        for head in &mut layer.heads {
            all.extend([&mut head.w_q, &mut head.w_k, &mut head.w_v, &mut head.w_o]);
        }
        if let Some(mlp) = &mut layer.mlp {
            all.extend([&mut mlp.w_in, &mut mlp.b_in, &mut mlp.w_out]);
        }
    }
    all.extend(weights.w_u.iter_mut());
    all
}

/// One fault in one matrix; its name.
pub fn break_one(weights: &mut Weights, rng: &mut ChaCha8Rng) -> &'static str {
    let fault = rng.random_range(0..FAULTS.len());
    match fault {
        10 => change_token(weights, rng),
        11 => move_threshold(weights, rng),
        _ => {
            let mut all = matrices(weights);
            all.retain(|m| !m.is_empty());
            let at = rng.random_range(0..all.len());
            break_matrix(all.swap_remove(at), fault, rng);
        }
    }
    FAULTS[fault]
}

fn break_matrix(matrix: &mut Array2<f32>, fault: usize, rng: &mut ChaCha8Rng) {
    let (rows, columns) = matrix.dim();
    let entries: Vec<(usize, usize)> =
        matrix.indexed_iter().filter(|(_, w)| (**w == 0.0) == (fault == 3)).map(|(at, _)| at).collect();
    let entry = if entries.is_empty() { (0, 0) } else { entries[rng.random_range(0..entries.len())] };
    let two = |n: usize, rng: &mut ChaCha8Rng| (rng.random_range(0..n), rng.random_range(0..n));
    match fault {
        0 => matrix[entry] = [0.0, 0.5, 1.0, 2.0, -1.0, 300.0][rng.random_range(0..6)],
        1 => matrix[entry] += if rng.random_bool(0.5) { 1.0 } else { -1.0 },
        2 => matrix[entry] *= 1.0 + 1e-6,
        3 => matrix[entry] = [1.0, -1.0, 256.0][rng.random_range(0..3)],
        4 => matrix[entry] = -matrix[entry],
        5 => {
            let (a, b) = two(rows, rng);
            (0..columns).for_each(|c| matrix.swap([a, c], [b, c]));
        }
        6 => {
            let (a, b) = two(columns, rng);
            (0..rows).for_each(|r| matrix.swap([r, a], [r, b]));
        }
        7 => matrix.mapv_inplace(|w| w / 2.0),
        8 => matrix.row_mut(entry.0).fill(0.0),
        _ => matrix[entry] *= 1.0 + rng.random_range(-0.5..0.5),
    }
}

/// One token stands for the next one.
fn change_token(weights: &mut Weights, rng: &mut ChaCha8Rng) {
    let column = rng.random_range(0..weights.w_e.len());
    let w_e = &mut weights.w_e[column];
    let token = rng.random_range(0..w_e.nrows());
    let next = w_e.row((token + 1) % w_e.nrows()).to_owned();
    w_e.row_mut(token).assign(&next);
}

/// Neurons that read the same are steps of one sum: a step takes its place beside itself.
fn move_threshold(weights: &mut Weights, rng: &mut ChaCha8Rng) {
    let mut mlps: Vec<_> = weights.layers.iter_mut().filter_map(|l| l.mlp.as_mut()).collect();
    if mlps.is_empty() {
        return;
    }
    let at = rng.random_range(0..mlps.len());
    let mlp = mlps.swap_remove(at);
    let neuron = rng.random_range(0..mlp.b_in.ncols());
    let alike = |other: &usize| mlp.w_in.column(*other) == mlp.w_in.column(neuron);
    let mut biases: Vec<f32> = (0..mlp.b_in.ncols()).filter(alike).map(|j| mlp.b_in[[0, j]]).collect();
    biases.sort_by(f32::total_cmp);
    biases.dedup();
    // A gap lies between the ramps of two steps: it is the greatest distance.
    let gap = biases.windows(2).map(|b| b[1] - b[0]).fold(0.0, f32::max).max(1.0);
    let moved = if rng.random_bool(0.5) { gap } else { -gap };
    let (own, ramp) = (mlp.b_in[[0, neuron]], 1.0);
    let both = |b: f32| (b - own).abs() <= ramp;
    let step: Vec<usize> = (0..mlp.b_in.ncols()).filter(alike).filter(|j| both(mlp.b_in[[0, *j]])).collect();
    step.into_iter().for_each(|j| mlp.b_in[[0, j]] += moved);
}

/// Every declared input on which a program has a value, and its outputs there.
pub fn meaning(compiled: &Compiled) -> Vec<(Columns, Vec<Vec<Value>>)> {
    let interpreter = Interpreter::new(&compiled.program);
    let inputs = Inputs::new(&compiled.program, &interpreter, Vec::new()).unwrap();
    inputs.all().filter_map(|input| Some((input.clone(), interpreter.outputs(&input).ok()?))).collect()
}

/// Those inputs on which a network does not give the outputs, in their order.
pub fn wrong_on<'m>(model: &Transformer, meaning: &'m [(Columns, Vec<Vec<Value>>)]) -> Vec<&'m Columns> {
    let outputs = &model.config().outputs;
    let batches = meaning.chunks(512).flat_map(|batch| {
        let inputs: Vec<&[Vec<Value>]> = batch.iter().map(|(input, _)| input.as_slice()).collect();
        batch.iter().zip(model.run_all(&inputs).unwrap())
    });
    let differs = |expected: &[Vec<Value>], found: &[Vec<_>]| {
        expected.iter().zip(found).zip(outputs).any(|((expected, found), output)| {
            expected.iter().zip(found).any(|(e, f)| !agrees(e, f, &output.decode))
        })
    };
    batches.filter(|((_, expected), found)| differs(expected, found)).map(|((input, _), _)| input).collect()
}
