//! The header of a CSV file, and a row by it.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use super::super::channel::{Described, listed, pick, unit};
use super::super::finding::{Line, unreadable};
use super::super::lines::Lines;
use super::super::{Channel, Findings, Place, Quantity, Request, number};
use super::is_skipped;
use crate::diagnostic::Diagnostic;

/// Most columns of a file.
const MOST_COLUMNS: usize = 4096;

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// The time.
    Time,
    /// A channel, and how many V or A its unit is.
    Channel(usize, f64),
    /// Left aside.
    Aside,
}

/// What the header says.
#[derive(Clone, Debug)]
pub struct Header {
    separator: u8,
    roles: Vec<Role>,
    /// Number of the time's column.
    pub time: usize,
    /// Seconds in the time's unit.
    pub time_scale: f64,
    /// The channels that are read.
    pub channels: Vec<Channel>,
}

/// A column by its name: the name without unit, and the unit.
fn named(cell: &str) -> (String, String) {
    let cell = cell.trim();
    let bracketed = cell.strip_suffix([')', ']']).and_then(|rest| rest.rsplit_once(['(', '[']));
    if let Some((name, unit)) = bracketed {
        return (name.trim().to_owned(), unit.trim().to_owned());
    }
    match cell.rsplit_once('_') {
        Some((name, last)) if unit(last).is_some() || seconds(last).is_some() => (name.to_owned(), last.to_owned()),
        _ => (cell.to_owned(), String::new()),
    }
}

/// Seconds in a unit of time.
fn seconds(unit: &str) -> Option<f64> {
    match unit {
        "s" | "S" | "sec" => Some(1.0),
        "ms" => Some(1e-3),
        "us" | "µs" | "μs" => Some(1e-6),
        "ns" => Some(1e-9),
        _ => None,
    }
}

/// Seconds in the unit of a column of times; `None` when it is none.
fn time(name: &str, unit: &str) -> Option<f64> {
    let is_time = ["time", "t"].iter().any(|known| name.eq_ignore_ascii_case(known));
    if is_time && unit.is_empty() { Some(1.0) } else { seconds(unit).filter(|_| is_time) }
}

/// Reads the header: the first line that is neither empty nor a comment.
pub fn read(path: &Path, lines: &mut Lines<File>, request: &Request, findings: &mut Findings) -> Option<Header> {
    loop {
        match lines.next() {
            Ok(Some((number, line))) => {
                let start = if number == 1 && line.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
                let line = &line[start..];
                if let Some(message) = foreign(line) {
                    findings.push(Diagnostic::error("E0502", format!("{} {message}", path.display())));
                    return None;
                }
                if !is_skipped(line) {
                    return header(Line { path, number, bytes: line }, request, findings);
                }
            }
            Ok(None) => {
                let finding = Diagnostic::error("E0508", format!("{} is empty", path.display()));
                findings.push(finding.help("its first line is a header such as time_s,u1,i1"));
                return None;
            }
            Err(error) => {
                findings.push(unreadable(path, &error));
                return None;
            }
        }
    }
}

/// What else than text of one byte a letter a file is.
fn foreign(line: &[u8]) -> Option<&'static str> {
    match line {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("is UTF-16: save it as UTF-8"),
        _ if line.contains(&0) => Some("is not text"),
        _ => None,
    }
}

