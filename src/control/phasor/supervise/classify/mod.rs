//! Why an L-PBC fails: (a) variability, (b) saturation, (c) failure of an actuator – the three causes of the paper, after
//! which an S-PBC acts differently.
//!
//! - **(c)** An actuator's report lies outside what its commands, dead time, response and ramp allow, for some steps. Without
//!   reports the phasors answer to a phase's commands with less than a share of what B predicts. Such a phase is found only
//!   while commands move ([`Settings::excited`]); one of several silent actuators of a phase only when most of the phase's
//!   power was its own; and a load that ramps as fast as commands do, against them, looks the same.
//! - **(b)** What an actuator is told is at its limit (its rating, or what its battery can do) for some steps while the error is outside the band: "ICDI" of Swartz's
//!   drivers (jaimiosyncrasy/LPBCcode), which count five.
//! - **(a)** The error's RMS over a window is large, in three quarters of it at least, its mean small, and it swings: single
//!   steps, which the RMS alone would take for it, decay within a quarter or do not swing.
//!
//! The worst is the class: failure before saturation before variability. Without any the loop is as it should be, or its
//! target has just moved.

mod actuator;
#[cfg(test)]
mod tests;
mod window;

use super::{LOOK, Spell};
use crate::control::phasor::{MOST_PHASES, MOST_SIZE};
use crate::quantity::Tick;

pub use actuator::Actuator;
use actuator::Watched;
use window::Window;

/// Thresholds. Defaults are for a step of 0.1 s.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Time between steps in s.
    pub period_s: f64,
    /// Steps in a row at the limit that are saturation.
    pub saturation_steps: u32,
    /// Steps in a row of a wrong report, or of a missing answer, that are a failure.
    pub failure_steps: u32,
    /// Difference of report and command that is wrong, relative to the command.
    pub failure_relative: f64,
    /// The same, least, per unit.
    pub failure_pu: f64,
    /// Predicted change of the phasors a step, root of the sum of squares in per unit and rad, that is enough to tell whether
    /// they answer. A load that ramps slower than this a step does not look like a failure.
    pub excited: f64,
    /// An answer below this share of the predicted one is none: 0.4, so that a B of twice the true one is no failure.
    pub least_answer: f64,
    /// Error within which nothing fails: per unit, rad.
    pub band: [f64; 2],
    /// Samples of the window of variability: 5 s.
    pub window: usize,
    /// RMS of the error that is variability: per unit, rad.
    pub rms: [f64; 2],
    /// Largest mean, as a share of the RMS.
    pub mean_share: f64,
    /// Fewest swings from one side to the other within the window.
    pub swings: u32,
    /// What is commanded.
    pub actuators: Vec<Actuator>,
}

impl Default for Settings {
    fn default() -> Self {
        let deg = std::f64::consts::PI / 180.0;
        Self {
            period_s: 0.1,
            saturation_steps: 5,
            failure_steps: 5,
            failure_relative: 0.1,
            failure_pu: 0.02,
            excited: 0.002,
            least_answer: 0.4,
            band: [0.001, 0.05 * deg],
            window: 50,
            rms: [0.003, 0.15 * deg],
            mean_share: 0.4,
            swings: 3,
            actuators: Vec::new(),
        }
    }
}

/// Why a loop fails, from the mildest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It does not.
    #[default]
    None,
    /// (a) The disturbance varies faster than the loop can follow.
    Variability,
    /// (b) An actuator is at its limit.
    Saturation,
    /// (c) An actuator does not do what it is told.
    Failure,
}

impl Class {
    /// Its number in a record.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// What an opinion rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    /// P and Q that it is told, per unit, and its limit.
    AtLimit {
        /// Told.
        told_pu: [f64; 2],
        /// Largest apparent power.
        limit_pu: f64,
    },
    /// What it was told and what it reports, P and Q per unit.
    Report {
        /// Told.
        told_pu: [f64; 2],
        /// Reported.
        reported_pu: [f64; 2],
    },
    /// Size of the change of the phasors that was predicted of a phase, and of the one that came.
    NoAnswer {
        /// Predicted.
        predicted: f64,
        /// Measured.
        measured: f64,
    },
    /// Of the error of one output (its place among 2n): RMS, mean, swings.
    Swings {
        /// Which.
        output: usize,
        /// RMS over the window.
        rms: f64,
        /// Mean over the window.
        mean: f64,
        /// From one side to the other.
        swings: u32,
    },
    /// It is over.
    Over,
}

