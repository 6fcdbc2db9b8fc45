//! Orders against hand solutions, dense LU of faer on element admittances put together by name, and themselves.

use std::path::Path;

use faer::prelude::*;

use super::*;
use crate::feeder::random::{RandomFeeder, generate};
use crate::feeder::{self, Feeder};
use crate::signal::Norton;
use crate::solver::element::{self, Behaviour, Losses, Part, Primitive};
use crate::solver::{Kind, NodeId, Settings};

fn yaml(text: &str) -> Feeder {
    let reading = feeder::yaml::from_text(text.into(), Path::new("test.yaml"));
    reading.feeder.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn committed(name: &str) -> Feeder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders").join(name);
    feeder::read(&path).feeder.expect("a committed feeder has no errors")
}

fn random(seed: u64, buses: usize) -> Feeder {
    let options = serde_json::json!({"seed": seed, "buses": buses, "mesh": 0.1, "pv_share": 0.3});
    let options: RandomFeeder = serde_json::from_value(options).expect("options");
    generate(&options)
}

fn solved(feeder: &Feeder) -> PowerFlow {
    let grid = Grid::compile(feeder).expect("compiles");
    let mut flow = PowerFlow::new(grid, Settings { tolerance_pu: 1e-11, ..Settings::default() });
    assert!(flow.solve().converged(), "{}", feeder.feeder);
    flow
}

fn study(flow: &PowerFlow, orders: &[f64]) -> Harmonics {
    Harmonics::new(flow, orders, HarmonicSettings::default()).expect("a study")
}

fn node(grid: &Grid, name: &str) -> NodeId {
    grid.node(name).unwrap_or_else(|| panic!("no node {name}"))
}

/// A device between a node and ground that injects `i` at every order.
fn inject(study: &mut Harmonics, at: NodeId, i: Complex) -> DeviceId {
    let device = study.add_device(&[[Some(at), None]]).expect("a device");
    let mut norton = Norton::new(study.orders().len(), 1);
    (0..study.orders().len()).for_each(|k| norton.current_a_mut(k)[0] = i);
    study.set_norton(device, &norton);
    device
}

fn voltages(study: &Harmonics, order: usize) -> Vec<Complex> {
    (0..study.grid().nodes.len() as u32).map(|place| study.voltage(order, NodeId(place))).collect()
}

/// Largest difference per unit of the largest value.
fn difference(a: &[Complex], b: &[Complex]) -> f64 {
    let largest = a.iter().chain(b).map(|v| v.norm()).fold(f64::MIN_POSITIVE, f64::max);
    a.iter().zip(b).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max) / largest
}

