//! The driver of a Modbus device: connect, see that it is the right one, then poll – write what is new, read everything,
//! judge it, publish it.
//!
//! Polls keep a grid of their own period from the loop's first step on ([`super::super::port::LoopEnd::beat`]): a fifth of
//! the period after it set-points are written, which are as new as they can be; three fifths after it everything is read,
//! so that the device had time to follow and the sample is there for the next step. Polls that could not begin in their
//! time are left out, never made up for. Any error of the wire ends the connection: an answer that comes late can then not be taken for
//! one to a later question. It is opened again after 50 ms, then 100, up to 500 ms.
//!
//! Nothing is published of a poll whose values cannot be right: out of a point's range (the words in the wrong order, most
//! often, and then it says so), a scale factor that moved or is none, a counter that stands still. The link is then
//! [`LinkState::Wrong`] until a poll is right again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::Block;
use super::map::{Map, Missing, directory, identify, located, out_of_range};
use super::sunspec::Directory;
use super::value::{Located, ValueError};
use super::wire::{Connection, WireError};
use crate::link::description::language::Kind;
use crate::link::description::{Description, Source, Wire};
use crate::link::poll::{Grid, READS, WRITES};
use crate::link::port::{Directive, DriverEnd, LinkState};
use crate::link::stream::Connect;

pub use super::wire::Framing;

/// Waits before a connection is tried again, doubling from the first to the last.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];
/// Polls in a row with an exception to a block that is not optional, before the device counts as wrong.
const MOST_EXCEPTIONS: u32 = 5;
/// How long is tried to leave a device that cannot be reached in its safe state.
const TO_END: Duration = Duration::from_secs(1);
/// What is said of an amplifier that let go.
pub(in crate::link) const TRIPPED: &str =
    "it let go of what it had begun, as when a protection trips: it is not begun again";
/// A loop hangs that has not beaten for this time, at least, or for ten polls.
const STALLED: Duration = Duration::from_secs(1);

/// What a driver is made of.
pub struct Settings {
    /// The device.
    pub description: Arc<Description>,
    /// Its unit, where the address says another than the description.
    pub unit: Option<u8>,
    /// How requests are framed.
    pub framing: Framing,
    /// Opens the stream.
    pub connect: Connect,
    /// When the session began: its clock's zero.
    pub epoch: Instant,
}

/// Runs until the loop has ended.
pub async fn run(settings: Settings, end: DriverEnd) {
    let mut driver = Driver::new(settings, end);
    let mut wait = BACK_OFF[0];
    loop {
        let failed = driver.connected().await;
        let Err(trouble) = failed else { return };
        let state = match (trouble.wrong, driver.end.state()) {
            (true, _) => LinkState::Wrong,
            (false, LinkState::Connecting) => LinkState::Connecting,
            (false, _) => LinkState::Down,
        };
        driver.end.report(state, Some(trouble.what));
        wait = if trouble.was_up { BACK_OFF[0] } else { wait };
        if driver.pause(wait).await {
            return;
        }
        wait = (wait * 2).min(BACK_OFF[1]);
    }
}

/// Why a connection came to its end.
#[derive(Debug)]
struct Trouble {
    what: String,
    /// It is not the device that is meant, or says what cannot be.
    wrong: bool,
    /// It had been up.
    was_up: bool,
}

impl From<Missing> for Trouble {
    fn from(missing: Missing) -> Self {
        Self { what: missing.what, wrong: missing.wrong, was_up: false }
    }
}

struct Driver {
    own: Settings,
    end: DriverEnd,
    values: Vec<f64>,
    wanted: Vec<f64>,
    /// Whether anything was ever written to it.
    touched: bool,
    /// When it polls.
    grid: Grid,
    /// Its heartbeat: the last that was sent, over all connections, and when.
    beat: (u32, Option<Instant>),
    /// An amplifier let go of what it had begun: it is not begun again.
    tripped: bool,
}

