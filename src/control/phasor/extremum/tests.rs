//! Extremum seeking on the linear plant, moved to voltages of one per unit.

use super::super::testing::{self, B_632, DISTURBANCES, Plant, TARGET, of_phases, within};
use super::*;

const ONE: [f64; 6] = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0];

fn plus(x: [f64; 6], y: [f64; 6]) -> [f64; 6] {
    std::array::from_fn(|i| x[i] + y[i])
}

fn law() -> Extremum {
    Extremum::new(3, ExtremumSettings::default()).unwrap()
}

fn at_rest(plant: Plant) -> Plant {
    Plant { d: ONE, ..plant }
}

/// Steps until the 5 s average around a step is within 0.003 pu and 0.15 degrees from there on.
fn averaged(errors: &[[f64; 6]]) -> Option<usize> {
    let inside = |errors: &[[f64; 6]]| {
        (0..6).all(|i| {
            let mean = errors.iter().map(|e| e[i]).sum::<f64>() / 50.0;
            mean.abs() <= if i < 3 { 0.003 } else { 0.15_f64.to_radians() }
        })
    };
    let outside = errors.windows(50).rposition(|window| !inside(window)).map_or(0, |k| k + 1);
    (outside + 50 <= errors.len()).then_some(outside + 25)
}

/// Settling steps of each disturbance and the target step.
fn each(plant: impl Fn() -> Plant, law: impl Fn() -> Extremum) -> Vec<Option<usize>> {
    let one = |d: [f64; 6], target: [f64; 6]| {
        let (mut plant, mut law) = (at_rest(plant()), law());
        plant.run(&mut law, &ONE, 60);
        plant.d = plus(ONE, d);
        averaged(&plant.run(&mut law, &plus(ONE, target), 500))
    };
    DISTURBANCES.iter().map(|d| one(*d, [0.0; 6])).chain([one([0.0; 6], TARGET)]).collect()
}

#[test]
fn it_settles_in_20_s_without_a_model_with_noise_and_with_delays_it_knows() {
    let found = each(Plant::new, law);
    println!("{found:?}");
    found.iter().for_each(|found| within(*found, 200, "no delay"));
    let noise = [1e-4, 0.01_f64.to_radians()];
    each(|| Plant { noise, ..Plant::new() }, law).iter().for_each(|found| within(*found, 200, "noise"));
    each(|| Plant { extra_delay: 5, ..Plant::new() }, law).iter().for_each(|found| within(*found, 200, "time stamps"));
    let settings = ExtremumSettings { hidden_delay: 3, ..ExtremumSettings::default() };
    let told = || Extremum::new(3, settings).unwrap();
    each(|| Plant { command_delay: 3, ..Plant::new() }, told).iter().for_each(|found| within(*found, 200, "told"));
}

#[test]
fn twice_the_sensitivity_is_stable_and_half_of_it_is_as_fast_with_its_gain() {
    let b = B_632.map(|row| row.map(|x| 2.0 * x));
    each(|| Plant { b, ..Plant::new() }, law).iter().for_each(|found| within(*found, 200, "double"));
    let b = B_632.map(|row| row.map(|x| 0.5 * x));
    // Half of the disturbance, for the slew to be no longer.
    let settings = ExtremumSettings { amplitude_pu: 0.04, ..ExtremumSettings::default() }.for_impedance(0.06);
    let mut plant = at_rest(Plant { b, ..Plant::new() });
    let mut law = Extremum::new(3, settings).unwrap();
    plant.run(&mut law, &ONE, 60);
    plant.d = plus(ONE, DISTURBANCES[1].map(|x| 0.5 * x));
    within(averaged(&plant.run(&mut law, &ONE, 500)), 200, "half");
}

