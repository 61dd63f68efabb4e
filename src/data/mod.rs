//! Programs as datasets: inputs by a distribution, labels by the interpreter.
//!
//! Every program is one: [`DISTRIBUTIONS`] draw inputs, those that the program does not declare
//! or has no value on are left out, and the others become [`Examples`], tokens and targets side
//! by side in flat arrays that batches are cut from.

mod dataset;
mod distribution;
mod examples;
mod fractok;
mod palindrome;
mod peak;
mod tables;
mod triplets;
mod uniform;

pub use dataset::{DataError, Dataset, Spec};
pub use distribution::{DISTRIBUTIONS, Distribution, distribution};
pub use examples::{Examples, IGNORED, Targets};
