//! LAPACK, as far as it is called: the C symbols that a linker asks for, defined over faer.
//!
//! Matrices are `[rows, columns]` column by column: entry `(i, j)` of a matrix with leading dimension `ld`
//! stands at `i + j ld`. A call with `lwork = -1` asks how much workspace is wanted: 1, as faer brings
//! its own. `info` is 0, `-i` if argument `i` is wrong, or positive if nothing converged.
//!
//! A further function is needed as soon as something calls it: the linker names it.

#![expect(unsafe_code, reason = "these functions have the C signatures that LAPACK has")]

use faer::{Mat, MatRef};
use std::ffi::{c_char, c_int};

/// `A = U diag(S) Vᵀ`, for a matrix `A [m, n]` of f64.
///
/// `jobu` and `jobvt` are `A` for all columns of `U` and all rows of `Vᵀ`, or `N` for none; the other
/// jobs of LAPACK are refused.
///
/// # Safety
///
/// As LAPACK says: `a`, `u` and `vt` have room for their columns, `s` for `min(m, n)` numbers and `work`
/// for one; `u` and `vt` are not read or written if they are not asked for, `a`, `s`, `u` and `vt` neither
/// if `lwork` is -1.
#[unsafe(no_mangle)]
unsafe extern "C" fn dgesvd_(
    jobu: *const c_char,
    jobvt: *const c_char,
    m: *const c_int,
    n: *const c_int,
    a: *mut f64,
    lda: *const c_int,
    s: *mut f64,
    u: *mut f64,
    ldu: *const c_int,
    vt: *mut f64,
    ldvt: *const c_int,
    work: *mut f64,
    lwork: *const c_int,
    info: *mut c_int,
) {
    // SAFETY: LAPACK's arguments are pointers to one number each.
    let (jobs, [m, n, lda, ldu, ldvt, lwork]) =
        unsafe { ([*jobu, *jobvt].map(|job| job as u8), [*m, *n, *lda, *ldu, *ldvt, *lwork]) };
    let [all_u, all_vt] = jobs.map(|job| job == b'A');
    let wrong = [
        (1, !all_u && jobs[0] != b'N'),
        (2, !all_vt && jobs[1] != b'N'),
        (3, m < 0),
        (4, n < 0),
        (6, lda < m.max(1)),
        (9, all_u && ldu < m.max(1)),
        (11, all_vt && ldvt < n.max(1)),
    ];
    let wrong = wrong.into_iter().find_map(|(place, wrong)| wrong.then_some(-place));
    // SAFETY: `info` is one number, and `work` has room for one.
    unsafe {
        *info = wrong.unwrap_or(0);
        *work = 1.0;
    }
    if wrong.is_some() || lwork == -1 {
        return;
    }
    let [m, n, lda, ldu, ldvt] = [m, n, lda, ldu, ldvt].map(|size| size as usize);
    // SAFETY: `a` has `n` columns of `m` numbers, `lda` apart, and nobody else sees it meanwhile.
    let matrix = unsafe { MatRef::from_raw_parts(a.cast_const(), m, n, 1, lda as isize) };
    let finite = (0..n).all(|j| (0..m).all(|i| matrix[(i, j)].is_finite()));
    let Some(svd) = finite.then(|| matrix.svd().ok()).flatten() else {
        // SAFETY: `info` is one number.
        unsafe { *info = 1 };
        return;
    };
    // SAFETY: `s` has room for `min(m, n)` numbers, and what is asked for has room for its columns.
    unsafe {
        (0..m.min(n)).for_each(|i| *s.add(i) = svd.S()[i]);
        if all_u {
            write(&svd.U().to_owned(), u, ldu);
        }
        if all_vt {
            write(&svd.V().transpose().to_owned(), vt, ldvt);
        }
    }
}

/// Writes a matrix column by column.
///
/// # Safety
///
/// There is room for its columns at `place`, `ld` apart.
unsafe fn write(matrix: &Mat<f64>, place: *mut f64, ld: usize) {
    for j in 0..matrix.ncols() {
        for i in 0..matrix.nrows() {
            // SAFETY: what the caller promises.
            unsafe { *place.add(i + j * ld) = matrix[(i, j)] };
        }
    }
}
