//! What a PMU says, against its truth, its clock and the statistics that its noise, jitter and loss must have.

use super::wrapped_deg;
use crate::quantity::Tick;
use crate::sense::{Accuracy, ClockFault, ClockSettings, Fault, Instrument, Kind, PmuSettings, Settings};
use crate::signal::Channels;

const CLOCK: ClockSettings = ClockSettings { step_s: 0.1, holdover: 100, drift_ppm: 1.0 };
const EXACT: Accuracy = Accuracy { noise: 0.0, resolution: 0.0 };
const IDEAL: PmuSettings = PmuSettings { v_pu: EXACT, angle_deg: EXACT, loss: 0.0, clock: CLOCK };
const EACH: Settings = Settings { every: 1, delay: 0, jitter: 0, most_extra: 0 };
/// Magnitude and angle of two phases, frequency.
const TRUTH: [f64; 5] = [1.02, -2.49, 0.98, -121.73, 60.0];

fn pmu(settings: Settings, own: PmuSettings, seed: u64) -> Instrument {
    let names = ["a.v_pu", "a.angle_deg", "b.v_pu", "b.angle_deg", "sync"];
    Instrument::new("p", &Channels::new(names.map(str::to_owned).into()), settings, Kind::Pmu(own), seed)
}

/// What it says at a tick; NaN where that is not valid.
fn read(pmu: &mut Instrument, tick: u64, truth: [f64; 5]) -> [f64; 5] {
    pmu.step(Tick(tick), |k| truth[k]);
    [0, 1, 2, 3, 4].map(|k| pmu.reading().get(k)).map(|channel| if channel.valid { channel.value } else { f64::NAN })
}

#[test]
fn an_ideal_one_says_what_is_true() {
    let said = read(&mut pmu(EACH, IDEAL, 1), 1, TRUTH);
    assert_eq!(said, [1.02, -2.49, 0.98, -121.73, 1.0]);
}

#[test]
fn angles_are_wrapped() {
    for (angle_deg, wrapped) in [(180.0, 180.0), (-180.0, 180.0), (181.0, -179.0), (-181.0, 179.0), (720.5, 0.5)] {
        assert_eq!(wrapped_deg(angle_deg), wrapped);
    }
    assert!(wrapped_deg(f64::NAN).is_nan() && wrapped_deg(f64::INFINITY).is_nan());
    let mut pmu = pmu(EACH, IDEAL, 1);
    pmu.set_clock(ClockFault::AngleStep(1.0), true);
    let said = read(&mut pmu, 1, [1.0, 179.5, 1.0, -180.0, 60.0]);
    assert_eq!([said[1], said[3]], [-179.5, -179.0]);
}

/// The mean of n samples has a standard deviation of sd/√n, their variance one of about sd²·√(2/n): 5 of those.
#[test]
fn magnitudes_and_angles_have_their_own_noise() {
    let sd = [1e-4, 0.01];
    let [v_pu, angle_deg] = sd.map(|noise| Accuracy { noise, resolution: 0.0 });
    let mut pmu = pmu(EACH, PmuSettings { v_pu, angle_deg, ..IDEAL }, 3);
    let n = 20_000u32;
    let off: Vec<[f64; 4]> = (1..=u64::from(n))
        .map(|tick| {
            let said = read(&mut pmu, tick, TRUTH);
            [0, 1, 2, 3].map(|k| (said[k] - TRUTH[k]) / sd[k % 2])
        })
        .collect();
    let mean = |f: &dyn Fn(&[f64; 4]) -> f64| off.iter().map(f).sum::<f64>() / f64::from(n);
    let root = f64::from(n).sqrt();
    for k in 0..4 {
        assert!(mean(&|x| x[k]).abs() < 5.0 / root, "{k}");
        assert!((mean(&|x| x[k] * x[k]) - 1.0).abs() < 5.0 * 2f64.sqrt() / root, "{k}");
        assert!((0..k).all(|other| mean(&|x| x[k] * x[other]).abs() < 5.0 / root), "{k} is not correlated");
    }
}

#[test]
fn each_has_its_own_resolution() {
    let [v_pu, angle_deg] = [0.01, 0.5].map(|resolution| Accuracy { noise: 0.0, resolution });
    let said = read(&mut pmu(EACH, PmuSettings { v_pu, angle_deg, ..IDEAL }, 1), 1, [1.016, -179.9, 1.0, 0.3, 60.0]);
    assert!((said[0] - 1.02).abs() < 1e-12);
    assert_eq!([said[1], said[3]], [180.0, 0.5]);
}

