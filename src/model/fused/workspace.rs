//! What a pass needs room for. It is allocated once and used again.

use super::network::Network;
use super::product::{Panels, View, pack, room};
use super::real::Real;

/// Parameters as products want them.
pub(in crate::model) struct Weights<T> {
    /// The wide vector.
    pub(super) wide: Vec<T>,
    /// Of each matrix that rows are multiplied by, its panels.
    pub(super) forward: Vec<Vec<T>>,
    /// Those of the transposed matrices, which gradients are multiplied by.
    pub(super) backward: Vec<Vec<T>>,
}

impl<T: Real> Weights<T> {
    /// Of a flat vector; for a backward pass too, or for forward passes only.
    pub(in crate::model) fn new(network: &Network, flat: &[T], backward: bool) -> Self {
        let wide = network.gather(flat);
        let panels = |transposed| {
            let panels = network.linears.iter().map(|matrix| {
                let (rows, columns) =
                    if transposed { (matrix.columns, matrix.rows) } else { (matrix.rows, matrix.columns) };
                let mut panels = vec![T::zero(); room(rows, columns)];
                let view = View { data: matrix.of(&wide), stride: matrix.columns, transposed };
                pack(&mut panels, view, rows, columns);
                panels
            });
            panels.collect()
        };
        Self { forward: panels(false), backward: if backward { panels(true) } else { Vec::new() }, wide }
    }
}

/// What a half-layer or the unembedding reads.
#[derive(Default)]
pub(super) struct Read<T> {
    /// The residual stream, normalised where there is a norm: `[m, d_model]`.
    pub y: Vec<T>,
    /// What normalisation multiplied by: `[m]`.
    pub scales: Vec<T>,
}

/// What the backward pass of a layer needs; `m` positions of several sequences.
#[derive(Default)]
pub(super) struct Tape<T> {
    pub before_attention: Read<T>,
    /// `[m, queries and keys]`
    pub qk: Vec<T>,
    /// `[m, values]`
    pub v: Vec<T>,
    /// `[sequence, head, query, key]`
    pub pattern: Vec<T>,
    /// Means of the values: `[m, values]`.
    pub z: Vec<T>,
    pub before_mlp: Read<T>,
    /// Neurons after the activation, and its slopes: `[m, d_mlp]`.
    pub post: Vec<T>,
    pub slopes: Vec<T>,
}

/// Room for a pass.
#[derive(Default)]
pub(in crate::model) struct Workspace<T> {
    /// The residual stream, or its gradient: `[m, d_model]`.
    pub(super) resid: Vec<T>,
    /// What is read, with the parameters of its norm, or its gradient.
    pub(super) x: Vec<T>,
    /// The same with positions beside it.
    pub(super) seen: Vec<T>,
    /// One per layer, or a single one where no backward pass follows.
    pub(super) tapes: Vec<Tape<T>>,
    pub(super) last: Read<T>,
    /// Of each output `[m, width]`; a backward pass begins at gradients in their place.
    pub(super) logits: Vec<Vec<T>>,
    pub(super) panels: Panels<T>,
    /// Gradients of what the tapes have under these names, and of one pattern.
    pub(super) d_qk: Vec<T>,
    pub(super) d_v: Vec<T>,
    pub(super) d_z: Vec<T>,
    pub(super) d_pattern: Vec<T>,
    pub(super) d_post: Vec<T>,
    /// Of the wide vector.
    pub(super) gradient: Vec<T>,
}

/// So much room, with anything in it.
pub(super) fn fit<T: Real>(room: &mut Vec<T>, len: usize) -> &mut [T] {
    room.resize(len, T::zero());
    room
}
