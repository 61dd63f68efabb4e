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
    /// the first column is sorted.
    pub fn each<'v>(&self, n: usize, visit: impl FnMut(&[usize]) -> ControlFlow<()> + 'v) -> ControlFlow<()> {
        let n_groups = self.places.iter().map(|(group, _)| group + 1).max().unwrap_or(0);
        let used = vec![0; self.places.len()];
        let walk =
            Walk { classes: self, n, input: Vec::new(), used, tops: vec![0; n_groups], holes: 0, visit };
        { walk }.step()
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
    /// So many values below the tops do not occur.
    holes: usize,
    visit: V,
}

impl<V: FnMut(&[usize]) -> ControlFlow<()>> Walk<'_, V> {
    fn step(&mut self) -> ControlFlow<()> {
        let Classes { places, columns, ordered, free } = self.classes;
        let at = self.input.len();
        if at == self.n * columns.len() {
            return (self.visit)(&self.input);
        }
        let left = self.n * columns.len() - at - 1;
        let least = self.input.last().filter(|_| *free && at < self.n).map(|last| places[*last]);
        for &value in &columns[at / self.n] {
            let (group, place) = places[value];
            if least.is_some_and(|least| places[value] < least) || !ordered && place > self.tops[group] {
                continue;
            }
            let (top, holes) = (self.tops[group], self.holes);
            self.holes = match self.used[value] {
                0 if place >= top => holes + place - top,
                0 => holes - 1,
                _ => holes,
            };
            if self.holes <= left {
                self.tops[group] = top.max(place + 1);
                self.used[value] += 1;
                self.input.push(value);
                self.step()?;
                self.input.pop();
                self.used[value] -= 1;
                self.tops[group] = top;
            }
            self.holes = holes;
        }
        ControlFlow::Continue(())
    }
}
