//! Supervisory phasor-based control (S-PBC): which phasors performance nodes should have, and with which power.
//!
//! A [`Supervisor`] knows its own [`NetworkModel`], which may be wrong, and what [`Inputs`] say. It solves a convex program
//! over a horizon on a linear model of the network, then moves the linear model to the network's solution at the program's
//! dispatch and solves again, until both agree (*delta iterations*). The first step's phasors, taken from the model's own
//! solution, are the targets that L-PBC holds. See `docs/models/supervisory-control.md`.
//!
//! **Linear models.** The network's sensitivities at its last solution, of any topology; or LinDist3Flow on a tree.
//!
//! **The program** has the actuators' powers as its only unknowns: voltages are eliminated, so that its size does not grow
//! with the network, and limits on thousands of nodes come in where they are near.
//!
//! **Limits.** Taps and capacitors are constant over the horizon. Planning allocates: it is a task, not part of a step.

mod affine;
mod limits;
mod lindist;
mod network;
mod objective;
mod plan;
mod program;
mod settings;
mod supervisor;
#[cfg(test)]
mod tests;

pub use network::{Conditions, Layout, NetworkModel, Sensitivities, State, Tree, TreeBus};
pub use plan::{Forecast, Group, Inputs, Plan, Status, Target};
pub use settings::{Actuator, Band, Circle, Linearisation, Objective, Performance, Settings, SettingsError, Storage};
pub use supervisor::Supervisor;
