//! The decoupled law with a sensitivity that it learns from what its own commands do.
//!
//! L-PBC measures voltages, not the currents that an impedance would need. What it knows is what it told actuators and how
//! phasors moved: `Δy = B·Δu` between two measurements, if nothing else moved. B is found by recursive least squares that
//! forget. Three gates keep other things out: changes of command below a least size teach nothing (in a closed loop noise
//! is followed by commands against it, which would make B look four times as large: the least size is to be ten times what
//! noise does to commands); neither do changes of phasors that a B some times off could not explain (a disturbance);
//! and the estimate stays within a distance of where it began. The covariance is bounded and begins anew at its bound.
//!
//! Limits: what actuators do is taken for what they were told, so a lagging or dead one looks like a smaller B; a
//! disturbance as small as the command's effect is not told from it. Not in the sources: the published driver estimates Z.

use super::sensitivity::{Square, times};
use super::{Decoupled, DecoupledGains, Inverse, Law, MOST_SIZE, Mask, Seen, Sensitivity, SensitivityError};

/// Commands that are remembered until their effect is measured.
const KEPT: usize = 32;

/// How a sensitivity is learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SensitivitySettings {
    /// What is left of a step's weight a step that teaches later.
    pub forgetting: f64,
    /// Change of command per unit below which a step teaches nothing.
    pub least_pu: f64,
    /// Changes of phasors beyond what is expected, by the most that the first B could do with the command, that count as
    /// something else's.
    pub most_surprise: f64,
    /// Distance from the first B by its own size (Frobenius) that the estimate keeps.
    pub most_off: f64,
    /// Covariance at the beginning, and the most that it may grow to.
    pub covariance: f64,
}

impl Default for SensitivitySettings {
    fn default() -> Self {
        Self { forgetting: 0.95, least_pu: 0.01, most_surprise: 4.0, most_off: 2.0, covariance: 1e3 }
    }
}

/// An estimate of B.
#[derive(Clone, Debug)]
pub struct SensitivityEstimate {
    settings: SensitivitySettings,
    start: Sensitivity,
    /// Its largest singular value.
    norm: f64,
    b: Square,
    covariance: Square,
    updates: u64,
}

impl SensitivityEstimate {
    /// An estimate that begins at a sensitivity.
    pub fn new(start: Sensitivity, settings: SensitivitySettings) -> Self {
        let (b, covariance) = (*start.square(), diagonal(settings.covariance));
        Self { norm: start.norm(), start, settings, b, covariance, updates: 0 }
    }

    /// The estimate.
    pub fn sensitivity(&self) -> Result<Sensitivity, SensitivityError> {
        Sensitivity::of_square(self.start.phases(), self.b)
    }

    /// Steps that taught something.
    pub const fn updates(&self) -> u64 {
        self.updates
    }

    /// Takes in how far phasors moved and the change of command that moved them; whether that taught something.
    pub fn learn(&mut self, moved: &[f64], told: &[f64]) -> bool {
        let size = self.start.size();
        let take = |of: &[f64]| -> [f64; MOST_SIZE] {
            std::array::from_fn(|k| if k < size { of.get(k).copied().unwrap_or(0.0) } else { 0.0 })
        };
        let (dy, du) = (take(moved), take(told));
        let length = |of: &[f64; MOST_SIZE]| of.iter().map(|x| x * x).sum::<f64>().sqrt();
        let expected = times(&self.b, &du);
        let missed: [f64; MOST_SIZE] = std::array::from_fn(|k| dy[k] - expected[k]);
        let small = length(&du) >= self.settings.least_pu
            && length(&missed) <= self.settings.most_surprise * self.norm * length(&du);
        if !small {
            return false; // of a number that is none as well
        }
        self.update(&du, &missed);
        self.bound();
        self.updates += 1;
        true
    }

    fn update(&mut self, du: &[f64; MOST_SIZE], missed: &[f64; MOST_SIZE]) {
        let forgetting = self.settings.forgetting;
        let turned = times(&self.covariance, du);
        let energy: f64 = turned.iter().zip(du).map(|(a, b)| a * b).sum();
        let gain = turned.map(|x| x / (forgetting + energy));
        for (row, missed) in self.b.iter_mut().zip(missed) {
            row.iter_mut().zip(gain).for_each(|(b, gain)| *b += missed * gain);
        }
        for (row, gain) in self.covariance.iter_mut().zip(gain) {
            row.iter_mut().zip(turned).for_each(|(x, turned)| *x = (*x - gain * turned) / forgetting);
        }
        let bounded = |k: usize| (0.0..=self.settings.covariance).contains(&self.covariance[k][k]);
        if !(0..MOST_SIZE).all(bounded) {
            self.covariance = diagonal(self.settings.covariance);
        }
    }

