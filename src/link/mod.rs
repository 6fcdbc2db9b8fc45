//! Floor 2: the wire to what is outside the bench. So far the seat of a user's own control code: a process that speaks
//! lines of JSON ([`process`]), or a shared library with the C interface of `hil/controller.h` ([`library`]).
//!
//! Whatever is at the other end, a step has an outcome ([`Answer`]): it never panics, and never takes longer than its
//! deadline. Only a library can break that, since it runs inside the bench: what is not trusted belongs into a process.
//! See `docs/models/own-controller.md`.

pub mod address;
pub mod arrivals;
#[cfg(feature = "hil")]
pub mod can;
#[cfg(feature = "hil")]
pub mod capture;
pub mod description;
pub mod diagnosis;
#[cfg(feature = "hil")]
pub mod driver;
pub mod fault;
pub mod library;
#[cfg(feature = "hil")]
pub mod modbus;
pub mod order;
#[cfg(feature = "hil")]
mod poll;
pub mod port;
pub mod process;
#[cfg(feature = "hil")]
pub mod scpi;
#[cfg(feature = "hil")]
pub mod stream;
#[cfg(feature = "hil")]
pub mod synchrophasor;
#[cfg(feature = "tls")]
pub mod tls;

use crate::quantity::Tick;
use crate::signal::{Channels, Frame};

/// What a user's controller is told before its first step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setup {
    /// Time between its steps in s.
    pub step_s: f64,
    /// What it sees.
    pub inputs: Channels,
    /// What it may command.
    pub outputs: Channels,
    /// Numbers from the scenario, by name.
    pub parameters: Vec<(String, f64)>,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The commands are this step's.
    Fresh,
    /// Nothing came in time: the commands stay as they were.
    Late,
    /// It will never answer again: no command is valid. The controller's `why` says how it ended.
    Dead,
    /// It answered what cannot be, for this reason: no command is valid.
    Lied(String),
}

/// Longest part of what a process or library said that is repeated in a message, in characters.
const QUOTED: usize = 80;

/// The beginning of what someone said, fit to be printed in one line.
fn quoted(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said.get(..4 * QUOTED).unwrap_or(said));
    let shown: String = text.trim_end().chars().flat_map(char::escape_debug).take(QUOTED).collect();
    let more = if said.len() > shown.len() + 2 { "…" } else { "" };
    format!("`{shown}{more}`")
}

/// Begins a new frame of commands: without one yet where `values` is NaN, all without one where there are no values.
fn command(tick: Tick, answer: &Answer, values: &[f64], commands: &mut Frame) {
    commands.advance(tick);
    let none = f64::NAN;
    for k in 0..commands.channels().len() {
        match answer {
            Answer::Fresh => commands.set(k, values.get(k).copied().unwrap_or(none)),
            Answer::Late => {}
            Answer::Dead | Answer::Lied(_) => commands.set(k, none),
        }
    }
}
