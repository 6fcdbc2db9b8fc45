//! K complex symmetric matrices on one pattern, factorised and solved side by side: each lane is a matrix of its own.
//!
//! LDLᵀ, left-looking, no pivoting, as [`super::Ldlt`], but with lanes in the factor too: the orders of a harmonic study
//! differ in their admittances, not in their pattern. Every lane does the same operations whatever the others hold.

use super::lanes::{isa_dispatch, vector};
use super::ldlt::{at, at_mut};
use super::{Isa, LaneVec, Lanes, PIVOT_FLOOR, Pattern, Slot};

/// K matrices by diagonal and entries below it (in the pattern's order).
#[derive(Clone, Debug)]
pub struct LaneOperator<const K: usize> {
    /// Diagonals.
    pub diagonal: LaneVec<K>,
    /// Entries below; the matrices are symmetric.
    pub below: LaneVec<K>,
}

impl<const K: usize> LaneOperator<K> {
    /// Zeros.
    pub fn zero(pattern: &Pattern) -> Self {
        Self { diagonal: LaneVec::zeros(pattern.n), below: LaneVec::zeros(pattern.entries()) }
    }

    /// The entry at a slot; none at [`Slot::Nowhere`].
    pub fn at_mut(&mut self, slot: Slot) -> Option<&mut Lanes<K>> {
        match slot {
            Slot::Diagonal(k) => self.diagonal.get_mut(k as usize),
            Slot::Below(k) => self.below.get_mut(k as usize),
            Slot::Nowhere => None,
        }
    }

    /// The entry at a slot; zero at [`Slot::Nowhere`].
    pub fn at(&self, slot: Slot) -> Lanes<K> {
        match slot {
            Slot::Diagonal(k) => self.diagonal[k as usize],
            Slot::Below(k) => self.below[k as usize],
            Slot::Nowhere => [[0.0; K]; 2],
        }
    }
}

/// A pivot too small to divide by, in one of the matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanePivot {
    /// Column in elimination order.
    pub column: usize,
    /// Which matrix.
    pub lane: usize,
}

/// The factors of K complex symmetric matrices. `L` has a unit diagonal; the inverse of `D` is kept beside `D`.
#[derive(Clone, Debug)]
pub struct LaneLdlt<const K: usize> {
    lower: LaneVec<K>,
    d: LaneVec<K>,
    d_inverse: LaneVec<K>,
}

impl<const K: usize> LaneLdlt<K> {
    /// Room for factors of the given pattern.
    pub fn new(pattern: &Pattern) -> Self {
        let (n, entries) = (pattern.n, pattern.entries());
        Self { lower: LaneVec::zeros(entries), d: LaneVec::zeros(n), d_inverse: LaneVec::zeros(n) }
    }

    /// Factorises the given columns (ascending; all of them the first time, later every ancestor of what changed).
    ///
    /// # Errors
    /// [`LanePivot`] at the first pivot too small to divide by; the factors are then unusable.
    pub fn factor(
        &mut self,
        isa: Isa,
        pattern: &Pattern,
        columns: &[u32],
        operator: &LaneOperator<K>,
    ) -> Result<(), LanePivot> {
        let (n, entries) = (pattern.n, pattern.entries());
        assert!(self.lower.len() == entries && self.d.len() == n && self.d_inverse.len() == n);
        assert!(operator.below.len() == entries && operator.diagonal.len() == n);
        assert!(columns.iter().all(|&c| (c as usize) < n));
        factor_lanes(isa, pattern, self, columns, operator)
    }

    /// Solves in place: `x` holds right-hand sides, zero before place `start`, and receives the solutions.
    pub fn solve(&self, isa: Isa, pattern: &Pattern, start: usize, x: &mut [Lanes<K>]) {
        let n = pattern.n;
        assert!(x.len() == n && self.lower.len() == pattern.entries() && self.d_inverse.len() == n && start <= n);
        solve_lanes(isa, pattern, self, start, x);
    }
}

isa_dispatch! {
    fn factor_lanes<const K: usize>(isa: Isa, p: &Pattern, f: &mut LaneLdlt<K>, columns: &[u32], operator: &LaneOperator<K>) -> Result<(), LanePivot> = factor_body
}
isa_dispatch! {
    fn solve_lanes<const K: usize>(isa: Isa, p: &Pattern, f: &LaneLdlt<K>, start: usize, x: &mut [Lanes<K>]) = solve_body
}

/// a·b in every lane.
#[inline(always)]
fn times<const FMA: bool, const K: usize>(a: &Lanes<K>, b: &Lanes<K>) -> Lanes<K> {
    let minus = vector::map(a[1], |x| -x);
    [
        vector::mul_add::<FMA, K>(minus, b[1], vector::mul(a[0], b[0])),
        vector::mul_add::<FMA, K>(a[1], b[0], vector::mul(a[0], b[1])),
    ]
}

