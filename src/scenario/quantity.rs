//! Quantities: what is known of each step, by name. The last part of a name is its unit.
//!
//! | name | what |
//! |---|---|
//! | `source.p_w`, `source.q_var` | power out of all sources |
//! | `losses.p_w`, `losses.q_var` | losses of lines, transformers and series reactors |
//! | `feeder.v_min_pu`, `.v_mean_pu`, `.v_max_pu` | over all phase nodes that something feeds |
//! | `feeder.out_of_limits_nodes`, `.de_energised_nodes` | how many phase nodes |
//! | `feeder.unserved_w` | what loads whose bus nothing feeds would draw |
//! | `feeder.loading_percent` | largest of all branches with a rating |
//! | `feeder.f_hz` | the sources' frequency |
//! | `solver.converged`, `.iterations`, `.mismatch_pu` | how the solution went |
//! | `REGULATOR.tap`, `BANK.steps` | where controls stand |
//! | `BUS.N.v_pu`, `.v_v`, `.angle_deg` | voltage of node N to ground |
//! | `BUS.N-BUS.N.v_pu`, `.v_v`, `.angle_deg` | difference of two phasors: its magnitude; of their angles, −180 to 180 |
//! | `BUS.unbalance_percent` | negative over positive sequence of nodes 1, 2, 3 |
//! | `line.NAME.i_a`, `.N.i_a`, `.p_w`, `.q_var`, `.loading_percent` | into the first terminal: the largest of all conductors, that of node N |
//! | `transformer.NAME.…`, `reactor.NAME.…`, `capacitor.NAME.…` | likewise |
//! | `fault.NAME.i_a`, `.N.i_a` | current out of the bus into a fault that an event makes |
//! | `DEVICE.p_w`, `.q_var`, `DEVICE.a.p_w`, `.a.q_var` | power that a device injects; through one of its phases |
//! | `INSTRUMENT.QUANTITY`, `INSTRUMENT.age_s` | its newest reading that has arrived, and how old that is |
//! | `PMU.a.v_pu`, `.a.angle_deg`, `.b.…`, `.c.…`, `PMU.sync` | its newest phasors that have arrived, in its own time; 1 while it calls itself synchronised |
//! | `transformer.NAME.hot_spot_c`, `.top_oil_c`, `.loss_of_life_h`, `.ageing_factor`, `.harmonic_loss_factor` | where its ageing is followed |
//!
//! [`super::quality`] has those of harmonics, [`super::phasor`] and [`super::supervisory`] those of phasor-based control.
//!
//! A quantity that does not exist at a step (a voltage difference of dead nodes, the loading of a branch without a rating)
//! is not a number there: it is left empty in the record.

use crate::feeder::Feeder;

use super::phasor::{Checked, Steered, Tied};
use super::plan::{Branch, FaultSite};
use super::quality::{self, Analysed, Emitted, Mitigated};
use super::supervisory::Planning;
use super::{Ageing, Device, DeviceKind, Equipment, Harmonics, Real, Seat};

/// A quantity, bound to the feeder.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// Its name: the column's in the record.
    pub name: String,
    /// What it is.
    pub measure: Measure,
}

