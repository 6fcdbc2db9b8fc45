//! Runs against OpenDSS time series: scenario file, profiles, loop, controls and record together.
//!
//! References: the `opendss_ieee13_qsts_*` cases of `tests/validation/`.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fmt::Write;
use std::path::Path;

use phasorbench::bench::{Batch, Bench};
use phasorbench::quantity::{Complex, complex, phasor};
use phasorbench::record::{Recorder, Table};
use phasorbench::scenario;
use serde_json::Value;

/// Largest complex voltage error, per unit of the node's base.
const VOLTAGE_PU: f64 = 1e-6;
/// Largest error of source power and losses, relative.
const POWER: f64 = 1e-6;

fn reference(variant: &str) -> Value {
    let case = format!("tests/validation/opendss_ieee13_qsts_{variant}/reference.json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(case);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The scenario that repeats a reference: every load follows a profile of its powers.
fn scenario_text(loads: &[Value], steps: &[Value], controls: &str, taps: &str) -> String {
    let feeder = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders/ieee13.yaml");
    let mut text = format!(
        "scenario: time_series\nfeeder: {}\nduration_s: {}\nstep_s: 5\ncontrols: {controls}\ntaps: {taps}\n\
         outputs: {{voltages: all, angles: true}}\nprofiles:\n",
        feeder.display(),
        5 * steps.len()
    );
    let names: Vec<&str> = loads.iter().map(|name| name.as_str().unwrap()).collect();
    for (load, name) in names.iter().enumerate() {
        let part = |k: usize| -> Vec<f64> {
            steps.iter().map(|step| step["loads_kw_kvar"][load][k].as_f64().unwrap()).collect()
        };
        writeln!(text, "  p_{name}: {{interval_s: 5, p_kw: {:?}, q_kvar: {:?}}}", part(0), part(1)).unwrap();
    }
    text.push_str("loads:\n");
    names.iter().for_each(|name| writeln!(text, "  \"{name}\": {{profile: p_{name}}}").unwrap());
    text
}

/// Base of every recorded node in V, and the record.
fn run(text: &str) -> (Vec<(String, f64)>, Table) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("scenario.yaml");
    std::fs::write(&path, text).unwrap();
    let reading = scenario::read(&path);
    let plan = reading.plan.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    let bench = Bench::new(&plan).unwrap();
    let series = dir.path().join("series.csv");
    let mut recorder = Recorder::create(&series, bench.channels()).unwrap();
    let outcome = bench.run(Some(&mut recorder), &mut Batch, &mut |_| ()).unwrap();
    recorder.finish().unwrap();
    assert_eq!(outcome.not_converged, 0);
    let bases = outcome.nodes.iter().map(|n| (n.node.name(), n.node.base_v)).collect();
    (bases, Table::read_csv(&series).unwrap())
}

fn pair(value: &Value) -> Complex {
    complex(value[0].as_f64().unwrap(), value[1].as_f64().unwrap())
}

fn assert_voltages(step: &Value, row: usize, bases: &[(String, f64)], table: &Table) {
    for (node, expected) in step["voltages_v"].as_object().unwrap() {
        let node = node.to_lowercase();
        let base_v = bases.iter().find(|(name, _)| *name == node).unwrap().1;
        let channel = |unit: &str| table.column(&format!("{node}.{unit}")).unwrap()[row];
        let found = phasor(channel("v_pu"), channel("angle_deg"));
        let error = (found - pair(expected) / base_v).norm();
        assert!(error < VOLTAGE_PU, "row {row}, node {node}: off by {error:.1e} pu");
    }
}

fn assert_power(step: &Value, row: usize, table: &Table) {
    let channel = |name: &str| table.column(name).unwrap()[row];
    let source = complex(channel("source.p_w"), channel("source.q_var"));
    let expected = pair(&step["source_kva"]) * 1000.0;
    assert!((source - expected).norm() < POWER * expected.norm(), "row {row}: source {source}, {expected}");
    let losses = complex(channel("losses.p_w"), channel("losses.q_var"));
    let expected = pair(&step["losses_va"]);
    assert!((losses - expected).norm() < POWER * expected.norm(), "row {row}: losses {losses}, {expected}");
}

fn compare(variant: &str, controls: &str, taps: &str) {
    let reference = reference(variant);
    let steps = reference["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 60);
    let (bases, table) = run(&scenario_text(reference["loads"].as_array().unwrap(), steps, controls, taps));
    assert_eq!(table.rows(), steps.len());
    for (row, step) in steps.iter().enumerate() {
        for (regulator, tap) in step["taps"].as_object().unwrap() {
            let found = table.column(&format!("{regulator}.tap")).unwrap()[row];
            assert_eq!(found, tap.as_f64().unwrap(), "row {row}, {regulator}");
        }
        assert_voltages(step, row, &bases, &table);
        assert_power(step, row, &table);
    }
}

#[test]
fn opendss_fixed_taps() {
    compare("fixed", "off", "{reg1: 10, reg2: 8, reg3: 11}");
}

#[test]
fn opendss_taps_move_by_their_delays() {
    compare("time", "time", "{reg1: 0, reg2: 0, reg3: 0}");
}
