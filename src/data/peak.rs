//! Hills and plains: the data of peak and dominating peak.

use super::distribution::{Distribution, any, kind};
use crate::inputs::{Columns, Inputs};
use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

pub(super) struct Peak;

impl Distribution for Peak {
    fn name(&self) -> &'static str {
        "peak"
    }

    fn about(&self) -> &'static str {
        "lengths 3 to 9; of 50: 20 uniform, 15 alternating between the top two values and the bottom two, \
         10 sorted, half of them descending, 5 constant"
    }

    fn draw(&self, inputs: &Inputs<'_>, rng: &mut ChaCha8Rng) -> Option<Columns> {
        let [alphabet] = inputs.domains() else { return None };
        let n = rng.random_range(3..=9);
        let top = &alphabet[alphabet.len().saturating_sub(2)..];
        let bottom = &alphabet[..alphabet.len().min(2)];
        let mut values = any(alphabet, n, rng);
        match kind([20, 15, 5, 5, 5], rng) {
            0 => {}
            1 => {
                for (i, value) in values.iter_mut().enumerate() {
                    *value = if i % 2 == 0 { top } else { bottom }.choose(rng)?.clone();
                }
            }
            2 => values.sort(),
            3 => values.sort_by(|a, b| b.cmp(a)),
            _ => values = vec![alphabet.choose(rng)?.clone(); n],
        }
        Some(vec![values])
    }
}
