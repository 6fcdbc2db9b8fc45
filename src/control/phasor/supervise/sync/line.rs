//! Whether an angle is that of the power on the line: V₂ = V₁ − Z·I with I = (S/V₁)*, from the reference node's own powers and
//! magnitudes, which need no common time.
//!
//! What feeds off between the two nodes, and errors of Z and of transformers, are a constant that is learnt at the start
//! and then kept – a test that went on learning would learn a slow spoof. What changes with the power is allowed for by a
//! relative error.

use super::{Input, Settings};
use crate::control::phasor::MOST_PHASES;
use crate::control::phasor::supervise::{Spell, mean, short_way, spread};
use crate::quantity::{Complex, complex};

/// The line between the reference node and the performance node.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Series impedance per unit of a phase's base, row by row: n by n.
    pub z_pu: Vec<Complex>,
    /// Angle of each phase at the reference node, rad, nominally: 0, −2π/3, 2π/3 for a, b, c.
    pub phase_rad: Vec<f64>,
    /// An error of the angle above this contradicts the power, rad: 0.1°.
    pub limit_rad: f64,
    /// Error of the angle per change of the angle that the power makes since learning: 0.1.
    pub relative: f64,
    /// Samples at the start from which the constant part is learnt.
    pub learn: u32,
}

impl Line {
    /// A line between three phases with the usual limits.
    pub fn three_phase(z_pu: [[Complex; 3]; 3]) -> Self {
        let third = std::f64::consts::TAU / 3.0;
        Self {
            z_pu: z_pu.concat(),
            phase_rad: vec![0.0, -third, third],
            limit_rad: 0.1 * super::DEG,
            relative: 0.1,
            learn: 20,
        }
    }

    /// Mean angle at the far end relative to the near one, and its part of each phase; `None` without numbers.
    fn angles(&self, v_pu: &[f64], head: &[f64]) -> Option<[f64; MOST_PHASES]> {
        let n = self.phase_rad.len();
        let mut near = [complex(0.0, 0.0); MOST_PHASES];
        let mut current = near;
        for k in 0..n {
            near[k] = Complex::from_polar(*v_pu.get(k)?, self.phase_rad[k]);
            current[k] = (complex(*head.get(k)?, *head.get(n + k)?) / near[k]).conj();
        }
        let mut angles = [0.0; MOST_PHASES];
        for k in 0..n {
            let drop: Complex = (0..n).map(|j| self.z_pu[k * n + j] * current[j]).sum();
            angles[k] = ((near[k] - drop) / near[k]).arg();
        }
        angles.iter().all(|a| a.is_finite()).then_some(angles)
    }
}

/// What the test of a line says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contradiction {
    /// Mean error of the angles beyond what was learnt, rad.
    pub error_rad: f64,
    /// Spread of the errors.
    pub spread_rad: f64,
    /// Whether it is above the limit.
    pub over: bool,
    /// Whether it has been so for long enough.
    pub held: bool,
    /// Whether it has been below half the limit for long enough.
    pub back: bool,
}

/// The test of a line at work.
#[derive(Clone, Debug)]
pub struct LineTest {
    line: Line,
    learnt: u32,
    constant: [f64; MOST_PHASES],
    /// Mean angle of the power while it was learnt.
    usual: f64,
    over: Spell,
    back: Spell,
}

impl LineTest {
    pub(super) fn new(line: Line, n: usize) -> Option<Self> {
        let fits = line.z_pu.len() == n * n && line.phase_rad.len() == n;
        let learnt = Self {
            line,
            learnt: 0,
            constant: [0.0; MOST_PHASES],
            usual: 0.0,
            over: Spell::default(),
            back: Spell::default(),
        };
        fits.then_some(learnt)
    }

    /// Learns the constant part again.
    pub(super) fn learn_anew(&mut self) {
        (self.learnt, self.constant, self.usual) = (0, [0.0; MOST_PHASES], 0.0);
        (self.over, self.back) = (Spell::default(), Spell::default());
    }

    /// One sample; `None` while it learns or where the power is not known.
    pub(super) fn step(&mut self, input: &Input, settings: &Settings) -> Option<Contradiction> {
        let n = self.line.phase_rad.len();
        let angles = self.line.angles(input.reference_v_pu, input.head?)?;
        let error: [f64; MOST_PHASES] =
            std::array::from_fn(|k| if k < n { short_way(input.measured[n + k] - angles[k]) } else { 0.0 });
        let power = mean(&angles[..n]);
        if self.learnt < self.line.learn {
            self.learnt += 1;
            let part = 1.0 / f64::from(self.learnt);
            self.constant.iter_mut().zip(error).for_each(|(c, e)| *c += part * (e - *c));
            self.usual += part * (power - self.usual);
            return None;
        }
        let beyond: [f64; MOST_PHASES] = std::array::from_fn(|k| short_way(error[k] - self.constant[k]));
        let error_rad = mean(&beyond[..n]);
        let limit = self.line.limit_rad + self.line.relative * (power - self.usual).abs();
        let over = error_rad.abs() > limit;
        let held = self.over.count(over, settings.hold);
        let back = self.back.count(error_rad.abs() < 0.5 * limit, settings.hold);
        Some(Contradiction { error_rad, spread_rad: spread(&beyond[..n]), over, held, back })
    }
}
