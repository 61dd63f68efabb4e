//! What goes where: which half-layer computes each s-op, and what each residual direction holds?
//!
//! A plan says everything about the network but the numbers in its matrices; it holds no floats.
//! `inspect`, the certificate, ablations and probes read it, so there is no second map of who
//! owns what.
//!
//! First come layers: everything is computed as soon as all that it reads is there, so there are no
//! more than the longest path through the plan, and [`Plan::least_layers`] tells how many any network has
//! that follows the program. Then come parameters: what is read of a base decides how few numbers
//! stand for it ([`Features`]), a table takes the fewest neurons of several ways, heads that score alike
//! are one, and a direction is used again where that saves more than erasing it costs.
//!
//! A few s-ops stand in the residual stream: the [`Base`]s. Every other one is a table of bases,
//! and whoever reads it folds that table into its own matrix: see [`Partition`].
//!
//! The BOS position holds known constants only ([`Slot::at_bos`]): as a query it attends to
//! itself alone, and neurons are silent there. Readers subtract what it holds, so as a key it
//! scores and hands on exactly what a head asks of it.

mod allocate;
mod arithmetic;
mod atom;
mod attend;
mod backward;
mod error;
mod folded;
mod form;
mod gate;
mod hops;
mod integer_product;
mod knobs;
mod leak;
mod linear;
mod lower;
mod mean;
mod of_sum;
mod padding;
mod place;
mod product;
mod reading;
mod score;
mod selector;
mod sums;
#[cfg(test)]
mod simplify_tests;
#[cfg(test)]
mod tests;
mod threshold;
mod view;

pub use arithmetic::{gamma, power_of_two};
pub use atom::{Atom, Relation};
pub use error::{PlanError, describe, reports};
pub use form::{Features, Form};
pub use knobs::Knobs;
pub use linear::Linear;
pub use padding::Padding;
pub use threshold::Threshold;

use crate::facts::{self, Facts};
use crate::ir::{Lengths, Origin, Program, SOpId, SelectorId};
use crate::value::{Number, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Plans a program whose facts are known. All errors are found that can be found at once.
pub fn plan(program: &Program, facts: &Facts, knobs: Knobs) -> Result<Plan, Vec<PlanError>> {
    let lowered = lower::lower(program, facts, knobs)?;
    let least_layers = hops::least_layers(program, facts);
    let mut plan = place::place(program, lowered, least_layers, knobs)?;
    plan.inexact_sum(program).and_then(|()| plan.pad(program)).map_err(|error| vec![error])?;
    Ok(plan)
}

/// The greatest length below the declared one at which a program can be planned; none if there is none.
/// It is doubled and then bisected, as a plan of a length far too great may take long.
fn longest(program: &Program, knobs: Knobs) -> Option<usize> {
    let declared = program.lengths?;
    let mut shorter = program.clone();
    let mut fits = |max: usize| {
        shorter.lengths = Some(Lengths { max, ..declared });
        plan(&shorter, &facts::analyse(&shorter), knobs).is_ok()
    };
    let (mut good, mut bad) = (None, declared.max);
    let mut try_at = declared.min;
    while try_at < bad {
        match fits(try_at) {
            true => good = Some(try_at),
            false => bad = try_at,
        }
        let low = good?;
        try_at = (2 * low).min(low + (bad - low).div_ceil(2));
    }
    good
}

/// Where a program computes a base.
fn origin(program: &Program, base: Base) -> Origin {
    let graph = &program.graph;
    match base {
        Base::SOp(id) => graph[id].origin,
        Base::Width(id) | Base::Keys(id) | Base::Queries(id) => graph[id].origin,
        Base::Column(column) => program.columns[column].span.unwrap_or(program.outputs[0].span).into(),
        Base::Index => program.outputs[0].span.into(),
    }
}

/// A network, but for the numbers in its matrices.
#[derive(Clone, Debug)]
pub struct Plan {
    pub knobs: Knobs,
    pub lengths: Lengths,
    pub causal: bool,
    /// Whether a BOS position stands before the first token.
    pub bos: bool,
    pub columns: Vec<Column>,
    /// The s-ops in the residual stream, and how to read each.
    pub bases: BTreeMap<Base, Code>,
    pub slots: Vec<Slot>,
    /// Number of residual directions: [`Slot::direction`] is below it.
    pub d_model: usize,
    pub layers: Vec<Layer>,
    /// No network that follows the program step by step has fewer layers.
    pub least_layers: usize,
    pub outputs: Vec<Output>,
}

/// An input column with its vocabulary, in the order of the embedding's rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: Arc<str>,
    pub vocabulary: Vec<Value>,
}

/// A moment of the network's run. Attention and MLP take turns.
///
/// 0 is the embedding, `2l + 1` the attention and `2l + 2` the MLP of layer `l`; the unembedding
/// comes one after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HalfLayer(pub usize);

impl HalfLayer {
    pub const EMBED: Self = Self(0);

