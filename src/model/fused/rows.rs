//! What happens to numbers between products.
//!
//! A row holds one direction, query or key of all positions, and what is reduced is reduced over rows:
//! positions stand side by side in registers, however short a sequence is.

use super::product::WIDTH;
use super::real::{Real, sum};
use super::wide::wide;
use std::ops::Range;

wide! {
    /// `x ← x + b`, a number to each row.
    fn add_column<'r, T>(x: &'r mut [T], apart: usize, b: &'r [T]) {
        for (row, b) in x.chunks_exact_mut(apart).zip(b) {
            row.iter_mut().for_each(|x| *x += *b);
        }
    }
}

wide! {
    /// `sums ← sums + Σ x`, over the first `n` numbers of each row.
    fn add_sums<'r, T>(sums: &'r mut [T], x: &'r [T], apart: usize, n: usize) {
        for (total, row) in sums.iter_mut().zip(x.chunks_exact(apart)) {
            *total += sum(&row[..n], &row[..n], |x, _| x);
        }
    }
}

wide! {
    /// `x ← x + y`, entry by entry.
    fn add<'r, T>(x: &'r mut [T], y: &'r [T]) {
        x.iter_mut().zip(y).for_each(|(x, y)| *x += *y);
    }
}

wide! {
    /// `x ← x y`, entry by entry.
    fn scale<'r, T>(x: &'r mut [T], y: &'r [T]) {
        x.iter_mut().zip(y).for_each(|(x, y)| *x *= *y);
    }
}

/// Positions that are worked on at a time, so that what is reduced stays in registers.
fn blocks(apart: usize) -> impl Iterator<Item = Range<usize>> {
    (0..apart).step_by(WIDTH).map(move |from| from..apart.min(from + WIDTH))
}

wide! {
    /// `y = (x - mean x) / √(var x + eps)` position by position, `scales` being what is multiplied by. Rows
    /// of `x` and `y` are as long as `scales`.
    fn normalise<'r, T>(x: &'r [T], y: &'r mut [T], scales: &'r mut [T], d: usize, eps: f64) {
        let (apart, n) = (scales.len(), T::of(d as f64));
        for block in blocks(apart) {
            let (mut means, mut squares) = ([T::zero(); WIDTH], [T::zero(); WIDTH]);
            for x in x.chunks_exact(apart).take(d) {
                means.iter_mut().zip(&x[block.clone()]).for_each(|(mean, x)| *mean += *x);
            }
            means.iter_mut().for_each(|mean| *mean /= n);
            for x in x.chunks_exact(apart).take(d) {
                let pairs = squares.iter_mut().zip(&x[block.clone()]).zip(&means);
                pairs.for_each(|((square, x), mean)| *square += (*x - *mean) * (*x - *mean));
            }
            let scales = &mut scales[block.clone()];
            let pairs = scales.iter_mut().zip(&squares);
            pairs.for_each(|(scale, square)| *scale = T::one() / (*square / n + T::of(eps)).sqrt());
            for (y, x) in y.chunks_exact_mut(apart).zip(x.chunks_exact(apart)).take(d) {
                let at = y[block.clone()].iter_mut().zip(&x[block.clone()]).zip(&means).zip(&*scales);
                at.for_each(|(((y, x), mean), scale)| *y = (*x - *mean) * *scale);
            }
        }
    }
}

wide! {
    /// `x = y w + b`, a number of `w` and `b` to each row.
    fn stretch<'r, T>(y: &'r [T], w: &'r [T], b: Option<&'r [T]>, x: &'r mut [T], apart: usize) {
        let rows = y.chunks_exact(apart).zip(x.chunks_exact_mut(apart)).zip(w);
        for (i, ((y, x), w)) in rows.enumerate() {
            let b = b.map_or(T::zero(), |b| b[i]);
            x.iter_mut().zip(y).for_each(|(x, y)| *x = *y * *w + b);
        }
    }
}

