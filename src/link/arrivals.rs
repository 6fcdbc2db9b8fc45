//! What a device said, step by step, as the loop heard it: recorded, and read again to stand in for the device.
//!
//! A line of the file is a step at which something was heard: the tick, the sample's stamp, how the link fared, the values as
//! the shortest text that reads back to the same bits; an empty cell is no value. A run that is given such a file in the
//! device's place hears the same at the same steps and so comes to the same record, bit for bit. All memory is made at the
//! start; a run that would need more than [`MOST_NUMBERS`] numbers is recorded until then, and says so.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::port::{Directive, LinkState, LoopEnd, Stamp};
use crate::quantity::Tick;

/// Numbers that are kept of one device, at most: 64 MiB.
pub const MOST_NUMBERS: usize = 8 << 20;
/// Numbers of a line before the values.
const HEAD: usize = 6;
/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 30;
/// What the last line of a record says that ended too early.
const CUT: &str = "# the record was full";

/// A record of what was heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrivals {
    names: Vec<String>,
    /// Lines of `HEAD` numbers and the values, as bits.
    lines: Vec<u64>,
    full: bool,
}

/// Why a file is no such record.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalsError {
    /// It cannot be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// It is too large.
    #[error("it is larger than {} MiB", LARGEST >> 20)]
    Large,
    /// Its points are not the device's.
    #[error("it has {0} points, and the device {1}")]
    Points(usize, usize),
    /// A line is not as it should be.
    #[error("line {0} is not a line of such a record")]
    Line(usize),
    /// It does not reach to the end of its run.
    #[error("its run was longer than what it holds")]
    Cut,
}

impl Arrivals {
    /// A record with room for so many steps.
    pub fn new(names: Vec<String>, ticks: u64) -> Self {
        let width = HEAD + names.len();
        let lines = usize::try_from(ticks).unwrap_or(usize::MAX).min(MOST_NUMBERS / width);
        Self { names, lines: Vec::with_capacity(lines * width), full: false }
    }

    fn width(&self) -> usize {
        HEAD + self.names.len()
    }

    fn push(&mut self, tick: Tick, stamp: Option<Stamp>, state: LinkState, values: &[f64]) {
        if self.lines.len() + self.width() > self.lines.capacity() {
            self.full = true;
            return;
        }
        let own = stamp.unwrap_or_default();
        let head = [tick.0, own.sequence, own.origin_us, own.received_us, u64::from(own.confirmed), state as u64];
        self.lines.extend(head);
        let value = |k: usize| stamp.map_or(f64::NAN, |_| values.get(k).copied().unwrap_or(f64::NAN));
        self.lines.extend((0..self.names.len()).map(|k| value(k).to_bits()));
    }

    /// Its text.
    pub fn text(&self) -> String {
        let mut text = format!("tick,sequence,origin_us,received_us,confirmed,state,{}\n", self.names.join(","));
        for line in self.lines.chunks_exact(self.width()) {
            let (head, values) = line.split_at(HEAD);
            let head: Vec<String> = head.iter().map(u64::to_string).collect();
            text += &head.join(",");
            for &bits in values {
                let value = f64::from_bits(bits);
                text.push(',');
                if !value.is_nan() {
                    // Writing into a text never fails.
                    let _ = write!(text, "{value:?}");
                }
            }
            text.push('\n');
        }
        if self.full {
            text += CUT;
            text.push('\n');
        }
        text
    }

    /// Reads a record of a device with so many points.
    ///
    /// # Errors
    /// When it is none, or not of this device.
    pub fn read(path: &Path, points: usize) -> Result<Self, ArrivalsError> {
        if std::fs::metadata(path)?.len() > LARGEST {
            return Err(ArrivalsError::Large);
        }
        Self::parse(&std::fs::read_to_string(path)?, points)
    }

    /// Reads its text.
    ///
    /// # Errors
    /// As [`Arrivals::read`].
    pub fn parse(text: &str, points: usize) -> Result<Self, ArrivalsError> {
        let mut rows = text.lines().enumerate();
        let header = rows.next().map(|(_, row)| row).unwrap_or_default();
        let names: Vec<String> = header.split(',').skip(HEAD).map(str::to_owned).collect();
        if !header.starts_with("tick,sequence,") {
            return Err(ArrivalsError::Line(1));
        }
        if names.len() != points {
            return Err(ArrivalsError::Points(names.len(), points));
        }
        let mut own = Self { names, ..Self::default() };
        let mut before = 0;
        for (k, row) in rows {
            if row == CUT {
                return Err(ArrivalsError::Cut);
            }
            let tick = own.row(row).filter(|&tick| tick > before).ok_or(ArrivalsError::Line(k + 1))?;
            before = tick;
        }
        Ok(own)
    }

    /// Takes a row in; its tick.
    fn row(&mut self, row: &str) -> Option<u64> {
        let cells: Vec<&str> = row.split(',').collect();
        if cells.len() != self.width() {
            return None;
        }
        let (head, values) = cells.split_at(HEAD);
        let head: Vec<u64> = head.iter().map(|cell| cell.parse().ok()).collect::<Option<_>>()?;
        let value = |cell: &&str| match *cell {
            "" => Some(f64::NAN.to_bits()),
            text => text.parse::<f64>().ok().map(f64::to_bits),
        };
        let values: Vec<u64> = values.iter().map(value).collect::<Option<_>>()?;
        let tick = *head.first()?;
        self.lines.extend(head);
        self.lines.extend(values);
        Some(tick)
    }
}

