//! Small dense complex matrices, row major: sums, products, inverse and Kron reduction.
//!
//! Limits: sizes up to a few dozen rows; the inverse is Gauss–Jordan with partial pivoting and refuses a pivot of
//! zero or not-a-number, but does not judge conditioning. Kron reduction: Y₁₁ - Y₁₂·Y₂₂⁻¹·Y₂₁ (G. Kron, 1939).

use crate::quantity::{Complex, complex};

/// Entries that differ by less than this, per unit of the largest, are equal.
const ROUNDING: f64 = 1e-9;

/// A small dense complex matrix, row major; mostly a nodal admittance in siemens.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Admittance {
    n: usize,
    values: Vec<Complex>,
}

impl Admittance {
    /// Zeros, `n` by `n`.
    pub fn zeros(n: usize) -> Self {
        Self { n, values: vec![complex(0.0, 0.0); n * n] }
    }

    /// An `n` by `n` matrix of entries by row and column.
    pub fn from_fn(n: usize, mut entry: impl FnMut(usize, usize) -> Complex) -> Self {
        let values = (0..n * n).map(|k| entry(k / n, k % n)).collect();
        Self { n, values }
    }

    /// Number of rows.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Entries, row after row.
    pub fn values(&self) -> &[Complex] {
        &self.values
    }

    /// The entry of a row and column.
    ///
    /// # Panics
    /// If either is `n` or more.
    pub fn get(&self, row: usize, column: usize) -> Complex {
        self.values[self.index(row, column)]
    }

    /// Sets an entry.
    ///
    /// # Panics
    /// If row or column is `n` or more.
    pub fn set(&mut self, row: usize, column: usize, value: Complex) {
        let k = self.index(row, column);
        self.values[k] = value;
    }

    /// Adds to an entry.
    ///
    /// # Panics
    /// If row or column is `n` or more.
    pub fn add(&mut self, row: usize, column: usize, value: Complex) {
        let k = self.index(row, column);
        self.values[k] += value;
    }

    /// Adds a two-terminal admittance between conductors `a` and `b`.
    ///
    /// # Panics
    /// If either is `n` or more.
    pub fn add_branch(&mut self, a: usize, b: usize, y: Complex) {
        self.add(a, a, y);
        self.add(b, b, y);
        self.add(a, b, -y);
        self.add(b, a, -y);
    }

    /// Makes it `n` by `n` zeros, allocating only when it grows.
    pub fn reset(&mut self, n: usize) {
        self.n = n;
        self.values.clear();
        self.values.resize(n * n, complex(0.0, 0.0));
    }

    /// Whether it is its own transpose, up to rounding.
    pub fn is_symmetric(&self) -> bool {
        let largest = self.values().iter().map(|y| y.norm()).fold(0.0, f64::max);
        (0..self.n()).all(|i| (0..i).all(|j| (self.get(i, j) - self.get(j, i)).norm() <= ROUNDING * largest))
    }

    /// Whether every entry is finite.
    pub fn is_finite(&self) -> bool {
        self.values.iter().all(|y| y.re.is_finite() && y.im.is_finite())
    }

    /// Every entry times a factor.
    pub fn scaled(mut self, factor: f64) -> Self {
        self.values.iter_mut().for_each(|y| *y *= factor);
        self
    }

    /// The first `n` rows and columns.
    pub fn leading(&self, n: usize) -> Self {
        let n = n.min(self.n);
        Self::from_fn(n, |i, j| self.get(i, j))
    }

    /// The product with a vector: I = Y·V. Entries missing from `v` count as zero.
    pub fn times(&self, v: &[Complex]) -> Vec<Complex> {
        (0..self.n).map(|i| v.iter().take(self.n).enumerate().map(|(j, v)| self.get(i, j) * v).sum()).collect()
    }

    /// The inverse, or `None` when a pivot is zero or not a number.
    pub fn inverse(&self) -> Option<Self> {
        let n = self.n;
        let mut a = self.clone();
        let mut inverse = Self::from_fn(n, |i, j| complex(f64::from(u8::from(i == j)), 0.0));
        for column in 0..n {
            let pivot = a.pivot_row(column)?;
            a.swap_rows(column, pivot);
            inverse.swap_rows(column, pivot);
            let factor = complex(1.0, 0.0) / a.get(column, column);
            a.scale_row(column, factor);
            inverse.scale_row(column, factor);
            for row in (0..n).filter(|&row| row != column) {
                let factor = a.get(row, column);
                a.subtract_row(row, column, factor);
                inverse.subtract_row(row, column, factor);
            }
        }
        inverse.is_finite().then_some(inverse)
    }

    /// Kron reduction to the first `keep` rows, the others carrying no external current (of an impedance matrix: being
    /// at zero voltage). `None` when the reduced block is singular.
    pub fn kron(&self, keep: usize) -> Option<Self> {
        let mut m = self.clone();
        while m.n > keep {
            let last = m.n - 1;
            let pivot = m.get(last, last);
            if !(pivot.norm_sqr() > 0.0 && pivot.norm_sqr().is_finite()) {
                return None;
            }
            m = Self::from_fn(last, |i, j| m.get(i, j) - m.get(i, last) * m.get(last, j) / pivot);
        }
        Some(m)
    }

    fn index(&self, row: usize, column: usize) -> usize {
        assert!(row < self.n && column < self.n, "entry ({row}, {column}) of a matrix of order {}", self.n);
        row * self.n + column
    }

    fn pivot_row(&self, column: usize) -> Option<usize> {
        let size = |row: usize| self.get(row, column).norm();
        let best = (column..self.n).max_by(|&a, &b| size(a).total_cmp(&size(b)))?;
        (size(best) > 0.0 && size(best).is_finite()).then_some(best)
    }

    fn swap_rows(&mut self, a: usize, b: usize) {
        (0..self.n).for_each(|j| self.values.swap(a * self.n + j, b * self.n + j));
    }

    fn scale_row(&mut self, row: usize, factor: Complex) {
        self.values.iter_mut().skip(row * self.n).take(self.n).for_each(|x| *x *= factor);
    }

    fn subtract_row(&mut self, row: usize, other: usize, factor: Complex) {
        for j in 0..self.n {
            let x = self.get(other, j);
            self.add(row, j, -factor * x);
        }
    }
}
