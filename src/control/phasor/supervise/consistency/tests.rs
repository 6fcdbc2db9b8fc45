//! A single-phase line with two loads of constant power, whose voltages come from its own quadratic drop, not from slopes.

use super::super::testing::DEG;
use super::*;
use crate::quantity::{Noise, complex};

const Z: [Complex; 2] = [complex(0.04, 0.10), complex(0.06, 0.08)];
/// The source's magnitude; P, Q of the first and of the second load.
const USUAL: [f64; 5] = [1.02, 0.6, 0.2, 0.5, 0.25];
const CLOCK_2: usize = 2;
const MAGNITUDE_1: usize = 4;

/// Channels: magnitude and angle at the source, at the first and at the second load; P and Q out of the source.
struct Line;

impl Network for Line {
    fn predict(&mut self, x: &[f64], channels: &mut [f64]) -> bool {
        let s = [complex(x[1], x[2]), complex(x[3], x[4])];
        let e = complex(x[0], 0.0);
        let (mut v, mut i, mut before) = ([e; 2], Complex::default(), e);
        for _ in 0..200 {
            before = v[1];
            let drawn = [0, 1].map(|k| (s[k] / v[k]).conj());
            i = drawn[0] + drawn[1];
            v[0] = e - Z[0] * i;
            v[1] = v[0] - Z[1] * drawn[1];
        }
        let power = e * i.conj();
        let own = [e.norm(), e.arg(), v[0].norm(), v[0].arg(), v[1].norm(), v[1].arg(), power.re, power.im];
        channels.copy_from_slice(&own[..channels.len()]);
        (v[1] - before).norm() < 1e-12
    }
}

/// Of the first load much is known, of the second as much as is said.
fn description(channels: usize, load_noise: f64) -> Description {
    let noise = [1e-4, 0.01 * DEG, 1e-4, 0.01 * DEG, 1e-4, 0.01 * DEG, 2e-3, 2e-3];
    Description {
        channel_noise: noise[..channels].to_vec(),
        angles: [false, true, false, true, false, true, false, false][..channels].to_vec(),
        state_noise: [f64::INFINITY, 0.005, 0.005, load_noise, load_noise].to_vec(),
        states: USUAL.to_vec(),
        state_step: vec![1e-3; 5],
    }
}

/// Clocks of the three PMUs, and magnitude 1.
fn suspects(channels: usize) -> Vec<Vec<f64>> {
    let one = |on: usize| (0..channels).map(|i| f64::from(u8::from(i == on))).collect();
    [1, 3, 5, 0, 2, 4].into_iter().map(one).collect()
}

fn test(channels: usize, load_noise: f64) -> Result<Consistency, ConsistencyError> {
    Consistency::new(Settings::default(), &description(channels, load_noise), &mut Line, &suspects(channels))
}

/// What is measured while states are so, in a common time that has turned by `turned_rad`.
fn measured(x: &[f64; 5], channels: usize, seed: u64, tick: u64, turned_rad: f64) -> Vec<f64> {
    let mut y = vec![0.0; channels];
    assert!(Line.predict(x, &mut y));
    let d = description(channels, 1.0);
    let noise = Noise::new(seed, "line");
    for (k, y) in y.iter_mut().enumerate() {
        *y += d.channel_noise[k] * noise.normal(16 * tick + k as u64);
        *y += if d.angles[k] { turned_rad } else { 0.0 };
    }
    y
}

/// A load that moves by two thirds, far beyond what the slopes at set-up are good for.
fn moved(tick: u64) -> [f64; 5] {
    let swing = (0.2 * tick as f64).sin();
    [1.02 - 0.03 * swing, 0.6, 0.2, 0.5 - 0.35 * swing, 0.25 + 0.1 * swing]
}

#[test]
fn loads_that_move_far_are_consistent_and_a_fixed_linear_model_would_not_find_so() {
    let d = description(8, f64::INFINITY);
    let slopes = slopes(&d, &mut Line, 6).unwrap();
    let mut base = vec![0.0; 8];
    Line.predict(&USUAL, &mut base);
    // The first load is an input of which little is unknown; the rest is unknown.
    let part = |from: &[usize]| slopes.chunks(6).flat_map(|row| from.iter().map(|k| row[*k])).collect::<Vec<f64>>();
    let (inputs, unknown) = (part(&[1, 2]), part(&[0, 3, 4, 5]));
    let model = Model { base, inputs, unknown, noise: d.channel_noise.clone(), input_noise: vec![0.005; 2] };
    let mut linear = Tamper::new(tamper::Settings::default(), &model, &[]).unwrap();
    let mut false_alarms = 0;
    for seed in 1..=100 {
        let mut own = test(8, f64::INFINITY).unwrap();
        for tick in 0..40 {
            let y = measured(&moved(tick), 8, seed, tick, 0.3 * tick as f64);
            assert_eq!(own.step(Tick(tick), &mut Line, &y, &USUAL), Verdict::Consistent, "seed {seed}, tick {tick}");
            let still: Vec<f64> = measured(&moved(tick), 8, seed, tick, 0.0);
            false_alarms += u32::from(linear.step(Tick(tick), &still, &[0.0; 2]) != Verdict::Consistent);
        }
    }
    assert!(false_alarms > 100, "{false_alarms}");
}

