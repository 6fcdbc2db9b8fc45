//! S-PBC on committed feeders, against the solver's own solutions: targets, objectives, limits, horizons.

#![cfg(all(feature = "solver", feature = "optimise"))]

use std::path::Path;

use phasorbench::bench::model::{GridModel, ModelSettings};
use phasorbench::control::supervisory::{
    Actuator, Inputs, Linearisation, NetworkModel, Objective, Performance, Settings, State, Status, Supervisor,
};
use phasorbench::feeder::{self, Feeder};

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
        println!(
            "{linearisation:?} {:?} {:?} {:?} spread {:e}",
            plan.status,
            plan.mismatch,
            plan.targets,
            spread(&plan.targets[0].v_pu)
        );
        println!("{:?}", plan.dispatch_w[0].iter().map(|[p, q]| (p / 1e3, q / 1e3)).collect::<Vec<_>>());
        assert_eq!(plan.status, Status::Optimal);
        assert!(spread(&plan.targets[0].v_pu) <= 1e-4);
        // The same dispatch on a grid of its own has these phasors.
        let mut other = ieee13();
        let dispatch = &plan.dispatch_w[0];
        let u: Vec<f64> = (0..2).flat_map(|k| dispatch.iter().map(move |power| power[k] / BASE_VA)).collect();
        let mut state = State::default();
        assert!(other.solve(&u, &mut state));
        for (place, v_pu) in other.bus("675").into_iter().zip(&plan.targets[0].v_pu) {
            assert!((state.v_pu[place].norm() - v_pu).abs() < 1e-8);
        }
        let [dv, dangle] = plan.mismatch.get(2).copied().unwrap_or([0.0; 2]);
        assert!(dv <= 1e-4 && dangle.to_degrees() <= 0.02, "after two delta iterations: {dv} pu {dangle} rad");
    }
}
