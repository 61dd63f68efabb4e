//! A compiled network and trained ones, side by side.

use super::Ui;
use super::program::Loaded;
use super::verdict::Outcome;
use crate::data::{Dataset, Examples};
use crate::facts::Facts;
use crate::model::{Artifact, Transformer};
use crate::train::{Evaluation, Experiment, Origin, agreement, evaluate, median};
use crate::verify::check::Budget;
use crate::verify::{self, Done, Effort, Question, wrong_examples};
use candle_core::Device;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Networks of one program.
pub struct Twins<'t> {
    pub compiled: &'t Artifact,
    /// The initial model, if training did not start from random parameters.
    pub start: Option<&'t Artifact>,
    pub trained: &'t [Trained],
    pub loaded: &'t Loaded,
    pub facts: &'t Facts,
    pub data: &'t Dataset,
}

/// A network that was found from a seed.
pub struct Trained {
    pub seed: u64,
    pub steps: usize,
    /// The Euclidean distance between initial and final parameters.
    pub moved: f64,
    pub artifact: Artifact,
}

/// What is said of them.
pub struct Report {
    program: String,
    /// How many declared inputs were looked at, and whether they are all.
    declared: (usize, bool),
    /// The number of examples in the program, and of those that the program itself gets wrong.
    examples: (usize, usize),
    compiled: Network,
    start: Option<Network>,
    trained: Vec<Found>,
}

struct Found {
    seed: u64,
    steps: usize,
    moved: f64,
    network: Network,
}

#[derive(Serialize)]
struct Network {
    /// SHA-256 of its manifest, which covers its weights.
    sha256: String,
    /// Without the unembedding.
    parameters: usize,
    /// The Euclidean norm of all parameters.
    norm: f64,
    /// Of those of each of [`PARTS`].
    norms: BTreeMap<&'static str, f64>,
    held_out: Evaluation,
    declared: Evaluation,
    /// The number of examples in the program on which its outputs are right.
    examples: usize,
    /// The share of outputs on declared inputs that it decodes as the compiled network does.
    agreement: f64,
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
        let Self { compiled, start, trained, loaded, facts, .. } = self;
        let (program, seed) = (&loaded.program, experiment.data.seed);
        let theirs = Transformer::from_artifact(compiled, &Device::Cpu)?;
        let (declared, all) = Examples::declared(program, facts, theirs.config(), DECLARED, seed)?;
        let network = |artifact: &Artifact| self.network(artifact, &theirs, &declared, experiment);
        ui.phase("comparing networks", |progress| {
            progress.of(trained.len() as u128);
            let found = |(i, trained): (usize, &Trained)| -> anyhow::Result<Found> {
                progress.at(i);
                let Trained { seed, steps, moved, artifact } = trained;
                Ok(Found { seed: *seed, steps: *steps, moved: *moved, network: network(artifact)? })
            };
            Ok(Report {
                program: loaded.name.clone(),
                declared: (declared.len(), all),
                examples: (program.examples.len(), wrong_examples(program).len()),
                trained: trained.iter().enumerate().map(found).collect::<anyhow::Result<_>>()?,
                start: start.map(network).transpose()?,
                compiled: network(compiled)?,
            })
        })
    }

    /// Measures one of the networks.
    fn network(
        &self,
        artifact: &Artifact,
        theirs: &Transformer,
        declared: &Examples,
        experiment: &Experiment,
    ) -> anyhow::Result<Network> {
        let (program, tolerance) = (&self.loaded.program, experiment.train.tolerance);
        let model = Transformer::from_artifact(artifact, &Device::Cpu)?;
        let mut squares: BTreeMap<&str, f64> = PARTS.map(|part| (part, 0.0)).into();
        for (name, matrix) in artifact.weights.named() {
            *squares.entry(part(&name)).or_default() +=
                matrix.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        }
        let mut examples = 0;
        for example in &program.examples {
            examples += usize::from(verify::compare_on(program, &model, &example.inputs)?.is_none());
        }
        Ok(Network {
            sha256: artifact.manifest.sha256.manifest.clone(),
            parameters: artifact.weights.n_params(),
            norm: squares.values().sum::<f64>().sqrt(),
            norms: squares.into_iter().map(|(part, sum)| (part, sum.sqrt())).collect(),
            held_out: evaluate(&model, &self.data.held_out, tolerance)?,
            declared: evaluate(&model, declared, tolerance)?,
            examples,
            agreement: agreement(theirs, &model, declared)?,
            verdict: self.verdict(artifact, &model, experiment.data.seed)?,
        })
    }

    /// What `verify` says in short.
    fn verdict(&self, artifact: &Artifact, model: &Transformer, seed: u64) -> anyhow::Result<String> {
        let effort = Effort { seed, ..Effort::default() };
        let question = Question {
            program: &self.loaded.program,
            facts: self.facts,
            artifact,
            model,
            effort,
            proof_steps: Some(Budget::STEPS),
            done: Done::default(),
        };
        let answer = question.decide(&|| false, &mut |_, _| ())?;
        let outcome = Outcome { answer, can_fail: None, interrupted: false };
        Ok(outcome.words(&self.loaded.program.columns))
    }
}

/// The name of a number, the number, and how it is shown.
type Named = (String, f64, fn(f64) -> String);

