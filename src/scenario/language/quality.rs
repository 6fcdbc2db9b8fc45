//! Power quality: what cancels harmonics, measures them, says who causes them, and what is done about them.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::feeder::Terminal;

/// An active power filter: it injects the opposite of harmonics that it sees.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActiveFilterSetting {
    /// Where: a bus, or one with the nodes of its phases, as in `634.1`.
    pub bus: Terminal,
    /// Its phases, as in `a` or `abc`, in place of nodes; all phases of the bus when neither is given.
    #[serde(default)]
    pub phases: Option<String>,
    /// Rated apparent power in kVA.
    pub s_kva: f64,
    /// Orders that it filters.
    #[serde(default = "usual_orders")]
    pub orders: Vec<u32>,
    /// Devices and branches whose harmonic current it cancels, as in `[ev634, line.632671]`; without any it answers to the
    /// voltage at its bus as a conductance.
    #[serde(default)]
    pub cancels: Vec<String>,
    /// Its conductance to harmonics in S, where it answers to voltage.
    #[serde(default)]
    pub conductance_s: Option<f64>,
    /// Share of the rest that it takes away at each step, above 0 to 1.
    #[serde(default = "half_share")]
    pub gain: f64,
    /// Whether it is at work from the start; events switch it.
    #[serde(default = "yes")]
    pub on: bool,
}

/// Whether an active filter works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilterState {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// A power-quality analyser: waveforms of voltages u1 to u3 (to ground) and of currents i1 to i3, sampled through
/// transducers, and what IEC 61000-4-7 and 61000-4-30 make of them.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnalyserSetting {
    /// Its bus, or one with nodes, as in `634.1.2.3`.
    pub bus: Terminal,
    /// Its phases, as in `a` or `abc`, in place of nodes; all phases of the bus when neither is given.
    #[serde(default)]
    pub phases: Option<String>,
    /// Whose currents i1 to i3 are: devices (what they inject) and branches (`line.650632`: what flows into its first
    /// terminal); their sum. Without any it samples voltages only.
    #[serde(default)]
    pub current: Vec<String>,
    /// Samples a second of each channel: at least 12 800.
    #[serde(default = "usual_rate")]
    pub sample_hz: f64,
    /// Whether windows follow the frequency.
    #[serde(default)]
    pub windows: WindowsSetting,
    /// Nominal voltage to ground in V; the base of its bus when not given.
    #[serde(default)]
    pub nominal_v: Option<f64>,
    /// Whose limit of voltage THD raises its alarm and, unless that says otherwise, sets a mitigation going.
    #[serde(default)]
    pub limits: LimitsSetting,
    /// Largest load current in A (of a generator: its rated current): what TDD and TRD are relative to.
    #[serde(default)]
    pub il_a: Option<f64>,
    /// Time in s over which flicker is observed in place of 600, for short runs.
    #[serde(default)]
    pub flicker_s: Option<f64>,
    /// Errors of its sensors and its clock; none when not given.
    #[serde(default)]
    pub transducers: TransducerSetting,
    /// What it does to say who causes the distortion.
    #[serde(default)]
    pub attribution: Option<AttributionSetting>,
}

/// Whether windows follow the frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowsSetting {
    /// 10 or 12 cycles of the fundamental.
    #[default]
    Synchronised,
    /// 200 ms.
    Fixed,
}

/// A set of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitsSetting {
    /// IEEE 519-2022, by voltage class.
    #[default]
    Ieee519,
    /// EN 50160.
    En50160,
    /// 5 % of voltage THD.
    Seed,
}

/// Errors of sensors and clock. Every one is off unless it is written.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransducerSetting {
    /// Current transformers of an accuracy class: `0.2s`, `0.5s`, `0.2`, `0.5` or `1`.
    #[serde(default)]
    pub ct_class: Option<String>,
    /// Primary rated current of the current transformers in A; the line's or `il_a` when not given.
    #[serde(default)]
    pub ct_rated_a: Option<f64>,
    /// Voltage transformers of an accuracy class: `0.2`, `0.5` or `1`.
    #[serde(default)]
    pub vt_class: Option<String>,
    /// Rogowski coils in place of current transformers.
    #[serde(default)]
    pub rogowski: Option<RogowskiSetting>,
    /// Corner in Hz of the filter before the converter.
    #[serde(default)]
    pub anti_alias_hz: Option<f64>,
    /// Bits of the converter.
    #[serde(default)]
    pub adc_bits: Option<u32>,
    /// Largest value that the converter takes, as a multiple of the nominal (rated) peak.
    #[serde(default = "double")]
    pub adc_range: f64,
    /// Error of the sampling clock in parts per million.
    #[serde(default)]
    pub clock_ppm: f64,
    /// Noise in percent of nominal (rated), standard deviation of a sample.
    #[serde(default)]
    pub noise_percent: f64,
    /// Interference of the mains' conductors, in percent of nominal at 15 cm; it falls with the distance.
    #[serde(default)]
    pub emi_percent: f64,
    /// Distance in cm to the conductors that interfere.
    #[serde(default = "fifteen")]
    pub emi_distance_cm: f64,
    /// Blocks of samples that never arrive, in percent.
    #[serde(default)]
    pub lost_percent: f64,
}

