//! P–V and Q–V curves of a bus: how its voltage falls as its load grows, to the nose and past it, before and after the
//! loss of lines or transformers.
//!
//! Controls come to rest at the present load (or stay off) and are locked from there on, also after the loss: the curve is
//! of the minutes before they act. Everything else is the solver's full three-phase network. How the curve is followed:
//! `docs/models/continuation.md`.

mod curve;
mod error;
mod of_run;
mod place;
mod text;

pub use curve::study;
pub use error::PvError;
pub use of_run::{RunCurves, RunCurvesError, RunPoint, of_run};
pub(super) use place::Place;
pub use place::Reading;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::feeder::Terminal;

/// What load varies along a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Vary {
    /// A load of constant power added at the bus, beside those that are there.
    Added,
    /// The loads at the bus.
    Bus,
    /// All loads of the feeder that follow its load multiplier.
    Feeder,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Bus, and nodes unless all its phases are meant.
    pub at: Terminal,
    /// What varies.
    pub vary: Vary,
    /// Reactive power per active power of what varies; `None` is none for an added load, and their own for others.
    pub q_per_p: Option<f64>,
    /// Every load of the feeder draws constant power at every voltage.
    pub constant_power: bool,
    /// Whether controls come to rest at the present load.
    pub controls: bool,
    /// Lines and transformers that are lost, all together.
    pub outage: Vec<String>,
    /// Share of the nose's power at which the lower branch ends.
    pub down_to: f64,
    /// Whether the Q–V curve is wanted as well.
    pub qv: bool,
}

/// A voltage to ground.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeVoltage {
    /// Magnitude in V.
    pub v_v: f64,
    /// Angle in degrees.
    pub angle_deg: f64,
}

/// A point of a P–V curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PvPoint {
    /// Active power in W: of all loads at the nodes of the bus, or of all loads that vary.
    pub p_w: f64,
    /// Voltage in V: line-to-line (√3 times the positive sequence) of three phases, line-to-line of two nodes, to ground
    /// of one.
    pub v_v: f64,
    /// Angle of that voltage in degrees; of three phases, that of phase a's positive sequence to ground.
    pub angle_deg: f64,
    /// Reactive power in var of the same loads.
    pub q_var: f64,
    /// Whether it is past the nose.
    pub past_nose: bool,
    /// Each node's own voltage.
    pub nodes: IndexMap<String, NodeVoltage>,
}

/// A P–V curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PvCurve {
    /// From no load to the nose and down the lower branch.
    pub points: Vec<PvPoint>,
    /// Where the load that varies is the most that has a solution.
    pub nose: PvPoint,
    /// Whether that is a fold of the curve. Without one (loads that turn to impedances at low voltage) `nose` is the
    /// point of most power.
    pub fold: bool,
    /// Largest residual of any point's equations, per unit of about the nose's power.
    pub residual_pu: f64,
    /// Why the curve ends where it does, unless at the power asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_early: Option<String>,
}

/// A point at which the system may stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperatingPoint {
    /// Active power in W, as for a point of the curve.
    pub p_w: f64,
    /// Voltage in V, as for a point of the curve.
    pub v_v: f64,
    /// Its angle in degrees.
    pub angle_deg: f64,
    /// Reactive power in var.
    pub q_var: f64,
    /// How far its power is below the nose of its curve, in percent of the nose's.
    pub margin_percent: f64,
}

/// Where the system stands before a loss, after it, and after it with the bus's voltage phasors restored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperatingPoints {
    /// At the present load.
    pub a: OperatingPoint,
    /// After the loss, at the same load; none where there is no solution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<OperatingPoint>,
    /// After the loss, with each node of the bus brought back to A's voltage, magnitude and angle, by the load at the bus:
    /// the active and reactive power that it then draws, all nodes together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub c: Option<OperatingPoint>,
}

/// What is left after the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Post {
    /// What was lost.
    pub outage: Vec<String>,
    /// The curve after the loss.
    #[serde(flatten)]
    pub curve: PvCurve,
    /// Q–V curve after the loss, at the present load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qv: Option<QvCurve>,
}

/// A point of a Q–V curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QvPoint {
    /// Reactive power in var that must be injected at the bus, beside everything that is there.
    pub q_var: f64,
    /// Voltage in V, as for a point of a P–V curve.
    pub v_v: f64,
    /// Its angle in degrees.
    pub angle_deg: f64,
}

/// A Q–V curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QvCurve {
    /// From high voltage to low.
    pub points: Vec<QvPoint>,
    /// Where the injection is least.
    pub minimum: QvPoint,
    /// Whether that is a fold: below it there is no solution.
    pub fold: bool,
    /// Reactive power in var that can be drawn at the bus before there is no solution.
    pub margin_var: f64,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// Name of the feeder.
    pub feeder: String,
    /// Bus and nodes.
    pub at: String,
    /// What varies.
    pub vary: Vary,
    /// Which voltage `v_v` is.
    pub reading: Reading,
    /// Base of that voltage in V.
    pub base_v: f64,
    /// The curve with everything in service.
    #[serde(flatten)]
    pub curve: PvCurve,
    /// Margin of the present load in percent of the nose's power.
    pub margin_percent: f64,
    /// The curve after the loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post: Option<Post>,
    /// Where the system stands.
    pub operating_points: OperatingPoints,
    /// Q–V curve at the present load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qv: Option<QvCurve>,
}
