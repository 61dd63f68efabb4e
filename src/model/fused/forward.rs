//! All layers, forwards.

use super::activation::activate;
use super::network::{Attention, Linear, Network, Norm};
use super::product::{Band, Left, Product, Start, apart, from, transpose};
use super::real::{LANES, Real};
use super::rows::{add, add_column, normalise, softmax, stretch};
use super::workspace::{Read, Room, Tape, Weights, Workspace, fit};
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

    /// How far apart rows lie that hold all positions: wide registers may reach behind the last one.
    pub(super) fn apart(&self) -> usize {
        apart(self.positions() + LANES)
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

/// [`from`], to be written.
pub(super) fn from_mut<T>(numbers: &mut [T], at: usize) -> &mut [T] {
    numbers.get_mut(at..).unwrap_or_default()
}

impl<T: Real> Workspace<T> {
    /// Computes the logits of a part of a batch. `keep` what a backward pass needs.
    pub(super) fn forward(&mut self, network: &Network, weights: &Weights<T>, part: &Part<'_>, keep: bool) {
        self.embed(network, weights, part);
        self.tapes.resize_with(if keep { network.layers.len() } else { 1 }, Tape::default);
        for (l, (attention, mlp)) in network.layers.iter().enumerate() {
            let tape = &mut self.tapes[if keep { l } else { 0 }];
            if let Some(attention) = attention {
                let (norm, kept) = (attention.norm, &mut tape.before_attention);
                let x = read(&self.resid, network, norm, weights, part, kept, &mut self.x, keep);
                let seen = seen(network, weights, part, x, &mut self.seen);
                times(x, &attention.v, weights, part, &mut tape.v);
                times(seen.unwrap_or(x), &attention.qk, weights, part, &mut tape.qk);
                attend(network, attention, part, tape, keep);
                add_times(&tape.z, &attention.out, weights, part, &mut self.resid);
            }
            if let Some(mlp) = mlp {
                let (norm, kept) = (mlp.norm, &mut tape.before_mlp);
                let x = read(&self.resid, network, norm, weights, part, kept, &mut self.x, keep);
                times(x, &mlp.first, weights, part, &mut tape.post);
                let slopes = keep.then(|| fit(&mut tape.slopes, tape.post.len()));
                activate(&mut tape.post, slopes, network.activation);
                add_times(&tape.post, &mlp.second, weights, part, &mut self.resid);
            }
        }
        let x = read(&self.resid, network, network.norm, weights, part, &mut self.last, &mut self.x, keep);
        self.logits.resize_with(network.unembed.len(), Room::default);
        self.listed.resize_with(network.unembed.len(), Vec::new);
        for ((linear, logits), listed) in network.unembed.iter().zip(&mut self.logits).zip(&mut self.listed) {
            times(x, linear, weights, part, logits);
            let (m, width) = (part.positions(), linear.w.columns);
            listed.resize(m * width, T::zero());
            transpose((&*logits, part.apart()), (listed, width), width, m, false);
        }
    }

    /// The residual stream before the first layer.
    fn embed(&mut self, network: &Network, weights: &Weights<T>, part: &Part<'_>) {
        let (d, m, seq, apart) = (network.d_model, part.positions(), part.batch.seq, part.apart());
        let positions = network.positions.of(&weights.wide);
        let listed = fit(&mut self.turned, m * d);
        for (c, (w_e, tokens)) in network.embed.iter().zip(part.tokens()).enumerate() {
            let w_e = w_e.of(&weights.wide);
            for (row, token) in listed.chunks_exact_mut(d).zip(tokens) {
                let embedding = &w_e[*token as usize * d..][..d];
                match c {
                    0 => row.copy_from_slice(embedding),
                    _ => row.iter_mut().zip(embedding).for_each(|(x, e)| *x += *e),
                }
            }
        }
        if !network.beside {
            listed
                .chunks_exact_mut((seq * d).max(1))
                .for_each(|sequence| add(sequence, &positions[..seq * d]));
        }
        let resid = fit(&mut self.resid, d * apart);
        // What stands behind the last position is no number of any, but it is computed with.
        resid.chunks_exact_mut(apart).for_each(|row| row[m..].fill(T::zero()));
        transpose((&*listed, d), (resid, apart), m, d, false);
    }
}

/// What a half-layer reads of the residual stream: `read` keeps it for the backward pass. Room for it is
/// in `x` where there is a norm.
#[expect(clippy::too_many_arguments, reason = "they are parts of one workspace, borrowed one by one")]
fn read<'r, T: Real>(
    resid: &'r [T],
    network: &Network,
    norm: Option<Norm>,
    weights: &Weights<T>,
    part: &Part<'_>,
    read: &'r mut Read<T>,
    x: &'r mut Room<T>,
    keep: bool,
) -> &'r [T] {
    if norm.is_none() && !keep {
        return resid;
    }
    let y = fit(&mut read.y, resid.len());
    if norm.is_none() {
        y.copy_from_slice(resid);
    } else {
        normalise(resid, y, fit(&mut read.scales, part.apart()), network.d_model, network.eps);
    }
    stretched(&read.y, norm, weights, part, x)
}

