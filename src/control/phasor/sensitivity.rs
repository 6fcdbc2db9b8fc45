//! How the phasors of a performance node move with the power of its actuators: `y ≈ y₀ + B·u`, and B's inverse.
//!
//! The inverse is the pseudo-inverse by singular values (Moore, Penrose). Where the power that can be used has as many
//! entries as the phasors that are held, it is B⁻¹; with fewer, errors end at their least sum of squares (pu and rad
//! alike); with more, the least sum of squared power does it. Condition numbers are those of the part that is used.
//! A matrix of fixed size holds every number of phases, so an inverse allocates nothing and may be made at run time.

use nalgebra::{Matrix6, SVD};

use super::{MOST_PHASES, MOST_SIZE};

/// Largest condition number that is taken without asking: the range for which the laws are promised to settle.
pub const MOST_CONDITION: f64 = 50.0;
/// Rounds of the singular value decomposition before it is given up; a few are enough.
const MOST_ROUNDS: usize = 200;

/// A matrix of a law, of which the first 2n rows and columns count.
pub(super) type Square = [[f64; MOST_SIZE]; MOST_SIZE];
/// Which entries of a law's slices count.
pub type Mask = [bool; MOST_SIZE];

/// Why a sensitivity is of no use.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SensitivityError {
    /// A number of phases that there is no law for.
    #[error("a performance node has 1 to {MOST_PHASES} phases, not {0}")]
    Phases(usize),
    /// Not 2n by 2n numbers.
    #[error("a sensitivity has {expected} entries here, not {found}")]
    Entries {
        /// How many it should have.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// An entry that is no number.
    #[error("a sensitivity has an entry that is not a finite number")]
    NotFinite,
    /// Some combination of phasors hardly moves, whatever the power.
    #[error("the sensitivity's condition number is {condition:.3e}, above {most}")]
    Condition {
        /// Largest over smallest singular value; infinite where some phasor cannot be moved at all.
        condition: f64,
        /// What was allowed.
        most: f64,
    },
}

/// B of a performance node: rows are magnitudes (pu), then angles (rad); columns P, then Q, per unit of one phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensitivity {
    phases: usize,
    entries: Square,
}

impl Sensitivity {
    /// A sensitivity by its 2n rows, one after the other.
    pub fn new(phases: usize, entries: &[f64]) -> Result<Self, SensitivityError> {
        if !(1..=MOST_PHASES).contains(&phases) {
            return Err(SensitivityError::Phases(phases));
        }
        let size = 2 * phases;
        if entries.len() != size * size {
            return Err(SensitivityError::Entries { expected: size * size, found: entries.len() });
        }
        let mut square = Square::default();
        for (own, row) in square.iter_mut().zip(entries.chunks_exact(size)) {
            own.iter_mut().zip(row).for_each(|(own, x)| *own = *x);
        }
        Self::of_square(phases, square)
    }

    /// The same from a matrix; entries beyond 2n are left out.
    pub(super) fn of_square(phases: usize, mut entries: Square) -> Result<Self, SensitivityError> {
        let size = 2 * phases;
        entries.iter_mut().enumerate().for_each(|(i, row)| {
            row.iter_mut().enumerate().filter(|(j, _)| i >= size || *j >= size).for_each(|(_, x)| *x = 0.0);
        });
        let finite = entries.iter().flatten().all(|x| x.is_finite());
        if finite { Ok(Self { phases, entries }) } else { Err(SensitivityError::NotFinite) }
    }

    /// Phases of the performance node.
    pub const fn phases(&self) -> usize {
        self.phases
    }

    /// Entries of its slices: 2n.
    pub const fn size(&self) -> usize {
        2 * self.phases
    }

    /// How an output moves with an input; 0 beyond both.
    pub fn at(&self, output: usize, input: usize) -> f64 {
        self.entries.get(output).and_then(|row| row.get(input)).copied().unwrap_or(0.0)
    }

    /// The matrix.
    pub(super) const fn square(&self) -> &Square {
        &self.entries
    }

