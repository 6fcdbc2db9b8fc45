//! The supervisory layer's network, by the solver: a second grid, compiled from the controller's own feeder file.
//!
//! Actuator phases are loads of constant power that draw the negative of what they inject. Watched are all nodes that a
//! phase feeds, the legs of split-phase secondaries included. The head is the sources (for an ideal one: the branches at
//! its bus; loads and actuators at that bus are not part of it), or the first terminal of a branch. Losses are those of
//! lines, transformers and series reactors; as voltages follow their sensitivities, they are quadratic in power, and their
//! curvature comes from the same currents as their slope.

mod answer;
mod tree;

use std::collections::BTreeMap;

use crate::control::supervisory::{Conditions, Layout, NetworkModel, Sensitivities, State, Tree};
use crate::feeder::{Feeder, Load, LoadStatus, Terminal};
use crate::quantity::Complex;
use crate::solver::{ControlError, Controls, ElementId, Grid, GridError, Kind, NodeId, PowerFlow, Ratings, Settings};

/// What a model is made with beside its feeder.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSettings {
    /// Node of each actuator phase: `bus.number`.
    pub actuators: Vec<String>,
    /// Base of power of one phase in VA.
    pub base_va: f64,
    /// Tap numbers of regulators to begin with, by name.
    pub taps: Vec<(String, i32)>,
    /// Lets regulators and capacitor controls come to rest first; what they find is then held.
    pub settle: bool,
    /// Name of the line or transformer whose first terminal is the head; the sources when not given.
    pub head: Option<String>,
    /// Lines that [`Conditions::open`] speaks of.
    pub switches: Vec<String>,
    /// Whether losses' slope and curvature are worked out.
    pub losses: bool,
    /// Whether branches' loadings are watched.
    pub loading: bool,
    /// Bus at the root of the tree for LinDist3Flow, where that is wanted.
    pub root: Option<String>,
}

impl ModelSettings {
    /// Actuators at nodes; the sources as head, losses and loadings.
    pub fn new(actuators: &[&str], base_va: f64) -> Self {
        Self {
            actuators: actuators.iter().map(|&node| node.to_owned()).collect(),
            base_va,
            taps: Vec::new(),
            settle: false,
            head: None,
            switches: Vec::new(),
            losses: true,
            loading: true,
            root: None,
        }
    }
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The feeder cannot be compiled.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// A control refers to what is not there.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A name that the feeder does not have.
    #[error("{what} {name:?} is not in the controller's feeder")]
    Unknown {
        /// What should have it.
        what: &'static str,
        /// The name.
        name: String,
    },
}

/// A conductor whose power counts to a phase of the head.
#[derive(Clone, Copy, Debug)]
struct HeadConductor {
    phase: usize,
    element: ElementId,
    conductor: usize,
    node: NodeId,
    /// −1 for a source, whose current into it leaves the feeder.
    sign: f64,
}

/// A branch with the nodes of all its conductors.
#[derive(Clone, Debug)]
struct Branch {
    element: ElementId,
    nodes: Vec<Option<NodeId>>,
}

/// The controller's own network.
#[derive(Debug)]
pub struct GridModel {
    flow: PowerFlow,
    controls: Controls,
    layout: Layout,
    /// Watched nodes.
    nodes: Vec<NodeId>,
    /// Load that each actuator phase is.
    loads: Vec<usize>,
    heads: Vec<HeadConductor>,
    switches: Vec<ElementId>,
    ratings: Ratings,
    rated: Vec<ElementId>,
    /// Lines, transformers and series reactors, where losses are worked out.
    branches: Vec<Branch>,
    root: Option<String>,
    conditions: Conditions,
}

