//! A loop small enough to be worked out by hand: a source, a line, a load of 9 kW and 3 kvar at its end. A test binary takes
//! it in by `#[path = "support/small_loop.rs"] mod small_loop;`.

use phasorbench::bench::{Batch, Bench};
use phasorbench::quantity::Tick;
use phasorbench::record::Recorder;
use phasorbench::scenario::{self, Plan};

/// A scenario's plan on three phases behind a line of these ohms; its feeder is `f.yaml`.
pub fn plan([r_ohm, x_ohm]: [f64; 2], scenario: &str) -> Plan {
    let feeder = format!(
        "feeder: f\nfrequency_hz: 60\nvoltage_bases_kv: [0.4157]\n\
         sources: {{grid: {{bus: a, v_kv: 0.4157, mvasc3: 1000, mvasc1: 1000}}}}\n\
         lines: {{l: {{from: a, to: b, total: {{r1_ohm: {r_ohm}, x1_ohm: {x_ohm}, r0_ohm: {r_ohm}, x0_ohm: {x_ohm}}}}}}}\n\
         loads: {{house: {{bus: b, phases: 3, v_kv: 0.4157, p_kw: 9, q_kvar: 3}}}}\n"
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f.yaml"), feeder).unwrap();
    std::fs::write(dir.path().join("s.yaml"), scenario).unwrap();
    let reading = scenario::read(&dir.path().join("s.yaml"));
    reading.plan.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

/// Runs it; its record as text.
pub fn recorded(plan: &Plan, progress: &mut dyn FnMut(Tick)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(plan).unwrap();
    let path = dir.path().join("series.csv");
    let mut recorder = Recorder::create(&path, bench.channels()).unwrap();
    bench.run(Some(&mut recorder), &mut Batch, progress).unwrap();
    recorder.finish().unwrap();
    std::fs::read_to_string(path).unwrap()
}
