//! slcan: the ASCII protocol of LAWICEL's adapters (CAN232 manual), with the FD letters that later adapters added.
//!
//! ```text
//! S6 CR        bit rate 500 kbit/s          t iii l dd…  CR   data, 11 bits      d, b   FD, FD with bit rate switch
//! O CR         open                         T iiiiiiii …      data, 29 bits      D, B   the same with 29 bits
//! C CR         close                        r, R              remote, no data
//! answers: CR or z CR, Z CR (done); BEL (refused)
//! ```
//!
//! A time stamp after the data (4 or 8 hexadecimal digits) is accepted and not used: its clock is the adapter's. What is no
//! line of the protocol is skipped up to the next end of a line; a line has at most 160 bytes.

use super::BusError;
use crate::link::can::frame::{CanFrame, CanId, Kind, code_of_length, length_of_code};

/// Longest line: an FD frame of 64 bytes with its time stamp has 146.
const LONGEST_LINE: usize = 160;
/// The byte that refuses a command.
const BELL: u8 = 7;

/// Bit rates by their digit.
const BITRATES: [u32; 9] = [10_000, 20_000, 50_000, 100_000, 125_000, 250_000, 500_000, 800_000, 1_000_000];

/// The command that sets a bit rate in 1/s.
///
/// # Errors
/// When the protocol has no such rate.
pub fn bitrate_command(rate: u32) -> Result<[u8; 3], BusError> {
    let digit = (b'0'..).zip(BITRATES).find(|(_, own)| *own == rate).map(|(digit, _)| digit);
    digit.map(|digit| [b'S', digit, b'\r']).ok_or(BusError::Bitrate(rate))
}

/// What an adapter said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A frame came.
    Frame(CanFrame),
    /// The last command was done.
    Done,
    /// The last command was refused.
    Refused,
}

/// Takes an adapter's bytes apart.
#[derive(Clone, Debug)]
pub struct Parser {
    line: [u8; LONGEST_LINE],
    filled: usize,
    /// The line is too long: it is skipped to its end.
    skipping: bool,
}

impl Default for Parser {
    fn default() -> Self {
        Self { line: [0; LONGEST_LINE], filled: 0, skipping: false }
    }
}

impl Parser {
    /// Takes bytes and hands over what they complete, at most one event per byte.
    pub fn push(&mut self, bytes: &[u8], mut tell: impl FnMut(Event)) {
        for &byte in bytes {
            match byte {
                BELL => {
                    self.restart();
                    tell(Event::Refused);
                }
                b'\r' | b'\n' => {
                    let event = if self.skipping { None } else { event(&self.line[..self.filled]) };
                    // A line feed that follows a carriage return is no answer of its own.
                    let empty = self.filled == 0 && byte == b'\n';
                    self.restart();
                    event.filter(|_| !empty).into_iter().for_each(&mut tell);
                }
                _ if self.filled < LONGEST_LINE => {
                    self.line[self.filled] = byte;
                    self.filled += 1;
                }
                _ => self.skipping = true,
            }
        }
    }

    fn restart(&mut self) {
        (self.filled, self.skipping) = (0, false);
    }
}

/// What a line means; `None` where it is no line of the protocol, or one without meaning here.
fn event(line: &[u8]) -> Option<Event> {
    match line {
        [] | [b'z' | b'Z'] => Some(Event::Done),
        // Some adapters answer a frame's acceptance and the next frame in one line.
        [b'z' | b'Z', rest @ ..] => frame(rest).map(Event::Frame),
        _ => frame(line).map(Event::Frame),
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, byte| Some((number << 4) | u32::from(digit(*byte)?)))
}

fn frame(line: &[u8]) -> Option<CanFrame> {
    let (&letter, rest) = line.split_first()?;
    let extended = letter.is_ascii_uppercase();
    let (id, rest) = rest.split_at_checked(if extended { 8 } else { 3 })?;
    let id = CanId::new(number(id)?, extended)?;
    let (&code, rest) = rest.split_first()?;
    let length = length_of_code(digit(code)?)?;
    let kind = letter.to_ascii_lowercase();
    let digits = if kind == b'r' { 0 } else { 2 * length };
    let (data, stamp) = rest.split_at_checked(digits)?;
    if !matches!(stamp.len(), 0 | 4 | 8) || number(stamp).is_none() {
        return None;
    }
    let mut bytes = [0; 64];
    for (byte, pair) in bytes.iter_mut().zip(data.chunks_exact(2)) {
        *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
    }
    let bytes = bytes.get(..length)?;
    match kind {
        b't' => CanFrame::data(id, bytes).ok(),
        b'r' => CanFrame::remote(id, length).ok(),
        b'd' => CanFrame::fd(id, bytes, false).ok(),
        b'b' => CanFrame::fd(id, bytes, true).ok(),
        _ => None,
    }
}

