//! What the solver promises: the error bound, equal lanes, clean failure, sensitivities and impedances.

#![cfg(feature = "solver")]

use std::collections::BTreeSet;
use std::path::Path;

use phasorbench::feeder::{self, Feeder};
use phasorbench::quantity::{Complex, complex};
use phasorbench::solver::{Batch, Controls, Grid, Kind, LoadsAs, Method, NodeId, PowerFlow, Settings, Status};

fn read(name: &str) -> Feeder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders").join(name);
    feeder::read(&path).feeder.expect("a committed feeder is sound")
}

fn flow(feeder: &Feeder, tolerance_pu: f64) -> PowerFlow {
    let settings = Settings { tolerance_pu, ..Settings::default() };
    PowerFlow::new(Grid::compile(feeder).expect("a committed feeder compiles"), settings)
}

/// Largest complex voltage difference of any node, per unit.
fn difference_pu(a: &PowerFlow, b: &PowerFlow) -> f64 {
    let grid = a.grid();
    let of = |n: &NodeId| (a.voltage(*n) - b.voltage(*n)).norm() / grid.nodes[n.0 as usize].base_v;
    grid.listing.iter().map(of).fold(0.0, f64::max)
}

/// A load multiplier that neither repeats nor is smooth.
fn uneven(k: u32) -> f64 {
    1.0 + 0.15 * (f64::from(k) * 1.7).sin() + 0.1 * (f64::from(k * k) * 0.37).cos()
}

#[test]
fn a_step_keeps_its_promise_whatever_came_before() {
    for name in ["ieee13.yaml", "ieee34.yaml", "ieee123.yaml"] {
        let feeder = read(name);
        for tolerance_pu in [1e-5, 1e-8, 1e-11] {
            let mut warm = flow(&feeder, tolerance_pu);
            let controls = Controls::new(&warm).unwrap();
            for k in 0..24 {
                warm.set_load_multiplier(uneven(k));
                let regulator = k as usize % feeder.regulators.len();
                if k % 3 == 0 {
                    let number = controls.tap_number(&warm, regulator) + if k % 2 == 0 { 1 } else { -1 };
                    controls.set_tap_number(&mut warm, regulator, number);
                }
                let solved = warm.solve();
                assert!(solved.converged() && solved.error_pu <= tolerance_pu, "{name} step {k}: {solved:?}");
                let mut fresh = flow(&feeder, Settings::FLOOR_PU);
                fresh.set_load_multiplier(uneven(k));
                for r in 0..feeder.regulators.len() {
                    controls.set_tap_number(&mut fresh, r, controls.tap_number(&warm, r));
                }
                assert!(fresh.solve().converged());
                let error = difference_pu(&warm, &fresh);
                assert!(error <= tolerance_pu, "{name} at {tolerance_pu:e}, step {k}: error {error:e}");
            }
        }
    }
}

#[test]
fn both_methods_find_the_same_solution() {
    for name in ["ieee13.yaml", "ieee123.yaml", "ieee8500.yaml"] {
        let feeder = read(name);
        let solve = |method| {
            let mut flow = flow(&feeder, 1e-11);
            flow.settings.method = method;
            flow.settings.max_iterations = 1000;
            assert!(flow.solve().converged(), "{name} by {method:?}");
            flow
        };
        assert!(difference_pu(&solve(Method::FixedPoint), &solve(Method::Chord)) < 2e-11, "{name}");
    }
}

/// Voltages of every scenario of a series, solved K at a time.
fn in_lanes<const K: usize>(feeder: &Feeder, restart: bool) -> Vec<Vec<Complex>> {
    const SCENARIOS: usize = 8;
    let mut of_scenario = vec![Vec::new(); SCENARIOS];
    for first in (0..SCENARIOS).step_by(K) {
        let mut batch = Batch::<K>::new(flow(feeder, 1e-8));
        for step in 0..6 {
            if restart {
                batch.restart();
            }
            for lane in 0..K {
                batch.set_load_multiplier(lane, uneven((first + lane) as u32 * 31 + step));
            }
            assert!(batch.solve().iter().all(|s| s.converged()));
            let grid = Grid::compile(feeder).expect("a committed feeder compiles");
            for lane in 0..K {
                of_scenario[first + lane].extend(grid.listing.iter().map(|&n| batch.voltage(lane, n)));
            }
        }
    }
    of_scenario
}

