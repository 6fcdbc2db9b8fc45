//! What an event does: its names bound to places in the feeder.

use super::{Timeline, Written, equipment, pmu, quality};
use crate::diagnostic::Span;
use crate::diagnostic::yaml::Node;
use crate::feeder::{Fault, Terminal};
use crate::scenario::check::Checker;
use crate::scenario::read::{entry, key_span};
use crate::scenario::{
    Action, Added, AddedLoad, Demand, FaultEvent, FaultSite, LoadEvent, LostPhase, Sag, SourceEvent, SwitchState, Unit,
};

/// One thing that an event does.
pub(super) struct Effect {
    pub(super) action: Action,
    /// In words.
    pub(super) label: String,
    /// What ends it, and in words.
    pub(super) undo: Option<(Action, String)>,
    pub(super) span: Span,
}

impl Effect {
    pub(super) fn new(action: Action, label: impl Into<String>, span: Span) -> Self {
        Self { action, label: label.into(), undo: None, span }
    }

    pub(super) fn until(self, action: Action, label: impl Into<String>) -> Self {
        Self { undo: Some((action, label.into())), ..self }
    }
}

impl Timeline {
    /// What an event does; what is wrong with it is reported.
    pub(super) fn effects(&mut self, w: &Written, checker: &mut Checker) -> Vec<Effect> {
        let e = &w.event;
        let mut effects = Vec::new();
        if let Some(load) = &e.load {
            effects.extend(load_changes(load, w.node.get("load").unwrap_or(w.node), checker));
        }
        effects.extend(e.add_load.as_ref().and_then(|load| self.add_load(load, w, checker)));
        for (key, name, open) in [("open", &e.open, true), ("close", &e.close, false)] {
            effects.extend(name.as_ref().and_then(|name| switch(name, open, w.at(key), checker)));
        }
        effects.extend(e.lose_phase.as_ref().and_then(|lost| lose_phase(lost, w, checker)));
        effects.extend(e.lose.as_ref().and_then(|name| lose(name, w.at("lose"), checker)));
        effects.extend(taps(w, checker));
        effects.extend(capacitors(w, checker));
        if let Some(factor) = e.load_multiplier {
            checker.not_negative(factor, "load_multiplier", w.at("load_multiplier"));
            let label = format!("load multiplier {factor}");
            effects.push(Effect::new(Action::SetMultiplier { factor }, label, w.at("load_multiplier")));
        }
        effects.extend(scale_profiles(w, checker));
        effects.extend(e.source.as_ref().and_then(|source| set_source(source, w, checker)));
        effects.extend(e.sag.as_ref().and_then(|sag| voltage_sag(sag, w, checker)));
        effects.extend(e.frequency_hz.and_then(|f_hz| frequency(f_hz, w.at("frequency_hz"), checker)));
        effects.extend(e.fault.as_ref().and_then(|fault| self.fault(fault, w, checker)));
        effects.extend(e.device.as_ref().and_then(|device| equipment::set_device(device, w, checker)));
        effects.extend(e.target.as_ref().and_then(|target| equipment::set_target(target, w, checker)));
        effects.extend(e.set_point.as_ref().and_then(|event| equipment::set_head(event, w, checker)));
        if let Some(name) = &e.acknowledge {
            let span = w.at("acknowledge");
            let controller = checker.known_phasor(name, span);
            let effect =
                |controller| Effect::new(Action::Acknowledge { controller }, format!("{name} acknowledged"), span);
            effects.extend(controller.map(effect));
        }
        effects.extend(quality::emission(w, checker));
        effects.extend(quality::scale_background(w, checker));
        effects.extend(quality::active_filter(w, checker));
        effects.extend(e.communication.as_ref().and_then(|event| equipment::communication(event, w, checker)));
        effects.extend(e.sensor.as_ref().and_then(|event| equipment::sensor(event, w, checker)));
        effects.extend(e.pmu.as_ref().and_then(|event| pmu::clock(event, w, checker)));
        effects
    }

    fn add_load(&mut self, load: &AddedLoad, w: &Written, checker: &mut Checker) -> Option<Effect> {
        let inner = w.node.get("add_load").unwrap_or(w.node);
        let span = inner.get("bus").map_or(inner.span, |n| n.span);
        let nodes = checker.load_nodes(&load.bus, span)?;
        let index = checker.feeder.loads.len() + self.added.len();
        let name = format!("event-{}", self.added.len() + 1);
        let bus = Terminal::new(&load.bus.bus, &nodes);
        let [low, high] = load.band_pu;
        if !(0.0..1.0).contains(&low) || high <= 1.0 {
            let help = "write the lower voltage first, as in [0.95, 1.05]: 1 lies between them";
            checker.report("E0308", format!("a band from {low} to {high}"), w.at("add_load"), help);
        }
        self.added.push(Added { name, bus, band_pu: load.band_pu });
        let (p_kw, q_kvar) = (load.p_kw, load.q_kvar);
        self.demands.push(Demand { p_kw, q_kvar, scale: 1.0, shape: None, multiplied: false, connected: false });
        let connect = |connected| Action::ConnectLoad { load: index, connected };
        let effect = Effect::new(connect(true), format!("{p_kw:+} kW at {}", load.bus), span);
        Some(effect.until(connect(false), format!("{:+} kW at {}", -p_kw, load.bus)))
    }

