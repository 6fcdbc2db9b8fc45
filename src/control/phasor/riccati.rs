//! The discrete algebraic Riccati equation, solved once at set-up.
//!
//! `S = Q + Aᵀ·S·A − Aᵀ·S·B·(R + Bᵀ·S·B)⁻¹·Bᵀ·S·A`, by structure-preserving doubling (Chu, Fan, Lin, Wang: "Structure-
//! preserving algorithms for periodic discrete-time algebraic Riccati equations", Int. J. Control 77, 2004): each round
//! does what twice as many rounds of the fixed-point iteration did, and A may be singular, as it is where states only
//! remember. It stops when a round changes S by less than 1e-13 of its norm; a few rounds are usual. Not for (A, B) that
//! cannot be stabilised: S grows then, and nothing is found.

use nalgebra::{DMatrix, LU};

/// Change of S relative to its norm at which it is found.
const TOLERANCE: f64 = 1e-13;
/// Most rounds: 2^50 steps of the fixed-point iteration.
const MOST_ROUNDS: usize = 50;

/// S for a regulator with positive definite R; `None` where none was found.
pub(super) fn riccati(a: &DMatrix<f64>, b: &DMatrix<f64>, q: &DMatrix<f64>, r: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    let identity = DMatrix::identity(a.nrows(), a.nrows());
    let (mut a, mut h) = (a.clone(), q.clone());
    let mut g = b * r.clone().cholesky()?.solve(&b.transpose());
    for _ in 0..MOST_ROUNDS {
        let lu = LU::new(&identity + &g * &h);
        let (wa, wg) = (lu.solve(&a)?, lu.solve(&g)?);
        let change = a.transpose() * &h * &wa;
        g += &a * wg * a.transpose();
        a = &a * wa;
        h += &change;
        h = (&h + h.transpose()) * 0.5;
        let (norm, moved) = (h.norm(), change.norm());
        if !norm.is_finite() {
            return None;
        }
        if moved <= TOLERANCE * norm {
            return Some(h);
        }
    }
    None
}

/// K of `u = −K·x` for a solution.
pub(super) fn gain(a: &DMatrix<f64>, b: &DMatrix<f64>, r: &DMatrix<f64>, s: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    let bs = b.transpose() * s;
    Some((r + &bs * b).cholesky()?.solve(&(bs * a)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_has_its_closed_form() {
        // a = b = q = 1: s² − s − r = 0.
        let one = DMatrix::identity(1, 1);
        for r in [0.02, 1.0, 6.0, 1e4] {
            let s = riccati(&one, &one, &one, &(&one * r)).unwrap()[(0, 0)];
            let expected = f64::midpoint(1.0, (1.0 + 4.0 * r).sqrt());
            assert!((s / expected - 1.0).abs() < 1e-12, "{s} {expected}");
        }
    }

    #[test]
    fn a_solution_fulfils_the_equation_and_its_gain_stabilises() {
        // Unstable, coupled, and singular.
        let a = DMatrix::from_row_slice(3, 3, &[1.2, 0.4, 0.0, 0.0, 0.9, 0.3, 0.0, 0.0, 0.0]);
        let b = DMatrix::from_row_slice(3, 2, &[0.0, 0.2, 1.0, 0.0, 0.5, -1.0]);
        let (q, r) = (DMatrix::identity(3, 3), DMatrix::from_row_slice(2, 2, &[0.3, 0.1, 0.1, 0.5]));
        let s = riccati(&a, &b, &q, &r).unwrap();
        let k = gain(&a, &b, &r, &s).unwrap();
        let residual = &q + a.transpose() * &s * (&a - &b * &k) - &s;
        assert!(residual.norm() < 1e-12 * s.norm(), "{residual}");
        let mut power = DMatrix::identity(3, 3);
        (0..200).for_each(|_| power = (&a - &b * &k) * &power);
        assert!(power.norm() < 1e-9, "{power}");
    }

    #[test]
    fn what_cannot_be_stabilised_has_no_solution() {
        let a = DMatrix::from_row_slice(2, 2, &[1.1, 0.0, 0.0, 0.5]);
        let b = DMatrix::from_row_slice(2, 1, &[0.0, 1.0]);
        assert_eq!(riccati(&a, &b, &DMatrix::identity(2, 2), &DMatrix::identity(1, 1)), None);
    }
}
