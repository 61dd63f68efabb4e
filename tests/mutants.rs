//! The proof can say no: weights with a fault that changes some output are refuted, and none called proved.
//!
//! 50 mutants by default; `RASPC_MUTANTS=1000` tries 1,000.

use crate::common::command::{folder, raspc};
use crate::common::compiled::{Compiled, compile_for};
use crate::common::faults::{break_one, meaning, wrong_on};
use crate::common::file::File;
use crate::common::number;
use candle_core::Device;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use raspc::inputs::{Columns, Inputs};
use raspc::interp::Interpreter;
use raspc::ir::lower::{NoFiles, Outside, read};
use raspc::ir::{Column, Lengths};
use raspc::model::artifact::save;
use raspc::model::{Artifact, Certificate, Transformer, json};
use raspc::plan::{Knobs, Padding};
use raspc::value::Value;
use raspc::verify::{self, Effort, Verdict, check};
use serde_json::Value as Json;
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

fn compiled() -> Vec<Compiled> {
    let compile = |(name, domain, lengths): &(&str, Option<&str>, &str)| {
        compile_for(&File::read(name).text, *domain, lengths)
    };
    PROGRAMS.iter().map(compile).collect()
}

/// A file that lies about its weights, and the inputs on which it shows.
struct Mutant<'p> {
    program: usize,
    fault: &'static str,
    path: String,
    wrong_on: Vec<&'p Columns>,
}

/// Mutants are decided by running every input, then put before `raspc verify`. Each is a sound file but
/// for its weights, and carries the certificate of the right ones.
#[test]
fn verify_refutes_every_fault_that_changes_an_output() {
    let wanted = number("RASPC_MUTANTS", 50);
    let programs = compiled();
    let meanings: Vec<_> = programs.iter().map(meaning).collect();
    let prove = |(compiled, (name, ..)): (&Compiled, &(&str, _, _))| {
        check::prove(&compiled.program, &compiled.artifact).unwrap_or_else(|open| panic!("{name}: {open}"))
    };
    let certificates: Vec<Certificate> = programs.iter().zip(&PROGRAMS).map(prove).collect();
    let (folder, mut rng) = (folder("mutants"), ChaCha8Rng::seed_from_u64(5));
    let mut mutants = Vec::new();
    while mutants.len() < wanted {
        let program = mutants.len() % programs.len();
        let Compiled { artifact, .. } = &programs[program];
        let mut weights = artifact.weights.clone();
        // Of every twentieth, the certificate is all that is wrong.
        let fault = match mutants.len() % 20 {
            19 => "a certificate that shows nothing",
            _ => break_one(&mut weights, &mut rng),
        };
        if (weights == artifact.weights) != (mutants.len() % 20 == 19) {
            continue;
        }
        let mut certificate = certificates[program].clone();
        if fault == "a certificate that shows nothing" {
            certificate.heads.clear();
        }
        let forged = Artifact::new(artifact.manifest.clone(), weights).certified(certificate);
        let model = Transformer::from_artifact(&forged, &Device::Cpu).unwrap();
        let path = folder.join(format!("{}.safetensors", mutants.len()));
        save(&forged, &path).unwrap();
        let (path, wrong_on) = (path.to_str().unwrap().to_owned(), wrong_on(&model, &meanings[program]));
        mutants.push(Mutant { program, fault, path, wrong_on });
    }
    let mut verdicts: BTreeMap<(&str, bool, String), usize> = BTreeMap::new();
    for batch in mutants.chunks(100) {
        let mut args = vec!["verify", "--json"];
        args.extend(batch.iter().map(|mutant| &*mutant.path));
        let answers = raspc(&args, "").json();
        assert_eq!(answers.len(), batch.len());
        for (mutant, answer) in batch.iter().zip(answers) {
            let (name, columns) = (PROGRAMS[mutant.program].0, &programs[mutant.program].program.columns);
            let verdict = answer["verdict"].as_str().unwrap().to_owned();
            let what = format!("{name}, {}: {answer}", mutant.fault);
            match mutant.wrong_on.first() {
                None => assert!(verdict.starts_with("proved"), "{what}"),
                Some(shortest) => {
                    assert_eq!(verdict, "refuted", "{what}");
                    let input = &answer["counterexample"]["input"];
                    let found = mutant.wrong_on.iter().find(|wrong| to_json(columns, wrong) == *input);
                    let found = found.unwrap_or_else(|| panic!("both agree there: {what}"));
                    assert_eq!(found[0].len(), shortest[0].len(), "there is a shorter one: {what}");
                }
            }
            *verdicts.entry((mutant.fault, mutant.wrong_on.is_empty(), verdict)).or_default() += 1;
        }
    }
    let wrong = mutants.iter().filter(|mutant| !mutant.wrong_on.is_empty()).count();
    println!("{wrong} of {wanted} change an output. By fault, whether it is harmless, and verdict:");
    verdicts
        .iter()
        .for_each(|((fault, harmless, verdict), n)| println!("{n:5} {fault}, {harmless}: {verdict}"));
    assert!(wrong * 10 >= wanted * 3, "only {wrong} of {wanted} mutants change an output");
}

