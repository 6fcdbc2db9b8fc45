//! From the samples of a window to its bins, groups and indices (IEC 61000-4-7:2002+A1:2008 as others quote it).

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

use super::super::window::ChannelWindow;
use super::super::{MOST_ORDER, band_centre_hz};
use crate::quantity::Complex;

/// Transform of windows of one size, and the room for it.
#[derive(Clone)]
pub struct Spectrum {
    transform: Arc<dyn RealToComplex<f64>>,
    scratch: Vec<Complex>,
    bins: Vec<Complex>,
    /// Mean square of each bin.
    squares: Vec<f64>,
    cycles: usize,
}

impl std::fmt::Debug for Spectrum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spectrum").field("size", &self.transform.len()).field("cycles", &self.cycles).finish()
    }
}

impl Spectrum {
    /// Of windows of `size` samples that are `cycles` cycles.
    pub fn new(size: usize, cycles: usize) -> Self {
        let transform = RealFftPlanner::new().plan_fft_forward(size);
        let (scratch, bins) = (transform.make_scratch_vec(), transform.make_output_vec());
        Self { scratch, squares: vec![0.0; bins.len()], bins, transform, cycles }
    }

    /// Samples of a window.
    pub fn size(&self) -> usize {
        self.transform.len()
    }

    /// Transforms a window; its samples are lost.
    pub fn transform(&mut self, samples: &mut [f64]) {
        let done = self.transform.process_with_scratch(samples, &mut self.bins, &mut self.scratch);
        assert!(done.is_ok(), "the window, the bins and the scratch have the sizes that the transform asked for");
        // The imaginary parts of the first and last bin of a real signal are 0.
        let (size, last) = (self.size(), self.bins.len() - 1);
        let square = 2.0 / (size as f64 * size as f64);
        for (square_of, bin) in self.squares.iter_mut().zip(&self.bins) {
            *square_of = square * bin.norm_sqr();
        }
        self.squares[0] *= 0.5;
        if size.is_multiple_of(2) {
            self.squares[last] *= 0.5;
        }
    }

    /// Mean square of a bin; 0 beyond the last.
    fn square(&self, bin: usize) -> f64 {
        self.squares.get(bin).copied().unwrap_or(0.0)
    }

    /// Everything about a channel that its bins tell.
    pub fn tell(&self, channel: &mut ChannelWindow) {
        let size = self.size() as f64;
        let whole: f64 = lanes_sum(&self.squares);
        (channel.rms, channel.dc) = (whole.sqrt(), self.bins[0].re / size);
        let scale = std::f64::consts::SQRT_2 / size;
        for (order, phasor) in channel.phasor.iter_mut().enumerate() {
            let bin = self.bins.get(order * self.cycles).copied().unwrap_or_default();
            *phasor = if order == 0 { bin / size } else { bin * scale };
        }
        self.group(channel);
    }

    /// Subgroups, groups and what lies between, as mean squares first: one pass over the bins.
    fn group(&self, channel: &mut ChannelWindow) {
        let (n, half) = (self.cycles, self.cycles / 2);
        let (mut below, mut above_edge) = (0.0, 0.0);
        for order in 0..=MOST_ORDER {
            let at = order * n;
            let Some(bins) = self.squares.get(at..=at + n) else { break };
            let lower: f64 = bins[1..half].iter().sum();
            let upper: f64 = bins[half + 1..n].iter().sum();
            let between = lower + bins[half] + upper;
            channel.interharmonic_group_rms[order] = between.sqrt();
            // Not by subtraction: what is left of a strong neighbour would drown it.
            channel.interharmonic_subgroup_rms[order] = bins[2..n - 1].iter().sum::<f64>().sqrt();
            let (subgroup, group) = match order {
                0 => (bins[0], bins[0]),
                _ => {
                    (self.square(at - 1) + bins[0] + bins[1], below + bins[0] + lower + 0.5 * (bins[half] + above_edge))
                }
            };
            channel.subgroup_rms[order] = subgroup.sqrt();
            channel.group_rms[order] = group.sqrt();
            (below, above_edge) = (upper, bins[half]);
        }
    }

    /// RMS of bands of 200 Hz: bins above the lower edge up to the upper one (so b − 95 to b + 100 Hz of bins of 5 Hz),
    /// each divided by the gain of what came before.
    pub fn bands(&self, spacing_hz: f64, gains: &[f64], bands: &mut [f64]) {
        // A bin that should lie on an edge does so within a quarter of the spacing.
        let first_above = |edge_hz: f64| ((edge_hz / spacing_hz + 0.25).floor() as usize + 1).min(self.squares.len());
        for (band, rms) in bands.iter_mut().enumerate() {
            let edge_hz = band_centre_hz(band) - 100.0;
            let bins = &self.squares[first_above(edge_hz)..first_above(edge_hz + 200.0)];
            *rms = bins.iter().sum::<f64>().sqrt() / gains.get(band).copied().unwrap_or(1.0);
        }
    }
}

/// The sum, in eight lanes.
pub fn lanes_sum(values: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (eights, rest) = values.as_chunks::<8>();
    for eight in eights {
        for lane in 0..8 {
            sums[lane] += eight[lane];
        }
    }
    sums.iter().chain(rest).sum()
}

/// Mean of the products of two lists of the same length, in eight lanes.
pub fn mean_product(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let ((a_eights, a_rest), (b_eights, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (x, y) in a_eights.iter().zip(b_eights) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    (sums.iter().sum::<f64>() + rest) / a.len() as f64
}
