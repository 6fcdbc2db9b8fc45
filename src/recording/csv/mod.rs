//! CSV with a header: `time_s,u1,u2,u3,i1,i2,i3`, volts and amperes.
//!
//! Columns stand in any order, some may be missing; others are named and left aside. Fields are separated by `,`, `;` or
//! tab (with the latter two, `,` may be the decimal point), may be in quotes and padded with blanks; empty lines and those
//! that begin with `#` are skipped; a byte order mark is, too. Every cell that is read must be a finite number.

mod header;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::clock::{Clock, Head, Step};
use super::feed::{Feed, Row};
use super::finding::{Line, unreadable};
use super::lines::Lines;
use super::{Findings, Info, Request};
use crate::diagnostic::Diagnostic;
use crate::signal::Waveform;
use header::Header;

/// Most rows from which the rate is told.
const HEAD: usize = 400_000;
/// Longest gap in s: beyond, it is not one recording.
const LONGEST_GAP_S: f64 = 86_400.0;
/// Most gaps reported one by one.
const MOST_GAPS: u64 = 20;

/// Rows of a CSV file.
#[derive(Debug)]
pub struct Reader {
    rows: Rows,
    feed: Feed,
}

#[derive(Debug)]
struct Rows {
    path: PathBuf,
    lines: Lines<File>,
    bytes: u64,
    header: Header,
    clock: Clock,
    gaps: u64,
    warnings: Findings,
}

/// Opens a file and tells its columns and rate.
pub fn open(path: &Path, request: &Request, findings: &mut Findings) -> Option<(Info, Reader)> {
    let (mut lines, bytes) = match File::open(path).and_then(|file| Ok((file.metadata()?, file))) {
        Ok((metadata, file)) => match Lines::new(file, 0) {
            Ok(lines) => (lines, metadata.len()),
            Err(error) => return refuse(findings, unreadable(path, &error)),
        },
        Err(error) => return refuse(findings, unreadable(path, &error)),
    };
    let header = header::read(path, &mut lines, request, findings)?;
    let clock = match clock(path, &mut lines, &header) {
        Ok(clock) => clock,
        Err(found) => {
            findings.take_in(*found);
            return None;
        }
    };
    let info = Info {
        format: "CSV".to_owned(),
        station: None,
        sample_rate_hz: clock.rate_hz(),
        channels: header.channels.clone(),
        samples: None,
        nominal_hz: None,
    };
    let feed = Feed::new(header.channels.len());
    let rows = Rows { path: path.to_owned(), lines, bytes, header, clock, gaps: 0, warnings: Findings::default() };
    Some((info, Reader { rows, feed }))
}

fn refuse<T>(findings: &mut Findings, finding: Diagnostic) -> Option<T> {
    findings.push(finding);
    None
}

/// The clock of the first rows; the lines are then again at the first.
fn clock(path: &Path, lines: &mut Lines<File>, header: &Header) -> Result<Clock, Box<Findings>> {
    let broken = |error: io::Error| Findings::one(unreadable(path, &error));
    let mark = lines.mark();
    let mut head = Head::new();
    while head.len() < HEAD && !(head.len().is_multiple_of(256) && head.suffices()) {
        let Some((_, line)) = lines.next().map_err(broken)? else { break };
        if is_skipped(line) {
            continue;
        }
        // What is wrong with a row is said when it is read.
        let Some(cell) = header.cells(line).nth(header.time) else { break };
        let Some(time) = header.number(&line[cell.clone()]) else { break };
        let last_digit = header.last_digit(&line[cell]);
        head.push(time * header.time_scale, last_digit * header.time_scale);
    }
    let clock = head.clock();
    let too_few = head.len() < 2;
    let line = lines.count();
    lines.back_to(mark).map_err(broken)?;
    clock.ok_or_else(|| match (head.len(), too_few) {
        (0, _) => no_rows(path, lines, header),
        (_, true) => Findings::one(Diagnostic::error(
            "E0508",
            format!("{} has one row: a rate needs at least two", path.display()),
        )),
        _ => Findings::one(Diagnostic::error(
            "E0506",
            format!("the time does not go forward in the first {} rows (up to line {line})", head.len()),
        )),
    })
}

/// Why there is no row with a time.
fn no_rows(path: &Path, lines: &mut Lines<File>, header: &Header) -> Box<Findings> {
    while let Ok(Some((number, line))) = lines.next() {
        if !is_skipped(line) {
            let mut row = vec![0.0; header.channels.len()];
            let place = Line { path, number, bytes: line };
            if let Err(found) = header.row(place, &mut row) {
                return found;
            }
            break;
        }
    }
    Findings::one(
        Diagnostic::error("E0508", format!("{} has a header and no rows", path.display()))
            .help("there is nothing to measure"),
    )
}

