//! A run that keeps time: tick k begins k steps after the start, on a monotonic clock.
//!
//! A tick that is not done when the next is due is an overrun, but for the first, which makes all factors: the clock starts when
//! it is done. Simulated time leaves out no tick, so what remains is when
//! the next ones begin ([`Overrun`]). Everything is counted in memory that is there from the beginning. Limits: a factor
//! times a step below a microsecond is beyond any machine here; a long wait is cut into slices of [`SLICE_NS`], after each
//! of which it is asked whether to stop.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bins::Bins;
use super::cause::{Cause, Went};
use super::clock::Clock;
use super::timing::{Distribution, LoopTiming, Overruns, Stopped};
use super::{Pacer, Stage};
use crate::quantity::{Step, Tick};

/// Longest wait without asking whether to stop.
const SLICE_NS: u64 = 100_000_000;

/// What an overrun does to the ticks after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overrun {
    /// They follow without a pause until the run has caught up: deadlines stay where they were.
    #[default]
    CatchUp,
    /// All deadlines move by the delay: no tick is ever hurried, and the run ends late.
    Slip,
    /// The run stops after the tick.
    Stop,
}

/// How fast, and what if not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pacing {
    /// A step of the run.
    pub step: Step,
    /// Simulated time over the clock's: 1 is real time.
    pub factor: f64,
    /// What an overrun does.
    pub overrun: Overrun,
}

impl Pacing {
    /// When a tick is due, in ns after the start: one multiplication and two roundings, so that nothing adds up.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    pub fn due_ns(&self, tick: Tick) -> u64 {
        (self.step.time_s(tick) * 1e9 / self.factor).round() as u64
    }
}

/// How a run is going, for another thread to show.
#[derive(Debug, Default)]
pub struct Status {
    tick: AtomicU64,
    overruns: AtomicU64,
    late_ns: AtomicU64,
}

impl Status {
    /// The last tick that is done.
    pub fn tick(&self) -> Tick {
        Tick(self.tick.load(Ordering::Relaxed))
    }

    /// Ticks so far that were not done in time.
    pub fn overruns(&self) -> u64 {
        self.overruns.load(Ordering::Relaxed)
    }

    /// How late the last tick began, in ns.
    pub fn late_ns(&self) -> u64 {
        self.late_ns.load(Ordering::Relaxed)
    }
}

/// The tick under way.
#[derive(Clone, Copy, Debug, Default)]
struct Now {
    due_ns: u64,
    begun_ns: u64,
    /// When its present stage began.
    mark_ns: u64,
    stage: usize,
    /// Time in each stage, and whether it was in it.
    spent_ns: [u64; Stage::ALL.len()],
    entered: [bool; Stage::ALL.len()],
    cpu_ns: Option<u64>,
    carried: bool,
}

/// Durations of all ticks.
#[derive(Clone, Debug, Default)]
struct Counted {
    wake_up: Bins,
    begin: Bins,
    stages: [Bins; Stage::ALL.len()],
    work: Bins,
    completion: Bins,
}

/// Keeps time.
pub struct Paced<C> {
    clock: C,
    pacing: Pacing,
    stop: Arc<AtomicBool>,
    status: Arc<Status>,
    /// When the run began, slips included, and when it really did; `None` before its first tick.
    origin_ns: Option<[u64; 2]>,
    /// The end of the last tick.
    ended_ns: u64,
    slipped_ns: u64,
    ticks: u64,
    now: Now,
    counted: Counted,
    overruns: Overruns,
    stopped: Option<Stopped>,
}

impl<C: Clock> Paced<C> {
    /// Keeps time by a clock, until `stop` is set.
    pub fn new(clock: C, pacing: Pacing, stop: Arc<AtomicBool>) -> Self {
        Self {
            clock,
            pacing,
            stop,
            status: Arc::default(),
            origin_ns: None,
            ended_ns: 0,
            slipped_ns: 0,
            ticks: 0,
            now: Now::default(),
            counted: Counted::default(),
            overruns: Overruns::default(),
            stopped: None,
        }
    }

    /// How it is going, for another thread.
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// What it came to.
    #[allow(clippy::cast_precision_loss, reason = "seconds for people")]
    pub fn timing(&self) -> LoopTiming {
        let counted = &self.counted;
        let first = self.origin_ns.map_or(0, |[_, first]| first);
        let named = |name: &str, bins: &Bins| (bins.count() > 0).then(|| (name.to_owned(), Distribution::new(bins)));
        let stages = Stage::ALL.iter().zip(&counted.stages).filter_map(|(stage, bins)| named(stage.name(), bins));
        let lateness = [named("wake_up", &counted.wake_up), named("begin", &counted.begin)];
        let whole = [named("work", &counted.work), named("completion", &counted.completion)];
        LoopTiming {
            format: LoopTiming::FORMAT,
            factor: self.pacing.factor,
            period_s: self.period_ns() as f64 / 1e9,
            policy: self.pacing.overrun,
            ticks: self.ticks,
            expected_s: self.pacing.due_ns(Tick(self.ticks)) as f64 / 1e9,
            elapsed_s: self.ended_ns.saturating_sub(first) as f64 / 1e9,
            slipped_s: self.slipped_ns as f64 / 1e9,
            overruns: self.overruns,
            late_answers: Default::default(),
            stopped: self.stopped,
            durations: lateness.into_iter().flatten().chain(stages).chain(whole.into_iter().flatten()).collect(),
            machine: Vec::new(),
        }
    }

