//! `phasorbench run` from the outside: what it writes, prints and returns.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

#[path = "support/page.rs"]
mod page;

use page::assert_well_formed;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn phasorbench(dir: &Path, args: &[&str]) -> std::process::Output {
    Command::cargo_bin("phasorbench").unwrap().current_dir(dir).args(args).output().unwrap()
}

/// A short scenario on the small feeder of the broken scenarios, in a folder of its own.
fn folder(extra: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(root().join("tests/bad/scenario/feeders/small.yaml"), dir.path().join("small.yaml")).unwrap();
    let text = format!(
        "scenario: short\ntitle: Short & <sound>\nfeeder: small.yaml\nduration_s: 7200\nstep_s: 60\n\
         events: [{{at_s: 600, open: branch, reclose_after_s: 600}}, {{at_s: 3600, add_load: {{bus: end, p_kw: 800}}}}]\n\
         outputs: {{voltages: all}}\n{extra}"
    );
    fs::write(dir.path().join("short.yaml"), text).unwrap();
    dir
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

fn names(dir: &Path) -> Vec<String> {
    files(dir).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_run_leaves_everything_and_says_where() {
    let dir = folder("");
    let output = phasorbench(dir.path(), &["run", "short.yaml", "--quiet"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.trim(), "results/short/run-0001");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "no progress bar without a terminal");
    let results = dir.path().join(said.trim());
    let expected = [
        "buses.svg",
        "nodes.csv",
        "one_line.svg",
        "power.svg",
        "profile.svg",
        "report.html",
        "report.json",
        "run.json",
        "series.csv",
        "summary.json",
        "taps.svg",
        "voltages.svg",
    ];
    assert_eq!(names(&results), expected);
}

#[test]
fn two_runs_give_the_same_bytes_but_for_timing() {
    let dir = folder("");
    for _ in 0..2 {
        assert!(phasorbench(dir.path(), &["run", "short.yaml", "--quiet"]).status.success());
    }
    let [first, second] = ["run-0001", "run-0002"].map(|run| dir.path().join("results/short").join(run));
    assert_eq!(names(&first), names(&second));
    for (a, b) in files(&first).iter().zip(files(&second)) {
        let same = fs::read(a).unwrap() == fs::read(&b).unwrap();
        assert!(same || a.ends_with("run.json"), "{} differs", a.display());
    }
    let info = |dir: &Path| -> serde_json::Value {
        let mut info: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("run.json")).unwrap()).unwrap();
        info["timing"].take();
        info
    };
    assert_eq!(info(&first), info(&second));
}

