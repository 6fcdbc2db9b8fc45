//! `phasorbench contingency` from the outside: what it prints, writes and returns, killed and resumed.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use assert_cmd::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn contingency(args: &[&str]) -> Output {
    let command = || Command::cargo_bin("phasorbench").unwrap();
    command().current_dir(root()).arg("contingency").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_json_is_what_others_rely_on() {
    let output = contingency(&["feeders/ieee13.yaml", "--json"]);
    assert_eq!(output.status.code(), Some(0), "violations are results");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["feeder"], "ieee13");
    assert!(report["elapsed_ms"].as_f64().unwrap() > 0.0);
    let cases = report["cases"].as_array().unwrap();
    for (place, case) in cases.iter().enumerate() {
        assert_eq!(case["rank"], place + 1);
        assert!(case["element"].as_str().unwrap().contains('.') && case["status"].is_string());
        for key in ["min_v_pu", "max_v_pu", "max_loading_percent", "unserved_kw"] {
            assert!(case[key].is_number(), "{key} of {case}");
        }
    }
    // The whole feeder hangs on these two: 3466 kW of spot loads, two thirds of the distributed load at 670 included.
    let first: Vec<&str> = cases[..2].iter().map(|case| case["element"].as_str().unwrap()).collect();
    assert_eq!(first, ["line.650632", "transformer.sub"]);
    assert_eq!(cases[0]["unserved_kw"], 3466.0);
    assert_eq!(report["cases"].as_array().unwrap().len(), 19);
}

#[test]
fn the_table_shows_the_worst() {
    let output = contingency(&["feeders/ieee123.yaml"]);
    let said = text(&output.stdout);
    assert!(said.starts_with("ieee123: 138 N-1 cases in "), "{said}");
    assert!(said.contains("nothing lost") && said.contains("… and 118 more"), "{said}");
    let all = text(&contingency(&["feeders/ieee123.yaml", "--all"]).stdout);
    assert_eq!(all.lines().count(), 138 + 4);
    assert_eq!(text(&contingency(&["feeders/ieee123.yaml", "--quiet"]).stdout), "");
}

