//! Streams to adapters and servers: TCP, and serial ports.

use tokio::net::TcpStream;
use tokio_serial::SerialStream;

use super::{BusError, StreamBus};
use crate::link::address::{Address, Scheme};
use crate::link::stream::serial_error;

/// Bytes a second on the serial line where none are given; most USB adapters do not care.
const BAUD: u32 = 115_200;

pub(super) async fn connect(address: &Address) -> Result<StreamBus, BusError> {
    let (place, bitrate) = (address.place.as_str(), address.get("bitrate"));
    match address.scheme {
        Scheme::SlcanSerial => {
            let port = tokio_serial::new(place, address.get("baud").unwrap_or(BAUD));
            let wire = SerialStream::open(&port).map_err(|error| serial_error(&error))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::can::bus::Bus;
    use crate::link::can::frame::{CanFrame, CanId};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Plays an adapter or a server: what it hears by and by, and what it answers to each.
    async fn play(mut wire: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, turns: &[(&str, &str)]) {
        for (wanted, answer) in turns {
            let mut heard = vec![0; wanted.len()];
            wire.read_exact(&mut heard).await.unwrap();
            assert_eq!(String::from_utf8(heard).unwrap(), *wanted);
            wire.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    fn frame() -> CanFrame {
        CanFrame::data(CanId::standard(0x123).unwrap(), &[0xAB]).unwrap()
    }

    async fn exchange(address: &str) {
        let mut bus = Bus::connect(&Address::parse(address).unwrap()).await.unwrap();
        assert_eq!(bus.recv().await.unwrap().frame, frame());
        bus.send(&frame()).await.unwrap();
        bus.close().await;
    }

    const SLCAN: [(&str, &str); 4] =
        [("\r\rC\r", "\r\r\x07"), ("S6\r", "\r"), ("O\r", "\rt1231AB\r"), ("t1231AB\r", "z\r")];

    #[tokio::test]
    async fn adapters_and_servers_are_found_by_their_addresses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            play(listener.accept().await.unwrap().0, &SLCAN).await;
            let turns = [
                ("", "< hi >"),
                ("< open can0 >", "< ok >"),
                ("< rawmode >", "< ok >< frame 123 1.5 AB >"),
                ("< send 123 1 ab >", ""),
            ];
            play(listener.accept().await.unwrap().0, &turns).await;
        });
        exchange(&format!("slcan://127.0.0.1:{port}?bitrate=500000")).await;
        exchange(&format!("socketcand://127.0.0.1:{port}/can0")).await;
        server.await.unwrap();
        let nobody = Bus::connect(&Address::parse(&format!("slcan://127.0.0.1:{port}")).unwrap()).await;
        assert!(matches!(nobody, Err(BusError::Io(_))));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn an_adapter_at_a_serial_port_is_opened() {
        use tokio_serial::SerialPort;
        let (near, far) = SerialStream::pair().unwrap();
        let path = far.name().unwrap();
        // It is locked for whoever has it open.
        drop(far);
        let adapter = tokio::spawn(async move { play(near, &SLCAN).await });
        exchange(&format!("slcan:{path}?bitrate=500000")).await;
        adapter.await.unwrap();
    }
}
