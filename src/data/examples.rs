//! Inputs and what is asked of them, as flat arrays.

use crate::inputs::Columns;
use crate::model::{Batch, Config, Decode, InputError, Tokenizer};
use crate::value::Value;
use sha2::{Digest as _, Sha256};

/// A class at a position that no target is given for: BOS and padding.
pub const IGNORED: u32 = u32::MAX;

/// Inputs with their targets, padded to one length.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    pub batch: Batch,
    /// One per output.
    pub targets: Vec<Targets>,
}

/// What an output should be, `[batch, seq]` row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// The index of the right logit, or [`IGNORED`].
    Classes(Vec<u32>),
    /// The number, or NaN where none is asked for.
    Numbers(Vec<f64>),
}

impl Examples {
    /// Inputs as a model reads them, beside the outputs that a program gives them. A value that an
    /// output of the model cannot take is no target.
    pub fn new(config: &Config, pairs: &[(Columns, Vec<Vec<Value>>)]) -> Result<Self, InputError> {
        let inputs: Vec<&[Vec<Value>]> = pairs.iter().map(|(input, _)| input.as_slice()).collect();
        let batch = Tokenizer::new(config).batch(&inputs, config.max_len())?;
        let bos = usize::from(config.bos);
        let rows =
            |o: usize| pairs.iter().map(move |(_, outputs)| outputs.get(o).map_or(&[][..], Vec::as_slice));
        let mut targets = Vec::new();
        for (o, output) in config.outputs.iter().enumerate() {
            targets.push(match &output.decode {
                Decode::Categorical { values } => {
                    let class =
                        |v: &Value| values.iter().position(|known| known == v).map_or(IGNORED, |i| i as u32);
                    Targets::Classes(padded(rows(o), bos, batch.seq, IGNORED, class))
                }
                Decode::Numeric { .. } => {
                    let number = |v: &Value| v.number().map_or(f64::NAN, |n| n.to_f64());
                    Targets::Numbers(padded(rows(o), bos, batch.seq, f64::NAN, number))
                }
            });
        }
        Ok(Self { batch, targets })
    }

    /// Number of inputs.
    pub fn len(&self) -> usize {
        self.batch.lengths.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of tokens, BOS and padding left out.
    pub fn tokens(&self, bos: bool) -> usize {
        self.batch.lengths.iter().map(|l| l - usize::from(bos)).sum()
    }

    /// Feeds all arrays into a hash, each after its kind and length.
    pub(super) fn hash(&self, hash: &mut Sha256) {
        let Batch { seq, lengths, tokens } = &self.batch;
        let mut add = |kind: u8, numbers: &mut dyn ExactSizeIterator<Item = u64>| {
            hash.update([kind]);
            hash.update((numbers.len() as u64).to_le_bytes());
            numbers.for_each(|number| hash.update(number.to_le_bytes()));
        };
        add(0, &mut [*seq as u64].into_iter());
        add(1, &mut lengths.iter().map(|length| *length as u64));
        tokens.iter().for_each(|tokens| add(2, &mut tokens.iter().map(|token| u64::from(*token))));
        for targets in &self.targets {
            match targets {
                Targets::Classes(classes) => add(3, &mut classes.iter().map(|class| u64::from(*class))),
                Targets::Numbers(numbers) => add(4, &mut numbers.iter().map(|x| x.to_bits())),
            }
        }
    }

    /// Some of the examples, in this order. Rows must be below [`Self::len`].
    pub fn select(&self, rows: &[usize]) -> Self {
        let seq = self.batch.seq;
        let batch = Batch {
            seq,
            lengths: rows.iter().map(|&r| self.batch.lengths[r]).collect(),
            tokens: self.batch.tokens.iter().map(|tokens| taken(tokens, rows, seq)).collect(),
        };
        let targets = self.targets.iter().map(|targets| match targets {
            Targets::Classes(classes) => Targets::Classes(taken(classes, rows, seq)),
            Targets::Numbers(numbers) => Targets::Numbers(taken(numbers, rows, seq)),
        });
        Self { batch, targets: targets.collect() }
    }
}

/// Rows of a table with so many columns.
fn taken<T: Copy>(table: &[T], rows: &[usize], columns: usize) -> Vec<T> {
    rows.iter().flat_map(|&r| &table[r * columns..(r + 1) * columns]).copied().collect()
}

fn padded<'v, T: Clone>(
    rows: impl Iterator<Item = &'v [Value]>,
    bos: usize,
    seq: usize,
    none: T,
    target: impl Fn(&Value) -> T,
) -> Vec<T> {
    let mut table = Vec::new();
    for row in rows {
        let end = table.len() + seq;
        table.resize(table.len() + bos, none.clone());
        table.extend(row.iter().map(&target));
        table.resize(end, none.clone());
    }
    table
}
