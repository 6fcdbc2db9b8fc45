//! Urms(1/2) of IEC 61000-4-30: the RMS value over one cycle that begins at a zero crossing of the fundamental, renewed each
//! half cycle.
//!
//! The crossings are those of a phase-locked grid, not of the samples: at each half cycle the fundamental's phase over the
//! last cycle (a correlation, which harmonics, DC and noise do not move) pulls the grid a little, and the cycle's length is
//! the median of the last eleven. So distortion and noise move no crossing, a phase jump changes no cycle's length, and in an
//! interruption the cadence goes on at the last frequency. The cycle has fractional ends: its integral is corrected to
//! fourth order (Euler–Maclaurin), so the value does not ripple off the nominal frequency.
//!
//! Limits: 0.8 to 1.2 times the nominal frequency; at least 8 samples a cycle.

use std::f64::consts::{PI, TAU};

use thiserror::Error;

/// Fewest samples in a cycle of the nominal frequency.
pub const FEWEST_SAMPLES_A_CYCLE: f64 = 8.0;
/// How far a frequency may be from the nominal one, as a share of it.
const RANGE: f64 = 0.2;
/// Cycles that are seen before the first value.
const ACQUIRED_CYCLES: f64 = 3.0;
/// Share of a phase error that is taken back each half cycle.
const PULL: f64 = 0.2;
/// Half cycles whose median is the cycle's length.
const MEMORY: usize = 11;
/// Below this share of the declared voltage there is no phase to follow.
const SILENT: f64 = 0.05;
/// A change of the fundamental by more than this from one half cycle to the next is a transition, whose phase means nothing.
const TRANSITION: f64 = 0.05;
/// Samples whose sum is correlated as one, per cycle.
const CORRELATED: f64 = 32.0;

/// Why there can be no Urms(1/2).
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum MagnitudeError {
    /// Too few samples, or not a number.
    #[error("a sampling rate of {sample_rate_hz} Hz is below 8 samples a cycle of {nominal_hz} Hz")]
    SampleRate {
        /// The rate that was asked for.
        sample_rate_hz: f64,
        /// The nominal frequency.
        nominal_hz: f64,
    },
    /// The declared voltage is not a positive number.
    #[error("a declared voltage of {0} V is not positive")]
    DeclaredVoltage(f64),
}

/// One value of Urms(1/2).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HalfCycle {
    /// Counts half cycles from 0, also over gaps.
    pub sequence: u64,
    /// When its cycle ends, in s since sampling began.
    pub end_s: f64,
    /// How long its cycle is, in s.
    pub cycle_s: f64,
    /// RMS value over the cycle, in the samples' unit.
    pub rms: f64,
}

/// A place between samples: a whole number and a part, so that no sum of times grows coarse.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Place {
    whole: u64,
    part: f64,
}

impl Place {
    /// The place `by` samples later (or earlier, not before the first).
    fn moved(self, by: f64) -> Self {
        let part = self.part + by;
        let whole = part.floor();
        let moved = i128::from(self.whole) + whole as i128;
        match u64::try_from(moved) {
            Ok(moved) => Self { whole: moved, part: part - whole },
            Err(_) => Self::default(),
        }
    }

    fn seconds(self, sample_rate_hz: f64) -> f64 {
        (self.whole as f64 + self.part) / sample_rate_hz
    }
}

/// Urms(1/2) of one channel, from blocks of samples of any length.
#[derive(Clone, Debug)]
pub struct HalfCycles {
    sample_rate_hz: f64,
    nominal_samples: f64,
    silent_amplitude: f64,
    correlated: usize,
    /// The last samples, twice one behind the other, so that every stretch of them lies in one piece.
    ring: Vec<f64>,
    room: usize,
    /// Place of the next sample to come.
    next: u64,
    /// From here on no sample is missing.
    whole_from: u64,
    acquired: bool,
    start: Place,
    cycle_samples: f64,
    sequence: u64,
    recent: Recent,
}

/// What the last half cycles said of the cycle's length.
#[derive(Clone, Debug, Default)]
struct Recent {
    cycles: [f64; MEMORY],
    count: usize,
    /// Phase error left after the last correction, and the amplitude it was measured with.
    last: Option<(f64, f64)>,
}

