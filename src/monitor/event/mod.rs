//! Voltage events of IEC 61000-4-30: dips, swells, interruptions and rapid voltage changes, from Urms(1/2) of one to eight
//! voltages, and which windows they flag.
//!
//! A dip begins when any voltage falls below its threshold and ends when all have risen above it by the hysteresis; a swell
//! likewise. A dip in which *all* voltages were below the interruption threshold at once is called an interruption, with
//! the dip's start and duration: one disturbance is one event. A value counts from the end of its cycle on. Thresholds,
//! hysteresis and the flagging rule are (R): recalled, checked against no text of the standard; those of rapid voltage
//! changes are as manufacturers' manuals quote them (see `docs/models/monitor.md`).

mod change;
mod detector;
mod flags;
pub mod itic;

pub use detector::Detector;

use thiserror::Error;

use super::magnitude::{HalfCycle, HalfCycles, MagnitudeError};
use flags::Flags;

/// Most voltages that are watched together.
pub const MOST_VOLTAGES: usize = 8;
/// Most half cycles that one channel hands out at once: those of the time before it knew its phase.
const BACKLOG: usize = 16;

/// What kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// A voltage fell below the dip threshold.
    Dip,
    /// A voltage rose above the swell threshold.
    Swell,
    /// A dip in which all voltages were below the interruption threshold at once.
    Interruption,
    /// A rapid voltage change: from one steady state to another without a dip or swell.
    Rvc,
}

impl EventKind {
    /// Its name in files: `dip`, `swell`, `interruption` or `rvc`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dip => "dip",
            Self::Swell => "swell",
            Self::Interruption => "interruption",
            Self::Rvc => "rvc",
        }
    }
}

/// A set of voltages, by place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases(u8);

impl Phases {
    /// Adds a voltage.
    pub const fn insert(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    /// Whether a voltage is in it.
    pub const fn contains(self, place: usize) -> bool {
        place < MOST_VOLTAGES && self.0 & (1 << place) != 0
    }

    /// How many there are.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Places of the voltages, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..MOST_VOLTAGES).filter(move |place| self.contains(*place))
    }
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// What it is.
    pub kind: EventKind,
    /// When it began, in s since sampling began.
    pub start_s: f64,
    /// How long it lasted, in s; of one that goes on at the end, until then.
    pub duration_s: f64,
    /// Lowest Urms(1/2) of any voltage (dip, interruption), highest (swell), or the one farthest from the steady state
    /// before (rapid voltage change), in percent of the declared voltage.
    pub residual_percent: f64,
    /// Voltages that crossed the threshold.
    pub phases: Phases,
    /// How long all voltages were below the interruption threshold, in s.
    pub interrupted_s: f64,
    /// Of a rapid voltage change: its two sizes.
    pub change: Option<Change>,
    /// Whether it was over when the samples were.
    pub ended: bool,
}

/// How large a rapid voltage change was, in percent of the declared voltage; of several voltages the largest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Largest difference from the steady state before.
    pub most_percent: f64,
    /// Difference between the steady states before and after.
    pub steady_percent: f64,
}

/// Thresholds, in percent of the declared voltage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EventSettings {
    /// Declared voltage, in V RMS, of what is watched: line to neutral, or line to line when `line_to_line`.
    pub declared_v: f64,
    /// Whether the differences of the first three voltages are watched instead of the voltages.
    pub line_to_line: bool,
    /// Below this, a dip.
    pub dip_percent: f64,
    /// Above this, a swell.
    pub swell_percent: f64,
    /// Below this on all voltages, an interruption.
    pub interruption_percent: f64,
    /// How far a voltage must come back.
    pub hysteresis_percent: f64,
    /// How far a voltage may be from its mean over 100 half cycles (50 Hz; 120 at 60 Hz) and be steady; `None`: rapid
    /// voltage changes are not looked for.
    pub rvc_percent: Option<f64>,
    /// Hysteresis of rapid voltage changes, in percent of their threshold.
    pub rvc_hysteresis_percent: f64,
}

impl EventSettings {
    /// Dip 90 %, swell 110 %, interruption 5 %, hysteresis 2 %, rapid voltage change 5 % with a hysteresis of half of it.
    pub const fn new(declared_v: f64) -> Self {
        Self {
            declared_v,
            line_to_line: false,
            dip_percent: 90.0,
            swell_percent: 110.0,
            interruption_percent: 5.0,
            hysteresis_percent: 2.0,
            rvc_percent: Some(5.0),
            rvc_hysteresis_percent: 50.0,
        }
    }

    fn check(&self) -> Result<(), EventError> {
        let ordered = 0.0 < self.interruption_percent
            && self.interruption_percent + self.hysteresis_percent < self.dip_percent
            && self.dip_percent + self.hysteresis_percent < 100.0
            && self.swell_percent - self.hysteresis_percent > 100.0
            && self.swell_percent.is_finite();
        if !(ordered && self.hysteresis_percent >= 0.0) {
            return Err(EventError::Thresholds);
        }
        let steady = self.rvc_percent.is_none_or(|threshold| threshold > 0.0 && threshold < 100.0);
        match steady && (0.0..100.0).contains(&self.rvc_hysteresis_percent) {
            true => Ok(()),
            false => Err(EventError::Change),
        }
    }
}

/// Why there can be no event detection.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum EventError {
    /// No Urms(1/2).
    #[error(transparent)]
    Magnitude(#[from] MagnitudeError),
    /// Thresholds in the wrong order.
    #[error("0 < interruption < dip < 100 < swell, with the hysteresis between them, is not so")]
    Thresholds,
    /// The settings of rapid voltage changes.
    #[error(
        "the threshold of rapid voltage changes must be between 0 and 100 %, their hysteresis 0 to below 100 % of it"
    )]
    Change,
    /// None, or too many.
    #[error("{0} voltages: there must be 1 to 8, and at least 3 to watch them line to line")]
    Voltages(usize),
}

