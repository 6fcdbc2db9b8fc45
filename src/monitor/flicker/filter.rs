//! The flickermeter's filters: blocks 2 to 4 of IEC 61000-4-15.
//!
//! Analogue transfer functions become digital ones by the bilinear transform; the corner of the low-pass is prewarped, the
//! weighting's corners are so far below the rate that 0.1 % remains at 25 Hz.

use std::f64::consts::{PI, TAU};

use super::Lamp;
use crate::quantity::{Complex, complex};

/// Rate that the squared voltage is decimated to, at least, in Hz.
const DECIMATED_HZ: f64 = 1600.0;
/// Frequency of the reference fluctuation, in Hz.
const REFERENCE_HZ: f64 = 8.8;
/// Time constant of the smoothing in block 4, in s.
const SMOOTHING_S: f64 = 0.3;
/// Corner of the high-pass, in Hz.
const HIGH_PASS_HZ: f64 = 0.05;

/// Squares samples and takes the mean of as many as make the rate low enough.
#[derive(Clone, Debug, Default)]
pub(super) struct Decimator {
    factor: u32,
    sum: f64,
    summed: u32,
}

impl Decimator {
    pub(super) fn new(sample_rate_hz: f64) -> Self {
        Self { factor: (sample_rate_hz / DECIMATED_HZ).clamp(1.0, 4096.0) as u32, sum: 0.0, summed: 0 }
    }

    pub(super) const fn factor(&self) -> u32 {
        self.factor
    }

    /// Takes samples. One that is not a number counts as the mean of its neighbours' squares so far.
    pub(super) fn push(&mut self, samples: &[f64], mut out: impl FnMut(f64)) {
        let mut rest = samples;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min((self.factor - self.summed) as usize));
            let square: f64 = now.iter().map(|x| x * x).sum();
            self.sum += if square.is_finite() { square } else { 0.0 };
            self.summed += now.len() as u32;
            rest = later;
            if self.summed == self.factor {
                out(self.sum / f64::from(self.factor));
                (self.sum, self.summed) = (0.0, 0);
            }
        }
    }
}

/// Digital coefficients of a section of second order: b0, b1, b2, a1, a2.
struct Section([f64; 5]);

impl Section {
    /// (b0 + b1 s + b2 s²)/(a0 + a1 s + a2 s²) by the bilinear transform s = c (1 - z⁻¹)/(1 + z⁻¹).
    fn new([b0, b1, b2]: [f64; 3], [a0, a1, a2]: [f64; 3], c: f64) -> Self {
        let digital = |p0: f64, p1: f64, p2: f64| {
            let (p1, p2) = (p1 * c, p2 * c * c);
            [p0 + p1 + p2, 2.0 * (p0 - p2), p0 - p1 + p2]
        };
        let (b, a) = (digital(b0, b1, b2), digital(a0, a1, a2));
        Self([b[0], b[1], b[2], a[1], a[2]].map(|own| own / a[0]))
    }
}

/// Sections in a row.
const SECTIONS: usize = 6;

/// Sections in transposed direct form II. Each takes what the one before gave a step ago, so that the processor works on
/// all of them at once; the chain is late by as many steps (3 ms), which no severity sees.
#[derive(Clone, Debug)]
struct Cascade {
    coefficients: [[f64; SECTIONS]; 5],
    states: [[f64; SECTIONS]; 2],
    inputs: [f64; SECTIONS],
}

impl Cascade {
    fn new(sections: [Section; SECTIONS]) -> Self {
        let coefficients = [0, 1, 2, 3, 4].map(|k| [0, 1, 2, 3, 4, 5].map(|section: usize| sections[section].0[k]));
        Self { coefficients, states: [[0.0; SECTIONS]; 2], inputs: [0.0; SECTIONS] }
    }

    fn step(&mut self, x: f64) -> f64 {
        let [b0, b1, b2, a1, a2] = &self.coefficients;
        self.inputs[0] = x;
        let mut outputs = [0.0; SECTIONS];
        for k in 0..SECTIONS {
            let (x, y) = (self.inputs[k], b0[k] * self.inputs[k] + self.states[0][k]);
            self.states[0][k] = b1[k] * x - a1[k] * y + self.states[1][k];
            self.states[1][k] = b2[k] * x - a2[k] * y;
            outputs[k] = y;
        }
        self.inputs[1..].copy_from_slice(&outputs[..SECTIONS - 1]);
        outputs[SECTIONS - 1]
    }
}

