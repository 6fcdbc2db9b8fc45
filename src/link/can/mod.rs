//! CAN on the wire: frames, databases, buses, a driver for devices and the devices' side for tests.
//!
//! | room | what |
//! |---|---|
//! | [`frame`] | a frame, classic or FD |
//! | [`dbc`] | what a `.dbc` says, compiled; bits to physical values and back |
//!
//! See `docs/models/can.md`.

pub mod dbc;
pub mod frame;

pub use frame::{CanFrame, CanId};
