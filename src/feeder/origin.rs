//! Where each part of a feeder was written, so that a finding about meaning can point at text.

use std::collections::BTreeMap;

use crate::diagnostic::Span;

/// Where one element and its keys were written. Keys inside keys are named by their path, as `impedance.r_ohm` or
/// `windings.0.tap_pu`.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The element's name or first line.
    pub whole: Span,
    /// Its keys, as named in the model, with the place of their last value.
    pub keys: Vec<(Box<str>, Span)>,
}

/// Places by `section.name`, e.g. `lines.650632`; top-level keys by their own name, e.g. `voltage_bases_kv`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Remembers where an element was written.
    pub fn insert(&mut self, section: &str, name: &str, origin: Origin) {
        self.0.insert(format!("{section}.{name}"), origin);
    }

    /// Remembers where a top-level key was written.
    pub fn insert_key(&mut self, key: &str, span: Span) {
        self.0.insert(key.to_owned(), Origin { whole: span, keys: Vec::new() });
    }

    /// The place of a top-level key.
    pub fn top(&self, key: &str) -> Option<Span> {
        self.0.get(key).map(|origin| origin.whole)
    }

    /// Names of a section's elements that were written, those that a reader had to leave out included.
    pub fn names(&self, section: &str) -> impl Iterator<Item = &str> {
        let prefix = format!("{section}.");
        self.0.range(prefix.clone()..).map_while(move |(path, _)| path.strip_prefix(prefix.as_str()))
    }

    /// The place of an element, or of one of its keys where that is known.
    pub fn span(&self, section: &str, name: &str, key: Option<&str>) -> Option<Span> {
        let origin = self.0.get(&format!("{section}.{name}"))?;
        let of_key = key.and_then(|key| origin.keys.iter().rev().find(|(k, _)| **k == *key));
        Some(of_key.map_or(origin.whole, |(_, span)| *span))
    }
}
