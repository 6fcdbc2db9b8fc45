//! The loop from waveform to mitigation: what is measured is what is there, what is decided is done, nothing is allocated.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use phasorbench::bench::{Batch, Bench};
use phasorbench::record::{Recorder, Table};
use phasorbench::scenario;

#[path = "support/counting.rs"]
mod counting;

const SITE: &str = "
feeder: site
frequency_hz: 50
voltage_bases_kv: [10, 0.4]
sources: {grid: {bus: mv, v_kv: 10, mvasc3: 20, mvasc1: 15}}
transformers:
  t1: {windings: [{bus: mv, connection: delta, v_kv: 10, s_kva: 250, r_percent: 0.5}, {bus: pcc, v_kv: 0.4, s_kva: 250, r_percent: 0.5}], x_percent: [4]}
capacitors: {bank: {bus: pcc, v_kv: 0.4, q_kvar: [5]}}
loads: {base: {bus: pcc, v_kv: 0.4, p_kw: 25, q_kvar: 8}}
";

/// Runs a scenario on the site; `head` is what stands before devices, instruments and controllers.
fn run(head: &str, rest: &str) -> (Table, u64, u64) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("site.yaml"), SITE).unwrap();
    let text = format!("scenario: s\nfeeder: site.yaml\ncontrols: off\nseed: 3\n{head}\n{rest}\n");
    std::fs::write(dir.path().join("s.yaml"), text).unwrap();
    let reading = scenario::read(&dir.path().join("s.yaml"));
    let plan = reading.plan.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    let bench = Bench::new(&plan).unwrap();
    let path = dir.path().join("series.csv");
    let mut recorder = Recorder::create(&path, bench.channels()).unwrap();
    let (mut first, mut last) = (None, 0);
    let mut progress = |tick: phasorbench::quantity::Tick| {
        last = counting::asked();
        if tick.0 == 2 {
            first = Some(last);
        }
    };
    bench.run(Some(&mut recorder), &mut Batch, &mut progress).unwrap();
    recorder.finish().unwrap();
    (Table::read_csv(&path).unwrap(), first.unwrap_or(last), last)
}

fn at_end(table: &Table, name: &str) -> f64 {
    *table.column(name).unwrap_or_else(|| panic!("no {name}")).last().unwrap()
}

/// What the analyser measures at the end of a steady run is what the solver has: orders, THD, currents, frequency.
#[test]
fn an_analyser_measures_what_is_there() {
    for (f_hz, event) in [(50.0, ""), (49.7, "events: [{at_s: 0, frequency_hz: 49.7}]\n")] {
        let head = format!(
            "duration_s: 1.4\nstep_s: 0.1\n{event}\
             harmonics: {{background: {{h3: {{order: 3, percent: 1}}, h5: {{order: 5, percent: 2, angle_deg: 30}}, h49: {{order: 49, percent: 0.3}}}}}}"
        );
        let (table, ..) = run(
            &head,
            "devices: {ev: {inverter: {model: v2g_22kw, bus: pcc, count: 5, p_kw: -90, emission: physical}}}\n\
             instruments: {pqa: {power_quality: {bus: pcc, current: [ev]}}}\n\
             outputs: {quantities: [pqa.u2.h5_v, pcc.2.h5_v, pqa.u2.h49_v, pcc.2.h49_v, pqa.i1.h5_a, ev.h5_a, pcc.1.v_v, pcc.3.thd_percent]}",
        );
        let close = |measured: &str, truth: f64| {
            let measured = at_end(&table, measured);
            assert!((measured / truth - 1.0).abs() < 1e-3, "{f_hz} Hz: {measured} instead of {truth}");
        };
        close("pqa.u2.h5_v", at_end(&table, "pcc.2.h5_v"));
        close("pqa.u2.h49_v", at_end(&table, "pcc.2.h49_v"));
        close("pqa.i1.h5_a", at_end(&table, "ev.h5_a"));
        close("pqa.u3.thd_percent", at_end(&table, "pcc.3.thd_percent"));
        let v1 = at_end(&table, "pcc.1.v_v");
        let thd = at_end(&table, "pqa.u1.thd_percent") / 100.0;
        close("pqa.u1.rms_v", v1 * (1.0 + thd * thd).sqrt());
        assert!((at_end(&table, "pqa.frequency_hz") - f_hz).abs() < 1e-3);
        assert_eq!(at_end(&table, "pqa.synchronised"), 1.0);
    }
}

