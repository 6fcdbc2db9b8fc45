//! Fault currents: hand-solved two-bus cases, IEEE 13 against a computation from the Ybus and against OpenDSS, and every
//! kind at every bus of three feeders from warm voltages.

#![cfg(feature = "solver")]

use std::path::Path;

use phasorbench::feeder::{self, Fault, FaultError, FaultKind, Feeder};
use phasorbench::quantity::{Complex, complex, phasor};
use phasorbench::solver::{Controls, ElementId, Grid, Kind, PowerFlow, Settings};
use serde::Deserialize;

fn read(name: &str) -> Feeder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders").join(name);
    feeder::read(&path).feeder.expect("a committed feeder is sound")
}

fn text(yaml: &str) -> Feeder {
    let reading = feeder::yaml::from_text(yaml.to_owned(), Path::new("inline.yaml"));
    reading.feeder.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn flow(feeder: &Feeder, tolerance_pu: f64) -> PowerFlow {
    let settings = Settings { tolerance_pu, max_iterations: 1000, ..Settings::default() };
    PowerFlow::new(Grid::compile(feeder).expect("compiles"), settings)
}

/// Currents that leave the network into a fault's first terminal, in A.
fn fault_a(flow: &PowerFlow, id: ElementId) -> Vec<Complex> {
    flow.flow(id).currents_a.swap_remove(0)
}

fn switched_on(flow: &mut PowerFlow, name: &str) -> Vec<Complex> {
    let id = flow.grid().element(Kind::Fault, name).expect("written");
    flow.set_in_service(id, true);
    let solved = flow.solve();
    assert!(solved.converged(), "{name}: {solved:?}");
    fault_a(flow, id)
}

fn relative(found: &[Complex], expected: &[Complex]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().map(|i| i.norm()).fold(0.0, f64::max);
    found.iter().zip(expected).map(|(f, e)| (f - e).norm() / largest).fold(0.0, f64::max)
}

/// A source of 12.47 kV behind 0.1 + j0.8 Ω (zero sequence 0.3 + j1.1), a line of 1 + j2 Ω (3 + j6), no load. `more` goes
/// into the source.
fn two_bus(more: &str) -> Feeder {
    text(&format!(
        "feeder: two\nvoltage_bases_kv: [12.47]\n\
         sources: {{s: {{bus: a, v_kv: 12.47, {more}}}}}\n\
         lines: {{l: {{from: a, to: b, phases: 3, total: {{r1_ohm: 1.0, x1_ohm: 2.0, r0_ohm: 3.0, x0_ohm: 6.0}}}}}}\n"
    ))
}

/// Sequence impedances from the EMF to bus b, in ohm.
#[derive(Clone, Copy)]
struct Sequences {
    z1: Complex,
    z2: Complex,
    z0: Complex,
}

/// Fault currents of phases in the order of the fault's nodes, by symmetrical components, reference phase a, E the EMF of a,
/// a = 1∠120°. Each phase's own resistance r is in series with its line, so it adds to every sequence impedance (a sound
/// phase carries no current there); the ground's resistance carries 3·I0, so 3·g adds to Z0.
///
/// - three phases: I1 = E/(Z1 + r), alone; so Ia = I1, with or without ground.
/// - a to ground: Vb, Vc unknown, Ib = Ic = 0, so I0 = I1 = I2 = E/(Z0 + Z1 + Z2 + 3·r), and Ia = 3·I1.
/// - b to c through r: I0 = 0, I2 = −I1, V1 − V2 = r·I1, so I1 = E/(Z1 + Z2 + r), Ib = (a² − a)·I1 = −Ic.
/// - b and c to ground: the three networks in parallel, with Z′ = Z + r and Z0′ = Z0 + r + 3·g:
///   I1 = E/(Z1′ + Z2′·Z0′/(Z2′ + Z0′)), I2 = −I1·Z0′/(Z2′ + Z0′), I0 = −I1·Z2′/(Z2′ + Z0′), Ib = I0 + a²·I1 + a·I2,
///   Ic = I0 + a·I1 + a²·I2.
fn by_hand(kind: FaultKind, z: Sequences, e: Complex, r: f64, g: f64) -> Vec<Complex> {
    let a = complex(-0.5, 3f64.sqrt() / 2.0);
    match kind {
        FaultKind::ThreePhase | FaultKind::ThreePhaseToGround => {
            let i1 = e / (z.z1 + r);
            vec![i1, a * a * i1, a * i1]
        }
        FaultKind::LineToGround => vec![e * 3.0 / (z.z0 + z.z1 + z.z2 + 3.0 * (r + g))],
        FaultKind::LineToLine => vec![(a * a - a) * e / (z.z1 + z.z2 + r)],
        FaultKind::DoubleLineToGround => {
            let (z1, z2, z0) = (z.z1 + r, z.z2 + r, z.z0 + r + 3.0 * g);
            let i1 = e / (z1 + z2 * z0 / (z2 + z0));
            let (i2, i0) = (-i1 * z0 / (z2 + z0), -i1 * z2 / (z2 + z0));
            vec![i0 + a * a * i1 + a * i2, i0 + a * i1 + a * a * i2]
        }
    }
}

/// The nodes of the reference case (phase a, or b and c) turned on by `turn` phases.
fn nodes(kind: FaultKind, turn: u16) -> Vec<u16> {
    let reference: &[u16] = match kind {
        FaultKind::LineToGround => &[1],
        FaultKind::LineToLine | FaultKind::DoubleLineToGround => &[2, 3],
        FaultKind::ThreePhase | FaultKind::ThreePhaseToGround => &[1, 2, 3],
    };
    reference.iter().map(|n| (n - 1 + turn) % 3 + 1).collect()
}

#[test]
fn two_bus_fault_currents_are_those_solved_by_hand() {
    let line = [complex(1.0, 2.0), complex(3.0, 6.0)];
    let behind =
        |z1: Complex, z2: Complex, z0: Complex| Sequences { z1: z1 + line[0], z2: z2 + line[0], z0: z0 + line[1] };
    let (z1, z2, z0) = (complex(0.1, 0.8), complex(0.2, 1.3), complex(0.3, 1.1));
    let none = complex(0.0, 0.0);
    let cases = [
        ("r1_ohm: 0.1, x1_ohm: 0.8, r0_ohm: 0.3, x0_ohm: 1.1", behind(z1, z1, z0)),
        ("r1_ohm: 0.1, x1_ohm: 0.8, r2_ohm: 0.2, x2_ohm: 1.3, r0_ohm: 0.3, x0_ohm: 1.1", behind(z1, z2, z0)),
        ("ideal: true", behind(none, none, none)),
    ];
    let mut worst: f64 = 0.0;
    for (source, z) in cases {
        for kind in FaultKind::ALL {
            for (r_ohm, ground_ohm) in [(0.0, None), (0.7, None), (0.0, Some(5.0)), (0.3, Some(0.0)), (0.3, Some(2.0))]
            {
                // Three phases to ground are balanced: nothing flows in the ground's resistance. A single line's counts.
                for turn in 0..3 {
                    let mut feeder = two_bus(source);
                    let mut fault = Fault::new(kind, "B", &nodes(kind, turn), r_ohm).expect("a fault");
                    if let Some(ground_ohm) = ground_ohm {
                        fault = fault.with_ground_ohm(ground_ohm).expect("a resistance");
                    }
                    let grounded = fault.ground_ohm.unwrap_or(0.0);
                    fault.open = true;
                    feeder.faults.insert("f".into(), fault);
                    let mut flow = flow(&feeder, 1e-9);
                    assert!(flow.solve().converged());
                    let found = switched_on(&mut flow, "f");
                    // The EMF of phase b is 1∠-120° of phase a's: turning the fault by a phase turns its currents so.
                    let e = phasor(12470.0 / 3f64.sqrt(), -120.0 * f64::from(turn));
                    let error = relative(&found, &by_hand(kind, z, e, r_ohm, grounded));
                    worst = worst.max(error);
                    let label = format!("{source} {} r {r_ohm} ground {ground_ohm:?} turn {turn}", kind.name());
                    assert!(error <= 1e-6, "{label}: {error:e}");
                }
            }
        }
    }
    println!("two-bus fault currents: worst relative error {worst:.1e} of the largest phase current (allowed 1e-6)");
}

/// The first four significant digits of the bolted case, worked out apart from any code: E = 7199.56 V,
/// Z1 = 1.1 + j2.8 = 3.0083 Ω, so 2393.2 A for three phases; Z0 + 2·Z1 = 5.5 + j12.7 = 13.840 Ω, so
/// 3·7199.56/13.840 = 1560.6 A for one line; √3·7199.56/(2·3.0083) = 2072.6 A between two.
#[test]
fn bolted_magnitudes_by_pocket_calculator() {
    for (kind, ampere) in
        [(FaultKind::ThreePhase, 2393.2), (FaultKind::LineToGround, 1560.6), (FaultKind::LineToLine, 2072.6)]
    {
        let mut feeder = two_bus("r1_ohm: 0.1, x1_ohm: 0.8, r0_ohm: 0.3, x0_ohm: 1.1");
        feeder.faults.insert("f".into(), Fault::new(kind, "b", &nodes(kind, 0), 0.0).expect("a fault"));
        let mut flow = flow(&feeder, 1e-9);
        assert!(flow.solve().converged());
        let id = flow.grid().element(Kind::Fault, "f").expect("written");
        let found = fault_a(&flow, id)[0].norm();
        assert!((found - ampere).abs() < 0.1, "{}: {found}", kind.name());
    }
}

#[derive(Deserialize)]
struct Frozen {
    unloaded: Vec<Unloaded>,
}

#[derive(Deserialize)]
struct Unloaded {
    bus: String,
    kind: FaultKind,
    nodes: Vec<u16>,
    fault_a: Vec<[f64; 2]>,
}

fn frozen() -> Frozen {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/events/ieee13.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("committed")).expect("a reference")
}