/// What a quantity is. Nodes are named, since only the plant knows their places.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// One of [`FIXED`], by its place there.
    Fixed(usize),
    /// Tap of a regulator, in steps from neutral.
    Tap(usize),
    /// Closed steps of a capacitor bank.
    Steps(usize),
    /// Voltage of a node.
    Voltage(NodeRef, Part),
    /// Difference of the phasors of two nodes, the first less the second.
    Difference(NodeRef, NodeRef, Part),
    /// Negative over positive sequence of a bus's nodes 1, 2, 3, in percent.
    Unbalance(String),
    /// Current into an element's first terminal in A: of the conductor at a node, or the largest.
    Current(Element, Option<u16>),
    /// Active power into an element's first terminal in W.
    ActivePower(Element),
    /// Reactive power into an element's first terminal in var.
    ReactivePower(Element),
    /// Loading of a branch in percent of its rating.
    Loading(Branch),
    /// Active power in W that a load injects (the negative of what it draws).
    Injected(usize),
    /// Reactive power in var that a load injects.
    InjectedReactive(usize),
    /// Active power in W that a load injects through one of its phases.
    InjectedPhase(usize, usize),
    /// Reactive power in var that a load injects through one of its phases.
    InjectedReactivePhase(usize, usize),
    /// Newest reading of an instrument's channel that has arrived.
    Reading(usize, usize),
    /// Age of an instrument's newest reading in s.
    Age(usize),
    /// Harmonics of a node's voltage, per cent of the fundamental.
    Thd(NodeRef),
    /// One order of a node's voltage: in V, or per cent of the fundamental.
    Harmonic(NodeRef, u32, bool),
    /// One order of the current into an element's first terminal in A: of the conductor at a node, or the largest.
    HarmonicCurrent(Element, Option<u16>, u32),
    /// What a device emits.
    Emitted(usize, Emitted),
    /// What a device stores.
    Stored(usize, Stored),
    /// What an analyser says.
    Analysed(usize, Analysed),
    /// Of a mitigation.
    Mitigated(usize, Mitigated),
    /// Of a phasor controller.
    Steered(usize, Steered),
    /// Of a tie.
    Tied(usize, Tied),
    /// Of a check of phasor data.
    Checked(usize, Checked),
    /// Of an S-PBC.
    Planned(usize, Planning),
    /// Of a transformer whose ageing is followed.
    Aged(usize, Aged),
    /// Of a real device.
    Real(usize, Real),
}

/// What of a device's battery, all units together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Energy in kWh.
    Energy,
    /// State of charge in percent.
    Charge,
}

/// What of a transformer's ageing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aged {
    /// Hot spot in °C.
    HotSpot,
    /// Top oil in °C.
    TopOil,
    /// Life lost so far in h.
    Lost,
    /// How many times as fast as at the rated hot spot.
    Rate,
    /// Harmonic loss factor of its winding's eddy currents.
    LossFactor,
}

impl Aged {
    /// The name of each.
    pub const NAMES: [(&str, Self); 5] = [
        ("hot_spot_c", Self::HotSpot),
        ("top_oil_c", Self::TopOil),
        ("loss_of_life_h", Self::Lost),
        ("ageing_factor", Self::Rate),
        ("harmonic_loss_factor", Self::LossFactor),
    ];
}

/// A node of a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRef {
    /// Lower-case bus name.
    pub bus: String,
    /// Its number at the bus.
    pub number: u16,
}

/// What of a phasor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Magnitude, per unit of the (first) node's base.
    PerUnit,
    /// Magnitude in V.
    Volt,
    /// Angle in degrees.
    Angle,
}

/// An element with currents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// A branch.
    Branch(Branch),
    /// A capacitor bank.
    Capacitor(usize),
    /// A fault of the plan.
    Fault(usize),
}

/// Quantities of the network as a whole.
pub const FIXED: [&str; 15] = [
    "source.p_w",
    "source.q_var",
    "losses.p_w",
    "losses.q_var",
    "feeder.v_min_pu",
    "feeder.v_mean_pu",
    "feeder.v_max_pu",
    "feeder.out_of_limits_nodes",
    "feeder.de_energised_nodes",
    "solver.converged",
    "solver.iterations",
    "solver.mismatch_pu",
    "feeder.unserved_w",
    "feeder.loading_percent",
    "feeder.f_hz",
];

/// How many of [`FIXED`] every record has.
pub const ALWAYS: usize = 12;

/// What names can refer to.
pub(super) struct Namespace<'a> {
    pub(super) feeder: &'a Feeder,
    pub(super) faults: &'a [FaultSite],
    pub(super) equipment: &'a Equipment,
    pub(super) harmonics: Option<&'a Harmonics>,
    buses: indexmap::IndexMap<&'a str, Vec<u16>>,
}

impl<'a> Namespace<'a> {
    pub(super) fn new(
        feeder: &'a Feeder,
        faults: &'a [FaultSite],
        equipment: &'a Equipment,
        harmonics: Option<&'a Harmonics>,
    ) -> Self {
        Self { feeder, faults, equipment, harmonics, buses: feeder.bus_nodes() }
    }

