//! Windows: from blocks of samples to what each window of 10 or 12 cycles measured.
//!
//! A window is measured at the first moment at which a fixed number of samples after its start is there, so that results do
//! not depend on how samples came in blocks. Windows follow each other without a gap; their ends need not lie on samples.

mod history;
mod indices;
mod interpolate;
mod plausible;
mod spectrum;
mod ten_seconds;
mod track;

use std::ops::Range;

use history::{History, MARGIN};
use interpolate::{Interpolator, Raster};
use spectrum::Spectrum;
use track::{Stretch, Track};

use super::band_centre_hz;
use super::instrument::{Taken, TenSeconds};
use super::settings::{Quantity, Settings, Windows};
use super::window::Window;
use crate::signal::Waveform;

/// Bands lie below this part of the sampling rate, where windows are interpolated: what folds there is 35 dB down.
const BANDS_INTERPOLATED: f64 = 0.352;
/// And below this where they are not: the converter's own filter decides.
const BANDS_SAMPLED: f64 = 0.45;
/// Most bands: up to 9 kHz.
const MOST_BANDS: usize = 35;
/// How much longer than the last one a window may be, before more samples are waited for.
const LONGER: f64 = 1.005;
/// The longest window over that of the nominal frequency: at 42.5 or 51 Hz.
const LONGEST: f64 = 1.0 / 0.85;
/// Synchronised: the length is that of whole cycles within this (IEC 61000-4-7).
const SYNCHRONISM: f64 = 3e-4;
/// A window this near to its nominal number of samples is those samples: 0.5 mHz, 4e-5 of order 50.
const AS_SAMPLED: f64 = 1e-5;
/// A fundamental below this part of the declared voltage, or of the largest channel, is no reference.
const LEAST_REFERENCE: f64 = 0.05;
/// The latest place of a sample: up to here places are exact as numbers with a fraction.
const LATEST: u64 = 1 << 50;
/// Smoothing over 1.5 s by windows of 200 ms: y += (x − y)/8.012.
const SMOOTHING: f64 = 1.0 / 8.012;

/// What windows measured, and what the angle of the fundamental tells besides.
#[derive(Debug)]
pub enum Measured<'a> {
    /// A window, whose flag is not set yet. It may be exchanged for another with the same room.
    Window(&'a mut Window),
    /// An interval of 10 s.
    Frequency(TenSeconds),
}

/// The part of an instrument that measures windows.
#[derive(Clone, Debug)]
pub struct Spectral {
    settings: Settings,
    /// Channels in the order in which they are asked for a reference.
    references: Vec<usize>,
    history: History,
    interpolator: Interpolator,
    spectrum: Spectrum,
    /// Samples of all channels in the window, interpolated.
    samples: Vec<f64>,
    /// Gain of the interpolation at the middle of each band.
    band_gains: Vec<f64>,
    smooth: Option<smooth::Smooth>,
    counter: ten_seconds::Counter,
    window: Window,
    next: Next,
    /// Where the stretch without gaps begins, in samples since sampling began.
    stretch: u64,
    /// Where the next block should begin; none before the first.
    expected: Option<u64>,
    /// Whether samples were lost since the last that were taken.
    broken: bool,
}

mod smooth;

/// The next window.
#[derive(Clone, Copy, Debug)]
struct Next {
    sequence: u64,
    /// Where it starts: whole samples since the stretch began, and what is added to them, in 0 to 1.
    start: i64,
    fraction: f64,
    /// Place before which samples must be there.
    need: i64,
    /// Samples per cycle of the window before, when there was a fundamental.
    cycle: Option<f64>,
    /// The first of its stretch: what lies before is to be made up.
    first: bool,
}

/// What came of trying to measure the next window.
enum Attempt {
    Done,
    /// More samples are needed, up to before this place.
    Needs(i64),
}