    pub fn attention(layer: usize) -> Self {
        Self(2 * layer + 1)
    }

    pub fn mlp(layer: usize) -> Self {
        Self(2 * layer + 2)
    }

    /// The first attention after this half-layer.
    pub fn next_attention(self) -> Self {
        Self((self.0 + 1) | 1)
    }

    /// This half-layer if it is an MLP, otherwise the MLP of its layer.
    fn this_mlp(self) -> Self {
        Self(self.0.div_ceil(2) * 2)
    }

    /// The first MLP after this half-layer.
    pub fn next_mlp(self) -> Self {
        Self((self.0 + 2) & !1)
    }

    /// The layer it belongs to; none for the embedding.
    pub fn layer(self) -> Option<usize> {
        (self.0 > 0).then(|| (self.0 - 1) / 2)
    }
}

/// Something that stands in the residual stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Base {
    Column(usize),
    Index,
    SOp(SOpId),
    /// The width of one side of a disjunction whose sides never select the same key: their sum is
    /// its width.
    Width(SelectorId),
    /// The class of the position as a key, of keys that the selector treats alike. The values are
    /// numbers from 0 on.
    Keys(SelectorId),
    /// The class of the position as a query.
    Queries(SelectorId),
}

/// The values of a base, and the slots that tell them apart. All these slots have bound 0.
#[derive(Clone, Debug)]
pub struct Code {
    pub values: Arc<[Value]>,
    pub encoding: Encoding,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Encoding {
    /// One slot per value.
    OneHot(Vec<SlotId>),
    /// Slots that cut the list of values in two: those before a place, and those from it on.
    /// Values that no slot tells apart are not told apart by any reader.
    Thermometer(Vec<(usize, SlotId)>),
    /// One slot per feature.
    Features(Features, Vec<SlotId>),
}

/// A slot of a [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub usize);

/// A residual direction, from when it is written until it is last read.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// The column of the residual stream.
    pub direction: usize,
    pub holds: Holds,
    /// What the direction holds at the BOS position.
    pub at_bos: Number,
    /// Everywhere else it holds what [`Self::holds`] says; both give or take this much.
    pub bound: Number,
    pub owner: Owner,
    /// Written at the end of `born`; `dies` is the last half-layer that reads it.
    pub born: HalfLayer,
    pub dies: HalfLayer,
}

/// What a slot holds at a position other than BOS.
#[derive(Clone, Debug, PartialEq)]
pub enum Holds {
    /// 1
    One,
    /// 0, and 1 at BOS.
    Bos,
    /// 1 where the base has this value, else 0.
    OneHot(Base, Value),
    /// 1 where the base is at least this value, else 0: one step of a thermometer.
    AtLeast(Base, Value),
    /// 1 where the base is below this value, else 0: one step of a thermometer.
    Below(Base, Value),
    /// A function of the base: a number for each of its values.
    Function(Base, Arc<[(Value, Number)]>),
    /// The base, which is a number.
    Numeric(Base),
    /// `1 / (width + 1)`, the weight of BOS among the keys that a query selects.
    Share(Base),
}

/// What writes a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Embedding,
    Head { layer: usize, head: usize },
    Neurons { layer: usize, group: usize },
}

/// An s-op as a function of one base, up to the names of its values: which values of the base
/// share a class.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Partition {
    /// None for a constant, which has one class.
    pub base: Option<Base>,
    /// The class of each of the base's values; none where the program has no value.
    pub class: Arc<[Option<u32>]>,
    pub n_classes: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Layer {
    pub heads: Vec<Head>,
    pub neurons: Vec<NeuronGroup>,
}

/// An attention head. Heads that score alike are one head with several outputs.
#[derive(Clone, Debug)]
pub struct Head {
    pub selector: SelectorId,
    pub scoring: Scoring,
    /// The score of a key is the sum of the products of these, and what BOS adds.
    pub columns: Vec<ScoreColumn>,
    pub scores: Scores,
    /// What must hold of the program for the head to be right.
    pub facts: Vec<Fact>,
    pub outputs: Vec<HeadOutput>,
}

/// One dimension of a head's queries and keys. Both are 0 at BOS.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreColumn {
    pub query: Form,
    pub key: Form,
}

/// How a head's scores come about.
#[derive(Clone, Debug, PartialEq)]
pub enum Scoring {
    /// Each atom that holds adds [`Knobs::score`]; a key is selected where all hold.
    All(Vec<Atom>),
    /// [`Knobs::score`] times the index: the last position that a query sees wins.
    Last,
}

/// The scores of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    pub selected: Number,
    /// That of the BOS key, if there is a BOS: as a selected key for a width, half-way for an
    /// aggregate with a default, as an unselected key otherwise.
    pub bos: Option<Number>,
    /// No unselected key scores more.
    pub unselected: Number,
    /// The most attention that goes to keys that are not selected; 0 if attention is sharp.
    pub leak: Number,
}

