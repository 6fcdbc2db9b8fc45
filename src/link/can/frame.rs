//! A CAN frame of fixed size: classic or FD, data, remote or error. Nothing is allocated.
//!
//! Bounds: 8 bytes in a classic frame, 64 in an FD frame and there only the lengths that the wire knows (ISO 11898-1:
//! 0–8, 12, 16, 20, 24, 32, 48, 64). Bytes past the length are zero, so that equal frames compare equal.

use std::fmt;

/// Most bytes of a classic frame.
pub const CLASSIC_BYTES: usize = 8;
/// Most bytes of an FD frame.
pub const FD_BYTES: usize = 64;
/// Lengths of an FD frame beyond a classic one's.
const FD_LENGTHS: [usize; 7] = [12, 16, 20, 24, 32, 48, 64];

const STANDARD_MASK: u32 = 0x7FF;
const EXTENDED_MASK: u32 = 0x1FFF_FFFF;
const EXTENDED_FLAG: u32 = 1 << 31;

/// An identifier: 11 bits (standard) or 29 (extended). The two are different even where the number is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanId(u32);

impl CanId {
    /// A standard identifier; `None` above 0x7FF.
    pub const fn standard(number: u32) -> Option<Self> {
        if number <= STANDARD_MASK { Some(Self(number)) } else { None }
    }

    /// An extended identifier; `None` above 0x1FFF_FFFF.
    pub const fn extended(number: u32) -> Option<Self> {
        if number <= EXTENDED_MASK { Some(Self(number | EXTENDED_FLAG)) } else { None }
    }

    /// One of either kind; `None` where the number has too many bits for it.
    pub const fn new(number: u32, extended: bool) -> Option<Self> {
        if extended { Self::extended(number) } else { Self::standard(number) }
    }

    /// The number, without what says which kind it is.
    pub const fn number(self) -> u32 {
        self.0 & EXTENDED_MASK
    }

    /// Whether it has 29 bits.
    pub const fn is_extended(self) -> bool {
        self.0 & EXTENDED_FLAG != 0
    }
}

impl fmt::Display for CanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_extended() {
            true => write!(f, "{:#010x}", self.number()),
            false => write!(f, "{:#05x}", self.number()),
        }
    }
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Classic, with up to 8 bytes.
    Data,
    /// Classic, asks for the data of its identifier; its length says how many bytes are wanted.
    Remote,
    /// FD, with up to 64 bytes.
    Fd {
        /// Its data went at the second bit rate.
        bit_rate_switch: bool,
        /// Its sender is in the state *error passive*.
        error_passive: bool,
    },
    /// The controller's report of an error, not a frame of the wire: its class bits as SocketCAN numbers them.
    Error {
        /// `CAN_ERR_*` of Linux' `can/error.h`.
        class: u32,
    },
}

/// Class bit of an error frame: the controller is off the bus.
pub const ERROR_BUS_OFF: u32 = 0x40;
/// Class bit of an error frame: a protocol violation, such as a frame whose checksum is wrong.
pub const ERROR_PROTOCOL: u32 = 0x08;

/// Why bytes make no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// More than a frame of its kind holds, or a length that FD does not have.
    #[error("{bytes} bytes are no length of a {kind} frame")]
    Length {
        /// How many there were.
        bytes: usize,
        /// `classic` or `FD`.
        kind: &'static str,
    },
}

/// A frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CanFrame {
    id: CanId,
    kind: Kind,
    len: u8,
    data: [u8; FD_BYTES],
}

impl CanFrame {
    /// A classic frame of data.
    ///
    /// # Errors
    /// With more than 8 bytes.
    pub fn data(id: CanId, bytes: &[u8]) -> Result<Self, FrameError> {
        if bytes.len() > CLASSIC_BYTES {
            return Err(FrameError::Length { bytes: bytes.len(), kind: "classic" });
        }
        Ok(Self::filled(id, Kind::Data, bytes))
    }

    /// An FD frame; `padded_length` says which lengths there are.
    ///
    /// # Errors
    /// When FD has no such length.
    pub fn fd(id: CanId, bytes: &[u8], bit_rate_switch: bool) -> Result<Self, FrameError> {
        if padded_length(bytes.len()) != Some(bytes.len()) {
            return Err(FrameError::Length { bytes: bytes.len(), kind: "FD" });
        }
        Ok(Self::filled(id, Kind::Fd { bit_rate_switch, error_passive: false }, bytes))
    }

