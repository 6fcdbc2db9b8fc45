//! Runs by the clock from the outside. Nothing here depends on how busy the machine is: a run takes no less than its time,
//! and no longer than its last tick was late; what an overrun does is tried at a pace that no machine keeps.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use phasorbench::bench::Bench;
use phasorbench::bench::pace::{Monotonic, Overrun, Paced, Pacing};
use phasorbench::quantity::Tick;
use phasorbench::record::{Recorder, Table};
use serde_json::Value;

#[path = "support/counting.rs"]
mod counting;
#[path = "support/page.rs"]
mod page;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn phasorbench(dir: &Path, args: &[&str]) -> Output {
    Command::cargo_bin("phasorbench").unwrap().current_dir(dir).args(args).output().unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Two hours in 120 steps on a small feeder, in a folder of its own, with something that holds.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(root().join("tests/bad/scenario/feeders/small.yaml"), dir.path().join("small.yaml")).unwrap();
    let text = "scenario: short\nfeeder: small.yaml\nduration_s: 7200\nstep_s: 60\noutputs: {voltages: all}\n\
                expect: [{always: feeder.v_max_pu, below: 2}]\n";
    fs::write(dir.path().join("short.yaml"), text).unwrap();
    dir
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_paced_run_takes_its_time_and_drifts_by_nothing() {
    let dir = folder();
    let begun = Instant::now();
    // 60 s in 25 ms: 120 steps in 3 s.
    let output = phasorbench(dir.path(), &["run", "short.yaml", "--pace", "2400x", "--out", "here"]);
    let took_s = begun.elapsed().as_secs_f64();
    assert!(output.status.success(), "{}", err(&output));
    assert!(err(&output).contains("paced 2400x: 120 steps in 3."), "{}", err(&output));
    let timing = json(&dir.path().join("here/timing.json"));
    let (expected_s, elapsed_s) = (number(&timing["expected_s"]), number(&timing["elapsed_s"]));
    assert_eq!((expected_s, &timing["ticks"], &timing["slipped_s"]), (3.0, &120.into(), &0.0.into()));
    assert!(elapsed_s >= 3.0 && took_s >= 3.0, "{elapsed_s} {took_s}");
    // The last tick ends as late as it is late itself, not as late as all before it together.
    let latest_s = number(&timing["durations"]["completion"]["max_us"]) / 1e6;
    assert!(elapsed_s <= 3.0 + latest_s + 1e-9, "{elapsed_s} {latest_s}");
    for stage in ["wake_up", "begin", "actuate", "solve", "sense", "control", "record", "work", "completion"] {
        let d = &timing["durations"][stage];
        let [p50, p99, p999, max] = ["p50_us", "p99_us", "p999_us", "max_us"].map(|part| number(&d[part]));
        assert!(p50 <= p99 && p99 <= p999 && p999 <= max, "{stage}: {d}");
        let counted: u64 = d["bins"].as_array().unwrap().iter().map(|bin| bin[1].as_u64().unwrap()).sum();
        assert_eq!(Some(counted), d["count"].as_u64(), "{stage}");
    }
    assert!(timing["durations"].get("exchange").is_none(), "there is no program to wait for");
}

#[test]
fn pace_changes_no_byte_of_the_results_and_the_page_says_how_it_went() {
    let dir = folder();
    let report = |args: &[&str]| assert!(phasorbench(dir.path(), args).status.success(), "{args:?}");
    report(&["run", "short.yaml", "--out", "batch"]);
    report(&["run", "short.yaml", "--pace", "60000x", "--out", "paced"]);
    for file in ["series.csv", "summary.json", "nodes.csv", "report.json", "voltages.svg"] {
        let of = |run: &str| fs::read(dir.path().join(run).join(file)).ok();
        assert!(of("batch") == of("paced"), "{file}");
    }
    let page_of = |run: &str| fs::read_to_string(dir.path().join(run).join("report.html")).unwrap();
    assert!(!page_of("batch").contains("<h2>Timing</h2>") && !dir.path().join("batch/timing.json").exists());
    let written = page_of("paced");
    assert!(written.contains("<h2>Timing</h2>") && written.contains("60000 × real time"));
    page::assert_needs_nothing(&written);
    page::assert_well_formed(&fs::read_to_string(dir.path().join("paced/timing.svg")).unwrap());
    fs::remove_file(dir.path().join("paced/report.html")).unwrap();
    report(&["report", "paced"]);
    assert!(page_of("paced") == written, "the page is a function of the files beside it");
}

#[test]
fn an_overrun_is_caught_up_put_off_or_the_end() {
    let dir = folder();
    let run = |policy: &str| {
        // 60 s in 60 ns.
        let args = ["run", "short.yaml", "--pace", "1e9x", "--overrun", policy, "--out", policy];
        let output = phasorbench(dir.path(), &args);
        (output.status.code(), json(&dir.path().join(policy).join("timing.json")), err(&output))
    };
    let (code, timing, said) = run("catch-up");
    // The first is none: the clock starts when it is done.
    assert_eq!((code, &timing["ticks"], &timing["overruns"]["count"]), (Some(0), &120.into(), &119.into()));
    assert!(said.contains("119 overruns"), "{said}");
    let (code, timing, _) = run("slip");
    assert_eq!((code, &timing["overruns"]["count"], &timing["overruns"]["carried"]), (Some(0), &119.into(), &0.into()));
    // The end of a tick is when the next is due: what has slipped is what the run took, but for its own 7.2 µs.
    let (slipped_s, elapsed_s) = (number(&timing["slipped_s"]), number(&timing["elapsed_s"]));
    assert!((elapsed_s - slipped_s - 121.0 * 60e-9).abs() < 2e-9, "{elapsed_s} {slipped_s}");
    let (code, timing, _) = run("stop");
    assert_eq!((code, &timing["ticks"], &timing["stopped"]), (Some(1), &2.into(), &"overrun".into()));
    let summary = json(&dir.path().join("stop/summary.json"));
    assert_eq!((&summary["steps"], &summary["stopped_at_s"]), (&2.into(), &120.0.into()));
}

/// Begins a run, waits until it has a record, and asks it to stop.
#[cfg(unix)]
fn stopped(dir: &Path, pace: &str, signal: &str, wait: Duration) -> Output {
    let child = std::process::Command::new(assert_cmd::cargo::cargo_bin("phasorbench"))
        .current_dir(dir)
        .args(["run", "short.yaml", "--out", "here", "--pace", pace])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !dir.join("here/series.csv.partial").exists() && begun.elapsed().as_secs() < 60 {
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(wait);
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
    child.wait_with_output().unwrap()
}

#[test]
#[cfg(unix)]
fn who_is_asked_to_stop_ends_the_tick_and_leaves_what_there_is() {
    let dir = folder();
    // 60 s in 50 ms: the whole would take 6 s.
    let output = stopped(dir.path(), "1200x", "-TERM", Duration::from_millis(800));
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    let here = dir.path().join("here");
    let summary = json(&here.join("summary.json"));
    let steps = summary["steps"].as_u64().unwrap();
    assert!((1..120).contains(&steps), "{steps}");
    assert_eq!(number(&summary["stopped_at_s"]), 60.0 * steps as f64);
    assert_eq!(number(&summary["duration_s"]), 60.0 * steps as f64);
    let verdict = &summary["expectations"][0];
    assert_eq!(verdict["passed"], false, "nothing holds of a part");
    let reason = verdict["reason"].as_str().unwrap();
    assert!(reason.starts_with(&format!("the run was stopped at {} s: it held", 60 * steps)), "{reason}");
    assert_eq!(Table::read_csv(&here.join("series.csv")).unwrap().rows() as u64, steps);
    assert_eq!(json(&here.join("timing.json"))["stopped"], "asked");
    assert_eq!(json(&here.join("run.json"))["steps"], steps, "written last: the directory is whole");
    let left: Vec<String> =
        fs::read_dir(&here).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| !name.ends_with(".partial")), "{left:?}");
    assert!(fs::read_to_string(here.join("report.html")).unwrap().contains("Stopped at"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("before its end"));
}

#[test]
#[cfg(unix)]
fn who_is_asked_to_stop_in_the_first_wait_does_not_wait() {
    let dir = folder();
    let begun = Instant::now();
    let output = stopped(dir.path(), "real-time", "-INT", Duration::ZERO);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(begun.elapsed().as_secs() < 50, "the first step is due after 60 s");
    let summary = json(&dir.path().join("here/summary.json"));
    assert_eq!((&summary["steps"], &summary["stopped_at_s"]), (&0.into(), &0.0.into()));
    assert!(phasorbench(dir.path(), &["report", "here"]).status.success());
}

#[test]
fn a_paced_step_allocates_nothing() {
    let plan = phasorbench::scenario::read(&root().join("scenarios/phasor/ieee13_decoupled_pi.yaml")).plan.unwrap();
    let mut bench = Bench::new(&plan).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::create(&dir.path().join("series.csv"), bench.channels()).unwrap();
    let pacing = Pacing { step: plan.step, factor: 1e4, overrun: Overrun::CatchUp };
    bench.paced(Duration::from_nanos(pacing.due_ns(Tick(1))));
    let mut paced = Paced::new(Monotonic::new(), pacing, Arc::default());
    let (mut first, mut last) = (0, 0);
    let mut progress = |tick: Tick| {
        last = counting::asked();
        first = if tick.0 == 10 { last } else { first };
    };
    bench.run(Some(&mut recorder), &mut paced, &mut progress).unwrap();
    assert_eq!(last - first, 0);
    assert_eq!(paced.timing().ticks, plan.last.0);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let dir = folder();
    for args in [
        &["--pace", "fast"][..],
        &["--pace", "0x"],
        &["--overrun", "slip"],
        &["--pace", "real-time", "--overrun", "skip"],
        &["--real-time-priority"],
        &["--pin-cpu", "0", "--pace", "batch"],
        &["--pace", "real-time", "--real-time-priority=0"],
    ] {
        let args: Vec<&str> = ["run", "short.yaml"].iter().chain(args).copied().collect();
        let output = phasorbench(dir.path(), &args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", err(&output));
    }
    assert!(!dir.path().join("results").exists());
}

#[test]
fn what_the_machine_refuses_is_said_and_no_reason_not_to_run() {
    let dir = folder();
    let args = ["run", "short.yaml", "--pace", "1e5x", "--real-time-priority=1", "--pin-cpu", "4095", "--out", "here"];
    let output = phasorbench(dir.path(), &args);
    assert!(output.status.success(), "{}", err(&output));
    let machine = &json(&dir.path().join("here/timing.json"))["machine"];
    let what: Vec<&str> = machine.as_array().unwrap().iter().map(|own| own["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["processor 4095", "SCHED_FIFO priority 1", "locked memory", "timer slack 1 ns"]);
    assert_eq!(machine[0]["granted"], false);
    assert!(err(&output).contains("processor 4095: refused"), "{}", err(&output));
    assert!(fs::read_to_string(dir.path().join("here/report.html")).unwrap().contains("processor 4095: refused"));
}

#[test]
fn jitter_measures_the_machine_and_judges_it() {
    let args = ["hil", "jitter", "--period-s", "0.005", "--duration-s", "0.5"];
    let output = phasorbench(root(), &[&args[..], &["--json"]].concat());
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["timing"]["ticks"], number(&said["timing"]["expected_s"])), (&100.into(), 0.5));
    assert!(number(&said["timing"]["elapsed_s"]) >= 0.5);
    let unfit = said["verdict"] == "unfit";
    assert_eq!(output.status.code(), Some(i32::from(unfit)), "{said}");
    let late_us = number(&said["timing"]["durations"]["begin"]["p999_us"]);
    assert_eq!(said["verdict"] == "fit", late_us <= 500.0 && said["timing"]["overruns"]["count"] == 0);
    let text = String::from_utf8(phasorbench(root(), &args).stdout).unwrap();
    assert!(
        ["100 ticks of 5 ms", "p99.9", "this period", "fit from about"].iter().all(|part| text.contains(part)),
        "{text}"
    );
    for wrong in [["--period-s", "0"], ["--period-s", "nan"], ["--duration-s", "0.001"], ["--duration-s", "inf"]] {
        assert_eq!(phasorbench(root(), &[&["hil", "jitter"][..], &wrong].concat()).status.code(), Some(2), "{wrong:?}");
    }
}
