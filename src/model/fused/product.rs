//! Products of matrices, for small ones as fast as for large ones.
//!
//! `C ← start + A B`. A tile of `C` stays in registers while a stretch of the inner dimension passes by:
//! each step takes one entry of every row of `A`, and a piece of a row of `B` that is as wide as the tile.
//! Nothing is copied: what a stretch of `B` takes stays in the first cache while all rows of `A` pass by, as
//! its rows lie [`apart`] and not at powers of two. Only weights, which are used again and again, are put in
//! the order in which tiles take them.

use super::real::{LANES, Real, add_few, copy_few};
use super::steps::{self, each};
use super::wide::wide;
use pulp::Simd;
use std::ops::Range;

/// Columns of the widest tile: 3 registers of 512 bits of f32. Those of all tiles divide it.
pub(super) const WIDTH: usize = 48;

/// Registers that a tile is wide.
const ACROSS: usize = 3;

/// The stretch of the inner dimension that is worked on at a time: 24 KiB of f32 at most.
const DEPTH: usize = 128;

/// How far apart rows of so many numbers lie: an odd number of cache lines of f32, so that rows one below the
/// other take turns in all sets of a cache (of f64 twice as many, in half of them).
pub(super) fn apart(columns: usize) -> usize {
    (columns.div_ceil(LANES) | 1) * LANES
}

/// What stands from a place on; nothing, where that is beyond the end.
#[inline(always)]
pub(super) fn from<T>(numbers: &[T], at: usize) -> &[T] {
    numbers.get(at..).unwrap_or_default()
}

/// A matrix on the left.
#[derive(Clone, Copy)]
pub(super) enum Left<'l, T> {
    /// Rows that lie so far apart.
    Rows(&'l [T], usize),
    /// Columns that lie so far apart: what is stored is the transposed matrix.
    Columns(&'l [T], usize),
    /// By [`pack`].
    Tiles(&'l [T]),
}

/// What a product is added to.
#[derive(Clone, Copy)]
pub(super) enum Start<'s, T> {
    Zero,
    /// To each row, the number of its place.
    Column(&'s [T]),
    /// What stands there.
    There,
}

/// Which entries matter, where it is not all of them: position `i` is seen from `i` on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Band {
    All,
    /// Of `C`, those on and above the diagonal. Others may get any value.
    Upper,
    /// `B` is 0 below the diagonal, as far as [`WIDTH`] columns reach that lie beside it.
    UpperRight,
    /// `B` is 0 above the diagonal, as far as that.
    LowerRight,
}

/// `C [m, n] ← start + A [m, k] B [k, n]`.
pub(super) struct Product<'p, T> {
    pub m: usize,
    pub k: usize,
    pub n: usize,
    pub left: Left<'p, T>,
    /// `B`, and how far apart its rows lie: so far that behind the last column others stand, up to a multiple
    /// of [`LANES`]; they may be any numbers.
    pub right: (&'p [T], usize),
    pub start: Start<'p, T>,
    pub band: Band,
    /// `C`, and how far apart its rows lie.
    pub out: &'p mut [T],
    pub stride: usize,
}

impl<T: Real> Product<'_, T> {
    pub(super) fn run(self) {
        pulp::Arch::new().dispatch(self);
    }
}

impl<T: Real> pulp::WithSimd for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let across = T::lanes::<S>() * ACROSS;
        let mut depth = 0;
        // An empty inner dimension still leaves what the product is added to.
        while depth == 0 || depth < self.k {
            let stretch = depth..self.k.min(depth + DEPTH);
            for column in (0..self.n).step_by(across) {
                let columns = column..self.n.min(column + across);
                let inner = self.inner(&columns, &stretch);
                if depth > 0 && inner.is_empty() {
                    continue;
                }
                let mut i = 0;
                while i < self.m {
                    let rows = height::<S>(self.m - i);
                    let from = if self.band == Band::Upper { i / LANES * LANES } else { 0 };
                    let tile = Tile { i, columns: column.max(from)..columns.end, inner: inner.clone() };
                    match (rows, tile.columns.len().div_ceil(T::lanes::<S>())) {
                        (_, 0) => {}
                        (8, 1) => self.tile::<S, 8, 1>(simd, tile, depth == 0),
                        (8, 2) => self.tile::<S, 8, 2>(simd, tile, depth == 0),
                        (8, _) => self.tile::<S, 8, 3>(simd, tile, depth == 0),
                        (4, 1) => self.tile::<S, 4, 1>(simd, tile, depth == 0),
                        (4, 2) => self.tile::<S, 4, 2>(simd, tile, depth == 0),
                        (4, _) => self.tile::<S, 4, 3>(simd, tile, depth == 0),
                        (2, 1) => self.tile::<S, 2, 1>(simd, tile, depth == 0),
                        (2, 2) => self.tile::<S, 2, 2>(simd, tile, depth == 0),
                        (2, _) => self.tile::<S, 2, 3>(simd, tile, depth == 0),
                        (_, 1) => self.tile::<S, 1, 1>(simd, tile, depth == 0),
                        (_, 2) => self.tile::<S, 1, 2>(simd, tile, depth == 0),
                        _ => self.tile::<S, 1, 3>(simd, tile, depth == 0),
                    }
                    i += rows;
                }
            }
            depth += DEPTH;
        }
    }
}

