//! L-PBC by its frames: on the linear plant of node 632, with two nodes' phasors turning, late, lost and wrong.

use super::testing::{B_632, TIGHT, settled};
use super::*;
use crate::control::Controller;
use crate::quantity::Tick;
use crate::signal::Frame;

const BASE_VA: f64 = 5e6 / 3.0;
const PHASES: [char; 3] = ['a', 'b', 'c'];
const TARGET: [f64; 6] = [1.0, 1.02, 1.0, -0.0384, -0.0349, -0.0349];

fn b() -> Sensitivity {
    Sensitivity::new(3, B_632.as_flattened()).unwrap()
}

fn settings() -> LpbcSettings {
    let actuators = ["x", "y"].map(|name| LpbcActuator::new(name, &PHASES, BASE_VA));
    LpbcSettings::new(&PHASES, b(), BASE_VA, actuators.to_vec())
}

/// The plant, two instruments and the frames between.
struct Loop {
    lpbc: Lpbc,
    /// Phasors of the performance node without actuators, relative to the reference.
    d: [f64; 6],
    /// What actuators inject in each phase: P and Q.
    injected: [[[f64; 2]; 3]; 2],
    /// Whether actuators do as they are told.
    alive: [bool; 2],
    /// What actuators inject of what they are told.
    gain: [f64; 2],
    /// Whether measurements of the performance node, its angles, and the reference node arrive.
    seen: [bool; 3],
    /// Age at which measurements of both nodes arrive.
    late: [u64; 2],
    /// How far both nodes' angles turn in a tick, in degrees.
    turn_deg: f64,
    target: [f64; 6],
    past: Vec<[f64; 6]>,
    measured: Frame,
    commands: Frame,
    tick: u64,
}

impl Loop {
    fn new(lpbc: Lpbc) -> Self {
        let [measured, commands] = [lpbc.settings().measured(), lpbc.settings().commands()];
        Self {
            d: TARGET,
            injected: Default::default(),
            alive: [true; 2],
            gain: [1.0; 2],
            seen: [true; 3],
            late: [0; 2],
            turn_deg: 7.0,
            target: TARGET,
            past: Vec::new(),
            measured: Frame::new(measured.names().len()),
            commands: Frame::new(commands.names().len()),
            tick: 0,
            lpbc,
        }
    }

    fn output(&self) -> [f64; 6] {
        let total: [f64; 6] = std::array::from_fn(|k| self.injected.iter().map(|unit| unit[k % 3][k / 3]).sum());
        let moved = b().moved(&total);
        std::array::from_fn(|i| self.d[i] + moved[i])
    }

    /// Sets channels as they were so many ticks ago.
    fn set(&mut self, from: usize, values: &[f64], late: u64) {
        let mut other = Frame::new(self.measured.channels().len());
        other.take(&self.measured, 0);
        values.iter().enumerate().for_each(|(k, x)| other.set(from + k, *x));
        let aged: Vec<_> = (0..other.channels().len())
            .map(|k| if (from..from + values.len()).contains(&k) { late } else { other.get(k).age })
            .collect();
        // A frame ages as a whole, so channels are brought to their ages one after the other, the oldest first.
        let mut order: Vec<usize> = (0..aged.len()).collect();
        order.sort_by_key(|k| std::cmp::Reverse(aged[*k]));
        let mut new = Frame::new(aged.len());
        new.advance(Tick(self.tick));
        let mut before = order.first().map_or(0, |k| aged[*k]);
        for k in order {
            new.grow_older(before - aged[k]);
            before = aged[k];
            let channel = other.get(k);
            new.set(k, channel.value);
            if !channel.valid {
                new.set(k, f64::NAN);
            }
        }
        new.grow_older(before);
        self.measured = new;
    }

    fn turned(&self, angle_rad: f64, tick: u64) -> f64 {
        (angle_rad.to_degrees() + self.turn_deg * tick as f64 + 180.0).rem_euclid(360.0) - 180.0
    }

