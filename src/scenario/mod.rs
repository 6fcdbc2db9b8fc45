//! Floor 5: a scenario – from YAML text to a checked [`Plan`].
//!
//! [`Scenario`] is the file, key by key; [`read`] reads one with its feeder and profiles, reports all that is wrong with
//! any of them, and binds names and times. `docs/schema/scenario.schema.json` is [`schema`], for editors.
//!
//! Not yet part of the language: devices, instruments, controllers, expectations, variations.

mod check;
mod events;
mod language;
mod plan;
mod profile;
mod read;

pub use language::*;
pub use plan::*;
pub use read::{Reading, read};

/// The JSON Schema of a scenario file.
pub fn schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(Scenario);
    schema.insert("$id".into(), "scenario.schema.json".into());
    schema
}
