//! What the kernel has shown, told to others.

use super::check::{Budget, Open, show};
use super::seen::Seen;
use super::within::least_gap;
use crate::ir::{Node, Program, definition};
use crate::model::{Artifact, Certificate, HeadShown, MlpShown, OutputShown};
use crate::value::Number;
use std::collections::BTreeMap;

/// A certificate that a model computes a program on every declared input, or what is open.
pub fn prove(program: &Program, artifact: &Artifact) -> Result<Certificate, Open> {
    prove_with(program, artifact, &Seen::default(), Budget::default())
}

/// [`prove`], resting on what the program was seen to do, within a budget of steps.
pub fn prove_with(
    program: &Program,
    artifact: &Artifact,
    seen: &Seen,
    budget: Budget<'_>,
) -> Result<Certificate, Open> {
    let shown = show(program, artifact, seen, budget)?;
    let mut heads: BTreeMap<(usize, usize), HeadShown> = BTreeMap::new();
    for ((layer, head), of, shown) in shown.heads {
        let (gap, leak) = (rounded(shown.gap.min(f64::from(u16::MAX))), exactly(shown.leak));
        let known = heads.entry((layer, head)).or_insert_with(|| HeadShown {
            layer,
            head,
            writes: Vec::new(),
            gap: gap.clone(),
            leak: Number::ZERO,
            selected: shown.selected,
            by_rank: false,
            pairs: 0,
        });
        let name = name(program, of);
        if !known.writes.contains(&name) {
            known.writes.push(name);
        }
        known.gap = gap.min(known.gap.clone());
        known.leak = leak.max(known.leak.clone());
        let [min, max] = shown.selected;
        known.selected = [min.min(known.selected[0]), max.max(known.selected[1])];
        known.by_rank |= shown.by_rank;
        known.pairs += shown.pairs;
    }
    let mut mlps: BTreeMap<usize, BTreeMap<usize, usize>> = BTreeMap::new();
    for (layer, direction, tuples) in shown.mlps {
        *mlps.entry(layer).or_default().entry(direction).or_default() += tuples;
    }
    let mlp = |(layer, tuples): (usize, BTreeMap<usize, usize>)| {
        let (directions, tuples) = (tuples.len(), tuples.values().sum());
        MlpShown { layer, directions, tuples }
    };
    let outputs = program.outputs.iter().enumerate().filter_map(|(i, output)| {
        let shown = shown.outputs.get(&i)?;
        Some(OutputShown {
            name: output.name.to_string(),
            margin: rounded(shown.margin),
            tuples: shown.tuples,
            within: rounded_up(&shown.within),
            gap: least_gap(&shown.values).filter(|_| !shown.within.is_zero()),
        })
    });
    let outputs = outputs.collect();
    let lengths = [shown.lengths.first(), shown.lengths.last()].map(|n| n.copied().unwrap_or(0));
    Ok(Certificate {
        lengths,
        classes: seen.classes,
        heads: heads.into_values().collect(),
        mlps: mlps.into_iter().map(mlp).collect(),
        outputs,
        cost: Number::from(i64::try_from(shown.cost).unwrap_or(i64::MAX)),
        brute_force: brute_force(program, artifact, lengths),
    })
}

/// What directions tell of: an s-op by its name, or by what it computes.
fn name(program: &Program, of: Node) -> String {
    program.graph.name(of).map_or_else(|| definition(program, of), |name| name.to_string())
}

fn exactly(x: f64) -> Number {
    Number::from_f64(x).unwrap_or(Number::ZERO)
}

/// Rounded down, so that it is short.
fn rounded(x: f64) -> Number {
    const GRID: f64 = (1u32 << 20) as f64;
    exactly((x * GRID).floor() / GRID)
}

/// Rounded up to a few binary digits, so that it is short.
fn rounded_up(x: &Number) -> Number {
    if x.is_zero() {
        return Number::ZERO;
    }
    let nearest = x.to_f64();
    let above = if exactly(nearest) < *x { nearest.next_up() } else { nearest };
    let scale = f64::exp2(above.log2().floor() - 10.0);
    exactly((above / scale).ceil() * scale)
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
