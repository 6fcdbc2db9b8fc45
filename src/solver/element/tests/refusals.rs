//! What cannot be modelled is refused by name, and nothing panics whatever the numbers.

use proptest::prelude::*;

use super::*;

fn feeder(body: &str) -> Feeder {
    serde_json::from_str(&format!(r#"{{"feeder": "x", "voltage_bases_kv": [], "sources": {{}}, {body}}}"#)).unwrap()
}

/// Models every element of a feeder; the first refusal of each.
fn refusals(feeder: &Feeder) -> Vec<String> {
    let at = Frequency::power(feeder.frequency_hz);
    let mut found: Vec<Result<(), ElementError>> = Vec::new();
    found.extend(feeder.sources.iter().map(|(n, s)| source(n, s, at).map(|_| ())));
    for part in [Part::Whole, Part::Series] {
        found.extend(feeder.lines.iter().map(|(n, l)| line(feeder, n, l, feeder.frequency_hz, part).map(|_| ())));
        found.extend(feeder.capacitors.iter().map(|(n, c)| capacitor(n, c, &c.closed, at, part).map(|_| ())));
        found.extend(feeder.reactors.iter().map(|(n, r)| reactor(n, r, at, part).map(|_| ())));
        found.extend(feeder.faults.iter().map(|(n, f)| fault(n, f, part).map(|_| ())));
    }
    found.extend(feeder.transformers.iter().map(|(n, t)| TransformerModel::new(n, t, at).map(|_| ())));
    found.extend(feeder.loads.iter().map(|(n, l)| load(n, l).map(|_| ())));
    found.extend(feeder.generators.iter().map(|(n, g)| generator(n, g).map(|_| ())));
    found.extend(feeder.pv_systems.iter().map(|(n, p)| pv_system(n, p, PvState::of(p)).map(|_| ())));
    found.extend(
        feeder
            .storages
            .iter()
            .map(|(n, s)| storage(n, s, storage_power(s, StorageOrder::State(s.state), 1.0)).map(|_| ())),
    );
    found.into_iter().filter_map(|r| r.err().map(|e| e.to_string())).collect()
}

#[test]
fn refusals_name_the_element_and_the_reason() {
    let wire =
        r#""wires": {"w": {"r_ac_ohm_per_km": 0.2, "radius_mm": 9}}, "geometries": {"g": {"phases": 2, "conductors":"#;
    let on_g = r#"}}, "lines": {"a": {"from": "p", "to": "q", "geometry": "g", "length_km": 1}}"#;
    let table = [
        (r#""lines": {"a": {"from": "p", "to": "q", "code": "none", "length_m": 1}}"#.to_owned(), "line a: the feeder has no line code \"none\""),
        (r#""lines": {"a": {"from": "p", "to": "q", "geometry": "none", "length_m": 1}}"#.to_owned(), "line a: the feeder has no geometry \"none\""),
        (r#""lines": {"a": {"from": "p", "to": "q"}}"#.to_owned(), "line a: its code, geometry or total impedance is missing"),
        (r#""lines": {"a": {"from": "p", "to": "q", "total": {"r_ohm": [[1, 1], [1, 1]]}}}"#.to_owned(), "line a: its impedance matrix is singular"),
        (r#""lines": {"a": {"from": "p", "to": "q", "phases": 3, "total": {"r_ohm": [[1, 1], [1, 2]]}}}"#.to_owned(), "line a: r_ohm is not a square matrix of order 3"),
        (r#""lines": {"a": {"from": "p", "to": "q", "phases": 0, "total": {"x1_ohm": 1}}}"#.to_owned(), "line a: 0 phases: from 1 to 64 are possible"),
        (r#""lines": {"a": {"from": "p", "to": "q", "code": "k"}}, "line_codes": {"k": {"phases": 1, "per": "mi", "impedance": {"x1_ohm": 1}}}"#.to_owned(), "line a: its length is missing"),
        (r#""lines": {"a": {"from": "p", "to": "q", "code": "k", "length_m": -3}}, "line_codes": {"k": {"phases": 1, "per": "mi", "impedance": {"x1_ohm": 1}}}"#.to_owned(), "line a: its length in m is -3: a positive number is needed"),
        (format!(r#"{wire} [{{"wire": "w", "x_m": 0, "h_m": 9}}, {{"wire": "w", "x_m": 0.01, "h_m": 9}}]{on_g}"#), "line a: conductor 1 of its geometry touches conductor 2"),
        (format!(r#"{wire} [{{"wire": "w", "x_m": 0, "h_m": 9}}, {{"wire": "w", "x_m": 1, "h_m": -9}}]{on_g}"#), "line a: conductor 2 of its geometry touches the ground"),
        (format!(r#"{wire} [{{"wire": "w", "x_m": 0, "h_m": 9}}, {{"wire": "v", "x_m": 1, "h_m": 9}}]{on_g}"#), "line a: the feeder has no wire \"v\""),
        (r#""transformers": {"a": {"x_percent": [1], "windings": [{"bus": "p", "v_kv": 1, "s_kva": 1}]}}"#.to_owned(), "transformer a: 1 windings: from 2 to 64 are possible"),
        (r#""transformers": {"a": {"x_percent": [], "windings": [{"bus": "p", "v_kv": 1, "s_kva": 1}, {"bus": "q", "v_kv": 1, "s_kva": 1}]}}"#.to_owned(), "transformer a: a reactance in x_percent is missing"),
        (r#""transformers": {"a": {"x_percent": [0], "windings": [{"bus": "p", "v_kv": 1, "s_kva": 1}, {"bus": "q", "v_kv": 1, "s_kva": 1}]}}"#.to_owned(), "transformer a: its impedance matrix is singular"),
        (r#""transformers": {"a": {"x_percent": [1], "windings": [{"bus": "p", "v_kv": 1, "s_kva": 0}, {"bus": "q", "v_kv": 1, "s_kva": 1}]}}"#.to_owned(), "transformer a: s_kva is 0: a positive number is needed"),
        (r#""loads": {"a": {"bus": "p", "v_kv": 0, "p_kw": 1}}"#.to_owned(), "load a: v_kv is 0: a positive number is needed"),
        (r#""loads": {"a": {"bus": "p", "v_kv": 1, "p_kw": 1, "model": "zip"}}"#.to_owned(), "load a: zip is missing"),
        (r#""loads": {"a": {"bus": "p", "phases": 1000000000000, "v_kv": 1, "p_kw": 1}}"#.to_owned(), "load a: 1000000000000 phases: from 1 to 64 are possible"),
        (r#""reactors": {"a": {"bus": "p"}}"#.to_owned(), "reactor a: its impedance is missing"),
        (r#""faults": {"a": {"bus": "p", "r_ohm": -1}}"#.to_owned(), "fault a: r_ohm is -1: zero or a positive number is needed"),
        (r#""faults": {"a": {"bus": "p", "phases": 2, "ground_ohm": -1}}"#.to_owned(), "fault a: ground_ohm is -1: zero or a positive number is needed"),
        (r#""transformers": {"a": {"phases": 32, "x_percent": [1], "windings": [{"bus": "p", "v_kv": 1, "s_kva": 1}, {"bus": "q", "v_kv": 1, "s_kva": 1}]}}"#.to_owned(), "transformer a: 66 conductors at all windings: from 2 to 64 are possible"),
        (r#""storages": {"a": {"bus": "p", "v_kv": 1, "p_rated_kw": 0, "e_rated_kwh": 1}}"#.to_owned(), "storage a: s_kva is 0: a positive number is needed"),
    ];
    for (body, expected) in table {
        assert_eq!(refusals(&feeder(&body)).first().map(String::as_str), Some(expected), "{body}");
    }
}

#[test]
fn a_source_whose_single_phase_fault_is_impossibly_strong_is_refused() {
    let mut f = feeder(r#""lines": {}"#);
    f.sources.insert(
        "a".into(),
        serde_json::from_str(r#"{"bus": "p", "v_kv": 115, "mvasc3": 100, "mvasc1": 1e9, "x0_over_r0": 1e200}"#)
            .unwrap(),
    );
    assert_eq!(refusals(&f).len(), 1);
    f.sources
        .insert("a".into(), serde_json::from_str(r#"{"bus": "p", "v_kv": 115, "r1_ohm": 0, "x1_ohm": 0}"#).unwrap());
    assert_eq!(refusals(&f), ["source a: its impedance matrix is singular"]);
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), Just(0.0), Just(f64::NAN), Just(f64::INFINITY), Just(1e-320), -2.0..2.0f64]
}

/// One feeder with an element of each kind, its numbers replaced one after another.
fn odd_feeder(phases: usize, x: &[f64]) -> Feeder {
    let text = include_str!("../../../../tests/data/element/one_of_each.json");
    let mut f: Feeder = serde_json::from_str(text).unwrap();
    let mut k = 0;
    let mut next = |old: &mut f64| {
        if k % 3 == phases % 3 {
            *old = x[k % x.len()];
        }
        k += 1;
    };
    let s = &mut f.sources[0];
    s.phases = phases;
    [&mut s.v_kv, &mut s.v_pu, &mut s.angle_deg, &mut s.x1_over_r1, &mut s.x0_over_r0].into_iter().for_each(&mut next);
    for t in f.transformers.values_mut() {
        t.phases = phases;
        t.x_percent.iter_mut().for_each(&mut next);
        [&mut t.no_load_loss_percent, &mut t.magnetizing_percent, &mut t.anti_float_ppm]
            .into_iter()
            .for_each(&mut next);
        for w in &mut t.windings {
            [&mut w.v_kv, &mut w.s_kva, &mut w.r_percent, &mut w.tap_pu, &mut w.neutral_x_ohm]
                .into_iter()
                .for_each(&mut next);
        }
    }
    f.capacitors[0].phases = phases;
    [&mut f.capacitors[0].v_kv, &mut f.faults[0].r_ohm].into_iter().for_each(&mut next);
    f.capacitors[0].q_kvar.iter_mut().for_each(&mut next);
    for l in f.loads.values_mut() {
        l.phases = phases;
        [&mut l.v_kv, &mut l.p_kw, &mut l.q_kvar, &mut l.v_min_pu, &mut l.v_max_pu, &mut l.v_low_pu]
            .into_iter()
            .for_each(&mut next);
    }
    let pv = &mut f.pv_systems[0];
    [&mut pv.v_kv, &mut pv.s_kva, &mut pv.p_mpp_kw, &mut pv.irradiance_kw_per_m2, &mut pv.cut_in_percent]
        .into_iter()
        .for_each(&mut next);
    pv.efficiency_curve.iter_mut().flatten().for_each(&mut next);
    let s = &mut f.storages[0];
    [&mut s.v_kv, &mut s.p_rated_kw, &mut s.e_rated_kwh, &mut s.reserve_percent].into_iter().for_each(&mut next);
    for w in f.wires.values_mut().chain(f.cables.values_mut().map(|c| &mut c.conductor)) {
        w.radius_mm = Some(x[0]).filter(|_| phases.is_multiple_of(2)).or(w.radius_mm);
    }
    for g in f.geometries.values_mut() {
        g.phases = phases;
        g.conductors.iter_mut().for_each(|c| next(&mut c.h_m));
    }
    f
}

proptest! {
    #[test]
    fn nothing_panics_and_nothing_is_not_finite(phases in 0usize..6, x in prop::collection::vec(any_number(), 1..8)) {
        let feeder = odd_feeder(phases, &x);
        refusals(&feeder);
        let at = Frequency::power(60.0);
        for (name, t) in &feeder.transformers {
            if let Ok(model) = TransformerModel::new(name, t, at) {
                let mut y = Admittance::default();
                model.admittance(&x, Part::Series, &mut y);
                model.admittance(&[], Part::Whole, &mut y);
                prop_assert!(y.is_finite());
            }
        }
        for (name, l) in &feeder.loads {
            if let Ok(model) = load(name, l) {
                model.current_a(complex(x[0], 0.0));
            }
        }
    }
}

#[test]
fn one_of_each_is_modelled_as_it_stands() {
    let feeder: Feeder = serde_json::from_str(include_str!("../../../../tests/data/element/one_of_each.json")).unwrap();
    assert_eq!(refusals(&feeder), [""; 0]);
}
