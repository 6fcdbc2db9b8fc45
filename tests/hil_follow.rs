//! A source that follows a real PMU: what was recorded of one stands in, and the simulation comes to the voltages that were
//! there when it was recorded – angles included.
#![cfg(all(feature = "cli", feature = "hil", unix))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use phasorbench::record::Table;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn phasorbench(args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin("phasorbench")).current_dir(root()).args(args).output().unwrap()
}

const QUANTITIES: [&str; 4] = ["650.1.v_pu", "650.1.angle_deg", "671.2.v_pu", "671.2.angle_deg"];

/// A scenario on the IEEE 13-node feeder with a PMU at its substation, and more of it.
fn scenario(name: &str, more: &str) -> String {
    let file = |name: &str| format!("{:?}", root().join(name).display().to_string());
    format!(
        "scenario: {name}\nfeeder: {}\nduration_s: 10\nstep_s: 0.1\ncontrols: off\n\
         instruments: {{p650: {{pmu: {{bus: \"650\", noise: {{v_pu: 0, angle_deg: 0}}}}}}}}\n\
         outputs: {{quantities: [{}]}}\n{}\n",
        file("feeders/ieee13.yaml"),
        QUANTITIES.join(", "),
        more.replace("PMU", &file("hil/pmu.yaml"))
    )
}

fn run(dir: &Path, name: &str, more: &str) -> Table {
    let file = dir.join(format!("{name}.yaml"));
    fs::write(&file, scenario(name, more)).unwrap();
    let out = dir.join(name);
    let output = phasorbench(&["run", file.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    Table::read_csv(&out.join("series.csv")).unwrap()
}

#[test]
fn a_source_follows_what_a_pmu_measured() {
    let dir = tempfile::tempdir().unwrap();
    // What is there: the source rises and turns, one phase more than the others.
    let there = "hil: {p650: {is: PMU, poll_s: 0.1}}\n\
                 events:\n  - {at_s: 2, source: {v_pu: 1.03, angle_deg: -24}}\n\
                 \x20 - {at_s: 5, source: {phases: b, v_pu: 0.97, angle_deg: -20}}\n";
    let measured = run(dir.path(), "there", there);
    let record = dir.path().join("there/hil-p650.csv");
    let follow = |more: &str| {
        format!("hil: {{p650: {{is: PMU, poll_s: 0.1, at: {:?}}}}}\n{more}", format!("replay:{}", record.display()))
    };
    let followed = run(dir.path(), "followed", &follow("sources: {source: {follow: p650}}\n"));
    let alone = run(dir.path(), "alone", &follow(""));
    for name in QUANTITIES {
        let [there, here, not] = [&measured, &followed, &alone].map(|table| table.column(name).unwrap());
        for k in [15, 45, 90] {
            assert!(
                (there[k] - here[k]).abs() < 2e-4 * there[k].abs().max(1.0),
                "{name}[{k}]: {} {}",
                there[k],
                here[k]
            );
        }
        assert!((there[90] - not[90]).abs() > 1e-2, "{name}: without following it is elsewhere");
    }
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.yaml");
    for (more, said) in [
        ("sources: {source: {follow: p650}}\n", "is simulated: the source would follow itself"),
        ("hil: {p650: {is: PMU}}\nsources: {source: {follow: p650}}\n", "is simulated"),
        ("sources: {source: {follow: p651}}\n", "p651"),
    ] {
        fs::write(&file, scenario("bad", more)).unwrap();
        let output = phasorbench(&["check", file.to_str().unwrap()]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{more}: {text}");
        assert!(text.contains(said), "{more}: {text}");
    }
}