/// Every element at a frequency, with the loads' admittances by the rule as `docs/models/harmonics.md` writes it.
fn primitives(feeder: &Feeder, flow: &PowerFlow, f_hz: f64) -> Vec<Primitive> {
    let at = Frequency { f_hz, nominal_hz: feeder.frequency_hz };
    let h = at.order();
    let mut all = Vec::new();
    all.extend(feeder.sources.iter().filter_map(|(n, s)| element::source(n, s, at).unwrap().primitive()));
    let lines = feeder.lines.iter().filter(|(_, line)| !line.open);
    all.extend(lines.map(|(n, l)| element::line(feeder, n, l, f_hz, Part::Whole).unwrap()));
    for (index, (name, transformer)) in feeder.transformers.iter().enumerate() {
        let model = element::TransformerModel::new(name, transformer, at).unwrap();
        let taps: Vec<f64> = (0..transformer.windings.len()).map(|w| flow.tap_pu(index, w)).collect();
        let mut y = element::Admittance::default();
        model.admittance(&taps, Part::Whole, &mut y);
        all.push(Primitive { terminals: model.terminals().to_vec(), y });
    }
    for (index, (name, bank)) in feeder.capacitors.iter().enumerate() {
        all.push(element::capacitor(name, bank, flow.capacitor_steps(index), at, Part::Whole).unwrap());
    }
    all.extend(feeder.reactors.iter().map(|(n, r)| element::reactor(n, r, at, Part::Whole).unwrap()));
    for (index, (name, load)) in feeder.loads.iter().enumerate() {
        let model = element::load(name, load).unwrap();
        let per_branch = flow.power(index).conj() / model.branches.len() as f64;
        let y = per_branch / (model.v_base_v * model.v_base_v);
        let z = (y * 0.5).inv();
        let y = complex(y.re, y.im / h) * 0.5 + complex(z.re, h * z.im).inv();
        all.extend(model.branches.iter().map(|branch| {
            let mut matrix = element::Admittance::zeros(2);
            matrix.add_branch(0, 1, y);
            Primitive { terminals: vec![vec![branch.from.clone()], vec![branch.to.clone()]], y: matrix }
        }));
        all.extend(model.neutral);
    }
    for (name, pv) in &feeder.pv_systems {
        // 50 % of the inverter's base impedance, a resistance; a third of its admittance in each branch of a delta.
        let model = element::pv_system(name, pv, element::PvState::of(pv)).unwrap();
        let share = if pv.connection == feeder::Connection::Delta && pv.phases > 1 { 1.0 / 3.0 } else { 1.0 };
        let y = complex(share * pv.s_kva / (0.5 * 1000.0 * pv.v_kv * pv.v_kv), 0.0);
        all.extend(model.branches.iter().map(|branch| {
            let mut matrix = element::Admittance::zeros(2);
            matrix.add_branch(0, 1, y);
            Primitive { terminals: vec![vec![branch.from.clone()], vec![branch.to.clone()]], y: matrix }
        }));
    }
    all
}

/// Voltages by node for currents injected, by faer's dense LU.
fn dense(flow: &PowerFlow, f_hz: f64, injected: &[(NodeId, Complex)]) -> Vec<Complex> {
    let grid = flow.grid();
    let n = grid.nodes.len();
    let mut y = faer::Mat::<Complex>::zeros(n, n);
    for primitive in primitives(&grid.feeder, flow, f_hz) {
        let name = |c: &element::Conductor| grid.node(&format!("{}.{}", c.bus, c.node));
        let places: Vec<Option<NodeId>> = primitive.conductors().map(name).collect();
        for (i, p) in places.iter().enumerate().filter_map(|(i, p)| Some((i, (*p)?))) {
            for (j, q) in places.iter().enumerate().filter_map(|(j, q)| Some((j, (*q)?))) {
                y[(p.0 as usize, q.0 as usize)] += primitive.y.get(i, j);
            }
        }
    }
    let mut b = faer::Mat::<Complex>::zeros(n, 1);
    injected.iter().for_each(|(node, i)| b[(node.0 as usize, 0)] += i);
    let x = y.partial_piv_lu().solve(&b);
    (0..n).map(|k| x[(k, 0)]).collect()
}

const SMALL: &str = r#"
feeder: small
voltage_bases_kv: [12.47, 4.16]
sources: {grid: {bus: a, v_kv: 12.47}}
transformers:
  sub:
    windings: [{bus: a, connection: delta, v_kv: 12.47, s_kva: 6000, r_percent: 0.5}, {bus: b, v_kv: 4.16, s_kva: 6000, r_percent: 0.5}]
    x_percent: [6]
lines:
  main: {from: b, to: c, phases: 3, total: {r1_ohm: 0.3, x1_ohm: 0.6, r0_ohm: 0.6, x0_ohm: 1.8}}
  tie: {from: b, to: c, phases: 3, total: {r1_ohm: 0.3, x1_ohm: 0.6, r0_ohm: 0.6, x0_ohm: 1.8}}
  end: {from: c, to: d, phases: 3, total: {r1_ohm: 0.1, x1_ohm: 0.2, r0_ohm: 0.2, x0_ohm: 0.6}}
