//! The loop against a plant whose answers are known: every node at 1 pu less 1 % for each 100 kW of load on it.

use super::*;
use crate::feeder::{ControlMode, Feeder, Shape};
use crate::quantity::{Complex, Step, complex, phasor};
use crate::record::Table;
use crate::scenario::{Branch, Course, Demand, Element, Measure, Phases, Planned, Quantity, Trigger, Unit, Watch};

struct Mock {
    loads: Vec<(f64, f64)>,
    told: usize,
    line_open: bool,
    tap: i32,
    steps: usize,
    voltages: Vec<Complex>,
    clocks: Vec<f64>,
    fails_at_s: f64,
    source: Complex,
    faulted: bool,
    terminal: [Conductor; 1],
}

impl Plant for Mock {
    fn nodes(&self) -> Vec<Node> {
        let node = |bus: &str| Node { bus: bus.into(), number: 1, base_v: 1000.0 };
        vec![node("s"), node("a")]
    }
    fn set_load(&mut self, load: usize, p_w: f64, q_var: f64) {
        self.loads[load] = (p_w, q_var);
        self.told += 1;
    }
    fn set_load_phase(&mut self, load: usize, phase: usize, p_w: f64, q_var: f64) {
        assert_eq!(phase, 0, "its loads have one phase");
        self.set_load(load, p_w, q_var);
    }
    fn switch(&mut self, _: Branch, open: bool) {
        self.line_open = open;
    }
    fn switch_phases(&mut self, _: usize, phases: Phases, open: bool) {
        self.line_open = open && phases.has(0);
    }
    fn lose(&mut self, unit: Unit, lost: bool) {
        assert_eq!(unit, Unit::Capacitor(0));
        self.steps = usize::from(!lost);
    }
    fn set_source(&mut self, _: usize, _: usize, v_pu: f64, angle_deg: f64) {
        self.source = phasor(1000.0 * v_pu, angle_deg);
    }
    fn set_frequency(&mut self, _: f64) {}
    fn switch_fault(&mut self, _: usize, on: bool) {
        self.faulted = on;
    }
    fn switch_capacitor(&mut self, _: usize, closed: bool) {
        self.steps = usize::from(closed);
    }
    fn closed_steps(&self, _: usize) -> usize {
        self.steps
    }
    fn set_tap(&mut self, _: usize, tap: i32) {
        self.tap = tap;
    }
    fn tap(&self, _: usize) -> i32 {
        self.tap
    }
    fn solve(&mut self, clock_s: f64) -> Solution {
        self.clocks.push(clock_s);
        let p_w: f64 = self.loads.iter().map(|l| l.0).sum();
        self.voltages[0] = self.source;
        self.voltages[1] = complex(if self.line_open { 0.0 } else { 1000.0 - p_w * 1e-4 }, 0.0);
        let converged = clock_s != self.fails_at_s;
        Solution { converged, at_rest: true, iterations: 3, mismatch_pu: 1e-9, worst_node: Some(1) }
    }
    fn voltages(&self) -> &[Complex] {
        &self.voltages
    }
    fn source_power(&self) -> Complex {
        self.loads.iter().map(|l| complex(l.0, l.1)).sum()
    }
    fn losses(&self) -> Complex {
        complex(10.0, 0.0)
    }
    fn terminal(&mut self, element: Element) -> &[Conductor] {
        let i_a = complex(if matches!(element, Element::Fault(_)) == self.faulted { 5.0 } else { 0.0 }, 0.0);
        self.terminal = [Conductor { number: 1, v_v: self.voltages[1], i_a }];
        &self.terminal
    }
    fn drawn_phase(&self, load: usize, _: usize) -> Complex {
        complex(self.loads[load].0, self.loads[load].1)
    }
    fn loading_percent(&self, _: Branch) -> f64 {
        self.loads.iter().map(|l| l.0).sum::<f64>() / 1000.0
    }
    fn worst_loading(&self) -> (f64, Option<Branch>) {
        (self.loading_percent(Branch::Line(0)), Some(Branch::Line(0)))
    }
}

fn mock() -> Mock {
    Mock {
        loads: vec![(0.0, 0.0); 2],
        told: 0,
        line_open: false,
        tap: 0,
        steps: 1,
        voltages: vec![Complex::default(); 2],
        clocks: Vec::new(),
        fails_at_s: -1.0,
        source: complex(1000.0, 0.0),
        faulted: false,
        terminal: [Conductor::default()],
    }
}

