//! Names of the feeder's elements: bound to their place, or reported with the name that was probably meant.

use super::check::Checker;
use super::{Branch, Phases, Unit};
use crate::diagnostic::yaml::Node;
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
            "quantity" => format!("there is no quantity {name:?}"),
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
            self.unknown("E0305", "line", &name, self.feeder.lines.keys(), span);
        }
        index
    }

    /// The branch of a name, with its kind before it where several kinds have it: `transformer.xfm1`.
    pub(super) fn branch(&mut self, name: &str, span: Span) -> Option<Branch> {
        let (name, feeder) = (name.to_lowercase(), self.feeder);
        let series = |k: &usize| feeder.reactors.get_index(*k).is_some_and(|(_, r)| r.to.is_some());
        let find = |kind: &str, name: &str| match kind {
            "line" => feeder.lines.get_index_of(name).map(Branch::Line),
            "transformer" => feeder.transformers.get_index_of(name).map(Branch::Transformer),
            _ => feeder.reactors.get_index_of(name).filter(series).map(Branch::Reactor),
        };
        let found = of_kinds(self.found, &name, &["line", "transformer", "reactor"], find, span)?;
        if found.is_none() {
            let names = feeder.lines.keys().chain(feeder.transformers.keys()).chain(feeder.reactors.keys());
            self.unknown("E0305", "branch", &name, names, span);
        }
        found
    }

    /// Something that stands at a bus, with its kind before it where several kinds have the name: `generator.g1`.
    pub(super) fn unit(&mut self, name: &str, span: Span) -> Option<Unit> {
        let (name, feeder, equipment) = (name.to_lowercase(), self.feeder, &self.equipment);
        let find = |kind: &str, name: &str| match kind {
            "load" => feeder.loads.get_index_of(name).map(Unit::Load),
            "generator" => feeder.generators.get_index_of(name).map(Unit::Generator),
            "pv_system" => feeder.pv_systems.get_index_of(name).map(Unit::PvSystem),
            "storage" => feeder.storages.get_index_of(name).map(Unit::Storage),
            "capacitor" => feeder.capacitors.get_index_of(name).map(Unit::Capacitor),
            "device" => equipment.device(name).map(Unit::Device),
            _ => feeder.sources.get_index_of(name).map(Unit::Source),
        };
        let kinds = ["load", "generator", "pv_system", "storage", "capacitor", "source", "device"];
        let found = of_kinds(self.found, &name, &kinds, find, span)?;
        if found.is_none() && !self.is_written("devices", &name) {
            let devices: Vec<String> = self.equipment.devices.iter().map(|d| d.name.clone()).collect();
            let (loads, generators) = (feeder.loads.keys(), feeder.generators.keys());
            let others = feeder.pv_systems.keys().chain(feeder.storages.keys());
            let names = loads.chain(generators).chain(others).chain(feeder.capacitors.keys());
            self.unknown("E0305", "element", &name, names.chain(feeder.sources.keys()).chain(&devices), span);
        }
        found
    }

    /// A profile that some load follows, by its place among the shapes.
    pub(super) fn profile(&mut self, name: &str, span: Span) -> Option<usize> {
        let index = self.profiles.iter().position(|profile| *profile == name.to_lowercase());
        if index.is_none() {
            let profiles = self.profiles.clone();
            self.unknown("E0309", "profile", name, profiles.iter(), span);
        }
        index
    }

    /// Phases a, b, c as 0, 1, 2, each once.
    pub(super) fn phases(&mut self, text: &str, span: Span) -> Option<Vec<usize>> {
        let letters: Vec<Option<usize>> = text.chars().map(|c| "abc".find(c.to_ascii_lowercase())).collect();
        let phases: Vec<usize> = letters.iter().copied().flatten().collect();
        let twice = (1..phases.len()).any(|k| phases[..k].contains(&phases[k]));
        if phases.is_empty() || phases.len() < letters.len() || twice {
            self.report("E0308", format!("{text:?} are no phases"), span, "write a, b, c or several, as in ab");
            return None;
        }
        Some(phases)
    }

    /// The conductors of a line that are on these phases: nodes 1, 2, 3 of its first terminal.
    pub(super) fn conductors(&mut self, line: usize, text: &str, span: Span) -> Option<Phases> {
        let phases = self.phases(text, span)?;
        let (name, described) = self.feeder.lines.get_index(line)?;
        let nodes = described.from.conductors(self.feeder.line_phases(described), self.feeder.line_phases(described));
        let mut mask = 0;
        for phase in phases {
            let Some(conductor) = nodes.iter().position(|n| usize::from(*n) == phase + 1) else {
                let message = format!("line {name:?} has no phase {}", ["a", "b", "c"][phase]);
                self.report("E0305", message, span, "its phases are the nodes of its first terminal");
                return None;
            };
            mask |= 1 << conductor;
        }
        Some(Phases(mask))
    }

    /// A source, which may go without a name where there is one, and its phases.
    pub(super) fn source_phases(
        &mut self,
        name: Option<&str>,
        phases: Option<&str>,
        inner: &Node,
    ) -> Option<(usize, Phases)> {
        let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
        let source = match name {
            Some(name) => {
                let index = self.feeder.sources.get_index_of(&name.to_lowercase());
                if index.is_none() {
                    let span = inner.get("name").or(inner.get("source")).map_or(inner.span, |n| n.span);
                    self.unknown("E0305", "source", name, self.feeder.sources.keys(), span);
                }
                index?
            }
            None if self.feeder.sources.len() == 1 => 0,
            None => {
                self.report("E0306", "the feeder has several sources", inner.span, "say which one");
                return None;
            }
        };
        let (_, described) = self.feeder.sources.get_index(source)?;
        let all = described.phases;
        let Some(text) = phases else { return Some((source, Phases((1 << all.min(63)) - 1))) };
        let nodes = described.bus.conductors(all, all);
        let mut mask = 0;
        for phase in self.phases(text, at("phases"))? {
            let Some(k) = nodes.iter().position(|n| usize::from(*n) == phase + 1) else {
                let message = format!("the source has no phase {}", ["a", "b", "c"][phase]);
                self.report("E0305", message, at("phases"), "its phases are the nodes of its bus");
                return None;
            };
            mask |= 1 << k;
        }
        Some((source, Phases(mask)))
    }

    /// The node numbers of a bus.
    pub(super) fn bus_nodes(&mut self, bus: &str, span: Span) -> Option<Vec<u16>> {
        let there = self.feeder.bus_nodes().get(bus).cloned();
        if there.is_none() {
            self.unknown_bus(bus, span);
        }
        there
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
        let Some([low, high]) = self.tap_range(regulator) else { return };
        let Some((name, _)) = self.feeder.regulators.get_index(regulator) else { return };
        if !(low..=high).contains(&f64::from(tap)) {
            let message = format!("tap {tap} is beyond the range of regulator {name:?}");
            self.report("E0308", message, span, &format!("its taps go from {low} to {high}"));
        }
    }

    /// Lowest and highest tap of a regulator, in steps from neutral.
    pub(super) fn tap_range(&self, regulator: usize) -> Option<[f64; 2]> {
        let (_, control) = self.feeder.regulators.get_index(regulator)?;
        let winding = control.tap_winding.unwrap_or(control.winding);
        let w = self.feeder.transformers.get(&control.transformer)?.windings.get(winding.checked_sub(1)?)?;
        let step_pu = (w.tap_max_pu - w.tap_min_pu) / f64::from(w.tap_steps.max(1));
        Some([w.tap_min_pu, w.tap_max_pu].map(|pu| ((pu - 1.0) / step_pu).round()))
    }

    /// The nodes of a load at a bus: as written, else all phases of the bus.
    pub(super) fn load_nodes(&mut self, terminal: &Terminal, span: Span) -> Option<Vec<u16>> {
        let there = self.bus_nodes(&terminal.bus, span)?;
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

/// What has a name, which may have its kind before it. `None` when several kinds have it, which is reported;
/// `Some(None)` when none has.
#[allow(clippy::option_option, reason = "the outer one is reported here, the inner one by the caller")]
fn of_kinds<T: Copy>(
    found: &mut Vec<Diagnostic>,
    name: &str,
    kinds: &[&str],
    find: impl Fn(&str, &str) -> Option<T>,
    span: Span,
) -> Option<Option<T>> {
    let plain: Vec<(&str, T)> = kinds.iter().filter_map(|kind| Some((*kind, find(kind, name)?))).collect();
    match plain.as_slice() {
        [(_, one)] => Some(Some(*one)),
        [(kind, _), ..] => {
            let finding = Diagnostic::error("E0305", format!("several things are called {name:?}")).at(span);
            found.push(finding.help(format!("write {kind}.{name}, say")));
            None
        }
        [] => {
            let with_kind = name.split_once('.').filter(|(kind, _)| kinds.contains(kind));
            Some(with_kind.and_then(|(kind, rest)| find(kind, rest)))
        }
    }
}

fn listed<'n>(what: &str, known: impl Iterator<Item = &'n String> + Clone) -> String {
    let count = known.clone().count();
    let plural = if what.ends_with('s') || what.ends_with("ch") { format!("{what}es") } else { format!("{what}s") };
    if count == 0 {
        return format!("there are no {plural}");
    }
    let names: Vec<&str> = known.take(MOST_LISTED).map(String::as_str).collect();
    let more = if count > names.len() { format!(" and {} more", count - names.len()) } else { String::new() };
    format!("the {plural} are {}{more}", names.join(", "))
}