/// IEEE 13 without its loads, at the taps of `opendss_ieee13_fixed`, with the faults asked for, open.
fn unloaded_ieee13(faults: impl Iterator<Item = (String, Fault)>) -> PowerFlow {
    let mut feeder = read("ieee13.yaml");
    feeder.loads.clear();
    feeder.distributed_loads.clear();
    feeder.faults.extend(faults.map(|(name, fault)| (name, Fault { open: true, ..fault })));
    let mut flow = flow(&feeder, 1e-9);
    let controls = Controls::new(&flow).expect("controls");
    [9, 6, 9].into_iter().enumerate().for_each(|(k, number)| controls.set_tap_number(&mut flow, k, number));
    assert!(flow.solve().converged());
    flow
}

#[test]
fn ieee13_bolted_fault_currents_are_those_of_the_reduced_ybus() {
    let cases = frozen().unloaded;
    let name = |case: &Unloaded| format!("{} {} {:?}", case.bus, case.kind.name(), case.nodes);
    let fault = |case: &Unloaded| Fault::new(case.kind, &case.bus, &case.nodes, 0.0).expect("a fault");
    let mut flow = unloaded_ieee13(cases.iter().map(|case| (name(case), fault(case))));
    let mut worst: f64 = 0.0;
    for case in &cases {
        let found = switched_on(&mut flow, &name(case));
        let expected: Vec<Complex> = case.fault_a.iter().map(|[re, im]| complex(*re, *im)).collect();
        let error = relative(&found, &expected);
        worst = worst.max(error);
        assert!(error <= 1e-6, "{}: {error:e}", name(case));
        let id = flow.grid().element(Kind::Fault, &name(case)).expect("written");
        flow.set_in_service(id, false);
    }
    println!(
        "IEEE 13, {} bolted faults against the Ybus: worst relative error {worst:.1e} (allowed 1e-6)",
        cases.len()
    );
}

