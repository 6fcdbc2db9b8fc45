//! Streams of bytes to devices: TCP, TLS, serial ports, pseudo-terminals, and in memory for runs in batch.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_serial::{DataBits, FlowControl, Parity, SerialPortBuilderExt, StopBits};

use super::address::{Address, Scheme};
use super::description::language::TlsHead;

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug> Stream for T {}

/// A stream of any kind.
pub type AnyStream = Box<dyn Stream>;
/// A stream that is being opened.
pub type Opening = Pin<Box<dyn Future<Output = io::Result<AnyStream>> + Send>>;
/// Opens a stream, again and again as it is lost.
pub type Connect = Box<dyn FnMut() -> Opening + Send + Sync>;

/// Bytes that a stream in memory holds at most.
const HELD: usize = 64 << 10;
/// Streams in memory that wait to be accepted, at most.
const WAITING: usize = 16;
/// Speed of a serial port when none is given.
const BAUD: u32 = 9600;

/// What opens the stream of an address; of CAN there is none.
///
/// # Errors
/// When the address is not one of a stream.
pub fn connect(address: &Address) -> io::Result<Connect> {
    let address = address.clone();
    match address.scheme {
        Scheme::Tcp | Scheme::C37118 | Scheme::SlcanTcp | Scheme::Socketcand | Scheme::Scpi => {
            Ok(Box::new(move || {
                let place = address.place.clone();
                Box::pin(async move { Ok(Box::new(tcp(&place).await?) as AnyStream) })
            }))
        }
        Scheme::Rtu | Scheme::Pty | Scheme::SlcanSerial => Ok(Box::new(move || {
            let opened = serial(&address);
            Box::pin(async move { opened })
        })),
        Scheme::Tls => secure(&address, None),
        Scheme::Can | Scheme::UdpCan => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{address} is not a stream of bytes")))
        }
    }
}

/// The same for a device whose description says whom to trust in TLS.
///
/// # Errors
/// When the address is not one of a stream, or what TLS needs is not there.
pub fn connect_trusting(address: &Address, tls: Option<&TlsHead>) -> io::Result<Connect> {
    if address.scheme == Scheme::Tls { secure(address, tls) } else { connect(address) }
}

#[cfg(feature = "tls")]
fn secure(address: &Address, tls: Option<&TlsHead>) -> io::Result<Connect> {
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidInput, format!("{address}: {what}"));
    let untold = || wrong("the description must say whom to trust, as in modbus: {tls: {ca: authority.pem}}".into());
    super::tls::connect(&address.place, tls.ok_or_else(untold)?).map_err(|error| wrong(error.to_string()))
}

#[cfg(not(feature = "tls"))]
fn secure(address: &Address, _: Option<&TlsHead>) -> io::Result<Connect> {
    let what =
        format!("{address}: TLS is not built in: build with --features tls, or put a TLS proxy before the device");
    Err(io::Error::new(io::ErrorKind::Unsupported, what))
}

/// A TCP connection that sends at once what is written: requests are small, and waited for.
///
/// # Errors
/// When it cannot be had.
pub async fn tcp(place: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(place).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn serial(address: &Address) -> io::Result<AnyStream> {
    let option = |name| address.get(name);
    // Without a parity bit Modbus wants two stop bits; most devices have one.
    let port = tokio_serial::new(&address.place, option("baud").unwrap_or(BAUD))
        .data_bits(DataBits::Eight)
        .flow_control(FlowControl::None)
        .parity(match option("parity") {
            Some(1) => Parity::Odd,
            Some(2) => Parity::Even,
            _ => Parity::None,
        })
        .stop_bits(if option("stop") == Some(2) { StopBits::Two } else { StopBits::One });
    let opened = port.open_native_async().map_err(|error| serial_error(&error))?;
    Ok(Box::new(opened))
}

/// Why a serial port cannot be had, in words that are not the library's own.
pub fn serial_error(error: &tokio_serial::Error) -> io::Error {
    let (kind, words) = match error.kind {
        // Its lock is held, or it is open for one alone.
        tokio_serial::ErrorKind::NoDevice => (io::ErrorKind::ResourceBusy, "another program has it open"),
        tokio_serial::ErrorKind::InvalidInput => (io::ErrorKind::InvalidInput, "it cannot have that speed"),
        tokio_serial::ErrorKind::Io(kind) => match kind {
            io::ErrorKind::NotFound => (kind, "there is no such port"),
            io::ErrorKind::PermissionDenied => (kind, "it may not be opened: the group `dialout` mostly may"),
            _ => (kind, error.description.as_str()),
        },
        tokio_serial::ErrorKind::Unknown => (io::ErrorKind::InvalidInput, "it is no serial port, or it is gone"),
    };
    io::Error::new(kind, words)
}

/// A socket in memory: whoever connects meets whoever accepts. It can be unplugged.
#[derive(Clone, Debug)]
pub struct Socket {
    waiting: mpsc::Sender<DuplexStream>,
    plugged: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

/// The side of a [`Socket`] that accepts.
pub type Accept = mpsc::Receiver<DuplexStream>;

impl Socket {
    /// A socket and the side that accepts.
    pub fn new() -> (Self, Accept) {
        let (waiting, accept) = mpsc::channel(WAITING);
        (Self { waiting, plugged: std::sync::Arc::new(true.into()) }, accept)
    }

    /// Lets nobody connect, or everybody again. What is connected already is the accepting side's to end.
    pub fn plug(&self, plugged: bool) {
        self.plugged.store(plugged, std::sync::atomic::Ordering::Release);
    }

    /// Whether one can connect.
    pub fn plugged(&self) -> bool {
        self.plugged.load(std::sync::atomic::Ordering::Acquire)
    }

    /// What opens streams to it.
    pub fn connector(&self) -> Connect {
        let own = self.clone();
        Box::new(move || {
            let own = own.clone();
            Box::pin(async move {
                let refused = |_| io::Error::new(io::ErrorKind::ConnectionRefused, "nobody listens");
                if !own.plugged() {
                    return Err(refused(()));
                }
                let (near, far) = duplex(HELD);
                own.waiting.send(far).await.map_err(|_| refused(()))?;
                Ok(Box::new(near) as AnyStream)
            })
        })
    }
}