impl Recent {
    fn add(&mut self, cycle_samples: f64) {
        self.cycles[self.count % MEMORY] = cycle_samples;
        self.count += 1;
    }

    /// The median, once there are enough to outvote two wrong ones.
    fn median(&self) -> Option<f64> {
        let n = self.count.min(MEMORY);
        if n < 5 {
            return None;
        }
        let mut sorted = self.cycles;
        sorted[..n].sort_unstable_by(f64::total_cmp);
        Some(sorted[n / 2])
    }
}

impl HalfCycles {
    /// For a channel sampled at `sample_rate_hz`, whose voltage should be `declared_v` RMS at `nominal_hz`.
    pub fn new(sample_rate_hz: f64, nominal_hz: f64, declared_v: f64) -> Result<Self, MagnitudeError> {
        let nominal_samples = sample_rate_hz / nominal_hz;
        if !(nominal_samples >= FEWEST_SAMPLES_A_CYCLE && nominal_samples.is_finite() && nominal_hz > 0.0) {
            return Err(MagnitudeError::SampleRate { sample_rate_hz, nominal_hz });
        }
        if !(declared_v > 0.0 && declared_v.is_finite()) {
            return Err(MagnitudeError::DeclaredVoltage(declared_v));
        }
        let room = ((ACQUIRED_CYCLES + 2.0) * nominal_samples * (1.0 + 2.0 * RANGE)).ceil() as usize;
        let room = room + 16;
        Ok(Self {
            sample_rate_hz,
            nominal_samples,
            silent_amplitude: SILENT * declared_v * std::f64::consts::SQRT_2,
            correlated: ((nominal_samples / CORRELATED) as usize).max(1),
            ring: vec![0.0; 2 * room],
            room,
            next: 0,
            whole_from: 0,
            acquired: false,
            start: Place::default(),
            cycle_samples: nominal_samples,
            sequence: 0,
            recent: Recent::default(),
        })
    }

    /// The frequency that the cadence follows, in Hz.
    pub fn frequency_hz(&self) -> f64 {
        self.sample_rate_hz / self.cycle_samples
    }

    /// Takes samples, and hands out the values whose cycles they complete. A sample that is not a number is a gap.
    pub fn push(&mut self, samples: &[f64], mut out: impl FnMut(HalfCycle)) {
        let mut rest = samples;
        while !rest.is_empty() {
            let until_due = self.due().saturating_sub(self.next).max(1);
            let (now, later) = rest.split_at(rest.len().min(usize::try_from(until_due).unwrap_or(usize::MAX)));
            self.store(now);
            rest = later;
            while self.next >= self.due() {
                self.advance(&mut out);
            }
        }
    }

    /// Says that so many samples are lost. The cadence goes on; cycles with lost samples have no value.
    pub fn skip(&mut self, samples: u64) {
        self.next = self.next.saturating_add(samples);
        self.whole_from = self.next;
        if self.acquired {
            // As many half cycles as the gap is long, at once: a long gap is not walked through.
            let behind = self.next.saturating_sub(self.start.whole) as f64;
            let halves = (2.0 * behind / self.cycle_samples).floor().max(0.0);
            self.start = self.start.moved(0.5 * halves * self.cycle_samples);
            self.sequence += halves as u64;
            self.recent.last = None;
        }
    }

    fn store(&mut self, samples: &[f64]) {
        // Zero times what is not finite is not a number, and so is every sum with it.
        let all_good = samples.iter().map(|x| x * 0.0).sum::<f64>() == 0.0;
        for part in samples.chunks(self.room) {
            let at = self.place(self.next);
            let (now, wrapped) = part.split_at(part.len().min(self.room - at));
            for (from, part) in [(at, now), (0, wrapped)] {
                self.ring[from..from + part.len()].copy_from_slice(part);
                self.ring[self.room + from..self.room + from + part.len()].copy_from_slice(part);
            }
            self.next += part.len() as u64;
        }
        if !all_good {
            self.whole_from = self.next;
            self.mend(samples.len());
        }
    }

