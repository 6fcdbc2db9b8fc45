//! Events: from entries of the file to actions on ticks and on conditions.

mod effect;
mod equipment;
mod pmu;
mod quality;

use std::collections::BTreeMap;

use super::check::Checker;
use super::{Action, Added, Condition, Demand, Event, FaultSite, Planned, Trigger};
use crate::diagnostic::yaml::{self, Key, Node};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::{Fault, Named};
use crate::quantity::{Step, Tick};
use effect::Effect;

/// An event as written, and where.
pub(super) struct Written<'a> {
    event: Event,
    node: &'a Node,
}

/// Keys of an event, exactly one of which says what happens.
const ACTIONS: [&str; 25] = [
    "load",
    "add_load",
    "open",
    "close",
    "lose_phase",
    "lose",
    "tap",
    "move_tap",
    "capacitor",
    "load_multiplier",
    "scale_profile",
    "source",
    "sag",
    "frequency_hz",
    "fault",
    "device",
    "target",
    "set_point",
    "acknowledge",
    "communication",
    "sensor",
    "pmu",
    "emission",
    "scale_background",
    "active_filter",
];
/// Most things that happen at given times in one run.
const MOST_EVENTS: usize = 1_000_000;

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

impl Written<'_> {
    /// The place of one of its keys' values; of the event where it has no such key.
    fn at(&self, key: &str) -> Span {
        self.node.get(key).map_or(self.node.span, |node| node.span)
    }
}

/// What an event acts upon, to tell events that contradict each other.
#[derive(Clone, PartialEq)]
enum Target {
    LoadPower(usize),
    LoadScale(usize),
    Branch(super::Branch),
    Unit(super::Unit),
    Tap(usize),
    Capacitor(usize),
    Multiplier,
    Shape(usize),
    Frequency,
    Fault(usize),
    Device(usize),
    Phasor(usize),
    Supervisory(usize),
    Emission(usize),
    Background(usize),
    Link(super::Link),
}

/// What events come to.
#[derive(Default)]
pub(super) struct Timeline {
    pub(super) events: Vec<Planned>,
    pub(super) triggers: Vec<Trigger>,
    pub(super) added: Vec<Added>,
    pub(super) demands: Vec<Demand>,
    pub(super) faults: Vec<FaultSite>,
    /// The elements of `faults`, open at the start.
    pub(super) fault_elements: Named<Fault>,
    targets: BTreeMap<Tick, Vec<(Target, Span)>>,
    /// Conditions whose quantity is still a name: places in `triggers`, and where the name stands.
    pub(super) conditions: Vec<(usize, String, Span)>,
}

impl Timeline {
    /// Binds all events; what is wrong with them is reported. Without a `time` no tick is known, but everything else is
    /// looked at all the same. `devices` are the loads that stand for them.
    pub(super) fn new(
        written: &[Written],
        devices: (Vec<Added>, Vec<Demand>),
        time: Option<(Step, Tick)>,
        checker: &mut Checker,
    ) -> Self {
        let mut timeline = Self { added: devices.0, demands: devices.1, ..Self::default() };
        for w in written {
            if let Some(fault) = one_action(w.node) {
                checker.found.push(fault);
            }
            let effects = timeline.effects(w, checker);
            timeline.needless_keys(w, &effects, checker);
            match &w.event.when {
                Some(condition) => timeline.on_condition(w, condition, effects, time, checker),
                None => timeline.on_time(w, &effects, time, checker),
            }
        }
        // Stable: events of one tick stay in the order written.
        timeline.events.sort_by_key(|event| event.tick);
        timeline
    }

    /// Everything that can happen.
    pub(super) fn actions(&self) -> impl Iterator<Item = Action> {
        let triggers = self.triggers.iter();
        let on_condition = triggers.flat_map(|t| [Some(t.action), t.undo.as_ref().map(|undo| undo.0)]).flatten();
        self.events.iter().map(|event| event.action).chain(on_condition)
    }

