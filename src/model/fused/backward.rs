//! All layers, backwards.

use super::forward::{Part, from_mut, product, seen, stretched};
use super::network::{Attention, Linear, Matrix, Mlp, Network, Norm};
use super::product::{Band, Left, Product, Start, apart, from, transpose};
use super::real::{LANES, Real};
use super::rows::{add, add_sums, normalise_back, scale, softmax_back};
use super::workspace::{Read, Room, Tape, Weights, Workspace, fit};

impl<T: Real> Workspace<T> {
    /// Adds the gradient of the wide vector, from those of the logits, after a forward pass that kept
    /// what it needs.
    pub(super) fn backward(&mut self, network: &Network, weights: &Weights<T>, part: &Part<'_>) {
        let Self { resid, x, seen: beside, tapes, last, logits, listed, turned, gradient, .. } = self;
        let (m, apart) = (part.positions(), part.apart());
        // From here on `resid` is the gradient of the residual stream, and so is `x` of what is read.
        let read = stretched(&last.y, network.norm, weights, part, x);
        for ((linear, logits), listed) in network.unembed.iter().zip(&mut *logits).zip(listed) {
            let width = linear.w.columns;
            transpose((&*listed, width), (&mut *logits, apart), m, width, false);
            learn(read, linear, logits, part, turned, gradient);
        }
        fit(x, network.d_model * apart).fill(T::zero());
        for (linear, logits) in network.unembed.iter().zip(&*logits) {
            add_back(logits, linear, weights, part, x);
        }
        resid.fill(T::zero());
        read_back(network.norm, weights, part, last, x, resid, gradient);
        let mut gradients = Gradients {
            resid,
            x,
            seen: beside,
            turned,
            gradient,
            d_qk: &mut self.d_qk,
            d_v: &mut self.d_v,
            d_z: &mut self.d_z,
            d_pattern: &mut self.d_pattern,
            d_post: &mut self.d_post,
        };
        for ((attention, mlp), tape) in network.layers.iter().zip(tapes).rev() {
            if let Some(mlp) = mlp {
                gradients.mlp(mlp, weights, part, tape);
            }
            if let Some(attention) = attention {
                gradients.attention(network, attention, weights, part, tape);
            }
        }
        gradients.embed(network, part);
    }
}

/// Gradients of what [`Workspace`] has under these names.
struct Gradients<'w, T> {
    resid: &'w mut Room<T>,
    x: &'w mut Room<T>,
    seen: &'w mut Room<T>,
    turned: &'w mut Room<T>,
    gradient: &'w mut Vec<T>,
    d_qk: &'w mut Room<T>,
    d_v: &'w mut Room<T>,
    d_z: &'w mut Room<T>,
    d_pattern: &'w mut Room<T>,
    d_post: &'w mut Room<T>,
}

impl<T: Real> Gradients<'_, T> {
    fn mlp(&mut self, mlp: &Mlp, weights: &Weights<T>, part: &Part<'_>, tape: &Tape<T>) {
        let Self { resid, x, turned, gradient, d_post, .. } = self;
        learn(&tape.post, &mlp.second, resid, part, turned, gradient);
        let d_post = fit(d_post, tape.post.len());
        back(resid, &mlp.second, weights, part, d_post);
        scale(d_post, &tape.slopes);
        let read = &tape.before_mlp;
        let values = stretched(&read.y, mlp.norm, weights, part, x);
        learn(values, &mlp.first, d_post, part, turned, gradient);
        back(d_post, &mlp.first, weights, part, fit(x, resid.len()));
        read_back(mlp.norm, weights, part, read, x, resid, gradient);
    }

    fn attention(
        &mut self,
        network: &Network,
        attention: &Attention,
        weights: &Weights<T>,
        part: &Part<'_>,
        tape: &Tape<T>,
    ) {
        let Self { resid, turned, gradient, d_z, .. } = self;
        learn(&tape.z, &attention.out, resid, part, turned, gradient);
        back(resid, &attention.out, weights, part, fit(d_z, tape.z.len()));
        self.attend(network, attention, part, tape);
        let Self { resid, x, seen: beside, turned, gradient, d_qk, d_v, .. } = self;
        let read = &tape.before_attention;
        let values = stretched(&read.y, attention.norm, weights, part, x);
        let both = seen(network, weights, part, values, beside);
        learn(values, &attention.v, d_v, part, turned, gradient);
        learn(both.unwrap_or(values), &attention.qk, d_qk, part, turned, gradient);
        let d_x = fit(x, resid.len());
        back(d_qk, &attention.qk, weights, part, d_x);
        if network.beside {
            sum_positions(listed(d_x, network.d_model, part, turned), network, part, gradient);
        }
        add_back(d_v, &attention.v, weights, part, d_x);
        read_back(attention.norm, weights, part, read, x, resid, gradient);
    }

    /// From the gradient of the means to those of queries, keys and values.
    fn attend(&mut self, network: &Network, attention: &Attention, part: &Part<'_>, tape: &Tape<T>) {
        let Self { turned, d_qk, d_v, d_z, d_pattern, .. } = self;
        let (seq, heads, stride) = (part.batch.seq, attention.heads.len(), part.apart());
        let (n, beside) = (seq.next_multiple_of(LANES), apart(seq));
        let d_qk = fit(d_qk, tape.qk.len());
        let d_v = fit(d_v, tape.v.len());
        let d_pattern = fit(d_pattern, seq * beside);
        let turned = fit(turned, seq * beside);
        let bands = [Band::Upper, Band::UpperRight, Band::LowerRight];
        let [scores, upper, lower] = if network.causal { bands } else { [Band::All; 3] };
        for (b, length) in part.lengths().iter().enumerate() {
            let of = |row: usize| row * stride + b * seq;
            for (h, head) in attention.heads.iter().enumerate() {
                let pattern = &tape.pattern[(b * heads + h) * seq * beside..][..seq * beside];
                let d_z = from(d_z, of(head.v));
                Product {
                    m: seq,
                    k: head.d_value,
                    n,
                    left: Left::Columns(from(&tape.v, of(head.v)), stride),
                    right: (d_z, stride),
                    start: Start::Zero,
                    band: scores,
                    out: d_pattern,
                    stride: beside,
                }
                .run();
                transpose((pattern, beside), (turned, beside), seq, seq, network.causal);
                over(
                    [head.d_value, seq, n],
                    (d_z, stride),
                    (turned, beside),
                    lower,
                    from_mut(d_v, of(head.v)),
                );
                softmax_back(d_pattern, pattern, beside, *length, network.causal, T::of(head.scale));
                let [q, k] = [head.q, head.k].map(|row| from(&tape.qk, of(row)));
                over(
                    [head.d_head, seq, n],
                    (k, stride),
                    (d_pattern, beside),
                    upper,
                    from_mut(d_qk, of(head.q)),
                );
                transpose((&*d_pattern, beside), (turned, beside), seq, seq, network.causal);
                over([head.d_head, seq, n], (q, stride), (turned, beside), lower, from_mut(d_qk, of(head.k)));
            }
        }
    }

    /// To the embeddings.
    fn embed(&mut self, network: &Network, part: &Part<'_>) {
        let d = network.d_model;
        let listed = listed(self.resid, d, part, self.turned);
        for (w_e, tokens) in network.embed.iter().zip(part.tokens()) {
            let rows = w_e.of_mut(self.gradient);
            for (gradient, token) in listed.chunks_exact(d).zip(tokens) {
                let row = &mut rows[*token as usize * d..][..d];
                row.iter_mut().zip(gradient).for_each(|(sum, x)| *sum += *x);
            }
        }
        if !network.beside {
            sum_positions(listed, network, part, self.gradient);
        }
    }
}