    fn period_ns(&self) -> u64 {
        self.pacing.due_ns(Tick(1))
    }

    fn due_ns(&self, tick: Tick) -> u64 {
        let origin = self.origin_ns.map_or(0, |[origin, _]| origin);
        origin.saturating_add(self.pacing.due_ns(tick))
    }

    /// Waits until it is due; whether there was anything to wait for, or nothing when the run is to stop.
    fn wait(&mut self, due_ns: u64) -> Option<bool> {
        let mut waited = false;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                self.stopped = Some(Stopped::Asked);
                return None;
            }
            let now = self.clock.now_ns();
            if now >= due_ns {
                return Some(waited);
            }
            waited = true;
            self.clock.sleep_until(due_ns.min(now.saturating_add(SLICE_NS)));
        }
    }

    fn count(&mut self, tick: Tick, ended: u64) {
        let (now, counted) = (&self.now, &mut self.counted);
        let late = now.begun_ns.saturating_sub(now.due_ns);
        let took = ended.saturating_sub(now.begun_ns);
        for ((bins, spent), entered) in counted.stages.iter_mut().zip(now.spent_ns).zip(now.entered) {
            if entered {
                bins.add(spent);
            }
        }
        counted.work.add(took);
        counted.completion.add(ended.saturating_sub(now.due_ns));
        let cpu = self.clock.cpu_ns().zip(now.cpu_ns).map(|(after, before)| after.saturating_sub(before));
        let exchange = now.spent_ns[Stage::Exchange as usize];
        let went = Went { late, carried: now.carried, took, exchange, cpu };
        // The next tick's time to the nanosecond, which may differ by one from a period.
        let next = self.due_ns(tick.next());
        if let Some(cause) = went.cause(next.saturating_sub(self.now.due_ns)) {
            let by_ns = ended.saturating_sub(next);
            match self.ticks {
                1 => self.start_over(by_ns),
                _ => self.overran(cause, by_ns),
            }
        }
    }

    /// The first tick makes everything that later ones find made: where it takes longer than a period, the run begins once
    /// that is done.
    fn start_over(&mut self, by_ns: u64) {
        self.origin_ns = self.origin_ns.map(|both| both.map(|at| at.saturating_add(by_ns)));
    }

    fn overran(&mut self, cause: Cause, by_ns: u64) {
        let count = match cause {
            Cause::Work => &mut self.overruns.work,
            Cause::Exchange => &mut self.overruns.exchange,
            Cause::Carried => &mut self.overruns.carried,
            Cause::Machine => &mut self.overruns.machine,
        };
        *count += 1;
        self.overruns.count += 1;
        self.status.overruns.store(self.overruns.count, Ordering::Relaxed);
        match self.pacing.overrun {
            Overrun::CatchUp => {}
            Overrun::Slip => {
                self.slipped_ns = self.slipped_ns.saturating_add(by_ns);
                self.origin_ns = self.origin_ns.map(|[origin, first]| [origin.saturating_add(by_ns), first]);
            }
            Overrun::Stop => self.stopped = Some(Stopped::Overrun),
        }
    }
}

impl<C: Clock> Pacer for Paced<C> {
    fn begin(&mut self, tick: Tick) -> ControlFlow<()> {
        if self.stopped.is_some() {
            return ControlFlow::Break(());
        }
        if self.origin_ns.is_none() {
            let start = self.clock.now_ns();
            self.origin_ns = Some([start; 2]);
            self.ended_ns = start;
        }
        let due_ns = self.due_ns(tick);
        let Some(waited) = self.wait(due_ns) else { return ControlFlow::Break(()) };
        let begun_ns = self.clock.now_ns();
        let late = begun_ns.saturating_sub(due_ns);
        if waited {
            self.counted.wake_up.add(late);
        }
        self.counted.begin.add(late);
        self.status.late_ns.store(late, Ordering::Relaxed);
        let cpu_ns = self.clock.cpu_ns();
        self.now = Now { due_ns, begun_ns, mark_ns: begun_ns, cpu_ns, carried: !waited, ..Now::default() };
        self.now.entered[Stage::Actuate as usize] = true;
        ControlFlow::Continue(())
    }

    fn enter(&mut self, stage: Stage) {
        let at = self.clock.now_ns();
        let now = &mut self.now;
        now.spent_ns[now.stage] += at.saturating_sub(now.mark_ns);
        now.mark_ns = at;
        now.stage = stage as usize;
        now.entered[now.stage] = true;
    }

    fn end(&mut self, tick: Tick) {
        let ended = self.clock.now_ns();
        let now = &mut self.now;
        now.spent_ns[now.stage] += ended.saturating_sub(now.mark_ns);
        self.ended_ns = ended;
        self.ticks += 1;
        self.count(tick, ended);
        self.status.tick.store(tick.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[path = "paced_tests.rs"]
mod tests;
