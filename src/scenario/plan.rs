//! A checked scenario: every name is bound to its place in the feeder, every time to a tick.

use std::path::PathBuf;

use super::vary::Variable;
use crate::feeder::{ControlMode, Feeder, Shape, Terminal};
use crate::quantity::{Step, Tick};

/// What a run does, ready to run. Indices count the feeder's elements of a kind in their order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenario's name.
    pub name: String,
    /// One line about it; the name when the file has none.
    pub title: String,
    /// Seed of everything random.
    pub seed: u64,
    /// The feeder.
    pub feeder: Feeder,
    /// Length of a step.
    pub step: Step,
    /// The last tick: ticks 1 to this one are solved.
    pub last: Tick,
    /// The clock at tick 0, in s since midnight.
    pub start_s: f64,
    /// What regulator and capacitor controls do.
    pub controls: ControlMode,
    /// Multiplies the loads that follow it.
    pub load_multiplier: f64,
    /// Shapes that demands refer to.
    pub shapes: Vec<Shape>,
    /// Demand of each load of the feeder, then of each of `added`, then of each generator (negative: it feeds in).
    pub demands: Vec<Demand>,
    /// Loads that events add to those of the feeder.
    pub added: Vec<Added>,
    /// What is set before the first step.
    pub initial: Vec<Action>,
    /// What happens, in order of time.
    pub events: Vec<Planned>,
    /// What is recorded.
    pub watch: Watch,
    /// What a sweep varies.
    pub vary: Vec<Variable>,
    /// The files it was made of.
    pub inputs: Vec<Input>,
}

/// What a load (or, negative, a generator) draws over time: nominal power × scale × shape × load multiplier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Nominal active power in kW.
    pub p_kw: f64,
    /// Nominal reactive power in kvar.
    pub q_kvar: f64,
    /// Its own factor.
    pub scale: f64,
    /// The shape it follows.
    pub shape: Option<usize>,
    /// Whether the load multiplier applies.
    pub multiplied: bool,
    /// Whether it is there at all: loads that an event adds are not, before it.
    pub connected: bool,
}

/// A load that an event adds: wye-connected, constant power.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    /// Its name in the compiled feeder.
    pub name: String,
    /// Its bus, with the node of each phase.
    pub bus: Terminal,
}

/// Events of one entry of the scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The first tick whose solution shows it.
    pub tick: Tick,
    /// What happens.
    pub action: Action,
    /// In words, for figures.
    pub label: String,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// A load's nominal power changes; `None` stays.
    SetLoad {
        /// The load.
        load: usize,
        /// Active power in kW.
        p_kw: Option<f64>,
        /// Reactive power in kvar.
        q_kvar: Option<f64>,
    },
    /// A load's own factor changes.
    ScaleLoad {
        /// The load.
        load: usize,
        /// The factor.
        scale: f64,
    },
    /// A load that an event adds appears or disappears.
    ConnectLoad {
        /// The load.
        load: usize,
        /// Whether it is then there.
        connected: bool,
    },
    /// A line opens or closes.
    SwitchLine {
        /// The line.
        line: usize,
        /// Whether it is then open.
        open: bool,
    },
    /// A regulator goes to a tap.
    SetTap {
        /// The regulator control.
        regulator: usize,
        /// Steps from neutral.
        tap: i32,
    },
    /// A regulator moves.
    MoveTap {
        /// The regulator control.
        regulator: usize,
        /// Steps, up positive.
        by: i32,
    },
    /// All steps of a capacitor bank switch.
    SwitchCapacitor {
        /// The bank.
        capacitor: usize,
        /// Whether it is then closed.
        closed: bool,
    },
    /// The load multiplier changes.
    SetMultiplier {
        /// The multiplier.
        factor: f64,
    },
}

/// What is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// Buses whose voltages are recorded, in this order.
    pub buses: Vec<String>,
    /// Whether angles are, too.
    pub angles: bool,
    /// Ticks from row to row.
    pub every: u64,
    /// Lowest and highest good voltage, per unit.
    pub limits_pu: [f64; 2],
}

/// A file that a run was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its path, as the run was told.
    pub path: PathBuf,
    /// FNV-1a of its bytes, 64 bits.
    pub fnv1a_64: u64,
}

impl Plan {
    /// Time of a tick on the clock, in s since midnight of the first day.
    pub fn clock_s(&self, tick: Tick) -> f64 {
        self.start_s + self.step.time_s(tick)
    }
}
