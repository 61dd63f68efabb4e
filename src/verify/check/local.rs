//! What can one position hold, of all s-ops, on inputs of one length?
//!
//! An s-op is a table of *variables*: the index, the input columns, and what attention gives. Tables
//! are made by the operations of [`crate::value`]; what depends on the length and the index alone
//! is computed by the interpreter. The values of a variable contain all that can occur:
//!
//! - of a selector width, every number within the bounds of [`super::pairs`];
//! - of an aggregate, what stands at keys that can be selected, its default where no key may be, and
//!   where several keys may be, every mean `Σ/k` of such numbers;
//! - of an s-op that the network holds and that depends on several variables, all that comes of
//!   these: it counts as a variable from there on.
//!
//! Inputs on which the program has no value, or which break an assumption, do not count: their cells
//! are empty, and states that contradict an assumption are passed over.

use super::pairs::{Bounds, Pairs};
use super::table::{Joint, Shape, Table};
use super::{Reason, Work};
use crate::interp;
use crate::ir::{Node, Op, Program, SOpId, SelectorId, SelectorOp};
use crate::value::{Elementwise, Number, Value};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::rc::Rc;

/// The variable of the index; those of the columns come next.
pub(super) const INDEX: usize = 0;

/// A variable with more values than this is not reasoned about.
const MAX_VALUES: usize = 1 << 12;

/// Which s-ops and widths the network is said to hold. These decide where tables are cut, and
/// nothing that is proved rests on them.
#[derive(Default)]
pub(super) struct Hints {
    pub sops: HashSet<SOpId>,
    pub widths: HashSet<SelectorId>,
}

/// What stands at the selected keys is averaged; the default stands where there are none.
#[derive(Clone)]
pub(super) struct Attended {
    pub selector: SelectorId,
    pub value: Rc<Table<Value>>,
    pub default: Value,
}

type Known<T> = Result<Rc<T>, Reason>;

/// What is known of a program on inputs of length `n`.
pub(super) struct Local<'p> {
    pub program: &'p Program,
    pub n: usize,
    hints: &'p Hints,
    pub(super) work: &'p Work,
    n_vars: usize,
    sops: HashMap<SOpId, Known<Table<Value>>>,
    pub(super) pairs: HashMap<SelectorId, Known<Pairs>>,
    pub(super) bounds: HashMap<SelectorId, Known<Bounds>>,
    widths: HashMap<SelectorId, Known<Table<Value>>>,
    attended: HashMap<SOpId, Attended>,
    /// What stood for an s-op before it became a variable.
    inner: HashMap<SOpId, Rc<Table<Value>>>,
    /// What is true of all positions.
    constraints: Vec<Table<bool>>,
    /// Selectors that select no other position than the query itself.
    pub(super) apart: Vec<SelectorId>,
}

/// The combinations of cells that can occur together at one position.
pub(super) struct States {
    joint: Joint,
    cells: Vec<usize>,
}

impl States {
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    pub fn place(&self, state: usize, shape: usize) -> usize {
        self.joint.place(self.cells[state], shape)
    }

    /// What `f` says of each state.
    pub fn table<T: Clone + Eq + Hash>(
        &self,
        mut f: impl FnMut(usize) -> Result<Option<T>, Reason>,
    ) -> Result<Table<T>, Reason> {
        let mut cells = vec![None; self.joint.size()];
        for (state, &cell) in self.cells.iter().enumerate() {
            cells[cell] = f(state)?;
        }
        Ok(Table::new(self.joint.shape.clone(), cells))
    }
}

