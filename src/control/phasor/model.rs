//! What a law knows of the network: its sensitivity B, padded with zeros to the size of three phases so that a step needs
//! no allocation; and why a law cannot be made.

use nalgebra::DMatrix;

use super::{MOST_PHASES, MOST_SIZE};

/// Entries of a law's slice, with zeros where there are fewer phases.
pub(super) type Entries = [f64; MOST_SIZE];
/// A matrix on such entries.
pub(super) type Square = [[f64; MOST_SIZE]; MOST_SIZE];

/// Largest condition number that is tried: beyond it, what is solved for is noise.
const MOST_CONDITION: f64 = 1e6;

/// Why a law cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LawError {
    /// A performance node has 1 to 3 phases.
    #[error("a performance node has 1 to 3 phases, not {0}")]
    Phases(usize),
    /// The sensitivity is not 2n by 2n.
    #[error("the sensitivity has {found} entries; {expected} are needed")]
    Entries {
        /// Entries found.
        found: usize,
        /// Entries of 2n by 2n.
        expected: usize,
    },
    /// A number of the sensitivity is not finite.
    #[error("the sensitivity has an entry that is not finite")]
    NotFinite,
    /// Some combination of the targets cannot be moved.
    #[error("the sensitivity's condition number is {0:.3e}: some phasors cannot be moved")]
    Uncontrollable(f64),
    /// A setting is outside its range.
    #[error("{name} is {value}; {range}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it should be.
        range: &'static str,
    },
    /// The Riccati equation has no solution that stabilises, or none was found.
    #[error("the Riccati equation of the law was not solved")]
    Riccati,
}

/// A law's B, 2n by 2n.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// 2n.
    pub size: usize,
    pub b: Square,
}

impl Model {
    /// A model from B's rows one after another; refused where B moves some phasors not at all.
    pub(super) fn new(phases: usize, sensitivity: &[f64]) -> Result<Self, LawError> {
        let size = 2 * checked_phases(phases)?;
        let (found, expected) = (sensitivity.len(), size * size);
        if found != expected {
            return Err(LawError::Entries { found, expected });
        }
        if !sensitivity.iter().all(|x| x.is_finite()) {
            return Err(LawError::NotFinite);
        }
        let dense = DMatrix::from_row_slice(size, size, sensitivity);
        let values = dense.singular_values();
        let condition = values.max() / values.min();
        // A zero matrix has no condition number: what is not below is refused.
        if condition.is_nan() || condition > MOST_CONDITION {
            return Err(LawError::Uncontrollable(condition));
        }
        Ok(Self { size, b: padded(&dense) })
    }

    /// B as a matrix of its own size.
    pub(super) fn dense(&self) -> DMatrix<f64> {
        DMatrix::from_fn(self.size, self.size, |i, j| self.b[i][j])
    }
}

/// A number of phases that a law can have.
pub(super) fn checked_phases(phases: usize) -> Result<usize, LawError> {
    if (1..=MOST_PHASES).contains(&phases) { Ok(phases) } else { Err(LawError::Phases(phases)) }
}

/// A setting that is at least a value, or above it, and finite.
pub(super) fn checked(name: &'static str, value: f64, range: &'static str, valid: bool) -> Result<(), LawError> {
    if value.is_finite() && valid { Ok(()) } else { Err(LawError::Setting { name, value, range }) }
}

/// A matrix with zeros around it.
pub(super) fn padded(matrix: &DMatrix<f64>) -> Square {
    std::array::from_fn(|i| std::array::from_fn(|j| matrix.get((i, j)).copied().unwrap_or(0.0)))
}

/// M·x.
pub(super) fn times(m: &Square, x: &Entries) -> Entries {
    std::array::from_fn(|i| m[i].iter().zip(x).map(|(m, x)| m * x).sum())
}

/// x·y.
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// The first 2n numbers of a slice; `None` where one is missing or not finite.
pub(super) fn taken(slice: &[f64], size: usize) -> Option<Entries> {
    let numbers = slice.get(..size).filter(|x| x.iter().all(|x| x.is_finite()))?;
    let mut entries = Entries::default();
    entries.iter_mut().zip(numbers).for_each(|(entry, x)| *entry = *x);
    Some(entries)
}

/// The difference of two sets of entries.
pub(super) fn minus(x: &Entries, y: &Entries) -> Entries {
    std::array::from_fn(|i| x[i] - y[i])
}

/// Fills a command.
pub(super) fn say(command: &mut [f64], entries: &Entries) {
    command.iter_mut().zip(entries).for_each(|(to, x)| *to = *x);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensitivity_that_no_law_can_use_is_refused() {
        assert_eq!(Model::new(4, &[]).unwrap_err(), LawError::Phases(4));
        assert_eq!(Model::new(1, &[1.0; 3]).unwrap_err(), LawError::Entries { found: 3, expected: 4 });
        assert_eq!(Model::new(1, &[1.0, 0.0, f64::NAN, 1.0]).unwrap_err(), LawError::NotFinite);
        assert!(matches!(Model::new(1, &[1.0, 2.0, 2.0, 4.0]), Err(LawError::Uncontrollable(c)) if c > 1e6));
        assert!(matches!(Model::new(1, &[0.0; 4]), Err(LawError::Uncontrollable(c)) if c.is_nan()));
    }

    #[test]
    fn what_is_not_a_number_is_not_taken() {
        assert_eq!(taken(&[1.0, 2.0], 2), Some([1.0, 2.0, 0.0, 0.0, 0.0, 0.0]));
        assert_eq!(taken(&[1.0, f64::NAN], 2), None);
        assert_eq!(taken(&[1.0], 2), None);
    }
}