capacitors: {cap: {bus: c, v_kv: 4.16, q_kvar: [300, 200]}}
loads:
  three: {bus: c, v_kv: 4.16, p_kw: 1500, q_kvar: 700, spectrum: defaultload}
  one: {bus: d.1, phases: 1, v_kv: 2.4, p_kw: 300, q_kvar: 100, model: constant_current}
  delta: {bus: d.2.3, phases: 1, connection: delta, v_kv: 4.16, p_kw: 200, q_kvar: 50}
"#;

const ORDERS: [f64; 11] = [1.0, 2.0, 2.5, 3.0, 5.0, 7.0, 11.0, 13.7, 25.0, 49.0, 199.5];

#[test]
fn elements_are_those_of_the_network_at_the_fundamental() {
    for name in ["ieee13.yaml", "ieee34.yaml", "ieee123.yaml"] {
        let flow = solved(&committed(name));
        let mut fresh = study(&flow, &[1.0]);
        fresh.solve();
        let group = &fresh.groups[0];
        let mut operator = crate::solver::kernel::Operator::zero(&flow.grid().pattern);
        flow.grid().network.assemble(&mut operator);
        let own: Vec<Complex> = group.passive.diagonal.iter().map(|y| Group::lane(y, 0)).collect();
        assert!(difference(&own, &operator.diagonal) < 1e-13, "{name}");
        let own: Vec<Complex> = group.passive.below.iter().map(|y| Group::lane(y, 0)).collect();
        assert!(difference(&own, &operator.below) < 1e-13, "{name}");
    }
}

#[test]
fn dense_lu_agrees() {
    for (seed, buses) in [(1, 4), (2, 12), (3, 25), (4, 25)] {
        let flow = solved(&random(seed, buses));
        let at = NodeId((seed * 7 % flow.grid().nodes.len() as u64) as u32);
        let mut study = study(&flow, &ORDERS);
        inject(&mut study, at, complex(3.0, -1.0));
        assert_eq!(study.solve(), HarmonicStatus::Solved);
        for (k, order) in ORDERS.iter().enumerate().skip(1) {
            let expected = dense(&flow, order * 60.0, &[(at, complex(3.0, -1.0))]);
            let off = difference(&voltages(&study, k), &expected);
            assert!(off < 1e-11, "seed {seed}, order {order}: {off:e}");
        }
    }
}

/// Two buses, all in sequence: V = I·(R + jhX) of source and line together, since balanced currents of a positive
/// sequence see no mutual impedance.
#[test]
fn two_buses_by_hand() {
    let flow = solved(&yaml(
        "{feeder: two, voltage_bases_kv: [0.4], frequency_hz: 50, sources: {s: {bus: a, v_kv: 0.4, r1_ohm: 0.01, x1_ohm: 0.02}}, \
         lines: {l: {from: a, to: b, phases: 3, total: {r1_ohm: 0.05, x1_ohm: 0.03}}}}",
    ));
    let mut study = study(&flow, &[5.0, 7.3]);
    let nodes = ["b.1", "b.2", "b.3"].map(|n| node(flow.grid(), n));
    let device = study.add_device(&nodes.map(|n| [Some(n), None])).unwrap();
    let mut norton = Norton::new(2, 3);
    for order in 0..2 {
        let turned = |k: f64| crate::quantity::phasor(10.0, 30.0 - 120.0 * k);
        norton.current_a_mut(order).copy_from_slice(&[0.0, 1.0, 2.0].map(turned));
    }
    study.set_norton(device, &norton);
    assert_eq!(study.solve(), HarmonicStatus::Solved);
    for (k, h) in [5.0, 7.3].into_iter().enumerate() {
        let expected = norton.current_a(k)[0] * complex(0.06, 0.05 * h);
        assert!((study.voltage(k, nodes[0]) - expected).norm() < 1e-12 * expected.norm());
        // The whole current goes through the line: out of its second terminal.
        let line = flow.grid().element(Kind::Line, "l").unwrap();
        let mut i = Vec::new();
        study.currents_into(k, line, &mut i);
        assert!((i[3] - norton.current_a(k)[0]).norm() < 1e-10, "{} {}", i[3], norton.current_a(k)[0]);
        assert!((i[3] + i[0]).norm() < 1e-10);
    }
    // 100·|V5|/|V1|: only whole orders count.
    let expected = 100.0 * study.voltage(0, nodes[0]).norm() / flow.voltage(nodes[0]).norm();
    assert!((study.thd_percent(nodes[0]) - expected).abs() < 1e-12);
}