    fn fault(&mut self, fault: &FaultEvent, w: &Written, checker: &mut Checker) -> Option<Effect> {
        let inner = w.node.get("fault").unwrap_or(w.node);
        let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
        let name = fault.name.as_ref().map_or_else(|| format!("fault{}", self.faults.len() + 1), |n| n.to_lowercase());
        if self.faults.iter().any(|site| site.name == name) {
            checker.report("E0309", format!("two faults are called {name:?}"), at("name"), "give each its own name");
            return None;
        }
        let bus = fault.bus.to_lowercase();
        let there = checker.bus_nodes(&bus, at("bus"))?;
        let phases = fault.phases.as_ref().map(|text| checker.phases(text, at("phases")));
        let nodes: Vec<u16> = match phases {
            Some(phases) => phases?.into_iter().map(|k| k as u16 + 1).collect(),
            None => there.iter().copied().filter(|n| *n <= 3).take(fault.kind.phases()).collect(),
        };
        if let Some(missing) = nodes.iter().find(|n| !there.contains(n)) {
            checker.report("E0305", format!("bus {bus:?} has no node {missing}"), at("phases"), "choose another phase");
            return None;
        }
        let made = Fault::new(fault.kind, &bus, &nodes, fault.r_ohm).and_then(|element| match fault.r_ground_ohm {
            Some(ground_ohm) => element.with_ground_ohm(ground_ohm),
            None => Ok(element),
        });
        let element = match made {
            Ok(element) => Fault { open: true, ..element },
            Err(error) => {
                let help = "write its phases as in phases: ab, and resistances in ohm, 0 for a bolted fault";
                checker.report("E0308", error.to_string(), inner.span, help);
                return None;
            }
        };
        let index = self.faults.len();
        // A slash is in no name that a user writes.
        let own = format!("event/{name}");
        self.fault_elements.insert(own.clone(), element);
        let words = format!("{} fault at {bus}", fault.kind.name().replace('_', " "));
        self.faults.push(FaultSite { name, bus, element: own });
        let action = |on| Action::Fault { fault: index, on };
        Some(Effect::new(action(true), words.clone(), at("bus")).until(action(false), format!("{words} cleared")))
    }
}

fn load_changes(load: &LoadEvent, inner: &Node, checker: &mut Checker) -> Vec<Effect> {
    let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
    let index = checker.load(&load.name, at("name"));
    let (p_kw, q_kvar) = (load.p_kw, load.q_kvar);
    if p_kw.is_none() && q_kvar.is_none() && load.scale.is_none() {
        let message = format!("the event leaves load {:?} as it is", load.name);
        checker.report("E0306", message, inner.span, "give p_kw, q_kvar or scale");
    }
    if let Some(scale) = load.scale {
        checker.not_negative(scale, "scale", at("scale"));
    }
    let Some(index) = index else { return Vec::new() };
    let scaled = load.scale.map(|scale| {
        let label = format!("load {} × {scale}", load.name);
        Effect::new(Action::ScaleLoad { load: index, scale }, label, at("name"))
    });
    let set = (p_kw.is_some() || q_kvar.is_some()).then(|| {
        let part = |value: Option<f64>, unit: &str| value.map(|x| format!(" {x} {unit}")).unwrap_or_default();
        let label = format!("load {}{}{}", load.name, part(p_kw, "kW"), part(q_kvar, "kvar"));
        Effect::new(Action::SetLoad { load: index, p_kw, q_kvar }, label, at("name"))
    });
    scaled.into_iter().chain(set).collect()
}

fn switch(name: &str, open: bool, span: Span, checker: &mut Checker) -> Option<Effect> {
    let branch = checker.branch(name, span)?;
    let words = |open| format!("{} {name}", if open { "open" } else { "close" });
    let effect = Effect::new(Action::Switch { branch, open }, words(open), span);
    Some(if open { effect.until(Action::Switch { branch, open: false }, format!("reclose {name}")) } else { effect })
}

fn lose_phase(lost: &LostPhase, w: &Written, checker: &mut Checker) -> Option<Effect> {
    let inner = w.node.get("lose_phase").unwrap_or(w.node);
    let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
    let line = checker.line(&lost.line, at("line"))?;
    let conductors = checker.conductors(line, &lost.phases, at("phases"))?;
    let action = |open| Action::SwitchPhases { line, phases: conductors, open };
    let words = |what: &str| format!("phase {} of {} {what}", lost.phases, lost.line);
    Some(Effect::new(action(true), words("lost"), inner.span).until(action(false), words("back")))
}

