//! A paced run with devices on the wire in every seat: once it goes, its loop's thread asks for no memory. It runs at five times
//! the clock, while drivers go by the clock: times without a sample are five times as long.

#![cfg(all(feature = "solver", unix))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;
use std::sync::Arc;

use phasorbench::bench::Bench;
use phasorbench::bench::pace::{Monotonic, Overrun, Paced, Pacing};
use phasorbench::quantity::Tick;
use phasorbench::scenario;

#[path = "support/counting.rs"]
mod counting;

/// Steps in which everything takes its place, and all steps.
const BEGUN: u64 = 120;
const ALL: u64 = 320;

#[test]
fn a_loop_with_devices_asks_for_no_memory() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = |name: &str| format!("{:?}", root.join(name).display().to_string());
    let hil = |name: &str| file(&format!("hil/{name}.yaml"));
    let text = format!(
        "scenario: s\nfeeder: {}\ncontrols: off\nduration_s: 32\nstep_s: 0.1\n\
         devices:\n  ev: {{power: {{bus: \"634\", s_kva: 30, p_kw: 5}}}}\n  own: {{power: {{bus: \"675\", s_kva: 30, p_kw: 5}}}}\n\
         \x20 noisy: {{inverter: {{model: v2g_22kw, bus: \"671\", count: 2, p_kw: -20}}}}\n\
         instruments:\n  m: {{meter: {{measures: [\"671.1.v_pu\", \"671.2.v_pu\", \"671.3.v_pu\"]}}}}\n\
         \x20 q: {{power_quality: {{bus: \"671\", current: [noisy]}}}}\n\
         hil:\n  ev: {{is: {}, poll_s: 0.1, lost_after_s: 10}}\n  amp: {{is: {}, feeds: ev, lost_after_s: 10}}\n\
         \x20 m: {{is: {}, lost_after_s: 10}}\n  q: {{is: {}, lost_after_s: 10}}\n\
         \x20 own: {{is: {}, at: serve, writable: true, lost_after_s: 20, commands: [\"1s: p_w 3000\", \"20s: p_w 4000\"]}}\n",
        file("feeders/ieee13.yaml"),
        hil("sunspec_inverter"),
        hil("grid_simulator_modbus"),
        hil("eastron_sdm630"),
        hil("power_quality_analyser"),
        hil("sunspec_inverter"),
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.yaml");
    std::fs::write(&path, text).unwrap();
    let reading = scenario::read(&path);
    let plan = reading.plan.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    let mut bench = Bench::new(&plan).unwrap();
    bench.record_devices();
    bench.connect_devices().unwrap();
    let pacing = Pacing { step: plan.step, factor: 5.0, overrun: Overrun::CatchUp };
    let mut pacer = Paced::new(Monotonic::new(), pacing, Arc::default());
    let (mut before, mut after) = (0, 0);
    let mut progress = |tick: Tick| match tick.0 {
        BEGUN => before = counting::asked(),
        ALL => after = counting::asked(),
        _ => {}
    };
    let outcome = bench.run(None, &mut pacer, &mut progress).unwrap();
    assert_eq!(outcome.ticks, ALL);
    for own in &outcome.real {
        assert!(own.samples > 10 && own.there, "{}: {} samples, {:?}", own.name, own.samples, own.happened);
    }
    assert_eq!(after - before, 0, "in {} steps", ALL - BEGUN);
}
