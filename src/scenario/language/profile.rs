//! Profiles: values over time.

use schemars::JsonSchema;
use serde::Deserialize;

/// Values over time, repeated after the last: multipliers (`p`, `q`) or powers (`p_kw`, `q_kvar`), every `interval_s`
/// or `at_s`, written here or in a CSV `file` whose header names its columns `t_s`, `p`, `q`, `p_kw`, `q_kvar`.
///
/// With `interval_s`, the value at clock time t is that of point round(t/interval), the first point standing at
/// t = interval and the last one at 0, too; with `interpolate`, `at_s` or a `t_s` column it is interpolated linearly.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// A CSV file, relative to the scenario; excludes values written here.
    #[serde(default)]
    pub file: Option<String>,
    /// Multipliers by a function of the clock; excludes everything else.
    #[serde(default)]
    pub function: Option<Function>,
    /// Time between points in s; excludes `at_s`.
    #[serde(default)]
    pub interval_s: Option<f64>,
    /// With `interval_s`: values are interpolated linearly, the first point standing at t = interval.
    #[serde(default)]
    pub interpolate: bool,
    /// Clock time of each point in s, increasing; excludes `interval_s`.
    #[serde(default)]
    pub at_s: Option<Vec<f64>>,
    /// Multipliers of active power.
    #[serde(default)]
    pub p: Option<Vec<f64>>,
    /// Multipliers of reactive power; those of active power when not given.
    #[serde(default)]
    pub q: Option<Vec<f64>>,
    /// Active power in kW, in place of multipliers.
    #[serde(default)]
    pub p_kw: Option<Vec<f64>>,
    /// Reactive power in kvar, with `p_kw`; at the load's own power factor when not given.
    #[serde(default)]
    pub q_kvar: Option<Vec<f64>>,
}

/// A multiplier of active and reactive power by a function of the clock time t.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Function {
    /// mean + amplitude · sin(2π · (t − start) / period).
    Sine(Sine),
    /// From one value to another, constant before and after.
    Ramp(Ramp),
    /// The positive half of a sine from sunrise to sunset of each day, 0 at night: a clear day.
    ClearDay(ClearDay),
    /// A new value every so many s, normally distributed, never below 0, by the scenario's seed.
    Random(RandomSteps),
}

/// mean + amplitude · sin(2π · (t − start) / period).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sine {
    /// The mean.
    #[serde(default = "one")]
    pub mean: f64,
    /// The amplitude; at most the mean.
    pub amplitude: f64,
    /// The period in s.
    pub period_s: f64,
    /// Clock time at which it rises through its mean, in s since midnight.
    #[serde(default)]
    pub start_s: f64,
}

/// From one value to another along a straight line.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// The value before.
    pub from: f64,
    /// The value after.
    pub to: f64,
    /// Clock time at which it begins, in s since midnight of the first day.
    pub start_s: f64,
    /// Clock time at which it ends.
    pub end_s: f64,
}

/// The positive half of a sine from sunrise to sunset.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClearDay {
    /// The value at noon.
    #[serde(default = "one")]
    pub peak: f64,
    /// Clock time of sunrise in s since midnight.
    pub sunrise_s: f64,
    /// Clock time of sunset in s since midnight.
    pub sunset_s: f64,
}

/// A new random value every so many s.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomSteps {
    /// The mean.
    #[serde(default = "one")]
    pub mean: f64,
    /// The standard deviation.
    pub sd: f64,
    /// Time between new values in s.
    pub every_s: f64,
}

fn one() -> f64 {
    1.0
}
