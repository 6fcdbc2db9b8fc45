//! What a step of every law, of L-PBC around it, of its supervision and of a user's own controller costs, with six actuators
//! of three phases:
//!
//!     cargo test --release --no-default-features --test phasor_speed -- --nocapture
//!
//! Times are the least of some rounds, the clock included. An optimised build holds them to their goals; any build checks
//! that what is measured is what it says, and that nothing is allocated. Needs `python3` and `cc` for the own controllers.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;
use std::time::Instant;

use phasorbench::control::Controller;
use phasorbench::control::phasor::{
    Answering, Decoupled, DecoupledGains, Extremum, ExtremumSettings, Impedance, Law, Lpbc, LpbcActuator, LpbcReport,
    LpbcSettings, Lqpc, LqpcSettings, Mode, Pi, PiSettings, PublishedLqpc, PublishedLqpcSettings, Rcac, RcacSettings,
    Seen, Sensitivity, Supervised, Watching, sensitivity_of_impedance,
};
use phasorbench::link::library::LibraryController;
use phasorbench::link::process::{self, ProcessController};
use phasorbench::link::{Answer, Setup};
use phasorbench::quantity::{Tick, complex};
use phasorbench::signal::{Channels, Frame};

#[path = "support/compiled.rs"]
mod compiled;
#[path = "support/counting.rs"]
mod counting;

const PHASES: [char; 3] = ['a', 'b', 'c'];
const ACTUATORS: usize = 6;
const BASE_VA: f64 = 5e6 / 3.0;
/// No limit to speak of, and one that saturates them all.
const S_VA: [f64; 2] = [1e6, 50e3];

fn sensitivity() -> Sensitivity {
    let mut z: Impedance = [[complex(0.01, 0.04); 3]; 3];
    (0..3).for_each(|k| z[k][k] = complex(0.05, 0.12));
    sensitivity_of_impedance(3, &z).expect("three phases")
}

fn rows(b: &Sensitivity) -> Vec<f64> {
    (0..36).map(|k| b.at(k / 6, k % 6)).collect()
}

/// Magnitudes, then angles in rad, under a load that moves every four seconds.
fn phasors(tick: u64, moved: &[f64; 6]) -> [f64; 6] {
    let load = if (tick / 40).is_multiple_of(2) { 0.02 } else { 0.05 };
    std::array::from_fn(|k| if k < 3 { 1.0 + moved[k] - load } else { moved[k] + 0.3 * load })
}

/// Least time of a step in ns, of some rounds; nothing may be allocated but by what allocates.
struct Stopwatch {
    steps: u32,
    spent_s: f64,
    least_ns: f64,
    allocated: u64,
}

impl Stopwatch {
    fn new() -> Self {
        Self { steps: 0, spent_s: 0.0, least_ns: f64::INFINITY, allocated: 0 }
    }

    fn step<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let asked = counting::asked();
        let started = Instant::now();
        let done = work();
        self.spent_s += started.elapsed().as_secs_f64();
        self.allocated += counting::asked() - asked;
        self.steps += 1;
        done
    }

    fn round(&mut self) {
        self.least_ns = self.least_ns.min(1e9 * self.spent_s / f64::from(self.steps));
        (self.spent_s, self.steps) = (0.0, 0);
    }

    fn judge(&self, name: &str, goal_ns: f64) {
        let least_us = self.least_ns / 1e3;
        println!("{name:44} {least_us:8.3} µs a step, goal {} µs, {} allocations", goal_ns / 1e3, self.allocated);
        assert!(cfg!(debug_assertions) || self.least_ns <= goal_ns, "{name}: {least_us} µs");
    }
}

/// Rounds and steps: a few where they are not optimised.
fn rounds(optimised: [u32; 2]) -> [u32; 2] {
    if cfg!(debug_assertions) { [1, 200] } else { optimised }
}

/// A law by itself, actuators following it within 0.6 pu.
fn alone(name: &str, mut law: Box<dyn Law>, goal_ns: f64) {
    let b = sensitivity();
    let (mut watch, mut applied, mut command) = (Stopwatch::new(), [0.0; 6], [0.0; 6]);
    let (mut tick, mut largest) = (0, 0.0_f64);
    let target = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0];
    let [rounds, steps] = rounds([20, 20_000]);
    for _ in 0..rounds {
        for _ in 0..steps {
            tick += 1;
            let measured = phasors(tick, &b.moved(&applied));
            let error: [f64; 6] = std::array::from_fn(|k| target[k] - measured[k]);
            let seen = Seen {
                tick: Tick(tick),
                target: &target,
                measured: &measured,
                error: &error,
                reference_v_pu: &[1.0; 3],
                applied: &applied,
                saturated: &[false; 3],
                fresh: true,
                age: 0,
            };
            watch.step(|| law.step(&seen, &mut command));
            applied = command.map(|u| u.clamp(-0.6, 0.6));
            largest = applied.iter().fold(largest, |most, u| most.max(u.abs()));
        }
        watch.round();
    }
    watch.judge(&format!("{name}, the law alone"), goal_ns);
    assert_eq!(watch.allocated, 0, "{name}");
    assert!((0.05..=0.6).contains(&largest), "{name} does something: {largest}");
}

