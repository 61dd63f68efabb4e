//! Layers of one shape, filled up with zeros.
//!
//! A head of zeros scores all keys alike and hands on nothing, and a neuron of zeros is silent, so
//! neither changes a sum.

use super::{HeadWeights, LayerWeights, MlpWeights, Weights};
use crate::plan::Plan;
use ndarray::{Array2, s};

impl Weights {
    /// As many heads and neurons in every layer as in the one that has most, or as are asked for, and all
    /// heads as wide as the widest: `d_head` is that of queries, keys and values.
    pub(super) fn uniform(mut self, plan: &Plan) -> Self {
        let (n_heads, d_head, d_mlp, d_model) = (plan.n_heads(), plan.d_head(), plan.d_mlp(), plan.d_model);
        for LayerWeights { heads, mlp } in &mut self.layers {
            heads.resize_with(n_heads, || HeadWeights {
                w_q: Array2::zeros((d_model, 0)),
                w_k: Array2::zeros((d_model, 0)),
                w_v: Array2::zeros((d_model, 0)),
                w_o: Array2::zeros((0, d_model)),
            });
            for HeadWeights { w_q, w_k, w_v, w_o } in heads {
                for matrix in [w_q, w_k, w_v] {
                    *matrix = padded(matrix, (d_model, d_head));
                }
                *w_o = padded(w_o, (d_head, d_model));
            }
            if d_mlp > 0 {
                let empty = MlpWeights {
                    w_in: Array2::zeros((d_model, 0)),
                    b_in: Array2::zeros((1, 0)),
                    w_out: Array2::zeros((0, d_model)),
                };
                let MlpWeights { w_in, b_in, w_out } = mlp.take().unwrap_or(empty);
                *mlp = Some(MlpWeights {
                    w_in: padded(&w_in, (d_model, d_mlp)),
                    b_in: padded(&b_in, (1, d_mlp)),
                    w_out: padded(&w_out, (d_mlp, d_model)),
                });
            }
        }
        self
    }
}

/// A matrix in the upper left corner of a larger one.
fn padded(matrix: &Array2<f32>, shape: (usize, usize)) -> Array2<f32> {
    let mut larger = Array2::zeros(shape);
    larger.slice_mut(s![..matrix.nrows(), ..matrix.ncols()]).assign(matrix);
    larger
}
