//! All layers, forwards.

use super::activation::activate;
use super::network::{Attention, Linear, Network, Norm};
use super::product::{Band, Panels, Product, Start, View, multiply};
use super::real::Real;
use super::rows::{add_row, normalise, softmax, stretch};
use super::workspace::{Read, Tape, Weights, Workspace, fit};
use crate::model::Batch;
use std::ops::Range;

/// Some sequences of a batch.
#[derive(Clone)]
pub(super) struct Part<'b> {
    pub batch: &'b Batch,
    pub sequences: Range<usize>,
}

impl<'b> Part<'b> {
    /// Number of positions, `m` everywhere else.
    pub(super) fn positions(&self) -> usize {
        self.sequences.len() * self.batch.seq
    }

    /// The tokens of each column, `m` of them.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &'b [u32]> + use<'b> {
        let range = self.sequences.start * self.batch.seq..self.sequences.end * self.batch.seq;
        self.batch.tokens.iter().map(move |tokens| &tokens[range.clone()])
    }

    /// Positions of each sequence.
    pub(super) fn lengths(&self) -> &'b [usize] {
        &self.batch.lengths[self.sequences.clone()]
    }
}

impl<T: Real> Workspace<T> {
    /// Computes the logits of a part of a batch. `keep` what a backward pass needs.
    pub(super) fn forward(&mut self, network: &Network, weights: &Weights<T>, part: &Part<'_>, keep: bool) {
        self.embed(network, weights, part);
        self.tapes.resize_with(if keep { network.layers.len() } else { 1 }, Tape::default);
        for (l, (attention, mlp)) in network.layers.iter().enumerate() {
            let tape = &mut self.tapes[if keep { l } else { 0 }];
            if let Some(attention) = attention {
                let x = read(
                    &self.resid,
                    network,
                    attention.norm,
                    weights,
                    &mut tape.before_attention,
                    &mut self.x,
                    keep,
                );
                let seen = seen(network, weights, part, x, &mut self.seen);
                times(x, &attention.v, weights, fit(&mut tape.v, part.positions() * attention.v.w.columns));
                let qk = fit(&mut tape.qk, part.positions() * attention.qk.w.columns);
                times(seen.unwrap_or(x), &attention.qk, weights, qk);
                attend(network, attention, part, tape, &mut self.panels, keep);
                add_times(&tape.z, &attention.out, weights, &mut self.resid);
            }
            if let Some(mlp) = mlp {
                let x =
                    read(&self.resid, network, mlp.norm, weights, &mut tape.before_mlp, &mut self.x, keep);
                let post = fit(&mut tape.post, part.positions() * mlp.first.w.columns);
                times(x, &mlp.first, weights, post);
                let slopes = keep.then(|| fit(&mut tape.slopes, post.len()));
                activate(post, slopes, network.activation);
                add_times(post, &mlp.second, weights, &mut self.resid);
            }
        }
        let x = read(&self.resid, network, network.norm, weights, &mut self.last, &mut self.x, keep);
        self.logits.resize_with(network.unembed.len(), Vec::new);
        for (linear, logits) in network.unembed.iter().zip(&mut self.logits) {
            times(x, linear, weights, fit(logits, part.positions() * linear.w.columns));
        }
    }

    /// The residual stream before the first layer.
    fn embed(&mut self, network: &Network, weights: &Weights<T>, part: &Part<'_>) {
        let d = network.d_model;
        let resid = fit(&mut self.resid, part.positions() * d);
        let positions = network.positions.of(&weights.wide);
        for (c, (w_e, tokens)) in network.embed.iter().zip(part.tokens()).enumerate() {
            let w_e = w_e.of(&weights.wide);
            for (row, token) in resid.chunks_exact_mut(d).zip(tokens) {
                let embedding = &w_e[*token as usize * d..][..d];
                match c {
                    0 => row.copy_from_slice(embedding),
                    _ => row.iter_mut().zip(embedding).for_each(|(x, e)| *x += *e),
                }
            }
        }
        if !network.beside {
            for sequence in resid.chunks_exact_mut((part.batch.seq * d).max(1)) {
                add_row(sequence, &positions[..part.batch.seq * d]);
            }
        }
    }
}

