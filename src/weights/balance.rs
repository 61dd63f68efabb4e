//! The same network in another gauge: with parameters of like size, as gradient descent wants them.
//!
//! Two things can be changed without changing what is computed:
//!
//! - A head scores by `w_q w_kᵀ` and writes by `w_v w_o`. Each product is split evenly: `W = U S Vᵀ` into
//!   `U √S` and `√S Vᵀ`, where directions that `W` does not connect stay apart, so that what is zero
//!   stays zero. The factors are rounded to f32.
//! - `ReLU(c x) = c ReLU(x)` for `c > 0`: what a neuron reads is multiplied by `c`, its bias too, and what it
//!   writes is divided by it, so that both have like norms. `c` is a power of two, so not a bit of
//!   what it writes changes as long as no number becomes too large or tiny, and of two norms neither is more than twice the other.
//!
//! The factors of a singular value that occurs more than once are not unique: another kind of processor
//! may give others.

use super::{HeadWeights, MlpWeights, Weights};
use crate::linalg::{Svd, svd};
use ndarray::{Array2, Axis};
use std::collections::BTreeSet;

impl Weights {
    /// The weights in the balanced gauge.
    pub(super) fn balanced(mut self) -> Self {
        for layer in &mut self.layers {
            for HeadWeights { w_q, w_k, w_v, w_o } in &mut layer.heads {
                let (left, right) = split(w_q, &w_k.t().to_owned());
                (*w_q, *w_k) = (left, right.reversed_axes().as_standard_layout().into_owned());
                (*w_v, *w_o) = split(w_v, w_o);
            }
            if let Some(mlp) = &mut layer.mlp {
                balance(mlp);
            }
        }
        self
    }
}

/// Singular values below this part of the greatest one are 0 but for rounding.
const ZERO: f64 = 1e-12;

/// Two factors `[m, k]` and `[k, n]` with the same product and with the same singular values. They stay as
/// they are where the product has no singular values, being no number.
fn split(left: &Array2<f32>, right: &Array2<f32>) -> (Array2<f32>, Array2<f32>) {
    let product = left.mapv(f64::from).dot(&right.mapv(f64::from));
    let mut parts = Vec::new();
    for (rows, columns) in blocks(&product) {
        let block = product.select(Axis(0), &rows).select(Axis(1), &columns);
        let Some(Svd { u, s, vt }) = svd(&block) else { return (left.clone(), right.clone()) };
        let least = ZERO * s.first().copied().unwrap_or(0.0);
        for (i, s) in s.iter().enumerate().filter(|(_, s)| **s > least) {
            // Either sign would do.
            let sign = if u.column(i).sum() < 0.0 { -1.0 } else { 1.0 };
            let root = sign * s.sqrt();
            let side = |entries: &[usize], vector: ndarray::ArrayView1<'_, f64>| {
                let entry = |(at, x): (&usize, &f64)| (*at, (root * x) as f32);
                entries.iter().zip(vector).map(entry).collect::<Vec<_>>()
            };
            parts.push((*s, side(&rows, u.column(i)), side(&columns, vt.row(i))));
        }
    }
    parts.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
    let (mut u, mut v) = (Array2::zeros(left.dim()), Array2::zeros(right.dim()));
    for (i, (_, rows, columns)) in parts.into_iter().enumerate().take(left.ncols()) {
        rows.into_iter().for_each(|(row, x)| u[[row, i]] = x);
        columns.into_iter().for_each(|(column, x)| v[[i, column]] = x);
    }
    (u, v)
}

