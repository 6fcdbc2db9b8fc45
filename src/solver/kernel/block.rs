//! LDU of a widely-linear operator `v ↦ A·v + B·conj(v)` as 2×2 real blocks: left-looking, no pivoting between nodes.
//!
//! A block acts on (Re v, Im v). The matrix has a symmetric pattern with equal blocks on both sides of the diagonal
//! (network and load branches alike), but products of blocks do not commute, so both factors are kept.

use super::lanes::{Largest, isa_dispatch, mul_add, vector};
use super::ldlt::{at, at_mut};
use super::{BadPivot, Isa, Lanes, Operator, PIVOT_FLOOR, Pattern, Sweep};
use crate::quantity::Complex;

/// A 2×2 real matrix by columns: `[m00, m10, m01, m11]`.
pub type Block = [f64; 4];

/// The block of `v ↦ a·v + b·conj(v)`.
pub fn widely_linear(a: Complex, b: Complex) -> Block {
    [a.re + b.re, a.im + b.im, b.im - a.im, a.re - b.re]
}

#[inline(always)]
fn product(x: &Block, y: &Block) -> Block {
    [x[0] * y[0] + x[2] * y[1], x[1] * y[0] + x[3] * y[1], x[0] * y[2] + x[2] * y[3], x[1] * y[2] + x[3] * y[3]]
}

#[inline(always)]
fn subtract_product(into: &mut Block, x: &Block, y: &Block) {
    let p = product(x, y);
    (0..4).for_each(|k| into[k] -= p[k]);
}

fn norm_sqr(x: &Block) -> f64 {
    x.iter().map(|v| v * v).sum()
}

/// The factors of a widely-linear operator. `L` and `U` have unit diagonals; the inverse of `D` is stored.
#[derive(Clone, Debug)]
pub struct BlockLu {
    lower: Vec<Block>,
    upper: Vec<Block>,
    d: Vec<Block>,
    d_inverse: Vec<Block>,
}

impl BlockLu {
    /// Room for a factor of the given pattern.
    pub fn new(pattern: &Pattern) -> Self {
        let (entries, n) = (vec![[0.0; 4]; pattern.entries()], vec![[0.0; 4]; pattern.n]);
        Self { lower: entries.clone(), upper: entries, d: n.clone(), d_inverse: n }
    }

    /// Factorises an operator.
    ///
    /// # Errors
    /// [`BadPivot`] at the first block too close to singular; the factor is then unusable.
    pub fn factor(&mut self, pattern: &Pattern, operator: &Operator) -> Result<(), BadPivot> {
        (0..pattern.n).try_for_each(|j| self.column(pattern, j, operator))
    }

    /// Factorises again only the given columns (ascending): every ancestor of what changed.
    ///
    /// # Errors
    /// As [`BlockLu::factor`].
    pub fn refactor(&mut self, pattern: &Pattern, columns: &[u32], operator: &Operator) -> Result<(), BadPivot> {
        columns.iter().try_for_each(|&j| self.column(pattern, j as usize, operator))
    }

    /// Becomes a copy of `other` without allocating.
    pub fn copy_from(&mut self, other: &Self) {
        self.lower.copy_from_slice(&other.lower);
        self.upper.copy_from_slice(&other.upper);
        self.d.copy_from_slice(&other.d);
        self.d_inverse.copy_from_slice(&other.d_inverse);
    }

    /// Takes the given columns from `other`.
    pub fn copy_columns(&mut self, pattern: &Pattern, columns: &[u32], other: &Self) {
        for column in columns.iter().map(|&c| c as usize) {
            let own = pattern.col_ptr[column] as usize..pattern.col_ptr[column + 1] as usize;
            self.lower[own.clone()].copy_from_slice(&other.lower[own.clone()]);
            self.upper[own.clone()].copy_from_slice(&other.upper[own]);
            self.d[column] = other.d[column];
            self.d_inverse[column] = other.d_inverse[column];
        }
    }

