//! `raspc train`: what gradient descent finds for a program.

use super::interrupt::Interrupt;
use super::program::{self, ProgramFlags};
use super::ui::Bar;
use super::{Exit, Ui, compile, folder::Folder, model, twins};
use crate::data::Dataset;
use crate::facts;
use crate::model::{Artifact, Config, Transformer, artifact};
use crate::plan::Knobs;
use crate::train::{
    Checkpoints, Curve, Curves, Event, Experiment, Flow, Metrics, Observer, Shape, State, TrainConfig,
    TrainError, Trainer, initial, picture, side_by_side,
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
/// event), 'curves.svg' (loss and accuracy), 'checkpoint.safetensors' (from which '--resume' goes on,
/// after a kill too, as if nothing had happened) and 'model.safetensors', which 'run', 'inspect' and
/// 'verify' take. With 'train.seeds' several networks learn at a time, one per core, each in a folder
/// of its own and just as if it were alone. Ctrl-C ends a run early and keeps what it has.
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
    let declared = ProgramFlags::declaring(&experiment.inputs, experiment.length.as_ref());
    let loaded = match program::load(&beside(&args.experiment, &experiment.program), &declared, ui)? {
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
    if init.is_some() && experiment.model != Shape::default() {
        ui.note("note: '[model]' has no say: the network has the shape of the one that it begins as");
    }
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
    let folder = Folder::new(folder);
    let shape = shape(config, &compiled)?;
    let interrupt = Interrupt::catch();
    let mut runs = begin(args, &experiment, init.as_ref(), &shape, &folder, ui)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    side_by_side(&mut runs, cores / experiment.train.workers.max(1), |run| {
        run.outcome = learn(run, &shape, &data, &loaded.name, &interrupt);
    });

    let (mut exit, mut trained) = (Exit::Done, Vec::new());
    for run in &runs {
        match run.model(&shape, &compiled) {
            Ok(artifact) => trained.push(twins::Trained {
                seed: run.experiment.train.seed,
                steps: run.state.step,
                artifact,
            }),
            Err(error) => exit = ui.error(&error.context(shown.to_string())),
        }
    }
    if experiment.train.seeds.is_some() {
        let curves = runs.iter().filter_map(|run| Curve::read(&run.folder.metrics()).ok());
        let picture = picture(&loaded.name, &curves.collect::<Vec<_>>());
        artifact::write_whole(&folder.curves(), picture.as_bytes())
            .with_context(|| format!("cannot write {}", folder.curves().display()))?;
    }
    if interrupt.asked() {
        let steps: Vec<String> = runs.iter().map(|run| run.state.step.to_string()).collect();
        ui.note(&format!("note: stopped after {} steps; '--resume' goes on", steps.join(", ")));
    }
    if trained.is_empty() {
        return Ok(exit);
    }
    let (compiled, loaded, facts, data) = (&compiled, &loaded, &facts, &data);
    let twins = twins::Twins { compiled, trained: &trained, loaded, facts, data };
    let report = twins.compare(&experiment, ui)?;
    match args.json {
        true => ui.json(&report.json()),
        false => ui.out(&report.text(folder.path())),
    }
    Ok(exit)
}

/// A network of this shape. Its parameters do not matter: they are 0.
fn shape(config: Config, compiled: &Artifact) -> anyhow::Result<Transformer> {
    let layout = crate::model::Layout::of(&config);
    let none = Tensor::zeros(layout.len(), candle_core::DType::F32, &Device::Cpu)?;
    let weights = layout.weights(&config, &none)?;
    let empty = compiled.trained(config, weights, String::new());
    Ok(Transformer::from_artifact(&empty, &Device::Cpu)?)
}

/// One network that learns.
struct Run {
    /// With this seed only: what is in its folder does not tell that others ran beside it.
    experiment: Experiment,
    resolved: String,
    folder: Folder,
    state: State,
    bar: Bar,
    outcome: Result<(), TrainError>,
}

impl Run {
    /// The network that was found; it is written down as well.
    fn model(&self, shape: &Transformer, compiled: &Artifact) -> anyhow::Result<Artifact> {
        let folder = self.folder.path().display();
        if let Err(error) = &self.outcome {
            match self.folder.checkpoint().exists() {
                true => bail!("{error}; everything up to the last checkpoint is in {folder}"),
                false => bail!("{error}"),
            }
        }
        let weights = shape.layout().weights(shape.config(), &self.state.parameters()?)?;
        let trained = compiled.trained(shape.config().clone(), weights, self.resolved.clone());
        let path = self.folder.model();
        artifact::save(&trained, &path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(trained)
    }
}

/// The runs that an experiment asks for, each in a folder that is ready for it.
fn begin(
    args: &TrainArgs,
    experiment: &Experiment,
    init: Option<&Artifact>,
    shape: &Transformer,
    folder: &Folder,
    ui: &Ui,
) -> anyhow::Result<Vec<Run>> {
    let experiments = experiment.runs().with_context(|| args.experiment.display().to_string())?;
    folder.claim(&experiment.to_toml()?, args.resume)?;
    let several = experiment.train.seeds.is_some();
    let bars = ui.bars(experiments.len(), experiment.train.steps);
    let run = |(experiment, bar): (Experiment, Bar)| {
        let TrainConfig { seed, dtype, .. } = experiment.train;
        let (resolved, dtype) = (experiment.to_toml()?, dtype.dtype());
        let folder = if several { folder.of_seed(seed) } else { folder.clone() };
        if several {
            // One that was still to come when the others were interrupted begins now.
            folder.claim(&resolved, args.resume && folder.experiment().exists())?;
        }
        let first = || match init {
            None => initial(shape.config(), shape.layout(), seed, dtype, &Device::Cpu),
            Some(init) => shape.layout().flatten(&init.weights, dtype, &Device::Cpu),
        };
        let state = folder.state(&experiment, shape, args.resume, first)?;
        Ok(Run { experiment, resolved, folder, state, bar, outcome: Ok(()) })
    };
    experiments.into_iter().zip(bars).map(run).collect()
}

/// Trains one network, and keeps its folder up to date.
fn learn(
    run: &mut Run,
    shape: &Transformer,
    data: &Dataset,
    title: &str,
    interrupt: &Interrupt,
) -> Result<(), TrainError> {
    let Run { experiment, folder, state, bar, .. } = run;
    let config = &experiment.train;
    let mut watching = Watching {
        metrics: Metrics::open(&folder.metrics(), config.log_every, state.step)?,
        checkpoints: Checkpoints { path: folder.checkpoint(), every: config.checkpoint_every },
        curves: Curves { title: title.to_owned(), metrics: folder.metrics(), picture: folder.curves() },
        progress: Progress { bar, held_out: String::new(), since: Instant::now(), tokens: 0 },
        interrupt,
    };
    Trainer::new(shape, data, config, &experiment.optimiser)?.run(state, &mut watching)
}

/// Everything that watches a run.
struct Watching<'r> {
    metrics: Metrics,
    checkpoints: Checkpoints,
    /// Drawn from the metrics, and so behind them.
    curves: Curves,
    progress: Progress<'r>,
    interrupt: &'r Interrupt,
}

impl Observer for Watching<'_> {
    fn see(&mut self, event: &Event, state: &State) -> std::io::Result<Flow> {
        let Self { metrics, checkpoints, curves, progress, interrupt } = self;
        let observers: [&mut dyn Observer; 4] = [metrics, checkpoints, curves, progress];
        for observer in observers {
            observer.see(event, state)?;
        }
        Ok(if interrupt.asked() { Flow::Stop } else { Flow::Continue })
    }
}

/// What the bar says.
struct Progress<'r> {
    bar: &'r Bar,
    held_out: String,
    since: Instant,
    tokens: usize,
}

impl Observer for Progress<'_> {
    fn see(&mut self, event: &Event, state: &State) -> std::io::Result<Flow> {
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
        Ok(Flow::Continue)
    }
}

/// A file that an experiment names: beside it, otherwise from the current folder.
fn beside(experiment: &Path, name: &str) -> PathBuf {
    let beside = experiment.parent().unwrap_or(Path::new("")).join(name);
    if beside.is_file() { beside } else { PathBuf::from(name) }
}
