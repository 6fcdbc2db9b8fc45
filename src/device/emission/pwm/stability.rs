//! Whether a current loop is stable, and how nearly it is not: Nyquist's criterion on T(jω).
//!
//! The open loop has its poles in the left half plane and one at the origin, so that the closed loop is stable exactly when
//! the angle of 1 + T(jω) turns by +90° from ω = 0⁺ to ∞ (from −90° to 0); each pair of unstable poles takes 360° from it.
//! The phase margin is the least of 180° + arg T over all frequencies where |T| = 1: a loop around an LCL filter may cross
//! again at the resonance, which is the crossing that the usual rule of thumb forgets.

use super::filter::{CurrentLoop, Lcl};
use crate::quantity::Complex;

/// Points a decade, and decades from 1 Hz on. Resonances are at least as broad as their damping resistance makes them; what
/// changes too much between two points is looked at more closely.
const POINTS: i32 = 60;
const DECADES: i32 = 6;

/// How far a loop is from instability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// Whether the closed loop is stable.
    pub stable: bool,
    /// Least phase margin in degrees; negative when unstable, 180 when the gain is below 1 everywhere.
    pub phase_deg: f64,
    /// Frequency in Hz of the crossing that has it; 0 without one.
    pub crossover_hz: f64,
}

/// The margin of a current loop around a filter.
pub fn margin(filter: &Lcl, control: &CurrentLoop) -> Margin {
    let transfer = |f_hz: f64| filter.admittances_s(f_hz)[0] * control.gain_ohm(f_hz);
    let mut walk = Walk { transfer, turned: 0.0, least_deg: 180.0, crossover_hz: 0.0 };
    let at = |k: i32| 10f64.powf(f64::from(k) / f64::from(POINTS));
    let mut here = (at(0), (walk.transfer)(at(0)));
    // From 0⁺, where T stands at −90°.
    walk.turned = (here.1 + 1.0).arg() + std::f64::consts::FRAC_PI_2;
    for k in 1..=POINTS * DECADES {
        let next = (at(k), (walk.transfer)(at(k)));
        walk.span(here, next, 0);
        here = next;
    }
    let stable = (walk.turned - std::f64::consts::FRAC_PI_2).abs() < 1.0;
    let sign = if stable { 1.0 } else { -1.0 };
    Margin { stable, phase_deg: sign * walk.least_deg.abs(), crossover_hz: walk.crossover_hz }
}

/// What is gathered along the frequencies.
struct Walk<F: Fn(f64) -> Complex> {
    transfer: F,
    turned: f64,
    least_deg: f64,
    crossover_hz: f64,
}

impl<F: Fn(f64) -> Complex> Walk<F> {
    /// Takes in a span, halved where 1 + T turns too much for its direction to be clear or |T| passes 1.
    fn span(&mut self, from: (f64, Complex), to: (f64, Complex), depth: u32) {
        let turn = ((to.1 + 1.0) / (from.1 + 1.0)).arg();
        let crosses = (from.1.norm() < 1.0) != (to.1.norm() < 1.0);
        let wide = turn.abs() > 0.5 && from.1.norm().max(to.1.norm()) > 0.3;
        if depth < 40 && (wide || crosses && to.0 - from.0 > 1e-3 * to.0) {
            let middle_hz = (from.0 * to.0).sqrt();
            let middle = (middle_hz, (self.transfer)(middle_hz));
            self.span(from, middle, depth + 1);
            return self.span(middle, to, depth + 1);
        }
        self.turned += turn;
        if crosses {
            // 180° + arg T, in (−180°, 180°].
            let phase_deg = (-to.1).arg().to_degrees();
            if phase_deg.abs() < self.least_deg.abs() {
                (self.least_deg, self.crossover_hz) = (phase_deg, to.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTER: Lcl = Lcl { l1_h: 0.75e-3, r1_ohm: 0.0375, c_f: 10e-6, rd_ohm: 3.0, l2_h: 0.3e-3, r2_ohm: 0.006 };

    fn at(bandwidth_hz: f64, switching_hz: f64) -> Margin {
        margin(&FILTER, &CurrentLoop::new(&FILTER, bandwidth_hz, switching_hz))
    }

    #[test]
    fn margins_are_those_of_a_dense_scan() {
        // From a scan of 400,000 frequencies with numpy (unwrapped angle of 1 + T, crossings of |T| = 1).
        for (bandwidth, switching, stable, phase, crossover) in [
            (1000.0, 20e3, true, 54.0, 1116.0),
            (1000.0, 10e3, true, 24.0, 1116.0),
            (1500.0, 30e3, true, 24.0, 2451.0),
            (1000.0, 6876.0, false, -4.0, 1116.0),
            (2000.0, 40e3, false, -24.0, 3563.0),
        ] {
            let found = at(bandwidth, switching);
            assert_eq!(found.stable, stable, "{bandwidth} {switching}");
            assert!((found.phase_deg - phase).abs() < 1.0, "{bandwidth} {switching}: {found:?}");
            assert!((found.crossover_hz / crossover - 1.0).abs() < 3e-3, "{bandwidth} {switching}: {found:?}");
        }
    }

    #[test]
    fn an_undamped_resonance_is_not_stepped_over() {
        // Without damping, grid-current control needs the resonance above a sixth of the sampling frequency.
        let bare = Lcl { rd_ohm: 0.01, r1_ohm: 0.01, r2_ohm: 0.01, ..FILTER };
        let stable = |f_sw: f64| margin(&bare, &CurrentLoop::new(&bare, 300.0, f_sw)).stable;
        assert!(stable(16e3) && !stable(30e3), "3438 Hz against 2667 and 5000 Hz");
    }
}