/// A background of a source behind an impedance, by hand: without load and emission the bus has the source's own share of
/// every order, and THD is the root of their squares.
#[test]
fn a_background_reaches_an_idle_bus() {
    let (table, ..) = run(
        "duration_s: 1\nstep_s: 0.5\nloads: {base: {scale: 0}}\ncapacitors: {bank: open}\n\
         harmonics: {loads: neglect, background: {a: {order: 5, percent: 3}, b: {order: 7, percent: 4}, c: {order: 5, percent: 0}}}",
        "outputs: {quantities: [pcc.1.thd_percent, pcc.1.h5_percent, pcc.2.h7_percent]}",
    );
    assert!((at_end(&table, "pcc.1.thd_percent") - 5.0).abs() < 0.01);
    assert!((at_end(&table, "pcc.1.h5_percent") - 3.0).abs() < 0.01);
    assert!((at_end(&table, "pcc.2.h7_percent") - 4.0).abs() < 0.01);
}

/// An active filter takes away what it is told to cancel, and only that; one that answers to voltage damps.
#[test]
fn an_active_filter_cancels_a_fleet() {
    let quantities = "outputs: {quantities: [pcc.1.h5_v, pcc.1.h7_v, pcc.1.thd_percent]}";
    let fleet = "ev: {inverter: {model: v2g_22kw, bus: pcc, count: 5, p_kw: -90}}";
    let filtered =
        |filter: &str| run("duration_s: 4\nstep_s: 0.1", &format!("devices: {{{fleet}{filter}}}\n{quantities}")).0;
    let without = filtered("");
    let cancelling = filtered(", apf: {active_filter: {bus: pcc, s_kva: 50, orders: [5], cancels: [ev]}}");
    let damping = filtered(", apf: {active_filter: {bus: pcc, s_kva: 50, orders: [5, 7], conductance_s: 5}}");
    let h = |table: &Table, order: u32| at_end(table, &format!("pcc.1.h{order}_v"));
    assert!(h(&cancelling, 5) < 1e-3 * h(&without, 5), "{} of {}", h(&cancelling, 5), h(&without, 5));
    assert!((h(&cancelling, 7) / h(&without, 7) - 1.0).abs() < 1e-6, "order 7 is not selected");
    assert!(h(&damping, 5) < 0.9 * h(&without, 5) && h(&damping, 7) < 0.9 * h(&without, 7));
}

/// A filter that is switched off stays off when it is lost and comes back.
#[test]
fn a_filter_that_is_off_stays_off() {
    let (table, ..) = run(
        "duration_s: 6\nstep_s: 1\nharmonics: {background: {h5: {order: 5, percent: 3}}}\nevents: [{at_s: 3, lose: apf, for_s: 1}]",
        "devices: {apf: {active_filter: {bus: pcc, s_kva: 60, conductance_s: 9, on: false}}}\n\
         outputs: {quantities: [pcc.1.h5_v, apf.h5_a]}",
    );
    let h5 = table.column("pcc.1.h5_v").unwrap();
    assert!(h5.iter().all(|v| (v / h5[0] - 1.0).abs() < 1e-9), "{h5:?}");
}

