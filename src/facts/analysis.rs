//! The pass over the graph, operands first.

use super::assume::Restrictions;
use super::depends::Depends;
use super::image::image;
use super::reason::Reason;
use super::set::{EXPLICIT_LIMIT, ValueSet};
use super::table::{Axis, Dim, Interner, MAX_STATES, NONE, Space, Table};
use super::width::Widths;
use super::{SOpFacts, SelectorFacts};
use crate::ir::{Graph, Node, Op, Program, SOpId, SelectorId};
use crate::value::{Compare, Elementwise, Kinds, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// How an analysis works: its limits, and rules that a test replaces by wrong ones, to see that
/// the wrong facts are noticed.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Steps that may be spent on enumeration in the whole program, at about a nanosecond each
    /// ([`cost`]). Half of them are dealt out evenly to the nodes, the other half goes to who comes
    /// first. What is left when they are spent is looked at by rule.
    pub fuel: usize,
    /// Whether `select(x, x, op)` selects the query itself.
    pub selects_itself: fn(Compare) -> bool,
    /// From the keys of `==` that differ at any two positions to the most that it selects.
    pub most_equal_keys: usize,
    /// Whether a mask hides keys, from whether the program is causal.
    pub masked: fn(bool) -> bool,
    /// The largest count of a mean, from the largest width.
    pub mean_count: fn(usize) -> usize,
}

impl Rules {
    pub const SOUND: Self = Self {
        fuel: 150_000_000,
        selects_itself: |op| match op {
            Compare::Eq | Compare::Le | Compare::Ge => true,
            Compare::Ne | Compare::Lt | Compare::Gt => false,
        },
        most_equal_keys: 1,
        masked: |causal| causal,
        mean_count: |width| width,
    };
}

/// What things cost in steps, measured on a machine of 2023 and rounded up.
pub(super) mod cost {
    /// To read a cell of a table.
    pub const CELL: usize = 8;
    /// To compare two values.
    pub const COMPARE: usize = 40;
    /// To look something up in a hash map.
    pub const HASH: usize = 100;
    /// To apply an operation to exact numbers and number the result.
    pub const APPLY: usize = 300;
    /// To take a member of a set into a lattice (a greatest common divisor), or to sort it in.
    pub const MEMBER: usize = 800;
}

/// Selectors of more parts than this are looked at by rule.
pub(super) const MAX_PARTS: usize = 64;

/// Tables over so many states are built without asking whether a smaller one would do.
const JOINT_STATES: usize = 1 << 12;

pub(super) struct Analysis<'p> {
    pub program: &'p Program,
    pub rules: Rules,
    pub assumed: &'p Restrictions,
    /// The lengths of declared inputs; `usize::MAX` alone if they are not declared.
    pub lengths: Vec<usize>,
    pub sops: Vec<SOpFacts>,
    pub selectors: Vec<SelectorFacts>,
    /// Lists of s-ops: no two positions of an input agree in all s-ops of a list.
    pub together: Vec<Vec<SOpId>>,
    /// What is left for all nodes, for each node, and for the node that is looked at.
    fuel: usize,
    share: usize,
    left_of_share: usize,
}

impl<'p> Analysis<'p> {
    /// Looks at some nodes, which are listed operands first.
    pub fn run(program: &'p Program, nodes: &[Node], assumed: &'p Restrictions, rules: Rules) -> Self {
        let lengths = match program.lengths {
            Some(l) => (l.min..=l.max).filter(|&n| assumed.has_length(n)).collect(),
            None => vec![usize::MAX],
        };
        let graph = &program.graph;
        let mut this = Self {
            program,
            rules,
            assumed,
            sops: graph.sop_ids().map(|id| SOpFacts::unknown(program, id)).collect(),
            selectors: Vec::new(),
            together: Vec::new(),
            lengths,
            fuel: rules.fuel / 2,
            share: rules.fuel / 2 / nodes.len().max(1),
            left_of_share: 0,
        };
        let widths = Widths::trivial(&this.lengths);
        this.selectors = vec![SelectorFacts::unknown(widths); graph.n_selectors()];
        for &node in nodes {
            this.left_of_share = this.share;
            match node {
                Node::SOp(id) => this.sops[id.index()] = this.sop(id),
                Node::Selector(id) => this.selectors[id.index()] = this.selector(id),
            }
        }
        this
    }

