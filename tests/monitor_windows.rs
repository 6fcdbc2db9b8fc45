//! Windows of steady, moving and broken signals. What should come out is in the formula that the samples are made of.

use std::f64::consts::{SQRT_2, TAU};

use phasorbench::monitor::{
    ChannelRole, Finding, Instrument, Settings, SettingsError, Taken, TenSeconds, Window, Windows,
};
use phasorbench::quantity::Noise;
use phasorbench::signal::Waveform;

const RATE_HZ: f64 = 12_800.0;

fn settings(nominal_hz: f64, voltages: u8) -> Settings {
    let channels = (1..=voltages).map(ChannelRole::voltage).collect();
    Settings { nominal_v: Some(230.0), ..Settings::new(RATE_HZ, nominal_hz, channels) }
}

/// A formula of (channel, time in s).
type Signal<'a> = &'a dyn Fn(usize, f64) -> f64;

/// Samples of every channel from a formula of (channel, time in s), `count` of them from the `first` on.
fn samples(channels: usize, first: u64, count: usize, of: Signal) -> Waveform {
    let mut block = Waveform::new(channels, count);
    block.begin(first, count);
    for channel in 0..channels {
        let own = block.channel_mut(channel).iter_mut().enumerate();
        own.for_each(|(k, x)| *x = of(channel, (first + k as u64) as f64 / RATE_HZ));
    }
    block
}

/// A part of a block.
fn part(whole: &Waveform, from: usize, count: usize) -> Waveform {
    let mut block = Waveform::new(whole.channels(), count);
    block.begin(whole.first + from as u64, count);
    for channel in 0..whole.channels() {
        block.channel_mut(channel).copy_from_slice(&whole.channel(channel)[from..from + count]);
    }
    block
}

/// What an instrument has found.
#[derive(Default)]
struct Found {
    windows: Vec<Window>,
    frequencies: Vec<TenSeconds>,
}

impl Found {
    fn note(&mut self, finding: Finding) {
        match finding {
            Finding::Window(window) => self.windows.push(window.clone()),
            Finding::Frequency(ten_seconds) => self.frequencies.push(ten_seconds),
            _ => {}
        }
    }
}

/// All that is found in `seconds` of a signal.
fn measure(settings: &Settings, seconds: f64, of: Signal) -> Found {
    let mut instrument = Instrument::new(settings).expect("an instrument");
    let mut found = Found::default();
    let count = (seconds * RATE_HZ) as usize;
    let block = samples(settings.channels.len(), 0, count, of);
    assert_eq!(instrument.push(&block, &mut |f| found.note(f)), Taken::Gapless);
    instrument.finish(&mut |f| found.note(f));
    found
}

fn cosine(rms: f64, frequency_hz: f64, angle: f64, t: f64) -> f64 {
    SQRT_2 * rms * (TAU * frequency_hz * t + angle).cos()
}

/// The fundamental and all orders to 50 at 1 % of it, with angles all over the place.
fn all_orders(frequency_hz: f64, t: f64) -> f64 {
    let turn = (TAU * frequency_hz * t).sin_cos();
    let (mut s, mut c) = (0.0, 1.0);
    let mut sum = 0.0;
    for order in 1..=50 {
        (s, c) = (s * turn.1 + c * turn.0, c * turn.1 - s * turn.0);
        let angle = f64::from(37 * order).to_radians();
        let rms = if order == 1 { 230.0 } else { 2.3 };
        sum += SQRT_2 * rms * (c * angle.cos() - s * angle.sin());
    }
    sum
}

/// Largest errors over a range of frequencies: of orders and of the fundamental's angle in percent, of frequency in mHz.
fn sweep(nominal_hz: f64, from_hz: f64, to_hz: f64) -> (f64, f64) {
    let (mut worst, mut worst_mhz) = (0.0_f64, 0.0_f64);
    for k in 0..=20 {
        let frequency_hz = from_hz + (to_hz - from_hz) * f64::from(k) / 20.0 + 0.0137 * f64::from(k % 3 - 1);
        let found = measure(&settings(nominal_hz, 1), 0.75, &|_, t| all_orders(frequency_hz, t));
        assert!(found.windows.len() >= 3);
        for window in &found.windows {
            assert!(window.synchronised && window.valid && !window.flagged, "{frequency_hz}: {}", window.sequence);
            worst_mhz = worst_mhz.max(1e3 * (window.frequency_hz - frequency_hz).abs());
            let channel = &window.channels[0];
            for order in 1..=50 {
                let truth = if order == 1 { 230.0 } else { 2.3 };
                let own = [channel.subgroup_rms[order], channel.phasor[order].norm()];
                own.iter().for_each(|x| worst = worst.max(100.0 * (x / truth - 1.0).abs()));
            }
        }
    }
    (worst, worst_mhz)
}

