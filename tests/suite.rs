//! The contingency suite says what it checks: every scenario is listed in docs/contingency-suite.md and expects the numbers
//! of its authority (tests/data/contingency.json). Whether they hold is what `phasorbench verify scenarios/` says.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use phasorbench::diagnostic::render;
use phasorbench::scenario::{self, Check, Plan};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// YAML files of a folder under `scenarios/contingency`, by name.
fn files(folder: &str) -> BTreeMap<String, PathBuf> {
    let entries = std::fs::read_dir(root().join("scenarios/contingency").join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "yaml"));
    paths.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path)).collect()
}

fn plan(path: &Path) -> Plan {
    let reading = scenario::read(path);
    let text = render(&reading.diagnostics, &reading.sources, false);
    reading.plan.unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn there_are_at_least_25_and_each_expects_something() {
    let files = files("");
    assert!(files.len() >= 25, "{}", files.len());
    for (name, path) in files {
        let plan = plan(&path);
        assert_eq!(plan.name, name);
        assert!(!plan.expectations.is_empty(), "{name} expects nothing");
        assert!(!plan.events.is_empty() || !plan.triggers.is_empty(), "{name}: nothing happens");
        let text = std::fs::read_to_string(&path).unwrap();
        let about = text.lines().nth(1).unwrap();
        assert!(about.starts_with("# ") && about.len() > 20, "{name} does not begin by saying what it is");
    }
}

#[test]
fn what_is_only_extended_is_no_scenario() {
    for (name, path) in files("base") {
        assert!(!scenario::is_one(&std::fs::read_to_string(path).unwrap()), "{name}");
    }
}

#[test]
fn every_scenario_is_listed_once() {
    let page = std::fs::read_to_string(root().join("docs/contingency-suite.md")).unwrap();
    let listed: Vec<&str> = page.lines().filter_map(|l| l.strip_prefix("| `")?.split_once('`')).map(|x| x.0).collect();
    let names: BTreeSet<String> = files("").into_keys().collect();
    assert_eq!(listed.len(), names.len());
    assert_eq!(listed.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), names);
}

/// Each number of the authority is expected at its time, to 1e-5 of itself or better.
#[test]
fn what_the_authorities_say_is_expected() {
    type Rows = Vec<(f64, String, f64)>;
    let text = std::fs::read_to_string(root().join("tests/data/contingency.json")).unwrap();
    let kinds: BTreeMap<String, BTreeMap<String, Rows>> = serde_json::from_str(&text).unwrap();
    let files = files("");
    let with_numbers: BTreeSet<&String> = kinds.values().flat_map(|kind| kind.keys()).collect();
    assert_eq!(with_numbers, files.keys().collect(), "scenarios without an authority, or numbers without a scenario");
    for (name, rows) in kinds.into_values().flatten() {
        let plan = plan(&files[&name]);
        for (at_s, quantity, x) in rows {
            let tick = plan.step.tick_at(at_s).unwrap();
            let expected = |check: &Check| match check {
                Check::Level { quantity: k, range, window, .. } => {
                    let narrow = range.high - range.low <= 2e-5 * x.abs().max(1.0);
                    let here = window.first == tick && window.last == tick;
                    here && plan.quantities[*k].name == quantity && range.has(x) && narrow
                }
                _ => false,
            };
            assert!(plan.expectations.iter().any(|e| expected(&e.check)), "{name}: {quantity} at {at_s} s is {x}");
        }
    }
}
