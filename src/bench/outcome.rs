//! What a run came to: statistics over every node and every tick, gathered as the run goes.

use super::numbers::Numbers;
use super::plant::{Node, Plant, Solution};
use super::verdict::Verdict;
use crate::quantity::{Complex, Tick};
use crate::scenario::Planned;

/// What a run came to. Voltages are per unit of each node's base, over phase nodes that something feeds.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Solved ticks.
    pub ticks: u64,
    /// Ticks without a solution.
    pub not_converged: u64,
    /// The first tick without a solution, and the node farthest from one.
    pub first_not_converged: Option<(Tick, Option<String>)>,
    /// Ticks at whose solution controls would still have acted, on and on.
    pub not_at_rest: u64,
    /// Iterations of all ticks.
    pub iterations: u64,
    /// Most iterations of one tick.
    pub iterations_max: u32,
    /// Energy out of the sources in Wh.
    pub source_wh: f64,
    /// Energy lost in Wh.
    pub losses_wh: f64,
    /// Largest active power out of the sources in W, and its tick.
    pub peak_source: Option<(f64, Tick)>,
    /// Share of node voltages outside the limits, over all nodes and ticks.
    pub out_of_limits: f64,
    /// Most nodes that nothing feeds at one tick.
    pub de_energised_max: usize,
    /// Each regulator's taps moved, in steps.
    pub tap_operations: Vec<u64>,
    /// Each capacitor bank's steps switched.
    pub capacitor_operations: Vec<u64>,
    /// Each phase node.
    pub nodes: Vec<NodeOutcome>,
    /// All voltages at the tick with the voltage farthest beyond a limit (or nearest to one).
    pub worst: Snapshot,
    /// What conditions set off, in order of time.
    pub triggered: Vec<Planned>,
    /// Answers that came too late in a paced run, of each controller that is a program of the user's own.
    pub late: Vec<(String, u64)>,
    /// What came of each real device.
    pub real: Vec<super::Told>,
    /// What each of the plan's quantities came to, in their order.
    pub numbers: Vec<Numbers>,
    /// What each expectation came to, in the scenario's order; one more when a step has no solution and no expectation is
    /// about that.
    pub verdicts: Vec<Verdict>,
}

/// What one node's voltage came to.
#[derive(Clone, Debug)]
pub struct NodeOutcome {
    /// The node.
    pub node: Node,
    /// Its place among the plant's nodes.
    pub index: usize,
    /// Phase it is fed from: 0, 1, 2 for a, b, c.
    pub phase: usize,
    /// Distance to the source along lines in m.
    pub distance_m: f64,
    /// Lowest voltage and its first tick; infinite when it was never fed.
    pub min: (f64, Tick),
    /// Highest voltage and its first tick.
    pub max: (f64, Tick),
    /// Mean voltage over the ticks at which it was fed; NaN when there is none.
    pub mean_pu: f64,
    fed: u64,
}

/// All voltages at one tick.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The tick.
    pub tick: Tick,
    /// Magnitudes per unit, in the order of the plant's nodes; 0 where nothing feeds a node or it has no base.
    pub v_pu: Vec<f64>,
}

/// Voltages of one tick in few numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) min_pu: f64,
    pub(super) mean_pu: f64,
    pub(super) max_pu: f64,
    pub(super) out_of_limits: usize,
    pub(super) de_energised: usize,
    /// Nodes with the lowest and the highest voltage, by place.
    pub(super) extremes: [Option<usize>; 2],
}

impl Spread {
    /// Of a tick without a solution.
    pub(super) const UNKNOWN: Self = Self {
        min_pu: f64::NAN,
        mean_pu: f64::NAN,
        max_pu: f64::NAN,
        out_of_limits: 0,
        de_energised: 0,
        extremes: [None; 2],
    };
}

/// Gathers an [`Outcome`] tick by tick.
pub(super) struct Gatherer {
    outcome: Outcome,
    limits_pu: [f64; 2],
    worst_excess: f64,
    outside: u64,
    fed: u64,
    taps: Vec<i32>,
    steps: Vec<usize>,
}

impl Gatherer {
    /// `nodes` are the phase nodes; `all` is the number of the plant's nodes.
    pub(super) fn new(
        nodes: Vec<NodeOutcome>,
        all: usize,
        limits_pu: [f64; 2],
        taps: Vec<i32>,
        steps: Vec<usize>,
    ) -> Self {
        let outcome = Outcome {
            ticks: 0,
            not_converged: 0,
            first_not_converged: None,
            not_at_rest: 0,
            iterations: 0,
            iterations_max: 0,
            source_wh: 0.0,
            losses_wh: 0.0,
            peak_source: None,
            out_of_limits: 0.0,
            de_energised_max: 0,
            tap_operations: vec![0; taps.len()],
            capacitor_operations: vec![0; steps.len()],
            nodes,
            worst: Snapshot { tick: Tick(0), v_pu: vec![0.0; all] },
            triggered: Vec::new(),
            late: Vec::new(),
            real: Vec::new(),
            numbers: Vec::new(),
            verdicts: Vec::new(),
        };
        Self { outcome, limits_pu, worst_excess: f64::NEG_INFINITY, outside: 0, fed: 0, taps, steps }
    }

