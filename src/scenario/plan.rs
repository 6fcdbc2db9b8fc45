//! A checked scenario: every name is bound to its place in the feeder, every time to a tick.

use std::path::PathBuf;

use super::quantity::Namespace;
use super::vary::Variable;
use super::{Course, Equipment, Expectation, Harmonics, Link, Measure, Observed, Quantity};
use crate::feeder::{ControlMode, Feeder, Terminal};
use crate::quantity::{Step, Tick};
use crate::sense;

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
    /// Courses over time that demands refer to.
    pub shapes: Vec<Course>,
    /// Demand of each load of the feeder, then of each of `added`, then of each generator (negative: it feeds in).
    pub demands: Vec<Demand>,
    /// Loads that stand for devices, then those that events add.
    pub added: Vec<Added>,
    /// What is set before the first step.
    pub initial: Vec<Action>,
    /// What happens, in order of time.
    pub events: Vec<Planned>,
    /// What happens when a condition holds, in the order written.
    pub triggers: Vec<Trigger>,
    /// Faults that events switch on: open at the start.
    pub faults: Vec<FaultSite>,
    /// Devices, instruments and controllers.
    pub equipment: Equipment,
    /// Harmonics, when there are any.
    pub harmonics: Option<Harmonics>,
    /// What is known of each step, and recorded: expectations and conditions refer to these.
    pub quantities: Vec<Quantity>,
    /// What must be true of the run.
    pub expectations: Vec<Expectation>,
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

/// A fault that events switch on.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultSite {
    /// Its name in quantities.
    pub name: String,
    /// Its bus.
    pub bus: String,
    /// Its name among the feeder's faults.
    pub element: String,
}

/// A load that a device or an event adds: wye-connected, constant power.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    /// Its name in the compiled feeder.
    pub name: String,
    /// Its bus, with the node of each phase.
    pub bus: Terminal,
    /// The voltages per unit between which its power is constant.
    pub band_pu: [f64; 2],
}

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The first tick whose solution shows it.
    pub tick: Tick,
    /// What happens.
    pub action: Action,
    /// In words, for figures.
    pub label: String,
}

/// Something that happens when a condition holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// The quantity, by its place in [`Plan::quantities`].
    pub quantity: usize,
    /// The range in which the condition does not hold.
    pub quiet: [f64; 2],
    /// Ticks in a row for which it must hold.
    pub held: u64,
    /// How often it can go off.
    pub times: u32,
    /// What happens one tick after it goes off: `label` says what, in words.
    pub action: Action,
    /// In words, for figures.
    pub label: String,
    /// What undoes it, in words and deed.
    pub undo: Option<(Action, String)>,
    /// Ticks after which the first, second … action is undone; actions beyond the last are not.
    pub undo_after: Vec<u64>,
}

/// A branch that can be opened and closed, by its place among the feeder's of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Branch {
    /// A line, switch or fuse.
    Line(usize),
    /// A transformer.
    Transformer(usize),
    /// A series reactor.
    Reactor(usize),
}

/// Something at a bus that can be lost, by its place among the feeder's of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A load.
    Load(usize),
    /// A generator.
    Generator(usize),
    /// A photovoltaic system.
    PvSystem(usize),
    /// A storage.
    Storage(usize),
    /// A capacitor bank.
    Capacitor(usize),
    /// A source.
    Source(usize),
    /// A device of the plan.
    Device(usize),
}

/// Conductors or phases by number, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases(pub u64);

