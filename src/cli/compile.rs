//! `raspc compile`: from a program to a file of weights.

use super::effort::{EffortFlags, can_fail, decide};
use super::knobs::KnobFlags;
use super::program::{self, Loaded, ProgramFlags};
use super::summary::{self, Summary, Verdict};
use super::verdict::Outcome;
use super::{Exit, Ui};
use crate::diagnostic::Diagnostic;
use crate::facts::{self, Facts};
use crate::inputs::columns_text;
use crate::model::{Artifact, Manifest, Transformer, artifact};
use crate::plan::{self, Knobs};
use crate::verify::check::{Budget, prove_with};
use crate::verify::{
    self, Answer, CanFail, Disagreement, Done, Evidence, Question, Seen, without_value, wrong_examples,
};
use crate::weights;
use anyhow::Context as _;
use candle_core::Device;
use std::path::{Component, Path, PathBuf};

/// Compile programs into transformer weights.
///
/// The weights are checked before they are written, as 'verify' checks them: on the examples of the
/// program, by a proof that they compute the program on every declared input, and where that leaves
/// something open, on every input if there are at most a million, otherwise on random ones. A file that
/// is proved keeps a certificate of what was shown. If nothing was shown for all inputs, the file is
/// written all the same, and the exit code is 4 ('tested' with '--accept-tested': 0). Weights that are
/// wrong on an input are not written.
///
/// A program below a folder 'programs' goes to the same place below 'compiled' beside it; any other goes
/// beside its source. A file that raspc did not write is never overwritten.
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
    /// Do not run the weights, but only try to prove that they are right.
    #[arg(long)]
    no_check: bool,
    /// Print JSON, one object per program.
    #[arg(long, conflicts_with = "table")]
    pub(super) json: bool,
    /// Print one table in Markdown.
    #[arg(long)]
    table: bool,
    #[command(flatten)]
    effort: EffortFlags,
    #[command(flatten)]
    knobs: KnobFlags,
    #[command(flatten)]
    flags: ProgramFlags,
}

pub fn compile(args: &CompileArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let files = if args.all { all_programs(Path::new("programs"))? } else { args.files.clone() };
    anyhow::ensure!(
        args.out.is_none() || files.len() == 1,
        "--out names one file, but there are {} programs",
        files.len()
    );
    let mut worst = Exit::Done;
    let mut rows = Vec::new();
    for file in &files {
        ui.begin();
        let compiled = program::load(file, &args.flags, ui).and_then(|loaded| match loaded {
            Ok(loaded) => compile_one(&loaded, file, args, ui),
            Err(exit) => Ok(Err(exit)),
        });
        let exit = match compiled.unwrap_or_else(|error| Err(ui.error(&error))) {
            Ok(summary) => {
                let exit = summary.exit(args.effort.accept_tested);
                match (args.table, args.json) {
                    (true, _) => rows.push(summary),
                    (false, true) => ui.json(&summary.json()),
                    (false, false) => ui.line(&summary.text()),
                }
                exit
            }
            Err(exit) => {
                if args.json {
                    ui.failed(Some(file));
                }
                exit
            }
        };
        if worst == Exit::Done {
            worst = exit;
        }
    }
    if args.table {
        ui.out(&summary::table(&rows));
    }
    Ok(worst)
}

/// The model of a program, with the facts that it rests on; otherwise what is wrong is reported.
pub(super) fn build(
    loaded: &Loaded,
    knobs: Knobs,
    ui: &Ui,
) -> anyhow::Result<Result<(Facts, Artifact), Exit>> {
    let Loaded { name: _, program, sources } = loaded;
    if program.outputs.is_empty() {
        ui.diagnostics(&[verify::no_outputs_report()], sources);
        return Ok(Err(Exit::Rejected));
    }
    let facts = ui.phase("finding facts", |_| facts::analyse(program));
    ui.diagnostics(&facts::warnings(program, &facts, sources), sources);
    let plan = match ui.phase("planning", |_| plan::plan(program, &facts, knobs)) {
        Ok(plan) => plan,
        Err(errors) => {
            ui.diagnostics(&plan::reports(program, &errors, knobs), sources);
            return Ok(Err(Exit::Rejected));
        }
    };
    let weights = ui.phase("building the weights", |_| weights::build(&plan));
    let artifact = Artifact::new(Manifest::new(program, sources, &plan, &weights), weights);
    Ok(Ok((facts, artifact)))
}

fn compile_one(
    loaded: &Loaded,
    file: &Path,
    args: &CompileArgs,
    ui: &Ui,
) -> anyhow::Result<Result<Summary, Exit>> {
    let Loaded { program, sources, .. } = loaded;
    let wrong = wrong_examples(program);
    if !wrong.is_empty() {
        ui.diagnostics(&wrong, sources);
        return Ok(Err(Exit::Refuted));
    }
    let (facts, artifact) = match build(loaded, args.knobs.knobs(), ui)? {
        Ok(built) => built,
        Err(exit) => return Ok(Err(exit)),
    };
    let out = match &args.out {
        Some(out) => out.clone(),
        None => default_output(file)?,
    };
    let target = writable(&out, file)?;
    let outcome = match check(loaded, &facts, &artifact, args, ui)? {
        Ok(outcome) => outcome,
        Err(exit) => return Ok(Err(exit)),
    };
    let artifact = match &outcome {
        Some(Outcome { answer: Answer { evidence: Evidence::Proved(certificate), .. }, .. }) => {
            artifact.certified(certificate.clone())
        }
        Some(_) | None => artifact,
    };
    if let Some(folder) = target.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    artifact::save(&artifact, &target).with_context(|| format!("cannot write {}", out.display()))?;
    let about = program::opening_comment(loaded);
    let verdict = outcome.map(|outcome| Verdict::of(&outcome, &program.columns));
    Ok(Ok(Summary::new(file, &out, about, &artifact, verdict)))
}

