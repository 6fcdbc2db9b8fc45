//! How long S-PBC plans, delta iterations included, and how far its programs are from the solver's solutions.
//!
//!     cargo test --release --no-default-features --features solver,optimise --test supervisory_speed -- --nocapture
//!
//! `benches/supervisory.sh` prints the table. Without optimisation only the small feeder is planned for.

#![cfg(all(feature = "solver", feature = "optimise"))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;
use std::time::Instant;

use phasorbench::bench::model::{GridModel, ModelSettings};
use phasorbench::control::supervisory::{
    Actuator, Band, Circle, Inputs, Linearisation, Objective, Performance, Plan, Settings, Supervisor,
};
use phasorbench::feeder::{self, Feeder};
use phasorbench::solver::Grid;

/// Base of one phase: 5 MVA in three.
const BASE_VA: f64 = 5e6 / 3.0;
const PLANS: usize = 5;

fn read(name: &str) -> Feeder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders").join(name);
    feeder::read(&path).feeder.expect("a committed feeder is sound")
}

/// Nodes of the primary, evenly spread in the feeder's order, and the bus in their middle that has three phases.
fn primary(feeder: &Feeder, count: usize) -> (Vec<String>, String, String) {
    let grid = Grid::compile(feeder).expect("a committed feeder compiles");
    let places = feeder.places();
    let fed = |bus: &str, number: u16| places.get(&(bus, number)).is_some_and(|place| place.phase.is_some());
    let all: Vec<String> = grid
        .buses
        .iter()
        .filter(|bus| (1000.0..20_000.0).contains(&bus.base_v))
        .flat_map(|bus| bus.nodes.iter().map(|id| &grid.nodes[id.0 as usize]).map(move |node| (bus, node)))
        .filter(|(bus, node)| fed(&bus.name, node.number))
        .map(|(_, node)| node.name.clone())
        .collect();
    let nodes = (0..count).map(|k| all[(2 * k + 1) * all.len() / (2 * count)].clone()).collect();
    let whole: Vec<&str> = grid
        .buses
        .iter()
        .filter(|bus| (1000.0..20_000.0).contains(&bus.base_v) && bus.nodes.len() == 3)
        .map(|bus| bus.name.as_str())
        .collect();
    (nodes, whole[whole.len() / 2].to_owned(), whole[0].to_owned())
}

struct Case {
    name: &'static str,
    feeder: &'static str,
    actuators: usize,
    linearisation: Linearisation,
    circle: Circle,
    bands: Vec<Band>,
}

fn model(case: &Case) -> (GridModel, String, String) {
    let feeder = read(case.feeder);
    if case.feeder == "ieee13.yaml" {
        let nodes = ["634.1", "634.2", "634.3", "645.2", "645.3", "675.1", "675.2", "675.3"];
        let taps = [("reg1", 10), ("reg2", 8), ("reg3", 11)].map(|(name, tap)| (name.to_owned(), tap)).to_vec();
        let settings = ModelSettings { taps, root: Some("rg60".into()), ..ModelSettings::new(&nodes, BASE_VA) };
        return (GridModel::new(&feeder, &settings).unwrap(), "675".into(), "650".into());
    }
    let (nodes, performance, reference) = primary(&feeder, case.actuators);
    let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
    let settings = ModelSettings { settle: true, ..ModelSettings::new(&nodes, BASE_VA) };
    (GridModel::new(&feeder, &settings).unwrap(), performance, reference)
}

