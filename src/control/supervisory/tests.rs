//! Plans on two buses, one phase, against solutions by hand: a source 1∠0 behind Z, a constant-power load and one actuator.

use super::*;
use crate::quantity::{Complex, complex};

const Z: Complex = complex(0.02, 0.1);
const LOAD: Complex = complex(0.5, 0.2);
const AMPACITY: f64 = 0.4;

/// Node 0 is the source's, node 1 the load's; the actuator stands at node 1.
struct TwoBus {
    layout: Layout,
    conditions: Conditions,
    injected: Complex,
    v: Complex,
}

impl TwoBus {
    fn new() -> Self {
        let nodes = vec!["head".to_owned(), "end".to_owned()];
        let layout = Layout { nodes, actuators: vec![1], heads: 1, branches: vec!["line".to_owned()], base_va: 1000.0 };
        Self { layout, conditions: Conditions::default(), injected: Complex::default(), v: complex(1.0, 0.0) }
    }

    fn voltage(&self, injected: Complex) -> Option<Complex> {
        let (e, drawn) = (complex(self.conditions.source_pu, 0.0), LOAD * self.conditions.load_multiplier - injected);
        let mut v = e;
        for _ in 0..200 {
            v = e - Z * (drawn / v).conj();
        }
        ((e - v) / Z - (drawn / v).conj()).norm().lt(&1e-9).then_some(v)
    }

    fn state(&self, v: Complex) -> State {
        let e = complex(self.conditions.source_pu, 0.0);
        let i = (e - v) / Z;
        State {
            v_pu: vec![e, v],
            head_pu: vec![e * i.conj()],
            losses_pu: Z.re * i.norm_sqr(),
            loading: vec![i / AMPACITY],
        }
    }
}

impl NetworkModel for TwoBus {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn set_conditions(&mut self, conditions: &Conditions) {
        self.conditions.clone_from(conditions);
    }

    fn solve(&mut self, u: &[f64], state: &mut State) -> bool {
        self.injected = complex(u[0], u[1]);
        let Some(v) = self.voltage(self.injected) else { return false };
        self.v = v;
        *state = self.state(v);
        true
    }

    /// By central differences.
    fn sensitivities(&mut self, answer: &mut Sensitivities) -> bool {
        let h = 1e-5;
        let [p, q] = [complex(1.0, 0.0), complex(0.0, 1.0)].map(|unit| {
            let at = |sign: f64| self.voltage(self.injected + unit * (sign * h)).map(|v| self.state(v));
            (at(1.0).unwrap(), at(-1.0).unwrap())
        });
        let each = |f: &dyn Fn(&State) -> Complex| [&p, &q].map(|(a, b)| (f(a) - f(b)) / (2.0 * h));
        let dv = each(&|s| s.v_pu[1]);
        answer.inputs = 2;
        answer.v = [[Complex::default(); 2], dv].concat();
        answer.head = each(&|s| s.head_pu[0]).to_vec();
        answer.losses = each(&|s| s.losses_pu.into()).iter().map(|x| x.re).collect();
        answer.loading = each(&|s| s.loading[0]).to_vec();
        let curved = |a: usize, b: usize| Z.re / Z.norm_sqr() * (dv[a].conj() * dv[b]).re;
        answer.losses_curvature = vec![curved(0, 0), curved(0, 1), curved(1, 0), curved(1, 1)];
        true
    }

    fn tree(&mut self) -> Option<Tree> {
        let end = TreeBus {
            nodes: [Some(1), None, None],
            z_pu: std::array::from_fn(|r| std::array::from_fn(|c| if r + c == 0 { Z } else { Complex::default() })),
            ratio: [1.0; 3],
            drawn_pu: [LOAD * self.conditions.load_multiplier, Complex::default(), Complex::default()],
            ..TreeBus::default()
        };
        let root = TreeBus { nodes: [Some(0), None, None], ratio: [1.0; 3], ..TreeBus::default() };
        let one = complex(self.conditions.source_pu, 0.0);
        Some(Tree { buses: vec![root, end], root_pu: [one, Complex::default(), Complex::default()] })
    }
}

