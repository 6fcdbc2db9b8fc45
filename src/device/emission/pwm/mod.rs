//! The physical emission model: a pulse-width modulated converter behind an LCL filter with a current loop.
//!
//! Switching frequency acts through dead time (its error grows with it), through the loop (delay, and bandwidth where that
//! follows), and through the place of the sidebands; nothing else in the model knows it. `docs/models/inverter.md` has the
//! equations; each file beside this one has its part and its limits.

mod bessel;
mod dead_time;
mod filter;
mod sideband;
mod stability;

pub use bessel::bessel_j;
pub use dead_time::{clipped_cosine, error_v};
pub use filter::{CurrentLoop, Lcl, LoopGain};
pub use sideband::{Bridge, Group, Sideband};
pub use stability::{Margin, margin};

use crate::quantity::Complex;

/// Least phase margin in degrees that a switching frequency must leave.
pub const LEAST_MARGIN_DEG: f64 = 20.0;

/// A converter, one phase of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Converter {
    /// Voltage of the DC link in V.
    pub vdc_v: f64,
    /// How the bridge is made up.
    pub bridge: Bridge,
    /// Switching frequency in Hz.
    pub switching_hz: f64,
    /// Highest switching frequency that the bridge bears, in Hz.
    pub most_switching_hz: f64,
    /// Dead time in s.
    pub dead_time_s: f64,
    /// Peak current in A below which the dead time's error is proportional to the current; 0 lets its sign jump. Half the
    /// ripple, [`Converter::ripple_a`], is the physical value.
    pub crossing_a: f64,
    /// Filter.
    pub filter: Lcl,
    /// Bandwidth of the current controller.
    pub gain: LoopGain,
}

/// Why a converter cannot switch at a frequency.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SwitchingError {
    /// No positive number.
    #[error("a switching frequency is a positive number, not {0} Hz")]
    NotPositive(f64),
    /// Below twice the filter's resonance.
    #[error("{switching_hz:.0} Hz is below twice the filter's resonance, {least_hz:.0} Hz")]
    BelowResonance {
        /// What was asked for.
        switching_hz: f64,
        /// Twice the resonance.
        least_hz: f64,
    },
    /// Above what the bridge bears.
    #[error("{switching_hz:.0} Hz is above what the bridge bears, {most_hz:.0} Hz")]
    AboveMost {
        /// What was asked for.
        switching_hz: f64,
        /// The most.
        most_hz: f64,
    },
    /// The current loop would be unstable, or nearly.
    #[error(
        "at {switching_hz:.0} Hz the current loop has a phase margin of {margin_deg:.0}°, below {LEAST_MARGIN_DEG}°"
    )]
    Unstable {
        /// What was asked for.
        switching_hz: f64,
        /// The margin in degrees.
        margin_deg: f64,
    },
}

impl Converter {
    /// The current controller at the present switching frequency.
    pub fn control(&self) -> CurrentLoop {
        CurrentLoop::new(&self.filter, self.gain.bandwidth_hz(self.switching_hz), self.switching_hz)
    }

    /// Loop transfer T at a frequency.
    pub fn transfer(&self, f_hz: f64) -> Complex {
        self.filter.admittances_s(f_hz)[0] * self.control().gain_ohm(f_hz)
    }

    /// Y_fwd/(1 + T) and Y_out/(1 + T) in S: current out by voltage of the bridge, and current in by voltage of the grid.
    pub fn closed_s(&self, f_hz: f64) -> [Complex; 2] {
        let (open, gain) = (self.filter.admittances_s(f_hz), self.control().gain_ohm(f_hz));
        let below = open[0] * gain + 1.0;
        open.map(|y| y / below)
    }

    /// Size ΔV in V of the dead time's error, of all legs of a phase.
    pub fn dead_time_v(&self) -> f64 {
        let legs = match self.bridge {
            Bridge::TwoLevel => 1.0,
            Bridge::HBridge => 2.0,
        };
        legs * self.vdc_v * self.dead_time_s * self.switching_hz
    }

    /// Peak current ripple in A at the zero crossing of the voltage, V_dc/(8·L₁·f_sw): duty one half, L₁ alone.
    pub fn ripple_a(&self) -> f64 {
        self.vdc_v / (8.0 * self.filter.l1_h * self.switching_hz)
    }

    /// Depth of modulation M for a fundamental in V RMS at the bridge.
    pub fn depth(&self, bridge_v: f64) -> f64 {
        2f64.sqrt() * bridge_v / (self.bridge.most_pu() * self.vdc_v)
    }

    /// Margin of the current loop with more inductance in H on the grid's side.
    pub fn margin(&self, grid_h: f64) -> Margin {
        margin(&self.filter.with_grid(grid_h), &self.control())
    }

    /// The converter at another switching frequency.
    ///
    /// # Errors
    /// When the frequency is below twice the filter's resonance, above what the bridge bears, or leaves the current loop (on a
    /// stiff grid) less than [`LEAST_MARGIN_DEG`].
    pub fn at(self, switching_hz: f64) -> Result<Self, SwitchingError> {
        if !(switching_hz.is_finite() && switching_hz > 0.0) {
            return Err(SwitchingError::NotPositive(switching_hz));
        }
        let least_hz = 2.0 * self.filter.resonance_hz();
        if switching_hz < least_hz {
            return Err(SwitchingError::BelowResonance { switching_hz, least_hz });
        }
        if switching_hz > self.most_switching_hz {
            return Err(SwitchingError::AboveMost { switching_hz, most_hz: self.most_switching_hz });
        }
        let moved = Self { switching_hz, ..self };
        let margin_deg = moved.margin(0.0).phase_deg;
        if margin_deg < LEAST_MARGIN_DEG {
            return Err(SwitchingError::Unstable { switching_hz, margin_deg });
        }
        Ok(moved)
    }
}

#[cfg(test)]
mod tests;
