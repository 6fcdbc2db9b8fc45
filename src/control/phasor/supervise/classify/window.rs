//! The error over a window: RMS of its quarters, mean, and swings from one side to the other.

use super::Settings;
use crate::control::phasor::MOST_SIZE;

/// Parts of a window, all but one of which must be large: a step that decays within a quarter is in two at the most.
const QUARTERS: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Window {
    samples: Vec<[f64; MOST_SIZE]>,
    next: usize,
    room: usize,
}

impl Window {
    pub(super) fn new(room: usize) -> Self {
        let room = room.max(4);
        Self { samples: Vec::with_capacity(room), next: 0, room }
    }

    pub(super) fn push(&mut self, error: &[f64]) {
        let mut sample = [0.0; MOST_SIZE];
        sample.iter_mut().zip(error).for_each(|(s, e)| *s = *e);
        if self.samples.len() < self.room {
            self.samples.push(sample);
        } else {
            self.samples[self.next] = sample;
            self.next = (self.next + 1) % self.room;
        }
    }

    /// RMS, mean and swings of one output where they are those of variability; `None` where not, or before the window is full.
    #[allow(clippy::cast_precision_loss, reason = "samples of a window")]
    pub(super) fn swings(&self, output: usize, limit: f64, settings: &Settings) -> Option<(f64, f64, u32)> {
        if self.samples.len() < self.room {
            return None;
        }
        let in_order = || (0..self.room).map(|k| self.samples[(self.next + k) % self.room][output]);
        let mut squares = [(0.0, 0.0); QUARTERS];
        for (k, e) in in_order().enumerate() {
            let (sum, count) = &mut squares[k * QUARTERS / self.room];
            (*sum, *count) = (*sum + e * e, *count + 1.0);
        }
        let large = squares.iter().filter(|(sum, count)| *sum > limit * limit * count).count();
        if large + 1 < QUARTERS {
            return None;
        }
        let total: f64 = squares.iter().map(|(sum, _)| sum).sum();
        let rms = (total / self.room as f64).sqrt();
        let mean = in_order().sum::<f64>() / self.room as f64;
        let level = 0.5 * rms;
        let (mut side, mut swings) = (0.0, 0);
        for e in in_order().filter(|e| e.abs() > level) {
            swings += u32::from(side * e < 0.0);
            side = e;
        }
        (mean.abs() < settings.mean_share * rms && swings >= settings.swings).then_some((rms, mean, swings))
    }
}
