//! Events: from entries of the file to actions on ticks.

use super::check::Checker;
use super::read::{entry, key_span};
use super::{Action, Added, Demand, Event, Planned, SwitchState};
use crate::diagnostic::yaml::{self, Node};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::{Named, Terminal};
use crate::quantity::{Step, Tick};

/// An event as written, and where.
pub(super) struct Written<'a> {
    event: Event,
    node: &'a Node,
}

/// Keys of an event, exactly one of which says what happens.
const ACTIONS: [&str; 8] = ["load", "add_load", "open", "close", "tap", "move_tap", "capacitor", "load_multiplier"];

/// Reads every entry of `events` on its own.
pub(super) fn read<'a>(root: &'a Node, found: &mut Vec<Diagnostic>) -> Vec<Written<'a>> {
    let Some(events) = root.get("events") else { return Vec::new() };
    if !matches!(events.value, yaml::Value::Seq(_) | yaml::Value::Null) {
        let help = "write a list, one event a line, as in - {at_s: 60, open: \"671692\"}";
        found.push(Diagnostic::error("E0008", "events are not a list").at(events.span).help(help));
    }
    let mut read = |node: &'a Node| Some(Written { event: yaml::read(node, node.span, found)?, node });
    events.items().iter().filter_map(&mut read).collect()
}

/// What an event acts upon, to tell events that contradict each other.
#[derive(PartialEq)]
enum Target {
    LoadPower(usize),
    LoadScale(usize),
    Line(usize),
    Tap(usize),
    Capacitor(usize),
    Multiplier,
}

/// What events come to.
#[derive(Default)]
pub(super) struct Timeline {
    pub(super) events: Vec<Planned>,
    pub(super) added: Vec<Added>,
    pub(super) demands: Vec<Demand>,
    targets: Vec<(Tick, Target, Span)>,
}

impl Timeline {
    /// Binds all events; what is wrong with them is reported.
    pub(super) fn new(written: &[Written], step: Step, last: Tick, checker: &mut Checker) -> Self {
        let mut timeline = Self::default();
        for w in written {
            let (_, at) = (w.event.at_s, w.node.get("at_s").map_or(w.node.span, |n| n.span));
            let tick = checker.tick(w.event.at_s, step, last, at);
            timeline.bind(w, tick, step, last, checker);
        }
        // Stable: events of one tick stay in the order written.
        timeline.events.sort_by_key(|event| event.tick);
        timeline
    }

    /// `tick` is `None` when the time is wrong: the rest of the event is looked at all the same.
    fn bind(&mut self, w: &Written, tick: Option<Tick>, step: Step, last: Tick, checker: &mut Checker) {
        let e = &w.event;
        let keys: Vec<&(yaml::Key, Node)> =
            w.node.entries().iter().filter(|(key, _)| ACTIONS.contains(&key.name.as_str())).collect();
        if let Some(fault) = one_action(w.node, &keys) {
            checker.found.push(fault);
        }
        let at = |key: &str| w.node.get(key).map_or(w.node.span, |n| n.span);
        if let Some(load) = &e.load {
            self.load(load, w.node, tick, checker);
        }
        if let Some(load) = &e.add_load {
            self.add_load(load, w, tick, (step, last), checker);
        }
        if let Some(line) = &e.open {
            let index = self.switch(line, true, at("open"), tick, checker);
            self.reclose(e, index, (step, last), at("reclose_after_s"), checker);
        } else if e.reclose_after_s.is_some() {
            let message = "`reclose_after_s` without `open`";
            checker.report("E0306", message, at("reclose_after_s"), "say which line opens: open: NAME");
        }
        if let Some(line) = &e.close {
            self.switch(line, false, at("close"), tick, checker);
        }
        self.taps(e, w.node, tick, checker);
        if let Some(banks) = &e.capacitor {
            self.capacitors(banks, w.node, tick, checker);
        }
        if let Some(factor) = e.load_multiplier {
            checker.not_negative(factor, "load_multiplier", at("load_multiplier"));
            let label = format!("load multiplier {factor}");
            self.push(tick, Action::SetMultiplier { factor }, label, at("load_multiplier"), checker);
        }
    }

    fn load(&mut self, load: &super::LoadEvent, node: &Node, tick: Option<Tick>, checker: &mut Checker) {
        let Some(inner) = node.get("load") else { return };
        let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
        let index = checker.load(&load.name, at("name"));
        if let Some(scale) = load.scale {
            checker.not_negative(scale, "scale", at("scale"));
            if let Some(load_index) = index {
                let label = format!("load {} × {scale}", load.name);
                self.push(tick, Action::ScaleLoad { load: load_index, scale }, label, at("name"), checker);
            }
        }
        let (p_kw, q_kvar) = (load.p_kw, load.q_kvar);
        if p_kw.is_none() && q_kvar.is_none() && load.scale.is_none() {
            let message = format!("the event leaves load {:?} as it is", load.name);
            checker.report("E0306", message, inner.span, "give p_kw, q_kvar or scale");
        }
        if let Some(index) = index.filter(|_| p_kw.is_some() || q_kvar.is_some()) {
            let part = |value: Option<f64>, unit: &str| value.map(|x| format!(" {x} {unit}")).unwrap_or_default();
            let label = format!("load {}{}{}", load.name, part(p_kw, "kW"), part(q_kvar, "kvar"));
            self.push(tick, Action::SetLoad { load: index, p_kw, q_kvar }, label, at("name"), checker);
        }
    }

