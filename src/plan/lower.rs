//! How is each s-op computed, and which s-ops must stand in the residual stream?
//!
//! A forward pass writes every s-op as a table of bases; a backward pass from the outputs
//! ([`super::backward`]) then finds the bases that are read, and what each reader tells apart.

use super::attend::{Attend, BosLevel, Steps};
use super::mean::MeanOf;
use super::of_sum::OfSum;
use super::product::{Product, RoughSum};
use super::view::View;
use super::{Base, Column, Features, Form, HalfLayer, Knobs, Logit, Partition, PlanError};
use crate::facts::Facts;
use crate::ir::{Lengths, Node, Op, Origin, Program, SOpId, SelectorId};

use crate::value::{Elementwise, Number, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The largest table that is looked at: indices to length 512, squared.
const MAX_TUPLES: usize = 1 << 18;

/// The most numbers in the forms that one table or one output reads: some hundred megabytes.
pub(super) const MAX_NUMBERS: usize = 1 << 23;

/// The most values of one base that a function of it alone is tabled for: such a table is folded
/// into its readers, and only where they tell values apart does it take neurons. Means of booleans
/// have 76,117 values at length 500.
pub(super) const MAX_VALUES: usize = 1 << 17;

/// An operation with more combinations of arguments is looked at as a function of a sum first.
const LARGE_TABLE: usize = 1 << 14;

/// A table up to this size is not worth a layer of its own for what it reads.
pub(super) const SMALL_TABLE: usize = 64;

/// A program whose s-ops are assigned to heads and neurons, but to no layer yet.
pub(super) struct Lowered {
    pub lengths: Lengths,
    pub columns: Vec<Column>,
    /// The input columns and indices that are read.
    pub inputs: BTreeMap<Base, Held>,
    /// What is computed, operands first.
    pub computed: Vec<Lowering>,
    pub outputs: Vec<Reading>,
}

/// What computes a base.
pub(super) enum Lowering {
    Table {
        base: Base,
        held: Held,
        neurons: Vec<TableNeuron>,
    },
    Attend(Box<Attend>),
    /// What is read of a product is digitised.
    Product {
        base: Base,
        product: Product,
        read: Steps,
    },
}

/// How a base will stand in the residual stream.
pub(super) struct Held {
    pub values: Arc<[Value]>,
    /// None for a one-hot code.
    pub features: Option<Features>,
}

/// `ReLU(bias + Σ forms)`, written with a factor into some slots of the base.
pub(super) struct TableNeuron {
    pub forms: Vec<Form>,
    pub bias: Number,
    pub writes: Vec<(usize, Number)>,
}

/// Logits, and the forms that they are made of.
pub(super) struct Logits {
    pub forms: Vec<Form>,
    pub logits: Vec<Logit>,
}

pub(super) enum Reading {
    /// One logit per value, made of forms.
    Categorical { values: Vec<Value>, logits: Logits },
    /// A number, give or take a bound.
    Numeric { sum: RoughSum, values: Arc<[Value]> },
}

/// Tables are looked through up to this size: it bounds the time that takes.
pub(super) const MAX_DEEP: usize = 1 << 12;

/// The state of both passes.
pub(super) struct Lower<'a> {
    pub(super) program: &'a Program,
    pub(super) facts: &'a Facts,
    pub(super) knobs: Knobs,
    pub(super) lengths: Lengths,
    pub(super) views: HashMap<SOpId, Result<View, PlanError>>,
    /// The views of what neurons compute.
    pub(super) tables: HashMap<Base, View>,
    /// What neurons compute that depends on a sum alone.
    pub(super) of_sums: HashMap<Base, OfSum>,
    /// What is read of each base.
    pub(super) needed: BTreeMap<Base, BTreeSet<Form>>,
    /// What means are means of, and so are sums and multiples of them.
    pub(super) means: HashMap<SOpId, MeanOf>,
    /// Products of means that neurons digitise.
    pub(super) integer_products: HashMap<SOpId, Product>,
    /// What neurons compute that are opened and shut.
    pub(super) products: HashMap<SOpId, Product>,
    /// What opens and shuts neurons.
    pub(super) gates: BTreeMap<Base, BTreeSet<Form>>,
    /// When bases can be read.
    pub(super) depths: HashMap<Base, HalfLayer>,
}

pub(super) fn lower(program: &Program, facts: &Facts, knobs: Knobs) -> Result<Lowered, Vec<PlanError>> {
    simplify(program, facts, knobs)?.backward()
}

/// The forward pass: every s-op that an output depends on as a table of bases.
pub(super) fn simplify<'a>(
    program: &'a Program,
    facts: &'a Facts,
    knobs: Knobs,
) -> Result<Lower<'a>, Vec<PlanError>> {
    let mut lower = Lower {
        program,
        facts,
        knobs,
        lengths: declared(program)?,
        views: HashMap::new(),
        tables: HashMap::new(),
        of_sums: HashMap::new(),
        needed: BTreeMap::new(),
        means: HashMap::new(),
        integer_products: HashMap::new(),
        products: HashMap::new(),
        gates: BTreeMap::new(),
        depths: HashMap::new(),
    };
    for node in program.graph.live(program.outputs.iter().map(|o| Node::SOp(o.sop))) {
        if let Node::SOp(id) = node {
            let view = lower.forward(id);
            lower.views.insert(id, view);
        }
    }
    Ok(lower)
}