    fn step(&mut self) -> [f64; 6] {
        self.tick += 1;
        self.measured.advance(Tick(self.tick));
        let y = self.output();
        self.past.push(y);
        let at = |late: u64| self.past[self.past.len().saturating_sub(1 + late as usize)];
        let (own, then) = (at(self.late[0]), self.tick.saturating_sub(self.late[0]));
        let angles: Vec<f64> =
            own[3..].iter().map(|a| if self.seen[1] { self.turned(*a, then) } else { f64::NAN }).collect();
        if self.seen[0] && self.tick > self.late[0] {
            self.set(0, &[&own[..3], &angles].concat(), self.late[0]);
        }
        if self.seen[2] && self.tick > self.late[1] {
            let angle = self.turned(0.0, self.tick - self.late[1]);
            self.set(6, &[1.0, 1.0, 1.0, angle, angle, angle], self.late[1]);
        }
        let target: Vec<f64> =
            (0..6).map(|k| if k < 3 { self.target[k] } else { self.target[k].to_degrees() }).collect();
        self.set(12, &target, 0);
        let reports: Vec<f64> = self.injected.as_flattened().as_flattened().iter().map(|x| x * BASE_VA).collect();
        self.set(18, &reports, 0);
        self.lpbc.step(Tick(self.tick), &self.measured, &mut self.commands);
        for (k, own) in self.injected.as_flattened_mut().as_flattened_mut().iter_mut().enumerate() {
            let command = self.commands.get(k);
            if self.alive[k / 6] && command.valid {
                *own = self.gain[k / 6] * command.value / BASE_VA;
            } else if !self.alive[k / 6] {
                *own = 0.0;
            }
        }
        std::array::from_fn(|i| self.target[i] - y[i])
    }

    fn run(&mut self, steps: usize) -> Vec<[f64; 6]> {
        (0..steps).map(|_| self.step()).collect()
    }

    /// A load of phase a that moves the outputs.
    fn load(&mut self, p: f64, q: f64) {
        let moved = b().moved(&[p, 0.0, 0.0, q]);
        self.d.iter_mut().zip(moved).for_each(|(d, m)| *d -= m);
    }

    fn largest(errors: &[[f64; 6]], of: std::ops::Range<usize>) -> f64 {
        errors.iter().flat_map(|e| &e[of.clone()]).fold(0.0, |most, e| e.abs().max(most))
    }
}

fn closed() -> Loop {
    Loop::new(Lpbc::new(settings()).unwrap())
}

#[test]
fn a_disturbance_is_rejected_in_time_while_all_angles_turn() {
    let mut own = closed();
    assert!(Loop::largest(&own.run(20), 0..6) < 1e-9, "it begins at its target");
    own.load(0.58, 0.835);
    let errors = own.run(60);
    assert!(settled(&errors, TIGHT).unwrap() <= 15);
    assert!(Loop::largest(&errors[50..], 0..6) < 1e-6);
    let report = own.lpbc.report();
    assert_eq!((report.mode, report.fresh), (Mode::Full, true));
    assert!((report.effort_pu - 0.58f64.hypot(0.835)).abs() < 1e-6, "the load of phase a, by shares");
    assert!((own.commands.get(0).value - 0.29 * BASE_VA).abs() < 1.0);
}

#[test]
fn late_measurements_of_either_node_are_of_one_instant() {
    for late in [[0, 2], [2, 0], [1, 3]] {
        let mut own = Loop::new(Lpbc::new(LpbcSettings { gains: DecoupledGains::for_delay(2), ..settings() }).unwrap());
        own.late = late;
        own.run(20);
        own.load(0.4, 0.4);
        let errors = own.run(150);
        assert!(settled(&errors, TIGHT).unwrap() <= 40, "{late:?}: {:?}", settled(&errors, TIGHT));
        assert!(Loop::largest(&errors[140..], 0..6) < 1e-6, "{late:?}");
    }
}

