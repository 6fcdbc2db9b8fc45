//! The loop of a phasor controller: power goes to the phase it is meant for, programs of one's own sit in the same seat and
//! fail into the fail-safe, nothing is allocated in a step, and a run is the same bytes again.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};
use std::process::Command;

use phasorbench::bench::{Batch, Bench};
use phasorbench::record::{Recorder, Table};
use phasorbench::scenario::{self, Override};

#[path = "support/counting.rs"]
mod counting;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a scenario; its record, its bytes, and the allocations of the steps after some.
fn run(path: &Path, settings: &[(&str, &str)], warm_up: u64) -> (Table, Vec<u8>, u64) {
    let overrides: Vec<Override> =
        settings.iter().map(|(path, value)| Override { path: (*path).into(), value: (*value).into() }).collect();
    let reading = scenario::read_with(path, &overrides);
    let plan = reading.plan.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    let bench = Bench::new(&plan).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let series = dir.path().join("series.csv");
    let mut recorder = Recorder::create(&series, bench.channels()).unwrap();
    let (mut first, mut last) = (0, 0);
    let mut progress = |tick: phasorbench::quantity::Tick| {
        last = counting::asked();
        if tick.0 == warm_up {
            first = last;
        }
    };
    bench.run(Some(&mut recorder), &mut Batch, &mut progress).unwrap();
    recorder.finish().unwrap();
    (Table::read_csv(&series).unwrap(), std::fs::read(&series).unwrap(), last - first)
}

fn committed(name: &str) -> PathBuf {
    root().join("scenarios/phasor").join(format!("{name}.yaml"))
}

