//! What harmonic currents add to a transformer's losses (IEEE C57.110-2018, as quoted by others).
//!
//! Eddy losses of the windings grow with the square of the order, other stray losses with its power 0.8:
//!
//! ```text
//! F_HL     = Σ h²·I_h² / Σ I_h²          F_HL-STR = Σ h^0.8·I_h² / Σ I_h²
//! K        = Σ h²·(I_h/I_R)²             (UL 1561)
//! P_LL     = I²·(1 + F_HL·P_EC + F_HL-STR·P_OSL)
//! ```
//!
//! with the RMS current I in per unit of the rated one, and losses P_EC, P_OSL in per unit of the I²R losses at rated current.

/// Losses at rated sinusoidal current, in per unit of the I²R losses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatedLosses {
    /// Eddy losses of the windings.
    pub eddy_pu: f64,
    /// Other stray losses: of clamps, tank, connections. 0 in dry-type transformers, whose surroundings carry them off.
    pub stray_pu: f64,
}

/// How much more a spectrum heats than a sine of the same RMS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossFactors {
    /// Harmonic loss factor of winding eddy currents, F_HL.
    pub eddy: f64,
    /// Harmonic loss factor of other stray losses, F_HL-STR.
    pub stray: f64,
}

/// K-factor of currents by order (index 0 unused), in per unit of the rated current.
pub fn k_factor(currents_pu: &[f64]) -> f64 {
    squares(currents_pu).map(|(h, i2)| h * h * i2).sum()
}

/// Orders and squares of currents; what is not finite is left out.
#[allow(clippy::cast_precision_loss, reason = "orders are small")]
fn squares(currents: &[f64]) -> impl Iterator<Item = (f64, f64)> + '_ {
    currents.iter().enumerate().skip(1).filter(|(_, i)| i.is_finite()).map(|(h, i)| (h as f64, i * i))
}

impl LossFactors {
    /// Of currents by order, index 0 unused, in any unit; 1 without current. What is not finite counts as 0.
    pub fn of(currents: &[f64]) -> Self {
        let total: f64 = squares(currents).map(|(_, i2)| i2).sum();
        if total <= 0.0 {
            return Self { eddy: 1.0, stray: 1.0 };
        }
        let eddy = squares(currents).map(|(h, i2)| h * h * i2).sum::<f64>() / total;
        let stray = squares(currents).map(|(h, i2)| h.powf(0.8) * i2).sum::<f64>() / total;
        Self { eddy, stray }
    }

    /// Load losses in per unit of the rated I²R losses, at an RMS current in per unit.
    pub fn losses_pu(&self, rated: &RatedLosses, rms_pu: f64) -> f64 {
        rms_pu * rms_pu * (1.0 + self.eddy * rated.eddy_pu + self.stray * rated.stray_pu)
    }

    /// Largest RMS current in per unit with this spectrum that makes no more losses than the rated sine; of the windings
    /// alone where `rated` has no stray losses (a dry-type transformer).
    pub fn derating_pu(&self, rated: &RatedLosses) -> f64 {
        let sine = 1.0 + rated.eddy_pu + rated.stray_pu;
        (sine / (1.0 + self.eddy * rated.eddy_pu + self.stray * rated.stray_pu)).sqrt()
    }
}
