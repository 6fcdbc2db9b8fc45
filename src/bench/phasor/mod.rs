//! Phasor controllers at work: from PMUs to the phases of devices.
//!
//! Once a tick is solved and instruments have looked at it, controllers that are due see what has arrived. Their commands
//! reach devices in the next tick, or later. A device's phase keeps the last command it got; a command that is not valid
//! gives it back to its own set-point.

mod examine;
#[cfg(feature = "study")]
pub(crate) mod experiment;
mod law;
pub(crate) mod linear;
pub(crate) mod model;
mod seat;
mod seen;
mod truth;

use std::time::Duration;

use super::equipment::Equipment;
use super::grid::SetupError;
use super::pace::{Pacer, Stage};
use super::plant::Node;
use crate::control::phasor::MOST_PHASES;
use crate::control::phasor::supervise::failsafe::Tampered;
use crate::quantity::{Complex, Step, Tick};
use crate::scenario::{Actuated, FailSafeSetting, Measure, Observed, Phasor, Plan, Steered};
use crate::signal::{Channel, Frame, Line};
pub use examine::{examine, examined};
#[cfg(feature = "study")]
pub(crate) use law::settings;
use seat::{Seat, Stepped, mode_code};
use truth::Truth;

/// All phasor controllers of a plan.
pub(super) struct Phasors {
    loops: Vec<Loop>,
    /// Places in the row that they fill.
    said: Vec<(usize, usize, Steered)>,
    step: Step,
}

struct Loop {
    name: String,
    seat: Seat,
    inputs: Frame,
    commands: Frame,
    line: Line,
    /// Whether its line is cut: reports of actuators take the same way as commands.
    lost: bool,
    every: u64,
    /// Ticks for which what is commanded, and what is on its way, acts.
    acts_for: u64,
    performance: Observed,
    reference: Observed,
    actuators: Vec<Actuated>,
    /// Magnitudes per unit, then angles in degrees; NaN before there is one.
    target: [[f64; MOST_PHASES]; 2],
    truth: Truth,
    /// Largest true errors at this tick: worked out once, for both quantities that say one of them.
    true_error: [f64; 2],
    /// Largest errors as measured at its last step.
    error: [f64; 2],
    effort_va: f64,
    /// Part of a step on the clock in which a program of one's own is to answer, in a paced run.
    answer_within: f64,
    /// Answers that came too late.
    late: u64,
    /// Ticks since the last answer of a program of one's own, and whether the last was one.
    silent: u64,
    failed: bool,
    fail_safe: FailSafeSetting,
    fail_safe_after: u64,
    saturated_va: Vec<f64>,
}

impl Phasors {
    pub(super) fn new(plan: &Plan, nodes: &[Node]) -> Result<Self, SetupError> {
        let models = model::models(plan)?;
        let mut loops = Vec::new();
        for (own, model) in plan.equipment.phasors.iter().zip(&models) {
            loops.push(Loop::new(plan, own, model, nodes)?);
        }
        let said = |(row, quantity): (usize, &crate::scenario::Quantity)| match quantity.measure {
            Measure::Steered(place, what) => Some((row, place, what)),
            _ => None,
        };
        let said = plan.quantities.iter().enumerate().filter_map(said).collect();
        Ok(Self { loops, said, step: plan.step })
    }

    /// Before a tick is solved: commands that arrive reach the devices.
    pub(super) fn deliver(&mut self, tick: Tick, equipment: &mut Equipment) {
        self.loops.iter_mut().for_each(|own| own.deliver(tick, equipment));
    }

    /// Once instruments have looked at a solved tick: controllers that are due act, and what they say goes into the row.
    pub(super) fn control(
        &mut self,
        tick: Tick,
        equipment: &Equipment,
        voltages: &[Complex],
        row: &mut [f64],
        pacer: &mut dyn Pacer,
    ) {
        let t_s = self.step.time_s(tick);
        for own in self.loops.iter_mut().filter(|own| tick.0.is_multiple_of(own.every)) {
            own.step(tick, t_s, equipment, pacer);
        }
        for own in &mut self.loops {
            own.true_error = own.truth.error(&own.target, voltages);
        }
        for &(place, controller, what) in &self.said {
            if let Some((slot, own)) = row.get_mut(place).zip(self.loops.get(controller)) {
                *slot = own.says(what);
            }
        }
    }

    pub(super) fn set_target(&mut self, controller: usize, v_pu: Option<[f64; 3]>, angle_deg: Option<[f64; 3]>) {
        if let Some(own) = self.loops.get_mut(controller) {
            own.target[0] = v_pu.unwrap_or(own.target[0]);
            own.target[1] = angle_deg.unwrap_or(own.target[1]);
        }
    }

    /// Has a step of this length on the clock.
    pub(super) fn paced(&mut self, period: Duration) {
        for own in &mut self.loops {
            let within = own.answer_within;
            if let Some(process) = own.seat.process() {
                process.set_pace(Some(period.mul_f64(within)));
            }
        }
    }

