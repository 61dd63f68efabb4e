//! Which layer does each part go to, and which slots does it write?
//!
//! Everything is computed as soon as what it reads is there; slots are never reused.

use super::attend::{Attend, Attended, BosLevel, Steps};
use super::lower::{Lowered, Lowering, Reading};
use super::{
    Base, Code, Encoding, HalfLayer, Head, HeadOutput, Holds, Layer, Moves, NeuronGroup, Neurons, Output,
    Owner, Partition, Plan, PlanError, Read, SCORE, Scores, Scoring, Slot, SlotId, Threshold,
};
use crate::ir::{Program, SOpId};
use crate::value::{Number, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The largest network: 512 MiB of f32 weights.
const MAX_PARAMETERS: usize = 1 << 27;

pub(super) fn place(program: &Program, lowered: Lowered) -> Result<Plan, Vec<PlanError>> {
    let Lowered { inputs, computed, outputs, .. } = &lowered;
    let bos = lowered.needs_bos();
    let plan = Plan {
        lengths: lowered.lengths,
        causal: program.causal,
        bos,
        columns: lowered.columns.clone(),
        bases: BTreeMap::new(),
        slots: Vec::new(),
        d_model: 0,
        layers: Vec::new(),
        outputs: Vec::new(),
    };
    let mut placer = Placer { program, plan, ready: HashMap::new(), numeric: HashMap::new() };
    let embedding = (Owner::Embedding, HalfLayer::EMBED);
    if needs_one(&lowered) {
        placer.slot(Holds::One, embedding, Number::ONE, Number::ZERO);
    }
    if bos {
        placer.slot(Holds::Bos, embedding, Number::ONE, Number::ZERO);
    }
    for (&base, values) in inputs {
        placer.one_hot(base, values, embedding, None, &Number::ZERO);
    }
    let mut errors = Vec::new();
    for lowering in computed {
        match lowering {
            Lowering::Table { base, args, tuples, values } => {
                let at = placer.ready(args).next_mlp();
                let owner = placer.next_group(at);
                let into = placer.one_hot(*base, values, owner, None, &Number::ZERO);
                let kind = Neurons::Table { args: args.clone(), tuples: tuples.clone(), into };
                placer.group(at, NeuronGroup { base: *base, kind });
            }
            Lowering::Attend(attend) => errors.extend(placer.attend(attend).err()),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    for (output, reading) in program.outputs.iter().zip(outputs) {
        let read = match reading {
            Reading::Categorical { code, values } => {
                Read::Categorical { code: code.clone(), values: values.clone() }
            }
            Reading::Numeric { sop, values } => {
                Read::Numeric { slot: placer.numeric[sop], values: values.clone() }
            }
        };
        placer.plan.outputs.push(Output { name: output.name.clone(), sop: output.sop, read });
    }
    let mut plan = placer.plan;
    plan.d_model = plan.slots.len();
    plan.set_live_ranges();
    let (parameters, limit) = (plan.n_params(), MAX_PARAMETERS);
    match plan.outputs.is_empty() || parameters <= limit {
        true => Ok(plan),
        false => Err(vec![PlanError::TooManyParameters { span: program.outputs[0].span, parameters, limit }]),
    }
}

/// Whether some matrix without a bias of its own reads a constant.
fn needs_one(lowered: &Lowered) -> bool {
    let stepped: BTreeSet<SOpId> = lowered.computed.iter().filter_map(Lowering::stepped).collect();
    let constant = |p: &Partition| match &p.base {
        Some(Base::SOp(id)) => stepped.contains(id),
        Some(Base::Column(_) | Base::Index | Base::Keys(_) | Base::Queries(_)) => false,
        None => true,
    };
    let head = |attend: &Attend| {
        let scores = match &attend.scoring {
            Scoring::All(atoms) => atoms.iter().any(|a| constant(&a.key) || constant(&a.query)),
            Scoring::Last => true,
        };
        scores
            || match &attend.result {
                Attended::OneHot { value, .. } | Attended::Mean { value, .. } => constant(value),
                Attended::Share { .. } => false,
            }
    };
    let reads = |r: &Reading| matches!(r, Reading::Categorical { code, .. } if constant(code));
    lowered.needs_bos()
        || lowered.computed.iter().any(|l| matches!(l, Lowering::Attend(a) if head(a)))
        || lowered.outputs.iter().any(reads)
}

/// Who writes a slot, and when.
type Writer = (Owner, HalfLayer);

struct Placer<'a> {
    program: &'a Program,
    plan: Plan,
    /// When the code of a base can first be read.
    ready: HashMap<Base, HalfLayer>,
    /// The slots of means.
    numeric: HashMap<SOpId, SlotId>,
}

impl Placer<'_> {
    fn slot(&mut self, holds: Holds, (owner, born): Writer, at_bos: Number, bound: Number) -> SlotId {
        let direction = self.plan.slots.len();
        self.plan.slots.push(Slot { direction, holds, at_bos, bound, owner, born, dies: born });
        SlotId(direction)
    }

    /// Slots for a one-hot code; BOS holds the value at place `at_bos`, or none.
    fn one_hot(
        &mut self,
        base: Base,
        values: &Arc<[Value]>,
        writer: Writer,
        at_bos: Option<usize>,
        bound: &Number,
    ) -> Vec<SlotId> {
        let slots: Vec<SlotId> = values
            .iter()
            .enumerate()
            .map(|(i, value)| {
                let held = if at_bos == Some(i) { Number::ONE } else { Number::ZERO };
                self.slot(Holds::OneHot(base, value.clone()), writer, held, bound.clone())
            })
            .collect();
        if bound.is_zero() {
            let encoding = Encoding::OneHot(slots.clone());
            self.code(base, values, encoding, writer.1);
        }
        slots
    }

    fn code(&mut self, base: Base, values: &Arc<[Value]>, encoding: Encoding, ready: HalfLayer) {
        self.plan.bases.insert(base, Code { values: values.clone(), encoding });
        self.ready.insert(base, ready);
    }

    /// The half-layer after which all these partitions can be read.
    fn ready<'p>(&self, partitions: impl IntoIterator<Item = &'p Partition>) -> HalfLayer {
        let of = |p: &Partition| p.base.and_then(|b| self.ready.get(&b).copied());
        partitions.into_iter().filter_map(of).max().unwrap_or(HalfLayer::EMBED)
    }

    fn layer(&mut self, at: HalfLayer) -> (usize, &mut Layer) {
        let layer = at.layer().expect("nothing is placed into the embedding");
        if self.plan.layers.len() <= layer {
            self.plan.layers.resize_with(layer + 1, Layer::default);
        }
        (layer, &mut self.plan.layers[layer])
    }

    fn next_group(&mut self, at: HalfLayer) -> Writer {
        let (layer, contents) = self.layer(at);
        (Owner::Neurons { layer, group: contents.neurons.len() }, at)
    }

    fn group(&mut self, at: HalfLayer, group: NeuronGroup) {
        self.layer(at).1.neurons.push(group);
    }

    fn attend(&mut self, attend: &Attend) -> Result<(), PlanError> {
        let id = attend.sop;
        let value = match &attend.result {
            Attended::OneHot { value, .. } | Attended::Mean { value, .. } => Some(value),
            Attended::Share { .. } => None,
        };
        let sides: Vec<&Partition> = match &attend.scoring {
            Scoring::All(atoms) => atoms.iter().flat_map(|a| [&a.key, &a.query]).collect(),
            Scoring::Last => Vec::new(),
        };
        let at = self.ready(sides.into_iter().chain(value)).next_attention();
        let (layer, head) = self.head(at, attend);
        let writer = (Owner::Head { layer, head }, at);
        let moves = match &attend.result {
            Attended::OneHot { value, default, values, bound } => {
                let into = self.one_hot(Base::SOp(id), values, writer, *default, bound);
                if !bound.is_zero() {
                    self.clean(id, values, &into, at);
                }
                Moves::OneHot { value: value.clone(), into, default: *default }
            }
            Attended::Mean { value, numbers, default, bound, read } => {
                let at_bos = default.clone().unwrap_or(Number::ZERO);
                let bound = super::arithmetic::add(bound, &self.plan.summing_error(value, numbers));
                let into = self.slot(Holds::Numeric(id), writer, at_bos, bound);
                self.numeric.insert(id, into);
                let position = |v: &Value| v.number().unwrap_or(Number::ZERO);
                self.steps(id, into, at, read, position)?;
                let (value, numbers, default) = (value.clone(), numbers.clone(), default.clone());
                Moves::Mean { value, numbers, into, default }
            }
            Attended::Share { bound, read } => {
                let into = self.slot(Holds::Share(id), writer, Number::ONE, bound.clone());
                let share = |v: &Value| {
                    let width = v.number().unwrap_or(Number::ZERO);
                    super::arithmetic::div(&Number::ONE, &super::arithmetic::add(&width, &Number::ONE))
                };
                self.steps(id, into, at, read, share)?;
                Moves::Share { into }
            }
        };
        self.plan.layers[layer].heads[head].outputs.push(HeadOutput { sop: id, moves });
        Ok(())
    }

    /// The head of this layer that scores as asked: one that is there, or a new one.
    fn head(&mut self, at: HalfLayer, attend: &Attend) -> (usize, usize) {
        let selected = match &attend.scoring {
            Scoring::All(atoms) => SCORE * atoms.len() as i64,
            Scoring::Last => 0,
        };
        let below = match attend.bos {
            BosLevel::Out => SCORE,
            BosLevel::Half => SCORE / 2,
            BosLevel::Selected => 0,
        };
        let scores = Scores {
            selected: selected.into(),
            bos: self.plan.bos.then(|| (selected - below).into()),
            unselected: (selected - SCORE).into(),
        };
        let (layer, contents) = self.layer(at);
        let same = |h: &Head| h.scoring == attend.scoring && h.scores == scores;
        if let Some(head) = contents.heads.iter().position(same) {
            let facts = &mut contents.heads[head].facts;
            facts.extend(attend.facts.iter().filter(|f| !facts.contains(f)).copied().collect::<Vec<_>>());
            return (layer, head);
        }
        contents.heads.push(Head {
            selector: attend.selector,
            scoring: attend.scoring.clone(),
            scores,
            facts: attend.facts.clone(),
            outputs: Vec::new(),
        });
        (layer, contents.heads.len() - 1)
    }

    /// A one-hot code that is exactly 0 and 1, from one that is nearly so.
    fn clean(&mut self, id: SOpId, values: &Arc<[Value]>, rough: &[SlotId], after: HalfLayer) {
        let at = after.next_mlp();
        let owner = self.next_group(at);
        let into = self.one_hot(Base::SOp(id), values, owner, None, &Number::ZERO);
        let pairs = rough.iter().copied().zip(into).collect();
        self.group(at, NeuronGroup { base: Base::SOp(id), kind: Neurons::Clean { pairs } });
    }

    /// A thermometer of the number in a slot, which is `position(v)` where the s-op is `v`.
    fn steps(
        &mut self,
        id: SOpId,
        input: SlotId,
        after: HalfLayer,
        read: &Steps,
        position: impl Fn(&Value) -> Number,
    ) -> Result<(), PlanError> {
        if read.cuts.is_empty() {
            return Ok(());
        }
        let at = after.next_mlp();
        let owner = self.next_group(at);
        let error = self.plan.slot(input).bound.clone();
        let largest = read.values.iter().map(|v| position(v).abs()).max().unwrap_or(Number::ZERO);
        let (mut thresholds, mut places) = (Vec::new(), Vec::new());
        for &cut in &read.cuts {
            let (before, from) = (&read.values[cut - 1], &read.values[cut]);
            let (a, b) = (position(before), position(from));
            let falls = a > b;
            let (low, high) = if falls { (b, a) } else { (a, b) };
            let span = self.program.graph[id].origin.span;
            let threshold = Threshold::between(&low, &high, &error, &largest);
            let too_fine = || PlanError::TooFine { span, low: before.clone(), high: from.clone() };
            let threshold = threshold.ok_or_else(too_fine)?;
            let base = Base::SOp(id);
            let holds = match threshold.rises() == falls {
                true => Holds::Below(base, from.clone()),
                false => Holds::AtLeast(base, from.clone()),
            };
            let slot = self.slot(holds, owner, Number::ZERO, Number::ZERO);
            thresholds.push((threshold, slot));
            places.push((cut, slot));
        }
        self.code(Base::SOp(id), &read.values, Encoding::Thermometer(places), at);
        self.group(at, NeuronGroup { base: Base::SOp(id), kind: Neurons::Steps { input, thresholds } });
        Ok(())
    }
}

