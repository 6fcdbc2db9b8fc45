//! What is told as JSON, written as it comes: at no time is more of it held than one window.

use std::io::{self, Write};

use indexmap::IndexMap;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::{Basis, EventRow, LimitRow};
use crate::monitor::event::Event;
use crate::monitor::{ChannelWindow, TenSeconds, Window, Windows};
use crate::recording::Info;

/// JSON under way.
#[derive(Debug)]
pub struct Json<W> {
    out: W,
    names: Vec<String>,
    windows: u64,
    events: Vec<EventRow>,
    frequencies: Vec<Frequency>,
    flicker: Vec<Flicker>,
}

/// Short-term flicker of a channel.
#[derive(Clone, Debug, Serialize)]
struct Flicker {
    channel: String,
    end_s: f64,
    pst: f64,
}

/// Frequency over 10 s.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Frequency {
    start_s: f64,
    frequency_hz: Option<f64>,
    cycles: u32,
}

#[derive(Serialize)]
struct Head<'a> {
    file: &'a str,
    format: &'a str,
    sample_rate_hz: f64,
    nominal_hz: f64,
    nominal_hz_from: super::Source,
    nominal_v: Option<f64>,
    nominal_v_from: Option<super::Source>,
    windows_are: &'static str,
    channels: IndexMap<String, &'a str>,
}

#[derive(Serialize)]
struct WindowJson<'a> {
    sequence: u64,
    start_s: f64,
    duration_s: f64,
    frequency_hz: f64,
    synchronised: bool,
    flagged: bool,
    valid: bool,
    u2_percent: Option<f64>,
    u0_percent: Option<f64>,
    #[serde(serialize_with = "channels")]
    channels: (&'a [String], &'a [ChannelWindow]),
}

#[derive(Serialize)]
struct ChannelJson<'a> {
    rms: f64,
    dc: f64,
    subgroup_rms: &'a [f64],
    group_rms: &'a [f64],
    interharmonic_subgroup_rms: &'a [f64],
    interharmonic_group_rms: &'a [f64],
    thd_percent: f64,
    thd_subgroup_percent: f64,
    thd_group_percent: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tdd_percent: Option<f64>,
    clipped: bool,
    dead: bool,
}

fn channels<S: Serializer>((names, channels): &(&[String], &[ChannelWindow]), out: S) -> Result<S::Ok, S::Error> {
    let mut map = out.serialize_map(Some(names.len()))?;
    for (name, c) in names.iter().zip(channels.iter()) {
        let channel = ChannelJson {
            rms: c.rms,
            dc: c.dc,
            subgroup_rms: &c.subgroup_rms,
            group_rms: &c.group_rms,
            interharmonic_subgroup_rms: &c.interharmonic_subgroup_rms,
            interharmonic_group_rms: &c.interharmonic_group_rms,
            thd_percent: c.thd_percent,
            thd_subgroup_percent: c.thd_subgroup_percent,
            thd_group_percent: c.thd_group_percent,
            tdd_percent: c.tdd_percent,
            clipped: c.clipped,
            dead: c.dead,
        };
        map.serialize_entry(name, &channel)?;
    }
    map.end()
}

impl<W: Write> Json<W> {
    /// Begins: what is known before the first sample.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(mut out: W, file: &str, info: &Info, basis: &Basis) -> io::Result<Self> {
        let names: Vec<String> = info.channels.iter().map(|c| c.place.to_string()).collect();
        let head = Head {
            file,
            format: &info.format,
            sample_rate_hz: info.sample_rate_hz,
            nominal_hz: basis.nominal_hz,
            nominal_hz_from: basis.nominal_hz_from,
            nominal_v: basis.nominal_v,
            nominal_v_from: basis.nominal_v.map(|_| basis.nominal_v_from),
            windows_are: if basis.windows == Windows::Fixed { "fixed" } else { "synchronised" },
            channels: names.iter().cloned().zip(info.channels.iter().map(|c| c.source.as_str())).collect(),
        };
        let text = serde_json::to_string(&head)?;
        // What follows belongs to the same object.
        out.write_all(text.strip_suffix('}').unwrap_or(&text).as_bytes())?;
        out.write_all(b",\n\"windows\":[")?;
        Ok(Self { out, names, windows: 0, events: Vec::new(), frequencies: Vec::new(), flicker: Vec::new() })
    }

    /// Writes a window.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn window(&mut self, window: &Window) -> io::Result<()> {
        let window = WindowJson {
            sequence: window.sequence,
            start_s: window.start_s,
            duration_s: window.duration_s,
            frequency_hz: window.frequency_hz,
            synchronised: window.synchronised,
            flagged: window.flagged,
            valid: window.valid,
            u2_percent: window.unbalance.map(|u| u.u2_percent),
            u0_percent: window.unbalance.map(|u| u.u0_percent),
            channels: (&self.names, &window.channels),
        };
        self.out.write_all(if self.windows == 0 { b"\n" } else { b",\n" })?;
        self.windows += 1;
        Ok(serde_json::to_writer(&mut self.out, &window)?)
    }

    /// Keeps an event for the end.
    pub fn event(&mut self, event: &Event) {
        self.events.push(EventRow::new(event));
    }

    /// Keeps a frequency for the end.
    pub fn frequency(&mut self, ten: TenSeconds) {
        let frequency_hz = Some(ten.frequency_hz).filter(|f| f.is_finite());
        self.frequencies.push(Frequency { start_s: ten.start_s, frequency_hz, cycles: ten.cycles });
    }

    /// Keeps a flicker severity for the end.
    pub fn flicker(&mut self, channel: usize, end_s: f64, pst: f64) {
        let channel = self.names.get(channel).cloned().unwrap_or_default();
        self.flicker.push(Flicker { channel, end_s, pst });
    }

    /// Ends the whole: events, limits, warnings; with an error it is said that the rest is missing, and nothing of limits.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, limits: &[LimitRow], warnings: &[String], error: Option<&str>) -> io::Result<W> {
        self.out.write_all(b"\n],\n\"frequency_10s\":")?;
        serde_json::to_writer(&mut self.out, &self.frequencies)?;
        self.out.write_all(b",\n\"flicker\":")?;
        serde_json::to_writer(&mut self.out, &self.flicker)?;
        self.out.write_all(b",\n\"events\":")?;
        serde_json::to_writer(&mut self.out, &self.events)?;
        self.out.write_all(b",\n\"limits\":")?;
        serde_json::to_writer(&mut self.out, if error.is_some() { &limits[..0] } else { limits })?;
        self.out.write_all(b",\n\"warnings\":")?;
        serde_json::to_writer(&mut self.out, warnings)?;
        self.out.write_all(if error.is_some() {
            b",\n\"complete\":false,\"error\":"
        } else {
            b",\n\"complete\":true"
        })?;
        if let Some(error) = error {
            serde_json::to_writer(&mut self.out, error)?;
        }
        self.out.write_all(b"}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}
