//! The operating point that is screened.

use crate::bench::{Bench, SetupError};
use crate::feeder::Feeder;
use crate::quantity::Tick;
use crate::scenario::Plan;
use crate::solver::{Grid, GridError, PowerFlow, Settings};

/// Loosest tolerance: results are good to 1e-8 pu, whatever a file asks of a single power flow.
const TOLERANCE_PU: f64 = 1e-9;

/// How cases of a feeder are solved.
pub fn settings(feeder: &Feeder) -> Settings {
    let default = Settings::default();
    let written = feeder.solve.tolerance_pu.map(|t| t.max(Settings::FLOOR_PU));
    Settings {
        tolerance_pu: written.map_or(TOLERANCE_PU, |t| t.min(TOLERANCE_PU)),
        max_iterations: feeder.solve.max_iterations.map_or(default.max_iterations, |n| n.max(default.max_iterations)),
        ..default
    }
}

/// A feeder as its file describes it: its taps, capacitor steps and load multiplier. Not solved yet.
///
/// # Errors
/// When it cannot be compiled.
pub fn of_feeder(feeder: &Feeder) -> Result<PowerFlow, GridError> {
    Ok(PowerFlow::new(Grid::compile(feeder)?, settings(feeder)))
}

/// A scenario's feeder as its first step finds it: what is set and has happened by then, and what loads draw. Not solved
/// yet.
///
/// # Errors
/// When it cannot be compiled.
pub fn of_plan(plan: &Plan) -> Result<PowerFlow, SetupError> {
    let mut flow = Bench::new(plan)?.plant_at(Tick(1)).into_power_flow();
    flow.settings = settings(&plan.feeder);
    Ok(flow)
}
