//! Whether phasors agree with the network and with each other: weighted least squares, the χ² test, and the suspect with the
//! largest normalised residual (A. Abur, A. G. Expósito, *Power System State Estimation*, ch. 5).
//!
//! The model is `y = y₀ + B·u + H·x + noise`: channels of any number of PMUs, injections u that are known (with an
//! uncertainty), and disturbances x that are not, at places that are (H; loads, by their sensitivities). With R the
//! covariance of noise and uncertain injections, W = R⁻¹ − R⁻¹H(HᵀR⁻¹H)⁻¹HᵀR⁻¹ takes out what any x explains. Then
//! J = rᵀWr of r = y − y₀ − B·u is χ² with m − rank H degrees of freedom, and for an error along v – one channel, or all
//! angles of one PMU, whose clock is wrong – |vᵀWr|/√(vᵀWv) is standard normal. The suspect with the largest of these is
//! named; for one channel and uncorrelated noise it is the largest normalised residual.
//!
//! **Limits of redundancy.** An error that some x explains cannot be seen: vᵀWv = 0, a *critical* suspect
//! ([`Tamper::is_critical`]). With as many unknown disturbances as channels nothing can be checked, and the model is
//! refused: a single PMU with unknown loads on its own node has no redundancy. Two suspects with parallel effects can be
//! found but not told apart ([`Tamper::twins`]). Who falsifies along H is not found by any test of this kind. y₀ and B
//! must be those of the present feeder: a tap that moves unknown is an error that this test finds, rightly.

#[cfg(test)]
mod tests;

use super::Spell;
use crate::quantity::{Tick, normal_quantile};
use nalgebra::{DMatrix, DVector};

/// A critical suspect keeps less than this share of its weight when disturbances have explained theirs.
const CRITICAL: f64 = 1e-6;
/// Suspects with a correlation above this are twins.
const TWINS: f64 = 0.999;

/// Thresholds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Probability that good data are above the limit in one step.
    pub false_alarm: f64,
    /// Steps in a row above the limit that are tampering; and as many below it until it is over.
    pub steps: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { false_alarm: 1e-6, steps: 3 }
    }
}

/// The linear model of m channels, k injections and p unknown disturbances. Matrices row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Channels without injections: m.
    pub base: Vec<f64>,
    /// Channels per known injection: m by k.
    pub inputs: Vec<f64>,
    /// Channels per unknown disturbance: m by p; empty where there is none.
    pub unknown: Vec<f64>,
    /// Standard deviation of each channel: m, all above 0.
    pub noise: Vec<f64>,
    /// Standard deviation of each injection: k.
    pub input_noise: Vec<f64>,
}

/// Why a model cannot be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Lengths contradict each other.
    #[error("the lengths of the model's parts do not fit")]
    Shape,
    /// A number is none, or a channel has no noise.
    #[error("a number of the model is not finite, or a channel's noise is not above zero")]
    Number,
    /// Unknown disturbances explain all.
    #[error("no redundancy: unknown disturbances explain any measurement")]
    NoRedundancy,
}

/// What the data say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// They agree.
    #[default]
    Consistent,
    /// They do not; the suspect, where one alone explains it.
    Tampered(Option<usize>),
}

impl Verdict {
    /// Its number in a record: 0 consistent, 1 tampered by nobody in particular, 2 and up by a suspect.
    pub fn code(self) -> usize {
        match self {
            Self::Consistent => 0,
            Self::Tampered(None) => 1,
            Self::Tampered(Some(suspect)) => suspect.saturating_add(2),
        }
    }
}

/// A change of verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub tick: Tick,
    /// What the data say now.
    pub verdict: Verdict,
    /// The weighted sum of squares.
    pub j: f64,
    /// Its limit.
    pub limit: f64,
    /// The largest normalised residual.
    pub normalised: f64,
    /// The size of the error along the suspect.
    pub size: f64,
}

/// A direction along which data may be wrong.
#[derive(Clone, Debug)]
struct Suspect {
    /// vᵀW: m.
    weighted: Vec<f64>,
    /// vᵀWv.
    own: f64,
    critical: bool,
}

/// Tests the data of several PMUs.
#[derive(Clone, Debug)]
pub struct Tamper {
    settings: Settings,
    base: Vec<f64>,
    inputs: Vec<f64>,
    /// W: m by m.
    weight: Vec<f64>,
    suspects: Vec<Suspect>,
    twins: Vec<(usize, usize)>,
    freedom: usize,
    /// Limits of J, and of J without its best suspect.
    limits: [f64; 2],
    residual: Vec<f64>,
    verdict: Verdict,
    level: f64,
    over: Spell,
    under: Spell,
    /// What the last step said, and for how long it has been that.
    candidate: Verdict,
    same: Spell,
    event: Option<Event>,
}

