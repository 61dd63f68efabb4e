//! Products of matrices, for small ones as fast as for large ones.
//!
//! `C ← start + A B`. A tile of `C` stays in registers while a stretch of the inner dimension passes by:
//! each step takes one entry of every row of `A`, and a row of `B` that is as wide as the tile. `B` is
//! copied into panels before, [`WIDTH`] columns each, so that a stretch of one fits the first cache
//! whatever the strides of the matrix are. `A` is used where it lies, unless it is transposed; `C` is.

use super::real::{LANES, Real, add_few, copy_few};
use super::wide::wide;
use pulp::Simd;
use std::ops::Range;

/// Columns of a panel: 3 registers of 512 bits of f32, a multiple of all registers there are.
const WIDTH: usize = 48;

/// Registers that a tile is wide.
const ACROSS: usize = 3;

/// The stretch of the inner dimension that is worked on at a time: 24 KiB of an f32 panel.
const DEPTH: usize = 128;

/// Steps of the inner dimension that are written out: addresses of rows are then counted up less often.
const STEPS: usize = 4;

/// How much room the panels of a matrix of so many rows and columns take.
pub(super) fn room(rows: usize, columns: usize) -> usize {
    rows * columns.next_multiple_of(WIDTH)
}

/// For each row of a tile, or each register of one, written out: sums stay in registers only if every
/// index is a constant.
macro_rules! each {
    ($r:ident < R, $body:block) => {
        each!($r < R, $body, 0 1 2 3 4 5 6 7)
    };
    ($v:ident < V, $body:block) => {
        each!($v < V, $body, 0 1 2)
    };
    ($i:ident < $n:ident, $body:block, $($constant:literal)*) => {{$(
        if $constant < $n {
            let $i = $constant;
            $body
        }
    )*}};
}

/// A matrix inside a slice: its rows lie `stride` apart.
#[derive(Clone, Copy)]
pub(super) struct View<'v, T> {
    pub data: &'v [T],
    pub stride: usize,
    /// Whether the transposed matrix is meant.
    pub transposed: bool,
}

impl<'v, T> View<'v, T> {
    pub(super) fn new(data: &'v [T], stride: usize) -> Self {
        Self { data, stride, transposed: false }
    }

    pub(super) fn t(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }
}

/// Room for copies of factors.
#[derive(Default)]
pub(super) struct Panels<T> {
    pub left: Vec<T>,
    pub right: Vec<T>,
}

/// [`pack`] into room that grows where it must; what it held does not matter.
pub(super) fn pack_into<'p, T: Real>(
    panels: &'p mut Vec<T>,
    matrix: View<'_, T>,
    rows: usize,
    columns: usize,
) -> &'p [T] {
    let len = room(rows, columns);
    if panels.len() < len {
        panels.resize(len, T::zero());
    }
    pack(&mut panels[..len], matrix, rows, columns);
    &panels[..len]
}

/// Copies a matrix of so many rows and columns into panels. `panels` has [`room`] for them.
pub(super) fn pack<T: Real>(panels: &mut [T], matrix: View<'_, T>, rows: usize, columns: usize) {
    if rows > 0 {
        copy(panels, matrix, rows, columns);
    }
}

wide! {
    /// Behind the last column there are zeros, as many as tiles may read.
    fn copy<'p, T>(panels: &'p mut [T], matrix: View<'p, T>, rows: usize, columns: usize) {
        let View { data, stride, transposed } = matrix;
        for (panel, from) in panels.chunks_exact_mut(rows * WIDTH).zip((0..columns).step_by(WIDTH)) {
            let width = WIDTH.min(columns - from);
            let zeros = width / LANES * LANES;
            for (i, row) in panel.chunks_exact_mut(WIDTH).enumerate() {
                if zeros < width {
                    row[zeros..zeros + LANES].copy_from_slice(&[T::zero(); LANES]);
                }
                if !transposed {
                    copy_row(&mut row[..width], &data[i * stride + from..][..width]);
                }
            }
            for j in (0..width).filter(|_| transposed) {
                let column = &data[(from + j) * stride..][..rows];
                panel.chunks_exact_mut(WIDTH).zip(column).for_each(|(row, x)| row[j] = *x);
            }
        }
    }
}

