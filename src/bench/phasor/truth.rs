//! How far the phasors of the plant are from a controller's targets, whatever its instruments say.

use super::model::node_of;
use super::wrapped_deg;
use crate::bench::plant::Node;
use crate::control::phasor::MOST_PHASES;
use crate::quantity::Complex;
use crate::scenario::{Observed, Phasor, Plan};

/// Places of both nodes' phases in the plant.
pub(super) struct Truth {
    /// Performance and reference node, and the base of the first.
    phases: Vec<([usize; 2], f64)>,
}

impl Truth {
    pub(super) fn new(plan: &Plan, phasor: &Phasor, nodes: &[Node]) -> Self {
        let place = |observed: &Observed, k: usize| {
            let node = node_of(plan, observed, observed.channels.get(k)?[0])?;
            nodes.iter().position(|own| own.bus == node.bus && own.number == node.number)
        };
        let phase = |k: usize| {
            let places = [place(&phasor.performance, k)?, place(&phasor.reference, k)?];
            Some((places, nodes.get(places[0])?.base_v))
        };
        Self { phases: (0..phasor.phases.len()).filter_map(phase).collect() }
    }

    /// Largest errors of a magnitude per unit and of an angle in degrees.
    pub(super) fn error(&self, target: &[[f64; MOST_PHASES]; 2], voltages: &[Complex]) -> [f64; 2] {
        let mut worst = [f64::NAN; 2];
        for (k, ([own, reference], base_v)) in self.phases.iter().enumerate() {
            let (Some(v), Some(w)) = (voltages.get(*own), voltages.get(*reference)) else { continue };
            let [v_pu, angle_deg] = [target[0][k], target[1][k]];
            worst[0] = worst[0].max((v_pu - v.norm() / base_v).abs());
            worst[1] = worst[1].max(wrapped_deg(angle_deg - (v * w.conj()).arg().to_degrees()).abs());
        }
        worst
    }
}
