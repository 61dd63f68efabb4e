//! What can one position hold, of all s-ops, on inputs of one length?
//!
//! An s-op is a table of *variables*: the index, the input columns, and what attention gives. Tables
//! are made by the operations of [`crate::value`]; what depends on the length and the index alone
//! is computed by the interpreter. The values of a variable contain all that can occur:
//!
//! - of a selector width, every number within the bounds of [`super::pairs`];
//! - of an aggregate, what stands at keys that can be selected, its default where no key may be, and
//!   where several keys may be, every mean `Σ/k` of such numbers;
//! - of an s-op that the network is said to hold and that depends on several variables, all that comes of
//!   these: it counts as a variable from there on.
//!
//! Of what was seen when the program was run on all inputs ([`Seen`](super::Seen)), values that never occur
//! are left out.
//!
//! Inputs on which the program has no value, or which break an assumption, do not count: their cells
//! are empty, and states that contradict an assumption are passed over.

use super::pairs::{Bounds, Pair, Pairs};
use super::table::{Shape, States, Table};
use super::{Network, Reason};
use crate::interp;
use crate::ir::{Node, Op, SOpId, SelectorId, SelectorOp};
use crate::value::{Elementwise, Number, Value};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::rc::Rc;

/// The variable of the index; those of the columns come next.
pub(super) const INDEX: usize = 0;

/// A variable with more values than this is not reasoned about.
pub const MAX_VALUES: usize = 1 << 12;

/// What attention gives: the mean of what stands at the selected keys, or how many they are; the
/// default where there are none.
#[derive(Clone)]
pub(super) struct Attended {
    pub pairs: Rc<Pairs>,
    pub bounds: Rc<Bounds>,
    /// None for a width. A key may have no value of its own if it is never selected: then the program does
    /// not compute one.
    pub value: Option<Rc<Table<Option<Value>>>>,
    pub default: Value,
}

pub(super) type Known<T> = Result<Rc<T>, Reason>;

/// What is known of a program on inputs of length `n`.
pub(super) struct Local<'p> {
    pub network: &'p Network<'p>,
    pub n: usize,
    n_vars: usize,
    sops: HashMap<SOpId, Known<Table<Value>>>,
    pairs: HashMap<SelectorId, Known<Pairs>>,
    widths: HashMap<SelectorId, Known<Table<Value>>>,
    /// S-ops that are a mean of sums over one selector.
    means: HashMap<SOpId, Attended>,
    /// What stood for an s-op before it became a variable.
    pub inner: HashMap<SOpId, Rc<Table<Value>>>,
    /// What is true of all positions.
    constraints: Vec<Table<bool>>,
    /// Widths that assumptions speak of.
    pub assumed: Vec<(SOpId, SelectorId)>,
}

impl<'p> Local<'p> {
    /// None if there is no input of this length on which the program has a value.
    pub fn new(network: &'p Network<'p>, n: usize) -> Result<Option<Self>, Reason> {
        let program = network.program;
        let graph = &program.graph;
        let mut local = Self {
            network,
            n,
            n_vars: 1 + program.columns.len(),
            sops: HashMap::new(),
            pairs: HashMap::new(),
            widths: HashMap::new(),
            means: HashMap::new(),
            inner: HashMap::new(),
            constraints: Vec::new(),
            assumed: Vec::new(),
        };
        let selectors = program.live().iter().filter(|node| matches!(node, Node::Selector(_))).count();
        network.spend(n * n * selectors)?;
        if !local.positional() {
            return Ok(None);
        }
        let assumed = graph.live(program.assumptions.iter().map(|(sop, _)| Node::SOp(*sop)));
        assumed.iter().for_each(|node| local.add(*node));
        for (sop, _) in &program.assumptions {
            // An assumption that is not understood is not made use of.
            if let Ok(table) = local.sop(*sop) {
                let holds = table.map(Value::truth);
                // It holds at every position: one index at which it cannot is enough.
                let by_index = holds.shape.vars().all(|var| var == INDEX);
                if !holds.cells.contains(&Some(true)) || by_index && holds.only() != Some(&true) {
                    return Ok(None);
                }
                local.constrain(holds);
            }
        }
        let widths = assumed.iter().filter_map(|node| local.as_width(*node));
        let known = |(sop, of): &(_, _)| local.sop(*sop).is_ok() && local.selector(*of).is_ok();
        local.assumed = widths.filter(known).collect();
        for node in graph.live(program.outputs.iter().map(|o| Node::SOp(o.sop))) {
            local.add(node);
        }
        Ok(Some(local))
    }

