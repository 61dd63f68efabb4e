//! Functions of what a position holds, as tables over finitely many values.
//!
//! An argument is a variable whose values are put into classes; values of one class make no
//! difference. So a table of a variable with a thousand values may have two cells. BOS is a position
//! at which no variable has a value: one more cell, the last.

use super::Reason;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::rc::Rc;

/// The largest table.
const MAX_CELLS: usize = 1 << 18;

/// Numbers for things, the same for equal ones; and where each first occurs.
pub(super) fn classes<T: Eq + Hash>(things: impl IntoIterator<Item = T>) -> (Vec<usize>, Vec<usize>) {
    let (mut seen, mut first) = (HashMap::new(), Vec::new());
    let number = |(i, thing)| {
        *seen.entry(thing).or_insert_with(|| {
            first.push(i);
            first.len() - 1
        })
    };
    (things.into_iter().enumerate().map(number).collect(), first)
}

/// Each thing once, in the order in which they come.
pub(super) fn distinct<T: Clone + Eq + Hash>(things: impl IntoIterator<Item = T>) -> Vec<T> {
    let things: Vec<T> = things.into_iter().collect();
    classes(&things).1.into_iter().map(|i| things[i].clone()).collect()
}

/// A variable, and the class of each of its values.
#[derive(Clone, Debug)]
struct Arg {
    var: usize,
    class: Rc<[usize]>,
    n: usize,
}

/// The arguments of a table, by variable; the last one counts fastest.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    args: Vec<Arg>,
}

impl Shape {
    /// How many cells there are, but for BOS.
    fn size(&self) -> usize {
        self.args.iter().map(|a| a.n).product()
    }

    pub fn vars(&self) -> impl Iterator<Item = usize> + '_ {
        self.args.iter().map(|a| a.var)
    }
}

/// A function of variables. A cell is empty if it was shown that no input that counts has a position in
/// this state; a function that has no value in a state that occurs is a table of `Option`.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    pub shape: Shape,
    pub cells: Vec<Option<T>>,
}

impl<T: Clone + Eq + Hash> Table<T> {
    /// A function of one variable, by its values, and what it is at BOS.
    pub fn variable(var: usize, values: impl IntoIterator<Item = T>, bos: Option<T>) -> Self {
        let mut cells: Vec<Option<T>> = values.into_iter().map(Some).collect();
        let (class, n) = ((0..cells.len()).collect(), cells.len());
        cells.push(bos);
        Self::new(Shape { args: vec![Arg { var, class, n }] }, cells)
    }

    /// What it may be at other positions than BOS.
    pub fn tokens(&self) -> impl Iterator<Item = &T> {
        self.cells.iter().take(self.cells.len() - 1).flatten()
    }

    pub fn bos(&self) -> Option<&T> {
        self.cells.last()?.as_ref()
    }

    /// The same, but for what it is at BOS.
    pub fn with_bos(mut self, bos: Option<T>) -> Self {
        self.cells.pop();
        self.cells.push(bos);
        self
    }

    /// The value, if it is always the same.
    pub fn only(&self) -> Option<&T> {
        let mut values = self.cells.iter().flatten();
        let first = values.next()?;
        values.all(|v| v == first).then_some(first)
    }

    pub fn map<U: Clone + Eq + Hash>(&self, mut f: impl FnMut(&T) -> U) -> Table<U> {
        self.without(|value| Some(f(value)))
    }

    /// The same function without the states for which `f` gives nothing: no input that counts has them.
    pub fn without<U: Clone + Eq + Hash>(&self, mut f: impl FnMut(&T) -> Option<U>) -> Table<U> {
        let cells = self.cells.iter().map(|cell| cell.as_ref().and_then(&mut f)).collect();
        Table::new(self.shape.clone(), cells)
    }

    /// A number for each cell that is not empty.
    pub fn numbered(&self, numbers: &[usize]) -> Table<usize> {
        let cells = self.cells.iter().zip(numbers).map(|(cell, i)| cell.as_ref().map(|_| *i)).collect();
        Table::new(self.shape.clone(), cells)
    }

