//! A compiled network and trained ones, side by side.

use super::program::Loaded;
use super::{Ui, verdict};
use crate::data::{Dataset, Examples};
use crate::facts::Facts;
use crate::inputs::named_text;
use crate::model::{Artifact, Transformer};
use crate::train::{Evaluation, Experiment, agreement, evaluate, median};
use crate::verify::check::prove;
use crate::verify::{self, Effort, Verdict};
use candle_core::Device;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Networks of one program.
pub struct Twins<'t> {
    pub compiled: &'t Artifact,
    pub trained: &'t [Trained],
    pub loaded: &'t Loaded,
    pub facts: &'t Facts,
    pub data: &'t Dataset,
}

/// A network that was found from a seed.
pub struct Trained {
    pub seed: u64,
    pub steps: usize,
    pub artifact: Artifact,
}

/// What is said of them.
pub struct Report {
    program: String,
    /// How many declared inputs were looked at, and whether they are all.
    declared: (usize, bool),
    compiled: Half,
    trained: Vec<Found>,
}

struct Found {
    seed: u64,
    steps: usize,
    half: Half,
    /// The share of outputs on declared inputs that it decodes as the compiled network does.
    agreement: f64,
}

#[derive(Serialize)]
struct Half {
    parameters: usize,
    /// The Euclidean norm of all parameters.
    norm: f64,
    /// Of those of each of [`PARTS`].
    norms: BTreeMap<&'static str, f64>,
    held_out: Evaluation,
    declared: Evaluation,
    verdict: String,
}

/// Declared inputs that are looked at: all if there are no more, otherwise as many random ones.
const DECLARED: usize = 10_000;

/// The parts of a network.
const PARTS: [&str; 5] = ["embedding", "attention", "MLP", "LayerNorm", "unembedding"];

/// The part that a parameter belongs to.
fn part(parameter: &str) -> &'static str {
    match parameter.split('.').collect::<Vec<_>>().as_slice() {
        ["embed" | "pos_embed", ..] => PARTS[0],
        ["blocks", _, "attn", ..] => PARTS[1],
        ["blocks", _, "mlp", ..] => PARTS[2],
        ["unembed", ..] => PARTS[4],
        _ => PARTS[3],
    }
}