#[test]
fn every_order_is_right_over_the_whole_range_of_frequencies() {
    for (nominal_hz, from_hz, to_hz) in [(50.0, 42.52, 57.48), (60.0, 51.02, 68.98)] {
        let (percent, mhz) = sweep(nominal_hz, from_hz, to_hz);
        println!(
            "{from_hz} to {to_hz} Hz at 12.8 kHz: orders 1 to 50 within {percent:.5} %, frequency within {mhz:.5} mHz"
        );
        assert!(percent < 0.01 && mhz < 0.1, "{nominal_hz}: {percent} %, {mhz} mHz");
    }
}

#[test]
fn phasors_keep_the_angles_between_orders_and_channels() {
    let of = |channel: usize, t: f64| {
        let angle = -2.1 * channel as f64;
        cosine(230.0, 49.3, angle, t) + cosine(9.0, 7.0 * 49.3, 0.4 + 7.0 * angle, t)
    };
    for window in measure(&settings(50.0, 3), 2.0, &of).windows {
        for channel in 0..3 {
            let fundamental = window.phasor_to_reference(channel, 1);
            let seventh = window.phasor_to_reference(channel, 7);
            let truth = [(230.0, -2.1 * channel as f64, fundamental), (9.0, 0.4 - 14.7 * channel as f64, seventh)];
            for (rms, angle, own) in truth {
                let error = (own - num_complex::Complex::from_polar(rms, angle)).norm();
                assert!(error < 1e-4 * rms, "window {} channel {channel}: {own}", window.sequence);
            }
        }
    }
}

#[test]
fn results_do_not_depend_on_blocks() {
    let noise = Noise::new(1, "x");
    let of = |channel: usize, t: f64| {
        let hum = noise.normal((t * RATE_HZ).round() as u64 * 2 + channel as u64);
        all_orders(50.2 + 0.3 * (t - 0.5) * (t - 0.5), t) + 0.2 * hum
    };
    let whole = samples(2, 0, 25_000, &of);
    let run = |sizes: &[usize]| {
        let mut instrument = Instrument::new(&settings(50.0, 2)).expect("an instrument");
        let (mut found, mut from, mut k) = (Found::default(), 0, 0);
        while from < whole.len() {
            let count = sizes[k % sizes.len()].min(whole.len() - from);
            instrument.push(&part(&whole, from, count), &mut |f| found.note(f));
            (from, k) = (from + count, k + 1);
        }
        instrument.finish(&mut |f| found.note(f));
        found.windows
    };
    let once = run(&[25_000]);
    assert!(once.len() >= 9);
    for sizes in [&[1][..], &[12, 13, 13], &[2560], &[7, 4001, 0, 300], &[2559]] {
        assert!(run(sizes) == once, "blocks of {sizes:?}");
    }
}

#[test]
fn a_clone_goes_on_as_the_original_does() {
    let of = |_: usize, t: f64| all_orders(49.9, t);
    let mut instrument = Instrument::new(&settings(50.0, 1)).expect("an instrument");
    instrument.push(&samples(1, 0, 7777, &of), &mut |_| {});
    let mut snapshot = instrument.clone();
    let rest = samples(1, 7777, 9000, &of);
    let (mut one, mut other) = (Found::default(), Found::default());
    instrument.push(&rest, &mut |f| one.note(f));
    snapshot.push(&rest, &mut |f| other.note(f));
    assert!(one.windows.len() >= 3 && one.windows == other.windows);
}

#[test]
fn windows_follow_a_ramp_without_gaps() {
    // 1 Hz/s from 50 Hz on: the angle is 2π(50 t + t²/2).
    let of = |_: usize, t: f64| 325.0 * (TAU * (50.0 * t + 0.5 * t * t)).cos();
    let windows = measure(&settings(50.0, 1), 5.0, &of).windows;
    assert!(windows.len() >= 24);
    let mut end_s = 0.0;
    for window in windows {
        assert!((window.start_s - end_s).abs() < 1e-9, "window {} begins where the last ended", window.sequence);
        end_s = window.start_s + window.duration_s;
        let cycles = |t: f64| 50.0 * t + 0.5 * t * t;
        let own = cycles(end_s) - cycles(window.start_s);
        assert!((own - 10.0).abs() < 3e-3, "window {}: {own} cycles", window.sequence);
        assert!(window.synchronised);
    }
}