impl Tamper {
    /// A test of a model. Suspects are directions of m numbers; without any, each channel alone is one.
    pub fn new(settings: Settings, model: &Model, suspects: &[Vec<f64>]) -> Result<Self, ModelError> {
        let m = model.base.len();
        let k = model.input_noise.len();
        let p = model.unknown.len().checked_div(m).unwrap_or_default();
        let fits = model.inputs.len() == m * k && model.unknown.len() == m * p && model.noise.len() == m;
        if !fits || m == 0 || suspects.iter().any(|v| v.len() != m) {
            return Err(ModelError::Shape);
        }
        let parts = [&model.base, &model.inputs, &model.unknown, &model.noise, &model.input_noise];
        let finite = parts.into_iter().chain(suspects).flatten().all(|x| x.is_finite());
        if !finite || model.noise.iter().any(|s| *s <= 0.0) {
            return Err(ModelError::Number);
        }
        let (weight, inverse, freedom) = weight(model, m, k, p).ok_or(ModelError::Number)?;
        if freedom == 0 {
            return Err(ModelError::NoRedundancy);
        }
        let channels = || (0..m).map(|i| DVector::from_fn(m, |j, _| f64::from(u8::from(i == j)))).collect::<Vec<_>>();
        let directions: Vec<DVector<f64>> = if suspects.is_empty() {
            channels()
        } else {
            suspects.iter().map(|v| DVector::from_column_slice(v)).collect()
        };
        let suspects: Vec<Suspect> = directions.iter().map(|v| suspect(v, &weight, &inverse)).collect();
        Ok(Self {
            base: model.base.clone(),
            inputs: model.inputs.clone(),
            weight: weight.transpose().as_slice().to_vec(),
            twins: twins(&suspects, &directions),
            suspects,
            freedom,
            limits: [freedom, freedom.saturating_sub(1)].map(|f| chi_square_limit(f, settings.false_alarm)),
            residual: vec![0.0; m],
            verdict: Verdict::default(),
            level: 0.0,
            over: Spell::default(),
            under: Spell::default(),
            candidate: Verdict::default(),
            same: Spell::default(),
            event: None,
            settings,
        })
    }

    /// Degrees of freedom: channels that are there beside what unknown disturbances need.
    pub const fn freedom(&self) -> usize {
        self.freedom
    }

    /// Whether an error along a suspect cannot be seen.
    pub fn is_critical(&self, suspect: usize) -> bool {
        self.suspects.get(suspect).is_none_or(|s| s.critical)
    }

    /// Suspects that cannot be told apart, in pairs.
    pub fn twins(&self) -> &[(usize, usize)] {
        &self.twins
    }

    /// The smallest error along a suspect that the test finds in half of all steps; infinite for a critical one.
    pub fn least_size(&self, suspect: usize) -> f64 {
        let found = self.suspects.get(suspect).filter(|s| !s.critical);
        // J's mean is that of good data, its degrees of freedom, and the square of the error's weight.
        #[allow(clippy::cast_precision_loss, reason = "a number of channels")]
        found.map_or(f64::INFINITY, |s| ((self.limits[0] - self.freedom as f64).max(0.0) / s.own).sqrt())
    }

    /// What the data say.
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// J of the last step by its limit.
    pub const fn level(&self) -> f64 {
        self.level
    }

    /// What changed in the last step.
    pub const fn event(&self) -> Option<&Event> {
        self.event.as_ref()
    }

    /// One step with m channels and k injections. With a number missing nothing is said, and the verdict stays.
    pub fn step(&mut self, tick: Tick, y: &[f64], u: &[f64]) -> Verdict {
        self.event = None;
        let m = self.base.len();
        let k = self.inputs.len() / m;
        if y.len() != m || u.len() != k || !y.iter().chain(u).all(|x| x.is_finite()) {
            return self.verdict;
        }
        for (i, residual) in self.residual.iter_mut().enumerate() {
            *residual = y[i] - self.base[i] - dot(&self.inputs[i * k..(i + 1) * k], u);
        }
        let row = |i: usize| dot(&self.weight[i * m..(i + 1) * m], &self.residual);
        let j: f64 = (0..m).map(|i| self.residual[i] * row(i)).sum();
        self.level = j / self.limits[0];
        let over = j > self.limits[0];
        let (best, normalised, size) = self.worst();
        let verdict = if over {
            let alone = j - normalised * normalised <= self.limits[1] && !normalised.is_nan();
            Verdict::Tampered(best.filter(|_| alone))
        } else {
            Verdict::Consistent
        };
        let verdict = self.settle(verdict);
        if verdict != self.verdict {
            self.verdict = verdict;
            self.event = Some(Event { tick, verdict, j, limit: self.limits[0], normalised, size });
        }
        self.verdict
    }

