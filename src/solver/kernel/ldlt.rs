//! LDLᵀ of a complex symmetric matrix: left-looking, no pivoting, on a fixed pattern.

use super::lanes::{Largest, isa_dispatch, mul_add, vector};
use super::{BadPivot, Isa, Lanes, Operator, PIVOT_FLOOR, Pattern, Sweep};
use crate::quantity::{Complex, complex};

/// The factor of a complex symmetric matrix. `L` has a unit diagonal; the inverse of `D` is stored.
#[derive(Clone, Debug)]
pub struct Ldlt {
    lower: Vec<Complex>,
    d: Vec<Complex>,
    d_inverse: Vec<Complex>,
}

impl Ldlt {
    /// Room for a factor of the given pattern.
    pub fn new(pattern: &Pattern) -> Self {
        let zero = complex(0.0, 0.0);
        Self { lower: vec![zero; pattern.entries()], d: vec![zero; pattern.n], d_inverse: vec![zero; pattern.n] }
    }

    /// Factorises the linear part of an operator.
    ///
    /// # Errors
    /// [`BadPivot`] at the first pivot too small to divide by; the factor is then unusable.
    pub fn factor(&mut self, pattern: &Pattern, operator: &Operator) -> Result<(), BadPivot> {
        (0..pattern.n).try_for_each(|j| self.column(pattern, j, operator))
    }

    /// Factorises again only the given columns (ascending): every ancestor of what changed.
    ///
    /// # Errors
    /// As [`Ldlt::factor`].
    pub fn refactor(&mut self, pattern: &Pattern, columns: &[u32], operator: &Operator) -> Result<(), BadPivot> {
        columns.iter().try_for_each(|&j| self.column(pattern, j as usize, operator))
    }

    /// Becomes a copy of `other` without allocating.
    pub fn copy_from(&mut self, other: &Self) {
        self.lower.copy_from_slice(&other.lower);
        self.d.copy_from_slice(&other.d);
        self.d_inverse.copy_from_slice(&other.d_inverse);
    }

    /// Takes the given columns from `other`.
    pub fn copy_columns(&mut self, pattern: &Pattern, columns: &[u32], other: &Self) {
        for column in columns.iter().map(|&c| c as usize) {
            let own = pattern.col_ptr[column] as usize..pattern.col_ptr[column + 1] as usize;
            self.lower[own.clone()].copy_from_slice(&other.lower[own]);
            self.d[column] = other.d[column];
            self.d_inverse[column] = other.d_inverse[column];
        }
    }

    fn column(&mut self, p: &Pattern, j: usize, operator: &Operator) -> Result<(), BadPivot> {
        let own = p.col_ptr[j] as usize..p.col_ptr[j + 1] as usize;
        self.lower[own.clone()].copy_from_slice(&operator.below[own.clone()]);
        let mut pivot = operator.diagonal[j];
        let mut largest = pivot.norm_sqr();
        for entry in &p.row_entries[p.row_ptr[j] as usize..p.row_ptr[j + 1] as usize] {
            let (i, position) = (entry.column as usize, entry.position as usize);
            let l = self.lower[position];
            let scaled = l * self.d[i];
            pivot -= l * scaled;
            let end = p.col_ptr[i + 1] as usize;
            let landings = &p.update_at[entry.updates as usize..];
            for (k, q) in (position + 1..end).enumerate() {
                let product = self.lower[q] * scaled;
                self.lower[landings[k] as usize] -= product;
            }
        }
        largest = self.lower[own.clone()].iter().fold(largest, |m, x| m.max(x.norm_sqr()));
        if pivot.norm_sqr() <= PIVOT_FLOOR * PIVOT_FLOOR * largest || !pivot.is_finite() {
            return Err(BadPivot { column: j });
        }
        let inverse = pivot.inv();
        (self.d[j], self.d_inverse[j]) = (pivot, inverse);
        self.lower[own].iter_mut().for_each(|l| *l *= inverse);
        Ok(())
    }

    /// Solves in place for columns from `start` on: `x` holds right-hand sides, zero before `start`, and receives the
    /// solution at places ≥ `start` (places before are left to [`Ldlt::substitute`]). `v` moves by `step` times the
    /// solution, lane by lane. Returns the largest |x·weight|² of each lane; NaN if any is.
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

