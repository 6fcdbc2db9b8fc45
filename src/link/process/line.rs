//! Lines of bounded length from someone who may never end one.

use std::io::{self, BufRead, Read};

/// Longest line in bytes, its end not counted.
pub(super) const LONGEST: usize = 1 << 20;

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A line is in the buffer, without its end.
    Line,
    /// A line has begun that is longer than [`LONGEST`].
    TooLong,
    /// There is no whole line any more.
    End,
}

/// Reads a line into a buffer that is cleared before. What stands before the end without an end of line is no line.
pub(super) fn read(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Found> {
    line.clear();
    from.take(LONGEST as u64 + 1).read_until(b'\n', line)?;
    Ok(match line.pop() {
        Some(b'\n') => Found::Line,
        Some(_) if line.len() >= LONGEST => Found::TooLong,
        _ => Found::End,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_they_end_and_not_beyond_the_longest() {
        let (mut line, mut text) = (Vec::new(), &b"one\n\ntwo"[..]);
        assert_eq!((read(&mut text, &mut line).unwrap(), line.as_slice()), (Found::Line, &b"one"[..]));
        assert_eq!((read(&mut text, &mut line).unwrap(), line.as_slice()), (Found::Line, &b""[..]));
        assert_eq!(read(&mut text, &mut line).unwrap(), Found::End, "a line without an end");
        let mut longest = [vec![b'x'; LONGEST], vec![b'\n']].concat();
        assert_eq!(read(&mut longest.as_slice(), &mut line).unwrap(), Found::Line);
        assert_eq!(line.len(), LONGEST);
        longest.insert(0, b'x');
        assert_eq!(read(&mut longest.as_slice(), &mut line).unwrap(), Found::TooLong);
    }
}
