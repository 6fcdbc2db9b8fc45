//! How elements are connected: buses that exist, islands without a source, transformers with no path.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::super::{Connection, Terminal};
use super::finding::{Checker, Conductors, Element, MOST_PHASES};
use super::line;
use crate::diagnostic::Diagnostic;

/// Most buses of an island that are named.
const MOST_NAMED: usize = 5;

/// What brings energy from bus to bus.
const CONNECTING: [&str; 5] = ["sources", "lines", "transformers", "reactors", "capacitors"];

/// Checks buses and paths. Where a reader left out a connecting element, nothing is said: its buses are not known.
pub fn check(checker: &mut Checker<'_>) {
    let feeder = checker.feeder;
    let complete = CONNECTING.iter().all(|section| {
        let known = |name: &str| match *section {
            "sources" => feeder.sources.contains_key(name),
            "lines" => feeder.lines.contains_key(name),
            "transformers" => feeder.transformers.contains_key(name),
            "reactors" => feeder.reactors.contains_key(name),
            _ => feeder.capacitors.contains_key(name),
        };
        feeder.origins.names(section).all(known)
    });
    if !complete {
        return;
    }
    let mut network = Network::default();
    network.connect(checker);
    network.shunts(checker);
    network.buses(checker);
    network.paths(checker);
}

/// One element between buses.
struct Branch<'a> {
    element: Element<'a>,
    /// The terminals' keys and buses.
    ends: Vec<(String, usize)>,
    is_source: bool,
}

#[derive(Default)]
struct Network<'a> {
    /// Buses that a connecting element touches, with the nodes that exist there.
    buses: IndexMap<&'a str, BTreeSet<u16>>,
    branches: Vec<Branch<'a>>,
}

/// An element that stands at a bus but brings no energy to it.
struct Mention<'a> {
    element: Element<'a>,
    key: &'static str,
    terminal: &'a Terminal,
    phases: usize,
    needed: usize,
}

/// A terminal's key, itself, and the conductors that it has.
type End<'a> = (String, &'a Terminal, (usize, usize));

