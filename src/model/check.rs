//! Which manifests are rejected: sizes, names, values and references that no network can have.
//!
//! Whoever reads a manifest relies on what is checked here: an index is inside of what it refers to, and no size
//! asks for more memory than the tensors of the file, or a program, account for.

use super::config::{Config, Decode, Positions};
use super::manifest::{Manifest, NeuronInfo, SlotInfo};
use crate::ir::lower::{MAX_DOMAIN, MAX_LENGTH};
use crate::value::{Number, Value};
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::ops::Range;

/// A field of a manifest, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{field}` {wrong}")]
pub struct Defect {
    /// `config.columns[0].vocabulary`
    pub field: String,
    pub wrong: Wrong,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Wrong {
    Empty,
    Outside {
        found: usize,
        allowed: Range<usize>,
    },
    /// The value is also that of an earlier entry.
    Repeated {
        earlier: usize,
    },
    /// A value of a numeric output.
    NoNumber,
    /// A value of a numeric output is not greater than the one before it.
    NotIncreasing,
    Negative,
    /// The eps of a norm.
    Eps(f64),
    /// An output does not have one logit for each token of the first column.
    Tied {
        output: usize,
        logits: usize,
        tokens: usize,
    },
    Sinusoids {
        n_ctx: usize,
        d_model: usize,
    },
    /// Half-layers that end before they begin.
    Reversed,
    /// Neurons that begin before the end of the group before them.
    Overlapping,
    /// No part of the network has this name.
    NoPart,
    /// Nothing is known of the parts of a trained network.
    Trained,
}

/// The most entries of a table of sinusoids, which no tensor of the file accounts for.
const MAX_SINUSOIDS: usize = 1 << 24;

/// Sizes of matrices are below this.
const MAX_SIZE: usize = 1 << 24;

/// The most layers. Those without heads and neurons have no tensors that would limit their number.
pub const MAX_LAYERS: usize = 1 << 20;

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::Outside { found, allowed } if allowed.is_empty() => {
                write!(f, "is {found}, but there is nothing that it could refer to")
            }
            Self::Outside { found, allowed } => {
                write!(f, "is {found}; it must be from {} to {}", allowed.start, allowed.end - 1)
            }
            Self::Repeated { earlier } => write!(f, "has the same value as entry {earlier}"),
            Self::NoNumber => f.write_str("is not a number, and the output is numeric"),
            Self::NotIncreasing => f.write_str("is not greater than the value before it"),
            Self::Negative => f.write_str("is negative"),
            Self::Eps(eps) => write!(f, "is {eps:e}, and must be a positive number in f32"),
            Self::Tied { output, logits, tokens } => write!(
                f,
                "needs a logit for each of the {tokens} tokens of column 0, but output {output} has {logits}"
            ),
            Self::Sinusoids { n_ctx, d_model } => write!(
                f,
                "is sinusoidal: {n_ctx} positions of {d_model} directions are more than {MAX_SINUSOIDS} numbers"
            ),
            Self::Reversed => f.write_str("ends before it begins"),
            Self::Overlapping => f.write_str("begins before the group before it ends"),
            Self::NoPart => f.write_str("is not the name of a part of the network"),
            Self::Trained => {
                f.write_str("is not empty, but the model is trained: nothing is known of its parts")
            }
        }
    }
}

type Checked = Result<(), Defect>;

fn defect<T>(field: impl Into<String>, wrong: Wrong) -> Result<T, Defect> {
    Err(Defect { field: field.into(), wrong })
}

/// Checks that a size or an index is in a range.
fn inside(found: usize, allowed: Range<usize>, field: impl FnOnce() -> String) -> Checked {
    if allowed.contains(&found) { Ok(()) } else { defect(field(), Wrong::Outside { found, allowed }) }
}

fn all_different<T: Eq + Hash>(items: impl Iterator<Item = T>, field: impl Fn(usize) -> String) -> Checked {
    let mut seen = HashMap::new();
    for (i, item) in items.enumerate() {
        if let Some(earlier) = seen.insert(item, i) {
            return defect(field(i), Wrong::Repeated { earlier });
        }
    }
    Ok(())
}