impl Twins<'_> {
    pub fn compare(&self, experiment: &Experiment, ui: &Ui) -> anyhow::Result<Report> {
        let Self { compiled, trained, loaded, facts, data } = self;
        let (program, seed, tolerance) = (&loaded.program, experiment.data.seed, experiment.train.tolerance);
        let place = |artifact: &Artifact| Transformer::from_artifact(artifact, &Device::Cpu);
        let theirs = place(compiled)?;
        let (declared, all) = Examples::declared(program, facts, theirs.config(), DECLARED, seed)?;
        let half = |artifact: &Artifact, model: &Transformer| -> anyhow::Result<Half> {
            let mut squares: BTreeMap<&str, f64> = PARTS.map(|part| (part, 0.0)).into();
            for (name, matrix) in artifact.weights.named() {
                *squares.entry(part(&name)).or_default() +=
                    matrix.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
            }
            Ok(Half {
                parameters: model.layout().len(),
                norm: squares.values().sum::<f64>().sqrt(),
                norms: squares.into_iter().map(|(part, sum)| (part, sum.sqrt())).collect(),
                held_out: evaluate(model, &data.held_out, tolerance)?,
                declared: evaluate(model, &declared, tolerance)?,
                verdict: self.verdict(artifact, model, seed)?,
            })
        };
        ui.progress("networks compared", |done| {
            let found = |(i, trained): (usize, &Trained)| -> anyhow::Result<Found> {
                done(i + 1);
                let Trained { seed, steps, artifact } = trained;
                let ours = place(artifact)?;
                let agreement = agreement(&theirs, &ours, &declared)?;
                Ok(Found { seed: *seed, steps: *steps, half: half(artifact, &ours)?, agreement })
            };
            Ok(Report {
                program: loaded.name.clone(),
                declared: (declared.len(), all),
                trained: trained.iter().enumerate().map(found).collect::<anyhow::Result<_>>()?,
                compiled: half(compiled, &theirs)?,
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

/// The name of a number, the number, and how it is shown.
type Named = (String, f64, fn(f64) -> String);

impl Half {
    /// The numbers of the report.
    fn numbers(&self) -> Vec<Named> {
        let hundredths: fn(f64) -> String = |x| format!("{x:.2}");
        let mut all: Vec<Named> = vec![
            ("parameters".to_owned(), self.parameters as f64, |x| x.to_string()),
            ("norm".to_owned(), self.norm, hundredths),
        ];
        all.extend(PARTS.iter().map(|part| (format!("norm: {part}"), self.norms[part], hundredths)));
        for (name, of) in [("held out", self.held_out), ("declared", self.declared)] {
            all.push((format!("{name}: loss"), of.loss, |x| format!("{x:.3e}")));
            all.push((format!("{name}: tokens"), of.token_accuracy, percent));
            all.push((format!("{name}: sequences"), of.sequence_accuracy, percent));
        }
        all
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// Median, least and greatest.
fn summary(numbers: &[f64]) -> [f64; 3] {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    [median(numbers.to_vec()), least, numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max)]
}

impl Report {
    /// A table: of one seed its numbers, of several the median, the least and the greatest.
    pub fn text(&self, folder: &Path) -> String {
        let several = self.trained.len() > 1;
        let (n, all) = self.declared;
        let mut text = format!("    program      {}\n", self.program);
        text += &format!("    declared     {}{n} inputs\n", if all { "all " } else { "a sample of " });
        let mut row = |name: &str, compiled: String, trained: [String; 3]| {
            let shown = if several { &trained[..] } else { &trained[..1] };
            let shown: String = shown.iter().map(|cell| format!(" {cell:<12}")).collect();
            text += &format!("    {name:<22} {compiled:<12} {}\n", shown.trim());
        };
        let headings = if several { ["median", "least", "greatest"] } else { ["trained", "", ""] };
        row("", "compiled".to_owned(), headings.map(str::to_owned));
        for ((name, compiled, show), trained) in self.numbers() {
            row(&name, show(compiled), trained.map(show));
        }
        let agreement = self.trained.iter().map(|found| found.agreement).collect::<Vec<_>>();
        row("agreement", String::new(), summary(&agreement).map(percent));
        text += &format!("    compiled     {}\n", self.compiled.verdict);
        for Found { seed, steps, half, .. } in &self.trained {
            let name = if several { format!("seed {seed}") } else { "trained".to_owned() };
            text += &format!("    {name:<12} {} after {steps} steps\n", half.verdict);
        }
        text + &format!("    folder       {}\n", folder.display())
    }

    /// The numbers of the compiled network, each beside median, least and greatest of the trained.
    fn numbers(&self) -> Vec<(Named, [f64; 3])> {
        let trained: Vec<_> = self.trained.iter().map(|found| found.half.numbers()).collect();
        let beside = |i: usize| summary(&trained.iter().map(|numbers| numbers[i].1).collect::<Vec<_>>());
        self.compiled.numbers().into_iter().enumerate().map(|(i, number)| (number, beside(i))).collect()
    }

    pub fn json(&self) -> Json {
        let found = |found: &Found| {
            let Found { seed, steps, half, agreement } = found;
            json!({ "seed": seed, "steps": steps, "trained": half, "agreement": agreement })
        };
        let mut json = json!({ "program": self.program, "compiled": self.compiled });
        match self.trained.as_slice() {
            [only] => {
                let found = found(only);
                let entries = found.as_object().into_iter().flatten();
                entries.for_each(|(key, value)| json[key] = value.clone());
            }
            several => {
                json["seeds"] = several.iter().map(found).collect();
                for ((name, ..), [median, least, greatest]) in self.numbers() {
                    json["summary"][name] = json!({ "median": median, "least": least, "greatest": greatest });
                }
            }
        }
        json
    }
}