/// How many rows the next tile has.
#[inline(always)]
fn height<S: Simd>(rows: usize) -> usize {
    match rows {
        8.. if S::REGISTER_COUNT >= 32 => 8,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

/// A part of `C`, and the stretch of the inner dimension that is added to it.
struct Tile {
    i: usize,
    columns: Range<usize>,
    inner: Range<usize>,
}

impl<T: Real> Product<'_, T> {
    /// Where in a stretch these columns of `B` have entries.
    #[inline(always)]
    fn inner(&self, columns: &Range<usize>, stretch: &Range<usize>) -> Range<usize> {
        match self.band {
            Band::All | Band::Upper => stretch.clone(),
            Band::UpperRight => stretch.start..stretch.end.min(columns.end).max(stretch.start),
            Band::LowerRight => stretch.start.max(columns.start).min(stretch.end)..stretch.end,
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, tile: Tile, first: bool) {
        let Tile { i, columns, inner } = tile;
        let mut sums = [[T::splat(simd, T::zero()); V]; R];
        let (right, apart) = self.right;
        let right = (from(right, apart * inner.start + columns.start), apart);
        let n = inner.len();
        match self.left {
            Left::Rows(data, stride) => {
                let left = (from(data, stride * i + inner.start), stride);
                steps::of_rows::<S, T, R, V>(simd, &mut sums, left, right, n);
            }
            Left::Columns(data, stride) => {
                let left = (from(data, stride * inner.start + i), stride);
                steps::of_columns::<S, T, R, V>(simd, &mut sums, left, right, n);
            }
            Left::Tiles(data) => {
                let left = (from(data, self.k * i + R * inner.start), R);
                steps::of_columns::<S, T, R, V>(simd, &mut sums, left, right, n);
            }
        }
        // Whole registers of a row, and what is left of the last one.
        let end = columns.len() - columns.len() % T::lanes::<S>();
        macro_rules! write {
            ($v:ident, $row:ident, $old:ident, $sum:ident => $new:expr, $rest:ident, $last:ident => $few:expr) => {
                each!(r < R, {
                    let $row = i + r;
                    let out = &mut self.out[self.stride * $row + columns.start..][..columns.len()];
                    let (whole, $rest) = out.split_at_mut(end);
                    let whole = T::vectors_mut::<S>(whole);
                    each!($v < V, {
                        if let Some($old) = whole.get_mut($v) {
                            let $sum = sums[r][$v];
                            *$old = $new;
                        }
                    });
                    if !$rest.is_empty() {
                        let last = sums[r][V - 1];
                        let $last = T::entries::<S>(std::slice::from_ref(&last));
                        $few
                    }
                })
            };
        }
        match if first { self.start } else { Start::There } {
            Start::Zero => write!(v, row, old, sum => sum, rest, last => copy_few(rest, last)),
            Start::Column(column) => {
                write!(v, row, old, sum => T::plus(simd, T::splat(simd, column[row]), sum), rest, last => {
                    copy_few(rest, last);
                    rest.iter_mut().for_each(|x| *x += column[row]);
                });
            }
            Start::There => {
                write!(v, row, old, sum => T::plus(simd, *old, sum), rest, last => add_few(rest, last));
            }
        }
    }
}

/// Puts a matrix on the left of so many rows and columns in the order in which tiles take it.
pub(super) fn pack<T: Real>(left: Left<'_, T>, m: usize, k: usize) -> Vec<T> {
    struct Pack<'p, T>(Left<'p, T>, usize, usize);

    impl<T: Real> pulp::WithSimd for Pack<'_, T> {
        type Output = Vec<T>;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
            let Self(left, m, k) = self;
            let mut packed = Vec::with_capacity(m * k);
            let mut i = 0;
            while i < m {
                let rows = height::<S>(m - i);
                match left {
                    Left::Rows(data, stride) => {
                        packed
                            .extend((0..k).flat_map(|k| (0..rows).map(move |r| data[stride * (i + r) + k])));
                    }
                    Left::Columns(data, stride) => {
                        (0..k).for_each(|k| packed.extend_from_slice(&data[stride * k + i..][..rows]));
                    }
                    Left::Tiles(tiles) => packed.extend_from_slice(&tiles[k * i..][..k * rows]),
                }
                i += rows;
            }
            packed
        }
    }

    pulp::Arch::new().dispatch(Pack(left, m, k))
}

wide! {
    /// `to [columns, rows] ← fromᵀ`, of columns from a multiple of [`WIDTH`] near the diagonal on, if only
    /// those matter on and above it. Rows of `from` and of `to` lie so far apart.
    fn transpose<'t, T>(
        from: (&'t [T], usize),
        to: (&'t mut [T], usize),
        rows: usize,
        columns: usize,
        upper: bool,
    ) {
        const SIDE: usize = 4;
        let ((from, apart), (to, stride)) = (from, to);
        for i in (0..rows).step_by(SIDE) {
            let first = if upper { i / WIDTH * WIDTH } else { 0 };
            if first >= columns {
                break;
            }
            let row = |i: usize| &from[apart * i + first..][..columns - first];
            let to = to[stride * first + i..].chunks_mut(stride);
            if i + SIDE <= rows {
                let (a, b, c, d) = (row(i), row(i + 1), row(i + 2), row(i + 3));
                for ((((to, a), b), c), d) in to.zip(a).zip(b).zip(c).zip(d) {
                    to[..SIDE].copy_from_slice(&[*a, *b, *c, *d]);
                }
            } else {
                for (at, to) in to.enumerate().take(columns - first) {
                    (i..rows).for_each(|i| to[i % SIDE] = row(i)[at]);
                }
            }
        }
    }
}
