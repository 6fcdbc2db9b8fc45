//! The plant of a run: the plan's feeder, compiled.

use super::plant::{Node, Plant, Solution};
use crate::feeder::{Connection, Feeder, Load, LoadModel, LoadStatus, Regulator, Winding};
use crate::quantity::Complex;
use crate::scenario::{Added, Plan};
use crate::solver::{ElementId, Grid, GridError, Kind, NodeId, PowerFlow, Settings};

/// A compiled feeder with a plan's added loads and its controls.
#[derive(Debug)]
pub struct GridPlant {
    flow: PowerFlow,
    /// Nodes in the feeder's order.
    order: Vec<NodeId>,
    /// Their voltages.
    voltages: Vec<Complex>,
    lines: Vec<Option<ElementId>>,
    taps: Vec<Option<TapChanger>>,
    /// Scratch for switching: closed steps of a bank.
    steps: Vec<bool>,
}

/// The winding whose tap a regulator moves.
#[derive(Clone, Copy, Debug)]
struct TapChanger {
    transformer: usize,
    winding: usize,
    step_pu: f64,
    low: i32,
    high: i32,
}

impl GridPlant {
    /// Compiles the plan's feeder.
    ///
    /// # Errors
    /// When the feeder cannot be compiled.
    pub fn new(plan: &Plan) -> Result<Self, GridError> {
        let grid = if plan.added.is_empty() {
            Grid::compile(&plan.feeder)?
        } else {
            // Bases are known once the feeder is compiled, and an added load is rated at its bus's base.
            let without = Grid::compile(&plan.feeder)?;
            Grid::compile(&with_added(&plan.feeder, &plan.added, &without))?
        };
        let feeder = &grid.feeder;
        let lines = feeder.lines.keys().map(|name| grid.element(Kind::Line, name)).collect();
        let taps = feeder.regulators.values().map(|regulator| tap_changer(feeder, regulator)).collect();
        let order = grid.listing.clone();
        let most_steps = feeder.capacitors.values().map(|c| c.q_kvar.len()).max().unwrap_or(0);
        let flow = PowerFlow::new(grid, settings(&plan.feeder));
        let voltages = vec![Complex::default(); order.len()];
        Ok(Self { flow, order, voltages, lines, taps, steps: vec![false; most_steps] })
    }

    /// The power flow.
    pub fn power_flow(&self) -> &PowerFlow {
        &self.flow
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

fn tap_changer(feeder: &Feeder, regulator: &Regulator) -> Option<TapChanger> {
    let (transformer, _, t) = feeder.transformers.get_full(&regulator.transformer)?;
    let winding = regulator.tap_winding.unwrap_or(regulator.winding).checked_sub(1)?;
    let (step_pu, low, high) = tap_range(t.windings.get(winding)?);
    Some(TapChanger { transformer, winding, step_pu, low, high })
}

/// Size of a step per unit, and the lowest and highest tap in steps from neutral.
#[allow(clippy::cast_possible_truncation, reason = "a tap number; a float cast saturates")]
fn tap_range(winding: &Winding) -> (f64, i32, i32) {
    let step_pu = (winding.tap_max_pu - winding.tap_min_pu) / f64::from(winding.tap_steps.max(1));
    let tap = |tap_pu: f64| ((tap_pu - 1.0) / step_pu).round() as i32;
    (step_pu, tap(winding.tap_min_pu), tap(winding.tap_max_pu))
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
        if let Some(t) = self.taps.get(regulator).copied().flatten() {
            let tap_pu = 1.0 + f64::from(tap.clamp(t.low, t.high)) * t.step_pu;
            self.flow.set_tap(t.transformer, t.winding, tap_pu);
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "a tap number; a float cast saturates")]
    fn tap(&self, regulator: usize) -> i32 {
        let tap = |t: TapChanger| ((self.flow.tap_pu(t.transformer, t.winding) - 1.0) / t.step_pu).round() as i32;
        self.taps.get(regulator).copied().flatten().map_or(0, tap)
    }

    fn solve(&mut self, _clock_s: f64) -> Solution {
        let solved = self.flow.solve();
        self.keep_voltages();
        let worst_node = solved.worst.and_then(|worst| self.order.iter().position(|&id| id == worst));
        Solution {
            converged: solved.converged(),
            iterations: solved.iterations,
            mismatch_pu: self.flow.mismatch_pu(),
            worst_node,
        }
    }

    fn voltages(&self) -> &[Complex] {
        &self.voltages
    }

    fn source_power(&self) -> Complex {
        self.flow.source_power()
    }

    fn losses(&self) -> Complex {
        self.flow.losses()
    }
}
