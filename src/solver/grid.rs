//! The compiled network: nodes in elimination order, element admittances on a fixed pattern, injections.
//!
//! `Grid::compile` allocates everything that a study needs; afterwards switches, taps and capacitor steps change numbers
//! in place. Nodes are numbered by elimination order ([`NodeId`]), so that the solver never permutes; `listing` gives
//! them in their owner's order.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::base::{assign_bases, no_load_voltages, series_factor};
use super::bolted::bolt_faults;
use super::element::{self, Admittance, Conductor, ElementError, Frequency, Part, SourceModel, TransformerModel};
use super::injection::Injections;
use super::kernel::{BadPivot, Pattern};
use super::network::{ElementId, Kind, Network, NetworkBuilder};
use crate::feeder::{Capacitor, Feeder, Load, LoadStatus, expand};

/// A node, numbered by its place in the elimination order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// A node of the network.
#[derive(Clone, Debug)]
pub struct Node {
    /// `bus.number`, lower case.
    pub name: String,
    /// Index of its bus in [`Grid::buses`].
    pub bus: usize,
    /// Its number at the bus.
    pub number: u16,
    /// Voltage base to ground in V.
    pub base_v: f64,
}

/// A bus of the network.
#[derive(Clone, Debug)]
pub struct GridBus {
    /// Lower-case name.
    pub name: String,
    /// Its nodes in the order in which elements first met them.
    pub nodes: Vec<NodeId>,
    /// Voltage base to ground in V.
    pub base_v: f64,
}

/// Why a feeder cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum GridError {
    /// An element has no electrical model.
    #[error(transparent)]
    Element(#[from] ElementError),
    /// A part of the network is held by nothing.
    #[error("node {node} is not tied to any voltage: its part of the network floats (no path to ground or source)")]
    Floating {
        /// The first such node met.
        node: String,
    },
    /// A frequency that is none.
    #[error("the frequency is {0} Hz: a positive number is needed")]
    Frequency(f64),
    /// There is no source.
    #[error("the feeder has no source")]
    NoSource,
}

/// The compiled network.
#[derive(Clone, Debug)]
pub struct Grid {
    /// The feeder it was compiled from, distributed loads lumped.
    pub feeder: Feeder,
    /// Nodes by [`NodeId`].
    pub nodes: Vec<Node>,
    /// Nodes in their owner's order.
    pub listing: Vec<NodeId>,
    /// Buses in their owner's order.
    pub buses: Vec<GridBus>,
    pub(super) pattern: Pattern,
    pub(super) network: Network,
    pub(super) injections: Injections,
    pub(super) transformers: Vec<TransformerModel>,
    by_name: HashMap<String, NodeId>,
}

/// Everything an element contributes before nodes have numbers.
struct Parts {
    builder: NetworkBuilder,
    transformers: Vec<TransformerModel>,
    injections: Vec<element::InjectionModel>,
}

impl Grid {
    /// Compiles a feeder at its nominal frequency.
    ///
    /// # Errors
    /// [`GridError`] when an element has no model, there is no source, or a part of the network floats.
    pub fn compile(feeder: &Feeder) -> Result<Self, GridError> {
        let feeder = expand(feeder).into_owned();
        if feeder.sources.is_empty() {
            return Err(GridError::NoSource);
        }
        let mut names = NodeNames::default();
        let at = Frequency::power(feeder.frequency_hz);
        let Parts { builder, transformers, injections } = parts(&feeder, &mut names, at)?;
        let models = injections;
        let keep = kept(&names, &builder, &models);
        let mut edges = builder.edges();
        edges.extend(models.iter().flat_map(|m| names.branches(m)).filter_map(|(p, q)| Some((p?, q?))));
        let pattern = Pattern::new(names.len(), &edges, &keep);
        let place = |index: Option<u32>| index.map(|i| pattern.place_of[i as usize]);
        let varies = |k: usize| feeder.loads.get_index(k).is_some_and(|(_, l)| l.status == LoadStatus::Variable);
        let injections = Injections::new(&models, varies, &pattern, |conductor| place(names.get(conductor)));
        let network = builder.finish(&pattern, &injections);
        let mut grid = Self::named(feeder, &names, pattern, network, injections, transformers);
        let factor = series_factor(&grid).map_err(|pivot| grid.floating(pivot))?;
        let voltages = no_load_voltages(&grid, &factor);
        assign_bases(&mut grid, &voltages);
        bolt_faults(&mut grid, &factor)?;
        grid.network.find_islands(false, |_| {});
        Ok(grid)
    }

