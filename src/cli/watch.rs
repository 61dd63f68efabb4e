//! Observers of a training run: metrics, checkpoints, curves, progress and Ctrl-C.

use super::folder::Folder;
use super::interrupt::Interrupt;
use super::progress::{quantity, time};
use super::ui::Bar;
use crate::train::{
    Checkpoints, Curves, Evaluation, Event, FileError, Flow, Metrics, Observer, State, TrainConfig,
};
use std::time::{Duration, Instant};

/// All observers of a run.
pub struct Watching<'r> {
    metrics: Metrics,
    checkpoints: Checkpoints,
    /// Reads the metrics file, so it comes after it.
    curves: Curves,
    progress: Progress<'r>,
    interrupt: &'r Interrupt,
}

impl<'r> Watching<'r> {
    pub fn new(
        folder: &Folder,
        config: &TrainConfig,
        title: &str,
        state: &State,
        progress: Progress<'r>,
        interrupt: &'r Interrupt,
    ) -> Result<Self, FileError> {
        Ok(Self {
            metrics: Metrics::open(&folder.metrics(), config, state.step)?,
            checkpoints: Checkpoints { path: folder.checkpoint(), every: config.checkpoint_every },
            curves: Curves { title: title.to_owned(), metrics: folder.metrics(), picture: folder.curves() },
            progress,
            interrupt,
        })
    }
}

impl Observer for Watching<'_> {
    fn see(&mut self, event: &Event, state: &State) -> Result<Flow, FileError> {
        let Self { metrics, checkpoints, curves, progress, interrupt } = self;
        let observers: [&mut dyn Observer; 4] = [metrics, checkpoints, curves, progress];
        for observer in observers {
            observer.see(event, state)?;
        }
        Ok(if interrupt.asked() { Flow::Stop } else { Flow::Continue })
    }
}

/// The progress bar; without a terminal, one line per evaluation.
pub struct Progress<'r> {
    bar: &'r Bar,
    /// Prefix of each line if there are several runs: `seed 3: `.
    name: String,
    steps: usize,
    held_out: Option<Evaluation>,
    since: Instant,
    /// Steps and tokens since then, and the loss of the last step.
    done: usize,
    tokens: usize,
    loss: f64,
}

impl<'r> Progress<'r> {
    pub fn new(bar: &'r Bar, name: String, steps: usize) -> Self {
        Self { bar, name, steps, held_out: None, since: Instant::now(), done: 0, tokens: 0, loss: 0.0 }
    }

    /// `loss 0.1234, held out 1.2e-5 (99.98 %), 1.1 M tokens/s`.
    fn text(&self) -> String {
        let mut parts = Vec::new();
        if self.done > 0 {
            parts.push(format!("loss {}", loss_text(self.loss)));
        }
        if let Some(Evaluation { loss, token_accuracy, .. }) = self.held_out {
            parts.push(format!("held out {} ({:.2} %)", loss_text(loss), 100.0 * token_accuracy));
        }
        if self.done > 0 {
            parts.push(format!(
                "{} tokens/s",
                quantity(self.tokens as f64 / self.since.elapsed().as_secs_f64())
            ));
        }
        parts.join(", ")
    }

    /// Estimated time for the remaining steps, from the mean time per step.
    fn left(&self, step: usize) -> Option<Duration> {
        let rest = self.steps.saturating_sub(step);
        (self.done > 0 && rest > 0).then(|| self.since.elapsed().mul_f64(rest as f64 / self.done as f64))
    }
}

impl Observer for Progress<'_> {
    fn see(&mut self, event: &Event, state: &State) -> Result<Flow, FileError> {
        match event {
            Event::Step { loss, tokens, .. } => {
                self.loss = *loss;
                self.done += 1;
                self.tokens += tokens;
                self.bar.at(state.step, || self.text());
            }
            Event::Evaluated(evaluation) => {
                self.held_out = Some(*evaluation);
                let left = self.left(state.step).map(|left| format!(", {} left", time(left)));
                let (step, steps, left) = (state.step, self.steps, left.unwrap_or_default());
                self.bar.line(|| format!("{}step {step} of {steps}: {}{left}", self.name, self.text()));
            }
            Event::Ended => {}
        }
        Ok(Flow::Continue)
    }
}

/// A loss, in scientific notation where four decimals do not suffice.
fn loss_text(loss: f64) -> String {
    if (1e-3..1e4).contains(&loss) || loss == 0.0 { format!("{loss:.4}") } else { format!("{loss:.1e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_near_0_keep_two_digits() {
        let losses = [0.0, 1.2e-5, 0.0123456, 3.0, 123_456.0, f64::NAN].map(loss_text);
        assert_eq!(losses, ["0.0000", "1.2e-5", "0.0123", "3.0000", "1.2e5", "NaN"]);
    }
}
