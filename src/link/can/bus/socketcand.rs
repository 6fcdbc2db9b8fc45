//! The text protocol of socketcand, in its raw mode (its `doc/protocol.md`):
//!
//! ```text
//! server  < hi >                                client  < open can0 >
//!         < ok >                                        < rawmode >
//!         < frame 123 1700000000.123456 112233 >        < send 123 3 11 22 33 >
//!         < error 8 1700000000.123456 >
//! ```
//!
//! Identifiers of 29 bits have 8 digits, those of 11 have 3. It knows classic data frames only. What is no message is
//! skipped up to the next `<`; a message has at most 200 bytes.

use super::BusError;
use crate::link::can::frame::{CLASSIC_BYTES, CanFrame, CanId, Kind};

/// Longest message: more than a frame with spaces between its bytes.
const LONGEST_MESSAGE: usize = 200;

/// What a server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A frame came, or its report of an error.
    Frame(CanFrame),
    /// `< hi >`
    Hello,
    /// `< ok >`
    Done,
    /// `< error … >` with words: what was asked for was refused.
    Refused,
}

/// Takes a server's bytes apart.
#[derive(Clone, Debug)]
pub struct Parser {
    message: [u8; LONGEST_MESSAGE],
    filled: usize,
    inside: bool,
}

impl Default for Parser {
    fn default() -> Self {
        Self { message: [0; LONGEST_MESSAGE], filled: 0, inside: false }
    }
}

impl Parser {
    /// Takes bytes and hands over what they complete.
    pub fn push(&mut self, bytes: &[u8], mut tell: impl FnMut(Event)) {
        for &byte in bytes {
            match byte {
                b'<' => (self.filled, self.inside) = (0, true),
                b'>' if self.inside => {
                    self.inside = false;
                    event(&self.message[..self.filled]).into_iter().for_each(&mut tell);
                }
                _ if self.inside && self.filled < LONGEST_MESSAGE => {
                    self.message[self.filled] = byte;
                    self.filled += 1;
                }
                _ => self.inside = false,
            }
        }
    }
}

fn event(message: &[u8]) -> Option<Event> {
    let mut words = std::str::from_utf8(message).ok()?.split_ascii_whitespace();
    match words.next()? {
        "hi" => Some(Event::Hello),
        "ok" => Some(Event::Done),
        "frame" => frame(words).map(Event::Frame),
        "error" => Some(error(words).map_or(Event::Refused, Event::Frame)),
        _ => None,
    }
}

fn frame<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<CanFrame> {
    let id = words.next()?;
    let extended = match id.len() {
        3 => false,
        8 => true,
        _ => return None,
    };
    let id = CanId::new(hex(id)?, extended)?;
    stamp(words.next()?)?;
    let (mut bytes, mut length) = ([0; CLASSIC_BYTES], 0);
    for word in words {
        for pair in word.as_bytes().chunks(2) {
            *bytes.get_mut(length)? = u8::try_from(hex(std::str::from_utf8(pair).ok()?)?).ok()?;
            length += 1;
        }
    }
    CanFrame::data(id, &bytes[..length]).ok()
}

/// A report of an error has a class and a time; a refusal has words.
fn error<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<CanFrame> {
    let class = hex(words.next()?)?;
    stamp(words.next()?)?;
    Some(CanFrame::error(class, &[]))
}

fn stamp(word: &str) -> Option<f64> {
    word.parse().ok().filter(|time: &f64| time.is_finite())
}

fn hex(digits: &str) -> Option<u32> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| plain)
}

/// Writes a frame to be sent.
///
/// # Errors
/// For all but classic data frames.
pub fn write(frame: &CanFrame, out: &mut Vec<u8>) -> Result<(), BusError> {
    if frame.kind() != Kind::Data {
        return Err(BusError::Unsupported("socketcand"));
    }
    let (id, bytes) = (frame.id().number(), frame.bytes());
    let id = if frame.id().is_extended() { format!("{id:08X}") } else { format!("{id:03X}") };
    out.extend(format!("< send {id} {} ", bytes.len()).bytes());
    bytes.iter().for_each(|byte| out.extend(format!("{byte:x} ").bytes()));
    out.push(b'>');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        Parser::default().push(bytes, |event| events.push(event));
        events
    }

    #[test]
    fn messages_are_read() {
        let frame = |id, bytes: &[u8]| Event::Frame(CanFrame::data(id, bytes).unwrap());
        let (short, long) = (CanId::standard(0x123).unwrap(), CanId::extended(0x123).unwrap());
        let said = b"< hi >< ok >< frame 123 23.5 112233 >\n< frame 00000123 23.5 11 22 > < frame 123 1.0  >";
        let wanted = [
            Event::Hello,
            Event::Done,
            frame(short, &[0x11, 0x22, 0x33]),
            frame(long, &[0x11, 0x22]),
            frame(short, &[]),
        ];
        assert_eq!(parse(said), wanted);
        assert_eq!(parse(b"< error 8 1.5 >"), [Event::Frame(CanFrame::error(8, &[]))]);
        assert_eq!(parse(b"< error could not open bus >"), [Event::Refused]);
        assert_eq!(
            parse(b"< frame 1 1 1 >< frame 123 x 11 >< frame 123 1 112233445566778899 >< frame +23 1 11 >< what >"),
            []
        );
        let mut long = b"< frame 123 1.0 ".to_vec();
        long.extend([b'1'; 5000]);
        long.extend(b" >< ok >");
        assert_eq!(parse(&long), [Event::Done], "after one that is too long");
        assert!(write(&CanFrame::remote(short, 1).unwrap(), &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn what_is_sent_comes_as_it_was(number in 0_u32..0x2000_0000, extended: bool, bytes in proptest::collection::vec(any::<u8>(), 0..=8)) {
            let number = if extended { number } else { number & 0x7FF };
            let frame = CanFrame::data(CanId::new(number, extended).unwrap(), &bytes).unwrap();
            let mut out = Vec::new();
            write(&frame, &mut out).unwrap();
            // A server's frame has a time where a client's has the length, and two digits per byte.
            let text = String::from_utf8(out).unwrap();
            let id = text.split(' ').nth(2).unwrap();
            let data: String = text.split(' ').skip(4).filter(|word| *word != ">").map(|word| format!("{word:0>2}")).collect();
            prop_assert_eq!(parse(format!("< frame {id} 1.25 {data} >").as_bytes()), [Event::Frame(frame)]);
        }

        #[test]
        fn nothing_breaks_it_and_it_finds_its_feet(noise in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut bytes = noise;
            bytes.extend(b"< hi >");
            let events = parse(&bytes);
            prop_assert_eq!(events.last(), Some(&Event::Hello));
        }

        #[test]
        fn changed_messages_do_not_break_it(at in 0_usize..40, byte: u8) {
            let mut bytes = b"< frame 1F334455 1700000000.123456 1122334455 >".to_vec();
            bytes[at] = byte;
            parse(&bytes);
        }
    }
}
