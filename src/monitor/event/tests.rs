//! Events against hand-made half cycles and signals; the reference vector is in `tests/monitor_events.rs`.

use super::*;
use crate::quantity::Noise;
use std::f64::consts::{SQRT_2, TAU};

/// Events of values in percent, one per half cycle of 50 Hz and voltage.
fn detect(settings: EventSettings, values: &[&[f64]]) -> Vec<Event> {
    let mut detector = Detector::new(values[0].len(), 50.0, settings).unwrap();
    let mut found = Vec::new();
    for (k, row) in values.iter().enumerate() {
        for (voltage, percent) in row.iter().enumerate() {
            let rms = percent / 100.0 * settings.declared_v;
            // Phases follow each other by a third of a half cycle.
            let end_s = (k as f64 + voltage as f64 / 3.0) * 0.01;
            let value = HalfCycle { sequence: k as u64, end_s, cycle_s: 0.02, rms };
            detector.add(voltage, value, |event| found.push(event));
        }
    }
    detector.finish(|event| found.push(event));
    found
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn a_dip_lasts_from_the_first_voltage_below_to_the_last_above_with_hysteresis() {
    let good: &[f64] = &[100.0; 3];
    let found = detect(
        EventSettings::new(230.0),
        &[good, &[100.0, 60.0, 100.0], &[50.0, 91.0, 100.0], &[91.9, 92.0, 100.0], &[92.0, 95.0, 95.0], good],
    );
    let [dip] = found[..] else { panic!("{found:?}") };
    assert_eq!((dip.kind, dip.ended, dip.residual_percent), (EventKind::Dip, true, 50.0));
    assert_eq!(dip.phases.iter().collect::<Vec<_>>(), [0, 1]);
    // From b at (1 + 1/3) to a at 4 half cycles.
    assert!(close(dip.start_s, 0.04 / 3.0) && close(dip.duration_s, 0.04 - 0.04 / 3.0), "{dip:?}");
}

#[test]
fn an_interruption_needs_all_voltages() {
    let good: &[f64] = &[100.0; 3];
    let two = detect(EventSettings::new(230.0), &[good, &[1.0, 1.0, 100.0], &[1.0, 1.0, 5.0], good]);
    assert_eq!((two[0].kind, two[0].interrupted_s), (EventKind::Dip, 0.0));
    assert!(close(two[0].residual_percent, 1.0));
    let all = detect(EventSettings::new(230.0), &[good, &[1.0, 1.0, 100.0], &[1.0, 1.0, 4.9], &[1.0; 3], good, good]);
    let [event] = all[..] else { panic!("{all:?}") };
    assert_eq!(event.kind, EventKind::Interruption);
    // All are below from c at (2 + 2/3) until a at 4 half cycles; the dip begins at 1 and ends with c at (4 + 2/3).
    assert!(close(event.interrupted_s, 0.04 - 0.08 / 3.0), "{event:?}");
    assert!(close(event.start_s, 0.01) && close(event.duration_s, 0.11 / 3.0), "{event:?}");
}

#[test]
fn what_goes_on_at_the_end_is_reported_as_such() {
    let found = detect(EventSettings::new(230.0), &[&[100.0], &[120.0], &[125.0], &[109.0]]);
    let [swell] = found[..] else { panic!("{found:?}") };
    assert_eq!((swell.kind, swell.ended, swell.residual_percent), (EventKind::Swell, false, 125.0));
    assert!(close(swell.start_s, 0.01) && close(swell.duration_s, 0.02));
}

#[test]
fn a_step_between_steady_states_is_a_rapid_voltage_change() {
    let steps = |levels: &[(f64, usize)]| -> Vec<[f64; 1]> {
        levels.iter().flat_map(|(percent, count)| std::iter::repeat_n([*percent], *count)).collect()
    };
    let run = |levels: &[(f64, usize)]| {
        let values = steps(levels);
        let rows: Vec<&[f64]> = values.iter().map(|row| &row[..]).collect();
        detect(EventSettings { rvc_percent: Some(3.0), ..EventSettings::new(230.0) }, &rows)
    };
    // 100 -> 96 with an excursion to 94 on the way: six from the mean before, four between the steady states.
    let found = run(&[(100.0, 150), (94.0, 10), (96.0, 150)]);
    let [change] = found[..] else { panic!("{found:?}") };
    let size = change.change.unwrap();
    assert_eq!((change.kind, change.residual_percent), (EventKind::Rvc, 94.0));
    assert!(close(size.most_percent, 6.0), "{size:?}");
    // The last of ten 94s leaves the hundred values, of which then all are 96, with the 100th 96. With a hysteresis of half
    // the voltage is steady while max and min are within 1.5 of the mean: one 94 is 1.98 below.
    assert!(close(size.steady_percent, 4.0) && close(change.start_s, 1.50), "{change:?}");
    // From the first 94 (value 150) to value 259, less 100 half cycles.
    assert!(close(change.duration_s, 1.09 - 1.0), "{change:?}");
    // Within the threshold: nothing. Slowly: nothing. Through a dip: only the dip.
    assert!(run(&[(100.0, 150), (98.0, 150)]).is_empty());
    let slow: Vec<(f64, usize)> = (0..60).map(|k| (100.0 - 0.1 * f64::from(k), 50)).collect();
    assert!(run(&slow).is_empty());
    let dip = run(&[(100.0, 150), (80.0, 3), (96.0, 250), (100.0, 150)]);
    assert_eq!(dip.iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::Dip, EventKind::Rvc]);
    // Before the first hundred values there is no steady state to leave.
    assert_eq!(run(&[(100.0, 20), (96.0, 300)]), []);
}

