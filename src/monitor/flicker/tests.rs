//! The flickermeter's own behaviour; the standard's tables are in `tests/monitor_flicker.rs`.

use super::*;
use std::f64::consts::TAU;

/// A voltage of 50 Hz, RMS 1, whose size is modulated by `change` (largest to smallest) with this waveform.
fn voltage(rate_hz: f64, seconds: f64, wave: impl Fn(f64) -> f64, change: f64) -> Vec<f64> {
    let sample = |n: usize| {
        let t = n as f64 / rate_hz;
        2f64.sqrt() * (TAU * 50.0 * t).sin() * (1.0 + 0.5 * change * wave(t))
    };
    (0..(seconds * rate_hz) as usize).map(sample).collect()
}

fn peak(rate_hz: f64, samples: &[f64]) -> f64 {
    let mut meter = Flickermeter::new(rate_hz, 50.0, Lamp::V230, 600.0).unwrap();
    samples.chunks(331).for_each(|block| meter.push(block, |_| {}));
    meter.end().most
}

#[test]
fn the_reference_fluctuation_is_one_at_any_rate_and_size() {
    for rate_hz in [1600.0, 2000.0, 6400.0, 12_800.0, 25_600.0] {
        let samples = voltage(rate_hz, 16.0, |t| (TAU * 8.8 * t).sin(), 0.0025);
        let most = peak(rate_hz, &samples);
        assert!((most - 1.0).abs() < 0.01, "{most} at {rate_hz} Hz");
        let scaled: Vec<f64> = samples.iter().map(|x| 325.0 * x).collect();
        assert!((peak(rate_hz, &scaled) / most - 1.0).abs() < 1e-9);
    }
}

#[test]
fn the_instantaneous_flicker_grows_with_the_square() {
    let most = |change| peak(2000.0, &voltage(2000.0, 16.0, |t| (TAU * 8.8 * t).sin(), change));
    let growth = most(0.01) / most(0.0025) / 16.0;
    assert!((growth - 1.0).abs() < 2e-3, "{growth}");
}

#[test]
fn a_steady_voltage_does_not_flicker_from_the_first_observation_on() {
    for f in [49.7, 50.0, 50.9] {
        let samples: Vec<f64> = (0..60_000).map(|n| 325.0 * (TAU * f * f64::from(n) / 2000.0 + 1.0).sin()).collect();
        let mut meter = Flickermeter::new(2000.0, 50.0, Lamp::V230, 30.0).unwrap();
        let mut found = Vec::new();
        meter.push(&samples, |pst| found.push(pst));
        let [first] = found[..] else { panic!("{found:?}") };
        assert!(first.pst < 0.05 && (first.measured - 19.8 / 30.0).abs() < 0.01, "{first:?} at {f} Hz");
    }
}

#[test]
fn observation_times_follow_the_clock_and_gaps_are_counted() {
    let mut meter = Flickermeter::new(2000.0, 50.0, Lamp::V230, 20.0).unwrap();
    meter.end_in(12.0);
    let samples = voltage(2000.0, 40.0, |_| 0.0, 0.0);
    let mut found = Vec::new();
    meter.push(&samples[..60_000], |pst| found.push(pst));
    meter.skip(10_000, |pst| found.push(pst));
    meter.push(&samples[..20_000], |pst| found.push(pst));
    meter.skip(50_000, |pst| found.push(pst));
    let ends: Vec<f64> = found.iter().map(|pst| pst.end_s).collect();
    assert_eq!(ends, [12.0, 32.0, 52.0]);
    // 30 to 35 s and 45 to 70 s are lost.
    assert!((found[1].measured - 0.9).abs() < 1e-3 && (found[2].measured - 0.5).abs() < 1e-3, "{found:?}");
    meter.skip(40_000, |pst| found.push(pst));
    assert!(found[3].pst.is_nan() && found[3].measured == 0.0, "{:?}", found[3]);
}

#[test]
fn silence_and_what_is_no_number_do_no_harm() {
    let mut meter = Flickermeter::new(2000.0, 50.0, Lamp::V230, 600.0).unwrap();
    let mut samples = vec![0.0; 4000];
    samples.extend(voltage(2000.0, 20.0, |_| 0.0, 0.0));
    samples.extend([f64::NAN, f64::INFINITY]);
    samples.extend(vec![0.0; 40_000]);
    samples.extend(voltage(2000.0, 20.0, |_| 0.0, 0.0));
    meter.push(&samples, |_| {});
    assert!(meter.instantaneous().is_finite() && meter.end().pst.is_finite());
}

#[test]
fn the_long_term_severity_is_a_cubic_mean() {
    let mut long = LongTerm::default();
    let found: Vec<f64> = (0..24).filter_map(|k| long.add(if k % 12 == 0 { 12f64.cbrt() } else { 0.0 })).collect();
    assert!(found.len() == 2 && found.iter().all(|plt| (plt - 1.0).abs() < 1e-12), "{found:?}");
    let mut gaps = LongTerm::default();
    let last = (0..12).filter_map(|k| gaps.add(if k < 6 { 2.0 } else { f64::NAN })).last();
    assert!((last.unwrap() - 2.0).abs() < 1e-12);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let new = |rate, nominal, observation| Flickermeter::new(rate, nominal, Lamp::V230, observation).map(|_| ());
    assert_eq!(new(1000.0, 50.0, 600.0), Err(FlickerError::SampleRate(1000.0)));
    assert_eq!(new(f64::INFINITY, 50.0, 600.0), Err(FlickerError::SampleRate(f64::INFINITY)));
    assert_eq!(new(12_800.0, 16.7, 600.0), Err(FlickerError::NominalFrequency(16.7)));
    assert_eq!(new(12_800.0, 60.0, 0.0), Err(FlickerError::Observation(0.0)));
    assert_eq!((Lamp::of(120.0), Lamp::of(230.0), Lamp::of(63.5)), (Lamp::V120, Lamp::V230, Lamp::V230));
}
