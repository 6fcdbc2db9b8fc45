//! Types from nodes, with every mistake reported.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;

use super::deserialize::NodeReader;
use super::fault::Kind;
use super::mending::{Mend, Mending, NodeId};
use super::node::{Node, Value};
use crate::diagnostic::{Diagnostic, Span};

/// Most findings in one element; a hundred mistakes in one place have one reason.
const MOST_FINDINGS: usize = 50;
/// Findings after which no further element is read: each takes memory.
const MOST_FINDINGS_OF_ALL: usize = 5000;

/// Fills a `T` from a node. Adds every mistake to `found`, and returns `None` if there was one (or if thousands were found
/// before). A missing key is
/// located at `place`: the element's name, where it has one.
pub fn read<T: DeserializeOwned>(node: &Node, place: Span, found: &mut Vec<Diagnostic>) -> Option<T> {
    let before = found.len();
    if before >= MOST_FINDINGS_OF_ALL {
        return None;
    }
    mend(node, place, Mending::default(), found).filter(|_| found.len() == before)
}

/// Like [`read`] of a mapping, with the values of these keys taken as missing or empty, to be read in another way (by
/// [`read_map`], mostly). With mistakes elsewhere, the result still holds what could be read.
pub fn read_except<T: DeserializeOwned>(
    node: &Node,
    place: Span,
    keys: &[&str],
    found: &mut Vec<Diagnostic>,
) -> Option<T> {
    let mut mending = Mending::default();
    for (_, value) in node.entries().iter().filter(|(key, _)| keys.contains(&key.name.as_str())) {
        mending.add(Mend::Replace(NodeId::of(value)));
    }
    mend(node, place, mending, found)
}

/// Fills a map of `T` by name from a mapping, each entry on its own; entries with mistakes are left out and reported.
/// Names are lower-cased (PhasorBench's names are case-insensitive); two that then are equal are a mistake. Nothing
/// (`loads:` alone) is an empty map.
pub fn read_map<T: DeserializeOwned>(node: &Node, found: &mut Vec<Diagnostic>) -> IndexMap<String, T> {
    read_map_by(node, found, read)
}

/// Like [`read_map`], each entry read by `entry` from its node and its name's place.
pub fn read_map_by<T>(
    node: &Node,
    found: &mut Vec<Diagnostic>,
    entry: impl Fn(&Node, Span, &mut Vec<Diagnostic>) -> Option<T>,
) -> IndexMap<String, T> {
    let mut read_so_far = IndexMap::new();
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        let message = format!("expected a mapping of names to elements, found {}", node.describe());
        found.push(Diagnostic::error("E0008", message).at(node.span).help("write one element a line, as in name: {…}"));
    }
    let mut first_written: BTreeMap<String, Span> = BTreeMap::new();
    for (key, value) in node.entries() {
        let name = key.name.to_lowercase();
        if let Some(first) = first_written.get(&name) {
            let message = format!("{:?} is written twice: upper and lower case are the same", key.name);
            found.push(Diagnostic::error("E0005", message).at(key.span).related(*first, "first written here"));
            continue;
        }
        first_written.insert(name.clone(), key.span);
        if let Some(element) = entry(value, key.span, found) {
            read_so_far.insert(name, element);
        }
    }
    read_so_far
}

/// Fills a list of `T` from a list, each item on its own; items with mistakes are left out and reported. Nothing is an
/// empty list.
pub fn read_seq<T: DeserializeOwned>(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<T> {
    if !matches!(node.value, Value::Seq(_) | Value::Null) {
        found.push(Diagnostic::error("E0008", format!("expected a list, found {}", node.describe())).at(node.span));
    }
    node.items().iter().filter_map(|item| read(item, item.span, found)).collect()
}

/// Reads again and again, each time past one more mistake, until nothing new is found.
fn mend<T: DeserializeOwned>(node: &Node, place: Span, mut mending: Mending, found: &mut Vec<Diagnostic>) -> Option<T> {
    let mut guessed: Vec<(NodeId, &'static str)> = Vec::new();
    for _ in 0..MOST_FINDINGS {
        let mut fault = match T::deserialize(NodeReader { node, mending: &mending }) {
            Ok(value) => return Some(value),
            Err(fault) => fault.at(node),
        };
        let mend = fault.mend.filter(|mend| mending.add(*mend))?;
        match mend {
            Mend::Skip { mapping, .. } => guessed.extend(fault.guess().map(|key| (mapping, key))),
            Mend::Supply { mapping, key } => {
                // The misspelt key has been reported: it is not missing as well.
                if guessed.contains(&(mapping, key)) {
                    continue;
                }
                if mapping == NodeId::of(node) {
                    fault.span = Some(place);
                }
            }
            Mend::Replace(_) => debug_assert!(!matches!(fault.kind, Kind::UnknownKey { .. })),
        }
        found.push(fault.diagnostic(place));
    }
    None
}