impl Spectral {
    /// With all room that will be needed; the settings have been checked.
    pub fn new(settings: &Settings) -> Self {
        let nominal = settings.nominal_window();
        let fixed_size = nominal.round() as usize;
        let is_whole = (nominal - nominal.round()).abs() < 1e-9 * nominal;
        let sampled = settings.windows == Windows::Fixed && is_whole;
        let size = if sampled { fixed_size } else { transform_size(nominal) };
        let top_hz = settings.sample_rate_hz * if sampled { BANDS_SAMPLED } else { BANDS_INTERPOLATED };
        let bands = (0..MOST_BANDS).take_while(|band| band_centre_hz(*band) + 100.0 <= top_hz).count();
        let gain = |band| interpolate::gain(band_centre_hz(band) / settings.sample_rate_hz);
        let channels = settings.channels.len();
        let room = (2.5 * nominal) as usize + 4 * MARGIN;
        let mut new = Self {
            references: references(settings),
            history: History::new(channels, room),
            interpolator: Interpolator::new(),
            spectrum: Spectrum::new(size, settings.cycles()),
            samples: vec![0.0; channels * size],
            band_gains: (0..bands).map(gain).collect(),
            smooth: settings.smoothing.then(|| smooth::Smooth::new(channels)),
            counter: ten_seconds::Counter::new(settings.sample_rate_hz),
            window: Window::room(settings, bands),
            next: Next { sequence: 0, start: 0, fraction: 0.0, need: 0, cycle: None, first: true },
            stretch: 0,
            expected: None,
            broken: false,
            settings: settings.clone(),
        };
        new.next.need = new.reach(LONGEST * nominal);
        new
    }

    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn bands(&self) -> usize {
        self.band_gains.len()
    }

    /// Room for another window.
    pub fn room(&self) -> Window {
        Window::room(&self.settings, self.bands())
    }

    pub fn set_ratings(&mut self, demand_a: Option<f64>, rated_a: Option<f64>) {
        (self.settings.demand_a, self.settings.rated_a) = (demand_a, rated_a);
    }

    /// Whether a block can be taken, before its samples are: after lost samples, tells of the window that misses some.
    pub fn begin(&mut self, block: &Waveform, told: &mut dyn FnMut(Measured)) -> Taken {
        if block.channels() != self.settings.channels.len() {
            return Taken::WrongChannels;
        }
        if block.first > LATEST {
            return Taken::Beyond;
        }
        let expected = self.expected.unwrap_or(block.first);
        let Some(gap) = block.first.checked_sub(expected) else { return Taken::Backwards };
        let lost = gap.saturating_add(if block.valid { 0 } else { block.len() as u64 });
        if self.expected.is_none() {
            self.stretch = block.first;
        }
        self.expected = Some(block.first.saturating_add(block.len() as u64));
        self.broken |= lost > 0;
        if block.valid && !block.is_empty() && self.broken {
            self.resume(block.first, told);
        }
        if lost > 0 { Taken::Gap(lost) } else { Taken::Gapless }
    }

    /// Takes samples of a block that was begun, and tells each window that they complete.
    pub fn take(&mut self, block: &Waveform, samples: Range<usize>, told: &mut dyn FnMut(Measured)) {
        let mut from = samples.start;
        while from < samples.end {
            from += self.history.append(block, from..samples.end);
            self.measure_all(false, told);
            self.history.forget_before(self.next.start);
        }
    }

    /// Says that no more samples come: measures the windows that are whole, and the interval of 10 s that ends here.
    pub fn finish(&mut self, told: &mut dyn FnMut(Measured)) {
        self.measure_all(true, told);
        let end = self.stretch as f64 + self.history.end() as f64;
        self.counter.finish(end, &mut |ten| told(Measured::Frequency(ten)));
    }

