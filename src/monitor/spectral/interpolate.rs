//! Samples between samples: a windowed sinc (J. F. Kaiser 1974) from a table of phases, interpolated linearly between them.
//!
//! One set of weights serves all channels. The cut-off is half of the lowest rate that windows are interpolated to, 0.85 of
//! the sampling rate: images and what would fold lie behind it. Flat to 2e-5 up to 0.275 of the sampling rate, which is
//! 3.52 kHz at 12.8 kHz: order 51 of 69 Hz.

use super::history::History;

/// Weights of a sample between samples.
pub const TAPS: usize = 24;
/// Phases of the table between two samples.
const PHASES: usize = 128;
/// Cut-off over the sampling rate.
const CUT_OFF: f64 = 0.425;
/// Kaiser's parameter: side lobes 107 dB down, a transition of 0.3 of the sampling rate.
const BETA: f64 = 10.8;
/// Outputs whose weights are kept at once: they stay in the first cache.
const BLOCK: usize = 32;

type Weights = [f64; TAPS];

/// The table, and the weights in use.
#[derive(Clone, Debug)]
pub struct Interpolator {
    phases: Vec<Weights>,
    weights: Vec<Weights>,
    places: Vec<usize>,
}

/// Where outputs lie: `count` of them from a place on, so far apart.
#[derive(Clone, Copy, Debug)]
pub struct Raster {
    /// Whole part of the first place.
    pub from: i64,
    /// What is added to it, in 0 to 1.
    pub fraction: f64,
    /// Distance of outputs in samples.
    pub step: f64,
    /// Number of outputs.
    pub count: usize,
}

impl Interpolator {
    pub fn new() -> Self {
        let phases = (0..=PHASES).map(|phase| weights(phase as f64 / PHASES as f64)).collect();
        Self { phases, weights: vec![[0.0; TAPS]; BLOCK], places: vec![0; BLOCK] }
    }

    /// Interpolates all channels: channel after channel of `raster.count` outputs in `out`.
    pub fn run(&mut self, history: &History, raster: Raster, out: &mut [f64]) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2, as was just asked; the function needs nothing else.
            unsafe { self.run_avx2(history, raster, out) };
            return;
        }
        self.run_any(history, raster, out);
    }

    /// As [`Self::run_any`], with the same operations in the same order four at a time: the same bits (a test compares).
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn run_avx2(&mut self, history: &History, raster: Raster, out: &mut [f64]) {
        let four = |weights: &[Weights; 4], near: [&Weights; 4]| lanes::four_sums(weights, near);
        self.run_with(history, raster, out, |low, high, t| lanes::between(low, high, t), four);
    }

    fn run_any(&mut self, history: &History, raster: Raster, out: &mut [f64]) {
        let four = |weights: &[Weights; 4], near: [&Weights; 4]| {
            std::array::from_fn(|k| sum_of_products(&weights[k], near[k]))
        };
        self.run_with(history, raster, out, between, four);
    }

    /// Blocks of outputs, each for all channels while its weights are near; four outputs at a time.
    #[inline(always)]
    fn run_with(
        &mut self,
        history: &History,
        raster: Raster,
        out: &mut [f64],
        between: impl Fn(&Weights, &Weights, f64) -> Weights,
        four_sums: impl Fn(&[Weights; 4], [&Weights; 4]) -> [f64; 4],
    ) {
        let before = (TAPS / 2 - 1) as i64;
        let reach = (raster.count as f64 * raster.step) as i64 + TAPS as i64 + 2;
        let mut done = 0;
        while done < raster.count {
            let count = BLOCK.min(raster.count - done);
            self.weigh(raster, done, &between);
            for (channel, outputs) in out.chunks_exact_mut(raster.count).enumerate() {
                let samples = history.with_tail(channel, raster.from - before, raster.from - before + reach);
                let (sets, _) = self.weights.as_chunks::<4>();
                let (places, _) = self.places.as_chunks::<4>();
                let fours = outputs[done..done + count].chunks_mut(4).zip(sets.iter().zip(places));
                for (four, (weights, places)) in fours {
                    let near = |place: usize| samples.get(place..).and_then(|from| from.first_chunk()).unwrap_or(&NONE);
                    let sums = four_sums(weights, places.map(near));
                    four.copy_from_slice(&sums[..four.len()]);
                }
            }
            done += count;
        }
    }

    /// Weights and places of a block of outputs from the `first` on.
    #[inline(always)]
    fn weigh(&mut self, raster: Raster, first: usize, between: &impl Fn(&Weights, &Weights, f64) -> Weights) {
        for (k, (weights, own)) in self.weights.iter_mut().zip(&mut self.places).enumerate() {
            let place = (first + k) as f64 * raster.step + raster.fraction;
            let whole = place as usize;
            let phase = (place - whole as f64) * PHASES as f64;
            let row = (phase as usize).min(PHASES - 1);
            *weights = between(&self.phases[row], &self.phases[row + 1], phase - row as f64);
            *own = whole;
        }
    }
}

