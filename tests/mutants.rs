//! The proof can say no: of weights with a fault that changes some output, none is called proved.
//!
//! 50 mutants by default; `RASPC_MUTANTS=1000` tries so many.

use crate::common::compiled::{Compiled, compile_for};
use crate::programs::File;
use candle_core::Device;
use ndarray::Array2;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use raspc::interp::Interpreter;
use raspc::model::{Artifact, Decoded, Transformer};
use raspc::verify::{self, Effort, Verdict, agrees, check};
use raspc::weights::Weights;
use std::collections::BTreeMap;

/// Programs, each over tokens and lengths that give at most 10,000 inputs.
const PROGRAMS: [(&str, Option<&str>, &str); 34] = [
    ("causal_detect_pattern_ab", None, "1..5"),
    ("causal_fraction_previous", Some("\"a\"..\"b\""), "1..6"),
    ("causal_shift_by_1", Some("\"a\"..\"c\""), "1..5"),
    ("causal_width", Some("\"a\"..\"b\""), "1..7"),
    ("count_less_frequent_2", Some("\"a\"..\"c\""), "1..5"),
    ("count_less_frequent_2_numerical", Some("\"a\"..\"b\""), "1..6"),
    ("detect_pattern_aba", Some("\"a\"..\"b\""), "1..6"),
    ("dominating_peak", Some("0..3"), "1..4"),
    ("double_histogram", Some("\"a\"..\"c\""), "1..5"),
    ("dyck1", None, "1..8"),
    ("dyck2", None, "1..4"),
    ("fraction_previous", Some("\"a\"..\"b\""), "1..7"),
    ("histogram", Some("\"a\"..\"c\""), "1..6"),
    ("length", Some("\"a\"..\"b\""), "1..8"),
    ("length_numerical", Some("\"a\"..\"b\""), "1..8"),
    ("most_frequent", Some("\"a\"..\"c\""), "1..4"),
    ("nary_muldiv", Some("1..4"), "1..4"),
    ("nary_sum", Some("1..4"), "1..4"),
    ("pair_balance", Some("{\"(\", \")\", \"a\"}"), "1..5"),
    ("palindrome", Some("\"a\"..\"c\""), "1..5"),
    ("peak", Some("0..3"), "1..5"),
    ("rank_sort", Some("\"a\"..\"c\""), "1..5"),
    ("reverse", Some("\"a\"..\"c\""), "1..6"),
    ("shift_by_2", Some("\"a\"..\"c\""), "1..5"),
    ("shuffle_dyck2", None, "1..5"),
    ("sort", Some("1..3"), "1..5"),
    ("sort_by_frequency", Some("\"a\"..\"c\""), "1..4"),
    ("sort_unique", Some("1..4"), "1..4"),
    ("triplets", Some("\"a\"..\"c\""), "1..5"),
    ("sql/average_rows", None, "1..2"),
    ("sql/count_distinct_cells", None, "2..4"),
    ("sql/join_bonus_rows", None, "1..2"),
    ("sql/order_by_cells", None, "2..4"),
    ("sql/where_between_cells", None, "2..4"),
];

const EVERYTHING: Effort = Effort { all_up_to: 10_000, samples: 0, seed: 0 };

/// What a fault does to one matrix.
const FAULTS: [&str; 10] = [
    "an entry changed",
    "an entry off by one",
    "an entry off by one part in a million",
    "an entry that was zero",
    "a sign",
    "two rows swapped",
    "two columns swapped",
    "a halved scale",
    "a row gone",
    "a threshold moved",
];

fn matrices(weights: &mut Weights) -> Vec<&mut Array2<f32>> {
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
    all.retain(|m| !m.is_empty());
    all
}

/// One fault in one matrix; its name.
pub fn break_one(weights: &mut Weights, rng: &mut ChaCha8Rng) -> &'static str {
    let fault = rng.random_range(0..FAULTS.len());
    let mut all = matrices(weights);
    let at = rng.random_range(0..all.len());
    let matrix = all.swap_remove(at);
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
    FAULTS[fault]
}

fn compiled() -> Vec<Compiled> {
    let compile = |(name, domain, lengths): &(&str, Option<&str>, &str)| {
        compile_for(&File::read(name).text, *domain, lengths)
    };
    PROGRAMS.iter().map(compile).collect()
}