    /// Goes on after lost samples: ends the window that misses some, counts those of which all were lost, starts anew.
    fn resume(&mut self, first: u64, told: &mut dyn FnMut(Measured)) {
        self.measure_all(true, told);
        let nominal = self.settings.nominal_window();
        let length = self.next.cycle.map_or(nominal, |cycle| cycle * self.settings.cycles() as f64);
        let start = self.stretch as f64 + self.next.start as f64 + self.next.fraction;
        if self.history.end() > self.next.start {
            self.tell_lost(length, told);
            self.next.sequence += 1;
            self.next.sequence += ((first as f64 - start - length) / nominal).max(0.0) as u64;
        } else {
            self.next.sequence += ((first as f64 - start) / nominal).round().max(0.0) as u64;
        }
        self.history.restart();
        self.counter.lose();
        self.next = Next { start: 0, fraction: 0.0, need: 0, cycle: None, first: true, ..self.next };
        self.next.need = self.reach(LONGEST * nominal);
        (self.stretch, self.broken) = (first, false);
    }

    /// Place before which samples must be there to measure a window of this length that starts next.
    fn reach(&self, length: f64) -> i64 {
        self.next.start + (self.next.fraction + length).ceil() as i64 + MARGIN as i64
    }

    /// Measures what windows can be; at the end also those that miss no more than the margin.
    fn measure_all(&mut self, at_end: bool, told: &mut dyn FnMut(Measured)) {
        loop {
            let end = self.history.end();
            let horizon = if at_end { end.min(self.next.need) } else { self.next.need };
            if end < horizon || horizon <= self.next.start {
                return;
            }
            match self.measure(horizon, told) {
                Attempt::Done => {}
                Attempt::Needs(_) if at_end => return,
                Attempt::Needs(place) => self.next.need = place.max(self.next.need + 1),
            }
        }
    }

    /// Measures the next window, with samples up to before the horizon.
    fn measure(&mut self, horizon: i64, told: &mut dyn FnMut(Measured)) -> Attempt {
        let nominal = self.settings.nominal_window();
        let longest = self.reach(LONGEST * nominal);
        let at_end = horizon < self.next.need;
        let follow = |cycle: Option<f64>| cycle.and_then(|cycle| self.follow(horizon, Some(cycle)));
        let tracked = follow(self.next.cycle).or_else(|| {
            let enough = at_end || horizon >= longest;
            enough.then(|| self.follow(horizon, None)).flatten()
        });
        if tracked.is_none() && horizon < longest && !at_end {
            return Attempt::Needs(longest);
        }
        let length = self.length(tracked.as_ref().map(|(_, track)| track.cycle));
        // The last sample stands for the time up to the next one.
        let room = if at_end { 0.5 } else { -(MARGIN as f64) };
        if self.next.fraction + length > (horizon - self.next.start) as f64 + room {
            return Attempt::Needs(self.reach(length));
        }
        if std::mem::take(&mut self.next.first) {
            self.history.make_up_lead(length);
        }
        if at_end {
            self.history.make_up_tail(length);
        }
        self.describe(length, tracked.as_ref());
        self.analyse(length);
        told(Measured::Window(&mut self.window));
        if self.settings.windows == Windows::Fixed || tracked.is_some() {
            self.count_cycles(tracked.as_ref(), told);
        } else {
            self.counter.lose();
        }
        self.advance(length, tracked.map(|(_, track)| track.cycle));
        Attempt::Done
    }

    /// The fundamental of the first reference that has one.
    fn follow(&self, horizon: i64, cycle: Option<f64>) -> Option<(usize, Track)> {
        let nominal_cycle = self.settings.sample_rate_hz / self.settings.nominal_hz;
        let cycles = self.settings.cycles();
        let from = self.next.start + i64::from(self.next.fraction > 0.0);
        let lead = if self.next.fraction > 0.0 { 1.0 - self.next.fraction } else { 0.0 };
        self.references.iter().find_map(|&channel| {
            let to = match self.settings.windows {
                Windows::Synchronised => horizon,
                Windows::Fixed => horizon.min(self.next.start + self.settings.nominal_window().ceil() as i64),
            };
            let stretch = Stretch { samples: self.history.channel(channel, from, to), lead };
            let least = self.least_rms(channel, from, horizon);
            let assumed = cycle.unwrap_or_else(|| track::coarse(stretch, cycles, nominal_cycle));
            let track = track::follow(stretch, cycles, assumed, nominal_cycle, least)?;
            Some((channel, track))
        })
    }

