//! Whether all that instruments say can be true of one network at once: a weighted-least-squares estimate of what feeds and
//! loads it, by Gauss and Newton on the network's own equations, and the tests of [`super::tamper`] on what is left over.
//!
//! States x are powers at nodes and the source's magnitude; channels y = h(x) + e are magnitudes, angles and powers. What is
//! expected of a state – its load by day, what a device reports – is one more measurement of it, with that state's own
//! uncertainty; a state of which nothing is expected has none. All angles share one more state, the angle of the common
//! time. With H the slopes of h where the network stands at set-up, a step repeats
//!
//! ```text
//! x ← x + G·r,   r = (y − h(x), x_expected − x),   G = (HᵀR⁻¹H)⁻¹HᵀR⁻¹
//! ```
//!
//! until H·G·r is small beside the noise, and hands r to the tests. H stays as it is (a chord method): where loads have
//! moved, that slows the iteration by a few per cent a turn and changes nothing of where it ends when the data are good,
//! since r is that of h itself. So no load has to be small, which a test on a fixed linear model asks for.
//!
//! **Limits.** An error that a state of unknown value explains cannot be seen; one that an uncertain state explains is seen
//! only beyond that uncertainty ([`Tamper::least_size`]). What the network has and its model does not – another tap,
//! a load where none is foreseen – is an error that is found, rightly, and blamed on somebody, wrongly. With a channel
//! missing nothing is said.

mod aligned;
#[cfg(test)]
mod tests;

pub use aligned::Aligned;

use super::short_way;
use super::tamper::{self, Model, ModelError, Tamper, Verdict};
use crate::quantity::{Complex, Tick};
use nalgebra::DMatrix;

/// A step of the estimate that moves no channel by more than this part of its noise is the last one.
const SMALL: f64 = 0.05;
/// Directions of states with less than this part of the largest effect are not estimated.
const LEAST_EFFECT: f64 = 1e-9;

/// A network as it is believed to be, but for the states that are asked for.
pub trait Network {
    /// What channels would say, all angles in the network's own time. `false` where there is no solution.
    fn predict(&mut self, states: &[f64], channels: &mut [f64]) -> bool;
}

/// Thresholds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Of the tests.
    pub tamper: tamper::Settings,
    /// Most turns of the estimate in a step. What has not come to rest by then goes on in the next step, and is not judged.
    pub turns: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tamper: tamper::Settings::default(), turns: 8 }
    }
}

/// What is measured, and what is not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// Standard deviation of each channel: m, all above 0.
    pub channel_noise: Vec<f64>,
    /// Whether a channel is an angle, rad: m.
    pub angles: Vec<bool>,
    /// Standard deviation of each state from what is expected of it: p; infinite where nothing is expected.
    pub state_noise: Vec<f64>,
    /// What is expected at set-up: p.
    pub states: Vec<f64>,
    /// A change of each state that is small, for slopes: p.
    pub state_step: Vec<f64>,
}

/// Why the data of a network cannot be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// The tests cannot be made.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The network has no solution at the start.
    #[error("the model of the network has no solution at the start")]
    NoSolution,
}

/// The estimate and its tests.
#[derive(Clone, Debug)]
pub struct Consistency {
    turns: u32,
    tamper: Tamper,
    /// Channels, states with an expectation, and all states with the common angle behind them.
    m: usize,
    expected: Vec<usize>,
    p: usize,
    angles: Vec<bool>,
    noise: Vec<f64>,
    /// G: p by (m + expected).
    gain: Vec<f64>,
    /// Slopes of channels: m by p.
    slopes: Vec<f64>,
    states: Vec<f64>,
    change: Vec<f64>,
    predicted: Vec<f64>,
    residual: Vec<f64>,
}

impl Consistency {
    /// A test on a network. Suspects are directions of m numbers.
    ///
    /// # Errors
    /// Where the network has no solution, or nothing can be tested ([`ModelError::NoRedundancy`]).
    pub fn new(
        settings: Settings,
        description: &Description,
        network: &mut dyn Network,
        suspects: &[Vec<f64>],
    ) -> Result<Self, ConsistencyError> {
        let d = description;
        let (m, free) = (d.channel_noise.len(), d.states.len());
        if d.angles.len() != m || [&d.state_noise, &d.state_step].iter().any(|own| own.len() != free) {
            return Err(ModelError::Shape.into());
        }
        let common = usize::from(d.angles.contains(&true));
        let p = free + common;
        let slopes = slopes(d, network, p).ok_or(ConsistencyError::NoSolution)?;
        let expected: Vec<usize> = (0..free).filter(|k| d.state_noise[*k].is_finite()).collect();
        let all = m + expected.len();
        let unknown: Vec<f64> = slopes.iter().copied().chain(pseudo(&expected, p)).collect();
        let own_noise = expected.iter().map(|k| d.state_noise[*k]);
        let noise: Vec<f64> = d.channel_noise.iter().copied().chain(own_noise).collect();
        let model = Model { base: vec![0.0; all], unknown, noise, ..Model::default() };
        let longer = |own: &Vec<f64>| own.iter().copied().chain(vec![0.0; expected.len()]).collect();
        let suspects: Vec<Vec<f64>> = suspects.iter().map(longer).collect();
        let tamper = Tamper::new(settings.tamper, &model, &suspects)?;
        let gain = gain(&model, all, p).ok_or(ModelError::Number)?;
        let states = d.states.iter().copied().chain(vec![0.0; common]).collect();
        let (angles, noise) = (d.angles.clone(), d.channel_noise.clone());
        let (change, predicted, residual) = (vec![0.0; p], vec![0.0; m], vec![0.0; all]);
        let turns = settings.turns.max(1);
        Ok(Self { turns, tamper, m, expected, p, angles, noise, gain, slopes, states, change, predicted, residual })
    }