fn not_negative(number: &Number, field: impl FnOnce() -> String) -> Checked {
    if number.is_negative() { defect(field(), Wrong::Negative) } else { Ok(()) }
}

/// Checks a whole manifest.
pub(super) fn manifest(manifest: &Manifest) -> Checked {
    let Manifest { config: shape, knobs, slots, heads, neurons, training, certificate, .. } = manifest;
    config(shape)?;
    if let Some(sharpness) = knobs.sharpness {
        inside(sharpness.into(), 1..257, || "knobs.sharpness".to_owned())?;
    }
    if training.is_some() {
        let parts =
            [("slots", slots.is_empty()), ("heads", heads.is_empty()), ("neurons", neurons.is_empty())];
        if let Some((field, _)) = parts.iter().find(|(_, empty)| !empty) {
            return defect(*field, Wrong::Trained);
        }
    }
    slots.iter().enumerate().try_for_each(|(s, slot)| check_slot(shape, slot, &format!("slots[{s}]")))?;
    for (h, head) in heads.iter().enumerate() {
        check_head(shape, head.layer, head.head, &format!("heads[{h}]"))?;
        not_negative(&head.scores.leak, || format!("heads[{h}].scores.leak"))?;
    }
    all_different(heads.iter().map(|h| (h.layer, h.head)), |h| format!("heads[{h}]"))?;
    check_neurons(shape, neurons)?;
    if let Some(certificate) = certificate {
        for (h, head) in certificate.heads.iter().enumerate() {
            check_head(shape, head.layer, head.head, &format!("certificate.heads[{h}]"))?;
        }
        for (m, mlp) in certificate.mlps.iter().enumerate() {
            inside(mlp.layer, 0..shape.layers.len(), || format!("certificate.mlps[{m}].layer"))?;
        }
    }
    Ok(())
}

/// Checks that a forward pass of this shape makes sense.
pub fn config(config: &Config) -> Checked {
    let Config { d_model, n_ctx, columns, layers, outputs, .. } = config;
    let bos = usize::from(config.bos);
    inside(*d_model, 1..MAX_SIZE, || "config.d_model".to_owned())?;
    inside(*n_ctx, 1 + bos..MAX_LENGTH + bos + 1, || "config.n_ctx".to_owned())?;
    if config.positions == Positions::Sinusoidal && n_ctx * d_model > MAX_SINUSOIDS {
        return defect("config.positions", Wrong::Sinusoids { n_ctx: *n_ctx, d_model: *d_model });
    }
    if let Some(norm) = config.norm
        && !(norm.eps as f32 > 0.0 && (norm.eps as f32).is_finite())
    {
        return defect("config.norm.eps", Wrong::Eps(norm.eps));
    }
    if columns.is_empty() {
        return defect("config.columns", Wrong::Empty);
    }
    all_different(columns.iter().map(|c| &c.name), |c| format!("config.columns[{c}].name"))?;
    for (c, column) in columns.iter().enumerate() {
        let (field, tokens) = (format!("config.columns[{c}].vocabulary"), column.vocabulary.len());
        inside(tokens, 0..MAX_DOMAIN + 1, || format!("{field}.length"))?;
        check_values(&column.vocabulary, &field)?;
    }
    inside(layers.len(), 0..MAX_LAYERS + 1, || "config.layers.length".to_owned())?;
    for (l, layer) in layers.iter().enumerate() {
        inside(layer.d_mlp, 0..MAX_SIZE, || format!("config.layers[{l}].d_mlp"))?;
        for (h, head) in layer.heads.iter().enumerate() {
            inside(head.d_head, 0..MAX_SIZE, || format!("config.layers[{l}].heads[{h}].d_head"))?;
            inside(head.d_value, 1..MAX_SIZE, || format!("config.layers[{l}].heads[{h}].d_value"))?;
        }
    }
    if outputs.is_empty() {
        return defect("config.outputs", Wrong::Empty);
    }
    all_different(outputs.iter().map(|o| &o.name), |o| format!("config.outputs[{o}].name"))?;
    let tokens = columns[0].vocabulary.len();
    for (o, output) in outputs.iter().enumerate() {
        check_decode(&output.decode, &format!("config.outputs[{o}].decode"))?;
        let logits = output.decode.width();
        if config.tied && logits != tokens {
            return defect("config.tied", Wrong::Tied { output: o, logits, tokens });
        }
    }
    Ok(())
}

