//! The velocity form on the linear plant, with the delays it knows and those it does not.

use super::super::riccati::{gain, riccati};
use super::super::testing::{self, B_632, DISTURBANCES, Plant, TARGET, TIGHT, of_phases, rms, rows, settled, within};
use super::*;

fn law(settings: LqpcSettings) -> Lqpc {
    Lqpc::new(3, &rows(&B_632), settings).unwrap()
}

fn stated(hidden_delay: usize, find_delay: bool) -> Lqpc {
    law(LqpcSettings { hidden_delay, find_delay, ..LqpcSettings::default() })
}

/// Steps until the worst of the disturbances and the target step is settled, each from rest; `None` if one is not.
fn worst(plant: impl Fn() -> Plant, law: impl Fn() -> Lqpc, steps: usize) -> Option<usize> {
    let one = |d: [f64; 6], target: [f64; 6]| {
        let (mut plant, mut law) = (plant(), law());
        plant.run(&mut law, &[0.0; 6], 12);
        plant.d = d;
        settled(&plant.run(&mut law, &target, steps), TIGHT)
    };
    let all = DISTURBANCES.iter().map(|d| one(*d, [0.0; 6])).chain([one([0.0; 6], TARGET)]);
    all.reduce(|a, b| Some(a?.max(b?))).flatten()
}

#[test]
fn the_gain_and_the_prediction_are_those_of_the_whole_riccati_equation() {
    let settings = LqpcSettings { power_weight: 0.002, ..LqpcSettings::default() };
    let law = law(settings);
    let model = Model::new(3, &rows(&B_632)).unwrap();
    for delay in 1..=5 {
        let (size, b) = (6 * (delay + 1), model.dense());
        let identity = DMatrix::identity(6, 6);
        // States: the error, then changes from the newest to the one that acts next.
        let mut a = DMatrix::zeros(size, size);
        a.view_mut((0, 0), (6, 6)).copy_from(&identity);
        a.view_mut((0, size - 6), (6, 6)).copy_from(&-&b);
        (1..delay).for_each(|k| a.view_mut((6 * (k + 1), 6 * k), (6, 6)).copy_from(&identity));
        let mut input = DMatrix::zeros(size, 6);
        input.view_mut((6, 0), (6, 6)).copy_from(&identity);
        let mut q = DMatrix::zeros(size, size);
        q.view_mut((0, 0), (6, 6)).copy_from(&identity);
        let r = b.transpose() * &b * settings.effect_weight + &identity * settings.power_weight;
        let s = riccati(&a, &input, &q, &r).unwrap();
        let residual = &q + a.transpose() * &s * (&a - &input * gain(&a, &input, &r, &s).unwrap()) - &s;
        assert!(residual.norm() < 1e-10 * s.norm(), "{delay}: {}", residual.norm());
        let whole = -gain(&a, &input, &r, &s).unwrap();
        let k = DMatrix::from_fn(6, 6, |i, j| law.k[i][j]);
        let predicted = -&k * &b;
        for lag in 0..=delay {
            let expected = if lag == 0 { &k } else { &predicted };
            let wrong = (whole.view((0, 6 * lag), (6, 6)) - expected).norm();
            assert!(wrong < 1e-8 * k.norm(), "delay {delay}, lag {lag}: {wrong}");
        }
    }
}

#[test]
fn the_gain_is_the_same_in_all_directions_and_below_a_half() {
    let law = law(LqpcSettings::default());
    let g = 2.0 / (1.0 + 13f64.sqrt());
    for (i, row) in law.model.b.iter().enumerate() {
        for j in 0..6 {
            let entry: f64 = (0..6).map(|m| row[m] * law.k[m][j]).sum();
            assert!((entry - if i == j { g } else { 0.0 }).abs() < 1e-9, "{i} {j}: {entry}");
        }
    }
}

#[test]
fn it_settles_in_1_2_s_and_in_2_5_s_with_five_steps_of_known_delay() {
    within(worst(Plant::new, || stated(0, true), 200), 12, "no delay");
    for delay in 1..=5 {
        let measured = || Plant { extra_delay: delay, ..Plant::new() };
        within(worst(measured, || stated(0, true), 200), 25, "known by time stamps");
        let commands = || Plant { command_delay: delay, ..Plant::new() };
        within(worst(commands, || stated(delay, true), 200), 25, "known by configuration");
    }
    let both = || Plant { command_delay: 2, extra_delay: 3, ..Plant::new() };
    within(worst(both, || stated(2, true), 200), 25, "known by both");
}