/// What was read, with the parameters of its norm.
pub(super) fn stretched<'r, T: Real>(
    y: &'r [T],
    norm: Option<Norm>,
    weights: &Weights<T>,
    part: &Part<'_>,
    x: &'r mut Room<T>,
) -> &'r [T] {
    let Some(norm) = norm else { return y };
    let b = norm.b.map(|b| b.of(&weights.wide));
    stretch(y, norm.w.of(&weights.wide), b, fit(x, y.len()), part.apart());
    x
}

/// What queries and keys read, if it is something else than values do.
pub(super) fn seen<'s, T: Real>(
    network: &Network,
    weights: &Weights<T>,
    part: &Part<'_>,
    x: &[T],
    seen: &'s mut Room<T>,
) -> Option<&'s [T]> {
    network.beside.then(|| {
        let (d, m, seq) = (network.d_model, part.positions(), part.batch.seq);
        let positions = network.positions.of(&weights.wide);
        let seen = fit(seen, x.len());
        seen.copy_from_slice(x);
        for (i, row) in seen.chunks_exact_mut(part.apart()).enumerate() {
            row[..m].iter_mut().enumerate().for_each(|(p, x)| *x += positions[p % seq * d + i]);
        }
        &*seen
    })
}

/// `out ← wᵀ x + b`
fn times<T: Real>(x: &[T], linear: &Linear, weights: &Weights<T>, part: &Part<'_>, out: &mut Room<T>) {
    let start = linear.b.map_or(Start::Zero, |b| Start::Column(b.of(&weights.wide)));
    let out = fit(out, linear.w.columns * part.apart());
    product(&weights.forward[linear.id], [linear.w.columns, linear.w.rows], x, part, start, out);
}

/// `out ← out + wᵀ x + b`
fn add_times<T: Real>(x: &[T], linear: &Linear, weights: &Weights<T>, part: &Part<'_>, out: &mut [T]) {
    let sizes = [linear.w.columns, linear.w.rows];
    product(&weights.forward[linear.id], sizes, x, part, Start::There, out);
    if let Some(b) = linear.b {
        add_column(out, part.apart(), b.of(&weights.wide));
    }
}

/// `out ← start + a x`, with a packed matrix `a [m, k]` and rows of all positions.
pub(super) fn product<T: Real>(
    packed: &[T],
    [m, k]: [usize; 2],
    x: &[T],
    part: &Part<'_>,
    start: Start<'_, T>,
    out: &mut [T],
) {
    let (left, n, stride) = (Left::Tiles(packed), part.positions().next_multiple_of(LANES), part.apart());
    Product { m, k, n, left, right: (x, stride), start, band: Band::All, out, stride }.run();
}

/// From queries, keys and values to patterns and means, sequence by sequence and head by head. What is
/// written behind the last position of a sequence, the next one overwrites.
fn attend<T: Real>(
    network: &Network,
    attention: &Attention,
    part: &Part<'_>,
    tape: &mut Tape<T>,
    keep: bool,
) {
    let (seq, heads, stride) = (part.batch.seq, attention.heads.len(), part.apart());
    let (n, beside) = (seq.next_multiple_of(LANES), apart(seq));
    let z = fit(&mut tape.z, attention.v.w.columns * stride);
    let patterns = if keep { part.sequences.len() * heads } else { 1 };
    let patterns = fit(&mut tape.pattern, patterns * seq * beside);
    let (scores, means) =
        if network.causal { (Band::Upper, Band::UpperRight) } else { (Band::All, Band::All) };
    for (b, length) in part.lengths().iter().enumerate() {
        let of = |row: usize| row * stride + b * seq;
        for (h, head) in attention.heads.iter().enumerate() {
            let at = if keep { b * heads + h } else { 0 };
            let pattern = &mut patterns[at * seq * beside..][..seq * beside];
            let (left, right) =
                (Left::Columns(from(&tape.qk, of(head.k)), stride), from(&tape.qk, of(head.q)));
            Product {
                m: seq,
                k: head.d_head,
                n,
                left,
                right: (right, stride),
                start: Start::Zero,
                band: scores,
                out: pattern,
                stride: beside,
            }
            .run();
            softmax(pattern, beside, *length, network.causal, T::of(head.scale));
            Product {
                m: head.d_value,
                k: seq,
                n,
                left: Left::Rows(from(&tape.v, of(head.v)), stride),
                right: (pattern, beside),
                start: Start::Zero,
                band: means,
                out: from_mut(z, of(head.v)),
                stride,
            }
            .run();
        }
    }
}
