//! What instruments answer: lines, numbers, errors. No sockets, no clock: bytes in, values out.
//!
//! A line ends with a newline, a carriage return before it is dropped. Numbers are NR1 (`12`), NR2 (`1.5`) and NR3 (`1.5E+3`),
//! besides `ON` and `OFF`, and what SCPI says for what is none: 9.91E37 is no number, ±9.9E37 is beyond what can be measured.
//! Nothing longer than [`LONGEST_LINE`] is kept.
//!
//! Source: SCPI-99, volume 1, 7.2.1 (infinity, not a number), 21.8 (errors); IEEE 488.2-1992, 8.7 (numbers).

use crate::link::description::scpi::split;
use crate::link::quoted;

/// Longest answer in bytes.
pub const LONGEST_LINE: usize = 16 << 10;
/// What SCPI writes where there is no number.
pub const NOT_A_NUMBER: f64 = 9.91e37;
/// What SCPI writes for infinity.
pub const INFINITY: f64 = 9.9e37;
/// Longest number that is read, in bytes.
const LONGEST_NUMBER: usize = 64;

/// An answer that does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line is longer than {LONGEST_LINE} bytes")]
pub struct TooLong;

/// Lines out of a stream of bytes.
#[derive(Debug, Default)]
pub struct Lines {
    held: Vec<u8>,
    /// How much of what is held has no newline.
    looked_at: usize,
}

impl Lines {
    /// Takes bytes in, as many as fit.
    ///
    /// # Errors
    /// When a line would be too long; what was held is dropped.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.held.extend_from_slice(bytes);
        let open = self.held.iter().rposition(|own| *own == b'\n').map_or(0, |at| at + 1);
        if self.held.len() - open > LONGEST_LINE || self.held.len() > 4 * LONGEST_LINE {
            *self = Self::default();
            return Err(TooLong);
        }
        Ok(())
    }

    /// The next line without its end; `None` until more has come.
    pub fn line(&mut self) -> Option<Vec<u8>> {
        let Some(end) = self.held[self.looked_at..].iter().position(|own| *own == b'\n') else {
            self.looked_at = self.held.len();
            return None;
        };
        let mut line: Vec<u8> = self.held.drain(..=self.looked_at + end).collect();
        self.looked_at = 0;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(line)
    }

    /// What is there of the next lines.
    pub fn rest(&self) -> &[u8] {
        &self.held
    }
}

/// What is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It has bytes that no instrument writes.
    #[error("{0} is no line of SCPI")]
    Bytes(String),
    /// It is no number.
    #[error("{0} is no number")]
    Number(String),
    /// It has fewer values.
    #[error("{0} has no value {1}")]
    Few(String, usize),
}

/// A line as text.
///
/// # Errors
/// When it has other than printable ASCII.
pub fn text(line: &[u8]) -> Result<&str, AnswerError> {
    let printable = line.iter().all(|own| own.is_ascii_graphic() || *own == b' ' || *own == b'\t');
    let own = std::str::from_utf8(line).ok().filter(|_| printable);
    own.map(str::trim).ok_or_else(|| AnswerError::Bytes(quoted(line)))
}

/// A number, and what its last digit is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// NaN where SCPI says that there is none, infinite where it says so.
    pub value: f64,
    /// How fine it can be at the digits that were written.
    pub step: f64,
}

/// Reads a number.
///
/// # Errors
/// When it is none.
pub fn number(text: &str) -> Result<Number, AnswerError> {
    let own = text.trim();
    let wrong = || AnswerError::Number(quoted(own.as_bytes()));
    let word = match own.to_ascii_uppercase().as_str() {
        "ON" => Some(1.0),
        "OFF" => Some(0.0),
        "NAN" => Some(f64::NAN),
        "INF" | "+INF" => Some(f64::INFINITY),
        "-INF" | "NINF" => Some(f64::NEG_INFINITY),
        _ => None,
    };
    if let Some(value) = word {
        return Ok(Number { value, step: 0.0 });
    }
    let step = step(own).ok_or_else(wrong)?;
    let value: f64 = own.parse().map_err(|_| wrong())?;
    let value = match value.abs() {
        _ if value.is_nan() => return Err(wrong()),
        size if size >= NOT_A_NUMBER * (1.0 - 1e-4) => f64::NAN,
        size if size >= INFINITY * (1.0 - 1e-4) => f64::INFINITY.copysign(value),
        _ => value,
    };
    Ok(Number { value, step })
}

/// What the last digit of a number is worth; `None` where it is none.
fn step(own: &str) -> Option<f64> {
    if own.len() > LONGEST_NUMBER {
        return None;
    }
    let (mantissa, exponent) = match own.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok().filter(|e| e.abs() <= 999)?),
        None => (own, 0),
    };
    let digits = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number = |part: &str| part.bytes().all(|own| own.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !number(whole) || !number(fraction) {
        return None;
    }
    Some(10_f64.powi(exponent - i32::try_from(fraction.len()).ok()?))
}

