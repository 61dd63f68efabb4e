//! Do the weights compute the program?
//!
//! This file compares the two input by input. It says how many inputs it looked at, and never
//! claims more than that.

use super::{Effort, distinct_columns};
use crate::facts::Facts;
use crate::inputs::{Columns, Inputs};
use crate::interp::Interpreter;
use crate::ir::Program;
use crate::model::{Config, Decode, Decoded, RunError, Transformer};
use crate::value::{Number, Value};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;
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
    #[error("the program has {program} outputs, the model {model}")]
    Outputs { program: usize, model: usize },
    #[error("the program reads {program} columns, the model {model}")]
    Columns { program: usize, model: usize },
    #[error("the program declares length {program}, the model takes {model} positions at most")]
    Length { program: usize, model: usize },
    #[error("the program declares {value} in `{column}`, which the model has no token for")]
    Domain { column: String, value: Value },
    #[error(transparent)]
    Run(#[from] RunError),
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
    fits(program, model.config())?;
    let comparison = Comparison { interpreter: &interpreter, inputs: &inputs, model };
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
    fits(program, model.config())?;
    let Ok(expected) = Interpreter::new(program).outputs(input) else { return Ok(None) };
    Ok(difference(model, input, &expected, &model.run(input)?))
}

/// Whether the model takes every input that the program declares.
fn fits(program: &Program, config: &Config) -> Result<(), CompareError> {
    let (outputs, columns) = (program.outputs.len(), program.columns.len());
    if outputs != config.outputs.len() {
        return Err(CompareError::Outputs { program: outputs, model: config.outputs.len() });
    }
    if columns != config.columns.len() {
        return Err(CompareError::Columns { program: columns, model: config.columns.len() });
    }
    let longest = program.lengths.map_or(0, |l| l.max);
    if longest > config.max_len() {
        return Err(CompareError::Length { program: longest, model: config.max_len() });
    }
    for (declared, known) in program.columns.iter().zip(&config.columns) {
        let vocabulary: HashSet<&Value> = known.vocabulary.iter().collect();
        let unknown = |v: &&Value| !vocabulary.contains(v);
        if let Some(value) = declared.domain.iter().flatten().find(unknown) {
            return Err(CompareError::Domain { column: known.name.clone(), value: value.clone() });
        }
    }
    Ok(())
}

struct Comparison<'a> {
    interpreter: &'a Interpreter<'a>,
    inputs: &'a Inputs<'a>,
    model: &'a Transformer,
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
        let columns: Vec<&[Vec<Value>]> = batch.iter().map(|(input, _)| input.as_slice()).collect();
        let found = self.model.run_all(&columns)?;
        let mut pairs = batch.iter().zip(&found);
        let found =
            pairs.find_map(|((input, expected), found)| difference(self.model, input, expected, found));
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
    model: &Transformer,
    input: &Columns,
    expected: &[Vec<Value>],
    found: &[Vec<Decoded>],
) -> Option<Disagreement> {
    let outputs = expected.iter().zip(found).zip(&model.config().outputs).enumerate();
    outputs.into_iter().find_map(|(output, ((expected, found), config))| {
        let wrong = |(e, f): (&Value, &Decoded)| !agrees(e, f, &config.decode);
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
