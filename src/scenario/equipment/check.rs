//! From `devices`, `instruments` and `controllers` of the file to [`Equipment`]; what is wrong is reported.

use super::{Controller, Device, DeviceKind, Equipment, Instrument, Link};
use crate::device::{Limits, Priority};
use crate::diagnostic::yaml::Node;
use crate::diagnostic::{Diagnostic, Span, nearest};
use crate::feeder::Terminal;
use crate::scenario::check::{Checker, bind};
use crate::scenario::quantity::Namespace;
use crate::scenario::read::{entry, key_span};
use crate::scenario::{
    Action, Added, ControllerSetting, Demand, DeviceSetting, InstrumentSetting, Measure, MeterSetting, PowerSetting,
    PrioritySetting, Quantity, Scenario,
};
use crate::sense;
use crate::signal::{Channels, Line};

/// The keys, in the order in which their names are looked at.
const MAPS: [&str; 3] = ["devices", "instruments", "controllers"];
/// Names that begin quantities of something else.
const TAKEN: [&str; 9] =
    ["source", "losses", "feeder", "solver", "line", "transformer", "reactor", "capacitor", "fault"];
/// Most frames under way on one line.
const MOST_UNDER_WAY: usize = 100_000;
/// Band of voltage in which a device's power is what it is told, per unit; beyond, it is an impedance as a load is.
const BAND_PU: [f64; 2] = [0.7, 1.3];

/// The place of an entry's key, as `entry.kind.key`.
pub(super) struct Spots<'n> {
    node: Option<&'n Node>,
    place: Span,
}

impl<'n> Spots<'n> {
    pub(super) fn of(root: &'n Node, place: Span, map: &str, name: &str, kind: Option<&str>) -> Self {
        let own = root.get(map).and_then(|map| entry(map, name));
        let inner = kind.and_then(|kind| own.and_then(|node| node.get(kind)));
        Self { node: inner.or(own), place: own.map_or(place, |node| node.span) }
    }

    pub(super) fn at(&self, key: &str) -> Span {
        self.node.and_then(|node| node.get(key)).or(self.node).map_or(self.place, |node| node.span)
    }

    /// The place of a key of a mapping.
    pub(super) fn within(&self, map: &str, key: &str) -> Span {
        self.node.and_then(|node| node.get(map)).map_or_else(|| self.at(map), |node| key_span(node, key))
    }

    /// The place of an item of a list.
    pub(super) fn item(&self, key: &str, index: usize) -> Span {
        let items = self.node.and_then(|node| node.get(key)).map(Node::items).unwrap_or_default();
        items.get(index).map_or_else(|| self.at(key), |node| node.span)
    }
}

/// What phases at these nodes are called.
pub(super) fn phase_names(nodes: &[u16]) -> Vec<String> {
    let name = |node: &u16| match node {
        1 => "a".to_owned(),
        2 => "b".to_owned(),
        3 => "c".to_owned(),
        _ => node.to_string(),
    };
    nodes.iter().map(name).collect()
}

