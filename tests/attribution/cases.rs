//! Seeded cases: a grid whose truth is known, with a background, a fleet and an instrument that nobody tuned to the
//! estimator. Backgrounds wander, revert or step; fleets wander, step or swing, with jitter or without.

use std::f64::consts::TAU;

use phasorbench::quantity::{Complex, Noise, complex};

pub const NOMINAL_V: f64 = 230.0;
/// Amplitude of the probe: 2 % of a 22 kW unit.
pub const PROBE_A: f64 = 0.6;
/// Windows of 200 ms in a minute.
pub const MINUTE: usize = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    Excited,
    NoExcitation,
    Correlated,
    ImpedanceStep,
    ProbedCorrelated,
    ProbedNoExcitation,
    /// The background contains a multiple of the fleet's current: nothing passive can tell that from impedance.
    Confounded,
}

pub const ROWS: [Row; 7] = [
    Row::Excited,
    Row::NoExcitation,
    Row::Correlated,
    Row::ImpedanceStep,
    Row::ProbedCorrelated,
    Row::ProbedNoExcitation,
    Row::Confounded,
];

impl Row {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Excited => "excited",
            Self::NoExcitation => "no excitation",
            Self::Correlated => "background follows the fleet, not probed",
            Self::ImpedanceStep => "impedance × 2.2 after 60 s",
            Self::ProbedCorrelated => "background follows the fleet, probed",
            Self::ProbedNoExcitation => "no excitation, probed",
            Self::Confounded => "background a multiple of the fleet's current, not probed",
        }
    }
}

/// Draws numbers one after the other.
struct Draw {
    noise: Noise,
    next: u64,
}

impl Draw {
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        self.next += 1;
        low + (high - low) * self.noise.uniform(self.next)
    }
    fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        self.uniform(low.ln(), high.ln()).exp()
    }
    fn normal(&mut self) -> f64 {
        self.next += 1;
        self.noise.normal(self.next)
    }
    fn circular(&mut self) -> Complex {
        complex(self.normal(), self.normal()) * 0.5f64.sqrt()
    }
    fn turn(&mut self) -> Complex {
        Complex::from_polar(1.0, self.uniform(-std::f64::consts::PI, std::f64::consts::PI))
    }
    fn chance(&mut self, p: f64) -> bool {
        self.uniform(0.0, 1.0) < p
    }
    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        let k = self.uniform(0.0, list.len() as f64) as usize;
        list[k.min(list.len() - 1)]
    }
}

/// A case: what is true and what is measured, window by window.
pub struct Case {
    pub order: u8,
    pub z0: Complex,
    pub z: Vec<Complex>,
    pub v: Vec<Complex>,
    pub j: Vec<Complex>,
    pub v_measured: Vec<Complex>,
    pub j_measured: Vec<Complex>,
    pub probe: Vec<f64>,
}

impl Case {
    /// The fleet's true share over the windows of a 3 s value that ends with window `k`.
    pub fn share(&self, k: usize) -> f64 {
        let windows = k + 1 - 15..=k;
        let (mut above, mut below) = (0.0, 0.0);
        for n in windows {
            above += (self.z[n] * self.j[n] * self.v[n].conj()).re;
            below += self.v[n].norm_sqr();
        }
        above / below
    }
}

/// A real process around zero with standard deviation about 1, of a kind and speed that are drawn.
fn movement(draw: &mut Draw, windows: usize) -> Vec<f64> {
    let kind = draw.pick(&[0, 1, 1, 2]);
    let tau = draw.log_uniform(15.0, 150.0);
    let (period, start) = (draw.log_uniform(50.0, 400.0), draw.uniform(0.0, TAU));
    let mut level = draw.normal();
    let keep = (-1.0 / tau).exp();
    let step = |k: usize, draw: &mut Draw| -> f64 {
        match kind {
            0 => level = keep * level + (1.0 - keep * keep).sqrt() * draw.normal(),
            1 if draw.chance(1.0 / tau.min(60.0)) => level = draw.uniform(-1.7, 1.7),
            2 => level = 1.4 * (TAU * k as f64 / period + start).sin(),
            _ => {}
        }
        level
    };
    let mut step = step;
    (0..windows).map(|k| step(k, draw)).collect()
}

/// A complex background of mean 1: a random walk or a reverting process, and sometimes a step.
fn background(draw: &mut Draw, windows: usize, restless: f64) -> Vec<Complex> {
    let reverting = draw.chance(0.5);
    let tau = draw.log_uniform(50.0, 1500.0);
    let keep = if reverting { (-1.0 / tau).exp() } else { 1.0 };
    let step_at = if draw.chance(0.2) { draw.uniform(0.0, windows as f64) as usize } else { usize::MAX };
    let step_by = draw.circular() * 0.1;
    let mut e = complex(0.0, 0.0);
    let mut walk = |k: usize| {
        e = e * keep + draw.circular() * restless;
        complex(1.0, 0.0) + e + if k >= step_at { step_by } else { complex(0.0, 0.0) }
    };
    (0..windows).map(&mut walk).collect()
}

