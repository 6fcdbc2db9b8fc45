//! The composed instrument: that windows, events, flags, aggregates, limits and alarms belong together.

use std::f64::consts::{SQRT_2, TAU};
use std::path::Path;

use phasorbench::monitor::aggregate::Interval;
use phasorbench::monitor::alarm::{Code, TripPoints};
use phasorbench::monitor::event::{Event, EventKind};
use phasorbench::monitor::limits::{LimitSettings, Profile};
use phasorbench::monitor::{ChannelRole, Finding, Instrument, Settings, Taken};
use phasorbench::signal::Waveform;
use serde_json::Value;

const RATE_HZ: f64 = 12_800.0;

fn settings(voltages: u8) -> Settings {
    let channels = (1..=voltages).map(ChannelRole::voltage).collect();
    Settings { nominal_v: Some(230.0), ..Settings::new(RATE_HZ, 50.0, channels) }
}

/// Pushes a signal of (channel, time) in blocks of so many samples.
fn run(
    instrument: &mut Instrument,
    seconds: f64,
    block: usize,
    of: &dyn Fn(usize, f64) -> f64,
    found: &mut dyn FnMut(Finding),
) {
    let channels = instrument.settings().channels.len();
    let (count, mut first) = ((seconds * RATE_HZ) as usize, 0);
    let mut waveform = Waveform::new(channels, block);
    while first < count {
        waveform.begin(first as u64, block.min(count - first));
        for channel in 0..channels {
            let own = waveform.channel_mut(channel).iter_mut().enumerate();
            own.for_each(|(k, x)| *x = of(channel, (first + k) as f64 / RATE_HZ));
        }
        instrument.push(&waveform, found);
        first += waveform.len();
    }
    instrument.finish(found);
}

fn cosine(rms: f64, frequency_hz: f64, angle: f64, t: f64) -> f64 {
    SQRT_2 * rms * (TAU * frequency_hz * t + angle).cos()
}

#[test]
fn events_and_flags_are_those_of_the_vector() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/monitor_events/v10_dip_swell_interruption.json");
    let vector: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("a vector")).expect("JSON");
    let number = |value: &Value, key: &str| value[key].as_f64().unwrap_or_else(|| panic!("{key}"));
    let components = vector["components"].as_array().expect("components");
    let of = |_: usize, t: f64| {
        let now = components.iter().filter(|c| t >= number(c, "t0") && t < number(c, "t1"));
        now.map(|c| cosine(number(c, "rms"), number(c, "f"), number(c, "phase_deg").to_radians(), t)).sum()
    };
    for block in [1, 100, 2560, 25_600] {
        let (mut events, mut flags) = (Vec::new(), Vec::new());
        let mut instrument = Instrument::new(&settings(1)).expect("an instrument");
        run(&mut instrument, 2.0, block, &of, &mut |finding| match finding {
            Finding::Window(window) => flags.push((window.sequence, window.flagged)),
            Finding::Event(event) => events.push(event),
            _ => {}
        });
        let truth = vector["expected"]["flagged_10cycle_windows"].as_array().expect("flags");
        let truth: Vec<(u64, bool)> = (0..).zip(truth.iter().map(|flag| flag.as_bool().expect("a flag"))).collect();
        assert_eq!(flags, truth, "blocks of {block}");
        let truth = vector["expected"]["events"].as_array().expect("events");
        let kinds: Vec<EventKind> = events.iter().map(|event: &Event| event.kind).collect();
        assert_eq!(kinds, [EventKind::Dip, EventKind::Swell, EventKind::Interruption]);
        for (own, truth) in events.iter().zip(truth) {
            assert!((own.start_s - number(truth, "start")).abs() < 0.0101, "{own:?} for {truth}");
            assert!((own.duration_s - number(truth, "duration_s")).abs() < 0.0201, "{own:?} for {truth}");
        }
    }
}

#[test]
fn everything_that_is_found_does_not_depend_on_blocks() {
    let of = |channel: usize, t: f64| {
        let depth = if (1.31..1.52).contains(&t) { 0.6 } else { 1.0 };
        depth * cosine(230.0, 49.9, -2.094 * channel as f64, t) + cosine(9.0, 5.0 * 49.9, 0.3, t)
    };
    let all = |block: usize| {
        let mut found: Vec<String> = Vec::new();
        let limits = vec![LimitSettings::new(Profile::Ieee519, 400.0)];
        let trips = Some(TripPoints::new(50.0, 3.0));
        let settings = Settings { flicker_s: Some(2.0), limits, trips, ..settings(3) };
        let mut instrument = Instrument::new(&settings).expect("an instrument");
        run(&mut instrument, 5.0, block, &of, &mut |finding| found.push(format!("{finding:?}")));
        // Within one block events come before windows; in time they may end after them.
        found.sort();
        let judgements: Vec<_> = instrument.judgements().collect();
        (found, judgements)
    };
    let once = all(64_000);
    for block in [37, 256, 12_800] {
        assert!(all(block) == once, "blocks of {block}");
    }
}

