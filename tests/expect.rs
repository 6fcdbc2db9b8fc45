//! Expectations against a plant whose answers are given, so that every verdict is known by hand.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use phasorbench::bench::{Batch, Bench, Conductor, Node, Outcome, Plant, Solution, Verdict};
use phasorbench::diagnostic::render;
use phasorbench::quantity::{Complex, phasor};
use phasorbench::scenario::{self, Branch, Element, Phases, Unit};

/// Answers with a given voltage at node end.1, step by step; every other node has 1 pu.
struct Given {
    nodes: Vec<Node>,
    voltages: Vec<Complex>,
    series: Vec<Complex>,
    failing: Vec<usize>,
    solved: usize,
    tap: i32,
    terminal: [Conductor; 2],
}

impl Plant for Given {
    fn nodes(&self) -> Vec<Node> {
        self.nodes.clone()
    }
    fn set_load(&mut self, _: usize, _: f64, _: f64) {}
    fn set_load_phase(&mut self, _: usize, _: usize, _: f64, _: f64) {}
    fn switch(&mut self, _: Branch, _: bool) {}
    fn switch_phases(&mut self, _: usize, _: Phases, _: bool) {}
    fn lose(&mut self, _: Unit, _: bool) {}
    fn set_source(&mut self, _: usize, _: usize, _: f64, _: f64) {}
    fn set_frequency(&mut self, _: f64) {}
    fn switch_fault(&mut self, _: usize, _: bool) {}
    fn switch_capacitor(&mut self, _: usize, _: bool) {}
    fn closed_steps(&self, _: usize) -> usize {
        1
    }
    fn set_tap(&mut self, _: usize, tap: i32) {
        self.tap = tap;
    }
    fn tap(&self, _: usize) -> i32 {
        self.tap
    }
    fn solve(&mut self, _: f64) -> Solution {
        let place = self.nodes.iter().position(|n| n.name() == "end.1").unwrap();
        self.voltages[place] = self.series[self.solved] * 1000.0;
        self.solved += 1;
        let converged = !self.failing.contains(&self.solved);
        Solution { converged, at_rest: true, iterations: 1, mismatch_pu: 0.0, worst_node: Some(place) }
    }
    fn voltages(&self) -> &[Complex] {
        &self.voltages
    }
    fn source_power(&self) -> Complex {
        Complex::default()
    }
    fn drawn_phase(&self, _: usize, _: usize) -> Complex {
        Complex::default()
    }
    fn losses(&self) -> Complex {
        Complex::default()
    }
    /// The second conductor carries the larger current: 10 A for each step solved.
    fn terminal(&mut self, _: Element) -> &[Conductor] {
        let i_a = |scale: f64| phasor(scale * self.solved as f64, 0.0);
        let conductor = |number: u16, scale: f64| Conductor { number, v_v: phasor(1.0, 0.0), i_a: i_a(scale) };
        self.terminal = [conductor(1, 1.0), conductor(2, 10.0)];
        &self.terminal
    }
    fn loading_percent(&self, _: Branch) -> f64 {
        f64::NAN
    }
    fn worst_loading(&self) -> (f64, Option<Branch>) {
        (10.0 * self.solved as f64, Some(Branch::Line(1)))
    }
}

/// A run of one step a second with these voltages (magnitude, angle) at end.1 and these expectations.
fn outcome(series: &[(f64, f64)], failing: &[usize], extra: &str, expect: &str) -> Outcome {
    let feeder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/scenario/feeders/small.yaml");
    let text = format!(
        "scenario: s\nfeeder: {}\nduration_s: {}\nstep_s: 1\n{extra}expect:\n{expect}",
        feeder.display(),
        series.len()
    );
    let reading = scenario::Document::from_text(Path::new("s.yaml"), text).plan();
    let plan = reading.plan.unwrap_or_else(|| panic!("{}", render(&reading.diagnostics, &reading.sources, false)));
    let buses = ["head", "reg_out", "middle", "end"];
    let node = |(bus, number): (&str, u16)| Node { bus: bus.into(), number, base_v: 1000.0 };
    let nodes: Vec<Node> = buses.into_iter().flat_map(|bus| (1..=3).map(move |n| (bus, n))).map(node).collect();
    let plant = Given {
        voltages: vec![phasor(1000.0, 0.0); nodes.len()],
        nodes,
        series: series.iter().map(|&(v, angle)| if v == 0.0 { Complex::default() } else { phasor(v, angle) }).collect(),
        failing: failing.to_vec(),
        solved: 0,
        tap: 0,
        terminal: [Conductor::default(); 2],
    };
    Bench::with_plant(&plan, plant).unwrap().run(None, &mut Batch, &mut |_| {}).unwrap()
}

