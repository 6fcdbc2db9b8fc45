//! The configuration of a COMTRADE recording: IEEE C37.111-1991, -1999, -2013 (IEC 60255-24), as their users quote them.
//!
//! What is expected line by line: station, device, year; counts; a line for each analogue and each status channel; line
//! frequency; number of rates; a line for each; first sample; trigger; type of the data; factor of the time stamps. The
//! number of fields decides between 1991's analogue lines and later ones, not the year, which recorders get wrong.

use std::path::Path;

use super::super::Findings;
use super::super::channel::Described;
use super::super::finding::Line;
use super::super::number;
use crate::diagnostic::Diagnostic;

/// Largest configuration, in bytes.
pub const LARGEST: usize = 16 << 20;

/// Kind of the data file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Ascii,
    /// 16-bit integers.
    Binary,
    /// 32-bit integers.
    Binary32,
    /// 32-bit floats.
    Float32,
}

/// An analogue channel: a value x in the file is `a·x + b` in `described.unit`.
#[derive(Clone, Debug, Default)]
pub struct Analogue {
    /// Name, phase, unit.
    pub described: Described,
    /// Factor.
    pub a: f64,
    /// Offset.
    pub b: f64,
    /// What secondary values are multiplied by to be primary, where values are secondary.
    pub ratio: Option<f64>,
    /// Whether values are said to be secondary without usable factors.
    pub unrated: bool,
}

/// What the configuration says.
#[derive(Clone, Debug)]
pub struct Config {
    /// Station and device.
    pub station: String,
    /// 1991, 1999 or 2013.
    pub year: u16,
    /// Analogue channels.
    pub analogues: Vec<Analogue>,
    /// Number of status channels.
    pub statuses: usize,
    /// Nominal frequency in Hz.
    pub line_hz: Option<f64>,
    /// Rates in Hz with the number of the last sample of each; a rate of 0 is told by the time stamps.
    pub rates: Vec<(f64, u64)>,
    /// Kind of the data.
    pub kind: Kind,
    /// Seconds in a unit of the time stamps.
    pub tick_s: f64,
}

/// The lines of a configuration, one after the other.
struct Text<'a> {
    path: &'a Path,
    rest: Option<&'a [u8]>,
    number: u64,
    line: &'a [u8],
    findings: &'a mut Findings,
}

impl<'a> Text<'a> {
    fn place(&self) -> Line<'a> {
        Line { path: self.path, number: self.number, bytes: self.line }
    }

    /// The next line; a finding when there is none.
    fn next(&mut self, what: &str) -> Option<()> {
        let Some(rest) = self.rest.filter(|rest| !rest.is_empty()) else {
            let message = format!("the configuration ends where {what} should stand");
            self.findings.push_at(Diagnostic::error("E0512", message), self.place(), 0..self.line.len());
            return None;
        };
        let alone = !rest.contains(&b'\n');
        let end = rest.iter().position(|b| *b == b'\n' || alone && *b == b'\r').unwrap_or(rest.len());
        self.line = rest[..end].trim_ascii_end();
        self.rest = rest.get(end + 1..);
        self.number += 1;
        Some(())
    }

    /// A field of the line: where it stands.
    fn field(&self, number: usize) -> std::ops::Range<usize> {
        let mut start = 0;
        for (k, part) in self.line.split(|b| *b == b',').enumerate() {
            if k == number {
                return start..start + part.len();
            }
            start += part.len() + 1;
        }
        self.line.len()..self.line.len()
    }

    fn fields(&self) -> usize {
        self.line.split(|b| *b == b',').count()
    }

    fn text(&self, number: usize) -> String {
        String::from_utf8_lossy(&self.line[self.field(number)]).trim().to_owned()
    }

    fn wrong(&mut self, number: usize, message: impl Into<String>) {
        let range = self.field(number);
        self.findings.push_at(Diagnostic::error("E0512", message), self.place(), range);
    }

    fn number(&mut self, field: usize, what: &str) -> Option<f64> {
        let read = number::parse(&self.line[self.field(field)], b'.');
        if read.is_none() {
            let text = self.text(field);
            self.wrong(field, format!("{what} is not a number: {text:?}"));
        }
        read
    }

    fn count(&mut self, field: usize, what: &str) -> Option<u64> {
        let text = self.text(field);
        let read = text.parse::<u64>().ok();
        if read.is_none() {
            self.wrong(field, format!("{what} is not a whole number: {text:?}"));
        }
        read
    }
}

/// Reads a configuration whose first line is number `first` of its file.
pub fn read(path: &Path, bytes: &[u8], first: u64, findings: &mut Findings) -> Option<Config> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut text = Text { path, rest: Some(bytes), number: first - 1, line: b"", findings };
    text.next("the station")?;
    let station = [text.text(0), text.text(1)].iter().filter(|s| !s.is_empty()).cloned().collect::<Vec<_>>().join(", ");
    let year = match text.text(2).parse::<u16>() {
        Ok(year) if year >= 2013 => 2013,
        Ok(year) if year > 1991 => 1999,
        _ => 1991,
    };
    let (analogues, statuses) = channels(&mut text)?;
    text.next("the line frequency")?;
    let line_hz = number::parse(&text.line[text.field(0)], b'.').filter(|f| *f > 0.0);
    let rates = rates(&mut text)?;
    text.next("the time of the first sample")?;
    let nanoseconds = year == 2013 && text.text(1).rsplit_once('.').is_some_and(|(_, digits)| digits.len() >= 9);
    text.next("the time of the trigger")?;
    text.next("the type of the data")?;
    let kind = kind(&mut text)?;
    let multiplier = match text.rest.filter(|rest| !rest.trim_ascii().is_empty()) {
        Some(_) => {
            text.next("the factor of the time stamps")?;
            number::parse(&text.line[text.field(0)], b'.').filter(|x| *x > 0.0).unwrap_or(1.0)
        }
        None => 1.0,
    };
    let tick_s = multiplier * if nanoseconds { 1e-9 } else { 1e-6 };
    Some(Config { station, year, analogues, statuses, line_hz, rates, kind, tick_s })
}

