//! One solve of all orders: factors made to answer to what changed, right-hand sides, voltages.

use super::Harmonics;
use super::branch::{Emission, Emits, add_to};
use super::group::{Group, LANES, ZERO};
use super::settings::{HarmonicError, HarmonicStatus};
use super::source::unit;
use crate::quantity::{Complex, complex};
use crate::solver::grid::NodeId;
use crate::solver::kernel::LanePivot;
use crate::solver::network::Network;

/// Most solves of a network that is not symmetric.
const MOST_REPEATS: usize = 60;
/// A correction below this share of the largest voltage ends them.
const REPEATED: f64 = 1e-14;
/// The last correction may be this large, by rounding next to impedances of nearly nothing.
const RESTS: f64 = 1e-10;

impl Harmonics {
    /// Number of lanes of a group that are orders.
    pub(super) fn lanes(&self, group: usize) -> usize {
        (self.orders.len() - group * LANES).min(LANES)
    }

    /// What a status means, in words; `None` when all is well.
    pub fn explain(&self, status: HarmonicStatus) -> Option<HarmonicError> {
        match status {
            HarmonicStatus::Solved => None,
            HarmonicStatus::Singular { node, order } => {
                let f_hz = self.orders.get(order).map_or(0.0, |order| order * self.f_hz);
                Some(HarmonicError::Singular { node: self.grid.name(node).to_owned(), f_hz })
            }
        }
    }

    /// Solves all orders. Nothing is allocated.
    pub fn solve(&mut self) -> HarmonicStatus {
        if let Err((group, pivot)) = self.refresh() {
            return self.singular(group, pivot);
        }
        self.write_emf();
        for group in 0..self.groups.len() {
            self.groups[group].x.fill(ZERO);
            let start = self.inject(group);
            self.hold(group);
            if let Err(status) = self.solve_group(group, start) {
                return status;
            }
        }
        HarmonicStatus::Solved
    }

    pub(super) fn singular(&self, group: usize, pivot: LanePivot) -> HarmonicStatus {
        let order = (group * LANES + pivot.lane).min(self.orders.len() - 1);
        HarmonicStatus::Singular { node: NodeId(pivot.column as u32), order }
    }

    /// Writes the right-hand sides of a group; returns the first place that is not zero.
    fn inject(&mut self, index: usize) -> usize {
        let lanes = self.lanes(index);
        let mut first = self.inject_sources(index);
        first = first.min(self.inject_branches(index));
        let group = &mut self.groups[index];
        first = first.min(self.sources.inject(index, &self.grid.network, group));
        for device in &self.devices {
            first = first.min(device.inject(index, lanes, group));
        }
        // Ground is the place after the last, and no equation.
        (first as usize).min(self.grid.pattern.n)
    }

    /// What loads and machines of the feeder emit.
    fn inject_branches(&mut self, index: usize) -> u32 {
        let mut first = u32::MAX;
        for branch in 0..self.branches.branches.len() {
            let Some(emission) = self.emission(branch) else { continue };
            let [p, q] = self.grid.injections.ends(branch);
            let lines = &self.branches.spectra[emission.spectrum].lines;
            let start = lines.partition_point(|(order, _, _)| (*order as usize) < index * LANES);
            for line in &lines[start..] {
                let (of, lane) = Group::of(line.0 as usize);
                if of != index {
                    break;
                }
                let group = &mut self.groups[index];
                let injected = self.branches.branches[branch].emits_a(&emission, line, &group.branches[branch], lane);
                add_to(&mut group.x[p as usize], lane, injected);
                add_to(&mut group.x[q as usize], lane, -injected);
                first = first.min(p).min(q);
            }
        }
        first
    }

    /// What a branch's spectrum multiplies; `None` when it emits nothing.
    fn emission(&self, branch: usize) -> Option<Emission> {
        let (spectrum, base) = match self.branches.branches[branch].emits {
            Emits::Nothing => return None,
            Emits::Current(spectrum) => (spectrum, self.current_a[branch]),
            Emits::Emf { machine, spectrum } => (spectrum, self.emf_of(machine as usize)),
        };
        Some(Emission { spectrum: spectrum as usize, magnitude: base.norm(), along: unit(base) })
    }

    /// Current that a branch injects of itself at an order.
    pub(super) fn emitted_a(&self, order: usize, branch: usize) -> Complex {
        let Some(emission) = self.emission(branch) else { return complex(0.0, 0.0) };
        let lines = &self.branches.spectra[emission.spectrum].lines;
        let (group, lane) = Group::of(order);
        let y = &self.groups[group].branches[branch];
        let line = lines.iter().find(|line| line.0 as usize == order);
        line.map_or(complex(0.0, 0.0), |line| self.branches.branches[branch].emits_a(&emission, line, y, lane))
    }

