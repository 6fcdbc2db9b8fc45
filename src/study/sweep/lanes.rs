//! The short way: load multiplier and load scales of a scenario that is one solution, in lanes, without any text.
//!
//! Every sample starts from the base solution (all variables at their median) and a lane does the same operations
//! whatever the others do: a sample's numbers depend on the sample alone, not on lanes, threads, blocks or shards.

use super::design::Design;
use super::result::{CONVERGED, NOT_CONVERGED, REFUSED};
use super::sheet::Sheet;
use crate::bench::{Bench, Plant, SetupError, phase_nodes};
use crate::feeder::ControlMode;
use crate::quantity::Tick;
use crate::scenario::Plan;
use crate::scenario::vary::Variable;
use crate::solver::{Batch, LanePowers, NodeId, PowerFlow, Settings};

/// Complex voltage error of a sweep's solutions unless the feeder says otherwise, per unit.
const TOLERANCE_PU: f64 = 1e-6;

/// What a variable multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// All loads that follow the load multiplier.
    All,
    /// One load.
    Load(usize),
}

/// Whether all there is to know of a sample is one solution: nothing acts after it, and nothing is expected of it.
pub(super) fn is_snapshot(plan: &Plan) -> bool {
    plan.last == Tick(1) && plan.triggers.is_empty() && plan.equipment.is_empty() && plan.expectations.is_empty()
}

/// What each variable multiplies, if the whole sweep can go this way.
pub(super) fn effects(plan: &Plan) -> Option<Vec<Effect>> {
    let one_solution = is_snapshot(plan) && plan.controls == ControlMode::Off && plan.events.is_empty();
    let effect = |variable: &Variable| match variable.path.as_str() {
        _ if variable.law.labels().is_some() => None,
        "load_multiplier" => Some(Effect::All),
        path => {
            let name = path.strip_prefix("loads.")?.strip_suffix(".scale")?;
            plan.feeder.loads.get_index_of(name).map(Effect::Load)
        }
    };
    if one_solution { plan.vary.iter().map(effect).collect() } else { None }
}

/// A network at multiplier 1 of everything that varies, and how samples move it.
pub(super) struct Snapshots {
    flow: PowerFlow,
    effects: Vec<Effect>,
    /// Of each load: whether the load multiplier applies to it.
    follows: Vec<bool>,
    /// Loads that some variable moves.
    moved: Vec<usize>,
    nodes: Vec<(NodeId, f64)>,
    limits_pu: [f64; 2],
}

impl Snapshots {
    /// `plan` is the scenario with 1 for every variable.
    pub(super) fn new(plan: &Plan, effects: Vec<Effect>) -> Result<Self, SetupError> {
        let bench = Bench::new(plan)?;
        let phase_nodes = phase_nodes(plan, &bench.plant().nodes());
        let mut flow = bench.plant_at(Tick(1)).into_power_flow();
        let tolerance_pu = plan.feeder.solve.tolerance_pu.map_or(TOLERANCE_PU, |t| t.max(Settings::FLOOR_PU));
        flow.settings.tolerance_pu = tolerance_pu;
        let listing = &flow.grid().listing;
        let nodes = phase_nodes.iter().filter_map(|n| Some((*listing.get(n.index)?, 1.0 / n.node.base_v)));
        let nodes = nodes.collect();
        // A shape of actual powers takes the place of the load multiplier.
        let shaped = |k: Option<usize>| k.and_then(|k| plan.shapes.get(k)).is_some_and(|shape| shape.actual());
        let loads = plan.demands.iter().take(plan.feeder.loads.len());
        let follows: Vec<bool> = loads.map(|d| d.multiplied && !shaped(d.shape)).collect();
        let all = effects.contains(&Effect::All);
        let moves = |load: usize| (all && follows[load]) || effects.contains(&Effect::Load(load));
        let moved = (0..follows.len()).filter(|&load| moves(load)).collect();
        Ok(Self { flow, effects, follows, moved, nodes, limits_pu: plan.watch.limits_pu })
    }

    pub(super) fn tolerance_pu(&self) -> f64 {
        self.flow.settings.tolerance_pu
    }

    pub(super) fn isa(&self) -> crate::solver::Isa {
        self.flow.isa()
    }

    /// A solver of K samples at once.
    pub(super) fn lanes<'a, const K: usize>(&'a self, design: &'a Design) -> LaneSolver<'a, K> {
        let mut base = self.flow.clone();
        let medians: Vec<f64> = design.variables.iter().map(|v| v.law.median().max(0.0)).collect();
        let mut factors = Factors::new(self);
        factors.set(&medians);
        self.moved.iter().for_each(|&load| base.set_multiplier(load, factors.of(load), factors.of(load)));
        let powers = LanePowers::new(base.grid());
        let values = vec![0.0; design.variables.len()];
        LaneSolver { network: self, design, batch: Batch::new(base), powers, factors, values }
    }
}

