//! Closed forms of small cases, and three PMUs on a feeder.

use super::super::testing::{DEG, b, times_b};
use super::*;
use crate::quantity::Noise;

/// Three meters of one unknown quantity.
fn meters(noise: [f64; 3]) -> Model {
    Model { base: vec![0.0; 3], unknown: vec![1.0; 3], noise: noise.to_vec(), ..Model::default() }
}

#[test]
fn limits_of_chi_square_are_those_of_the_tables() {
    for (freedom, above, limit) in [(1, 0.001, 10.828), (2, 0.001, 13.816), (5, 0.01, 15.086), (12, 0.001, 32.909)] {
        let found = chi_square_limit(freedom, above);
        assert!((found / limit - 1.0).abs() < 0.01, "{freedom}: {found}, table {limit}");
    }
}

#[test]
fn three_meters_of_one_quantity_are_as_in_the_textbook() {
    // Equal noise σ, an error E of one: residuals 2E/3, −E/3, −E/3; J = (2/3)(E/σ)²; normalised √(2/3)·E/σ; size E.
    let (sigma, error) = (0.01, 0.2);
    let settings = Settings { steps: 1, ..Settings::default() };
    let mut tamper = Tamper::new(settings, &meters([sigma; 3]), &[]).unwrap();
    assert_eq!(tamper.freedom(), 2);
    assert_eq!(tamper.step(Tick(1), &[5.0, 5.0 + error, 5.0], &[]), Verdict::Tampered(Some(1)));
    let event = tamper.event().unwrap();
    assert!((event.j - 2.0 / 3.0 * (error / sigma).powi(2)).abs() < 1e-9, "{event:?}");
    assert!((event.normalised - (2.0f64 / 3.0).sqrt() * error / sigma).abs() < 1e-9, "{event:?}");
    assert!((event.size - error).abs() < 1e-12, "{event:?}");
    assert_eq!(tamper.step(Tick(2), &[9.0, 9.0, 9.0], &[]), Verdict::Consistent);
}