fn settings(objectives: Vec<(f64, Objective)>) -> Settings {
    Settings {
        actuators: vec![Actuator::of(2000.0)],
        performance: vec![Performance { nodes: vec![1], reference: vec![0] }],
        objectives,
        step_s: 3600.0,
        ..Settings::default()
    }
}

fn plan(settings: Settings, inputs: &Inputs) -> Plan {
    Supervisor::new(settings, Box::new(TwoBus::new())).unwrap().plan(inputs)
}

/// What must be injected at the end for a voltage there, by hand.
fn injected(v: Complex) -> Complex {
    LOAD - v * ((complex(1.0, 0.0) - v) / Z).conj()
}

fn phasors(v_pu: f64, angle_rad: f64) -> Objective {
    Objective::Phasors { performance: 0, v_pu: vec![v_pu], angle_rad: vec![angle_rad] }
}

#[test]
fn a_phasor_is_held_by_the_power_that_it_takes_by_hand() {
    let wanted = Complex::from_polar(1.01, -0.03);
    let by_hand = injected(wanted);
    for linearisation in [Linearisation::Sensitivities, Linearisation::LinDist3Flow] {
        let settings = Settings { linearisation, ..settings(vec![(1.0, phasors(1.01, -0.03))]) };
        let plan = plan(settings, &Inputs::nominal(1));
        assert_eq!(plan.status, Status::Optimal, "{linearisation:?}");
        let [p, q] = plan.dispatch_w[0][0];
        assert!((complex(p, q) / 1000.0 - by_hand).norm() < 2e-5, "{linearisation:?}: {p} {q}, by hand {by_hand}");
        assert!((plan.targets[0].v_pu[0] - 1.01).abs() < 2e-6 && (plan.targets[0].angle_rad[0] + 0.03).abs() < 2e-6);
    }
}

/// Losses are least where no current flows: the actuator feeds the load.
#[test]
fn losses_are_least_without_current() {
    let plan = plan(settings(vec![(1.0, Objective::Losses)]), &Inputs::nominal(1));
    assert_eq!(plan.status, Status::Optimal);
    let [p, q] = plan.dispatch_w[0][0];
    assert!((complex(p, q) / 1000.0 - LOAD).norm() < 1e-3, "{p} {q}");
    assert!(plan.losses_w[0] < 1e-4);
}

#[test]
fn the_head_gives_what_its_schedule_says() {
    let head = Objective::Head { phase: None, p_w: Some(300.0), q_var: Some(-50.0) };
    let plan = plan(settings(vec![(1.0, head)]), &Inputs::nominal(1));
    assert!((plan.head_w[0][0] - 300.0).abs() < 0.01 && (plan.head_w[0][1] + 50.0).abs() < 0.01, "{:?}", plan.head_w);
}

/// 1.15 pu cannot be had from 100 VA: the lower limit gives, and the old targets hold.
#[test]
fn a_band_out_of_reach_gives_and_old_targets_hold() {
    let bands = vec![Band { nodes: vec![1], v_pu: [1.15, 1.3] }];
    let actuators = vec![Actuator::of(100.0)];
    let settings = Settings { bands, actuators, ..settings(vec![(1e-3, Objective::Effort)]) };
    let old = vec![Target { v_pu: vec![0.98], angle_rad: vec![-0.04] }];
    let inputs = Inputs { targets: old.clone(), ..Inputs::nominal(1) };
    let kept = plan(settings.clone(), &inputs);
    let Status::Infeasible(gives) = &kept.status else { panic!("{:?}", kept.status) };
    assert!(gives.len() == 1 && gives[0].0 == Group::Undervoltage && kept.targets == old, "{gives:?}");
    // What is missing when the whole 100 VA go where they raise the voltage most.
    let best = (0..3600)
        .map(|k| TwoBus::new().voltage(Complex::from_polar(0.1, f64::from(k) * 0.1_f64.to_radians())).unwrap().norm())
        .fold(0.0, f64::max);
    assert!((gives[0].1 - (1.15 - best)).abs() < 1e-5, "gives {gives:?}, must {}", 1.15 - best);
    let compromise = plan(Settings { compromise: true, ..settings }, &inputs);
    assert!((compromise.targets[0].v_pu[0] - best).abs() < 1e-5);
}