/// Lateness is 0, 1, 2 or 3 ticks, each as likely: of n frames, n/4 with a standard deviation of √(3n)/4; 5 of those.
#[test]
fn jitter_makes_frames_late_and_none_that_is_overtaken_is_taken() {
    let settings = Settings { delay: 2, jitter: 3, ..EACH };
    let mut pmu = pmu(settings, IDEAL, 5);
    let n = 8_000u64;
    let mut newest = 0;
    let mut ages = [0u32; 7];
    for tick in 1..=n {
        let said = read(&mut pmu, tick, [tick as f64, 0.0, 1.0, 0.0, 60.0])[0];
        let origin = pmu.reading().origin.0;
        assert!(origin >= newest, "{tick}: never an older one");
        assert!(said.is_nan() || said == origin as f64);
        newest = origin;
        if origin > 0 {
            ages[(tick - origin) as usize] += 1;
        }
    }
    // A frame at most 2 ticks old: this tick's of two ticks ago is on time, a quarter of all.
    let (mean, deviation) = (n as f64 / 4.0, (3.0 * n as f64).sqrt() / 4.0);
    assert!((f64::from(ages[2]) - mean).abs() < 5.0 * deviation, "{ages:?}");
    // The newest is 3 old unless the one on time has come: at most one late by 1 of the one before, 3/4 · 1/2.
    let share = f64::from(ages[3]) / n as f64;
    assert!((share - 0.375).abs() < 5.0 * (0.375f64 * 0.625 / n as f64).sqrt(), "{ages:?}");
    assert_eq!(ages[..2], [0, 0]);
    assert_eq!(ages[6], 0, "delay and jitter are the most");
    assert!(ages[4] > 0 && ages[5] > 0);
}

#[test]
fn as_many_frames_are_lost_as_is_said() {
    let mut pmu = pmu(EACH, PmuSettings { loss: 0.05, ..IDEAL }, 11);
    let n = 20_000u64;
    let lost = (1..=n)
        .filter(|&tick| {
            read(&mut pmu, tick, TRUTH);
            pmu.reading().origin.0 != tick
        })
        .count();
    let deviation = (0.05f64 * 0.95 / n as f64).sqrt();
    assert!((lost as f64 / n as f64 - 0.05).abs() < 5.0 * deviation, "{lost}");
}

#[test]
fn the_same_seed_says_the_same_and_another_one_does_not() {
    let [v_pu, angle_deg] = [1e-4, 0.01].map(|noise| Accuracy { noise, resolution: 0.0 });
    let own = PmuSettings { v_pu, angle_deg, loss: 0.1, clock: CLOCK };
    let run = |seed| -> Vec<u64> {
        let mut pmu = pmu(Settings { jitter: 2, ..EACH }, own, seed);
        (1..=50).flat_map(|tick| read(&mut pmu, tick, TRUTH).map(f64::to_bits)).collect()
    };
    assert!(run(1) == run(1) && run(1) != run(2));
}

#[test]
fn a_wrong_time_turns_all_phases_alike_and_leaves_magnitudes() {
    let mut pmu = pmu(EACH, IDEAL, 1);
    read(&mut pmu, 1, TRUTH);
    pmu.set_clock(ClockFault::TimeStep(1e-5), true);
    let said = read(&mut pmu, 2, TRUTH);
    assert_eq!([said[0], said[2], said[4]], [1.02, 0.98, 1.0]);
    assert!((said[1] - (-2.49 + 0.216)).abs() < 1e-12 && (said[3] - (-121.73 + 0.216)).abs() < 1e-12);
    // At 50 Hz the same time is less of a turn.
    let slower = read(&mut pmu, 3, [1.02, -2.49, 0.98, -121.73, 50.0]);
    assert!((slower[1] - (-2.49 + 0.18)).abs() < 1e-12);
}

#[test]
fn it_says_when_it_has_been_without_gps_for_too_long() {
    let mut pmu = pmu(Settings { every: 10, ..EACH }, IDEAL, 1);
    pmu.set_clock(ClockFault::GpsLost, true);
    let sync: Vec<f64> = (1..=120).map(|tick| read(&mut pmu, tick, TRUTH)[4]).collect();
    // Without GPS since tick 1; 100 ticks later is 101, and the frame after that is of 110.
    assert_eq!(sync.iter().position(|s| *s == 0.0), Some(109));
    assert_eq!(sync[108], 1.0);
}

#[test]
fn its_sensors_fail_one_by_one() {
    let mut pmu = pmu(EACH, IDEAL, 1);
    read(&mut pmu, 1, TRUTH);
    pmu.set_fault(Some(1), Fault::Stuck, true);
    pmu.set_fault(Some(2), Fault::Gain(2.0), true);
    pmu.set_fault(Some(3), Fault::Offset(-60.0), true);
    let said = read(&mut pmu, 2, [1.0, 10.0, 1.0, -121.0, 60.0]);
    assert_eq!(said, [1.0, -2.49, 2.0, 179.0, 1.0], "and an angle that is off is wrapped");
    pmu.set_fault(Some(4), Fault::Dropped, true);
    assert!(read(&mut pmu, 3, TRUTH)[4].is_nan());
}

#[test]
fn a_dead_phase_has_no_angle_and_nothing_that_is_no_number_gets_through() {
    let said = read(&mut pmu(EACH, IDEAL, 1), 1, [0.0, 0.0, f64::NAN, f64::INFINITY, f64::NAN]);
    assert_eq!((said[0], said[4]), (0.0, 1.0));
    assert!(said[1..4].iter().all(|x| x.is_nan()));
}
