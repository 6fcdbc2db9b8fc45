//! An amplifier's seat: a grid simulator that gives a real device the voltage of the node where its twin stands. With it the
//! voltage loop is closed: what the device feeds changes the voltage that it sees.
//!
//! ```text
//! v = filter(V_node) / scale,   angle and frequency as they are, turned ahead by what the way to the device takes
//! ```
//!
//! This is the ideal transformer of voltage type ([`crate::interface::algorithm::VoltageType`]). The delay is measured: half of
//! a round trip and the age that samples have; its angle matters where the frequency is not nominal.
//!
//! It is lost when no sample comes in time, its link is not up, it does not hold what it was told, or the voltage that it says
//! it gives is off by more than [`OFF_PERCENT`] for some samples. Nothing outside its description's ranges is ever commanded,
//! and no voltage moves faster than `slew_v_per_s`. The device that it feeds is lost with it.

use super::heard::{Heard, Order};
use super::place::{Occupant, State};
use crate::interface::algorithm::{DelayEstimate, Filter, VoltageType, advanced};
use crate::interface::stability::coefficient;
use crate::interface::{PHASES, Phasors, Scale};
use crate::link::arrivals::Ear;
use crate::link::port::{Directive, LinkState};
use crate::quantity::{Complex, Tick, angle_deg};
use crate::scenario::{self, OnLoss, Real};

/// How far the voltage that it gives may be from what it was told, in percent of that.
const OFF_PERCENT: f64 = 5.0;
/// Samples in a row that are off, or not held, after which it is lost.
const MOST_OFF: u32 = 5;
/// Samples back to which a command counts that what it gives may answer.
const SAMPLES: usize = 3;
const NONE: Phasors = [Complex { re: 0.0, im: 0.0 }; PHASES];

/// From a lowest value to a highest.
#[derive(Clone, Copy, Debug)]
struct Band(f64, f64);

impl Band {
    /// Of nothing.
    const EMPTY: Self = Self(f64::INFINITY, f64::NEG_INFINITY);

    const fn with(self, value: f64) -> Self {
        Self(self.0.min(value), self.1.max(value))
    }

    /// How far outside a value is.
    fn off(self, value: f64) -> f64 {
        (self.0 - value).max(value - self.1).max(0.0)
    }
}

pub(super) struct Amplifier {
    plan: scenario::Seat,
    heard: Heard,
    /// The device that it feeds.
    pub(super) feeds: usize,
    nodes: Vec<usize>,
    interface: VoltageType,
    delay: DelayEstimate,
    nominal_hz: f64,
    /// Places of the voltages that it says it gives, and of its set-points.
    gives: [Option<usize>; PHASES],
    volts: [Option<usize>; PHASES],
    angles: [Option<usize>; PHASES],
    f_hz: Option<usize>,
    commands: Vec<f64>,
    /// Lowest and highest of the voltages that were commanded since each of the last samples: what it gives answers one of them.
    told_v: [[Band; PHASES]; SAMPLES],
    state: State,
    ramp: u64,
    off: u32,
    error_percent: f64,
    step_s: f64,
}

impl Amplifier {
    /// Of a seat that feeds a device at these nodes, in a network of this frequency; `voltage` is what the lab's voltages are
    /// multiplied with there.
    pub(super) fn new(
        plan: &scenario::Seat,
        ear: Ear,
        order: &Order,
        (feeds, nodes, voltage): (usize, Vec<usize>, f64),
        (nominal_hz, step_s): (f64, f64),
    ) -> Self {
        let own = &plan.description;
        let by_phase = |stem: &str| ["a", "b", "c"].map(|phase| own.set_point(&format!("{stem}.{phase}")));
        let given = |phase: &str| own.point(&format!("v_v.{phase}")).and_then(|k| order.place(k));
        let filter = Filter::new(coefficient(plan.setting.filter_s, step_s), NONE);
        Self {
            feeds,
            nodes,
            interface: VoltageType { scale: Scale { voltage, ..Scale::ONE }, filter },
            delay: DelayEstimate::default(),
            nominal_hz,
            gives: ["a", "b", "c"].map(given),
            volts: by_phase("v_v"),
            angles: by_phase("angle_deg"),
            f_hz: own.set_point("f_hz"),
            commands: vec![f64::NAN; own.set_points.len()],
            told_v: [[Band::EMPTY; PHASES]; SAMPLES],
            heard: Heard::new(plan, ear, order.numbers, step_s),
            state: State::Waiting,
            ramp: 0,
            off: 0,
            error_percent: f64::NAN,
            step_s,
            plan: plan.clone(),
        }
    }

    /// Whether the device that it feeds has a voltage.
    pub(super) fn feeds_well(&self) -> bool {
        matches!(self.state, State::TakingOver | State::Closed | State::Watched)
    }

    fn commanded(&self) -> bool {
        matches!(self.state, State::TakingOver | State::Closed)
    }

