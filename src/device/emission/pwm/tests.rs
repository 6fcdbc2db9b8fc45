//! The converter as a whole: what a switching frequency changes, and which are refused.

use super::*;

/// The 22 kW converter of the table.
const UNIT: Converter = Converter {
    vdc_v: 800.0,
    bridge: Bridge::TwoLevel,
    switching_hz: 20e3,
    most_switching_hz: 40e3,
    dead_time_s: 0.4e-6,
    crossing_a: 0.0,
    filter: Lcl { l1_h: 0.75e-3, r1_ohm: 0.0375, c_f: 10e-6, rd_ohm: 3.0, l2_h: 0.3e-3, r2_ohm: 0.006 },
    gain: LoopGain::Fixed(1000.0),
};

/// Order 5 of 50 Hz in percent of 22 kW at 230 V, and the sideband f_sw − 2·f₁ in mA through 30 µH of grid.
fn row(switching_hz: f64, gain: LoopGain) -> [f64; 3] {
    let unit = Converter { switching_hz, gain, ..UNIT };
    let v5_v = error_v(5, unit.vdc_v, unit.dead_time_s, switching_hz);
    let i5_a = unit.closed_s(250.0)[0].norm() * v5_v;
    let side_v = 0.5 * unit.vdc_v * Group::new(1, unit.depth(230.0)).leg(-2).abs() / 2f64.sqrt();
    let chokes = Lcl { r1_ohm: 0.0, r2_ohm: 0.0, ..unit.filter };
    let side_a = chokes.with_grid(30e-6).admittances_s(switching_hz - 100.0)[0].norm() * side_v;
    [v5_v, 100.0 * i5_a / (22e3 / 690.0), 1e3 * side_a]
}

#[test]
fn what_changing_the_switching_frequency_really_does() {
    // V5, I5 % with fixed gain, I5 % with bandwidth f_sw/20, sideband in mA: a numpy computation of the same circuit.
    for (khz, v5, fixed, proportional, sideband) in [
        (10.0, "0.58", "0.29", "0.58", 249.28),
        (16.0, "0.92", "0.45", "0.57", 84.83),
        (20.0, "1.15", "0.55", "0.55", 52.49),
        (30.0, "1.73", "0.82", "0.51", 22.53),
        (40.0, "2.30", "1.09", "0.46", 12.51),
    ] {
        let [v, i, ma] = row(khz * 1e3, LoopGain::Fixed(1000.0));
        let [_, i_moving, _] = row(khz * 1e3, LoopGain::Proportional(20.0));
        let printed = [format!("{v:.2}"), format!("{i:.2}"), format!("{i_moving:.2}")];
        println!("{khz} kHz: V5 {v:.3} V, I5 {i:.3} % (fixed), {i_moving:.3} % (f_sw/20), f_sw-2f1 {ma:.2} mA");
        assert_eq!(printed, [v5, fixed, proportional], "{khz} kHz");
        assert!((ma / sideband - 1.0).abs() < 5e-4, "{khz} kHz: {ma} mA");
    }
}

#[test]
fn switching_frequencies_outside_the_envelope_are_refused() {
    let refused = |f: f64| UNIT.at(f).err();
    assert!(matches!(refused(6870.0), Some(SwitchingError::BelowResonance { .. })));
    assert!(matches!(refused(41e3), Some(SwitchingError::AboveMost { .. })));
    assert!(matches!(refused(f64::NAN), Some(SwitchingError::NotPositive(_))));
    assert!(matches!(refused(-1.0), Some(SwitchingError::NotPositive(_))));
    assert!(matches!(refused(8e3), Some(SwitchingError::Unstable { .. })), "8° at 1 kHz of bandwidth");
    assert_eq!(UNIT.at(10e3).map(|c| c.switching_hz), Ok(10e3));
    // At f_sw/20 the loop at 40 kHz crosses over at the resonance.
    let moving = Converter { gain: LoopGain::Proportional(20.0), ..UNIT };
    assert!(moving.at(20e3).is_ok() && matches!(moving.at(40e3), Err(SwitchingError::Unstable { .. })));
}

#[test]
fn the_output_admittance_is_that_of_the_loop() {
    // About 150 mS at orders 5 to 13 (22 kW, bandwidth 1 kHz): 1/(k_p) = 1/6.6 Ω = 152 mS.
    for h in [5.0, 7.0, 11.0, 13.0] {
        let y = UNIT.closed_s(50.0 * h)[1].norm();
        assert!((0.10..0.22).contains(&y), "{h}: {y}");
    }
}
