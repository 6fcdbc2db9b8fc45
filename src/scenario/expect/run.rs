//! Expectations about the run as a whole: operations, what is fed at the end, what conditions set off.

use super::possible::bank_steps;
use super::{Context, Written};
use crate::diagnostic::{Diagnostic, Span, nearest};
use crate::feeder::ControlMode;
use crate::scenario::check::Checker;
use crate::scenario::events::Timeline;
use crate::scenario::{Action, Check, NodeRef};

impl Checker<'_> {
    pub(super) fn operations(&mut self, w: &Written, context: &Context) -> Option<Check> {
        let e = &w.expect;
        let at_most = e.at_most?;
        let (check, most) = if let Some(name) = &e.tap_operations {
            let one = !name.eq_ignore_ascii_case("all") || self.feeder.regulators.contains_key("all");
            let regulator = if one { Some(self.regulator(name, w.at("tap_operations"))?) } else { None };
            (Check::TapOperations { regulator, at_most }, self.most_taps(regulator, context))
        } else {
            let name = e.capacitor_operations.as_ref()?;
            let one = !name.eq_ignore_ascii_case("all") || self.feeder.capacitors.contains_key("all");
            let capacitor = if one { Some(self.capacitor(name, w.at("capacitor_operations"))?) } else { None };
            (Check::CapacitorOperations { capacitor, at_most }, self.most_steps(capacitor, context))
        };
        #[allow(clippy::cast_precision_loss, reason = "counts far below 2^53")]
        if at_most as f64 >= most {
            let help = match most {
                0.0 => "nothing moves there: controls are off, and no event does it".to_owned(),
                _ => format!("more than {most} are not possible in so many steps"),
            };
            self.report("E0317", "the expectation can never fail", w.at("at_most"), &help);
            return None;
        }
        Some(check)
    }

    /// Most taps that a regulator, or all of them, can move in the run.
    fn most_taps(&self, regulator: Option<usize>, context: &Context) -> f64 {
        let moved = |k: usize| {
            let acts = |action: Action| matches!(action, Action::SetTap { regulator, .. } | Action::MoveTap { regulator, .. } if regulator == k);
            context.controls != ControlMode::Off || context.acts(acts)
        };
        let most = |k: usize| match self.tap_range(k) {
            Some(_) if !moved(k) => 0.0,
            Some([low, high]) => (high - low) * context.steps(),
            None => f64::INFINITY,
        };
        match regulator {
            Some(k) => most(k),
            None => (0..self.feeder.regulators.len()).map(most).sum(),
        }
    }

    /// Most steps that a bank, or all of them, can switch in the run.
    fn most_steps(&self, capacitor: Option<usize>, context: &Context) -> f64 {
        let switched = |k: usize| {
            let acts = |action: Action| match action {
                // A bank that is lost switches nothing: its steps stay where they are.
                Action::SwitchCapacitor { capacitor, .. } => capacitor == k,
                _ => false,
            };
            context.controls != ControlMode::Off || context.acts(acts)
        };
        let most = |k: usize| if switched(k) { bank_steps(self.feeder, k) * context.steps() } else { 0.0 };
        match capacitor {
            Some(k) => most(k),
            None => (0..self.feeder.capacitors.len()).map(most).sum(),
        }
    }

    pub(super) fn ends(&mut self, w: &Written) -> Option<Check> {
        let energised = w.expect.ends_energised.is_some();
        let key = if energised { "ends_energised" } else { "ends_de_energised" };
        let written = w.expect.ends_energised.as_ref().or(w.expect.ends_de_energised.as_ref())?;
        if written.is_empty() {
            self.report("E0317", "the expectation can never fail: it names no bus", w.at(key), "name some: [675, 611]");
            return None;
        }
        let items = w.node.get(key).map(|node| node.items()).unwrap_or_default();
        let mut nodes = Vec::new();
        let before = self.found.len();
        for (k, name) in written.iter().enumerate() {
            nodes.extend(self.nodes_of(&name.to_lowercase(), items.get(k).map_or(w.at(key), |node| node.span)));
        }
        (self.found.len() == before).then_some(Check::Ends { nodes, energised })
    }

    /// A node (`675.1`), or the phase nodes of a bus.
    fn nodes_of(&mut self, name: &str, span: Span) -> Vec<NodeRef> {
        let buses = self.feeder.bus_nodes();
        let node = |number: u16, bus: &str| NodeRef { bus: bus.to_owned(), number };
        if let Some(numbers) = buses.get(name) {
            // What a neutral's voltage is says nothing about whether something feeds it.
            let places = self.feeder.places();
            let phase = |n: &&u16| places.get(&(name, **n)).is_some_and(|place| place.phase.is_some());
            let fed: Vec<NodeRef> = numbers.iter().filter(phase).map(|n| node(*n, name)).collect();
            return if fed.is_empty() { numbers.iter().map(|n| node(*n, name)).collect() } else { fed };
        }
        let parts = name.rsplit_once('.').and_then(|(bus, n)| Some((bus, n.parse::<u16>().ok()?)));
        match parts.and_then(|(bus, n)| Some((bus, n, buses.get(bus)?))) {
            Some((bus, n, numbers)) if numbers.contains(&n) => vec![node(n, bus)],
            Some((bus, n, numbers)) => {
                let numbers = numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
                self.report("E0305", format!("bus {bus:?} has no node {n}"), span, &format!("its nodes are {numbers}"));
                Vec::new()
            }
            None => {
                self.unknown_bus(name, span);
                Vec::new()
            }
        }
    }

    pub(super) fn happens(&mut self, w: &Written, timeline: &Timeline) -> Option<Check> {
        let what = w.expect.happens.as_ref()?.to_lowercase();
        let is = |label: &str| label.to_lowercase() == what;
        let triggers = &timeline.triggers;
        let undo = |t: &crate::scenario::Trigger| t.undo.as_ref().map_or("", |undo| &undo.1).to_owned();
        let done: u64 = triggers.iter().filter(|t| is(&t.label)).map(|t| u64::from(t.times)).sum();
        let undone = triggers.iter().filter(|t| is(&undo(t)));
        let most = done + undone.map(|t| u64::from(t.times).min(t.undo_after.len() as u64)).sum::<u64>();
        if most == 0 {
            let finding = Diagnostic::error("E0319", format!("no condition sets off {what:?}")).at(w.at("happens"));
            let labels: Vec<String> = triggers.iter().flat_map(|t| [t.label.clone(), undo(t)]).collect();
            let help = if timeline.events.iter().any(|event| is(&event.label)) {
                "it happens at a given time, so the expectation could never fail".to_owned()
            } else if let Some(near) = nearest(&what, labels.iter().map(String::as_str)) {
                format!("did you mean {near:?}?")
            } else {
                match labels.iter().filter(|l| !l.is_empty()).map(|l| format!("{l:?}")).collect::<Vec<_>>().join(", ") {
                    none if none.is_empty() => "no event of this scenario has a condition (`when`)".to_owned(),
                    known => format!("conditions set off {known}"),
                }
            };
            self.found.push(finding.help(help));
            return None;
        }
        if let Some(times) = w.expect.times.filter(|times| u64::from(*times) > most) {
            let message = format!("the expectation can never hold: it is to happen {times} times");
            self.report("E0318", message, w.at("times"), &format!("it can happen at most so often: {most}"));
            return None;
        }
        Some(Check::Happens { what, times: w.expect.times })
    }
}

impl Context<'_> {
    /// Whether an event does something.
    fn acts(&self, is: impl Fn(Action) -> bool) -> bool {
        let timed = self.timeline.events.iter().map(|event| event.action);
        let triggers = &self.timeline.triggers;
        let conditional = triggers.iter().flat_map(|t| [Some(t.action), t.undo.as_ref().map(|undo| undo.0)]).flatten();
        timed.chain(conditional).any(is)
    }

    #[allow(clippy::cast_precision_loss, reason = "at most 2^40 steps")]
    fn steps(&self) -> f64 {
        self.time.map_or(f64::INFINITY, |(_, last)| last.0 as f64)
    }
}
