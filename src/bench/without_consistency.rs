//! In place of checks of phasor data where the program is built without `optimise`, whose model of the network they share: a
//! plan that has one is refused.

use super::equipment::Equipment;
use super::grid::SetupError;
use super::phasor::Phasors;
use super::plant::Plant;
use crate::diagnostic::Diagnostic;
use crate::quantity::Tick;
use crate::scenario::{Branch, Plan};

/// What it cannot do is said at set-up.
pub(super) const fn examine(_: &Plan) -> Vec<Diagnostic> {
    Vec::new()
}

pub(super) struct Checks;

impl Checks {
    pub(super) fn new(plan: &Plan) -> Result<Self, SetupError> {
        match plan.equipment.checks.first() {
            None => Ok(Self),
            Some(own) => Err(SetupError::Controller {
                name: own.name.clone(),
                error: "this program is built without optimisation".to_owned(),
            }),
        }
    }

    pub(super) fn switched(&mut self, _: Branch, _: bool) {}

    pub(super) fn look(&mut self, _: Tick, _: &Equipment, _: f64, _: &impl Plant, _: &mut Phasors, _: &mut [f64]) {}
}
