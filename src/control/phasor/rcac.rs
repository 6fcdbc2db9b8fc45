//! Retrospective cost adaptive control: gains that learn from what they would have done.
//!
//! (M. A. Santillo, D. S. Bernstein: "Adaptive control based on retrospective cost optimization", J. Guid. Control Dyn. 33,
//! 2010; recalled, the paper was not at hand.) With z the negative error, the command is `u = Φ·θ`, `Φ = 1 ⊗ v'`,
//! `v = [z; Σz]`: 2n by 4n gains. The retrospective performance `ẑ = η·z + B·(Φ·θ − u)`, with Φ and u of the step that z
//! shows, is what z would have been had θ been in force; recursive least squares minimise `|ẑ|² + Rᵤ·|Φ·θ|²`. B stands
//! for the plant's first Markov parameter. u is what actuators were told *after* their limits.
//!
//! The usual recursion carries a covariance of 8n² by 8n². Here `X'·R·X = (BᵀB + Rᵤ·1) ⊗ v·v'`, and B is constant: with
//! `B = Y·Σ·Uᵀ` the recursion falls apart in the directions of U into 2n of 4n unknowns each, which have nothing to do
//! with one another:
//!
//! `Pᵢ ← Pᵢ − w·wᵀ/(1/λᵢ + vᵀ·w)`, `w = Pᵢ·v`, `λᵢ = σᵢ² + Rᵤ`,
//! `ψᵢ ← ψᵢ − Pᵢ·v·(λᵢ·ψᵢᵀ·v + η·σᵢ·yᵢᵀ·z − σᵢ²·uᵢᵀ·u)`, `u = U·ψ·v`.
//!
//! A test runs both. Two additions, for a controller that runs for days: η < 1 keeps a B that is half of the true one
//! stable, and while the error is large the covariance gains a little, up to where it began, so that what it learnt at
//! first does not freeze it. Rᵤ and the covariance are relative to the mean of σᵢ², so that they mean the same on any
//! feeder.
//!
//! Limits: nothing proves that the gains are stable while they are learnt; a delay has to be known. Where gains or the
//! covariance leave their bounds it begins anew from zero gains.

use nalgebra::DMatrix;

use super::model::{Entries, LawError, Model, Square, checked, dot, padded, say, taken, times};
use super::{Law, MOST_SIZE, Seen};

/// z and its sum.
const REGRESSOR: usize = 2 * MOST_SIZE;
/// Steps that are remembered: a longer delay is not learnt from.
const REMEMBERED: usize = 32;

type Regressor = [f64; REGRESSOR];

/// Settings of the adaptive law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RcacSettings {
    /// Covariance of the gains at the beginning, times the mean σ² of B.
    pub covariance: f64,
    /// Rᵤ: weight of the command, per mean σ² of B.
    pub effort: f64,
    /// η: part of the error that a command should have removed.
    pub part: f64,
    /// Part of the first covariance that is renewed a step while the error is large.
    pub renewal: f64,
    /// Error (root of the sum of squares, pu and rad) from which the renewal is whole.
    pub large_error: f64,
    /// Largest gain times the root of the mean σ² of B: beyond it, it begins anew.
    pub most_gain: f64,
    /// Steps until a command acts, beside the first one and the measurement's age.
    pub hidden_delay: usize,
}

impl Default for RcacSettings {
    /// Settled in 2 s from zero gains on the IEEE 13-node feeder, and stable with half the true B.
    fn default() -> Self {
        Self {
            covariance: 200.0,
            effort: 1e-4,
            part: 0.7,
            renewal: 0.002,
            large_error: 0.03,
            most_gain: 100.0,
            hidden_delay: 0,
        }
    }
}

