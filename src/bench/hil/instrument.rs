//! An instrument's seat: what a real meter or PMU says reaches controllers in the place of the simulated one's readings.
//!
//! A reading counts once: a controller sees it with its age, and a lost instrument's readings are not valid. Limits: the
//! origin of a reading is the tick at which it was taken, at most a poll after the device measured it.

use super::heard::{Heard, Order};
use super::place::{Occupant, State};
use crate::link::arrivals::Ear;
use crate::link::port::{Directive, LinkState};
use crate::quantity::Tick;
use crate::scenario::{self, OnLoss, Real, Replaced, SeatReading};
use crate::signal::Frame;

pub(super) struct Instrument {
    heard: Heard,
    plan: scenario::Seat,
    /// The instrument, and for each of its channels the point and the factor to the channel's unit.
    pub(super) place: usize,
    channels: Vec<Option<(usize, f64)>>,
    /// Where in a sample each point is.
    order: Order,
    frame: Frame,
    lost: bool,
}

/// What a channel that is read as it is is multiplied with: a lab's power is not the network's.
fn scale_of(plan: &scenario::Seat, channel: usize) -> f64 {
    let Replaced::Instrument(_, channels) = &plan.replaces else { return 1.0 };
    let point = channels.get(channel).copied().flatten().and_then(|(point, _)| plan.description.points.get(point));
    let scale = plan.setting.scale;
    match point.and_then(|own| own.name.split('.').next()) {
        Some("p_w" | "q_var" | "s_va") => scale.power,
        Some("i_a") => scale.current,
        Some("v_v" | "v_ll_v") => scale.voltage.unwrap_or(1.0),
        _ => 1.0,
    }
}

/// The point behind each channel, and the factor from its unit to the channel's. `base_v` is each channel's node's; 1 where
/// it has none.
pub(super) fn channels(plan: &scenario::Seat, base_v: &[f64]) -> Vec<Option<(usize, f64)>> {
    let Replaced::Instrument(_, channels) = &plan.replaces else { return Vec::new() };
    let factor = |k: usize, reading: SeatReading| match (reading, base_v.get(k)) {
        (SeatReading::PerUnit(_), Some(&base_v)) => super::voltage_scale(plan, base_v) / base_v,
        _ => scale_of(plan, k),
    };
    let channel = |(k, own): (usize, &Option<(usize, SeatReading)>)| {
        let (point, reading) = (*own)?;
        Some((point, factor(k, reading)))
    };
    channels.iter().enumerate().map(channel).collect()
}

impl Instrument {
    /// `base_v` of each channel's node; 1 where it has none.
    pub(super) fn new(plan: &scenario::Seat, end: Ear, order: Order, base_v: &[f64], step_s: f64) -> Option<Self> {
        let Replaced::Instrument(place, _) = plan.replaces else { return None };
        let channels = channels(plan, base_v);
        let heard = Heard::new(plan, end, order.numbers, step_s);
        // It is only ever watched.
        heard.ear.direct(Directive::Watch);
        let frame = Frame::new(channels.len());
        Some(Self { place, frame, channels, heard, order, lost: false, plan: plan.clone() })
    }

    fn look(&mut self, tick: Tick) {
        let recent = self.heard.recent(tick);
        let lost = self.heard.last.is_some() && (!recent || self.heard.ear.state() == LinkState::Wrong);
        if lost && !self.lost {
            self.heard.lose(tick, if recent { "what it says cannot be right" } else { "no sample came in time" });
        } else if self.lost && !lost {
            self.heard.note(tick, "it is back");
        }
        self.lost = lost;
        if lost {
            (0..self.channels.len()).for_each(|k| self.frame.set(k, f64::NAN));
        }
    }

    /// The newest reading in place of the simulated one's; `None` where that is to be taken: before the first sample, in a
    /// dry run, and while it is lost where the scenario says so.
    pub(super) fn frame(&self) -> Option<&Frame> {
        let twin = self.lost && self.plan.setting.on_loss == OnLoss::Twin;
        (self.heard.last.is_some() && !twin && !self.plan.setting.dry_run).then_some(&self.frame)
    }
}

/// How a seat that is only read stands.
pub(super) const fn state(heard: bool, lost: bool, watched: bool) -> State {
    match (heard, lost, watched) {
        (false, ..) => State::Waiting,
        (_, true, _) => State::Lost,
        (.., true) => State::Watched,
        _ => State::Closed,
    }
}

impl Occupant for Instrument {
    fn begin(&mut self, tick: Tick, now_us: u64) {
        if self.heard.begin(tick, now_us).is_some() {
            self.frame.advance(tick);
            for (k, own) in self.channels.iter().enumerate() {
                // A clock that nobody tells of is taken to be right.
                let value = own.map_or(1.0, |(point, factor)| {
                    let place = self.order.place(point).unwrap_or(usize::MAX);
                    self.heard.values.get(place).map_or(f64::NAN, |v| v * factor)
                });
                self.frame.set(k, value);
            }
        } else {
            let passed = tick.0 - self.frame.origin.0;
            let before = self.frame.channels().first().map_or(0, |own| own.age);
            self.frame.grow_older(passed.saturating_sub(before));
        }
        self.look(tick);
    }

    fn stops(&self) -> bool {
        self.lost && self.plan.setting.on_loss == OnLoss::Stop
    }

    fn says(&self, what: Real, tick: Tick) -> f64 {
        match what {
            Real::State => f64::from(state(self.heard.last.is_some(), self.lost, self.plan.setting.dry_run) as u8),
            _ => self.heard.says(what, tick),
        }
    }

    fn record(&mut self, ticks: u64) {
        self.heard.record(super::point_names(&self.plan, self.heard.values.len()), ticks);
    }

    fn outcome(&self) -> super::Told {
        self.heard.outcome(&self.plan, self.heard.last.is_some() && !self.lost)
    }
}
