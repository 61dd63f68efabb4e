//! An s-op as a table: its value for every combination of what it is a function of.
//!
//! Two s-ops that are functions of the same things are looked at together, so `f(tokens, tokens)`
//! is not taken for a function of two independent tokens.

use crate::ir::SOpId;
use crate::value::{Fault, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// The largest table that is built: `512²`, so every function of index and length up to length
/// 512, at 4 bytes each.
pub(super) const MAX_STATES: usize = 1 << 18;

/// A cell of a state in which no declared input can be: the program fails there.
pub(super) const NONE: u32 = u32::MAX;

/// Something that a value can be a function of. Lengths come first, so that they vary slowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Axis {
    /// Coordinates count the declared lengths.
    Length,
    /// The coordinate is the index.
    Index,
    /// An s-op that is not looked into: an input column, a result of attention. Coordinates count
    /// its values.
    SOp(SOpId),
}

/// An axis with its extent.
#[derive(Clone, Debug)]
pub(super) struct Dim {
    pub axis: Axis,
    pub size: usize,
    /// The coordinates that can occur at each length, as half-open ranges.
    pub ranges: Option<Arc<[(u32, u32)]>>,
}

/// `values[cells[state]]` is the value in each state; the last dimension varies fastest.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub dims: Vec<Dim>,
    /// Sorted, without repeats.
    pub values: Arc<[Value]>,
    pub cells: Vec<u32>,
}

impl Table {
    pub fn constant(value: Value) -> Self {
        Self { dims: Vec::new(), values: Arc::new([value]), cells: vec![0] }
    }

    /// An axis itself: one value per coordinate.
    pub fn axis(axis: Axis, values: Arc<[Value]>, ranges: Option<Arc<[(u32, u32)]>>) -> Self {
        let size = values.len();
        Self { dims: vec![Dim { axis, size, ranges }], values, cells: (0..size as u32).collect() }
    }

    pub fn axes(&self) -> impl Iterator<Item = Axis> + '_ {
        self.dims.iter().map(|d| d.axis)
    }

    /// Whether it is a function of index and length.
    pub fn by_position(&self) -> bool {
        self.axes().all(|axis| matches!(axis, Axis::Length | Axis::Index))
    }

    pub fn reads(&self, axis: Axis) -> bool {
        self.axes().any(|a| a == axis)
    }

    /// The cell at an index and a length's coordinate, for a table by position.
    pub fn at(&self, index: usize, length: usize) -> u32 {
        let state = self.dims.iter().fold(0, |state, dim| {
            let coordinate = if dim.axis == Axis::Length { length } else { index };
            state * dim.size + coordinate
        });
        self.cells.get(state).copied().unwrap_or(NONE)
    }

    /// The table without the states whose value is not `allowed`.
    pub fn restrict(&mut self, allowed: &[Value]) {
        let keep: Vec<bool> = self.values.iter().map(|v| allowed.binary_search(v).is_ok()).collect();
        for cell in &mut self.cells {
            if keep.get(*cell as usize) == Some(&false) {
                *cell = NONE;
            }
        }
        let values: Vec<Value> =
            self.values.iter().zip(&keep).filter(|(_, k)| **k).map(|(v, _)| v.clone()).collect();
        let mut ids = keep.iter().scan(0, |next, &k| {
            let id = *next;
            *next += u32::from(k);
            Some(id)
        });
        let ids: Vec<u32> = ids.by_ref().collect();
        for cell in self.cells.iter_mut().filter(|c| **c != NONE) {
            *cell = ids[*cell as usize];
        }
        self.values = values.into();
    }

    /// Drops every axis on which the value does not depend.
    pub fn reduce(&mut self) {
        let mut dim = 0;
        while dim < self.dims.len() {
            match self.without(dim) {
                Some(cells) => {
                    self.cells = cells;
                    self.dims.remove(dim);
                }
                None => dim += 1,
            }
        }
    }

    /// The cells with one dimension dropped, if no two states that differ in it alone have
    /// different values.
    fn without(&self, dim: usize) -> Option<Vec<u32>> {
        let inner: usize = self.dims[dim + 1..].iter().map(|d| d.size).product();
        let size = self.dims[dim].size;
        if self.cells.is_empty() {
            return None;
        }
        let mut cells = vec![NONE; self.cells.len() / size];
        for (block, merged) in self.cells.chunks(inner * size).zip(cells.chunks_mut(inner)) {
            for line in block.chunks(inner) {
                for (&cell, merged) in line.iter().zip(merged.iter_mut()) {
                    if cell != NONE && *merged != cell {
                        if *merged != NONE {
                            return None;
                        }
                        *merged = cell;
                    }
                }
            }
        }
        Some(cells)
    }
}

/// All combinations of some axes.
#[derive(Clone, Debug, Default)]
pub(super) struct Space {
    pub dims: Vec<Dim>,
}

