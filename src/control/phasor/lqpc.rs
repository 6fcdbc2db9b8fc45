//! Linear-quadratic phasor control in velocity form: optimal changes of power, aware of delay, ramps and limits.
//!
//! The error moves as `e(k+1) = e(k) − B·Δu(k−d)`. With `Q = 1` and `R = r·Bᵀ·B + ρ·1` the regulator of the states
//! `[e; Δu(k−1) … Δu(k−d)]` is the one without delay, fed with the error as it will be once all that was told has acted:
//! `Δu = K·ê`, `ê = e − B·(u(k−1) − u(k−1−d))` (a test solves the whole equation and finds the same). So the delay may
//! differ from step to step: d is the age that the time stamps tell plus a delay that they do not. u is what actuators
//! were last told after their limits and ramps: nothing winds up, and a ramp is no surprise.
//!
//! **A delay that is not what was said.** Weighing what a command does to the phasors (r) rather than the power itself (ρ)
//! gives the same gain `g = 2/(1 + √(1 + 4r))` in all directions. What a delay off by two steps adds to the loop is at most
//! `|F|·|1 − e^{2jω}|` with `F = g/(1 − (1−g)·z⁻¹)`; that is largest at cos ω = 1 − g, where it is 2g. So the loop is stable
//! for g < ½ (r > 2) however long the delay is. Weighing the power alone (ρ = 0.02, r = 0) has g up to 0.77 and is unstable
//! there. Beyond that, the delay which the time stamps do not tell is found on line: each delay's prediction of how the
//! measurement moves is compared with how it did, and one that explains it clearly better is taken.
//!
//! Limits: a delay longer than [`MOST_HIDDEN`] is not found; a measurement whose delay is longer than 63 steps holds the command. The
//! estimate needs movement: it is as good as the last disturbance or target step of 0.005 pu or more.

use nalgebra::DMatrix;

use super::model::{Entries, LawError, Model, Square, checked, dot, minus, padded, say, taken, times};
use super::riccati::{gain, riccati};
use super::{Law, MOST_SIZE, Seen};

/// Longest delay beside the age that is looked for, steps.
pub const MOST_HIDDEN: usize = 10;
/// By how many steps time stamps may tell too much and be found out.
const MOST_EARLY: usize = 4;
/// Delays that are compared: from the age less what it may be too long, to the age and the longest beside it.
const DELAYS: usize = MOST_EARLY + MOST_HIDDEN + 1;
/// Commands that are remembered.
const REMEMBERED: usize = 64;

/// Settings of the velocity form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LqpcSettings {
    /// r: weight of what a change of power does to the phasors, against the error. From 2 on, the loop is stable with a
    /// delay off by two steps.
    pub effect_weight: f64,
    /// ρ: weight of the change of power itself (per unit): slows what only much power can move.
    pub power_weight: f64,
    /// Steps until a command acts, beside the first one and the measurement's age: at most [`MOST_HIDDEN`].
    pub hidden_delay: usize,
    /// Whether that delay is looked for on line.
    pub find_delay: bool,
    /// What a step leaves of the evidence for a delay.
    pub memory: f64,
    /// Movement that evidence needs: root of the sum of squares of predicted steps, pu and rad.
    pub least_movement: f64,
    /// Part of the movement's square by which a delay must explain measurements better to be taken.
    pub advantage: f64,
}

impl Default for LqpcSettings {
    /// g = 0.43; delays are looked for with a memory of 20 steps.
    fn default() -> Self {
        Self {
            effect_weight: 3.0,
            power_weight: 0.0,
            hidden_delay: 0,
            find_delay: true,
            memory: 0.95,
            least_movement: 0.005,
            advantage: 0.1,
        }
    }
}

impl LqpcSettings {
    fn check(&self) -> Result<(), LawError> {
        let (positive, part) = ("it must not be negative", "it must be between 0 and 1");
        checked("effect_weight", self.effect_weight, positive, self.effect_weight >= 0.0)?;
        checked("power_weight", self.power_weight, positive, self.power_weight >= 0.0)?;
        let sum = self.effect_weight + self.power_weight;
        checked("effect_weight + power_weight", sum, "something must weigh", sum > 0.0)?;
        checked("memory", self.memory, part, (0.0..1.0).contains(&self.memory))?;
        checked("least_movement", self.least_movement, positive, self.least_movement >= 0.0)?;
        checked("advantage", self.advantage, part, (0.0..=1.0).contains(&self.advantage))?;
        #[allow(clippy::cast_precision_loss, reason = "a few steps")]
        checked(
            "hidden_delay",
            self.hidden_delay as f64,
            "it must be at most 10 steps",
            self.hidden_delay <= MOST_HIDDEN,
        )
    }
}

/// The law at work.
#[derive(Clone, Debug)]
pub struct Lqpc {
    settings: LqpcSettings,
    model: Model,
    /// K.
    k: Square,
    /// What was told last.
    applied: Entries,
    /// B·u of what was told, the newest at `newest`.
    effects: Vec<Entries>,
    newest: usize,
    began: bool,
    delay: Delay,
}

impl Lqpc {
    /// A law for n phases from the rows of B one after another (2n by 2n).
    pub fn new(phases: usize, sensitivity: &[f64], settings: LqpcSettings) -> Result<Self, LawError> {
        settings.check()?;
        let model = Model::new(phases, sensitivity)?;
        let k = padded(&regulator(&model, &settings).ok_or(LawError::Riccati)?);
        let effects = vec![Entries::default(); REMEMBERED];
        let delay = Delay::new(settings.hidden_delay + MOST_EARLY);
        Ok(Self { settings, model, k, applied: Entries::default(), effects, newest: 0, began: false, delay })
    }

