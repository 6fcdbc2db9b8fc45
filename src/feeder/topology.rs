//! What connects what: the feeder as branches between nodes, and where its nodes lie – distance from the source and phase.
//!
//! A look at the description only: admittances do not matter, and switches stand as they do at the start.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use indexmap::IndexMap;

use super::{Connection, Feeder, Line, Terminal, Transformer};

/// A node: a bus and a number.
pub type NodeName<'a> = (&'a str, u16);

/// A conductor of a branch, from node to node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strand<'a> {
    /// The node at the branch's first terminal.
    pub from: NodeName<'a>,
    /// The node at its other terminal.
    pub to: NodeName<'a>,
    /// Length in m; 0 for transformers.
    pub length_m: f64,
    /// The line it belongs to, by its place among the feeder's lines.
    pub line: Option<usize>,
    /// What the branch is.
    pub kind: StrandKind,
    /// The branch's name, among those of its kind.
    pub name: &'a str,
    /// Whether it is out of service at the start.
    pub open: bool,
}

/// What a branch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrandKind {
    /// A line, cable, switch or fuse.
    Line,
    /// A series reactor.
    Reactor,
    /// A transformer, a regulator's included.
    Transformer,
}

impl Strand<'_> {
    /// A conductor without length that is no line's, from nowhere to nowhere.
    const JOINT: Self =
        Self { from: ("", 0), to: ("", 0), length_m: 0.0, line: None, kind: StrandKind::Line, name: "", open: false };
}

/// Where a node lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Length in m of the shortest way to a source, along lines that are in service if there is such a way.
    pub distance_m: f64,
    /// Phase it is fed from (0, 1, 2 for a, b, c); `None` for neutrals.
    pub phase: Option<usize>,
}

impl Feeder {
    /// Names of all buses with the node numbers in use, in the order in which elements name them. Ground is left out.
    pub fn bus_nodes(&self) -> IndexMap<&str, Vec<u16>> {
        let sources = self.sources.values().flat_map(|source| nodes(&source.bus, source.phases, source.phases));
        let branches = self.strands().into_iter().flat_map(|strand| [strand.from, strand.to]);
        let mut buses: IndexMap<&str, Vec<u16>> = IndexMap::new();
        for (bus, number) in sources.chain(branches) {
            let nodes = buses.entry(bus).or_default();
            if number != 0 && !nodes.contains(&number) {
                nodes.push(number);
            }
        }
        buses
    }

    /// The conductors of all lines, series reactors and transformers.
    pub fn strands(&self) -> Vec<Strand<'_>> {
        let lines = self.lines.iter().enumerate().flat_map(|(index, (name, line))| {
            let phases = self.line_phases(line);
            let (line_index, length_m) = (Some(index), line.metres().unwrap_or(0.0));
            let of_line = Strand { line: line_index, length_m, name, open: line.open, ..Strand::JOINT };
            pairs(&line.from, &line.to, phases, of_line)
        });
        let reactors = self.reactors.iter().filter_map(|(name, r)| {
            let to = r.to.as_ref().filter(|to| to.bus != r.bus.bus)?;
            Some(pairs(&r.bus, to, r.phases, Strand { kind: StrandKind::Reactor, name, ..Strand::JOINT }))
        });
        let transformers = self.transformers.iter().flat_map(|(name, t)| transformer_strands(name, t));
        lines.chain(reactors.flatten()).chain(transformers).collect()
    }

    /// Where each node that a source reaches lies.
    pub fn places(&self) -> IndexMap<NodeName<'_>, Place> {
        let strands = self.strands();
        let mut neighbours: IndexMap<NodeName, Vec<(NodeName, &Strand)>> = IndexMap::new();
        for strand in &strands {
            neighbours.entry(strand.from).or_default().push((strand.to, strand));
            neighbours.entry(strand.to).or_default().push((strand.from, strand));
        }
        let mut places = IndexMap::new();
        let mut queue: BinaryHeap<Reached> = self.source_nodes().collect();
        while let Some(Reached { node, open, place }) = queue.pop() {
            if places.contains_key(&node) {
                continue;
            }
            places.insert(node, place);
            for &(next, strand) in neighbours.get(&node).into_iter().flatten() {
                if !places.contains_key(&next) {
                    let distance_m = place.distance_m + strand.length_m;
                    let open = open + u32::from(strand.open);
                    queue.push(Reached { node: next, open, place: Place { distance_m, ..place } });
                }
            }
        }
        places
    }

    fn source_nodes(&self) -> impl Iterator<Item = Reached<'_>> {
        self.sources.values().flat_map(|source| {
            nodes(&source.bus, source.phases, source.phases).filter(|node| node.1 != 0).map(|node| {
                let phase = (1..=3).contains(&node.1).then(|| usize::from(node.1) - 1);
                Reached { node, open: 0, place: Place { distance_m: 0.0, phase } }
            })
        })
    }

    /// Number of phases of a line: its own, else that of its code or geometry, else 3.
    pub fn line_phases(&self, line: &Line) -> usize {
        let code = || line.code.as_ref().and_then(|c| self.line_codes.get(c)).map(|c| c.phases);
        let geometry = || line.geometry.as_ref().and_then(|g| self.geometries.get(g)).map(|g| g.phases);
        line.phases.or_else(code).or_else(geometry).unwrap_or(3)
    }
}

