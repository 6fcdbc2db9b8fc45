//! The scenario language: files that extend each other, values set from outside, and what each kind of event does to a
//! feeder, against power flows of feeders that are written that way.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use phasorbench::bench::{Batch, Bench, Outcome};
use phasorbench::diagnostic::render;
use phasorbench::record::{Recorder, Table};
use phasorbench::scenario::{self, Override, Plan, Reading};
use tempfile::TempDir;

/// A source behind 1 ohm, two parallel lines of 2 ohm to `mid`, one of 1 ohm to `end`; no shunts; loads of constant
/// impedance, so that everything can be solved by hand.
const FEEDER: &str = "
feeder: hand
voltage_bases_kv: [1.7320508075688772]
sources: {grid: {bus: head, v_kv: 1.7320508075688772, ideal: true}}
line_codes: {one: {phases: 3, per: km, impedance: {r1_ohm: 1, x1_ohm: 0, r0_ohm: 1, x0_ohm: 0}, normal_a: 50}}
lines:
  a: {from: head, to: mid, code: one, length_km: 2}
  b: {from: head, to: mid, code: one, length_km: 2}
  c: {from: mid, to: end, code: one, length_km: 1}
loads:
  town: {bus: end, v_kv: 1.7320508075688772, p_kw: 300, model: constant_impedance}
";

fn folder(scenario: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("feeder.yaml"), FEEDER).unwrap();
    write(
        &dir,
        "s.yaml",
        &format!("scenario: s\nfeeder: feeder.yaml\nduration_s: 10\nstep_s: 1\ncontrols: off\n{scenario}"),
    );
    dir
}

fn write(dir: &TempDir, name: &str, text: &str) {
    std::fs::write(dir.path().join(name), text).unwrap();
}

fn plan_of(reading: Reading) -> Plan {
    let text = render(&reading.diagnostics, &reading.sources, false);
    reading.plan.unwrap_or_else(|| panic!("{text}"))
}

fn run(dir: &TempDir) -> (Outcome, Table) {
    record(&plan_of(scenario::read(&dir.path().join("s.yaml"))))
}

fn record(plan: &Plan) -> (Outcome, Table) {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(plan).unwrap();
    let mut recorder = Recorder::create(&dir.path().join("r.csv"), bench.channels()).unwrap();
    let outcome = bench.run(Some(&mut recorder), &mut Batch, &mut |_| ()).unwrap();
    (outcome, Table::read_csv(&recorder.finish().unwrap()).unwrap())
}

fn assert_column(table: &Table, name: &str, expected: &[f64]) {
    let column = table.column(name).unwrap_or_else(|| panic!("no column {name}"));
    let same = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-7 * b.abs().max(1.0) || (a.is_nan() && b.is_nan());
    assert!(column.iter().zip(expected).all(same), "{name}: {column:?}, not {expected:?}");
}

/// The load is 1 kV² / 100 kW = 10 ohm a phase; with line resistance r before it, its voltage is 10/(10 + r).
fn v(r: f64) -> f64 {
    10.0 / (10.0 + r)
}

#[test]
fn a_branch_opens_and_closes_again_and_again() {
    let dir = folder(
        "events:\n  - {at_s: 2, every_s: 4, open: b, reclose_after_s: 1}\n  - {at_s: 4, open: c}\n  - {at_s: 5, close: line.c}\n\
         outputs: {voltages: [end], quantities: [line.a.1.i_a, line.a.loading_percent, feeder.unserved_w, head.1-end.1.v_v]}\n",
    );
    let (outcome, table) = run(&dir);
    let (both, one) = (v(2.0), v(3.0));
    assert_column(&table, "end.1.v_pu", &[both, one, both, 0.0, both, one, both, both, both, one]);
    let i = |v: f64| 1000.0 * v / 10.0;
    let (a, b) = (i(both) / 2.0, i(one));
    assert_column(&table, "line.a.1.i_a", &[a, b, a, 0.0, a, b, a, a, a, b]);
    assert_column(&table, "line.a.loading_percent", &[2.0 * a, 2.0 * b, 2.0 * a, 0.0]);
    assert_column(&table, "feeder.unserved_w", &[0.0, 0.0, 0.0, 300e3, 0.0]);
    assert_column(
        &table,
        "head.1-end.1.v_v",
        &[1000.0 * (1.0 - both), 1000.0 * (1.0 - one), 1000.0 * (1.0 - both), f64::NAN],
    );
    assert_eq!(outcome.de_energised_max, 3);
}

