//! Streams to adapters and servers: TCP, and serial ports.

use tokio::net::TcpStream;
use tokio_serial::SerialStream;

use super::{BusError, StreamBus};
use crate::link::address::{Address, Scheme};

/// Bytes a second on the serial line where none are given; most USB adapters do not care.
const BAUD: u32 = 115_200;

pub(super) async fn connect(address: &Address) -> Result<StreamBus, BusError> {
    let (place, bitrate) = (address.place.as_str(), address.get("bitrate"));
    match address.scheme {
        Scheme::SlcanSerial => {
            let port = tokio_serial::new(place, address.get("baud").unwrap_or(BAUD));
            let wire = SerialStream::open(&port).map_err(std::io::Error::from)?;
            StreamBus::slcan(Box::new(wire), bitrate).await
        }
        Scheme::SlcanTcp => StreamBus::slcan(Box::new(tcp(place).await?), bitrate).await,
        _ => StreamBus::socketcand(Box::new(tcp(place).await?), address.bus.as_deref().unwrap_or_default()).await,
    }
}

async fn tcp(place: &str) -> Result<TcpStream, BusError> {
    let stream = TcpStream::connect(place).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
