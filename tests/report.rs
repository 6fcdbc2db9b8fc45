//! `phasorbench report` from the outside: pages are a function of a directory's files, and of those alone.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::{Value, json};

#[path = "support/page.rs"]
mod page;

use page::{assert_needs_nothing, assert_well_formed};

fn phasorbench(dir: &Path, args: &[&str]) -> std::process::Output {
    Command::cargo_bin("phasorbench").unwrap().current_dir(dir).args(args).output().unwrap()
}

/// A run of a small feeder in `here`, whose feeder and scenario are then removed.
fn run() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let feeder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/scenario/feeders/small.yaml");
    fs::copy(feeder, dir.path().join("small.yaml")).unwrap();
    let text = "scenario: short\ntitle: Short\nfeeder: small.yaml\nduration_s: 3600\nstep_s: 60\n\
                events: [{at_s: 600, open: branch, reclose_after_s: 600}]\noutputs: {voltages: all}\n";
    fs::write(dir.path().join("short.yaml"), text).unwrap();
    let output = phasorbench(dir.path(), &["run", "short.yaml", "--out", "here"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::remove_file(dir.path().join("small.yaml")).unwrap();
    fs::remove_file(dir.path().join("short.yaml")).unwrap();
    dir
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

fn drawn(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "svg" || e == "html")
}

fn text(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_report_is_made_again_to_the_byte_where_the_feeder_is_no_more() {
    let dir = run();
    let (here, there) = (dir.path().join("here"), dir.path().join("moved/there"));
    fs::create_dir_all(&there).unwrap();
    for file in files(&here).iter().filter(|path| !drawn(path)) {
        fs::copy(file, there.join(file.file_name().unwrap())).unwrap();
    }
    let output = phasorbench(dir.path(), &["report", "moved/there"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "moved/there/report.html");
    assert_eq!(files(&here).iter().filter(|path| drawn(path)).count(), 7, "the page and six figures");
    for file in files(&here) {
        let again = fs::read(there.join(file.file_name().unwrap())).unwrap();
        assert!(again == fs::read(&file).unwrap(), "{} differs", file.display());
    }
}

#[test]
fn what_is_missing_half_written_or_of_another_version_is_said() {
    let refused = |spoil: &dyn Fn(&Path), says: &str| {
        let dir = run();
        spoil(&dir.path().join("here"));
        let output = phasorbench(dir.path(), &["report", "here"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("error[E0407]") && said.contains(says), "{said}");
    };
    for name in ["run.json", "report.json", "nodes.csv", "series.csv", "summary.json"] {
        refused(&|here| fs::remove_file(here.join(name)).unwrap(), &format!("here/{name} is missing"));
    }
    let partial = |here: &Path| fs::rename(here.join("series.csv"), here.join("series.csv.partial")).unwrap();
    refused(&partial, "series.csv.partial is half-written");
    let cut = |name: &'static str| {
        move |here: &Path| {
            let whole = fs::read(here.join(name)).unwrap();
            fs::write(here.join(name), &whole[..whole.len() / 2]).unwrap();
        }
    };
    refused(&cut("report.json"), "report.json is not as this version writes it");
    refused(&cut("summary.json"), "summary.json is not as this version writes it");
    refused(&cut("nodes.csv"), "nodes.csv is not as this version writes it");
    refused(&cut("series.csv"), "series.csv is not a record");
    let newer = |here: &Path| {
        let text = fs::read_to_string(here.join("report.json")).unwrap();
        fs::write(here.join("report.json"), text.replacen("\"format\":1", "\"format\":77", 1)).unwrap();
    };
    refused(&newer, "has format 77, this version knows 1");
    let dir = tempfile::tempdir().unwrap();
    for (name, says) in [("nowhere", "is not a directory"), (".", "holds no results")] {
        let output = phasorbench(dir.path(), &["report", name]);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains(says));
    }
}

/// Two expectations: the first holds, the second fails at node `end.1` after half an hour.
fn with_verdicts(here: &Path) {
    let mut summary: Value = serde_json::from_str(&text(here.join("summary.json"))).unwrap();
    summary["expectations"] = json!([
        {"expectation": "all is well", "passed": true, "quantity": null, "measured": null, "limit": null, "at_s": null,
         "place": null, "reason": ""},
        {"expectation": "voltages stay < 1 pu", "passed": false, "quantity": "feeder.v_max_pu", "measured": 1.0123,
         "limit": 1.0, "at_s": 1800.0, "place": "end.1", "reason": "it is too high"},
    ]);
    fs::write(here.join("summary.json"), summary.to_string()).unwrap();
}

#[test]
fn verdicts_come_first_and_are_marked_in_the_figures() {
    let dir = run();
    let here = dir.path().join("here");
    let before = text(here.join("report.html"));
    assert!(!before.contains("expectation"), "without expectations nothing is said of them");
    with_verdicts(&here);
    assert!(phasorbench(dir.path(), &["report", "here"]).status.success());
    let page = text(here.join("report.html"));
    let at = |what: &str| page.find(what).unwrap_or_else(|| panic!("no {what}"));
    assert!(at("1 of 2 expectations do not hold") < at("class=\"numbers\""));
    assert!(at("voltages stay &lt; 1 pu") < at("class=\"numbers\""));
    for what in ["1.0123 pu", "<code>end.1</code> at 00:30", "it is too high", "✓ passed", "✗ failed"] {
        at(what);
    }
    // The flag bears the number of its row.
    for figure in ["voltages.svg", "one_line.svg", "power.svg"] {
        assert!(text(here.join(figure)).contains("×2"), "{figure}");
        assert!(!text(here.join(figure)).contains("×1"), "what holds is not marked in {figure}");
    }
}

#[test]
fn a_directory_of_runs_gets_an_index() {
    let dir = run();
    let results = dir.path().join("results/a b");
    fs::create_dir_all(&results).unwrap();
    fs::rename(dir.path().join("here"), results.join("run-0001")).unwrap();
    for name in ["run-0002", "run-0003"] {
        fs::create_dir(results.join(name)).unwrap();
        for file in files(&results.join("run-0001")) {
            fs::copy(&file, results.join(name).join(file.file_name().unwrap())).unwrap();
        }
    }
    with_verdicts(&results.join("run-0002"));
    fs::remove_file(results.join("run-0003/run.json")).unwrap();
    let output = phasorbench(dir.path(), &["report", "results"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let index = text(dir.path().join("results/index.html"));
    assert!(index.contains("2 of 3 results are not as expected"));
    assert!(index.contains("href=\"a%20b/run-0001/report.html\""));
    assert!(index.contains("1 of 2 expectations do not hold") && index.contains("run.json is missing"));
    assert_needs_nothing(&index.replace("href=\"a%20b/", ""));
}

#[test]
fn other_studies_have_pages_too() {
    let dir = tempfile::tempdir().unwrap();
    let case = |element: &str, v: f64, kw: f64, rank: u32| {
        json!({"element": element, "status": "converged", "min_v_pu": v, "max_v_pu": 1.02, "max_loading_percent": 80.5,
               "unserved_kw": kw, "rank": rank})
    };
    let screening = json!({"feeder": "f <1>", "elapsed_ms": 1.5,
        "cases": [case("line.b", 0.99, 0.0, 2), case("line.a", 0.91, 120.0, 1)]});
    let sweep = json!({"scenario": "s", "samples": 6, "seed": 3, "status": {"converged": 6}, "columns":
        {"feeder.v_min_pu": {"min": 0.9, "max": 1.0, "mean": 0.95, "histogram": [1, 2, 3], "percentiles": {"p50": 0.95}}}});
    let studies = [("contingency", "contingency.json", screening, 3), ("sweep", "summary.json", sweep, 1)];
    for (name, file, value, figures) in studies {
        let folder = dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(file), value.to_string()).unwrap();
        let output = phasorbench(dir.path(), &["report", name]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let page = text(folder.join("report.html"));
        assert_needs_nothing(&page);
        let drawn: Vec<PathBuf> =
            files(&folder).into_iter().filter(|p| p.extension().is_some_and(|e| e == "svg")).collect();
        assert_eq!((drawn.len(), page.matches("<figure>").count()), (figures, figures), "{name}");
        drawn.into_iter().for_each(|figure| assert_well_formed(&text(figure)));
    }
    let feeder = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders/parallel_lines.yaml");
    let feeder = feeder.to_str().unwrap();
    let output =
        phasorbench(dir.path(), &["pv", feeder, "--at", "receiving", "--outage", "line2", "--out", "pv", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let curves = dir.path().join("pv/report.html");
    let page = text(curves.clone());
    assert!(page.contains("without line2") && page.matches("<figure>").count() == 1);
    fs::remove_file(&curves).unwrap();
    assert!(phasorbench(dir.path(), &["report", "pv"]).status.success());
    assert_eq!(text(curves), page, "the same from the files alone");
    let ranking = text(dir.path().join("contingency/report.html"));
    assert!(ranking.contains("Contingencies of f &lt;1&gt;"));
    assert!(ranking.find("<code>line.a</code>").unwrap() < ranking.find("<code>line.b</code>").unwrap(), "by rank");
    fs::write(dir.path().join("pv/pv.json"), "{").unwrap();
    let output = phasorbench(dir.path(), &["report", "pv"]);
    assert_eq!(output.status.code(), Some(2));
    fs::rename(dir.path().join("pv/pv.json"), dir.path().join("pv/pv.json.partial")).unwrap();
    let output = phasorbench(dir.path(), &["report", "pv"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("half-written"));
}

/// Layouts on what a feeder may be: a mesh, parallel lines, an island, buses with and without coordinates.
#[test]
fn odd_feeders_are_drawn() {
    let feeder = |buses: &str, extra: &str| {
        format!(
            "feeder: odd\nvoltage_bases_kv: [12.47]\n{buses}sources: {{grid: {{bus: a, v_kv: 12.47}}}}\n\
             line_codes: {{c: {{phases: 3, per: km, impedance: {{r1_ohm: 0.3, x1_ohm: 0.4, r0_ohm: 0.6, x0_ohm: 1.2}}}}}}\n\
             lines:\n  one: {{from: a, to: b, code: c, length_km: 1}}\n  two: {{from: a, to: b, code: c, length_km: 1}}\n  \
             three: {{from: b, to: c, code: c, length_km: 1}}\n  ring: {{from: c, to: a, code: c, length_km: 1}}\n{extra}\
             loads: {{l: {{bus: c, v_kv: 12.47, p_kw: 100}}}}\n"
        )
    };
    let tie = "  tie: {from: c, to: \"d<&\", code: c, length_km: 1, open: true}\n  far: {from: \"d<&\", to: e, code: c, length_km: 1}\n";
    let some = "buses: {a: {x: 0, \"y\": 0}, b: {x: 100, \"y\": 5}, c: {x: 100, \"y\": 5}}\n";
    let dir = tempfile::tempdir().unwrap();
    for (k, text) in [feeder("", ""), feeder("", tie), feeder(some, tie)].into_iter().enumerate() {
        fs::write(dir.path().join("f.yaml"), text).unwrap();
        let scenario = format!("scenario: s{k}\nfeeder: f.yaml\nduration_s: 60\nstep_s: 60\n");
        fs::write(dir.path().join("s.yaml"), scenario).unwrap();
        let out = format!("out{k}");
        let output = phasorbench(dir.path(), &["run", "s.yaml", "--out", &out]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let svg = fs::read_to_string(dir.path().join(out).join("one_line.svg")).unwrap();
        assert_well_formed(&svg);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        assert_eq!(svg.contains("stroke-dasharray"), k > 0, "only an island is not fed");
        assert!(k == 0 || svg.contains("d&lt;&amp;"));
    }
}