/// RMS by brute force: the definition, over a cycle of a signal that is known everywhere.
fn exact_rms(signal: impl Fn(f64) -> f64, from_s: f64, cycle_s: f64) -> f64 {
    let n = 4000;
    let squares = (0..n).map(|k| signal(from_s + (f64::from(k) + 0.5) / f64::from(n) * cycle_s).powi(2));
    (squares.sum::<f64>() / f64::from(n)).sqrt()
}

fn half_cycles(signal: impl Fn(f64) -> f64, rate_hz: f64, nominal_hz: f64, seconds: f64) -> Vec<HalfCycle> {
    let samples: Vec<f64> = (0..(seconds * rate_hz) as usize).map(|n| signal(n as f64 / rate_hz)).collect();
    let mut channel = HalfCycles::new(rate_hz, nominal_hz, 230.0).unwrap();
    let mut found = Vec::new();
    // Blocks of a length that no cycle is a multiple of.
    samples.chunks(97).for_each(|block| channel.push(block, |value| found.push(value)));
    found
}

#[test]
fn values_are_right_at_any_frequency_rate_and_distortion() {
    let noise = Noise::new(4, "cases");
    for case in 0..40 {
        let (nominal, low, high) = if case % 2 == 0 { (50.0, 42.5, 57.5) } else { (60.0, 51.0, 69.0) };
        let rate = [1920.0, 4800.0, 10_240.0, 12_800.0][case as usize / 2 % 4];
        let f = low + (high - low) * noise.uniform(10 * case);
        let angle = TAU * noise.uniform(10 * case + 1);
        let (u3, u5, u7) = (0.1, 0.15, 0.05);
        let signal = |t: f64| {
            let w = TAU * f * t + angle;
            let odd = u3 * (3.0 * w + 1.0).sin() + u5 * (5.0 * w + 2.0).sin() + u7 * (7.0 * w + 3.0).sin();
            230.0 * SQRT_2 * (w.sin() + odd) + 3.0
        };
        let rms = (230.0f64.powi(2) * (1.0 + u3 * u3 + u5 * u5 + u7 * u7) + 9.0).sqrt();
        let found = half_cycles(signal, rate, nominal, 0.6);
        assert!(found.len() as f64 > 2.0 * f * 0.6 - 4.0, "{} values at {f} Hz", found.len());
        let worst = found.iter().map(|value| (value.rms / rms - 1.0).abs()).fold(0.0, f64::max);
        // Class A allows 0.2 % of the declared voltage. At 1920 samples/s the square of order 7 has 3 samples a cycle.
        assert!(
            worst < if rate < 4000.0 { 1.5e-3 } else { 1e-4 },
            "{worst:e} at {f} Hz, {rate} samples/s, case {case}"
        );
        for pair in found.windows(2).skip(20) {
            let distance = (pair[1].end_s - pair[0].end_s) * 2.0 * f;
            assert!((distance - 1.0).abs() < 1e-3, "half cycles of {distance} at {f} Hz");
        }
        // Cycles begin where the fundamental crosses zero.
        let begin_s = found[30].end_s - found[30].cycle_s;
        let phase = ((TAU * f * begin_s + angle) / std::f64::consts::PI).rem_euclid(1.0);
        assert!(phase.min(1.0 - phase) < 2e-3, "begins {phase} half cycles from a crossing");
    }
}

