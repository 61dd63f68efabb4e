//! Factors of matrices.
//!
//! `ndarray-linalg` calls LAPACK by its C names, and brings none. So that nothing need be installed,
//! `lapack` defines what is called, over faer; with the feature `openblas-system` it is OpenBLAS that does.

#[cfg(not(feature = "openblas-system"))]
mod lapack;

use ndarray::{Array1, Array2};
use ndarray_linalg::SVD as _;

/// `A = U diag(s) Vᵀ`, where `U [m, m]` and `V [n, n]` are orthogonal and `s [min(m, n)]` falls from
/// there on and is not negative.
#[derive(Clone, Debug, PartialEq)]
pub struct Svd {
    pub u: Array2<f64>,
    pub s: Array1<f64>,
    pub vt: Array2<f64>,
}

/// The singular values and vectors of a matrix `[m, n]`. None if a number in it is not finite.
pub fn svd(a: &Array2<f64>) -> Option<Svd> {
    let (m, n) = a.dim();
    if m == 0 || n == 0 {
        return Some(Svd { u: Array2::eye(m), s: Array1::zeros(0), vt: Array2::eye(n) });
    }
    if !a.iter().all(|x| x.is_finite()) {
        return None;
    }
    let (u, s, vt) = a.svd(true, true).ok()?;
    Some(Svd { u: u?, s, vt: vt? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    /// A matrix of a rank: a product of two with entries between -1 and 1.
    fn random(m: usize, n: usize, rank: usize, seed: u64) -> Array2<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut entries = |shape| Array2::from_shape_fn(shape, |_| rng.random_range(-1.0..1.0));
        let left: Array2<f64> = entries((m, rank));
        left.dot(&entries((rank, n)))
    }

    fn largest(a: &Array2<f64>) -> f64 {
        a.iter().fold(0.0, |most: f64, x| most.max(x.abs()))
    }

    fn is_orthogonal(q: &Array2<f64>) -> bool {
        largest(&(q.t().dot(q) - Array2::<f64>::eye(q.ncols()))) < 1e-12
    }

    #[track_caller]
    fn check(a: &Array2<f64>) -> Svd {
        let Svd { u, s, vt } = svd(a).unwrap();
        let k = s.len();
        let again = (&u.slice(ndarray::s![.., ..k]) * &s).dot(&vt.slice(ndarray::s![..k, ..]));
        let scale = s.first().copied().unwrap_or(0.0).max(1e-300);
        assert!(largest(&(again - a)) <= 1e-13 * scale * (k.max(1) as f64), "{:?}", a.dim());
        assert!(is_orthogonal(&u) && is_orthogonal(&vt.t().to_owned()), "{:?}", a.dim());
        assert!(s.iter().all(|s| *s >= 0.0) && s.iter().is_sorted_by(|a, b| a >= b), "{s}");
        Svd { u, s, vt }
    }

    #[test]
    fn products_of_factors_are_the_matrix() {
        for n in (1..=20_usize).chain([33, 64, 100, 127, 200]) {
            for (rows, columns) in [(n, n), (n, n.div_ceil(2)), (n.div_ceil(3), n)] {
                let svd = check(&random(rows, columns, rows.min(columns), n as u64));
                assert_eq!((svd.u.dim(), svd.vt.dim()), ((rows, rows), (columns, columns)));
            }
        }
        // However its entries lie in memory.
        check(&random(7, 4, 4, 1).reversed_axes());
    }

    #[test]
    fn matrices_without_full_rank_have_singular_values_0() {
        for (n, rank) in [(1, 0), (5, 2), (40, 7), (200, 3)] {
            let Svd { s, .. } = check(&random(n, n, rank, 3));
            assert!(s.iter().skip(rank).all(|s| *s <= 1e-12 * n as f64), "{s}");
        }
        let diagonal = Array2::from_diag(&ndarray::arr1(&[0.0, 3.0, 2.0]));
        assert_eq!(check(&diagonal).s.to_vec(), [3.0, 2.0, 0.0]);
    }

    #[test]
    fn matrices_of_no_numbers_have_factors_and_others_have_none() {
        for shape in [(0, 0), (0, 3), (3, 0)] {
            let Svd { u, s, vt } = check(&Array2::zeros(shape));
            assert_eq!((u.dim().0, s.len(), vt.dim().0), (shape.0, 0, shape.1));
        }
        for wrong in [f64::NAN, f64::INFINITY] {
            assert_eq!(svd(&ndarray::arr2(&[[1.0, wrong], [0.0, 1.0]])), None);
        }
    }
}
