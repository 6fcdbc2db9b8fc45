//! Floor 5: a scenario – from YAML text to a checked [`Plan`].
//!
//! [`Scenario`] is the file, key by key; [`read`] reads one with its feeder and profiles, reports all that is wrong with
//! any of them, and binds names and times. `docs/schema/scenario.schema.json` is [`schema`], for editors.

mod check;
mod curves;
mod document;
mod equipment;
mod events;
mod expect;
mod expectation;
mod harmonics;
mod language;
mod names;
mod phasor;
mod plan;
mod profile;
mod quality;
mod quantity;
mod read;
mod supervisory;
pub mod vary;

pub use document::{Document, Override};
pub use equipment::{
    ActiveFilter, Actuated, Ageing, Analyser, At, Consistency, Controller, Device, DeviceKind, Equipment, Flow, Follow,
    Instrument, Link, Mitigation, Observed, Phasor, PhasorSpots, PowerMeter, Reading as SeatReading, Real, Replaced,
    Seat, Service, Supervisory, Tells, Tie,
};
pub use expectation::*;
pub use harmonics::{Background, Harmonics};
pub use language::*;
pub use phasor::{Checked, Steered, Tied};
pub use plan::*;
pub use profile::Course;
pub use quality::{Analysed, Emitted, Mitigated};
#[cfg(test)]
pub(crate) use quantity::standard;
pub use quantity::{Aged, Element, FIXED, Measure, NodeRef, Part, Quantity, Stored};
pub use read::{Reading, read, read_with};
pub use supervisory::Planning;

/// Whether a text is meant as a scenario: it has a line that begins with the key `scenario`.
pub fn is_one(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("scenario:"))
}

/// The JSON Schema of scenario files.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Scenario);
    schema.insert("title".to_owned(), "PhasorBench scenario".into());
    let about =
        "What happens to a feeder, and what is recorded. Every key carries its unit; names are case-insensitive.";
    schema.insert("description".to_owned(), about.into());
    schema.to_value()
}
