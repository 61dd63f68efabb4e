//! Letters in and out of order: the data of triplets.

use super::distribution::{Distribution, any, different, kind};
use crate::inputs::{Columns, Inputs};
use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

pub(super) struct Triplets;

impl Distribution for Triplets {
    fn name(&self) -> &'static str {
        "triplets"
    }

    fn about(&self) -> &'static str {
        "lengths 3 to 9; of 50: 20 uniform, 10 increasing and 10 decreasing without repetition, 5 constant, \
         5 alternating between two letters"
    }

    fn draw(&self, inputs: &Inputs<'_>, rng: &mut ChaCha8Rng) -> Option<Columns> {
        let [alphabet] = inputs.domains() else { return None };
        let n = rng.random_range(3..=9);
        let values = match kind([20, 10, 10, 5, 5], rng) {
            0 => any(alphabet, n, rng),
            rising @ (1 | 2) => {
                let mut values = different(alphabet, n, rng);
                values.sort();
                if rising == 2 {
                    values.reverse();
                }
                values
            }
            3 => vec![alphabet.choose(rng)?.clone(); n],
            _ => different(alphabet, 2, rng).into_iter().cycle().take(n).collect(),
        };
        Some(vec![values])
    }
}
