//! S-PBC on committed feeders, against the solver's own solutions: targets, objectives, limits, horizons.

#![cfg(all(feature = "solver", feature = "optimise"))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use phasorbench::bench::model::{GridModel, ModelSettings};
use phasorbench::control::supervisory::{
    Actuator, Band, Forecast, Group, Inputs, Linearisation, NetworkModel, Objective, Performance, Sensitivities,
    Settings, SettingsError, State, Status, Supervisor, Target,
};
use phasorbench::feeder::{self, Feeder};
use phasorbench::quantity::Complex;

/// Base of one phase: 5 MVA in three.
const BASE_VA: f64 = 5e6 / 3.0;
const TAPS: [(&str, i32); 3] = [("reg1", 10), ("reg2", 8), ("reg3", 11)];
const ACTUATORS: [&str; 8] = ["634.1", "634.2", "634.3", "645.2", "645.3", "675.1", "675.2", "675.3"];

fn read(name: &str) -> Feeder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders").join(name);
    feeder::read(&path).feeder.expect("a committed feeder is sound")
}

/// The IEEE 13 with taps locked and a controllable phase at each of eight nodes.
fn ieee13() -> GridModel {
    let taps = TAPS.iter().map(|(name, tap)| ((*name).to_owned(), *tap)).collect();
    let settings = ModelSettings { taps, root: Some("rg60".into()), ..ModelSettings::new(&ACTUATORS, BASE_VA) };
    GridModel::new(&read("ieee13.yaml"), &settings).unwrap()
}

fn settings(model: &GridModel, bus: &str, reference: &str, objectives: Vec<(f64, Objective)>) -> Settings {
    Settings {
        actuators: vec![Actuator::of(BASE_VA); ACTUATORS.len()],
        performance: vec![Performance { nodes: model.bus(bus), reference: model.bus(reference) }],
        objectives,
        ..Settings::default()
    }
}

fn spread(v_pu: &[f64]) -> f64 {
    v_pu.iter().copied().fold(0.0, f64::max) - v_pu.iter().copied().fold(f64::INFINITY, f64::min)
}

#[test]
fn phases_at_675_are_balanced() {
    for linearisation in [Linearisation::Sensitivities, Linearisation::LinDist3Flow] {
        let model = ieee13();
        let balance = Objective::Balance(model.bus("675"));
        let objectives = vec![(1000.0, balance), (1e-3, Objective::Effort)];
        let settings = Settings { linearisation, ..settings(&model, "675", "650", objectives) };
        let mut supervisor = Supervisor::new(settings, Box::new(model)).unwrap();
        let plan = supervisor.plan(&Inputs::nominal(ACTUATORS.len()));
        assert_eq!(plan.status, Status::Optimal);
        assert!(spread(&plan.targets[0].v_pu) <= 1e-4);
        // The same dispatch on a grid of its own has these phasors.
        let mut other = ieee13();
        let state = solved(&mut other, &plan.dispatch_w[0]);
        for (place, v_pu) in other.bus("675").into_iter().zip(&plan.targets[0].v_pu) {
            assert!((state.v_pu[place].norm() - v_pu).abs() < 1e-8);
        }
        let [dv, dangle] = plan.mismatch.get(2).copied().unwrap_or([0.0; 2]);
        assert!(dv <= 1e-4 && dangle.to_degrees() <= 0.02, "after two delta iterations: {dv} pu {dangle} rad");
    }
}

/// All phasors of a grid of its own at a dispatch.
fn solved(model: &mut GridModel, dispatch_w: &[[f64; 2]]) -> State {
    let base_va = model.layout().base_va;
    let u: Vec<f64> = (0..2).flat_map(|k| dispatch_w.iter().map(move |power| power[k] / base_va)).collect();
    let mut state = State::default();
    assert!(model.solve(&u, &mut state));
    state
}

