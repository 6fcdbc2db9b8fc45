//! COMTRADE recordings: IEEE C37.111-1991, -1999, -2013, all kinds of data.
//!
//! Values become primary volts and amperes: `a·x + b`, the unit's factor, and primary over secondary where values are said
//! to be secondary. The channels' skew is not corrected. The sample numbers must count up by one: this is how a wrong
//! number of channels or a wrong kind of data is noticed; a number that jumps ahead is a gap.

mod config;
mod data;
mod files;

use super::channel::{Channel, Described, Place, Quantity, listed, pick, unit};
use super::clock::{Clock, Head, Step};
use super::csv::{gap, uneven};
use super::feed::{Feed, Row};
use super::finding::unreadable;
use super::{Findings, Info, Request};
use crate::diagnostic::Diagnostic;
use crate::signal::Waveform;
use config::{Config, Kind};
use data::{Records, Scale};
use files::Files;

use std::path::Path;

/// Most records from which a rate is told.
const HEAD: usize = 400_000;
/// Records from which a rate is checked.
const CHECKED: usize = 512;
/// Rates that differ by less, relative, are one that follows the network's frequency.
const ONE_RATE: f64 = 0.01;
/// Most samples that a gap may have, by sample numbers.
const LONGEST_GAP: u64 = 100_000_000;

/// Records of a COMTRADE recording.
#[derive(Debug)]
pub struct Reader {
    rows: Rows,
    feed: Feed,
}

#[derive(Debug)]
struct Rows {
    records: Records,
    scales: Vec<Scale>,
    /// Follows the time stamps where the file states no rate.
    clock: Option<Clock>,
    tick_s: f64,
    rate_hz: f64,
    /// Number of the record before.
    last: Option<u64>,
    /// Records of this section still to be read.
    left: u64,
    /// Samples that the configuration promises, where the section is the last.
    promised: Option<u64>,
    read: u64,
    missing: u64,
    warnings: Findings,
}

/// A part of the data that is sampled at one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Section {
    rate_hz: f64,
    first: u64,
    end: u64,
    last: bool,
}

/// Opens a recording by any of its files.
pub fn open(path: &Path, request: &Request, findings: &mut Findings) -> Option<(Info, Reader)> {
    let files = files::open(path, findings)?;
    let (channels, scales) = channels(&files.config, request, findings)?;
    let mut records = records(&files, findings)?;
    let promised = files.config.rates.last().map_or(0, |(_, last)| *last);
    counts(&files, &records, promised, findings)?;
    let section = section(&files.config.rates, findings)?;
    let found = begin(&files, &mut records, section, &scales);
    let (clock, rate_hz) = match found {
        Ok(found) => found,
        Err(found) => {
            findings.take_in(*found);
            return None;
        }
    };
    check_rate(&files, &mut records, rate_hz, section, &scales, findings);
    let Config { year, kind, ref station, line_hz, .. } = files.config;
    let known = records.count().map(|count| count.saturating_sub(section.first).min(section.end - section.first));
    let info = Info {
        format: format!("COMTRADE {year} {}", kind.name()),
        station: Some(station.clone()).filter(|s| !s.is_empty()),
        sample_rate_hz: rate_hz,
        channels,
        samples: known,
        nominal_hz: line_hz,
    };
    let feed = Feed::new(info.channels.len());
    let rows = Rows {
        records,
        scales,
        clock,
        tick_s: files.config.tick_s,
        rate_hz,
        last: None,
        left: if section.last { u64::MAX } else { section.end - section.first },
        promised: section.last.then_some(section.end - section.first),
        read: 0,
        missing: 0,
        warnings: Findings::default(),
    };
    Some((info, Reader { rows, feed }))
}

fn records(files: &Files, findings: &mut Findings) -> Option<Records> {
    let data = match files.data.try_clone() {
        Ok(data) => Records::new(&files.path, data, files.start, files.length, files.lines, &files.config),
        Err(error) => Err(error),
    };
    data.map_err(|error| findings.push(unreadable(&files.path, &error))).ok()
}