#[test]
fn a_step_of_frequency_is_caught_within_a_window() {
    for step_hz in [0.1, 1.0, -1.0, 5.0, -7.0] {
        let to_hz = 50.0 + step_hz;
        let of = |_: usize, t: f64| {
            let angle = if t < 1.05 { 50.0 * t } else { 52.5 + to_hz * (t - 1.05) };
            325.0 * (TAU * angle).cos()
        };
        let windows = measure(&settings(50.0, 1), 3.0, &of).windows;
        for window in windows.iter().filter(|w| w.start_s >= 1.05 || w.start_s + w.duration_s <= 1.05) {
            let truth = if window.start_s < 1.05 { 50.0 } else { to_hz };
            assert!(
                (window.frequency_hz - truth).abs() < 1e-3,
                "{step_hz}: {} at {}",
                window.frequency_hz,
                window.start_s
            );
            assert!(window.synchronised, "{step_hz}: {}", window.start_s);
        }
    }
}

#[test]
fn a_jump_of_angle_is_no_frequency() {
    for jump_deg in [5.0_f64, 20.0, -40.0, 90.0] {
        for at_s in [0.5, 0.537, 0.61] {
            let of = |_: usize, t: f64| {
                let jump = if t < at_s { 0.0 } else { jump_deg.to_radians() };
                cosine(230.0, 50.0, jump, t) + cosine(6.9, 250.0, 0.5, t)
            };
            for window in measure(&settings(50.0, 1), 1.4, &of).windows {
                let own = window.frequency_hz;
                assert!((own - 50.0).abs() < 0.02, "{jump_deg} deg at {at_s}: {own} at {}", window.start_s);
                assert!(window.synchronised);
            }
        }
    }
}

#[test]
fn noise_interharmonics_and_a_constant_part_hardly_move_the_frequency() {
    let noise = Noise::new(7, "u");
    let of = |_: usize, t: f64| {
        let hum = noise.normal((t * RATE_HZ).round() as u64);
        cosine(230.0, 50.3, 1.0, t) + cosine(2.3, 75.0, 0.3, t) + cosine(1.0, 172.5, 2.0, t) + 5.0 + 0.3 * hum
    };
    for window in measure(&settings(50.0, 1), 4.0, &of).windows {
        assert!((window.frequency_hz - 50.3).abs() < 5e-3, "{} at {}", window.frequency_hz, window.start_s);
        assert!((window.channels[0].dc - 5.0).abs() < 0.1 && window.synchronised);
    }
}

#[test]
fn a_dip_to_ten_percent_does_not_lose_the_frequency() {
    let of = |_: usize, t: f64| {
        let depth = if (1.0..2.0).contains(&t) { 0.1 } else { 1.0 };
        depth * all_orders(50.7, t)
    };
    let windows = measure(&settings(50.0, 1), 3.0, &of).windows;
    assert!(windows.iter().all(|w| w.synchronised && (w.frequency_hz - 50.7).abs() < 2e-3));
    let inside = windows.iter().find(|w| w.start_s > 1.1).expect("one");
    assert!((inside.channels[0].subgroup_rms[1] - 23.0).abs() < 0.01);
}

#[test]
fn another_channel_takes_over_from_a_dead_reference() {
    let of = |channel: usize, t: f64| match channel {
        0 if t > 1.0 => 0.0,
        _ => cosine(230.0, 50.4, -2.1 * channel as f64, t),
    };
    let windows = measure(&settings(50.0, 3), 2.0, &of).windows;
    assert!(windows.iter().all(|w| w.synchronised && (w.frequency_hz - 50.4).abs() < 1e-3));
    assert_eq!((windows[0].reference, windows.last().expect("one").reference), (Some(0), Some(1)));
    let last = &windows.last().expect("one").channels[0];
    assert!(last.dead && last.valid && last.rms == 0.0 && last.thd_percent.is_nan());
}

