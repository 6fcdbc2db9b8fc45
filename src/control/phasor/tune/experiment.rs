//! A step experiment and the model that fits its record: the first half of the step-response tuner.
//!
//! Each command steps alone while the outputs are recorded; to the response of all outputs to one command is fitted
//! `y = c + g·f(t)`, `f = 1 − e^(−(t − t₀ − θ)/τ)` from the dead time θ on. Swartz's driver ("way 3") steps each actuator by
//! 100 kW or 100 kvar and fits `g/(0.1·s + 1)` to its own output only; here τ and θ are found too, and all outputs give the
//! coupled sensitivity. c and g of every output are linear least squares at given τ and θ, which are of the actuator and
//! so common to its outputs; those two come from a grid and a pattern search between bounds, no chance in it. Limits: one
//! operating point, loads that hold still meanwhile, one lag for each command.

use nalgebra::DMatrix;
use serde::Serialize;

use super::{Lag, Path};

/// Grid of dead times and of time constants, and halvings of its spacing afterwards.
const GRID: (u32, u32) = (60, 24);
const REFINEMENTS: usize = 40;
/// Fewest samples of a response.
const FEWEST: usize = 5;

/// Which command steps when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Place of the command among the 2n of a law.
    pub command: usize,
    /// When it steps, in s.
    pub from_s: f64,
    /// When it steps back, in s.
    pub until_s: f64,
    /// Size in pu.
    pub size_pu: f64,
}

/// A step experiment: commands step one after another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Experiment {
    /// The steps in time; none overlap.
    pub steps: Vec<Step>,
    /// How long before a step its record counts, in s: the rest of the one before is gone by then.
    pub rest_s: f64,
}

impl Experiment {
    /// Each of `commands` commands steps by a size for a time and rests as long, beginning after one rest.
    #[allow(clippy::cast_precision_loss, reason = "a few commands")]
    pub fn one_by_one(commands: usize, size_pu: f64, start_s: f64, hold_s: f64) -> Self {
        let step = |command: usize| {
            let from_s = start_s + hold_s * (1.0 + 2.0 * command as f64);
            Step { command, from_s, until_s: from_s + hold_s, size_pu }
        };
        Self { steps: (0..commands).map(step).collect(), rest_s: 0.5 * hold_s }
    }

    /// Adds to commands what the experiment adds at a time.
    pub fn add(&self, t_s: f64, commands: &mut [f64]) {
        for step in self.steps.iter().filter(|s| t_s >= s.from_s && t_s < s.until_s) {
            if let Some(u) = commands.get_mut(step.command) {
                *u += step.size_pu;
            }
        }
    }

    /// When it is over, in s.
    pub fn end_s(&self) -> f64 {
        self.steps.iter().map(|s| s.until_s + self.rest_s).fold(0.0, f64::max)
    }
}

/// What was recorded: samples of all outputs of the performance node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Responses {
    /// When, in s; rising.
    pub t_s: Vec<f64>,
    /// For each time the 2n outputs.
    pub outputs: Vec<Vec<f64>>,
}

/// The response to one command.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// Place of the command.
    pub command: usize,
    /// Gains of the 2n outputs, pu or rad a pu.
    pub gains: Vec<f64>,
    /// Time constant in s.
    pub time_constant_s: f64,
    /// Dead time in s, the sampling of the record included.
    pub dead_time_s: f64,
    /// Root of the mean square of what is left, over all outputs.
    pub residual: f64,
    /// Part of the outputs' variance that the fit explains: near 0 when nothing moved.
    pub explained: f64,
}

/// Why nothing was fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// The experiment's commands are not 0 … 2n − 1, each once.
    #[error("the experiment steps {steps} commands once each, the record has {outputs} outputs")]
    Commands {
        /// Of the experiment.
        steps: usize,
        /// Of the record.
        outputs: usize,
    },
    /// Times and outputs differ in number, times do not rise, or a value is no number.
    #[error("the record of the experiment has a value that is not finite, or times that do not rise")]
    Record,
    /// Too few samples around a step.
    #[error(
        "the record has {samples} samples around the step of command {command}, at least 5 are needed on each side"
    )]
    Samples {
        /// The command.
        command: usize,
        /// Its samples.
        samples: usize,
    },
    /// No output moved with a command.
    #[error("no output follows the step of command {command}")]
    NoResponse {
        /// The command.
        command: usize,
    },
}

