//! Devices, instruments, controllers and their faults, closed around IEEE 13: against power flows of feeders that say
//! the same, and tick by tick against what the scenario says.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};

use phasorbench::bench::{Batch, Bench};
use phasorbench::diagnostic::render;
use phasorbench::feeder::{self, Load, expand};
use phasorbench::record::{Recorder, Table};
use phasorbench::scenario;
use phasorbench::solver::{Grid, PowerFlow, Settings};

fn ieee13() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders/ieee13.yaml")
}

/// Runs a scenario on IEEE 13, all taps neutral, a step a second.
fn run(seconds: u32, text: &str) -> Table {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.yaml");
    let head =
        format!("scenario: s\nfeeder: {}\ncontrols: off\nstep_s: 1\nduration_s: {seconds}\n", ieee13().display());
    let tail = "outputs: {voltages: [\"634\"]}\n";
    std::fs::write(&path, format!("{head}{text}{tail}")).unwrap();
    let reading = scenario::read(&path);
    let findings = render(&reading.diagnostics, &reading.sources, false);
    let plan = reading.plan.unwrap_or_else(|| panic!("{findings}"));
    let bench = Bench::new(&plan).unwrap();
    let mut recorder = Recorder::create(&dir.path().join("r.csv"), bench.channels()).unwrap();
    let outcome = bench.run(Some(&mut recorder), &mut Batch, &mut |_| ()).unwrap();
    assert_eq!(outcome.not_converged, 0);
    Table::read_csv(&recorder.finish().unwrap()).unwrap()
}

