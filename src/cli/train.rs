//! `raspc train`: what gradient descent finds for a program.

use super::interrupt::Interrupt;
use super::kind::{self, Kind};
use super::named_files::find;
use super::program::{self, ProgramFlags};
use super::ui::Bar;
use super::watch::{Progress, Watching};
use super::{Exit, Ui, compile, folder, folder::Folder, lock::Lock, model, twins};
use crate::data::Dataset;
use crate::facts;
use crate::model::{Artifact, Config, Transformer, artifact};
use crate::plan::Knobs;
use crate::train::{
    Change, Curve, Experiment, Origin, ScheduleKind, Shape, State, TrainConfig, TrainError, Trainer, initial,
    picture, side_by_side,
};
use crate::verify;
use anyhow::{Context as _, bail};
use candle_core::{DType, Device, Tensor};
use std::path::{Path, PathBuf};

/// Train a network to compute what a program computes.
///
/// An experiment names a program, which determines inputs, labels and the default shape of the network: that of the
/// compiled network. A program instead of an experiment is trained with the default settings. The folder of the
/// run contains 'experiment.toml' (all settings), 'metrics.jsonl' (a line per event), 'curves.svg' (loss and
/// accuracy), 'checkpoint.safetensors', 'model.safetensors' (for 'run', 'inspect' and 'verify') and 'report.json'.
/// With 'train.seeds', several networks are trained at a time, one per core, each in a subfolder and with the same
/// result as if it were trained alone. Ctrl-C ends a run early and keeps its state (exit code 130).
///
/// '--resume' continues a run after Ctrl-C or a kill, with the same result as without the interruption. It refuses a
/// run whose program, data or settings have changed. Only 'train.steps', 'evaluate_every', 'checkpoint_every',
/// 'log_every' and 'patience' may change, so '--resume --set steps=7000' extends a finished run. A cosine schedule then
/// spans 7000 steps: the learning rate jumps to its value in that schedule.
#[derive(clap::Args)]
pub struct TrainArgs {
    /// An experiment (.toml) or a program (.rasp).
    experiment: PathBuf,
    /// Override a setting: 'train.steps=1000', or 'steps=1000' if no other key ends in that name. Can be given
    /// several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Start from this model instead of random parameters; the network has its shape.
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// The folder of the run; without it, 'runs' and the name of the experiment.
    #[arg(short, long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Continue the run in the folder.
    #[arg(long)]
    resume: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

pub fn train(args: &TrainArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let exit = run(args, ui).unwrap_or_else(|error| ui.error(&error));
    if args.json && matches!(exit, Exit::Usage | Exit::Rejected) {
        ui.failed(Some(&args.experiment));
    }
    Ok(exit)
}

/// Reads the experiment and finds the files that it names.
fn read(args: &TrainArgs) -> anyhow::Result<Experiment> {
    let (file, shown) = (&args.experiment, args.experiment.display());
    let path = |path: &Path| path.to_string_lossy().into_owned();
    match Kind::of(file) {
        Some(Kind::Model) => kind::expect(file, Kind::Experiment)?,
        Some(Kind::Program) => {
            let mut experiment = Experiment::of_program(&path(file), &args.sets)?;
            experiment.init = args.init.as_deref().map(path).or(experiment.init);
            return Ok(experiment);
        }
        Some(Kind::Experiment) | None => {}
    }
    let text = program::read_text(file)?;
    let mut experiment = Experiment::parse(&text, &args.sets).with_context(|| shown.to_string())?;
    experiment.program = path(&find(file, "program", &experiment.program)?);
    experiment.init = match (&args.init, &experiment.init) {
        (Some(given), _) => Some(path(given)),
        (None, Some(named)) => Some(path(&find(file, "init", named)?)),
        (None, None) => None,
    };
    Ok(experiment)
}

fn run(args: &TrainArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let shown = args.experiment.display();
    let experiment = read(args)?;
    let declared = ProgramFlags::declaring(&experiment.inputs, experiment.length.as_ref());
    let loaded = match program::load(Path::new(&experiment.program), &declared, ui)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let compiled = match compile::build(&loaded, Knobs::default(), ui)? {
        Ok((_, compiled)) => compiled,
        Err(exit) => return Ok(exit),
    };
    let init = match &experiment.init {
        Some(path) => {
            let init = model::load(Path::new(path))?;
            verify::belongs(&loaded.program, &init.manifest.config).with_context(|| path.clone())?;
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
    let facts = ui.phase("finding facts", |_| facts::analyse(&loaded.program));
    let data =
        ui.phase("making examples", |_| Dataset::new(&loaded.program, &facts, &config, &experiment.data));
    let data = data.with_context(|| shown.to_string())?;
    let init_hash = init.as_ref().map(|init| init.manifest.sha256.manifest.clone());
    let origin = Origin::new(&loaded.sources, init_hash, &config, &data);

    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => Path::new("runs").join(args.experiment.file_stem().unwrap_or_default()),
    };
    let folder = Folder::new(folder);
    let shape = shape(config, &compiled)?;
    let interrupt = Interrupt::catch();
    let begin =
        Begin { args, experiment: &experiment, origin: &origin, init: init.as_ref(), shape: &shape, ui };
    let (_lock, mut runs) = begin.runs(&folder)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    side_by_side(&mut runs, cores / experiment.train.workers.max(1), |run| {
        run.outcome = learn(run, &shape, &data, &loaded.name, &interrupt);
    });
    let stopped = interrupt.asked();

    let (mut exit, mut trained) = (if stopped { Exit::Interrupted } else { Exit::Done }, Vec::new());
    for run in &runs {
        match run.model(&shape, &compiled) {
            Ok(artifact) => trained.push(twins::Trained {
                seed: run.experiment.train.seed,
                steps: run.state.step,
                moved: run.moved()?,
                artifact,
            }),
            Err(error) => exit = ui.error(&error.context(shown.to_string())),
        }
    }
    if experiment.train.seeds.is_some() {
        let curves = runs.iter().filter_map(|run| Curve::read(&run.folder.metrics()).ok());
        folder::write(&folder.curves(), &picture(&loaded.name, &curves.collect::<Vec<_>>()))?;
    }
    if stopped {
        let steps: Vec<String> = runs.iter().map(|run| run.state.step.to_string()).collect();
        ui.note(&format!("note: stopped after {} steps; '--resume' goes on", steps.join(", ")));
    }
    if trained.is_empty() {
        return Ok(exit);
    }
    let (compiled, loaded, facts, data) = (&compiled, &loaded, &facts, &data);
    let start = init.as_ref();
    let twins = twins::Twins { compiled, start, trained: &trained, loaded, facts, data };
    let report = twins.compare(&experiment, ui)?;
    let json = report.json(&experiment, &origin);
    folder::write(&folder.report(), &(serde_json::to_string_pretty(&json)? + "\n"))?;
    match args.json {
        true => ui.json(&json),
        false => ui.out(&report.text(folder.path())),
    }
    Ok(exit)
}

/// A network of this shape. Its parameters do not matter: they are 0.
fn shape(config: Config, compiled: &Artifact) -> anyhow::Result<Transformer> {
    let layout = crate::model::Layout::of(&config);
    let none = Tensor::zeros(layout.len(), DType::F32, &Device::Cpu)?;
    let weights = layout.weights(&config, &none)?;
    let empty = compiled.trained(config, weights, String::new());
    Ok(Transformer::from_artifact(&empty, &Device::Cpu)?)
}

/// One network that learns.
struct Run {
    /// With this seed only: what is in its folder does not tell that others ran beside it.
    experiment: Experiment,
    /// The text of `experiment.toml`.
    resolved: String,
    folder: Folder,
    _lock: Option<Lock>,
    /// The initial parameters.
    first: Tensor,
    state: State,
    bar: Bar,
    name: String,
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

    /// The Euclidean distance between initial and final parameters.
    fn moved(&self) -> candle_core::Result<f64> {
        let apart = (self.state.parameters()? - &self.first)?.to_dtype(DType::F64)?;
        Ok(apart.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt())
    }
}

/// What is needed to set up runs.
struct Begin<'b> {
    args: &'b TrainArgs,
    experiment: &'b Experiment,
    origin: &'b Origin,
    init: Option<&'b Artifact>,
    shape: &'b Transformer,
    ui: &'b Ui,
}

impl Begin<'_> {
    /// The runs of an experiment, each with its folder set up, and the lock on the common folder.
    fn runs(&self, folder: &Folder) -> anyhow::Result<(Lock, Vec<Run>)> {
        let Self { args, experiment, origin, ui, .. } = self;
        let experiments = experiment.runs().with_context(|| args.experiment.display().to_string())?;
        let lock = folder.lock(args.resume)?;
        let changes = folder.claim(experiment, origin, args.resume)?;
        let several = experiment.train.seeds.is_some();
        if several {
            folder.resolved(experiment, &changes, None)?;
        }
        let bars = ui.bars(experiments.len(), experiment.train.steps);
        let run = |(experiment, bar): (Experiment, Bar)| {
            let seed = experiment.train.seed;
            if !several {
                return self.run(experiment, bar, folder.clone(), None, &changes);
            }
            let folder = folder.of_seed(seed);
            // A seed that had not started when the others were interrupted starts now.
            let resume = args.resume && folder.experiment().exists();
            let lock = folder.lock(resume)?;
            let changes = folder.claim(&experiment, origin, resume)?;
            self.run(experiment, bar, folder, Some(lock), &changes)
        };
        Ok((lock, experiments.into_iter().zip(bars).map(run).collect::<anyhow::Result<_>>()?))
    }

