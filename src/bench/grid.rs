//! The plant of a run: the plan's feeder, compiled.

use super::harmonic::{Study, without_spectra};
use super::plant::{Conductor, HarmonicPlant, Node, Plant, Solution};
use crate::feeder::{ControlMode, Feeder, Load};
use crate::quantity::Complex;
use crate::scenario::{Added, Branch, Element, Phases, Plan, Unit};
use crate::solver::harmonic::{HarmonicError, Harmonics};
use crate::solver::{
    ControlError, Controls, ElementId, Grid, GridError, Kind, NodeId, PowerFlow, Ratings, Settings, Settled, Totals,
};

/// Most conductors of one terminal.
const MOST_CONDUCTORS: usize = 64;

/// A compiled feeder with a plan's added loads and its controls.
#[derive(Debug)]
pub struct GridPlant {
    pub(super) flow: PowerFlow,
    /// Harmonics, where the plan asks for them.
    pub(super) study: Option<Study>,
    /// Nodes in the feeder's order.
    pub(super) order: Vec<NodeId>,
    /// Their voltages.
    voltages: Vec<Complex>,
    lines: Vec<Option<ElementId>>,
    transformers: Vec<Option<ElementId>>,
    reactors: Vec<Option<ElementId>>,
    faults: Vec<Option<ElementId>>,
    /// Conductors of each line that are closed.
    conductors: Vec<Vec<bool>>,
    ratings: Ratings,
    controls: Controls,
    mode: ControlMode,
    /// Source power, losses and mismatch at the last solution.
    totals: Totals,
    /// Scratch for switching: closed steps of a bank.
    steps: Vec<bool>,
    /// Scratch for looking at one element.
    pub(super) terminal: Vec<Conductor>,
    pub(super) currents: Vec<Complex>,
}

/// Why a plan's feeder cannot be made a plant.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// It cannot be compiled.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// A control refers to what is not there.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Its harmonics have no model.
    #[error(transparent)]
    Harmonics(#[from] HarmonicError),
    /// An inverter cannot be what it is said to be at its bus.
    #[error("{name}: {error}")]
    Inverter {
        /// The device.
        name: String,
        /// Why.
        error: crate::device::inverter::SettingsError,
    },
    /// An active filter cannot be what it is said to be.
    #[error("{name}: {error}")]
    Filter {
        /// The device.
        name: String,
        /// Why.
        error: crate::device::FilterError,
    },
    /// A controller cannot be what it is said to be in its network.
    #[error("{name}: {error}")]
    Controller {
        /// The controller.
        name: String,
        /// Why.
        error: String,
    },
    /// What real or emulated devices need cannot be had.
    #[error("{name}: {reason}")]
    Hil {
        /// What it replaces.
        name: String,
        /// Why.
        reason: String,
    },
    /// An analyser cannot be what it is said to be at its bus.
    #[error("{name}: {error}")]
    Analyser {
        /// The instrument.
        name: String,
        /// Why.
        error: String,
    },
}

impl GridPlant {
    /// Compiles the plan's feeder.
    ///
    /// # Errors
    /// When the feeder cannot be compiled.
    pub fn new(plan: &Plan) -> Result<Self, SetupError> {
        let mut described = std::borrow::Cow::Borrowed(&plan.feeder);
        if plan.harmonics.as_ref().is_some_and(|harmonics| !harmonics.feeder_spectra) {
            without_spectra(described.to_mut());
        }
        let grid = Grid::compile(&described)?;
        let grid = if plan.added.is_empty() {
            grid
        } else {
            // Bases are known once the feeder is compiled, and an added load is rated at its bus's base.
            Grid::compile(&with_added(&described, &plan.added, &grid))?
        };
        let feeder = &grid.feeder;
        let ids = |kind: Kind, count: usize| (0..count).map(|k| grid.id(kind, k)).collect::<Vec<_>>();
        let lines = ids(Kind::Line, feeder.lines.len());
        let transformers = ids(Kind::Transformer, feeder.transformers.len());
        let reactors = ids(Kind::Reactor, feeder.reactors.len());
        let faults = plan.faults.iter().map(|fault| grid.element(Kind::Fault, &fault.element)).collect();
        let conductors = feeder.lines.values().map(|line| vec![true; feeder.line_phases(line)]).collect();
        let order = grid.listing.clone();
        let most_steps = feeder.capacitors.values().map(|c| c.q_kvar.len()).max().unwrap_or(0);
        let ratings = Ratings::new(&grid);
        let flow = PowerFlow::new(grid, settings(&plan.feeder));
        let controls = Controls::new(&flow)?;
        Ok(Self {
            study: Study::new(plan, &flow)?,
            voltages: vec![Complex::default(); order.len()],
            order,
            lines,
            transformers,
            reactors,
            faults,
            conductors,
            ratings,
            controls,
            mode: plan.controls,
            totals: Totals::default(),
            steps: vec![false; most_steps],
            terminal: Vec::with_capacity(MOST_CONDUCTORS),
            currents: Vec::with_capacity(MOST_CONDUCTORS),
            flow,
        })
    }