/// Values of a channel, that of tick 0 (which is not solved) as NaN: `values[n]` is tick n.
fn values(table: &Table, name: &str) -> Vec<f64> {
    let column = table.column(name).unwrap_or_else(|| panic!("no {name}"));
    std::iter::once(f64::NAN).chain(column.iter().copied()).collect()
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

/// A charger with a meter on phase a and a volt-var that acts at once: q = 120 · (0.44 − 4.4 · (v − 0.85)).
const PROMPT: &str = "
devices: {ev634: {power: {bus: \"634\", phases: abc, p_kw: -50, s_kva: 120}}}
instruments: {m634: {meter: {measures: [634.1.v_pu]}}}
controllers:
  vv: {law: volt_var, measures: m634, actuators: [ev634], curve: [[0.85, 0.44], [1.05, -0.44]], response_s: 0,
       timeout_s: 3, fail_safe: 0.1}
";

fn prompt_var(v_pu: f64) -> f64 {
    120e3 * (0.44 - 4.4 * (v_pu - 0.85))
}

#[test]
fn volt_var_settles_where_a_power_flow_with_its_power_does() {
    let text = |controllers: &str| {
        format!(
            "devices: {{ev634: {{power: {{bus: \"634\", phases: abc, p_kw: -100, s_kva: 120, response_s: 0.2}}}}}}\n\
             instruments: {{m634: {{meter: {{measures: [634.1.v_pu, 634.2.v_pu, 634.3.v_pu], every_s: 1, delay_s: 1}}}}}}\n\
             {controllers}\n"
        )
    };
    let vv = "controllers: {vv: {law: volt_var, every_s: 1, measures: m634, actuators: [ev634], \
              curve: [[0.85, 0.44], [1.05, -0.44]], response_s: 5}}";
    let (without, with) = (run(80, &text("")), run(80, &text(vv)));
    let last = |table: &Table, name: &str| *values(table, name).last().unwrap();
    let v_pu = [1, 2, 3].map(|n| last(&with, &format!("634.{n}.v_pu")));
    let q_var = last(&with, "ev634.q_var");
    assert!(q_var > 1e3 && q_var < 0.44 * 120e3, "{q_var}");
    close(q_var, 120e3 * (0.44 - 4.4 * (v_pu.iter().sum::<f64>() / 3.0 - 0.85)), 1.0);
    close(last(&with, "ev634.p_w"), -100e3, 1.0);
    for (q_var, table) in [(0.0, &without), (q_var, &with)] {
        let mut feeder = expand(&feeder::read(&ieee13()).feeder.unwrap()).into_owned();
        let load = serde_json::json!({"bus": "634.1.2.3", "phases": 3, "v_kv": 0.48, "p_kw": 100.0,
            "q_kvar": -q_var / 1000.0, "v_min_pu": 0.7, "v_max_pu": 1.3});
        feeder.loads.insert("charger".into(), serde_json::from_value::<Load>(load).unwrap());
        let mut flow = PowerFlow::new(Grid::compile(&feeder).unwrap(), Settings::default());
        assert!(flow.solve().converged());
        for n in 1..=3 {
            let node = flow.grid().node(&format!("634.{n}")).unwrap();
            let base_v = flow.grid().nodes[node.0 as usize].base_v;
            close(last(table, &format!("634.{n}.v_pu")), flow.voltage(node).norm() / base_v, 1e-7);
        }
    }
    assert!(v_pu[0] > last(&without, "634.1.v_pu") + 1e-4, "it raises the voltage");
}

#[test]
fn a_reading_is_late_by_its_delay_and_a_command_by_one_tick() {
    let text = PROMPT.replace("v_pu]}}", "v_pu], every_s: 2, delay_s: 1, resolution: 1.0e-6}}");
    let table = run(8, &text);
    let (v_pu, seen) = (values(&table, "634.1.v_pu"), values(&table, "m634.634.1.v_pu"));
    let (age_s, q_var) = (values(&table, "m634.age_s"), values(&table, "ev634.q_var"));
    // Sampled at 2, there at 3, acted upon at 3, in effect at 4.
    assert!(seen[1].is_nan() && seen[2].is_nan() && age_s[2].is_nan());
    close(seen[3], v_pu[2], 0.5e-6);
    assert_eq!((seen[4], age_s[3], age_s[4], age_s[5]), (seen[3], 1.0, 2.0, 1.0));
    close(q_var[3], 0.0, 1e-6);
    close(q_var[4], prompt_var(seen[3]), 1e-3);
    close(q_var[5], q_var[4], 1e-6);
    close(q_var[6], prompt_var(seen[5]), 1e-3);
}

#[test]
fn a_controller_sees_a_pmu_as_it_sees_a_meter() {
    let pmu = PROMPT.replace("meter: {measures: [634.1.v_pu]}", "pmu: {bus: \"634\", phases: a}");
    let [metered, phasors] = [PROMPT, &pmu].map(|text| run(10, &format!("{text}events: [{{at_s: 5, {STEP}}}]\n")));
    let q_var = values(&phasors, "ev634.q_var");
    assert_eq!(values(&metered, "ev634.q_var")[1..], q_var[1..]);
    assert!((q_var[7] - q_var[5]).abs() > 1e3, "and acts on it: {q_var:?}");
    assert_eq!(values(&phasors, "m634.a.angle_deg").len(), 11);
}

const STEP: &str = "add_load: {bus: \"634\", p_kw: 60, q_kvar: 30}";
const MORE: &str = "{at_s: 12, add_load: {bus: \"634\", p_kw: 60, q_kvar: 30}}";

#[test]
fn a_stuck_sensor_holds_the_command_until_it_recovers() {
    let stuck = "{at_s: 10, sensor: {instrument: m634, channel: 634.1.v_pu, stuck: true}, for_s: 10}";
    let table = run(24, &format!("{PROMPT}events: [{stuck}, {MORE}]\n"));
    let (v_pu, seen, q_var) =
        (values(&table, "634.1.v_pu"), values(&table, "m634.634.1.v_pu"), values(&table, "ev634.q_var"));
    assert!(v_pu[12] < v_pu[11] - 1e-3, "the voltage falls");
    assert!((10..20).all(|n| seen[n] == seen[9]), "stuck at what it said last");
    assert_eq!(values(&table, "m634.age_s")[15], 0.0, "and looks fresh");
    (11..=20).for_each(|n| close(q_var[n], prompt_var(seen[9]), 1e-3));
    assert_eq!(seen[20], v_pu[20]);
    close(q_var[21], prompt_var(v_pu[20]), 1e-3);
    assert!(q_var[21] > q_var[20] + 500.0);
}

#[test]
fn offset_gain_and_silence_are_what_they_say() {
    let event = |at_s: u32, fault: &str| format!("{{at_s: {at_s}, sensor: {{instrument: m634, {fault}}}, for_s: 2}}");
    let faults = [event(3, "offset: 0.02"), event(6, "gain: 1.1"), event(9, "dropped: true")].join(", ");
    let table = run(12, &format!("{PROMPT}events: [{faults}]\n"));
    let (v_pu, seen) = (values(&table, "634.1.v_pu"), values(&table, "m634.634.1.v_pu"));
    for n in [3, 4] {
        close(seen[n], v_pu[n] + 0.02, 1e-12);
        close(seen[n + 3], v_pu[n + 3] * 1.1, 1e-12);
        assert!(seen[n + 6].is_nan());
    }
    [2, 5, 8, 11].iter().for_each(|&n| assert_eq!(seen[n], v_pu[n], "{n}"));
}

#[test]
fn lost_communication_ends_in_the_fail_safe_after_the_timeout() {
    let table =
        run(24, &format!("{PROMPT}events: [{{at_s: 10, communication: {{of: m634, lost: true}}, for_s: 10}}]\n"));
    let (v_pu, age_s, q_var) =
        (values(&table, "634.1.v_pu"), values(&table, "m634.age_s"), values(&table, "ev634.q_var"));
    assert_eq!((age_s[9], age_s[10], age_s[19], age_s[20]), (0.0, 1.0, 10.0, 0.0));
    // At 12 the last reading is 3 s old and counts; at 13 it does not.
    (10..=13).for_each(|n| close(q_var[n], prompt_var(v_pu[9]), 20.0));
    (14..=20).for_each(|n| close(q_var[n], 12e3, 1e-3));
    close(q_var[21], prompt_var(v_pu[20]), 1e-3);
}

#[test]
fn commands_may_be_lost_or_late() {
    let lost =
        run(24, &format!("{PROMPT}events: [{{at_s: 10, communication: {{of: vv, lost: true}}, for_s: 10}}, {MORE}]\n"));
    let (v_pu, q_var) = (values(&lost, "634.1.v_pu"), values(&lost, "ev634.q_var"));
    // What was on its way at 10 is gone: the device keeps what it got at 9.
    (10..=20).for_each(|n| close(q_var[n], prompt_var(v_pu[8]), 1e-3));
    close(q_var[21], prompt_var(v_pu[20]), 1e-3);
    let late = run(24, &format!("{PROMPT}events: [{{at_s: 5, communication: {{of: vv, delay_s: 2}}}}, {MORE}]\n"));
    let (v_pu, q_var) = (values(&late, "634.1.v_pu"), values(&late, "ev634.q_var"));
    close(q_var[5], prompt_var(v_pu[4]), 1e-3);
    (6..=7).for_each(|n| close(q_var[n], q_var[5], 1e-3));
    (8..=24).for_each(|n| close(q_var[n], prompt_var(v_pu[n - 3]), 1e-3));
}

#[test]
fn a_lost_device_is_gone_at_once_and_ramps_back() {
    let device = "devices: {ev634: {power: {bus: \"634\", p_kw: -50, q_kvar: 12, s_kva: 120, ramp_kw_per_s: 20}}}\n";
    let events = "events: [{at_s: 5, lose: EV634, for_s: 3}, {at_s: 12, device: {name: ev634, p_kw: 5}}, \
                  {at_s: 20, open: \"632633\"}]\n";
    let table = run(22, &format!("{device}{events}"));
    let (p_w, q_var) = (values(&table, "ev634.p_w"), values(&table, "ev634.q_var"));
    let kw: Vec<f64> = p_w[1..].iter().map(|w| (w / 100.0).round() / 10.0).collect();
    let ramp = [-20.0, -40.0, -50.0, -50.0, -30.0, -10.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0];
    assert_eq!(kw[..4], [-50.0; 4]);
    assert_eq!(kw[4..7], [0.0; 3]);
    assert_eq!(kw[7..19], ramp);
    assert_eq!(kw[19..], [0.0; 3], "nothing feeds its bus");
    assert_eq!((q_var[5], q_var[7], q_var[20]), (0.0, 0.0, 0.0));
    close(q_var[8], 12e3, 1e-2);
    // The source notices: 50 kW and what they lose on the way.
    let source_w = values(&table, "source.p_w");
    assert!((50e3..56e3).contains(&(source_w[4] - source_w[5])), "{} {}", source_w[4], source_w[5]);
}

#[test]
fn volt_watt_limits_what_is_injected_and_leaves_charging_alone() {
    for (own_kw, expected_kw) in [(100.0, 60.0), (40.0, 40.0), (-100.0, -100.0)] {
        let text = format!(
            "devices: {{pv: {{power: {{bus: \"634\", p_kw: {own_kw}, s_kva: 120}}}}}}\n\
             instruments: {{m: {{meter: {{measures: [634.1.v_pu]}}}}}}\n\
             controllers: {{vw: {{law: volt_watt, measures: m, actuators: [pv], curve: [[0.5, 1], [0.6, 0.5]], response_s: 0}}}}\n"
        );
        let p_w = values(&run(4, &text), "pv.p_w");
        close(p_w[1], own_kw * 1e3, 1e-2);
        close(p_w[2], expected_kw * 1e3, 1e-2);
    }
}

#[test]
fn a_device_follows_its_profile() {
    let text = "profiles: {up: {interval_s: 1, p: [0.5, 1, 0]}}\n\
                devices: {pv: {power: {bus: 634.2, p_kw: 30, s_kva: 40, profile: up}}}\n";
    let p_w = values(&run(4, text), "pv.p_w");
    [(1, 15e3), (2, 30e3), (3, 0.0), (4, 15e3)].iter().for_each(|&(n, w)| close(p_w[n], w, 1e-2));
}

#[test]
fn the_seed_decides_the_noise() {
    let noisy = PROMPT.replace("v_pu]}}", "v_pu], noise: 1.0e-3}}");
    let seen = |seed: u32| values(&run(50, &format!("seed: {seed}\n{noisy}")), "m634.634.1.v_pu")[1..].to_vec();
    let (first, again, other) = (seen(1), seen(1), seen(2));
    assert_eq!(first, again);
    assert!(first.iter().zip(&other).all(|(a, b)| a != b));
}
