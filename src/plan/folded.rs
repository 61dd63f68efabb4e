//! How few neurons compute a table?
//!
//! A neuron per tuple of arguments always does. But many a table is a function of a sum of one
//! integer per argument: `a < b` depends on `b - a`, `a == b` too, `a + b` is one. A function `F` of
//! an integer `s` takes a neuron per bend:
//!
//! `F(s) = F(least) + Σ_j bend(j) · ReLU(s - j)`
//!
//! and where an argument alone decides, it closes them all: a gate.

use super::Features;
use super::Form;
use super::Partition;
use super::lower::{MAX_NUMBERS, TableNeuron};
use super::of_sum::OfSum;
use super::view::View;
use crate::value::{Number, Value};
use std::collections::BTreeMap;

/// All sums stay below this, so that f32 adds them exactly in any order.
pub(super) const MAX_SUM: i64 = 1 << 20;

/// What neurons write adds up to no more, far below 2^24 as well.
const MAX_WRITTEN: i64 = 1 << 23;

/// Classes of an argument that decide alone, and give the result that is held as zeros.
struct Gate {
    arg: usize,
    closed: Vec<bool>,
}

/// A table of results: the place of each value among those of the base.
struct Results<'v> {
    view: &'v View,
    cells: Vec<Option<usize>>,
    /// The arguments that are left, each with the classes that are.
    open: Vec<(usize, Vec<usize>)>,
    gates: Vec<Gate>,
    /// What closed gates give.
    closed: Option<usize>,
}

/// Integers for the classes of each argument that is left: the table is a function of their sum.
type Codes = Vec<Vec<i64>>;

/// Neurons for a table with values held as features, which are shifted to suit, if a sum of
/// integers decides it.
pub(super) fn folded(view: &View, values: &[Value], features: &mut Features) -> Option<Vec<TableNeuron>> {
    let place = |cell: &Option<Value>| values.binary_search(cell.as_ref()?).ok();
    let cells = view.cells.iter().map(place).collect();
    let open = view.args.iter().enumerate().map(|(i, arg)| (i, (0..arg.n_classes).collect())).collect();
    let mut results = Results { view, cells, open, gates: Vec::new(), closed: None };
    results.take_gates();
    let best = results
        .candidates(values)
        .into_iter()
        .filter_map(|codes| {
            let (neurons, zero) = results.neurons(&codes, features)?;
            Some((neurons, zero))
        })
        .min_by_key(|(neurons, _)| neurons.len());
    let (neurons, zero) = best?;
    features.zero_at(zero);
    Some(neurons)
}

/// Neurons for a function of a sum, with values held as features, which are shifted to suit, or one-hot.
pub(super) fn of_sum(
    of: &OfSum,
    values: &[Value],
    features: Option<&mut Features>,
) -> Option<Vec<TableNeuron>> {
    let one_hot = || {
        let bit = |v: usize| (0..values.len()).map(|at| i64::from(at == v).into()).collect();
        (values.len().saturating_mul(of.results.len()) <= MAX_NUMBERS)
            .then(|| (0..values.len()).map(bit).collect::<Vec<Vec<Number>>>())
    };
    let vectors = features.as_ref().map(|features| features.features.clone()).or_else(one_hot)?;
    let place = |(sum, value): (&i64, &Value)| Some((*sum, values.binary_search(value).ok()?));
    let results = of.results.iter().map(place).collect::<Option<_>>()?;
    let Bent { zero, sign, writes, .. } = Bent::new(results, None, &vectors)?;
    let form = |(arg, codes): (&Partition, &Vec<i64>)| {
        Form::of(arg, &codes.iter().map(|code| (sign * code).into()).collect::<Vec<Number>>())
    };
    let forms: Vec<Form> = of.args.iter().zip(&of.codes).map(form).collect();
    if forms.iter().any(|form| form.variation() > Number::from(4 * MAX_SUM)) {
        return None;
    }
    let neuron = |(at, writes): (i64, _)| TableNeuron { forms: forms.clone(), bias: (-at).into(), writes };
    // The bends say how the code differs from that of the value at the end.
    let first = TableNeuron { forms: Vec::new(), bias: Number::ONE, writes: vec![(zero, Number::ONE)] };
    let first = if features.is_none() { Some(first) } else { None };
    features.into_iter().for_each(|features| features.zero_at(zero));
    Some(first.into_iter().chain(writes.into_iter().map(neuron)).collect())
}