    /// Keys that say when, but do not belong to this event.
    fn needless_keys(&self, w: &Written, effects: &[Effect], checker: &mut Checker) {
        let e = &w.event;
        if e.reclose_after_s.is_some() && e.open.is_none() {
            let message = "`reclose_after_s` without `open`";
            checker.report("E0306", message, w.at("reclose_after_s"), "say which branch opens: open: NAME");
        }
        if e.for_s.is_some() && !effects.is_empty() && effects.iter().all(|effect| effect.undo.is_none()) {
            let help = "write a second event for what comes after";
            checker.report("E0306", "`for_s` with an event that does not end", w.at("for_s"), help);
        }
        if e.for_s.is_some() && e.open.is_some() {
            checker.report("E0306", "`for_s` with `open`", w.at("for_s"), "it is called reclose_after_s there");
        }
        if e.for_s.is_none() && e.sag.is_some() {
            checker.report("E0306", "the sag has no end", w.at("sag"), "say how long it lasts: for_s: 0.5");
        }
        if e.every_s.is_none() && e.when.is_none() && e.times.is_some() {
            let help = "say how often with every_s, or on which condition with when";
            checker.report("E0306", "`times` of an event that happens once", w.at("times"), help);
        }
    }

    fn on_time(&mut self, w: &Written, effects: &[Effect], time: Option<(Step, Tick)>, checker: &mut Checker) {
        let Some(at_s) = w.event.at_s else {
            let help = "give at_s, in s since the start, or a condition: when: {quantity: …, above: …}";
            return checker.report("E0306", "the event does not say when", w.node.span, help);
        };
        let Some((step, last)) = time else { return };
        let Some(first) = checker.tick(at_s, step, last, w.at("at_s")) else { return };
        let every = match w.event.every_s {
            Some(every_s) => match checker.ticks_in(every_s, step, w.at("every_s")) {
                Some(every) => every,
                None => return,
            },
            None => u64::MAX,
        };
        let shots = w.event.reclose_after_s.as_ref().map(super::Reclosing::shots).unwrap_or_default();
        if shots.len() > 1 {
            let help = "a breaker that trips again needs a condition: when: {quantity: …, above: …}";
            checker.report("E0306", "several reclosings of one opening", w.at("reclose_after_s"), help);
        }
        let (lasts_s, key) = match shots.first() {
            Some(after_s) => (Some(*after_s), "reclose_after_s"),
            None => (w.event.for_s, "for_s"),
        };
        let most = if w.event.every_s.is_some() { w.event.times.unwrap_or(u32::MAX) } else { 1 };
        for round in 0..u64::from(most) {
            let Some(tick) = every.checked_mul(round).and_then(|later| first.0.checked_add(later)) else { break };
            if tick > last.0 || (round > 0 && w.event.every_s.is_none()) {
                break;
            }
            let end =
                lasts_s.and_then(|lasts_s| self.end(Tick(tick), lasts_s, (step, last), round, w.at(key), checker));
            if lasts_s.is_some() && end.is_none() {
                break;
            }
            for effect in effects {
                self.push(Tick(tick), effect.action, effect.label.clone(), effect.span, checker);
                if let Some((tick, (action, label))) = end.zip(effect.undo.clone()) {
                    self.push(tick, action, label, w.at(key), checker);
                }
            }
            if self.events.len() > MOST_EVENTS {
                let message = format!("more than {MOST_EVENTS} things happen");
                return checker.report("E0304", message, w.at("every_s"), "let it happen less often");
            }
        }
    }

    /// The tick at which something that lasts a while ends. The last of many rounds may outlast the run.
    fn end(
        &self,
        from: Tick,
        lasts_s: f64,
        (step, last): (Step, Tick),
        round: u64,
        span: Span,
        checker: &mut Checker,
    ) -> Option<Tick> {
        if lasts_s <= 0.0 {
            checker.report("E0303", format!("something that lasts {lasts_s} s"), span, "give a positive time");
            return None;
        }
        if round > 0 {
            return step.tick_at(lasts_s).map(|ticks| Tick(from.0.saturating_add(ticks.0)));
        }
        checker.tick(step.time_s(from) + lasts_s, step, last, span)
    }

