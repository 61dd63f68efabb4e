//! How is each s-op computed, and which s-ops must stand in the residual stream?
//!
//! A forward pass writes every s-op as a table of bases; a backward pass from the outputs then
//! finds the bases that are read, and what each reader tells apart.

use super::arithmetic::{add, gamma, manageable, mul, power_of_two, rounding};
use super::view::View;
use super::{Atom, Base, Column, Fact, Partition, PlanError, Scoring, Tuple};
use crate::facts::{Facts, ValueSet};
use crate::ir::{Lengths, Node, Op, Program, SOpId, SelectorId};
use crate::source::Span;
use crate::value::{Kind, Kinds, Number, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The largest table that is built: one neuron per tuple, so a quarter of a million of them make
/// no network that anyone would run.
const MAX_TUPLES: usize = 1 << 16;

/// A table up to this size is not worth a layer of its own for what it reads.
const SMALL_TABLE: usize = 64;

/// A program whose s-ops are assigned to heads and neurons, but to no layer yet.
pub(super) struct Lowered {
    pub lengths: Lengths,
    pub columns: Vec<Column>,
    /// The input columns and indices that are read, and their values.
    pub inputs: BTreeMap<Base, Arc<[Value]>>,
    /// The s-ops that are computed, operands first.
    pub computed: BTreeMap<SOpId, Lowering>,
    pub outputs: Vec<Reading>,
}

/// What computes an s-op.
pub(super) enum Lowering {
    Table { args: Vec<Partition>, tuples: Vec<Tuple>, values: Arc<[Value]> },
    Attend(Attend),
}

/// A head with one output.
pub(super) struct Attend {
    pub selector: SelectorId,
    pub scoring: Scoring,
    pub bos: BosLevel,
    pub facts: Vec<Fact>,
    pub result: Attended,
}

/// How the BOS key scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BosLevel {
    /// Like a key that is not selected.
    Out,
    /// Between the two: it is attended to where nothing is selected.
    Half,
    /// Like a selected key.
    Selected,
}

pub(super) enum Attended {
    /// `bound` is 0, or the code is cleaned before anyone reads it.
    OneHot {
        value: Partition,
        default: Option<usize>,
        values: Arc<[Value]>,
        bound: Number,
    },
    Mean {
        value: Partition,
        numbers: Vec<Number>,
        default: Option<Number>,
        bound: Number,
        read: Steps,
    },
    Share {
        bound: Number,
        read: Steps,
    },
}

/// Which of the sorted values of a number are told apart: those before each cut from those after.
pub(super) struct Steps {
    pub values: Arc<[Value]>,
    pub cuts: Vec<usize>,
}

pub(super) enum Reading {
    Categorical { code: Partition, values: Vec<Value> },
    Numeric { sop: SOpId, values: ValueSet },
}

/// The state of both passes.
pub(super) struct Lower<'a> {
    pub(super) program: &'a Program,
    facts: &'a Facts,
    lengths: Lengths,
    views: HashMap<SOpId, Result<View, PlanError>>,
    /// The views of s-ops that became bases of their own.
    tables: HashMap<SOpId, View>,
    needed: BTreeSet<Base>,
    cuts: HashMap<SOpId, BTreeSet<usize>>,
}

pub(super) fn lower(program: &Program, facts: &Facts) -> Result<Lowered, Vec<PlanError>> {
    let mut lower = Lower {
        program,
        facts,
        lengths: declared(program)?,
        views: HashMap::new(),
        tables: HashMap::new(),
        needed: BTreeSet::new(),
        cuts: HashMap::new(),
    };
    for node in program.graph.live(program.outputs.iter().map(|o| Node::SOp(o.sop))) {
        if let Node::SOp(id) = node {
            let view = lower.forward(id);
            lower.views.insert(id, view);
        }
    }
    lower.backward()
}

