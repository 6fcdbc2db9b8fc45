//! The flickermeter of IEC 61000-4-15 (second edition, 2010): how annoying a fluctuating voltage makes an incandescent lamp.
//!
//! Blocks: (1) the squared voltage over its own mean, adapted in 27.3 s; (2) the square, decimated to about 1.6 kHz; (3) a
//! first-order high-pass at 0.05 Hz, a sixth-order Butterworth low-pass (35 Hz at 50 Hz, 42 Hz at 60 Hz) and the weighting
//! of lamp and eye; (4) square and 0.3 s smoothing, scaled so that the reference fluctuation (sinusoidal at 8.8 Hz, 0.250 %
//! on the 230 V lamp, 0.321 % on the 120 V lamp) peaks at 1; (5) exceedance levels over the observation time and Pst.
//!
//! The weighting coefficients are (S) as open implementations quote them (230 V and 120 V sets agree among four), the
//! tables it is tested against as a metrology institute's test script quotes them; the standard's text was not seen. In
//! block 1 the standard adapts the voltage by its half-cycle RMS value; here the square is divided by its mean with the
//! same time constant, which differs by the square of the fluctuation.

mod classifier;
mod filter;

pub use classifier::Classifier;

use thiserror::Error;

use filter::{Chain, Decimator};

/// The lamp whose light is judged: the standard's two incandescent ones of 60 W.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lamp {
    /// For 230 V systems.
    V230,
    /// For 120 V systems.
    V120,
}

impl Lamp {
    /// The lamp for a nominal line-to-neutral voltage, in V: 120 V below 160 V. (100 to 127 V and 220 to 240 V are used
    /// with the same two; other voltages are instrument-transformer secondaries or medium voltage, judged as 230 V.)
    pub fn of(nominal_v: f64) -> Self {
        if (90.0..160.0).contains(&nominal_v) { Self::V120 } else { Self::V230 }
    }
}

/// Lowest sampling rate: below it, squares of harmonics would fold down to where the eye sees.
pub const LOWEST_RATE_HZ: f64 = 1600.0;
/// Time constant of the mean that the square is divided by, in s.
const ADAPTED_S: f64 = 27.3;
/// How long the filters are let settle after the start, in s.
const SETTLING_S: f64 = 10.0;
/// Whole cycles whose mean square is where the adaptation starts.
const FIRST_CYCLES: f64 = 10.0;
/// Bound on the squared voltage over its mean: what a return of voltage after a long interruption may do.
const MOST_RATIO: f64 = 20.0;

/// Why there can be no flicker.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum FlickerError {
    /// Too slow, or not a number.
    #[error("flicker needs at least {LOWEST_RATE_HZ} samples a second, not {0}")]
    SampleRate(f64),
    /// The nominal frequency is neither 50 nor 60 Hz.
    #[error("flicker is defined at 50 and 60 Hz, not at {0} Hz")]
    NominalFrequency(f64),
    /// The observation time is no positive time.
    #[error("an observation time of {0} s is not between 1 s and a day")]
    Observation(f64),
}

/// Short-term flicker severity of one observation time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pst {
    /// When the observation ended, in s since sampling began.
    pub end_s: f64,
    /// The severity; 1 is where it annoys half of people. NaN when nothing was measured.
    pub pst: f64,
    /// Largest instantaneous flicker.
    pub most: f64,
    /// Share of the observation time that was measured, 0 to 1.
    pub measured: f64,
}

/// The flickermeter of one voltage.
#[derive(Clone, Debug)]
pub struct Flickermeter {
    sample_rate_hz: f64,
    decimator: Decimator,
    chain: Chain,
    classifier: Classifier,
    /// Mean of the square, adapted slowly; before the start, the sum over the first cycles.
    mean: f64,
    adapted_share: f64,
    state: State,
    first_count: u32,
    settling_count: u32,
    /// Observation times end at multiples of this many samples from `origin` on.
    observation_samples: u64,
    observed_from: u64,
    ends_at: u64,
    next: u64,
    instantaneous: f64,
}

/// How far the start is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many values of the first cycles are summed.
    First(u32),
    /// So many values have gone through the filters, which are not classified.
    Settling(u32),
    Measuring,
}

