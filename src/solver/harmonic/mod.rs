//! Harmonic orders: every element at any frequency, and the network's response to what emits there.
//!
//! Y(f)·V = I, one linear solve per frequency and no coupling between them. Frequencies are any positive multiples of the
//! present system frequency. Elements are evaluated once, eight frequencies side by side in SIMD lanes; topology, taps,
//! steps, open phases and loads follow a [`PowerFlow`] in place ([`Harmonics::follow`]): only what changed is summed and
//! factorised again, and nothing is allocated unless the system frequency moves. Limits: no coupling between orders, no
//! saturation. Equations and sources: `docs/models/harmonics.md`.

mod branch;
mod device;
mod elements;
mod follow;
mod group;
mod layout;
mod loads;
mod result;
mod scan;
mod settings;
mod solve;
mod source;
#[cfg(test)]
mod tests;

pub use device::DeviceId;
pub use scan::{Resonance, Scan, ScanAt, ScanPoint, ScanSettings, scan};
pub use settings::{HarmonicError, HarmonicLoads, HarmonicSettings, HarmonicStatus, LoadAdmittance};

use branch::{Branches, Lines};
use device::Device;
use elements::Evaluated;
use group::{Group, LANES, Positions, ZERO};
use layout::{Entry, Layout};
use loads::Target;
use source::CurrentSources;

use super::element::Frequency;
use super::grid::Grid;
use super::kernel::{Isa, LaneLdlt, LaneOperator, LaneVec};
use super::network::ElementId;
use super::power_flow::PowerFlow;
use crate::quantity::{Complex, complex};

/// A network at a list of orders: factors kept, and everything needed to solve without allocating.
#[derive(Clone, Debug)]
pub struct Harmonics {
    grid: Grid,
    settings: HarmonicSettings,
    isa: Isa,
    orders: Vec<f64>,
    /// Present system frequency.
    f_hz: f64,
    groups: Vec<Group>,
    layout: Layout,
    positions: Positions,
    branches: Branches,
    /// Of each load or source branch: admittance at rated voltage that its harmonic admittance follows, present current
    /// at the fundamental and voltage across it.
    present_s: Vec<Complex>,
    current_a: Vec<Complex>,
    voltage_v: Vec<Complex>,
    /// Spectrum of each source, if any.
    source_spectra: Vec<Option<Lines>>,
    /// Fundamental voltages by place, then ground.
    fundamental_v: Vec<Complex>,
    sources: CurrentSources,
    /// EMF beside what sources' spectra say, order after order, all sources' phases.
    background_v: Vec<Complex>,
    devices: Vec<Device>,
    /// Where the admittance of each load or source branch is added.
    targets: Vec<Target>,
    /// Entries that loads and devices add to, and the columns that answer to them, ascending.
    load_entries: Vec<Entry>,
    load_columns: Vec<u32>,
    /// Elements whose admittance is not symmetric.
    unsymmetric: Vec<ElementId>,
    pending: Pending,
}

/// What has changed since the factors were made.
#[derive(Clone, Debug)]
struct Pending {
    everything: bool,
    loads: bool,
    /// Sources' EMF.
    emf: bool,
    entries: Vec<Entry>,
    entry_marked: Vec<bool>,
    columns: Vec<u32>,
    column_marked: Vec<bool>,
    /// Elements to be worked out again.
    elements: Vec<ElementId>,
    /// Columns that the last refresh factorised.
    factorised: usize,
    failed: bool,
}

impl Harmonics {
    /// A study of the network of a power flow, as it stands, at orders that are any positive numbers. Allocates everything;
    /// devices are added afterwards ([`Harmonics::add_device`]). Fundamental voltages and currents are those of the power
    /// flow's present solution.
    ///
    /// # Errors
    /// [`HarmonicError`] when there is no order, one is not a positive number, or an element has no model at one.
    pub fn new(flow: &PowerFlow, orders: &[f64], settings: HarmonicSettings) -> Result<Self, HarmonicError> {
        if orders.is_empty() {
            return Err(HarmonicError::NoOrder);
        }
        if let Some(order) = orders.iter().find(|order| !(**order > 0.0 && order.is_finite())) {
            return Err(HarmonicError::Order(*order));
        }
        let mut grid = flow.grid().clone();
        grid.network.reserve_leaks();
        let pattern = &grid.pattern;
        let (n, f_hz) = (pattern.n, flow.frequency_hz());
        let layout = Layout::new(pattern, &grid.network);
        let unsymmetric: Vec<ElementId> = grid.network.unsymmetric_elements().collect();
        let kept = if unsymmetric.is_empty() { 0 } else { n };
        let groups = orders.chunks(LANES).map(|own| Group::new(&grid, own, f_hz, kept, &settings));
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        let branches = Branches::new(&grid.feeder, &grid.injections, orders, &settings);
        let (phases, entries, count) = (grid.network.emf_v().len(), layout.entries(), branches.branches.len());
        let zero = complex(0.0, 0.0);
        let mut study = Self {
            isa: flow.isa(),
            orders: orders.to_vec(),
            f_hz,
            groups,
            layout,
            positions: Positions::of(flow, &grid),
            branches,
            present_s: vec![zero; count],
            current_a: vec![zero; count],
            voltage_v: vec![zero; count],
            fundamental_v: vec![zero; n + 1],
            source_spectra: source::spectra(&grid, orders),
            sources: CurrentSources::new(&grid, orders, f_hz)?,
            background_v: vec![zero; phases * orders.len()],
            devices: Vec::new(),
            targets: Vec::with_capacity(count),
            load_entries: Vec::new(),
            load_columns: Vec::new(),
            unsymmetric,
            pending: Pending {
                everything: true,
                loads: true,
                emf: true,
                entries: Vec::with_capacity(entries),
                entry_marked: vec![false; entries],
                columns: Vec::with_capacity(n),
                column_marked: vec![false; n],
                elements: Vec::with_capacity(grid.network.element_count()),
                factorised: 0,
                failed: false,
            },
            settings,
            grid,
        };
        (0..count).for_each(|branch| study.present_s[branch] = study.grid.injections.rated_s(branch));
        if study.settings.loads == HarmonicLoads::Nominal {
            let present = flow.branch_admittances();
            study.present_s.iter_mut().zip(present).for_each(|(own, present)| *own = present);
        }
        study.find_load_entries();
        study.work_out_all();
        study.take_over(flow);
        Ok(study)
    }

