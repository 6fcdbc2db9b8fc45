//! Devices, instruments and controllers of a plan: every name is bound to a place, every time to ticks.

mod amplifier;
mod analyser;
mod check;
mod clock;
mod consistency;
mod droop;
mod filter;
mod inverter;
mod metered;
mod phasor;
mod pmu;
mod seat;
mod served;
mod storage;
mod supervisory;
mod tie;

pub use analyser::Analyser;
pub use clock::Follow;
pub use consistency::{Consistency, PowerMeter};
pub use metered::Tells;
pub use phasor::{Actuated, Observed, Phasor, PhasorSpots};
pub use seat::{At, Reading, Real, Replaced, Seat};
pub use served::Service;
pub(in crate::scenario) use served::place as served_place;
pub use supervisory::Supervisory;
pub use tie::Tie;

use super::phasor::{Checked, Steered, Tied};
use super::quality::{Analysed, Mitigated};
use super::quantity::{Aged, NodeRef};
use super::supervisory::Planning;
use super::{ActiveFilterSetting, AgeingSetting, Demand, Element, Law, MitigationSetting};
use crate::signal::Channels;
use crate::{control, device, sense};

/// What stands in the network beside what the feeder describes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Equipment {
    /// The devices. Each is one of the plan's added loads: the first of them, in this order.
    pub devices: Vec<Device>,
    /// The instruments.
    pub instruments: Vec<Instrument>,
    /// The droops.
    pub controllers: Vec<Controller>,
    /// The power-quality analysers.
    pub analysers: Vec<Analyser>,
    /// The phasor controllers.
    pub phasors: Vec<Phasor>,
    /// The gates of ties.
    pub ties: Vec<Tie>,
    /// The checks of phasor data.
    pub checks: Vec<Consistency>,
    /// The S-PBCs.
    pub supervisors: Vec<Supervisory>,
    /// The mitigations.
    pub mitigations: Vec<Mitigation>,
    /// Transformers whose ageing is followed.
    pub ageing: Vec<Ageing>,
    /// Real devices in the place of simulated ones.
    pub seats: Vec<Seat>,
    /// Sources that follow a real PMU.
    pub follows: Vec<Follow>,
}

/// A transformer whose ageing is followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Ageing {
    /// Its name.
    pub name: String,
    /// Its place among the feeder's.
    pub transformer: usize,
    /// What it is like.
    pub setting: AgeingSetting,
}

/// Controllable power, whatever it is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Its place among the plan's demands.
    pub load: usize,
    /// Its own set-point; injected power is positive.
    pub set_point: Demand,
    /// Its phases, as `a` for node 1; a node beyond 3 is called by its number.
    pub phases: Vec<String>,
    /// What it can do, all its units and phases together.
    pub limits: device::Limits,
    /// What it is.
    pub kind: DeviceKind,
}

impl Device {
    /// Names of its quantities, but for single orders; with those of its phases, or without.
    fn quantities(&self, by_phase: bool) -> impl Iterator<Item = String> {
        let emitted: &[&str] = match self.kind {
            DeviceKind::Power { .. } | DeviceKind::ActiveFilter(_) => &[],
            DeviceKind::Inverter(_) => &["soc_percent", "switching_hz", "compensation_percent"],
        };
        let stored: &[&str] = match (&self.kind, self.battery()) {
            (DeviceKind::Inverter(_), Some(_)) => &["energy_kwh"],
            (_, Some(_)) => &["soc_percent", "energy_kwh"],
            (_, None) => &[],
        };
        let own = emitted.iter().chain(stored).copied();
        let all = ["p_w", "q_var"].into_iter().chain(own).map(String::from);
        let phases = self.phases.iter().filter(move |_| by_phase);
        let by_phase = phases.flat_map(|phase| ["p_w", "q_var"].map(|what| format!("{phase}.{what}")));
        all.chain(by_phase).map(|what| format!("{}.{what}", self.name))
    }
}

/// What a device is.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceKind {
    /// Power, and nothing but power.
    Power {
        /// Ticks from a set-point to its effect.
        dead_time: usize,
        /// The battery behind it.
        battery: Option<device::Battery>,
    },
    /// Inverters. The plant fills in what it knows: its voltage, the run's orders.
    Inverter(Box<device::inverter::Settings>),
    /// An active filter.
    ActiveFilter(Box<ActiveFilter>),
}

/// An active filter, as written.
#[derive(Clone, Debug, PartialEq)]
pub struct ActiveFilter {
    /// What it is like.
    pub setting: ActiveFilterSetting,
    /// Whose current it cancels.
    pub cancels: Vec<Flow>,
}

/// A mitigation with its connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Mitigation {
    /// Its name.
    pub name: String,
    /// The analyser that it listens to.
    pub analyser: usize,
    /// The inverters that it commands.
    pub actuators: Vec<usize>,
    /// The inverter that may probe, and the ticks for which each sign stands.
    pub probe: Option<(usize, u64)>,
    /// Ticks by which its commands may arrive later than usual, at most.
    pub most_extra: u64,
    /// What it is like, as written.
    pub setting: MitigationSetting,
}

/// What carries a current that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// What a device injects.
    Device(usize),
    /// What flows into an element's first terminal.
    Element(Element),
}

/// A meter or a PMU.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    /// Its name.
    pub name: String,
    /// The quantities behind its channels, as places in [`super::Plan::quantities`]; behind a PMU's last one, the frequency.
    pub quantities: Vec<usize>,
    /// Its channels: a meter's by its quantities' names; `a.v_pu`, `a.angle_deg` and so on, then `sync`, of a PMU.
    pub channels: Channels,
    /// When it samples, and when that arrives.
    pub settings: sense::Settings,
    /// What it is.
    pub kind: sense::Kind,
    /// The nodes whose voltage phasors a PMU measures, in the order of its channels; none of a meter.
    pub nodes: Vec<NodeRef>,
}

