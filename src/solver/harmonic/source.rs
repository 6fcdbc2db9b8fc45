//! What sources of the feeder have at orders other than the fundamental: EMF behind impedances, ideal currents.

use super::Harmonics;
use super::branch::{Line, Lines, add_to, turned};
use super::group::{Group, LANES};
use crate::feeder::Source;
use crate::quantity::{Complex, complex, phasor};
use crate::solver::element::{Conductor, ElementError, current_source};
use crate::solver::grid::Grid;
use crate::solver::network::{Kind, Network};

/// Currents of the feeder's current sources, which do not depend on anything but the system frequency.
#[derive(Clone, Debug)]
pub(super) struct CurrentSources {
    /// Places of the two ends of each phase; the number of places is ground.
    ends: Vec<[u32; 2]>,
    /// Phase of a source, order's place, current.
    lines: Vec<(u32, u32, Complex)>,
}

impl CurrentSources {
    pub(super) fn new(grid: &Grid, orders: &[f64], f_hz: f64) -> Result<Self, ElementError> {
        let ground = grid.pattern.n as u32;
        let place = |conductor: &Conductor| {
            let name = format!("{}.{}", conductor.bus, conductor.node);
            grid.node(&name).map_or(ground, |node| node.0)
        };
        let mut all = Self { ends: Vec::new(), lines: Vec::new() };
        for (name, source) in &grid.feeder.current_sources {
            let spectrum = grid.feeder.spectrum_of_current_source(source);
            let branches = current_source(name, source, grid.feeder.frequency_hz)?;
            for (phase, branch) in branches.iter().enumerate() {
                let index = all.ends.len() as u32;
                all.ends.push([place(&branch.to), place(&branch.back)]);
                for (k, &order) in orders.iter().enumerate() {
                    let i = source.current_a(spectrum, order, f_hz, phase);
                    if i != complex(0.0, 0.0) {
                        all.lines.push((index, k as u32, i));
                    }
                }
            }
        }
        all.lines.sort_by_key(|(_, order, _)| *order);
        Ok(all)
    }

    /// Adds what they inject in a group's orders to the right-hand sides; returns the first place. A source with an end
    /// that nothing feeds is out of service.
    pub(super) fn inject(&self, group_index: usize, network: &Network, group: &mut Group) -> u32 {
        let live = |place: u32| network.energised.get(place as usize).copied().unwrap_or(true);
        let mut first = u32::MAX;
        let start = self.lines.partition_point(|(_, order, _)| (*order as usize) < group_index * LANES);
        for &(index, order, i) in &self.lines[start..] {
            let (of, lane) = Group::of(order as usize);
            if of != group_index {
                break;
            }
            let [p, q] = self.ends[index as usize];
            if !(live(p) && live(q)) {
                continue;
            }
            add_to(&mut group.x[p as usize], lane, i);
            add_to(&mut group.x[q as usize], lane, -i);
            first = first.min(p).min(q);
        }
        first
    }
}

impl Harmonics {
    /// Sets the EMF of a source's phase (from 0) at an order (its place in the list), in V, beside what the source's own
    /// spectrum says.
    pub fn set_background(&mut self, source: usize, order: usize, phase: usize, emf_v: Complex) {
        let phases = self.grid.network.emf_v().len();
        let own = self.emf_range(source);
        if phase < own.len() && order < self.orders.len() {
            let own = &mut self.background_v[order * phases + own.start + phase];
            self.pending.emf |= std::mem::replace(own, emf_v) != emf_v;
        }
    }

    /// A source's phases among all sources'.
    fn emf_range(&self, source: usize) -> std::ops::Range<usize> {
        let sizes = self.grid.feeder.sources.values().map(|s| s.phases);
        let first: usize = sizes.clone().take(source).sum();
        first..first + sizes.clone().nth(source).unwrap_or(0)
    }

    /// Writes every source's EMF at all orders, if they have changed.
    pub(super) fn write_emf(&mut self) {
        if !std::mem::replace(&mut self.pending.emf, false) {
            return;
        }
        let fundamental = self.grid.network.emf_v();
        for order in 0..self.orders.len() {
            let (group, lane) = Group::of(order);
            let mut first = 0;
            for (source, spectrum) in self.grid.feeder.sources.values().zip(&self.source_spectra) {
                let own = first..first + source.phases;
                first = own.end;
                for k in own.clone() {
                    let e = match spectrum.as_ref().and_then(|s| s.lines.iter().find(|line| line.0 as usize == order)) {
                        _ if Group::is_fundamental(self.orders[order]) => fundamental[k],
                        Some(line) => emf_of_line(source, line, fundamental[own.start], k - own.start),
                        None => complex(0.0, 0.0),
                    };
                    let e = e + self.background_v[order * fundamental.len() + k];
                    let emf = &mut self.groups[group].emf[k];
                    (emf[0][lane], emf[1][lane]) = (e.re, e.im);
                }
            }
        }
    }

