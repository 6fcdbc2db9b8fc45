//! Floor 5: devices that are not there – a description served over a link, with a model behind it.
//!
//! [`Device`] has a description's registers: what is read comes from a [`Model`], what is written goes to it, and its
//! watchdogs run (reversion timers, a heartbeat that must move). [`serve`] speaks Modbus for it over any stream, and does
//! what [`crate::link::fault::Fault`]s say: a late answer, none, garbage. Time is an argument: the same device runs on the session's clock in
//! batch and on the machine's in `phasorbench hil emulate`.

mod device;
mod model;
mod others;
mod registers;
mod serve;
#[cfg(test)]
mod tests;

pub use device::{Device, DeviceError};
pub use model::{Inverter, InverterSettings, Meter, Model, Terminal};
pub use others::{Serving, SharedModel, on_can, pmu, serve_pmu};
pub use serve::{Line, Shared, listen, serve, serve_line, shared};
