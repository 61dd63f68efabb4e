//! Inputs as tokens: several sequences of different lengths, side by side.

use super::config::{ColumnConfig, Config};
use crate::value::Value;
use candle_core::Error;
use std::collections::HashMap;

/// Why an input is none of a model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InputError {
    #[error("the model reads {expected} columns, the input has {found}")]
    Columns { expected: usize, found: usize },
    #[error("the columns have different lengths: `{column}` has {found} values, the first one {expected}")]
    Ragged { column: String, expected: usize, found: usize },
    #[error("the input is empty")]
    Empty,
    #[error("the input has {length} positions, the model takes {max} at most")]
    TooLong { length: usize, max: usize },
    #[error("{value}, at position {position} of `{column}`, is not in the model's vocabulary")]
    Unknown { column: String, position: usize, value: Value },
}

/// Sequences of tokens, padded to one length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Positions of the longest sequence or more, BOS included.
    pub seq: usize,
    /// Positions of each sequence, BOS included.
    pub lengths: Vec<usize>,
    /// Per column, `[batch, seq]` row by row. What stands in the padding gets
    /// attention 0.
    pub tokens: Vec<Vec<u32>>,
}

impl Batch {
    /// Checks that the batch fits a network: the number of columns and tokens, token ids below the size of the
    /// vocabulary, sequence lengths from 1 to `seq`, and `seq` at most `n_ctx`.
    pub(super) fn check(&self, config: &Config) -> Result<(), Error> {
        let Self { seq, lengths, tokens } = self;
        let cells = lengths.len() * seq;
        let rows = |column: &ColumnConfig| column.vocabulary.len() + usize::from(config.bos);
        let columns = || tokens.iter().zip(&config.columns);
        let wrong = if tokens.len() != config.columns.len() {
            format!("it has {} columns, and the network {}", tokens.len(), config.columns.len())
        } else if *seq > config.n_ctx {
            format!("seq is {seq}, and n_ctx {}", config.n_ctx)
        } else if let Some(length) = lengths.iter().find(|length| !(1..=*seq).contains(*length)) {
            format!("a sequence has {length} positions, and seq is {seq}")
        } else if let Some(tokens) = tokens.iter().find(|tokens| tokens.len() != cells) {
            format!("a column has {} tokens, and {} rows of {seq} have {cells}", tokens.len(), lengths.len())
        } else if let Some((column, token)) = columns().find_map(|(tokens, column)| {
            tokens.iter().find(|token| **token as usize >= rows(column)).map(|token| (column, token))
        }) {
            format!("token {token} of `{}` is not below {}", column.name, rows(column))
        } else {
            return Ok(());
        };
        Err(Error::Msg(format!("the batch does not fit the network: {wrong}")))
    }
}

/// The tokens of a model's vocabularies.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    columns: Vec<(String, HashMap<Value, u32>)>,
    bos: bool,
    max_len: usize,
}

impl Tokenizer {
    pub fn new(config: &Config) -> Self {
        let tokens = |v: &[Value]| v.iter().cloned().zip(0..).collect();
        let columns = config.columns.iter().map(|c| (c.name.clone(), tokens(&c.vocabulary))).collect();
        Self { columns, bos: config.bos, max_len: config.max_len() }
    }

    /// Inputs (each one list per column) as tokens, padded to `pad_to` positions of input, or
    /// to the longest of them.
    pub fn batch(&self, inputs: &[&[Vec<Value>]], pad_to: usize) -> Result<Batch, InputError> {
        let bos = usize::from(self.bos);
        let mut lengths = Vec::with_capacity(inputs.len());
        for input in inputs {
            lengths.push(self.check(input)? + bos);
        }
        let longest = lengths.iter().copied().max().unwrap_or(bos);
        let seq = longest.max(pad_to.min(self.max_len) + bos);
        let column = |c: usize| {
            let (name, known) = &self.columns[c];
            let mut tokens = Vec::with_capacity(inputs.len() * seq);
            for input in inputs {
                let end = tokens.len() + seq;
                tokens.extend(self.bos.then_some(known.len() as u32));
                for (position, value) in input[c].iter().enumerate() {
                    let token = known.get(value).ok_or_else(|| InputError::Unknown {
                        column: name.clone(),
                        position,
                        value: value.clone(),
                    })?;
                    tokens.push(*token);
                }
                tokens.resize(end, 0);
            }
            Ok(tokens)
        };
        let tokens = (0..self.columns.len()).map(column).collect::<Result<_, _>>()?;
        Ok(Batch { seq, lengths, tokens })
    }

    /// The length of an input of the right shape.
    fn check(&self, input: &[Vec<Value>]) -> Result<usize, InputError> {
        if input.len() != self.columns.len() {
            return Err(InputError::Columns { expected: self.columns.len(), found: input.len() });
        }
        let length = input.first().map_or(0, Vec::len);
        if let Some((c, found)) = input.iter().map(Vec::len).enumerate().find(|(_, l)| *l != length) {
            let column = self.columns[c].0.clone();
            return Err(InputError::Ragged { column, expected: length, found });
        }
        match length {
            0 => Err(InputError::Empty),
            length if length > self.max_len => Err(InputError::TooLong { length, max: self.max_len }),
            length => Ok(length),
        }
    }
}