impl Space {
    /// The combinations of everything that some tables are functions of.
    pub fn of<'a>(tables: impl IntoIterator<Item = &'a Table>) -> Self {
        let mut space = Self::default();
        for table in tables {
            for dim in &table.dims {
                space.add(dim);
            }
        }
        space
    }

    pub fn add(&mut self, dim: &Dim) {
        if let Err(at) = self.dims.binary_search_by_key(&dim.axis, |d| d.axis) {
            self.dims.insert(at, dim.clone());
        }
    }

    pub fn size(&self) -> usize {
        self.dims.iter().fold(1, |size, dim| size.saturating_mul(dim.size))
    }

    /// Where the coordinate of an axis stands.
    pub fn position(&self, axis: Axis) -> Option<usize> {
        self.dims.iter().position(|d| d.axis == axis)
    }

    /// Visits every state that can occur, in order: its number, its coordinates, and its cell in
    /// each of the tables. States in which a table has no value are passed over.
    pub fn walk(&self, tables: &[&Table], mut visit: impl FnMut(usize, &[usize], &[u32])) {
        let Some((last, outer)) = self.dims.split_last() else {
            let cells: Vec<u32> = tables.iter().map(|t| t.cells[0]).collect();
            if !cells.contains(&NONE) {
                visit(0, &[], &cells);
            }
            return;
        };
        let strides: Vec<Vec<usize>> = tables.iter().map(|t| self.strides(t)).collect();
        let by_length = self.position(Axis::Length);
        let mut coordinates = vec![0; self.dims.len()];
        let mut offsets = vec![0; tables.len()];
        let mut cells = vec![NONE; tables.len()];
        for line in 0..self.size() / last.size.max(1) {
            let length = by_length.filter(|&at| at < outer.len()).map(|at| coordinates[at]);
            let range = |dim: &Dim| Some(*dim.ranges.as_ref()?.get(length?)?);
            let occurs = outer
                .iter()
                .zip(&coordinates)
                .all(|(dim, &at)| range(dim).is_none_or(|(from, to)| from <= at as u32 && (at as u32) < to));
            let (from, to) = match range(last) {
                Some((from, to)) => (from as usize, last.size.min(to as usize)),
                None => (0, last.size),
            };
            for at in if occurs { from..to } else { 0..0 } {
                coordinates[outer.len()] = at;
                let mut every = true;
                for (i, cell) in cells.iter_mut().enumerate() {
                    *cell = tables[i].cells[offsets[i] + at * strides[i][outer.len()]];
                    every &= *cell != NONE;
                }
                if every {
                    visit(line * last.size + at, &coordinates, &cells);
                }
            }
            for dim in (0..outer.len()).rev() {
                coordinates[dim] += 1;
                let carry = coordinates[dim] == self.dims[dim].size;
                for (offset, stride) in offsets.iter_mut().zip(&strides) {
                    *offset += stride[dim];
                    if carry {
                        *offset -= stride[dim] * coordinates[dim];
                    }
                }
                if !carry {
                    break;
                }
                coordinates[dim] = 0;
            }
        }
    }

    /// How far one step along each axis moves in a table.
    fn strides(&self, table: &Table) -> Vec<usize> {
        let mut strides = vec![0; self.dims.len()];
        let mut stride = 1;
        for dim in table.dims.iter().rev() {
            if let Some(at) = self.position(dim.axis) {
                strides[at] = stride;
            }
            stride *= dim.size;
        }
        strides
    }
}

/// Collects the values of a table under numbers, in any order.
#[derive(Default)]
pub(super) struct Interner {
    ids: HashMap<Value, u32>,
    values: Vec<Value>,
}

impl Interner {
    pub fn id(&mut self, value: Value) -> u32 {
        let next = self.values.len() as u32;
        *self.ids.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            next
        })
    }

    /// The number of a value, or [`NONE`] for a fault.
    pub fn result(&mut self, result: Result<Value, Fault>) -> u32 {
        result.map_or(NONE, |value| self.id(value))
    }

    /// The table of cells with these numbers, on the axes that matter.
    pub fn table(self, dims: Vec<Dim>, mut cells: Vec<u32>) -> Table {
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        order.sort_unstable_by(|&a, &b| self.values[a].cmp(&self.values[b]));
        let mut rank = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            rank[old] = new as u32;
        }
        for cell in cells.iter_mut().filter(|c| **c != NONE) {
            *cell = rank[*cell as usize];
        }
        let values = order.iter().map(|&i| self.values[i].clone()).collect();
        let mut table = Table { dims, values, cells };
        table.reduce();
        table
    }
}

/// Numbers the values so that those which are [`Value::same`] share a number.
pub(super) fn classes(values: &[Value]) -> Vec<u32> {
    let find = |value: &Value| values.binary_search(value).map(|i| i as u32);
    let class = |(i, value): (usize, &Value)| match value {
        Value::Bool(_) => find(&value.canonical()).unwrap_or(i as u32),
        Value::Number(_) | Value::Str(_) => i as u32,
    };
    values.iter().enumerate().map(class).collect()
}