/// In the place of samples that are not there.
static NONE: Weights = [0.0; TAPS];

/// The same four at a time.
#[cfg(target_arch = "x86_64")]
mod lanes {
    use std::arch::x86_64::{
        __m256d, _mm256_add_pd, _mm256_blend_pd, _mm256_hadd_pd, _mm256_loadu_pd, _mm256_mul_pd,
        _mm256_permute2f128_pd, _mm256_set1_pd, _mm256_setzero_pd, _mm256_storeu_pd, _mm256_sub_pd,
    };

    use super::{TAPS, Weights};

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(four: &[f64; 4]) -> __m256d {
        // SAFETY: a reference to four numbers is readable for four numbers; the load needs no alignment.
        unsafe { _mm256_loadu_pd(four.as_ptr()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn store(lanes: __m256d, four: &mut [f64; 4]) {
        // SAFETY: a reference to four numbers is writable for four numbers; the store needs no alignment.
        unsafe { _mm256_storeu_pd(four.as_mut_ptr(), lanes) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn between(low: &Weights, high: &Weights, t: f64) -> Weights {
        let mut weights = [0.0; TAPS];
        let parts = weights.as_chunks_mut::<4>().0.iter_mut().zip(low.as_chunks::<4>().0).zip(high.as_chunks::<4>().0);
        for ((four, low), high) in parts {
            let low = load(low);
            store(_mm256_add_pd(low, _mm256_mul_pd(_mm256_set1_pd(t), _mm256_sub_pd(load(high), low))), four);
        }
        weights
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn lane_sums(weights: &Weights, near: &Weights) -> __m256d {
        let mut sums = _mm256_setzero_pd();
        for (w, x) in weights.as_chunks::<4>().0.iter().zip(near.as_chunks::<4>().0) {
            sums = _mm256_add_pd(sums, _mm256_mul_pd(load(w), load(x)));
        }
        sums
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn four_sums(weights: &[Weights; 4], near: [&Weights; 4]) -> [f64; 4] {
        let [wa, wb, wc, wd] = weights;
        let [a, b, c, d] =
            [lane_sums(wa, near[0]), lane_sums(wb, near[1]), lane_sums(wc, near[2]), lane_sums(wd, near[3])];
        let (ab, cd) = (_mm256_hadd_pd(a, b), _mm256_hadd_pd(c, d));
        // Lower halves hold the sums of lanes 0 and 1, upper ones of lanes 2 and 3.
        let (crossed, kept) = (_mm256_permute2f128_pd::<0x21>(ab, cd), _mm256_blend_pd::<0b1100>(ab, cd));
        let mut sums = [0.0; 4];
        store(_mm256_add_pd(crossed, kept), &mut sums);
        sums
    }
}

/// What the table lets through of a frequency over the sampling rate: 1 at 0.
pub fn gain(frequency: f64) -> f64 {
    let part = |phase: f64| {
        let middle = (TAPS / 2 - 1) as f64 + phase;
        let terms = weights(phase).into_iter().enumerate();
        terms.map(|(tap, w)| w * (std::f64::consts::TAU * frequency * (tap as f64 - middle)).cos()).sum::<f64>()
    };
    (0..16).map(|k| part(f64::from(k) / 16.0)).sum::<f64>() / 16.0
}

fn between(low: &Weights, high: &Weights, t: f64) -> Weights {
    std::array::from_fn(|tap| low[tap] + t * (high[tap] - low[tap]))
}

fn sum_of_products(weights: &Weights, samples: &Weights) -> f64 {
    let mut sums = [0.0; 4];
    for (w, x) in weights.as_chunks::<4>().0.iter().zip(samples.as_chunks::<4>().0) {
        for lane in 0..4 {
            sums[lane] += w[lane] * x[lane];
        }
    }
    (sums[2] + sums[3]) + (sums[0] + sums[1])
}

/// Weights of the samples around a place `phase` after the middle left one; they sum to 1.
fn weights(phase: f64) -> Weights {
    let half = TAPS as f64 / 2.0;
    let mut weights: Weights = std::array::from_fn(|tap| {
        let distance = phase + half - 1.0 - tap as f64;
        let inside = (1.0 - (distance / half).powi(2)).max(0.0);
        sinc(2.0 * CUT_OFF * distance) * bessel_i0(BETA * inside.sqrt())
    });
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    weights
}

fn sinc(x: f64) -> f64 {
    let x = std::f64::consts::PI * x;
    if x.abs() < 1e-9 { 1.0 } else { x.sin() / x }
}

/// Modified Bessel function of the first kind and order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..60 {
        term *= quarter / f64::from(k * k);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Waveform;

    /// Samples of a cosine of `frequency` over the sampling rate.
    fn cosine(frequency: f64, count: usize) -> History {
        let mut block = Waveform::new(1, count);
        block.begin(0, count);
        let angle = |k: usize| std::f64::consts::TAU * frequency * k as f64;
        block.channel_mut(0).iter_mut().enumerate().for_each(|(k, x)| *x = angle(k).cos());
        let mut history = History::new(1, count);
        history.append(&block, 0..count);
        history
    }

    #[test]
    fn between_samples_is_what_was_sampled() {
        for (frequency, tolerance) in [(0.0, 1e-12), (0.004, 1e-4), (0.1, 1e-4), (0.275, 1e-4)] {
            let raster = Raster { from: 20, fraction: 0.3, step: 0.871, count: 200 };
            let mut out = vec![0.0; 200];
            Interpolator::new().run(&cosine(frequency, 400), raster, &mut out);
            for (k, value) in out.into_iter().enumerate() {
                let truth = (std::f64::consts::TAU * frequency * (20.3 + 0.871 * k as f64)).cos();
                assert!((value - truth).abs() < tolerance, "{frequency} at {k}: {value} for {truth}");
            }
        }
    }

    #[test]
    fn images_are_stopped() {
        assert!((gain(0.275) - 1.0).abs() < 2e-5, "{}", gain(0.275));
        // The image of 0.43 is at 0.57.
        for stopped in [0.58, 0.6, 0.8, 1.0, 1.3] {
            assert!(gain(stopped).abs() < 1e-4, "{stopped}: {}", gain(stopped));
        }
    }

    #[test]
    fn four_at_a_time_gives_the_same_bits() {
        let history = cosine(0.0123, 3000);
        let raster = Raster { from: 30, fraction: 0.77, step: 1.0357, count: 2560 };
        let (mut fast, mut plain) = (vec![0.0; 2560], vec![0.0; 2560]);
        Interpolator::new().run(&history, raster, &mut fast);
        Interpolator::new().run_any(&history, raster, &mut plain);
        assert!(fast.iter().zip(&plain).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}