/// Errors of Rogowski coils.
#[derive(Clone, Copy, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RogowskiSetting {
    /// Error of the phase by misalignment in degrees of the fundamental.
    #[serde(default)]
    pub phase_deg: f64,
    /// Error of the gain in percent.
    #[serde(default)]
    pub gain_percent: f64,
}

/// Who causes the distortion: the fleet, or the grid.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributionSetting {
    /// The inverters that are the fleet; the analyser's `current` is theirs.
    pub fleet: Vec<String>,
    /// Impedance of the grid at the bus at its own frequency, as [R, X] in ohm, as a nameplate would give it.
    pub z_ohm: [f64; 2],
    /// Orders that are looked at.
    #[serde(default = "usual_orders")]
    pub orders: Vec<u32>,
    /// Whether the inverters' own admittance is taken from what is laid to them.
    #[serde(default = "yes")]
    pub norton: bool,
}

/// Mitigation of distortion: the ladder from moving the switching frequency to the alarm. It acts on verdicts, which come
/// every 3 s, and only when the fleet is the cause. Times are rounded to whole verdicts.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MitigationSetting {
    /// The law.
    pub law: MitigationLaw,
    /// The analyser that it listens to; it has `attribution`.
    pub measures: String,
    /// The inverters that it commands, of the analyser's fleet.
    pub actuators: Vec<String>,
    /// Voltage THD in percent above which it acts; that of the analyser's limits when not given.
    #[serde(default)]
    pub limit_percent: Option<f64>,
    /// Voltage THD in percent below which it takes steps back; four fifths of the limit when not given.
    #[serde(default)]
    pub release_percent: Option<f64>,
    /// What it may do.
    #[serde(default = "whole_ladder")]
    pub steps: Vec<RungSetting>,
    /// For how long in s the fleet must be found to be the cause before a step.
    #[serde(default = "twelve")]
    pub confirm_s: f64,
    /// Time in s after a step that is not looked at.
    #[serde(default = "nine")]
    pub settle_s: f64,
    /// Time in s then over which the effect of the step is looked at.
    #[serde(default = "twelve")]
    pub effect_s: f64,
    /// Shortest time in s between two steps.
    #[serde(default = "thirty")]
    pub pause_s: f64,
    /// Time in s below `release_percent` after which a step is taken back.
    #[serde(default = "two_minutes")]
    pub release_s: f64,
    /// Conductance to harmonics in S that each inverter may take on, where compensation is allowed.
    #[serde(default)]
    pub conductance_s: f64,
    /// Groups that carriers may be spread over, where interleaving is allowed.
    #[serde(default = "three_groups")]
    pub interleave: u64,
    /// Probing of the grid where nobody can tell who causes the distortion; none when not given.
    #[serde(default)]
    pub probe: Option<ProbeSetting>,
}

/// How the fleet may probe the grid.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeSetting {
    /// The inverter that does it.
    pub device: String,
    /// Size of its probing current in A.
    pub current_a: f64,
    /// Time in s for which each sign of it stands: a whole number of steps.
    #[serde(default = "second")]
    pub flip_s: f64,
    /// Longest time in s that a probe takes.
    #[serde(default = "three_minutes")]
    pub most_s: f64,
    /// Whether it also confirms what is decided without: no step is taken unconfirmed.
    #[serde(default = "yes")]
    pub confirm: bool,
}

/// The law of [`MitigationSetting`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MitigationLaw {
    /// The ladder.
    ThdMitigation,
}

/// A step of the mitigation ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RungSetting {
    /// Another switching frequency.
    SwitchingFrequency,
    /// Carriers of the units shifted against each other.
    Interleaving,
    /// Harmonic currents against the distortion, from the inverters' headroom.
    Compensation,
    /// Less power, or none, of the noisy unit.
    Curtailment,
}

/// A transformer's heat, and the life it costs: IEEE C57.110 and C57.91.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgeingSetting {
    /// Temperature of the air in °C.
    #[serde(default = "thirty")]
    pub ambient_c: f64,
    /// Eddy losses of the windings at rated current, per unit of I²R.
    #[serde(default = "eddy")]
    pub eddy_pu: f64,
    /// Other stray losses at rated current, per unit of I²R.
    #[serde(default = "stray")]
    pub stray_pu: f64,
    /// Temperatures at the start as if it had been loaded so for long, per unit; 0 is cold.
    #[serde(default)]
    pub preload_pu: f64,
}

fn yes() -> bool {
    true
}

fn thirty() -> f64 {
    30.0
}

fn fifteen() -> f64 {
    15.0
}

fn double() -> f64 {
    2.0
}

fn half_share() -> f64 {
    0.5
}

fn usual_rate() -> f64 {
    12_800.0
}

fn eddy() -> f64 {
    0.1
}

fn stray() -> f64 {
    0.05
}

fn usual_orders() -> Vec<u32> {
    vec![5, 7, 11, 13]
}

fn whole_ladder() -> Vec<RungSetting> {
    vec![
        RungSetting::SwitchingFrequency,
        RungSetting::Interleaving,
        RungSetting::Compensation,
        RungSetting::Curtailment,
    ]
}

fn twelve() -> f64 {
    12.0
}

fn nine() -> f64 {
    9.0
}

fn two_minutes() -> f64 {
    120.0
}

fn three_minutes() -> f64 {
    180.0
}

fn second() -> f64 {
    1.0
}

fn three_groups() -> u64 {
    3
}
