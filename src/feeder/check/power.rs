//! Loads, generators, photovoltaic systems, storage.

use super::super::{DistributedLoad, Generator, Load, LoadModel, PvSystem, Storage, Terminal};
use super::finding::{Checker, Conductors, Element};
use super::shape::curve;

/// Largest deviation of the sum of a ZIP model's shares from 1 that passes for rounding.
const ZIP_ROUNDING: f64 = 1e-3;

/// Checks everything that draws or injects power.
pub fn check(checker: &mut Checker<'_>) {
    let feeder = checker.feeder;
    for (name, given) in &feeder.loads {
        load(checker, Element { section: "loads", name }, given);
    }
    for (name, given) in &feeder.distributed_loads {
        distributed(checker, Element { section: "distributed_loads", name }, given);
    }
    for (name, given) in &feeder.generators {
        generator(checker, Element { section: "generators", name }, given);
    }
    for (name, given) in &feeder.pv_systems {
        pv_system(checker, Element { section: "pv_systems", name }, given);
    }
    for (name, given) in &feeder.storages {
        storage(checker, Element { section: "storages", name }, given);
    }
}

fn shapes(checker: &mut Checker<'_>, element: Element<'_>, given: &[(&str, &Option<String>)]) {
    let feeder = checker.feeder;
    for (key, name) in given {
        if let Some(name) = name {
            checker.reference(element, key, name, "shapes", &feeder.shapes);
        }
    }
}

fn band(checker: &mut Checker<'_>, element: Element<'_>, v_min_pu: f64, v_max_pu: f64) {
    checker.not_negative(element, "v_min_pu", v_min_pu);
    if !(v_min_pu < v_max_pu) {
        let message = format!("{element}: v_min_pu {v_min_pu} must be below v_max_pu {v_max_pu}");
        checker.error("E0210", element, "v_min_pu", message);
    }
}

fn load(checker: &mut Checker<'_>, element: Element<'_>, given: &Load) {
    if checker.phases(element, given.phases) {
        checker.terminal(element, "bus", &given.bus, Conductors::of(given.connection, given.phases));
    }
    checker.voltage_base(element, "v_kv", given.v_kv);
    checker.finite(element, "p_kw", given.p_kw);
    checker.finite(element, "q_kvar", given.q_kvar);
    band(checker, element, given.v_min_pu, given.v_max_pu);
    checker.not_negative(element, "v_low_pu", given.v_low_pu);
    if let Some(r) = given.neutral_r_ohm {
        checker.not_negative(element, "neutral_r_ohm", r);
    }
    zip(checker, element, given);
    checker.within(element, "series_rl_percent", given.series_rl_percent, 0.0..=100.0);
    checker.positive_if_given(element, "harmonic_x_pu", given.harmonic_x_pu);
    checker.positive(element, "harmonic_x_over_r", given.harmonic_x_over_r);
    let given = [("daily", &given.daily), ("yearly", &given.yearly), ("duty", &given.duty)];
    shapes(checker, element, &given);
}

fn zip(checker: &mut Checker<'_>, element: Element<'_>, given: &Load) {
    match (&given.zip, given.model) {
        (None, LoadModel::Zip) => {
            let help = "zip: [pz, pi, pp, qz, qi, qp, v_off_pu]: shares of impedance, current and power";
            checker.error_with_help("E0205", element, "model", format!("{element} needs zip for its model"), help);
        }
        (Some(_), model) if model != LoadModel::Zip => {
            checker.error("E0204", element, "zip", format!("{element} has zip, but its model is not zip"));
        }
        (Some([pz, pi, pp, qz, qi, qp, _]), _) => {
            for (name, sum) in [("P", pz + pi + pp), ("Q", qz + qi + qp)] {
                if !((sum - 1.0).abs() <= ZIP_ROUNDING) {
                    let message = format!("{element}: the shares of {name} add up to {sum}, not to 1");
                    checker.warning("W0205", element, "zip", message);
                }
            }
        }
        (None, _) => {}
    }
}

fn distributed(checker: &mut Checker<'_>, element: Element<'_>, given: &DistributedLoad) {
    let feeder = checker.feeder;
    checker.reference(element, "line", &given.line, "lines", &feeder.lines);
    if checker.phases(element, given.phases) {
        let terminal = Terminal::new(given.line.as_str(), &given.nodes);
        checker.terminal(element, "nodes", &terminal, Conductors::of(given.connection, given.phases));
    }
    checker.voltage_base(element, "v_kv", given.v_kv);
    checker.finite(element, "p_kw", given.p_kw);
    checker.finite(element, "q_kvar", given.q_kvar);
    band(checker, element, given.v_min_pu, given.v_max_pu);
    shapes(checker, element, &[("daily", &given.daily)]);
}