    /// What holds after a step that says this: bad and good data count once they have come often enough in a row, and so does
    /// a suspect, lest noise accuses one after the other; until then nobody in particular is to blame.
    fn settle(&mut self, now: Verdict) -> Verdict {
        let steps = self.settings.steps;
        let over = now != Verdict::Consistent;
        let bad = self.over.count(over, steps);
        let good = self.under.count(!over, steps);
        let same = self.same.count(now == self.candidate, steps.saturating_sub(1));
        self.candidate = now;
        match self.verdict {
            _ if good => Verdict::Consistent,
            _ if bad && (same || steps <= 1) => now,
            Verdict::Consistent if bad => Verdict::Tampered(None),
            before => before,
        }
    }

    /// The suspect with the largest normalised residual, that residual, and the size of its error.
    fn worst(&self) -> (Option<usize>, f64, f64) {
        let mut worst = (None, 0.0, 0.0);
        for (k, suspect) in self.suspects.iter().enumerate().filter(|(_, s)| !s.critical) {
            let along = dot(&suspect.weighted, &self.residual);
            let normalised = along.abs() / suspect.own.sqrt();
            if normalised > worst.1 {
                worst = (Some(k), normalised, along / suspect.own);
            }
        }
        worst
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// W, R⁻¹ and the degrees of freedom; `None` where R cannot be factored.
fn weight(model: &Model, m: usize, k: usize, p: usize) -> Option<(DMatrix<f64>, DMatrix<f64>, usize)> {
    let b = DMatrix::from_row_slice(m, k, &model.inputs);
    let square = |s: &[f64]| DMatrix::from_diagonal(&DVector::from_iterator(s.len(), s.iter().map(|s| s * s)));
    let r = square(&model.noise) + &b * square(&model.input_noise) * b.transpose();
    let lower = r.cholesky()?.l();
    let white = lower.solve_lower_triangular(&DMatrix::identity(m, m))?;
    let mut rest = DMatrix::identity(m, m);
    let mut rank = 0;
    if p > 0 {
        let svd = (&white * DMatrix::from_row_slice(m, p, &model.unknown)).svd(true, false);
        let most = svd.singular_values.iter().fold(0.0, |a: f64, s| a.max(*s));
        let u = svd.u?;
        for (column, s) in u.column_iter().zip(svd.singular_values.iter()) {
            if *s > 1e-10 * most && *s > 0.0 {
                rest -= column * column.transpose();
                rank += 1;
            }
        }
    }
    let inverse = white.transpose() * &white;
    Some((white.transpose() * rest * white, inverse, m - rank))
}

fn suspect(v: &DVector<f64>, weight: &DMatrix<f64>, inverse: &DMatrix<f64>) -> Suspect {
    let weighted = weight * v;
    let own = v.dot(&weighted);
    let alone = v.dot(&(inverse * v));
    Suspect { own, critical: own.is_nan() || own <= CRITICAL * alone, weighted: weighted.as_slice().to_vec() }
}

fn twins(suspects: &[Suspect], directions: &[DVector<f64>]) -> Vec<(usize, usize)> {
    let mut twins = Vec::new();
    for (i, a) in suspects.iter().enumerate().filter(|(_, s)| !s.critical) {
        for (k, b) in suspects.iter().enumerate().skip(i + 1).filter(|(_, s)| !s.critical) {
            let together = dot(&a.weighted, directions[k].as_slice());
            if together.abs() > TWINS * (a.own * b.own).sqrt() {
                twins.push((i, k));
            }
        }
    }
    twins
}

/// What χ² stays below but for a probability: the cube of a normal number (E. B. Wilson, M. M. Hilferty,
/// PNAS 17, 1931); exact for one and two degrees of freedom, a few percent too high for three at one in a million.
#[allow(clippy::cast_precision_loss, reason = "a number of channels")]
fn chi_square_limit(freedom: usize, above: f64) -> f64 {
    match freedom {
        // Without freedom J is 0 but for rounding.
        0 => 1e-6,
        1 => normal_quantile(0.5 * above).powi(2),
        2 => -2.0 * above.ln(),
        _ => {
            let part = 2.0 / (9.0 * freedom as f64);
            freedom as f64 * (1.0 - part - normal_quantile(above) * part.sqrt()).powi(3)
        }
    }
}
