//! The scenario file, key by key. Times are seconds since the start of the run unless said otherwise.

mod consistency;
mod emission;
mod equipment;
mod event;
mod expect;
mod hil;
mod output;
mod phasor;
mod pmu;
mod profile;
mod quality;
mod storage;
mod supervisory;
mod tie;

pub use consistency::*;
pub use emission::*;
pub use equipment::*;
pub use event::*;
pub use expect::*;
pub use hil::*;
pub use output::*;
pub use phasor::*;
pub use pmu::*;
pub use profile::*;
pub use quality::*;
pub use storage::*;
pub use supervisory::*;
pub use tie::*;

use schemars::JsonSchema;
use serde::Deserialize;

use super::vary::Distribution;
use crate::feeder::random::RandomFeeder;
use crate::feeder::{ControlMode, Named};

/// A scenario: what happens to a feeder, and what is recorded of it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The scenario's name; results go to `results/<scenario>/`.
    pub scenario: String,
    /// Scenarios that this one builds on: a file, or a list of files, relative to this one. What is written here stands
    /// over what they say; events and expectations are added to theirs; `~` takes away what they have.
    #[serde(default)]
    pub extends: Option<Extends>,
    /// One line about it: the title of the report.
    #[serde(default)]
    pub title: Option<String>,
    /// The feeder file, relative to this one: `.yaml`, or an OpenDSS script `.dss`; or `{random: {…}}`, a feeder made from
    /// a seed.
    pub feeder: FeederChoice,
    /// The clock at the start, in s since midnight. Profiles and clock-driven controls follow the clock.
    #[serde(default)]
    pub start_s: f64,
    /// How long the run lasts, in s: a whole number of steps.
    pub duration_s: f64,
    /// Length of a step in s: a whole number of nanoseconds. The first solved instant is one step after the start.
    pub step_s: f64,
    /// Seed of everything random; the same seed gives the same bytes.
    #[serde(default)]
    pub seed: u64,
    /// Regulator and capacitor controls: `time` (by their delays, the default unless the feeder's file says `off`),
    /// `static` (to rest at every step) or `off`.
    #[serde(default)]
    pub controls: Option<ControlMode>,
    /// Multiplies every load that is neither `fixed` nor `exempt`; the feeder's own when not given.
    #[serde(default)]
    pub load_multiplier: Option<f64>,
    /// Which of the feeder's own shapes its loads follow: `daily`, `yearly`, `duty` or `none`.
    #[serde(default)]
    pub feeder_shapes: ShapeClass,
    /// Multipliers over time, for loads to refer to.
    #[serde(default)]
    pub profiles: Named<Profile>,
    /// Name of the profile (or of a shape of the feeder) that loads follow unless they have one of their own.
    #[serde(default)]
    pub load_shape: Option<String>,
    /// Loads that differ from the feeder's description, by name.
    #[serde(default)]
    pub loads: Named<LoadSetting>,
    /// Tap of regulator controls at the start, in steps from neutral, by name.
    #[serde(default)]
    pub taps: Named<i32>,
    /// Capacitor banks at the start, by name.
    #[serde(default)]
    pub capacitors: Named<SwitchState>,
    /// Lines at the start, by name.
    #[serde(default)]
    pub lines: Named<SwitchState>,
    /// Sources at the start, by name.
    #[serde(default)]
    pub sources: Named<SourceSetting>,
    /// Harmonics of the network.
    #[serde(default)]
    pub harmonics: Option<HarmonicsSetting>,
    /// Transformers whose ageing is followed, by name.
    #[serde(default)]
    pub ageing: Named<AgeingSetting>,
    /// Devices that stand at buses, by name. Devices, instruments and controllers share their names.
    #[serde(default)]
    pub devices: Named<DeviceSetting>,
    /// Instruments, by name.
    #[serde(default)]
    pub instruments: Named<InstrumentSetting>,
    /// Controllers, by name.
    #[serde(default)]
    pub controllers: Named<ControllerSetting>,
    /// Real devices that take the place of simulated ones, by the name of what they replace.
    #[serde(default)]
    pub hil: Named<HilSetting>,
    /// What happens, and when.
    #[serde(default)]
    pub events: Vec<Event>,
    /// What must be true of the run: `phasorbench verify` and `run` fail when it is not.
    #[serde(default)]
    pub expect: Vec<Expect>,
    /// What is recorded.
    #[serde(default)]
    pub outputs: Option<Outputs>,
    /// What a sweep varies: paths into this file (`load_multiplier`, `loads.671.scale`, `loads.*.scale`, `events.0.at_s`)
    /// and what their values are drawn from. A run takes what is written elsewhere.
    #[serde(default)]
    pub vary: Named<Distribution>,
}

/// A feeder file, or a feeder made from a seed.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum FeederChoice {
    /// A file.
    File(String),
    /// A feeder made from a seed.
    Made(MadeFeeder),
}

/// A feeder made from a seed.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MadeFeeder {
    /// A plausible distribution feeder.
    pub random: RandomFeeder,
}

impl<'de> Deserialize<'de> for FeederChoice {
    /// Never read: the reader takes a mapping for [`MadeFeeder`] and a text for a file.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self::File(String::new()))
    }
}

/// The scenarios that one builds on.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum Extends {
    /// One.
    One(String),
    /// Several, the later over the earlier.
    Several(Vec<String>),
}

impl<'de> Deserialize<'de> for Extends {
    /// Never read: [`super::Document`] has merged the files before.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self::Several(Vec::new()))
    }
}

/// Which of the feeder's own shapes its loads follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShapeClass {
    /// Those of a daily study.
    #[default]
    Daily,
    /// Those of a yearly study.
    Yearly,
    /// Those of a duty-cycle study.
    Duty,
    /// None: constant unless the scenario says otherwise.
    None,
}

/// How a load differs from the feeder's description.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadSetting {
    /// Name of the profile (or of a shape of the feeder) it follows.
    #[serde(default)]
    pub profile: Option<String>,
    /// Multiplies its power, beside profile and load multiplier.
    #[serde(default = "one")]
    pub scale: f64,
}

/// A source's voltage, relative to the feeder's description.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSetting {
    /// Magnitude, per unit of the feeder's own.
    #[serde(default = "one")]
    pub v_pu: f64,
    /// Angle ahead of the feeder's own, in degrees.
    #[serde(default)]
    pub angle_deg: f64,
    /// A real PMU near it whose phasors it takes on, by the instrument's name: the simulation's angles are then by that one's
    /// clock.
    #[serde(default)]
    pub follow: Option<String>,
}

/// Open or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SwitchState {
    /// Not connected.
    Open,
    /// Connected.
    Closed,
}

fn one() -> f64 {
    1.0
}
