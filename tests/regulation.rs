//! Small feeders, one for each form of regulator, capacitor control or element, against OpenDSS: taps and states at rest
//! and all voltages, from the script and from the YAML that it is imported to.
//!
//! References: `tests/data/small_feeders/*.json` (OpenDSS 0.14.5, written by `tests/oracle/small_feeders.py`).

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use phasorbench::feeder::{self, Feeder};
use phasorbench::quantity::complex;
use phasorbench::solver::{Controls, Grid, PowerFlow, Settings};
use serde_json::Value;

/// Largest complex voltage error, per unit of the node's base.
const VOLTAGE_PU: f64 = 1e-7;

fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/small_feeders").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn read(name: &str, text: &str) -> Feeder {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let reading = feeder::read(&path);
    reading.feeder.unwrap_or_else(|| panic!("{name}: {:#?}", reading.diagnostics))
}

/// What differs between the reference and the feeder with its controls at rest.
fn differences(case: &Value, feeder: &Feeder) -> Vec<String> {
    let settings = Settings { tolerance_pu: 1e-10, ..Settings::default() };
    let mut flow = PowerFlow::new(Grid::compile(feeder).unwrap(), settings);
    let mut controls = Controls::new(&flow).unwrap();
    let settled = controls.settle(&mut flow);
    let mut found = Vec::new();
    if !settled.at_rest || !settled.solved.converged() {
        found.push(format!("{settled:?}"));
    }
    for (k, name) in feeder.regulators.keys().enumerate() {
        let (tap, expected) = (controls.tap_number(&flow, k), &case["taps"][name]);
        if *expected != i64::from(tap) {
            found.push(format!("{name}: tap {tap} instead of {expected}"));
        }
    }
    for (k, name) in feeder.capacitors.keys().enumerate() {
        let (states, expected) = (flow.capacitor_steps(k), &case["capacitors"][name]);
        if *expected != Value::from(states.to_vec()) {
            found.push(format!("{name}: {states:?} instead of {expected}"));
        }
    }
    for (name, expected) in case["nodes"].as_object().unwrap() {
        let Some(node) = flow.grid().node(name) else {
            found.push(format!("no node {name}"));
            continue;
        };
        let expected = complex(expected[0].as_f64().unwrap(), expected[1].as_f64().unwrap());
        let error = (flow.voltage(node) - expected).norm() / flow.grid().nodes[node.0 as usize].base_v;
        if error.is_nan() || error > VOLTAGE_PU {
            found.push(format!("{name}: off by {error:.1e} pu"));
        }
    }
    found
}

fn compare(file: &str, least: usize) {
    let cases = cases(file);
    assert!(cases.len() >= least, "{} cases only", cases.len());
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let from_script = read("main.dss", case["script"].as_str().unwrap());
        let from_yaml = read("feeder.yaml", &feeder::yaml::write(&from_script));
        for (form, feeder) in [("script", &from_script), ("YAML", &from_yaml)] {
            let found = differences(case, feeder);
            assert!(found.is_empty(), "{name} from {form}: {found:#?}");
        }
    }
}

#[test]
fn capacitor_controls_of_every_signal_rest_where_opendss_does() {
    compare("capacitor_controls.json", 44);
}

#[test]
fn regulators_rest_where_opendss_does() {
    compare("regulators.json", 24);
}

#[test]
fn elements_of_every_form_solve_as_in_opendss() {
    compare("forms.json", 16);
}

#[test]
fn a_fault_does_not_move_voltage_bases() {
    compare("fault.json", 1);
    let feeder = read("main.dss", cases("fault.json")[0]["script"].as_str().unwrap());
    let grid = Grid::compile(&feeder).unwrap();
    let faulted = grid.buses.iter().find(|bus| bus.name == "b2").unwrap();
    assert!((faulted.base_v * 3f64.sqrt() / 1000.0 - 12.47).abs() < 1e-9);
}
