//! Impedance by a probe: the fleet adds a small known current whose sign nobody else knows, so that whatever else moves
//! with the fleet averages out (the method of instrumental variables: O. Reiersøl 1945).
//!
//! Voltage, current and sign pass the same whitening for a background that walks at random: each is taken less its own
//! tracked level. Then Z = Σ p·v / Σ p·j over the memory. Its uncertainty is that of Σ p·(v − Z·j), estimated by the sum of
//! squares of inner sums over a couple of the probe's signs: what one sign does to its neighbours is within, and between
//! them the signs' randomness makes the terms independent, whatever the background does. The region of Z is that of
//! T. W. Anderson and H. Rubin (1949), which stays true for an instrument that is weak beside the fleet's own movements.

use crate::quantity::{Complex, complex};

/// Gains of the trackers of the level: from a restless background to a noisy measurement.
const GAINS: [f64; 3] = [0.8, 0.4, 0.15];
/// Square of a jump, in mean squares.
const JUMP: f64 = 12.0;
/// Windows before any is taken for a jump.
const LEARNING: u32 = 30;
/// Share of a window in those means.
const USUAL: f64 = 1.0 / 50.0;
/// Windows of an inner sum.
const INNER: u32 = 10;
/// How much of the probe must be seen in the current, as a part of what was ordered: else the fleet's own movements have
/// chanced upon its sign, or the device has not done what it was told.
const SEEN: [f64; 2] = [0.5, 1.7];
/// Fewest inner sums before anything is said.
const FEWEST: f64 = 12.0;
/// How much shorter the short memory is.
const SHORT: f64 = 4.0;
/// Squared difference of the memories, in their variances, from which the network has changed: e^-12 without.
const DISAGREES: f64 = 12.0;

/// The sums of one gain.
#[derive(Clone, Copy, Debug)]
struct Sums {
    level: [Complex; 2],
    level_p: f64,
    /// Mean squares of what is left of each beside its level.
    scale: [f64; 2],
    seen: u32,
    inner: [Complex; 2],
    total: [Complex; 2],
    /// Σ p², inner and total.
    pp: [f64; 2],
    vv: f64,
    jj: f64,
    vj: Complex,
}

impl Sums {
    const fn new(v: Complex, j: Complex) -> Self {
        let zero = complex(0.0, 0.0);
        Self {
            level: [v, j],
            level_p: 0.0,
            scale: [0.0; 2],
            seen: 0,
            inner: [zero; 2],
            total: [zero; 2],
            pp: [0.0; 2],
            vv: 0.0,
            jj: 0.0,
            vj: zero,
        }
    }

    fn step(&mut self, values: [Complex; 2], p: f64, gain: f64) {
        let rest = [values[0] - self.level[0], values[1] - self.level[1]];
        let dp = p - self.level_p;
        if self.jumped(rest) {
            (self.level, self.level_p) = (values, p);
            return;
        }
        self.level_p += gain * dp;
        self.pp[0] += dp * dp;
        for ((rest, level), inner) in rest.into_iter().zip(&mut self.level).zip(&mut self.inner) {
            *level += gain * rest;
            *inner += dp * rest;
        }
    }

    /// Whether fleet or background has jumped by much more than they usually move: that says nothing of the probe.
    fn jumped(&mut self, rest: [Complex; 2]) -> bool {
        self.seen = self.seen.saturating_add(1);
        let learning = self.seen <= LEARNING;
        let gain = USUAL.max(1.0 / f64::from(self.seen));
        let mut jumped = false;
        for (rest, scale) in rest.into_iter().zip(&mut self.scale) {
            let (square, most) = (rest.norm_sqr(), JUMP * *scale);
            jumped |= square > most && !learning;
            *scale += gain * (if learning { square } else { square.min(most) } - *scale);
        }
        jumped
    }

    fn close(&mut self, keep: f64) {
        let [v, j] = std::mem::replace(&mut self.inner, [complex(0.0, 0.0); 2]);
        self.total = [keep * self.total[0] + v, keep * self.total[1] + j];
        self.pp = [0.0, keep * self.pp[1] + self.pp[0]];
        let keep = keep * keep; // of squares
        self.vv = keep * self.vv + v.norm_sqr();
        self.jj = keep * self.jj + j.norm_sqr();
        self.vj = keep * self.vj + v * j.conj();
    }

