//! The inverter's physics against what shares no formula with it: exact switching edges, a simulation in time; and that a
//! step of a site allocates nothing.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod edges;
mod loop_in_time;
mod step;