    /// The quantity of a name; upper and lower case are the same.
    pub(super) fn quantity(&self, name: &str) -> Option<Quantity> {
        let name = name.to_lowercase();
        let measure = self.measure(&name)?;
        Some(Quantity { name, measure })
    }

    fn measure(&self, name: &str) -> Option<Measure> {
        if let Some(k) = FIXED.iter().position(|fixed| *fixed == name) {
            return Some(Measure::Fixed(k));
        }
        if let Some(measure) = self.of_equipment(name) {
            return Some(measure);
        }
        let (object, unit) = name.rsplit_once('.')?;
        match unit {
            "tap" => self.feeder.regulators.get_index_of(object).map(Measure::Tap),
            "steps" => self.feeder.capacitors.get_index_of(object).map(Measure::Steps),
            "unbalance_percent" => {
                let nodes = self.buses.get(object)?;
                (1..=3).all(|n| nodes.contains(&n)).then(|| Measure::Unbalance(object.to_owned()))
            }
            "v_pu" => self.voltage(object, Part::PerUnit),
            "v_v" => self.voltage(object, Part::Volt),
            "angle_deg" => self.voltage(object, Part::Angle),
            "i_a" => self.current(object),
            "p_w" => self.element(object).map(Measure::ActivePower),
            "q_var" => self.element(object).map(Measure::ReactivePower),
            "thd_percent" => self.harmonics.and(self.node(object)).map(Measure::Thd),
            "loading_percent" => match self.element(object)? {
                Element::Branch(branch) => Some(Measure::Loading(branch)),
                _ => None,
            },
            _ => self.ageing(object, unit).or_else(|| self.harmonic(object, unit)),
        }
    }

    fn ageing(&self, object: &str, unit: &str) -> Option<Measure> {
        let name = object.strip_prefix("transformer.")?;
        let place = self.equipment.ageing.iter().position(|own: &Ageing| own.name == name)?;
        Aged::NAMES.iter().find(|(own, _)| *own == unit).map(|&(_, what)| Measure::Aged(place, what))
    }

    /// Of an order that is solved.
    fn harmonic(&self, object: &str, unit: &str) -> Option<Measure> {
        let (order, unit) = quality::order(unit, &["v", "percent", "a"])?;
        let order = u32::try_from(order).ok()?;
        self.harmonics?.place(order)?;
        if unit != "a" {
            return self.node(object).map(|node| Measure::Harmonic(node, order, unit == "percent"));
        }
        match self.current(object)? {
            Measure::Current(element, number) => Some(Measure::HarmonicCurrent(element, number, order)),
            _ => None,
        }
    }

    /// Names of devices and instruments have no dot.
    fn of_equipment(&self, name: &str) -> Option<Measure> {
        let (own, rest) = name.split_once('.')?;
        let real = |(place, seat): (usize, &Seat)| {
            let what = Real::of(seat).find(|(what, _)| seat.name == own && *what == rest)?.1;
            Some(Measure::Real(place, what))
        };
        if let Some(measure) = self.equipment.seats.iter().enumerate().find_map(real) {
            return Some(measure);
        }
        if let Some((place, device)) = self.equipment.devices.iter().enumerate().find(|(_, device)| device.name == own)
        {
            return match rest {
                "p_w" => Some(Measure::Injected(device.load)),
                "q_var" => Some(Measure::InjectedReactive(device.load)),
                "energy_kwh" if device.battery().is_some() => Some(Measure::Stored(place, Stored::Energy)),
                "soc_percent" if device.battery().is_some() => Some(Measure::Stored(place, Stored::Charge)),
                _ => device.of_phase(rest).or_else(|| {
                    let emits = !matches!(device.kind, DeviceKind::Power { .. });
                    Emitted::of_name(rest).filter(|_| emits).map(|what| Measure::Emitted(place, what))
                }),
            };
        }
        if let Some(place) = self.equipment.analyser(own) {
            let analyser = self.equipment.analysers.get(place)?;
            return Analysed::of_name(rest, analyser).map(|what| Measure::Analysed(place, what));
        }
        if let Some(place) = self.equipment.mitigations.iter().position(|mitigation| mitigation.name == own) {
            let found = Mitigated::NAMES.iter().find(|(name, _)| *name == rest);
            return found.map(|&(_, what)| Measure::Mitigated(place, what));
        }
        if let Some(place) = self.equipment.phasor(own) {
            let own = self.equipment.phasors.get(place)?;
            return Steered::of_name(rest, &own.phases, &own.setting.law).map(|what| Measure::Steered(place, what));
        }
        if let Some(place) = self.equipment.ties.iter().position(|tie| tie.name == own) {
            let found = Tied::NAMES.iter().find(|(name, _)| *name == rest);
            return found.map(|&(_, what)| Measure::Tied(place, what));
        }
        if let Some(place) = self.equipment.checks.iter().position(|check| check.name == own) {
            let found = Checked::NAMES.iter().find(|(name, _)| *name == rest);
            return found.map(|&(_, what)| Measure::Checked(place, what));
        }
        if let Some(place) = self.equipment.supervisor(own) {
            return Planning::of_name(rest).map(|what| Measure::Planned(place, what));
        }
        let place = self.equipment.instrument(own)?;
        let instrument = self.equipment.instruments.get(place)?;
        match rest {
            "age_s" => Some(Measure::Age(place)),
            _ => instrument.channels.index(rest).map(|channel| Measure::Reading(place, channel)),
        }
    }

