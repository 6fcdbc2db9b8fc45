//! A solver step allocates nothing once it has been taken before: proved by a counting allocator.
//!
//! One test only, so that no other test's thread allocates while it counts.

#![cfg(feature = "solver")]

use std::path::Path;

use phasorbench::feeder::{self, Fault, FaultKind, Feeder};
use phasorbench::quantity::complex;
use phasorbench::signal::Norton;
use phasorbench::solver::harmonic::{DeviceId, HarmonicSettings, HarmonicStatus, Harmonics};
use phasorbench::solver::{Batch, Controls, Grid, Kind, Method, NodeId, PowerFlow, Settings};

#[path = "support/counting.rs"]
mod counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = counting::asked();
    work();
    counting::asked() - before
}

const SMALL: &str = r#"
feeder: small
voltage_bases_kv: [12.47, 4.16]
sources: {grid: {bus: a, v_kv: 12.47}}
transformers:
  sub:
    windings: [{bus: a, connection: delta, v_kv: 12.47, s_kva: 6000, r_percent: 0.5}, {bus: b, v_kv: 4.16, s_kva: 6000, r_percent: 0.5}]
    x_percent: [6]
regulators: {sub: {transformer: sub, winding: 2, v_v: 122, band_v: 2, pt_ratio: 20}}
lines:
  main: {from: b, to: c, phases: 3, total: {r1_ohm: 0.3, x1_ohm: 0.6, r0_ohm: 0.6, x0_ohm: 1.8}}
  tie: {from: b, to: c, phases: 3, total: {r1_ohm: 0.3, x1_ohm: 0.6, r0_ohm: 0.6, x0_ohm: 1.8}}
capacitors: {cap: {bus: c, v_kv: 4.16, q_kvar: [300]}}
loads:
  three: {bus: c, v_kv: 4.16, p_kw: 1500, q_kvar: 700}
  one: {bus: c.1, phases: 1, v_kv: 2.4, p_kw: 300, q_kvar: 100, model: constant_current}
  delta: {bus: c.2.3, phases: 1, connection: delta, v_kv: 4.16, p_kw: 200, q_kvar: 50, model: zip, zip: [0.2, 0.3, 0.5, 0.2, 0.3, 0.5, 0]}
"#;

fn small() -> Feeder {
    let reading = feeder::yaml::from_text(SMALL.into(), Path::new("small.yaml"));
    reading.feeder.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn committed(name: &str) -> Feeder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders").join(name);
    feeder::read(&path).feeder.expect("a committed feeder has no errors")
}

/// The fault that comes and goes.
const FAULT: &str = "f";

/// A change of what a power flow solves.
type Move = fn(&mut PowerFlow, &mut Controls, u32);

/// What a study may do between two samples, `k` counting up.
fn moves() -> Vec<(&'static str, Move)> {
    vec![
        ("load multiplier", |flow, _, k| flow.set_load_multiplier(1.0 + 0.05 * f64::from(k % 7))),
        ("one load's multiplier", |flow, _, k| flow.set_multiplier(0, 0.8 + 0.1 * f64::from(k % 3), 1.0)),
        ("one load's power", |flow, _, k| flow.set_power(0, 5e3 + 1e3 * f64::from(k % 3), 1e3)),
        ("source", |flow, _, k| flow.set_source(0, 1.0 + 0.001 * f64::from(k % 3), 0.1 * f64::from(k % 2))),
        ("one phase of a source", |flow, _, k| {
            flow.set_source_phasor(0, 1, 1.0 - 0.3 * f64::from(k % 2), 5.0 * f64::from(k % 3));
        }),
        ("the source lost", |flow, _, k| {
            let (name, _) = flow.grid().feeder.sources.first().expect("a source");
            let source = flow.grid().element(Kind::Source, name).expect("the source");
            flow.set_in_service(source, k.is_multiple_of(2));
        }),
        ("a fault", |flow, _, k| {
            let fault = flow.grid().element(Kind::Fault, FAULT).expect("the fault");
            flow.set_in_service(fault, !k.is_multiple_of(2));
        }),
        ("a phase", |flow, _, k| {
            let (name, _) = flow.grid().feeder.lines.first().expect("a line");
            let line = flow.grid().element(Kind::Line, name).expect("the line");
            flow.set_phases(line, &[true, k.is_multiple_of(2), true]);
        }),
        ("tap", |flow, controls, k| controls.set_tap_number(flow, 0, k as i32 % 5 - 2)),
        ("capacitor", |flow, _, k| {
            let closed = [k.is_multiple_of(2)];
            flow.set_capacitor(0, &closed);
        }),
        ("switch in a mesh, or of a part", |flow, _, k| {
            let (name, _) = flow.grid().feeder.lines.last().expect("a line");
            let line = flow.grid().element(Kind::Line, name).expect("the line");
            flow.set_in_service(line, k.is_multiple_of(2));
        }),
    ]
}

