//! Do the weights compute the program?
//!
//! This file compares the two input by input. It says how many inputs it looked at, and never
//! claims more than that.

use super::matching::Matching;
use super::{Effort, distinct_columns};
use crate::facts::Facts;
use crate::inputs::{Columns, Inputs};
use crate::interp::Interpreter;
use crate::ir::Program;
use crate::model::{Config, Decode, Decoded, RunError, Transformer};
use crate::value::{Number, Value};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

/// What a comparison found. Inputs on which the program fails (`failing`) are not compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Equal on every input of the declared domain.
    Enumerated { inputs: usize, failing: usize },
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

/// Compares a model with the meaning of a program. Inputs on which the program itself fails
/// are passed over: it has no value there.
///
/// `progress` is called with the number of inputs compared so far; comparing stops, with what
/// was found up to then, when it returns false. The counterexample is the first one in the order
/// of the inputs, shortest first; among random inputs, one that no simple step makes smaller.
pub fn compare(
    program: &Program,
    facts: &Facts,
    model: &Transformer,
    effort: Effort,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Verdict, CompareError> {
    let interpreter = Interpreter::new(program);
    let inputs =
        Inputs::new(program, &interpreter, distinct_columns(program, facts)).ok_or(CompareError::NoInputs)?;
    let matching = Matching::of(program, model.config())?;
    let comparison = Comparison { interpreter: &interpreter, inputs: &inputs, model, matching };
    let all = inputs.count() <= effort.all_up_to;
    let mut rng = ChaCha8Rng::seed_from_u64(effort.seed);
    let batch = batch_size(model.config());
    let outcome = if all {
        comparison.run(&mut inputs.candidates(), batch, progress)?
    } else {
        let mut random = (0..effort.samples).filter_map(|_| inputs.sample(&mut rng));
        comparison.run(&mut random, batch.min(MAX_RANDOM_BATCH), progress)?
    };
    let Outcome { inputs, failing, .. } = outcome;
    Ok(match outcome.found {
        Some(found) if all => Verdict::Refuted(found),
        Some(found) => Verdict::Refuted(comparison.shrink(found)),
        None if inputs == 0 => Verdict::Undecided { failing },
        None if all && !outcome.stopped => Verdict::Enumerated { inputs, failing },
        None => Verdict::Tested { inputs, failing, seed: (!all).then_some(effort.seed) },
    })
}

/// Where model and program differ on one input; none where the program has no value.
pub fn compare_on(
    program: &Program,
    model: &Transformer,
    input: &Columns,
) -> Result<Option<Disagreement>, CompareError> {
    let matching = Matching::of(program, model.config())?;
    let Ok(expected) = Interpreter::new(program).outputs(input) else { return Ok(None) };
    let found = model.run(&matching.input(input))?;
    Ok(difference(model.config(), &matching, input, &expected, &found))
}

struct Comparison<'a> {
    interpreter: &'a Interpreter<'a>,
    inputs: &'a Inputs<'a>,
    model: &'a Transformer,
    matching: Matching,
}

/// What came of many inputs.
struct Outcome {
    /// How many were compared.
    inputs: usize,
    /// How many were not, because the program fails on them.
    failing: usize,
    stopped: bool,
    found: Option<Disagreement>,
}

/// What came of a few inputs.
struct Batch {
    inputs: usize,
    failing: usize,
    /// The first that differs.
    found: Option<Disagreement>,
}

impl Comparison<'_> {
    /// Compares inputs on all processors. What is found is the first disagreement.
    fn run(
        &self,
        inputs: &mut (dyn Iterator<Item = Columns> + Send),
        batch: usize,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Outcome, RunError> {
        let batches = Mutex::new((0_usize..).map(|number| (number, inputs.take(batch).collect::<Vec<_>>())));
        let next = || batches.lock().unwrap_or_else(PoisonError::into_inner).next();
        let stop = AtomicBool::new(false);
        let work = |results: mpsc::Sender<_>| {
            while !stop.load(Ordering::Relaxed)
                && let Some((number, batch)) = next().filter(|(_, batch)| !batch.is_empty())
            {
                let result = self.batch(batch);
                if !matches!(result, Ok(Batch { found: None, .. })) {
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
            let mut outcome = Outcome { inputs: 0, failing: 0, stopped: false, found: None };
            let mut first = usize::MAX;
            // Every batch that was begun is waited for: an earlier one may differ too.
            for (number, result) in results {
                let Batch { inputs, failing, found } = result?;
                outcome.inputs += inputs;
                outcome.failing += failing;
                if found.is_some() && number < first {
                    (outcome.found, first) = (found, number);
                }
                if !progress(outcome.inputs) {
                    outcome.stopped = true;
                    stop.store(true, Ordering::Relaxed);
                }
            }
            Ok(outcome)
        })
    }

    fn batch(&self, batch: Vec<Columns>) -> Result<Batch, RunError> {
        let defined = |input: Columns| {
            let outputs = self.interpreter.outputs(&input).ok()?;
            Some((input, outputs))
        };
        let admitted: Vec<Columns> = batch.into_iter().filter(|input| self.inputs.admits(input)).collect();
        let all = admitted.len();
        let batch: Vec<(Columns, Vec<Vec<Value>>)> = admitted.into_iter().filter_map(defined).collect();
        let (inputs, failing) = (batch.len(), all - batch.len());
        if batch.is_empty() {
            return Ok(Batch { inputs, failing, found: None });
        }
        let taken: Vec<Cow<'_, [Vec<Value>]>> =
            batch.iter().map(|(input, _)| self.matching.input(input)).collect();
        let found = self.model.run_all(&taken.iter().map(|input| &**input).collect::<Vec<_>>())?;
        let (config, matching) = (self.model.config(), &self.matching);
        let mut pairs = batch.iter().zip(&found);
        let found =
            pairs.find_map(|((input, expected), found)| difference(config, matching, input, expected, found));
        Ok(Batch { inputs, failing, found })
    }

    /// What differs on one input, if it counts.
    fn on(&self, input: &Columns) -> Option<Disagreement> {
        self.batch(vec![input.clone()]).ok()?.found
    }

    /// A smaller input on which the two differ.
    fn shrink(&self, found: Disagreement) -> Disagreement {
        let smaller = self.inputs.shrink(found.input.clone(), |input| self.on(input).is_some());
        self.on(&smaller).unwrap_or(found)
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
        (Decoded::About(number), Decode::Numeric { bound, .. }) => {
            let (held, exact) = (Number::from_f64(f64::from(*number)), expected.number());
            let distance = held.zip(exact).and_then(|(a, b)| a.sub(&b).ok());
            distance.is_some_and(|d| d.abs() <= *bound)
        }
        (Decoded::About(_), Decode::Categorical { .. }) => false,
    }
}
