//! What happened in a run, a line of JSON per event.

use super::evaluate::Evaluation;
use super::experiment::TrainConfig;
use super::files::FileError;
use super::trainer::{Event, Flow, Observer, State};
use crate::model::artifact::write_whole;
use serde_json::{Value as Json, json};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Writes `{"step", "loss", "norm", "lr"}` every so many steps, and what held-out examples said:
/// `{"step", "held_out": {…}}`. `step` counts the steps done.
pub struct Metrics {
    path: PathBuf,
    /// Every line is written at once: what a checkpoint follows must not be lost.
    file: File,
    every: usize,
}

impl Metrics {
    /// Goes on with a file: what it says of steps after `step` is left out, since they come again.
    pub fn open(path: &Path, config: &TrainConfig, step: usize) -> Result<Self, FileError> {
        let text = if step > 0 { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() };
        let again = config.evaluates_at(step);
        let done = |line: &&str| {
            let json: Option<Json> = serde_json::from_str(line).ok();
            let at = json.as_ref().and_then(|j| j["step"].as_u64());
            let held_out = json.is_some_and(|j| !j["held_out"].is_null());
            at.is_some_and(|at| at < step as u64 || at == step as u64 && !(held_out && again))
        };
        let kept: String = text.lines().filter(done).map(|line| line.to_owned() + "\n").collect();
        let open = || {
            write_whole(path, kept.as_bytes())?;
            File::options().append(true).open(path)
        };
        let file = open().map_err(FileError::writing(path))?;
        Ok(Self { path: path.to_owned(), file, every: config.log_every.max(1) })
    }

    /// Appends a line, or leaves the file unchanged if that fails.
    fn add(&mut self, line: &str) -> std::io::Result<()> {
        let len = self.file.metadata()?.len();
        let written = self.file.write_all(line.as_bytes());
        if written.is_err() {
            // The first error is the one to tell.
            let _ = self.file.set_len(len);
        }
        written
    }
}

impl Observer for Metrics {
    fn see(&mut self, event: &Event, state: &State) -> Result<Flow, FileError> {
        let step = state.step;
        let line = match event {
            Event::Step { loss, norm, lr, .. } if step.is_multiple_of(self.every) => {
                json!({ "step": step, "loss": loss, "norm": norm, "lr": lr })
            }
            Event::Evaluated(evaluation) => json!({ "step": step, "held_out": evaluation }),
            Event::Step { .. } | Event::Ended => return Ok(Flow::Continue),
        };
        self.add(&format!("{line}\n")).map_err(FileError::writing(&self.path))?;
        Ok(Flow::Continue)
    }
}

/// The metrics of a run by the number of steps done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// The loss of a batch.
    pub loss: Vec<(f64, f64)>,
    pub held_out: Vec<(f64, Evaluation)>,
}

impl Curve {
    /// Reads what [`Metrics`] wrote. A line that a kill cut off is left out.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        let mut curve = Self::default();
        for line in std::fs::read_to_string(path)?.lines() {
            let Ok(mut json) = serde_json::from_str::<Json>(line) else { continue };
            let Some(step) = json["step"].as_f64() else { continue };
            curve.loss.extend(json["loss"].as_f64().map(|loss| (step, loss)));
            let held_out = serde_json::from_value(json["held_out"].take()).ok();
            curve.held_out.extend(held_out.map(|evaluation| (step, evaluation)));
        }
        Ok(curve)
    }
}
