//! Phasor-based control: a performance node's voltage phasors, relative to a reference node's, are held at targets by the
//! power of actuators (A. von Meier et al., Energies 2020, 13, 190). See `docs/models/phasor-control.md`.
//!
//! **Layout.** With n phases at the performance node, everything a law sees or says is a slice of 2n numbers: magnitudes
//! (per unit) of all phases, then angles (rad, relative to the reference node's phase of the same name); or active power of
//! all phases, then reactive power, injected into the network, per unit of the base of one phase. A sensitivity B is 2n by
//! 2n in that order: `y ≈ y₀ + B·u`.

mod extremum;
mod law;
mod lqpc;
mod lqpc_published;
mod model;
mod rcac;
mod riccati;
#[cfg(test)]
mod testing;

pub use extremum::{Extremum, ExtremumSettings};
pub use law::{Law, Seen};
pub use lqpc::{Lqpc, LqpcSettings, MOST_HIDDEN};
pub use lqpc_published::{PublishedLqpc, PublishedLqpcSettings};
pub use model::LawError;
pub use rcac::{Rcac, RcacSettings};

/// Most phases of a performance node.
pub const MOST_PHASES: usize = 3;
/// Most entries of a law's slices.
pub const MOST_SIZE: usize = 2 * MOST_PHASES;