    fn voltage(&self, object: &str, part: Part) -> Option<Measure> {
        if let Some(node) = self.node(object) {
            return Some(Measure::Voltage(node, part));
        }
        // A bus may have a dash in its name: both sides must be nodes.
        let dashes = object.match_indices('-').map(|(k, _)| k);
        let mut pairs = dashes.filter_map(|k| Some((self.node(&object[..k])?, self.node(&object[k + 1..])?)));
        pairs.next().map(|(a, b)| Measure::Difference(a, b, part))
    }

    fn node(&self, name: &str) -> Option<NodeRef> {
        let (bus, number) = name.rsplit_once('.')?;
        let number = number.parse().ok()?;
        self.buses.get(bus)?.contains(&number).then(|| NodeRef { bus: bus.to_owned(), number })
    }

    fn current(&self, object: &str) -> Option<Measure> {
        if let Some(element) = self.element(object) {
            return Some(Measure::Current(element, None));
        }
        let (object, number) = object.rsplit_once('.')?;
        let number = number.parse().ok()?;
        let element = self.element(object)?;
        self.first_nodes(element).contains(&number).then_some(Measure::Current(element, Some(number)))
    }

    fn element(&self, object: &str) -> Option<Element> {
        let fault = || {
            let name = object.strip_prefix("fault.")?;
            self.faults.iter().position(|fault| fault.name == name).map(Element::Fault)
        };
        element(self.feeder, object).or_else(fault)
    }

    /// Node numbers at an element's first terminal.
    fn first_nodes(&self, element: Element) -> Vec<u16> {
        let of_bus = |bus: &str| self.buses.get(bus).cloned().unwrap_or_default();
        let feeder = self.feeder;
        match element {
            Element::Branch(Branch::Line(k)) => feeder.lines.get_index(k).map_or(Vec::new(), |(_, line)| {
                let strands = feeder.strands();
                let own = strands.iter().filter(|s| s.line == Some(k) && s.from.0 == line.from.bus);
                own.map(|s| s.from.1).collect()
            }),
            Element::Branch(Branch::Transformer(k)) => {
                let first = feeder.transformers.get_index(k).and_then(|(_, t)| t.windings.first());
                first.map_or(Vec::new(), |w| of_bus(&w.bus.bus))
            }
            Element::Branch(Branch::Reactor(k)) => {
                feeder.reactors.get_index(k).map_or(Vec::new(), |(_, r)| of_bus(&r.bus.bus))
            }
            Element::Capacitor(k) => feeder.capacitors.get_index(k).map_or(Vec::new(), |(_, c)| of_bus(&c.bus.bus)),
            Element::Fault(k) => self.faults.get(k).map_or(Vec::new(), |f| of_bus(&f.bus)),
        }
    }

