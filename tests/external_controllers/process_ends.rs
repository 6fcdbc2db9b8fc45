//! Processes that end, or have to be ended.

use std::time::{Duration, Instant};

use phasorbench::link::Answer;
use phasorbench::link::process::{ProcessController, Settings, StartError};

use crate::process::{each, impatient, not_ready, settings, started, steps, then};

/// No command is valid.
fn dead() -> (Answer, Vec<Option<f64>>) {
    (Answer::Dead, vec![None, None])
}

/// Whether a process runs: one that has ended and that nobody has reaped does not.
fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Whether there still is something of a process, a zombie included.
fn exists(id: u32) -> bool {
    std::path::Path::new(&format!("/proc/{id}")).exists()
}

/// Waits up to 5 s for something that the system does after a kill.
fn soon(holds: impl Fn() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(5);
    while !holds() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    holds()
}

#[test]
fn a_process_that_is_not_there_is_named() {
    let start = |command: &[&str]| {
        let command = command.iter().map(ToString::to_string).collect();
        ProcessController::start(Settings { command, ..Settings::default() }).map(|_| ()).unwrap_err()
    };
    assert!(matches!(start(&[]), StartError::NoCommand));
    let absent = start(&["no-such-program", "mine.py"]);
    assert!(absent.to_string().starts_with("`no-such-program` cannot be started: "), "{absent}");
}

#[test]
fn a_process_that_is_dead_at_the_start_says_why() {
    let why = not_ready("import sys; sys.exit('no gains for phase b')", 10.0);
    assert!(why.contains("closed its output") && why.contains("status 1"), "{why}");
    assert!(why.contains("no gains for phase b"), "its standard error: {why}");
}

#[test]
fn a_process_that_does_not_get_ready_is_given_up() {
    assert!(not_ready("import time; time.sleep(60)", 0.2).contains("it said nothing within 0.2 s"));
    assert!(not_ready("print('Hello!')", 10.0).contains("it said `Hello!`"));
    assert!(not_ready("print('{\"ready\":false,\"reason\":\"no b\"}')", 10.0).contains("it is not ready: `no b`"));
}

#[test]
fn a_process_that_dies_in_a_run_answers_no_more() {
    let script = each("answer(q['tick'], {'ev.p_w.a': 1})\nif q['tick'] == 2: raise ValueError('out of ideas')");
    let mut controller = started(&script);
    let found = steps(&mut controller, 1..=4);
    let alive = (Answer::Fresh, vec![Some(1.0), None]);
    assert_eq!(found, [alive.clone(), alive, dead(), dead()], "its last answer counts");
    let why = controller.why().unwrap();
    assert!(why.contains("status 1") && why.contains("out of ideas"), "{why}");
}

#[test]
fn only_the_end_of_a_long_standard_error_is_kept() {
    let script = then("sys.stderr.write('x' * 1000000 + 'the end')\nsys.exit(3)");
    let mut controller = started(&script);
    steps(&mut controller, 1..=1);
    let why = controller.why().unwrap();
    assert!(why.ends_with("xthe end") && why.len() < 10_000 && why.contains("status 3"), "{}", why.len());
}

#[test]
fn a_locked_process_does_not_hang_a_batch_run() {
    let mut settings = settings(&then("time.sleep(60)"));
    settings.waits = impatient(0.3);
    let mut controller = ProcessController::start(settings).unwrap();
    // A thousand steps would wait five minutes, if each waited.
    assert!(steps(&mut controller, 1..=1000).iter().all(|step| *step == dead()));
    assert!(controller.why().unwrap().contains("it did not answer within 0.3 s"));
}

#[test]
fn a_process_that_closes_its_output_is_dead() {
    let mut controller = started(&then("os.close(1)\ntime.sleep(60)"));
    assert_eq!(steps(&mut controller, 1..=2), [dead(), dead()]);
    assert!(soon(|| !runs(controller.id())), "it was ended");
}

#[test]
fn a_grandchild_that_holds_the_pipes_does_not_keep_it_alive() {
    let script = then("if os.fork() == 0: time.sleep(60)\nos._exit(7)");
    let mut controller = started(&script);
    assert_eq!(steps(&mut controller, 1..=2), [dead(), dead()]);
    assert!(controller.why().unwrap().contains("status 7"));
}

#[test]
fn a_dropped_controller_leaves_nobody_behind() {
    // One that would go on for ever, deaf to the end of its input and to polite signals, with a child of its own.
    let stubborn = then(
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nchild = os.fork()\n\
         if child: answer(1, {'ev.p_w.a': child})\nwhile True: time.sleep(60)",
    );
    let mut controller = started(&stubborn);
    let grandchild = steps(&mut controller, 1..=1)[0].1[0].unwrap() as u32;
    let child = controller.id();
    assert!(runs(child) && runs(grandchild));
    drop(controller);
    assert!(!exists(child), "killed and reaped");
    assert!(soon(|| !runs(grandchild)), "with its group");
}

#[test]
fn a_process_may_end_by_itself_when_its_input_ends() {
    let place = tempfile::tempdir().unwrap();
    let mut settings = settings(&format!("{}open('ended', 'w').write('well')\n", each("answer(q['tick'])")));
    settings.directory = Some(place.path().to_path_buf());
    let mut controller = ProcessController::start(settings).unwrap();
    assert_eq!(steps(&mut controller, 1..=1)[0].0, Answer::Fresh);
    let child = controller.id();
    drop(controller);
    assert!(!exists(child));
    assert_eq!(std::fs::read_to_string(place.path().join("ended")).unwrap(), "well");
}
