//! The curves of a run: before and after the loss that its scenario names, with the points at which the run itself stood.
//!
//! Curves are those of the feeder as its file describes it, the loss apart: what events change on the way moves the points, not
//! the curves. A point's power is all that is drawn at the bus, devices included, so that what a controller injects there
//! counts against the load.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, OperatingPoint, Place, PvError, Question, Vary, study};
use crate::bench::{Bench, GridPlant, SetupError};
use crate::feeder::ControlMode;
use crate::quantity::{Complex, Tick, angle_deg};
use crate::scenario::{Branch, CurvesWanted, Plan};
use crate::solver::{Kind, NodeId, PowerFlow, Settings};

/// Share of the nose's power at which a lower branch ends.
const DOWN_TO: f64 = 0.05;

/// Curves with the points of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunCurves {
    /// The curves. Their own operating points are those of the feeder's file.
    pub curves: Answer,
    /// Where the run stood, in the order asked for.
    pub points: Vec<RunPoint>,
}

/// Where a run stood at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunPoint {
    /// Its name.
    pub name: String,
    /// When, in s since the start.
    pub at_s: f64,
    /// Whether the loss had happened: then its margin is to the nose of the curve after it.
    pub lost: bool,
    /// Power, voltage, margin; none where the step has no solution or nothing feeds the bus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<OperatingPoint>,
}

/// Why a run's curves cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RunCurvesError {
    /// There is no curve.
    #[error(transparent)]
    Curve(#[from] PvError),
    /// The run cannot be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

/// The curves that a plan asks for, if it does. Runs the plan once more to each point: nothing of the network's inside is
/// recorded.
///
/// # Errors
/// When a curve cannot be followed, or the plan cannot be set up.
pub fn of_run(plan: &Plan) -> Result<Option<RunCurves>, RunCurvesError> {
    let Some(wanted) = &plan.watch.curves else { return Ok(None) };
    let question = Question {
        at: wanted.at.clone(),
        vary: Vary::Added,
        q_per_p: None,
        constant_power: false,
        controls: plan.controls != ControlMode::Off,
        outage: wanted.outage.iter().map(|(name, _)| name.clone()).collect(),
        down_to: DOWN_TO,
        qv: false,
    };
    let curves = study(&plan.feeder, &question, Settings::default())?;
    let mut points = Vec::new();
    for (name, tick) in &wanted.points {
        let plant = Bench::new(plan)?.plant_after(*tick);
        points.push(point(plan, wanted, &curves, &plant, (name, *tick)));
    }
    Ok(Some(RunCurves { curves, points }))
}

fn point(
    plan: &Plan,
    wanted: &CurvesWanted,
    curves: &Answer,
    plant: &GridPlant,
    (name, tick): (&String, Tick),
) -> RunPoint {
    let flow = plant.power_flow();
    let lost = wanted.outage.as_ref().is_some_and(|(_, branch)| !in_service(flow, *branch));
    let nose_w = match &curves.post {
        Some(post) if lost => post.curve.nose.p_w,
        _ => curves.curve.nose.p_w,
    };
    let point = Place::find(flow, &wanted.at).ok().map(|place| {
        let of_nodes: Vec<Complex> = place.nodes.iter().map(|node| flow.voltage(*node)).collect();
        let (v, s) = (place.voltage(&of_nodes), drawn(flow, &place.nodes));
        let margin_percent = 100.0 * (nose_w - s.re) / nose_w;
        OperatingPoint { p_w: s.re, v_v: v.norm(), angle_deg: angle_deg(v), q_var: s.im, margin_percent }
    });
    let sound = |p: &OperatingPoint| p.p_w.is_finite() && p.v_v.is_finite();
    RunPoint { name: name.clone(), at_s: plan.step.time_s(tick), lost, point: point.filter(sound) }
}

fn in_service(flow: &PowerFlow, branch: Branch) -> bool {
    let (kind, place) = match branch {
        Branch::Line(k) => (Kind::Line, k),
        Branch::Transformer(k) => (Kind::Transformer, k),
        Branch::Reactor(k) => (Kind::Reactor, k),
    };
    flow.grid().id(kind, place).is_some_and(|id| flow.in_service(id))
}

/// What all loads, devices and generators at some nodes draw together in VA.
fn drawn(flow: &PowerFlow, nodes: &[NodeId]) -> Complex {
    let here = |k: &usize| {
        let own = flow.injection_nodes(*k);
        !own.is_empty() && own.iter().all(|node| nodes.contains(node))
    };
    (0..flow.injections()).filter(here).map(|k| flow.drawn(k)).sum()
}
