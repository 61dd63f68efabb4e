//! Do the weights compute the program?
//!
//! This file compares the two input by input. It says how many inputs it looked at, and never
//! claims more than that.

use super::batches::{Batch, Meaning, Meant, batches};
use super::matching::Matching;
use super::{Effort, distinct_columns};
use crate::facts::Facts;
use crate::inputs::{Columns, Inputs};
use crate::interp::Interpreter;
use crate::ir::Program;
use crate::model::{Alike, Config, Decode, Decoded, RunError, Transformer};
use crate::value::{Number, Value};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

/// Inputs that are run to find out whether a counterexample is the first of all.
const FEW: u128 = 10_000;

/// What a comparison found. Inputs on which the program fails (`failing`) are not compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Equal on every input of the declared domain. The network ran on `classes` of them, and treats the
    /// others like these; see [`Alike`].
    Enumerated { inputs: usize, classes: usize, failing: usize },
    /// Equal on so many inputs: random ones, or without a seed the first of all, because the
    /// comparison was stopped.
    Tested { inputs: usize, failing: usize, seed: Option<u64> },
    /// Nothing is known: no input was compared.
    Undecided { failing: usize },
    /// Different on this input.
    Refuted(Disagreement),
}

/// Where model and program differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Disagreement {
    pub input: Columns,
    /// Which of the outputs.
    pub output: usize,
    pub position: usize,
    pub expected: Value,
    pub found: Decoded,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The program declares no domain or no length.
    #[error("the program declares no finite set of inputs")]
    NoInputs,
    #[error("columns and outputs are matched by name: {}", unmatched(.what, .lacking, .foreign))]
    Names { what: &'static str, lacking: Vec<String>, foreign: Vec<String> },
    #[error("the model has its columns or outputs in another order than the program inside it")]
    Order,
    #[error("of model and program, one has causal attention and the other full")]
    Attention,
    #[error("the program declares length {program}, the model takes {model} positions at most")]
    Length { program: usize, model: usize },
    #[error("the program declares {value} in `{column}`, which the model has no token for")]
    Domain { column: String, value: Value },
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Which names model and program do not share.
fn unmatched(what: &str, lacking: &[String], foreign: &[String]) -> String {
    let lacks = |who: &str, names: &[String]| {
        let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let s = if names.len() == 1 { "" } else { "s" };
        (!names.is_empty()).then(|| format!("the {who} has no {what}{s} {}", list.join(", ")))
    };
    let told: Vec<String> =
        [lacks("model", lacking), lacks("program", foreign)].into_iter().flatten().collect();
    match told.is_empty() {
        true => format!("a name of an {what} stands twice"),
        false => told.join(", and "),
    }
}

/// The greatest number of entries of an intermediate tensor, so that it stays in the cache.
const MAX_ENTRIES: usize = 1 << 18;

/// Inputs that run side by side: at most so many, and of random ones, which are few and long,
/// fewer.
const MAX_BATCH: usize = 4096;
const MAX_RANDOM_BATCH: usize = 64;

/// How far an enumeration came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// This many inputs, the first in their order, need no further look. Inputs that break an
    /// assumption are among them.
    pub first: u128,
    /// How many of these were compared.
    pub inputs: usize,
    /// On how many the network ran.
    pub classes: usize,
    /// On how many the program fails.
    pub failing: usize,
}

/// Per output, per position.
type Outputs = Vec<Vec<Decoded>>;

