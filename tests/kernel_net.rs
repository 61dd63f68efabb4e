//! What the kernel calls proved is so: mutants of random programs, each put before the kernel alone and run on every
//! input by a forward pass of its own.
//!
//! A few hundred mutants by default; `RASPC_MUTANTS=20000` makes 20,000, and `-- --nocapture` shows the counts.
//! `RASPC_MUTANTS_FOLDER=DIR` writes them for `tests/kernel_net/oracle.py`, which runs them again in NumPy.

mod folder;
mod forward;
mod mutation;
mod planted;
mod report;
mod subject;

use crate::common::number;
use candle_core::Device;
use folder::Folder;
use forward::{ORDERS, Plain, means};
use mutation::mutant;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use raspc::model::{Artifact, Decoded, Transformer};
use raspc::value::Number;
use raspc::verify::check::prove;
use report::{Outcome, Report};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use subject::{Subject, subjects};

/// What becomes of a network before the kernel, and on all inputs.
fn outcome(subject: &Subject, artifact: &Artifact) -> Outcome {
    let proof = catch_unwind(AssertUnwindSafe(|| prove(&subject.program, artifact)));
    let panicked = proof.is_err();
    let proof = proof.ok().and_then(Result::ok);
    let overstated = proof.as_ref().and_then(|proof| subject.overstated(proof));
    let (within, proved) = (subject.within(proof.as_ref()), proof.is_some());
    let wrong = subject.wrong(artifact, &within, proved);
    Outcome { proved, panicked, within, overstated, wrong }
}

/// The forward pass of this test and the model that runs networks are twins.
#[test]
fn both_forward_passes_say_the_same() {
    for Subject { artifact, meaning, .. } in &subjects(12) {
        let model = Transformer::from_artifact(artifact, &Device::Cpu).unwrap();
        let config = &artifact.manifest.config;
        let plain = Plain::new(config, &artifact.weights).unwrap();
        for (input, _) in meaning {
            for (o, decoded) in model.run(input).unwrap().iter().enumerate() {
                for order in ORDERS {
                    let rows = &plain.logits(input, order).unwrap()[o];
                    assert_eq!(rows.len(), decoded.len());
                    assert!(rows.iter().zip(decoded).all(|(row, found)| match found {
                        Decoded::Value(value) => means(&config.outputs[o].decode, row, value, &Number::ZERO),
                        Decoded::About(number) => (row[0] - number).abs() <= 1e-5 * number.abs().max(1.0),
                        Decoded::Undefined(_) => false,
                    }));
                }
            }
        }
    }
}

#[test]
fn what_the_kernel_proves_is_so() {
    let wanted = number("RASPC_MUTANTS", 400);
    let (subjects, next) = (subjects(wanted.div_ceil(100).max(40)), AtomicUsize::new(0));
    let work = || {
        let mut report = Report::default();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(subject) = subjects.get(i) else { return report };
            let mut folder = Folder::of(i);
            let own = outcome(subject, &subject.artifact);
            folder.iter_mut().for_each(|folder| folder.add("none", &subject.artifact, &own));
            report.program(subject, &own);
            let mut rng = ChaCha8Rng::seed_from_u64(i as u64);
            let share = (i + 1) * wanted / subjects.len() - i * wanted / subjects.len();
            let mutants = std::iter::repeat_with(|| mutant(&subject.artifact, &mut rng)).flatten();
            for (number, (mutant, kind)) in mutants.take(share).enumerate() {
                let outcome = outcome(subject, &mutant);
                folder.iter_mut().for_each(|folder| folder.add(kind, &mutant, &outcome));
                report.mutant(subject, &format!("{i}.{number}"), kind, &mutant, outcome);
            }
            folder.into_iter().for_each(|folder| folder.end(subject));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let report = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).fold(Report::default(), Report::and)
    });
    println!("{report}");
    report.check();
}
