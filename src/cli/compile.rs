//! `raspc compile`: from a program to a file of weights.

use super::program::{self, Loaded, ProgramFlags};
use super::{Exit, Ui};
use crate::diagnostic::Diagnostic;
use crate::facts::{self, Facts};
use crate::inputs::columns_text;
use crate::model::{Artifact, Manifest, Transformer, artifact};
use crate::plan;
use crate::verify::wrong_examples;
use crate::verify::{self, Disagreement, Effort, Verdict};
use crate::weights;
use anyhow::Context as _;
use candle_core::Device;
use serde_json::json;
use std::path::{Component, Path, PathBuf};

/// Compile programs into transformer weights.
///
/// The file is checked against the program before it is written: on every input if there are at
/// most 10,000, otherwise on 1,000 random ones. A program below a folder 'programs' goes to the same
/// place below 'compiled' beside it; any other goes beside its source.
#[derive(clap::Args)]
pub struct CompileArgs {
    /// Programs (.rasp).
    #[arg(required_unless_present = "all")]
    files: Vec<PathBuf>,
    /// Compile every program below the folder 'programs', but those in 'programs/lib'.
    #[arg(long, conflicts_with = "files")]
    all: bool,
    /// Where to write the weights.
    #[arg(short, long, value_name = "FILE", conflicts_with = "all")]
    out: Option<PathBuf>,
    /// Do not compare the weights with the program.
    #[arg(long)]
    no_check: bool,
    /// Seed of the random inputs.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Print JSON, one object per program.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: ProgramFlags,
}

/// Domains of at most this many inputs are compared in full; of larger ones, a sample.
const CHECK_ALL: u128 = 10_000;
const CHECK_SAMPLES: usize = 1_000;

pub fn compile(args: &CompileArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let files = if args.all { all_programs(Path::new("programs"))? } else { args.files.clone() };
    anyhow::ensure!(
        args.out.is_none() || files.len() == 1,
        "--out names one file, but there are {} programs",
        files.len()
    );
    let mut worst = Exit::Done;
    for file in &files {
        let exit = match program::load(file, &args.flags, ui)? {
            Ok(loaded) => compile_one(&loaded, file, args, ui)?,
            Err(exit) => exit,
        };
        if worst == Exit::Done {
            worst = exit;
        }
    }
    Ok(worst)
}

/// The model of a program, with the facts that it rests on; otherwise what is wrong is reported.
pub(super) fn build(loaded: &Loaded, ui: &Ui) -> anyhow::Result<Result<(Facts, Artifact), Exit>> {
    let Loaded { name, program, sources } = loaded;
    anyhow::ensure!(!program.outputs.is_empty(), "{name} computes no s-op; there is nothing to compile");
    let facts = facts::analyse(program);
    let plan = match plan::plan(program, &facts) {
        Ok(plan) => plan,
        Err(errors) => {
            ui.diagnostics(&errors.iter().map(plan::describe).collect::<Vec<_>>(), sources);
            return Ok(Err(Exit::Rejected));
        }
    };
    let weights = weights::build(&plan);
    let artifact = Artifact::new(Manifest::new(program, sources, &plan, &weights), weights);
    Ok(Ok((facts, artifact)))
}

fn compile_one(loaded: &Loaded, file: &Path, args: &CompileArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let Loaded { program, sources, .. } = loaded;
    let wrong = wrong_examples(program);
    if !wrong.is_empty() {
        ui.diagnostics(&wrong, sources);
        return Ok(Exit::Refuted);
    }
    let (facts, artifact) = match build(loaded, ui)? {
        Ok(built) => built,
        Err(exit) => return Ok(exit),
    };
    let verdict = if args.no_check { None } else { Some(check(loaded, &facts, &artifact, args.seed, ui)?) };
    if let Some(Verdict::Refuted(difference)) = &verdict {
        ui.diagnostics(&[difference_report(loaded, difference)], sources);
        return Ok(Exit::Refuted);
    }
    let out = args.out.clone().unwrap_or_else(|| default_output(file));
    if let Some(folder) = out.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    artifact::save(&artifact, &out).with_context(|| format!("cannot write {}", out.display()))?;
    tell(file, &out, &artifact, verdict.as_ref(), args.json, ui);
    Ok(Exit::Done)
}

