//! A power-quality meter's seat: its results reach the monitor in the place of the simulated analyser's windows. And what a
//! meter shows of those windows, where the bench serves one.

use super::heard::{Heard, Order};
use super::place::Occupant;
use crate::link::arrivals::Ear;
use crate::link::port::{Directive, LinkState};
use crate::monitor::Window;
use crate::quantity::Tick;
use crate::scenario::{self, OnLoss, Real, Replaced, Tells};

/// Bits of its flags.
const EVENT: u64 = 1;
const OVERLOADED: u64 = 2;
const UNSYNCHRONISED: u64 = 4;

/// What a point tells.
#[derive(Clone, Debug)]
struct Tell {
    /// Its name, and where it is among the description's points.
    name: String,
    point: usize,
    what: Tells,
    /// From the lab's unit to the network's.
    factor: f64,
}

/// The points of a seat at an analyser with so many voltages, at a bus of this base.
fn points(plan: &scenario::Seat, voltages: usize, base_v: f64) -> Vec<Tell> {
    let Replaced::Analyser(_, tells) = &plan.replaces else { return Vec::new() };
    let scale_v = super::voltage_scale(plan, base_v);
    let tell = |&(point, what): &(usize, Tells)| {
        let factor = match what {
            Tells::Rms(channel) | Tells::Order(channel, _, false) if channel < voltages => scale_v,
            Tells::Rms(_) | Tells::Order(_, _, false) => plan.setting.scale.current,
            _ => 1.0,
        };
        Some(Tell { name: plan.description.points.get(point)?.name.clone(), point, what, factor })
    };
    tells.iter().filter_map(tell).collect()
}

/// What a meter that the bench serves shows: of the simulated analyser's newest window.
pub(super) struct Results {
    /// The analyser.
    pub(super) place: usize,
    tells: Vec<Tell>,
    values: Vec<f64>,
    begun: bool,
}

impl Results {
    /// Of a seat at an analyser with so many voltages, at a bus of this base; `None` of another.
    pub(super) fn new(plan: &scenario::Seat, voltages: usize, base_v: f64) -> Option<Self> {
        let Replaced::Analyser(place, _) = plan.replaces else { return None };
        let tells = points(plan, voltages, base_v);
        Some(Self { place, values: vec![f64::NAN; tells.len()], tells, begun: false })
    }

    pub(super) fn see(&mut self, window: &Window) {
        self.begun = true;
        for (value, own) in self.values.iter_mut().zip(&self.tells) {
            *value = told(window, own.what) / own.factor;
        }
    }

    /// Names and values, in the lab's units; before the first result its number alone, which is 0.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&str, f64)> {
        let known = self.tells.iter().zip(&self.values).filter(|(own, _)| self.begun || own.what == Tells::Sequence);
        known.map(|(own, &value)| (own.name.as_str(), if self.begun { value } else { 0.0 }))
    }
}

pub(in crate::bench) struct Metered {
    plan: scenario::Seat,
    heard: Heard,
    voltages: usize,
    /// Each with where in a sample it is.
    tells: Vec<(usize, Tell)>,
    step_s: f64,
    /// The time of the sample that came in this step, in s.
    fresh_s: Option<f64>,
    lost: bool,
    /// The largest voltage THD of the simulated analyser's newest window, and of the meter's newest result, in percent.
    simulated_thd: f64,
    thd: f64,
}

impl Metered {
    pub(super) fn new(
        plan: &scenario::Seat,
        ear: Ear,
        order: &Order,
        (voltages, base_v): (usize, f64),
        step_s: f64,
    ) -> Self {
        let tells = points(plan, voltages, base_v);
        let tells = tells.into_iter().filter_map(|own| Some((order.place(own.point)?, own)));
        let heard = Heard::new(plan, ear, order.numbers, step_s);
        heard.ear.direct(Directive::Watch);
        Self {
            tells: tells.collect(),
            heard,
            voltages,
            step_s,
            fresh_s: None,
            lost: false,
            simulated_thd: f64::NAN,
            thd: f64::NAN,
            plan: plan.clone(),
        }
    }

    /// What it has to say at this step: the time in s and the result's number, where it has one.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
    pub(in crate::bench) fn result(&self) -> Option<(f64, Option<u64>)> {
        let at_s = self.fresh_s?;
        let Some((place, _)) = self.tells.iter().find(|own| own.1.what == Tells::Sequence) else {
            return Some((at_s, None));
        };
        // A result whose number could not be read may be one that was counted. Before the first, the number is 0.
        let number = self.value(*place);
        (number >= 1.0).then_some((at_s, Some(number as u64)))
    }

    /// Whether its results count, and not the simulated analyser's.
    pub(in crate::bench) fn counts(&self) -> bool {
        let twin = self.lost && self.plan.setting.on_loss == OnLoss::Twin;
        self.heard.last.is_some() && !twin && !self.plan.setting.dry_run
    }

    /// Whether nothing is known: it is lost, and neither what it said last nor the simulated one stands in.
    pub(in crate::bench) fn silent(&self) -> bool {
        self.lost && self.counts() && self.plan.setting.on_loss != OnLoss::Hold
    }

    fn value(&self, place: usize) -> f64 {
        self.heard.values.get(place).copied().unwrap_or(f64::NAN)
    }

