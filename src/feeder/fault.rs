//! Faults: resistances between phases, or from phases to ground.
//!
//! [`Fault::new`] writes every kind of shunt fault as one element. Limits: linear resistances (no arc's own law), and no
//! open-conductor faults, which are phases of a line switched off. See `docs/models/fault.md`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Terminal, defaults as d};

/// A fault: a resistance per phase from `bus` to `to`, or to ground; or phases that meet in a point (`ground_ohm`,
/// `ungrounded`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Faulted terminal.
    pub bus: Terminal,
    /// Other end; ground when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Terminal>,
    /// Number of faulted phases.
    #[serde(default = "one_phase", skip_serializing_if = "is_one_phase")]
    pub phases: usize,
    /// Resistance per phase in ohm; 0 is bolted.
    #[serde(default = "d::fault_ohm", skip_serializing_if = "d::is_fault_ohm")]
    pub r_ohm: f64,
    /// Resistance in ohm from the point in which the phases meet to ground; without it each phase goes to ground alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground_ohm: Option<f64>,
    /// The phases meet in a point that is not connected to ground.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub ungrounded: bool,
    /// Not there at the start: events switch it on.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub open: bool,
}

/// Kinds of shunt faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Three phases together, not to ground.
    ThreePhase,
    /// Three phases to ground.
    ThreePhaseToGround,
    /// One phase to ground.
    LineToGround,
    /// Two phases together.
    LineToLine,
    /// Two phases to ground.
    DoubleLineToGround,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::ThreePhase, Self::ThreePhaseToGround, Self::LineToGround, Self::LineToLine, Self::DoubleLineToGround];

    /// How many nodes it joins.
    pub const fn phases(self) -> usize {
        match self {
            Self::LineToGround => 1,
            Self::LineToLine | Self::DoubleLineToGround => 2,
            Self::ThreePhase | Self::ThreePhaseToGround => 3,
        }
    }

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThreePhase => "three_phase",
            Self::ThreePhaseToGround => "three_phase_to_ground",
            Self::LineToGround => "line_to_ground",
            Self::LineToLine => "line_to_line",
            Self::DoubleLineToGround => "double_line_to_ground",
        }
    }
}

/// Why there is no such fault.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FaultError {
    /// A number of nodes that the kind does not join.
    #[error("a {} fault joins {} nodes, not {found}", kind.name(), kind.phases())]
    Nodes {
        /// The kind of fault.
        kind: FaultKind,
        /// How many nodes were given.
        found: usize,
    },
    /// A node was given twice, or is ground.
    #[error("node {0} cannot be faulted: nodes are from 1 up, each once")]
    Node(u16),
    /// A resistance that none has.
    #[error("the fault's resistance is {0} ohm: zero or a positive number is needed")]
    Resistance(f64),
}

impl Fault {
    /// A fault of a kind at nodes of a bus, there from the start (`open` is false). `r_ohm` is the resistance from each
    /// phase to ground or to the point in which the phases meet, and of a line-to-line fault the one between its lines;
    /// 0 is bolted. At its first terminal conductor k carries the current that leaves the network at `nodes[k]`; of a
    /// line-to-line fault there is one, from the first node to the second.
    ///
    /// # Errors
    /// When there are not as many nodes as the kind joins, a node is 0 or given twice, or the resistance is negative.
    pub fn new(kind: FaultKind, bus: &str, nodes: &[u16], r_ohm: f64) -> Result<Self, FaultError> {
        if nodes.len() != kind.phases() {
            return Err(FaultError::Nodes { kind, found: nodes.len() });
        }
        if let Some((_, node)) = nodes.iter().enumerate().find(|(k, n)| **n == 0 || nodes[..*k].contains(n)) {
            return Err(FaultError::Node(*node));
        }
        let r_ohm = resistance(r_ohm)?;
        let bus = bus.to_lowercase();
        let (here, to) = match (kind, nodes) {
            (FaultKind::LineToLine, [a, b]) => (vec![*a], Some(Terminal::new(bus.clone(), &[*b]))),
            _ => (nodes.to_vec(), None),
        };
        let phases = here.len();
        let ungrounded = kind == FaultKind::ThreePhase;
        Ok(Self { bus: Terminal { bus, nodes: here }, to, phases, r_ohm, ground_ohm: None, ungrounded, open: false })
    }

    /// The same fault with its phases meeting in a point that goes to ground through a resistance. Without effect on
    /// faults that do not touch ground.
    ///
    /// # Errors
    /// When the resistance is negative.
    pub fn with_ground_ohm(mut self, ground_ohm: f64) -> Result<Self, FaultError> {
        let ground_ohm = resistance(ground_ohm)?;
        if self.to.is_none() && !self.ungrounded {
            self.ground_ohm = Some(ground_ohm);
        }
        Ok(self)
    }
}

fn resistance(ohm: f64) -> Result<f64, FaultError> {
    if ohm >= 0.0 && ohm.is_finite() { Ok(ohm) } else { Err(FaultError::Resistance(ohm)) }
}

fn one_phase() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_one_phase(x: &usize) -> bool {
    *x == 1
}