    /// A run in its own folder: a new one, or one that is resumed with these changes.
    fn run(
        &self,
        experiment: Experiment,
        bar: Bar,
        folder: Folder,
        lock: Option<Lock>,
        changes: &[Change],
    ) -> anyhow::Result<Run> {
        let (first, state) = self.state(&folder, &experiment)?;
        let name = lock.as_ref().map_or(String::new(), |_| format!("seed {}: ", experiment.train.seed));
        for note in notes(changes, &experiment, state.step) {
            self.ui.note(&format!("note: {name}{note}"));
        }
        let resolved = folder.resolved(&experiment, changes, Some(state.step))?;
        Ok(Run { experiment, resolved, folder, _lock: lock, first, state, bar, name, outcome: Ok(()) })
    }

    /// The initial parameters of a run, and the state to continue from.
    fn state(&self, folder: &Folder, experiment: &Experiment) -> anyhow::Result<(Tensor, State)> {
        let TrainConfig { seed, dtype, .. } = experiment.train;
        let (shape, dtype) = (self.shape, dtype.dtype());
        let first = match self.init {
            None => initial(shape.config(), shape.layout(), seed, dtype, &Device::Cpu),
            Some(init) => shape.layout().flatten(&init.weights, dtype, &Device::Cpu),
        }?;
        let state = folder.state(experiment, shape, self.args.resume, first.clone())?;
        Ok((first, state))
    }
}

