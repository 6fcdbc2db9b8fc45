//! `phasorbench benchmark FEEDER --harmonics`: how fast fifty harmonic orders of a feeder are solved.
//!
//! Loads emit by OpenDSS's default spectrum and a device by a Norton equivalent. Timed: a solve with the factors kept; a
//! solve after all loads have moved (their admittances, factors, currents made anew; the power flow itself is not timed);
//! one after a line was opened or closed where that splits nothing; one with everything summed and factorised anew; and a
//! frequency of a scan, elements evaluated included.

use std::time::Instant;

use phasorbench::feeder::{Feeder, Line};
use phasorbench::quantity::complex;
use phasorbench::signal::Norton;
use phasorbench::solver::harmonic::{HarmonicSettings, HarmonicStatus, Harmonics, ScanAt, ScanSettings, scan};
use phasorbench::solver::{Kind, NodeId, PowerFlow};
use serde::Serialize;

use super::{Args, microseconds, multiplier, step};
use crate::input;
use crate::{Exit, output};

/// Number of orders: 2 to 51.
const ORDERS: usize = 50;
/// The line that is opened and closed, beside the feeder's first.
const TIE: &str = "phasorbench_tie";

/// Median times.
#[derive(Debug, Serialize)]
struct Report {
    feeder: String,
    nodes: usize,
    orders: usize,
    /// All orders with the factors kept, in µs, and per order.
    solve_us: f64,
    solve_us_per_order: f64,
    /// All orders after all loads moved.
    load_step_us: f64,
    load_step_us_per_order: f64,
    /// All orders after a line was switched.
    switch_step_us: f64,
    switch_step_us_per_order: f64,
    /// One frequency of a scan.
    scan_us_per_frequency: f64,
    set_up_ms: f64,
    instructions: &'static str,
}

pub(super) fn run(args: &Args) -> Exit {
    output::answer(measure(args), args.json, table)
}

/// The feeder, its loads emitting, with a second line beside its first that can be opened without splitting anything.
fn prepared(mut feeder: Feeder) -> Feeder {
    feeder.solve.load_spectrum = Some("defaultload".to_owned());
    if let Some(line) = feeder.lines.values().find(|line| !line.open).cloned() {
        feeder.lines.insert(TIE.to_owned(), Line { switch: false, ..line });
    }
    feeder
}

fn measure(args: &Args) -> Result<Report, Exit> {
    let feeder = prepared(input::feeder(&args.feeder)?);
    let settings = input::settings(&feeder, Some(args.tolerance_pu))?;
    let mut flow = input::power_flow(&feeder, settings)?;
    step(&mut flow, 1.0)?;
    let refused = |error: &dyn std::fmt::Display| input::complain("E0251", error.to_string(), None);
    let orders: Vec<f64> = (2..2 + ORDERS).map(|order| order as f64).collect();
    let started = Instant::now();
    let mut study = Harmonics::new(&flow, &orders, HarmonicSettings::default()).map_err(|e| refused(&e))?;
    let set_up_ms = started.elapsed().as_secs_f64() * 1e3;
    let last = NodeId(flow.grid().nodes.len() as u32 - 1);
    let device = study.add_device(&[[Some(last), None]]).map_err(|e| refused(&e))?;
    let mut norton = Norton::new(ORDERS, 1);
    (0..ORDERS).for_each(|order| norton.current_a_mut(order)[0] = complex(1.0, 0.5));
    study.set_norton(device, &norton);
    solve(&mut study)?;
    let steps = args.steps.clamp(5, 200);
    let solve_us = median(steps, |_| solve(&mut study))?;
    let load_step_us = follow(&mut flow, &mut study, steps, |_, _| {})?;
    let switch_step_us = follow(&mut flow, &mut study, steps.min(40), |flow, k| {
        if let Some(tie) = flow.grid().element(Kind::Line, TIE) {
            flow.set_in_service(tie, !k.is_multiple_of(2));
        }
    })?;
    let range = ScanSettings { from_hz: 60.0, to_hz: 60.0 + 5.0 * 63.0, step_hz: 5.0 };
    let started = Instant::now();
    let found = scan(&flow, ScanAt::Node(last), range, HarmonicSettings::default()).map_err(|e| refused(&e))?;
    let scan_us_per_frequency = microseconds(started.elapsed()) / found.points.len() as f64;
    let per_order = |us: f64| us / ORDERS as f64;
    Ok(Report {
        feeder: feeder.feeder.clone(),
        nodes: flow.grid().nodes.len(),
        orders: ORDERS,
        solve_us,
        solve_us_per_order: per_order(solve_us),
        load_step_us,
        load_step_us_per_order: per_order(load_step_us),
        switch_step_us,
        switch_step_us_per_order: per_order(switch_step_us),
        scan_us_per_frequency,
        set_up_ms,
        instructions: flow.isa().name(),
    })
}

fn solve(study: &mut Harmonics) -> Result<(), Exit> {
    let status = study.solve();
    if status == HarmonicStatus::Solved {
        return Ok(());
    }
    if let Some(error) = study.explain(status) {
        eprintln!("error: {error}");
    }
    Err(Exit::Failed)
}

/// Median time of taking over a power flow, all loads moved and `change` made, and solving.
fn follow(
    flow: &mut PowerFlow,
    study: &mut Harmonics,
    steps: u32,
    change: impl Fn(&mut PowerFlow, u32),
) -> Result<f64, Exit> {
    let mut times = Vec::new();
    for k in 1..=steps {
        change(flow, k);
        step(flow, multiplier(k))?;
        let started = Instant::now();
        if study.follow(flow).is_err() {
            return Err(Exit::Internal);
        }
        solve(study)?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(microseconds(times[times.len() / 2]))
}

fn median(steps: u32, mut work: impl FnMut(u32) -> Result<(), Exit>) -> Result<f64, Exit> {
    let mut times = Vec::new();
    for k in 0..steps {
        let started = Instant::now();
        work(k)?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(microseconds(times[times.len() / 2]))
}

fn table(r: &Report) -> String {
    format!(
        "{}: {} nodes, {} orders on {}\n\
         factors kept  {:.1} us ({:.3} us an order)\n\
         loads moved   {:.1} us ({:.3} us an order)\n\
         line switched {:.1} us ({:.3} us an order)\n\
         scan          {:.2} us a frequency\n\
         set-up        {:.1} ms\n",
        r.feeder,
        r.nodes,
        r.orders,
        r.instructions,
        r.solve_us,
        r.solve_us_per_order,
        r.load_step_us,
        r.load_step_us_per_order,
        r.switch_step_us,
        r.switch_step_us_per_order,
        r.scan_us_per_frequency,
        r.set_up_ms,
    )
}
