//! Processes that answer, late, or wrongly.

use std::path::Path;
use std::time::Duration;

use phasorbench::link::Answer;
use phasorbench::link::process::{ProcessController, Settings, StartError, Waits};
use phasorbench::quantity::Tick;
use phasorbench::signal::Frame;

use crate::{allocations, measured, setup, valid};

/// What every script begins with: it has read the hello and said that it is ready.
const READY: &str = "\
import json, os, sys, time
hello = json.loads(sys.stdin.readline())
def say(line):
    sys.stdout.write(line + '\\n')
    sys.stdout.flush()
def answer(tick, commands={}):
    say(json.dumps({'tick': tick, 'commands': commands}))
say('{\"ready\":true}')
";

/// Its command is the tick times its parameter.
const GOOD: &str = "answer(q['tick'], {'ev.p_w.a': q['tick'] * hello['parameters']['gain']})";

/// A script that does this with each question `q`.
pub(crate) fn each(does: &str) -> String {
    format!("{READY}for line in sys.stdin:\n    q = json.loads(line)\n    {}\n", does.replace('\n', "\n    "))
}

/// A script that says that it is ready, then does this.
pub(crate) fn then(does: &str) -> String {
    format!("{READY}{does}\n")
}

pub(crate) fn settings(script: &str) -> Settings {
    let command = ["python3", "-S", "-c", script].map(String::from).to_vec();
    Settings { command, setup: setup(), ..Settings::default() }
}

/// Waits that a process which does not answer in batch is given up by soon.
pub(crate) fn impatient(answer_s: f64) -> Waits {
    Waits { answer: Duration::from_secs_f64(answer_s), ..Waits::default() }
}

pub(crate) fn started(script: &str) -> ProcessController {
    ProcessController::start(settings(script)).unwrap()
}

/// Steps at these ticks: what came of each, and the commands after it.
pub(crate) fn steps(
    controller: &mut ProcessController,
    ticks: std::ops::RangeInclusive<u64>,
) -> Vec<(Answer, Vec<Option<f64>>)> {
    let mut commands = Frame::new(2);
    let step = |tick: u64| {
        let answer = controller.step(Tick(tick), tick as f64 / 10.0, &measured(tick), &mut commands);
        (answer, valid(&commands))
    };
    ticks.map(step).collect()
}

fn fresh(tick: u64) -> (Answer, Vec<Option<f64>>) {
    (Answer::Fresh, vec![Some(tick as f64 * 2.5), None])
}

/// The reason of a lie that left no command valid.
fn lie(step: &(Answer, Vec<Option<f64>>)) -> &str {
    match step {
        (Answer::Lied(reason), commands) if commands.iter().all(Option::is_none) => reason,
        other => panic!("{other:?} is not a lie"),
    }
}

#[test]
fn a_process_is_told_everything_and_its_answers_are_the_commands() {
    let echo = "assert hello['step_s'] == 0.1 and hello['outputs'] == ['ev.p_w.a', 'ev.q_var.a'], hello\n\
                assert q['channels']['v_pu.b'] is None and q['ages'] == {'v_pu.a': 0, 'v_pu.b': q['tick']}, q\n\
                answer(q['tick'], {'ev.q_var.a': q['t_s'], 'ev.p_w.a': q['channels']['v_pu.a']})";
    let mut controller = started(&each(echo));
    let found = steps(&mut controller, 1..=3);
    let expected = |tick: f64| (Answer::Fresh, vec![Some(tick / 4.0), Some(tick / 10.0)]);
    assert_eq!(found, [expected(1.0), expected(2.0), expected(3.0)], "{:?}", controller.why());
}

#[test]
fn the_controller_of_the_documentation_works() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/models/own-controller.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, script) = page.split_once("```python\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    let mut settings = settings(script);
    settings.setup.outputs = crate::channels(&["ev634.q_var.a", "ev634.p_w.a"]);
    let found = steps(&mut ProcessController::start(settings).unwrap(), 1..=2);
    let fresh = |v_pu: f64| (Answer::Fresh, vec![Some(2.5 * (1.0 - v_pu)), None]);
    assert_eq!(found, [fresh(0.25), fresh(0.5)]);
}

#[test]
fn a_script_in_python_need_not_flush() {
    let print = "print(json.dumps({'tick': q['tick'], 'commands': {'ev.p_w.a': q['tick'] * 2.5}}))";
    assert_eq!(steps(&mut started(&each(print)), 1..=2), [fresh(1), fresh(2)]);
}

