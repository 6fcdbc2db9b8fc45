//! What lies between a law's command and the error it sees: actuators, delays and the network's sensitivity.
//!
//! `y = y₀ + B·p`, and for each of the law's commands u a first-order lag behind a dead time, sampled with the command
//! held between steps: `p⁺ = pole·p + (1 − pole − late)·u(k−d) + late·u(k−d−1)`. For a time constant τ, a period h and a
//! dead time of d·h + f (0 ≤ f < h): `pole = e^(−h/τ)`, `late = e^(−(h−f)/τ) − pole` (K. J. Åström, B. Wittenmark,
//! Computer-Controlled Systems, 3rd ed., 2.3). A command acts from the next step on, which is the `⁺` and no part of d.

use nalgebra::DMatrix;

/// Longest dead time that is counted, in steps.
const MOST_DELAY: f64 = 1e6;

/// The way of one command: a dead time and a first-order lag.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    /// Part of the output that is left after a step: 0 is at once.
    pub pole: f64,
    /// Part of a command that comes a step after the rest of it, for dead times between two steps.
    pub late: f64,
    /// Whole steps of delay beside the one that every command takes.
    pub delay_steps: usize,
}

impl Lag {
    /// The lag of a time constant and a dead time in s, at a period in s. Negative times count as none.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count of steps")]
    pub fn sampled(time_constant_s: f64, dead_time_s: f64, period_s: f64) -> Self {
        let left = |t_s: f64| if time_constant_s > 0.0 { (-t_s / time_constant_s).exp() } else { 0.0 };
        let steps = (dead_time_s / period_s).clamp(0.0, MOST_DELAY);
        // A dead time of whole steps that rounding left a hair short or long.
        let whole = if (steps - steps.round()).abs() < 1e-9 { steps.round() } else { steps.floor() };
        let rest_s = (steps - whole).max(0.0) * period_s;
        let pole = left(period_s);
        Self { pole, late: left(period_s - rest_s) - pole, delay_steps: whole as usize }
    }

    /// States that hold commands on their way.
    pub(super) fn waiting(self) -> usize {
        self.delay_steps.saturating_add(usize::from(self.late != 0.0))
    }

    /// The same lag after further steps of delay.
    pub(super) fn later(self, steps: usize) -> Self {
        Self { delay_steps: self.delay_steps.saturating_add(steps), ..self }
    }
}

/// The way of all commands to the outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Outputs by commands: 2n by 2n, as the module of the laws lays them out.
    pub sensitivity: DMatrix<f64>,
    /// One for each command.
    pub lags: Vec<Lag>,
}

impl Path {
    /// A network whose actuators answer at once, `delay_steps` later than the one step that every command takes.
    pub fn direct(sensitivity: DMatrix<f64>, delay_steps: usize) -> Self {
        let lags = vec![Lag { delay_steps, ..Lag::default() }; sensitivity.ncols()];
        Self { sensitivity, lags }
    }

    /// The same network seen through further steps of delay.
    #[must_use]
    pub fn later(&self, steps: usize) -> Self {
        Self { sensitivity: self.sensitivity.clone(), lags: self.lags.iter().map(|lag| lag.later(steps)).collect() }
    }

    /// The same network with all sensitivities times a factor.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self { sensitivity: &self.sensitivity * factor, lags: self.lags.clone() }
    }

    /// One output and one command of it alone: all other loops open.
    pub fn only(&self, output: usize, command: usize) -> Option<Self> {
        let gain = *self.sensitivity.get((output, command))?;
        Some(Self { sensitivity: DMatrix::from_element(1, 1, gain), lags: vec![*self.lags.get(command)?] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Output of a lag after each step of a command that is 1 from step 0 on.
    fn steps(lag: Lag, count: usize) -> Vec<f64> {
        let u = |k: usize, back: usize| f64::from(u8::from(k >= back));
        let mut p = 0.0;
        let next = |k| {
            p = lag.pole * p
                + (1.0 - lag.pole - lag.late) * u(k, lag.delay_steps)
                + lag.late * u(k, lag.delay_steps + 1);
            p
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn a_sampled_lag_is_the_exponential_at_its_steps() {
        for (tau, dead, period) in [(0.3, 0.0, 0.1), (0.3, 0.25, 0.1), (0.05, 0.12, 0.1), (1.0, 0.2, 0.1)] {
            for (k, p) in steps(Lag::sampled(tau, dead, period), 30).into_iter().enumerate() {
                let t: f64 = (k as f64 + 1.0) * period - dead;
                let exact = if t > 1e-12 { 1.0 - (-t / tau).exp() } else { 0.0 };
                assert!((p - exact).abs() < 1e-12, "τ {tau}, θ {dead}, step {k}: {p} {exact}");
            }
        }
    }

    #[test]
    fn no_lag_acts_at_the_next_step() {
        assert_eq!(Lag::sampled(0.0, 0.0, 0.1), Lag::default());
        assert_eq!(Lag::sampled(0.0, 0.3, 0.1), Lag { delay_steps: 3, ..Lag::default() });
        assert_eq!(Lag::sampled(-1.0, f64::NAN, 0.1), Lag::default());
        assert_eq!(Lag::sampled(0.0, f64::INFINITY, 0.1).delay_steps, 1_000_000);
    }
}