fn lose(name: &str, span: Span, checker: &mut Checker) -> Option<Effect> {
    let unit = checker.unit(name, span)?;
    if matches!(unit, Unit::Source(_)) && checker.feeder.sources.len() == 1 {
        let help = "with its only source lost nothing is left to solve: open the branch behind it instead";
        checker.report("E0305", format!("{name:?} is the feeder's only source"), span, help);
    }
    let action = |lost| Action::Lose { unit, lost };
    Some(Effect::new(action(true), format!("{name} lost"), span).until(action(false), format!("{name} back")))
}

fn taps(w: &Written, checker: &mut Checker) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (key, taps, by) in [("tap", &w.event.tap, false), ("move_tap", &w.event.move_tap, true)] {
        for (name, &value) in taps.iter().flatten() {
            let map = w.node.get(key).unwrap_or(w.node);
            let span = entry(map, &name.to_lowercase()).map_or(map.span, |n| n.span);
            let Some(regulator) = checker.regulator(name, key_span(map, name)) else { continue };
            if !by {
                checker.tap_in_range(regulator, value, span);
            }
            effects.push(match by {
                true => Effect::new(Action::MoveTap { regulator, by: value }, format!("{name} {value:+}"), span),
                false => Effect::new(Action::SetTap { regulator, tap: value }, format!("{name} to tap {value}"), span),
            });
        }
    }
    effects
}

fn capacitors(w: &Written, checker: &mut Checker) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (name, &state) in w.event.capacitor.iter().flatten() {
        let span = key_span(w.node.get("capacitor").unwrap_or(w.node), name);
        let Some(capacitor) = checker.capacitor(name, span) else { continue };
        let closed = state == SwitchState::Closed;
        let label = format!("{name} {}", if closed { "on" } else { "off" });
        effects.push(Effect::new(Action::SwitchCapacitor { capacitor, closed }, label, span));
    }
    effects
}

fn scale_profiles(w: &Written, checker: &mut Checker) -> Vec<Effect> {
    let mut effects = Vec::new();
    let map = w.node.get("scale_profile").unwrap_or(w.node);
    for (name, &factor) in w.event.scale_profile.iter().flatten() {
        let span = entry(map, &name.to_lowercase()).map_or(map.span, |n| n.span);
        checker.not_negative(factor, "factor", span);
        let Some(shape) = checker.profile(name, key_span(map, name)) else { continue };
        let label = format!("profile {name} × {factor}");
        effects.push(Effect::new(Action::ScaleShape { shape, factor }, label, span));
    }
    effects
}

fn set_source(event: &SourceEvent, w: &Written, checker: &mut Checker) -> Option<Effect> {
    let inner = w.node.get("source").unwrap_or(w.node);
    let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
    let (source, phases) = checker.source_phases(event.name.as_deref(), event.phases.as_deref(), inner)?;
    let (v_pu, angle_deg) = (event.v_pu, event.angle_deg);
    if v_pu.is_none() && angle_deg.is_none() {
        checker.report("E0306", "the event leaves the source as it is", inner.span, "give v_pu or angle_deg");
    }
    checker.not_negative(v_pu.unwrap_or(0.0), "v_pu", at("v_pu"));
    let part = |value: Option<f64>, unit: &str| value.map(|x| format!(" {x} {unit}")).unwrap_or_default();
    let on = event.phases.as_ref().map(|text| format!(" phase {text}")).unwrap_or_default();
    let label = format!("source{on}{}{}", part(v_pu, "pu"), part(angle_deg, "°"));
    let back = Action::SetSource { source, phases, v_pu: v_pu.map(|_| 1.0), angle_deg: angle_deg.map(|_| 0.0) };
    let effect = Effect::new(Action::SetSource { source, phases, v_pu, angle_deg }, label, inner.span);
    Some(effect.until(back, "source as before"))
}

fn voltage_sag(sag: &Sag, w: &Written, checker: &mut Checker) -> Option<Effect> {
    let inner = w.node.get("sag").unwrap_or(w.node);
    let at = inner.get("to").map_or(inner.span, |n| n.span);
    let (source, phases) = checker.source_phases(sag.source.as_deref(), sag.phases.as_deref(), inner)?;
    if !(0.0..1.0).contains(&sag.to) {
        let help = "`to` is the share of the voltage that is left, from 0 to below 1";
        checker.report("E0308", format!("a sag to {} of the voltage", sag.to), at, help);
    }
    let action = |to| Action::Sag { source, phases, to };
    let label = format!("sag to {:.0} %", sag.to * 100.0);
    Some(Effect::new(action(sag.to), label, inner.span).until(action(1.0), "end of the sag"))
}

fn frequency(f_hz: f64, span: Span, checker: &mut Checker) -> Option<Effect> {
    let nominal = checker.feeder.frequency_hz;
    if !(0.5 * nominal..=1.5 * nominal).contains(&f_hz) {
        let help = format!("the feeder's is {nominal} Hz: from half to one and a half of it can be run");
        checker.report("E0308", format!("a frequency of {f_hz} Hz"), span, &help);
        return None;
    }
    let effect = Effect::new(Action::SetFrequency { f_hz }, format!("{f_hz} Hz"), span);
    Some(effect.until(Action::SetFrequency { f_hz: nominal }, format!("{nominal} Hz")))
}
