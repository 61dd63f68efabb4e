//! From a program to examples: drawing, splitting, labelling.

use super::distribution::{DISTRIBUTIONS, Distribution, distribution};
use super::examples::Examples;
use crate::diagnostic::edit_distance;
use crate::facts::Facts;
use crate::inputs::{Columns, Inputs, columns_text};
use crate::interp::Interpreter;
use crate::ir::Program;
use crate::model::{Config, InputError, artifact::hex};
use crate::value::Value;
use crate::verify::distinct_columns;
use rand::SeedableRng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;

/// Which examples are asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spec {
    /// The names of distributions that training examples are drawn from, each equally often.
    pub distributions: Vec<String>,
    /// The same for the held-out ones; those of training if there is none.
    pub held_out_distributions: Vec<String>,
    /// Number of training examples, with as many repetitions as the distributions have.
    pub train: usize,
    /// Number of held-out examples, each another one.
    pub held_out: usize,
    /// The part of all inputs that is never trained on.
    pub held_out_share: f64,
    pub seed: u64,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            distributions: vec!["declared".to_owned()],
            held_out_distributions: Vec::new(),
            train: 50_000,
            held_out: 2_000,
            held_out_share: 0.1,
            seed: 0,
        }
    }
}

/// Examples of a program. No input stands in both parts: each belongs to one by its hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    pub train: Examples,
    /// Fewer than asked for, where draws bring no new ones.
    pub held_out: Examples,
}

/// Why there are no examples.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("there is no distribution `{name}`; the nearest is `{nearest}`, and all are {all}")]
    Unknown { name: String, nearest: String, all: String },
    #[error("the data has no distribution")]
    NoDistribution,
    #[error("the program declares no finite set of inputs: give it a domain and lengths")]
    NoInputs,
    #[error("data.{key} is {asked}; at most {MOST} examples are held")]
    Many { key: &'static str, asked: usize },
    #[error("held_out_share is {0}; it is a part of all inputs, between 0 and 1, both excluded")]
    Share(f64),
    #[error(
        "of {draws} draws from {distributions}, {found} gave an input of the program with a value, and {wanted} are asked for{}",
        last(.drawn)
    )]
    Few { distributions: String, draws: usize, found: usize, wanted: usize, drawn: Option<Columns> },
    #[error(transparent)]
    Input(#[from] InputError),
}

/// As many examples fit into the memory of a small machine.
const MOST: usize = 10_000_000;

fn last(drawn: &Option<Columns>) -> String {
    drawn.as_ref().map_or(String::new(), |drawn| format!("; the last one drawn was {}", columns_text(drawn)))
}

/// As many draws are made for each example before it is said that there are not enough.
const DRAWS: usize = 100;

impl Dataset {
    /// Draws the examples of a program, as a model of this configuration reads them.
    pub fn new(program: &Program, facts: &Facts, config: &Config, spec: &Spec) -> Result<Self, DataError> {
        let interpreter = Interpreter::new(program);
        let inputs = Inputs::new(program, &interpreter, distinct_columns(program, facts));
        let inputs = inputs.ok_or(DataError::NoInputs)?;
        if !(spec.held_out_share > 0.0 && spec.held_out_share < 1.0) {
            return Err(DataError::Share(spec.held_out_share));
        }
        for (key, asked) in [("train", spec.train), ("held_out", spec.held_out)] {
            if asked > MOST {
                return Err(DataError::Many { key, asked });
            }
        }
        let draw = Draw { interpreter: &interpreter, inputs: &inputs, spec };
        let held_out = match spec.held_out_distributions.as_slice() {
            [] => &spec.distributions,
            names => names,
        };
        Ok(Self {
            train: Examples::new(config, &draw.pairs(&spec.distributions, Part::Train)?)?,
            held_out: Examples::new(config, &draw.pairs(held_out, Part::HeldOut)?)?,
        })
    }
}