    fn named(
        feeder: Feeder,
        names: &NodeNames,
        pattern: Pattern,
        network: Network,
        injections: Injections,
        transformers: Vec<TransformerModel>,
    ) -> Self {
        let listing: Vec<NodeId> = pattern.place_of.iter().map(|&p| NodeId(p)).collect();
        let mut buses: IndexMap<&str, GridBus> = IndexMap::new();
        let mut nodes = vec![Node { name: String::new(), bus: 0, number: 0, base_v: 1.0 }; pattern.n];
        for (conductor, &id) in names.index.iter().zip(&listing) {
            let entry = buses.entry(&conductor.bus);
            let bus = entry.index();
            entry
                .or_insert_with(|| GridBus { name: conductor.bus.clone(), nodes: Vec::new(), base_v: 1.0 })
                .nodes
                .push(id);
            let name = format!("{}.{}", conductor.bus, conductor.node);
            nodes[id.0 as usize] = Node { name, bus, number: conductor.node, base_v: 1.0 };
        }
        let by_name = listing.iter().map(|&id| (nodes[id.0 as usize].name.clone(), id)).collect();
        let buses = buses.into_values().collect();
        Self { feeder, nodes, listing, buses, pattern, network, injections, transformers, by_name }
    }

    /// The node of a `bus.number` name, lower case.
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.by_name.get(name).copied()
    }

    /// The name of a node.
    pub fn name(&self, node: NodeId) -> &str {
        &self.nodes[node.0 as usize].name
    }

    /// The element of a kind by its name in the feeder.
    pub fn element(&self, kind: Kind, name: &str) -> Option<ElementId> {
        let index = match kind {
            Kind::Source => self.feeder.sources.get_index_of(name),
            Kind::Line => self.feeder.lines.get_index_of(name),
            Kind::Transformer => self.feeder.transformers.get_index_of(name),
            Kind::Capacitor => self.feeder.capacitors.get_index_of(name),
            Kind::Reactor => self.feeder.reactors.get_index_of(name),
            Kind::Fault => self.feeder.faults.get_index_of(name),
            Kind::Neutral => None,
        }?;
        self.network.id(kind, index)
    }

    /// The element of a kind by its place among the feeder's of that kind.
    pub fn id(&self, kind: Kind, index: usize) -> Option<ElementId> {
        self.network.id(kind, index)
    }

    /// The nodes at each conductor of an element's first terminal; `None` is ground. Allocates nothing.
    pub fn first_terminal(&self, element: ElementId) -> impl Iterator<Item = Option<NodeId>> {
        self.network.terminal_places(element, 0).map(|place| place.map(NodeId))
    }

    /// The nodes at each conductor of a terminal (0-based) of an element; `None` is ground.
    pub fn terminal_nodes(&self, element: ElementId, terminal: usize) -> Vec<Option<NodeId>> {
        self.network.terminal_places(element, terminal).map(|place| place.map(NodeId)).collect()
    }

    /// Number of terminals of an element.
    pub fn terminals(&self, element: ElementId) -> usize {
        self.network.terminals(element)
    }

    /// How many conductors of an element can be opened one by one ([`PowerFlow::set_phases`]): those of lines, reactors,
    /// capacitors and sources between two terminals. `None` for transformers, delta banks and faults.
    ///
    /// [`PowerFlow::set_phases`]: super::PowerFlow::set_phases
    pub fn phases(&self, element: ElementId) -> Option<usize> {
        self.network.phases(element)
    }

    /// Evaluates every element again at a frequency, transformers at the feeder's taps and all capacitor steps as the
    /// feeder has them.
    pub(super) fn set_frequency(&mut self, f_hz: f64) -> Result<(), GridError> {
        if !(f_hz > 0.0 && f_hz.is_finite()) {
            return Err(GridError::Frequency(f_hz));
        }
        let at = Frequency { f_hz, nominal_hz: self.feeder.frequency_hz };
        let Parts { builder, transformers, .. } = parts(&self.feeder, &mut NodeNames::default(), at)?;
        self.network.adopt(builder);
        self.transformers = transformers;
        Ok(())
    }

    /// Whether an element is in service.
    pub fn in_service(&self, element: ElementId) -> bool {
        self.network.in_service(element)
    }

    /// The two conductors (0-based, of its terminal) that each phase of a transformer's winding stands between.
    pub(super) fn winding_ends(&self, transformer: usize, winding: usize) -> impl Iterator<Item = [usize; 2]> {
        self.transformers[transformer].winding_ends(winding)
    }

    pub(super) fn floating(&self, pivot: BadPivot) -> GridError {
        GridError::Floating { node: self.nodes[pivot.column].name.clone() }
    }
}

/// Node names in the order in which elements first meet them.
#[derive(Debug, Default)]
pub(super) struct NodeNames {
    index: indexmap::IndexSet<Conductor>,
}

impl NodeNames {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The number of a node, given on first meeting; `None` for ground.
    pub(super) fn meet(&mut self, conductor: &Conductor) -> Option<u32> {
        if conductor.is_ground() {
            return None;
        }
        let index = self.index.get_index_of(conductor).unwrap_or_else(|| self.index.insert_full(conductor.clone()).0);
        Some(index as u32)
    }

    fn get(&self, conductor: &Conductor) -> Option<u32> {
        self.index.get_index_of(conductor).map(|i| i as u32)
    }

