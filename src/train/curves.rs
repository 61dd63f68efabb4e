//! How a run went, as a picture.

use super::evaluate::Evaluation;
use super::files::FileError;
use super::metrics::Curve;
use super::plot::{Line, Panel, Plot, Scale};
use super::trainer::{Event, Flow, Observer, State};
use crate::model::artifact::write_whole;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Draws the metrics of a run when it ends.
pub struct Curves {
    pub title: String,
    pub metrics: PathBuf,
    pub picture: PathBuf,
}

impl Observer for Curves {
    fn see(&mut self, event: &Event, _: &State) -> Result<Flow, FileError> {
        if *event == Event::Ended {
            let curve = Curve::read(&self.metrics).map_err(FileError::reading(&self.metrics))?;
            let picture = picture(&self.title, &[curve]);
            write_whole(&self.picture, picture.as_bytes()).map_err(FileError::writing(&self.picture))?;
        }
        Ok(Flow::Continue)
    }
}

/// Loss and accuracy over steps as SVG: of one run, or of several as thin lines with their median.
pub fn picture(title: &str, runs: &[Curve]) -> String {
    let held_out = |of: fn(&Evaluation) -> f64| -> Vec<Points> {
        let run =
            |run: &Curve| run.held_out.iter().map(|(step, evaluation)| (*step, of(evaluation))).collect();
        runs.iter().map(run).collect()
    };
    let training: Vec<Points> = runs.iter().map(|run| averaged(&run.loss)).collect();
    let loss = [("training", training), ("held out", held_out(|e| e.loss))];
    let accuracy = [
        ("tokens", held_out(|e| 100.0 * e.token_accuracy)),
        ("sequences", held_out(|e| 100.0 * e.sequence_accuracy)),
    ];
    let panel = |y: &str, scale: Scale, curves: [(&str, Vec<Points>); 2]| {
        let lines = curves.into_iter().enumerate().flat_map(|(i, (name, runs))| lines(name, i, runs));
        Panel { y: y.to_owned(), scale, lines: lines.collect() }
    };
    Plot {
        title: title.to_owned(),
        x: "step".to_owned(),
        panels: vec![
            panel("loss", Scale::Log, loss),
            panel("held-out accuracy in %", Scale::UpTo(100.0), accuracy),
        ],
    }
    .svg()
}

type Points = Vec<(f64, f64)>;

/// One curve of each run: a line, or thin ones below their median.
fn lines(name: &str, colour: usize, mut runs: Vec<Points>) -> Vec<Line> {
    if runs.len() == 1 {
        return vec![Line { name: Some(name.to_owned()), colour, thin: false, points: runs.remove(0) }];
    }
    let middle = medians(&runs);
    let thin = runs.into_iter().map(|points| Line { name: None, colour, thin: true, points });
    let name = Some(format!("{name} (median)"));
    thin.chain([Line { name, colour, thin: false, points: middle }]).collect()
}

/// The median at every step that some run has a number for.
fn medians(runs: &[Points]) -> Points {
    let mut at: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (step, y) in runs.iter().flatten() {
        at.entry(*step as u64).or_default().push(*y);
    }
    at.into_iter().map(|(step, ys)| (step as f64, median(ys))).collect()
}

/// The middle number, or the mean of the middle two; NaN of none.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let n = numbers.len();
    match n {
        0 => f64::NAN,
        _ => f64::midpoint(numbers[(n - 1) / 2], numbers[n / 2]),
    }
}

/// More points than these are not told apart in a picture.
const POINTS: usize = 400;

/// Means of neighbours where there are more points than a picture shows; the loss of single batches
/// is noisy.
fn averaged(points: &[(f64, f64)]) -> Points {
    let mean = |part: &[(f64, f64)]| {
        let n = part.len() as f64;
        (part.iter().map(|p| p.0).sum::<f64>() / n, part.iter().map(|p| p.1).sum::<f64>() / n)
    };
    points.chunks(points.len().div_ceil(POINTS).max(1)).map(mean).collect()
}
