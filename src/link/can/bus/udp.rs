//! CAN by UDP multicast, as python-can's `udp_multicast` interface speaks it: one datagram per frame, all members of the
//! group on the local network are on the bus. There is no arbitration, no acknowledgement, and frames may be lost.
//!
//! What one sends comes back by multicast to everyone on the same machine, and several share the port. So frames leave by a
//! socket of their own, whose port tells its own echo from others'.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, socket_with, sockopt};
use tokio::net::UdpSocket;

use super::{BusError, Received, msgpack};
use crate::link::can::frame::CanFrame;

/// Longest datagram: a frame has about 250 bytes.
const LONGEST: usize = 2048;
/// Routers that a datagram passes, as python-can's default.
const HOPS: u32 = 1;

/// A member of a group.
#[derive(Debug)]
pub struct UdpBus {
    receiver: UdpSocket,
    sender: UdpSocket,
    group: SocketAddr,
    own: SocketAddr,
    /// Frames of other machines are not heard.
    at_home: bool,
    datagram: Box<[u8; LONGEST]>,
    out: Vec<u8>,
}

impl UdpBus {
    /// Joins a group, given with its port. Frames pass so many routers, [`HOPS`] when that is not given; 0 stays on this
    /// machine, and hears nobody else.
    ///
    /// # Errors
    /// When it is no multicast address, or the system refuses.
    pub fn join(place: &str, hops: Option<u32>) -> Result<Self, BusError> {
        let group: SocketAddr = place.parse().map_err(|_| BusError::Group(place.to_owned()))?;
        if !group.ip().is_multicast() {
            return Err(BusError::Group(place.to_owned()));
        }
        let hops = hops.unwrap_or(HOPS);
        let receiver = receiver(group)?;
        let any = if group.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
        let sender = std::net::UdpSocket::bind((any, 0))?;
        sender.set_nonblocking(true)?;
        match group.ip() {
            IpAddr::V4(address) => {
                receiver.join_multicast_v4(address, Ipv4Addr::UNSPECIFIED)?;
                sender.set_multicast_ttl_v4(hops)?;
            }
            IpAddr::V6(address) => {
                receiver.join_multicast_v6(&address, 0)?;
                sockopt::set_ipv6_multicast_hops(&sender, hops).map_err(|error| BusError::Io(error.into()))?;
            }
        }
        // Connected, it knows by which address of this machine it sends.
        sender.connect(group)?;
        let own = sender.local_addr()?;
        let sender = UdpSocket::from_std(sender)?;
        Ok(Self { receiver, sender, group, own, at_home: hops == 0, datagram: Box::new([0; LONGEST]), out: Vec::new() })
    }

    pub(super) async fn send(&mut self, frame: &CanFrame) -> Result<(), BusError> {
        self.out.clear();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        msgpack::write(frame, now.as_secs_f64(), &mut self.out);
        self.sender.send(&self.out).await?;
        Ok(())
    }

    pub(super) async fn recv(&mut self) -> Result<Received, BusError> {
        loop {
            let (read, from) = self.receiver.recv_from(&mut self.datagram[..]).await?;
            let here = from.ip() == self.own.ip();
            if (here && from.port() == self.own.port()) || (self.at_home && !here) {
                continue;
            }
            if let Some(frame) = msgpack::read(&self.datagram[..read]) {
                return Ok(Received { frame, age: Duration::ZERO });
            }
        }
    }

    /// The group.
    pub const fn group(&self) -> SocketAddr {
        self.group
    }
}

/// A socket on the group's port, which others on this machine may have too.
fn receiver(group: SocketAddr) -> Result<UdpSocket, BusError> {
    let family = if group.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let error = |error: rustix::io::Errno| BusError::Io(error.into());
    let socket = socket_with(family, SocketType::DGRAM, flags, Some(ipproto::UDP)).map_err(error)?;
    sockopt::set_socket_reuseaddr(&socket, true).map_err(error)?;
    sockopt::set_socket_reuseport(&socket, true).map_err(error)?;
    // Bound to the group and not to every address: other groups on the same port are not heard.
    bind(&socket, &group).map_err(error)?;
    Ok(UdpSocket::from_std(socket.into())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::can::frame::CanId;

    #[tokio::test]
    async fn members_hear_each_other_and_not_themselves() {
        let frame = |number| CanFrame::data(CanId::standard(number).unwrap(), &[1, 2, 3]).unwrap();
        let place = "239.74.163.2:43114";
        let (mut one, mut two) = (UdpBus::join(place, None).unwrap(), UdpBus::join(place, Some(0)).unwrap());
        if one.send(&frame(1)).await.is_err() {
            // A machine without a route for multicast cannot show it.
            eprintln!("no multicast here");
            return;
        }
        two.send(&frame(2)).await.unwrap();
        let wait = Duration::from_secs(5);
        assert_eq!(tokio::time::timeout(wait, two.recv()).await.unwrap().unwrap().frame, frame(1));
        assert_eq!(tokio::time::timeout(wait, one.recv()).await.unwrap().unwrap().frame, frame(2));
        assert!(matches!(UdpBus::join("192.0.2.1:43114", None), Err(BusError::Group(_))));
    }
}
