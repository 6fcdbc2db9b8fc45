//! `phasorbench monitor` from the outside: vectors through CSV files, JSON whole whatever happens, flat memory.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "support/recordings.rs"]
mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use support::{Signal, cosines, three_phases};

fn monitor(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("phasorbench"));
    command.current_dir(dir).arg("monitor").args(args).env("CI", "1").output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

fn vector(name: &str) -> Value {
    let folder = if name.starts_with("v10") { "monitor_events" } else { "power-quality" };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder).join(format!("{name}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Samples of a vector's components, which may be gated in time.
fn synthesised(components: &Value, rate_hz: f64, count: usize) -> Vec<f64> {
    let components = components.as_array().unwrap();
    let number = |c: &Value, key: &str, otherwise: f64| c[key].as_f64().unwrap_or(otherwise);
    let at = |n: usize| {
        let t = n as f64 / rate_hz;
        let part = |c: &Value| {
            let amplitude = c["amp"].as_f64().unwrap_or_else(|| 2f64.sqrt() * c["rms"].as_f64().unwrap());
            let inside = t >= number(c, "t0", f64::MIN) && t < number(c, "t1", f64::MAX);
            let angle = std::f64::consts::TAU * number(c, "f", 0.0) * t + number(c, "phase_deg", 0.0).to_radians();
            if inside { amplitude * angle.cos() } else { 0.0 }
        };
        components.iter().map(part).sum()
    };
    (0..count).map(at).collect()
}

/// A vector, repeated for so many times its length, as CSV with so many decimals of the time.
fn csv(vector: &Value, times: usize, decimals: usize) -> String {
    let (rate_hz, count) = (vector["fs"].as_f64().unwrap(), vector["n_samples"].as_u64().unwrap() as usize);
    let samples = synthesised(&vector["components"], rate_hz, times * count);
    Signal { rate_hz, names: vec!["u1".into()], channels: vec![samples] }.csv(decimals)
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn near(what: &str, own: &Value, truth: &Value, tolerance: f64) {
    let (own, truth) = (own.as_f64().unwrap(), truth.as_f64().unwrap());
    assert!((own - truth).abs() <= tolerance, "{what}: {own}, should be {truth}");
}

#[test]
fn vectors_come_out_of_csv_files() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "v01_pure_50",
        "v02_en50160_limits_50",
        "v03_60hz_12cycle",
        "v04_grouping_edges",
        "v05_interharmonics_50",
        "v07_offnominal_49_7",
        "v08_offnominal_60_3",
        "v13_dc_even",
    ] {
        let vector = vector(name);
        fs::write(dir.path().join("v.csv"), csv(&vector, 1, 6)).unwrap();
        let nominal = vector["nominal_hz"].to_string();
        let output = monitor(
            dir.path(),
            &["v.csv", "--json", "--windows", "fixed", "--nominal-hz", &nominal, "--nominal-v", "230"],
        );
        assert!(output.status.success(), "{name}: {}", said(&output));
        let (json, expected) = (json(&output), &vector["expected"]);
        assert_eq!(
            (json["sample_rate_hz"].as_f64(), json["nominal_hz"].as_f64()),
            (Some(12_800.0), vector["nominal_hz"].as_f64())
        );
        assert_eq!(json["windows"].as_array().unwrap().len(), 1, "{name}");
        let own = &json["windows"][0]["channels"]["u1"];
        // Samples are written with nine decimals.
        let tolerance = 2e-6;
        near(name, &own["rms"], &expected["rms"], tolerance);
        near(name, &own["thd_percent"], &expected["THD50_pct"], tolerance);
        near(name, &own["thd_subgroup_percent"], &expected["THDS50_pct"], tolerance);
        for (list_of, truth) in [
            ("subgroup_rms", "harm_subgroup"),
            ("group_rms", "harm_group"),
            ("interharmonic_subgroup_rms", "ih_centred_subgroup"),
            ("interharmonic_group_rms", "ih_group"),
        ] {
            let (own, truth) = (list(&own[list_of]), list(&expected[truth]));
            assert_eq!(own.len(), 51, "{name}");
            for order in 1..=50 {
                assert!(
                    (own[order] - truth[order]).abs() <= tolerance,
                    "{name}: {list_of} {order}: {} {}",
                    own[order],
                    truth[order]
                );
            }
        }
    }
}

#[test]
fn vectors_off_the_nominal_frequency_are_measured_by_their_own() {
    let dir = tempfile::tempdir().unwrap();
    for (name, hz) in [("v07_offnominal_49_7", 49.7), ("v08_offnominal_60_3", 60.3)] {
        let vector = vector(name);
        fs::write(dir.path().join("v.csv"), csv(&vector, 6, 9)).unwrap();
        let output = monitor(dir.path(), &["v.csv", "--json"]);
        assert!(output.status.success(), "{name}: {}", said(&output));
        let json = json(&output);
        assert_eq!(json["nominal_hz"].as_f64(), vector["nominal_hz"].as_f64(), "told by the signal");
        let windows = json["windows"].as_array().unwrap();
        assert!(windows.len() >= 5);
        for window in &windows[1..] {
            let own = &window["channels"]["u1"];
            near(name, &window["frequency_hz"], &hz.into(), 1e-3);
            let truth = &vector["expected"]["synchronised"];
            let (subgroups, fundamental) = (list(&own["subgroup_rms"]), truth["subgroup_truth"]["1"].as_f64().unwrap());
            assert!((subgroups[1] / fundamental - 1.0).abs() < 1e-3);
            for (order, rms) in truth["subgroup_truth"].as_object().unwrap() {
                let (own, rms) = (subgroups[order.parse::<usize>().unwrap()], rms.as_f64().unwrap());
                assert!((own / rms - 1.0).abs() < 1e-3, "{name}, order {order}: {own} {rms}");
            }
            near(name, &own["thd_subgroup_percent"], &truth["THDS50_truth_pct"], 0.01);
        }
    }
}

#[test]
fn events_of_a_vector_come_out_and_flag_windows() {
    let vector = vector("v10_dip_swell_interruption");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("v.csv"), csv(&vector, 1, 6)).unwrap();
    let output = monitor(dir.path(), &["v.csv", "--json", "--nominal-hz", "50", "--out", "out"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("nominal voltage 230 V, told by the first 10 cycles"));
    let json = json(&output);
    let (events, expected) = (json["events"].as_array().unwrap(), vector["expected"]["events"].as_array().unwrap());
    let kinds: Vec<&str> = events.iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["dip", "swell", "interruption"]);
    for (own, truth) in events.iter().zip(expected) {
        near("start", &own["start_s"], &truth["start"], 0.02);
        near("duration", &own["duration_s"], &truth["duration_s"], 0.02);
        near("residual", &own["residual_percent"], &truth["extreme_pct"], 0.2);
    }
    let flagged: Vec<bool> =
        json["windows"].as_array().unwrap().iter().map(|w| w["flagged"].as_bool().unwrap()).collect();
    let truth: Vec<bool> = vector["expected"]["flagged_10cycle_windows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f.as_bool().unwrap())
        .collect();
    assert_eq!(flagged, truth[..flagged.len()]);
    // The same goes into the folder, with its page.
    let kept: Value = serde_json::from_slice(&fs::read(dir.path().join("out/windows.json")).unwrap()).unwrap();
    assert_eq!(kept, json);
    let page = fs::read_to_string(dir.path().join("out/report.html")).unwrap();
    for text in ["interruption", "ITI", "<svg", "u1"] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn a_failed_limit_is_exit_code_1() {
    let dir = tempfile::tempdir().unwrap();
    let csv_of = |percent: f64| {
        let samples = cosines(12_800.0, 12_800 * 4, &[(50.0, 230.0, 0.0), (250.0, 2.3 * percent, 0.0)]);
        Signal { rate_hz: 12_800.0, names: vec!["u1".into()], channels: vec![samples] }.csv(6)
    };
    for (percent, code) in [(4.0, 0), (7.0, 1)] {
        fs::write(dir.path().join("v.csv"), csv_of(percent)).unwrap();
        let output = monitor(dir.path(), &["v.csv", "--json", "--limits", "ieee519"]);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        let json = json(&output);
        let limits = json["limits"].as_array().unwrap();
        assert!(!limits.is_empty());
        for limit in limits {
            assert!(limit["name"].is_string() && limit["value"].is_f64() && limit["limit"].is_f64());
        }
        assert_eq!(limits.iter().all(|l| l["passed"].as_bool().unwrap()), code == 0);
    }
    let refused = monitor(dir.path(), &["v.csv", "--limits", "iec61000-3-12"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("error[E0522]"), "{}", said(&refused));
}

#[test]
fn a_recording_that_breaks_off_is_never_taken_for_whole() {
    let dir = tempfile::tempdir().unwrap();
    let text = three_phases(12_800.0, 20_000, 50.0).csv(6);
    let cut = text.lines().take(15_000).collect::<Vec<_>>().join("\n") + "\n1.2,nan,0,0,0,0,0\n";
    fs::write(dir.path().join("v.csv"), cut).unwrap();
    let output = monitor(dir.path(), &["v.csv", "--json", "--out", "out", "--limits", "seed"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("v.csv:15001:5"), "{}", said(&output));
    let json = json(&output);
    assert!(json["windows"].as_array().unwrap().len() >= 4);
    assert_eq!((&json["complete"], &json["limits"]), (&Value::Bool(false), &serde_json::json!([])));
    assert!(json["error"].as_str().unwrap().contains("not a finite number"));
    let left: Vec<String> =
        fs::read_dir(dir.path().join("out")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left, ["windows.json.partial"]);
}

#[test]
fn what_cannot_be_measured_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |name: &str, text: &str, args: &[&str], words: &str| {
        fs::write(dir.path().join(name), text).unwrap();
        let output = monitor(dir.path(), &[&[name], args].concat());
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(words), "{words}: {}", said(&output));
    };
    refused(
        "low.csv",
        &three_phases(1200.0, 2400, 50.0).csv(6),
        &[],
        "1200 Hz is too low a sampling rate: order 50 needs at least 12800 Hz",
    );
    refused("low.csv", &three_phases(1200.0, 2400, 50.0).csv(6), &[], "nothing above order 11 (50 Hz) or 9 (60 Hz)");
    refused("short.csv", &three_phases(12_800.0, 640, 50.0).csv(6), &[], "a window is 200 ms long");
    refused("still.csv", &three_phases(12_800.0, 9000, 0.0).csv(6), &[], "error[E0520]");
    refused("ok.csv", &three_phases(12_800.0, 3000, 50.0).csv(6), &["--nominal-v", "-3"], "error[E0470]");
    refused("ok.csv", &three_phases(12_800.0, 3000, 50.0).csv(6), &["--channels", "u1=nix"], "no channel \"nix\"");
    let missing = monitor(dir.path(), &["nowhere.csv"]);
    assert!(
        said(&missing).contains("error[E0001]: cannot read nowhere.csv: there is no such file"),
        "{}",
        said(&missing)
    );
}

#[test]
fn dead_and_clipped_channels_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut signal = three_phases(12_800.0, 9000, 50.0);
    signal.channels[1].fill(0.0);
    signal.channels[2].iter_mut().for_each(|x| *x = x.min(250.0));
    fs::write(dir.path().join("v.csv"), signal.csv(6)).unwrap();
    let output = monitor(dir.path(), &["v.csv", "--json"]);
    for words in ["W0520]: u2 is dead in 3 of 3 windows", "W0521]: u3 is clipped in 3 of 3 windows"] {
        assert!(said(&output).contains(words), "{}", said(&output));
    }
    assert!(json(&output)["windows"].as_array().unwrap().iter().all(|w| w["valid"] == Value::Bool(false)));
}

/// An hour's worth of windows would be the same: what is held is a block, a few windows, and trends of bounded length.
#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_recording() {
    let dir = tempfile::tempdir().unwrap();
    let peak_kib = |seconds: usize| {
        let name = format!("{seconds}.csv");
        let mut file = std::io::BufWriter::new(fs::File::create(dir.path().join(&name)).unwrap());
        let wave = cosines(12_800.0, 12_800, &[(50.0, 230.0, 0.0)]);
        let mut line = String::new();
        writeln!(file, "time_s,u1").unwrap();
        for n in 0..seconds * 12_800 {
            line.clear();
            writeln!(line, "{:.6},{:.3}", n as f64 / 12_800.0, wave[n % 12_800]).unwrap();
            file.write_all(line.as_bytes()).unwrap();
        }
        file.flush().unwrap();
        drop(file);
        let program = assert_cmd::cargo::cargo_bin("phasorbench");
        let mut child = Command::new(program);
        child
            .current_dir(dir.path())
            .args(["monitor", &name, "--json", "--quiet"])
            .stdout(std::process::Stdio::piped());
        let mut child = child.spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let mut peak = 0.0f64;
        let mut room = vec![0; 1 << 16];
        while std::io::Read::read(&mut out, &mut room).unwrap() > 0 {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
            let kib = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0.0);
            peak = peak.max(kib);
        }
        assert!(child.wait().unwrap().success());
        peak
    };
    let (short, long) = (peak_kib(10), peak_kib(60));
    assert!(short > 1000.0 && long < 1.1 * short + 1000.0, "{short} KiB for 10 s, {long} KiB for 60 s");
}
