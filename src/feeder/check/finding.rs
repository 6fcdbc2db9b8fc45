//! How checks report: located findings, and the kinds of mistake that many elements share.

use super::super::{Connection, Feeder, Named, Terminal};
use crate::diagnostic::{Diagnostic, Span, nearest};

/// Most findings that look for the name that was meant: each compares with every known name.
const MOST_GUESSES: u32 = 200;
/// Most findings kept; those beyond are of no use to anybody, and each takes memory.
const MOST_FINDINGS: usize = 5000;
/// Most phases of an element.
pub const MOST_PHASES: usize = 32;
/// Most known names listed in a help line.
const MOST_LISTED: usize = 8;

/// The feeder under check and what has been found.
pub struct Checker<'a> {
    pub feeder: &'a Feeder,
    found: &'a mut Vec<Diagnostic>,
    guesses_left: u32,
    has_error: bool,
}

/// One element under check.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    pub section: &'static str,
    pub name: &'a str,
}

impl std::fmt::Display for Element<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} \"{}\"", noun(self.section), self.name)
    }
}

/// What one element of a section is called.
pub fn noun(section: &str) -> &str {
    match section {
        "buses" => "bus",
        "line_codes" => "line code",
        "geometries" => "geometry",
        "capacitor_controls" => "capacitor control",
        "distributed_loads" => "distributed load",
        "pv_systems" => "PV system",
        "current_sources" => "current source",
        "spectra" => "spectrum",
        plural => plural.strip_suffix('s').unwrap_or(plural),
    }
}

/// A key as a reader of a message counts and calls it: `windings.1.v_kv` is `v_kv of winding 2`.
fn label(key: &str) -> String {
    let short = key.rsplit('.').next().unwrap_or(key);
    let mut parts = key.split('.');
    match (parts.next(), parts.next().map(str::parse::<usize>)) {
        (Some(list), Some(Ok(k))) => format!("{short} of {} {}", noun(list), k + 1),
        _ => short.to_owned(),
    }
}

impl<'a> Checker<'a> {
    pub fn new(feeder: &'a Feeder, found: &'a mut Vec<Diagnostic>) -> Self {
        let has_error = found.iter().any(Diagnostic::is_error);
        Self { feeder, found, guesses_left: MOST_GUESSES, has_error }
    }

    /// Adds a finding; beyond [`MOST_FINDINGS`], only a first error.
    pub fn push(&mut self, finding: Diagnostic) {
        let first_error = finding.is_error() && !self.has_error;
        if first_error || self.found.len() < MOST_FINDINGS {
            self.has_error |= finding.is_error();
            self.found.push(finding);
        }
    }

    /// The place of an element's key, of the key around it where only that is known, or of the element.
    pub fn place(&self, element: Element<'_>, key: &str) -> Option<Span> {
        let origins = &self.feeder.origins;
        let whole = origins.span(element.section, element.name, None);
        let around = std::iter::successors(Some(key), |key| key.rsplit_once('.').map(|(around, _)| around));
        let mut places = around.map(|key| origins.span(element.section, element.name, Some(key)));
        places.find(|place| *place != whole).unwrap_or(whole)
    }

    /// Reports an error at an element's key.
    pub fn error(&mut self, code: &'static str, element: Element<'_>, key: &str, message: impl Into<String>) {
        let place = self.place(element, key);
        self.push(Diagnostic::error(code, message).at(place));
    }

    /// Reports an error at an element's key, with advice.
    pub fn error_with_help(
        &mut self,
        code: &'static str,
        element: Element<'_>,
        key: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let place = self.place(element, key);
        self.push(Diagnostic::error(code, message).at(place).help(help));
    }

    /// Reports a warning at an element's key.
    pub fn warning(&mut self, code: &'static str, element: Element<'_>, key: &str, message: impl Into<String>) {
        let place = self.place(element, key);
        self.push(Diagnostic::warning(code, message).at(place));
    }

    pub fn positive(&mut self, element: Element<'_>, key: &str, value: f64) {
        if !(value > 0.0 && value.is_finite()) {
            self.error("E0210", element, key, format!("{element}: {} must be greater than 0, is {value}", label(key)));
        }
    }

