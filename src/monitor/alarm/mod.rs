//! Alarms by the codes of the monitoring manual: THD-HIGH-VOLT, PKT-LOSS-NET, PHASE-IMBAL, SYNC-ERR, E-HARM-61850.
//!
//! A quantity raises its alarm when it has been above its trip point for a time, and clears it when it has been below a
//! lower point for a time. Each change is an event with its reason and inputs; trip points are replaced at run time, and
//! that is an event too. What is not a number changes nothing, nor does what a dip, swell or interruption touches. Trip
//! points are choices of this bench but for the ±20 ms (16.7 ms at 60 Hz) and 11.6 ppm (1 s a day) of the clock, which are
//! IEC 61000-4-30 class A (R), and u2 > 2 % over 10 minutes, which is EN 50160 (S).

mod event;
mod loss;
mod trip;

pub use event::{AlarmEvent, Change, Code, MappingFault, Reason, Severity};
pub use trip::{Trip, TripError, TripPoints};

use super::aggregate::{Aggregate, Interval};
use super::settings::{Quantity, Settings};
use loss::Loss;
use trip::Watch;

/// Least time over which a clock's drift is judged, in s.
const LEAST_DRIFT_S: f64 = 600.0;
/// How long a clock's drift is measured against the same first offset, in s.
const MOST_DRIFT_S: f64 = 3600.0;

/// Raises and clears alarms.
#[derive(Clone, Debug)]
pub struct Alarms {
    trips: TripPoints,
    voltages: Vec<bool>,
    thd: Vec<Watch>,
    loss: Watch,
    losses: Loss,
    unbalance: Watch,
    current_unbalance: Watch,
    offset: Watch,
    drift: Watch,
    /// When drift began to be measured, and the offset then.
    anchor: Option<(f64, f64)>,
    mapping: [Watch; MappingFault::ALL.len()],
    sequence: u64,
}

/// What an alarm event is made of besides its change.
#[derive(Clone, Copy)]
struct Input {
    time_s: f64,
    value: f64,
    channel: Option<usize>,
    order: Option<usize>,
    reason: Reason,
}

impl Input {
    const fn new(time_s: f64, value: f64, reason: Reason) -> Self {
        Self { time_s, value, channel: None, order: None, reason }
    }
}

impl Alarms {
    /// For an instrument with these settings.
    ///
    /// # Errors
    /// Trip points that are none: [`TripPoints::check`].
    pub fn new(settings: &Settings, trips: TripPoints) -> Result<Self, TripError> {
        trips.check()?;
        let voltages: Vec<bool> = settings.channels.iter().map(|role| role.quantity == Quantity::Voltage).collect();
        let none = Watch::default();
        Ok(Self {
            losses: Loss::new(trips.loss_window_s),
            trips,
            thd: vec![none; voltages.len()],
            voltages,
            loss: none,
            unbalance: none,
            current_unbalance: none,
            offset: none,
            drift: none,
            anchor: None,
            mapping: [none; MappingFault::ALL.len()],
            sequence: 0,
        })
    }

    /// The trip points in force.
    pub const fn trips(&self) -> &TripPoints {
        &self.trips
    }

    /// Replaces the trip points from now on, and says which have changed. Alarms that are raised stay so until the new
    /// points clear them.
    ///
    /// # Errors
    /// Trip points that are none; the old ones stay in force.
    pub fn replace(
        &mut self,
        time_s: f64,
        trips: TripPoints,
        out: &mut dyn FnMut(&AlarmEvent),
    ) -> Result<(), TripError> {
        trips.check()?;
        let old = std::mem::replace(&mut self.trips, trips);
        for ((code, from), (_, to)) in old.all().into_iter().zip(trips.all()) {
            if from != to {
                self.sequence += 1;
                let reason = Reason::TripPoint { from: from.raise_above };
                out(&AlarmEvent {
                    sequence: self.sequence,
                    time_s,
                    code,
                    severity: to.severity,
                    change: Change::Replaced,
                    value: to.raise_above,
                    limit: to.raise_above,
                    channel: None,
                    order: None,
                    reason,
                });
            }
        }
        self.losses.set_window(trips.loss_window_s);
        Ok(())
    }

    /// Takes an aggregate: THD of voltages from those of 15 windows, unbalance from those of 10 minutes.
    pub fn aggregate(&mut self, aggregate: &Aggregate, out: &mut dyn FnMut(&AlarmEvent)) {
        if aggregate.flagged {
            return;
        }
        match aggregate.interval {
            Interval::Short => {
                for (place, channel) in aggregate.channels.iter().enumerate() {
                    if self.voltages.get(place) == Some(&true) {
                        let order = largest_order(&channel.subgroup_rms);
                        self.thd(aggregate.end_s, place, channel.thd_subgroup_percent, order, out);
                    }
                }
            }
            Interval::TenMinutes => {
                let u2 = |unbalance: Option<super::aggregate::UnbalanceAggregate>| {
                    unbalance.map_or(f64::NAN, |unbalance| unbalance.u2_percent)
                };
                self.unbalance(aggregate.end_s, u2(aggregate.unbalance), u2(aggregate.current_unbalance), out);
            }
            Interval::TwoHours => {}
        }
    }

    /// Takes the THD of a channel's voltage over 15 windows, in percent, and the order that is largest in it.
    pub fn thd(
        &mut self,
        time_s: f64,
        channel: usize,
        percent: f64,
        order: Option<usize>,
        out: &mut dyn FnMut(&AlarmEvent),
    ) {
        let Some(watch) = self.thd.get_mut(channel) else { return };
        let input = Input { channel: Some(channel), order, ..Input::new(time_s, percent, Reason::Thd) };
        say(Code::ThdHighVolt, watch.step(time_s, percent, &self.trips.thd), input, &mut self.sequence, out);
    }