/// Writes a frame as a command.
///
/// # Errors
/// For an error frame: it cannot be sent.
pub fn write(frame: &CanFrame, out: &mut Vec<u8>) -> Result<(), BusError> {
    let letter = match frame.kind() {
        Kind::Data => b't',
        Kind::Remote => b'r',
        Kind::Fd { bit_rate_switch: false, .. } => b'd',
        Kind::Fd { bit_rate_switch: true, .. } => b'b',
        Kind::Error { .. } => return Err(BusError::Unsupported("slcan")),
    };
    let (id, extended) = (frame.id().number(), frame.id().is_extended());
    out.push(if extended { letter.to_ascii_uppercase() } else { letter });
    let id = if extended { format!("{id:08X}") } else { format!("{id:03X}") };
    let code = code_of_length(frame.length()).ok_or(BusError::Unsupported("slcan"))?;
    out.extend(id.bytes());
    out.extend(format!("{code:X}").bytes());
    frame.bytes().iter().for_each(|byte| out.extend(format!("{byte:02X}").bytes()));
    out.push(b'\r');
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any frame that can be sent.
    pub fn frames() -> impl Strategy<Value = CanFrame> {
        let bytes = proptest::collection::vec(any::<u8>(), 0..=64);
        (any::<u32>(), any::<bool>(), 0..4, bytes).prop_map(|(number, extended, kind, mut bytes)| {
            let id = CanId::new(number & if extended { 0x1FFF_FFFF } else { 0x7FF }, extended).unwrap();
            match kind {
                0 => CanFrame::data(id, &bytes[..bytes.len().min(8)]).unwrap(),
                1 => CanFrame::remote(id, bytes.len().min(8)).unwrap(),
                _ => {
                    bytes.resize(crate::link::can::frame::padded_length(bytes.len()).unwrap(), 0);
                    CanFrame::fd(id, &bytes, kind == 2).unwrap()
                }
            }
        })
    }

    fn parse(bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        Parser::default().push(bytes, |event| events.push(event));
        events
    }

    #[test]
    fn lines_are_read() {
        let id = CanId::standard(0x123).unwrap();
        let frame = |bytes: &[u8]| Event::Frame(CanFrame::data(id, bytes).unwrap());
        assert_eq!(parse(b"t1232AABB\r\r\x07z\r"), [frame(&[0xAA, 0xBB]), Event::Done, Event::Refused, Event::Done]);
        assert_eq!(parse(b"t1232aabb1F3C\r"), [frame(&[0xAA, 0xBB])], "with its time");
        assert_eq!(parse(b"V1013\rt12\rt123901\rT2000000000\rt1231\rt1230\r\n"), [frame(&[])], "only the last is one");
        assert!(matches!(bitrate_command(500_000), Ok([b'S', b'6', b'\r'])));
        assert!(bitrate_command(500_001).is_err());
        let mut long = vec![b't'; 10_000];
        long.extend(b"\rt1230\r");
        assert_eq!(parse(&long), [frame(&[])], "after a line that is too long");
        assert!(write(&CanFrame::error(1, &[]), &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_however_it_is_cut(frames in proptest::collection::vec(frames(), 1..6), cut in 1_usize..9) {
            let mut bytes = Vec::new();
            frames.iter().for_each(|frame| write(frame, &mut bytes).unwrap());
            let (mut parser, mut read) = (Parser::default(), Vec::new());
            for part in bytes.chunks(cut) {
                parser.push(part, |event| read.push(event));
            }
            let wanted: Vec<Event> = frames.into_iter().map(Event::Frame).collect();
            prop_assert_eq!(read, wanted);
        }

        #[test]
        fn nothing_breaks_it_and_it_finds_its_feet(noise in proptest::collection::vec(any::<u8>(), 0..600), frame in frames()) {
            let (mut parser, mut bytes) = (Parser::default(), noise);
            let before = bytes.len();
            bytes.push(b'\r');
            write(&frame, &mut bytes).unwrap();
            let mut events = Vec::new();
            parser.push(&bytes, |event| events.push(event));
            prop_assert_eq!(events.last(), Some(&Event::Frame(frame)));
            prop_assert!(events.len() <= before + 2);
        }

        #[test]
        fn changed_frames_do_not_break_it(frame in frames(), at: usize, byte: u8) {
            let mut bytes = Vec::new();
            write(&frame, &mut bytes).unwrap();
            let at = at % bytes.len();
            bytes[at] = byte;
            parse(&bytes);
        }
    }
}