    /// The power flow.
    pub fn power_flow(&self) -> &PowerFlow {
        &self.flow
    }

    /// The solver's node of each of the plant's.
    pub fn node_ids(&self) -> &[NodeId] {
        &self.order
    }

    /// The study of harmonics as last solved; `None` where the plan asks for none, or where they have no solution.
    pub fn harmonic_study(&self) -> Option<&Harmonics> {
        self.study.as_ref().and_then(Study::solved)
    }

    /// Change of every node's voltage in V, in the order of [`Plant::voltages`], per W (`s_va` = 1) or var (`s_va` = j)
    /// injected at a node; `None` when the network cannot be solved.
    pub(super) fn voltage_per_power(&mut self, node: usize, s_va: Complex) -> Option<Vec<Complex>> {
        let dv = self.flow.voltage_per_power(*self.order.get(node)?, s_va).ok()?;
        self.order.iter().map(|id| dv.get(id.0 as usize).copied()).collect()
    }

    /// The power flow, for whoever solves it in another way.
    pub fn into_power_flow(self) -> PowerFlow {
        self.flow
    }

    fn branch(&self, branch: Branch) -> Option<ElementId> {
        let (ids, index) = match branch {
            Branch::Line(k) => (&self.lines, k),
            Branch::Transformer(k) => (&self.transformers, k),
            Branch::Reactor(k) => (&self.reactors, k),
        };
        ids.get(index).copied().flatten()
    }

    pub(super) fn element(&self, element: Element) -> Option<ElementId> {
        match element {
            Element::Branch(branch) => self.branch(branch),
            Element::Capacitor(k) => self.flow.grid().id(Kind::Capacitor, k),
            Element::Fault(k) => self.faults.get(k).copied().flatten(),
        }
    }

    fn serve(&mut self, kind: Kind, index: usize, on: bool) {
        if let Some(id) = self.flow.grid().id(kind, index) {
            self.flow.set_in_service(id, on);
        }
    }

    /// The conductors of an element's first terminal.
    fn add_terminal(&mut self, id: ElementId) {
        self.flow.currents_into(id, &mut self.currents);
        let grid = self.flow.grid();
        for (node, &i_a) in grid.first_terminal(id).zip(&self.currents) {
            let known =
                node.map(|node| (grid.nodes.get(node.0 as usize).map_or(0, |n| n.number), self.flow.voltage(node)));
            let (number, v_v) = known.unwrap_or_default();
            self.terminal.push(Conductor { number, v_v, i_a });
        }
    }

    fn keep_voltages(&mut self) {
        for (v, &node) in self.voltages.iter_mut().zip(&self.order) {
            *v = self.flow.voltage(node);
        }
    }
}

fn settings(feeder: &Feeder) -> Settings {
    let default = Settings::default();
    Settings {
        tolerance_pu: feeder.solve.tolerance_pu.map_or(default.tolerance_pu, |x| x.max(Settings::FLOOR_PU)),
        max_iterations: feeder.solve.max_iterations.map_or(default.max_iterations, |n| n.max(default.max_iterations)),
        ..default
    }
}

fn with_added(feeder: &Feeder, added: &[Added], grid: &Grid) -> Feeder {
    let mut feeder = feeder.clone();
    for load in added {
        let base_v = load.bus.nodes.first().and_then(|n| grid.node(&format!("{}.{n}", load.bus.bus)));
        let base_kv = base_v.and_then(|id| grid.nodes.get(id.0 as usize)).map_or(1.0, |node| node.base_v / 1000.0);
        let phases = load.bus.nodes.len();
        // Loads of two and three phases are rated line to line.
        let v_kv = if phases == 1 { base_kv } else { base_kv * 3f64.sqrt() };
        let [v_min_pu, v_max_pu] = load.band_pu;
        // What it draws is told step by step.
        let added = Load { v_min_pu, v_max_pu, ..Load::constant_power(load.bus.clone(), phases, v_kv) };
        feeder.loads.insert(load.name.clone(), added);
    }
    feeder
}

