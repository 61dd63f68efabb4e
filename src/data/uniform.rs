//! Values without a pattern: the data of histogram, reverse and sort.

use super::distribution::{Distribution, any};
use crate::inputs::{Columns, Inputs};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

pub(super) struct Uniform;

impl Distribution for Uniform {
    fn name(&self) -> &'static str {
        "uniform"
    }

    fn about(&self) -> &'static str {
        "every declared length equally often, every value of the domain equally often"
    }

    fn draw(&self, inputs: &Inputs<'_>, rng: &mut ChaCha8Rng) -> Option<Columns> {
        let n = rng.random_range(inputs.lengths());
        Some(inputs.domains().iter().map(|alphabet| any(alphabet, n, rng)).collect())
    }
}
