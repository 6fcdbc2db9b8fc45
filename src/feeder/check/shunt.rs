//! Capacitors and their controls, reactors, faults.

use super::super::{Capacitor, CapacitorControl, CapacitorSignal, Fault, Feeder, Phases, Reactor};
use super::finding::{Checker, Conductors, Element};
use crate::quantity::complex;

/// Checks capacitors, capacitor controls, reactors and faults.
pub fn check(checker: &mut Checker<'_>) {
    let feeder = checker.feeder;
    for (name, given) in &feeder.capacitors {
        capacitor(checker, Element { section: "capacitors", name }, given);
    }
    for (name, given) in &feeder.capacitor_controls {
        control(checker, Element { section: "capacitor_controls", name }, given);
    }
    for (name, given) in &feeder.reactors {
        reactor(checker, Element { section: "reactors", name }, given);
    }
    for (name, given) in &feeder.faults {
        fault(checker, Element { section: "faults", name }, given);
    }
}

fn capacitor(checker: &mut Checker<'_>, element: Element<'_>, given: &Capacitor) {
    if checker.phases(element, given.phases) {
        checker.terminal(element, "bus", &given.bus, Conductors::of_bank(given.connection, given.phases));
        if let Some(to) = &given.to {
            checker.terminal(element, "to", to, Conductors::phases(given.phases));
        }
    }
    checker.voltage_base(element, "v_kv", given.v_kv);
    let steps = given.q_kvar.len();
    if steps == 0 {
        checker.error("E0211", element, "q_kvar", format!("{element} has no step: q_kvar is empty"));
    }
    for q in &given.q_kvar {
        checker.positive(element, "q_kvar", *q);
    }
    for (key, count) in [("r_ohm", given.r_ohm.len()), ("x_ohm", given.x_ohm.len()), ("closed", given.closed.len())] {
        if count != 0 && count != steps {
            let message = format!("{element}: q_kvar has {steps} steps, {key} has {count}");
            checker.error("E0211", element, key, message);
        }
    }
    for r in &given.r_ohm {
        checker.not_negative(element, "r_ohm", *r);
    }
}

fn control(checker: &mut Checker<'_>, element: Element<'_>, given: &CapacitorControl) {
    let feeder = checker.feeder;
    checker.reference(element, "capacitor", &given.capacitor, "capacitors", &feeder.capacitors);
    measured(checker, element, given);
    if given.on == given.off {
        let message = format!("{element} switches on and off at the same value {}", given.on);
        checker.warning("W0207", element, "off", message);
    }
    for (key, value) in [("pt_ratio", given.pt_ratio), ("ct_ratio", given.ct_ratio)] {
        checker.positive(element, key, value);
    }
    for (key, value) in
        [("delay_s", given.delay_s), ("delay_off_s", given.delay_off_s), ("dead_time_s", given.dead_time_s)]
    {
        checker.not_negative(element, key, value);
    }
    checker.finite(element, "on", given.on);
    checker.finite(element, "off", given.off);
    if given.voltage_override && !(given.v_min_v < given.v_max_v) {
        let message = format!("{element}: v_min_v {} must be below v_max_v {}", given.v_min_v, given.v_max_v);
        checker.error("E0210", element, "v_min_v", message);
    }
}

/// The element that a control measures, written `line.650632`.
fn measured(checker: &mut Checker<'_>, element: Element<'_>, given: &CapacitorControl) {
    let feeder = checker.feeder;
    let Some((kind, name)) = given.element.split_once('.') else {
        let message = format!("{element}: \"{}\" does not name an element", given.element);
        checker.error_with_help("E0202", element, "element", message, "write its kind and name, as in line.650632");
        return;
    };
    let terminals = match kind {
        "line" => checker.reference(element, "element", name, "lines", &feeder.lines).then_some(2),
        "transformer" => {
            let known = checker.reference(element, "element", name, "transformers", &feeder.transformers);
            known.then(|| feeder.transformers.get(name).map_or(2, |t| t.windings.len()))
        }
        "capacitor" => checker.reference(element, "element", name, "capacitors", &feeder.capacitors).then_some(2),
        "reactor" => checker.reference(element, "element", name, "reactors", &feeder.reactors).then_some(2),
        "load" => checker.reference(element, "element", name, "loads", &feeder.loads).then_some(1),
        "source" => checker.reference(element, "element", name, "sources", &feeder.sources).then_some(2),
        _ => {
            let message = format!("{element} cannot measure a \"{kind}\"");
            let help = "it measures a line, transformer, capacitor, reactor, load or source";
            checker.error_with_help("E0202", element, "element", message, help);
            None
        }
    };
    if let Some(n) = terminals.filter(|n| !(1..=*n).contains(&given.terminal)) {
        let message = format!("{element}: {} has no terminal {}", given.element, given.terminal);
        checker.error_with_help("E0213", element, "terminal", message, format!("its terminals are 1 to {n}"));
    }
    measured_phases(checker, element, given, feeder);
}

