//! A clock that only goes forward, and sleeping until a time on it.
//!
//! Linux sleeps with `clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME)`: the kernel has the deadline itself, so that nothing
//! between looking at the clock and sleeping is lost. Elsewhere a sleep ends a millisecond early and the rest is spun.

/// A clock and a way to wait on it; made up in tests.
pub trait Clock {
    /// Time in ns since some fixed moment; never goes back.
    fn now_ns(&self) -> u64;

    /// Processor time of this thread in ns; `None` where nothing tells.
    fn cpu_ns(&self) -> Option<u64>;

    /// Sleeps until a time; a signal may end it early.
    fn sleep_until(&mut self, at_ns: u64);
}

/// The machine's.
#[derive(Clone, Copy, Debug)]
pub struct Monotonic(machine::Origin);

impl Monotonic {
    /// The machine's clock.
    pub fn new() -> Self {
        Self(machine::origin())
    }
}

impl Default for Monotonic {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for Monotonic {
    fn now_ns(&self) -> u64 {
        machine::now_ns(self.0)
    }

    fn cpu_ns(&self) -> Option<u64> {
        machine::cpu_ns()
    }

    fn sleep_until(&mut self, at_ns: u64) {
        machine::sleep_until(self.0, at_ns);
    }
}

#[cfg(target_os = "linux")]
mod machine {
    use rustix::thread::clock_nanosleep_absolute;
    use rustix::time::{ClockId, Timespec, clock_gettime};

    const SECOND_NS: u64 = 1_000_000_000;

    /// Nothing: the kernel's clock has one.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Origin;

    pub(super) const fn origin() -> Origin {
        Origin
    }

    fn ns(time: Timespec) -> u64 {
        let [s, ns] = [time.tv_sec, time.tv_nsec].map(|part| u64::try_from(part).unwrap_or(0));
        s * SECOND_NS + ns
    }

    pub(super) fn now_ns(_: Origin) -> u64 {
        ns(clock_gettime(ClockId::Monotonic))
    }

    #[allow(clippy::unnecessary_wraps, reason = "as elsewhere")]
    pub(super) fn cpu_ns() -> Option<u64> {
        Some(ns(clock_gettime(ClockId::ThreadCPUTime)))
    }

    #[allow(clippy::cast_possible_wrap, reason = "below 2^35 s, and below a second")]
    pub(super) fn sleep_until(_: Origin, at_ns: u64) {
        let at = Timespec { tv_sec: (at_ns / SECOND_NS) as _, tv_nsec: (at_ns % SECOND_NS) as _ };
        // A signal ends it early: whoever waits looks at the clock again.
        let _ = clock_nanosleep_absolute(ClockId::Monotonic, &at);
    }
}

#[cfg(not(target_os = "linux"))]
mod machine {
    use std::time::{Duration, Instant};

    /// How far before the time a sleep ends.
    const SPUN: Duration = Duration::from_millis(1);

    pub(super) type Origin = Instant;

    pub(super) fn origin() -> Origin {
        Instant::now()
    }

    pub(super) fn now_ns(origin: Origin) -> u64 {
        u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(super) const fn cpu_ns() -> Option<u64> {
        None
    }

    pub(super) fn sleep_until(origin: Origin, at_ns: u64) {
        let until = origin + Duration::from_nanos(at_ns);
        std::thread::sleep(until.saturating_duration_since(Instant::now()).saturating_sub(SPUN));
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_never_ends_before_its_time() {
        let mut clock = Monotonic::new();
        let start = clock.now_ns();
        for k in 1..=20 {
            let until = start + k * 1_000_000;
            while clock.now_ns() < until {
                clock.sleep_until(until);
            }
            assert!(clock.now_ns() >= until);
        }
        // A time that has passed is not waited for: a century would be noticed.
        clock.sleep_until(0);
        clock.sleep_until(start);
    }

    #[test]
    fn sleeping_costs_no_processor_time() {
        let mut clock = Monotonic::new();
        let Some(before) = clock.cpu_ns() else { return };
        let until = clock.now_ns() + 50_000_000;
        while clock.now_ns() < until {
            clock.sleep_until(until);
        }
        assert!(clock.cpu_ns().unwrap() - before < 25_000_000);
    }
}