fn nodes(terminal: &Terminal, phases: usize, conductors: usize) -> impl Iterator<Item = NodeName<'_>> {
    terminal.conductors(phases, conductors).into_iter().map(|n| (terminal.bus.as_str(), n))
}

fn pairs<'a>(from: &'a Terminal, to: &'a Terminal, phases: usize, like: Strand<'a>) -> Vec<Strand<'a>> {
    let ends = nodes(from, phases, phases).zip(nodes(to, phases, phases));
    ends.filter(|(a, b)| a.1 != 0 && b.1 != 0).map(|(from, to)| Strand { from, to, ..like }).collect()
}

/// From each hot node of the first winding to the hot node of the same phase of every other winding.
fn transformer_strands<'a>(name: &'a str, transformer: &'a Transformer) -> Vec<Strand<'a>> {
    let Some((primary, others)) = transformer.windings.split_first() else { return Vec::new() };
    let hot = |w: &'_ super::Winding| -> Vec<u16> {
        let conductors = match w.connection {
            Connection::Wye => transformer.phases + 1,
            Connection::Delta => transformer.phases.max(2),
        };
        let nodes = w.bus.conductors(transformer.phases, conductors);
        // A leg of a centre-tapped secondary is written neutral first (`x.0.2`): its hot end is the other one.
        match (transformer.phases, nodes.as_slice()) {
            (1, [0, other, ..]) => vec![*other],
            _ => nodes.into_iter().take(transformer.phases).collect(),
        }
    };
    let from = hot(primary);
    let strand = |w: &'_ super::Winding| -> Vec<(u16, u16)> { from.iter().copied().zip(hot(w)).collect() };
    let both_hot = |&(a, b): &(u16, u16)| a != 0 && b != 0;
    others
        .iter()
        .flat_map(|w| {
            strand(w).into_iter().filter(both_hot).map(|(a, b)| Strand {
                from: (primary.bus.bus.as_str(), a),
                to: (w.bus.bus.as_str(), b),
                kind: StrandKind::Transformer,
                name,
                open: transformer.open,
                ..Strand::JOINT
            })
        })
        .collect()
}

/// A node in the order of the search: behind the fewest open branches first, then nearest, then by name, so that the
/// result depends on nothing else.
struct Reached<'a> {
    node: NodeName<'a>,
    open: u32,
    place: Place,
}

impl Ord for Reached<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let fewer = other.open.cmp(&self.open);
        let nearer = other.place.distance_m.total_cmp(&self.place.distance_m);
        fewer
            .then(nearer)
            .then_with(|| other.place.phase.cmp(&self.place.phase))
            .then_with(|| other.node.cmp(&self.node))
    }
}