/// Phases do not couple (Z0 = Z1), so each phase is a circuit of its own.
#[test]
fn a_phase_is_lost_and_back() {
    let dir = folder(
        "events: [{at_s: 2, lose_phase: {line: c, phases: b}, for_s: 2}, {at_s: 6, lose_phase: {line: a, phases: ca}, for_s: 1}]\n\
         outputs: {voltages: [end]}\n",
    );
    let (_, table) = run(&dir);
    let (both, one) = (v(2.0), v(3.0));
    assert_column(&table, "end.1.v_pu", &[both, both, both, both, both, one, both]);
    assert_column(&table, "end.2.v_pu", &[both, 0.0, 0.0, both, both, both, both]);
    assert_column(&table, "end.3.v_pu", &[both, both, both, both, both, one, both]);
}

#[test]
fn the_source_sags_jumps_and_is_unbalanced() {
    let dir = folder(
        "sources: {grid: {v_pu: 1.1}}\n\
         events:\n  - {at_s: 2, sag: {to: 0.5, phases: a}, for_s: 1}\n  - {at_s: 4, source: {angle_deg: 20}, for_s: 2}\n  \
         - {at_s: 7, source: {v_pu: 0.9, phases: c}}\n\
         outputs: {voltages: [head], angles: true, quantities: [head.unbalance_percent]}\n",
    );
    let (_, table) = run(&dir);
    assert_column(&table, "head.1.v_pu", &[1.1, 0.55, 1.1]);
    assert_column(&table, "head.2.v_pu", &[1.1, 1.1, 1.1]);
    assert_column(&table, "head.1.angle_deg", &[0.0, 0.0, 0.0, 20.0, 20.0, 0.0, 0.0]);
    assert_column(&table, "head.3.v_pu", &[1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 0.9, 0.9]);
    // One of three phases lower by 0.2: V2/V1 = (0.2/3)/(1.1 − 0.2/3).
    let unbalance = 100.0 * (0.2 / 3.0) / (1.1 - 0.2 / 3.0);
    assert_column(
        &table,
        "head.unbalance_percent",
        &[0.0, 100.0 * (0.55 / 3.0) / (1.1 - 0.55 / 3.0), 0.0, 0.0, 0.0, 0.0, unbalance],
    );
}

/// Bolted at `mid`, the ideal source drives 1 kV through 1 ohm of two lines; a line-to-line fault sees √3 kV and 2 ohm,
/// with the load's 11 ohm a phase beside it: its current is what leaves the bus into the fault alone.
#[test]
fn faults_draw_what_ohms_law_says() {
    let dir = folder(
        "load_multiplier: 0\nevents:\n  - {at_s: 2, fault: {name: g, bus: mid, type: line_to_ground, phases: b}, for_s: 1}\n  \
         - {at_s: 4, fault: {bus: mid, type: three_phase, r_ohm: 1}, for_s: 1}\n  \
         - {at_s: 6, fault: {bus: mid, type: line_to_line, phases: ac}, for_s: 1}\n\
         outputs: {quantities: [fault.g.i_a, fault.g.2.i_a, fault.fault2.i_a, fault.fault3.i_a]}\n",
    );
    let (_, table) = run(&dir);
    assert_column(&table, "fault.g.i_a", &[0.0, 1000.0, 0.0]);
    assert_column(&table, "fault.g.2.i_a", &[0.0, 1000.0, 0.0]);
    assert_column(&table, "fault.fault2.i_a", &[0.0, 0.0, 0.0, 500.0, 0.0]);
    assert_column(&table, "fault.fault3.i_a", &[0.0, 0.0, 0.0, 0.0, 0.0, 3f64.sqrt() * 500.0, 0.0]);
}