/// What a connection remembers from poll to poll.
struct Connected {
    wire: Connection,
    map: Map,
    begun: bool,
    /// What was written to begin has read back so.
    holds_begin: bool,
    safe: bool,
    /// Set-points as they were last written.
    written: Vec<Option<f64>>,
    written_at: Instant,
    exceptions: u32,
    moved: Moved,
    up: bool,
}

/// Since when something stands still.
struct Moved {
    alive: (Option<f64>, Instant),
    words: (u64, Instant),
}

impl Driver {
    fn new(own: Settings, end: DriverEnd) -> Self {
        let (points, set) = (own.description.points.len(), own.description.set_points.len());
        let grid = Grid::new(own.epoch, own.description.poll_s);
        Self {
            own,
            end,
            values: vec![f64::NAN; points],
            wanted: vec![f64::NAN; set],
            touched: false,
            grid,
            beat: (0, None),
            tripped: false,
        }
    }

    fn now_us(&self) -> u64 {
        micros(Instant::now().saturating_duration_since(self.own.epoch))
    }

    /// Waits before the next try; whether the loop ended meanwhile and nothing more is to be done.
    async fn pause(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        while Instant::now() < until {
            if self.end.directive() == Directive::End && !self.touched {
                return true;
            }
            sleep_until(until.min(Instant::now() + BACK_OFF[0])).await;
        }
        self.end.directive() == Directive::End && !self.touched
    }

    /// One connection, to its end; `Ok` when the loop has ended and the device is left as it should be.
    async fn connected(&mut self) -> Result<(), Trouble> {
        let description = Arc::clone(&self.own.description);
        let limit = Duration::from_secs_f64(description.timeout_s);
        let Wire::Modbus(head) = &description.wire else { return Ok(()) };
        let opened = timeout(limit.max(TO_END), (self.own.connect)()).await;
        let gave_up = |what: String| Trouble { what, wrong: false, was_up: false };
        let stream = match opened {
            Ok(Ok(stream)) => stream,
            failed => {
                if self.end.directive() == Directive::End {
                    // Nobody is there to be told: its own timer is what is left.
                    return Ok(());
                }
                let reason = failed.map_or_else(
                    |_| "no answer".to_owned(),
                    |inner| inner.err().map_or_else(String::new, |e| e.to_string()),
                );
                return Err(gave_up(format!("cannot connect: {reason}")));
            }
        };
        let spacing = Duration::from_secs_f64(head.spacing_s);
        let unit = self.own.unit.unwrap_or(head.unit);
        let mut wire = Connection::new(stream, self.own.framing, unit, limit, spacing);
        let map = self.map(&mut wire).await;
        self.end.count_errors(wire.take_damaged());
        let map = map?;
        let now = Instant::now();
        let still = Moved { alive: (None, now), words: (0, now) };
        let written = vec![None; description.set_points.len()];
        let mut connected = Connected {
            wire,
            map,
            begun: false,
            holds_begin: false,
            safe: false,
            written,
            written_at: now,
            exceptions: 0,
            moved: still,
            up: false,
        };
        let ended = self.poll_on(&mut connected).await;
        self.end.count_errors(connected.wire.take_damaged());
        ended.map_err(|error| Trouble {
            what: error.to_string(),
            wrong: matches!(error, WireError::Protocol(_)),
            was_up: connected.up,
        })
    }

    async fn poll_on(&mut self, own: &mut Connected) -> Result<(), WireError> {
        loop {
            let directive = self.end.directive();
            if directive == Directive::End {
                return self.leave(own).await;
            }
            self.write(own, directive).await?;
            if own.up {
                sleep_until(self.grid.next(READS, &self.end)).await;
            }
            self.read(own).await?;
            sleep_until(self.grid.next(WRITES, &self.end)).await;
        }
    }

