//! Text to tree, by `serde_yaml` under strict budgets.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Location, Options, Spanned};

use super::node::{self, Key, Node, Value};
use super::syntax;
use crate::diagnostic::{Diagnostic, FileId, LARGEST_FILE, Span};

/// Most values in a document.
pub(super) const MOST_NODES: usize = 4_000_000;
/// Deepest nesting; a feeder or scenario needs less than ten levels.
pub(super) const DEEPEST: usize = 32;
/// Most keys written twice that are told one by one, and most bytes read for that: each costs a pass over the text.
const MOST_DUPLICATES: usize = 40;
const MOST_BYTES_REPEATED: usize = 16 << 20;

/// Parses one document. `None`, with an error in `found`, when the text is not YAML or beyond the limits; keys written
/// twice are reported and the first is kept. Spans point into `text` as file `file`.
pub fn parse(text: &str, file: FileId, found: &mut Vec<Diagnostic>) -> Option<Node> {
    parse_within(MOST_NODES, text, file, found)
}

pub(super) fn parse_within(most_nodes: usize, text: &str, file: FileId, found: &mut Vec<Diagnostic>) -> Option<Node> {
    if text.len() > LARGEST_FILE {
        found.push(syntax::too_large(Span { file, start: 0, end: 0 }));
        return None;
    }
    let mut duplicates = Duplicates { text: Cow::Borrowed(text), masked: Vec::new() };
    loop {
        let passes = duplicates.masked.len();
        let thorough = passes < MOST_DUPLICATES && passes * text.len() <= MOST_BYTES_REPEATED;
        let policy = if thorough { DuplicateKeyPolicy::Error } else { DuplicateKeyPolicy::FirstWins };
        match serde_yaml::from_str_with_options::<Parsed>(&duplicates.text, options(policy, most_nodes)) {
            Ok(Parsed(mut root)) => {
                finish(&mut root, text, file);
                duplicates.report(&mut root, text, found);
                return Some(root);
            }
            Err(error) => {
                let error = innermost(&error);
                if !duplicates.mask(error) {
                    found.push(syntax::diagnostic(error, text, file));
                    return None;
                }
            }
        }
    }
}

/// The error itself, without what was said around it.
fn innermost(error: &serde_yaml::Error) -> &serde_yaml::Error {
    match error {
        serde_yaml::Error::AliasError { error, .. } | serde_yaml::Error::WithSnippet { error, .. } => innermost(error),
        other => other,
    }
}

fn options(duplicate_keys: DuplicateKeyPolicy, most_nodes: usize) -> Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_reader_input_bytes: Some(LARGEST_FILE),
            max_depth: DEEPEST,
            flow_nesting_limit: DEEPEST,
            max_nodes: most_nodes,
            max_events: 3 * most_nodes,
            max_documents: 2,
            max_aliases: 50_000,
            max_anchors: 5_000,
            max_recorded_anchor_events: 200_000,
            max_total_scalar_bytes: LARGEST_FILE,
            max_total_comment_bytes: LARGEST_FILE,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 1_000_000 },
        duplicate_keys: duplicate_keys,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        strict_booleans: true,
        emit_comments: false,
        with_snippet: false,
    }
}

fn range(location: Location) -> (u32, u32) {
    let start = location.span().byte_offset().unwrap_or(0);
    let end = start + location.span().byte_len().unwrap_or(0);
    let clamp = |x| u32::try_from(x).unwrap_or(u32::MAX);
    (clamp(start), clamp(end))
}

fn span(location: Location) -> Span {
    let (start, end) = range(location);
    Span { file: FileId(0), start, end }
}

/// A node as the parser hands it over: file and numbers' texts are filled in by [`finish`].
struct Parsed(Node);

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value: Content(value), defined, .. } = Spanned::deserialize(deserializer)?;
        Ok(Self(Node { span: span(defined), value }))
    }
}

