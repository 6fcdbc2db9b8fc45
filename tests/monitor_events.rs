//! Events, aggregation, statistics and limits against the reference vectors of `tests/data/monitor_events`.

use std::f64::consts::{SQRT_2, TAU};

use phasorbench::monitor::aggregate::{Aggregate, Interval};
use phasorbench::monitor::event::{Event, EventKind, EventSettings, Events};
use phasorbench::monitor::limits::{Compliance, Edition, LimitSettings, Profile, tables};
use phasorbench::monitor::statistics::Percentile;
use phasorbench::monitor::{ChannelRole, Settings};
use serde_json::Value;

fn vector(name: &str) -> Value {
    let path = format!("{}/tests/data/monitor_events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("the vector")).expect("JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

fn flags(value: &Value) -> Vec<bool> {
    value.as_array().expect("a list").iter().map(|flag| flag.as_bool().expect("a flag")).collect()
}

/// The samples that a vector's components describe.
fn samples(vector: &Value) -> Vec<f64> {
    let rate = number(&vector["fs"]);
    let count = vector["n_samples"].as_u64().expect("a count");
    let components = vector["components"].as_array().expect("components");
    let at = |n: u64| {
        let t = n as f64 / rate;
        let one = |c: &Value| {
            let on = t >= c["t0"].as_f64().unwrap_or(f64::MIN) && t < c["t1"].as_f64().unwrap_or(f64::MAX);
            let angle = TAU * number(&c["f"]) * t + number(&c["phase_deg"]).to_radians();
            if on { SQRT_2 * number(&c["rms"]) * angle.cos() } else { 0.0 }
        };
        components.iter().map(one).sum()
    };
    (0..count).map(at).collect()
}

#[test]
fn v10_dips_swells_and_interruptions() {
    let vector = vector("v10_dip_swell_interruption");
    let expected = &vector["expected"];
    let rate = number(&vector["fs"]);
    let mut events = Events::new(1, rate, 50.0, EventSettings::new(number(&vector["u_din"]))).expect("settings");
    let (mut values, mut found): (Vec<f64>, Vec<Event>) = (Vec::new(), Vec::new());
    for block in samples(&vector).chunks(1000) {
        events.push(
            &[block],
            |_, value| {
                assert!((value.end_s - (values.len() as f64 * 0.01 + 0.02)).abs() < 1e-9, "{value:?}");
                values.push(value.rms);
            },
            |event| found.push(event),
        );
    }
    events.finish(|event| found.push(event));
    let reference = numbers(&expected["urms_half"]);
    // The last cycle ends with the last sample, but its value needs the one after it.
    assert_eq!(values.len(), reference.len() - 1);
    let worst = values.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("v10: Urms(1/2) within {worst:.1e} V");
    assert!(worst < number(&vector["abs_tol"]), "{worst:e}");
    let list = expected["events"].as_array().expect("events");
    assert_eq!(found.len(), list.len(), "{found:?}");
    for (event, reference) in found.iter().zip(list) {
        let kind = match (reference["type"].as_str(), reference["interruption"].as_bool()) {
            (_, Some(true)) => EventKind::Interruption,
            (Some("swell"), _) => EventKind::Swell,
            _ => EventKind::Dip,
        };
        assert_eq!((event.kind, event.ended), (kind, true));
        let near = |value: f64, key: &str| assert!((value - number(&reference[key])).abs() < 1e-4, "{event:?}: {key}");
        near(event.start_s, "start");
        near(event.start_s + event.duration_s, "end");
        near(event.duration_s, "duration_s");
        near(event.residual_percent, "extreme_pct");
    }
    let window = |k: usize| events.flagged(0.2 * k as f64, 0.2 * (k + 1) as f64);
    assert_eq!((0..10).map(window).collect::<Vec<_>>(), flags(&expected["flagged_10cycle_windows"]));
}

/// The series that v16 defines by formulas.
fn v16_series() -> (Vec<f64>, Vec<f64>) {
    let short = |i: u32| {
        let turn = TAU * f64::from(i) / 28_800.0;
        3.0 + 1.2 * turn.sin() + 0.6 * (37.0 * turn).sin() + if i % 80 == 0 { 4.5 } else { 0.0 }
    };
    let ten = |j: u32| 3.9 + (TAU * f64::from(j) / 144.0).sin() + 0.5 * (TAU * f64::from(j) / 1008.0).sin();
    ((0..28_800).map(short).collect(), (0..1008).map(ten).collect())
}

#[test]
fn v16_percentiles_of_a_day_and_a_week() {
    let vector = vector("v16_ieee519_voltage_stats");
    let (short, ten) = v16_series();
    let percentile = |percent, values: &[f64]| {
        let mut kept = Percentile::new(percent, u32::try_from(values.len()).expect("few"));
        values.iter().for_each(|value| kept.add(*value));
        kept.value()
    };
    for (class, line_to_line_v) in [("LV<=1kV", 400.0), ("1-69kV", 20e3)] {
        let expected = &vector["expected"][class];
        assert!((percentile(99.0, &short) - number(&expected["daily_p99_3s"])).abs() < 1e-6);
        assert!((percentile(95.0, &ten) - number(&expected["weekly_p95_10min"])).abs() < 1e-6);
        // The same through the profile: a week, whose first day has the 3-second values.
        let instrument = Settings::new(12_800.0, 50.0, vec![ChannelRole::voltage(1)]);
        let settings = LimitSettings::new(Profile::Ieee519, line_to_line_v);
        let mut compliance = Compliance::new(&instrument, settings).expect("settings");
        let mut aggregate = Aggregate::room(1);
        let mut add = |interval, start_s: f64, length_s: f64, thd: f64| {
            (aggregate.interval, aggregate.start_s, aggregate.end_s) = (interval, start_s, start_s + length_s);
            aggregate.channels[0].thd_subgroup_percent = thd;
            compliance.add(&aggregate);
        };
        short.iter().enumerate().for_each(|(k, thd)| add(Interval::Short, 3.0 * k as f64, 3.0, *thd));
        add(Interval::Short, 604_797.0, 3.0, 0.0);
        ten.iter().enumerate().for_each(|(k, thd)| add(Interval::TenMinutes, 600.0 * k as f64, 600.0, *thd));
        let verdicts = compliance.judgement().verdicts;
        let [day, week] = &verdicts[..] else { panic!("{verdicts:?}") };
        for (verdict, prefix, value) in [(day, "daily", "daily_p99_3s"), (week, "weekly", "weekly_p95_10min")] {
            assert!((verdict.value - number(&expected[value])).abs() < 1e-6, "{verdict:?}");
            assert_eq!(Some(verdict.passed), expected[format!("{prefix}_ok")].as_bool(), "{verdict:?}");
        }
        assert_eq!((day.limit, week.limit), (number(&expected["daily_limit"]), number(&expected["limit"])));
        assert_eq!(week.name, "IEEE 519 voltage THD, 95 % of 10 min values over the worst week, u1");
    }
}

#[test]
fn v17_current_limits() {
    let vector = vector("v17_519_tdd_1547_trd");
    let mut spectrum = [0.0; 51];
    for (order, percent) in vector["spectrum_pct"].as_object().expect("a spectrum") {
        spectrum[order.parse::<usize>().expect("an order")] = number(percent);
    }
    let tdd = spectrum.iter().map(|percent| percent * percent).sum::<f64>().sqrt();
    let violations = |limits: &tables::ByOrder| tables::violations(&spectrum, limits).collect::<Vec<_>>();
    let orders = |list: &Value| -> Vec<usize> { numbers(list).into_iter().map(|order| order as usize).collect() };
    for case in vector["expected"]["ieee519"].as_array().expect("cases") {
        let ratio = number(&case["Isc_over_IL"]);
        for (edition, key) in [(Edition::Y2014, "violations_2014"), (Edition::Y2022, "violations_2022")] {
            let (limits, most) = tables::ieee519_current(ratio, edition);
            assert_eq!(violations(&limits), orders(&case[key]), "{ratio}, {key}");
            assert_eq!((most, Some(tdd <= most)), (number(&case["TDD_limit"]), case["tdd_ok"].as_bool()));
        }
        assert!((tdd - number(&case["TDD_pct"])).abs() < 1e-9);
    }
    let (limits, trd) = tables::ieee1547();
    let expected = &vector["expected"]["ieee1547"];
    assert_eq!((violations(&limits), trd), (orders(&expected["violations"]), number(&expected["TRD_limit"])));
    let (limits, _) = tables::ieee519_current(15.0, Edition::Y2022);
    for (order, limit) in vector["expected"]["limits_2022_scr15"].as_object().expect("limits") {
        assert_eq!(limits[order.parse::<usize>().expect("an order")], number(limit), "order {order}");
    }
}