/// The values of an answer: separated by commas, by semicolons where several questions were asked.
pub fn values(answer: &str) -> impl Iterator<Item = &str> {
    split(answer, ';').into_iter().flat_map(|own| split(own, ',')).map(str::trim)
}

/// One value of an answer, counted from 0.
///
/// # Errors
/// When there is none, or it is no number.
pub fn value(answer: &str, part: usize) -> Result<Number, AnswerError> {
    match values(answer).nth(part) {
        Some(own) => number(own),
        None => Err(AnswerError::Few(quoted(answer.as_bytes()), part + 1)),
    }
}

/// An instrument's error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", quoted(self.0.as_bytes()))]
pub struct Complaint(pub String);

/// What an answer to the question for errors says; `None` where there is no error.
pub fn complaint(answer: &str) -> Option<Complaint> {
    let own = answer.trim().trim_matches('"');
    let code = own.split(',').next().unwrap_or("");
    let none = code.trim().parse::<i64>() == Ok(0) || own.to_ascii_lowercase().starts_with("no error");
    (!none).then(|| Complaint(answer.to_owned()))
}

/// A number as a command has it: the shortest decimal that reads back as the same number.
pub fn written(value: f64) -> String {
    let size = value.abs();
    match value {
        _ if size == 0.0 => "0".into(),
        _ if value.is_nan() => format!("{NOT_A_NUMBER:E}"),
        _ if value.is_infinite() => format!("{:E}", INFINITY.copysign(value)),
        _ if (1e-5..1e15).contains(&size) => format!("{value}"),
        _ => format!("{value:E}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_every_form() {
        for (text, value, step) in [
            ("12", 12.0, 1.0_f64),
            ("+230.10", 230.1, 0.01),
            ("-.5", -0.5, 0.1),
            ("+2.30000E+02", 230.0, 1e-3),
            ("1.e3", 1000.0, 1000.0),
            (" 7 ", 7.0, 1.0),
            ("ON", 1.0, 0.0),
        ] {
            let own = number(text).unwrap();
            assert!((own.step - step).abs() <= 1e-9 * step, "{text}: {}", own.step);
            assert_eq!(own.value, value, "{text}");
        }
        assert!(number("9.91E37").unwrap().value.is_nan() && number("+9.910000E+037").unwrap().value.is_nan());
        assert_eq!(number("9.9E37").unwrap().value, f64::INFINITY);
        assert_eq!(number("-9.9e+37").unwrap().value, f64::NEG_INFINITY);
        for text in ["", "+", ".", "1,2", "0x10", "1e", "infinity", "1_0", "12V", "1 2", "1e9999", &"1".repeat(65)] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn several_values_and_errors() {
        assert_eq!(value("1.5,-2;\"a,b\",3", 1).unwrap().value, -2.0);
        assert_eq!(value("1.5,-2;\"a,b\",3", 3).unwrap().value, 3.0);
        assert_eq!(value("1.5", 1), Err(AnswerError::Few("`1.5`".into(), 2)));
        for none in ["0,\"No error\"", "+0,\"No error\"", "0", "No error", "\"No error\"", "00000, no error"] {
            assert_eq!(complaint(none), None, "{none}");
        }
        let said = complaint("-113,\"Undefined header\"").unwrap();
        assert_eq!(said.to_string(), "`-113,\\\"Undefined header\\\"`");
        assert!(complaint("").is_some() && complaint("garbage").is_some());
    }

    #[test]
    fn lines_come_in_pieces_and_end() {
        let mut lines = Lines::default();
        lines.push(b"1.").unwrap();
        assert_eq!(lines.line(), None);
        lines.push(b"5\r\n2\n3").unwrap();
        assert_eq!((lines.line(), lines.line(), lines.line()), (Some(b"1.5".to_vec()), Some(b"2".to_vec()), None));
        assert_eq!(lines.rest(), b"3");
        assert_eq!(lines.push(&[b'x'; LONGEST_LINE]), Err(TooLong));
        assert!(lines.rest().is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_lines_or_refused(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..40)) {
            let mut lines = Lines::default();
            for piece in pieces {
                let _ = lines.push(&piece);
                prop_assert!(lines.rest().len() <= 4 * LONGEST_LINE);
                while let Some(line) = lines.line() {
                    prop_assert!(!line.contains(&b'\n'));
                    if let Ok(own) = text(&line) {
                        let _ = (value(own, 0), value(own, 3), complaint(own));
                    }
                }
            }
        }

        #[test]
        fn any_text_is_a_number_or_none(own in "[-+.,eE0-9 ONFnaif]{0,20}") {
            if let Ok(found) = number(&own) {
                prop_assert!(found.step >= 0.0);
            }
        }

        #[test]
        fn what_is_written_reads_back(value in prop_oneof![-1e36..1e36_f64, -1e3..1e3_f64, -1e-9..1e-9_f64]) {
            prop_assert_eq!(number(&written(value)).unwrap().value, value);
        }
    }
}