/// A fact that a head relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// No query selects more than one key.
    WidthAtMostOne,
    /// Every query selects a key.
    WidthAtLeastOne,
    /// Every query selects every key that it sees.
    Always,
    /// The selected values are equal in each row.
    Agreement,
    /// A mean of several values of this type has no meaning: where the program has a value,
    /// one key is selected at most.
    NoMean,
}

/// What a head computes of the keys that it attends to.
#[derive(Clone, Debug)]
pub struct HeadOutput {
    pub base: Base,
    pub moves: Moves,
    pub columns: Vec<ValueColumn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// The code of the value at the selected key, or of the default, which BOS hands on.
    Code,
    /// The mean of a number.
    Mean,
    /// The weight of BOS, which scores like a selected key: `1 / (width + 1)`.
    Share,
}

/// What each key hands on into one slot.
#[derive(Clone, Debug)]
pub struct ValueColumn {
    pub form: Form,
    pub at_bos: Number,
    pub into: SlotId,
}

/// Neurons that together compute one base.
#[derive(Clone, Debug)]
pub struct NeuronGroup {
    pub base: Base,
    pub kind: Neurons,
    pub neurons: Vec<Neuron>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neurons {
    /// One neuron per tuple of arguments, or per bend of a function of their sum.
    Table,
    /// Two neurons per threshold, which write one step of a thermometer.
    Steps,
    /// Two neurons per slot: 1 where an inexact code is above one half, else 0.
    Clean,
    /// Neurons that an exact s-op opens, and that hand on a number that is not exact.
    Product,
    /// One neuron per slot that is read no more, or two if it may be negative: they bring it to 0, at
    /// BOS too.
    Erase,
}

/// `slot += factor · ReLU(bias + Σ forms + Σ factor · slot)` for each slot that it writes. It is
/// silent at BOS, unless it erases.
#[derive(Clone, Debug)]
pub struct Neuron {
    pub forms: Vec<Form>,
    /// Inexact slots, which only neurons read.
    pub slots: Vec<(SlotId, Number)>,
    pub bias: Number,
    pub writes: Vec<(SlotId, Number)>,
}

/// An output, and how it is read from the residual stream.
#[derive(Clone, Debug)]
pub struct Output {
    pub name: Arc<str>,
    pub sop: SOpId,
    pub read: Read,
}

/// `constant + Σ factor · form`; a form goes by its place.
#[derive(Clone, Debug)]
pub struct Logit {
    pub constant: Number,
    pub terms: Vec<(usize, Number)>,
}

#[derive(Clone, Debug)]
pub enum Read {
    /// The value with the greatest logit; each logit is made of the forms.
    Categorical { values: Vec<Value>, forms: Vec<Form>, logits: Vec<Logit> },
    /// A sum of numbers in slots and of forms, off by the bound at most; and its values, sorted, if
    /// they can be listed.
    Numeric { terms: Vec<(SlotId, Number)>, forms: Vec<Form>, values: Arc<[Value]>, bound: Number },
}

impl NeuronGroup {
    /// Number of neurons.
    pub fn len(&self) -> usize {
        self.neurons.len()
    }

    pub fn is_empty(&self) -> bool {
        self.neurons.is_empty()
    }
}

impl Plan {
    pub fn slot(&self, id: SlotId) -> &Slot {
        &self.slots[id.0]
    }

    /// The slot that is 1 at BOS, if there is one.
    pub fn bos_slot(&self) -> Option<SlotId> {
        self.slots.iter().position(|s| s.holds == Holds::Bos).map(SlotId)
    }

    /// The slot that is 1 everywhere, if there is one.
    pub fn one_slot(&self) -> Option<SlotId> {
        self.slots.iter().position(|s| s.holds == Holds::One).map(SlotId)
    }

    /// Number of positions that the network sees at most, BOS included.
    pub fn n_ctx(&self) -> usize {
        self.lengths.max + usize::from(self.bos)
    }

    /// The last half-layer, the unembedding.
    pub fn unembedding(&self) -> HalfLayer {
        HalfLayer(2 * self.layers.len() + 1)
    }

    /// Number of parameters, the unembedding left out.
    pub fn n_params(&self) -> usize {
        let rows: usize = self.columns.iter().map(|c| c.vocabulary.len() + usize::from(self.bos)).sum();
        let bos = usize::from(self.bos);
        let head = |h: &Head| {
            let values: usize = h.outputs.iter().map(|o| o.columns.len()).sum();
            2 * (h.columns.len() + bos + values) * self.d_model
        };
        let layer = |l: &Layer| {
            let neurons: usize = l.neurons.iter().map(NeuronGroup::len).sum();
            l.heads.iter().map(head).sum::<usize>() + neurons * (2 * self.d_model + 1)
        };
        (rows + self.n_ctx()) * self.d_model + self.layers.iter().map(layer).sum::<usize>()
    }
}