#[test]
fn without_a_fundamental_windows_are_nominal_and_say_so() {
    let noise = Noise::new(3, "nothing");
    let nothing = |_: usize, _: f64| 0.0;
    let hum = |_: usize, t: f64| 30.0 * noise.normal((t * RATE_HZ).round() as u64);
    let other = |_: usize, t: f64| cosine(230.0, 62.0, 0.0, t);
    let signals: [Signal; 3] = [&nothing, &hum, &other];
    for (name, of) in ["nothing", "noise", "62 Hz"].into_iter().zip(signals) {
        let windows = measure(&settings(50.0, 1), 2.0, of).windows;
        assert!(windows.len() >= 9, "{name}: {}", windows.len());
        for (k, window) in windows.iter().enumerate() {
            assert!(!window.synchronised && window.frequency_hz == 50.0, "{name}: {}", window.frequency_hz);
            assert!((window.start_s - 0.2 * k as f64).abs() < 1e-9, "{name}");
        }
    }
}

#[test]
fn after_an_interruption_it_locks_again() {
    let of = |_: usize, t: f64| if (1.0..2.0).contains(&t) { 0.0 } else { cosine(230.0, 51.3, 0.0, t) };
    let found = measure(&settings(50.0, 1), 11.0, &of);
    let locked: Vec<bool> = found.windows.iter().map(|w| w.synchronised).collect();
    assert!(locked[..5].iter().all(|s| *s) && locked[11..].iter().all(|s| *s), "{locked:?}");
    assert!(locked[5..11].iter().any(|s| !s));
    assert!(found.frequencies[0].frequency_hz.is_nan(), "lost within the 10 s");
}

#[test]
fn frequency_over_ten_seconds_counts_whole_cycles() {
    let of = |_: usize, t: f64| cosine(230.0, 50.23, 1.0, t) + cosine(20.0, 5.0 * 50.23, 0.3, t);
    let found = measure(&settings(50.0, 1), 30.5, &of).frequencies;
    let starts: Vec<f64> = found.iter().map(|f| f.start_s).collect();
    assert_eq!(starts, [0.0, 10.0, 20.0]);
    for ten_seconds in found {
        assert!((ten_seconds.frequency_hz - 50.23).abs() < 1e-5, "{ten_seconds:?}");
        assert!((501..=502).contains(&ten_seconds.cycles), "{ten_seconds:?}");
    }
}