fn check(loaded: &Loaded, facts: &Facts, artifact: &Artifact, seed: u64, ui: &Ui) -> anyhow::Result<Verdict> {
    let model = Transformer::from_artifact(artifact, &Device::Cpu)?;
    let effort = Effort { all_up_to: CHECK_ALL, samples: CHECK_SAMPLES, seed };
    let verdict = ui.progress("inputs compared", |progress| {
        let mut go_on = |done| {
            progress(done);
            true
        };
        verify::compare(&loaded.program, facts, &model, effort, &mut go_on)
    });
    Ok(verdict?)
}

/// Says what was built.
fn tell(file: &Path, out: &Path, artifact: &Artifact, verdict: Option<&Verdict>, json: bool, ui: &Ui) {
    let config = &artifact.manifest.config;
    let (layers, heads) = (config.layers.len(), config.layers.iter().map(|l| l.heads.len()).sum::<usize>());
    let parameters = artifact.weights.n_params();
    if json {
        let report = json!({
            "program": file.to_string_lossy(),
            "file": out.to_string_lossy(),
            "layers": layers,
            "heads": heads,
            "d_model": config.d_model,
            "parameters": parameters,
            "check": verdict.map(verdict_json),
        });
        ui.line(&report.to_string());
        return;
    }
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    ui.line(&format!(
        "{} → {}: {}, {}, d_model {}, {parameters} parameters; {}",
        file.display(),
        out.display(),
        plural(layers, "layer"),
        plural(heads, "head"),
        config.d_model,
        verdict.map_or("not checked".to_owned(), verdict_text),
    ));
}

/// A comparison in words. "Tested" is all that a sample can show.
fn verdict_text(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Enumerated { inputs } => format!("equal to the program on all {inputs} inputs"),
        Verdict::Tested { inputs, seed: Some(seed) } => {
            format!("tested on {inputs} random inputs (seed {seed})")
        }
        Verdict::Tested { inputs, seed: None } => format!("tested on {inputs} inputs"),
        Verdict::Refuted(_) => "differs from the program".to_owned(),
    }
}

fn verdict_json(verdict: &Verdict) -> serde_json::Value {
    match verdict {
        Verdict::Enumerated { inputs } => json!({ "verdict": "equal on all inputs", "inputs": inputs }),
        Verdict::Tested { inputs, seed } => json!({ "verdict": "tested", "inputs": inputs, "seed": seed }),
        Verdict::Refuted(_) => json!({ "verdict": "refuted" }),
    }
}

fn difference_report(loaded: &Loaded, difference: &Disagreement) -> Diagnostic {
    let Disagreement { input, output, position, expected, found } = difference;
    let message = format!("the weights differ from the program on {}", columns_text(input));
    let output = &loaded.program.outputs[*output];
    Diagnostic::error("E0501", message)
        .label(
            output.span,
            format!("at position {position} the program gives {expected}, the weights {found}"),
        )
        .note("this is a fault of raspc, not of the program; no file was written")
        .help("please report it with the program")
}

/// `compiled/` plus the path below `programs/`, or beside the source.
fn default_output(file: &Path) -> PathBuf {
    let components: Vec<Component<'_>> = file.components().collect();
    let programs = components.iter().rposition(|c| c.as_os_str() == "programs");
    let path: PathBuf = match programs {
        Some(at) => components[..at]
            .iter()
            .map(|c| c.as_os_str())
            .chain(["compiled".as_ref()])
            .chain(components[at + 1..].iter().map(|c| c.as_os_str()))
            .collect(),
        None => file.to_owned(),
    };
    path.with_extension("safetensors")
}

/// Every program below a folder, in order of their paths; libraries are no programs.
fn all_programs(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut programs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("lib") {
            programs.extend(all_programs(&path)?);
        } else if path.extension().is_some_and(|e| e == "rasp") {
            programs.push(path);
        }
    }
    programs.sort();
    Ok(programs)
}