/// N filter capacitors behind a transformer's leakage resonate at 1/(2π√(LNC)): 60 × 10 µF behind 630 kVA, 4 % of 400 V.
#[test]
fn a_fleet_resonates_where_the_formula_says() {
    let x_ohm = 0.04 * 400.0 * 400.0 / 630e3;
    let c_f = 60.0 * 10e-6;
    let w = 2.0 * std::f64::consts::PI * 50.0;
    let q_kvar = 3.0 * w * c_f * (400.0f64 / 3f64.sqrt()).powi(2) / 1000.0;
    let flow = solved(&yaml(&format!(
        "{{feeder: fleet, voltage_bases_kv: [0.4], frequency_hz: 50, sources: {{s: {{bus: a, v_kv: 0.4, r1_ohm: 0.0001, \
         x1_ohm: {x_ohm}}}}}, capacitors: {{c: {{bus: a, v_kv: 0.4, q_kvar: [{q_kvar}]}}}}}}"
    )));
    let expected_hz = 1.0 / (2.0 * std::f64::consts::PI * (x_ohm / w * c_f).sqrt());
    let range = ScanSettings { from_hz: 50.0, to_hz: 3000.0, step_hz: 10.0 };
    let nodes = ["a.1", "a.2", "a.3"].map(|n| node(flow.grid(), n));
    for at in [ScanAt::Positive(nodes), ScanAt::Node(nodes[1])] {
        let found = scan(&flow, at, range, HarmonicSettings::default()).unwrap();
        assert_eq!(found.points.len(), 296);
        let [resonance] = found.resonances[..] else { panic!("{:?}", found.resonances) };
        // A resistance of 0.1 mΩ moves the maximum of |Z| by R²C/L in f², 3e-6 here.
        assert!(resonance.parallel && (resonance.f_hz - expected_hz).abs() < 0.02, "{resonance:?} {expected_hz}");
        // Q = ωL/R of a coil behind which a capacitor resonates.
        let quality = 2.0 * std::f64::consts::PI * expected_hz * x_ohm / w / 0.0001;
        assert!((resonance.quality.unwrap() / quality - 1.0).abs() < 0.02, "{resonance:?} {quality}");
    }
    assert!((expected_hz - 1143.0).abs() < 30.0, "{expected_hz}");
}

/// With loads of constant impedance, the fundamental through the harmonic code is the power flow.
#[test]
fn order_one_is_the_power_flow_where_that_is_linear() {
    for mut feeder in [committed("ieee13.yaml"), committed("ieee123.yaml"), yaml(SMALL)] {
        feeder.loads.values_mut().for_each(|load| load.model = feeder::LoadModel::ConstantImpedance);
        let flow = solved(&feeder);
        let mut study = study(&flow, &[1.0]);
        assert_eq!(study.solve(), HarmonicStatus::Solved);
        for &n in &flow.grid().listing {
            let base = flow.grid().nodes[n.0 as usize].base_v;
            // Switches of 1e7 S beside mS leave 1e-8; the power flow removes that by its residual.
            assert!((study.voltage(0, n) - flow.voltage(n)).norm() < 2e-8 * base, "{}", flow.grid().name(n));
        }
    }
}

/// What a study has after following a power flow, and what one made of that power flow has.
fn follows(flow: &PowerFlow, study: &mut Harmonics, what: &str) {
    study.follow(flow).unwrap();
    assert_eq!(study.solve(), HarmonicStatus::Solved, "{what}");
    let mut fresh = super::tests::study(flow, study.orders());
    inject(&mut fresh, NodeId(0), complex(2.0, 1.0));
    assert_eq!(fresh.solve(), HarmonicStatus::Solved, "{what}");
    for order in 0..study.orders().len() {
        let off = difference(&voltages(study, order), &voltages(&fresh, order));
        assert!(off < 1e-11, "{what}, order {}: {off:e}", study.orders()[order]);
    }
}

