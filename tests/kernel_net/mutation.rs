//! Networks with a fault: in one weight, a head, a neuron, an embedding, in how they are run or read, or in what
//! they say of themselves.

use crate::common::faults::matrices;
use ndarray::{Array2, Axis, concatenate};
use rand::Rng as _;
use rand::seq::{IndexedMutRandom as _, IndexedRandom as _, SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use raspc::model::{
    Activation, Artifact, AttnScale, Biases, Decode, Held, LayerConfig, NormConfig, Of, Positions,
};
use raspc::value::{Number, Value};
use raspc::weights::{HeadWeights, LayerWeights};

type Change = fn(&mut Artifact, &mut ChaCha8Rng) -> Option<()>;

/// Every kind of fault. Each leaves a network whose matrices have the shapes that its configuration says.
pub const MUTATIONS: [(&str, Change); 48] = [
    ("weight: zero", |a, rng| entry(a, rng, Some(false), |_, _| 0.0)),
    ("weight: sign", |a, rng| entry(a, rng, Some(false), |w, _| -w)),
    ("weight: off by one unit in the last place", |a, rng| {
        entry(a, rng, Some(false), |w, _| f32::from_bits(w.to_bits() + 1))
    }),
    ("weight: off by one part in a million", |a, rng| entry(a, rng, Some(false), |w, _| w * (1.0 + 1e-6))),
    ("weight: off by a part", |a, rng| entry(a, rng, Some(false), |w, rng| w * rng.random_range(0.5..1.5))),
    ("weight: off by one", |a, rng| {
        entry(a, rng, Some(false), |w, rng| w + if rng.random_bool(0.5) { 1.0 } else { -1.0 })
    }),
    ("weight: doubled or halved", |a, rng| {
        entry(a, rng, Some(false), |w, rng| w * if rng.random_bool(0.5) { 2.0 } else { 0.5 })
    }),
    ("weight: another one", |a, rng| {
        entry(a, rng, Some(false), |_, rng| *[0.5, 1.0, 2.0, -1.0, 300.0].choose(rng).unwrap())
    }),
    ("weight: huge", |a, rng| entry(a, rng, None, |_, rng| *[1e8, -1e20, f32::MAX].choose(rng).unwrap())),
    ("weight: was zero", |a, rng| {
        entry(a, rng, Some(true), |_, rng| *[1.0, -1.0, 0.5, 256.0].choose(rng).unwrap())
    }),
    ("weight: was zero, now tiny", |a, rng| {
        entry(a, rng, Some(true), |_, rng| *[1e-3, 1e-6, -1e-30, 1e-45].choose(rng).unwrap())
    }),
    ("weight: no number", |a, rng| entry(a, rng, None, |_, _| f32::NAN)),
    ("weight: infinite", |a, rng| {
        entry(a, rng, None, |_, rng| if rng.random_bool(0.5) { f32::INFINITY } else { f32::NEG_INFINITY })
    }),
    ("matrix: rows swapped", |a, rng| lines(a, rng, Axis(0), false)),
    ("matrix: columns swapped", |a, rng| lines(a, rng, Axis(1), false)),
    ("matrix: row copied", |a, rng| lines(a, rng, Axis(0), true)),
    ("matrix: column copied", |a, rng| lines(a, rng, Axis(1), true)),
    ("matrix: row gone", |a, rng| gone(a, rng, Axis(0))),
    ("matrix: column gone", |a, rng| gone(a, rng, Axis(1))),
    ("matrix: halved", |a, rng| {
        matrix(a, rng)?.mapv_inplace(|w| w / 2.0);
        Some(())
    }),
    ("head: silent", |a, rng| {
        head(a, rng)?.w_o.fill(0.0);
        Some(())
    }),
    ("head: blind", |a, rng| {
        head(a, rng)?.w_q.fill(0.0);
        Some(())
    }),
    ("head: less sharp", |a, rng| {
        let by = *[0.5, 0.1, 0.02].choose(rng)?;
        head(a, rng)?.w_k.mapv_inplace(|w| w * by);
        Some(())
    }),
    ("head: does not tell two keys apart", |a, rng| {
        let head = head(a, rng)?;
        let at = rng.random_range(0..head.w_k.nrows());
        head.w_k.row_mut(at).fill(0.0);
        Some(())
    }),
    ("head: does not tell two queries apart", |a, rng| {
        let head = head(a, rng)?;
        let at = rng.random_range(0..head.w_q.nrows());
        head.w_q.row_mut(at).fill(0.0);
        Some(())
    }),
    ("head: queries are keys", |a, rng| {
        let head = head(a, rng)?;
        std::mem::swap(&mut head.w_q, &mut head.w_k);
        Some(())
    }),
    ("head: attends like another", |a, rng| {
        let heads: Vec<HeadWeights> = a.weights.layers.iter().flat_map(|l| &l.heads).cloned().collect();
        let (other, head) = (heads.choose(rng)?, head(a, rng)?);
        (other.w_q.dim() == head.w_q.dim()).then(|| {
            head.w_q.clone_from(&other.w_q);
            head.w_k.clone_from(&other.w_k);
        })
    }),
    ("head: values of another", |a, rng| {
        let heads: Vec<HeadWeights> = a.weights.layers.iter().flat_map(|l| &l.heads).cloned().collect();
        let (other, head) = (heads.choose(rng)?, head(a, rng)?);
        (other.w_v.dim() == head.w_v.dim()).then(|| head.w_v.clone_from(&other.w_v))
    }),
    ("neuron: silent", |a, rng| neuron(a, rng, |j, _, w_out, _| w_out.row_mut(j).fill(0.0))),
    ("neuron: like another", |a, rng| {
        neuron(a, rng, |j, w_in, _, other| {
            let column = w_in.column(other).to_owned();
            w_in.column_mut(j).assign(&column);
        })
    }),
    ("neuron: threshold", |a, rng| {
        let by = *[1.0, -1.0, 0.5, 1e-3].choose(rng)?;
        let mut mlps: Vec<_> = a.weights.layers.iter_mut().filter_map(|l| l.mlp.as_mut()).collect();
        let b_in = &mut mlps.choose_mut(rng)?.b_in;
        let j = rng.random_range(0..b_in.ncols().max(1));
        *b_in.get_mut([0, j])? += by;
        Some(())
    }),
    ("embedding: of another token", |a, rng| copy_row(a.weights.w_e.choose_mut(rng)?, rng)),
    ("embedding: of another position", |a, rng| copy_row(&mut a.weights.w_pos, rng)),
    ("embedding: BOS", |a, rng| {
        let (bos, columns) = (a.manifest.config.bos, a.weights.w_pos.ncols());
        let d = rng.random_range(0..columns.max(1));
        let by = *[1.0, -1.0, 0.5].choose(rng)?;
        *a.weights.w_pos.get_mut([0, d]).filter(|_| bos)? += by;
        Some(())
    }),
    ("layer: twice", |a, rng| {
        let l = rng.random_range(0..a.weights.layers.len().max(1));
        let (layer, config) = (a.weights.layers.get(l)?.clone(), a.manifest.config.layers.get(l)?.clone());
        a.weights.layers.insert(l, layer);
        a.manifest.config.layers.insert(l, config);
        Some(())
    }),
    ("layer: one more that adds constants", |a, rng| {
        let d = a.manifest.config.d_model;
        let mut w_out = Array2::zeros((1, d));
        w_out[[0, rng.random_range(0..d)]] = *[1.0, -1.0, 1e-6].choose(rng)?;
        let mlp =
            raspc::weights::MlpWeights { w_in: Array2::zeros((d, 1)), b_in: Array2::ones((1, 1)), w_out };
        a.weights.layers.push(LayerWeights { heads: Vec::new(), mlp: Some(mlp) });
        a.manifest.config.layers.push(LayerConfig { heads: Vec::new(), d_mlp: 1 });
        Some(())
    }),
    ("reading: values in another order", |a, rng| {
        let values = values(a, rng)?;
        values.shuffle(rng);
        Some(())
    }),
    ("reading: a value twice", |a, rng| {
        let values = values(a, rng)?;
        let (from, to) = (rng.random_range(0..values.len()), rng.random_range(0..values.len()));
        values[to] = values[from].clone();
        Some(())
    }),
    ("reading: a value of another type", |a, rng| {
        let value = values(a, rng)?.choose_mut(rng)?;
        *value = match &*value {
            Value::Bool(b) => Value::int(i64::from(*b)),
            Value::Number(n) if *n == Number::ONE => Value::Bool(true),
            Value::Number(n) if n.is_zero() => Value::Bool(false),
            Value::Number(n) => Value::str(&n.to_string()),
            Value::Str(_) => Value::int(0),
        };
        Some(())
    }),
    ("reading: as a number", |a, rng| {
        let bound = Number::from(*[0_i64, 1, 100].choose(rng)?);
        let (o, keep) = (rng.random_range(0..a.weights.w_u.len()), rng.random_bool(0.5));
        let decode = &mut a.manifest.config.outputs[o].decode;
        let values = match decode {
            Decode::Categorical { values } | Decode::Numeric { values, .. } if keep => std::mem::take(values),
            Decode::Categorical { .. } | Decode::Numeric { .. } => Vec::new(),
        };
        *decode = Decode::Numeric { values, bound };
        let w_u = &mut a.weights.w_u[o];
        *w_u = w_u.column(w_u.ncols() - 1).to_owned().insert_axis(Axis(1));
        Some(())
    }),
    ("reading: a wider bound, and a weight", |a, rng| {
        let by = Number::from(*[1_i64, 100].choose(rng)?);
        let widen = |decode: &mut Decode| match decode {
            Decode::Numeric { bound, .. } => {
                *bound = bound.add(&by).unwrap();
                Some(())
            }
            Decode::Categorical { .. } => None,
        };
        a.manifest.config.outputs.iter_mut().filter_map(|o| widen(&mut o.decode)).last()?;
        entry(a, rng, Some(false), |w, rng| w * rng.random_range(0.0..2.0))
    }),
    ("running: causal or not", |a, _| {
        a.manifest.config.causal ^= true;
        Some(())
    }),
    ("running: BOS or not", |a, _| {
        let bos = &mut a.manifest.config.bos;
        *bos ^= true;
        for w_e in &mut a.weights.w_e {
            *w_e = match *bos {
                true => concatenate![Axis(0), w_e.view(), Array2::zeros((1, w_e.ncols()))],
                false => w_e.slice(ndarray::s![..w_e.nrows() - 1, ..]).to_owned(),
            };
        }
        Some(())
    }),
    ("running: another option", |a, rng| {
        let config = &mut a.manifest.config;
        match rng.random_range(0..5) {
            0 => config.attn_scale = AttnScale::SqrtDHead,
            1 => config.activation = Activation::Gelu,
            2 => config.positions = Positions::QueryKey,
            3 => {
                config.norm = Some(NormConfig { eps: 1e-5, bias: false });
                let ones = Array2::ones((1, config.d_model));
                for (name, _) in config.shapes().into_iter().filter(|(name, _)| name.contains("ln")) {
                    a.weights.more.insert(name, ones.clone());
                }
            }
            _ => {
                config.biases = Biases::None;
                let mlps = a.weights.layers.iter_mut().filter_map(|l| l.mlp.as_mut());
                mlps.for_each(|mlp| mlp.b_in = Array2::default((0, 0)));
            }
        }
        Some(())
    }),
    ("running: a vocabulary in another order", |a, rng| {
        let column = a.manifest.config.columns.choose_mut(rng)?;
        column.vocabulary.shuffle(rng);
        Some(())
    }),
    ("running: columns or outputs in another order", |a, rng| {
        let config = &mut a.manifest.config;
        match rng.random_bool(0.5) {
            true => config.columns.reverse(),
            false => config.outputs.reverse(),
        }
        Some(())
    }),
    ("hints: gone or exchanged, and a weight", |a, rng| {
        hints(a, rng)?;
        entry(a, rng, Some(false), |w, rng| *[0.0, -w, 2.0 * w, w + 1.0].choose(rng).unwrap())
    }),
    ("hints: gone or exchanged", hints),
];

fn matrix<'a>(artifact: &'a mut Artifact, rng: &mut ChaCha8Rng) -> Option<&'a mut Array2<f32>> {
    let mut all = matrices(&mut artifact.weights);
    all.retain(|matrix| !matrix.is_empty());
    let at = rng.random_range(0..all.len().max(1));
    (at < all.len()).then(|| all.swap_remove(at))
}