#[test]
fn noise_and_phase_jumps_do_not_change_a_steady_value() {
    let noise = Noise::new(1, "noise");
    let jump = |t: f64| if t < 0.4 { 0.0 } else { 0.35 };
    let signal = |t: f64| {
        let spread = 0.01 * noise.normal((t * 12_800.0).round() as u64);
        230.0 * SQRT_2 * ((TAU * 50.3 * t + jump(t)).sin() + spread)
    };
    let found = half_cycles(signal, 12_800.0, 50.0, 1.0);
    let rms = 230.0 * (1.0f64 + 2.0 * 1e-4).sqrt();
    for value in &found {
        let touched = value.end_s > 0.4 && value.end_s - value.cycle_s < 0.4;
        let from_s = value.end_s - value.cycle_s;
        let expected = if touched {
            exact_rms(|t| 230.0 * SQRT_2 * (TAU * 50.3 * t + jump(t)).sin(), from_s, value.cycle_s)
        } else {
            rms
        };
        assert!((value.rms / expected - 1.0).abs() < 2e-3, "{value:?}, expected {expected}");
    }
    let early = found.iter().filter(|value| value.end_s < 0.4);
    let spread = early.map(|value| (value.cycle_s * 50.3 - 1.0).abs()).fold(0.0, f64::max);
    assert!(spread < 1e-3, "cycle lengths within {spread:e}");
}

#[test]
fn in_an_interruption_the_cadence_goes_on_at_the_last_frequency() {
    let signal = |t: f64| if (0.5..0.8).contains(&t) { 0.0 } else { 230.0 * SQRT_2 * (TAU * 49.0 * t).sin() };
    let found = half_cycles(signal, 12_800.0, 50.0, 1.2);
    for pair in found.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        let distance = (pair[1].end_s - pair[0].end_s) * 98.0;
        assert!((distance - 1.0).abs() < 0.07, "{distance} half cycles at {} s", pair[1].end_s);
    }
    let dead = found.iter().filter(|v| v.end_s - v.cycle_s > 0.501 && v.end_s < 0.799);
    assert!(dead.clone().count() > 25 && dead.clone().all(|v| v.rms < 1e-9 && (v.cycle_s * 49.0 - 1.0).abs() < 1e-3));
    assert!(found.iter().filter(|v| v.end_s > 0.83).all(|v| (v.rms / 230.0 - 1.0).abs() < 1e-3));
}

#[test]
fn lost_samples_give_no_value_and_move_nothing() {
    let rate = 12_800.0;
    let signal = |n: usize| 230.0 * SQRT_2 * (TAU * 50.4 * n as f64 / rate).sin();
    let block = |from: usize, to: usize| (from..to).map(signal).collect::<Vec<f64>>();
    let mut channel = HalfCycles::new(rate, 50.0, 230.0).unwrap();
    let mut found = Vec::new();
    channel.push(&block(0, 6000), |value| found.push(value));
    channel.skip(100_000);
    let mut after = block(106_000, 112_000);
    after[3000] = f64::NAN;
    channel.push(&after, |value| found.push(value));
    assert!(found.iter().all(|value| (value.rms / 230.0 - 1.0).abs() < 1e-4), "{found:?}");
    let missing = |at: f64| (6000.0..106_000.0).contains(&at) || (109_000.0..109_001.0).contains(&at);
    for value in &found {
        let (from, to) = ((value.end_s - value.cycle_s) * rate, value.end_s * rate);
        assert!(!missing(from) && !missing(to), "{value:?}");
    }
    // 8.75 s of samples at 100.8 half cycles a second.
    let last = found.last().unwrap();
    assert!((last.sequence as f64 - 8.75 * 100.8).abs() < 4.0, "{last:?}");
}

