//! The one loop.

use super::evaluate::{Evaluation, evaluate};
use super::experiment::TrainConfig;
use super::files::FileError;
use super::loss::{Loss, counts, loss, of_nothing};
use super::optimiser::{Optimiser, OptimiserConfig, ROWS};
use crate::data::{Dataset, Examples};
use crate::model::{NoHooks, Transformer, fused};
use candle_core::{DType, Result as Outcome, Tensor};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Everything that a step changes: with it, training goes on as if it had never stopped.
#[derive(Clone, Debug)]
pub struct State {
    /// Steps done.
    pub step: usize,
    /// `[3, n]`: parameters and the moments of the optimiser.
    pub tensor: Tensor,
    /// The least held-out loss so far, and the step before which it was.
    pub best: Option<(f64, usize)>,
    /// The loss of the first batch before any step.
    pub start: Option<f64>,
}

impl State {
    /// The beginning, at these parameters `[n]`.
    pub fn new(parameters: &Tensor) -> Outcome<Self> {
        let moments = Tensor::zeros((ROWS - 1, parameters.dim(0)?), parameters.dtype(), parameters.device())?;
        let tensor = Tensor::cat(&[&parameters.unsqueeze(0)?, &moments], 0)?;
        Ok(Self { step: 0, tensor, best: None, start: None })
    }

    /// The parameters `[n]`.
    pub fn parameters(&self) -> Outcome<Tensor> {
        self.tensor.get(0)
    }
}

/// What happened in the loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A step was done: with this loss before it, this norm of the gradient before clipping, and so
    /// many positions that it was computed on.
    Step { loss: f64, norm: f64, lr: f64, tokens: usize },
    /// The held-out examples were looked at.
    Evaluated(Evaluation),
    /// No step follows.
    Ended,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Continue,
    Stop,
}

/// Something that watches the loop.
pub trait Observer {
    /// Called after each event, with the state as it is then.
    fn see(&mut self, event: &Event, state: &State) -> Result<Flow, FileError>;
}

/// Why training ended early.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(
        "the run diverged: the loss is {loss:.1e} at step {step}{}; start a new run with a lower optimiser.lr (now {lr:e}) or a smaller optimiser.clip",
        start.map_or(String::new(), |start| format!(" and was {start:.1e} at the start"))
    )]
    Diverged { step: usize, loss: f64, start: Option<f64>, lr: f64 },
    #[error("train.{0} is 0")]
    Zero(&'static str),
    #[error("there are no training examples")]
    NoExamples,
    #[error(transparent)]
    Threads(#[from] ThreadPoolBuildError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Device(#[from] candle_core::Error),
}

/// A network, its data, and how it learns.
pub struct Trainer<'t> {
    model: &'t Transformer,
    data: &'t Dataset,
    config: &'t TrainConfig,
    learning: &'t OptimiserConfig,
    optimiser: Optimiser,
    /// One thread each: parts of a batch run side by side, and what one of them does stays on its own.
    workers: Vec<ThreadPool>,
    order: Order,
    /// The loss if all logits are 0, on training or held-out examples, but at least 1.
    guess: f64,
}

/// A run has diverged when its loss exceeds the loss at the start, or the loss of logits that are all 0 if that is
/// greater, by this factor. For cross-entropy between two classes that is 1,000 nats per token.
const DIVERGED: f64 = 1e3;

