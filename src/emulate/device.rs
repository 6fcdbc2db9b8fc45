//! An emulated device: registers before a model, and watchdogs between them.
//!
//! Set-points act while everything that the description writes before them (`begin`) holds its value, as the enabling
//! registers of real inverters do. They fall back to the safe state when a reversion timer that was set runs out without a
//! write, or when a heartbeat that was begun stands still for three of its periods.

use super::model::{Model, Terminal};
use super::registers::Registers;
use crate::link::description::{Description, Wire};
use crate::link::fault::supply::of_battery;
use crate::link::fault::{Fault, Faults};
use crate::link::modbus::server::{Exception, Store};
use crate::link::modbus::{Block, Located, Table};

/// Periods of a heartbeat that may pass without it.
const MISSED_BEATS: f64 = 3.0;
/// Longest step of the model in s.
const LONGEST_STEP_S: f64 = 0.05;

/// The point that shows the auxiliary supply.
const RAIL: &str = "rail_v";

/// Whether a point is measured by a sensor that a low supply disturbs, by its name.
fn is_sensor(point: &str) -> bool {
    let stem = point.split('.').next().unwrap_or(point);
    stem != RAIL && !["_count", "_state", "_flag", "_bits"].iter().any(|end| stem.ends_with(end))
}

/// Why a description cannot be emulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// It is not one of Modbus.
    #[error("only descriptions of Modbus devices are served so")]
    NotModbus,
}

/// A device that is not there.
pub struct Device {
    description: Description,
    registers: Registers,
    model: Box<dyn Model>,
    /// What goes wrong with it.
    pub faults: Faults,
    points: Vec<Option<Located>>,
    set_points: Vec<Option<Located>>,
    begin: Vec<(Located, f64)>,
    reversion: Vec<Located>,
    heartbeat: Option<(Located, f64)>,
    unit: u8,
    writable: bool,
    now_s: f64,
    written_s: f64,
    beat: (Option<f64>, f64),
    /// Whether set-points act.
    acting: bool,
    reboots: usize,
    scaled: bool,
    /// The part of its power that it gives, by what its battery's management says.
    given: f64,
    /// Requests so far, for faults that draw.
    requests: u64,
}

impl Device {
    /// A device of a description with a model behind it.
    ///
    /// # Errors
    /// When it does not speak Modbus.
    pub fn new(description: &Description, model: Box<dyn Model>, faults: Faults) -> Result<Self, DeviceError> {
        let Wire::Modbus(head) = &description.wire else { return Err(DeviceError::NotModbus) };
        let registers = Registers::new(description);
        let find = |source| registers.locate(source);
        let begin = description.begin.iter().filter_map(|own| find(&own.source).map(|place| (place, own.value)));
        let own = Self {
            points: description.points.iter().map(|own| find(&own.source)).collect(),
            set_points: description.set_points.iter().map(|own| find(&own.source)).collect(),
            begin: begin.collect(),
            reversion: description.reversion.iter().filter_map(|own| find(&own.source)).collect(),
            heartbeat: description
                .heartbeat
                .as_ref()
                .and_then(|(own, every_s)| find(own).map(|place| (place, *every_s))),
            unit: head.unit,
            description: description.clone(),
            registers,
            model,
            faults,
            writable: true,
            now_s: 0.0,
            written_s: 0.0,
            beat: (None, 0.0),
            acting: false,
            reboots: 0,
            scaled: false,
            given: 1.0,
            requests: 0,
        };
        Ok(Self { acting: false, ..own }.started())
    }

    fn started(mut self) -> Self {
        self.clear_set_points();
        self.refresh();
        self
    }

    /// Answers as another unit than the description's.
    pub fn set_unit(&mut self, unit: u8) {
        self.unit = unit;
    }

    /// Lets clients write, or not.
    pub fn set_writable(&mut self, writable: bool) {
        self.writable = writable;
    }

    /// The model.
    pub fn model(&mut self) -> &mut dyn Model {
        &mut *self.model
    }

    /// The network where it stands.
    pub fn stand_at(&mut self, terminal: Terminal) {
        self.model.stand_at(terminal);
    }

    /// The description.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Its own time in s.
    pub const fn now_s(&self) -> f64 {
        self.now_s
    }

    /// Whether its set-points act.
    pub const fn acting(&self) -> bool {
        self.acting
    }

