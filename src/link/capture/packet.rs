//! Packets around what a link carried: IP and TCP headers that are made up, serial bytes, CAN frames.
//!
//! A TCP connection is shown with its handshake, its bytes in segments of at most [`SEGMENT`], each acknowledging all that
//! came before, and its end; checksums are right. What is made up: identification, window, the absence of options, the times
//! of the handshake, and that nothing was ever sent twice. Sources: RFC 791, RFC 8200, RFC 9293 (3.1), RFC 1071; CAN as
//! LINKTYPE_CAN_SOCKETCAN has it.

use crate::link::can::frame::{self, Kind};
use std::net::{IpAddr, SocketAddr};

/// Most bytes of a segment: with its headers it is an IPv4 packet.
pub const SEGMENT: usize = 32_768;
const FIN: u8 = 1;
const SYN: u8 = 2;
const PUSH: u8 = 8;
const ACK: u8 = 16;
/// The first sequence number of each side.
const FIRST: u32 = 1000;

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the bench to the device.
    Sent,
    /// From the device to the bench.
    Received,
}

/// A connection as it is shown: both ends and how far each has come.
#[derive(Clone, Debug)]
pub struct Connection {
    local: SocketAddr,
    remote: SocketAddr,
    /// Next sequence number of the bench and of the device.
    next: [u32; 2],
    open: bool,
}

impl Connection {
    /// A connection that is not open yet. Ends of different families are shown as IPv6.
    pub fn new(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { local, remote, next: [FIRST; 2], open: false }
    }

    /// The handshake.
    pub fn open(&mut self) -> Vec<Vec<u8>> {
        if std::mem::replace(&mut self.open, true) {
            return Vec::new();
        }
        self.next = [FIRST; 2];
        let first = self.segment(Direction::Sent, SYN, &[]);
        let second = self.segment(Direction::Received, SYN | ACK, &[]);
        vec![first, second, self.segment(Direction::Sent, ACK, &[])]
    }

    /// Bytes one way; the handshake comes before where the connection is not open.
    pub fn bytes(&mut self, direction: Direction, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut packets = self.open();
        packets.extend(bytes.chunks(SEGMENT).map(|part| self.segment(direction, PUSH | ACK, part)));
        packets
    }

    /// The end, which the bench says first.
    pub fn close(&mut self) -> Vec<Vec<u8>> {
        if !std::mem::replace(&mut self.open, false) {
            return Vec::new();
        }
        let first = self.segment(Direction::Sent, FIN | ACK, &[]);
        let second = self.segment(Direction::Received, FIN | ACK, &[]);
        vec![first, second, self.segment(Direction::Sent, ACK, &[])]
    }

    fn segment(&mut self, direction: Direction, flags: u8, data: &[u8]) -> Vec<u8> {
        let (from, to, own, other) = match direction {
            Direction::Sent => (self.local, self.remote, 0, 1),
            Direction::Received => (self.remote, self.local, 1, 0),
        };
        let acknowledged = if flags & ACK == 0 { 0 } else { self.next[other] };
        let mut tcp = Vec::with_capacity(20 + data.len());
        tcp.extend(from.port().to_be_bytes());
        tcp.extend(to.port().to_be_bytes());
        tcp.extend(self.next[own].to_be_bytes());
        tcp.extend(acknowledged.to_be_bytes());
        // 5 words of header; window 65,535; checksum and urgent pointer.
        tcp.extend([5 << 4, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        tcp.extend(data);
        let counted = u32::try_from(data.len()).unwrap_or(0) + u32::from(flags & (SYN | FIN) != 0);
        self.next[own] = self.next[own].wrapping_add(counted);
        ip(from.ip(), to.ip(), tcp)
    }
}

/// A TCP segment in an IP packet, checksums filled in.
fn ip(from: IpAddr, to: IpAddr, mut tcp: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(tcp.len()).unwrap_or(u16::MAX);
    let (mut header, ends) = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let ends = [from.octets(), to.octets()].concat();
            // Version 4, 5 words; do not fragment; 64 hops; TCP.
            let mut header = vec![0x45, 0];
            header.extend(length.saturating_add(20).to_be_bytes());
            header.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
            header.extend(&ends);
            let sum = checksum(&header);
            set(&mut header, 10, sum);
            (header, ends)
        }
        (from, to) => {
            let ends = [six(from), six(to)].concat();
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(length.to_be_bytes());
            header.extend([6, 64]);
            header.extend(&ends);
            (header, ends)
        }
    };
    // The pseudo-header's sum is the same for both families: addresses, protocol, length.
    let sum = checksum(&[&ends[..], &[0, 6], &length.to_be_bytes(), &tcp].concat());
    set(&mut tcp, 16, sum);
    header.extend(tcp);
    header
}

fn six(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(four) => four.to_ipv6_mapped().octets(),
        IpAddr::V6(six) => six.octets(),
    }
}

fn set(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}

/// The Internet's checksum: the complement of the sum in ones' complement of all 16-bit words.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| {
        let [high, low] = [word.first().copied().unwrap_or(0), word.get(1).copied().unwrap_or(0)];
        u64::from(u16::from_be_bytes([high, low]))
    });
    let mut sum: u64 = words.sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// Serial bytes: 0 before what was sent, 1 before what was received.
pub fn serial(direction: Direction, bytes: &[u8]) -> Vec<u8> {
    let way = match direction {
        Direction::Sent => 0,
        Direction::Received => 1,
    };
    [&[way], bytes].concat()
}

