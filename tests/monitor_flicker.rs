//! The flickermeter against the tables of IEC 61000-4-15 as quoted in `tests/data/monitor_events/flicker_tables.json`.

use std::f64::consts::{SQRT_2, TAU};

use phasorbench::monitor::flicker::{Flickermeter, Lamp, Pst};
use serde_json::Value;

/// Samples a second: a test of the method, not of its speed. The rate is not a multiple of 60 Hz.
const RATE_HZ: f64 = 2000.0;

fn table(name: &str) -> Vec<(String, Vec<(f64, f64)>)> {
    let path = format!("{}/tests/data/monitor_events/flicker_tables.json", env!("CARGO_MANIFEST_DIR"));
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the tables")).expect("JSON");
    let list = |value: &Value| -> Vec<f64> {
        value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
    };
    let system = |(name, columns): (&String, &Value)| {
        let key = if columns["hz"].is_array() { "hz" } else { "changes_per_minute" };
        (name.clone(), list(&columns[key]).into_iter().zip(list(&columns["percent"])).collect())
    };
    all[name].as_object().expect("systems").iter().map(system).collect()
}

/// What a meter of a system ("230 V 50 Hz") says of a fluctuation of `percent` from largest to smallest.
fn measure(system: &str, wave: impl Fn(f64) -> f64, percent: f64, seconds: f64) -> Pst {
    let lamp = if system.starts_with("120") { Lamp::V120 } else { Lamp::V230 };
    let (nominal_hz, declared_v) =
        (if system.contains("60 Hz") { 60.0 } else { 50.0 }, f64::from(system[..3].parse::<u16>().expect("volts")));
    let mut meter = Flickermeter::new(RATE_HZ, nominal_hz, lamp, seconds).expect("settings");
    // Five cycles of 50 Hz or six of 60 Hz: computed once.
    let carrier: Vec<f64> =
        (0..200).map(|n| SQRT_2 * declared_v * (TAU * nominal_hz * f64::from(n) / RATE_HZ).sin()).collect();
    let mut found = None;
    let mut block = [0.0; 500];
    for first in (0..(seconds * RATE_HZ) as usize).step_by(block.len()) {
        for (k, x) in block.iter_mut().enumerate() {
            let t = (first + k) as f64 / RATE_HZ;
            *x = carrier[(first + k) % 200] * (1.0 + percent / 200.0 * wave(t));
        }
        meter.push(&block, |pst| found = Some(pst));
    }
    found.expect("one observation time")
}

/// Up for the first half of each period, down for the second.
fn rectangle(frequency_hz: f64) -> impl Fn(f64) -> f64 {
    move |t| if (t * frequency_hz).fract() < 0.5 { 1.0 } else { -1.0 }
}

fn worst(name: &str, most: f64, deviation: impl Fn(&str, f64, f64) -> f64) {
    for (system, points) in table(name) {
        let deviations = points.iter().map(|(x, percent)| (*x, deviation(&system, *x, *percent)));
        let (at, worst) = deviations.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).expect("points");
        println!("{name}, {system}: {} points, worst {:+.1} % at {at}", points.len(), 100.0 * worst);
        assert!(worst.abs() < most, "{name}, {system}: {worst:+} at {at}");
    }
}

#[test]
fn table_1_sinusoidal_fluctuations_peak_at_one() {
    worst("table_1_sinusoidal", 0.08, |system, f, percent| {
        measure(system, |t| (TAU * f * t).sin(), percent, 24.0).most - 1.0
    });
}

#[test]
fn table_2_rectangular_fluctuations_peak_at_one() {
    worst("table_2_rectangular", 0.08, |system, f, percent| measure(system, rectangle(f), percent, 24.0).most - 1.0);
}

#[test]
fn table_5_rectangular_changes_have_a_severity_of_one() {
    worst("table_5_pst", 0.05, |system, per_minute, percent| {
        measure(system, rectangle(per_minute / 120.0), percent, 610.0).pst - 1.0
    });
}
