//! Records of COMTRADE data, text or binary, one after the other.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::super::Findings;
use super::super::finding::{Line, unreadable};
use super::super::lines::{Lines, Mark};
use super::super::number;
use super::config::{Config, Kind};
use crate::diagnostic::Diagnostic;

/// Bytes read at once.
const ROOM: usize = 1 << 18;

/// A record: its number and time stamp, where it has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    /// Sample number.
    pub number: u64,
    /// Time stamp in ticks.
    pub stamp: Option<f64>,
    /// Whether all values are there.
    pub whole: bool,
}

/// How the values of a channel become those of a row. Lists of them are in the order of the columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Number of the analogue channel from 0.
    pub column: usize,
    /// Place in the row.
    pub slot: usize,
    /// Factor to V or A.
    pub a: f64,
    /// Offset in V or A.
    pub b: f64,
}

/// Records of a data file.
#[derive(Debug)]
pub enum Records {
    /// Lines of text.
    Text(TextRecords),
    /// Records of one length.
    Binary(BinaryRecords),
}

/// A place between two records.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// Between lines.
    Text(Mark),
    /// Before the record of this number from 0.
    Binary(u64),
}

/// Lines of text.
#[derive(Debug)]
pub struct TextRecords {
    path: PathBuf,
    lines: Lines<File>,
    start: u64,
    length: u64,
    fields: usize,
    analogues: usize,
    last: Vec<u8>,
    missing: f64,
}

/// Records of one length.
#[derive(Debug)]
pub struct BinaryRecords {
    path: PathBuf,
    file: File,
    start: u64,
    kind: Kind,
    bytes: usize,
    /// Whole records in the file.
    count: u64,
    /// Records read.
    done: u64,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
}

impl Records {
    /// The records of data that begin at byte `start` of a file and have `length` bytes.
    pub fn new(path: &Path, mut file: File, start: u64, length: u64, lines: u64, config: &Config) -> io::Result<Self> {
        file.seek(SeekFrom::Start(start))?;
        if config.kind == Kind::Ascii {
            let lines = Lines::new(file, lines)?;
            let fields = 2 + config.analogues.len() + config.statuses;
            // C37.111-1991 writes 999999 where a value is missing.
            let missing = if config.year == 1991 { 999_999.0 } else { f64::NAN };
            return Ok(Self::Text(TextRecords {
                path: path.to_owned(),
                lines,
                start,
                length,
                fields,
                analogues: config.analogues.len(),
                last: Vec::new(),
                missing,
            }));
        }
        let bytes = record_bytes(config);
        let room = (ROOM / bytes).max(1) * bytes;
        Ok(Self::Binary(BinaryRecords {
            path: path.to_owned(),
            file,
            start,
            kind: config.kind,
            bytes,
            count: length / bytes as u64,
            done: 0,
            buffer: vec![0; room],
            at: 0,
            filled: 0,
        }))
    }

    /// The next record's values, scaled, into `row`; `None` at the end.
    pub fn next(&mut self, scales: &[Scale], row: &mut [f64]) -> Result<Option<Record>, Box<Findings>> {
        match self {
            Self::Text(records) => records.next(scales, row),
            Self::Binary(records) => {
                records.next(scales, row).map_err(|error| Findings::one(unreadable(&records.path, &error)))
            }
        }
    }

    /// The place before the next record.
    pub const fn place(&self) -> Place {
        match self {
            Self::Text(records) => Place::Text(records.lines.mark()),
            Self::Binary(records) => Place::Binary(records.done),
        }
    }

    /// Goes to a place.
    pub fn go_to(&mut self, place: Place) -> io::Result<()> {
        match (self, place) {
            (Self::Text(records), Place::Text(mark)) => records.lines.back_to(mark),
            (Self::Binary(records), Place::Binary(record)) => records.go_to(record),
            _ => Ok(()),
        }
    }

    /// Whole records, when that is known beforehand.
    pub const fn count(&self) -> Option<u64> {
        match self {
            Self::Text(_) => None,
            Self::Binary(records) => Some(records.count),
        }
    }

    /// A finding at the record read last.
    pub fn wrong(&self, finding: Diagnostic, field: usize) -> Box<Findings> {
        match self {
            Self::Text(records) => {
                let line = Line { path: &records.path, number: records.lines.count(), bytes: &records.last };
                Findings::one_at(finding, line, field_of(&records.last, field))
            }
            Self::Binary(records) => {
                let place = format!(" (record {} of {})", records.done, records.path.display());
                Findings::one(Diagnostic { message: finding.message + &place, ..finding })
            }
        }
    }

    /// Bytes read, and how many there are.
    pub const fn progress(&self) -> (u64, u64) {
        match self {
            Self::Text(records) => (records.lines.position().saturating_sub(records.start), records.length),
            Self::Binary(records) => (records.done * records.bytes as u64, records.count * records.bytes as u64),
        }
    }
}

/// Bytes of a binary record: number, time stamp, analogue values, status bits in words of 16.
pub fn record_bytes(config: &Config) -> usize {
    8 + config.analogues.len() * config.kind.bytes() + 2 * config.statuses.div_ceil(16)
}

