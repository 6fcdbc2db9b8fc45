//! Intervals, gaps and shares; the reference vector is in `tests/monitor_events.rs`.

use super::*;
use crate::monitor::{ChannelRole, Settings};

fn settings() -> Settings {
    Settings::new(12_800.0, 50.0, vec![ChannelRole::voltage(1), ChannelRole::current(1)])
}

/// Windows of 200 ms whose first channel's RMS is a function of their number; `None` is lost.
fn run(clock_s: f64, count: u64, rms: impl Fn(u64) -> Option<f64>) -> Vec<Aggregate> {
    let settings = settings();
    let mut window = Window::room(&settings, 0);
    let mut aggregator = Aggregator::new(&settings, clock_s);
    let mut found = Vec::new();
    for sequence in 0..count {
        let Some(rms) = rms(sequence) else { continue };
        (window.sequence, window.start_s, window.duration_s) = (sequence, sequence as f64 * 0.2, 0.2);
        window.flagged = rms > 1000.0;
        window.channels[0].valid = true;
        window.channels[0].rms = rms;
        window.channels[0].subgroup_rms.fill(2.0 * rms);
        window.channels[1].valid = false;
        aggregator.push(&window, &mut |aggregate| found.push(aggregate.clone()));
    }
    aggregator.finish(&mut |aggregate| found.push(aggregate.clone()));
    found
}

fn of(found: &[Aggregate], interval: Interval) -> Vec<&Aggregate> {
    found.iter().filter(|aggregate| aggregate.interval == interval).collect()
}

#[test]
fn intervals_are_root_mean_squares_of_their_windows() {
    let found = run(0.0, 31, |k| Some(k as f64));
    let short = of(&found, Interval::Short);
    // Σk² from 0 to 14 is 1015, from 15 to 29 it is 8555 - 1015 = 7540.
    let roots: Vec<f64> = short.iter().map(|a| a.channels[0].rms).collect();
    assert!((roots[0] - (1015f64 / 15.0).sqrt()).abs() < 1e-12 && (roots[1] - (7540f64 / 15.0).sqrt()).abs() < 1e-12);
    assert!((short[0].channels[0].subgroup_rms[7] / roots[0] - 2.0).abs() < 1e-12);
    assert!(short[0].channels[1].rms.is_nan(), "a channel that was not measured");
    assert_eq!((short[0].measured, short[2].measured), (1.0, 1.0 / 15.0));
    assert!((short[1].start_s - 3.0).abs() < 1e-12 && (short[1].end_s - 6.0).abs() < 1e-9);
    let ten = of(&found, Interval::TenMinutes);
    assert!((ten[0].channels[0].rms - (9455f64 / 31.0).sqrt()).abs() < 1e-12);
    assert!((ten[0].measured - 6.2 / 600.0).abs() < 1e-9);
}

#[test]
fn a_tick_begins_a_new_interval_beside_the_one_in_progress() {
    // The tick comes after 10 windows: 2 s.
    let found = run(598.0, 60, |k| Some(if k < 10 { 1.0 } else { 3.0 }));
    let short = of(&found, Interval::Short);
    let spans: Vec<(i64, i64)> =
        short.iter().map(|a| ((a.start_s * 10.0).round() as i64, (a.end_s * 10.0).round() as i64)).collect();
    assert_eq!(spans, [(0, 30), (20, 50), (50, 80), (80, 110), (110, 120)]);
    assert!((short[0].channels[0].rms - ((10.0 + 5.0 * 9.0) / 15f64).sqrt()).abs() < 1e-12, "ten before, five after");
    assert_eq!(short[1].channels[0].rms, 3.0);
    let ten = of(&found, Interval::TenMinutes);
    assert_eq!(ten.iter().map(|a| (a.channels[0].rms, a.count)).collect::<Vec<_>>(), [(1.0, 10), (3.0, 50)]);
    assert!((ten[0].start_s + 598.0).abs() < 1e-9, "it began before the samples");
}