    /// Requests that have come to it so far.
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Counts a request; its number.
    pub(super) fn request(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// Goes on to a time; it never goes back.
    pub fn advance(&mut self, now_s: f64) {
        if now_s.is_nan() || now_s <= self.now_s {
            return;
        }
        let reboots = self.faults.reboots(now_s);
        if reboots > self.reboots {
            self.reboots = reboots;
            self.reboot();
        }
        self.watch(now_s);
        let before = std::mem::replace(&mut self.given, self.faults.still_given(now_s));
        if self.acting && (before - self.given).abs() > 0.0 {
            self.pass_on();
        }
        while self.now_s < now_s {
            let step_s = (now_s - self.now_s).min(LONGEST_STEP_S);
            self.model.step(step_s);
            self.now_s = if now_s - self.now_s <= LONGEST_STEP_S { now_s } else { self.now_s + step_s };
        }
        if self.acting && self.model.has_let_go() {
            self.let_go();
        }
        self.refresh();
    }

    /// Whether the set-points must fall back.
    fn watch(&mut self, now_s: f64) {
        let timers =
            self.reversion.iter().filter_map(|place| self.registers.get(place)).filter(|&limit_s| limit_s > 0.0);
        let shortest_s = timers.fold(f64::INFINITY, f64::min);
        let silent = now_s - self.written_s > shortest_s;
        let still = self.beat.0.is_some()
            && self.heartbeat.as_ref().is_some_and(|(_, every_s)| now_s - self.beat.1 > MISSED_BEATS * every_s);
        if self.acting && (silent || still) {
            self.fall_back();
        }
    }

    fn fall_back(&mut self) {
        self.clear_set_points();
        for own in &self.description.set_points {
            self.model.set(&own.name, own.safe);
        }
        self.let_go();
    }

    /// What enables its set-points is off; they stay as they are.
    fn let_go(&mut self) {
        for (place, _) in &self.begin {
            self.registers.put(place, 0.0);
        }
        (self.acting, self.beat) = (false, (None, self.now_s));
        self.model.act(false);
    }

    fn clear_set_points(&mut self) {
        for (own, place) in self.description.set_points.iter().zip(&self.set_points) {
            if let Some(place) = place {
                self.registers.put(place, own.safe);
            }
        }
        for (place, _) in &self.begin {
            self.registers.put(place, 0.0);
        }
        self.reversion.iter().for_each(|place| self.registers.put(place, 0.0));
    }

    fn reboot(&mut self) {
        self.model.reboot();
        self.model.act(false);
        self.clear_set_points();
        (self.acting, self.beat, self.written_s) = (false, (None, self.now_s), self.now_s);
    }

    /// Lets the registers show what the model says.
    fn refresh(&mut self) {
        let now_s = self.now_s;
        let wrong = |fault: Fault| self.faults.at(now_s).any(|own| own == fault);
        if wrong(Fault::Freeze) {
            return;
        }
        let (none, scale) = (wrong(Fault::Nan), wrong(Fault::WrongScale));
        self.rescale(scale);
        let battery = self.faults.battery_silent_s(now_s).is_none();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of samples")]
        let sample = (now_s / self.description.poll_s) as u64;
        for (own, place) in self.description.points.iter().zip(&self.points) {
            let Some(place) = place else { continue };
            let supply = (own.name == RAIL).then(|| self.faults.rail_v(now_s));
            let value = supply.or_else(|| self.model.get(&own.name)).or(own.emulated).unwrap_or(0.0);
            let factor = if scale && place.exponent.is_none() { 10.0 } else { 1.0 };
            let said = battery || !of_battery(&own.name);
            if none || !said || (is_sensor(&own.name) && self.faults.misses(now_s, &own.name, sample)) {
                self.registers.put_none(place);
            } else {
                self.registers.put(place, factor * value);
            }
        }
    }

    /// Lets scale factors be wrong, or right again; each register once.
    fn rescale(&mut self, wrong: bool) {
        if wrong == self.scaled {
            return;
        }
        self.scaled = wrong;
        let mut done: Vec<Block> = Vec::new();
        for place in self.points.iter().flatten() {
            let Some(block) = place.exponent.filter(|block| !done.contains(block)) else { continue };
            self.registers.shift(place, if wrong { 1 } else { -1 });
            done.push(block);
        }
    }

    /// Takes the set-points, if they act.
    fn obey(&mut self) {
        let ready =
            |(place, value): &(Located, f64)| self.registers.get(place).is_some_and(|own| (own - value).abs() < 1e-6);
        let before = std::mem::replace(&mut self.acting, self.begin.iter().all(ready));
        if self.acting != before {
            self.model.act(self.acting);
        }
        if self.acting && !before {
            // What a client before this one left of its heartbeat is not this one's.
            self.beat = (None, self.now_s);
        }
        if self.acting {
            self.pass_on();
        }
    }

    /// Passes set-points on to the model: power as far as the battery's management lets it.
    fn pass_on(&mut self) {
        for (own, place) in self.description.set_points.iter().zip(&self.set_points) {
            let value = place.as_ref().and_then(|place| self.registers.get(place));
            if let Some(value) = value {
                let part = if own.name.starts_with("p_w") { self.given } else { 1.0 };
                self.model.set(&own.name, part * value.clamp(own.range[0], own.range[1]));
            }
        }
    }
}

impl Store for Device {
    fn serves(&self, unit: u8) -> bool {
        unit == self.unit
    }

    fn writable(&self) -> bool {
        self.writable
    }

    fn read(&mut self, block: Block, words: &mut [u16]) -> Result<(), Exception> {
        self.registers.read(block, words)
    }

    fn write(&mut self, table: Table, address: u16, words: &[u16]) -> Result<(), Exception> {
        let end = u32::from(address) + u32::try_from(words.len()).unwrap_or(0);
        let inside = |own: Block| {
            own.table == table
                && u32::from(own.address) < end
                && u32::from(own.address) + u32::from(own.count) > u32::from(address)
        };
        let known = self.set_points.iter().flatten().chain(self.begin.iter().map(|(place, _)| place));
        let known = known.chain(&self.reversion).chain(self.heartbeat.iter().map(|(place, _)| place));
        let mut known = known.map(|place| place.block);
        let others = [&self.description.commit, &self.description.release];
        let fixed = || others.into_iter().flatten().filter_map(|own| self.registers.locate(&own.source));
        if !known.any(inside) && !fixed().any(|place| inside(place.block)) {
            return Err(Exception::Address);
        }
        self.registers.take(table, address, words)?;
        self.written_s = self.now_s;
        if let Some((place, _)) = &self.heartbeat {
            let value = self.registers.get(place);
            if inside(place.block) && value != self.beat.0 {
                self.beat = (value, self.now_s);
            }
        }
        self.obey();
        Ok(())
    }

    fn identification(&self) -> [&str; 3] {
        ["PhasorBench", &self.description.name, env!("CARGO_PKG_VERSION")]
    }
}