impl Plan {
    /// The last half-layer, the unembedding.
    pub fn unembedding(&self) -> HalfLayer {
        HalfLayer(2 * self.layers.len() + 1)
    }

    /// Number of parameters, the unembedding left out.
    pub fn n_params(&self) -> usize {
        let rows: usize = self.columns.iter().map(|c| c.vocabulary.len() + usize::from(self.bos)).sum();
        let bos = usize::from(self.bos);
        let head = |h: &Head| {
            let scores = match &h.scoring {
                Scoring::All(atoms) => atoms.iter().map(|a| a.key.n_classes.min(a.query.n_classes)).sum(),
                Scoring::Last => 1,
            };
            let values = h.outputs.iter().map(|o| match &o.moves {
                Moves::OneHot { into, .. } => into.len(),
                Moves::Mean { .. } | Moves::Share { .. } => 1,
            });
            2 * (scores + bos + values.sum::<usize>()) * self.d_model
        };
        let layer = |l: &Layer| {
            let neurons: usize = l.neurons.iter().map(NeuronGroup::len).sum();
            l.heads.iter().map(head).sum::<usize>() + neurons * (2 * self.d_model + 1)
        };
        (rows + self.n_ctx()) * self.d_model + self.layers.iter().map(layer).sum::<usize>()
    }

