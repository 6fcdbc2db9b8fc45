//! What the driver hears: points by message, who is missed, who is frozen.

use super::plan::{Plan, PlannedWatch};
use crate::link::can::frame::CanFrame;

/// A message may come so much more often than its period for ever.
const FASTER: f64 = 1.25;
/// Messages beyond that, after which there are taken to be two senders; and what is remembered of more.
const MOST_SURPLUS: f64 = 6.0;
const FULL: f64 = 8.0;

/// A point as it stands.
#[derive(Clone, Copy, Debug)]
struct Held {
    value: f64,
    /// When it last came, or when waiting for it began, in µs.
    at_us: u64,
    /// It came on this bus.
    came: bool,
    /// It came since the last sample.
    fresh: bool,
}

impl Held {
    const fn awaited(since_us: u64) -> Self {
        Self { value: f64::NAN, at_us: since_us, came: false, fresh: false }
    }
}

/// A message as it stands.
#[derive(Debug)]
struct Heard {
    /// When it last came, or when waiting for it began, in µs.
    at_us: u64,
    /// It came on this bus.
    ever: bool,
    counter: Option<u64>,
    /// Messages since the counter moved.
    still: u32,
    /// Messages in a row whose counter was not the next.
    jumps: u32,
    /// Messages beyond those that its period lets expect, of late.
    surplus: f64,
    /// Messages of another length than the database says, in a row.
    misshapen: u32,
    points: Vec<Held>,
}

/// What is wrong with a device's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Good,
    /// Not all of them came yet.
    Waiting,
    Silent(String),
    Wrong(String),
}

/// All watched messages.
#[derive(Debug)]
pub(super) struct Watch {
    heard: Vec<Heard>,
    published_us: Option<u64>,
    /// Error frames, and messages of another length.
    damaged: u64,
}

impl Watch {
    pub(super) fn new(plan: &Plan) -> Self {
        let heard = plan.watches.iter().map(|watch| Heard {
            at_us: 0,
            ever: false,
            counter: None,
            still: 0,
            jumps: 0,
            surplus: 0.0,
            misshapen: 0,
            points: vec![Held::awaited(0); watch.points.len()],
        });
        Self { heard: heard.collect(), published_us: None, damaged: 0 }
    }

    /// Error frames and messages of another length so far.
    pub(super) const fn damaged(&self) -> u64 {
        self.damaged
    }

    /// An error frame came.
    pub(super) const fn note_error(&mut self) {
        self.damaged = self.damaged.saturating_add(1);
    }

    /// Begins to wait anew: nothing was heard yet.
    pub(super) fn restart(&mut self, now_us: u64) {
        for heard in &mut self.heard {
            (heard.at_us, heard.ever, heard.counter, heard.still, heard.misshapen) = (now_us, false, None, 0, 0);
            (heard.jumps, heard.surplus) = (0, 0.0);
            heard.points.fill(Held::awaited(now_us));
        }
    }

    /// Takes a frame that arrived at a time; whether it is watched.
    pub(super) fn hear(&mut self, plan: &Plan, frame: &CanFrame, at_us: u64) -> bool {
        let Ok(at) = plan.watches.binary_search_by_key(&frame.id(), |watch| watch.message.id) else { return false };
        if !frame.is_data() {
            return false;
        }
        let (watch, heard) = (&plan.watches[at], &mut self.heard[at]);
        // An FD frame may be padded beyond its message.
        let fits =
            frame.length() == watch.message.length || (frame.length() > 8 && frame.length() >= watch.message.length);
        heard.misshapen = if fits { 0 } else { heard.misshapen.saturating_add(1) };
        self.damaged = self.damaged.saturating_add(u64::from(!fits));
        if fits {
            heard.take(watch, frame.bytes(), at_us);
        }
        true
    }

    /// How the device fares.
    pub(super) fn health(&self, plan: &Plan, now_us: u64) -> Health {
        let mut pairs = self.heard.iter().zip(&plan.watches);
        if let Some(wrong) = pairs.clone().find_map(|(heard, watch)| heard.wrong(watch)) {
            return Health::Wrong(wrong);
        }
        let missed = |heard: &Heard, watch: &PlannedWatch| now_us.saturating_sub(heard.at_us) >= watch.missed_us;
        let all = !self.heard.is_empty() && pairs.clone().all(|(heard, watch)| missed(heard, watch));
        let long = |heard: &Heard, watch: &PlannedWatch| {
            now_us.saturating_sub(heard.at_us) >= watch.missed_us.saturating_mul(2)
        };
        if let Some((_, watch)) = pairs.clone().find(|(heard, watch)| all || long(heard, watch)) {
            return Health::Silent(format!(
                "message `{}` did not come for {} ms",
                watch.message.name,
                watch.missed_us / 1000
            ));
        }
        if pairs.all(|(heard, _)| heard.ever) { Health::Good } else { Health::Waiting }
    }

