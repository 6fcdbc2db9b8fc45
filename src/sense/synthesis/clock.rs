//! When samples are taken: a clock of its own rate, counted against the plant's ticks in whole numbers.
//!
//! At a rate of p/q samples per tick, deviating by d·10⁻¹², the clock has gone C(t) = ∫ (p/q)(1 + d·10⁻¹²) dt samples;
//! sample k is taken where C = k + 1. So in ticks 0 to n there are ⌊C(n)⌋ samples, and tick n carries those numbered ⌊C(n)⌋
//! to ⌊C(n+1)⌋ − 1: for d = 0 ⌊n·p/q⌋ to ⌊(n+1)·p/q⌋ − 1, taken after the tick's start and not after its end. C is kept
//! as a fraction over q·10¹², exactly.

use super::phase::{Fixed, quotient};
use crate::quantity::Step;

/// Parts of a deviation in one: 10⁻⁶ ppm.
const PARTS: u64 = 1_000_000_000_000;

/// A rate in samples per second, as an exact fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleRate {
    numerator: u64,
    denominator: u64,
}

impl SampleRate {
    /// `numerator / denominator` samples per second; `None` unless both are positive.
    pub const fn new(numerator: u64, denominator: u64) -> Option<Self> {
        // A step of 1/rate seconds is reduced to lowest terms.
        match Step::new(denominator, numerator) {
            Some(period) => {
                let (denominator, numerator) = period.fraction();
                Some(Self { numerator, denominator })
            }
            None => None,
        }
    }

    /// The rate that `hz` writes in decimals: whole micro-hertz, to 1 GHz. `None` otherwise.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 1e15, checked")]
    pub fn from_hz(hz: f64) -> Option<Self> {
        let micro = (hz * 1e6).round();
        let whole = (1.0..=1e15).contains(&micro) && (hz * 1e6 - micro).abs() <= 1e-15 * micro;
        if whole { Self::new(micro as u64, 1_000_000) } else { None }
    }

    /// In Hz.
    #[allow(clippy::cast_precision_loss, reason = "the rounding of the result")]
    pub fn hz(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

/// Where the samples of one tick are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Samples {
    /// Place of the first since sampling began.
    pub first: u64,
    /// How many there are.
    pub len: usize,
    denominator: u128,
    behind: u128,
    advance: u128,
}

impl Samples {
    /// Where in the tick something is, in ticks from its start: `halves`/2 samples behind the first sample.
    pub fn at(&self, halves: u64) -> Fixed {
        quotient((2 + u128::from(halves)) * self.denominator - 2 * self.behind, 2 * self.advance)
    }

    /// Ticks from sample to sample.
    #[allow(clippy::cast_precision_loss, reason = "the rounding of the result")]
    pub fn period(&self) -> f64 {
        self.denominator as f64 / self.advance as f64
    }
}

/// A sampling clock.
#[derive(Clone, Debug)]
pub struct SampleClock {
    /// Samples per tick: p and q.
    per_tick: (u64, u64),
    taken: u64,
    /// How far the clock is behind the last sample, over q·10¹².
    behind: u128,
}

impl SampleClock {
    /// A clock of a rate, in ticks of a length. `None` when the two together are no fraction of less than 49 bits.
    pub fn new(rate: SampleRate, tick: Step) -> Option<Self> {
        let (numerator, denominator) = tick.fraction();
        let above = u128::from(rate.numerator) * u128::from(numerator);
        let below = u128::from(rate.denominator) * u128::from(denominator);
        let mut g = (above, below);
        while g.1 != 0 {
            g = (g.1, g.0 % g.1);
        }
        let small = |x: u128| u64::try_from(x / g.0).ok().filter(|x| *x < 1 << 49);
        Some(Self { per_tick: (small(above)?, small(below)?), taken: 0, behind: 0 })
    }

    /// Most samples that a tick carries while the clock is less than a thousandth too fast.
    pub fn most(&self) -> usize {
        let (p, q) = self.per_tick;
        usize::try_from(u128::from(p) * 1001 / (u128::from(q) * 1000) + 1).unwrap_or(usize::MAX)
    }

    /// Goes on by a tick, `deviation_ppm` too fast, at most 1000 either way: the tick's samples.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, below 1.001e12")]
    pub fn tick(&mut self, deviation_ppm: f64) -> Samples {
        let deviation = if deviation_ppm.is_finite() { deviation_ppm.clamp(-1000.0, 1000.0) } else { 0.0 };
        let parts = (PARTS as f64 + (deviation * 1e6).round()) as u64;
        let denominator = u128::from(self.per_tick.1) * u128::from(PARTS);
        let advance = u128::from(self.per_tick.0) * u128::from(parts);
        let gone = self.behind + advance;
        let len = gone / denominator;
        let samples = Samples { first: self.taken, len: len as usize, denominator, behind: self.behind, advance };
        (self.taken, self.behind) = (self.taken + len as u64, gone % denominator);
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sense::synthesis::phase::ONE;

    fn clock(hz: f64, tick_s: f64) -> SampleClock {
        SampleClock::new(SampleRate::from_hz(hz).unwrap(), Step::from_seconds(tick_s).unwrap()).unwrap()
    }

    #[test]
    fn a_tick_carries_its_share_of_the_samples() {
        let mut clock = clock(12_800.0, 0.001);
        assert_eq!(clock.most(), 13);
        for n in 0..100_000u64 {
            let samples = clock.tick(0.0);
            assert_eq!(samples.first, n * 64 / 5, "12.8 a tick");
            assert_eq!(samples.first + samples.len as u64, (n + 1) * 64 / 5);
            let last = samples.at(2 * (samples.len as u64 - 1));
            assert!(samples.at(0) > 0 && last <= ONE);
            // Sample k is taken (k + 1)·5/64 ticks after the start.
            let exact = quotient(u128::from(samples.first + 1) * 5, 64) - u128::from(n) * ONE;
            assert!(samples.at(0).abs_diff(exact) <= 1);
        }
    }

    #[test]
    fn a_fast_clock_takes_more() {
        // 50 ppm of 12.8 kHz: 0.64 samples a second more, 2304 in an hour.
        let mut clock = clock(12_800.0, 0.1);
        let mut last = clock.tick(50.0);
        for _ in 1..36_000 {
            last = clock.tick(50.0);
        }
        assert_eq!(last.first + last.len as u64, 46_080_000 + 2304);
    }

    #[test]
    fn a_rate_need_not_be_whole() {
        let rate = SampleRate::new(2560 * 60, 12).unwrap();
        assert_eq!(rate, SampleRate::from_hz(12_800.0).unwrap());
        assert_eq!(SampleRate::new(40_000, 3).unwrap().hz(), 40_000.0 / 3.0);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-9, 1e10] {
            assert_eq!(SampleRate::from_hz(bad), None, "{bad}");
        }
        let odd = SampleRate::new(u64::MAX - 58, 3).unwrap();
        assert!(SampleClock::new(odd, Step::new(7, u64::MAX).unwrap()).is_none());
    }
}