fn settings(s_va: f64) -> LpbcSettings {
    let actuators = (0..ACTUATORS).map(|k| LpbcActuator::new(&format!("x{k}"), &PHASES, s_va)).collect();
    LpbcSettings::new(&PHASES, sensitivity(), BASE_VA, actuators)
}

/// How a law is made.
type Made<'a> = dyn Fn() -> Box<dyn Law> + 'a;

/// An L-PBC, watched or not.
enum Loop {
    Bare(Box<Lpbc>),
    Watched(Box<Supervised>),
}

impl Loop {
    fn step(&mut self, tick: Tick, measured: &Frame, commands: &mut Frame) {
        match self {
            Self::Bare(lpbc) => lpbc.step(tick, measured, commands),
            Self::Watched(own) => own.step(tick, measured, commands),
        }
    }

    fn report(&self) -> &LpbcReport {
        match self {
            Self::Bare(lpbc) => lpbc.report(),
            Self::Watched(own) => own.lpbc().report(),
        }
    }
}

/// A loop closed around six actuators that report what they were told.
fn closed(name: &str, s_va: f64, mut own: Loop, goal_ns: f64) {
    let b = sensitivity();
    let mut measured = Frame::new(Supervised::measured(&settings(s_va)).names().len());
    let mut commands = Frame::new(settings(s_va).commands().names().len());
    let (mut watch, mut tick, mut saturated) = (Stopwatch::new(), 0, 0);
    let [rounds, steps] = rounds([20, 20_000]);
    for _ in 0..rounds {
        for _ in 0..steps {
            tick += 1;
            measured.advance(Tick(tick));
            let now = phasors(tick, &b.moved(&own.report().applied.total));
            for k in 0..3 {
                measured.set(k, now[k]);
                measured.set(3 + k, now[3 + k].to_degrees());
                [(6, 1.0), (9, 0.0), (12, 1.0), (15, 0.0)].iter().for_each(|(at, x)| measured.set(at + k, *x));
            }
            (0..6 * ACTUATORS).for_each(|k| measured.set(18 + k, commands.get(k).value));
            watch.step(|| own.step(Tick(tick), &measured, &mut commands));
            saturated += u32::from(own.report().applied.saturated[0]);
        }
        watch.round();
    }
    watch.judge(name, goal_ns);
    assert_eq!(watch.allocated, 0, "{name}");
    assert_eq!(own.report().mode, Mode::Full, "{name}");
    assert_eq!(saturated > 0, s_va < S_VA[0], "{name} at a limit in {saturated} steps");
}

fn bare(name: &str, s_va: f64, law: Box<dyn Law>, goal_ns: f64) {
    let lpbc = Lpbc::with_law(settings(s_va), law).unwrap();
    closed(&format!("{name}, with L-PBC and allocation"), s_va, Loop::Bare(Box::new(lpbc)), goal_ns);
}

fn watched(name: &str, s_va: f64, law: Box<dyn Law>, goal_ns: f64) {
    let watching = Watching {
        period_s: 0.1,
        answering: vec![Answering::default(); ACTUATORS],
        s_va: vec![s_va; ACTUATORS],
        noise: [0.0; 2],
    };
    let own = Supervised::new(settings(s_va), law, &watching).unwrap();
    closed(&format!("{name}, with L-PBC and supervision"), s_va, Loop::Watched(Box::new(own)), goal_ns);
}

/// The committed examples' set-up: one step of 0.1 s, six actuators.
fn own_setup() -> Setup {
    let quantities = ["v_pu", "angle_deg", "reference.angle_deg", "target.v_pu", "target.angle_deg"];
    let inputs = PHASES.iter().flat_map(|phase| quantities.map(|quantity| format!("{quantity}.{phase}")));
    let powers = |k: usize| {
        ["p_w", "q_var"].into_iter().flat_map(move |q| PHASES.iter().map(move |phase| format!("x{k}.{q}.{phase}")))
    };
    let outputs: Vec<String> = (0..ACTUATORS).flat_map(powers).collect();
    let gains = ["kp_v", "ki_v", "kp_angle", "ki_angle"].map(|name| (name.to_owned(), 0.5));
    let ratings = (0..ACTUATORS).map(|k| (format!("x{k}.s_va"), S_VA[0]));
    Setup {
        step_s: 0.1,
        inputs: Channels::new(inputs.chain(outputs.iter().cloned()).collect()),
        outputs: Channels::new(outputs),
        parameters: gains.into_iter().chain(ratings).chain([("base_va".to_owned(), BASE_VA)]).collect(),
    }
}

