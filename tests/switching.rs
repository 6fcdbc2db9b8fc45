//! What events do to a network, in place: whatever is switched, the solution is that of a feeder written so.

#![cfg(feature = "solver")]

use std::path::Path;

use phasorbench::feeder::{self, Feeder};
use phasorbench::solver::{Grid, Kind, PowerFlow, Settings};

const TOLERANCE_PU: f64 = 1e-11;

fn read(name: &str) -> Feeder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders").join(name);
    feeder::read(&path).feeder.expect("a committed feeder is sound")
}

fn text(yaml: &str) -> Feeder {
    let reading = feeder::yaml::from_text(yaml.to_owned(), Path::new("inline.yaml"));
    reading.feeder.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn flow(feeder: &Feeder) -> PowerFlow {
    let settings = Settings { tolerance_pu: TOLERANCE_PU, max_iterations: 1000, ..Settings::default() };
    PowerFlow::new(Grid::compile(feeder).expect("compiles"), settings)
}

fn solved(feeder: &Feeder) -> PowerFlow {
    let mut flow = flow(feeder);
    let solved = flow.solve();
    assert!(solved.converged(), "{}: {solved:?}", feeder.feeder);
    flow
}

/// Largest complex voltage difference of any node by name, per unit of `a`'s base; a node that `b` has not is at 0 V.
fn difference_pu(a: &PowerFlow, b: &PowerFlow) -> (f64, String) {
    let grid = a.grid();
    let of = |n: &phasorbench::solver::NodeId| {
        let other = b.grid().node(grid.name(*n)).map(|n| b.voltage(n)).unwrap_or_default();
        ((a.voltage(*n) - other).norm() / grid.nodes[n.0 as usize].base_v, grid.name(*n).to_owned())
    };
    grid.listing.iter().map(of).max_by(|x, y| x.0.total_cmp(&y.0)).expect("a node")
}

/// A ring of three buses with a second source at its far side, and one of everything.
const MESH: &str = r#"
feeder: mesh
voltage_bases_kv: [12.47, 4.16]
sources:
  west: {bus: a, v_kv: 12.47, r1_ohm: 0.1, x1_ohm: 0.8, r0_ohm: 0.3, x0_ohm: 1.1}
  east: {bus: c, v_kv: 12.47, v_pu: 0.99, angle_deg: -0.5, r1_ohm: 0.3, x1_ohm: 1.6, r0_ohm: 0.6, x0_ohm: 2.2}
line_codes: {oh: {phases: 3, per: km, impedance: {r1_ohm: 0.3, x1_ohm: 0.6, r0_ohm: 0.6, x0_ohm: 1.8, c1_nf: 12, c0_nf: 6}}}
lines:
  ab: {from: a, to: b, code: oh, length_km: 4}
  ab2: {from: a, to: b, code: oh, length_km: 4}
  bc: {from: b, to: c, code: oh, length_km: 3}
  ca: {from: c, to: a, code: oh, length_km: 5}
  bd: {from: b, to: d, code: oh, length_km: 2}
transformers:
  t: {windings: [{bus: d, connection: delta, v_kv: 12.47, s_kva: 3000, r_percent: 0.5}, {bus: e, v_kv: 4.16, s_kva: 3000, r_percent: 0.5}], x_percent: [6]}
capacitors:
  shunt: {bus: c, v_kv: 12.47, q_kvar: [300, 150]}
  low: {bus: e, connection: delta, v_kv: 4.16, q_kvar: [200]}
reactors:
  limiter: {bus: e, to: f, r_ohm: 0.01, x_ohm: 0.1}
  coil: {bus: b, v_kv: 12.47, q_kvar: 100}
faults: {f: {bus: c.1, r_ohm: 30}}
loads:
  d: {bus: d, v_kv: 12.47, p_kw: 900, q_kvar: 300}
  f1: {bus: f.1, phases: 1, v_kv: 2.4, p_kw: 300, q_kvar: 100, model: constant_current}
  f23: {bus: f.2.3, phases: 1, connection: delta, v_kv: 4.16, p_kw: 200, q_kvar: 50}
"#;

/// Every element of a feeder but for neutrals, with the feeder written without it.
fn without_each(feeder: &Feeder) -> Vec<(Kind, String, Feeder)> {
    let mut all = Vec::new();
    macro_rules! each {
        ($section:ident, $kind:expr) => {
            for name in feeder.$section.keys() {
                let mut without = feeder.clone();
                without.$section.shift_remove(name);
                all.push(($kind, name.clone(), without));
            }
        };
    }
    each!(sources, Kind::Source);
    each!(lines, Kind::Line);
    each!(transformers, Kind::Transformer);
    each!(capacitors, Kind::Capacitor);
    each!(reactors, Kind::Reactor);
    each!(faults, Kind::Fault);
    all
}

#[test]
fn an_element_out_of_service_is_as_if_it_were_not_written_and_comes_back() {
    for mut feeder in [text(MESH), read("ieee13.yaml"), read("ieee34.yaml"), read("ieee123.yaml")] {
        // Controls would have nothing to control where their transformer is gone.
        feeder.regulators.clear();
        feeder.capacitor_controls.clear();
        let sound = solved(&feeder);
        let mut warm = sound.clone();
        for (kind, name, without) in without_each(&feeder) {
            let id = warm.grid().element(kind, &name).expect("written");
            let label = format!("{} {kind:?} {name}", feeder.feeder);
            warm.set_in_service(id, false);
            let outcome = warm.solve();
            assert!(outcome.converged(), "{label}: {outcome:?}");
            if without.sources.is_empty() {
                assert_eq!(warm.de_energised().count(), warm.grid().nodes.len(), "{label}");
            } else if let Some(cold) = compiled(&without) {
                let (difference, node) = difference_pu(&warm, &cold);
                assert!(difference <= 1e-9, "{label}: {difference:e} at {node}");
            } else {
                assert!(warm.de_energised().next().is_some(), "{label}: the feeder without it floats");
            }
            warm.set_in_service(id, true);
            assert!(warm.solve().converged(), "{label} back");
            let (difference, node) = difference_pu(&warm, &sound);
            assert!(difference <= 1e-9, "{label} back: {difference:e} at {node}");
        }
    }
}

/// The solution, unless a part of the feeder floats as written.
fn compiled(feeder: &Feeder) -> Option<PowerFlow> {
    let grid = Grid::compile(feeder).ok()?;
    let mut flow =
        PowerFlow::new(grid, Settings { tolerance_pu: TOLERANCE_PU, max_iterations: 1000, ..Settings::default() });
    let outcome = flow.solve();
    assert!(outcome.converged(), "{}: {outcome:?}", feeder.feeder);
    Some(flow)
}

#[test]
fn an_ideal_source_can_be_lost_beside_another() {
    let mut feeder = text(MESH);
    feeder.sources["west"].ideal = true;
    let west = |flow: &PowerFlow| flow.grid().element(Kind::Source, "west").expect("written");
    let sound = solved(&feeder);
    let mut warm = sound.clone();
    warm.set_in_service(west(&warm), false);
    assert!(warm.solve().converged());
    let mut without = feeder.clone();
    without.sources.shift_remove("west");
    let (difference, node) = difference_pu(&warm, &solved(&without));
    assert!(difference <= 1e-9, "{difference:e} at {node}");
    warm.set_in_service(west(&warm), true);
    assert!(warm.solve().converged());
    assert!(difference_pu(&warm, &sound).0 <= 1e-9);
}

#[test]
fn phases_of_a_source_move_alone() {
    for ideal in [false, true] {
        let mut feeder = text(MESH);
        feeder.sources["west"].ideal = ideal;
        let mut flow = solved(&feeder);
        let sound = flow.clone();
        // As three sources of one phase behind the same uncoupled impedances: only the phases' EMF differ.
        flow.set_source_phasor(0, 1, 0.6, 12.0);
        assert!(flow.solve().converged());
        let mut all = sound.clone();
        (0..3).for_each(|phase| all.set_source_phasor(0, phase, 0.8, 5.0));
        assert!(all.solve().converged());
        let mut at_once = sound.clone();
        at_once.set_source(0, 0.8, 5.0);
        assert!(at_once.solve().converged());
        assert!(difference_pu(&all, &at_once).0 <= 1e-12);
        let node = |n: &str| flow.grid().node(n).expect("written");
        let ratio = flow.voltage(node("a.2")) / sound.voltage(node("a.2"));
        assert!(if ideal { (ratio.norm() - 0.6).abs() < 1e-12 } else { ratio.norm() < 0.9 }, "{ratio}");
        // Gone altogether, and back.
        flow.set_source(0, 0.0, 0.0);
        assert!(flow.solve().converged());
        flow.set_source(0, 1.0, 0.0);
        assert!(flow.solve().converged());
        let (difference, at) = difference_pu(&flow, &sound);
        assert!(difference <= 1e-9, "{difference:e} at {at}");
    }
}
