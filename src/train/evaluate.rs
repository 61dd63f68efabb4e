//! How good is a network on examples?

use super::loss::{counts, loss};
use crate::data::{Examples, IGNORED, Targets};
use crate::model::{NoHooks, Transformer};
use candle_core::{DType, Result, Tensor};
use serde::{Deserialize, Serialize};

/// What examples say of a network. Accuracies are shares, between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// As in training: nats per token, or the mean square error of numbers, summed over outputs.
    pub loss: f64,
    /// Of single outputs at single positions; a number is right within the tolerance.
    pub token_accuracy: f64,
    /// Of whole sequences: all outputs at all positions.
    pub sequence_accuracy: f64,
    pub sequences: usize,
}

/// Examples that run side by side.
const BATCH: usize = 256;

/// Runs a network on examples.
pub fn evaluate(model: &Transformer, examples: &Examples, tolerance: f64) -> Result<Evaluation> {
    let counts = counts(&examples.targets);
    let (mut sum, mut tokens, mut right_tokens, mut right_sequences) = (0.0, 0, 0, 0);
    let rows: Vec<usize> = (0..examples.len()).collect();
    for rows in rows.chunks(BATCH) {
        let part = examples.select(rows);
        let logits = model.forward(&part.batch, &mut NoHooks)?;
        sum += loss(&logits, &part.targets, &counts)?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
        let mut wrong = vec![false; rows.len()];
        for (logits, targets) in logits.iter().zip(&part.targets) {
            for (at, right) in verdicts(logits, targets, tolerance)? {
                tokens += 1;
                right_tokens += usize::from(right);
                wrong[at / part.batch.seq] |= !right;
            }
        }
        right_sequences += wrong.iter().filter(|wrong| !**wrong).count();
    }
    Ok(Evaluation {
        loss: sum,
        token_accuracy: share(right_tokens, tokens),
        sequence_accuracy: share(right_sequences, examples.len()),
        sequences: examples.len(),
    })
}

fn share(part: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

/// The share of outputs, over all positions that have a target, that two networks decode alike.
pub fn agreement(a: &Transformer, b: &Transformer, examples: &Examples) -> Result<f64> {
    let (mut alike, mut all) = (0_usize, 0_usize);
    let rows: Vec<usize> = (0..examples.len()).collect();
    for rows in rows.chunks(BATCH) {
        let batch = examples.select(rows).batch;
        let outputs = |model: &Transformer| model.decode(&batch, &model.forward(&batch, &mut NoHooks)?);
        for (a, b) in outputs(a)?.iter().flatten().flatten().zip(outputs(b)?.iter().flatten().flatten()) {
            all += 1;
            alike += usize::from(a == b);
        }
    }
    Ok(share(alike, all))
}

/// For each target, its place in `[batch, seq]` and whether the logits `[batch, seq, width]` meet it.
fn verdicts(logits: &Tensor, targets: &Targets, tolerance: f64) -> Result<Vec<(usize, bool)>> {
    let width = logits.dim(2)?.max(1);
    let logits = logits.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    let rows = logits.chunks(width).enumerate();
    Ok(match targets {
        Targets::Classes(classes) => {
            let asked = rows.zip(classes).filter(|(_, class)| **class != IGNORED);
            // As a model decodes: the first of the greatest logits.
            let greatest = |row: &[f64]| (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b]));
            asked.map(|((at, row), class)| (at, greatest(row) == Some(*class as usize))).collect()
        }
        Targets::Numbers(numbers) => {
            let asked = rows.zip(numbers).filter(|(_, number)| !number.is_nan());
            asked.map(|((at, row), number)| (at, (row[0] - number).abs() <= tolerance)).collect()
        }
    })
}