/// Every kind of bolted and resistive fault that the nodes of each bus allow.
fn every_fault(feeder: &Feeder, r_ohm: f64) -> Vec<(String, Fault)> {
    let grid = Grid::compile(feeder).expect("compiles");
    let mut faults = Vec::new();
    for bus in &grid.buses {
        let phases: Vec<u16> = bus.nodes.iter().map(|n| grid.nodes[n.0 as usize].number).filter(|n| *n <= 3).collect();
        for kind in FaultKind::ALL {
            for turn in 0..3 {
                let nodes = nodes(kind, turn);
                if nodes.iter().all(|n| phases.contains(n)) && (kind.phases() < 3 || turn == 0) {
                    let fault = Fault::new(kind, &bus.name, &nodes, r_ohm).expect("a fault");
                    faults
                        .push((format!("{} {} {turn} {r_ohm}", bus.name, kind.name()), Fault { open: true, ..fault }));
                }
            }
        }
    }
    faults
}

#[test]
fn every_fault_at_every_bus_converges_from_warm_voltages_and_clears() {
    let tolerance_pu = 1e-9;
    for name in ["ieee13.yaml", "ieee34.yaml", "ieee123.yaml"] {
        let mut feeder = read(name);
        let resistive = if name == "ieee13.yaml" { every_fault(&feeder, 2.0) } else { Vec::new() };
        let faults = [every_fault(&feeder, 0.0), resistive].concat();
        feeder.faults.extend(faults.iter().cloned());
        let mut flow = flow(&feeder, tolerance_pu);
        let mut controls = Controls::new(&flow).expect("controls");
        assert!(controls.settle(&mut flow).at_rest);
        assert!(flow.solve().converged());
        let sound = flow.clone();
        let (mut iterations, mut mismatch, mut returned): (u32, f64, f64) = (0, 0.0, 0.0);
        for (fault, _) in &faults {
            let id = flow.grid().element(Kind::Fault, fault).expect("written");
            flow.set_in_service(id, true);
            let solved = flow.solve();
            assert!(solved.converged(), "{name} {fault}: {solved:?}");
            iterations = iterations.max(solved.iterations);
            let power_va: f64 = fault_a(&flow, id).iter().map(|i| i.norm()).sum::<f64>() * 14.4e3;
            // A line to ground on an ungrounded section draws next to nothing: 0.01 VA (1e-8 pu) is the tolerance there.
            let relative = (flow.mismatch_pu() * 1e6 - 1e-2).max(0.0) / power_va;
            assert!(relative < 1e-6, "{name} {fault}: mismatch {relative:e} of the fault's power");
            mismatch = mismatch.max(relative);
            flow.set_in_service(id, false);
            assert!(flow.solve().converged(), "{name} {fault} cleared");
            for &node in &flow.grid().listing {
                let error =
                    (flow.voltage(node) - sound.voltage(node)).norm() / flow.grid().nodes[node.0 as usize].base_v;
                returned = returned.max(error);
                assert!(error <= 2.0 * tolerance_pu, "{name} {fault} cleared: {error:e} at {}", flow.grid().name(node));
            }
        }
        println!(
            "{name}: {} faults, at most {iterations} solves, mismatch {mismatch:.1e} of the fault's power, after clearing \
             {returned:.1e} pu from before",
            faults.len()
        );
    }
}

