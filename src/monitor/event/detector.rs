//! The thresholds of dips, swells and interruptions, over all voltages together.

use super::change::Changes;
use super::{Event, EventError, EventKind, EventSettings, MOST_VOLTAGES, Phases};
use crate::monitor::magnitude::HalfCycle;

/// Finds events in values of Urms(1/2) that come in the order of their ends.
#[derive(Clone, Debug)]
pub struct Detector {
    settings: EventSettings,
    voltages: usize,
    /// Last value of each voltage in percent of the declared one, and when it was; none yet: at infinity past.
    latest: [(f64, f64); MOST_VOLTAGES],
    dip: Option<Open>,
    swell: Option<Open>,
    interrupted_since_s: Option<f64>,
    changes: Option<Changes>,
}

/// An event that goes on.
#[derive(Clone, Copy, Debug)]
struct Open {
    start_s: f64,
    extreme_percent: f64,
    phases: Phases,
    interrupted: bool,
    interrupted_s: f64,
}

impl Open {
    const fn new(start_s: f64, extreme_percent: f64) -> Self {
        Self { start_s, extreme_percent, phases: Phases(0), interrupted: false, interrupted_s: 0.0 }
    }

    const fn event(self, kind: EventKind, end_s: f64, ended: bool) -> Event {
        Event {
            kind,
            start_s: self.start_s,
            duration_s: end_s - self.start_s,
            residual_percent: self.extreme_percent,
            phases: self.phases,
            interrupted_s: self.interrupted_s,
            change: None,
            ended,
        }
    }
}

impl Detector {
    /// For so many voltages.
    pub fn new(voltages: usize, nominal_hz: f64, settings: EventSettings) -> Result<Self, EventError> {
        settings.check()?;
        if !(1..=MOST_VOLTAGES).contains(&voltages) {
            return Err(EventError::Voltages(voltages));
        }
        let changes = settings.rvc_percent.map(|threshold_percent| {
            Changes::new(voltages, nominal_hz, threshold_percent, settings.rvc_hysteresis_percent)
        });
        Ok(Self {
            settings,
            voltages,
            latest: [(f64::NAN, f64::NEG_INFINITY); MOST_VOLTAGES],
            dip: None,
            swell: None,
            interrupted_since_s: None,
            changes,
        })
    }

    /// Takes the next value of a voltage, and hands out what has ended with it.
    pub fn add(&mut self, voltage: usize, value: HalfCycle, mut out: impl FnMut(Event)) {
        if voltage >= self.voltages {
            return;
        }
        let percent = value.rms / self.settings.declared_v * 100.0;
        self.latest[voltage] = (percent, value.end_s);
        self.interruption(value.end_s);
        if let Some(event) = self.dip(voltage, percent, value.end_s) {
            out(event);
        }
        if let Some(event) = self.swell(voltage, percent, value.end_s) {
            out(event);
        }
        let outside = self.dip.is_some() || self.swell.is_some();
        if let Some(event) = self.changes.as_mut().and_then(|c| c.add(voltage, percent, value.end_s, outside)) {
            out(event);
        }
    }

    /// Hands out the events that go on, with the time until the last value as their duration.
    pub fn finish(&mut self, mut out: impl FnMut(Event)) {
        let end_s = self.latest[..self.voltages].iter().fold(f64::NEG_INFINITY, |end, (_, at)| end.max(*at));
        if let (Some(since), Some(dip)) = (self.interrupted_since_s.take(), &mut self.dip) {
            dip.interrupted_s += end_s - since;
        }
        if let Some(open) = self.dip.take() {
            out(open.event(if open.interrupted { EventKind::Interruption } else { EventKind::Dip }, end_s, false));
        }
        if let Some(open) = self.swell.take() {
            out(open.event(EventKind::Swell, end_s, false));
        }
    }

    /// Up to when all voltages are known, in s.
    pub fn known_until_s(&self) -> f64 {
        self.latest[..self.voltages].iter().fold(f64::INFINITY, |until, (_, at)| until.min(*at))
    }

    /// Since when a dip or swell goes on, in s.
    pub fn open_since_s(&self) -> Option<f64> {
        let starts = [self.dip, self.swell].into_iter().flatten().map(|open| open.start_s);
        starts.min_by(f64::total_cmp)
    }

    fn all(&self, holds: impl Fn(f64) -> bool) -> bool {
        self.latest[..self.voltages].iter().all(|(percent, _)| holds(*percent))
    }

    /// Begins when all voltages are below the threshold, ends when any is above it by the hysteresis.
    fn interruption(&mut self, at_s: f64) {
        let threshold = self.settings.interruption_percent;
        let ends = threshold + self.settings.hysteresis_percent;
        match self.interrupted_since_s {
            None if self.all(|percent| percent < threshold) => self.interrupted_since_s = Some(at_s),
            Some(since) if !self.all(|percent| percent < ends) => {
                self.interrupted_since_s = None;
                if let Some(dip) = &mut self.dip {
                    dip.interrupted_s += at_s - since;
                }
            }
            _ => {}
        }
    }

    fn dip(&mut self, voltage: usize, percent: f64, at_s: f64) -> Option<Event> {
        let below = percent < self.settings.dip_percent;
        if below {
            let open = self.dip.get_or_insert(Open::new(at_s, percent));
            open.extreme_percent = open.extreme_percent.min(percent);
            open.phases.insert(voltage);
        }
        let interrupted = self.interrupted_since_s.is_some();
        let ends = self.settings.dip_percent + self.settings.hysteresis_percent;
        let over = self.all(|percent| percent.is_nan() || percent >= ends);
        let open = self.dip.as_mut()?;
        open.interrupted |= interrupted;
        let kind = if open.interrupted { EventKind::Interruption } else { EventKind::Dip };
        if over { self.dip.take().map(|open| open.event(kind, at_s, true)) } else { None }
    }

    fn swell(&mut self, voltage: usize, percent: f64, at_s: f64) -> Option<Event> {
        if percent > self.settings.swell_percent {
            let open = self.swell.get_or_insert(Open::new(at_s, percent));
            open.extreme_percent = open.extreme_percent.max(percent);
            open.phases.insert(voltage);
        }
        let ends = self.settings.swell_percent - self.settings.hysteresis_percent;
        match self.all(|percent| percent.is_nan() || percent <= ends) {
            true => self.swell.take().map(|open| open.event(EventKind::Swell, at_s, true)),
            false => None,
        }
    }
}
