//! Why harmonics cannot be said.

use crate::solver::harmonic::HarmonicError;
use crate::solver::{ControlError, GridError};

/// Why harmonics cannot be said.
#[derive(Debug, thiserror::Error)]
pub enum HarmonicsError {
    /// The feeder cannot be compiled.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// A control cannot be.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A study that the solver refuses.
    #[error(transparent)]
    Harmonic(#[from] HarmonicError),
    /// The power flow has no solution, or its controls do not come to rest.
    #[error("the power flow {} after {iterations} solves{}",
        if *.at_rest { "has not converged" } else { "has controls that do not come to rest" },
        .worst.as_ref().map_or(String::new(), |node| format!("; node {node} is worst")))]
    NotConverged {
        /// Linear solves spent.
        iterations: u32,
        /// Controls came to rest.
        at_rest: bool,
        /// The node that keeps it from converging.
        worst: Option<String>,
    },
    /// An order without a solution.
    #[error("order {order} has no solution: node {node} floats there, or resonates without any loss")]
    Singular {
        /// The node.
        node: String,
        /// The order.
        order: f64,
    },
}