    /// Answers that came too late, of each program of the user's own by its controller's name.
    pub(super) fn late(&self) -> impl Iterator<Item = (&str, u64)> {
        self.loops.iter().filter(|own| own.seat.is_process()).map(|own| (own.name.as_str(), own.late))
    }

    /// Somebody has seen to a controller: its clocks are right, its actuators work.
    pub(super) fn acknowledge(&mut self, controller: usize) {
        if let Some(own) = self.loops.get_mut(controller).and_then(|own| own.seat.watched()) {
            own.acknowledge();
        }
    }

    /// A check of all instruments together finds those of a controller wrong, or right again.
    pub(super) fn set_tampered(&mut self, controller: usize, tampered: Tampered) {
        if let Some(own) = self.loops.get_mut(controller).and_then(|own| own.seat.watched()) {
            own.set_tampered(tampered);
        }
    }

    pub(super) fn set_lost(&mut self, controller: usize, lost: bool) {
        if let Some(own) = self.loops.get_mut(controller) {
            own.lost = lost;
            own.line.set_lost(lost);
        }
    }

    pub(super) fn line(&mut self, controller: usize) -> Option<&mut Line> {
        self.loops.get_mut(controller).map(|own| &mut own.line)
    }
}

impl Loop {
    fn new(plan: &Plan, own: &Phasor, model: &model::Model, nodes: &[Node]) -> Result<Self, SetupError> {
        let made = law::make(plan, own, model)?;
        let (inputs, outputs) = (made.inputs.names().len(), made.outputs.names().len());
        let given = |values: Option<&Vec<f64>>| {
            std::array::from_fn(|k| values.and_then(|own| own.get(k)).copied().unwrap_or(f64::NAN))
        };
        let target = own.setting.target.as_ref();
        let s_va = |actuated: &Actuated| {
            let device = plan.equipment.devices.get(actuated.device);
            device.map_or(0.0, |d| d.limits.s_va / d.phases.len().max(1) as f64)
        };
        Ok(Self {
            name: own.name.clone(),
            seat: made.seat,
            inputs: Frame::new(inputs),
            commands: Frame::new(outputs),
            line: Line::new(outputs, own.every, own.delay, own.most_extra),
            lost: false,
            every: own.every.max(1),
            acts_for: own.every.max(1) + own.delay.saturating_sub(1),
            performance: own.performance.clone(),
            reference: own.reference.clone(),
            actuators: own.actuators.clone(),
            target: [
                given(target.and_then(|own| own.v_pu.as_ref())),
                given(target.and_then(|own| own.angle_deg.as_ref())),
            ],
            truth: Truth::new(plan, own, nodes),
            true_error: [f64::NAN; 2],
            error: [f64::NAN; 2],
            effort_va: 0.0,
            answer_within: own.answer_within,
            late: 0,
            silent: 0,
            failed: false,
            fail_safe: own.setting.fail_safe,
            fail_safe_after: own.fail_safe_after,
            saturated_va: own.actuators.iter().map(s_va).collect(),
        })
    }

    fn phases(&self) -> usize {
        self.performance.channels.len()
    }

    fn step(&mut self, tick: Tick, t_s: f64, equipment: &Equipment, pacer: &mut dyn Pacer) {
        self.inputs.advance(tick);
        self.see(equipment);
        self.report(equipment);
        let outside = self.seat.is_process();
        if outside {
            pacer.enter(Stage::Exchange);
        }
        let stepped = self.seat.step(tick, t_s, &self.inputs, &mut self.commands);
        if outside {
            pacer.enter(Stage::Control);
        }
        self.late += u64::from(stepped == Stepped::Late);
        self.failed = stepped == Stepped::Failed;
        self.silent = if stepped == Stepped::Done { 0 } else { self.silent.saturating_add(self.every) };
        if self.silent > 0 && self.silent >= self.fail_safe_after && self.fail_safe == FailSafeSetting::Own {
            (0..self.commands.channels().len()).for_each(|k| self.commands.set(k, f64::NAN));
        }
        // Without an answer, and until the fail-safe acts, devices keep what they were told.
        if stepped == Stepped::Done || (self.silent >= self.fail_safe_after && self.fail_safe == FailSafeSetting::Own) {
            self.line.send(&self.commands);
        }
        self.effort_va = self.commanded_va();
    }

    /// Phasors of both nodes, and targets: where there is none yet, what is measured first.
    fn see(&mut self, equipment: &Equipment) {
        let n = self.phases();
        for (first, observed) in [(0, &self.performance), (2 * n, &self.reference)] {
            let frame = equipment.reading(observed.instrument);
            for (k, &[v, angle]) in observed.channels.iter().enumerate() {
                let channel = |place: usize| frame.map_or(UNKNOWN, |frame| frame.get(place));
                self.inputs.put(first + k, channel(v));
                self.inputs.put(first + n + k, channel(angle));
            }
        }
        let seen = |place: usize| Some(self.inputs.get(place)).filter(|c| c.valid).map(|c| c.value);
        let mut worst = [f64::NAN; 2];
        for k in 0..n {
            let angle = seen(n + k).zip(seen(3 * n + k)).map(|(own, reference)| wrapped_deg(own - reference));
            for (part, value) in [(0, seen(k)), (1, angle)] {
                let target = &mut self.target[part][k];
                *target = if target.is_nan() { value.unwrap_or(f64::NAN) } else { *target };
                let error = value.map_or(f64::NAN, |value| *target - value);
                let error = if part == 1 { wrapped_deg(error) } else { error };
                worst[part] = worst[part].max(error.abs());
            }
        }
        self.error = worst;
        for (part, target) in self.target.iter().enumerate() {
            for (k, &value) in target.iter().take(n).enumerate() {
                self.inputs.put((4 + part) * n + k, Channel { value, valid: value.is_finite(), age: 0 });
            }
        }
    }

