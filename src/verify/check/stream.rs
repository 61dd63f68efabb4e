//! What does each residual direction hold, at every half-layer?
//!
//! A direction is a table of variables: for each combination of their values, and at BOS, every number
//! that it may hold there ([`Ball`]).

use super::ball::{Ball, dot};
use super::local::{INDEX, Local};
use super::table::Table;
use super::{Network, Reason};
use crate::value::Value;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

pub(super) struct Stream<'a> {
    pub network: &'a Network<'a>,
    pub local: Local<'a>,
    /// By direction.
    pub held: Vec<Rc<Table<Ball>>>,
}

/// For each column of a matrix, the rows and weights that are not zero.
pub(super) type Columns = Vec<Vec<(usize, f32)>>;

pub(super) fn columns<'w>(matrix: impl IntoIterator<Item = impl IntoIterator<Item = &'w f32>>) -> Columns {
    let entry = |(row, weight): (usize, &f32)| (*weight != 0.0).then_some((row, *weight));
    matrix.into_iter().map(|column| column.into_iter().enumerate().filter_map(entry).collect()).collect()
}

impl<'a> Stream<'a> {
    /// The stream after the embedding; none if no input of this length counts.
    pub fn new(network: &'a Network<'a>, n: usize) -> Result<Option<Self>, Reason> {
        network.about.set(None);
        let Some(local) = Local::new(network, n)? else { return Ok(None) };
        let (weights, config) = (network.weights, network.config);
        let (first, bos) = (usize::from(config.bos), config.bos.then_some(()));
        let direction = |d: usize| {
            let number = |number: f32| Ball::exact(f64::from(number));
            let position = |i: usize| number(weights.w_pos[[i, d]]);
            let at = network.variable(INDEX, (first..first + n).map(position))?;
            let mut parts = vec![at.with_bos(bos.map(|()| position(0)))];
            for (c, rows) in network.rows.iter().enumerate() {
                let token = |row: usize| number(weights.w_e[c][[row, d]]);
                let tokens = network.variable(1 + c, rows.iter().map(|row| token(*row)))?;
                parts.push(tokens.with_bos(bos.map(|()| token(config.columns[c].vocabulary.len()))));
            }
            sum(&local, &parts.iter().collect::<Vec<_>>()).map(Rc::new)
        };
        let held = (0..config.d_model).map(direction).collect::<Result<_, _>>()?;
        Ok(Some(Self { network, local, held }))
    }

    /// No number that a linear map gives is larger, nor any part of its sums.
    pub fn largest(&self, columns: &Columns) -> Result<f64, Reason> {
        let cells = |(d, _): &(usize, f32)| self.held[*d].cells.len();
        self.network.spend(columns.iter().flatten().map(cells).sum())?;
        let sizes = |d: usize| self.held[d].cells.iter().flatten().map(|ball| ball.size());
        let term = |(d, w): &(usize, f32)| f64::from(w.abs()) * sizes(*d).fold(0.0, f64::max);
        Ok(columns.iter().map(|terms| terms.iter().map(term).sum()).fold(0.0, f64::max))
    }

    /// What a linear map gives, by its columns.
    pub fn read(&self, columns: &Columns) -> Result<Table<Vec<Ball>>, Reason> {
        let directions: BTreeSet<usize> = columns.iter().flatten().map(|(d, _)| *d).collect();
        let directions: Vec<usize> = directions.into_iter().collect();
        let place = |d: &usize| directions.binary_search(d).unwrap_or_default();
        let weight = |(d, w): &(usize, f32)| (place(d), Ball::exact(f64::from(*w)));
        let columns: Vec<Vec<_>> = columns.iter().map(|c| c.iter().map(weight).collect()).collect();
        let tables: Vec<&Table<Ball>> = directions.iter().map(|d| &*self.held[*d]).collect();
        self.local.combine(&tables, |held| {
            self.network.spend(columns.iter().map(|terms| 12 + 12 * terms.len()).sum())?;
            let column = |terms: &Vec<(usize, Ball)>| dot(terms.iter().map(|(i, w)| (*held[*i], *w)));
            columns.iter().map(column).collect::<Option<_>>().ok_or(Reason::Overflow)
        })
    }
}

/// What is added up in a direction.
pub(super) fn sum(local: &Local<'_>, parts: &[&Table<Ball>]) -> Result<Table<Ball>, Reason> {
    local.combine(parts, |terms| {
        dot(terms.iter().map(|term| (**term, Ball::exact(1.0)))).ok_or(Reason::Overflow)
    })
}

/// What a direction holds for each value of an s-op.
#[derive(Default)]
pub(super) struct Recorded {
    known: HashMap<Value, Ball>,
    /// It may hold any number that the s-op is, give or take so much.
    pub means: Option<f64>,
}

impl Recorded {
    /// One more number that it may hold: no other than before.
    pub fn add(&mut self, value: &Value, ball: Ball) -> Result<(), Reason> {
        let known = self.known.entry(value.clone()).or_insert(ball);
        if known.apart(ball) {
            return Err(Reason::WrongValue { value: value.clone() });
        }
        *known = known.hull(ball);
        Ok(())
    }

    /// A table of what is held where the s-op has these values, and at BOS. A value that was not noted does
    /// not occur: every query that counts was looked at.
    pub fn table(&self, of: &Table<Value>, bos: Option<Ball>) -> Table<Ball> {
        let table = of.without(|value| {
            let mean = self.means.filter(|_| matches!(value, Value::Number(_))).zip(value.number());
            let mean = mean.map(|(off, number)| Ball::rational(&number).widened(off));
            self.known.get(value).copied().into_iter().chain(mean).reduce(Ball::hull)
        });
        table.with_bos(bos)
    }
}
