//! The plant of a run: the plan's feeder, compiled.

use super::plant::{Node, Plant, Solution};
use crate::feeder::{Connection, ControlMode, Feeder, Load, LoadModel, LoadStatus};
use crate::quantity::Complex;
use crate::scenario::{Added, Plan};
use crate::solver::{ControlError, Controls, ElementId, Grid, GridError, Kind, NodeId, PowerFlow, Settings, Settled};

/// A compiled feeder with a plan's added loads and its controls.
#[derive(Debug)]
pub struct GridPlant {
    flow: PowerFlow,
    /// Nodes in the feeder's order.
    order: Vec<NodeId>,
    /// Their voltages.
    voltages: Vec<Complex>,
    lines: Vec<Option<ElementId>>,
    controls: Controls,
    mode: ControlMode,
    /// Power out of the sources at the last solution.
    source_va: Complex,
    /// Scratch for switching: closed steps of a bank.
    steps: Vec<bool>,
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
}

impl GridPlant {
    /// Compiles the plan's feeder.
    ///
    /// # Errors
    /// When the feeder cannot be compiled.
    pub fn new(plan: &Plan) -> Result<Self, SetupError> {
        let grid = if plan.added.is_empty() {
            Grid::compile(&plan.feeder)?
        } else {
            // Bases are known once the feeder is compiled, and an added load is rated at its bus's base.
            let without = Grid::compile(&plan.feeder)?;
            Grid::compile(&with_added(&plan.feeder, &plan.added, &without))?
        };
        let feeder = &grid.feeder;
        let lines = feeder.lines.keys().map(|name| grid.element(Kind::Line, name)).collect();
        let order = grid.listing.clone();
        let most_steps = feeder.capacitors.values().map(|c| c.q_kvar.len()).max().unwrap_or(0);
        let flow = PowerFlow::new(grid, settings(&plan.feeder));
        let controls = Controls::new(&flow)?;
        let voltages = vec![Complex::default(); order.len()];
        let steps = vec![false; most_steps];
        let source_va = Complex::default();
        Ok(Self { flow, order, voltages, lines, controls, mode: plan.controls, source_va, steps })
    }

    /// The power flow.
    pub fn power_flow(&self) -> &PowerFlow {
        &self.flow
    }

    /// The power flow, for good.
    pub fn into_power_flow(self) -> PowerFlow {
        self.flow
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
        feeder.loads.insert(load.name.clone(), constant_power(load, phases, v_kv));
    }
    feeder
}

fn constant_power(added: &Added, phases: usize, v_kv: f64) -> Load {
    Load {
        bus: added.bus.clone(),
        phases,
        connection: Connection::Wye,
        model: LoadModel::ConstantPower,
        v_kv,
        // What it draws is told step by step.
        p_kw: 0.0,
        q_kvar: 0.0,
        v_min_pu: 0.95,
        v_max_pu: 1.05,
        v_low_pu: 0.5,
        cvr_watts: 1.0,
        cvr_vars: 2.0,
        zip: None,
        status: LoadStatus::Fixed,
        neutral_r_ohm: None,
        neutral_x_ohm: 0.0,
        daily: None,
        yearly: None,
        duty: None,
    }
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

    fn switch_line(&mut self, line: usize, open: bool) {
        if let Some(id) = self.lines.get(line).copied().flatten() {
            self.flow.set_in_service(id, !open);
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
        self.source_va = self.flow.source_power();
        Solution {
            converged: solved.converged(),
            at_rest: at_rest || !solved.converged(),
            iterations: solved.iterations,
            mismatch_pu: self.flow.mismatch_pu(),
            worst_node: solved.worst.and_then(|worst| self.order.iter().position(|&id| id == worst)),
        }
    }

    fn voltages(&self) -> &[Complex] {
        &self.voltages
    }

    fn source_power(&self) -> Complex {
        self.source_va
    }

    fn losses(&self) -> Complex {
        self.flow.losses()
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
events: [{at_s: 180, add_load: {bus: end.3, p_kw: 7, q_kvar: 3, for_s: 60}}, {at_s: 240, open: l}]
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
        let outcome = bench.run(&mut recorder, &mut Batch, &mut |_| ()).unwrap();
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
