//! S-PBC in the loop: a task whose result counts at exactly n + L, the same in every run; what is not optimal changes
//! nothing; limits of the network bind what is dispatched.

#![cfg(all(feature = "solver", feature = "optimise"))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use phasorbench::record::Table;
use phasorbench::scenario::Plan;
use small_loop::recorded;

#[path = "support/counting.rs"]
mod counting;
#[path = "support/small_loop.rs"]
mod small_loop;

const SCENARIO: &str = "
scenario: s
feeder: f.yaml
duration_s: 60
step_s: 0.1
controls: off
devices: {ev: {power: {bus: b, s_kva: 30}}}
instruments: {here: {pmu: {bus: b}}, there: {pmu: {bus: a}}}
controllers:
  LPBC
  spbc: {law: s_pbc, every_s: 20, OPTIONS}
EVENTS
";

const LPBC: &str = "lpbc: {law: decoupled_pi, performance: here, reference: there, actuators: [ev]}";
/// The head should give nothing.
const HEAD: &str = "objectives: {track_head: {p_kw: 0, q_kvar: 0}}";

fn plan(lpbc: &str, options: &str, events: &str) -> Plan {
    small_loop::plan([0.4, 0.8], &SCENARIO.replace("LPBC", lpbc).replace("OPTIONS", options).replace("EVENTS", events))
}

fn run(plan: &Plan) -> Table {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("series.csv");
    std::fs::write(&path, recorded(plan, &mut |_| {})).unwrap();
    Table::read_csv(&path).unwrap()
}

fn column<'t>(table: &'t Table, name: &str) -> &'t [f64] {
    table.column(name).unwrap_or_else(|| panic!("no {name}"))
}

/// The value at a tick: row 0 is tick 1.
fn at(table: &Table, name: &str, tick: usize) -> f64 {
    column(table, name)[tick - 1]
}

fn supervised(latency_s: f64) -> String {
    format!("targets: [lpbc], latency_s: {latency_s}, {HEAD}")
}

#[test]
fn what_is_planned_at_a_tick_counts_exactly_so_many_ticks_later() {
    for (latency_s, latency) in [(0.1, 1), (1.5, 15)] {
        let table = run(&plan(LPBC, &supervised(latency_s), ""));
        let due = 200 + latency;
        let target = |tick| at(&table, "lpbc.a.target_angle_deg", tick);
        assert_eq!([due - 1, due].map(|tick| at(&table, "spbc.plans", tick)), [0.0, 1.0]);
        assert_eq!(target(due - 1), target(1), "the first target is what was measured first");
        assert!(target(due) > target(1) + 0.1, "what injects 9 kW turns the angle ahead");
        assert_eq!(at(&table, "spbc.status", 600), 1.0);
        // Head and losses by the model at the plan, and what the plant comes to.
        assert!(at(&table, "spbc.head_p_w", 600).abs() < 1.0);
        let source = [at(&table, "source.p_w", 380), at(&table, "source.q_var", 380)];
        assert!(source.iter().all(|x| x.abs() < 1.0), "{source:?}");
        assert!(at(&table, "source.p_w", 199) > 9000.0);
    }
}

#[test]
fn two_runs_are_the_same_bytes() {
    let events = "events: [{at_s: 25, add_load: {bus: b, p_kw: 3}}, {at_s: 30, set_point: {of: spbc, p_kw: 2}}]";
    let own = plan(LPBC, &supervised(1.5), events);
    let first = recorded(&own, &mut |_| {});
    assert_eq!(first, recorded(&own, &mut |_| {}));
    assert!(first.lines().count() == 601);
}

#[test]
fn limits_that_cannot_be_kept_leave_targets_as_they_are() {
    // 30 kVA raise 1 pu by 0.16 pu at most.
    let table = run(&plan(LPBC, &format!("{}, limits_pu: [1.3, 1.4]", supervised(1.0)), ""));
    assert_eq!(at(&table, "spbc.status", 600), 2.0);
    assert_eq!(at(&table, "spbc.plans", 600), 2.0);
    for phase in ["a", "b", "c"] {
        for what in ["target_v_pu", "target_angle_deg"] {
            let target = column(&table, &format!("lpbc.{phase}.{what}"));
            assert!(target.iter().all(|x| *x == target[0]));
        }
    }
}

#[test]
fn a_set_point_from_above_is_planned_for_at_once() {
    let events = "events: [{at_s: 30, set_point: {of: spbc, p_kw: 4, q_kvar: 1}}]";
    let table = run(&plan(LPBC, &supervised(1.5), events));
    assert_eq!([314, 315].map(|tick| at(&table, "spbc.plans", tick)), [1.0, 2.0]);
    assert_eq!([299, 300].map(|tick| at(&table, "spbc.asked", tick)), [0.0, 1.0]);
    assert_eq!([299, 300].map(|tick| at(&table, "spbc.given_p_w", tick)), [0.0, 4000.0]);
    let source = [at(&table, "source.p_w", 390), at(&table, "source.q_var", 390)];
    assert!((source[0] - 4000.0).abs() < 1.0 && (source[1] - 1000.0).abs() < 1.0, "{source:?}");
}

#[test]
fn a_plan_that_takes_longer_than_a_period_is_an_overrun_of_the_next() {
    let table = run(&plan(LPBC, &supervised(25.0), ""));
    assert_eq!([399, 400, 600].map(|tick| at(&table, "spbc.overruns", tick)), [0.0, 1.0, 1.0]);
    assert_eq!([449, 450, 600].map(|tick| at(&table, "spbc.plans", tick)), [0.0, 1.0, 1.0]);
}

#[test]
fn a_plan_that_arrives_while_its_line_is_cut_is_lost_and_a_late_one_is_late() {
    let events = "events: [{at_s: 21, communication: {of: spbc, lost: true}, for_s: 1},
      {at_s: 39, communication: {of: spbc, delay_s: 2}}]";
    let table = run(&plan(LPBC, &supervised(1.5), events));
    assert_eq!([399, 434, 435].map(|tick| at(&table, "spbc.plans", tick)), [0.0, 0.0, 1.0]);
}

#[test]
fn a_dispatch_commands_what_it_plans_and_nobody_corrects_it() {
    let events = "events: [{at_s: 30, add_load: {bus: b, p_kw: 3, band_pu: [0.5, 1.5]}}]";
    let table = run(&plan("", &format!("latency_s: 1.5, dispatch: true, actuators: [ev], {HEAD}"), events));
    assert_eq!([214].map(|tick| at(&table, "ev.p_w", tick)), [0.0]);
    // 9 kW and 3 kvar at b, and no current in the line.
    for tick in [215, 299, 350] {
        assert!((at(&table, "ev.p_w", tick) - 9000.0).abs() < 2.0, "{}", at(&table, "ev.p_w", tick));
        assert!((at(&table, "ev.q_var", tick) - 3000.0).abs() < 2.0);
    }
    assert!(at(&table, "source.p_w", 299).abs() < 2.0 && at(&table, "source.p_w", 350) > 3000.0);
}

#[test]
fn a_step_without_a_plan_allocates_nothing() {
    let own = plan(LPBC, &supervised(1.5), "");
    let mut asked = vec![0; 601];
    recorded(&own, &mut |tick| asked[tick.0 as usize] = counting::asked());
    for (from, to) in [(2, 199), (200, 214), (215, 399), (415, 599)] {
        assert_eq!(asked[from], asked[to], "between {from} and {to}");
    }
    assert!(asked[199] < asked[200], "a plan does");
}
