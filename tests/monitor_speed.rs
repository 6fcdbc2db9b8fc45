//! How fast an instrument of three voltages and three currents is with everything on, and whether its memory stays flat.
//!
//!     cargo test --release --no-default-features --test monitor_speed -- --nocapture
//!
//! `benches/monitor.sh` runs it beside pqopen-lib. Without optimisation it only checks that all windows come.

use std::f64::consts::TAU;
use std::time::Instant;

use phasorbench::monitor::{ChannelRole, Finding, Instrument, Settings};
use phasorbench::signal::Waveform;

const RATE_HZ: f64 = 12_800.0;
const CHANNELS: usize = 6;
/// Samples in a block: 10 ms.
const BLOCK: usize = 128;
/// Seconds of signal that are repeated: whole cycles of 50.05 Hz.
const SECONDS: usize = 20;

/// Blocks of a signal with ten orders at 50.05 Hz.
fn blocks() -> Vec<Waveform> {
    let sample = |channel: usize, index: usize| {
        let angle = TAU * 50.05 * index as f64 / RATE_HZ - 2.094 * channel as f64;
        let harmonic = |order: usize| (order as f64 * angle + order as f64).cos() / order as f64;
        325.0 * angle.cos() + 10.0 * (3..21).step_by(2).map(harmonic).sum::<f64>()
    };
    let block = |from: usize| {
        let mut block = Waveform::new(CHANNELS, BLOCK);
        block.begin(0, BLOCK);
        for channel in 0..CHANNELS {
            block.channel_mut(channel).iter_mut().enumerate().for_each(|(k, x)| *x = sample(channel, from + k));
        }
        block
    };
    let seconds = if cfg!(debug_assertions) { 2 } else { SECONDS };
    (0..seconds * 12_800).step_by(BLOCK).map(block).collect()
}

/// Time that this thread was running, in s; wall-clock time where that cannot be read.
fn thread_time_s(since: Instant) -> f64 {
    let running = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = running.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| since.elapsed().as_secs_f64(), |ns| 1e-9 * ns)
}

/// Memory in use, in KiB, where it can be read.
fn memory_kib() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    text.lines().find(|line| line.starts_with("VmRSS"))?.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn everything_on_is_faster_than_a_hundred_times_real_time() {
    let roles = (1..=3).map(ChannelRole::voltage).chain((1..=3).map(ChannelRole::current)).collect();
    let (nominal_v, demand_a, rated_a) = (Some(230.0), Some(40.0), Some(32.0));
    let settings = Settings { nominal_v, demand_a, rated_a, ..Settings::new(RATE_HZ, 50.0, roles) };
    let mut instrument = Instrument::new(&settings).expect("an instrument");
    let mut blocks = blocks();
    let rounds = if cfg!(debug_assertions) { 1 } else { 30 };
    let (mut first, mut windows, mut best) = (0, 0_u64, f64::INFINITY);
    let (start, mut memory) = (Instant::now(), None);
    for round in 0..rounds {
        let before = thread_time_s(start);
        for block in &mut blocks {
            block.first = first;
            first += BLOCK as u64;
            instrument.push(block, &mut |finding| windows += u64::from(matches!(finding, Finding::Window(_))));
        }
        best = f64::min(best, thread_time_s(start) - before);
        memory = if round == 1 { memory_kib() } else { memory };
    }
    let seconds = blocks.len() as f64 * BLOCK as f64 / RATE_HZ;
    assert!(windows as f64 >= 5.0 * seconds * f64::from(rounds) - 2.0, "{windows} windows");
    let (speed, per_sample_ns) = (seconds / best, 1e9 * best / (seconds * RATE_HZ * CHANNELS as f64));
    println!(
        "phasorbench {speed:.0} times real time, {per_sample_ns:.1} ns a sample (processor time, best of {rounds})"
    );
    if let (Some(before), Some(after)) = (memory, memory_kib()) {
        println!("phasorbench memory {after} KiB, grown by {} KiB in {} s of signal", after - before, seconds * 28.0);
        assert!(after - before < 512.0, "memory grows");
    }
    assert!(cfg!(debug_assertions) || speed > 100.0, "{speed}");
}
