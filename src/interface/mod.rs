//! The interface between a simulated network and a real device: whether closing it is stable, and the algorithms that close
//! it. Numbers only: nothing here reads, writes or knows a clock.
//!
//! A device at a node closes a loop that the network alone does not have: the network's voltage makes the device's current,
//! which comes back late and moves the voltage. [`stability`] says before a run whether that loop settles, [`response`] does
//! so for a device that answers slowly, and [`algorithm`] has what is stepped in a run, which allocates nothing.
//! `docs/models/hil-interface.md` derives all of it.

pub mod algorithm;
mod eigen;
pub mod response;
pub mod stability;
mod trinomial;

use crate::quantity::Complex;

/// Most phases of an interface.
pub const PHASES: usize = 3;

/// A phasor for each phase; those of phases that are not there are 0.
pub type Phasors = [Complex; PHASES];

/// A matrix between phases, by row; rows and columns of phases that are not there are 0.
pub type Matrix = [[Complex; PHASES]; PHASES];

/// How the device's own quantities become those of its node, as where a small device stands for a large one.
///
/// ```text
/// V_device = V_node / voltage     I_node = I_device · current · share     S_node = S_device · power · share
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Of power; for a device that is not scaled in shape, voltage · current.
    pub power: f64,
    /// Of voltage.
    pub voltage: f64,
    /// Of current.
    pub current: f64,
    /// How many such devices the node has, or which part of this one.
    pub share: f64,
}

impl Scale {
    /// The device itself.
    pub const ONE: Self = Self { power: 1.0, voltage: 1.0, current: 1.0, share: 1.0 };

    pub(crate) fn valid(self) -> bool {
        [self.power, self.voltage, self.current, self.share].iter().all(|own| own.is_finite() && *own > 0.0)
    }
}
