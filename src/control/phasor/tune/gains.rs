//! Gains of Swartz's PI phase by phase, and the own sensitivities they are multiples of.

use serde::Serialize;

use super::{LinearLaw, Path};

/// Gains of Swartz's PI: reactive power of a phase from its magnitude, active power from its angle. One entry a phase; the
/// integral's are per step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PiGains {
    /// Of the magnitude's error, pu a pu.
    pub kp_v: Vec<f64>,
    /// Of the sum of the magnitude's errors, pu a pu.
    pub ki_v: Vec<f64>,
    /// Of the angle's error, pu a rad.
    pub kp_angle: Vec<f64>,
    /// Of the sum of the angle's errors, pu a rad.
    pub ki_angle: Vec<f64>,
}

impl PiGains {
    /// The same multiples of the inverse of each phase's own sensitivity: `[kp, ki]` of magnitude and of angle.
    pub fn multiples(own: &Own, v: [f64; 2], angle: [f64; 2]) -> Self {
        let over = |k: f64, g: &[f64]| g.iter().map(|g| k / g).collect();
        Self {
            kp_v: over(v[0], &own.v),
            ki_v: over(v[1], &own.v),
            kp_angle: over(angle[0], &own.angle),
            ki_angle: over(angle[1], &own.angle),
        }
    }

    /// The law; `None` when the gains differ in number.
    pub fn law(&self) -> Option<LinearLaw> {
        LinearLaw::swartz(&self.kp_v, &self.ki_v, &self.kp_angle, &self.ki_angle)
    }
}

/// Own sensitivities of each phase: of magnitude to reactive power (pu a pu), of angle to active power (rad a pu).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Own {
    /// dV/dQ.
    pub v: Vec<f64>,
    /// dδ/dP.
    pub angle: Vec<f64>,
}

impl Own {
    /// Of a path; `None` when a phase has none that is positive, so that its loop has no sign.
    pub fn of(path: &Path) -> Option<Self> {
        let (rows, columns) = path.sensitivity.shape();
        let n = rows / 2;
        if rows != columns || rows != 2 * n || n == 0 {
            return None;
        }
        let v: Vec<f64> = (0..n).map(|k| path.sensitivity[(k, n + k)]).collect();
        let angle: Vec<f64> = (0..n).map(|k| path.sensitivity[(n + k, k)]).collect();
        let usable = v.iter().chain(&angle).all(|g| g.is_finite() && *g > 0.0);
        usable.then_some(Self { v, angle })
    }
}
