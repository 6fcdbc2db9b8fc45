//! Against vectors and hand calculations.

use super::*;
use crate::monitor::{ChannelRole, Window};
use crate::quantity::{Complex, Noise, Tick, complex};

/// The filter of the reference: state, share, its standard deviation and the normalised innovation.
#[test]
fn the_filter_agrees_with_the_reference() {
    let text = include_str!("../../../tests/data/attribution/v19_attribution_kf.json");
    let vector: serde_json::Value = serde_json::from_str(text).unwrap();
    let pair = |x: &serde_json::Value| complex(x[0].as_f64().unwrap(), x[1].as_f64().unwrap());
    let of = |name: &str| vector["params"][name].as_f64().unwrap();
    let series = |name: &str| vector["series"][name].as_array().unwrap().iter().map(pair).collect::<Vec<_>>();
    let (j, v) = (series("J"), series("V"));
    let mut filter = Kalman::new([complex(0.0, 0.0), pair(&vector["params"]["Z0"])], [of("sigE"), of("sigZ")]);
    let mut compared = 0;
    for k in 0..j.len() {
        filter.predict([of("qE").powi(2), of("qZ").powi(2)]);
        let innovation = filter.update(v[k], &[complex(1.0, 0.0), j[k]], of("r").powi(2));
        let Some(expected) = vector["expected"]["rows"].get(k.to_string()) else { continue };
        let mut value = Value::default();
        value.add(v[k], j[k]);
        let share = value.projected(filter.x[1]) / value.vv;
        let sd = value.projected_sd(filter.sd(1)) / value.vv;
        let [e, z] = filter.x;
        let found = [e.re, e.im, z.re, z.im, share, sd, innovation.nis()];
        for (found, expected) in found.iter().zip(expected.as_array().unwrap()) {
            assert!((found - expected.as_f64().unwrap()).abs() < 1e-5, "window {k}: {found} {expected}");
        }
        compared += 1;
    }
    assert_eq!(compared, 7);
}

/// A covariance stays Hermitian and positive over a day of windows, however exact the measurement.
#[test]
fn the_covariance_stays_one() {
    let noise = Noise::new(3, "kalman");
    let mut filter = Kalman::new([complex(0.0, 0.0); 2], [5.0, 0.03]);
    for k in 0..432_000u64 {
        filter.predict([1e-12, 1e-14]);
        let j = complex(noise.normal(2 * k), noise.normal(2 * k + 1)) * 1e3;
        filter.update(complex(2.0, 0.0) + complex(0.01, 0.06) * j, &[complex(1.0, 0.0), j], 1e-12);
    }
    let [[a, b], [c, d]] = filter.p;
    assert!(a.re > 0.0 && d.re > 0.0 && b == c.conj() && a.re * d.re >= b.norm_sqr() * (1.0 - 1e-6), "{:?}", filter.p);
}

fn settings() -> Settings {
    Settings { phases: 1, orders: vec![5], unit_a: vec![32.0; 5], ..Settings::default() }.nameplate(0.01, 0.01)
}

/// A fleet that moves, a background that does not: h5, seen by the attribution of `settings`.
fn feed(attribution: &mut Attribution, windows: std::ops::Range<u64>, mut edit: impl FnMut(u64, &mut Sample)) {
    let noise = Noise::new(1, "feed");
    for k in windows {
        let mut sample = attribution.sample();
        (sample.sequence, sample.tick, sample.valid, sample.synchronised) = (k, Tick(k), true, true);
        let j = complex(20.0 + 4.0 * noise.normal(k / 7), 3.0 * noise.normal(k));
        let meter = complex(noise.normal(2 * k), noise.normal(2 * k + 1)) * 0.005;
        sample.set(0, 0, complex(0.5, 0.3) + complex(0.012, 0.06) * j + meter, j);
        edit(k, &mut sample);
        attribution.step(&sample);
    }
}

