//! A frame as python-can's `udp_multicast` interface sends it: one MessagePack map in a datagram.
//!
//! ```text
//! timestamp, arbitration_id, is_extended_id, is_remote_frame, is_error_frame, channel, dlc, data, is_fd,
//! bitrate_switch, error_state_indicator
//! ```
//!
//! The reader takes numbers, strings, byte strings, booleans and nil, as many of the format as that needs: no lists, no
//! maps within the map. Keys that are not known are passed over. Nothing is allocated in reading.

use crate::link::can::frame::{CanFrame, CanId, FD_BYTES, Kind};

/// Most keys of a map.
const MOST_KEYS: u32 = 32;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Value<'a> {
    Nil,
    Bool(bool),
    Whole(u64),
    /// A negative or broken number: no field has one that matters.
    Other,
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

/// Reads values off the front of bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn number(&mut self, bytes: usize) -> Option<u64> {
        self.take(bytes).map(|bytes| bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    fn length(&mut self, bytes: usize) -> Option<usize> {
        self.number(bytes).and_then(|number| usize::try_from(number).ok())
    }

    fn map(&mut self) -> Option<u32> {
        let count = match self.number(1)? {
            first @ 0x80..=0x8F => first & 0x0F,
            0xDE => self.number(2)?,
            0xDF => self.number(4)?,
            _ => return None,
        };
        u32::try_from(count).ok().filter(|count| *count <= MOST_KEYS)
    }

    fn value(&mut self) -> Option<Value<'a>> {
        Some(match self.number(1)? {
            first @ 0x00..=0x7F => Value::Whole(first),
            first @ 0xA0..=0xBF => Value::Text(self.take(usize::try_from(first & 0x1F).ok()?)?),
            0xC0 => Value::Nil,
            0xC2 => Value::Bool(false),
            0xC3 => Value::Bool(true),
            width @ 0xC4..=0xC6 => {
                let length = self.length(1 << (width - 0xC4))?;
                Value::Bytes(self.take(length)?)
            }
            0xCA => self.number(4).map(|_| Value::Other)?,
            0xCB => self.number(8).map(|_| Value::Other)?,
            width @ 0xCC..=0xCF => Value::Whole(self.number(1 << (width - 0xCC))?),
            width @ 0xD0..=0xD3 => self.number(1 << (width - 0xD0)).map(|_| Value::Other)?,
            width @ 0xD9..=0xDB => {
                let length = self.length(1 << (width - 0xD9))?;
                Value::Text(self.take(length)?)
            }
            0xE0..=0xFF => Value::Other,
            _ => return None,
        })
    }
}

/// What a map said.
#[derive(Default)]
struct Fields<'a> {
    id: u64,
    extended: bool,
    remote: bool,
    error: bool,
    length: u64,
    data: &'a [u8],
    fd: bool,
    switch: bool,
    passive: bool,
}

impl<'a> Fields<'a> {
    /// `None` where a field has a value of another kind.
    fn set(&mut self, key: &[u8], value: Value<'a>) -> Option<()> {
        match (key, value) {
            (b"arbitration_id", Value::Whole(number)) => self.id = number,
            (b"dlc", Value::Whole(number)) => self.length = number,
            (b"is_extended_id", Value::Bool(is)) => self.extended = is,
            (b"is_remote_frame", Value::Bool(is)) => self.remote = is,
            (b"is_error_frame", Value::Bool(is)) => self.error = is,
            (b"is_fd", Value::Bool(is)) => self.fd = is,
            (b"bitrate_switch", Value::Bool(is)) => self.switch = is,
            (b"error_state_indicator", Value::Bool(is)) => self.passive = is,
            (b"data", Value::Bytes(bytes)) => self.data = bytes,
            // python-can has its length from the data where there is none.
            (b"data" | b"dlc", Value::Nil) => {}
            (
                b"arbitration_id" | b"is_extended_id" | b"is_remote_frame" | b"is_error_frame" | b"is_fd" | b"data"
                | b"dlc",
                _,
            ) => {
                return None;
            }
            _ => {}
        }
        Some(())
    }

