//! Pacing by a clock that is made up: what comes of deadlines and overruns does not depend on the machine.

use super::*;

/// A clock that moves when it is told to, sleeps exactly, or a little longer.
#[derive(Clone, Default)]
struct Made {
    now: Arc<AtomicU64>,
    cpu: Arc<AtomicU64>,
    oversleeps_ns: u64,
}

impl Made {
    /// Time passes, with work in it.
    fn work(&self, ns: u64) {
        self.now.fetch_add(ns, Ordering::Relaxed);
        self.cpu.fetch_add(ns, Ordering::Relaxed);
    }

    /// Time passes without.
    fn stall(&self, ns: u64) {
        self.now.fetch_add(ns, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }
}

impl Clock for Made {
    fn now_ns(&self) -> u64 {
        self.now()
    }

    fn cpu_ns(&self) -> Option<u64> {
        Some(self.cpu.load(Ordering::Relaxed))
    }

    fn sleep_until(&mut self, at_ns: u64) {
        self.now.fetch_max(at_ns + self.oversleeps_ns, Ordering::Relaxed);
    }
}

const MS: u64 = 1_000_000;

fn pacing(overrun: Overrun) -> Pacing {
    Pacing { step: Step::new(1, 10).unwrap(), factor: 10.0, overrun }
}

/// Runs ticks of 10 ms that begin at 7 s on the clock; when each began, in ms after the start, and what it came to.
fn run(
    clock: &Made,
    overrun: Overrun,
    ticks: u64,
    mut step: impl FnMut(u64, &mut Paced<Made>),
) -> (Vec<f64>, LoopTiming) {
    clock.now.store(7_000 * MS, Ordering::Relaxed);
    let mut paced = Paced::new(clock.clone(), pacing(overrun), Arc::default());
    let mut begun = Vec::new();
    for tick in (1..=ticks).map(Tick) {
        if paced.begin(tick).is_break() {
            break;
        }
        begun.push((clock.now() - 7_000 * MS) as f64 / MS as f64);
        step(tick.0, &mut paced);
        paced.end(tick);
    }
    (begun, paced.timing())
}

#[test]
fn ticks_begin_at_their_own_times_however_late_each_wakes() {
    let clock = Made { oversleeps_ns: 50_000, ..Made::default() };
    let (begun, timing) = run(&clock, Overrun::CatchUp, 1000, |_, _| clock.work(3 * MS));
    let expected: Vec<f64> = (1..=1000).map(|k| f64::from(k) * 10.0 + 0.05).collect();
    assert_eq!(begun, expected);
    assert_eq!(timing.overruns.count, 0);
    assert_eq!((timing.expected_s, timing.elapsed_s), (10.0, 10.00305));
    let wake = &timing.durations["wake_up"];
    assert_eq!((wake.count, wake.max_us, wake.p50_us), (1000, 50.0, 50.0));
    assert_eq!(timing.durations["completion"].max_us, 3050.0);
}

#[test]
fn no_error_adds_up_in_a_million_ticks_of_a_third() {
    let thirds = Pacing { step: Step::new(1, 3).unwrap(), factor: 1.0, overrun: Overrun::CatchUp };
    assert_eq!(thirds.due_ns(Tick(1)), 333_333_333);
    assert_eq!(thirds.due_ns(Tick(3_000_000)), 1_000_000_000_000_000);
    assert_eq!(Pacing { factor: 7.0, ..thirds }.due_ns(Tick(21_000_000)), 1_000_000_000_000_000);
}

#[test]
fn after_an_overrun_the_ticks_catch_up_and_no_deadline_moves() {
    let clock = Made::default();
    let (begun, timing) =
        run(&clock, Overrun::CatchUp, 7, |tick, _| clock.work(if tick == 2 { 25 * MS } else { 2 * MS }));
    assert_eq!(begun, [10.0, 20.0, 45.0, 47.0, 50.0, 60.0, 70.0]);
    // The third is done at 47 ms, when the fourth has been due for 7 ms.
    assert_eq!(timing.overruns, Overruns { count: 2, work: 1, carried: 1, ..Overruns::default() });
    assert_eq!((timing.slipped_s, timing.elapsed_s), (0.0, 0.072));
    // Only what was waited for says how a machine wakes.
    assert_eq!((timing.durations["wake_up"].count, timing.durations["begin"].count), (5, 7));
    assert_eq!((timing.durations["wake_up"].max_us, timing.durations["begin"].max_us), (0.0, 15_000.0));
}

#[test]
fn a_first_tick_that_makes_everything_is_no_overrun() {
    for overrun in [Overrun::CatchUp, Overrun::Slip, Overrun::Stop] {
        let clock = Made::default();
        let (begun, timing) = run(&clock, overrun, 4, |tick, _| clock.work(if tick == 1 { 46 * MS } else { 2 * MS }));
        assert_eq!(begun, [10.0, 56.0, 66.0, 76.0]);
        assert_eq!((timing.overruns.count, timing.slipped_s, timing.stopped), (0, 0.0, None));
        assert_eq!((timing.expected_s, timing.elapsed_s), (0.04, 0.042));
        assert_eq!(timing.durations["work"].max_us, 46_000.0, "it is told all the same");
    }
}

#[test]
fn slipping_moves_all_deadlines_by_the_delay() {
    let clock = Made::default();
    let (begun, timing) = run(&clock, Overrun::Slip, 5, |tick, _| clock.work(if tick == 2 { 25 * MS } else { 2 * MS }));
    assert_eq!(begun, [10.0, 20.0, 45.0, 55.0, 65.0]);
    assert_eq!(timing.overruns, Overruns { count: 1, work: 1, ..Overruns::default() });
    assert_eq!((timing.slipped_s, timing.expected_s, timing.elapsed_s), (0.015, 0.05, 0.067));
}

#[test]
fn stopping_ends_the_run_after_the_tick_that_overran() {
    let clock = Made::default();
    let (begun, timing) = run(&clock, Overrun::Stop, 5, |tick, _| clock.work(if tick == 2 { 25 * MS } else { 2 * MS }));
    assert_eq!(begun, [10.0, 20.0]);
    assert_eq!((timing.ticks, timing.stopped), (2, Some(Stopped::Overrun)));
}

#[test]
fn what_is_done_exactly_when_the_next_is_due_is_in_time() {
    let clock = Made::default();
    let (begun, timing) = run(&clock, Overrun::Stop, 3, |_, _| clock.work(10 * MS));
    assert_eq!((begun, timing.overruns.count), (vec![10.0, 20.0, 30.0], 0));
}

#[test]
fn an_overrun_of_the_machine_is_not_one_of_the_work() {
    let clock = Made::default();
    let (_, timing) = run(&clock, Overrun::CatchUp, 3, |tick, _| {
        clock.work(2 * MS);
        clock.stall(if tick == 2 { 9 * MS } else { 0 });
    });
    assert_eq!(timing.overruns, Overruns { count: 1, machine: 1, ..Overruns::default() });
    let sleepy = Made { oversleeps_ns: 9 * MS, ..Made::default() };
    let (_, timing) = run(&sleepy, Overrun::CatchUp, 2, |tick, _| sleepy.work(if tick == 2 { 2 * MS } else { 0 }));
    assert_eq!(timing.overruns, Overruns { count: 1, machine: 1, ..Overruns::default() });
}

#[test]
fn stages_have_their_own_time_and_waiting_for_a_program_is_told_apart() {
    let clock = Made::default();
    let (_, timing) = run(&clock, Overrun::CatchUp, 2, |tick, paced| {
        for (stage, ms) in [(Stage::Solve, 2), (Stage::Sense, 1), (Stage::Control, 1), (Stage::Solve, 1)] {
            paced.enter(stage);
            clock.work(ms * MS);
        }
        if tick == 2 {
            paced.enter(Stage::Exchange);
            clock.stall(8 * MS);
        }
        paced.enter(Stage::Record);
    });
    let of = |name: &str| timing.durations.get(name).map(|d| (d.count, d.max_us));
    assert_eq!(of("actuate"), Some((2, 0.0)));
    assert_eq!((of("solve"), of("sense"), of("control")), (Some((2, 3000.0)), Some((2, 1000.0)), Some((2, 1000.0))));
    assert_eq!((of("exchange"), of("record")), (Some((1, 8000.0)), Some((2, 0.0))));
    assert_eq!((of("work"), timing.durations["work"].mean_us), (Some((2, 13_000.0)), 9000.0));
    assert_eq!(timing.overruns, Overruns { count: 1, exchange: 1, ..Overruns::default() });
}

#[test]
fn a_request_to_stop_is_heard_in_the_middle_of_a_long_wait() {
    struct Asked(Made, Arc<AtomicBool>);
    impl Clock for Asked {
        fn now_ns(&self) -> u64 {
            self.0.now_ns()
        }
        fn cpu_ns(&self) -> Option<u64> {
            None
        }
        fn sleep_until(&mut self, at_ns: u64) {
            self.0.sleep_until(at_ns);
            // In the third slice of 900 s.
            self.1.store(self.0.now() >= 3 * SLICE_NS, Ordering::Relaxed);
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let quarter = Pacing { step: Step::new(900, 1).unwrap(), factor: 1.0, overrun: Overrun::CatchUp };
    let clock = Made::default();
    let mut paced = Paced::new(Asked(clock.clone(), Arc::clone(&stop)), quarter, stop);
    assert!(paced.begin(Tick(1)).is_break());
    assert_eq!(clock.now(), 3 * SLICE_NS);
    assert_eq!((paced.timing().ticks, paced.timing().stopped), (0, Some(Stopped::Asked)));
    assert!(paced.begin(Tick(1)).is_break(), "it stays so");
}

#[test]
fn a_run_without_a_tick_has_a_timing() {
    let timing = Paced::new(Made::default(), pacing(Overrun::CatchUp), Arc::default()).timing();
    assert_eq!((timing.ticks, timing.elapsed_s, timing.durations.len()), (0, 0.0, 0));
}

#[test]
fn on_the_real_clock_no_tick_begins_before_it_is_due() {
    let pacing = Pacing { step: Step::new(1, 100).unwrap(), factor: 2.0, overrun: Overrun::CatchUp };
    let clock = crate::bench::pace::Monotonic::new();
    let mut paced = Paced::new(clock, pacing, Arc::default());
    let start = clock.now_ns();
    for tick in (1..=40).map(Tick) {
        assert!(paced.begin(tick).is_continue());
        assert!(clock.now_ns() - start >= pacing.due_ns(tick), "tick {}", tick.0);
        paced.end(tick);
    }
    let timing = paced.timing();
    assert!(timing.elapsed_s >= 0.2 && timing.durations["begin"].count == 40, "{timing:?}");
    // However busy the machine is: a tick that does nothing begins at its own time, not a period after the one before.
    let last = timing.durations["begin"].bins.first().unwrap().0;
    assert!(timing.elapsed_s <= 0.2 + timing.durations["completion"].max_us / 1e6 && last > 0);
}
