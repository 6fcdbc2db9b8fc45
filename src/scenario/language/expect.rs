//! Expectations: what must be true of a run.

use schemars::JsonSchema;
use serde::Deserialize;

/// Something that must be true of the run: exactly one of the keys that say what, as in
/// `{always: feeder.v_max_pu, below: 1.05}`, and a limit where it needs one.
///
/// A limit is one of `below`, `above`, `within` and `equals`, in the quantity's unit. A window (`from_s`, `until_s`)
/// includes both its ends; it is the whole run when not given. Steps at which the quantity does not exist (an angle
/// difference of dead nodes, a step without a solution) are passed over; without any value in its window an expectation
/// fails. A node that nothing feeds has a voltage: 0.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Its name in the results; what it says when not given.
    #[serde(default)]
    pub name: Option<String>,
    /// A quantity that is as the limit says at every step of the window. `phasorbench quantities SCENARIO` lists them.
    #[serde(default)]
    pub always: Option<String>,
    /// A quantity that is at no step of the window as the limit says.
    #[serde(default)]
    pub never: Option<String>,
    /// A quantity that is as the limit says at some step of the window.
    #[serde(default)]
    pub sometime: Option<String>,
    /// A quantity whose mean over the steps of the window is as the limit says.
    #[serde(default)]
    pub mean: Option<String>,
    /// A quantity that is as the limit says at the last step.
    #[serde(default)]
    pub at_end: Option<String>,
    /// A quantity that is as the limit says at one step: `at_s`.
    #[serde(default)]
    pub value: Option<String>,
    /// A quantity that stays within `band` of its final value, or of `to`, from `within_s` after `after_s` on, until
    /// `until_s` or the end. It must exist at every step of that time.
    #[serde(default)]
    pub settles: Option<String>,
    /// A quantity that steps at `after_s` and goes beyond its final value (at `until_s` or the end) by less than `below`,
    /// in its unit, or `below_percent` of the step from the value before.
    #[serde(default)]
    pub overshoot: Option<String>,
    /// Steps have a solution: `every_step`, or `not_every_step` where a collapse is what must happen. Without this key,
    /// every step must have one.
    #[serde(default)]
    pub converges: Option<Convergence>,
    /// A quantity whose lowest, highest, mean and final value are those of the committed baseline, within `tolerance`.
    #[serde(default)]
    pub equals_baseline: Option<String>,
    /// A regulator, or `all` of them together, that moves `at_most` so many taps.
    #[serde(default)]
    pub tap_operations: Option<String>,
    /// A capacitor bank, or `all` of them together, that switches `at_most` so many steps.
    #[serde(default)]
    pub capacitor_operations: Option<String>,
    /// Buses or nodes (`675`, `675.1`) that have a voltage at the last step, all of their phases.
    #[serde(default)]
    pub ends_energised: Option<Vec<String>>,
    /// Buses or nodes that nothing feeds at the last step, none of their phases.
    #[serde(default)]
    pub ends_de_energised: Option<Vec<String>>,
    /// Something that a condition sets off, in the words of the results (`open 671692`, `reclose 671692`), happens: at
    /// least once, or exactly `times` times.
    #[serde(default)]
    pub happens: Option<String>,
    /// Limit: less than this.
    #[serde(default)]
    pub below: Option<f64>,
    /// Limit: more than this.
    #[serde(default)]
    pub above: Option<f64>,
    /// Limit: from the first to the second, both included.
    #[serde(default)]
    pub within: Option<[f64; 2]>,
    /// Limit: this, give or take `tolerance`.
    #[serde(default)]
    pub equals: Option<f64>,
    /// With `equals` and `equals_baseline`: largest difference, in the quantity's unit.
    #[serde(default)]
    pub tolerance: Option<f64>,
    /// Start of the window in s: on a step.
    #[serde(default)]
    pub from_s: Option<f64>,
    /// End of the window in s: on a step.
    #[serde(default)]
    pub until_s: Option<f64>,
    /// With `value`: when, in s, on a step.
    #[serde(default)]
    pub at_s: Option<f64>,
    /// With `settles` and `overshoot`: the time in s of what disturbs the quantity.
    #[serde(default)]
    pub after_s: Option<f64>,
    /// With `settles`: time that it may take, in s.
    #[serde(default)]
    pub within_s: Option<f64>,
    /// With `settles`: largest distance, in the quantity's unit.
    #[serde(default)]
    pub band: Option<f64>,
    /// With `settles`: the value, in place of the final one.
    #[serde(default)]
    pub to: Option<f64>,
    /// With `overshoot`: less than this share of the step, in percent.
    #[serde(default)]
    pub below_percent: Option<f64>,
    /// With `tap_operations` and `capacitor_operations`: how many.
    #[serde(default)]
    pub at_most: Option<u64>,
    /// With `happens`: how often, exactly.
    #[serde(default)]
    pub times: Option<u32>,
}

/// Which steps have a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Convergence {
    /// All.
    EveryStep,
    /// Some have none.
    NotEveryStep,
}
