//! What a mitigation may ask of the inverters at a bus, and how they answer. Whatever is asked, the envelope holds: what is
//! outside is made smaller or refused, with the reason.

use crate::device::emission::pwm::SwitchingError;
use crate::quantity::Complex;

/// One unit, or all at the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// One, counted from 0.
    One(usize),
}

/// How the units' carriers stand to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carriers {
    /// Each by its own clock: an angle by the seed.
    #[default]
    Free,
    /// All together.
    Synchronised,
    /// Synchronised and spread evenly over a period: groups whose number is no multiple of the number of units cancel.
    Interleaved,
}

/// Something asked for. It stays until something else is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// Moves the switching frequency of all units, in Hz.
    SwitchingFrequency(f64),
    /// Sets the carriers.
    Carriers(Carriers),
    /// Injects a current of a harmonic order at the bus, phase by phase, shared by all units; 0 ends it. RMS phasors in A of
    /// the time axis that [`crate::signal::Norton`] has.
    Compensate {
        /// Order, from 2.
        order: u32,
        /// Currents into the network.
        current_a: [Complex; 3],
    },
    /// Lets all units together behave as a conductance in S from each phase at an order; 0 ends it.
    Conductance {
        /// Order, from 2.
        order: u32,
        /// Conductance at the bus in S.
        conductance_s: f64,
    },
    /// Injects a probing current by one unit or by all: A RMS into each phase, at an order's multiple of the voltage's angle,
    /// times a sign; 0 A ends it.
    Probe {
        /// Who.
        which: Which,
        /// Order, from 2.
        order: u32,
        /// Size in A at the bus.
        current_a: f64,
        /// Whether it is turned by 180°.
        negative: bool,
    },
    /// Limits active power, injected or drawn, to so many W for each unit; infinite lifts it.
    LimitPower {
        /// Who.
        which: Which,
        /// Most power of each in W.
        p_w: f64,
    },
    /// Connects or disconnects.
    Connect {
        /// Who.
        which: Which,
        /// Whether it is connected from now on.
        on: bool,
    },
}

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The converter cannot switch so.
    #[error(transparent)]
    Switching(#[from] SwitchingError),
    /// There is no such unit.
    #[error("there is no unit {unit}: they are 0 to {last}")]
    NoSuchUnit {
        /// What was asked for.
        unit: usize,
        /// The last one.
        last: usize,
    },
    /// The order is not among the run's frequencies.
    #[error("order {0} is not among the run's frequencies")]
    NoSuchOrder(u32),
    /// The filter does not let the current loop act there.
    #[error("order {order} is above the filter's resonance, {resonance_hz:.0} Hz")]
    BeyondFilter {
        /// What was asked for.
        order: u32,
        /// Resonance in Hz.
        resonance_hz: f64,
    },
    /// Something is not a number, or negative where it cannot be.
    #[error("{0} is no possible value")]
    NotPossible(f64),
    /// No unit is in service that could do it.
    #[error("no unit is in service")]
    OutOfService,
    /// There was no more room in the list of commands.
    #[error("more than {CAPACITY} commands at once")]
    NoRoom,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It is done as asked.
    Done,
    /// It is done with this part of its size: there is no more headroom at present. With more, it grows.
    Reduced(f64),
    /// It is not done.
    Refused(Refusal),
}

/// Most commands at once.
pub const CAPACITY: usize = 64;

/// A list of commands of fixed capacity, in order.
#[derive(Clone, Debug)]
pub struct Commands {
    list: [Command; CAPACITY],
    outcomes: [Outcome; CAPACITY],
    len: usize,
}

impl Default for Commands {
    fn default() -> Self {
        let none = Command::Carriers(Carriers::Free);
        Self { list: [none; CAPACITY], outcomes: [Outcome::Done; CAPACITY], len: 0 }
    }
}

impl Commands {
    /// Adds a command.
    ///
    /// # Errors
    /// When the list is full.
    pub fn push(&mut self, command: Command) -> Result<(), Refusal> {
        let room = self.list.get_mut(self.len).ok_or(Refusal::NoRoom)?;
        *room = command;
        self.len += 1;
        Ok(())
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// The commands.
    pub fn list(&self) -> &[Command] {
        self.list.get(..self.len).unwrap_or_default()
    }

    /// What became of each, after [`super::Site::apply_all`].
    pub fn outcomes(&self) -> &[Outcome] {
        self.outcomes.get(..self.len).unwrap_or_default()
    }

    /// Notes what became of a command.
    pub(super) fn note(&mut self, k: usize, outcome: Outcome) {
        if let Some(own) = self.outcomes.get_mut(k) {
            *own = outcome;
        }
    }

    /// A command by its place.
    pub(super) fn get(&self, k: usize) -> Option<Command> {
        self.list().get(k).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_an_end() {
        let mut commands = Commands::default();
        for _ in 0..CAPACITY {
            assert_eq!(commands.push(Command::SwitchingFrequency(20e3)), Ok(()));
        }
        assert_eq!(commands.push(Command::SwitchingFrequency(1.0)), Err(Refusal::NoRoom));
        assert_eq!(commands.list().len(), CAPACITY);
        commands.clear();
        assert!(commands.list().is_empty() && commands.get(0).is_none());
    }
}
