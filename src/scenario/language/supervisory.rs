//! Supervisory phasor-based control in a scenario: who finds the targets of L-PBCs, how often, and for what.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ControllerSetting, Scenario};
use crate::feeder::Named;

impl Scenario {
    /// Its S-PBCs, by name.
    pub(in crate::scenario) fn supervisors(&self) -> impl Iterator<Item = (&String, &SupervisorySetting)> {
        self.controllers.iter().filter_map(|(name, setting)| match setting {
            ControllerSetting::Supervisory(own) => Some((name, own.as_ref())),
            _ => None,
        })
    }
}

/// S-PBC: finds the phasor targets of L-PBCs by optimisation on its own model of the network. It is a task beside the loop:
/// it takes what is known at one step, and what it finds arrives `latency_s` later.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SupervisorySetting {
    /// The law.
    pub law: SupervisoryLaw,
    /// Time from one plan to the next in s, a whole number of steps.
    pub every_s: f64,
    /// Time from what a plan is made of to its arrival in s: a whole number of steps, at least one; one when not given.
    #[serde(default)]
    pub latency_s: Option<f64>,
    /// The L-PBCs whose targets it gives.
    #[serde(default)]
    pub targets: Vec<String>,
    /// The devices that it plans with; those of its L-PBCs, and of the zones below, when not given.
    #[serde(default)]
    pub actuators: Option<Vec<String>>,
    /// Command the planned power itself, in place of targets: optimal power flow with fixed powers, to compare with.
    #[serde(default)]
    pub dispatch: bool,
    /// The S-PBC of the zone around this one, which gives the set-point of its head.
    #[serde(default)]
    pub above: Option<String>,
    /// The line or transformer through whose first terminal its zone is fed; the sources when not given.
    #[serde(default)]
    pub head: Option<String>,
    /// What is minimised.
    #[serde(default)]
    pub objectives: ObjectivesSetting,
    /// Least and most voltage magnitude at every node, per unit; no limit when not given.
    #[serde(default)]
    pub limits_pu: Option<[f64; 2]>,
    /// Whether no branch may carry more than its rating.
    #[serde(default)]
    pub ampacity: bool,
    /// What it does with the batteries of the devices that it plans with, by device. It keeps their limits whether they stand
    /// here or not.
    #[serde(default)]
    pub storage: Named<PlannedStorageSetting>,
    /// How far it looks ahead; one step of `every_s` when not given.
    #[serde(default)]
    pub horizon: HorizonSetting,
    /// What of an L-PBC lets it plan at once.
    #[serde(default = "all")]
    pub retarget_on: Vec<RetargetSetting>,
    /// Part of their limits that actuators of a saturated L-PBC are planned with, until a plan needs less.
    #[serde(default = "usual_derate")]
    pub derate: f64,
    /// Least time in s from a plan to one that is made at once.
    #[serde(default = "two")]
    pub min_interval_s: f64,
    /// The linear model of its program.
    #[serde(default)]
    pub linearisation: LinearisationSetting,
    /// With `lindist3flow`: the bus at the root of its tree; that of the first reference node when not given.
    #[serde(default)]
    pub root: Option<String>,
    /// The controller's own feeder file, which may be wrong; the scenario's when not given. It knows no loads that events
    /// add: their effect is what is measured beside the model.
    #[serde(default)]
    pub model: Option<String>,
    /// Base power of a phase in kVA, for weights; the largest rating of a phase of an actuator when not given.
    #[serde(default)]
    pub base_kva: Option<f64>,
}

fn all() -> Vec<RetargetSetting> {
    vec![RetargetSetting::Saturation, RetargetSetting::Failure, RetargetSetting::Variability]
}

const fn usual_derate() -> f64 {
    0.9
}

const fn two() -> f64 {
    2.0
}

/// Name of the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SupervisoryLaw {
    /// Supervisory phasor-based control.
    SPbc,
}

/// A linear model of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinearisationSetting {
    /// The sensitivities of the last solution, whatever the network looks like.
    #[default]
    Sensitivities,
    /// LinDist3Flow, of a radial network; it knows neither losses nor currents.
    Lindist3flow,
}

/// What an L-PBC can fail of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetargetSetting {
    /// Its actuators are at their limits.
    Saturation,
    /// An actuator does not do what it is told.
    Failure,
    /// The network changes faster than it can follow.
    Variability,
}

