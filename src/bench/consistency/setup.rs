//! What a check does not know of its network, how exactly its instruments measure, and what of that may be wrong.

use std::collections::BTreeMap;

use super::{Own, Suspect};
use crate::bench::model::GridModel;
use crate::bench::phasor::model::node_of;
use crate::bench::supervisory::{actuator_node, rated_va};
use crate::control::phasor::supervise::consistency::{Description, Network};
use crate::control::supervisory::NetworkModel;
use crate::feeder::{Connection, Feeder};
use crate::scenario::{self, Plan};

/// What a device injects is reported as exactly as this part of its rating.
const REPORTED: f64 = 0.002;
/// Least apparent power per unit whose accuracy counts.
const LEAST_POWER: f64 = 0.1;

/// Nodes with a power that is not known.
pub(super) struct Places {
    /// `bus.number`.
    pub(super) names: Vec<String>,
    /// Standard deviation in VA; the whole feeder's load where anything may be.
    noise_va: Vec<f64>,
    /// Device, phase and place of all that is reported.
    pub(super) devices: Vec<(usize, usize, usize)>,
    pub(super) base_va: f64,
}

impl Places {
    /// Of loads as the feeder has them, of devices, and of buses of which nothing is known.
    #[allow(clippy::cast_precision_loss, reason = "a few phases")]
    pub(super) fn of(plan: &Plan, own: &scenario::Consistency, feeder: &Feeder) -> Self {
        let mut variance: BTreeMap<String, f64> = BTreeMap::new();
        let (mut largest, mut whole_va): (f64, f64) = (0.0, 0.0);
        for load in feeder.loads.values() {
            let conductors = if load.connection == Connection::Delta { load.phases.max(2) } else { load.phases };
            let nodes = load.bus.conductors(load.phases, conductors);
            let s_va = 1000.0 * load.p_kw.hypot(load.q_kvar) / nodes.len().max(1) as f64;
            largest = largest.max(s_va);
            whole_va += 1000.0 * load.p_kw.hypot(load.q_kvar);
            for node in nodes.iter().filter(|node| **node > 0) {
                let own_va = own.setting.load_uncertainty * s_va;
                *variance.entry(format!("{}.{node}", load.bus.bus)).or_default() += own_va * own_va;
            }
        }
        let mut reported = Vec::new();
        for (k, device) in plan.equipment.devices.iter().enumerate() {
            for phase in 0..device.phases.len() {
                let Some(node) = actuator_node(plan, k, phase) else { continue };
                let s_va = REPORTED * rated_va(plan, k);
                *variance.entry(node.clone()).or_default() += s_va * s_va;
                reported.push((k, phase, node));
            }
        }
        // Not infinite: two such buses next to each other would hide what only differs between them.
        for bus in &own.setting.unknown {
            for (bus, number) in feeder.places().keys().filter(|(name, _)| name.eq_ignore_ascii_case(bus)) {
                variance.insert(format!("{bus}.{number}"), whole_va * whole_va);
            }
        }
        let (names, variances): (Vec<String>, Vec<f64>) = variance.into_iter().unzip();
        let place = |node: &String| names.binary_search(node).ok();
        let devices = reported.iter().filter_map(|(k, phase, node)| Some((*k, *phase, place(node)?))).collect();
        let noise_va = variances.iter().map(|own| own.sqrt()).collect();
        Self { names, noise_va, devices, base_va: if largest > 0.0 { largest } else { 1e5 } }
    }
}

/// Places in the model of the nodes that each PMU measures.
pub(super) fn observed(plan: &Plan, own: &scenario::Consistency, model: &GridModel) -> Result<Vec<Vec<usize>>, String> {
    let place = |pmu: &scenario::Observed, channel: usize| {
        let node = node_of(plan, pmu, channel).ok_or("a PMU measures no node")?;
        let name = format!("{}.{}", node.bus, node.number);
        model.layout().node(&name).ok_or_else(|| format!("node {name:?} is not in the model"))
    };
    let pmu = |pmu: &scenario::Observed| pmu.channels.iter().map(|[v, _]| place(pmu, *v)).collect();
    own.pmus.iter().map(pmu).collect()
}

/// Numbers of a PMU's phases, from 1.
pub(super) fn phases(plan: &Plan, pmu: &scenario::Observed) -> Vec<usize> {
    let number = |[v, _]: &[usize; 2]| node_of(plan, pmu, *v).map_or(0, |node| usize::from(node.number));
    pmu.channels.iter().map(number).collect()
}

pub(super) fn suspects(network: &Own) -> Vec<Suspect> {
    let mut all = Vec::new();
    for (pmu, nodes) in network.nodes.iter().enumerate() {
        // A single angle is its clock.
        all.push(Suspect::Clock(pmu));
        all.extend((0..nodes.len()).filter(|_| nodes.len() > 1).map(|k| Suspect::Angle(pmu, k)));
        all.extend((0..nodes.len()).map(|k| Suspect::Magnitude(pmu, k)));
    }
    all.extend((0..2).filter(|_| network.power).map(Suspect::Power));
    all
}

/// The channels that a suspect turns wrong.
pub(super) fn direction(suspect: Suspect, network: &Own) -> Vec<f64> {
    let mut all = Vec::new();
    for (pmu, nodes) in network.nodes.iter().enumerate() {
        let own = |wrong: &dyn Fn(usize) -> bool| (0..nodes.len()).map(|k| f64::from(u8::from(wrong(k)))).collect();
        let magnitudes: Vec<f64> = own(&|k| suspect == Suspect::Magnitude(pmu, k));
        let angles: Vec<f64> = own(&|k| suspect == Suspect::Clock(pmu) || suspect == Suspect::Angle(pmu, k));
        all.extend(magnitudes.into_iter().chain(angles));
    }
    all.extend((0..2).filter(|_| network.power).map(|k| f64::from(u8::from(suspect == Suspect::Power(k)))));
    all
}

/// Noise of channels and states, at what the network says at the start.
pub(super) fn describe(own: &scenario::Consistency, network: &mut Own, places: &Places) -> Result<Description, String> {
    let base_va = places.base_va;
    let powers = places.names.len();
    let states: Vec<f64> = std::iter::once(1.0).chain(vec![0.0; 2 * powers]).collect();
    let count = network.nodes.iter().map(|own| 2 * own.len()).sum::<usize>() + 2 * usize::from(network.power);
    let mut channels = vec![0.0; count];
    if !network.predict(&states, &mut channels) {
        return Err("its model of the network has no solution at the start".to_owned());
    }
    let accuracy = own.setting.accuracy;
    // Of each PMU magnitudes, then angles.
    let mut angles: Vec<bool> =
        network.nodes.iter().flat_map(|nodes| (0..2 * nodes.len()).map(|k| k >= nodes.len())).collect();
    let noise = |angle: &bool| if *angle { accuracy.angle_deg.to_radians() } else { accuracy.v_pu };
    let mut channel_noise: Vec<f64> = angles.iter().map(noise).collect();
    if let [.., p, q] = channels.as_slice()
        && network.power
    {
        let s_pu = p.hypot(*q).max(LEAST_POWER);
        channel_noise.extend([own.setting.power_accuracy * s_pu; 2]);
        angles.extend([false; 2]);
    }
    let noise_pu = places.noise_va.iter().map(|own| own / base_va);
    let state_noise = std::iter::once(f64::INFINITY).chain(noise_pu.clone()).chain(noise_pu).collect();
    let state_step = std::iter::once(1e-3).chain(vec![1e-2; 2 * powers]).collect();
    Ok(Description { channel_noise, angles, state_noise, states, state_step })
}
