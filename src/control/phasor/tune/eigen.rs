//! Eigenvalues of a real matrix that may be anything: what does not converge is `None`, never a panic or a hang.
//!
//! The QR iteration of nalgebra's Schur form has no exceptional shifts, so it stands still on cyclic matrices, and a loop
//! that is a pure delay is one: `z^(d+1) = −g` has all its roots on a circle. It also measures what is small by the
//! diagonal beside it, which the many zero eigenvalues of delays make zero, and at ε itself it can wait for ever on many
//! equal eigenvalues. A matrix that does not converge is tried again: an orthogonal similarity breaks the symmetry,
//! `M + ‖M‖·I` has a diagonal, and more counts as small. The price is an error of some ‖M‖·ε in the matrix, as that of the
//! iteration itself (G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed., 7.5).

use nalgebra::{DMatrix, DVector, Schur};

use crate::quantity::{Complex, Noise};

/// Iterations of an attempt for each row; a row rarely takes more than three.
const ITERATIONS: usize = 15;
/// Attempts: as it stands, then reflected.
const ATTEMPTS: i32 = 6;
/// By how much more an attempt takes for small than the one before.
const SLACK: f64 = 4.0;

/// Eigenvalues; `None` when an entry is not finite, the matrix is not square or nothing converged.
pub(super) fn eigenvalues(m: &DMatrix<f64>) -> Option<Vec<Complex>> {
    if !m.is_square() || m.iter().any(|x| !x.is_finite()) {
        return None;
    }
    if m.is_empty() {
        return Some(Vec::new());
    }
    let most = ITERATIONS * m.nrows();
    (0..ATTEMPTS).find_map(|k| {
        let shift = if k == 0 { 0.0 } else { m.norm() };
        let tried = reflected(m, k) + DMatrix::from_diagonal_element(m.nrows(), m.nrows(), shift);
        let small = f64::EPSILON * SLACK.powi(k + 1);
        let found = Schur::try_new(tried, small, most)?.complex_eigenvalues();
        let values: Vec<Complex> = found.iter().map(|z| z - shift).collect();
        values.iter().all(|z| z.re.is_finite() && z.im.is_finite()).then_some(values)
    })
}

/// `H·M·H` with the reflection `H = I − 2v·vᵀ`, v a unit vector of seeded noise; M itself the first time.
fn reflected(m: &DMatrix<f64>, attempt: i32) -> DMatrix<f64> {
    if attempt == 0 {
        return m.clone();
    }
    let noise = Noise::new(u64::from(attempt.unsigned_abs()), "reflection");
    let v = DVector::from_fn(m.nrows(), |i, _| noise.normal(i as u64)).normalize();
    let half = m - (m * &v) * v.transpose() * 2.0;
    &half - &v * (v.transpose() * &half) * 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cyclic_matrix_has_the_roots_of_unity() {
        for n in [3, 4, 7, 12] {
            let cycle = DMatrix::from_fn(n, n, |i, j| f64::from(u8::from((i + 1) % n == j)));
            let found = eigenvalues(&cycle).unwrap();
            assert_eq!(found.len(), n);
            assert!(found.iter().all(|z| (z.norm() - 1.0).abs() < 1e-12), "{found:?}");
            let power = |z: &Complex| z.powu(u32::try_from(n).unwrap());
            assert!(found.iter().all(|z| (power(z) - 1.0).norm() < 1e-10), "{found:?}");
        }
    }

    #[test]
    fn a_rotation_in_any_basis_keeps_its_pair() {
        let turned = DMatrix::from_row_slice(2, 2, &[0.6, -0.7, 0.7, 0.6]);
        let basis = DMatrix::from_row_slice(2, 2, &[2.0, 1.0, -3.0, 4.0]);
        let m = &basis * turned * basis.clone().try_inverse().unwrap();
        let found = eigenvalues(&m).unwrap();
        assert!(found.iter().all(|z| (z.re - 0.6).abs() < 1e-13 && (z.im.abs() - 0.7).abs() < 1e-13), "{found:?}");
    }

    #[test]
    fn chains_of_delays_have_zeros_and_no_end_of_iterations() {
        // Six shift registers of length 4, mixed by a reflection: nilpotent, and hard for a relative test of smallness.
        let chains = DMatrix::from_fn(24, 24, |i, j| f64::from(u8::from(i == j + 6)));
        let found = eigenvalues(&reflected(&chains, 7)).unwrap();
        // A block of length 4 spreads a rounding error ε to its fourth root.
        assert!(found.iter().all(|z| z.norm() < 1e-3), "{found:?}");
    }

    #[test]
    fn what_has_no_eigenvalues_is_none() {
        assert!(eigenvalues(&DMatrix::zeros(2, 3)).is_none());
        assert!(eigenvalues(&DMatrix::from_element(4, 4, f64::NAN)).is_none());
        assert!(eigenvalues(&DMatrix::from_element(3, 3, f64::INFINITY)).is_none());
        // Norms overflow: whatever comes, it comes.
        let _ = eigenvalues(&DMatrix::from_fn(6, 6, |i, j| if (i + 1) % 6 == j { 1e300 } else { 1e-300 }));
        assert_eq!(eigenvalues(&DMatrix::zeros(0, 0)), Some(Vec::new()));
        assert!(eigenvalues(&DMatrix::zeros(5, 5)).unwrap().iter().all(|z| z.norm() == 0.0));
    }
}
