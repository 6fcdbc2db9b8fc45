//! How restless the background is and how noisy the measurement: a bank of filters x = [E, Z] that differ in both,
//! weighed by how well each has foretold what came (D. T. Magill 1965).

use super::kalman::Kalman;
use crate::quantity::{Complex, complex};

/// Walks of the background per window, in parts of the nominal voltage.
const WALKS: [f64; 4] = [4e-6, 2e-5, 1e-4, 5e-4];
/// Noises of a window's phasor, in parts of the nominal voltage.
const NOISES: [f64; 4] = [4e-6, 2e-5, 1e-4, 5e-4];
const MEMBERS: usize = WALKS.len() * NOISES.len();
/// What a window's evidence is still worth one window later: a memory of a minute.
const MEMORY: f64 = 1.0 - 1.0 / 300.0;

/// Variances per window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Of the background's walk, V².
    pub walk: f64,
    /// Of the measurement, V².
    pub noise: f64,
}

/// The bank.
#[derive(Clone, Debug)]
pub struct Bank {
    filters: [Kalman<2>; MEMBERS],
    spreads: [Spread; MEMBERS],
    evidence: [f64; MEMBERS],
}

impl Bank {
    /// A bank around what is expected before the first window.
    pub fn new(nominal_v: f64, prior: Kalman<2>) -> Self {
        let square = |x: f64| (x * nominal_v).powi(2);
        let spread =
            |k: usize| Spread { walk: square(WALKS[k / NOISES.len()]), noise: square(NOISES[k % NOISES.len()]) };
        Self { filters: [prior; MEMBERS], spreads: std::array::from_fn(spread), evidence: [0.0; MEMBERS] }
    }

    /// Takes in a window.
    pub fn step(&mut self, v: Complex, j: Complex, walk_z: f64) {
        let members = self.filters.iter_mut().zip(&self.spreads).zip(&mut self.evidence);
        for ((filter, spread), evidence) in members {
            filter.predict([spread.walk, walk_z]);
            let innovation = filter.update(v, &[complex(1.0, 0.0), j], spread.noise);
            // An outlier is bounded: it says that something has happened, not which noise is right.
            *evidence = *evidence * MEMORY - innovation.variance.ln() - innovation.nis().min(12.0);
        }
    }

    /// Begins anew around another expectation, and keeps what it knows of the noises.
    pub fn restart(&mut self, prior: Kalman<2>) {
        self.filters = [prior; MEMBERS];
    }

    /// Mean variances by the weights of the bank.
    pub fn spread(&self) -> Spread {
        let best = self.evidence.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = Spread { walk: 0.0, noise: 0.0 };
        let mut weights = 0.0;
        for (spread, evidence) in self.spreads.iter().zip(&self.evidence) {
            let weight = (evidence - best).exp();
            weights += weight;
            sum = Spread { walk: sum.walk + weight * spread.walk, noise: sum.noise + weight * spread.noise };
        }
        Spread { walk: sum.walk / weights, noise: sum.noise / weights }
    }
}
