//! How much attention goes where it is not asked for?
//!
//! Selected keys score `S` above the others, or `S / 2` above BOS where BOS stands half-way. Of `n`
//! keys, those that are not selected get `n e^-S` of the attention at most: exactly nothing from a
//! gap of 104 on, where f32 `exp` is 0. Less sharp attention has a gradient, and leaks. What leaks
//! counts as error of the slots that a head writes, and neurons digitise them before anyone reads
//! them.

use super::Knobs;
use super::arithmetic::{add, gamma, mul, power_of_two};
use super::attend::BosLevel;
use crate::value::Number;

/// From this gap on, f32 `exp` of minus the gap is 0 (`e^-103.98` is half the least subnormal).
const VANISHES: i64 = 104;

/// The distance between the scores of selected and unselected keys, `2G`, unless less is asked for.
///
/// The BOS key stands half-way, 128 from either side, and f32 `exp` is exactly 0 from -104 on:
/// so whatever is not selected gets weight 0.
const SCORE: i64 = 256;

impl Knobs {
    /// The distance between the scores of selected and unselected keys.
    pub fn score(self) -> i64 {
        self.sharpness.map_or(SCORE, i64::from)
    }

    /// Whether no head leaks.
    pub(super) fn is_exact(self) -> bool {
        self.score() >= 2 * VANISHES
    }

    /// The most that leaks to other keys, of `n` and BOS.
    pub(super) fn leak(self, bos: BosLevel, n: usize) -> Number {
        if self.is_exact() {
            return Number::ZERO;
        }
        // In halves, so that it is an integer.
        let gap = match bos {
            BosLevel::Half => self.score(),
            BosLevel::Out | BosLevel::Selected => 2 * self.score(),
        };
        // e^-x = 2^-(x / ln 2), and 1 / ln 2 is above 1.4426.
        let halvings = i32::try_from(gap * 14_426 / 20_000).unwrap_or(i32::MAX);
        let leak = mul(&(n + 1).into(), &power_of_two(-halvings.min(1000)));
        // What f32 makes of weights that are not all 0 or 1/k.
        add(&leak, &gamma(n + 4)).min(Number::ONE)
    }
}
