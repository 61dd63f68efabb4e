//! The whole pass as one operation, forwards and backwards, with the backward pass written by hand.
//!
//! It runs on the CPU where no site is asked for, with the widest instructions that there are. Its plain
//! twin is the pass in candle's operations (`transformer.rs`), which shows every site, runs on other
//! devices, and is what `tests.rs` compares it with.

mod activation;
mod backward;
mod cross_entropy;
mod forward;
mod network;
mod op;
mod pass;
mod product;
mod real;
mod rows;
mod steps;
#[cfg(test)]
mod tests;
mod wide;
mod workspace;

pub use pass::Objective;
pub use real::Real;

pub(crate) use cross_entropy::cross_entropy;
pub(crate) use op::runs;
pub(super) use op::{Engine, Pass, Ready};
#[cfg(test)]
pub(super) use rows::softmax;
