//! Which layer does each part go to, and which slots does it write?
//!
//! Everything is computed as soon as what it reads is there, so the layers are as few as the longest
//! path through the plan. Every slot gets a direction of its own at first.

use super::arithmetic::{above, add, div, gamma, mul, power_of_two, rounded, sub};
use super::attend::{Attend, Attended, BosLevel, Steps};
use super::lower::{Held, Logits, Lowered, Lowering, Reading, TableNeuron};
use super::product::{Product, RoughSum};
use super::{
    Base, Code, Encoding, Form, HalfLayer, Head, HeadOutput, Holds, Knobs, Layer, Moves, Neuron, NeuronGroup,
    Neurons, Output, Owner, Plan, PlanError, Read, Scores, Scoring, Slot, SlotId, Threshold, ValueColumn,
};
use crate::ir::Program;
use crate::value::{Number, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The largest network: 128 MiB of f32 weights. To try out a larger one would take minutes.
pub(super) const MAX_PARAMETERS: usize = 1 << 25;

pub(super) fn place(
    program: &Program,
    lowered: Lowered,
    least_layers: usize,
    knobs: Knobs,
) -> Result<Plan, Vec<PlanError>> {
    let Lowered { inputs, computed, outputs, .. } = &lowered;
    let bos = lowered.needs_bos();
    let plan = Plan {
        knobs,
        lengths: lowered.lengths,
        causal: program.causal,
        bos,
        columns: lowered.columns.clone(),
        bases: BTreeMap::new(),
        slots: Vec::new(),
        d_model: 0,
        layers: Vec::new(),
        least_layers,
        outputs: Vec::new(),
    };
    let mut placer = Placer { program, plan, ready: HashMap::new(), rough: HashMap::new() };
    let embedding = (Owner::Embedding, HalfLayer::EMBED);
    for (&base, held) in inputs {
        placer.held(base, held, embedding, None, &Number::ZERO);
    }
    for lowering in computed {
        match lowering {
            Lowering::Table { base, held, neurons } => placer.table(*base, held, neurons),
            Lowering::Attend(attend) => placer.attend(attend).map_err(|error| vec![error])?,
            Lowering::Product { base, product, read } => {
                placer.product(*base, product, read).map_err(|error| vec![error])?;
            }
        }
    }
    for (output, reading) in program.outputs.iter().zip(outputs) {
        let read = match reading {
            Reading::Categorical { values, logits: Logits { forms, logits } } => {
                Read::Categorical { values: values.clone(), forms: forms.clone(), logits: logits.clone() }
            }
            Reading::Numeric { sum, values } => {
                let (terms, bound) = placer.rough_sum(sum);
                Read::Numeric { terms, forms: sum.forms.clone(), values: values.clone(), bound }
            }
        };
        placer.plan.outputs.push(Output { name: output.name.clone(), sop: output.sop, read });
    }
    let mut plan = placer.plan;
    plan.add_constants();
    plan.set_live_ranges();
    if knobs.optimise {
        plan.reuse_directions();
    }
    Ok(plan)
}

/// Who writes a slot, and when.
type Writer = (Owner, HalfLayer);

struct Placer<'a> {
    program: &'a Program,
    plan: Plan,
    /// When the code of a base can first be read.
    ready: HashMap<Base, HalfLayer>,
    /// The slots of numbers that are not exact.
    rough: HashMap<Base, Rough>,
}

/// A number that is not exact.
struct Rough {
    slot: SlotId,
    /// Its greatest size.
    largest: Number,
}

