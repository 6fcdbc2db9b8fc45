//! What can be lost: every element in service, one by one.

use indexmap::IndexMap;
use serde::Serialize;

use crate::feeder::Transformer;
use crate::solver::{ElementId, Grid, Kind, PowerFlow};

/// A kind of what can be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// A line or cable.
    Line,
    /// A line that is a switch.
    Switch,
    /// A line with a fuse.
    Fuse,
    /// A transformer that no regulator control moves.
    Transformer,
    /// A regulator's transformer: one unit of a bank of several.
    Regulator,
    /// A series reactor.
    Reactor,
    /// A capacitor bank, shunt or series.
    Capacitor,
    /// A generator.
    Generator,
    /// A photovoltaic system.
    Pv,
    /// A storage system.
    Storage,
    /// A source, where there are others.
    Source,
    /// All units of a bank of single-phase transformers at once; only on request.
    Bank,
}

impl LossKind {
    /// All kinds, with the words that choose them.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Line, "lines"),
        (Self::Switch, "switches"),
        (Self::Fuse, "fuses"),
        (Self::Transformer, "transformers"),
        (Self::Regulator, "regulators"),
        (Self::Reactor, "reactors"),
        (Self::Capacitor, "capacitors"),
        (Self::Generator, "generators"),
        (Self::Pv, "pv"),
        (Self::Storage, "storages"),
        (Self::Source, "sources"),
        (Self::Bank, "banks"),
    ];

    /// Whether its loss takes a branch out of the network.
    pub const fn is_branch(self) -> bool {
        matches!(
            self,
            Self::Line | Self::Switch | Self::Fuse | Self::Transformer | Self::Regulator | Self::Reactor | Self::Bank
        )
    }

    /// What it is called in the singular.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Switch => "switch",
            Self::Fuse => "fuse",
            Self::Transformer => "transformer",
            Self::Regulator => "regulator",
            Self::Reactor => "reactor",
            Self::Capacitor => "capacitor",
            Self::Generator => "generator",
            Self::Pv => "pv",
            Self::Storage => "storage",
            Self::Source => "source",
            Self::Bank => "bank",
        }
    }
}

/// One thing that can be lost.
#[derive(Clone, Debug)]
pub struct Loss {
    /// `class.name`, as in `line.650632` (switches and fuses are lines, regulators are transformers).
    pub name: String,
    /// What it is.
    pub kind: LossKind,
    pub(super) parts: Vec<Part>,
}

/// What goes out of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Both ends open.
    Element(ElementId),
    /// Injects nothing.
    Injection(usize),
}

impl Loss {
    /// Takes it out of service.
    pub(super) fn apply(&self, flow: &mut PowerFlow) {
        for part in &self.parts {
            match *part {
                Part::Element(id) => flow.set_in_service(id, false),
                Part::Injection(injection) => flow.set_multiplier(injection, 0.0, 0.0),
            }
        }
    }
}

/// Everything in service that can be lost, in the feeder's order, banks last. What is open already is not lost again.
pub fn losses(flow: &PowerFlow) -> Vec<Loss> {
    let grid = flow.grid();
    let mut found = Found { grid, losses: Vec::new() };
    let feeder = &grid.feeder;
    if feeder.sources.len() > 1 {
        feeder.sources.keys().for_each(|name| found.element("source", Kind::Source, LossKind::Source, name));
    }
    for (name, line) in &feeder.lines {
        let kind = match (line.fuse_a, line.switch) {
            (Some(_), _) => LossKind::Fuse,
            (None, true) => LossKind::Switch,
            (None, false) => LossKind::Line,
        };
        found.element("line", Kind::Line, kind, name);
    }
    for name in feeder.transformers.keys() {
        let regulated = feeder.regulators.values().any(|r| r.transformer == *name);
        let kind = if regulated { LossKind::Regulator } else { LossKind::Transformer };
        found.element("transformer", Kind::Transformer, kind, name);
    }
    for (name, _) in feeder.reactors.iter().filter(|(_, reactor)| reactor.to.is_some()) {
        found.element("reactor", Kind::Reactor, LossKind::Reactor, name);
    }
    for (bank, name) in feeder.capacitors.keys().enumerate() {
        if flow.capacitor_steps(bank).contains(&true) {
            found.element("capacitor", Kind::Capacitor, LossKind::Capacitor, name);
        }
    }
    found.injections();
    found.banks();
    found.losses
}

struct Found<'a> {
    grid: &'a Grid,
    losses: Vec<Loss>,
}

impl Found<'_> {
    fn element(&mut self, class: &str, kind: Kind, as_loss: LossKind, name: &str) {
        if let Some(id) = self.grid.element(kind, name).filter(|&id| self.grid.in_service(id)) {
            let name = format!("{class}.{name}");
            self.losses.push(Loss { name, kind: as_loss, parts: vec![Part::Element(id)] });
        }
    }

    fn injections(&mut self) {
        let feeder = &self.grid.feeder;
        let generators = feeder.generators.keys().map(|name| ("generator", LossKind::Generator, name));
        let pv_systems = feeder.pv_systems.keys().map(|name| ("pv_system", LossKind::Pv, name));
        let storages = feeder.storages.keys().map(|name| ("storage", LossKind::Storage, name));
        let all = generators.chain(pv_systems).chain(storages).enumerate();
        let loads = feeder.loads.len();
        self.losses.extend(all.map(|(k, (class, kind, name))| Loss {
            name: format!("{class}.{name}"),
            kind,
            parts: vec![Part::Injection(loads + k)],
        }));
    }

    /// Single-phase transformers in service whose windings share their buses.
    fn banks(&mut self) {
        let mut banks: IndexMap<Vec<&str>, Vec<(&String, &Transformer)>> = IndexMap::new();
        for (name, transformer) in self.grid.feeder.transformers.iter().filter(|(_, t)| t.phases == 1) {
            let buses = transformer.windings.iter().map(|w| w.bus.bus.as_str()).collect();
            banks.entry(buses).or_default().push((name, transformer));
        }
        for units in banks.into_values() {
            let ids = units.iter().filter_map(|(name, _)| self.grid.element(Kind::Transformer, name));
            let parts: Vec<Part> = ids.filter(|&id| self.grid.in_service(id)).map(Part::Element).collect();
            let Some(((first, transformer), true)) = units.first().map(|unit| (*unit, parts.len() > 1)) else {
                continue;
            };
            let name = format!("bank.{}", transformer.bank.as_ref().unwrap_or(first));
            self.losses.push(Loss { name, kind: LossKind::Bank, parts });
        }
    }
}