impl Plant for GridPlant {
    fn nodes(&self) -> Vec<Node> {
        let grid = self.flow.grid();
        let node = |id: &NodeId| {
            let node = grid.nodes.get(id.0 as usize)?;
            let bus = grid.buses.get(node.bus)?.name.clone();
            Some(Node { bus, number: node.number, base_v: node.base_v })
        };
        self.order.iter().filter_map(node).collect()
    }

    fn set_load(&mut self, load: usize, p_w: f64, q_var: f64) {
        self.flow.set_power(load, p_w, q_var);
        // The feeder's own multiplier is part of what the loop says.
        self.flow.set_multiplier(load, 1.0, 1.0);
    }

    fn set_load_phase(&mut self, load: usize, phase: usize, p_w: f64, q_var: f64) {
        self.flow.set_power_phase(load, phase, p_w, q_var);
    }

    fn switch(&mut self, branch: Branch, open: bool) {
        if let Some(id) = self.branch(branch) {
            self.flow.set_in_service(id, !open);
        }
    }

    fn switch_phases(&mut self, line: usize, phases: Phases, open: bool) {
        let (Some(id), Some(closed)) = (self.branch(Branch::Line(line)), self.conductors.get_mut(line)) else { return };
        closed.iter_mut().enumerate().filter(|(k, _)| phases.has(*k)).for_each(|(_, closed)| *closed = !open);
        self.flow.set_phases(id, closed);
    }

    fn lose(&mut self, unit: Unit, lost: bool) {
        let feeder = &self.flow.grid().feeder;
        let generators = feeder.loads.len() + feeder.generators.len();
        let injection = match unit {
            Unit::Capacitor(k) => return self.serve(Kind::Capacitor, k, !lost),
            Unit::Source(k) => return self.serve(Kind::Source, k, !lost),
            // The loop tells loads, generators and devices what they draw.
            Unit::Load(_) | Unit::Generator(_) | Unit::Device(_) => return,
            Unit::PvSystem(k) => generators + k,
            Unit::Storage(k) => generators + feeder.pv_systems.len() + k,
        };
        let multiplier = if lost { 0.0 } else { 1.0 };
        self.flow.set_multiplier(injection, multiplier, multiplier);
    }

    fn set_source(&mut self, source: usize, phase: usize, v_pu: f64, angle_deg: f64) {
        self.flow.set_source_phasor(source, phase, v_pu, angle_deg);
    }

    fn set_frequency(&mut self, f_hz: f64) {
        // The plan holds frequencies to what every element has a model at.
        let _ = self.flow.set_frequency(f_hz);
    }

    fn switch_fault(&mut self, fault: usize, on: bool) {
        if let Some(id) = self.faults.get(fault).copied().flatten() {
            self.flow.set_in_service(id, on);
        }
    }

    fn switch_capacitor(&mut self, capacitor: usize, closed: bool) {
        let count = self.flow.capacitor_steps(capacitor).len();
        if let Some(steps) = self.steps.get_mut(..count) {
            steps.fill(closed);
            self.flow.set_capacitor(capacitor, steps);
        }
    }

    fn closed_steps(&self, capacitor: usize) -> usize {
        self.flow.capacitor_steps(capacitor).iter().filter(|closed| **closed).count()
    }

    fn set_tap(&mut self, regulator: usize, tap: i32) {
        self.controls.set_tap_number(&mut self.flow, regulator, tap);
    }

    fn tap(&self, regulator: usize) -> i32 {
        self.controls.tap_number(&self.flow, regulator)
    }

    fn solve(&mut self, clock_s: f64) -> Solution {
        let Settled { solved, at_rest, .. } = match self.mode {
            ControlMode::Off => Settled { solved: self.flow.solve(), rounds: 1, at_rest: true },
            ControlMode::Static => self.controls.settle(&mut self.flow),
            ControlMode::Time => self.controls.step(clock_s, &mut self.flow),
        };
        self.keep_voltages();
        self.totals = self.flow.totals();
        Solution {
            converged: solved.converged(),
            at_rest: at_rest || !solved.converged(),
            iterations: solved.iterations,
            mismatch_pu: self.totals.mismatch_pu,
            worst_node: solved.worst.and_then(|worst| self.order.iter().position(|&id| id == worst)),
        }
    }

