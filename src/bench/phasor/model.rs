//! What a phasor controller is told of the network: how the power of each actuator's phases moves the phasors that it
//! holds, computed on its own model – the scenario's feeder, or a file of its own, which may be wrong – as that stands after
//! the first step.
//!
//! Rows of a sensitivity are magnitudes (per unit of the node's base), then angles relative to the reference node (rad), of
//! the phases that are controlled; columns are active, then reactive power injected through the actuator's phases. By the
//! chain rule, d|V| = Re(conj(V)·dV)/|V| and dδ = Im(conj(V)·dV)/|V|², with dV from the factor at the solution.

use nalgebra::DMatrix;

use crate::bench::{Bench, GridPlant, Plant, SetupError};
use crate::feeder::Feeder;
use crate::quantity::{Complex, Tick, complex};
use crate::scenario::{Measure, NodeRef, Observed, Phasor, Plan};

/// Mean sensitivity that the base power of a phase is chosen to have: a law's usual numbers are made for that, which is
/// what 5000/3 kVA are to node 632 of the IEEE 13-node feeder.
const USUAL_SENSITIVITY: f64 = 0.1118;

/// What a controller knows of the network.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// Sensitivity of each actuator, per unit of `base_va`: 2n rows, a pair of columns for each of its phases.
    pub(crate) actuators: Vec<DMatrix<f64>>,
    /// Base power of a phase in VA.
    pub(crate) base_va: f64,
    /// The phasors that it holds at the model's solution: magnitudes per unit, then relative angles in rad.
    pub(crate) phasors: Vec<f64>,
}

/// Models of a plan's phasor controllers, in their order.
///
/// # Errors
/// When a controller's feeder cannot be compiled, or has no solution at the start.
pub(crate) fn models(plan: &Plan) -> Result<Vec<Model>, SetupError> {
    let mut own: Option<GridPlant> = None;
    let mut all = Vec::new();
    for phasor in &plan.equipment.phasors {
        let model = match &phasor.model {
            Some(feeder) => {
                let mut other = plan.clone();
                other.feeder = Feeder { faults: plan.feeder.faults.clone(), ..feeder.as_ref().clone() };
                model(&mut at_start(&other)?, plan, phasor)
            }
            None => {
                if own.is_none() {
                    own = Some(at_start(plan)?);
                }
                match &mut own {
                    Some(plant) => model(plant, plan, phasor),
                    None => None,
                }
            }
        };
        all.push(model.ok_or_else(|| SetupError::Controller {
            name: phasor.name.clone(),
            error: "its model has no solution at the start".to_owned(),
        })?);
    }
    Ok(all)
}

/// The plant of a plan after its first step, nobody controlling it.
fn at_start(plan: &Plan) -> Result<GridPlant, SetupError> {
    let mut bare = plan.clone();
    bare.equipment.seats.clear();
    bare.equipment.follows.clear();
    bare.equipment.phasors.clear();
    bare.equipment.supervisors.clear();
    bare.equipment.checks.clear();
    bare.equipment.controllers.clear();
    bare.equipment.mitigations.clear();
    bare.equipment.analysers.clear();
    bare.harmonics = None;
    bare.expectations.clear();
    bare.triggers.clear();
    bare.quantities.retain(|own| matches!(own.measure, Measure::Fixed(_) | Measure::Voltage(..)));
    // Places in the row have moved: nothing may refer to them.
    bare.equipment.instruments.clear();
    Ok(Bench::new(&bare)?.plant_after(Tick(1)))
}