/// The declared lengths, if those and the domains of all columns that are read are declared.
fn declared(program: &Program) -> Result<Lengths, Vec<PlanError>> {
    let live = program.graph.live(program.outputs.iter().map(|o| Node::SOp(o.sop)));
    let mut errors = Vec::new();
    for (i, column) in program.columns.iter().enumerate().filter(|(_, c)| c.domain.is_none()) {
        let reads = |node: &&Node| matches!(node, Node::SOp(id) if program.graph[*id].op == Op::Input(i));
        let node = live.iter().find(reads).or(live.last());
        let declared = column.span.map(Origin::from);
        let at = declared.or(node.map(|&n| program.graph.origin(n)));
        // The declarations of a loaded file, or of the library, are not the program's.
        let output = program.outputs.first().map(|output| output.span);
        let own = |at: Origin| output.filter(|own| own.source != at.span.source).map_or(at, Origin::from);
        let at = at.map(own);
        errors.extend(at.map(|at| PlanError::NoDomain { column: column.name.clone(), at }));
    }
    match (program.lengths, program.outputs.first()) {
        (Some(lengths), _) if errors.is_empty() => return Ok(lengths),
        (None, Some(output)) => errors.push(PlanError::NoLength { at: output.span.into() }),
        (Some(_), _) | (None, None) => {}
    }
    Err(errors)
}