/// Compares a model with the meaning of a program. Inputs on which the program itself fails
/// are passed over: it has no value there.
///
/// `progress` is called with the number of inputs compared so far; comparing stops, with what
/// was found up to then, when it returns false. The counterexample is the first one in the order
/// of the inputs, shortest first; among random inputs, one that no
/// simple step makes smaller, and of the few that come before it, the first.
pub fn compare(
    program: &Program,
    facts: &Facts,
    model: &Transformer,
    effort: Effort,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Verdict, CompareError> {
    compare_from(Done::default(), program, facts, model, effort, &mut |done| progress(done.inputs))
}

/// [`compare`], but where every input is compared, those come first that are behind what was done.
pub fn compare_from(
    done: Done,
    program: &Program,
    facts: &Facts,
    model: &Transformer,
    effort: Effort,
    progress: &mut dyn FnMut(Done) -> bool,
) -> Result<Verdict, CompareError> {
    let interpreter = Interpreter::new(program);
    let inputs =
        Inputs::new(program, &interpreter, distinct_columns(program, facts)).ok_or(CompareError::NoInputs)?;
    let matching = Matching::of(program, model.config())?;
    let (alike, size) = (model.alike().map_err(RunError::from)?, batch_size(model.config()));
    let comparison =
        Comparison { program, interpreter: &interpreter, inputs: &inputs, model, matching, alike, size };
    let all = inputs.count() <= effort.all_up_to;
    let mut rng = ChaCha8Rng::seed_from_u64(effort.seed);
    let outcome = if all {
        comparison.run(&mut batches(program, &inputs, done.first, size), done, progress)?
    } else {
        let mut random = (0..effort.samples).filter_map(|_| inputs.sample(&mut rng));
        let next = || random.by_ref().take(size.min(MAX_RANDOM_BATCH)).collect::<Vec<_>>();
        let mut listed = std::iter::repeat_with(next).take_while(|batch| !batch.is_empty());
        comparison.run(&mut listed.by_ref().map(Batch::Listed), Done::default(), progress)?
    };
    let Done { inputs, classes, failing, .. } = outcome.done;
    Ok(match outcome.found {
        Some(found) if all => Verdict::Refuted(found),
        Some(found) => Verdict::Refuted(comparison.smallest(found)?),
        None if inputs == 0 => Verdict::Undecided { failing },
        None if all && !outcome.stopped => Verdict::Enumerated { inputs, classes, failing },
        None => Verdict::Tested { inputs, failing, seed: (!all).then_some(effort.seed) },
    })
}

/// Whether [`compare`] runs every input.
pub fn runs_all(program: &Program, effort: Effort) -> bool {
    n_inputs(program).is_some_and(|inputs| inputs <= effort.all_up_to)
}

/// How many inputs are declared, those that break an assumption included.
pub(super) fn n_inputs(program: &Program) -> Option<u128> {
    let interpreter = Interpreter::new(program);
    Some(Inputs::new(program, &interpreter, Vec::new())?.count())
}

/// Where model and program differ on one input; none where the program has no value, or where the
/// input breaks an assumption.
pub fn compare_on(
    program: &Program,
    model: &Transformer,
    input: &Columns,
) -> Result<Option<Disagreement>, CompareError> {
    let matching = Matching::of(program, model.config())?;
    let interpreter = Interpreter::new(program);
    if interpreter.broken_assumption(input).is_some() {
        return Ok(None);
    }
    let Ok(expected) = interpreter.outputs(input) else { return Ok(None) };
    let found = model.run(&matching.input(input))?;
    Ok(difference(model.config(), &matching, input, &expected, &found))
}

struct Comparison<'a> {
    program: &'a Program,
    interpreter: &'a Interpreter<'a>,
    inputs: &'a Inputs<'a>,
    model: &'a Transformer,
    matching: Matching,
    alike: Alike,
    /// How many inputs the model runs side by side, at most.
    size: usize,
}

/// What came of many inputs.
struct Outcome {
    done: Done,
    stopped: bool,
    found: Option<Disagreement>,
}

/// What came of a batch.
struct Compared {
    done: Done,
    /// The first that differs.
    found: Option<Disagreement>,
}

