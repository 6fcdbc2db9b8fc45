//! The laws of one's own file on the linear plant: settling, overshoot, saturation, delay, noise.

use super::testing::{B_632, Plant, TIGHT, settled};
use super::*;

/// Load of phase a, per unit, whose effect on node 632 by itself is the seed's disturbance: 0.131 pu and 1.8°.
const LOAD_A: [f64; 2] = [0.58, 0.835];
/// A target of the base scenario.
const TARGET: [f64; 6] = [1.0, 1.02, 1.0, -0.0384, -0.0349, -0.0349];

fn b() -> Sensitivity {
    Sensitivity::new(3, B_632.as_flattened()).unwrap()
}

fn decoupled(scale: f64, extra_delay: u64) -> Decoupled {
    let inverse = b().scaled(scale).inverse(&[true; 6], &[true; 6], MOST_CONDITION).unwrap();
    Decoupled::new(inverse, DecoupledGains::for_delay(extra_delay))
}

fn pi() -> Pi {
    Pi::new(PiSettings::of_sensitivity(&b()))
}

fn laws() -> [(&'static str, Box<dyn Law>, usize); 2] {
    [("decoupled", Box::new(decoupled(1.0, 0)), 15), ("PI", Box::new(pi()), 40)]
}

/// A plant at its target until the disturbance.
fn disturbed() -> Plant {
    let mut plant = Plant::new();
    plant.d = with_load(1.0);
    plant
}

/// Outputs that the target would be without so many times the load.
fn with_load(times: f64) -> [f64; 6] {
    std::array::from_fn(|i| TARGET[i] - times * (B_632[i][0] * LOAD_A[0] + B_632[i][3] * LOAD_A[1]))
}

fn largest(errors: &[[f64; 6]]) -> f64 {
    errors.iter().flatten().fold(0.0, |most, e| e.abs().max(most))
}

/// Worst error beyond zero, by the largest at the beginning, of magnitudes and of angles.
fn overshoot(errors: &[[f64; 6]]) -> [f64; 2] {
    [0..3, 3..6].map(|of| {
        let first = of.clone().map(|i| errors[0][i].abs()).fold(0.0, f64::max);
        let beyond = |i: usize| errors.iter().map(move |e| -e[i] * errors[0][i].signum()).fold(0.0, f64::max);
        of.map(beyond).fold(0.0, f64::max) / first
    })
}

#[test]
fn laws_settle_in_time_and_end_at_the_target() {
    for (name, mut law, within) in laws() {
        let errors = disturbed().run(law.as_mut(), &TARGET, 200);
        let steps = settled(&errors, TIGHT).unwrap();
        println!("{name}: {steps} steps, overshoot {:?}", overshoot(&errors));
        assert!(steps <= within, "{name}: {steps}");
        assert!(largest(&errors[150..]) < 1e-6, "{name}: {}", largest(&errors[150..]));
        if name == "decoupled" {
            assert!(overshoot(&errors).iter().all(|o| *o <= 0.1), "{:?}", overshoot(&errors));
            // One step of delay: nothing at the first step, then 0.3 of the rest a step.
            assert!((errors[10][0] / errors[0][0] - 0.7f64.powi(10)).abs() < 1e-9);
        }
    }
}

#[test]
fn a_saturated_law_stays_bounded_and_is_back_soon_after_relief() {
    for (name, mut law, _) in laws() {
        let mut plant = disturbed();
        plant.s_max = 2.0 * 0.24; // two actuators of 400 kVA a phase
        let during = plant.run(law.as_mut(), &TARGET, 600);
        assert!(largest(&during[1..]) <= 0.131 + 1e-9, "{name}: {}", largest(&during));
        assert!(largest(&during[500..]) > 0.01, "{name}: it is saturated");
        plant.d = with_load(0.3);
        let after = plant.run(law.as_mut(), &TARGET, 200);
        let steps = settled(&after, TIGHT).unwrap();
        println!("{name}: saturated at {:.4}, relieved in {steps}", largest(&during[500..]));
        assert!(steps <= 40, "{name}: {steps}");
    }
}

#[test]
fn freezing_integrators_bounds_the_published_form_as_well() {
    let settings = PiSettings { anti_windup: AntiWindup::Freeze, ..PiSettings::of_sensitivity(&b()) };
    let mut law = Pi::new(settings);
    let mut plant = disturbed();
    plant.s_max = 2.0 * 0.24;
    let during = plant.run(&mut law, &TARGET, 600);
    assert!(largest(&during[1..]) <= 0.2, "{}", largest(&during));
    plant.d = with_load(0.3);
    let steps = settled(&plant.run(&mut law, &TARGET, 200), TIGHT).unwrap();
    println!("PI freeze: {steps}");
    assert!(steps <= 40, "{steps}");
}

#[test]
fn measurement_noise_is_filtered() {
    for (name, mut law, _) in laws() {
        let mut plant = disturbed();
        plant.noise = [1e-4, 0.01f64.to_radians()];
        let errors = plant.run(law.as_mut(), &TARGET, 300);
        let rms = |of: std::ops::Range<usize>| {
            let squares: f64 = errors[250..].iter().flat_map(|e| &e[of.clone()]).map(|e| e * e).sum();
            (squares / 150.0).sqrt()
        };
        let (v, angle) = (rms(0..3), rms(3..6).to_degrees());
        println!("{name}: {v:.2e} pu, {angle:.2e} deg");
        assert!(v <= 5e-4 && angle <= 0.03, "{name}: {v} {angle}");
        assert!(v > 1e-6, "{name}: noise does reach the plant");
    }
}

#[test]
fn delays_up_to_five_steps_and_a_sensitivity_off_by_two_are_borne() {
    for (extra, most) in [(1, 60), (2, 60), (5, 150)] {
        let mut plant = disturbed();
        plant.extra_delay = extra;
        let steps = settled(&plant.run(&mut decoupled(1.0, extra as u64), &TARGET, 400), TIGHT).unwrap();
        println!("decoupled, {extra} steps late: {steps}");
        assert!(steps <= most, "{extra}: {steps}");
    }
    let mut plant = disturbed();
    plant.extra_delay = 2;
    println!("PI, 2 steps late: {:?}", settled(&plant.run(&mut pi(), &TARGET, 400), TIGHT));
    for scale in [0.5, 2.0] {
        let steps = settled(&disturbed().run(&mut decoupled(scale, 0), &TARGET, 400), TIGHT).unwrap();
        assert!(steps <= 40, "{scale}: {steps}");
    }
}

#[test]
fn a_ramp_limit_does_not_wind_up_integrators() {
    for (name, mut law, _) in laws() {
        let mut plant = disturbed();
        plant.ramp = 0.02; // of two actuators with 0.1 pu/s each
        let errors = plant.run(law.as_mut(), &TARGET, 400);
        let steps = settled(&errors, TIGHT).unwrap();
        println!("{name}: ramp {steps} steps, overshoot {:?}", overshoot(&errors));
        assert!(steps <= 120, "{name}: {steps}");
    }
}

#[test]
fn restarted_with_what_is_told_a_law_goes_on_from_there() {
    for (name, mut law, _) in laws() {
        let mut plant = disturbed();
        plant.run(law.as_mut(), &TARGET, 100);
        let applied = [0.1, -0.2, 0.3, 0.4, -0.5, 0.6];
        law.restart(&applied);
        let seen = Seen {
            tick: crate::quantity::Tick(1),
            target: &TARGET,
            measured: &TARGET,
            error: &[0.0; 6],
            reference_v_pu: &[1.0; 3],
            applied: &applied,
            saturated: &[false; 3],
            fresh: true,
            age: 0,
        };
        let mut command = [0.0; 6];
        law.step(&seen, &mut command);
        assert_eq!(command, applied, "{name}");
        law.step(&Seen { error: &[f64::NAN; 6], ..seen }, &mut command);
        assert_eq!(command, applied, "{name}: an error that is no number is none");
    }
}

#[test]
fn another_sensitivity_makes_no_bump() {
    let (mut plant, mut law) = (disturbed(), decoupled(2.0, 0));
    plant.run(&mut law, &TARGET, 200);
    law.set_sensitivity(b().inverse(&[true; 6], &[true; 6], MOST_CONDITION).unwrap());
    assert!(largest(&plant.run(&mut law, &TARGET, 50)) < 1e-6);
    // And it does act: the next disturbance is rejected as with the true one from the start.
    plant.d[0] -= 0.1;
    let errors = plant.run(&mut law, &TARGET, 30);
    assert!((errors[5][0] - 0.1 * 0.7f64.powi(5)).abs() < 1e-6, "{:?}", errors[5]);
}