struct Content(Value);

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor).map(Self)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, x: bool) -> Result<Value, E> {
        Ok(Value::Bool(x))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Number(String::new()))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Number(String::new()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Number(String::new()))
    }

    fn visit_str<E>(self, x: &str) -> Result<Value, E> {
        Ok(Value::String(x.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Parsed(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(Spanned { value: Name(name), defined, .. }) = map.next_key()? {
            let Parsed(node) = map.next_value()?;
            entries.push((Key { name, span: span(defined) }, node));
        }
        Ok(Value::Map(entries))
    }
}

struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)
            .map(Self)
            .map_err(|_| D::Error::custom("a key must be a name, in quotes if need be"))
    }
}

/// Fills in the file and the texts of numbers, and decides by YAML 1.2 what is a number.
fn finish(node: &mut Node, text: &str, file: FileId) {
    node.span.file = file;
    match &mut node.value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(written) => {
            let plain = slice(text, node.span).trim();
            plain.clone_into(written);
            if !node::is_number(plain) {
                node.value = Value::String(plain.to_owned());
            }
        }
        Value::String(plain) => {
            // The parser's own idea of a number is narrower in places.
            if node::is_number(plain) && slice(text, node.span).trim() == plain {
                node.value = Value::Number(std::mem::take(plain));
            }
        }
        Value::Seq(items) => items.iter_mut().for_each(|item| finish(item, text, file)),
        Value::Map(entries) => {
            for (key, value) in entries {
                key.span.file = file;
                finish(value, text, file);
                // A value that is not there has no place of its own.
                if value.value == Value::Null && value.span.start == value.span.end {
                    value.span = key.span;
                }
            }
        }
    }
}

fn slice(text: &str, span: Span) -> &str {
    text.get(span.start as usize..span.end as usize).unwrap_or_default()
}

/// Finds every key that is written twice, though the parser stops at the first: each is overwritten by a name of its
/// own in a copy of the text, which is parsed again.
struct Duplicates<'a> {
    text: Cow<'a, str>,
    masked: Vec<(u32, u32)>,
}

impl Duplicates<'_> {
    /// Whether the error was a key written twice that could be overwritten.
    fn mask(&mut self, error: &serde_yaml::Error) -> bool {
        let serde_yaml::Error::DuplicateMappingKey { location, .. } = error else { return false };
        let (start, end) = range(*location);
        let length = end.saturating_sub(start) as usize;
        let again = self.masked.contains(&(start, end));
        let mask = if length == 1 { "^".to_owned() } else { format!("^{:0>1$}", self.masked.len(), length - 1) };
        let bytes = start as usize..end as usize;
        if again || length == 0 || mask.len() != length || self.text.get(bytes.clone()).is_none() {
            return false;
        }
        self.text.to_mut().replace_range(bytes, &mask);
        self.masked.push((start, end));
        true
    }

    /// Reports the keys that were overwritten, and takes their entries out of the tree.
    fn report(&self, node: &mut Node, text: &str, found: &mut Vec<Diagnostic>) {
        if self.masked.is_empty() {
            return;
        }
        match &mut node.value {
            Value::Seq(items) => items.iter_mut().for_each(|item| self.report(item, text, found)),
            Value::Map(entries) => {
                let mut kept: Vec<(Key, Node)> = Vec::with_capacity(entries.len());
                for (mut key, mut value) in std::mem::take(entries) {
                    if self.masked.contains(&(key.span.start, key.span.end)) {
                        let written = slice(text, key.span);
                        key.name = written.trim_matches(['"', '\'']).to_owned();
                        if let Some((first, _)) = kept.iter().find(|(k, _)| k.name == key.name) {
                            found.push(syntax::duplicate(&key, first));
                            continue;
                        }
                    }
                    self.report(&mut value, text, found);
                    kept.push((key, value));
                }
                *entries = kept;
            }
            _ => {}
        }
    }
}
