//! Properties that hold whatever the numbers: reciprocity, passivity, power balance, rotation, slopes.

use super::*;
use crate::quantity::{angle_deg, phasor};
use crate::solver::element::law::Band;

fn feeder(body: &str) -> Feeder {
    serde_json::from_str(&format!(r#"{{"feeder": "x", "voltage_bases_kv": [], "sources": {{}}, {body}}}"#)).unwrap()
}

fn transformer(high: &str, low: &str, shift: &str, more: &str) -> TransformerModel {
    let feeder = feeder(&format!(
        r#""transformers": {{"t": {{"phase_shift": "{shift}", "x_percent": [6.0], "anti_float_ppm": 0, {more} "windings": [
            {{"bus": "p", "connection": "{high}", "v_kv": 12.47, "s_kva": 1000}},
            {{"bus": "q", "connection": "{low}", "v_kv": 4.16, "s_kva": 1000}}]}}}}"#
    ));
    TransformerModel::new("t", &feeder.transformers["t"], Frequency::power(60.0)).unwrap()
}

fn whole(model: &TransformerModel, taps_pu: &[f64]) -> Admittance {
    let mut y = Admittance::default();
    model.admittance(taps_pu, Part::Whole, &mut y);
    y
}

/// Deterministic voltages without any symmetry.
fn voltages(n: usize) -> Vec<Complex> {
    (0..n).map(|k| phasor(1000.0 + 137.0 * k as f64, 47.0 * (k * k) as f64)).collect()
}

/// Complex power into an element at given voltages.
fn power_va(y: &Admittance, v: &[Complex]) -> Complex {
    v.iter().zip(y.times(v)).map(|(v, i)| v * i.conj()).sum()
}

#[test]
fn inverse_and_kron_of_a_hand_solved_matrix() {
    let m = [[4.0, 2.0], [2.0, 3.0]];
    let m = Admittance::from_fn(2, |i, j| complex(m[i][j], 0.0));
    let inverse = m.inverse().unwrap();
    for (entry, expected) in inverse.values().iter().zip([0.375, -0.25, -0.25, 0.5]) {
        assert!((entry - expected).norm() < 1e-15);
    }
    assert!((m.kron(1).unwrap().get(0, 0) - complex(4.0 - 4.0 / 3.0, 0.0)).norm() < 1e-15);
    let swapped = Admittance::from_fn(2, |i, j| complex(f64::from(u8::from(i != j)), 0.0));
    assert_eq!(swapped.inverse().unwrap(), swapped, "needs a pivot below the diagonal");
    assert_eq!(Admittance::zeros(2).inverse(), None);
    assert_eq!(Admittance::from_fn(2, |_, _| complex(f64::NAN, 0.0)).inverse(), None);
}

