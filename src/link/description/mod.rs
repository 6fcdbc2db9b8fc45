//! What a device is: `hil/*.yaml`, read and checked.
//!
//! A description is data: which values can be read and set, where on the wire they are, how they are coded, what they can
//! be, and how the device is made safe. Drivers and emulated devices are made of the same [`Description`].

mod check;
pub mod language;
pub(crate) mod scpi;

use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Sources};
#[cfg(feature = "hil")]
use crate::link::modbus;
use language::{Kind, PmuValue};

/// A device, as it can be spoken to.
#[derive(Clone, Debug)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// A line about it.
    pub title: String,
    /// What it is.
    pub kind: Kind,
    /// Rated apparent power in VA, where it is known.
    pub s_rated_va: Option<f64>,
    /// Time between samples in s.
    pub poll_s: f64,
    /// Time in s that it may take to answer.
    pub timeout_s: f64,
    /// Time in s after which values that stand still are taken for frozen.
    pub frozen_after_s: Option<f64>,
    /// What can be read.
    pub points: Vec<Point>,
    /// What can be set.
    pub set_points: Vec<SetPoint>,
    /// What it reads as when it is the device that is meant.
    pub identity: Vec<Identity>,
    /// Written once before the first set-point.
    pub begin: Vec<Write>,
    /// Written each time after the set-points.
    pub commit: Vec<Write>,
    /// Written at the end, after the safe state.
    pub release: Vec<Write>,
    /// Its own timers.
    pub reversion: Vec<Write>,
    /// A counter that it wants to see move, and the time between writes in s.
    pub heartbeat: Option<(Source, f64)>,
    /// Which point must move, at least every so many s.
    pub alive: Option<(usize, f64)>,
    /// How it is spoken to.
    pub wire: Wire,
}

/// How a device is spoken to.
#[derive(Clone, Debug)]
pub enum Wire {
    /// Modbus.
    Modbus(language::ModbusHead),
    /// CAN, with the path of its database.
    Can(language::CanHead, PathBuf),
    /// IEEE C37.118.
    C37118(language::C37118Head),
    /// SCPI.
    Scpi(language::ScpiHead),
}

/// Where a value is on the wire.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// In registers.
    #[cfg(feature = "hil")]
    Modbus(modbus::Value),
    /// A message and a signal in it, with scale and offset.
    Can {
        /// The message.
        message: String,
        /// The signal.
        signal: String,
        /// What it is multiplied with.
        scale: f64,
        /// What is added after that.
        offset: f64,
    },
    /// A phasor of a PMU by its name.
    Phasor(String),
    /// What a PMU says beside.
    Pmu(PmuValue),
    /// A question or a command.
    Scpi(ScpiPlace),
}

/// A value behind a question or a command of SCPI.
#[derive(Clone, Debug, PartialEq)]
pub struct ScpiPlace {
    /// The question, or the command with `{}` for the value.
    pub text: String,
    /// Which of the answer's values it is, from 0.
    pub part: usize,
    /// What the device's number is multiplied with.
    pub scale: f64,
    /// What is added after that.
    pub offset: f64,
    /// Of a command, what reads it back.
    pub question: Option<String>,
    /// How far what reads back may be off.
    pub within: f64,
}

/// A value that can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its name, with the unit as its last part before the phase: `p_w`, `v_v.a`.
    pub name: String,
    /// Where it is.
    pub source: Source,
    /// What it can be.
    pub range: Option<[f64; 2]>,
    /// Whether a device without it is the same device.
    pub optional: bool,
    /// What an emulated device answers where its model says nothing.
    pub emulated: Option<f64>,
}

/// A value that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct SetPoint {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub source: Source,
    /// What it may be.
    pub range: [f64; 2],
    /// What it is in the safe state.
    pub safe: f64,
    /// Whether it must read back as it was written.
    pub read_back: bool,
    /// Of CAN: the message and signal by which the device says what it holds to.
    pub confirmed_by: Option<String>,
}

/// A fixed value that is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// Where.
    pub source: Source,
    /// What.
    pub value: f64,
    /// Whether a device without it is the same device.
    pub optional: bool,
}

/// What the right device holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Where.
    pub source: Source,
    /// What.
    pub is: Expected,
}

/// What must be there.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// This number.
    Number(f64),
    /// A text that begins so.
    Text(String),
}

/// What reading a description came to.
#[derive(Debug)]
pub struct Reading {
    /// The description; `None` with errors.
    pub description: Option<Description>,
    /// Everything that was found.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that it points into.
    pub sources: Sources,
}

impl Description {
    /// The place of a point.
    pub fn point(&self, name: &str) -> Option<usize> {
        self.points.iter().position(|own| own.name == name)
    }

    /// The place of a set-point.
    pub fn set_point(&self, name: &str) -> Option<usize> {
        self.set_points.iter().position(|own| own.name == name)
    }

    /// The safe state, by set-point.
    pub fn safe(&self) -> Vec<f64> {
        self.set_points.iter().map(|own| own.safe).collect()
    }
}

/// Reads and checks a description.
pub fn read(path: &Path) -> Reading {
    let mut sources = Sources::default();
    match sources.load(path) {
        Ok(file) => check::finish(file, sources, path),
        Err(finding) => Reading { description: None, diagnostics: vec![*finding], sources },
    }
}

/// Reads and checks a description's text; `path` is what findings call it, and where its other files are looked for.
pub fn from_text(text: String, path: &Path) -> Reading {
    let mut sources = Sources::default();
    let file = sources.add(path, text);
    check::finish(file, sources, path)
}
