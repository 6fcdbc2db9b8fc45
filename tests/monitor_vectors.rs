//! Windows against the power-quality vectors (`tests/data/power-quality`), which plain numpy made from the formulas.

use std::f64::consts::{SQRT_2, TAU};
use std::path::Path;

use phasorbench::monitor::{ChannelRole, ChannelWindow, Finding, Instrument, Settings, TenSeconds, Window, Windows};
use phasorbench::signal::Waveform;
use serde_json::Value;

fn vector(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/power-quality").join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("a vector")).expect("JSON")
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} of {value}"))
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

/// Samples of a list of components `{f, rms | amp, phase_deg}`.
fn synthesise(components: &Value, rate_hz: f64, count: usize) -> Vec<f64> {
    let components = components.as_array().expect("components");
    let at = |k: usize| {
        let part = |c: &Value| {
            let amplitude = c["amp"].as_f64().unwrap_or_else(|| SQRT_2 * number(c, "rms"));
            let angle = TAU * number(c, "f") * k as f64 / rate_hz;
            amplitude * (angle + c["phase_deg"].as_f64().unwrap_or(0.0).to_radians()).cos()
        };
        components.iter().map(part).sum()
    };
    (0..count).map(at).collect()
}

fn block(channels: &[Vec<f64>]) -> Waveform {
    let mut block = Waveform::new(channels.len(), channels[0].len());
    block.begin(0, channels[0].len());
    channels.iter().enumerate().for_each(|(k, samples)| block.channel_mut(k).copy_from_slice(samples));
    block
}

/// All that an instrument of voltages finds.
fn measure(vector: &Value, windows: Windows, channels: &[Vec<f64>]) -> (Vec<Window>, Vec<TenSeconds>) {
    let roles = (1..=channels.len() as u8).map(ChannelRole::voltage).collect();
    let settings = Settings { windows, ..Settings::new(number(vector, "fs"), number(vector, "nominal_hz"), roles) };
    let mut instrument = Instrument::new(&settings).expect("an instrument");
    let (mut found, mut frequencies) = (Vec::new(), Vec::new());
    let mut note = |finding: Finding| match finding {
        Finding::Window(window) => found.push(window.clone()),
        Finding::Frequency(ten_seconds) => frequencies.push(ten_seconds),
        _ => {}
    };
    instrument.push(&block(channels), &mut note);
    instrument.finish(&mut note);
    (found, frequencies)
}

/// Windows of a vector's one channel, sampled for so many times its length.
fn one_channel(vector: &Value, windows: Windows, times: usize) -> Vec<Window> {
    let count = times * vector["n_samples"].as_u64().expect("a number") as usize;
    measure(vector, windows, &[synthesise(&vector["components"], number(vector, "fs"), count)]).0
}

fn near(name: &str, own: f64, truth: f64, tolerance: f64) {
    assert!((own - truth).abs() <= tolerance, "{name}: {own}, should be {truth}");
}

fn all_near(name: &str, own: &[f64], truth: &Value, tolerance: f64) {
    let truth = list(truth);
    assert_eq!(own.len(), truth.len(), "{name}");
    own.iter().zip(truth).enumerate().for_each(|(k, (a, b))| near(&format!("{name} {k}"), *a, b, tolerance));
}

/// Everything that the vector expects of a fixed window.
fn compare(vector: &Value, channel: &ChannelWindow) {
    let (expected, tolerance, id) = (&vector["expected"], number(vector, "abs_tol"), &vector["id"]);
    let of = |key: &str| number(expected, key);
    let name = |what: &str| format!("{id} {what}");
    near(&name("rms"), channel.rms, of("rms"), tolerance);
    near(&name("dc"), channel.dc, of("dc"), tolerance);
    near(&name("fundamental"), channel.phasor[1].norm(), of("fund_bin_rms"), tolerance);
    near(&name("angle"), channel.phasor[1].arg().to_degrees(), of("fund_phase_deg"), tolerance);
    let singles: Vec<f64> = channel.phasor.iter().map(|phasor| phasor.norm()).collect();
    let singles: Vec<f64> =
        singles.iter().enumerate().map(|(k, x)| if k == 0 { channel.dc.abs() } else { *x }).collect();
    all_near(&name("single"), &singles, &expected["harm_single"], tolerance);
    all_near(&name("subgroup"), &channel.subgroup_rms, &expected["harm_subgroup"], tolerance);
    all_near(&name("group"), &channel.group_rms, &expected["harm_group"], tolerance);
    all_near(&name("interharmonic group"), &channel.interharmonic_group_rms, &expected["ih_group"], tolerance);
    let centred = &expected["ih_centred_subgroup"];
    all_near(&name("interharmonic subgroup"), &channel.interharmonic_subgroup_rms, centred, tolerance);
    near(&name("THD40"), channel.thd40_percent, of("THD40_pct"), tolerance);
    near(&name("THD50"), channel.thd_percent, of("THD50_pct"), tolerance);
    near(&name("THDS40"), channel.thd40_subgroup_percent, of("THDS40_pct"), tolerance);
    near(&name("THDS50"), channel.thd_subgroup_percent, of("THDS50_pct"), tolerance);
    near(&name("THDG40"), channel.thd40_group_percent, of("THDG40_pct"), tolerance);
    near(&name("PWHD"), channel.pwhd_percent, of("PWHD_14_40_pct"), tolerance);
}

