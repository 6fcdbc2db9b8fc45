//! Broken input: each file under `tests/bad/` yields located findings, committed as they are shown to a user. Files named
//! `warned_…` are accepted with warnings, all others are refused.
//!
//! To accept changed findings: `INSTA_UPDATE=always cargo test --test bad_input`, then read the changed snapshots.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};

use phasorbench::diagnostic::render;
use phasorbench::feeder::{self, Reading};
use proptest::prelude::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/feeder")
}

/// Findings as a user sees them, with the path as if read from the files' own folder.
fn shown(reading: &Reading) -> String {
    let text = render(&reading.diagnostics, &reading.sources, false);
    text.replace(&format!("{}/", folder().display()), "")
}

#[test]
fn every_broken_feeder_yields_located_findings() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "yaml" || e == "dss"));
    files.sort();
    assert!(files.len() >= 40, "{}", files.len());
    let mut snapshots = insta::Settings::clone_current();
    snapshots.set_snapshot_path("snapshots/bad_feeder");
    snapshots.set_prepend_module_to_snapshot(false);
    snapshots.set_omit_expression(true);
    for path in files {
        let reading = feeder::read(&path);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(reading.feeder.is_some(), name.starts_with("warned_"), "{name}");
        assert!(!reading.diagnostics.is_empty(), "{name}");
        for finding in &reading.diagnostics {
            assert!(finding.span.is_some(), "{name}: {finding:?} has no place");
        }
        snapshots.bind(|| insta::assert_snapshot!(name, shown(&reading)));
    }
}

#[test]
fn what_is_not_a_file_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("feeder.yaml");
    std::fs::create_dir(&directory).unwrap();
    let said = |path: &Path| {
        let reading = feeder::read(path);
        assert!(reading.feeder.is_none());
        render(&reading.diagnostics, &reading.sources, false).replace(&folder.path().display().to_string(), "…")
    };
    assert_eq!(said(&directory), "error[E0001]: cannot read …/feeder.yaml: it is a directory\n\n1 error\n");
    let missing = said(&folder.path().join("missing.yaml"));
    assert_eq!(missing, "error[E0001]: cannot read …/missing.yaml: there is no such file\n\n1 error\n");
    for name in ["feeder.txt", "feeder"] {
        let said = said(&folder.path().join(name));
        assert!(said.starts_with(&format!("error[E0010]: …/{name} is not a feeder file by its extension")), "{said}");
    }
}

/// A hundred megabytes of brackets, in one line: refused at once, and shown in a few.
#[test]
fn a_hundred_megabytes_of_brackets_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brackets.yaml");
    std::fs::write(&path, "[".repeat(100_000_000)).unwrap();
    let reading = feeder::read(&path);
    assert!(reading.feeder.is_none());
    let said = render(&reading.diagnostics, &reading.sources, false).replace(&folder.path().display().to_string(), "…");
    assert!(said.starts_with("error[E0004]: nested deeper than 32 levels\n --> …/brackets.yaml:1:33\n"), "{said}");
    assert!(said.len() < 1000, "{}", said.len());
}

fn valid() -> String {
    "feeder: demo\nvoltage_bases_kv: [4.16, 0.48]\nsources:\n  slack: {bus: 650, v_kv: 4.16, mvasc3: 2000}\n\
     line_codes:\n  a: {phases: 3, per: mi, impedance: {r_ohm: [[1], [0, 1], [0, 0, 1]], x_ohm: [[1], [0, 1], [0, 0, 1]]}}\n\
     lines:\n  \"1\": {from: 650.1.2.3, to: 632.1.2.3, code: a, length_ft: 2000}\n\
     transformers:\n  t: {windings: [{bus: 632, v_kv: 4.16, s_kva: 500}, {bus: 634, v_kv: 0.48, s_kva: 500}], x_percent: [2]}\n\
     regulators:\n  r: {transformer: t, winding: 2, phase: max}\n\
     capacitors:\n  c: {bus: 632, v_kv: 4.16, q_kvar: [100, 200]}\n\
     capacitor_controls:\n  k: {capacitor: c, element: line.1, signal: voltage, on: 115, off: 126}\n\
     reactors:\n  n: {bus: 632.1, phases: 1, x_ohm: 5}\n\
     loads:\n  l: {bus: 634.1, phases: 1, v_kv: 0.277, p_kw: 100, daily: d}\n\
     shapes:\n  d: {at_s: [0, 3600], p: [1, 0.5]}\n"
        .to_owned()
}

/// Pieces that break YAML, numbers, names and references in many ways.
const PIECES: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    ": ",
    ", ",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    "? ",
    "&a ",
    "*a",
    "<<: ",
    "!x ",
    "\"",
    "'",
    "#",
    "|",
    ">",
    "---\n",
    "\t",
    "\0",
    "ä",
    "-",
    ".",
    "0",
    "1e400",
    ".nan",
    "-1",
    "99999999999999999999",
    "~",
    "true",
    "x",
    "632",
    "phases: 0, ",
    "phases: 99999999, ",
    "[[1, 2], [3]]",
    "1",
    "{}",
];

fn read_text(text: String) -> Reading {
    let reading = feeder::yaml::from_text(text, Path::new("mutated.yaml"));
    let refused = reading.diagnostics.iter().any(phasorbench::diagnostic::Diagnostic::is_error);
    assert_eq!(reading.feeder.is_none(), refused, "{}", shown(&reading));
    shown(&reading);
    reading
}

#[test]
fn the_text_that_is_mutated_is_valid() {
    let reading = read_text(valid());
    assert!(reading.diagnostics.is_empty(), "{}", shown(&reading));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes.yaml");
        std::fs::write(&path, bytes).unwrap();
        let reading = feeder::read(&path);
        prop_assert!(reading.feeder.is_none() && !shown(&reading).is_empty());
    }

    #[test]
    fn no_mutation_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, 0..PIECES.len()), 1..4)) {
        let mut text = valid();
        for (at, length, piece) in changes {
            let start = text.floor_char_boundary(at.index(text.len()));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, PIECES[piece]);
        }
        read_text(text);
    }

    #[test]
    fn no_truncation_panics(at in any::<prop::sample::Index>()) {
        let mut text = valid();
        text.truncate(at.index(text.len()));
        read_text(text);
    }
}
