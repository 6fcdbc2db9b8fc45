//! Who says what on a bus, from listening alone: identifiers, their periods, what databases make of them, and what is odd.
//!
//! It does no input or output, and nothing in it grows with time: [`MOST_IDS`] identifiers, [`MOST_GAPS`] times of each.
//! Times are when a frame arrived at this machine, so that its jitter is in them.
//!
//! **Two senders** of one identifier cannot be told apart on the wire. They are suspected where an identifier comes clearly
//! more often than is declared, where its gaps alternate while pairs of them are regular, or where a counter of its messages
//! does not go on by one.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use crate::link::can::dbc::{Database, Message, Number};
use crate::link::can::frame::{CanFrame, CanId, ERROR_BUS_OFF, Kind};

/// Most identifiers that are told apart; frames of others are only counted.
pub const MOST_IDS: usize = 2048;
/// Times between frames that are kept of an identifier: the newest.
pub const MOST_GAPS: usize = 512;
/// Gaps from which something is said of periods.
const FEWEST: usize = 6;
/// Class bits of error frames by Linux' `can/error.h`, in words.
const CLASSES: [(u32, &str); 9] = [
    (0x001, "transmission timed out"),
    (0x002, "arbitration lost"),
    (0x004, "the controller's state changed"),
    (0x008, "a protocol violation"),
    (0x010, "the transceiver has a fault"),
    (0x020, "nobody acknowledged"),
    (0x040, "bus off"),
    (0x080, "a bus error"),
    (0x100, "the controller restarted"),
];

/// Error frames that were heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// All of them.
    pub count: u64,
    /// Of those, how many said that the controller is off the bus.
    pub bus_off: u64,
    /// By what they said, in the order of the class bits.
    pub kinds: BTreeMap<u32, u64>,
}

impl Errors {
    /// What they said, in words, each with its number.
    pub fn words(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        CLASSES.iter().filter_map(|(bit, words)| self.kinds.get(bit).map(|&count| (*words, count)))
    }
}

/// A counter of messages, as it went.
#[derive(Clone, Copy, Debug, Default)]
struct Counting {
    signal: usize,
    last: Option<u64>,
    highest: u64,
    /// Steps by one, by nothing, by anything else.
    steps: [u64; 3],
}

/// An identifier that was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The identifier.
    pub id: CanId,
    /// Frames with data.
    pub count: u64,
    /// Frames that ask for data.
    pub remote: u64,
    /// The newest frame.
    pub last: CanFrame,
    /// Fewest and most bytes of its frames with data.
    pub lengths: (usize, usize),
    /// The newest physical value of each signal of its message, in the message's order; `None` where it did not come.
    pub values: Vec<Option<f64>>,
    at_us: Option<u64>,
    gaps_us: VecDeque<u64>,
    counters: Vec<Counting>,
}

/// What is odd about an identifier; as text, it is half a sentence about it.
#[derive(Clone, Debug, PartialEq)]
pub enum Oddity {
    /// No database has it.
    Undeclared,
    /// It comes more often than is declared; times in ms.
    TooOften(f64, f64),
    /// It comes more seldom than is declared; times in ms.
    TooSeldom(f64, f64),
    /// Its gaps alternate; the period of each sender in ms.
    Alternates(f64),
    /// A counter of its messages does not go on by one: its name, steps, and how many of them were others.
    CounterJumps(String, u64, u64),
    /// A counter of its messages stands still.
    CounterStill(String),
    /// Its frames have another length than is declared, in bytes: fewest, most, declared.
    Length(usize, usize, usize),
    /// It has several lengths, in bytes.
    Lengths(usize, usize),
    /// A signal is beyond what the database says that it can be: its name, the value.
    Beyond(String, f64),
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undeclared => write!(f, "nobody declares it"),
            Self::TooOften(is, declared) => {
                write!(f, "comes each {is:.1} ms, and {declared:.1} ms are declared: two senders, or another period")
            }
            Self::TooSeldom(is, declared) => write!(f, "comes each {is:.1} ms, and {declared:.1} ms are declared"),
            Self::Alternates(period) => {
                write!(f, "comes twice each {period:.1} ms, unevenly: two senders, or one that sends two in a row")
            }
            Self::CounterJumps(name, steps, odd) => write!(
                f,
                "its counter {name} does not go on by one in {odd} of {steps} steps: two senders, or lost frames"
            ),
            Self::CounterStill(name) => write!(f, "its counter {name} stands still"),
            Self::Length(low, high, declared) if low == high => {
                write!(f, "has {low} bytes, and {declared} are declared: its signals are not read")
            }
            Self::Length(low, high, declared) => {
                write!(f, "has {low} to {high} bytes, and {declared} are declared: its signals are not all read")
            }
            Self::Lengths(low, high) => write!(f, "has {low} to {high} bytes by turns"),
            Self::Beyond(name, value) => write!(f, "{name} is {value}, beyond what the database says that it can be"),
        }
    }
}

