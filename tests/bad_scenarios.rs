//! Broken scenarios: each file under `tests/bad/scenario/` is refused, with findings as committed, as a user sees them.
//!
//! To accept changed findings: `INSTA_UPDATE=always cargo test --test bad_scenarios`, then read the changed snapshots.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};

use phasorbench::bench;
use phasorbench::diagnostic::render;
use phasorbench::scenario;
use proptest::prelude::*;

/// What is said of a scenario, with the names of its files alone, is as committed.
fn is_as_committed(name: &str, reading: &scenario::Reading) {
    let mut snapshots = insta::Settings::clone_current();
    snapshots.set_snapshot_path("snapshots/bad_scenario");
    snapshots.set_prepend_module_to_snapshot(false);
    snapshots.set_omit_expression(true);
    let text = render(&reading.diagnostics, &reading.sources, false);
    let shown = text.replace(&format!("{}/", folder().display()), "");
    snapshots.bind(|| insta::assert_snapshot!(name, shown));
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/scenario")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    files
}

#[test]
fn every_broken_scenario_yields_located_findings() {
    let files = files(&folder());
    assert!(files.len() >= 25, "{}", files.len());
    for path in files {
        let reading = scenario::read(&path);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(reading.plan.is_none(), "{name} was accepted");
        assert!(!reading.diagnostics.is_empty(), "{name} was refused without a reason");
        for finding in &reading.diagnostics {
            assert!(finding.span.is_some(), "{name}: {finding:?} has no place");
        }
        is_as_committed(name, &reading);
    }
}

/// What only the compiled network can tell of phasor controllers is told before a run: errors leave no plan, warnings do.
#[test]
fn what_phasor_controllers_cannot_do_is_found_before_a_run() {
    let files = files(&folder().join("network"));
    assert!(files.len() >= 6, "{}", files.len());
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let read = scenario::read(&path);
        assert!(read.diagnostics.is_empty(), "{name}: {:?}", read.diagnostics);
        let reading = bench::examined(read);
        assert!(!reading.diagnostics.is_empty(), "{name}: nothing was found");
        let error = reading.diagnostics.iter().any(phasorbench::diagnostic::Diagnostic::is_error);
        assert_eq!(reading.plan.is_none(), error, "{name}");
        for finding in &reading.diagnostics {
            assert!(finding.span.is_some(), "{name}: {finding:?} has no place");
        }
        is_as_committed(name, &reading);
    }
}

#[test]
fn a_file_that_is_not_there_is_said() {
    let reading = scenario::read(Path::new("no/such/scenario.yaml"));
    assert!(reading.plan.is_none());
    let text = render(&reading.diagnostics, &reading.sources, false);
    assert_eq!(text, "error[E0001]: cannot read no/such/scenario.yaml: there is no such file\n\n1 error\n");
}

/// A sound scenario that uses every key.
const SOUND: &str = r#"
scenario: sound
title: Everything at once
feeder: feeders/small.yaml
start_s: 3600
duration_s: 600
step_s: 60
seed: 7
controls: static
load_multiplier: 0.9
feeder_shapes: none
profiles:
  flat: {interval_s: 60, interpolate: true, p: [1, 0.5], q: [0.5, 1]}
  measured: {at_s: [0, 3600], p_kw: [10, 20], q_kvar: [1, 2]}
load_shape: flat
loads: {farm: {profile: measured, scale: 2}}
taps: {reg: 3}
capacitors: {bank: open}
lines: {branch: closed}
devices: {ev: {power: {bus: end, phases: ab, p_kw: -10, q_kvar: 2, s_kva: 22, ramp_kw_per_s: 5, response_s: 1, priority: active, profile: flat}}}
instruments: {m: {meter: {measures: [end.1.v_pu, ev.p_w], every_s: 120, delay_s: 60, noise: 0.001, resolution: 0.001}}, pmu632: {pmu: {bus: end, phases: ab,
  noise: micro_pmu, resolution: {v_pu: 0.001, angle_deg: 0.01}, every_s: 120, delay_s: 60, jitter_s: 60, loss: 0.01, holdover_s: 120, drift_ppm: 1}}}
