//! Multiplier sequences over time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Multipliers over time, repeated after the last.
///
/// With a fixed `interval_s`, the value at time t (s) is that of point round(t/interval) (1-based, as in OpenDSS: the
/// first point holds at t = interval); with `at_s`, values are interpolated linearly between points.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Time between points in s; excludes `at_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_s: Option<f64>,
    /// Time of each point in s; excludes `interval_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_s: Option<Vec<f64>>,
    /// Multipliers of active power.
    pub p: Vec<f64>,
    /// Multipliers of reactive power; those of active power when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<Vec<f64>>,
    /// The values are powers in kW and kvar, not multipliers.
    #[serde(default, skip_serializing_if = "super::defaults::is_no")]
    pub actual: bool,
}
