//! Contingency screening: against solves from scratch and by hand, in any order, on any number of threads.

#![cfg(feature = "study")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::convert::Infallible;
use std::path::Path;

use phasorbench::feeder::{self, Feeder};
use phasorbench::quantity::angle_deg;
use phasorbench::scenario;
use phasorbench::solver::{NodeId, PowerFlow, Status};
use phasorbench::study::contingency::{self as study, Finding, LossKind, Only, Screening};

fn read(name: &str) -> Feeder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders").join(name);
    feeder::read(&path).feeder.expect("a committed feeder is sound")
}

fn parse(text: &str) -> Feeder {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.yaml");
    std::fs::write(&path, text).unwrap();
    let reading = feeder::read(&path);
    reading.feeder.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn screened(mut flow: PowerFlow, only: &str) -> Screening {
    let solved = flow.solve();
    assert!(solved.converged());
    let losses = study::losses(&flow);
    let cases = study::singles(&Only::new(only).choose(&losses).unwrap()).unwrap();
    Screening::new(flow, solved, losses, cases, study::LIMITS_PU)
}

fn screening(feeder: &Feeder, only: &str) -> Screening {
    screened(study::of_feeder(feeder).unwrap(), only)
}

/// Index of the case of one loss.
fn case(screening: &Screening, name: &str) -> usize {
    screening.cases().iter().position(|case| case.name(screening.losses()) == name).unwrap()
}

/// Largest complex voltage difference, per unit; a node that the other does not have is at 0 V there.
fn difference_pu(flow: &PowerFlow, other: &PowerFlow) -> f64 {
    let grid = flow.grid();
    let at = |name: &str| other.grid().node(name).map_or_else(Default::default, |node| other.voltage(node));
    let of = |&id: &NodeId| (flow.voltage(id) - at(grid.name(id))).norm() / grid.nodes[id.0 as usize].base_v;
    grid.listing.iter().map(of).fold(0.0, f64::max)
}

/// One flow goes through all cases, as a thread does: what one leaves behind would show in the next.
fn equals_scratch(name: &str, feeder: &Feeder, screening: &Screening, cases: impl Iterator<Item = usize>) {
    let mut flow = screening.base().clone();
    for k in cases {
        let solved = screening.solve_case(k, &mut flow);
        let (one, grid) = (screening.cases()[k], screening.base().grid());
        let (scratch, from_nothing) =
            study::from_scratch(feeder, grid, one, screening.losses(), flow.settings).unwrap();
        let what = format!("{name}, {}", one.name(screening.losses()));
        assert_eq!(solved.status, from_nothing.status, "{what}");
        let difference = difference_pu(&flow, &scratch);
        assert!(difference < 1e-8, "{what}: {difference:e} pu from a solve from scratch");
    }
    flow.restore_from(screening.base());
    assert_eq!(difference_pu(&flow, screening.base()), 0.0, "{name}");
}

#[test]
fn every_case_equals_a_solve_from_scratch() {
    for name in ["ieee13.yaml", "ieee34.yaml", "ieee123.yaml"] {
        let feeder = read(name);
        let screening = screening(&feeder, "");
        equals_scratch(name, &feeder, &screening, 0..screening.cases().len());
        // Another order leaves other things behind.
        equals_scratch(name, &feeder, &screening, (0..screening.cases().len()).rev().step_by(7));
    }
}

#[test]
fn a_sample_of_8500_nodes_equals_a_solve_from_scratch() {
    let feeder = read("ieee8500.yaml");
    let screening = screening(&feeder, "");
    let total = screening.cases().len();
    assert!(total >= 4000, "{total}");
    equals_scratch("ieee8500", &feeder, &screening, (100..total).step_by(1200));
}

/// A little of everything, two sources included.
const EVERYTHING: &str = "
feeder: everything
voltage_bases_kv: [12.47, 0.48]
sources:
  north: {bus: a, v_kv: 12.47, r1_ohm: 0.1, x1_ohm: 1, r0_ohm: 0.1, x0_ohm: 1}
  south: {bus: z, v_kv: 12.47, v_pu: 1.01, ideal: true}
lines:
  trunk: {from: a, to: b, total: {r1_ohm: 0.5, x1_ohm: 1.0, r0_ohm: 1.0, x0_ohm: 3.0}, normal_a: 100}
  tie: {from: c, to: y, total: {r1_ohm: 0.5, x1_ohm: 1.0, r0_ohm: 1.0, x0_ohm: 3.0}, normal_a: 100}
  breaker: {from: y, to: z, total: {r1_ohm: 1.0e-4, x1_ohm: 0, r0_ohm: 1.0e-4, x0_ohm: 0}, switch: true}
  spare: {from: b, to: y, total: {r1_ohm: 1.0e-4, x1_ohm: 0, r0_ohm: 1.0e-4, x0_ohm: 0}, switch: true, open: true}
  spur: {from: c.2, to: d.2, phases: 1, total: {r1_ohm: 1.0, x1_ohm: 1.0}, fuse_a: 20}
reactors: {choke: {bus: b, to: c, r_ohm: 0.01, x_ohm: 0.8}}
transformers:
  plant: {windings: [{bus: c, v_kv: 12.47, s_kva: 500, connection: delta}, {bus: e, v_kv: 0.48, s_kva: 500}], x_percent: [5]}
  u1: {phases: 1, bank: pair, windings: [{bus: d.2, v_kv: 7.2, s_kva: 100}, {bus: f.1, v_kv: 0.277, s_kva: 100}], x_percent: [2]}
  u2: {phases: 1, bank: pair, windings: [{bus: d.2, v_kv: 7.2, s_kva: 100}, {bus: f.1, v_kv: 0.277, s_kva: 100}], x_percent: [2]}
capacitors: {bank: {bus: c, v_kv: 12.47, q_kvar: [300]}, off: {bus: c, v_kv: 12.47, q_kvar: [300], closed: [false]}}
loads:
  town: {bus: c, v_kv: 12.47, p_kw: 900, q_kvar: 300}
  works: {bus: e, v_kv: 0.48, p_kw: 240, q_kvar: 60, v_min_pu: 0.8}
  house: {bus: f.1, phases: 1, v_kv: 0.277, p_kw: 60, q_kvar: 10, v_min_pu: 0.8}
generators: {mill: {bus: e, v_kv: 0.48, p_kw: 100}}
";

#[test]
fn every_kind_of_loss_equals_a_solve_from_scratch() {
    let feeder = parse(EVERYTHING);
    let everything = "lines,switches,fuses,transformers,reactors,capacitors,generators,sources,banks";
    let screening = screening(&feeder, everything);
    let names: Vec<String> = screening.cases().iter().map(|case| case.name(screening.losses())).collect();
    let expected = [
        "source.north",
        "source.south",
        "line.trunk",
        "line.tie",
        "line.breaker",
        "line.spur",
        "transformer.plant",
        "transformer.u1",
        "transformer.u2",
        "reactor.choke",
        "capacitor.bank",
        "generator.mill",
        "bank.pair",
    ];
    assert_eq!(names, expected, "neither an open switch nor an open capacitor can be lost");
    equals_scratch("everything", &feeder, &screening, 0..names.len());
    let found = screening.find_all(1);
    let unserved = |name: &str| found[case(&screening, name)].unserved_kw;
    // Two ways in: one may fail. The spur feeds the house through either unit of the bank.
    for name in ["source.north", "line.trunk", "reactor.choke", "line.tie", "transformer.u1", "capacitor.bank"] {
        assert_eq!(unserved(name), 0.0, "{name}");
    }
    assert_eq!([unserved("line.spur"), unserved("bank.pair"), unserved("transformer.plant")], [60.0, 60.0, 240.0]);
}

#[test]
fn one_of_two_parallel_lines_is_lost() {
    let screening = screening(&read("parallel_lines.yaml"), "");
    let mut flow = screening.base().clone();
    for k in 0..2 {
        assert!(screening.solve_case(k, &mut flow).converged());
        // With X of one line: sin 2δ = 2·P·X/V1² = 2·1e6·6545.45/120e3², V2 = V1·cos δ.
        let two_delta: f64 = 2.0 * 1e6 * 6545.45 / 120e3_f64.powi(2);
        let delta = two_delta.asin() / 2.0;
        let receiving = flow.voltage(flow.grid().node("receiving.1").unwrap());
        let sending = flow.voltage(flow.grid().node("sending.1").unwrap());
        let v_kv = receiving.norm() * 3f64.sqrt() / 1000.0;
        assert!((v_kv - 120.0 * delta.cos()).abs() < 1e-6 && (v_kv - 100.99).abs() < 0.005, "{v_kv}");
        let angle = angle_deg(sending) - angle_deg(receiving);
        assert!((angle - delta.to_degrees()).abs() < 1e-7 && (angle - 32.69).abs() < 0.005, "{angle}");
    }
    let found = screening.find_all(2);
    assert!(found.iter().all(|f| f.violations == 3 && f.unserved_kw == 0.0 && f.worst.is_none()), "{found:?}");
}

/// Loads behind a lateral and behind one phase, at a load multiplier that not all of them follow.
const LATERALS: &str = "
feeder: laterals
voltage_bases_kv: [12.47]
solve: {load_multiplier: 0.5}
sources: {grid: {bus: a, v_kv: 12.47, ideal: true}}
lines:
  trunk: {from: a, to: b, total: {r1_ohm: 0.1, x1_ohm: 0.1}, normal_a: 50}
  lateral: {from: b, to: c, total: {r1_ohm: 0.1, x1_ohm: 0.1}, normal_a: 50}
  phase2: {from: c.2, to: d.2, phases: 1, total: {r1_ohm: 0.1, x1_ohm: 0.1}}
  phase3: {from: c.3, to: d.3, phases: 1, total: {r1_ohm: 0.1, x1_ohm: 0.1}}
loads:
  near: {bus: b, v_kv: 12.47, p_kw: 300}
  wye: {bus: c, v_kv: 12.47, p_kw: 600}
  fixed: {bus: c.1, phases: 1, v_kv: 7.2, p_kw: 50, status: fixed}
  two: {bus: d.2.3, phases: 2, v_kv: 12.47, p_kw: 100}
";

#[test]
fn unserved_power_is_counted_by_phase() {
    let screening = screening(&parse(LATERALS), "");
    let found = screening.find_all(1);
    let unserved = |name: &str| found[case(&screening, name)].unserved_kw;
    let close = |name: &str, kw: f64| assert!((unserved(name) - kw).abs() < 1e-9, "{name}: {} kW", unserved(name));
    // Half of 300 + 600 + 100, and 50 that does not follow the multiplier.
    close("line.trunk", 550.0);
    close("line.lateral", 0.5 * (600.0 + 100.0) + 50.0);
    // One phase of two of the load at d.
    close("line.phase2", 25.0);
    close("line.phase3", 25.0);
    let trunk = found[case(&screening, "line.trunk")];
    assert_eq!((trunk.status, trunk.de_energised), (Status::Converged, 8));
    assert_eq!(trunk.min.map(|m| m.0 > 0.9999), Some(true), "only the source's own bus is left");
    // The trunk carries near alone: 150 kW at 12.47 kV is 6.9 A of 50.
    let lateral = found[case(&screening, "line.lateral")].worst.unwrap();
    assert!((lateral.0 - 100.0 * 150.0 / (3f64.sqrt() * 12.47) / 50.0).abs() < 0.05, "{lateral:?}");
}

#[test]
fn a_scenario_is_screened_at_its_first_step() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f.yaml"), LATERALS.replace("p_kw: 300}", "p_kw: 300, daily: s}")).unwrap();
    let text = "scenario: s\nfeeder: f.yaml\nduration_s: 7200\nstep_s: 3600\nload_multiplier: 0.8\ncontrols: off\n";
    std::fs::write(dir.path().join("s.yaml"), text).unwrap();
    let shape = "shapes: {s: {interval_s: 3600, p: [0.25, 0.75]}}\n";
    std::fs::write(dir.path().join("f.yaml"), LATERALS.replace("p_kw: 300}", "p_kw: 300, daily: s}") + shape).unwrap();
    let reading = scenario::read(&dir.path().join("s.yaml"));
    let plan = reading.plan.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    let screening = screened(study::of_plan(&plan).unwrap(), "line.trunk");
    // 300 kW at the first hour's quarter, 600 and 100 kW, times 0.8; 50 kW fixed.
    let expected = 0.8 * (0.25 * 300.0 + 600.0 + 100.0) + 50.0;
    assert!((screening.find_all(1)[0].unserved_kw - expected).abs() < 1e-9, "{:?}", screening.find_all(1));
}

