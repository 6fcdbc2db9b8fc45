//! Blocks of a pcapng file: written little-endian, read in either order of bytes.
//!
//! Written are Section Header, Interface Description, Enhanced Packet and Interface Statistics; read are those, and all others
//! passed over. Limits: a block is at most [`LARGEST_BLOCK`] bytes, names and comments at most 65,535. Times are ns. Source:
//! IETF draft-ietf-opsawg-pcapng, clauses 3 and 4; numbers of link types: tcpdump.org/linktypes.

use std::io::{self, Read};

/// Largest block that is read.
pub const LARGEST_BLOCK: usize = 1 << 20;
const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;
const MAGIC: u32 = 0x1A2B_3C4D;

/// What packets of an interface begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkType {
    /// An IPv4 or IPv6 header (LINKTYPE_RAW).
    Raw,
    /// The bench's own byte for the direction, then serial bytes (LINKTYPE_USER0).
    Serial,
    /// A SocketCAN frame with its number in network order (LINKTYPE_CAN_SOCKETCAN).
    Can,
}

impl LinkType {
    /// Its number.
    pub const fn number(self) -> u16 {
        match self {
            Self::Raw => 101,
            Self::Serial => 147,
            Self::Can => 227,
        }
    }
}

/// Options of a block while it is put together.
struct Body(Vec<u8>);

impl Body {
    fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
        self.0.extend(code.to_le_bytes());
        self.0.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
        self.padded(value);
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn time(&mut self, ns: u64) {
        let [high, low] = halves(ns);
        self.0.extend(high.to_le_bytes());
        self.0.extend(low.to_le_bytes());
    }

    fn block(self, kind: u32) -> Vec<u8> {
        let length = u32::try_from(self.0.len() + 12).unwrap_or(u32::MAX).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, &self.0, &length].concat()
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn halves(number: u64) -> [u32; 2] {
    [(number >> 32) as u32, number as u32]
}

/// A Section Header: the beginning of a file, with the program's name.
pub fn section_header(program: &str) -> Vec<u8> {
    let mut body = Body(Vec::new());
    body.0.extend(MAGIC.to_le_bytes());
    body.0.extend([1, 0, 0, 0]);
    body.0.extend(u64::MAX.to_le_bytes());
    body.option(4, program.as_bytes());
    body.option(0, &[]);
    body.block(SECTION)
}

/// An Interface Description; interfaces are numbered from 0 as they come.
pub fn interface(link: LinkType, name: &str, description: &str) -> Vec<u8> {
    let mut body = Body(Vec::new());
    body.0.extend(link.number().to_le_bytes());
    body.0.extend([0, 0]);
    body.0.extend(0_u32.to_le_bytes());
    body.option(2, name.as_bytes());
    body.option(3, description.as_bytes());
    // Resolution of times: 10⁻⁹ s.
    body.option(9, &[9]);
    body.option(0, &[]);
    body.block(INTERFACE)
}

/// An Enhanced Packet: what came at a time, in ns since 1970.
pub fn packet(interface: u32, time_ns: u64, data: &[u8], comment: &str) -> Vec<u8> {
    let mut body = Body(Vec::with_capacity(data.len() + comment.len() + 48));
    body.0.extend(interface.to_le_bytes());
    body.time(time_ns);
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes();
    body.0.extend([length, length].concat());
    body.padded(data);
    body.option(1, comment.as_bytes());
    body.option(0, &[]);
    body.block(PACKET)
}

/// Interface Statistics: how many packets an interface had, and how many of them are not in the file.
pub fn statistics(interface: u32, time_ns: u64, received: u64, dropped: u64) -> Vec<u8> {
    let mut body = Body(Vec::new());
    body.0.extend(interface.to_le_bytes());
    body.time(time_ns);
    body.option(4, &received.to_le_bytes());
    body.option(5, &dropped.to_le_bytes());
    body.option(0, &[]);
    body.block(STATISTICS)
}

/// A block, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A section begins; interfaces are counted from 0 again.
    Section,
    /// An interface.
    Interface {
        /// Number of its link type.
        link_type: u16,
        /// Its name, where it has one.
        name: Option<String>,
        /// What it is, where that is said.
        description: Option<String>,
        /// Its times are in 10 to the minus so many s, or with the highest bit set in 2 to the minus so many.
        resolution: u8,
    },
    /// A packet.
    Packet {
        /// Its interface.
        interface: u32,
        /// Its time, in the interface's resolution.
        time: u64,
        /// What was captured of it.
        data: Vec<u8>,
        /// Its first comment.
        comment: Option<String>,
    },
    /// Statistics of an interface.
    Statistics {
        /// The interface.
        interface: u32,
        /// Packets it had.
        received: Option<u64>,
        /// Packets of them that are not in the file.
        dropped: Option<u64>,
    },
    /// Another block, by its number.
    Other(u32),
}