impl Network {
    /// The numbers of the report.
    fn numbers(&self, examples: usize) -> Vec<Named> {
        let whole: fn(f64) -> String = |x| x.to_string();
        let hundredths: fn(f64) -> String = |x| format!("{x:.2}");
        let mut all: Vec<Named> = vec![
            ("parameters".to_owned(), self.parameters as f64, whole),
            ("norm".to_owned(), self.norm, hundredths),
        ];
        all.extend(PARTS.iter().map(|part| (format!("norm: {part}"), self.norms[part], hundredths)));
        for (name, of) in [("held out", self.held_out), ("declared", self.declared)] {
            all.push((format!("{name}: loss"), of.loss, |x| format!("{x:.3e}")));
            all.push((format!("{name}: tokens"), of.token_accuracy, percent));
            all.push((format!("{name}: sequences"), of.sequence_accuracy, percent));
        }
        all.extend(
            (examples > 0).then(|| (format!("examples (of {examples})"), self.examples as f64, whole)),
        );
        all.push(("agreement".to_owned(), self.agreement, percent));
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
        let (examples, wrong) = self.examples;
        if examples > 0 {
            text += &format!("    examples     the program gets {} of {examples} right\n", examples - wrong);
        }
        let mut row = |name: &str, cells: &[String]| {
            let cells: String = cells.iter().map(|cell| format!(" {cell:<12}")).collect();
            text += &format!("    {name:<22}{}\n", cells.trim_end());
        };
        let headings = if several { &["median", "least", "greatest"][..] } else { &["trained"] };
        let start = self.start.as_ref().map(|_| "at the start");
        let headings = ["compiled"].into_iter().chain(start).chain(headings.iter().copied());
        row("", &headings.map(str::to_owned).collect::<Vec<_>>());
        let of_trained = |numbers: [f64; 3], show: fn(f64) -> String| {
            let shown = if several { &numbers[..] } else { &numbers[..1] };
            shown.iter().map(|number| show(*number)).collect::<Vec<_>>()
        };
        let start = self.start.as_ref().map(|start| start.numbers(examples));
        for (i, ((name, compiled, show), trained)) in self.numbers().into_iter().enumerate() {
            let start = start.as_ref().map(|start| show(start[i].1));
            let cells = [show(compiled)].into_iter().chain(start).chain(of_trained(trained, show));
            row(&name, &cells.collect::<Vec<_>>());
        }
        let moved = of_trained(self.moved(), |x| format!("{x:.2}"));
        let none = [String::new()].into_iter().chain(self.start.iter().map(|_| String::new()));
        row("distance moved", &none.chain(moved).collect::<Vec<_>>());
        text += &format!("    compiled     {}\n", self.compiled.verdict);
        if let Some(start) = &self.start {
            text += &format!("    at the start {}\n", start.verdict);
        }
        for Found { seed, steps, network, .. } in &self.trained {
            let name = if several { format!("seed {seed}") } else { "trained".to_owned() };
            text += &format!("    {name:<12} {} after {steps} steps\n", network.verdict);
        }
        text + &format!("    folder       {}\n", folder.display())
    }

    /// The numbers of the compiled network, each beside median, least and greatest of the trained.
    fn numbers(&self) -> Vec<(Named, [f64; 3])> {
        let examples = self.examples.0;
        let trained: Vec<_> = self.trained.iter().map(|found| found.network.numbers(examples)).collect();
        let beside = |i: usize| summary(&trained.iter().map(|numbers| numbers[i].1).collect::<Vec<_>>());
        self.compiled
            .numbers(examples)
            .into_iter()
            .enumerate()
            .map(|(i, number)| (number, beside(i)))
            .collect()
    }

    fn moved(&self) -> [f64; 3] {
        summary(&self.trained.iter().map(|found| found.moved).collect::<Vec<_>>())
    }

    /// The whole report, with everything that is needed to repeat the run.
    pub fn json(&self, experiment: &Experiment, origin: &Origin) -> Json {
        let found = |Found { seed, steps, moved, network }: &Found| json!({ "seed": seed, "steps": steps, "trained": network, "moved": moved, "agreement": network.agreement });
        let (declared, all) = self.declared;
        let mut json = json!({
            "program": self.program,
            "experiment": experiment,
            "origin": origin,
            "cpu_seconds": cpu_seconds(),
            "declared": { "inputs": declared, "all": all },
            "examples": { "of_the_program": self.examples.0, "wrong": self.examples.1 },
            "compiled": self.compiled,
        });
        if let Some(start) = &self.start {
            json["start"] = json!(start);
        }
        match self.trained.as_slice() {
            [only] => {
                let found = found(only);
                let entries = found.as_object().into_iter().flatten();
                entries.for_each(|(key, value)| json[key] = value.clone());
            }
            several => {
                json["seeds"] = several.iter().map(found).collect();
                let named = |[median, least, greatest]: [f64; 3]| json!({ "median": median, "least": least, "greatest": greatest });
                for ((name, ..), numbers) in self.numbers() {
                    json["summary"][name] = named(numbers);
                }
                json["summary"]["distance moved"] = named(self.moved());
            }
        }
        json
    }
}

/// CPU seconds of this process so far, over all threads; none where the system does not say.
fn cpu_seconds() -> Option<f64> {
    /// Linux reports these times in units of 1/100 s on every architecture.
    const TICK: f64 = 0.01;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the process, in parentheses, may contain spaces.
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) * TICK)
}