#[test]
fn a_lost_reference_leaves_the_magnitudes_held_without_a_bump() {
    for lost in [1, 2] {
        let mut own = closed();
        own.run(10);
        own.load(0.3, 0.3);
        own.run(40);
        let before = own.commands.clone();
        own.seen[lost] = false;
        let errors = own.run(20);
        assert_eq!(own.lpbc.report().mode, Mode::MagnitudeOnly);
        assert!(Loop::largest(&errors, 0..6) < 1e-6, "nothing happened, so nothing moves");
        own.load(0.3, 0.3);
        let errors = own.run(60);
        assert!(Loop::largest(&errors[50..], 0..3) < 1e-6, "magnitudes are held");
        assert!(Loop::largest(&errors[50..], 3..6) > 0.005, "angles are not");
        for k in (0..12).step_by(2) {
            assert!((own.commands.get(k).value - before.get(k).value).abs() < 1e-3, "P stays");
        }
        assert!(own.lpbc.report().error_angle_deg.is_nan() && own.lpbc.report().error_v_pu < 1e-6);
        let told = own.commands.clone();
        own.seen[lost] = true;
        own.turn_deg += 1.0; // and the frequency is another by now
        own.step();
        let first =
            (0..12).map(|k| (own.commands.get(k).value - told.get(k).value).abs() / BASE_VA).fold(0.0, f64::max);
        assert!(first < 0.3 * 0.3, "it goes on from there: {first}");
        let errors = own.run(60);
        assert!(settled(&errors, TIGHT).unwrap() <= 15, "{lost}");
        assert_eq!(own.lpbc.report().mode, Mode::Full);
    }
}

#[test]
fn without_the_performance_node_commands_stay_and_then_the_fail_safe_comes() {
    for (fail_safe, released) in [(FailSafe::Hold, false), (FailSafe::Release { ramp_va: 0.01 * BASE_VA }, true)] {
        let mut own = Loop::new(Lpbc::new(LpbcSettings { fail_safe, ..settings() }).unwrap());
        own.injected[0][0] = [0.05, 0.0]; // what it does by its own set-point
        own.d = std::array::from_fn(|i| TARGET[i] - b().moved(&[0.05])[i]);
        assert!(Loop::largest(&own.run(10), 0..6) < 1e-9, "it begins where actuators are");
        own.load(0.2, 0.2);
        own.run(60);
        let told = own.commands.clone();
        own.seen[0] = false;
        own.run(20);
        assert_eq!(own.lpbc.report().mode, Mode::Hold);
        assert_eq!(own.commands.channels(), told.channels());
        own.run(40);
        assert_eq!(own.lpbc.report().mode, Mode::FailSafe);
        let before = own.injected;
        own.step();
        let change = own.injected.as_flattened().as_flattened().iter().zip(before.as_flattened().as_flattened());
        assert!(change.map(|(x, y)| (x - y).abs()).fold(0.0, f64::max) <= 0.01 + 1e-9);
        own.run(100);
        assert_eq!(own.commands.channels().iter().all(|c| !c.valid), released);
        if released {
            assert!((own.injected[0][0][0] - 0.05).abs() < 1e-9 && own.injected[1][0][1].abs() < 1e-9);
        }
        own.seen[0] = true;
        let errors = own.run(60);
        assert!(settled(&errors, TIGHT).unwrap() <= 15, "{:?}", settled(&errors, TIGHT));
    }
}

#[test]
fn a_single_lost_measurement_changes_nothing() {
    let mut own = closed();
    own.run(10);
    own.load(0.3, 0.3);
    let errors: Vec<_> = (0..80)
        .map(|k| {
            own.seen = [k % 3 != 0, true, k % 7 != 0];
            let error = own.step();
            assert_eq!(own.lpbc.report().mode, Mode::Full);
            error
        })
        .collect();
    assert!(settled(&errors, TIGHT).unwrap() <= 30, "{:?}", settled(&errors, TIGHT));
    // What was seen once is worked on once: no overshoot by measurements that are missing.
    assert!(errors.iter().all(|e| e[0] > -1e-9));
}