#[test]
fn what_changes_in_place_is_as_made_anew() {
    let mut flow = solved(&yaml(SMALL));
    let mut study = study(&flow, &ORDERS[1..]);
    inject(&mut study, NodeId(0), complex(2.0, 1.0));
    let line = |flow: &PowerFlow, name| flow.grid().element(Kind::Line, name).unwrap();
    type Change<'a> = (&'a str, Box<dyn Fn(&mut PowerFlow)>);
    let changes: Vec<Change<'_>> = vec![
        ("load multiplier", Box::new(|f| f.set_load_multiplier(0.6))),
        ("tap", Box::new(|f| f.set_tap(0, 1, 1.05))),
        ("tap of the delta side", Box::new(|f| f.set_tap(0, 0, 0.975))),
        ("capacitor", Box::new(|f| f.set_capacitor(0, &[false, true]))),
        ("line out", Box::new(move |f| f.set_in_service(line(f, "tie"), false))),
        ("a phase", Box::new(move |f| f.set_phases(line(f, "main"), &[true, false, true]))),
        ("end out", Box::new(move |f| f.set_in_service(line(f, "end"), false))),
        (
            "end and tie back",
            Box::new(move |f| {
                f.set_in_service(line(f, "end"), true);
                f.set_in_service(line(f, "tie"), true);
            }),
        ),
        ("the phase back", Box::new(move |f| f.set_phases(line(f, "main"), &[true; 3]))),
        ("frequency", Box::new(|f| f.set_frequency(59.3).unwrap())),
        ("taps back", Box::new(|f| f.set_tap(0, 1, 1.0))),
    ];
    for (what, change) in changes {
        change(&mut flow);
        assert!(flow.solve().converged(), "{what}");
        follows(&flow, &mut study, what);
    }
    assert!(study.factorised() > 0);
    study.follow(&flow).unwrap();
    study.solve();
    assert_eq!(study.factorised(), 0, "nothing has changed");
}

#[test]
fn de_energised_nodes_are_at_zero() {
    let mut flow = solved(&yaml(SMALL));
    let mut study = study(&flow, &[5.0]);
    let [c, d] = ["c.1", "d.1"].map(|n| node(flow.grid(), n));
    inject(&mut study, d, complex(1.0, 0.0));
    flow.set_in_service(flow.grid().element(Kind::Line, "end").unwrap(), false);
    assert!(flow.solve().converged());
    study.follow(&flow).unwrap();
    assert_eq!(study.solve(), HarmonicStatus::Solved);
    assert_eq!(study.voltage(0, d), complex(0.0, 0.0));
    // What is left is what the load at c emits.
    assert!(study.voltage(0, c).norm() > 0.1 && study.thd_percent(d) == 0.0 && study.thd_percent(c) > 0.0);
}

#[test]
fn superposition_and_reciprocity_hold() {
    for seed in 1..6 {
        let flow = solved(&random(seed, 20));
        let n = flow.grid().nodes.len() as u64;
        let [a, b] = [seed * 5 % n, seed * 11 % n].map(|k| NodeId(k as u32));
        let of = |injected: &[(NodeId, Complex)]| {
            let mut study = study(&flow, &ORDERS);
            for (at, i) in injected {
                inject(&mut study, *at, *i);
            }
            assert_eq!(study.solve(), HarmonicStatus::Solved);
            study
        };
        let (one, two) = (complex(2.0, 1.0), complex(-0.5, 3.0));
        let (first, second, both) = (of(&[(a, one)]), of(&[(b, two)]), of(&[(a, one), (b, two)]));
        for order in 1..ORDERS.len() {
            let sum: Vec<Complex> =
                voltages(&first, order).iter().zip(voltages(&second, order)).map(|(x, y)| x + y).collect();
            assert!(difference(&sum, &voltages(&both, order)) < 1e-12, "seed {seed}");
            let [there, back] = [first.voltage(order, b) / one, second.voltage(order, a) / two];
            assert!((there - back).norm() <= 1e-9 * there.norm().max(1e-6), "seed {seed}: {there} {back}");
        }
        let mut column = vec![complex(0.0, 0.0); ORDERS.len()];
        let mut study = of(&[]);
        study
            .impedance(a, |order, to, z| {
                if to == b {
                    column[order] = z
                }
            })
            .unwrap();
        for (order, z) in column.iter().enumerate().skip(1) {
            assert!((z - first.voltage(order, b) / one).norm() <= 1e-12 * z.norm());
        }
    }
}