/// The declared lengths, if those and the domains of all columns that are read are declared.
fn declared(program: &Program) -> Result<Lengths, Vec<PlanError>> {
    let live = program.graph.live(program.outputs.iter().map(|o| Node::SOp(o.sop)));
    let mut errors = Vec::new();
    for (i, column) in program.columns.iter().enumerate().filter(|(_, c)| c.domain.is_none()) {
        let reads = |node: &&Node| matches!(node, Node::SOp(id) if program.graph[*id].op == Op::Input(i));
        let node = live.iter().find(reads).or(live.last());
        let span = column.span.or(node.map(|&n| program.graph.origin(n).span));
        errors.extend(span.map(|span| PlanError::NoDomain { column: column.name.clone(), span }));
    }
    match (program.lengths, program.outputs.first()) {
        (Some(lengths), _) if errors.is_empty() => return Ok(lengths),
        (None, Some(output)) => errors.push(PlanError::NoLength { span: output.span }),
        (Some(_), _) | (None, None) => {}
    }
    Err(errors)
}

impl Lower<'_> {
    fn span(&self, sop: SOpId) -> Span {
        self.program.graph[sop].origin.span
    }

    fn view(&self, sop: SOpId) -> Result<&View, PlanError> {
        self.views[&sop].as_ref().map_err(PlanError::clone)
    }

    /// An s-op as a table of bases.
    fn forward(&mut self, id: SOpId) -> Result<View, PlanError> {
        let known = self.facts.values(id).explicit();
        if let Some([value]) = known {
            return Ok(View::constant(value.clone()));
        }
        if let Some(view) = self.by_index(id) {
            return Ok(view);
        }
        let mut view = match &self.program.graph[id].op {
            Op::Input(column) => {
                let domain = self.program.columns[*column].domain.as_deref().unwrap_or_default();
                View::base(Base::Column(*column), domain)
            }
            Op::Indices => View::base(Base::Index, &self.indices()),
            Op::Const(value) => View::constant(value.clone()),
            Op::Elementwise { f, args } => {
                let args = self.arguments(id, args)?;
                View::combine(&args.iter().collect::<Vec<_>>(), |values| f.apply(values))
            }
            Op::Aggregate { .. } | Op::Width { .. } => View::base(Base::SOp(id), &self.attended_values(id)?),
        };
        if let Some(known) = known {
            view.restrict(|v| known.binary_search(v).is_ok());
        }
        if view.cells.iter().all(Option::is_none) {
            return Err(PlanError::NoValue { span: self.span(id) });
        }
        Ok(view)
    }

    fn indices(&self) -> Vec<Value> {
        (0..self.lengths.max).map(|i| Value::Number(i.into())).collect()
    }

    /// An s-op that depends on the index alone, as a table of it.
    fn by_index(&self, id: SOpId) -> Option<View> {
        let depends = self.facts.depends(id);
        if !depends.position_alone() || depends.length {
            return None;
        }
        let at = |i: usize| {
            let lengths = self.lengths.min.max(i + 1)..=self.lengths.max;
            lengths.into_iter().find_map(|n| self.facts.at(id, i, n)).cloned()
        };
        let cells: Vec<Option<Value>> = (0..self.lengths.max).map(at).collect();
        cells.iter().any(Option::is_some).then(|| View::table(Base::Index, cells))
    }

    /// The views of an operation's arguments. An argument of several bases becomes a base where
    /// that takes fewer neurons than to look through it, unless those are few anyway.
    fn arguments(&mut self, id: SOpId, args: &[SOpId]) -> Result<Vec<View>, PlanError> {
        let views: Vec<View> = args.iter().map(|&a| self.view(a).cloned()).collect::<Result<_, _>>()?;
        let through = View::combined_size(&views.iter().collect::<Vec<_>>());
        let deep: BTreeSet<SOpId> =
            args.iter().zip(&views).filter(|(_, v)| v.args.len() > 1).map(|(&a, _)| a).collect();
        let bases: Vec<View> = args
            .iter()
            .zip(&views)
            .map(|(&a, v)| if deep.contains(&a) { View::base(Base::SOp(a), &v.values()) } else { v.clone() })
            .collect();
        let after = View::combined_size(&bases.iter().collect::<Vec<_>>());
        let first: usize = deep.iter().map(|a| self.view(*a).map_or(0, |v| v.cells.len())).sum();
        let worth_a_layer = through > first.saturating_add(after).max(SMALL_TABLE);
        let (views, tuples) = match deep.is_empty() || !worth_a_layer {
            true => (views, through),
            false => {
                for a in deep {
                    self.become_base(a)?;
                }
                (bases, after)
            }
        };
        if tuples > MAX_TUPLES {
            return Err(PlanError::TooManyTuples { span: self.span(id), tuples, limit: MAX_TUPLES });
        }
        Ok(views)
    }

    fn become_base(&mut self, id: SOpId) -> Result<View, PlanError> {
        let view = self.view(id)?.clone();
        let base = View::base(Base::SOp(id), &view.values());
        self.tables.insert(id, view);
        self.views.insert(id, Ok(base.clone()));
        Ok(base)
    }

    /// An s-op as a table of one base, or a constant.
    pub(super) fn single(&mut self, id: SOpId) -> Result<View, PlanError> {
        let view = self.view(id)?;
        if view.args.len() > 1 { self.become_base(id) } else { Ok(view.clone()) }
    }

    /// The values of an aggregate or a selector width, sorted.
    fn attended_values(&mut self, id: SOpId) -> Result<Vec<Value>, PlanError> {
        if let Some(values) = self.facts.values(id).explicit() {
            return Ok(values.to_vec());
        }
        match &self.program.graph[id].op {
            Op::Width { selector } => {
                let width = self.facts.width(*selector);
                let max = width.max.min(self.lengths.max);
                Ok((width.min..=max).map(|d| Value::Number(d.into())).collect())
            }
            Op::Aggregate { selector, value, default } if !self.is_mean(id)? => {
                let mut values = self.view(*value)?.values();
                if self.facts.width(*selector).min == 0 {
                    values.push(default.clone());
                }
                values.sort();
                values.dedup();
                Ok(values)
            }
            _ => Err(PlanError::TooManyValues { span: self.span(id), kinds: self.program.graph[id].kinds }),
        }
    }

    /// Whether an s-op is an aggregate that may average several different values.
    fn is_mean(&self, id: SOpId) -> Result<bool, PlanError> {
        let Op::Aggregate { selector, value, .. } = self.program.graph[id].op else { return Ok(false) };
        let numbers = Kinds::of_all(&self.view(value)?.values()).contains(Kind::Number);
        let one = self.facts.width(selector).at_most_one() || self.facts.agreement(id).is_some();
        Ok(numbers && !one)
    }

    /// Notes that a reader tells the classes of a partition apart.
    fn need(&mut self, partition: &Partition) {
        let Some(base) = partition.base else { return };
        self.needed.insert(base);
        if let Base::SOp(id) = base {
            let cuts = self.cuts.entry(id).or_default();
            let mut before = None;
            for (i, class) in partition.class.iter().enumerate() {
                if class.is_some() {
                    if before.is_some() && before != *class {
                        cuts.insert(i);
                    }
                    before = *class;
                }
            }
        }
    }

    fn backward(mut self) -> Result<Lowered, Vec<PlanError>> {
        let mut errors = Vec::new();
        let mut outputs = Vec::new();
        for output in &self.program.outputs {
            match self.reading(output.sop) {
                Ok(reading) => outputs.push(reading),
                Err(error) => errors.push(error),
            }
        }
        let mut inputs = BTreeMap::new();
        let mut computed = BTreeMap::new();
        // Whatever reads an s-op stands behind it, so its readers are all known when it is popped.
        while let Some(base) = self.needed.pop_last() {
            match base {
                Base::Column(column) => {
                    let domain = self.program.columns[column].domain.as_deref().unwrap_or_default();
                    inputs.insert(base, domain.into());
                }
                Base::Index => {
                    inputs.insert(base, self.indices().into());
                }
                Base::SOp(id) => match self.compute(id) {
                    Ok(lowering) => {
                        computed.insert(id, lowering);
                    }
                    Err(error) => errors.push(error),
                },
            }
        }
        errors.dedup();
        if !errors.is_empty() {
            return Err(errors);
        }
        let column = |c: &crate::ir::Column| Column {
            name: c.name.clone(),
            vocabulary: c.domain.clone().unwrap_or_default(),
        };
        let columns = self.program.columns.iter().map(column).collect();
        Ok(Lowered { lengths: self.lengths, columns, inputs, computed, outputs })
    }

    fn reading(&mut self, id: SOpId) -> Result<Reading, PlanError> {
        let constant =
            self.view(id).is_ok_and(|v| v.args.first().is_none_or(|a| a.base == Some(Base::Index)));
        if !constant && self.is_mean(id)? {
            self.needed.insert(Base::SOp(id));
            return Ok(Reading::Numeric { sop: id, values: self.facts.values(id).clone() });
        }
        let view = self.single(id)?;
        let (code, values) = self.coded(&view, &view.values());
        self.need(&code);
        Ok(Reading::Categorical { code, values: values.to_vec() })
    }

    /// A view of one base at most, with each class named by its place in `values`.
    fn coded(&self, view: &View, values: &[Value]) -> (Partition, Arc<[Value]>) {
        let place = |v: &Option<Value>| Some(values.binary_search(v.as_ref()?).ok()? as u32);
        let names: Vec<Option<u32>> = view.cells.iter().map(place).collect();
        let partition = match view.args.first() {
            Some(arg) if names.iter().flatten().count() > 1 => arg.merge(&names, values.len()),
            _ => Partition::constant().merge(&[names.into_iter().flatten().next()], values.len()),
        };
        (partition, values.into())
    }

    fn compute(&mut self, id: SOpId) -> Result<Lowering, PlanError> {
        if let Some(view) = self.tables.get(&id) {
            let view = view.clone();
            view.args.iter().for_each(|arg| self.need(arg));
            let values: Arc<[Value]> = view.values().into();
            let tuples = view.tuples(&values);
            return Ok(Lowering::Table { args: view.args, tuples, values });
        }
        let attend = match self.program.graph[id].op.clone() {
            Op::Aggregate { selector, value, default } => self.aggregate(id, selector, value, &default)?,
            Op::Width { selector } => self.width(id, selector)?,
            Op::Input(_) | Op::Indices | Op::Const(_) | Op::Elementwise { .. } => {
                unreachable!("only results of attention and tables are bases")
            }
        };
        Ok(Lowering::Attend(attend))
    }

    /// The conjunction of atoms that a selector is, with the facts that make it simpler.
    fn scoring(&mut self, selector: SelectorId, facts: &mut Vec<Fact>) -> Result<Scoring, PlanError> {
        if self.facts.always(selector).is_some() {
            facts.push(Fact::Always);
            return Ok(Scoring::All(Vec::new()));
        }
        let atoms: Vec<Atom> = self.atoms(selector)?;
        for atom in &atoms {
            self.need(&atom.key);
            self.need(&atom.query);
        }
        Ok(Scoring::All(atoms))
    }

    fn aggregate(
        &mut self,
        id: SOpId,
        selector: SelectorId,
        value: SOpId,
        default: &Value,
    ) -> Result<Attend, PlanError> {
        let mut facts = Vec::new();
        let width = self.facts.width(selector);
        let may_be_empty = !width.at_least_one();
        if !may_be_empty {
            facts.push(Fact::WidthAtLeastOne);
        }
        let bos = if may_be_empty { BosLevel::Half } else { BosLevel::Out };
        let mean = self.is_mean(id)?;
        let scoring = self.scoring(selector, &mut facts)?;
        let view = self.single(value)?;
        let most = width.max.min(self.lengths.max);
        let result = if mean {
            self.mean(id, &view, may_be_empty.then_some(default), most)?
        } else {
            let values = self.attended_values(id)?;
            let (value, values) = self.coded(&view, &values);
            self.need(&value);
            let default = may_be_empty.then(|| values.binary_search(default).ok()).flatten();
            let agreement = self.facts.agreement(id).is_some();
            let bound = match (width.at_most_one(), agreement) {
                (true, _) => {
                    facts.push(Fact::WidthAtMostOne);
                    Number::ZERO
                }
                // k copies of fl(1/k) miss 1 by γ_(k+1) at most.
                (false, true) => {
                    facts.push(Fact::Agreement);
                    gamma(most + 1)
                }
                (false, false) => {
                    facts.push(Fact::NoMean);
                    Number::ZERO
                }
            };
            Attended::OneHot { value, default, values, bound }
        };
        Ok(Attend { selector, scoring, bos, facts, result })
    }

    fn mean(
        &mut self,
        id: SOpId,
        view: &View,
        default: Option<&Value>,
        most: usize,
    ) -> Result<Attended, PlanError> {
        let (span, kinds) = (self.span(id), self.program.graph[id].kinds);
        let number = |v: &Value| match v {
            Value::Number(n) if manageable(n) => Ok(n.clone()),
            Value::Number(n) => Err(PlanError::UnwieldyNumber { span, number: n.clone() }),
            Value::Bool(_) | Value::Str(_) => Err(PlanError::MixedMean { span, kinds }),
        };
        let numbers: Vec<Number> = view.cells.iter().flatten().map(number).collect::<Result<_, _>>()?;
        let default = default.map(number).transpose()?;
        let cuts: Vec<usize> = self.cuts.remove(&id).unwrap_or_default().into_iter().collect();
        let values: Arc<[Value]> = match cuts.is_empty() {
            true => Arc::new([]),
            false => self.attended_values(id)?.into(),
        };
        values.iter().map(number).collect::<Result<Vec<_>, _>>()?;
        let all = || numbers.iter().chain(&default);
        let largest = all().map(Number::abs).max().unwrap_or(Number::ZERO);
        let rounded = all().map(rounding).max().unwrap_or(Number::ZERO);
        // γ_k for the sum, and one unit each for the weights, the numbers and, in the row of BOS,
        // the default less what BOS holds already.
        let bound = add(&mul(&gamma(most + 4), &largest), &mul(&2i64.into(), &rounded));
        let value = view.args.first().cloned().unwrap_or_else(Partition::constant);
        self.need(&value);
        Ok(Attended::Mean { value, numbers, default, bound, read: Steps { values, cuts } })
    }

    fn width(&mut self, id: SOpId, selector: SelectorId) -> Result<Attend, PlanError> {
        let width = self.facts.width(selector);
        let values: Arc<[Value]> = self.attended_values(id)?.into();
        if self.facts.always(selector).is_some() && !self.program.causal {
            let indices = Partition::finest(Base::Index, self.lengths.max);
            let place = |i: usize| values.binary_search(&Value::Number((i + 1).into())).ok();
            let names: Vec<Option<u32>> = (0..self.lengths.max).map(|i| place(i).map(|p| p as u32)).collect();
            self.need(&indices);
            let value = indices.merge(&names, values.len());
            let result = Attended::OneHot { value, default: None, values, bound: Number::ZERO };
            let facts = vec![Fact::Always];
            return Ok(Attend { selector, scoring: Scoring::Last, bos: BosLevel::Out, facts, result });
        }
        let mut facts = Vec::new();
        let scoring = self.scoring(selector, &mut facts)?;
        if width.at_most_one() {
            facts.push(Fact::WidthAtMostOne);
            let place = |d: i64| values.binary_search(&Value::int(d)).ok();
            let name = place(1).map(|p| p as u32);
            let value = Partition::constant().merge(&[name], values.len());
            let result = Attended::OneHot { value, default: place(0), values, bound: Number::ZERO };
            return Ok(Attend { selector, scoring, bos: BosLevel::Half, facts, result });
        }
        let cuts = self.cuts.remove(&id).unwrap_or_default().into_iter().collect();
        // fl(1/(d+1)) is exact for d = 0, and off by half a unit in the last place of ½ at most.
        let result = Attended::Share { bound: power_of_two(-25), read: Steps { values, cuts } };
        Ok(Attend { selector, scoring, bos: BosLevel::Selected, facts, result })
    }
}

impl Lowered {
    /// Whether some head tells empty rows from others, or measures a width.
    pub fn needs_bos(&self) -> bool {
        self.computed.values().any(|l| matches!(l, Lowering::Attend(a) if a.bos != BosLevel::Out))
    }
}