    /// Brings the estimate back towards where it began, as far as it must.
    fn bound(&mut self) {
        let start = self.start.square();
        let size = |of: &dyn Fn(usize) -> f64| (0..MOST_SIZE * MOST_SIZE).map(|k| of(k).powi(2)).sum::<f64>().sqrt();
        let first = start.as_flattened();
        let most = self.settings.most_off * size(&|k| first[k]);
        let own = self.b.as_flattened_mut();
        let off = size(&|k| own[k] - first[k]);
        if off.is_nan() {
            own.copy_from_slice(first);
        } else if off > most {
            own.iter_mut().zip(first).for_each(|(b, first)| *b = first + (*b - first) * most / off);
        }
    }
}

fn diagonal(size: f64) -> Square {
    std::array::from_fn(|i| std::array::from_fn(|k| if i == k { size } else { 0.0 }))
}

/// The decoupled law with an estimate of its sensitivity.
#[derive(Clone, Debug)]
pub struct Adaptive {
    law: Decoupled,
    estimate: SensitivityEstimate,
    held: Mask,
    most_condition: f64,
    /// What was told after each step, the newest first from `next`.
    told: [[f64; MOST_SIZE]; KEPT],
    next: usize,
    count: usize,
    /// The last measurement, and what was acting then.
    last: Option<[[f64; MOST_SIZE]; 2]>,
}

impl Adaptive {
    /// A law that begins at a sensitivity, for phases that actuators have.
    pub fn new(
        start: Sensitivity,
        held: &[bool],
        gains: DecoupledGains,
        settings: SensitivitySettings,
        most_condition: f64,
    ) -> Result<Self, SensitivityError> {
        let mask = start.of_phases(held);
        let law = Decoupled::new(start.inverse(&mask, &mask, most_condition)?, gains);
        let estimate = SensitivityEstimate::new(start, settings);
        let told = [[0.0; MOST_SIZE]; KEPT];
        Ok(Self { law, estimate, held: mask, most_condition, told, next: 0, count: 0, last: None })
    }

    /// What it has learned.
    pub const fn estimate(&self) -> &SensitivityEstimate {
        &self.estimate
    }

    /// The inverse that it works with.
    pub const fn inverse(&self) -> &Inverse {
        self.law.inverse()
    }

    /// What was told by the step before the measurement was made; `None` where that is too long ago.
    fn acting(&self, age: u64) -> Option<[f64; MOST_SIZE]> {
        let back = usize::try_from(age).ok()?.checked_add(1)?;
        (back <= self.count).then(|| self.told[(self.next + KEPT - back) % KEPT])
    }

    fn learn(&mut self, seen: &Seen) {
        let mut applied = [0.0; MOST_SIZE];
        applied.iter_mut().zip(seen.applied).for_each(|(own, x)| *own = *x);
        self.told[self.next] = applied;
        self.next = (self.next + 1) % KEPT;
        self.count = (self.count + 1).min(KEPT);
        if !seen.fresh {
            return;
        }
        let mut measured = [0.0; MOST_SIZE];
        measured.iter_mut().zip(seen.measured).for_each(|(own, x)| *own = *x);
        let new = self.acting(seen.age).map(|acting| [measured, acting]);
        let last = std::mem::replace(&mut self.last, new);
        let (Some(new), Some(last)) = (new, last) else { return };
        let change = |of: usize| -> [f64; MOST_SIZE] { std::array::from_fn(|k| new[of][k] - last[of][k]) };
        if self.estimate.learn(&change(0), &change(1)) {
            let inverse = self.estimate.sensitivity();
            if let Ok(inverse) = inverse.and_then(|b| b.inverse(&self.held, &self.held, self.most_condition)) {
                self.law.set_sensitivity(inverse);
            }
        }
    }
}

impl Law for Adaptive {
    fn step(&mut self, seen: &Seen, command: &mut [f64]) {
        self.learn(seen);
        self.law.step(seen, command);
    }