fn magnitudes(v_pu: &[f64]) -> Vec<(f64, f64)> {
    v_pu.iter().map(|&v| (v, 0.0)).collect()
}

/// The verdict on the one expectation `- {…}`.
fn verdict(v_pu: &[f64], expect: &str) -> Verdict {
    outcome(&magnitudes(v_pu), &[], "", &format!("  - {{{expect}}}\n")).verdicts[0].clone()
}

fn close(measured: Option<f64>, expected: f64) -> bool {
    measured.is_some_and(|x| (x - expected).abs() < 1e-12)
}

#[test]
fn always_is_decided_by_the_value_farthest_out() {
    let v = [1.0, 1.04, 1.06, 1.02];
    let failed = verdict(&v, "always: end.1.v_pu, below: 1.05");
    assert!(!failed.passed && close(failed.measured, 1.06));
    assert_eq!((failed.limit, failed.at_s, failed.place), (Some(1.05), Some(3.0), None));
    assert_eq!(failed.reason, "end.1.v_pu is 1.06 at 3 s; it must always be below 1.05");
    assert_eq!(failed.expectation, "always end.1.v_pu, below 1.05");
    assert_eq!(failed.quantity.as_deref(), Some("end.1.v_pu"));
    let passed = verdict(&v, "always: end.1.v_pu, below: 1.07");
    assert!(passed.passed && close(passed.measured, 1.06) && passed.at_s == Some(3.0));
    assert!(verdict(&v, "always: end.1.v_pu, below: 1.05, until_s: 2").passed);
    assert!(verdict(&v, "always: end.1.v_pu, below: 1.05, from_s: 4").passed);
    assert!(!verdict(&v, "always: end.1.v_pu, below: 1.05, from_s: 3, until_s: 3").passed, "both ends belong to it");
    let low = verdict(&[1.0, 0.9, 1.2], "always: end.1.v_pu, within: [0.95, 1.25]");
    assert!(!low.passed && close(low.measured, 0.9) && low.limit == Some(0.95));
}

#[test]
fn below_and_above_leave_the_limit_out_and_within_takes_it_in() {
    // Two is exact, so that the limit is really met.
    assert!(!verdict(&[2.0, 2.0], "always: end.1.v_pu, below: 2").passed);
    assert!(!verdict(&[2.0, 2.0], "sometime: end.1.v_pu, above: 2").passed);
    assert!(verdict(&[2.0, 2.0], "never: end.1.v_pu, above: 2").passed);
    assert!(verdict(&[2.0, 2.0], "always: end.1.v_pu, within: [1, 2]").passed);
    assert!(verdict(&[2.0, 2.0], "always: end.1.v_pu, equals: 2.25, tolerance: 0.25").passed);
    assert!(!verdict(&[2.0, 2.0], "always: end.1.v_pu, equals: 2.25, tolerance: 0.125").passed);
}

#[test]
fn never_and_sometime_are_decided_by_the_value_deepest_inside() {
    let v = [1.0, 1.04, 1.06, 1.02];
    let never = verdict(&v, "never: end.1.v_pu, above: 1.03");
    assert!(!never.passed && close(never.measured, 1.06) && never.at_s == Some(3.0));
    assert_eq!(never.reason, "end.1.v_pu is 1.06 at 3 s; it must never be above 1.03");
    assert!(verdict(&v, "never: end.1.v_pu, above: 1.07").passed);
    let sometime = verdict(&v, "sometime: end.1.v_pu, above: 1.07");
    assert!(!sometime.passed && close(sometime.measured, 1.06) && sometime.limit == Some(1.07));
    assert_eq!(sometime.reason, "end.1.v_pu is never above 1.07: it comes nearest at 3 s, with 1.06");
    assert!(verdict(&v, "sometime: end.1.v_pu, above: 1.05").passed);
    assert!(!verdict(&v, "sometime: end.1.v_pu, above: 1.05, until_s: 2").passed);
}