/// Complex power that is injected is what elements and loads take.
#[test]
fn power_balances() {
    for feeder in [random(7, 15), yaml(SMALL), committed("ieee13.yaml")] {
        let flow = solved(&feeder);
        let mut study = study(&flow, &ORDERS[1..]);
        let at = flow.grid().listing[flow.grid().listing.len() / 2];
        let device = inject(&mut study, at, complex(5.0, 2.0));
        assert_eq!(study.solve(), HarmonicStatus::Solved);
        for order in 0..study.orders().len() {
            let injected = study.voltage(order, at) * study.device_current_a(device, order, 0).conj();
            let elements = flow.grid().network.elements().map(|(id, _)| study.power_into_va(order, id));
            let mut taken: Complex = elements.sum();
            let mut size = 0.0;
            for injection in 0..flow.injections() {
                let injections = &flow.grid().injections;
                for branch in injections.branches_of(injection) {
                    let phase = injections.element_and_phase(branch).1;
                    let v = |end: u32| study.groups[Group::of(order).0].voltage(end, Group::of(order).1);
                    let [p, q] = injections.ends(branch).map(v);
                    let s = (p - q) * study.injection_current_a(order, injection, phase).conj();
                    (taken, size) = (taken + s, size + s.norm());
                }
            }
            assert!(
                (injected - taken).norm() < 1e-7 * (injected.norm() + size),
                "{}: {injected} {taken}",
                feeder.feeder
            );
        }
    }
}

#[test]
fn background_and_ideal_sources() {
    let text = |ideal: &str| {
        yaml(&format!(
            "{{feeder: two, voltage_bases_kv: [0.4], sources: {{s: {{bus: a, v_kv: 0.4, {ideal}}}}}, \
             lines: {{l: {{from: a, to: b, phases: 3, total: {{r1_ohm: 0.05, x1_ohm: 0.03}}}}}}, \
             reactors: {{r: {{bus: b, phases: 3, r_ohm: 1, x_ohm: 2}}}}}}"
        ))
    };
    for (ideal, z) in [("ideal: true", complex(0.0, 0.0)), ("r1_ohm: 0.01, x1_ohm: 0.04", complex(0.01, 0.2))] {
        let flow = solved(&text(ideal));
        let mut study = study(&flow, &[5.0]);
        let e = complex(3.0, -4.0);
        study.set_background(0, 0, 1, e);
        assert_eq!(study.solve(), HarmonicStatus::Solved);
        // A divider: the reactor, 1 + j10 ohm, behind the line's 0.05 + j0.15 ohm and the source's.
        let (reactor, line) = (complex(1.0, 10.0), complex(0.05, 0.15));
        let expected = e * reactor / (reactor + line + z);
        let v = study.voltage(0, node(flow.grid(), "b.2"));
        assert!((v - expected).norm() < 1e-12 * expected.norm(), "{ideal}: {v} {expected}");
        assert!(study.voltage(0, node(flow.grid(), "b.1")).norm() < 1e-12);
    }
}