    /// Whether something came lately.
    pub(super) fn heard_since(&self, us: u64) -> bool {
        self.heard.iter().any(|heard| heard.ever && heard.at_us >= us)
    }

    /// A sample, if there is one: the oldest and newest time of what is new in it. Each point of the messages that set the
    /// pace is new; others are as they last came. What is missed is NaN and holds nothing up.
    pub(super) fn sample(&mut self, plan: &Plan, now_us: u64, values: &mut [f64]) -> Option<(u64, u64)> {
        if self.published_us.is_some_and(|at| now_us.saturating_sub(at) < plan.publish_us) {
            return None;
        }
        let (mut origin, mut received) = (u64::MAX, 0);
        for (heard, watch) in self.heard.iter().zip(&plan.watches) {
            let wrong = heard.wrong(watch).is_some();
            for (held, point) in heard.points.iter().zip(&watch.points) {
                let Some(value) = point.place.and_then(|place| values.get_mut(place)) else { continue };
                let missed = now_us.saturating_sub(held.at_us) >= watch.point_missed_us;
                if held.fresh {
                    (origin, received) = (origin.min(held.at_us), received.max(held.at_us));
                } else if !missed && (watch.paces || !held.came) {
                    return None;
                }
                *value = if missed || wrong { f64::NAN } else { held.value };
            }
        }
        if origin == u64::MAX {
            return None;
        }
        self.published_us = Some(now_us);
        self.heard.iter_mut().flat_map(|heard| &mut heard.points).for_each(|held| held.fresh = false);
        Some((origin, received))
    }

    /// Whether the device says that it holds to each set-point that it confirms, given what was sent by place.
    pub(super) fn confirms(&self, plan: &Plan, now_us: u64, sent: impl Fn(usize) -> Option<f64>) -> bool {
        let mut confirmed = 0;
        for (heard, watch) in self.heard.iter().zip(&plan.watches) {
            for (held, point) in heard.points.iter().zip(&watch.points) {
                let Some((place, tolerance)) = point.confirms else { continue };
                let recent = now_us.saturating_sub(held.at_us) < watch.point_missed_us;
                let near = sent(place).is_some_and(|sent| (held.value - sent).abs() <= tolerance);
                confirmed += usize::from(recent && near);
            }
        }
        plan.confirmable > 0 && confirmed == plan.confirmable
    }
}

impl Heard {
    fn take(&mut self, watch: &PlannedWatch, payload: &[u8], at_us: u64) {
        self.count(watch, at_us);
        (self.at_us, self.ever) = (at_us, true);
        if let Some(alive) = watch.alive {
            let counter = watch.message.signals[alive.signal].raw(payload);
            self.still = if self.counter == Some(counter) { self.still.saturating_add(1) } else { 0 };
            let next = self.counter.is_none_or(|before| counter == (before + 1) % alive.modulus);
            self.jumps = if next { 0 } else { self.jumps.saturating_add(1) };
            self.counter = Some(counter);
            if !next {
                // Perhaps it is somebody else's: what it says counts only when the next one follows it.
                return;
            }
        }
        for (held, point) in self.points.iter_mut().zip(&watch.points) {
            let Some(physical) = watch.message.decode(point.signal, payload) else { continue };
            let admitted = watch.message.signals[point.signal].admits(physical);
            let value = if admitted { physical * point.scale + point.offset } else { f64::NAN };
            *held = Held { value, at_us, came: true, fresh: true };
        }
    }

    /// Counts how much more often than its period it comes.
    #[allow(clippy::cast_precision_loss, reason = "times in µs")]
    fn count(&mut self, watch: &PlannedWatch, at_us: u64) {
        let periods = at_us.saturating_sub(self.at_us) as f64 / watch.period_us.max(1) as f64;
        self.surplus = if self.ever { (self.surplus + 1.0 - FASTER * periods).clamp(-MOST_SURPLUS, FULL) } else { 0.0 };
    }

    fn wrong(&self, watch: &PlannedWatch) -> Option<String> {
        if self.still >= watch.frozen_after {
            return Some(format!("message `{}`: its counter stands still", watch.message.name));
        }
        if self.surplus >= MOST_SURPLUS {
            let name = &watch.message.name;
            return Some(format!("message `{name}` comes too often: do two devices send it, or is `every_s` wrong?"));
        }
        if self.jumps >= watch.frozen_after {
            let name = &watch.message.name;
            return Some(format!("message `{name}`: its counter jumps: do two devices send it, or are frames lost?"));
        }
        (self.misshapen >= watch.frozen_after).then(|| format!("message `{}` has another length", watch.message.name))
    }
}