    /// The RMS value below which a channel's fundamental is no reference.
    fn least_rms(&self, channel: usize, from: i64, to: i64) -> f64 {
        let quantity = |at: usize| self.settings.channels.get(at).map(|role| role.quantity);
        match self.settings.nominal_v {
            Some(nominal_v) if quantity(channel) == Some(Quantity::Voltage) => LEAST_REFERENCE * nominal_v,
            _ => {
                let alike = (0..self.settings.channels.len()).filter(|at| quantity(*at) == quantity(channel));
                let square = alike.map(|at| {
                    let samples = self.history.channel(at, from, to);
                    let mean = spectrum::lanes_sum(samples) / samples.len() as f64;
                    spectrum::mean_product(samples, samples) - mean * mean
                });
                LEAST_REFERENCE * square.fold(0.0, f64::max).sqrt()
            }
        }
    }

    /// Samples of the next window when a cycle has so many.
    fn length(&self, cycle: Option<f64>) -> f64 {
        let nominal = self.settings.nominal_window();
        let Some(cycle) = cycle.filter(|_| self.settings.windows == Windows::Synchronised) else { return nominal };
        let length = cycle * self.settings.cycles() as f64;
        let size = self.spectrum.size() as f64;
        let as_sampled = self.next.fraction == 0.0 && (length - size).abs() < AS_SAMPLED * size;
        if as_sampled { size } else { length }
    }

    /// What the window is, before what it holds.
    fn describe(&mut self, length: f64, tracked: Option<&(usize, Track)>) {
        let (rate, cycles) = (self.settings.sample_rate_hz, self.settings.cycles() as f64);
        let start = self.stretch as f64 + self.next.start as f64 + self.next.fraction;
        let window = &mut self.window;
        (window.sequence, window.start_s, window.duration_s) = (self.next.sequence, start / rate, length / rate);
        window.frequency_hz = tracked.map_or(self.settings.nominal_hz, |(_, track)| rate / track.cycle);
        let wrong = tracked.map_or(1.0, |(_, track)| (length / (cycles * track.cycle) - 1.0).abs());
        window.synchronised = wrong <= SYNCHRONISM;
        window.reference = tracked.map(|(channel, _)| *channel);
        window.flagged = false;
        window.valid = true;
    }

    /// Everything that the samples of the window tell.
    fn analyse(&mut self, length: f64) {
        self.look(length);
        self.resample(length);
        self.powers();
        let spacing_hz = self.settings.sample_rate_hz / length;
        let size = self.spectrum.size();
        let direct = self.direct(length);
        let channels = self.window.channels.iter_mut().zip(self.samples.chunks_exact_mut(size));
        for (place, (channel, samples)) in channels.enumerate() {
            if !channel.valid {
                continue;
            }
            self.spectrum.transform(samples);
            self.spectrum.tell(channel);
            let gains = if direct { &[][..] } else { &self.band_gains[..] };
            self.spectrum.bands(spacing_hz, gains, &mut channel.band_rms);
            if let Some(smooth) = &mut self.smooth {
                smooth.apply(place, channel);
            }
            indices::indices(channel, self.settings.channels[place], &self.settings);
        }
        indices::relate(&mut self.window, &self.settings);
    }

    /// Whether a window of this length is the samples themselves.
    fn direct(&self, length: f64) -> bool {
        self.next.fraction == 0.0 && length == self.spectrum.size() as f64
    }

