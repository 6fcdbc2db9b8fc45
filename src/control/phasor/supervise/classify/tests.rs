//! Each cause within its time, named, and none where there is none.

use super::super::testing::{Rig, b, disturbance, times_b};
use super::*;

/// A rig with two actuators a phase that share its power 60 to 40.
struct Fleet {
    rig: Rig,
    classifier: Classifier,
    /// Multiplies what an actuator does, by actuator.
    health: [f64; 6],
    /// What actuators did, and what they were told, at the last step.
    did: [[f64; 2]; 6],
    told: [[f64; 2]; 6],
}

const SHARE: [f64; 2] = [0.6, 0.4];

impl Fleet {
    fn new(seed: u64, s_pu: f64, reports: bool) -> Self {
        let one = |k: usize| Actuator { phase: k % 3, s_pu: s_pu * SHARE[k / 3], reports, ..Actuator::default() };
        let settings = Settings { actuators: (0..6).map(one).collect(), ..Settings::default() };
        let mut rig = Rig::new(seed);
        rig.s_max = s_pu;
        Self {
            rig,
            classifier: Classifier::new(settings, &b()).unwrap(),
            health: [1.0; 6],
            did: [[0.0; 2]; 6],
            told: [[0.0; 2]; 6],
        }
    }

    /// One step: the plant has what actuators do, the classifier what they were told and what they report.
    fn step(&mut self) -> Class {
        let command = self.rig.u;
        self.told = std::array::from_fn(|k| [0, 3].map(|part| command[part + k % 3] * SHARE[k / 3]));
        self.did = std::array::from_fn(|k| self.told[k].map(|x| x * self.health[k]));
        let did: [f64; 6] = std::array::from_fn(|j| self.did[j % 3][j / 3] + self.did[j % 3 + 3][j / 3]);
        self.rig.u = did;
        let y = self.rig.measure();
        self.rig.u = command;
        self.rig.control(&y);
        self.classifier.step(&Input {
            tick: Tick(self.rig.tick),
            error: &self.rig.error(&y),
            measured: &y,
            fresh: true,
            age: 0,
            told: &self.told,
            reported: &self.did,
        })
    }
}

#[test]
fn single_steps_of_load_are_no_failure_of_any_kind_over_100_seeds() {
    for (gain, seeds) in [(0.3, 100), (0.15, 20), (1.5, 20)] {
        for reports in [true, false] {
            for seed in 1..=seeds {
                let mut fleet = Fleet::new(seed, 1.5, reports);
                fleet.rig.gain = gain;
                for _ in 0..300 {
                    fleet.rig.scenario();
                    let class = fleet.step();
                    assert_eq!(class, Class::None, "gain {gain}, seed {seed}: {:?}", fleet.classifier.events());
                }
            }
        }
    }
}

#[test]
fn saturation_is_said_half_a_second_after_the_limit_is_reached_and_over_with_it() {
    for seed in 1..=100 {
        let mut fleet = Fleet::new(seed, 0.24, true);
        let (mut since, mut said) = (None, None);
        for _ in 0..160 {
            fleet.rig.d = if (50..120).contains(&fleet.rig.tick) { disturbance(0) } else { [0.0; 6] };
            let class = fleet.step();
            let at_limit = (0..3).any(|k| fleet.told[k][0].hypot(fleet.told[k][1]) > 0.999 * 0.24 * SHARE[0]);
            since = since.or(at_limit.then_some(fleet.rig.tick));
            said = said.or((class == Class::Saturation).then_some(fleet.rig.tick));
        }
        assert_eq!(said, since.map(|t| t + 4), "seed {seed}: five samples at the limit");
        assert_eq!(fleet.classifier.class(), Class::None, "relieved");
        assert!(said.unwrap() <= 51 + 10, "a second after its onset: {said:?}");
    }
}

#[test]
fn an_actuator_that_dies_sticks_or_does_too_little_is_named_half_a_second_later() {
    for seed in 1..=100 {
        for (dies, health) in [(4, 0.0), (0, 0.5), (5, -1.0)] {
            let mut fleet = Fleet::new(seed, 1.5, true);
            fleet.rig.d = times_b(&[-0.4, -0.4, -0.4, -0.2, -0.2, -0.2]);
            for _ in 0..50 {
                assert_eq!(fleet.step(), Class::None);
            }
            fleet.health[dies] = health;
            let after = (1..=20).find(|_| fleet.step() == Class::Failure);
            assert_eq!(after, Some(5), "seed {seed}, actuator {dies}");
            let event = fleet.classifier.events()[0];
            assert_eq!((event.actuator, event.phase, event.class), (Some(dies), Some(dies % 3), Class::Failure));
            fleet.health[dies] = 1.0;
            assert_eq!((1..=20).find(|_| fleet.step() != Class::Failure), Some(5), "and cleared as fast");
        }
    }
}

