//! The general way: each sample is the scenario read anew with its values, and run.

use std::path::PathBuf;

use super::design::Design;
use super::result::{CONVERGED, NOT_CONVERGED, REFUSED, named};
use super::sheet::Sheet;
use crate::bench::{Batch, Bench, GridPlant, Outcome, Plant, phase_nodes};
use crate::quantity::Tick;
use crate::record::fnv1a_64;
use crate::scenario::{Document, Input, Plan};

/// Runs one sample after another.
pub(super) struct Runs<'a> {
    /// The scenario.
    pub(super) document: &'a Document,
    pub(super) design: &'a Design,
    /// The files it was made of, as they were at the start.
    pub(super) inputs: &'a [Input],
    /// Each sample is one solution, recorded as such.
    pub(super) snapshot: bool,
}

impl Runs<'_> {
    /// Fills a sheet with the samples from `first` on.
    ///
    /// # Errors
    /// The path of a file that is no longer what it was at the start.
    pub(super) fn fill(&mut self, first: u64, sheet: &mut Sheet) -> Result<(), PathBuf> {
        let variables = self.design.variables.len();
        for row in 0..sheet.rows() {
            let sample = first + row as u64;
            let values: Vec<f64> = (0..variables).map(|k| self.design.value(k, sample)).collect();
            sheet.fill(0, row, &values);
            match self.sample(&values)? {
                Some(results) => sheet.fill(variables, row, &results),
                None => sheet.set(variables, row, REFUSED),
            }
        }
        Ok(())
    }

    /// What a sample comes to; `None` when its values make no scenario that can be run.
    fn sample(&self, values: &[f64]) -> Result<Option<Vec<f64>>, PathBuf> {
        let values = self.design.variables.iter().zip(values).map(|(v, value)| (v, v.law.scalar(*value)));
        let reading = self.document.sample(values);
        // Also when it is refused: that may be because of the change.
        for (path, text) in reading.sources.iter() {
            let now = fnv1a_64(text.as_bytes());
            // Several values from the command line go by one name: any of them will do.
            let mut known = self.inputs.iter().filter(|input| input.path == path).peekable();
            if known.peek().is_some() && known.all(|input| input.fnv1a_64 != now) {
                return Err(path.to_owned());
            }
        }
        let Some(plan) = reading.plan else { return Ok(None) };
        let Ok(bench) = Bench::new(&plan) else { return Ok(None) };
        Ok(if self.snapshot { Some(snapshot(&plan, bench)) } else { run(&plan, bench) })
    }
}

fn snapshot(plan: &Plan, bench: Bench<'_, GridPlant>) -> Vec<f64> {
    let nodes = phase_nodes(plan, &bench.plant().nodes());
    let mut plant = bench.plant_at(Tick(1));
    let solution = plant.solve(plan.clock_s(Tick(1)));
    let iterations = f64::from(solution.iterations);
    if !solution.converged {
        return vec![NOT_CONVERGED, iterations];
    }
    let voltages = plant.voltages();
    let v_pu = |n: &crate::bench::NodeOutcome| voltages.get(n.index).map_or(0.0, |v| v.norm() / n.node.base_v);
    let fed: Vec<f64> = nodes.iter().map(v_pu).filter(|v| *v != 0.0 && !v.is_nan()).collect();
    let [low, high] = plan.watch.limits_pu;
    let outside = fed.iter().filter(|v| !(low..=high).contains(*v)).count();
    let (min, max) = (fed.iter().copied().reduce(f64::min), fed.iter().copied().reduce(f64::max));
    let mean = fed.iter().sum::<f64>() / count(fed.len());
    let (source, losses) = (plant.source_power() / 1000.0, plant.losses() / 1000.0);
    vec![
        CONVERGED,
        iterations,
        min.unwrap_or(f64::NAN),
        mean,
        max.unwrap_or(f64::NAN),
        count(outside),
        count(nodes.len() - fed.len()),
        losses.re,
        source.re,
        source.im,
    ]
}

fn run(plan: &Plan, bench: Bench<'_, GridPlant>) -> Option<Vec<f64>> {
    let outcome = bench.run(None, &mut Batch, &mut |_| ()).ok()?;
    let held = |name: &str| outcome.verdicts.iter().any(|v| v.expectation == name && v.passed);
    let held = named(plan).map(|name| f64::from(u8::from(held(name))));
    Some(results(&outcome).into_iter().chain(held).collect())
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn results(o: &Outcome) -> Vec<f64> {
    let fed = || o.nodes.iter().filter(|n| !n.mean_pu.is_nan());
    let mean = fed().map(|n| n.mean_pu).sum::<f64>() / count(fed().count());
    vec![
        if o.not_converged == 0 { CONVERGED } else { NOT_CONVERGED },
        o.not_converged as f64,
        o.iterations as f64,
        o.lowest().map_or(f64::NAN, |n| n.min.0),
        mean,
        o.highest().map_or(f64::NAN, |n| n.max.0),
        100.0 * o.out_of_limits,
        count(o.de_energised_max),
        o.source_wh / 1000.0,
        o.losses_wh / 1000.0,
        o.peak_source.map_or(f64::NAN, |(w, _)| w / 1000.0),
        o.tap_operations.iter().sum::<u64>() as f64,
        o.capacitor_operations.iter().sum::<u64>() as f64,
        count(o.verdicts.iter().filter(|v| !v.passed).count()),
    ]
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn count(n: usize) -> f64 {
    n as f64
}