    pub fn positive_if_given(&mut self, element: Element<'_>, key: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.positive(element, key, value);
        }
    }

    pub fn not_negative(&mut self, element: Element<'_>, key: &str, value: f64) {
        if !(value >= 0.0 && value.is_finite()) {
            self.error("E0210", element, key, format!("{element}: {} must not be negative, is {value}", label(key)));
        }
    }

    pub fn finite(&mut self, element: Element<'_>, key: &str, value: f64) {
        if !value.is_finite() {
            self.error("E0210", element, key, format!("{element}: {} must be a finite number, is {value}", label(key)));
        }
    }

    pub fn within(&mut self, element: Element<'_>, key: &str, value: f64, range: std::ops::RangeInclusive<f64>) {
        if !range.contains(&value) {
            let (low, high) = (range.start(), range.end());
            let message = format!("{element}: {} must be from {low} to {high}, is {value}", label(key));
            self.error("E0210", element, key, message);
        }
    }

    /// Voltage bases that per-unit values stand on.
    pub fn voltage_base(&mut self, element: Element<'_>, key: &str, v_kv: f64) {
        if !(v_kv > 0.0 && v_kv.is_finite()) {
            let message = format!("{element} has no voltage base: {} is {v_kv}", label(key));
            let help = "give its rated voltage in kV: line-to-line for 2 and 3 phases, across it for one";
            self.error_with_help("E0215", element, key, message, help);
        }
    }

    /// A number of phases; whether it is one.
    pub fn phases(&mut self, element: Element<'_>, phases: usize) -> bool {
        let good = (1..=MOST_PHASES).contains(&phases);
        if !good {
            let message = format!("{element}: phases must be from 1 to {MOST_PHASES}, is {phases}");
            self.error("E0210", element, "phases", message);
        }
        good
    }

    /// Keys of which one at most, or exactly one if `needed`, may be given.
    pub fn one_of(&mut self, element: Element<'_>, needed: bool, keys: &[(&str, bool)]) {
        let given: Vec<&str> = keys.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
        match given.as_slice() {
            [] if needed => {
                let all: Vec<String> = keys.iter().map(|(key, _)| label(key)).collect();
                self.error("E0205", element, "", format!("{element} needs one of {}", all.join(", ")));
            }
            [first, second, ..] => {
                let finding =
                    Diagnostic::error("E0204", format!("{element} has both {} and {}", label(first), label(second)))
                        .at(self.place(element, second))
                        .help("these exclude each other: remove one");
                let place = self.feeder.origins.span(element.section, element.name, Some(first));
                let known = place != self.feeder.origins.span(element.section, element.name, None);
                self.push(if known {
                    finding.related(place, format!("{} is given here", label(first)))
                } else {
                    finding
                });
            }
            _ => {}
        }
    }

    /// A name that must be among a section's.
    pub fn reference<T>(
        &mut self,
        element: Element<'_>,
        key: &str,
        name: &str,
        section: &'static str,
        known: &Named<T>,
    ) -> bool {
        if known.contains_key(name) || self.feeder.origins.span(section, name, None).is_some() {
            return true;
        }
        let message = format!("{} \"{name}\" is not in feeder \"{}\"", noun(section), self.feeder.feeder);
        let help = self.guess(name, section, known.keys().map(String::as_str));
        self.error_with_help("E0202", element, key, message, help);
        false
    }

    /// Advice for an unknown name: the nearest, or those there are.
    fn guess<'n>(&mut self, name: &str, section: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
        if let Some(near) = self.near(name, known.clone()) {
            return format!("did you mean \"{near}\"?");
        }
        let listed: Vec<&str> = known.clone().take(MOST_LISTED).collect();
        let more = if known.count() > MOST_LISTED { ", …" } else { "" };
        match listed.as_slice() {
            [] => format!("there is nothing under {section}"),
            listed => format!("known under {section}: {}{more}", listed.join(", ")),
        }
    }

    /// The name that was meant, while guessing is affordable.
    pub fn near<'n>(&mut self, name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        self.guesses_left = self.guesses_left.checked_sub(1)?;
        nearest(name, known)
    }

    /// The nodes written for a terminal of an element with so many phases and conductors.
    pub fn terminal(&mut self, element: Element<'_>, key: &str, terminal: &Terminal, shape: Conductors) {
        let written = &terminal.nodes;
        let Conductors { needed, all, .. } = shape;
        let beyond = written.iter().skip(all).any(|node| *node != 0);
        if let ([node], true) = (written.as_slice(), shape.between_nodes) {
            let message =
                format!("{element} is delta of one phase, but \"{terminal}\" is one node: it stands to ground");
            let place = self.place(element, key);
            let help = format!("write {}.{node}.0 if that is meant, else both nodes", terminal.bus);
            self.push(Diagnostic::warning("W0206", message).at(place).help(help));
            return;
        }
        if !written.is_empty() && (written.len() < needed || beyond) {
            let takes = if needed == all { format!("{needed}") } else { format!("{needed} or {all}") };
            let count = written.len();
            let message = format!("{element} takes {takes} nodes, \"{terminal}\" has {count}");
            let help = "write as many nodes as there are phases, or change phases";
            self.error_with_help("E0207", element, key, message, help);
            return;
        }
        let used = written.get(..needed.min(written.len())).unwrap_or_default();
        let twice = used.iter().enumerate().find(|(k, node)| **node != 0 && used[..*k].contains(node));
        if let Some((_, node)) = twice {
            let message = format!("{element} uses node {node} of \"{terminal}\" twice");
            match (element.section, key) {
                // The far end of a bank may be its star point, and conductors of a line may be in parallel.
                ("capacitors" | "reactors" | "faults", "to") | (_, "return_bus") => {}
                ("lines", _) => self.warning("W0207", element, key, message),
                _ => self.error("E0207", element, key, message),
            }
        }
    }
}

/// How many of a terminal's conductors must have a node, and how many it has at all.
#[derive(Clone, Copy)]
pub struct Conductors {
    pub needed: usize,
    pub all: usize,
    /// It stands between two nodes, the second of which is ground when not written.
    pub between_nodes: bool,
}

impl Conductors {
    /// One conductor a phase.
    pub fn phases(phases: usize) -> Self {
        Self { needed: phases, all: phases, between_nodes: false }
    }

    /// A load's or winding's: wye has a neutral, delta of one phase stands between two nodes.
    pub fn of(connection: Connection, phases: usize) -> Self {
        match connection {
            Connection::Wye => Self { needed: phases, all: phases.saturating_add(1), between_nodes: false },
            Connection::Delta => {
                let all = if phases < 3 { phases + 1 } else { phases };
                Self { needed: phases.max(2), all, between_nodes: phases == 1 }
            }
        }
    }

    /// A bank's, whose neutral is its other terminal.
    pub fn of_bank(connection: Connection, phases: usize) -> Self {
        match connection {
            Connection::Wye => Self::phases(phases),
            Connection::Delta => Self::of(connection, phases),
        }
    }
}
