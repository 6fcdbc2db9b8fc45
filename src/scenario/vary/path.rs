//! Paths into a scenario: `loads.671.scale`, by the language's schema and by what is written.
//!
//! Names may hold points themselves: where the scenario has such a name, the longest that fits is taken.

use serde_json::Value as Json;

use super::{PathFault, Scalar};
use crate::diagnostic::Span;
use crate::diagnostic::yaml::{Key, Node, Value};
use crate::feeder::Feeder;

/// Keys that say what the scenario is: another value is another scenario.
const NOT_VARIED: [&str; 4] = ["scenario", "title", "vary", "extends"];

/// Every path that a written one stands for.
pub(super) fn expand(written: &str, root: &Node, feeder: &Feeder, schema: &Json) -> Result<Vec<String>, PathFault> {
    let segments: Vec<&str> = written.split('.').collect();
    let stars = segments.iter().filter(|s| **s == "*").count();
    let Some(star) = segments.iter().position(|s| *s == "*") else {
        return one(&segments, root, schema).map(|path| vec![path]);
    };
    if stars > 1 || star == 0 {
        let help = "a `*` stands once, for the names below a key, as in loads.*.scale".to_owned();
        return Err(PathFault { message: format!("{written:?} cannot be told apart"), help });
    }
    let before = segments[..star].join(".");
    let names = names(&before, root, feeder);
    if names.is_empty() {
        return Err(PathFault::unknown("*", &before, &[]));
    }
    names
        .iter()
        .map(|name| {
            let mut segments = segments.clone();
            segments[star] = name;
            one(&segments, root, schema)
        })
        .collect()
}

/// The names that a `*` stands for: the feeder's elements, or what is written.
fn names(before: &str, root: &Node, feeder: &Feeder) -> Vec<String> {
    match before {
        "loads" => feeder.loads.keys().cloned().collect(),
        "taps" => feeder.regulators.keys().cloned().collect(),
        "capacitors" => feeder.capacitors.keys().cloned().collect(),
        "lines" => feeder.lines.keys().cloned().collect(),
        _ => {
            let node = before.split('.').try_fold(root, |node, segment| child(node, segment).map(|k| below(node, k)));
            node.map_or_else(Vec::new, |node| match &node.value {
                Value::Map(entries) => entries.iter().map(|(key, _)| key.name.to_lowercase()).collect(),
                Value::Seq(items) => (0..items.len()).map(|k| k.to_string()).collect(),
                _ => Vec::new(),
            })
        }
    }
}

/// A path without `*`, checked; names in lower case.
fn one(segments: &[&str], root: &Node, schema: &Json) -> Result<String, PathFault> {
    let mut here = schema;
    let mut node = Some(root);
    let mut path = String::new();
    let mut at = 0;
    while at < segments.len() {
        let (name, count, index) = match node {
            Some(node) => longest(node, &segments[at..]),
            None => (segments[at].to_lowercase(), 1, None),
        };
        if at == 0 && NOT_VARIED.contains(&name.as_str()) {
            let help = "vary what it holds instead".to_owned();
            return Err(PathFault { message: format!("{name:?} is not a value to vary"), help });
        }
        here = step(schema, here, &name, node).map_err(|known| PathFault::unknown(&name, &path, &known))?;
        node = node.zip(index).map(|(node, index)| below(node, index));
        path += if path.is_empty() { "" } else { "." };
        path += &name;
        at += count;
    }
    Ok(path)
}

/// The longest written name that the segments begin with, else the first segment: name, segments, place.
fn longest(node: &Node, segments: &[&str]) -> (String, usize, Option<usize>) {
    for count in (1..=segments.len()).rev() {
        let name = segments[..count].join(".").to_lowercase();
        if let Some(index) = child(node, &name) {
            return (name, count, Some(index));
        }
    }
    (segments.first().map(|s| s.to_lowercase()).unwrap_or_default(), 1, None)
}

/// The place of a key or index in a node.
fn child(node: &Node, name: &str) -> Option<usize> {
    match &node.value {
        Value::Map(entries) => entries.iter().position(|(key, _)| key.name.to_lowercase() == name.to_lowercase()),
        Value::Seq(items) => name.parse().ok().filter(|k| *k < items.len()),
        _ => None,
    }
}

fn below(node: &Node, index: usize) -> &Node {
    match &node.value {
        Value::Map(entries) => entries.get(index).map_or(node, |(_, node)| node),
        Value::Seq(items) => items.get(index).unwrap_or(node),
        _ => node,
    }
}

/// The schema of what `name` stands for below `here`; what is known there otherwise.
fn step<'s>(schema: &'s Json, here: &'s Json, name: &str, node: Option<&Node>) -> Result<&'s Json, Vec<String>> {
    let mut known = Vec::new();
    for shape in shapes(schema, here, 0) {
        if let Some(properties) = shape.get("properties").and_then(Json::as_object) {
            if let Some(below) = properties.get(name) {
                return Ok(below);
            }
            known.extend(properties.keys().filter(|key| !NOT_VARIED.contains(&key.as_str())).cloned());
        }
        match shape.get("additionalProperties") {
            Some(below) if below.is_object() => return Ok(below),
            _ => {}
        }
        if let Some(items) = shape.get("items").or_else(|| shape.get("prefixItems").and_then(|i| i.get(0))) {
            let written = node.map_or(0, |node| node.items().len());
            if name.parse::<usize>().is_ok_and(|k| k < written) {
                return Ok(items);
            }
            known.extend((0..written.min(9)).map(|k| k.to_string()));
        }
    }
    Err(known)
}

/// The schemas that a schema may stand for: references followed, alternatives side by side.
fn shapes<'s>(schema: &'s Json, here: &'s Json, depth: u8) -> Vec<&'s Json> {
    if depth > 8 {
        return Vec::new();
    }
    let mut found = vec![here];
    if let Some(below) = here.get("$ref").and_then(Json::as_str).and_then(|r| schema.pointer(r.strip_prefix('#')?)) {
        found.extend(shapes(schema, below, depth + 1));
    }
    for list in ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| here.get(key)?.as_array()) {
        found.extend(list.iter().flat_map(|below| shapes(schema, below, depth + 1)));
    }
    found
}

/// Puts a value at a path, with mappings on the way where there are none. Everything new stands at `span`. `false` when
/// the path leads through a list that does not reach so far, or through a scalar.
pub fn set(root: &mut Node, path: &str, value: &Scalar, span: Span) -> bool {
    let segments: Vec<&str> = path.split('.').collect();
    let mut node = root;
    let mut at = 0;
    while at < segments.len() {
        if matches!(node.value, Value::Null) {
            node.value = Value::Map(Vec::new());
        }
        let (name, count, index) = longest(node, &segments[at..]);
        at += count;
        node = match &mut node.value {
            Value::Map(entries) => {
                let index = index.unwrap_or_else(|| {
                    entries.push((Key { name, span }, Node { span, value: Value::Null }));
                    entries.len() - 1
                });
                match entries.get_mut(index) {
                    // What is wrong with the value is wrong with what varies it.
                    Some((key, node)) => {
                        key.span = span;
                        node
                    }
                    None => return false,
                }
            }
            Value::Seq(items) => match index.and_then(|k| items.get_mut(k)) {
                Some(node) => node,
                None => return false,
            },
            _ => return false,
        };
    }
    *node = Node { span, value: value.node_value() };
    true
}