/// An entry that is zero, one that is not, or any.
fn entry(
    artifact: &mut Artifact,
    rng: &mut ChaCha8Rng,
    zero: Option<bool>,
    change: fn(f32, &mut ChaCha8Rng) -> f32,
) -> Option<()> {
    let matrix = matrix(artifact, rng)?;
    let entries: Vec<(usize, usize)> = matrix
        .indexed_iter()
        .filter(|(_, w)| zero.is_none_or(|zero| (**w == 0.0) == zero))
        .map(|(at, _)| at)
        .collect();
    let at = *entries.choose(rng)?;
    matrix[at] = change(matrix[at], rng);
    Some(())
}

/// Two rows or columns of a matrix, swapped or made equal.
fn lines(artifact: &mut Artifact, rng: &mut ChaCha8Rng, axis: Axis, copy: bool) -> Option<()> {
    let matrix = matrix(artifact, rng)?;
    let n = matrix.len_of(axis);
    let (i, j) = (rng.random_range(0..n), rng.random_range(0..n));
    let (one, other) = (matrix.index_axis(axis, i).to_owned(), matrix.index_axis(axis, j).to_owned());
    matrix.index_axis_mut(axis, j).assign(&one);
    if !copy {
        matrix.index_axis_mut(axis, i).assign(&other);
    }
    Some(())
}