    fn column(&mut self, p: &Pattern, j: usize, operator: &Operator) -> Result<(), BadPivot> {
        let own = p.col_ptr[j] as usize..p.col_ptr[j + 1] as usize;
        for q in own.clone() {
            let block = widely_linear(operator.below[q], operator.below_conj[q]);
            (self.lower[q], self.upper[q]) = (block, block);
        }
        let mut pivot = widely_linear(operator.diagonal[j], operator.diagonal_conj[j]);
        let mut largest = norm_sqr(&pivot);
        for entry in &p.row_entries[p.row_ptr[j] as usize..p.row_ptr[j + 1] as usize] {
            let (i, position) = (entry.column as usize, entry.position as usize);
            let left = product(&self.lower[position], &self.d[i]);
            let right = product(&self.d[i], &self.upper[position]);
            subtract_product(&mut pivot, &left, &self.upper[position]);
            let landings = &p.update_at[entry.updates as usize..];
            for (k, q) in (position + 1..p.col_ptr[i + 1] as usize).enumerate() {
                let (up, low) = (self.upper[q], self.lower[q]);
                let landing = landings[k] as usize;
                subtract_product(&mut self.upper[landing], &left, &up);
                subtract_product(&mut self.lower[landing], &low, &right);
            }
        }
        largest = self.upper[own.clone()].iter().fold(largest, |m, x| m.max(norm_sqr(x)));
        let determinant = pivot[0] * pivot[3] - pivot[1] * pivot[2];
        let floor = PIVOT_FLOOR * largest.sqrt() * norm_sqr(&pivot).sqrt();
        if determinant.abs() <= floor || !determinant.is_finite() {
            return Err(BadPivot { column: j });
        }
        let w = 1.0 / determinant;
        let inverse = [pivot[3] * w, -pivot[1] * w, -pivot[2] * w, pivot[0] * w];
        (self.d[j], self.d_inverse[j]) = (pivot, inverse);
        for q in own {
            self.lower[q] = product(&self.lower[q], &inverse);
            self.upper[q] = product(&inverse, &self.upper[q]);
        }
        Ok(())
    }

    /// Solves in place for columns from `start` on, and moves `v` by the solution; as [`super::Ldlt::solve`].
    pub fn solve<const K: usize>(
        &self,
        isa: Isa,
        pattern: &Pattern,
        start: usize,
        x: &mut [Lanes<K>],
        sweep: Sweep<'_, K>,
    ) -> [f64; K] {
        let n = pattern.n;
        assert!(x.len() == n && self.lower.len() == pattern.entries() && start <= n);
        assert!(sweep.v.len() >= n && sweep.weight.len() == n);
        solve_lanes(isa, pattern, self, start, x, sweep)
    }

    /// Fills `x` at places before `start` from the solution at places ≥ `start` and the same offsets
    /// ([`super::Ldlt::offsets`]; zero for right-hand sides that are zero there).
    pub fn substitute<const K: usize>(&self, isa: Isa, pattern: &Pattern, offsets: &[Lanes<1>], x: &mut [Lanes<K>]) {
        assert!(x.len() == pattern.n && self.lower.len() == pattern.entries() && offsets.len() <= pattern.n);
        substitute_lanes(isa, pattern, self, offsets, x);
    }

    /// What [`BlockLu::substitute`] adds to: the part of a solution `x` at the first places that does not come from later ones.
    pub fn offsets(&self, pattern: &Pattern, x: &[Lanes<1>], offsets: &mut [Lanes<1>]) {
        for (j, offset) in offsets.iter_mut().enumerate() {
            let mut y = [[-x[j][0][0]], [-x[j][1][0]]];
            for q in pattern.col_ptr[j] as usize..pattern.col_ptr[j + 1] as usize {
                subtract::<false, 1>(&mut y, &self.upper[q], &x[pattern.rows[q] as usize]);
            }
            *offset = [[-y[0][0]], [-y[1][0]]];
        }
    }
}

