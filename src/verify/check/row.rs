//! What does one query get of what keys hand on?
//!
//! Attention goes to the selected keys in equal parts, and to BOS where it is tied with them; to BOS
//! alone where there are none. What is written is then the default, the value at the key, the mean, or
//! a function of the width. Several keys make it a mean, which is off by `γ_(k+1)` at most; attention
//! that leaks moves it by that part of the range of all that is handed on.

use super::Reason;
use super::ball::{Ball, UNIT, gamma, is_power_of_two};
use super::local::Attended;
use super::stream::Recorded;
use super::table::Table;
use crate::ir::SelectorId;
use crate::value::Value;
use std::rc::Rc;

/// f32 `exp` is 0 from here down: `e^-103.98` is half the least f32 that is not 0.
pub(super) const GAP: f64 = 104.0;

/// Attention that is less sharp than this tells nothing.
const LEAST_GAP: f64 = 4.0;

/// The s-op that directions tell of.
pub(super) struct Target {
    pub table: Rc<Table<Value>>,
    pub kind: Kind,
}

pub(super) enum Kind {
    Width(SelectorId),
    Mean(Attended),
    /// Whatever the position decides.
    Positional,
}

/// A state of a query or key, as far as a head and a selector see it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Side {
    /// What the head compares: its query or its key.
    pub vector: Vec<Ball>,
    /// Its class among the queries or keys of a selector.
    pub class: usize,
    pub index: usize,
}

/// What a key has to give.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Content {
    /// What it hands on, by direction, and how large what is added up for that is.
    pub handed: Vec<(Ball, Ball)>,
    /// What an aggregate finds.
    pub value: Option<Value>,
}

/// States, and all contents that each may have.
pub(super) type Sides = Vec<(Side, Vec<Content>)>;

/// The attention that `n` keys get at most which score `gap` lower than another: `e^-g = 2^-(g / ln 2)`,
/// and `1 / ln 2` is above 1.4426.
pub(super) fn leak(gap: f64, n: usize) -> Result<f64, Reason> {
    match gap {
        gap if gap >= GAP => Ok(0.0),
        gap if gap >= LEAST_GAP => Ok(n as f64 * f64::exp2(-(gap * 14_426.0 / 10_000.0).floor())),
        _ => Err(Reason::Leak),
    }
}

/// A mean of some numbers after so much attention was lost to others, all of them within `range`: f32
/// rounds weights that are neither 0 nor `1/k`, and no more than `2n + 16` times.
pub(super) fn moved(mean: Ball, lost: f64, range: f64, size: f64, n: usize) -> Ball {
    match lost {
        0.0 => mean,
        _ => mean.widened(lost * range + gamma(2 * n + 16) * size.max(range)),
    }
}

/// How far apart the numbers are that keys and BOS hand on in a direction.
pub(super) fn range(keys: &Sides, bos: Option<&[(Ball, Ball)]>, d: usize) -> f64 {
    let contents = || keys.iter().flat_map(|(_, contents)| contents);
    let all = || contents().map(|content| content.handed[d].0).chain(bos.map(|bos| bos[d].0));
    let low = all().map(Ball::low).fold(f64::INFINITY, f64::min);
    let high = all().map(Ball::high).fold(f64::NEG_INFINITY, f64::max);
    high - low
}

/// What a query attends to: the selected keys that there are, `min..=max` of them, and BOS where it is
/// tied; BOS alone where there are none. That much attention is lost to others.
pub(super) struct Row<'k> {
    pub min: usize,
    pub max: usize,
    pub tied: bool,
    pub selected: Vec<&'k Content>,
    pub n: usize,
    /// What attended keys score above the others.
    pub gap: f64,
    pub lost: f64,
    pub lost_empty: f64,
}

/// A row in one direction.
pub(super) struct Direction<'k> {
    pub row: &'k Row<'k>,
    pub d: usize,
    pub adds: &'k [(usize, Ball)],
    pub bos: Option<(Ball, Ball)>,
    pub range: f64,
}

