//! An s-op as a table of bases.

use super::{Base, Partition};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Partition {
    pub(super) fn constant() -> Self {
        Self { base: None, class: Arc::new([Some(0)]), n_classes: 1 }
    }

    /// Every value its own class.
    pub(super) fn finest(base: Base, n_values: usize) -> Self {
        Self { base: Some(base), class: (0..n_values as u32).map(Some).collect(), n_classes: n_values }
    }

    /// The coarsest partition that tells apart what either of two partitions of one base does,
    /// with the classes that each new class comes from.
    pub(super) fn refine(&self, other: &Self) -> (Self, Vec<(u32, u32)>) {
        let mut pairs: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        let mut order = Vec::new();
        let class = self.class.iter().zip(other.class.iter()).map(|(a, b)| {
            let pair = (*a.as_ref()?, *b.as_ref()?);
            Some(*pairs.entry(pair).or_insert_with(|| {
                order.push(pair);
                order.len() as u32 - 1
            }))
        });
        let class = class.collect();
        (Self { base: self.base, class, n_classes: order.len() }, order)
    }

    /// The partition with classes renamed by `name`; equal names are one class.
    pub(super) fn merge(&self, name: &[Option<u32>], n_classes: usize) -> Self {
        let class = self.class.iter().map(|c| name[(*c)? as usize]).collect();
        Self { base: self.base, class, n_classes }
    }
}

/// `cells[classes of args]`, the last argument varying fastest; none where the program fails.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub args: Vec<Partition>,
    pub cells: Vec<Option<Value>>,
}

impl View {
    pub fn constant(value: Value) -> Self {
        Self { args: Vec::new(), cells: vec![Some(value)] }
    }

    /// A base itself.
    pub fn base(base: Base, values: &[Value]) -> Self {
        let args = vec![Partition::finest(base, values.len())];
        Self { args, cells: values.iter().cloned().map(Some).collect() }
    }

    /// A function of one base.
    pub fn table(base: Base, cells: Vec<Option<Value>>) -> Self {
        let mut view = Self { args: vec![Partition::finest(base, cells.len())], cells };
        view.reduce();
        view
    }

    /// The values that occur, sorted.
    pub fn values(&self) -> Vec<Value> {
        let mut values: Vec<Value> = self.cells.iter().flatten().cloned().collect();
        values.sort();
        values.dedup();
        values
    }

    /// `f` of several views: a view of all their bases.
    pub fn combine<E>(views: &[&Self], mut f: impl FnMut(&[&Value]) -> Result<Value, E>) -> Self {
        let joint = Joint::of(views);
        let cells = joint.cells(views, |values| f(values).ok());
        let mut view = Self { args: joint.args, cells };
        view.reduce();
        view
    }

    /// How many cells [`Self::combine`] would look at.
    pub fn combined_size(views: &[&Self]) -> usize {
        Joint::of(views).size()
    }

    /// How many bases views read together.
    pub fn n_bases(views: &[Self]) -> usize {
        let bases: BTreeSet<Option<Base>> = views.iter().flat_map(|v| &v.args).map(|arg| arg.base).collect();
        bases.len()
    }

    /// Drops the values that cannot occur.
    pub fn restrict(&mut self, can_occur: impl Fn(&Value) -> bool) {
        for cell in &mut self.cells {
            if cell.as_ref().is_some_and(|v| !can_occur(v)) {
                *cell = None;
            }
        }
        self.reduce();
    }

    /// The tuples of classes that have a value, which is named by its place in `values`.
    pub fn tuples(&self, values: &[Value]) -> Vec<(Vec<u32>, usize)> {
        let place = |cell: &Option<Value>| values.binary_search(cell.as_ref()?).ok();
        let classes = |mut cell: usize| {
            let mut classes: Vec<u32> = Vec::with_capacity(self.args.len());
            for arg in self.args.iter().rev() {
                classes.push((cell % arg.n_classes) as u32);
                cell /= arg.n_classes;
            }
            classes.reverse();
            classes
        };
        let cells = self.cells.iter().enumerate();
        cells.filter_map(|(i, cell)| Some((classes(i), place(cell)?))).collect()
    }