/// A source whose negative-sequence impedance is its own: positive-sequence currents see Z1 and negative ones Z2.
#[test]
fn a_source_that_is_not_symmetric() {
    let flow = solved(&yaml(
        "{feeder: one, voltage_bases_kv: [0.4], sources: {s: {bus: a, v_kv: 0.4, r1_ohm: 0.01, x1_ohm: 0.02, r2_ohm: 0.03, x2_ohm: 0.01}}}",
    ));
    let mut study = study(&flow, &[5.0]);
    let nodes = ["a.1", "a.2", "a.3"].map(|n| node(flow.grid(), n));
    let device = study.add_device(&nodes.map(|n| [Some(n), None])).unwrap();
    for (sign, z) in [(-1.0, complex(0.01, 0.1)), (1.0, complex(0.03, 0.05))] {
        let mut norton = Norton::new(1, 3);
        let turned = |k: f64| crate::quantity::phasor(10.0, sign * 120.0 * k);
        norton.current_a_mut(0).copy_from_slice(&[0.0, 1.0, 2.0].map(turned));
        study.set_norton(device, &norton);
        assert_eq!(study.solve(), HarmonicStatus::Solved);
        let v = study.voltage(0, nodes[0]);
        // Six digits of √3/2, as in the element.
        assert!((v - z * 10.0).norm() < 1e-5 * v.norm(), "{v} {}", z * 10.0);
    }
}

#[test]
fn what_cannot_be_solved_is_named_and_forgotten() {
    let flow = solved(&yaml(SMALL));
    let mut study = study(&flow, &[3.0, 5.0]);
    let c = node(flow.grid(), "d.1");
    let device = study.add_device(&[[Some(c), None]]).unwrap();
    let mut z = complex(0.0, 0.0);
    study
        .impedance(c, |order, to, of| {
            if (order, to) == (1, c) {
                z = of
            }
        })
        .unwrap();
    let mut norton = Norton::new(2, 1);
    // The negative of what the network is there: nothing is left to divide by.
    norton.admittance_s_mut()[1] = -z.inv();
    study.set_norton(device, &norton);
    let status = study.solve();
    if status == HarmonicStatus::Solved {
        // Rounding may leave a crumb: the voltages are then beyond any network's.
        norton.current_a_mut(1)[0] = complex(1.0, 0.0);
        study.set_norton(device, &norton);
        study.solve();
        assert!(study.voltage(1, c).norm() > 1e6);
    } else {
        let HarmonicStatus::Singular { order, .. } = status else { panic!() };
        assert_eq!(order, 1);
        assert!(study.explain(status).unwrap().to_string().contains("300 Hz"));
    }
    norton.admittance_s_mut()[1] = complex(0.0, 0.0);
    study.set_norton(device, &norton);
    assert_eq!(study.solve(), HarmonicStatus::Solved);
    assert!(study.explain(HarmonicStatus::Solved).is_none());
}

#[test]
fn bad_settings_are_refused() {
    let flow = solved(&yaml(SMALL));
    let refused = |orders: &[f64]| Harmonics::new(&flow, orders, HarmonicSettings::default()).unwrap_err();
    assert_eq!(refused(&[]), HarmonicError::NoOrder);
    assert_eq!(refused(&[5.0, -1.0]), HarmonicError::Order(-1.0));
    assert!(matches!(refused(&[f64::NAN]), HarmonicError::Order(_)));
    let mut study = study(&flow, &[5.0]);
    assert!(study.follow(&solved(&committed("ieee13.yaml"))).is_err());
    let [b, d] = ["b.1", "d.2"].map(|n| Some(node(flow.grid(), n)));
    assert!(matches!(study.add_device(&[[b, d]]), Err(HarmonicError::Uncoupled(..))));
    let range = |from_hz, to_hz, step_hz| {
        let at = ScanAt::Node(NodeId(0));
        scan(&flow, at, ScanSettings { from_hz, to_hz, step_hz }, HarmonicSettings::default())
    };
    for bad in [(0.0, 100.0, 1.0), (10.0, 5.0, 1.0), (10.0, 20.0, 0.0), (1.0, 1e9, 1e-3), (f64::NAN, 2.0, 1.0)] {
        assert!(range(bad.0, bad.1, bad.2).is_err(), "{bad:?}");
    }
    assert_eq!(range(50.0, 50.0, 1.0).unwrap().points.len(), 1);
}

