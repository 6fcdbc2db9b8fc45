//! Energy behind a device: what a battery is, as written.

use schemars::JsonSchema;
use serde::Deserialize;

/// The battery behind a device; behind each unit of an inverter, one. Power at its terminals is injected positive: charging
/// stores `charge_efficiency` of what is drawn, discharging takes what is injected, divided by `discharge_efficiency`. At its
/// ends its power stops by itself.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatterySetting {
    /// Energy when full, in kWh: of a device of mere power, or of one unit of an inverter.
    pub energy_kwh: f64,
    /// State of charge at the start in percent.
    #[serde(default = "half")]
    pub soc_percent: f64,
    /// State of charge in percent below which it does not discharge and above which it does not charge.
    #[serde(default = "whole_band")]
    pub band_percent: [f64; 2],
    /// Efficiency of one way in percent.
    #[serde(default = "good")]
    pub efficiency_percent: f64,
    /// Efficiency of charging in percent; `efficiency_percent` when not given.
    #[serde(default)]
    pub charge_efficiency_percent: Option<f64>,
    /// Efficiency of discharging in percent; `efficiency_percent` when not given.
    #[serde(default)]
    pub discharge_efficiency_percent: Option<f64>,
    /// What it loses all the time, in W of what is stored; nothing at its lower end.
    #[serde(default)]
    pub idle_w: f64,
}

fn half() -> f64 {
    50.0
}

fn whole_band() -> [f64; 2] {
    [10.0, 90.0]
}

fn good() -> f64 {
    95.0
}
