//! Networks that gradient descent finds, in shapes that the compiler knows.
//!
//! [`Experiment`] says what is asked for, [`Trainer`] runs the one loop. Everything else watches
//! that loop as an [`Observer`]: metrics, progress, checkpoints, curves. Several seeds are several runs
//! [`side_by_side`].

mod checkpoint;
mod curves;
mod evaluate;
mod experiment;
mod files;
mod init;
mod keys;
mod loss;
mod metrics;
mod optimiser;
mod origin;
mod plot;
mod schedule;
mod seeds;
mod shape;
mod trainer;

pub use checkpoint::{Checkpoint, CheckpointError, Checkpoints};
pub use curves::{Curves, median, picture};
pub use evaluate::{Evaluation, agreement, evaluate};
pub use experiment::{Change, Experiment, ExperimentError, Seeds, TrainConfig};
pub use files::FileError;
pub use init::initial;
pub use loss::{Loss, counts, loss};
pub use metrics::{Curve, Metrics};
pub use optimiser::{Kind, Optimiser, OptimiserConfig};
pub use origin::{Changed, Origin};
pub use schedule::{Schedule, ScheduleKind};
pub use seeds::side_by_side;
pub use shape::{Shape, ShapeError};
pub use trainer::{Event, Flow, Observer, State, TrainError, Trainer};
