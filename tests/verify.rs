//! `phasorbench verify` from the outside: what it finds, prints, writes and returns.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

fn phasorbench(dir: &Path, args: &[&str]) -> Output {
    Command::cargo_bin("phasorbench").unwrap().current_dir(dir).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder with the small feeder of the broken scenarios and these scenarios: name and what follows the times.
fn folder(scenarios: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/scenario/feeders/small.yaml");
    fs::copy(small, dir.path().join("small.yaml")).unwrap();
    fs::create_dir(dir.path().join("all")).unwrap();
    for (name, rest) in scenarios {
        write(dir.path(), name, rest);
    }
    dir
}

fn write(dir: &Path, name: &str, rest: &str) {
    let text = format!("scenario: {name}\nfeeder: ../small.yaml\nduration_s: 600\nstep_s: 60\n{rest}");
    fs::write(dir.join(format!("all/{name}.yaml")), text).unwrap();
}

const GOOD: &str = "expect:\n  - {always: feeder.v_max_pu, below: 1.05}\n  - {equals_baseline: source.p_w}\n";
const BAD: &str = "events: [{at_s: 180, open: branch}]\n\
                   expect:\n  - {name: nothing is lost, never: feeder.de_energised_nodes, above: 0}\n  - {always: end.1.v_pu, above: 0.9}\n";

#[test]
fn from_nothing_to_a_baseline_and_on() {
    let dir = folder(&[("good", GOOD), ("plain", "")]);
    let run = |args: &[&str]| phasorbench(dir.path(), &[&["verify", "all"], args].concat());
    let first = run(&["--require-baseline"]);
    assert_eq!(first.status.code(), Some(1));
    assert!(stdout(&first).contains("FAILED  plain") && stdout(&first).contains("--bless"), "{}", stdout(&first));
    let alone = run(&[]);
    assert!(stdout(&alone).contains("ok      plain  no expectations, no baseline"), "{}", stdout(&alone));
    assert!(stdout(&alone).contains("FAILED  good"), "equals_baseline needs one: {}", stdout(&alone));
    assert_eq!(run(&["--no-baseline"]).status.code(), Some(1), "equals_baseline needs one");
    let blessed = run(&["--bless"]);
    assert_eq!(blessed.status.code(), Some(0), "{}{}", stdout(&blessed), stderr(&blessed));
    let second = run(&[]);
    assert_eq!(second.status.code(), Some(0));
    let expected = "ok      good   2 expectations, as the baseline\n\
                    ok      plain  no expectations, as the baseline\n\n\
                    2 scenarios passed, 0 failed, 2 expectations altogether\n";
    assert_eq!(stdout(&second), expected);
    assert_eq!(stderr(&second), "");
    // A result that moves is found, with what moved.
    write(dir.path(), "plain", "load_multiplier: 1.01\n");
    let moved = run(&[]);
    assert_eq!(moved.status.code(), Some(1));
    assert!(stdout(&moved).contains("FAILED  plain  no expectations, not as the baseline"));
    assert!(stdout(&moved).contains("baseline: source.p_w"), "{}", stdout(&moved));
    // `run` knows the baseline, too.
    assert_eq!(phasorbench(dir.path(), &["run", "all/good.yaml"]).status.code(), Some(0));
    write(dir.path(), "good", &format!("load_multiplier: 1.01\n{GOOD}"));
    let ran = phasorbench(dir.path(), &["run", "all/good.yaml"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(stdout(&ran).contains("FAILED   equals_baseline source.p_w: the "), "{}", stdout(&ran));
    // Blessing again writes what moved.
    assert_eq!(run(&["--bless"]).status.code(), Some(0));
    assert_eq!(run(&[]).status.code(), Some(0));
}

#[test]
fn a_failure_is_told_with_value_limit_time_and_place() {
    let dir = folder(&[("bad", BAD)]);
    let output = phasorbench(dir.path(), &["verify", "all", "--no-baseline", "--junit", "out/verify.xml"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "\
FAILED  bad  2 expectations, 2 failed

bad (all/bad.yaml)
  expectation                  measured  limit  t_s  place
  nothing is lost              3         0      180  -
    feeder.de_energised_nodes is 3 at 180 s; it must never be above 0
  always end.1.v_pu, above 0.9  0         0.9    180  -
    end.1.v_pu is 0 at 180 s; it must always be above 0.9

0 scenarios passed, 1 failed, 2 expectations altogether
";
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed(&stdout(&output)), squeezed(expected));
    let junit = fs::read_to_string(dir.path().join("out/verify.xml")).unwrap();
    assert!(
        junit.contains("<testsuite name=\"all\" tests=\"1\" skipped=\"0\" errors=\"0\" failures=\"1\">"),
        "{junit}"
    );
    assert!(junit.contains("nothing is lost: feeder.de_energised_nodes is 3 at 180 s"), "{junit}");
    assert!(!junit.contains("time"), "the same results are the same bytes: {junit}");
    // A failing scenario is not blessed.
    let blessed = phasorbench(dir.path(), &["verify", "all", "--bless"]);
    assert_eq!(blessed.status.code(), Some(1));
    assert_eq!(fs::read_dir(dir.path().join("results/baseline")).unwrap().count(), 0);
}

#[test]
fn a_broken_scenario_stops_no_other() {
    let dir = folder(&[("bad", BAD), ("broken", "load_shape: nowhere\n"), ("good", "")]);
    fs::write(dir.path().join("all/base.yaml"), "duration_s: 60\n").unwrap();
    let output = phasorbench(dir.path(), &["verify", "all", "--no-baseline", "--junit", "verify.xml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("error[E0309]"), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("BROKEN  all/broken.yaml  not run"), "{said}");
    assert!(said.contains("ok      good "), "{said}");
    assert!(
        said.contains("1 scenario passed, 2 failed, 2 expectations altogether; 1 other YAML file is no scenario"),
        "{said}"
    );
    assert!(fs::read_to_string(dir.path().join("verify.xml")).unwrap().contains("errors=\"1\" failures=\"1\""));
}

#[test]
fn what_cannot_be_verified_is_said() {
    let dir = folder(&[("good", "")]);
    let refused = |args: &[&str], code: &str| {
        let output = phasorbench(dir.path(), &[&["verify"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(code), "{args:?}: {}", stderr(&output));
    };
    refused(&["nowhere"], "E0440");
    refused(&["small.yaml"], "E0440");
    fs::create_dir(dir.path().join("empty")).unwrap();
    refused(&["empty"], "E0440");
    refused(&["all", "--jobs", "0"], "--jobs");
    fs::copy(dir.path().join("all/good.yaml"), dir.path().join("all/again.yaml")).unwrap();
    refused(&["all"], "E0441");
}

#[test]
fn baselines_that_cannot_be_read_or_written() {
    let dir = folder(&[("good", "")]);
    let run = |args: &[&str]| phasorbench(dir.path(), &[&["verify", "all"], args].concat());
    assert_eq!(run(&["--bless"]).status.code(), Some(0));
    let place = dir.path().join("results/baseline/good.json");
    fs::write(&place, "{\"scenario\":").unwrap();
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).contains("is no baseline of this version"), "{}", stdout(&output));
    // Where a folder stands in the way, nothing can be written.
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    assert_eq!(run(&["--bless"]).status.code(), Some(4));
    fs::write(dir.path().join("file"), "").unwrap();
    assert_eq!(run(&["--bless", "--baseline", "file/below"]).status.code(), Some(2));
    assert_eq!(run(&["--no-baseline", "--junit", "file/below.xml"]).status.code(), Some(4));
}

#[test]
fn one_job_or_many_now_or_again_give_the_same_bytes() {
    let names: Vec<String> = (0..12).map(|k| format!("s{k:02}")).collect();
    let rest = |k: usize| match k % 3 {
        0 => GOOD.to_owned(),
        1 => format!("load_multiplier: 0.{}\n", 90 + k),
        _ => BAD.to_owned(),
    };
    let scenarios: Vec<String> = (0..12).map(rest).collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(scenarios.iter().map(String::as_str)).collect();
    let results = |jobs: &str| {
        let dir = folder(&pairs);
        let blessed = phasorbench(dir.path(), &["verify", "all", "--jobs", jobs, "--bless"]);
        let checked = phasorbench(dir.path(), &["verify", "all", "--jobs", jobs, "--junit", "verify.xml"]);
        assert_eq!(checked.status.code(), Some(1));
        let mut files: Vec<_> =
            fs::read_dir(dir.path().join("results/baseline")).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        assert_eq!(files.len(), 8);
        let baselines: Vec<String> = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let junit = fs::read_to_string(dir.path().join("verify.xml")).unwrap();
        (stdout(&blessed), stdout(&checked), stderr(&checked), junit, baselines)
    };
    let one = results("1");
    assert_eq!(one, results("8"));
    assert_eq!(one, results("1"));
}

#[test]
fn two_that_bless_at_once_leave_whole_baselines() {
    let names: Vec<String> = (0..8).map(|k| format!("s{k}")).collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let dir = folder(&pairs);
    let bless = || phasorbench(dir.path(), &["verify", "all", "--bless"]).status.code();
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..3).map(|_| scope.spawn(bless)).collect();
        all.into_iter().for_each(|one| assert_eq!(one.join().unwrap(), Some(0)));
    });
    let left = fs::read_dir(dir.path().join("results/baseline")).unwrap().count();
    assert_eq!(left, 8, "and nothing half-written beside them");
    assert_eq!(phasorbench(dir.path(), &["verify", "all"]).status.code(), Some(0));
}
