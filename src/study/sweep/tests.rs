//! A sample is a function of itself alone; the short way is the general way; both are the power flow.

use std::path::Path;

use super::*;
use crate::bench::Bench as RunBench;
use crate::scenario::{self, Override};
use crate::solver::{Grid, PowerFlow, Settings};

/// Every load model, a held source, a step of a cable, loads that do not follow the multiplier, a shape.
const FEEDER: &str = "
feeder: mixed
voltage_bases_kv: [4.16]
solve: {tolerance_pu: 1.0e-11}
sources: {grid: {bus: head, v_kv: 4.16, v_pu: 1.02, ideal: true}}
lines:
  main: {from: head, to: mid, phases: 3, total: {r1_ohm: 0.3, x1_ohm: 0.6, r0_ohm: 0.6, x0_ohm: 1.5, c1_nf: 200, c0_nf: 90}}
  far: {from: mid, to: end, phases: 3, total: {r1_ohm: 0.4, x1_ohm: 0.5, r0_ohm: 0.8, x0_ohm: 1.2, c1_nf: 0, c0_nf: 0}}
  tie: {from: mid, to: dead, phases: 3, total: {r1_ohm: 0.4, x1_ohm: 0.5, r0_ohm: 0.8, x0_ohm: 1.2, c1_nf: 0, c0_nf: 0}, open: true}
capacitors: {bank: {bus: end, v_kv: 4.16, q_kvar: [150]}}
reactors: {coil: {bus: mid, v_kv: 4.16, q_kvar: 30}}
loads:
  power: {bus: mid, v_kv: 4.16, p_kw: 300, q_kvar: 120, v_min_pu: 0.8}
  current: {bus: end.2, phases: 1, model: constant_current, v_kv: 2.4, p_kw: 60, q_kvar: 20}
  impedance: {bus: end.1.3, phases: 1, connection: delta, model: constant_impedance, v_kv: 4.16, p_kw: 50, q_kvar: 30}
  motor: {bus: end.3, phases: 1, model: motor_constant_p, v_kv: 2.4, p_kw: 40, q_kvar: 30}
  cvr: {bus: mid.1, phases: 1, model: exponential, v_kv: 2.4, p_kw: 40, q_kvar: 10, cvr_watts: 0.8}
  zip: {bus: end.1, phases: 1, model: zip, zip: [0.4, 0.3, 0.3, 0.6, 0.2, 0.2, 0], v_kv: 2.4, p_kw: 45, q_kvar: 15}
  fixed: {bus: mid.2, phases: 1, v_kv: 2.4, p_kw: 30, q_kvar: 10, status: fixed}
  exempt: {bus: mid.3, phases: 1, v_kv: 2.4, p_kw: 25, q_kvar: 5, status: exempt, daily: day}
generators: {roof: {bus: end.1, phases: 1, v_kv: 2.4, p_kw: 20, q_kvar: 1}}
shapes: {day: {interval_s: 3600, p: [0.5, 0.75]}}
";

const SCENARIO: &str = "
scenario: mixed_sweep
feeder: feeder.yaml
start_s: 3600
duration_s: 1
step_s: 1
controls: off
seed: 5
capacitors: {bank: closed}
outputs: {limits_pu: [0.97, 1.01]}
vary:
  load_multiplier: {uniform: [0.3, 1.3]}
  loads.*.scale: {normal: {mean: 1, sd: 0.2}}
";

fn folder(scenario: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("feeder.yaml"), FEEDER).unwrap();
    std::fs::write(dir.path().join("s.yaml"), scenario).unwrap();
    dir
}

fn sweep(dir: &Path, draws: Option<u64>, short: bool) -> Sweep {
    let document = Document::open(&dir.join("s.yaml"));
    let reading = document.clone().plan();
    assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
    let plan = reading.plan.unwrap();
    Sweep::with_method(&document, &plan, draws, plan.seed, short).unwrap()
}

fn sheet(sweep: &Sweep, first: u64, rows: usize) -> Sheet {
    let mut worker = sweep.worker();
    worker.sheet = Sheet::new(sweep.identity.columns.len(), rows);
    worker.fill(first, rows).unwrap();
    worker.sheet
}

fn column(sweep: &Sweep, name: &str) -> usize {
    sweep.identity.columns.iter().position(|c| c.name == name).unwrap()
}

