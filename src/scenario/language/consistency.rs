//! A check of phasor data in a scenario: whether all that PMUs and a meter say can be true of one network.

use schemars::JsonSchema;
use serde::Deserialize;

use super::PhasorParts;

/// A check of PMUs against each other, by a model of the network whose loads are only roughly known. L-PBCs that use a PMU
/// which it finds wrong fall back: to magnitudes where its angles are wrong, to a hold where its magnitudes are, or where
/// nobody in particular is to blame.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsistencySetting {
    /// `check_phasors`.
    pub law: ConsistencyLaw,
    /// The PMUs.
    pub pmus: Vec<String>,
    /// A meter of the power into the feeder, or through a line or transformer: `source.p_w` and `source.q_var`, or
    /// `line.NAME.p_w` and `line.NAME.q_var`.
    #[serde(default)]
    pub meter: Option<String>,
    /// Time between its steps in s, a whole number of steps; every step when not given.
    #[serde(default)]
    pub every_s: Option<f64>,
    /// Standard deviations of what PMUs say, their own noise and transducers included.
    #[serde(default = "usual_accuracy")]
    pub accuracy: PhasorParts,
    /// Standard deviation of what the meter says, as a part of the apparent power that it measures at the start.
    #[serde(default = "usual_power_accuracy")]
    pub power_accuracy: f64,
    /// Standard deviation of what each load draws, as a part of what the model says.
    #[serde(default = "usual_uncertainty")]
    pub load_uncertainty: f64,
    /// Buses at which anything may be drawn or fed: as much as all loads together draw is its standard deviation.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// Probability that good data are found wrong in one step.
    #[serde(default = "usual_false_alarm")]
    pub false_alarm: f64,
    /// Time in s for which data must be wrong, and then good again: a whole number of steps; three steps when not given.
    #[serde(default)]
    pub hold_s: Option<f64>,
    /// Name of the profile that loads are expected to follow.
    #[serde(default)]
    pub profile: Option<String>,
    /// The controller's own feeder file, which may be wrong; the scenario's when not given.
    #[serde(default)]
    pub model: Option<String>,
}

const fn usual_accuracy() -> PhasorParts {
    PhasorParts { v_pu: 1e-4, angle_deg: 0.01 }
}

const fn usual_power_accuracy() -> f64 {
    0.002
}

const fn usual_uncertainty() -> f64 {
    0.3
}

const fn usual_false_alarm() -> f64 {
    1e-6
}

/// The law of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsistencyLaw {
    /// Check phasors.
    CheckPhasors,
}