    /// Computes everything that depends on the length and the index alone; false if that fails.
    fn positional(&mut self) -> bool {
        let graph = &self.network.program.graph;
        let mut known: HashSet<Node> = HashSet::new();
        let mut nodes = Vec::new();
        for node in self.network.program.live() {
            let input = matches!(node, Node::SOp(id) if matches!(graph[id].op, Op::Input(_)));
            if !input && graph.operands(node).iter().all(|o| known.contains(o)) {
                known.insert(node);
                nodes.push(node);
            }
        }
        let column = vec![vec![Value::Bool(false); self.n]];
        let Ok(trace) = interp::run(graph, &nodes, &column, self.network.program.causal) else {
            return false;
        };
        for node in nodes {
            if let Node::SOp(id) = node
                && let Some(values) = trace.sop(id)
            {
                let table = self.network.variable(INDEX, values.iter().cloned());
                self.sops.insert(id, table.map(Rc::new));
            }
        }
        true
    }

    /// The combinations of cells of several tables that can occur at one position.
    pub fn states(&self, shapes: &[&Shape]) -> Result<States, Reason> {
        let vars: HashSet<usize> = shapes.iter().flat_map(|s| s.vars()).collect();
        let known: Vec<&Table<bool>> =
            self.constraints.iter().filter(|c| c.shape.vars().all(|v| vars.contains(&v))).collect();
        States::new(shapes, &known, self.network.config.bos, |steps| self.network.spend(steps))
    }

    /// A function of several tables: of every state in which all of them have a value.
    pub fn combine<T: Clone + Eq + Hash, U: Clone + Eq + Hash>(
        &self,
        tables: &[&Table<T>],
        mut f: impl FnMut(&[&T]) -> Result<U, Reason>,
    ) -> Result<Table<U>, Reason> {
        self.states(&tables.iter().map(|t| &t.shape).collect::<Vec<_>>())?.table(|places| {
            let args = tables.iter().zip(places).map(|(table, place)| table.cells[*place].as_ref());
            args.collect::<Option<Vec<_>>>().map(|args| f(&args)).transpose()
        })
    }

    /// A function of two tables.
    pub fn join<A: Clone + Eq + Hash, B: Clone + Eq + Hash, U: Clone + Eq + Hash>(
        &self,
        a: &Table<A>,
        b: &Table<B>,
        mut f: impl FnMut(&A, &B) -> Result<U, Reason>,
    ) -> Result<Table<U>, Reason> {
        self.states(&[&a.shape, &b.shape])?.table(|places| {
            let args = a.cells[places[0]].as_ref().zip(b.cells[places[1]].as_ref());
            args.map(|(a, b)| f(a, b)).transpose()
        })
    }

    /// An operation of the program. Where it fails, the program has no value, so that no input that counts
    /// reaches the state.
    fn apply(&self, f: &Elementwise, args: &[&Table<Value>]) -> Result<Table<Value>, Reason> {
        let values = self.combine(args, |values| {
            self.network.spend(values.iter().map(|v| v.words()).sum::<usize>().pow(2) * 8)?;
            Ok(f.apply(values).ok())
        })?;
        Ok(values.without(Option::clone))
    }

    pub fn index(&self) -> Table<usize> {
        Table::variable(INDEX, 0..self.n, None)
    }

    pub fn sop(&self, id: SOpId) -> Known<Table<Value>> {
        self.sops.get(&id).cloned().unwrap_or(Err(Reason::NotLive))
    }

    pub fn selector(&self, id: SelectorId) -> Known<Pairs> {
        self.pairs.get(&id).cloned().unwrap_or(Err(Reason::NotLive))
    }

    /// A node as a width, if it is one, and its selector.
    pub fn as_width(&self, node: Node) -> Option<(SOpId, SelectorId)> {
        let Node::SOp(id) = node else { return None };
        let Op::Width { selector } = self.network.program.graph[id].op else { return None };
        Some((id, selector))
    }