/// What a half-layer reads of the residual stream: `read` keeps it for the backward pass. Room for it is
/// in `x` where there is a norm.
fn read<'r, T: Real>(
    resid: &'r [T],
    network: &Network,
    norm: Option<Norm>,
    weights: &Weights<T>,
    read: &'r mut Read<T>,
    x: &'r mut Vec<T>,
    keep: bool,
) -> &'r [T] {
    if norm.is_none() && !keep {
        return resid;
    }
    let y = fit(&mut read.y, resid.len());
    if norm.is_none() {
        y.copy_from_slice(resid);
    } else {
        normalise(resid, y, fit(&mut read.scales, resid.len() / network.d_model), network.eps);
    }
    stretched(&read.y, norm, weights, x)
}

/// What was read, with the parameters of its norm.
pub(super) fn stretched<'r, T: Real>(
    y: &'r [T],
    norm: Option<Norm>,
    weights: &Weights<T>,
    x: &'r mut Vec<T>,
) -> &'r [T] {
    let Some(norm) = norm else { return y };
    let b = norm.b.map(|b| b.of(&weights.wide));
    stretch(y, norm.w.of(&weights.wide), b, fit(x, y.len()));
    x
}

/// What queries and keys read, if it is something else than values do.
pub(super) fn seen<'s, T: Real>(
    network: &Network,
    weights: &Weights<T>,
    part: &Part<'_>,
    x: &[T],
    seen: &'s mut Vec<T>,
) -> Option<&'s [T]> {
    let len = part.batch.seq * network.d_model;
    network.beside.then(|| {
        let seen = fit(seen, x.len());
        seen.copy_from_slice(x);
        for sequence in seen.chunks_exact_mut(len.max(1)) {
            add_row(sequence, &network.positions.of(&weights.wide)[..len]);
        }
        &*seen
    })
}

/// `out ← x w + b`
fn times<T: Real>(x: &[T], linear: &Linear, weights: &Weights<T>, out: &mut [T]) {
    let start = linear.b.map_or(Start::Zero, |b| Start::Row(b.of(&weights.wide)));
    product(x, linear, weights, start, out);
}

/// `out ← out + x w + b`
fn add_times<T: Real>(x: &[T], linear: &Linear, weights: &Weights<T>, out: &mut [T]) {
    product(x, linear, weights, Start::There, out);
    if let Some(b) = linear.b {
        add_row(out, b.of(&weights.wide));
    }
}

fn product<T: Real>(x: &[T], linear: &Linear, weights: &Weights<T>, start: Start<'_, T>, out: &mut [T]) {
    let (k, n) = (linear.w.rows, linear.w.columns);
    let (left, right) = (View::new(x, k), &weights.forward[linear.id]);
    let (m, copy) = (out.len() / n.max(1), &mut Vec::new());
    Product { m, k, n, left, copy, right, start, band: Band::All, out, stride: n }.run();
}

/// From queries, keys and values to patterns and means, sequence by sequence and head by head.
fn attend<T: Real>(
    network: &Network,
    attention: &Attention,
    part: &Part<'_>,
    tape: &mut Tape<T>,
    panels: &mut Panels<T>,
    keep: bool,
) {
    let (seq, heads) = (part.batch.seq, attention.heads.len());
    let (wide, values) = (attention.qk.w.columns, attention.v.w.columns);
    let z = fit(&mut tape.z, part.positions() * values);
    let patterns = if keep { part.sequences.len() * heads } else { 1 };
    let patterns = fit(&mut tape.pattern, patterns * seq * seq);
    let (scores, means) =
        if network.causal { (Band::Lower, Band::LowerLeft) } else { (Band::All, Band::All) };
    for (b, length) in part.lengths().iter().enumerate() {
        let qk = &tape.qk[b * seq * wide..];
        for (h, head) in attention.heads.iter().enumerate() {
            let pattern = &mut patterns[if keep { b * heads + h } else { 0 } * seq * seq..][..seq * seq];
            let (q, k) = (View::new(&qk[head.q..], wide), View::new(&qk[head.k..], wide));
            multiply(panels, [seq, head.d_head, seq], (q, k.t()), scores, pattern, seq);
            softmax(pattern, seq, *length, network.causal, T::of(head.scale));
            let at = b * seq * values + head.v;
            let factors = (View::new(pattern, seq), View::new(&tape.v[at..], values));
            multiply(panels, [seq, seq, head.d_value], factors, means, &mut z[at..], values);
        }
    }
}