/// One of the committed examples; how much it allocates.
fn example(
    name: &str,
    [rounds, steps]: [u32; 2],
    goal_ns: f64,
    mut step: impl FnMut(Tick, &Frame, &mut Frame) -> Answer,
) -> u64 {
    let setup = own_setup();
    let mut measured = Frame::new(setup.inputs.names().len());
    let mut commands = Frame::new(setup.outputs.names().len());
    let (mut watch, mut tick) = (Stopwatch::new(), 0);
    for _ in 0..rounds {
        for _ in 0..steps {
            tick += 1;
            measured.advance(Tick(tick));
            let now = phasors(tick, &[0.0; 6]);
            for (phase, at) in (0..3).map(|phase| (phase, 5 * phase)) {
                let values = [now[phase], now[3 + phase].to_degrees(), 0.0, 1.0, 0.0];
                values.into_iter().enumerate().for_each(|(k, x)| measured.set(at + k, x));
            }
            (0..6 * ACTUATORS).for_each(|k| measured.set(15 + k, commands.get(k).value));
            assert_eq!(watch.step(|| step(Tick(tick), &measured, &mut commands)), Answer::Fresh, "{name}");
        }
        watch.round();
    }
    assert!(commands.channels().iter().all(|own| own.valid && own.value != 0.0), "{name} commands everything");
    watch.judge(name, goal_ns);
    watch.allocated
}

fn own_controllers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/phasor/controllers");
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libpi_speed.so");
    compiled::compile(&folder.join("pi.c"), &made);
    let mut library = LibraryController::load(&made, &own_setup()).unwrap();
    let step = |tick: Tick, measured: &Frame, commands: &mut Frame| library.step(tick, 0.0, measured, commands);
    assert_eq!(example("own controller, a library in C", rounds([20, 5_000]), 20e3, step), 0);
    let command = vec!["python3".into(), "pi.py".into()];
    let settings =
        process::Settings { command, directory: Some(folder), setup: own_setup(), ..process::Settings::default() };
    let mut child = ProcessController::start(settings).unwrap();
    let step = |tick: Tick, measured: &Frame, commands: &mut Frame| child.step(tick, 0.0, measured, commands);
    // A tenth of the step of 0.1 s that it is for.
    example("own controller, a process in Python", rounds([10, 200]), 10e6, step);
}

#[test]
fn a_step_is_short() {
    let b = sensitivity();
    let rows = rows(&b);
    let decoupled =
        || Box::new(Decoupled::new(settings(S_VA[0]).inverse().unwrap(), DecoupledGains::default())) as Box<dyn Law>;
    let pi = || Box::new(Pi::new(PiSettings::of_sensitivity(&b))) as Box<dyn Law>;
    let lqpc = || Box::new(Lqpc::new(3, &rows, LqpcSettings::default()).unwrap()) as Box<dyn Law>;
    let published =
        || Box::new(PublishedLqpc::new(3, &rows, PublishedLqpcSettings::default()).unwrap()) as Box<dyn Law>;
    let rcac = || Box::new(Rcac::new(3, &rows, RcacSettings::default()).unwrap()) as Box<dyn Law>;
    let extremum = || Box::new(Extremum::new(3, ExtremumSettings::default()).unwrap()) as Box<dyn Law>;
    let laws: [(&str, &Made, f64); 6] = [
        ("decoupled PI", &decoupled, 2e3),
        ("PI", &pi, 2e3),
        ("LQPC", &lqpc, 20e3),
        ("published LQPC", &published, 20e3),
        ("RCAC", &rcac, 20e3),
        ("extremum seeking", &extremum, 20e3),
    ];
    for (name, law, goal_ns) in laws {
        alone(name, law(), goal_ns);
        bare(name, S_VA[0], law(), goal_ns);
    }
    bare("decoupled PI at every limit", S_VA[1], decoupled(), 20e3);
    watched("decoupled PI", S_VA[0], decoupled(), 20e3);
    watched("decoupled PI at every limit", S_VA[1], decoupled(), 20e3);
    own_controllers();
}