    /// Every name there is, but for differences of phasors (one for each two nodes) and single orders.
    pub(super) fn all(&self) -> Vec<String> {
        let mut names: Vec<String> = FIXED.map(str::to_owned).into();
        names.extend(self.equipment.quantities());
        names.extend(self.feeder.regulators.keys().map(|name| format!("{name}.tap")));
        names.extend(self.feeder.capacitors.keys().map(|name| format!("{name}.steps")));
        for (bus, nodes) in &self.buses {
            for unit in ["v_pu", "v_v", "angle_deg"] {
                names.extend(nodes.iter().map(|n| format!("{bus}.{n}.{unit}")));
            }
            if self.harmonics.is_some() {
                names.extend(nodes.iter().map(|n| format!("{bus}.{n}.thd_percent")));
            }
            if (1..=3).all(|n| nodes.contains(&n)) {
                names.push(format!("{bus}.unbalance_percent"));
            }
        }
        let kinds = [
            ("line", self.feeder.lines.keys().collect::<Vec<_>>()),
            ("transformer", self.feeder.transformers.keys().collect()),
            ("reactor", self.feeder.reactors.keys().collect()),
            ("capacitor", self.feeder.capacitors.keys().collect()),
            ("fault", self.faults.iter().map(|f| &f.name).collect()),
        ];
        for (kind, elements) in kinds {
            for name in elements {
                let object = format!("{kind}.{name}");
                let nodes = self.element(&object).map(|element| self.first_nodes(element)).unwrap_or_default();
                names.push(format!("{object}.i_a"));
                names.extend(nodes.iter().map(|n| format!("{object}.{n}.i_a")));
                names.extend(["p_w", "q_var"].map(|unit| format!("{object}.{unit}")));
                if !matches!(kind, "capacitor" | "fault") {
                    names.push(format!("{object}.loading_percent"));
                }
            }
        }
        names
    }
}

impl Device {
    /// Power through one of its phases, as in `a.p_w`.
    fn of_phase(&self, name: &str) -> Option<Measure> {
        let (phase, what) = name.split_once('.')?;
        let phase = self.phases.iter().position(|own| own == phase)?;
        match what {
            "p_w" => Some(Measure::InjectedPhase(self.load, phase)),
            "q_var" => Some(Measure::InjectedReactivePhase(self.load, phase)),
            _ => None,
        }
    }
}

/// An element of the feeder by its kind and name, as in `line.650632`.
pub(super) fn element(feeder: &Feeder, object: &str) -> Option<Element> {
    let (kind, name) = object.split_once('.')?;
    match kind {
        "line" => feeder.lines.get_index_of(name).map(|k| Element::Branch(Branch::Line(k))),
        "transformer" => feeder.transformers.get_index_of(name).map(|k| Element::Branch(Branch::Transformer(k))),
        "reactor" => feeder.reactors.get_index_of(name).map(|k| Element::Branch(Branch::Reactor(k))),
        "capacitor" => feeder.capacitors.get_index_of(name).map(Element::Capacitor),
        _ => None,
    }
}

/// What every record holds, in this order: the fixed ones, taps, steps, voltages of the watched buses.
pub(crate) fn standard(feeder: &Feeder, watched: &[String], angles: bool) -> Vec<Quantity> {
    let fixed = FIXED.iter().take(ALWAYS).enumerate();
    let quantity = |name: String, measure: Measure| Quantity { name, measure };
    let mut all: Vec<Quantity> = fixed.map(|(k, name)| quantity((*name).to_owned(), Measure::Fixed(k))).collect();
    all.extend(feeder.regulators.keys().enumerate().map(|(k, name)| quantity(format!("{name}.tap"), Measure::Tap(k))));
    let banks = feeder.capacitors.keys().enumerate();
    all.extend(banks.map(|(k, name)| quantity(format!("{name}.steps"), Measure::Steps(k))));
    let buses = feeder.bus_nodes();
    let parts: &[(&str, Part)] =
        if angles { &[("v_pu", Part::PerUnit), ("angle_deg", Part::Angle)] } else { &[("v_pu", Part::PerUnit)] };
    for (unit, part) in parts {
        for bus in watched {
            for &number in buses.get(bus.as_str()).into_iter().flatten() {
                let node = NodeRef { bus: bus.clone(), number };
                all.push(quantity(format!("{bus}.{number}.{unit}"), Measure::Voltage(node, *part)));
            }
        }
    }
    all
}
