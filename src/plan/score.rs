//! How is a predicate on keys and queries scored?

use super::arithmetic::{mul, sub};
use super::{Atom, Form, Knobs, ScoreColumn};
use crate::value::Number;

/// A matching is scored by squares if it has more classes than that takes columns.
const SQUARES: usize = 3;

/// Its numbers go up to this: then `q² + k² + 2 q k` stays within 2^24, up to which f32 counts.
const MAX_SQUARED: i64 = 1 << 11;

impl Atom {
    /// Columns whose products add up to [`Knobs::score`] where the atom holds, and to 0 or less where it
    /// does not.
    pub(super) fn columns(&self, knobs: Knobs) -> Vec<ScoreColumn> {
        let (n_queries, n_keys) = (self.query.n_classes, self.key.n_classes);
        if knobs.optimise
            && n_queries.min(n_keys) > SQUARES
            && let Some((query, key)) =
                self.matched(|place, _| place).or_else(|| self.matched(|_, class| class))
        {
            return squares(knobs.score(), &query, &key);
        }
        let scored = |q: usize, k: usize| Number::from(if self.at(q, k) { knobs.score() } else { 0 });
        if n_keys <= n_queries {
            let column = |k: usize| {
                let numbers: Vec<Number> = (0..n_queries).map(|q| scored(q, k)).collect();
                ScoreColumn { query: Form::of(&self.query, &numbers), key: Form::indicator(&self.key, k) }
            };
            (0..n_keys).map(column).collect()
        } else {
            let column = |q: usize| {
                let numbers: Vec<Number> = (0..n_keys).map(|k| scored(q, k)).collect();
                ScoreColumn { query: Form::indicator(&self.query, q), key: Form::of(&self.key, &numbers) }
            };
            (0..n_queries).map(column).collect()
        }
    }

    /// Integers for queries and keys that are equal just where the atom holds, if each class of
    /// queries selects one class of keys at most, and none shares it: `==`, and the like. A key is
    /// numbered by the place of its value, or by its class.
    fn matched(&self, number: impl Fn(usize, usize) -> usize) -> Option<(Form, Form)> {
        let (n_queries, n_keys) = (self.query.n_classes, self.key.n_classes);
        let mut key_of = vec![None; n_queries];
        let mut taken = vec![false; n_keys];
        for (q, key) in key_of.iter_mut().enumerate() {
            for k in (0..n_keys).filter(|&k| self.at(q, k)) {
                if key.replace(k).is_some() || std::mem::replace(&mut taken[k], true) {
                    return None;
                }
            }
        }
        // Places are those of the first value of a class: then heads that match other things with a
        // base read the same numbers.
        let class = |c: &Option<u32>| c.map(|c| c as usize);
        let mut first = vec![None; n_keys];
        let place = |(v, c): (usize, &Option<u32>)| {
            let c = class(c)?;
            let place = if taken[c] { *first[c].get_or_insert(number(v, c)) } else { number(v, c) };
            Some(place as i64)
        };
        let keys: Vec<Option<i64>> = self.key.class.iter().enumerate().map(place).collect();
        let matches: Vec<Option<i64>> =
            self.query.class.iter().map(|c| Some(first[key_of[class(c)?]?]? as i64)).collect();
        // Queries without a match go along with the others, if that makes them equal to no key.
        let line = |slope: i64| {
            let (at, key) = matches.iter().enumerate().find_map(|(v, m)| Some((v as i64, (*m)?)))?;
            let on_line = |v: usize| key + slope * (v as i64 - at);
            let fits = |(v, m): (usize, &Option<i64>)| match m {
                Some(m) => *m == on_line(v),
                None => self.query.class[v].is_none() || !keys.contains(&Some(on_line(v))),
            };
            let all: Vec<Option<i64>> = (0..matches.len()).map(|v| Some(on_line(v))).collect();
            matches.iter().enumerate().all(fits).then_some(all)
        };
        let queries = line(1).or_else(|| line(-1)).unwrap_or_else(|| {
            let unmatched = |(v, m): (usize, &Option<i64>)| m.or(self.query.class[v].map(|_| -1));
            matches.iter().enumerate().map(unmatched).collect()
        });
        if keys.iter().chain(&queries).flatten().any(|n| n.abs() > MAX_SQUARED) {
            return None;
        }
        let form = |base, numbers: &[Option<i64>]| {
            let numbers = numbers.iter().map(|n| n.map(Number::from)).collect();
            Form { base, numbers }
        };
        let (query, key) = (form(self.query.base, &queries), form(self.key.base, &keys));
        // A thermometer adds up what squares go up and down.
        let gentle =
            |form: &Form| form.map(|n| mul(n, n)).variation() <= Number::from(4 * MAX_SQUARED * MAX_SQUARED);
        (gentle(&query) && gentle(&key)).then_some((query, key))
    }
}

/// `S · (1 - (q - k)²) = S · (1 - q²) - S · k² + 2 S · q k`
fn squares(score: i64, query: &Form, key: &Form) -> Vec<ScoreColumn> {
    let one = || Form::constant(Number::ONE);
    let (score, twice) = (Number::from(score), Number::from(2 * score));
    vec![
        ScoreColumn { query: query.map(|q| mul(&score, &sub(&Number::ONE, &mul(q, q)))), key: one() },
        ScoreColumn { query: one(), key: key.map(|k| mul(&score, &mul(k, k)).neg()) },
        ScoreColumn { query: query.map(|q| mul(&twice, q)), key: key.clone() },
    ]
}
