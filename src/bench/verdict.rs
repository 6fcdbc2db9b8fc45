//! What an expectation of the scenario came to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an expectation of the scenario came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Its name in the scenario, or what it says in words.
    pub expectation: String,
    /// Whether it holds.
    pub passed: bool,
    /// The quantity it is about, with its unit as the last part; `None` where it is about the run as a whole.
    pub quantity: Option<String>,
    /// The measured value at the worst point, in the quantity's unit; `None` when there is nothing to measure.
    pub measured: Option<f64>,
    /// The limit that the measured value is held against, in the same unit.
    pub limit: Option<f64>,
    /// Time of the worst point, in s since the start.
    pub at_s: Option<f64>,
    /// Place of the worst point: the node or element, where the quantity ranges over several.
    pub place: Option<String>,
    /// One sentence that a person reads first when it failed.
    pub reason: String,
}

impl Verdict {
    /// Nothing holds of a run that was stopped.
    pub(super) fn undecided(&mut self, at_s: f64) {
        let said = if self.passed { "it held until then" } else { self.reason.as_str() };
        self.reason = format!("the run was stopped at {at_s} s: {said}");
        self.passed = false;
    }

    /// Why an expectation about the baseline fails where there is none.
    pub const NO_BASELINE: &str = "there is no baseline: `phasorbench verify SCENARIO --bless` makes one";
}