isa_dispatch! {
    fn solve_lanes<const K: usize>(isa: Isa, p: &Pattern, f: &BlockLu, start: usize, x: &mut [Lanes<K>], sweep: Sweep<'_, K>) -> [f64; K] = solve_body
}
isa_dispatch! {
    fn substitute_lanes<const K: usize>(isa: Isa, p: &Pattern, f: &BlockLu, offsets: &[Lanes<1>], x: &mut [Lanes<K>]) = substitute_body
}

/// `y -= m·v` in every lane.
#[inline(always)]
fn subtract<const FMA: bool, const K: usize>(y: &mut Lanes<K>, m: &Block, v: &Lanes<K>) {
    for k in 0..K {
        y[0][k] = mul_add::<FMA>(-m[2], v[1][k], mul_add::<FMA>(-m[0], v[0][k], y[0][k]));
        y[1][k] = mul_add::<FMA>(-m[3], v[1][k], mul_add::<FMA>(-m[1], v[0][k], y[1][k]));
    }
}

#[inline(always)]
fn scale<const FMA: bool, const K: usize>(m: &Block, v: &Lanes<K>) -> Lanes<K> {
    let mut y = [[0.0; K]; 2];
    for k in 0..K {
        y[0][k] = mul_add::<FMA>(m[2], v[1][k], m[0] * v[0][k]);
        y[1][k] = mul_add::<FMA>(m[3], v[1][k], m[1] * v[0][k]);
    }
    y
}

#[inline(always)]
fn solve_body<const FMA: bool, const K: usize>(
    p: &Pattern,
    f: &BlockLu,
    start: usize,
    x: &mut [Lanes<K>],
    sweep: Sweep<'_, K>,
) -> [f64; K] {
    let Sweep { step, v, weight } = sweep;
    let mut largest = Largest::new();
    // SAFETY: `Pattern` keeps col_ptr ascending with col_ptr[n] == rows.len(), the length of the factor's arrays, and
    // every row < n, the length of x and weight and at most that of v (asserted by the caller); debug builds check each
    // access.
    unsafe {
        for j in start..p.n {
            let rhs = *at(x, j);
            for q in *at(&p.col_ptr, j) as usize..*at(&p.col_ptr, j + 1) as usize {
                subtract::<FMA, K>(at_mut(x, *at(&p.rows, q) as usize), at(&f.lower, q), &rhs);
            }
        }
        for j in (start..p.n).rev() {
            let mut y = scale::<FMA, K>(at(&f.d_inverse, j), at(x, j));
            for q in *at(&p.col_ptr, j) as usize..*at(&p.col_ptr, j + 1) as usize {
                subtract::<FMA, K>(&mut y, at(&f.upper, q), at(x, *at(&p.rows, q) as usize));
            }
            *at_mut(x, j) = y;
            let v = at_mut(v, j);
            *v = [vector::mul_add::<FMA, K>(*step, y[0], v[0]), vector::mul_add::<FMA, K>(*step, y[1], v[1])];
            largest.add::<FMA>(j, &y, *at(weight, j));
        }
    }
    largest.finish()
}

#[inline(always)]
fn substitute_body<const FMA: bool, const K: usize>(
    p: &Pattern,
    f: &BlockLu,
    offsets: &[Lanes<1>],
    x: &mut [Lanes<K>],
) {
    // SAFETY: as in `solve_body`; `offsets` is no longer than n (asserted by the caller).
    unsafe {
        for (j, offset) in offsets.iter().enumerate().rev() {
            let mut y = [[offset[0][0]; K], [offset[1][0]; K]];
            for q in *at(&p.col_ptr, j) as usize..*at(&p.col_ptr, j + 1) as usize {
                subtract::<FMA, K>(&mut y, at(&f.upper, q), at(x, *at(&p.rows, q) as usize));
            }
            *at_mut(x, j) = y;
        }
    }
}
