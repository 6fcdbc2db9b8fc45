//! The LCL filter and the current loop around it: what reaches the network, and what the network sees.
//!
//! With s = j2πf, Z₁ = R₁ + s·L₁ on the converter's side, Z₂ = R₂ + s·L₂ on the grid's, Z_c = R_d + 1/(s·C) between them:
//!
//! ```text
//! D = Z₁·Z₂ + Z₁·Z_c + Z₂·Z_c,   Y_fwd = Z_c/D,   Y_out = (Z₁ + Z_c)/D
//! T = Y_fwd·(k_p + k_i/s)·e^(−1.5·s/f_sw)
//! i = Y_fwd/(1 + T)·v − Y_out/(1 + T)·v_grid
//! ```
//!
//! i being the grid-side current, fed back and out of the converter. k_p = 2π·f_bw·(L₁ + L₂), k_i = k_p·2π·f_bw/10 with
//! bandwidth f_bw. Limits: no PLL and no voltage loop (they act below about 100 Hz), each phase on its own, the delay of
//! computation and modulation as one pure delay of 1.5 periods.

use std::f64::consts::TAU;

use crate::quantity::{Complex, complex};

/// An LCL filter, one phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lcl {
    /// Inductance on the converter's side in H.
    pub l1_h: f64,
    /// Its resistance in Ω.
    pub r1_ohm: f64,
    /// Capacitance in F.
    pub c_f: f64,
    /// Damping resistance in series with the capacitor in Ω.
    pub rd_ohm: f64,
    /// Inductance on the grid's side in H.
    pub l2_h: f64,
    /// Its resistance in Ω.
    pub r2_ohm: f64,
}

impl Lcl {
    /// Z₁, Z₂ and Z_c at a frequency.
    fn branches(&self, f_hz: f64) -> [Complex; 3] {
        let w = TAU * f_hz;
        [
            complex(self.r1_ohm, w * self.l1_h),
            complex(self.r2_ohm, w * self.l2_h),
            complex(self.rd_ohm, -1.0 / (w * self.c_f)),
        ]
    }

    /// Y_fwd and Y_out in S.
    pub fn admittances_s(&self, f_hz: f64) -> [Complex; 2] {
        let [z1, z2, zc] = self.branches(f_hz);
        let d = z1 * z2 + zc * (z1 + z2);
        [zc / d, (z1 + zc) / d]
    }

    /// Voltage at the bridge that drives a grid current at a grid voltage: all phasors, in V and A.
    pub fn bridge_v(&self, f_hz: f64, grid_v: Complex, current_a: Complex) -> Complex {
        let [z1, z2, zc] = self.branches(f_hz);
        let across = grid_v + z2 * current_a;
        across + z1 * (current_a + across / zc)
    }

    /// Resonance of the two inductances with the capacitor in Hz.
    pub fn resonance_hz(&self) -> f64 {
        ((self.l1_h + self.l2_h) / (self.l1_h * self.l2_h * self.c_f)).sqrt() / TAU
    }

    /// The filter with more inductance on the grid's side: that of the grid, times the number of units that share it.
    pub fn with_grid(self, l_h: f64) -> Self {
        Self { l2_h: self.l2_h + l_h, ..self }
    }

    /// Whether all parts are there: positive, finite; resistances may be 0.
    pub fn is_sound(&self) -> bool {
        let positive = [self.l1_h, self.c_f, self.l2_h].iter().all(|x| x.is_finite() && *x > 0.0);
        positive && [self.r1_ohm, self.rd_ohm, self.r2_ohm].iter().all(|x| x.is_finite() && *x >= 0.0)
    }
}

/// How the current controller's bandwidth is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LoopGain {
    /// The same at every switching frequency: bandwidth in Hz.
    Fixed(f64),
    /// Switching frequency divided by this.
    Proportional(f64),
}

impl LoopGain {
    /// Bandwidth in Hz at a switching frequency.
    pub fn bandwidth_hz(self, switching_hz: f64) -> f64 {
        match self {
            Self::Fixed(bandwidth_hz) => bandwidth_hz,
            Self::Proportional(divisor) => switching_hz / divisor,
        }
    }
}

/// A proportional-integral current controller with its delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurrentLoop {
    /// Proportional gain in V/A.
    pub kp_ohm: f64,
    /// Integral gain in V/(A·s).
    pub ki_ohm_per_s: f64,
    /// Delay in s.
    pub delay_s: f64,
}

impl CurrentLoop {
    /// The controller for a filter, a bandwidth in Hz and a switching frequency in Hz.
    pub fn new(filter: &Lcl, bandwidth_hz: f64, switching_hz: f64) -> Self {
        let w = TAU * bandwidth_hz;
        let kp_ohm = w * (filter.l1_h + filter.l2_h);
        Self { kp_ohm, ki_ohm_per_s: 0.1 * kp_ohm * w, delay_s: 1.5 / switching_hz }
    }

    /// (k_p + k_i/s)·e^(−s·delay) at a frequency.
    pub fn gain_ohm(&self, f_hz: f64) -> Complex {
        let w = TAU * f_hz;
        complex(self.kp_ohm, -self.ki_ohm_per_s / w) * Complex::from_polar(1.0, -w * self.delay_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::phasor;

    const FILTER: Lcl = Lcl { l1_h: 0.75e-3, r1_ohm: 0.04, c_f: 10e-6, rd_ohm: 3.0, l2_h: 0.3e-3, r2_ohm: 0.01 };

    #[test]
    fn bridge_voltage_and_admittances_say_the_same() {
        let (grid, current) = (phasor(230.0, 20.0), phasor(31.0, -50.0));
        for f in [50.0, 350.0, 3440.0, 20e3] {
            let v = FILTER.bridge_v(f, grid, current);
            let [forward, out] = FILTER.admittances_s(f);
            assert!((forward * v - out * grid - current).norm() < 1e-10, "{f}");
        }
    }

    #[test]
    fn the_resonance_is_where_the_short_circuited_filter_has_it() {
        // Hand: √(1.05e-3/(0.75e-3·0.3e-3·10e-6))/2π = √(4.6667e8)/2π = 3438 Hz.
        assert!((FILTER.resonance_hz() - 3438.1).abs() < 0.1);
        let nearly = Lcl { r1_ohm: 1e-3, rd_ohm: 1e-3, r2_ohm: 1e-3, ..FILTER };
        let at = |part: f64| nearly.admittances_s(part * FILTER.resonance_hz())[0].norm();
        assert!(at(1.0) > 50.0 * at(0.95) && at(1.0) > 50.0 * at(1.05), "{} {} {}", at(0.95), at(1.0), at(1.05));
        assert!(FILTER.with_grid(1e-3).resonance_hz() < FILTER.resonance_hz());
        assert!(!Lcl { c_f: 0.0, ..FILTER }.is_sound() && FILTER.is_sound());
    }
}