impl Results<'_> {
    /// The results at these classes of the arguments that are left, with every other argument open.
    fn at(&self, classes: &[usize]) -> Option<usize> {
        let mut full: Vec<usize> = vec![0; self.view.args.len()];
        for gate in &self.gates {
            full[gate.arg] = gate.closed.iter().position(|closed| !closed).unwrap_or(0);
        }
        for ((arg, _), class) in self.open.iter().zip(classes) {
            full[*arg] = *class;
        }
        let cell = self.view.args.iter().zip(full).fold(0, |cell, (arg, c)| cell * arg.n_classes + c);
        self.cells[cell]
    }

    /// Every combination of classes that is left.
    fn tuples(&self) -> Vec<Vec<usize>> {
        self.open.iter().fold(vec![Vec::new()], |tuples, (_, classes)| {
            let longer = |t: &Vec<usize>| {
                let t = t.clone();
                classes.iter().map(move |c| t.iter().copied().chain([*c]).collect()).collect::<Vec<_>>()
            };
            tuples.iter().flat_map(longer).collect()
        })
    }

    /// Sets arguments aside of which some classes decide alone, all with one result, and between
    /// whose other classes there is no difference.
    fn take_gates(&mut self) {
        while self.open.len() > 1 {
            let Some((at, closed, result)) = (0..self.open.len()).find_map(|at| self.gate(at)) else { break };
            let (arg, _) = self.open.remove(at);
            self.gates.push(Gate { arg, closed });
            self.closed = Some(result);
        }
    }

    fn gate(&self, at: usize) -> Option<(usize, Vec<bool>, usize)> {
        let (arg, classes) = &self.open[at];
        let tuples = self.tuples();
        let of_class = |class: usize| {
            tuples.iter().filter(move |t| t[at] == class).map(|t| self.at(t)).collect::<Vec<_>>()
        };
        let slices: Vec<Vec<Option<usize>>> = classes.iter().map(|c| of_class(*c)).collect();
        let decided = |slice: &Vec<Option<usize>>| {
            let mut known = slice.iter().flatten();
            let first = known.next()?;
            known.all(|r| r == first).then_some(*first)
        };
        let alone: Vec<Option<usize>> = slices.iter().map(decided).collect();
        let result = self.closed.or_else(|| alone.iter().flatten().next().copied())?;
        let mut open = slices.iter().zip(&alone).filter(|(_, r)| **r != Some(result)).map(|(s, _)| s);
        let first = open.next()?;
        let same = open.all(|slice| slice == first);
        let mut closed = vec![false; self.view.args[*arg].n_classes];
        classes.iter().zip(&alone).for_each(|(c, r)| closed[*c] = *r == Some(result));
        (same && closed.contains(&true)).then_some((at, closed, result))
    }

    /// Integers that may do, the most natural ones first.
    fn candidates(&self, values: &[Value]) -> Vec<Codes> {
        let mut found = Vec::new();
        let place = |arg: usize, class: usize| {
            let partition = &self.view.args[arg];
            partition.class.iter().position(|c| *c == Some(class as u32)).unwrap_or(0) as i64
        };
        let signs = 1 << self.open.len().saturating_sub(1).min(3);
        for mask in 0..signs {
            let sign = |i: usize| if i > 0 && mask >> (i - 1) & 1 == 0 { -1 } else { 1 };
            let by = |number: &dyn Fn(usize, usize, usize) -> i64| -> Codes {
                let of = |(i, (arg, classes)): (usize, &(usize, Vec<usize>))| {
                    classes.iter().enumerate().map(|(j, c)| sign(i) * number(*arg, j, *c)).collect()
                };
                self.open.iter().enumerate().map(of).collect()
            };
            found.push(by(&|arg, _, class| place(arg, class)));
            found.push(by(&|_, j, _| j as i64));
        }
        found.extend(self.sum(values));
        found.extend(self.nested());
        found.extend(self.matching());
        found
    }

    /// The terms of a sum, if every result is one.
    fn sum(&self, values: &[Value]) -> Option<Codes> {
        let number = |t: &[usize]| match &values[self.at(t)?] {
            Value::Number(n) => n.to_i64(),
            Value::Bool(_) | Value::Str(_) => None,
        };
        let first: Vec<usize> = self.open.iter().map(|(_, classes)| classes[0]).collect();
        let least = number(&first)?;
        let term = |i: usize, class: usize| {
            let mut tuple = first.clone();
            tuple[i] = class;
            number(&tuple)?.checked_sub(least)
        };
        let terms = |(i, (_, classes)): (usize, &(usize, Vec<usize>))| {
            classes.iter().map(|c| term(i, *c)).collect::<Option<Vec<i64>>>()
        };
        self.open.iter().enumerate().map(terms).collect()
    }

    /// The two arguments' classes with the places of one result, of two.
    fn rows(&self) -> Option<Vec<Vec<bool>>> {
        let [(_, rows), (_, columns)] = self.open.as_slice() else { return None };
        let last = self.tuples().iter().filter_map(|t| self.at(t)).max()?;
        let row = |r: &usize| columns.iter().map(|c| self.at(&[*r, *c]) == Some(last)).collect();
        Some(rows.iter().map(row).collect())
    }

    /// Numbers of rows and columns that are in order: if of any two rows one has all that the other
    /// has, a row has the columns up to its number.
    fn nested(&self) -> Option<Codes> {
        let rows = self.rows()?;
        let count = |c: usize| rows.iter().filter(|row| row[c]).count();
        let mut order: Vec<usize> = (0..rows.first()?.len()).collect();
        order.sort_by_key(|c| std::cmp::Reverse(count(*c)));
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, c)| places[*c] = -(place as i64));
        let sizes = rows.iter().map(|row| row.iter().filter(|held| **held).count() as i64).collect();
        Some(vec![sizes, places])
    }

    /// Numbers that are equal where a row meets its column.
    fn matching(&self) -> Option<Codes> {
        let rows = self.rows()?;
        let n = rows.len();
        let column = |c: usize| {
            let row = rows.iter().position(|row| row[c]);
            -(row.unwrap_or(n + c) as i64)
        };
        Some(vec![(0..n as i64).collect(), (0..rows.first()?.len()).map(column).collect()])
    }

    /// The codes of an argument, times a sign.
    fn form(&self, arg: usize, classes: &[usize], codes: &[i64], sign: i64) -> Form {
        let mut numbers = vec![Number::ZERO; self.view.args[arg].n_classes];
        classes.iter().zip(codes).for_each(|(c, n)| numbers[*c] = (sign * n).into());
        Form::of(&self.view.args[arg], &numbers)
    }

    /// A neuron per bend, and the result that is held as zeros.
    fn neurons(&self, codes: &Codes, features: &Features) -> Option<(Vec<TableNeuron>, usize)> {
        if codes.iter().flatten().any(|code| code.abs() > MAX_SUM) {
            return None;
        }
        let varies = |((arg, classes), codes): (&(usize, Vec<usize>), &Vec<i64>)| {
            self.form(*arg, classes, codes, 1).variation() > Number::from(4 * MAX_SUM)
        };
        if self.open.iter().zip(codes).any(varies) {
            return None;
        }
        let code_of: Vec<Vec<i64>> = self
            .open
            .iter()
            .zip(codes)
            .map(|((arg, classes), codes)| {
                let mut of_class = vec![0; self.view.args[*arg].n_classes];
                classes.iter().zip(codes).for_each(|(class, code)| of_class[*class] = *code);
                of_class
            })
            .collect();
        let mut of_sum: BTreeMap<i64, usize> = BTreeMap::new();
        for tuple in self.tuples() {
            let Some(result) = self.at(&tuple) else { continue };
            let sum = tuple.iter().zip(&code_of).map(|(class, codes)| codes[*class]).sum::<i64>();
            if *of_sum.entry(sum).or_insert(result) != result {
                return None;
            }
        }
        let Bent { zero, sign, end, writes } = Bent::new(of_sum, self.closed, &features.features)?;
        let neuron = |(at, writes): (i64, Vec<(usize, Number)>)| {
            let mut forms = Vec::new();
            for ((arg, classes), codes) in self.open.iter().zip(codes) {
                forms.push(self.form(*arg, classes, codes, sign));
            }
            for gate in &self.gates {
                let shut = |closed: &bool| Number::from(if *closed { at - end - 1 } else { 0 });
                let numbers: Vec<Number> = gate.closed.iter().map(shut).collect();
                forms.push(Form::of(&self.view.args[gate.arg], &numbers));
            }
            TableNeuron { forms, bias: (-at).into(), writes }
        };
        Some((writes.into_iter().map(neuron).collect(), zero))
    }
}

