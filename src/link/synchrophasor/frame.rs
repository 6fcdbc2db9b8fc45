//! A frame: what all have in common, and what the kinds hold.
//!
//! Limits: the values of a data frame stay bytes ([`Body::Data`]) until they are read with the stream's configuration, by
//! [`super::data::decode`]. Source: IEEE C37.118.2-2011, 6.2 (tables 2 to 4), 6.6 (tables 13 to 15).

use super::config::{self, Config};
use super::config3;
use super::wire::{Reader, check_word, count};

/// Bytes before the body: SYNC, FRAMESIZE, IDCODE, SOC, FRACSEC.
pub const PREFIX: usize = 14;
/// Bytes of a frame without a body.
pub const SMALLEST: usize = PREFIX + 2;
/// The first byte of each frame.
pub const SYNC: u8 = 0xAA;

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// So many bytes belonged to no frame.
    #[error("{0} bytes that belong to no frame")]
    Garbage(usize),
    /// A size that no frame has.
    #[error("a frame of {0} bytes")]
    Size(usize),
    /// The check word is another.
    #[error("check word {given:#06x} instead of {computed:#06x}")]
    Check {
        /// As it came.
        given: u16,
        /// As it should be.
        computed: u16,
    },
    /// A kind or version that is not known.
    #[error("SYNC {0:#06x} is of no known kind and version")]
    Sync(u16),
    /// A field ends beyond the frame.
    #[error("the frame ends before its last field")]
    Short,
    /// Something follows the last field.
    #[error("{0} bytes follow the last field")]
    Long(usize),
    /// A field holds what it must not.
    #[error("{0} holds what it must not")]
    Field(&'static str),
    /// A configuration in several frames.
    #[error("a CFG-3 in several frames is not read")]
    Fragment,
}

/// Why a frame cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A field has no room for it.
    #[error("{0} does not fit its field")]
    Range(&'static str),
    /// The values are not those of the configuration.
    #[error("values of {0} are not as many as the configuration says")]
    Shape(&'static str),
}

/// The standard's edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// IEEE C37.118-2005.
    V2005,
    /// IEEE C37.118.2-2011.
    V2011,
}

/// How well a clock keeps time: the byte before the fraction of the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeQuality(pub u8);

impl TimeQuality {
    /// The code of the clock's error, 0 (locked) to 15 (failed).
    pub const fn code(self) -> u8 {
        self.0 & 0x0F
    }

    /// The most that the clock is off in s; infinite where that is unknown.
    pub fn error_s(self) -> f64 {
        match self.code() {
            0 => 0.0,
            code @ 1..=11 => 10.0_f64.powi(i32::from(code) - 10),
            _ => f64::INFINITY,
        }
    }

    /// Whether a leap second is about to come.
    pub const fn leap_second_pending(self) -> bool {
        self.0 & 0x10 != 0
    }
}

/// A frame's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time {
    /// Seconds since 1970, UTC, without leap seconds.
    pub soc: u32,
    /// Fraction of the second, in parts of the configuration's time base; below 2²⁴.
    pub fraction: u32,
    /// How well the clock keeps time.
    pub quality: TimeQuality,
}

impl Time {
    /// µs since 1970; `None` where the fraction is not one of the time base.
    pub fn utc_us(self, time_base: u32) -> Option<u64> {
        let part =
            (u64::from(self.fraction) * 1_000_000 + u64::from(time_base) / 2).checked_div(u64::from(time_base))?;
        (self.fraction < time_base).then_some(u64::from(self.soc) * 1_000_000 + part)
    }

    /// The time of so many µs since 1970, by a clock that is locked; it ends in 2106.
    pub fn at(utc_us: u64, time_base: u32) -> Self {
        let fraction = utc_us % 1_000_000 * u64::from(time_base) / 1_000_000;
        let soc = u32::try_from(utc_us / 1_000_000).unwrap_or(u32::MAX);
        Self { soc, fraction: u32::try_from(fraction).unwrap_or(0), quality: TimeQuality(0) }
    }
}

/// Which configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigKind {
    /// All that the device can send.
    Cfg1,
    /// What it sends.
    Cfg2,
    /// What it sends, with longer names and more about it.
    Cfg3,
}

/// What a device is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send no more data.
    DataOff,
    /// Send data.
    DataOn,
    /// Send the header.
    SendHeader,
    /// Send a configuration.
    Send(ConfigKind),
    /// Something of the user's own.
    Extended(Vec<u8>),
    /// A word that is not known.
    Other(u16),
}

/// What a frame holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Values, which only the configuration makes readable.
    Data(Vec<u8>),
    /// Text for people.
    Header(Vec<u8>),
    /// What data frames hold.
    Config(ConfigKind, Config),
    /// An order.
    Command(Command),
}

