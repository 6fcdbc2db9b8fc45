//! What each feeder element is electrically at a frequency: a small nodal admittance matrix over its conductors
//! ([`Primitive`]), and for loads and power sources how the current of each branch follows its voltage
//! ([`InjectionModel`]).
//!
//! Numbers follow the rules that OpenDSS (engine 0.14.5) applies, so that a feeder read from its script gives its
//! result; where its behaviour is an evident slip, the physics is kept and the difference is stated in `docs/models/`.
//! Limits: linear elements only (no saturation), no long-line correction. Equations and sources: `docs/models/*.md`.

mod admittance;
mod behaviour;
mod current_source;
mod generation;
mod geometry;
mod injection;
mod law;
mod line;
mod load;
mod shunt;
mod source;
#[cfg(test)]
mod tests;
mod transformer;

pub use admittance::Admittance;
pub use behaviour::{Behaviour, Losses};
pub use current_source::{CurrentBranch, current_source};
pub use generation::{
    PvState, StorageOrder, StoragePower, generator, pv_power_kw_kvar, pv_system, storage, storage_power,
};
pub use injection::{Branch, InjectionModel};
pub use law::{Conductance, Inside, Law, Nominal, Zones};
pub use line::{LINE_END_S, line, line_as};
pub use load::load;
pub use shunt::{BOLTED_OHM, capacitor, fault, reactor};
pub use source::{SourceModel, emf_v, source};
pub use transformer::{TransformerModel, Windings, counted_tap_pu};

use crate::feeder::Terminal;

/// Most phases or windings that an element is accepted with; a larger number is a slip, not a network.
pub const MOST_CONDUCTORS: usize = 64;

/// One conductor's end: a bus and a node number (0 is ground).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Conductor {
    /// Lower-case bus name.
    pub bus: String,
    /// Node number; 0 is ground.
    pub node: u16,
}

impl Conductor {
    /// A conductor's end at a node of a bus.
    pub fn new(bus: impl Into<String>, node: u16) -> Self {
        Self { bus: bus.into(), node }
    }

    /// Whether it is ground.
    pub fn is_ground(&self) -> bool {
        self.node == 0
    }
}

/// An element's nodal admittance over all conductors of all its terminals, terminal after terminal: I = Y·V with
/// currents into the element. Several conductors may be the same node, or ground.
#[derive(Clone, Debug, PartialEq)]
pub struct Primitive {
    /// The conductors of each terminal, in the order of rows and columns of `y`.
    pub terminals: Vec<Vec<Conductor>>,
    /// Admittance in siemens.
    pub y: Admittance,
}

impl Primitive {
    /// All conductors, in the order of rows and columns of `y`.
    pub fn conductors(&self) -> impl Iterator<Item = &Conductor> {
        self.terminals.iter().flatten()
    }
}

/// Which part of an element's admittance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Part {
    /// All of it.
    #[default]
    Whole,
    /// What is in series between its terminals, as the no-load solve that assigns voltage bases sees it: no line
    /// capacitance (but [`LINE_END_S`] at each line end), no magnetising branch, next to nothing of shunt elements.
    Series,
}

/// The frequency that an admittance is wanted at, and the one that the feeder's reactances are given at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frequency {
    /// Frequency in Hz.
    pub f_hz: f64,
    /// The feeder's frequency in Hz.
    pub nominal_hz: f64,
}

impl Frequency {
    /// Power frequency.
    pub const fn power(nominal_hz: f64) -> Self {
        Self { f_hz: nominal_hz, nominal_hz }
    }

    /// Multiple of the feeder's frequency; any positive number.
    pub fn order(self) -> f64 {
        self.f_hz / self.nominal_hz
    }
}

/// Why an element has no electrical model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{element}: {reason}")]
pub struct ElementError {
    /// Kind and name, e.g. `line 650632`.
    pub element: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with an element.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reason {
    /// It refers to something that the feeder does not have.
    #[error("the feeder has no {kind} \"{name}\"")]
    Unknown {
        /// What it refers to.
        kind: &'static str,
        /// The name it uses.
        name: String,
    },
    /// A value that it needs was not given.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A number of things that no element has.
    #[error("{found} {what}: from {least} to {most} are possible")]
    Count {
        /// The things.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// Fewest possible.
        least: usize,
        /// Most possible.
        most: usize,
    },
    /// A value is outside its range, or not a number.
    #[error("{what} is {value}: {range}")]
    Value {
        /// The value's name.
        what: &'static str,
        /// The value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// A matrix is not square, or not of the right order.
    #[error("{what} is not a square matrix of order {order}")]
    Shape {
        /// The matrix.
        what: &'static str,
        /// The order that is needed.
        order: usize,
    },
    /// An impedance matrix has no inverse.
    #[error("its impedance matrix is singular")]
    Singular,
    /// The admittance overflows or is not a number.
    #[error("its admittance is not a finite number")]
    NotFinite,
    /// Conductors touch each other or the ground.
    #[error("conductor {0} of its geometry touches {1}")]
    Touching(usize, String),
}

impl Reason {
    fn of(self, kind: &str, name: &str) -> ElementError {
        ElementError { element: format!("{kind} {name}"), reason: self }
    }
}

fn count(what: &'static str, found: usize, least: usize) -> Result<usize, Reason> {
    let most = MOST_CONDUCTORS;
    if (least..=most).contains(&found) { Ok(found) } else { Err(Reason::Count { what, found, least, most }) }
}

fn positive(what: &'static str, value: f64) -> Result<f64, Reason> {
    if value > 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(Reason::Value { what, value, range: "a positive number is needed" })
    }
}

/// The conductors of a terminal: nodes as written, else 1, 2, … for the phases and ground beyond.
fn conductors(terminal: &Terminal, phases: usize, conductors: usize) -> Vec<Conductor> {
    terminal.conductors(phases, conductors).into_iter().map(|node| Conductor::new(&terminal.bus, node)).collect()
}

/// `phases` grounded conductors at a bus.
fn grounded(bus: &str, phases: usize) -> Vec<Conductor> {
    vec![Conductor::new(bus, 0); phases]
}

/// Voltage across one phase in V from a rated voltage in kV: line-to-line for wye elements of 2 and 3 phases.
fn phase_voltage_v(v_kv: f64, phases: usize, connection: crate::feeder::Connection) -> f64 {
    match (connection, phases) {
        (crate::feeder::Connection::Wye, 2 | 3) => v_kv * 1000.0 / 3f64.sqrt(),
        _ => v_kv * 1000.0,
    }
}

/// Conductors of a one-terminal element: a wye has a neutral; an open delta has one more than its phases.
fn terminal_conductors(phases: usize, connection: crate::feeder::Connection) -> usize {
    match (connection, phases) {
        (crate::feeder::Connection::Wye, _) | (_, 1 | 2) => phases + 1,
        _ => phases,
    }
}
