//! A tie switch that closes only while the phasors of its two sides match.

use schemars::JsonSchema;
use serde::Deserialize;

/// A gate for a tie: it watches PMUs at both sides, lets an L-PBC drive one side to the other's phasors, and closes the line
/// once they have matched for a while.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TieSetting {
    /// `close_tie`.
    pub law: TieLaw,
    /// The line or switch that it closes; open at the start.
    pub line: String,
    /// The PMUs at its two sides.
    pub sides: [String; 2],
    /// The PMU that both are relative to.
    pub reference: String,
    /// The L-PBC whose performance node is the first side: its target becomes the second side's phasors.
    #[serde(default)]
    pub follower: Option<String>,
    /// When it is wanted closed, in s since the start.
    #[serde(default)]
    pub from_s: f64,
    /// Largest difference of magnitudes on a phase per unit.
    #[serde(default = "window_pu")]
    pub v_pu: f64,
    /// Largest difference of angles on a phase in degrees.
    #[serde(default = "window_deg")]
    pub angle_deg: f64,
    /// Time in s for which both must hold: a whole number of steps.
    #[serde(default = "one_second")]
    pub hold_s: f64,
    /// Age in s up to which a measurement counts.
    #[serde(default = "one_second")]
    pub timeout_s: f64,
    /// Impedance around the loop that it closes, [R, X] in ohm of each phase: what the closing current is predicted by.
    #[serde(default = "milliohm")]
    pub z_ohm: [f64; 2],
}

const fn window_pu() -> f64 {
    0.005
}

const fn window_deg() -> f64 {
    0.5
}

const fn one_second() -> f64 {
    1.0
}

const fn milliohm() -> [f64; 2] {
    [0.001, 0.001]
}

/// The law of a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TieLaw {
    /// Close when phasors match.
    CloseTie,
}