impl<'p> Local<'p> {
    /// None if there is no input of this length on which the program has a value.
    pub fn new(
        program: &'p Program,
        hints: &'p Hints,
        work: &'p Work,
        n: usize,
    ) -> Result<Option<Self>, Reason> {
        let graph = &program.graph;
        let mut local = Self {
            program,
            n,
            hints,
            work,
            n_vars: 1 + program.columns.len(),
            sops: HashMap::new(),
            pairs: HashMap::new(),
            bounds: HashMap::new(),
            widths: HashMap::new(),
            attended: HashMap::new(),
            inner: HashMap::new(),
            constraints: Vec::new(),
            apart: Vec::new(),
        };
        let selectors = program.live().iter().filter(|node| matches!(node, Node::Selector(_))).count();
        work.spend(n * n * selectors)?;
        if !local.positional() {
            return Ok(None);
        }
        for node in graph.live(program.assumptions.iter().map(|(sop, _)| Node::SOp(*sop))) {
            local.add(node);
        }
        for (sop, _) in &program.assumptions {
            // An assumption that is not understood is not made use of.
            if let Ok(table) = local.sop(*sop) {
                let holds = table.map(|v| Some(v.truth()));
                if !holds.cells.iter().flatten().any(|holds| *holds) {
                    return Ok(None);
                }
                // It holds at every position: one index at which it cannot is enough.
                if holds.shape.vars().all(|var| var == INDEX) && holds.only() != Some(&true) {
                    return Ok(None);
                }
                local.constrain(holds);
            }
        }
        if !program.causal {
            local.find_apart();
        }
        for node in graph.live(program.outputs.iter().map(|o| Node::SOp(o.sop))) {
            local.add(node);
        }
        Ok(Some(local))
    }

    /// Computes everything that depends on the length and the index alone; false if that fails.
    fn positional(&mut self) -> bool {
        let graph = &self.program.graph;
        let mut known: HashSet<Node> = HashSet::new();
        let mut nodes = Vec::new();
        for node in self.program.live() {
            let input = matches!(node, Node::SOp(id) if matches!(graph[id].op, Op::Input(_)));
            if !input && graph.operands(node).iter().all(|o| known.contains(o)) {
                known.insert(node);
                nodes.push(node);
            }
        }
        let column = vec![vec![Value::Bool(false); self.n]];
        let Ok(trace) = interp::run(graph, &nodes, &column, self.program.causal) else { return false };
        for node in nodes {
            if let Node::SOp(id) = node
                && let Some(values) = trace.sop(id)
            {
                let table = Table::variable(INDEX, values.iter().cloned().map(Some));
                self.sops.insert(id, Ok(Rc::new(table)));
            }
        }
        true
    }

    /// The combinations of cells of several tables that can occur at one position.
    pub fn states(&self, shapes: &[&Shape]) -> Result<States, Reason> {
        let vars: HashSet<usize> = shapes.iter().flat_map(|s| s.vars()).collect();
        let known: Vec<&Table<bool>> =
            self.constraints.iter().filter(|c| c.shape.vars().all(|v| vars.contains(&v))).collect();
        let all: Vec<&Shape> = shapes.iter().copied().chain(known.iter().map(|c| &c.shape)).collect();
        let joint = Joint::new(&all).ok_or(Reason::TooManyTuples)?;
        self.work.spend(joint.size() * (1 + all.len()))?;
        let holds = |cell: &usize| {
            let mut constraints = known.iter().enumerate();
            constraints.all(|(i, c)| c.cells[joint.place(*cell, shapes.len() + i)] == Some(true))
        };
        let cells = (0..joint.size()).filter(holds).collect();
        Ok(States { joint, cells })
    }

    pub fn sop(&self, id: SOpId) -> Known<Table<Value>> {
        self.sops.get(&id).cloned().unwrap_or(Err(Reason::NotLive))
    }

    pub fn selector(&self, id: SelectorId) -> Known<Pairs> {
        self.pairs.get(&id).cloned().unwrap_or(Err(Reason::NotLive))
    }

    /// The s-op as a mean over one selector, if it is one.
    pub fn attended(&self, id: SOpId) -> Option<Attended> {
        match &self.program.graph[id].op {
            Op::Aggregate { selector, value, default } => {
                let (selector, value) = (*selector, self.sop(*value).ok()?);
                Some(Attended { selector, value, default: default.clone() })
            }
            _ => self.attended.get(&id).cloned(),
        }
    }

    /// An s-op as a table of what it is made of, and of the variable that it is, if it is one.
    pub fn inner(&self, id: SOpId) -> Option<&Rc<Table<Value>>> {
        self.inner.get(&id)
    }

    fn constrain(&mut self, holds: Table<bool>) {
        if holds.only() != Some(&true) || holds.cells.contains(&None) {
            self.constraints.push(holds);
        }
    }

    fn add(&mut self, node: Node) {
        match node {
            Node::SOp(id) if !self.sops.contains_key(&id) => {
                let table = self.table(id).map(Rc::new);
                self.sops.insert(id, table);
            }
            Node::Selector(id) if !self.pairs.contains_key(&id) => {
                let pairs = self.select(id).map(Rc::new);
                self.pairs.insert(id, pairs);
            }
            Node::SOp(_) | Node::Selector(_) => {}
        }
    }

