//! The instrument: samples in, findings out. It joins the windows with what is measured in the time domain.
//!
//! Its whole state is this value: a clone is a snapshot, and putting the clone in its place restores it.

use std::cell::RefCell;
use std::ops::Range;

use super::aggregate::{Aggregate, TEN_MINUTES_S};
use super::alarm::{AlarmEvent, Alarms};
use super::evaluation::Evaluation;
use super::event::{Event, EventSettings, Events};
use super::flicker::{Flickermeter, Lamp, LongTerm, Pst};
use super::limits::Judgement;
use super::magnitude::HalfCycle;
use super::settings::{Quantity, Settings, SettingsError};
use super::spectral::Spectral;
use super::window::Window;
use crate::signal::Waveform;

/// Samples that are taken at once: windows are told soon after the events before them.
const PIECE: usize = 256;
/// Phases whose voltages are watched: not the neutral's.
const PHASES: usize = 3;

/// What an instrument says, about in the order of time in which it is known. Channels are places in its order.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Finding<'a> {
    /// A window has been measured. It is told when it is known whether an event flags it: a cycle or two after its end.
    Window(&'a Window),
    /// An interval of 10 s has ended.
    Frequency(TenSeconds),
    /// An event is over.
    Event(Event),
    /// The voltage of a channel over a cycle, every half cycle.
    Magnitude(usize, HalfCycle),
    /// Short-term flicker of a channel.
    ShortFlicker(usize, Pst),
    /// Long-term flicker of a channel: of twelve short-term ones.
    LongFlicker(usize, f64),
    /// An interval of 15 windows, 10 minutes or 2 hours has ended.
    Aggregate(&'a Aggregate),
    /// An alarm has changed.
    Alarm(&'a AlarmEvent),
}

/// Frequency over 10 s: whole cycles over how long they took (IEC 61000-4-30).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TenSeconds {
    /// When the interval began, in s since sampling began.
    pub start_s: f64,
    /// Whole cycles within it.
    pub cycles: u32,
    /// Frequency in Hz; NaN where the fundamental was lost meanwhile.
    pub frequency_hz: f64,
}

/// What became of a block of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It continued the one before.
    Gapless,
    /// So many samples before or in it did not come; windows that miss any are not valid.
    Gap(u64),
    /// It began before the end of the one before, and was not taken.
    Backwards,
    /// It begins more than 2^50 samples after the start of sampling, which no clock does, and was not taken.
    Beyond,
    /// It has other channels than the instrument, and was not taken.
    WrongChannels,
}

/// A power-quality instrument.
#[derive(Clone, Debug)]
pub struct Instrument {
    spectral: Spectral,
    /// Places of the voltages of phases 1 to 3, and how many there are.
    voltages: [usize; PHASES],
    voltage_count: usize,
    events: Option<Events>,
    flicker: Vec<(Flickermeter, LongTerm)>,
    evaluation: Evaluation,
    /// Whether a block has been taken.
    begun: bool,
}

