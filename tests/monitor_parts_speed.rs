//! How long the time-domain parts of the monitor take: `cargo test --release --test monitor_parts_speed -- --nocapture` prints
//! it. Nothing is asserted about time; a debug build runs a hundredth of it and checks that the parts work together.

use std::f64::consts::{SQRT_2, TAU};
use std::hint::black_box;
use std::time::Instant;

use phasorbench::monitor::event::{EventSettings, Events};
use phasorbench::monitor::flicker::{Flickermeter, Lamp};
use phasorbench::monitor::magnitude::HalfCycles;

const RATE_HZ: f64 = 12_800.0;
const BLOCK: usize = 128;

/// Best of five, in ns a sample.
fn nanoseconds(samples: &[f64], mut work: impl FnMut(&[f64])) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        samples.chunks(BLOCK).for_each(&mut work);
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / samples.len() as f64);
    }
    best
}

#[test]
fn time_domain_parts() {
    let seconds = if cfg!(debug_assertions) { 1 } else { 100 };
    let wave = |n: usize, phase: f64| {
        let angle = TAU * (50.02 * n as f64 / RATE_HZ - phase);
        230.0 * SQRT_2 * (angle.sin() + 0.03 * (5.0 * angle).sin())
    };
    let count = seconds * RATE_HZ as usize;
    let samples: Vec<f64> = (0..count).map(|n| wave(n, 0.0)).collect();
    let sum = nanoseconds(&samples, |block| {
        black_box(block.iter().map(|x| x * x).sum::<f64>());
    });
    let mut meter = Flickermeter::new(RATE_HZ, 50.0, Lamp::V230, 60.0).expect("settings");
    let flicker = nanoseconds(&samples, |block| meter.push(block, |pst| assert!(pst.pst < 0.1, "{pst:?}")));
    let mut channel = HalfCycles::new(RATE_HZ, 50.0, 230.0).expect("settings");
    let magnitude = nanoseconds(&samples, |block| channel.push(block, |v| assert!((v.rms - 230.1).abs() < 1.0)));
    let phases: Vec<Vec<f64>> = (0..3).map(|k| (0..count).map(|n| wave(n, f64::from(k) / 3.0)).collect()).collect();
    let mut events = Events::new(3, RATE_HZ, 50.0, EventSettings::new(230.0)).expect("settings");
    let mut from = 0;
    let three = nanoseconds(&samples, |block| {
        let blocks = [0, 1, 2].map(|k: usize| &phases[k][from..from + block.len()]);
        from = (from + block.len()) % count;
        events.push(&blocks, |_, _| {}, |event| panic!("{event:?}"));
    });
    println!("ns a sample and voltage at 12.8 kHz, one core (a plain sum of squares takes {sum:.2}):");
    println!(
        "  flicker {flicker:.2}, Urms(1/2) {magnitude:.2}, Urms(1/2) with events of three phases {:.2}",
        three / 3.0
    );
}