    /// Once the plant is solved: the voltage that the device is to see from now on.
    #[allow(clippy::cast_precision_loss, reason = "counts of ticks")]
    pub(super) fn command(&mut self, voltages: &[Complex], f_hz: f64) {
        let mut node_v = NONE;
        for (own, &node) in node_v.iter_mut().zip(&self.nodes) {
            *own = voltages.get(node).copied().unwrap_or_default();
        }
        if self.heard.last.is_none() {
            self.interface.filter = Filter::new(coefficient(self.plan.setting.filter_s, self.step_s), node_v);
        }
        let ahead_s = self.delay.late_s().unwrap_or(0.0);
        let lab_v = self.interface.to_device(node_v).map(|v| advanced(v, 1, f_hz - self.nominal_hz, ahead_s));
        let part = match self.state {
            State::TakingOver => self.ramp as f64 / self.plan.ramp_in.max(1) as f64,
            _ => 1.0,
        };
        let slew_v = self.plan.setting.slew_v_per_s.map_or(f64::INFINITY, |own| own * self.step_s);
        for (phase, v) in lab_v.iter().enumerate().take(self.nodes.len()) {
            let before = self.volts[phase].and_then(|k| self.commands.get(k)).copied().unwrap_or(f64::NAN);
            let wanted = v.norm() * part;
            let held = if before.is_finite() { wanted.clamp(before - slew_v, before + slew_v) } else { wanted };
            self.put(self.volts[phase], held);
            let told = self.volts[phase].and_then(|k| self.commands.get(k)).copied().unwrap_or(f64::NAN);
            self.told_v[0][phase] = self.told_v[0][phase].with(told);
            self.put(self.angles[phase], angle_deg(*v));
        }
        self.put(self.f_hz, f_hz);
        self.heard.ear.command(&self.commands);
    }

    fn put(&mut self, place: Option<usize>, value: f64) {
        let Some((place, own)) = place.and_then(|k| Some((k, self.plan.description.set_points.get(k)?))) else {
            return;
        };
        let value = value.clamp(own.range[0], own.range[1]);
        if let Some(slot) = self.commands.get_mut(place) {
            *slot = value;
        }
    }

    /// How far the voltages that it gives are from what it was told, in percent of that.
    fn compare(&mut self) {
        let mut most: f64 = 0.0;
        for phase in 0..self.nodes.len() {
            let told = self.told_v.iter().fold(Band::EMPTY, |all, own| all.with(own[phase].0).with(own[phase].1));
            let given = self.gives[phase].and_then(|k| self.heard.values.get(k)).copied();
            if let Some(given) = given.filter(|_| told.1 > 1.0) {
                most = most.max(100.0 * told.off(given) / told.1);
            }
        }
        self.error_percent = most;
        self.told_v.rotate_right(1);
        self.told_v[0] = self.volts.map(|place| match place.and_then(|k| self.commands.get(k)) {
            Some(&own) if own.is_finite() => Band(own, own),
            _ => Band::EMPTY,
        });
    }

    fn look(&mut self, tick: Tick) {
        let recent = self.heard.recent(tick);
        let up = self.heard.ear.state() == LinkState::Up;
        match self.state {
            State::Waiting | State::Lost if recent && up && self.plan.setting.dry_run => self.state = State::Watched,
            State::Waiting | State::Lost if recent && up => {
                self.heard.note(tick, "it takes over");
                (self.state, self.ramp, self.off) = (State::TakingOver, 0, 0);
                self.told_v = [[Band::EMPTY; PHASES]; SAMPLES];
                self.heard.ear.direct(Directive::Operate);
            }
            State::TakingOver | State::Closed | State::Watched if !recent => self.fall(tick, "no sample came in time"),
            State::TakingOver | State::Closed if !up => self.fall(tick, "its link is not up"),
            State::TakingOver | State::Closed if self.off >= MOST_OFF => {
                self.fall(tick, "it does not give what it is told");
            }
            State::TakingOver => {
                self.ramp += 1;
                if self.ramp >= self.plan.ramp_in {
                    self.state = State::Closed;
                }
            }
            _ => {}
        }
    }

    fn fall(&mut self, tick: Tick, why: &'static str) {
        self.heard.lose(tick, why);
        self.state = State::Lost;
        self.commands.fill(f64::NAN);
        self.heard.ear.direct(Directive::Safe);
    }
}

impl Occupant for Amplifier {
    #[allow(clippy::cast_precision_loss, reason = "times in µs")]
    fn begin(&mut self, tick: Tick, now_us: u64) {
        if let Some(stamp) = self.heard.begin(tick, now_us) {
            let seconds = |us: u64| us as f64 / 1e6;
            let (trip, age) =
                (stamp.received_us.saturating_sub(stamp.origin_us), now_us.saturating_sub(stamp.received_us));
            self.delay.add(seconds(trip), seconds(age));
            self.compare();
            let wrong = self.error_percent > OFF_PERCENT || !stamp.confirmed;
            self.off = if wrong && self.commanded() { self.off + 1 } else { 0 };
        }
        self.look(tick);
    }

    fn says(&self, what: Real, tick: Tick) -> f64 {
        match what {
            Real::State => f64::from(self.state as u8),
            Real::VoltageError => self.error_percent,
            Real::Delay => self.delay.late_s().unwrap_or(f64::NAN),
            _ => self.heard.says(what, tick),
        }
    }

    fn record(&mut self, ticks: u64) {
        self.heard.record(super::point_names(&self.plan, self.heard.values.len()), ticks);
    }

    fn stops(&self) -> bool {
        self.state == State::Lost && self.plan.setting.on_loss == OnLoss::Stop
    }

    fn outcome(&self) -> super::Told {
        self.heard.outcome(&self.plan, self.feeds_well())
    }
}