#[test]
fn single_steps_and_means() {
    let v = [1.0, 1.5, 2.0, 1.25];
    assert!(verdict(&v, "value: end.1.v_pu, at_s: 2, equals: 1.5, tolerance: 1e-12").passed);
    let wrong = verdict(&v, "value: end.1.v_pu, at_s: 3, below: 1.75");
    assert_eq!(wrong.reason, "end.1.v_pu is 2 at 3 s, where it must be below 1.75");
    assert!(verdict(&v, "at_end: end.1.v_pu, within: [1.2, 1.3]").passed);
    assert!(!verdict(&v, "at_end: end.1.v_pu, above: 1.25").passed);
    // (1 + 1.5 + 2 + 1.25) / 4 = 1.4375
    let mean = verdict(&v, "mean: end.1.v_pu, below: 1.4375");
    assert!(!mean.passed && close(mean.measured, 1.4375) && mean.at_s.is_none());
    assert!(verdict(&v, "mean: end.1.v_pu, within: [1.75, 1.75], from_s: 2, until_s: 3").passed, "(1.5 + 2) / 2");
}

#[test]
fn a_value_that_is_not_there_is_passed_over_but_cannot_stand_for_all() {
    let v = magnitudes(&[1.0, 9.0, 1.0]);
    let of = |failing: &[usize], expect: &str| outcome(&v, failing, "", &format!("  - {{{expect}}}\n")).verdicts;
    assert!(!of(&[], "always: end.1.v_pu, below: 2")[0].passed);
    let verdicts = of(&[2], "always: end.1.v_pu, below: 2");
    assert!(verdicts[0].passed, "a step without a solution has no voltage");
    assert_eq!(verdicts.len(), 2);
    assert!(!verdicts[1].passed, "but it is a failure by itself");
    let none = of(&[2], "value: end.1.v_pu, at_s: 2, below: 20");
    assert!(!none[0].passed && none[0].measured.is_none());
    assert_eq!(none[0].reason, "end.1.v_pu has no value at 2 s");
    assert!(!of(&[1, 2, 3], "never: end.1.v_pu, above: 5")[0].passed);
    assert!(!of(&[1, 2, 3], "mean: end.1.v_pu, below: 5")[0].passed);
    // A branch without a rating has no loading, ever.
    assert_eq!(
        of(&[], "always: line.branch.loading_percent, below: 100")[0].reason,
        "line.branch.loading_percent has no value from 1 to 3 s"
    );
}

#[test]
fn a_dead_node_has_a_voltage_of_0() {
    let dead = verdict(&[1.0, 0.0, 1.0], "always: end.1.v_pu, above: 0.9");
    assert!(!dead.passed && dead.measured == Some(0.0));
    assert!(verdict(&[1.0, 0.0, 1.0], "always: feeder.v_min_pu, above: 0.9").passed, "only what is fed counts there");
}

#[test]
fn convergence_is_expected_unless_it_is_not() {
    let run = |failing: &[usize], expect: &str| outcome(&magnitudes(&[1.0, 1.0, 1.0]), failing, "", expect);
    assert!(run(&[], "").passed() && run(&[], "").verdicts.is_empty());
    let failed = run(&[2, 3], "");
    assert!(!failed.passed());
    let said = &failed.verdicts[0];
    assert_eq!((said.expectation.as_str(), said.measured, said.at_s), ("converges every_step", Some(2.0), Some(2.0)));
    assert_eq!(said.place.as_deref(), Some("end.1"));
    assert_eq!(said.reason, "2 of 3 steps have no solution, the first at 2 s, farthest from one at node end.1");
    assert!(!run(&[2], "  - {converges: every_step}\n").passed());
    assert_eq!(run(&[2], "  - {converges: every_step}\n").verdicts.len(), 1);
    assert!(run(&[2], "  - {converges: not_every_step}\n").passed());
    assert!(!run(&[], "  - {converges: not_every_step}\n").passed());
}

