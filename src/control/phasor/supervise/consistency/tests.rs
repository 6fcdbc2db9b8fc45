//! A single-phase line with two loads of constant power, whose voltages come from its own quadratic drop, not from slopes.

use super::super::testing::DEG;
use super::*;
use crate::quantity::{Noise, complex};

const Z: [Complex; 2] = [complex(0.02, 0.05), complex(0.03, 0.04)];
/// The source's magnitude; P, Q of the first and of the second load.
const USUAL: [f64; 5] = [1.02, 0.6, 0.2, 0.5, 0.25];
const CLOCK_0: usize = 0;
const CLOCK_2: usize = 2;
const MAGNITUDE_1: usize = 4;

/// Channels: magnitude and angle at the source, at the first and at the second load; P and Q out of the source.
struct Line;

impl Network for Line {
    fn predict(&mut self, x: &[f64], channels: &mut [f64]) -> bool {
        let s = [complex(x[1], x[2]), complex(x[3], x[4])];
        let e = complex(x[0], 0.0);
        let (mut v, mut i) = ([e; 2], Complex::default());
        for _ in 0..200 {
            let drawn = [0, 1].map(|k| (s[k] / v[k]).conj());
            i = drawn[0] + drawn[1];
            v[0] = e - Z[0] * i;
            v[1] = v[0] - Z[1] * drawn[1];
        }
        let power = e * i.conj();
        let own = [e.norm(), e.arg(), v[0].norm(), v[0].arg(), v[1].norm(), v[1].arg(), power.re, power.im];
        channels.copy_from_slice(&own[..channels.len()]);
        own.iter().all(|x| x.is_finite()) && v[1].norm() > 0.5
    }
}

fn description(channels: usize, load_noise: f64) -> Description {
    let noise = [1e-4, 0.01 * DEG, 1e-4, 0.01 * DEG, 1e-4, 0.01 * DEG, 2e-3, 2e-3];
    Description {
        channel_noise: noise[..channels].to_vec(),
        angles: [false, true, false, true, false, true, false, false][..channels].to_vec(),
        state_noise: [f64::INFINITY, load_noise, load_noise, load_noise, load_noise].to_vec(),
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

/// Loads that move by a third, far beyond what the slopes at set-up are good for.
fn moved(tick: u64) -> [f64; 5] {
    let swing = (0.7 * tick as f64).sin();
    [1.02 - 0.03 * swing, 0.6 + 0.2 * swing, 0.2, 0.5 - 0.15 * swing, 0.25 + 0.1 * swing]
}

#[test]
fn loads_that_move_far_are_consistent_and_a_fixed_linear_model_would_not_find_so() {
    let d = description(8, 0.2);
    let slopes = slopes(&d, &mut Line, 6).unwrap();
    let mut base = vec![0.0; 8];
    Line.predict(&USUAL, &mut base);
    let model = Model { base, unknown: slopes, noise: d.channel_noise.clone(), ..Model::default() };
    let mut linear = Tamper::new(tamper::Settings::default(), &model, &[]).unwrap();
    let mut false_alarms = 0;
    for seed in 1..=100 {
        let mut own = test(8, 0.2).unwrap();
        for tick in 0..40 {
            let y = measured(&moved(tick), 8, seed, tick, 0.3 * tick as f64);
            assert_eq!(own.step(Tick(tick), &mut Line, &y, &USUAL), Verdict::Consistent, "seed {seed}, tick {tick}");
            let still: Vec<f64> = measured(&moved(tick), 8, seed, tick, 0.0);
            false_alarms += u32::from(linear.step(Tick(tick), &still, &[]) != Verdict::Consistent);
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
        assert!((found - true_one).abs() < 1e-5, "{found} for {true_one}");
    }
}

#[test]
fn a_magnitude_is_named_at_the_third_sample_while_loads_move() {
    for seed in 1..=100 {
        let mut own = test(8, 0.2).unwrap();
        for tick in 0..30 {
            let mut y = measured(&moved(tick), 8, seed, tick, 1.0);
            y[2] += if tick >= 10 { 0.003 } else { 0.0 };
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
        let (tick, verdict) = found(8, 0.2, CLOCK_2, deg_per_s).unwrap();
        // Found by the angle's size, whenever it comes.
        let size_deg = deg_per_s * 0.1 * tick as f64;
        assert!((0.03..0.2).contains(&size_deg), "{deg_per_s}°/s: {size_deg}°");
        assert_eq!(verdict, Verdict::Tampered(Some(CLOCK_2)));
    }
}

#[test]
fn what_cannot_be_seen_is_known_at_set_up() {
    // Loads of which nothing is known explain three PMUs, whatever they say.
    assert_eq!(test(6, f64::INFINITY).unwrap_err(), ConsistencyError::Model(ModelError::NoRedundancy));
    // With the power at the source they do not; the source's own clock is as the other two together.
    let own = test(8, f64::INFINITY).unwrap();
    assert_eq!(own.tamper().freedom(), 2);
    assert!(own.tamper().least_size(CLOCK_0).is_finite());
    // What is known better is tested harder.
    let least = |load_noise: f64| test(8, load_noise).unwrap().tamper().least_size(CLOCK_2);
    assert!(least(0.01) < least(0.2) && least(0.2) < least(f64::INFINITY));
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