/// Why a file is none.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It could not be read.
    #[error("the capture cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It does not begin with a section.
    #[error("this is no pcapng file")]
    Magic,
    /// A block's length cannot be.
    #[error("a block of {0} bytes")]
    Length(u32),
    /// A block ends within a field.
    #[error("a block ends too early")]
    Short,
    /// It ends within a block.
    #[error("the file ends within a block")]
    Cut,
}

/// Reads blocks one by one; what it holds is one block.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    big: bool,
    begun: bool,
}

/// Fields of a block that is read.
struct Fields<'a> {
    left: &'a [u8],
    big: bool,
}

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], ReadError> {
        let (taken, rest) = self.left.split_at_checked(count).ok_or(ReadError::Short)?;
        self.left = rest;
        Ok(taken)
    }

    fn padded(&mut self, count: usize) -> Result<&'a [u8], ReadError> {
        let bytes = self.bytes(count.checked_next_multiple_of(4).ok_or(ReadError::Short)?)?;
        Ok(bytes.get(..count).unwrap_or(bytes))
    }

    fn number(&mut self, bytes: usize) -> Result<u64, ReadError> {
        let taken = self.bytes(bytes)?;
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Ok(if self.big { taken.iter().fold(0, join) } else { taken.iter().rev().fold(0, join) })
    }

    fn u16(&mut self) -> Result<u16, ReadError> {
        u16::try_from(self.number(2)?).map_err(|_| ReadError::Short)
    }

    fn u32(&mut self) -> Result<u32, ReadError> {
        u32::try_from(self.number(4)?).map_err(|_| ReadError::Short)
    }

    /// The next option: its code and value; `None` at the end.
    fn option(&mut self) -> Result<Option<(u16, &'a [u8])>, ReadError> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let (code, length) = (self.u16()?, self.u16()?);
        let value = self.padded(usize::from(length))?;
        Ok((code != 0).then_some((code, value)))
    }

    fn value(&self, bytes: &'a [u8]) -> Option<u64> {
        Fields { left: bytes, big: self.big }.number(8).ok()
    }
}

impl<R: Read> Reader<R> {
    /// A reader of a file from its beginning.
    pub const fn new(from: R) -> Self {
        Self { from, big: false, begun: false }
    }

