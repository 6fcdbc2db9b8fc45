//! Ways to a CAN bus, behind one type: SocketCAN, an adapter by slcan (serial or TCP), a socketcand server, UDP multicast
//! as python-can speaks it, and a bus in memory.
//!
//! Receiving can be abandoned at any time without losing a frame (it is safe in a `select!`). A bus that has failed once is
//! not used again: whoever needs it connects anew by its [`Connector`].

mod msgpack;
mod serial;
pub mod slcan;
#[cfg(target_os = "linux")]
mod socket;
pub mod socketcand;
mod stream;
#[cfg(unix)]
mod udp;
#[cfg(test)]
mod vectors;
pub mod virtual_bus;

use std::time::Duration;

use crate::link::address::{Address, Scheme};
use crate::link::can::frame::CanFrame;
use crate::link::capture::Tap;

pub use stream::{StreamBus, Wire};
pub use virtual_bus::{Fault, VirtualBus, VirtualEnd};

/// Longest time that connecting may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest time that sending a frame may take.
pub const SEND_TIMEOUT: Duration = Duration::from_millis(200);

/// A frame as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The frame.
    pub frame: CanFrame,
    /// How long ago it arrived at this machine; 0 where that is not known.
    pub age: Duration,
}

/// Why a bus cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The address is none of a CAN bus, or not on this system.
    #[error("`{0}` is no address of a CAN bus on this system")]
    Scheme(String),
    /// The address is not one of a group.
    #[error("`{0}` is no multicast group with its port, as in 239.74.163.2:43113")]
    Group(String),
    /// The operating system knows no CAN.
    #[error("this system has no SocketCAN: its kernel was built without, or the module `can` is not loaded")]
    NoCan,
    /// An option that the protocol cannot have.
    #[error("slcan has no bit rate of {0}/s: 10000, 20000, 50000, 100000, 125000, 250000, 500000, 800000, 1000000")]
    Bitrate(u32),
    /// The interface is down.
    #[error("the interface is down")]
    Down,
    /// There is no such interface (any more).
    #[error("there is no interface `{0}`")]
    Gone(String),
    /// The other side ended.
    #[error("the connection was closed")]
    Closed,
    /// The queue of frames to be sent stays full: mostly nobody acknowledges on the wire.
    #[error("frames cannot be sent: the queue stays full")]
    Full,
    /// What was asked for was refused.
    #[error("{0} was refused")]
    Refused(String),
    /// Nobody answered in time.
    #[error("no answer within {} ms", .0.as_millis())]
    NoAnswer(Duration),
    /// This kind of frame cannot be sent there.
    #[error("a frame of this kind cannot be sent by {0}")]
    Unsupported(&'static str),
    /// The operating system's words.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// A connection to a bus, and whoever records what goes over it.
#[derive(Debug)]
pub struct Bus {
    way: Way,
    tap: Option<Tap>,
}

/// How frames go to a bus and come from it.
#[derive(Debug)]
pub enum Way {
    /// In memory.
    Virtual(VirtualEnd),
    /// Linux' own.
    #[cfg(target_os = "linux")]
    SocketCan(socket::SocketCanBus),
    /// By lines of text: slcan, socketcand.
    Stream(Box<StreamBus>),
    /// By UDP multicast.
    #[cfg(unix)]
    Udp(Box<udp::UdpBus>),
}

impl From<Way> for Bus {
    fn from(way: Way) -> Self {
        Self { way, tap: None }
    }
}

impl Bus {
    /// Connects.
    ///
    /// # Errors
    /// When that fails, or takes longer than [`CONNECT_TIMEOUT`].
    pub async fn connect(address: &Address) -> Result<Self, BusError> {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, Self::connect_unbounded(address));
        connecting.await.unwrap_or(Err(BusError::NoAnswer(CONNECT_TIMEOUT)))
    }

    async fn connect_unbounded(address: &Address) -> Result<Self, BusError> {
        match address.scheme {
            #[cfg(target_os = "linux")]
            Scheme::Can => Ok(Way::SocketCan(socket::SocketCanBus::open(&address.place)?).into()),
            Scheme::SlcanSerial | Scheme::SlcanTcp | Scheme::Socketcand => {
                Ok(Way::Stream(Box::new(serial::connect(address).await?)).into())
            }
            #[cfg(unix)]
            Scheme::UdpCan => {
                let bus = udp::UdpBus::join(&address.place, address.get("hops"))?;
                Ok(Way::Udp(Box::new(bus)).into())
            }
            _ => Err(BusError::Scheme(address.to_string())),
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When it cannot be sent within [`SEND_TIMEOUT`]; after any error but [`BusError::Unsupported`] the bus is useless.
    pub async fn send(&mut self, frame: &CanFrame) -> Result<(), BusError> {
        let sending = async {
            match &mut self.way {
                Way::Virtual(bus) => bus.send(frame),
                #[cfg(target_os = "linux")]
                Way::SocketCan(bus) => bus.send(frame).await,
                Way::Stream(bus) => bus.send(frame).await,
                #[cfg(unix)]
                Way::Udp(bus) => bus.send(frame).await,
            }
        };
        let sent = tokio::time::timeout(SEND_TIMEOUT, sending).await.unwrap_or(Err(BusError::Full));
        self.show(frame, sent.is_ok());
        sent
    }

    fn show(&self, frame: &CanFrame, went: bool) {
        if let Some(tap) = self.tap.as_ref().filter(|_| went) {
            tap.can(&frame.into());
        }
    }

    /// Waits for a frame, which is never one that was sent by this connection.
    ///
    /// # Errors
    /// When the bus is lost.
    pub async fn recv(&mut self) -> Result<Received, BusError> {
        let received = match &mut self.way {
            Way::Virtual(bus) => bus.recv().await,
            #[cfg(target_os = "linux")]
            Way::SocketCan(bus) => bus.recv().await,
            Way::Stream(bus) => bus.recv().await,
            #[cfg(unix)]
            Way::Udp(bus) => bus.recv().await,
        }?;
        self.show(&received.frame, true);
        Ok(received)
    }

    /// Takes leave where the protocol has a way to: an adapter is told to close its channel.
    pub async fn close(self) {
        if let Way::Stream(bus) = self.way {
            bus.close().await;
        }
    }
}

/// How to get a bus, again and again.
#[derive(Clone, Debug)]
pub enum Connector {
    /// A real one.
    Address(Address),
    /// One in memory.
    Virtual(VirtualBus),
    /// One whose frames are recorded.
    Tapped(Box<Self>, Tap),
}

impl Connector {
    /// Connects.
    ///
    /// # Errors
    /// As [`Bus::connect`]; a bus in memory that is switched off is down.
    pub async fn connect(&self) -> Result<Bus, BusError> {
        let (connector, tap) = match self {
            Self::Tapped(own, tap) => (&**own, Some(tap.clone())),
            own => (own, None),
        };
        let bus = match connector {
            Self::Address(address) => Bus::connect(address).await?,
            Self::Virtual(bus) => Way::Virtual(bus.connect()?).into(),
            Self::Tapped(..) => return Err(BusError::Unsupported("two recorders")),
        };
        Ok(Bus { tap, ..bus })
    }
}
