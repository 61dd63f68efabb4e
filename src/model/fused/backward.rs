//! All layers, backwards.

use super::forward::{Part, seen, stretched};
use super::network::{Attention, Linear, Matrix, Mlp, Network, Norm};
use super::product::{Band, Panels, Product, Start, View, multiply, pack_into};
use super::real::Real;
use super::rows::{add_rows, normalise_back, scale, softmax_back};
use super::workspace::{Read, Tape, Weights, Workspace, fit};

impl<T: Real> Workspace<T> {
    /// Adds the gradient of the wide vector, from those of the logits, after a forward pass that kept
    /// what it needs.
    pub(super) fn backward(&mut self, network: &Network, weights: &Weights<T>, part: &Part<'_>) {
        let Self { resid, x, seen: beside, tapes, last, logits, panels, gradient, .. } = self;
        let m = part.positions();
        // From here on `resid` is the gradient of the residual stream, and so is `x` of what is read.
        let read = stretched(&last.y, network.norm, weights, x);
        for (linear, logits) in network.unembed.iter().zip(&*logits) {
            learn(read, linear, logits, panels, gradient);
        }
        fit(x, m * network.d_model).fill(T::zero());
        for (linear, logits) in network.unembed.iter().zip(&*logits) {
            add_back(logits, linear, weights, x);
        }
        resid.fill(T::zero());
        read_back(network.norm, weights, last, x, resid, gradient);
        let mut gradients = Gradients {
            resid,
            x,
            seen: beside,
            panels,
            gradient,
            d_qk: &mut self.d_qk,
            d_v: &mut self.d_v,
            d_z: &mut self.d_z,
            d_pattern: &mut self.d_pattern,
            d_post: &mut self.d_post,
        };
        for ((attention, mlp), tape) in network.layers.iter().zip(tapes).rev() {
            if let Some(mlp) = mlp {
                gradients.mlp(mlp, weights, tape);
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
    resid: &'w mut Vec<T>,
    x: &'w mut Vec<T>,
    seen: &'w mut Vec<T>,
    panels: &'w mut Panels<T>,
    gradient: &'w mut Vec<T>,
    d_qk: &'w mut Vec<T>,
    d_v: &'w mut Vec<T>,
    d_z: &'w mut Vec<T>,
    d_pattern: &'w mut Vec<T>,
    d_post: &'w mut Vec<T>,
}

impl<T: Real> Gradients<'_, T> {
    fn mlp(&mut self, mlp: &Mlp, weights: &Weights<T>, tape: &Tape<T>) {
        let Self { resid, x, panels, gradient, d_post, .. } = self;
        learn(&tape.post, &mlp.second, resid, panels, gradient);
        let d_post = fit(d_post, tape.post.len());
        back(resid, &mlp.second, weights, d_post);
        scale(d_post, &tape.slopes);
        let read = &tape.before_mlp;
        learn(stretched(&read.y, mlp.norm, weights, x), &mlp.first, d_post, panels, gradient);
        back(d_post, &mlp.first, weights, fit(x, resid.len()));
        read_back(mlp.norm, weights, read, x, resid, gradient);
    }

    fn attention(
        &mut self,
        network: &Network,
        attention: &Attention,
        weights: &Weights<T>,
        part: &Part<'_>,
        tape: &Tape<T>,
    ) {
        let Self { resid, panels, gradient, d_z, .. } = self;
        learn(&tape.z, &attention.out, resid, panels, gradient);
        back(resid, &attention.out, weights, fit(d_z, tape.z.len()));
        self.attend(network, attention, part, tape);
        let Self { resid, x, seen: beside, panels, gradient, d_qk, d_v, .. } = self;
        let read = &tape.before_attention;
        let values = stretched(&read.y, attention.norm, weights, x);
        let both = seen(network, weights, part, values, beside);
        learn(values, &attention.v, d_v, panels, gradient);
        learn(both.unwrap_or(values), &attention.qk, d_qk, panels, gradient);
        let d_x = fit(x, resid.len());
        back(d_qk, &attention.qk, weights, d_x);
        if network.beside {
            sum_positions(d_x, network, part, gradient);
        }
        add_back(d_v, &attention.v, weights, d_x);
        read_back(attention.norm, weights, read, x, resid, gradient);
    }

    /// From the gradient of the means to those of queries, keys and values.
    fn attend(&mut self, network: &Network, attention: &Attention, part: &Part<'_>, tape: &Tape<T>) {
        let Self { panels, d_qk, d_v, d_z, d_pattern, .. } = self;
        let (seq, heads) = (part.batch.seq, attention.heads.len());
        let (wide, values) = (attention.qk.w.columns, attention.v.w.columns);
        let d_qk = fit(d_qk, tape.qk.len());
        let d_v = fit(d_v, tape.v.len());
        let d_pattern = fit(d_pattern, seq * seq);
        let bands = [Band::Lower, Band::LowerLeft, Band::UpperLeft];
        let [scores, lower, upper] = if network.causal { bands } else { [Band::All; 3] };
        for (b, length) in part.lengths().iter().enumerate() {
            for (h, head) in attention.heads.iter().enumerate() {
                let (q, k) = (b * seq * wide + head.q, b * seq * wide + head.k);
                let v = b * seq * values + head.v;
                let pattern = &tape.pattern[(b * heads + h) * seq * seq..][..seq * seq];
                let (q_k, v_z) = (|at| View::new(&tape.qk[at..], wide), |z| View::new(z, values));
                let (values_of, d_z) = (v_z(&tape.v[v..]), v_z(&d_z[v..]));
                let (sizes, keys) = ([seq, seq, head.d_value], [seq, seq, head.d_head]);
                multiply(panels, [seq, head.d_value, seq], (d_z, values_of.t()), scores, d_pattern, seq);
                multiply(panels, sizes, (View::new(pattern, seq).t(), d_z), upper, &mut d_v[v..], values);
                softmax_back(d_pattern, pattern, seq, *length, network.causal, T::of(head.scale));
                let d_scores = View::new(&*d_pattern, seq);
                multiply(panels, keys, (d_scores, q_k(k)), lower, &mut d_qk[q..], wide);
                multiply(panels, keys, (d_scores.t(), q_k(q)), upper, &mut d_qk[k..], wide);
            }
        }
    }

    /// To the embeddings.
    fn embed(&mut self, network: &Network, part: &Part<'_>) {
        let d = network.d_model;
        for (w_e, tokens) in network.embed.iter().zip(part.tokens()) {
            let rows = w_e.of_mut(self.gradient);
            for (gradient, token) in self.resid.chunks_exact(d).zip(tokens) {
                let row = &mut rows[*token as usize * d..][..d];
                row.iter_mut().zip(gradient).for_each(|(sum, x)| *sum += *x);
            }
        }
        if !network.beside {
            sum_positions(self.resid, network, part, self.gradient);
        }
    }
}

/// Adds to the gradient of the positions what all sequences have there.
fn sum_positions<T: Real>(rows: &[T], network: &Network, part: &Part<'_>, gradient: &mut [T]) {
    let len = part.batch.seq * network.d_model;
    add_rows(&mut network.positions.of_mut(gradient)[..len], rows);
}

/// Adds the gradient of a linear map: `dw ← dw + xᵀ g`, `db ← db + Σ g`.
fn learn<T: Real>(x: &[T], linear: &Linear, g: &[T], panels: &mut Panels<T>, gradient: &mut [T]) {
    let Matrix { rows: m, columns: n, .. } = linear.w;
    if let Some(b) = linear.b {
        add_rows(b.of_mut(gradient), g);
    }
    let k = g.len() / n.max(1);
    let right = pack_into(&mut panels.right, View::new(g, n), k, n);
    let (left, out) = (View::new(x, m).t(), linear.w.of_mut(gradient));
    let copy = &mut panels.left;
    Product { m, k, n, left, copy, right, start: Start::There, band: Band::All, out, stride: n }.run();
}

/// `out ← g wᵀ`
fn back<T: Real>(g: &[T], linear: &Linear, weights: &Weights<T>, out: &mut [T]) {
    product(g, linear, weights, Start::Zero, out);
}

/// `out ← out + g wᵀ`
fn add_back<T: Real>(g: &[T], linear: &Linear, weights: &Weights<T>, out: &mut [T]) {
    product(g, linear, weights, Start::There, out);
}

fn product<T: Real>(g: &[T], linear: &Linear, weights: &Weights<T>, start: Start<'_, T>, out: &mut [T]) {
    let (k, n) = (linear.w.columns, linear.w.rows);
    let (left, right) = (View::new(g, k), &weights.backward[linear.id]);
    let (m, copy) = (out.len() / n.max(1), &mut Vec::new());
    Product { m, k, n, left, copy, right, start, band: Band::All, out, stride: n }.run();
}

/// Adds to the gradient of the residual stream what comes from the gradient `x` of what was read.
fn read_back<T: Real>(
    norm: Option<Norm>,
    weights: &Weights<T>,
    read: &Read<T>,
    x: &mut [T],
    resid: &mut [T],
    gradient: &mut [T],
) {
    let Some(norm) = norm else {
        return add_rows(resid, x);
    };
    if let Some(b) = norm.b {
        add_rows(b.of_mut(gradient), x);
    }
    let dw = norm.w.of_mut(gradient);
    normalise_back(x, &read.y, &read.scales, norm.w.of(&weights.wide), dw, resid);
}