impl RcacSettings {
    fn check(&self) -> Result<(), LawError> {
        let positive = "it must be above 0";
        checked("covariance", self.covariance, positive, self.covariance > 0.0)?;
        checked("effort", self.effort, "it must not be negative", self.effort >= 0.0)?;
        checked("part", self.part, "it must be above 0, at most 1", self.part > 0.0 && self.part <= 1.0)?;
        checked("renewal", self.renewal, "it must be between 0 and 1", (0.0..=1.0).contains(&self.renewal))?;
        checked("large_error", self.large_error, positive, self.large_error > 0.0)?;
        checked("most_gain", self.most_gain, positive, self.most_gain > 0.0)?;
        #[allow(clippy::cast_precision_loss, reason = "a few steps")]
        checked("hidden_delay", self.hidden_delay as f64, "it must be below 32 steps", self.hidden_delay < REMEMBERED)
    }
}

/// The part of the law in one direction of U.
#[derive(Clone, Debug)]
struct Direction {
    sigma: f64,
    /// 1/λ; λ = σ² + Rᵤ.
    inverse_lambda: f64,
    /// ψ.
    gains: Regressor,
    /// P, symmetric.
    covariance: [Regressor; REGRESSOR],
}

impl Direction {
    fn clear(&mut self, covariance: f64, size: usize) {
        self.gains = [0.0; REGRESSOR];
        self.covariance = std::array::from_fn(|i| {
            std::array::from_fn(|j| if i == j && i % MOST_SIZE < size { covariance } else { 0.0 })
        });
    }

    /// One recursion; `wanted` is `η·yᵢᵀ·z − σᵢ·uᵢᵀ·u`.
    fn learn(&mut self, v: &Regressor, wanted: f64) {
        let w: Regressor = std::array::from_fn(|i| dot(&self.covariance[i], v));
        let shrink = 1.0 / (self.inverse_lambda + dot(v, &w));
        for (row, wi) in self.covariance.iter_mut().zip(&w) {
            let factor = wi * shrink;
            row.iter_mut().zip(&w).for_each(|(p, wj)| *p -= factor * wj);
        }
        // P·v after the update is w·(1/λ)/(1/λ + vᵀ·w).
        let slope = dot(&self.gains, v) / self.inverse_lambda + self.sigma * wanted;
        let step = slope * self.inverse_lambda * shrink;
        self.gains.iter_mut().zip(&w).for_each(|(gain, w)| *gain -= step * w);
    }

    /// Adds to the covariance of what counts, up to where it began.
    fn renew(&mut self, share: f64, first: f64, size: usize) {
        for i in (0..REGRESSOR).filter(|i| i % MOST_SIZE < size) {
            let p = &mut self.covariance[i][i];
            *p = p.max((*p + share * first).min(first));
        }
    }

    fn sound(&self, most_gain: f64) -> bool {
        let positive = (0..REGRESSOR).all(|i| self.covariance[i][i] >= 0.0);
        positive && self.gains.iter().all(|gain| gain.abs() <= most_gain)
    }
}

/// The law at work.
#[derive(Clone, Debug)]
pub struct Rcac {
    settings: RcacSettings,
    size: usize,
    /// Yᵀ.
    yt: Square,
    u: Square,
    ut: Square,
    directions: Vec<Direction>,
    /// Covariance at the beginning, and the largest gain, in their own units.
    first: f64,
    most_gain: f64,
    sum: Entries,
    /// Command at zero gains: where it began.
    offset: Entries,
    applied: Entries,
    /// Regressors and what was told then, before the newest; so many count.
    past: Vec<(Regressor, Entries)>,
    newest: usize,
    known: usize,
    resets: u64,
}

impl Rcac {
    /// A law of zero gains for n phases, from the rows of B one after another (2n by 2n).
    pub fn new(phases: usize, sensitivity: &[f64], settings: RcacSettings) -> Result<Self, LawError> {
        settings.check()?;
        let model = Model::new(phases, sensitivity)?;
        let svd = model.dense().svd(true, true);
        let (y, ut) = svd.u.zip(svd.v_t).ok_or(LawError::NotFinite)?;
        #[allow(clippy::cast_precision_loss, reason = "at most six")]
        let mean = svd.singular_values.norm_squared() / model.size as f64;
        let first = settings.covariance / mean;
        let direction = |sigma: &f64| Direction {
            sigma: *sigma,
            inverse_lambda: 1.0 / (sigma * sigma + settings.effort * mean),
            gains: [0.0; REGRESSOR],
            covariance: [[0.0; REGRESSOR]; REGRESSOR],
        };
        let mut law = Self {
            settings,
            size: model.size,
            yt: padded(&y.transpose()),
            u: padded(&DMatrix::transpose(&ut)),
            ut: padded(&ut),
            directions: svd.singular_values.iter().map(direction).collect(),
            first,
            most_gain: settings.most_gain / mean.sqrt(),
            sum: Entries::default(),
            offset: Entries::default(),
            applied: Entries::default(),
            past: vec![([0.0; REGRESSOR], Entries::default()); REMEMBERED],
            newest: 0,
            known: 0,
            resets: 0,
        };
        law.clear();
        Ok(law)
    }

