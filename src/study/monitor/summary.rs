//! What a page shows of a recording, gathered window by window.

use serde::{Deserialize, Serialize};

use super::excerpt::Excerpt;
use super::guess::Source;
use super::trend::{Spread, Trend, Written};
use super::{Basis, flags};
use crate::monitor::event::Event;
use crate::monitor::event::itic;
use crate::monitor::limits::Verdict;
use crate::monitor::{MOST_ORDER, Window, Windows};
use crate::recording::Info;

/// Version of `monitor.json`.
pub const FORMAT: u32 = 1;

/// Most events that a page lists.
const MOST_EVENTS: usize = 2000;
/// Quantities of a channel in the trend.
const TRENDED: usize = 2;

/// An event as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// `dip`, `swell`, `interruption` or `rvc`.
    pub kind: String,
    /// When it began, in s.
    pub start_s: f64,
    /// How long it lasted, in s.
    pub duration_s: f64,
    /// Residual or highest voltage in percent of the declared one.
    pub residual_percent: f64,
    /// Largest change, of a rapid voltage change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_percent: Option<f64>,
    /// Whether it was over at the end.
    pub ended: bool,
    /// Where it stands in the ITI curve; nothing of a rapid voltage change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub itic: Option<String>,
}

impl EventRow {
    /// As it is written.
    pub fn new(event: &Event) -> Self {
        let region = itic::region(event.duration_s, event.residual_percent);
        Self {
            kind: event.kind.name().to_owned(),
            start_s: event.start_s,
            duration_s: event.duration_s,
            residual_percent: event.residual_percent,
            change_percent: event.change.map(|change| change.most_percent),
            ended: event.ended,
            itic: flags(event).then(|| region.name().to_owned()),
        }
    }
}

/// A limit and what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitRow {
    /// What is limited, with its statistic.
    pub name: String,
    /// The worst value that was measured.
    pub value: f64,
    /// The limit.
    pub limit: f64,
    /// Whether it is kept.
    pub passed: bool,
    /// `%`, `A` or nothing.
    pub unit: String,
    /// Values that were judged.
    pub values: u64,
    /// Where the limit is from: (S) quoted by others, (R) recalled.
    pub source: String,
}

impl LimitRow {
    /// As it is written.
    pub fn new(verdict: &Verdict) -> Self {
        Self {
            name: verdict.name.clone(),
            value: verdict.value,
            limit: verdict.limit,
            passed: verdict.passed,
            unit: verdict.unit.to_owned(),
            values: verdict.values,
            source: verdict.source.to_owned(),
        }
    }
}

/// One order of a channel over all windows that are neither flagged nor incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpectrumLine {
    /// Root of the mean square of the subgroup, in V or A.
    pub rms: f64,
    /// Largest of a window.
    pub most_rms: f64,
}

/// A channel over the recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelSummary {
    /// `u1` …
    pub name: String,
    /// What the file calls it.
    pub source: String,
    /// Smallest, mean and largest RMS value of a window.
    pub rms: [Option<f64>; 3],
    /// Smallest, mean and largest THD (subgroups), percent.
    pub thd_percent: [Option<f64>; 3],
    /// Subgroups by order, from 0.
    pub spectrum: Vec<SpectrumLine>,
    /// Windows in which it was clipped.
    pub clipped: u64,
    /// Windows in which all samples were the same.
    pub dead: u64,
}

/// Everything a page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`FORMAT`].
    pub format: u32,
    /// The file's name.
    pub file: String,
    /// Its kind.
    pub kind: String,
    /// Who recorded it.
    pub station: Option<String>,
    /// Samples per second.
    pub sample_rate_hz: f64,
    /// 50 or 60.
    pub nominal_hz: f64,
    /// Who says so.
    pub nominal_hz_from: Source,
    /// Declared voltage.
    pub nominal_v: Option<f64>,
    /// Who says so.
    pub nominal_v_from: Source,
    /// Whether windows follow the frequency.
    pub synchronised: bool,
    /// Length of what was measured in s.
    pub duration_s: f64,
    /// Windows measured.
    pub windows: u64,
    /// Windows that an event flags.
    pub flagged: u64,
    /// Windows with missing or clipped samples.
    pub invalid: u64,
    /// Smallest, mean and largest frequency of a window in Hz.
    pub frequency_hz: [Option<f64>; 3],
    /// Smallest, mean and largest negative over positive sequence of the voltages, percent.
    pub u2_percent: [Option<f64>; 3],
    /// Channel by channel.
    pub channels: Vec<ChannelSummary>,
    /// Frequency, then RMS and THD of each channel, over time.
    pub trend: Written,
    /// The first events.
    pub events: Vec<EventRow>,
    /// All of them.
    pub event_count: u64,
    /// Pieces of the waveform.
    pub excerpts: Vec<Excerpt>,
    /// The limits.
    pub limits: Vec<LimitRow>,
    /// Whose limits.
    pub profile: Option<String>,
    /// Limit of voltages by order, percent of the fundamental; empty without one.
    pub limit_percent: Vec<Option<f64>>,
    /// What was noticed, in words.
    pub warnings: Vec<String>,
}

