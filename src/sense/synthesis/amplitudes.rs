//! Amplitudes of channels by row: row r is order r + 1, and the components follow.

use std::f64::consts::SQRT_2;

use super::Interpolation;
use super::kernel::Parts;
use crate::sense::spectra::{MOST_ORDER, Spectra};

/// Amplitudes of all channels at one instant: √2 times their phasors, and their means.
#[derive(Clone, Debug)]
pub struct Amplitudes {
    rows: usize,
    pub mean: Vec<f64>,
    re: Vec<f64>,
    im: Vec<f64>,
    present: Vec<u32>,
    counts: Vec<usize>,
}

impl Amplitudes {
    /// None, for so many channels and components.
    pub fn new(channels: usize, components: usize) -> Self {
        let rows = MOST_ORDER + components;
        Self {
            rows,
            mean: vec![0.0; channels],
            re: vec![0.0; channels * rows],
            im: vec![0.0; channels * rows],
            present: vec![0; channels * rows],
            counts: vec![0; channels],
        }
    }

    /// Real parts and imaginary parts of a channel, by row.
    pub fn parts(&self, channel: usize) -> Parts<'_> {
        let own = channel * self.rows..(channel + 1) * self.rows;
        Parts { re: &self.re[own.clone()], im: &self.im[own] }
    }

    /// The rows of a channel that are not zero, ascending.
    pub fn present(&self, channel: usize) -> &[u32] {
        &self.present[channel * self.rows..][..self.counts[channel]]
    }

    /// The highest order of a channel that is not zero; 0 without any.
    pub fn highest(&self, channel: usize) -> usize {
        let orders = self.present(channel).iter().map(|row| *row as usize + 1);
        orders.rev().find(|order| *order <= MOST_ORDER).unwrap_or(0)
    }

    /// Takes spectra in. False where a phasor was no number: it counts as zero.
    pub fn read(&mut self, spectra: &Spectra) -> bool {
        let mut sound = true;
        for channel in 0..self.mean.len() {
            let phasors = spectra.channel(channel);
            let own = channel * self.rows..(channel + 1) * self.rows;
            let rows = self.re[own.clone()].iter_mut().zip(&mut self.im[own]);
            self.mean[channel] = phasors.first().map_or(0.0, |x| x.re);
            let mut probe = 0.0 * self.mean[channel]; // NaN as soon as one is not finite
            for ((re, im), x) in rows.zip(phasors.iter().skip(1)) {
                (*re, *im) = (SQRT_2 * x.re, SQRT_2 * x.im);
                probe += 0.0 * (x.re + x.im);
            }
            if probe.is_nan() {
                sound = false;
                self.mend(channel);
            }
            self.find_present(channel);
        }
        sound
    }

    /// Sets what is not finite to zero.
    fn mend(&mut self, channel: usize) {
        let own = channel * self.rows..(channel + 1) * self.rows;
        if !self.mean[channel].is_finite() {
            self.mean[channel] = 0.0;
        }
        for (re, im) in self.re[own.clone()].iter_mut().zip(&mut self.im[own]) {
            if !(re.is_finite() && im.is_finite()) {
                (*re, *im) = (0.0, 0.0);
            }
        }
    }

    /// Becomes `to` less `from`.
    pub fn subtract(&mut self, to: &Self, from: &Self) {
        let less = |own: &mut [f64], to: &[f64], from: &[f64]| {
            own.iter_mut().zip(to.iter().zip(from)).for_each(|(own, (to, from))| *own = to - from);
        };
        less(&mut self.mean, &to.mean, &from.mean);
        less(&mut self.re, &to.re, &from.re);
        less(&mut self.im, &to.im, &from.im);
        (0..self.mean.len()).for_each(|channel| self.find_present(channel));
    }

    fn find_present(&mut self, channel: usize) {
        let own = channel * self.rows..(channel + 1) * self.rows;
        let (re, im) = (&self.re[own.clone()], &self.im[own.clone()]);
        let list = &mut self.present[own];
        let mut count = 0;
        for (row, (re, im)) in (0u32..).zip(re.iter().zip(im)) {
            list[count] = row;
            count += usize::from(*re != 0.0 || *im != 0.0);
        }
        self.counts[channel] = count;
    }
}

/// Amplitudes during a tick.
#[derive(Clone, Debug)]
pub struct Levels {
    interpolation: Interpolation,
    begun: bool,
    from: Amplitudes,
    to: Amplitudes,
    change: Amplitudes,
}

impl Levels {
    /// None, for so many channels and components.
    pub fn new(interpolation: Interpolation, channels: usize, components: usize) -> Self {
        let none = Amplitudes::new(channels, components);
        Self { interpolation, begun: false, from: none.clone(), to: none.clone(), change: none }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.to.mean.len()
    }

    /// Goes to a tick's spectra. False where a phasor was no number: it counts as zero.
    pub fn move_to(&mut self, spectra: &Spectra) -> bool {
        std::mem::swap(&mut self.from, &mut self.to);
        let sound = self.to.read(spectra);
        if self.interpolation == Interpolation::Linear && self.begun {
            self.change.subtract(&self.to, &self.from);
        }
        self.begun = true;
        sound
    }

    /// Amplitudes of a channel at the tick's start, and what is added to them until its end, if anything.
    pub fn of(&self, channel: usize) -> (&Amplitudes, Option<&Amplitudes>) {
        let moves = self.change.counts[channel] > 0 || self.change.mean[channel] != 0.0;
        if moves { (&self.from, Some(&self.change)) } else { (&self.to, None) }
    }

    /// The highest order that any channel has, at least 1.
    pub fn highest(&self) -> usize {
        let both = |channel| self.to.highest(channel).max(self.from.highest(channel));
        (0..self.channels()).map(both).max().unwrap_or(0).max(1)
    }
}
