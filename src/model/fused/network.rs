//! A configuration as the whole pass sees it: a few wide matrices.
//!
//! Parameters lie head by head in the flat vector. Here queries and keys of all heads of a layer are one
//! matrix, values another, and what heads write a third; a tied unembedding is a transposed copy. All
//! lie one behind the other in the wide vector, a rearrangement of the flat one.

use super::real::Real;
use crate::model::{Activation, Biases, Config, Layout, Positions};
use std::collections::HashMap;
use std::ops::Range;

/// A matrix in the wide vector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix {
    at: usize,
    pub rows: usize,
    pub columns: usize,
    /// Whether it is stored transposed.
    pub turned: bool,
}

impl Matrix {
    /// How far apart rows lie, or columns where it is stored transposed.
    pub(super) fn apart(&self) -> usize {
        if self.turned { self.rows } else { self.columns }
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.at..self.at + self.rows * self.columns
    }

    pub(super) fn of<'w, T>(&self, wide: &'w [T]) -> &'w [T] {
        &wide[self.range()]
    }

    pub(super) fn of_mut<'w, T>(&self, wide: &'w mut [T]) -> &'w mut [T] {
        &mut wide[self.range()]
    }
}

/// `x w + b`
#[derive(Clone, Copy, Debug)]
pub(super) struct Linear {
    /// Its number in the network.
    pub id: usize,
    pub w: Matrix,
    pub b: Option<Matrix>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Norm {
    pub w: Matrix,
    pub b: Option<Matrix>,
}

/// A head: where its columns begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub d_head: usize,
    pub d_value: usize,
    /// In the matrix of queries and keys.
    pub q: usize,
    pub k: usize,
    /// In the matrix of values.
    pub v: usize,
    /// What scores are multiplied by.
    pub scale: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Attention {
    pub norm: Option<Norm>,
    pub heads: Vec<Head>,
    pub qk: Linear,
    pub v: Linear,
    pub out: Linear,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Mlp {
    pub norm: Option<Norm>,
    pub first: Linear,
    pub second: Linear,
}

/// A network in the wide vector.
#[derive(Clone, Debug)]
pub(in crate::model) struct Network {
    pub(super) d_model: usize,
    pub(super) causal: bool,
    pub(super) activation: Activation,
    pub(super) eps: f64,
    /// Token embeddings, one per column.
    pub(super) embed: Vec<Matrix>,
    pub(super) positions: Matrix,
    /// Whether positions are added to what queries and keys read only.
    pub(super) beside: bool,
    /// Attention and MLP of each layer.
    pub(super) layers: Vec<(Option<Attention>, Option<Mlp>)>,
    pub(super) norm: Option<Norm>,
    pub(super) unembed: Vec<Linear>,
    /// The matrices that rows are multiplied by.
    pub(super) linears: Vec<Matrix>,
    /// Length of the wide vector.
    pub(super) len: usize,
    /// What is copied from the flat vector, and gradients back.
    blocks: Vec<Block>,
    /// What stands in the wide vector from the beginning: sinusoidal positions.
    constant: Option<(Matrix, Vec<f64>)>,
}

/// A parameter in the flat vector and its place in a wide matrix.
#[derive(Clone, Copy, Debug)]
struct Block {
    from: usize,
    rows: usize,
    columns: usize,
    transposed: bool,
    to: usize,
    /// How far apart rows lie in the wide matrix.
    stride: usize,
}

impl Block {
    /// Pairs of places, in the flat and in the wide vector.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let block = *self;
        (0..block.rows).flat_map(move |i| {
            (0..block.columns).map(move |j| {
                let (row, column) = if block.transposed { (j, i) } else { (i, j) };
                (block.from + i * block.columns + j, block.to + row * block.stride + column)
            })
        })
    }
}

impl Network {
    pub(in crate::model) fn of(config: &Config, layout: &Layout) -> Self {
        Builder::new(layout).network(config)
    }