/// Where a field stands in a line.
fn field_of(line: &[u8], number: usize) -> std::ops::Range<usize> {
    let mut start = 0;
    for (k, part) in line.split(|b| *b == b',').enumerate() {
        if k == number {
            return start..start + part.len();
        }
        start += part.len() + 1;
    }
    0..line.len()
}

impl TextRecords {
    fn next(&mut self, scales: &[Scale], row: &mut [f64]) -> Result<Option<Record>, Box<Findings>> {
        let (number, line) = loop {
            match self.lines.next() {
                // Some recorders end the file with the control character that once ended files.
                Ok(Some((_, line))) if line.trim_ascii().is_empty() || line == b"\x1A" => {}
                Ok(Some(found)) => break found,
                Ok(None) => return Ok(None),
                Err(error) => return Err(Findings::one(unreadable(&self.path, &error))),
            }
        };
        self.last.clear();
        self.last.extend_from_slice(line);
        let place = Line { path: &self.path, number, bytes: &self.last };
        read_line(place, self.fields, self.analogues, self.missing, scales, row).map(Some)
    }
}

fn read_line(
    line: Line,
    fields: usize,
    analogues: usize,
    missing: f64,
    scales: &[Scale],
    row: &mut [f64],
) -> Result<Record, Box<Findings>> {
    let wrong = |k: usize, what: &str, text: &[u8]| {
        let shown: String = String::from_utf8_lossy(text).trim().chars().take(24).collect();
        let finding = Diagnostic::error("E0505", format!("{what} is not a finite number: {shown:?}"));
        let binary = text.iter().any(|b| *b < b' ' && *b != b'\t');
        let finding = if binary {
            finding.help("the data are not text: is their type in the configuration right?")
        } else {
            finding
        };
        Findings::one_at(finding, line, field_of(line.bytes, k))
    };
    let (mut record, mut next, mut found) = (Record { number: 0, stamp: None, whole: true }, 0, 0);
    for (k, text) in line.bytes.split(|b| *b == b',').enumerate() {
        found += 1;
        match k {
            0 => {
                let number = std::str::from_utf8(text.trim_ascii()).ok().and_then(|text| text.parse().ok());
                record.number = number.ok_or_else(|| wrong(k, "the sample number", text))?;
            }
            1 if text.trim_ascii().is_empty() => {}
            1 => record.stamp = Some(number::parse(text, b'.').ok_or_else(|| wrong(k, "the time stamp", text))?),
            _ if k < 2 + analogues => {
                let Some(scale) = scales.get(next).filter(|scale| scale.column == k - 2) else { continue };
                next += 1;
                let empty = text.trim_ascii().is_empty();
                let value = number::parse(text, b'.');
                if value.is_none() && !empty {
                    return Err(wrong(k, "a sample", text));
                }
                let value = value.filter(|x| *x != missing);
                record.whole &= value.is_some();
                if let Some(sample) = row.get_mut(scale.slot) {
                    *sample = scale.a * value.unwrap_or(0.0) + scale.b;
                }
            }
            _ => {}
        }
    }
    if found != fields {
        let message = format!("{found} fields where the configuration promises {fields}");
        let help = "number, time stamp, then a field for each analogue and each status channel";
        let range = 0..line.bytes.len();
        return Err(Findings::one_at(Diagnostic::error("E0513", message).help(help), line, range));
    }
    Ok(record)
}

impl BinaryRecords {
    fn go_to(&mut self, record: u64) -> io::Result<()> {
        let offset = record.saturating_mul(self.bytes as u64).saturating_add(self.start);
        self.file.seek(SeekFrom::Start(offset))?;
        (self.at, self.filled, self.done) = (0, 0, record);
        Ok(())
    }

    fn next(&mut self, scales: &[Scale], row: &mut [f64]) -> io::Result<Option<Record>> {
        if self.done >= self.count {
            return Ok(None);
        }
        if self.at >= self.filled {
            let left = (self.count - self.done).saturating_mul(self.bytes as u64);
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            self.file.read_exact(&mut self.buffer[..wanted])?;
            (self.at, self.filled) = (0, wanted);
        }
        let bytes = &self.buffer[self.at..self.at + self.bytes];
        self.at += self.bytes;
        self.done += 1;
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let stamp = Some(word(4)).filter(|stamp| *stamp != u32::MAX).map(f64::from);
        let mut record = Record { number: u64::from(word(0)), stamp, whole: true };
        for scale in scales {
            let at = 8 + scale.column * self.kind.bytes();
            let value = match self.kind {
                // The most negative integer stands for a missing value (C37.111-1999).
                Kind::Binary => {
                    Some(i16::from_le_bytes([bytes[at], bytes[at + 1]])).filter(|x| *x != i16::MIN).map(f64::from)
                }
                Kind::Binary32 => Some(word(at).cast_signed()).filter(|x| *x != i32::MIN).map(f64::from),
                Kind::Float32 | Kind::Ascii => Some(f64::from(f32::from_bits(word(at)))).filter(|x| x.is_finite()),
            };
            record.whole &= value.is_some();
            if let Some(sample) = row.get_mut(scale.slot) {
                *sample = scale.a * value.unwrap_or(0.0) + scale.b;
            }
        }
        Ok(Some(record))
    }
}