#[test]
fn the_supervisor_forbids_what_it_does_not_trust() {
    let mut own = closed();
    own.run(10);
    own.lpbc.set_mode_limit(Mode::MagnitudeOnly);
    own.load(0.3, 0.3);
    let errors = own.run(40);
    assert_eq!(own.lpbc.report().mode, Mode::MagnitudeOnly);
    assert!(Loop::largest(&errors[35..], 0..3) < 1e-4 && Loop::largest(&errors[35..], 3..6) > 0.005);
    own.lpbc.set_mode_limit(Mode::Hold);
    let told = own.commands.clone();
    own.run(5);
    assert_eq!((own.lpbc.report().mode, told.channels()), (Mode::Hold, own.commands.channels()));
    own.lpbc.set_mode_limit(Mode::Full);
    assert!(settled(&own.run(60), TIGHT).unwrap() <= 15);
}

#[test]
fn a_dead_actuator_leaves_no_error_and_taking_it_out_no_bump() {
    let mut own = closed();
    own.run(10);
    own.load(0.3, 0.3);
    own.run(40);
    own.alive[1] = false;
    let errors = own.run(100);
    assert!(Loop::largest(&errors[90..], 0..6) < 1e-6, "the law asks for more until it is done");
    own.lpbc.set_in_service(1, false);
    let errors = own.run(40);
    assert!(Loop::largest(&errors, 0..6) < 1e-6, "the other one knew already");
    assert!(!own.commands.get(6).valid && own.commands.get(0).valid);
    // One that still does what it should is replaced at once.
    own.alive[1] = true;
    own.lpbc.set_in_service(1, true);
    assert!(Loop::largest(&own.run(40), 0..6) < 1e-6);
    own.lpbc.set_in_service(1, false);
    own.alive[1] = false;
    assert!(Loop::largest(&own.run(40), 0..6) < 1e-6);
}

#[test]
fn actuators_that_disagree_do_not_fight() {
    let mut own = closed();
    own.gain = [1.05, 0.95];
    own.run(10);
    own.load(0.3, 0.3);
    let errors = own.run(1050);
    assert!(Loop::largest(&errors[1000..], 0..6) < 1e-9);
    for k in 0..6 {
        assert!((own.commands.get(k).value - own.commands.get(6 + k).value).abs() < 1e-3, "shares are what they were");
    }
    let total: f64 = own.injected.iter().map(|unit| unit[0][0]).sum();
    assert!((total - 0.3).abs() < 1e-6, "and together they do what is needed: {total}");
}

#[test]
fn a_target_that_was_never_given_is_what_is_measured_first() {
    let mut own = closed();
    own.target = [f64::NAN; 6];
    own.d[1] += 0.01;
    let d = own.d;
    own.run(5);
    own.load(0.3, 0.3);
    own.run(60);
    let y = own.output();
    assert!(y.iter().zip(d).all(|(y, d)| (y - d).abs() < 1e-6), "{y:?} {d:?}");
    own.target = TARGET;
    assert!(settled(&own.run(60), TIGHT).unwrap() <= 15, "and then one is given");
}

#[test]
fn a_deadband_is_where_the_error_ends() {
    let deadband = Deadband { v_pu: 0.004, angle_rad: 0.002 };
    let mut own = Loop::new(Lpbc::new(LpbcSettings { deadband, ..settings() }).unwrap());
    own.run(10);
    own.load(0.3, 0.3);
    let errors = own.run(100);
    assert!((errors[99][0] - 0.004).abs() < 1e-6, "{:?}", errors[99]);
    let moved = (90..100).map(|k| (errors[k][0] - errors[k - 1][0]).abs()).fold(0.0, f64::max);
    assert!(moved < 1e-6, "it does not chatter");
}

