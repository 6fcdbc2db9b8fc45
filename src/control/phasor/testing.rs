//! A linear plant for tests of laws: node 632 of the IEEE 13-node feeder, `y = d + B·u` some steps late.
//!
//! B is measured on OpenDSS (taps locked, central differences of 0.02 pu, actuators of a phase together, per unit on
//! 5000/3 kVA a phase); its condition number is 4.04.

use super::{Law, MOST_PHASES, MOST_SIZE, Seen};
use crate::quantity::{Noise, Tick};

/// Rows V_a, V_b, V_c (pu), δ_a, δ_b, δ_c (rad); columns P_a … Q_c (pu).
pub(super) const B_632: [[f64; 6]; 6] = [
    [0.055388, 0.036935, -0.052669, 0.118290, -0.044937, -0.007340],
    [-0.060899, 0.043278, 0.026543, -0.011890, 0.116018, -0.038742],
    [0.027349, -0.046421, 0.051266, -0.043568, -0.004696, 0.120504],
    [0.105952, -0.040773, -0.005335, -0.036143, -0.038053, 0.049452],
    [-0.004878, 0.105000, -0.038028, 0.056844, -0.034177, -0.028103],
    [-0.042100, -0.005709, 0.109301, -0.032473, 0.044598, -0.034517],
];

/// What a law sees in one fresh step, at 1 pu and with nothing saturated; the error stands for target and measurement too.
pub(super) fn seen<'a>(error: &'a [f64], applied: &'a [f64]) -> Seen<'a> {
    let n = error.len() / 2;
    Seen {
        tick: Tick(1),
        target: error,
        measured: error,
        error,
        reference_v_pu: &[1.0; MOST_PHASES][..n],
        applied,
        saturated: &[false; MOST_PHASES][..n],
        fresh: true,
        age: 0,
    }
}

/// The tight band: 0.001 pu, 0.05°.
pub(super) const TIGHT: [f64; 2] = [0.001, 0.05 * std::f64::consts::PI / 180.0];

/// The plant and what stands between it and a law.
pub(super) struct Plant {
    pub b: [[f64; 6]; 6],
    /// Disturbance of the six outputs.
    pub d: [f64; 6],
    /// Steps between a measurement and the law beside the one that a command takes to act.
    pub extra_delay: usize,
    /// Steps until a command acts beside the first, which no time stamp tells.
    pub command_delay: usize,
    /// Steps from a new measurement to the next.
    pub period: usize,
    /// Age that is told in place of the true one.
    pub told_age: Option<u64>,
    /// Largest apparent power of a phase per unit.
    pub s_max: f64,
    /// Largest change of P and of Q a step.
    pub ramp: f64,
    /// Standard deviations of a measured magnitude (pu) and angle (rad).
    pub noise: [f64; 2],
    pub seed: Noise,
    pub applied: [f64; 6],
    pub saturated: [bool; MOST_PHASES],
    pub past: Vec<[f64; 6]>,
    pub told: Vec<[f64; 6]>,
    pub tick: u64,
}

impl Plant {
    pub(super) fn new() -> Self {
        Self {
            b: B_632,
            d: [0.0; 6],
            extra_delay: 0,
            command_delay: 0,
            period: 1,
            told_age: None,
            s_max: f64::INFINITY,
            ramp: f64::INFINITY,
            noise: [0.0; 2],
            seed: Noise::new(1, "plant"),
            applied: [0.0; 6],
            saturated: [false; MOST_PHASES],
            past: Vec::new(),
            told: Vec::new(),
            tick: 0,
        }
    }

    pub(super) fn output(&self) -> [f64; 6] {
        let acting = self.told.len().checked_sub(1 + self.command_delay).map_or([0.0; 6], |k| self.told[k]);
        std::array::from_fn(|i| self.d[i] + (0..6).map(|j| self.b[i][j] * acting[j]).sum::<f64>())
    }