impl<'t> Trainer<'t> {
    /// `model` gives the shape; its parameters do not matter.
    pub fn new(
        model: &'t Transformer,
        data: &'t Dataset,
        config: &'t TrainConfig,
        learning: &'t OptimiserConfig,
    ) -> Result<Self, TrainError> {
        let sizes =
            [("batch", config.batch), ("workers", config.workers), ("evaluate_every", config.evaluate_every)];
        if let Some((name, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return Err(TrainError::Zero(name));
        }
        if data.train.is_empty() {
            return Err(TrainError::NoExamples);
        }
        let worker = |_| ThreadPoolBuilder::new().num_threads(1).build();
        Ok(Self {
            model,
            data,
            config,
            learning,
            optimiser: Optimiser::new(*learning, model.layout()),
            workers: (0..config.workers).map(worker).collect::<Result<_, _>>()?,
            order: Order::new(data.train.len(), config.batch, config.seed),
            guess: [&data.train, &data.held_out]
                .map(|examples| of_nothing(&model.config().outputs, &examples.targets))
                .into_iter()
                .fold(1.0, f64::max),
        })
    }

    /// Goes on from a state until all steps are done, an observer stops it, or held-out loss has not
    /// fallen for as long as the configuration waits.
    pub fn run(&mut self, state: &mut State, observer: &mut dyn Observer) -> Result<(), TrainError> {
        loop {
            if self.config.evaluates_at(state.step) {
                let over = state.step >= self.config.steps;
                let evaluation = self.evaluate(state)?;
                if state.best.is_none_or(|(best, _)| evaluation.loss < best) {
                    state.best = Some((evaluation.loss, state.step));
                }
                let flow = observer.see(&Event::Evaluated(evaluation), state)?;
                self.converges(state, evaluation.loss)?;
                if over || flow == Flow::Stop || self.waited(state) {
                    break;
                }
            }
            let event = self.step(state)?;
            if observer.see(&event, state)? == Flow::Stop {
                break;
            }
        }
        observer.see(&Event::Ended, state)?;
        Ok(())
    }

    /// Whether the least held-out loss is too long ago.
    fn waited(&self, state: &State) -> bool {
        let patience = self.config.patience;
        patience > 0 && state.best.is_some_and(|(_, step)| state.step - step >= patience)
    }

    /// Fails if a loss is not finite or beyond [`DIVERGED`].
    fn converges(&self, state: &State, loss: f64) -> Result<(), TrainError> {
        let largest = DIVERGED * self.guess.max(state.start.unwrap_or(f64::INFINITY));
        match loss.is_finite() && loss <= largest {
            true => Ok(()),
            false => {
                let (step, start, lr) = (state.step, state.start, self.learning.lr);
                Err(TrainError::Diverged { step, loss, start: start.filter(|s| s.is_finite()), lr })
            }
        }
    }

    fn evaluate(&self, state: &State) -> Result<Evaluation, TrainError> {
        let model = self.model.with_parameters(&state.parameters()?)?;
        let (examples, tolerance) = (&self.data.held_out, self.config.tolerance);
        Ok(self.workers[0].install(|| evaluate(&model, examples, tolerance))?)
    }

    fn step(&mut self, state: &mut State) -> Result<Event, TrainError> {
        let rows = self.order.batch(state.step);
        let tokens = rows.len() * self.data.train.batch.seq;
        let counts = counts(&self.data.train.select(rows).targets);
        let share = rows.len().div_ceil(self.workers.len());
        let parameters = state.parameters()?;
        let (model, data) = (self.model, &self.data.train);
        let (parameters, counts) = (&parameters, &counts);
        let parts: Vec<Outcome<(f64, Tensor)>> = std::thread::scope(|scope| {
            let work = |(worker, rows): (&'_ ThreadPool, &'_ [usize])| {
                worker.install(|| share_gradient(model, parameters, data, rows, counts))
            };
            let mut parts = self.workers.iter().zip(rows.chunks(share));
            let first = parts.next();
            let others: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
            let first = first.map(work);
            let joined = others.into_iter().map(|other| {
                other.join().unwrap_or_else(|_| Err(candle_core::Error::Msg("a worker panicked".to_owned())))
            });
            first.into_iter().chain(joined).collect()
        });
        let (mut loss, mut sum): (f64, Option<Tensor>) = (0.0, None);
        for part in parts {
            let (part_loss, gradient) = part?;
            loss += part_loss;
            sum = Some(match sum {
                Some(sum) => (sum + gradient)?,
                None => gradient,
            });
        }
        let (step, factor) = (state.step, self.config.schedule.factor(state.step, self.config.steps));
        let lr = self.learning.lr * factor;
        let gradient = sum.ok_or(TrainError::NoExamples)?;
        state.start.get_or_insert(loss);
        self.converges(state, loss)?;
        let norm = self.optimiser.step(&state.tensor, &gradient, factor, step)?;
        state.step += 1;
        Ok(Event::Step { loss, norm, lr, tokens })
    }
}

/// The loss of some rows of a batch, and its gradient as a flat vector.
fn share_gradient(
    model: &Transformer,
    parameters: &Tensor,
    data: &Examples,
    rows: &[usize],
    counts: &[usize],
) -> Outcome<(f64, Tensor)> {
    let part = data.select(rows);
    if fused::runs(parameters) {
        let mut objective = Loss { targets: &part.targets, counts, seq: part.batch.seq };
        return model.gradient(parameters, &part.batch, &mut objective);
    }
    let (model, variables) = model.learning(parameters)?;
    let loss = loss(&model.forward(&part.batch, &mut NoHooks)?, &part.targets, counts)?;
    let gradient = variables.gradient(&loss)?;
    Ok((loss.to_dtype(DType::F64)?.to_scalar()?, gradient))
}

/// Which examples make up which batch: every epoch all of them once, in another order, but for a
/// rest that fills no batch.
struct Order {
    n: usize,
    batch: usize,
    seed: u64,
    /// The order of an epoch.
    epoch: Option<(usize, Vec<usize>)>,
}

impl Order {
    fn new(n: usize, batch: usize, seed: u64) -> Self {
        Self { n, batch: batch.min(n), seed, epoch: None }
    }

    /// The batch of a step. It depends on nothing else, so that a run can go on anywhere.
    fn batch(&mut self, step: usize) -> &[usize] {
        let per_epoch = self.n / self.batch;
        let (epoch, place) = (step / per_epoch, step % per_epoch);
        if self.epoch.as_ref().is_none_or(|(known, _)| *known != epoch) {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(epoch as u64 + 1);
            let mut order: Vec<usize> = (0..self.n).collect();
            order.shuffle(&mut rng);
            self.epoch = Some((epoch, order));
        }
        let order = self.epoch.as_ref().map_or(&[][..], |(_, order)| order);
        &order[place * self.batch..(place + 1) * self.batch]
    }
}