    /// What actuators say that they inject and what their batteries can still do, and the flags of the clocks.
    fn report(&mut self, equipment: &Equipment) {
        let mut place = 6 * self.phases();
        for own in &self.actuators {
            for &[_, phase] in &own.phases {
                for value in equipment.output(own.device, phase) {
                    if !self.lost {
                        self.inputs.set(place, value);
                    }
                    place += 1;
                }
            }
        }
        for own in &self.actuators {
            if let Some(limits_w) = equipment.limits_w(own.device, self.acts_for).filter(|_| !self.lost) {
                let others_w = others_w(equipment, own);
                (0..2).for_each(|k| self.inputs.set(place + k, limits_w[k] - others_w));
            }
            place += 2;
        }
        for (k, observed) in [&self.performance, &self.reference].into_iter().enumerate() {
            let frame = equipment.reading(observed.instrument);
            let flag = observed.sync.and_then(|sync| frame.map(|frame| frame.get(sync)));
            self.inputs.put(place + k, flag.unwrap_or(UNKNOWN));
        }
    }

    fn deliver(&mut self, tick: Tick, equipment: &mut Equipment) {
        if !self.line.receive(tick) {
            return;
        }
        let mut place = 0;
        for own in &self.actuators {
            for &[_, phase] in &own.phases {
                let [p, q] = [place, place + 1].map(|k| self.line.held().get(k));
                equipment.command(own.device, phase, (p.valid && q.valid).then_some([p.value, q.value]));
                place += 2;
            }
        }
    }

    /// Apparent power of all phases that are commanded.
    fn commanded_va(&self) -> f64 {
        let pairs = self.commands.channels().chunks_exact(2);
        pairs.filter(|pair| pair.iter().all(|c| c.valid)).map(|pair| pair[0].value.hypot(pair[1].value)).sum()
    }

    /// Whether something is commanded to its limit, or told less than its law asks for.
    fn saturated(&self) -> bool {
        if let Some(report) = self.seat.report() {
            return report.applied.saturated.contains(&true);
        }
        let mut pairs = self.commands.channels().chunks_exact(2);
        let mut full = false;
        for (own, s_va) in self.actuators.iter().zip(&self.saturated_va) {
            for pair in pairs.by_ref().take(own.phases.len()) {
                full |= pair.iter().all(|c| c.valid) && pair[0].value.hypot(pair[1].value) >= s_va * (1.0 - 1e-9);
            }
        }
        full
    }

    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    fn says(&self, what: Steered) -> f64 {
        let watched = self.seat.supervised();
        match what {
            Steered::ErrorV => self.error[0],
            Steered::ErrorAngle => self.error[1],
            Steered::TrueErrorV => self.true_error[0],
            Steered::TrueErrorAngle => self.true_error[1],
            Steered::Mode => match self.seat.report() {
                Some(report) => mode_code(report.mode),
                None if self.silent == 0 => 3.0,
                None if self.failed || self.silent >= self.fail_safe_after => 0.0,
                None => 1.0,
            },
            Steered::Saturated => f64::from(u8::from(self.saturated())),
            Steered::Effort => self.effort_va,
            Steered::Cause => watched.map_or(0.0, |own| f64::from(own.class.code())),
            Steered::FailedActuator => watched.and_then(|own| own.failed).map_or(0.0, |k| (k + 1) as f64),
            Steered::SyncFault => watched.map_or(0.0, |own| f64::from(own.sync.code())),
            Steered::Overruns => self.late as f64,
            Steered::TargetV(phase) => self.target[0].get(phase).copied().unwrap_or(f64::NAN),
            Steered::TargetAngle(phase) => self.target[1].get(phase).copied().unwrap_or(f64::NAN),
        }
    }
}

/// Active power in W of those phases of a device that a controller does not command.
fn others_w(equipment: &Equipment, own: &Actuated) -> f64 {
    let commanded = |phase: usize| own.phases.iter().any(|[_, other]| *other == phase);
    (0..MOST_PHASES).filter(|phase| !commanded(*phase)).map(|phase| equipment.output(own.device, phase)[0]).sum()
}

/// A channel that says nothing.
const UNKNOWN: Channel = Channel { value: f64::NAN, valid: false, age: 0 };

/// An angle by the short way.
pub(super) fn wrapped_deg(angle_deg: f64) -> f64 {
    angle_deg - 360.0 * (angle_deg / 360.0).round()
}
