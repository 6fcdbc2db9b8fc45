//! A recording through the instrument: windows, events and limits, told as they are found, in bounded memory.
//!
//! [`Session`] joins the instrument with aggregation and limits, and gathers what a page shows. It opens no files and reads
//! no clock.

mod excerpt;
mod guess;
mod json;
mod summary;
mod trend;

pub use excerpt::Excerpt;
pub use guess::{Beginning, Source};
pub use json::Json;
pub use summary::{ChannelSummary, EventRow, FORMAT, LimitRow, SpectrumLine, Summary};
pub use trend::Written as TrendWritten;

use crate::monitor::event::{Event, EventKind};
use crate::monitor::limits::{LimitSettings, Profile, tables};
use crate::monitor::{ChannelRole, Finding, Instrument, Settings, SettingsError, TenSeconds, Window, Windows};
use crate::recording::Info;
use crate::signal::Waveform;
use excerpt::Excerpts;
use summary::Gathered;

/// Most events that are told; more are counted.
pub const MOST_EVENTS: u64 = 100_000;
/// Voltage between lines when nothing is known of voltages: the class of low voltage.
const LOW_VOLTAGE_V: f64 = 400.0;

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
    /// Whose limits.
    pub limits: Option<Profile>,
    /// Short-circuit current over load current.
    pub isc_over_il: Option<f64>,
    /// Demand (IEEE 519), rated (IEEE 1547) or reference (IEC 61000-3-12) current in A RMS.
    pub il_a: Option<f64>,
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
    /// Short-term flicker of a channel: when its interval ended, and Pst.
    Flicker(usize, f64, f64),
}

/// A recording being measured.
#[derive(Debug)]
pub struct Session {
    instrument: Instrument,
    rest: Rest,
}

/// What hears what the instrument finds.
#[derive(Debug)]
struct Rest {
    excerpts: Excerpts,
    gathered: Gathered,
    events: u64,
    /// Voltages below and above which a disturbance begins.
    ordinary_v: [f64; 2],
    first: bool,
}

impl Session {
    /// An instrument for a recording.
    ///
    /// # Errors
    /// When the instrument cannot be: a sampling rate below its least, a nominal value that is none; or when the limits
    /// need what is not given.
    pub fn new(info: &Info, basis: &Basis) -> Result<Self, SettingsError> {
        let role = |c: &crate::recording::Channel| ChannelRole::from_name(&c.place.to_string());
        let roles: Vec<ChannelRole> = info.channels.iter().filter_map(role).collect();
        let settings = Settings {
            nominal_v: basis.nominal_v,
            windows: basis.windows,
            demand_a: basis.il_a,
            rated_a: basis.il_a,
            limits: basis.limits.iter().map(|profile| limit_settings(*profile, basis)).collect(),
            ..Settings::new(info.sample_rate_hz, basis.nominal_hz, roles)
        };
        let instrument = Instrument::new(&settings)?;
        let declared_v = basis.nominal_v.unwrap_or(f64::NAN);
        let rest = Rest {
            excerpts: Excerpts::new(info.channels.len(), info.sample_rate_hz, basis.nominal_hz),
            gathered: Gathered::new(info, basis, limit_line(basis)),
            events: 0,
            ordinary_v: [0.9 * declared_v, 1.1 * declared_v],
            first: true,
        };
        Ok(Self { instrument, rest })
    }

    /// Takes in a block and tells what is found.
    pub fn push(&mut self, block: &Waveform, told: &mut dyn FnMut(Told)) {
        let Self { instrument, rest } = self;
        rest.excerpts.push(block);
        instrument.push(block, &mut |finding| rest.hear(finding, told));
    }

    /// Says that no more samples come; tells the rest, and returns what the limits came to, and what could not be judged.
    pub fn finish(&mut self, told: &mut dyn FnMut(Told)) -> (Vec<LimitRow>, Vec<String>) {
        let Self { instrument, rest } = self;
        instrument.finish(&mut |finding| rest.hear(finding, told));
        let (mut rows, mut unjudged) = (Vec::new(), Vec::new());
        for judgement in instrument.judgements() {
            rows.extend(judgement.verdicts.iter().map(LimitRow::new));
            unjudged.extend(judgement.unjudged);
        }
        (rows, unjudged)
    }

    /// Events found, those not told included.
    pub const fn events(&self) -> u64 {
        self.rest.events
    }

    /// What a page shows, when all has been told.
    pub fn summary(self, file: &str, warnings: Vec<String>, limits: Vec<LimitRow>) -> Summary {
        let Rest { gathered, excerpts, events, .. } = self.rest;
        gathered.summary(file, events, excerpts.into_kept(), warnings, limits)
    }
}

impl Rest {
    fn hear(&mut self, finding: Finding, told: &mut dyn FnMut(Told)) {
        match finding {
            Finding::Window(window) => self.window(window, told),
            Finding::Event(event) => self.event(&event, told),
            Finding::Magnitude(_, value) => {
                if value.rms < self.ordinary_v[0] || value.rms > self.ordinary_v[1] {
                    self.excerpts.disturbed(value.end_s);
                }
            }
            Finding::Frequency(ten_seconds) => told(Told::Frequency(ten_seconds)),
            Finding::ShortFlicker(channel, pst) => told(Told::Flicker(channel, pst.end_s, pst.pst)),
            Finding::LongFlicker(..) | Finding::Aggregate(_) | Finding::Alarm(_) => {}
        }
    }

    fn window(&mut self, window: &Window, told: &mut dyn FnMut(Told)) {
        if std::mem::take(&mut self.first) {
            self.excerpts.keep_first(window.start_s, window.duration_s);
        }
        self.gathered.window(window);
        told(Told::Window(window));
    }

    fn event(&mut self, event: &Event, told: &mut dyn FnMut(Told)) {
        self.events += 1;
        if self.events <= MOST_EVENTS {
            self.excerpts.keep(event.kind.name(), event.start_s);
            self.gathered.event(event);
            told(Told::Event(event));
        }
    }
}

fn line_to_line_v(basis: &Basis) -> f64 {
    basis.nominal_v.map_or(LOW_VOLTAGE_V, |v| v * 3f64.sqrt())
}

fn limit_settings(profile: Profile, basis: &Basis) -> LimitSettings {
    LimitSettings {
        declared_v: basis.nominal_v,
        isc_over_il: basis.isc_over_il,
        il_a: basis.il_a,
        rated_a: basis.il_a,
        ..LimitSettings::new(profile, line_to_line_v(basis))
    }
}

/// Limits of voltages by order, percent, for the figure of the spectrum; NaN where there is none.
fn limit_line(basis: &Basis) -> Vec<f64> {
    match basis.limits {
        Some(Profile::Ieee519) => {
            let each = tables::ieee519_voltage(line_to_line_v(basis)).0;
            (0..=crate::monitor::MOST_ORDER).map(|order| if order < 2 { f64::NAN } else { each }).collect()
        }
        Some(Profile::En50160) => tables::en50160().to_vec(),
        _ => Vec::new(),
    }
}

/// Whether an event flags windows.
pub const fn flags(event: &Event) -> bool {
    !matches!(event.kind, EventKind::Rvc)
}