/// A control law with its connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Controller {
    /// Its name.
    pub name: String,
    /// What it commands.
    pub law: Law,
    /// The instrument it sees.
    pub instrument: usize,
    /// The devices it commands.
    pub actuators: Vec<usize>,
    /// Ticks from step to step.
    pub every: u64,
    /// Ticks by which its commands may arrive later than usual, at most.
    pub most_extra: u64,
    /// The law's parameters.
    pub settings: control::Settings,
}

/// What sends something over a line that can fail, by its place in [`Equipment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Readings of an instrument.
    Instrument(usize),
    /// Commands of a controller.
    Controller(usize),
    /// Commands of a mitigation.
    Mitigation(usize),
    /// Commands of a phasor controller.
    Phasor(usize),
    /// What an S-PBC finds.
    Supervisory(usize),
}

impl Equipment {
    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.devices.is_empty()
            && self.instruments.is_empty()
            && self.controllers.is_empty()
            && self.analysers.is_empty()
    }

    /// Whether something of it emits harmonics or looks at them.
    pub fn needs_harmonics(&self) -> bool {
        !self.analysers.is_empty() || self.devices.iter().any(|device| !matches!(device.kind, DeviceKind::Power { .. }))
    }

    /// The name of a real device that is not in the bench itself, if there is one.
    pub fn outside(&self) -> Option<&str> {
        self.seats.iter().find(|own| matches!(own.at, At::Address(_))).map(|own| own.name.as_str())
    }

    /// The place of an analyser.
    pub fn analyser(&self, name: &str) -> Option<usize> {
        self.analysers.iter().position(|own| own.name == name)
    }

    /// The place of a device.
    pub fn device(&self, name: &str) -> Option<usize> {
        self.devices.iter().position(|own| own.name == name)
    }

    /// The place of an instrument.
    pub fn instrument(&self, name: &str) -> Option<usize> {
        self.instruments.iter().position(|own| own.name == name)
    }

    /// The line of an instrument or a controller.
    pub fn link(&self, name: &str) -> Option<Link> {
        let controller = || self.controllers.iter().position(|own| own.name == name).map(Link::Controller);
        let mitigation = || self.mitigations.iter().position(|own| own.name == name).map(Link::Mitigation);
        let phasor = || self.phasor(name).map(Link::Phasor);
        let supervisory = || self.supervisor(name).map(Link::Supervisory);
        let instrument = self.instrument(name).map(Link::Instrument);
        instrument.or_else(controller).or_else(mitigation).or_else(phasor).or_else(supervisory)
    }

    /// The place of a phasor controller.
    pub fn phasor(&self, name: &str) -> Option<usize> {
        self.phasors.iter().position(|own| own.name == name)
    }

    /// The place of an S-PBC.
    pub fn supervisor(&self, name: &str) -> Option<usize> {
        self.supervisors.iter().position(|own| own.name == name)
    }

    /// Names of quantities that devices and instruments have.
    pub fn quantities(&self) -> Vec<String> {
        self.names(|_| true)
    }

    /// Names of those that are always recorded: of phases, where something commands them.
    pub fn recorded(&self) -> Vec<String> {
        let planned = self.supervisors.iter().flat_map(|own| &own.actuators).map(|own| own[0]);
        let commanded = self.phasors.iter().flat_map(|own| &own.actuators).map(|own| own.device);
        let commanded: Vec<usize> = commanded.chain(planned).collect();
        self.names(|device| commanded.contains(&device))
    }

    fn names(&self, by_phase: impl Fn(usize) -> bool) -> Vec<String> {
        let devices = self.devices.iter().enumerate().flat_map(|(k, own)| own.quantities(by_phase(k)));
        let readings = self.instruments.iter().flat_map(|i| {
            let channels = i.channels.names().iter().map(|channel| format!("{}.{channel}", i.name));
            channels.chain([format!("{}.age_s", i.name)])
        });
        let mitigated = self
            .mitigations
            .iter()
            .flat_map(|own| Mitigated::NAMES.iter().map(|(what, _)| format!("{}.{what}", own.name)));
        let steered = self.phasors.iter().flat_map(|own| {
            Steered::names(&own.phases, &own.setting.law).into_iter().map(|what| format!("{}.{what}", own.name))
        });
        let tied = self.ties.iter().flat_map(|own| Tied::NAMES.iter().map(|(what, _)| format!("{}.{what}", own.name)));
        let checked =
            self.checks.iter().flat_map(|own| Checked::NAMES.iter().map(|(what, _)| format!("{}.{what}", own.name)));
        let planned = self
            .supervisors
            .iter()
            .flat_map(|own| Planning::NAMES.iter().map(|(what, _)| format!("{}.{what}", own.name)));
        let aged = self
            .ageing
            .iter()
            .flat_map(|own| Aged::NAMES.iter().map(|(what, _)| format!("transformer.{}.{what}", own.name)));
        let analysed = self
            .analysers
            .iter()
            .flat_map(|own| Analysed::names(own).into_iter().map(|name| format!("{}.{name}", own.name)));
        let real = self.seats.iter().flat_map(|own| Real::of(own).map(|(what, _)| format!("{}.{what}", own.name)));
        let controlled = steered.chain(tied).chain(checked).chain(planned);
        devices.chain(readings).chain(analysed).chain(mitigated).chain(controlled).chain(aged).chain(real).collect()
    }
}