/// `None` when a node is dead.
fn model(plant: &mut GridPlant, plan: &Plan, phasor: &Phasor) -> Option<Model> {
    let held = nodes_of(plant, plan, &phasor.performance)?;
    let firm = nodes_of(plant, plan, &phasor.reference)?;
    let columns = |plant: &mut GridPlant, device: usize, phases: &[[usize; 2]]| -> Option<DMatrix<f64>> {
        let nodes = device_nodes(plant, plan, device)?;
        let n = held.len();
        let mut b = DMatrix::zeros(2 * n, 2 * phases.len());
        for (k, &[_, own]) in phases.iter().enumerate() {
            let node = *nodes.get(own)?;
            for (column, s_va) in [(k, complex(1.0, 0.0)), (phases.len() + k, complex(0.0, 1.0))] {
                let dv = plant.voltage_per_power(node, s_va)?;
                for (row, (at, reference)) in held.iter().zip(&firm).enumerate() {
                    let [v_pu, angle] = at.change(&dv);
                    b[(row, column)] = v_pu;
                    b[(n + row, column)] = angle - reference.change(&dv)[1];
                }
            }
        }
        Some(b)
    };
    let mut actuators = Vec::new();
    for own in &phasor.actuators {
        actuators.push(columns(plant, own.device, &own.phases)? * phasor.setting.model_scale);
    }
    let base_va = phasor.setting.base_kva.map_or_else(|| usual_base_va(&actuators, phasor), |kva| kva * 1000.0);
    actuators.iter_mut().for_each(|b| *b *= base_va);
    let v = held.iter().map(|at| at.v_v.norm() / at.base_v);
    let angle = held.iter().zip(&firm).map(|(at, reference)| (at.v_v * reference.v_v.conj()).arg());
    Some(Model { actuators, base_va, phasors: v.chain(angle).collect() })
}

/// The base at which the mean of dV/dQ and dδ/dP of a phase on itself is the usual one.
#[allow(clippy::cast_precision_loss, reason = "a few phases")]
fn usual_base_va(actuators: &[DMatrix<f64>], phasor: &Phasor) -> f64 {
    let n = phasor.phases.len();
    let (mut sum, mut count) = (0.0, 0);
    for (b, own) in actuators.iter().zip(&phasor.actuators) {
        let m = own.phases.len();
        for (k, &[phase, _]) in own.phases.iter().enumerate() {
            sum += b[(phase, m + k)].abs() + b[(n + phase, k)].abs();
            count += 2;
        }
    }
    let mean = sum / f64::from(count.max(1));
    if mean > 0.0 { USUAL_SENSITIVITY / mean } else { 1.0 }
}

/// A node of the plant, with its voltage.
struct At {
    place: usize,
    v_v: Complex,
    base_v: f64,
}

impl At {
    /// Change of magnitude per unit and of angle in rad, for changes of all nodes' voltages.
    fn change(&self, dv: &[Complex]) -> [f64; 2] {
        let along = self.v_v.conj() * dv.get(self.place).copied().unwrap_or_default();
        [along.re / (self.v_v.norm() * self.base_v), along.im / self.v_v.norm_sqr()]
    }
}

/// The nodes whose phasors an instrument measures; `None` when one of them is dead.
fn nodes_of(plant: &GridPlant, plan: &Plan, observed: &Observed) -> Option<Vec<At>> {
    let nodes = plant.nodes();
    let at = |&[channel, _]: &[usize; 2]| {
        let place = node_of(plan, observed, channel)
            .and_then(|node| nodes.iter().position(|own| own.bus == node.bus && own.number == node.number))?;
        let (v_v, base_v) = (*plant.voltages().get(place)?, nodes.get(place)?.base_v);
        (v_v.norm() > 0.0 && base_v > 0.0).then_some(At { place, v_v, base_v })
    };
    observed.channels.iter().map(at).collect()
}

/// The node that a channel of an instrument is about.
pub(crate) fn node_of<'a>(plan: &'a Plan, observed: &Observed, channel: usize) -> Option<&'a NodeRef> {
    let instrument = plan.equipment.instruments.get(observed.instrument)?;
    match &plan.quantities.get(*instrument.quantities.get(channel)?)?.measure {
        Measure::Voltage(node, _) => Some(node),
        _ => None,
    }
}

/// Places of a device's nodes, phase by phase.
fn device_nodes(plant: &GridPlant, plan: &Plan, device: usize) -> Option<Vec<usize>> {
    let device = plan.equipment.devices.get(device)?;
    let added = plan.added.get(device.load.checked_sub(plan.feeder.loads.len())?)?;
    let nodes = plant.nodes();
    let place = |number: &u16| nodes.iter().position(|own| own.bus == added.bus.bus && own.number == *number);
    added.bus.nodes.iter().map(place).collect()
}