/// A network and its actuators as an experiment shows them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Identified {
    /// One for each command, in their order.
    pub fits: Vec<Fit>,
}

impl Identified {
    /// The coupled model for a law of a period in s.
    pub fn path(&self, period_s: f64) -> Path {
        let n = self.fits.len();
        let lag = |fit: &Fit| Lag::sampled(fit.time_constant_s, fit.dead_time_s, period_s);
        Path {
            sensitivity: DMatrix::from_fn(n, n, |i, j| self.fits[j].gains.get(i).copied().unwrap_or(f64::NAN)),
            lags: self.fits.iter().map(lag).collect(),
        }
    }
}

/// Fits a model to what an experiment recorded.
pub fn identify(experiment: &Experiment, responses: &Responses) -> Result<Identified, FitError> {
    let outputs = responses.outputs.first().map_or(0, Vec::len);
    let mut steps = experiment.steps.clone();
    steps.sort_by_key(|step| step.command);
    let once = steps.len() == outputs && steps.iter().enumerate().all(|(k, step)| step.command == k);
    if !once || outputs == 0 {
        return Err(FitError::Commands { steps: steps.len(), outputs });
    }
    let rising = responses.t_s.windows(2).all(|t| t[1] > t[0]) && responses.t_s.iter().all(|t| t.is_finite());
    let whole = |y: &Vec<f64>| y.len() == outputs && y.iter().all(|y| y.is_finite());
    if !rising || responses.t_s.len() != responses.outputs.len() || !responses.outputs.iter().all(whole) {
        return Err(FitError::Record);
    }
    let fits = steps.iter().map(|step| fit(step, experiment.rest_s, responses)).collect::<Result<_, _>>()?;
    Ok(Identified { fits })
}

/// The response to one step.
fn fit(step: &Step, rest_s: f64, responses: &Responses) -> Result<Fit, FitError> {
    let inside = |t: f64| t >= step.from_s - rest_s && t < step.until_s;
    let samples: Vec<(f64, &[f64])> = std::iter::zip(&responses.t_s, &responses.outputs)
        .filter(|(t, _)| inside(**t))
        .map(|(t, y)| (t - step.from_s, y.as_slice()))
        .collect();
    let before = samples.iter().filter(|(t, _)| *t <= 0.0).count();
    let fewest = before.min(samples.len() - before);
    if fewest < FEWEST {
        return Err(FitError::Samples { command: step.command, samples: fewest });
    }
    let span_s = step.until_s - step.from_s;
    let window = Window::new(samples);
    let (time_constant_s, dead_time_s) = window.search(span_s);
    let (gains, left) = window.regress(time_constant_s, dead_time_s);
    let explained = if window.variance > 0.0 { 1.0 - left / window.variance } else { 0.0 };
    if !(explained > 0.0 && step.size_pu != 0.0) {
        return Err(FitError::NoResponse { command: step.command });
    }
    let gains = gains.into_iter().map(|g| g / step.size_pu).collect();
    Ok(Fit { command: step.command, gains, time_constant_s, dead_time_s, residual: left.sqrt(), explained })
}

/// Samples around a step, times from it on; the outputs' means are off.
struct Window {
    t_s: Vec<f64>,
    outputs: Vec<Vec<f64>>,
    /// Mean square of the outputs about their means.
    variance: f64,
}

impl Window {
    #[allow(clippy::cast_precision_loss, reason = "counts of samples")]
    fn new(samples: Vec<(f64, &[f64])>) -> Self {
        let count = samples.len() as f64;
        let width = samples.first().map_or(0, |(_, y)| y.len());
        let mean = |i: usize| samples.iter().map(|(_, y)| y[i]).sum::<f64>() / count;
        let means: Vec<f64> = (0..width).map(mean).collect();
        let centred = |y: &[f64]| std::iter::zip(y, &means).map(|(y, m)| y - m).collect::<Vec<_>>();
        let outputs: Vec<Vec<f64>> = samples.iter().map(|(_, y)| centred(y)).collect();
        let variance = outputs.iter().flatten().map(|y| y * y).sum::<f64>() / (count * width as f64);
        Self { t_s: samples.iter().map(|(t, _)| *t).collect(), outputs, variance }
    }

