//! Two-dimensional extremum seeking: no model, only what a probe shows.
//!
//! (D. B. Arnold, M. Negrete-Pincetic, M. D. Sankur, D. M. Auslander, D. S. Callaway: "Model-free optimal control of VAR
//! resources in distribution systems", IEEE Trans. Power Syst. 31, 2016; the two-dimensional form as in the authors' code,
//! michael-sankur/extremum-seeking.) Each phase descends its own `J = |V − V*|²` (complex, per unit) by its own P and Q,
//! which circle at a frequency of the phase's own:
//!
//! `ρ` is J without its slow part, `ξ ← ξ + λ·((2/a)·ρ·{cos, sin}(ω·t') − ξ)`, `{p, q} ← {p, q} − g·T·ξ`,
//! `P = p + a·cos ωt`, `Q = q + a·sin ωt`.
//!
//! t' is the time at which the command was told that the measurement shows, so a known delay does no harm. All phases'
//! steps are limited together by one factor: limited one by one they no longer lie along the descent, and phases that are
//! coupled pull at each other. Where actuators were told less than asked, half of the difference is taken back from p and
//! q a step. The Hessian of J by its own pair is 2·|Z|², Z being how the phase's phasor moves with its own power.
//!
//! Limits: the probe itself stays in the voltages (|Z|·a, about 0.002 pu) unless it decays; what it holds is an average
//! over its periods. Frequencies whose differences are below the filters' disturb each other.

use std::f64::consts::TAU;

use super::model::{Entries, LawError, checked, checked_phases, say, taken};
use super::{Law, MOST_PHASES, Seen};

/// Settings of extremum seeking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExtremumSettings {
    /// Time from a step to the next, s.
    pub step_s: f64,
    /// a: amplitude of the probe.
    pub amplitude_pu: f64,
    /// Frequencies of phases; with fewer phases the first of them.
    pub frequencies_hz: [f64; MOST_PHASES],
    /// g: power per slope and second.
    pub gain: f64,
    /// Corner of both filters.
    pub filter_hz: f64,
    /// Largest change of power, probe aside.
    pub slew_pu_per_s: f64,
    /// Largest P or Q, probe aside.
    pub most_pu: f64,
    /// Rate at which the probe decays while the error is small, 1/s; 0 keeps it.
    pub decay_per_s: f64,
    /// Part of the amplitude that stays when the probe has decayed.
    pub least_part: f64,
    /// Error of a phase's phasor, pu, that makes its probe whole again.
    pub wake_error_pu: f64,
    /// Steps until a command acts, beside the first one and the measurement's age.
    pub hidden_delay: u64,
}

impl Default for ExtremumSettings {
    /// For steps of 0.1 s and a phase that moves by about 0.12 per unit of its own power; see [`Self::for_impedance`].
    fn default() -> Self {
        Self {
            step_s: 0.1,
            amplitude_pu: 0.02,
            frequencies_hz: [2.0, 2.6, 3.6],
            gain: 30.0,
            filter_hz: 0.2,
            slew_pu_per_s: 0.2,
            most_pu: 2.0,
            decay_per_s: 0.0,
            least_part: 0.25,
            wake_error_pu: 0.01,
            hidden_delay: 0,
        }
    }
}

impl ExtremumSettings {
    /// The gain for a phase whose phasor moves by |Z| per unit of its own power: as fast as the default on its own.
    #[must_use]
    pub fn for_impedance(self, z_pu: f64) -> Self {
        Self { gain: Self::default().gain * (0.12 / z_pu).powi(2), ..self }
    }

    fn check(&self, phases: usize) -> Result<(), LawError> {
        let positive = "it must be above 0";
        for (name, value) in [
            ("step_s", self.step_s),
            ("amplitude_pu", self.amplitude_pu),
            ("gain", self.gain),
            ("filter_hz", self.filter_hz),
            ("slew_pu_per_s", self.slew_pu_per_s),
            ("most_pu", self.most_pu),
            ("wake_error_pu", self.wake_error_pu),
        ] {
            checked(name, value, positive, value > 0.0)?;
        }
        checked("decay_per_s", self.decay_per_s, "it must not be negative", self.decay_per_s >= 0.0)?;
        let part = self.least_part > 0.0 && self.least_part <= 1.0;
        checked("least_part", self.least_part, "it must be above 0, at most 1", part)?;
        for (k, f) in self.frequencies_hz[..phases].iter().enumerate() {
            let range = "it must be above the filters' corner, below half the step's rate";
            checked("frequencies_hz", *f, range, *f > self.filter_hz && f * self.step_s < 0.5)?;
            let own = self.frequencies_hz[..k].iter().all(|other| (other - f).abs() > 1e-9);
            checked("frequencies_hz", *f, "each phase must have its own", own)?;
        }
        Ok(())
    }
}

/// What one phase seeks with.
#[derive(Clone, Copy, Debug, Default)]
struct Seeker {
    /// Turn of the probe a step, of 2π.
    turn: f64,
    /// p and q.
    base: [f64; 2],
    /// What it asked for last, with the probe.
    asked: [f64; 2],
    last_j: Option<f64>,
    rho: f64,
    xi: [f64; 2],
    /// Present part of the amplitude.
    part: f64,
}

impl Seeker {
    /// The probe's direction at a step of its own count.
    fn probe(&self, step: f64) -> [f64; 2] {
        let angle = TAU * (self.turn * step).fract();
        [angle.cos(), angle.sin()]
    }