impl GridModel {
    /// Compiles the controller's feeder.
    ///
    /// # Errors
    /// When it cannot be compiled, or does not have what the settings name.
    pub fn new(feeder: &Feeder, settings: &ModelSettings) -> Result<Self, ModelError> {
        let grid = Grid::compile(&with_actuators(feeder, settings, &Grid::compile(feeder)?)?)?;
        let loads =
            (0..settings.actuators.len()).filter_map(|k| grid.feeder.loads.get_index_of(&load_name(k))).collect();
        let nodes = watched(&grid);
        let place = |node: NodeId| nodes.iter().position(|own| *own == node);
        let node = |name: &String| grid.node(name).and_then(place).ok_or_else(|| unknown("a node", name));
        let actuators = settings.actuators.iter().map(node).collect::<Result<_, _>>()?;
        let ratings = Ratings::new(&grid);
        let rated: Vec<ElementId> = if settings.loading { ratings.elements().collect() } else { Vec::new() };
        let heads = heads(&grid, settings.head.as_deref())?;
        let line = |name: &String| grid.element(Kind::Line, name).ok_or_else(|| unknown("the line", name));
        let switches = settings.switches.iter().map(line).collect::<Result<_, _>>()?;
        let mut layout = Layout {
            nodes: nodes.iter().map(|id| grid.name(*id).to_owned()).collect(),
            actuators,
            heads: heads.iter().map(|head| head.phase + 1).max().unwrap_or(0),
            branches: element_names(&grid, &rated),
            base_va: settings.base_va,
        };
        let branches = if settings.losses { branches(&grid) } else { Vec::new() };
        let mut flow = PowerFlow::new(grid, Settings::default());
        let names = std::mem::take(&mut layout.branches);
        for (&element, name) in rated.iter().zip(names) {
            ratings.currents(&flow, element, |_| layout.branches.push(name.clone()));
        }
        let mut controls = Controls::new(&flow)?;
        for (name, tap) in &settings.taps {
            let found = flow.grid().feeder.regulators.get_index_of(name);
            let regulator = found.ok_or_else(|| unknown("the regulator", name))?;
            controls.set_tap_number(&mut flow, regulator, *tap);
        }
        if settings.settle {
            controls.settle(&mut flow);
        }
        let (root, conditions) = (settings.root.clone(), Conditions::default());
        Ok(Self { flow, controls, layout, nodes, loads, heads, switches, ratings, rated, branches, root, conditions })
    }

    /// The power flow, as last solved.
    pub fn power_flow(&self) -> &PowerFlow {
        &self.flow
    }

    /// Places of a bus's watched nodes, by number.
    pub fn bus(&self, bus: &str) -> Vec<usize> {
        let mut found: Vec<(u16, usize)> = Vec::new();
        for (place, id) in self.nodes.iter().enumerate() {
            let grid = self.flow.grid();
            let node = grid.nodes.get(id.0 as usize);
            let own = node.filter(|node| grid.buses.get(node.bus).is_some_and(|own| own.name == bus));
            found.extend(own.map(|node| (node.number, place)));
        }
        found.sort_unstable();
        found.into_iter().map(|(_, place)| place).collect()
    }

    fn base_v(&self, node: NodeId) -> f64 {
        self.flow.grid().nodes.get(node.0 as usize).map_or(1.0, |node| node.base_v)
    }

    fn fill(&self, state: &mut State) {
        state.v_pu.clear();
        state.v_pu.extend(self.nodes.iter().map(|&node| match self.flow.energised(node) {
            true => self.flow.voltage(node) / self.base_v(node),
            false => Complex::default(),
        }));
        state.head_pu.clear();
        state.head_pu.resize(self.layout.heads, Complex::default());
        let mut currents = Vec::new();
        for head in &self.heads {
            self.flow.currents_into(head.element, &mut currents);
            let i = currents.get(head.conductor).copied().unwrap_or_default();
            state.head_pu[head.phase] += self.flow.voltage(head.node) * i.conj() * (head.sign / self.layout.base_va);
        }
        state.losses_pu = self.flow.losses().re / self.layout.base_va;
        state.loading.clear();
        for &element in &self.rated {
            self.ratings.currents(&self.flow, element, |i| state.loading.push(i));
        }
    }
}