    /// Merges classes that make no difference, and drops arguments that make none.
    fn reduce(&mut self) {
        for i in (0..self.args.len()).rev() {
            let inner: usize = self.args[i + 1..].iter().map(|a| a.n_classes).product();
            let n = self.args[i].n_classes;
            let outer = self.cells.len().checked_div(n * inner).unwrap_or(0);
            let slice = |c: usize| -> Vec<&Option<Value>> {
                let at = |o: usize| &self.cells[(o * n + c) * inner..][..inner];
                (0..outer).flat_map(at).collect()
            };
            let mut seen: BTreeMap<Vec<&Option<Value>>, u32> = BTreeMap::new();
            let mut kept = Vec::new();
            let names: Vec<Option<u32>> = (0..n)
                .map(|c| {
                    let next = seen.len() as u32;
                    let cells = slice(c);
                    if cells.iter().all(|v| v.is_none()) {
                        return None;
                    }
                    Some(*seen.entry(cells).or_insert_with(|| {
                        kept.push(c);
                        next
                    }))
                })
                .collect();
            let cells = (0..outer).flat_map(|o| kept.iter().map(move |&c| (o * n + c) * inner));
            let cells: Vec<Option<Value>> =
                cells.flat_map(|start| self.cells[start..start + inner].to_vec()).collect();
            self.args[i] = self.args[i].merge(&names, kept.len());
            self.cells = cells;
            if kept.len() == 1 {
                self.args.remove(i);
            }
        }
    }
}

/// The joint classes of several views.
struct Joint {
    args: Vec<Partition>,
    /// For each view, for each of its arguments: which joint argument it is, and its class for
    /// each joint class.
    maps: Vec<Vec<(usize, Vec<u32>)>>,
}

impl Joint {
    fn of(views: &[&View]) -> Self {
        let mut args: Vec<Partition> = Vec::new();
        let mut maps: Vec<Vec<(usize, Vec<u32>)>> = Vec::new();
        for view in views {
            let mut map = Vec::new();
            for arg in &view.args {
                match args.iter().position(|a| a.base == arg.base) {
                    None => {
                        args.push(arg.clone());
                        map.push((args.len() - 1, (0..arg.n_classes as u32).collect()));
                    }
                    Some(at) => {
                        let (refined, pairs) = args[at].refine(arg);
                        args[at] = refined;
                        let renamed = |old: &Vec<u32>| pairs.iter().map(|p| old[p.0 as usize]).collect();
                        for (_, old) in maps.iter_mut().flatten().filter(|(i, _)| *i == at) {
                            *old = renamed(old);
                        }
                        map.push((at, pairs.iter().map(|p| p.1).collect()));
                    }
                }
            }
            maps.push(map);
        }
        Self { args, maps }
    }

    fn size(&self) -> usize {
        self.args.iter().fold(1, |size, a| size.saturating_mul(a.n_classes))
    }

    fn cells(&self, views: &[&View], mut f: impl FnMut(&[&Value]) -> Option<Value>) -> Vec<Option<Value>> {
        let mut classes = vec![0usize; self.args.len()];
        let mut cells = Vec::with_capacity(self.size());
        for _ in 0..self.size() {
            let values: Option<Vec<&Value>> = views
                .iter()
                .zip(&self.maps)
                .map(|(view, map)| {
                    let cell = view.args.iter().zip(map).fold(0, |cell, (arg, (at, class))| {
                        cell * arg.n_classes + class[classes[*at]] as usize
                    });
                    view.cells.get(cell)?.as_ref()
                })
                .collect();
            cells.push(values.and_then(|v| f(&v)));
            for (class, arg) in classes.iter_mut().zip(&self.args).rev() {
                *class += 1;
                if *class < arg.n_classes {
                    break;
                }
                *class = 0;
            }
        }
        cells
    }
}