    /// Impedance and variance from so many inner sums: centre and radius² of the disc of all z with
    /// |Σ p·(v − z·j)|² ≤ κ·Σ|inner sum|², whose radius is √κ standard deviations. It has no end while a few large
    /// movements of the fleet's own drown the probe; then nothing is known.
    fn estimate(&self, count: f64) -> Option<(Complex, f64)> {
        const KAPPA: f64 = 3.0;
        let kappa = KAPPA * count / (count - 1.0);
        let [v, j] = self.total;
        let size = j.norm_sqr() - kappa * self.jj;
        let z = (v * j.conj() - kappa * self.vj) / size;
        let radius_squared = z.norm_sqr() - (v.norm_sqr() - kappa * self.vv) / size;
        let seen = (SEEN[0]..SEEN[1]).contains(&(j.norm() / self.pp[1]));
        let bounded = seen && size > 0.0 && z.is_finite() && radius_squared.is_finite();
        bounded.then_some((z, radius_squared.max(0.0) / KAPPA))
    }
}

/// One memory of the instrument.
#[derive(Clone, Copy, Debug)]
struct Memory {
    sums: [Sums; GAINS.len()],
    keep: f64,
    windows: u32,
    count: f64,
    begun: bool,
}

impl Memory {
    fn new(memory_windows: f64) -> Self {
        let none = Sums::new(complex(0.0, 0.0), complex(0.0, 0.0));
        let keep = 1.0 - (f64::from(INNER) / memory_windows).clamp(0.0, 0.5);
        Self { sums: [none; GAINS.len()], keep, windows: 0, count: 0.0, begun: false }
    }

    const fn new_like(other: &Self) -> Self {
        Self { windows: 0, count: 0.0, begun: false, ..*other }
    }

    fn step(&mut self, v: Complex, j: Complex, p: f64) {
        if !self.begun {
            (self.sums, self.begun, self.count) = ([Sums::new(v, j); GAINS.len()], true, 0.0);
        }
        self.sums.iter_mut().zip(GAINS).for_each(|(sums, gain)| sums.step([v, j], p, gain));
        self.windows += 1;
        if self.windows >= INNER {
            self.windows = 0;
            self.count = self.keep * self.count + 1.0;
            self.sums.iter_mut().for_each(|sums| sums.close(self.keep));
        }
    }

    /// Impedance and variance, of the gain that knows it best.
    fn estimate(&self) -> Option<(Complex, f64)> {
        if self.count < FEWEST {
            return None;
        }
        self.sums.iter().filter_map(|sums| sums.estimate(self.count)).min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// The instrument of one phase at one order: a long memory, and a short one that tells when the network has changed.
#[derive(Clone, Copy, Debug)]
pub struct Instrument {
    long: Memory,
    short: Memory,
}

impl Instrument {
    /// An instrument with a memory of so many windows.
    pub fn new(memory_windows: f64) -> Self {
        Self { long: Memory::new(memory_windows), short: Memory::new(memory_windows / SHORT) }
    }

    /// Takes in a window while the probe's current was `p` in A, with its sign (between the two where it changed within the
    /// window).
    pub fn step(&mut self, v: Complex, j: Complex, p: f64) {
        self.long.step(v, j, p);
        self.short.step(v, j, p);
        if let (Some((z, variance)), Some((new, new_variance))) = (self.long.estimate(), self.short.estimate())
            && (z - new).norm_sqr() > DISAGREES * (variance + new_variance)
        {
            self.long = Memory { keep: self.long.keep, ..self.short };
        }
    }

    /// Forgets everything: the probe has another place.
    pub fn restart(&mut self) {
        self.long = Memory::new_like(&self.long);
        self.short = Memory::new_like(&self.short);
    }

    /// Impedance in Ω and its standard deviation √E|δZ|².
    pub fn estimate(&self) -> Option<(Complex, f64)> {
        self.long.estimate().map(|(z, variance)| (z, variance.sqrt()))
    }
}
