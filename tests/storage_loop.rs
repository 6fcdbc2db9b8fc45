//! Batteries in the loop: their energy is what passed their terminals, by their efficiencies; they stop at their ends within
//! a step; nothing allocates.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use phasorbench::bench::{Batch, Bench};
use phasorbench::quantity::Tick;
use phasorbench::record::Table;
use phasorbench::scenario::Plan;

#[path = "support/counting.rs"]
mod counting;
#[path = "support/small_loop.rs"]
mod small_loop;

/// 2 kWh between 10 % and 90 %, 80 % in and 90 % out.
const BATTERY: &str =
    "energy_kwh: 2, band_percent: [10, 90], charge_efficiency_percent: 80, discharge_efficiency_percent: 90";

fn plan(storage: &str, rest: &str) -> Plan {
    let text = format!(
        "scenario: s\nfeeder: f.yaml\nduration_s: 600\nstep_s: 1\ncontrols: off\n\
         devices: {{battery: {{power: {{bus: b, s_kva: 12, q_kvar: 1, storage: {{{BATTERY}, {storage}}}}}}}}}\n{rest}"
    );
    small_loop::plan([0.04, 0.08], &text)
}

fn run(plan: &Plan, progress: &mut dyn FnMut(Tick)) -> Table {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("series.csv");
    std::fs::write(&path, small_loop::recorded(plan, progress)).unwrap();
    Table::read_csv(&path).unwrap()
}

/// Largest difference of the recorded energy from what the recorded power says, tick by tick.
fn unaccounted_kwh(table: &Table, start_kwh: f64, idle_w: f64) -> f64 {
    let [p_w, energy_kwh] = ["battery.p_w", "battery.energy_kwh"].map(|name| table.column(name).unwrap());
    let (mut expected, mut worst) = (start_kwh, 0.0_f64);
    for (p_w, energy_kwh) in p_w.iter().zip(energy_kwh) {
        let drawn_w = if *p_w > 0.0 { p_w / 0.9 } else { p_w * 0.8 };
        expected -= (drawn_w + idle_w) / 3.6e6;
        worst = worst.max((expected - energy_kwh).abs());
    }
    worst
}

const THERE_AND_BACK: &str = "
events:
  - {at_s: 60, device: {name: battery, p_kw: 10}}
  - {at_s: 300, device: {name: battery, p_kw: -12, q_kvar: 0}}
  - {at_s: 500, device: {name: battery, p_kw: 0}}
";

#[test]
fn energy_is_what_passed_the_terminals_and_stops_at_the_ends() {
    let table = run(&plan("soc_percent: 50", THERE_AND_BACK), &mut |_| {});
    assert!(unaccounted_kwh(&table, 1.0, 0.0) < 1e-8);
    let at = |name: &str, tick: usize| table.column(name).unwrap()[tick - 1];
    // 0.8 kWh above the lower end are 0.72 kWh at 10 kW: 259.2 s, more than the 240 s until 300 s; so 0.2593 kWh are left.
    let left_kwh = 1.0 - 10.0 / 0.9 * 240.0 / 3600.0;
    assert!((at("battery.energy_kwh", 299) - left_kwh).abs() < 1e-6);
    // Up to 1.8 kWh at 12 kW and 80 %: 577.8 s; 200 s bring 0.5333 kWh.
    assert!((at("battery.energy_kwh", 499) - (left_kwh + 9.6 * 200.0 / 3600.0)).abs() < 1e-6);
    assert!((at("battery.soc_percent", 499) - 50.0 * at("battery.energy_kwh", 499)).abs() < 1e-9);
}

