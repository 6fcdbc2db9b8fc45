//! Voltage regulator and capacitor controls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults as d;

/// Which phase of several a control looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", expecting = "expected a phase's number, max, min or average")]
pub enum Phases {
    /// The phase with the largest value.
    Max,
    /// The phase with the smallest value.
    Min,
    /// The mean of all phases (capacitor controls).
    Average,
    /// The first conductor of the terminal, the second, … (1-based).
    #[serde(untagged)]
    Number(usize),
}

impl Default for Phases {
    fn default() -> Self {
        Self::Number(1)
    }
}

/// A tap changer's control. Voltages are on the secondary of the potential transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Regulator {
    /// The transformer it controls.
    pub transformer: String,
    /// Number of the winding whose voltage it holds and whose tap it moves (1-based).
    pub winding: usize,
    /// Number of the winding whose tap it moves, if not `winding`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tap_winding: Option<usize>,
    /// Voltage it holds in V.
    #[serde(default = "d::vreg_v", skip_serializing_if = "d::is_vreg_v")]
    pub v_v: f64,
    /// Width of the band around it in V.
    #[serde(default = "d::three", skip_serializing_if = "d::is_three")]
    pub band_v: f64,
    /// Ratio of the potential transformer.
    #[serde(default = "d::sixty", skip_serializing_if = "d::is_sixty")]
    pub pt_ratio: f64,
    /// Primary rating of the current transformer in A.
    #[serde(default = "d::three_hundred", skip_serializing_if = "d::is_three_hundred")]
    pub ct_primary_a: f64,
    /// Line-drop compensator resistance in V at the current transformer's rating.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub ldc_r_v: f64,
    /// Line-drop compensator reactance in V at the current transformer's rating.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub ldc_x_v: f64,
    /// Bus and node whose voltage it holds, if not the winding's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_bus: Option<super::Terminal>,
    /// Ratio of the potential transformer at `remote_bus`; `pt_ratio` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_pt_ratio: Option<f64>,
    /// Phase whose voltage it holds, of a multi-phase winding.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub phase: Phases,
    /// Highest voltage allowed at the winding in V; 0 for none.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub v_limit_v: f64,
    /// Time out of band before it acts, in s.
    #[serde(default = "d::fifteen", skip_serializing_if = "d::is_fifteen")]
    pub delay_s: f64,
    /// Time between further taps, in s.
    #[serde(default = "d::two", skip_serializing_if = "d::is_two")]
    pub tap_delay_s: f64,
    /// The delay shrinks with the distance from the band.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub inverse_time: bool,
    /// Most taps in one action of a static solution; 0 locks the regulator.
    #[serde(default = "d::taps_16", skip_serializing_if = "d::is_taps_16")]
    pub max_tap_change: u32,
}

/// What a capacitor control measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CapacitorSignal {
    /// Current in A at the current transformer's secondary.
    #[default]
    Current,
    /// Voltage in V at the potential transformer's secondary.
    Voltage,
    /// Reactive power in kvar.
    Kvar,
    /// Time of day in h.
    Time,
    /// Power factor; leading is counted above 1 (1.05 is 0.95 leading).
    PowerFactor,
}

/// A capacitor bank's control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CapacitorControl {
    /// The bank it switches.
    pub capacitor: String,
    /// The element it measures, as `line.650632`, `transformer.sub`, …
    pub element: String,
    /// Terminal of that element (1-based).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub terminal: usize,
    /// What it measures.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub signal: CapacitorSignal,
    /// Ratio of the potential transformer.
    #[serde(default = "d::sixty", skip_serializing_if = "d::is_sixty")]
    pub pt_ratio: f64,
    /// Ratio of the current transformer.
    #[serde(default = "d::sixty", skip_serializing_if = "d::is_sixty")]
    pub ct_ratio: f64,
    /// It switches on at this value (above it for current, kvar; below it for voltage; at it for time).
    pub on: f64,
    /// It switches off at this value.
    pub off: f64,
    /// Time before it switches on, in s.
    #[serde(default = "d::fifteen", skip_serializing_if = "d::is_fifteen")]
    pub delay_s: f64,
    /// Time before it switches off, in s.
    #[serde(default = "d::fifteen", skip_serializing_if = "d::is_fifteen")]
    pub delay_off_s: f64,
    /// Time after an opening before it may close again, in s.
    #[serde(default = "d::three_hundred", skip_serializing_if = "d::is_three_hundred")]
    pub dead_time_s: f64,
    /// Voltage overrides the other signal.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub voltage_override: bool,
    /// Override: on below this voltage in V at the potential transformer's secondary.
    #[serde(default = "d::on_v", skip_serializing_if = "d::is_on_v")]
    pub v_min_v: f64,
    /// Override: off above this voltage in V.
    #[serde(default = "d::off_v", skip_serializing_if = "d::is_off_v")]
    pub v_max_v: f64,
    /// Bus whose voltage overrides, if not the element's terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_bus: Option<String>,
    /// Phase of the current it measures.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub ct_phase: Phases,
    /// Phase of the voltage it measures.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub pt_phase: Phases,
}

fn one() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_one(x: &usize) -> bool {
    *x == 1
}