/// An input as the command line writes it.
fn to_json(columns: &[Column], input: &Columns) -> Json {
    let list = |values: &Vec<Value>| values.iter().map(json::to_json).collect::<Json>();
    columns.iter().zip(input).map(|(column, values)| (column.name.to_string(), list(values))).collect()
}

/// What is proved of a program is what enumeration finds: `RASPC_ALL_UP_TO=1000000` for all domains of
/// so many inputs; longer lengths are cut off.
#[test]
fn a_proof_says_what_enumeration_says() {
    let limit = number("RASPC_ALL_UP_TO", 1_000) as u128;
    let (mut inputs, mut proved, mut programs) = (0, 0, 0);
    for file in File::all() {
        let read = read(&file.name, &file.text, &NoFiles, &Outside::default());
        let mut program = read.program.unwrap();
        let interpreter = Interpreter::new(&program);
        let few = |max: &usize| {
            let mut shorter = program.clone();
            shorter.lengths.iter_mut().for_each(|lengths| lengths.max = *max);
            Inputs::new(&shorter, &interpreter, Vec::new()).is_some_and(|inputs| inputs.count() <= limit)
        };
        let Lengths { min, max } = program.lengths.unwrap();
        let Some(max) = (min..=max).rev().find(few) else { continue };
        program.lengths = Some(Lengths { min, max });
        let Ok(compiled) = Compiled::new(program, read.sources) else { continue };
        let proof = check::prove(&compiled.program, &compiled.artifact);
        proved += usize::from(proof.is_ok());
        programs += 1;
        inputs += compiled.compare(limit, 0);
    }
    println!("{proved} programs are proved, and right on all of {inputs} inputs");
    assert_eq!((proved, programs), (58, 58), "every program of the repository");
}

/// What writes nothing may still reach infinity, and 0 times infinity is no number.
#[test]
fn silent_components_that_overflow_are_not_proved() {
    let program = &File::read("histogram").text;
    let compiled = compile_for(program, None, "1..4");
    let padding = Padding { heads: Some(2), d_mlp: Some(100), ..Padding::NONE };
    let knobs = Knobs { padding, ..Knobs::DEFAULT };
    let Compiled { program, sources, .. } = compiled;
    let padded = Compiled::with(program, sources, knobs).unwrap();
    assert!(check::prove(&padded.program, &padded.artifact).is_ok());
    for component in ["neuron", "queries and keys", "values"] {
        let mut forged = padded.artifact.clone();
        let layer = &mut forged.weights.layers[0];
        let mlp = layer.mlp.as_mut().unwrap();
        let head = &mut layer.heads[1];
        assert!(head.w_o.iter().all(|w| *w == 0.0) && mlp.w_out.row(99).iter().all(|w| *w == 0.0));
        match component {
            "neuron" => mlp.w_in.column_mut(99).fill(f32::MAX),
            "values" => head.w_v.fill(f32::MAX),
            _ => [&mut head.w_q, &mut head.w_k].into_iter().for_each(|w| w.fill(1e20)),
        }
        assert!(check::prove(&padded.program, &forged).is_err(), "{component}");
    }
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
