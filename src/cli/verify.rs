//! `raspc verify`: do the weights compute the program?

use super::effort::{EffortFlags, can_fail, decide};
use super::interrupt::Interrupt;
use super::knobs::KnobFlags;
use super::model::{self, ModelFlags};
use super::program::{self, Loaded, ProgramFlags};
use super::resume::Resume;
use super::verdict::{Outcome, difference_report, report, tell};
use super::{Exit, Ui, compile};
use crate::facts;
use crate::model::{Artifact, Certificate, SourceInfo};
use crate::source::Source;
use crate::verify::{
    self, Answer, CanFail, Done, Evidence, Question, Verdict, without_value, wrong_examples,
};
use anyhow::Context as _;
use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

/// Compare weights with the program that they were compiled from.
///
/// A model (.safetensors) is compared with the program inside it, or with that of '--against', column
/// by column and output by output of the same name; a program (.rasp) is compiled in memory first.
///
/// These methods are tried in this order. 'proved' holds for every declared input on which the program
/// has a value: it follows from the weights, head by head and neuron by neuron, within '--proof-budget'.
/// What that leaves open is run: every declared input if there are at most a million ('proved by
/// enumeration'), otherwise random ones ('tested'). After these, the program alone is run on one input
/// of each class that it cannot tell apart, if there are at most a million of these, and the proof goes
/// on from what was seen ('proved by enumeration' too). 'proved within B' is said of numbers that are
/// off by at most B.
///
/// The exit code is 0 if the weights were shown to be right on all inputs, 3 if they are wrong on one
/// or an example does not hold, and 4 if neither was shown: 'tested' without '--accept-tested',
/// 'undecided', or a bound that does not tell the program's values apart. Ctrl-C ends a comparison
/// early (130); with '--resume' the same command goes on where it ended.
#[derive(clap::Args)]
pub struct VerifyArgs {
    /// Models (.safetensors) or programs (.rasp).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Compare with this program instead of the one inside the model.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Keep in this file how far an enumeration came, and go on from there.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Print JSON, one object per file.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    effort: EffortFlags,
    #[command(flatten)]
    model: ModelFlags,
    #[command(flatten)]
    knobs: KnobFlags,
    #[command(flatten)]
    flags: ProgramFlags,
}

pub fn verify(args: &VerifyArgs, ui: &Ui) -> anyhow::Result<Exit> {
    anyhow::ensure!(args.resume.is_none() || args.files.len() == 1, "'--resume' takes one model at a time");
    let interrupt = Interrupt::catch();
    let mut counts = [0_usize; 6];
    let mut worst = Exit::Done;
    for file in args.files.iter().take_while(|_| !interrupt.asked()) {
        ui.begin();
        let (exit, answer) = one(file, args, &interrupt, ui).unwrap_or_else(|error| (ui.error(&error), None));
        if args.json && answer.is_none() {
            ui.failed(Some(file));
        }
        counts[match answer.map(|answer| answer.evidence) {
            Some(Evidence::Proved(Certificate { classes: 0, .. })) => 0,
            Some(Evidence::Proved(_)) => 1,
            Some(Evidence::Compared { verdict, .. }) => match verdict {
                Verdict::Enumerated { .. } => 1,
                Verdict::Tested { .. } => 2,
                Verdict::Refuted(_) => 3,
                Verdict::Undecided { .. } => 4,
            },
            None => 4,
        }] += 1;
        if worst == Exit::Done {
            worst = exit;
        }
    }
    if args.files.len() > 1 && !args.json {
        counts[5] = args.files.len() - counts.iter().sum::<usize>();
        let kinds =
            ["proved", "proved by enumeration", "tested", "refuted", "without a verdict", "not looked at"];
        let parts = counts.iter().zip(kinds).filter(|(n, _)| **n > 0).map(|(n, kind)| format!("{n} {kind}"));
        ui.line(&format!("{} files: {}", args.files.len(), parts.collect::<Vec<_>>().join(", ")));
    }
    Ok(worst)
}

/// A model and what it is to compute.
pub struct Claim {
    pub artifact: Artifact,
    pub loaded: Loaded,
    /// Where the program was found.
    pub from: From,
    /// Whether it is the program that the model was compiled from, so that the model's slots tell
    /// about its s-ops.
    pub own: bool,
}

/// Where the program of a claim was found.
pub enum From {
    /// Inside the model's file.
    Inside,
    /// It was compiled in memory.
    Compiled,
    /// In the file of `--against`.
    File(String),
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside => f.write_str("inside the file"),
            Self::Compiled => f.write_str("compiled in memory"),
            Self::File(path) => f.write_str(path),
        }
    }
}

fn one(
    file: &Path,
    args: &VerifyArgs,
    interrupt: &Interrupt,
    ui: &Ui,
) -> anyhow::Result<(Exit, Option<Answer>)> {
    match claim(file, args, ui)? {
        Ok(claim) => judge(file, &claim, args, interrupt, ui).with_context(|| file.display().to_string()),
        Err(exit) => Ok((exit, None)),
    }
}

