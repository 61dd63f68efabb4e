//! The reference meaning of every operation, with no cleverness.
//!
//! Everything else is measured against this file. An s-op whose value at some position has no
//! meaning (a division by zero, a mean of strings) fails the whole run: see [`Failure`].

use crate::ir::lower::MAX_LENGTH;
use crate::ir::{Graph, Node, Op, Program, SOpId, SelectorId, SelectorOp};
use crate::source::Span;
use crate::value::{Fault, Number, Value};

/// Which keys each query selects. Row = query, column = key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    n: usize,
    cells: Vec<bool>,
}

impl Matrix {
    /// How many keys a query selects.
    pub fn width(&self, query: usize) -> usize {
        self.selected(query).count()
    }

    /// The matrix with `f(query, key)` in each cell.
    pub fn try_new<E>(n: usize, mut f: impl FnMut(usize, usize) -> Result<bool, E>) -> Result<Self, E> {
        let mut cells = Vec::with_capacity(n * n);
        for q in 0..n {
            for k in 0..n {
                cells.push(f(q, k)?);
            }
        }
        Ok(Self { n, cells })
    }

    pub fn n(&self) -> usize {
        self.n
    }

    pub fn get(&self, query: usize, key: usize) -> bool {
        self.cells[query * self.n + key]
    }

    pub fn row(&self, query: usize) -> &[bool] {
        &self.cells[query * self.n..(query + 1) * self.n]
    }

    /// The selected keys of a query.
    pub fn selected(&self, query: usize) -> impl Iterator<Item = usize> {
        self.row(query).iter().enumerate().filter(|(_, s)| **s).map(|(k, _)| k)
    }
}

/// The first value that a run could not compute.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub fault: Fault,
    pub node: Node,
    pub position: usize,
}

/// Every s-op and selector that was evaluated, at every position.
#[derive(Clone, Debug)]
pub struct Trace {
    n: usize,
    sops: Vec<Option<Vec<Value>>>,
    selectors: Vec<Option<Matrix>>,
}

impl Trace {
    /// The number of positions.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The values of an s-op, if it was evaluated.
    pub fn sop(&self, id: SOpId) -> Option<&[Value]> {
        self.sops.get(id.index())?.as_deref()
    }

    pub fn selector(&self, id: SelectorId) -> Option<&Matrix> {
        self.selectors.get(id.index())?.as_ref()
    }

    fn values(&self, id: SOpId) -> &[Value] {
        self.sop(id).expect("operands are evaluated first")
    }

    fn matrix(&self, id: SelectorId) -> &Matrix {
        self.selector(id).expect("operands are evaluated first")
    }
}

/// What a run may keep in memory: a gigabyte.
const MAX_BYTES: usize = 1_000_000_000;

/// The greatest length on which `nodes` can be run: a selector takes a byte for every pair of
/// positions, an s-op a value for every position.
pub fn longest(nodes: &[Node]) -> usize {
    let bytes = |n: usize| {
        let of = |node: &Node| match node {
            Node::SOp(_) => n * size_of::<Value>(),
            Node::Selector(_) => n * n,
        };
        nodes.iter().map(of).sum::<usize>()
    };
    let (mut fits, mut beyond) = (1, MAX_LENGTH + 1);
    while beyond - fits > 1 {
        let middle = fits.midpoint(beyond);
        *(if bytes(middle) <= MAX_BYTES { &mut fits } else { &mut beyond }) = middle;
    }
    fits
}

/// Evaluates `nodes` (operands first, as [`Graph::live`] lists them) on one input.
///
/// `columns` holds one list per input column, all of the same length. In a causal run no query
/// selects a key behind it.
pub fn run(graph: &Graph, nodes: &[Node], columns: &[Vec<Value>], causal: bool) -> Result<Trace, Failure> {
    let n = columns.first().map_or(0, Vec::len);
    let mut trace = Trace { n, sops: vec![None; graph.len()], selectors: vec![None; graph.n_selectors()] };
    for &node in nodes {
        match node {
            Node::SOp(id) => {
                let value = |q| sop_at(&trace, &graph[id].op, columns, q);
                let values = (0..n).map(|q| value(q).map_err(|fault| Failure { fault, node, position: q }));
                trace.sops[id.index()] = Some(values.collect::<Result<_, _>>()?);
            }
            Node::Selector(id) => {
                let cell = |q, k| Ok((k <= q || !causal) && selects(&trace, &graph[id].op, q, k)?);
                let matrix = Matrix::try_new(n, |q, k| {
                    cell(q, k).map_err(|fault| Failure { fault, node, position: q })
                });
                trace.selectors[id.index()] = Some(matrix?);
            }
        }
    }
    Ok(trace)
}

