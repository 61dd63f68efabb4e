//! How are inputs drawn?

use super::{fractok, palindrome, peak, tables, triplets, uniform};
use crate::inputs::{Columns, Inputs};
use crate::value::Value;
use rand::Rng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand_chacha::ChaCha8Rng;

/// A way to draw inputs of a program.
pub trait Distribution: Sync {
    /// The name by which experiments ask for it.
    fn name(&self) -> &'static str;

    /// What it draws, in a few words.
    fn about(&self) -> &'static str;

    /// One input, which need not be one of the program; none if this draw came to nothing.
    fn draw(&self, inputs: &Inputs<'_>, rng: &mut ChaCha8Rng) -> Option<Columns>;
}

/// Every distribution that there is.
pub const DISTRIBUTIONS: [&dyn Distribution; 11] = [
    &Declared,
    &uniform::Uniform,
    &peak::Peak,
    &palindrome::Palindrome,
    &fractok::Fractok,
    &fractok::FractokTest,
    &triplets::Triplets,
    &tables::Where,
    &tables::Join { full: true },
    &tables::Join { full: false },
    &tables::Distinct,
];

/// The distribution of a name.
pub fn distribution(name: &str) -> Option<&'static dyn Distribution> {
    DISTRIBUTIONS.into_iter().find(|d| d.name() == name)
}

/// Whatever the program declares, so that its assumptions hold.
struct Declared;

impl Distribution for Declared {
    fn name(&self) -> &'static str {
        "declared"
    }

    fn about(&self) -> &'static str {
        "any declared length; all values of the domain or, in a third of the draws, a few of them"
    }

    fn draw(&self, inputs: &Inputs<'_>, rng: &mut ChaCha8Rng) -> Option<Columns> {
        inputs.sample(rng)
    }
}

/// `n` values, each any of the alphabet.
pub(super) fn any(alphabet: &[Value], n: usize, rng: &mut ChaCha8Rng) -> Vec<Value> {
    (0..n).filter_map(|_| alphabet.choose(rng).cloned()).collect()
}

/// Up to `n` different values in random order.
pub(super) fn different(alphabet: &[Value], n: usize, rng: &mut ChaCha8Rng) -> Vec<Value> {
    let mut values = alphabet.to_vec();
    values.shuffle(rng);
    values.truncate(n);
    values
}

/// One of several kinds, as often as its weight says.
pub(super) fn kind<const N: usize>(weights: [u32; N], rng: &mut ChaCha8Rng) -> usize {
    let mut rest = rng.random_range(0..weights.iter().sum());
    weights
        .iter()
        .position(|weight| {
            let chosen = rest < *weight;
            rest = rest.saturating_sub(*weight);
            chosen
        })
        .unwrap_or(N - 1)
}
