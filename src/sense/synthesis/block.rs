//! A block of samples about a centre, channel by channel.

use std::f64::consts::TAU;

use super::Samples;
use super::amplitudes::{Amplitudes, Levels};
use super::angles::Angles;
use super::kernel::{self, REACH, Scratch, Side, Sum};
use super::phase::{Fixed, number};
use super::tables::Tables;
use crate::quantity::Noise;
use crate::sense::spectra::MOST_ORDER;
use crate::signal::Waveform;
use crate::solver::Isa;

/// Some of a tick's samples.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// The first, within the tick.
    from: usize,
    /// How many.
    len: usize,
    /// Where in the tick the centre is.
    pub centre: Fixed,
    /// Half-samples from the first to the centre.
    halves: usize,
    /// Ticks from sample to sample.
    period: f64,
}

impl Block {
    /// Samples `from` to `from + len`, about a centre so many half-samples behind the first.
    pub fn new(samples: &Samples, from: usize, len: usize, halves: usize) -> Self {
        let centre = samples.at((2 * from + halves) as u64);
        Self { from, len, centre, halves, period: samples.period() }
    }

    /// Ticks from the centre to a sample.
    #[allow(clippy::cast_precision_loss, reason = "small")]
    fn offset(&self, sample: usize) -> f64 {
        (sample as f64 - 0.5 * self.halves as f64) * self.period
    }

    fn samples<'a>(&self, channel: usize, out: &'a mut Waveform) -> &'a mut [f64] {
        &mut out.channel_mut(channel)[self.from..self.from + self.len]
    }
}

/// What a block is worked out in.
#[derive(Clone, Debug)]
pub struct Room {
    scratch: Scratch,
    sides: [Side; 2],
    /// Ticks from the centre to each sample.
    offset: Side,
    /// Ticks from the tick's start to each sample.
    place: Side,
    /// e^{jφ} of each sample: of the fundamental, and of components.
    z: Vec<[Side; 2]>,
}

impl Room {
    pub fn new(components: usize) -> Self {
        let (zeros, rows) = ([[0.0; REACH]; 2], MOST_ORDER + components);
        Self {
            scratch: Scratch::new(rows),
            sides: zeros,
            offset: [0.0; REACH],
            place: [0.0; REACH],
            z: vec![zeros; 1 + components],
        }
    }

    /// Evenly spaced samples, from tables turned to the centre.
    pub fn even(&mut self, isa: Isa, block: &Block, levels: &Levels, tables: &Tables, out: &mut Waveform) {
        let reach = block.len.div_ceil(2);
        for channel in 0..levels.channels() {
            let (base, change) = levels.of(channel);
            let (left, right) = block.samples(channel, out).split_at_mut(reach);
            self.sum_even(isa, channel, base, tables, reach);
            let ([even, odd], mean) = (&self.sides, base.mean[channel]);
            for (k, y) in left.iter_mut().rev().enumerate() {
                *y = mean + (even[k] + odd[k]);
            }
            for (k, y) in right.iter_mut().enumerate() {
                *y = mean + (even[k] - odd[k]);
            }
            let Some(change) = change else { continue };
            self.sum_even(isa, channel, change, tables, reach);
            let ([even, odd], mean, centre) = (&self.sides, change.mean[channel], number(block.centre));
            for (k, y) in left.iter_mut().rev().enumerate() {
                *y += (centre + block.offset(reach - 1 - k)) * (mean + (even[k] + odd[k]));
            }
            for (k, y) in right.iter_mut().enumerate() {
                *y += (centre + block.offset(reach + k)) * (mean + (even[k] - odd[k]));
            }
        }
    }

    fn sum_even(&mut self, isa: Isa, channel: usize, amplitudes: &Amplitudes, tables: &Tables, reach: usize) {
        let sum = Sum {
            amplitudes: amplitudes.parts(channel),
            turns: tables.turns(),
            present: amplitudes.present(channel),
            table: tables.rows(),
        };
        kernel::even(isa, sum, reach, &mut self.scratch, &mut self.sides);
    }

    /// Sets where the samples of a block are, the block's first being `first` + `from`: even, or jittered by so many ticks.
    pub fn place(&mut self, block: &Block, first: u64, jitter: Option<(Noise, f64)>) {
        for (k, offset) in self.offset.iter_mut().enumerate().take(block.len) {
            let sample = first + (block.from + k) as u64;
            *offset = block.offset(k) + jitter.map_or(0.0, |(noise, sd)| sd * noise.normal(sample));
        }
    }

    /// Samples where [`Room::place`] has put them, each with its own angles.
    pub fn any(&mut self, isa: Isa, block: &Block, levels: &Levels, angles: &Angles, out: &mut Waveform) {
        let place = number(block.centre);
        let moves = angles.at(block.centre).zip(angles.rates(place).zip(angles.ramps()));
        for (z, (angle, (rate, ramp))) in self.z.iter_mut().zip(moves) {
            for (k, t) in self.offset.iter().enumerate().take(block.len) {
                (z[1][k], z[0][k]) = (angle + TAU * t * (rate + 0.5 * ramp * t)).sin_cos();
            }
        }
        for (own, offset) in self.place.iter_mut().zip(&self.offset) {
            *own = place + offset;
        }
        for channel in 0..levels.channels() {
            let (base, change) = levels.of(channel);
            self.sum_any(isa, channel, base, change);
            self.add_beside(channel, base, change, block.len);
            block.samples(channel, out).copy_from_slice(&self.sides[0][..block.len]);
        }
    }

    /// The mean and the orders of a channel at each sample, into the first side.
    fn sum_any(&mut self, isa: Isa, channel: usize, base: &Amplitudes, change: Option<&Amplitudes>) {
        let highest = change.map_or(0, |change| change.highest(channel)).max(base.highest(channel));
        let powers = kernel::Powers {
            amplitudes: base.parts(channel).first(highest),
            change: change.map(|change| (change.parts(channel).first(highest), &self.place)),
            z: &self.z[0],
        };
        kernel::any(isa, powers, &mut self.sides[0]);
        let slope = change.map_or(0.0, |change| change.mean[channel]);
        for (y, s) in self.sides[0].iter_mut().zip(&self.place) {
            *y += base.mean[channel] + s * slope;
        }
    }

    /// Adds a channel's components.
    fn add_beside(&mut self, channel: usize, base: &Amplitudes, change: Option<&Amplitudes>, len: usize) {
        let (x, d) = (base.parts(channel), change.map(|change| change.parts(channel)));
        for (row, [cos, sin]) in (MOST_ORDER..).zip(&self.z[1..]) {
            let (dr, di) = d.map_or((0.0, 0.0), |d| (d.re[row], d.im[row]));
            let (re, im) = (x.re[row], x.im[row]);
            if [re, im, dr, di] == [0.0; 4] {
                continue;
            }
            let places = self.place.iter().zip(cos.iter().zip(sin));
            for (y, (s, (cos, sin))) in self.sides[0].iter_mut().zip(places).take(len) {
                *y += (re + s * dr) * cos - (im + s * di) * sin;
            }
        }
    }
}