impl Checker<'_> {
    /// Everything but quantities; devices come with the loads that stand for them.
    pub(in crate::scenario) fn equip(&mut self, s: &Scenario) -> (Vec<Added>, Vec<Demand>) {
        self.equipment_names();
        let (mut added, mut demands) = (Vec::new(), Vec::new());
        for (name, setting) in &s.devices {
            let (device, bus) = match setting {
                DeviceSetting::Power(setting) => self.device(name, setting),
                DeviceSetting::Inverter(setting) => self.inverter(name, setting),
                DeviceSetting::ActiveFilter(setting) => self.active_filter(name, setting),
            };
            // A slash is in no name that a user writes.
            added.push(Added { name: format!("device/{name}"), bus, band_pu: BAND_PU });
            demands.push(Demand { p_kw: 0.0, q_kvar: 0.0, shape: None, ..device.set_point });
            self.equipment.devices.push(device);
        }
        for (name, setting) in &s.instruments {
            match setting {
                InstrumentSetting::Meter(setting) => {
                    let instrument = self.meter(name, setting);
                    self.equipment.instruments.push(instrument);
                }
                InstrumentSetting::Pmu(setting) => {
                    let instrument = self.pmu(name, setting);
                    self.equipment.instruments.extend(instrument);
                }
                InstrumentSetting::PowerQuality(setting) => {
                    let analyser = self.analyser(name, setting);
                    self.equipment.analysers.extend(analyser);
                }
            }
        }
        for (name, setting) in &s.controllers {
            match setting {
                ControllerSetting::Droop(setting) => {
                    let controller = self.droop(name, setting);
                    self.equipment.controllers.extend(controller);
                }
                ControllerSetting::Tie(_) | ControllerSetting::Consistency(_) => {}
                ControllerSetting::Phasor(setting) => {
                    let phasor = self.phasor(name, setting);
                    self.equipment.phasors.extend(phasor);
                }
                ControllerSetting::Mitigation(setting) => {
                    let mitigation = self.mitigation(name, setting);
                    self.equipment.mitigations.extend(mitigation);
                }
                // Its L-PBCs may be written after it.
                ControllerSetting::Supervisory(_) => {}
            }
        }
        for (name, setting) in &s.controllers {
            // Once the L-PBC that they may lead are known.
            if let ControllerSetting::Tie(setting) = setting {
                let tie = self.tie(name, setting);
                self.equipment.ties.extend(tie);
            }
            if let ControllerSetting::Consistency(setting) = setting {
                let check = self.consistency(name, setting);
                self.equipment.checks.extend(check);
            }
        }
        self.seats(s);
        self.share_time();
        self.supervisors(s);
        self.one_owner_each();
        (added, demands)
    }

    /// Devices, instruments and controllers share their names, which begin those of quantities.
    fn equipment_names(&mut self) {
        let mut seen: Vec<(String, Span)> = Vec::new();
        for key in MAPS.iter().flat_map(|map| self.root.get(map).map(Node::entries).unwrap_or_default()).map(|(k, _)| k)
        {
            let name = key.name.to_lowercase();
            let good = |c: char| c.is_alphanumeric() || "_-".contains(c);
            if name.is_empty() || !name.chars().all(good) || TAKEN.contains(&name.as_str()) {
                let help = "use letters, digits, _ and -; not source, losses, feeder, solver or a kind of element: \
                            names of quantities begin with it";
                let message = format!("{:?} cannot be the name of a device, instrument or controller", key.name);
                self.report("E0330", message, key.span, help);
            }
            // Two of one kind have been reported by the reader.
            if let Some((_, first)) =
                seen.iter().find(|(other, span)| *other == name && !self.same_map(*span, key.span))
            {
                let message = format!("{:?} is the name of two things", key.name);
                let help = "devices, instruments and controllers share their names: give each its own";
                self.found
                    .push(Diagnostic::error("E0330", message).at(key.span).help(help).related(*first, "the first"));
            }
            seen.push((name, key.span));
        }
    }

    fn same_map(&self, a: Span, b: Span) -> bool {
        let within = |map: &Node, span: Span| map.entries().iter().any(|(key, _)| key.span == span);
        MAPS.iter().filter_map(|map| self.root.get(map)).any(|map| within(map, a) && within(map, b))
    }

    fn device(&mut self, name: &str, s: &PowerSetting) -> (Device, Terminal) {
        let spots = Spots::of(self.root, self.place, "devices", name, Some("power"));
        let nodes = self.device_nodes(&s.bus, s.phases.as_deref(), &spots).unwrap_or_default();
        self.not_negative(s.response_s, "response_s", spots.at("response_s"));
        let asked_kva = s.p_kw.hypot(s.q_kvar);
        if s.s_kva <= 0.0 {
            let help = "give its rated apparent power in kVA";
            self.report("E0331", format!("`s_kva` is {}", s.s_kva), spots.at("s_kva"), help);
        } else if asked_kva > s.s_kva * (1.0 + 1e-9) {
            let message = format!("a set-point of {asked_kva:.3} kVA is beyond a rating of {} kVA", s.s_kva);
            self.report("E0331", message, spots.at("s_kva"), "p_kw² + q_kvar² is at most s_kva²");
        }
        for (ramp, key, unit) in
            [(s.ramp_kw_per_s, "ramp_kw_per_s", "kW/s"), (s.ramp_kvar_per_s, "ramp_kvar_per_s", "kvar/s")]
        {
            if ramp.is_some_and(|ramp| ramp <= 0.0) {
                let help = format!("give {unit}; without this key nothing limits it");
                self.report("E0308", "the ramp is not positive", spots.at(key), &help);
            }
        }
        let dead_time = self.dead_time(s.delay_s, spots.at("delay_s"));
        let shape = s.profile.as_ref().and_then(|profile| self.profile(profile, spots.at("profile")));
        let limits = Limits {
            s_va: s.s_kva * 1000.0,
            ramp_w_per_s: s.ramp_kw_per_s.map_or(f64::INFINITY, |kw| kw * 1000.0),
            ramp_var_per_s: s.ramp_kvar_per_s.map_or(f64::INFINITY, |kvar| kvar * 1000.0),
            response_s: s.response_s,
            priority: match s.priority {
                PrioritySetting::Reactive => Priority::Reactive,
                PrioritySetting::Active => Priority::Active,
            },
        };
        let set_point =
            Demand { p_kw: s.p_kw, q_kvar: s.q_kvar, scale: 1.0, shape, multiplied: false, connected: true };
        let load = self.feeder.loads.len() + self.equipment.devices.len();
        let battery = self.battery(s.storage.as_ref(), &spots);
        let (kind, phases) = (DeviceKind::Power { dead_time, battery }, phase_names(&nodes));
        (Device { name: name.to_owned(), load, set_point, phases, limits, kind }, Terminal::new(&s.bus.bus, &nodes))
    }

    /// Ticks of a device's dead time.
    fn dead_time(&mut self, delay_s: f64, span: Span) -> usize {
        let ticks = self.ticks_or_none(delay_s, "delay_s", span);
        if ticks > MOST_UNDER_WAY as u64 {
            let message = format!("more than {MOST_UNDER_WAY} set-points would be under way at once");
            self.report("E0303", message, span, "choose a shorter delay");
            return 0;
        }
        usize::try_from(ticks).unwrap_or(0)
    }

    pub(super) fn device_nodes(&mut self, bus: &Terminal, phases: Option<&str>, spots: &Spots) -> Option<Vec<u16>> {
        let Some(text) = phases else { return self.load_nodes(bus, spots.at("bus")) };
        if !bus.nodes.is_empty() {
            let message = format!("{bus} has nodes, and `phases` says them, too");
            self.report("E0306", message, spots.at("phases"), "remove one of them");
        }
        let phases = self.phases(text, spots.at("phases"))?;
        let nodes: Vec<u16> = (1..=3).filter(|n| phases.contains(&(usize::from(*n) - 1))).collect();
        self.load_nodes(&Terminal::new(&bus.bus, &nodes), spots.at("bus"))
    }

    fn meter(&mut self, name: &str, s: &MeterSetting) -> Instrument {
        let spots = Spots::of(self.root, self.place, "instruments", name, Some("meter"));
        let every = self.period(s.every_s, spots.at("every_s"));
        let delay = self.ticks_or_none(s.delay_s, "delay_s", spots.at("delay_s"));
        self.room_for(every, delay, spots.at("delay_s"));
        self.not_negative(s.noise, "noise", spots.at("noise"));
        self.not_negative(s.resolution, "resolution", spots.at("resolution"));
        if s.measures.is_empty() {
            self.report(
                "E0332",
                "the meter measures nothing",
                spots.at("measures"),
                "list quantities, as in [634.1.v_pu]",
            );
        }
        let mut names: Vec<String> = Vec::new();
        for (k, quantity) in s.measures.iter().enumerate() {
            let quantity = quantity.to_lowercase();
            if names.contains(&quantity) {
                let message = format!("{quantity:?} is measured twice");
                self.report("E0309", message, spots.item("measures", k), "once is enough");
            }
            names.push(quantity);
        }
        let settings = sense::Settings { every, delay, ..sense::Settings::default() };
        let accuracy = sense::Accuracy { noise: s.noise.max(0.0), resolution: s.resolution.max(0.0) };
        let (kind, channels) = (sense::Kind::Meter(accuracy), Channels::new(names));
        Instrument { name: name.to_owned(), quantities: Vec::new(), channels, settings, kind, nodes: Vec::new() }
    }

    pub(super) fn actuators(&mut self, names: &[String], spots: &Spots) -> Vec<usize> {
        if names.is_empty() {
            self.report(
                "E0332",
                "the controller commands nothing",
                spots.at("actuators"),
                "list devices, as in [ev634]",
            );
        }
        let mut actuators: Vec<usize> = Vec::new();
        for (k, name) in names.iter().enumerate() {
            let span = spots.item("actuators", k);
            let Some(device) = self.known_device(name, span) else { continue };
            if actuators.contains(&device) {
                self.report("E0309", format!("device {name:?} is listed twice"), span, "once is enough");
            } else {
                actuators.push(device);
            }
        }
        actuators
    }

    /// No two controllers command the same power of a device.
    fn one_owner_each(&mut self) {
        for k in 1..self.equipment.controllers.len() {
            let (before, rest) = self.equipment.controllers.split_at(k);
            let Some(own) = rest.first() else { continue };
            let same = |other: &&Controller| {
                other.law == own.law && other.actuators.iter().any(|device| own.actuators.contains(device))
            };
            let Some(other) = before.iter().find(same) else { continue };
            let shared = other.actuators.iter().find(|device| own.actuators.contains(device));
            let device = shared.and_then(|&k| self.equipment.devices.get(k)).map_or("", |d| &d.name);
            let message = format!("controllers {:?} and {:?} both command {device:?}", other.name, own.name);
            let name = own.name.clone();
            let at = Spots::of(self.root, self.place, "controllers", &name, None).at("actuators");
            self.report("E0332", message, at, "one controller for each power of a device: take it out of one of them");
        }
        self.one_phasor_owner_each();
    }

    /// A device that a phasor controller commands has no other master.
    fn one_phasor_owner_each(&mut self) {
        let e = &self.equipment;
        let droops = e.controllers.iter().map(|own| (own.name.clone(), own.actuators.clone()));
        let of = |own: &super::Phasor| own.actuators.iter().map(|own| own.device).collect::<Vec<_>>();
        let planned = |own: &super::Supervisory| {
            let mut devices: Vec<usize> = own.actuators.iter().map(|own| own[0]).collect();
            devices.dedup();
            (own.name.clone(), devices)
        };
        let dispatched = e.supervisors.iter().filter(|own| own.setting.dispatch).map(planned);
        let phasors = e.phasors.iter().map(|own| (own.name.clone(), of(own)));
        let owners: Vec<(String, Vec<usize>)> = droops.chain(phasors).chain(dispatched).collect();
        for (k, (name, devices)) in owners.iter().enumerate().skip(self.equipment.controllers.len()) {
            let shared = |(other, others): &(String, Vec<usize>)| {
                let device = others.iter().find(|device| devices.contains(device))?;
                Some((other.clone(), *device))
            };
            let Some((other, device)) = owners.iter().take(k).find_map(shared) else { continue };
            let device = self.equipment.devices.get(device).map_or("", |own| &own.name);
            let message = format!("controllers {other:?} and {name:?} both command {device:?}");
            let at = Spots::of(self.root, self.place, "controllers", name, None).at("actuators");
            self.report(
                "E0332",
                message,
                at,
                "a phasor controller commands all of a device: take it out of one of them",
            );
        }
    }

    pub(in crate::scenario) fn known_phasor(&mut self, name: &str, span: Span) -> Option<usize> {
        let place = self.equipment.phasor(&name.to_lowercase());
        if place.is_none() && self.equipment.link(&name.to_lowercase()).is_some() {
            let message = format!("{name:?} is no phasor controller");
            self.report("E0334", message, span, "name one with the law of an L-PBC");
        } else if place.is_none() {
            let names = self.equipment.phasors.iter().map(|own| own.name.clone()).collect();
            self.no_such("phasor controller", &["controllers"], name, names, span);
        }
        place
    }

    pub(in crate::scenario) fn known_supervisor(&mut self, name: &str, span: Span) -> Option<usize> {
        let place = self.equipment.supervisor(&name.to_lowercase());
        if place.is_none() && self.equipment.link(&name.to_lowercase()).is_some() {
            self.report("E0334", format!("{name:?} is no S-PBC"), span, "name one with `law: s_pbc`");
        } else if place.is_none() {
            let names = self.equipment.supervisors.iter().map(|own| own.name.clone()).collect();
            self.no_such("S-PBC", &["controllers"], name, names, span);
        }
        place
    }

    pub(in crate::scenario) fn known_device(&mut self, name: &str, span: Span) -> Option<usize> {
        let place = self.equipment.device(&name.to_lowercase());
        if place.is_none() {
            let names = self.equipment.devices.iter().map(|d| d.name.clone()).collect();
            self.no_such("device", &["devices"], name, names, span);
        }
        place
    }

    pub(in crate::scenario) fn known_instrument(&mut self, name: &str, span: Span) -> Option<usize> {
        let place = self.equipment.instrument(&name.to_lowercase());
        if place.is_none() {
            let names = self.equipment.instruments.iter().map(|i| i.name.clone()).collect();
            self.no_such("instrument", &["instruments"], name, names, span);
        }
        place
    }

    pub(in crate::scenario) fn known_link(&mut self, name: &str, span: Span) -> Option<Link> {
        let link = self.equipment.link(&name.to_lowercase());
        if link.is_none() {
            let instruments = self.equipment.instruments.iter().map(|i| i.name.clone());
            let controllers = self.equipment.controllers.iter().map(|c| c.name.clone());
            let mitigations = self.equipment.mitigations.iter().map(|c| c.name.clone());
            let phasors = self.equipment.phasors.iter().map(|c| c.name.clone());
            let supervisors = self.equipment.supervisors.iter().map(|c| c.name.clone());
            let names = instruments.chain(controllers).chain(mitigations).chain(phasors).chain(supervisors).collect();
            self.no_such("instrument or controller", &["instruments", "controllers"], name, names, span);
        }
        link
    }

    /// Whether a device is written in the file, sound or not.
    pub(in crate::scenario) fn is_written(&self, map: &str, name: &str) -> bool {
        self.root.get(map).is_some_and(|map| entry(map, &name.to_lowercase()).is_some())
    }

    pub(in crate::scenario) fn no_such(
        &mut self,
        what: &str,
        maps: &[&str],
        name: &str,
        known: Vec<String>,
        span: Span,
    ) {
        // An entry with mistakes of its own has been reported.
        if maps.iter().any(|map| self.is_written(map, name)) {
            return;
        }
        let help = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None if known.is_empty() => "the scenario has none".to_owned(),
            None => {
                format!("the names are {}", known.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", "))
            }
        };
        self.report("E0334", format!("there is no {what} {name:?}"), span, &help);
    }

    pub(super) fn period(&mut self, every_s: Option<f64>, span: Span) -> u64 {
        let Some((every_s, step)) = every_s.zip(self.step) else { return 1 };
        self.ticks_in(every_s, step, span).unwrap_or(1)
    }

    /// A time of a whole number of steps, none at all included.
    pub(in crate::scenario) fn ticks_or_none(&mut self, seconds: f64, key: &str, span: Span) -> u64 {
        if seconds < 0.0 {
            self.not_negative(seconds, key, span);
            return 0;
        }
        let Some(step) = self.step.filter(|_| seconds > 0.0) else { return 0 };
        self.ticks_in(seconds, step, span).unwrap_or(0)
    }

    pub(super) fn room_for(&mut self, every: u64, delay: u64, span: Span) {
        if Line::room(every, delay) > MOST_UNDER_WAY {
            let message = format!("more than {MOST_UNDER_WAY} readings would be under way at once");
            self.report("E0303", message, span, "choose a shorter delay, or a longer every_s");
        }
    }

    /// Binds what instruments measure, and makes room for the longest delays that actions bring.
    pub(in crate::scenario) fn bind_equipment(
        &mut self,
        all: &mut Vec<Quantity>,
        names: &Namespace,
        actions: impl Iterator<Item = Action>,
    ) -> Equipment {
        let mut equipment = self.equipment.clone();
        for instrument in &mut equipment.instruments {
            let (kind, key) = match instrument.kind {
                sense::Kind::Meter(_) => ("meter", "measures"),
                sense::Kind::Pmu(_) => ("pmu", "bus"),
            };
            let spots = Spots::of(self.root, self.place, "instruments", &instrument.name, Some(kind));
            for (k, name) in instrument.inputs().iter().enumerate() {
                let span = spots.item(key, k);
                let Some(place) = bind(name, span, names, all, self.found) else { continue };
                if matches!(all.get(place).map(|q| &q.measure), Some(Measure::Reading(..) | Measure::Age(_))) {
                    let help = "name the quantity that the other one measures";
                    self.report("E0332", "an instrument measures an instrument", span, help);
                }
                instrument.quantities.push(place);
            }
        }
        // A name that is taken stands for something else, and has been reported.
        for quantity in equipment.recorded().iter().filter_map(|name| names.quantity(name)) {
            if !all.contains(&quantity) {
                all.push(quantity);
            }
        }
        for action in actions {
            let Action::DelayLink { link, ticks } = action else { continue };
            match link {
                Link::Instrument(k) => {
                    if let Some(own) = equipment.instruments.get_mut(k) {
                        own.settings.most_extra = own.settings.most_extra.max(ticks);
                    }
                }
                Link::Controller(k) => {
                    if let Some(own) = equipment.controllers.get_mut(k) {
                        own.most_extra = own.most_extra.max(ticks);
                    }
                }
                Link::Phasor(k) => {
                    if let Some(own) = equipment.phasors.get_mut(k) {
                        own.most_extra = own.most_extra.max(ticks);
                    }
                }
                // It waits as long as it takes.
                Link::Supervisory(_) => {}
                Link::Mitigation(k) => {
                    if let Some(own) = equipment.mitigations.get_mut(k) {
                        own.most_extra = own.most_extra.max(ticks);
                    }
                }
            }
        }
        equipment
    }

    /// Whether so long a delay can be had on a line.
    pub(in crate::scenario) fn room_on(&mut self, link: Link, ticks: u64, span: Span) {
        let (every, delay) = match link {
            Link::Instrument(k) => self
                .equipment
                .instruments
                .get(k)
                .map_or((1, 0), |i| (i.settings.every, i.settings.delay.saturating_add(i.settings.jitter))),
            Link::Controller(k) => self.equipment.controllers.get(k).map_or((1, 1), |c| (c.every, 1)),
            Link::Phasor(k) => self.equipment.phasors.get(k).map_or((1, 1), |c| (c.every, c.delay)),
            Link::Mitigation(_) | Link::Supervisory(_) => (1, 1),
        };
        self.room_for(every, delay.saturating_add(ticks), span);
    }
}