/// A change of opinion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub tick: Tick,
    /// Which cause began, or is over ([`Why::Over`]).
    pub class: Class,
    /// The actuator, where it is known.
    pub actuator: Option<usize>,
    /// The phase.
    pub phase: Option<usize>,
    /// Reason and inputs.
    pub why: Why,
}

/// What a step sees.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// When.
    pub tick: Tick,
    /// Target minus measured: 2n.
    pub error: &'a [f64],
    /// Phasors as measured: 2n.
    pub measured: &'a [f64],
    /// Whether they are new.
    pub fresh: bool,
    /// Steps between the measurement and now.
    pub age: u64,
    /// P and Q that each actuator was told at the step before, after limits: what acts now.
    pub told: &'a [[f64; 2]],
    /// P and Q that each actuator reports; NaN where it says nothing.
    pub reported: &'a [[f64; 2]],
}

/// Most steps between a measurement and now with which answers are looked for.
const MOST_AGE: usize = 16;

/// Power of all actuators together, and of those without a report: 2n each.
type Acting = [[f64; MOST_SIZE]; 2];

/// Says why one L-PBC fails.
#[derive(Clone, Debug)]
pub struct Classifier {
    settings: Settings,
    n: usize,
    b: Vec<f64>,
    watched: Vec<Watched>,
    window: Window,
    swinging: bool,
    /// Samples since the last look at the window.
    unseen: u32,
    silent: [Spell; MOST_PHASES],
    dead: [bool; MOST_PHASES],
    acting: [Acting; MOST_AGE],
    steps: u64,
    last: Option<([f64; MOST_SIZE], Acting)>,
    events: Vec<Event>,
}

impl Classifier {
    /// A classifier with a sensitivity (2n rows of 2n); `None` where shapes or phases do not fit.
    pub fn new(settings: Settings, b: &[f64]) -> Option<Self> {
        let n = (1..=MOST_PHASES).find(|n| 4 * n * n == b.len())?;
        let watched: Vec<_> = settings.actuators.iter().map(|a| Watched::new(*a, settings.period_s)).collect();
        if watched.iter().any(|w| w.actuator.phase >= n) {
            return None;
        }
        Some(Self {
            n,
            b: b.to_vec(),
            window: Window::new(settings.window),
            swinging: false,
            unseen: 0,
            silent: [Spell::default(); MOST_PHASES],
            dead: [false; MOST_PHASES],
            acting: [[[0.0; MOST_SIZE]; 2]; MOST_AGE],
            steps: 0,
            last: None,
            events: Vec::with_capacity(2 * watched.len() + MOST_PHASES + 1),
            watched,
            settings,
        })
    }

    /// The worst cause at present.
    pub fn class(&self) -> Class {
        if self.dead.contains(&true) || self.watched.iter().any(|w| w.failed) {
            Class::Failure
        } else if self.watched.iter().any(|w| w.saturated) {
            Class::Saturation
        } else if self.swinging {
            Class::Variability
        } else {
            Class::None
        }
    }

    /// Whether an actuator is taken for failed, by its report.
    pub fn failed(&self, actuator: usize) -> bool {
        self.watched.get(actuator).is_some_and(|w| w.failed)
    }

    /// Whether an actuator is at its limit.
    pub fn saturated(&self, actuator: usize) -> bool {
        self.watched.get(actuator).is_some_and(|w| w.saturated)
    }

    /// Whether a phase's actuators without reports do not answer.
    pub fn silent(&self, phase: usize) -> bool {
        self.dead.get(phase).copied().unwrap_or_default()
    }

    /// Says of an actuator whether it is told as much active power as its battery can do, and whether that is less than was
    /// asked for.
    pub fn set_held(&mut self, actuator: usize, at_limit: bool, short: bool) {
        if let Some(own) = self.watched.get_mut(actuator) {
            own.held = [at_limit, short];
        }
    }

    /// What changed in the last step.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// One step.
    pub fn step(&mut self, input: &Input) -> Class {
        self.events.clear();
        self.steps += 1;
        let outside =
            (0..2 * self.n).any(|i| input.error.get(i).is_some_and(|e| e.abs() > self.settings.band[i / self.n]));
        self.watch_actuators(input, outside);
        if input.fresh {
            self.watch_answers(input);
            self.watch_swings(input);
        }
        self.class()
    }

