//! Do the weights compute the program?
//!
//! This file compares the two input by input. It says how many inputs it looked at, and never
//! claims more than that.

use super::{Effort, distinct_columns};
use crate::facts::Facts;
use crate::inputs::{Columns, Inputs};
use crate::interp::Interpreter;
use crate::ir::Program;
use crate::model::{Decode, Decoded, RunError, Transformer};
use crate::value::{Number, Value};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a comparison found.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Equal on every input of the declared domain.
    Enumerated { inputs: usize },
    /// Equal on so many random inputs.
    Tested { inputs: usize, seed: u64 },
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
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Inputs that run side by side.
const BATCH: usize = 512;

/// Compares a model with the meaning of its program. Inputs on which the program itself fails
/// are passed over: it has no value there.
///
/// `progress` is called with the number of inputs compared so far; comparing stops, with what
/// was found up to then, when it returns false.
pub fn compare(
    program: &Program,
    facts: &Facts,
    model: &Transformer,
    effort: Effort,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Verdict, CompareError> {
    let (expected, found) = (program.outputs.len(), model.config().outputs.len());
    if expected != found {
        return Err(CompareError::Outputs { program: expected, model: found });
    }
    let interpreter = Interpreter::new(program);
    let inputs =
        Inputs::new(program, &interpreter, distinct_columns(program, facts)).ok_or(CompareError::NoInputs)?;
    let mut comparison = Comparison { interpreter: &interpreter, model, inputs: 0, stopped: false, progress };
    let seed = effort.seed;
    let all = inputs.count() <= effort.all_up_to;
    let found = if all {
        comparison.run(inputs.all())?
    } else {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        comparison.run((0..effort.samples).map_while(|_| inputs.sample(&mut rng)))?
    };
    Ok(match found {
        Some(disagreement) => Verdict::Refuted(disagreement),
        None if all && !comparison.stopped => Verdict::Enumerated { inputs: comparison.inputs },
        None => Verdict::Tested { inputs: comparison.inputs, seed },
    })
}

struct Comparison<'a> {
    interpreter: &'a Interpreter<'a>,
    model: &'a Transformer,
    /// Inputs compared so far.
    inputs: usize,
    stopped: bool,
    progress: &'a mut dyn FnMut(usize) -> bool,
}

impl Comparison<'_> {
    /// The first disagreement.
    fn run(&mut self, inputs: impl Iterator<Item = Columns>) -> Result<Option<Disagreement>, RunError> {
        let mut inputs = inputs.peekable();
        while inputs.peek().is_some() && !self.stopped {
            let batch: Vec<(Columns, Vec<Vec<Value>>)> = inputs
                .by_ref()
                .take(BATCH)
                .filter_map(|input| {
                    let outputs = self.interpreter.outputs(&input).ok()?;
                    Some((input, outputs))
                })
                .collect();
            if batch.is_empty() {
                continue;
            }
            let columns: Vec<&[Vec<Value>]> = batch.iter().map(|(input, _)| input.as_slice()).collect();
            let found = self.model.run_all(&columns)?;
            for ((input, expected), found) in batch.iter().zip(found) {
                if let Some((output, position)) = self.difference(expected, &found) {
                    return Ok(Some(Disagreement {
                        input: input.clone(),
                        output,
                        position,
                        expected: expected[output][position].clone(),
                        found: found[output][position].clone(),
                    }));
                }
            }
            self.inputs += batch.len();
            self.stopped = !(self.progress)(self.inputs);
        }
        Ok(None)
    }

    /// The first output and position at which a model's answer is not the program's.
    fn difference(&self, expected: &[Vec<Value>], found: &[Vec<Decoded>]) -> Option<(usize, usize)> {
        let outputs = expected.iter().zip(found).zip(&self.model.config().outputs).enumerate();
        outputs.into_iter().find_map(|(o, ((expected, found), config))| {
            let wrong = |(e, f): (&Value, &Decoded)| !agrees(e, f, &config.decode);
            expected.iter().zip(found).position(wrong).map(|position| (o, position))
        })
    }
}

/// Whether a decoded output is the program's value: equal, or within the output's bound where
/// it is a number that cannot be decoded exactly.
fn agrees(expected: &Value, found: &Decoded, decode: &Decode) -> bool {
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
