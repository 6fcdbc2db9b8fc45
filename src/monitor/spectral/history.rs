//! The last samples of all channels, each channel's in one piece, and some made up around the ends of a stretch without
//! gaps so that interpolation has neighbours there.
//!
//! Places count from the first sample of the stretch; the [`MARGIN`] places before it are made up.

use std::ops::Range;

use crate::signal::Waveform;

/// Samples that interpolation may need beyond both ends.
pub const MARGIN: usize = 16;

/// Samples of a stretch without gaps.
#[derive(Clone, Debug)]
pub struct History {
    samples: Vec<f64>,
    channels: usize,
    capacity: usize,
    /// Place of the first sample that is kept.
    first: i64,
    len: usize,
}

impl History {
    /// Room for `capacity` samples of each channel at once.
    pub fn new(channels: usize, capacity: usize) -> Self {
        let capacity = capacity + 2 * MARGIN;
        let mut new = Self { samples: vec![0.0; channels * capacity], channels, capacity, first: 0, len: 0 };
        new.restart();
        new
    }

    /// Begins a new stretch.
    pub fn restart(&mut self) {
        (self.first, self.len) = (-(MARGIN as i64), MARGIN);
        for channel in 0..self.channels {
            self.lead_mut(channel).fill(0.0);
        }
    }

    /// Place after the last sample.
    pub const fn end(&self) -> i64 {
        self.first + self.len as i64
    }

    /// Takes samples of a block, as many as there is room for, and says how many.
    pub fn append(&mut self, block: &Waveform, samples: Range<usize>) -> usize {
        let room = self.capacity - MARGIN - self.len;
        let count = room.min(samples.len());
        for channel in 0..self.channels {
            let at = channel * self.capacity + self.len;
            let new = &block.channel(channel)[samples.start..samples.start + count];
            self.samples[at..at + count].copy_from_slice(new);
        }
        self.len += count;
        count
    }

    /// Forgets samples more than the margin before a place.
    pub fn forget_before(&mut self, place: i64) {
        let gone = usize::try_from(place - MARGIN as i64 - self.first).unwrap_or(0).min(self.len);
        if gone == 0 {
            return;
        }
        for channel in 0..self.channels {
            let at = channel * self.capacity;
            self.samples.copy_within(at + gone..at + self.len, at);
        }
        (self.first, self.len) = (self.first + gone as i64, self.len - gone);
    }

    /// Samples of a channel from one place to before another; as many of them as are kept.
    pub fn channel(&self, channel: usize, from: i64, to: i64) -> &[f64] {
        let place = |at: i64| usize::try_from(at - self.first).unwrap_or(0).min(self.len);
        let at = channel * self.capacity;
        &self.samples[at + place(from)..at + place(to).max(place(from))]
    }

    /// The made-up samples before the first.
    fn lead_mut(&mut self, channel: usize) -> &mut [f64] {
        let at = channel * self.capacity;
        &mut self.samples[at..at + MARGIN]
    }

    /// Makes up what lies before the first sample, as if the signal had a period of `period` samples.
    pub fn make_up_lead(&mut self, period: f64) {
        if self.first != -(MARGIN as i64) {
            return;
        }
        for channel in 0..self.channels {
            for k in 0..MARGIN {
                let value = self.between(channel, k as f64 - MARGIN as f64 + period);
                self.lead_mut(channel)[k] = value;
            }
        }
    }

    /// Makes up what lies after the last sample in the same way, up to the margin; the end stays where it is.
    pub fn make_up_tail(&mut self, period: f64) {
        for channel in 0..self.channels {
            for k in 0..MARGIN {
                let value = self.between(channel, (self.end() + k as i64) as f64 - period);
                let at = channel * self.capacity + self.len + k;
                self.samples[at] = value;
            }
        }
    }

    /// Samples as [`Self::channel`] gives them, and what is made up after the last.
    pub fn with_tail(&self, channel: usize, from: i64, to: i64) -> &[f64] {
        let place = |at: i64| usize::try_from(at - self.first).unwrap_or(0).min(self.len + MARGIN);
        let at = channel * self.capacity;
        &self.samples[at + place(from)..at + place(to).max(place(from))]
    }

    /// The cubic through the four samples around a place between samples; 0 where they are not there.
    fn between(&self, channel: usize, place: f64) -> f64 {
        let whole = place.floor();
        let t = place - whole;
        let from = whole as i64 - 1;
        let &[a, b, c, d] = self.channel(channel, from, from + 4) else { return 0.0 };
        if from < 0 && self.first < 0 {
            return c; // the lead is not made up yet
        }
        let (p, q, r) = (t + 1.0, t - 1.0, t - 2.0);
        -t * q * r / 6.0 * a + p * q * r / 2.0 * b - p * t * r / 2.0 * c + p * t * q / 6.0 * d
    }
}
