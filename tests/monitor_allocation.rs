//! An instrument allocates nothing once it has been made: proved by a counting allocator that counts its own thread.

use std::f64::consts::TAU;

use phasorbench::monitor::{ChannelRole, Finding, Instrument, Settings, Windows};
use phasorbench::signal::Waveform;

#[path = "support/counting.rs"]
mod counting;

const RATE_HZ: f64 = 12_800.0;

/// Voltages and currents that dip, jump, are lost, clip and are no numbers, each second something else.
fn sample(channel: usize, index: u64) -> f64 {
    let t = index as f64 / RATE_HZ;
    let angle = TAU * 49.93 * t - 2.094 * channel as f64 + if t > 6.3 { 0.4 } else { 0.0 };
    let depth = if (2.1..2.4).contains(&t) {
        0.5
    } else if (3.1..3.9).contains(&t) {
        0.0
    } else {
        1.0
    };
    let x = depth * (325.0 * angle.cos() + 9.0 * (5.0 * angle).cos());
    match index {
        60_000 => f64::NAN,
        70_000..75_000 => x.clamp(-300.0, 300.0),
        _ => x,
    }
}

fn run(windows: Windows, block_len: usize) -> (u64, u64) {
    let roles = (1..=3).map(ChannelRole::voltage).chain((1..=3).map(ChannelRole::current)).collect();
    let (nominal_v, flicker_s, rated_a) = (Some(230.0), Some(3.0), Some(32.0));
    let settings =
        Settings { nominal_v, flicker_s, rated_a, windows, smoothing: true, ..Settings::new(RATE_HZ, 50.0, roles) };
    let mut instrument = Instrument::new(&settings).expect("an instrument");
    let mut block = Waveform::new(6, block_len);
    let before = counting::asked();
    let (mut index, mut told) = (0, 0);
    while index < 100_000 {
        block.begin(index, block_len);
        block.valid = !(40_000..42_000).contains(&index);
        for channel in 0..6 {
            let samples = block.channel_mut(channel).iter_mut().enumerate();
            samples.for_each(|(k, x)| *x = sample(channel, index + k as u64));
        }
        instrument
            .push(&block, &mut |finding| told += u64::from(matches!(finding, Finding::Window(_) | Finding::Event(_))));
        index += block_len as u64 + if index == 90_000 { 700 } else { 0 };
    }
    instrument.finish(&mut |_| told += 1);
    (counting::asked() - before, told)
}

#[test]
fn an_instrument_allocates_nothing() {
    assert!(
        {
            let before = counting::asked();
            drop(std::hint::black_box(vec![1u8; 10]));
            counting::asked() > before
        },
        "it counts"
    );
    for windows in [Windows::Synchronised, Windows::Fixed] {
        for block_len in [100, 12_800] {
            let (allocations, told) = run(windows, block_len);
            assert!(told > 35, "{told}");
            assert_eq!(allocations, 0, "{windows:?} windows, blocks of {block_len}");
        }
    }
}