/// y − a·b in every lane.
#[inline(always)]
fn less<const FMA: bool, const K: usize>(y: &Lanes<K>, a: &Lanes<K>, b: &Lanes<K>) -> Lanes<K> {
    let [minus_re, minus_im] = [vector::map(a[0], |x| -x), vector::map(a[1], |x| -x)];
    [
        vector::mul_add::<FMA, K>(a[1], b[1], vector::mul_add::<FMA, K>(minus_re, b[0], y[0])),
        vector::mul_add::<FMA, K>(minus_im, b[0], vector::mul_add::<FMA, K>(minus_re, b[1], y[1])),
    ]
}

#[inline(always)]
fn square<const FMA: bool, const K: usize>(a: &Lanes<K>) -> [f64; K] {
    vector::mul_add::<FMA, K>(a[0], a[0], vector::mul(a[1], a[1]))
}

#[inline(always)]
fn factor_body<const FMA: bool, const K: usize>(
    p: &Pattern,
    f: &mut LaneLdlt<K>,
    columns: &[u32],
    operator: &LaneOperator<K>,
) -> Result<(), LanePivot> {
    for &j in columns {
        let (smallest, largest) = column_body::<FMA, K>(p, f, j as usize, operator);
        for lane in 0..K {
            let (pivot2, most2) = (smallest[lane], largest[lane]);
            if !(pivot2 > PIVOT_FLOOR * PIVOT_FLOOR * most2 && pivot2 < f64::INFINITY) {
                return Err(LanePivot { column: j as usize, lane });
            }
        }
    }
    Ok(())
}

/// Factorises one column; returns the pivot's square and the largest square met in the column.
#[inline(always)]
fn column_body<const FMA: bool, const K: usize>(
    p: &Pattern,
    f: &mut LaneLdlt<K>,
    j: usize,
    operator: &LaneOperator<K>,
) -> ([f64; K], [f64; K]) {
    let (lower, d, d_inverse) = (&mut *f.lower, &mut *f.d, &mut *f.d_inverse);
    let (below, diagonal) = (&*operator.below, &*operator.diagonal);
    // SAFETY: `Pattern` keeps col_ptr and row_ptr ascending with n + 1 entries, col_ptr[n] == rows.len() (the length of
    // `lower` and `below`, asserted by the caller), every column of a row entry < n, its position < rows.len(), and as
    // many landings < rows.len() from its `updates` on as its column has entries past that position; j < n likewise.
    // Debug builds check each access.
    unsafe {
        let own = *at(&p.col_ptr, j) as usize..*at(&p.col_ptr, j + 1) as usize;
        for q in own.clone() {
            *at_mut(lower, q) = *at(below, q);
        }
        let mut pivot = *at(diagonal, j);
        let mut largest = square::<FMA, K>(&pivot);
        for entry in *at(&p.row_ptr, j) as usize..*at(&p.row_ptr, j + 1) as usize {
            let entry = at(&p.row_entries, entry);
            let (i, position) = (entry.column as usize, entry.position as usize);
            let l = *at(lower, position);
            let scaled = times::<FMA, K>(&l, at(d, i));
            pivot = less::<FMA, K>(&pivot, &l, &scaled);
            let past = position + 1..*at(&p.col_ptr, i + 1) as usize;
            for (k, q) in past.enumerate() {
                let landing = *at(&p.update_at, entry.updates as usize + k) as usize;
                let value = less::<FMA, K>(at(lower, landing), at(lower, q), &scaled);
                *at_mut(lower, landing) = value;
            }
        }
        let pivot2 = square::<FMA, K>(&pivot);
        let inverse = vector::map(pivot2, |p| 1.0 / p);
        let inverse = [vector::mul(pivot[0], inverse), vector::zip(pivot[1], inverse, |im, inv| -im * inv)];
        *at_mut(d, j) = pivot;
        *at_mut(d_inverse, j) = inverse;
        for q in own {
            let l = *at(lower, q);
            largest = vector::zip(largest, square::<FMA, K>(&l), |a, b| if b > a { b } else { a });
            *at_mut(lower, q) = times::<FMA, K>(&l, &inverse);
        }
        (pivot2, largest)
    }
}

#[inline(always)]
fn solve_body<const FMA: bool, const K: usize>(p: &Pattern, f: &LaneLdlt<K>, start: usize, x: &mut [Lanes<K>]) {
    let (lower, d_inverse) = (&*f.lower, &*f.d_inverse);
    // SAFETY: as in `column_body`; every row < n, the length of x (asserted by the caller).
    unsafe {
        for j in start..p.n {
            let rhs = *at(x, j);
            for q in *at(&p.col_ptr, j) as usize..*at(&p.col_ptr, j + 1) as usize {
                let row = *at(&p.rows, q) as usize;
                let value = less::<FMA, K>(at(x, row), at(lower, q), &rhs);
                *at_mut(x, row) = value;
            }
        }
        for j in (0..p.n).rev() {
            let mut y = times::<FMA, K>(at(d_inverse, j), at(x, j));
            for q in *at(&p.col_ptr, j) as usize..*at(&p.col_ptr, j + 1) as usize {
                y = less::<FMA, K>(&y, at(lower, q), at(x, *at(&p.rows, q) as usize));
            }
            *at_mut(x, j) = y;
        }
    }
}