/// Distortion above the limit raises an alarm, which clears when it is gone; flicker is told after its time.
#[test]
fn an_analyser_raises_alarms_and_observes_flicker() {
    let (table, ..) = run(
        "duration_s: 60\nstep_s: 0.2\nharmonics: {background: {h5: {order: 5, percent: 8}}}\n\
         events: [{at_s: 30, scale_background: {h5: 0.1}}]",
        "instruments: {pqa: {power_quality: {bus: pcc, limits: seed, flicker_s: 20}}}\noutputs: {quantities: [pqa.alarms, pqa.pst]}",
    );
    let alarms = table.column("pqa.alarms").unwrap();
    assert!(alarms[..120].iter().any(|count| *count >= 1.0), "raised");
    assert_eq!(*alarms.last().unwrap(), 0.0, "cleared");
    let pst = at_end(&table, "pqa.pst");
    assert!((0.0..0.5).contains(&pst), "a steady voltage: {pst}");
}

/// Events: a unit that emits more, a louder background, a lost fleet, a filter that is switched.
#[test]
fn events_change_what_is_emitted() {
    let (table, ..) = run(
        "duration_s: 8\nstep_s: 1\nharmonics: {background: {h7: {order: 7, percent: 1}}}\n\
         events: [{at_s: 2, emission: {ev: 4}, for_s: 1}, {at_s: 4, scale_background: {h7: 2}, for_s: 1}, \
         {at_s: 6, active_filter: {apf: on}}, {at_s: 8, lose: ev}]",
        "devices: {ev: {inverter: {model: v2g_22kw, bus: pcc, count: 5, p_kw: -90, spread: {size_percent: 0, angle_deg: 0}}}, \
         apf: {active_filter: {bus: pcc, s_kva: 60, orders: [5], cancels: [ev], gain: 1, on: false}}}\n\
         outputs: {quantities: [ev.h5_a, pcc.1.h7_v, apf.h5_a]}",
    );
    let at = |name: &str, k: usize| table.column(name).unwrap()[k - 1];
    // The filter admittance of the units answers to the voltage, so not exactly four.
    assert!((3.0..4.5).contains(&(at("ev.h5_a", 2) / at("ev.h5_a", 1))));
    assert!((at("ev.h5_a", 3) / at("ev.h5_a", 1) - 1.0).abs() < 0.01);
    assert!(at("pcc.1.h7_v", 4) > 1.3 * at("pcc.1.h7_v", 3));
    assert!((at("pcc.1.h7_v", 5) / at("pcc.1.h7_v", 3) - 1.0).abs() < 0.01);
    assert!(at("apf.h5_a", 5) == 0.0 && at("apf.h5_a", 7) > 0.5 * at("ev.h5_a", 7));
    assert!(at("ev.h5_a", 8) < 0.02 * at("ev.h5_a", 1), "a lost fleet emits nothing");
}

/// Power, storage and support functions of an inverter move the fundamental as they say.
#[test]
fn inverters_charge_and_support() {
    let (table, ..) = run(
        "duration_s: 3600\nstep_s: 60\nevents: [{at_s: 1800, frequency_hz: 50.5}]",
        "devices:\n  ev: {inverter: {model: v2g_22kw, bus: pcc, count: 4, p_kw: -40, storage: {energy_kwh: 50, soc_percent: 40}}}\n  \
         sup: {inverter: {model: v2g_22kw, bus: pcc, p_kw: 10, functions: [freq_watt]}}\n\
         outputs: {quantities: [ev.soc_percent, sup.p_w, ev.p_w]}",
    );
    // 10 kW each through 95 % for an hour into 50 kWh.
    assert!(
        (at_end(&table, "ev.soc_percent") - (40.0 + 100.0 * 9.5 / 50.0)).abs() < 0.05,
        "{}",
        at_end(&table, "ev.soc_percent")
    );
    // 5 % droop beyond 36 mHz: 0.464 Hz of 2.5 Hz, of 22 kW.
    assert!((at_end(&table, "sup.p_w") - (10e3 - 22e3 * 0.464 / 2.5)).abs() < 20.0, "{}", at_end(&table, "sup.p_w"));
    assert!((at_end(&table, "ev.p_w") + 40e3).abs() < 1.0);
}

