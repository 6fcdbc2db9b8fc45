//! A device's seat: how a real device takes over from its simulated twin, stays within its envelope, and is let go.
//!
//! ```text
//! command = set-point · share · a / scale,    within the description's range;  a goes from 0 to 1 over `ramp_in_s`
//! network = twin · (1 − share) + twin · share · (1 − a) + m − m₀ · (1 − a),    m = filter(measured · scale)
//! ```
//!
//! with m₀ what it gave when it began to take over: nothing jumps then, and a device that follows its set-point is what its
//! twin would be all the while.
//!
//! It is lost when no sample came for `lost_after_s`, when the link is not up, or when the device does not hold what it was
//! told; it trips when its power is beyond a tenth above its rating, or moves faster than `slew_kw_per_s`. Either way it is
//! told to be safe at once, and what `on_loss` says stands in. A lost one is taken back once it has answered for as long as it
//! may be silent, from a = 0 on; one that tripped is not. A sample without power is as good as none.

use super::heard::{Heard, Order};
use super::place::{Occupant, State};
use super::powers::{Powers, sum};
use crate::device::inverter::ByPhase;
use crate::link::arrivals::Ear;
use crate::link::description::Wire;
use crate::link::port::{Directive, LinkState};
use crate::quantity::Tick;
use crate::scenario::{self, OnLoss, Real};

/// Samples in a row without the device holding its set-points, after which it is lost.
const MOST_UNCONFIRMED: u32 = 5;
/// Samples that a set-point has stood still before a device that says by itself what it holds to must hold it. What is read back
/// from registers is compared with what was written there, however often that changes.
const STILL: u32 = 3;
/// How much more than its rating a device may show.
const OVER_RATING: f64 = 1.1;

pub(super) struct Seat {
    heard: Heard,
    plan: scenario::Seat,
    points: Powers,
    set: Powers,
    /// Set-points as they are sent.
    commands: Vec<f64>,
    before: Vec<f64>,
    phases: usize,
    state: State,
    ramp: u64,
    /// The part that was commanded in the step before: a sample answers that.
    part_before: f64,
    measured: ByPhase,
    filtered: ByPhase,
    /// What it gave when it began to take over.
    at_start: ByPhase,
    twin: ByPhase,
    /// The twin at the tick before: what the device was told then.
    twin_before: ByPhase,
    unconfirmed: u32,
    /// Steps in a row that it is well.
    well: u64,
    /// Samples since a set-point changed.
    still: u32,
    /// Whether the amplifier that feeds it does, where there is one.
    fed: bool,
    step_s: f64,
}

impl Seat {
    pub(super) fn new(plan: &scenario::Seat, end: Ear, order: &Order, phases: usize, step_s: f64) -> Self {
        let own = &plan.description;
        let point = |name: &str| own.point(name).and_then(|k| order.place(k));
        Self {
            points: Powers::find(phases, point),
            set: Powers::find(phases, |name| own.set_point(name)),
            heard: Heard::new(plan, end, order.numbers, step_s),
            commands: vec![f64::NAN; own.set_points.len()],
            before: vec![f64::NAN; own.set_points.len()],
            phases,
            state: State::Waiting,
            ramp: 0,
            part_before: 0.0,
            measured: [[f64::NAN; 2]; 3],
            filtered: [[0.0; 2]; 3],
            at_start: [[0.0; 2]; 3],
            twin: [[0.0; 2]; 3],
            twin_before: [[0.0; 2]; 3],
            unconfirmed: 0,
            well: 0,
            still: 0,
            fed: true,
            step_s,
            plan: plan.clone(),
        }
    }

    /// Whether the last sample tells the power of all phases.
    fn whole(&self) -> bool {
        self.measured.iter().take(self.phases).flatten().all(|value| value.is_finite())
    }

    fn commanded(&self) -> bool {
        matches!(self.state, State::TakingOver | State::Closed)
    }

    fn plausible(&self, before: ByPhase, gap: Option<u64>) -> bool {
        let total = |power: &ByPhase| sum(power, self.phases);
        let [p_w, q_var] = total(&self.measured);
        let rated = self.plan.description.s_rated_va.map_or(f64::INFINITY, |own| own * self.plan.setting.scale.power);
        if !self.commanded() {
            return true;
        }
        let slew = self.plan.setting.slew_kw_per_s.zip(gap).is_none_or(|(limit, ticks)| {
            #[allow(clippy::cast_precision_loss, reason = "a few ticks")]
            let passed_s = ticks as f64 * self.step_s;
            let moved = (p_w - total(&before)[0]).abs() / passed_s.max(self.step_s);
            moved.is_nan() || moved <= 1000.0 * limit
        });
        p_w.hypot(q_var) <= OVER_RATING * rated && slew
    }

    /// Whether it has a voltage from its amplifier.
    pub(super) const fn fed(&mut self, fed: bool) {
        self.fed = fed;
    }