impl Lower<'_> {
    pub(super) fn origin(&self, sop: SOpId) -> Origin {
        self.program.graph[sop].origin
    }

    pub(super) fn view(&self, sop: SOpId) -> Result<&View, PlanError> {
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
            Op::Elementwise { f, args } if self.is_mean_of_means(id, f, args) => {
                View::base(Base::SOp(id), &self.attended_values(id)?)
            }
            Op::Elementwise { f, args } => match self.integer_product(id, f, args) {
                Some(view) => view,
                None => {
                    let args = self.arguments(args)?;
                    self.of_sum(id, f, &args).map_or_else(|| self.tabled(id, f, &args), Ok)?
                }
            },
            Op::Width { selector } => match self.sum_of_widths(*selector) {
                Some(view) => view,
                None => self.attend_to(id)?,
            },
            Op::Aggregate { .. } => self.attend_to(id)?,
        };
        if let Some(known) = known {
            view.restrict(|v| known.binary_search(v).is_ok());
        }
        if view.cells.iter().all(Option::is_none) {
            return Err(PlanError::NoValue { at: self.origin(id) });
        }
        Ok(view)
    }

    /// Whether neurons compute a base.
    pub(super) fn in_neurons(&self, base: Base) -> bool {
        let product = matches!(base, Base::SOp(id) if self.integer_products.contains_key(&id));
        product || self.tables.contains_key(&base) || self.of_sums.contains_key(&base)
    }

    /// An s-op that a head computes.
    fn attend_to(&mut self, id: SOpId) -> Result<View, PlanError> {
        self.note_mean(id)?;
        self.depths.insert(Base::SOp(id), self.attended_depth(id));
        Ok(View::base(Base::SOp(id), &self.attended_values(id)?))
    }

    pub(super) fn indices(&self) -> Vec<Value> {
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

    /// A table of an operation, if that is not too large.
    fn tabled(&self, id: SOpId, f: &Elementwise, args: &[View]) -> Result<View, PlanError> {
        let limit = if View::n_bases(args) > 1 { MAX_TUPLES } else { MAX_VALUES };
        let args: Vec<&View> = args.iter().collect();
        match View::combined_size(&args) {
            tuples if tuples > limit => Err(PlanError::TooManyTuples { at: self.origin(id), tuples, limit }),
            _ => Ok(View::combine(&args, |values| f.apply(values))),
        }
    }

    /// A base for an operation that depends on a sum alone, and whose table is large.
    fn of_sum(&mut self, id: SOpId, f: &Elementwise, args: &[View]) -> Option<View> {
        let large = View::combined_size(&args.iter().collect::<Vec<_>>()) > LARGE_TABLE;
        let mut of = OfSum::new(f, args).filter(|_| large && self.knobs.optimise)?;
        if let Some(known) = self.facts.values(id).explicit() {
            of.results.retain(|_, value| known.binary_search(value).is_ok());
        }
        let base = Base::SOp(id);
        let view = View::base(base, &of.values());
        let ready = args.iter().map(|arg| self.ready(arg)).max()?;
        self.depths.insert(base, ready.next_mlp());
        self.of_sums.insert(base, of);
        Some(view)
    }

    /// The views of an operation's arguments. An argument of several bases becomes a base where
    /// that takes fewer neurons than to look through it, unless those are few anyway.
    fn arguments(&mut self, args: &[SOpId]) -> Result<Vec<View>, PlanError> {
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
        if deep.is_empty() || !worth_a_layer {
            return Ok(views);
        }
        for a in deep {
            self.become_base(a)?;
        }
        Ok(bases)
    }

    fn become_base(&mut self, id: SOpId) -> Result<View, PlanError> {
        let view = self.view(id)?.clone();
        self.depths.insert(Base::SOp(id), self.ready(&view).next_mlp());
        let base = View::base(Base::SOp(id), &view.values());
        self.tables.insert(Base::SOp(id), view);
        self.views.insert(id, Ok(base.clone()));
        Ok(base)
    }

    /// Makes a table of an s-op that is `view`, unless there is another one.
    pub(super) fn table_of(&mut self, id: SOpId, view: View) -> Option<View> {
        let base = View::base(Base::SOp(id), &view.values());
        let table = self.tables.entry(Base::SOp(id)).or_insert_with(|| view.clone());
        if table.values() != view.values() {
            return None;
        }
        *table = view;
        let depth = self.ready(&self.tables[&Base::SOp(id)]).next_mlp();
        self.depths.insert(Base::SOp(id), depth);
        Some(base)
    }

    /// An s-op as a table of what is embedded or attended to, if that has few cells. Looks at
    /// `budget` s-ops.
    pub(super) fn deep(&self, id: SOpId, budget: &mut usize) -> Option<View> {
        *budget = budget.checked_sub(1)?;
        let view = self.view(id).ok()?;
        let is_table = |arg: &Partition| arg.base.is_some_and(|b| self.tables.contains_key(&b));
        if !view.args.iter().any(is_table) {
            return Some(view.clone());
        }
        let Op::Elementwise { f, args } = &self.program.graph[id].op else { return None };
        let args: Vec<View> = args.iter().map(|a| self.deep(*a, budget)).collect::<Option<_>>()?;
        let args: Vec<&View> = args.iter().collect();
        if View::combined_size(&args) > MAX_DEEP {
            return None;
        }
        let mut view = View::combine(&args, |values| f.apply(values));
        if let Some(known) = self.facts.values(id).explicit() {
            view.restrict(|v| known.binary_search(v).is_ok());
        }
        view.cells.iter().any(Option::is_some).then_some(view)
    }

    /// An s-op as a table of one base, or a constant.
    pub(super) fn single(&mut self, id: SOpId) -> Result<View, PlanError> {
        let view = self.view(id)?;
        if view.args.len() > 1 { self.become_base(id) } else { Ok(view.clone()) }
    }

    /// Notes that a matrix reads a form.
    pub(super) fn need(&mut self, form: &Form) {
        if let Some(base) = form.base {
            self.needed.entry(base).or_default().insert(form.clone());
        }
    }

    /// Notes that a number is read as it is.
    pub(super) fn rough_read(&mut self, base: Base) {
        self.needed.entry(base).or_default();
    }

    /// Notes that neurons are shut where a form is 1, and open where it is 0.
    pub(super) fn gate(&mut self, form: &Form) {
        if let Some(base) = form.base {
            self.needed.entry(base).or_default();
            self.gates.entry(base).or_default().insert(form.clone());
        }
    }

    /// The half-layer after which all bases of a view can be read, as far as is known before classes
    /// of selectors are made.
    pub(super) fn ready(&self, view: &View) -> HalfLayer {
        let of = |arg: &Partition| self.depths.get(&arg.base?).copied();
        view.args.iter().filter_map(of).max().unwrap_or(HalfLayer::EMBED)
    }

    /// The half-layer after which an aggregate or a width can be read.
    fn attended_depth(&self, id: SOpId) -> HalfLayer {
        let (selector, value) = match self.program.graph[id].op {
            Op::Aggregate { selector, value, .. } => (selector, Some(value)),
            Op::Width { selector } => (selector, None),
            Op::Elementwise { .. } | Op::Input(_) | Op::Indices | Op::Const(_) => return HalfLayer::EMBED,
        };
        let attended = self.head_depth(selector, value);
        if self.is_stepped(id) { attended.next_mlp() } else { attended }
    }

    /// The half-layer of the head that reads a value at the keys of a selector.
    pub(super) fn head_depth(&self, selector: SelectorId, value: Option<SOpId>) -> HalfLayer {
        let single = |id: SOpId| match self.view(id) {
            Ok(view) if view.args.len() > 1 => self.ready(view).next_mlp(),
            Ok(view) => self.ready(view),
            Err(_) => HalfLayer::EMBED,
        };
        let mut leaves = Vec::new();
        self.leaves(selector, &mut leaves);
        let operands = leaves.into_iter().flat_map(|(key, query, _)| [key, query]).chain(value);
        operands.map(single).max().unwrap_or(HalfLayer::EMBED).next_attention()
    }
}

impl Lowered {
    /// Whether some head tells empty rows from others, or measures a width.
    pub fn needs_bos(&self) -> bool {
        self.computed.iter().any(|l| matches!(l, Lowering::Attend(a) if a.bos != BosLevel::Out))
    }
}