    fn table(&mut self, id: SOpId) -> Result<Table<Value>, Reason> {
        match self.program.graph[id].op.clone() {
            Op::Input(column) => {
                let values = self.program.columns[column].domain.clone().unwrap_or_default();
                Ok(Table::variable(1 + column, values.into_iter().map(Some)))
            }
            Op::Indices | Op::Const(_) => Err(Reason::NotLive),
            Op::Elementwise { f, args } => {
                if self.hints.sops.contains(&id)
                    && let Some(mean) = self.mean_of_means(&f, &args)
                {
                    return self.attend(id, mean);
                }
                let tables = args.iter().map(|a| self.sop(*a)).collect::<Result<Vec<_>, _>>()?;
                let tables: Vec<&Table<Value>> = tables.iter().map(Rc::as_ref).collect();
                let table = self.combine(&tables, |values| Ok(f.apply(values).ok()))?;
                self.cut(id, table)
            }
            Op::Aggregate { value, .. } => {
                self.sop(value)?;
                self.attended(id).map_or(Err(Reason::NotLive), |attended| self.attend(id, attended))
            }
            Op::Width { selector } => {
                let table = (*self.width(selector)?).clone();
                self.cut(id, table)
            }
        }
    }

    /// A new variable with these values.
    fn variable(&mut self, values: BTreeSet<Value>) -> Result<Table<Value>, Reason> {
        if values.len() > MAX_VALUES {
            return Err(Reason::TooManyValues);
        }
        self.n_vars += 1;
        Ok(Table::variable(self.n_vars - 1, values.into_iter().map(Some)))
    }

    /// An s-op as a variable of its own, if the network holds it and it has several.
    fn cut(&mut self, id: SOpId, inner: Table<Value>) -> Result<Table<Value>, Reason> {
        if !self.hints.sops.contains(&id) || inner.shape.vars().count() < 2 {
            return Ok(inner);
        }
        let variable = self.variable(inner.cells.iter().flatten().cloned().collect())?;
        // Where its arguments are known too, so is the variable.
        if let Ok(same) = self.combine(&[&inner, &variable], |v| Ok(Some(v[0] == v[1]))) {
            self.constrain(same);
        }
        self.inner.insert(id, Rc::new(inner));
        Ok(variable)
    }

    /// A function of several tables.
    pub fn combine<T: Clone + Eq + Hash, U: Clone + Eq + Hash>(
        &self,
        tables: &[&Table<T>],
        f: impl Fn(&[&T]) -> Result<Option<U>, Reason>,
    ) -> Result<Table<U>, Reason> {
        let states = self.states(&tables.iter().map(|t| &t.shape).collect::<Vec<_>>())?;
        states.table(|state| {
            let args = tables.iter().enumerate().map(|(i, t)| t.cells[states.place(state, i)].as_ref());
            args.collect::<Option<Vec<_>>>().map_or(Ok(None), |args| f(&args))
        })
    }

    /// A sum or difference of means over one selector, or a multiple of one, is a mean over it.
    fn mean_of_means(&self, f: &Elementwise, args: &[SOpId]) -> Option<Attended> {
        let [a, b] = args else { return None };
        let first = self.attended.get(a)?;
        let (value, default) = match f {
            Elementwise::Add | Elementwise::Sub => {
                let second = self.attended.get(b).filter(|b| b.selector == first.selector)?;
                let value = self.combine(&[&first.value, &second.value], |v| Ok(f.apply(v).ok())).ok()?;
                (value, f.apply(&[&first.default, &second.default]).ok()?)
            }
            Elementwise::Mul | Elementwise::Div => {
                let Op::Const(by) = &self.program.graph[*b].op else { return None };
                let value = self.combine(&[&first.value], |v| Ok(f.apply(&[v[0], by]).ok())).ok()?;
                (value, f.apply(&[&first.default, by]).ok()?)
            }
            _ => return None,
        };
        let numbers = value.cells.iter().flatten().all(|v| matches!(v, Value::Number(_)));
        numbers.then(|| Attended { selector: first.selector, value: Rc::new(value), default })
    }

