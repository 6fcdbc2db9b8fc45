//! The supervision of L-PBC: why it fails, whether its measurements can be believed, which mode it may use, when a tie may
//! close, and what it tells its S-PBC.
//!
//! Each file is one question, answered from what a controller has: phasors, commands, reports and a linear model
//! `y ≈ y₀ + B·u`. No plant, no clock, no file. A step allocates nothing and ends in bounded time; what is not a number is
//! no evidence. Slices are laid out as `super` says. What each test cannot see, and why, stands in its header and in
//! `docs/models/phasor-supervision.md`.

pub mod classify;
pub mod consistency;
pub mod failsafe;
pub mod retarget;
pub mod sync;
pub mod tamper;
#[cfg(test)]
mod testing;
pub mod tie;
pub mod zones;

/// Samples from one look at a window to the next: what a window of seconds says changes slowly, and a look costs microseconds.
const LOOK: u32 = 5;

/// Counts steps in a row in which something holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spell(u32);

impl Spell {
    /// One step; whether it has held for `needed` steps, this one included.
    const fn count(&mut self, holds: bool, needed: u32) -> bool {
        self.0 = if holds { self.0.saturating_add(1) } else { 0 };
        holds && self.0 >= needed
    }
}

/// An angle by the short way, in [−π, π]; what is not finite is NaN.
fn short_way(angle_rad: f64) -> f64 {
    let turn = std::f64::consts::TAU;
    angle_rad - turn * (angle_rad / turn).round()
}

/// Mean of a few numbers; 0 of none.
#[allow(clippy::cast_precision_loss, reason = "a few")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Largest minus smallest; NaN where one is not a number.
fn spread(values: &[f64]) -> f64 {
    let bound = |start: f64, pick: fn(f64, f64) -> f64| values.iter().fold(start, |a, x| pick(a, *x));
    let sum = values.iter().sum::<f64>();
    if sum.is_finite() { bound(f64::MIN, f64::max) - bound(f64::MAX, f64::min) } else { f64::NAN }
}

/// Largest magnitude; NaN where one is not a number.
fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |a: f64, x| if x.is_nan() { f64::NAN } else { a.max(x.abs()) + 0.0 * a })
}
