//! Impedance matrices: their shape, and whether they can be inverted.

use super::super::Matrix;
use super::finding::{Checker, Element};
use crate::quantity::{Complex, complex};

/// Smallest pivot of an invertible matrix, relative to its largest entry: below it, rounding decides.
const SMALLEST_PIVOT: f64 = 1e-12;
/// Largest difference between mirror entries that passes for rounding, relative to the largest entry.
const ASYMMETRY: f64 = 1e-3;

impl Checker<'_> {
    /// Whether a matrix has as many rows and columns as there are phases.
    pub fn square(&mut self, element: Element<'_>, key: &str, matrix: &Matrix, phases: usize) -> bool {
        let rows = matrix.len();
        let full = matrix.iter().all(|row| row.len() == rows);
        let lower = matrix.iter().enumerate().all(|(i, row)| row.len() == i + 1);
        let short = key.rsplit('.').next().unwrap_or(key);
        if !(full || lower) {
            let lengths: Vec<String> = matrix.iter().map(|row| row.len().to_string()).collect();
            let message = format!("{element}: {short} is not square: its rows have {} entries", lengths.join(", "));
            let help = "write all rows in full, or the lower triangle: [[1], [2, 3]]";
            self.error_with_help("E0208", element, key, message, help);
        } else if rows != phases {
            let message = format!("{element}: {short} has {rows} rows for {phases} phases");
            self.error("E0207", element, key, message);
        } else if full && asymmetric(matrix) {
            self.warning("W0204", element, key, format!("{element}: {short} is not symmetric"));
        }
        (full || lower) && rows == phases
    }

    /// An impedance that must have an inverse. Missing parts are zero.
    pub fn invertible(&mut self, element: Element<'_>, key: &str, r: Option<&Matrix>, x: Option<&Matrix>) {
        let n = r.or(x).map_or(0, Vec::len);
        let z: Vec<Vec<Complex>> =
            (0..n).map(|i| (0..n).map(|j| complex(entry(r, i, j), entry(x, i, j))).collect()).collect();
        if is_singular(z) {
            let message = format!("{element}: the impedance matrix is singular");
            let help = "no current distribution follows from it: are two rows equal, or is it all zero?";
            self.error_with_help("E0209", element, key, message, help);
        }
    }

    /// Sequence impedances, each of which must not be zero.
    pub fn sequence(&mut self, element: Element<'_>, key: &str, z1: Complex, z0: Complex) {
        for (z, name) in [(z1, "positive"), (z0, "zero")] {
            if z.norm() == 0.0 {
                let message = format!("{element}: the {name}-sequence impedance is zero");
                self.error("E0209", element, key, message);
            }
        }
    }
}

/// An entry of a full or lower-triangle matrix; zero outside.
fn entry(matrix: Option<&Matrix>, i: usize, j: usize) -> f64 {
    let at = |i: usize, j: usize| matrix.and_then(|m| m.get(i)?.get(j)).copied();
    at(i, j).or_else(|| at(j, i)).unwrap_or(0.0)
}

fn asymmetric(matrix: &Matrix) -> bool {
    let largest = matrix.iter().flatten().fold(0.0f64, |most, x| most.max(x.abs()));
    let n = matrix.len();
    let differs = |i, j| (entry(Some(matrix), i, j) - entry(Some(matrix), j, i)).abs() > ASYMMETRY * largest;
    (0..n).any(|i| (0..i).any(|j| differs(i, j)))
}

/// Gauss elimination with row pivoting.
fn is_singular(mut z: Vec<Vec<Complex>>) -> bool {
    let n = z.len();
    let largest = z.iter().flatten().fold(0.0f64, |most, x| most.max(x.norm()));
    for k in 0..n {
        let size = |row: &Vec<Complex>| row[k].norm();
        let pivot = (k..n).max_by(|i, j| size(&z[*i]).total_cmp(&size(&z[*j]))).unwrap_or(k);
        z.swap(k, pivot);
        // Also true of NaN.
        if !(z[k][k].norm() > SMALLEST_PIVOT * largest) {
            return true;
        }
        let (above, below) = z.split_at_mut(k + 1);
        for row in below {
            let factor = row[k] / above[k][k];
            for (x, y) in row.iter_mut().zip(&above[k]).skip(k) {
                *x -= factor * y;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn real(rows: &[&[f64]]) -> Vec<Vec<Complex>> {
        rows.iter().map(|row| row.iter().map(|x| complex(*x, 0.0)).collect()).collect()
    }

    #[test]
    fn tells_singular_from_regular() {
        assert!(!is_singular(real(&[&[0.0, 1.0], &[1.0, 0.0]])));
        assert!(is_singular(real(&[&[1.0, 2.0], &[2.0, 4.0]])));
        assert!(is_singular(real(&[&[0.0]])));
        assert!(is_singular(real(&[&[f64::NAN]])));
        // Sherman-Morrison: the inverse of I - uu'/(1 + e) exists for any e > 0.
        assert!(!is_singular(real(&[&[0.51, -0.5], &[-0.5, 0.51]])));
        // Resistance singular, reactance singular, impedance regular: det = (1 + j)(1 - j) - (1)(1) = 1.
        let z = vec![vec![complex(1.0, 1.0), complex(1.0, 0.0)], vec![complex(1.0, 0.0), complex(1.0, -1.0)]];
        assert!(!is_singular(z));
    }
}
