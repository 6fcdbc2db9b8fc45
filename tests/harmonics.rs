//! Harmonic voltages against OpenDSS, from its own scripts and through feeder files; the commands `harmonics` and `scan`.
//!
//! `cargo test --test harmonics -- --nocapture` prints the largest difference of each case.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use phasorbench::feeder::{self, Feeder};
use phasorbench::solver::Settings;
use phasorbench::study::harmonics::{Answer, Question, orders_of, study};
use serde_json::Value;

/// Of the largest voltage of an order: the arithmetic of the engine itself is good to 4e-8.
const TOLERANCE: f64 = 1e-6;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cases() -> Vec<PathBuf> {
    let folder = root().join("tests/data/harmonics");
    let all = [folder.clone(), folder.join("reference")];
    let files = all.iter().flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let mut found: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|e| e == "dss")).collect();
    found.sort();
    assert!(found.len() >= 28, "{}", found.len());
    found
}

fn read(path: &Path) -> Feeder {
    let reading = feeder::read(path);
    let said = phasorbench::diagnostic::render(&reading.diagnostics, &reading.sources, false);
    reading.feeder.unwrap_or_else(|| panic!("{said}"))
}

fn answer(feeder: &Feeder, orders: &[f64]) -> Answer {
    let question = Question { orders: Some(orders.to_vec()), ..Question::default() };
    study(feeder, &question, Settings { max_iterations: 1000, ..Settings::default() }).unwrap()
}

fn reference(path: &Path) -> (Vec<f64>, Value) {
    let text = fs::read_to_string(path.with_extension("json")).unwrap();
    let voltages = serde_json::from_str::<Value>(&text).unwrap()["voltages"].take();
    let orders = voltages.as_object().unwrap().keys().map(|order| order.parse().unwrap()).collect();
    (orders, voltages)
}

/// Largest difference of any node and order, relative to the order's largest voltage.
fn difference(answer: &Answer, voltages: &Value) -> f64 {
    let mut worst = 0.0f64;
    for (order, nodes) in voltages.as_object().unwrap() {
        let ours = &answer.orders[order];
        let nodes: Vec<(&String, [f64; 2])> = nodes
            .as_object()
            .unwrap()
            .iter()
            .map(|(node, v)| (node, [v[0].as_f64().unwrap(), v[1].as_f64().unwrap()]))
            .collect();
        assert_eq!(nodes.len(), ours.len(), "order {order}");
        let largest = nodes.iter().map(|(_, [re, im])| re.hypot(*im)).fold(0.0, f64::max);
        for (node, [re, im]) in nodes {
            let own = ours.get(node).unwrap_or_else(|| panic!("node {node}"));
            let off = (own.re_v - re).hypot(own.im_v - im);
            // Where OpenDSS has no voltage at all, there is none here.
            worst = worst.max(if largest > 0.0 { off / largest } else { off });
        }
    }
    worst
}

#[test]
fn every_case_agrees_with_opendss() {
    for path in cases() {
        let (orders, voltages) = reference(&path);
        let worst = difference(&answer(&read(&path), &orders), &voltages);
        println!("{:40} {:2} orders {worst:.1e}", path.file_stem().unwrap().display(), orders.len());
        assert!(worst < TOLERANCE, "{}: {worst:e}", path.display());
    }
}

/// A feeder file means what the script meant that it was made from.
#[test]
fn a_feeder_file_gives_the_harmonics_of_its_script() {
    for path in cases() {
        let read = read(&path);
        let text = feeder::yaml::write(&read);
        let again = feeder::yaml::from_text(text.clone(), Path::new("again.yaml"));
        let again = again.feeder.unwrap_or_else(|| panic!("{}\n{text}", path.display()));
        assert_eq!(again.spectra, read.spectra);
        let (orders, voltages) = reference(&path);
        let worst = difference(&answer(&again, &orders), &voltages);
        assert!(worst < TOLERANCE, "{}: {worst:e}", path.display());
    }
}