controllers:
  vv: {law: volt_var, every_s: 60, measures: m, actuators: [ev], curve: [[0.9, 0.4], [1.1, -0.4]], response_s: 5, timeout_s: 600, fail_safe: 0}
  vw: {law: volt_watt, measures: m, actuators: [ev]}
events:
  - {at_s: 0, load: {name: town, p_kw: 500, q_kvar: 100}}
  - {at_s: 60, load: {name: town, scale: 1.5}}
  - {at_s: 120, add_load: {bus: end.1, p_kw: 5, q_kvar: 1}, for_s: 120}
  - {at_s: 180, open: branch, reclose_after_s: 60}
  - {at_s: 300, tap: {reg: 5}}
  - {at_s: 360, move_tap: {reg: -1}}
  - {at_s: 420, capacitor: {bank: closed}}
  - {at_s: 480, load_multiplier: 1.1}
  - {at_s: 540, open: branch}
  - {at_s: 600, close: branch}
  - {at_s: 60, lose: ev, for_s: 60}
  - {at_s: 60, communication: {of: vv, lost: true}, for_s: 60}
  - {at_s: 60, communication: {of: m, delay_s: 60}}
  - {at_s: 60, sensor: {instrument: m, channel: ev.p_w, gain: 2}}
  - {at_s: 60, pmu: {name: pmu632, gps_lost: true}, for_s: 60}
  - {at_s: 60, device: {name: ev, p_kw: 3, q_kvar: 1}}
outputs: {voltages: [end, middle], angles: true, every_s: 120, limits_pu: [0.9, 1.1]}
"#;

/// Reads a text as if it stood beside the broken scenarios.
fn read(folder: &Path, text: &str) -> scenario::Reading {
    let path = folder.join("scenario.yaml");
    std::fs::write(&path, text).unwrap();
    scenario::read(&path)
}

fn folder_with_feeder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("feeders")).unwrap();
    std::fs::copy(folder().join("feeders/small.yaml"), dir.path().join("feeders/small.yaml")).unwrap();
    dir
}

#[test]
fn a_sound_scenario_becomes_a_plan() {
    let dir = folder_with_feeder();
    let reading = read(dir.path(), SOUND);
    assert_eq!(render(&reading.diagnostics, &reading.sources, false), "");
    let plan = reading.plan.unwrap();
    let ticks: Vec<u64> = plan.events.iter().map(|event| event.tick.0).collect();
    assert_eq!(ticks, [0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(plan.last.0, 10);
    assert_eq!(plan.watch.every, 2);
    assert_eq!(plan.inputs.len(), 2);
    assert_eq!(plan.demands.len(), 4, "two loads, a device, and a load that an event adds");
    let last: Vec<&str> = plan.quantities.iter().rev().take(10).map(|q| q.name.as_str()).collect();
    let pmu = ["age_s", "sync", "b.angle_deg", "b.v_pu", "a.angle_deg", "a.v_pu"].map(|what| format!("pmu632.{what}"));
    assert_eq!(last[..6], pmu);
    assert_eq!(last[6..], ["m.age_s", "m.ev.p_w", "m.end.1.v_pu", "ev.q_var"]);
    assert_eq!(plan.initial.len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Pieces of a sound scenario in any order, cut anywhere: an answer, never a panic.
    #[test]
    fn mangled_scenarios_are_answered(cuts in proptest::collection::vec((0..SOUND.len(), 0..40usize, "[ -~\n]{0,6}"), 1..6)) {
        let mut text = SOUND.as_bytes().to_vec();
        for (at, length, new) in cuts {
            let at = at.min(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, new.bytes());
        }
        let dir = folder_with_feeder();
        let reading = read(dir.path(), &String::from_utf8_lossy(&text));
        prop_assert!(reading.plan.is_some() || !reading.diagnostics.is_empty());
        render(&reading.diagnostics, &reading.sources, false);
    }
}