#[test]
fn a_window_is_told_soon_after_its_end() {
    let mut instrument = Instrument::new(&settings(1)).expect("an instrument");
    let mut waveform = Waveform::new(1, 16);
    let mut latest_s = 0.0_f64;
    for k in 0..4000_u64 {
        waveform.begin(16 * k, 16);
        let own = waveform.channel_mut(0).iter_mut().enumerate();
        own.for_each(|(j, x)| *x = cosine(230.0, 50.2, 0.0, (16 * k + j as u64) as f64 / RATE_HZ));
        let now_s = (16 * (k + 1)) as f64 / RATE_HZ;
        instrument.push(&waveform, &mut |finding| {
            if let Finding::Window(window) = finding {
                // The first one waits until the frequency is known from as much as the longest window.
                let late_s = now_s - window.start_s - window.duration_s;
                latest_s = if window.sequence > 0 { latest_s.max(late_s) } else { latest_s };
            }
        });
    }
    println!("a window is told at most {:.1} ms after its end", 1e3 * latest_s);
    assert!(latest_s > 0.0 && latest_s < 0.045, "{latest_s}");
}

#[test]
fn limits_alarms_and_aggregates_follow_from_windows() {
    // 9 % of order 7 for 12 s, then none: above 8 % THD at low voltage.
    let of = |channel: usize, t: f64| {
        let angle = -2.094_395_102_393_195_4 * channel as f64;
        let seventh = if t < 12.0 { cosine(20.7, 350.0, 7.0 * angle, t) } else { 0.0 };
        cosine(230.0, 50.0, angle, t) + seventh
    };
    let limits = vec![LimitSettings::new(Profile::Ieee519, 400.0)];
    let settings = Settings { limits, trips: Some(TripPoints::new(50.0, 8.0)), ..settings(3) };
    let mut instrument = Instrument::new(&settings).expect("an instrument");
    let (mut short, mut alarms, mut others) = (Vec::new(), Vec::new(), 0);
    run(&mut instrument, 30.0, 1280, &of, &mut |finding| match finding {
        Finding::Aggregate(aggregate) if aggregate.interval == Interval::Short => {
            short.push((aggregate.end_s, aggregate.channels[2].thd_subgroup_percent));
        }
        Finding::Aggregate(_) => others += 1,
        Finding::Alarm(event) => alarms.push((event.code, event.channel, event.order)),
        _ => {}
    });
    assert_eq!((short.len(), others), (10, 2), "and one of 10 minutes and one of 2 hours, cut short");
    for (end_s, thd_percent) in &short {
        assert!((thd_percent - if *end_s < 12.1 { 9.0 } else { 0.0 }).abs() < 1e-3, "{thd_percent} at {end_s}");
    }
    let raised: Vec<_> = alarms.iter().filter(|(code, _, _)| *code == Code::ThdHighVolt).collect();
    assert_eq!(raised[0].2, Some(7), "{raised:?}");
    assert_eq!(raised.len(), 6, "raised and cleared in three channels: {raised:?}");
    let judgement = instrument.judgements().next().expect("one set of limits");
    assert!(!judgement.passed() && judgement.verdicts.iter().any(|verdict| verdict.order == Some(7)));
}

#[test]
fn a_gap_of_years_takes_no_time() {
    let mut waveform = Waveform::new(1, 5000);
    for gap in [1_u64 << 30, 1 << 40, (1 << 50) - 5001] {
        let mut instrument = Instrument::new(&settings(1)).expect("an instrument");
        let mut windows = Vec::new();
        let mut findings = 0;
        for first in [0, 5000 + gap] {
            waveform.begin(first, 5000);
            waveform
                .channel_mut(0)
                .iter_mut()
                .enumerate()
                .for_each(|(k, x)| *x = 325.0 * (0.024_543_7 * k as f64).sin());
            let taken = instrument.push(&waveform, &mut |finding| {
                findings += 1;
                if let Finding::Window(window) = finding {
                    windows.push((window.sequence, window.valid));
                }
            });
            assert_eq!(taken, if first == 0 { Taken::Gapless } else { Taken::Gap(gap) });
        }
        instrument.finish(&mut |_| {});
        assert!(findings < 2000, "{findings}");
        assert_eq!(windows[..2], [(0, true), (1, false)]);
        let skipped = gap as f64 / 2560.0;
        assert!((windows[2].0 as f64 - skipped).abs() < 3.0, "{windows:?}");
    }
    waveform.begin((1 << 50) + 1, 10);
    let mut instrument = Instrument::new(&settings(1)).expect("an instrument");
    assert_eq!(instrument.push(&waveform, &mut |_| {}), Taken::Beyond);
}
