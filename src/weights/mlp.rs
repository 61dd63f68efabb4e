//! The matrices of an MLP.

use super::{MlpWeights, direction, exact, held_at_bos, indicator};
use crate::plan::{NeuronGroup, Neurons, Plan, SlotId, Threshold, power_of_two};
use crate::value::Number;
use ndarray::Array2;

/// `out[into] += sign · ReLU(bias + Σ factor · slot)`
struct Neuron {
    terms: Vec<(SlotId, Number)>,
    bias: Number,
    into: SlotId,
    sign: i64,
}

pub(super) fn mlp(plan: &Plan, groups: &[NeuronGroup]) -> MlpWeights {
    let neurons: Vec<Neuron> = groups.iter().flat_map(|g| group(plan, g)).collect();
    let mut w_in = Array2::zeros((plan.d_model, neurons.len()));
    let mut b_in = Array2::zeros((1, neurons.len()));
    let mut w_out = Array2::zeros((neurons.len(), plan.d_model));
    for (i, neuron) in neurons.into_iter().enumerate() {
        let neuron = neuron.silent_at_bos(plan);
        for (slot, factor) in &neuron.terms {
            w_in[[direction(plan, *slot), i]] += exact(factor);
        }
        b_in[[0, i]] = exact(&neuron.bias);
        w_out[[i, direction(plan, neuron.into)]] = exact(&neuron.sign.into());
    }
    MlpWeights { w_in, b_in, w_out }
}

fn group(plan: &Plan, group: &NeuronGroup) -> Vec<Neuron> {
    match &group.kind {
        // The neuron of a tuple sees how many arguments are in its classes; one less than all
        // is not enough.
        Neurons::Table { args, tuples, into } => {
            let neuron = |tuple: &crate::plan::Tuple| {
                let mut bias = Number::from(1 - args.len() as i64);
                let mut terms = Vec::new();
                for (arg, &class) in args.iter().zip(&tuple.classes) {
                    let form = plan.linear(arg, &indicator(arg.n_classes, class as usize));
                    bias = bias.add(&form.constant).expect("biases are small numbers");
                    terms.extend(form.terms);
                }
                Neuron { terms, bias, into: into[tuple.result], sign: 1 }
            };
            tuples.iter().map(neuron).collect()
        }
        Neurons::Steps { input, thresholds } => {
            thresholds.iter().flat_map(|(threshold, into)| step(*input, threshold, *into)).collect()
        }
        Neurons::Clean { pairs } => {
            // Far steeper than needed for a code that is off by 1e-4 at most.
            let middle = Threshold { slope: 4i64.into(), centre: 2i64.into() };
            pairs.iter().flat_map(|&(input, into)| step(input, &middle, into)).collect()
        }
    }
}

/// `ReLU(slope·x - centre + ½) - ReLU(slope·x - centre - ½)`
fn step(input: SlotId, threshold: &Threshold, into: SlotId) -> [Neuron; 2] {
    let neuron = |half: Number, sign: i64| Neuron {
        terms: vec![(input, threshold.slope.clone())],
        bias: half.sub(&threshold.centre).expect("biases are small numbers"),
        into,
        sign,
    };
    [neuron(power_of_two(-1), 1), neuron(power_of_two(-1).neg(), -1)]
}

impl Neuron {
    /// The neuron with a weight on the BOS slot that keeps it at -1 there, if it would not be
    /// silent by itself.
    fn silent_at_bos(mut self, plan: &Plan) -> Self {
        if let Some(bos) = plan.bos_slot() {
            let held = held_at_bos(plan, &self.terms).add(&self.bias).expect("biases are small numbers");
            if held > Number::ZERO {
                let weight = Number::from(-1i64).sub(&held).expect("biases are small numbers");
                self.terms.push((bos, weight));
            }
        }
        self
    }
}