/// Blocks 3 and 4.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    cascade: Cascade,
    smoothed: f64,
    before: f64,
    smoothing: f64,
    scale: f64,
}

/// The weighting of lamp and eye: K ω1 s/(s² + 2λs + ω1²) · (1 + s/ω2)/((1 + s/ω3)(1 + s/ω4)).
struct Weighting {
    k: f64,
    lambda: f64,
    w1: f64,
    w2: f64,
    w3: f64,
    w4: f64,
    /// Relative voltage change (largest to smallest) of the reference fluctuation.
    reference: f64,
}

impl Weighting {
    fn of(lamp: Lamp) -> Self {
        let (k, [lambda, w1, w2, w3, w4], reference) = match lamp {
            Lamp::V230 => (1.748_02, [4.059_81, 9.154_94, 2.279_79, 1.225_35, 21.9], 0.002_50),
            Lamp::V120 => (1.635_7, [4.167_375, 9.077_169, 2.939_902, 1.394_468, 17.315_12], 0.003_21),
        };
        Self { k, lambda: TAU * lambda, w1: TAU * w1, w2: TAU * w2, w3: TAU * w3, w4: TAU * w4, reference }
    }

    fn sections(&self, c: f64) -> [Section; 2] {
        let eye = Section::new([0.0, self.k * self.w1, 0.0], [self.w1 * self.w1, 2.0 * self.lambda, 1.0], c);
        let poles = [1.0, 1.0 / self.w3 + 1.0 / self.w4, 1.0 / (self.w3 * self.w4)];
        [eye, Section::new([1.0, 1.0 / self.w2, 0.0], poles, c)]
    }

    fn response(&self, frequency_hz: f64) -> Complex {
        let s = complex(0.0, TAU * frequency_hz);
        let eye = self.k * self.w1 * s / (s * s + 2.0 * self.lambda * s + self.w1 * self.w1);
        eye * (1.0 + s / self.w2) / ((1.0 + s / self.w3) * (1.0 + s / self.w4))
    }
}

impl Chain {
    pub(super) fn new(rate_hz: f64, sixty: bool, lamp: Lamp) -> Self {
        let (weighting, corner_hz) = (Weighting::of(lamp), if sixty { 42.0 } else { 35.0 });
        let plain = 2.0 * rate_hz;
        let high_pass = Section::new([0.0, 1.0, 0.0], [TAU * HIGH_PASS_HZ, 1.0, 0.0], plain);
        // With s in units of the corner, c = 1/tan(πf/rate) puts the corner where it belongs.
        let warped = 1.0 / (PI * corner_hz / rate_hz).tan();
        let butterworth = |k: f64| {
            let damping = 2.0 * (PI * (2.0 * k + 1.0) / 12.0).sin();
            Section::new([1.0, 0.0, 0.0], [1.0, damping, 1.0], warped)
        };
        let [eye, lamp] = weighting.sections(plain);
        Self {
            cascade: Cascade::new([high_pass, butterworth(0.0), butterworth(1.0), butterworth(2.0), eye, lamp]),
            smoothed: 0.0,
            before: 0.0,
            // Bilinear: y' = y + (x + x' - 2y)·T/(2τ + T).
            smoothing: 1.0 / (2.0 * SMOOTHING_S * rate_hz + 1.0),
            scale: 1.0 / reference_peak(&weighting, corner_hz),
        }
    }

    /// Instantaneous flicker of the squared voltage's relative deviation from its mean.
    pub(super) fn step(&mut self, deviation: f64) -> f64 {
        let weighted = self.cascade.step(deviation);
        let square = weighted * weighted;
        self.smoothed += (square + self.before - 2.0 * self.smoothed) * self.smoothing;
        self.before = square;
        self.smoothed * self.scale
    }
}

/// Peak of block 4's output, unscaled, at the reference fluctuation d: the square of the voltage fluctuates by d, the
/// weighted square of that has the mean (|H|d)²/2 and a ripple of the same size, smoothed at twice the frequency.
fn reference_peak(weighting: &Weighting, corner_hz: f64) -> f64 {
    let f = REFERENCE_HZ;
    let high_pass = f / f.hypot(HIGH_PASS_HZ);
    let low_pass = 1.0 / (1.0 + (f / corner_hz).powi(12)).sqrt();
    let amplitude = weighting.response(f).norm() * high_pass * low_pass * weighting.reference;
    let ripple = 1.0 / (2.0 * TAU * f * SMOOTHING_S).hypot(1.0);
    amplitude * amplitude / 2.0 * (1.0 + ripple)
}
