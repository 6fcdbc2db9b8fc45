//! Sources that follow a real PMU: each phase of the source is turned and stretched until the node of the PMU has the phasor
//! that was measured.
//!
//! ```text
//! E ← E · (1 + g · (T / V − 1))
//! ```
//!
//! with T the measured phasor and V the solution at the PMU's node, at each step with a reading that is valid and in step with
//! its clock. With g = ½ an error halves each step at the source's own bus, and what is the same in all phases does behind a
//! transformer too; an unbalance behind one in delta, where a phase's voltage is two phases' doing, shrinks by √¾ a step (with
//! g = 1 it would go round for ever). What is farther off than [`FARTHEST_PU`] is not followed: the source stays.

use crate::bench::equipment::Equipment;
use crate::bench::plant::{Node, Plant};
use crate::bench::state::Sources;
use crate::quantity::{Complex, phasor};
use crate::scenario::{Follow, Plan};

/// Farthest from nominal that a phasor's magnitude is followed, per unit.
const FARTHEST_PU: f64 = 0.3;

/// Part of the difference that a step takes away.
const GAIN: f64 = 0.5;

/// A source's phase: the place of its phasor among the PMU's channels, and of its node in the plant.
#[derive(Clone, Copy, Debug)]
struct Phase {
    channel: usize,
    node: usize,
    base_v: f64,
}

/// All sources that follow.
#[derive(Default)]
pub(in crate::bench) struct Follows(Vec<(Follow, Vec<Phase>)>);

impl Follows {
    pub(in crate::bench) fn new(plan: &Plan, nodes: &[Node]) -> Self {
        let phases = |own: &Follow| {
            let pmu = plan.equipment.instruments.get(own.instrument);
            let phase = |(k, of): (usize, &crate::scenario::NodeRef)| {
                let node = nodes.iter().position(|n| n.bus == of.bus && n.number == of.number)?;
                Some(Phase { channel: 2 * k, node, base_v: nodes.get(node)?.base_v })
            };
            pmu.map(|pmu| pmu.nodes.iter().enumerate().filter_map(phase).collect()).unwrap_or_default()
        };
        Self(plan.equipment.follows.iter().map(|own| (*own, phases(own))).collect())
    }

    /// Before a tick is solved: sources go to what has been measured.
    pub(in crate::bench) fn step(&self, equipment: &Equipment, sources: &mut Sources, plant: &mut impl Plant) {
        for (own, phases) in &self.0 {
            let Some(frame) = equipment.reading(own.instrument).filter(|frame| frame.sequence > 0) else { continue };
            let in_step = frame.channels().last().is_some_and(|sync| sync.valid && sync.value > 0.5);
            for (phase, at) in phases.iter().enumerate().filter(|_| in_step) {
                let (size, angle) = (frame.get(at.channel), frame.get(at.channel + 1));
                let v = plant.voltages().get(at.node).copied().unwrap_or_default() / at.base_v;
                let near = (size.value - 1.0).abs() <= FARTHEST_PU && v.norm() > 1.0 - 2.0 * FARTHEST_PU;
                if size.valid && angle.valid && near {
                    let turn: Complex = (phasor(size.value, angle.value) / v - 1.0) * GAIN + 1.0;
                    sources.turn(own.source, phase, turn, plant);
                }
            }
        }
    }
}