#[test]
fn three_phases_line_to_line_and_flags() {
    let rate = 12_800.0;
    let wave = |phase: usize, n: usize| {
        let size = if phase == 0 && (6400..8000).contains(&n) { 0.5 } else { 1.0 };
        size * 230.0 * SQRT_2 * (TAU * (50.0 * n as f64 / rate - phase as f64 / 3.0)).sin()
    };
    let waves: Vec<Vec<f64>> = (0..3).map(|phase| (0..16_000).map(|n| wave(phase, n)).collect()).collect();
    let blocks: Vec<&[f64]> = waves.iter().map(Vec::as_slice).collect();
    let run = |settings: EventSettings| {
        let mut events = Events::new(3, rate, 50.0, settings).unwrap();
        let mut found = Vec::new();
        events.push(&blocks, |_, _| {}, |event| found.push(event));
        events.finish(|event| found.push(event));
        (found, events)
    };
    let (found, events) = run(EventSettings::new(230.0));
    let [dip] = found[..] else { panic!("{found:?}") };
    assert!((dip.residual_percent - 50.0).abs() < 0.01 && dip.phases.iter().eq([0]), "{dip:?}");
    assert!((dip.start_s - 0.5).abs() < 0.02 && (dip.duration_s - 0.125).abs() < 0.02, "{dip:?}");
    let flagged: Vec<bool> = (0..5).map(|k| events.flagged(0.2 * f64::from(k), 0.2 * f64::from(k + 1))).collect();
    assert_eq!(flagged, [false, false, true, true, false]);
    assert!(events.decided(1.2) && !events.decided(1.25));
    // Between a and b: |0.5 - 1∠-120°| = √(0.25 + 0.5 + 1) = 1.3229 of a phase voltage, 76.376 % of √3. The cycle in which
    // the phase jumps holds a little less: 76.017 % (∫ over it by hand), the lowest value.
    let (found, _) = run(EventSettings { line_to_line: true, ..EventSettings::new(230.0 * 3f64.sqrt()) });
    let [dip] = found[..] else { panic!("{found:?}") };
    assert!((dip.residual_percent - 76.017).abs() < 0.01 && dip.phases.iter().eq([0, 2]), "{dip:?}");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let new = |rate, nominal, settings| Events::new(3, rate, nominal, settings).map(|_| ());
    let good = EventSettings::new(230.0);
    assert_eq!(new(12_800.0, 50.0, good), Ok(()));
    for (rate, nominal) in [(399.0, 50.0), (f64::NAN, 50.0), (f64::INFINITY, 50.0), (1e4, 0.0), (-1e4, -50.0)] {
        assert!(matches!(new(rate, nominal, good), Err(EventError::Magnitude(MagnitudeError::SampleRate { .. }))));
    }
    for declared_v in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = new(1e4, 50.0, EventSettings::new(declared_v));
        assert!(matches!(refused, Err(EventError::Magnitude(MagnitudeError::DeclaredVoltage(_)))), "{declared_v}");
    }
    assert_eq!(new(1e4, 50.0, EventSettings { dip_percent: 99.0, ..good }), Err(EventError::Thresholds));
    assert_eq!(new(1e4, 50.0, EventSettings { swell_percent: f64::NAN, ..good }), Err(EventError::Thresholds));
    assert_eq!(new(1e4, 50.0, EventSettings { rvc_percent: Some(-1.0), ..good }), Err(EventError::Change));
    let none = Events::new(0, 1e4, 50.0, good).map(|_| ());
    assert_eq!(none, Err(EventError::Voltages(0)));
    let two = Events::new(2, 1e4, 50.0, EventSettings { line_to_line: true, ..good }).map(|_| ());
    assert_eq!(two, Err(EventError::Voltages(2)));
}

