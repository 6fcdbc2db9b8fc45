//! `phasorbench benchmark FEEDER`: how fast a feeder is solved, and how exactly.
//!
//! Every load times 1 + 0.05·sin(2πk/60), warm start, controls off. The timed pass does nothing but steps; a second
//! pass over the same steps compares every node with a solution at 1e-12.

mod harmonics;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use phasorbench::feeder::Feeder;
use phasorbench::solver::{Batch, Controls, NodeId, PowerFlow, Settings, Solved};
use schemars::JsonSchema;
use serde::Serialize;

use crate::input;
use crate::{Exit, output};

/// Measure steps on a feeder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench benchmark feeders/ieee123.yaml
  phasorbench benchmark IEEE13Nodeckt.dss --steps 6000 --json
  phasorbench benchmark feeders/ieee13.yaml --harmonics")]
pub struct Args {
    /// Feeder file (.yaml or OpenDSS .dss).
    feeder: PathBuf,
    /// Number of steps.
    #[arg(long, default_value_t = 600)]
    steps: u32,
    /// Promised complex voltage error, per unit of each node's base.
    #[arg(long, value_name = "X", allow_hyphen_values = true, default_value_t = 1e-8)]
    tolerance_pu: f64,
    /// Measure fifty harmonic orders (2 to 51) and a frequency scan in place of power-flow steps.
    #[arg(long)]
    harmonics: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How fast and how exactly a feeder is solved.
#[derive(Debug, Serialize, JsonSchema)]
struct Report {
    /// Name of the feeder.
    feeder: String,
    /// Number of nodes.
    nodes: usize,
    /// Number of timed steps.
    steps: u32,
    /// Promised complex voltage error, per unit of each node's base.
    tolerance_pu: f64,
    /// Mean number of linear solves of a step.
    iterations_mean: f64,
    /// Time of a step in µs.
    step_us: Quantiles,
    /// Largest complex voltage error of the steps against solutions at 1e-12.
    max_error_pu: f64,
    /// Median time in µs of one tap moved by one, refactored and solved again; none without a regulator.
    tap_step_us: Option<f64>,
    /// Largest complex voltage error after a tap.
    tap_max_error_pu: Option<f64>,
    /// Time to make the grid of the feeder, in ms.
    compile_ms: f64,
    /// Median time per scenario in µs with eight at once.
    lanes8_us_per_scenario: f64,
    /// Largest complex voltage error with eight at once.
    lanes8_max_error_pu: f64,
    /// Instruction set of the kernel.
    instructions: &'static str,
}

/// Of all steps.
#[derive(Debug, Serialize, JsonSchema)]
struct Quantiles {
    /// Median.
    p50: f64,
    /// The time that one step in a hundred exceeds.
    p99: f64,
    /// The longest.
    max: f64,
}

/// The JSON Schema of what the command prints with `--json`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    if args.harmonics {
        return harmonics::run(args);
    }
    output::answer(measure(args), args.json, table)
}

fn measure(args: &Args) -> Result<Report, Exit> {
    let feeder = input::feeder(&args.feeder)?;
    let settings = input::settings(&feeder, Some(args.tolerance_pu))?;
    let steps = args.steps.max(1);
    let started = Instant::now();
    let flow = input::power_flow(&feeder, settings)?;
    let compile_ms = started.elapsed().as_secs_f64() * 1e3;
    let (step_us, iterations_mean) = time_steps(flow.clone(), steps)?;
    let (lanes8_us_per_scenario, lanes8_max_error_pu) = time_lanes(flow.clone(), steps)?;
    let taps = time_taps(&feeder, flow.clone())?;
    Ok(Report {
        feeder: feeder.feeder.clone(),
        nodes: flow.grid().nodes.len(),
        steps,
        tolerance_pu: settings.tolerance_pu,
        iterations_mean,
        step_us,
        max_error_pu: largest_error(flow.clone(), steps)?,
        tap_step_us: taps.map(|(us, _)| us),
        tap_max_error_pu: taps.map(|(_, error)| error),
        compile_ms,
        lanes8_us_per_scenario,
        lanes8_max_error_pu,
        instructions: flow.isa().name(),
    })
}

fn multiplier(step: u32) -> f64 {
    1.0 + 0.05 * (std::f64::consts::TAU * f64::from(step) / 60.0).sin()
}

/// One step; an error if it does not converge.
fn step(flow: &mut PowerFlow, load_multiplier: f64) -> Result<u32, Exit> {
    flow.set_load_multiplier(load_multiplier);
    let solved = flow.solve();
    if solved.converged() {
        return Ok(solved.iterations);
    }
    let worst = solved.worst.map_or("?", |n| flow.grid().name(n));
    eprintln!("error: a step did not converge; node {worst} is worst");
    Err(Exit::Failed)
}