/// A function of an integer, made of bends.
struct Bent {
    /// The result that is held as zeros.
    zero: usize,
    /// The function is one of the integer times this.
    sign: i64,
    /// The greatest integer, times the sign.
    end: i64,
    /// For each place of a bend, what is added to which feature there.
    writes: BTreeMap<i64, Vec<(usize, Number)>>,
}

impl Bent {
    /// The function with these results, of which the one that is `closed` is to be held as zeros.
    fn new(of_sum: BTreeMap<i64, usize>, closed: Option<usize>, features: &[Vec<Number>]) -> Option<Self> {
        let (&least, &first) = of_sum.first_key_value()?;
        let (&most, &last) = of_sum.last_key_value()?;
        if most - least > MAX_SUM {
            return None;
        }
        // Zeros must stand at one end, and where gates close.
        let zero = closed.unwrap_or(first);
        let rises = match (first == zero, last == zero) {
            (true, _) => true,
            (false, true) => false,
            (false, false) => return None,
        };
        let points: Vec<(i64, usize)> = match rises {
            true => of_sum.into_iter().collect(),
            false => of_sum.into_iter().rev().map(|(s, r)| (-s, r)).collect(),
        };
        let columns: Vec<BTreeMap<i64, i64>> =
            features.iter().map(|f| bends(&points, f)).collect::<Option<_>>()?;
        let mut writes: BTreeMap<i64, Vec<(usize, Number)>> = BTreeMap::new();
        for (j, column) in columns.iter().enumerate() {
            for (at, bend) in column {
                writes.entry(*at).or_default().push((j, (*bend).into()));
            }
        }
        Some(Self { zero, sign: if rises { 1 } else { -1 }, end: points.last()?.0, writes })
    }
}