/// A summary under way.
#[derive(Clone, Debug)]
pub struct Gathered {
    info: Info,
    basis: Basis,
    end_s: f64,
    windows: u64,
    flagged: u64,
    invalid: u64,
    frequency: Spread,
    u2: Spread,
    channels: Vec<Gathering>,
    trend: Trend,
    events: Vec<EventRow>,
    limit_line: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Gathering {
    rms: Spread,
    thd: Spread,
    squares: Vec<f64>,
    most: Vec<f64>,
    counted: u64,
    clipped: u64,
    dead: u64,
}

impl Gathered {
    /// Nothing yet.
    pub fn new(info: &Info, basis: &Basis, limit_line: Vec<f64>) -> Self {
        let empty = Gathering {
            rms: Spread::default(),
            thd: Spread::default(),
            squares: vec![0.0; MOST_ORDER + 1],
            most: vec![0.0; MOST_ORDER + 1],
            counted: 0,
            clipped: 0,
            dead: 0,
        };
        let channels = info.channels.len();
        Self {
            info: info.clone(),
            basis: basis.clone(),
            end_s: 0.0,
            windows: 0,
            flagged: 0,
            invalid: 0,
            frequency: Spread::default(),
            u2: Spread::default(),
            channels: vec![empty; channels],
            trend: Trend::new(1 + TRENDED * channels),
            events: Vec::new(),
            limit_line,
        }
    }

    /// Adds a window.
    pub fn window(&mut self, window: &Window) {
        self.windows += 1;
        self.flagged += u64::from(window.flagged);
        self.invalid += u64::from(!window.valid);
        self.end_s = window.start_s + window.duration_s;
        if window.reference.is_some() {
            self.frequency.add(window.frequency_hz);
        }
        self.u2.add(window.unbalance.map_or(f64::NAN, |u| u.u2_percent));
        let values = window.channels.iter().flat_map(|c| [c.rms, c.thd_subgroup_percent]);
        let frequency = if window.reference.is_some() { window.frequency_hz } else { f64::NAN };
        self.trend.add(window.start_s, window.flagged || !window.valid, std::iter::once(frequency).chain(values));
        for (own, channel) in self.channels.iter_mut().zip(&window.channels) {
            own.rms.add(channel.rms);
            own.clipped += u64::from(channel.clipped);
            own.dead += u64::from(channel.dead);
            if window.flagged || !channel.valid {
                continue;
            }
            own.thd.add(channel.thd_subgroup_percent);
            own.counted += 1;
            for (order, rms) in channel.subgroup_rms.iter().enumerate() {
                if let Some((square, most)) = own.squares.get_mut(order).zip(own.most.get_mut(order)) {
                    *square += if rms.is_finite() { rms * rms } else { 0.0 };
                    *most = most.max(*rms);
                }
            }
        }
    }

    /// Adds an event.
    pub fn event(&mut self, event: &Event) {
        if self.events.len() < MOST_EVENTS {
            self.events.push(EventRow::new(event));
        }
    }

    /// What came of it.
    pub fn summary(
        self,
        file: &str,
        event_count: u64,
        excerpts: Vec<Excerpt>,
        warnings: Vec<String>,
        limits: Vec<LimitRow>,
    ) -> Summary {
        let channel = |(own, channel): (&Gathering, &crate::recording::Channel)| ChannelSummary {
            name: channel.place.to_string(),
            source: channel.source.clone(),
            rms: own.rms.values(),
            thd_percent: own.thd.values(),
            spectrum: own.spectrum(),
            clipped: own.clipped,
            dead: own.dead,
        };
        Summary {
            format: FORMAT,
            file: file.to_owned(),
            kind: self.info.format.clone(),
            station: self.info.station.clone(),
            sample_rate_hz: self.info.sample_rate_hz,
            nominal_hz: self.basis.nominal_hz,
            nominal_hz_from: self.basis.nominal_hz_from,
            nominal_v: self.basis.nominal_v,
            nominal_v_from: self.basis.nominal_v_from,
            synchronised: self.basis.windows == Windows::Synchronised,
            duration_s: self.end_s,
            windows: self.windows,
            flagged: self.flagged,
            invalid: self.invalid,
            frequency_hz: self.frequency.values(),
            u2_percent: self.u2.values(),
            channels: self.channels.iter().zip(&self.info.channels).map(channel).collect(),
            trend: self.trend.written(),
            events: self.events,
            event_count,
            excerpts,
            limits,
            profile: self.basis.limits.map(|profile| profile.name().to_owned()),
            limit_percent: self.limit_line.iter().map(|x| Some(*x).filter(|x| x.is_finite())).collect(),
            warnings,
        }
    }
}

impl Gathering {
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 windows")]
    fn spectrum(&self) -> Vec<SpectrumLine> {
        let n = self.counted.max(1) as f64;
        let line = |(square, most): (&f64, &f64)| SpectrumLine { rms: (square / n).sqrt(), most_rms: *most };
        self.squares.iter().zip(&self.most).map(line).collect()
    }
}