/// A database and what it is called.
pub type Named = (String, Arc<Database>);

/// What was heard.
#[derive(Clone, Debug, Default)]
pub struct Census {
    databases: Vec<Named>,
    heard: BTreeMap<CanId, Heard>,
    /// Error frames.
    pub errors: Errors,
    /// Frames, error frames left out.
    pub frames: u64,
    /// Frames of identifiers beyond [`MOST_IDS`].
    pub beyond: u64,
}

impl Census {
    /// Nothing heard yet. Of two databases with one identifier, the first counts.
    pub fn new(databases: Vec<Named>) -> Self {
        Self { databases, ..Self::default() }
    }

    /// Takes a frame that arrived at a time in µs.
    pub fn hear(&mut self, t_us: u64, frame: &CanFrame) {
        if let Kind::Error { class } = frame.kind() {
            self.errors.count += 1;
            self.errors.bus_off += u64::from(class & ERROR_BUS_OFF != 0);
            for (bit, _) in CLASSES.iter().filter(|(bit, _)| class & bit != 0) {
                *self.errors.kinds.entry(*bit).or_default() += 1;
            }
            return;
        }
        self.frames += 1;
        let id = frame.id();
        if !self.heard.contains_key(&id) && self.heard.len() >= MOST_IDS {
            self.beyond += 1;
            return;
        }
        let message = self.databases.iter().find_map(|(_, own)| own.message(id));
        let heard = self.heard.entry(id).or_insert_with(|| Heard::new(frame, message));
        heard.take(t_us, frame, message);
    }

    /// Identifiers that were heard, ascending.
    pub fn heard(&self) -> impl Iterator<Item = &Heard> {
        self.heard.values()
    }

    /// What was heard of one.
    pub fn of(&self, id: CanId) -> Option<&Heard> {
        self.heard.get(&id)
    }

    /// The message of an identifier, and the database that has it.
    pub fn message(&self, id: CanId) -> Option<(&str, &Message)> {
        self.databases.iter().find_map(|(name, own)| own.message(id).map(|message| (name.as_str(), message)))
    }

    /// Messages of the databases that were not heard.
    pub fn silent(&self) -> impl Iterator<Item = &Message> {
        let all = self.databases.iter().flat_map(|(_, own)| own.messages());
        all.filter(|message| !self.heard.contains_key(&message.id))
    }

    /// What is odd about an identifier.
    pub fn oddities(&self, heard: &Heard) -> Vec<Oddity> {
        let mut odd = Vec::new();
        let message = self.message(heard.id).map(|(_, message)| message);
        if message.is_none() && !self.databases.is_empty() {
            odd.push(Oddity::Undeclared);
        }
        let alternates = heard.alternates_us();
        match (message.and_then(|own| own.cycle_us).map(ms), heard.mean_us().map(|us| us / 1e3)) {
            (Some(declared), Some(is)) if is < 0.67 * declared => odd.push(Oddity::TooOften(is, declared)),
            (Some(declared), Some(is)) if is > 1.5 * declared => odd.push(Oddity::TooSeldom(is, declared)),
            _ => odd.extend(alternates.map(|us| Oddity::Alternates(us / 1e3))),
        }
        let (low, high) = heard.lengths;
        match message {
            Some(own) if heard.count > 0 && (low < own.length || (high <= 8 && high != own.length)) => {
                odd.push(Oddity::Length(low, high, own.length));
            }
            None if heard.count > 0 && low != high => odd.push(Oddity::Lengths(low, high)),
            _ => {}
        }
        if let Some(message) = message {
            odd.extend(heard.counters.iter().filter_map(|own| own.oddity(message)));
            let values = message.signals.iter().zip(&heard.values);
            let beyond = values.filter_map(|(signal, value)| value.filter(|&v| !signal.admits(v)).map(|v| (signal, v)));
            odd.extend(beyond.take(4).map(|(signal, value)| Oddity::Beyond(signal.name.clone(), value)));
        }
        odd
    }
}

impl Counting {
    fn take(&mut self, raw: u64) {
        if let Some(last) = self.last {
            let kind = match raw {
                _ if raw == last => 1,
                _ if raw == last + 1 || (raw == 0 && last >= self.highest) => 0,
                _ => 2,
            };
            self.steps[kind] += 1;
        }
        self.highest = self.highest.max(raw);
        self.last = Some(raw);
    }

    fn oddity(&self, message: &Message) -> Option<Oddity> {
        let [one, none, other] = self.steps;
        let all = one + none + other;
        let name = || message.signals.get(self.signal).map_or_else(String::new, |own| own.name.clone());
        if all < 6 {
            return None;
        }
        if none == all {
            return Some(Oddity::CounterStill(name()));
        }
        let odd = none + other;
        (odd >= 3 && odd * 5 >= all).then(|| Oddity::CounterJumps(name(), all, odd))
    }
}

