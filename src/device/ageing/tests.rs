//! Against an independent computation of the same equations, and by hand.

use super::*;
use crate::quantity::Step;

fn vector() -> serde_json::Value {
    let text = include_str!("../../../tests/data/transformer_ageing/v18_transformer.json");
    serde_json::from_str(text).unwrap()
}

fn close(name: &str, own: f64, reference: &serde_json::Value, tolerance: f64) {
    let reference = reference.as_f64().unwrap();
    println!("{name}: {own:.9} (reference {reference})");
    assert!((own - reference).abs() <= tolerance, "{name}: {own} {reference}");
}

#[test]
fn loss_factors_are_those_of_the_vector() {
    let vector = vector();
    let tolerance = vector["abs_tol"].as_f64().unwrap();
    let mut currents = vec![0.0; 51];
    for (order, value) in vector["inputs"]["Ih_pu_of_I1"].as_object().unwrap() {
        currents[order.parse::<usize>().unwrap()] = value.as_f64().unwrap();
    }
    let rated = RatedLosses {
        eddy_pu: vector["inputs"]["P_EC_R_pu"].as_f64().unwrap(),
        stray_pu: vector["inputs"]["P_OSL_R_pu"].as_f64().unwrap(),
    };
    let factors = LossFactors::of(&currents);
    let expected = &vector["expected"];
    close("F_HL", factors.eddy, &expected["F_HL"], tolerance);
    close("F_HL-STR", factors.stray, &expected["F_HL_STR"], tolerance);
    close("K", k_factor(&currents), &expected["K_factor_UL_I1_rated"], tolerance);
    let dry = RatedLosses { stray_pu: 0.0, ..rated };
    close("I_max, dry", factors.derating_pu(&dry), &expected["I_max_pu_dry"], tolerance);
    close("I_max, oil", factors.derating_pu(&rated), &expected["I_max_pu_oil"], tolerance);
}

#[test]
fn temperatures_and_life_are_those_of_the_vector() {
    let vector = vector();
    let (expected, tolerance) = (&vector["expected"], vector["abs_tol"].as_f64().unwrap());
    let minute = Step::new(60, 1).unwrap();
    let mut transformer = TransformerAgeing::new(ThermalSettings::ONAN_65, minute, 0.5, 30.0);
    for k in 1..=360u32 {
        let load = if k <= 120 {
            1.0
        } else if k <= 240 {
            1.3
        } else {
            0.6
        };
        let ageing = transformer.step(&[0.0, load]);
        for (name, own) in [("hot_spot_C", ageing.hot_spot_c), ("top_oil_rise", ageing.top_oil_c - 30.0)] {
            if let Some(reference) = expected[name].get(k.to_string()) {
                close(&format!("{name} at {k} min"), own, reference, tolerance);
            }
        }
        if k == 240 {
            close("F_AA at 240 min", ageing.acceleration, &expected["FAA_at_240"], tolerance);
        }
    }
    let ageing = transformer.ageing();
    close("loss of life, h", ageing.loss_of_life_h, &expected["loss_of_life_h"], tolerance);
    close("loss of life, %", ageing.loss_of_life_percent, &expected["pct_of_180000h"], tolerance);
    assert!((ageing.mean_acceleration - ageing.loss_of_life_h / 6.0).abs() < 1e-12);
}

#[test]
fn the_standards_worked_spectrum_derates_a_dry_transformer() {
    // C57.110's example as it is quoted: F_HL 2.72, with P_EC = 0.15 a largest current of 0.904.
    let mut currents = vec![0.0; 20];
    for (order, i) in [(1, 0.978), (5, 0.171), (7, 0.108), (11, 0.044), (13, 0.028), (17, 0.015), (19, 0.0098)] {
        currents[order] = i;
    }
    let factors = LossFactors::of(&currents);
    assert!((factors.eddy - 2.72).abs() < 0.005, "{}", factors.eddy);
    let largest = factors.derating_pu(&RatedLosses { eddy_pu: 0.15, stray_pu: 0.0 });
    assert!((largest - 0.904).abs() < 5e-4, "{largest}");
}

#[test]
fn ageing_is_normal_at_the_reference_and_doubles_in_seven_kelvin() {
    assert_eq!(Insulation::Rise65.ageing(110.0), 1.0);
    assert_eq!(Insulation::Rise55.ageing(95.0), 1.0);
    // exp(15000·(1/383 − 1/390)) = 2.02.
    assert!((Insulation::Rise65.ageing(117.0) - 2.02).abs() < 0.01);
    assert!((Insulation::Rise65.ageing(116.0) - 1.83).abs() < 0.005);
}

#[test]
fn harmonics_age_and_rated_load_does_not() {
    let hour = |currents: &[f64]| {
        let mut transformer = TransformerAgeing::new(ThermalSettings::ONAN_65, Step::new(1, 1).unwrap(), 1.0, 30.0);
        for _ in 0..7200 {
            transformer.step(currents);
        }
        transformer.ageing()
    };
    // 30 °C + 55 K + 25 K is 110 °C: normal ageing.
    let sine = hour(&[0.0, 1.0]);
    assert!((sine.hot_spot_c - 110.0).abs() < 1e-9 && (sine.loss_of_life_h - 2.0).abs() < 1e-9);
    let mut currents = vec![0.0, 1.0];
    currents.extend([0.0, 0.0, 0.0, 0.2, 0.0, 0.14]);
    let harmonics = hour(&currents);
    assert!(harmonics.loss_of_life_h > 1.5 * sine.loss_of_life_h, "{harmonics:?}");
    let (oil, spot) = ThermalSettings::ONAN_65
        .ultimate_k(currents.iter().map(|i| i * i).sum::<f64>().sqrt(), &LossFactors::of(&currents));
    // By hand: Σ I² = 1.0596, Σ h²I² = 2.9604, Σ h^0.8·I² = 1 + 5^0.8·0.04 + 7^0.8·0.0196 = 1.2379;
    // P_LL = 1.0596 + 0.29604 + 0.061895 = 1.417535, q = 1.232639; Δθ_TO = 55·(7.163195/6)^0.8 = 63.38; P_W/1.1 = 1.232400, ^0.8·25 = 29.55.
    assert!((oil - 63.38).abs() < 0.01 && (spot - 29.55).abs() < 0.01, "{oil} {spot}");
}

#[test]
fn what_is_no_number_loads_nothing() {
    let mut transformer = TransformerAgeing::new(ThermalSettings::ONAN_65, Step::new(60, 1).unwrap(), 0.0, 20.0);
    let before = transformer.ageing().hot_spot_c;
    let after = transformer.step(&[0.0, f64::NAN, f64::INFINITY]);
    assert!((after.hot_spot_c - before).abs() < 1e-9);
    assert!(ThermalSettings::ONAN_65.fault().is_none());
    assert!(ThermalSettings { oil_s: 0.0, ..ThermalSettings::ONAN_65 }.fault().is_some());
}
