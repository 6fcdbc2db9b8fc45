//! Modbus: what a description says of registers made readable, the driver of a device, and the server of an emulated one.
//!
//! [`value`] turns a description's keys into a [`Value`], which [`Value::locate`] finds in a device's registers (of SunSpec,
//! by the device's own directory, [`sunspec`]); [`mod@blocks`] reads neighbours together; [`driver`] polls by the client of
//! tokio-modbus; [`server`] answers as the protocol's text has it, whatever it is sent.
//!
//! Sources: Modbus Application Protocol V1.1b3; Modbus Messaging on TCP/IP V1.0b; Modbus over Serial Line V1.02.

pub mod blocks;
pub mod coding;
pub mod driver;
mod map;
pub mod scan;
pub mod server;
pub mod sunspec;
pub mod value;
mod wire;

pub use blocks::{Block, blocks};
pub use coding::{Coding, Order};
pub use value::{Image, Located, Value};

/// The kinds of things that a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Bits that can be written.
    Coil,
    /// Bits that cannot.
    Discrete,
    /// Registers that can be written.
    Holding,
    /// Registers that cannot.
    Input,
}

impl Table {
    /// Whether a client may write it.
    pub const fn writable(self) -> bool {
        matches!(self, Self::Coil | Self::Holding)
    }

    /// Whether it holds bits.
    pub const fn bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }

    /// Its key in a description.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Coil => "coil",
            Self::Discrete => "discrete",
            Self::Holding => "holding",
            Self::Input => "input",
        }
    }
}