    /// The tests, for what they can and cannot see.
    pub const fn tamper(&self) -> &Tamper {
        &self.tamper
    }

    /// What the data say.
    pub const fn verdict(&self) -> Verdict {
        self.tamper.verdict()
    }

    /// What is believed of the states.
    pub fn states(&self) -> &[f64] {
        &self.states[..self.free()]
    }

    /// One step with m channels, and what is expected of all states. With a number missing nothing is said, and the verdict
    /// stays.
    pub fn step(&mut self, tick: Tick, network: &mut dyn Network, y: &[f64], expected: &[f64]) -> Verdict {
        if y.len() != self.m || expected.len() != self.free() || !y.iter().chain(expected).all(|x| x.is_finite()) {
            return self.verdict();
        }
        for _ in 0..self.turns {
            if !self.compare(network, y, expected) {
                self.begin_anew(expected);
                return self.verdict();
            }
            if self.turn() {
                // The small step is not taken: r is that of the states as they stand.
                return self.tamper.step(tick, &self.residual, &[]);
            }
        }
        self.verdict()
    }

    fn free(&self) -> usize {
        self.p - usize::from(self.angles.contains(&true))
    }

    fn begin_anew(&mut self, expected: &[f64]) {
        let free = self.free();
        self.states[..free].copy_from_slice(expected);
    }

    /// r at the present states; whether there is one.
    fn compare(&mut self, network: &mut dyn Network, y: &[f64], expected: &[f64]) -> bool {
        let free = self.free();
        if !network.predict(&self.states[..free], &mut self.predicted) {
            return false;
        }
        let pairs = || self.predicted.iter().zip(y).zip(&self.angles);
        let turned = pairs().filter(|(_, angle)| **angle).map(|((h, y), _)| Complex::from_polar(1.0, y - h));
        let common = turned.sum::<Complex>().arg();
        for (residual, ((h, y), angle)) in self.residual.iter_mut().zip(pairs()) {
            *residual = if *angle { short_way(y - h - common) } else { y - h };
        }
        for (residual, k) in self.residual[self.m..].iter_mut().zip(&self.expected) {
            *residual = expected[*k] - self.states[*k];
        }
        self.residual.iter().all(|r| r.is_finite())
    }

    /// x ← x + G·r, but where that moves no channel; whether it does not.
    fn turn(&mut self) -> bool {
        let all = self.residual.len();
        for (change, row) in self.change.iter_mut().zip(self.gain.chunks_exact(all)) {
            *change = row.iter().zip(&self.residual).map(|(g, r)| g * r).sum();
        }
        let free = self.free();
        // The common angle is found anew each time: it does not count.
        let moved = |row: &[f64]| row[..free].iter().zip(&self.change).map(|(h, x)| h * x).sum::<f64>();
        let rows = self.slopes.chunks_exact(self.p).zip(&self.noise);
        let still = rows.map(|(row, noise)| moved(row).abs() / noise).all(|size| size < SMALL);
        if !still {
            self.states.iter_mut().zip(&self.change).for_each(|(x, dx)| *x += dx);
        }
        still
    }
}

/// Slopes of channels by central differences: m by p, the common angle last.
fn slopes(d: &Description, network: &mut dyn Network, p: usize) -> Option<Vec<f64>> {
    let (m, free) = (d.channel_noise.len(), d.states.len());
    let mut slopes = vec![0.0; m * p];
    let mut states = d.states.clone();
    let mut sides = [vec![0.0; m], vec![0.0; m]];
    for k in 0..free {
        let step = d.state_step[k];
        for (side, way) in sides.iter_mut().zip([-1.0, 1.0_f64]) {
            states[k] = way.mul_add(step, d.states[k]);
            network.predict(&states, side).then_some(())?;
        }
        states[k] = d.states[k];
        for i in 0..m {
            let change = sides[1][i] - sides[0][i];
            let change = if d.angles[i] { short_way(change) } else { change };
            slopes[i * p + k] = change / (2.0 * step);
        }
    }
    for i in (0..m).filter(|i| p > free && d.angles[*i]) {
        slopes[i * p + free] = 1.0;
    }
    slopes.iter().all(|x| x.is_finite()).then_some(slopes)
}

/// Rows of what is expected: each measures one state.
fn pseudo(expected: &[usize], p: usize) -> impl Iterator<Item = f64> + '_ {
    expected.iter().flat_map(move |own| (0..p).map(move |k| f64::from(u8::from(k == *own))))
}

/// G, by singular values, so that states that nothing shows stay where they are.
fn gain(model: &Model, all: usize, p: usize) -> Option<Vec<f64>> {
    let white = DMatrix::from_fn(all, p, |i, k| model.unknown[i * p + k] / model.noise[i]);
    let svd = white.svd(true, true);
    let most = svd.singular_values.max();
    let inverse = svd.pseudo_inverse(LEAST_EFFECT * most).ok()?;
    let gain = DMatrix::from_fn(p, all, |k, i| inverse[(k, i)] / model.noise[i]);
    gain.iter().all(|x| x.is_finite()).then(|| gain.transpose().as_slice().to_vec())
}