impl Dataset {
    /// SHA-256 of all inputs and targets, in order.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        self.train.hash(&mut hash);
        self.held_out.hash(&mut hash);
        hex(hash)
    }
}

impl Examples {
    /// The inputs that a program declares and has a value on, and whether these are all: they are if
    /// there are at most `limit` before assumptions narrow them, otherwise as many are drawn.
    pub fn declared(
        program: &Program,
        facts: &Facts,
        config: &Config,
        limit: usize,
        seed: u64,
    ) -> Result<(Self, bool), DataError> {
        let interpreter = Interpreter::new(program);
        let inputs = Inputs::new(program, &interpreter, distinct_columns(program, facts));
        let inputs = inputs.ok_or(DataError::NoInputs)?;
        let labelled = |input: Columns| interpreter.outputs(&input).ok().map(|outputs| (input, outputs));
        let all = inputs.count() <= limit as u128;
        let pairs: Vec<Pair> = if all {
            inputs.all().filter_map(labelled).collect()
        } else {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            (0..limit).filter_map(|_| inputs.sample(&mut rng)).filter_map(labelled).collect()
        };
        Ok((Self::new(config, &pairs)?, all))
    }
}

/// An input, and the outputs of the program on it.
type Pair = (Columns, Vec<Vec<Value>>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Train,
    HeldOut,
}

struct Draw<'d> {
    interpreter: &'d Interpreter<'d>,
    inputs: &'d Inputs<'d>,
    spec: &'d Spec,
}

impl Draw<'_> {
    fn pairs(&self, names: &[String], part: Part) -> Result<Vec<Pair>, DataError> {
        let distributions: Vec<&dyn Distribution> =
            names.iter().map(|name| named(name)).collect::<Result<_, _>>()?;
        let wanted = if part == Part::Train { self.spec.train } else { self.spec.held_out };
        // Each part has a stream of its own, so that the size of one does not change the other.
        let mut rng = ChaCha8Rng::seed_from_u64(self.spec.seed);
        rng.set_stream(part as u64);
        let (mut pairs, mut seen, mut drawn) = (Vec::with_capacity(wanted), HashSet::new(), None);
        for _ in 0..wanted.saturating_mul(DRAWS) {
            if pairs.len() == wanted {
                return Ok(pairs);
            }
            let distribution = distributions.choose(&mut rng).ok_or(DataError::NoDistribution)?;
            let Some(input) = distribution.draw(self.inputs, &mut rng) else { continue };
            if self.part(&input) != part || !self.inputs.contains(&input) {
                drawn = Some(input);
                continue;
            }
            if part == Part::HeldOut && !seen.insert(input.clone()) {
                continue;
            }
            if let Ok(outputs) = self.interpreter.outputs(&input) {
                pairs.push((input, outputs));
            }
        }
        if part == Part::HeldOut && !pairs.is_empty() || wanted == 0 {
            return Ok(pairs);
        }
        let (draws, found) = (wanted.saturating_mul(DRAWS), pairs.len());
        Err(DataError::Few { distributions: names.join(", "), draws, found, wanted, drawn })
    }

    /// The part that an input belongs to.
    fn part(&self, input: &Columns) -> Part {
        let text = format!("{} {}", self.spec.seed, columns_text(input));
        let hash = Sha256::digest(text);
        let first = hash.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let place = f64::from(first) / (f64::from(u32::MAX) + 1.0);
        if place < self.spec.held_out_share { Part::HeldOut } else { Part::Train }
    }
}

fn named(name: &str) -> Result<&'static dyn Distribution, DataError> {
    distribution(name).ok_or_else(|| {
        let names = DISTRIBUTIONS.map(Distribution::name);
        let nearest = names.into_iter().min_by_key(|known| edit_distance(name, known));
        let nearest = nearest.unwrap_or_default().to_owned();
        DataError::Unknown { name: name.to_owned(), nearest, all: names.join(", ") }
    })
}
