//! Harmonics: what the network's are, and the inverters that emit them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{BatterySetting, PrioritySetting};
use crate::feeder::{Named, Terminal};

/// Harmonics of the network. Without this section they are there, by its defaults, as soon as a device emits or an
/// instrument analyses.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HarmonicsSetting {
    /// Highest order that is solved: 2 to 50.
    #[serde(default = "fifty")]
    pub orders: u32,
    /// What loads are to harmonics.
    #[serde(default)]
    pub loads: HarmonicLoadsSetting,
    /// Rules by which elements depend on frequency.
    #[serde(default)]
    pub model: HarmonicModelSetting,
    /// Whether the spectra that the feeder's own loads and sources have are in effect.
    #[serde(default = "yes")]
    pub feeder_spectra: bool,
    /// Harmonics that sources have, by a name of your own.
    #[serde(default)]
    pub background: Named<BackgroundSetting>,
}

impl Default for HarmonicsSetting {
    fn default() -> Self {
        Self {
            orders: fifty(),
            loads: HarmonicLoadsSetting::default(),
            model: HarmonicModelSetting::default(),
            feeder_spectra: yes(),
            background: Named::new(),
        }
    }
}

/// What loads are to harmonics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HarmonicLoadsSetting {
    /// Admittances that follow their present power, as in OpenDSS.
    #[default]
    Present,
    /// Admittances of their nominal power.
    Nominal,
    /// Nothing.
    Neglect,
}

/// Rules by which elements depend on frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HarmonicModelSetting {
    /// OpenDSS's, so that results compare.
    #[default]
    Opendss,
    /// Skin effect, eddy losses of transformers, loads by CIGRÉ.
    Physical,
}

/// One harmonic of a source's voltage.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackgroundSetting {
    /// The source; the feeder's only one when not given.
    #[serde(default)]
    pub source: Option<String>,
    /// Its order: from 2 to the highest that is solved.
    pub order: u32,
    /// Percent of the source's voltage.
    pub percent: f64,
    /// Its angle on the first phase, in degrees of its own frequency.
    #[serde(default)]
    pub angle_deg: f64,
    /// Name of the profile (or of a shape of the feeder) that multiplies it.
    #[serde(default)]
    pub profile: Option<String>,
    /// Standard deviation of its wander, percent of itself.
    #[serde(default)]
    pub wander_percent: f64,
    /// Time in s over which its wander forgets.
    #[serde(default = "thirty")]
    pub wander_s: f64,
}

/// V2G inverters at one bus, all alike but for their spread. What is injected is positive: charging is negative.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InverterSetting {
    /// What one unit is: `v2g_11kw`, `v2g_22kw` or `v2g_150kw`.
    pub model: String,
    /// Where: a bus, or one with the nodes of its phases, as in `634.1`. On one or two phases the units are of one phase,
    /// with a third of the model's power, and are dealt out in turn.
    pub bus: Terminal,
    /// Its phases, as in `a` or `abc`, in place of nodes; all phases of the bus when neither is given.
    #[serde(default)]
    pub phases: Option<String>,
    /// Whether the units are of one phase, dealt out to the bus's phases in turn.
    #[serde(default)]
    pub single_phase: bool,
    /// How many units.
    #[serde(default = "single")]
    pub count: u32,
    /// Set-point of active power in kW, all units together.
    #[serde(default)]
    pub p_kw: f64,
    /// Set-point of reactive power in kvar, all units together.
    #[serde(default)]
    pub q_kvar: f64,
    /// Name of the profile (or of a shape of the feeder) that the set-point follows.
    #[serde(default)]
    pub profile: Option<String>,
    /// What keeps its value where P and Q do not fit into the circle.
    #[serde(default)]
    pub priority: PrioritySetting,
    /// Fastest change of active power in kW/s, all units together; no limit when not given.
    #[serde(default)]
    pub ramp_kw_per_s: Option<f64>,
    /// Time from a step of the set-point to 90 % of it, in s; the model's when not given.
    #[serde(default)]
    pub response_s: Option<f64>,
    /// Time from a command to its effect beside the one step that every command takes, in s.
    #[serde(default)]
    pub delay_s: f64,
    /// Batteries behind the units.
    #[serde(default)]
    pub storage: Option<BatterySetting>,
    /// Support of the grid by the unit itself, by the defaults of IEEE 1547-2018 (category B, category II of
    /// ride-through).
    #[serde(default)]
    pub functions: Vec<SupportSetting>,
    /// Where its harmonics come from.
    #[serde(default)]
    pub emission: EmissionSetting,
    /// How units differ from each other.
    #[serde(default)]
    pub spread: SpreadSetting,
    /// A unit that emits more than it should.
    #[serde(default)]
    pub noisy: Option<NoisySetting>,
    /// Switching frequency in Hz; the model's when not given.
    #[serde(default)]
    pub switching_hz: Option<f64>,
    /// Dead time of its bridge in µs; the model's when not given.
    #[serde(default)]
    pub dead_time_us: Option<f64>,
    /// Filter capacitor of one unit in µF; the model's when not given.
    #[serde(default)]
    pub filter_uf: Option<f64>,
}

/// Support of the grid by a unit itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SupportSetting {
    /// Reactive power by voltage.
    VoltVar,
    /// Largest active power by voltage.
    VoltWatt,
    /// Reactive power by active power.
    WattVar,
    /// Active power by frequency.
    FreqWatt,
    /// Stays on, ceases or trips by voltage and frequency.
    RideThrough,
}

/// Where an inverter's harmonics come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmissionSetting {
    /// The median of measured chargers by power, and the filter's admittance.
    #[default]
    Measured,
    /// Each unit is one of twelve measured cars, by the seed.
    Cars,
    /// Dead time and PWM through filter and current control, which follow the switching frequency; and the filter's
    /// admittance.
    Physical,
    /// None; the filter's admittance alone.
    None,
}

/// How the units of an aggregate differ, as standard deviations.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpreadSetting {
    /// Of the size of each harmonic, percent.
    #[serde(default = "tenth")]
    pub size_percent: f64,
    /// Of the angle of each harmonic, in degrees of its own frequency.
    #[serde(default = "fifteen")]
    pub angle_deg: f64,
}

impl Default for SpreadSetting {
    fn default() -> Self {
        Self { size_percent: tenth(), angle_deg: fifteen() }
    }
}

/// A unit that emits more than it should.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoisySetting {
    /// Which unit, from 1.
    #[serde(default = "single")]
    pub unit: u32,
    /// How many times as much as it should.
    pub factor: f64,
    /// From when on, in s since the start.
    #[serde(default)]
    pub from_s: f64,
}

fn fifty() -> u32 {
    50
}

fn single() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn thirty() -> f64 {
    30.0
}

fn tenth() -> f64 {
    10.0
}

fn fifteen() -> f64 {
    15.0
}
