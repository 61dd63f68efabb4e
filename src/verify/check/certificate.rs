//! What was shown, put together over all lengths.

use super::Network;
use crate::model::{Artifact, Certificate, Config, HeadShown, MlpShown, Of, OutputShown};
use crate::value::Number;
use std::collections::BTreeMap;

/// What was shown so far.
#[derive(Default)]
pub(super) struct Shown {
    pub lengths: Option<[usize; 2]>,
    /// Whether some output has some value.
    pub any: bool,
    pub heads: BTreeMap<(usize, usize), Head>,
    /// For each layer, the tuples of each direction that its MLP writes.
    pub mlps: BTreeMap<usize, BTreeMap<usize, usize>>,
    /// Margins and tuples.
    pub outputs: BTreeMap<usize, (f64, usize)>,
}

#[derive(Clone)]
pub(super) struct Head {
    pub writes: Vec<Of>,
    pub gap: f64,
    pub leak: f64,
    pub selected: [usize; 2],
    pub by_rank: bool,
    pub pairs: usize,
}

impl Head {
    pub const NONE: Self = Self {
        writes: Vec::new(),
        gap: f64::INFINITY,
        leak: 0.0,
        selected: [usize::MAX, 0],
        by_rank: false,
        pairs: 0,
    };
}

impl Shown {
    /// None if there is no input.
    pub fn certificate(self, network: &Network<'_>, artifact: &Artifact) -> Option<Certificate> {
        let lengths = self.lengths.filter(|_| self.any)?;
        let head = |((layer, head), shown): ((usize, usize), Head)| HeadShown {
            layer,
            head,
            writes: shown.writes.iter().map(|of| network.label(*of)).collect(),
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
            name: network.program.outputs[output].name.to_string(),
            margin: rounded(margin),
            tuples,
        };
        Some(Certificate {
            lengths,
            heads: self.heads.into_iter().map(head).collect(),
            mlps: self.mlps.into_iter().map(mlp).collect(),
            outputs: self.outputs.into_iter().map(output).collect(),
            cost: Number::from(i64::try_from(network.work.0.get()).unwrap_or(i64::MAX)),
            brute_force: brute_force(network, artifact, lengths),
        })
    }
}

/// Rounded down, so that it is short.
fn rounded(x: f64) -> Number {
    const GRID: f64 = (1u32 << 20) as f64;
    Number::from_f64((x * GRID).floor() / GRID).unwrap_or(Number::ZERO)
}

/// Multiplications that running every input takes.
fn brute_force(network: &Network<'_>, artifact: &Artifact, [shortest, longest]: [usize; 2]) -> Number {
    let config: &Config = network.config;
    let weights = artifact.weights.n_params();
    let heads = config.layers.iter().flat_map(|l| &l.heads).map(|h| h.d_head + h.d_value).sum::<usize>();
    let inputs_per_position: usize = network.rows.iter().map(Vec::len).product();
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
