//! What the kernel has shown, told to others.

use super::check::{HeadShown as Head, Open, show};
use super::locate::node;
use crate::ir::{Program, definition};
use crate::model::{Artifact, Certificate, HeadShown, MlpShown, Of, OutputShown};
use crate::value::Number;
use std::collections::BTreeMap;

/// A certificate that a model computes a program on every declared input, or what is open.
pub fn prove(program: &Program, artifact: &Artifact) -> Result<Certificate, Open> {
    let shown = show(program, artifact)?;
    let head = |((layer, head), shown): ((usize, usize), Head)| HeadShown {
        layer,
        head,
        writes: shown.writes.iter().map(|of| name(program, *of)).collect(),
        gap: rounded(shown.gap.min(f64::from(u16::MAX))),
        leak: Number::from_f64(shown.leak).unwrap_or(Number::ZERO),
        selected: shown.selected,
        by_rank: shown.by_rank,
        pairs: shown.pairs,
    };
    let mlp = |(layer, tuples): (usize, BTreeMap<usize, usize>)| {
        let (directions, tuples) = (tuples.len(), tuples.values().sum());
        MlpShown { layer, directions, tuples }
    };
    let output = |(output, (margin, tuples)): (usize, (f64, usize))| OutputShown {
        name: program.outputs[output].name.to_string(),
        margin: rounded(margin),
        tuples,
    };
    let lengths = [shown.lengths.first(), shown.lengths.last()].map(|n| n.copied().unwrap_or(0));
    Ok(Certificate {
        lengths,
        heads: shown.heads.into_iter().map(head).collect(),
        mlps: shown.mlps.into_iter().map(mlp).collect(),
        outputs: shown.outputs.into_iter().map(output).collect(),
        cost: Number::from(i64::try_from(shown.cost).unwrap_or(i64::MAX)),
        brute_force: brute_force(program, artifact, lengths),
    })
}

/// What directions tell of: an s-op by its name, or by what it computes.
fn name(program: &Program, of: Of) -> String {
    let told = |node| match program.graph.name(node) {
        Some(name) => name.to_string(),
        None => definition(program, node),
    };
    node(program, of).map_or_else(String::new, told)
}

/// Rounded down, so that it is short.
fn rounded(x: f64) -> Number {
    const GRID: f64 = (1u32 << 20) as f64;
    Number::from_f64((x * GRID).floor() / GRID).unwrap_or(Number::ZERO)
}

/// Multiplications that running every input takes.
fn brute_force(program: &Program, artifact: &Artifact, [shortest, longest]: [usize; 2]) -> Number {
    let config = &artifact.manifest.config;
    let weights = artifact.weights.n_params();
    let heads = config.layers.iter().flat_map(|l| &l.heads).map(|h| h.d_head + h.d_value).sum::<usize>();
    let values = program.columns.iter().map(|column| column.domain.as_ref().map_or(0, Vec::len));
    let inputs_per_position: usize = values.product();
    let (mut all, mut inputs) = (Number::ZERO, Number::ONE);
    for n in 1..=longest {
        let add = |a: &Number, b: &Number| a.add(b).ok();
        inputs = inputs.mul(&inputs_per_position.into()).unwrap_or(inputs);
        let seq = n + usize::from(config.bos);
        let of_input = Number::from(seq * weights + seq * seq * heads);
        if n >= shortest {
            all = inputs.mul(&of_input).ok().and_then(|more| add(&all, &more)).unwrap_or(all);
        }
    }
    all
}