#[test]
fn a_delta_wye_transformer_turns_by_thirty_degrees() {
    for (high, low, shift, expected_deg) in [
        ("delta", "wye", "lag", -30.0),
        ("delta", "wye", "lead", 30.0),
        ("wye", "delta", "lag", -30.0),
        ("wye", "delta", "lead", 30.0),
    ] {
        let y = whole(&transformer(high, low, shift, r#""no_load_loss_percent": 0,"#), &[]);
        // Open circuit on the low side: reduce to V_low = -Y_ll⁻¹·Y_lh·V_high over the low side's phases, its neutral
        // grounded, or one delta corner tied to ground by a negligible admittance.
        let low_y = Admittance::from_fn(3, |i, j| y.get(4 + i, 4 + j) + complex(if i == j { 1e-9 } else { 0.0 }, 0.0));
        let inverse = low_y.inverse().unwrap();
        let v_high: Vec<_> = (0..3).map(|k| phasor(7200.0, -120.0 * f64::from(k))).collect();
        let driven: Vec<_> = (0..3).map(|i| -(0..3).map(|j| y.get(4 + i, j) * v_high[j]).sum::<Complex>()).collect();
        let v_low = inverse.times(&driven);
        assert!((angle_deg(v_low[0]) - expected_deg).abs() < 1e-3, "{high}-{low} {shift}: {}", angle_deg(v_low[0]));
        assert!((v_low[0].norm() / v_high[0].norm() - 4.16 / 12.47).abs() < 1e-4);
    }
}

#[test]
fn every_tap_leaves_a_symmetric_admittance_in_the_same_place() {
    let model = transformer("wye", "delta", "lag", "");
    let mut y = Admittance::default();
    for tap in [0.9, 1.0, 1.1] {
        model.admittance(&[1.0, tap], Part::Whole, &mut y);
        let n = y.n();
        assert!((0..n * n).all(|k| (y.get(k / n, k % n) - y.get(k % n, k / n)).norm() <= 1e-12 * y.get(0, 0).norm()));
    }
    model.admittance(&[1.0, 1.1], Part::Whole, &mut y);
    let at_one = whole(&model, &[]);
    assert!(
        (y.get(4, 4) * 1.21 - at_one.get(4, 4)).norm() < 1e-9 * at_one.get(4, 4).norm(),
        "Y of a side goes by 1/tap²"
    );
    assert!((y.get(0, 0) - at_one.get(0, 0)).norm() < 1e-12 * at_one.get(0, 0).norm());
}

#[test]
fn a_transformer_without_resistance_has_no_loss_and_the_core_has_its_own() {
    let v = voltages(8);
    let lossless = power_va(&whole(&transformer("delta", "wye", "lag", ""), &[]), &v);
    assert!(lossless.re.abs() < 1e-9 * lossless.im.abs());
    let y = whole(&transformer("wye", "wye", "lag", r#""no_load_loss_percent": 0.5, "magnetizing_percent": 2,"#), &[]);
    let rated: Vec<_> = (0..8)
        .map(|k| match k % 4 {
            3 => complex(0.0, 0.0),
            p => phasor(if k < 4 { 12470.0 } else { 4160.0 } / 3f64.sqrt(), -120.0 * p as f64),
        })
        .collect();
    let s = power_va(&y, &rated);
    assert!((s - complex(5000.0, 20000.0)).norm() < 1e-3, "0.5 % and 2 % of 1 MVA: {s}");
}

#[test]
fn a_line_is_reciprocal_and_passive_and_blind_to_a_common_voltage() {
    for case in cases(include_str!("../../../../tests/data/element/line.json")) {
        let y = line(&case.feeder, "a", &case.feeder.lines["a"], case.f_hz, Part::Whole).unwrap().y;
        let n = y.n();
        let largest = y.values().iter().map(|y| y.norm()).fold(0.0, f64::max);
        assert!(
            (0..n * n).all(|k| (y.get(k / n, k % n) - y.get(k % n, k / n)).norm() < 1e-12 * largest),
            "{}",
            case.name
        );
        assert!(power_va(&y, &voltages(n)).re > 0.0, "{}", case.name);
        let series = line(&case.feeder, "a", &case.feeder.lines["a"], case.f_hz, Part::Series).unwrap().y;
        let same: Vec<_> = (0..n).map(|k| voltages(n / 2)[k % (n / 2)]).collect();
        for (i, v) in series.times(&same).iter().zip(&same) {
            assert!((i - complex(0.0, LINE_END_S) * v).norm() < 1e-12 * largest * v.norm(), "{}", case.name);
        }
    }
}

#[test]
fn rotating_the_phases_rotates_the_currents() {
    let feeder = feeder(
        r#""lines": {
            "a": {"from": "p.1.2.3", "to": "q.1.2.3", "phases": 3, "total": {"r1_ohm": 0.3, "x1_ohm": 0.6, "r0_ohm": 0.7, "x0_ohm": 1.9}},
            "b": {"from": "p.2.3.1", "to": "q.2.3.1", "phases": 3, "total": {"r1_ohm": 0.3, "x1_ohm": 0.6, "r0_ohm": 0.7, "x0_ohm": 1.9}}}"#,
    );
    let [a, b] = ["a", "b"].map(|name| line(&feeder, name, &feeder.lines[name], 60.0, Part::Whole).unwrap());
    let at =
        |p: &Primitive, bus: &str, node: u16| p.conductors().position(|c| *c == Conductor::new(bus, node)).unwrap();
    for (i, j) in [(1, 1), (1, 2), (2, 3)] {
        let entry = |p: &Primitive| p.y.get(at(p, "p", i), at(p, "q", j));
        assert!((entry(&a) - entry(&b)).norm() < 1e-12);
    }
}

fn laws() -> Vec<Law> {
    let band = Band { v_low_pu: 0.5, v_min_pu: 0.95, v_max_pu: 1.05 };
    vec![
        Law::Power(band),
        Law::Impedance { factor: 1.0 },
        Law::Motor(band),
        Law::Exponential { band, p: 0.8, q: 2.7 },
        Law::Current(band),
        Law::FixedQ(band),
        Law::FixedX(band),
        Law::Zip { band, p: [0.3, 0.2, 0.5], q: [0.1, 0.6, 0.3], cut_off_pu: 0.6 },
        Law::Source { v_min_pu: 0.9, v_max_pu: 1.1, factor: 1.0 },
    ]
}

#[test]
fn slopes_are_those_of_the_conductance() {
    let nominal = Nominal { p_w: 100e3, q_var: 40e3, q_fixed_var: 55e3 };
    for law in laws() {
        for m in [0.3, 0.55, 0.601, 0.7, 0.94, 0.97, 1.0, 1.04, 1.2] {
            let g = |m: f64| law.conductance(nominal, 7200.0, m);
            let h = 1e-6;
            let numeric = (g(m + h).g - g(m - h).g) / (2.0 * h);
            let scale = g(m).g.norm().max(g(1.0).g.norm()).max(numeric.norm());
            assert!((g(m).dg_dm - numeric).norm() < 1e-6 * scale, "{law:?} at {m}: {} {numeric}", g(m).dg_dm);
        }
    }
}

#[test]
fn in_its_band_a_load_draws_what_its_law_says() {
    let nominal = Nominal { p_w: 100e3, q_var: 40e3, q_fixed_var: 55e3 };
    let m = 0.97;
    let power = |law: &Law| {
        let u = m * 7200.0;
        (law.conductance(nominal, 7200.0, m).g * u).conj() * u
    };
    let expected = [
        complex(100e3, 40e3),
        complex(100e3 * m * m, 40e3 * m * m),
        complex(100e3, 40e3 * m * m),
        complex(100e3 * m.powf(0.8), 40e3 * m.powf(2.7)),
        complex(100e3 * m, 40e3 * m),
        complex(100e3, 55e3),
        complex(100e3, 55e3 * m * m),
        complex(100e3 * (0.3 * m * m + 0.2 * m + 0.5), 40e3 * (0.1 * m * m + 0.6 * m + 0.3)),
        complex(100e3, 40e3),
    ];
    for (law, expected) in laws().iter().zip(expected) {
        assert!((power(law) - expected).norm() < 1e-9 * expected.norm(), "{law:?}");
    }
}

#[test]
fn constant_power_and_current_have_no_jump_at_their_bands() {
    let nominal = Nominal { p_w: 1.0, q_var: 0.5, q_fixed_var: 0.5 };
    let band = Band { v_low_pu: 0.5, v_min_pu: 0.9, v_max_pu: 1.1 };
    for law in [Law::Power(band), Law::Current(band), Law::Source { v_min_pu: 0.9, v_max_pu: 1.1, factor: 1.0 }] {
        for edge in [0.9, 1.1] {
            let [below, above] = [-1e-9, 1e-9].map(|d| law.conductance(nominal, 1.0, edge + d).g);
            assert!((below - above).norm() < 1e-7, "{law:?} at {edge}");
        }
    }
    assert_eq!(Law::Power(Band::NONE).conductance(nominal, 1.0, 0.01).g, complex(1e4, -5e3));
}

#[test]
fn a_distributed_load_is_lumped_exactly_for_drop_and_for_loss() {
    let feeder = feeder(
        r#""lines": {"l": {"from": "p.1.2", "to": "q.2.1", "phases": 2, "code": "k", "length_ft": 2000}},
        "capacitor_controls": {"c": {"capacitor": "x", "element": "line.l", "terminal": 2, "on": 1, "off": 2}},
        "distributed_loads": {"d": {"line": "l", "nodes": [2], "phases": 1, "v_kv": 2.4, "p_kw": 90, "q_kvar": 30},
                              "e": {"line": "l", "phases": 2, "v_kv": 4.16, "p_kw": 60},
                              "lost": {"line": "none", "v_kv": 2.4, "p_kw": 90}}"#,
    );
    let expanded = crate::feeder::expand(&feeder);
    assert_eq!(expanded.lines.keys().collect::<Vec<_>>(), ["l", "l~rest"]);
    let (first, rest) = (&expanded.lines["l"], &expanded.lines["l~rest"]);
    assert_eq!([first.from.to_string(), first.to.to_string()], ["p.1.2", "l~quarter.1.2"]);
    assert_eq!([rest.from.to_string(), rest.to.to_string()], ["l~quarter.1.2", "q.2.1"]);
    assert_eq!(expanded.capacitor_controls["c"].element, "line.l~rest");
    assert_eq!(expanded.distributed_loads.keys().collect::<Vec<_>>(), ["lost"]);
    let places: Vec<_> = expanded.loads.iter().map(|(name, load)| (name.as_str(), load.bus.to_string())).collect();
    let expected = [("d~quarter", "l~quarter.2"), ("d~end", "q.1"), ("e~quarter", "l~quarter.1.2"), ("e~end", "q.2.1")];
    assert_eq!(places, expected.map(|(name, bus)| (name, bus.to_owned())));
    let (near, far) = (first.length_ft.unwrap() / 2000.0, rest.length_ft.unwrap() / 2000.0);
    let (at_quarter, at_end) = (expanded.loads["d~quarter"].p_kw / 90.0, expanded.loads["d~end"].p_kw / 90.0);
    assert!((near + far * at_end - 0.5).abs() < 1e-12, "drop of an evenly spread load is half of Z·I");
    assert!((near + far * at_end * at_end - 1.0 / 3.0).abs() < 1e-12, "its loss is a third of R·I²");
    assert!((at_quarter + at_end - 1.0).abs() < 1e-12);
}

#[test]
fn a_load_neutral_has_its_impedance_only_where_it_is_not_ground() {
    let feeder = feeder(
        r#""loads": {"a": {"bus": "p.1.2.3.4", "v_kv": 12.47, "p_kw": 1, "neutral_r_ohm": 4, "neutral_x_ohm": 3},
                     "b": {"bus": "p", "v_kv": 12.47, "p_kw": 1, "neutral_r_ohm": 4}}"#,
    );
    let neutral = load("a", &feeder.loads["a"]).unwrap().neutral.unwrap();
    assert_eq!(neutral.conductors().map(|c| c.node).collect::<Vec<_>>(), [4, 0]);
    assert!((neutral.y.get(0, 0) - complex(0.16, -0.12)).norm() < 1e-12);
    assert_eq!(load("b", &feeder.loads["b"]).unwrap().neutral, None);
}

#[test]
fn an_inverter_that_was_off_waits_for_its_cut_in() {
    let feeder = feeder(
        r#""pv_systems": {"a": {"bus": "p", "v_kv": 12.47, "s_kva": 100, "p_mpp_kw": 100, "cut_in_percent": 20, "cut_out_percent": 10}}"#,
    );
    let power = |irradiance_kw_per_m2: f64, inverter_on: bool| {
        let state = PvState { irradiance_kw_per_m2, temperature_c: 25.0, inverter_on };
        pv_power_kw_kvar(&feeder.pv_systems["a"], state)
    };
    assert_eq!(power(0.15, true), (15.0, 0.0, true));
    assert_eq!(power(0.15, false), (0.0, 0.0, false));
    assert_eq!(power(0.05, true), (0.0, 0.0, false));
    assert_eq!(power(0.25, false), (25.0, 0.0, true));
}