    /// One step of a law towards a target; the true error before the command acts.
    pub(super) fn step(&mut self, law: &mut dyn Law, target: &[f64; 6]) -> [f64; 6] {
        let y = self.output();
        self.tick += 1;
        let noisy = std::array::from_fn(|i| {
            y[i] + self.noise[i / MOST_PHASES] * self.seed.normal(self.tick * MOST_SIZE as u64 + i as u64)
        });
        self.past.push(noisy);
        let newest = self.past.len().saturating_sub(1 + self.extra_delay);
        let shown = newest - newest % self.period;
        let measured = self.past[shown];
        let error: [f64; 6] = std::array::from_fn(|i| target[i] - measured[i]);
        let seen = Seen {
            tick: Tick(self.tick),
            target,
            measured: &measured,
            error: &error,
            reference_v_pu: &[1.0; 3],
            applied: &self.applied,
            saturated: &self.saturated,
            fresh: shown == newest,
            age: self.told_age.unwrap_or((self.past.len() - 1 - shown) as u64),
        };
        let mut command = [0.0; 6];
        law.step(&seen, &mut command);
        for phase in 0..MOST_PHASES {
            let (p, q) = (command[phase], command[3 + phase]);
            let scale = (self.s_max / p.hypot(q)).min(1.0);
            self.saturated[phase] = scale < 1.0;
            for (k, x) in [(phase, p * scale), (3 + phase, q * scale)] {
                self.applied[k] += (x - self.applied[k]).clamp(-self.ramp, self.ramp);
            }
        }
        self.told.push(self.applied);
        std::array::from_fn(|i| target[i] - y[i])
    }

    /// What actuators were last told.
    pub(super) const fn applied(&self) -> &[f64; 6] {
        &self.applied
    }

    /// Runs a law for so many steps; errors step by step.
    pub(super) fn run(&mut self, law: &mut dyn Law, target: &[f64; 6], steps: usize) -> Vec<[f64; 6]> {
        (0..steps).map(|_| self.step(law, target)).collect()
    }
}

/// Steps until all errors are inside the band and stay there; `None` when they are outside at the end.
pub(super) fn settled(errors: &[[f64; 6]], band: [f64; 2]) -> Option<usize> {
    let inside = |e: &[f64; 6]| e.iter().enumerate().all(|(i, x)| x.abs() <= band[i / MOST_PHASES]);
    let last = errors.iter().rposition(|e| !inside(e)).map_or(0, |k| k + 1);
    (last < errors.len()).then_some(last)
}

/// Fails, naming the case, where something has not settled in so many steps.
pub(super) fn within(found: Option<usize>, most: usize, case: &str) {
    assert!(found.is_some_and(|steps| steps <= most), "{case}: {found:?}, not within {most}");
}

/// Angles of a disturbance or a target are given in degrees.
const fn in_degrees(v: [f64; 3], angle: [f64; 3]) -> [f64; 6] {
    [v[0], v[1], v[2], angle[0].to_radians(), angle[1].to_radians(), angle[2].to_radians()]
}

/// Disturbances of the size of the seed's: its own on phase A, all phases at once, power coming back, phases b and c.
pub(super) const DISTURBANCES: [[f64; 6]; 4] = [
    in_degrees([-0.131, 0.03, 0.01], [-1.86, 0.7, -0.45]),
    in_degrees([-0.11, -0.04, -0.045], [-1.4, -1.0, -0.9]),
    in_degrees([0.13, 0.05, 0.06], [2.9, 2.0, 1.7]),
    in_degrees([-0.02, -0.06, -0.03], [-0.7, -1.7, -0.6]),
];
/// A step of the target.
pub(super) const TARGET: [f64; 6] = in_degrees([-0.0208, -0.0219, -0.0175], [0.29, -0.27, 0.17]);

/// Root mean squares of magnitude and angle errors.
pub(super) fn rms(errors: &[[f64; 6]]) -> [f64; 2] {
    [0, MOST_PHASES].map(|first| {
        let squares = errors.iter().flat_map(|e| &e[first..first + MOST_PHASES]).map(|x| x * x).sum::<f64>();
        (squares / (errors.len() * MOST_PHASES) as f64).sqrt()
    })
}

/// A sensitivity's rows one after another.
pub(super) fn rows(b: &[[f64; 6]; 6]) -> Vec<f64> {
    b.iter().flatten().copied().collect()
}

/// B of a node with so many phases: one phase's Thevenin impedance, and what couples two of them.
pub(super) fn of_phases(phases: usize) -> Vec<f64> {
    let size = 2 * phases;
    let entry = |i: usize, j: usize| match (i / phases == j / phases, i % phases == j % phases) {
        (false, true) => 0.11,
        (true, true) => {
            if i < phases {
                0.05
            } else {
                -0.04
            }
        }
        (true, false) => {
            if i > j {
                0.03
            } else {
                -0.03
            }
        }
        (false, false) => -0.02,
    };
    (0..size * size).map(|k| entry(k / size, k % size)).collect()
}