#[test]
fn frequency_moves_reactances() {
    let feeder = FEEDER.replace("x1_ohm: 0, r0_ohm: 1, x0_ohm: 0", "x1_ohm: 1, r0_ohm: 1, x0_ohm: 1");
    let dir = folder(
        "events: [{at_s: 2, frequency_hz: 54, for_s: 1}]\noutputs: {voltages: [end], quantities: [feeder.f_hz]}\n",
    );
    write(&dir, "feeder.yaml", &feeder);
    let (_, table) = run(&dir);
    // 2 ohm of line, 2 ohm of reactance at 60 Hz, 1.8 at 54.
    let v = |x: f64| 10.0 / 12f64.hypot(x);
    assert_column(&table, "end.1.v_pu", &[v(2.0), v(1.8), v(2.0)]);
    assert_column(&table, "feeder.f_hz", &[60.0, 54.0, 60.0]);
}

/// A recloser: the fault stays, so it trips three times, closes twice and stays open.
#[test]
fn a_recloser_tries_and_locks_out() {
    let dir = folder(
        "events:\n  - {at_s: 1, fault: {bus: end, type: three_phase_to_ground}}\n  \
         - {when: {quantity: line.c.i_a, above: 200}, open: c, reclose_after_s: [1, 2]}\n\
         outputs: {quantities: [line.c.i_a]}\n",
    );
    let (outcome, table) = run(&dir);
    let said: Vec<(u64, &str)> = outcome.triggered.iter().map(|e| (e.tick.0, e.label.as_str())).collect();
    assert_eq!(said, [(2, "open c"), (3, "reclose c"), (4, "open c"), (6, "reclose c"), (7, "open c")]);
    let i = 1000.0 / 2.0;
    assert_column(&table, "line.c.i_a", &[i, 0.0, i, 0.0, 0.0, i, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn profiles_are_functions_and_can_be_scaled() {
    let dir = folder(
        "profiles:\n  wave: {function: {sine: {amplitude: 0.5, period_s: 4}}}\n  rise: {function: {ramp: {from: 1, to: 2, start_s: 2, end_s: 4}}}\n  \
         any: {function: {random: {sd: 0.2, every_s: 2}}}\nload_shape: wave\nevents: [{at_s: 5, scale_profile: {wave: 2}}]\n",
    );
    let plan = plan_of(scenario::read(&dir.path().join("s.yaml")));
    let (_, table) = record(&plan);
    // A constant impedance that is 10/m ohm at multiplier m, behind 2 ohm.
    let p = |m: f64| 3.0 * 1e6 / (2.0 + 10.0 / m);
    assert_column(&table, "source.p_w", &[p(1.5), p(1.0), p(0.5), p(1.0), p(3.0), p(2.0), p(1.0)]);
    let rise: Vec<f64> = (1..=5).map(|t| plan.shapes[1].at(f64::from(t)).p).collect();
    assert_eq!(rise, [1.0, 1.0, 1.5, 2.0, 2.0]);
    let any: Vec<f64> = (0..6).map(|t| plan.shapes[2].at(f64::from(t)).p).collect();
    assert!(any[0] == any[1] && any[2] == any[3] && any[1] != any[2] && any.iter().all(|m| (0.2..1.8).contains(m)));
    let other_seed = Override { path: "seed".into(), value: "7".into() };
    let other = plan_of(scenario::read_with(&dir.path().join("s.yaml"), &[other_seed]));
    assert_ne!(other.shapes[2].at(0.0).p, any[0]);
}

#[test]
fn units_are_lost_and_back() {
    let dir = folder("events: [{at_s: 2, lose: town, for_s: 3}]\noutputs: {voltages: [end]}\n");
    let (_, table) = run(&dir);
    assert_column(&table, "end.1.v_pu", &[v(2.0), 1.0, 1.0, 1.0, v(2.0)]);
}

/// A bank that is lost does not switch: that it switches at most some steps could never fail.
#[test]
fn a_lost_bank_switches_nothing() {
    let dir = folder("events: [{at_s: 2, lose: bank}]\nexpect: [{capacitor_operations: bank, at_most: 0}]\n");
    let bank = "capacitors: {bank: {bus: mid, v_kv: 1.7320508075688772, q_kvar: [30]}}\n";
    write(&dir, "feeder.yaml", &format!("{FEEDER}{bank}"));
    let reading = scenario::read(&dir.path().join("s.yaml"));
    assert!(reading.plan.is_none());
    assert!(reading.diagnostics.iter().any(|d| d.code == "E0317"), "{:?}", reading.diagnostics);
}

#[test]
fn a_scenario_builds_on_others() {
    let dir = folder(
        "load_multiplier: 2\nevents: [{at_s: 2, open: a}]\noutputs: {voltages: [mid]}\nloads: {town: {scale: 3}}\n",
    );
    std::fs::create_dir(dir.path().join("deep")).unwrap();
    write(
        &dir,
        "deep/child.yaml",
        "scenario: child\nextends: ../s.yaml\nloads: {town: {scale: 1}}\nload_multiplier: ~\nevents: [{at_s: 4, close: a}]\n",
    );
    write(
        &dir,
        "deep/grandchild.yaml",
        "scenario: grandchild\nextends: [child.yaml]\nevents: ~\noutputs: {voltages: [end]}\n",
    );
    let child = plan_of(scenario::read(&dir.path().join("deep/child.yaml")));
    assert_eq!((child.name.as_str(), child.load_multiplier, child.demands[0].scale), ("child", 1.0, 1.0));
    assert_eq!(
        child.events.iter().map(|e| (e.tick.0, e.label.as_str())).collect::<Vec<_>>(),
        [(2, "open a"), (4, "close a")]
    );
    assert_eq!(child.watch.buses, ["mid"]);
    let inputs: Vec<&Path> = child.inputs.iter().map(|i| i.path.strip_prefix(dir.path()).unwrap()).collect();
    assert_eq!(inputs, ["deep/child.yaml", "s.yaml", "feeder.yaml"].map(Path::new));
    let grandchild = plan_of(scenario::read(&dir.path().join("deep/grandchild.yaml")));
    assert!(grandchild.events.is_empty());
    assert_eq!(grandchild.watch.buses, ["end"]);
}

#[test]
fn findings_point_into_the_file_that_wrote_it() {
    let dir = folder("events: [{at_s: 2, open: nowhere}]\n");
    write(&dir, "child.yaml", "scenario: child\nextends: s.yaml\nduration_s: 0.5\n");
    let reading = scenario::read(&dir.path().join("child.yaml"));
    let text = render(&reading.diagnostics, &reading.sources, false).replace(&format!("{}/", dir.path().display()), "");
    assert!(reading.plan.is_none());
    assert!(text.contains("--> child.yaml:3:13"), "{text}");
    assert!(text.contains("--> s.yaml:6:26"), "{text}");
    write(&dir, "child.yaml", "scenario: child\nextends: child.yaml\n");
    let reading = scenario::read(&dir.path().join("child.yaml"));
    assert!(reading.diagnostics.iter().any(|d| d.code == "E0312" && d.span.is_some()), "{:?}", reading.diagnostics);
}

#[test]
fn values_are_set_from_outside() {
    let dir = folder("events: [{at_s: 2, open: a}]\nloads: {town: {scale: 3}}\n");
    let with = |settings: &[(&str, &str)]| {
        let overrides: Vec<Override> =
            settings.iter().map(|(path, value)| Override { path: (*path).into(), value: (*value).into() }).collect();
        scenario::read_with(&dir.path().join("s.yaml"), &overrides)
    };
    let plan = plan_of(with(&[("loads.TOWN.scale", "1.5"), ("events.0.at_s", "7"), ("outputs.voltages", "[end]")]));
    assert_eq!((plan.demands[0].scale, plan.events[0].tick.0, plan.watch.buses.len()), (1.5, 7, 1));
    for (path, value, code) in [
        ("load_multiplyer", "2", "E0006"),
        ("loads.town.scale.x", "2", "E0313"),
        ("events.1.at_s", "2", "E0313"),
        ("events.0.at_s", "2.5", "E0304"),
        ("step_s", "fast", "E0008"),
        ("", "2", "E0313"),
        ("loads.town.scale", "[", "E0003"),
    ] {
        let reading = with(&[(path, value)]);
        let found: Vec<_> = reading.diagnostics.iter().map(|d| (d.code, d.span.is_some())).collect();
        assert!(reading.plan.is_none() && found.contains(&(code, true)), "{path}={value}: {found:?}");
        render(&reading.diagnostics, &reading.sources, false);
    }
}
