//! `phasorbench compare` from the outside: on two nodes, where every number is known in closed form.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

#[path = "support/page.rs"]
mod page;

use page::{assert_needs_nothing, assert_well_formed};

/// The line is lost at 2 s. With both lines 2δ = asin(1/2.2), with one 2δ = asin(1/1.1), and |V| = cos δ.
const BASE: &str = "feeder: FEEDER\nduration_s: 6\nstep_s: 0.1\ncontrols: off\n\
                    devices: {battery: {power: {bus: receiving, s_kva: 1500}}}\nevents: [{at_s: 2, open: line1}]\n";
const PBC: &str = "scenario: pbc\nextends: base.yaml\n\
                   instruments: {far: {pmu: {bus: receiving}}, near: {pmu: {bus: sending}}}\n\
                   controllers: {lpbc: {law: decoupled_pi, performance: far, reference: near, actuators: [battery]}}\n";
const NONE: &str = "scenario: none\nextends: base.yaml\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let feeder = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders/parallel_lines.yaml");
    fs::copy(feeder, dir.path().join("lines.yaml")).unwrap();
    fs::write(dir.path().join("base.yaml"), BASE.replace("FEEDER", "lines.yaml")).unwrap();
    files.iter().for_each(|(name, text)| fs::write(dir.path().join(name), text).unwrap());
    dir
}

fn compare(dir: &Path, args: &[&str]) -> std::process::Output {
    Command::cargo_bin("phasorbench").unwrap().current_dir(dir).arg("compare").args(args).output().unwrap()
}

fn near(value: &Value, expected: f64, within: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() <= within, "{value} is not {expected}");
}

#[test]
fn a_run_without_control_is_judged_by_the_targets_of_one_with() {
    let dir = folder(&[("pbc.yaml", PBC), ("none.yaml", NONE)]);
    let output = compare(dir.path(), &["none.yaml", "pbc.yaml", "--out", "out", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all["target"]["scenario"], "pbc");
    assert_eq!(all["disturbances"].as_array().unwrap().len(), 1);
    let (none, pbc) = (&all["rows"][0], &all["rows"][1]);
    assert_eq!((&none["scenario"], &pbc["scenario"]), (&Value::from("none"), &Value::from("pbc")), "the order given");
    let delta = |share: f64| 0.5 * share.asin();
    let (before, after) = (delta(1.0 / 2.2), delta(1.0 / 1.1));
    for row in [none, pbc] {
        // Nobody can act before the first solution shows the loss.
        near(&row["responses"][0][0]["first"], before.cos() - after.cos(), 1e-6);
        near(&row["responses"][0][1]["first"], (after - before).to_degrees(), 1e-4);
    }
    assert!(none["settling_s"].is_null() && none["saturated_s"].is_null());
    near(&none["responses"][0][0]["last"], before.cos() - after.cos(), 1e-6);
    near(&none["effort_kvah"], 0.0, 1e-12);
    assert!(pbc["settling_s"].as_f64().unwrap() < 4.0);
    near(&pbc["responses"][0][1]["last"], 0.0, 0.05);
    // Half the load, 500 kW, from soon after 2 s to 6 s.
    near(&pbc["effort_kvah"], 500.0 * 4.0 / 3600.0, 0.1);
    near(&pbc["losses_kwh"], 0.0, 1e-6);
    let html = fs::read_to_string(dir.path().join("out/report.html")).unwrap();
    assert_needs_nothing(&html.replace("href=\"pbc/", "").replace("href=\"none/", ""));
    for name in ["errors", "settling", "effort", "losses", "voltage"] {
        assert_well_formed(&fs::read_to_string(dir.path().join(format!("out/compare_{name}.svg"))).unwrap());
    }
    assert!(dir.path().join("out/pbc/report.html").is_file(), "each run has its own report");
}

#[test]
fn quantities_are_judged_where_nothing_holds_phasors() {
    let dir = folder(&[("none.yaml", NONE)]);
    let output =
        compare(dir.path(), &["none.yaml", "--quantity", "receiving.1.v_pu=0.97,0.005", "--out", "out", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    near(&all["rows"][0]["responses"][0][0]["last"], 0.97 - (0.5 * (1.0f64 / 1.1).asin()).cos(), 1e-6);
    let output = compare(dir.path(), &["none.yaml", "--quantity", "nowhere.1.v_pu=1,0.1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("error[E0480]"));
}

#[test]
fn what_cannot_be_compared_is_said() {
    let longer = "scenario: longer\nextends: pbc.yaml\nduration_s: 7\n";
    let dir = folder(&[("pbc.yaml", PBC), ("none.yaml", NONE), ("longer.yaml", longer)]);
    let cases: [(&[&str], &str); 4] = [
        (&["none.yaml"], "error[E0481]: none of the scenarios has a phasor controller"),
        (&["none.yaml", "longer.yaml"], "error[E0480]"),
        (&["none.yaml", "pbc.yaml", "--target-of", "none"], "error[E0481]: \"none\" has no phasor controller"),
        (&["none.yaml", "pbc.yaml", "--target-of", "pcb"], "did you mean \"pbc\"?"),
    ];
    for (args, says) in cases {
        let output = compare(dir.path(), args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
    assert!(!dir.path().join("results").exists(), "nothing is written where nothing is compared");
}

#[test]
fn the_page_is_made_again_to_the_byte() {
    let dir = folder(&[("pbc.yaml", PBC), ("none.yaml", NONE)]);
    assert!(compare(dir.path(), &["pbc.yaml", "none.yaml", "--out", "out"]).status.success());
    let page = dir.path().join("out/report.html");
    let before = fs::read(&page).unwrap();
    fs::remove_file(&page).unwrap();
    let again =
        Command::cargo_bin("phasorbench").unwrap().current_dir(dir.path()).args(["report", "out"]).output().unwrap();
    assert!(again.status.success());
    assert!(fs::read(&page).unwrap() == before);
}
