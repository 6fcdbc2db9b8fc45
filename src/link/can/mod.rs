//! CAN on the wire: frames, databases, buses, a driver for devices and the devices' side for tests.
//!
//! | room | what |
//! |---|---|
//! | [`frame`] | a frame, classic or FD |
//! | [`dbc`] | what a `.dbc` says, compiled; bits to physical values and back |
//! | [`bus`] | ways to a bus: SocketCAN, slcan, socketcand, UDP multicast, in memory |
//! | [`census`] | who says what on a bus, from listening alone |
//! | [`driver`] | the loop's link to a device: reads and sends cyclically, watches |
//! | [`emulator`] | the device's side: a charger module, a CHAdeMO vehicle, faults by a script |
//! | [`isotp`] | ISO 15765-2: messages of up to 4095 bytes |
//! | [`j1939`] | identifiers and multi-packet messages of SAE J1939 |
//!
//! See `docs/models/can.md`.

pub mod both_ways;
pub mod bus;
pub mod census;
pub mod dbc;
pub mod driver;
pub mod emulator;
pub mod frame;
pub mod isotp;
pub mod j1939;

pub use bus::{Bus, BusError, Connector};
pub use frame::{CanFrame, CanId};