    /// Takes unbalances over 10 minutes, in percent; NaN where there is none.
    pub fn unbalance(&mut self, time_s: f64, u2_percent: f64, current_percent: f64, out: &mut dyn FnMut(&AlarmEvent)) {
        let step = self.unbalance.step(time_s, u2_percent, &self.trips.unbalance);
        let input = Input::new(time_s, u2_percent, Reason::VoltageUnbalance);
        say(Code::PhaseImbal, step, input, &mut self.sequence, out);
        let step = self.current_unbalance.step(time_s, current_percent, &self.trips.current_unbalance);
        let input = Input::new(time_s, current_percent, Reason::CurrentUnbalance);
        say(Code::PhaseImbal, step, input, &mut self.sequence, out);
    }

    /// Takes the number of a packet that has arrived. Numbers that were left out are lost; ones that come late or again
    /// are not news, and a jump back by more than 1000 is a sender that began anew.
    pub fn packet(&mut self, time_s: f64, number: u64, out: &mut dyn FnMut(&AlarmEvent)) {
        let (received, lost) = self.losses.packet(number);
        self.packets(time_s, received, lost, out);
    }

    /// Takes counts of packets that have arrived and that are lost since the last time.
    pub fn packets(&mut self, time_s: f64, received: u64, lost: u64, out: &mut dyn FnMut(&AlarmEvent)) {
        let (received, lost) = self.losses.add(time_s, received, lost);
        let percent = if received + lost < loss::FEWEST { f64::NAN } else { 100.0 * lost / (received + lost) };
        let step = self.loss.step(time_s, percent, &self.trips.loss);
        let reason = Reason::SequenceGaps { lost: lost as u64, expected: (received + lost) as u64 };
        say(Code::PktLossNet, step, Input::new(time_s, percent, reason), &mut self.sequence, out);
    }

    /// Takes by how much the instrument's clock is ahead of the reference, in s. Its drift is judged over at least 10
    /// minutes without a step of the clock: call [`Alarms::clock_set`] after one.
    pub fn clock(&mut self, time_s: f64, offset_s: f64, out: &mut dyn FnMut(&AlarmEvent)) {
        let step = self.offset.step(time_s, offset_s.abs(), &self.trips.offset_s);
        say(Code::SyncErr, step, Input::new(time_s, offset_s, Reason::ClockOffset), &mut self.sequence, out);
        if !(offset_s.is_finite() && time_s.is_finite()) {
            return;
        }
        let (since_s, first_s) = *self.anchor.get_or_insert((time_s, offset_s));
        let over_s = time_s - since_s;
        if over_s >= LEAST_DRIFT_S {
            let ppm = (offset_s - first_s) / over_s * 1e6;
            let step = self.drift.step(time_s, ppm.abs(), &self.trips.drift_ppm);
            let reason = Reason::ClockDrift { over_s };
            say(Code::SyncErr, step, Input::new(time_s, ppm, reason), &mut self.sequence, out);
        }
        if !(0.0..MOST_DRIFT_S).contains(&over_s) {
            self.anchor = Some((time_s, offset_s));
        }
    }

    /// Says that the clock was set: its drift is measured anew.
    pub const fn clock_set(&mut self) {
        self.anchor = None;
    }

    /// Takes what is wrong with the mapping between registers and IEC 61850 objects at present; of all else nothing is.
    pub fn mapping(&mut self, time_s: f64, faults: &[MappingFault], out: &mut dyn FnMut(&AlarmEvent)) {
        for (fault, watch) in MappingFault::ALL.into_iter().zip(&mut self.mapping) {
            let value = if faults.contains(&fault) { 1.0 } else { 0.0 };
            let step = watch.step(time_s, value, &self.trips.mapping);
            let input = Input::new(time_s, value, Reason::Mapping(fault));
            say(Code::EHarm61850, step, input, &mut self.sequence, out);
        }
    }

    /// Whether any alarm of a code is raised.
    pub fn raised(&self, code: Code) -> bool {
        match code {
            Code::ThdHighVolt => self.thd.iter().any(Watch::raised),
            Code::PktLossNet => self.loss.raised(),
            Code::PhaseImbal => self.unbalance.raised() || self.current_unbalance.raised(),
            Code::SyncErr => self.offset.raised() || self.drift.raised(),
            Code::EHarm61850 => self.mapping.iter().any(Watch::raised),
        }
    }
}

/// The order from 2 on that is largest.
fn largest_order(subgroup_rms: &[f64]) -> Option<usize> {
    let orders = subgroup_rms.iter().enumerate().skip(2).filter(|(_, rms)| rms.is_finite());
    orders.max_by(|a, b| a.1.total_cmp(b.1)).map(|(order, _)| order)
}

fn say(code: Code, step: Option<(bool, Trip)>, input: Input, sequence: &mut u64, out: &mut dyn FnMut(&AlarmEvent)) {
    let Some((raised, trip)) = step else { return };
    *sequence += 1;
    out(&AlarmEvent {
        sequence: *sequence,
        time_s: input.time_s,
        code,
        severity: trip.severity,
        change: if raised { Change::Raised } else { Change::Cleared },
        value: input.value,
        limit: if raised { trip.raise_above } else { trip.clear_below },
        channel: input.channel,
        order: input.order,
        reason: input.reason,
    });
}

#[cfg(test)]
mod tests;
