//! When a device is asked and told: parts of a period, counted from the loop's first step on.
//!
//! Set-points go out a fifth of a period after the loop's step, a sample is taken at three: what was commanded in one step is in
//! the sample of the next, and neither meets the step itself.

use std::time::Duration;

use tokio::time::Instant;

use super::port::DriverEnd;

/// Part of a period at which set-points are written.
pub(in crate::link) const WRITES: f64 = 0.2;
/// Part of a period at which a sample is taken.
pub(in crate::link) const READS: f64 = 0.6;

/// A driver's grid of periods.
#[derive(Debug)]
pub(in crate::link) struct Grid {
    /// When the session began.
    epoch: Instant,
    period: Duration,
    /// The loop's first step.
    first: Option<Instant>,
}

impl Grid {
    /// Periods of so many seconds in a session that began at `epoch`.
    pub(in crate::link) fn new(epoch: Instant, period_s: f64) -> Self {
        Self { epoch, period: Duration::from_secs_f64(period_s), first: None }
    }

    /// The next time at this part of a period, by the steps of the loop at the other end.
    pub(in crate::link) fn next(&mut self, part: f64, end: &DriverEnd) -> Instant {
        let now = Instant::now();
        if self.first.is_none() {
            self.first = end.beat_us().map(|beat_us| self.epoch + Duration::from_micros(beat_us));
        }
        let mut next = self.first.unwrap_or(self.epoch) + self.period.mul_f64(part);
        if next <= now {
            // In whole numbers: a poll that began at its time must not be due again.
            let passed = (now - next).as_nanos() / self.period.as_nanos().max(1);
            next += self.period * u32::try_from(passed + 1).unwrap_or(u32::MAX);
        }
        next
    }
}