    /// Learns the slope from J, given the probe's direction that it shows.
    fn demodulate(&mut self, j: f64, shown: [f64; 2], amplitude: f64, kept: f64) {
        self.rho = kept * (self.rho + j - self.last_j.replace(j).unwrap_or(j));
        for (xi, direction) in self.xi.iter_mut().zip(shown) {
            *xi += (1.0 - kept) * (2.0 / (amplitude * self.part) * self.rho * direction - *xi);
        }
    }
}

/// The law at work.
#[derive(Clone, Debug)]
pub struct Extremum {
    settings: ExtremumSettings,
    phases: usize,
    seekers: [Seeker; MOST_PHASES],
    /// What a step of a filter keeps.
    kept: f64,
    /// Steps since it began.
    count: u64,
    applied: Entries,
    began: bool,
}

impl Extremum {
    /// A law for n phases.
    pub fn new(phases: usize, settings: ExtremumSettings) -> Result<Self, LawError> {
        settings.check(checked_phases(phases)?)?;
        let seeker = |f: f64| Seeker { turn: f * settings.step_s, part: 1.0, ..Seeker::default() };
        Ok(Self {
            settings,
            phases,
            seekers: settings.frequencies_hz.map(seeker),
            kept: (-TAU * settings.filter_hz * settings.step_s).exp(),
            count: 0,
            applied: Entries::default(),
            began: false,
        })
    }

    /// Bases that give what was told at the next step, and nothing learnt.
    fn clear(&mut self) {
        self.count = 0;
        self.began = true;
        for (k, seeker) in self.seekers[..self.phases].iter_mut().enumerate() {
            let told = [self.applied[k], self.applied[self.phases + k]];
            *seeker = Seeker { turn: seeker.turn, part: 1.0, asked: told, ..Seeker::default() };
            let probe = seeker.probe(0.0);
            seeker.base = std::array::from_fn(|i| told[i] - self.settings.amplitude_pu * probe[i]);
        }
    }

    /// Takes back what could not be told, and learns from a new measurement.
    fn learn(&mut self, seen: &Seen, error: &Entries, target: &Entries) {
        let (n, settings) = (self.phases, self.settings);
        let lag = seen.age.saturating_add(settings.hidden_delay).saturating_add(1);
        // Before it began there was no probe that could be shown.
        let Some(then) = self.count.checked_sub(lag).filter(|_| seen.fresh) else { return };
        for (k, seeker) in self.seekers[..n].iter_mut().enumerate() {
            let v = target[k] - error[k];
            let j = error[k].powi(2) + 4.0 * v * target[k] * (0.5 * error[n + k]).sin().powi(2);
            seeker.demodulate(j, seeker.probe(steps(then)), settings.amplitude_pu, self.kept);
            if j.abs().sqrt() > settings.wake_error_pu {
                seeker.part = 1.0;
            } else {
                let decayed = seeker.part * (-settings.decay_per_s * settings.step_s).exp();
                seeker.part = decayed.max(settings.least_part);
            }
        }
    }

    /// Moves p and q down the slopes, all by one factor where one would be too fast.
    fn descend(&mut self) {
        let (settings, seekers) = (&self.settings, &mut self.seekers[..self.phases]);
        let largest = seekers.iter().flat_map(|s| s.xi).fold(0.0_f64, |most, xi| most.max(xi.abs())) * settings.gain;
        let factor = (settings.slew_pu_per_s / largest).min(1.0) * settings.gain * settings.step_s;
        for seeker in seekers {
            for (base, xi) in seeker.base.iter_mut().zip(seeker.xi) {
                *base = (*base - factor * xi).clamp(-settings.most_pu, settings.most_pu);
            }
        }
    }

    /// Half of what actuators were told less than asked, for phases at their limit.
    fn take_back(&mut self, saturated: &[bool]) {
        for (k, seeker) in self.seekers[..self.phases].iter_mut().enumerate() {
            if saturated.get(k) == Some(&true) {
                for (i, place) in [k, self.phases + k].into_iter().enumerate() {
                    seeker.base[i] += 0.5 * (self.applied[place] - seeker.asked[i]);
                }
            }
        }
    }
}

impl Law for Extremum {
    fn step(&mut self, seen: &Seen, command: &mut [f64]) {
        let size = 2 * self.phases;
        if let Some(applied) = taken(seen.applied, size) {
            self.applied = applied;
        }
        if !self.began {
            self.clear();
        }
        let (Some(error), Some(target)) = (taken(seen.error, size), taken(seen.target, size)) else {
            // What is learnt is of a probe that now stands still.
            self.clear();
            return say(command, &self.applied);
        };
        self.take_back(seen.saturated);
        self.learn(seen, &error, &target);
        if self.seekers.iter().any(|s| !(s.rho.is_finite() && s.xi.iter().all(|xi| xi.is_finite()))) {
            self.clear();
        }
        self.descend();
        let mut asked = Entries::default();
        for (k, seeker) in self.seekers[..self.phases].iter_mut().enumerate() {
            let (probe, amplitude) = (seeker.probe(steps(self.count)), self.settings.amplitude_pu * seeker.part);
            seeker.asked = std::array::from_fn(|i| seeker.base[i] + amplitude * probe[i]);
            [asked[k], asked[self.phases + k]] = seeker.asked;
        }
        self.count += 1;
        say(command, &asked);
    }

    fn restart(&mut self, applied: &[f64]) {
        if let Some(applied) = taken(applied, 2 * self.phases) {
            self.applied = applied;
        }
        self.clear();
    }
}

/// A count of steps as a number.
#[allow(clippy::cast_precision_loss, reason = "2^53 steps of 0.1 s are 28 million years")]
const fn steps(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