    pub fn graph(&self) -> &'p Graph {
        &self.program.graph
    }

    /// Whether the lengths are declared.
    pub fn has_lengths(&self) -> bool {
        self.program.lengths.is_some()
    }

    /// The greatest length of a declared input.
    pub fn max_length(&self) -> usize {
        self.lengths.iter().copied().max().unwrap_or(0)
    }

    pub fn table(&self, id: SOpId) -> Option<&Arc<Table>> {
        self.sops[id.index()].table.as_ref()
    }

    /// Whether an enumeration of so many steps may be done; if so, they are spent.
    pub fn spend(&mut self, steps: usize) -> bool {
        let from_all = steps.saturating_sub(self.left_of_share);
        let enough = from_all <= self.fuel;
        if enough {
            self.left_of_share = self.left_of_share.saturating_sub(steps);
            self.fuel -= from_all;
        }
        enough
    }

    /// The most members that one set may list now, so that it takes no more than a small part of
    /// what is left.
    pub fn explicit_limit(&self) -> usize {
        ((self.left_of_share + self.fuel / 16) / cost::MEMBER).min(EXPLICIT_LIMIT)
    }

    /// A set to compute with: the set, or all values of its types where its members cost too much.
    pub fn affordable(&mut self, set: &ValueSet) -> ValueSet {
        match self.spend(set.n_listed().saturating_mul(cost::MEMBER)) {
            true => set.clone(),
            false => ValueSet::Unbounded(set.kinds()),
        }
    }

    /// Pays for the members of a set that was computed.
    pub fn paid(&mut self, set: ValueSet) -> ValueSet {
        self.affordable(&set)
    }

    /// The axis of lengths.
    pub fn length_dim(&self) -> Dim {
        Dim { axis: Axis::Length, size: self.lengths.len(), ranges: None }
    }

    /// The axis of indices; `0 <= index < length`.
    pub fn index_dim(&self) -> Dim {
        let ranges = self.lengths.iter().map(|&n| (0, n as u32)).collect();
        Dim { axis: Axis::Index, size: self.max_length(), ranges: Some(ranges) }
    }

    fn sop(&mut self, id: SOpId) -> SOpFacts {
        let graph = self.graph();
        let mut facts = match &graph[id].op {
            Op::Input(column) => self.input(id, *column),
            Op::Indices => self.indices(id),
            Op::Const(value) => SOpFacts {
                table: Some(Arc::new(Table::constant(value.clone()))),
                ..SOpFacts::of(ValueSet::of([value.clone()]), Depends::default())
            },
            Op::Elementwise { f, args } => self.elementwise(id, f, args),
            Op::Aggregate { selector, value, default } => self.aggregate(id, *selector, *value, default),
            Op::Width { selector } => self.width(id, *selector),
        };
        if let Some(allowed) = self.assumed.values(id) {
            facts.restrict(allowed);
        }
        if let Some(table) = &facts.table {
            let many = table.values.len() > EXPLICIT_LIMIT;
            facts.values = if many && !self.spend(table.values.len().saturating_mul(cost::MEMBER)) {
                ValueSet::Unbounded(Kinds::of_all(table.values.iter()))
            } else {
                ValueSet::of_sorted(&table.values)
            };
        }
        if self.assumed.distinct(id) {
            facts.injective = Some(Reason::Assumed);
        }
        facts.injective = facts.injective.or_else(|| self.injective(facts.table.clone()?.as_ref()));
        if facts.permutation.is_none() && facts.injective.is_some() {
            facts.permutation = facts.table.clone().and_then(|table| self.permutation(&table));
        }
        facts
    }

    fn input(&self, id: SOpId, column: usize) -> SOpFacts {
        let domain = self.program.columns.get(column).and_then(|c| c.domain.as_ref());
        let depends = Depends { columns: [column].into(), ..Depends::default() };
        match domain {
            Some(domain) => {
                let mut values = domain.clone();
                values.sort_unstable();
                values.dedup();
                self.axis(id, values.into(), None, depends)
            }
            None => SOpFacts::of(ValueSet::Unbounded(self.graph()[id].kinds), depends),
        }
    }

    fn indices(&self, id: SOpId) -> SOpFacts {
        let depends = Depends { index: true, ..Depends::default() };
        let mut facts = SOpFacts::of(ValueSet::Unbounded(self.graph()[id].kinds), depends);
        if self.has_lengths() && self.max_length() <= MAX_STATES {
            facts.table = Some(Arc::new(self.index_table()));
        }
        facts.injective = Some(Reason::Index);
        facts.permutation = Some(Reason::Index);
        facts
    }

    /// The index as a table.
    pub fn index_table(&self) -> Table {
        let dim = self.index_dim();
        let values = (0..dim.size).map(|i| Value::Number(i.into())).collect();
        let cells = (0..dim.size as u32).collect();
        let mut table = Table { dims: vec![dim], values, cells };
        table.reduce();
        table
    }

    /// An s-op that is an axis of its own: one of some values, at each position anew.
    pub fn axis(
        &self,
        id: SOpId,
        values: Arc<[Value]>,
        ranges: Option<Arc<[(u32, u32)]>>,
        depends: Depends,
    ) -> SOpFacts {
        // Ranges count in `values`, which an assumption may thin out.
        let ranges = ranges.filter(|_| self.assumed.values(id).is_none());
        let values = match self.assumed.values(id) {
            Some(allowed) => values.iter().filter(|v| allowed.contains(*v)).cloned().collect(),
            None => values,
        };
        let set = ValueSet::of_sorted(&values);
        let table =
            (values.len() <= MAX_STATES).then(|| Arc::new(Table::axis(Axis::SOp(id), values, ranges)));
        SOpFacts { table, ..SOpFacts::of(set, depends) }
    }

    /// An s-op of which only a set of values is known.
    pub fn opaque(&self, id: SOpId, set: ValueSet, depends: Depends) -> SOpFacts {
        match set {
            ValueSet::Explicit(values) => self.axis(id, values, None, depends),
            ValueSet::Means(_) | ValueSet::Unbounded(_) => SOpFacts::of(set, depends),
        }
    }

    /// What a table's axes depend on.
    pub fn depends_of(&self, table: &Table) -> Depends {
        let mut depends = Depends::default();
        for axis in table.axes() {
            match axis {
                Axis::Length => depends.length = true,
                Axis::Index => depends.index = true,
                Axis::SOp(id) => depends.join(&self.sops[id.index()].depends),
            }
        }
        depends
    }

    fn elementwise(&mut self, id: SOpId, f: &Elementwise, args: &[SOpId]) -> SOpFacts {
        let sums =
            self.selected_sum(f, args).map(|sums| ValueSet::of_lattice(sums, [], self.explicit_limit()));
        let mut facts = self.by_values(id, f, args);
        match sums.map(|sums| self.paid(sums)) {
            Some(ValueSet::Explicit(sums)) if facts.table.is_some() => facts.restrict(&sums),
            Some(sums @ ValueSet::Explicit(_)) => facts = self.opaque(id, sums, facts.depends),
            Some(sums @ ValueSet::Means(_)) if facts.values.explicit().is_none() => facts.values = sums,
            Some(ValueSet::Means(_) | ValueSet::Unbounded(_)) | None => {}
        }
        facts
    }

    fn by_values(&mut self, id: SOpId, f: &Elementwise, args: &[SOpId]) -> SOpFacts {
        if let Some(table) = self.by_arguments(f, args) {
            let depends = self.depends_of(&table);
            return SOpFacts { table: Some(Arc::new(table)), ..SOpFacts::of(ValueSet::of([]), depends) };
        }
        let sets: Vec<ValueSet> =
            args.iter().map(|a| self.affordable(&self.sops[a.index()].values.clone())).collect();
        let set = image(f, &sets.iter().collect::<Vec<_>>(), self.explicit_limit());
        let set = self.paid(set);
        let mut depends = Depends::default();
        for arg in args {
            depends.join(&self.sops[arg.index()].depends);
        }
        self.opaque(id, set, depends)
    }

    /// The table over everything that the arguments are functions of, or over their values as if
    /// they had nothing in common.
    ///
    /// The first tells more, but it is left out where it is many times larger than both the
    /// arguments' tables and the second, as when two conditions on different neighbours meet.
    fn by_arguments(&mut self, f: &Elementwise, args: &[SOpId]) -> Option<Table> {
        let tables: Vec<Arc<Table>> = args.iter().map(|&a| self.table(a).cloned()).collect::<Option<_>>()?;
        let axis = |(&arg, table): (&SOpId, &Arc<Table>)| {
            Arc::new(Table::axis(Axis::SOp(arg), table.values.clone(), None))
        };
        let apart: Vec<Arc<Table>> = args.iter().zip(&tables).map(axis).collect();
        let size = |tables: &[Arc<Table>]| Space::of(tables.iter().map(|t| &**t)).size();
        let largest = tables.iter().map(|t| t.cells.len()).max().unwrap_or(1);
        let enough = JOINT_STATES.max(2 * largest).max(size(&apart));
        let joint = (size(&tables) <= enough).then(|| self.evaluate(f, &tables)).flatten();
        joint.or_else(|| self.evaluate(f, &apart))
    }

    fn evaluate(&mut self, f: &Elementwise, tables: &[Arc<Table>]) -> Option<Table> {
        let tables: Vec<&Table> = tables.iter().map(|t| &**t).collect();
        let space = Space::of(tables.iter().copied());
        let size = space.size();
        let combinations = tables.iter().fold(1_usize, |n, t| n.saturating_mul(t.values.len()));
        let cells = size.saturating_mul(tables.len() * cost::CELL);
        let applied = size.min(combinations).saturating_mul(cost::APPLY);
        if size > MAX_STATES || !self.spend(cells.saturating_add(applied)) {
            return None;
        }
        let mut interner = Interner::default();
        let mut results = Results::new(&tables);
        let mut cells = vec![NONE; size];
        space.walk(&tables, |state, _, ids| {
            cells[state] = results.get(ids, |values| interner.result(f.apply(values)));
        });
        Some(interner.table(space.dims, cells))
    }
}