/// `out [m, n] ← a [m, k] b [k, n]`: sums over positions, of rows of a head times a pattern.
fn over<T: Real>(
    [m, k, n]: [usize; 3],
    (left, stride): (&[T], usize),
    right: (&[T], usize),
    band: Band,
    out: &mut [T],
) {
    let left = Left::Rows(left, stride);
    Product { m, k, n, left, right, start: Start::Zero, band, out, stride }.run();
}

/// Rows of numbers of positions, position by position.
fn listed<'t, T: Real>(rows: &[T], n: usize, part: &Part<'_>, turned: &'t mut Room<T>) -> &'t [T] {
    let m = part.positions();
    let to = fit(turned, m * n);
    transpose((rows, part.apart()), (&mut *to, n), n, m, false);
    to
}

/// Adds to the gradient of the positions what all sequences have there.
fn sum_positions<T: Real>(listed: &[T], network: &Network, part: &Part<'_>, gradient: &mut [T]) {
    let len = part.batch.seq * network.d_model;
    let positions = &mut network.positions.of_mut(gradient)[..len];
    listed.chunks_exact(len.max(1)).for_each(|sequence| add(positions, sequence));
}

/// Adds the gradient of a linear map: `dw ← dw + x gᵀ`, `db ← db + Σ g`.
fn learn<T: Real>(
    x: &[T],
    linear: &Linear,
    g: &[T],
    part: &Part<'_>,
    turned: &mut Room<T>,
    gradient: &mut [T],
) {
    let Matrix { rows, columns, .. } = linear.w;
    let (k, stride) = (part.positions(), part.apart());
    if let Some(b) = linear.b {
        add_sums(b.of_mut(gradient), g, stride, k);
    }
    // `dwᵀ ← dwᵀ + g xᵀ` where that is what is stored.
    let (left, m, right, n) = if linear.w.turned { (g, columns, x, rows) } else { (x, rows, g, columns) };
    let turned = fit(turned, k * apart(n));
    transpose((right, stride), (&mut *turned, apart(n)), n, k, false);
    let (left, right, out) = (Left::Rows(left, stride), (&*turned, apart(n)), linear.w.of_mut(gradient));
    Product { m, k, n, left, right, start: Start::There, band: Band::All, out, stride: n }.run();
}

/// `out ← w g`
fn back<T: Real>(g: &[T], linear: &Linear, weights: &Weights<T>, part: &Part<'_>, out: &mut [T]) {
    product(&weights.backward[linear.id], [linear.w.rows, linear.w.columns], g, part, Start::Zero, out);
}

/// `out ← out + w g`
fn add_back<T: Real>(g: &[T], linear: &Linear, weights: &Weights<T>, part: &Part<'_>, out: &mut [T]) {
    product(&weights.backward[linear.id], [linear.w.rows, linear.w.columns], g, part, Start::There, out);
}

/// Adds to the gradient of the residual stream what comes from the gradient `x` of what was read.
fn read_back<T: Real>(
    norm: Option<Norm>,
    weights: &Weights<T>,
    part: &Part<'_>,
    read: &Read<T>,
    x: &mut [T],
    resid: &mut [T],
    gradient: &mut [T],
) {
    let Some(norm) = norm else {
        return add(resid, x);
    };
    if let Some(b) = norm.b {
        add_sums(b.of_mut(gradient), x, part.apart(), part.positions());
    }
    let dw = norm.w.of_mut(gradient);
    normalise_back(x, &read.y, &read.scales, norm.w.of(&weights.wide), dw, resid, part.positions());
}
