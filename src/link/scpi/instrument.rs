//! An instrument by its description, with whatever stands behind it: messages in, answers out. No sockets; time is an
//! argument.
//!
//! It answers the description's questions, those that read its commands back, and takes its commands; besides `*IDN?`, `*RST`,
//! `*CLS`, `*OPC`, `*ESR?`, `*ESE`, `*SRE`, `*STB?`, `*TST?`, `*WAI`, `SYST:ERR?`, `SYST:VERS?`. Set-points act while all that the
//! description writes to begin holds its value; they fall back to the safe state when a reversion timer runs out without a
//! command, or a heartbeat stands still for three of its periods.
//!
//! Limits: a command of a description is one unit, no chain; errors are one queue for all connections, as in most real ones.

use super::errors::{COMPLETE, Errors};
use super::parser::{self, NOT_A_NUMBER};
use super::plan::place;
use super::tree::{Fit, Pattern, Unit, Wrong, units};
use crate::link::description::{Description, Expected, ScpiPlace, Source, Wire};
use crate::link::fault::{Fault, Faults};

/// Periods of a heartbeat that may pass without it.
const MISSED_BEATS: f64 = 3.0;
/// Longest step of what stands behind it in s.
const LONGEST_STEP_S: f64 = 0.05;
/// Bit of the status byte: an error is held.
const HOLDS_ERRORS: u8 = 4;

/// What stands behind an instrument.
pub trait Behind: Send {
    /// Goes on by some seconds.
    fn step(&mut self, dt_s: f64);
    /// A set-point in the description's unit.
    fn set(&mut self, name: &str, value: f64);
    /// What a point shows.
    fn get(&self, name: &str) -> Option<f64>;
    /// Whether set-points act: of what makes power, whether its output is on.
    fn act(&mut self, acting: bool);
    /// Whether it has let go of its set-points by itself, as when a protection trips; until it is to act anew.
    fn has_let_go(&self) -> bool {
        false
    }
    /// Begins anew, as after power was off.
    fn reboot(&mut self);
}

/// Why a description makes no instrument.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstrumentError {
    /// It is not one of SCPI.
    #[error("only descriptions of SCPI devices are served so")]
    NotScpi,
    /// A command that is no single one.
    #[error("{0} is not one command: chains are not emulated")]
    Chain(String),
    /// A fault that an instrument cannot have.
    #[error("the fault {0} means nothing to an instrument of SCPI")]
    Fault(&'static str),
}

/// Something that can be set, in the device's own number.
#[derive(Clone, Debug)]
struct Cell {
    place: ScpiPlace,
    value: f64,
    range: [f64; 2],
    /// The set-point that it is.
    set_point: Option<usize>,
    /// What it must be for set-points to act.
    needed: Option<f64>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Timer,
    Heartbeat,
}

/// What a pattern stands for.
#[derive(Clone, Debug)]
enum What {
    Told(usize),
    Held(usize),
    /// Points by the part of the answer.
    Points(Vec<usize>),
    Says(String),
    Nothing,
}

/// A device that is not there.
pub struct Instrument<B> {
    description: Description,
    behind: B,
    /// What goes wrong with it.
    pub faults: Faults,
    patterns: Vec<(Pattern, What)>,
    cells: Vec<Cell>,
    /// What its points show, in the device's numbers.
    shown: Vec<f64>,
    errors: Errors,
    enabled: [u8; 2],
    writable: bool,
    now_s: f64,
    told_s: f64,
    beat_s: Option<f64>,
    acting: bool,
    reboots: usize,
    requests: u64,
}

impl<B: Behind> Instrument<B> {
    /// An instrument of a description with something behind it.
    ///
    /// # Errors
    /// When it does not speak SCPI, or not so that it can be emulated.
    pub fn new(description: &Description, behind: B, faults: Faults) -> Result<Self, InstrumentError> {
        let Wire::Scpi(_) = &description.wire else { return Err(InstrumentError::NotScpi) };
        if let Some(name) = faults.script().iter().find_map(|(.., fault)| meaningless(*fault)) {
            return Err(InstrumentError::Fault(name));
        }
        let mut own = Self {
            shown: vec![f64::NAN; description.points.len()],
            description: description.clone(),
            behind,
            faults,
            patterns: Vec::new(),
            cells: Vec::new(),
            errors: Errors::new(),
            enabled: [0; 2],
            writable: true,
            now_s: 0.0,
            told_s: 0.0,
            beat_s: None,
            acting: false,
            reboots: 0,
            requests: 0,
        };
        own.lay_out()?;
        own.clear();
        own.refresh();
        Ok(own)
    }