/// A scenario on two lines of the IEEE 13-node feeder, in a folder of its own.
fn written(dir: &Path, controller: &str, rest: &str) -> PathBuf {
    let feeder = root().join("feeders/ieee13.yaml");
    let text = format!(
        "scenario: s\nfeeder: {}\nduration_s: 12\nstep_s: 0.1\ncontrols: off\ntaps: {{reg1: 10, reg2: 8, reg3: 11}}\n\
         devices: {{ev: {{power: {{bus: \"671\", s_kva: 3000, p_kw: -30}}}}}}\n\
         instruments: {{near: {{pmu: {{bus: \"671\"}}}}, far: {{pmu: {{bus: \"650\"}}}}}}\n\
         controllers: {{lpbc: {{performance: near, reference: far, actuators: [ev], fail_safe: own, fail_safe_after_s: 1, {controller}}}}}\n\
         outputs: {{voltages: [\"671\"]}}\n{rest}\n",
        feeder.display()
    );
    let path = dir.join("s.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

fn at(table: &Table, name: &str, t_s: f64) -> f64 {
    let row = table.t_s().iter().position(|t| (t - t_s).abs() < 1e-6).unwrap();
    table.column(name).unwrap_or_else(|| panic!("no {name}"))[row]
}

/// Largest difference of two runs in a column.
fn apart(a: &Table, b: &Table, name: &str) -> f64 {
    let pairs = a.column(name).unwrap().iter().zip(b.column(name).unwrap());
    pairs.filter(|(x, y)| !(x.is_nan() && y.is_nan())).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

/// A load that jumps on phase b alone is answered on all phases as B⁻¹ says, and their sum is what the device feeds in.
#[test]
fn power_goes_to_its_phase() {
    let dir = tempfile::tempdir().unwrap();
    let jump = "events: [{at_s: 5, add_load: {bus: \"671.2\", p_kw: 200, q_kvar: 60, band_pu: [0.6, 1.4]}}]";
    let path = written(dir.path(), "law: decoupled_pi", jump);
    let (table, ..) = run(&path, &[], 0);
    let by_phase = |t_s: f64, what: &str| ["a", "b", "c"].map(|phase| at(&table, &format!("ev.{phase}.{what}"), t_s));
    // What it took before, evenly, at its own set-point.
    assert!(by_phase(1.0, "p_w").iter().all(|p| (p + 10_000.0).abs() < 1.0), "{:?}", by_phase(1.0, "p_w"));
    let (before, after) = (by_phase(4.9, "p_w"), by_phase(12.0, "p_w"));
    // The phasor is back where it was, so the node takes what it took: the device makes up for the load, phase by phase.
    let change: Vec<f64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
    assert!((change[1] - 200_000.0).abs() < 20.0 && change[0].abs() < 20.0 && change[2].abs() < 20.0, "{change:?}");
    assert!((by_phase(12.0, "q_var")[1] - by_phase(4.9, "q_var")[1] - 60_000.0).abs() < 20.0);
    assert!((after.iter().sum::<f64>() - at(&table, "ev.p_w", 12.0)).abs() < 1e-6);
    assert!(at(&table, "lpbc.true_error_v_pu", 12.0) < 1e-9);
}

#[test]
fn a_step_allocates_nothing_and_a_run_is_the_same_again() {
    for law in ["decoupled_pi", "pi", "lqpc", "lqpc_published", "rcac", "extremum_seeking"] {
        let noise = "micro_pmu";
        let settings = [
            ("controllers.lpbc.law", law),
            ("duration_s", "215"),
            ("instruments.pmu632.pmu.noise", noise),
            ("instruments.pmu650.pmu.noise", noise),
            ("devices.ev675.power.s_kva", "900"),
        ];
        let (_, bytes, allocations) = run(&committed("ieee13_decoupled_pi"), &settings, 10);
        assert_eq!(allocations, 0, "{law}");
        let (_, again, _) = run(&committed("ieee13_decoupled_pi"), &settings, 10);
        assert!(bytes == again, "{law}");
    }
}

/// The examples are the built-in law: where nothing is at a limit, their numbers are its numbers.
#[test]
fn programs_of_ones_own_give_the_built_in_numbers() {
    let library = root().join("scenarios/phasor/controllers/libpi.so");
    let source = root().join("scenarios/phasor/controllers/pi.c");
    let mut cc = Command::new("cc");
    cc.args(["-std=c99", "-O2", "-shared", "-fPIC", "-I"]).arg(root().join("hil")).arg("-o").arg(&library).arg(&source);
    assert!(cc.status().expect("a C compiler: cc").success());
    let (own, ..) = run(&committed("ieee13_pi"), &[], 0);
    for name in ["own_process", "own_library"] {
        let (other, ..) = run(&committed(name), &[], 0);
        assert!(apart(&own, &other, "lpbc.true_error_v_pu") < 1e-9, "{name}");
        assert!(apart(&own, &other, "lpbc.true_error_angle_deg") < 1e-9, "{name}");
        for power in ["ev634.a.p_w", "ev645.b.q_var", "ev675.c.q_var"] {
            assert!(apart(&own, &other, power) < 1e-3, "{name} {power}: of some 1e5 W");
        }
    }
}

/// A controller that dies, lies or falls silent: after its patience the device is back at its own set-point, and the run ends.
#[test]
fn a_program_that_fails_ends_in_the_fail_safe() {
    let answer = "print(json.dumps({'tick': q['tick'], 'commands': c}), flush=True)";
    let dies = format!("{answer}\n    if q['tick'] > 50: sys.exit(3)");
    let lies = format!("if q['tick'] > 50: c = {{k: 'much' for k in c}}\n    {answer}");
    let garbage = format!("if q['tick'] > 50:\n        print('hello', flush=True)\n    else:\n        {answer}");
    for (name, body) in [("dies", dies), ("lies", lies), ("garbage", garbage)] {
        let dir = tempfile::tempdir().unwrap();
        let program = format!(
            "import json, sys\nhello = json.loads(sys.stdin.readline())\nprint(json.dumps({{'ready': True}}), flush=True)\n\
             for line in sys.stdin:\n    q = json.loads(line)\n    c = {{k: 50000.0 for k in hello['outputs']}}\n    {body}\n"
        );
        std::fs::write(dir.path().join("mine.py"), program).unwrap();
        let path = written(dir.path(), "law: {process: [python3, mine.py]}", "");
        let (table, ..) = run(&path, &[], 0);
        assert!((at(&table, "ev.a.p_w", 4.0) - 50_000.0).abs() < 1.0, "{name}: it commands");
        assert!((at(&table, "ev.p_w", 12.0) + 30_000.0).abs() < 1.0, "{name}: {}", at(&table, "ev.p_w", 12.0));
        assert_eq!(at(&table, "lpbc.mode", 12.0), 0.0, "{name}");
    }
}

/// What cannot be started is said before the run, with its reason.
#[test]
fn a_program_that_does_not_start_is_no_run() {
    let dir = tempfile::tempdir().unwrap();
    for law in [
        "law: {process: [/nowhere/at/all]}",
        "law: {library: nowhere.so}",
        "law: {process: [python3, -c, \"exit(1)\"]}",
    ] {
        let path = written(dir.path(), law, "");
        let plan = scenario::read(&path).plan.unwrap();
        let error = Bench::new(&plan).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.starts_with("lpbc: ")), "{error:?}");
    }
}