#[test]
fn a_delay_off_by_two_steps_is_stable_without_being_found() {
    for says in 0..=5_usize {
        for is in says.saturating_sub(2)..=says + 2 {
            let commands = || Plant { command_delay: is, ..Plant::new() };
            within(worst(commands, || stated(says, false), 600), 400, &format!("commands {is}, stated {says}"));
            let stamps = || Plant { extra_delay: is, told_age: Some(says as u64), ..Plant::new() };
            within(worst(stamps, || stated(0, false), 600), 400, &format!("measurements {is}, told {says}"));
        }
    }
}

#[test]
fn weighing_power_alone_is_unstable_there() {
    let says = LqpcSettings { effect_weight: 0.0, power_weight: 0.02, find_delay: false, ..LqpcSettings::default() };
    for (is, hidden_delay) in [(2, 0), (0, 1), (4, 2)] {
        let plant = || Plant { command_delay: is, ..Plant::new() };
        assert_eq!(worst(plant, || law(LqpcSettings { hidden_delay, ..says }), 600), None, "{is} {hidden_delay}");
    }
}

#[test]
fn a_delay_that_is_found_settles_as_fast_as_one_that_is_known() {
    let mut table = String::new();
    for says in 0..=5 {
        for is in 0..=7 {
            let commands = || Plant { command_delay: is, ..Plant::new() };
            let found = worst(commands, || stated(says, true), 300);
            table += &format!("{:>5}", found.map_or("-".into(), |steps| steps.to_string()));
            let most = if is <= 5 { 25 } else { 30 };
            within(found, most, &format!("commands {is}, stated {says}"));
            let stamps = || Plant { extra_delay: is, told_age: Some(0), ..Plant::new() };
            within(worst(stamps, || stated(says, true), 300), most, &format!("measurements {is}, stated {says}"));
        }
        table += "\n";
    }
    println!("{table}");
}

#[test]
fn time_stamps_that_tell_too_much_are_found_out() {
    for (is, told) in [(0, 1), (0, 2), (1, 3), (3, 5), (5, 7)] {
        let plant = || Plant { extra_delay: is, told_age: Some(told), ..Plant::new() };
        within(worst(plant, || stated(0, true), 300), 25, &format!("{is} told {told}"));
    }
}

#[test]
fn measurement_noise_neither_unsettles_it_nor_its_delay() {
    for (is, says) in [(0_usize, 0_usize), (0, 2), (3, 1), (5, 5)] {
        let noise = [1e-4, 0.01_f64.to_radians()];
        let mut plant = Plant { noise, command_delay: is, ..Plant::new() };
        let mut law = stated(says, true);
        plant.run(&mut law, &[0.0; 6], 300);
        assert_eq!(law.hidden_delay(), says as i64, "nothing has moved");
        for d in DISTURBANCES {
            plant.d = d;
            let found = rms(&plant.run(&mut law, &[0.0; 6], 200)[150..]);
            assert!(found[0] < 5e-4 && found[1] < 0.03_f64.to_radians(), "{is} {says}: {found:?}");
            assert_eq!(law.hidden_delay(), is as i64);
        }
    }
}

#[test]
fn a_disturbance_that_swings_does_not_mislead_it_for_long() {
    for period in [7.0, 12.0, 30.0] {
        let mut plant = Plant { command_delay: 2, ..Plant::new() };
        let mut law = stated(2, true);
        for k in 0..400 {
            let swing = 0.02 * (std::f64::consts::TAU * f64::from(k) / period).sin();
            plant.d = [swing, -swing, 0.5 * swing, 0.3 * swing, 0.0, swing];
            let error = plant.step(&mut law, &[0.0; 6]);
            assert!(error.iter().all(|e| e.abs() < 0.1), "{period}, step {k}: {error:?}, delay {}", law.hidden_delay());
        }
        plant.d = [0.0; 6];
        within(settled(&plant.run(&mut law, &[0.0; 6], 100), TIGHT), 40, "after the swing");
    }
}

#[test]
fn limits_neither_wind_it_up_nor_carry_it_away() {
    for delay in [0, 5] {
        for d in DISTURBANCES {
            let mut plant = Plant { s_max: 0.24, command_delay: delay, d, ..Plant::new() };
            let mut law = stated(0, true);
            let limited = plant.run(&mut law, &[0.0; 6], 300);
            assert!(limited.iter().flatten().all(|e| e.abs() < 0.2), "bounded");
            assert!(limited.last().unwrap().iter().any(|e| e.abs() > 1e-3), "it is limited");
            plant.d = d.map(|x| 0.1 * x);
            within(settled(&plant.run(&mut law, &[0.0; 6], 100), TIGHT), 40, "after relief");
        }
    }
}