impl Heard {
    fn new(frame: &CanFrame, message: Option<&Message>) -> Self {
        let signals = message.map_or(&[][..], |own| &own.signals[..]);
        let counts = |name: &str| {
            let name = name.to_ascii_lowercase();
            ["alive", "counter", "rolling", "cnt"].iter().any(|part| name.contains(part))
        };
        let counters = signals
            .iter()
            .enumerate()
            .filter(|(_, own)| own.number == Number::Unsigned && (2..=8).contains(&own.length) && counts(&own.name));
        Self {
            id: frame.id(),
            count: 0,
            remote: 0,
            last: *frame,
            lengths: (usize::MAX, 0),
            values: vec![None; signals.len()],
            at_us: None,
            gaps_us: VecDeque::new(),
            counters: counters.map(|(signal, _)| Counting { signal, ..Counting::default() }).collect(),
        }
    }

    fn take(&mut self, t_us: u64, frame: &CanFrame, message: Option<&Message>) {
        if !frame.is_data() {
            self.remote += 1;
            return;
        }
        self.count += 1;
        self.last = *frame;
        self.lengths = (self.lengths.0.min(frame.length()), self.lengths.1.max(frame.length()));
        if let Some(before) = self.at_us.replace(t_us) {
            if self.gaps_us.len() >= MOST_GAPS {
                self.gaps_us.pop_front();
            }
            self.gaps_us.push_back(t_us.saturating_sub(before));
        }
        let Some(message) = message else { return };
        for (at, value) in self.values.iter_mut().enumerate() {
            *value = message.decode(at, frame.bytes()).or(*value);
        }
        for own in &mut self.counters {
            if let (Some(signal), true) = (message.signals.get(own.signal), frame.length() >= message.length) {
                own.take(signal.raw(frame.bytes()));
            }
        }
    }

    /// Half of the times between its frames are below, in µs.
    pub fn period_us(&self) -> Option<f64> {
        quantile(self.gaps_us.iter().copied(), 0.5)
    }

    /// 95 of 100 times between its frames are this near to the [period](Self::period_us), in µs.
    pub fn jitter_us(&self) -> Option<f64> {
        if self.gaps_us.len() < 2 {
            return None;
        }
        spread(&self.gaps_us.iter().copied().collect::<Vec<_>>(), 0.95).map(|(_, own)| own)
    }

    /// The mean time between its frames in µs, of some of them.
    fn mean_us(&self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss, reason = "times of some minutes in µs")]
        let mean = self.gaps_us.iter().map(|&own| own as f64).sum::<f64>() / self.gaps_us.len().max(1) as f64;
        (self.gaps_us.len() >= FEWEST).then_some(mean)
    }

    /// The period of each of two senders in µs, where single gaps are irregular and pairs of them are not.
    fn alternates_us(&self) -> Option<f64> {
        if self.gaps_us.len() < 2 * FEWEST {
            return None;
        }
        let gaps: Vec<u64> = self.gaps_us.iter().copied().collect();
        let pairs: Vec<u64> = gaps.windows(2).map(|own| own[0] + own[1]).collect();
        let (single, pair) = (spread(&gaps, 0.75)?, spread(&pairs, 0.75)?);
        (single.1 > 0.2 * pair.0 / 2.0 && pair.1 < 0.1 * pair.0 && pair.0 > 1000.0).then_some(pair.0)
    }
}

/// What the database calls a value, where it does; numbers of more than 53 bits have no names here.
pub fn value_name(message: &Message, signal: usize, value: f64) -> Option<&str> {
    let own = message.signals.get(signal)?;
    let raw = ((value - own.offset) / own.factor).round();
    #[allow(clippy::cast_possible_truncation, reason = "looked at before")]
    let raw = (raw.abs() < 9e15).then_some(raw as i64)?;
    own.values.binary_search_by_key(&raw, |(number, _)| *number).ok().map(|at| own.values[at].1.as_str())
}

#[allow(clippy::cast_precision_loss, reason = "times of some minutes in µs")]
const fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

/// A value at a part of some numbers.
fn quantile(numbers: impl Iterator<Item = u64>, part: f64) -> Option<f64> {
    let mut ordered: Vec<u64> = numbers.collect();
    ordered.sort_unstable();
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list; times of some minutes in µs"
    )]
    let at = (part * ordered.len().saturating_sub(1) as f64).round() as usize;
    #[allow(clippy::cast_precision_loss, reason = "times of some minutes in µs")]
    ordered.get(at).map(|&own| own as f64)
}

/// The median of some numbers, and how near to it a part of them are.
fn spread(numbers: &[u64], part: f64) -> Option<(f64, f64)> {
    let middle = quantile(numbers.iter().copied(), 0.5)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "one of the numbers")]
    let near = quantile(numbers.iter().map(|&own| own.abs_diff(middle as u64)), part)?;
    Some((middle, near))
}
