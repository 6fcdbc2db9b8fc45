//! Frames out of a stream of bytes: after garbage, half a frame or a wrong check word it finds the next one.
//!
//! Limits: it holds at most [`MOST_HELD`] bytes; more, pushed without taking frames out, are thrown away with what is there.
//! A frame that claims to be longer than what comes is only given up when so many bytes have come, or by [`Parser::clear`].
//! Where a check word is wrong, the search goes on after its first byte, so that a frame within half of another is found;
//! after [`MOST_TRIES`] in a row all that is held goes, so that the work per byte is bounded.

use super::frame::{Frame, FrameError, SMALLEST, SYNC, kind};
use super::wire::check_word;

/// Most bytes that are held.
pub const MOST_HELD: usize = 2 * 65_535;
/// Frames with a wrong check word in a row before all is thrown away.
pub const MOST_TRIES: u32 = 32;

/// The parser.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    held: Vec<u8>,
    /// Where the first byte that is not done with stands.
    from: usize,
    tries: u32,
    lost: usize,
}

impl Parser {
    /// A parser that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.drain(..self.from);
        self.from = 0;
        if self.held.len() + bytes.len() > MOST_HELD {
            self.lost += self.held.len() + bytes.len();
            self.held.clear();
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    /// Forgets what is held: a new connection has begun.
    pub fn clear(&mut self) {
        *self = Self { held: std::mem::take(&mut self.held), ..Self::default() };
        self.held.clear();
    }

    /// The next frame, or what is wrong with the bytes where one should be; `None` until more has come.
    #[allow(clippy::should_implement_trait, reason = "`None` is not the end")]
    pub fn next(&mut self) -> Option<Result<Frame, FrameError>> {
        if self.lost > 0 {
            return Some(Err(FrameError::Garbage(std::mem::take(&mut self.lost))));
        }
        let held = self.held.get(self.from..)?;
        let skip = held.iter().zip(held.iter().skip(1).map(Some).chain([None])).position(begins).unwrap_or(held.len());
        if skip > 0 {
            self.from += skip;
            return Some(Err(FrameError::Garbage(skip)));
        }
        let size = usize::from(u16::from_be_bytes([*held.get(2)?, *held.get(3)?]));
        if size < SMALLEST {
            self.from += 1;
            return Some(Err(FrameError::Size(size)));
        }
        let bytes = held.get(..size)?;
        let frame = Frame::decode(bytes);
        match frame {
            Err(FrameError::Check { .. }) => self.try_next(),
            _ => (self.tries, self.from) = (0, self.from + size),
        }
        Some(frame)
    }

    fn try_next(&mut self) {
        self.tries += 1;
        self.from += 1;
        if self.tries >= MOST_TRIES {
            self.lost = self.held.len() - self.from;
            (self.tries, self.from) = (0, self.held.len());
        }
    }
}

/// Whether a frame may begin with these two bytes; the second may not have come yet.
fn begins((first, second): (&u8, Option<&u8>)) -> bool {
    *first == SYNC && second.is_none_or(|second| kind(*second).is_some())
}

/// Bytes with another check word, as a wire that disturbs makes them.
pub(super) fn with_wrong_check(mut bytes: Vec<u8>) -> Vec<u8> {
    let checked = bytes.len().saturating_sub(2);
    let wrong = check_word(bytes.get(..checked).unwrap_or_default()) ^ 0x0101;
    bytes.truncate(checked);
    bytes.extend(wrong.to_be_bytes());
    bytes
}
