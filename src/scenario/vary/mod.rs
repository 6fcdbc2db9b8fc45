//! `vary:` – which values of a scenario a sweep varies, and what they are drawn from.
//!
//! A mapping from a path into the scenario (`load_multiplier`, `loads.671.scale`, `events.0.at_s`, `loads.*.scale`) to a
//! [`Distribution`]. A path is checked against the language's own schema, so that a key that could be written may be
//! varied, written or not; whether its value makes sense is found out by reading the scenario with it ([`super::Document::sample`]).
//!
//! A `*` stands for every name there and makes a variable of each, with noise of its own. It may stand once, and not over
//! a grid: fifteen loads of three values would be 14 million points.

mod distribution;
mod path;

use crate::diagnostic::yaml::{self, Node, Value};
use crate::diagnostic::{Diagnostic, Span, nearest};
use crate::feeder::Feeder;

pub use distribution::{Distribution, Grid, Law, LogNormal, Normal, Scalar};

/// One varied value of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Its path, names in lower case; also the name of its noise.
    pub path: String,
    /// What it is drawn from.
    pub law: Law,
    /// Where the scenario says so.
    pub span: Span,
}

/// Most variables of one sweep.
const MOST: usize = 100_000;

/// Reads and checks a scenario's `vary:`. `schema` is that of the language; names behind a `*` are those of the feeder.
pub fn read(root: &Node, feeder: &Feeder, schema: &serde_json::Value, found: &mut Vec<Diagnostic>) -> Vec<Variable> {
    let Some(node) = root.get("vary") else { return Vec::new() };
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        let message = format!("expected a mapping of paths to distributions, found {}", node.describe());
        let help = "write one path a line, as in load_multiplier: {uniform: [0.8, 1.2]}";
        found.push(Diagnostic::error("E0008", message).at(node.span).help(help));
    }
    let mut variables: Vec<Variable> = Vec::new();
    for (key, value) in node.entries() {
        let law = yaml::read::<Distribution>(value, key.span, found).and_then(|d| match d.law() {
            Ok(law) => Some(law),
            Err(fault) => {
                let at = fault.key.and_then(|key| value.get(key)).unwrap_or(value);
                found.push(Diagnostic::error("E0361", fault.message).at(at.span).help(fault.help));
                None
            }
        });
        let paths = match path::expand(&key.name, root, feeder, schema) {
            Ok(paths) => paths,
            Err(fault) => {
                found.push(fault.diagnostic(key.span));
                continue;
            }
        };
        let Some(law) = law else { continue };
        if key.name.contains('*') && law.grid().is_some() {
            let help = "name one value, or vary what they have in common (load_multiplier)";
            found.push(Diagnostic::error("E0361", "a grid over `*`").at(value.span).help(help));
            continue;
        }
        for path in paths {
            match variables.iter().find(|v| v.path == path) {
                Some(first) => {
                    let finding = Diagnostic::error("E0360", format!("{path} is varied twice")).at(key.span);
                    found.push(finding.related(first.span, "first here"));
                    break;
                }
                None if variables.len() == MOST => {
                    found.push(Diagnostic::error("E0361", format!("more than {MOST} variables")).at(key.span));
                    return variables;
                }
                None => variables.push(Variable { path, law: law.clone(), span: key.span }),
            }
        }
    }
    variables
}

/// Why a path leads nowhere.
struct PathFault {
    message: String,
    help: String,
}

impl PathFault {
    fn unknown(segment: &str, before: &str, known: &[String]) -> Self {
        let place = if before.is_empty() { "a scenario".to_owned() } else { before.to_owned() };
        let help = match nearest(segment, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None if known.is_empty() => format!("{place} has nothing below it"),
            None => format!("{place} has: {}", known.join(", ")),
        };
        Self { message: format!("{place} has no {segment:?} to vary"), help }
    }

    fn diagnostic(self, span: Span) -> Diagnostic {
        Diagnostic::error("E0360", self.message).at(span).help(self.help)
    }
}

#[cfg(test)]
mod tests;
