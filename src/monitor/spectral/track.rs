//! The fundamental's frequency over a window, from the angles of its cycles.
//!
//! Each pair of neighbouring cycles, weighted by a Hann window, gives a phasor at the frequency that is assumed (harmonics
//! and a constant part then vanish); the slope of their angles is by how much it is wrong. Weights are those of a least
//! squares line; the few steps that differ much from the others are left out, as a jump of angle is no frequency. Repeated
//! until it moves no more.

use crate::quantity::{Complex, complex};

/// Most cycles that are looked at.
pub const MOST_CYCLES: usize = 12;
/// Fewest cycles that tell a frequency.
pub const LEAST_CYCLES: usize = 5;
/// Relative frequency by which the last repetition may move: what the assumed frequency is wrong by then disturbs by 1e-6.
const SETTLED: f64 = 2e-4;
/// Most repetitions.
const MOST_ROUNDS: usize = 8;
/// Steps of angle that do not belong to the others: so many times the median deviation, and at least so many rad.
const OUTLIER: (f64, f64) = (6.0, 1e-3);
/// Steps of angle between phasors of which one is less than this part of the other do not count, while so many others do: a
/// dip begins or ends there.
const STEADY: (f64, usize) = (0.95, 3);
/// Spread of the steps of angle, in rad, above which there is no fundamental.
const MOST_SPREAD: f64 = 0.4;
/// How far from the nominal frequency the fundamental may be: 42.5 to 57.5 Hz and 51 to 69 Hz.
const RANGE: f64 = 0.15;

/// A fundamental that was found.
#[derive(Clone, Copy, Debug)]
pub struct Track {
    /// Samples per cycle, as a mean over the window.
    pub cycle: f64,
    /// Samples per cycle at which the phasors were taken.
    assumed_cycle: f64,
    phasors: Phasors,
}

/// Phasors of pairs of cycles; the `k`th is of the middle `k + 1` cycles after the start.
#[derive(Clone, Copy, Debug)]
struct Phasors {
    of: [Complex; MOST_CYCLES],
    count: usize,
}

/// Where to look: samples from the window's start on, whose first is `lead` samples after it.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// The samples.
    pub samples: &'a [f64],
    /// Samples from the window's start to the first sample, in 0 to 1.
    pub lead: f64,
}

impl Stretch<'_> {
    /// Whole cycles of a length that fit in.
    fn cycles(self, cycle: f64) -> usize {
        ((self.samples.len() as f64 + self.lead + 1e-6) / cycle) as usize
    }
}

impl Track {
    /// Middle of each pair of cycles in samples after the window's start, and the fundamental's angle there in rad.
    pub fn angles(&self) -> impl Iterator<Item = (f64, f64)> {
        let phasors = self.phasors.of.iter().take(self.phasors.count).enumerate();
        phasors.map(|(k, phasor)| ((k + 1) as f64 * self.assumed_cycle, phasor.arg()))
    }
}

/// Follows the fundamental over at most `cycles` cycles, from an assumed length of a cycle on; `nominal` samples are one at
/// the nominal frequency. None when there is none in range, or its RMS stays below `least_rms`.
pub fn follow(stretch: Stretch, cycles: usize, assumed: f64, nominal: f64, least_rms: f64) -> Option<Track> {
    let mut cycle = assumed;
    for _ in 0..MOST_ROUNDS {
        let count = cycles.min(stretch.cycles(cycle));
        if count < LEAST_CYCLES {
            return None;
        }
        let phasors = pairs(stretch, cycle, count);
        let rms = phasors.largest() * std::f64::consts::SQRT_2 / cycle;
        if rms.is_nan() || rms < least_rms || rms == 0.0 {
            return None;
        }
        let turn = phasors.slope()? / std::f64::consts::TAU;
        let next = cycle / (1.0 + turn);
        let ratio = nominal / next;
        if !(1.0 - RANGE * 1.002..=1.0 + RANGE * 1.002).contains(&ratio) && turn.abs() < SETTLED {
            return None;
        }
        if turn.abs() < SETTLED {
            return Some(Track { cycle: next, assumed_cycle: cycle, phasors });
        }
        cycle = next.clamp(nominal / (1.0 + 2.0 * RANGE), nominal / (1.0 - 2.0 * RANGE));
    }
    None
}