    /// Finds the device's values, and sees that it is the one that is meant.
    async fn map(&mut self, wire: &mut Connection) -> Result<Map, Trouble> {
        let description = Arc::clone(&self.own.description);
        let Wire::Modbus(head) = &description.wire else {
            return Err(Trouble { what: "it does not speak Modbus".into(), wrong: true, was_up: false });
        };
        let directory = match &head.sunspec {
            Some(bases) => directory(wire, bases).await.map_err(Trouble::from)?,
            None => Directory::default(),
        };
        let map =
            located(&description, &directory, head).map_err(|what| Trouble { what, wrong: true, was_up: false })?;
        for own in &description.identity {
            let Source::Modbus(value) = &own.source else { continue };
            let wrong = |what: String| Trouble { what, wrong: true, was_up: false };
            let place = value.locate(&directory).ok_or_else(|| wrong("its identity is not there".into()))?;
            let words = wire.read(place.block).await.map_err(|error| Trouble {
                what: format!("its identity cannot be read: {error}"),
                wrong: error.harmless(),
                was_up: false,
            })?;
            identify(&place, &words, &own.is).map_err(wrong)?;
        }
        Ok(map)
    }

    /// Writes what is new, or what is due again.
    async fn write(&mut self, own: &mut Connected, directive: Directive) -> Result<(), WireError> {
        if !own.up {
            // Scale factors are known once everything was read.
            return Ok(());
        }
        let limit = STALLED.max(Duration::from_secs_f64(10.0 * self.own.description.poll_s));
        let operate = directive == Directive::Operate && !self.end.stalled(self.now_us(), micros(limit));
        match directive {
            Directive::Watch => Ok(()),
            Directive::Operate if operate && !self.tripped => self.operate(own).await,
            Directive::Operate | Directive::Safe | Directive::End => {
                if !own.safe && self.touched {
                    self.make_safe(own).await?;
                }
                Ok(())
            }
        }
    }

    async fn operate(&mut self, own: &mut Connected) -> Result<(), WireError> {
        if self.end.commands(&mut self.wanted).is_none() {
            return Ok(());
        }
        own.safe = false;
        if !own.begun {
            self.touched = true;
            own.all(Which::Reversion).await?;
            own.all(Which::Begin).await?;
            own.begun = true;
        }
        let again = refresh(&self.own.description).is_some_and(|limit| own.written_at.elapsed() >= limit);
        let wanted = std::mem::take(&mut self.wanted);
        let changed = self.set(own, &wanted, again).await;
        self.wanted = wanted;
        if changed? || again {
            own.all(Which::Commit).await?;
            own.written_at = Instant::now();
        }
        self.beat(own).await
    }

    /// Writes the set-points that differ from what was written; whether there were any.
    async fn set(&mut self, own: &mut Connected, wanted: &[f64], again: bool) -> Result<bool, WireError> {
        let description = Arc::clone(&self.own.description);
        let mut any = false;
        for (k, set_point) in description.set_points.iter().enumerate() {
            let Some(value) = wanted.get(k).copied().filter(|value| value.is_finite()) else { continue };
            let Some(place) = own.map.set_points.get(k).and_then(Option::as_ref) else { continue };
            let value = value.clamp(set_point.range[0], set_point.range[1]);
            if !again && own.written.get(k) == Some(&Some(value)) {
                continue;
            }
            let words = place.encode(value, &own.map.image).map_err(|error| {
                WireError::Protocol(format!("{} cannot be set to {value}: {error}", set_point.name))
            })?;
            let block = place.block;
            self.touched = true;
            own.wire.write(block, words).await.map_err(|error| refused(error, &set_point.name))?;
            if let Some(written) = own.written.get_mut(k) {
                *written = Some(value);
            }
            any = true;
        }
        Ok(any)
    }

    /// Lets the heartbeat move, when it is time.
    async fn beat(&mut self, own: &mut Connected) -> Result<(), WireError> {
        let Some((place, every)) = &own.map.heartbeat else { return Ok(()) };
        if self.beat.1.is_some_and(|last| last.elapsed() < *every) {
            return Ok(());
        }
        self.beat = ((self.beat.0 + 1) % 0x7FFF, Some(Instant::now()));
        if let Ok(words) = place.encode(f64::from(self.beat.0), &own.map.image) {
            own.wire.write(place.block, words).await.map_err(|error| refused(error, "the heartbeat"))?;
        }
        Ok(())
    }

