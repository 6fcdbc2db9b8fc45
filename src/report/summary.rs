//! `summary.json`: the numbers a run comes down to.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FinishedRun;
use crate::bench::{NodeOutcome, Verdict};
use crate::quantity::Tick;

/// The numbers a run comes down to. Times are seconds since its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The scenario's name.
    pub scenario: String,
    /// The feeder's name.
    pub feeder: String,
    /// Whether every step has a solution.
    pub status: Status,
    /// Solved steps.
    pub steps: u64,
    /// Length of the run in s.
    pub duration_s: f64,
    /// When a paced run was stopped, in s; then everything here is about the run until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at_s: Option<f64>,
    /// Voltages of all phase nodes at all steps, recorded or not.
    pub voltage: Voltage,
    /// All sources together.
    pub source: Source,
    /// Lines, transformers and series reactors.
    pub losses: Losses,
    /// Regulators, by name.
    pub regulators: IndexMap<String, Regulator>,
    /// Capacitor banks, by name.
    pub capacitors: IndexMap<String, Capacitor>,
    /// How solving went.
    pub solver: Solver,
    /// What each expectation came to, in the scenario's order; empty when it has none.
    pub expectations: Vec<Verdict>,
    /// Real devices that took the place of simulated ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hil: Vec<RealDevice>,
}

/// What came of a real device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RealDevice {
    /// What it took the place of.
    pub name: String,
    /// As what: `device`, `instrument`, `analyser`, `controller` (one outside, which the bench serves) or `amplifier`.
    pub role: String,
    /// What it is.
    pub device: String,
    /// Samples that came.
    pub samples: u64,
    /// Samples that were overtaken by a newer one before the loop took them.
    pub missed: u64,
    /// How often it was lost, or tripped.
    pub losses: u64,
    /// Whether it was not in the loop at the end.
    pub lost_at_end: bool,
    /// What happened, with its time.
    pub happened: Vec<String>,
    /// What its link said last that was wrong.
    pub trouble: Option<String>,
}

/// Whether every step has a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every step has one.
    Converged,
    /// Some step has none.
    NotConverged,
}

/// Voltages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Voltage {
    /// The lowest.
    pub min: Option<Extreme>,
    /// The highest.
    pub max: Option<Extreme>,
    /// The limits they are compared with, per unit.
    pub limits_pu: [f64; 2],
    /// Share outside the limits over all nodes and steps, in percent.
    pub out_of_limits_percent: f64,
    /// Most nodes that nothing fed at one step.
    pub de_energised_nodes_max: usize,
}

/// A voltage, where and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Extreme {
    /// Per unit of the node's base.
    pub v_pu: f64,
    /// The node.
    pub node: String,
    /// The first time, in s.
    pub t_s: f64,
}

/// All sources together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Energy into the feeder in kWh.
    pub energy_kwh: f64,
    /// Largest active power in kW.
    pub peak_kw: Option<f64>,
    /// When that was, in s.
    pub peak_t_s: Option<f64>,
}

/// Losses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Losses {
    /// Energy in kWh.
    pub energy_kwh: f64,
    /// Of the energy into the feeder, in percent.
    pub percent: Option<f64>,
}

/// A regulator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Regulator {
    /// Taps moved, in steps.
    pub operations: u64,
    /// Lowest and highest recorded tap.
    pub taps: Option<[i32; 2]>,
}

/// A capacitor bank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capacitor {
    /// Steps switched.
    pub operations: u64,
}

/// How solving went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Solver {
    /// Steps without a solution.
    pub not_converged: u64,
    /// The first of them, in s.
    pub first_not_converged_t_s: Option<f64>,
    /// The node then farthest from a solution.
    pub worst_node: Option<String>,
    /// Steps at which controls did not come to rest.
    pub controls_not_at_rest: u64,
    /// Iterations a step, on average.
    pub iterations_mean: f64,
    /// Most iterations of a step.
    pub iterations_max: u32,
}