/// What the model says of small changes, against differences of its solutions.
#[test]
fn sensitivities_are_the_slopes_of_solutions() {
    let mut model = ieee13();
    let inputs = 2 * ACTUATORS.len();
    let at: Vec<f64> = (0..inputs).map(|k| 0.1 * (k as f64 * 1.3).sin()).collect();
    let (mut state, mut answer) = (State::default(), Sensitivities::default());
    assert!(model.solve(&at, &mut state) && model.sensitivities(&mut answer));
    let h = 1e-3;
    for column in [0, 4, 7, 8, 13] {
        let mut beside = |sign: f64| {
            let mut u = at.clone();
            u[column] += sign * h;
            let mut state = State::default();
            assert!(model.solve(&u, &mut state));
            state
        };
        let (over, under) = (beside(1.0), beside(-1.0));
        let near = |own: f64, a: f64, b: f64, what: &str| {
            let slope = (a - b) / (2.0 * h);
            assert!((own - slope).abs() < 2e-5 + 1e-4 * slope.abs(), "{what}, column {column}: {own}, slope {slope}");
        };
        for node in 0..state.v_pu.len() {
            let own = answer.of_node(node)[column];
            near(own.re, over.v_pu[node].re, under.v_pu[node].re, "real part of a voltage");
            near(own.im, over.v_pu[node].im, under.v_pu[node].im, "imaginary part of a voltage");
        }
        for phase in 0..state.head_pu.len() {
            let own = answer.of_head(phase)[column];
            near(own.re, over.head_pu[phase].re, under.head_pu[phase].re, "P of the head");
            near(own.im, over.head_pu[phase].im, under.head_pu[phase].im, "Q of the head");
        }
        near(answer.losses[column], over.losses_pu, under.losses_pu, "losses");
        for conductor in 0..state.loading.len() {
            let (own, a, b) = (answer.of_branch(conductor)[column], over.loading[conductor], under.loading[conductor]);
            near(own.re, a.re, b.re, "real part of a loading");
            near(own.im, a.im, b.im, "imaginary part of a loading");
        }
    }
}

/// Losses a good step away, foretold with curvature and without.
#[test]
fn losses_curve_as_they_say() {
    let mut model = ieee13();
    let mut answer = Sensitivities::default();
    let (mut state, mut moved) = (State::default(), State::default());
    let zero = vec![0.0; 16];
    assert!(model.solve(&zero, &mut state) && model.sensitivities(&mut answer));
    let u: Vec<f64> = (0..16).map(|k| 0.1 * (k as f64 * 1.3).cos()).collect();
    assert!(model.solve(&u, &mut moved));
    let slope: f64 = answer.losses.iter().zip(&u).map(|(a, b)| a * b).sum();
    let rows = answer.losses_curvature.chunks(16);
    let curved: f64 = rows.zip(&u).map(|(row, u_i)| u_i * row.iter().zip(&u).map(|(a, b)| a * b).sum::<f64>()).sum();
    let truth = moved.losses_pu - state.losses_pu;
    // Voltages curve too, which H leaves out: a tenth of it on this feeder.
    assert!((slope + curved - truth).abs() < 0.2 * (slope - truth).abs(), "{truth}: {slope} and {curved}");
    assert!(
        (0..256).all(|k| (answer.losses_curvature[k] - answer.losses_curvature[k % 16 * 16 + k / 16]).abs() < 1e-15)
    );
}

const TWO_PATHS: &str = "
feeder: two_paths
voltage_bases_kv: [4.16]
sources: {grid: {bus: head, v_kv: 4.16, mvasc3: 200, mvasc1: 210}}
line_codes:
  over: {phases: 3, per: mi, impedance: {r_ohm: [[0.3465], [0.156, 0.3375], [0.158, 0.1535, 0.3414]],
         x_ohm: [[1.0179], [0.5017, 1.0478], [0.4236, 0.3849, 1.0348]]}, normal_a: 300}
lines:
  upper: {from: head, to: end, code: over, length_ft: 4000}
  lower: {from: head, to: middle, code: over, length_ft: 2000}
  onward: {from: middle, to: end, code: over, length_ft: 5000}
loads:
  delta: {bus: middle, connection: delta, v_kv: 4.16, p_kw: 500, q_kvar: 250}
  a: {bus: end.1, phases: 1, v_kv: 2.4, p_kw: 500, q_kvar: 200}
  b: {bus: end.2, phases: 1, v_kv: 2.4, p_kw: 300, q_kvar: 150, model: constant_impedance}
  c: {bus: end.3, phases: 1, v_kv: 2.4, p_kw: 200, q_kvar: 100, model: constant_current}
";

fn two_paths() -> GridModel {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("two_paths.yaml");
    std::fs::write(&path, TWO_PATHS).unwrap();
    let reading = feeder::read(&path);
    let feeder = reading.feeder.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    let settings = ModelSettings {
        switches: vec!["upper".into()],
        root: Some("head".into()),
        ..ModelSettings::new(&["end.1", "end.2", "end.3"], BASE_VA)
    };
    GridModel::new(&feeder, &settings).unwrap()
}

fn meshed(model: &GridModel, objectives: Vec<(f64, Objective)>) -> Settings {
    Settings {
        actuators: vec![Actuator::of(1e6); 3],
        performance: vec![Performance { nodes: model.bus("end"), reference: model.bus("head") }],
        objectives,
        ..Settings::default()
    }
}