impl Direction<'_> {
    /// The mean of `w` numbers, and of BOS if it is tied.
    fn mean(&self, w: usize, mean: Ball, size: f64) -> Ball {
        // Sums of several columns of values are rounded once more each.
        let plain = matches!(self.adds, [(_, w)] if is_power_of_two(w.mid));
        let extra = if plain { 0 } else { self.adds.len() + 2 };
        let sum = match (w, self.bos.filter(|_| self.row.tied)) {
            (1, None) => mean,
            (w, None) => mean.widened(gamma(w + 1 + extra) * size),
            (w, Some((bos, bos_size))) => {
                let n = (w + 1) as f64;
                let sum = Ball { mid: mean.mid * w as f64 + bos.mid, rad: mean.rad * w as f64 + bos.rad };
                let quotient = Ball { mid: sum.mid / n, rad: sum.rad / n };
                match mean.is_zero() && bos.is_exact() && plain && is_power_of_two(bos.mid) {
                    // A shift of `fl(1/n)`.
                    true if (w + 1).is_power_of_two() => quotient,
                    true => quotient.widened(quotient.mid.abs() * UNIT),
                    false => quotient.widened(gamma(w + 3 + extra) * size.max(bos_size.mid)),
                }
            }
        };
        moved(sum, self.row.lost, self.range, size, self.row.n)
    }

    /// Notes what the direction holds, for each value that the s-op may have.
    pub fn record(
        &self,
        target: &Target,
        known: Option<&Value>,
        recorded: &mut Recorded,
    ) -> Result<(), Reason> {
        let Row { min, max, lost_empty, selected, .. } = self.row;
        let (min, max) = (*min, *max);
        let mut add = |value: &Value, ball: Ball| match recorded.add(value, ball) {
            true => Ok(()),
            false => Err(Reason::WrongValue { value: value.clone() }),
        };
        if min == 0 {
            let none = match &target.kind {
                Kind::Width(_) => Some(Value::int(0)),
                Kind::Mean(attended) => Some(attended.default.clone()),
                Kind::Positional => None,
            };
            let (bos, size) = self.bos.ok_or(Reason::EmptyRow)?;
            let bos = moved(bos, *lost_empty, self.range, size.mid, self.row.n);
            none.map_or(Ok(()), |value| add(&value, bos))?;
        }
        let handed = || selected.iter().map(|key| (key.value.as_ref(), key.handed[self.d]));
        let Some(all) = handed().map(|(_, (ball, _))| ball).reduce(Ball::hull) else { return Ok(()) };
        let size = handed().map(|(_, (_, size))| size.mid).fold(0.0, f64::max);
        match &target.kind {
            Kind::Positional => known.map_or(Ok(()), |value| add(value, self.mean(1, all, size))),
            Kind::Width(_) => {
                (min.max(1)..=max).try_for_each(|w| add(&Value::Number(w.into()), self.mean(w, all, size)))
            }
            Kind::Mean(_) => {
                if min <= 1 && max >= 1 {
                    for (value, (ball, _)) in handed() {
                        value.map_or(Ok(()), |value| add(value, self.mean(1, ball, size)))?;
                    }
                }
                // Only numbers have a mean.
                let numbers = || {
                    handed()
                        .filter_map(|(v, h)| v.filter(|v| matches!(v, Value::Number(_))).map(|v| (v, h.0)))
                };
                let Some((first, _)) = numbers().next().filter(|_| max >= 2) else { return Ok(()) };
                if numbers().all(|(value, _)| value == first) {
                    return (min.max(2)..=max).try_for_each(|w| add(first, self.mean(w, all, size)));
                }
                if self.row.tied {
                    return Err(Reason::Leak);
                }
                let off = |(value, ball): (&Value, Ball)| {
                    ball.distance(&value.number()?).map(|d| Ball::rational(&d).high())
                };
                let off = numbers().map(off).try_fold(0.0, |most, off| Some(f64::max(most, off?)));
                let off = Ball { mid: 0.0, rad: off.ok_or(Reason::Overflow)? };
                recorded.means(self.mean(max, off, size).high());
                Ok(())
            }
        }
    }
}