fn plan(last: u64, events: Vec<Planned>) -> Plan {
    let feeder: Feeder = serde_json::from_value(serde_json::json!({
        "feeder": "f", "voltage_bases_kv": [1.732],
        "sources": {"s": {"bus": "s.1", "phases": 1, "v_kv": 1.0}},
        "lines": {"l": {"from": "s.1", "to": "a.1", "phases": 1, "length_km": 2.0}},
        "capacitors": {"cap": {"bus": "a.1", "phases": 1, "v_kv": 1.0, "q_kvar": [100.0]}},
        "regulators": {"reg": {"transformer": "t", "winding": 2}},
    }))
    .unwrap();
    let quantities = crate::scenario::standard(&feeder, &["a".to_owned()], true);
    let demand = Demand { p_kw: 100.0, q_kvar: 50.0, scale: 1.0, shape: Some(0), multiplied: true, connected: true };
    Plan {
        name: "test".into(),
        title: "test".into(),
        seed: 0,
        feeder,
        step: Step::from_seconds(0.1).unwrap(),
        last: Tick(last),
        start_s: 0.0,
        controls: ControlMode::Off,
        load_multiplier: 1.0,
        shapes: vec![Course::Points(Shape { interval_s: Some(0.1), p: vec![1.0, 2.0, 3.0], ..Shape::default() })],
        demands: vec![demand, Demand { shape: None, multiplied: false, connected: false, ..demand }],
        added: Vec::new(),
        initial: Vec::new(),
        events,
        triggers: Vec::new(),
        faults: Vec::new(),
        equipment: crate::scenario::Equipment::default(),
        harmonics: None,
        quantities,
        expectations: Vec::new(),
        watch: Watch { buses: vec!["a".into()], every: 1, limits_pu: [0.985, 1.0], curves: None },
        vary: Vec::new(),
        inputs: Vec::new(),
    }
}

fn event(tick: u64, action: Action) -> Planned {
    Planned { tick: Tick(tick), action, label: String::new() }
}

fn run(plan: &Plan, plant: Mock) -> (Outcome, Table, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("series.csv");
    let bench = Bench::with_plant(plan, plant).unwrap();
    let mut recorder = Recorder::create(&path, bench.channels()).unwrap();
    let mut ticks = Vec::new();
    let outcome = bench.run(Some(&mut recorder), &mut Batch, &mut |tick| ticks.push(tick.0)).unwrap();
    recorder.finish().unwrap();
    assert_eq!(ticks, (1..=plan.last.0).collect::<Vec<_>>());
    let text = std::fs::read_to_string(&path).unwrap();
    (outcome, Table::read_csv(&path).unwrap(), text)
}

#[test]
fn shapes_are_taken_at_the_end_of_each_step() {
    let (outcome, table, _) = run(&plan(4, vec![]), mock());
    assert_eq!(table.t_s(), [0.1, 0.2, 0.3, 0.4]);
    assert_eq!(table.column("source.p_w").unwrap(), [100e3, 200e3, 300e3, 100e3]);
    assert_eq!(table.column("source.q_var").unwrap(), [50e3, 100e3, 150e3, 50e3]);
    assert_eq!(table.column("a.1.v_pu").unwrap(), [0.99, 0.98, 0.97, 0.99]);
    assert_eq!(outcome.lowest().unwrap().min, (0.97, Tick(3)));
    assert_eq!(outcome.highest().unwrap().node.bus, "s");
    assert_eq!(outcome.peak_source, Some((300e3, Tick(3))));
    assert!((outcome.source_wh - 700e3 * 0.1 / 3600.0).abs() < 1e-9);
    assert_eq!(outcome.out_of_limits, 2.0 / 8.0);
    assert_eq!(outcome.worst.tick, Tick(3));
    assert_eq!(outcome.worst.v_pu, [1.0, 0.97]);
    assert_eq!(outcome.nodes[1].distance_m, 2000.0);
}

#[test]
fn the_header_names_channels_with_units() {
    let (_, _, text) = run(&plan(1, vec![]), mock());
    let fixed = "source.p_w,source.q_var,losses.p_w,losses.q_var,feeder.v_min_pu,feeder.v_mean_pu,feeder.v_max_pu,\
                 feeder.out_of_limits_nodes,feeder.de_energised_nodes,solver.converged,solver.iterations,\
                 solver.mismatch_pu";
    let header = text.lines().next().unwrap();
    assert_eq!(header, format!("t_s,{fixed},reg.tap,cap.steps,a.1.v_pu,a.1.angle_deg"));
}