    /// Takes in the voltages of a tick.
    pub(super) fn voltages(&mut self, tick: Tick, voltages: &[Complex]) -> Spread {
        let [low, high] = self.limits_pu;
        let mut spread = Spread {
            min_pu: f64::INFINITY,
            mean_pu: 0.0,
            max_pu: f64::NEG_INFINITY,
            out_of_limits: 0,
            de_energised: 0,
            extremes: [None; 2],
        };
        let mut fed = 0u32;
        for node in &mut self.outcome.nodes {
            let v_pu = voltages.get(node.index).map_or(0.0, |v| v.norm() / node.node.base_v);
            // Exactly 0 is what the plant reports where nothing feeds a node; NaN is no voltage either.
            if v_pu == 0.0 || v_pu.is_nan() {
                spread.de_energised += 1;
                continue;
            }
            node.take(v_pu, tick);
            fed += 1;
            if v_pu < spread.min_pu {
                (spread.min_pu, spread.extremes[0]) = (v_pu, Some(node.index));
            }
            if v_pu > spread.max_pu {
                (spread.max_pu, spread.extremes[1]) = (v_pu, Some(node.index));
            }
            spread.mean_pu += v_pu;
            spread.out_of_limits += usize::from(!(low..=high).contains(&v_pu));
        }
        spread.mean_pu /= f64::from(fed);
        self.fed += u64::from(fed);
        self.outside += spread.out_of_limits as u64;
        self.outcome.de_energised_max = self.outcome.de_energised_max.max(spread.de_energised);
        let excess = (low - spread.min_pu).max(spread.max_pu - high);
        if excess > self.worst_excess {
            self.worst_excess = excess;
            self.keep_snapshot(tick, voltages);
        }
        spread
    }

    fn keep_snapshot(&mut self, tick: Tick, voltages: &[Complex]) {
        let worst = &mut self.outcome.worst;
        worst.tick = tick;
        for node in &self.outcome.nodes {
            if let (Some(kept), Some(v)) = (worst.v_pu.get_mut(node.index), voltages.get(node.index)) {
                *kept = v.norm() / node.node.base_v;
            }
        }
    }

    /// Takes in how a tick's solution went and the power it found, over a step of `step_h` hours.
    pub(super) fn solution(&mut self, tick: Tick, solution: Solution, [source_w, losses_w]: [f64; 2], step_h: f64) {
        let o = &mut self.outcome;
        o.ticks += 1;
        o.iterations += u64::from(solution.iterations);
        o.not_at_rest += u64::from(!solution.at_rest);
        o.iterations_max = o.iterations_max.max(solution.iterations);
        if !solution.converged {
            o.not_converged += 1;
            if o.first_not_converged.is_none() {
                let node = |k| o.nodes.iter().find(|n| n.index == k).map(|n| n.node.name());
                o.first_not_converged = Some((tick, solution.worst_node.and_then(node)));
            }
            return;
        }
        o.source_wh += source_w * step_h;
        o.losses_wh += losses_w * step_h;
        if o.peak_source.is_none_or(|(peak, _)| source_w > peak) {
            o.peak_source = Some((source_w, tick));
        }
    }

    /// Takes in where regulators and capacitors stand.
    pub(super) fn positions(&mut self, plant: &impl Plant) {
        for (k, (tap, count)) in self.taps.iter_mut().zip(&mut self.outcome.tap_operations).enumerate() {
            let now = plant.tap(k);
            *count += u64::from(now.abs_diff(*tap));
            *tap = now;
        }
        for (k, (steps, count)) in self.steps.iter_mut().zip(&mut self.outcome.capacitor_operations).enumerate() {
            let now = plant.closed_steps(k);
            *count += now.abs_diff(*steps) as u64;
            *steps = now;
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a share of counts far below 2^53")]
    pub(super) fn finish(mut self) -> Outcome {
        self.outcome.out_of_limits = if self.fed == 0 { 0.0 } else { self.outside as f64 / self.fed as f64 };
        for node in &mut self.outcome.nodes {
            node.mean_pu /= node.fed as f64;
        }
        self.outcome
    }
}

impl NodeOutcome {
    pub(super) fn new(node: Node, index: usize, phase: usize, distance_m: f64) -> Self {
        let (min, max) = ((f64::INFINITY, Tick(0)), (f64::NEG_INFINITY, Tick(0)));
        Self { node, index, phase, distance_m, min, max, mean_pu: 0.0, fed: 0 }
    }

    /// `mean_pu` is a sum until the run has ended.
    fn take(&mut self, v_pu: f64, tick: Tick) {
        if v_pu < self.min.0 {
            self.min = (v_pu, tick);
        }
        if v_pu > self.max.0 {
            self.max = (v_pu, tick);
        }
        self.mean_pu += v_pu;
        self.fed += 1;
    }
}

impl Outcome {
    /// Whether every expectation holds, that every step has a solution among them.
    pub fn passed(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.passed)
    }

    /// The node with the lowest voltage of the run.
    pub fn lowest(&self) -> Option<&NodeOutcome> {
        let fed = self.nodes.iter().filter(|n| n.fed > 0);
        fed.min_by(|a, b| a.min.0.total_cmp(&b.min.0))
    }

    /// The node with the highest voltage of the run.
    pub fn highest(&self) -> Option<&NodeOutcome> {
        // Of equally high ones the first, as for the lowest: `max_by` alone would take the last.
        let fed = self.nodes.iter().filter(|n| n.fed > 0);
        fed.min_by(|a, b| b.max.0.total_cmp(&a.max.0))
    }
}