/// What a sample multiplies each load by.
struct Factors<'a> {
    network: &'a Snapshots,
    all: f64,
    own: Vec<f64>,
}

impl<'a> Factors<'a> {
    fn new(network: &'a Snapshots) -> Self {
        Self { network, all: 1.0, own: vec![1.0; network.follows.len()] }
    }

    fn set(&mut self, values: &[f64]) {
        self.all = 1.0;
        for (effect, &value) in self.network.effects.iter().zip(values) {
            match effect {
                Effect::All => self.all = value,
                Effect::Load(load) => self.own[*load] = value,
            }
        }
    }

    fn of(&self, load: usize) -> f64 {
        self.own[load] * if self.network.follows[load] { self.all } else { 1.0 }
    }
}

/// Solves K samples at once.
pub(super) struct LaneSolver<'a, const K: usize> {
    network: &'a Snapshots,
    design: &'a Design,
    batch: Batch<K>,
    powers: LanePowers,
    factors: Factors<'a>,
    values: Vec<f64>,
}

impl<const K: usize> LaneSolver<'_, K> {
    /// Fills a sheet with the samples from `first` on.
    pub(super) fn fill(&mut self, first: u64, sheet: &mut Sheet) {
        let rows = sheet.rows();
        for start in (0..rows).step_by(K) {
            let lanes = K.min(rows - start);
            let mut sound = [false; K];
            for (lane, sound) in sound.iter_mut().enumerate() {
                // Lanes beyond the last sample repeat it.
                let row = start + lane.min(lanes - 1);
                *sound = self.draw(lane, first + row as u64, row, sheet);
            }
            self.batch.restart();
            self.solve(start, &sound[..lanes], sheet);
        }
    }

    /// Draws a sample into a lane; says whether the language takes its values.
    fn draw(&mut self, lane: usize, sample: u64, row: usize, sheet: &mut Sheet) -> bool {
        for (variable, value) in self.values.iter_mut().enumerate() {
            *value = self.design.value(variable, sample);
        }
        sheet.fill(0, row, &self.values);
        let sound = self.values.iter().all(|value| *value >= 0.0);
        if !sound {
            self.values.fill(1.0);
        }
        self.factors.set(&self.values);
        for &load in &self.network.moved {
            let factor = self.factors.of(load);
            self.batch.set_multiplier(lane, load, factor, factor);
        }
        sound
    }

    fn solve(&mut self, start: usize, sound: &[bool], sheet: &mut Sheet) {
        let status = self.values.len();
        let solved = self.batch.solve();
        let spread = self.spread();
        for (lane, &sound) in sound.iter().enumerate() {
            let row = start + lane;
            if !sound {
                sheet.set(status, row, REFUSED);
                continue;
            }
            let converged = solved[lane].converged();
            sheet.fill(
                status,
                row,
                &[if converged { CONVERGED } else { NOT_CONVERGED }, f64::from(solved[lane].iterations)],
            );
            if converged {
                let [source, losses] = self.powers.of(&self.batch, lane).map(|s| s / 1000.0);
                let s = spread.map(|values| values[lane]);
                sheet.fill(status + 2, row, &[s[0], s[1], s[2], s[3], s[4], losses.re, source.re, source.im]);
            }
        }
    }

    /// Lowest, mean and highest voltage per unit, nodes out of limits and nodes that nothing feeds, of every lane.
    fn spread(&self) -> [[f64; K]; 5] {
        let [low, high] = self.network.limits_pu;
        let (mut min, mut sum, mut max) = ([f64::INFINITY; K], [0.0; K], [f64::NEG_INFINITY; K]);
        let (mut outside, mut dead, mut fed) = ([0.0; K], 0.0, 0.0);
        for &(node, per_base) in &self.network.nodes {
            if !self.batch.energised(node) {
                dead += 1.0;
                continue;
            }
            fed += 1.0;
            let square = self.batch.voltage_squared(node);
            for k in 0..K {
                let v_pu = square[k].sqrt() * per_base;
                min[k] = if v_pu < min[k] { v_pu } else { min[k] };
                max[k] = if v_pu > max[k] { v_pu } else { max[k] };
                sum[k] += v_pu;
                outside[k] += if (v_pu < low) | (v_pu > high) { 1.0 } else { 0.0 };
            }
        }
        if fed == 0.0 {
            return [[f64::NAN; K], [f64::NAN; K], [f64::NAN; K], [0.0; K], [dead; K]];
        }
        [min, sum.map(|sum| sum / fed), max, outside, [dead; K]]
    }
}