    /// How often it has begun anew because gains or covariance left their bounds.
    pub const fn resets(&self) -> u64 {
        self.resets
    }

    /// Zero gains.
    fn clear(&mut self) {
        self.directions.iter_mut().for_each(|direction| direction.clear(self.first, self.size));
        self.sum = Entries::default();
        self.offset = self.applied;
        self.known = 0;
    }

    /// Learns from z what the gains of the step that it shows should have been.
    fn learn(&mut self, z: &Entries, age: usize) {
        let lag = age.saturating_add(self.settings.hidden_delay);
        if lag >= self.known {
            return;
        }
        let (v, _) = &self.past[(self.newest + REMEMBERED - lag) % REMEMBERED];
        // What was told at a step is known at the next.
        let told = if lag == 0 { self.applied } else { self.past[(self.newest + REMEMBERED + 1 - lag) % REMEMBERED].1 };
        let told: Entries = std::array::from_fn(|i| told[i] - self.offset[i]);
        let (yz, ut) = (times(&self.yt, z), times(&self.ut, &told));
        for (i, direction) in self.directions.iter_mut().enumerate() {
            direction.learn(v, self.settings.part * yz[i] - direction.sigma * ut[i]);
        }
        let share = self.settings.renewal * (dot(z, z) / self.settings.large_error.powi(2)).min(1.0);
        if share > 0.0 {
            self.directions.iter_mut().for_each(|direction| direction.renew(share, self.first, self.size));
        }
    }

    /// The command of the gains for a regressor.
    fn asked(&self, v: &Regressor) -> Entries {
        let mut along = Entries::default();
        along.iter_mut().zip(&self.directions).for_each(|(a, direction)| *a = dot(&direction.gains, v));
        let moved = times(&self.u, &along);
        std::array::from_fn(|i| self.offset[i] + moved[i])
    }
}

impl Law for Rcac {
    fn step(&mut self, seen: &Seen, command: &mut [f64]) {
        if let Some(applied) = taken(seen.applied, self.size) {
            self.applied = applied;
        }
        let Some(error) = taken(seen.error, self.size) else {
            // The gap would pair regressors with the wrong step.
            self.known = 0;
            return say(command, &self.applied);
        };
        let z = error.map(|e| -e);
        if seen.fresh {
            self.learn(&z, usize::try_from(seen.age).unwrap_or(usize::MAX));
        }
        if !self.directions.iter().all(|direction| direction.sound(self.most_gain)) {
            self.resets += 1;
            self.clear();
        }
        if seen.fresh && !seen.saturated.contains(&true) {
            self.sum.iter_mut().zip(z).for_each(|(sum, z)| *sum += z);
        }
        let v: Regressor = std::array::from_fn(|i| if i < MOST_SIZE { z[i] } else { self.sum[i - MOST_SIZE] });
        self.newest = (self.newest + 1) % REMEMBERED;
        self.past[self.newest] = (v, self.applied);
        self.known = (self.known + 1).min(REMEMBERED);
        let asked = self.asked(&v);
        say(command, if asked.iter().all(|u| u.is_finite()) { &asked } else { &self.applied });
    }

    fn restart(&mut self, applied: &[f64]) {
        if let Some(applied) = taken(applied, self.size) {
            self.applied = applied;
        }
        self.sum = Entries::default();
        self.offset = self.applied;
        self.known = 0;
    }
}

#[cfg(test)]
mod tests;
