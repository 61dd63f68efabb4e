//! The letter x among others.

use super::distribution::{Distribution, any};
use crate::inputs::{Columns, Inputs};
use crate::value::Value;
use rand::Rng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

/// As many x as can be.
pub(super) struct Fractok;

impl Distribution for Fractok {
    fn name(&self) -> &'static str {
        "fractok"
    }

    fn about(&self) -> &'static str {
        "lengths 2 to 9; any number of x equally often, the others uniform letters, shuffled"
    }

    fn draw(&self, inputs: &Inputs<'_>, rng: &mut ChaCha8Rng) -> Option<Columns> {
        let [alphabet] = inputs.domains() else { return None };
        let x = Value::str("x");
        let others: Vec<Value> = alphabet.iter().filter(|v| **v != x).cloned().collect();
        let n = rng.random_range(2..=9);
        let n_x = rng.random_range(0..=n);
        let mut values = any(&others, n - n_x, rng);
        values.resize(n, x);
        values.shuffle(rng);
        Some(vec![values])
    }
}

/// The letter x as often as any other.
pub(super) struct FractokTest;

impl Distribution for FractokTest {
    fn name(&self) -> &'static str {
        "fractok_test"
    }

    fn about(&self) -> &'static str {
        "lengths 1 to 9, uniform letters"
    }

    fn draw(&self, inputs: &Inputs<'_>, rng: &mut ChaCha8Rng) -> Option<Columns> {
        let [alphabet] = inputs.domains() else { return None };
        let n = rng.random_range(1..=9);
        Some(vec![any(alphabet, n, rng)])
    }
}
