//! Linux' SocketCAN: classic and FD frames, the controller's error frames, arrival times from the kernel.
//!
//! An interface that goes down or away is an error of its own; the driver connects again, and succeeds once it is up.

use std::io;
use std::time::{Duration, SystemTime};

use socketcan::{
    CanAnyFrame, CanDataFrame, CanFdFrame, CanFdSocket, CanRemoteFrame, EmbeddedFrame, ExtendedId, Frame, Id, Socket,
    SocketOptions, StandardId, id::FdFlags,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{BusError, Received};
use crate::link::can::frame::{CanFrame, CanId, Kind};

/// Times that a full queue is tried again, each after [`RETRY`].
const RETRIES: u32 = 50;
const RETRY: Duration = Duration::from_millis(2);
/// Highest age that is believed: beyond it, the wall clock was set.
const HIGHEST_AGE: Duration = Duration::from_secs(1);

/// A raw socket on an interface.
#[derive(Debug)]
pub struct SocketCanBus {
    socket: AsyncFd<CanFdSocket>,
    interface: String,
    /// Read while looking whether the interface is up.
    first: Option<CanAnyFrame>,
}

impl SocketCanBus {
    /// Opens an interface.
    ///
    /// # Errors
    /// When there is none of that name, or it is down.
    pub fn open(interface: &str) -> Result<Self, BusError> {
        let lost = |error| trouble(error, interface);
        let socket = CanFdSocket::open(interface).map_err(lost)?;
        socket.set_recv_timestamp(true).map_err(lost)?;
        socket.set_error_filter_accept_all().map_err(lost)?;
        // A socket on an interface that is down opens, and fails at the first reading.
        socket.set_nonblocking(true).map_err(lost)?;
        let first = match socket.read_frame() {
            Ok(frame) => Some(frame),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => return Err(lost(error)),
        };
        #[allow(deprecated, reason = "the other way is unsafe; this socket owns its descriptor and keeps it open")]
        let socket = AsyncFd::with_interest(socket, Interest::READABLE | Interest::WRITABLE | Interest::ERROR)?;
        Ok(Self { socket, interface: interface.to_owned(), first })
    }

    pub(super) async fn send(&self, frame: &CanFrame) -> Result<(), BusError> {
        let frame = to_kernel(frame).ok_or(BusError::Unsupported("SocketCAN"))?;
        for _ in 0..RETRIES {
            match self.socket.async_io(Interest::WRITABLE, |socket| socket.write_frame(&frame)).await {
                // The interface's own queue is full, which no readiness of the socket tells of.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => tokio::time::sleep(RETRY).await,
                // An FD frame on an interface that has none.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    return Err(BusError::Unsupported("this interface"));
                }
                done => return done.map_err(|error| trouble(error, &self.interface)),
            }
        }
        Err(BusError::Full)
    }

    pub(super) async fn recv(&mut self) -> Result<Received, BusError> {
        loop {
            let (frame, age) = match self.first.take() {
                Some(frame) => (frame, Duration::ZERO),
                None => {
                    // An interface that goes down is an error of the socket, and no frame that is ready.
                    let interest = Interest::READABLE | Interest::ERROR;
                    let read = self.socket.async_io(interest, Socket::read_frame_with_timestamp).await;
                    let (frame, at) = read.map_err(|error| trouble(error, &self.interface))?;
                    let age = SystemTime::now().duration_since(at).unwrap_or_default();
                    (frame, if age > HIGHEST_AGE { Duration::ZERO } else { age })
                }
            };
            if let Some(frame) = from_kernel(&frame) {
                return Ok(Received { frame, age });
            }
        }
    }
}

fn trouble(error: io::Error, interface: &str) -> BusError {
    match error.raw_os_error() {
        Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT) => BusError::NoCan,
        Some(libc::ENETDOWN) => BusError::Down,
        Some(libc::ENODEV | libc::ENXIO) => BusError::Gone(interface.to_owned()),
        _ => BusError::Io(error),
    }
}

fn to_kernel(frame: &CanFrame) -> Option<CanAnyFrame> {
    let number = frame.id().number();
    let id = match frame.id().is_extended() {
        true => Id::Extended(ExtendedId::new(number)?),
        false => Id::Standard(StandardId::new(u16::try_from(number).ok()?)?),
    };
    match frame.kind() {
        Kind::Data => CanDataFrame::new(id, frame.bytes()).map(CanAnyFrame::Normal),
        Kind::Remote => CanRemoteFrame::new_remote(id, frame.length()).map(CanAnyFrame::Remote),
        Kind::Fd { bit_rate_switch, .. } => {
            let flags = if bit_rate_switch { FdFlags::BRS } else { FdFlags::empty() };
            CanFdFrame::with_flags(id, frame.bytes(), flags).map(CanAnyFrame::Fd)
        }
        Kind::Error { .. } => None,
    }
}

fn from_kernel(frame: &CanAnyFrame) -> Option<CanFrame> {
    let id = CanId::new(frame.raw_id(), frame.is_extended());
    match frame {
        CanAnyFrame::Normal(frame) => CanFrame::data(id?, frame.data()).ok(),
        CanAnyFrame::Remote(frame) => CanFrame::remote(id?, frame.dlc()).ok(),
        CanAnyFrame::Fd(frame) => {
            let own = CanFrame::fd(id?, frame.data(), frame.is_brs()).ok()?;
            Some(own.with_error_passive(frame.is_esi()))
        }
        CanAnyFrame::Error(frame) => Some(CanFrame::error(frame.error_bits(), frame.data())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_survive_the_kernels_form(frame in crate::link::can::bus::slcan::tests::frames()) {
            prop_assert_eq!(from_kernel(&to_kernel(&frame).unwrap()), Some(frame));
        }
    }

    #[test]
    fn an_interface_that_is_not_there_is_gone() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(async { SocketCanBus::open("no_such_can") }).unwrap_err();
        // A kernel without CAN says that the family is unknown.
        assert!(matches!(error, BusError::Gone(_) | BusError::NoCan), "{error}");
        assert_eq!(to_kernel(&CanFrame::error(1, &[])), None);
    }
}