fn gone(artifact: &mut Artifact, rng: &mut ChaCha8Rng, axis: Axis) -> Option<()> {
    let matrix = matrix(artifact, rng)?;
    let i = rng.random_range(0..matrix.len_of(axis));
    matrix.index_axis_mut(axis, i).fill(0.0);
    Some(())
}

fn head<'a>(artifact: &'a mut Artifact, rng: &mut ChaCha8Rng) -> Option<&'a mut HeadWeights> {
    let mut all: Vec<&mut HeadWeights> =
        artifact.weights.layers.iter_mut().flat_map(|l| &mut l.heads).collect();
    let at = rng.random_range(0..all.len().max(1));
    (at < all.len()).then(|| all.swap_remove(at))
}

/// Changes a neuron, by what all of them read and write, and another one.
fn neuron(
    artifact: &mut Artifact,
    rng: &mut ChaCha8Rng,
    change: fn(usize, &mut Array2<f32>, &mut Array2<f32>, usize),
) -> Option<()> {
    let mut mlps: Vec<_> = artifact.weights.layers.iter_mut().filter_map(|l| l.mlp.as_mut()).collect();
    let mlp = mlps.choose_mut(rng)?;
    let n = mlp.b_in.ncols();
    let (j, other) = (rng.random_range(0..n), rng.random_range(0..n));
    change(j, &mut mlp.w_in, &mut mlp.w_out, other);
    Some(())
}

