//! Floor 5: devices that are not there – a description served over a link, with a model behind it.
//!
//! [`Device`] has a description's registers: what is read comes from a [`Model`], what is written goes to it, and its
//! watchdogs run (reversion timers, a heartbeat that must move). [`serve`] speaks Modbus for it over any stream, and does
//! what [`crate::link::fault::Fault`]s say: a late answer, none, garbage. Time is an argument: the same device runs on the session's clock in
//! batch and on the machine's in `phasorbench hil emulate`. [`scpi`] is the same for SCPI.

mod amplifier;
mod controller;
mod device;
mod model;
mod others;
mod registers;
mod scpi;
mod serve;
#[cfg(test)]
mod tests;

pub use amplifier::{Amplifier, AmplifierSettings};
pub use controller::command;
pub use device::{Device, DeviceError};
pub use model::{Inverter, InverterSettings, Meter, Mirror, Model, Terminal};
pub use others::{Serving, SharedModel, can_script, charger_plant, on_can, pmu, pmu_measure, serve_pmu};
pub use scpi::{ScpiDevice, SharedScpi, listen_scpi, scpi, serve_scpi};
pub use serve::{Line, Listening, Rack, Shared, listen, serve, serve_line, shared};
