//! Can the program itself fail: is there a declared input on which an s-op has no value?

use super::batches::{Batch, Meaning, batches};
use super::{Effort, distinct_columns};
use crate::facts::{self, Facts};
use crate::inputs::{Columns, Inputs};
use crate::interp::{Failure, Interpreter};
use crate::ir::Program;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The answer, and how it was found.
#[derive(Clone, Debug)]
pub enum CanFail {
    /// On this input, as short as was found.
    Fails { input: Columns, failure: Failure, counts: Option<Counts> },
    /// Every operation has a value for all values that its arguments can have.
    NotByFacts,
    /// All inputs were run.
    NotByEnumeration { inputs: usize },
    /// Nothing is known but that these inputs did not fail.
    NotInTests { inputs: usize, seed: u64 },
    /// Domain or lengths are not declared.
    Undeclared,
    /// No input was found that fulfils the assumptions; `all` if there is none.
    NoInputs { all: bool },
}

/// How many of all inputs the program has a value on. Those that break an assumption do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub with_value: usize,
    pub failing: usize,
}

/// Of spaces that are too large for enumeration, this share of the effort goes to the shortest
/// inputs, because a short counterexample is worth more than a long one.
const SHORT_SHARE: u128 = 4;

/// Random tests end when their selectors have had so many cells, a few seconds of work, but not
/// before there were [`MIN_TESTS`].
const MAX_CELLS: usize = 100_000_000;
const MIN_TESTS: usize = 20;

/// Looks for an input on which the program fails, and if all are run, counts them. `progress` is told how
/// many inputs were run; none if it returns false, which ends the search.
pub fn can_fail(
    program: &Program,
    facts: &Facts,
    effort: Effort,
    mut progress: impl FnMut(usize) -> bool,
) -> Option<CanFail> {
    let interpreter = Interpreter::new(program);
    let Some(inputs) = Inputs::new(program, &interpreter, distinct_columns(program, facts)) else {
        return Some(CanFail::Undeclared);
    };
    let all = inputs.count() <= effort.all_up_to;
    let limit = if all { effort.all_up_to } else { effort.all_up_to / SHORT_SHARE };
    let mut rng = ChaCha8Rng::seed_from_u64(effort.seed);
    let few = usize::try_from(limit).unwrap_or(usize::MAX);
    let admitted = || inputs.candidates().take(few).any(|input| inputs.admits(&input));
    if !admitted() && inputs.sample(&mut rng).is_none() {
        return Some(CanFail::NoInputs { all });
    }
    if facts::may_fail(program, facts).is_none() {
        return Some(CanFail::NotByFacts);
    }
    let mut meaning = Meaning::new(program, &interpreter, &inputs);
    let (mut left, mut counts) = (limit, Counts::default());
    let mut found: Option<Columns> = None;
    for batch in batches(program, &inputs, 0, 1) {
        let Batch::Numbered { n, numbers } = batch else { continue };
        let end = numbers.end.min(numbers.start + left);
        left -= end - numbers.start;
        let (first, more) = meaning.count(n, numbers.start..end);
        counts = Counts {
            with_value: counts.with_value + more.with_value,
            failing: counts.failing + more.failing,
        };
        found = found.or(first);
        if !progress(counts.with_value + counts.failing) {
            return None;
        }
        if left == 0 || found.is_some() && !all {
            break;
        }
    }
    if let Some(input) = found
        && let Err(failure) = interpreter.outputs(&input)
    {
        return Some(CanFail::Fails { input, failure, counts: all.then_some(counts) });
    }
    let run = counts.with_value;
    if all {
        return Some(CanFail::NotByEnumeration { inputs: run });
    }
    let mut seen = Seen::default();
    let mut cells = 0_usize;
    for tests in 0..effort.samples {
        if tests >= MIN_TESTS && cells > MAX_CELLS {
            break;
        }
        let Some(input) = inputs.sample(&mut rng) else { continue };
        if inputs.before(&input) < limit || !seen.is_new(&input) {
            continue;
        }
        cells = cells.saturating_add(interpreter.cells(input.first().map_or(0, Vec::len)));
        if interpreter.outputs(&input).is_err() {
            let input = inputs.shrink(input, |i| interpreter.outputs(i).is_err());
            if let Err(failure) = interpreter.outputs(&input) {
                return Some(CanFail::Fails { input, failure, counts: None });
            }
        }
        if !progress(run + seen.n()) {
            return None;
        }
    }
    Some(CanFail::NotInTests { inputs: run + seen.n(), seed: effort.seed })
}

/// Which inputs were run: their hashes, because the inputs themselves may be long.
#[derive(Default)]
struct Seen(HashSet<u64>);

impl Seen {
    fn is_new(&mut self, input: &Columns) -> bool {
        let mut hasher = DefaultHasher::new();
        input.hash(&mut hasher);
        self.0.insert(hasher.finish())
    }

    fn n(&self) -> usize {
        self.0.len()
    }
}
