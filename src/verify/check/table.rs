//! Functions of what a position holds, as tables over finitely many values.
//!
//! An argument is a variable whose values are put into classes; values of one class make no
//! difference. So a table of a variable with a thousand values may have two cells.

use std::collections::HashMap;
use std::hash::Hash;
use std::rc::Rc;

/// The largest table.
pub(super) const MAX_CELLS: usize = 1 << 18;

/// A variable, and the class of each of its values.
#[derive(Clone, Debug)]
struct Arg {
    var: usize,
    class: Rc<[u32]>,
    n: usize,
}

/// The arguments of a table, by variable; the last one counts fastest.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    args: Vec<Arg>,
}

impl Shape {
    /// A variable, with all its values told apart.
    pub fn variable(var: usize, n: usize) -> Self {
        Self { args: vec![Arg { var, class: (0..n as u32).collect(), n }] }
    }

    pub fn size(&self) -> usize {
        self.args.iter().map(|a| a.n).product()
    }

    pub fn vars(&self) -> impl Iterator<Item = usize> + '_ {
        self.args.iter().map(|a| a.var)
    }
}

/// A function of variables. Cells that no input reaches are empty.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    pub shape: Shape,
    pub cells: Vec<Option<T>>,
}

impl<T: Clone + Eq + Hash> Table<T> {
    /// The value of a variable.
    pub fn variable(var: usize, values: impl IntoIterator<Item = Option<T>>) -> Self {
        let cells: Vec<Option<T>> = values.into_iter().collect();
        Self { shape: Shape::variable(var, cells.len()), cells }.reduced()
    }

    pub fn new(shape: Shape, cells: Vec<Option<T>>) -> Self {
        Self { shape, cells }.reduced()
    }

    /// The value at each index, of a table of the index alone.
    pub fn by_index(&self, n: usize) -> Vec<Option<T>> {
        let place = |i: usize| self.shape.args.first().map_or(0, |arg| arg.class[i] as usize);
        (0..n).map(|i| self.cells[place(i)].clone()).collect()
    }

    /// The value, if it is always the same.
    pub fn only(&self) -> Option<&T> {
        let mut values = self.cells.iter().flatten();
        let first = values.next()?;
        values.all(|v| v == first).then_some(first)
    }

    pub fn map<U: Clone + Eq + Hash>(&self, mut f: impl FnMut(&T) -> Option<U>) -> Table<U> {
        let cells = self.cells.iter().map(|cell| cell.as_ref().and_then(&mut f)).collect();
        Table { shape: self.shape.clone(), cells }.reduced()
    }

    /// Merges values that make no difference, and drops variables that make none.
    fn reduced(mut self) -> Self {
        for i in (0..self.shape.args.len()).rev() {
            let inner: usize = self.shape.args[i + 1..].iter().map(|a| a.n).product();
            let n = self.shape.args[i].n;
            let outer = self.cells.len().checked_div(n * inner).unwrap_or(0);
            let mut seen: HashMap<Vec<&Option<T>>, u32> = HashMap::new();
            let mut kept = Vec::new();
            let renamed: Vec<u32> = (0..n)
                .map(|c| {
                    let slice = (0..outer).flat_map(|o| &self.cells[(o * n + c) * inner..][..inner]);
                    let next = seen.len() as u32;
                    *seen.entry(slice.collect()).or_insert_with(|| {
                        kept.push(c);
                        next
                    })
                })
                .collect();
            if kept.len() == n && n > 1 {
                continue;
            }
            let starts = (0..outer).flat_map(|o| kept.iter().map(move |c| (o * n + c) * inner));
            self.cells = starts.flat_map(|start| self.cells[start..start + inner].to_vec()).collect();
            if kept.len() == 1 {
                self.shape.args.remove(i);
            } else {
                let arg = &mut self.shape.args[i];
                arg.class = arg.class.iter().map(|c| renamed[*c as usize]).collect();
                arg.n = kept.len();
            }
        }
        self
    }
}

/// Several tables side by side: every combination of classes that tells cells of one of them apart.
pub(super) struct Joint {
    pub shape: Shape,
    places: Vec<u32>,
    n_shapes: usize,
}

impl Joint {
    /// None if there are too many combinations.
    pub fn new(shapes: &[&Shape]) -> Option<Self> {
        let mut vars: Vec<usize> = shapes.iter().flat_map(|s| s.vars()).collect();
        vars.sort_unstable();
        vars.dedup();
        let mut args: Vec<Arg> = Vec::new();
        // For each argument and class, what it adds to the place in each shape.
        let mut steps: Vec<Vec<Vec<(usize, u32)>>> = Vec::new();
        for var in vars {
            let mut of: Vec<(usize, &Arg, usize)> = Vec::new();
            for (s, shape) in shapes.iter().enumerate() {
                if let Some(at) = shape.args.iter().position(|a| a.var == var) {
                    let stride = shape.args[at + 1..].iter().map(|a| a.n).product();
                    of.push((s, &shape.args[at], stride));
                }
            }
            let mut seen: HashMap<Vec<u32>, u32> = HashMap::new();
            let mut step = Vec::new();
            let n_values = of.first().map_or(0, |(_, a, _)| a.class.len());
            let class = (0..n_values)
                .map(|v| {
                    let tuple: Vec<u32> = of.iter().map(|(_, a, _)| a.class[v]).collect();
                    let next = seen.len() as u32;
                    *seen.entry(tuple).or_insert_with(|| {
                        step.push(of.iter().map(|(s, a, k)| (*s, a.class[v] * *k as u32)).collect());
                        next
                    })
                })
                .collect();
            args.push(Arg { var, class, n: step.len() });
            steps.push(step);
        }
        let size = args.iter().try_fold(1_usize, |size, a| size.checked_mul(a.n))?;
        if size > MAX_CELLS || size.saturating_mul(shapes.len()) > 32 * MAX_CELLS {
            return None;
        }
        let mut places = vec![0_u32; size * shapes.len()];
        let mut stride = size;
        for (arg, step) in args.iter().zip(&steps) {
            stride /= arg.n.max(1);
            for cell in 0..size {
                for (shape, add) in &step[cell / stride % arg.n] {
                    places[cell * shapes.len() + shape] += add;
                }
            }
        }
        Some(Self { shape: Shape { args }, places, n_shapes: shapes.len() })
    }

    pub fn size(&self) -> usize {
        self.shape.size()
    }

    /// The cell of a shape that belongs to a combination.
    pub fn place(&self, cell: usize, shape: usize) -> usize {
        self.places[cell * self.n_shapes + shape] as usize
    }
}