    fn branches<'a>(
        &'a self,
        model: &'a element::InjectionModel,
    ) -> impl Iterator<Item = (Option<u32>, Option<u32>)> + 'a {
        model.branches.iter().map(|b| (self.get(&b.from), self.get(&b.to)))
    }
}

/// Which nodes must not be condensed: those that carry injections.
fn kept(names: &NodeNames, builder: &NetworkBuilder, models: &[element::InjectionModel]) -> Vec<bool> {
    let mut keep = vec![false; names.len()];
    let injecting = models.iter().flat_map(|m| names.branches(m)).flat_map(|(p, q)| [p, q]);
    injecting.flatten().for_each(|i| keep[i as usize] = true);
    builder.kept().for_each(|i| keep[i as usize] = true);
    keep
}

fn parts(feeder: &Feeder, names: &mut NodeNames, at: Frequency) -> Result<Parts, GridError> {
    let mut b = NetworkBuilder::default();
    for (name, source) in &feeder.sources {
        let model: SourceModel = element::source(name, source, at)?;
        b.source(names, &model);
    }
    let mut transformers = Vec::new();
    for (name, line) in &feeder.lines {
        let whole = element::line(feeder, name, line, at.f_hz, Part::Whole)?;
        let series = element::line(feeder, name, line, at.f_hz, Part::Series)?;
        b.element(names, Kind::Line, &whole, Some(&series.y), !line.open);
    }
    for (name, transformer) in &feeder.transformers {
        let model = TransformerModel::new(name, transformer, at)?;
        let taps: Vec<f64> = transformer.windings.iter().map(|w| w.tap_pu).collect();
        let admittance = |part| {
            let mut y = Admittance::zeros(0);
            model.admittance(&taps, part, &mut y);
            y
        };
        let whole = element::Primitive { terminals: model.terminals().to_vec(), y: admittance(Part::Whole) };
        b.element(names, Kind::Transformer, &whole, Some(&admittance(Part::Series)), !transformer.open);
        let mut windings = element::Windings::default();
        model.write_windings(&taps, &mut windings);
        b.windings(windings);
        transformers.push(model);
    }
    shunts(feeder, names, &mut b, at)?;
    let injections = injections(feeder, names, &mut b, at)?;
    for (index, (name, source)) in feeder.current_sources.iter().enumerate() {
        b.current_source(names, index, &element::current_source(name, source, feeder.frequency_hz)?);
    }
    // Last, so that a fault more or less leaves the order of all other nodes and elements as it is.
    for (name, fault) in &feeder.faults {
        let model = |part| element::fault(name, fault, part);
        b.element(names, Kind::Fault, &model(Part::Whole)?, Some(&model(Part::Series)?.y), !fault.open);
    }
    Ok(Parts { builder: b, transformers, injections })
}

fn shunts(feeder: &Feeder, names: &mut NodeNames, b: &mut NetworkBuilder, at: Frequency) -> Result<(), GridError> {
    for (name, capacitor) in &feeder.capacitors {
        let closed = closed_steps(capacitor);
        let model = |part| element::capacitor(name, capacitor, &closed, at, part);
        b.element(names, Kind::Capacitor, &model(Part::Whole)?, Some(&model(Part::Series)?.y), true);
    }
    for (name, reactor) in &feeder.reactors {
        let model = |part| element::reactor(name, reactor, at, part);
        b.element(names, Kind::Reactor, &model(Part::Whole)?, Some(&model(Part::Series)?.y), true);
    }
    Ok(())
}

/// Whether each step of a bank is closed at the start.
pub(super) fn closed_steps(capacitor: &Capacitor) -> Vec<bool> {
    (0..capacitor.q_kvar.len()).map(|k| capacitor.closed.get(k).copied().unwrap_or(true)).collect()
}

fn injections(
    feeder: &Feeder,
    names: &mut NodeNames,
    b: &mut NetworkBuilder,
    at: Frequency,
) -> Result<Vec<element::InjectionModel>, GridError> {
    let mut models = Vec::new();
    for (name, load) in &feeder.loads {
        let neutral_x_ohm = load.neutral_x_ohm * at.order();
        models.push(element::load(name, &Load { neutral_x_ohm, ..load.clone() })?);
    }
    for (name, generator) in &feeder.generators {
        models.push(element::generator(name, generator)?);
    }
    for (name, pv) in &feeder.pv_systems {
        models.push(element::pv_system(name, pv, element::PvState::of(pv))?);
    }
    for (name, storage) in &feeder.storages {
        models.push(element::storage(name, storage, present_power(storage))?);
    }
    for model in &models {
        for branch in &model.branches {
            names.meet(&branch.from);
            names.meet(&branch.to);
        }
        if let Some(neutral) = &model.neutral {
            b.element(names, Kind::Neutral, neutral, None, true);
        }
    }
    Ok(models)
}

/// What a storage system does at the start.
fn present_power(storage: &crate::feeder::Storage) -> element::StoragePower {
    let stored_kwh = storage.e_rated_kwh * storage.stored_percent / 100.0;
    element::storage_power(storage, element::StorageOrder::State(storage.state), stored_kwh)
}