/// What came out for the values that were seen before, so that each combination of values is
/// looked at once, however many states share it.
struct Results<'t> {
    tables: &'t [&'t Table],
    /// By the numbers of the values, counted like digits, if there are not too many.
    dense: Vec<Option<u32>>,
    sparse: HashMap<usize, u32>,
}

impl<'t> Results<'t> {
    fn new(tables: &'t [&'t Table]) -> Self {
        let combinations = tables.iter().fold(1_usize, |n, t| n.saturating_mul(t.values.len()));
        let dense = if combinations <= MAX_STATES { vec![None; combinations] } else { Vec::new() };
        Self { tables, dense, sparse: HashMap::new() }
    }

    fn get(&mut self, ids: &[u32], compute: impl FnOnce(&[&Value]) -> u32) -> u32 {
        // At most three arguments of at most 2^18 values each: 54 bits.
        let digits = ids.iter().zip(self.tables);
        let key = digits.fold(0, |key, (&id, t)| key * t.values.len() + id as usize);
        let compute = || {
            let values: Vec<&Value> =
                ids.iter().zip(self.tables).map(|(&id, t)| &t.values[id as usize]).collect();
            compute(&values)
        };
        match self.dense.get_mut(key) {
            Some(known) => *known.get_or_insert_with(compute),
            None => *self.sparse.entry(key).or_insert_with(compute),
        }
    }
}