fn judge(
    file: &Path,
    claim: &Claim,
    args: &VerifyArgs,
    interrupt: &Interrupt,
    ui: &Ui,
) -> anyhow::Result<(Exit, Option<Answer>)> {
    let Loaded { program, sources, .. } = &claim.loaded;
    let model = args.model.place(&claim.artifact)?;
    let facts = facts::analyse(program);
    let effort = args.effort.effort();
    let stop = || interrupt.asked();
    let can_fail = can_fail(program, &facts, effort, &stop, ui);
    if let Some(report) = can_fail.as_ref().and_then(|can_fail| without_value(program, can_fail)) {
        ui.diagnostics(&[report], sources);
        return Ok((Exit::Rejected, None));
    }
    let wrong = wrong_examples(program);
    ui.diagnostics(&wrong, sources);
    anyhow::ensure!(
        args.resume.is_none() || verify::runs_all(program, effort),
        "there are too many inputs to run each, and nothing to resume; raise '--all-up-to'"
    );
    let mut resume = match &args.resume {
        Some(path) => Some(Resume::open(path, claim, format!("{:?}", args.model))?),
        None => None,
    };
    let question = Question {
        program,
        facts: &facts,
        artifact: &claim.artifact,
        model: &model,
        effort,
        // What is proved is proved of f32, as models run without flags.
        proof_steps: args.effort.proof_steps().filter(|_| args.model.is_default()),
        done: resume.as_ref().map_or(Done::default(), Resume::done),
    };
    let lost: RefCell<Option<anyhow::Error>> = RefCell::default();
    let stop_or_lost = || interrupt.asked() || lost.borrow().is_some();
    let mut reach = |done| {
        if let Some(Err(error)) = resume.as_mut().map(|resume| resume.reach(done)) {
            *lost.borrow_mut() = Some(error);
        }
    };
    let answer = decide(&question, &stop_or_lost, &mut reach, ui)?;
    if let Some(error) = lost.take() {
        return Err(error);
    }
    let interrupted = interrupt.asked();
    if let Some(mut resume) = resume {
        match &answer.evidence {
            Evidence::Compared { verdict: Verdict::Tested { .. } | Verdict::Undecided { .. }, .. }
                if interrupted =>
            {
                resume.write()?;
            }
            Evidence::Compared { .. } | Evidence::Proved(_) => resume.remove()?,
        }
    }
    let first = match &answer.evidence {
        Evidence::Compared { verdict: Verdict::Refuted(found), .. } => {
            let manifest = &claim.artifact.manifest;
            let first = match claim.own {
                true => verify::first_difference(manifest, program, &model, &found.input)?,
                false => None,
            };
            ui.diagnostics(&[difference_report(claim, found, first.as_ref())], sources);
            first
        }
        Evidence::Proved(_) | Evidence::Compared { .. } => None,
    };
    if let Some(CanFail::Fails { input, failure, .. }) = &can_fail {
        ui.diagnostics(&[verify::no_value_warning(program, failure, input)], sources);
    }
    let outcome = Outcome { answer, can_fail, interrupted };
    if args.json {
        ui.json(&report(file, claim, &outcome, first.as_ref(), wrong.len()));
    } else {
        tell(file, claim, &outcome, wrong.len(), args.files.len() > 1, ui);
    }
    let exit = match outcome.exit(args.effort.accept_tested) {
        _ if !wrong.is_empty() => Exit::Refuted,
        exit => exit,
    };
    Ok((exit, Some(outcome.answer)))
}

fn claim(file: &Path, args: &VerifyArgs, ui: &Ui) -> anyhow::Result<Result<Claim, Exit>> {
    let against = match &args.against {
        Some(path) => match program::load(path, &args.flags, ui)? {
            Ok(loaded) => Some((loaded, From::File(path.display().to_string()))),
            Err(exit) => return Ok(Err(exit)),
        },
        None => None,
    };
    if model::is_model(file) {
        if against.is_none() {
            args.flags.refuse(file)?;
        }
        args.knobs.refuse(file)?;
        let artifact = model::load(file)?;
        let (loaded, from) = match against {
            Some(found) => found,
            None => match model::program_of(&artifact, ui).with_context(|| file.display().to_string())? {
                Ok(loaded) => (loaded, From::Inside),
                Err(exit) => return Ok(Err(exit)),
            },
        };
        let same = |(ours, theirs): ((_, &Source), &SourceInfo)| ours.1.text == theirs.text;
        let own = loaded.sources.iter().zip(&artifact.manifest.sources).all(same)
            && verify::belongs(&loaded.program, &artifact.manifest.config).is_ok();
        return Ok(Ok(Claim { artifact, loaded, from, own }));
    }
    let loaded = match program::load(file, &args.flags, ui)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(Err(exit)),
    };
    let artifact = match compile::build(&loaded, args.knobs.knobs(), ui)? {
        Ok((_, artifact)) => artifact,
        Err(exit) => return Ok(Err(exit)),
    };
    let own = against.is_none();
    let (loaded, from) = against.unwrap_or((loaded, From::Compiled));
    Ok(Ok(Claim { artifact, loaded, from, own }))
}