impl Summary {
    pub(super) fn new(run: &FinishedRun) -> Self {
        let (plan, o) = (run.plan, run.outcome);
        let t_s = |tick: Tick| plan.step.time_s(tick);
        let extreme = |node: Option<&NodeOutcome>, of: fn(&NodeOutcome) -> (f64, Tick)| {
            node.map(|n| Extreme { v_pu: of(n).0, node: n.node.name(), t_s: t_s(of(n).1) })
        };
        let status = if o.not_converged == 0 { Status::Converged } else { Status::NotConverged };
        Self {
            scenario: plan.name.clone(),
            feeder: plan.feeder.feeder.clone(),
            status,
            steps: o.ticks,
            duration_s: t_s(Tick(o.ticks)),
            stopped_at_s: (o.ticks < plan.last.0).then(|| t_s(Tick(o.ticks))),
            voltage: Voltage {
                min: extreme(o.lowest(), |n| n.min),
                max: extreme(o.highest(), |n| n.max),
                limits_pu: plan.watch.limits_pu,
                out_of_limits_percent: 100.0 * o.out_of_limits,
                de_energised_nodes_max: o.de_energised_max,
            },
            source: Source {
                energy_kwh: o.source_wh / 1000.0,
                peak_kw: o.peak_source.map(|(w, _)| w / 1000.0),
                peak_t_s: o.peak_source.map(|(_, tick)| t_s(tick)),
            },
            losses: Losses {
                energy_kwh: o.losses_wh / 1000.0,
                percent: (o.source_wh > 0.0).then(|| 100.0 * o.losses_wh / o.source_wh),
            },
            regulators: regulators(run),
            capacitors: capacitors(run),
            solver: solver(run),
            expectations: o.verdicts.clone(),
            hil: o.real.iter().map(|own| real_device(own, &t_s)).collect(),
        }
    }
}

fn real_device(own: &crate::bench::Told, t_s: &dyn Fn(Tick) -> f64) -> RealDevice {
    RealDevice {
        name: own.name.clone(),
        role: own.role.name().to_owned(),
        device: own.device.clone(),
        samples: own.samples,
        missed: own.missed,
        losses: own.losses,
        lost_at_end: !own.there,
        happened: own.happened.iter().map(|(tick, what)| format!("{} s: {what}", t_s(*tick))).collect(),
        trouble: own.trouble.clone(),
    }
}

fn regulators(run: &FinishedRun) -> IndexMap<String, Regulator> {
    let names = run.plan.feeder.regulators.keys().zip(&run.outcome.tap_operations);
    let regulator = |(name, &operations): (&String, &u64)| {
        let taps = run.table.column(&format!("{name}.tap")).unwrap_or_default();
        #[allow(clippy::cast_possible_truncation, reason = "a tap number; a float cast saturates")]
        let tap = |t: f64| t as i32;
        let low = taps.iter().copied().min_by(f64::total_cmp).map(tap);
        let high = taps.iter().copied().max_by(f64::total_cmp).map(tap);
        (name.clone(), Regulator { operations, taps: low.zip(high).map(|(a, b)| [a, b]) })
    };
    names.map(regulator).collect()
}

fn capacitors(run: &FinishedRun) -> IndexMap<String, Capacitor> {
    let names = run.plan.feeder.capacitors.keys().zip(&run.outcome.capacitor_operations);
    names.map(|(name, &operations)| (name.clone(), Capacitor { operations })).collect()
}

#[allow(clippy::cast_precision_loss, reason = "a mean of counts far below 2^53")]
fn solver(run: &FinishedRun) -> Solver {
    let o = run.outcome;
    let first = o.first_not_converged.as_ref();
    Solver {
        not_converged: o.not_converged,
        first_not_converged_t_s: first.map(|(tick, _)| run.plan.step.time_s(*tick)),
        worst_node: first.and_then(|(_, node)| node.clone()),
        controls_not_at_rest: o.not_at_rest,
        iterations_mean: if o.ticks == 0 { 0.0 } else { o.iterations as f64 / o.ticks as f64 },
        iterations_max: o.iterations_max,
    }
}
