//! Transformers and their regulators.

use super::super::{Phases, Regulator, Transformer, Winding};
use super::finding::{Checker, Conductors, Element};

/// Checks transformers and regulators.
pub fn check(checker: &mut Checker<'_>) {
    let feeder = checker.feeder;
    for (name, given) in &feeder.transformers {
        transformer(checker, Element { section: "transformers", name }, given);
    }
    for (name, given) in &feeder.regulators {
        regulator(checker, Element { section: "regulators", name }, given);
    }
}

fn transformer(checker: &mut Checker<'_>, element: Element<'_>, given: &Transformer) {
    let n = given.windings.len();
    if n < 2 {
        checker.error("E0211", element, "windings", format!("{element} needs at least 2 windings, has {n}"));
    }
    let pairs = n * n.saturating_sub(1) / 2;
    if n >= 2 && given.x_percent.len() != pairs {
        let count = given.x_percent.len();
        let message = format!("{element} has {n} windings and so needs {pairs} x_percent, has {count}");
        checker.error_with_help("E0211", element, "x_percent", message, "one for each pair: 1-2, 1-3, 2-3, …");
    }
    let good = checker.phases(element, given.phases);
    for (k, given_winding) in given.windings.iter().enumerate() {
        winding(checker, element, k, given_winding, good.then_some(given.phases));
    }
    let r_percent: f64 = given.windings.iter().map(|w| w.r_percent).sum();
    for x in &given.x_percent {
        if !x.is_finite() || *x == 0.0 && r_percent == 0.0 {
            let message = format!("{element}: a short-circuit impedance is zero");
            checker.error_with_help(
                "E0209",
                element,
                "x_percent",
                message,
                "give x_percent, r_percent or both a value",
            );
        }
    }
    checker.not_negative(element, "no_load_loss_percent", given.no_load_loss_percent);
    checker.not_negative(element, "magnetizing_percent", given.magnetizing_percent);
    checker.not_negative(element, "anti_float_ppm", given.anti_float_ppm);
    checker.positive_if_given(element, "normal_kva", given.normal_kva);
    checker.positive_if_given(element, "emergency_kva", given.emergency_kva);
}

fn winding(checker: &mut Checker<'_>, element: Element<'_>, k: usize, given: &Winding, phases: Option<usize>) {
    let key = |short: &str| format!("windings.{k}.{short}");
    if let Some(phases) = phases {
        checker.terminal(element, &key("bus"), &given.bus, Conductors::of(given.connection, phases));
    }
    checker.voltage_base(element, &key("v_kv"), given.v_kv);
    checker.positive(element, &key("s_kva"), given.s_kva);
    checker.not_negative(element, &key("r_percent"), given.r_percent);
    if let Some(r) = given.neutral_r_ohm {
        checker.not_negative(element, &key("neutral_r_ohm"), r);
    }
    checker.finite(element, &key("neutral_x_ohm"), given.neutral_x_ohm);
    let (low, high) = (given.tap_min_pu, given.tap_max_pu);
    let number = k + 1;
    if !(low > 0.0 && low <= high && high.is_finite()) {
        let message =
            format!("{element}, winding {number}: the range of taps {low} to {high} is empty or not positive");
        checker.error("E0212", element, &key("tap_min_pu"), message);
    } else if !(low..=high).contains(&given.tap_pu) {
        let message = format!("{element}, winding {number}: tap {} is outside {low} to {high}", given.tap_pu);
        checker.error_with_help(
            "E0212",
            element,
            &key("tap_pu"),
            message,
            "move the tap, or widen tap_min_pu, tap_max_pu",
        );
    }
    if given.tap_steps == 0 && low < high {
        let message = format!("{element}, winding {number}: tap_steps must be at least 1, is 0");
        checker.error("E0212", element, &key("tap_steps"), message);
    }
}

fn regulator(checker: &mut Checker<'_>, element: Element<'_>, given: &Regulator) {
    let feeder = checker.feeder;
    checker.reference(element, "transformer", &given.transformer, "transformers", &feeder.transformers);
    if let Some(transformer) = feeder.transformers.get(&given.transformer) {
        let n = transformer.windings.len();
        for (key, winding) in [("winding", Some(given.winding)), ("tap_winding", given.tap_winding)] {
            if let Some(winding) = winding.filter(|w| !(1..=n).contains(w)) {
                let message = format!("{element}: transformer \"{}\" has no winding {winding}", given.transformer);
                checker.error_with_help("E0213", element, key, message, format!("its windings are 1 to {n}"));
            }
        }
        if let Phases::Number(k) = given.phase
            && !(1..=transformer.phases).contains(&k)
        {
            let message = format!("{element}: transformer \"{}\" has no phase {k}", given.transformer);
            checker.error_with_help(
                "E0213",
                element,
                "phase",
                message,
                format!("its phases are 1 to {}", transformer.phases),
            );
        }
    }
    for (key, value) in [
        ("v_v", given.v_v),
        ("band_v", given.band_v),
        ("pt_ratio", given.pt_ratio),
        ("ct_primary_a", given.ct_primary_a),
    ] {
        checker.positive(element, key, value);
    }
    checker.positive_if_given(element, "remote_pt_ratio", given.remote_pt_ratio);
    for (key, value) in [("v_limit_v", given.v_limit_v), ("delay_s", given.delay_s), ("tap_delay_s", given.tap_delay_s)]
    {
        checker.not_negative(element, key, value);
    }
    checker.finite(element, "ldc_r_v", given.ldc_r_v);
    checker.finite(element, "ldc_x_v", given.ldc_x_v);
}
