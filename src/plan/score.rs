//! How is a predicate on keys and queries scored?

use super::arithmetic::{mul, sub};
use super::{Atom, Base, Form, Knobs, ScoreColumn};
use crate::value::Number;
use std::collections::HashSet;

/// A matching is scored by squares if it has more classes than that takes columns.
const SQUARES: usize = 3;

/// Its numbers go up to this: then `q² + k² + 2 q k` stays far within 2^24, up to which f32 counts,
/// for each of a few digits.
const MAX_SQUARED: i64 = 1 << 10;

/// Numbers that are too large are matched digit by digit.
const MAX_DIGITS: u32 = 4;

impl Atom {
    /// Columns whose products add up to [`Knobs::score`] where the atom holds, and to 0 or less where it
    /// does not.
    pub(super) fn columns(&self, knobs: Knobs) -> Vec<ScoreColumn> {
        let (n_queries, n_keys) = (self.query.n_classes, self.key.n_classes);
        if knobs.optimise
            && n_queries.min(n_keys) > SQUARES
            && let Some(digits) = self.matched(|place, _| place).or_else(|| self.matched(|_, class| class))
        {
            return squares(knobs.score(), &digits);
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

    /// Numbers for queries and keys that are equal just where the atom holds, digit by digit, if each
    /// class of queries selects one class of keys at most, and none shares it: `==`, and the like. A key
    /// is numbered by the place of its value, or by its class.
    fn matched(&self, number: impl Fn(usize, usize) -> usize) -> Option<Digits> {
        let n_keys = self.key.n_classes;
        let key_of = self.matching()?;
        let mut taken = vec![false; n_keys];
        key_of.iter().flatten().for_each(|k| taken[*k as usize] = true);
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
            self.query.class.iter().map(|c| Some(first[key_of[class(c)?]? as usize]? as i64)).collect();
        // Queries without a match go along with the others, if that makes them equal to no key.
        let known: HashSet<i64> = keys.iter().flatten().copied().collect();
        let line = |slope: i64| {
            let (at, key) = matches.iter().enumerate().find_map(|(v, m)| Some((v as i64, (*m)?)))?;
            let on_line = |v: usize| key + slope * (v as i64 - at);
            let fits = |(v, m): (usize, &Option<i64>)| match m {
                Some(m) => *m == on_line(v),
                None => self.query.class[v].is_none() || !known.contains(&on_line(v)),
            };
            let all: Vec<Option<i64>> = (0..matches.len()).map(|v| Some(on_line(v))).collect();
            matches.iter().enumerate().all(fits).then_some(all)
        };
        let queries = line(1).or_else(|| line(-1)).unwrap_or_else(|| {
            let unmatched = |(v, m): (usize, &Option<i64>)| m.or(self.query.class[v].map(|_| -1));
            matches.iter().enumerate().map(unmatched).collect()
        });
        let largest = keys.iter().chain(&queries).flatten().map(|n| n.abs()).max().unwrap_or(0);
        let split = |n_digits: u32| {
            let base = (1..).find(|base: &i64| base.pow(n_digits) > largest).unwrap_or(1);
            let form = |of: Option<Base>, numbers: &[Option<i64>], place: u32| {
                let high = |n: i64| n.div_euclid(base.pow(place));
                let digit = |n: i64| if place + 1 == n_digits { high(n) } else { high(n).rem_euclid(base) };
                Form { base: of, numbers: numbers.iter().map(|n| n.map(|n| digit(n).into())).collect() }
            };
            let both = |place| (form(self.query.base, &queries, place), form(self.key.base, &keys, place));
            (0..n_digits).map(both).collect::<Digits>()
        };
        // A thermometer adds up what squares go up and down.
        let small = |form: &Form| form.numbers.iter().flatten().all(|n| n.abs() <= MAX_SQUARED.into());
        let gentle =
            |form: &Form| form.map(|n| mul(n, n)).variation() <= Number::from(4 * MAX_SQUARED * MAX_SQUARED);
        let fits = |form: &Form| small(form) && gentle(form);
        (1..=MAX_DIGITS).map(split).find(|digits| digits.iter().all(|(query, key)| fits(query) && fits(key)))
    }
}

/// The same digit of queries and of keys, for each digit.
type Digits = Vec<(Form, Form)>;

/// `S · (1 - Σ (q - k)²) = S · (1 - Σ q²) - S · Σ k² + 2 S · Σ q k`, with a sum over digits.
fn squares(score: i64, digits: &Digits) -> Vec<ScoreColumn> {
    let one = || Form::constant(Number::ONE);
    let (score, twice) = (Number::from(score), Number::from(2 * score));
    let queries = Form::squares(digits.iter().map(|d| &d.0));
    let keys = Form::squares(digits.iter().map(|d| &d.1));
    let mut columns = vec![
        ScoreColumn { query: queries.map(|sum| mul(&score, &sub(&Number::ONE, sum))), key: one() },
        ScoreColumn { query: one(), key: keys.map(|sum| mul(&score, sum).neg()) },
    ];
    let product = |(query, key): &(Form, Form)| {
        let column = ScoreColumn { query: query.map(|q| mul(&twice, q)), key: key.map(Number::clone) };
        let zero = Form::constant(Number::ZERO);
        (column.query != zero && column.key != zero).then_some(column)
    };
    columns.extend(digits.iter().filter_map(product));
    columns
}
