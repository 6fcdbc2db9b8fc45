//! A recording through the instrument: windows, events and limits, told as they are found, in bounded memory.
//!
//! [`Session`] joins what measures windows with what watches for events, holds windows back until it is known whether an
//! event flags them, and gathers what a page shows. It opens no files and reads no clock.

mod excerpt;
mod guess;
mod json;
mod summary;
mod trend;

use std::collections::VecDeque;

pub use excerpt::Excerpt;
pub use guess::{Beginning, Source};
pub use json::Json;
pub use summary::{ChannelSummary, EventRow, FORMAT, LimitRow, SpectrumLine, Summary};
pub use trend::Written as TrendWritten;

use crate::monitor::event::{Event, EventError, EventKind, EventSettings, Events};
use crate::monitor::{ChannelRole, Finding, Instrument, Settings, SettingsError, TenSeconds, Window, Windows};
use crate::recording::Info;
use crate::signal::Waveform;
use excerpt::Excerpts;
use summary::Gathered;

/// Most voltages whose events are watched: the phases.
const PHASES: usize = 3;
/// Most events that are told; more are counted.
pub const MOST_EVENTS: u64 = 100_000;

/// What a recording is measured by.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    /// 50 or 60 Hz.
    pub nominal_hz: f64,
    /// Who says so.
    pub nominal_hz_from: Source,
    /// Declared voltage in V RMS; without one, events are not looked for.
    pub nominal_v: Option<f64>,
    /// Who says so.
    pub nominal_v_from: Source,
    /// How long windows are.
    pub windows: Windows,
    /// Demand current `I_L` in A RMS (IEEE 519).
    pub demand_a: Option<f64>,
}

/// Why a recording cannot be measured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SessionError {
    /// Not by windows.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Not for events.
    #[error(transparent)]
    Events(#[from] EventError),
}

/// What is told while a recording is read.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// A window, with its flag.
    Window(&'a Window),
    /// An event that is over, or that goes on at the end.
    Event(&'a Event),
    /// Frequency over 10 s.
    Frequency(TenSeconds),
}

/// A recording being measured.
#[derive(Debug)]
pub struct Session {
    instrument: Instrument,
    events: Option<Events>,
    /// Which channels are the voltages watched.
    voltages: Vec<usize>,
    /// Windows of which it is not known whether they are flagged.
    held: VecDeque<Window>,
    excerpts: Excerpts,
    gathered: Gathered,
    event_count: u64,
    found: Vec<Event>,
    starts: Vec<f64>,
    declared_v: f64,
    first: bool,
}

impl Session {
    /// An instrument for a recording.
    ///
    /// # Errors
    /// When the instrument cannot be: a sampling rate below its least, a nominal value that is none.
    pub fn new(info: &Info, basis: &Basis) -> Result<Self, SessionError> {
        let role = |c: &crate::recording::Channel| ChannelRole::from_name(&c.place.to_string());
        let roles: Vec<ChannelRole> = info.channels.iter().filter_map(role).collect();
        let phase = |role: &ChannelRole| *role == ChannelRole::voltage(role.phase) && usize::from(role.phase) <= PHASES;
        let voltages: Vec<usize> = (0..roles.len()).filter(|k| phase(&roles[*k])).collect();
        let settings = Settings {
            nominal_v: basis.nominal_v,
            windows: basis.windows,
            demand_a: basis.demand_a,
            ..Settings::new(info.sample_rate_hz, basis.nominal_hz, roles)
        };
        let instrument = Instrument::new(&settings)?;
        let watched = basis.nominal_v.filter(|_| !voltages.is_empty()).map(|declared_v| {
            Events::new(voltages.len(), info.sample_rate_hz, basis.nominal_hz, EventSettings::new(declared_v))
        });
        Ok(Self {
            events: watched.transpose()?,
            voltages,
            held: VecDeque::new(),
            excerpts: Excerpts::new(info.channels.len(), info.sample_rate_hz, basis.nominal_hz),
            gathered: Gathered::new(info, basis),
            event_count: 0,
            found: Vec::new(),
            starts: Vec::new(),
            declared_v: basis.nominal_v.unwrap_or(f64::NAN),
            first: true,
            instrument,
        })
    }

    /// Takes in a block and tells what is found.
    pub fn push(&mut self, block: &Waveform, told: &mut dyn FnMut(Told)) {
        self.excerpts.push(block);
        self.watch(block);
        let Self { instrument, held, .. } = self;
        instrument.push(block, &mut |finding| hold(finding, held, told));
        self.tell(false, told);
    }

    /// Says that no more samples come; tells the rest.
    pub fn finish(&mut self, told: &mut dyn FnMut(Told)) {
        let Self { instrument, held, events, found, .. } = self;
        instrument.finish(&mut |finding| hold(finding, held, told));
        if let Some(events) = events {
            events.finish(|event| found.push(event));
        }
        self.tell(true, told);
    }

    fn watch(&mut self, block: &Waveform) {
        let Some(events) = &mut self.events else { return };
        if !block.valid {
            events.skip(block.len() as u64);
            return;
        }
        let mut samples: [&[f64]; PHASES] = [&[]; PHASES];
        samples.iter_mut().zip(&self.voltages).for_each(|(samples, k)| *samples = block.channel(*k));
        let (found, starts) = (&mut self.found, &mut self.starts);
        let (low, high) = (0.9 * self.declared_v, 1.1 * self.declared_v);
        let watched = self.voltages.len();
        let outside = |rms: f64| rms < low || rms > high;
        events.push(
            &samples[..watched],
            |_, value| {
                if outside(value.rms) && starts.is_empty() {
                    starts.push(value.end_s);
                }
            },
            |event| found.push(event),
        );
        self.starts.drain(..).for_each(|at_s| self.excerpts.disturbed(at_s));
    }

    /// Tells events, and windows of which the flag is known.
    fn tell(&mut self, at_end: bool, told: &mut dyn FnMut(Told)) {
        for event in self.found.drain(..) {
            self.event_count += 1;
            if self.event_count <= MOST_EVENTS {
                self.excerpts.keep(event.kind.name(), event.start_s);
                self.gathered.event(&event);
                told(Told::Event(&event));
            }
        }
        while let Some(window) = self.held.front_mut() {
            let end_s = window.start_s + window.duration_s;
            if let Some(events) = &self.events {
                if !at_end && !events.decided(end_s) {
                    break;
                }
                window.flagged = events.flagged(window.start_s, end_s);
            }
            if std::mem::take(&mut self.first) {
                self.excerpts.keep_first(window.start_s, window.duration_s);
            }
            self.gathered.window(window);
            told(Told::Window(window));
            self.held.pop_front();
        }
    }

    /// Events found, those not told included.
    pub const fn events(&self) -> u64 {
        self.event_count
    }

    /// What a page shows, when all has been told.
    pub fn summary(self, file: &str, warnings: Vec<String>, limits: Vec<LimitRow>) -> Summary {
        self.gathered.summary(file, self.event_count, self.excerpts.into_kept(), warnings, limits)
    }
}

fn hold(finding: Finding, held: &mut VecDeque<Window>, told: &mut dyn FnMut(Told)) {
    match finding {
        Finding::Window(window) => held.push_back(window.clone()),
        Finding::Frequency(ten_seconds) => told(Told::Frequency(ten_seconds)),
    }
}

/// Whether an event flags windows.
pub const fn flags(event: &Event) -> bool {
    !matches!(event.kind, EventKind::Rvc)
}