    /// Where it stands now.
    fn look(&mut self, tick: Tick) {
        let recent = self.heard.recent(tick);
        let up = self.heard.ear.state() == LinkState::Up && self.unconfirmed < MOST_UNCONFIRMED;
        let well = recent && self.fed && up;
        self.well = if well { self.well + 1 } else { 0 };
        // One that was lost was told to be safe: what it gives must have come to rest before it is taken over from there.
        let rested = self.whole() && (self.state == State::Waiting || self.well > self.plan.lost_after);
        match self.state {
            State::Waiting | State::Lost if well && self.plan.setting.dry_run => self.state = State::Watched,
            State::Waiting | State::Lost if well && rested => {
                self.heard.note(tick, "it takes over");
                (self.state, self.ramp) = (State::TakingOver, 0);
                (self.filtered, self.at_start) = (self.measured, self.measured);
                self.unconfirmed = 0;
                self.heard.ear.direct(Directive::Operate);
            }
            State::TakingOver | State::Closed if !recent => self.fall(tick, State::Lost, "no sample came in time"),
            State::TakingOver | State::Closed if !self.fed => self.fall(tick, State::Lost, "its amplifier is lost"),
            State::TakingOver | State::Closed if self.unconfirmed >= MOST_UNCONFIRMED => {
                self.fall(tick, State::Lost, "it does not hold what it is told");
            }
            State::TakingOver | State::Closed if !well => self.fall(tick, State::Lost, "its link is not up"),
            State::Watched if !recent => self.state = State::Lost,
            State::TakingOver => {
                self.ramp += 1;
                if self.ramp >= self.plan.ramp_in {
                    self.state = State::Closed;
                }
            }
            _ => {}
        }
    }

    fn fall(&mut self, tick: Tick, to: State, why: &'static str) {
        if self.state == to {
            return;
        }
        self.part_before = 0.0;
        if self.fed {
            self.heard.lose(tick, why)
        } else {
            self.heard.lose_with(tick, why)
        }
        self.state = to;
        self.unconfirmed = 0;
        self.heard.ear.direct(Directive::Safe);
    }

    /// The part of it that is taken over, 0 to 1.
    #[allow(clippy::cast_precision_loss, reason = "counts of ticks")]
    fn part(&self) -> f64 {
        match self.state {
            State::Closed => 1.0,
            State::TakingOver => self.ramp as f64 / self.plan.ramp_in.max(1) as f64,
            State::Waiting | State::Lost | State::Tripped | State::Watched => 0.0,
        }
    }

    /// Passes set-points on, and says what the network gets in place of the twin's `output`.
    pub(super) fn replace(&mut self, set_points: &ByPhase, output: &mut ByPhase) {
        self.twin_before = self.twin;
        self.twin = *output;
        self.command(set_points);
        if self.plan.setting.dry_run {
            // Watched or lost, it is not in the network.
            return;
        }
        let (a, share) = (self.part_before, self.plan.share);
        self.part_before = self.part();
        let left =
            if self.plan.setting.filter_s > 0.0 { (-self.step_s / self.plan.setting.filter_s).exp() } else { 0.0 };
        let commanded = self.commanded();
        for (phase, own) in output.iter_mut().enumerate().take(self.phases) {
            for (what, network) in own.iter_mut().enumerate() {
                let filtered = &mut self.filtered[phase][what];
                let measured = self.measured[phase][what];
                if measured.is_finite() && commanded {
                    *filtered = measured + (*filtered - measured) * left;
                }
                let twin = *network * share;
                let stands_in = match (self.state, self.plan.setting.on_loss) {
                    (State::Lost | State::Tripped, OnLoss::Hold) => *filtered,
                    (State::Lost | State::Tripped, OnLoss::Zero) => 0.0,
                    _ => twin,
                };
                let real = if commanded { *filtered - self.at_start[phase][what] * (1.0 - a) } else { 0.0 };
                *network += stands_in * (1.0 - a) + real - twin;
            }
        }
    }

    fn command(&mut self, set_points: &ByPhase) {
        let factor = self.plan.share * self.part() / self.plan.setting.scale.power;
        self.set.put(set_points, factor, &mut self.commands);
        for (k, own) in self.plan.description.set_points.iter().enumerate() {
            let (Some(command), Some(before)) = (self.commands.get_mut(k), self.before.get_mut(k)) else { continue };
            *command = command.clamp(own.range[0], own.range[1]);
            self.still = if *command == *before { self.still } else { 0 };
            *before = *command;
        }
        self.heard.ear.command(&self.commands);
    }
}

impl Occupant for Seat {
    fn begin(&mut self, tick: Tick, now_us: u64) {
        let before = self.measured;
        let last = self.heard.last;
        let gap = last.map(|last| tick.0 - last.0);
        if let Some(stamp) = self.heard.begin(tick, now_us) {
            self.measured = self.points.read(&self.heard.values, self.plan.setting.scale.power);
            if !self.whole() {
                // A sample without power is as good as none.
                self.heard.last = last;
            }
            self.still += 1;
            let held = stamp.confirmed || !self.commanded();
            let asked = self.still > if matches!(self.plan.description.wire, Wire::Can(..)) { STILL } else { 0 };
            self.unconfirmed = if held { 0 } else { self.unconfirmed + u32::from(asked) };
            if self.whole() && !self.plausible(before, gap) {
                self.fall(tick, State::Tripped, "its power is not plausible");
            }
        }
        self.look(tick);
    }

    fn stops(&self) -> bool {
        matches!(self.state, State::Lost | State::Tripped) && self.plan.setting.on_loss == OnLoss::Stop
    }

    fn says(&self, what: Real, tick: Tick) -> f64 {
        let measured = sum(&self.measured, self.phases);
        // What was measured within this step answers what the twin was told in the one before.
        let twin = sum(&self.twin_before, self.phases).map(|own| self.plan.share * own);
        match what {
            Real::State => f64::from(self.state as u8),
            Real::P => measured[0],
            Real::Q => measured[1],
            Real::TwinP => twin[0],
            Real::TwinQ => twin[1],
            Real::Difference => (measured[0] - twin[0]).hypot(measured[1] - twin[1]),
            _ => self.heard.says(what, tick),
        }
    }

    fn record(&mut self, ticks: u64) {
        self.heard.record(super::point_names(&self.plan, self.heard.values.len()), ticks);
    }

    fn outcome(&self) -> super::Told {
        let there = matches!(self.state, State::TakingOver | State::Closed | State::Watched);
        self.heard.outcome(&self.plan, there)
    }
}