/// A transformer ages by what flows through it: harmonics make it hotter.
#[test]
fn harmonics_age_a_transformer() {
    let hot_spot = |emission: &str| {
        let (table, ..) = run(
            "duration_s: 36000\nstep_s: 600\nageing: {t1: {ambient_c: 30}}",
            &format!(
                "devices: {{ev: {{inverter: {{model: v2g_22kw, bus: pcc, count: 10, p_kw: -200, emission: {emission}}}}}}}\n\
                 outputs: {{quantities: [transformer.t1.hot_spot_c, transformer.t1.harmonic_loss_factor, transformer.t1.loss_of_life_h]}}"
            ),
        );
        (at_end(&table, "transformer.t1.hot_spot_c"), at_end(&table, "transformer.t1.harmonic_loss_factor"))
    };
    let (clean, dirty) = (hot_spot("none"), hot_spot("measured"));
    assert!((clean.1 - 1.0).abs() < 0.01 && dirty.1 > 1.01, "{clean:?} {dirty:?}");
    assert!(dirty.0 > clean.0 && (60.0..140.0).contains(&clean.0), "{clean:?} {dirty:?}");
}

/// All of it at once: no allocation in a step once windows have begun.
#[test]
fn a_step_of_the_loop_allocates_nothing() {
    let (_, first, last) = run(
        "duration_s: 12\nstep_s: 0.2\nageing: {t1: {}}\n\
         profiles: {fleet: {function: {random: {mean: 0.8, sd: 0.1, every_s: 1}}}}\n\
         harmonics: {background: {h5: {order: 5, percent: 4, wander_percent: 5}}}\n\
         events: [{at_s: 0.2, capacitor: {bank: open}}, {at_s: 4, capacitor: {bank: closed}}, {at_s: 5, sag: {to: 0.7}, for_s: 0.4}, {at_s: 6, emission: {ev1: 30}}]",
        "devices:\n  ev1: {inverter: {model: v2g_22kw, bus: pcc, count: 5, p_kw: -90, profile: fleet, storage: {energy_kwh: 60}}}\n  \
         ev2: {inverter: {model: v2g_22kw, bus: pcc, p_kw: -10, emission: physical, functions: [volt_var]}}\n  \
         apf: {active_filter: {bus: pcc, s_kva: 20, cancels: [ev2]}}\n\
         instruments:\n  pqa: {power_quality: {bus: pcc, current: [ev1, ev2], transducers: {adc_bits: 16, noise_percent: 0.01, lost_percent: 1}, \
         attribution: {fleet: [ev1, ev2], z_ohm: [0.005, 0.034]}}}\n\
         controllers: {thd: {law: thd_mitigation, measures: pqa, actuators: [ev1, ev2], limit_percent: 2, probe: {device: ev1, current_a: 2}}}\n\
         outputs: {quantities: [pqa.u1.thd_percent, thd.rung, ev1.h5_a]}",
    );
    assert_eq!(last - first, 0, "allocations in a step");
}

/// The same scenario gives the same bytes.
#[test]
fn the_loop_is_deterministic() {
    let once = || {
        run(
            "duration_s: 2\nstep_s: 0.2\nharmonics: {background: {h5: {order: 5, percent: 4, wander_percent: 5}}}",
            "devices: {ev: {inverter: {model: v2g_22kw, bus: pcc, count: 5, p_kw: -90, emission: cars}}}\n\
             instruments: {pqa: {power_quality: {bus: pcc, current: [ev], transducers: {noise_percent: 0.1, ct_class: 0.5s, ct_rated_a: 200}}}}\n\
             outputs: {quantities: [pqa.u1.h5_v, pqa.i3.h5_a]}",
        )
        .0
    };
    let (a, b) = (once(), once());
    for name in ["pqa.u1.h5_v", "pqa.i3.h5_a"] {
        let bits = |table: &Table| table.column(name).unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&a), bits(&b));
    }
}

/// Every scenario of quality that is shipped can be read.
#[test]
fn shipped_scenarios_read() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/quality");
    let mut count = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let reading = scenario::read(&entry.unwrap().path());
        assert!(reading.plan.is_some(), "{:?}", reading.diagnostics);
        count += 1;
    }
    assert!(count >= 11, "{count}");
}
