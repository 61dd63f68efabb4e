//! `raspc train`: what gradient descent finds for a program.

use super::interrupt::Interrupt;
use super::program::{self, ProgramFlags};
use super::ui::Bar;
use super::{Exit, Ui, compile, model, twins};
use crate::data::Dataset;
use crate::facts;
use crate::model::{Artifact, Config, Transformer, artifact};
use crate::plan::Knobs;
use crate::train::{
    Checkpoint, Checkpoints, Event, Experiment, Flow, Metrics, Observer, State, TrainError, Trainer, initial,
};
use crate::verify;
use anyhow::{Context as _, bail};
use candle_core::{Device, Tensor};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Train a network on what a program computes, in the shape of its compiled one.
///
/// The experiment names a program, which gives shape and labels; what it does not say is as in
/// 'experiment.toml' of the run's folder afterwards. The folder also gets 'metrics.jsonl' (a line per
/// event), 'checkpoint.safetensors' (from which '--resume' goes on, after a kill too, as if nothing had
/// happened) and 'model.safetensors', which 'run', 'inspect' and 'verify' take. Ctrl-C ends a run early
/// and keeps what it has.
#[derive(clap::Args)]
pub struct TrainArgs {
    /// An experiment (.toml).
    experiment: PathBuf,
    /// Say something else than the experiment: 'train.steps=1000'. Can be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Begin as this model, in its shape.
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// The folder of the run; without it, 'runs' and the name of the experiment.
    #[arg(short, long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Go on with the run that is in the folder.
    #[arg(long)]
    resume: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// The files of a run.
struct Run {
    experiment: PathBuf,
    metrics: PathBuf,
    checkpoint: PathBuf,
    model: PathBuf,
}

impl Run {
    fn of(folder: &Path) -> Self {
        let file = |name| folder.join(name);
        Self {
            experiment: file("experiment.toml"),
            metrics: file("metrics.jsonl"),
            checkpoint: file("checkpoint.safetensors"),
            model: file("model.safetensors"),
        }
    }
}

pub fn train(args: &TrainArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let exit = run(args, ui).unwrap_or_else(|error| ui.error(&error));
    if args.json && exit == Exit::Usage {
        ui.failed(Some(&args.experiment));
    }
    Ok(exit)
}

fn run(args: &TrainArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let shown = args.experiment.display();
    let text = program::read_text(&args.experiment)?;
    let mut experiment = Experiment::parse(&text, &args.sets).with_context(|| shown.to_string())?;
    if let Some(init) = &args.init {
        experiment.init = Some(init.display().to_string());
    }
    let loaded =
        match program::load(&beside(&args.experiment, &experiment.program), &ProgramFlags::default(), ui)? {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
    let compiled = match compile::build(&loaded, Knobs::default(), ui)? {
        Ok((_, compiled)) => compiled,
        Err(exit) => return Ok(exit),
    };
    let init = match &experiment.init {
        Some(path) => {
            let path = if args.init.is_some() { path.into() } else { beside(&args.experiment, path) };
            let init = model::load(&path)?;
            verify::belongs(&loaded.program, &init.manifest.config)
                .with_context(|| path.display().to_string())?;
            Some(init)
        }
        None => None,
    };
    let config = match &init {
        Some(init) => init.manifest.config.clone(),
        None => experiment.model.of(&compiled.manifest.config).with_context(|| shown.to_string())?,
    };
    let facts = facts::analyse(&loaded.program);
    let data = ui.progress("examples", |_| Dataset::new(&loaded.program, &facts, &config, &experiment.data));
    let data = data.with_context(|| shown.to_string())?;

    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => Path::new("runs").join(args.experiment.file_stem().unwrap_or_default()),
    };
    let run = Run::of(&folder);
    let resolved = experiment.to_toml()?;
    let shape = shape(config, &compiled)?;
    let mut state = begin(args, &experiment, init.as_ref(), &resolved, &shape, &run)?;
    let interrupt = Interrupt::catch();
    let outcome = learn(&experiment, &shape, &data, &mut state, &run, &interrupt, ui);
    let weights = shape.layout().weights(shape.config(), &state.parameters()?)?;
    let trained = compiled.trained(shape.config().clone(), weights, resolved);
    outcome.with_context(|| match run.checkpoint.exists() {
        true => format!("{shown}; everything up to the last checkpoint is in {}", folder.display()),
        false => shown.to_string(),
    })?;
    artifact::save(&trained, &run.model).with_context(|| format!("cannot write {}", run.model.display()))?;
    if interrupt.asked() {
        ui.note(&format!("note: stopped after {} steps; '--resume' goes on", state.step));
    }
    let pair =
        twins::Twins { compiled: &compiled, trained: &trained, loaded: &loaded, facts: &facts, data: &data };
    let report = pair.compare(&experiment, state.step, ui)?;
    match args.json {
        true => ui.json(&report.json()),
        false => ui.out(&report.text(&run.model)),
    }
    Ok(Exit::Done)
}

/// A network of this shape. Its parameters do not matter: they are 0.
fn shape(config: Config, compiled: &Artifact) -> anyhow::Result<Transformer> {
    let layout = crate::model::Layout::of(&config);
    let none = Tensor::zeros(layout.len(), candle_core::DType::F32, &Device::Cpu)?;
    let weights = layout.weights(&config, &none)?;
    let empty = compiled.trained(config, weights, String::new());
    Ok(Transformer::from_artifact(&empty, &Device::Cpu)?)
}

/// The state that the run begins with, in a folder that is ready for it.
fn begin(
    args: &TrainArgs,
    experiment: &Experiment,
    init: Option<&Artifact>,
    resolved: &str,
    shape: &Transformer,
    run: &Run,
) -> anyhow::Result<State> {
    let (layout, dtype) = (shape.layout(), experiment.train.dtype.dtype());
    if let Some(folder) = run.experiment.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let there = run.experiment.exists();
    match (args.resume, there) {
        (true, true) => {
            let stored = program::read_text(&run.experiment)?;
            anyhow::ensure!(
                stored == resolved,
                "{} is another experiment; '--resume' goes on with the same one only",
                run.experiment.display()
            );
            if run.checkpoint.exists() {
                let state = Checkpoint::load(&run.checkpoint, layout.len(), dtype, &Device::Cpu);
                return state.with_context(|| format!("cannot resume {}", run.checkpoint.display()));
            }
        }
        (true, false) => bail!("there is no run to resume in {}", run.experiment.display()),
        (false, true) => bail!(
            "there is a run in {} already; '--resume' goes on with it, '--out' begins another",
            run.experiment.with_file_name("").display()
        ),
        (false, false) => {
            artifact::write_whole(&run.experiment, resolved.as_bytes())
                .with_context(|| format!("cannot write {}", run.experiment.display()))?;
        }
    }
    let parameters = match init {
        None => initial(shape.config(), layout, experiment.train.seed, dtype, &Device::Cpu)?,
        Some(init) => layout.flatten(&init.weights, dtype, &Device::Cpu)?,
    };
    Ok(State::new(&parameters)?)
}

fn learn(
    experiment: &Experiment,
    shape: &Transformer,
    data: &Dataset,
    state: &mut State,
    run: &Run,
    interrupt: &Interrupt,
    ui: &Ui,
) -> Result<(), TrainError> {
    let config = &experiment.train;
    let mut watching = Watching {
        metrics: Metrics::open(&run.metrics, config.log_every, state.step)?,
        checkpoints: Checkpoints { path: run.checkpoint.clone(), every: config.checkpoint_every },
        bar: ui.bar(config.steps),
        held_out: String::new(),
        since: Instant::now(),
        tokens: 0,
        interrupt,
    };
    Trainer::new(shape, data, config, &experiment.optimiser)?.run(state, &mut watching)
}

/// Everything that watches a run.
struct Watching<'i> {
    metrics: Metrics,
    checkpoints: Checkpoints,
    bar: Bar,
    held_out: String,
    since: Instant,
    tokens: usize,
    interrupt: &'i Interrupt,
}

impl Observer for Watching<'_> {
    fn see(&mut self, event: &Event, state: &State) -> std::io::Result<Flow> {
        self.metrics.see(event, state)?;
        self.checkpoints.see(event, state)?;
        match event {
            Event::Step { loss, tokens, .. } => {
                self.tokens += tokens;
                let speed = self.tokens as f64 / self.since.elapsed().as_secs_f64();
                let (loss, held_out) = (*loss, &self.held_out);
                self.bar.at(state.step, || format!("loss {loss:.4}{held_out}, {speed:.0} tokens/s"));
            }
            Event::Evaluated(evaluation) => {
                let (loss, accuracy) = (evaluation.loss, 100.0 * evaluation.token_accuracy);
                self.held_out = format!(", held out {loss:.4} ({accuracy:.2} %)");
            }
            Event::Ended => {}
        }
        Ok(if self.interrupt.asked() { Flow::Stop } else { Flow::Continue })
    }
}

/// A file that an experiment names: beside it, otherwise from the current folder.
fn beside(experiment: &Path, name: &str) -> PathBuf {
    let beside = experiment.parent().unwrap_or(Path::new("")).join(name);
    if beside.is_file() { beside } else { PathBuf::from(name) }
}
