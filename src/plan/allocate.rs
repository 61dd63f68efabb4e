//! How long does each slot live, and which residual directions can be used twice?
//!
//! A slot that nobody reads any more is erased by neurons, `x - ReLU(x) = 0` exactly, and a later
//! half-layer writes another into its direction. First comes the number of layers, which this does
//! not change; then parameters: a direction is used again if that saves more of them than the
//! neurons that erase it cost.

use super::{
    Base, Form, HalfLayer, Holds, Neuron, NeuronGroup, Neurons, Output, Owner, Plan, Read, Slot, SlotId,
};
use crate::value::Number;

/// A direction, the slot that was last written into it, and the MLP that can erase that first.
struct Occupied {
    slot: SlotId,
    erased: HalfLayer,
}

impl Plan {
    /// Every form that some matrix without a bias reads, with the half-layer that reads it.
    fn biasless(&self) -> Vec<(HalfLayer, &Form)> {
        let mut forms = Vec::new();
        for (l, layer) in self.layers.iter().enumerate() {
            let at = HalfLayer::attention(l);
            for head in &layer.heads {
                forms.extend(head.columns.iter().flat_map(|c| [(at, &c.query), (at, &c.key)]));
                let values = head.outputs.iter().flat_map(|o| &o.columns);
                forms.extend(values.map(|c| (at, &c.form)));
            }
        }
        for output in &self.outputs {
            let (Read::Categorical { forms: read, .. } | Read::Numeric { forms: read, .. }) = &output.read;
            forms.extend(read.iter().map(|form| (self.unembedding(), form)));
        }
        forms
    }

    /// The slots that are 1 at BOS and 1 everywhere, where they are needed.
    pub(super) fn add_constants(&mut self) {
        let add = |slots: &mut Vec<Slot>, holds: Holds| {
            let direction = slots.len();
            slots.push(Slot {
                direction,
                holds,
                at_bos: Number::ONE,
                bound: Number::ZERO,
                owner: Owner::Embedding,
                born: HalfLayer::EMBED,
                dies: HalfLayer::EMBED,
            });
        };
        if self.bos {
            add(&mut self.slots, Holds::Bos);
        }
        // No residual stream is empty.
        let needs_one = self.bos
            || self.slots.is_empty()
            || self.biasless().iter().any(|(_, form)| !self.linear(form).constant.is_zero())
            || self.outputs.iter().any(Output::has_constant);
        if needs_one {
            add(&mut self.slots, Holds::One);
        }
        self.d_model = self.slots.len();
    }

    pub(super) fn set_live_ranges(&mut self) {
        let slots_of = |form: &Form| self.linear(form).terms.into_iter().map(|t| t.0).collect::<Vec<_>>();
        let mut reads: Vec<(HalfLayer, SlotId)> = self
            .biasless()
            .into_iter()
            .flat_map(|(at, form)| slots_of(form).into_iter().map(move |s| (at, s)))
            .collect();
        for (l, layer) in self.layers.iter().enumerate() {
            let at = HalfLayer::mlp(l);
            for neuron in layer.neurons.iter().flat_map(|g| &g.neurons) {
                reads.extend(neuron.forms.iter().flat_map(slots_of).map(|s| (at, s)));
                reads.extend(neuron.slots.iter().map(|(s, _)| (at, *s)));
            }
        }
        let end = self.unembedding();
        for output in &self.outputs {
            if let Read::Numeric { terms, .. } = &output.read {
                reads.extend(terms.iter().map(|(slot, _)| (end, *slot)));
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

    /// Lets slots share directions where their live ranges allow it.
    pub(super) fn reuse_directions(&mut self) {
        let per_direction = {
            let before = self.n_params();
            self.d_model += 1;
            let after = self.n_params();
            self.d_model -= 1;
            after - before
        };
        let per_neuron = 2 * self.d_model + 1;
        let worth_it = |slot: &Slot| n_erasers(slot) * per_neuron < per_direction;
        let mut order: Vec<SlotId> = (0..self.slots.len()).map(SlotId).collect();
        order.sort_by_key(|s| self.slot(*s).born);
        let mut directions: Vec<Occupied> = Vec::new();
        for id in order {
            let slot = self.slot(id);
            let erased = slot.dies.max(slot.born.next_attention()).this_mlp();
            let free = directions.iter().position(|d| d.erased < slot.born && worth_it(self.slot(d.slot)));
            let direction = match free {
                Some(direction) => {
                    let Occupied { slot: old, erased } = directions[direction];
                    self.erase(old, erased);
                    direction
                }
                None => directions.len(),
            };
            self.slots[id.0].direction = direction;
            let occupied = Occupied { slot: id, erased };
            match directions.get_mut(direction) {
                Some(place) => *place = occupied,
                None => directions.push(occupied),
            }
        }
        self.d_model = directions.len();
    }

    fn erase(&mut self, slot: SlotId, at: HalfLayer) {
        let n_erasers = n_erasers(self.slot(slot));
        let (Some(layer), Some(base)) = (at.layer(), base(&self.slot(slot).holds)) else { return };
        let eraser = |sign: i64| Neuron {
            forms: Vec::new(),
            slots: vec![(slot, sign.into())],
            bias: Number::ZERO,
            writes: vec![(slot, (-sign).into())],
        };
        let erasers = [1, -1].into_iter().take(n_erasers).map(eraser);
        let groups = &mut self.layers[layer].neurons;
        match groups.iter_mut().find(|g| g.kind == Neurons::Erase && g.base == base) {
            Some(group) => group.neurons.extend(erasers),
            None => groups.push(NeuronGroup { base, kind: Neurons::Erase, neurons: erasers.collect() }),
        }
    }
}

impl Output {
    /// Whether a logit has a constant.
    fn has_constant(&self) -> bool {
        match &self.read {
            Read::Categorical { logits, .. } => logits.iter().any(|logit| !logit.constant.is_zero()),
            Read::Numeric { .. } => false,
        }
    }
}

/// How many neurons erase what a slot holds: one, or two where it may be negative, as what should be 0
/// may be if it is not exact.
fn n_erasers(slot: &Slot) -> usize {
    match &slot.holds {
        Holds::OneHot(..) | Holds::Function(..) if !slot.bound.is_zero() => 2,
        Holds::Function(_, numbers) if numbers.iter().any(|(_, n)| *n < Number::ZERO) => 2,
        Holds::Numeric(_) => 2,
        Holds::Function(..)
        | Holds::One
        | Holds::Bos
        | Holds::OneHot(..)
        | Holds::AtLeast(..)
        | Holds::Below(..)
        | Holds::Share(_) => 1,
    }
}

/// What a slot tells about; none for the constants, which are read to the end.
fn base(holds: &Holds) -> Option<Base> {
    match holds {
        Holds::One | Holds::Bos => None,
        Holds::OneHot(base, _)
        | Holds::AtLeast(base, _)
        | Holds::Below(base, _)
        | Holds::Function(base, _)
        | Holds::Numeric(base)
        | Holds::Share(base) => Some(*base),
    }
}