impl NetworkModel for GridModel {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn set_conditions(&mut self, conditions: &Conditions) {
        let loads = self.flow.grid().feeder.loads.len();
        self.flow.set_load_multiplier(conditions.load_multiplier * self.flow.grid().feeder.solve.load_multiplier);
        for generator in loads..self.flow.injections() {
            self.flow.set_multiplier(generator, conditions.generation_multiplier, conditions.generation_multiplier);
        }
        if conditions.source_pu != self.conditions.source_pu {
            let sources = self.flow.grid().feeder.sources.len();
            (0..sources).for_each(|source| self.flow.set_source(source, conditions.source_pu, 0.0));
        }
        for (regulator, &tap) in conditions.taps.iter().enumerate().take(self.flow.grid().feeder.regulators.len()) {
            if self.controls.tap_number(&self.flow, regulator) != tap {
                self.controls.set_tap_number(&mut self.flow, regulator, tap);
            }
        }
        for (&line, &open) in self.switches.iter().zip(&conditions.open) {
            if self.flow.grid().in_service(line) == open {
                self.flow.set_in_service(line, !open);
            }
        }
        self.conditions.clone_from(conditions);
    }

    fn solve(&mut self, injected_pu: &[f64], state: &mut State) -> bool {
        let (base_va, count) = (self.layout.base_va, self.loads.len());
        let at = |k: usize| injected_pu.get(k).copied().unwrap_or(0.0) * base_va;
        if !injected_pu.iter().all(|x| x.is_finite()) {
            return false;
        }
        for (k, &load) in self.loads.iter().enumerate() {
            self.flow.set_power(load, -at(k), -at(count + k));
        }
        let converged = self.flow.solve().converged();
        if converged {
            self.fill(state);
        } else {
            // A solution that failed is no place to begin the next one from.
            self.flow.restart();
        }
        converged
    }

    fn sensitivities(&mut self, answer: &mut Sensitivities) -> bool {
        answer::fill(self, answer).is_ok()
    }

    fn tree(&mut self) -> Option<Tree> {
        tree::of(self)
    }
}

fn unknown(what: &'static str, name: &str) -> ModelError {
    ModelError::Unknown { what, name: name.to_owned() }
}

fn load_name(actuator: usize) -> String {
    format!("~actuator{actuator}")
}

/// The feeder with a load of constant power for each actuator phase.
fn with_actuators(feeder: &Feeder, settings: &ModelSettings, grid: &Grid) -> Result<Feeder, ModelError> {
    let mut feeder = feeder.clone();
    for (k, name) in settings.actuators.iter().enumerate() {
        let node = grid.node(name).and_then(|id| grid.nodes.get(id.0 as usize));
        let node = node.ok_or_else(|| unknown("the actuator's node", name))?;
        let bus = grid.buses.get(node.bus).map(|bus| bus.name.clone()).unwrap_or_default();
        let load = Load::constant_power(Terminal::new(bus, &[node.number]), 1, node.base_v / 1000.0);
        let load = Load { v_min_pu: 0.2, v_low_pu: 0.1, v_max_pu: 2.0, status: LoadStatus::Fixed, ..load };
        feeder.loads.insert(load_name(k), load);
    }
    Ok(feeder)
}

/// Nodes that a phase feeds.
fn watched(grid: &Grid) -> Vec<NodeId> {
    let places = grid.feeder.places();
    let fed = |id: &&NodeId| {
        let node = grid.nodes.get(id.0 as usize);
        node.is_some_and(|node| {
            let bus = grid.buses.get(node.bus).map_or("", |bus| bus.name.as_str());
            node.base_v > 1.0 && places.get(&(bus, node.number)).is_some_and(|place| place.phase.is_some())
        })
    };
    grid.listing.iter().filter(fed).copied().collect()
}