fn channels(text: &mut Text) -> Option<(Vec<Analogue>, usize)> {
    text.next("the number of channels")?;
    let total = text.count(0, "the number of channels");
    let number = |text: &mut Text, field: usize, letter: char| {
        let word = text.text(field);
        let count = word.strip_suffix([letter, letter.to_ascii_lowercase()]).and_then(|n| n.trim().parse::<u64>().ok());
        if count.is_none() {
            text.wrong(field, format!("the number of channels is written as in 12{letter}, not {word:?}"));
        }
        count
    };
    let (analogue, status) = (number(text, 1, 'A'), number(text, 2, 'D'));
    let (total, analogue, status) = (total?, analogue?, status?);
    if analogue.checked_add(status) != Some(total) {
        text.wrong(0, format!("{analogue} analogue and {status} status channels are not {total}"));
        return None;
    }
    let counts = text.place();
    let mut analogues = Vec::new();
    for k in 0..analogue {
        if !follows(text, k, analogue, counts) {
            return None;
        }
        analogues.push(analogue_line(text, k + 1, analogue)?);
    }
    for k in 0..status {
        if !follows(text, k, status, counts) {
            return None;
        }
        // 3 fields, or 5 since 1999.
        if !(2..10).contains(&text.fields()) {
            text.wrong(
                0,
                format!(
                    "here should stand status channel {}, with 3 or 5 fields: {analogue} channels are analogue",
                    k + 1
                ),
            );
            return None;
        }
    }
    Some((analogues, usize::try_from(status).ok()?))
}

/// Goes to the line of a channel; `counts` is where their number stands.
fn follows(text: &mut Text, done: u64, promised: u64, counts: Line) -> bool {
    if text.rest.is_some_and(|rest| !rest.trim_ascii().is_empty()) && text.next("a channel").is_some() {
        return true;
    }
    let message = format!("{promised} channels are promised, and after {done} of them the configuration ends");
    text.findings.push_at(Diagnostic::error("E0512", message), counts, 0..counts.bytes.len());
    false
}

/// The line of an analogue channel: `An,id,ph,ccbm,uu,a,b,skew,min,max` and, since 1999, `,primary,secondary,PS`.
fn analogue_line(text: &mut Text, number: u64, promised: u64) -> Option<Analogue> {
    let fields = text.fields();
    let between = (11..13).contains(&fields) && (10..fields).any(|k| !text.text(k).is_empty());
    if fields < 10 || between {
        let message = format!("analogue channel {number} of {promised} should have 10 or 13 fields, and has {fields}");
        text.wrong(0, message);
        return None;
    }
    let described = Described { name: text.text(1), phase: text.text(2), unit: text.text(4) };
    let (a, b) = (text.number(5, "the factor a")?, text.number(6, "the offset b")?);
    let secondary = text.text(12).eq_ignore_ascii_case("s");
    let rated = |field: usize| number::parse(&text.line[text.field(field)], b'.').filter(|x| *x > 0.0);
    let ratio = rated(10).zip(rated(11)).map(|(primary, secondary)| primary / secondary);
    let ratio = ratio.filter(|ratio| ratio.is_finite() && secondary);
    Some(Analogue { described, a, b, ratio, unrated: secondary && ratio.is_none() })
}

fn rates(text: &mut Text) -> Option<Vec<(f64, u64)>> {
    text.next("the number of sampling rates")?;
    let count = text.count(0, "the number of sampling rates")?;
    let counts = text.place();
    let mut rates: Vec<(f64, u64)> = Vec::new();
    // Without a rate, one line says how many samples there are.
    for k in 0..count.max(1) {
        if !follows(text, k, count.max(1), counts) {
            return None;
        }
        let (rate, last) = (text.number(0, "the sampling rate")?, text.count(1, "the number of the last sample")?);
        let before = rates.last().map_or(0, |(_, last)| *last);
        if rate < 0.0 || (rate == 0.0 && count > 0) || rate > 1e9 {
            text.wrong(0, format!("{rate} Hz is not a sampling rate"));
            return None;
        }
        if last < before {
            text.wrong(1, format!("the last sample at this rate is {last}, that of the rate before {before}"));
            return None;
        }
        rates.push((if count == 0 { 0.0 } else { rate }, last));
    }
    Some(rates)
}

fn kind(text: &mut Text) -> Option<Kind> {
    let word = text.text(0).to_ascii_uppercase();
    match word.as_str() {
        "ASCII" => Some(Kind::Ascii),
        "BINARY" => Some(Kind::Binary),
        "BINARY32" => Some(Kind::Binary32),
        "FLOAT32" => Some(Kind::Float32),
        _ => {
            text.wrong(0, format!("{word:?} is not a type of data: ASCII, BINARY, BINARY32, FLOAT32"));
            None
        }
    }
}

impl Kind {
    /// Bytes of a sample.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Ascii => 0,
            Self::Binary => 2,
            Self::Binary32 | Self::Float32 => 4,
        }
    }

    /// As in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ASCII",
            Self::Binary => "BINARY",
            Self::Binary32 => "BINARY32",
            Self::Float32 => "FLOAT32",
        }
    }
}