/// A study that follows a power flow, with a device at the first node.
fn harmonics(flow: &PowerFlow) -> (Harmonics, DeviceId) {
    let orders: Vec<f64> = (2..=9).map(f64::from).collect();
    let mut harmonics = Harmonics::new(flow, &orders, HarmonicSettings::default()).expect("a study");
    let device = harmonics.add_device(&[[Some(NodeId(0)), None]; 3]).expect("a device");
    (harmonics, device)
}

/// Allocations of a warm step of power flow and harmonic orders, by move and method.
fn count_steps(feeder: &Feeder, method: Method) -> Vec<(String, u64)> {
    let mut feeder = feeder.clone();
    // At the far end of the line whose phase is lost.
    let bus = &feeder.lines.first().expect("a line").1.to.bus;
    let fault = Fault::new(FaultKind::DoubleLineToGround, bus, &[1, 3], 0.0).expect("a fault");
    feeder.faults.insert(FAULT.into(), Fault { open: true, ..fault });
    let grid = Grid::compile(&feeder).expect("compiles");
    let mut flow = PowerFlow::new(grid, Settings { tolerance_pu: 1e-8, method, ..Settings::default() });
    let mut controls = Controls::new(&flow).expect("controls");
    assert!(flow.solve().converged());
    // What a study follows does not depend on the power flow's method.
    let with_harmonics = method == Method::FixedPoint;
    let (mut harmonics, device) = harmonics(&flow);
    let mut norton = Norton::new(harmonics.orders().len(), 3);
    let counted = moves().into_iter().map(|(name, change)| {
        let mut step = |k: u32| {
            change(&mut flow, &mut controls, k);
            assert!(flow.solve().converged(), "{name}, step {k}");
            if !with_harmonics {
                return;
            }
            harmonics.follow(&flow).expect("the same network");
            norton.current_a_mut(3)[0] = complex(f64::from(k), 1.0);
            norton.admittance_s_mut()[3] = complex(0.01 * f64::from(k % 2), 0.0);
            harmonics.set_norton(device, &norton);
            harmonics.set_background(0, 2, 0, complex(f64::from(k % 5), 0.0));
            assert_eq!(harmonics.solve(), HarmonicStatus::Solved, "{name}, step {k}");
            assert!(harmonics.voltage(3, NodeId(0)).is_finite());
        };
        (0..20).for_each(&mut step);
        let count = allocations(|| (20..60).for_each(&mut step));
        (format!("{} {method:?} {name}", feeder.feeder), count)
    });
    counted.collect()
}

/// Controls that look, act and rest while the load swings.
fn count_controls(feeder: &Feeder) -> (String, u64) {
    let grid = Grid::compile(feeder).expect("compiles");
    let mut flow = PowerFlow::new(grid, Settings { tolerance_pu: 1e-8, ..Settings::default() });
    let mut controls = Controls::new(&flow).expect("controls");
    let mut step = |k: u32| {
        flow.set_load_multiplier(if (k / 30).is_multiple_of(2) { 0.6 } else { 1.0 });
        assert!(controls.step(f64::from(k), &mut flow).solved.converged());
    };
    (0..120).for_each(&mut step);
    (format!("{} controls", feeder.feeder), allocations(|| (120..240).for_each(&mut step)))
}

fn count_lanes(feeder: &Feeder) -> (String, u64) {
    let grid = Grid::compile(feeder).expect("compiles");
    let settings = Settings { tolerance_pu: 1e-8, method: Method::Chord, ..Settings::default() };
    let mut batch = Batch::<8>::new(PowerFlow::new(grid, settings));
    let mut round = |k: u32| {
        (0..8).for_each(|lane| batch.set_load_multiplier(lane, 0.95 + 0.01 * f64::from((k + lane as u32) % 10)));
        assert!(batch.solve().iter().all(|s| s.converged()));
    };
    (0..3).for_each(&mut round);
    (format!("{} 8 lanes", feeder.feeder), allocations(|| (3..10).for_each(&mut round)))
}

#[test]
fn a_step_allocates_nothing_after_warm_up() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1u8; 10]))) > 0, "the allocator counts");
    let mut counted = Vec::new();
    for feeder in [small(), committed("ieee13.yaml"), committed("ieee123.yaml")] {
        for method in [Method::FixedPoint, Method::Chord] {
            counted.extend(count_steps(&feeder, method));
        }
        counted.push(count_controls(&feeder));
        counted.push(count_lanes(&feeder));
    }
    let guilty: Vec<_> = counted.into_iter().filter(|(_, count)| *count > 0).collect();
    assert!(guilty.is_empty(), "allocations after warm-up: {guilty:#?}");
}