    /// Internal emf of a machine's first phase at the fundamental: E = V − Z·I, I into the machine.
    fn emf_of(&self, machine: usize) -> Complex {
        let machine = &self.branches.machines[machine];
        let first = machine.first as usize;
        match machine.last {
            None => self.voltage_v[first] - machine.z_ohm * self.current_a[first],
            // In delta the terminal's current is that of two branches, and its voltage that to ground.
            Some(last) => {
                let [p, _] = self.grid.injections.ends(first);
                let i = self.current_a[first] - self.current_a[last as usize];
                self.fundamental_v.get(p as usize).copied().unwrap_or_default() - machine.z_ohm * i
            }
        }
    }

    pub(super) fn solve_group(&mut self, index: usize, start: usize) -> Result<(), HarmonicStatus> {
        let n = self.grid.pattern.n;
        let group = &mut self.groups[index];
        if !self.unsymmetric.is_empty() {
            group.kept.copy_from_slice(&group.x[..n]);
        }
        let start = if self.grid.network.held_nodes().next().is_some() { 0 } else { start };
        group.factor.solve(self.isa, &self.grid.pattern, start, &mut group.x[..n]);
        group.x[n] = ZERO;
        if self.unsymmetric.is_empty() { Ok(()) } else { self.repeat(index) }
    }

    /// Where an element is not symmetric, the factor is of the symmetric part (Y + Yᵀ)/2; the rest, (Y − Yᵀ)/2, is moved to
    /// the right until it rests. Where it does not rest, the order counts as one that cannot be solved.
    fn repeat(&mut self, index: usize) -> Result<(), HarmonicStatus> {
        let n = self.grid.pattern.n;
        for repeat in 1..=MOST_REPEATS {
            let group = &mut self.groups[index];
            let mut moved = 0.0f64;
            let largest = group.x.iter().flatten().flatten().fold(0.0f64, |m, x| m.max(x.abs()));
            self.answer_to_rest(index);
            let group = &mut self.groups[index];
            std::mem::swap(&mut group.x, &mut group.next);
            group.factor.solve(self.isa, &self.grid.pattern, 0, &mut group.x[..n]);
            group.x[n] = ZERO;
            for (now, before) in group.x.iter().flatten().flatten().zip(group.next.iter().flatten().flatten()) {
                moved = moved.max((now - before).abs());
            }
            if moved <= if repeat < MOST_REPEATS { REPEATED } else { RESTS } * largest {
                return Ok(());
            }
        }
        Err(self.restless(index))
    }

    /// The node that moves most, and its order.
    fn restless(&self, index: usize) -> HarmonicStatus {
        let group = &self.groups[index];
        let mut worst = (0.0, LanePivot { column: 0, lane: 0 });
        for (column, (now, before)) in group.x.iter().zip(group.next.iter()).take(self.grid.pattern.n).enumerate() {
            for lane in 0..self.lanes(index) {
                let moved = (Group::lane(now, lane) - Group::lane(before, lane)).norm();
                if moved.is_nan() || moved > worst.0 {
                    worst = (moved, LanePivot { column, lane });
                }
            }
        }
        self.singular(index, worst.1)
    }

    /// Writes kept right-hand sides less what the skew parts of elements make at the present voltages.
    fn answer_to_rest(&mut self, index: usize) {
        let n = self.grid.pattern.n;
        let network = &self.grid.network;
        let group = &mut self.groups[index];
        group.next[..n].copy_from_slice(&group.kept);
        for shape in self.unsymmetric.iter().map(|id| network.shape(*id)).filter(|shape| shape.in_service) {
            let m = shape.places.len();
            let solved = |place: u32| !Network::is_ground(place) && !network.fixed[place as usize];
            for (row, column) in (0..m).flat_map(|row| (0..m).map(move |column| (row, column))) {
                let (p, q) = (shape.places[row], shape.places[column]);
                if !(solved(p) && solved(q) && p != q) {
                    continue;
                }
                let (own, mirror) = (shape.values + row * m + column, shape.values + column * m + row);
                for lane in 0..LANES {
                    let differs = 0.5 * (Group::lane(&group.y[own], lane) - Group::lane(&group.y[mirror], lane));
                    let v = Group::lane(&group.x[q as usize], lane);
                    add_to(&mut group.next[p as usize], lane, -differs * v);
                }
            }
        }
    }
}