    /// The delay beside the age that it works with, steps; negative where time stamps tell too much.
    pub const fn hidden_delay(&self) -> i64 {
        self.delay.index as i64 - MOST_EARLY as i64
    }

    /// B·u of the command so many steps before the last.
    fn effect(&self, back: usize) -> Option<&Entries> {
        (back < REMEMBERED).then(|| &self.effects[(self.newest + REMEMBERED - back) % REMEMBERED])
    }

    /// Takes note of what was told last.
    fn remember(&mut self, applied: &[f64]) {
        if let Some(applied) = taken(applied, self.model.size) {
            self.applied = applied;
        }
        let effect = times(&self.model.b, &self.applied);
        if self.began {
            self.newest = (self.newest + 1) % REMEMBERED;
            self.effects[self.newest] = effect;
        } else {
            self.effects.fill(effect);
            self.began = true;
        }
    }

    /// Compares what each delay predicts with how the measurement has moved since the one before.
    fn compare(&mut self, seen: &Seen, age: usize) {
        let Some(measured) = taken(seen.measured, self.model.size) else { return self.delay.forget() };
        let before = self.delay.before.replace((measured, age));
        let Some((last, last_age)) = before.filter(|(_, last_age)| *last_age > age) else { return };
        let mut moved = minus(&measured, &last);
        moved[self.model.size / 2..self.model.size].iter_mut().for_each(|angle| *angle = short_way(*angle));
        let mut costs = [0.0; DELAYS];
        let mut movement = 0.0;
        for (index, cost) in costs.iter_mut().enumerate() {
            let (new, old) = (self.effect(lag(age, index)), self.effect(lag(last_age, index)));
            let (Some(new), Some(old)) = (new, old) else { return };
            let predicted = minus(new, old);
            let wrong = minus(&moved, &predicted);
            *cost = dot(&wrong, &wrong);
            if index == self.delay.index {
                movement = dot(&predicted, &predicted);
            }
        }
        self.delay.weigh(&costs, movement, &self.settings);
    }
}

impl Law for Lqpc {
    fn step(&mut self, seen: &Seen, command: &mut [f64]) {
        self.remember(seen.applied);
        let age = usize::try_from(seen.age).unwrap_or(usize::MAX).min(REMEMBERED);
        self.delay.grow_older();
        if self.settings.find_delay && seen.fresh {
            self.compare(seen, age);
        }
        let mut asked = self.applied;
        if let (Some(error), Some(then)) = (taken(seen.error, self.model.size), self.effect(lag(age, self.delay.index)))
        {
            let under_way = minus(&self.effects[self.newest], then);
            let change = times(&self.k, &minus(&error, &under_way));
            asked.iter_mut().zip(change).for_each(|(u, change)| *u += change);
        }
        say(command, &asked);
    }

    fn restart(&mut self, applied: &[f64]) {
        self.began = false;
        self.remember(applied);
        self.delay.forget();
    }
}

/// K of Δu = K·e: the regulator of `e(k+1) = e(k) − B·Δu(k)`.
fn regulator(model: &Model, settings: &LqpcSettings) -> Option<DMatrix<f64>> {
    let identity = DMatrix::identity(model.size, model.size);
    let b = -model.dense();
    let r = b.transpose() * &b * settings.effect_weight + &identity * settings.power_weight;
    let s = riccati(&identity, &b, &identity, &r)?;
    // The gain of u = −K·x, and x moves with −B.
    gain(&identity, &b, &r, &s).map(|k| -k)
}

/// An angle by the short way.
fn short_way(angle: f64) -> f64 {
    use std::f64::consts::{PI, TAU};
    if angle.abs() <= PI { angle } else { angle - TAU * (angle / TAU).round() }
}

/// Steps from a command to what a measurement of an age shows of it, for one of the delays.
const fn lag(age: usize, index: usize) -> usize {
    (age + index).saturating_sub(MOST_EARLY)
}

/// The delay beside the age, and what speaks for each.
#[derive(Clone, Debug)]
struct Delay {
    /// Which one is taken: steps beside the age, and [`MOST_EARLY`].
    index: usize,
    /// Sum of squared differences between prediction and measurement, forgetting.
    costs: [f64; DELAYS],
    /// Sum of squared predicted movements of the present delay, forgetting.
    movement: f64,
    /// The measurement before, and how old it is now.
    before: Option<([f64; MOST_SIZE], usize)>,
}

impl Delay {
    const fn new(index: usize) -> Self {
        Self { index, costs: [0.0; DELAYS], movement: 0.0, before: None }
    }

    /// Forgets the evidence; the delay stays.
    const fn forget(&mut self) {
        *self = Self::new(self.index);
    }

    fn grow_older(&mut self) {
        if let Some((_, age)) = &mut self.before {
            *age = age.saturating_add(1).min(REMEMBERED);
        }
    }

    fn weigh(&mut self, costs: &[f64; DELAYS], movement: f64, settings: &LqpcSettings) {
        self.costs.iter_mut().zip(costs).for_each(|(sum, cost)| *sum = settings.memory * *sum + cost);
        self.movement = settings.memory * self.movement + movement;
        let best = (0..self.costs.len()).min_by(|i, j| self.costs[*i].total_cmp(&self.costs[*j])).unwrap_or(self.index);
        let moved = self.movement > settings.least_movement * settings.least_movement;
        if moved && self.costs[self.index] - self.costs[best] > settings.advantage * self.movement {
            self.index = best;
        }
    }
}

#[cfg(test)]
mod tests;