#[test]
fn settling_is_staying_near_the_final_value() {
    // Final value 1.2; from 4 s on it is off by 0.1 at most (5 s), from 6 s on by 0.04 (6 s).
    let v = [1.0, 1.0, 1.4, 1.15, 1.3, 1.16, 1.22, 1.2];
    let early = verdict(&v, "settles: end.1.v_pu, after_s: 3, within_s: 1, band: 0.05");
    assert!(!early.passed && close(early.measured, 1.3 - 1.2) && early.at_s == Some(5.0) && early.limit == Some(0.05));
    assert_eq!(early.reason, "end.1.v_pu is 1.3 at 5 s, off by 0.1; it must stay within 0.05 of 1.2 from 4 s on");
    assert!(verdict(&v, "settles: end.1.v_pu, after_s: 3, within_s: 3, band: 0.05").passed);
    let below = verdict(&v, "settles: end.1.v_pu, after_s: 3, within_s: 3, band: 0.015");
    assert!(!below.passed && below.at_s == Some(6.0) && close(below.measured, 1.2 - 1.16));
    assert!(!verdict(&v, "settles: end.1.v_pu, after_s: 3, within_s: 3, band: 0.05, to: 1.1").passed);
    assert!(verdict(&v, "settles: end.1.v_pu, after_s: 3, within_s: 3, band: 0.15, to: 1.1").passed);
    // By 5 s it has 1.3 as its final value, and 1.15 is too far from it.
    assert!(!verdict(&v, "settles: end.1.v_pu, after_s: 3, within_s: 1, band: 0.05, until_s: 5").passed);
    assert!(verdict(&v, "settles: end.1.v_pu, after_s: 3, within_s: 0, band: 0.45").passed);
}

#[test]
fn what_does_not_exist_has_not_settled() {
    let of = |failing: &[usize]| {
        let expect = "  - {settles: end.1.v_pu, after_s: 1, within_s: 1, band: 0.5}\n";
        outcome(&magnitudes(&[1.0; 5]), failing, "", expect).verdicts[0].clone()
    };
    assert!(of(&[]).passed && of(&[1]).passed);
    assert_eq!(of(&[4]).reason, "end.1.v_pu has no value at 4 s: it has not settled");
    assert!(!of(&[5]).passed);
}

#[test]
fn an_overshoot_is_told_from_the_final_value() {
    // From 1 to 2 with a peak of 2.25: 0.25 beyond, 25 % of the step. All exact.
    let up = [1.0, 1.0, 1.5, 2.25, 1.75, 2.0];
    let limit = |v: &[f64], limit: &str| verdict(v, &format!("overshoot: end.1.v_pu, after_s: 3, {limit}"));
    let failed = limit(&up, "below: 0.25");
    assert!(!failed.passed && failed.measured == Some(0.25) && failed.at_s == Some(4.0));
    assert_eq!(failed.reason, "end.1.v_pu goes from 1 to 2 and is 2.25 at 4 s: 0.25 beyond; it must be below 0.25");
    assert!(limit(&up, "below: 0.26").passed);
    let percent = limit(&up, "below_percent: 25");
    assert!(!percent.passed && percent.measured == Some(25.0));
    assert!(limit(&up, "below_percent: 25.5").passed);
    // Downwards, from 2 to 1 with a trough of 0.875: 12.5 %.
    let down = [2.0, 2.0, 1.5, 0.875, 1.25, 1.0];
    assert_eq!(limit(&down, "below_percent: 12").measured, Some(12.5));
    // Monotonous: none. Back where it was: no step to take a share of.
    assert_eq!(limit(&[1.0, 1.0, 1.5, 1.75, 2.0, 2.0], "below_percent: 1").measured, Some(0.0));
    let back = [1.0, 1.0, 1.5, 0.75, 1.0, 1.0];
    assert_eq!(limit(&back, "below: 1").measured, Some(0.5));
    assert!(!limit(&back, "below_percent: 1000").passed);
}

#[test]
fn an_angle_goes_on_beyond_half_a_turn() {
    let series: Vec<(f64, f64)> = [178.0, 178.0, -179.0, 179.5, 179.0, -179.5, 179.5].map(|angle| (1.0, angle)).into();
    let of = |expect: &str| outcome(&series, &[], "", &format!("  - {{{expect}}}\n"));
    // Around a final value of 179.5: −179.5 is 1° ahead, 179 half a degree behind.
    let settled = of("settles: end.1.angle_deg, after_s: 3, within_s: 1, band: 1.5");
    assert!(settled.verdicts[0].passed && (settled.verdicts[0].measured.unwrap() - 1.0).abs() < 1e-9);
    assert!(!of("settles: end.1.angle_deg, after_s: 3, within_s: 1, band: 0.75").passed());
    assert!(of("settles: end.1.angle_deg, after_s: 3, within_s: 1, band: 1.5, to: -180").passed());
    // From 178 to 179.5 by way of −179 = 181: 1.5 beyond a step of 1.5.
    let beyond = of("overshoot: end.1.angle_deg, after_s: 3, below_percent: 90").verdicts[0].measured;
    assert!((beyond.unwrap() - 100.0).abs() < 1e-6);
    let numbers = *settled.numbers.last().unwrap();
    assert!((numbers.max.0 - 181.0).abs() < 1e-9 && (numbers.min.0 - 178.0).abs() < 1e-9);
}