fn plan(case: &Case) -> Plan {
    let started = Instant::now();
    let (model, performance, reference) = model(case);
    let nodes = model.bus(&performance);
    let mut objectives = vec![(1000.0, Objective::Balance(nodes.clone())), (1e-3, Objective::Effort)];
    if case.linearisation == Linearisation::Sensitivities {
        objectives.push((0.1, Objective::Losses));
    }
    let s_va = if case.actuators == 8 { BASE_VA } else { 100e3 };
    let settings = Settings {
        actuators: vec![Actuator::of(s_va); case.actuators],
        performance: vec![Performance { nodes, reference: model.bus(&reference) }],
        objectives,
        bands: case.bands.clone(),
        linearisation: case.linearisation,
        circle: case.circle,
        ..Settings::default()
    };
    let mut supervisor = Supervisor::new(settings, Box::new(model)).unwrap();
    let set_up_ms = started.elapsed().as_secs_f64() * 1e3;
    let plans = if cfg!(debug_assertions) { 1 } else { PLANS };
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..plans {
        let started = Instant::now();
        last = Some(supervisor.plan(&Inputs::nominal(case.actuators)));
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let (first, plan) = (times[0], last.unwrap());
    times.sort_by(f64::total_cmp);
    let of = |own: &[[f64; 2]], k: usize| own.get(k).or(own.last()).copied().unwrap_or([f64::NAN; 2]);
    let after = |k: usize| of(&plan.mismatch, k);
    let targets = of(&plan.target_mismatch, 2);
    let spread = plan.targets.first().map_or(f64::NAN, |target| {
        target.v_pu.iter().copied().fold(0.0, f64::max) - target.v_pu.iter().copied().fold(f64::INFINITY, f64::min)
    });
    println!(
        "{:34} {:4} actuators  {:9.2} ms a plan (first {:.2}, set-up {:.0})  {} programs, {} iterations  \
         after 0, 1, 2 delta iterations {:.1e} {:.1e} {:.1e} pu, {:.1e} {:.1e} {:.1e} deg, targets {:.1e} pu {:.1e} deg  spread {:.1e} pu  {:?}",
        case.name,
        case.actuators,
        times[times.len() / 2],
        first,
        set_up_ms,
        plan.mismatch.len(),
        plan.solver_iterations,
        after(0)[0],
        after(1)[0],
        after(2)[0],
        after(0)[1].to_degrees(),
        after(1)[1].to_degrees(),
        after(2)[1].to_degrees(),
        targets[0],
        targets[1].to_degrees(),
        spread,
        plan.status,
    );
    plan
}

#[test]
fn plans_are_made() {
    let sensitivities = |name, feeder, actuators| Case {
        name,
        feeder,
        actuators,
        linearisation: Linearisation::Sensitivities,
        circle: Circle::Cone,
        bands: Vec::new(),
    };
    let band = |low: f64, high: f64| vec![Band { nodes: Vec::new(), v_pu: [low, high] }];
    let mut cases = vec![
        sensitivities("IEEE 13", "ieee13.yaml", 8),
        Case { circle: Circle::Polygon(16), ..sensitivities("IEEE 13, 16-gons", "ieee13.yaml", 8) },
        Case { linearisation: Linearisation::LinDist3Flow, ..sensitivities("IEEE 13, LinDist3Flow", "ieee13.yaml", 8) },
    ];
    if !cfg!(debug_assertions) {
        cases.extend([
            sensitivities("IEEE 123", "ieee123.yaml", 24),
            Case { bands: band(0.97, 1.05), ..sensitivities("IEEE 123, bands", "ieee123.yaml", 24) },
            Case { circle: Circle::Polygon(16), ..sensitivities("IEEE 123, 16-gons", "ieee123.yaml", 24) },
            sensitivities("IEEE 8500", "ieee8500.yaml", 60),
            Case { bands: band(0.90, 1.06), ..sensitivities("IEEE 8500, bands 0.90-1.06", "ieee8500.yaml", 60) },
            Case { bands: band(0.90, 1.10), ..sensitivities("IEEE 8500, bands 0.90-1.10", "ieee8500.yaml", 60) },
            Case { circle: Circle::Polygon(16), ..sensitivities("IEEE 8500, 16-gons", "ieee8500.yaml", 60) },
        ]);
    }
    for case in &cases {
        let plan = plan(case);
        let last = plan.target_mismatch.last();
        let [v_pu, angle_rad] = *plan.target_mismatch.get(2).or(last).unwrap_or(&[f64::NAN; 2]);
        // A band that binds only at the end costs one iteration more: the goal is of the cases that were asked for.
        let asked = !case.name.ends_with("0.90-1.10");
        assert!(!asked || (v_pu <= 1e-4 && angle_rad.to_degrees() <= 0.02), "{}: {v_pu} pu, {angle_rad}", case.name);
    }
}
