//! One mistake met while a type is filled from a node: what, where, and how to go on past it.

use std::fmt;

use serde::de;

use super::mending::{Mend, NodeId};
use super::node::Node;
use crate::diagnostic::{Diagnostic, Span, nearest};

/// A mistake on its way up to [`super::read`].
#[derive(Debug)]
pub(super) struct Fault {
    pub kind: Kind,
    pub span: Option<Span>,
    /// How to read on; set by the innermost mapping or list around the mistake.
    pub mend: Option<Mend>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A key that the type does not have; the keys it has.
    UnknownKey { key: String, known: &'static [&'static str] },
    /// A key that the type needs.
    MissingKey(&'static str),
    /// A name that is none of these.
    UnknownVariant { name: String, known: &'static [&'static str] },
    /// A value of the wrong kind or out of range.
    Value { code: &'static str, message: String, help: Option<String> },
}

impl Fault {
    fn new(kind: Kind) -> Self {
        Self { kind, span: None, mend: None }
    }

    /// A value that is not what is needed here.
    pub fn expected(what: &str, node: &Node) -> Self {
        Self::new(Kind::Value {
            code: "E0008",
            message: format!("expected {what}, found {}", node.describe()),
            help: None,
        })
        .at(node)
    }

    /// A number that cannot be calculated with.
    pub fn not_finite(text: &str, node: &Node) -> Self {
        let message = if text.contains(|c: char| c.is_ascii_digit()) {
            format!("{text} is too large for a number")
        } else {
            format!("{text} is not a finite number")
        };
        let help = Some("the largest number is about 1.8e308".to_owned()).filter(|_| message.contains("large"));
        Self::new(Kind::Value { code: "E0009", message, help }).at(node)
    }

    pub fn help(mut self, advice: impl Into<String>) -> Self {
        if let Kind::Value { help, .. } = &mut self.kind {
            *help = Some(advice.into());
        }
        self
    }

    /// The same mistake with a place and a way on, where it has none yet.
    pub fn at(mut self, node: &Node) -> Self {
        self.span.get_or_insert(node.span);
        self.mend.get_or_insert(Mend::Replace(NodeId::of(node)));
        self
    }

    /// The key that was most likely meant instead of an unknown one.
    pub fn guess(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::UnknownKey { key, known } => match key.split_once(':') {
                Some((name, _)) => known.iter().copied().find(|k| *k == name),
                None => meant(key, known),
            },
            _ => None,
        }
    }

    pub fn diagnostic(&self, place: Span) -> Diagnostic {
        let span = self.span.unwrap_or(place);
        match &self.kind {
            Kind::UnknownKey { key, known } => {
                let finding = Diagnostic::error("E0006", format!("unknown key {key:?}")).at(span);
                match advice(key, known) {
                    Some(help) => finding.help(help),
                    None => finding,
                }
            }
            Kind::MissingKey(key) => Diagnostic::error("E0007", format!("missing key {key:?}")).at(span),
            Kind::UnknownVariant { name, known } => {
                let finding = Diagnostic::error("E0008", format!("unknown choice {name:?}")).at(span);
                match nearest(name, known.iter().copied()) {
                    Some(near) => finding.help(format!("did you mean {near:?}? The choices are {}", list(known))),
                    None => finding.help(format!("the choices are {}", list(known))),
                }
            }
            Kind::Value { code, message, help } => {
                let finding = Diagnostic::error(code, message).at(span);
                match help {
                    Some(help) => finding.help(help),
                    None => finding,
                }
            }
        }
    }
}

/// Units that keys end in, and what else users write there.
fn split_unit(key: &str) -> (&str, &str) {
    key.rsplit_once('_').unwrap_or((key, ""))
}

/// The known key that was meant: the nearest in spelling, or else the one of the same quantity in another unit.
fn meant(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let folded = key.to_lowercase();
    let find = |name: &str| {
        let near = nearest(name, known.iter().copied())?;
        known.iter().copied().find(|k| *k == near)
    };
    find(&folded).or_else(|| same_quantity(&folded, known).first().copied())
}

/// Known keys of the same quantity: `length_yd` and `length` have `length_m`, `length_ft`, …
fn same_quantity(key: &str, known: &[&'static str]) -> Vec<&'static str> {
    let quantity = |stem: &str| -> Vec<&'static str> {
        known.iter().copied().filter(|k| *k != stem && split_unit(k).0 == stem && !split_unit(k).1.is_empty()).collect()
    };
    let found = quantity(key);
    if found.is_empty() { quantity(split_unit(key).0) } else { found }
}

fn advice(key: &str, known: &[&'static str]) -> Option<String> {
    if let Some((name, value)) = key.split_once(':') {
        return Some(format!("a colon needs a space after it: write {name}: {value}"));
    }
    let Some(near) = meant(key, known) else {
        return (!known.is_empty()).then(|| format!("known keys: {}", list(known)));
    };
    let same = same_quantity(&key.to_lowercase(), known);
    let another_unit =
        same.contains(&near) || split_unit(near).0 == split_unit(key).0 && !split_unit(near).1.is_empty();
    Some(match (another_unit, same.len()) {
        (false, _) => format!("did you mean {near:?}?"),
        (true, 0 | 1) => format!("did you mean {near:?}? The unit is part of the key: convert the value."),
        (true, _) => {
            let others: Vec<&str> = same.into_iter().filter(|k| *k != near).collect();
            format!("did you mean {near:?} (or {})? The unit is part of the key: convert the value.", others.join(", "))
        }
    })
}

fn list(names: &[&str]) -> String {
    names.join(", ")
}

/// The words of serde's expectations that a user need not know.
fn plain_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        other => match other.strip_prefix("an array of length ") {
            Some(n) => format!("a list of {n} values"),
            None if other.starts_with("struct ") || other.starts_with("a map") => {
                "a mapping, as in {key: value}".to_owned()
            }
            None => other.to_owned(),
        },
    }
}

fn value(message: String) -> Fault {
    Fault::new(Kind::Value { code: "E0008", message, help: None })
}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        value(message.to_string())
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        value(format!("expected {}, found {found}", plain_words(&expected.to_string())))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = plain_words(&expected.to_string());
        match found {
            de::Unexpected::Unsigned(x) => value(format!("{x} is too large here")),
            de::Unexpected::Signed(x) => value(format!("expected {expected}, found {x}")),
            other => value(format!("expected {expected}, found {other}")),
        }
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Self {
        value(format!("expected {}, found {length}", plain_words(&expected.to_string())))
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownVariant { name: name.to_owned(), known })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownKey { key: key.to_owned(), known })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Kind::MissingKey(key))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for Fault {}