const SPECTRA: [&str; 8] = [
    "v01_pure_50",
    "v02_en50160_limits_50",
    "v03_60hz_12cycle",
    "v04_grouping_edges",
    "v05_interharmonics_50",
    "v07_offnominal_49_7",
    "v08_offnominal_60_3",
    "v13_dc_even",
];

#[test]
fn fixed_windows_are_the_vectors() {
    for name in SPECTRA {
        let vector = vector(name);
        let windows = one_channel(&vector, Windows::Fixed, 1);
        assert_eq!(windows.len(), 1, "{name}: exactly the samples of one window");
        compare(&vector, &windows[0].channels[0]);
    }
}

#[test]
fn synchronised_windows_at_the_nominal_frequency_are_the_vectors_too() {
    for name in SPECTRA.into_iter().filter(|name| !name.contains("offnominal")) {
        let vector = vector(name);
        let windows = one_channel(&vector, Windows::Synchronised, 1);
        assert_eq!(windows.len(), 1, "{name}");
        assert!(windows[0].synchronised && windows[0].valid, "{name}");
        near(name, windows[0].frequency_hz, number(&vector, "nominal_hz"), 1e-3);
        compare(&vector, &windows[0].channels[0]);
    }
}

#[test]
fn synchronised_windows_off_the_nominal_frequency_tell_the_truth() {
    for name in ["v07_offnominal_49_7", "v08_offnominal_60_3"] {
        let vector = vector(name);
        let truth = &vector["expected"]["synchronised"];
        let fundamental_hz = number(&vector["components"][0], "f");
        let windows = one_channel(&vector, Windows::Synchronised, 5);
        assert_eq!(windows.len(), if fundamental_hz < 50.0 { 4 } else { 5 }, "{name}");
        for window in &windows {
            assert!(window.synchronised && window.valid, "{name}");
            near(name, window.frequency_hz, fundamental_hz, 1e-3);
            near(name, window.duration_s * 12_800.0, number(truth, "window_samples"), 0.05);
            let channel = &window.channels[0];
            for (order, rms) in truth["subgroup_truth"].as_object().expect("orders") {
                let (own, rms) = (channel.subgroup_rms[order.parse::<usize>().unwrap()], rms.as_f64().unwrap());
                near(&format!("{name} window {} order {order}", window.sequence), own, rms, 1e-4 * rms);
            }
            near(name, channel.thd40_subgroup_percent, number(truth, "THDS40_truth_pct"), 1e-3);
            near(name, channel.thd_subgroup_percent, number(truth, "THDS50_truth_pct"), 1e-3);
        }
    }
}

#[test]
fn unbalance_is_that_of_the_vectors() {
    for name in ["v11_unbalance_a", "v11_unbalance_b_with_h5"] {
        let vector = vector(name);
        let expected = &vector["expected"];
        let of = |phase: &str| synthesise(&vector["components_by_phase"][phase], 12_800.0, 2560);
        let (windows, _) = measure(&vector, Windows::Synchronised, &["a", "b", "c"].map(of));
        let unbalance = windows[0].unbalance.expect("three voltages");
        near(name, unbalance.positive_rms, number(expected, "U1"), 1e-6);
        near(name, unbalance.u2_percent, number(expected, "u2_pct"), 1e-6);
        near(name, unbalance.u0_percent, number(expected, "u0_pct"), 1e-6);
        near(name, unbalance.u2_line_percent, number(expected, "u2_from_line_to_line_beta_pct"), 1e-6);
    }
}

#[test]
fn bands_from_2_to_9_khz_are_those_of_the_vector() {
    let vector = vector("v14_supraharmonic_25k6");
    for windows in [Windows::Fixed, Windows::Synchronised] {
        let windows = one_channel(&vector, windows, 1);
        let bands = &windows[0].channels[0].band_rms;
        let expected = vector["expected"]["bands_rms"].as_object().expect("bands");
        assert_eq!(bands.len(), expected.len());
        for (band, rms) in bands.iter().enumerate() {
            let centre = format!("{}", phasorbench::monitor::band_centre_hz(band));
            near(&centre, *rms, expected[&centre].as_f64().expect("a number"), number(&vector, "abs_tol"));
        }
    }
}

#[test]
fn frequency_over_ten_seconds_is_that_of_the_vector() {
    let vector = vector("v21_freq_10s");
    for windows in [Windows::Synchronised, Windows::Fixed] {
        let samples = synthesise(&vector["components"], 12_800.0, 128_000);
        let (_, found) = measure(&vector, windows, &[samples]);
        let &[TenSeconds { start_s, cycles, frequency_hz }] = &found[..] else { panic!("{found:?}") };
        assert_eq!((start_s, u64::from(cycles)), (0.0, vector["expected"]["cycles"].as_u64().unwrap()));
        near("frequency", frequency_hz, number(&vector["expected"], "f_hz"), 1e-5);
    }
}
