//! What follows from windows over time – aggregates, statistics against limits, alarms – and the window that waits until it
//! is known whether an event flags it.

use super::aggregate::{Aggregate, Aggregator};
use super::alarm::Alarms;
use super::event::Events;
use super::flicker::{LongTerm, Pst};
use super::instrument::Finding;
use super::limits::{Compliance, Judgement};
use super::settings::{Settings, SettingsError};
use super::spectral::Measured;
use super::window::Window;

/// Short-term flicker severities in a long-term one.
const SHORTS_OF_LONG: f64 = 12.0;

/// Where windows go.
#[derive(Clone, Debug)]
pub struct Evaluation {
    waiting: Window,
    full: bool,
    aggregator: Aggregator,
    compliance: Vec<Compliance>,
    alarms: Option<Alarms>,
    flicker_s: f64,
}

impl Evaluation {
    /// Of an instrument with these settings, whose windows have the room of `waiting`.
    pub fn new(settings: &Settings, waiting: Window) -> Result<Self, SettingsError> {
        let compliance = settings.limits.iter().map(|limits| Compliance::new(settings, *limits));
        Ok(Self {
            waiting,
            full: false,
            aggregator: Aggregator::new(settings, settings.clock_s),
            compliance: compliance.collect::<Result<_, _>>()?,
            alarms: settings.trips.map(|trips| Alarms::new(settings, trips)).transpose()?,
            flicker_s: settings.flicker_s.unwrap_or(0.0),
        })
    }

    /// Takes what windows measured. A window waits, and lets the one before go.
    pub fn take(&mut self, measured: Measured, events: Option<&Events>, found: &mut dyn FnMut(Finding)) {
        match measured {
            Measured::Window(window) => {
                self.release(events, found);
                std::mem::swap(&mut self.waiting, window);
                self.full = true;
                self.release_decided(events, found);
            }
            Measured::Frequency(ten) => {
                self.compliance.iter_mut().for_each(|own| own.add_frequency(ten.start_s, ten.frequency_hz));
                found(Finding::Frequency(ten));
            }
        }
    }

    /// Lets the window that waits go if it is known whether it is flagged.
    pub fn release_decided(&mut self, events: Option<&Events>, found: &mut dyn FnMut(Finding)) {
        let to_s = self.waiting.start_s + self.waiting.duration_s;
        if events.is_none_or(|events| events.decided(to_s)) {
            self.release(events, found);
        }
    }

    /// Lets the window that waits go, if one does.
    pub fn release(&mut self, events: Option<&Events>, found: &mut dyn FnMut(Finding)) {
        if !std::mem::take(&mut self.full) {
            return;
        }
        let Self { waiting, aggregator, compliance, alarms, .. } = self;
        let (from_s, to_s) = (waiting.start_s, waiting.start_s + waiting.duration_s);
        if let Some(events) = events {
            waiting.flagged = events.flagged(from_s, to_s);
        }
        found(Finding::Window(waiting));
        aggregator.push(waiting, &mut |aggregate| evaluate(aggregate, compliance, alarms.as_mut(), found));
    }

    /// Takes a short-term flicker severity of a channel.
    pub fn flicker(&mut self, channel: usize, pst: Pst, long: &mut LongTerm, found: &mut dyn FnMut(Finding)) {
        found(Finding::ShortFlicker(channel, pst));
        if let Some(plt) = long.add(pst.pst) {
            let start_s = pst.end_s - SHORTS_OF_LONG * self.flicker_s;
            self.compliance.iter_mut().for_each(|own| own.add_plt(channel, start_s, plt));
            found(Finding::LongFlicker(channel, plt));
        }
    }

    /// Ends the intervals in progress, early.
    pub fn finish(&mut self, events: Option<&Events>, found: &mut dyn FnMut(Finding)) {
        self.release(events, found);
        let Self { aggregator, compliance, alarms, .. } = self;
        aggregator.finish(&mut |aggregate| evaluate(aggregate, compliance, alarms.as_mut(), found));
    }

    /// What each set of limits says now.
    pub fn judgements(&mut self) -> impl Iterator<Item = Judgement> {
        self.compliance.iter_mut().map(Compliance::judgement)
    }

    pub const fn alarms_mut(&mut self) -> Option<&mut Alarms> {
        self.alarms.as_mut()
    }

    /// Corrects the clock.
    pub fn set_clock(&mut self, clock_s: f64) {
        self.aggregator.set_clock(clock_s);
    }

    /// When the next 10 minutes of the clock begin after a moment, in s since sampling began.
    pub fn next_tick_s(&self, after_s: f64) -> f64 {
        self.aggregator.next_tick_s(after_s)
    }
}

fn evaluate(
    aggregate: &Aggregate,
    compliance: &mut [Compliance],
    alarms: Option<&mut Alarms>,
    found: &mut dyn FnMut(Finding),
) {
    found(Finding::Aggregate(aggregate));
    compliance.iter_mut().for_each(|own| own.add(aggregate));
    if let Some(alarms) = alarms {
        alarms.aggregate(aggregate, &mut |event| found(Finding::Alarm(event)));
    }
}
