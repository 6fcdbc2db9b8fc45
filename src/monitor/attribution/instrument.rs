//! Impedance by a probe: the fleet adds a small known current whose sign nobody else knows, so that whatever else moves
//! with the fleet averages out (the method of instrumental variables: O. Reiersøl 1945).
//!
//! Voltage, current and sign pass the same whitening for a background that walks at random: each is taken less its own
//! tracked level. Then Z = Σ p·v / Σ p·j over the memory. Its variance is Σ|Σ p·(v − Z·j)|² / |Σ p·j|², the inner sum
//! over a couple of the probe's signs: what one sign does to its neighbours is within, and between them the signs'
//! randomness makes the terms independent, whatever the background does.

use crate::quantity::{Complex, complex};

/// Gains of the trackers of the level: from a restless background to a noisy measurement.
const GAINS: [f64; 3] = [0.8, 0.4, 0.15];
/// Windows of an inner sum.
const INNER: u32 = 10;
/// Fewest inner sums before anything is said.
const FEWEST: f64 = 12.0;

/// The sums of one gain.
#[derive(Clone, Copy, Debug)]
struct Sums {
    level: [Complex; 2],
    level_p: f64,
    inner: [Complex; 2],
    total: [Complex; 2],
    vv: f64,
    jj: f64,
    vj: Complex,
}

impl Sums {
    const fn new(v: Complex, j: Complex) -> Self {
        let zero = complex(0.0, 0.0);
        Self { level: [v, j], level_p: 0.0, inner: [zero; 2], total: [zero; 2], vv: 0.0, jj: 0.0, vj: zero }
    }

    fn step(&mut self, values: [Complex; 2], p: f64, gain: f64) {
        let dp = p - self.level_p;
        self.level_p += gain * dp;
        for ((value, level), inner) in values.into_iter().zip(&mut self.level).zip(&mut self.inner) {
            let d = value - *level;
            *level += gain * d;
            *inner += dp * d;
        }
    }

    fn close(&mut self, keep: f64) {
        let [v, j] = std::mem::replace(&mut self.inner, [complex(0.0, 0.0); 2]);
        self.total = [keep * self.total[0] + v, keep * self.total[1] + j];
        self.vv = keep * self.vv + v.norm_sqr();
        self.jj = keep * self.jj + j.norm_sqr();
        self.vj = keep * self.vj + v * j.conj();
    }

    /// Impedance and variance from so many inner sums.
    fn estimate(&self, count: f64) -> Option<(Complex, f64)> {
        let z = self.total[0] / self.total[1];
        let squares = self.vv - 2.0 * (z.conj() * self.vj).re + z.norm_sqr() * self.jj;
        let variance = squares.max(0.0) * count / (count - 1.0) / self.total[1].norm_sqr();
        (z.is_finite() && variance.is_finite()).then_some((z, variance))
    }
}

/// The instrument of one phase at one order.
#[derive(Clone, Copy, Debug)]
pub struct Instrument {
    sums: [Sums; GAINS.len()],
    keep: f64,
    windows: u32,
    count: f64,
    begun: bool,
}

impl Instrument {
    /// An instrument with a memory of so many windows.
    pub fn new(memory_windows: f64) -> Self {
        let none = Sums::new(complex(0.0, 0.0), complex(0.0, 0.0));
        let keep = 1.0 - (f64::from(INNER) / memory_windows).clamp(0.0, 0.5);
        Self { sums: [none; GAINS.len()], keep, windows: 0, count: 0.0, begun: false }
    }

    /// Takes in a window while the sign of the probe was `p` (between −1 and 1 where it changed within the window).
    pub fn step(&mut self, v: Complex, j: Complex, p: f64) {
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

    /// Forgets everything: the network has changed, or the probe has another place.
    pub fn restart(&mut self) {
        (self.begun, self.windows, self.count) = (false, 0, 0.0);
    }

    /// Impedance in Ω and its standard deviation √E|δZ|², of the gain that knows it best.
    pub fn estimate(&self) -> Option<(Complex, f64)> {
        if self.count < FEWEST {
            return None;
        }
        let best = self.sums.iter().filter_map(|sums| sums.estimate(self.count)).min_by(|a, b| a.1.total_cmp(&b.1));
        best.map(|(z, variance)| (z, variance.sqrt()))
    }
}