#[test]
fn limits_do_not_wind_it_up() {
    for d in DISTURBANCES {
        let (mut plant, mut law) = (at_rest(Plant { s_max: 0.24, ..Plant::new() }), law());
        plant.d = plus(ONE, d);
        plant.run(&mut law, &ONE, 600);
        assert!(law.seekers.iter().all(|s| s.base.iter().all(|u| u.abs() < 0.6)), "{:?}", law.seekers);
        plant.d = plus(ONE, d.map(|x| 0.1 * x));
        within(averaged(&plant.run(&mut law, &ONE, 500)), 200, "after relief");
    }
}

#[test]
fn a_probe_decays_where_it_is_told_to_and_wakes() {
    let settings = ExtremumSettings { decay_per_s: 0.1, ..ExtremumSettings::default() };
    let (mut plant, mut law) = (at_rest(Plant::new()), Extremum::new(3, settings).unwrap());
    plant.run(&mut law, &ONE, 400);
    assert!(law.seekers.iter().all(|s| (s.part - 0.25).abs() < 1e-12), "{:?}", law.seekers);
    plant.d = plus(ONE, DISTURBANCES[1]);
    plant.run(&mut law, &ONE, 3);
    assert!(law.seekers.iter().all(|s| s.part > 0.99), "{:?}", law.seekers);
    within(averaged(&plant.run(&mut law, &ONE, 500)), 200, "with a probe that decays");
}

fn seen<'a>(error: &'a [f64], target: &'a [f64], applied: &'a [f64]) -> Seen<'a> {
    Seen { target, measured: target, ..testing::seen(error, applied) }
}

#[test]
fn what_is_not_a_number_leaves_the_command_and_it_begins_where_actuators_are() {
    let mut law = law();
    let mut plant = at_rest(Plant::new());
    plant.d = plus(ONE, DISTURBANCES[0]);
    plant.run(&mut law, &ONE, 40);
    let told = [0.1, -0.2, 0.3, 0.4, 0.5, 0.6];
    let mut command = [9.0; 6];
    law.step(&seen(&[f64::NAN; 6], &ONE, &told), &mut command);
    assert_eq!(command, told);
    law.restart(&told);
    law.step(&seen(&[0.0; 6], &ONE, &told), &mut command);
    assert!(command.iter().zip(told).all(|(u, told)| (u - told).abs() < 1e-12), "{command:?}");
}

#[test]
fn fewer_phases_work_as_three_do() {
    for phases in 1..=3 {
        let (size, b) = (2 * phases, of_phases(phases));
        let mut law = Extremum::new(phases, ExtremumSettings::default()).unwrap();
        let target: Vec<f64> = (0..size).map(|i| if i < phases { 1.0 } else { 0.0 }).collect();
        let mut applied = vec![0.0; size];
        let mut errors = Vec::new();
        for _ in 0..400 {
            let error: Vec<f64> =
                (0..size).map(|i| 0.03 - (0..size).map(|j| b[i * size + j] * applied[j]).sum::<f64>()).collect();
            errors.push(std::array::from_fn(|i| error.get(i).copied().unwrap_or(0.0)));
            let before = applied.clone();
            law.step(&seen(&error, &target, &before), &mut applied);
        }
        within(averaged(&errors), 200, &format!("{phases} phases"));
    }
}

#[test]
fn a_setting_out_of_range_is_named() {
    let default = ExtremumSettings::default();
    for settings in [
        ExtremumSettings { frequencies_hz: [2.0, 2.6, 5.0], ..default },
        ExtremumSettings { frequencies_hz: [2.0, 2.0, 3.0], ..default },
        ExtremumSettings { frequencies_hz: [0.1, 2.0, 3.0], ..default },
    ] {
        let found = Extremum::new(3, settings);
        assert!(matches!(found, Err(LawError::Setting { name: "frequencies_hz", .. })), "{found:?}");
    }
    // A phase that is not there needs no frequency.
    assert!(Extremum::new(1, ExtremumSettings { frequencies_hz: [2.0, 9.0, 9.0], ..default }).is_ok());
    assert!(Extremum::new(1, ExtremumSettings { step_s: 0.0, ..default }).is_err());
}
