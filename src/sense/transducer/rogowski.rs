//! A Rogowski coil and its integrator.
//!
//! An orders' phasor is turned and stretched by (1 + g)·e^{jφ}·e^{−jωτ}: where the conductor stands in the coil, the
//! misalignment of coil and integrator, the delay. Neighbouring conductors couple in by a share of their current. The
//! integrator forgets: a high-pass of first order, in the time domain, with its transients.

use crate::quantity::Complex;

/// A Rogowski coil.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rogowski {
    /// Gain error in percent: by the conductor's position in the coil, temperature, coil constant.
    pub gain_percent: f64,
    /// Misalignment: every order is turned by so many degrees.
    pub phase_deg: f64,
    /// What it takes in of each other coil's conductor, in percent.
    pub crosstalk_percent: f64,
    /// Corner of the integrator's high-pass in Hz; 0 is none.
    pub corner_hz: f64,
    /// Delay in s.
    pub delay_s: f64,
}

impl Rogowski {
    /// What it does to a phasor of its own conductor at a frequency, but for the high-pass.
    pub fn factor(&self, f_hz: f64) -> Complex {
        let angle = self.phase_deg.to_radians() - std::f64::consts::TAU * f_hz * self.delay_s;
        Complex::from_polar(1.0 + self.gain_percent / 100.0, angle)
    }
}