#[test]
fn a_fleet_is_found_and_what_is_not_measured_decides_nothing() {
    let mut attribution = Attribution::new(settings());
    feed(&mut attribution, 0..300, |_, _| {});
    assert_eq!(attribution.verdict().decision, Decision::Fleet);
    let z = attribution.estimate(0, 0).unwrap().z_ohm;
    assert!((z - complex(0.012, 0.06)).norm() < 1e-3, "{z}");
    type Edit = fn(&mut Sample);
    let cases: [(Reason, Edit); 4] = [
        (Reason::Flagged, |s| s.flagged = true),
        (Reason::Invalid, |s| s.valid = false),
        (Reason::Invalid, |s| s.set(0, 0, complex(f64::NAN, 0.0), complex(1.0, 0.0))),
        (Reason::Unsynchronised, |s| s.synchronised = false),
    ];
    for (why, edit) in cases {
        let mut other = attribution.clone();
        feed(&mut other, 300..315, |k, sample| {
            if k == 307 {
                edit(sample)
            }
        });
        assert_eq!(other.verdict().decision, Decision::Indeterminate(why));
        let after = other.estimate(0, 0).unwrap().z_ohm;
        assert!((after - z).norm() < 1e-3, "a bad window teaches nothing: {after}");
    }
    feed(&mut attribution, 300..330, |_, s| s.set(0, 0, complex(0.1, 0.0), complex(1.0, 0.0)));
    assert_eq!(attribution.verdict().decision, Decision::Indeterminate(Reason::BelowGate), "0.1 V of 230 V");
}

/// Y = 0.5 S of the fleet answers the grid's voltage: of what flows, Y·V is not the fleet's doing.
#[test]
fn the_answer_to_the_grid_is_not_held_against_the_fleet() {
    let noise = Noise::new(5, "norton");
    let (y, z) = (complex(0.0, 0.5), complex(0.02, 0.1));
    let run = |fleet_s: Vec<Complex>| {
        let mut attribution = Attribution::new(Settings { fleet_s, unit_a: Vec::new(), ..settings() });
        feed(&mut attribution, 0..300, |k, sample| {
            // V = E + Z·(J_source − Y·V).
            let source = complex(10.0 + 3.0 * noise.normal(k / 5), 2.0 * noise.normal(k));
            let v = (complex(2.0, 1.0) + z * source) / (1.0 + z * y);
            sample.set(0, 0, v, source - y * v);
        });
        let found = attribution.verdict().orders[0].phases[0].z_ohm;
        (attribution.verdict().decision, found)
    };
    assert!((run(vec![y]).1 - z / (1.0 + z * y)).norm() < 2e-3, "the impedance with the fleet's admittance beside it");
    assert!((run(Vec::new()).1 - z).norm() < 2e-3, "the grid's alone");
}

#[test]
fn unit_shares_sum_to_the_fleet_s_and_the_noisy_one_is_found() {
    let mut attribution = Attribution::new(settings());
    let parts = [0.04, 0.05, 0.05, 0.06, 0.8];
    let mut square = 0.0;
    let with_units = |k: u64, sample: &mut Sample| {
        let (_, j) = sample.at(0, 0).unwrap();
        square += if k >= 285 { j.norm_sqr() / 15.0 } else { 0.0 };
        parts.iter().enumerate().for_each(|(unit, part)| sample.set_unit(unit, 0, 0, j * *part));
    };
    feed(&mut attribution, 0..300, with_units);
    let verdict = attribution.verdict();
    let sum: f64 = verdict.units.iter().map(|u| u.share).sum();
    assert!((sum - verdict.share).abs() < 1e-9, "{sum} {}", verdict.share);
    assert_eq!(verdict.noisiest, Some(4));
    // Its RMS current over the 3 s value, of 32 A, by the 4 % of IEEE 1547 at h5.
    let expected = 0.8 * square.sqrt() / 32.0 / 0.04;
    assert!(verdict.units[4].noisy && (verdict.units[4].of_limit - expected).abs() < 1e-9, "{:?}", verdict.units[4]);
    assert!(verdict.units[..4].iter().all(|u| !u.noisy), "over their limit, perhaps, but like the others");
}

/// With one meter only, each unit is silent for four seconds in turn, again and again.
#[test]
fn silence_finds_units_that_nobody_measures() {
    let mut attribution = Attribution::new(settings());
    let parts = [1.0, 1.2, 0.9, 12.0, 1.1];
    let mut sample = Sample::new(1, 1, 0);
    let noise = Noise::new(8, "silence");
    for k in 0..1500u64 {
        (sample.sequence, sample.valid, sample.synchronised) = (k, true, true);
        let turn = (k / 20) % 10;
        sample.silent = (turn % 2 == 1).then_some((turn / 2) as usize);
        let total: f64 = parts.iter().enumerate().filter(|(u, _)| sample.silent != Some(*u)).map(|(_, p)| p).sum();
        let j = complex(total, 0.2 * noise.normal(k)) * (1.0 + 0.01 * noise.normal(k / 30));
        sample.set(0, 0, complex(0.3, 0.1) + complex(0.012, 0.06) * j, j);
        attribution.step(&sample);
    }
    assert_eq!(attribution.verdict().noisiest, Some(3));
    let percent = attribution.verdict().units[3].of_limit * 4.0;
    assert!((percent - 100.0 * 12.0 / 32.0).abs() < 2.0, "{percent}");
}

