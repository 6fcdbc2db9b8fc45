//! What the driver sends: payloads from set-points, when each is due.

use super::plan::{Plan, PlannedSend};
use crate::link::can::frame::{CanFrame, CanId};

/// What goes into the payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Safe,
    Operate,
}

#[derive(Debug)]
struct Turn {
    next_us: u64,
    counter: u64,
    /// When a frame of ours was last seen from somebody else, in µs.
    collided_us: Option<u64>,
}

/// The messages that are ours to send.
#[derive(Debug)]
pub(super) struct Outgoing {
    turns: Vec<Turn>,
    /// What is sent, in the loop's units; NaN never.
    values: Vec<f64>,
    has_values: bool,
    pub(super) has_written: bool,
}

/// Times a message's period that a collision is told for after it was last seen, at least a second.
const COLLISION_PERIODS: u64 = 10;
const COLLISION_US: u64 = 1_000_000;

impl Outgoing {
    pub(super) fn new(plan: &Plan) -> Self {
        let turns = plan.sends.iter().map(|_| Turn { next_us: 0, counter: 0, collided_us: None });
        Self { turns: turns.collect(), values: plan.safe.clone(), has_values: false, has_written: false }
    }

    /// Begins on a new bus: everything is due.
    pub(super) fn restart(&mut self, now_us: u64) {
        for turn in &mut self.turns {
            (turn.next_us, turn.collided_us) = (now_us, None);
        }
    }

    /// Takes set-points; what is NaN stays.
    pub(super) fn set(&mut self, values: &[f64]) {
        self.has_values = true;
        for (own, value) in self.values.iter_mut().zip(values) {
            if value.is_finite() {
                *own = *value;
            }
        }
    }

    /// Forgets set-points: until there are new ones, it is safe values.
    pub(super) fn make_safe(&mut self, plan: &Plan) {
        self.has_values = false;
        self.values.copy_from_slice(&plan.safe);
    }

    /// The value that a set-point has on the wire, in physical units, and whether it is the one that was wanted.
    pub(super) fn physical(&self, plan: &Plan, place: usize) -> Option<f64> {
        let (send, set) = plan.sends.iter().find_map(|send| {
            let set = send.sets.iter().find(|set| set.place == place)?;
            Some((send, set))
        })?;
        let signal = &send.message.signals[set.signal];
        let (raw, _) = signal.nearest(self.values[place] * set.scale + set.offset);
        Some(signal.physical(raw))
    }

    /// When the next message is due.
    pub(super) fn next_us(&self) -> u64 {
        self.turns.iter().map(|turn| turn.next_us).min().unwrap_or(u64::MAX)
    }

    /// A message that is due, if there is one; it is due again a period later. What was missed is not made up for.
    pub(super) fn due(&mut self, plan: &Plan, now_us: u64) -> Option<usize> {
        let at = self.turns.iter().position(|turn| turn.next_us <= now_us)?;
        let (turn, period) = (&mut self.turns[at], plan.sends[at].period_us);
        turn.next_us += period * ((now_us - turn.next_us) / period + 1);
        Some(at)
    }

    /// The frame of a message, its counter moved on; and the signals that could not have their value.
    pub(super) fn frame(&mut self, plan: &Plan, at: usize, mode: Mode) -> (Option<CanFrame>, Option<String>) {
        let send: &PlannedSend = &plan.sends[at];
        let mode = if self.has_values { mode } else { Mode::Safe };
        let mut payload = send.base.clone();
        let signals = &send.message.signals;
        for &(signal, safe, operating) in &send.switched {
            signals[signal].put_raw(&mut payload, if mode == Mode::Safe { safe } else { operating });
        }
        let mut refused = None;
        for set in &send.sets {
            let value = if mode == Mode::Safe { plan.safe[set.place] } else { self.values[set.place] };
            let physical = value * set.scale + set.offset;
            let (raw, held) = signals[set.signal].nearest(physical);
            signals[set.signal].put_raw(&mut payload, raw);
            if !held {
                let nearest = signals[set.signal].physical(raw);
                refused = Some(format!("`{}` cannot be {physical}: {nearest} was sent", signals[set.signal].name));
            }
        }
        if let Some(alive) = send.alive {
            signals[alive.signal].put_raw(&mut payload, self.turns[at].counter);
            self.turns[at].counter = (self.turns[at].counter + 1) % alive.modulus;
        }
        (CanFrame::fitting(send.message.id, &payload).ok(), refused)
    }

    /// Notes a frame from the bus that is ours to send; whether it is one.
    pub(super) fn collides(&mut self, plan: &Plan, id: CanId, now_us: u64) -> bool {
        let own = plan.sends.iter().position(|send| send.message.id == id);
        if let Some(at) = own {
            self.turns[at].collided_us = Some(now_us);
        }
        own.is_some()
    }

    /// A message that somebody else sent lately.
    pub(super) fn collision<'a>(&self, plan: &'a Plan, now_us: u64) -> Option<&'a str> {
        let mut turns = self.turns.iter().zip(&plan.sends);
        turns.find_map(|(turn, send)| {
            let holds = COLLISION_US.max(COLLISION_PERIODS * send.period_us);
            turn.collided_us.filter(|at| now_us.saturating_sub(*at) < holds).map(|_| send.message.name.as_str())
        })
    }
}