#[test]
fn a_loop_is_planned_for_by_sensitivities_and_refused_by_lindist3flow() {
    let model = two_paths();
    let objectives = vec![(1000.0, Objective::Balance(model.bus("end"))), (1e-3, Objective::Effort)];
    let settings = meshed(&model, objectives);
    let lindist = Settings { linearisation: Linearisation::LinDist3Flow, ..settings.clone() };
    assert!(matches!(Supervisor::new(lindist, Box::new(two_paths())), Err(SettingsError::LinDist(_))));
    let plan = Supervisor::new(settings, Box::new(model)).unwrap().plan(&Inputs::nominal(3));
    assert_eq!(plan.status, Status::Optimal);
    assert!(spread(&plan.targets[0].v_pu) <= 1e-4, "{:?}", plan.targets);
    let mut other = two_paths();
    let state = solved(&mut other, &plan.dispatch_w[0]);
    for (place, v_pu) in other.bus("end").into_iter().zip(&plan.targets[0].v_pu) {
        assert!((state.v_pu[place].norm() - v_pu).abs() < 1e-8);
    }
}

/// The paper's Figure 5, in closed form: 1000 kW over two lines (A: 116.68 kV, 13.52°); one of them is lost; to restore the
/// phasor, exactly half the power must come from the end (C), and none once the line is back.
#[test]
fn after_a_line_trip_the_phasor_of_before_takes_half_the_power() {
    let nodes = ["receiving.1", "receiving.2", "receiving.3"];
    let model_settings = ModelSettings { switches: vec!["line2".into()], ..ModelSettings::new(&nodes, 1e6 / 3.0) };
    let model = GridModel::new(&read("parallel_lines.yaml"), &model_settings).unwrap();
    let angle = (1000.0_f64 / 2200.0).asin() / 2.0;
    let phasors = Objective::Phasors { performance: 0, v_pu: vec![angle.cos(); 3], angle_rad: vec![-angle; 3] };
    let settings = Settings {
        actuators: vec![Actuator::of(1e6); 3],
        performance: vec![Performance { nodes: model.bus("receiving"), reference: model.bus("sending") }],
        objectives: vec![(1000.0, phasors)],
        ..Settings::default()
    };
    let mut supervisor = Supervisor::new(settings, Box::new(model)).unwrap();
    for (open, injected_w) in [(true, 500e3), (false, 0.0)] {
        let plan = supervisor.plan(&Inputs { open: vec![open], ..Inputs::nominal(3) });
        assert_eq!(plan.status, Status::Optimal);
        for phase in 0..3 {
            let [p_w, q_var] = plan.dispatch_w[0][phase];
            assert!((p_w - injected_w / 3.0).abs() < 20.0, "open {open}: {p_w} W");
            // V2 = V1·cos δ is where a lossless line brings no vars to its end.
            assert!(q_var.abs() < 20.0, "open {open}: {q_var} var");
            assert!((plan.targets[0].v_pu[phase] - angle.cos()).abs() < 1e-5);
            assert!((plan.targets[0].angle_rad[phase] + angle).abs() < 1e-5);
        }
        assert!((plan.head_w[0][0] - (1e6 - injected_w)).abs() < 100.0, "{:?}", plan.head_w);
    }
}

/// Toy example 1: a load moves from 634 to 675, and the head must not notice.
#[test]
fn load_moves_between_nodes_and_the_head_does_not_notice() {
    let state = solved(&mut ieee13(), &[[0.0; 2]; 8]);
    let schedule = state.head_pu.iter().enumerate().map(|(phase, s)| {
        let (p_w, q_var) = (Some(s.re * BASE_VA), Some(s.im * BASE_VA));
        (1000.0, Objective::Head { phase: Some(phase), p_w, q_var })
    });
    let mut feeder = read("ieee13.yaml");
    feeder.loads.get_mut("634a").unwrap().p_kw -= 100.0;
    feeder.loads.get_mut("675a").unwrap().p_kw += 100.0;
    feeder.loads.get_mut("634b").unwrap().q_kvar -= 60.0;
    feeder.loads.get_mut("675b").unwrap().q_kvar += 60.0;
    let taps = TAPS.iter().map(|(name, tap)| ((*name).to_owned(), *tap)).collect();
    let model = GridModel::new(&feeder, &ModelSettings { taps, ..ModelSettings::new(&ACTUATORS, BASE_VA) }).unwrap();
    let objectives = schedule.chain([(1e-6, Objective::Effort)]).collect();
    let settings = settings(&model, "675", "650", objectives);
    let plan = Supervisor::new(settings, Box::new(model)).unwrap().plan(&Inputs::nominal(8));
    assert_eq!(plan.status, Status::Optimal);
    let before: Complex = state.head_pu.iter().sum::<Complex>() * BASE_VA;
    let [p_w, q_var] = plan.head_w[0];
    assert!((p_w - before.re).abs() < 50.0 && (q_var - before.im).abs() < 50.0, "{p_w} {q_var}, before {before}");
    let effort_w: f64 = plan.dispatch_w[0].iter().map(|power| power[0].hypot(power[1])).sum();
    assert!(effort_w > 1000.0, "the move is felt: losses differ, and someone makes up for it ({effort_w} VA)");
}