/// The loop's ear: a device's port, or a record in its place; what is heard is recorded where that is asked for.
#[derive(Debug)]
pub struct Ear {
    end: LoopEnd,
    state: LinkState,
    /// A record in the device's place, and the next of its lines.
    replayed: Option<(Arrivals, usize)>,
    recorded: Option<Arrivals>,
}

impl Ear {
    /// Hears a port.
    pub const fn new(end: LoopEnd) -> Self {
        Self { end, state: LinkState::Connecting, replayed: None, recorded: None }
    }

    /// Hears a record from now on.
    pub fn replay(&mut self, record: Arrivals) {
        self.replayed = Some((record, 0));
    }

    /// Records from now on.
    pub fn record(&mut self, record: Arrivals) {
        self.recorded = Some(record);
    }

    /// What was recorded.
    pub const fn recorded(&self) -> Option<&Arrivals> {
        self.recorded.as_ref()
    }

    /// A step at a time of the session: the newest sample, as [`LoopEnd::take`].
    pub fn hear(&mut self, tick: Tick, now_us: u64, values: &mut [f64]) -> Option<Stamp> {
        let before = self.state;
        let stamp = match &mut self.replayed {
            Some((record, next)) => {
                let (stamp, state) = again(record, next, tick, values).unwrap_or((None, before));
                self.state = state;
                stamp
            }
            None => {
                self.end.beat(now_us);
                let stamp = self.end.take(values);
                self.state = self.end.state();
                stamp
            }
        };
        if let Some(record) = self.recorded.as_mut().filter(|_| stamp.is_some() || self.state != before) {
            record.push(tick, stamp, self.state, values);
        }
        stamp
    }

    /// How the link fared at the last step.
    pub const fn state(&self) -> LinkState {
        self.state
    }

    /// Leaves set-points, as [`LoopEnd::command`].
    pub fn command(&self, set_points: &[f64]) {
        self.end.command(set_points);
    }

    /// As [`LoopEnd::direct`].
    pub fn direct(&self, directive: Directive) {
        self.end.direct(directive);
    }

    /// As [`LoopEnd::errors`]; none of a record.
    pub fn errors(&self) -> u64 {
        self.end.errors()
    }

    /// As [`LoopEnd::trouble`].
    pub fn trouble(&self) -> Option<String> {
        self.end.trouble()
    }
}

/// What a record has for a tick.
fn again(record: &Arrivals, next: &mut usize, tick: Tick, values: &mut [f64]) -> Option<(Option<Stamp>, LinkState)> {
    let width = record.width();
    let line = record.lines.get(*next * width..(*next + 1) * width)?;
    let (head, sample) = line.split_at(HEAD);
    if head[0] != tick.0 {
        return None;
    }
    *next += 1;
    let state = match head[5] {
        0 => LinkState::Connecting,
        1 => LinkState::Up,
        2 => LinkState::Down,
        3 => LinkState::Wrong,
        _ => LinkState::Ended,
    };
    if head[1] == 0 {
        return Some((None, state));
    }
    for (value, &bits) in values.iter_mut().zip(sample) {
        *value = f64::from_bits(bits);
    }
    let stamp = Stamp { sequence: head[1], origin_us: head[2], received_us: head[3], confirmed: head[4] != 0 };
    Some((Some(stamp), state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::port::port;
    use proptest::prelude::*;

    #[test]
    fn a_record_is_heard_again_as_it_was() {
        let (end, driver) = port(2, 0);
        let mut ear = Ear::new(end);
        ear.record(Arrivals::new(vec!["p_w".into(), "v_v.a".into()], 10));
        let mut heard = Vec::new();
        let mut values = [0.0; 2];
        for tick in 1..8 {
            if tick % 2 == 0 {
                driver.report(LinkState::Up, None);
                driver.publish(tick, tick + 1, &[0.1 * tick as f64, f64::NAN]);
            }
            let stamp = ear.hear(Tick(tick), tick, &mut values);
            heard.push((stamp, ear.state(), values.map(f64::to_bits)));
        }
        let record = Arrivals::parse(&ear.recorded().unwrap().text(), 2).unwrap();
        let mut again = Ear::new(port(2, 0).0);
        again.replay(record);
        let mut values = [0.0; 2];
        for (tick, before) in (1..8).zip(&heard) {
            let stamp = again.hear(Tick(tick), 0, &mut values);
            assert_eq!(&(stamp, again.state(), values.map(f64::to_bits)), before, "tick {tick}");
        }
    }

    #[test]
    fn a_record_that_is_full_is_not_taken_for_whole() {
        let (end, driver) = port(1, 0);
        let mut ear = Ear::new(end);
        ear.record(Arrivals::new(vec!["p_w".into()], 1));
        for tick in 1..4 {
            driver.publish(tick, tick, &[1.0]);
            ear.hear(Tick(tick), tick, &mut [0.0]);
        }
        let text = ear.recorded().unwrap().text();
        assert!(matches!(Arrivals::parse(&text, 1), Err(ArrivalsError::Cut)));
        assert!(matches!(Arrivals::parse("a,b\n", 1), Err(ArrivalsError::Line(1))));
        let header = "tick,sequence,origin_us,received_us,confirmed,state,p_w\n";
        assert!(matches!(Arrivals::parse(header, 2), Err(ArrivalsError::Points(1, 2))));
        assert!(matches!(
            Arrivals::parse(&format!("{header}2,1,0,0,0,1,3\n2,2,0,0,0,1,3\n"), 1),
            Err(ArrivalsError::Line(3))
        ));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9,.a-z\n#-]{0,200}") {
            let header = "tick,sequence,origin_us,received_us,confirmed,state,p_w\n";
            let _ = Arrivals::parse(&text, 1);
            let _ = Arrivals::parse(&format!("{header}{text}"), 1);
        }
    }
}