    /// The orders.
    pub fn orders(&self) -> &[f64] {
        &self.orders
    }

    /// The network.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Present system frequency in Hz: order 1.
    pub fn frequency_hz(&self) -> f64 {
        self.f_hz
    }

    /// Number of columns (nodes) that the last solve factorised, in each group of orders; 0 when the factors were kept.
    pub fn factorised(&self) -> usize {
        self.pending.factorised
    }

    /// Finds which entries loads and devices add to, and which columns answer to them.
    fn find_load_entries(&mut self) {
        let injections = &self.grid.injections;
        let with = |branch: &usize| self.branches.branches[*branch].law != branch::Law::Nothing;
        let of_loads = (0..injections.len()).filter(with).flat_map(|branch| *injections.slots(branch));
        let of_devices = self.devices.iter().flat_map(Device::slots);
        self.load_entries = of_loads.chain(of_devices).filter_map(|slot| self.layout.entry(slot)).collect();
        self.load_entries.sort_unstable();
        self.load_entries.dedup();
        let ends = (0..injections.len()).filter(with).flat_map(|branch| injections.ends(branch));
        let ends = ends.chain(self.devices.iter().flat_map(Device::ends));
        let mut marked = vec![false; self.grid.pattern.n];
        self.load_columns.clear();
        let n = self.grid.pattern.n as u32;
        for place in ends.filter(|&place| place < n) {
            self.grid.pattern.mark_path(place, &mut marked, &mut self.load_columns);
        }
        self.load_columns.sort_unstable();
    }

    /// Evaluates and works out every element.
    fn work_out_all(&mut self) {
        for element in 0..self.grid.network.element_count() as u32 {
            self.work_out(ElementId(element));
        }
        self.pending.everything = true;
    }

    fn work_out(&mut self, id: ElementId) {
        let index = self.grid.network.index_of_kind(id);
        for group in &mut self.groups {
            group.work_out(&self.grid.network, id, index, &self.positions);
        }
    }
}

impl Group {
    fn new(
        grid: &Grid,
        orders: &[f64],
        f_hz: f64,
        kept: usize,
        settings: &HarmonicSettings,
    ) -> Result<Self, HarmonicError> {
        let pattern = &grid.pattern;
        let last = orders.last().copied().unwrap_or(1.0);
        let order: [f64; LANES] = std::array::from_fn(|lane| orders.get(lane).copied().unwrap_or(last));
        let mut group = Self {
            order,
            h: [1.0; LANES],
            base: LaneVec::zeros(grid.network.value_count()),
            shunt: LaneVec::empty(),
            steps: LaneVec::empty(),
            y: LaneVec::zeros(grid.network.value_count()),
            passive: LaneOperator::zero(pattern),
            with_loads: LaneOperator::zero(pattern),
            factor: LaneLdlt::new(pattern),
            branches: LaneVec::zeros(grid.injections.len()),
            emf: LaneVec::zeros(grid.network.emf_v().len()),
            x: LaneVec::zeros(pattern.n + 1),
            kept: LaneVec::zeros(kept),
            next: LaneVec::zeros(if kept == 0 { 0 } else { kept + 1 }),
        };
        group.evaluate(grid, f_hz, settings)?;
        Ok(group)
    }

    /// Evaluates all elements at the orders' frequencies for a system frequency.
    fn evaluate(&mut self, grid: &Grid, f_hz: f64, settings: &HarmonicSettings) -> Result<(), HarmonicError> {
        let mut before: Option<(f64, Evaluated)> = None;
        for lane in 0..LANES {
            let at = Frequency { f_hz: self.order[lane] * f_hz, nominal_hz: grid.feeder.frequency_hz };
            let same = before.take().filter(|(f_hz, _)| *f_hz == at.f_hz);
            let all = match same {
                Some((_, all)) => all,
                None => Evaluated::at(&grid.feeder, at, &settings.behaviour)?,
            };
            if self.shunt.len() != all.shunt.len() || self.steps.len() != all.steps.len() {
                (self.shunt, self.steps) = (LaneVec::zeros(all.shunt.len()), LaneVec::zeros(all.steps.len()));
            }
            for (values, lanes) in
                [(&all.base, &mut self.base), (&all.shunt, &mut self.shunt), (&all.steps, &mut self.steps)]
            {
                for (value, lanes) in values.iter().zip(lanes.iter_mut()) {
                    (lanes[0][lane], lanes[1][lane]) = (value.re, value.im);
                }
            }
            self.h[lane] = at.order();
            before = Some((at.f_hz, all));
        }
        self.emf.fill(ZERO);
        Ok(())
    }
}
