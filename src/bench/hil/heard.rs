//! What any seat hears of its device, whatever it stands for: samples counted and recorded, losses, what happened.

use super::Told;
use crate::link::arrivals::{Arrivals, Ear};
use crate::link::diagnosis::Watch;
use crate::link::port::Stamp;
use crate::quantity::Tick;
use crate::scenario::{Real, Seat};

/// Most that is remembered of what happened.
const MOST_HAPPENED: usize = 1000;

/// How many numbers a driver's sample has, and where in it each of the description's points is.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) numbers: usize,
    pub(super) places: Vec<usize>,
}

impl Order {
    /// Where a point is.
    pub(super) fn place(&self, point: usize) -> Option<usize> {
        self.places.get(point).copied()
    }
}

pub(super) struct Heard {
    pub(super) ear: Ear,
    /// The last sample, in the driver's order.
    pub(super) values: Vec<f64>,
    /// The tick of the last sample, of a device of the last with its power.
    pub(super) last: Option<Tick>,
    /// The tick of the last sample, whatever was in it.
    came: Option<Tick>,
    sequence: u64,
    samples: u64,
    /// Samples that were overtaken before they were taken.
    missed: u64,
    losses: u64,
    happened: Vec<(Tick, &'static str)>,
    lost_after: u64,
    /// The same in µs: a sample that is older when it comes is none.
    late_us: u64,
    /// For a diagnosis.
    watch: Watch,
    step_s: f64,
}

impl Heard {
    /// Of a device whose samples have so many numbers.
    pub(super) fn new(plan: &Seat, ear: Ear, numbers: usize, step_s: f64) -> Self {
        Self {
            ear,
            values: vec![f64::NAN; numbers],
            last: None,
            came: None,
            sequence: 0,
            samples: 0,
            missed: 0,
            losses: 0,
            happened: Vec::with_capacity(MOST_HAPPENED),
            lost_after: plan.lost_after,
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "µs"
            )]
            late_us: (plan.lost_after as f64 * step_s * 1e6) as u64,
            watch: Watch::new(&plan.description),
            step_s,
        }
    }

    /// A step begins at this time of the session: takes what has come.
    pub(super) fn begin(&mut self, tick: Tick, now_us: u64) -> Option<Stamp> {
        let stamp = self.take(tick, now_us);
        let (state, recent, errors) = (self.ear.state(), self.within(self.came, tick), self.ear.errors());
        if let Some(cause) = self.watch.news(state, recent, errors).filter(|_| self.came.is_some()) {
            self.note(tick, cause.words());
        }
        stamp
    }

    fn take(&mut self, tick: Tick, now_us: u64) -> Option<Stamp> {
        let stamp = self.ear.hear(tick, now_us, &mut self.values)?;
        // Before the first that was taken, there was no loop to miss any.
        self.missed += if self.samples > 0 { stamp.sequence - self.sequence - 1 } else { 0 };
        (self.sequence, self.samples) = (stamp.sequence, self.samples + 1);
        if stamp.received_us.saturating_sub(stamp.origin_us) <= self.late_us {
            (self.last, self.came) = (Some(tick), Some(tick));
        }
        self.watch.sample(&self.values, self.ear.errors());
        Some(stamp)
    }

    /// Whether a sample came in time.
    pub(super) fn recent(&self, tick: Tick) -> bool {
        self.within(self.last, tick)
    }

    fn within(&self, last: Option<Tick>, tick: Tick) -> bool {
        last.is_some_and(|last| tick.0 - last.0 <= self.lost_after)
    }

    /// It is lost with another, which has a diagnosis of its own.
    pub(super) fn lose_with(&mut self, tick: Tick, why: &'static str) {
        self.losses += 1;
        self.note(tick, why);
    }

    /// It is lost, for this reason.
    pub(super) fn lose(&mut self, tick: Tick, why: &'static str) {
        self.lose_with(tick, why);
        let (state, recent, errors) = (self.ear.state(), self.within(self.came, tick), self.ear.errors());
        if let Some(cause) = self.watch.say(state, recent, errors) {
            self.note(tick, cause.words());
        }
    }

    pub(super) fn note(&mut self, tick: Tick, what: &'static str) {
        if self.happened.len() < MOST_HAPPENED {
            self.happened.push((tick, what));
        }
    }

    /// Those quantities that every seat has; NaN of others.
    #[allow(clippy::cast_precision_loss, reason = "counts")]
    pub(super) fn says(&self, what: Real, tick: Tick) -> f64 {
        match what {
            Real::Age => self.last.map_or(f64::NAN, |last| (tick.0 - last.0) as f64 * self.step_s),
            Real::Samples => self.samples as f64,
            Real::Missed => self.missed as f64,
            Real::Losses => self.losses as f64,
            _ => f64::NAN,
        }
    }

    /// Records what is heard under these names, for so many steps.
    pub(super) fn record(&mut self, names: Vec<String>, ticks: u64) {
        self.ear.record(Arrivals::new(names, ticks));
    }

    /// What came of it; whether it is there at the end.
    pub(super) fn outcome(&self, plan: &Seat, there: bool) -> Told {
        Told {
            name: plan.name.clone(),
            role: super::Role::of(plan),
            device: plan.description.name.clone(),
            samples: self.samples,
            missed: self.missed,
            losses: self.losses,
            there,
            happened: self.happened.iter().map(|&(tick, what)| (tick, what.to_owned())).collect(),
            trouble: self.ear.trouble(),
            arrivals: self.ear.recorded().cloned(),
        }
    }
}
