//! The loop's own part of a step (events, demands, record, statistics) allocates nothing, whatever the plant does.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use phasorbench::bench::{Batch, Bench, Conductor, Node, Plant, Solution};
use phasorbench::quantity::{Complex, complex};
use phasorbench::record::Recorder;
use phasorbench::scenario::{self, Branch, Element, Phases, Unit};

#[path = "support/counting.rs"]
mod counting;

/// A plant that answers at once: 1 pu less 1 % for each MW.
struct Answer {
    nodes: Vec<Node>,
    loads_w: Vec<f64>,
    voltages: Vec<Complex>,
    tap: i32,
    terminal: [Conductor; 3],
}

impl Plant for Answer {
    fn nodes(&self) -> Vec<Node> {
        self.nodes.clone()
    }
    fn set_load(&mut self, load: usize, p_w: f64, _: f64) {
        self.loads_w[load] = p_w;
    }
    fn set_load_phase(&mut self, load: usize, _: usize, p_w: f64, _: f64) {
        self.loads_w[load] = 3.0 * p_w;
    }
    fn switch(&mut self, _: Branch, _: bool) {}
    fn switch_phases(&mut self, _: usize, _: Phases, _: bool) {}
    fn lose(&mut self, _: Unit, _: bool) {}
    fn set_source(&mut self, _: usize, _: usize, _: f64, _: f64) {}
    fn set_frequency(&mut self, _: f64) {}
    fn switch_fault(&mut self, _: usize, _: bool) {}
    fn terminal(&mut self, _: Element) -> &[Conductor] {
        &self.terminal
    }
    fn drawn_phase(&self, load: usize, _: usize) -> Complex {
        complex(self.loads_w[load] / 3.0, 0.0)
    }
    fn loading_percent(&self, _: Branch) -> f64 {
        self.loads_w.iter().sum::<f64>() * 1e-4
    }
    fn worst_loading(&self) -> (f64, Option<Branch>) {
        (self.loading_percent(Branch::Line(0)), Some(Branch::Line(0)))
    }
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
        let p_w: f64 = self.loads_w.iter().sum();
        for (v, node) in self.voltages.iter_mut().zip(&self.nodes) {
            *v = complex(node.base_v * (1.0 - p_w * 1e-8), 0.0);
        }
        Solution { converged: true, at_rest: true, iterations: 1, mismatch_pu: 0.0, worst_node: None }
    }
    fn voltages(&self) -> &[Complex] {
        &self.voltages
    }
    fn source_power(&self) -> Complex {
        complex(self.loads_w.iter().sum(), 0.0)
    }
    fn losses(&self) -> Complex {
        complex(0.0, 0.0)
    }
}

#[test]
fn a_step_of_the_loop_allocates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/scenario/feeders/small.yaml");
    let text = format!(
        "scenario: s\nfeeder: {}\nduration_s: 30000\nstep_s: 1\noutputs: {{voltages: all, angles: true, quantities: [line.branch.i_a, middle.1-end.1.angle_deg, end.unbalance_percent]}}\n\
         events: [{{at_s: 500, tap: {{reg: 4}}}}, {{at_s: 600, add_load: {{bus: end, p_kw: 9}}}}, \
         {{at_s: 700, load: {{name: town, scale: 3}}}}, {{at_s: 800, open: branch, reclose_after_s: 5}}, \
         {{at_s: 900, every_s: 60, times: 9, sag: {{to: 0.8}}, for_s: 7}}, \
         {{at_s: 1000, every_s: 100, times: 9, communication: {{of: m, delay_s: 9}}, for_s: 50}}, \
         {{at_s: 2000, every_s: 100, times: 9, communication: {{of: vv, lost: true}}, for_s: 50}}, \
         {{at_s: 3000, sensor: {{instrument: m, dropped: true}}, for_s: 50}}, {{at_s: 3500, lose: ev, for_s: 50}}, \
         {{at_s: 4000, every_s: 100, times: 9, pmu: {{name: p, gps_lost: true}}, for_s: 50}}, \
         {{at_s: 4010, pmu: {{name: p, time_step_s: 1.0e-5}}, for_s: 500}}, {{at_s: 4020, pmu: {{name: p, ramp_deg_per_s: 0.05}}, for_s: 500}}, \
         {{at_s: 950, fault: {{bus: end, type: three_phase}}, for_s: 3}}, \
         {{when: {{quantity: line.branch.loading_percent, above: 150, held_s: 2}}, open: branch, reclose_after_s: [3, 9]}}]\n\
         expect: [{{always: feeder.v_max_pu, below: 1}}, {{never: line.trunk.i_a, above: 5}}, \
         {{sometime: feeder.loading_percent, above: 1, from_s: 60}}, {{mean: end.1.angle_deg, below: 1}}, \
         {{settles: end.1.v_pu, after_s: 500, within_s: 60, band: 0.1}}, {{overshoot: end.1.v_pu, after_s: 500, below_percent: 5}}, \
         {{happens: open branch}}, {{ends_energised: [end]}}, {{tap_operations: reg, at_most: 8}}]\n\
         profiles: {{wave: {{function: {{sine: {{amplitude: 1, period_s: 100}}}}}}}}\nload_shape: wave\n\
         devices: {{ev: {{power: {{bus: end, p_kw: -10, s_kva: 20, ramp_kw_per_s: 1, response_s: 3, profile: wave}}}}}}\n\
         instruments: {{m: {{meter: {{measures: [end.1.v_pu, end.2.v_pu, ev.p_w], every_s: 2, delay_s: 3, noise: 1.0e-3}}}}, \
         p: {{pmu: {{bus: end, noise: micro_pmu, every_s: 2, delay_s: 3, jitter_s: 9, loss: 0.1}}}}}}\n\
         controllers: {{vv: {{law: volt_var, every_s: 5, measures: m, actuators: [ev]}}, \
         vw: {{law: volt_watt, measures: m, actuators: [ev], fail_safe: 0}}}}\n",
        small.display()
    );
    std::fs::write(dir.path().join("s.yaml"), text).unwrap();
    let plan = scenario::read(&dir.path().join("s.yaml")).plan.unwrap();
    let node = |(bus, number): (&str, u16)| Node { bus: bus.into(), number, base_v: 7200.0 };
    let buses = ["head", "reg_out", "middle", "end"];
    let nodes: Vec<Node> = buses.into_iter().flat_map(|bus| (1..=3).map(move |n| (bus, n))).map(node).collect();
    let voltages = vec![Complex::default(); nodes.len()];
    let plant =
        Answer { nodes, loads_w: vec![0.0; plan.demands.len()], voltages, tap: 0, terminal: [Conductor::default(); 3] };
    let bench = Bench::with_plant(&plan, plant).unwrap();
    let mut recorder = Recorder::create(&dir.path().join("series.csv"), bench.channels()).unwrap();
    let (mut first, mut last) = (None, 0);
    let warm_up = 2;
    let mut progress = |tick: phasorbench::quantity::Tick| {
        let count = counting::asked();
        last = count;
        if tick.0 == warm_up {
            first = Some(count);
        }
    };
    let outcome = bench.run(Some(&mut recorder), &mut Batch, &mut progress).unwrap();
    assert_eq!(outcome.ticks, 30_000);
    assert_eq!(outcome.verdicts.len(), 9);
    assert_eq!(outcome.triggered.len(), 5, "three trips, two of them with reclosing");
    assert_eq!(last - first.unwrap(), 0, "allocations in {} steps", 30_000 - warm_up);
}