#[test]
fn the_orders_of_a_study_are_those_of_spectra_in_use() {
    let folder = root().join("tests/data/harmonics");
    assert_eq!(orders_of(&read(&folder.join("ieee13_loads.dss"))), [3.0, 5.0, 7.0, 9.0, 11.0, 13.0]);
    assert_eq!(orders_of(&read(&folder.join("ieee13_interharmonics.dss"))), [1.5, 2.5, 6.35, 37.4, 50.0]);
    let mut feeder = read(&folder.join("ieee13_loads.dss"));
    feeder.solve.load_spectrum = None;
    assert_eq!(orders_of(&feeder), [0.0; 0], "without spectra nothing emits");
    feeder.solve.orders = Some(vec![7.0, 1.0, 5.0, 5.0]);
    assert_eq!(orders_of(&feeder), [5.0, 7.0]);
    // A source of 180 Hz in a feeder of 60 Hz: its order 5 is the feeder's 15.
    let source: feeder::CurrentSource =
        serde_json::from_str(r#"{"bus": "632", "i_a": 1, "frequency_hz": 180, "spectrum": "defaultgen"}"#).unwrap();
    feeder.solve.orders = None;
    feeder.current_sources.insert("x".into(), source);
    assert_eq!(orders_of(&feeder), [3.0, 9.0, 15.0, 21.0, 27.0, 33.0, 39.0]);
}

fn phasorbench(args: &[&str]) -> Output {
    let mut command = assert_cmd::Command::cargo_bin("phasorbench").expect("the binary is built");
    command.current_dir(root()).args(args).output().expect("it runs")
}

fn json(args: &[&str]) -> Value {
    let output = phasorbench(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("standard output is JSON")
}

#[test]
fn the_command_prints_voltages_and_distortion() {
    let said = json(&["harmonics", "tests/data/harmonics/ieee13_loads.dss", "--json", "--orders", "5,11-12,2.5"]);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&said), ["orders", "thd_percent"]);
    // By text: the JSON reader of this test sorts keys.
    assert_eq!(keys(&said["orders"]), ["1", "11", "12", "2.5", "5"]);
    let magnitude = |order: &str, node: &str| {
        let v = &said["orders"][order][node];
        assert_eq!(keys(v), ["im_v", "re_v"]);
        v["re_v"].as_f64().unwrap().hypot(v["im_v"].as_f64().unwrap())
    };
    assert_eq!(magnitude("2.5", "632.1"), 0.0, "nothing emits there");
    // Orders 5 and 11 (12 is empty), over the fundamental: the definition.
    let thd = magnitude("5", "671.2").hypot(magnitude("11", "671.2")) / magnitude("1", "671.2") * 100.0;
    assert!((said["thd_percent"]["671.2"].as_f64().unwrap() - thd).abs() < 1e-9, "{thd}");
    assert!(thd > 0.1);
    let table = phasorbench(&["harmonics", "feeders/ieee13.yaml"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("THD, %") && table.contains("h5 ") && table.contains("--all"), "{table}");
}

#[test]
fn loads_can_be_silent_or_absent() {
    let case = "tests/data/harmonics/ieee13_loads.dss";
    let largest = |args: &[&str]| {
        let said = json(&[&["harmonics", case, "--json", "--orders", "5"], args].concat());
        let nodes = said["orders"]["5"].as_object().unwrap().clone();
        nodes.values().map(|v| v["re_v"].as_f64().unwrap().hypot(v["im_v"].as_f64().unwrap())).fold(0.0, f64::max)
    };
    let as_written = largest(&[]);
    assert_eq!(largest(&["--loads", "linear"]), 0.0);
    let absent = largest(&["--loads", "neglect"]);
    let physical = largest(&["--model", "physical"]);
    assert!(as_written > 1.0 && (absent / as_written - 1.0).abs() > 1e-3 && physical != as_written);
    // What the option does is what the script's own `set neglectloady` does.
    let (_, voltages) = reference(&root().join("tests/data/harmonics/ieee13_neglectloady.dss"));
    let theirs = voltages["5"].as_object().unwrap().values();
    let theirs = theirs.map(|v| v[0].as_f64().unwrap().hypot(v[1].as_f64().unwrap())).fold(0.0, f64::max);
    assert!((absent / theirs - 1.0).abs() < TOLERANCE);
}

#[test]
fn what_cannot_be_is_said() {
    let feeder = "feeders/ieee13.yaml";
    for (args, code, says) in [
        (vec!["harmonics", feeder, "--orders", "0"], 2, "E0242"),
        (vec!["harmonics", feeder, "--orders", "5,x"], 2, "\"x\" is neither an order nor a range"),
        (vec!["harmonics", feeder, "--orders", "-3"], 2, "E0242"),
        (vec!["harmonics", feeder, "--orders", "7-5"], 2, "E0242"),
        (vec!["harmonics", feeder, "--orders", "1e9"], 2, "E0242"),
        (vec!["harmonics", feeder, "--orders", ""], 2, "E0242"),
        (vec!["harmonics", "missing.dss"], 2, "E0101"),
        (vec!["scan", feeder, "--at", "6711"], 2, "did you mean \"671\"?"),
        (vec!["scan", feeder, "--at", "645.1"], 2, "it has 2, 3"),
        (vec!["scan", feeder, "--at", "671", "--from-hz", "-5"], 2, "E0432"),
        (vec!["scan", feeder, "--at", "671", "--from-hz", "500", "--to-hz", "100"], 2, "E0432"),
        (vec!["scan", feeder, "--at", "671", "--step-hz", "nan"], 2, "E0432"),
    ] {
        let output = phasorbench(&args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
}

/// A source of 1 mH and 0.1 Ω at 230 V and 50 Hz feeds a capacitor of 100 µF: parallel resonance where
/// ω² = 1/(LC) − (R/L)² = 9.99e6, 503.0 Hz, with |Z| ≈ L/(RC) = 100 Ω there and Q = ω₀L/R = 31.6.
#[test]
fn a_scan_finds_the_resonance_of_two_elements() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lc.yaml");
    let x_ohm = std::f64::consts::TAU * 50.0 * 1e-3;
    let q_kvar = 0.23f64 * 0.23 * 1e3 * std::f64::consts::TAU * 50.0 * 100e-6;
    let text = format!(
        "feeder: lc\nfrequency_hz: 50\nvoltage_bases_kv: [0.4]\nsources:\n  slack: {{bus: a.1, phases: 1, v_kv: 0.23, r1_ohm: 0.1, \
         x1_ohm: {x_ohm}, r0_ohm: 0.1, x0_ohm: {x_ohm}}}\ncapacitors:\n  c: {{bus: a.1, phases: 1, v_kv: 0.23, q_kvar: [{q_kvar}]}}\n"
    );
    fs::write(&file, text).unwrap();
    let out = folder.path().join("out");
    let (file, dir) = (file.to_str().unwrap(), out.to_str().unwrap());
    let said = json(&["scan", file, "--at", "a", "--to-hz", "2000", "--step-hz", "5", "--json", "--out", dir]);
    let found = said["curves"]["a.1"]["resonances"].as_array().unwrap().clone();
    assert_eq!(found.len(), 1, "{found:?}");
    let number = |key: &str| found[0][key].as_f64().unwrap();
    assert_eq!(found[0]["kind"], "parallel");
    assert!((number("f_hz") - 503.3).abs() < 0.5, "{}", number("f_hz"));
    assert!((number("z_ohm") / 100.0 - 1.0).abs() < 2e-3 && (number("quality") / 31.6 - 1.0).abs() < 0.02, "{found:?}");
    for name in ["scan.json", "scan.csv", "scan.svg", "report.html"] {
        assert!(out.join(name).is_file(), "{name}");
    }
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    fs::remove_file(out.join("report.html")).unwrap();
    assert!(phasorbench(&["report", dir]).status.success());
    assert_eq!(fs::read_to_string(out.join("report.html")).unwrap(), page, "made again from its files alone");
}
