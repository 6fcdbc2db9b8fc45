//! `phasorbench pv`: curves against the closed form of two buses, against single power flows and against OpenDSS; what the
//! command prints, writes and refuses.

#![cfg(feature = "cli")]

use std::f64::consts::FRAC_PI_2;
use std::fs;
use std::path::Path;
use std::process::Output;

use phasorbench::feeder::{self, Feeder, LoadModel, LoadStatus};
use phasorbench::quantity::Complex;
use phasorbench::solver::{Continuation, Controls, End, Grid, NodeId, PathPoint, PowerFlow, Settings, TraceSettings};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn phasorbench(args: &[&str]) -> Output {
    let mut command = assert_cmd::Command::cargo_bin("phasorbench").expect("the binary is built");
    command.current_dir(root()).args(args).output().expect("it runs")
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn answer(args: &[&str]) -> Value {
    let output = phasorbench(&[&["pv"][..], args, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", message(&output));
    serde_json::from_slice(&output.stdout).expect("standard output is JSON")
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} of {value}"))
}

fn near(found: f64, expected: f64, relative: f64) {
    assert!((found / expected - 1.0).abs() < relative, "{found} is not {expected} within {relative:e}");
}

const PARALLEL: &str = "feeders/parallel_lines.yaml";
/// Line-to-line source voltage and reactance of both lines of that feeder.
const V1_V: f64 = 120e3;
const X_OHM: f64 = 6545.45 / 2.0;

/// At power factor 1: P = (V1²/2X)·sin 2δ and V2 = V1·cos δ, with δ below 45° on the upper branch and above on the lower.
fn assert_closed_form(curve: &Value, x_ohm: f64) {
    let most_w = V1_V * V1_V / (2.0 * x_ohm);
    let points = curve["points"].as_array().expect("a list");
    assert!(points.len() > 50);
    for point in points {
        let share = number(point, "p_w") / most_w;
        let half = 0.5 * share.asin();
        let delta = if point["past_nose"] == true { FRAC_PI_2 - half } else { half };
        near(number(point, "v_v"), V1_V * delta.cos(), 1e-9);
        assert!((number(point, "angle_deg") + delta.to_degrees()).abs() < 1e-7, "{point}");
    }
    let nose = &curve["nose"];
    near(number(nose, "p_w"), most_w, 1e-9);
    near(number(nose, "v_v"), V1_V / 2f64.sqrt(), 1e-9);
    near(number(nose, "angle_deg"), -45.0, 1e-9);
}

/// The two parallel lines of Figures 4 and 5: A, B and C as computed by hand from the closed form, to 0.01 %.
#[test]
fn two_parallel_lines_are_the_closed_form_before_and_after_the_loss_of_one() {
    let answer = answer(&[PARALLEL, "--at", "receiving", "--outage", "line2"]);
    assert_closed_form(&answer, X_OHM);
    assert_closed_form(&answer["post"], 2.0 * X_OHM);
    assert!(
        answer["points"].as_array().unwrap().iter().any(|p| (number(p, "p_w") - 1e6).abs() < 1e-6),
        "the present load"
    );
    let points = &answer["operating_points"];
    for (name, p_w, v_v, angle_deg, margin_percent) in [
        ("a", 1e6, 116.68e3, -13.52, 54.545),
        ("b", 1e6, 100.99e3, -32.69, 9.091),
        ("c", 5e5, 116.68e3, -13.52, 54.545),
    ] {
        let point = &points[name];
        near(number(point, "p_w"), p_w, 1e-9);
        near(number(point, "v_v"), v_v, 1e-4);
        // Given to four digits.
        near(number(point, "angle_deg"), angle_deg, 2e-4);
        near(number(point, "margin_percent"), margin_percent, 1e-4);
        assert!(number(point, "q_var").abs() < 1e-3);
    }
    let node = &answer["points"][3]["nodes"]["receiving.1"];
    near(number(node, "v_v"), number(&answer["points"][3], "v_v") / 3f64.sqrt(), 1e-12);
}

/// Pmax = V1²·(√(1 + b²) − b)/2X with Q = b·P.
#[test]
fn another_power_factor_moves_the_nose_as_by_hand() {
    for (flag, value, b) in [("--pf", "0.95", (1.0f64 / (0.95 * 0.95) - 1.0).sqrt()), ("--q-kvar-per-kw", "-0.3", -0.3)]
    {
        let answer = answer(&[PARALLEL, "--at", "receiving", "--vary", "bus", flag, value]);
        let most_w = V1_V * V1_V * ((1.0 + b * b).sqrt() - b) / (2.0 * X_OHM);
        near(number(&answer["nose"], "p_w"), most_w, 1e-9);
        for point in answer["points"].as_array().unwrap().iter().skip(1) {
            near(number(point, "q_var"), b * number(point, "p_w"), 1e-9);
        }
    }
}

/// At P = 1000 kW the bus voltage V needs Q = V1·√(V²/X² − P²/V1²)… solved for the injection: from
/// P = V1·V·sin δ/X and Q_drawn = V1·V·cos δ/X − V²/X, injection = V²/X − √((V1·V/X)² − P²).
#[test]
fn the_reactive_curve_is_the_closed_form() {
    let answer = answer(&[PARALLEL, "--at", "receiving", "--qv"]);
    let injection = |v: f64| v * v / X_OHM - ((V1_V * v / X_OHM).powi(2) - 1e12).sqrt();
    let points = answer["qv"]["points"].as_array().unwrap();
    for point in points {
        let expected = injection(number(point, "v_v"));
        assert!((number(point, "q_var") - expected).abs() < 1e-9 * 1e6, "{point} {expected}");
    }
    let voltages: Vec<f64> = points.iter().map(|p| number(p, "v_v")).collect();
    assert!(voltages.windows(2).all(|v| v[0] > v[1]) && voltages[0] >= 1.1 * V1_V * 0.999);
    // The least injection by golden section of the closed form.
    let (mut low, mut high) = (40e3, 100e3);
    for _ in 0..200 {
        let (a, b) = (low + 0.382 * (high - low), low + 0.618 * (high - low));
        if injection(a) < injection(b) { high = b } else { low = a }
    }
    near(number(&answer["qv"], "margin_var"), -injection(low), 1e-9);
    assert_eq!(answer["qv"]["fold"], true);
}

fn read(name: &str) -> Feeder {
    feeder::read(&root().join("feeders").join(name)).feeder.expect("a committed feeder is sound")
}

fn constant_power(mut feeder: Feeder) -> Feeder {
    for load in feeder.loads.values_mut() {
        load.model = LoadModel::ConstantPower;
        (load.v_low_pu, load.v_min_pu, load.v_max_pu) = (0.0, 0.0, f64::INFINITY);
    }
    feeder
}

/// A feeder at rest, its loads, and a copy without load.
fn flows(feeder: &Feeder) -> (PowerFlow, PowerFlow) {
    let settings = Settings { tolerance_pu: 1e-10, ..Settings::default() };
    let mut flow = PowerFlow::new(Grid::compile(feeder).expect("a committed feeder compiles"), settings);
    Controls::new(&flow).expect("its controls are sound").settle(&mut flow);
    assert!(flow.solve().converged());
    let mut none = flow.clone();
    none.set_load_multiplier(0.0);
    assert!(none.solve().converged());
    (flow, none)
}

/// Every load of the feeder that follows the multiplier.
fn growing(feeder: &Feeder, flow: &PowerFlow) -> Vec<(usize, Complex)> {
    let varies = feeder.loads.values().enumerate().filter(|(_, load)| load.status == LoadStatus::Variable);
    varies.map(|(k, _)| (k, flow.power(k))).collect()
}

fn base_va(moving: &[(usize, Complex)]) -> f64 {
    moving.iter().map(|(_, s)| s).sum::<Complex>().norm()
}

/// Largest complex voltage difference of any node between a point and a power flow, per unit.
fn difference_pu(curve: &Continuation, point: &PathPoint, flow: &PowerFlow) -> f64 {
    let (grid, of_curve) = (flow.grid(), curve.voltages(point));
    let of = |n: &NodeId| (of_curve[n.0 as usize] - flow.voltage(*n)).norm() / grid.nodes[n.0 as usize].base_v;
    grid.listing.iter().map(of).fold(0.0, f64::max)
}

#[test]
fn the_upper_branch_is_what_single_power_flows_find() {
    for (name, bands) in [
        ("ieee13.yaml", false),
        ("ieee13.yaml", true),
        ("ieee34.yaml", false),
        ("ieee34.yaml", true),
        ("ieee123.yaml", false),
    ] {
        let feeder = if bands { read(name) } else { constant_power(read(name)) };
        let (full, none) = flows(&feeder);
        let moving = growing(&feeder, &full);
        let curve = Continuation::new(&none, &moving, base_va(&moving)).unwrap();
        let mut most = 0.0f64;
        let stop = |_: &Continuation, p: &PathPoint| {
            most = most.max(p.lambda);
            p.lambda > if bands { 2.5 } else { 10.0 } || (!p.rising && p.lambda < 0.95 * most)
        };
        let path = curve.trace(TraceSettings { longest_step: 0.1, ..TraceSettings::default() }, stop);
        assert_eq!(path.end, End::Reached, "{name}");
        let most = path.nose.as_ref().map_or(f64::INFINITY, |(_, nose)| nose.lambda);
        assert_eq!(most.is_finite(), !bands, "{name}: constant power has a nose, bands turn to impedances before it");
        let mut compared = 0;
        for (k, point) in path.points.iter().enumerate() {
            // 1e-8 A at a switch of 1e7 S is the rounding of a voltage.
            assert!(point.residual_pu < 1e-8, "{name} point {k}: residual {:e}", point.residual_pu);
            let past = path.nose.as_ref().is_some_and(|(past, _)| k >= *past);
            assert_eq!(point.rising, !past, "{name} point {k}: λ grows up to the nose and falls past it");
            // Beside the nose a power flow rightly gives up, or is as good as its condition.
            if !past && point.lambda < 0.98 * most {
                let mut alone = none.clone();
                alone.set_load_multiplier(point.lambda);
                alone.restart();
                assert!(alone.solve().converged(), "{name} at {}", point.lambda);
                let error = difference_pu(&curve, point, &alone);
                assert!(error < 1e-7, "{name} point {k} at {}: {error:e}", point.lambda);
                compared += 1;
            } else if past {
                let mut alone = none.clone();
                alone.set_load_multiplier(point.lambda);
                if alone.solve().converged() {
                    assert!(difference_pu(&curve, point, &alone) > 1e-4, "{name} point {k} is on the lower branch");
                }
            }
        }
        assert!(compared > 10, "{name}: {compared}");
        assert_eq!(path.folds, usize::from(!bands), "{name}");
    }
}

/// The largest load multiplier at which OpenDSS converges, loads of constant power, controls at rest as its scripts leave
/// them (`tests/oracle/opendss_nose.py`, engine 0.14.5; bisected to 1e-6, where its iteration needs thousands of steps).
#[test]
fn noses_are_where_opendss_stops_converging() {
    for (name, at, controls, opendss) in [
        ("ieee13", "671", "static", 2.596_342),
        ("ieee34", "890", "off", 1.251_036),
        ("ieee123", "114.1", "off", 2.946_991),
    ] {
        let path = format!("feeders/{name}.yaml");
        let args =
            [&path, "--at", at, "--vary", "feeder", "--constant-power", "--controls", controls, "--down-to", "0.9"];
        let answer = answer(&args);
        let multiplier = number(&answer["nose"], "p_w") / number(&answer["operating_points"]["a"], "p_w");
        near(multiplier, opendss, 5e-6);
        assert!(multiplier > opendss, "it converges up to the nose, not beyond");
    }
}

#[test]
fn every_kind_of_load_and_bus_has_a_curve() {
    let feeder = "feeders/ieee13.yaml";
    for (args, fold) in [
        (vec!["--at", "634"], true),
        (vec!["--at", "634.1", "--pf", "0.9"], true),
        (vec!["--at", "645"], true),
        (vec!["--at", "646.3.2", "--qv"], true),
        (vec!["--at", "611"], true),
        (vec!["--at", "692", "--vary", "bus"], false),
        (vec!["--at", "675", "--vary", "bus", "--constant-power"], true),
        (vec!["--at", "650", "--controls", "off"], true),
        (vec!["--at", "671", "--outage", "line.671692", "--outage", "632645", "--qv"], true),
    ] {
        let answer = answer(&[&[feeder, "--down-to", "0.6"], &args[..]].concat());
        assert_eq!(answer["fold"], fold, "{args:?}");
        assert!(answer.get("ends_early").is_none(), "{args:?}: {}", answer["ends_early"]);
        assert!(number(&answer, "residual_pu") < 1e-7, "{args:?}");
        let margin = number(&answer, "margin_percent");
        assert!(margin > 0.0 && margin < 100.0 + 1e-6, "{args:?}: {margin}");
        let first = &answer["points"][0];
        assert!(number(first, "p_w").abs() < 0.1 * number(&answer["nose"], "p_w"), "{args:?}: it begins without load");
    }
}

/// With one phase's node the load is that phase's; line-to-line for two nodes; √3 times the positive sequence for three.
#[test]
fn the_voltage_is_read_as_documented() {
    let feeder = "feeders/ieee13.yaml";
    for (at, reading, base_v) in
        [("675.2", "to_ground", 2401.777), ("675.1.3", "line_to_line", 4160.0), ("675", "positive_sequence", 4160.0)]
    {
        let answer = answer(&[feeder, "--at", at, "--down-to", "0.95"]);
        assert_eq!(answer["reading"], reading);
        near(number(&answer, "base_v"), base_v, 1e-6);
        let point = &answer["points"][5];
        let of = |node: &str| {
            let node = &point["nodes"][node];
            Complex::from_polar(number(node, "v_v"), number(node, "angle_deg").to_radians())
        };
        let turn = Complex::from_polar(1.0, 120f64.to_radians());
        let expected = match at {
            "675.2" => of("675.2"),
            "675.1.3" => of("675.1") - of("675.3"),
            _ => (of("675.1") + turn * of("675.2") + turn * turn * of("675.3")) / 3f64.sqrt(),
        };
        near(number(point, "v_v"), expected.norm(), 1e-9);
        near(number(point, "angle_deg"), expected.arg().to_degrees(), 1e-9);
    }
}

#[test]
fn bad_questions_are_exit_2_with_advice() {
    let feeder = "feeders/ieee13.yaml";
    for (args, says) in [
        (vec!["--at", "67x"], "did you mean \"6"),
        (vec!["--at", "671.4"], "it has 1, 2, 3"),
        (vec!["--at", "671.x"], "632.1.2.3"),
        (vec!["--at", ""], "632.1.2.3"),
        (vec!["--at", "671", "--pf", "0"], "at most 1"),
        (vec!["--at", "671", "--pf", "1.2"], "at most 1"),
        (vec!["--at", "671", "--pf", "NaN"], "at most 1"),
        (vec!["--at", "671", "--pf", "0.9", "--q-kvar-per-kw", "1"], "cannot be used with"),
        (vec!["--at", "671", "--q-kvar-per-kw", "inf"], "not a number"),
        (vec!["--at", "671", "--down-to", "1"], "from 0 to 0.95"),
        (vec!["--at", "671", "--outage", "671693"], "did you mean \"671692\""),
        (vec!["--at", "675", "--outage", "671692"], "de-energised after the loss of 671692"),
        (vec!["--at", "650", "--vary", "bus"], "--vary feeder"),
        (vec!["--at", "671", "--csv", "no/such/folder/pv.csv"], "cannot be written"),
        (vec![], "--at"),
    ] {
        let output = phasorbench(&[&["pv", feeder][..], &args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(message(&output).contains(says), "{args:?}: {}", message(&output));
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    let held = phasorbench(&["pv", PARALLEL, "--at", "sending"]);
    assert_eq!(held.status.code(), Some(2));
    assert!(message(&held).contains("held by an ideal source"), "{}", message(&held));
    let alone = phasorbench(&["pv", PARALLEL, "--at", "receiving", "--outage", "line1", "--outage", "LINE2"]);
    assert_eq!(alone.status.code(), Some(2));
    assert!(message(&alone).contains("after the loss of line1 and LINE2"), "{}", message(&alone));
}

/// One line carries at most 1100 kW, both 2200 kW.
#[test]
fn a_load_beyond_the_nose_is_said_so() {
    let text = fs::read_to_string(root().join(PARALLEL)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heavy.yaml");
    let path = path.to_str().unwrap();
    fs::write(path, text.replace("p_kw: 1000", "p_kw: 1300")).unwrap();
    let answer = answer(&[path, "--at", "receiving", "--outage", "line2", "--qv"]);
    assert!(answer["operating_points"].get("b").is_none() && answer["post"].get("qv").is_none());
    near(number(&answer["operating_points"]["c"], "p_w"), 650e3, 1e-9);
    let output = phasorbench(&["pv", path, "--at", "receiving", "--outage", "line2"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("NO SOLUTION"));
    // A load that feeds the network: the curve begins there.
    fs::write(path, text.replace("p_kw: 1000", "p_kw: -400")).unwrap();
    let feeding = self::answer(&[path, "--at", "receiving"]);
    near(number(&feeding["points"][0], "p_w"), -400e3, 1e-9);
    near(number(&feeding["nose"], "p_w"), V1_V * V1_V / (2.0 * X_OHM), 1e-9);
    fs::write(path, text.replace("p_kw: 1000", "p_kw: 2300")).unwrap();
    let output = phasorbench(&["pv", path, "--at", "receiving"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(message(&output).contains("no solution at the present load"), "{}", message(&output));
}

#[test]
fn a_folder_gets_figures_and_every_point() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("pv");
    let args = ["pv", PARALLEL, "--at", "receiving", "--outage", "line2", "--qv", "--out", out.to_str().unwrap()];
    let output = phasorbench(&args);
    assert_eq!(output.status.code(), Some(0), "{}", message(&output));
    for (name, says) in [("pv.svg", "present load"), ("qv.svg", "margin 872.7 kvar"), ("pv.csv", "post_nose,")] {
        let text = fs::read_to_string(out.join(name)).unwrap();
        assert!(text.contains(says), "{name}");
    }
    let json: Value = serde_json::from_slice(&fs::read(out.join("pv.json")).unwrap()).unwrap();
    let csv = fs::read_to_string(out.join("pv.csv")).unwrap();
    let rows = |name: &str| csv.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!(rows("pre,"), json["points"].as_array().unwrap().len());
    let columns = csv.lines().next().unwrap().split(',').count();
    assert!(csv.lines().all(|line| line.split(',').count() == columns));
    assert_eq!(phasorbench(&args).stdout, output.stdout, "the same answer twice");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in ["A present load", "B after loss of line2", "C phasor restored", "nose", "116.676", "Q-V curve"] {
        assert!(text.contains(part), "{part} in:\n{text}");
    }
}
