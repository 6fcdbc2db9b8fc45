//! Phasor-based control in a scenario: who holds which phasor with what, by which law.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::feeder::Named;

/// L-PBC: holds the voltage phasors of a performance node, relative to a reference node's, at targets.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhasorSetting {
    /// The law.
    pub law: PhasorLaw,
    /// Time between its steps in s, a whole number of steps; every step when not given.
    #[serde(default)]
    pub every_s: Option<f64>,
    /// The PMU at the performance node.
    pub performance: String,
    /// The PMU at the reference node.
    pub reference: String,
    /// The devices that it commands, phase by phase.
    pub actuators: Vec<String>,
    /// Where the phasors should be; where they are first measured when not given.
    #[serde(default)]
    pub target: Option<TargetSetting>,
    /// The phases that it controls, as in `abc`; those of the performance PMU when not given.
    #[serde(default)]
    pub phases: Option<String>,
    /// Part that each actuator takes, in the order of `actuators`; by rated power when not given.
    #[serde(default)]
    pub shares: Option<Vec<f64>>,
    /// Base power of a phase in kVA, for the law's own numbers; chosen by the sensitivity when not given.
    #[serde(default)]
    pub base_kva: Option<f64>,
    /// Errors that are let be.
    #[serde(default)]
    pub deadband: Option<DeadbandSetting>,
    /// Time that a command is under way beside the one step that it always takes, in s: a whole number of steps.
    #[serde(default)]
    pub delay_s: f64,
    /// The whole delay beside one step that the law is told of, in s; that of the performance PMU and of commands when not
    /// given.
    #[serde(default)]
    pub assumed_delay_s: Option<f64>,
    /// Age in s up to which a measurement counts; three periods and the PMU's delay when not given.
    #[serde(default)]
    pub timeout_s: Option<f64>,
    /// What happens when the performance node has not been heard of for `fail_safe_after_s`.
    #[serde(default)]
    pub fail_safe: FailSafeSetting,
    /// Time without a measurement in s after which the fail-safe acts.
    #[serde(default = "five")]
    pub fail_safe_after_s: f64,
    /// Part of a step on the clock in which a program of one's own (`process`) is to answer in a paced run, up to 1; in
    /// batch it is waited for. Half a step, shared by all such programs, when not given.
    #[serde(default)]
    pub answer_within: Option<f64>,
    /// How power moves the phasors: computed from the model, or from the model at first and then learnt from what commands
    /// do.
    #[serde(default)]
    pub sensitivity: SensitivitySetting,
    /// The controller's own feeder file, which may be wrong; the scenario's when not given.
    #[serde(default)]
    pub model: Option<String>,
    /// The model's sensitivity is multiplied by this: how wrong the controller's impedances are.
    #[serde(default = "one")]
    pub model_scale: f64,
    /// The law's own numbers, in place of its usual ones.
    #[serde(default)]
    pub parameters: Named<f64>,
    /// Whether it is watched: why it fails, whether time is in step, whether phasors can be believed.
    #[serde(default = "yes")]
    pub supervised: bool,
}

const fn five() -> f64 {
    5.0
}

const fn one() -> f64 {
    1.0
}

const fn yes() -> bool {
    true
}

/// A law of L-PBC.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhasorLaw {
    /// Proportional-integral, phase by phase: reactive power by the magnitude, active power by the angle.
    Pi,
    /// Proportional-integral through the inverse of the sensitivity.
    DecoupledPi,
    /// Linear-quadratic, in increments, aware of delay and ramps.
    Lqpc,
    /// Linear-quadratic as published.
    LqpcPublished,
    /// Two-dimensional extremum seeking: without a model.
    ExtremumSeeking,
    /// Retrospective cost adaptive control.
    Rcac,
    /// A program of one's own: its words.
    Process(Vec<String>),
    /// A shared library of one's own, relative to this file.
    Library(String),
}

impl PhasorLaw {
    /// Its name, as a scenario writes it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pi => "pi",
            Self::DecoupledPi => "decoupled_pi",
            Self::Lqpc => "lqpc",
            Self::LqpcPublished => "lqpc_published",
            Self::ExtremumSeeking => "extremum_seeking",
            Self::Rcac => "rcac",
            Self::Process(_) => "process",
            Self::Library(_) => "library",
        }
    }

    /// Names of the numbers that it takes at a node of these phases; `None` where it takes any.
    pub fn parameters(&self, phases: &[String]) -> Option<Vec<String>> {
        let named = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        match self {
            Self::Pi => Some(["kp", "ki"].iter().flat_map(|gain| gains(gain, phases)).collect()),
            Self::DecoupledPi => named(&["kp", "ki", "back"]),
            Self::Lqpc => named(&["effect_weight", "power_weight", "find_delay"]),
            Self::LqpcPublished => named(&[]),
            Self::ExtremumSeeking => named(&["amplitude", "gain", "slew", "decay"]),
            Self::Rcac => named(&["covariance", "effort", "part"]),
            Self::Process(_) | Self::Library(_) => None,
        }
    }
}

/// A gain of all, of magnitudes or angles, and of each phase.
fn gains(gain: &str, phases: &[String]) -> Vec<String> {
    let of = ["v", "angle"].map(|of| format!("{gain}_{of}"));
    let by_phase = of.iter().flat_map(|name| phases.iter().map(move |phase| format!("{name}_{phase}")));
    std::iter::once(gain.to_owned()).chain(of.clone()).chain(by_phase).collect()
}

/// Where phasors should be, phase by phase.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetSetting {
    /// Magnitudes per unit; where they are first measured when not given.
    #[serde(default)]
    pub v_pu: Option<Vec<f64>>,
    /// Angles ahead of the reference node's phases of the same name, in degrees; where they are first measured when not
    /// given.
    #[serde(default)]
    pub angle_deg: Option<Vec<f64>>,
}

/// Errors that are let be: inside, the law sees none; outside, what is beyond.
#[derive(Clone, Copy, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadbandSetting {
    /// Of magnitudes, per unit.
    #[serde(default)]
    pub v_pu: f64,
    /// Of angles, in degrees.
    #[serde(default)]
    pub angle_deg: f64,
}

/// What an L-PBC does without measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailSafeSetting {
    /// The last commands hold.
    #[default]
    Hold,
    /// Devices go back to their own set-points.
    Own,
}

/// Where a law's sensitivity comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SensitivitySetting {
    /// From the model, at the start.
    #[default]
    Model,
    /// From the model at first, then by recursive least squares on what commands do.
    Estimated,
}

/// An L-PBC takes another target.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetEvent {
    /// The controller.
    pub of: String,
    /// Magnitudes per unit, phase by phase.
    #[serde(default)]
    pub v_pu: Option<Vec<f64>>,
    /// Angles in degrees, phase by phase.
    #[serde(default)]
    pub angle_deg: Option<Vec<f64>>,
}
