//! SAE J1939: what an identifier of 29 bits says (J1939-21), and messages of up to 1785 bytes by its transport protocol.
//!
//! ```text
//! priority (3) | extended page (1) | page (1) | PDU format (8) | PDU specific (8) | source (8)
//! PDU format < 240: PDU specific is the destination, and not part of the group's number
//! ```
//!
//! Messages of 9 to 1785 bytes go in packets of seven: announced to all (BAM), or to one with its consent (RTS, CTS). [`Transport`]
//! puts both together and answers, without input or output, with time as an argument. Timeouts are the standard's: 750 ms
//! between packets of a broadcast (T1), 1250 ms after a CTS (T2). Not here: sending long messages, address claims, ETP.

mod transport;

pub use transport::{Assembled, Outcome, Transport};

use super::frame::CanId;

/// The address of everyone.
pub const GLOBAL: u8 = 0xFF;
/// Longest message of the transport protocol, in bytes.
pub const LONGEST: usize = 1785;
/// Group of connection management (TP.CM).
pub const PGN_MANAGEMENT: u32 = 0xEC00;
/// Group of data transfer (TP.DT).
pub const PGN_DATA: u32 = 0xEB00;
/// PDU formats from here on are for everyone.
const BROADCAST_FORMAT: u32 = 240;

/// What an identifier says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// 0 is the most urgent, 7 the least.
    pub priority: u8,
    /// Number of the parameter group, 18 bits.
    pub pgn: u32,
    /// Who sends.
    pub source: u8,
    /// Whom it is for; [`GLOBAL`] of groups that are for everyone.
    pub destination: u8,
}

impl Header {
    /// Reads an identifier; `None` for one of 11 bits.
    pub fn of(id: CanId) -> Option<Self> {
        let number = id.number();
        let byte = |shift: u32| u8::try_from((number >> shift) & 0xFF).unwrap_or(0);
        let group = (number >> 8) & 0x3_FFFF;
        let addressed = (number >> 16) & 0xFF < BROADCAST_FORMAT;
        id.is_extended().then(|| Self {
            priority: byte(26) & 7,
            pgn: if addressed { group & !0xFF } else { group },
            source: byte(0),
            destination: if addressed { byte(8) } else { GLOBAL },
        })
    }

    /// The identifier; `None` where the priority or the group's number has too many bits, a group for one has a low byte, or
    /// one for everyone a destination.
    pub fn id(self) -> Option<CanId> {
        let addressed = (self.pgn >> 8) & 0xFF < BROADCAST_FORMAT;
        let fits = self.priority < 8 && self.pgn < 1 << 18;
        let whole = if addressed { self.pgn & 0xFF == 0 } else { self.destination == GLOBAL };
        let specific = if addressed { u32::from(self.destination) << 8 } else { 0 };
        let number = u32::from(self.priority) << 26 | self.pgn << 8 | specific | u32::from(self.source);
        if fits && whole { CanId::extended(number) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_identifiers() {
        let header = |number| Header::of(CanId::extended(number).unwrap()).unwrap();
        // Engine controller 1 by the engine, and a request to everyone by address 249.
        assert_eq!(header(0x0CF0_0400), Header { priority: 3, pgn: 0xF004, source: 0, destination: GLOBAL });
        assert_eq!(header(0x18EA_FFF9), Header { priority: 6, pgn: 0xEA00, source: 0xF9, destination: GLOBAL });
        assert_eq!(header(0x1CEC_3120), Header { priority: 7, pgn: 0xEC00, source: 0x20, destination: 0x31 });
        assert_eq!(Header::of(CanId::standard(1).unwrap()), None);
        let odd = Header { priority: 6, pgn: 0xEA01, source: 0, destination: 0 };
        assert_eq!((odd.id(), Header { priority: 8, pgn: 0xEA00, ..odd }.id()), (None, None));
        assert_eq!(Header { pgn: 0xFEF1, ..odd }.id(), None, "for everyone, with a destination");
    }

    proptest! {
        #[test]
        fn every_identifier_is_what_it_says(number in 0_u32..0x2000_0000) {
            let id = CanId::extended(number).unwrap();
            prop_assert_eq!(Header::of(id).unwrap().id(), Some(id));
        }
    }
}
