//! Sources: the impedance of each is given in one way.

use super::super::Source;
use super::finding::{Checker, Conductors, Element};

/// Checks the sources.
pub fn check(checker: &mut Checker<'_>) {
    let feeder = checker.feeder;
    for (name, given) in &feeder.sources {
        source(checker, Element { section: "sources", name }, given);
    }
}

fn source(checker: &mut Checker<'_>, element: Element<'_>, given: &Source) {
    if checker.phases(element, given.phases) {
        checker.terminal(element, "bus", &given.bus, Conductors::phases(given.phases));
        if let Some(terminal) = &given.return_bus {
            checker.terminal(element, "return_bus", terminal, Conductors::phases(given.phases));
        }
    }
    checker.voltage_base(element, "v_kv", given.v_kv);
    checker.not_negative(element, "v_pu", given.v_pu);
    checker.finite(element, "angle_deg", given.angle_deg);
    let forms: [&[(&str, Option<f64>)]; 3] = [
        &[("mvasc3", given.mvasc3), ("mvasc1", given.mvasc1)],
        &[("isc3_a", given.isc3_a), ("isc1_a", given.isc1_a)],
        &[
            ("r1_ohm", given.r1_ohm),
            ("x1_ohm", given.x1_ohm),
            ("r0_ohm", given.r0_ohm),
            ("x0_ohm", given.x0_ohm),
            ("r2_ohm", given.r2_ohm),
            ("x2_ohm", given.x2_ohm),
        ],
    ];
    let first =
        |form: &[(&'static str, Option<f64>)]| form.iter().find(|(_, x)| x.is_some()).map(|(key, _)| (*key, true));
    let mut given_forms: Vec<(&str, bool)> = forms.iter().filter_map(|form| first(form)).collect();
    given_forms.extend(given.ideal.then_some(("ideal", true)));
    checker.one_of(element, false, &given_forms);
    for (key, value) in forms[0].iter().chain(forms[1]) {
        checker.positive_if_given(element, key, *value);
    }
    for (key, value) in forms[2] {
        if let Some(value) = value.filter(|_| key.starts_with('r')) {
            checker.not_negative(element, key, value);
        }
    }
    checker.not_negative(element, "x1_over_r1", given.x1_over_r1);
    checker.not_negative(element, "x0_over_r0", given.x0_over_r0);
}
