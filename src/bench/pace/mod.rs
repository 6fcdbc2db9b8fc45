//! When a tick begins, and how long its stages take. This is the only part of the loop that may look at the wall clock.
//!
//! In batch ([`Batch`]) nothing waits and nothing is measured: the same scenario gives the same bytes. Paced ([`Paced`]),
//! tick k begins at its own time on a monotonic clock, never a sleep after the tick before it, so that no error adds up.
//! What the machine allows a loop of this kind is in [`privilege`].

mod bins;
mod cause;
mod clock;
mod paced;
pub mod privilege;
mod timing;

use std::ops::ControlFlow;

pub use bins::Bins;
pub use clock::{Clock, Monotonic};
pub use paced::{Overrun, Paced, Pacing, Status};
pub use timing::{Distribution, LoopTiming, Overruns, Stopped};

use crate::quantity::Tick;

/// What a tick is made of, in the order of a step; what follows the last is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Events, and what loads and devices are told.
    Actuate,
    /// The power flow, and harmonics where they are looked at.
    Solve,
    /// Instruments, and the curves and mitigations that act on what they say.
    Sense,
    /// Phasor-based control, supervisory control, ties.
    Control,
    /// Waiting for a program of the user's own.
    Exchange,
    /// Expectations, conditions, the record.
    Record,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [Self::Actuate, Self::Solve, Self::Sense, Self::Control, Self::Exchange, Self::Record];

    /// Its name in `timing.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Actuate => "actuate",
            Self::Solve => "solve",
            Self::Sense => "sense",
            Self::Control => "control",
            Self::Exchange => "exchange",
            Self::Record => "record",
        }
    }
}

/// Decides when a tick begins, and is told how it goes.
pub trait Pacer {
    /// Returns when `tick` may begin; breaks when the run is to stop before it.
    fn begin(&mut self, tick: Tick) -> ControlFlow<()>;

    /// What follows belongs to `stage`.
    fn enter(&mut self, _stage: Stage) {}

    /// The tick is done.
    fn end(&mut self, _tick: Tick) {}
}

/// As fast as the machine goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch;

impl Pacer for Batch {
    fn begin(&mut self, _: Tick) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