    /// A classic frame where the bytes fit one, else an FD frame with bit rate switch, padded with zeros.
    ///
    /// # Errors
    /// With more than 64 bytes.
    pub fn fitting(id: CanId, bytes: &[u8]) -> Result<Self, FrameError> {
        if bytes.len() <= CLASSIC_BYTES {
            return Self::data(id, bytes);
        }
        let length = padded_length(bytes.len()).ok_or(FrameError::Length { bytes: bytes.len(), kind: "FD" })?;
        let mut padded = [0; FD_BYTES];
        padded[..bytes.len()].copy_from_slice(bytes);
        Self::fd(id, &padded[..length], true)
    }

    /// A request for the data of an identifier.
    ///
    /// # Errors
    /// With more than 8 bytes asked for.
    pub fn remote(id: CanId, length: usize) -> Result<Self, FrameError> {
        if length > CLASSIC_BYTES {
            return Err(FrameError::Length { bytes: length, kind: "classic" });
        }
        Ok(Self::filled(id, Kind::Remote, &[0; CLASSIC_BYTES][..length]))
    }

    /// The controller's report of an error, with its details (at most 8 bytes are kept).
    pub fn error(class: u32, details: &[u8]) -> Self {
        let details = &details[..details.len().min(CLASSIC_BYTES)];
        Self::filled(CanId(0), Kind::Error { class: class & EXTENDED_MASK }, details)
    }

    fn filled(id: CanId, kind: Kind, bytes: &[u8]) -> Self {
        let mut data = [0; FD_BYTES];
        data[..bytes.len()].copy_from_slice(bytes);
        Self { id, kind, len: u8::try_from(bytes.len()).unwrap_or(0), data }
    }

    /// The same frame, its sender being error passive or not; only FD frames say so.
    pub fn with_error_passive(mut self, passive: bool) -> Self {
        if let Kind::Fd { error_passive, .. } = &mut self.kind {
            *error_passive = passive;
        }
        self
    }

    /// Its identifier; 0 of an error frame.
    pub const fn id(&self) -> CanId {
        self.id
    }

    /// What it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it carries data: neither remote nor an error.
    pub const fn is_data(&self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Fd { .. })
    }

    /// Its length; of a remote frame, how many bytes it asks for.
    pub const fn length(&self) -> usize {
        self.len as usize
    }

    /// Its bytes; none of a remote frame.
    pub fn bytes(&self) -> &[u8] {
        match self.kind {
            Kind::Remote => &[],
            _ => &self.data[..self.length()],
        }
    }
}

impl fmt::Debug for CanFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} [{}]", self.id, self.kind, self.len)?;
        self.bytes().iter().try_for_each(|byte| write!(f, " {byte:02x}"))
    }
}

/// The shortest length of an FD frame that holds so many bytes; `None` above 64.
pub fn padded_length(bytes: usize) -> Option<usize> {
    if bytes <= CLASSIC_BYTES {
        return Some(bytes);
    }
    FD_LENGTHS.into_iter().find(|length| *length >= bytes)
}

/// The length that a data length code of FD (0–15) stands for; `None` above.
pub fn length_of_code(code: u8) -> Option<usize> {
    match usize::from(code) {
        code @ 0..=CLASSIC_BYTES => Some(code),
        code => FD_LENGTHS.get(code - CLASSIC_BYTES - 1).copied(),
    }
}

/// The data length code of an FD length; `None` where FD has no such length.
pub fn code_of_length(length: usize) -> Option<u8> {
    (0..=15).find(|code| length_of_code(*code) == Some(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_their_bits() {
        assert_eq!(CanId::standard(0x800), None);
        assert_eq!(CanId::extended(0x2000_0000), None);
        let (short, long) = (CanId::standard(0x123).unwrap(), CanId::extended(0x123).unwrap());
        assert_ne!(short, long);
        assert_eq!((short.number(), long.number(), long.is_extended()), (0x123, 0x123, true));
        assert_eq!((short.to_string(), long.to_string()), ("0x123".into(), "0x00000123".into()));
    }

    #[test]
    fn lengths_are_those_of_the_wire() {
        let id = CanId::standard(1).unwrap();
        assert!(CanFrame::data(id, &[0; 9]).is_err());
        assert!(CanFrame::remote(id, 9).is_err());
        for length in 0..=70 {
            let code = code_of_length(length);
            assert_eq!(code.and_then(length_of_code), code.map(|_| length));
            assert_eq!(CanFrame::fd(id, &vec![1; length], false).is_ok(), code.is_some(), "{length}");
        }
        assert_eq!(length_of_code(16), None);
        let padded = CanFrame::fitting(id, &[7; 13]).unwrap();
        assert_eq!((padded.length(), padded.bytes()[12], padded.bytes()[13]), (16, 7, 0));
        assert_eq!(CanFrame::fitting(id, &[7; 8]).unwrap().kind(), Kind::Data);
        assert!(CanFrame::fitting(id, &[7; 65]).is_err());
        assert_eq!(CanFrame::remote(id, 4).unwrap().bytes(), &[] as &[u8]);
    }
}
