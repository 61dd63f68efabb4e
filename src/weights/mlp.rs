//! The matrices of an MLP.

use super::{MlpWeights, direction, exact, held_at_bos};
use crate::plan::{Neuron, NeuronGroup, Neurons, Plan, SlotId};
use crate::value::{Fault, Number};
use ndarray::Array2;

pub(super) fn mlp(plan: &Plan, groups: &[NeuronGroup]) -> MlpWeights {
    let neurons: Vec<(Neurons, &Neuron)> =
        groups.iter().flat_map(|g| g.neurons.iter().map(|n| (g.kind, n))).collect();
    let mut w_in = Array2::zeros((plan.d_model, neurons.len()));
    let mut b_in = Array2::zeros((1, neurons.len()));
    let mut w_out = Array2::zeros((neurons.len(), plan.d_model));
    for (i, (kind, neuron)) in neurons.into_iter().enumerate() {
        let (terms, bias) = inputs(plan, kind, neuron);
        for (slot, factor) in &terms {
            w_in[[direction(plan, *slot), i]] += exact(factor);
        }
        b_in[[0, i]] = exact(&bias);
        for (slot, factor) in &neuron.writes {
            w_out[[i, direction(plan, *slot)]] = exact(factor);
        }
    }
    MlpWeights { w_in, b_in, w_out }
}

/// What a neuron adds up, with a weight on the BOS slot that keeps it at -1 or less there, whatever
/// the errors of the slots, if it would not
/// be silent by itself and does not erase.
fn inputs(plan: &Plan, kind: Neurons, neuron: &Neuron) -> (Vec<(SlotId, Number)>, Number) {
    let small = |sum: Result<Number, Fault>| sum.expect("weights and biases are small numbers");
    let mut terms = neuron.slots.clone();
    let mut bias = neuron.bias.clone();
    for form in &neuron.forms {
        let form = plan.linear(form);
        bias = small(bias.add(&form.constant));
        terms.extend(form.terms);
    }
    if let Some(bos) = plan.bos_slot().filter(|_| kind != Neurons::Erase) {
        let error = |(slot, factor): &(SlotId, Number)| small(factor.abs().mul(&plan.slot(*slot).bound));
        let errors = terms.iter().map(error).fold(Number::ZERO, |sum, error| small(sum.add(&error)));
        let held = small(held_at_bos(plan, &terms).add(&bias).and_then(|held| held.add(&errors)));
        if held > Number::ZERO {
            // Rounded down: what BOS holds may be a fraction that is no f32.
            terms.push((bos, small(Number::from(-1i64).sub(&held)).floor()));
        }
    }
    (terms, bias)
}