    /// Every entry so many times as large.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self { entries: self.entries.map(|row| row.map(|x| x * factor)), ..*self }
    }

    /// Rows of magnitudes and of angles by a weight each.
    #[must_use]
    pub fn weighted(&self, [of_v, of_angle]: [f64; 2]) -> Self {
        let weight = |i: usize| if i < self.phases { of_v } else { of_angle };
        let entries = std::array::from_fn(|i| self.entries[i].map(|x| x * weight(i)));
        Self { entries, ..*self }
    }

    /// How far the phasors move with a change of power.
    pub fn moved(&self, u: &[f64]) -> [f64; MOST_SIZE] {
        times(&self.entries, u)
    }

    /// The entries of some phases, with their magnitudes and angles, or P and Q.
    pub fn of_phases(&self, held: &[bool]) -> Mask {
        std::array::from_fn(|i| i < self.size() && held.get(i % self.phases).is_some_and(|h| *h))
    }

    /// Condition number of a part; infinite where it moves nothing.
    pub fn condition(&self, outputs: &Mask, inputs: &Mask) -> f64 {
        match self.decomposed(outputs, inputs) {
            Some((_, largest, smallest)) if smallest > 0.0 => largest / smallest,
            _ => f64::INFINITY,
        }
    }

    /// The most that a power of size 1 moves the phasors: the largest singular value.
    pub fn norm(&self) -> f64 {
        self.decomposed(&[true; MOST_SIZE], &[true; MOST_SIZE]).map_or(0.0, |(_, largest, _)| largest)
    }

    /// The combination of outputs that moves least, as a vector of size 1; zeros where there is none.
    pub(super) fn weakest(&self, outputs: &Mask, inputs: &Mask) -> [f64; MOST_SIZE] {
        let rank = [outputs, inputs].map(|mask| mask.iter().take(self.size()).filter(|m| **m).count());
        let last = rank[0].min(rank[1]).saturating_sub(1);
        let u = self.decomposed(outputs, inputs).and_then(|(svd, ..)| svd.u);
        u.map_or([0.0; MOST_SIZE], |u| std::array::from_fn(|i| u[(i, last)]))
    }

    /// What power moves some outputs where they should go, by some inputs.
    pub fn inverse(&self, outputs: &Mask, inputs: &Mask, most: f64) -> Result<Inverse, SensitivityError> {
        let none = SensitivityError::Condition { condition: f64::INFINITY, most };
        let (svd, largest, smallest) = self.decomposed(outputs, inputs).ok_or(none)?;
        let condition = if smallest > 0.0 { largest / smallest } else { f64::INFINITY };
        if condition > most || most.is_nan() {
            return Err(SensitivityError::Condition { condition, most });
        }
        let inverse = svd.pseudo_inverse(0.5 * smallest).map_err(|_| none)?;
        let gain = std::array::from_fn(|i| std::array::from_fn(|j| inverse[(i, j)]));
        Ok(Inverse { phases: self.phases, gain, condition })
    }

    /// Singular values and vectors of a part, with the largest value and the smallest that counts.
    fn decomposed(&self, outputs: &Mask, inputs: &Mask) -> Option<(SVD<f64, nalgebra::U6, nalgebra::U6>, f64, f64)> {
        let part = |i: usize, j: usize| if outputs[i] && inputs[j] { self.at(i, j) } else { 0.0 };
        let svd = SVD::try_new(Matrix6::from_fn(part), true, true, f64::EPSILON, MOST_ROUNDS)?;
        let count = |mask: &Mask| mask.iter().take(self.size()).filter(|m| **m).count();
        let rank = count(outputs).min(count(inputs));
        let (largest, smallest) = (svd.singular_values[0], svd.singular_values[rank.checked_sub(1)?]);
        // A value of rounding's size is none.
        Some((svd, largest, if smallest > 1e-12 * largest { smallest } else { 0.0 }))
    }
}

/// B⁻¹, or what comes nearest to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inverse {
    phases: usize,
    gain: Square,
    condition: f64,
}

impl Inverse {
    /// Condition number of what was inverted.
    pub const fn condition(&self) -> f64 {
        self.condition
    }

    /// Phases of the performance node.
    pub const fn phases(&self) -> usize {
        self.phases
    }

    /// The power that moves the phasors so far.
    pub fn power(&self, moved: &[f64]) -> [f64; MOST_SIZE] {
        times(&self.gain, moved)
    }

    /// An entry; 0 beyond the last.
    pub fn at(&self, input: usize, output: usize) -> f64 {
        self.gain.get(input).and_then(|row| row.get(output)).copied().unwrap_or(0.0)
    }
}