/// Names of the branches that have a rating, in the order of `rated`.
fn element_names(grid: &Grid, rated: &[ElementId]) -> Vec<String> {
    let feeder = &grid.feeder;
    let lines = feeder.lines.keys().enumerate().map(|(k, name)| (grid.id(Kind::Line, k), "line", name));
    let transformers = feeder.transformers.keys().enumerate();
    let transformers = transformers.map(|(k, name)| (grid.id(Kind::Transformer, k), "transformer", name));
    let reactors = feeder.reactors.keys().enumerate().map(|(k, name)| (grid.id(Kind::Reactor, k), "reactor", name));
    let all = lines.chain(transformers).chain(reactors);
    let names: BTreeMap<ElementId, String> =
        all.filter_map(|(id, kind, name)| Some((id?, format!("{kind}.{name}")))).collect();
    rated.iter().map(|id| names.get(id).cloned().unwrap_or_default()).collect()
}

fn heads(grid: &Grid, named: Option<&str>) -> Result<Vec<HeadConductor>, ModelError> {
    if let Some(name) = named {
        let found = grid.element(Kind::Line, name).or_else(|| grid.element(Kind::Transformer, name));
        return Ok(first_terminal(grid, found.ok_or_else(|| unknown("the head", name))?, 1.0));
    }
    let mut heads = Vec::new();
    for (k, source) in grid.feeder.sources.values().enumerate() {
        let Some(element) = grid.id(Kind::Source, k) else { continue };
        let own = first_terminal(grid, element, -1.0);
        if source.ideal {
            own.iter().for_each(|head| heads.extend(at_node(grid, head)));
        } else {
            heads.extend(own);
        }
    }
    Ok(heads)
}

fn first_terminal(grid: &Grid, element: ElementId, sign: f64) -> Vec<HeadConductor> {
    let conductors = grid.first_terminal(element).enumerate();
    let known = conductors.filter_map(|(k, node)| node.map(|node| (k, node)));
    known.map(|(conductor, node)| HeadConductor { phase: conductor, element, conductor, node, sign }).collect()
}

/// Conductors of all passive elements at the node that an ideal source holds.
fn at_node(grid: &Grid, held: &HeadConductor) -> Vec<HeadConductor> {
    let feeder = &grid.feeder;
    let kinds = [
        (Kind::Line, feeder.lines.len()),
        (Kind::Transformer, feeder.transformers.len()),
        (Kind::Capacitor, feeder.capacitors.len()),
        (Kind::Reactor, feeder.reactors.len()),
    ];
    let elements = kinds.into_iter().flat_map(|(kind, count)| (0..count).filter_map(move |k| grid.id(kind, k)));
    let at = |element: ElementId| {
        let nodes = all_nodes(grid, element).into_iter().enumerate().filter(|(_, node)| *node == Some(held.node));
        nodes.map(|(conductor, _)| HeadConductor { element, conductor, sign: 1.0, ..*held }).collect::<Vec<_>>()
    };
    elements.flat_map(at).collect()
}

fn all_nodes(grid: &Grid, element: ElementId) -> Vec<Option<NodeId>> {
    (0..grid.terminals(element)).flat_map(|terminal| grid.terminal_nodes(element, terminal)).collect()
}

fn branches(grid: &Grid) -> Vec<Branch> {
    let feeder = &grid.feeder;
    let lines = (0..feeder.lines.len()).filter_map(|k| grid.id(Kind::Line, k));
    let transformers = (0..feeder.transformers.len()).filter_map(|k| grid.id(Kind::Transformer, k));
    let series = feeder.reactors.values().enumerate().filter(|(_, reactor)| reactor.to.is_some());
    let reactors = series.filter_map(|(k, _)| grid.id(Kind::Reactor, k));
    let all = lines.chain(transformers).chain(reactors);
    all.map(|element| Branch { element, nodes: all_nodes(grid, element) }).collect()
}