impl SOpFacts {
    /// For an s-op that is not looked at.
    pub fn unknown(program: &Program, id: SOpId) -> Self {
        Self::of(ValueSet::Unbounded(program.graph[id].kinds), Depends::anything(program))
    }

    pub fn of(values: ValueSet, depends: Depends) -> Self {
        Self { values, depends, table: None, agreement: None, injective: None, permutation: None }
    }

    /// Leaves out the values that are not `allowed`, which is sorted.
    fn restrict(&mut self, allowed: &[Value]) {
        if let Some(table) = &mut self.table {
            Arc::make_mut(table).restrict(allowed);
        } else {
            self.values = ValueSet::of(allowed.iter().filter(|v| self.values.contains(v)).cloned());
        }
    }
}

impl SelectorFacts {
    pub fn unknown(widths: Widths) -> Self {
        Self {
            widths,
            by_query: None,
            itself: None,
            always: None,
            order: None,
            signs: None,
            fixed: Vec::new(),
            fixed_outside: Vec::new(),
        }
    }
}

/// The selectors that a selector is made of, itself last, operands first; at most so many.
pub(super) fn parts(graph: &Graph, selector: SelectorId, most: usize) -> Option<Vec<SelectorId>> {
    let mut seen = BTreeSet::new();
    let mut open = vec![selector];
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            open.extend(graph.operands(Node::Selector(id)).into_iter().filter_map(|node| match node {
                Node::Selector(part) => Some(part),
                Node::SOp(_) => None,
            }));
        }
        if seen.len() > most {
            return None;
        }
    }
    Some(seen.into_iter().collect())
}
