//! Words that read the same backwards, and others.

use super::distribution::{Distribution, any};
use crate::inputs::{Columns, Inputs};
use crate::value::Value;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

pub(super) struct Palindrome;

impl Distribution for Palindrome {
    fn name(&self) -> &'static str {
        "palindrome"
    }

    fn about(&self) -> &'static str {
        "half palindromes, from 1 to 4 letters a to m that are mirrored, the middle letter dropped in half of \
         them; half words of 1 to 9 letters that are none"
    }

    fn draw(&self, inputs: &Inputs<'_>, rng: &mut ChaCha8Rng) -> Option<Columns> {
        let [alphabet] = inputs.domains() else { return None };
        let (first, last) = (Value::str("a"), Value::str("m"));
        let letters: Vec<Value> = alphabet.iter().filter(|v| (&first..=&last).contains(v)).cloned().collect();
        if letters.is_empty() {
            return None;
        }
        if rng.random_bool(0.5) {
            let n = rng.random_range(1..=4);
            let mut word = any(&letters, n, rng);
            let kept = n - usize::from(rng.random_bool(0.5));
            word.extend(word.clone().into_iter().rev().skip(n - kept));
            return Some(vec![word]);
        }
        let n = rng.random_range(1..=9);
        let word = any(alphabet, n, rng);
        let mirrored = word.iter().eq(word.iter().rev());
        (!mirrored).then(|| vec![word])
    }
}
