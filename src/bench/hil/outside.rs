//! A seat of the simulation's own: a device that a controller outside commands, or an instrument that it reads.
//!
//! ```text
//! set-point = own · (1 − a) + told · scale / share · a
//! ```
//!
//! with what the scenario itself would have as `own`, and a from 0 to 1 over `ramp_in_s`. It commands from when it has written
//! all that the description's `begin` asks for, and may (`writable`); it has let go when it takes that back or its timers run
//! out, and is lost when it asks nothing for `lost_after_s`: what `on_loss` says stands in then.
//!
//! The loop never waits for whoever speaks to the device at this moment: what it was told a step ago holds.

use super::heard::Heard;
use super::place::{Occupant, State};
use super::powers::{Powers, sum};
use crate::device::inverter::ByPhase;
use crate::emulate::Shared;
use crate::link::arrivals::Ear;
use crate::link::port::{DriverEnd, LinkState};
use crate::quantity::Tick;
use crate::scenario::{self, At, OnLoss, Real, Replaced};

/// Numbers of a sample before the set-points: whether they act.
const HEAD: usize = 1;

pub(super) struct Outside {
    plan: scenario::Seat,
    heard: Heard,
    /// What the device was told is published here, for the ear: a record can stand in for it.
    end: DriverEnd,
    device: Shared,
    requests: u64,
    sample: Vec<f64>,
    powers: Powers,
    phases: usize,
    state: State,
    ramp: u64,
    /// What the controller commands, what the scenario itself would, and what the device gives.
    told: ByPhase,
    own: ByPhase,
    output: ByPhase,
}

impl Outside {
    pub(super) fn new(
        plan: &scenario::Seat,
        ear: Ear,
        end: DriverEnd,
        device: Shared,
        phases: usize,
        step_s: f64,
    ) -> Self {
        let set_points = if plan.only_read() { 0 } else { plan.description.set_points.len() };
        end.report(LinkState::Up, None);
        Self {
            powers: Powers::find(phases, |name| plan.description.set_point(name).map(|k| k + HEAD)),
            heard: Heard::new(plan, ear, HEAD + set_points, step_s),
            end,
            device,
            requests: 0,
            sample: vec![f64::NAN; HEAD + set_points],
            phases,
            state: State::Waiting,
            ramp: 0,
            told: [[f64::NAN; 2]; 3],
            own: [[0.0; 2]; 3],
            output: [[0.0; 2]; 3],
            plan: plan.clone(),
        }
    }

    /// Numbers of a sample.
    pub(super) fn numbers(plan: &scenario::Seat) -> usize {
        HEAD + if plan.only_read() { 0 } else { plan.description.set_points.len() }
    }

    /// Publishes what the device has been told since the last step, if somebody spoke to it.
    fn publish(&mut self, now_us: u64) {
        if matches!(self.plan.at, At::Replay(_)) {
            return;
        }
        let Ok(mut device) = self.device.try_lock() else { return };
        if device.requests() == self.requests {
            return;
        }
        self.requests = device.requests();
        let (acting, writable) = (device.acting(), self.plan.served.as_ref().is_some_and(|own| own.writable));
        let model = device.model();
        for (k, slot) in self.sample.iter_mut().enumerate() {
            *slot = match k.checked_sub(HEAD).and_then(|k| self.plan.description.set_points.get(k)) {
                Some(own) => model.told(&own.name).unwrap_or(own.safe),
                None => f64::from(u8::from(acting && writable)),
            };
        }
        drop(device);
        self.end.publish(now_us, now_us, &self.sample);
    }

