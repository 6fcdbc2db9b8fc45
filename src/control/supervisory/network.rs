//! What the supervisory layer asks of a network: to be solved at a dispatch, and how it answers to small changes.
//!
//! Whoever has a solver implements [`NetworkModel`] over the controller's *own* description of the network, which may be
//! wrong. Everything is per unit: voltages of each node's base with absolute angles, powers of the base of one phase
//! ([`Layout::base_va`]), losses too. Injected power is positive.

use crate::quantity::Complex;

/// How a model numbers its network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Nodes that are watched, by name.
    pub nodes: Vec<String>,
    /// The watched node at which each actuator phase injects.
    pub actuators: Vec<usize>,
    /// Phases of the feeder's head.
    pub heads: usize,
    /// Conductors that have an ampacity, by the names of their branches.
    pub branches: Vec<String>,
    /// Base of power of one phase in VA.
    pub base_va: f64,
}

impl Layout {
    /// The place of a node among those watched.
    pub fn node(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|own| own == name)
    }
}

/// What the network stands in. Empty lists leave things as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// What loads are multiplied by.
    pub load_multiplier: f64,
    /// What generators and PV systems are multiplied by.
    pub generation_multiplier: f64,
    /// Sources' magnitude, per unit of what the description says.
    pub source_pu: f64,
    /// Tap number of each regulator.
    pub taps: Vec<i32>,
    /// Whether each of the model's switches is open.
    pub open: Vec<bool>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self { load_multiplier: 1.0, generation_multiplier: 1.0, source_pu: 1.0, taps: Vec::new(), open: Vec::new() }
    }
}

/// A solution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Voltages of the watched nodes; 0 where nothing feeds them.
    pub v_pu: Vec<Complex>,
    /// Power from the head into the feeder, by phase.
    pub head_pu: Vec<Complex>,
    /// Losses of lines and transformers.
    pub losses_pu: f64,
    /// Current of each conductor by its ampacity, in the common time.
    pub loading: Vec<Complex>,
}

/// How a solution answers to actuators: one row for each quantity, of P of all actuator phases, then Q.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sensitivities {
    /// Twice the number of actuator phases.
    pub inputs: usize,
    /// Of voltages, row by row.
    pub v: Vec<Complex>,
    /// Of the head's powers, row by row.
    pub head: Vec<Complex>,
    /// Of losses.
    pub losses: Vec<f64>,
    /// Half the second derivative of losses where voltages follow their sensitivities, row by row.
    pub losses_curvature: Vec<f64>,
    /// Of loadings, row by row.
    pub loading: Vec<Complex>,
}

impl Sensitivities {
    /// The row of a node's voltage.
    pub fn of_node(&self, node: usize) -> &[Complex] {
        self.v.get(node * self.inputs..(node + 1) * self.inputs).unwrap_or_default()
    }

    /// The row of a phase of the head.
    pub fn of_head(&self, phase: usize) -> &[Complex] {
        self.head.get(phase * self.inputs..(phase + 1) * self.inputs).unwrap_or_default()
    }

    /// The row of a conductor's loading.
    pub fn of_branch(&self, branch: usize) -> &[Complex] {
        self.loading.get(branch * self.inputs..(branch + 1) * self.inputs).unwrap_or_default()
    }
}

/// A network that can be solved. Calls come in the order: conditions, solve, then sensitivities of that solution.
pub trait NetworkModel: Send {
    /// How it numbers its network; always the same.
    fn layout(&self) -> &Layout;

    /// What it stands in from now on.
    fn set_conditions(&mut self, conditions: &Conditions);

    /// Solves with P of all actuator phases, then Q, injected, per unit; whether it converged. `state` is filled.
    fn solve(&mut self, injected_pu: &[f64], state: &mut State) -> bool;

    /// How the last solution answers; whether it could be told.
    fn sensitivities(&mut self, answer: &mut Sensitivities) -> bool;

    /// The network as a tree for LinDist3Flow, in the present conditions; `None` where it is none.
    fn tree(&mut self) -> Option<Tree> {
        None
    }
}

/// A radial network of three-phase branches, root first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// Root first; a parent comes before its children.
    pub buses: Vec<TreeBus>,
    /// Voltages of the root; 0 for a phase that it has not.
    pub root_pu: [Complex; 3],
}

/// A bus and the branch that feeds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TreeBus {
    /// The bus that feeds it; its own place for the root.
    pub parent: usize,
    /// Its nodes among those watched, by phase.
    pub nodes: [Option<usize>; 3],
    /// Series impedance of the branch on its own side, per unit; 0 for a phase that it has not.
    pub z_pu: [[Complex; 3]; 3],
    /// Turns ratio of the branch by phase: voltage here by voltage at the parent without load.
    pub ratio: [f64; 3],
    /// Power drawn at 1 pu by phase, per unit.
    pub drawn_pu: [Complex; 3],
    /// Its derivative by squared voltage at 1 pu.
    pub drawn_by_y: [Complex; 3],
}
