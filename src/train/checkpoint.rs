//! A run that ended at any moment goes on from here.

use super::files::FileError;
use super::trainer::{Event, Flow, Observer, State};
use crate::model::artifact::{hex, write_whole};
use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A state as a file: the tensor `state` `[3, n]`, and in the metadata the step, the first and the best loss
/// and the [`hash`] of all that.
pub struct Checkpoint;

/// Why a file is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the file is no intact checkpoint: {0}")]
    Container(#[from] SafeTensorError),
    #[error("the file is no checkpoint of this experiment: {0}")]
    Foreign(&'static str),
    #[error("the checkpoint was changed after it was written: its hash is another")]
    Changed,
    #[error(transparent)]
    Device(#[from] candle_core::Error),
}

impl Checkpoint {
    /// Writes a state, by [`write_whole`].
    pub fn save(state: &State, path: &Path) -> Result<(), CheckpointError> {
        let entries = state.tensor.flatten_all()?;
        let (dtype, bytes): (_, Vec<u8>) = match entries.dtype() {
            DType::F64 => {
                (Dtype::F64, entries.to_vec1::<f64>()?.iter().flat_map(|x| x.to_le_bytes()).collect())
            }
            _ => (Dtype::F32, entries.to_vec1::<f32>()?.iter().flat_map(|x| x.to_le_bytes()).collect()),
        };
        let view = TensorView::new(dtype, state.tensor.dims().to_vec(), &bytes)?;
        let mut metadata = HashMap::from([("step".to_owned(), state.step.to_string())]);
        if let Some((loss, step)) = state.best {
            metadata.insert("best_loss_bits".to_owned(), loss.to_bits().to_string());
            metadata.insert("best_step".to_owned(), step.to_string());
        }
        if let Some(loss) = state.start {
            metadata.insert("start_loss_bits".to_owned(), loss.to_bits().to_string());
        }
        metadata.insert(HASH.to_owned(), hash(&metadata, &bytes));
        let file = safetensors::serialize([("state", view)], Some(metadata))?;
        Ok(write_whole(path, &file)?)
    }

    /// Reads a state of so many parameters.
    pub fn load(path: &Path, n: usize, dtype: DType, device: &Device) -> Result<State, CheckpointError> {
        let file = std::fs::read(path)?;
        let (_, header) = SafeTensors::read_metadata(&file)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let number = |key: &str| metadata.get(key)?.parse::<u64>().ok();
        let step = number("step").ok_or(CheckpointError::Foreign("it has no step"))? as usize;
        let best = number("best_loss_bits").zip(number("best_step"));
        let best = best.map(|(bits, step)| (f64::from_bits(bits), step as usize));
        let start = number("start_loss_bits").map(f64::from_bits);
        let tensors = SafeTensors::deserialize(&file)?;
        let state = tensors.tensor("state")?;
        if metadata.get(HASH) != Some(&hash(&metadata, state.data())) {
            return Err(CheckpointError::Changed);
        }
        if state.shape() != [super::optimiser::ROWS, n] {
            return Err(CheckpointError::Foreign("the network has another number of parameters"));
        }
        let tensor = match (state.dtype(), dtype) {
            (Dtype::F32, DType::F32) => {
                let entries = state.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
                Tensor::from_vec(entries.collect::<Vec<_>>(), state.shape(), device)?
            }
            (Dtype::F64, DType::F64) => {
                let entries = state.data().as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b));
                Tensor::from_vec(entries.collect::<Vec<_>>(), state.shape(), device)?
            }
            _ => return Err(CheckpointError::Foreign("its numbers are of another kind")),
        };
        Ok(State { step, tensor, best, start })
    }
}

/// Where the hash stands in the metadata.
const HASH: &str = "sha256";

/// SHA-256 of the metadata, but for the hash itself, and of the numbers.
fn hash(metadata: &HashMap<String, String>, numbers: &[u8]) -> String {
    let mut lines: Vec<_> = metadata.iter().filter(|(key, _)| *key != HASH).collect();
    lines.sort();
    let mut hash = Sha256::new();
    for (key, value) in lines {
        hash.update(format!("{key}={value}\n"));
    }
    hash.update(numbers);
    hex(hash)
}

/// Saves the state every so many steps, and at the end.
pub struct Checkpoints {
    pub path: PathBuf,
    pub every: usize,
}

impl Observer for Checkpoints {
    fn see(&mut self, event: &Event, state: &State) -> Result<Flow, FileError> {
        let due = match event {
            Event::Step { .. } => self.every > 0 && state.step.is_multiple_of(self.every),
            Event::Evaluated(_) => false,
            Event::Ended => true,
        };
        if due {
            Checkpoint::save(state, &self.path).map_err(FileError::writing(&self.path))?;
        }
        Ok(Flow::Continue)
    }
}
