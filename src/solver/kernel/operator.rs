//! What is factorised: the values of a widely-linear operator `v ↦ A·v + B·conj(v)` on a pattern.

use super::Pattern;
use crate::quantity::{Complex, complex};

/// A and B by diagonal (n) and entries below it (in the pattern's order; zero where the factor only fills).
#[derive(Clone, Debug)]
pub struct Operator {
    /// Diagonal of A.
    pub diagonal: Vec<Complex>,
    /// A below its diagonal; A is symmetric.
    pub below: Vec<Complex>,
    /// Diagonal of B.
    pub diagonal_conj: Vec<Complex>,
    /// B below its diagonal; B is symmetric.
    pub below_conj: Vec<Complex>,
}

/// Where one entry of an element's matrix lands in an [`Operator`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// On the diagonal, at this place.
    Diagonal(u32),
    /// Below the diagonal, at this position.
    Below(u32),
    /// Nowhere: ground, or the mirror of an entry below the diagonal.
    Nowhere,
}

impl Operator {
    /// The zero operator on a pattern.
    pub fn zero(pattern: &Pattern) -> Self {
        let (n, entries) = (vec![complex(0.0, 0.0); pattern.n], vec![complex(0.0, 0.0); pattern.entries()]);
        Self { diagonal: n.clone(), below: entries.clone(), diagonal_conj: n, below_conj: entries }
    }

    /// Becomes a copy of `other` without allocating.
    pub fn copy_from(&mut self, other: &Self) {
        self.diagonal.copy_from_slice(&other.diagonal);
        self.below.copy_from_slice(&other.below);
        self.diagonal_conj.copy_from_slice(&other.diagonal_conj);
        self.below_conj.copy_from_slice(&other.below_conj);
    }

    /// Takes the columns' values from `other`, their diagonals included.
    pub fn copy_columns(&mut self, pattern: &Pattern, columns: &[u32], other: &Self) {
        for column in columns.iter().map(|&c| c as usize) {
            let own = pattern.col_ptr[column] as usize..pattern.col_ptr[column + 1] as usize;
            self.diagonal[column] = other.diagonal[column];
            self.diagonal_conj[column] = other.diagonal_conj[column];
            self.below[own.clone()].copy_from_slice(&other.below[own.clone()]);
            self.below_conj[own.clone()].copy_from_slice(&other.below_conj[own]);
        }
    }

    /// Sets every entry in the row and column of a place to zero; `changed` is called with the column of each that was
    /// not.
    pub fn clear(&mut self, pattern: &Pattern, place: u32, mut changed: impl FnMut(u32)) {
        let (zero, at) = (complex(0.0, 0.0), place as usize);
        (self.diagonal[at], self.diagonal_conj[at]) = (zero, zero);
        changed(place);
        for q in pattern.col_ptr[at] as usize..pattern.col_ptr[at + 1] as usize {
            (self.below[q], self.below_conj[q]) = (zero, zero);
        }
        for entry in &pattern.row_entries[pattern.row_ptr[at] as usize..pattern.row_ptr[at + 1] as usize] {
            let q = entry.position as usize;
            if self.below[q] != zero || self.below_conj[q] != zero {
                (self.below[q], self.below_conj[q]) = (zero, zero);
                changed(entry.column);
            }
        }
    }

    /// Adds `a` to A at a slot.
    pub fn add(&mut self, slot: Slot, a: Complex) {
        match slot {
            Slot::Diagonal(k) => self.diagonal[k as usize] += a,
            Slot::Below(k) => self.below[k as usize] += a,
            Slot::Nowhere => {}
        }
    }

    /// Adds `b` to B at a slot.
    pub fn add_conj(&mut self, slot: Slot, b: Complex) {
        match slot {
            Slot::Diagonal(k) => self.diagonal_conj[k as usize] += b,
            Slot::Below(k) => self.below_conj[k as usize] += b,
            Slot::Nowhere => {}
        }
    }
}

impl Pattern {
    /// Where the entry of row place `a` and column place `b` lands (`None` is ground).
    pub fn slot(&self, a: Option<u32>, b: Option<u32>) -> Slot {
        match (a, b) {
            (Some(a), Some(b)) if a == b => Slot::Diagonal(a),
            (Some(a), Some(b)) if a > b => self.position(a, b).map_or(Slot::Nowhere, Slot::Below),
            _ => Slot::Nowhere,
        }
    }
}
