//! The folder of a training run, and what lies in it.

use super::program;
use crate::model::{Transformer, artifact};
use crate::train::{Checkpoint, Experiment, State};
use anyhow::{Context as _, bail, ensure};
use candle_core::{Device, Tensor};
use std::path::{Path, PathBuf};

/// A folder that is one run's, or that of several seeds, with a folder in it for each.
#[derive(Clone)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The folder of one seed of several.
    pub fn of_seed(&self, seed: u64) -> Self {
        Self(self.0.join(format!("seed_{seed}")))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The experiment with the value of every key.
    pub fn experiment(&self) -> PathBuf {
        self.0.join("experiment.toml")
    }

    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }

    pub fn curves(&self) -> PathBuf {
        self.0.join("curves.svg")
    }

    pub fn checkpoint(&self) -> PathBuf {
        self.0.join("checkpoint.safetensors")
    }

    pub fn model(&self) -> PathBuf {
        self.0.join("model.safetensors")
    }

    /// Makes the folder that of an experiment; to resume, it must be that already.
    pub fn claim(&self, resolved: &str, resume: bool) -> anyhow::Result<()> {
        let (folder, path) = (self.0.display(), self.experiment());
        std::fs::create_dir_all(&self.0).with_context(|| format!("cannot make the folder {folder}"))?;
        match (resume, path.exists()) {
            (true, true) => ensure!(
                program::read_text(&path)? == resolved,
                "{} is another experiment; '--resume' goes on with the same one only",
                path.display()
            ),
            (true, false) => bail!("there is no run to resume in {folder}"),
            (false, true) => {
                bail!(
                    "there is a run in {folder} already; '--resume' goes on with it, '--out' begins another"
                )
            }
            (false, false) => artifact::write_whole(&path, resolved.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?,
        }
        Ok(())
    }

    /// The state that a run goes on from: its checkpoint if it resumes and has one, otherwise these
    /// parameters.
    pub fn state(
        &self,
        experiment: &Experiment,
        shape: &Transformer,
        resume: bool,
        first: impl FnOnce() -> candle_core::Result<Tensor>,
    ) -> anyhow::Result<State> {
        let path = self.checkpoint();
        if resume && path.exists() {
            let (n, dtype) = (shape.layout().len(), experiment.train.dtype.dtype());
            let state = Checkpoint::load(&path, n, dtype, &Device::Cpu);
            return state.with_context(|| format!("cannot resume {}", path.display()));
        }
        // A run that has ended has a checkpoint: to begin again would lose what it found.
        ensure!(!(resume && self.model().exists()), "{} is gone; '--out' begins another run", path.display());
        Ok(State::new(&first()?)?)
    }
}