/// A turn of the time axis by any angle changes nothing: phasors are turned back by h times the fundamental's.
#[test]
fn a_window_is_turned_to_its_fundamental() {
    let settings =
        crate::monitor::Settings::new(12_800.0, 50.0, vec![ChannelRole::voltage(1), ChannelRole::current(1)]);
    let blank = Window::room(&settings, 0);
    let channel = |first: Complex, fifth: Complex| {
        let mut phasor = vec![complex(0.0, 0.0); 51];
        (phasor[1], phasor[5]) = (first, fifth);
        let mut channel = blank.channels[0].clone();
        (channel.valid, channel.phasor, channel.thd_subgroup_percent) = (true, phasor, 3.1);
        channel
    };
    let places = Places { voltage: vec![0], current: vec![1], units: vec![vec![1]] };
    for angle in [0.0, 1.0, 4.0] {
        let turn = |h: f64| Complex::from_polar(1.0, h * angle);
        let voltage = channel(complex(230.0, 0.0) * turn(1.0), complex(2.0, 1.0) * turn(5.0));
        let current = channel(complex(10.0, 0.0) * turn(1.0), complex(0.5, -0.2) * turn(5.0));
        let mut window = Window { valid: true, synchronised: true, ..blank.clone() };
        window.channels = vec![voltage, current];
        let mut sample = Sample::new(1, 1, 1);
        sample.fill(&window, &places, &[5]);
        let (v, j) = sample.at(0, 0).unwrap();
        assert!((v - complex(2.0, 1.0)).norm() < 1e-12 && (j - complex(0.5, -0.2)).norm() < 1e-12);
        assert!(sample.valid && (sample.unit(0, 0, 0).unwrap() - j).norm() < 1e-12);
        assert_eq!(sample.thd_percent[0], 3.1);
        window.channels.pop();
        sample.fill(&window, &places, &[5]);
        assert!(!sample.valid, "a missing channel is no zero");
    }
}

/// The probe finds the impedance exactly where the background follows the fleet exactly.
#[test]
fn a_probe_sees_through_a_background_that_follows() {
    let noise = Noise::new(2, "probe");
    let (z, c) = (complex(0.02, 0.1), complex(-0.08, 0.05));
    let mut instrument = Instrument::new(600.0);
    for k in 0..600u64 {
        let p = if noise.bits(1000 + k / 5) & 1 == 1 { 1.0 } else { -1.0 };
        let own = complex(10.0 + 0.8 * noise.normal(k / 9), 0.4 * noise.normal(k / 13));
        let j = own + complex(0.5, 0.3) * p;
        instrument.step(complex(2.0, 0.0) + c * own + z * j, j, 0.58 * p);
    }
    let (found, sd) = instrument.estimate().unwrap();
    assert!((found - z).norm() < 3.0 * sd && sd < 0.12 * z.norm(), "{found} ± {sd}");
    assert!(((z + c) - found).norm() > 3.0 * sd, "what the fleet's own movement would say");
}

#[test]
fn limits_are_those_of_1547_and_medians_are_medians() {
    let orders = [2, 3, 4, 6, 8, 9, 11, 15, 17, 21, 23, 33, 35, 49].map(limit_percent);
    assert_eq!(orders, [1.0, 4.0, 2.0, 3.0, 4.0, 4.0, 2.0, 2.0, 1.5, 1.5, 0.6, 0.6, 0.3, 0.3]);
    assert_eq!((units::median(&mut [3.0, 1.0, 2.0]), units::median(&mut [4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
    assert_eq!(units::median(&mut []), 0.0);
    // 1, 2, 3, 4, 100: median 3, deviations 2, 1, 0, 1, 97 with median 1.
    let mut room = [0.0; 5];
    assert_eq!(units::spread(&[1.0, 2.0, 3.0, 4.0, 100.0], &mut room), (3.0, 1.4826));
}
