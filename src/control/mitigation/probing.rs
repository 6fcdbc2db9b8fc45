//! When the fleet probes, and the probe's signs: a maximal sequence of 32 767 (x¹⁵ + x¹⁴ + 1; S. W. Golomb 1967).

use super::{Action, Mitigation, State, Why, open};
use crate::quantity::Tick;
use crate::signal::{Decision, Probe, Verdict};

/// The probe, and what is remembered of verdicts for its sake.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProbeState {
    order: u8,
    register: u16,
    sign: f64,
    /// Ticks at which the present sign began.
    since: Tick,
    /// Verdicts of this probe.
    values: u32,
    /// The order of the last probe, and verdicts since it ended.
    last: (u8, u32),
    /// Verdicts in a row, over the limit, that named the fleet.
    named: u32,
}

impl Default for ProbeState {
    fn default() -> Self {
        Self { order: 0, register: 0x5a5a, sign: 1.0, since: Tick(0), values: 0, last: (0, u32::MAX), named: 0 }
    }
}

impl ProbeState {
    pub const fn signal(&self) -> (u8, f64) {
        (self.order, if self.order == 0 { 0.0 } else { self.sign })
    }

    pub const fn named(&self) -> u32 {
        self.named
    }

    pub const fn forget_named(&mut self) {
        self.named = 0;
    }

    pub fn count(&mut self, verdict: &Verdict, over: bool) {
        let fleet = over && verdict.decision == Decision::Fleet;
        self.named = if fleet { self.named.saturating_add(1) } else { 0 };
        self.last.1 = self.last.1.saturating_add(1);
    }

    fn turn(&mut self) {
        let bit = ((self.register >> 14) ^ (self.register >> 13)) & 1;
        self.register = ((self.register << 1) | bit) & 0x7fff;
        self.sign = if bit == 1 { 1.0 } else { -1.0 };
    }
}

impl Mitigation {
    /// The order that a probe should clear up: the largest that no probe has, and whose source is not known or is to be
    /// confirmed.
    fn to_probe(&self, verdict: &Verdict) -> Option<u8> {
        let probing = self.settings.probing?;
        let confirm = probing.confirm && verdict.decision == Decision::Fleet;
        let unclear = |place: &usize| {
            let order = verdict.orders.get(*place).filter(|o| !o.probed && o.v_percent > 0.0)?;
            (open(order.decision) || (confirm && order.decision == Decision::Fleet)).then_some(order.order)
        };
        let found = verdict.worst.iter().find_map(unclear)?;
        let (last, ago) = self.probe.last;
        (found != last || ago >= probing.pause_values).then_some(found)
    }

    /// Whether to probe before anything else.
    pub(super) fn wants_probe(&self, verdict: &Verdict) -> bool {
        let Some(probing) = self.settings.probing else { return false };
        let confirm = probing.confirm && verdict.decision == Decision::Fleet;
        let worst = verdict.worst.first().and_then(|k| verdict.orders.get(*k));
        let unconfirmed = confirm && worst.is_some_and(|o| !o.probed);
        (open(verdict.decision) || unconfirmed) && self.to_probe(verdict).is_some()
    }

    /// Whether a step has to wait for a probe that has not been made yet.
    pub(super) fn unconfirmed(&self, verdict: &Verdict) -> bool {
        let confirm = self.settings.probing.is_some_and(|p| p.confirm);
        confirm && verdict.worst.first().and_then(|k| verdict.orders.get(*k)).is_some_and(|o| !o.probed)
    }

    pub(super) fn begin_probe(&mut self, tick: Tick, verdict: &Verdict) {
        let Some(order) = self.to_probe(verdict) else { return };
        (self.probe.order, self.probe.values, self.probe.since) = (order, 0, tick);
        self.state = State::Probing;
        let why = if verdict.decision == Decision::Fleet { Why::ToConfirm } else { Why::SourceUnknown };
        let unit = self.settings.probing.map(|p| p.unit);
        self.say_of(tick, verdict, Action::ProbeBegin, why, unit, f64::NAN);
    }

    /// Ends the probe when its question is answered, its time is over, or nobody asks any more.
    pub(super) fn watch_probe(&mut self, tick: Tick, verdict: &Verdict) {
        self.probe.values += 1;
        let most = self.settings.probing.map_or(0, |p| p.most_values);
        let own = verdict.order(self.probe.order);
        let answered = own.is_some_and(|o| o.probed && !open(o.decision));
        if answered {
            self.end_probe(tick, verdict, Why::Answered);
        } else if self.probe.values >= most {
            self.end_probe(tick, verdict, Why::TimeOut);
        } else if self.counters.under > 0 {
            self.end_probe(tick, verdict, Why::BelowRelease);
        }
    }

    pub(super) fn end_probe(&mut self, tick: Tick, verdict: &Verdict, why: Why) {
        if self.probe.order == 0 {
            return;
        }
        self.say(tick, verdict, Action::ProbeEnd, why);
        self.probe.last = (self.probe.order, 0);
        self.probe.order = 0;
        self.probe.named = 0;
        if self.state == State::Probing {
            self.state = State::Idle;
        }
    }

    /// Sends the probe's present sign. Sags silence it.
    pub(super) fn drive_probe(&mut self, tick: Tick) {
        let Some(probing) = self.settings.probing else { return };
        if self.probe.order != 0 && tick.0.saturating_sub(self.probe.since.0) >= probing.flip_ticks {
            self.probe.turn();
            self.probe.since = tick;
        }
        let (order, sign) = self.probe.signal();
        let silent = order == 0 || self.frozen;
        if let Some(command) = self.commands.get_mut(probing.unit) {
            let amplitude_a = probing.amplitude_a;
            command.probe = if silent { Probe::NONE } else { Probe { order, sign, amplitude_a, angle_rad: 0.0 } };
        }
    }
}