/// Copies a row of a panel, all lanes at a time.
#[inline(always)]
fn copy_row<T: Real>(to: &mut [T], from: &[T]) {
    let (mut to, mut from) = (to.chunks_exact_mut(LANES), from.chunks_exact(LANES));
    to.by_ref().zip(from.by_ref()).for_each(|(to, from)| to.copy_from_slice(from));
    copy_few(to.into_remainder(), from.remainder());
}

/// What a product is added to.
#[derive(Clone, Copy)]
pub(super) enum Start<'s, T> {
    Zero,
    /// This row, to every row.
    Row(&'s [T]),
    /// What stands there.
    There,
}

/// Which entries matter, where it is not all of them: position `i` sees `0..=i`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Band {
    All,
    /// Of `C`, those on and below the diagonal. Others may get any value.
    Lower,
    /// `A` is 0 above the diagonal.
    LowerLeft,
    /// `A` is 0 below the diagonal.
    UpperLeft,
}

/// `C [m, n] ← A [m, k] B [k, n]`, with room for the panels of `B`.
pub(super) fn multiply<T: Real>(
    panels: &mut Panels<T>,
    [m, k, n]: [usize; 3],
    (left, right): (View<'_, T>, View<'_, T>),
    band: Band,
    out: &mut [T],
    stride: usize,
) {
    let right = pack_into(&mut panels.right, right, k, n);
    Product { m, k, n, left, copy: &mut panels.left, right, start: Start::Zero, band, out, stride }.run();
}