    /// Gains of a unit response of a time constant and a dead time, and the mean square of what they leave.
    #[allow(clippy::cast_precision_loss, reason = "counts of samples")]
    fn regress(&self, tau_s: f64, dead_s: f64) -> (Vec<f64>, f64) {
        let shape = |t: f64| match t - dead_s {
            since if since <= 1e-9 => 0.0,
            _ if tau_s <= 0.0 => 1.0,
            since => -(-since / tau_s).exp_m1(),
        };
        let mut f: Vec<f64> = self.t_s.iter().map(|t| shape(*t)).collect();
        let mean = f.iter().sum::<f64>() / f.len() as f64;
        f.iter_mut().for_each(|f| *f -= mean);
        let power: f64 = f.iter().map(|f| f * f).sum();
        let width = self.outputs.first().map_or(0, Vec::len);
        if power <= 0.0 {
            return (vec![0.0; width], self.variance);
        }
        let gain = |i: usize| std::iter::zip(&f, &self.outputs).map(|(f, y)| f * y[i]).sum::<f64>() / power;
        let gains: Vec<f64> = (0..width).map(gain).collect();
        let left = |(f, y): (&f64, &Vec<f64>)| std::iter::zip(y, &gains).map(|(y, g)| (y - g * f).powi(2)).sum::<f64>();
        let left = std::iter::zip(&f, &self.outputs).map(left).sum::<f64>() / (f.len() as f64 * width as f64);
        (gains, left)
    }