impl Instrument {
    /// An instrument, with all the room it will need.
    ///
    /// # Errors
    /// When there cannot be such an instrument: [`Settings::check`], thresholds of events that contradict each other.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let (mut voltages, mut voltage_count) = ([0; PHASES], 0);
        for (place, role) in settings.channels.iter().enumerate() {
            if role.quantity == Quantity::Voltage && usize::from(role.phase) <= PHASES {
                voltages[voltage_count] = place;
                voltage_count += 1;
            }
        }
        let thresholds = settings.events.or(settings.nominal_v.map(EventSettings::new)).filter(|_| voltage_count > 0);
        let (rate, nominal_hz) = (settings.sample_rate_hz, settings.nominal_hz);
        let events = thresholds.map(|own| Events::new(voltage_count, rate, nominal_hz, own)).transpose()?;
        let meter = settings.nominal_v.map(Lamp::of).zip(settings.flicker_s);
        let meter = meter.map(|(lamp, over_s)| Flickermeter::new(rate, nominal_hz, lamp, over_s)).transpose()?;
        let flicker = meter.map_or_else(Vec::new, |own| vec![(own, LongTerm::default()); voltage_count]);
        let spectral = Spectral::new(settings);
        let evaluation = Evaluation::new(settings, spectral.room())?;
        let mut new = Self { spectral, voltages, voltage_count, events, flicker, evaluation, begun: false };
        new.align_flicker(0.0);
        Ok(new)
    }

    /// What it is.
    pub const fn settings(&self) -> &Settings {
        self.spectral.settings()
    }

    /// Centres in Hz of the bands of 200 Hz that it measures.
    pub fn band_centres_hz(&self) -> impl Iterator<Item = f64> {
        (0..self.spectral.bands()).map(super::band_centre_hz)
    }

    /// Changes the currents that TDD and TRD relate to, in A RMS, from the next window on.
    pub fn set_ratings(&mut self, demand_a: Option<f64>, rated_a: Option<f64>) {
        self.spectral.set_ratings(demand_a, rated_a);
    }

    /// Corrects the clock: the time of day in s at which sampling began, from the next window on. Flicker goes by it from
    /// the start only.
    pub fn set_clock(&mut self, clock_s: f64) {
        self.evaluation.set_clock(clock_s);
    }

    /// Its alarms, when it has trip points: to replace these, and to say what the instrument cannot see (packets, clock
    /// offsets, mapping faults).
    pub const fn alarms_mut(&mut self) -> Option<&mut Alarms> {
        self.evaluation.alarms_mut()
    }

    /// What each of the settings' limits says of everything so far. It allocates: for reports, not for steps.
    pub fn judgements(&mut self) -> impl Iterator<Item = Judgement> {
        self.evaluation.judgements()
    }

    /// Takes in a block of any length and tells what it finds.
    pub fn push(&mut self, block: &Waveform, found: &mut dyn FnMut(Finding)) -> Taken {
        let Self { spectral, evaluation, events, .. } = self;
        let taken = spectral.begin(block, &mut |measured| evaluation.take(measured, events.as_ref(), found));
        match taken {
            Taken::Backwards | Taken::Beyond | Taken::WrongChannels => return taken,
            Taken::Gap(lost) => self.skip(lost, found),
            Taken::Gapless if !self.begun => self.skip(block.first, found),
            Taken::Gapless => {}
        }
        self.begun = true;
        let count = if block.valid { block.len() } else { 0 };
        for from in (0..count).step_by(PIECE) {
            self.piece(block, from..count.min(from + PIECE), found);
        }
        taken
    }

    /// Says that no more samples come: measures what is still whole, ends what goes on.
    pub fn finish(&mut self, found: &mut dyn FnMut(Finding)) {
        let Self { spectral, evaluation, events, .. } = self;
        spectral.finish(&mut |measured| evaluation.take(measured, events.as_ref(), found));
        evaluation.finish(events.as_ref(), found);
        if let Some(events) = events {
            events.finish(|event| found(Finding::Event(event)));
        }
    }

    /// Ends the observations of flicker in progress, early, and tells them.
    pub fn end_flicker(&mut self, found: &mut dyn FnMut(Finding)) {
        for ((meter, _), &channel) in self.flicker.iter_mut().zip(&self.voltages) {
            found(Finding::ShortFlicker(channel, meter.end()));
        }
    }

    fn piece(&mut self, block: &Waveform, samples: Range<usize>, found: &mut dyn FnMut(Finding)) {
        let own = &self.voltages[..self.voltage_count];
        let mut voltages: [&[f64]; PHASES] = [&[]; PHASES];
        for (room, &channel) in voltages.iter_mut().zip(own) {
            *room = &block.channel(channel)[samples.clone()];
        }
        let voltages = &voltages[..self.voltage_count];
        if let Some(events) = &mut self.events {
            let found = RefCell::new(&mut *found);
            let magnitude = |at: usize, value| found.borrow_mut()(Finding::Magnitude(own[at], value));
            events.push(voltages, magnitude, |event| found.borrow_mut()(Finding::Event(event)));
        }
        let Self { spectral, evaluation, events, flicker, .. } = self;
        for (((meter, long), samples), &channel) in flicker.iter_mut().zip(voltages).zip(own) {
            meter.push(samples, |pst| evaluation.flicker(channel, pst, long, found));
        }
        spectral.take(block, samples, &mut |measured| evaluation.take(measured, events.as_ref(), found));
        evaluation.release_decided(events.as_ref(), found);
    }

    /// So many samples are lost.
    fn skip(&mut self, samples: u64, found: &mut dyn FnMut(Finding)) {
        if let Some(events) = &mut self.events {
            events.skip(samples);
        }
        let Self { flicker, voltages, evaluation, .. } = self;
        for ((meter, long), &channel) in flicker.iter_mut().zip(&*voltages) {
            meter.skip(samples, |pst| evaluation.flicker(channel, pst, long, found));
        }
    }

    /// Lets 10-minute observations of flicker end at the clock's ticks.
    fn align_flicker(&mut self, now_s: f64) {
        if self.settings().flicker_s == Some(TEN_MINUTES_S) {
            let in_s = self.evaluation.next_tick_s(now_s) - now_s;
            self.flicker.iter_mut().for_each(|(meter, _)| meter.end_in(in_s));
        }
    }
}