/// What to tell the user about a run that is resumed with changes.
fn notes(changes: &[Change], experiment: &Experiment, step: usize) -> Vec<String> {
    let change = |change: &Change| {
        format!("{} changes from {} to {} at step {step}", change.key, change.before(), change.after())
    };
    let mut notes: Vec<String> = changes.iter().map(change).collect();
    let TrainConfig { steps, schedule, .. } = experiment.train;
    let before = changes.iter().find(|change| change.key == "train.steps");
    let before = before.and_then(|change| change.before.as_ref()?.as_integer());
    if let Some(before) = before.filter(|_| schedule.kind == ScheduleKind::Cosine) {
        let lr = |steps| experiment.optimiser.lr * schedule.factor(step, steps);
        notes.push(format!(
            "the cosine schedule now spans {steps} steps: the learning rate at step {step} changes from {:.1e} to {:.1e}",
            lr(usize::try_from(before).unwrap_or(steps)),
            lr(steps),
        ));
    }
    notes
}

/// Trains one network, and keeps its folder up to date.
fn learn(
    run: &mut Run,
    shape: &Transformer,
    data: &Dataset,
    title: &str,
    interrupt: &Interrupt,
) -> Result<(), TrainError> {
    let Run { experiment, folder, state, bar, name, .. } = run;
    let config = &experiment.train;
    let progress = Progress::new(bar, name.clone(), config.steps);
    let mut watching = Watching::new(folder, config, title, state, progress, interrupt)?;
    Trainer::new(shape, data, config, &experiment.optimiser)?.run(state, &mut watching)
}
