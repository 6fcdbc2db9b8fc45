//! The examples, Swartz's PI law in Python and in C, against closed forms and against each other.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use phasorbench::link::library::{LibraryController, LoadError};
use phasorbench::link::process::{ProcessController, Settings};
use phasorbench::link::{Answer, Setup};
use phasorbench::quantity::Tick;
use phasorbench::signal::{Channels, Frame};

use crate::compiled::compile;

const BASE_VA: f64 = 5.0e6 / 3.0;
const PHASES: [&str; 3] = ["a", "b", "c"];
/// What is measured of each phase, in this order.
const QUANTITIES: [&str; 5] = ["v_pu", "angle_deg", "reference.angle_deg", "target.v_pu", "target.angle_deg"];

/// Where the examples are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/phasor/controllers")
}

/// The example in C, made once.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libpi.so");
    compile(&folder().join("pi.c"), &library);
    library
});

/// The example in Python with a set-up.
fn python(setup: Setup) -> Settings {
    let command = vec!["python3".into(), "pi.py".into()];
    Settings { command, directory: Some(folder()), setup, ..Settings::default() }
}

/// Node 632 with an actuator on all phases and one on b and c.
fn setup(parameters: &[(&str, f64)]) -> Setup {
    let inputs = PHASES.iter().flat_map(|phase| QUANTITIES.map(|quantity| format!("{quantity}.{phase}")));
    let actuators = [("ev634", &PHASES[..]), ("ev645", &PHASES[1..])];
    let of = |(name, phases): (&str, &[&str])| {
        let quantity = |q: &str| phases.iter().map(|phase| format!("{name}.{q}.{phase}")).collect::<Vec<_>>();
        [quantity("p_w"), quantity("q_var")].concat()
    };
    let outputs: Vec<String> = actuators.into_iter().flat_map(of).collect();
    let gains = [("kp_v", 0.4), ("ki_v", 1.7), ("kp_angle", 0.5), ("ki_angle", 1.9), ("ki_angle.b", 1.1)];
    let ratings = [("ev634.s_va", 600e3), ("ev645.s_va", 200e3), ("base_va", BASE_VA)];
    let all = gains.iter().chain(&ratings).chain(parameters).map(|(name, value)| (name.to_string(), *value));
    Setup {
        step_s: 0.1,
        // What actuators report has the names of what they are told.
        inputs: Channels::new(inputs.chain(outputs.iter().cloned()).collect()),
        outputs: Channels::new(outputs),
        parameters: all.collect(),
    }
}

/// Both examples, side by side.
struct Both {
    python: ProcessController,
    c: LibraryController,
    outputs: Channels,
}

impl Both {
    fn new(setup: Setup) -> Self {
        let python = ProcessController::start(python(setup.clone())).unwrap();
        Self { python, c: LibraryController::load(&LIBRARY, &setup).unwrap(), outputs: setup.outputs }
    }

    /// A step of both, which have to agree; a function from the name of an output to its command, NaN where there is none.
    fn step(&mut self, tick: u64, measured: &Frame) -> impl Fn(&str) -> f64 + use<> {
        let mut both = [0, 1].map(|_| Frame::new(self.outputs.names().len()));
        assert_eq!(self.python.step(Tick(tick), 0.0, measured, &mut both[0]), Answer::Fresh, "{:?}", self.python.why());
        assert_eq!(self.c.step(Tick(tick), 0.0, measured, &mut both[1]), Answer::Fresh);
        for (k, name) in self.outputs.names().iter().enumerate() {
            let [python, c] = [0, 1].map(|which: usize| both[which].get(k));
            let same = !python.valid || (python.value - c.value).abs() <= 1e-12 * BASE_VA;
            assert!(python.valid == c.valid && same, "{name} at {tick}: {python:?} {c:?}");
        }
        let (outputs, commands) = (self.outputs.clone(), both[0].clone());
        move |name| commands.get(outputs.index(name).unwrap()).value
    }
}

/// A frame of [`QUANTITIES`] by phase, without reports.
fn frame(tick: u64, phases: [[f64; 5]; 3]) -> Frame {
    let mut frame = Frame::new(25);
    frame.advance(Tick(tick));
    phases.iter().flatten().enumerate().for_each(|(k, value)| frame.set(k, *value));
    frame
}

/// All phases at their targets.
const AT_TARGET: [f64; 5] = [1.0, 0.0, 0.0, 1.0, 0.0];

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 * BASE_VA, "{found} {expected}");
}

#[test]
fn a_constant_error_gives_the_sum_of_a_pi_law_shared_by_rating() {
    let mut both = Both::new(setup(&[]));
    // Phase a is 0.01 pu low; b is 1.5° ahead, across 180°; the angle of c is the reference's, offset by its target.
    let phases = [[0.99, 0.0, 0.0, 1.0, 0.0], [1.0, -179.0, 179.5, 1.0, 0.0], [1.0, 118.0, 120.0, 1.0, -2.0]];
    for tick in 1..=4 {
        let told = both.step(tick, &frame(tick, phases));
        let k = tick as f64;
        near(told("ev634.q_var.a"), (0.4 + 1.7 * k) * 0.01 * BASE_VA);
        let p = -(0.5 + 1.1 * k) * 1.5f64.to_radians() * BASE_VA;
        near(told("ev634.p_w.b"), 0.75 * p);
        near(told("ev645.p_w.b"), 0.25 * p);
        let others = ["ev634.p_w.a", "ev634.q_var.b", "ev645.q_var.b", "ev634.p_w.c", "ev645.q_var.c"];
        others.iter().for_each(|name| near(told(name), 0.0));
    }
}