fn header(line: Line, request: &Request, findings: &mut Findings) -> Option<Header> {
    let count = |byte: u8| line.bytes.iter().filter(|b| **b == byte).count();
    let most = [b',', b';', b'\t'].into_iter().rev().max_by_key(|separator| count(*separator));
    let separator = most.unwrap_or(b',');
    let mut header = Header { separator, roles: Vec::new(), time: 0, time_scale: 1.0, channels: vec![] };
    let cells: Vec<Range<usize>> = header.cells(line.bytes).take(MOST_COLUMNS + 1).collect();
    if cells.len() > MOST_COLUMNS {
        findings.push(Diagnostic::error("E0502", format!("more than {MOST_COLUMNS} columns")));
        return None;
    }
    let names: Vec<String> =
        cells.iter().map(|c| String::from_utf8_lossy(&line.bytes[c.clone()]).into_owned()).collect();
    if names.iter().all(|name| number::parse(name.as_bytes(), b'.').is_some()) {
        let finding = Diagnostic::error("E0502", "numbers stand where the names of the columns should be");
        findings.push_at(finding.help("the first line is a header such as time_s,u1,i1"), line, 0..line.bytes.len());
        return None;
    }
    let twice = repeated(&names);
    if let Some(k) = twice {
        let finding = Diagnostic::error("E0503", format!("the column \"{}\" is there twice", names[k].trim()));
        findings.push_at(finding, line, cells[k].clone());
    }
    let split: Vec<(String, String)> = names.iter().map(|name| named(name)).collect();
    let times: Vec<usize> = (0..split.len()).filter(|k| time(&split[*k].0, &split[*k].1).is_some()).collect();
    match times[..] {
        [k] => (header.time, header.time_scale) = (k, time(&split[k].0, &split[k].1).unwrap_or(1.0)),
        [] => {
            let finding = Diagnostic::error("E0502", "there is no column of times");
            findings.push_at(finding.help("call it time_s (or time_ms, time_us)"), line, 0..line.bytes.len());
        }
        [_, k, ..] => {
            let finding = Diagnostic::error("E0503", "there are two columns of times");
            findings.push_at(finding, line, cells[k].clone());
        }
    }
    header.roles = vec![Role::Aside; names.len()];
    let picked = columns(&names, &split, &times, line, &cells, request, findings);
    for (k, (place, column)) in picked.iter().enumerate() {
        let scale = unit(&split[*column].1).map_or(1.0, |(_, scale)| scale);
        header.roles[*column] = Role::Channel(k, scale);
        header.channels.push(Channel { place: *place, source: names[*column].trim().to_owned(), range: None });
    }
    if let Some(role) = header.roles.get_mut(header.time) {
        *role = Role::Time;
    }
    (times.len() == 1 && twice.is_none() && !picked.is_empty()).then_some(header)
}

/// The second of two columns of one name.
fn repeated(names: &[String]) -> Option<usize> {
    let mut seen = std::collections::BTreeSet::new();
    // Empty names are what a separator at the end of lines leaves.
    names.iter().position(|name| !name.trim().is_empty() && !seen.insert(name.trim().to_ascii_lowercase()))
}

/// Which columns are which channels.
fn columns(
    names: &[String],
    split: &[(String, String)],
    times: &[usize],
    line: Line,
    cells: &[Range<usize>],
    request: &Request,
    findings: &mut Findings,
) -> Vec<(Place, usize)> {
    let others: Vec<usize> = (0..names.len()).filter(|k| !times.contains(k) && !names[*k].trim().is_empty()).collect();
    if !request.channels.is_empty() {
        let described = |k: &usize| Described { name: names[*k].trim().to_owned(), ..Described::default() };
        let all: Vec<Described> = others.iter().map(described).collect();
        let picked = pick(&all, &request.channels, findings);
        return picked.into_iter().map(|(place, k)| (place, others[k])).collect();
    }
    let mut picked: Vec<(Place, usize)> = Vec::new();
    let mut aside = Vec::new();
    for k in others {
        let (name, text) = &split[k];
        let place = name.parse::<Place>().ok().filter(|place| fits(*place, text));
        match place {
            Some(place) if picked.iter().any(|(p, _)| *p == place) => {
                let finding = Diagnostic::error("E0503", format!("two columns are {place}"));
                findings.push_at(finding, line, cells[k].clone());
            }
            Some(place) => picked.push((place, k)),
            None => aside.push(k),
        }
    }
    picked.sort_unstable();
    let asides = listed(aside.iter().map(|k| names[*k].as_str()));
    if picked.is_empty() {
        let finding = Diagnostic::error("E0511", format!("no column is a voltage or a current: {asides}"));
        let help = "call them u1, u2, u3 (volts), i1, i2, i3 (amperes), or say which is which: --channels u1=NAME";
        findings.push_at(finding.help(help), line, 0..line.bytes.len());
    } else if let Some(first) = aside.first() {
        let finding = Diagnostic::warning("W0501", format!("not read: {asides}"));
        let help = "known are u1 to u4 and i1 to i4, with a unit as in u1_kv; --channels u1=NAME reads others";
        findings.push_at(finding.help(help), line, cells[*first].clone());
    }
    picked
}