    fn set_live_ranges(&mut self) {
        let mut reads: Vec<(HalfLayer, SlotId)> = Vec::new();
        let slots_of = |p: &Partition| -> Vec<SlotId> {
            match p.base.and_then(|b| self.bases.get(&b)).map(|c| &c.encoding) {
                Some(Encoding::OneHot(slots)) => slots.clone(),
                Some(Encoding::Thermometer(steps)) => steps.iter().map(|s| s.1).collect(),
                None => Vec::new(),
            }
        };
        for (l, layer) in self.layers.iter().enumerate() {
            let (attention, mlp) = (HalfLayer::attention(l), HalfLayer::mlp(l));
            for head in &layer.heads {
                let mut partitions: Vec<&Partition> = Vec::new();
                match &head.scoring {
                    Scoring::All(atoms) => partitions.extend(atoms.iter().flat_map(|a| [&a.key, &a.query])),
                    Scoring::Last => {}
                }
                for output in &head.outputs {
                    match &output.moves {
                        Moves::OneHot { value, .. } | Moves::Mean { value, .. } => partitions.push(value),
                        Moves::Share { .. } => {}
                    }
                }
                reads.extend(partitions.into_iter().flat_map(slots_of).map(|s| (attention, s)));
            }
            for group in &layer.neurons {
                match &group.kind {
                    Neurons::Table { args, .. } => {
                        reads.extend(args.iter().flat_map(slots_of).map(|s| (mlp, s)));
                    }
                    Neurons::Steps { input, .. } => reads.push((mlp, *input)),
                    Neurons::Clean { pairs } => reads.extend(pairs.iter().map(|p| (mlp, p.0))),
                }
            }
        }
        let end = self.unembedding();
        for output in &self.outputs {
            match &output.read {
                Read::Categorical { code, .. } => reads.extend(slots_of(code).into_iter().map(|s| (end, s))),
                Read::Numeric { slot, .. } => reads.push((end, *slot)),
            }
        }
        // Any matrix may read the constants.
        let constant = |s: &Slot| matches!(s.holds, Holds::One | Holds::Bos);
        let constants = (0..self.slots.len()).filter(|&i| constant(&self.slots[i]));
        reads.extend(constants.map(|i| (end, SlotId(i))));
        for (at, SlotId(slot)) in reads {
            self.slots[slot].dies = self.slots[slot].dies.max(at);
        }
    }
}
