//! Voltage sources.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HarmonicSequence, Terminal, defaults as d};

/// A voltage behind an impedance. Give the impedance as short-circuit powers (`mvasc3`, `mvasc1`), short-circuit
/// currents (`isc3_a`, `isc1_a`), ohms (`r1_ohm` …) or `ideal: true`; without any, 2000 and 2100 MVA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Where it stands.
    pub bus: Terminal,
    /// Its return; ground when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_bus: Option<Terminal>,
    /// Number of phases.
    #[serde(default = "d::three_phases", skip_serializing_if = "d::is_three_phases")]
    pub phases: usize,
    /// Nominal voltage in kV: line-to-line, or across its terminals for one phase.
    pub v_kv: f64,
    /// Magnitude per unit of `v_kv`.
    #[serde(default = "d::one", skip_serializing_if = "d::is_one")]
    pub v_pu: f64,
    /// Angle of the first phase in degrees; phases follow at -360/n degrees.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub angle_deg: f64,
    /// No impedance at all: the bus is held exactly.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub ideal: bool,
    /// Three-phase short-circuit power in MVA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mvasc3: Option<f64>,
    /// Single-phase short-circuit power in MVA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mvasc1: Option<f64>,
    /// Three-phase short-circuit current in A.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isc3_a: Option<f64>,
    /// Single-phase short-circuit current in A.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isc1_a: Option<f64>,
    /// X1/R1, with short-circuit powers or currents.
    #[serde(default = "d::four", skip_serializing_if = "d::is_four")]
    pub x1_over_r1: f64,
    /// X0/R0, with short-circuit powers or currents.
    #[serde(default = "d::three", skip_serializing_if = "d::is_three")]
    pub x0_over_r0: f64,
    /// Positive-sequence resistance in ohm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r1_ohm: Option<f64>,
    /// Positive-sequence reactance in ohm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x1_ohm: Option<f64>,
    /// Zero-sequence resistance in ohm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r0_ohm: Option<f64>,
    /// Zero-sequence reactance in ohm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x0_ohm: Option<f64>,
    /// Negative-sequence resistance in ohm, where it differs from the positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r2_ohm: Option<f64>,
    /// Negative-sequence reactance in ohm, where it differs from the positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x2_ohm: Option<f64>,
    /// Name of its spectrum; order 1 only when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectrum: Option<String>,
    /// How the phases follow each other at orders other than 1.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub harmonic_sequence: HarmonicSequence,
}