#[test]
fn the_short_way_is_the_general_way() {
    let dir = folder(SCENARIO);
    let (short, general) = (sweep(dir.path(), Some(40), true), sweep(dir.path(), Some(40), false));
    assert_eq!((short.identity.method.as_str(), general.identity.method.as_str()), ("lanes", "snapshots"));
    assert_eq!(short.identity.columns, general.identity.columns);
    let (a, b) = (sheet(&short, 0, 40), sheet(&general, 0, 40));
    for (k, c) in short.identity.columns.iter().enumerate().filter(|(_, c)| c.name != "iterations") {
        for (row, (x, y)) in a.column(k).iter().zip(b.column(k)).enumerate() {
            // Both promise 1e-11 in voltage.
            assert!((x - y).abs() <= 1e-8 * y.abs().max(1e-3), "{} of sample {row}: {x} and {y}", c.name);
        }
    }
    let dead = column(&short, "nodes_de_energised");
    assert!(a.column(dead).iter().all(|n| *n == 3.0), "the three nodes beyond the open tie");
}

#[test]
fn ieee_13_keeps_the_promised_voltage_error() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/ieee13_sweep.yaml");
    let plan = scenario::read(&path).plan.unwrap();
    let sheet_of = |short| {
        let sweep = Sweep::with_method(&Document::open(&path), &plan, Some(40), 1, short).unwrap();
        let sheet = sheet(&sweep, 0, 40);
        (sweep, sheet)
    };
    let ((sweep, lanes), (_, single)) = (sheet_of(true), sheet_of(false));
    assert_eq!((sweep.identity.method.as_str(), sweep.identity.tolerance_pu.as_deref()), ("lanes", Some("1e-6")));
    // Single power flows promise 1e-9. Powers follow voltages; losses follow differences of voltages of about 5 %.
    let promised =
        [("v_min_pu", 1e-6), ("v_mean_pu", 1e-6), ("v_max_pu", 1e-6), ("source_kw", 0.01), ("losses_kw", 0.01)];
    for (name, most) in promised {
        let k = column(&sweep, name);
        for (x, y) in lanes.column(k).iter().zip(single.column(k)) {
            assert!((x - y).abs() < most, "{name}: {x} and {y}");
        }
    }
}

#[test]
fn a_sample_is_what_a_power_flow_of_its_loads_is() {
    let dir = folder(SCENARIO);
    let sweep = sweep(dir.path(), Some(10), true);
    let sheet = sheet(&sweep, 0, 10);
    let feeder = crate::feeder::read(&dir.path().join("feeder.yaml")).feeder.unwrap();
    for row in 0..10 {
        let value = |name: &str| sheet.column(column(&sweep, name))[row];
        let mut flow =
            PowerFlow::new(Grid::compile(&feeder).unwrap(), Settings { tolerance_pu: 1e-11, ..Settings::default() });
        let multiplier = value("load_multiplier");
        for (k, name) in feeder.loads.keys().enumerate() {
            // By hand: `fixed` and `exempt` do not follow the multiplier; at 01:00 the shape's first point is 0.5.
            let common = if name == "fixed" || name == "exempt" { 1.0 } else { multiplier };
            let shape = if name == "exempt" { 0.5 } else { 1.0 };
            let factor = value(&format!("loads.{name}.scale")) * common * shape;
            flow.set_multiplier(k, factor, factor);
        }
        assert!(flow.solve().converged());
        let nodes = flow.grid().listing.iter().filter(|id| flow.energised(**id));
        let v_pu: Vec<f64> =
            nodes.map(|id| flow.voltage(*id).norm() / flow.grid().nodes[id.0 as usize].base_v).collect();
        let outside = v_pu.iter().filter(|v| !(0.97..=1.01).contains(*v)).count();
        let expected = [
            ("v_min_pu", v_pu.iter().copied().fold(f64::INFINITY, f64::min)),
            ("v_max_pu", v_pu.iter().copied().fold(0.0, f64::max)),
            ("v_mean_pu", v_pu.iter().sum::<f64>() / v_pu.len() as f64),
            ("nodes_out_of_limits", outside as f64),
            ("losses_kw", flow.losses().re / 1000.0),
            ("source_kw", flow.source_power().re / 1000.0),
            ("source_kvar", flow.source_power().im / 1000.0),
        ];
        for (name, x) in expected {
            assert!(
                (value(name) - x).abs() < 1e-8 * x.abs().max(1e-3),
                "{name} of sample {row}: {} and {x}",
                value(name)
            );
        }
    }
}