impl Phases {
    /// Whether one is among them.
    pub const fn has(self, index: usize) -> bool {
        index < 64 && self.0 >> index & 1 == 1
    }
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
    /// A branch opens or closes, all conductors at both ends.
    Switch {
        /// The branch.
        branch: Branch,
        /// Whether it is then open.
        open: bool,
    },
    /// Conductors of a line open or close, at both ends.
    SwitchPhases {
        /// The line.
        line: usize,
        /// The conductors.
        phases: Phases,
        /// Whether they are then open.
        open: bool,
    },
    /// Something at a bus is lost, or comes back.
    Lose {
        /// What.
        unit: Unit,
        /// Whether it is then lost.
        lost: bool,
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
    /// A profile is multiplied by a factor.
    ScaleShape {
        /// Its place in [`Plan::shapes`].
        shape: usize,
        /// The factor.
        factor: f64,
    },
    /// A source's voltage changes; `None` stays.
    SetSource {
        /// The source.
        source: usize,
        /// Its phases.
        phases: Phases,
        /// Magnitude per unit of the feeder's own.
        v_pu: Option<f64>,
        /// Angle ahead of the feeder's own in degrees.
        angle_deg: Option<f64>,
    },
    /// A source's voltage sags to a share of itself; 1 ends the sag.
    Sag {
        /// The source.
        source: usize,
        /// Its phases.
        phases: Phases,
        /// What is left.
        to: f64,
    },
    /// The frequency changes.
    SetFrequency {
        /// The frequency in Hz.
        f_hz: f64,
    },
    /// A fault begins or ends.
    Fault {
        /// Its place among [`Plan::faults`].
        fault: usize,
        /// Whether it is then there.
        on: bool,
    },
    /// A device's own set-point changes; `None` stays.
    SetDevice {
        /// The device.
        device: usize,
        /// Active power in kW.
        p_kw: Option<f64>,
        /// Reactive power in kvar.
        q_kvar: Option<f64>,
    },
    /// A phasor controller takes another target; `None` stays.
    SetTarget {
        /// The controller.
        controller: usize,
        /// Magnitudes per unit by phase.
        v_pu: Option<[f64; 3]>,
        /// Angles in degrees by phase.
        angle_deg: Option<[f64; 3]>,
    },
    /// An S-PBC takes another set-point of its head; `None` is free.
    SetHead {
        /// The S-PBC.
        supervisor: usize,
        /// Active power into its zone in kW.
        p_kw: Option<f64>,
        /// Reactive power into its zone in kvar.
        q_kvar: Option<f64>,
    },
    /// Somebody has seen to a phasor controller: its clocks are right, its actuators work.
    Acknowledge {
        /// The controller.
        controller: usize,
    },
    /// The harmonic source of a device's units is so many times as large as it should be.
    SetEmission {
        /// The device.
        device: usize,
        /// How many times.
        factor: f64,
    },
    /// A background is multiplied by a factor, in place of the factor so far.
    ScaleBackground {
        /// Its place in [`super::Harmonics::background`].
        background: usize,
        /// The factor.
        factor: f64,
    },
    /// An active filter is switched.
    SwitchFilter {
        /// The device.
        device: usize,
        /// Whether it then works.
        on: bool,
    },
    /// A line of communication is cut or mended.
    LoseLink {
        /// The line.
        link: Link,
        /// Whether it is then cut.
        lost: bool,
    },
    /// What is sent over a line arrives later than usual.
    DelayLink {
        /// The line.
        link: Link,
        /// By so many ticks.
        ticks: u64,
    },
    /// A fault of a sensor begins or ends.
    FaultSensor {
        /// The instrument.
        instrument: usize,
        /// Its channel; all of them without.
        channel: Option<usize>,
        /// What is wrong.
        fault: sense::Fault,
        /// Whether it then is.
        on: bool,
    },
    /// A fault of a PMU's clock begins or ends.
    FaultClock {
        /// The PMU.
        instrument: usize,
        /// What is wrong.
        fault: sense::ClockFault,
        /// Whether it then is.
        on: bool,
    },
}

/// How a run is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// Buses whose voltages are recorded, in this order.
    pub buses: Vec<String>,
    /// Ticks from row to row.
    pub every: u64,
    /// Lowest and highest good voltage, per unit.
    pub limits_pu: [f64; 2],
    /// P–V curves that the report is to have.
    pub curves: Option<CurvesWanted>,
}

/// P–V curves that a report is to have.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvesWanted {
    /// Bus and nodes.
    pub at: Terminal,
    /// What is lost after the first curve, by name and place.
    pub outage: Option<(String, Branch)>,
    /// Points of the run by name, with the tick of each.
    pub points: Vec<(String, Tick)>,
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
    /// The name of every quantity there is, recorded or not; differences of two phasors are left out.
    pub fn quantity_names(&self) -> Vec<String> {
        Namespace::new(&self.feeder, &self.faults, &self.equipment, self.harmonics.as_ref()).all()
    }

    /// The nodes whose phasors an instrument sees for somebody, phase by phase, as `632.1`.
    pub fn nodes_of(&self, observed: &Observed) -> Vec<String> {
        let instrument = self.equipment.instruments.get(observed.instrument);
        let node = |[magnitude, _]: &[usize; 2]| {
            let quantity = self.quantities.get(*instrument?.quantities.get(*magnitude)?)?;
            match &quantity.measure {
                Measure::Voltage(node, _) => Some(format!("{}.{}", node.bus, node.number)),
                _ => None,
            }
        };
        observed.channels.iter().filter_map(node).collect()
    }

    /// Has a quantity recorded that may not be yet; `false` when there is none of that name.
    pub fn record(&mut self, name: &str) -> bool {
        let names = Namespace::new(&self.feeder, &self.faults, &self.equipment, self.harmonics.as_ref());
        let Some(quantity) = names.quantity(name) else { return false };
        if !self.quantities.contains(&quantity) {
            self.quantities.push(quantity);
        }
        true
    }

    /// Time of a tick on the clock, in s since midnight of the first day.
    pub fn clock_s(&self, tick: Tick) -> f64 {
        self.start_s + self.step.time_s(tick)
    }
}