impl Placer<'_> {
    fn slot(&mut self, holds: Holds, (owner, born): Writer, at_bos: Number, bound: Number) -> SlotId {
        let direction = self.plan.slots.len();
        self.plan.slots.push(Slot { direction, holds, at_bos, bound, owner, born, dies: born });
        SlotId(direction)
    }

    /// Slots for a code; BOS holds that of the value at place `at_bos`, or zeros. A rough code is
    /// none that anyone reads yet.
    fn held(
        &mut self,
        base: Base,
        held: &Held,
        writer: Writer,
        at_bos: Option<usize>,
        bound: &Number,
    ) -> Vec<SlotId> {
        let Held { values, features } = held;
        let slots: Vec<SlotId> = match features {
            None => {
                let bit = |v: usize| Number::from(i64::from(at_bos == Some(v)));
                let one = |(v, value): (usize, &Value)| (Holds::OneHot(base, value.clone()), bit(v));
                let held = values.iter().enumerate().map(one);
                held.map(|(holds, at_bos)| self.slot(holds, writer, at_bos, bound.clone())).collect()
            }
            Some(features) => {
                let of = |feature: &Vec<Number>| {
                    let table = values.iter().cloned().zip(feature.iter().cloned()).collect();
                    let at_bos = at_bos.map_or(Number::ZERO, |v| feature[v].clone());
                    self.slot(Holds::Function(base, table), writer, at_bos, bound.clone())
                };
                features.features.iter().map(of).collect()
            }
        };
        if bound.is_zero() {
            let encoding = match features {
                None => Encoding::OneHot(slots.clone()),
                Some(features) => Encoding::Features(features.clone(), slots.clone()),
            };
            self.code(base, values, encoding, writer.1);
        }
        slots
    }

    fn code(&mut self, base: Base, values: &Arc<[Value]>, encoding: Encoding, ready: HalfLayer) {
        self.plan.bases.insert(base, Code { values: values.clone(), encoding });
        self.ready.insert(base, ready);
    }

    /// The half-layer after which all these forms can be read.
    fn ready<'f>(&self, forms: impl IntoIterator<Item = &'f Form>) -> HalfLayer {
        let of = |form: &Form| form.base.and_then(|b| self.ready.get(&b).copied());
        forms.into_iter().filter_map(of).max().unwrap_or(HalfLayer::EMBED)
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

    fn table(&mut self, base: Base, held: &Held, neurons: &[TableNeuron]) {
        let at = self.ready(neurons.iter().flat_map(|n| &n.forms)).next_mlp();
        let owner = self.next_group(at);
        let into = self.held(base, held, owner, None, &Number::ZERO);
        let neuron = |n: &TableNeuron| Neuron {
            forms: n.forms.clone(),
            slots: Vec::new(),
            bias: n.bias.clone(),
            writes: n.writes.iter().map(|(column, factor)| (into[*column], factor.clone())).collect(),
        };
        let neurons = neurons.iter().map(neuron).collect();
        self.group(at, NeuronGroup { base, kind: Neurons::Table, neurons });
    }

    fn attend(&mut self, attend: &Attend) -> Result<(), PlanError> {
        let base = attend.base;
        let values: &[Form] = match &attend.result {
            Attended::Code { columns, .. } => columns,
            Attended::Mean { number, .. } => std::slice::from_ref(number),
            Attended::Share { .. } => &[],
        };
        let scores = attend.columns.iter().flat_map(|c| [&c.key, &c.query]);
        let at = self.ready(scores.chain(values)).next_attention();
        let (layer, head) = self.head(at, attend);
        let writer = (Owner::Head { layer, head }, at);
        let (moves, columns) = match &attend.result {
            Attended::Code { columns, default, held, bound } => {
                let into = self.held(base, held, writer, *default, bound);
                if !bound.is_zero() {
                    self.clean(base, held, &into, at);
                }
                let column = |(form, into): (&Form, SlotId)| {
                    let at_bos = self.plan.slot(into).at_bos.clone();
                    ValueColumn { form: form.clone(), at_bos, into }
                };
                (Moves::Code, columns.iter().zip(into).map(column).collect())
            }
            Attended::Mean { number, default, error, read } => {
                let at_bos = default.clone().unwrap_or(Number::ZERO);
                let mut error = error.clone();
                error.absolute = add(&error.absolute, &self.plan.summing_error(number));
                let into = self.slot(Holds::Numeric(base), writer, at_bos.clone(), error.bound());
                self.rough.insert(base, Rough { slot: into, largest: error.largest.clone() });
                let position = |v: &Value| v.number().unwrap_or(Number::ZERO);
                self.steps(base, into, at, read, position, |n| error.at(n))?;
                (Moves::Mean, vec![ValueColumn { form: number.clone(), at_bos, into }])
            }
            Attended::Share { bound, read } => {
                let into = self.slot(Holds::Share(base), writer, Number::ONE, bound.clone());
                self.rough.insert(base, Rough { slot: into, largest: Number::ONE });
                let share = |v: &Value| {
                    let width = v.number().unwrap_or(Number::ZERO);
                    div(&Number::ONE, &add(&width, &Number::ONE))
                };
                self.steps(base, into, at, read, share, |_| bound.clone())?;
                let form = Form::constant(Number::ZERO);
                (Moves::Share, vec![ValueColumn { form, at_bos: Number::ONE, into }])
            }
        };
        self.plan.layers[layer].heads[head].outputs.push(HeadOutput { base, moves, columns });
        Ok(())
    }

    /// The head of this layer that scores as asked: one that is there, or a new one.
    fn head(&mut self, at: HalfLayer, attend: &Attend) -> (usize, usize) {
        let score = self.plan.knobs.score();
        let selected = match &attend.scoring {
            Scoring::All(atoms) => score * atoms.len() as i64,
            Scoring::Last => 0,
        };
        let below = match attend.bos {
            BosLevel::Out => score.into(),
            BosLevel::Half => mul(&score.into(), &power_of_two(-1)),
            BosLevel::Selected => Number::ZERO,
        };
        let scores = Scores {
            selected: selected.into(),
            bos: self.plan.bos.then(|| sub(&selected.into(), &below)),
            unselected: (selected - score).into(),
            leak: self.plan.knobs.leak(attend.bos, self.plan.lengths.max),
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
            columns: attend.columns.clone(),
            scores,
            facts: attend.facts.clone(),
            outputs: Vec::new(),
        });
        (layer, contents.heads.len() - 1)
    }

    /// A neuron per gate and hinge.
    fn product(&mut self, base: Base, product: &Product, read: &Steps) -> Result<(), PlanError> {
        let input = product.of.map(|of| self.rough[&of].slot);
        let (written, error) = match input.map(|input| self.plan.slot(input)) {
            Some(input) => (input.born, input.bound.clone()),
            None => (HalfLayer::EMBED, Number::ZERO),
        };
        let forms = product.hinges.iter().filter_map(|h| h.form.as_ref());
        let at = self.ready(product.gates.iter().map(|g| &g.shut).chain(forms)).max(written).next_mlp();
        let owner = self.next_group(at);
        let bound = product.bound(&error);
        let into = self.slot(Holds::Numeric(base), owner, Number::ZERO, bound.clone());
        self.rough.insert(base, Rough { slot: into, largest: product.reach() });
        let mut neurons = Vec::new();
        for hinge in &product.hinges {
            let lock = hinge.lock().neg();
            let slots: Vec<(SlotId, Number)> = input
                .filter(|_| !hinge.slope.is_zero())
                .map(|input| (input, hinge.slope.clone()))
                .into_iter()
                .collect();
            for gate in &product.gates {
                let shut = gate.shut.map(|shut| mul(&lock, shut));
                let forms = hinge.form.iter().cloned().chain([shut]).collect();
                let factor = rounded(&mul(&gate.factor, &hinge.factor));
                let (slots, bias) = (slots.clone(), hinge.offset.clone());
                neurons.push(Neuron { forms, slots, bias, writes: vec![(into, factor)] });
            }
        }
        self.group(at, NeuronGroup { base, kind: Neurons::Product, neurons });
        self.steps(base, into, at, read, |v| v.number().unwrap_or(Number::ZERO), |_| bound.clone())
    }

    /// The slots that an output adds up, and how far the sum is off in f32.
    fn rough_sum(&self, sum: &RoughSum) -> (Vec<(SlotId, Number)>, Number) {
        let terms: Vec<(SlotId, Number)> =
            sum.numbers.iter().map(|(base, factor)| (self.rough[base].slot, factor.clone())).collect();
        let (mut errors, mut sizes, mut n) = (Number::ZERO, Number::ZERO, 0);
        for (base, factor) in &sum.numbers {
            let Rough { slot, largest } = &self.rough[base];
            let bound = &self.plan.slot(*slot).bound;
            errors = add(&errors, &mul(&factor.abs(), bound));
            sizes = add(&sizes, &mul(&factor.abs(), &add(largest, bound)));
            n += 1;
        }
        if let ([(_, factor)], []) = (sum.numbers.as_slice(), sum.forms.as_slice())
            && *factor == Number::ONE
        {
            return (terms, errors);
        }
        for linear in sum.forms.iter().map(|form| self.plan.linear(form)) {
            sizes = add(&sizes, &linear.constant.abs());
            for (slot, factor) in &linear.terms {
                sizes = add(&sizes, &mul(&factor.abs(), &self.plan.slot(*slot).holds.largest()));
            }
            n += linear.terms.len() + 1;
        }
        // γ_n for the sum; one unit for each weight, and one where two weights fall together.
        (terms, above(&add(&errors, &mul(&gamma(n + 2), &sizes))))
    }

    /// A code that is exactly 0 and 1, from one that is nearly so.
    fn clean(&mut self, base: Base, held: &Held, rough: &[SlotId], after: HalfLayer) {
        let at = after.next_mlp();
        let owner = self.next_group(at);
        let into = self.held(base, held, owner, None, &Number::ZERO);
        // Enough for a code that is off by 3/8 at most: `4 · 3/8 - 2 + ½` is 0.
        let middle = Threshold { slope: 4i64.into(), centre: 2i64.into() };
        let neurons = rough.iter().zip(into).flat_map(|(&input, into)| step(input, &middle, into)).collect();
        self.group(at, NeuronGroup { base, kind: Neurons::Clean, neurons });
    }

    /// A thermometer of the number in a slot, which is `position(v)` where the s-op is `v`, off by
    /// `error` of that.
    fn steps(
        &mut self,
        base: Base,
        input: SlotId,
        after: HalfLayer,
        read: &Steps,
        position: impl Fn(&Value) -> Number,
        error: impl Fn(&Number) -> Number,
    ) -> Result<(), PlanError> {
        if read.cuts.is_empty() {
            return Ok(());
        }
        let at = after.next_mlp();
        let owner = self.next_group(at);
        let largest = read.values.iter().map(|v| position(v).abs()).max().unwrap_or(Number::ZERO);
        let (mut neurons, mut places) = (Vec::new(), Vec::new());
        for &cut in &read.cuts {
            let (before, from) = (&read.values[cut - 1], &read.values[cut]);
            let (a, b) = (position(before), position(from));
            let falls = a > b;
            let (low, high) = if falls { (b, a) } else { (a, b) };
            let at = super::origin(self.program, base);
            // Of the two, the larger one is off by more.
            let error = error(&low).max(error(&high));
            let threshold = Threshold::between(&low, &high, &error, &largest);
            let too_fine = || PlanError::TooFine { at, neighbours: [before.clone(), from.clone()].into() };
            let threshold = threshold.ok_or_else(too_fine)?;
            let holds = match threshold.rises() == falls {
                true => Holds::Below(base, from.clone()),
                false => Holds::AtLeast(base, from.clone()),
            };
            let slot = self.slot(holds, owner, Number::ZERO, Number::ZERO);
            neurons.extend(step(input, &threshold, slot));
            places.push((cut, slot));
        }
        self.code(base, &read.values, Encoding::Thermometer(places), at);
        self.group(at, NeuronGroup { base, kind: Neurons::Steps, neurons });
        Ok(())
    }
}

/// `ReLU(slope·x - centre + ½) - ReLU(slope·x - centre - ½)`
fn step(input: SlotId, threshold: &Threshold, into: SlotId) -> [Neuron; 2] {
    let neuron = |half: Number, sign: i64| Neuron {
        forms: Vec::new(),
        slots: vec![(input, threshold.slope.clone())],
        bias: sub(&half, &threshold.centre),
        writes: vec![(into, sign.into())],
    };
    [neuron(power_of_two(-1), 1), neuron(power_of_two(-1).neg(), -1)]
}