#[test]
fn a_sample_depends_on_itself_alone() {
    let dir = folder(SCENARIO);
    let sweep = sweep(dir.path(), Some(100), true);
    let Method::Lanes(network) = &sweep.method else { panic!("lanes") };
    let columns = sweep.identity.columns.len();
    let bits = |sheet: &Sheet, skip: usize, rows: usize| -> Vec<u64> {
        (0..columns)
            .flat_map(|k| sheet.column(k)[skip..skip + rows].iter().map(|x| x.to_bits()).collect::<Vec<_>>())
            .collect()
    };
    let whole = sheet(&sweep, 0, 100);
    let of = |fill: &mut dyn FnMut(&mut Sheet), rows: usize| {
        let mut sheet = Sheet::new(columns, rows);
        sheet.reset(rows);
        fill(&mut sheet);
        sheet
    };
    let one = of(&mut |s| network.lanes::<1>(&sweep.design).fill(0, s), 100);
    let four = of(&mut |s| network.lanes::<4>(&sweep.design).fill(0, s), 100);
    assert_eq!(bits(&one, 0, 100), bits(&whole, 0, 100), "one lane");
    assert_eq!(bits(&four, 0, 100), bits(&whole, 0, 100), "four lanes");
    let middle = of(&mut |s| network.lanes::<8>(&sweep.design).fill(37, s), 11);
    assert_eq!(bits(&middle, 0, 11), bits(&whole, 37, 11), "other neighbours, other place in the lanes");
}

#[test]
fn values_that_the_language_refuses_are_recorded_as_such() {
    let text = SCENARIO.replace("{uniform: [0.3, 1.3]}", "{normal: {mean: 0.2, sd: 0.5}}");
    let dir = folder(&text);
    for short in [true, false] {
        let sweep = sweep(dir.path(), Some(20), short);
        let sheet = sheet(&sweep, 0, 20);
        let value = |name: &str, row: usize| sheet.column(column(&sweep, name))[row];
        let negative = |row: usize| (0..sweep.identity.varied).any(|k| sheet.column(k)[row] < 0.0);
        assert!((0..20).any(negative) && !(0..20).all(negative));
        for row in 0..20 {
            let refused = value(STATUS_COLUMN, row) == result::REFUSED;
            assert_eq!(refused, negative(row), "sample {row}");
            assert_eq!(value("v_min_pu", row).is_nan(), refused);
        }
    }
}

#[test]
fn loads_that_have_no_solution_are_samples_too() {
    // Twenty-five times the load is far past the nose.
    let text = SCENARIO.replace("{uniform: [0.3, 1.3]}", "{choice: [1, 25]}").replace("v_min_pu: 0.8", "v_min_pu: 0.1");
    let dir = folder(&text);
    std::fs::write(dir.path().join("feeder.yaml"), FEEDER.replace("v_min_pu: 0.8", "v_min_pu: 0, v_low_pu: 0"))
        .unwrap();
    let (short, general) = (sweep(dir.path(), Some(24), true), sweep(dir.path(), Some(24), false));
    let (a, b) = (sheet(&short, 0, 24), sheet(&general, 0, 24));
    let status = column(&short, STATUS_COLUMN);
    for row in 0..24 {
        let heavy = a.column(0)[row] == 25.0;
        let expected = if heavy { result::NOT_CONVERGED } else { result::CONVERGED };
        assert_eq!([a.column(status)[row], b.column(status)[row]], [expected; 2], "sample {row}");
    }
}