#[test]
fn a_scenario_is_bitwise_the_same_in_one_four_or_eight_lanes() {
    for name in ["ieee13.yaml", "ieee34.yaml", "ieee123.yaml"] {
        let feeder = read(name);
        for restart in [false, true] {
            let one = in_lanes::<1>(&feeder, restart);
            assert_eq!(one, in_lanes::<4>(&feeder, restart), "{name}");
            assert_eq!(one, in_lanes::<8>(&feeder, restart), "{name}");
        }
    }
}

#[test]
fn a_lane_keeps_the_promise_too() {
    let feeder = read("ieee123.yaml");
    let mut batch = Batch::<8>::new(flow(&feeder, 1e-8));
    for step in 0..10 {
        let multipliers: [f64; 8] = std::array::from_fn(|lane| uneven(step * 8 + lane as u32));
        multipliers.iter().enumerate().for_each(|(lane, m)| batch.set_load_multiplier(lane, *m));
        assert!(batch.solve().iter().all(|s| s.converged()));
        for (lane, m) in multipliers.into_iter().enumerate() {
            let mut alone = flow(&feeder, Settings::FLOOR_PU);
            alone.set_load_multiplier(m);
            alone.solve();
            let grid = alone.grid();
            for &n in &grid.listing {
                let error = (batch.voltage(lane, n) - alone.voltage(n)).norm() / grid.nodes[n.0 as usize].base_v;
                assert!(error <= 1e-8, "step {step} lane {lane} node {}: {error:e}", grid.name(n));
            }
        }
    }
}

/// Two parallel lines feed 1000 kW; the largest power they can carry is 2200 kW, hand-solved: V²/(2X) at unity factor.
#[test]
fn beyond_the_nose_a_solve_fails_cleanly_and_comes_back() {
    let feeder = read("parallel_lines.yaml");
    let load_bus = feeder.loads[0].bus.bus.clone();
    let mut flow = flow(&feeder, 1e-10);
    for (p_kw, solvable) in [(1000.0, true), (2190.0, true), (2210.0, false), (6600.0, false), (1000.0, true)] {
        flow.set_power(0, p_kw * 1000.0, 0.0);
        let solved = flow.solve();
        assert_eq!(solved.converged(), solvable, "{p_kw} kW: {solved:?}");
        if !solvable {
            assert_eq!(solved.status, Status::NotConverged);
            assert!(solved.worst.is_some_and(|n| flow.grid().name(n).starts_with(&load_bus)), "{solved:?}");
        }
    }
}