    /// Lets clients command it, or not.
    pub fn set_writable(&mut self, writable: bool) {
        self.writable = writable;
    }

    /// What stands behind it.
    pub fn behind(&mut self) -> &mut B {
        &mut self.behind
    }

    /// The description.
    pub const fn description(&self) -> &Description {
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

    /// Counts a message; its number.
    pub(super) fn request(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// A message was longer than it can hold.
    pub(super) fn overrun(&mut self) {
        self.errors.push(-363);
    }

    fn lay_out(&mut self) -> Result<(), InstrumentError> {
        let description = self.description.clone();
        for (k, own) in description.set_points.iter().enumerate() {
            let Some(place) = place(&own.source) else { continue };
            let ends = own.range.map(|end| raw(place, end));
            let range = [ends[0].min(ends[1]), ends[0].max(ends[1])];
            self.cell(place, range, Some(k), Kind::Plain)?;
        }
        let fixed = [(&description.begin, Kind::Plain), (&description.reversion, Kind::Timer)];
        let after = [(&description.commit, Kind::Plain), (&description.release, Kind::Plain)];
        for (list, kind) in fixed.into_iter().chain(after) {
            for place in list.iter().filter_map(|own| place(&own.source)) {
                self.cell(place, [f64::MIN, f64::MAX], None, kind)?;
            }
        }
        if let Some((Source::Scpi(place), _)) = &description.heartbeat {
            self.cell(place, [f64::MIN, f64::MAX], None, Kind::Heartbeat)?;
        }
        for own in &description.begin {
            let Some(place) = place(&own.source) else { continue };
            let cell = self.cells.iter_mut().find(|cell| cell.place.text == place.text && cell.set_point.is_none());
            cell.into_iter().for_each(|cell| cell.needed = Some(raw(place, own.value)));
        }
        for own in &description.identity {
            if let Some(place) = place(&own.source) {
                let says = self.identity(&place.text, &own.is);
                self.pattern(&place.text, What::Says(says))?;
            }
        }
        self.ask_for_points(&description)
    }

    fn ask_for_points(&mut self, description: &Description) -> Result<(), InstrumentError> {
        let mut asked: Vec<(&str, Vec<usize>)> = Vec::new();
        for (k, own) in description.points.iter().enumerate() {
            let Some(place) = place(&own.source) else { continue };
            match asked.iter_mut().find(|(text, _)| *text == place.text) {
                Some((_, points)) => points.push(k),
                None => asked.push((&place.text, vec![k])),
            }
        }
        asked.into_iter().try_for_each(|(text, points)| self.pattern(text, What::Points(points)))
    }

    fn pattern(&mut self, text: &str, what: What) -> Result<(), InstrumentError> {
        let own = Pattern::new(text).ok_or_else(|| InstrumentError::Chain(text.to_owned()))?;
        self.patterns.push((own, what));
        Ok(())
    }

    fn cell(&mut self, at: &ScpiPlace, range: [f64; 2], set: Option<usize>, kind: Kind) -> Result<(), InstrumentError> {
        if self.cells.iter().any(|own| own.place.text == at.text) {
            return Ok(());
        }
        if !at.text.contains(crate::link::description::scpi::VALUE) {
            return self.pattern(&at.text, What::Nothing);
        }
        let cell = self.cells.len();
        self.cells.push(Cell { place: at.clone(), value: 0.0, range, set_point: set, needed: None, kind });
        self.pattern(&at.text, What::Told(cell))?;
        at.question.as_deref().map_or(Ok(()), |question| self.pattern(question, What::Held(cell)))
    }

    fn identity(&self, question: &str, is: &Expected) -> String {
        match is {
            Expected::Number(number) => parser::written(*number),
            Expected::Text(text) if question.eq_ignore_ascii_case("*IDN?") => {
                // Maker, model, serial number, version.
                let rest = [self.description.name.as_str(), "emulated", env!("CARGO_PKG_VERSION")];
                let given = text.split(',').count();
                let more: String = rest.iter().skip(given.saturating_sub(1)).map(|own| format!(",{own}")).collect();
                format!("{text}{more}")
            }
            Expected::Text(text) => text.clone(),
        }
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
        while self.now_s < now_s {
            let step_s = (now_s - self.now_s).min(LONGEST_STEP_S);
            self.behind.step(step_s);
            self.now_s = if now_s - self.now_s <= LONGEST_STEP_S { now_s } else { self.now_s + step_s };
        }
        if self.acting && self.behind.has_let_go() {
            self.let_go();
        }
        self.refresh();
    }

    /// Whether the set-points must fall back.
    fn watch(&mut self, now_s: f64) {
        let timers = self.cells.iter().filter(|own| own.kind == Kind::Timer && own.value > 0.0);
        let shortest_s = timers.map(|own| own.value * own.place.scale + own.place.offset).fold(f64::INFINITY, f64::min);
        let period_s = self.description.heartbeat.as_ref().map_or(f64::INFINITY, |(_, every_s)| *every_s);
        let still = self.beat_s.is_some_and(|since_s| now_s - since_s > MISSED_BEATS * period_s);
        if self.acting && (now_s - self.told_s > shortest_s || still) {
            self.clear();
        }
    }

    /// What enables its set-points is off; they stay as they are.
    fn let_go(&mut self) {
        self.cells.iter_mut().filter(|own| own.needed.is_some()).for_each(|own| own.value = 0.0);
        (self.acting, self.beat_s) = (false, None);
        self.behind.act(false);
    }

    fn reboot(&mut self) {
        self.behind.reboot();
        self.clear();
        (self.errors, self.enabled, self.told_s) = (Errors::new(), [0; 2], self.now_s);
    }

    /// Everything as it is when nothing was ever told.
    fn clear(&mut self) {
        for cell in &mut self.cells {
            let safe = cell.set_point.and_then(|k| self.description.set_points.get(k)).map(|own| own.safe);
            cell.value = safe.map_or(0.0, |safe| raw(&cell.place, safe));
        }
        (self.acting, self.beat_s) = (false, None);
        self.behind.act(false);
        self.description.set_points.iter().for_each(|own| self.behind.set(&own.name, own.safe));
    }

    /// Lets the points show what stands behind.
    fn refresh(&mut self) {
        if self.faults.at(self.now_s).any(|own| own == Fault::Freeze) {
            return;
        }
        for (own, shown) in self.description.points.iter().zip(&mut self.shown) {
            let value = self.behind.get(&own.name).or(own.emulated).unwrap_or(0.0);
            *shown = place(&own.source).map_or(f64::NAN, |place| raw(place, value));
        }
    }

    /// What it says to a message, without the newline; nothing where nothing was asked.
    pub fn message(&mut self, message: &[u8]) -> Option<String> {
        let Ok(text) = parser::text(message) else {
            self.errors.push(-101);
            return None;
        };
        let mut said: Vec<String> = Vec::new();
        for unit in units(text) {
            match unit.and_then(|unit| self.unit(&unit)) {
                Ok(answer) => said.extend(answer),
                // What follows an error of the language is not what was meant.
                Err(Wrong(code)) => {
                    self.errors.push(code);
                    if (-199..=-100).contains(&code) {
                        break;
                    }
                }
            }
        }
        (!said.is_empty()).then(|| said.join(";"))
    }

    fn unit(&mut self, unit: &Unit) -> Result<Option<String>, Wrong> {
        let mut wrong = Wrong(-113);
        let mut found = None;
        for (pattern, what) in &self.patterns {
            match pattern.fit(unit) {
                Fit::Other => {}
                Fit::Parameters(code) => wrong = code,
                Fit::Fits(value) => {
                    found = Some((what.clone(), value));
                    break;
                }
            }
        }
        match found {
            Some((What::Says(text), _)) => Ok(Some(text)),
            Some((What::Points(points), _)) => Ok(Some(self.points(&points))),
            Some((What::Held(cell), _)) => Ok(self.cells.get(cell).map(|own| shown(own.value))),
            Some((What::Told(cell), value)) => self.told(cell, &value.unwrap_or_default()).map(|()| None),
            Some((What::Nothing, _)) if self.writable => Ok(None),
            Some((What::Nothing, _)) => Err(Wrong(-203)),
            None => self.common(unit).unwrap_or(Err(wrong)),
        }
    }

    fn points(&self, points: &[usize]) -> String {
        let none = self.faults.at(self.now_s).any(|own| own == Fault::Nan);
        let mut parts: Vec<f64> = Vec::new();
        for &k in points {
            let part = self.description.points.get(k).and_then(|own| place(&own.source)).map_or(0, |own| own.part);
            parts.resize(parts.len().max(part + 1), f64::NAN);
            parts[part] = if none { f64::NAN } else { self.shown.get(k).copied().unwrap_or(f64::NAN) };
        }
        parts.into_iter().map(shown).collect::<Vec<_>>().join(",")
    }

    fn told(&mut self, cell: usize, value: &str) -> Result<(), Wrong> {
        if !self.writable {
            return Err(Wrong(-203));
        }
        let Some(own) = self.cells.get_mut(cell) else { return Err(Wrong(-113)) };
        let value = match value.to_ascii_uppercase().as_str() {
            "MIN" | "MINIMUM" if own.set_point.is_some() => own.range[0],
            "MAX" | "MAXIMUM" if own.set_point.is_some() => own.range[1],
            _ => parser::number(value).map_err(|_| Wrong(-104))?.value,
        };
        if !(own.range[0]..=own.range[1]).contains(&value) {
            return Err(Wrong(-222));
        }
        own.value = value;
        self.told_s = self.now_s;
        if own.kind == Kind::Heartbeat {
            self.beat_s = Some(self.now_s);
        }
        self.obey();
        Ok(())
    }

    /// Takes the set-points, if they act.
    fn obey(&mut self) {
        let ready = |own: &Cell| own.needed.is_none_or(|needed| (own.value - needed).abs() < 1e-6);
        let before = std::mem::replace(&mut self.acting, self.cells.iter().all(ready));
        if self.acting != before {
            self.beat_s = None;
            self.behind.act(self.acting);
        }
        if !self.acting {
            return;
        }
        for cell in &self.cells {
            if let Some(own) = cell.set_point.and_then(|k| self.description.set_points.get(k)) {
                let value = cell.value * cell.place.scale + cell.place.offset;
                self.behind.set(&own.name, value.clamp(own.range[0], own.range[1]));
            }
        }
    }

    /// What every instrument understands; `None` where it is nothing of that.
    fn common(&mut self, unit: &Unit) -> Option<Result<Option<String>, Wrong>> {
        let own = |text: &str| Pattern::new(text).is_some_and(|own| own.fit(unit) == Fit::Fits(None));
        let number = |bits: u8| Some(Ok(Some(bits.to_string())));
        if let [header] = &unit.header[..]
            && let Some(at) = ["*ESE", "*SRE"].iter().position(|own| own == header)
        {
            return match (unit.question, &unit.parameters[..]) {
                (true, []) => number(self.enabled[at]),
                (true, _) | (false, [_, _, ..]) => Some(Err(Wrong(-108))),
                (false, []) => Some(Err(Wrong(-109))),
                (false, [bits]) => Some(match bits.parse() {
                    Ok(bits) => {
                        self.enabled[at] = bits;
                        Ok(None)
                    }
                    Err(_) => Err(Wrong(-222)),
                }),
            };
        }
        match () {
            () if own("SYST:ERR?") => Some(Ok(Some(self.errors.take()))),
            () if own("SYST:VERS?") => Some(Ok(Some("1999.0".into()))),
            () if own("*IDN?") => {
                let rest = format!("{},emulated,{}", self.description.name, env!("CARGO_PKG_VERSION"));
                Some(Ok(Some(format!("PhasorBench,{rest}"))))
            }
            () if own("*OPC?") => number(1),
            () if own("*TST?") => number(0),
            () if own("*ESR?") => number(self.errors.events()),
            () if own("*STB?") => number(if self.errors.is_empty() { 0 } else { HOLDS_ERRORS }),
            () if own("*OPC") => {
                self.errors.event(COMPLETE);
                Some(Ok(None))
            }
            () if own("*WAI") => Some(Ok(None)),
            () if own("*CLS") => {
                self.errors.clear();
                Some(Ok(None))
            }
            () if own("*RST") && !self.writable => Some(Err(Wrong(-203))),
            () if own("*RST") => {
                self.clear();
                Some(Ok(None))
            }
            () => None,
        }
    }
}

/// A value in the device's number.
fn raw(place: &ScpiPlace, value: f64) -> f64 {
    (value - place.offset) / place.scale
}

/// A number as an instrument answers it: nine digits.
fn shown(value: f64) -> String {
    let value = if value.is_nan() { NOT_A_NUMBER } else { value.clamp(-parser::INFINITY, parser::INFINITY) };
    let own = format!("{value:+.8E}");
    let (mantissa, exponent) = own.split_once('E').unwrap_or((&own, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}E{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// What a fault is called that an instrument cannot have.
const fn meaningless(fault: Fault) -> Option<&'static str> {
    match fault {
        Fault::WrongScale => Some("wrong_scale"),
        Fault::Exception { .. } => Some("exception"),
        Fault::WrongUnit => Some("wrong_unit"),
        Fault::Twice => Some("twice"),
        Fault::Noise { .. } => Some("noise"),
        _ => None,
    }
}