    /// Puts its result into a window.
    pub(in crate::bench) fn fill(&mut self, window: &mut Window) {
        for (place, own) in &self.tells {
            put(window, own.what, self.value(*place) * own.factor);
        }
        for channel in &mut window.channels {
            let thd = channel.thd_subgroup_percent / 100.0;
            let fundamental = channel.rms / 1_f64.hypot(if thd.is_finite() { thd } else { 0.0 });
            channel.subgroup_rms.get_mut(1).into_iter().for_each(|own| *own = fundamental);
            channel.valid = channel.rms.is_finite();
        }
        // Parts of a fundamental that is known now.
        for (place, own) in &self.tells {
            let Tells::Order(channel, order, true) = own.what else { continue };
            let Some(channel) = window.channels.get_mut(channel) else { continue };
            let first = channel.subgroup_rms.get(1).copied().unwrap_or(f64::NAN);
            let part = self.value(*place) / 100.0 * first;
            channel.subgroup_rms.get_mut(order).into_iter().for_each(|own| *own = part);
        }
        self.thd = largest_thd(window, self.voltages);
    }

    /// What the simulated analyser found at the same time.
    pub(super) fn see(&mut self, window: &Window) {
        self.simulated_thd = largest_thd(window, self.voltages);
    }
}

impl Occupant for Metered {
    #[allow(clippy::cast_precision_loss, reason = "counts of ticks")]
    fn begin(&mut self, tick: Tick, now_us: u64) {
        let heard = self.heard.begin(tick, now_us).is_some();
        self.fresh_s = heard.then_some(tick.0 as f64 * self.step_s);
        let wrong = self.heard.ear.state() == LinkState::Wrong;
        let lost = self.heard.last.is_some() && (!self.heard.recent(tick) || wrong);
        if lost && !self.lost {
            self.heard.lose(tick, if wrong { "what it says cannot be right" } else { "no sample came in time" });
        } else if self.lost && !lost {
            self.heard.note(tick, "it is back");
        }
        self.lost = lost;
    }

    fn says(&self, what: Real, tick: Tick) -> f64 {
        match what {
            Real::State => {
                let heard = self.heard.last.is_some();
                f64::from(super::instrument::state(heard, self.lost, self.plan.setting.dry_run) as u8)
            }
            Real::ThdDifference => (self.thd - self.simulated_thd).abs(),
            _ => self.heard.says(what, tick),
        }
    }

    fn record(&mut self, ticks: u64) {
        self.heard.record(super::point_names(&self.plan, self.heard.values.len()), ticks);
    }

    fn stops(&self) -> bool {
        self.lost && self.plan.setting.on_loss == OnLoss::Stop
    }

    fn outcome(&self) -> super::Told {
        self.heard.outcome(&self.plan, self.heard.last.is_some() && !self.lost)
    }
}

fn largest_thd(window: &Window, voltages: usize) -> f64 {
    window.channels.iter().take(voltages).map(|own| own.thd_subgroup_percent).fold(f64::NAN, f64::max)
}

/// Puts a value into a window; parts of the fundamental are left for later.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few bits")]
fn put(window: &mut Window, what: Tells, value: f64) {
    match what {
        Tells::Flags => {
            let bits = if value >= 0.0 { value as u64 } else { 0 };
            window.flagged = bits & EVENT != 0;
            window.synchronised = bits & UNSYNCHRONISED == 0;
            window.valid = bits & OVERLOADED == 0;
            window.channels.iter_mut().for_each(|own| own.clipped = bits & OVERLOADED != 0);
        }
        Tells::Frequency => window.frequency_hz = value,
        Tells::U2 => window.unbalance.get_or_insert(UNKNOWN).u2_percent = value,
        Tells::U0 => window.unbalance.get_or_insert(UNKNOWN).u0_percent = value,
        Tells::Rms(k) => window.channels.get_mut(k).into_iter().for_each(|own| own.rms = value),
        Tells::Thd(k) => window.channels.get_mut(k).into_iter().for_each(|own| {
            (own.thd_percent, own.thd_subgroup_percent) = (value, value);
        }),
        Tells::Order(k, order, false) => {
            let slot = window.channels.get_mut(k).and_then(|own| own.subgroup_rms.get_mut(order));
            slot.into_iter().for_each(|own| *own = value);
        }
        Tells::Sequence | Tells::Order(_, _, true) => {}
    }
}

const UNKNOWN: crate::monitor::Unbalance = crate::monitor::Unbalance {
    positive_rms: f64::NAN,
    u2_percent: f64::NAN,
    u0_percent: f64::NAN,
    u2_line_percent: f64::NAN,
};

/// A window's value of what a point tells.
#[allow(clippy::cast_precision_loss, reason = "counts")]
fn told(window: &Window, what: Tells) -> f64 {
    let channel = |k: usize| window.channels.get(k);
    let order = |k: usize, order: usize| channel(k).and_then(|own| own.subgroup_rms.get(order)).copied();
    let flag = |on: bool, bit: u64| if on { bit } else { 0 };
    let clipped = window.channels.iter().any(|own| own.clipped);
    let flags = flag(window.flagged, EVENT) | flag(clipped, OVERLOADED) | flag(!window.synchronised, UNSYNCHRONISED);
    match what {
        // The first result is number 1: 0 is what registers hold before it.
        Tells::Sequence => (window.sequence + 1) as f64,
        Tells::Flags => flags as f64,
        Tells::Frequency => window.frequency_hz,
        Tells::U2 => window.unbalance.map_or(f64::NAN, |own| own.u2_percent),
        Tells::U0 => window.unbalance.map_or(f64::NAN, |own| own.u0_percent),
        Tells::Rms(k) => channel(k).map_or(f64::NAN, |own| own.rms),
        Tells::Thd(k) => channel(k).map_or(f64::NAN, |own| own.thd_subgroup_percent),
        Tells::Order(k, h, false) => order(k, h).unwrap_or(f64::NAN),
        Tells::Order(k, h, true) => order(k, h).zip(order(k, 1)).map_or(f64::NAN, |(own, first)| 100.0 * own / first),
    }
}
