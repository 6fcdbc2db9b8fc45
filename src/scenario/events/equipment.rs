//! Events of devices, instruments and controllers.

use super::Written;
use super::effect::Effect;
use crate::scenario::check::Checker;
use crate::scenario::{Action, CommunicationEvent, DeviceEvent, SensorEvent, SetPointEvent, TargetEvent};
use crate::sense::Fault;

pub(super) fn set_device(event: &DeviceEvent, w: &Written, checker: &mut Checker) -> Option<Effect> {
    let inner = w.node.get("device").unwrap_or(w.node);
    let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
    let (p_kw, q_kvar) = (event.p_kw, event.q_kvar);
    if p_kw.is_none() && q_kvar.is_none() {
        let message = format!("the event leaves device {:?} as it is", event.name);
        checker.report("E0306", message, inner.span, "give p_kw or q_kvar");
    }
    let device = checker.known_device(&event.name, at("name"))?;
    let s_kva = checker.equipment.devices.get(device)?.limits.s_va / 1000.0;
    let asked_kva = p_kw.unwrap_or(0.0).hypot(q_kvar.unwrap_or(0.0));
    if asked_kva > s_kva * (1.0 + 1e-9) {
        let message = format!("a set-point of {asked_kva:.3} kVA is beyond a rating of {s_kva} kVA");
        checker.report("E0331", message, inner.span, "p_kw² + q_kvar² is at most s_kva²");
    }
    let part = |value: Option<f64>, unit: &str| value.map(|x| format!(" {x} {unit}")).unwrap_or_default();
    let label = format!("{}{}{}", event.name, part(p_kw, "kW"), part(q_kvar, "kvar"));
    Some(Effect::new(Action::SetDevice { device, p_kw, q_kvar }, label, at("name")))
}

pub(super) fn set_target(event: &TargetEvent, w: &Written, checker: &mut Checker) -> Option<Effect> {
    let inner = w.node.get("target").unwrap_or(w.node);
    let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
    if event.v_pu.is_none() && event.angle_deg.is_none() {
        let message = format!("the event leaves the target of {:?} as it is", event.of);
        checker.report("E0306", message, inner.span, "give v_pu or angle_deg");
    }
    let controller = checker.known_phasor(&event.of, at("of"))?;
    let phases = checker.equipment.phasors.get(controller)?.phases.clone();
    checker.per_phase(event.v_pu.as_ref(), &phases, "v_pu", at("v_pu"));
    checker.per_phase(event.angle_deg.as_ref(), &phases, "angle_deg", at("angle_deg"));
    let by_phase = |own: &Vec<f64>| std::array::from_fn(|phase| own.get(phase).copied().unwrap_or(f64::NAN));
    let (v_pu, angle_deg) = (event.v_pu.as_ref().map(by_phase), event.angle_deg.as_ref().map(by_phase));
    let label = format!("another target of {}", event.of);
    Some(Effect::new(Action::SetTarget { controller, v_pu, angle_deg }, label, at("of")))
}

pub(super) fn set_head(event: &SetPointEvent, w: &Written, checker: &mut Checker) -> Option<Effect> {
    let inner = w.node.get("set_point").unwrap_or(w.node);
    let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
    let supervisor = checker.known_supervisor(&event.of, at("of"))?;
    let (p_kw, q_kvar) = (event.p_kw, event.q_kvar);
    let part = |value: Option<f64>, unit: &str| value.map(|x| format!(" {x} {unit}")).unwrap_or_default();
    let label = format!("head of {}:{}{}", event.of, part(p_kw, "kW"), part(q_kvar, "kvar"));
    Some(Effect::new(Action::SetHead { supervisor, p_kw, q_kvar }, label, at("of")))
}

pub(super) fn communication(event: &CommunicationEvent, w: &Written, checker: &mut Checker) -> Option<Effect> {
    let inner = w.node.get("communication").unwrap_or(w.node);
    let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
    let link = checker.known_link(&event.of, at("of"));
    let of = &event.of;
    match (event.lost, event.delay_s) {
        (Some(lost), None) => {
            let words = |lost| format!("communication of {of} {}", if lost { "lost" } else { "back" });
            let action = |lost| link.map(|link| Action::LoseLink { link, lost });
            let effect = Effect::new(action(lost)?, words(lost), inner.span);
            Some(if lost { effect.until(action(false)?, words(false)) } else { effect })
        }
        (None, Some(delay_s)) => {
            let ticks = checker.ticks_or_none(delay_s, "delay_s", at("delay_s"));
            let link = link?;
            checker.room_on(link, ticks, at("delay_s"));
            let label = format!("communication of {of} {delay_s} s late");
            let effect = Effect::new(Action::DelayLink { link, ticks }, label, inner.span);
            Some(effect.until(Action::DelayLink { link, ticks: 0 }, format!("communication of {of} as before")))
        }
        _ => {
            checker.report("E0306", "communication is lost or late, one of them", inner.span, "give lost or delay_s");
            None
        }
    }
}

pub(super) fn sensor(event: &SensorEvent, w: &Written, checker: &mut Checker) -> Option<Effect> {
    let inner = w.node.get("sensor").unwrap_or(w.node);
    let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
    let faults = [
        event.stuck.map(|on| (Fault::Stuck, on, "stuck".to_owned())),
        event.offset.map(|offset| (Fault::Offset(offset), offset != 0.0, format!("off by {offset}"))),
        event.gain.map(|gain| (Fault::Gain(gain), gain != 1.0, format!("off by a factor of {gain}"))),
        event.dropped.map(|on| (Fault::Dropped, on, "silent".to_owned())),
    ];
    let mut given = faults.into_iter().flatten();
    let (Some((fault, on, words)), None) = (given.next(), given.next()) else {
        let help = "give stuck, offset, gain or dropped";
        checker.report("E0306", "a sensor has one fault at a time", inner.span, help);
        return None;
    };
    let instrument = checker.known_instrument(&event.instrument, at("instrument"))?;
    let channel = match &event.channel {
        Some(name) => {
            let names = checker.equipment.instruments.get(instrument)?.channels.clone();
            let channel = names.index(&name.to_lowercase());
            if channel.is_none() {
                let what = format!("channel of {:?} called", event.instrument);
                checker.no_such(&what, &[], name, names.names().to_vec(), at("channel"));
            }
            Some(channel?)
        }
        None => None,
    };
    let of = event.channel.as_ref().unwrap_or(&event.instrument);
    let action = |on| Action::FaultSensor { instrument, channel, fault, on };
    let sound = format!("sensor {of} sound again");
    let effect = Effect::new(action(on), if on { format!("sensor {of} {words}") } else { sound.clone() }, inner.span);
    Some(if on { effect.until(action(false), sound) } else { effect })
}