#[test]
fn the_worst_point_has_a_place() {
    let of = |expect: &str| verdict(&[1.0, 1.2, 0.8], expect);
    let low = of("always: feeder.v_min_pu, above: 0.9");
    assert_eq!((low.place.as_deref(), low.at_s), (Some("end.1"), Some(3.0)));
    assert_eq!(low.reason, "feeder.v_min_pu is 0.8 at 3 s (node end.1); it must always be above 0.9");
    assert_eq!(of("always: feeder.v_max_pu, below: 1.1").place.as_deref(), Some("end.1"));
    let loading = of("always: feeder.loading_percent, below: 25");
    assert_eq!((loading.place.as_deref(), loading.measured), (Some("line.branch"), Some(30.0)));
    let current = of("never: line.trunk.i_a, above: 25");
    assert_eq!((current.place.as_deref(), current.measured), (Some("2"), Some(30.0)));
}

#[test]
fn operations_are_counted() {
    let events = "events: [{at_s: 2, tap: {reg: 4}}, {at_s: 3, move_tap: {reg: -1}}]\n";
    let of =
        |expect: &str| outcome(&magnitudes(&[1.0; 4]), &[], events, &format!("  - {{{expect}}}\n")).verdicts[0].clone();
    let failed = of("tap_operations: reg, at_most: 4");
    assert_eq!((failed.passed, failed.measured, failed.limit), (false, Some(5.0), Some(4.0)));
    assert_eq!(failed.reason, "reg moves 5 taps; at most 4 are expected");
    assert!(of("tap_operations: all, at_most: 5").passed);
    assert!(of("capacitor_operations: bank, at_most: 0").passed);
}

#[test]
fn what_is_fed_at_the_end() {
    let of = |expect: &str| verdict(&[1.0, 1.0, 0.0], expect);
    assert!(of("ends_de_energised: [end.1]").passed);
    let failed = of("ends_de_energised: [end]");
    assert_eq!((failed.passed, failed.place.as_deref(), failed.at_s), (false, Some("end.2"), Some(3.0)));
    assert_eq!(failed.reason, "2 of 3 nodes, end.2 for one: each has a voltage at the end");
    assert!(of("ends_energised: [middle, end.2]").passed);
    assert_eq!(of("ends_energised: [end]").reason, "node end.1 is not fed at the end");
}

#[test]
fn what_conditions_set_off() {
    let extra = "events: [{when: {quantity: end.1.v_pu, above: 1.1}, open: Branch, reclose_after_s: 1, times: 3}]\n";
    let of = |expect: &str| {
        let v = magnitudes(&[1.0, 1.2, 1.0, 1.2, 1.0, 1.0]);
        outcome(&v, &[], extra, &format!("  - {{{expect}}}\n")).verdicts[0].clone()
    };
    // Beyond the limit at 2 and 4 s: open from 3 and 5 s on; closed again, once, at 4 s.
    assert!(of("happens: open branch, times: 2").passed);
    assert!(of("happens: reclose branch").passed);
    let failed = of("happens: open branch, times: 1");
    assert_eq!((failed.passed, failed.measured, failed.limit, failed.at_s), (false, Some(2.0), Some(1.0), Some(5.0)));
    assert_eq!(failed.reason, "\"open branch\" happens 2 times; expected once");
    assert!(!of("happens: open branch, times: 0").passed);
    assert!(!of("happens: open branch, times: 3").passed);
}

#[test]
fn numbers_of_every_quantity() {
    let outcome = outcome(&magnitudes(&[1.0, 3.0, 0.5, 1.5]), &[2], "", "  - {always: end.1.v_pu, below: 9}\n");
    let n = outcome.numbers.last().unwrap();
    assert_eq!((n.count, n.last, n.mean), (3, 1.5, 1.0));
    assert_eq!([n.min, n.max].map(|(x, tick)| (x, tick.0)), [(0.5, 3), (1.5, 4)]);
}