/// Which channels are read, and how their values become volts and amperes.
fn channels(config: &Config, request: &Request, findings: &mut Findings) -> Option<(Vec<Channel>, Vec<Scale>)> {
    let described: Vec<Described> = config.analogues.iter().map(|a| a.described.clone()).collect();
    if described.is_empty() {
        findings.push(Diagnostic::error("E0511", "the recording has no analogue channel"));
        return None;
    }
    let picked = pick(&described, &request.channels, findings);
    let (mut channels, mut scales) = (Vec::new(), Vec::new());
    for (slot, (place, column)) in picked.iter().enumerate() {
        let analogue = &config.analogues[*column];
        let factor = unit_factor(*place, &analogue.described, findings) * analogue.ratio.unwrap_or(1.0);
        let (a, b) = (analogue.a * factor, analogue.b * factor);
        let range = (config.kind == Kind::Binary).then(|| {
            let ends = [-32_767.0 * a + b, 32_767.0 * a + b];
            [ends[0].min(ends[1]), ends[0].max(ends[1])]
        });
        channels.push(Channel { place: *place, source: analogue.described.name.clone(), range });
        scales.push(Scale { column: *column, slot, a, b });
    }
    let unrated: Vec<&str> = picked
        .iter()
        .map(|(_, k)| &config.analogues[*k])
        .filter(|a| a.unrated)
        .map(|a| a.described.name.as_str())
        .collect();
    if !unrated.is_empty() {
        let message = format!("secondary values without usable factors: {}", listed(unrated.into_iter()));
        findings.push(
            Diagnostic::warning("W0506", message).help("they are measured as they are, in secondary volts and amperes"),
        );
    }
    scales.sort_by_key(|scale| scale.column);
    (!channels.is_empty()).then_some((channels, scales))
}

/// Volts or amperes in a channel's unit.
fn unit_factor(place: Place, described: &Described, findings: &mut Findings) -> f64 {
    let own = if place.quantity == Quantity::Voltage { "volts" } else { "amperes" };
    match unit(&described.unit) {
        Some((quantity, factor)) if quantity == place.quantity => factor,
        None if described.unit.trim().is_empty() => 1.0,
        _ => {
            let message = format!(
                "the unit of {} ({place}) is {:?}: its values are taken for {own}",
                described.name, described.unit
            );
            findings.push(Diagnostic::warning("W0504", message));
            1.0
        }
    }
}

/// Whether there are data, and as many as promised.
fn counts(files: &Files, records: &Records, promised: u64, findings: &mut Findings) -> Option<()> {
    let path = files.path.display();
    if files.length == 0 || records.count() == Some(0) {
        let message = match files.length {
            0 => format!("{path} is empty; {promised} samples are promised"),
            length => {
                format!("{path} has {length} bytes, less than one sample of {}", data::record_bytes(&files.config))
            }
        };
        findings.push(Diagnostic::error("E0508", message).help("there is nothing to measure"));
        return None;
    }
    let Some(count) = records.count() else { return Some(()) };
    let over = files.length % data::record_bytes(&files.config) as u64;
    if count != promised {
        findings.push(miscount(count, promised));
    }
    if over > 0 {
        let message = format!("{path} ends within a sample: its last {over} bytes are left aside");
        findings.push(Diagnostic::warning("W0503", message));
    }
    Some(())
}

fn miscount(found: u64, promised: u64) -> Diagnostic {
    let message = format!("the configuration promises {promised} samples, and the data have {found}");
    Diagnostic::warning("W0503", message).help("what is there is measured")
}