fn measured_phases(checker: &mut Checker<'_>, element: Element<'_>, given: &CapacitorControl, feeder: &Feeder) {
    let of_line = |name| feeder.lines.get(name).and_then(|line| super::line::phases(feeder, line));
    let of_transformer = |name| feeder.transformers.get(name).map(|t| t.phases);
    let phases = match given.element.split_once('.') {
        Some(("line", name)) => of_line(name),
        Some(("transformer", name)) => of_transformer(name),
        _ => None,
    };
    let by_current = given.signal == CapacitorSignal::Current;
    let by_voltage = given.signal == CapacitorSignal::Voltage || given.voltage_override;
    for (key, phase, used) in [("ct_phase", given.ct_phase, by_current), ("pt_phase", given.pt_phase, by_voltage)] {
        if !used {
            continue;
        }
        if let (Phases::Number(k), Some(n)) = (phase, phases)
            && !(1..=n).contains(&k)
        {
            let message = format!("{element}: {} has no phase {k}", given.element);
            checker.error_with_help("E0213", element, key, message, format!("its phases are 1 to {n}"));
        }
    }
}

fn reactor(checker: &mut Checker<'_>, element: Element<'_>, given: &Reactor) {
    let good = checker.phases(element, given.phases);
    if good {
        checker.terminal(element, "bus", &given.bus, Conductors::of_bank(given.connection, given.phases));
        if let Some(to) = &given.to {
            checker.terminal(element, "to", to, Conductors::phases(given.phases));
        }
    }
    let first = |keys: &[(&'static str, bool)]| keys.iter().find(|(_, given)| *given).map_or(keys[0], |key| *key);
    let forms = [
        first(&[("x_ohm", given.x_ohm.is_some()), ("r_ohm", given.r_ohm.is_some())]),
        ("q_kvar", given.q_kvar.is_some()),
        first(&[
            ("z1_ohm", given.z1_ohm.is_some()),
            ("z2_ohm", given.z2_ohm.is_some()),
            ("z0_ohm", given.z0_ohm.is_some()),
        ]),
        first(&[("r_matrix_ohm", given.r_matrix_ohm.is_some()), ("x_matrix_ohm", given.x_matrix_ohm.is_some())]),
    ];
    checker.one_of(element, true, &forms);
    if given.q_kvar.is_some() && given.v_kv.is_none() {
        checker.error(
            "E0215",
            element,
            "q_kvar",
            format!("{element} has no voltage base: q_kvar needs v_kv beside it"),
        );
    }
    if let Some(v_kv) = given.v_kv {
        checker.voltage_base(element, "v_kv", v_kv);
    }
    if let Some(q) = given.q_kvar.filter(|q| *q == 0.0 || !q.is_finite()) {
        checker.error("E0210", element, "q_kvar", format!("{element}: q_kvar must not be zero, is {q}"));
    }
    if let Some(r) = given.r_ohm {
        checker.not_negative(element, "r_ohm", r);
    }
    checker.positive_if_given(element, "parallel_ohm", given.parallel_ohm);
    reactor_impedance(checker, element, given, good);
}

fn reactor_impedance(checker: &mut Checker<'_>, element: Element<'_>, given: &Reactor, good_phases: bool) {
    if let (Some(r), x) | (None, x @ Some(r)) = (given.r_ohm, given.x_ohm)
        && r == 0.0
        && x.unwrap_or(0.0) == 0.0
    {
        checker.error("E0209", element, "x_ohm", format!("{element}: its impedance is zero"));
    }
    if let Some([r, x]) = given.z1_ohm {
        let z0 = given.z0_ohm.unwrap_or([r, x]);
        checker.sequence(element, "z1_ohm", complex(r, x), complex(z0[0], z0[1]));
    }
    let matrices = [("r_matrix_ohm", &given.r_matrix_ohm), ("x_matrix_ohm", &given.x_matrix_ohm)];
    let mut square = good_phases && matrices.iter().any(|(_, m)| m.is_some());
    for (key, matrix) in matrices.iter().filter_map(|(key, m)| Some((*key, m.as_ref()?))) {
        square = good_phases && checker.square(element, key, matrix, given.phases) && square;
    }
    if square {
        checker.invertible(element, "x_matrix_ohm", given.r_matrix_ohm.as_ref(), given.x_matrix_ohm.as_ref());
    }
}

fn fault(checker: &mut Checker<'_>, element: Element<'_>, given: &Fault) {
    if checker.phases(element, given.phases) {
        checker.terminal(element, "bus", &given.bus, Conductors::phases(given.phases));
        if let Some(to) = &given.to {
            checker.terminal(element, "to", to, Conductors::phases(given.phases));
        }
    }
    checker.not_negative(element, "r_ohm", given.r_ohm);
    if let Some(ground_ohm) = given.ground_ohm {
        checker.not_negative(element, "ground_ohm", ground_ohm);
    }
    let ends =
        [("to", given.to.is_some()), ("ground_ohm", given.ground_ohm.is_some()), ("ungrounded", given.ungrounded)];
    checker.one_of(element, false, &ends);
    if given.ungrounded && given.phases == 1 {
        let message = format!("{element} joins nothing: it is ungrounded and has one phase");
        checker.error_with_help("E0210", element, "ungrounded", message, "give it two phases or more, or leave it out");
    }
}