fn time_steps(mut flow: PowerFlow, steps: u32) -> Result<(Quantiles, f64), Exit> {
    step(&mut flow, 1.0)?;
    for k in 0..steps.min(60) {
        step(&mut flow, multiplier(k))?;
    }
    let mut times = Vec::with_capacity(steps as usize);
    let mut iterations = 0u64;
    for k in 1..=steps {
        let started = Instant::now();
        iterations += u64::from(step(&mut flow, multiplier(k))?);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let at = |share: f64| microseconds(times[((times.len() - 1) as f64 * share) as usize]);
    let mean = iterations as f64 / f64::from(steps);
    Ok((Quantiles { p50: at(0.5), p99: at(0.99), max: at(1.0) }, mean))
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The same steps beside a solution at the smallest tolerance.
fn largest_error(mut flow: PowerFlow, steps: u32) -> Result<f64, Exit> {
    let mut exact = flow.clone();
    exact.settings.tolerance_pu = Settings::FLOOR_PU;
    let mut largest = 0.0f64;
    step(&mut flow, 1.0)?;
    for k in 1..=steps.min(600) {
        step(&mut flow, multiplier(k))?;
        step(&mut exact, multiplier(k))?;
        largest = error_pu(&flow, &exact).max(largest);
    }
    Ok(largest)
}

/// Largest complex difference of any node's voltage, per unit of its base.
fn error_pu(flow: &PowerFlow, exact: &PowerFlow) -> f64 {
    let grid = flow.grid();
    let error = |&n: &NodeId| (flow.voltage(n) - exact.voltage(n)).norm() / grid.nodes[n.0 as usize].base_v;
    grid.listing.iter().map(error).fold(0.0, f64::max)
}

/// Median time of one tap up or down, refactored and solved again, and the largest error after it; `None` without a
/// regulator. Timing and comparing are two passes over the same taps.
fn time_taps(feeder: &Feeder, flow: PowerFlow) -> Result<Option<(f64, f64)>, Exit> {
    let regulators = feeder.regulators.len();
    if regulators == 0 {
        return Ok(None);
    }
    let controls = Controls::new(&flow).map_err(|error| input::complain("E0251", error.to_string(), None))?;
    let next = |flow: &PowerFlow, k: usize| {
        let number = controls.tap_number(flow, k % regulators);
        let (lowest, highest) = controls.tap_range(flow, k % regulators);
        number + if number >= highest || (k / regulators % 2 == 1 && number > lowest) { -1 } else { 1 }
    };
    let solve = |flow: &mut PowerFlow, k: usize, number: i32| {
        controls.set_tap_number(flow, k % regulators, number);
        flow.solve().converged()
    };
    let (mut timed, mut compared, mut exact) = (flow.clone(), flow.clone(), flow);
    exact.settings.tolerance_pu = Settings::FLOOR_PU;
    for flow in [&mut timed, &mut compared, &mut exact] {
        step(flow, 1.0)?;
    }
    let (mut times, mut largest) = (Vec::new(), 0.0);
    for k in 0..(20 * regulators).max(200) {
        let number = next(&timed, k);
        let started = Instant::now();
        let converged = solve(&mut timed, k, number);
        times.push(started.elapsed());
        if !converged {
            return Err(Exit::Failed);
        }
    }
    for k in 0..(4 * regulators).max(40) {
        let number = next(&compared, k);
        if !(solve(&mut compared, k, number) && solve(&mut exact, k, number)) {
            return Err(Exit::Failed);
        }
        largest = error_pu(&compared, &exact).max(largest);
    }
    times.sort_unstable();
    Ok(Some((microseconds(times[times.len() / 2]), largest)))
}

/// Median time per scenario and step with eight series at once, each a share of the cycle ahead of the one before, and
/// the largest error of any. As for single steps, timing and comparing are two passes over the same steps.
fn time_lanes(flow: PowerFlow, steps: u32) -> Result<(f64, f64), Exit> {
    let mut exact = flow.clone();
    exact.settings.tolerance_pu = Settings::FLOOR_PU;
    let mut batch = Batch::<8>::new(flow);
    let of_lane = |lane: usize, round: u32| multiplier(round + 7 * lane as u32);
    let solve = |batch: &mut Batch<8>, round: u32| {
        (0..8).for_each(|lane| batch.set_load_multiplier(lane, of_lane(lane, round)));
        batch.solve().iter().all(Solved::converged)
    };
    let mut times = Vec::with_capacity(steps as usize);
    for round in 0..steps {
        let started = Instant::now();
        if !solve(&mut batch, round) {
            return Err(Exit::Failed);
        }
        times.push(started.elapsed());
    }
    let mut largest = 0.0f64;
    batch.restart();
    for round in 0..steps.min(120) {
        solve(&mut batch, round);
        for lane in 0..8 {
            step(&mut exact, of_lane(lane, round))?;
            let grid = exact.grid();
            largest = grid.listing.iter().fold(largest, |most, &n| {
                most.max((batch.voltage(lane, n) - exact.voltage(n)).norm() / grid.nodes[n.0 as usize].base_v)
            });
        }
    }
    times.sort_unstable();
    Ok((microseconds(times[times.len() / 2]) / 8.0, largest))
}

fn table(r: &Report) -> String {
    let error = r.tap_max_error_pu.unwrap_or(0.0);
    let tap = r.tap_step_us.map_or("no regulator".into(), |t| format!("{t:.2} us, largest error {error:.1e} pu"));
    format!(
        "{}: {} nodes, {} steps at {:.0e} pu on {}\n\
         step      {:.2} us (p99 {:.2}, max {:.2}), {:.2} solves, largest error {:.1e} pu\n\
         8 lanes   {:.2} us per scenario, largest error {:.1e} pu\n\
         tap step  {tap}\n\
         compile   {:.2} ms\n",
        r.feeder,
        r.nodes,
        r.steps,
        r.tolerance_pu,
        r.instructions,
        r.step_us.p50,
        r.step_us.p99,
        r.step_us.max,
        r.iterations_mean,
        r.max_error_pu,
        r.lanes8_us_per_scenario,
        r.lanes8_max_error_pu,
        r.compile_ms,
    )
}