    async fn make_safe(&mut self, own: &mut Connected) -> Result<(), WireError> {
        let safe = self.own.description.safe();
        self.set(own, &safe, true).await?;
        own.all(Which::Commit).await?;
        // Nobody speaks to its watchdogs while it is safe: it may have let go by the time it is commanded again.
        (own.safe, own.begun) = (true, false);
        Ok(())
    }

    /// The loop has ended: the device is left safe, if it was ever told anything.
    async fn leave(&mut self, own: &mut Connected) -> Result<(), WireError> {
        if !self.touched {
            return Ok(());
        }
        if !own.up {
            // What scales set-points was not read on this connection yet.
            self.read(own).await?;
        }
        self.make_safe(own).await?;
        own.all(Which::Release).await
    }

    /// Reads everything, judges it, publishes it.
    async fn read(&mut self, own: &mut Connected) -> Result<(), WireError> {
        let origin_us = self.now_us();
        let mut refused = None;
        let wanted: Vec<Block> = own.map.image.blocks().collect();
        for (k, &block) in wanted.iter().enumerate() {
            match own.wire.read(block).await {
                Ok(words) => {
                    if !own.map.image.take(k, Some(&words)) {
                        let what = format!("asked for {} registers, it gave {}", block.count, words.len());
                        return Err(WireError::Protocol(what));
                    }
                }
                Err(error) if error.harmless() => {
                    own.map.image.take(k, None);
                    refused = Some(format!("{} at register {}: {error}", block.table.name(), block.address));
                }
                Err(error) => return Err(error),
            }
        }
        own.exceptions = if refused.is_some() { own.exceptions.saturating_add(1) } else { 0 };
        let verdict = match refused {
            Some(what) if own.exceptions >= MOST_EXCEPTIONS => Err(what),
            Some(_) => Ok(()),
            None => self.judge(own).and_then(|()| self.still_on(own)),
        };
        match verdict {
            Ok(()) => {
                self.fill(own);
                own.up = true;
                self.end.report(LinkState::Up, None);
                self.confirm(own);
                let values = &self.values;
                self.end.publish(origin_us, self.now_us(), values);
            }
            Err(what) => self.end.report(LinkState::Wrong, Some(what)),
        }
        Ok(())
    }

    /// Whether an amplifier holds what it had begun. Where its protection tripped, only a person switches it on again.
    fn still_on(&mut self, own: &mut Connected) -> Result<(), String> {
        let holds = own.begun && own.begins();
        if self.own.description.kind == Kind::Amplifier && own.begun && !own.safe && own.holds_begin && !holds {
            self.tripped = true;
        }
        own.holds_begin = holds;
        if self.tripped { Err(TRIPPED.into()) } else { Ok(()) }
    }

    fn fill(&mut self, own: &Connected) {
        for (value, place) in self.values.iter_mut().zip(&own.map.points) {
            *value = place.as_ref().and_then(|place| place.decode(&own.map.image).ok()).unwrap_or(f64::NAN);
        }
    }

    /// Whether what was read can be right.
    fn judge(&self, own: &mut Connected) -> Result<(), String> {
        let Connected { map, moved, .. } = own;
        let places = || map.points.iter().chain(&map.set_points);
        let exponents: Vec<Option<i32>> = places()
            .map(|place| place.as_ref().map(|place| place.exponent(&map.image)).transpose())
            .collect::<Result<_, ValueError>>()
            .map_err(|error| format!("a value: {error}"))?;
        if map.exponents.as_ref().is_some_and(|first| *first != exponents) {
            return Err("a scale factor is not what it was when the connection was made".into());
        }
        for (point, place) in self.own.description.points.iter().zip(&map.points) {
            let Some(place) = place else { continue };
            match (place.decode(&map.image), point.range) {
                (Ok(value), Some([low, high])) if !(low..=high).contains(&value) => {
                    return Err(out_of_range(&point.name, value, [low, high], place.decode_swapped(&map.image)));
                }
                (Err(ValueError::Absent), _) if !point.optional => {
                    return Err(format!("{} has no value: the device says that it does not have it", point.name));
                }
                _ => {}
            }
        }
        map.exponents = Some(exponents);
        self.moves(&self.own.description, map, moved)
    }