    /// The next block; `None` at the end.
    ///
    /// # Errors
    /// When what follows is no block. Nothing sensible comes after it.
    #[allow(clippy::should_implement_trait, reason = "it can fail")]
    pub fn next(&mut self) -> Result<Option<Block>, ReadError> {
        let mut head = [0; 12];
        match self.fill(&mut head)? {
            0 => return Ok(None),
            12 => {}
            _ => return Err(ReadError::Cut),
        }
        let [k0, k1, k2, k3, l0, l1, l2, l3, m0, m1, m2, m3] = head;
        let (kind, first) = ([k0, k1, k2, k3], [m0, m1, m2, m3]);
        if u32::from_be_bytes(kind) == SECTION {
            self.big = match u32::from_be_bytes(first) {
                MAGIC => true,
                swapped if swapped.swap_bytes() == MAGIC => false,
                _ => return Err(ReadError::Magic),
            };
            self.begun = true;
        } else if !self.begun {
            return Err(ReadError::Magic);
        }
        let big = self.big;
        let number = |bytes| if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        let length = number([l0, l1, l2, l3]);
        let size = usize::try_from(length).ok().filter(|size| (12..=LARGEST_BLOCK).contains(size) && size % 4 == 0);
        let mut rest = vec![0; size.ok_or(ReadError::Length(length))? - 12];
        if self.fill(&mut rest)? < rest.len() {
            return Err(ReadError::Cut);
        }
        // The last four bytes are the length again: they may be those of the head, where the block is empty.
        let all = [&first[..], &rest].concat();
        let body = all.get(..all.len().saturating_sub(4)).unwrap_or_default();
        let again = all.last_chunk::<4>().map(|bytes| number(*bytes));
        if again != Some(length) {
            return Err(ReadError::Length(length));
        }
        block(number(kind), Fields { left: body, big: self.big }).map(Some)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut filled = 0;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            match self.from.read(room) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(filled)
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    Some(String::from_utf8_lossy(bytes).into_owned())
}

fn block(kind: u32, mut fields: Fields) -> Result<Block, ReadError> {
    match kind {
        SECTION => Ok(Block::Section),
        INTERFACE => {
            let link_type = fields.u16()?;
            fields.bytes(6)?;
            let (mut name, mut description, mut resolution) = (None, None, 6);
            while let Some((code, value)) = fields.option()? {
                match code {
                    2 => name = text(value),
                    3 => description = text(value),
                    9 => resolution = value.first().copied().unwrap_or(6),
                    _ => {}
                }
            }
            Ok(Block::Interface { link_type, name, description, resolution })
        }
        PACKET => {
            let interface = fields.u32()?;
            let time = u64::from(fields.u32()?) << 32 | u64::from(fields.u32()?);
            let captured = usize::try_from(fields.u32()?).map_err(|_| ReadError::Short)?;
            fields.u32()?;
            let (data, mut comment) = (fields.padded(captured)?.to_vec(), None);
            while let Some((code, value)) = fields.option()? {
                if code == 1 && comment.is_none() {
                    comment = text(value);
                }
            }
            Ok(Block::Packet { interface, time, data, comment })
        }
        STATISTICS => {
            let interface = fields.u32()?;
            fields.bytes(8)?;
            let (mut received, mut dropped) = (None, None);
            while let Some((code, value)) = fields.option()? {
                match code {
                    4 => received = fields.value(value),
                    5 => dropped = fields.value(value),
                    _ => {}
                }
            }
            Ok(Block::Statistics { interface, received, dropped })
        }
        other => Ok(Block::Other(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(bytes: &[u8]) -> Result<Vec<Block>, ReadError> {
        let (mut reader, mut blocks) = (Reader::new(bytes), Vec::new());
        while let Some(block) = reader.next()? {
            blocks.push(block);
        }
        Ok(blocks)
    }

    fn sample() -> Vec<u8> {
        [
            section_header("phasorbench"),
            interface(LinkType::Raw, "pmu", "127.0.0.1:4712"),
            packet(0, 0x0123_4567_89AB_CDEF, &[1, 2, 3, 4, 5], "session_us=7"),
            statistics(0, 9, 3, 2),
        ]
        .concat()
    }

    #[test]
    fn a_packet_by_hand() {
        // Type 6, 48 bytes: 12 of the frame, 20 fixed, 4 data, 4 + 4 comment, 4 end of options.
        let bytes = packet(1, 0x0000_0002_0000_0003, &[0xAB], "hi");
        let expected = [
            [6, 0, 0, 0],
            [48, 0, 0, 0],
            [1, 0, 0, 0],
            [2, 0, 0, 0],
            [3, 0, 0, 0],
            [1, 0, 0, 0],
            [1, 0, 0, 0],
            [0xAB, 0, 0, 0],
            [1, 0, 2, 0],
            [b'h', b'i', 0, 0],
            [0, 0, 0, 0],
            [48, 0, 0, 0],
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn what_is_written_is_read() {
        let blocks = all(&sample()).unwrap();
        assert_eq!(blocks[0], Block::Section);
        let (name, description) = (Some("pmu".into()), Some("127.0.0.1:4712".into()));
        assert_eq!(blocks[1], Block::Interface { link_type: 101, name, description, resolution: 9 });
        let (data, comment) = (vec![1, 2, 3, 4, 5], Some("session_us=7".into()));
        assert_eq!(blocks[2], Block::Packet { interface: 0, time: 0x0123_4567_89AB_CDEF, data, comment });
        assert_eq!(blocks[3], Block::Statistics { interface: 0, received: Some(3), dropped: Some(2) });
        assert_eq!(blocks.len(), 4);
    }

    #[test]
    fn the_other_order_of_bytes_is_read_too() {
        // A section, an interface with µs (no option), a packet of 2 bytes, a block that is not known.
        let words: Vec<u32> = vec![
            SECTION,
            28,
            MAGIC,
            0x0001_0000,
            u32::MAX,
            u32::MAX,
            28,
            1,
            20,
            227 << 16,
            0,
            20,
            6,
            36,
            0,
            1,
            2,
            2,
            2,
            0xBEEF_0000,
            36,
            0x0BAD,
            12,
            12,
        ];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let packet = Block::Packet { interface: 0, time: 1 << 32 | 2, data: vec![0xBE, 0xEF], comment: None };
        let interface = Block::Interface { link_type: 227, name: None, description: None, resolution: 6 };
        assert_eq!(all(&bytes).unwrap(), [Block::Section, interface, packet, Block::Other(0x0BAD)]);
    }

    #[test]
    fn what_is_none_is_refused() {
        let whole = sample();
        for end in 1..whole.len() {
            if let Ok(blocks) = all(&whole[..end]) {
                assert!(blocks.len() < 4, "cut at {end}, between blocks");
            }
        }
        assert!(matches!(all(&whole[4..]), Err(ReadError::Magic)));
        let mut huge = whole.clone();
        huge[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(all(&huge), Err(ReadError::Length(u32::MAX))));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = all(&bytes);
            let _ = all(&[section_header("x"), bytes].concat());
        }

        #[test]
        fn mutated_files_do_not_panic(at in 0_usize..200, with in any::<u8>()) {
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] = with;
            let _ = all(&bytes);
        }

        #[test]
        fn any_packet_comes_back(data in proptest::collection::vec(any::<u8>(), 0..200), ns in any::<u64>(), comment in ".{0,40}") {
            let bytes = [section_header("x"), packet(3, ns, &data, &comment)].concat();
            let read = all(&bytes).unwrap();
            prop_assert_eq!(&read[1], &Block::Packet { interface: 3, time: ns, data, comment: Some(comment) });
        }
    }
}