impl PartialOrd for Reached<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Reached<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Reached<'_> {}

#[cfg(test)]
mod tests {
    use super::super::{Source, Winding};
    use super::*;

    fn terminal(text: &str) -> Terminal {
        text.parse().unwrap()
    }

    fn line(from: &str, to: &str, phases: usize, length_km: f64) -> Line {
        let (from, to) = (terminal(from), terminal(to));
        Line { from, to, phases: Some(phases), length_km: Some(length_km), ..Line::default() }
    }

    fn winding(bus: &str) -> Winding {
        serde_json::from_value(serde_json::json!({"bus": bus, "v_kv": 1.0, "s_kva": 1.0})).unwrap()
    }

    fn transformer(phases: usize, windings: &[&str]) -> Transformer {
        let mut t: Transformer =
            serde_json::from_value(serde_json::json!({"windings": [], "x_percent": [1.0]})).unwrap();
        t.phases = phases;
        t.windings = windings.iter().map(|w| winding(w)).collect();
        t
    }

    /// source – 1 km – a –(regulator)– ar – 2 km – b (node 2 from c's conductor), a ring of 5 km, and a split-phase house.
    fn feeder() -> Feeder {
        let source: Source = serde_json::from_value(serde_json::json!({"bus": "s", "v_kv": 12.47})).unwrap();
        let mut feeder: Feeder =
            serde_json::from_value(serde_json::json!({"feeder": "f", "voltage_bases_kv": [12.47], "sources": {}}))
                .unwrap();
        feeder.sources.insert("s".into(), source);
        feeder.lines.insert("1".into(), line("s", "a", 3, 1.0));
        feeder.lines.insert("2".into(), line("ar.2.3", "b.1.2", 2, 2.0));
        feeder.lines.insert("3".into(), line("s", "ring", 3, 4.0));
        feeder.lines.insert("4".into(), line("ring", "a", 3, 1.0));
        feeder.transformers.insert("reg".into(), transformer(3, &["a", "ar"]));
        feeder.transformers.insert("house".into(), transformer(1, &["b.2.0", "h.1.0", "h.0.2"]));
        feeder
    }

    #[test]
    fn distance_is_the_shortest_way_along_lines() {
        let feeder = feeder();
        let places = feeder.places();
        let km = |bus: &str, n: u16| places[&(bus, n)].distance_m / 1000.0;
        assert_eq!([km("s", 1), km("a", 1), km("ar", 1), km("b", 1)], [0.0, 1.0, 1.0, 3.0]);
        assert_eq!(km("ring", 2), 2.0, "through a, which is nearer");
        let mut opened = feeder.clone();
        opened.lines["4"].open = true;
        assert_eq!(opened.places()[&("ring", 2)].distance_m, 4000.0, "the short way is open");
        opened.lines["3"].open = true;
        assert_eq!(opened.places()[&("ring", 2)].distance_m, 2000.0, "no other way: the nearest one behind a switch");
        assert_eq!(km("h", 2), 3.0);
    }

    #[test]
    fn a_node_has_the_phase_that_feeds_it() {
        let feeder = feeder();
        let places = feeder.places();
        let phase = |bus: &str, n: u16| places[&(bus, n)].phase;
        assert_eq!(phase("a", 3), Some(2));
        assert_eq!(phase("b", 1), Some(1), "node 1 of b hangs on phase b");
        assert_eq!([phase("h", 1), phase("h", 2)], [Some(2), Some(2)], "both legs of the house");
        assert!(!places.contains_key(&("b", 3)));
    }

    #[test]
    fn buses_have_their_nodes() {
        let feeder = feeder();
        let buses = feeder.bus_nodes();
        assert_eq!(buses["s"], [1, 2, 3]);
        assert_eq!(buses["b"], [1, 2]);
        assert_eq!(buses["h"], [1, 2]);
        assert_eq!(buses.keys().next(), Some(&"s"));
    }
}
