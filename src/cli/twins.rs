//! A compiled network and a trained one, side by side.

use super::program::Loaded;
use super::{Ui, verdict};
use crate::data::{Dataset, Examples};
use crate::facts::Facts;
use crate::inputs::named_text;
use crate::model::{Artifact, Transformer};
use crate::train::{Evaluation, Experiment, agreement, evaluate};
use crate::verify::check::prove;
use crate::verify::{self, Effort, Verdict};
use candle_core::Device;
use serde_json::{Value as Json, json};
use std::path::Path;

/// Two networks of one program.
pub struct Twins<'t> {
    pub compiled: &'t Artifact,
    pub trained: &'t Artifact,
    pub loaded: &'t Loaded,
    pub facts: &'t Facts,
    pub data: &'t Dataset,
}

/// What is said of them.
pub struct Report {
    program: String,
    steps: usize,
    compiled: Half,
    trained: Half,
    /// The share of outputs on declared inputs that both decode alike.
    agreement: f64,
}

struct Half {
    parameters: usize,
    /// The Euclidean norm of all parameters.
    norm: f64,
    held_out: Evaluation,
    declared: Evaluation,
    verdict: String,
}

/// Declared inputs that are looked at: all if there are no more, otherwise as many random ones.
const DECLARED: usize = 10_000;

impl Twins<'_> {
    pub fn compare(&self, experiment: &Experiment, steps: usize, ui: &Ui) -> anyhow::Result<Report> {
        let Self { compiled, trained, loaded, facts, data } = self;
        let (program, seed, tolerance) = (&loaded.program, experiment.data.seed, experiment.train.tolerance);
        let config = &trained.manifest.config;
        let declared = Examples::declared(program, facts, config, DECLARED, seed)?;
        let place = |artifact: &Artifact| Transformer::from_artifact(artifact, &Device::Cpu);
        let (theirs, ours) = (place(compiled)?, place(trained)?);
        let half = |artifact: &Artifact, model: &Transformer| -> anyhow::Result<Half> {
            let squares = artifact
                .weights
                .named()
                .into_iter()
                .flat_map(|(_, m)| m.iter().map(|x| f64::from(*x).powi(2)));
            let squares: Vec<f64> = squares.collect();
            Ok(Half {
                parameters: squares.len(),
                norm: squares.iter().sum::<f64>().sqrt(),
                held_out: evaluate(model, &data.held_out, tolerance)?,
                declared: evaluate(model, &declared, tolerance)?,
                verdict: self.verdict(artifact, model, seed)?,
            })
        };
        let name = loaded.name.clone();
        ui.progress("networks compared", |_| {
            Ok(Report {
                program: name,
                steps,
                compiled: half(compiled, &theirs)?,
                trained: half(trained, &ours)?,
                agreement: agreement(&theirs, &ours, &declared)?,
            })
        })
    }

    /// What `verify` says in short.
    fn verdict(&self, artifact: &Artifact, model: &Transformer, seed: u64) -> anyhow::Result<String> {
        let program = &self.loaded.program;
        if prove(program, artifact).is_ok() {
            return Ok("proved".to_owned());
        }
        let effort = Effort { all_up_to: DECLARED as u128, samples: DECLARED, seed };
        Ok(match verify::compare(program, self.facts, model, effort, &mut |_| true)? {
            Verdict::Enumerated { .. } => "proved by enumeration".to_owned(),
            Verdict::Tested { inputs, .. } => format!("tested ({})", verdict::counted(inputs, "input")),
            Verdict::Undecided { failing } => verdict::undecided(failing),
            Verdict::Refuted(found) => format!("refuted on {}", named_text(&program.columns, &found.input)),
        })
    }
}

impl Report {
    pub fn text(&self, model: &Path) -> String {
        let percent = |share: f64| format!("{:.2} %", 100.0 * share);
        let mut text = format!("    program      {}\n    steps        {}\n", self.program, self.steps);
        let mut row = |name: &str, of: &dyn Fn(&Half) -> String| {
            text += &format!("    {name:<26} {:<22} {}\n", of(&self.compiled), of(&self.trained));
        };
        row("", &|half| {
            if std::ptr::eq(half, &self.compiled) { "compiled".to_owned() } else { "trained".to_owned() }
        });
        row("parameters", &|half| half.parameters.to_string());
        row("norm", &|half| format!("{:.2}", half.norm));
        for (name, of) in [
            ("held out", (|half| half.held_out) as fn(&Half) -> Evaluation),
            ("declared", |half| half.declared),
        ] {
            row(&format!("{name}: loss"), &|half| format!("{:.3e}", of(half).loss));
            row(&format!("{name}: tokens"), &|half| percent(of(half).token_accuracy));
            row(&format!("{name}: sequences"), &|half| percent(of(half).sequence_accuracy));
        }
        row("verdict", &|half| half.verdict.clone());
        text += &format!("    agreement    {} of outputs on declared inputs\n", percent(self.agreement));
        text + &format!("    model        {}\n", model.display())
    }

    pub fn json(&self) -> Json {
        let half = |half: &Half| {
            json!({
                "parameters": half.parameters,
                "norm": half.norm,
                "held_out": half.held_out,
                "declared": half.declared,
                "verdict": half.verdict,
            })
        };
        json!({
            "program": self.program,
            "steps": self.steps,
            "compiled": half(&self.compiled),
            "trained": half(&self.trained),
            "agreement": self.agreement,
        })
    }
}
