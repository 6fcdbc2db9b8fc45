//! Events of what emits harmonics.

use super::Written;
use super::effect::Effect;
use crate::diagnostic::Span;
use crate::scenario::check::Checker;
use crate::scenario::read::key_span;
use crate::scenario::{Action, DeviceKind, FilterState};

pub(super) fn emission(w: &Written, checker: &mut Checker) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (name, &factor) in w.event.emission.iter().flatten() {
        let span = key_span(w.node.get("emission").unwrap_or(w.node), name);
        checker.not_negative(factor, "factor", span);
        let Some(device) = of_kind(name, span, "inverter", checker) else { continue };
        let effect = Effect::new(Action::SetEmission { device, factor }, format!("{name} emits × {factor}"), span);
        effects.push(effect.until(Action::SetEmission { device, factor: 1.0 }, format!("{name} emits as before")));
    }
    effects
}

pub(super) fn scale_background(w: &Written, checker: &mut Checker) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (name, &factor) in w.event.scale_background.iter().flatten() {
        let span = key_span(w.node.get("scale_background").unwrap_or(w.node), name);
        checker.not_negative(factor, "factor", span);
        let all = checker.harmonics.as_ref().map(|own| own.background.as_slice()).unwrap_or_default();
        let Some(background) = all.iter().position(|own| own.name == name.to_lowercase()) else {
            let known = all.iter().map(|own| own.name.clone()).collect();
            checker.no_such("background", &[], name, known, span);
            continue;
        };
        let effect = Effect::new(Action::ScaleBackground { background, factor }, format!("{name} × {factor}"), span);
        effects.push(effect.until(Action::ScaleBackground { background, factor: 1.0 }, format!("{name} as before")));
    }
    effects
}

pub(super) fn active_filter(w: &Written, checker: &mut Checker) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (name, &state) in w.event.active_filter.iter().flatten() {
        let span = key_span(w.node.get("active_filter").unwrap_or(w.node), name);
        let Some(device) = of_kind(name, span, "active filter", checker) else { continue };
        let on = state == FilterState::On;
        let label = format!("{name} {}", if on { "on" } else { "off" });
        effects.push(Effect::new(Action::SwitchFilter { device, on }, label, span));
    }
    effects
}

/// A device of this kind.
fn of_kind(name: &str, span: Span, kind: &str, checker: &mut Checker) -> Option<usize> {
    let device = checker.known_device(name, span)?;
    let fits = match checker.equipment.devices.get(device).map(|own| &own.kind) {
        Some(DeviceKind::Inverter(_)) => kind == "inverter",
        Some(DeviceKind::ActiveFilter(_)) => kind == "active filter",
        _ => false,
    };
    if !fits {
        checker.report("E0332", format!("{name:?} is no {kind}"), span, "the event is about devices of that kind");
    }
    fits.then_some(device)
}