/// The part that is measured: all of it when it has one rate, or rates that follow the network's frequency; else the
/// longest.
fn section(rates: &[(f64, u64)], findings: &mut Findings) -> Option<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut first = 0;
    for (rate_hz, end) in rates.iter().copied().filter(|(_, end)| *end > 0) {
        match sections.last_mut() {
            Some(last) if last.rate_hz == rate_hz => last.end = end,
            _ if end > first => sections.push(Section { rate_hz, first, end, last: false }),
            _ => {}
        }
        first = end;
    }
    let Some(last) = sections.last_mut() else {
        // Nothing is promised: all that is there belongs to the last rate.
        let rate_hz = rates.last().map_or(0.0, |(rate, _)| *rate);
        return Some(Section { rate_hz, first: 0, end: 0, last: true });
    };
    last.last = true;
    let end = last.end;
    if sections.len() == 1 {
        return sections.first().copied();
    }
    let seconds = |section: &Section| samples(section) / section.rate_hz;
    let (low, high) = sections.iter().fold((f64::MAX, 0.0f64), |(l, h), s| (l.min(s.rate_hz), h.max(s.rate_hz)));
    if high <= low * (1.0 + ONE_RATE) {
        let rate_hz = sections.iter().map(samples).sum::<f64>() / sections.iter().map(seconds).sum::<f64>();
        let message = format!(
            "{} sampling rates from {low} to {high} Hz are taken for their mean, {rate_hz:.3} Hz",
            sections.len()
        );
        let help = format!("frequencies and harmonics are off by up to {:.2} %", 100.0 * (high / low - 1.0));
        findings.push(Diagnostic::warning("W0505", message).help(help));
        return Some(Section { rate_hz, first: 0, end, last: true });
    }
    let longest = sections.iter().copied().max_by(|a, b| seconds(a).total_cmp(&seconds(b)))?;
    let rates: Vec<String> = sections.iter().map(|s| format!("{} Hz for {:.3} s", s.rate_hz, seconds(s))).collect();
    let message = format!("several sampling rates: {}", listed(rates.iter().map(String::as_str)));
    let help = format!(
        "only the longest part is measured: samples {} to {}, {} Hz",
        longest.first + 1,
        longest.end,
        longest.rate_hz
    );
    findings.push(Diagnostic::warning("W0505", message).help(help));
    Some(longest)
}

#[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 samples")]
fn samples(section: &Section) -> f64 {
    (section.end - section.first) as f64
}

/// Goes to the section's first record; its rate, with a clock where only the time stamps tell it.
fn begin(
    files: &Files,
    records: &mut Records,
    section: Section,
    scales: &[Scale],
) -> Result<(Option<Clock>, f64), Box<Findings>> {
    let broken = |error: std::io::Error| Findings::one(unreadable(&files.path, &error));
    let mut row = vec![0.0; scales.len()];
    if records.count().is_some() {
        records.go_to(data::Place::Binary(section.first)).map_err(broken)?;
    } else {
        for _ in 0..section.first {
            if records.next(scales, &mut row)?.is_none() {
                break;
            }
        }
    }
    let start = records.place();
    sequence(records, scales, &mut row)?;
    records.go_to(start).map_err(broken)?;
    if section.rate_hz > 0.0 {
        return Ok((None, section.rate_hz));
    }
    let head = head(records, files.config.tick_s, scales, HEAD)?;
    records.go_to(start).map_err(broken)?;
    let Some(clock) = head.clock() else {
        let finding =
            Diagnostic::error("E0507", "the configuration states no sampling rate, and the time stamps tell none");
        return Err(Findings::one(finding.help("write the rate into the configuration: 1, then RATE,SAMPLES")));
    };
    let rate_hz = clock.rate_hz();
    Ok((Some(clock), rate_hz))
}

/// The first records must count up: else they are not where they are looked for.
fn sequence(records: &mut Records, scales: &[Scale], row: &mut [f64]) -> Result<(), Box<Findings>> {
    let mut before: Option<u64> = None;
    for k in 0..CHECKED {
        let Some(record) = records.next(scales, row)? else {
            return if k == 0 {
                Err(Findings::one(Diagnostic::error("E0508", "there are no samples")))
            } else {
                Ok(())
            };
        };
        if before.is_some_and(|before| record.number <= before || record.number - before > LONGEST_GAP) {
            return Err(records.wrong(disorder(record.number, before), 0));
        }
        before = Some(record.number);
    }
    Ok(())
}

fn disorder(number: u64, before: Option<u64>) -> Diagnostic {
    let message = format!("sample number {number} follows {}", before.unwrap_or(0));
    let help =
        "sample numbers count up by 1: is the number of channels in the configuration right, and the type of the data?";
    Diagnostic::error("E0513", message).help(help)
}