/// A derated actuator stays inside its smaller circle, a failed one gives nothing.
#[test]
fn derating_shrinks_the_circle() {
    for (circle, share) in [(Circle::Cone, 0.8), (Circle::Polygon(64), 0.8), (Circle::Cone, 0.0)] {
        let settings =
            Settings { circle, actuators: vec![Actuator::of(300.0)], ..settings(vec![(1.0, phasors(1.2, 0.1))]) };
        let plan = plan(settings, &Inputs { available: vec![share], ..Inputs::nominal(1) });
        let [p, q] = plan.dispatch_w[0][0];
        let least = if circle == Circle::Cone { 1.0 - 1e-6 } else { (std::f64::consts::PI / 64.0).cos() - 1e-6 };
        let s = p.hypot(q);
        assert!(plan.status == Status::Optimal && s <= 300.0 * share + 1e-4 && s >= 300.0 * share * least, "{s}");
    }
}

/// The line carries 0.4; without help 0.55 flow in it.
#[test]
fn ampacity_is_kept_by_feeding_the_load_where_it_is() {
    let settings = Settings { most_loading: Some(1.0), ..settings(vec![(1.0, Objective::Effort)]) };
    let mut supervisor = Supervisor::new(settings, Box::new(TwoBus::new())).unwrap();
    let plan = supervisor.plan(&Inputs::nominal(1));
    let [p, q] = plan.dispatch_w[0][0];
    let mut model = TwoBus::new();
    let mut state = State::default();
    assert!(model.solve(&[p / 1000.0, q / 1000.0], &mut state) && plan.status == Status::Optimal);
    // A micro per unit of voltage across the line is 25 millionths of its ampacity.
    assert!((state.loading[0].norm() - 1.0).abs() < 1e-6, "{}", state.loading[0]);
}

/// 0.05 W/s for an hour is 180 W a step, up from 100 W.
#[test]
fn ramps_hold_from_the_present_power_on() {
    let mut actuators = vec![Actuator { ramp_w_per_s: Some(0.05), ..Actuator::of(1000.0) }];
    actuators[0].q_var = [0.0, 0.0];
    let head = Objective::Head { phase: None, p_w: Some(-400.0), q_var: None };
    let settings = Settings { actuators, steps: 4, ..settings(vec![(1.0, head)]) };
    let plan = plan(settings, &Inputs { applied_w: vec![[100.0, 0.0]], ..Inputs::nominal(1) });
    let p: Vec<f64> = plan.dispatch_w.iter().map(|step| step[0][0]).collect();
    for (p, expected) in p.iter().zip([280.0, 460.0, 640.0, 820.0]) {
        assert!((p - expected).abs() < 0.01, "{p}");
    }
}

