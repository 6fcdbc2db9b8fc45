//! `report.json`: what the page and its figures need and no other file of a run holds – the feeder as drawn, the events.
//!
//! With it, a report can be made again where the feeder's and the scenario's files are no more.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::FinishedRun;
use crate::bench::Outcome;
use crate::feeder::{Feeder, Strand, StrandKind};
use crate::quantity::Tick;
use crate::scenario::{Action, Branch, Phasor, Plan, Planned, Unit};

/// Version of `report.json`. It changes whenever an older program could not read the file.
pub const FORMAT: u32 = 1;

/// What the page and its figures need and no other file of a run holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Version of this file.
    pub format: u32,
    /// The feeder's title; its name when it has none.
    pub feeder_title: String,
    /// When a voltage was farthest out, in s since the start; `None` when no step has a solution.
    pub worst_t_s: Option<f64>,
    /// Buses whose voltages are recorded, in order.
    pub recorded: Vec<String>,
    /// What happened, in order of time.
    pub events: Vec<EventFact>,
    /// Buses by name, in the feeder's order.
    pub buses: IndexMap<String, BusFact>,
    /// Lines, series reactors and transformers.
    pub branches: Vec<BranchFact>,
    /// Phasor controllers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phasors: Vec<PhasorFact>,
}

/// A phasor controller: which node it holds, relative to which, with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhasorFact {
    /// Its name.
    pub name: String,
    /// Its law in a word.
    pub law: String,
    /// The phases that it controls, as `a`.
    pub phases: Vec<String>,
    /// The node that it holds, phase by phase, as `632.1`.
    pub performance: Vec<String>,
    /// The node relative to which, phase by phase.
    pub reference: Vec<String>,
    /// Names of the devices that it commands.
    pub actuators: Vec<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventFact {
    /// When, in s since the start.
    pub t_s: f64,
    /// In words.
    pub label: String,
    /// Where, if it is at one place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A place in the drawing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// At a bus.
    Bus(String),
    /// On a branch, by its place in [`Facts::branches`].
    Branch(usize),
}

/// A bus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BusFact {
    /// Coordinates in any unit, upwards positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xy: Option<[f64; 2]>,
    /// Nominal active power of its loads in kW.
    #[serde(skip_serializing_if = "is_zero")]
    pub load_kw: f64,
    /// Whether something generates here.
    #[serde(skip_serializing_if = "is_false")]
    pub generation: bool,
    /// Whether a source stands here.
    #[serde(skip_serializing_if = "is_false")]
    pub source: bool,
    /// Whether a capacitor bank stands here.
    #[serde(skip_serializing_if = "is_false")]
    pub capacitor: bool,
    /// Whether a fault lies here from the start.
    #[serde(skip_serializing_if = "is_false")]
    pub fault: bool,
}

/// A branch between two buses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BranchFact {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: BranchKind,
    /// Bus at its first terminal.
    pub from: String,
    /// Bus at its other terminal.
    pub to: String,
    /// Node numbers that its conductors join, at `from` and at `to`.
    pub nodes: Vec<[u16; 2]>,
    /// Whether it was open when a voltage was farthest out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub open: bool,
}

