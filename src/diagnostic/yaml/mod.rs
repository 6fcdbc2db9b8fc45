//! A YAML text as a located tree, and serde structs filled from it with every mistake reported.
//!
//! 1. [`parse`] turns text into a [`Node`]: every value with its place in the text, scalars with their text kept (a bus
//!    may be called `632.10`, which YAML would take for the number 632.1).
//! 2. [`read`] fills one serde type from a node. It does not stop at the first mistake: what is wrong is reported, put
//!    aside, and the rest read on, so that one run shows everything. [`read_map`] and [`read_seq`] do so for each entry
//!    of a mapping or list on its own: one broken element does not hide its neighbours.
//!
//! ```
//! use phasorbench::diagnostic::{Sources, render, yaml};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Event { at_s: f64, #[serde(default)] note: Option<String> }
//!
//! let mut sources = Sources::default();
//! let text = "trip: {at_s: 5}\nfade: {at_ms: 7}\n";
//! let file = sources.add(std::path::Path::new("events.yaml"), text.to_owned());
//! let mut found = Vec::new();
//! let root = yaml::parse(text, file, &mut found).ok_or("not YAML")?;
//! let events = yaml::read_map::<Event>(&root, &mut found);
//! assert_eq!(events["trip"].at_s, 5.0);
//! assert_eq!(found[0].message, "unknown key \"at_ms\"");
//! assert_eq!(found[0].help.as_deref(), Some("did you mean \"at_s\"? The unit is part of the key: convert the value."));
//! print!("{}", render(&found, &sources, false));
//! # Ok::<(), &str>(())
//! ```
//!
//! Limits: one document of at most [`crate::diagnostic::LARGEST_FILE`] bytes, 4 million values, 32 levels; what is
//! beyond is a finding, not an exhausted memory. Numbers must be finite. Only `true` and `false` are booleans and only
//! the number forms of YAML 1.2's core schema are numbers, decimal points and exponents included.

mod deserialize;
mod fault;
mod mending;
mod node;
mod parse;
mod placeholder;
mod read;
mod syntax;
#[cfg(test)]
mod tests;

pub use node::{Key, Node, Value};
pub use parse::parse;
pub use read::{read, read_except, read_map, read_map_by, read_seq};
