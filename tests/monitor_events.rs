//! Events, aggregation, statistics and limits against the reference vectors of `tests/data/monitor_events`.

use std::f64::consts::{SQRT_2, TAU};

use phasorbench::monitor::event::{Event, EventKind, EventSettings, Events};
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