/// Where a function of an integer that is 0 at first bends, and by how much: `points` are the
/// integers that occur, with the places of their numbers. In a gap it goes straight if its slope is
/// an integer there; otherwise it stays, and jumps at the end.
fn bends(points: &[(i64, usize)], numbers: &[Number]) -> Option<BTreeMap<i64, i64>> {
    let mut bends: BTreeMap<i64, i64> = BTreeMap::new();
    let mut add = |at: i64, bend: i64| *bends.entry(at).or_default() += bend;
    for pair in points.windows(2) {
        let ((s, from), (t, to)) = (pair[0], pair[1]);
        let rise = numbers[to].to_i64()? - numbers[from].to_i64()?;
        let (start, slope) = if rise % (t - s) == 0 { (s, rise / (t - s)) } else { (t - 1, rise) };
        add(start, slope);
        add(t, -slope);
    }
    // Beyond the last point nothing is asked for.
    let end = points.last()?.0;
    bends.remove(&end);
    bends.retain(|_, bend| *bend != 0);
    let sum = |sum: i64, (at, bend): (&i64, &i64)| sum.checked_add(bend.abs().checked_mul(end - at)?);
    bends.iter().try_fold(0, sum).is_some_and(|sum| sum <= MAX_WRITTEN).then_some(bends)
}