/// A fleet's current relative to its mean: size and angle move, each with jitter.
fn fleet(draw: &mut Draw, windows: usize, moved: &[f64]) -> Vec<Complex> {
    let depth = draw.uniform(0.15, 0.5);
    // A fifth of the fleets have one angle only: their current moves along a line.
    let along = if draw.chance(0.2) { 0.0 } else { 1.0 };
    let swing = along * draw.uniform(0.0, 0.15);
    let (jitter, tremble) = (draw.uniform(0.0, 0.03), along * draw.uniform(0.0, 0.05));
    let angle = movement(draw, windows);
    let mut at = |k: usize| {
        let size = (1.0 + depth * moved[k]).max(0.05) * (1.0 + jitter * draw.normal());
        Complex::from_polar(size, swing * angle[k] + tremble * draw.normal())
    };
    (0..windows).map(&mut at).collect()
}

/// Background and fleet's voltage at one order, drawn until the share is not within 0.1 of one half.
fn sizes(draw: &mut Draw) -> (Complex, Complex) {
    loop {
        let own = draw.turn() * NOMINAL_V * draw.log_uniform(0.003, 0.03);
        let e = own * draw.turn() * draw.log_uniform(0.15, 6.0);
        let v = own + e;
        let share = (own * v.conj()).re / v.norm_sqr();
        if v.norm() > 0.003 * NOMINAL_V && (share - 0.5).abs() >= 0.1 && (-0.3..=1.3).contains(&share) {
            return (e, own);
        }
    }
}

/// A case of a row's own length.
pub fn case(row: Row, seed: u64, number: usize) -> Case {
    let minutes = match row {
        Row::Excited | Row::NoExcitation | Row::Correlated | Row::Confounded => 1,
        Row::ImpedanceStep => 2,
        Row::ProbedCorrelated | Row::ProbedNoExcitation => 3,
    };
    long_case(row, seed, number, minutes * MINUTE)
}

/// A case of so many windows.
pub fn long_case(row: Row, seed: u64, number: usize, windows: usize) -> Case {
    let mut draw = Draw { noise: Noise::new(seed, &format!("{row:?}.{number}")), next: 0 };
    let draw = &mut draw;
    let order = draw.pick(&[3u8, 5, 7, 11, 13, 17, 19, 23, 25]);
    let x = draw.log_uniform(0.003, 0.05);
    let z0 = complex(x * draw.uniform(0.1, 0.8), f64::from(order) * x);
    let mut z = z0 * Complex::from_polar((0.3 * draw.normal()).exp(), 0.3 * draw.normal());
    if draw.chance(0.15) {
        z = Complex::from_polar(2.0 * z.norm(), -draw.uniform(0.3, 1.4)); // near a resonance: capacitive
    }
    let after = z * Complex::from_polar(2.2, draw.uniform(-0.3, 0.3));
    let z: Vec<Complex> =
        (0..windows).map(|k| if row == Row::ImpedanceStep && k >= MINUTE { after } else { z }).collect();
    let (e0, own) = sizes(draw);
    let j0 = own / z[windows - 1];
    let correlated = matches!(row, Row::Correlated | Row::ProbedCorrelated);
    let restless = draw.log_uniform(3e-4, 3e-3);
    let common = movement(draw, windows);
    let alone = movement(draw, windows);
    let together = if correlated { draw.uniform(0.6, 1.0) } else { 0.0 };
    let moved: Vec<f64> =
        common.iter().zip(&alone).map(|(c, a)| together * c + (1.0 - together * together).sqrt() * a).collect();
    let j: Vec<Complex> = match row {
        Row::NoExcitation | Row::ProbedNoExcitation => {
            let tiny = draw.log_uniform(3e-5, 3e-4);
            (0..windows).map(|_| j0 * (1.0 + tiny * draw.normal())).collect()
        }
        _ => fleet(draw, windows, &moved).into_iter().map(|j| j * j0).collect(),
    };
    let follow = draw.turn() * if correlated { draw.uniform(0.05, 0.3) } else { 0.0 };
    let confounded = z[0] * draw.turn() * if row == Row::Confounded { draw.uniform(0.1, 0.6) } else { 0.0 };
    let e: Vec<Complex> =
        background(draw, windows, restless).iter().zip(&common).map(|(b, c)| e0 * (b + follow * c)).collect();
    let probed = matches!(row, Row::ProbedCorrelated | Row::ProbedNoExcitation);
    let angle = draw.turn();
    let mut sign = 1.0;
    let mut flip = |k: usize| {
        if k.is_multiple_of(5) {
            sign = if draw.chance(0.5) { 1.0 } else { -1.0 };
        }
        if probed { sign } else { 0.0 }
    };
    let probe: Vec<f64> = (0..windows).map(&mut flip).collect();
    let j: Vec<Complex> = j.iter().zip(&probe).map(|(j, p)| j + angle * PROBE_A * *p).collect();
    let v: Vec<Complex> = (0..windows).map(|k| e[k] + z[k] * j[k] + confounded * (j[k] - j0)).collect();
    let noise_v = NOMINAL_V * draw.log_uniform(3e-5, 3e-4);
    let noise_j = j0.norm() * draw.log_uniform(1e-4, 1e-3);
    let v_measured = v.iter().map(|v| v + draw.circular() * noise_v).collect();
    let j_measured = j.iter().map(|j| j + draw.circular() * noise_j).collect();
    Case { order, z0, z, v, j, v_measured, j_measured, probe }
}