#[test]
fn a_ramp_costs_no_more_than_its_own_time() {
    for delay in [0, 3] {
        for d in DISTURBANCES {
            let mut free = Plant { d, ..Plant::new() };
            free.run(&mut stated(0, true), &[0.0; 6], 200);
            let farthest = free.applied().iter().fold(0.0_f64, |most, u| most.max(u.abs()));
            let mut plant = Plant { ramp: 0.01, command_delay: delay, d, ..Plant::new() };
            let found = settled(&plant.run(&mut stated(delay, true), &[0.0; 6], 400), TIGHT);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "about a hundred")]
            within(found, (farthest / 0.01) as usize + 12, "ramp");
        }
    }
}

#[test]
fn an_impedance_off_by_half_or_double_is_stable() {
    for (factor, most) in [(0.5, 25), (0.7, 18), (1.4, 12), (2.0, 30)] {
        let b = B_632.map(|row| row.map(|x| factor * x));
        within(worst(|| Plant { b, ..Plant::new() }, || stated(0, true), 300), most, &format!("B times {factor}"));
    }
}

#[test]
fn measurements_that_come_seldom_are_bridged_by_their_age() {
    for period in [2, 3, 5] {
        let plant = || Plant { period, command_delay: 1, ..Plant::new() };
        within(worst(plant, || stated(1, true), 200), 12 + 3 * period, &format!("every {period} steps"));
        within(worst(plant, || stated(0, true), 300), 60, &format!("every {period} steps, a step unknown"));
    }
}

fn seen<'a>(error: &'a [f64], measured: &'a [f64], applied: &'a [f64], age: u64) -> Seen<'a> {
    Seen { target: measured, measured, age, ..testing::seen(error, applied) }
}

#[test]
fn what_is_not_a_number_or_too_old_leaves_the_command() {
    let mut law = law(LqpcSettings::default());
    let (zero, told) = ([0.0; 6], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    law.restart(&told);
    let mut command = [9.0; 6];
    for (error, applied, age) in
        [([f64::NAN; 6], told, 0), ([0.1; 6], told, u64::MAX), ([f64::INFINITY; 6], [f64::NAN; 6], 1)]
    {
        law.step(&seen(&error, &error, &applied, age), &mut command);
        assert_eq!(command, told);
    }
    law.step(&seen(&zero, &zero, &told, 0), &mut command);
    assert_eq!(command, told, "and leaves nothing behind");
}

#[test]
fn it_begins_anew_where_the_actuators_are() {
    let mut law = law(LqpcSettings::default());
    Plant { d: DISTURBANCES[0], ..Plant::new() }.run(&mut law, &[0.0; 6], 7);
    let told = [0.3, -0.2, 0.1, 0.0, 0.5, -0.6];
    law.restart(&told);
    let mut command = [0.0; 6];
    law.step(&seen(&[0.0; 6], &[0.0; 6], &told, 5), &mut command);
    assert_eq!(command, told);
}

#[test]
fn fewer_phases_work_as_three_do() {
    for phases in 1..=3 {
        let (size, b) = (2 * phases, of_phases(phases));
        let mut law = Lqpc::new(phases, &b, LqpcSettings::default()).unwrap();
        let (mut applied, mut y) = (vec![0.0; size], vec![0.0; size]);
        for _ in 0..30 {
            y = (0..size).map(|i| dot(&b[i * size..][..size], &applied) - 0.05).collect();
            let error: Vec<f64> = y.iter().map(|y| -y).collect();
            let before = applied.clone();
            law.step(&seen(&error, &y, &before, 0), &mut applied);
        }
        assert!(y.iter().all(|y| y.abs() < 1e-6), "{phases}: {y:?}");
    }
}

#[test]
fn a_setting_out_of_range_is_named() {
    let refused = |settings, expected: &str| match Lqpc::new(3, &rows(&B_632), settings) {
        Err(LawError::Setting { name, .. }) => assert_eq!(name, expected),
        other => panic!("{other:?}"),
    };
    let settings = LqpcSettings::default();
    refused(LqpcSettings { effect_weight: -1.0, ..settings }, "effect_weight");
    refused(LqpcSettings { effect_weight: 0.0, ..settings }, "effect_weight + power_weight");
    refused(LqpcSettings { memory: f64::NAN, ..settings }, "memory");
    refused(LqpcSettings { hidden_delay: 11, ..settings }, "hidden_delay");
}
