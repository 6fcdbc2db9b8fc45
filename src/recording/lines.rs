//! Lines of a file of any length, in one buffer: each is looked at where it lies.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

/// Bytes read at once, and the longest line.
const ROOM: usize = 1 << 20;

/// Lines of a file, ended by `\n`, `\r\n` or, when its first line is, by `\r`.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    at: usize,
    /// Where the bytes end that were read.
    end: usize,
    ended: bool,
    terminator: u8,
    /// Lines returned.
    count: u64,
    /// Where the buffer begins in the file.
    offset: u64,
}

/// A place between two lines.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    offset: u64,
    count: u64,
}

impl<R: Read + Seek> Lines<R> {
    /// Lines from where `input` stands; `count` of them stand before.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn new(mut input: R, count: u64) -> io::Result<Self> {
        let offset = input.stream_position()?;
        let mut lines =
            Self { input, buffer: vec![0; ROOM], at: 0, end: 0, ended: false, terminator: b'\n', count, offset };
        lines.fill()?;
        let read = &lines.buffer[..lines.end];
        let first = read.iter().position(|b| matches!(b, b'\r' | b'\n'));
        if let Some(k) = first.filter(|k| read[*k] == b'\r' && read.get(k + 1).is_some_and(|b| *b != b'\n')) {
            // A carriage return in front of the one that belongs to the line's end is a slip of some recorders.
            let slip = read[k..].starts_with(b"\r\r\n");
            lines.terminator = if slip { b'\n' } else { b'\r' };
        }
        Ok(lines)
    }

    /// The next line without its end, and its number from 1; `None` at the end. What stands behind the last line's end is
    /// a line only when there is something.
    ///
    /// # Errors
    /// When the file cannot be read, or with `InvalidData` when a line is longer than the buffer.
    pub fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        let mut searched = self.at;
        let end = loop {
            if let Some(k) = find(&self.buffer[searched..self.end], self.terminator) {
                break searched + k;
            }
            if self.ended {
                if self.at == self.end {
                    return Ok(None);
                }
                break self.end;
            }
            searched = self.end - self.at;
            self.fill()?;
        };
        let from = std::mem::replace(&mut self.at, (end + 1).min(self.end));
        self.count += 1;
        let line = &self.buffer[from..end];
        let kept = line.iter().rposition(|b| *b != b'\r').map_or(0, |k| k + 1);
        Ok(Some((self.count, &line[..kept])))
    }

    /// Lines returned so far.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Byte of the file at which the next line begins.
    pub const fn position(&self) -> u64 {
        self.offset + self.at as u64
    }

    /// The place before the next line.
    pub const fn mark(&self) -> Mark {
        Mark { offset: self.position(), count: self.count }
    }

    /// Goes back to a place.
    ///
    /// # Errors
    /// When the file cannot be read there.
    pub fn back_to(&mut self, mark: Mark) -> io::Result<()> {
        self.input.seek(SeekFrom::Start(mark.offset))?;
        (self.offset, self.count) = (mark.offset, mark.count);
        (self.at, self.end, self.ended) = (0, 0, false);
        self.fill()
    }

    /// Moves what is left to the buffer's beginning and reads until it is full or the file ends.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.at..self.end, 0);
        self.offset += self.at as u64;
        (self.at, self.end) = (0, self.end - self.at);
        if self.end == self.buffer.len() {
            return Err(io::Error::new(ErrorKind::InvalidData, format!("a line is longer than {} KiB", ROOM >> 10)));
        }
        while self.end < self.buffer.len() && !self.ended {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(n) => self.end += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Where a byte is first, eight bytes at a time.
fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let pattern = u64::from(byte) * ONES;
    let chunks = bytes.chunks_exact(8);
    let rest = bytes.len() - chunks.remainder().len();
    for (k, chunk) in chunks.enumerate() {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        let differing = u64::from_le_bytes(word) ^ pattern;
        // The lowest byte that is zero has its top bit set; higher ones may be wrong.
        let zero = differing.wrapping_sub(ONES) & !differing & (ONES << 7);
        if zero != 0 {
            return Some(8 * k + zero.trailing_zeros() as usize / 8);
        }
    }
    bytes[rest..].iter().position(|b| *b == byte).map(|k| rest + k)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn all(text: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(Cursor::new(text.to_vec()), 0).unwrap();
        let mut found = Vec::new();
        while let Some((_, line)) = lines.next().unwrap() {
            found.push(String::from_utf8_lossy(line).into_owned());
        }
        found
    }

    #[test]
    fn lines_end_as_they_do_in_the_wild() {
        for text in ["a\nbc\n\nd", "a\r\nbc\r\n\r\nd\r\n", "a\rbc\r\rd\r", "a\r\r\nbc\r\r\n\r\r\nd"] {
            assert_eq!(all(text.as_bytes()), ["a", "bc", "", "d"], "{text:?}");
        }
        assert!(all(b"").is_empty());
        assert_eq!(all(b"\n"), [""]);
    }

    #[test]
    fn long_files_are_read_piece_by_piece() {
        let text: String = (0..300_000).map(|k| format!("line {k}\n")).collect();
        let mut lines = Lines::new(Cursor::new(text.clone().into_bytes()), 0).unwrap();
        let mut mark = lines.mark();
        for k in 0..300_000 {
            if k == 123_456 {
                mark = lines.mark();
            }
            let (number, line) = lines.next().unwrap().unwrap();
            assert_eq!((number, line), (k + 1, format!("line {k}").as_bytes()));
        }
        assert_eq!(lines.position(), text.len() as u64);
        lines.back_to(mark).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), (123_457, b"line 123456".as_slice()));
    }

    #[test]
    fn a_line_without_an_end_is_refused_in_bounded_memory() {
        let mut lines = Lines::new(Cursor::new(vec![b'x'; 3 << 20]), 0);
        let refused = lines.as_mut().map_or(true, |lines| lines.next().is_err());
        assert!(refused);
    }

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for length in 0..40 {
            for at in 0..length {
                let mut bytes = vec![b'\x0b'; length];
                bytes[at] = b'\n';
                bytes[at..].iter_mut().skip(2).for_each(|b| *b = b'\n');
                assert_eq!(find(&bytes, b'\n'), Some(at));
            }
            assert_eq!(find(&vec![b'\x8a'; length], b'\n'), None);
        }
    }
}