/// The rows and columns of the blocks of a matrix: what entries other than 0 connect.
fn blocks(matrix: &Array2<f64>) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut left: BTreeSet<usize> = (0..matrix.nrows()).collect();
    let mut blocks = Vec::new();
    while let Some(first) = left.pop_first() {
        let (mut rows, mut columns, mut done) = (vec![first], BTreeSet::new(), 0);
        while let Some(&row) = rows.get(done) {
            done += 1;
            let connected = |column: &usize| matrix[[row, *column]] != 0.0;
            for column in (0..matrix.ncols()).filter(connected).filter(|column| columns.insert(*column)) {
                let (more, others): (BTreeSet<usize>, BTreeSet<usize>) =
                    left.iter().partition(|row| matrix[[**row, column]] != 0.0);
                rows.extend(more);
                left = others;
            }
        }
        if !columns.is_empty() {
            blocks.push((rows, columns.into_iter().collect()));
        }
    }
    blocks
}

/// Gives each neuron like norms of what it reads, its bias included, and of what it writes.
fn balance(mlp: &mut MlpWeights) {
    let MlpWeights { w_in, b_in, w_out } = mlp;
    let squares =
        |weights: ndarray::ArrayView1<'_, f32>| weights.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>();
    for j in 0..w_in.ncols() {
        let read = squares(w_in.column(j)) + squares(b_in.column(j));
        let written = squares(w_out.row(j));
        if read == 0.0 || written == 0.0 {
            continue;
        }
        // The square root of the quotient of norms, which are roots of these.
        let exponent = ((written / read).log2() / 4.0).round() as i32;
        let c = 2f32.powi(exponent);
        w_in.column_mut(j).map_inplace(|w| *w *= c);
        b_in.column_mut(j).map_inplace(|b| *b *= c);
        w_out.row_mut(j).map_inplace(|w| *w /= c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn factors_have_the_same_product_and_singular_values() {
        let left = arr2(&[[64.0, 0.0, 1.0], [0.0, 8.0, 0.0], [3.0, 0.0, -5.0], [0.0, 0.0, 0.0]]);
        let right = arr2(&[[1.0, 0.0], [0.0, 2.0], [0.5, 0.0]]);
        let (u, v) = split(&left, &right);
        let off = left.dot(&right) - u.dot(&v);
        assert!(off.iter().all(|x: &f32| x.abs() < 1e-5), "{off}");
        // Columns of the one and rows of the other have the same norms, and stand at right angles.
        let (uu, vv) = (u.t().dot(&u), v.dot(&v.t()));
        assert!((&uu - &vv).iter().all(|x| x.abs() < 1e-5), "{uu} {vv}");
        assert!(uu.indexed_iter().all(|((i, j), x)| i == j || x.abs() < 1e-5), "{uu}");
        // Row 1 and column 1 are a block of their own: 8 · 2 = 4 · 4.
        assert_eq!((u.row(1).to_vec(), v.column(1).to_vec()), (vec![0.0, 4.0, 0.0], vec![0.0, 4.0, 0.0]));
    }

    #[test]
    fn neurons_have_like_norms_and_write_the_same() {
        let mut mlp = MlpWeights {
            w_in: arr2(&[[264.0, 0.0, 1.0], [0.0, 0.5, 1.0]]),
            b_in: arr2(&[[-131.5, 0.25, 0.0]]),
            w_out: arr2(&[[1.0, 0.0], [-3.0, 7.0], [0.0, 0.0]]),
        };
        let before = mlp.clone();
        balance(&mut mlp);
        let norm = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
        for j in 0..2 {
            let read = norm(&[mlp.w_in[[0, j]], mlp.w_in[[1, j]], mlp.b_in[[0, j]]]);
            let written = norm(&mlp.w_out.row(j).to_vec());
            assert!((0.5..=2.0).contains(&(read / written)), "{read} {written}");
            let outer = |mlp: &MlpWeights| {
                mlp.w_in[[j, j]] * mlp.w_out[[j, 0]] + mlp.b_in[[0, j]] * mlp.w_out[[j, 1]]
            };
            assert_eq!(outer(&mlp), outer(&before));
        }
        assert_eq!((mlp.w_in[[0, 2]], mlp.w_out.row(2)), (1.0, before.w_out.row(2)));
    }
}
