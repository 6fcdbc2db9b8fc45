//! Phasor controllers at work.

pub(crate) mod model;

use super::grid::SetupError;
use super::plant::Node;
use crate::scenario::Plan;
use crate::signal::Line;

/// All phasor controllers of a plan.
pub(super) struct Phasors {}

impl Phasors {
    pub(super) fn new(plan: &Plan, _nodes: &[Node]) -> Result<Self, SetupError> {
        let _ = model::models(plan)?;
        Ok(Self {})
    }
    pub(super) fn set_target(&mut self, _c: usize, _v: Option<[f64; 3]>, _a: Option<[f64; 3]>) {}
    pub(super) fn line(&mut self, _c: usize) -> Option<&mut Line> {
        None
    }
}