#[test]
fn two_meters_cannot_say_which_and_one_cannot_say_anything() {
    let model = Model { base: vec![0.0; 2], unknown: vec![1.0; 2], noise: vec![0.1; 2], ..Model::default() };
    let tamper = Tamper::new(Settings::default(), &model, &[]).unwrap();
    assert_eq!(tamper.twins(), [(0, 1)]);
    let model = Model { base: vec![0.0], unknown: vec![1.0], noise: vec![0.1], ..Model::default() };
    assert_eq!(Tamper::new(Settings::default(), &model, &[]).unwrap_err(), ModelError::NoRedundancy);
    // A channel that alone sees a second unknown is critical; the others still check each other.
    let unknown = vec![1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
    let model = Model { base: vec![0.0; 3], unknown, noise: vec![0.1; 3], ..Model::default() };
    let tamper = Tamper::new(Settings::default(), &model, &[]).unwrap();
    assert_eq!([0, 1, 2].map(|k| tamper.is_critical(k)), [false, false, true]);
    assert_eq!(tamper.least_size(2), f64::INFINITY);
}

/// Three PMUs along a feeder, injections at the second, unknown loads at the end that the last two see alike.
fn feeder(unknown: bool) -> Tamper {
    let scaled = |share: f64| b().into_iter().map(move |x| share * x);
    let rows = |shares: [f64; 3]| shares.into_iter().flat_map(scaled).collect::<Vec<f64>>();
    let model = Model {
        base: vec![0.0; 18],
        inputs: rows([0.5, 1.0, 1.0]),
        unknown: if unknown { rows([0.5, 1.0, 1.4]) } else { Vec::new() },
        noise: (0..18).map(|i| if i % 6 < 3 { 1e-4 } else { 0.01 * DEG }).collect(),
        input_noise: vec![0.002; 6],
    };
    // Each channel, and each PMU's clock.
    let one = |on: &dyn Fn(usize) -> bool| (0..18).map(|i| f64::from(u8::from(on(i)))).collect::<Vec<f64>>();
    let mut suspects: Vec<_> = (0..18).map(|k| one(&|i| i == k)).collect();
    suspects.extend((0..3).map(|p| one(&|i| i / 6 == p && i % 6 >= 3)));
    Tamper::new(Settings::default(), &model, &suspects).unwrap()
}

/// Data of the feeder with loads at its end and an error.
fn data(seed: u64, tick: u64, load: bool, error: &[f64; 18]) -> ([f64; 18], [f64; 6]) {
    let noise = Noise::new(seed, "tamper");
    let number = |k: u64| noise.normal(tick * 64 + k);
    let u: [f64; 6] = std::array::from_fn(|j| 0.2 * (j as f64 - 2.0));
    let true_u: [f64; 6] = std::array::from_fn(|j| u[j] + 0.002 * number(j as u64));
    let x: [f64; 6] = std::array::from_fn(|j| if load { 0.3 * number(8 + j as u64) } else { 0.0 });
    let (by_u, by_x) = (times_b(&true_u), times_b(&x));
    let y = std::array::from_fn(|i| {
        let (pmu, k) = (i / 6, i % 6);
        let sd = if k < 3 { 1e-4 } else { 0.01 * DEG };
        [0.5, 1.0, 1.0][pmu] * by_u[k] + [0.5, 1.0, 1.4][pmu] * by_x[k] + sd * number(16 + i as u64) + error[i]
    });
    (y, u)
}

#[test]
fn good_data_are_consistent_over_100_seeds_whatever_the_loads_are() {
    for unknown in [true, false] {
        let mut tamper = feeder(unknown);
        assert_eq!(tamper.freedom(), if unknown { 12 } else { 18 });
        for seed in 1..=100 {
            for tick in 0..50 {
                let (y, u) = data(seed, tick, unknown, &[0.0; 18]);
                assert_eq!(tamper.step(Tick(tick), &y, &u), Verdict::Consistent, "seed {seed}, tick {tick}");
            }
        }
    }
}

#[test]
fn a_bad_channel_and_a_bad_clock_are_named_at_the_third_sample() {
    for seed in 1..=100 {
        for (suspect, size) in [(0, 0.003), (7, -0.003), (16, 0.3 * DEG), (19, 0.3 * DEG), (20, -0.3 * DEG)] {
            let mut tamper = feeder(true);
            let error: [f64; 18] = std::array::from_fn(|i| {
                let hit = if suspect < 18 { i == suspect } else { i / 6 == suspect - 18 && i % 6 >= 3 };
                if hit { size } else { 0.0 }
            });
            let verdicts: Vec<_> = (0..4)
                .map(|tick| {
                    let (y, u) = data(seed, tick, true, &error);
                    tamper.step(Tick(tick), &y, &u)
                })
                .collect();
            assert_eq!(verdicts[1], Verdict::Consistent, "not before the third");
            assert_eq!(verdicts[3], Verdict::Tampered(Some(suspect)), "seed {seed}, suspect {suspect}");
        }
    }
}

#[test]
fn an_error_that_a_load_explains_is_not_seen_and_missing_numbers_say_nothing() {
    let mut tamper = feeder(true);
    let w = times_b(&[0.05, 0.0, 0.0, 0.02, 0.0, 0.0]);
    let along: [f64; 18] = std::array::from_fn(|i| [0.5, 1.0, 1.4][i / 6] * w[i % 6]);
    for tick in 0..20 {
        let (mut y, u) = data(1, tick, true, &along);
        assert_eq!(tamper.step(Tick(tick), &y, &u), Verdict::Consistent);
        y[3] = f64::NAN;
        assert_eq!(tamper.step(Tick(tick), &y, &u), Verdict::Consistent);
        assert_eq!(tamper.step(Tick(tick), &[], &[]), Verdict::Consistent);
    }
    let bad = Model { noise: vec![0.0; 3], ..meters([1.0; 3]) };
    assert_eq!(Tamper::new(Settings::default(), &bad, &[]).unwrap_err(), ModelError::Number);
    assert_eq!(Tamper::new(Settings::default(), &Model::default(), &[]).unwrap_err(), ModelError::Shape);
}
