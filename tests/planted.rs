//! A fault of the compiler is caught, and told of the component and the s-op that it was planted in.

use crate::common::compiled::{Compiled, compile_for};
use crate::common::faults::{break_one, meaning, wrong_on};
use crate::common::file::File;
use crate::common::number;
use candle_core::Device;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use raspc::model::{Artifact, Manifest, Of, Transformer};
use raspc::plan::{Form, Neurons, Plan, Read, SlotId};
use raspc::value::Number;
use raspc::verify::{check, first_difference};
use raspc::weights::{self, Weights};

/// Programs over few inputs, with heads of every kind, thresholds, tables and sums.
const PROGRAMS: [(&str, Option<&str>, &str); 8] = [
    ("double_histogram", Some("\"a\"..\"c\""), "1..4"),
    ("detect_pattern_aba", Some("\"a\"..\"b\""), "1..5"),
    ("dyck2", None, "1..4"),
    ("fraction_previous", Some("\"a\"..\"b\""), "1..5"),
    ("nary_sum", Some("1..4"), "1..3"),
    ("peak", Some("0..2"), "1..4"),
    ("sort", Some("1..3"), "1..4"),
    ("sql/average_rows", None, "1..2"),
];

/// What a plan's component writes, and a plan in which it is wrong.
struct Planted {
    what: String,
    /// None if what it writes is missed only later: it erases a direction for the next one to write.
    owner: Option<String>,
    writes: Vec<SlotId>,
    plan: Plan,
}

/// Slots that hold a form hold this one too.
fn turn(form: &mut Form) {
    form.numbers = form.numbers.iter().map(|n| n.as_ref().map(Number::neg)).collect();
}

/// A fault in each component.
fn planted(plan: &Plan) -> Vec<Planted> {
    let mut all = Vec::new();
    for (l, layer) in plan.layers.iter().enumerate() {
        for (h, head) in layer.heads.iter().enumerate() {
            let writes: Vec<SlotId> =
                head.outputs.iter().flat_map(|o| o.columns.iter().map(|c| c.into)).collect();
            let mut plant = |what: &str, fault: &dyn Fn(&mut raspc::plan::Head)| {
                let mut plan = plan.clone();
                fault(&mut plan.layers[l].heads[h]);
                let owner = Some(format!("blocks.{l}.attn.{h}"));
                all.push(Planted { what: what.to_owned(), owner, writes: writes.clone(), plan });
            };
            plant("no keys", &|head| head.columns.clear());
            for c in 0..head.columns.len() {
                plant("a query", &|head| turn(&mut head.columns[c].query));
                plant("a key", &|head| turn(&mut head.columns[c].key));
            }
            for o in 0..head.outputs.len() {
                plant("what a key hands on", &|head| turn(&mut head.outputs[o].columns[0].form));
                plant("what BOS hands on", &|head| {
                    let at_bos = &mut head.outputs[o].columns[0].at_bos;
                    *at_bos = at_bos.add(&Number::ONE).unwrap();
                });
            }
        }
        for (g, group) in layer.neurons.iter().enumerate() {
            for n in 0..group.neurons.len() {
                let writes: Vec<SlotId> = group.neurons[n].writes.iter().map(|(slot, _)| *slot).collect();
                let mut plant = |what: &str, fault: &dyn Fn(&mut raspc::plan::Neuron)| {
                    let mut plan = plan.clone();
                    fault(&mut plan.layers[l].neurons[g].neurons[n]);
                    let owner = (group.kind != Neurons::Erase).then(|| format!("blocks.{l}.mlp"));
                    all.push(Planted { what: what.to_owned(), owner, writes: writes.clone(), plan });
                };
                plant("a threshold", &|neuron| neuron.bias = neuron.bias.sub(&Number::ONE).unwrap());
                plant("a step", &|neuron| {
                    neuron.writes.iter_mut().for_each(|(_, factor)| *factor = factor.neg());
                });
            }
        }
    }
    for o in 0..plan.outputs.len() {
        let mut plan = plan.clone();
        if let Read::Categorical { values, .. } = &mut plan.outputs[o].read {
            values.reverse();
            all.push(Planted { what: "an output".into(), owner: None, writes: Vec::new(), plan });
        }
    }
    all
}