/// A CAN frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CanFrame<'a> {
    /// Its number: 11 bits, or 29 where it is extended.
    pub id: u32,
    /// Whether the number has 29 bits.
    pub extended: bool,
    /// Whether it asks for data.
    pub remote: bool,
    /// Whether it is CAN FD, and then whether its data went at the higher rate.
    pub fd: Option<bool>,
    /// Its data: at most 8 bytes, 64 in CAN FD.
    pub data: &'a [u8],
}

impl<'a> From<&'a frame::CanFrame> for CanFrame<'a> {
    fn from(own: &'a frame::CanFrame) -> Self {
        let (remote, fd) = match own.kind() {
            Kind::Fd { bit_rate_switch, .. } => (false, Some(bit_rate_switch)),
            kind => (matches!(kind, Kind::Remote), None),
        };
        Self { id: own.id().number(), extended: own.id().is_extended(), remote, fd, data: own.bytes() }
    }
}

/// The bytes of a CAN frame: number with flags, length, flags of CAN FD, two zeros, data. Data beyond a frame's are left out.
pub fn can(frame: &CanFrame) -> Vec<u8> {
    let most = if frame.fd.is_some() { 64 } else { 8 };
    let data = frame.data.get(..most).unwrap_or(frame.data);
    let number = match frame.extended {
        true => frame.id & 0x1FFF_FFFF | 0x8000_0000,
        false => frame.id & 0x7FF,
    };
    let number = number | if frame.remote { 0x4000_0000 } else { 0 };
    // 4: it is CAN FD; 1: at the higher rate.
    let flags = frame.fd.map_or(0, |fast| 4 | u8::from(fast));
    let length = u8::try_from(data.len()).unwrap_or(0);
    [&number.to_be_bytes()[..], &[length, flags, 0, 0], data].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_with_a_published_checksum() {
        // The example that RFC 1071's readers know: 0x4500 0073 0000 4000 4011 … → 0xb861.
        let header = [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xC0, 0xA8, 0, 1, 0xC0, 0xA8, 0, 0xC7];
        assert_eq!(checksum(&header), 0xB861);
        assert_eq!(checksum(&[1]), !0x0100, "an odd byte is a high one");
    }

    #[test]
    fn checksums_are_zero_over_what_has_them() {
        for (local, remote) in [("192.0.2.1:40000", "192.0.2.2:502"), ("[2001:db8::1]:40000", "[2001:db8::2]:4712")] {
            let mut connection = Connection::new(local.parse().unwrap(), remote.parse().unwrap());
            for packet in connection.bytes(Direction::Received, &[7; 33]) {
                let (ends, tcp) = match packet[0] >> 4 {
                    4 => {
                        assert_eq!(checksum(&packet[..20]), 0);
                        (&packet[12..20], &packet[20..])
                    }
                    _ => (&packet[8..40], &packet[40..]),
                };
                let length = u16::try_from(tcp.len()).unwrap().to_be_bytes();
                assert_eq!(checksum(&[ends, &[0, 6], &length, tcp].concat()), 0);
            }
        }
    }

    #[test]
    fn each_side_acknowledges_what_came() {
        let mut connection = Connection::new("192.0.2.1:40000".parse().unwrap(), "192.0.2.2:502".parse().unwrap());
        let field = |packet: &[u8], at: usize| u32::from_be_bytes(packet[20 + at..24 + at].try_into().unwrap());
        let mut packets = connection.bytes(Direction::Sent, &[1; 12]);
        packets.extend(connection.bytes(Direction::Received, &vec![2; SEGMENT + 5]));
        packets.extend(connection.close());
        let end = 1001 + u32::try_from(SEGMENT).unwrap() + 5;
        let seen: Vec<(u32, u32)> = packets.iter().map(|packet| (field(packet, 4), field(packet, 8))).collect();
        let handshake = [(1000, 0), (1000, 1001), (1001, 1001)];
        let data = [(1001, 1001), (1001, 1013), (1001 + u32::try_from(SEGMENT).unwrap(), 1013)];
        assert_eq!(seen, [&handshake[..], &data, &[(1013, end), (end, 1014), (1014, end + 1)]].concat());
        assert!(connection.close().is_empty(), "it is closed");
        assert_eq!(connection.open().len(), 3, "and opens anew");
    }

    #[test]
    fn can_frames_by_hand() {
        let plain = CanFrame { id: 0x123, data: &[1, 2], ..CanFrame::default() };
        assert_eq!(can(&plain), [0, 0, 1, 0x23, 2, 0, 0, 0, 1, 2]);
        let long = CanFrame { id: 0x18FF_50E5, extended: true, data: &[9; 12], ..CanFrame::default() };
        assert_eq!(can(&long), [&[0x98, 0xFF, 0x50, 0xE5, 8, 0, 0, 0][..], &[9; 8]].concat());
        let fd = CanFrame { fd: Some(true), ..long };
        assert_eq!(can(&fd)[4..8], [12, 5, 0, 0]);
        let remote = CanFrame { id: 0xFFF, remote: true, ..CanFrame::default() };
        assert_eq!(can(&remote), [0x40, 0, 7, 0xFF, 0, 0, 0, 0]);
        assert_eq!((serial(Direction::Sent, &[5]), serial(Direction::Received, &[])), (vec![0, 5], vec![1]));
    }
}