/// Each model's formula by hand at h = 5.
#[test]
fn load_admittances_by_hand() {
    let feeder = yaml(
        "{feeder: one, voltage_bases_kv: [0.4], sources: {s: {bus: a, v_kv: 0.4, r1_ohm: 1000, x1_ohm: 1000, r0_ohm: 1000, x0_ohm: 1000}}, \
         loads: {l: {bus: a, v_kv: 0.4, p_kw: 0.3, q_kvar: 0.15}}}",
    );
    // Per phase 100 W and 50 var at 230.94 V (V² = 53333): R = 533.33 ohm, X = 1066.67 ohm in parallel.
    let (g, b, h) = (3.0 / 1600.0, -3.0 / 3200.0, 5.0);
    let y = complex(g, b);
    let series = |y: Complex| (y.inv().re + complex(0.0, h * y.inv().im)).inv();
    let parallel = |y: Complex| complex(y.re, y.im / h);
    let cigre = (complex(1.0, 0.073 * h) / g).inv() + complex(0.0, h / g / (6.7 * 0.5 - 0.74)).inv();
    let expected = [
        (LoadAdmittance::Feeder, series(y * 0.5) + parallel(y * 0.5)),
        (LoadAdmittance::Series, series(y)),
        (LoadAdmittance::Parallel, parallel(y)),
        (LoadAdmittance::CigreC, cigre),
        (LoadAdmittance::Skin, parallel(y) * 1.4),
    ];
    let flow = solved(&feeder);
    let a = node(flow.grid(), "a.1");
    for (load_admittance, expected) in expected {
        let settings = HarmonicSettings { load_admittance, ..HarmonicSettings::default() };
        let mut study = Harmonics::new(&flow, &[h], settings).unwrap();
        let mut z = complex(0.0, 0.0);
        study
            .impedance(a, |_, to, of| {
                if to == a {
                    z = of
                }
            })
            .unwrap();
        let without = complex(1000.0, 5000.0).inv();
        assert!(
            (z.inv() - without - expected).norm() < 1e-9 * expected.norm(),
            "{load_admittance:?} {}",
            z.inv() - without
        );
    }
    let neglected = HarmonicSettings { loads: HarmonicLoads::Neglect, ..HarmonicSettings::default() };
    let mut study = Harmonics::new(&flow, &[h], neglected).unwrap();
    study
        .impedance(a, |_, to, z| {
            if to == a {
                assert!((z - complex(1000.0, 5000.0)).norm() < 1e-4)
            }
        })
        .unwrap();
}

/// A transformer's load loss at h = 10 with 10 % eddy and 5 % stray share: 1 + 0.1·99 + 0.05·(10^0.8 − 1) times.
#[test]
fn physical_losses_by_hand() {
    let physical = Behaviour::Physical(Losses::default());
    assert!((physical.winding_resistance(10.0) - (1.0 + 9.9 + 0.05 * 5.309_573_444_8)).abs() < 1e-9);
    assert_eq!(physical.winding_resistance(1.0), 1.0);
    let feeder = committed("ieee123.yaml");
    let (name, line) = feeder.lines.iter().find(|(_, l)| l.code.is_some()).unwrap();
    let y = |f_hz, behaviour: &Behaviour| element::line_as(&feeder, name, line, f_hz, Part::Whole, behaviour).unwrap();
    assert!(difference(y(60.0, &physical).y.values(), y(60.0, &Behaviour::OpenDss).y.values()) < 1e-12);
    let own_ohm = |f_hz, behaviour: &Behaviour| {
        let y = y(f_hz, behaviour);
        let m = y.y.n() / 2;
        y.y.leading(m).inverse().unwrap().get(0, 0)
    };
    // The conductor's skin effect adds to what the earth adds.
    let earth_ohm = own_ohm(1500.0, &Behaviour::OpenDss).re;
    assert!(own_ohm(1500.0, &physical).re > 1.01 * own_ohm(60.0, &physical).re && earth_ohm > 0.0);
}
