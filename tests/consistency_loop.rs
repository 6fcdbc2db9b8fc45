//! A check of phasor data in the loop: it allocates nothing, and says before a run what it cannot see or cannot be.

#![cfg(all(feature = "solver", feature = "optimise"))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use phasorbench::bench::examine;
use phasorbench::scenario::Plan;

#[path = "support/counting.rs"]
mod counting;
#[path = "support/small_loop.rs"]
mod small_loop;

fn plan(check: &str, rest: &str) -> Plan {
    let text = format!(
        "scenario: s\nfeeder: f.yaml\nduration_s: 30\nstep_s: 0.1\ncontrols: off\n\
         instruments: {{here: {{pmu: {{bus: b, noise: micro_pmu, delay_s: 0.2}}}}, there: {{pmu: {{bus: a, noise: micro_pmu}}}}, \
         head: {{meter: {{measures: [source.p_w, source.q_var], noise: 5}}}}}}\n\
         controllers: {{check: {{law: check_phasors, pmus: [here, there], {check}}}}}\n{rest}"
    );
    small_loop::plan([0.4, 0.8], &text)
}

#[test]
fn a_step_with_a_check_allocates_nothing_and_frames_of_different_delay_come_together() {
    // Good data for 10 s, in which the load doubles; then a magnitude is off, and found two steps of delay and three samples on.
    let events = "events: [{at_s: 5, load: {name: house, scale: 1.5}}, \
                  {at_s: 10, sensor: {instrument: here, channel: b.v_pu, offset: 0.05}}]";
    let own = plan("meter: head", events);
    let mut asked = vec![0; 301];
    let record = small_loop::recorded(&own, &mut |tick| asked[tick.0 as usize] = counting::asked());
    assert_eq!(asked[300] - asked[30], 0);
    let column = record.lines().next().unwrap().split(',').position(|name| name == "check.tampered").unwrap();
    let first = record.lines().skip(1).position(|row| row.split(',').nth(column) == Some("1"));
    assert_eq!(first.map(|row| row + 1), Some(104), "the tick at which it is found");
}

#[test]
fn what_it_cannot_see_is_said_before_a_run() {
    let codes = |check: &str| -> Vec<(&str, String)> {
        examine(&plan(check, "")).into_iter().map(|found| (found.code, found.message)).collect()
    };
    assert_eq!(codes("meter: head, load_uncertainty: 0.05"), []);
    let blind = codes("load_uncertainty: 3");
    assert!(blind.len() == 1 && blind[0].0 == "W0340" && blind[0].1.contains("of magnitude a of here"), "{blind:?}");
}