    /// The wide vector of a flat one.
    pub(super) fn gather<T: Real>(&self, flat: &[T]) -> Vec<T> {
        let mut wide = vec![T::zero(); self.len];
        if let Some((matrix, entries)) = &self.constant {
            matrix.of_mut(&mut wide).iter_mut().zip(entries).for_each(|(x, entry)| *x = T::of(*entry));
        }
        for block in &self.blocks {
            block.places().for_each(|(flat_at, at)| wide[at] = flat[flat_at]);
        }
        wide
    }

    /// The gradient of the flat vector, from that of the wide one.
    pub(super) fn scatter<T: Real>(&self, wide: &[T], flat: &mut [T]) {
        for block in &self.blocks {
            block.places().for_each(|(flat_at, at)| flat[flat_at] += wide[at]);
        }
    }
}

/// Where parameters lie, by name, and how long the wide vector is by now.
struct Builder<'l> {
    places: HashMap<&'l str, (usize, [usize; 2])>,
    len: usize,
    linears: Vec<Matrix>,
    blocks: Vec<Block>,
}

impl<'l> Builder<'l> {
    fn new(layout: &'l Layout) -> Self {
        let place = |p: &'l crate::model::Parameter| (p.name.as_str(), (p.offset, p.shape));
        Self {
            places: layout.parameters.iter().map(place).collect(),
            len: 0,
            linears: Vec::new(),
            blocks: Vec::new(),
        }
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> Matrix {
        let at = self.len;
        self.len += rows * columns;
        Matrix { at, rows, columns, turned: false }
    }

    /// One that rows are multiplied by. Its gradient is a product of which the right factor is transposed, and
    /// that is as wide as a row of what is stored: the shorter side is stored as the row.
    fn factor(&mut self, rows: usize, columns: usize) -> Matrix {
        Matrix { turned: columns > rows, ..self.matrix(rows, columns) }
    }

    /// A parameter goes into a matrix, from this row and column on.
    fn put(&mut self, name: &str, into: Matrix, row: usize, column: usize) {
        let Some(&(from, [rows, columns])) = self.places.get(name) else { return };
        self.block(Block { from, rows, columns, transposed: false, to: 0, stride: 0 }, into, row, column);
    }

    fn block(&mut self, block: Block, into: Matrix, row: usize, column: usize) {
        let (row, column) = if into.turned { (column, row) } else { (row, column) };
        let (to, stride) = (into.at + row * into.apart() + column, into.apart());
        self.blocks.push(Block { transposed: block.transposed != into.turned, to, stride, ..block });
    }

    /// A parameter by itself.
    fn one(&mut self, name: &str) -> Option<Matrix> {
        let (_, [rows, columns]) = *self.places.get(name)?;
        let matrix = self.matrix(rows, columns);
        self.put(name, matrix, 0, 0);
        Some(matrix)
    }

    /// [`Self::one`], which may be empty.
    fn needed(&mut self, name: &str) -> Matrix {
        self.one(name).unwrap_or(Matrix { at: 0, rows: 0, columns: 0, turned: false })
    }

    /// A parameter by itself, as a factor.
    fn needed_factor(&mut self, name: &str) -> Matrix {
        let [rows, columns] = self.places.get(name).map_or([0, 0], |(_, shape)| *shape);
        let factor = self.factor(rows, columns);
        self.put(name, factor, 0, 0);
        factor
    }

    fn norm(&mut self, name: &str) -> Option<Norm> {
        let w = self.one(&format!("{name}.w"))?;
        Some(Norm { w, b: self.one(&format!("{name}.b")) })
    }

    fn network(mut self, config: &Config) -> Network {
        let embed = (0..config.columns.len()).map(|c| self.needed(&format!("embed.{c}.w_e"))).collect();
        let (positions, constant) = match config.positions {
            Positions::Learned | Positions::QueryKey => (self.needed("pos_embed.w_pos"), None),
            Positions::Sinusoidal => {
                let matrix = self.matrix(config.n_ctx, config.d_model);
                (matrix, Some((matrix, config.sinusoids())))
            }
        };
        let layers = (0..config.layers.len()).map(|l| (self.attention(config, l), self.mlp(config, l)));
        let layers = layers.collect();
        let norm = self.norm("ln_final");
        let unembed = (0..config.outputs.len()).map(|o| self.unembed(config, o)).collect();
        Network {
            d_model: config.d_model,
            causal: config.causal,
            activation: config.activation,
            eps: config.norm.map_or(0.0, |norm| norm.eps),
            embed,
            positions,
            beside: config.positions == Positions::QueryKey,
            layers,
            norm,
            unembed,
            linears: self.linears,
            len: self.len,
            blocks: self.blocks,
            constant,
        }
    }

    fn attention(&mut self, config: &Config, l: usize) -> Option<Attention> {
        let (mut heads, [mut qk, mut v]) = (Vec::new(), [0; 2]);
        for head in &config.layers[l].heads {
            let scale = config.attn_scale.factor(head.d_head);
            let (d_head, d_value) = (head.d_head, head.d_value);
            heads.push(Head { d_head, d_value, q: qk, k: qk + d_head, v, scale });
            qk += 2 * d_head;
            v += d_value;
        }
        if heads.is_empty() {
            return None;
        }
        let d = config.d_model;
        let (w_qk, w_v, w_o) = (self.factor(d, qk), self.factor(d, v), self.factor(v, d));
        let biased = config.biases == Biases::All;
        let [b_qk, b_v] = [qk, v].map(|width| biased.then(|| self.matrix(1, width)));
        for (h, head) in heads.iter().enumerate() {
            let parts = [
                ("w_q", Some(w_qk), 0, head.q),
                ("w_k", Some(w_qk), 0, head.k),
                ("w_v", Some(w_v), 0, head.v),
                ("w_o", Some(w_o), head.v, 0),
                ("b_q", b_qk, 0, head.q),
                ("b_k", b_qk, 0, head.k),
                ("b_v", b_v, 0, head.v),
            ];
            for (name, into, row, column) in parts {
                if let Some(into) = into {
                    self.put(&format!("blocks.{l}.attn.{h}.{name}"), into, row, column);
                }
            }
        }
        let norm = self.norm(&format!("blocks.{l}.ln1"));
        let b_o = self.one(&format!("blocks.{l}.attn.b_o"));
        let (qk, v, out) = (self.linear(w_qk, b_qk), self.linear(w_v, b_v), self.linear(w_o, b_o));
        Some(Attention { norm, heads, qk, v, out })
    }

    fn linear(&mut self, w: Matrix, b: Option<Matrix>) -> Linear {
        self.linears.push(w);
        Linear { id: self.linears.len() - 1, w, b }
    }

    fn mlp(&mut self, config: &Config, l: usize) -> Option<Mlp> {
        if config.layers[l].d_mlp == 0 {
            return None;
        }
        let mut linear = |part: &str| {
            let w = self.needed_factor(&format!("blocks.{l}.mlp.w_{part}"));
            let b = self.one(&format!("blocks.{l}.mlp.b_{part}"));
            self.linear(w, b)
        };
        let (first, second) = (linear("in"), linear("out"));
        Some(Mlp { norm: self.norm(&format!("blocks.{l}.ln2")), first, second })
    }

    fn unembed(&mut self, config: &Config, o: usize) -> Linear {
        let w = if config.tied {
            let (rows, columns) = (config.d_model, config.outputs[o].decode.width());
            let w = self.factor(rows, columns);
            if let Some(&(from, _)) = self.places.get("embed.0.w_e") {
                let tied = Block { from, rows: columns, columns: rows, transposed: true, to: 0, stride: 0 };
                self.block(tied, w, 0, 0);
            }
            w
        } else {
            self.needed_factor(&format!("unembed.{o}.w_u"))
        };
        let b = self.one(&format!("unembed.{o}.b_u"));
        self.linear(w, b)
    }
}