#[test]
fn what_is_measured_once_is_summed_once() {
    let mut both = Both::new(setup(&[]));
    let mut measured = frame(1, [[0.99, 0.0, 0.0, 1.0, 0.0], AT_TARGET, AT_TARGET]);
    let expected = (0.4 + 1.7) * 0.01 * BASE_VA;
    near(both.step(1, &measured)("ev634.q_var.a"), expected);
    measured.grow_older(1);
    near(both.step(2, &measured)("ev634.q_var.a"), expected);
    let lost = frame(3, [[f64::NAN; 5]; 3]);
    near(both.step(3, &lost)("ev634.q_var.a"), expected);
    let told = both.step(4, &frame(4, [[0.99, 0.0, 0.0, 1.0, 0.0], AT_TARGET, AT_TARGET]));
    near(told("ev634.q_var.a"), expected + 1.7 * 0.01 * BASE_VA);
}

#[test]
fn it_begins_when_both_nodes_are_known_from_what_actuators_report() {
    let setup = setup(&[]);
    let places = ["ev634.p_w.b", "ev645.p_w.b", "angle_deg.c"].map(|name| setup.inputs.index(name).unwrap());
    let mut both = Both::new(setup);
    let mut measured = frame(1, [AT_TARGET; 3]);
    let mut lacking = Frame::new(25);
    lacking.advance(Tick(1));
    (0..15).filter(|k| *k != places[2]).for_each(|k| lacking.set(k, measured.get(k).value));
    assert!(both.step(1, &lacking)("ev634.p_w.b").is_nan());
    measured.set(places[0], 20e3);
    measured.set(places[1], -60e3);
    measured.advance(Tick(2));
    let told = both.step(2, &measured);
    near(told("ev634.p_w.b"), 0.75 * -40e3);
    near(told("ev645.p_w.b"), 0.25 * -40e3);
    near(told("ev634.q_var.a"), 0.0);
}

#[test]
fn a_saturated_phase_stays_in_its_circle_and_does_not_wind_up() {
    let mut both = Both::new(setup(&[]));
    let (s, e_v, e_angle_deg) = (600e3 / BASE_VA, 0.2, 1.0);
    let low = [1.0 - e_v, 0.0, 0.0, 1.0, e_angle_deg];
    for tick in 1..=50 {
        let told = both.step(tick, &frame(tick, [low, AT_TARGET, AT_TARGET]));
        let (p, q) = (told("ev634.p_w.a"), told("ev634.q_var.a"));
        assert!(p.hypot(q) <= 600e3 * (1.0 + 1e-12), "{tick}");
        // After the first step, which saturates, I stands still: in proportion to u = (kp + ki) e.
        let (u_p, u_q) = ((0.5 + 1.9) * e_angle_deg.to_radians(), (0.4 + 1.7) * e_v);
        near(p, u_p / u_p.hypot(u_q) * s * BASE_VA);
        near(q, u_q / u_p.hypot(u_q) * s * BASE_VA);
    }
    // Relieved by an error the other way, it moves at once.
    let told = both.step(51, &frame(51, [[1.1, 0.0, 0.0, 1.0, e_angle_deg], AT_TARGET, AT_TARGET]));
    near(told("ev634.q_var.a"), (1.7 * 0.2 - (1.7 + 0.4) * 0.1) * BASE_VA);
}

#[test]
fn what_is_cut_off_may_be_taken_back_instead() {
    let mut both = Both::new(setup(&[("back", 0.5)]));
    let (s, e) = (600e3 / BASE_VA, 0.2);
    let (mut integral, mut cut) = (0.0, 0.0);
    for tick in 1..=20 {
        integral += 1.7 * e - 0.5 * cut;
        cut = integral + 0.4 * e - s;
        assert!(cut > 0.0);
        let told = both.step(tick, &frame(tick, [[1.0 - e, 0.0, 0.0, 1.0, 0.0], AT_TARGET, AT_TARGET]));
        near(told("ev634.q_var.a"), s * BASE_VA);
    }
    // The integral has come to rest: I + kp e − s = 2 ki e.
    assert!((cut - 2.0 * 1.7 * e).abs() < 1e-5);
    let told = both.step(21, &frame(21, [[2.0, 0.0, 0.0, 1.0, 0.0], AT_TARGET, AT_TARGET]));
    near(told("ev634.q_var.a"), ((integral - 1.7 - 0.5 * cut - 0.4).max(-s)) * BASE_VA);
}

#[test]
fn the_two_languages_agree_whatever_they_are_shown() {
    let mut both = Both::new(setup(&[("kp_v.c", 0.9)]));
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut measured = Frame::new(25);
    for tick in 1..=300 {
        measured.advance(Tick(tick));
        for k in 0..25 {
            let value = match k {
                15.. => 1e5 * random(),
                _ if k % 5 % 3 == 0 => 0.8 + 0.4 * random(),
                _ => 720.0 * random() - 360.0,
            };
            if random() < 0.7 {
                measured.set(k, if random() < 0.1 { f64::NAN } else { value });
            }
        }
        let _ = both.step(tick, &measured);
    }
}

#[test]
fn a_rating_that_is_missing_is_named() {
    let mut lacking = setup(&[]);
    lacking.parameters.retain(|(name, _)| name != "ev645.s_va");
    let refused = LibraryController::load(&LIBRARY, &lacking).map(|_| ());
    assert!(
        matches!(&refused, Err(LoadError::Refused { message, .. }) if message.contains("ev645.s_va")),
        "{refused:?}"
    );
    let refused = ProcessController::start(python(lacking)).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("KeyError: 'ev645.s_va'"), "{refused}");
}