    /// Takes what is not a number out of the last samples.
    fn mend(&mut self, count: usize) {
        let from = self.next - count.min(self.room) as u64;
        for k in from..self.next {
            let at = self.place(k);
            if !self.ring[at].is_finite() {
                self.whole_from = k + 1;
                self.ring[at] = 0.0;
                self.ring[at + self.room] = 0.0;
            }
        }
    }

    /// Where a sample lies in the ring.
    const fn place(&self, at: u64) -> usize {
        (at % self.room as u64) as usize
    }

    /// How many samples there must have been for the next step.
    fn due(&self) -> u64 {
        match self.acquired {
            true => self.start.moved(self.cycle_samples).whole + 2,
            false => self.whole_from + (ACQUIRED_CYCLES * self.nominal_samples / (1.0 - RANGE)).ceil() as u64,
        }
    }

    fn advance(&mut self, out: &mut impl FnMut(HalfCycle)) {
        if !self.acquired {
            return self.acquire();
        }
        if self.start.whole >= self.whole_from {
            let square = self.integral_of_squares(self.start);
            out(HalfCycle {
                sequence: self.sequence,
                end_s: self.start.moved(self.cycle_samples).seconds(self.sample_rate_hz),
                cycle_s: self.cycle_samples / self.sample_rate_hz,
                rms: (square.max(0.0) / self.cycle_samples).sqrt(),
            });
            self.follow();
        } else {
            self.recent.last = None;
        }
        self.sequence += 1;
        self.start = self.start.moved(0.5 * self.cycle_samples);
    }

    /// The first frequency and phase, from the samples that there are; then values from the first crossing on.
    fn acquire(&mut self) {
        self.acquired = true;
        self.start = Place { whole: self.whole_from, part: 0.0 };
        for cycles_apart in [0.5, 0.5, 1.0, 1.0, 1.5, 1.5, 1.5] {
            let (first, amplitude) = self.phase(self.start);
            let (second, _) = self.phase(self.start.moved(cycles_apart * self.cycle_samples));
            if amplitude < self.silent_amplitude {
                self.cycle_samples = self.nominal_samples;
                return;
            }
            let gained = wrapped(second - first, PI) / (TAU * cycles_apart);
            self.cycle_samples = self.in_range(self.cycle_samples / (1.0 + gained));
        }
        let to_crossing = (-self.phase(self.start).0).rem_euclid(PI) / TAU * self.cycle_samples;
        // A crossing that rounding puts before the first sample is the first sample's.
        let at_first = 0.5 * self.cycle_samples - to_crossing < 0.5;
        self.start = self.start.moved(if at_first { 0.0 } else { to_crossing });
    }

    fn in_range(&self, cycle_samples: f64) -> f64 {
        cycle_samples.clamp(self.nominal_samples / (1.0 + RANGE), self.nominal_samples / (1.0 - RANGE))
    }

    /// Pulls the grid towards the fundamental's crossings.
    fn follow(&mut self) {
        let (phase, amplitude) = self.phase(self.start);
        let error = wrapped(phase, PI);
        let last = self.recent.last.take();
        if amplitude < self.silent_amplitude {
            return;
        }
        self.recent.last = Some((error, amplitude));
        let Some((last_error, last_amplitude)) = last else { return };
        if (amplitude - last_amplitude).abs() > TRANSITION * last_amplitude {
            return;
        }
        let gained = wrapped(error - last_error, PI) / PI;
        self.recent.add(self.in_range(self.cycle_samples / (1.0 + gained)));
        if let Some(median) = self.recent.median() {
            self.cycle_samples = median;
        }
        self.start = self.start.moved(-PULL * error / TAU * self.cycle_samples);
        self.recent.last = Some((error * (1.0 - PULL), amplitude));
    }

    fn sample(&self, at: u64) -> f64 {
        self.ring[self.place(at)]
    }