#[test]
fn faults_in_a_plan_are_caught_and_named() {
    let (mut wrong, mut harmless) = (0, 0);
    for (name, domain, lengths) in PROGRAMS {
        let compiled = compile_for(&File::read(name).text, domain, lengths);
        let meaning = meaning(&compiled);
        for Planted { what, owner, writes, plan } in planted(&compiled.plan) {
            let artifact = artifact(&compiled, &plan, weights::build(&plan));
            let model = Transformer::from_artifact(&artifact, &Device::Cpu).unwrap();
            let wrong_on = wrong_on(&model, &meaning);
            let Some(input) = wrong_on.first() else {
                harmless += 1;
                continue;
            };
            wrong += 1;
            let what = format!("{name}, {what} of {owner:?}, on {input:?}");
            assert!(check::prove(&compiled.program, &artifact).is_err(), "{what}: proved");
            let first = first_difference(&artifact.manifest, &compiled.program, &model, input).unwrap();
            assert_eq!(first.is_none(), writes.is_empty(), "{what}: {first:?}");
            let Some(first) = first else { continue };
            if let Some(owner) = owner {
                assert_eq!(first.owner, owner, "{what}");
            }
            let slots = &artifact.manifest.slots;
            let written = |direction| writes.iter().any(|slot| slots[slot.0].direction == direction);
            let told = slots.iter().filter(|slot| written(slot.direction));
            let told: Vec<Of> = told.filter_map(|slot| slot.holds.about()).collect();
            assert!(told.contains(&first.of), "{what}: {:?} is not among {told:?}", first.of);
        }
    }
    println!("{wrong} plans are wrong, {harmless} are not");
    assert!(wrong > 100, "only {wrong} plans are wrong");
}

fn artifact(compiled: &Compiled, plan: &Plan, weights: Weights) -> Artifact {
    Artifact::new(Manifest::new(&compiled.program, &compiled.sources, plan, &weights), weights)
}

/// The half-layer in which two networks first have other weights: as many are whole before it.
fn first_changed(a: &Weights, b: &Weights) -> usize {
    let embedding = a.w_e != b.w_e || a.w_pos != b.w_pos;
    let layer = a.layers.iter().zip(&b.layers).position(|(a, b)| a != b);
    match layer {
        _ if embedding => 0,
        Some(l) => 2 * l + 1 + usize::from(a.layers[l].heads == b.layers[l].heads),
        None => 2 * a.layers.len() + 1,
    }
}

#[test]
fn faults_in_weights_are_not_blamed_on_what_comes_before() {
    let faults = number("RASPC_FAULTS", 20);
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (mut wrong, mut there) = (0, 0);
    for (name, domain, lengths) in PROGRAMS {
        let compiled = compile_for(&File::read(name).text, domain, lengths);
        let meaning = meaning(&compiled);
        for _ in 0..faults {
            let mut weights = compiled.artifact.weights.clone();
            let fault = break_one(&mut weights, &mut rng);
            let place = first_changed(&weights, &compiled.artifact.weights);
            let artifact = artifact(&compiled, &compiled.plan, weights);
            let model = Transformer::from_artifact(&artifact, &Device::Cpu).unwrap();
            let wrong_on = wrong_on(&model, &meaning);
            let Some(input) = wrong_on.first() else { continue };
            wrong += 1;
            let what = format!("{name}, {fault} in half-layer {place}");
            assert!(check::prove(&compiled.program, &artifact).is_err(), "{what}: proved");
            let first = first_difference(&artifact.manifest, &compiled.program, &model, input).unwrap();
            let found = first.map_or(2 * compiled.plan.layers.len() + 1, |first| first.half_layer);
            assert!(found >= place, "{what}: blamed on {found}");
            there += usize::from(found == place);
        }
    }
    println!("{there} of {wrong} faults are found where they are");
    // An entry that was zero may change what somebody else wrote.
    assert!(there * 4 >= wrong * 3, "only {there} of {wrong} faults are found where they are");
}
