//! Names of the feeder's elements: bound to their place, or reported with the name that was probably meant.

use super::check::Checker;
use crate::diagnostic::{Diagnostic, Span, nearest};
use crate::feeder::Terminal;

/// Largest number of names listed in a help line.
const MOST_LISTED: usize = 12;

impl Checker<'_> {
    pub(super) fn unknown<'n>(
        &mut self,
        code: &'static str,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'n String> + Clone,
        span: Span,
    ) {
        let message = match what {
            "profile" => format!("there is no profile {name:?}, and no shape of the feeder"),
            _ => format!("{what} {name:?} is not in feeder {:?}", self.feeder.feeder),
        };
        let finding = Diagnostic::error(code, message).at(span);
        self.found.push(match nearest(name, known.clone().map(String::as_str)) {
            Some(near) => finding.help(format!("did you mean {near:?}?")),
            None => finding.help(listed(what, known)),
        });
    }

    pub(super) fn load(&mut self, name: &str, span: Span) -> Option<usize> {
        let index = self.feeder.loads.get_index_of(&name.to_lowercase());
        if index.is_none() {
            self.unknown("E0305", "load", name, self.feeder.loads.keys(), span);
        }
        index
    }

    pub(super) fn line(&mut self, name: &str, span: Span) -> Option<usize> {
        let name = name.to_lowercase();
        let index = self.feeder.lines.get_index_of(&name);
        if index.is_none() {
            if self.feeder.transformers.contains_key(&name) {
                let message = format!("{name:?} is a transformer");
                self.report("E0305", message, span, "only lines, switches and fuses can be opened and closed");
            } else {
                self.unknown("E0305", "line", &name, self.feeder.lines.keys(), span);
            }
        }
        index
    }

    pub(super) fn regulator(&mut self, name: &str, span: Span) -> Option<usize> {
        let index = self.feeder.regulators.get_index_of(&name.to_lowercase());
        if index.is_none() {
            self.unknown("E0305", "regulator", name, self.feeder.regulators.keys(), span);
        }
        index
    }

    pub(super) fn capacitor(&mut self, name: &str, span: Span) -> Option<usize> {
        let index = self.feeder.capacitors.get_index_of(&name.to_lowercase());
        if index.is_none() {
            self.unknown("E0305", "capacitor", name, self.feeder.capacitors.keys(), span);
        }
        index
    }

    /// Reports a tap number beyond the regulator's range.
    pub(super) fn tap_in_range(&mut self, regulator: usize, tap: i32, span: Span) {
        let Some((name, control)) = self.feeder.regulators.get_index(regulator) else { return };
        let winding = control.tap_winding.unwrap_or(control.winding);
        let transformer = self.feeder.transformers.get(&control.transformer);
        let Some(w) = transformer.zip(winding.checked_sub(1)).and_then(|(t, k)| t.windings.get(k)) else { return };
        let step_pu = (w.tap_max_pu - w.tap_min_pu) / f64::from(w.tap_steps.max(1));
        let (low, high) = (((w.tap_min_pu - 1.0) / step_pu).round(), ((w.tap_max_pu - 1.0) / step_pu).round());
        if !(low..=high).contains(&f64::from(tap)) {
            let message = format!("tap {tap} is beyond the range of regulator {name:?}");
            self.report("E0308", message, span, &format!("its taps go from {low} to {high}"));
        }
    }

    /// The nodes of a load at a bus: as written, else all phases of the bus.
    pub(super) fn load_nodes(&mut self, terminal: &Terminal, span: Span) -> Option<Vec<u16>> {
        let buses = self.feeder.bus_nodes();
        let Some(there) = buses.get(terminal.bus.as_str()) else {
            self.unknown_bus(&terminal.bus, span);
            return None;
        };
        if let Some(node) = terminal.nodes.iter().find(|n| !there.contains(n)) {
            let message = format!("bus {:?} has no node {node}", terminal.bus);
            let there: Vec<String> = there.iter().map(u16::to_string).collect();
            self.report("E0305", message, span, &format!("its nodes are {}", there.join(", ")));
            return None;
        }
        let phases = || there.iter().copied().filter(|n| *n <= 3).collect();
        Some(if terminal.nodes.is_empty() { phases() } else { terminal.nodes.clone() })
    }

    pub(super) fn unknown_bus(&mut self, bus: &str, span: Span) {
        let names: Vec<String> = self.feeder.bus_nodes().keys().map(|b| (*b).to_owned()).collect();
        self.unknown("E0305", "bus", bus, names.iter(), span);
    }
}

fn listed<'n>(what: &str, known: impl Iterator<Item = &'n String> + Clone) -> String {
    let count = known.clone().count();
    let plural = if what == "bus" { "buses".to_owned() } else { format!("{what}s") };
    if count == 0 {
        return format!("there are no {plural}");
    }
    let names: Vec<&str> = known.take(MOST_LISTED).map(String::as_str).collect();
    let more = if count > names.len() { format!(" and {} more", count - names.len()) } else { String::new() };
    format!("the {plural} are {}{more}", names.join(", "))
}
