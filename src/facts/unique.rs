//! Which s-ops differ at any two positions of one input, and which are permutations of `0..n`.

use super::analysis::{Analysis, cost};
use super::reason::Reason;
use super::table::{Axis, Space, Table, classes};
use crate::value::Value;
use std::collections::HashMap;

impl Analysis<'_> {
    /// Why no two positions of an input share a value of the table (by `==`).
    ///
    /// Two positions differ in the index, and in every axis that differs at any two positions; they
    /// share the length. If value and length give such a coordinate back, the values differ.
    pub fn injective(&mut self, table: &Table) -> Option<Reason> {
        let space = Space::of([table]);
        let by_length = space.position(Axis::Length);
        let candidates = space.dims.iter().filter(|dim| match dim.axis {
            Axis::Length => false,
            Axis::Index => true,
            Axis::SOp(id) => self.sops[id.index()].injective.is_some(),
        });
        let steps = candidates.count().saturating_mul(space.size()).saturating_mul(cost::HASH);
        if steps == 0 || !self.spend(steps) {
            return None;
        }
        let value_classes = classes(&table.values);
        space.dims.iter().enumerate().find_map(|(at, dim)| {
            let (reason, coordinate_classes) = match dim.axis {
                Axis::Length => return None,
                Axis::Index => (Reason::EveryPosition, (0..dim.size as u32).collect()),
                Axis::SOp(id) => {
                    self.sops[id.index()].injective.as_ref()?;
                    (Reason::Recovers(id), classes(&self.table(id)?.values))
                }
            };
            let mut seen: HashMap<(usize, u32), u32> = HashMap::new();
            let mut differ = true;
            space.walk(&[table], |_, coordinates, ids| {
                let length = by_length.map_or(0, |at| coordinates[at]);
                let coordinate = coordinate_classes[coordinates[at]];
                let key = (length, value_classes[ids[0] as usize]);
                differ &= *seen.entry(key).or_insert(coordinate) == coordinate;
            });
            let reason = if table.by_position() { Reason::EveryPosition } else { reason };
            differ.then_some(reason)
        })
    }

    /// Why the values of a table that differ at any two positions are `0..n` in some order: they
    /// are integers from 0 to n-1.
    pub fn permutation(&mut self, table: &Table) -> Option<Reason> {
        if !self.has_lengths() {
            return None;
        }
        let space = Space::of([table]);
        let by_length = space.position(Axis::Length);
        if !self.spend(space.size().saturating_mul(cost::CELL + cost::COMPARE)) {
            return None;
        }
        let mut within = true;
        space.walk(&[table], |_, coordinates, ids| {
            let integer = match &table.values[ids[0] as usize] {
                Value::Number(n) => n.to_i64().and_then(|i| usize::try_from(i).ok()),
                Value::Bool(_) | Value::Str(_) => None,
            };
            let occurs = |length: &usize| {
                let mut ranges = space
                    .dims
                    .iter()
                    .zip(coordinates)
                    .filter_map(|(dim, &at)| dim.ranges.as_ref().map(|r| (r[*length], at as u32)));
                ranges.all(|((from, to), at)| from <= at && at < to)
            };
            let shortest = match by_length {
                Some(at) => Some(self.lengths[coordinates[at]]),
                None => (0..self.lengths.len()).find(occurs).map(|length| self.lengths[length]),
            };
            within &= shortest.is_none_or(|n| integer.is_some_and(|i| i < n));
        });
        within.then_some(Reason::EveryPosition)
    }
}
