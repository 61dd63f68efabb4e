//! What a pass needs room for. It is allocated once and used again.

use super::network::{Matrix, Network};
use super::product::{Left, pack};
use super::real::Real;
use std::ops::{Deref, DerefMut, Range};

/// Parameters as products want them.
pub(in crate::model) struct Weights<T> {
    /// The wide vector.
    pub(super) wide: Vec<T>,
    /// Of each matrix that rows are multiplied by, the transposed one, packed: positions stand side by side.
    pub(super) forward: Vec<Vec<T>>,
    /// The matrices themselves, packed, which gradients are multiplied by.
    pub(super) backward: Vec<Vec<T>>,
}

impl<T: Real> Weights<T> {
    /// Of a flat vector; for a backward pass too, or for forward passes only.
    pub(in crate::model) fn new(network: &Network, flat: &[T], backward: bool) -> Self {
        let wide = network.gather(flat);
        let left = |w: &Matrix, transposed: bool| match w.turned != transposed {
            true => Left::Columns(w.of(&wide), w.apart()),
            false => Left::Rows(w.of(&wide), w.apart()),
        };
        let linears = network.linears.iter();
        let forward = linears.clone().map(|w| pack(left(w, true), w.columns, w.rows)).collect();
        let itself = linears.map(|w| pack(left(w, false), w.rows, w.columns));
        let backward = if backward { itself.collect() } else { Vec::new() };
        Self { wide, forward, backward }
    }
}

/// What a half-layer or the unembedding reads. Here and below, a row holds `m` positions of several
/// sequences side by side, and what there is room for behind them.
#[derive(Default)]
pub(super) struct Read<T> {
    /// The residual stream, normalised where there is a norm: `[d_model, m]`.
    pub y: Room<T>,
    /// What normalisation multiplied by: `[m]`.
    pub scales: Room<T>,
}

/// What the backward pass of a layer needs.
#[derive(Default)]
pub(super) struct Tape<T> {
    pub before_attention: Read<T>,
    /// `[queries and keys, m]`
    pub qk: Room<T>,
    /// `[values, m]`
    pub v: Room<T>,
    /// `[sequence, head, key, query]`
    pub pattern: Room<T>,
    /// Means of the values: `[values, m]`.
    pub z: Room<T>,
    pub before_mlp: Read<T>,
    /// Neurons after the activation, and its slopes: `[d_mlp, m]`.
    pub post: Room<T>,
    pub slopes: Room<T>,
}

/// Room for a pass.
#[derive(Default)]
pub(in crate::model) struct Workspace<T> {
    /// The residual stream, or its gradient: `[d_model, m]`.
    pub(super) resid: Room<T>,
    /// What is read, with the parameters of its norm, or its gradient.
    pub(super) x: Room<T>,
    /// The same with positions beside it.
    pub(super) seen: Room<T>,
    /// One per layer, or a single one where no backward pass follows.
    pub(super) tapes: Vec<Tape<T>>,
    pub(super) last: Read<T>,
    /// Of each output `[width, m]`.
    pub(super) logits: Vec<Room<T>>,
    /// The same position by position, `[m, width]`; a backward pass begins at gradients in their place.
    pub(super) listed: Vec<Vec<T>>,
    /// What is transposed.
    pub(super) turned: Room<T>,
    /// Gradients of what the tapes have under these names, and of one pattern.
    pub(super) d_qk: Room<T>,
    pub(super) d_v: Room<T>,
    pub(super) d_z: Room<T>,
    pub(super) d_pattern: Room<T>,
    pub(super) d_post: Room<T>,
    /// Of the wide vector.
    pub(super) gradient: Vec<T>,
}

/// Numbers that begin at a cache line, so that wide registers read whole ones.
#[derive(Default)]
pub(super) struct Room<T> {
    numbers: Vec<T>,
    range: Range<usize>,
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// So much room, with anything in it.
pub(super) fn fit<T: Real>(room: &mut Room<T>, len: usize) -> &mut [T] {
    let slack = LINE / size_of::<T>();
    if room.numbers.len() < len + slack {
        room.numbers.resize(len + slack, T::zero());
    }
    let from = room.numbers.as_ptr().align_offset(LINE).min(slack);
    room.range = from..from + len;
    room
}

impl<T> Deref for Room<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.numbers[self.range.clone()]
    }
}

impl<T> DerefMut for Room<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.numbers[self.range.clone()]
    }
}
