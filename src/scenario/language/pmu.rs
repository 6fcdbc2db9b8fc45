//! Phasor measurement units.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserializer, MapAccess};

use crate::feeder::Terminal;

/// A phasor measurement unit (PMU): the voltage of each phase of a bus to ground, as magnitude per unit (`NAME.a.v_pu`) and
/// absolute angle in the common time (`NAME.a.angle_deg`), and whether its clock is synchronised (`NAME.sync`, 1 or 0).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PmuSetting {
    /// Where: a bus, or one with the nodes of its phases, as in `632.1`.
    pub bus: Terminal,
    /// Its phases, as in `a` or `abc`, in place of nodes; all phases of the bus when neither is given.
    #[serde(default)]
    pub phases: Option<String>,
    /// Standard deviations of its noise: a class, or numbers.
    #[serde(default)]
    pub noise: PmuNoise,
    /// Smallest steps of its readings; 0 is none.
    #[serde(default)]
    pub resolution: PhasorParts,
    /// Time between frames in s, a whole number of steps; every step when not given. The first is taken after as long.
    #[serde(default)]
    pub every_s: Option<f64>,
    /// Time from a sample to its arrival in s, a whole number of steps.
    #[serde(default)]
    pub delay_s: f64,
    /// A frame is later than that by up to so many s, at random: a whole number of steps. One that is overtaken is not
    /// taken for new.
    #[serde(default)]
    pub jitter_s: f64,
    /// Share of its frames that are lost, from 0 to below 1.
    #[serde(default)]
    pub loss: f64,
    /// Time without GPS in s after which it calls itself unsynchronised: a whole number of steps.
    #[serde(default = "ten")]
    pub holdover_s: f64,
    /// By how much its clock becomes late without GPS, in parts per million of the time.
    #[serde(default = "super::one")]
    pub drift_ppm: f64,
}

/// Standard deviations of a PMU's noise: a class, or numbers.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum PmuNoise {
    /// A class.
    Class(PmuClass),
    /// Numbers.
    Numbers(PhasorParts),
}

/// A class of PMUs by their noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PmuClass {
    /// 1e-4 per unit and 0.01°.
    MicroPmu,
    /// None.
    None,
}

/// A number for a phasor's magnitude and one for its angle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhasorParts {
    /// For the magnitude, per unit.
    #[serde(default)]
    pub v_pu: f64,
    /// For the angle, in degrees.
    #[serde(default)]
    pub angle_deg: f64,
}

impl PmuNoise {
    /// The standard deviations.
    pub const fn parts(self) -> PhasorParts {
        match self {
            Self::Class(PmuClass::MicroPmu) => PhasorParts { v_pu: 1e-4, angle_deg: 0.01 },
            Self::Class(PmuClass::None) => PhasorParts { v_pu: 0.0, angle_deg: 0.0 },
            Self::Numbers(parts) => parts,
        }
    }
}

impl Default for PmuNoise {
    fn default() -> Self {
        Self::Class(PmuClass::None)
    }
}

impl<'de> Deserialize<'de> for PmuNoise {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = PmuNoise;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("micro_pmu, none, or {v_pu: …, angle_deg: …}")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<PmuNoise, E> {
                PmuClass::deserialize(StrDeserializer::new(name)).map(PmuNoise::Class)
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<PmuNoise, A::Error> {
                PhasorParts::deserialize(MapAccessDeserializer::new(entries)).map(PmuNoise::Numbers)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The time of a PMU goes wrong: one of `gps_lost`, `time_step_s`, `angle_step_deg` and `ramp_deg_per_s`. With `for_s`
/// it is right at once after that.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PmuEvent {
    /// The PMU.
    pub name: String,
    /// Whether it has no GPS: its clock drifts, and it says so after its holdover.
    #[serde(default)]
    pub gps_lost: Option<bool>,
    /// Its clock is spoofed to be late by so many s, which turns angles ahead by 360°·f of them; 0 ends it.
    #[serde(default)]
    pub time_step_s: Option<f64>,
    /// The same, by the angle that it makes: all its angles are ahead by so many degrees; 0 ends it.
    #[serde(default)]
    pub angle_step_deg: Option<f64>,
    /// Its clock is spoofed to become later and later: its angles go ahead by so many degrees a second; 0 ends it.
    #[serde(default)]
    pub ramp_deg_per_s: Option<f64>,
}

const fn ten() -> f64 {
    10.0
}