fn copy_row(matrix: &mut Array2<f32>, rng: &mut ChaCha8Rng) -> Option<()> {
    let (i, j) = (rng.random_range(0..matrix.nrows()), rng.random_range(0..matrix.nrows()));
    let row = matrix.row(i).to_owned();
    matrix.row_mut(j).assign(&row);
    Some(())
}

/// The values of an output's rule.
fn values<'a>(artifact: &'a mut Artifact, rng: &mut ChaCha8Rng) -> Option<&'a mut Vec<Value>> {
    let (Decode::Categorical { values } | Decode::Numeric { values, .. }) =
        &mut artifact.manifest.config.outputs.choose_mut(rng)?.decode;
    if values.is_empty() { None } else { Some(values) }
}

/// What the file says of its directions.
fn hints(artifact: &mut Artifact, rng: &mut ChaCha8Rng) -> Option<()> {
    let slots = &mut artifact.manifest.slots;
    let (i, j) = (rng.random_range(0..slots.len().max(1)), rng.random_range(0..slots.len().max(1)));
    let other = slots.get(j)?.clone();
    match rng.random_range(0..5) {
        0 => drop(slots.remove(i)),
        1 => slots[i].holds = other.holds,
        2 => slots[i].live = other.live,
        3 => slots[i].holds = Held::Numeric { of: Of::Sop(rng.random_range(0..64)) },
        _ => slots[i].holds = Held::Numeric { of: Of::Width(rng.random_range(0..16)) },
    }
    Some(())
}

/// A mutant, and what was done to it; none if that is nothing.
pub fn mutant(artifact: &Artifact, rng: &mut ChaCha8Rng) -> Option<(Artifact, &'static str)> {
    let (name, change) = MUTATIONS.choose(rng)?;
    let mut mutant = artifact.clone();
    change(&mut mutant, rng)?;
    (mutant.manifest != artifact.manifest || mutant.weights != artifact.weights).then_some((mutant, name))
}