/// The value of an s-op at position `q`.
fn sop_at(trace: &Trace, op: &Op, columns: &[Vec<Value>], q: usize) -> Result<Value, Fault> {
    match op {
        Op::Input(column) => Ok(columns[*column][q].clone()),
        Op::Indices => Ok(Value::Number(q.into())),
        Op::Const(value) => Ok(value.clone()),
        Op::Elementwise { f, args } => {
            let args: Vec<&Value> = args.iter().map(|&a| &trace.values(a)[q]).collect();
            f.apply(&args)
        }
        Op::Aggregate { selector, value, default } => {
            let values = trace.values(*value);
            mean(trace.matrix(*selector).selected(q).map(|k| &values[k]), default)
        }
        Op::Width { selector } => Ok(Value::Number(trace.matrix(*selector).width(q).into())),
    }
}

/// The default for no value, the value itself for one, the mean for several, which must be numbers.
pub fn mean<'a>(selected: impl Iterator<Item = &'a Value>, default: &Value) -> Result<Value, Fault> {
    let selected: Vec<&Value> = selected.collect();
    let count = selected.len();
    match selected.as_slice() {
        [] => Ok(default.clone()),
        [one] => Ok((*one).clone()),
        several => {
            let mut sum = Number::ZERO;
            for &value in several {
                let Value::Number(number) = value else {
                    return Err(Fault::AverageOf { value: value.clone(), count });
                };
                sum = sum.add(number)?;
            }
            sum.div(&count.into()).map(Value::Number)
        }
    }
}

/// Whether query `q` selects key `k`, masks aside.
fn selects(trace: &Trace, op: &SelectorOp, q: usize, k: usize) -> Result<bool, Fault> {
    match *op {
        SelectorOp::Select { key, query, op } => op.holds(&trace.values(key)[k], &trace.values(query)[q]),
        SelectorOp::And(a, b) => Ok(trace.matrix(a).get(q, k) && trace.matrix(b).get(q, k)),
        SelectorOp::Or(a, b) => Ok(trace.matrix(a).get(q, k) || trace.matrix(b).get(q, k)),
        SelectorOp::Not(a) => Ok(!trace.matrix(a).get(q, k)),
    }
}

/// A program, ready to be run on many inputs.
pub struct Interpreter<'p> {
    program: &'p Program,
    outputs: Vec<Node>,
    assumptions: Vec<Node>,
    longest: usize,
}

impl<'p> Interpreter<'p> {
    pub fn new(program: &'p Program) -> Self {
        let graph = &program.graph;
        let outputs = graph.live(program.outputs.iter().map(|o| Node::SOp(o.sop)));
        let assumptions = graph.live(program.assumptions.iter().map(|(sop, _)| Node::SOp(*sop)));
        let longest = longest(&outputs).min(longest(&assumptions));
        Self { program, outputs, assumptions, longest }
    }

    /// The greatest length on which the program can be run: see [`longest`].
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// How many cells the selectors have in a run on an input of length `n`: what it costs.
    pub fn cells(&self, n: usize) -> usize {
        let selectors = self.outputs.iter().filter(|node| matches!(node, Node::Selector(_))).count();
        n.saturating_mul(n).saturating_mul(selectors.max(1))
    }

    /// Every s-op and selector that the outputs depend on.
    pub fn trace(&self, columns: &[Vec<Value>]) -> Result<Trace, Failure> {
        run(&self.program.graph, &self.outputs, columns, self.program.causal)
    }

    /// The values of each output.
    pub fn outputs(&self, columns: &[Vec<Value>]) -> Result<Vec<Vec<Value>>, Failure> {
        let trace = self.trace(columns)?;
        Ok(self.program.outputs.iter().map(|o| trace.values(o.sop).to_vec()).collect())
    }

    /// The first assumption that an input breaks, if there is one. An assumption that fails on
    /// the input is broken too.
    pub fn broken_assumption(&self, columns: &[Vec<Value>]) -> Option<Span> {
        if self.assumptions.is_empty() {
            return None;
        }
        let trace = run(&self.program.graph, &self.assumptions, columns, self.program.causal);
        let holds = |sop| trace.as_ref().is_ok_and(|t| t.values(sop).iter().all(Value::truth));
        self.program.assumptions.iter().find(|(sop, _)| !holds(*sop)).map(|(_, span)| *span)
    }

    /// The positions at which an assumption does not hold; all of them if one fails on the input.
    pub fn broken_positions(&self, columns: &[Vec<Value>]) -> Vec<usize> {
        let n = columns.first().map_or(0, Vec::len);
        let trace = run(&self.program.graph, &self.assumptions, columns, self.program.causal);
        let holds = |q: usize| {
            let at = |t: &Trace| self.program.assumptions.iter().all(|(sop, _)| t.values(*sop)[q].truth());
            trace.as_ref().is_ok_and(at)
        };
        (0..n).filter(|&q| !holds(q)).collect()
    }
}
