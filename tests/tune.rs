//! Tuning from the outside: `phasorbench tune` on the paper's case, and what `check` and `run` say of a bad tuning.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use phasorbench::bench::{self, Batch, Bench};
use phasorbench::diagnostic::Diagnostic;
use phasorbench::scenario::{self, Override};
use serde_json::Value;

const PAPER: &str = "scenarios/phasor/ieee13_pi.yaml";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn phasorbench(args: &[&str]) -> Output {
    Command::cargo_bin("phasorbench").unwrap().current_dir(root()).args(args).output().unwrap()
}

fn tuned(args: &[&str]) -> Value {
    let output = phasorbench(&[&["tune"], args, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The tunings of the first controller by a method.
fn by<'a>(answer: &'a Value, method: &str) -> Vec<&'a Value> {
    let all = answer["controllers"][0]["tunings"].as_array().unwrap();
    all.iter().filter(|own| own["method"] == method).collect()
}

/// The paper's case with these lines for its controller, as a user would paste them; a new target at 5 s.
fn pasted(folder: &Path, lines: &str) -> PathBuf {
    let path = folder.join("pasted.yaml");
    let text = r#"scenario: pasted
feeder: FEEDER
duration_s: 30
step_s: 0.1
controls: off
taps: {reg1: 10, reg2: 8, reg3: 11}
devices:
  ev634: {power: {bus: "634", s_kva: 5000}}
  ev645: {power: {bus: "645", s_kva: 3333.3333}}
  ev675: {power: {bus: "675", s_kva: 5000}}
instruments: {pmu632: {pmu: {bus: "632"}}, pmu650: {pmu: {bus: "650"}}}
controllers:
  lpbc: {LINES, performance: pmu632, reference: pmu650, actuators: [ev634, ev645, ev675]}
events:
  - {at_s: 5, target: {of: lpbc, v_pu: [1.00, 1.02, 1.00], angle_deg: [-2.2, -2.0, -2.0]}}
expect:
  - {settles: lpbc.true_error_v_pu, to: 0, after_s: 5, within_s: 20, band: 0.001}
  - {settles: lpbc.true_error_angle_deg, to: 0, after_s: 5, within_s: 20, band: 0.05}
"#;
    let feeder = root().join("feeders/ieee13.yaml");
    let text = text.replace("FEEDER", feeder.to_str().unwrap()).replace("LINES", lines);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn rules_for_coupled_loops_are_stable_and_those_for_single_loops_are_not() {
    let answer = tuned(&[PAPER, "--method", "ziegler-nichols"]);
    let condition = answer["controllers"][0]["condition"].as_f64().unwrap();
    // The line impedances alone give 3.6 (numpy); loads and the voltage drop change it a little.
    assert!((3.0..4.5).contains(&condition), "{condition}");
    let given = by(&answer, "given");
    assert_eq!((given.len(), &given[0]["stable"]), (1, &true.into()));
    let rules = by(&answer, "ziegler_nichols");
    assert_eq!(rules.len(), 2);
    let (together, alone) = (rules[0], rules[1]);
    assert_eq!(together["stable"], true);
    assert!(together["gain_margin"].as_f64().unwrap() > 1.0, "{together}");
    assert_eq!(alone["stable"], false);
    assert!(alone["radius"].as_f64().unwrap() > 1.0, "{alone}");
    assert!(alone["warnings"][0].as_str().unwrap().contains("unstable"), "{alone}");
    assert_eq!(alone["yaml"], Value::Null, "what is unstable is not to be pasted");
    // Loops of a pure delay of one step have the ultimate gain 1/g and a period of two steps: 0.45/g and 0.27/g.
    for (name, part) in [("kp_v", 0.45), ("ki_v", 0.27)] {
        let gain = |own: &Value| {
            let gains = own["gains"].as_array().unwrap();
            gains.iter().find(|gain| gain["name"] == name).unwrap()["values"][0].as_f64().unwrap()
        };
        // The usual gains are multiples of the same 1/g: 0.05 and 0.2.
        let usual = gain(given[0]) / if name == "kp_v" { 0.05 } else { 0.2 };
        assert!((gain(alone) / usual - part).abs() < 1e-6, "{name}");
    }
}

#[test]
fn gains_of_a_step_experiment_hold_the_plant_when_they_are_pasted() {
    let answer = tuned(&[PAPER, "--method", "step-fit", "--controller", "LPBC"]);
    let found = by(&answer, "step_fit")[0];
    assert_eq!(found["stable"], true, "{found}");
    assert!(found["gain_margin"].as_f64().unwrap() > 1.5, "{found}");
    assert!(found["delay_margin_steps"].as_u64().unwrap() >= 1, "{found}");
    let dir = tempfile::tempdir().unwrap();
    let file = pasted(dir.path(), found["yaml"].as_str().unwrap());
    let out = dir.path().join("out");
    let output = phasorbench(&["run", file.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "nothing to find in it");
}

#[test]
fn unstable_gains_are_warned_of_before_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let file = pasted(dir.path(), "law: pi, parameters: {kp: 0.45, ki: 0.27}");
    let output = phasorbench(&["check", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "a warning: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("warning[W0339]") && said.contains("pasted.yaml:13:"), "{said}");
}

#[test]
fn what_cannot_be_held_is_refused_with_its_place_by_every_command() {
    let file = "tests/bad/scenario/network/phases_without_actuator.yaml";
    for command in ["check", "run", "verify", "tune", "sweep"] {
        let output = phasorbench(&[command, file]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(
            said.contains("error[E0337]") && said.contains("phases_without_actuator.yaml:13:"),
            "{command}: {said}"
        );
        assert!(said.contains("no actuator on phase c"), "{command}: {said}");
    }
}

#[test]
fn names_that_are_not_there_are_answered_with_the_nearest() {
    let output = phasorbench(&["tune", PAPER, "--controller", "lbpc"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean \"lpbc\"?"));
    let none = phasorbench(&["tune", "scenarios/ieee13_day.yaml"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("no phasor controller"));
}

/// The largest true error of a magnitude at the end of the paper's case with this rating of its actuators in kVA, and what
/// is said of reach before.
fn held_with(file: &Path, s_kva: f64) -> (f64, Option<Diagnostic>) {
    let rated = |name: &str| Override { path: format!("devices.{name}.power.s_kva"), value: s_kva.to_string() };
    let plan = scenario::read_with(file, &["ev634", "ev645", "ev675"].map(rated)).plan.unwrap();
    let said = bench::examine(&plan).into_iter().find(|own| own.code == "W0338");
    let outcome = Bench::new(&plan).unwrap().run(None, &mut Batch, &mut |_| {}).unwrap();
    let place = plan.quantities.iter().position(|own| own.name == "lpbc.true_error_v_pu").unwrap();
    (outcome.numbers[place].last, said)
}

/// How far the target is from where phase a stands.
const ASKED_PU: f64 = 0.0218;

/// The largest number before a unit, whatever its sign.
fn largest(text: &str, unit: &str) -> f64 {
    let words: Vec<&str> = text.split_whitespace().collect();
    let numbers = words.windows(2).filter(|pair| pair[1] == unit).map(|pair| pair[0].parse::<f64>().unwrap().abs());
    numbers.fold(0.0, f64::max)
}

#[test]
fn targets_stay_as_short_as_was_said_and_ratings_that_would_do_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = pasted(dir.path(), "law: decoupled_pi");
    let mut needed = 0.0;
    for s_kva in [100.0, 300.0, 500.0] {
        let (error, said) = held_with(&file, s_kva);
        let said = said.unwrap();
        let short_pu = largest(&said.message, "pu");
        // The law ends at the least error in the same sense; what differs is that the network is not linear: by 3 % of what
        // the target asks for.
        assert!((error - short_pu).abs() < 0.03 * ASKED_PU, "{s_kva} kVA: {error} {said:?}");
        needed = largest(said.help.as_ref().unwrap(), "kVA");
    }
    let (error, said) = held_with(&file, 1.05 * needed);
    assert!(error < 1e-4 && said.is_none(), "{error} {said:?}");
    let (error, said) = held_with(&file, 0.9 * needed);
    assert!(error > 1e-4 && said.is_some(), "{error} {said:?}");
}

#[test]
fn a_delay_beyond_the_margin_is_warned_of_and_swings_up() {
    let dir = tempfile::tempdir().unwrap();
    let file = pasted(dir.path(), "law: pi");
    for (delay_s, stable) in [("0.2", true), ("0.3", false)] {
        let delay = Override { path: "controllers.lpbc.delay_s".into(), value: delay_s.into() };
        let plan = scenario::read_with(&file, &[delay]).plan.unwrap();
        let warned = bench::examine(&plan).iter().any(|own| own.code == "W0339");
        let outcome = Bench::new(&plan).unwrap().run(None, &mut Batch, &mut |_| {}).unwrap();
        let place = plan.quantities.iter().position(|own| own.name == "lpbc.true_error_v_pu").unwrap();
        // The target steps by 0.02 pu; what is unstable ends far beyond, in the limit cycle that ratings leave it.
        let settled = outcome.numbers[place].last < 1e-3;
        assert_eq!((warned, settled), (!stable, stable), "{delay_s} s: {}", outcome.numbers[place].last);
    }
}
