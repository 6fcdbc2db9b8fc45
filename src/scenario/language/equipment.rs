//! What stands at a bus and does what it is told, what measures, and what controls.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    ActiveFilterSetting, AnalyserSetting, BatterySetting, ConsistencySetting, InverterSetting, MitigationSetting,
    PhasorSetting, PmuSetting, SupervisorySetting, TieSetting,
};
use crate::feeder::Terminal;

/// A device, by its kind.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DeviceSetting {
    /// Controllable power: a charger, a battery, an inverter.
    Power(PowerSetting),
    /// V2G inverters: controllable power that emits harmonics.
    Inverter(Box<InverterSetting>),
    /// An active power filter.
    ActiveFilter(ActiveFilterSetting),
}

/// Power that can be set, wye-connected: the same in all its phases, unless a phasor controller commands each by itself.
/// Rating and ramps are those of all phases together, a part of them each. What is injected into the network is positive:
/// charging is negative.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerSetting {
    /// Where: a bus, or one with the nodes of its phases, as in `634.1`.
    pub bus: Terminal,
    /// Its phases, as in `a` or `abc`, in place of nodes; all phases of the bus when neither is given.
    #[serde(default)]
    pub phases: Option<String>,
    /// Its own set-point of active power in kW, all phases.
    #[serde(default)]
    pub p_kw: f64,
    /// Its own set-point of reactive power in kvar, all phases.
    #[serde(default)]
    pub q_kvar: f64,
    /// Rated apparent power in kVA: the circle that holds P and Q.
    pub s_kva: f64,
    /// Fastest change of active power in kW/s; no limit when not given.
    #[serde(default)]
    pub ramp_kw_per_s: Option<f64>,
    /// Fastest change of reactive power in kvar/s; no limit when not given.
    #[serde(default)]
    pub ramp_kvar_per_s: Option<f64>,
    /// Time from a step of the set-point to 90 % of it, in s; 0 is at once.
    #[serde(default)]
    pub response_s: f64,
    /// Time before a set-point begins to act, in s: a whole number of steps.
    #[serde(default)]
    pub delay_s: f64,
    /// What keeps its value where P and Q do not fit into the circle.
    #[serde(default)]
    pub priority: PrioritySetting,
    /// Name of the profile (or of a shape of the feeder) that its own set-point follows.
    #[serde(default)]
    pub profile: Option<String>,
    /// The battery behind it; without one its energy has no end.
    #[serde(default)]
    pub storage: Option<BatterySetting>,
}

/// What keeps its value outside the circle of rated power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrioritySetting {
    /// Reactive power; active power gives way.
    #[default]
    Reactive,
    /// Active power; reactive power gives way.
    Active,
}

/// An instrument, by its kind.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum InstrumentSetting {
    /// A meter: samples quantities, delivers them late, noisy and rounded.
    Meter(MeterSetting),
    /// A phasor measurement unit: voltage phasors in a common time.
    Pmu(PmuSetting),
    /// A power-quality analyser: samples waveforms.
    PowerQuality(Box<AnalyserSetting>),
}

/// A meter.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeterSetting {
    /// Quantities of the network, by name.
    pub measures: Vec<String>,
    /// Time between samples in s, a whole number of steps; every step when not given. The first is taken after as long.
    #[serde(default)]
    pub every_s: Option<f64>,
    /// Time from a sample to its arrival in s, a whole number of steps.
    #[serde(default)]
    pub delay_s: f64,
    /// Standard deviation of its noise, in the quantity's unit.
    #[serde(default)]
    pub noise: f64,
    /// Smallest step of a reading, in the quantity's unit; 0 is none.
    #[serde(default)]
    pub resolution: f64,
}

/// A controller, by its `law`.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum ControllerSetting {
    /// `volt_var`, `volt_watt`.
    Droop(DroopSetting),
    /// `thd_mitigation`.
    Mitigation(Box<MitigationSetting>),
    /// L-PBC: `pi`, `decoupled_pi`, `lqpc`, `lqpc_published`, `extremum_seeking`, `rcac`, `{process: […]}`, `{library: …}`.
    Phasor(Box<PhasorSetting>),
    /// `close_tie`.
    Tie(Box<TieSetting>),
    /// `check_phasors`.
    Consistency(Box<ConsistencySetting>),
    /// S-PBC: `s_pbc`.
    Supervisory(Box<SupervisorySetting>),
}

impl<'de> Deserialize<'de> for ControllerSetting {
    /// Never read: the reader looks at `law` first.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer)?;
        Err(serde::de::Error::custom("a controller is read by its law"))
    }
}

/// A droop: a curve between the voltages that an instrument sees and what devices do.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DroopSetting {
    /// The law.
    pub law: Law,
    /// Time between its steps in s, a whole number of steps; every step when not given.
    #[serde(default)]
    pub every_s: Option<f64>,
    /// The instrument whose voltages (`…v_pu`) it sees: their mean is what the curve is about.
    pub measures: String,
    /// The devices that it commands.
    pub actuators: Vec<String>,
    /// Points [voltage per unit, command per rated apparent power] with the voltage increasing, straight between them and
    /// level beyond. When not given, the default of IEEE 1547-2018: of category B for `volt_var`, from 1.06 to 1.1 pu for
    /// `volt_watt`.
    #[serde(default)]
    pub curve: Option<Vec<[f64; 2]>>,
    /// Time to 90 % of a change, in s; 5 for `volt_var` and 10 for `volt_watt` when not given.
    #[serde(default)]
    pub response_s: Option<f64>,
    /// Age in s up to which a measurement counts; three periods of the slower of instrument and controller, and the
    /// instrument's delay and jitter, when not given.
    #[serde(default)]
    pub timeout_s: Option<f64>,
    /// Command per rated apparent power when no measurement has come for longer; the last command holds when not given.
    #[serde(default)]
    pub fail_safe: Option<f64>,
}

/// A droop's law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// Reactive power by voltage, in place of the device's own.
    VoltVar,
    /// Largest active power by voltage; the device's own set-point where that is smaller.
    VoltWatt,
}

/// A device's new set-point of its own; what is not given stays.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceEvent {
    /// The device.
    pub name: String,
    /// Active power in kW.
    #[serde(default)]
    pub p_kw: Option<f64>,
    /// Reactive power in kvar.
    #[serde(default)]
    pub q_kvar: Option<f64>,
}

/// What comes from an instrument or a controller is lost or comes late: one of `lost` and `delay_s`.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommunicationEvent {
    /// The instrument or controller.
    pub of: String,
    /// Whether nothing arrives any more.
    #[serde(default)]
    pub lost: Option<bool>,
    /// Delay in s beside the usual one, a whole number of steps; 0 ends it.
    #[serde(default)]
    pub delay_s: Option<f64>,
}

/// A sensor of an instrument fails: one of `stuck`, `offset`, `gain` and `dropped`.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SensorEvent {
    /// The instrument.
    pub instrument: String,
    /// The quantity that it measures; all of them when not given.
    #[serde(default)]
    pub channel: Option<String>,
    /// Whether it goes on saying what it said last.
    #[serde(default)]
    pub stuck: Option<bool>,
    /// It says so much more, in the quantity's unit; 0 ends it.
    #[serde(default)]
    pub offset: Option<f64>,
    /// It says so many times as much; 1 ends it.
    #[serde(default)]
    pub gain: Option<f64>,
    /// Whether it says nothing.
    #[serde(default)]
    pub dropped: Option<bool>,
}
