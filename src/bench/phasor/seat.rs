//! Who sits in a phasor controller's seat: an L-PBC, watched or not, or a program or library of the user's own.

use crate::control::Controller;
use crate::control::phasor::supervise::retarget::Ask;
use crate::control::phasor::{Lpbc, LpbcReport, Mode, Supervised, SupervisedReport};
use crate::link::Answer;
use crate::link::library::LibraryController;
use crate::link::process::ProcessController;
use crate::quantity::Tick;
use crate::signal::Frame;

pub(super) enum Seat {
    Watched(Box<Supervised>),
    Plain(Box<Lpbc>),
    Process(Box<ProcessController>),
    Library(Box<LibraryController>),
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stepped {
    /// There are new commands.
    Done,
    /// There are none in time.
    Late,
    /// There are none, and what there was cannot be trusted.
    Failed,
}

impl Seat {
    pub(super) fn step(&mut self, tick: Tick, t_s: f64, measured: &Frame, commands: &mut Frame) -> Stepped {
        let answer = match self {
            Self::Watched(own) => {
                own.step(tick, measured, commands);
                return Stepped::Done;
            }
            Self::Plain(own) => {
                own.step(tick, measured, commands);
                return Stepped::Done;
            }
            Self::Process(own) => own.step(tick, t_s, measured, commands),
            Self::Library(own) => own.step(tick, t_s, measured, commands),
        };
        match answer {
            Answer::Fresh => Stepped::Done,
            Answer::Late => Stepped::Late,
            Answer::Dead | Answer::Lied(_) => Stepped::Failed,
        }
    }

    /// The program in it, if there is one.
    pub(super) fn process(&mut self) -> Option<&mut ProcessController> {
        if let Self::Process(own) = self { Some(own) } else { None }
    }

    /// Whether there is a program in it.
    pub(super) const fn is_process(&self) -> bool {
        matches!(self, Self::Process(_))
    }

    /// The L-PBC, if it is one of ours.
    pub(super) fn lpbc(&self) -> Option<&Lpbc> {
        match self {
            Self::Watched(own) => Some(own.lpbc()),
            Self::Plain(own) => Some(own),
            Self::Process(_) | Self::Library(_) => None,
        }
    }

    /// What its last step came to.
    pub(super) fn report(&self) -> Option<&LpbcReport> {
        self.lpbc().map(Lpbc::report)
    }

    /// What its supervision says.
    pub(super) fn supervised(&self) -> Option<&SupervisedReport> {
        if let Self::Watched(own) = self { Some(own.report()) } else { None }
    }

    /// The step of its supervision in which it last asked for a target that it can reach, if it asks now.
    pub(super) fn asks(&self) -> Option<Tick> {
        let Self::Watched(own) = self else { return None };
        own.asked().filter(|event| event.ask == Ask::Lower).map(|event| event.tick)
    }

    /// Its supervision.
    pub(super) fn watched(&mut self) -> Option<&mut Supervised> {
        if let Self::Watched(own) = self { Some(own) } else { None }
    }
}

/// A mode in a record: 3 full, 2 magnitude only, 1 hold, 0 fail-safe.
pub(super) const fn mode_code(mode: Mode) -> f64 {
    match mode {
        Mode::Full => 3.0,
        Mode::MagnitudeOnly => 2.0,
        Mode::Hold => 1.0,
        Mode::FailSafe => 0.0,
    }
}
