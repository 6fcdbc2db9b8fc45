//! Eigenvalues of the small matrices of an interface: up to 6 by 6.
//!
//! The QR iteration on a Hessenberg matrix with Wilkinson's shift, over the complex numbers, and another shift now and then
//! (Golub, Van Loan: "Matrix Computations", 7.5). nalgebra's own Schur form is not used: its double shift goes in circles
//! where a spectrum is the same with the other sign, as that of a device of constant power is.

use nalgebra::{DMatrix, Hessenberg};

use crate::quantity::{Complex, complex};

/// What counts as 0 beside a matrix's largest entry.
const SMALL: f64 = 1e-15;
/// Steps for an eigenvalue; two or three are usual.
const MOST_STEPS: u32 = 200;
/// After so many steps without one, another shift is tried.
const OTHER_SHIFT: u32 = 10;

/// All eigenvalues; `None` of a matrix that is not finite, or where the iteration does not end.
pub(super) fn eigenvalues(matrix: &DMatrix<f64>) -> Option<Vec<Complex>> {
    let norm = matrix.amax();
    if !matrix.iter().all(|own| own.is_finite()) {
        return None;
    }
    if norm == 0.0 {
        return Some(vec![complex(0.0, 0.0); matrix.nrows()]);
    }
    let scaled = matrix.map(|own| complex(own / norm, 0.0));
    let mut h = if scaled.nrows() > 2 { Hessenberg::new(scaled).unpack_h() } else { scaled };
    let (mut found, mut steps) = (Vec::with_capacity(h.nrows()), 0);
    while h.nrows() > 0 {
        let last = h.nrows() - 1;
        if last == 0 || h[(last, last - 1)].norm() <= SMALL {
            found.push(h[(last, last)] * norm);
            h = h.remove_row(last).remove_column(last);
            steps = 0;
            continue;
        }
        steps += 1;
        if steps > MOST_STEPS {
            return None;
        }
        let shift = if steps % OTHER_SHIFT == 0 { other_shift(&h, last) } else { wilkinson(&h, last) };
        let by = DMatrix::identity(last + 1, last + 1) * shift;
        let (q, r) = (h - &by).qr().unpack();
        h = r * q + by;
    }
    Some(found)
}

/// The eigenvalue of the last two rows and columns that is nearer to the last entry.
fn wilkinson(h: &DMatrix<Complex>, last: usize) -> Complex {
    let (a, b) = (h[(last - 1, last - 1)], h[(last - 1, last)]);
    let (c, d) = (h[(last, last - 1)], h[(last, last)]);
    let half = (a - d) * 0.5;
    let root = (half * half + b * c).sqrt();
    let far = if (half + root).norm() > (half - root).norm() { half + root } else { half - root };
    // d − b·c/far is the root that far is not, without a difference of near numbers.
    if far.norm() > 0.0 { d - b * c / far } else { d }
}

/// Off the axes, so that no symmetry survives it.
fn other_shift(h: &DMatrix<Complex>, last: usize) -> Complex {
    h[(last, last)] + complex(0.71, 0.37) * h[(last, last - 1)].norm()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(mut own: Vec<Complex>) -> Vec<Complex> {
        own.sort_by(|a, b| (a.re, a.im).partial_cmp(&(b.re, b.im)).unwrap());
        own
    }

    fn of(n: usize, entries: &[f64]) -> Vec<Complex> {
        sorted(eigenvalues(&DMatrix::from_row_slice(n, n, entries)).unwrap())
    }

    fn near(own: &[Complex], other: &[(f64, f64)]) {
        assert_eq!(own.len(), other.len());
        for (own, (re, im)) in own.iter().zip(other) {
            assert!((own - complex(*re, *im)).norm() < 1e-9, "{own} is not {re} + {im}j");
        }
    }

    #[test]
    fn matrices_solved_by_hand() {
        near(&of(1, &[-3.0]), &[(-3.0, 0.0)]);
        near(&of(2, &[0.0, -2.0, 2.0, 0.0]), &[(0.0, -2.0), (0.0, 2.0)]);
        near(&of(2, &[0.0, 1.0, 1.0, 0.0]), &[(-1.0, 0.0), (1.0, 0.0)]);
        near(&of(2, &[0.0; 4]), &[(0.0, 0.0); 2]);
        // A permutation of three: the cube roots of 1. Steps without a shift would not move it.
        let cubic = 0.75_f64.sqrt();
        near(&of(3, &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), &[(-0.5, -cubic), (-0.5, cubic), (1.0, 0.0)]);
        near(&of(3, &[1.0, 5.0, 7.0, 0.0, 2.0, 9.0, 0.0, 0.0, 3.0]), &[(1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]);
        assert!(eigenvalues(&DMatrix::from_element(2, 2, f64::NAN)).is_none());
    }

    proptest! {
        /// Their sum is the trace, the sum of their squares that of the square, and so on: six such sums determine six values.
        #[test]
        fn sums_of_powers_are_traces(entries in proptest::collection::vec(-1.0f64..1.0, 36), symmetric in any::<bool>()) {
            let mut own = DMatrix::from_row_slice(6, 6, &entries);
            if symmetric {
                // As constant power has it: the same spectrum with the other sign.
                for (k, l) in (0..3).flat_map(|k| (0..3).map(move |l| (k, l))) {
                    own[(k + 3, l + 3)] = -own[(k, l)];
                    own[(k + 3, l)] = own[(k, l + 3)];
                }
            }
            let all = eigenvalues(&own).unwrap();
            let mut power = own.clone();
            for k in 1..=6u32 {
                let sum: Complex = all.iter().map(|r| r.powu(k)).sum();
                let size: f64 = all.iter().map(|r| r.norm().powi(k as i32)).sum::<f64>().max(1.0);
                prop_assert!((sum - power.trace()).norm() < 1e-9 * size, "power {k}: {sum}, not {}", power.trace());
                power = &power * &own;
            }
        }

        #[test]
        fn no_numbers_make_it_panic(entries in proptest::collection::vec(any::<f64>(), 16)) {
            if let Some(all) = eigenvalues(&DMatrix::from_row_slice(4, 4, &entries)) {
                prop_assert_eq!(all.len(), 4);
            }
        }
    }
}
