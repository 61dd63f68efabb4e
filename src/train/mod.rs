//! Networks that gradient descent finds, in shapes that the compiler knows.
//!
//! [`Experiment`] says what is asked for, [`Trainer`] runs the one loop. Everything else watches
//! that loop as an [`Observer`]: metrics, progress, checkpoints.

mod checkpoint;
mod evaluate;
mod experiment;
mod init;
mod loss;
mod metrics;
mod optimiser;
mod schedule;
mod shape;
mod trainer;

pub use checkpoint::{Checkpoint, CheckpointError, Checkpoints};
pub use evaluate::{Evaluation, agreement, evaluate};
pub use experiment::{Experiment, ExperimentError, TrainConfig};
pub use init::initial;
pub use loss::{Loss, counts, loss};
pub use metrics::Metrics;
pub use optimiser::{Kind, Optimiser, OptimiserConfig};
pub use schedule::Schedule;
pub use shape::{Shape, ShapeError};
pub use trainer::{Event, Flow, Observer, State, TrainError, Trainer};