/// The length of a cycle, of some over the range, at which there is most: where [`follow`] may begin.
pub fn coarse(stretch: Stretch, cycles: usize, nominal: f64) -> f64 {
    let count = (cycles as f64 * nominal) as usize;
    let samples = &stretch.samples[..count.min(stretch.samples.len())];
    let candidates = (-3..=3).map(|k| nominal / (1.0 + RANGE * f64::from(k) / 3.0));
    let strength = |cycle: f64| hann_phasor(samples, cycle).norm_sqr();
    let best = candidates.map(|cycle| (strength(cycle), cycle)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(nominal, |(_, cycle)| cycle)
}

/// The phasor of all samples under one Hann window, at a length of a cycle.
fn hann_phasor(samples: &[f64], cycle: f64) -> Complex {
    let turn = |cycles: f64| Complex::from_polar(1.0, -std::f64::consts::TAU * cycles);
    let (step, window_step) = (turn(1.0 / cycle), turn(1.0 / samples.len().max(1) as f64));
    let (mut angle, mut window, mut sum) = (complex(1.0, 0.0), complex(1.0, 0.0), complex(0.0, 0.0));
    for x in samples {
        sum += angle * (x * (1.0 - window.re));
        (angle, window) = (angle * step, window * window_step);
    }
    sum
}

/// Phasors of all pairs of neighbouring cycles. A Hann window over two cycles rises over the first and falls over the
/// second, where it is one less its rise: each sample is weighted once.
fn pairs(stretch: Stretch, cycle: f64, count: usize) -> Phasors {
    let mut phasors = Phasors { of: [complex(0.0, 0.0); MOST_CYCLES], count: count - 1 };
    let mut rising_before = complex(0.0, 0.0);
    for k in 0..count {
        let from = (k as f64 * cycle - stretch.lead).ceil().max(0.0);
        let to = ((k + 1) as f64 * cycle - stretch.lead).ceil() as usize;
        let samples = &stretch.samples[from as usize..to.min(stretch.samples.len())];
        let (all, rising) = one_cycle(samples, (from + stretch.lead) / cycle - k as f64, cycle);
        if k > 0 {
            phasors.of[k - 1] = rising_before + all - rising;
        }
        rising_before = rising;
    }
    phasors
}

/// Sums over a cycle of e^{-j2πu}·x, and of the same weighted by sin²(πu/2), where u is 0 at its start and 1 at its end;
/// the first sample lies at `first`. Four lanes turn by four samples at a time.
fn one_cycle(samples: &[f64], first: f64, cycle: f64) -> (Complex, Complex) {
    const LANES: usize = 4;
    let half_turn = |u: f64| (-std::f64::consts::PI * u).sin_cos();
    let start: [_; LANES] = std::array::from_fn(|lane| half_turn(first + lane as f64 / cycle));
    let (mut im, mut re) = (start.map(|s| s.0), start.map(|s| s.1));
    let (step_im, step_re) = half_turn(LANES as f64 / cycle);
    let (mut all_re, mut all_im) = ([0.0; LANES], [0.0; LANES]);
    let (mut rising_re, mut rising_im) = ([0.0; LANES], [0.0; LANES]);
    let mut add = |lane: usize, x: f64| {
        let (c, s) = (re[lane], im[lane]);
        let (z_re, z_im) = (x * (c * c - s * s), x * (2.0 * c * s));
        let weight = 0.5 - 0.5 * c;
        all_re[lane] += z_re;
        all_im[lane] += z_im;
        rising_re[lane] += weight * z_re;
        rising_im[lane] += weight * z_im;
        (re[lane], im[lane]) = (c * step_re - s * step_im, c * step_im + s * step_re);
    };
    let (fours, rest) = samples.as_chunks::<LANES>();
    for four in fours {
        four.iter().enumerate().for_each(|(lane, x)| add(lane, *x));
    }
    rest.iter().enumerate().for_each(|(lane, x)| add(lane, *x));
    let sum = |lanes: [f64; LANES]| (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
    (complex(sum(all_re), sum(all_im)), complex(sum(rising_re), sum(rising_im)))
}

impl Phasors {
    fn largest(&self) -> f64 {
        self.of.iter().take(self.count).map(|p| p.norm()).fold(0.0, f64::max)
    }

    /// By how much the angle moves from pair to pair, in rad; none when it goes anywhere.
    fn slope(&self) -> Option<f64> {
        let steps = self.count - 1;
        let mut angles = [0.0; MOST_CYCLES];
        let mut weights = [0.0; MOST_CYCLES];
        for k in 0..steps {
            let (one, other) = (self.of[k], self.of[k + 1]);
            angles[k] = (other * one.conj()).arg();
            weights[k] = ((k + 1) * (steps - k)) as f64 * one.norm_sqr().min(other.norm_sqr());
        }
        let (angles, weights) = (&mut angles[..steps], &mut weights[..steps]);
        let kept = self.keep_steady(angles, weights);
        let (angles, weights) = (&angles[..kept], &mut weights[..kept]);
        leave_out(angles, weights);
        let all: f64 = weights.iter().sum();
        let mean = angles.iter().zip(&*weights).map(|(a, w)| a * w).sum::<f64>() / all;
        let spread = angles.iter().zip(&*weights).map(|(a, w)| w * (a - mean).powi(2)).sum::<f64>() / all;
        (spread < MOST_SPREAD * MOST_SPREAD).then_some(mean)
    }

    /// Moves the steps between phasors of about the same size to the front, and says how many are to be kept.
    fn keep_steady(&self, angles: &mut [f64], weights: &mut [f64]) -> usize {
        let steady = |k: usize| {
            let (one, other) = (self.of[k].norm(), self.of[k + 1].norm());
            one.min(other) >= STEADY.0 * one.max(other)
        };
        let count = (0..angles.len()).filter(|k| steady(*k)).count();
        if count < STEADY.1 {
            return angles.len();
        }
        for (place, k) in (0..angles.len()).filter(|k| steady(*k)).enumerate() {
            (angles[place], weights[place]) = (angles[k], weights[k]);
        }
        count
    }
}

/// Takes the weight from angles that do not belong to the others, when these are few.
fn leave_out(angles: &[f64], weights: &mut [f64]) {
    let middle = median(angles, |a| a);
    let usual = median(angles, |a| (a - middle).abs());
    let cut = (OUTLIER.0 * usual).max(OUTLIER.1);
    let strange = |a: f64| (a - middle).abs() > cut;
    // A jump of angle lies in three steps at most.
    if angles.iter().filter(|a| strange(**a)).count() <= 3.min(angles.len() / 2) {
        angles.iter().zip(weights).filter(|(a, _)| strange(**a)).for_each(|(_, weight)| *weight = 0.0);
    }
}

/// The median of a function of at most [`MOST_CYCLES`] values.
fn median(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let mut sorted = [f64::INFINITY; MOST_CYCLES];
    sorted.iter_mut().zip(values).for_each(|(s, v)| *s = of(*v));
    sorted.sort_unstable_by(f64::total_cmp);
    let count = values.len().min(MOST_CYCLES);
    0.5 * (sorted[count.saturating_sub(1) / 2] + sorted[count / 2])
}
