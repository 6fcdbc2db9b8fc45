//! Following a power flow: what it has switched, tapped and loaded since, in place.

use super::branch::Law;
use super::group::{Group, LANES, Positions};
use super::loads::{Pass, Target, add_loads};
use super::settings::{HarmonicError, HarmonicLoads};
use super::{Harmonics, Pending};
use crate::solver::grid::Grid;
use crate::solver::kernel::LanePivot;
use crate::solver::network::{ElementId, Kind, Network};
use crate::solver::power_flow::PowerFlow;

impl Positions {
    pub(super) fn of(flow: &PowerFlow, grid: &Grid) -> Self {
        let taps = |(index, t): (usize, &crate::feeder::Transformer)| {
            (0..t.windings.len()).map(|winding| flow.tap_pu(index, winding)).collect()
        };
        let starts = |sizes: Vec<usize>| {
            let mut next = 0;
            let start = |size: usize| {
                next += size;
                (next - size) as u32
            };
            sizes.into_iter().map(start).collect()
        };
        let conductors =
            |kind: Kind, index: usize| grid.network.id(kind, index).map_or(0, |id| grid.network.shape(id).places.len());
        let banks = grid.feeder.capacitors.values().enumerate();
        Self {
            taps_pu: grid.feeder.transformers.values().enumerate().map(taps).collect(),
            steps_closed: (0..grid.feeder.capacitors.len()).map(|k| flow.capacitor_steps(k).to_vec()).collect(),
            first_shunt: starts(
                (0..grid.feeder.transformers.len()).map(|k| conductors(Kind::Transformer, k)).collect(),
            ),
            first_step: starts(banks.map(|(k, c)| c.q_kvar.len() * conductors(Kind::Capacitor, k).pow(2)).collect()),
        }
    }
}

impl Pending {
    fn mark_entry(&mut self, entry: u32) {
        if !std::mem::replace(&mut self.entry_marked[entry as usize], true) {
            self.entries.push(entry);
        }
    }

    fn forget(&mut self) {
        self.entries.drain(..).for_each(|entry| self.entry_marked[entry as usize] = false);
        self.columns.drain(..).for_each(|column| self.column_marked[column as usize] = false);
        (self.everything, self.loads) = (false, false);
    }
}

impl Harmonics {
    /// Takes over what a power flow of the same network has come to: switches, open phases, taps, capacitor steps, faults,
    /// the system frequency, loads and the fundamental solution. What changed is factorised again in the next
    /// [`Harmonics::solve`]. Allocates only when the system frequency has moved (every element is evaluated again then).
    ///
    /// # Errors
    /// [`HarmonicError::OtherNetwork`] for the power flow of another feeder, and as [`Harmonics::new`] when the frequency
    /// has moved.
    pub fn follow(&mut self, flow: &PowerFlow) -> Result<(), HarmonicError> {
        if !self.grid.network.is_alike(&flow.grid().network) || self.present_s.len() != flow.grid().injections.len() {
            return Err(HarmonicError::OtherNetwork);
        }
        if flow.frequency_hz() != self.f_hz {
            self.set_frequency(flow.frequency_hz())?;
        }
        self.follow_switching(flow);
        self.follow_positions(flow);
        self.take_over(flow);
        Ok(())
    }

    fn set_frequency(&mut self, f_hz: f64) -> Result<(), HarmonicError> {
        for group in &mut self.groups {
            group.evaluate(&self.grid, f_hz, &self.settings)?;
        }
        self.f_hz = f_hz;
        self.sources = super::CurrentSources::new(&self.grid, &self.orders, f_hz)?;
        self.work_out_all();
        (self.pending.loads, self.pending.emf) = (true, true);
        Ok(())
    }

    fn follow_switching(&mut self, flow: &PowerFlow) {
        self.pending.emf |= self.grid.network.emf_v() != flow.grid().network.emf_v();
        let changed = &mut self.pending.elements;
        let moved = self.grid.network.follow(&flow.grid().network, |id| changed.push(id));
        self.pending.everything |= moved;
        self.follow_elements();
    }

    /// Works out the elements that changed and marks what they have a share in.
    fn follow_elements(&mut self) {
        while let Some(id) = self.pending.elements.pop() {
            self.work_out(id);
            let network = &self.grid.network;
            let shape = network.shape(id);
            let values = shape.values..shape.values + shape.places.len().pow(2);
            for entry in network.value_slots()[values].iter().filter_map(|slot| self.layout.entry(*slot)) {
                self.pending.mark_entry(entry);
            }
            for &place in shape.places.iter().filter(|place| !Network::is_ground(**place)) {
                let pending = &mut self.pending;
                self.grid.pattern.mark_path(place, &mut pending.column_marked, &mut pending.columns);
            }
        }
    }

