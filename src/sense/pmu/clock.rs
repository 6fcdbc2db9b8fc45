//! A PMU's clock: what is wrong with its time, and what that does to angles.
//!
//! A clock that is late by Δt samples at its own T the wave of T + Δt, which has turned on by 360°·f·Δt with f in Hz:
//!
//! ```text
//! error = 360°·f·(drift·(t − t_lost) + step) + turn + ramp·(t − t_ramp)
//! ```
//!
//! The first term is there while GPS is lost, step and turn while the time is spoofed by a step, ramp while it is by a
//! ramp. They add up. Limits: the oscillator drifts by a constant rate, and is right at once when GPS comes back; a
//! receiver without GPS can still be spoofed.

use crate::quantity::Tick;

/// What a clock is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockSettings {
    /// Length of a tick in s.
    pub step_s: f64,
    /// Ticks without GPS after which it calls itself unsynchronised.
    pub holdover: u64,
    /// By how much it is late for each time without GPS, in parts per million.
    pub drift_ppm: f64,
}

/// What can be wrong with a PMU's time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClockFault {
    /// It runs without GPS.
    GpsLost,
    /// It is late by so many s, and does not know.
    TimeStep(f64),
    /// It is late by as much as turns angles by so many degrees, and does not know.
    AngleStep(f64),
    /// It becomes later by as much as turns angles by so many degrees a second, and does not know.
    Ramp(f64),
}

#[derive(Clone, Debug)]
pub(super) struct Clock {
    settings: ClockSettings,
    now: Tick,
    /// When GPS was lost.
    lost: Option<Tick>,
    step_s: f64,
    turn_deg: f64,
    /// Since when, and by how many degrees a second.
    ramp: Option<(Tick, f64)>,
}

impl Clock {
    pub(super) const fn new(settings: ClockSettings) -> Self {
        Self { settings, now: Tick(0), lost: None, step_s: 0.0, turn_deg: 0.0, ramp: None }
    }

    pub(super) const fn pass(&mut self, tick: Tick) {
        self.now = tick;
    }

    /// Begins or ends a fault, from the next tick on. A second loss of GPS is the same one; a second ramp begins anew.
    pub(super) const fn set(&mut self, fault: ClockFault, on: bool) {
        let next = self.now.next();
        match fault {
            ClockFault::GpsLost if on && self.lost.is_some() => {}
            ClockFault::GpsLost => self.lost = if on { Some(next) } else { None },
            ClockFault::TimeStep(step_s) => self.step_s = if on { step_s } else { 0.0 },
            ClockFault::AngleStep(turn_deg) => self.turn_deg = if on { turn_deg } else { 0.0 },
            ClockFault::Ramp(deg_per_s) => self.ramp = if on { Some((next, deg_per_s)) } else { None },
        }
    }

    /// Whether it says that its time is right.
    pub(super) const fn synchronised(&self) -> bool {
        match self.lost {
            Some(lost) => self.now.0.saturating_sub(lost.0) < self.settings.holdover,
            None => true,
        }
    }

    /// What its time adds to every angle in degrees, at a frequency in Hz.
    pub(super) fn error_deg(&self, f_hz: f64) -> f64 {
        let drifted_s = self.lost.map_or(0.0, |lost| self.settings.drift_ppm * 1e-6 * self.since_s(lost));
        let ramped_deg = self.ramp.map_or(0.0, |(from, deg_per_s)| deg_per_s * self.since_s(from));
        360.0 * f_hz * (drifted_s + self.step_s) + self.turn_deg + ramped_deg
    }

    #[allow(clippy::cast_precision_loss, reason = "a count of steps")]
    fn since_s(&self, from: Tick) -> f64 {
        self.now.0.saturating_sub(from.0) as f64 * self.settings.step_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clock {
        Clock::new(ClockSettings { step_s: 0.1, holdover: 50, drift_ppm: 1.0 })
    }

    /// The clock's state after each of some ticks: error in degrees at 60 Hz, synchronised.
    fn pass(clock: &mut Clock, ticks: std::ops::RangeInclusive<u64>) -> Vec<(f64, bool)> {
        ticks
            .map(|k| {
                clock.pass(Tick(k));
                (clock.error_deg(60.0), clock.synchronised())
            })
            .collect()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }

    /// 1 ppm for 10 s is 10 µs, and those are 360 · 60 · 1e-5 = 0.216°.
    #[test]
    fn without_gps_it_drifts_and_says_so_after_its_holdover() {
        let mut clock = clock();
        pass(&mut clock, 1..=9);
        clock.set(ClockFault::GpsLost, true);
        let seen = pass(&mut clock, 10..=60);
        assert_eq!(seen[0], (0.0, true), "lost at this tick");
        assert_eq!(seen.iter().position(|(_, sync)| !sync), Some(50));
        clock.set(ClockFault::GpsLost, true);
        close(pass(&mut clock, 110..=110)[0].0, 0.216);
        clock.set(ClockFault::GpsLost, false);
        assert_eq!(pass(&mut clock, 111..=111), [(0.0, true)]);
    }

    #[test]
    fn a_spoofed_time_turns_angles_and_nobody_is_told() {
        let mut clock = clock();
        pass(&mut clock, 1..=1);
        clock.set(ClockFault::TimeStep(1e-5), true);
        let [(error_deg, sync)] = pass(&mut clock, 2..=2)[..] else { panic!("one") };
        close(error_deg, 0.216);
        assert!(sync);
        close(clock.error_deg(50.0), 0.18);
        clock.set(ClockFault::AngleStep(-0.3), true);
        close(pass(&mut clock, 3..=3)[0].0, 0.216 - 0.3);
        clock.set(ClockFault::TimeStep(1e-5), false);
        clock.set(ClockFault::AngleStep(-0.3), false);
        assert_eq!(pass(&mut clock, 4..=4), [(0.0, true)]);
    }

    #[test]
    fn a_ramp_grows_from_nothing_and_ends_at_once() {
        let mut clock = clock();
        pass(&mut clock, 1..=99);
        clock.set(ClockFault::Ramp(0.05), true);
        let seen = pass(&mut clock, 100..=300);
        assert_eq!(seen[0].0, 0.0);
        close(seen[1].0, 0.005);
        close(seen[200].0, 1.0);
        assert!(seen.iter().all(|(_, sync)| *sync));
        clock.set(ClockFault::Ramp(0.05), false);
        assert_eq!(pass(&mut clock, 301..=301)[0].0, 0.0);
    }
}