/// What the definitions say of any sequence of values: (time, voltage, percent), against what was found.
fn obeys_the_definitions(found: &[Event], values: &[(f64, usize, f64)], voltages: usize) {
    let mut latest = vec![100.0; voltages];
    let (mut dips, mut swells) = (0, 0);
    for &(at_s, voltage, percent) in values {
        latest[voltage] = percent;
        let inside = |swell: bool| {
            let own = found.iter().filter(|e| (e.kind == EventKind::Swell) == swell && e.kind != EventKind::Rvc);
            own.filter(|e| e.start_s <= at_s && (at_s + 1e-9 < e.start_s + e.duration_s || !e.ended)).count()
        };
        // Never two dips at once; within one whenever a voltage is below, and until all are back.
        assert!(inside(false) <= 1 && inside(true) <= 1, "two at once at {at_s}");
        let (low, high) = (latest.iter().any(|p| *p < 90.0), latest.iter().any(|p| *p > 110.0));
        assert!(!low || inside(false) == 1, "a dip is missing at {at_s}");
        assert!(!high || inside(true) == 1, "a swell is missing at {at_s}");
        assert!(latest.iter().any(|p| *p < 92.0) || inside(false) == 0, "a dip goes on at {at_s}");
        assert!(latest.iter().any(|p| *p > 108.0) || inside(true) == 0, "a swell goes on at {at_s}");
        for event in found.iter().filter(|e| e.kind != EventKind::Rvc && close(e.start_s, at_s)) {
            let swell = event.kind == EventKind::Swell;
            assert!(if swell { percent > 110.0 } else { percent < 90.0 }, "{event:?} begins at {percent} %");
            *(if swell { &mut swells } else { &mut dips }) += 1;
            let end_s = event.start_s + event.duration_s + 1e-9;
            let during = values.iter().filter(|(t, ..)| *t >= at_s && *t <= end_s).map(|(.., p)| *p);
            let extreme = if swell { during.fold(0.0, f64::max) } else { during.fold(1e9, f64::min) };
            assert!(close(event.residual_percent, extreme), "{event:?}, extreme {extreme}");
        }
    }
    let all = found.iter().filter(|e| e.kind != EventKind::Rvc).count();
    assert_eq!(dips + swells, all, "events that begin at no value");
}

#[test]
fn any_sequence_of_values_gives_events_by_the_definitions() {
    let mut interruptions = 0;
    for case in 0..300u64 {
        let noise = Noise::new(case, "walk");
        let voltages = 1 + (case % 3) as usize;
        let mut detector = Detector::new(voltages, 50.0, EventSettings::new(100.0)).unwrap();
        let (mut found, mut values, mut level) = (Vec::new(), Vec::new(), vec![100.0; voltages]);
        for k in 0..400u64 {
            for (voltage, level) in level.iter_mut().enumerate() {
                let index = 16 * k + 4 * voltage as u64;
                // Mostly near the thresholds; at times a fall of all to almost nothing, at times back to 100 %.
                *level = match noise.uniform(16 * k + 15) {
                    u if u < 0.02 => 3.0 * noise.uniform(index),
                    u if u < 0.1 => 100.0,
                    _ => *level + 4.0 * noise.normal(index),
                };
                let end_s = 0.01 * k as f64 + 0.003 * voltage as f64;
                values.push((end_s, voltage, level.abs()));
                let value = HalfCycle { sequence: k, end_s, cycle_s: 0.02, rms: level.abs() };
                detector.add(voltage, value, |event| found.push(event));
            }
        }
        detector.finish(|event| found.push(event));
        obeys_the_definitions(&found, &values, voltages);
        interruptions += found.iter().filter(|event| event.kind == EventKind::Interruption).count();
    }
    assert!(interruptions > 100, "{interruptions}");
}
