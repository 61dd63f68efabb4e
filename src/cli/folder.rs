//! The folder of a training run, and what lies in it.

use super::lock::Lock;
use super::program;
use crate::model::{Transformer, artifact};
use crate::train::{Change, Checkpoint, Experiment, Origin, State};
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

    /// The report as JSON.
    pub fn report(&self) -> PathBuf {
        self.0.join("report.json")
    }

    /// Hashes of the program, the data and the initial model that the run was started with.
    fn origin(&self) -> PathBuf {
        self.0.join("origin.json")
    }

    /// Creates the folder and locks it. To resume, it must already contain a run.
    pub fn lock(&self, resume: bool) -> anyhow::Result<Lock> {
        let folder = self.0.display();
        ensure!(!resume || self.experiment().exists(), "{folder} contains no run to resume");
        std::fs::create_dir_all(&self.0).with_context(|| format!("cannot make the folder {folder}"))?;
        Lock::take(&self.0)
    }

    /// Records the experiment of a new run. To resume, checks that the recorded experiment is the same, and
    /// returns the changes among the keys that may change ([`Change::is_free`]).
    pub fn claim(
        &self,
        experiment: &Experiment,
        origin: &Origin,
        resume: bool,
    ) -> anyhow::Result<Vec<Change>> {
        let (folder, path) = (self.0.display(), self.experiment());
        if !resume {
            ensure!(!path.exists(), "{folder} already contains a run; pass --resume or choose another --out");
            write(&self.origin(), &(serde_json::to_string_pretty(origin)? + "\n"))?;
            // The folder counts as a run once this file exists, so it is written last.
            write(&path, &experiment.to_toml()?)?;
            return Ok(Vec::new());
        }
        let before = Experiment::parse(&program::read_text(&path)?, &[]);
        let before = before.with_context(|| path.display().to_string())?;
        let (free, others): (Vec<_>, Vec<_>) = before
            .changes(experiment)?
            .into_iter()
            .filter(|change| !change.is_name())
            .partition(Change::is_free);
        if let Some(change) = others.first() {
            bail!(
                "the run in {folder} was started with {} = {}, and now it is {}; --resume needs the same \
                 experiment, and another --out starts a new run",
                change.key,
                change.before(),
                change.after()
            );
        }
        let text = match std::fs::read_to_string(self.origin()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                bail!(
                    "{} does not exist, so the run cannot be resumed; choose another --out",
                    self.origin().display()
                )
            }
            read => read.with_context(|| format!("cannot read {}", self.origin().display()))?,
        };
        let began: Origin = serde_json::from_str(&text).with_context(|| {
            format!("{} is damaged, so the run cannot be resumed", self.origin().display())
        })?;
        if let Some(changed) = began.changed(origin) {
            bail!("the run in {folder} cannot be resumed: {changed}, or choose another --out");
        }
        Ok(free)
    }

    /// The text of `experiment.toml`. If keys have changed, the file is rewritten with a comment for each: its
    /// old value, and the step up to which it applied.
    pub fn resolved(
        &self,
        experiment: &Experiment,
        changes: &[Change],
        step: Option<usize>,
    ) -> anyhow::Result<String> {
        let path = self.experiment();
        let before = program::read_text(&path)?;
        if changes.is_empty() {
            return Ok(before);
        }
        let mut text: String =
            before.lines().take_while(|l| l.starts_with('#')).map(|l| l.to_owned() + "\n").collect();
        let until = step.map_or("before".to_owned(), |step| format!("until step {step}"));
        for change in changes {
            text += &format!("# {until}: {} = {}\n", change.key, change.before());
        }
        text += &experiment.to_toml()?;
        write(&path, &text)?;
        Ok(text)
    }

    /// The state that a run goes on from: its checkpoint if it resumes and has one, otherwise these
    /// parameters.
    pub fn state(
        &self,
        experiment: &Experiment,
        shape: &Transformer,
        resume: bool,
        first: Tensor,
    ) -> anyhow::Result<State> {
        let path = self.checkpoint();
        if resume && path.exists() {
            let (n, dtype) = (shape.layout().len(), experiment.train.dtype.dtype());
            let state = Checkpoint::load(&path, n, dtype, &Device::Cpu);
            let state = state.with_context(|| format!("cannot resume {}", path.display()))?;
            let (done, steps) = (state.step, experiment.train.steps);
            ensure!(
                done <= steps,
                "the run in {} has already done {done} steps, and train.steps is {steps}; set at least {done}",
                self.0.display()
            );
            return Ok(state);
        }
        // A run that has ended has a checkpoint: to begin again would lose what it found.
        ensure!(!(resume && self.model().exists()), "{} is gone; '--out' begins another run", path.display());
        Ok(State::new(&first)?)
    }
}

/// Writes a text file atomically.
pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    artifact::write_whole(path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}