wide! {
    /// Adds to `dx` what [`normalise`] and [`stretch`] make of the gradient `g` of their result:
    /// `(h - mean h - y mean(h y)) scale`, with `h = g w`; and to `dw` the `Σ g y` over `m` positions. `g`
    /// becomes `h`.
    fn normalise_back<'r, T>(
        g: &'r mut [T],
        y: &'r [T],
        scales: &'r [T],
        w: &'r [T],
        dw: &'r mut [T],
        dx: &'r mut [T],
        m: usize,
    ) {
        let (apart, n) = (scales.len(), T::of(w.len() as f64));
        for (((g, y), w), dw) in g.chunks_exact_mut(apart).zip(y.chunks_exact(apart)).zip(w).zip(dw) {
            *dw += sum(&g[..m], &y[..m], |g, y| g * y);
            g.iter_mut().for_each(|g| *g *= *w);
        }
        for block in blocks(apart) {
            let (mut means, mut slopes) = ([T::zero(); WIDTH], [T::zero(); WIDTH]);
            for (h, y) in g.chunks_exact(apart).zip(y.chunks_exact(apart)).take(w.len()) {
                let at = means.iter_mut().zip(&mut slopes).zip(&h[block.clone()]).zip(&y[block.clone()]);
                at.for_each(|(((mean, slope), h), y)| {
                    *mean += *h;
                    *slope += *h * *y;
                });
            }
            means.iter_mut().chain(&mut slopes).for_each(|sum| *sum /= n);
            let rows = g.chunks_exact(apart).zip(y.chunks_exact(apart)).zip(dx.chunks_exact_mut(apart));
            for ((h, y), dx) in rows.take(w.len()) {
                let pairs = dx[block.clone()].iter_mut().zip(&h[block.clone()]).zip(&y[block.clone()]);
                let at = pairs.zip(&means).zip(&slopes).zip(&scales[block.clone()]);
                for (((((dx, h), y), mean), slope), scale) in at {
                    *dx += (*h - *mean - *y * *slope) * *scale;
                }
            }
        }
    }
}

wide! {
    /// Softmax of `scale · x`, column by column, a column being a query and a row a key: over the first
    /// `seen` keys, in a causal pattern over those that do not come behind the query. The others become 0, in
    /// a causal pattern as far as [`WIDTH`] columns reach that lie beside a key that counts. It promises what
    /// `masked_softmax` does.
    fn softmax<'r, T>(x: &'r mut [T], apart: usize, seen: usize, causal: bool, scale: T) {
        for block in blocks(apart) {
            let last = if causal { block.end } else { x.len() };
            let (mut greatest, mut sums) = ([T::neg_infinity(); WIDTH], [T::zero(); WIDTH]);
            for (key, row) in x.chunks_exact_mut(apart).enumerate().take(seen.min(last)) {
                let row = &mut row[block.clone()];
                if causal && key > block.start {
                    row[..key - block.start].fill(T::neg_infinity());
                }
                let pairs = greatest.iter_mut().zip(row);
                pairs.for_each(|(greatest, x)| *greatest = if *x > *greatest { *x } else { *greatest });
            }
            for row in x.chunks_exact_mut(apart).take(seen.min(last)) {
                for ((x, greatest), sum) in row[block.clone()].iter_mut().zip(&greatest).zip(&mut sums) {
                    *x = ((*x - *greatest) * scale).e();
                    *sum += *x;
                }
            }
            // The greatest weigh 1 times it: the correctly rounded 1/k, where k of them are all there is.
            sums.iter_mut().for_each(|sum| *sum = T::one() / *sum);
            for row in x.chunks_exact_mut(apart).take(seen.min(last)) {
                row[block.clone()].iter_mut().zip(&sums).for_each(|(x, share)| *x *= *share);
            }
            for row in x.chunks_exact_mut(apart).take(last).skip(seen) {
                row[block.clone()].fill(T::zero());
            }
        }
    }
}

wide! {
    /// From a pattern `p` and its gradient `g` to that of the scores, in place of `g`:
    /// `scale · p (g - Σ p g)`, over the entries that [`softmax`] saw; 0 where it wrote 0.
    fn softmax_back<'r, T>(g: &'r mut [T], p: &'r [T], apart: usize, seen: usize, causal: bool, scale: T) {
        for block in blocks(apart) {
            let last = if causal { block.end } else { g.len() };
            let mut means = [T::zero(); WIDTH];
            let rows = g.chunks_exact_mut(apart).zip(p.chunks_exact(apart)).enumerate();
            for (key, (g, p)) in rows.take(seen.min(last)) {
                let g = &mut g[block.clone()];
                if causal && key > block.start {
                    g[..key - block.start].fill(T::zero());
                }
                let triples = means.iter_mut().zip(&p[block.clone()]).zip(g);
                triples.for_each(|((mean, p), g)| *mean += *p * *g);
            }
            for (g, p) in g.chunks_exact_mut(apart).zip(p.chunks_exact(apart)).take(seen.min(last)) {
                let triples = g[block.clone()].iter_mut().zip(&p[block.clone()]).zip(&means);
                triples.for_each(|((g, p), mean)| *g = scale * *p * (*g - *mean));
            }
            for g in g.chunks_exact_mut(apart).take(last).skip(seen) {
                g[block.clone()].fill(T::zero());
            }
        }
    }
}
