//! What a harmonic study takes into account, and what it returns or refuses.

use crate::solver::element::{Behaviour, ElementError};
use crate::solver::grid::NodeId;

/// What stands for a load's admittance at orders other than the fundamental.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HarmonicLoads {
    /// Its present power, as OpenDSS.
    #[default]
    Present,
    /// Its power when the study was set up: the factors are kept whatever loads do.
    Nominal,
    /// Nothing but what keeps its nodes (1e-12 S, as OpenDSS's `neglectloady`).
    Neglect,
}

/// How a load's power becomes an admittance at an order h. Equations and sources: `docs/models/harmonics.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LoadAdmittance {
    /// A share in series R-L and the rest in parallel, or a motor's locked-rotor impedance, by the feeder's own values:
    /// OpenDSS's rule.
    #[default]
    Feeder,
    /// R and L in parallel, all of it.
    Parallel,
    /// R and L in series, all of it.
    Series,
    /// CIGRÉ's model C: R with a small reactance in series, and a reactance beside it.
    CigreC,
    /// R and L in parallel, both divided by 0.1·h + 0.9 (skin effect).
    Skin,
}

/// What a harmonic study takes into account.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct HarmonicSettings {
    /// How resistances follow frequency.
    pub behaviour: Behaviour,
    /// Which power loads stand with.
    pub loads: HarmonicLoads,
    /// How that power becomes an admittance.
    pub load_admittance: LoadAdmittance,
    /// Injections (loads, then generators, PV systems, storages) that something else represents: a device of its own
    /// ([`super::Harmonics::add_device`]). They have neither admittance nor emission here.
    pub replaced: Vec<usize>,
}

/// Why a harmonic study cannot be set up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HarmonicError {
    /// An element has no model at an order.
    #[error(transparent)]
    Element(#[from] ElementError),
    /// An order that is none.
    #[error("order {0} is not a positive number")]
    Order(f64),
    /// There is no order.
    #[error("no order is given")]
    NoOrder,
    /// A device stands between two nodes that nothing in the feeder couples.
    #[error("nothing in the feeder couples {0} and {1}: a device between them needs a load or line there")]
    Uncoupled(String, String),
    /// Frequencies that cannot be scanned.
    #[error(
        "a scan from {from_hz} to {to_hz} Hz in steps of {step_hz} Hz is none: positive numbers are needed, the last \
         frequency not below the first, and at most a million steps"
    )]
    Range {
        /// First frequency in Hz.
        from_hz: f64,
        /// Last frequency in Hz.
        to_hz: f64,
        /// Step in Hz.
        step_hz: f64,
    },
    /// The network cannot be solved at a frequency.
    #[error(
        "the equation of node {node} cannot be solved at {f_hz} Hz: its part of the network floats, resonates, or is too far from symmetric"
    )]
    Singular {
        /// The node.
        node: String,
        /// Frequency in Hz.
        f_hz: f64,
    },
    /// The power flow followed is of another feeder.
    #[error("the power flow is of another network than the harmonic study")]
    OtherNetwork,
}

/// How a harmonic solve ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HarmonicStatus {
    /// All orders are solved.
    Solved,
    /// The equations of a node could not be solved at an order (its place in the list): its part of the network floats
    /// there. No order is solved.
    Singular {
        /// The node.
        node: NodeId,
        /// The order's place in [`super::Harmonics::orders`].
        order: usize,
    },
}
