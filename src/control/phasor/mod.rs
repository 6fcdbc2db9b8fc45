//! Phasor-based control: a performance node's voltage phasors, relative to a reference node's, are held at targets by the
//! power of actuators (A. von Meier et al., Energies 2020, 13, 190). See `docs/models/phasor-control.md`.
//!
//! **Layout.** With n phases at the performance node, everything a law sees or says is a slice of 2n numbers: magnitudes
//! (per unit) of all phases, then angles (rad, relative to the reference node's phase of the same name); or active power of
//! all phases, then reactive power, injected into the network, per unit of the base of one phase. A sensitivity B is 2n by
//! 2n in that order: `y ≈ y₀ + B·u`.

#[cfg(test)]
mod acceptance;
mod adaptive;
mod allocate;
#[cfg(test)]
mod allocate_tests;
mod channels;
mod controller;
#[cfg(test)]
mod controller_tests;
mod deadband;
mod decoupled;
mod extremum;
mod impedance;
mod law;
mod lqpc;
mod lqpc_published;
mod model;
mod pairing;
mod pi;
mod rcac;
mod reach;
mod riccati;
mod sensitivity;
mod setup;
pub mod supervise;
mod supervised;
#[cfg(test)]
mod testing;
pub mod tune;

pub use adaptive::{Adaptive, SensitivityEstimate, SensitivitySettings};
pub use allocate::{Allocation, Applied, Participant};
pub use channels::{command_channels, measured_channels};
pub use controller::{Lpbc, LpbcReport, Mode};
pub use deadband::Deadband;
pub use decoupled::{Decoupled, DecoupledGains};
pub use extremum::{Extremum, ExtremumSettings};
pub use impedance::{Impedance, ImpedanceEstimate, ImpedanceSettings, sensitivity_of_impedance};
pub use law::{Law, Seen};
pub use lqpc::{Lqpc, LqpcSettings, MOST_HIDDEN};
pub use lqpc_published::{PublishedLqpc, PublishedLqpcSettings};
pub use model::LawError;
pub use pi::{AntiWindup, PhaseGains, Pi, PiSettings};
pub use rcac::{Rcac, RcacSettings};
pub use sensitivity::{Inverse, MOST_CONDITION, Mask, Sensitivity, SensitivityError};
pub use setup::{FailSafe, LpbcActuator, LpbcError, LpbcSettings};
pub use supervised::{Answering, Supervised, SupervisedReport, Watching};

/// Most phases of a performance node.
pub const MOST_PHASES: usize = 3;
/// Most entries of a law's slices.
pub const MOST_SIZE: usize = 2 * MOST_PHASES;

/// A number, or 0 where it is none: what is no number must not reach an integrator.
const fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { 0.0 }
}