/// Values of which each must be told from the others: a value that is two tokens would mean one of them, and
/// nobody knows which.
fn check_values(values: &[Value], field: &str) -> Checked {
    if values.is_empty() {
        return defect(field, Wrong::Empty);
    }
    all_different(values.iter(), |v| format!("{field}[{v}]"))
}

/// Numbers must increase, as the nearest of them is looked for between neighbours.
fn check_decode(decode: &Decode, field: &str) -> Checked {
    match decode {
        Decode::Categorical { values } => check_values(values, &format!("{field}.values")),
        Decode::Numeric { values, bound } => {
            not_negative(bound, || format!("{field}.bound"))?;
            let mut last: Option<&Number> = None;
            for (v, value) in values.iter().enumerate() {
                let field = || format!("{field}.values[{v}]");
                let number = match value {
                    Value::Number(number) => number,
                    Value::Bool(_) | Value::Str(_) => return defect(field(), Wrong::NoNumber),
                };
                if last.is_some_and(|last| number <= last) {
                    return defect(field(), Wrong::NotIncreasing);
                }
                last = Some(number);
            }
            Ok(())
        }
    }
}

fn check_slot(config: &Config, slot: &SlotInfo, field: &str) -> Checked {
    inside(slot.direction, 0..config.d_model, || format!("{field}.direction"))?;
    not_negative(&slot.bound, || format!("{field}.bound"))?;
    if let Some(column) = slot.holds.column() {
        inside(column, 0..config.columns.len(), || format!("{field}.holds.of.column"))?;
    }
    // The embedding, two half-layers per layer, and the unembedding.
    let half_layers = 2 * config.layers.len() + 2;
    for at in slot.live {
        inside(at, 0..half_layers, || format!("{field}.live"))?;
    }
    if slot.live[0] > slot.live[1] {
        return defect(format!("{field}.live"), Wrong::Reversed);
    }
    match is_part(config, &slot.owner) {
        true => Ok(()),
        false => defect(format!("{field}.owner"), Wrong::NoPart),
    }
}

/// Whether a name is `embedding`, `blocks.0.attn.1` or `blocks.0.mlp`, of a part that there is.
fn is_part(config: &Config, name: &str) -> bool {
    let Some(rest) = name.strip_prefix("blocks.") else { return name == "embedding" };
    let Some((layer, part)) = rest.split_once('.') else { return false };
    let Some(layer) = layer.parse().ok().and_then(|l: usize| config.layers.get(l)) else { return false };
    match part.strip_prefix("attn.") {
        Some(head) => head.parse().is_ok_and(|h: usize| h < layer.heads.len()),
        None => part == "mlp" && layer.d_mlp > 0,
    }
}

fn check_head(config: &Config, layer: usize, head: usize, field: &str) -> Checked {
    inside(layer, 0..config.layers.len(), || format!("{field}.layer"))?;
    inside(head, 0..config.layers[layer].heads.len(), || format!("{field}.head"))
}

/// Groups of neurons come in the order of the layers, and in each in the order of the neurons.
fn check_neurons(config: &Config, groups: &[NeuronInfo]) -> Checked {
    let mut last = (0, 0);
    for (n, group) in groups.iter().enumerate() {
        let [first, end] = group.neurons;
        inside(group.layer, 0..config.layers.len(), || format!("neurons[{n}].layer"))?;
        let d_mlp = config.layers[group.layer].d_mlp;
        inside(first, 0..d_mlp, || format!("neurons[{n}].neurons[0]"))?;
        inside(end, first + 1..d_mlp + 1, || format!("neurons[{n}].neurons[1]"))?;
        if (group.layer, first) < last {
            return defect(format!("neurons[{n}].neurons"), Wrong::Overlapping);
        }
        last = (group.layer, end);
    }
    Ok(())
}