#[test]
fn no_fault_that_changes_an_output_is_proved() {
    let wanted = std::env::var("RASPC_MUTANTS").ok().and_then(|n| n.parse().ok()).unwrap_or(50);
    let programs = compiled();
    for (compiled, (name, ..)) in programs.iter().zip(PROGRAMS) {
        check::prove(&compiled.program, &compiled.artifact).unwrap_or_else(|open| panic!("{name}: {open}"));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (mut wrong, mut proved) = (0, BTreeMap::new());
    for i in 0..wanted {
        let compiled = &programs[i % programs.len()];
        let mut weights = compiled.artifact.weights.clone();
        let fault = break_one(&mut weights, &mut rng);
        if weights == compiled.artifact.weights {
            continue;
        }
        let forged = Artifact::new(compiled.artifact.manifest.clone(), weights);
        let model = Transformer::from_artifact(&forged, &Device::Cpu).unwrap();
        let verdict = verify::compare(&compiled.program, &compiled.facts, &model, EVERYTHING, &mut |_| true);
        let proof = check::prove(&compiled.program, &forged);
        let name = PROGRAMS[i % programs.len()].0;
        match verdict.unwrap() {
            Verdict::Refuted(found) => {
                wrong += 1;
                assert!(proof.is_err(), "{name}, {fault}: proved, but wrong on {:?}", found.input);
                is_genuine(compiled, &model, &found);
            }
            Verdict::Enumerated { .. } => *proved.entry((fault, proof.is_ok())).or_insert(0) += 1,
            Verdict::Tested { .. } | Verdict::Undecided { .. } => {
                panic!("{name} has more inputs than are run, or none")
            }
        }
    }
    println!("{wrong} of {wanted} change an output; of the others, by fault and whether proved: {proved:?}");
    assert!(wrong * 10 >= wanted * 3, "only {wrong} of {wanted} mutants change an output");
}

/// Holds a counterexample to what it says: by the interpreter and by one run of the model.
fn is_genuine(compiled: &Compiled, model: &Transformer, found: &verify::Disagreement) {
    let expected = Interpreter::new(&compiled.program).outputs(&found.input).unwrap();
    assert_eq!(expected[found.output][found.position], found.expected);
    let decoded: &Decoded = &model.run(&found.input).unwrap()[found.output][found.position];
    assert!(!agrees(&found.expected, decoded, &model.config().outputs[found.output].decode));
}

/// What the manifest says of slots is a hint: those of another file, or wrong ones, make no wrong proof.
#[test]
fn wrong_hints_make_no_wrong_proof() {
    let programs = compiled();
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut open = 0;
    for (i, compiled) in programs.iter().enumerate() {
        let slots = compiled.artifact.manifest.slots.len();
        for attempt in 0..4 {
            let mut forged = compiled.artifact.clone();
            match attempt {
                0 => {
                    let other = &programs[(i + 1) % programs.len()].artifact.manifest;
                    forged.manifest.slots.clone_from(&other.slots);
                }
                1 => forged.manifest.slots.clear(),
                _ => {
                    let (a, b) = (rng.random_range(0..slots), rng.random_range(0..slots));
                    let other = forged.manifest.slots[b].holds.clone();
                    forged.manifest.slots[a].holds = other;
                }
            }
            // The weights are right, so either answer is; with wrong weights only one is.
            open += usize::from(check::prove(&compiled.program, &forged).is_err());
            forged.weights.w_u[0].fill(0.0);
            if forged.weights.w_u[0] != compiled.artifact.weights.w_u[0] {
                let constant = compiled.artifact.manifest.config.outputs[0].decode.width() == 1;
                let proof = check::prove(&compiled.program, &forged);
                assert!(constant || proof.is_err(), "{}", PROGRAMS[i].0);
            }
        }
    }
    assert!(open > programs.len(), "hints that say nothing are not needed");
}

/// The weights and the configuration of another file, and attention that sees more or less, under this
/// one's program.
#[test]
fn networks_for_something_else_are_not_proved() {
    let programs = compiled();
    let (mut tried, mut right) = (0, 0);
    for (compiled, (name, ..)) in programs.iter().zip(PROGRAMS) {
        let turned = programs.iter().map(|other| {
            let mut turned = other.artifact.clone();
            turned.manifest.config.causal = !turned.manifest.config.causal;
            turned
        });
        for mut other in programs.iter().map(|other| other.artifact.clone()).chain(turned) {
            tried += 1;
            // Columns and outputs are matched by name.
            let own = &compiled.artifact.manifest.config;
            let config = &mut other.manifest.config;
            config.columns.iter_mut().zip(&own.columns).for_each(|(a, b)| a.name.clone_from(&b.name));
            config.outputs.iter_mut().zip(&own.outputs).for_each(|(a, b)| a.name.clone_from(&b.name));
            if check::prove(&compiled.program, &other).is_ok() {
                right += 1;
                let model = Transformer::from_artifact(&other, &Device::Cpu).unwrap();
                let verdict =
                    verify::compare(&compiled.program, &compiled.facts, &model, EVERYTHING, &mut |_| true);
                assert!(matches!(verdict, Ok(Verdict::Enumerated { .. })), "{name}: {verdict:?}");
            }
        }
    }
    // Their own networks, at least.
    assert!(right >= programs.len() && right * 4 < tried, "{right} of {tried} are proved");
}
