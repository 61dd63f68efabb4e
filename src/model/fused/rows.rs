//! What happens to rows of numbers between products.

use super::real::{LANES, Real, copy_few, fold, sum};
use super::wide::wide;

wide! {
    /// `x ← x + b` for rows as long as `b`.
    fn add_row<'r, T>(x: &'r mut [T], b: &'r [T]) {
        for row in x.chunks_exact_mut(b.len().max(1)) {
            row.iter_mut().zip(b).for_each(|(x, b)| *x += *b);
        }
    }
}

wide! {
    /// `sums ← sums + Σ rows` for rows as long as `sums`.
    fn add_rows<'r, T>(sums: &'r mut [T], rows: &'r [T]) {
        for row in rows.chunks_exact(sums.len().max(1)) {
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += *x);
        }
    }
}

wide! {
    /// `x ← x y`, entry by entry.
    fn scale<'r, T>(x: &'r mut [T], y: &'r [T]) {
        x.iter_mut().zip(y).for_each(|(x, y)| *x *= *y);
    }
}

wide! {
    /// `y = (x - mean x) / √(var x + eps)` row by row, `scales` being what is multiplied by.
    fn normalise<'r, T>(x: &'r [T], y: &'r mut [T], scales: &'r mut [T], eps: f64) {
        let width = x.len() / scales.len().max(1);
        let n = T::of(width as f64);
        let rows = x.chunks_exact(width.max(1)).zip(y.chunks_exact_mut(width.max(1)));
        for ((x, y), scale) in rows.zip(scales) {
            let mean = sum(x, x, |x, _| x) / n;
            let variance = sum(x, x, |x, _| (x - mean) * (x - mean)) / n;
            *scale = T::one() / (variance + T::of(eps)).sqrt();
            y.iter_mut().zip(x).for_each(|(y, x)| *y = (*x - mean) * *scale);
        }
    }
}

wide! {
    /// `x = y w + b`, row by row.
    fn stretch<'r, T>(y: &'r [T], w: &'r [T], b: Option<&'r [T]>, x: &'r mut [T]) {
        for (y, x) in y.chunks_exact(w.len()).zip(x.chunks_exact_mut(w.len())) {
            x.iter_mut().zip(y).zip(w).for_each(|((x, y), w)| *x = *y * *w);
            if let Some(b) = b {
                x.iter_mut().zip(b).for_each(|(x, b)| *x += *b);
            }
        }
    }
}

wide! {
    /// Adds to `dx` what [`normalise`] and [`stretch`] make of the gradient `g` of their result:
    /// `(h - mean h - y mean(h y)) scale`, with `h = g w`; and to `dw` the `Σ g y` over the rows. `g`
    /// becomes `h`.
    fn normalise_back<'r, T>(
        g: &'r mut [T],
        y: &'r [T],
        scales: &'r [T],
        w: &'r [T],
        dw: &'r mut [T],
        dx: &'r mut [T],
    ) {
        let n = T::of(w.len() as f64);
        let rows = g.chunks_exact_mut(w.len()).zip(y.chunks_exact(w.len())).zip(dx.chunks_exact_mut(w.len()));
        for (((g, y), dx), scale) in rows.zip(scales) {
            for (((g, y), w), dw) in g.iter_mut().zip(y).zip(w).zip(dw.iter_mut()) {
                *dw += *g * *y;
                *g *= *w;
            }
            let (mean, slope) = (sum(g, g, |h, _| h) / n, sum(g, y, |h, y| h * y) / n);
            for ((dx, h), y) in dx.iter_mut().zip(g).zip(y) {
                *dx += (*h - mean - *y * slope) * *scale;
            }
        }
    }
}

wide! {
    /// Softmax of `scale · x`, row by row: row `i` over its first `seen` entries, in a causal pattern
    /// over `i + 1` of them at most; the others become 0. It promises what `masked_softmax` does.
    fn softmax<'r, T>(x: &'r mut [T], width: usize, seen: usize, causal: bool, scale: T) {
        for (i, row) in x.chunks_exact_mut(width.max(1)).enumerate() {
            let seen = if causal { seen.min(i + 1) } else { seen };
            let (row, hidden) = row.split_at_mut(seen);
            hidden.fill(T::zero());
            softmax_row(row, scale);
        }
    }
}

#[inline(always)]
fn softmax_row<T: Real>(x: &mut [T], scale: T) {
    let max = |a, b| if b > a { b } else { a };
    let mut lanes = [T::neg_infinity(); LANES];
    let whole = x.chunks_exact(LANES);
    // Full lanes, so that short rows are wide work too; what stands beyond the row is 0 in the end.
    let mut rest = [T::neg_infinity(); LANES];
    copy_few(&mut rest[..whole.remainder().len()], whole.remainder());
    for x in whole.chain([&rest[..]]) {
        x.iter().zip(&mut lanes).for_each(|(x, lane)| *lane = max(*lane, *x));
    }
    let greatest = fold(lanes, max);
    let mut sums = [T::zero(); LANES];
    let mut whole = x.chunks_exact_mut(LANES);
    let mut weigh = |x: &mut [T]| {
        for (x, sum) in x.iter_mut().zip(&mut sums) {
            *x = ((*x - greatest) * scale).e();
            *sum += *x;
        }
    };
    whole.by_ref().for_each(&mut weigh);
    weigh(&mut rest);
    copy_few(whole.into_remainder(), &rest);
    // The greatest weigh 1 times it: the correctly rounded 1/k, where k of them are all there is.
    let share = T::one() / fold(sums, |a, b| a + b);
    x.iter_mut().for_each(|x| *x *= share);
}

wide! {
    /// From a pattern `p` and its gradient `g` to that of the scores, in place of `g`:
    /// `scale · p (g - Σ p g)`, over the entries that [`softmax`] saw; 0 elsewhere.
    fn softmax_back<'r, T>(
        g: &'r mut [T],
        p: &'r [T],
        width: usize,
        seen: usize,
        causal: bool,
        scale: T,
    ) {
        let rows = g.chunks_exact_mut(width.max(1)).zip(p.chunks_exact(width.max(1)));
        for (i, (g, p)) in rows.enumerate() {
            let seen = if causal { seen.min(i + 1) } else { seen };
            let (g, hidden) = g.split_at_mut(seen);
            hidden.fill(T::zero());
            let p = &p[..seen];
            let mean = sum(p, g, |p, g| p * g);
            g.iter_mut().zip(p).for_each(|(g, p)| *g = scale * *p * (*g - mean));
        }
    }
}