#[test]
fn events_act_in_the_step_that_ends_at_their_time_and_in_order() {
    let events = vec![
        event(0, Action::SetMultiplier { factor: 0.5 }),
        event(2, Action::ConnectLoad { load: 1, connected: true }),
        event(2, Action::SetTap { regulator: 0, tap: 5 }),
        event(2, Action::MoveTap { regulator: 0, by: -2 }),
        event(3, Action::Switch { branch: Branch::Line(0), open: true }),
        event(3, Action::SwitchCapacitor { capacitor: 0, closed: false }),
        event(4, Action::Switch { branch: Branch::Line(0), open: false }),
        event(4, Action::SetLoad { load: 1, p_kw: Some(10.0), q_kvar: None }),
        event(4, Action::ScaleLoad { load: 1, scale: 2.0 }),
    ];
    let (outcome, table, _) = run(&plan(4, events), mock());
    assert_eq!(table.column("source.p_w").unwrap(), [50e3, 200e3, 250e3, 70e3]);
    assert_eq!(table.column("source.q_var").unwrap()[3], 25e3 + 100e3);
    assert_eq!(table.column("reg.tap").unwrap(), [0.0, 3.0, 3.0, 3.0]);
    assert_eq!(table.column("cap.steps").unwrap(), [1.0, 1.0, 0.0, 0.0]);
    assert_eq!(table.column("feeder.de_energised_nodes").unwrap(), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(outcome.tap_operations, [3]);
    assert_eq!(outcome.capacitor_operations, [1]);
    assert_eq!(outcome.de_energised_max, 1);
    assert_eq!(outcome.lowest().unwrap().min.1, Tick(2), "a dead node has no voltage to be lowest");
}

#[test]
fn loads_are_told_only_what_changed() {
    let mut plan = plan(4, vec![]);
    plan.demands[0].shape = None;
    let bench = Bench::with_plant(&plan, mock()).unwrap();
    let mut bench = bench;
    (1..=4).for_each(|k| bench.step(Tick(k), &mut Batch));
    assert_eq!(bench.plant().told, 2, "each load once");
    assert_eq!(bench.plant().clocks, [0.1, 0.2, 0.3, 0.4]);
}

#[test]
fn rows_may_be_fewer_than_ticks() {
    let mut plan = plan(5, vec![]);
    plan.watch.every = 2;
    let (outcome, table, _) = run(&plan, mock());
    assert_eq!(table.t_s(), [0.2, 0.4]);
    assert_eq!(outcome.ticks, 5);
}

#[test]
fn a_tick_without_a_solution_is_counted_and_the_run_goes_on() {
    let plant = Mock { fails_at_s: 0.2, ..mock() };
    let (outcome, table, _) = run(&plan(3, vec![]), plant);
    assert_eq!(outcome.not_converged, 1);
    assert_eq!(outcome.first_not_converged, Some((Tick(2), Some("a.1".into()))));
    assert_eq!(table.column("solver.converged").unwrap(), [1.0, 0.0, 1.0]);
    assert!(table.column("feeder.v_min_pu").unwrap()[1].is_nan());
    assert_eq!(outcome.nodes[1].mean_pu, (0.99 + 0.97) / 2.0);
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let events = || vec![event(2, Action::ConnectLoad { load: 1, connected: true })];
    assert_eq!(run(&plan(50, events()), mock()).2, run(&plan(50, events()), mock()).2);
}

/// A breaker that trips on the load's own step, closes again once, trips again and stays open.
#[test]
fn a_condition_acts_one_step_later_and_as_often_as_it_may() {
    let mut plan = plan(12, vec![event(3, Action::ScaleLoad { load: 0, scale: 10.0 })]);
    plan.demands[0].shape = None;
    let loading = Measure::Loading(Branch::Line(0));
    plan.quantities.push(Quantity { name: "line.l.loading_percent".into(), measure: loading });
    let open = |open| Action::Switch { branch: Branch::Line(0), open };
    plan.triggers.push(Trigger {
        quantity: plan.quantities.iter().position(|q| q.name == "a.1.v_pu").unwrap(),
        quiet: [0.95, f64::INFINITY],
        held: 2,
        times: 2,
        action: open(true),
        label: "trip".into(),
        undo: Some((open(false), "reclose".into())),
        undo_after: vec![3],
    });
    let (outcome, table, _) = run(&plan, mock());
    // Low at 3 and 4 (and dead, so still low, while open): open from 5; closed at 8; quiet never comes between, since a
    // node at 0 V is below the limit, too, so it does not go off again.
    let v_pu = table.column("a.1.v_pu").unwrap();
    assert_eq!(v_pu[..8], [0.99, 0.99, 0.9, 0.9, 0.0, 0.0, 0.0, 0.9]);
    let said: Vec<(u64, &str)> = outcome.triggered.iter().map(|e| (e.tick.0, e.label.as_str())).collect();
    assert_eq!(said, [(5, "trip"), (8, "reclose")]);
    assert_eq!(table.column("line.l.loading_percent").unwrap()[2], 1000.0);
}

#[test]
fn a_sag_is_a_share_of_what_the_source_is_set_to() {
    let all = Phases(1);
    let events = vec![
        event(1, Action::SetSource { source: 0, phases: all, v_pu: Some(1.1), angle_deg: None }),
        event(2, Action::Sag { source: 0, phases: all, to: 0.5 }),
        event(3, Action::SetSource { source: 0, phases: all, v_pu: None, angle_deg: Some(30.0) }),
        event(4, Action::Sag { source: 0, phases: all, to: 1.0 }),
    ];
    let mut plan = plan(4, events);
    plan.quantities = crate::scenario::standard(&plan.feeder, &["s".to_owned()], true);
    let (_, table, _) = run(&plan, mock());
    let close = |name: &str, expected: [f64; 4]| {
        let column = table.column(name).unwrap();
        assert!(column.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{column:?}");
    };
    close("s.1.v_pu", [1.1, 0.55, 0.55, 1.1]);
    close("s.1.angle_deg", [0.0, 0.0, 30.0, 30.0]);
}