/// `C [m, n] ← start + A [m, k] B [k, n]`.
pub(super) struct Product<'p, T> {
    pub m: usize,
    pub k: usize,
    pub n: usize,
    pub left: View<'p, T>,
    /// Room for a transposed `A`.
    pub copy: &'p mut Vec<T>,
    /// By [`pack`].
    pub right: &'p [T],
    pub start: Start<'p, T>,
    pub band: Band,
    pub out: &'p mut [T],
    /// How far apart the rows of `C` lie.
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
        let lanes = T::lanes::<S>();
        if self.left.transposed {
            self.copy_left::<S>();
        }
        let mut depth = 0;
        // An empty inner dimension still leaves what the product is added to.
        while depth == 0 || depth < self.k {
            let inner = depth..self.k.min(depth + DEPTH);
            for from in (0..self.n).step_by(lanes * ACROSS) {
                let mut i = 0;
                while i < self.m {
                    let rows = height::<S>(self.m - i);
                    let width = (lanes * ACROSS).min(self.columns::<S>(i + rows).saturating_sub(from));
                    let tile = Tile { i, from, width, inner: self.inner(i..i + rows, &inner) };
                    let nothing = width == 0 || depth > 0 && tile.inner.is_empty();
                    match (rows, width.div_ceil(lanes)) {
                        _ if nothing => {}
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
    from: usize,
    width: usize,
    inner: Range<usize>,
}

impl<T: Real> Product<'_, T> {
    /// Columns of `C` that matter in rows before this one, in whole registers.
    #[inline(always)]
    fn columns<S: Simd>(&self, before: usize) -> usize {
        let columns = before.next_multiple_of(T::lanes::<S>());
        if self.band == Band::Lower { self.n.min(columns) } else { self.n }
    }

    /// Where in a stretch these rows of `A` have entries.
    #[inline(always)]
    fn inner(&self, rows: Range<usize>, stretch: &Range<usize>) -> Range<usize> {
        match self.band {
            Band::All | Band::Lower => stretch.clone(),
            Band::LowerLeft => stretch.start..stretch.end.min(rows.end).max(stretch.start),
            Band::UpperLeft => stretch.start.max(rows.start).min(stretch.end)..stretch.end,
        }
    }

    /// Copies a transposed `A` tile by tile, so that what a step takes lies together.
    #[inline(always)]
    fn copy_left<S: Simd>(&mut self) {
        let View { data, stride, .. } = self.left;
        if self.copy.len() < self.m * self.k {
            self.copy.resize(self.m * self.k, T::zero());
        }
        let mut i = 0;
        while i < self.m {
            let rows = height::<S>(self.m - i);
            let inner = self.inner(i..i + rows, &(0..self.k));
            let copy = self.copy[self.k * i..][..self.k * rows].chunks_exact_mut(rows);
            for (k, copy) in copy.enumerate().take(inner.end).skip(inner.start) {
                let step = &data[stride * k + i..];
                match rows {
                    8 => copy.copy_from_slice(&step[..8]),
                    _ => copy_few(copy, &step[..rows]),
                }
            }
            i += rows;
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, tile: Tile, first: bool) {
        let Tile { i, from, width, inner } = tile;
        let mut sums = [[T::splat(simd, T::zero()); V]; R];
        // A tile lies in one panel, since the width of panels is a multiple of that of tiles.
        let panel = &self.right[from / WIDTH * WIDTH * self.k..][..WIDTH * self.k];
        let panel = panel[WIDTH * inner.start..WIDTH * inner.end].as_chunks::<WIDTH>().0;
        let View { data, stride, transposed } = self.left;
        if transposed {
            let left = &self.copy[self.k * i..][R * inner.start..R * inner.end].as_chunks::<R>().0;
            let (left, right) = (left.as_chunks::<STEPS>(), panel.as_chunks::<STEPS>());
            for (left, right) in left.0.iter().zip(right.0) {
                add::<S, T, R, V>(simd, &mut sums, |r| left[0][r], &right[0][from % WIDTH..]);
                add::<S, T, R, V>(simd, &mut sums, |r| left[1][r], &right[1][from % WIDTH..]);
                add::<S, T, R, V>(simd, &mut sums, |r| left[2][r], &right[2][from % WIDTH..]);
                add::<S, T, R, V>(simd, &mut sums, |r| left[3][r], &right[3][from % WIDTH..]);
            }
            for (left, right) in left.1.iter().zip(right.1) {
                add::<S, T, R, V>(simd, &mut sums, |r| left[r], &right[from % WIDTH..]);
            }
        } else {
            let n = inner.len() / STEPS;
            let (mut whole, mut rest): ([&[[T; STEPS]]; R], [&[T]; R]) = ([&[]; R], [&[]; R]);
            each!(r < R, {
                let row = data[stride * (i + r)..][inner.start..inner.end].as_chunks();
                (whole[r], rest[r]) = (&row.0[..n], &row.1[..inner.len() % STEPS]);
            });
            for (k, right) in (0..n).zip(panel.as_chunks::<STEPS>().0) {
                add::<S, T, R, V>(simd, &mut sums, |r| whole[r][k][0], &right[0][from % WIDTH..]);
                add::<S, T, R, V>(simd, &mut sums, |r| whole[r][k][1], &right[1][from % WIDTH..]);
                add::<S, T, R, V>(simd, &mut sums, |r| whole[r][k][2], &right[2][from % WIDTH..]);
                add::<S, T, R, V>(simd, &mut sums, |r| whole[r][k][3], &right[3][from % WIDTH..]);
            }
            for (k, right) in (0..inner.len() % STEPS).zip(panel.as_chunks::<STEPS>().1) {
                add::<S, T, R, V>(simd, &mut sums, |r| rest[r][k], &right[from % WIDTH..]);
            }
        }
        // Whole registers of a row, and what is left of the last one.
        let end = width - width % T::lanes::<S>();
        macro_rules! write {
            ($v:ident, $old:ident, $sum:ident => $new:expr, $rest:ident, $last:ident => $few:expr) => {
                each!(r < R, {
                    let out = &mut self.out[self.stride * (i + r) + from..][..width];
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
            Start::Zero => write!(v, old, sum => sum, rest, last => copy_few(rest, last)),
            Start::Row(row) => {
                let (row, last_of_row) = row[from..][..width].split_at(end);
                let row = T::vectors::<S>(row);
                write!(v, old, sum => T::plus(simd, row[v], sum), rest, last => {
                    copy_few(rest, last_of_row);
                    add_few(rest, last);
                });
            }
            Start::There => {
                write!(v, old, sum => T::plus(simd, *old, sum), rest, last => add_few(rest, last));
            }
        }
    }
}

/// One step of the inner dimension: entries of `A`, one per row, times a row of `B`.
#[inline(always)]
fn add<S: Simd, T: Real, const R: usize, const V: usize>(
    simd: S,
    sums: &mut [[T::Vector<S>; V]; R],
    left: impl Fn(usize) -> T,
    right: &[T],
) {
    let right: &[T::Vector<S>] = &T::vectors::<S>(right)[..V];
    each!(r < R, {
        let left = T::splat(simd, left(r));
        for v in 0..V {
            sums[r][v] = T::times_plus(simd, left, right[v], sums[r][v]);
        }
    });
}