#[test]
fn bands_that_cannot_be_kept_are_named() {
    let model = ieee13();
    let bands =
        vec![Band { nodes: model.bus("675"), v_pu: [1.06, 1.07] }, Band { nodes: model.bus("650"), v_pu: [0.9, 0.99] }];
    let settings = Settings {
        bands,
        actuators: vec![Actuator::of(1e5); 8],
        ..settings(&model, "675", "650", vec![(1.0, Objective::Effort)])
    };
    let old = vec![Target { v_pu: vec![1.0; 3], angle_rad: vec![0.0; 3] }];
    let plan = Supervisor::new(settings, Box::new(model))
        .unwrap()
        .plan(&Inputs { targets: old.clone(), ..Inputs::nominal(8) });
    let Status::Infeasible(gives) = &plan.status else { panic!("{:?}", plan.status) };
    let named: Vec<Group> = gives.iter().map(|(group, _)| *group).collect();
    assert_eq!(named, [Group::Undervoltage, Group::Overvoltage]);
    assert_eq!(plan.targets, old);
}

/// A band at all nodes: without it 652 and 611 lie lowest; with it all solutions keep it.
#[test]
fn a_band_at_every_node_is_kept_by_the_solution() {
    let model = ieee13();
    let band = [0.985, 1.08];
    let lowest = |state: &State| state.v_pu.iter().map(|v| v.norm()).fold(f64::INFINITY, f64::min);
    let without = solved(&mut ieee13(), &[[0.0; 2]; 8]);
    assert!(lowest(&without) < band[0] - 0.005, "{}", lowest(&without));
    let settings = Settings {
        bands: vec![Band { nodes: Vec::new(), v_pu: band }],
        ..settings(&model, "675", "650", vec![(1.0, Objective::Effort)])
    };
    let plan = Supervisor::new(settings, Box::new(model)).unwrap().plan(&Inputs::nominal(8));
    assert_eq!(plan.status, Status::Optimal);
    let with = solved(&mut ieee13(), &plan.dispatch_w[0]);
    assert!((lowest(&with) - band[0]).abs() < 1e-5, "least effort touches the band: {}", lowest(&with));
}

/// Phase a of 675 has failed, the rest is at 0.9: nothing is asked of the one, and of the others no more than they have.
#[test]
fn a_failed_actuator_is_left_out() {
    let model = ieee13();
    let objectives = vec![(1000.0, Objective::Balance(model.bus("675"))), (1e-3, Objective::Effort)];
    let settings = Settings { actuators: vec![Actuator::of(1e5); 8], ..settings(&model, "675", "650", objectives) };
    let mut available = vec![0.9; 8];
    available[5] = 0.0;
    let inputs = Inputs { available, applied_w: vec![[9e4, 0.0]; 8], ..Inputs::nominal(8) };
    let plan = Supervisor::new(settings, Box::new(model)).unwrap().plan(&inputs);
    let s_va: Vec<f64> = plan.dispatch_w[0].iter().map(|[p, q]| p.hypot(*q)).collect();
    assert!(plan.status == Status::Optimal && s_va[5] < 1e-3, "{:?} {s_va:?}", plan.status);
    assert!(s_va.iter().all(|s| *s <= 9e4 + 0.1) && s_va.iter().any(|s| *s > 8.9e4), "{s_va:?}");
}

/// Two steps that the ramp cannot do at once: load rises by half, and the first step already moves as far as it may.
#[test]
fn a_horizon_moves_ahead_of_a_ramp() {
    let model = ieee13();
    let nodes = model.bus("675");
    let objectives = vec![(1000.0, Objective::Balance(nodes)), (1e-4, Objective::Effort)];
    let ramp_w_per_s = Some(500.0);
    let settings = Settings {
        actuators: vec![Actuator { ramp_w_per_s, ..Actuator::of(BASE_VA) }; 8],
        steps: 3,
        ..settings(&model, "675", "650", objectives)
    };
    let forecast = [1.0, 1.2, 1.4].map(|load_multiplier| Forecast { load_multiplier, ..Forecast::default() }).to_vec();
    let plan = Supervisor::new(settings, Box::new(model)).unwrap().plan(&Inputs { forecast, ..Inputs::nominal(8) });
    assert_eq!(plan.status, Status::Optimal);
    let mut before = vec![[0.0; 2]; 8];
    let mut largest = 0.0_f64;
    for step in &plan.dispatch_w {
        for (now, before) in step.iter().zip(&before) {
            let moved = (now[0] - before[0]).abs().max((now[1] - before[1]).abs());
            largest = largest.max(moved);
        }
        before.clone_from(step);
    }
    assert!((largest - 500.0 * 60.0).abs() < 1.0, "30 kW a step are asked for, and no more: {largest}");
}
