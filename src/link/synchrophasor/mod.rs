//! IEEE C37.118.2: phasors on the wire, as a client ([`client`]) reads them and a server ([`server`]) sends them.
//!
//! | part | what |
//! |---|---|
//! | [`frame`], [`config`], [`data`], [`stat`] | the codec: bytes to frames and back, no input or output |
//! | [`parser`] | frames out of a stream of bytes, whatever is between them |
//! | [`client`] | the driver of a PMU or PDC at a port of the loop |
//! | [`scan`] | what a PMU says it is, looked at once |
//! | [`server`] | a PMU that others read, with faults for tests |
//!
//! Frames of 2011 (version 2) are read and written, those of 2005 (version 1) read; CFG-3 in one frame only. Sources: IEEE
//! Std C37.118.2-2011, clause 6 and its tables; IEEE Std C37.118-2005 for what differs. See `docs/models/synchrophasor.md`.

pub mod client;
pub mod config;
mod config3;
pub mod data;
pub mod frame;
pub mod parser;
pub mod scan;
pub mod server;
pub mod stat;
#[cfg(test)]
mod tests;
mod wire;

pub use client::{Counts, Settings, WantedPhasor, WantedStation, run};
pub use config::{Analog, Config, Digital, Format, PhasorChannel, Place, Station, Unit};
pub use data::{Phasor, Reading};
pub use frame::{Body, Command, ConfigKind, EncodeError, Frame, FrameError, Time, TimeQuality, Version};
pub use parser::Parser;
pub use server::{Fault, Server};
pub use stat::Stat;