#[test]
fn phases_without_an_actuator_are_named() {
    let actuators = vec![LpbcActuator::new("x", &['b', 'c'], BASE_VA)];
    let own = LpbcSettings { actuators, ..settings() };
    let Err(error) = Lpbc::new(own.clone()) else { panic!("phase a has no actuator") };
    assert_eq!(
        error.to_string(),
        "phasors of phase a cannot be moved by these actuators: condition number inf, above 50"
    );
    let mut own = Loop::new(Lpbc::new(LpbcSettings { leave_others: true, ..own }).unwrap());
    assert_eq!(own.commands.channels().len(), 4);
    own.alive = [true; 2];
    own.d[1] -= 0.02;
    // Phases b and c of the only actuator are the first four commands.
    for _ in 0..80 {
        own.step();
        own.injected = Default::default();
        for (k, phase) in [1, 2].into_iter().enumerate() {
            own.injected[0][phase] = [0, 1].map(|part| own.commands.get(2 * k + part).value / BASE_VA);
        }
    }
    let y = own.output();
    assert!([1, 2, 4, 5].iter().all(|k| (y[*k] - TARGET[*k]).abs() < 1e-6), "{y:?}");
    assert!((y[0] - TARGET[0]).abs() > 1e-3, "phase a is left alone");
}

#[test]
fn a_node_that_hardly_moves_is_refused_with_its_condition_number() {
    let mut entries = B_632;
    // Phase c's own reactive power and active power hardly move it, nor do the others.
    [2, 5].iter().for_each(|k| entries[*k] = entries[*k].map(|x| 1e-4 * x));
    let b = Sensitivity::new(3, entries.as_flattened()).unwrap();
    let error = LpbcSettings { sensitivity: b, ..settings() }.inverse().unwrap_err();
    let LpbcError::Uncontrollable { phases, condition, .. } = error else { panic!("{error}") };
    assert_eq!(phases, ['c']);
    assert!(condition > 1e4, "{condition}");
    let off = LpbcSettings { base_va: 0.0, ..settings() }.inverse();
    assert_eq!(off, Err(LpbcError::NotPositive("the base of a phase")));
}

#[test]
fn saturated_it_stays_bounded_and_says_so() {
    let actuators = ["x", "y"].map(|name| LpbcActuator::new(name, &PHASES, 400e3)).to_vec();
    let mut own = Loop::new(Lpbc::new(LpbcSettings { actuators, ..settings() }).unwrap());
    own.run(10);
    own.load(0.58, 0.835);
    let errors = own.run(300);
    assert!(Loop::largest(&errors[1..], 0..3) <= 0.14 && own.lpbc.report().applied.saturated[0]);
    own.load(-0.4, -0.6);
    assert!(settled(&own.run(100), TIGHT).unwrap() <= 40);
    assert_eq!(own.lpbc.report().applied.saturated, [false; 3]);
}

#[test]
fn nothing_measured_makes_it_stumble() {
    let mut lpbc = Lpbc::new(settings()).unwrap();
    let noise = crate::quantity::Noise::new(9, "frames");
    let (mut measured, mut commands) = (Frame::new(lpbc.settings().measured().names().len()), Frame::new(12));
    for tick in 0..3000u64 {
        measured.advance(Tick(tick));
        for k in 0..measured.channels().len() {
            let bits = noise.bits(tick * 64 + k as u64);
            let value = [f64::NAN, 1e300, -1e300, 0.0, 1.0, noise.normal(tick * 64 + k as u64)][(bits % 6) as usize];
            if !bits.is_multiple_of(11) {
                measured.set(k, value);
            }
        }
        lpbc.set_mode_limit([Mode::Full, Mode::Full, Mode::MagnitudeOnly, Mode::Hold][(tick / 50 % 4) as usize]);
        lpbc.set_in_service((tick % 5) as usize, !tick.is_multiple_of(3));
        lpbc.step(Tick(tick), &measured, &mut commands);
        for unit in commands.channels().chunks(6) {
            let sizes = unit.chunks(2).filter(|pq| pq[0].valid).map(|pq| pq[0].value.hypot(pq[1].value));
            assert!(sizes.fold(0.0, f64::max) <= BASE_VA * (1.0 + 1e-9));
        }
    }
    lpbc.step(Tick(0), &Frame::new(0), &mut Frame::new(0));
}