#[test]
fn grids_are_gone_through_and_shared_draws_are_shared() {
    let text = SCENARIO.replace(
        "  load_multiplier: {uniform: [0.3, 1.3]}\n",
        "  load_multiplier: {grid: [0.5, 1]}\n  capacitors.bank: {grid: [open, closed]}\n",
    );
    let dir = folder(&text);
    let sweep = sweep(dir.path(), Some(2), true);
    assert_eq!((sweep.identity.method.as_str(), sweep.identity.samples, sweep.identity.points), ("snapshots", 8, 4));
    let sheet = sheet(&sweep, 0, 8);
    assert_eq!(sheet.column(0), [0.5, 0.5, 1.0, 1.0, 0.5, 0.5, 1.0, 1.0]);
    assert_eq!(sheet.column(1), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    assert_eq!(sweep.identity.columns[1].kind, Kind::Text(vec!["open".into(), "closed".into()]));
    let scale = sheet.column(2);
    assert!(
        scale[..4].iter().all(|x| *x == scale[0]) && scale[4] != scale[0] && scale[4..].iter().all(|x| *x == scale[4])
    );
    // 150 kvar at 1.02 pu lift the reactive power drawn by the bank's share.
    let kvar = sheet.column(column(&sweep, "source_kvar"));
    assert!((kvar[0] - kvar[1] - 150.0).abs() < 15.0, "{} {}", kvar[0], kvar[1]);
}

#[test]
fn runs_over_time_record_what_a_run_comes_to() {
    let text = SCENARIO
        .replace("duration_s: 1\n", "duration_s: 7200\n")
        .replace("step_s: 1\n", "step_s: 1800\nevents: [{at_s: 3600, load_multiplier: 1.1}]\n")
        .replace("  load_multiplier: {uniform: [0.3, 1.3]}", "  events.0.load_multiplier: {uniform: [0.5, 1.5]}");
    let dir = folder(&text);
    let sweep = sweep(dir.path(), Some(3), true);
    assert_eq!(sweep.identity.method, "runs");
    let sheet = sheet(&sweep, 0, 3);
    for row in 0..3 {
        let overrides: Vec<Override> = (0..sweep.identity.varied)
            .map(|k| Override {
                path: sweep.design.variables[k].path.clone(),
                value: format!("{}", sheet.column(k)[row]),
            })
            .collect();
        let plan = scenario::read_with(&dir.path().join("s.yaml"), &overrides).plan.unwrap();
        let bench = RunBench::new(&plan).unwrap();
        let outcome = bench.run(None, &mut crate::bench::Batch, &mut |_| ()).unwrap();
        let value = |name: &str| sheet.column(column(&sweep, name))[row];
        assert_eq!(value("source_kwh"), outcome.source_wh / 1000.0);
        assert_eq!(value("v_min_pu"), outcome.lowest().unwrap().min.0);
        assert_eq!(value("out_of_limits_percent"), 100.0 * outcome.out_of_limits);
        // Two hours of about 0.6 MW.
        assert!((600.0..2000.0).contains(&value("source_kwh")), "{}", value("source_kwh"));
    }
}

#[test]
fn a_file_that_changes_in_between_ends_the_sweep() {
    let dir = folder(SCENARIO);
    let sweep = sweep(dir.path(), Some(20), false);
    std::fs::write(dir.path().join("feeder.yaml"), FEEDER.replace("p_kw: 300", "p_kw: 301")).unwrap();
    let error = sweep.worker().fill(0, 1).unwrap_err().to_string();
    assert!(error.ends_with("feeder.yaml changed while the sweep was running"), "{error}");
    std::fs::write(dir.path().join("feeder.yaml"), "feeder: [").unwrap();
    assert!(sweep.worker().fill(0, 1).is_err(), "not a refused sample");
}

#[test]
fn a_further_variable_moves_nobody_elses_draws() {
    let less = folder(&SCENARIO.replace("  loads.*.scale: {normal: {mean: 1, sd: 0.2}}\n", ""));
    let more = folder(SCENARIO);
    let (less, more) = (sweep(less.path(), Some(10), true), sweep(more.path(), Some(20), true));
    assert_eq!(sheet(&less, 0, 10).column(0), &sheet(&more, 0, 20).column(0)[..10]);
}

#[test]
fn a_sweep_without_sense_is_refused() {
    let dir = folder(SCENARIO);
    let new = |text: &str, draws| {
        std::fs::write(dir.path().join("s.yaml"), text).unwrap();
        let path = dir.path().join("s.yaml");
        let plan = scenario::read(&path).plan.unwrap();
        Sweep::new(&Document::open(&path), &plan, draws, 1).map(|s| s.identity.samples).map_err(|e| e.to_string())
    };
    assert_eq!(new(SCENARIO, None), Err("how many samples? The scenario draws load_multiplier at random".into()));
    assert_eq!(new(SCENARIO, Some(0)), Err("a sweep of no samples".into()));
    assert!(new(SCENARIO, Some(u64::MAX)).unwrap_err().contains("more than 2^36"));
    let grid = SCENARIO.split("vary:").next().unwrap().to_owned()
        + "vary: {load_multiplier: {grid: {from: 0.5, to: 1, points: 6}}}\n";
    assert_eq!(new(&grid, None), Ok(6));
    assert_eq!(new(&grid, Some(6)), Ok(6));
    assert!(new(&grid, Some(7)).unwrap_err().contains("the grids have 6 points"));
    let nothing = SCENARIO.split("vary:").next().unwrap().to_owned();
    assert!(new(&nothing, Some(7)).unwrap_err().contains("varies nothing"));
}