    /// ∫x² over a cycle from a place, in squares times samples: trapezia corrected at both ends, parabolas in the part
    /// cells. Both look into the cycle only: what was before a dip is no part of it.
    fn integral_of_squares(&self, from: Place) -> f64 {
        let to = from.moved(self.cycle_samples);
        let square = |at: u64| self.sample(at) * self.sample(at);
        let (first, last) = (from.whole + 1, to.whole);
        let inwards = |k: u64| square(first + k);
        let backwards = |k: u64| square(last.saturating_sub(k));
        let slopes = slope(inwards) + slope(backwards);
        let sum = self.sum_of_squares(first, last) + 0.5 * (square(last) - square(first)) + slopes / 12.0;
        let before = Cell::new(square(from.whole), square(first), square(first + 1));
        // Seen backwards, so that its third neighbour lies in the cycle too.
        let after = Cell::new(square(last + 1), square(last), square(last.saturating_sub(1)));
        sum + before.integral(from.part, 1.0) + after.integral(1.0 - to.part, 1.0)
    }

    /// Samples from one to before another: at most as many as there is room for.
    fn stretch(&self, from: u64, to: u64) -> &[f64] {
        let at = self.place(from);
        let len = usize::try_from(to.saturating_sub(from)).unwrap_or(0).min(self.room);
        &self.ring[at..at + len]
    }

    /// Sum of squares of samples from one to before another; four sums side by side, as the processor adds.
    fn sum_of_squares(&self, from: u64, to: u64) -> f64 {
        let mut sums = [0.0; 4];
        let mut fours = self.stretch(from, to).chunks_exact(4);
        for four in &mut fours {
            for (sum, x) in sums.iter_mut().zip(four) {
                *sum += x * x;
            }
        }
        let rest: f64 = fours.remainder().iter().map(|x| x * x).sum();
        (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
    }

    /// Phase of the fundamental in rad (0 where it crosses zero upwards) at a place, and its amplitude: correlation with
    /// one cycle from there. Groups of samples go in as one.
    fn phase(&self, from: Place) -> (f64, f64) {
        let to = from.moved(self.cycle_samples);
        let step = TAU / self.cycle_samples;
        let group = self.correlated;
        let turn = (step * group as f64).sin_cos();
        let mut at = (step * (0.5 * (group as f64 - 1.0) - from.part)).sin_cos();
        let (mut sine, mut cosine) = (0.0, 0.0);
        let mut groups = self.stretch(from.whole, to.whole).chunks_exact(group);
        for samples in &mut groups {
            let sum: f64 = samples.iter().sum();
            sine += sum * at.0;
            cosine += sum * at.1;
            at = (at.0 * turn.1 + at.1 * turn.0, at.1 * turn.1 - at.0 * turn.0);
        }
        let mut add = |k: u64, weight: f64| {
            let (sin, cos) = (step * (k as f64 - from.whole as f64 - from.part)).sin_cos();
            sine += weight * self.sample(k) * sin;
            cosine += weight * self.sample(k) * cos;
        };
        (to.whole - groups.remainder().len() as u64..to.whole).for_each(|k| add(k, 1.0));
        // Trapezia: half of each end's sample, and of a cell's part p its samples count p - p²/2 and p²/2.
        for (place, sign) in [(from, -1.0), (to, 1.0)] {
            let p = place.part;
            add(place.whole, sign * (0.5 + p - 0.5 * p * p));
            add(place.whole + 1, sign * 0.5 * p * p);
        }
        (cosine.atan2(sine), sine.hypot(cosine) * 2.0 / self.cycle_samples)
    }
}

/// Slope at an end, per sample away from it: third order, from four samples.
fn slope(f: impl Fn(u64) -> f64) -> f64 {
    (18.0 * f(1) - 11.0 * f(0) - 9.0 * f(2) + 2.0 * f(3)) / 6.0
}

/// A cell between two samples, as the parabola through them at 0 and 1 and the next one at 2.
struct Cell {
    first: f64,
    step: f64,
    bend: f64,
}

impl Cell {
    fn new(f0: f64, f1: f64, f2: f64) -> Self {
        Self { first: f0, step: f1 - f0, bend: f0 - 2.0 * f1 + f2 }
    }

    /// ∫ from one part of the cell to another.
    fn integral(&self, from: f64, to: f64) -> f64 {
        let until = |p: f64| p * (self.first + p * (0.5 * self.step + self.bend * (p / 6.0 - 0.25)));
        until(to) - until(from)
    }
}

/// An angle in (-turn/2, turn/2].
fn wrapped(angle: f64, turn: f64) -> f64 {
    let angle = angle.rem_euclid(turn);
    if angle > 0.5 * turn { angle - turn } else { angle }
}