    fn on_condition(
        &mut self,
        w: &Written,
        condition: &Condition,
        effects: Vec<Effect>,
        time: Option<(Step, Tick)>,
        checker: &mut Checker,
    ) {
        let e = &w.event;
        let inner = w.node.get("when").unwrap_or(w.node);
        let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
        if e.at_s.is_some() {
            let help = "remove at_s: a condition says when";
            checker.report("E0306", "the event has a time and a condition", w.at("at_s"), help);
        }
        if e.every_s.is_some() {
            let help = "remove every_s: `times` says how often a condition may set it off";
            checker.report("E0306", "`every_s` of an event with a condition", w.at("every_s"), help);
        }
        let quiet = [condition.below.unwrap_or(f64::NEG_INFINITY), condition.above.unwrap_or(f64::INFINITY)];
        if (condition.above.is_none() && condition.below.is_none()) || quiet[0] > quiet[1] {
            let help = "give above or below; with both, it holds outside the two, so below is the smaller";
            checker.report("E0306", "the condition has no limit", inner.span, help);
        }
        let Some((step, _)) = time else { return };
        let mut ticks = |seconds: f64, span: Span| checker.ticks_in(seconds, step, span);
        let Some(held) = condition.held_s.map_or(Some(1), |held_s| ticks(held_s, at("held_s"))) else { return };
        let shots = e.reclose_after_s.as_ref().map(super::Reclosing::shots).unwrap_or_default();
        let undo_after: Option<Vec<u64>> = match e.for_s {
            Some(for_s) => ticks(for_s, w.at("for_s")).map(|n| vec![n; e.times.unwrap_or(1) as usize]),
            None => shots.iter().map(|after_s| ticks(*after_s, w.at("reclose_after_s"))).collect(),
        };
        let Some(undo_after) = undo_after else { return };
        let times = e.times.unwrap_or(u32::try_from(shots.len()).unwrap_or(u32::MAX).saturating_add(1)).min(100_000);
        for Effect { action, label, undo, .. } in effects {
            let undo_after = undo_after.clone();
            self.conditions.push((self.triggers.len(), condition.quantity.clone(), at("quantity")));
            self.triggers.push(Trigger { quantity: 0, quiet, held, times, action, label, undo, undo_after });
        }
    }

    fn push(&mut self, tick: Tick, action: Action, label: String, span: Span, checker: &mut Checker) {
        if let Some(target) = target(action) {
            let at_tick = self.targets.entry(tick).or_default();
            if let Some((_, first)) = at_tick.iter().find(|(other, _)| *other == target) {
                let finding = Diagnostic::error("E0307", "two events at one time act on the same element").at(span);
                let help = "which one holds would depend on their order: remove one";
                checker.found.push(finding.help(help).related(*first, "the first"));
            }
            at_tick.push((target, span));
        }
        self.events.push(Planned { tick, action, label });
    }
}

fn one_action(node: &Node) -> Option<Diagnostic> {
    let known = ACTIONS.join(", ");
    let is_action = |(key, _): &&(Key, Node)| ACTIONS.contains(&key.name.as_str());
    match *node.entries().iter().filter(is_action).collect::<Vec<_>>() {
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
        Action::Switch { branch, .. } => Some(Target::Branch(branch)),
        Action::Lose { unit, .. } => Some(Target::Unit(unit)),
        Action::SetTap { regulator, .. } | Action::MoveTap { regulator, .. } => Some(Target::Tap(regulator)),
        Action::SwitchCapacitor { capacitor, .. } => Some(Target::Capacitor(capacitor)),
        Action::SetMultiplier { .. } => Some(Target::Multiplier),
        Action::ScaleShape { shape, .. } => Some(Target::Shape(shape)),
        Action::SetFrequency { .. } => Some(Target::Frequency),
        Action::Fault { fault, .. } => Some(Target::Fault(fault)),
        Action::SetDevice { device, .. } => Some(Target::Device(device)),
        Action::SetTarget { controller, .. } => Some(Target::Phasor(controller)),
        Action::SetHead { supervisor, .. } => Some(Target::Supervisory(supervisor)),
        Action::SetEmission { device, .. } | Action::SwitchFilter { device, .. } => Some(Target::Emission(device)),
        Action::ScaleBackground { background, .. } => Some(Target::Background(background)),
        Action::LoseLink { link, .. } => Some(Target::Link(link)),
        // Different phases of one source or line, and different faults of one instrument, may change at one time.
        Action::ConnectLoad { .. }
        | Action::SwitchPhases { .. }
        | Action::SetSource { .. }
        | Action::Sag { .. }
        | Action::DelayLink { .. }
        | Action::Acknowledge { .. }
        | Action::FaultSensor { .. }
        | Action::FaultClock { .. } => None,
    }
}
