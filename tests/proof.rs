//! Which programs are proved, and is what is proved true?
//!
//! `cargo test --test suite proof:: -- --nocapture` prints what is open.

use crate::common::compiled::Compiled;
use crate::common::faults::break_one;
use crate::common::file::File;
use crate::common::fixture::Fixture;
use crate::common::number;
use crate::common::random_program::programs;
use candle_core::Device;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use raspc::ir::Program;
use raspc::ir::lower::{NoFiles, Outside, read};
use raspc::model::{Artifact, Transformer};
use raspc::plan::{Knobs, Padding};
use raspc::source::Sources;
use raspc::verify::check::prove;
use raspc::verify::{self, Effort, Verdict};

/// Ways to compile, and how many of a hundred programs must be proved.
const WAYS: [(&str, usize, Knobs); 6] = [
    ("optimised", 100, Knobs::DEFAULT),
    ("not optimised", 95, Knobs { optimise: false, ..Knobs::DEFAULT }),
    ("uniform", 100, Knobs { uniform: true, ..Knobs::DEFAULT }),
    ("padded", 100, Knobs { padding: PADDED, ..Knobs::DEFAULT }),
    ("soft", 94, Knobs { sharpness: Some(16), ..Knobs::DEFAULT }),
    ("balanced", 85, Knobs { sharpness: Some(16), balanced: true, ..Knobs::DEFAULT }),
];

/// A shape that each program fits into.
const PADDED: Padding = Padding { layers: Some(7), heads: Some(7), d_model: Some(100), d_mlp: None };

/// What is open, and how many of a hundred are proved: at least so many.
fn enough(what: &str, compiled: impl IntoIterator<Item = (String, Compiled)>, of_a_hundred: usize) -> String {
    let (mut proved, mut all, mut report) = (0, 0, String::new());
    for (name, compiled) in compiled {
        all += 1;
        match prove(&compiled.program, &compiled.artifact) {
            Ok(_) => proved += 1,
            Err(open) => report += &format!("{name}: {open}\n"),
        }
    }
    report += &format!("{what}: {proved} of {all} proved");
    assert!(proved * 100 >= of_a_hundred * all, "{report}");
    report
}

#[test]
fn programs_are_proved_however_they_are_compiled() {
    for (way, of_a_hundred, knobs) in WAYS {
        let compiled = File::all().into_iter().filter_map(|file| {
            let read = read(&file.name, &file.text, &NoFiles, &Outside::default());
            let compiled = Compiled::with(read.program.unwrap(), read.sources, knobs).ok()?;
            Some((format!("{way}, {}", file.name), compiled))
        });
        println!("{}", enough(way, compiled, of_a_hundred));
    }
}

#[test]
fn fixtures_are_proved() {
    let compiled = Fixture::all("").into_iter().filter_map(|fixture| {
        let read = fixture.program();
        Some((fixture.name.clone(), Compiled::new(read.program?, read.sources).ok()?))
    });
    println!("{}", enough("fixtures", compiled, 100));
}

/// The certificate says what it cost.
#[test]
fn a_certificate_counts_what_was_shown() {
    let file = File::read("peak");
    let read = read(&file.name, &file.text, &NoFiles, &Outside::default());
    let compiled = Compiled::new(read.program.unwrap(), read.sources).unwrap();
    let certificate = prove(&compiled.program, &compiled.artifact).unwrap();
    assert_eq!(certificate.lengths, [1, 10]);
    assert_eq!(certificate.heads.len(), 2);
    for head in &certificate.heads {
        assert!(head.gap >= 104_i64.into() && head.leak.is_zero() && head.selected == [0, 1], "{head:?}");
    }
    assert_eq!(certificate.outputs[0].margin, 1_i64.into());
    assert!(certificate.cost < certificate.brute_force);
    // It stands in the file, and is found there again.
    let certified = compiled.artifact.certified(certificate.clone());
    let again = Artifact::from_bytes(&certified.to_bytes().unwrap()).unwrap();
    assert_eq!(again.manifest.certificate, Some(certificate));
}

/// Whether running inputs shows that a model does not compute a program.
fn is_wrong(program: &Program, compiled: &Compiled, model: &Transformer) -> bool {
    let effort = Effort { all_up_to: 5_000, samples: 1_000, seed: 1 };
    let verdict = verify::compare(program, &compiled.facts, model, effort, &mut |_| true);
    matches!(verdict, Ok(Verdict::Refuted(_)))
}

/// `RASPC_CASES` and `RASPC_FAULTS` say how many programs, and how many faults for each.
#[test]
fn what_is_proved_of_random_programs_is_true() {
    let (cases, mutants) = (number("RASPC_CASES", 60), number("RASPC_FAULTS", 3));
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Cases::default(), rng);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut sources = Sources::default();
    sources.add("random", "");
    let (mut proved, mut all, mut kept, mut harmless) = (0, 0, 0, 0);
    let mut last: Option<Compiled> = None;
    for _ in 0..cases {
        let program = programs(24, 5).new_tree(&mut runner).unwrap().current();
        for (_, _, knobs) in [&WAYS[0], &WAYS[1], &WAYS[5]] {
            let Ok(compiled) = Compiled::with(program.clone(), sources.clone(), *knobs) else { continue };
            all += 1;
            if prove(&program, &compiled.artifact).is_ok() {
                proved += 1;
                assert!(!is_wrong(&program, &compiled, &compiled.model));
            }
            // The network of another program.
            if let Some(last) = &last
                && prove(&program, &last.artifact).is_ok()
            {
                assert!(!is_wrong(&program, &compiled, &last.model));
            }
            for _ in 0..mutants {
                let mut weights = compiled.artifact.weights.clone();
                let fault = break_one(&mut weights, &mut rng);
                let forged = Artifact::new(compiled.artifact.manifest.clone(), weights);
                kept += 1;
                if prove(&program, &forged).is_ok() {
                    harmless += 1;
                    let model = Transformer::from_artifact(&forged, &Device::Cpu).unwrap();
                    assert!(!is_wrong(&program, &compiled, &model), "{fault}: proved, but wrong");
                }
            }
            last = Some(compiled);
        }
    }
    println!("{proved} of {all} random programs proved; {harmless} of {kept} faults proved harmless");
    assert!(proved * 10 >= all * 9, "only {proved} of {all} random programs are proved");
}