    fn follow_positions(&mut self, flow: &PowerFlow) {
        for transformer in 0..self.positions.taps_pu.len() {
            let mut moved = false;
            for (winding, tap_pu) in self.positions.taps_pu[transformer].iter_mut().enumerate() {
                let now = flow.tap_pu(transformer, winding);
                moved |= std::mem::replace(tap_pu, now) != now;
            }
            if let Some(id) = self.grid.network.id(Kind::Transformer, transformer).filter(|_| moved) {
                self.pending.elements.push(id);
            }
        }
        for bank in 0..self.positions.steps_closed.len() {
            let now = flow.capacitor_steps(bank);
            let steps = &mut self.positions.steps_closed[bank];
            if steps != now {
                steps.copy_from_slice(now);
                self.pending.elements.extend(self.grid.network.id(Kind::Capacitor, bank));
            }
        }
        self.follow_elements();
    }

    /// Takes over the fundamental solution and the loads.
    pub(super) fn take_over(&mut self, flow: &PowerFlow) {
        let injections = &flow.grid().injections;
        let v = flow.places();
        for (own, v) in self.fundamental_v.iter_mut().zip(v) {
            *own = crate::quantity::complex(v[0][0], v[1][0]);
        }
        let follows = self.settings.loads == HarmonicLoads::Present;
        for (branch, y) in flow.branch_admittances().enumerate() {
            let u = injections.voltage(branch, v);
            self.voltage_v[branch] = u;
            self.current_a[branch] = injections.linearise(branch, y, u).0;
            let is_load = self.branches.branches[branch].is_load();
            if follows && is_load && std::mem::replace(&mut self.present_s[branch], y) != y {
                self.pending.loads = true;
            }
        }
    }

    /// Makes the factors answer to everything that changed; the groups one by one, so that each stays in cache.
    pub(super) fn refresh(&mut self) -> Result<(), (usize, LanePivot)> {
        let pending = &mut self.pending;
        pending.factorised = 0;
        if !(pending.everything || pending.loads || pending.failed || !pending.entries.is_empty()) {
            return Ok(());
        }
        if pending.everything || pending.failed {
            self.start_anew();
        }
        let pending = &mut self.pending;
        let only_loads = !pending.everything && pending.entries.is_empty();
        if !only_loads {
            for &column in &self.load_columns {
                if !std::mem::replace(&mut pending.column_marked[column as usize], true) {
                    pending.columns.push(column);
                }
            }
            pending.columns.sort_unstable();
        }
        let mut result = Ok(());
        for group in 0..self.groups.len() {
            self.assemble(group);
            let columns = if only_loads { &self.load_columns } else { &self.pending.columns };
            if let Err(pivot) = self.groups[group].factorise(self.isa, &self.grid.pattern, columns) {
                result = Err((group, pivot));
                break;
            }
        }
        let pending = &mut self.pending;
        pending.factorised = if only_loads { self.load_columns.len() } else { pending.columns.len() };
        pending.failed = result.is_err();
        pending.forget();
        result
    }

    /// Everything is to be summed and factorised: marks all columns, and finds again where loads are added.
    fn start_anew(&mut self) {
        let pending = &mut self.pending;
        pending.everything = true;
        for place in 0..self.grid.pattern.n as u32 {
            self.grid.pattern.mark_path(place, &mut pending.column_marked, &mut pending.columns);
        }
        let (injections, fixed) = (&self.grid.injections, &self.grid.network.fixed);
        self.targets.clear();
        let with = |branch: &usize| self.branches.branches[*branch].law != Law::Nothing;
        self.targets.extend((0..injections.len()).filter(with).map(|branch| Target::new(branch, injections, fixed)));
    }

    /// Sums the entries of a group that changed, and adds loads and devices.
    fn assemble(&mut self, group: usize) {
        let group_index = group;
        let group = &mut self.groups[group];
        let network = &self.grid.network;
        if self.pending.everything {
            (0..self.layout.entries() as u32).for_each(|entry| group.sum(&self.layout, network, entry));
        } else {
            self.pending.entries.iter().for_each(|&entry| group.sum(&self.layout, network, entry));
        }
        self.load_entries.iter().for_each(|&entry| group.reset(self.layout.slot(entry)));
        add_loads(
            self.isa,
            Pass {
                targets: &self.targets,
                branches: &self.branches.branches,
                present_s: &self.present_s,
                h: &group.h,
                neglect: self.settings.loads == HarmonicLoads::Neglect,
                y: &mut group.branches,
                diagonal: &mut group.with_loads.diagonal,
                below: &mut group.with_loads.below,
            },
        );
        let fixed = |place: u32| network.fixed.get(place as usize).copied().unwrap_or(false);
        for device in &self.devices {
            let y: [[f64; LANES]; 2] = device.admittance_s(group_index);
            for (ends, slots) in device.branches() {
                group.add_branch(slots, ends.map(fixed), &y);
            }
        }
    }
}

impl Network {
    /// Place of an element among those of its kind.
    pub(super) fn index_of_kind(&self, id: ElementId) -> usize {
        let kind = self.shape(id).kind;
        self.id(kind, 0).map_or(0, |first| (id.0 - first.0) as usize)
    }
}

impl Group {
    /// Whether an order is the fundamental.
    pub(super) fn is_fundamental(order: f64) -> bool {
        (order - 1.0).abs() < crate::feeder::ORDER_TOLERANCE
    }
}
