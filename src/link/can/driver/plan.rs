//! Settings with their names resolved, or everything that is wrong with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Alive, CanSettings, Sent, SignalName};
use crate::link::can::dbc::{Database, Message, Presence};
use crate::link::can::frame::CanId;

/// Periods after which a message is missed where the settings do not say.
const PERIODS: u32 = 3;
/// Shortest and longest period, in µs.
const PERIOD_US: (u64, u64) = (1_000, 3_600_000_000);

/// Something wrong with the settings of a driver.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum SettingsError {
    /// No such message.
    #[error("the database has no message `{message}`")]
    Message { message: String },
    /// No such signal.
    #[error("message `{message}` has no signal `{signal}`")]
    Signal { message: String, signal: String },
    /// A message is named twice in the same list.
    #[error("message `{message}` is there twice")]
    Twice { message: String },
    /// A message is both sent and received.
    #[error("message `{message}` is sent: nothing can be read from it")]
    OwnMessage { message: String },
    /// A set-point's message is not sent.
    #[error("message `{message}`, which has set-points, is not among those that are sent")]
    NotSent { message: String },
    /// Two values for a signal.
    #[error("message `{message}`: signal `{signal}` has two values")]
    TwoValues { message: String, signal: String },
    /// No period, or one that cannot be.
    #[error("message `{message}` needs a period from 1 ms to 1 h: neither the settings nor the database say one")]
    Period { message: String },
    /// A value that the signal cannot have.
    #[error("{0}")]
    Value(#[from] crate::link::can::dbc::EncodeError),
    /// A scale of 0, or numbers that are not finite.
    #[error("message `{message}`, signal `{signal}`: scale {scale} and offset {offset}")]
    Scale { message: String, signal: String, scale: f64, offset: f64 },
    /// A counter that does not fit.
    #[error("message `{message}`: a counter of {modulus} steps does not fit into `{signal}`")]
    Alive { message: String, signal: String, modulus: u64 },
    /// What is sent depends on a multiplexer.
    #[error("message `{message}`: signal `{signal}` is multiplexed and cannot be sent")]
    Multiplexed { message: String, signal: String },
    /// Missed after no time.
    #[error("message `{message}` would be missed at once: it needs at least one period")]
    Periods { message: String },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Counter {
    pub(super) signal: usize,
    pub(super) modulus: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PlannedPoint {
    pub(super) signal: usize,
    /// Its place in the port, where the loop reads it.
    pub(super) place: Option<usize>,
    pub(super) scale: f64,
    pub(super) offset: f64,
    /// Set-point that it confirms, with how far it may be off.
    pub(super) confirms: Option<(usize, f64)>,
}

#[derive(Clone, Debug)]
pub(super) struct PlannedWatch {
    pub(super) message: Message,
    /// Without it for so long, it is missed, in µs.
    pub(super) missed_us: u64,
    /// The same for one of its points: signals that take turns come more seldom.
    pub(super) point_missed_us: u64,
    pub(super) period_us: u64,
    /// Samples wait for it: none that has points comes more often.
    pub(super) paces: bool,
    /// Messages that a counter may stand still for.
    pub(super) frozen_after: u32,
    pub(super) alive: Option<Counter>,
    pub(super) points: Vec<PlannedPoint>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PlannedSet {
    pub(super) signal: usize,
    pub(super) place: usize,
    pub(super) scale: f64,
    pub(super) offset: f64,
}

#[derive(Clone, Debug)]
pub(super) struct PlannedSend {
    pub(super) message: Message,
    pub(super) period_us: u64,
    /// The payload with what never changes.
    pub(super) base: Vec<u8>,
    /// Signal, raw when safe, raw when operating.
    pub(super) switched: Vec<(usize, u64, u64)>,
    pub(super) sets: Vec<PlannedSet>,
    pub(super) alive: Option<Counter>,
}

/// Settings that are checked.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) watches: Vec<PlannedWatch>,
    pub(super) sends: Vec<PlannedSend>,
    /// Safe values in the loop's units, by set-point.
    pub(super) safe: Vec<f64>,
    /// Set-points that the device confirms.
    pub(super) confirmable: usize,
    pub(super) points: usize,
    pub(super) publish_us: u64,
}

impl Plan {
    /// Checks settings.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn new(settings: &CanSettings) -> Result<Self, Vec<SettingsError>> {
        let mut planner = Planner { database: Arc::clone(&settings.database), found: Vec::new() };
        let mut sends: Vec<PlannedSend> = settings.sent.iter().filter_map(|sent| planner.send(sent)).collect();
        planner.distinct(settings.sent.iter().map(|sent| &sent.message));
        planner.set_points(settings, &mut sends);
        let watches = planner.watches(settings, &sends);
        if !planner.found.is_empty() {
            return Err(planner.found);
        }
        let set_points = &settings.set_points;
        Ok(Self {
            watches,
            sends,
            safe: set_points.iter().map(|set| set.safe).collect(),
            confirmable: set_points.iter().filter(|set| set.confirmed_by.is_some()).count(),
            points: settings.points.len(),
            publish_us: settings.publish_us.max(1_000),
        })
    }

    /// Points of the port.
    pub const fn points(&self) -> usize {
        self.points
    }

    /// Set-points of the port.
    pub fn set_points(&self) -> usize {
        self.safe.len()
    }
}

struct Planner {
    database: Arc<Database>,
    found: Vec<SettingsError>,
}

impl Planner {
    fn message(&mut self, name: &str) -> Option<Message> {
        let message = self.database.named(name).cloned();
        if message.is_none() {
            self.found.push(SettingsError::Message { message: name.to_owned() });
        }
        message
    }

    fn signal(&mut self, message: &Message, name: &str) -> Option<usize> {
        let at = message.signal(name);
        if at.is_none() {
            self.found.push(SettingsError::Signal { message: message.name.clone(), signal: name.to_owned() });
        }
        at
    }

    fn distinct<'a>(&mut self, names: impl Iterator<Item = &'a String>) {
        let mut seen = BTreeMap::new();
        let twice = names.filter(|name| seen.insert(name.as_str(), ()).is_some());
        self.found.extend(twice.map(|name| SettingsError::Twice { message: name.clone() }));
    }

    fn period(&mut self, message: &Message, given: Option<u64>) -> Option<u64> {
        let period = given.or(message.cycle_us).filter(|period| (PERIOD_US.0..=PERIOD_US.1).contains(period));
        if period.is_none() {
            self.found.push(SettingsError::Period { message: message.name.clone() });
        }
        period
    }

    fn counter(&mut self, message: &Message, alive: Option<&Alive>) -> Option<Counter> {
        let alive = alive?;
        let signal = self.signal(message, &alive.signal)?;
        let bits = u32::from(message.signals[signal].length);
        let fits = alive.modulus >= 2 && (bits >= 64 || alive.modulus <= 1 << bits);
        if !fits {
            let (message, signal) = (message.name.clone(), alive.signal.clone());
            self.found.push(SettingsError::Alive { message, signal, modulus: alive.modulus });
        }
        fits.then_some(Counter { signal, modulus: alive.modulus })
    }

    /// A signal of a message that is sent, which nothing else sets.
    fn free(&mut self, message: &Message, name: &str, used: &mut Vec<usize>) -> Option<usize> {
        let at = self.signal(message, name)?;
        let (owner, signal) = (message.name.clone(), name.to_owned());
        if matches!(message.signals[at].presence, Presence::When(_)) {
            self.found.push(SettingsError::Multiplexed { message: owner, signal });
            return None;
        }
        if used.contains(&at) {
            self.found.push(SettingsError::TwoValues { message: owner, signal });
            return None;
        }
        used.push(at);
        Some(at)
    }

    fn raw(&mut self, message: &Message, signal: usize, value: f64) -> u64 {
        message.signals[signal].encode(value).unwrap_or_else(|error| {
            self.found.push(error.into());
            0
        })
    }

    fn send(&mut self, sent: &Sent) -> Option<PlannedSend> {
        let message = self.message(&sent.message)?;
        let period_us = self.period(&message, sent.period_us);
        let alive = self.counter(&message, sent.alive.as_ref());
        let mut used: Vec<usize> = alive.iter().map(|counter| counter.signal).collect();
        let mut base = vec![0; message.length];
        for (name, value) in &sent.fixed {
            if let Some(at) = self.free(&message, name, &mut used) {
                let raw = self.raw(&message, at, *value);
                message.signals[at].put_raw(&mut base, raw);
            }
        }
        let mut switched = Vec::new();
        for (name, safe, operating) in &sent.switched {
            if let Some(at) = self.free(&message, name, &mut used) {
                switched.push((at, self.raw(&message, at, *safe), self.raw(&message, at, *operating)));
            }
        }
        Some(PlannedSend { message, period_us: period_us?, base, switched, sets: Vec::new(), alive })
    }

    fn scale(&mut self, name: &SignalName, scale: f64, offset: f64) {
        if scale == 0.0 || !scale.is_finite() || !offset.is_finite() {
            let (message, signal) = (name.message.clone(), name.signal.clone());
            self.found.push(SettingsError::Scale { message, signal, scale, offset });
        }
    }

    fn set_points(&mut self, settings: &CanSettings, sends: &mut [PlannedSend]) {
        for (place, set) in settings.set_points.iter().enumerate() {
            self.scale(&set.to, set.scale, set.offset);
            let Some(send) = sends.iter_mut().find(|send| send.message.name == set.to.message) else {
                self.found.push(SettingsError::NotSent { message: set.to.message.clone() });
                continue;
            };
            let others = send.switched.iter().map(|one| one.0).chain(send.sets.iter().map(|set| set.signal));
            let mut used: Vec<usize> = others.chain(send.alive.map(|alive| alive.signal)).collect();
            if let Some(signal) = self.free(&send.message, &set.to.signal, &mut used) {
                self.raw(&send.message, signal, set.safe * set.scale + set.offset);
                send.sets.push(PlannedSet { signal, place, scale: set.scale, offset: set.offset });
            }
        }
    }

    fn watches(&mut self, settings: &CanSettings, sends: &[PlannedSend]) -> Vec<PlannedWatch> {
        self.distinct(settings.watched.iter().map(|watched| &watched.message));
        let mut watches: BTreeMap<CanId, PlannedWatch> = BTreeMap::new();
        let confirming = settings.set_points.iter().filter_map(|set| set.confirmed_by.as_ref().map(|(name, _)| name));
        let named = settings.watched.iter().map(|watched| &watched.message);
        let from_points = settings.points.iter().map(|point| &point.from.message);
        let mut names: Vec<&String> = named.chain(from_points).chain(confirming.map(|name| &name.message)).collect();
        names.sort();
        names.dedup();
        for name in names {
            if sends.iter().any(|send| send.message.name == *name) {
                self.found.push(SettingsError::OwnMessage { message: name.clone() });
            } else if let Some(watch) = self.watch(settings, name) {
                watches.insert(watch.message.id, watch);
            }
        }
        let mut watches: Vec<PlannedWatch> = watches.into_values().collect();
        for (place, point) in settings.points.iter().enumerate() {
            self.scale(&point.from, point.scale, point.offset);
            let own = (Some(place), point.scale, point.offset, None);
            self.point(&mut watches, &point.from, own);
        }
        for (place, set) in settings.set_points.iter().enumerate() {
            if let Some((name, tolerance)) = &set.confirmed_by {
                self.point(&mut watches, name, (None, 1.0, 0.0, Some((place, *tolerance))));
            }
        }
        let read = |watch: &PlannedWatch| watch.points.iter().any(|point| point.place.is_some());
        let fastest_us = watches.iter().filter(|watch| read(watch)).map(|watch| watch.period_us).min();
        for watch in &mut watches {
            watch.paces = read(watch) && fastest_us == Some(watch.period_us);
        }
        watches
    }

    #[allow(clippy::type_complexity, reason = "what differs between a point and a confirmation")]
    fn point(
        &mut self,
        watches: &mut [PlannedWatch],
        from: &SignalName,
        (place, scale, offset, confirms): (Option<usize>, f64, f64, Option<(usize, f64)>),
    ) {
        let Some(watch) = watches.iter_mut().find(|watch| watch.message.name == from.message) else { return };
        if let Some(signal) = self.signal(&watch.message, &from.signal) {
            watch.points.push(PlannedPoint { signal, place, scale, offset, confirms });
        }
    }

    fn watch(&mut self, settings: &CanSettings, name: &str) -> Option<PlannedWatch> {
        let message = self.message(name)?;
        let given = settings.watched.iter().find(|watched| watched.message == name);
        let period_us = self.period(&message, given.and_then(|watched| watched.period_us));
        let periods = given.map_or(PERIODS, |watched| watched.periods);
        if periods == 0 {
            self.found.push(SettingsError::Periods { message: name.to_owned() });
        }
        let alive = self.counter(&message, given.and_then(|watched| watched.alive.as_ref()));
        let period_us = period_us?;
        let missed_us = period_us.saturating_mul(periods.into());
        let point_missed_us = missed_us.saturating_mul(message.turns() as u64);
        let frozen_after = periods.max(1);
        let (paces, points) = (false, Vec::new());
        Some(PlannedWatch { message, missed_us, point_missed_us, period_us, paces, frozen_after, alive, points })
    }
}
