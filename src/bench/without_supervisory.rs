//! In place of S-PBC where the program is built without `optimise`: a plan that has one is refused.

use super::equipment::Equipment;
use super::grid::SetupError;
use super::phasor::Phasors;
use super::plant::Plant;
use crate::quantity::Tick;
use crate::scenario::{Branch, Plan};

pub(super) struct Supervisors;

impl Supervisors {
    pub(super) fn new(plan: &Plan) -> Result<Self, SetupError> {
        match plan.equipment.supervisors.first() {
            None => Ok(Self),
            Some(own) => Err(SetupError::Controller {
                name: own.name.clone(),
                error: "this program is built without optimisation".to_owned(),
            }),
        }
    }

    pub(super) fn set_head(&mut self, _: usize, _: Option<f64>, _: Option<f64>) {}

    pub(super) fn switched(&mut self, _: Branch, _: bool) {}

    pub(super) fn set_lost(&mut self, _: usize, _: bool) {}

    pub(super) fn set_extra(&mut self, _: usize, _: u64) {}

    pub(super) fn deliver(&mut self, _: Tick, _: &mut Phasors, _: &mut Equipment) {}

    pub(super) fn control(&mut self, _: Tick, _: &Phasors, _: &Equipment, _: f64, _: &impl Plant, _: &mut [f64]) {}
}
