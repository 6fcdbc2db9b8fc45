//! Capacitor banks and reactors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Connection, Matrix, Terminal, defaults as d};

/// A capacitor bank, shunt unless `to` is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capacitor {
    /// Where it stands.
    pub bus: Terminal,
    /// Its other end: the neutral of a wye bank (ground when not given), or a second bus for a series capacitor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Terminal>,
    /// Number of phases.
    #[serde(default = "d::three_phases", skip_serializing_if = "d::is_three_phases")]
    pub phases: usize,
    /// Connection.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub connection: Connection,
    /// Rated voltage in kV: line-to-line for 2 and 3 phases, across the can for one.
    pub v_kv: f64,
    /// Rated reactive power of each step in kvar, all phases.
    pub q_kvar: Vec<f64>,
    /// Series resistance of each step in ohm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub r_ohm: Vec<f64>,
    /// Series reactance of each step in ohm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub x_ohm: Vec<f64>,
    /// Whether each step is closed; all when not given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<bool>,
}

/// A reactor: in series between `bus` and `to`, or shunt without `to`. Its impedance is one of: `r_ohm` and `x_ohm` per
/// phase, `q_kvar` with `v_kv`, sequence impedances, or matrices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reactor {
    /// Terminal 1.
    pub bus: Terminal,
    /// Terminal 2; ground (wye) when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Terminal>,
    /// Number of phases.
    #[serde(default = "d::three_phases", skip_serializing_if = "d::is_three_phases")]
    pub phases: usize,
    /// Connection of a shunt reactor.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub connection: Connection,
    /// Resistance per phase in ohm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r_ohm: Option<f64>,
    /// Reactance per phase in ohm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_ohm: Option<f64>,
    /// Resistance in parallel with the whole branch in ohm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel_ohm: Option<f64>,
    /// R and X are in parallel instead of in series.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub parallel: bool,
    /// Rated reactive power in kvar, all phases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q_kvar: Option<f64>,
    /// Rated voltage in kV: line-to-line for 2 and 3 phases, across the coil for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v_kv: Option<f64>,
    /// Resistance matrix in ohm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r_matrix_ohm: Option<Matrix>,
    /// Reactance matrix in ohm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_matrix_ohm: Option<Matrix>,
    /// Positive-sequence impedance `[r, x]` in ohm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z1_ohm: Option<[f64; 2]>,
    /// Negative-sequence impedance `[r, x]` in ohm; the positive when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z2_ohm: Option<[f64; 2]>,
    /// Zero-sequence impedance `[r, x]` in ohm; the positive when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z0_ohm: Option<[f64; 2]>,
    /// Normal ampacity in A.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal_a: Option<f64>,
    /// Emergency ampacity in A.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_a: Option<f64>,
}