fn generator(checker: &mut Checker<'_>, element: Element<'_>, given: &Generator) {
    if checker.phases(element, given.phases) {
        checker.terminal(element, "bus", &given.bus, Conductors::of(given.connection, given.phases));
    }
    checker.voltage_base(element, "v_kv", given.v_kv);
    checker.finite(element, "p_kw", given.p_kw);
    checker.finite(element, "q_kvar", given.q_kvar);
    checker.positive_if_given(element, "s_kva", given.s_kva);
    checker.positive(element, "x_subtransient_pu", given.x_subtransient_pu);
    band(checker, element, given.v_min_pu, given.v_max_pu);
    let given = [("daily", &given.daily), ("yearly", &given.yearly), ("duty", &given.duty)];
    shapes(checker, element, &given);
}

fn reactive(checker: &mut Checker<'_>, element: Element<'_>, q_kvar: Option<f64>, power_factor: Option<f64>) {
    checker.one_of(element, false, &[("q_kvar", q_kvar.is_some()), ("power_factor", power_factor.is_some())]);
    checker.finite(element, "q_kvar", q_kvar.unwrap_or(0.0));
    if let Some(pf) = power_factor {
        checker.within(element, "power_factor", pf, -1.0..=1.0);
        if pf == 0.0 {
            checker.error("E0210", element, "power_factor", format!("{element}: power_factor must not be 0"));
        }
    }
}

fn pv_system(checker: &mut Checker<'_>, element: Element<'_>, given: &PvSystem) {
    if checker.phases(element, given.phases) {
        checker.terminal(element, "bus", &given.bus, Conductors::of(given.connection, given.phases));
    }
    checker.voltage_base(element, "v_kv", given.v_kv);
    checker.positive(element, "s_kva", given.s_kva);
    checker.not_negative(element, "p_mpp_kw", given.p_mpp_kw);
    checker.not_negative(element, "irradiance_kw_per_m2", given.irradiance_kw_per_m2);
    checker.not_negative(element, "p_mpp_percent", given.p_mpp_percent);
    if given.cut_out_percent > given.cut_in_percent {
        let (out, cut_in) = (given.cut_out_percent, given.cut_in_percent);
        let message =
            format!("{element}: cut_out_percent {out} is above cut_in_percent {cut_in}: it never stays on in between");
        checker.warning("W0207", element, "cut_out_percent", message);
    }
    curve(checker, element, "temperature_curve", &given.temperature_curve);
    checker.not_negative(element, "r_percent", given.r_percent);
    checker.finite(element, "x_percent", given.x_percent);
    curve(checker, element, "efficiency_curve", &given.efficiency_curve);
    reactive(checker, element, given.q_kvar, given.power_factor);
    band(checker, element, given.v_min_pu, given.v_max_pu);
    let given = [("daily", &given.daily), ("yearly", &given.yearly), ("duty", &given.duty)];
    shapes(checker, element, &given);
}

fn storage(checker: &mut Checker<'_>, element: Element<'_>, given: &Storage) {
    if checker.phases(element, given.phases) {
        checker.terminal(element, "bus", &given.bus, Conductors::of(given.connection, given.phases));
    }
    checker.voltage_base(element, "v_kv", given.v_kv);
    checker.positive(element, "p_rated_kw", given.p_rated_kw);
    checker.positive_if_given(element, "s_kva", given.s_kva);
    checker.positive(element, "e_rated_kwh", given.e_rated_kwh);
    for (key, value) in [("stored_percent", given.stored_percent), ("reserve_percent", given.reserve_percent)] {
        checker.within(element, key, value, 0.0..=100.0);
    }
    for (key, value) in [
        ("charge_efficiency_percent", given.charge_efficiency_percent),
        ("discharge_efficiency_percent", given.discharge_efficiency_percent),
    ] {
        checker.within(element, key, value, 1.0..=100.0);
    }
    for (key, value) in [
        ("charge_percent", given.charge_percent),
        ("discharge_percent", given.discharge_percent),
        ("idling_percent", given.idling_percent),
    ] {
        checker.not_negative(element, key, value);
    }
    checker.not_negative(element, "r_percent", given.r_percent);
    checker.finite(element, "x_percent", given.x_percent);
    curve(checker, element, "efficiency_curve", &given.efficiency_curve);
    reactive(checker, element, given.q_kvar, given.power_factor);
    band(checker, element, given.v_min_pu, given.v_max_pu);
    shapes(checker, element, &[("daily", &given.daily)]);
}
