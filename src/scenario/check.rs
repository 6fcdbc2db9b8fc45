//! Meaning: names that exist, times that are ticks, values that make sense – each finding at its place.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::events::{Timeline, Written};
use super::expect;
use super::quantity::{self, Namespace};
use super::read::{entry, key_span};
use super::{
    Action, Branch, Buses, Course, Demand, Equipment, Harmonics, Outputs, Phases, Plan, Quantity, Scenario, ShapeClass,
    SwitchState, Watch,
};
use crate::diagnostic::yaml::{Node, Value};
use crate::diagnostic::{Diagnostic, Span, nearest};
use crate::feeder::{ControlMode, Feeder, Generator, Load, LoadStatus};
use crate::link::description::Description;
use crate::quantity::{Step, Tick};

/// Most steps of one run.
const MOST_STEPS: u64 = 1 << 40;

pub(super) struct Checker<'a> {
    pub(super) root: &'a Node,
    pub(super) place: Span,
    pub(super) feeder: &'a Feeder,
    pub(super) found: &'a mut Vec<Diagnostic>,
    /// Names of profiles and of the feeder's shapes, in the order of the plan's shapes.
    pub(super) profiles: Vec<String>,
    pub(super) equipment: Equipment,
    /// Feeders that controllers have for a model, by the controller's name.
    pub(super) models: IndexMap<String, Feeder>,
    /// Folders of the files in which controllers are written, by the controller's name.
    pub(super) folders: IndexMap<String, PathBuf>,
    /// Descriptions of real devices, by the name of what they replace.
    pub(super) described: IndexMap<String, Arc<Description>>,
    /// Records that stand in for devices: where the file is, by how it is written.
    pub(super) replays: IndexMap<String, PathBuf>,
    /// Harmonics, when there are any.
    pub(super) harmonics: Option<Harmonics>,
    /// Length of a step, where it is known.
    pub(super) step: Option<Step>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(root: &'a Node, place: Span, feeder: &'a Feeder, found: &'a mut Vec<Diagnostic>) -> Self {
        Self {
            root,
            place,
            feeder,
            found,
            profiles: Vec::new(),
            equipment: Equipment::default(),
            models: IndexMap::new(),
            folders: IndexMap::new(),
            described: IndexMap::new(),
            replays: IndexMap::new(),
            harmonics: None,
            step: None,
        }
    }

    /// The plan, as far as it can be made; no inputs stand where the reader puts its own.
    pub(super) fn plan(
        &mut self,
        s: &Scenario,
        profiles: IndexMap<String, Option<Course>>,
        outputs: &Outputs,
        written: &[Written],
        expected: &[expect::Written],
    ) -> Option<Plan> {
        let time = self.time(s);
        self.step = time.map(|(step, _)| step);
        self.not_negative(s.load_multiplier.unwrap_or(1.0), "load_multiplier", self.at("load_multiplier"));
        let shapes = self.shapes(profiles);
        let mut demands = self.demands(s, &shapes);
        let initial = self.initial(s);
        let devices = self.equip(s);
        self.ageing(s);
        self.harmonics = self.harmonics(s);
        let mut timeline = Timeline::new(written, devices, time, self);
        demands.append(&mut timeline.demands);
        demands.extend(self.generators(s.feeder_shapes, &shapes));
        self.warn_of_shapes(s.feeder_shapes);
        let watch = self.watch(outputs, time);
        let mut quantities = self.quantities(outputs, &watch, &mut timeline);
        let controls = s.controls.unwrap_or_else(|| self.controls());
        let mut context = expect::Context { time, controls, timeline: &timeline, quantities: &mut quantities };
        let expectations = self.expectations(expected, &mut context);
        let (step, last) = time?;
        let mut feeder = self.feeder.clone();
        feeder.faults.extend(timeline.fault_elements);
        Some(Plan {
            name: self.name(s),
            title: s.title.clone().unwrap_or_else(|| s.scenario.clone()),
            seed: s.seed,
            feeder,
            step,
            last,
            start_s: self.start(s),
            controls,
            load_multiplier: s.load_multiplier.unwrap_or(self.feeder.solve.load_multiplier),
            shapes: shapes.into_values().map(Option::unwrap_or_default).collect(),
            demands,
            added: timeline.added,
            initial,
            events: timeline.events,
            triggers: timeline.triggers,
            faults: timeline.faults,
            equipment: std::mem::take(&mut self.equipment),
            harmonics: self.harmonics.take(),
            quantities,
            expectations,
            watch,
            vary: Vec::new(),
            inputs: Vec::new(),
        })
    }

    /// All that is recorded: what always is, what the outputs name, what conditions need.
    fn quantities(&mut self, outputs: &Outputs, watch: &Watch, timeline: &mut Timeline) -> Vec<Quantity> {
        let mut all = quantity::standard(self.feeder, &watch.buses, outputs.angles);
        let (unbound, harmonics) = (self.equipment.clone(), self.harmonics.clone());
        let names = Namespace::new(self.feeder, &timeline.faults, &unbound, harmonics.as_ref());
        self.equipment = self.bind_equipment(&mut all, &names, timeline.actions());
        let node = self.root.get("outputs").and_then(|o| o.get("quantities"));
        let items = node.map(Node::items).unwrap_or_default();
        for (k, name) in outputs.quantities.iter().enumerate() {
            let span = items.get(k).map_or(self.place, |n| n.span);
            bind(name, span, &names, &mut all, self.found);
        }
        for (trigger, name, span) in std::mem::take(&mut timeline.conditions) {
            let place = bind(&name, span, &names, &mut all, self.found);
            if let Some((trigger, place)) = timeline.triggers.get_mut(trigger).zip(place) {
                trigger.quantity = place;
            }
        }
        all
    }

    pub(super) fn report(&mut self, code: &'static str, message: impl Into<String>, span: Span, help: &str) {
        self.found.push(Diagnostic::error(code, message).at(span).help(help));
    }

    /// The place of a top-level key's value.
    fn at(&self, key: &str) -> Span {
        self.root.get(key).map_or(self.place, |node| node.span)
    }

    /// The place of an entry of a top-level mapping.
    fn at_entry(&self, key: &str, name: &str) -> Span {
        self.root.get(key).and_then(|map| entry(map, name)).map_or_else(|| self.at(key), |node| node.span)
    }

    /// The name is a folder's name, too.
    fn name(&mut self, s: &Scenario) -> String {
        let good = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let name = &s.scenario;
        if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(good) {
            let help = "use letters, digits, _ and -: results go to a folder of this name; a `title` may say anything";
            self.report("E0302", format!("{name:?} cannot be a scenario's name"), self.at("scenario"), help);
        }
        name.clone()
    }

    fn start(&mut self, s: &Scenario) -> f64 {
        self.not_negative(s.start_s, "start_s", self.at("start_s"));
        s.start_s
    }

    fn controls(&self) -> ControlMode {
        match self.feeder.solve.controls {
            Some(ControlMode::Off) => ControlMode::Off,
            _ => ControlMode::Time,
        }
    }

    /// Step and last tick. What is not a number has been reported and tells nothing more.
    fn time(&mut self, s: &Scenario) -> Option<(Step, Tick)> {
        for key in ["step_s", "duration_s"] {
            let number = self.root.get(key).and_then(|node| match &node.value {
                Value::Number(text) => text.parse::<f64>().ok(),
                _ => None,
            });
            number.filter(|x| x.is_finite())?;
        }
        let span = self.at("duration_s");
        if s.duration_s <= 0.0 {
            self.report("E0303", format!("a duration of {} s", s.duration_s), span, "give a positive duration");
        }
        let Some(step) = Step::from_seconds(s.step_s) else {
            let help = "a step is positive, a whole number of nanoseconds and at most a year";
            self.report("E0303", format!("a step of {} s", s.step_s), self.at("step_s"), help);
            return None;
        };
        if s.duration_s <= 0.0 {
            return None;
        }
        match step.tick_at(s.duration_s) {
            Some(last) if last.0 >= 1 && last.0 <= MOST_STEPS => Some((step, last)),
            Some(last) if last.0 > MOST_STEPS => {
                let message = format!("{} s are {} steps of {} s", s.duration_s, last.0, s.step_s);
                self.report("E0303", message, span, "a run has at most 2^40 steps");
                None
            }
            _ => {
                let message = format!("{} s is not a whole number of steps of {} s", s.duration_s, s.step_s);
                let whole = (s.duration_s / s.step_s).round().max(1.0) * s.step_s;
                self.report("E0303", message, span, &format!("the nearest is {whole} s"));
                None
            }
        }
    }

    /// The tick of an event.
    pub(super) fn tick(&mut self, at_s: f64, step: Step, last: Tick, span: Span) -> Option<Tick> {
        let end_s = step.time_s(last);
        let help = format!("the run lasts from 0 to {end_s} s; times are counted from its start");
        if at_s < 0.0 {
            self.report("E0304", format!("an event at {at_s} s is in the past"), span, &help);
            return None;
        }
        if at_s > end_s {
            self.report("E0304", format!("an event at {at_s} s comes after the end"), span, &help);
            return None;
        }
        let tick = step.tick_at(at_s);
        if tick.is_none() {
            let step_s = step.seconds();
            let before = (at_s / step_s).floor() * step_s;
            let message = format!("an event at {at_s} s falls between two steps of {step_s} s");
            let help = format!("write {before} or {}, or choose a shorter step_s", before + step_s);
            self.report("E0304", message, span, &help);
        }
        tick
    }

    /// Something that lasts a whole number of steps, at least one.
    pub(super) fn ticks_in(&mut self, seconds: f64, step: Step, span: Span) -> Option<u64> {
        let ticks = step.tick_at(seconds).filter(|ticks| ticks.0 >= 1);
        if ticks.is_none() {
            let message = format!("{seconds} s is not a whole number of steps of {} s", step.seconds());
            self.report("E0303", message, span, "things begin and end on steps");
        }
        ticks.map(|ticks| ticks.0)
    }

    pub(super) fn not_negative(&mut self, value: f64, key: &str, span: Span) {
        if value < 0.0 {
            self.report("E0308", format!("`{key}` is {value}"), span, "it cannot be negative");
        }
    }

    /// Profiles, then the shapes of the feeder, by name; `None` for a profile that is broken.
    fn shapes(&mut self, profiles: IndexMap<String, Option<Course>>) -> IndexMap<String, Option<Course>> {
        let mut shapes = profiles;
        for (name, shape) in &self.feeder.shapes {
            if shapes.contains_key(name) {
                let message = format!("profile {name:?} has the name of a shape of the feeder");
                let span = self.at_entry("profiles", name);
                self.report("E0309", message, span, "give it another name: which of them a load means must be clear");
            }
            shapes.entry(name.clone()).or_insert_with(|| Some(Course::Points(shape.clone())));
        }
        self.profiles = shapes.keys().cloned().collect();
        shapes
    }

    fn demands(&mut self, s: &Scenario, shapes: &IndexMap<String, Option<Course>>) -> Vec<Demand> {
        let general = s.load_shape.as_ref().and_then(|name| self.shape(name, shapes, self.at("load_shape")));
        let mut own = IndexMap::new();
        for (name, setting) in &s.loads {
            let node = self.root.get("loads").and_then(|map| entry(map, name));
            let at = |key: &str| node.and_then(|n| n.get(key)).or(node).map_or(self.place, |n| n.span);
            let (at_profile, at_scale) = (at("profile"), at("scale"));
            self.load(name, self.key_of("loads", name));
            self.not_negative(setting.scale, "scale", at_scale);
            let shape = setting.profile.as_ref().and_then(|name| self.shape(name, shapes, at_profile));
            own.insert(name.as_str(), (shape, setting.scale));
        }
        let demand = |(name, load): (&String, &Load)| {
            let followed = followed(s.feeder_shapes, [&load.daily, &load.yearly, &load.duty]);
            let feeder_shape = followed.and_then(|name| shapes.get_index_of(name));
            let varies = load.status != LoadStatus::Fixed;
            let (own_shape, scale) = own.get(name.as_str()).copied().unwrap_or((None, 1.0));
            let multiplied = load.status == LoadStatus::Variable;
            let shape = own_shape.or_else(|| general.or(feeder_shape).filter(|_| varies));
            Demand { p_kw: load.p_kw, q_kvar: load.q_kvar, scale, shape, multiplied, connected: true }
        };
        self.feeder.loads.iter().map(demand).collect()
    }

    /// What generators draw: the negative of what they feed in.
    fn generators(&self, class: ShapeClass, shapes: &IndexMap<String, Option<Course>>) -> Vec<Demand> {
        let demand = |g: &Generator| {
            let name = followed(class, [&g.daily, &g.yearly, &g.duty]).filter(|_| !g.fixed);
            let shape = name.and_then(|name| shapes.get_index_of(name));
            Demand { p_kw: -g.p_kw, q_kvar: -g.q_kvar, scale: 1.0, shape, multiplied: false, connected: true }
        };
        self.feeder.generators.values().map(demand).collect()
    }

    /// Photovoltaic systems and storages stay as they are in a run.
    fn warn_of_shapes(&mut self, class: ShapeClass) {
        let pv = self.feeder.pv_systems.iter().map(|(name, pv)| (name, [&pv.daily, &pv.yearly, &pv.duty]));
        let storages = self.feeder.storages.iter().map(|(name, s)| (name, [&s.daily; 3]));
        let names: Vec<&str> = pv
            .chain(storages)
            .filter(|(_, shapes)| followed(class, *shapes).is_some())
            .map(|(n, _)| n.as_str())
            .collect();
        if !names.is_empty() {
            let message = format!("shapes of photovoltaic systems and storages are not followed: {}", names.join(", "));
            let help = "they stay as the feeder describes them; `feeder_shapes: none` says so without this warning";
            self.found.push(Diagnostic::warning("W0311", message).at(self.at("feeder")).help(help));
        }
    }

    /// The place of the key of an entry.
    fn key_of(&self, map: &str, name: &str) -> Span {
        self.root.get(map).map_or(self.place, |node| key_span(node, name))
    }

    fn shape(&mut self, name: &str, shapes: &IndexMap<String, Option<Course>>, span: Span) -> Option<usize> {
        let index = shapes.get_index_of(&name.to_lowercase());
        if index.is_none() {
            self.unknown("E0309", "profile", name, shapes.keys(), span);
        }
        index
    }

    fn initial(&mut self, s: &Scenario) -> Vec<Action> {
        let mut actions = Vec::new();
        for (name, &tap) in &s.taps {
            let (key, span) = (self.key_of("taps", name), self.at_entry("taps", name));
            if let Some(regulator) = self.regulator(name, key) {
                self.tap_in_range(regulator, tap, span);
                actions.push(Action::SetTap { regulator, tap });
            }
        }
        for (name, &state) in &s.capacitors {
            if let Some(capacitor) = self.capacitor(name, self.key_of("capacitors", name)) {
                actions.push(Action::SwitchCapacitor { capacitor, closed: state == SwitchState::Closed });
            }
        }
        for (name, &state) in &s.lines {
            if let Some(line) = self.line(name, self.key_of("lines", name)) {
                actions.push(Action::Switch { branch: Branch::Line(line), open: state == SwitchState::Open });
            }
        }
        for (name, setting) in &s.sources {
            let Some(node) = self.root.get("sources").and_then(|map| entry(map, name)) else { continue };
            self.not_negative(setting.v_pu, "v_pu", node.get("v_pu").map_or(node.span, |n| n.span));
            let Some(source) = self.feeder.sources.get_index_of(name) else {
                self.unknown("E0305", "source", name, self.feeder.sources.keys(), self.key_of("sources", name));
                continue;
            };
            let (v_pu, angle_deg) = (Some(setting.v_pu), Some(setting.angle_deg));
            actions.push(Action::SetSource { source, phases: Phases(u64::MAX), v_pu, angle_deg });
        }
        actions
    }

    fn watch(&mut self, outputs: &Outputs, time: Option<(Step, Tick)>) -> Watch {
        let node = self.root.get("outputs");
        let at = |key: &str| node.and_then(|n| n.get(key)).or(node).map_or(self.place, |n| n.span);
        let (at_limits, at_every) = (at("limits_pu"), at("every_s"));
        let [low, high] = outputs.limits_pu;
        if !(0.0 <= low && low < high) {
            let help = "write the lower limit first, as in [0.95, 1.05]";
            self.report("E0308", format!("limits from {low} to {high}"), at_limits, help);
        }
        Watch {
            buses: self.watched(outputs),
            every: time.map_or(1, |(step, last)| self.every(outputs, step, last, at_every)),
            limits_pu: outputs.limits_pu,
            curves: outputs.pv.as_ref().and_then(|own| self.curves(own, time)),
        }
    }

    fn every(&mut self, outputs: &Outputs, step: Step, last: Tick, span: Span) -> u64 {
        let Some(every_s) = outputs.every_s else { return 1 };
        match step.tick_at(every_s).filter(|tick| tick.0 >= 1) {
            Some(every) if every <= last => every.0,
            Some(_) => {
                let message = format!("with a row every {every_s} s, nothing would be recorded");
                self.report("E0303", message, span, "the run is shorter than that");
                1
            }
            None => {
                let message = format!("{every_s} s is not a whole number of steps of {} s", step.seconds());
                self.report("E0303", message, span, "rows are written on steps");
                1
            }
        }
    }

    fn watched(&mut self, outputs: &Outputs) -> Vec<String> {
        let all: Vec<String> = self.feeder.bus_nodes().keys().map(|bus| (*bus).to_owned()).collect();
        let Buses::These(names) = &outputs.voltages else { return all };
        let items = self.root.get("outputs").and_then(|o| o.get("voltages")).map(Node::items).unwrap_or_default();
        let mut watched: Vec<String> = Vec::new();
        for (k, name) in names.iter().enumerate() {
            let span = items.get(k).map_or(self.place, |n| n.span);
            if !all.contains(name) {
                self.unknown("E0305", "bus", name, all.iter(), span);
            } else if watched.contains(name) {
                self.report("E0309", format!("bus {name:?} is listed twice"), span, "once is enough");
            } else {
                watched.push(name.clone());
            }
        }
        watched
    }
}

/// The place of a quantity among those the plan has, added if it is a new one.
pub(super) fn bind(
    name: &str,
    span: Span,
    names: &Namespace,
    all: &mut Vec<Quantity>,
    found: &mut Vec<Diagnostic>,
) -> Option<usize> {
    let Some(quantity) = names.quantity(name) else {
        let finding = Diagnostic::error("E0314", format!("there is no quantity {name:?}")).at(span);
        let known = names.all();
        found.push(match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => finding.help(format!("did you mean {near:?}?")),
            None => finding.help("`phasorbench quantities SCENARIO` lists what there is"),
        });
        return None;
    };
    Some(all.iter().position(|known| *known == quantity).unwrap_or_else(|| {
        all.push(quantity);
        all.len() - 1
    }))
}

/// Which of an element's daily, yearly and duty shape is followed; daily stands in for what is missing.
fn followed(class: ShapeClass, [daily, yearly, duty]: [&Option<String>; 3]) -> Option<&String> {
    match class {
        ShapeClass::Daily => daily.as_ref(),
        ShapeClass::Yearly => yearly.as_ref().or(daily.as_ref()),
        ShapeClass::Duty => duty.as_ref().or(daily.as_ref()),
        ShapeClass::None => None,
    }
}