    /// Whether the samples are plausible: the window's own, and those that interpolation takes in beside them.
    fn look(&mut self, length: f64) {
        let from = self.next.start;
        let to = from + (self.next.fraction + length).ceil() as i64;
        for (place, channel) in self.window.channels.iter_mut().enumerate() {
            let look = plausible::look(self.history.channel(place, from, to));
            let beside = [(from - MARGIN as i64, from), (to, to + MARGIN as i64)];
            let strange = |(from, to)| self.history.with_tail(place, from, to).iter().any(|x: &f64| !x.is_finite());
            channel.forget();
            channel.valid = look.finite && !beside.into_iter().any(strange);
            (channel.dead, channel.clipped, channel.peak) = (look.dead, look.clipped, look.peak);
            self.window.valid &= channel.valid && !channel.clipped;
            if !channel.valid
                && let Some(smooth) = &mut self.smooth
            {
                smooth.restart(place);
            }
        }
    }

    /// The window's samples: as they are, or interpolated to the transform's size.
    fn resample(&mut self, length: f64) {
        let size = self.spectrum.size();
        if self.direct(length) {
            for (place, samples) in self.samples.chunks_exact_mut(size).enumerate() {
                let from = self.next.start;
                samples.copy_from_slice(self.history.channel(place, from, from + size as i64));
            }
            return;
        }
        let step = length / size as f64;
        let raster = Raster { from: self.next.start, fraction: self.next.fraction, step, count: size };
        self.interpolator.run(&self.history, raster, &mut self.samples);
    }

    /// Active power of each phase, from the samples of the window.
    fn powers(&mut self) {
        let size = self.spectrum.size();
        for power in &mut self.window.powers {
            let of = |quantity| {
                let place = indices::place(&self.settings, quantity, power.phase)?;
                self.samples.get(place * size..(place + 1) * size)
            };
            let product = of(Quantity::Voltage).zip(of(Quantity::Current)).map(|(u, i)| spectrum::mean_product(u, i));
            power.p_w = product.unwrap_or(f64::NAN);
        }
    }

    fn count_cycles(&mut self, tracked: Option<&(usize, Track)>, told: &mut dyn FnMut(Measured)) {
        let Some((_, track)) = tracked else { return self.counter.lose() };
        let start = self.stretch as f64 + self.next.start as f64 + self.next.fraction;
        for (after, angle) in track.angles() {
            let mut found = |ten| told(Measured::Frequency(ten));
            self.counter.angle(start + after, angle, track.cycle, &mut found);
        }
    }

    /// Goes on to the window after one of this length.
    fn advance(&mut self, length: f64, cycle: Option<f64>) {
        let end = self.next.fraction + length;
        let whole = end.floor();
        self.next.sequence += 1;
        self.next.start += whole as i64;
        self.next.fraction = end - whole;
        self.next.cycle = cycle;
        let longest = LONGEST * self.settings.nominal_window();
        self.next.need = self.reach(if cycle.is_some() { (length * LONGER).min(longest) } else { longest });
    }

    /// Tells of a window of which samples are missing.
    fn tell_lost(&mut self, length: f64, told: &mut dyn FnMut(Measured)) {
        self.describe(length, None);
        self.window.valid = false;
        self.window.channels.iter_mut().for_each(super::window::ChannelWindow::forget);
        self.window.powers.iter_mut().for_each(|power| *power = super::window::PhasePower::unknown(power.phase));
        indices::relate(&mut self.window, &self.settings);
        if let Some(smooth) = &mut self.smooth {
            (0..self.settings.channels.len()).for_each(|channel| smooth.restart(channel));
        }
        told(Measured::Window(&mut self.window));
    }
}

/// Voltages first, each kind by phase.
fn references(settings: &Settings) -> Vec<usize> {
    let mut places: Vec<usize> = (0..settings.channels.len()).collect();
    let rank = |at: &usize| settings.channels.get(*at).map(|role| (role.quantity == Quantity::Current, role.phase));
    places.sort_by_key(rank);
    places
}

/// The smallest 5·2^a that is not less than the samples of a window at the nominal frequency; a clock that is a little
/// fast does not double it.
fn transform_size(nominal: f64) -> usize {
    let mut size = 5 * 512;
    while (size as f64) < nominal * (1.0 - 1e-3) {
        size *= 2;
    }
    size
}
