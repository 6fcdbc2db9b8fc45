//! Samples from phasors: what a converter would see of a network that is known as spectra, tick by tick.
//!
//! A tick's samples are those of [`SampleClock`]. Angles go on from tick to tick whatever the frequencies do: they are
//! integers (`phase.rs`), advanced by exactly ∫f dt. Within a tick frequencies and phasors hold, or go straight from the last tick's to this one's
//! ([`Interpolation`]). Frequencies above half the sampling rate fold, as they do in a converter. `docs/models/sensing.md`
//! has the equations.

mod amplitudes;
mod angles;
mod block;
mod clock;
mod kernel;
mod phase;
mod tables;
#[cfg(test)]
mod tests;

use amplitudes::Levels;
use angles::Angles;
use block::{Block, Room};
pub use clock::{SampleClock, SampleRate, Samples};
use kernel::REACH;
use tables::Tables;

use super::spectra::Spectra;
use crate::quantity::{Noise, Step};
use crate::signal::Waveform;
use crate::solver::Isa;

/// What happens between the spectra of one tick and those of the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// A tick's spectra hold during the tick.
    #[default]
    Hold,
    /// Phasors and frequencies go straight from the last tick's spectra, at the tick's start, to this one's, at its end.
    Linear,
}

/// Random displacement of the sampling instants, alike for all channels.
#[derive(Clone, Copy, Debug)]
pub struct Jitter {
    /// Standard deviation in s.
    pub sd_s: f64,
    /// What it is drawn from, by sample.
    pub noise: Noise,
}

/// Turns spectra into samples.
#[derive(Clone, Debug)]
pub struct Synthesizer {
    clock: SampleClock,
    /// Ticks in a second.
    ticks_per_s: f64,
    isa: Isa,
    angles: Angles,
    levels: Levels,
    tables: Tables,
    room: Room,
}

impl Synthesizer {
    /// A synthesizer for so many channels and components, sampling at a rate, in ticks of a length. `None` where
    /// [`SampleClock::new`] has none.
    pub fn new(
        rate: SampleRate,
        tick: Step,
        interpolation: Interpolation,
        channels: usize,
        components: usize,
    ) -> Option<Self> {
        Some(Self {
            clock: SampleClock::new(rate, tick)?,
            ticks_per_s: 1.0 / tick.seconds(),
            isa: Isa::detect(),
            angles: Angles::new(tick, interpolation, components),
            levels: Levels::new(interpolation, channels, components),
            tables: Tables::new(components),
            room: Room::new(components),
        })
    }

    /// Most samples that a tick carries.
    pub fn most_samples(&self) -> usize {
        self.clock.most()
    }

    /// Room for any tick's samples.
    pub fn waveform(&self) -> Waveform {
        Waveform::new(self.levels.channels(), self.clock.most())
    }

    /// The fundamental's angle at the end of the last tick, in rad, from −π to π.
    pub fn angle_rad(&self) -> f64 {
        self.angles.fundamental_rad()
    }

    /// A tick's samples of all channels, with a sampling clock `deviation_ppm` too fast. False where a phasor or a frequency
    /// was no number (it then counts as zero, or stays), and where the block had no room for all samples.
    pub fn step(&mut self, spectra: &Spectra, deviation_ppm: f64, jitter: Option<Jitter>, out: &mut Waveform) -> bool {
        let samples = self.clock.tick(deviation_ppm);
        out.begin(samples.first, samples.len);
        let sound = self.angles.move_to(spectra) & self.levels.move_to(spectra) & (out.len() == samples.len);
        match (jitter, self.angles.are_steady()) {
            (None, true) => self.even_samples(&samples, out),
            _ => self.any_samples(&samples, jitter, out),
        }
        self.angles.finish();
        sound
    }

    /// All samples while frequencies hold.
    fn even_samples(&mut self, samples: &Samples, out: &mut Waveform) {
        let (highest, period) = (self.levels.highest(), samples.period());
        let lanes = out.len().div_ceil(2).min(REACH);
        self.tables.make(self.angles.rates(0.0).map(|turns| turns * period), highest, lanes);
        for from in (0..out.len()).step_by(2 * REACH) {
            let len = (2 * REACH).min(out.len() - from);
            // The centre is half-way between two samples, also where the last pair has only one.
            let halves = 2 * len.div_ceil(2) - 1;
            let block = Block::new(samples, from, len, halves);
            self.tables.turn(self.angles.at(block.centre), highest);
            self.room.even(self.isa, &block, &self.levels, &self.tables, out);
        }
    }

    /// All samples while frequencies move or instants jitter.
    fn any_samples(&mut self, samples: &Samples, jitter: Option<Jitter>, out: &mut Waveform) {
        for from in (0..out.len()).step_by(REACH) {
            let block = Block::new(samples, from, REACH.min(out.len() - from), REACH - 1);
            self.room.place(&block, samples.first, jitter.map(|j| (j.noise, j.sd_s * self.ticks_per_s)));
            self.room.any(self.isa, &block, &self.levels, &self.angles, out);
        }
    }
}
