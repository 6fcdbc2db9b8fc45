//! Why there is no curve.

use crate::solver::GridError;

/// Why there is no curve.
#[derive(Debug, thiserror::Error)]
pub enum PvError {
    /// The feeder cannot be compiled.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The controls cannot be set up.
    #[error(transparent)]
    Control(#[from] crate::solver::ControlError),
    /// The bus is not in the feeder.
    #[error("the feeder has no bus \"{bus}\"")]
    UnknownBus {
        /// The name.
        bus: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The bus has no such node.
    #[error("bus \"{bus}\" has no node {node}")]
    UnknownNode {
        /// The bus.
        bus: String,
        /// The node.
        node: u16,
        /// The nodes it has.
        has: String,
    },
    /// What is lost is not in the feeder.
    #[error("the feeder has no line or transformer \"{name}\"")]
    UnknownElement {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The bus is not fed.
    #[error("bus \"{bus}\" is de-energised{}", after(outage))]
    Dead {
        /// The bus.
        bus: String,
        /// What was lost.
        outage: Vec<String>,
    },
    /// The bus's voltage does not depend on its load.
    #[error("bus \"{0}\" is held by an ideal source: its voltage does not depend on its load")]
    Held(String),
    /// There is nothing to scale.
    #[error("there is no load to vary at bus \"{0}\"")]
    NoLoad(String),
    /// There is nothing to scale in the feeder.
    #[error("the feeder has no load that follows the load multiplier")]
    NoLoads,
    /// The feeder has no solution to begin with.
    #[error("the feeder has no solution {at}{}", worst.as_ref().map_or(String::new(), |w| format!("; node {w} is worst")))]
    NotConverged {
        /// With which load.
        at: &'static str,
        /// The node that keeps it from converging.
        worst: Option<String>,
    },
    /// The curve cannot be followed from its first point.
    #[error("no curve could be followed from the first solution{0}")]
    NoCurve(&'static str),
}

fn after(outage: &[String]) -> String {
    if outage.is_empty() { String::new() } else { format!(" after the loss of {}", outage.join(" and ")) }
}