/// Weights of what is minimised, all added up. Magnitudes are per unit, angles in rad, powers per base power of a phase.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectivesSetting {
    /// The power into the zone should be this, all phases together.
    #[serde(default)]
    pub track_head: Option<HeadSetting>,
    /// Magnitudes of the phases of a bus should be alike: weights by bus.
    #[serde(default)]
    pub balance: Named<f64>,
    /// Phasors of performance nodes should be these, by L-PBC.
    #[serde(default)]
    pub phasors: Named<WantedSetting>,
    /// Phasors at both ends of an open line should be alike, that it may be closed: weights by line.
    #[serde(default, rename = "match")]
    pub matching: Named<f64>,
    /// Losses.
    #[serde(default)]
    pub losses: f64,
    /// Targets should stay as they are.
    #[serde(default)]
    pub volatility: f64,
    /// Powers should stay as they are from step to step.
    #[serde(default)]
    pub movement: f64,
    /// Regulators should have no cause to move: the voltage that they hold is at the centre of their band. Those with
    /// line-drop compensation are left out.
    #[serde(default)]
    pub taps: f64,
    /// Actuators should do little.
    #[serde(default = "little")]
    pub effort: f64,
    /// Price of energy per kWh: of each device's, and of what comes through the `head`.
    #[serde(default)]
    pub cost: Named<f64>,
}

const fn little() -> f64 {
    1e-6
}

impl Default for ObjectivesSetting {
    fn default() -> Self {
        Self {
            track_head: None,
            balance: Named::new(),
            phasors: Named::new(),
            matching: Named::new(),
            losses: 0.0,
            volatility: 0.0,
            movement: 0.0,
            taps: 0.0,
            effort: little(),
            cost: Named::new(),
        }
    }
}

const fn one() -> f64 {
    1.0
}

/// Power through the head of a zone; what is not given is free.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadSetting {
    /// Active power into the zone in kW.
    #[serde(default)]
    pub p_kw: Option<f64>,
    /// Reactive power into the zone in kvar.
    #[serde(default)]
    pub q_kvar: Option<f64>,
    /// The weight.
    #[serde(default = "one")]
    pub weight: f64,
}

/// Where the phasors of a performance node should be, phase by phase.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedSetting {
    /// Magnitudes per unit.
    pub v_pu: Vec<f64>,
    /// Angles ahead of the reference node's phases of the same name, in degrees.
    pub angle_deg: Vec<f64>,
    /// The weight.
    #[serde(default = "one")]
    pub weight: f64,
}

/// A battery in a plan.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedStorageSetting {
    /// State of charge in percent that plans stay within; the battery's own band when not given.
    #[serde(default)]
    pub band_percent: Option<[f64; 2]>,
    /// State of charge in percent that there is at least at the end of the horizon.
    #[serde(default)]
    pub end_percent: Option<f64>,
    /// Cost of each kWh that goes into the battery or comes out of it: wear.
    #[serde(default)]
    pub wear_per_kwh: f64,
    /// What each kWh in the battery is worth at the end of the horizon.
    #[serde(default)]
    pub end_value_per_kwh: f64,
}

/// What is foreseen. The first step is the present.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HorizonSetting {
    /// Steps.
    #[serde(default = "one_step")]
    pub steps: usize,
    /// Length of a step in s; `every_s` when not given.
    #[serde(default)]
    pub step_s: Option<f64>,
    /// Name of the profile that loads are expected to follow.
    #[serde(default)]
    pub profile: Option<String>,
    /// Or what they are expected to be multiplied by, step by step; the last one holds beyond.
    #[serde(default)]
    pub multipliers: Option<Vec<f64>>,
    /// Name of the profile by which the price of the `head` is multiplied.
    #[serde(default)]
    pub price_profile: Option<String>,
    /// Or what it is multiplied by, step by step; the last one holds beyond.
    #[serde(default)]
    pub price_multipliers: Option<Vec<f64>>,
}

const fn one_step() -> usize {
    1
}

impl Default for HorizonSetting {
    fn default() -> Self {
        Self { steps: 1, step_s: None, profile: None, multipliers: None, price_profile: None, price_multipliers: None }
    }
}

/// A layer above gives an S-PBC another set-point of its head; what is not given is free.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPointEvent {
    /// The S-PBC.
    pub of: String,
    /// Active power into its zone in kW.
    #[serde(default)]
    pub p_kw: Option<f64>,
    /// Reactive power into its zone in kvar.
    #[serde(default)]
    pub q_kvar: Option<f64>,
}
