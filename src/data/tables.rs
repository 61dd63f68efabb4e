//! Tables of two columns: the data of SQL tasks, as studies of learned programs draw them.

use super::distribution::{Distribution, any, different};
use crate::inputs::{Columns, Inputs};
use crate::value::Value;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use std::ops::RangeInclusive;

/// What a program reads a table of two columns from.
struct Table<'i> {
    /// The values that may stand in each column.
    domains: [&'i [Value]; 2],
    /// Numbers of rows.
    rows: RangeInclusive<usize>,
    /// Whether the columns stand one behind the other in one input, and not side by side in two.
    cells: bool,
}

impl<'i> Table<'i> {
    fn of(inputs: &Inputs<'i>) -> Option<Self> {
        let lengths = inputs.lengths();
        match *inputs.domains() {
            [first, second] => Some(Self { domains: [first, second], rows: lengths, cells: false }),
            [all] => {
                // A row is two cells; assumptions tell the values of the columns apart, which stand one
                // behind the other in the domain.
                let row = |i: &usize| inputs.admits(&vec![vec![all[0].clone(), all[*i].clone()]]);
                let turned = |i: &usize| inputs.admits(&vec![vec![all[*i].clone(), all[0].clone()]]);
                let domains = match (1..all.len()).find(row) {
                    Some(i) => all.split_at(i).into(),
                    None => {
                        let (second, first) = all.split_at((1..all.len()).find(turned)?);
                        [first, second]
                    }
                };
                let rows = lengths.start().div_ceil(2)..=lengths.end() / 2;
                Some(Self { domains, rows, cells: true })
            }
            _ => None,
        }
    }

    fn input(&self, columns: [Vec<Value>; 2]) -> Columns {
        if self.cells { vec![columns.concat()] } else { columns.into() }
    }
}

/// `SELECT a WHERE b = …`
pub(super) struct Where;

impl Distribution for Where {
    fn name(&self) -> &'static str {
        "where"
    }

    fn about(&self) -> &'static str {
        "tables of two columns: all values of the first and all of the second, one of them twice, each \
         shuffled; there must be one value more for the first"
    }

    fn draw(&self, inputs: &Inputs<'_>, rng: &mut ChaCha8Rng) -> Option<Columns> {
        let table = Table::of(inputs)?;
        let [first, second] = table.domains;
        let mut twice = second.to_vec();
        twice.push(second.first()?.clone());
        let columns = [first, &twice].map(|values| different(values, values.len(), rng));
        (columns[0].len() == columns[1].len()).then(|| table.input(columns))
    }
}

/// Rows of one table that are referred to by another.
pub(super) struct Join {
    /// Whether there are always as many rows as can be.
    pub(super) full: bool,
}

impl Distribution for Join {
    fn name(&self) -> &'static str {
        if self.full { "join" } else { "join_smaller" }
    }

    fn about(&self) -> &'static str {
        match self.full {
            true => {
                "tables of the greatest number of rows n: uniform values, and uniform numbers of rows below n"
            }
            false => "as join, with every number of rows equally often",
        }
    }

    fn draw(&self, inputs: &Inputs<'_>, rng: &mut ChaCha8Rng) -> Option<Columns> {
        let table = Table::of(inputs)?;
        let [values, numbers] = table.domains;
        let n = if self.full { *table.rows.end() } else { rng.random_range(table.rows.clone()) };
        Some(table.input([any(values, n, rng), any(numbers.get(..n)?, n, rng)]))
    }
}

/// `SELECT COUNT(DISTINCT b)`
pub(super) struct Distinct;

impl Distribution for Distinct {
    fn name(&self) -> &'static str {
        "distinct"
    }

    fn about(&self) -> &'static str {
        "tables with every number of rows equally often: uniform values, and groups that begin with the \
         first and go on to the next with each row or not; a table ends where there is no next group"
    }

    fn draw(&self, inputs: &Inputs<'_>, rng: &mut ChaCha8Rng) -> Option<Columns> {
        let table = Table::of(inputs)?;
        let [values, groups] = table.domains;
        let n = rng.random_range(table.rows.clone());
        let mut at = 0;
        let groups: Vec<Value> = (0..n)
            .map_while(|row| {
                at += usize::from(row > 0 && rng.random_bool(0.5));
                groups.get(at).cloned()
            })
            .collect();
        Some(table.input([any(values, groups.len(), rng), groups]))
    }
}
