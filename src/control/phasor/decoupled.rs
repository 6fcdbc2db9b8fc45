//! The decoupled PI law, the default: `u = B⁻¹·(kp·e + ki·Σe)`, one integrator for each power of each phase.
//!
//! With the true B every phasor goes its own way: `e(k+1) = (1 − ki)·e(k)` with one step of delay, which has no overshoot.
//! The integrator lives in power. What actuators were told less than it asked is taken back from it, half of the difference
//! a step (back-calculation). Where it rests then, the difference is `(ki/½)·B⁻¹·e`, which lies in the direction that
//! [`Allocation`](super::Allocation) projects along: actuators end at the least error they can reach, and no wind-up is
//! left for later. It is based on commands: what actuators really do is a disturbance, which the error shows.
//!
//! Limits: B off by more than a factor 2, or by 60° in angle, is unstable sooner or later; a measurement older than two
//! steps needs `ki = 0.15`. Gains are those measured on the IEEE 13-node feeder; see `docs/models/phasor-control.md`.

use super::{Inverse, Law, MOST_SIZE, Seen, finite};

/// Gains of the law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecoupledGains {
    /// Part of the error that is worked on at once.
    pub kp: f64,
    /// Part of the error that is worked off a step.
    pub ki: f64,
    /// Part of what could not be told that is taken back a step.
    pub back: f64,
}

impl DecoupledGains {
    /// Gains for measurements that are at most so many steps old when the law sees them, beside the step that every
    /// command takes to act.
    pub const fn for_delay(extra_steps: u64) -> Self {
        Self { kp: 0.0, ki: if extra_steps > 0 { 0.15 } else { 0.3 }, back: 0.5 }
    }
}

impl Default for DecoupledGains {
    fn default() -> Self {
        Self::for_delay(0)
    }
}

/// The law at work.
#[derive(Clone, Debug)]
pub struct Decoupled {
    gains: DecoupledGains,
    inverse: Inverse,
    integral: [f64; MOST_SIZE],
    /// What it asked for last.
    asked: [f64; MOST_SIZE],
}

impl Decoupled {
    /// A law before its first step.
    pub const fn new(inverse: Inverse, gains: DecoupledGains) -> Self {
        Self { gains, inverse, integral: [0.0; MOST_SIZE], asked: [0.0; MOST_SIZE] }
    }

    /// Goes on with another sensitivity. The integrator lives in power, so with `kp = 0` the next command is as before but
    /// for the error's next part.
    pub const fn set_sensitivity(&mut self, inverse: Inverse) {
        self.inverse = inverse;
    }

    /// The inverse it works with.
    pub const fn inverse(&self) -> &Inverse {
        &self.inverse
    }
}

impl Law for Decoupled {
    fn step(&mut self, seen: &Seen, command: &mut [f64]) {
        let power = self.inverse.power(seen.error).map(finite);
        // An error that was seen before has been worked on.
        let ki = if seen.fresh { self.gains.ki } else { 0.0 };
        for (k, told) in seen.applied.iter().enumerate().take(MOST_SIZE) {
            self.integral[k] += self.gains.back * finite(told - self.asked[k]) + ki * power[k];
            self.asked[k] = self.integral[k] + self.gains.kp * power[k];
        }
        command.iter_mut().zip(&self.asked).for_each(|(own, asked)| *own = *asked);
    }

    fn restart(&mut self, applied: &[f64]) {
        for (k, told) in applied.iter().enumerate().take(MOST_SIZE) {
            self.integral[k] = finite(*told);
            self.asked[k] = self.integral[k];
        }
    }
}
