//! The innermost loop of a product: steps of the inner dimension, each of which adds entries of `A`, one per row
//! of a tile, times a row of `B`.
//!
//! It loads and multiplies, and does nothing else: a look at the length of each row would take turns with
//! multiplications in the same units, and cost a third of the speed. One look is enough for all of them. This
//! is all the unsafe code of the pass.

#![expect(unsafe_code, reason = "one look at the length for all rows of a tile")]

use super::real::Real;
use pulp::Simd;

/// Steps that are written out: addresses are then counted up less often.
const STEPS: usize = 4;

/// For each of up to 8 rows of a tile, or up to 3 registers of one, written out: in large bodies sums stay in
/// registers only if every index is a constant.
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

pub(super) use each;

/// `n` rows that lie so far apart.
type Matrix<'m, T> = (&'m [T], usize);

/// Whether the first `width` numbers of all rows are there.
#[inline(always)]
fn holds<T>((data, apart): Matrix<'_, T>, n: usize, width: usize) -> bool {
    let end = n.checked_sub(1).map(|last| last.checked_mul(apart).and_then(|at| at.checked_add(width)));
    end.is_none_or(|end| end.is_some_and(|end| end <= data.len()))
}

/// The first `width` numbers of row `i`.
///
/// # Safety
///
/// The matrix [`holds`] more than `i` rows that are so wide.
#[inline(always)]
unsafe fn row<T>((data, apart): Matrix<'_, T>, i: usize, width: usize) -> &[T] {
    // SAFETY: rows before the last one end before it does, so that nothing overflows or ends behind the data.
    unsafe { data.get_unchecked(i * apart..i * apart + width) }
}

/// `n` steps; `left` are columns of `A`, one for each step.
#[inline(always)]
pub(super) fn of_columns<S: Simd, T: Real, const R: usize, const V: usize>(
    simd: S,
    sums: &mut [[T::Vector<S>; V]; R],
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    n: usize,
) {
    let width = T::lanes::<S>() * V;
    assert!(holds(left, n, R) && holds(right, n, width), "steps beyond a matrix");
    // SAFETY: both hold `n` rows, and `k` is less.
    let (a, b) = (|k| unsafe { row(left, k, R) }, |k| unsafe { row(right, k, width) });
    let groups = n / STEPS * STEPS;
    for k in (0..groups).step_by(STEPS) {
        let left = [a(k), a(k + 1), a(k + 2), a(k + 3)];
        add::<S, T, R, V>(simd, sums, |r| left[0][r], b(k));
        add::<S, T, R, V>(simd, sums, |r| left[1][r], b(k + 1));
        add::<S, T, R, V>(simd, sums, |r| left[2][r], b(k + 2));
        add::<S, T, R, V>(simd, sums, |r| left[3][r], b(k + 3));
    }
    for k in groups..n {
        let left = a(k);
        add::<S, T, R, V>(simd, sums, |r| left[r], b(k));
    }
}

/// `n` steps; `left` are rows of `A`, one for each row of the tile.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "a step takes an entry of each row")]
pub(super) fn of_rows<S: Simd, T: Real, const R: usize, const V: usize>(
    simd: S,
    sums: &mut [[T::Vector<S>; V]; R],
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    n: usize,
) {
    let width = T::lanes::<S>() * V;
    assert!(holds(left, R, n) && holds(right, n, width), "steps beyond a matrix");
    // SAFETY: there are `n` rows, and `k` is less.
    let b = |k| unsafe { row(right, k, width) };
    let (mut groups, mut others): ([&[[T; STEPS]]; R], [&[T]; R]) = ([&[]; R], [&[]; R]);
    each!(r < R, {
        // SAFETY: there are `R` rows, and `r` is less.
        let row = unsafe { row(left, r, n) }.as_chunks();
        (groups[r], others[r]) = (&row.0[..n / STEPS], &row.1[..n % STEPS]);
    });
    for k in 0..n / STEPS {
        add::<S, T, R, V>(simd, sums, |r| groups[r][k][0], b(STEPS * k));
        add::<S, T, R, V>(simd, sums, |r| groups[r][k][1], b(STEPS * k + 1));
        add::<S, T, R, V>(simd, sums, |r| groups[r][k][2], b(STEPS * k + 2));
        add::<S, T, R, V>(simd, sums, |r| groups[r][k][3], b(STEPS * k + 3));
    }
    for k in 0..n % STEPS {
        add::<S, T, R, V>(simd, sums, |r| others[r][k], b(n / STEPS * STEPS + k));
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
