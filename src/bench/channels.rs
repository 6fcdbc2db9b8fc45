//! The channels of a record: their names, and a row's values.

use super::outcome::Spread;
use super::plant::{Node, Plant, Solution};
use crate::quantity::{Complex, angle_deg};
use crate::scenario::Plan;

/// Channels every record has, before those of controls and buses.
const FIXED: [&str; 12] = [
    "source.p_w",
    "source.q_var",
    "losses.p_w",
    "losses.q_var",
    "feeder.v_min_pu",
    "feeder.v_mean_pu",
    "feeder.v_max_pu",
    "feeder.out_of_limits_nodes",
    "feeder.de_energised_nodes",
    "solver.converged",
    "solver.iterations",
    "solver.mismatch_pu",
];

/// Which values a row holds.
pub(super) struct Channels {
    /// Their names, in order.
    pub(super) names: Vec<String>,
    regulators: usize,
    capacitors: usize,
    /// Index and base in V of each recorded node.
    nodes: Vec<(usize, f64)>,
    angles: bool,
}

impl Channels {
    pub(super) fn new(plan: &Plan, nodes: &[Node]) -> Self {
        let feeder = &plan.feeder;
        let recorded: Vec<(usize, &Node)> = plan
            .watch
            .buses
            .iter()
            .flat_map(|bus| nodes.iter().enumerate().filter(move |(_, node)| node.bus == *bus))
            .collect();
        let mut names: Vec<String> = FIXED.map(str::to_owned).into();
        names.extend(feeder.regulators.keys().map(|name| format!("{name}.tap")));
        names.extend(feeder.capacitors.keys().map(|name| format!("{name}.steps")));
        names.extend(recorded.iter().map(|(_, node)| format!("{}.v_pu", node.name())));
        if plan.watch.angles {
            names.extend(recorded.iter().map(|(_, node)| format!("{}.angle_deg", node.name())));
        }
        Self {
            names,
            regulators: feeder.regulators.len(),
            capacitors: feeder.capacitors.len(),
            nodes: recorded.iter().map(|(k, node)| (*k, node.base_v)).collect(),
            angles: plan.watch.angles,
        }
    }

    /// Fills a row, in the order of `names`.
    #[allow(clippy::cast_precision_loss, reason = "counts of nodes and steps")]
    pub(super) fn fill(
        &self,
        row: &mut [f64],
        plant: &impl Plant,
        solution: Solution,
        [source, losses]: [Complex; 2],
        spread: Spread,
    ) {
        let fixed: [f64; FIXED.len()] = [
            source.re,
            source.im,
            losses.re,
            losses.im,
            spread.min_pu,
            spread.mean_pu,
            spread.max_pu,
            spread.out_of_limits as f64,
            spread.de_energised as f64,
            f64::from(u8::from(solution.converged)),
            f64::from(solution.iterations),
            solution.mismatch_pu,
        ];
        let taps = (0..self.regulators).map(|k| f64::from(plant.tap(k)));
        let steps = (0..self.capacitors).map(|k| plant.closed_steps(k) as f64);
        let voltage = |k: usize| plant.voltages().get(k).copied().unwrap_or_default();
        let v_pu = self.nodes.iter().map(|&(k, base_v)| voltage(k).norm() / base_v);
        let angles = self.nodes.iter().filter(|_| self.angles).map(|&(k, _)| angle_deg(voltage(k)));
        let values = fixed.into_iter().chain(taps).chain(steps).chain(v_pu).chain(angles);
        for (slot, value) in row.iter_mut().zip(values) {
            *slot = if value.is_finite() { value } else { f64::NAN };
        }
    }
}