    fn frame(&self) -> Option<CanFrame> {
        let number = u32::try_from(self.id).ok()?;
        if self.error {
            return Some(CanFrame::error(number, self.data));
        }
        let id = CanId::new(number, self.extended)?;
        match (self.remote, self.fd) {
            (true, _) => CanFrame::remote(id, usize::try_from(self.length).ok()?).ok(),
            (_, false) => CanFrame::data(id, self.data).ok(),
            _ => CanFrame::fd(id, self.data, self.switch).ok().map(|frame| frame.with_error_passive(self.passive)),
        }
    }
}

/// Reads a datagram; `None` where it is no frame.
pub(super) fn read(datagram: &[u8]) -> Option<CanFrame> {
    let mut reader = Reader(datagram);
    let mut fields = Fields { extended: true, ..Fields::default() };
    for _ in 0..reader.map()? {
        let Value::Text(key) = reader.value()? else { return None };
        fields.set(key, reader.value()?)?;
    }
    fields.frame()
}

fn key(out: &mut Vec<u8>, key: &str) {
    out.push(0xA0 | u8::try_from(key.len() & 0x1F).unwrap_or(0));
    out.extend(key.bytes());
}

fn flag(out: &mut Vec<u8>, name: &str, is: bool) {
    key(out, name);
    out.push(if is { 0xC3 } else { 0xC2 });
}

/// A whole number in the shortest form.
fn whole(out: &mut Vec<u8>, number: u32) {
    match number {
        0..=0x7F => out.extend(&number.to_be_bytes()[3..]),
        0x80..=0xFF => out.extend([0xCC].iter().chain(&number.to_be_bytes()[3..])),
        0x100..=0xFFFF => out.extend([0xCD].iter().chain(&number.to_be_bytes()[2..])),
        _ => out.extend([0xCE].iter().chain(&number.to_be_bytes())),
    }
}

/// Writes a frame, sent at a time in s since 1970.
pub(super) fn write(frame: &CanFrame, time_s: f64, out: &mut Vec<u8>) {
    let (error, number) = match frame.kind() {
        Kind::Error { class } => (true, class),
        _ => (false, frame.id().number()),
    };
    let (switch, passive) = match frame.kind() {
        Kind::Fd { bit_rate_switch, error_passive } => (bit_rate_switch, error_passive),
        _ => (false, false),
    };
    out.push(0x8B);
    key(out, "timestamp");
    out.push(0xCB);
    out.extend(time_s.to_be_bytes());
    key(out, "arbitration_id");
    whole(out, number);
    flag(out, "is_extended_id", error || frame.id().is_extended());
    flag(out, "is_remote_frame", frame.kind() == Kind::Remote);
    flag(out, "is_error_frame", error);
    key(out, "channel");
    out.push(0xC0);
    let length = u8::try_from(frame.length().min(FD_BYTES)).unwrap_or(0);
    key(out, "dlc");
    out.push(length);
    key(out, "data");
    let bytes = frame.bytes();
    out.extend([0xC4, u8::try_from(bytes.len()).unwrap_or(0)]);
    out.extend(bytes);
    flag(out, "is_fd", matches!(frame.kind(), Kind::Fd { .. }));
    flag(out, "bitrate_switch", switch);
    flag(out, "error_state_indicator", passive);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(frame in crate::link::can::bus::slcan::tests::frames(), time: f64) {
            let mut out = Vec::new();
            write(&frame, time, &mut out);
            prop_assert_eq!(read(&out), Some(frame));
        }

        #[test]
        fn nothing_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            read(&bytes);
        }

        #[test]
        fn changed_frames_do_not_break_it(frame in crate::link::can::bus::slcan::tests::frames(), at: usize, byte: u8, cut: usize) {
            let mut out = Vec::new();
            write(&frame, 1.0, &mut out);
            let at = at % out.len();
            out[at] = byte;
            read(&out[..cut % out.len()]);
            read(&out);
        }
    }
}