#[test]
fn states_are_those_that_the_measurements_came_from() {
    let mut own = test(8, 0.2).unwrap();
    let mut y = vec![0.0; 8];
    assert!(Line.predict(&moved(2), &mut y));
    own.step(Tick(1), &mut Line, &y, &moved(2));
    for (found, true_one) in own.states().iter().zip(moved(2)) {
        assert!((found - true_one).abs() < 5e-4, "{found} for {true_one}");
    }
}

#[test]
fn a_magnitude_is_named_at_the_third_sample_while_loads_move() {
    for seed in 1..=100 {
        let mut own = test(8, f64::INFINITY).unwrap();
        for tick in 0..30 {
            let mut y = measured(&moved(tick), 8, seed, tick, 1.0);
            y[2] += if tick >= 10 { 0.01 } else { 0.0 };
            let verdict = own.step(Tick(tick), &mut Line, &y, &USUAL);
            let wanted = if tick < 12 { Verdict::Consistent } else { Verdict::Tampered(Some(MAGNITUDE_1)) };
            assert_eq!(verdict, wanted, "seed {seed}, tick {tick}");
        }
    }
}

/// The tick at which a clock that goes wrong by so many degrees a second is found, and by whom; steps of 0.1 s.
fn found(channels: usize, load_noise: f64, pmu: usize, deg_per_s: f64) -> Option<(u64, Verdict)> {
    let mut own = test(channels, load_noise).unwrap();
    (0..2000).find_map(|tick| {
        let mut y = measured(&moved(tick), channels, 3, tick, 0.0);
        y[2 * pmu + 1] += deg_per_s * DEG * 0.1 * tick as f64;
        let verdict = own.step(Tick(tick), &mut Line, &y, &USUAL);
        (verdict != Verdict::Consistent).then_some((tick, verdict))
    })
}

#[test]
fn a_ramp_of_any_slowness_is_found_where_powers_are_measured_too() {
    for deg_per_s in [0.05, 0.02, 0.005] {
        let (tick, verdict) = found(8, f64::INFINITY, CLOCK_2, deg_per_s).unwrap();
        // Found by the angle's size, whenever it comes: 0.042° is one standard deviation, and the limit is near 6.
        let size_deg = deg_per_s * 0.1 * tick as f64;
        assert!((0.1..0.4).contains(&size_deg), "{deg_per_s}°/s: {size_deg}°");
        assert_eq!(verdict, Verdict::Tampered(Some(CLOCK_2)));
    }
}

#[test]
fn what_cannot_be_seen_is_known_at_set_up() {
    // Where nothing is known of either load, three PMUs have nothing to contradict.
    let nothing = |channels| Description { state_noise: vec![f64::INFINITY; 5], ..description(channels, 1.0) };
    let made = |channels| Consistency::new(Settings::default(), &nothing(channels), &mut Line, &suspects(channels));
    assert_eq!(made(6).unwrap_err(), ConsistencyError::Model(ModelError::NoRedundancy));
    // With the power at the source the first two check each other; a load at the end explains whatever the last one says.
    let own = made(8).unwrap();
    assert_eq!(own.tamper().freedom(), 2);
    assert!(own.tamper().is_critical(CLOCK_2) && own.tamper().least_size(CLOCK_2) == f64::INFINITY);
    assert!(!own.tamper().is_critical(MAGNITUDE_1) && own.tamper().least_size(MAGNITUDE_1) < 0.002);
    // What is known better is tested harder.
    let least = |load_noise: f64| test(8, load_noise).unwrap().tamper().least_size(CLOCK_2);
    assert!(least(1e-3) < 0.8 * least(0.2), "{} {}", least(1e-3), least(0.2));
}

#[test]
fn without_numbers_or_a_solution_the_verdict_stays() {
    let mut own = test(8, 0.2).unwrap();
    let mut y = measured(&USUAL, 8, 1, 1, 0.0);
    y[5] = f64::NAN;
    assert_eq!(own.step(Tick(1), &mut Line, &y, &USUAL), Verdict::Consistent);
    assert_eq!(own.step(Tick(2), &mut Line, &[], &USUAL), Verdict::Consistent);
    // Loads that the line cannot carry: no solution, and a good one afterwards.
    let heavy = [1.02, 9.0, 9.0, 9.0, 9.0];
    own.begin_anew(&heavy);
    let y = measured(&USUAL, 8, 1, 2, 0.0);
    assert_eq!(own.step(Tick(3), &mut Line, &y, &USUAL), Verdict::Consistent);
    assert_eq!(own.states(), USUAL, "begun anew");
    let wrong = Description { states: heavy.to_vec(), ..description(8, 0.2) };
    let refused = Consistency::new(Settings::default(), &wrong, &mut Line, &suspects(8)).unwrap_err();
    assert_eq!(refused, ConsistencyError::NoSolution);
    let short = Description { angles: Vec::new(), ..description(8, 0.2) };
    let refused = Consistency::new(Settings::default(), &short, &mut Line, &suspects(8)).unwrap_err();
    assert_eq!(refused, ConsistencyError::Model(ModelError::Shape));
}
