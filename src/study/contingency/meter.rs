//! What a case came to, in few numbers.

use crate::solver::{ElementId, Grid, NodeId, PowerFlow, Ratings, Solved, Status};

/// What a case came to. Voltages are magnitudes per unit over the phase nodes that something feeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// How the solve ended. Without a solution there are no voltages, loadings and violations.
    pub status: Status,
    /// Lowest voltage and where, the first of several; `None` also when nothing is fed.
    pub min: Option<(f64, NodeId)>,
    /// Highest voltage and where.
    pub max: Option<(f64, NodeId)>,
    /// Largest loading in percent and of what; `None` also when nothing has a rating.
    pub worst: Option<(f64, ElementId)>,
    /// Nominal power in kW of loads, or phases of loads, that nothing feeds.
    pub unserved_kw: f64,
    /// Phase nodes fed at a voltage outside the limits.
    pub violations: u32,
    /// Nodes that nothing feeds.
    pub de_energised: u32,
}

/// Reads a [`Finding`] from a solved power flow, without allocating.
#[derive(Clone, Debug)]
pub struct Meter {
    /// Phase nodes with one over their base in 1/V.
    nodes: Vec<(NodeId, f64)>,
    ratings: Ratings,
    limits_pu: [f64; 2],
}

impl Meter {
    /// A meter for flows over a grid. Neutrals are not phase nodes.
    pub fn new(grid: &Grid, limits_pu: [f64; 2]) -> Self {
        let places = grid.feeder.places();
        let phase_node = |&id: &NodeId| {
            let node = &grid.nodes[id.0 as usize];
            let place = places.get(&(grid.buses[node.bus].name.as_str(), node.number));
            // What no line or transformer reaches (behind a series capacitor) is taken by its number.
            let phase = place.map_or((1..=3).contains(&node.number), |place| place.phase.is_some());
            (phase && node.base_v > 0.0).then(|| (id, 1.0 / node.base_v))
        };
        Self { nodes: grid.listing.iter().filter_map(phase_node).collect(), ratings: Ratings::new(grid), limits_pu }
    }

    /// What a solve came to.
    pub fn read(&self, flow: &PowerFlow, solved: &Solved) -> Finding {
        let mut finding = Finding {
            status: solved.status,
            min: None,
            max: None,
            worst: None,
            unserved_kw: flow.unserved_va().re / 1000.0,
            violations: 0,
            de_energised: flow.de_energised().count() as u32,
        };
        if solved.converged() {
            self.voltages(flow, &mut finding);
            finding.worst = self.ratings.worst(flow).map(|(element, percent)| (percent, element));
        }
        finding
    }

    fn voltages(&self, flow: &PowerFlow, finding: &mut Finding) {
        // Squares are compared: a root for each of thousands of nodes costs more than the rest of this.
        let [low2, high2] = self.limits_pu.map(|limit| limit * limit);
        let (mut min2, mut max2) = (None, None);
        for &(node, inverse_base) in &self.nodes {
            if !flow.energised(node) {
                continue;
            }
            let v2 = flow.voltage(node).norm_sqr() * (inverse_base * inverse_base);
            if min2.is_none_or(|(least, _)| v2 < least) {
                min2 = Some((v2, node));
            }
            if max2.is_none_or(|(most, _)| v2 > most) {
                max2 = Some((v2, node));
            }
            finding.violations += u32::from(v2 < low2 || v2 > high2);
        }
        let root = |(v2, node): (f64, NodeId)| (v2.sqrt(), node);
        (finding.min, finding.max) = (min2.map(root), max2.map(root));
    }
}