#[test]
fn what_is_no_fault_is_refused() {
    let new = |nodes: &[u16], r_ohm| Fault::new(FaultKind::DoubleLineToGround, "b", nodes, r_ohm);
    assert!(matches!(new(&[1], 0.0), Err(FaultError::Nodes { found: 1, .. })));
    assert_eq!(new(&[1, 1], 0.0), Err(FaultError::Node(1)));
    assert_eq!(new(&[0, 1], 0.0), Err(FaultError::Node(0)));
    assert_eq!(new(&[1, 2], -1.0), Err(FaultError::Resistance(-1.0)));
    assert!(matches!(new(&[1, 2], f64::NAN), Err(FaultError::Resistance(_))));
    assert!(new(&[1, 2], 0.0).and_then(|f| f.with_ground_ohm(f64::INFINITY)).is_err());
}

#[test]
fn a_fault_at_a_node_that_nothing_else_has_carries_nothing() {
    for (kind, nodes) in [(FaultKind::LineToGround, &[4][..]), (FaultKind::LineToLine, &[1, 4])] {
        let mut feeder = two_bus("r1_ohm: 0.1, x1_ohm: 0.8, r0_ohm: 0.3, x0_ohm: 1.1");
        let fault = Fault::new(kind, "b", nodes, 0.0).expect("a fault");
        feeder.faults.insert("f".into(), Fault { open: true, ..fault });
        let mut flow = flow(&feeder, 1e-9);
        assert!(flow.solve().converged());
        let found = switched_on(&mut flow, "f");
        assert!(found.iter().all(|i| i.norm() < 1e-3), "{}: {found:?}", kind.name());
    }
}
