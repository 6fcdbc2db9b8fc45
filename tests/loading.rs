//! Loadings of branches, against OpenDSS's currents (`tests/oracle/opendss_loading.py`) and by hand.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use phasorbench::feeder::{self, Feeder};
use phasorbench::solver::{Grid, Kind, PowerFlow, Ratings, RatingsOf, Settings};

fn solved(feeder: &Feeder) -> PowerFlow {
    let settings = Settings { tolerance_pu: 1e-11, ..Settings::default() };
    let mut flow = PowerFlow::new(Grid::compile(feeder).unwrap(), settings);
    assert!(flow.solve().converged());
    flow
}

fn of_text(text: &str) -> PowerFlow {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.yaml");
    std::fs::write(&path, text).unwrap();
    let reading = feeder::read(&path);
    solved(&reading.feeder.unwrap_or_else(|| panic!("{:?}", reading.diagnostics)))
}

#[test]
fn loadings_are_those_of_opendss() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/loading");
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.join("circuit.json")).unwrap()).unwrap();
    let flow = solved(&feeder::read(&dir.join("circuit.dss")).feeder.unwrap());
    let [normal, emergency] = [RatingsOf::Normal, RatingsOf::Emergency].map(|which| Ratings::of(flow.grid(), which));
    let close = |found: Option<f64>, expected: &serde_json::Value, what: &str| {
        let (found, expected) = (found.unwrap(), expected.as_f64().unwrap());
        // Through a regulator's 1e-4 pu a voltage error of 1e-11 pu makes a current error of 1e-6.
        assert!((found / expected - 1.0).abs() < 5e-6, "{what}: {found} instead of {expected} %");
    };
    for (name, percents) in expected["lines"].as_object().unwrap() {
        let id = flow.grid().element(Kind::Line, name).unwrap();
        close(normal.loading_percent(&flow, id), &percents[0], name);
        close(emergency.loading_percent(&flow, id), &percents[1], name);
    }
    for (name, percent) in expected["transformers"].as_object().unwrap() {
        let id = flow.grid().element(Kind::Transformer, name).unwrap();
        close(normal.loading_percent(&flow, id), percent, name);
        assert_eq!(emergency.loading_percent(&flow, id), None, "no emergency rating is written");
    }
    let (worst, percent) = normal.worst(&flow).unwrap();
    assert_eq!(Some(worst), flow.grid().element(Kind::Line, "trunk"), "the only one above 100 %");
    close(Some(percent), &expected["lines"]["trunk"][0], "trunk");
}

/// 1 kV to ground, 10 ohm at the end of a line of next to no impedance: 100 A.
const HUNDRED_AMPERES: &str = "
feeder: f
voltage_bases_kv: [1.7320508]
sources: {grid: {bus: a.1, phases: 1, v_kv: 1.0, ideal: true}}
lines:
  plain: {from: a.1, to: b.1, phases: 1, total: {r1_ohm: 1.0e-6, x1_ohm: 0}, normal_a: 80, emergency_a: 125}
  fuse: {from: b.1, to: c.1, phases: 1, total: {r1_ohm: 1.0e-6, x1_ohm: 0}, normal_a: 80, emergency_a: 125, fuse_a: 40}
  only_fuse: {from: c.1, to: d.1, phases: 1, total: {r1_ohm: 1.0e-6, x1_ohm: 0}, fuse_a: 50}
  unrated: {from: d.1, to: e.1, phases: 1, total: {r1_ohm: 1.0e-6, x1_ohm: 0}}
  open: {from: d.1, to: e.1, phases: 1, total: {r1_ohm: 1.0e-6, x1_ohm: 0}, normal_a: 1, open: true}
reactors:
  choke: {bus: e.1, to: f.1, phases: 1, r_ohm: 0, x_ohm: 1.0e-6, normal_a: 200}
transformers:
  t: {phases: 1, normal_kva: 50, x_percent: [1.0e-3], windings: [{bus: f.1, v_kv: 1.0, s_kva: 100}, {bus: g.1, v_kv: 0.1, s_kva: 100}]}
loads: {r: {bus: g.1, phases: 1, v_kv: 0.1, p_kw: 100, model: constant_impedance}}
";

#[test]
fn the_rating_is_the_least_that_is_written() {
    let flow = of_text(HUNDRED_AMPERES);
    let [normal, emergency] = [RatingsOf::Normal, RatingsOf::Emergency].map(|which| Ratings::of(flow.grid(), which));
    // 100 A over 80, 40, 50, none, open, 200 A; 100 kVA over 50 kVA. A fuse has one rating for both.
    let expected = [
        (Kind::Line, "plain", Some(125.0), Some(80.0)),
        (Kind::Line, "fuse", Some(250.0), Some(250.0)),
        (Kind::Line, "only_fuse", Some(200.0), Some(200.0)),
        (Kind::Line, "unrated", None, None),
        (Kind::Line, "open", Some(0.0), None),
        (Kind::Reactor, "choke", Some(50.0), None),
        (Kind::Transformer, "t", Some(200.0), None),
    ];
    for (kind, name, percent, in_emergency) in expected {
        let id = flow.grid().element(kind, name).unwrap();
        for (ratings, percent) in [(&normal, percent), (&emergency, in_emergency)] {
            let found = ratings.loading_percent(&flow, id);
            assert_eq!(found.is_some(), percent.is_some(), "{name}");
            let off = found.zip(percent).map_or(0.0, |(found, percent)| (found - percent).abs());
            assert!(off < 0.01, "{name}: {found:?} instead of {percent:?}");
        }
    }
    let worst = normal.worst(&flow).unwrap();
    assert_eq!(Some(worst.0), flow.grid().element(Kind::Line, "fuse"));
}
