//! What something that emits harmonics is to the network: a current source and an admittance at each frequency.

use crate::quantity::{Complex, complex};

/// Norton equivalents at the frequencies of a run, phase by phase. The frequencies are the run's and are not repeated here.
#[derive(Clone, Debug, PartialEq)]
pub struct Norton {
    phases: usize,
    /// Currents injected into the network in A, RMS phasors of e^{+jωt} whose angle 0 is that of the fundamental's time
    /// axis (an angle of order h moves h times as fast as the fundamental's): frequency after frequency, and within it
    /// phase after phase.
    current_a: Vec<Complex>,
    /// Admittance from each phase to its return in S, by frequency: the same in all phases.
    admittance_s: Vec<Complex>,
}

impl Norton {
    /// Nothing injected and no admittance, at `frequencies` frequencies in `phases` phases.
    pub fn new(frequencies: usize, phases: usize) -> Self {
        let zero = complex(0.0, 0.0);
        Self { phases, current_a: vec![zero; frequencies * phases], admittance_s: vec![zero; frequencies] }
    }

    /// Number of phases.
    pub const fn phases(&self) -> usize {
        self.phases
    }

    /// Number of frequencies.
    pub fn frequencies(&self) -> usize {
        self.admittance_s.len()
    }

    /// Currents at a frequency, phase by phase, in A injected into the network; none beyond the last frequency.
    pub fn current_a(&self, frequency: usize) -> &[Complex] {
        self.current_a.get(frequency * self.phases..(frequency + 1) * self.phases).unwrap_or_default()
    }

    /// Currents at a frequency, to be written.
    pub fn current_a_mut(&mut self, frequency: usize) -> &mut [Complex] {
        self.current_a.get_mut(frequency * self.phases..(frequency + 1) * self.phases).unwrap_or_default()
    }

    /// Admittances by frequency, in S.
    pub fn admittance_s(&self) -> &[Complex] {
        &self.admittance_s
    }

    /// Admittances by frequency, to be written.
    pub fn admittance_s_mut(&mut self) -> &mut [Complex] {
        &mut self.admittance_s
    }
}
