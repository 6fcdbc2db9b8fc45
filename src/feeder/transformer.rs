//! Transformers of any number of phases and windings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Terminal, defaults as d};

/// How a three-phase element or a winding is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// Phase to neutral.
    #[default]
    Wye,
    /// Phase to phase.
    Delta,
}

/// Which way a delta–wye transformer turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseShift {
    /// Low voltage lags by 30 degrees (ANSI, Dyn1).
    #[default]
    Lag,
    /// Low voltage leads by 30 degrees (Dyn11).
    Lead,
}

/// A transformer. Per-unit values are on the first winding's power.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transformer {
    /// Number of phases.
    #[serde(default = "d::three_phases", skip_serializing_if = "d::is_three_phases")]
    pub phases: usize,
    /// The windings; the first is the primary.
    pub windings: Vec<Winding>,
    /// Short-circuit reactances in percent on the first winding's power, by winding pair: 1-2, 1-3, 2-3, …
    pub x_percent: Vec<f64>,
    /// No-load loss in percent of the rated power.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub no_load_loss_percent: f64,
    /// Magnetising current in percent of the rated current.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub magnetizing_percent: f64,
    /// Tiny susceptance at each winding end that keeps a floating winding solvable, in ppm of the rated admittance.
    #[serde(default = "d::one", skip_serializing_if = "d::is_one")]
    pub anti_float_ppm: f64,
    /// Which way a delta–wye transformer turns.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub phase_shift: PhaseShift,
    /// Resistances grow with frequency as reactances do (OpenDSS's `XRConst`); constant otherwise.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub constant_x_over_r: bool,
    /// Bank that single-phase units belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<String>,
    /// Out of service at the start.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub open: bool,
    /// Normal rating in kVA, all phases, that counts as a loading of 100 %; the windings' rated power when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal_kva: Option<f64>,
    /// Emergency rating in kVA, all phases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_kva: Option<f64>,
}

/// One winding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Winding {
    /// Where it is connected. A wye winding's neutral is the node after its phases (ground when not written).
    pub bus: Terminal,
    /// Connection.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub connection: Connection,
    /// Rated voltage in kV: line-to-line for 2 and 3 phases, across the winding for one.
    pub v_kv: f64,
    /// Rated power in kVA, all phases.
    pub s_kva: f64,
    /// Resistance in percent, on the first winding's power.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub r_percent: f64,
    /// Tap, per unit of the rated turns.
    #[serde(default = "d::one", skip_serializing_if = "d::is_one")]
    pub tap_pu: f64,
    /// Lowest tap.
    #[serde(default = "d::pu_0_9", skip_serializing_if = "d::is_pu_0_9")]
    pub tap_min_pu: f64,
    /// Highest tap.
    #[serde(default = "d::pu_1_1", skip_serializing_if = "d::is_pu_1_1")]
    pub tap_max_pu: f64,
    /// Steps between lowest and highest tap.
    #[serde(default = "d::taps_32", skip_serializing_if = "d::is_taps_32")]
    pub tap_steps: u32,
    /// Resistance in ohm from the neutral to ground; without it the neutral is as the terminal says. 0 is solid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neutral_r_ohm: Option<f64>,
    /// Reactance in ohm from the neutral to ground.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub neutral_x_ohm: f64,
}