    fn constrain(&mut self, holds: Table<bool>) {
        if holds.only() != Some(&true) || holds.cells.contains(&None) {
            self.constraints.push(holds);
        }
    }

    fn add(&mut self, node: Node) {
        match node {
            Node::SOp(id) if !self.sops.contains_key(&id) => {
                let (seen, n) = (self.network.seen, self.n);
                let table = self.table(id).map(|table| Rc::new(table.without(|v| seen.value(n, id, v))));
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
        match self.network.program.graph[id].op.clone() {
            Op::Input(column) => {
                let values = self.network.program.columns[column].domain.clone().unwrap_or_default();
                self.network.variable(1 + column, values)
            }
            Op::Indices | Op::Const(_) => Err(Reason::NotLive),
            Op::Elementwise { f, args } => {
                if self.network.is_told(Node::SOp(id))
                    && let Some(mean) = self.mean_of_means(&f, &args)
                    && let Ok(values) = self.means(id, &mean)
                {
                    self.means.insert(id, mean);
                    return self.variable(values);
                }
                let tables = args.iter().map(|a| self.sop(*a)).collect::<Result<Vec<_>, _>>()?;
                let table = self.apply(&f, &tables.iter().map(Rc::as_ref).collect::<Vec<_>>())?;
                self.cut(id, table)
            }
            Op::Aggregate { .. } => {
                let values = self.means(id, &self.attended(id)?)?;
                self.variable(values)
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
        self.network.variable(self.n_vars - 1, values)
    }

    /// An s-op as a variable of its own, if the network is said to hold it and it has several.
    fn cut(&mut self, id: SOpId, inner: Table<Value>) -> Result<Table<Value>, Reason> {
        if !self.network.is_told(Node::SOp(id)) || inner.shape.vars().count() < 2 {
            return Ok(inner);
        }
        let variable = self.variable(inner.cells.iter().flatten().cloned().collect())?;
        // Where its arguments are known too, so is the variable.
        if let Ok(same) = self.combine(&[&inner, &variable], |v| Ok(v[0] == v[1])) {
            self.constrain(same);
        }
        self.inner.insert(id, Rc::new(inner));
        Ok(variable)
    }

    /// What an s-op is over a selector, if it is a mean, a width, or a sum of means.
    pub fn attended(&self, id: SOpId) -> Result<Attended, Reason> {
        match self.network.program.graph[id].op.clone() {
            Op::Aggregate { selector, value, default } => {
                let value = Some(Rc::new(self.sop(value)?.map(|value| Some(value.clone()))));
                Ok(Attended { value, default, ..self.counted(selector)? })
            }
            Op::Width { selector } => self.counted(selector),
            _ => self.means.get(&id).cloned().ok_or(Reason::Untold),
        }
    }

    /// The width of a selector, as what attention gives.
    pub fn counted(&self, selector: SelectorId) -> Result<Attended, Reason> {
        let pairs = self.selector(selector)?;
        let bounds = pairs.bounds.get_or_init(|| self.count(selector).map(Rc::new)).clone()?;
        Ok(Attended { pairs, bounds, value: None, default: Value::int(0) })
    }

    /// A sum or difference of means over one selector, or a multiple of one, is a mean over it. The
    /// program does not compute it key by key: of a key for which that fails nothing is known.
    fn mean_of_means(&self, f: &Elementwise, args: &[SOpId]) -> Option<Attended> {
        let [a, b] = args else { return None };
        let first = self.attended(*a).ok()?;
        let (second, default) = match f {
            Elementwise::Add | Elementwise::Sub => {
                let second = self.attended(*b).ok().filter(|b| Rc::ptr_eq(&b.pairs, &first.pairs))?;
                (second.value?, second.default)
            }
            Elementwise::Mul | Elementwise::Div => {
                let Op::Const(by) = &self.network.program.graph[*b].op else { return None };
                (Rc::new(self.sop(*b).ok()?.map(|by| Some(by.clone()))), by.clone())
            }
            _ => return None,
        };
        let number = |value: Value| Some(value).filter(|value| matches!(value, Value::Number(_)));
        let each = |values: &[&Option<Value>]| {
            let (Some(a), Some(b)) = (values[0], values[1]) else { return Ok(None) };
            self.network.spend((a.words() + b.words()).pow(2) * 8)?;
            Ok(f.apply(&[a, b]).ok().and_then(number))
        };
        let value = self.combine(&[first.value.as_deref()?, &*second], each).ok()?;
        let default = f.apply(&[&first.default, &default]).ok()?;
        Some(Attended { value: Some(Rc::new(value)), default, ..first })
    }

    /// All values of a mean.
    fn means(&self, id: SOpId, attended: &Attended) -> Result<BTreeSet<Value>, Reason> {
        if let Some(seen) = self.network.seen.values(self.n, id) {
            return Ok(seen.clone());
        }
        let Attended { pairs, bounds, value: Some(value), default } = attended else {
            return Err(Reason::Untold);
        };
        let keys = self.states(&[&pairs.key.shape, &value.shape])?;
        let key = |places: &[usize]| Some((pairs.key.cells[places[0]]?, value.cells[places[1]].as_ref()?));
        let keys: BTreeSet<(usize, &Option<Value>)> = keys.iter().filter_map(key).collect();
        let mut values = BTreeSet::new();
        let (mut averaged, mut fewest, mut most) = (BTreeSet::new(), usize::MAX, 1);
        for (q, (min, max)) in bounds.reached() {
            self.network.spend(keys.len() * 8)?;
            if min == 0 {
                values.insert(default.clone());
            }
            let selected = keys.iter().filter(|(class, _)| pairs.at(q, *class) == Pair::Selected);
            let found: Option<BTreeSet<&Value>> = selected.map(|(_, value)| value.as_ref()).collect();
            let found = found.ok_or(Reason::NoValue)?;
            if min <= 1 && max >= 1 {
                values.extend(found.iter().map(|v| (*v).clone()));
            }
            // Only numbers have a mean.
            let numbers = found.iter().filter(|value| matches!(value, Value::Number(_)));
            let numbers: Vec<Number> = numbers.filter_map(|value| value.number()).collect();
            match numbers.len() {
                _ if max < 2 => {}
                1 => values.extend(numbers.into_iter().map(Value::Number)),
                _ => {
                    averaged.extend(numbers);
                    (fewest, most) = (fewest.min(min.max(2)), most.max(max));
                }
            }
        }
        let mut sums = averaged.clone();
        for k in 2..=most {
            let words = |numbers: &BTreeSet<Number>| numbers.iter().map(Number::words).max().unwrap_or(0);
            let each = (words(&sums) + words(&averaged)).pow(2) * 8;
            self.network.spend((sums.len() * averaged.len()).saturating_mul(each))?;
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
        Ok(values)
    }

    /// The width of a selector: a variable; or the sum of the widths of its sides, if the network is
    /// said to hold these, and no pair is in both.
    pub fn width(&mut self, selector: SelectorId) -> Known<Table<Value>> {
        if !self.widths.contains_key(&selector) {
            let table = self.width_table(selector).map(Rc::new);
            self.widths.insert(selector, table);
        }
        self.widths[&selector].clone()
    }

    fn width_table(&mut self, selector: SelectorId) -> Result<Table<Value>, Reason> {
        let Attended { pairs, bounds, .. } = self.counted(selector)?;
        let range = bounds.range();
        if let SelectorOp::Or(a, b) = self.network.program.graph[selector].op
            && [a, b].iter().any(|side| self.network.is_told(Node::Selector(*side)))
            && !self.both(a, b, |a, b| a && b)?.cells.iter().flatten().any(|pair| *pair == Pair::Selected)
        {
            let (a, b) = (self.width(a)?, self.width(b)?);
            let sum = self.apply(&Elementwise::Add, &[&a, &b])?;
            let sum = sum.without(|sum| width_of(sum).filter(|w| range.contains(w)).map(|_| sum.clone()));
            self.constrain(sum.map(|_| true));
            return Ok(sum);
        }
        let width = self.variable(range.map(|d| Value::Number(d.into())).collect())?;
        // How wide it can be may depend on the query.
        let fits = self.join(&pairs.query, &width, |query, width| {
            let within = |(min, max)| width_of(width).is_some_and(|w| (min..=max).contains(&w));
            Ok(bounds.of_class[*query].is_some_and(within))
        })?;
        self.constrain(fits);
        Ok(width)
    }
}

pub(super) fn width_of(value: &Value) -> Option<usize> {
    value.number()?.to_i64()?.try_into().ok()
}
