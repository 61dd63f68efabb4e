//! `raspc verify`: do the weights compute the program?

use super::interrupt::Interrupt;
use super::knobs::KnobFlags;
use super::model::{self, ModelFlags};
use super::program::{self, Loaded, ProgramFlags};
use super::resume::Resume;
use super::verdict::{Manner, difference_report, report, tell};
use super::{Exit, Ui, compile};
use crate::facts::{self, Facts};
use crate::ir::Program;
use crate::model::{Artifact, Certificate, SourceInfo, Transformer};
use crate::source::Source;
use crate::verify::check::prove;
use crate::verify::{
    self, Answer, CanFail, Disagreement, Done, Effort, Verdict, prove_by_classes, wrong_examples,
};
use anyhow::Context as _;
use std::fmt;
use std::path::{Path, PathBuf};

/// Compare weights with the program that they were compiled from.
///
/// A model (.safetensors) is compared with the program inside it, or with that of '--against', column
/// by column and output by output of the same name; a program (.rasp) is compiled in memory first.
/// 'proved' holds for every declared input on which the program has a value: it follows from the
/// weights, head by head and neuron by neuron. What that leaves open is run: every declared input if
/// there are at most a million ('proved by enumeration'), otherwise random ones ('tested'). After these,
/// the program alone is run on one input of each class that it cannot tell apart, if there are at most a
/// million of these, and the proof goes on from what was seen ('proved by enumeration' too). Ctrl-C ends
/// a comparison early; with '--resume' the same command goes on where it ended.
#[derive(clap::Args)]
pub struct VerifyArgs {
    /// Models (.safetensors) or programs (.rasp).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Compare with this program instead of the one inside the model.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Run inputs only, and do not try to prove anything.
    #[arg(long)]
    no_proof: bool,
    /// Run every input if there are at most this many, or one of each class.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    all_up_to: u128,
    /// Run this many random inputs if there are more.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    tests: usize,
    /// Seed of the random inputs.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Keep in this file how far an enumeration came, and go on from there.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Print JSON, one object per file.
    #[arg(long)]
    json: bool,
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
        counts[match answer {
            Some(Answer::Proved(Certificate { classes: 0, .. })) => 0,
            Some(Answer::Proved(_)) => 1,
            Some(Answer::Compared { verdict, .. }) => match verdict {
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
    let wrong = wrong_examples(program);
    ui.diagnostics(&wrong, sources);
    let facts = facts::analyse(program);
    let effort = Effort { all_up_to: args.all_up_to, samples: args.tests, seed: args.seed };
    anyhow::ensure!(
        args.resume.is_none() || verify::runs_all(program, effort),
        "there are too many inputs to run each, and nothing to resume; raise '--all-up-to'"
    );
    let answer = match on_examples(claim, &model)? {
        // Enumeration finds the first of all; otherwise what someone cared about is told.
        Some(found) if verify::runs_all(program, effort) => {
            let verdict = match compare(claim, &facts, &model, effort, args, interrupt, ui)? {
                Verdict::Refuted(first) => first,
                // It was stopped before it came so far.
                Verdict::Enumerated { .. } | Verdict::Tested { .. } | Verdict::Undecided { .. } => found,
            };
            Answer::Compared { verdict: Verdict::Refuted(verdict), open: None }
        }
        Some(found) => Answer::Compared { verdict: Verdict::Refuted(found), open: None },
        None => answer(claim, &facts, &model, effort, args, interrupt, ui)?,
    };
    let can_fail = (!interrupt.asked()).then(|| can_fail(program, &facts, &answer, effort));
    let first = match &answer {
        Answer::Compared { verdict: Verdict::Refuted(found), .. } => {
            let manifest = &claim.artifact.manifest;
            let first = match claim.own {
                true => verify::first_difference(manifest, program, &model, &found.input)?,
                false => None,
            };
            ui.diagnostics(&[difference_report(claim, found, first.as_ref())], sources);
            first
        }
        Answer::Proved(_) | Answer::Compared { .. } => None,
    };
    if let Some(CanFail::Fails { input, failure }) = &can_fail {
        ui.diagnostics(&[verify::no_value_warning(program, failure, input)], sources);
    }
    if args.json {
        ui.json(&report(file, claim, &answer, first.as_ref(), can_fail.as_ref(), wrong.len()));
    } else {
        let manner = Manner { brief: args.files.len() > 1, interrupted: interrupt.asked() };
        tell(file, claim, &answer, can_fail.as_ref(), wrong.len(), manner, ui);
    }
    let exit = match &answer {
        Answer::Compared { verdict: Verdict::Refuted(_), .. } => Exit::Refuted,
        _ if !wrong.is_empty() => Exit::Refuted,
        Answer::Proved(_) => Exit::Done,
        Answer::Compared { verdict, .. } => match verdict {
            Verdict::Undecided { .. } => Exit::Undecided,
            Verdict::Tested { .. } if interrupt.asked() => Exit::Undecided,
            Verdict::Enumerated { .. } | Verdict::Tested { .. } | Verdict::Refuted(_) => Exit::Done,
        },
    };
    Ok((exit, Some(answer)))
}

/// As many inputs are looked for on which a program that is proved has a value.
const WITNESSES: usize = 20;

/// Inputs that are run at most to find one on which the program fails: all, or the shortest; and
/// so many random ones.
const FAILURES_ALL: u128 = 100_000;
const FAILURES_TESTS: usize = 1_000;

/// Whether the program itself can fail.
fn can_fail(program: &Program, facts: &Facts, answer: &Answer, effort: Effort) -> CanFail {
    if let Answer::Compared { verdict: Verdict::Enumerated { inputs, failing: 0, .. }, .. } = answer {
        return CanFail::NotByEnumeration { inputs: *inputs };
    }
    let all_up_to = effort.all_up_to.min(FAILURES_ALL);
    verify::can_fail(program, facts, Effort { all_up_to, samples: FAILURES_TESTS, ..effort }, |_| ())
}

/// A proof; what that leaves open is compared.
fn answer(
    claim: &Claim,
    facts: &Facts,
    model: &Transformer,
    effort: Effort,
    args: &VerifyArgs,
    interrupt: &Interrupt,
    ui: &Ui,
) -> anyhow::Result<Answer> {
    // What is proved is proved of f32, as models run without flags.
    let open = match args.no_proof || !args.model.is_default() {
        true => None,
        false => match prove(&claim.loaded.program, &claim.artifact) {
            Ok(certificate) => {
                // Whatever is said of no input is true of all; and a runtime may break its promise.
                let few = Effort { all_up_to: 0, samples: WITNESSES, seed: args.seed };
                let verdict = verify::compare(&claim.loaded.program, facts, model, few, &mut |_| true)?;
                return Ok(match verdict {
                    Verdict::Undecided { .. } | Verdict::Refuted(_) => {
                        Answer::Compared { verdict, open: None }
                    }
                    Verdict::Enumerated { .. } | Verdict::Tested { .. } => Answer::Proved(certificate),
                });
            }
            Err(open) => Some(open),
        },
    };
    let verdict = compare(claim, facts, model, effort, args, interrupt, ui)?;
    let open = match (&verdict, open) {
        // Too many inputs to run each: fewer may do, if they tell of all others.
        (Verdict::Tested { .. }, Some(open)) if !interrupt.asked() => {
            let limit = usize::try_from(args.all_up_to).unwrap_or(usize::MAX);
            let proof = ui.progress("classes of inputs run", |progress| {
                let mut go_on = |done| {
                    progress(done);
                    !interrupt.asked()
                };
                prove_by_classes(&claim.loaded.program, &claim.artifact, open, limit, &mut go_on)
            });
            match proof {
                Ok(certificate) => return Ok(Answer::Proved(certificate)),
                Err(open) => Some(open),
            }
        }
        (_, open) => open,
    };
    Ok(Answer::Compared { verdict, open })
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

/// The program's own examples are inputs that someone cared about: they come first.
fn on_examples(claim: &Claim, model: &Transformer) -> anyhow::Result<Option<Disagreement>> {
    let program = &claim.loaded.program;
    for example in &program.examples {
        if let Some(found) = verify::compare_on(program, model, &example.inputs)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn compare(
    claim: &Claim,
    facts: &Facts,
    model: &Transformer,
    effort: Effort,
    args: &VerifyArgs,
    interrupt: &Interrupt,
    ui: &Ui,
) -> anyhow::Result<Verdict> {
    let program = &claim.loaded.program;
    let mut resume = match &args.resume {
        Some(path) => Some(Resume::open(path, claim, format!("{:?}", args.model))?),
        None => None,
    };
    let begin = resume.as_ref().map_or(Done::default(), Resume::done);
    let mut kept = Ok(());
    let verdict = ui.progress("inputs compared", |progress| {
        let mut go_on = |done: Done| {
            progress(done.inputs);
            if let Some(resume) = &mut resume {
                kept = resume.reach(done);
            }
            kept.is_ok() && !interrupt.asked()
        };
        verify::compare_from(begin, program, facts, model, effort, &mut go_on)
    })?;
    kept?;
    if let Some(mut resume) = resume {
        match verdict {
            Verdict::Tested { .. } | Verdict::Undecided { .. } if interrupt.asked() => resume.write()?,
            _ => resume.remove()?,
        }
    }
    Ok(verdict)
}
