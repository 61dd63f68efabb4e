//! One input of each class.

use std::ops::ControlFlow;

/// Which tokens can be exchanged, and whether positions can.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Classes {
    /// For each value of the domains, its group and its place there. Values of a group may be renamed
    /// into each other.
    pub places: Vec<(usize, usize)>,
    /// For each column, which values it may have.
    pub columns: Vec<Vec<usize>>,
    /// Renaming keeps the order of the values in a group, and otherwise need not.
    pub ordered: bool,
    /// Positions may be rearranged.
    pub free: bool,
}

impl Classes {
    /// Visits at least one input of each class of length `n`, column by column, as places in the list of
    /// values: of each group, those that occur are the first ones.
    ///
    /// If order does not matter, the first one also comes first, and so on. If positions may be rearranged,
    /// the first column is sorted. It breaks off after so many steps, dead ends included.
    pub fn each(
        &self,
        n: usize,
        steps: usize,
        visit: impl FnMut(&[usize]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let n_groups = self.places.iter().map(|(group, _)| group + 1).max().unwrap_or(0);
        let used = vec![0; self.places.len()];
        let (tops, holes) = (vec![0; n_groups], vec![0; n_groups]);
        Walk { classes: self, n, input: Vec::new(), used, tops, holes, steps, visit }.step()
    }

    /// In how many cells behind this one a value of a group can stand that comes before others of it.
    fn room(&self, group: usize, n: usize, at: usize) -> usize {
        let holds = |column: &&Vec<usize>| column.iter().any(|value| self.places[*value].0 == group);
        let later = self.columns.iter().skip(at / n + 1).filter(holds).count() * n;
        let sorted = self.free && at < n;
        let here = self.columns.iter().skip(at / n).take(1).filter(holds).count();
        later + if sorted { 0 } else { here * (n - 1 - at % n) }
    }
}

struct Walk<'c, V> {
    classes: &'c Classes,
    n: usize,
    input: Vec<usize>,
    /// How often each value occurs.
    used: Vec<usize>,
    /// For each group, the places below this one hold the values that occur.
    tops: Vec<usize>,
    /// For each group, so many values below the top do not occur.
    holes: Vec<usize>,
    /// So many are left.
    steps: usize,
    visit: V,
}

impl<V: FnMut(&[usize]) -> ControlFlow<()>> Walk<'_, V> {
    fn step(&mut self) -> ControlFlow<()> {
        let Classes { places, columns, ordered, free } = self.classes;
        let at = self.input.len();
        if at == self.n * columns.len() {
            return (self.visit)(&self.input);
        }
        let least = self.input.last().filter(|_| *free && at < self.n).map(|last| places[*last]);
        for &value in &columns[at / self.n] {
            self.steps = self.steps.saturating_sub(1);
            if self.steps == 0 {
                return ControlFlow::Break(());
            }
            let (group, place) = places[value];
            if least.is_some_and(|least| places[value] < least) || !ordered && place > self.tops[group] {
                continue;
            }
            let (top, holes) = (self.tops[group], self.holes[group]);
            self.holes[group] = match self.used[value] {
                0 if place >= top => holes + place - top,
                0 => holes - 1,
                _ => holes,
            };
            let fits = |(group, holes): (usize, &usize)| *holes <= self.classes.room(group, self.n, at);
            if self.holes.iter().enumerate().filter(|(_, holes)| **holes > 0).all(fits) {
                self.tops[group] = top.max(place + 1);
                self.used[value] += 1;
                self.input.push(value);
                self.step()?;
                self.input.pop();
                self.used[value] -= 1;
                self.tops[group] = top;
            }
            self.holes[group] = holes;
        }
        ControlFlow::Continue(())
    }
}