    fn look(&mut self, tick: Tick) {
        let recent = self.heard.recent(tick);
        let acts = self.heard.values.first() == Some(&1.0) && !self.plan.only_read();
        let commands = matches!(self.state, State::TakingOver | State::Closed);
        match self.state {
            State::Waiting | State::Watched | State::Lost if recent && acts => {
                self.heard.note(tick, "it takes over");
                (self.state, self.ramp) = (State::TakingOver, 0);
            }
            State::Waiting | State::Lost if recent => self.state = State::Watched,
            _ if !recent && (commands || self.state == State::Watched) => {
                self.state = State::Lost;
                self.heard.lose_with(tick, "it asked nothing in time");
            }
            _ if commands && !acts => {
                self.state = State::Watched;
                self.heard.note(tick, "it let go");
            }
            State::TakingOver => {
                self.ramp += 1;
                if self.ramp >= self.plan.ramp_in {
                    self.state = State::Closed;
                }
            }
            _ => {}
        }
        if self.state == State::Watched && self.plan.only_read() {
            self.state = State::Closed;
        }
    }

    /// Puts what the controller commands in the place of the device's own set-points.
    #[allow(clippy::cast_precision_loss, reason = "counts of ticks")]
    pub(super) fn command(&mut self, set_points: &mut ByPhase) {
        self.own = *set_points;
        let a = match (self.state, self.plan.setting.on_loss) {
            _ if self.plan.setting.dry_run => 0.0,
            (State::TakingOver, _) => self.ramp as f64 / self.plan.ramp_in.max(1) as f64,
            (State::Closed, _) | (State::Lost, OnLoss::Hold | OnLoss::Zero) => 1.0,
            _ => 0.0,
        };
        let zero = self.state == State::Lost && self.plan.setting.on_loss == OnLoss::Zero;
        for (own, told) in set_points.iter_mut().zip(&self.told).take(self.phases) {
            for (own, &told) in own.iter_mut().zip(told).filter(|(_, told)| told.is_finite() && a > 0.0) {
                *own = *own * (1.0 - a) + if zero { 0.0 } else { told } * a;
            }
        }
    }

    /// What the device gives at this step.
    pub(super) const fn gives(&mut self, output: &ByPhase) {
        self.output = *output;
    }

    /// Once the plant is solved: who asks sees what the device gives, and how full its battery is.
    pub(super) fn show(&self, soc: Option<f64>) {
        let Ok(mut device) = self.device.try_lock() else { return };
        let model = device.model();
        let factor = self.plan.share / self.plan.setting.scale.power;
        for ([p_w, q_var], own) in SHOWN.iter().zip(&self.output).take(self.phases) {
            model.show(p_w, own[0] * factor);
            model.show(q_var, own[1] * factor);
        }
        soc.iter().for_each(|soc| model.show("soc_percent", 100.0 * soc));
    }
}

/// Names of active and reactive power by phase.
const SHOWN: [[&str; 2]; 3] = [["p_w.a", "q_var.a"], ["p_w.b", "q_var.b"], ["p_w.c", "q_var.c"]];

impl Occupant for Outside {
    fn begin(&mut self, tick: Tick, now_us: u64) {
        self.publish(now_us);
        if self.heard.begin(tick, now_us).is_some() && matches!(self.plan.replaces, Replaced::Device(_)) {
            self.told = self.powers.read(&self.heard.values, self.plan.setting.scale.power / self.plan.share);
        }
        self.look(tick);
    }

    fn says(&self, what: Real, tick: Tick) -> f64 {
        let (told, own) = (sum(&self.told, self.phases), sum(&self.own, self.phases));
        match what {
            Real::State => f64::from(self.state as u8),
            Real::P => told[0],
            Real::Q => told[1],
            Real::TwinP => own[0],
            Real::TwinQ => own[1],
            Real::Difference => (told[0] - own[0]).hypot(told[1] - own[1]),
            _ => self.heard.says(what, tick),
        }
    }

    fn record(&mut self, ticks: u64) {
        let set_points = self.plan.description.set_points.iter().map(|own| own.name.clone());
        let names = std::iter::once("acting".to_owned()).chain(set_points).take(self.sample.len());
        self.heard.record(names.collect(), ticks);
    }

    fn stops(&self) -> bool {
        self.state == State::Lost && self.plan.setting.on_loss == OnLoss::Stop
    }

    fn outcome(&self) -> super::Told {
        // Who only reads is missed by nobody.
        self.heard.outcome(&self.plan, self.state != State::Lost || self.plan.only_read())
    }
}
