//! Frequency over 10 s: whole cycles within the interval over how long they took (IEC 61000-4-30). Cycles begin where the
//! fundamental's angle, not the signal, passes −90° (a cosine's upward zero): harmonics move nothing.

use std::f64::consts::{FRAC_PI_2, TAU};

use super::super::instrument::TenSeconds;

/// Length of an interval in s.
const INTERVAL_S: f64 = 10.0;

/// Counts the cycles of the interval that has begun.
#[derive(Clone, Debug)]
pub struct Counter {
    sample_rate_hz: f64,
    /// Number of the interval since sampling began.
    interval: u64,
    /// Place of the last angle in samples, the angle there in rad, and samples per cycle.
    last: Option<(f64, f64, f64)>,
    /// First and last beginning of a cycle in the interval, as places in samples.
    first: Option<f64>,
    newest: f64,
    cycles: u32,
    /// Whether the fundamental was there all the time.
    whole: bool,
}

impl Counter {
    pub const fn new(sample_rate_hz: f64) -> Self {
        Self { sample_rate_hz, interval: 0, last: None, first: None, newest: 0.0, cycles: 0, whole: true }
    }

    fn start(&self, interval: u64) -> f64 {
        interval as f64 * INTERVAL_S * self.sample_rate_hz
    }

    /// The interval that a place in samples lies in.
    fn interval_of(&self, place: f64) -> u64 {
        (place / (INTERVAL_S * self.sample_rate_hz)) as u64
    }

    /// Takes the fundamental's angle in rad at a place in samples; places do not decrease.
    pub fn angle(&mut self, place: f64, angle: f64, cycle: f64, found: &mut dyn FnMut(TenSeconds)) {
        match self.last {
            Some((from, before, _)) if place > from => self.cross(from, before, place, angle, cycle, found),
            Some(_) => return,
            None if place - self.start(self.interval) < 2.0 * cycle => {
                // From the first angle back to the start of sampling.
                let begin = self.start(self.interval);
                self.cross(begin, angle - TAU * (place - begin) / cycle, place, angle, cycle, found);
            }
            None => self.skip_to(place, found),
        }
        self.last = Some((place, angle, cycle));
    }

    /// Beginnings of cycles between two angles.
    fn cross(&mut self, from: f64, before: f64, to: f64, after: f64, cycle: f64, found: &mut dyn FnMut(TenSeconds)) {
        let expected = TAU * (to - from) / cycle;
        let turns = ((expected - (after - before)) / TAU).round();
        let total = after - before + TAU * turns;
        // Angle 0 is where cycles begin.
        let begun = before + FRAC_PI_2;
        let mut next = (begun / TAU).floor() * TAU + TAU;
        while next <= begun + total && total > 0.0 {
            self.begin(from + (next - begun) / total * (to - from), found);
            next += TAU;
        }
        self.close_until(to, found);
    }

    /// A cycle begins.
    fn begin(&mut self, place: f64, found: &mut dyn FnMut(TenSeconds)) {
        self.close_until(place, found);
        match self.first {
            None => self.first = Some(place),
            Some(_) => self.cycles += 1,
        }
        self.newest = place;
    }

    /// Ends intervals that end at a place or before.
    fn close_until(&mut self, place: f64, found: &mut dyn FnMut(TenSeconds)) {
        if place >= self.start(self.interval + 1) {
            self.close(found);
            self.skip_to(place, found);
        }
    }

    fn close(&mut self, found: &mut dyn FnMut(TenSeconds)) {
        let seconds = (self.newest - self.first.unwrap_or(self.newest)) / self.sample_rate_hz;
        let known = self.whole && self.cycles > 0;
        let frequency_hz = if known { f64::from(self.cycles) / seconds } else { f64::NAN };
        found(TenSeconds { start_s: self.interval as f64 * INTERVAL_S, cycles: self.cycles, frequency_hz });
        self.interval += 1;
        (self.first, self.cycles, self.whole) = (None, 0, true);
    }

    /// Goes to the interval of a place. Of intervals without any cycle nothing is told; one that has begun is not whole.
    fn skip_to(&mut self, place: f64, found: &mut dyn FnMut(TenSeconds)) {
        let now = self.interval_of(place);
        if now > self.interval {
            if self.first.is_some() {
                self.whole = false;
                self.close(found);
            }
            (self.interval, self.whole) = (now, place - self.start(now) < self.sample_rate_hz);
        } else if self.last.is_none() {
            self.whole = false;
        }
    }

    /// Says that the fundamental is lost, or samples are.
    pub fn lose(&mut self) {
        (self.last, self.whole) = (None, false);
    }

    /// Says that sampling ended at a place: if that is the end of an interval, the angle is followed up to there.
    pub fn finish(&mut self, end: f64, found: &mut dyn FnMut(TenSeconds)) {
        let close = self.start(self.interval + 1);
        let Some((from, angle, cycle)) = self.last else { return };
        if end >= close && close - from < 15.0 * cycle {
            self.cross(from, angle, close, angle + TAU * (close - from) / cycle, cycle, found);
        }
    }
}
