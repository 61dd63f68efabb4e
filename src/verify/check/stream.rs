//! What does each residual direction hold, at every half-layer?
//!
//! A direction is a table of variables: for each combination of their values, every number that it
//! may hold there ([`Ball`]). The BOS position has one state.

use super::ball::{Ball, dot};
use super::local::{INDEX, Local, States};
use super::table::{Shape, Table};
use super::{Hints, Network, Reason};
use crate::value::Value;
use std::collections::HashMap;
use std::rc::Rc;

pub(super) struct Stream<'a> {
    pub network: &'a Network<'a>,
    pub local: Local<'a>,
    /// By direction, at positions other than BOS.
    pub tokens: Vec<Rc<Table<Ball>>>,
    /// By direction, if there is a BOS.
    pub bos: Option<Vec<Ball>>,
}

/// A linear map of some directions: for each of its columns, the directions that it reads.
pub(super) struct Reader {
    pub directions: Vec<usize>,
    columns: Vec<Vec<(usize, Ball)>>,
}

impl Reader {
    /// `columns` has pairs of a direction and a weight.
    pub fn new(columns: Vec<Vec<(usize, f32)>>) -> Self {
        let mut directions: Vec<usize> = columns.iter().flatten().map(|(d, _)| *d).collect();
        directions.sort_unstable();
        directions.dedup();
        let place = |d: usize| directions.binary_search(&d).unwrap_or_default();
        let weight = |(d, w): (usize, f32)| (place(d), Ball::exact(f64::from(w)));
        let columns = columns.into_iter().map(|c| c.into_iter().map(weight).collect()).collect();
        Self { directions, columns }
    }

    pub fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// What the columns are, where `held` has what stands in [`Self::directions`].
    fn apply(&self, held: &[Ball]) -> Result<Vec<Ball>, Reason> {
        let column = |terms: &Vec<(usize, Ball)>| dot(terms.iter().map(|(d, w)| (held[*d], *w)));
        self.columns.iter().map(column).collect::<Option<_>>().ok_or(Reason::Overflow)
    }
}

/// The columns of a matrix, as far as they are not zero.
pub(super) fn columns(
    n: usize,
    n_columns: usize,
    entry: impl Fn(usize, usize) -> f32,
) -> Vec<Vec<(usize, f32)>> {
    let column = |c| (0..n).map(|r| (r, entry(r, c))).filter(|(_, w)| *w != 0.0).collect();
    (0..n_columns).map(column).collect()
}

impl<'a> Stream<'a> {
    /// The stream after the embedding; none if no input of this length counts.
    pub fn new(network: &'a Network<'a>, hints: &'a Hints, n: usize) -> Result<Option<Self>, Reason> {
        let program = network.program;
        let Some(local) = Local::new(program, hints, &network.work, n)? else { return Ok(None) };
        let (weights, config) = (network.weights, network.config);
        let first = usize::from(config.bos);
        let mut tokens = Vec::with_capacity(config.d_model);
        for d in 0..config.d_model {
            let held = |w: f32| Some(Ball::exact(f64::from(w)));
            let mut parts = vec![Table::variable(INDEX, (0..n).map(|i| held(weights.w_pos[[first + i, d]])))];
            for (c, rows) in network.rows.iter().enumerate() {
                parts.push(Table::variable(1 + c, rows.iter().map(|row| held(weights.w_e[c][[*row, d]]))));
            }
            tokens.push(Rc::new(sum(&local, parts.iter())?));
        }
        let at_bos = |d: usize| {
            let rows = config.columns.iter().zip(&weights.w_e);
            let embedded = rows.map(|(column, w_e)| w_e[[column.vocabulary.len(), d]]);
            total(embedded.chain([weights.w_pos[[0, d]]]).map(|w| Ball::exact(f64::from(w))))
        };
        let bos =
            config.bos.then(|| (0..config.d_model).map(at_bos).collect::<Result<_, _>>()).transpose()?;
        Ok(Some(Self { network, local, tokens, bos }))
    }

    pub fn shapes<'s>(&'s self, reader: &'s Reader) -> impl Iterator<Item = &'s Shape> {
        reader.directions.iter().map(|d| &self.tokens[*d].shape)
    }

    /// What a reader gives in a state whose shapes, from `first` on, are those of [`Self::shapes`].
    /// None if the state does not occur.
    pub fn read(
        &self,
        reader: &Reader,
        states: &States,
        state: usize,
        first: usize,
    ) -> Result<Option<Vec<Ball>>, Reason> {
        match self.held(&reader.directions, states, state, first) {
            Some(held) => {
                self.network.work.spend(reader.columns.iter().map(Vec::len).sum())?;
                reader.apply(&held).map(Some)
            }
            None => Ok(None),
        }
    }

    /// What directions hold in a state, whose shapes from `first` on are theirs.
    pub fn held(
        &self,
        directions: &[usize],
        states: &States,
        state: usize,
        first: usize,
    ) -> Option<Vec<Ball>> {
        let held = |(i, d): (usize, &usize)| self.tokens[*d].cells[states.place(state, first + i)];
        directions.iter().enumerate().map(held).collect()
    }

    /// What a reader gives at BOS.
    pub fn read_bos(&self, reader: &Reader) -> Result<Option<Vec<Ball>>, Reason> {
        let Some(bos) = &self.bos else { return Ok(None) };
        reader.apply(&reader.directions.iter().map(|d| bos[*d]).collect::<Vec<_>>()).map(Some)
    }
}

pub(super) fn is_zero(table: &Table<Ball>) -> bool {
    table.only().is_some_and(|held| held.is_zero())
}

/// What f32 makes of a sum.
pub(super) fn total(parts: impl Iterator<Item = Ball>) -> Result<Ball, Reason> {
    dot(parts.map(|part| (part, Ball::exact(1.0)))).ok_or(Reason::Overflow)
}

/// What is added up in a direction.
pub(super) fn sum<'t>(
    local: &Local<'_>,
    parts: impl Iterator<Item = &'t Table<Ball>>,
) -> Result<Table<Ball>, Reason> {
    let parts: Vec<&Table<Ball>> = parts.filter(|part| !is_zero(part)).collect();
    local.combine(&parts, |terms| total(terms.iter().map(|term| **term)).map(Some))
}

/// What a direction holds for each value of an s-op.
#[derive(Default)]
pub(super) struct Recorded {
    known: HashMap<Value, Ball>,
    /// It may hold any number that the s-op is, give or take so much.
    means: Option<f64>,
}

impl Recorded {
    /// One more number that it may hold; false if it is another than before.
    pub fn add(&mut self, value: &Value, ball: Ball) -> bool {
        match self.known.get_mut(value) {
            None => {
                self.known.insert(value.clone(), ball);
                true
            }
            Some(known) => {
                let fits = !known.apart(ball);
                *known = known.hull(ball);
                fits
            }
        }
    }

    /// Numbers that are off by so much at most.
    pub fn means(&mut self, off: f64) {
        self.means = Some(self.means.map_or(off, |known| known.max(off)));
    }

    pub fn table(&self, of: &Table<Value>) -> Table<Ball> {
        of.map(|value| {
            let mean = self.means.filter(|_| matches!(value, Value::Number(_))).zip(value.number());
            let mean = mean.map(|(off, number)| Ball::rational(&number).widened(off));
            self.known.get(value).copied().into_iter().chain(mean).reduce(Ball::hull)
        })
    }
}