fn head(records: &mut Records, tick_s: f64, scales: &[Scale], most: usize) -> Result<Head, Box<Findings>> {
    let (mut head, mut row) = (Head::new(), vec![0.0; scales.len()]);
    while head.len() < most && !(head.len().is_multiple_of(256) && head.suffices()) {
        match records.next(scales, &mut row)?.map(|record| record.stamp) {
            Some(Some(stamp)) => head.push(stamp * tick_s, tick_s),
            _ => break,
        }
    }
    Ok(head)
}

/// A warning when the time stamps plainly say another rate than the configuration.
fn check_rate(
    files: &Files,
    records: &mut Records,
    rate_hz: f64,
    section: Section,
    scales: &[Scale],
    findings: &mut Findings,
) {
    let start = records.place();
    let clock = head(records, files.config.tick_s, scales, CHECKED).ok().and_then(|head| head.clock());
    if let Err(error) = records.go_to(start) {
        findings.push(unreadable(&files.path, &error));
    }
    let Some(stamped_hz) = clock.map(|clock| clock.rate_hz()).filter(|_| section.rate_hz > 0.0) else { return };
    // A stamp's last digit, over two periods at the least.
    let unsure = ONE_RATE + files.config.tick_s * rate_hz;
    if (stamped_hz / rate_hz - 1.0).abs() > unsure {
        let message = format!("the configuration says {rate_hz} Hz, and the time stamps {stamped_hz:.3} Hz");
        findings.push(Diagnostic::warning("W0507", message).help("the configuration's rate is taken"));
    }
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

    /// What was noticed while reading.
    pub fn take_warnings(&mut self) -> Findings {
        std::mem::take(&mut self.rows.warnings)
    }

    /// Bytes read, and how many there are.
    pub const fn progress(&self) -> (u64, u64) {
        self.rows.records.progress()
    }
}

impl Rows {
    fn next(&mut self, row: &mut [f64]) -> Result<Row, Box<Findings>> {
        if self.read >= self.left {
            return Ok(Row::End);
        }
        let Some(record) = self.records.next(&self.scales, row)? else { return Ok(Row::End) };
        self.read += 1;
        let before = self.last.replace(record.number);
        let ahead = before.map_or(1, |before| record.number.saturating_sub(before));
        if ahead == 0 || ahead > LONGEST_GAP {
            return Err(self.records.wrong(disorder(record.number, before), 0));
        }
        let lost = (ahead - 1).max(self.lost_by_stamp(record.stamp)?);
        if lost > 0 {
            self.tell_gap(lost, record.number);
        }
        if record.whole {
            return Ok(if lost > 0 { Row::After(lost) } else { Row::Sample });
        }
        self.missing += 1;
        Ok(Row::Missing(lost + 1))
    }

    /// Samples that are missing by the time stamp, where the rate is known from time stamps only.
    fn lost_by_stamp(&mut self, stamp: Option<f64>) -> Result<u64, Box<Findings>> {
        let Some(clock) = &mut self.clock else { return Ok(0) };
        let Some(stamp) = stamp else {
            let finding = Diagnostic::error("E0507", "a time stamp is missing, and no sampling rate is stated");
            return Err(self.records.wrong(finding, 1));
        };
        match clock.step(stamp * self.tick_s) {
            Step::Next => Ok(0),
            Step::Gap(lost) if lost <= LONGEST_GAP as f64 => Ok(whole(lost)),
            step => Err(self.records.wrong(uneven(step, self.rate_hz), 1)),
        }
    }

    fn tell_gap(&mut self, lost: u64, number: u64) {
        #[allow(clippy::cast_precision_loss, reason = "at most 10^8")]
        let finding = gap(lost as f64, self.rate_hz);
        let message = format!("{} (sample {number})", finding.message);
        self.warnings.push(Diagnostic { message, ..finding });
    }

    fn end(&mut self) {
        if self.missing > 0 {
            let message = format!("{} samples are marked as missing", self.missing);
            let help = "windows that they belong to are not valid";
            self.warnings.push(Diagnostic::warning("W0502", message).help(help));
        }
        // Of binary data it is known beforehand.
        let promised = self.promised.filter(|promised| *promised != self.read && self.records.count().is_none());
        if let Some(promised) = promised {
            self.warnings.push(miscount(self.read, promised));
        }
        (self.missing, self.promised) = (0, None);
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1; a float cast saturates")]
fn whole(lost: f64) -> u64 {
    lost as u64
}