    /// Merges values that make no difference, and drops variables that make none.
    pub fn new(mut shape: Shape, mut cells: Vec<Option<T>>) -> Self {
        let bos = cells.pop();
        let (mut numbers, first) = classes(&cells);
        let things: Vec<Option<T>> = first.into_iter().map(|i| cells[i].clone()).collect();
        for i in (0..shape.args.len()).rev() {
            let inner: usize = shape.args[i + 1..].iter().map(|a| a.n).product();
            let n = shape.args[i].n;
            let outer = numbers.len().checked_div(n * inner).unwrap_or(0);
            let slices = |c: usize| (0..outer).map(move |o| (o * n + c) * inner);
            let slice = |c| slices(c).flat_map(|start| &numbers[start..start + inner]).collect::<Vec<_>>();
            let (renamed, kept) = classes((0..n).map(slice));
            let starts = (0..outer).flat_map(|o| kept.iter().map(move |c| (o * n + c) * inner));
            numbers = starts.flat_map(|start| &numbers[start..start + inner]).copied().collect();
            let arg = &mut shape.args[i];
            arg.class = arg.class.iter().map(|c| renamed[*c]).collect();
            arg.n = kept.len();
        }
        shape.args.retain(|arg| arg.n != 1);
        let cells = numbers.into_iter().map(|i| things[i].clone()).chain(bos).collect();
        Self { shape, cells }
    }
}

/// Several tables side by side: every combination of classes that tells cells of one of them apart, as
/// far as it can occur at one position, and BOS.
pub(super) struct States {
    shape: Shape,
    /// The combination, and the cell of each table.
    states: Vec<(usize, Vec<usize>)>,
}

impl States {
    /// `spend` is told the number of steps before they are taken.
    pub fn new(
        shapes: &[&Shape],
        constraints: &[&Table<bool>],
        bos: bool,
        spend: impl Fn(usize) -> Result<(), Reason>,
    ) -> Result<Self, Reason> {
        let all: Vec<&Shape> = shapes.iter().copied().chain(constraints.iter().map(|c| &c.shape)).collect();
        let vars: BTreeSet<usize> = all.iter().flat_map(|s| s.vars()).collect();
        // For each variable, a value of each class.
        let (mut args, mut values) = (Vec::new(), Vec::new());
        for var in &vars {
            let of: Vec<&Arg> = all.iter().flat_map(|s| &s.args).filter(|a| a.var == *var).collect();
            spend(of[0].class.len() * of.len())?;
            let told = |v: usize| of.iter().map(|a| a.class[v]).collect::<Vec<_>>();
            let (class, first) = classes((0..of[0].class.len()).map(told));
            args.push(Arg { var: *var, class: class.into(), n: first.len() });
            values.push(first);
        }
        let size = args.iter().try_fold(1_usize, |size, a| size.checked_mul(a.n));
        let size = size.unwrap_or(usize::MAX);
        if size > MAX_CELLS || size.saturating_mul(all.len()) > 32 * MAX_CELLS {
            return Err(Reason::TooManyTuples);
        }
        // To look at each state, and to make a table of what is found.
        spend(size * (2 + all.len() + 2 * args.len()))?;
        let place = |arg: &Arg| vars.iter().position(|var| *var == arg.var).unwrap_or_default();
        let known: Vec<Vec<usize>> = all.iter().map(|s| s.args.iter().map(place).collect()).collect();
        let mut state = vec![0; args.len()];
        let mut states = Vec::new();
        for cell in 0..size {
            let mut rest = cell;
            for (i, values) in values.iter().enumerate().rev() {
                state[i] = values[rest % values.len()];
                rest /= values.len();
            }
            let place = |(shape, known): (&&Shape, &Vec<usize>)| {
                let args = shape.args.iter().zip(known);
                args.fold(0, |place, (arg, i)| place * arg.n + arg.class[state[*i]])
            };
            let mut places: Vec<usize> = all.iter().zip(&known).map(place).collect();
            let mut limits = constraints.iter().zip(&places[shapes.len()..]);
            if limits.all(|(constraint, place)| constraint.cells[*place] == Some(true)) {
                places.truncate(shapes.len());
                states.push((cell, places));
            }
        }
        if bos {
            states.push((size, shapes.iter().map(|shape| shape.size()).collect()));
        }
        Ok(Self { shape: Shape { args }, states })
    }

    pub fn iter(&self) -> impl Iterator<Item = &[usize]> {
        self.states.iter().map(|(_, places)| places.as_slice())
    }

    /// What `f` says of each state.
    pub fn table<T: Clone + Eq + Hash, E>(
        &self,
        mut f: impl FnMut(&[usize]) -> Result<Option<T>, E>,
    ) -> Result<Table<T>, E> {
        let mut cells = vec![None; self.shape.size() + 1];
        for (cell, places) in &self.states {
            cells[*cell] = f(places)?;
        }
        Ok(Table::new(self.shape.clone(), cells))
    }
}
