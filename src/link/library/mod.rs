//! A user's controller as a shared library with the C interface of `hil/controller.h`.
//!
//! It runs in the bench: nothing is between a fault in it and the bench's end, and nothing ends a step that does not
//! return. What is not trusted, or not yet debugged, belongs into a process. A step costs a function call and allocates
//! nothing on this side.

mod ffi;

use std::path::{Path, PathBuf};

use super::{Answer, Setup, command, quoted};
use crate::quantity::Tick;
use crate::signal::Frame;
use ffi::{Input, Loaded};

/// Version of the interface that this bench speaks: `PHASORBENCH_CONTROLLER_ABI` in `hil/controller.h`.
pub const ABI: u32 = 1;

/// Why a library could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no such file.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// The system did not load it.
    #[error("{} cannot be loaded: {reason}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// It lacks a function of the interface.
    #[error("{} has no function `{symbol}`: hil/controller.h says what it must have", path.display())]
    Symbol {
        /// The file.
        path: PathBuf,
        /// The function.
        symbol: &'static str,
    },
    /// It was made for another version of the interface.
    #[error("{} was made for version {found} of hil/controller.h, not {ABI}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It refused the set-up.
    #[error("{} refuses the set-up: {message}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What it says.
        message: String,
    },
    /// A name cannot be one in C.
    #[error("the name {0} has a zero in it")]
    Name(String),
}

/// A library with a control law in it.
pub struct LibraryController {
    loaded: Loaded,
    inputs: Vec<Input>,
    outputs: Vec<f64>,
}

impl LibraryController {
    /// Loads a library and lets it make a controller. Its own start-up code runs at once.
    pub fn load(path: &Path, setup: &Setup) -> Result<Self, LoadError> {
        // The system's loader searches for a mere name: here it is a file or nothing.
        let path = path.canonicalize().map_err(|_| LoadError::Missing(path.into()))?;
        let loaded = Loaded::open(&path, setup)?;
        let none = Input { value: f64::NAN, age: 0, valid: 0, reserved: 0 };
        let (inputs, outputs) = (setup.inputs.names().len(), setup.outputs.names().len());
        Ok(Self { loaded, inputs: vec![none; inputs], outputs: vec![f64::NAN; outputs] })
    }

    /// One step: `measured` has the inputs of the set-up, `commands` its outputs.
    pub fn step(&mut self, tick: Tick, t_s: f64, measured: &Frame, commands: &mut Frame) -> Answer {
        for (k, input) in self.inputs.iter_mut().enumerate() {
            let channel = measured.get(k);
            let value = if channel.valid { channel.value } else { f64::NAN };
            *input = Input { value, age: channel.age, valid: channel.valid.into(), reserved: 0 };
        }
        self.outputs.fill(f64::NAN);
        let status = self.loaded.step(tick.0, t_s, &self.inputs, &mut self.outputs);
        let answer = match status {
            0 if self.outputs.iter().any(|value| value.is_infinite()) => Answer::Lied("it commands infinity".into()),
            0 => Answer::Fresh,
            status => Answer::Lied(format!("its step returned {status}")),
        };
        command(tick, &answer, &self.outputs, commands);
        answer
    }
}

/// What a library wrote into a buffer for a message.
fn message(written: &[u8]) -> String {
    let text = written.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() { "it does not say why".into() } else { quoted(text) }
}