    fn add_load(
        &mut self,
        load: &super::AddedLoad,
        written: &Written,
        tick: Option<Tick>,
        (step, last): (Step, Tick),
        checker: &mut Checker,
    ) {
        let inner = written.node.get("add_load");
        let at = |key: &str| inner.and_then(|n| n.get(key)).or(inner).map_or(written.node.span, |n| n.span);
        let span = at("bus");
        let Some(nodes) = checker.load_nodes(&load.bus, span) else { return };
        let index = checker.feeder.loads.len() + self.added.len();
        let name = format!("event-{}", self.added.len() + 1);
        self.added.push(Added { name, bus: Terminal::new(&load.bus.bus, &nodes) });
        let (p_kw, q_kvar) = (load.p_kw, load.q_kvar);
        let demand = Demand { p_kw, q_kvar, scale: 1.0, shape: None, multiplied: false, connected: false };
        self.demands.push(demand);
        let label = format!("{p_kw:+} kW at {}", load.bus);
        self.push(tick, Action::ConnectLoad { load: index, connected: true }, label, span, checker);
        let Some(end) = self.end(written.event.at_s, load.for_s, (step, last), at("for_s"), checker) else { return };
        let label = format!("{:+} kW at {}", -p_kw, load.bus);
        self.push(Some(end), Action::ConnectLoad { load: index, connected: false }, label, span, checker);
    }

    /// The tick at which something that lasts a while ends.
    fn end(
        &mut self,
        at_s: f64,
        for_s: Option<f64>,
        (step, last): (Step, Tick),
        span: Span,
        checker: &mut Checker,
    ) -> Option<Tick> {
        let for_s = for_s?;
        if for_s <= 0.0 {
            checker.report("E0303", format!("something that lasts {for_s} s"), span, "give a positive time");
            return None;
        }
        checker.tick(at_s + for_s, step, last, span)
    }

    fn switch(
        &mut self,
        line: &str,
        open: bool,
        span: Span,
        tick: Option<Tick>,
        checker: &mut Checker,
    ) -> Option<usize> {
        let index = checker.line(line, span)?;
        let label = format!("{} {line}", if open { "open" } else { "close" });
        self.push(tick, Action::SwitchLine { line: index, open }, label, span, checker);
        Some(index)
    }

    fn reclose(
        &mut self,
        event: &Event,
        line: Option<usize>,
        (step, last): (Step, Tick),
        span: Span,
        checker: &mut Checker,
    ) {
        let tick = self.end(event.at_s, event.reclose_after_s, (step, last), span, checker);
        if let (Some(line), Some(name)) = (line, &event.open) {
            let action = Action::SwitchLine { line, open: false };
            self.push(tick, action, format!("reclose {name}"), span, checker);
        }
    }

    fn taps(&mut self, event: &Event, node: &Node, tick: Option<Tick>, checker: &mut Checker) {
        for (key, taps, by) in [("tap", &event.tap, false), ("move_tap", &event.move_tap, true)] {
            for (name, &value) in taps.iter().flatten() {
                let map = node.get(key).unwrap_or(node);
                let span = entry(map, &name.to_lowercase()).map_or(map.span, |n| n.span);
                let Some(regulator) = checker.regulator(name, key_span(map, name)) else { continue };
                if !by {
                    checker.tap_in_range(regulator, value, span);
                }
                let (action, label) = match by {
                    true => (Action::MoveTap { regulator, by: value }, format!("{name} {value:+}")),
                    false => (Action::SetTap { regulator, tap: value }, format!("{name} to tap {value}")),
                };
                self.push(tick, action, label, span, checker);
            }
        }
    }

    fn capacitors(&mut self, banks: &Named<SwitchState>, node: &Node, tick: Option<Tick>, checker: &mut Checker) {
        for (name, &state) in banks {
            let span = key_span(node.get("capacitor").unwrap_or(node), name);
            let Some(capacitor) = checker.capacitor(name, span) else { continue };
            let closed = state == SwitchState::Closed;
            let label = format!("{name} {}", if closed { "on" } else { "off" });
            self.push(tick, Action::SwitchCapacitor { capacitor, closed }, label, span, checker);
        }
    }

    fn push(&mut self, tick: Option<Tick>, action: Action, label: String, span: Span, checker: &mut Checker) {
        let Some(tick) = tick else { return };
        if let Some(target) = target(action) {
            if let Some((_, _, first)) = self.targets.iter().find(|(t, other, _)| *t == tick && *other == target) {
                let finding = Diagnostic::error("E0307", "two events at one time act on the same element").at(span);
                let help = "which one holds would depend on their order: remove one";
                checker.found.push(finding.help(help).related(*first, "the first"));
            }
            self.targets.push((tick, target, span));
        }
        self.events.push(Planned { tick, action, label });
    }
}

fn one_action(node: &Node, keys: &[&(yaml::Key, Node)]) -> Option<Diagnostic> {
    let known = ACTIONS.join(", ");
    match keys {
        [_] => None,
        [] => {
            let finding = Diagnostic::error("E0306", "the event does not say what happens").at(node.span);
            Some(finding.help(format!("add one of {known}")))
        }
        [first, second, ..] => {
            let message = format!("the event says both `{}` and `{}`", first.0.name, second.0.name);
            let finding = Diagnostic::error("E0306", message).at(second.0.span);
            Some(finding.help("write one event for each; events at one time happen in the order written"))
        }
    }
}

fn target(action: Action) -> Option<Target> {
    match action {
        Action::SetLoad { load, .. } => Some(Target::LoadPower(load)),
        Action::ScaleLoad { load, .. } => Some(Target::LoadScale(load)),
        Action::SwitchLine { line, .. } => Some(Target::Line(line)),
        Action::SetTap { regulator, .. } | Action::MoveTap { regulator, .. } => Some(Target::Tap(regulator)),
        Action::SwitchCapacitor { capacitor, .. } => Some(Target::Capacitor(capacitor)),
        Action::SetMultiplier { .. } => Some(Target::Multiplier),
        Action::ConnectLoad { .. } => None,
    }
}