#[test]
fn two_hours_are_of_twelve_ten_minute_values_and_flags_spread() {
    // Two hours and a bit, from 01:50: the first two hours of the clock have one 10-minute interval.
    let flagged_at = 3000 + 7;
    let found = run(6600.0, 3000 * 14, |k| Some(if k == flagged_at { 1001.0 } else { (k / 3000) as f64 }));
    let two = of(&found, Interval::TwoHours);
    assert_eq!(two.iter().map(|a| a.count).collect::<Vec<_>>(), [1, 12, 1]);
    let ten = of(&found, Interval::TenMinutes);
    assert_eq!(ten.len(), 14);
    let squares: f64 = ten[1..13].iter().map(|a| a.channels[0].rms.powi(2)).sum();
    assert!((two[1].channels[0].rms - (squares / 12.0).sqrt()).abs() < 1e-9);
    assert_eq!(two.iter().map(|a| a.flagged).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(ten.iter().filter(|a| a.flagged).count(), 1);
    assert_eq!(of(&found, Interval::Short).iter().filter(|a| a.flagged).count(), 1);
}

#[test]
fn what_was_lost_is_said() {
    let found = run(0.0, 200, |k| (!(20..100).contains(&k) && k != 3).then_some(1.0));
    let short = of(&found, Interval::Short);
    // Of 15 each: one lost; ten lost; then whole ones from the grid of 15 on, the first of which begins at 90.
    let shares: Vec<f64> = short.iter().map(|a| (a.measured * 15.0).round()).collect();
    assert_eq!(shares, [14.0, 5.0, 5.0, 15.0, 15.0, 15.0, 15.0, 15.0, 15.0, 5.0]);
    assert!((short[2].start_s - 18.0).abs() < 1e-9, "{}", short[2].start_s);
    let ten = of(&found, Interval::TenMinutes);
    assert!((ten[0].measured - 119.0 * 0.2 / 600.0).abs() < 1e-9);
    assert!(found.iter().all(|a| a.channels[0].rms == 1.0));
}

#[test]
fn ticks_are_told() {
    let aggregator = Aggregator::new(&settings(), 86_399.0);
    assert_eq!((aggregator.next_tick_s(0.0), aggregator.next_tick_s(1.0)), (1.0, 601.0));
}

#[test]
fn v15_the_reference_vector() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/monitor_events/v15_aggregation.json");
    let vector: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let expected = &vector["expected"];
    let list = |key: &str| -> Vec<f64> {
        expected[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let number = |key: &str| expected[key].as_f64().unwrap();
    let flags: Vec<bool> = expected["in_flags"].as_array().unwrap().iter().map(|f| f.as_bool().unwrap()).collect();
    let settings = settings();
    let mut window = Window::room(&settings, 0);
    let mut aggregator = Aggregator::new(&settings, 0.0);
    let mut short = None;
    for (k, value) in list("in_200ms").into_iter().enumerate() {
        (window.sequence, window.start_s, window.duration_s) = (k as u64, 0.2 * k as f64, 0.2);
        (window.channels[0].valid, window.channels[0].thd_subgroup_percent) = (true, value);
        window.flagged = flags[k];
        aggregator.push(&window, &mut |aggregate| short = Some(aggregate.clone()));
    }
    let short = short.unwrap();
    assert!((short.channels[0].thd_subgroup_percent - number("out_3s")).abs() < 1e-9);
    assert_eq!(Some(short.flagged), expected["out_flag"].as_bool());
    // 15 windows of each 3 s value, 3000 of each 10-minute value: the same root mean squares.
    let threes = list("in_3s");
    let ten = run(0.0, 3000, |k| Some(threes[k as usize / 15]));
    assert!((of(&ten, Interval::TenMinutes)[0].channels[0].rms - number("out_10min")).abs() < 1e-9);
    let tens = list("in_10min");
    let two = run(0.0, 36_000, |k| Some(tens[k as usize / 3000]));
    assert!((of(&two, Interval::TwoHours)[0].channels[0].rms - number("out_2h")).abs() < 1e-9);
}
