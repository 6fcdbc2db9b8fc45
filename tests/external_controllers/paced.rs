//! A whole run by the clock with a process that is slow at some ticks. What is asserted of every run does not depend on the
//! machine: which answers were late is in the record, and everything else follows from that. That only the slow ones are
//! late needs a machine that has time, so some attempts are made.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use phasorbench::bench::pace::{LoopTiming, Monotonic, Overrun, Paced, Pacing};
use phasorbench::bench::{Batch, Bench, Pacer};
use phasorbench::quantity::Tick;
use phasorbench::record::{Recorder, Table};
use phasorbench::scenario;

const TICKS: u64 = 30;
/// Ticks at which the process takes 130 ms to answer; a step has 100 ms, of which it may take 70.
const SLOW: [u64; 3] = [10, 15, 20];
const PROGRAM: &str = "\
import json, sys, time
hello = json.loads(sys.stdin.readline())
print(json.dumps({'ready': True}), flush=True)
for line in sys.stdin:
    tick = json.loads(line)['tick']
    if tick in (10, 15, 20): time.sleep(0.13)
    commands = {name: 1000.0 * tick if '.p_w.' in name else 0.0 for name in hello['outputs']}
    print(json.dumps({'tick': tick, 'commands': commands}), flush=True)
";

/// A scenario whose device is told a thousand times the tick in W on each phase.
fn written(dir: &Path) -> PathBuf {
    let feeder = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders/ieee13.yaml");
    let text = format!(
        "scenario: s\nfeeder: {}\nduration_s: 3\nstep_s: 0.1\ncontrols: off\n\
         devices: {{ev: {{power: {{bus: \"671\", s_kva: 3000, p_kw: -30}}}}}}\n\
         instruments: {{near: {{pmu: {{bus: \"671\"}}}}, far: {{pmu: {{bus: \"650\"}}}}}}\n\
         controllers: {{own: {{performance: near, reference: far, actuators: [ev], answer_within: 0.7,\n    \
         law: {{process: [python3, -S, mine.py]}}}}}}\noutputs: {{quantities: [own.overruns, own.mode, ev.a.p_w]}}\n",
        feeder.display()
    );
    std::fs::write(dir.join("mine.py"), PROGRAM).unwrap();
    let path = dir.join("s.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

/// The record of a run, and how many answers were late.
fn run(pacer: &mut dyn Pacer, period: Option<Duration>) -> (Table, u64) {
    let dir = tempfile::tempdir().unwrap();
    let reading = scenario::read(&written(dir.path()));
    let plan = reading.plan.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    let mut bench = Bench::new(&plan).unwrap();
    period.into_iter().for_each(|period| bench.paced(period));
    let series = dir.path().join("series.csv");
    let mut recorder = Recorder::create(&series, bench.channels()).unwrap();
    let outcome = bench.run(Some(&mut recorder), pacer, &mut |_| {}).unwrap();
    recorder.finish().unwrap();
    assert_eq!(outcome.late.len(), 1);
    assert_eq!(outcome.late[0].0, "own");
    (Table::read_csv(&series).unwrap(), outcome.late[0].1)
}

/// Ticks whose answers were late, by the record.
fn late(table: &Table) -> Vec<u64> {
    let counts = table.column("own.overruns").unwrap();
    let before = std::iter::once(0.0).chain(counts.iter().copied());
    (1..).zip(counts.iter().zip(before)).filter(|(_, (now, before))| **now > *before).map(|(tick, _)| tick).collect()
}

/// The device does what the newest answer says that was in time; commands take a step.
fn follows(table: &Table, late: &[u64]) {
    let (p_w, mode) = (table.column("ev.a.p_w").unwrap(), table.column("own.mode").unwrap());
    for tick in 2..=TICKS {
        let answered = (1..tick).rev().find(|k| !late.contains(k));
        let expected = answered.map_or(-10_000.0, |k| 1000.0 * k as f64);
        let found = p_w[tick as usize - 1];
        assert!((found - expected).abs() < 1e-6, "tick {tick}: {found} and not {expected}; late: {late:?}");
        assert_eq!(mode[tick as usize - 1], if late.contains(&tick) { 1.0 } else { 3.0 }, "tick {tick}");
    }
}

fn paced() -> (Table, u64, LoopTiming) {
    let step = phasorbench::quantity::Step::new(1, 10).unwrap();
    let pacing = Pacing { step, factor: 1.0, overrun: Overrun::CatchUp };
    let mut pacer = Paced::new(Monotonic::new(), pacing, Arc::default());
    let (table, count) = run(&mut pacer, Some(Duration::from_nanos(pacing.due_ns(Tick(1)))));
    (table, count, pacer.timing())
}

#[test]
fn a_late_answer_is_counted_holds_the_command_and_is_never_taken_for_the_next() {
    let mut attempts = Vec::new();
    for _ in 0..6 {
        let (table, count, timing) = paced();
        let late = late(&table);
        assert_eq!(late.len() as u64, count, "one for each late answer");
        assert!(SLOW.iter().all(|tick| late.contains(tick)), "what takes longer than it may is late: {late:?}");
        follows(&table, &late);
        assert_eq!((timing.ticks, timing.durations["exchange"].count), (TICKS, TICKS));
        assert!(timing.elapsed_s >= 3.0, "{}", timing.elapsed_s);
        if late == SLOW && timing.overruns.count == 0 {
            return;
        }
        attempts.push((late, timing.overruns));
    }
    panic!("besides the slow ones, others were late, or the loop was: {attempts:?}");
}

#[test]
fn in_batch_the_same_process_is_waited_for() {
    let (table, count) = run(&mut Batch, None);
    assert_eq!((late(&table), count), (vec![], 0));
    follows(&table, &[]);
}
