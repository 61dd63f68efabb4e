//! A forward pass in plain f32 loops, and the decoding rule as the file format states it.
//!
//! It shares no code with the kernel, with the model that runs networks, or with its decoding; `oracle.py` is the
//! same in NumPy. Weights may be NaN or infinite.

use ndarray::Array2;
use raspc::inputs::Columns;
use raspc::model::{Activation, AttnScale, Biases, Config, Decode, Positions};
use raspc::value::{Number, Value};
use raspc::weights::Weights;

/// In which order sums are added up. What is proved holds for every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Forwards,
    Backwards,
    /// From the first to the last, each product and addition rounded once.
    Fused,
}

pub const ORDERS: [Order; 3] = [Order::Forwards, Order::Backwards, Order::Fused];

/// `[positions][entries]`
pub type Rows = Vec<Vec<f32>>;

/// A network as its configuration and matrices say.
pub struct Plain<'a> {
    config: &'a Config,
    weights: &'a Weights,
    /// 0 times any weight is 0.
    finite: bool,
}

impl<'a> Plain<'a> {
    /// None where the configuration asks for what compiled networks never have; the kernel must refuse it.
    pub fn new(config: &'a Config, weights: &'a Weights) -> Option<Self> {
        let known = config.norm.is_none()
            && !config.tied
            && config.positions == Positions::Learned
            && config.biases == Biases::Neurons
            && config.activation == Activation::Relu
            && weights.more.is_empty();
        let finite = weights.named().iter().all(|(_, matrix)| matrix.iter().all(|w| w.is_finite()));
        known.then_some(Self { config, weights, finite })
    }

    /// The logits of each output at each position, BOS left out; none if the network does not take the input.
    pub fn logits(&self, input: &Columns, order: Order) -> Option<Vec<Rows>> {
        let Self { config, weights, .. } = self;
        let bos = usize::from(config.bos);
        let n = bos + input.first()?.len();
        if n > config.n_ctx || input.len() != config.columns.len() {
            return None;
        }
        let mut x: Rows = (0..n).map(|i| weights.w_pos.row(i).to_vec()).collect();
        for ((values, column), w_e) in input.iter().zip(&config.columns).zip(&weights.w_e) {
            for (i, row) in x.iter_mut().enumerate() {
                let token = match i.checked_sub(bos) {
                    None => column.vocabulary.len(),
                    Some(i) => column.vocabulary.iter().position(|v| *v == values[i])?,
                };
                row.iter_mut().zip(w_e.row(token)).for_each(|(x, e)| *x += *e);
            }
        }
        for layer in &weights.layers {
            let mut out: Rows = vec![vec![0.0; config.d_model]; n];
            for head in &layer.heads {
                let [q, k, v] = [&head.w_q, &head.w_k, &head.w_v].map(|w| self.times(&x, w, order));
                let z = self.attend(&q, &k, &v, order);
                add(&mut out, &self.times(&z, &head.w_o, order));
            }
            add(&mut x, &out);
            if let Some(mlp) = &layer.mlp {
                let mut post = self.times(&x, &mlp.w_in, order);
                for row in &mut post {
                    // NaN stays NaN, as in NumPy.
                    row.iter_mut().zip(mlp.b_in.row(0)).for_each(|(x, b)| {
                        let pre = *x + *b;
                        *x = if pre < 0.0 { 0.0 } else { pre };
                    });
                }
                let out = self.times(&post, &mlp.w_out, order);
                add(&mut x, &out);
            }
        }
        x.drain(..bos);
        Some(weights.w_u.iter().map(|w_u| self.times(&x, w_u, order)).collect())
    }

    fn attend(&self, q: &Rows, k: &Rows, v: &Rows, order: Order) -> Rows {
        let row = |(i, q): (usize, &Vec<f32>)| {
            let seen = if self.config.causal { i + 1 } else { k.len() };
            let score = |k: &Vec<f32>| {
                let score = sum(order, q.len(), |d| (q[d], k[d]));
                match self.config.attn_scale {
                    AttnScale::One => score,
                    AttnScale::SqrtDHead => score * (1.0 / (q.len().max(1) as f64).sqrt()) as f32,
                }
            };
            let scores: Vec<f32> = k[..seen].iter().map(score).collect();
            let most = scores
                .iter()
                .copied()
                .fold(f32::NEG_INFINITY, |a, b| if b > a || b.is_nan() { b } else { a });
            let parts: Vec<f32> = scores.iter().map(|s| (s - most).exp()).collect();
            let all = sum(order, seen, |j| (parts[j], 1.0));
            let share: Vec<f32> = parts.iter().map(|p| p / all).collect();
            let width = v.first().map_or(0, Vec::len);
            (0..width).map(|c| sum(order, seen, |j| (share[j], v[j][c]))).collect()
        };
        q.iter().enumerate().map(row).collect()
    }

    fn times(&self, x: &Rows, w: &Array2<f32>, order: Order) -> Rows {
        let (rows, columns) = w.dim();
        let line = |x: &Vec<f32>| {
            let mut out = vec![0.0_f32; columns];
            let mut step = |i: usize| {
                if x[i] == 0.0 && self.finite {
                    return;
                }
                for (out, w) in out.iter_mut().zip(w.row(i)) {
                    *out = added(order, *out, x[i], *w);
                }
            };
            match order {
                Order::Forwards | Order::Fused => (0..rows).for_each(&mut step),
                Order::Backwards => (0..rows).rev().for_each(&mut step),
            }
            out
        };
        x.iter().map(line).collect()
    }
}

fn added(order: Order, sum: f32, a: f32, b: f32) -> f32 {
    match order {
        Order::Forwards | Order::Backwards => sum + a * b,
        Order::Fused => a.mul_add(b, sum),
    }
}

fn sum(order: Order, n: usize, term: impl Fn(usize) -> (f32, f32)) -> f32 {
    let add = |sum, i| {
        let (a, b) = term(i);
        added(order, sum, a, b)
    };
    match order {
        Order::Forwards | Order::Fused => (0..n).fold(0.0, add),
        Order::Backwards => (0..n).rev().fold(0.0, add),
    }
}

fn add(x: &mut Rows, y: &Rows) {
    x.iter_mut().zip(y).for_each(|(x, y)| x.iter_mut().zip(y).for_each(|(x, y)| *x += *y));
}

/// Whether logits mean just this value: of several values the one with the one greatest logit, or the one nearest
/// to the number; of a number without a list, whether it is the value give or take `within`. `True` is not 1, and
/// NaN and infinity mean nothing.
pub fn means(decode: &Decode, logits: &[f32], value: &Value, within: &Number) -> bool {
    if !logits.iter().all(|x| x.is_finite()) {
        return false;
    }
    match decode {
        Decode::Categorical { values } => {
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut best = values.iter().zip(logits).filter(|(_, logit)| **logit == most);
            !values.is_empty() && logits.len() == values.len() && best.all(|(best, _)| best == value)
        }
        Decode::Numeric { values, .. } => {
            let Some(held) = logits.first().and_then(|x| Number::from_f64(f64::from(*x))) else {
                return false;
            };
            let far = |v: &Value| v.number().and_then(|v| v.sub(&held).ok()).map(|far| far.abs());
            if values.is_empty() {
                return matches!(value, Value::Number(_)) && far(value).is_some_and(|far| far <= *within);
            }
            let Some(own) = far(value).filter(|_| values.contains(value)) else { return false };
            values.iter().filter(|v| *v != value).all(|other| far(other).is_some_and(|other| own < other))
        }
    }
}