#[test]
fn a_slow_actuator_within_its_settings_is_healthy_and_one_beyond_them_is_not() {
    for (response_s, ramp, dead, healthy) in [(2.0, 0.1, 5, true), (0.0, f64::INFINITY, 0, false)] {
        let actuator = Actuator { response_s, ramp_pu_per_s: ramp, dead_steps: dead, ..Actuator::default() };
        let settings = Settings { actuators: vec![actuator], ..Settings::default() };
        let mut classifier = Classifier::new(settings, &[1.0, 0.0, 0.0, 1.0]).unwrap();
        // The true one: dead for 0.3 s, then a ramp of 0.15 pu/s; told to go to 0.5 pu and back.
        let (mut y, mut worst) = (0.0f64, Class::None);
        for k in 0..200i32 {
            let told = |k: i32| if (10..100).contains(&k) { 0.5 } else { 0.0 };
            y += (told(k - 3) - y).clamp(-0.015, 0.015);
            let class = classifier.step(&Input {
                tick: Tick(k as u64),
                error: &[0.0; 2],
                measured: &[1.0, 0.0],
                fresh: true,
                age: 0,
                told: &[[told(k), 0.0]],
                reported: &[[y, 0.0]],
            });
            worst = worst.max(class);
        }
        assert_eq!(worst == Class::None, healthy, "{actuator:?}");
    }
}

#[test]
fn without_reports_a_phase_that_does_not_answer_is_found_while_commands_move() {
    let mut latest = 0;
    for seed in 1..=100 {
        let mut fleet = Fleet::new(seed, 2.0, false);
        fleet.rig.d = disturbance(1);
        for _ in 0..50 {
            assert_eq!(fleet.step(), Class::None);
        }
        // Both actuators of phase b are lost: what they did is missing, and the loop asks for more and more.
        (fleet.health[1], fleet.health[4]) = (0.0, 0.0);
        let after = (1..=30).find(|_| fleet.step() == Class::Failure);
        latest = latest.max(after.unwrap_or(u64::MAX));
        let event = fleet.classifier.events()[0];
        assert_eq!((event.actuator, event.phase), (None, Some(1)), "seed {seed}: two that do not report");
    }
    println!("no answer: found after {latest} steps at the latest");
    assert!(latest <= 10, "{latest}");
}

#[test]
fn loads_that_change_faster_than_the_loop_are_variability_within_ten_seconds() {
    let mut latest = 0;
    for seed in 1..=100 {
        let mut fleet = Fleet::new(seed, 1.0, true);
        let mut said = None;
        for _ in 0..250 {
            // 300 kW and 150 kvar up and down on each phase, four times a second from 10 s on.
            if fleet.rig.tick >= 100 && fleet.rig.tick.is_multiple_of(3) {
                let sign = |which| (fleet.rig.random(which) * 1.5).round().clamp(-1.0, 1.0);
                let load: [f64; 6] = std::array::from_fn(|j| sign(j as u64) * if j < 3 { 0.18 } else { 0.09 });
                fleet.rig.d = times_b(&load);
            }
            let class = fleet.step();
            assert!(matches!(class, Class::None | Class::Variability), "seed {seed}: {class:?}");
            said = said.or((class == Class::Variability).then_some(fleet.rig.tick));
        }
        let after = said.unwrap_or_else(|| panic!("seed {seed}")) - 100;
        latest = latest.max(after);
    }
    println!("variability: found after {latest} steps at the latest");
    assert!(latest <= 100, "{latest}");
}

#[test]
fn numbers_that_are_none_are_no_evidence_and_the_worst_cause_is_the_class() {
    let mut fleet = Fleet::new(1, 1.0, true);
    let nan = [[f64::NAN; 2]; 6];
    for k in 0..100 {
        let class = fleet.classifier.step(&Input {
            tick: Tick(k),
            error: &[f64::NAN; 6],
            measured: &[f64::NAN; 6],
            fresh: true,
            age: u64::MAX,
            told: if k % 2 == 0 { &nan } else { &[] },
            reported: &nan,
        });
        assert_eq!(class, Class::None);
    }
    assert_eq!([Class::Failure, Class::Saturation, Class::Variability].map(Class::code), [3, 2, 1]);
    let wrong = Settings { actuators: vec![Actuator { phase: 3, ..Actuator::default() }], ..Settings::default() };
    assert!(Classifier::new(wrong, &b()).is_none());
}

/// A battery that runs empty stops at once, while its ramp lets what it is told down slowly: at its limit, not failed. One
/// that stops for no such reason has failed.
#[test]
fn an_empty_battery_is_at_its_limit_and_has_not_failed() {
    for empty in [true, false] {
        let actuators = vec![Actuator { s_pu: 0.5, ..Actuator::default() }];
        let settings = Settings { actuators, ..Settings::default() };
        let mut classifier = Classifier::new(settings, &[0.0, 0.1, 0.1, 0.0]).unwrap();
        let mut class = Class::None;
        for k in 0..40u32 {
            let told = 0.3 - 0.01 * f64::from(k).min(30.0);
            let reported = if k < 10 { told } else { 0.0 };
            classifier.set_held(0, empty && k >= 10, true);
            class = classifier.step(&Input {
                tick: Tick(u64::from(k)),
                error: &[0.0, 0.01],
                measured: &[1.0, 0.0],
                fresh: true,
                age: 0,
                told: &[[told, 0.0]],
                reported: &[[reported, 0.0]],
            });
            assert!(empty || !(16..=30).contains(&k) || class == Class::Failure, "step {k}: {class:?}");
            assert!(!empty || class != Class::Failure, "step {k}");
        }
        assert!(!empty || class == Class::Saturation, "{class:?}");
    }
}