    fn harmonics(&mut self) -> Option<&mut dyn HarmonicPlant> {
        if self.study.is_some() { Some(self) } else { None }
    }

    fn voltages(&self) -> &[Complex] {
        &self.voltages
    }

    fn source_power(&self) -> Complex {
        self.totals.source_va
    }

    fn losses(&self) -> Complex {
        self.totals.losses_va
    }

    fn terminal(&mut self, element: Element) -> &[Conductor] {
        let id = self.element(element);
        self.terminal.clear();
        if let Some(id) = id {
            self.add_terminal(id);
        }
        &self.terminal
    }

    fn drawn_phase(&self, load: usize, phase: usize) -> Complex {
        self.flow.drawn_phase(load, phase)
    }

    fn loading_percent(&self, branch: Branch) -> f64 {
        let loading = self.branch(branch).and_then(|id| self.ratings.loading_percent(&self.flow, id));
        loading.unwrap_or(f64::NAN)
    }

    fn worst_loading(&self) -> (f64, Option<Branch>) {
        let Some((id, percent)) = self.ratings.worst(&self.flow) else { return (f64::NAN, None) };
        let place = |ids: &[Option<ElementId>]| ids.iter().position(|own| *own == Some(id));
        let line = place(&self.lines).map(Branch::Line);
        let branch = line.or_else(|| place(&self.transformers).map(Branch::Transformer));
        (percent, branch.or_else(|| place(&self.reactors).map(Branch::Reactor)))
    }
}

#[cfg(test)]
mod tests {
    use crate::bench::{Batch, Bench};
    use crate::record::{Recorder, Table};

    const FEEDER: &str = "
feeder: f
voltage_bases_kv: [12.47]
sources: {grid: {bus: head, v_kv: 12.47, ideal: true}}
lines: {l: {from: head, to: end, total: {r1_ohm: 1.0e-3, x1_ohm: 1.0e-3, r0_ohm: 1.0e-3, x0_ohm: 1.0e-3}}}
loads: {town: {bus: end, v_kv: 12.47, p_kw: 300, q_kvar: 60}, fixed: {bus: end.2, phases: 1, v_kv: 7.2, p_kw: 10, status: fixed}}
generators: {mill: {bus: end, v_kv: 12.47, p_kw: 100, q_kvar: 20, daily: river}}
shapes: {river: {interval_s: 60, p: [0.5, 1.0]}}
";
    const SCENARIO: &str = "
scenario: s
feeder: f.yaml
duration_s: 240
step_s: 60
controls: off
load_multiplier: 0.5
events: [{at_s: 180, add_load: {bus: end.3, p_kw: 7, q_kvar: 3}, for_s: 60}, {at_s: 240, open: l}]
";

    /// On a line that hardly drops any voltage, the source feeds what loads draw less what the generator feeds in.
    #[test]
    fn the_source_feeds_what_the_plan_says() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f.yaml"), FEEDER).unwrap();
        std::fs::write(dir.path().join("s.yaml"), SCENARIO).unwrap();
        let reading = crate::scenario::read(&dir.path().join("s.yaml"));
        let plan = reading.plan.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
        let bench = Bench::new(&plan).unwrap();
        let path = dir.path().join("series.csv");
        let mut recorder = Recorder::create(&path, bench.channels()).unwrap();
        let outcome = bench.run(Some(&mut recorder), &mut Batch, &mut |_| ()).unwrap();
        recorder.finish().unwrap();
        let table = Table::read_csv(&path).unwrap();
        let kw: Vec<f64> = table.column("source.p_w").unwrap().iter().map(|w| w / 1000.0).collect();
        let kvar: Vec<f64> = table.column("source.q_var").unwrap().iter().map(|w| w / 1000.0).collect();
        let (town, fixed) = ((150.0, 30.0), 10.0);
        let expected = [
            (town.0 + fixed - 50.0, town.1 - 10.0),
            (town.0 + fixed - 100.0, town.1 - 20.0),
            (town.0 + fixed - 50.0 + 7.0, town.1 - 10.0 + 3.0),
            (0.0, 0.0),
        ];
        for (k, (p_kw, q_kvar)) in expected.into_iter().enumerate() {
            assert!((kw[k] - p_kw).abs() < 0.01 && (kvar[k] - q_kvar).abs() < 0.01, "{k}: {} {}", kw[k], kvar[k]);
        }
        assert_eq!(outcome.de_energised_max, 3);
    }
}
