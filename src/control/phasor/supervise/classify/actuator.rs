//! What an actuator may do, given what it was told.
//!
//! A model of it – dead time, first-order response, ramp, as configured – and the commands themselves bound its output: one
//! that is quicker than configured lies between the model and the command. Only a report outside those bounds is wrong.
//! One whose battery is empty or full may stop at any power between its command and nothing.

use super::Settings;
use crate::control::phasor::supervise::Spell;

/// An actuator on one phase, as configured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Actuator {
    /// Its phase, from 0.
    pub phase: usize,
    /// Largest apparent power per unit of a phase's base.
    pub s_pu: f64,
    /// Fastest change of P and of Q, per unit a second.
    pub ramp_pu_per_s: f64,
    /// Time to 90 % in s; 0 is at once.
    pub response_s: f64,
    /// Steps from a command to the start of its effect, beside the one that every command takes.
    pub dead_steps: usize,
    /// Steps by which reports are late.
    pub report_steps: usize,
    /// Whether it reports its power.
    pub reports: bool,
}

impl Default for Actuator {
    /// One that answers at once and reports with one step of delay.
    fn default() -> Self {
        Self {
            phase: 0,
            s_pu: f64::INFINITY,
            ramp_pu_per_s: f64::INFINITY,
            response_s: 0.0,
            dead_steps: 0,
            report_steps: 1,
            reports: true,
        }
    }
}

/// Most steps of dead time and late reports together that are kept.
const MOST_STEPS: usize = 600;

/// An actuator that is watched.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub actuator: Actuator,
    pub failed: bool,
    pub saturated: bool,
    /// Whether it is told as much active power as its battery can do, and less than was asked for.
    pub(super) held: [bool; 2],
    /// Commands and outputs of the model, P and Q, the newest at `next − 1`.
    past: Vec<[[f64; 2]; 2]>,
    next: usize,
    model: [f64; 2],
    left: f64,
    most: f64,
    wrong: Spell,
    right: Spell,
    limit: Spell,
}

impl Watched {
    pub(super) fn new(actuator: Actuator, period_s: f64) -> Self {
        let ratio = if actuator.response_s > 0.0 { period_s / actuator.response_s } else { f64::INFINITY };
        let steps = actuator.dead_steps.saturating_add(actuator.report_steps).min(MOST_STEPS);
        Self {
            failed: false,
            saturated: false,
            held: [false; 2],
            past: vec![[[0.0; 2]; 2]; steps + 1],
            next: 0,
            model: [0.0; 2],
            left: (-10f64.ln() * ratio).exp(),
            most: actuator.ramp_pu_per_s * period_s,
            wrong: Spell::default(),
            right: Spell::default(),
            limit: Spell::default(),
            actuator,
        }
    }

    /// What it does as far as is known: its report, or the model.
    pub(super) fn power(&self, reported: [f64; 2]) -> [f64; 2] {
        let told = self.actuator.reports && reported.iter().all(|x| x.is_finite());
        if told { reported } else { self.model }
    }

    /// One step. A command or a report that is not a number changes nothing.
    pub(super) fn step(&mut self, settings: &Settings, told: [f64; 2], reported: [f64; 2], outside: bool) {
        let finite = |x: &[f64; 2]| x.iter().all(|x| x.is_finite());
        if finite(&told) {
            self.follow(told);
            let [battery, short] = self.held;
            let at_limit = told[0].hypot(told[1]) >= 0.999 * self.actuator.s_pu || (battery && short);
            self.saturated = self.limit.count(at_limit && outside && !self.failed, settings.saturation_steps);
        }
        if self.actuator.reports && finite(&reported) {
            if self.held[0] && (0.0..=self.model[0].abs()).contains(&(reported[0] * self.model[0].signum())) {
                // The battery has cut it short, and it goes on from there.
                self.model[0] = reported[0];
            }
            let wrong = self.is_wrong(settings, reported);
            let failed = self.wrong.count(wrong, settings.failure_steps);
            self.failed = failed || (self.failed && !self.right.count(!wrong, settings.failure_steps));
        }
    }

    fn follow(&mut self, told: [f64; 2]) {
        let room = self.past.len();
        self.past[self.next][0] = told;
        let acting = self.past[(self.next + room - self.actuator.dead_steps.min(room - 1)) % room][0];
        for (y, target) in self.model.iter_mut().zip(acting) {
            *y += ((target - *y) * (1.0 - self.left)).clamp(-self.most, self.most);
        }
        self.past[self.next][1] = self.model;
        self.next = (self.next + 1) % room;
    }

    /// Whether a report lies outside what recent commands and the model allow.
    fn is_wrong(&self, settings: &Settings, reported: [f64; 2]) -> bool {
        let mut size = 0.0f64;
        let mut beyond = [0.0; 2];
        for (part, x) in reported.iter().enumerate() {
            let all = || self.past.iter().flatten().map(|p| p[part]);
            // An empty battery gives less than it is told, and no less than nothing.
            let first = (part == 0 && self.held[0]).then_some(0.0);
            let low = all().chain(first).fold(f64::INFINITY, f64::min);
            let high = all().chain(first).fold(f64::NEG_INFINITY, f64::max);
            beyond[part] = (low - x).max(x - high).max(0.0);
            size = size.hypot(low.abs().max(high.abs()));
        }
        beyond[0].hypot(beyond[1]) > settings.failure_pu.max(settings.failure_relative * size)
    }
}
