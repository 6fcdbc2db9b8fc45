//! A small closed loop for tests of the supervision: the linear plant of node 632 under a decoupled integrator, with a clock
//! that can be wrong and the disturbances of the reference scenario's size.

use crate::control::phasor::testing::B_632;
use crate::quantity::Noise;

pub(super) const DEG: f64 = std::f64::consts::PI / 180.0;

/// Disturbances as injections per unit: P of a, b, c, then Q. D1 is the load on phase a that moves it as in the paper, by
/// −0.131 pu and −1.86°; D2 is generation, D3 load, of the sizes of the reference scenario.
const LOADS: [[f64; 6]; 3] = [
    [-0.591, 0.0, 0.0, -0.833, 0.0, 0.0],
    [0.30, 0.24, 0.21, 0.0, 0.0, 0.0],
    [-0.09, -0.18, -0.12, -0.05, -0.12, -0.06],
];

/// What disturbance 0, 1 or 2 does to the phasors.
pub(super) fn disturbance(which: usize) -> [f64; 6] {
    times_b(&LOADS[which])
}

/// B as one slice.
pub(super) fn b() -> Vec<f64> {
    B_632.concat()
}

pub(super) fn times_b(u: &[f64; 6]) -> [f64; 6] {
    std::array::from_fn(|i| (0..6).map(|j| B_632[i][j] * u[j]).sum())
}

pub(super) struct Rig {
    pub d: [f64; 6],
    pub u: [f64; 6],
    pub target: [f64; 6],
    /// Error of the clock, rad.
    pub clock_rad: f64,
    /// Gain of the integrator; 0 lets the commands rest.
    pub gain: f64,
    /// Largest apparent power of a phase.
    pub s_max: f64,
    pub tick: u64,
    noise: [f64; 2],
    seed: Noise,
    inverse: nalgebra::SMatrix<f64, 6, 6>,
}

impl Rig {
    /// At rest on a target of zero deviation, with PMUs of 1e-4 pu and 0.01°.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            d: [0.0; 6],
            u: [0.0; 6],
            target: [0.0; 6],
            clock_rad: 0.0,
            gain: 0.3,
            s_max: f64::INFINITY,
            tick: 0,
            noise: [1e-4, 0.01 * DEG],
            seed: Noise::new(seed, "rig"),
            inverse: nalgebra::SMatrix::<f64, 6, 6>::from_fn(|i, j| B_632[i][j]).try_inverse().unwrap(),
        }
    }

    /// What the PMU says now.
    pub(super) fn measure(&mut self) -> [f64; 6] {
        self.tick += 1;
        let y = times_b(&self.u);
        std::array::from_fn(|i| {
            let clock = if i < 3 { 0.0 } else { self.clock_rad };
            y[i] + self.d[i] + clock + self.noise[i / 3] * self.seed.normal(self.tick * 16 + i as u64)
        })
    }

    /// A random number of this step, between −1 and 1.
    pub(super) fn random(&self, which: u64) -> f64 {
        2.0 * self.seed.uniform(self.tick * 16 + 8 + which) - 1.0
    }

    pub(super) fn error(&self, y: &[f64; 6]) -> [f64; 6] {
        std::array::from_fn(|i| self.target[i] - y[i])
    }

    /// The integrator: u += gain·B⁻¹·e, within the circle of each phase. What acts until the next measurement.
    pub(super) fn control(&mut self, y: &[f64; 6]) {
        let du = self.inverse * nalgebra::SVector::from(self.error(y)) * self.gain;
        let asked: [f64; 6] = std::array::from_fn(|i| self.u[i] + du[i]);
        for k in 0..3 {
            let scale = (self.s_max / asked[k].hypot(asked[3 + k])).min(1.0);
            (self.u[k], self.u[3 + k]) = (asked[k] * scale, asked[3 + k] * scale);
        }
    }

    /// Magnitudes alone, by reactive power; active power stays.
    pub(super) fn control_magnitudes(&mut self, y: &[f64; 6]) {
        let by_q = nalgebra::SMatrix::<f64, 3, 3>::from_fn(|i, j| B_632[i][3 + j]).try_inverse().unwrap();
        let e = self.error(y);
        let dq = by_q * nalgebra::SVector::from([e[0], e[1], e[2]]) * self.gain;
        (0..3).for_each(|k| self.u[3 + k] += dq[k]);
    }

    /// The largest error of magnitudes (per unit) and angles (rad) that is really there.
    pub(super) fn true_error(&self) -> [f64; 2] {
        let y = times_b(&self.u);
        let off = |i: usize| (self.target[i] - y[i] - self.d[i]).abs();
        [0, 3].map(|first| (first..first + 3).map(off).fold(0.0, f64::max))
    }

    /// The disturbances of the reference scenario, closer together: D1 at 12 s, D2 at 18 s, D3 at 24 s.
    pub(super) fn scenario(&mut self) {
        match self.tick {
            119 => self.d = disturbance(0),
            179 => self.d = disturbance(1),
            239 => self.d = disturbance(2),
            _ => {}
        }
    }
}

#[test]
fn the_first_disturbance_is_that_of_the_paper() {
    let d = disturbance(0);
    assert!((d[0] + 0.131).abs() < 5e-4 && (d[3] / DEG + 1.86).abs() < 0.005, "{d:?}");
}