#[test]
fn what_is_missing_or_null_is_no_command() {
    let mut controller = started(&each("answer(q['tick'], {'ev.p_w.a': None} if q['tick'] == 2 else {'ev.p_w.a': 1})"));
    let found: Vec<_> = steps(&mut controller, 1..=3).into_iter().map(|(_, commands)| commands).collect();
    assert_eq!(found, [vec![Some(1.0), None], vec![None, None], vec![Some(1.0), None]]);
}

#[test]
fn in_batch_a_slow_answer_is_waited_for() {
    let mut controller = started(&each(&format!("time.sleep(0.15)\n{GOOD}")));
    assert_eq!(steps(&mut controller, 1..=3), [fresh(1), fresh(2), fresh(3)]);
}

/// Steps until an answer is fresh: the tick and what came of it. However slow the machine is, one will be.
fn until_fresh(controller: &mut ProcessController, from: u64) -> (u64, (Answer, Vec<Option<f64>>)) {
    let mut found = (from..from + 1000).map(|tick| (tick, steps(controller, tick..=tick).remove(0)));
    found.find(|(_, step)| step.0 != Answer::Late).unwrap()
}

#[test]
fn paced_a_late_answer_is_an_overrun_and_is_discarded_when_it_comes() {
    let place = tempfile::tempdir().unwrap();
    let hold = place.path().join("hold");
    let mut settings = settings(&each(&format!("while os.path.exists('hold'): time.sleep(0.01)\n{GOOD}")));
    settings.directory = Some(place.path().to_path_buf());
    settings.waits.pace = Some(Duration::from_millis(50));
    let mut controller = ProcessController::start(settings).unwrap();
    let (tick, step) = until_fresh(&mut controller, 1);
    assert_eq!(step, fresh(tick));

    // It cannot answer while the file is there: those steps hold the old command.
    std::fs::write(&hold, "").unwrap();
    let mut commands = Frame::new(2);
    commands.set(0, 7.0);
    let late = controller.step(Tick(tick + 1), 0.0, &measured(tick + 1), &mut commands);
    assert_eq!((late, valid(&commands), commands.get(0).age), (Answer::Late, vec![Some(7.0), None], tick + 1));
    assert!(steps(&mut controller, tick + 2..=tick + 4).iter().all(|step| step.0 == Answer::Late));

    // The answer to the first of them comes now, and is not taken for one to a later step.
    std::fs::remove_file(&hold).unwrap();
    let (tick, step) = until_fresh(&mut controller, tick + 5);
    assert_eq!(step, fresh(tick));
}

#[test]
fn paced_a_process_that_never_answers_is_late_and_then_dead() {
    let mut settings = settings(&then("time.sleep(60)"));
    settings.waits = Waits { pace: Some(Duration::from_millis(20)), ..impatient(1.0) };
    let mut controller = ProcessController::start(settings).unwrap();
    assert_eq!(steps(&mut controller, 1..=1)[0].0, Answer::Late);
    assert_eq!(until_fresh(&mut controller, 2).1, (Answer::Dead, vec![None, None]));
    let why = controller.why().unwrap();
    assert!(why.contains("did not answer within 1 s") && why.contains("signal 9"), "{why}");
}

#[test]
fn garbage_is_a_lie_and_the_next_step_asks_again() {
    let mut controller = started(&each(&format!("if q['tick'] == 2: say('Traceback?')\nelse: {GOOD}")));
    let found = steps(&mut controller, 1..=3);
    assert!(lie(&found[1]).contains("`Traceback?`"), "{found:?}");
    assert_eq!((&found[0], &found[2]), (&fresh(1), &fresh(3)));
}

#[test]
fn what_is_printed_beside_answers_is_named_at_each_step() {
    let mut controller = started(&each(&format!("print('debugging')\n{GOOD}")));
    let found = steps(&mut controller, 1..=4);
    assert!(found.iter().all(|step| lie(step).contains("`debugging`")), "{found:?}");
}

#[test]
fn numbers_that_are_none_are_lies() {
    let numbers = "[float('nan'), float('inf'), -float('inf')][q['tick'] - 1]";
    let json = "say('{\"tick\":4,\"commands\":{\"ev.p_w.a\":1e400}}')";
    let script = each(&format!("if q['tick'] == 4: {json}\nelse: answer(q['tick'], {{'ev.p_w.a': {numbers}}})"));
    let found = steps(&mut started(&script), 1..=4);
    let expected = ["expected value", "expected value", "invalid number", "out of range"];
    assert!(found.iter().zip(expected).all(|(step, part)| lie(step).contains(part)), "{found:?}");
}