#[test]
fn an_end_is_met_within_a_step_and_reactive_power_stays() {
    for (p_kw, end, start) in [(10.0, 0.2, 0.35), (-10.0, 1.8, 1.69)] {
        let rest = format!("events:\n  - {{at_s: 60, device: {{name: battery, p_kw: {p_kw}}}}}\n");
        let table = run(&plan(&format!("soc_percent: {}", 50.0 * start), &rest), &mut |_| {});
        let [p_w, q_var, energy] =
            ["battery.p_w", "battery.q_var", "battery.energy_kwh"].map(|name| table.column(name).unwrap());
        assert!(unaccounted_kwh(&table, start, 0.0) < 1e-8);
        assert!(energy.iter().all(|kwh| (0.2 - 1e-12..=1.8 + 1e-12).contains(kwh)));
        assert!((energy[599] - end).abs() < 1e-12 && p_w[599].abs() < 1e-6, "{} {}", energy[599], p_w[599]);
        assert!((q_var[599] - 1000.0).abs() < 1e-3);
        // Full power, one step with the rest, then nothing.
        let drawn_w = if p_kw > 0.0 { p_kw * 1000.0 / 0.9 } else { p_kw * 800.0 };
        let seconds = (start - end) * 3.6e6 / drawn_w;
        let full = p_w.iter().filter(|p| (**p - 1000.0 * p_kw).abs() < 1e-3).count();
        let some = p_w.iter().filter(|p| p.abs() > 1e-3).count();
        assert_eq!((full, some), (seconds.floor() as usize, seconds.floor() as usize + 1));
    }
}

#[test]
fn what_it_loses_by_itself_comes_off_until_the_lower_end() {
    let table = run(&plan("soc_percent: 12, idle_w: 360", ""), &mut |_| {});
    let energy = table.column("battery.energy_kwh").unwrap();
    // 0.1 Wh a second: 0.04 kWh are gone after 400 s.
    assert!((energy[199] - 0.22).abs() < 1e-9 && (energy[399] - 0.2).abs() < 1e-9 && (energy[599] - 0.2).abs() < 1e-12);
}

/// Phases that a controller commands apart: what one takes another may give, though the battery is empty.
#[test]
fn phases_pass_power_to_each_other_when_the_battery_is_empty() {
    let rest = "instruments: {here: {pmu: {bus: b}}, there: {pmu: {bus: a}}}\n\
                controllers: {lpbc: {law: decoupled_pi, performance: here, reference: there, actuators: [battery], \
                target: {v_pu: [1.0, 0.99, 0.98], angle_deg: [-0.6, 0.6, 0.3]}}}\n\
                outputs: {quantities: [battery.a.p_w, battery.b.p_w, battery.c.p_w]}";
    let table = run(&plan("soc_percent: 10", rest), &mut |_| {});
    assert!(unaccounted_kwh(&table, 0.2, 0.0) < 1e-8);
    let last = |name: &str| *table.column(name).unwrap().last().unwrap();
    let phases = ["a", "b", "c"].map(|phase| last(&format!("battery.{phase}.p_w")));
    assert!(phases.iter().any(|p| *p > 100.0) && phases.iter().any(|p| *p < -100.0), "{phases:?}");
    assert!(table.column("lpbc.failed_actuator").unwrap().iter().all(|failed| *failed == 0.0));
}

/// 10 Wh above the lower end give 9 Wh: 1620 W for a step of 20 s, of the 9 kW that the head should not give.
#[cfg(feature = "optimise")]
#[test]
fn a_plan_takes_no_more_than_the_battery_is_heard_to_hold() {
    let rest = "controllers: {spbc: {law: s_pbc, every_s: 20, latency_s: 1, min_interval_s: 1, dispatch: true, \
                actuators: [battery], objectives: {track_head: {p_kw: 0, q_kvar: 0}}}}";
    let table = run(&plan("soc_percent: 10.5", rest), &mut |_| {});
    let [p_w, energy, status] =
        ["battery.p_w", "battery.energy_kwh", "spbc.status"].map(|name| table.column(name).unwrap());
    assert!((p_w[20] - 1620.0).abs() < 1.0 && (p_w[39] - 1620.0).abs() < 1.0, "{} {}", p_w[20], p_w[39]);
    assert!((energy[39] - 0.2).abs() < 1e-5, "{}", energy[39]);
    assert!(p_w[60..].iter().all(|p| p.abs() < 5.0) && status[20..].iter().all(|status| *status == 1.0));
    assert!(unaccounted_kwh(&table, 0.21, 0.0) < 1e-8);
}

#[test]
fn a_step_with_a_battery_allocates_nothing() {
    let plan = plan("soc_percent: 15, idle_w: 10", THERE_AND_BACK);
    let bench = Bench::new(&plan).unwrap();
    let mut before = None;
    let mut worst = 0;
    bench
        .run(None, &mut Batch, &mut |tick| {
            let now = counting::asked();
            if tick.0 > 5 {
                worst = worst.max(now - before.unwrap_or(now));
            }
            before = Some(now);
        })
        .unwrap();
    assert_eq!(worst, 0);
}
