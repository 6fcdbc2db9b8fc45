//! Events of a PMU's time.

use super::Written;
use super::effect::Effect;
use crate::scenario::check::Checker;
use crate::scenario::{Action, PmuEvent};
use crate::sense::{ClockFault, Kind};

pub(super) fn clock(event: &PmuEvent, w: &Written, checker: &mut Checker) -> Option<Effect> {
    let inner = w.node.get("pmu").unwrap_or(w.node);
    let at = |key: &str| inner.get(key).map_or(inner.span, |n| n.span);
    let name = &event.name;
    let faults = [
        event.gps_lost.map(|lost| (ClockFault::GpsLost, lost, format!("{name} without GPS"))),
        event.time_step_s.map(|step_s| {
            (ClockFault::TimeStep(step_s), step_s != 0.0, format!("time of {name} spoofed by {step_s} s"))
        }),
        event
            .angle_step_deg
            .map(|deg| (ClockFault::AngleStep(deg), deg != 0.0, format!("time of {name} spoofed by {deg}°"))),
        event
            .ramp_deg_per_s
            .map(|slope| (ClockFault::Ramp(slope), slope != 0.0, format!("time of {name} spoofed by {slope}°/s"))),
    ];
    let mut given = faults.into_iter().flatten();
    let (Some((fault, on, words)), None) = (given.next(), given.next()) else {
        let help = "give gps_lost, time_step_s, angle_step_deg or ramp_deg_per_s";
        checker.report("E0306", "the time of a PMU has one fault at a time", inner.span, help);
        return None;
    };
    let instrument = checker.known_instrument(name, at("name"))?;
    if !matches!(checker.equipment.instruments.get(instrument)?.kind, Kind::Pmu(_)) {
        checker.report("E0332", format!("{name:?} is no PMU"), at("name"), "only a PMU has a clock");
        return None;
    }
    let action = |on| Action::FaultClock { instrument, fault, on };
    let right = match fault {
        ClockFault::GpsLost => format!("{name} with GPS again"),
        _ => format!("time of {name} right again"),
    };
    let effect = Effect::new(action(on), if on { words } else { right.clone() }, inner.span);
    Some(if on { effect.until(action(false), right) } else { effect })
}
