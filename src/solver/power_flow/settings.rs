//! How a power flow is solved, and what a solve returns.

use crate::solver::grid::NodeId;

/// Which iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Method {
    /// Chosen by the fixed point's measured contraction and the tolerance.
    #[default]
    Auto,
    /// Constant-matrix fixed point with nominal load admittances, as OpenDSS.
    FixedPoint,
    /// Widely-linear chord Newton, refreshed when it pays.
    Chord,
}

/// How a power flow is solved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Largest complex voltage error promised at any node, per unit of its base; at least [`Settings::FLOOR_PU`].
    pub tolerance_pu: f64,
    /// Most linear solves spent on one solution.
    pub max_iterations: u32,
    /// Which iteration.
    pub method: Method,
}

impl Settings {
    /// The smallest tolerance that double precision keeps.
    pub const FLOOR_PU: f64 = 1e-12;
}

impl Default for Settings {
    fn default() -> Self {
        Self { tolerance_pu: 1e-9, max_iterations: 100, method: Method::Auto }
    }
}

/// How a solve ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The promised tolerance is kept.
    Converged,
    /// No solution was found within the allowed iterations, or none exists (past the nose of the P–V curve).
    NotConverged,
    /// The equations of a node could not be solved: its part of the network floats or resonates exactly.
    Singular,
}

/// What a solve returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solved {
    /// How it ended.
    pub status: Status,
    /// Linear solves spent.
    pub iterations: u32,
    /// Bound of the complex voltage error, per unit of each node's base.
    pub error_pu: f64,
    /// The node that moved most in the last solve, or the one that could not be solved; `None` when converged.
    pub worst: Option<NodeId>,
}

impl Solved {
    /// Whether the promised tolerance is kept.
    pub fn converged(&self) -> bool {
        self.status == Status::Converged
    }
}
