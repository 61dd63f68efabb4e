//! What does one query get of what keys hand on?
//!
//! Attention goes to the selected keys in equal parts, and to BOS where it is tied with them; to BOS
//! alone where there are none. What is written is then the default, the value at the key, the mean, or
//! a function of the width. Several keys make it a mean, with as many roundings; attention that leaks
//! moves it by that part of the range of all that is handed on.

use super::Reason;
use super::ball::{Ball, dot, rounding, share};
use super::local::Attended;
use super::stream::Recorded;
use crate::value::Value;
use std::iter::repeat_n;

/// f32 `exp` is 0 from here down: `e^-103.98` is half the least f32 that is not 0.
pub(super) const GAP: f64 = 104.0;

/// Attention that is less sharp than this tells nothing.
const LEAST_GAP: f64 = 4.0;

/// A state of a query or key, as far as a head and a selector see it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Side<'t> {
    /// What the head compares: its query or its key.
    pub vector: &'t [Ball],
    /// Its class among the queries or keys of a selector.
    pub class: usize,
    pub index: usize,
}

/// What a key has to give: what it hands on, by direction, and what an aggregate finds there.
pub(super) type Content<'t, T = Value> = (&'t [Ball], &'t T);

/// The attention that `n` keys get at most which score `gap` lower than another: `e^-g = 2^-(g / ln 2)`,
/// and `1 / ln 2` is above 1.4426.
pub(super) fn leak(gap: f64, n: usize) -> Result<f64, Reason> {
    match gap {
        gap if gap >= GAP => Ok(0.0),
        gap if gap >= LEAST_GAP => Ok(n as f64 * f64::exp2(-(gap * 14_426.0 / 10_000.0).floor())),
        _ => Err(Reason::Leak),
    }
}

/// Of keys that share attention, the scores may be so far apart, doubled.
pub(super) const LARGEST_UNEVEN: f64 = 0.5;

/// How far the attention of keys is from equal, in parts of it, if their scores are in a ball: between
/// `e^-d` and `e^d` times what it would be, and `e^d - 1 <= 2 d` for such small `d`.
pub(super) fn uneven(scores: Ball) -> f64 {
    if scores.is_exact() { 0.0 } else { 2.0 * (scores.high() - scores.low()) }
}

/// What a query attends to: the selected keys that there are, `min..=max` of them, and BOS where it is
/// tied; BOS alone where there are none. That much attention is lost to others.
pub(super) struct Row<'k> {
    pub min: usize,
    pub max: usize,
    pub tied: bool,
    pub selected: Vec<Content<'k>>,
    /// What attended keys score above the others.
    pub gap: f64,
    pub lost: f64,
    pub lost_empty: f64,
}

/// What is handed on for one direction.
pub(super) struct Handed {
    /// Its place among the directions.
    pub place: usize,
    pub bos: Option<Ball>,
    /// How far apart all numbers are that are handed on.
    pub range: f64,
    pub n_keys: usize,
}

impl Handed {
    /// What is written after so much attention was lost to others, instead of a mean of numbers of that
    /// size: f32 rounds weights that are neither 0 nor `1/k`, and no more than `2n + 16` times.
    pub fn written(&self, mean: Ball, lost: f64, size: f64) -> Ball {
        match lost {
            0.0 => mean,
            _ => mean.widened(lost * self.range + rounding(2 * self.n_keys + 16, size.max(self.range))),
        }
    }

    /// What a query writes that attends to `w` keys with such numbers.
    fn mean(&self, row: &Row, w: usize, number: Ball) -> Result<Ball, Reason> {
        let bos = self.bos.filter(|_| row.tied);
        let share = share(w + usize::from(row.tied));
        let mean = dot(repeat_n(number, w).chain(bos).map(|number| (number, share)));
        Ok(self.written(mean.ok_or(Reason::Overflow)?, row.lost, number.size()))
    }

    /// Notes what the direction holds, for each value that the s-op may have.
    pub fn record(&self, row: &Row, of: &Attended, recorded: &mut Recorded) -> Result<(), Reason> {
        if row.min == 0 {
            let bos = self.bos.ok_or(Reason::EmptyRow)?;
            recorded.add(&of.default, self.written(bos, row.lost_empty, bos.size()))?;
        }
        let handed = || row.selected.iter().map(|(handed, value)| (*value, handed[self.place]));
        let Some(all) = handed().map(|(_, ball)| ball).reduce(Ball::hull) else { return Ok(()) };
        // Only numbers have a mean.
        let numbers = || handed().filter(|(value, _)| matches!(value, Value::Number(_)));
        for w in row.min.max(1)..=row.max {
            match (&of.value, numbers().next()) {
                (None, _) => recorded.add(&Value::Number(w.into()), self.mean(row, w, all)?)?,
                (Some(_), _) if w == 1 => {
                    handed().try_for_each(|(value, ball)| recorded.add(value, self.mean(row, 1, ball)?))?;
                }
                (Some(_), None) => {}
                (Some(_), Some((first, _))) if numbers().all(|(value, _)| value == first) => {
                    recorded.add(first, self.mean(row, w, all)?)?;
                }
                (Some(_), Some(_)) if row.tied => return Err(Reason::Leak),
                (Some(_), Some(_)) => {
                    let rounded = Ball::ZERO.widened(rounding(w + 1, all.size()));
                    let mut off = 0.0;
                    for (value, ball) in numbers() {
                        let distance = value.number().and_then(|v| ball.distance(&v));
                        off = f64::max(off, Ball::rational(&distance.ok_or(Reason::Overflow)?).high());
                    }
                    let off = self.written(rounded, row.lost, all.size()).widened(off).high();
                    recorded.means = Some(recorded.means.map_or(off, |known| known.max(off)));
                }
            }
        }
        Ok(())
    }
}