/// Where a model may be written: a new file or one that raspc wrote, never a program, a device or what
/// others wrote. Links are followed.
fn writable(out: &Path, program: &Path) -> anyhow::Result<PathBuf> {
    anyhow::ensure!(out.as_os_str() != "-", "a model is written to a file, not to standard output");
    anyhow::ensure!(
        super::model::is_model(out) || out.exists(),
        "{} is no name of a model; write for example {}",
        out.display(),
        out.with_extension("safetensors").display()
    );
    let Ok(existing) = out.canonicalize() else {
        anyhow::ensure!(!out.is_symlink(), "{} is a link that leads nowhere", out.display());
        return Ok(out.to_owned());
    };
    anyhow::ensure!(super::model::is_model(&existing), "{} is no model; it is left as it is", out.display());
    anyhow::ensure!(existing.is_file(), "{} is no file that a model could be written to", out.display());
    let same = program.canonicalize().is_ok_and(|program| program == existing);
    let is_program = existing.extension().is_some_and(|e| e == "rasp");
    anyhow::ensure!(!same && !is_program, "{} is a program; a model would overwrite it", out.display());
    let own = artifact::is_own(&existing).with_context(|| format!("cannot read {}", out.display()))?;
    anyhow::ensure!(own, "{} was not written by raspc; it is left as it is", out.display());
    Ok(existing)
}

/// What is known of the weights; none if that was not asked for. Weights that are wrong are reported, and so
/// is a program that has a value on no input.
fn check(
    loaded: &Loaded,
    facts: &Facts,
    artifact: &Artifact,
    args: &CompileArgs,
    ui: &Ui,
) -> anyhow::Result<Result<Option<Outcome>, Exit>> {
    let Loaded { program, sources, .. } = loaded;
    let (effort, proof_steps) = (args.effort.effort(), args.effort.proof_steps());
    let never = || false;
    if args.no_check {
        let proof = proof_steps.map(|steps| {
            let budget = Budget { steps, stop: &never };
            prove_with(program, artifact, &Seen::default(), budget)
        });
        let answer = proof.map(|proof| match proof {
            Ok(certificate) => Answer::proved(certificate),
            Err(open) => Answer::open(open),
        });
        return Ok(Ok(answer.map(|answer| Outcome { answer, can_fail: None, interrupted: false })));
    }
    let can_fail = can_fail(program, facts, effort, &never, ui);
    if let Some(report) = can_fail.as_ref().and_then(|can_fail| without_value(program, can_fail)) {
        ui.diagnostics(&[report], sources);
        return Ok(Err(Exit::Rejected));
    }
    if let Some(CanFail::Fails { input, failure, .. }) = &can_fail {
        ui.diagnostics(&[verify::no_value_warning(program, failure, input)], sources);
    }
    let model = Transformer::from_artifact(artifact, &Device::Cpu)?;
    let question =
        Question { program, facts, artifact, model: &model, effort, proof_steps, done: Done::default() };
    let answer = decide(&question, &never, &mut |_| (), ui)?;
    if let Evidence::Compared { verdict: verify::Verdict::Refuted(difference), .. } = &answer.evidence {
        let report = difference_report(loaded, difference, args.knobs.knobs().balanced);
        ui.diagnostics(&[report], sources);
        return Ok(Err(Exit::Refuted));
    }
    Ok(Ok(Some(Outcome { answer, can_fail, interrupted: false })))
}

fn difference_report(loaded: &Loaded, difference: &Disagreement, balanced: bool) -> Diagnostic {
    let Disagreement { input, output, position, expected, found } = difference;
    let message = format!("the weights differ from the program on {}", columns_text(input));
    let output = &loaded.program.outputs[*output];
    let what = format!("at position {position} the program gives {expected}, the weights {found}");
    let report = |code| Diagnostic::error(code, message).label(output.span, what);
    match balanced {
        true => report("E0414")
            .note("balanced weights are rounded, which this program does not bear; no file was written")
            .help("ask for less sharp attention, as with `--sharpness 16`, try `-O 0`, or leave `--balanced` out"),
        false => report("E0501")
            .note("this is a fault of raspc, not of the program; no file was written")
            .help("please report it with the program"),
    }
}

/// `compiled/` plus the path below `programs/`, or beside the source.
fn default_output(file: &Path) -> anyhow::Result<PathBuf> {
    let beside = file.with_extension("safetensors");
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Whoever stands in `programs`, or below, does not write its name.
    let folder = folder.canonicalize().with_context(|| format!("cannot read {}", folder.display()))?;
    let components: Vec<Component<'_>> = folder.components().collect();
    let Some(programs) = components.iter().rposition(|c| c.as_os_str() == "programs") else {
        return Ok(beside);
    };
    let (before, below) = (&components[..programs], &components[programs + 1..]);
    let compiled =
        before.iter().collect::<PathBuf>().join("compiled").join(below.iter().collect::<PathBuf>());
    let path = compiled.join(beside.file_name().unwrap_or_default());
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let below_here = here.ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    Ok(below_here.unwrap_or(path))
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
