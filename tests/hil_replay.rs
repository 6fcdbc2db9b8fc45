//! What a device said in one run stands in for it in another: the same record, bit for bit. And what may not be closed.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn phasorbench(dir: &Path, args: &[&str]) -> Output {
    Command::cargo_bin("phasorbench").unwrap().current_dir(dir).args(args).output().unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A device that is lost and back, on a small feeder.
fn folder(extra: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (feeder, is) = (root().join("feeders/ieee13.yaml"), root().join("hil/sunspec_inverter.yaml"));
    let text = format!(
        "scenario: replayed\nfeeder: {}\nduration_s: 12\nstep_s: 0.05\ncontrols: off\ndevices:\n  ev: {{power: {{bus: \"634\", \
         s_kva: 30, p_kw: -12}}}}\nhil:\n  ev: {{is: {}, at: emulated, faults: [\"4s..6s: cut\", \"8s..9s: exception 4\"]{extra}}}\n\
         events:\n  - {{at_s: 3, device: {{name: ev, p_kw: 8, q_kvar: 3}}}}\n",
        feeder.display(),
        is.display()
    );
    fs::write(dir.path().join("replayed.yaml"), text).unwrap();
    dir
}

#[test]
fn a_replayed_run_is_the_run_bit_for_bit() {
    let dir = folder("");
    let first = phasorbench(dir.path(), &["run", "replayed.yaml", "--out", "first"]);
    assert!(first.status.success(), "{}", err(&first));
    let at = "hil.ev.at=\"replay:first/hil-ev.csv\"";
    let args = ["run", "replayed.yaml", "--out", "again", "--set", at, "--set", "hil.ev.faults=[]"];
    let again = phasorbench(dir.path(), &args);
    assert!(again.status.success(), "{}", err(&again));
    let read = |of: &str| fs::read(dir.path().join(of).join("series.csv")).unwrap();
    assert!(read("first") == read("again"), "the record differs");
    let text = String::from_utf8(read("first")).unwrap();
    let losses = text.lines().next().unwrap().split(',').position(|name| name == "ev.hil_losses").unwrap();
    let last: f64 = text.lines().last().unwrap().split(',').nth(losses).unwrap().parse().unwrap();
    assert_eq!(last, 2.0, "it was lost twice in both");
}

#[test]
fn a_run_by_the_clock_is_replayed_in_batch() {
    let dir = folder("");
    let first = phasorbench(dir.path(), &["run", "replayed.yaml", "--out", "first", "--pace", "real-time"]);
    assert!(matches!(first.status.code(), Some(0 | 1)), "{}", err(&first));
    let args = ["run", "replayed.yaml", "--out", "again", "--hil"];
    let swap = format!("ev={}@replay:first/hil-ev.csv", root().join("hil/sunspec_inverter.yaml").display());
    let again = phasorbench(dir.path(), &[&args[..], &[&swap, "--set", "hil.ev.faults=[]"]].concat());
    assert!(again.status.success(), "{}", err(&again));
    let read = |of: &str| fs::read(dir.path().join(of).join("series.csv")).unwrap();
    assert!(read("first") == read("again"), "the record differs");
}

#[test]
fn a_record_of_something_else_is_refused() {
    let dir = folder("");
    fs::write(dir.path().join("other.csv"), "tick,sequence,origin_us,received_us,confirmed,state,p_w\n").unwrap();
    for (at, part) in [("replay:other.csv", "has 1 points"), ("replay:missing.csv", "missing.csv")] {
        let set = format!("hil.ev.at=\"{at}\"");
        let output = phasorbench(dir.path(), &["run", "replayed.yaml", "--set", &set, "--set", "hil.ev.faults=[]"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(err(&output).contains(part), "{}", err(&output));
    }
}

#[test]
fn a_device_as_large_as_the_network_is_not_closed() {
    let dir = folder(", scale: {power: 10000}");
    let large = ["--set", "devices.ev.power.s_kva=200000"];
    let output = phasorbench(dir.path(), &[&["run", "replayed.yaml"][..], &large].concat());
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("not stable") && err(&output).contains("forced"), "{}", err(&output));
    let check = phasorbench(dir.path(), &[&["hil", "check", "replayed.yaml"][..], &large].concat());
    assert_eq!(check.status.code(), Some(1), "{}", err(&check));
    assert!(String::from_utf8_lossy(&check.stdout).contains("STOP"));
    let fine = phasorbench(dir.path(), &["hil", "check", "replayed.yaml", "--set", "hil.ev.scale.power=1"]);
    let said = String::from_utf8_lossy(&fine.stdout).into_owned();
    assert!(fine.status.success() && said.contains("the loop settles") && said.contains("own timer"), "{said}");
}

#[test]
fn an_angle_by_gps_is_not_compared_with_a_simulated_one() {
    let scenario = root().join("scenarios/phasor/ieee13_decoupled_pi.yaml");
    let pmu = root().join("hil/pmu.yaml");
    let swap = |name: &str| format!("{name}={}@c37118://127.0.0.1:4712", pmu.display());
    let args = ["run", scenario.to_str().unwrap(), "--pace", "real-time", "--hil"];
    let output = phasorbench(&root(), &[&args[..], &[&swap("pmu632")]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("E0341") && err(&output).contains("which is simulated"), "{}", err(&output));
}

#[test]
fn a_device_that_is_only_watched_changes_nothing_when_it_is_lost() {
    let dir = folder(", dry_run: true, on_loss: zero");
    let set = ["--set", "outputs.every_s=0.05"];
    let column = |of: &str| -> Vec<String> {
        let text = fs::read_to_string(dir.path().join(of).join("series.csv")).unwrap();
        let place = text.lines().next().unwrap().split(',').position(|name| name == "ev.p_w").unwrap();
        text.lines().map(|line| line.split(',').nth(place).unwrap().to_owned()).collect()
    };
    for (of, faults) in [("lost", "[\"4s..6s: cut\"]"), ("well", "[]")] {
        let faults = format!("hil.ev.faults={faults}");
        let output =
            phasorbench(dir.path(), &[&["run", "replayed.yaml", "--out", of, "--set", &faults][..], &set].concat());
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", err(&output));
    }
    assert!(column("lost").len() > 200 && column("lost") == column("well"));
}