#[test]
fn an_open_line_leaves_what_is_behind_it_dead_and_closing_brings_it_back() {
    let feeder = read("ieee13.yaml");
    let mut flow = flow(&feeder, 1e-9);
    flow.solve();
    let before = flow.clone();
    let line = flow.grid().element(Kind::Line, "671692").unwrap();
    flow.set_in_service(line, false);
    assert!(flow.solve().converged());
    let dead: Vec<String> = flow.de_energised().map(|n| flow.grid().name(n).to_owned()).collect();
    let expected = ["675.1", "675.2", "675.3", "692.1", "692.2", "692.3"];
    assert_eq!(dead.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    assert!(flow.de_energised().all(|n| flow.voltage(n) == complex(0.0, 0.0)));
    flow.set_in_service(line, true);
    assert!(flow.solve().converged());
    assert!(difference_pu(&flow, &before) < 2e-9);
}

#[test]
fn sensitivities_are_the_slopes_of_solutions() {
    let feeder = read("ieee13.yaml");
    let mut at = flow(&feeder, Settings::FLOOR_PU);
    // Regulated, so that the load is inside its voltage band: there its nominal watt is a watt.
    assert!(Controls::new(&at).unwrap().settle(&mut at).at_rest);
    let load = feeder.loads.get_index_of("675a").unwrap();
    let node = at.grid().node("675.1").unwrap();
    let power = at.power(load);
    for s_va in [complex(1.0, 0.0), complex(0.0, 1.0)] {
        let slopes = at.clone().voltage_per_power(node, s_va).unwrap();
        let moved = |h: f64| {
            let mut moved = at.clone();
            let s = power - s_va * h;
            moved.set_power(load, s.re, s.im);
            assert!(moved.solve().converged());
            moved
        };
        let (up, down) = (moved(500.0), moved(-500.0));
        for &n in &at.grid().listing {
            let slope = (up.voltage(n) - down.voltage(n)) / 1000.0;
            let base_v = |n: NodeId| at.grid().nodes[n.0 as usize].base_v;
            let error_pu = (slope - slopes[n.0 as usize]).norm() / base_v(n);
            let largest_pu = slopes[node.0 as usize].norm() / base_v(node);
            assert!(error_pu < 1e-5 * largest_pu, "{}: {error_pu:e} of {largest_pu:e}", at.grid().name(n));
        }
    }
}

/// Hand-solved: source 20 MVA at 12.47 kV in series with a line; self impedance (2·Z1 + Z0)/3, mutual (Z0 − Z1)/3.
#[test]
fn thevenin_impedance_of_two_buses_is_the_sum_on_the_path() {
    let text = "feeder: two\nvoltage_bases_kv: [12.47]\n\
        sources: {s: {bus: a, v_kv: 12.47, r1_ohm: 0.1, x1_ohm: 0.8, r0_ohm: 0.3, x0_ohm: 1.1}}\n\
        lines: {l: {from: a, to: b, phases: 3, total: {r1_ohm: 1.0, x1_ohm: 2.0, r0_ohm: 3.0, x0_ohm: 6.0}}}\n\
        loads: {d: {bus: b, v_kv: 12.47, p_kw: 300, q_kvar: 100}}\n";
    let reading = feeder::yaml::from_text(text.to_owned(), Path::new("two.yaml"));
    let flow = flow(&reading.feeder.unwrap(), 1e-9);
    let nodes = ["b.1", "b.2"].map(|n| flow.grid().node(n).unwrap());
    let z = flow.thevenin_ohm(&nodes, LoadsAs::Open).unwrap();
    let (z1, z0) = (complex(1.1, 2.8), complex(3.3, 7.1));
    let (own, mutual) = ((z1 * 2.0 + z0) / 3.0, (z0 - z1) / 3.0);
    for (found, expected) in [(z[0][0], own), (z[0][1], mutual), (z[1][0], mutual), (z[1][1], own)] {
        assert!((found - expected).norm() < 1e-12, "{found} {expected}");
    }
    let loaded = flow.thevenin_ohm(&nodes, LoadsAs::Admittance).unwrap();
    assert!((loaded[0][0] - own).norm() > 1e-3, "the load counts");
}

/// A source whose negative-sequence impedance is its own has an unsymmetric admittance. Voltages of OpenDSS (engine 0.14.5,
/// tolerance 1e-10) for the same script.
#[test]
fn a_source_with_its_own_negative_sequence_agrees_with_opendss() {
    let text = "feeder: unsymmetric\nvoltage_bases_kv: [12.47]\n\
        sources: {s: {bus: a, v_kv: 12.47, r1_ohm: 0.5, x1_ohm: 2.0, r2_ohm: 0.8, x2_ohm: 3.0, r0_ohm: 1.0, x0_ohm: 4.0}}\n\
        lines: {l: {from: a, to: b, phases: 3, total: {r1_ohm: 0.3, x1_ohm: 0.6, r0_ohm: 0.9, x0_ohm: 1.8}}}\n\
        loads:\n\
        \x20 d1: {bus: b.1, phases: 1, v_kv: 7.2, p_kw: 900, q_kvar: 300, v_min_pu: 0.7}\n\
        \x20 d2: {bus: b.2.3, phases: 1, connection: delta, v_kv: 12.47, p_kw: 500, q_kvar: 100, v_min_pu: 0.7}\n";
    let reading = feeder::yaml::from_text(text.to_owned(), Path::new("unsymmetric.yaml"));
    let feeder = reading.feeder.expect("sound");
    let opendss = [
        ("a.1", 6957.60840485624, -323.48624825754615),
        ("a.2", -3709.063039049202, -6282.370565378483),
        ("a.3", -3584.215716701477, 6144.409511953803),
        ("b.1", 6841.610563425875, -425.88871933819945),
        ("b.2", -3777.0162599566356, -6306.093425217517),
        ("b.3", -3609.060768938335, 6086.2103949283155),
    ];
    let mut alone = flow(&feeder, 1e-10);
    let mut batch = Batch::<4>::new(flow(&feeder, 1e-10));
    assert!(alone.solve().converged() && batch.solve().iter().all(|s| s.converged()));
    for (name, re, im) in opendss {
        let node = alone.grid().node(name).unwrap();
        for v in [alone.voltage(node), batch.voltage(2, node)] {
            assert!((v - complex(re, im)).norm() < 1e-9 * 7200.0, "{name}: {v}");
        }
    }
}