/// Watches voltages: samples in, events out.
#[derive(Clone, Debug)]
pub struct Events {
    settings: EventSettings,
    inputs: usize,
    watched: Vec<HalfCycles>,
    detector: Detector,
    flags: Flags,
    /// Longest piece in which no channel has two values, once it has its phase.
    piece: usize,
    difference: Vec<f64>,
    backlog: Vec<Backlog>,
}

/// Values of one channel that wait for those of the others.
#[derive(Clone, Copy, Debug, Default)]
struct Backlog {
    values: [HalfCycle; BACKLOG],
    len: usize,
    taken: usize,
}

impl Events {
    /// For so many voltages, sampled at `sample_rate_hz`.
    pub fn new(
        voltages: usize,
        sample_rate_hz: f64,
        nominal_hz: f64,
        settings: EventSettings,
    ) -> Result<Self, EventError> {
        settings.check()?;
        let fewest = if settings.line_to_line { 3 } else { 1 };
        if !(fewest..=MOST_VOLTAGES).contains(&voltages) {
            return Err(EventError::Voltages(voltages));
        }
        let watched = if settings.line_to_line { 3 } else { voltages };
        let channel = HalfCycles::new(sample_rate_hz, nominal_hz, settings.declared_v)?;
        let piece = ((sample_rate_hz / nominal_hz / 5.0) as usize).max(1);
        Ok(Self {
            settings,
            inputs: voltages,
            watched: vec![channel; watched],
            detector: Detector::new(watched, nominal_hz, settings)?,
            flags: Flags::new(1.0 / nominal_hz),
            piece,
            difference: vec![0.0; piece],
            backlog: vec![Backlog::default(); watched],
        })
    }

    /// Number of voltages that are watched: 3 when they are line to line.
    pub fn watched(&self) -> usize {
        self.watched.len()
    }

    /// Takes a block of samples of each voltage (as many of each; what is missing from one of them is a gap of all), and
    /// hands out what is found: each value of Urms(1/2) with the place of its voltage, and each event when it is over.
    pub fn push(
        &mut self,
        voltages: &[&[f64]],
        mut magnitude: impl FnMut(usize, HalfCycle),
        mut event: impl FnMut(Event),
    ) {
        let longest = voltages.iter().map(|samples| samples.len()).max().unwrap_or(0);
        let shortest = voltages.iter().map(|samples| samples.len()).min().unwrap_or(0);
        let whole = if voltages.len() < self.inputs { 0 } else { shortest };
        let mut from = 0;
        while from < whole {
            let to = (from + self.piece).min(whole);
            for (k, backlog) in self.backlog.iter_mut().enumerate() {
                let Some(first) = voltages.get(k).and_then(|samples| samples.get(from..to)) else { continue };
                let samples = match (self.settings.line_to_line, voltages.get((k + 1) % 3)) {
                    (true, Some(second)) => subtract(&mut self.difference, first, &second[from..to]),
                    _ => first,
                };
                *backlog = Backlog::default();
                self.watched[k].push(samples, |value| backlog.add(value));
            }
            self.detect(&mut magnitude, &mut event);
            from = to;
        }
        if longest > whole {
            self.skip((longest - whole) as u64);
        }
    }

    /// Says that so many samples of all voltages are lost.
    pub fn skip(&mut self, samples: u64) {
        self.watched.iter_mut().for_each(|channel| channel.skip(samples));
    }

    /// Hands out the events that go on at the end.
    pub fn finish(&mut self, event: impl FnMut(Event)) {
        self.detector.finish(event);
    }

    /// Whether it is known if a window that ends here is flagged: an event flags what lies up to a cycle before it.
    pub fn decided(&self, to_s: f64) -> bool {
        self.flags.decided(to_s, self.detector.known_until_s())
    }

    /// Whether a dip, swell or interruption touches a window: whether they overlap when the event is taken from a cycle
    /// before its start. Of the last 64 events.
    pub fn flagged(&self, from_s: f64, to_s: f64) -> bool {
        self.flags.flagged(from_s, to_s, self.detector.open_since_s())
    }

    /// The frequency that a voltage's half cycles follow, in Hz.
    pub fn frequency_hz(&self, voltage: usize) -> Option<f64> {
        self.watched.get(voltage).map(HalfCycles::frequency_hz)
    }

    /// Values of all channels, the earliest first.
    fn detect(&mut self, magnitude: &mut impl FnMut(usize, HalfCycle), event: &mut impl FnMut(Event)) {
        loop {
            let waiting = self.backlog.iter().enumerate().filter_map(|(k, b)| b.first().map(|value| (k, value)));
            let Some((place, value)) = waiting.min_by(|a, b| a.1.end_s.total_cmp(&b.1.end_s)) else { return };
            self.backlog[place].taken += 1;
            magnitude(place, value);
            let flags = &mut self.flags;
            self.detector.add(place, value, |found| {
                flags.add(&found);
                event(found);
            });
        }
    }
}

impl Backlog {
    fn add(&mut self, value: HalfCycle) {
        if let Some(room) = self.values.get_mut(self.len) {
            *room = value;
            self.len += 1;
        }
    }

    fn first(&self) -> Option<HalfCycle> {
        self.values[..self.len].get(self.taken).copied()
    }
}

fn subtract<'a>(room: &'a mut [f64], first: &[f64], second: &[f64]) -> &'a [f64] {
    let pairs = room.iter_mut().zip(first.iter().zip(second));
    pairs.for_each(|(difference, (a, b))| *difference = a - b);
    &room[..first.len().min(room.len())]
}

#[cfg(test)]
mod tests;