fn is_skipped(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), None | Some(b'#'))
}

impl Reader {
    /// The next block.
    pub fn next(&mut self, block: &mut Waveform) -> Result<bool, Box<Findings>> {
        let Self { rows, feed } = self;
        let more = feed.fill(block, |row| rows.next(row))?;
        if !more {
            rows.end();
        }
        Ok(more)
    }

    /// Gaps, and a clock that runs differently from its times.
    pub fn take_warnings(&mut self) -> Findings {
        std::mem::take(&mut self.rows.warnings)
    }

    /// Bytes read, and how many there are.
    pub fn progress(&self) -> (u64, u64) {
        (self.rows.lines.position(), self.rows.bytes)
    }
}

impl Rows {
    fn next(&mut self, row: &mut [f64]) -> Result<Row, Box<Findings>> {
        loop {
            let Some((number, line)) =
                self.lines.next().map_err(|error| Findings::one(unreadable(&self.path, &error)))?
            else {
                return Ok(Row::End);
            };
            if is_skipped(line) {
                continue;
            }
            let place = Line { path: &self.path, number, bytes: line };
            let time_s = self.header.row(place, row)? * self.header.time_scale;
            return match self.clock.step(time_s) {
                Step::Next => Ok(Row::Sample),
                Step::Gap(lost) if lost / self.clock.rate_hz() <= LONGEST_GAP_S => {
                    self.gaps += 1;
                    if self.gaps <= MOST_GAPS {
                        self.warnings.push_at(gap(lost, self.clock.rate_hz()), place, self.header.time_cell(line));
                    }
                    #[allow(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "at least 1; it saturates"
                    )]
                    return Ok(Row::After(lost as u64));
                }
                step => Err(Findings::one_at(uneven(step, self.clock.rate_hz()), place, self.header.time_cell(line))),
            };
        }
    }

    fn end(&mut self) {
        if self.gaps > MOST_GAPS {
            let message = format!("{} more gaps", self.gaps - MOST_GAPS);
            self.warnings.push(Diagnostic::warning("W0502", message));
        }
        self.gaps = 0;
        if let Some(finding) =
            self.clock.drift().and_then(|(drift, unsure)| drifted(drift, unsure, self.clock.rate_hz()))
        {
            self.warnings.push(finding);
        }
    }
}

/// A gap of some samples.
pub fn gap(lost: f64, rate_hz: f64) -> Diagnostic {
    let message = format!("{lost:.0} samples ({:.4} s) are missing before this one", lost / rate_hz);
    Diagnostic::warning("W0502", message).help("windows that they belong to are not valid")
}

/// A warning when times say another rate than that of their beginning, by more than frequency may be off (1 mHz of 50 Hz).
fn drifted(drift: f64, unsure: f64, rate_hz: f64) -> Option<Diagnostic> {
    let ppm = drift * 1e6;
    (drift.abs() > 20e-6 + unsure).then(|| {
        let message = format!(
            "over the whole file the times run {ppm:.0} ppm slow against {rate_hz} Hz, the rate at its beginning"
        );
        Diagnostic::warning("W0507", message).help("frequencies are off by as much")
    })
}

/// A time that is not where the clock has it.
pub fn uneven(step: Step, rate_hz: f64) -> Diagnostic {
    let period_us = 1e6 / rate_hz;
    match step {
        Step::Backwards => Diagnostic::error("E0506", "time runs backwards here")
            .help("recordings that were joined must be measured one by one"),
        Step::Same => Diagnostic::error("E0506", "the same time as the sample before").help("a row is there twice"),
        Step::Gap(lost) => {
            Diagnostic::error("E0507", format!("{:.3e} s are missing before this sample", lost / rate_hz))
                .help("beyond a day it is not one recording: measure its parts one by one")
        }
        Step::Uneven(by) => Diagnostic::error(
            "E0507",
            format!(
                "the samples are not even: this one is {:.4} of a period ({period_us:.3} µs) {}",
                by.abs(),
                if by < 0.0 { "early" } else { "late" }
            ),
        )
        .help(format!(
            "the rows before it are sampled at {rate_hz} Hz; rounding of the times is allowed for: resample it"
        )),
        Step::Next => Diagnostic::error("E0507", "the samples are not even"),
    }
}