    fn restart(&mut self, applied: &[f64]) {
        self.law.restart(applied);
        (self.count, self.last) = (0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{B_632, Plant, TIGHT, settled};
    use super::super::{MOST_CONDITION, sensitivity_of_impedance};
    use super::*;
    use crate::quantity::{Noise, complex};

    fn b() -> Sensitivity {
        Sensitivity::new(3, B_632.as_flattened()).unwrap()
    }

    /// How far off an estimate is, by the true one's size.
    fn off(estimate: &SensitivityEstimate) -> f64 {
        let apart = estimate.b.as_flattened().iter().zip(B_632.as_flattened()).map(|(x, y)| (x - y).powi(2));
        (apart.sum::<f64>() / B_632.as_flattened().iter().map(|x| x * x).sum::<f64>()).sqrt()
    }

    fn adaptive(start: Sensitivity) -> Adaptive {
        let gains = DecoupledGains::default();
        Adaptive::new(start, &[true; 3], gains, SensitivitySettings::default(), MOST_CONDITION).unwrap()
    }

    /// Disturbances one after the other; steps to settle after each.
    fn disturbances(law: &mut dyn Law, plant: &mut Plant, count: u64) -> Vec<Option<usize>> {
        let noise = Noise::new(4, "disturbances");
        (0..count)
            .map(|event| {
                (0..6).for_each(|k| plant.d[k as usize] += 0.04 * noise.normal(event * 6 + k));
                settled(&plant.run(law, &[0.0; 6], 80), TIGHT)
            })
            .collect()
    }

    #[test]
    fn a_wrong_sensitivity_is_learned_and_the_law_becomes_as_good_as_with_the_true_one() {
        // A line without reactance, 65° off, and half as long.
        let wrong = std::array::from_fn(|i| {
            std::array::from_fn(|k| if i == k { complex(0.06, 0.0) } else { complex(0.0, 0.0) })
        });
        let start = sensitivity_of_impedance(3, &wrong).unwrap();
        let fixed = Decoupled::new(start.inverse(&[true; 6], &[true; 6], 50.0).unwrap(), DecoupledGains::default());
        let before = disturbances(&mut fixed.clone(), &mut Plant::new(), 12);
        let mut law = adaptive(start);
        let first = off(law.estimate());
        let after = disturbances(&mut law, &mut Plant::new(), 12);
        println!("fixed {before:?}, learned {after:?}, off {first:.2} to {:.3}", off(law.estimate()));
        assert!(off(law.estimate()) < 0.25 * first);
        let worst = after[8..].iter().map(|s| s.unwrap_or(usize::MAX)).max().unwrap();
        assert!(worst <= 15, "{after:?}");
        assert!(before[8..].iter().any(|s| s.is_none_or(|s| s > worst)), "{before:?}");
    }

    #[test]
    fn noise_and_disturbances_do_not_lead_it_astray() {
        let mut plant = Plant::new();
        plant.noise = [1e-4, 0.01f64.to_radians()];
        let mut law = adaptive(b());
        disturbances(&mut law, &mut plant, 20);
        plant.run(&mut law, &[0.0; 6], 3000);
        println!("off {:.3} after {} updates", off(law.estimate()), law.estimate().updates());
        assert!(off(law.estimate()) < 0.15, "{}", off(law.estimate()));
    }

    #[test]
    fn late_measurements_are_paired_with_the_commands_that_acted() {
        let mut plant = Plant::new();
        plant.extra_delay = 2;
        let mut law = adaptive(b().scaled(1.5));
        disturbances(&mut law, &mut plant, 12);
        assert!(off(law.estimate()) < 0.15, "{}", off(law.estimate()));
    }

    #[test]
    fn an_estimate_keeps_its_distance_and_bears_anything() {
        let settings = SensitivitySettings { most_off: 0.5, most_surprise: f64::INFINITY, ..Default::default() };
        let mut estimate = SensitivityEstimate::new(b(), settings);
        let noise = Noise::new(2, "anything");
        for step in 0..2000u64 {
            let random = |k: u64| {
                if noise.bits(step * 16 + k).is_multiple_of(50) { f64::NAN } else { noise.normal(step * 16 + k) }
            };
            let (dy, du): (Vec<f64>, Vec<f64>) = (0..6).map(|k| (random(k), random(k + 6))).unzip();
            estimate.learn(&dy, &du);
            assert!(off(&estimate) <= 0.5 + 1e-9);
        }
        assert!(estimate.updates() > 500);
        let quiet = estimate.updates();
        assert!(!estimate.learn(&[0.001; 6], &[0.001; 6]) && estimate.updates() == quiet);
    }
}
