//! Continuation: how the network's solution moves as loads grow, to the nose of the curve and past it.
//!
//! A [`Continuation`] follows the equations of a solved [`PowerFlow`] along a parameter λ that adds power to chosen
//! injections. A predictor goes along the tangent, a corrector (Newton with the real Jacobian, widely-linear loads as 2×2
//! blocks) comes back to the curve; the border row is a local parameterisation over λ and the voltage component that
//! moves most, so that nothing is singular at a simple fold. Taps, capacitor steps and switches stay as they are. Limits:
//! the curve ends where a load's law jumps (models 3, 4, 6, 7 at their band's edges), and says so; branches that start
//! from the curve are not followed.
//! Equations and sources: `docs/models/continuation.md`.

mod equations;
mod hermite;
mod hold;
#[cfg(test)]
mod tests;
mod trace;

pub use trace::{End, Path, TraceSettings};

use super::PowerFlow;
use super::grid::NodeId;
use crate::quantity::{Complex, complex};
use equations::{Border, Equations};

/// A solution on the curve.
#[derive(Clone, Debug)]
pub struct PathPoint {
    /// The parameter.
    pub lambda: f64,
    /// Whether λ grows along the curve here, in the direction in which it was followed.
    pub rising: bool,
    /// Largest residual of any node's equations per unit of the base power: rounding, unless something is wrong.
    pub residual_pu: f64,
    /// Unknowns, then λ.
    x: Vec<f64>,
    /// Change of the unknowns along the curve.
    tangent: Vec<f64>,
    /// Of this point's own parameterisation.
    border: Border,
}

/// A solved network whose injections follow a parameter.
#[derive(Clone, Debug)]
pub struct Continuation<'a> {
    equations: Equations<'a>,
    flow: &'a PowerFlow,
}

impl<'a> Continuation<'a> {
    /// Follows a solved power flow (λ = 0), with λ·`s_va` drawn more by each of some injections (all their branches
    /// alike, at rated voltage; what is drawn at another one is by the injection's law). `base_va` scales residuals and
    /// should be near what λ = 1 adds. `None` if the pattern of the equations cannot be factorised (no memory).
    pub fn new(flow: &'a PowerFlow, moving: &[(usize, Complex)], base_va: f64) -> Option<Self> {
        let injections = &flow.grid().injections;
        let branches = moving.iter().flat_map(|&(injection, s_va)| {
            let count = injections.branch_count(injection).max(1) as f64;
            injections.branches_of(injection).map(move |branch| {
                let base_v = injections.v_base_v(branch);
                (branch, s_va.conj() / (count * base_v * base_v))
            })
        });
        Some(Self { equations: Equations::new(flow, branches.collect(), &[], base_va)?, flow })
    }

    /// Voltage of a node to ground at a point, in V.
    pub fn voltage(&self, point: &PathPoint, node: NodeId) -> Complex {
        let v = self.equations.voltages(&point.x)[node.0 as usize];
        complex(v[0][0], v[1][0])
    }

    /// Voltages of all nodes to ground at a point, in V by [`NodeId`].
    pub fn voltages(&self, point: &PathPoint) -> Vec<Complex> {
        let v = self.equations.voltages(&point.x);
        v[..v.len() - 1].iter().map(|v| complex(v[0][0], v[1][0])).collect()
    }

    /// Power that injections draw from the network at a point, in VA.
    pub fn drawn(&self, point: &PathPoint, injections: &[usize]) -> Complex {
        let v = self.equations.voltages(&point.x);
        let y = self.equations.branches(point.lambda);
        let all = &self.flow.grid().injections;
        let branches = injections.iter().flat_map(|&injection| all.branches_of(injection));
        let power = |branch: usize| {
            let u = all.voltage(branch, &v);
            u * all.linearise(branch, y[branch], u).0.conj()
        };
        branches.map(power).sum()
    }
}

impl PowerFlow {
    /// The nodes that an injection's branches touch, ground left out, each once.
    pub fn injection_nodes(&self, injection: usize) -> Vec<NodeId> {
        let injections = &self.grid().injections;
        let ends = injections.branches_of(injection).flat_map(|branch| injections.ends(branch));
        let ground = self.grid().nodes.len();
        let mut nodes: Vec<NodeId> = ends.filter(|end| (*end as usize) < ground).map(NodeId).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}