    fn watch_actuators(&mut self, input: &Input, outside: bool) {
        let mut acting: Acting = [[0.0; MOST_SIZE]; 2];
        for (k, watched) in self.watched.iter_mut().enumerate() {
            let told = input.told.get(k).copied().unwrap_or([f64::NAN; 2]);
            let reported = input.reported.get(k).copied().unwrap_or([f64::NAN; 2]);
            let (failed, saturated) = (watched.failed, watched.saturated);
            watched.step(&self.settings, told, reported, outside);
            let mut say = |class, why| {
                let phase = Some(watched.actuator.phase);
                self.events.push(Event { tick: input.tick, class, actuator: Some(k), phase, why });
            };
            if watched.failed != failed {
                say(
                    Class::Failure,
                    if failed { Why::Over } else { Why::Report { told_pu: told, reported_pu: reported } },
                );
            }
            if watched.saturated != saturated {
                let why = Why::AtLimit { told_pu: told, limit_pu: watched.actuator.s_pu };
                say(Class::Saturation, if saturated { Why::Over } else { why });
            }
            let power = watched.power(reported);
            for (part, x) in power.iter().enumerate() {
                let place = part * self.n + watched.actuator.phase;
                acting[0][place] += x;
                acting[1][place] += if watched.actuator.reports { 0.0 } else { *x };
            }
        }
        self.acting[self.steps as usize % MOST_AGE] = acting;
    }

    /// Whether the phasors answer to the actuators that do not report.
    fn watch_answers(&mut self, input: &Input) {
        let size = 2 * self.n;
        let age = usize::try_from(input.age).unwrap_or(usize::MAX);
        let y = input.measured.get(..size).filter(|y| y.iter().all(|x| x.is_finite()));
        let (Some(y), true) = (y, age < MOST_AGE && self.watched.iter().any(|w| !w.actuator.reports)) else {
            self.last = None;
            return;
        };
        let acting = self.acting[(self.steps as usize + MOST_AGE - age) % MOST_AGE];
        let mut now = [0.0; MOST_SIZE];
        now[..size].copy_from_slice(y);
        let Some((before, acted)) = self.last.replace((now, acting)) else { return };
        for phase in 0..self.n {
            self.watch_phase(input.tick, phase, &(now, acting), &(before, acted));
        }
    }

    fn watch_phase(
        &mut self,
        tick: Tick,
        phase: usize,
        now: &([f64; MOST_SIZE], Acting),
        before: &([f64; MOST_SIZE], Acting),
    ) {
        let (n, size) = (self.n, 2 * self.n);
        let change = |of: usize, j: usize| now.1[of][j] - before.1[of][j];
        let row = |i: usize| &self.b[i * size..(i + 1) * size];
        let own = |i: usize| row(i)[phase] * change(1, phase) + row(i)[n + phase] * change(1, n + phase);
        let predicted = (0..size).map(|i| own(i).powi(2)).sum::<f64>().sqrt();
        if predicted.is_nan() || predicted < self.settings.excited {
            return;
        }
        let others = |i: usize| row(i).iter().enumerate().map(|(j, b)| b * change(0, j)).sum::<f64>() - own(i);
        let turn = |i: usize| now.0[i] - before.0[i];
        let seen = |i: usize| if i < n { turn(i) } else { super::short_way(turn(i)) };
        let measured = (0..size).map(|i| (seen(i) - others(i)).powi(2)).sum::<f64>().sqrt();
        let missing = measured < self.settings.least_answer * predicted;
        let dead = self.silent[phase].count(missing, self.settings.failure_steps) || (self.dead[phase] && missing);
        if dead != self.dead[phase] {
            self.dead[phase] = dead;
            let why = if dead { Why::NoAnswer { predicted, measured } } else { Why::Over };
            let mut silent = (0..self.watched.len()).filter(|k| {
                let actuator = &self.watched[*k].actuator;
                actuator.phase == phase && !actuator.reports
            });
            let actuator = silent.next().filter(|_| silent.next().is_none());
            self.events.push(Event { tick, class: Class::Failure, actuator, phase: Some(phase), why });
        }
    }

    fn watch_swings(&mut self, input: &Input) {
        let size = 2 * self.n;
        let Some(error) = input.error.get(..size).filter(|e| e.iter().all(|x| x.is_finite())) else { return };
        self.window.push(error);
        self.unseen += 1;
        if self.unseen < LOOK {
            return;
        }
        self.unseen = 0;
        let found = (0..size).find_map(|i| {
            let limit = self.settings.rms[i / self.n];
            self.window.swings(i, limit, &self.settings).map(|(rms, mean, swings)| (i, rms, mean, swings))
        });
        if found.is_some() != self.swinging {
            self.swinging = found.is_some();
            let why = found.map_or(Why::Over, |(output, rms, mean, swings)| Why::Swings { output, rms, mean, swings });
            let phase = found.map(|(output, ..)| output % self.n);
            self.events.push(Event { tick: input.tick, class: Class::Variability, actuator: None, phase, why });
        }
    }
}