/// The transpose of a matrix by a vector.
pub(super) fn times_transposed(matrix: &Square, vector: &[f64; MOST_SIZE]) -> [f64; MOST_SIZE] {
    std::array::from_fn(|j| matrix.iter().zip(vector).map(|(row, x)| row[j] * x).sum())
}

/// A matrix by a vector, which may be shorter than its rows.
pub(super) fn times(matrix: &Square, vector: &[f64]) -> [f64; MOST_SIZE] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, x)| a * x).sum())
}

#[cfg(test)]
mod tests {
    use super::super::testing::B_632;
    use super::*;

    const ALL: Mask = [true; 6];

    fn b_632() -> Sensitivity {
        Sensitivity::new(3, B_632.as_flattened()).unwrap()
    }

    #[test]
    fn the_inverse_undoes_the_sensitivity_and_has_its_condition_number() {
        let b = b_632();
        let inverse = b.inverse(&ALL, &ALL, MOST_CONDITION).unwrap();
        for j in 0..6 {
            let unit: [f64; 6] = std::array::from_fn(|i| f64::from(u8::from(i == j)));
            let back = b.moved(&inverse.power(&unit));
            assert!(back.iter().zip(unit).all(|(x, y)| (x - y).abs() < 1e-12), "{back:?}");
        }
        // By numpy 2: numpy.linalg.cond.
        assert!((inverse.condition() - 4.040_974_401_843_8).abs() < 1e-9, "{}", inverse.condition());
    }

    #[test]
    fn a_singular_sensitivity_is_refused_with_its_number() {
        // Phase b's power moves nothing: a column of zeros.
        let refused = b_632().inverse(&ALL, &b_632().of_phases(&[true, false, true]), MOST_CONDITION);
        assert!(refused.is_ok(), "four inputs of six outputs are a least-squares problem");
        let mut entries = B_632;
        entries.iter_mut().for_each(|row| row[1] = 0.0);
        let b = Sensitivity::new(3, entries.as_flattened()).unwrap();
        let error = b.inverse(&ALL, &ALL, MOST_CONDITION).unwrap_err();
        assert_eq!(error, SensitivityError::Condition { condition: f64::INFINITY, most: MOST_CONDITION });
        // [[1, 0], [0, 1/100]] has a condition number of 100.
        let b = Sensitivity::new(1, &[0.01, 0.0, 0.0, 1.0]).unwrap();
        let Err(SensitivityError::Condition { condition, .. }) = b.inverse(&ALL, &ALL, 50.0) else { panic!() };
        assert!((condition - 100.0).abs() < 1e-9);
        assert_eq!(b.condition(&ALL, &ALL), condition);
    }

    #[test]
    fn fewer_inputs_leave_the_least_squares_and_more_take_the_least_power() {
        // Two phases: V_a, V_b, δ_a, δ_b by P_a, P_b, Q_a, Q_b.
        let entries = [0.0, 0.0, 2.0, 1.0, 0.0, 0.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0];
        let b = Sensitivity::new(2, &entries).unwrap();
        let mask = |of: [bool; 4]| std::array::from_fn(|i| of.get(i).is_some_and(|x| *x));
        // Both magnitudes by Q_a alone, (2, 1)·q: the least squares of (1, 1) are at q = (2 + 1)/(4 + 1).
        let volts = mask([true, true, false, false]);
        let fewer = b.inverse(&volts, &mask([false, false, true, false]), 50.0).unwrap();
        assert!((fewer.power(&[1.0, 1.0])[2] - 0.6).abs() < 1e-12);
        // V_a by both reactive powers, 2 q_a + q_b = 1: the least power is (2, 1)/5.
        let more = b.inverse(&mask([true, false, false, false]), &mask([false, false, true, true]), 50.0).unwrap();
        let q = more.power(&[1.0]);
        assert!((q[2] - 0.4).abs() < 1e-12 && (q[3] - 0.2).abs() < 1e-12, "{q:?}");
    }

    #[test]
    fn entries_that_are_missing_or_no_numbers_are_refused() {
        assert_eq!(Sensitivity::new(4, &[]), Err(SensitivityError::Phases(4)));
        assert_eq!(Sensitivity::new(1, &[1.0]), Err(SensitivityError::Entries { expected: 4, found: 1 }));
        assert_eq!(Sensitivity::new(1, &[1.0, 0.0, f64::NAN, 1.0]), Err(SensitivityError::NotFinite));
    }
}