    /// The variable of a mean.
    fn attend(&mut self, id: SOpId, attended: Attended) -> Result<Table<Value>, Reason> {
        let pairs = self.selector(attended.selector)?;
        let bounds = self.bounds(attended.selector)?;
        let keys = self.states(&[&pairs.key, &attended.value.shape])?;
        self.work.spend(pairs.query.size() * keys.len())?;
        let mut values = BTreeSet::new();
        let (mut averaged, mut fewest, mut most) = (BTreeSet::new(), usize::MAX, 1);
        for (q, (min, max)) in bounds.reached() {
            if min == 0 {
                values.insert(attended.default.clone());
            }
            let class = |k: usize| pairs.key_class[keys.place(k, 0)];
            let selected = (0..keys.len()).filter(|&k| pairs.at(q, class(k)) == Some(true));
            let found: BTreeSet<&Value> =
                selected.filter_map(|k| attended.value.cells[keys.place(k, 1)].as_ref()).collect();
            let numbers = found.iter().filter(|v| matches!(v, Value::Number(_)));
            if min <= 1 && max >= 1 {
                values.extend(found.iter().map(|v| (*v).clone()));
            }
            if max >= 2 {
                match numbers.clone().count() {
                    1 => values.extend(numbers.map(|v| (*v).clone())),
                    _ => {
                        averaged.extend(numbers.filter_map(|v| v.number()));
                        (fewest, most) = (fewest.min(min.max(2)), most.max(max));
                    }
                }
            }
        }
        let mut sums = averaged.clone();
        for k in 2..=most {
            self.work.spend(sums.len() * averaged.len())?;
            let longer = |s: &Number| averaged.iter().map(|a| s.add(a).ok()).collect::<Vec<_>>();
            sums = sums.iter().flat_map(longer).collect::<Option<_>>().ok_or(Reason::TooManyValues)?;
            if sums.len() > MAX_VALUES {
                return Err(Reason::TooManyValues);
            }
            if k >= fewest {
                let means = sums.iter().map(|s| s.div(&k.into()).map(Value::Number));
                values.extend(means.collect::<Result<Vec<_>, _>>().map_err(|_| Reason::TooManyValues)?);
            }
        }
        self.attended.insert(id, attended);
        self.variable(values)
    }

    /// The width of a selector: a variable; or the sum of the widths of its sides, if the network
    /// holds these, and no pair is in both.
    pub fn width(&mut self, selector: SelectorId) -> Known<Table<Value>> {
        if let Some(known) = self.widths.get(&selector) {
            return known.clone();
        }
        let table = self.width_table(selector).map(Rc::new);
        self.widths.insert(selector, table.clone());
        table
    }

    fn width_table(&mut self, selector: SelectorId) -> Result<Table<Value>, Reason> {
        let pairs = self.selector(selector)?;
        let bounds = self.bounds(selector)?;
        if let SelectorOp::Or(a, b) = self.program.graph[selector].op
            && [a, b].iter().any(|side| self.hints.widths.contains(side))
            && self.selector(a)?.disjoint(&*self.selector(b)?) == Some(true)
        {
            let (a, b) = (self.width(a)?, self.width(b)?);
            let range = bounds.range();
            let add = |a: &Value, b: &Value| {
                let sum = a.number()?.add(&b.number()?).ok()?;
                range.contains(&(sum.to_i64()? as usize)).then_some(Value::Number(sum))
            };
            let sum = self.combine(&[&a, &b], |v| Ok(add(v[0], v[1])))?;
            self.constrain(sum.map(|_| Some(true)));
            return Ok(sum);
        }
        let width = self.variable(bounds.range().map(|d| Value::Number(d.into())).collect())?;
        // How wide it can be may depend on the query.
        let states = self.states(&[&pairs.query, &width.shape])?;
        let fits = states.table(|state| {
            let of_query = bounds.of(pairs.query_class[states.place(state, 0)]);
            let width = bounds.range().start() + states.place(state, 1);
            Ok(Some(of_query.is_some_and(|(min, max)| (min..=max).contains(&width))))
        })?;
        self.constrain(fits);
        Ok(width)
    }

    pub(super) fn widths_of(&self, selector: SelectorId) -> Option<&Known<Table<Value>>> {
        self.widths.get(&selector)
    }

    pub fn bounds(&mut self, selector: SelectorId) -> Known<Bounds> {
        if let Some(known) = self.bounds.get(&selector) {
            return known.clone();
        }
        let bounds = self.count(selector).map(Rc::new);
        self.bounds.insert(selector, bounds.clone());
        bounds
    }
}