impl Flickermeter {
    /// For samples at `sample_rate_hz` in a system of 50 or 60 Hz, with a severity every `observation_s` (600 s by the
    /// standard).
    pub fn new(sample_rate_hz: f64, nominal_hz: f64, lamp: Lamp, observation_s: f64) -> Result<Self, FlickerError> {
        if !(sample_rate_hz >= LOWEST_RATE_HZ && sample_rate_hz.is_finite()) {
            return Err(FlickerError::SampleRate(sample_rate_hz));
        }
        let sixty = match nominal_hz {
            50.0 => false,
            60.0 => true,
            other => return Err(FlickerError::NominalFrequency(other)),
        };
        if !(1.0..=86_400.0).contains(&observation_s) {
            return Err(FlickerError::Observation(observation_s));
        }
        let decimator = Decimator::new(sample_rate_hz);
        let rate_hz = sample_rate_hz / f64::from(decimator.factor());
        let observation_samples = (observation_s * sample_rate_hz).round().max(1.0) as u64;
        Ok(Self {
            sample_rate_hz,
            chain: Chain::new(rate_hz, sixty, lamp),
            classifier: Classifier::default(),
            mean: 0.0,
            adapted_share: -(-1.0 / (ADAPTED_S * rate_hz)).exp_m1(),
            state: State::First(0),
            first_count: (FIRST_CYCLES * rate_hz / nominal_hz).round() as u32,
            settling_count: (SETTLING_S * rate_hz) as u32,
            observation_samples,
            observed_from: 0,
            ends_at: observation_samples,
            next: 0,
            instantaneous: 0.0,
            decimator,
        })
    }

    /// Lets the observation in progress end so many seconds from now: at the next tick of the clock.
    pub fn end_in(&mut self, seconds: f64) {
        let samples = (seconds.max(0.0) * self.sample_rate_hz).round().max(1.0);
        self.ends_at = self.next.saturating_add(samples as u64);
    }

    /// The instantaneous flicker now.
    pub const fn instantaneous(&self) -> f64 {
        self.instantaneous
    }

    /// Takes samples, and hands out the severity of each observation time that ends with them.
    pub fn push(&mut self, samples: &[f64], mut out: impl FnMut(Pst)) {
        let mut rest = samples;
        while !rest.is_empty() {
            let until_end = usize::try_from(self.ends_at - self.next).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(rest.len().min(until_end));
            self.next += now.len() as u64;
            self.take(now);
            rest = later;
            if self.next == self.ends_at {
                out(self.end());
            }
        }
    }

    /// Says that so many samples are lost. The filters stand still; the observation time goes on, less of it measured. Of
    /// the observation times of which nothing was measured at most two dozen are told, by whole dozens fewer.
    pub fn skip(&mut self, samples: u64, mut out: impl FnMut(Pst)) {
        const DOZEN: u64 = 12;
        let until = self.next.saturating_add(samples);
        while self.ends_at <= until {
            self.next = self.ends_at;
            out(self.end());
            let untold = ((until - self.next) / self.observation_samples / DOZEN).saturating_sub(1);
            self.next += untold * DOZEN * self.observation_samples;
            (self.observed_from, self.ends_at) = (self.next, self.next.saturating_add(self.observation_samples));
        }
        self.next = until;
    }

    /// Ends the observation in progress, early.
    pub fn end(&mut self) -> Pst {
        let elapsed = self.next - self.observed_from;
        let classified = f64::from(self.classifier.count()) * f64::from(self.decimator.factor());
        let result = Pst {
            end_s: self.next as f64 / self.sample_rate_hz,
            pst: self.classifier.pst(),
            most: self.classifier.most(),
            measured: if elapsed == 0 { 0.0 } else { (classified / elapsed as f64).min(1.0) },
        };
        self.classifier.clear();
        self.observed_from = self.next;
        self.ends_at = self.next.saturating_add(self.observation_samples);
        result
    }

    fn take(&mut self, samples: &[f64]) {
        // Taken out and put back, so that the loop holds it in registers.
        let mut decimator = std::mem::take(&mut self.decimator);
        decimator.push(samples, |square| self.step(square));
        self.decimator = decimator;
    }

    fn step(&mut self, square: f64) {
        match self.state {
            State::First(count) => {
                self.mean += square;
                let count = count + 1;
                self.state = State::First(count);
                if count >= self.first_count && self.mean > 0.0 {
                    self.mean /= f64::from(count);
                    self.state = State::Settling(0);
                }
                return;
            }
            State::Settling(count) if count < self.settling_count => self.state = State::Settling(count + 1),
            _ => self.state = State::Measuring,
        }
        self.mean += self.adapted_share * (square - self.mean);
        let ratio = (square / self.mean.max(f64::MIN_POSITIVE)).min(MOST_RATIO);
        self.instantaneous = self.chain.step(ratio - 1.0);
        if self.state == State::Measuring {
            self.classifier.add(self.instantaneous);
        }
    }
}

/// Long-term flicker severity: the cubic mean of twelve short-term ones (two hours).
#[derive(Clone, Copy, Debug, Default)]
pub struct LongTerm {
    cubes: f64,
    measured: u32,
    count: u32,
}

impl LongTerm {
    /// Takes a short-term severity; with each twelfth, the long-term one. One that is not a number was not measured; less
    /// than twelve are averaged over what there is, and NaN comes of none.
    pub fn add(&mut self, pst: f64) -> Option<f64> {
        self.count += 1;
        if pst.is_finite() {
            self.cubes += pst.powi(3);
            self.measured += 1;
        }
        (self.count == 12).then(|| {
            let plt = (self.cubes / f64::from(self.measured)).cbrt();
            *self = Self::default();
            plt
        })
    }
}

#[cfg(test)]
mod tests;