    /// Fills `x` at places before `start` from the solution at places ≥ `start` and the offsets of those places
    /// ([`Ldlt::offsets`]; zero for right-hand sides that are zero there).
    pub fn substitute<const K: usize>(&self, isa: Isa, pattern: &Pattern, offsets: &[Lanes<1>], x: &mut [Lanes<K>]) {
        assert!(x.len() == pattern.n && self.lower.len() == pattern.entries() && offsets.len() <= pattern.n);
        substitute_lanes(isa, pattern, self, offsets, x);
    }

    /// What [`Ldlt::substitute`] adds to: the part of a solution `x` at the first places that does not come from later ones.
    pub fn offsets(&self, pattern: &Pattern, x: &[Lanes<1>], offsets: &mut [Lanes<1>]) {
        for (j, offset) in offsets.iter_mut().enumerate() {
            let mut y = [[-x[j][0][0]], [-x[j][1][0]]];
            for q in pattern.col_ptr[j] as usize..pattern.col_ptr[j + 1] as usize {
                subtract::<false, 1>(&mut y, self.lower[q], &x[pattern.rows[q] as usize]);
            }
            *offset = [[-y[0][0]], [-y[1][0]]];
        }
    }
}

isa_dispatch! {
    fn solve_lanes<const K: usize>(isa: Isa, p: &Pattern, f: &Ldlt, start: usize, x: &mut [Lanes<K>], sweep: Sweep<'_, K>) -> [f64; K] = solve_body
}
isa_dispatch! {
    fn substitute_lanes<const K: usize>(isa: Isa, p: &Pattern, f: &Ldlt, offsets: &[Lanes<1>], x: &mut [Lanes<K>]) = substitute_body
}

/// `y -= l·v` in every lane.
#[inline(always)]
fn subtract<const FMA: bool, const K: usize>(y: &mut Lanes<K>, l: Complex, v: &Lanes<K>) {
    for k in 0..K {
        y[0][k] = mul_add::<FMA>(l.im, v[1][k], mul_add::<FMA>(-l.re, v[0][k], y[0][k]));
        y[1][k] = mul_add::<FMA>(-l.im, v[0][k], mul_add::<FMA>(-l.re, v[1][k], y[1][k]));
    }
}

/// `d·v` in every lane.
#[inline(always)]
fn scale<const FMA: bool, const K: usize>(d: Complex, v: &Lanes<K>) -> Lanes<K> {
    let mut y = [[0.0; K]; 2];
    for k in 0..K {
        y[0][k] = mul_add::<FMA>(-d.im, v[1][k], d.re * v[0][k]);
        y[1][k] = mul_add::<FMA>(d.im, v[0][k], d.re * v[1][k]);
    }
    y
}

#[inline(always)]
fn solve_body<const FMA: bool, const K: usize>(
    p: &Pattern,
    f: &Ldlt,
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
                subtract::<FMA, K>(at_mut(x, *at(&p.rows, q) as usize), *at(&f.lower, q), &rhs);
            }
        }
        for j in (start..p.n).rev() {
            let mut y = scale::<FMA, K>(*at(&f.d_inverse, j), at(x, j));
            for q in *at(&p.col_ptr, j) as usize..*at(&p.col_ptr, j + 1) as usize {
                subtract::<FMA, K>(&mut y, *at(&f.lower, q), at(x, *at(&p.rows, q) as usize));
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
fn substitute_body<const FMA: bool, const K: usize>(p: &Pattern, f: &Ldlt, offsets: &[Lanes<1>], x: &mut [Lanes<K>]) {
    // SAFETY: as in `solve_body`; `offsets` is no longer than n (asserted by the caller).
    unsafe {
        for (j, offset) in offsets.iter().enumerate().rev() {
            let mut y = [[offset[0][0]; K], [offset[1][0]; K]];
            for q in *at(&p.col_ptr, j) as usize..*at(&p.col_ptr, j + 1) as usize {
                subtract::<FMA, K>(&mut y, *at(&f.lower, q), at(x, *at(&p.rows, q) as usize));
            }
            *at_mut(x, j) = y;
        }
    }
}

/// Element `i`, checked in debug builds only.
///
/// # Safety
/// `i < v.len()`.
#[inline(always)]
pub(super) unsafe fn at<T>(v: &[T], i: usize) -> &T {
    debug_assert!(i < v.len());
    // SAFETY: the caller's promise.
    unsafe { v.get_unchecked(i) }
}

/// Element `i`, checked in debug builds only.
///
/// # Safety
/// `i < v.len()`.
#[inline(always)]
pub(super) unsafe fn at_mut<T>(v: &mut [T], i: usize) -> &mut T {
    debug_assert!(i < v.len());
    // SAFETY: the caller's promise.
    unsafe { v.get_unchecked_mut(i) }
}