    /// Time constant and dead time between 0 and half the span that leave the least; the smaller ones on a tie.
    fn search(&self, span_s: f64) -> (f64, f64) {
        let most = 0.5 * span_s;
        let left = |(tau_s, dead_s): (f64, f64)| self.regress(tau_s, dead_s).1;
        let dead = |k: u32| most * f64::from(k) / f64::from(GRID.0);
        // Time constants: none, then from a thousandth of the most on by equal factors.
        let tau = |k: u32| if k == 0 { 0.0 } else { most * 1000f64.powf(f64::from(k) / f64::from(GRID.1) - 1.0) };
        let grid = (0..GRID.0).flat_map(|d| (0..=GRID.1).map(move |t| (tau(t), dead(d))));
        let mut best = (left((0.0, 0.0)), (0.0, 0.0));
        // A gain that only rounding makes is none.
        let better = |new: f64, old: f64| new < old - 1e-12 * self.variance;
        for place in grid {
            let next = left(place);
            if better(next, best.0) {
                best = (next, place);
            }
        }
        let mut width = (0.5 * best.1.0.max(dead(1)), dead(1));
        for _ in 0..REFINEMENTS {
            let (tau_s, dead_s) = best.1;
            let around = [(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (-1.0, 1.0), (1.0, -1.0)];
            let place =
                |(t, d): (f64, f64)| ((tau_s + t * width.0).clamp(0.0, most), (dead_s + d * width.1).clamp(0.0, most));
            let found =
                around.into_iter().map(place).map(|p| (left(p), p)).reduce(|a, b| if b.0 < a.0 { b } else { a });
            match found {
                Some(found) if better(found.0, best.0) => best = found,
                _ => width = (0.5 * width.0, 0.5 * width.1),
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::B_632;
    use super::*;
    use crate::quantity::Noise;

    /// What an experiment on node 632 records every 0.1 s behind lags, by the continuous response.
    fn record(experiment: &Experiment, tau_s: f64, dead_s: f64, noise: f64) -> Responses {
        let seed = Noise::new(3, "record");
        let response = |since: f64| match since - dead_s {
            t if t <= 1e-9 => 0.0,
            t if tau_s > 0.0 => 1.0 - (-t / tau_s).exp(),
            _ => 1.0,
        };
        let y = |t: f64, i: usize| {
            let of = |s: &Step| s.size_pu * (response(t - s.from_s) - response(t - s.until_s));
            1.0 + experiment.steps.iter().map(|s| B_632[i][s.command] * of(s)).sum::<f64>()
        };
        let count = (experiment.end_s() * 10.0) as u64;
        let t = |k: u64| k as f64 * 0.1;
        let sample = |k: u64| (0..6).map(|i| y(t(k), i) + noise * seed.normal(6 * k + i as u64)).collect();
        Responses { t_s: (0..=count).map(t).collect(), outputs: (0..=count).map(sample).collect() }
    }

    fn experiment() -> Experiment {
        Experiment::one_by_one(6, 0.06, 1.0, 10.0)
    }

    #[test]
    fn the_experiment_steps_one_command_at_a_time() {
        let experiment = experiment();
        let at = |t: f64| {
            let mut u = [0.0; 6];
            experiment.add(t, &mut u);
            u
        };
        assert_eq!(at(10.9), [0.0; 6]);
        assert_eq!(at(11.0), [0.06, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(at(21.0), [0.0; 6]);
        assert_eq!(at(120.9), [0.0, 0.0, 0.0, 0.0, 0.0, 0.06]);
        assert!((experiment.end_s() - 126.0).abs() < 1e-9);
    }

    #[test]
    fn a_fit_finds_sensitivity_time_constant_and_dead_time() {
        for (tau, dead) in [(0.1, 0.0), (0.5, 0.0), (0.4, 0.25), (0.1, 0.33)] {
            let found = identify(&experiment(), &record(&experiment(), tau, dead, 0.0)).unwrap();
            for (j, fit) in found.fits.iter().enumerate() {
                let near = (fit.time_constant_s - tau).abs() < 1e-3 && (fit.dead_time_s - dead).abs() < 1e-3;
                assert!(near, "τ {tau}, θ {dead}: {fit:?}");
                let gains = (0..6).all(|i| (fit.gains[i] - B_632[i][j]).abs() < 1e-5);
                assert!(gains && fit.explained > 0.999_99, "τ {tau}, θ {dead}: {fit:?}");
            }
        }
    }

    #[test]
    fn what_answers_at_the_next_sample_has_no_dead_time() {
        let found = identify(&experiment(), &record(&experiment(), 0.0, 0.0, 0.0)).unwrap();
        let path = found.path(0.1);
        assert!(path.lags.iter().all(|lag| lag.delay_steps == 0 && lag.pole < 1e-3 && lag.late < 1e-3), "{path:?}");
    }

    #[test]
    fn noise_moves_the_gains_by_what_averaging_leaves() {
        let noise = 1e-4;
        let found = identify(&experiment(), &record(&experiment(), 0.1, 0.0, noise)).unwrap();
        // 100 samples on, 50 off: a step's error is 1e-4·√(1/100 + 1/50) = 1.7e-5, of 0.06 pu 2.9e-4; four of them.
        let errors = found.fits.iter().enumerate().flat_map(|(j, f)| (0..6).map(move |i| f.gains[i] - B_632[i][j]));
        let worst = errors.map(f64::abs).fold(0.0, f64::max);
        assert!(worst > 1e-4 && worst < 4.0 * 2.9e-4, "{worst}");
        assert!(found.fits.iter().all(|f| (f.residual - noise).abs() < 0.2 * noise), "{found:?}");
    }

    #[test]
    fn a_record_that_shows_nothing_is_an_error() {
        let still = Responses { outputs: vec![vec![1.0; 6]; 1300], ..record(&experiment(), 0.1, 0.0, 0.0) };
        let still = Responses { t_s: (0..1300).map(|k| f64::from(k) * 0.1).collect(), ..still };
        assert_eq!(identify(&experiment(), &still), Err(FitError::NoResponse { command: 0 }));
        let mut wild = record(&experiment(), 0.1, 0.0, 0.0);
        wild.outputs[20][3] = f64::NAN;
        assert_eq!(identify(&experiment(), &wild), Err(FitError::Record));
        let mut short = record(&experiment(), 0.1, 0.0, 0.0);
        short.t_s.truncate(220);
        short.outputs.truncate(220);
        assert_eq!(identify(&experiment(), &short), Err(FitError::Samples { command: 1, samples: 0 }));
        assert!(matches!(identify(&experiment(), &Responses::default()), Err(FitError::Commands { .. })));
    }
}