    /// Adds what sources drive into the network at a group's orders; returns the first place.
    pub(super) fn inject_sources(&mut self, group_index: usize) -> u32 {
        let group = &mut self.groups[group_index];
        let network = &self.grid.network;
        let (mut first_place, mut first_emf) = (u32::MAX, 0);
        for index in 0..self.grid.feeder.sources.len() {
            let Some(shape) = network.id(Kind::Source, index).map(|id| network.shape(id)) else { continue };
            let (phases, n) = (shape.per_terminal, shape.places.len());
            let own = first_emf..first_emf + phases;
            first_emf = own.end;
            if !shape.in_service || group.emf[own.clone()].iter().flatten().flatten().all(|e| *e == 0.0) {
                continue;
            }
            for (row, &place) in shape.places.iter().enumerate().filter(|(_, place)| !Network::is_ground(**place)) {
                for phase in 0..phases {
                    let y = group.y[shape.values + row * n + phase];
                    let e = group.emf[own.start + phase];
                    for lane in 0..LANES {
                        let i = Group::lane(&y, lane) * Group::lane(&e, lane);
                        add_to(&mut group.x[place as usize], lane, i);
                    }
                }
                first_place = first_place.min(place);
            }
        }
        first_place.min(self.inject_held(group_index))
    }

    /// What nodes that ideal sources hold drive into their neighbours, and their own voltages.
    fn inject_held(&mut self, group_index: usize) -> u32 {
        let group = &mut self.groups[group_index];
        let network = &self.grid.network;
        let mut first = u32::MAX;
        for held in network.held_nodes() {
            let e = group.emf[held.emf];
            if e.iter().flatten().all(|e| *e == 0.0) {
                continue;
            }
            for (id, _) in network.elements() {
                let shape = network.shape(id);
                let n = shape.places.len();
                for column in (0..n).filter(|&c| shape.in_service && shape.places[c] == held.place) {
                    for (row, &place) in shape.places.iter().enumerate().filter(|(_, p)| !Network::is_ground(**p)) {
                        for lane in (0..LANES).filter(|_| !network.fixed[place as usize]) {
                            let y = Group::lane(&group.y[shape.values + row * n + column], lane);
                            add_to(&mut group.x[place as usize], lane, -y * Group::lane(&e, lane));
                            first = first.min(place);
                        }
                    }
                }
            }
        }
        first
    }

    /// Gives fixed nodes their voltages: ideal sources' EMF, and zero where de-energised.
    pub(super) fn hold(&mut self, group_index: usize) {
        let group = &mut self.groups[group_index];
        let network = &self.grid.network;
        for (place, _) in network.fixed.iter().enumerate().filter(|(_, fixed)| **fixed) {
            group.x[place] = super::ZERO;
        }
        for held in network.held_nodes() {
            group.x[held.place as usize] = group.emf[held.emf];
        }
    }
}

/// EMF of a source's phase at a line of its spectrum, by its first phase's at the fundamental.
fn emf_of_line(source: &Source, &(_, order, multiplier): &Line, first: Complex, phase: usize) -> Complex {
    let step_deg = source.harmonic_sequence.step_deg(order, 360.0 / source.phases.max(1) as f64);
    multiplier * first.norm() * turned(unit(first), order) * phasor(1.0, phase as f64 * step_deg)
}

/// What each source's spectrum has at a study's orders.
pub(super) fn spectra(grid: &Grid, orders: &[f64]) -> Vec<Option<Lines>> {
    let of = |source: &Source| grid.feeder.spectrum_of_source(source).map(|s| Lines::new(s, orders));
    grid.feeder.sources.values().map(of).collect()
}

/// A phasor's direction; 0 of 0.
pub(super) fn unit(v: Complex) -> Complex {
    let norm = v.norm();
    if norm > 0.0 { v / norm } else { complex(0.0, 0.0) }
}