#[test]
fn json_is_the_summary() {
    let dir = folder("");
    let output = phasorbench(dir.path(), &["run", "short.yaml", "--json", "--out", "here"]);
    assert!(output.status.success());
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["directory"], "here");
    let written: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.path().join("here/summary.json")).unwrap()).unwrap();
    assert_eq!(said["summary"], written);
    assert_eq!(written["status"], "converged");
    assert_eq!(written["steps"], 120);
    assert_eq!(written["voltage"]["de_energised_nodes_max"], 3);
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = folder("");
    fs::create_dir(dir.path().join("mine")).unwrap();
    fs::write(dir.path().join("mine/notes.txt"), "keep").unwrap();
    let output = phasorbench(dir.path(), &["run", "short.yaml", "--out", "mine"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(names(&dir.path().join("mine")), ["notes.txt"]);
}

#[test]
fn a_killed_run_is_not_taken_for_whole_and_nobody_else_writes_into_it() {
    let dir = folder("");
    let text = fs::read_to_string(dir.path().join("short.yaml")).unwrap();
    let endless = text.replace("duration_s: 7200", "duration_s: 6000000000");
    fs::write(dir.path().join("endless.yaml"), endless).unwrap();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("phasorbench"))
        .current_dir(dir.path())
        .args(["run", "endless.yaml", "--out", "here", "--quiet"])
        .spawn()
        .unwrap();
    let record = dir.path().join("here/series.csv.partial");
    let begun = std::time::Instant::now();
    while fs::metadata(&record).map_or(0, |m| m.len()) == 0 && begun.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let second = phasorbench(dir.path(), &["run", "short.yaml", "--out", "here"]);
    assert_eq!(second.status.code(), Some(2), "two runs into one directory");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(&dir.path().join("here")), ["series.csv.partial"]);
    let report = phasorbench(dir.path(), &["report", "here"]);
    assert_eq!(report.status.code(), Some(2));
    assert!(
        String::from_utf8(report.stderr).unwrap().contains("did not finish"),
        "it says why there is nothing to see"
    );
    let again = phasorbench(dir.path(), &["run", "short.yaml", "--out", "here"]);
    assert_eq!(again.status.code(), Some(2), "what was begun is not overwritten");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said() {
    let dir = folder("");
    fs::create_dir(dir.path().join("here")).unwrap();
    let output = phasorbench(dir.path(), &["run", "short.yaml", "--out", "/dev/full/here"]);
    assert_eq!(output.status.code(), Some(2), "not a directory");
    assert!(String::from_utf8(output.stderr).unwrap().contains("error["));
    // A file size limit is what a full disk looks like: the write fails in the middle.
    let binary = assert_cmd::cargo::cargo_bin("phasorbench");
    let limited = format!("trap '' XFSZ; ulimit -f 8; exec {} run short.yaml --out here --quiet", binary.display());
    let output = std::process::Command::new("bash").current_dir(dir.path()).args(["-c", &limited]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot write the results"), "{said}");
    assert!(!dir.path().join("here/run.json").exists() && !dir.path().join("here/report.html").exists());
}

#[test]
fn bad_input_is_exit_2_and_writes_nothing() {
    let dir = folder("load_shape: nowhere\n");
    let output = phasorbench(dir.path(), &["run", "short.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("error[E0309]"));
    assert!(!dir.path().join("results").exists());
}

#[test]
fn a_step_without_a_solution_is_exit_1_and_named() {
    let dir = folder("");
    let text = fs::read_to_string(dir.path().join("short.yaml")).unwrap();
    // Far beyond what 3 km of this line can carry.
    let text = text.replace("events: [", "events: [{at_s: 5400, load: {name: town, p_kw: 900000}}, ");
    // Without a band the load stays at constant power, and there is no solution at all.
    let feeder = fs::read_to_string(dir.path().join("small.yaml")).unwrap();
    let feeder = feeder.replace("p_kw: 900,", "p_kw: 900, v_min_pu: 0, v_low_pu: 0,");
    fs::write(dir.path().join("small.yaml"), feeder).unwrap();
    fs::write(dir.path().join("short.yaml"), text).unwrap();
    let output = phasorbench(dir.path(), &["run", "short.yaml", "--json", "--out", "here"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["summary"]["status"], "not_converged");
    assert_eq!(said["summary"]["solver"]["not_converged"], 31);
    assert_eq!(said["summary"]["solver"]["first_not_converged_t_s"], 5400.0);
    assert!(said["summary"]["solver"]["worst_node"].is_string());
    let page = fs::read_to_string(dir.path().join("here/report.html")).unwrap();
    assert!(page.contains("31 of 120 steps have none, the first at 01:30"));
}

#[test]
fn figures_are_well_formed() {
    let dir = folder("");
    assert!(phasorbench(dir.path(), &["run", "short.yaml", "--out", "here"]).status.success());
    let figures: Vec<PathBuf> =
        files(&dir.path().join("here")).into_iter().filter(|p| p.extension().is_some_and(|e| e == "svg")).collect();
    assert_eq!(figures.len(), 6);
    for figure in figures {
        let text = fs::read_to_string(figure).unwrap();
        assert!(text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
        assert_well_formed(&text);
    }
}

#[test]
fn the_report_needs_nothing_else() {
    let dir = folder("");
    assert!(phasorbench(dir.path(), &["run", "short.yaml", "--out", "here"]).status.success());
    let page = fs::read_to_string(dir.path().join("here/report.html")).unwrap();
    page::assert_needs_nothing(&page);
    assert!(page.contains("<title>Short &amp; &lt;sound&gt;</title>"));
    assert_eq!(page.matches("<figure>").count(), 6);
}

#[test]
fn the_first_scenario_of_a_newcomer_runs() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = root().join("scenarios/ieee13_day.yaml");
    let output = phasorbench(dir.path(), &["run", scenario.to_str().unwrap(), "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["summary"]["status"], "converged");
    assert_eq!(said["summary"]["voltage"]["de_energised_nodes_max"], 6, "692 and 675 during the work");
}

#[test]
fn committed_schemas_are_current() {
    for kind in [
        "feeder",
        "scenario",
        "device",
        "powerflow",
        "benchmark",
        "contingency",
        "compare",
        "pv",
        "summary",
        "run",
        "timing",
    ] {
        let printed = phasorbench(root(), &["schema", kind]).stdout;
        let path = format!("docs/schema/{kind}.schema.json");
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(root().join(&path), &printed).unwrap();
        }
        let committed = fs::read(root().join(&path)).unwrap_or_default();
        assert!(committed == printed, "{path} is out of date: UPDATE_SCHEMAS=1 cargo test --test run");
    }
}