/// What a branch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BranchKind {
    /// A line or cable.
    Line,
    /// A switch or fuse.
    Switch,
    /// A series reactor.
    Reactor,
    /// A transformer that no control moves.
    Transformer,
    /// A transformer whose tap a control moves.
    Regulator,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(x: &bool) -> bool {
    !x
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(x: &f64) -> bool {
    *x == 0.0
}

impl Facts {
    pub(super) fn new(run: &FinishedRun) -> Self {
        let (plan, outcome) = (run.plan, run.outcome);
        let feeder = &plan.feeder;
        let happened = happened(run);
        let branches = branches(feeder, &switched(plan, &happened, outcome.worst.tick));
        Self {
            format: FORMAT,
            feeder_title: feeder.title.clone().unwrap_or_else(|| feeder.feeder.clone()),
            worst_t_s: solved(outcome).then(|| plan.step.time_s(outcome.worst.tick)),
            recorded: plan.watch.buses.clone(),
            events: happened.iter().map(|event| event_fact(plan, event, &branches)).collect(),
            buses: buses(feeder),
            branches,
            phasors: plan.equipment.phasors.iter().map(|own| PhasorFact::new(plan, own)).collect(),
        }
    }
}

impl PhasorFact {
    /// What a plan says about one of its controllers.
    pub(super) fn new(plan: &Plan, own: &Phasor) -> Self {
        let devices = own.actuators.iter().filter_map(|own| plan.equipment.devices.get(own.device));
        Self {
            name: own.name.clone(),
            law: own.setting.law.name().to_owned(),
            phases: own.phases.clone(),
            performance: plan.nodes_of(&own.performance),
            reference: plan.nodes_of(&own.reference),
            actuators: devices.map(|device| device.name.clone()).collect(),
        }
    }
}

/// Whether any step has a solution: the snapshot is else of the start, with no voltages in it.
fn solved(outcome: &Outcome) -> bool {
    outcome.ticks > outcome.not_converged
}

fn buses(feeder: &Feeder) -> IndexMap<String, BusFact> {
    let mut buses: IndexMap<String, BusFact> =
        feeder.bus_nodes().into_keys().map(|name| (name.to_owned(), BusFact::default())).collect();
    for (name, bus) in &mut buses {
        let given = feeder.buses.get(name).and_then(|b| b.x.zip(b.y));
        bus.xy = given.filter(|(x, y)| x.is_finite() && y.is_finite()).map(|(x, y)| [x, y]);
    }
    let mut mark = |name: &str, how: &mut dyn FnMut(&mut BusFact)| {
        if let Some(bus) = buses.get_mut(name) {
            how(bus);
        }
    };
    for load in feeder.loads.values() {
        mark(&load.bus.bus, &mut |bus| bus.load_kw += load.p_kw);
    }
    feeder.sources.values().for_each(|x| mark(&x.bus.bus, &mut |bus| bus.source = true));
    feeder.capacitors.values().for_each(|x| mark(&x.bus.bus, &mut |bus| bus.capacitor = true));
    feeder.faults.values().filter(|x| !x.open).for_each(|x| mark(&x.bus.bus, &mut |bus| bus.fault = true));
    let generators = feeder.generators.values().map(|x| &x.bus);
    let generators = generators.chain(feeder.pv_systems.values().map(|x| &x.bus));
    let generators = generators.chain(feeder.storages.values().map(|x| &x.bus));
    generators.for_each(|terminal| mark(&terminal.bus, &mut |bus| bus.generation = true));
    buses
}

fn branches(feeder: &Feeder, switched: &IndexMap<Branch, bool>) -> Vec<BranchFact> {
    let mut branches: Vec<BranchFact> = Vec::new();
    for strand in feeder.strands() {
        let kind = kind(feeder, &strand);
        let same = |b: &&mut BranchFact| {
            b.name == strand.name && b.kind == kind && b.from == strand.from.0 && b.to == strand.to.0
        };
        let nodes = [strand.from.1, strand.to.1];
        match branches.last_mut().filter(same) {
            Some(branch) => branch.nodes.push(nodes),
            None => branches.push(BranchFact {
                name: strand.name.to_owned(),
                kind,
                from: strand.from.0.to_owned(),
                to: strand.to.0.to_owned(),
                nodes: vec![nodes],
                open: branch(feeder, &strand).and_then(|b| switched.get(&b).copied()).unwrap_or(strand.open),
            }),
        }
    }
    branches
}

fn kind(feeder: &Feeder, strand: &Strand) -> BranchKind {
    match strand.kind {
        StrandKind::Line if feeder.lines.get(strand.name).is_some_and(|line| line.switch) => BranchKind::Switch,
        StrandKind::Line => BranchKind::Line,
        StrandKind::Reactor => BranchKind::Reactor,
        StrandKind::Transformer if feeder.regulators.values().any(|r| r.transformer == strand.name) => {
            BranchKind::Regulator
        }
        StrandKind::Transformer => BranchKind::Transformer,
    }
}

/// The branch that a conductor belongs to.
fn branch(feeder: &Feeder, strand: &Strand) -> Option<Branch> {
    match strand.kind {
        StrandKind::Line => strand.line.map(Branch::Line),
        StrandKind::Reactor => feeder.reactors.get_index_of(strand.name).map(Branch::Reactor),
        StrandKind::Transformer => feeder.transformers.get_index_of(strand.name).map(Branch::Transformer),
    }
}

/// All that happened, by time and by condition, in order of time.
fn happened(run: &FinishedRun) -> Vec<Planned> {
    let mut all: Vec<Planned> = run.plan.events.iter().chain(&run.outcome.triggered).cloned().collect();
    all.sort_by_key(|event| event.tick);
    all
}

/// Which branches had been opened (or closed) by a tick.
fn switched(plan: &Plan, happened: &[Planned], tick: Tick) -> IndexMap<Branch, bool> {
    let due = happened.iter().filter(|event| event.tick <= tick).map(|event| event.action);
    let switch = |action| match action {
        Action::Switch { branch, open } => Some((branch, open)),
        _ => None,
    };
    plan.initial.iter().copied().chain(due).filter_map(switch).collect()
}

fn event_fact(plan: &Plan, event: &Planned, branches: &[BranchFact]) -> EventFact {
    EventFact {
        t_s: plan.step.time_s(event.tick),
        label: event.label.clone(),
        place: place(plan, event.action, branches),
    }
}

fn place(plan: &Plan, action: Action, branches: &[BranchFact]) -> Option<Place> {
    let feeder = &plan.feeder;
    let on = |is: &dyn Fn(&BranchFact) -> bool| branches.iter().position(is).map(Place::Branch);
    match action {
        Action::SetLoad { load, .. } | Action::ScaleLoad { load, .. } | Action::ConnectLoad { load, .. } => {
            let own = feeder.loads.values().map(|l| &l.bus).chain(plan.added.iter().map(|a| &a.bus));
            own.into_iter().nth(load).map(|terminal| Place::Bus(terminal.bus.clone()))
        }
        Action::Switch { branch, .. } => on_branch(feeder, branch, branches),
        Action::SwitchPhases { line, .. } => on_branch(feeder, Branch::Line(line), branches),
        Action::Lose { unit: Unit::Device(device), .. }
        | Action::SetDevice { device, .. }
        | Action::SetEmission { device, .. }
        | Action::SwitchFilter { device, .. } => plan.added.get(device).map(|added| Place::Bus(added.bus.bus.clone())),
        Action::Lose { unit, .. } => unit_bus(feeder, unit).map(Place::Bus),
        Action::Fault { fault, .. } => plan.faults.get(fault).map(|fault| Place::Bus(fault.bus.clone())),
        Action::SetSource { source, .. } | Action::Sag { source, .. } => {
            unit_bus(feeder, Unit::Source(source)).map(Place::Bus)
        }
        Action::SetTap { regulator, .. } | Action::MoveTap { regulator, .. } => {
            let (_, control) = feeder.regulators.get_index(regulator)?;
            on(&|b| b.kind == BranchKind::Regulator && b.name == control.transformer)
        }
        Action::SwitchCapacitor { capacitor, .. } => {
            feeder.capacitors.get_index(capacitor).map(|(_, bank)| Place::Bus(bank.bus.bus.clone()))
        }
        Action::SetMultiplier { .. }
        | Action::SetTarget { .. }
        | Action::SetHead { .. }
        | Action::Acknowledge { .. }
        | Action::ScaleShape { .. }
        | Action::ScaleBackground { .. }
        | Action::SetFrequency { .. }
        | Action::LoseLink { .. }
        | Action::DelayLink { .. }
        | Action::FaultSensor { .. }
        | Action::FaultClock { .. } => None,
    }
}

fn on_branch(feeder: &Feeder, branch: Branch, branches: &[BranchFact]) -> Option<Place> {
    let (name, kinds): (_, &[BranchKind]) = match branch {
        Branch::Line(k) => (feeder.lines.get_index(k)?.0, &[BranchKind::Line, BranchKind::Switch]),
        Branch::Reactor(k) => (feeder.reactors.get_index(k)?.0, &[BranchKind::Reactor]),
        Branch::Transformer(k) => {
            (feeder.transformers.get_index(k)?.0, &[BranchKind::Transformer, BranchKind::Regulator])
        }
    };
    branches.iter().position(|b| kinds.contains(&b.kind) && b.name == *name).map(Place::Branch)
}

/// The bus at which something stands.
fn unit_bus(feeder: &Feeder, unit: Unit) -> Option<String> {
    let terminal = match unit {
        Unit::Load(k) => &feeder.loads.get_index(k)?.1.bus,
        Unit::Generator(k) => &feeder.generators.get_index(k)?.1.bus,
        Unit::PvSystem(k) => &feeder.pv_systems.get_index(k)?.1.bus,
        Unit::Storage(k) => &feeder.storages.get_index(k)?.1.bus,
        Unit::Capacitor(k) => &feeder.capacitors.get_index(k)?.1.bus,
        Unit::Source(k) => &feeder.sources.get_index(k)?.1.bus,
        // One of the plan's, not of the feeder's.
        Unit::Device(_) => return None,
    };
    Some(terminal.bus.clone())
}