impl Comparison<'_> {
    /// Compares inputs on all processors. What is found is the first disagreement.
    fn run(
        &self,
        batches: &mut (dyn Iterator<Item = Batch> + Send),
        done: Done,
        progress: &mut dyn FnMut(Done) -> bool,
    ) -> Result<Outcome, RunError> {
        let batches = Mutex::new((0_usize..).zip(batches));
        let next = || batches.lock().unwrap_or_else(PoisonError::into_inner).next();
        let stop = AtomicBool::new(false);
        let work = |results: mpsc::Sender<_>| {
            let mut meaning = self.meaning();
            while !stop.load(Ordering::Relaxed)
                && let Some((number, batch)) = next()
            {
                let result = self.batch(&mut meaning, batch);
                if !matches!(result, Ok(Compared { found: None, .. })) {
                    stop.store(true, Ordering::Relaxed);
                }
                if results.send((number, result)).is_err() {
                    break;
                }
            }
        };
        std::thread::scope(|scope| {
            let (send, results) = mpsc::channel();
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                let send = send.clone();
                scope.spawn(|| work(send));
            }
            drop(send);
            let mut outcome = Outcome { done, stopped: false, found: None };
            let (mut first, mut ahead, mut expected) = (usize::MAX, BTreeMap::new(), 0);
            // Every batch that was begun is waited for: an earlier one may differ too.
            for (number, result) in results {
                let Compared { done, found } = result?;
                // What is done has no gaps, and no input on which the two differ.
                match found {
                    None => drop(ahead.insert(number, done)),
                    Some(_) if number < first => (outcome.found, first) = (found, number),
                    Some(_) => {}
                }
                while let Some(more) = ahead.remove(&expected) {
                    outcome.done.add(more);
                    expected += 1;
                }
                if !progress(outcome.done) {
                    outcome.stopped = true;
                    stop.store(true, Ordering::Relaxed);
                }
            }
            Ok(outcome)
        })
    }

    fn meaning(&self) -> Meaning<'_> {
        Meaning::new(self.program, self.interpreter, self.inputs)
    }

    fn batch(&self, meaning: &mut Meaning<'_>, batch: Batch) -> Result<Compared, RunError> {
        let first = batch.len();
        let Meant { outputs, failing } = meaning.of(batch);
        let mut done = Done { first, inputs: outputs.len(), classes: 0, failing };
        let (config, matching) = (self.model.config(), &self.matching);
        for some in outputs.chunks(self.size) {
            let taken: Vec<Cow<'_, [Vec<Value>]>> =
                some.iter().map(|(input, _)| matching.input(input)).collect();
            let (found, classes) = self.found(&taken)?;
            done.classes += classes;
            let mut pairs = some.iter().zip(&found);
            let differs = pairs
                .find_map(|((input, expected), found)| difference(config, matching, input, expected, found));
            if differs.is_some() {
                return Ok(Compared { done, found: differs });
            }
        }
        Ok(Compared { done, found: None })
    }

    /// What the model gives for inputs, and on how many it ran: on one of those that it treats alike.
    fn found(&self, inputs: &[Cow<'_, [Vec<Value>]>]) -> Result<(Vec<Outputs>, usize), RunError> {
        if !self.alike.some() {
            let found = self.model.run_all(&inputs.iter().map(|input| &**input).collect::<Vec<_>>())?;
            return Ok((found, inputs.len()));
        }
        let (mut known, mut run, mut of) = (HashMap::new(), Vec::new(), Vec::new());
        for input in inputs.iter().map(|input| self.alike.standing_for(input)) {
            of.push(*known.entry(input).or_insert_with_key(|input| {
                run.push(input.clone());
                run.len() - 1
            }));
        }
        let found = self.model.run_all(&run.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        Ok((of.into_iter().map(|class: usize| found[class].clone()).collect(), run.len()))
    }

    /// What differs on one input, if it counts.
    fn on(&self, input: &Columns) -> Option<Disagreement> {
        self.batch(&mut self.meaning(), Batch::Listed(vec![input.clone()])).ok()?.found
    }

    /// A smaller input on which the two differ: the first of all, if there are few before it.
    fn smallest(&self, found: Disagreement) -> Result<Disagreement, RunError> {
        let found = self.shrink(found);
        if self.inputs.before(&found.input) > FEW {
            return Ok(found);
        }
        let all = &mut batches(self.program, self.inputs, 0, self.size);
        Ok(self.run(all, Done::default(), &mut |_| true)?.found.unwrap_or(found))
    }

    /// A smaller input on which the two differ, if a simple step leads to it.
    fn shrink(&self, found: Disagreement) -> Disagreement {
        let smaller = self.inputs.shrink(found.input.clone(), |input| self.on(input).is_some());
        self.on(&smaller).unwrap_or(found)
    }
}

impl Done {
    /// Whether so much can have been done of a program's inputs.
    pub fn is_possible(self, program: &Program) -> bool {
        let looked_at = (self.inputs as u128).saturating_add(self.failing as u128);
        looked_at <= self.first
            && self.classes <= self.inputs
            && n_inputs(program).is_some_and(|inputs| self.first <= inputs)
    }

    fn add(&mut self, more: Self) {
        self.first = self.first.saturating_add(more.first);
        self.inputs = self.inputs.saturating_add(more.inputs);
        self.classes = self.classes.saturating_add(more.classes);
        self.failing = self.failing.saturating_add(more.failing);
    }
}

/// How many inputs of the greatest length run side by side.
fn batch_size(config: &Config) -> usize {
    let widest = config.layers.iter().map(|l| (l.heads.len() * config.n_ctx).max(l.d_mlp)).max();
    let per_input = config.n_ctx * config.d_model.max(widest.unwrap_or(0));
    (MAX_ENTRIES / per_input.max(1)).clamp(1, MAX_BATCH)
}

/// The first output and position at which a model's answer is not the program's.
fn difference(
    config: &Config,
    matching: &Matching,
    input: &Columns,
    expected: &[Vec<Value>],
    found: &[Vec<Decoded>],
) -> Option<Disagreement> {
    let mut outputs = expected.iter().zip(matching.outputs()).enumerate();
    outputs.find_map(|(output, (expected, &place))| {
        let (found, decode) = (found.get(place)?, &config.outputs.get(place)?.decode);
        let wrong = |(e, f): (&Value, &Decoded)| !agrees(e, f, decode);
        let position = expected.iter().zip(found).position(wrong)?;
        let (expected, found) = (expected[position].clone(), found[position].clone());
        Some(Disagreement { input: input.clone(), output, position, expected, found })
    })
}

/// Whether a decoded output is the program's value: equal, or within the output's bound where
/// it is a number that cannot be decoded exactly.
pub fn agrees(expected: &Value, found: &Decoded, decode: &Decode) -> bool {
    match (found, decode) {
        (Decoded::Value(value), _) => value == expected,
        (Decoded::About(number), Decode::Numeric { bound, .. }) => match expected {
            Value::Number(exact) => Number::from_f64(f64::from(*number))
                .and_then(|held| held.sub(exact).ok())
                .is_some_and(|distance| distance.abs() <= *bound),
            Value::Bool(_) | Value::Str(_) => false,
        },
        (Decoded::About(_), Decode::Categorical { .. }) | (Decoded::Undefined(_), _) => false,
    }
}