#[test]
fn results_depend_on_neither_threads_nor_order() {
    let feeder = read("ieee123.yaml");
    let screening = screening(&feeder, "");
    let one = screening.find_all(1);
    assert_eq!(one, screening.find_all(3));
    let backwards: Vec<usize> = (0..one.len()).rev().collect();
    let mut found: Vec<Option<Finding>> = vec![None; one.len()];
    let done: Result<(), Infallible> = screening.run(&backwards, 2, &mut |some| {
        some.iter().for_each(|&(k, finding)| found[k] = Some(finding));
        Ok(())
    });
    assert_eq!(done, Ok(()));
    assert_eq!(found.into_iter().flatten().collect::<Vec<_>>(), one, "bit for bit: f64 compared by ==");
}

#[test]
fn an_error_of_the_taker_ends_the_work() {
    let screening = screening(&read("ieee13.yaml"), "");
    let all: Vec<usize> = (0..screening.cases().len()).collect();
    let mut calls = 0;
    let result = screening.run(&all, 2, &mut |_| {
        calls += 1;
        Err("the disk is full")
    });
    assert_eq!((result, calls), (Err("the disk is full"), 1));
}

#[test]
fn what_exists_can_be_lost() {
    let count = |feeder: &Feeder| {
        let mut flow = study::of_feeder(feeder).unwrap();
        flow.solve();
        study::losses(&flow).into_iter().filter(|loss| loss.kind != LossKind::Bank).count()
    };
    let feeder = read("ieee123.yaml");
    let closed = feeder.lines.values().filter(|line| !line.open).count();
    assert_eq!(count(&feeder), closed + feeder.transformers.len() + feeder.capacitors.len());
    assert!(count(&feeder) >= 120);
}

#[test]
fn a_pair_is_both_losses_at_once() {
    let feeder = read("ieee13.yaml");
    let mut flow = study::of_feeder(&feeder).unwrap();
    let solved = flow.solve();
    let losses = study::losses(&flow);
    let chosen = Only::new("lines,transformers,capacitors").choose(&losses).unwrap();
    let cases = study::pairs(&chosen, study::MOST_CASES).unwrap();
    let screening = Screening::new(flow, solved, losses, cases, study::LIMITS_PU);
    equals_scratch("ieee13 by two", &feeder, &screening, (0..screening.cases().len()).step_by(3));
}