/// A frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// By which edition.
    pub version: Version,
    /// The stream it belongs to.
    pub id: u16,
    /// When.
    pub time: Time,
    /// What it holds.
    pub body: Body,
}

/// Kind and version by the second byte; `None` where one is not known.
pub(super) const fn kind(byte: u8) -> Option<(u8, Version)> {
    let version = match byte & 0x0F {
        1 => Version::V2005,
        2 => Version::V2011,
        _ => return None,
    };
    let kind = byte >> 4;
    if kind <= 5 { Some((kind, version)) } else { None }
}

impl Frame {
    /// Reads one frame, which the bytes hold from the first to the last.
    ///
    /// # Errors
    /// When they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let mut reader = Reader(bytes);
        let (sync, size) = (reader.u16()?, reader.u16()?);
        let [first, second] = sync.to_be_bytes();
        let (kind, version) = kind(second).filter(|_| first == SYNC).ok_or(FrameError::Sync(sync))?;
        if usize::from(size) != bytes.len() || bytes.len() < SMALLEST {
            return Err(FrameError::Size(usize::from(size)));
        }
        let (checked, given) = bytes.split_at(bytes.len() - 2);
        let (given, computed) = (Reader(given).u16()?, check_word(checked));
        if given != computed {
            return Err(FrameError::Check { given, computed });
        }
        let (id, soc, fraction) = (reader.u16()?, reader.u32()?, reader.u32()?);
        let quality = TimeQuality(fraction.to_be_bytes()[0]);
        let time = Time { soc, fraction: fraction & 0x00FF_FFFF, quality };
        let body = checked.get(PREFIX..).ok_or(FrameError::Short)?;
        let body = match kind {
            0 => Body::Data(body.to_vec()),
            1 => Body::Header(body.to_vec()),
            2 => Body::Config(ConfigKind::Cfg1, config::decode(id, body)?),
            3 => Body::Config(ConfigKind::Cfg2, config::decode(id, body)?),
            4 => Body::Command(command(body)?),
            _ => Body::Config(ConfigKind::Cfg3, config3::decode(id, body)?),
        };
        Ok(Self { version, id, time, body })
    }

    /// The frame's bytes.
    ///
    /// # Errors
    /// When something does not fit its field, or all of it not 65,535 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let (kind, body) = match &self.body {
            Body::Data(bytes) => (0, bytes.clone()),
            Body::Header(bytes) => (1, bytes.clone()),
            Body::Config(ConfigKind::Cfg1, config) => (2, config::encode(config)?),
            Body::Config(ConfigKind::Cfg2, config) => (3, config::encode(config)?),
            Body::Config(ConfigKind::Cfg3, config) => (5, config3::encode(config)?),
            Body::Command(command) => (4, command.encode()),
        };
        let version = match self.version {
            Version::V2005 => 1,
            Version::V2011 => 2,
        };
        if self.time.fraction > 0x00FF_FFFF {
            return Err(EncodeError::Range("FRACSEC"));
        }
        let size = count(body.len() + SMALLEST, "FRAMESIZE")?;
        let mut bytes = Vec::with_capacity(usize::from(size));
        bytes.extend([SYNC, kind << 4 | version]);
        bytes.extend(size.to_be_bytes());
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.time.soc.to_be_bytes());
        bytes.extend((u32::from(self.time.quality.0) << 24 | self.time.fraction).to_be_bytes());
        bytes.extend(body);
        let check = check_word(&bytes);
        bytes.extend(check.to_be_bytes());
        Ok(bytes)
    }
}

fn command(body: &[u8]) -> Result<Command, FrameError> {
    let mut reader = Reader(body);
    let word = reader.u16()?;
    if word == 8 {
        return Ok(Command::Extended(reader.0.to_vec()));
    }
    reader.end()?;
    Ok(match word {
        1 => Command::DataOff,
        2 => Command::DataOn,
        3 => Command::SendHeader,
        4 => Command::Send(ConfigKind::Cfg1),
        5 => Command::Send(ConfigKind::Cfg2),
        6 => Command::Send(ConfigKind::Cfg3),
        other => Command::Other(other),
    })
}

impl Command {
    fn encode(&self) -> Vec<u8> {
        let (word, rest): (u16, &[u8]) = match self {
            Self::DataOff => (1, &[]),
            Self::DataOn => (2, &[]),
            Self::SendHeader => (3, &[]),
            Self::Send(ConfigKind::Cfg1) => (4, &[]),
            Self::Send(ConfigKind::Cfg2) => (5, &[]),
            Self::Send(ConfigKind::Cfg3) => (6, &[]),
            Self::Extended(bytes) => (8, bytes),
            Self::Other(word) => (*word, &[]),
        };
        [&word.to_be_bytes(), rest].concat()
    }
}
