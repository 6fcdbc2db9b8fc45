//! The instrument: samples in, findings out. It joins the windows with what is measured in the time domain.
//!
//! Its whole state is this value: a clone is a snapshot, and putting the clone in its place restores it.

use std::cell::RefCell;
use std::ops::Range;

use super::event::{Event, EventSettings, Events};
use super::flicker::{Flickermeter, Lamp, LongTerm, Pst};
use super::magnitude::HalfCycle;
use super::settings::{Quantity, Settings, SettingsError};
use super::spectral::{Measured, Spectral};
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
    waiting: Waiting,
    /// Whether a block has been taken.
    begun: bool,
}

/// A window that waits until it is known whether it is flagged.
#[derive(Clone, Debug)]
struct Waiting {
    window: Window,
    full: bool,
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
        let waiting = Waiting { window: spectral.room(), full: false };
        Ok(Self { spectral, voltages, voltage_count, events, flicker, waiting, begun: false })
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

    /// Takes in a block of any length and tells what it finds.
    pub fn push(&mut self, block: &Waveform, found: &mut dyn FnMut(Finding)) -> Taken {
        let Self { spectral, waiting, events, .. } = self;
        let taken = spectral.begin(block, &mut |measured| waiting.take(measured, events.as_ref(), found));
        match taken {
            Taken::Backwards | Taken::WrongChannels => return taken,
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
        let Self { spectral, waiting, events, .. } = self;
        spectral.finish(&mut |measured| waiting.take(measured, events.as_ref(), found));
        waiting.release(events.as_ref(), found);
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
        for (((meter, long), samples), &channel) in self.flicker.iter_mut().zip(voltages).zip(own) {
            meter.push(samples, |pst| tell_flicker(channel, pst, long, found));
        }
        let Self { spectral, waiting, events, .. } = self;
        spectral.take(block, samples, &mut |measured| waiting.take(measured, events.as_ref(), found));
        if waiting.decided(events.as_ref()) {
            waiting.release(events.as_ref(), found);
        }
    }

    /// So many samples are lost.
    fn skip(&mut self, samples: u64, found: &mut dyn FnMut(Finding)) {
        if let Some(events) = &mut self.events {
            events.skip(samples);
        }
        for ((meter, long), &channel) in self.flicker.iter_mut().zip(&self.voltages) {
            meter.skip(samples, |pst| tell_flicker(channel, pst, long, found));
        }
    }
}

fn tell_flicker(channel: usize, pst: Pst, long: &mut LongTerm, found: &mut dyn FnMut(Finding)) {
    found(Finding::ShortFlicker(channel, pst));
    if let Some(plt) = long.add(pst.pst) {
        found(Finding::LongFlicker(channel, plt));
    }
}

impl Waiting {
    fn take(&mut self, measured: Measured, events: Option<&Events>, found: &mut dyn FnMut(Finding)) {
        match measured {
            Measured::Window(window) => {
                self.release(events, found);
                std::mem::swap(&mut self.window, window);
                self.full = true;
                if self.decided(events) {
                    self.release(events, found);
                }
            }
            Measured::Frequency(ten_seconds) => found(Finding::Frequency(ten_seconds)),
        }
    }

    fn decided(&self, events: Option<&Events>) -> bool {
        events.is_none_or(|events| events.decided(self.window.start_s + self.window.duration_s))
    }

    /// Tells the window that waits, if one does.
    fn release(&mut self, events: Option<&Events>, found: &mut dyn FnMut(Finding)) {
        if std::mem::take(&mut self.full) {
            let (from_s, to_s) = (self.window.start_s, self.window.start_s + self.window.duration_s);
            self.window.flagged = events.is_some_and(|events| events.flagged(from_s, to_s));
            found(Finding::Window(&self.window));
        }
    }
}