#[test]
fn a_window_that_misses_samples_is_not_valid_and_counting_goes_on() {
    let of = |_: usize, t: f64| cosine(230.0, 50.0, 0.0, t);
    let mut instrument = Instrument::new(&settings(50.0, 1)).expect("an instrument");
    let mut found = Found::default();
    assert_eq!(instrument.push(&samples(1, 0, 6000, &of), &mut |f| found.note(f)), Taken::Gapless);
    // Windows 0 and 1 are whole, 2 is broken at 6000 of 5120 to 7680; nothing comes until 20000, in window 7.
    assert_eq!(instrument.push(&samples(1, 20_000, 9000, &of), &mut |f| found.note(f)), Taken::Gap(14_000));
    let mut lost = Waveform::new(1, 100);
    lost.begin(29_000, 100);
    lost.valid = false;
    assert_eq!(instrument.push(&lost, &mut |f| found.note(f)), Taken::Gap(100));
    assert_eq!(instrument.push(&samples(1, 29_100, 5000, &of), &mut |f| found.note(f)), Taken::Gapless);
    assert_eq!(instrument.push(&samples(1, 100, 10, &of), &mut |f| found.note(f)), Taken::Backwards);
    assert_eq!(instrument.push(&samples(2, 34_100, 10, &of), &mut |f| found.note(f)), Taken::WrongChannels);
    instrument.finish(&mut |f| found.note(f));
    let told: Vec<(u64, f64, bool)> =
        found.windows.iter().map(|w| (w.sequence, w.start_s * RATE_HZ, w.valid)).collect();
    let whole = |k: u64, start: f64| (k, start, true);
    let broken = |k: u64, start: f64| (k, start, false);
    let expected = [
        whole(0, 0.0),
        whole(1, 2560.0),
        broken(2, 5120.0),
        whole(7, 20_000.0),
        whole(8, 22_560.0),
        whole(9, 25_120.0),
        broken(10, 27_680.0),
        whole(11, 29_100.0),
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (own, truth) in told.iter().zip(&expected) {
        assert!(own.0 == truth.0 && (own.1 - truth.1).abs() < 0.1 && own.2 == truth.2, "{own:?} for {truth:?}");
    }
    for window in found.windows.iter().filter(|w| !w.valid) {
        assert!(window.channels[0].rms.is_nan() && window.channels[0].subgroup_rms.iter().all(|x| x.is_nan()));
    }
}

#[test]
fn what_is_no_number_spoils_its_windows_only() {
    for strange in [f64::NAN, f64::INFINITY] {
        // At 3840 in the second window of the first channel; and just at the border of windows of the second.
        let of = |channel: usize, t: f64| match (channel, (t * RATE_HZ).round() as u64) {
            (0, 3840) | (1, 7680) => strange,
            _ => cosine(230.0, 50.0, -2.1 * channel as f64, t),
        };
        let windows = measure(&settings(50.0, 2), 1.2, &of).windows;
        let valid: Vec<bool> = windows.iter().map(|w| w.valid).collect();
        assert_eq!(valid, [true, false, false, false, true, true]);
        let of_channel = |channel: usize| windows.iter().map(|w| w.channels[channel].valid).collect::<Vec<_>>();
        assert_eq!(of_channel(0), [true, false, true, true, true, true]);
        assert_eq!(of_channel(1), [true, true, false, false, true, true]);
        for channel in windows.iter().flat_map(|w| &w.channels) {
            assert_eq!(channel.valid, channel.rms.is_finite());
            assert_eq!(channel.valid, channel.subgroup_rms.iter().all(|x| x.is_finite()));
        }
        assert!(windows.iter().all(|w| w.synchronised), "the other channel is the reference meanwhile");
    }
}

#[test]
fn clipped_samples_are_seen() {
    let of = |_: usize, t: f64| cosine(230.0, 49.8, 0.0, t).clamp(-500.0, if t > 0.5 { 318.0 } else { 500.0 });
    for window in measure(&settings(50.0, 1), 1.5, &of).windows {
        let (from_s, to_s, own) = (window.start_s, window.start_s + window.duration_s, &window.channels[0]);
        if from_s > 0.5 || to_s < 0.5 {
            assert_eq!((own.clipped, window.valid), (from_s > 0.5, from_s < 0.5), "{from_s}");
        }
    }
}

#[test]
fn powers_factors_and_ratings_follow_from_their_definitions() {
    let channels = vec![ChannelRole::voltage(2), ChannelRole::current(2)];
    let (nominal_v, demand_a, rated_a) = (Some(230.0), Some(40.0), Some(32.0));
    let settings = Settings { nominal_v, demand_a, rated_a, ..Settings::new(RATE_HZ, 50.0, channels) };
    // 230 V and 20 A lagging by 30 degrees; of order 5, 10 V and 4 A in phase; of order 3, 3 A without a voltage.
    let of = |channel: usize, t: f64| match channel {
        0 => cosine(230.0, 50.1, 0.2, t) + cosine(10.0, 250.5, 1.0, t),
        _ => {
            let lag = 30.0_f64.to_radians();
            cosine(20.0, 50.1, 0.2 - lag, t) + cosine(4.0, 250.5, 1.0, t) + cosine(3.0, 150.3, 0.0, t)
        }
    };
    let near = |own: f64, truth: f64| assert!((own / truth - 1.0).abs() < 1e-4, "{own} for {truth}");
    for window in measure(&settings, 1.0, &of).windows {
        let power = window.powers[0];
        assert_eq!((window.powers.len(), power.phase), (1, 2));
        near(power.p1_w, 4600.0 * 0.75_f64.sqrt());
        near(power.q1_var, 2300.0);
        near(power.p_w, 4600.0 * 0.75_f64.sqrt() + 40.0);
        near(power.s_va, (230.0_f64.powi(2) + 100.0).sqrt() * 425.0_f64.sqrt());
        near(power.displacement_factor, 0.75_f64.sqrt());
        let current = &window.channels[1];
        near(current.thd_percent, 25.0);
        near(current.tdd_percent.expect("rated"), 12.5);
        near(current.trd_percent.expect("rated"), 100.0 * 5.0 / 32.0);
        near(current.k_factor, (400.0 + 9.0 * 9.0 + 25.0 * 16.0) / 425.0);
        assert!(window.channels[0].tdd_percent.is_none() && window.unbalance.is_none());
    }
}

#[test]
fn smoothing_has_a_time_constant_of_a_second_and_a_half() {
    // The fundamental is doubled at 1 s, between two windows.
    let of = |_: usize, t: f64| cosine(if t < 1.0 - 1e-9 { 100.0 } else { 200.0 }, 50.0, 0.0, t);
    let smooth = Settings { smoothing: true, ..settings(50.0, 1) };
    let windows = measure(&smooth, 4.0, &of).windows;
    let after: Vec<f64> = windows.iter().filter(|w| w.start_s > 0.99).map(|w| w.channels[0].subgroup_rms[1]).collect();
    for (k, own) in after.iter().enumerate() {
        let truth = 200.0 - 100.0 * (-0.2 * (k + 1) as f64 / 1.5).exp();
        assert!((own - truth).abs() < 0.05, "window {k}: {own} for {truth}");
    }
}

#[test]
fn other_rates_measure_the_same() {
    for rate_hz in [12_799.9, 16_000.0, 20_480.0, 25_600.0, 44_100.0, 48_000.0] {
        for windows in [Windows::Synchronised, Windows::Fixed] {
            let frequency_hz = if windows == Windows::Fixed { 50.0 } else { 50.31 };
            let settings = Settings { sample_rate_hz: rate_hz, windows, ..settings(50.0, 1) };
            let mut instrument = Instrument::new(&settings).expect("an instrument");
            let mut block = Waveform::new(1, rate_hz as usize);
            block.begin(0, rate_hz as usize);
            let own = block.channel_mut(0).iter_mut().enumerate();
            own.for_each(|(k, x)| *x = all_orders(frequency_hz, k as f64 / rate_hz));
            let mut found = Found::default();
            instrument.push(&block, &mut |f| found.note(f));
            assert!(found.windows.len() >= 4, "{rate_hz}");
            for window in &found.windows {
                assert!((window.frequency_hz - frequency_hz).abs() < 1e-3 && window.synchronised, "{rate_hz}");
                for order in 2..=50 {
                    let own = window.channels[0].subgroup_rms[order];
                    assert!((own / 2.3 - 1.0).abs() < 1e-3, "{rate_hz} {windows:?} order {order}: {own}");
                }
            }
        }
    }
}

#[test]
fn bands_that_the_rate_allows_are_measured_off_the_nominal_frequency_too() {
    let settings = Settings { sample_rate_hz: 25_600.0, ..settings(50.0, 1) };
    let mut instrument = Instrument::new(&settings).expect("an instrument");
    assert_eq!(instrument.band_centres_hz().collect::<Vec<_>>()[34..], [8900.0]);
    let few = Instrument::new(&self::settings(50.0, 1)).expect("an instrument");
    assert_eq!(few.band_centres_hz().last(), Some(4300.0));
    let mut block = Waveform::new(1, 25_600);
    block.begin(0, 25_600);
    let own = block.channel_mut(0).iter_mut().enumerate();
    own.for_each(|(k, x)| {
        let t = k as f64 / 25_600.0;
        *x = cosine(230.0, 49.4, 0.0, t) + cosine(1.0, 2510.0, 0.0, t) + cosine(0.5, 8690.0, 0.0, t);
    });
    let mut found = Found::default();
    instrument.push(&block, &mut |f| found.note(f));
    for window in found.windows {
        let bands = &window.channels[0].band_rms;
        assert!((bands[2] - 1.0).abs() < 0.01 && (bands[33] - 0.5).abs() < 0.01, "{} {}", bands[2], bands[33]);
        assert!(bands[10] < 0.02 && bands[20] < 0.02);
    }
}

#[test]
fn impossible_instruments_are_refused() {
    let refused = |settings: Settings| Instrument::new(&settings).map(|_| ()).expect_err("refused");
    let good = settings(50.0, 2);
    let too_slow = refused(Settings { sample_rate_hz: 10_240.0, ..good.clone() });
    assert!(matches!(too_slow, SettingsError::Rate { least_hz: 12_800.0, .. }));
    assert!(too_slow.to_string().contains("at least 12800 Hz"), "{too_slow}");
    for rate in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        assert!(matches!(refused(Settings { sample_rate_hz: rate, ..good.clone() }), SettingsError::Rate { .. }));
    }
    assert!(matches!(refused(Settings { nominal_hz: 55.0, ..good.clone() }), SettingsError::Nominal { .. }));
    assert!(matches!(refused(Settings { channels: vec![], ..good.clone() }), SettingsError::Channels { .. }));
    let channels = vec![ChannelRole::voltage(1), ChannelRole::voltage(1)];
    assert!(matches!(refused(Settings { channels, ..good.clone() }), SettingsError::Twice { channel: 1, .. }));
    let channels = vec![ChannelRole::voltage(5)];
    assert!(matches!(refused(Settings { channels, ..good.clone() }), SettingsError::Phase { given: 5, .. }));
    assert!(matches!(refused(Settings { nominal_v: Some(0.0), ..good }), SettingsError::Rating { .. }));
}