/// The model knows half the load; measurement tells the rest, and the target asked for is the one that comes out.
#[test]
fn what_is_measured_is_added_to_a_wrong_model() {
    let mut supervisor = Supervisor::new(settings(vec![(1.0, phasors(0.99, -0.02))]), Box::new(TwoBus::new())).unwrap();
    let truth = TwoBus::new().voltage(Complex::default()).unwrap();
    let measured = Target { v_pu: vec![truth.norm()], angle_rad: vec![truth.arg()] };
    let forecast = vec![Forecast { load_multiplier: 0.5, ..Forecast::default() }];
    let told = Inputs { forecast, measured: vec![Some(measured)], reference_v_pu: vec![1.0], ..Inputs::nominal(1) };
    let plan = supervisor.plan(&told);
    assert!((plan.targets[0].v_pu[0] - 0.99).abs() < 1e-6 && (plan.targets[0].angle_rad[0] + 0.02).abs() < 1e-6);
    // What it takes is near what it takes in truth, and far from what the model alone would say.
    let [p, q] = plan.dispatch_w[0][0];
    let by_hand = injected(Complex::from_polar(0.99, -0.02));
    assert!((complex(p, q) / 1000.0 - by_hand).norm() < 0.02, "{p} {q}, in truth {by_hand}");
    // A source that is 2 % low is seen at the reference.
    let low = Inputs { reference_v_pu: vec![0.98], ..Inputs::nominal(1) };
    let plan = supervisor.plan(&low);
    assert!(plan.status == Status::Optimal && plan.dispatch_w[0][0][1] > q + 100.0, "{:?}", plan.dispatch_w);
}

#[test]
fn nothing_panics_on_what_is_no_number() {
    let nan = f64::NAN;
    let mut supervisor = Supervisor::new(settings(vec![(1.0, phasors(1.0, 0.0))]), Box::new(TwoBus::new())).unwrap();
    let bad = [
        Inputs { applied_w: vec![[nan, 0.0]], ..Inputs::nominal(1) },
        Inputs { applied_w: Vec::new(), ..Inputs::nominal(1) },
        Inputs { forecast: Vec::new(), ..Inputs::nominal(1) },
        Inputs { stored_wh: vec![nan], ..Inputs::nominal(1) },
        Inputs { targets: vec![Target { v_pu: vec![nan], angle_rad: vec![] }], ..Inputs::nominal(1) },
    ];
    for inputs in bad {
        assert_eq!(supervisor.plan(&inputs).status, Status::BadInput);
    }
    let past_the_nose = Forecast { load_multiplier: 1e3, ..Forecast::default() };
    let inputs = Inputs { forecast: vec![past_the_nose], ..Inputs::nominal(1) };
    assert_eq!(supervisor.plan(&inputs).status, Status::NoSolution);
    let unknown = Some(Target { v_pu: vec![nan], angle_rad: vec![nan] });
    let inputs = Inputs { measured: vec![unknown], available: vec![nan], ..Inputs::nominal(1) };
    let plan = supervisor.plan(&inputs);
    let [p, q] = plan.dispatch_w[0][0];
    assert!(plan.status == Status::Optimal && p.hypot(q) < 1e-9, "unknown availability is none: {p} {q}");
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let good = settings(vec![(1.0, Objective::Effort)]);
    let refused = [
        Settings { steps: 0, ..good.clone() },
        Settings { step_s: f64::NAN, ..good.clone() },
        Settings { actuators: Vec::new(), ..good.clone() },
        Settings { actuators: vec![Actuator { s_va: -1.0, ..Actuator::of(1.0) }], ..good.clone() },
        Settings { bands: vec![Band { nodes: vec![7], v_pu: [0.9, 1.1] }], ..good.clone() },
        Settings { bands: vec![Band { nodes: vec![], v_pu: [1.1, 0.9] }], ..good.clone() },
        Settings { objectives: vec![(-1.0, Objective::Effort)], ..good.clone() },
        Settings { objectives: vec![(1.0, Objective::Balance(vec![9]))], ..good.clone() },
        Settings { circle: Circle::Polygon(2), ..good.clone() },
        Settings { linearisation: Linearisation::LinDist3Flow, most_loading: Some(1.0), ..good.clone() },
    ];
    for settings in refused {
        assert!(Supervisor::new(settings.clone(), Box::new(TwoBus::new())).is_err(), "{settings:?}");
    }
    assert!(Supervisor::new(good, Box::new(TwoBus::new())).is_ok());
}

#[path = "storage_tests.rs"]
mod storages;