/// Whether a unit, if there is one, is of the place's quantity.
fn fits(place: Place, text: &str) -> bool {
    let quantity: Option<Quantity> = unit(text).map(|(quantity, _)| quantity);
    text.is_empty() || quantity == Some(place.quantity)
}

impl Header {
    /// Where the cells of a line stand, without quotes.
    pub fn cells<'l>(&self, line: &'l [u8]) -> impl Iterator<Item = Range<usize>> + use<'l> {
        let separator = self.separator;
        let mut at = Some(0);
        std::iter::from_fn(move || {
            let start = at?;
            let (cell, next) = cell(line, start, separator);
            at = next;
            Some(cell)
        })
    }

    /// Where the time of a line stands.
    pub fn time_cell(&self, line: &[u8]) -> Range<usize> {
        self.cells(line).nth(self.time).unwrap_or(0..line.len())
    }

    /// Reads a row's samples in V and A, and returns its time in its own unit.
    pub fn row(&self, line: Line, row: &mut [f64]) -> Result<f64, Box<Findings>> {
        let bytes = line.bytes;
        let (mut time, mut at) = (0.0, Some(0));
        for role in &self.roles {
            let Some(start) = at else { return Err(self.miscounted(line)) };
            let (cell, next) = cell(bytes, start, self.separator);
            at = next;
            if *role == Role::Aside {
                continue;
            }
            let Some(value) = self.number(&bytes[cell.clone()]) else { return Err(not_a_number(line, cell)) };
            match *role {
                Role::Time => time = value,
                Role::Channel(k, scale) => {
                    if let Some(sample) = row.get_mut(k) {
                        *sample = value * scale;
                    }
                }
                Role::Aside => {}
            }
        }
        // A separator at the end of the line begins no cell.
        match at {
            Some(start) if !bytes[start..].trim_ascii().is_empty() => Err(self.miscounted(line)),
            _ => Ok(time),
        }
    }

    /// Reads a number.
    pub fn number(&self, cell: &[u8]) -> Option<f64> {
        let read = number::parse(cell, b'.');
        // Beside another separator, a comma can only be the decimal point.
        if read.is_none() && self.separator != b',' { number::parse(cell, b',') } else { read }
    }

    /// Value of the last digit of a number.
    pub fn last_digit(&self, cell: &[u8]) -> f64 {
        let comma = self.separator != b',' && cell.contains(&b',');
        number::last_digit(cell, if comma { b',' } else { b'.' })
    }

    fn miscounted(&self, line: Line) -> Box<Findings> {
        let found = self.cells(line.bytes).count();
        let message = format!("{found} cells where the header has {}", self.roles.len());
        let help = "every row has a cell for each column; the last row of a file that was cut off must go";
        Findings::one_at(Diagnostic::error("E0504", message).help(help), line, 0..line.bytes.len())
    }
}

/// The cell that begins at `start`, and where the next one begins.
fn cell(line: &[u8], start: usize, separator: u8) -> (Range<usize>, Option<usize>) {
    let rest = &line[start..];
    if rest.first() == Some(&b'"') {
        let end = rest[1..].iter().position(|b| *b == b'"').map_or(rest.len(), |k| k + 1);
        let after = rest[end..].iter().position(|b| *b == separator).map(|k| start + end + k + 1);
        return (start + 1..start + end.max(1), after);
    }
    match rest.iter().position(|b| *b == separator) {
        Some(k) => (start..start + k, Some(start + k + 1)),
        None => (start..line.len(), None),
    }
}

fn not_a_number(line: Line, cell: Range<usize>) -> Box<Findings> {
    let text = String::from_utf8_lossy(line.bytes.get(cell.clone()).unwrap_or_default()).trim().to_owned();
    let message = match text.as_str() {
        "" => "a sample is missing: the cell is empty".to_owned(),
        _ => format!("{:?} is not a finite number", text.chars().take(40).collect::<String>()),
    };
    let help = "rows without a value can be left out: the gap is then known, and its windows are not valid";
    Findings::one_at(Diagnostic::error("E0505", message).help(help), line, cell)
}
