//! Floor 2: the control code – laws that see frames and command frames, and nothing else.
//!
//! No plant, no clock, no file and no socket is visible here: the same objects run in simulation, in a HIL bench and on
//! an edge gateway. A law allocates at set-up only.

mod curve;
mod droop;
pub mod mitigation;
pub mod phasor;
#[cfg(feature = "optimise")]
pub mod supervisory;

use crate::quantity::Tick;
use crate::signal::Frame;

pub use curve::{Curve, CurveError};
pub use droop::{Actuator, Droop, Settings};

/// A control law.
pub trait Controller: Send {
    /// One step at its own period: from the newest measurement to commands. A command that is not valid is none.
    fn step(&mut self, tick: Tick, measured: &Frame, commands: &mut Frame);
}
