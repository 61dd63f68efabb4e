//! What does the program do, on all inputs? It is run on one of each class.
//!
//! Where the kernel cannot tell how many keys are selected, or which values an s-op has, the program is
//! run, without the network: on one of the inputs that it cannot tell apart ([`symmetry`]). Of programs that
//! compare tokens by equality only, such a class is a partition of the positions; by order, a ranking with
//! ties; where positions do not count, a multiset. What the network does is then shown as ever: to run it on
//! one input of a class would say nothing of the others, whose numbers f32 may add in another order.

mod canonical;
mod symmetry;
#[cfg(test)]
mod tests;

use super::check::{self, Budget, MAX_VALUES, Open};
use super::seen::{OfLength, Seen};
use crate::interp::{self, Failure};
use crate::ir::{Node, Program};
use crate::model::{Artifact, Certificate};
use crate::value::{Fault, Value};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use symmetry::Symmetry;

/// The largest input that classes are made of, in tokens: each is a call deep.
const MAX_TOKENS: usize = 1_000;

/// Inputs that are run between two looks at whether to go on.
const STEP: usize = 16;

/// Classes that are counted between two looks.
const COUNTED: usize = 1 << 16;

/// Steps towards each class, at most, where they are counted: most are found in as many as it has tokens.
const STEPS_TO_A_CLASS: usize = 64;

/// A proof of what was open, by running the program on one input of each class of the lengths from where it
/// was open; what is still open, if there are more classes than `limit`, or if that did not help.
///
/// `progress` is called with the number of inputs that were run; they are given up when it returns false.
pub fn prove_by_classes(
    program: &Program,
    artifact: &Artifact,
    open: Open,
    limit: usize,
    budget: Budget<'_>,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Certificate, Open> {
    let (Some(from), Some(lengths)) = (open.length, program.lengths) else { return Err(open) };
    let lengths: Vec<usize> = (from..=lengths.max).collect();
    match see(program, &lengths, limit, progress) {
        Some(seen) => check::prove_with(program, artifact, &seen, budget),
        None => Err(open),
    }
}

/// What the program does on all inputs of these lengths.
fn see(
    program: &Program,
    lengths: &[usize],
    limit: usize,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Option<Seen> {
    let (symmetry, classes) = cheapest(program, lengths, limit, progress)?;
    let mut seen = Seen { classes, ..Seen::default() };
    let run = AtomicUsize::new(0);
    for n in lengths {
        seen.lengths.insert(*n, symmetry.see(program, *n, &run, progress)?);
    }
    Some(seen)
}

/// The symmetry that leaves most unchanged, and of several the one with the fewest classes; none if
/// there are more than `limit`.
fn cheapest(
    program: &Program,
    lengths: &[usize],
    limit: usize,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Option<(Symmetry, usize)> {
    let longest = interp::longest(&program.live()).min(MAX_TOKENS / program.columns.len().max(1));
    if lengths.iter().any(|n| *n > longest) {
        return None;
    }
    let kinds = [(false, false), (true, false), (false, true), (true, true)];
    let of = |(ordered, free)| {
        let symmetry = Symmetry::of(program, ordered, free)?;
        let mut classes = 0;
        for n in lengths {
            let steps = limit.saturating_mul(STEPS_TO_A_CLASS);
            let counted = symmetry.classes.each(*n, steps, |_| {
                classes += 1;
                let stop = classes > limit || classes % COUNTED == 0 && !progress(0);
                if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            counted.continue_value()?;
        }
        Some((symmetry, classes))
    };
    let best = |(symmetry, classes): &(Symmetry, usize)| (symmetry.unchanged.len(), usize::MAX - classes);
    kinds.into_iter().filter_map(of).max_by_key(best)
}

impl Symmetry {
    /// What the program does on all inputs of a length; none if it was told to stop.
    fn see(
        &self,
        program: &Program,
        n: usize,
        run: &AtomicUsize,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> Option<OfLength> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let stop = AtomicBool::new(false);
        let part = |worker: usize, go_on: &mut dyn FnMut(usize) -> bool| {
            let (mut seen, mut at) = (self.nothing(), 0);
            let walked = self.classes.each(n, usize::MAX, |input| {
                at += 1;
                // Each worker has its own share of the steps.
                if (at - 1) / STEP % workers != worker {
                    return ControlFlow::Continue(());
                }
                let told = self.run(program, n, input, &mut seen);
                let total = run.fetch_add(1, Ordering::Relaxed) + 1;
                if !told || at % STEP == 0 && (stop.load(Ordering::Relaxed) || !go_on(total)) {
                    stop.store(true, Ordering::Relaxed);
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            });
            walked.continue_value().map(|()| seen)
        };
        std::thread::scope(|scope| {
            let others: Vec<_> =
                (1..workers).map(|worker| scope.spawn(move || part(worker, &mut |_| true))).collect();
            let mut seen = part(0, progress);
            for other in others {
                let more = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                seen = seen.zip(more).map(|(seen, more)| seen.and(more));
            }
            let mut seen = seen?;
            seen.values.retain(|_, values| values.len() <= MAX_VALUES);
            Some(seen)
        })
    }

    fn nothing(&self) -> OfLength {
        let mut nothing = OfLength::default();
        for node in &self.unchanged {
            match node {
                Node::SOp(id) => drop(nothing.values.insert(*id, BTreeSet::new())),
                Node::Selector(id) => drop(nothing.widths.insert(*id, None)),
            }
        }
        nothing
    }

    /// Runs what can be followed on one input. Where that has no value, none of the class counts; false where
    /// others may have one, since numbers are too large to be added in this order.
    fn run(&self, program: &Program, n: usize, input: &[usize], seen: &mut OfLength) -> bool {
        let column =
            |places: &[usize]| places.iter().map(|v| self.values[*v].clone()).collect::<Vec<Value>>();
        let columns: Vec<Vec<Value>> = input.chunks(n).map(column).collect();
        let trace = match interp::run(&program.graph, &self.followed, &columns, program.causal) {
            Ok(trace) => trace,
            Err(Failure { fault: Fault::NumberTooLarge { .. }, .. }) => return !self.classes.free,
            Err(_) => return true,
        };
        let broken = |sop| trace.sop(sop).is_some_and(|values| !values.iter().all(Value::truth));
        let known = |sop| self.unchanged.contains(&Node::SOp(sop));
        if program.assumptions.iter().any(|(sop, _)| known(*sop) && broken(*sop)) {
            return true;
        }
        for (id, known) in &mut seen.values {
            for value in trace.sop(*id).into_iter().flatten() {
                if known.len() <= MAX_VALUES && !known.contains(value) {
                    known.insert(value.clone());
                }
            }
        }
        for (id, known) in &mut seen.widths {
            let widths = trace.selector(*id).into_iter().flat_map(|matrix| (0..n).map(|q| matrix.width(q)));
            for width in widths {
                *known = Some(known.map_or((width, width), |(min, max)| (min.min(width), max.max(width))));
            }
        }
        true
    }
}

impl OfLength {
    /// What is seen on either part of the inputs.
    fn and(mut self, more: Self) -> Self {
        for (id, values) in more.values {
            self.values.entry(id).or_default().extend(values);
        }
        for (id, widths) in more.widths {
            let known = self.widths.entry(id).or_default();
            *known = [*known, widths].into_iter().flatten().reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
        }
        self
    }
}
