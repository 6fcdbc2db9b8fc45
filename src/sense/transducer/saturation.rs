//! Saturation of a current transformer's core: a flux that the secondary current drives, and a knee.
//!
//! With a resistive burden the flux is ψ = ∫ i dt in A·s, referred to the primary and divided by the burden. Below its knee
//! ψ_s the core takes no current; above, it takes (|ψ| − ψ_s)/τ_s, which the burden then lacks:
//!
//! ```text
//! ψ ← ψ·e^(−h/T₂) + h·i_out,   i_out = i − sgn(ψ)·max(0, |ψ| − ψ_s)/τ_s
//! ```
//!
//! solved for i_out at the end of each sample. ψ_s = √2·ALF·I_r/ω_r: the flux at the accuracy limit factor times the rated
//! current. Limits: one knee, no remanence, no hysteresis.

use std::f64::consts::{SQRT_2, TAU};

use crate::quantity::{Complex, complex};

/// A core that saturates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Saturation {
    /// Accuracy limit factor: how many times the rated current of rated frequency the core carries at its knee.
    pub limit_factor: f64,
    /// Time constant of the saturated core, its inductance over the burden, in s.
    pub saturated_s: f64,
    /// Time constant of the unsaturated core, in s: how fast a mean of the flux is forgotten.
    pub magnetising_s: f64,
}

impl Saturation {
    /// A core with an accuracy limit factor, and time constants of 0.2 ms and 3 s.
    pub const fn new(limit_factor: f64) -> Self {
        Self { limit_factor, saturated_s: 2e-4, magnetising_s: 3.0 }
    }
}

/// The flux in a core.
#[derive(Clone, Copy, Debug)]
pub struct Flux {
    flux: f64,
    knee: f64,
    step_s: f64,
    saturated_s: f64,
    keeps: f64,
}

impl Flux {
    /// A core of a transformer of so many amperes, at a rated frequency, sampled every `step_s` seconds, without flux.
    pub fn new(settings: Saturation, rated_a: f64, rated_hz: f64, step_s: f64) -> Self {
        let knee = SQRT_2 * settings.limit_factor * rated_a / (TAU * rated_hz);
        let keeps = (-step_s / settings.magnetising_s).exp();
        Self { flux: 0.0, knee, step_s, saturated_s: settings.saturated_s, keeps }
    }

    /// Adds to the flux what a steady component has left there, one sample before the next, when its value was Re x, with an unsaturated
    /// core: warm start.
    pub fn warm(&mut self, x: Complex, f_over_rate: f64) {
        let kept = Complex::cis(-TAU * f_over_rate) * self.keeps;
        self.flux = (self.flux + (x * self.step_s / (complex(1.0, 0.0) - kept)).re).clamp(-self.knee, self.knee);
    }

    /// The secondary current, referred to the primary, in A: samples in place.
    pub fn apply(&mut self, samples: &mut [f64]) {
        for current in samples {
            let kept = self.flux * self.keeps;
            let ahead = kept + self.step_s * *current;
            let beyond = ahead.abs() - self.knee;
            if beyond > 0.0 {
                // |ψ| − ψ_s falls from `beyond` to this, by what the core takes during the step.
                let left = beyond / (1.0 + self.step_s / self.saturated_s);
                self.flux = (self.knee + left).copysign(ahead);
                *current = (self.flux - kept) / self.step_s;
            } else {
                self.flux = ahead;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Primary and secondary current from the start of a cosine on, the core without flux.
    fn secondary(times: f64) -> (Vec<f64>, Vec<f64>) {
        let (rated_a, hz, fs) = (100.0, 50.0, 12_800.0);
        let peak = SQRT_2 * rated_a * times;
        let primary: Vec<f64> = (0..2560).map(|k| peak * (TAU * hz * k as f64 / fs).cos()).collect();
        let mut samples = primary.clone();
        Flux::new(Saturation::new(10.0), rated_a, hz, 1.0 / fs).apply(&mut samples);
        (primary, samples)
    }

    #[test]
    fn below_its_limit_a_core_takes_nothing() {
        let (primary, secondary) = secondary(9.8);
        let worst = primary.iter().zip(&secondary).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert_eq!(worst, 0.0);
    }

    #[test]
    fn above_its_limit_a_part_of_each_half_wave_is_lost() {
        // At 20 times the rated current the flux swings to twice the knee: it passes it (going up, sin ωt = ½) 30° into a rise and stays
        // until the current turns, 60° later. There the secondary current is nearly nothing.
        let (primary, secondary) = secondary(20.0);
        let rms = |x: &[f64]| (x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64).sqrt();
        let share = rms(&secondary[1280..]) / rms(&primary[1280..]);
        assert!((0.6..0.95).contains(&share), "{share}");
        let lost = (1280..2560).filter(|&k| secondary[k].abs() < 0.2 * primary[k].abs()).count();
        assert!(lost > 256, "{lost}");
        let mean: f64 = secondary[1280..].iter().sum::<f64>() / 1280.0;
        assert!(mean.abs() < 0.05 * rms(&primary), "both half-waves alike: {mean}");
    }
}