#[test]
fn bad_input_is_explained() {
    let complaint = |args: &[&str]| {
        let output = contingency(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
        text(&output.stderr)
    };
    let said = complaint(&["feeders/ieee13.yaml", "--only", "lines,transfomers"]);
    assert!(said.contains("E0450") && said.contains("did you mean \"transformers\"?"), "{said}");
    let said = complaint(&["feeders/ieee13.yaml", "--only", "line.650633"]);
    assert!(said.contains("did you mean \"line.650632\"?"), "{said}");
    assert!(complaint(&["feeders/ieee13.yaml", "--only", "storages"]).contains("E0451"));
    let said = complaint(&["feeders/ieee13.yaml", "--n", "2", "--max-cases", "10"]);
    assert!(said.contains("E0451") && said.contains("136 pairs") && said.contains("--max-cases 136"), "{said}");
    complaint(&["feeders/ieee13.yaml", "--n", "3"]);
    assert!(complaint(&["feeders/ieee13.yaml", "--limits", "1.1,0.9"]).contains("below the upper"));
    complaint(&["feeders/ieee13.yaml", "--limits", "low"]);
    complaint(&["feeders/ieee13.yaml", "--jobs", "0"]);
    complaint(&["feeders/none.yaml"]);
    complaint(&["feeders/ieee13.yaml", "--csv", "no/such/directory/x.csv"]);
    complaint(&["feeders/ieee13.yaml", "--out", "Cargo.toml"]);
}

#[test]
fn a_base_without_a_solution_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let feeder = fs::read_to_string(root().join("feeders/parallel_lines.yaml")).unwrap();
    // Pmax is 2200 kW.
    fs::write(dir.path().join("f.yaml"), feeder.replace("p_kw: 1000,", "p_kw: 3000,")).unwrap();
    let output = contingency(&[dir.path().join("f.yaml").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the base case cannot be screened"));
}

#[test]
fn a_case_without_a_solution_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let feeder = fs::read_to_string(root().join("feeders/parallel_lines.yaml")).unwrap();
    // One line carries 1100 kW at most.
    let path = dir.path().join("f.yaml");
    fs::write(&path, feeder.replace("p_kw: 1000,", "p_kw: 1200,")).unwrap();
    let output = contingency(&[path.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["cases"][0]["status"], "not_converged");
    assert!(report["cases"][0]["min_v_pu"].is_null());
}

/// Everything but the time that it took.
fn but_elapsed(path: &Path) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    value["elapsed_ms"].take();
    value
}

const PAIRS: [&str; 5] = ["feeders/ieee123.yaml", "--n", "2", "--only", "line.l1*,line.l2*,regulators"];

/// The arguments that screen the pairs into a directory.
fn into(dir: &Path) -> Vec<&str> {
    [&PAIRS[..], &["--quiet", "--out", dir.to_str().unwrap()]].concat()
}

#[test]
fn a_killed_screening_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let [killed, whole] = ["killed", "whole"].map(|name| dir.path().join(name));
    assert_eq!(contingency(&into(&whole)).status.code(), Some(0));

    let journal = killed.join("contingency.journal");
    let lines = || fs::read(&journal).map_or(0, |bytes| bytes.iter().filter(|&&b| b == b'\n').count());
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("phasorbench"))
        .current_dir(root())
        .arg("contingency")
        .args(into(&killed))
        .args(["--jobs", "1"])
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while lines() < 2 && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let done = lines();
    let total = fs::read_to_string(whole.join("contingency.csv")).unwrap().lines().count() - 1;
    assert!(done > 1 && done < total, "killed in the middle: {done} of {total} lines");
    assert!(!killed.join("contingency.csv").exists(), "nothing half-done is taken for whole");
    // What a kill may also leave: half a line.
    fs::write(&journal, [fs::read(&journal).unwrap(), b"17 converged 3ff".to_vec()].concat()).unwrap();

    assert_eq!(contingency(&into(&killed)).status.code(), Some(0));
    for name in ["contingency.csv", "contingency.svg"] {
        assert_eq!(fs::read(killed.join(name)).unwrap(), fs::read(whole.join(name)).unwrap(), "{name}");
    }
    let [resumed, at_once] = [&killed, &whole].map(|dir| but_elapsed(&dir.join("contingency.json")));
    assert_eq!(resumed, at_once);
    assert_eq!(lines(), total + 1, "nothing lost, nothing doubled");
}

#[test]
fn a_directory_of_something_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let to_out = |feeder: &str, more: &[&str]| {
        let output = contingency(&[&[feeder, "--quiet", "--out", out.to_str().unwrap()], more].concat());
        (output.status.code(), text(&output.stderr))
    };
    assert_eq!(to_out("feeders/ieee13.yaml", &[]).0, Some(0));
    let names = || {
        let mut names: Vec<_> = fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let expected = [
        "contingency.csv",
        "contingency.journal",
        "contingency.json",
        "contingency.svg",
        "contingency_loading.svg",
        "contingency_unserved.svg",
        "contingency_voltage.svg",
        "report.html",
    ];
    assert_eq!(names(), expected);
    assert_eq!(to_out("feeders/ieee13.yaml", &[]).0, Some(0), "the same again");
    let refused = [("feeders/ieee34.yaml", vec![]), ("feeders/ieee13.yaml", vec!["--limits", "0.9,1.1"])];
    for (feeder, more) in refused {
        let (code, said) = to_out(feeder, &more);
        assert_eq!(code, Some(2));
        assert!(said.contains("E0452") && said.contains("another screening"), "{said}");
    }
    fs::write(out.join("thesis.tex"), "").unwrap();
    let (code, said) = to_out("feeders/ieee13.yaml", &[]);
    assert!(code == Some(2) && said.contains("thesis.tex"), "{said}");
}