    /// Whether what must move does.
    fn moves(&self, description: &Description, map: &Map, moved: &mut Moved) -> Result<(), String> {
        let now = Instant::now();
        if let Some((point, within_s)) = description.alive {
            let value = map.points.get(point).and_then(Option::as_ref).and_then(|place| place.decode(&map.image).ok());
            if value.is_none() || value != moved.alive.0 {
                moved.alive = (value, now);
            } else if (now - moved.alive.1).as_secs_f64() > within_s {
                let name = description.points.get(point).map_or("", |own| own.name.as_str());
                return Err(format!("it is frozen: {name} has not moved for more than {within_s} s"));
            }
        }
        if let Some(limit_s) = description.frozen_after_s {
            let words = map
                .image
                .all()
                .fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3));
            if words != moved.words.0 {
                moved.words = (words, now);
            } else if (now - moved.words.1).as_secs_f64() > limit_s {
                return Err(format!("it is frozen: not a bit has changed for more than {limit_s} s"));
            }
        }
        Ok(())
    }

    /// Whether the device holds what was written. Where its own watchdog let go of it, it is begun again.
    fn confirm(&self, own: &mut Connected) {
        let let_go = own.begun && !own.safe && !own.begins();
        let all = !let_go && own.holds(&self.own.description);
        if let_go {
            own.begun = false;
            own.written.fill(None);
        }
        if !all {
            let what =
                if let_go { "it let go of its set-points" } else { "a set-point does not read back as it was written" };
            self.end.report(LinkState::Up, Some(what.into()));
        }
        self.end.confirm(all && own.written.iter().any(Option::is_some));
    }
}

/// Lists of fixed writes.
enum Which {
    Begin,
    Commit,
    Release,
    Reversion,
}

impl Connected {
    /// Whether all that was written to begin reads back so.
    fn begins(&self) -> bool {
        let begun = |(place, value): &(Located, f64)| place.decode(&self.map.image).is_ok_and(|held| held == *value);
        self.map.begin.iter().all(begun)
    }

    /// Whether every set-point reads back as it was written.
    fn holds(&self, description: &Description) -> bool {
        let holds = |(k, set_point): (usize, &crate::link::description::SetPoint)| {
            let place = self.map.set_points.get(k).and_then(Option::as_ref);
            let (Some(place), Some(Some(written))) = (place, self.written.get(k)) else { return true };
            let half = 0.51 * place.resolution(*written, &self.map.image) + 1e-9;
            !set_point.read_back || place.decode(&self.map.image).is_ok_and(|held| (held - written).abs() <= half)
        };
        description.set_points.iter().enumerate().all(holds)
    }

    async fn all(&mut self, which: Which) -> Result<(), WireError> {
        let Self { wire, map, .. } = self;
        let list = match which {
            Which::Begin => &map.begin,
            Which::Commit => &map.commit,
            Which::Release => &map.release,
            Which::Reversion => &map.reversion,
        };
        for (place, value) in list {
            let words = place.encode(*value, &map.image);
            let words = words.map_err(|error| WireError::Protocol(format!("{value} cannot be written: {error}")))?;
            wire.write(place.block, words).await.map_err(|error| refused(error, "a write of the description"))?;
        }
        Ok(())
    }
}

/// A device that refuses what it is told is not the one that was described.
fn refused(error: WireError, what: &str) -> WireError {
    match error {
        refusal @ WireError::Exception(_) => WireError::Protocol(format!("{what} is refused with {refusal}")),
        other => other,
    }
}

/// How often set-points are written again though they are the same: three times while a timer of the device's runs.
fn refresh(description: &Description) -> Option<Duration> {
    let shortest = description.reversion.iter().map(|own| own.value).fold(f64::INFINITY, f64::min);
    shortest.is_finite().then(|| Duration::from_secs_f64(shortest / 3.0))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
