//! The seats of a run, by what they stand for, and what every one of them is asked.

use super::Told;
use super::amplifier::Amplifier;
use super::instrument::Instrument;
use super::metered::Metered;
use super::outside::Outside;
use super::seat::Seat;
use crate::quantity::Tick;
use crate::scenario::Real;

/// How a seat stands, by the numbers of `hil_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting = 0,
    TakingOver = 1,
    Closed = 2,
    Lost = 3,
    Tripped = 4,
    Watched = 5,
}

/// What every seat is asked.
pub(super) trait Occupant {
    /// A step begins at this time of the session: takes what has come.
    fn begin(&mut self, tick: Tick, now_us: u64);
    /// What one of its quantities is.
    fn says(&self, what: Real, tick: Tick) -> f64;
    /// Records what is heard, for so many steps.
    fn record(&mut self, ticks: u64);
    /// Whether the run is to end.
    fn stops(&self) -> bool;
    /// What came of it.
    fn outcome(&self) -> Told;
}

/// A seat.
pub(super) enum Place {
    /// A real device in the place of a simulated one.
    Device(Box<Seat>),
    /// A real meter or PMU.
    Instrument(Box<Instrument>),
    /// A real power-quality meter.
    Metered(Box<Metered>),
    /// A controller outside.
    Outside(Box<Outside>),
    /// A grid simulator.
    Amplifier(Box<Amplifier>),
}

impl Place {
    pub(super) fn occupant(&self) -> &dyn Occupant {
        match self {
            Self::Device(own) => &**own,
            Self::Instrument(own) => &**own,
            Self::Metered(own) => &**own,
            Self::Outside(own) => &**own,
            Self::Amplifier(own) => &**own,
        }
    }

    pub(super) fn occupant_mut(&mut self) -> &mut dyn Occupant {
        match self {
            Self::Device(own) => &mut **own,
            Self::Instrument(own) => &mut **own,
            Self::Metered(own) => &mut **own,
            Self::Outside(own) => &mut **own,
            Self::Amplifier(own) => &mut **own,
        }
    }
}
