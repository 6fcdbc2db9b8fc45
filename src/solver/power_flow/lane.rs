//! What one lane's solution means: power out of the sources and losses, by the same sums as of a single power flow.

use super::Batch;
use crate::quantity::{Complex, complex};
use crate::solver::grid::{Grid, NodeId};
use crate::solver::kernel::{LaneVec, Lanes};
use crate::solver::network::{ElementId, Kind};

/// Reads the powers of lanes. Allocates when made, then never.
#[derive(Debug)]
pub struct LanePowers {
    sources: Vec<ElementId>,
    /// Lines, transformers and series reactors.
    series: Vec<ElementId>,
    /// Some source holds its nodes: its power is what the others leave.
    held: bool,
    v: LaneVec<1>,
    x: LaneVec<1>,
}

impl LanePowers {
    /// For batches of this grid.
    pub fn new(grid: &Grid) -> Self {
        let of = |kind: Kind| grid.network.elements().filter(move |(_, k)| *k == kind).map(|(id, _)| id);
        let reactors = grid.feeder.reactors.values().enumerate().filter(|(_, r)| r.to.is_some());
        let reactors = reactors.filter_map(|(k, _)| grid.network.id(Kind::Reactor, k));
        let places = grid.nodes.len() + 1;
        Self {
            sources: of(Kind::Source).collect(),
            series: of(Kind::Line).chain(of(Kind::Transformer)).chain(reactors).collect(),
            held: grid.feeder.sources.values().any(|source| source.ideal),
            v: LaneVec::zeros(places),
            x: LaneVec::zeros(places),
        }
    }

    /// Power out of all sources at their terminals, and losses of lines, transformers and series reactors, in VA: as
    /// [`super::PowerFlow::source_power`] and [`super::PowerFlow::losses`].
    pub fn of<const K: usize>(&mut self, batch: &Batch<K>, lane: usize) -> [Complex; 2] {
        let network = &batch.grid().network;
        batch.lane_voltages(lane, &mut self.v);
        let sum =
            |ids: &[ElementId], v: &[Lanes<1>]| -> Complex { ids.iter().map(|&id| network.power_into(id, v)).sum() };
        let mut source = -sum(&self.sources, &self.v);
        if self.held {
            self.x.fill([[0.0]; 2]);
            batch.draw_loads(lane, &self.v, &mut self.x);
            source += network.held_power(&self.v, &mut self.x);
        }
        [source, sum(&self.series, &self.v)]
    }
}

impl<const K: usize> Batch<K> {
    /// The grid it solves.
    pub fn grid(&self) -> &Grid {
        self.base.grid()
    }

    /// Whether a node has a path to a source (in every lane the same).
    pub fn energised(&self, node: NodeId) -> bool {
        self.base.energised(node)
    }

    /// Squared magnitude of a node's voltage to ground in every lane, in V².
    pub fn voltage_squared(&self, node: NodeId) -> [f64; K] {
        let [re, im] = &self.v[node.0 as usize];
        std::array::from_fn(|k| re[k] * re[k] + im[k] * im[k])
    }

    fn lane_voltages(&self, lane: usize, out: &mut [Lanes<1>]) {
        for (out, v) in out.iter_mut().zip(self.v.iter()) {
            *out = [[v[0][lane]], [v[1][lane]]];
        }
    }

    /// Subtracts what loads draw in a lane from the currents into each node, in A.
    fn draw_loads(&self, lane: usize, v: &[Lanes<1>], x: &mut [Lanes<1>]) {
        let injections = &self.base.grid.injections;
        for branch in 0..injections.len() {
            let y = complex(self.branches.y[branch][0][lane], self.branches.y[branch][1][lane]);
            injections.draw(branch, injections.linearise(branch, y, injections.voltage(branch, v)).0, x);
        }
    }
}
