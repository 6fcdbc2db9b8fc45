//! An instrument allocates nothing once it has been made: proved by a counting allocator that counts its own thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::f64::consts::TAU;

use phasorbench::monitor::{ChannelRole, Finding, Instrument, Settings, Windows};
use phasorbench::signal::Waveform;

struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // Fails only while the thread is being torn down, when nothing is counted any more.
    let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

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
    let before = ASKED.get();
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
    (ASKED.get() - before, told)
}

#[test]
fn an_instrument_allocates_nothing() {
    assert!(
        {
            let before = ASKED.get();
            drop(std::hint::black_box(vec![1u8; 10]));
            ASKED.get() > before
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
