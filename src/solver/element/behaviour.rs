//! How resistances, and what the earth adds to a line, follow frequency: OpenDSS's rules, or losses nearer to the physics.
//!
//! Limits: a line that is not given by geometry has one resistance for skin effect, that of its positive sequence as a
//! solid round conductor. Equations and sources: `docs/models/harmonics.md`.

use std::f64::consts::PI;

use super::geometry::skin_factor;
use super::{Frequency, Reason, positive};
use crate::feeder::{EarthReturn, Line, LineCode, LineImpedance, Matrix};

/// Permeability of vacuum in H/m.
const PERMEABILITY_H_PER_M: f64 = 4e-7 * PI;
/// Carson's depth of earth return in m at 1 Ωm and 1 Hz.
const CARSON_DEPTH_M: f64 = 658.5;

/// How resistances follow frequency.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Behaviour {
    /// As OpenDSS: resistances are constant, and lines that are not given by geometry get its earth correction.
    #[default]
    OpenDss,
    /// Skin effect, earth return by Carson, eddy and stray losses of windings.
    Physical(Losses),
}

/// What grows in resistances with frequency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Losses {
    /// Share of a transformer's load loss at the fundamental that is eddy-current loss in windings, in percent: grows
    /// with the square of the order.
    pub eddy_percent: f64,
    /// Share that is stray loss elsewhere, in percent: grows with the order to the power of 0.8.
    pub stray_percent: f64,
}

impl Default for Losses {
    /// 10 % and 5 %: an engineer's guess for distribution transformers.
    fn default() -> Self {
        Self { eddy_percent: 10.0, stray_percent: 5.0 }
    }
}

/// What changes in a line's impedance with frequency, per unit length: R + `r_ohm` in every entry and `r_own_ohm` more on
/// the diagonal; X(h) = h·(X − `x_ohm`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Growth {
    pub(super) r_ohm: f64,
    pub(super) r_own_ohm: f64,
    pub(super) x_ohm: f64,
}

impl Growth {
    /// OpenDSS's correction of the earth's share, a fit to Carson: Rg·(h − 1) and ½·ln h·Xg/ln(658.5·√(ρ/f₀)).
    fn of_earth(earth: &EarthReturn, at: Frequency) -> Result<Self, Reason> {
        let h = at.order();
        if h == 1.0 {
            return Ok(Self::default());
        }
        let r_ohm = earth.r_ohm * (h - 1.0);
        if earth.x_ohm == 0.0 {
            return Ok(Self { r_ohm, ..Self::default() });
        }
        let rho = positive("earth_ohm_m", earth.earth_ohm_m)?;
        let kxg = earth.x_ohm / (CARSON_DEPTH_M * (rho / at.nominal_hz).sqrt()).ln();
        Ok(Self { r_ohm, x_ohm: 0.5 * kxg * h.ln(), r_own_ohm: 0.0 })
    }

    /// The earth's share by Carson's leading terms, ωμ₀/8 and (ωμ₀/2π)·ln(658.5·√(ρ/f)), and the conductor's skin effect.
    fn physical(impedance: &LineImpedance, metres: f64, at: Frequency) -> Self {
        let h = at.order();
        let per_radian = 2.0 * PI * at.nominal_hz * PERMEABILITY_H_PER_M * metres;
        let r1_ohm = positive_sequence_ohm(impedance);
        let skin = |r1_ohm: f64| {
            // The resistance given is that at the fundamental; its direct-current value follows by iteration.
            let ac = r1_ohm / metres;
            let dc = (0..4).fold(ac, |dc, _| ac / skin_factor(dc, at.nominal_hz));
            r1_ohm * (skin_factor(dc, at.f_hz) / skin_factor(dc, at.nominal_hz) - 1.0)
        };
        Self {
            r_ohm: per_radian / 8.0 * (h - 1.0),
            x_ohm: 0.5 * per_radian / (2.0 * PI) * h.ln(),
            r_own_ohm: if r1_ohm > 0.0 { skin(r1_ohm) } else { 0.0 },
        }
    }
}

impl Behaviour {
    pub(super) fn growth_of_code(&self, code: &LineCode, at: Frequency) -> Result<Growth, Reason> {
        match self {
            // Values of the owner's own say more than Carson's for a line in the open.
            Self::Physical(_) if code.earth_return == EarthReturn::default() => {
                Ok(Growth::physical(&code.impedance, code.per.metres(), at))
            }
            _ => Growth::of_earth(&code.earth_return, at),
        }
    }

    pub(super) fn growth_of_total(&self, line: &Line, at: Frequency) -> Result<Growth, Reason> {
        line.earth_return.as_ref().map_or(Ok(Growth::default()), |earth| Growth::of_earth(earth, at))
    }

    /// What a transformer's winding resistance is multiplied by at an order.
    pub fn winding_resistance(&self, order: f64) -> f64 {
        match self {
            Self::OpenDss => 1.0,
            Self::Physical(losses) => {
                let (eddy, stray) = (losses.eddy_percent / 100.0, losses.stray_percent / 100.0);
                1.0 + eddy * (order * order - 1.0) + stray * (order.powf(0.8) - 1.0)
            }
        }
    }
}

/// Positive-sequence resistance per unit length: own less mutual, on average.
fn positive_sequence_ohm(impedance: &LineImpedance) -> f64 {
    let of_matrix = |rows: &Matrix| {
        let n = rows.len() as f64;
        let own: f64 = rows.iter().enumerate().filter_map(|(i, row)| row.get(i)).sum();
        let below = rows.iter().enumerate().flat_map(|(i, row)| row.iter().take(i));
        let pairs = n * (n - 1.0) / 2.0;
        own / n - if pairs > 0.0 { below.sum::<f64>() / pairs } else { 0.0 }
    };
    impedance.r_ohm.as_ref().map(of_matrix).or(impedance.r1_ohm).unwrap_or(0.0)
}