#[test]
fn names_that_nobody_has_are_lies() {
    let found = steps(&mut started(&each("answer(q['tick'], {'ev.p_w.a': 1, 'ev.p_w.d': 1})")), 1..=1);
    assert_eq!(lie(&found[0]), "there is no output `ev.p_w.d`");
}

#[test]
fn an_answer_to_a_tick_that_was_not_asked_for_is_a_lie() {
    let found = steps(&mut started(&each("answer(q['tick'] + 1)")), 1..=2);
    assert_eq!(lie(&found[0]), "it answered tick 2 when asked for 1");
    assert_eq!(lie(&found[1]), "it answered tick 3 when asked for 2");
}

#[test]
fn an_endless_line_is_a_lie_and_the_end() {
    let script = each("if q['tick'] == 1:\n    while True: sys.stdout.write('x' * 4096)");
    let mut controller = started(&script);
    let found = steps(&mut controller, 1..=2);
    assert!(lie(&found[0]).contains("longer than 1048576 bytes"));
    assert_eq!(found[1], (Answer::Dead, vec![None, None]));
}

#[test]
fn a_line_that_stops_in_the_middle_is_waited_for_no_longer_than_any() {
    let mut settings = settings(&each("sys.stdout.write('{\"tick\":')\nsys.stdout.flush()\ntime.sleep(60)"));
    settings.waits = impatient(0.3);
    let mut controller = ProcessController::start(settings).unwrap();
    assert_eq!(steps(&mut controller, 1..=2), vec![(Answer::Dead, vec![None, None]); 2]);
}

#[test]
fn a_flood_costs_no_more_than_one_line_a_step() {
    let garbage = steps(&mut started(&then("while True: say('x' * 1000)")), 1..=50);
    assert!(garbage.iter().all(|step| lie(step).starts_with("it said `xxx")));
    let old = steps(&mut started(&then("while True: answer(0)")), 1..=3);
    assert!(old.iter().all(|step| lie(step) == "it said more than 64 things that it was not asked"), "{old:?}");
    let future = steps(&mut started(&then("while True: answer(1000)")), 1..=3);
    assert!(future.iter().all(|step| lie(step).starts_with("it answered tick 1000")), "{future:?}");
}

#[test]
fn who_answers_without_reading_is_found_out_when_the_pipe_is_full() {
    let long = "a name that fills a pipe soon ".repeat(500);
    for (pace, end) in
        [(None, Answer::Dead), (Some(20), Answer::Lied("it answers without reading what it is asked".into()))]
    {
        let mut settings = settings(&then("for tick in range(1, 100000): say('?')"));
        settings.setup.inputs = crate::channels(&[&long, "v_pu.b"]);
        settings.waits = Waits { pace: pace.map(Duration::from_millis), ..impatient(0.2) };
        let mut controller = ProcessController::start(settings).unwrap();
        assert_eq!(steps(&mut controller, 1..=30).last(), Some(&(end, vec![None, None])));
    }
}

#[test]
fn the_same_answers_come_of_the_same_process_whatever_its_speed() {
    let run = |nap: &str| {
        let script = each(&format!("if q['tick'] % 3 == 0: {nap}\nif q['tick'] % 5 == 0: say('no')\n{GOOD}"));
        steps(&mut started(&script), 1..=20)
    };
    assert_eq!(run("time.sleep(0.02)"), run("pass"));
}

#[test]
fn a_step_allocates_nothing_in_the_bench() {
    let mut controller = started(&each(GOOD));
    let mut commands = Frame::new(2);
    let frame = measured(1);
    let mut step = |tick: u64| controller.step(Tick(tick), 0.1 * tick as f64, &frame, &mut commands);
    (1..=20).for_each(|tick| assert_eq!(step(tick), Answer::Fresh));
    let asked = allocations(|| (21..=60).for_each(|tick| assert_eq!(step(tick), Answer::Fresh)));
    assert_eq!(asked, 0);
}

/// Why a script did not get ready.
pub(crate) fn not_ready(script: &str, start_s: f64) -> String {
    let mut settings = settings(script);
    settings.waits.start = Duration::from_secs_f64(start_s);
    match ProcessController::start(settings) {
        Err(error @ StartError::NotReady { .. }) => error.to_string(),
        other => panic!("{:?}", other.map(|_| ())),
    }
}
