//! `phasorbench powerflow`, `benchmark`, `import` and `check` as other tools call them: JSON, exit codes, messages.

#![cfg(feature = "cli")]

use std::path::Path;
use std::process::Output;

use serde_json::Value;

fn phasorbench(args: &[&str]) -> Output {
    let mut command = assert_cmd::Command::cargo_bin("phasorbench").expect("the binary is built");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(args).output().expect("it runs")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("standard output is JSON")
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn json_has_what_other_tools_rely_on() {
    let output = phasorbench(&["powerflow", "feeders/ieee13.yaml", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", message(&output));
    let report = json(&output);
    assert_eq!((&report["feeder"], &report["status"]), (&"ieee13".into(), &"converged".into()));
    for key in ["re_v", "im_v", "magnitude_pu", "angle_deg"] {
        assert!(report["nodes"]["632.1"][key].is_f64(), "{key}");
    }
    for key in ["source", "losses"] {
        assert!(report[key]["p_w"].is_f64() && report[key]["q_var"].is_f64(), "{key}");
    }
    // Resting taps of OpenDSS (engine 0.14.5) for this feeder.
    assert_eq!(report["taps"], serde_json::json!({"reg1": 9, "reg2": 6, "reg3": 9}));
    assert_eq!(report["capacitors"], serde_json::json!({"cap1": "closed", "cap2": "closed"}));
    assert_eq!(report["de_energised"], serde_json::json!([]));
    assert!(report["iterations"].as_u64().is_some_and(|i| i > 1) && report["mismatch_pu"].is_f64());
}

#[test]
fn flags_set_taps_capacitors_and_lines() {
    let args =
        ["powerflow", "feeders/ieee13.yaml", "--json", "--controls", "off", "--tap", "reg1=-3", "--tap", "REG2=8"];
    let output = phasorbench(&[&args[..], &["--capacitor", "cap1=open", "--open", "671692"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", message(&output));
    let report = json(&output);
    assert_eq!(report["taps"], serde_json::json!({"reg1": -3, "reg2": 8, "reg3": 0}));
    assert_eq!(report["capacitors"]["cap1"], "open");
    let mut dead: Vec<&str> = report["de_energised"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    dead.sort_unstable();
    assert_eq!(dead, ["675.1", "675.2", "675.3", "692.1", "692.2", "692.3"]);
}

#[test]
fn bad_arguments_are_exit_2_with_advice() {
    let feeder = "feeders/ieee13.yaml";
    for (args, says) in [
        (vec!["--tolerance-pu", "1e-13"], "1e-12"),
        (vec!["--tolerance-pu", "NaN"], "tolerance"),
        (vec!["--tolerance-pu", "-1"], "tolerance"),
        (vec!["--tap", "regg1=3"], "did you mean \"reg1\""),
        (vec!["--tap", "reg1=17"], "from -16 to 16"),
        (vec!["--tap", "reg1=up"], "from -16 to 16"),
        (vec!["--tap", "reg1"], "NAME=VALUE"),
        (vec!["--capacitor", "cap1=ajar"], "NAME=open"),
        (vec!["--capacitor", "cap9=open"], "did you mean \"cap"),
        (vec!["--open", "671693"], "did you mean \"671692\""),
        (vec!["--controls", "time"], "static"),
    ] {
        let output = phasorbench(&[&["powerflow", feeder][..], &args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(message(&output).contains(says), "{args:?}: {}", message(&output));
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    assert_eq!(phasorbench(&["powerflow", "feeders/no_such.yaml"]).status.code(), Some(2));
    assert_eq!(phasorbench(&["powerflow", "README.md"]).status.code(), Some(2));
}

/// Parallel lines with one open carry at most V²/(2·6545.45) ≈ 1100 kW: hand-solved, twice that is past the nose.
#[test]
fn no_solution_is_exit_1_names_the_worst_node_and_still_prints_json() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders/parallel_lines.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("overloaded.yaml");
    std::fs::write(&path, text.replace("p_kw: 1000", "p_kw: 2300")).unwrap();
    let output = phasorbench(&["powerflow", path.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", message(&output));
    let report = json(&output);
    assert_eq!(report["status"], "not_converged");
    let worst = report["worst_node"].as_str().expect("a node is named");
    assert!(message(&output).contains(worst), "{}", message(&output));
}

#[test]
fn a_benchmark_reports_every_figure() {
    let output = phasorbench(&["benchmark", "feeders/ieee13.yaml", "--steps", "20", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", message(&output));
    let report = json(&output);
    assert_eq!((report["nodes"].as_u64(), report["steps"].as_u64()), (Some(41), Some(20)));
    for key in ["iterations_mean", "max_error_pu", "tap_step_us", "compile_ms", "lanes8_us_per_scenario"] {
        assert!(report[key].is_f64(), "{key}");
    }
    for key in ["p50", "p99", "max"] {
        assert!(report["step_us"][key].as_f64().is_some_and(|us| us > 0.0), "{key}");
    }
    assert!(report["max_error_pu"].as_f64().unwrap() <= 1e-8);
}

#[test]
fn a_table_is_printed_for_people() {
    let output = phasorbench(&["powerflow", "feeders/ieee13.yaml"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in ["ieee13: converged", "base kV", "632", "source", "losses", "reg1=+9", "cap1=closed"] {
        assert!(text.contains(part), "{part} in:\n{text}");
    }
}
