//! Limits and whether they are kept: IEEE 519-2022, IEEE 1547-2018, EN 50160, IEC 61000-3-2 class A, IEC 61000-3-12, and
//! the 5 % THD of the monitoring manual that this bench started from (`seed`).
//!
//! A value at its limit passes. Percentages of voltage relate to the fundamental measured in the same interval (IEEE 519
//! relates them to the rated voltage: at 230 V ± 10 % that is a tenth of a limit at most). Intervals that a dip, swell or
//! interruption touches are left out unless asked for. A recording shorter than a day has no percentile of a day: its
//! largest values are held against the tables' limits without the multipliers, and the verdict's name says so.

mod compliance;
mod rows;
pub mod tables;

pub use compliance::{Compliance, Judgement, Verdict};

use thiserror::Error;

/// Voltage THD of EN 50160 (S) and of the monitoring manual, percent.
const EN50160_THD_PERCENT: f64 = 8.0;
const SEED_THD_PERCENT: f64 = 5.0;

/// Whose limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// IEEE 519: voltage by class; current when Isc/IL and IL are given.
    Ieee519,
    /// IEEE 1547-2018: current of distributed resources, by the rated current.
    Ieee1547,
    /// EN 50160, low voltage.
    En50160,
    /// IEC 61000-3-2, class A: equipment up to 16 A.
    Iec61000_3_2,
    /// IEC 61000-3-12: equipment above 16 and up to 75 A.
    Iec61000_3_12,
    /// Voltage THD of 5 % at any voltage.
    Seed,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ieee519, Self::Ieee1547, Self::En50160, Self::Iec61000_3_2, Self::Iec61000_3_12, Self::Seed];

    /// Its name in commands and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ieee519 => "ieee519",
            Self::Ieee1547 => "ieee1547",
            Self::En50160 => "en50160",
            Self::Iec61000_3_2 => "iec61000-3-2",
            Self::Iec61000_3_12 => "iec61000-3-12",
            Self::Seed => "seed",
        }
    }

    /// Voltage THD that it allows in percent, at a nominal voltage between lines in V; `None` where it is about currents.
    pub fn voltage_thd_percent(self, line_to_line_v: f64) -> Option<f64> {
        match self {
            Self::Ieee519 => Some(tables::ieee519_voltage(line_to_line_v).1),
            Self::En50160 => Some(EN50160_THD_PERCENT),
            Self::Seed => Some(SEED_THD_PERCENT),
            Self::Ieee1547 | Self::Iec61000_3_2 | Self::Iec61000_3_12 => None,
        }
    }

    /// The profile of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

/// Edition of IEEE 519: they differ in even orders of current.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edition {
    /// IEEE 519-2014.
    Y2014,
    /// IEEE 519-2022.
    #[default]
    Y2022,
}

/// What limits depend on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitSettings {
    /// Whose.
    pub profile: Profile,
    /// Edition of IEEE 519.
    pub edition: Edition,
    /// Nominal voltage between lines at the point of common coupling, in V: decides the class of IEEE 519.
    pub line_to_line_v: f64,
    /// Declared voltage of the voltage channels, in V RMS, for EN 50160's ±10 %.
    pub declared_v: Option<f64>,
    /// Short-circuit current over load current there (IEEE 519), or the short-circuit ratio Rsce (IEC 61000-3-12).
    pub isc_over_il: Option<f64>,
    /// Maximum demand load current, fundamental, in A RMS (IEEE 519).
    pub il_a: Option<f64>,
    /// Rated current (IEEE 1547) or reference current (IEC 61000-3-12), in A RMS.
    pub rated_a: Option<f64>,
    /// Whether the equipment is three-phase and balanced (IEC 61000-3-12).
    pub balanced: bool,
    /// Whether intervals touched by dips, swells and interruptions count.
    pub with_flagged: bool,
}

impl LimitSettings {
    /// A profile at a nominal voltage between lines, with nothing else known.
    pub const fn new(profile: Profile, line_to_line_v: f64) -> Self {
        Self {
            profile,
            edition: Edition::Y2022,
            line_to_line_v,
            declared_v: None,
            isc_over_il: None,
            il_a: None,
            rated_a: None,
            balanced: true,
            with_flagged: false,
        }
    }

    /// What keeps these from being settings, if anything does.
    fn check(&self) -> Result<(), LimitError> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let given = [
            ("nominal voltage", Some(self.line_to_line_v)),
            ("declared voltage", self.declared_v),
            ("Isc/IL", self.isc_over_il),
            ("demand current IL", self.il_a),
            ("rated current", self.rated_a),
        ];
        let wrong = given.into_iter().find_map(|(name, value)| value.filter(|v| !positive(*v)).map(|v| (name, v)));
        match wrong {
            Some((name, given)) => Err(LimitError::NotPositive { name, given }),
            None => Ok(()),
        }
    }
}

/// Why limits cannot be held against measurements.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum LimitError {
    /// Not a positive number.
    #[error("{name} is {given}: it must be a positive number")]
    NotPositive {
        /// Which.
        name: &'static str,
        /// What was given.
        given: f64,
    },
    /// The profile needs it.
    #[error("{profile} needs the {name}")]
    Missing {
        /// The profile's name.
        profile: &'static str,
        /// What is missing.
        name: &'static str,
    },
    /// Above 69 kV there are other current limits, which are not in this program.
    #[error("current limits of IEEE 519 are known here up to 69 kV, not at {0} V")]
    CurrentClass(f64),
    /// IEC 61000-3-12 begins at 33.
    #[error("a short-circuit ratio of {0} is below 33, where IEC 61000-3-12 begins")]
    ShortCircuitRatio(f64),
}

#[cfg(test)]
mod tests;