impl<'a> Network<'a> {
    fn connect(&mut self, checker: &Checker<'a>) {
        let feeder = checker.feeder;
        for (name, source) in &feeder.sources {
            let ends = [Some(("bus", &source.bus)), source.return_bus.as_ref().map(|t| ("return_bus", t))];
            self.branch("sources", name, ends.into_iter().flatten().map(|(k, t)| end(k, t, source.phases)));
        }
        for (name, given) in &feeder.lines {
            let phases = line::phases(feeder, given).unwrap_or(3);
            self.branch("lines", name, [end("from", &given.from, phases), end("to", &given.to, phases)].into_iter());
        }
        for (name, given) in &feeder.transformers {
            let winding = |(k, winding): (usize, &'a super::super::Winding)| -> End<'a> {
                let all = Conductors::of(winding.connection, given.phases).all;
                (format!("windings.{k}.bus"), &winding.bus, (given.phases, all))
            };
            self.branch("transformers", name, given.windings.iter().enumerate().map(winding));
        }
        for (name, given) in &feeder.reactors {
            if let Some(to) = series(&given.bus, given.to.as_ref()) {
                let ends = [end("bus", &given.bus, given.phases), end("to", to, given.phases)];
                self.branch("reactors", name, ends.into_iter());
            }
        }
        for (name, given) in &feeder.capacitors {
            if let Some(to) = series(&given.bus, given.to.as_ref()) {
                let ends = [end("bus", &given.bus, given.phases), end("to", to, given.phases)];
                self.branch("capacitors", name, ends.into_iter());
            }
        }
    }

    fn branch(&mut self, section: &'static str, name: &'a str, ends: impl Iterator<Item = End<'a>>) {
        let ends = ends
            .map(|(key, terminal, (phases, conductors))| {
                let entry = self.buses.entry(terminal.bus.as_str());
                let index = entry.index();
                // An absurd number of phases has been reported: it must not fill the memory.
                entry
                    .or_default()
                    .extend(terminal.conductors(phases.min(MOST_PHASES + 1), conductors.min(MOST_PHASES + 1)));
                (key, index)
            })
            .collect();
        self.branches.push(Branch { element: Element { section, name }, ends, is_source: section == "sources" });
    }

    /// Nodes that a shunt makes at a bus, a neutral reactor's above all.
    fn shunts(&mut self, checker: &Checker<'a>) {
        let feeder = checker.feeder;
        let reactors = feeder.reactors.values().map(|r| (&r.bus, r.to.as_ref(), r.phases));
        let capacitors = feeder.capacitors.values().map(|c| (&c.bus, c.to.as_ref(), c.phases));
        let faults = feeder.faults.values().map(|f| (&f.bus, f.to.as_ref(), f.phases));
        for (bus, to, phases) in reactors.chain(capacitors).chain(faults) {
            for terminal in [Some(bus), to].into_iter().flatten() {
                if let Some(nodes) = self.buses.get_mut(terminal.bus.as_str()) {
                    nodes.extend(terminal.conductors(phases.min(MOST_PHASES + 1), phases.min(MOST_PHASES + 1)));
                }
            }
        }
    }

    /// Buses and nodes that are only mentioned.
    fn buses(&self, checker: &mut Checker<'a>) {
        let feeder = checker.feeder;
        let mut mentions: Vec<Mention<'a>> = Vec::new();
        let mut mention = |section, name, terminal, connection, phases: usize| {
            let needed = Conductors::of(connection, phases.min(MOST_PHASES + 1)).needed;
            mentions.push(Mention { element: Element { section, name }, key: "bus", terminal, phases, needed });
        };
        let wye = Connection::Wye;
        feeder.loads.iter().for_each(|(n, x)| mention("loads", n, &x.bus, x.connection, x.phases));
        feeder.generators.iter().for_each(|(n, x)| mention("generators", n, &x.bus, x.connection, x.phases));
        feeder.pv_systems.iter().for_each(|(n, x)| mention("pv_systems", n, &x.bus, x.connection, x.phases));
        feeder.storages.iter().for_each(|(n, x)| mention("storages", n, &x.bus, x.connection, x.phases));
        feeder.current_sources.iter().for_each(|(n, x)| mention("current_sources", n, &x.bus, wye, x.phases));
        feeder.faults.iter().for_each(|(n, x)| mention("faults", n, &x.bus, wye, x.phases));
        feeder.capacitors.iter().for_each(|(n, x)| mention("capacitors", n, &x.bus, wye, x.phases));
        feeder.reactors.iter().for_each(|(n, x)| mention("reactors", n, &x.bus, wye, x.phases));
        let remote = feeder.regulators.iter().filter_map(|(name, x)| {
            let element = Element { section: "regulators", name };
            Some(Mention { element, key: "remote_bus", terminal: x.remote_bus.as_ref()?, phases: 0, needed: 0 })
        });
        mentions.extend(remote);
        let back = feeder.current_sources.iter().filter_map(|(name, x)| {
            let element = Element { section: "current_sources", name };
            Some(Mention {
                element,
                key: "return_bus",
                terminal: x.return_bus.as_ref()?,
                phases: x.phases,
                needed: x.phases,
            })
        });
        mentions.extend(back);
        for mention in mentions {
            if self.known_bus(checker, mention.element, mention.key, &mention.terminal.bus) {
                self.known_nodes(checker, &mention);
            }
        }
        for (name, control) in &feeder.capacitor_controls {
            if let Some(bus) = &control.override_bus {
                self.known_bus(checker, Element { section: "capacitor_controls", name }, "override_bus", bus);
            }
        }
        self.bases(checker);
    }

    fn known_bus(&self, checker: &mut Checker<'a>, element: Element<'_>, key: &str, bus: &str) -> bool {
        if self.buses.contains_key(bus) {
            return true;
        }
        let message = format!("bus \"{bus}\" is not in feeder \"{}\"", checker.feeder.feeder);
        let help = match checker.near(bus, self.buses.keys().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "no source, line, transformer or series reactor ends at this bus".to_owned(),
        };
        checker.error_with_help("E0203", element, key, message, help);
        false
    }

    /// A node where only loads stand is de-energised, if anything.
    fn known_nodes(&self, checker: &mut Checker<'a>, mention: &Mention<'a>) {
        let Mention { element, key, terminal, phases, needed } = *mention;
        let Some(nodes) = self.buses.get(terminal.bus.as_str()).filter(|_| needed <= MOST_PHASES) else { return };
        let missing = terminal.conductors(phases, needed).into_iter().find(|node| *node != 0 && !nodes.contains(node));
        if let Some(node) = missing {
            let there: Vec<String> = nodes.iter().filter(|n| **n != 0).map(u16::to_string).collect();
            let message = format!(
                "{element}: nothing brings energy to node {node} of bus \"{}\", whose nodes are {}",
                terminal.bus,
                there.join(", ")
            );
            checker.warning("W0203", element, key, message);
        }
    }

    /// A base voltage for a bus that does not exist does not help the one that was meant.
    fn bases(&self, checker: &mut Checker<'a>) {
        for (name, bus) in &checker.feeder.buses {
            let element = Element { section: "buses", name };
            checker.positive_if_given(element, "base_kv", bus.base_kv);
            if bus.base_kv.is_some() && !self.buses.contains_key(name.as_str()) {
                let message = format!("bus \"{name}\" is given a base voltage, but nothing connects to it");
                checker.warning("W0202", element, "", message);
            }
        }
    }

    /// Which buses are connected, as the lowest index of each connected group.
    fn groups(&self) -> Vec<usize> {
        let mut parent: Vec<usize> = (0..self.buses.len()).collect();
        fn root(parent: &mut [usize], mut k: usize) -> usize {
            while parent[k] != k {
                parent[k] = parent[parent[k]];
                k = parent[k];
            }
            k
        }
        for branch in &self.branches {
            for pair in branch.ends.windows(2) {
                let (a, b) = (root(&mut parent, pair[0].1), root(&mut parent, pair[1].1));
                let (low, high) = (a.min(b), a.max(b));
                parent[high] = low;
            }
        }
        (0..parent.len()).map(|k| root(&mut parent, k)).collect()
    }

    fn paths(&self, checker: &mut Checker<'a>) {
        let groups = self.groups();
        let group = |branch: &Branch<'_>| branch.ends.first().map(|(_, bus)| groups[*bus]);
        let energised: BTreeSet<usize> = self.branches.iter().filter(|b| b.is_source).filter_map(group).collect();
        if energised.is_empty() {
            return;
        }
        let mut dead: IndexMap<usize, Vec<&Branch<'a>>> = IndexMap::new();
        for branch in &self.branches {
            if let Some(group) = group(branch).filter(|g| !energised.contains(g)) {
                dead.entry(group).or_default().push(branch);
            }
        }
        let mut members: IndexMap<usize, Vec<&str>> = IndexMap::new();
        for (name, group) in self.buses.keys().zip(&groups) {
            members.entry(*group).or_default().push(name);
        }
        for (group, branches) in dead {
            let buses = members.get(&group).map_or(&[][..], Vec::as_slice);
            let alive = energised.iter().filter_map(|group| members.get(group)).flatten().copied();
            report_island(checker, &branches, buses, alive);
        }
    }
}

fn report_island<'a>(
    checker: &mut Checker<'a>,
    branches: &[&Branch<'a>],
    buses: &[&str],
    alive: impl Iterator<Item = &'a str> + Clone,
) {
    let Some(first) = branches.first() else { return };
    let key = first.ends.first().map_or("", |(key, _)| key.as_str());
    let place = checker.place(first.element, key);
    let mut listed: Vec<String> = buses.iter().take(MOST_NAMED).map(|bus| format!("\"{bus}\"")).collect();
    if buses.len() > MOST_NAMED {
        listed.push(format!("and {} more", buses.len() - MOST_NAMED));
    }
    let lone_transformer = branches.len() == 1 && first.element.section == "transformers";
    let mut finding = if lone_transformer {
        let message =
            format!("{} has no path to a source: nothing else connects to {}", first.element, listed.join(", "));
        Diagnostic::error("E0214", message)
    } else {
        let message = match buses.len() {
            1 => format!("bus {} is connected to no source", listed.join(", ")),
            n => format!("{n} buses are connected to no source: {}", listed.join(", ")),
        };
        Diagnostic::warning("W0201", message)
    };
    finding = finding.at(place);
    let meant = buses.iter().take(MOST_NAMED).find_map(|bus| {
        let near = checker.near(bus, alive.clone())?;
        Some(format!("did you mean \"{near}\" instead of \"{bus}\"?"))
    });
    checker.push(match (meant, lone_transformer) {
        (Some(help), _) => finding.help(help),
        (None, true) => finding.help("check the names of its buses, or add the line that leads to it"),
        (None, false) => finding.help("everything there is de-energised"),
    });
}

fn end<'a>(key: &str, terminal: &'a Terminal, phases: usize) -> End<'a> {
    (key.to_owned(), terminal, (phases, phases))
}

/// The second bus of a series element; a neutral at the same bus makes it a shunt.
fn series<'a>(bus: &Terminal, to: Option<&'a Terminal>) -> Option<&'a Terminal> {
    to.filter(|to| to.bus != bus.bus && (to.nodes.is_empty() || to.nodes.iter().any(|n| *n != 0)))
}
