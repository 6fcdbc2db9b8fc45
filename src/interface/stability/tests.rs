//! Interfaces that are solved by hand.

use super::*;
use proptest::prelude::*;

fn near(own: f64, other: f64) {
    assert!((own - other).abs() < 1e-9 * (1.0 + other.abs()), "{own} is not {other}");
}

fn single(z_ohm: Complex, v_v: f64, device: Device) -> Setup {
    Setup {
        source: Thevenin::single(z_ohm, complex(v_v, 0.0)),
        device,
        scale: Scale::ONE,
        algorithm: Algorithm::VoltageType,
        step_s: 0.05,
        delay_steps: 0,
        filter: 1.0,
    }
}

fn on_first(value: Complex) -> Phasors {
    [value, complex(0.0, 0.0), complex(0.0, 0.0)]
}

fn impedance(z_ohm: Complex) -> Device {
    Device::Impedance { z_ohm: on_first(z_ohm) }
}

#[test]
fn an_impedance_at_a_source() {
    // r = (0.3 + 0.4j)/1 at one step: radius 0.5; two steps more: its third root.
    let own = single(complex(0.3, 0.4), 230.0, impedance(complex(1.0, 0.0)));
    let found = assess(&own).unwrap();
    near(found.gain, 0.5);
    near(found.radius, 0.5);
    assert_eq!((found.verdict, found.static_gain, found.filter_time_s), (Verdict::Stable, None, None));
    let later = assess(&Setup { delay_steps: 2, ..own }).unwrap();
    near(later.radius, 0.5_f64.powf(1.0 / 3.0));
    near(later.trip, 0.5);
    assert_eq!(later.verdict, Verdict::Stable, "delay alone does no harm");
    // Twice the share, half the voltage of the device's side, three times the current: twelve times the gain.
    let scale = Scale { power: 1.5, voltage: 0.5, current: 3.0, share: 2.0 };
    near(assess(&Setup { scale, ..own }).unwrap().gain, 6.0);
}

#[test]
fn the_current_type_inverts_the_gain() {
    let own = single(complex(0.0, 2.0), 230.0, impedance(complex(1.0, 0.0)));
    let refused = assess(&own).unwrap();
    assert_eq!(refused.verdict, Verdict::Refused(Reason::Radius));
    let found = assess(&Setup { algorithm: Algorithm::CurrentType, ..own }).unwrap();
    near(found.gain, 0.5);
    assert_eq!(found.verdict, Verdict::Stable);
    let no_device = single(complex(0.0, 2.0), 230.0, Device::Increment { y_s: NONE });
    let found = assess(&Setup { algorithm: Algorithm::CurrentType, ..no_device }).unwrap();
    assert!(found.gain.is_infinite() && found.radius.is_infinite() && found.filter_time_s.is_none());
}

#[test]
fn a_damping_impedance_takes_the_gain_away() {
    let (za, zb) = (complex(0.2, 0.6), complex(0.5, 0.1));
    let own = single(za, 230.0, impedance(zb));
    let with = |z: Complex| {
        let algorithm = Algorithm::DampingImpedance { z_ohm: on_first(z) };
        assess(&Setup { algorithm, ..own }).unwrap().gain
    };
    near(assess(&own).unwrap().gain, (za / zb).norm());
    assert!(with(zb) < 1e-12, "{}", with(zb));
    let z = zb * 0.8;
    near(with(z), (za * (zb - z) / (zb * (za + z))).norm());
    near(with(complex(1e9, 0.0)), (za / zb).norm());
}

#[test]
fn constant_power_has_a_limit_that_no_filter_moves() {
    // |Zs||S|/|V|²: 1 ohm, 230 V.
    let with = |share: f64, filter: f64| {
        let device = Device::Power { s_va: on_first(Complex::from_polar(230.0 * 230.0, 0.7)) };
        let scale = Scale { share, ..Scale::ONE };
        assess(&Setup { scale, filter, ..single(Complex::from_polar(1.0, 1.2), 230.0, device) }).unwrap()
    };
    for filter in [0.1, 0.5, 1.0] {
        let below = with(0.9, filter);
        near(below.static_gain.unwrap(), 0.9);
        // One root is z = 1 − a·(1 − g).
        near(below.radius, 1.0 - filter * 0.1);
        let above = with(1.05, filter);
        assert_eq!(above.verdict, Verdict::Refused(Reason::StaticGain));
        assert!(above.radius > 1.0 && above.filter_time_s.is_none());
    }
    assert_eq!(with(0.9, 1.0).verdict, Verdict::Stable);
    assert_eq!(with(0.97, 1.0).verdict, Verdict::Refused(Reason::Radius));
    assert_eq!(with(0.97, 1.0).filter_time_s, None, "slower is nearer to 1");
}

#[test]
fn constant_power_in_three_phases_is_the_same_by_phase() {
    let z = Complex::from_polar(0.5, 1.0);
    let v_v = [0.0, -120.0, 120.0].map(|angle: f64| Complex::from_polar(230.0, angle.to_radians()));
    let source = Thevenin { phases: 3, z_ohm: diagonal(|_| z, 3), v_v };
    let device = Device::Power { s_va: [Complex::from_polar(230.0 * 230.0, -0.4); 3] };
    let own = Setup { source, ..single(z, 230.0, device) };
    near(assess(&own).unwrap().static_gain.unwrap(), 0.5);
}

#[test]
fn a_current_of_constant_size_only_turns() {
    // dI = I·j·dy/|V| for dV = dx + j·dy: with Zs = j·X the voltage moves by X·I/|V|·dy along x, and no further.
    let device = Device::Current { i_a: on_first(complex(46.0, 0.0)) };
    assert!(assess(&single(complex(0.0, 2.0), 230.0, device)).unwrap().gain < 1e-7, "a nilpotent loop");
    // With Zs = R, dV = −R·I/|V|·j·dy: r = R·I/|V|.
    near(assess(&single(complex(2.0, 0.0), 230.0, device)).unwrap().gain, 0.4);
}

#[test]
fn a_suggestion_passes_and_a_smaller_one_does_not() {
    // r = 2: without a filter z = −2; a < 2/(1 + r) = 0.667 is stable; |1 − 3a| < 0.95 from a = 0.65 on.
    let own = single(complex(2.0, 0.0), 230.0, impedance(complex(1.0, 0.0)));
    let found = assess(&own).unwrap();
    let time_s = found.filter_time_s.unwrap();
    near(coefficient(time_s, own.step_s), 0.65);
    let with = |time_s: f64| assess(&Setup { filter: coefficient(time_s, own.step_s), ..own }).unwrap();
    assert_eq!(with(time_s * (1.0 + 1e-9)).verdict, Verdict::Stable);
    assert_ne!(with(time_s * 0.999).verdict, Verdict::Stable);
    // r = −2 is beyond any filter: z = 1 is passed at r = −1.
    let none = single(complex(-2.0, 0.0), 230.0, impedance(complex(1.0, 0.0)));
    assert_eq!(assess(&none).unwrap().filter_time_s, None);
    // A filter that is too slow for the limit: without it the interface passes.
    let slow = Setup { filter: 0.01, ..single(complex(0.1, 0.0), 230.0, impedance(complex(1.0, 0.0))) };
    assert_eq!(assess(&slow).unwrap().filter_time_s, Some(0.0));
}

#[test]
fn delays_are_rounded_up() {
    assert_eq!(whole_steps(0.0, 0.05), Some(0));
    assert_eq!(whole_steps(0.05, 0.05), Some(1));
    assert_eq!(whole_steps(0.3, 0.1), Some(3), "0.3/0.1 is a little less than 3, or more");
    assert_eq!(whole_steps(0.051, 0.05), Some(2));
    assert_eq!([whole_steps(-0.1, 0.1), whole_steps(f64::NAN, 0.1), whole_steps(30.0, 0.1)], [None; 3]);
    assert_eq!(whole_steps(1.0, 0.0), None);
}

#[test]
fn what_means_nothing_is_refused() {
    let own = single(complex(1.0, 0.0), 230.0, impedance(complex(1.0, 0.0)));
    let of = |setup: Setup| assess(&setup).unwrap_err();
    assert_eq!(of(Setup { filter: 0.0, ..own }), SetupError::Filter);
    assert_eq!(of(Setup { filter: f64::NAN, ..own }), SetupError::Filter);
    assert_eq!(of(Setup { delay_steps: 201, ..own }), SetupError::Delay);
    assert_eq!(of(Setup { step_s: 0.0, ..own }), SetupError::Step);
    assert_eq!(of(Setup { scale: Scale { share: -1.0, ..Scale::ONE }, ..own }), SetupError::Scale);
    assert_eq!(of(Setup { device: impedance(complex(0.0, 0.0)), ..own }), SetupError::Value);
    let power = Device::Power { s_va: on_first(complex(1.0, 0.0)) };
    assert_eq!(of(single(complex(1.0, 0.0), 0.0, power)), SetupError::Value);
    assert_eq!(of(single(complex(f64::NAN, 0.0), 1.0, power)), SetupError::Value);
    for phases in [0, 4] {
        assert_eq!(of(Setup { source: Thevenin { phases, ..own.source }, ..own }), SetupError::Phases);
    }
}

proptest! {
    /// Spectra that lie symmetrically are found too, whatever the network: r and −r, by definition of constant power.
    #[test]
    fn eigenvalues_of_constant_power_are_found(parts in proptest::collection::vec(-1.0f64..1.0, 30), phases in 1usize..4) {
        let at = |k: usize| complex(parts[k], parts[(k + 11) % 30]);
        let row = |k: usize| [at(k), at(k + 1), at(k + 2)];
        let v_v = [at(9), at(10), at(11)].map(|own| own * 20.0 + complex(230.0, 0.0));
        let source = Thevenin { phases, z_ohm: [row(0), row(3), row(6)], v_v };
        let device = Device::Power { s_va: row(12).map(|own| own * 50_000.0) };
        let own = Setup { source, ..single(complex(1.0, 0.0), 230.0, device) };
        let all = eigenvalues(&loop_matrix(&own, Algorithm::VoltageType)).unwrap();
        for r in &all {
            prop_assert!(all.iter().any(|other| (other + r).norm() < 1e-6 * largest(&all)), "{r} has no {}", -r);
        }
    }

    #[test]
    fn no_numbers_make_it_panic(
        parts in proptest::collection::vec(any::<f64>(), 24), phases in 0usize..5, kind in 0u8..4, algorithm in 0u8..3, d in 0u32..202,
    ) {
        let at = |k: usize| complex(parts[k % 24], parts[(k + 7) % 24]);
        let row = |k: usize| [at(k), at(k + 1), at(k + 2)];
        let source = Thevenin { phases, z_ohm: [row(0), row(3), row(6)], v_v: row(9) };
        let device = match kind {
            0 => Device::Power { s_va: row(12) },
            1 => Device::Impedance { z_ohm: row(12) },
            2 => Device::Current { i_a: row(12) },
            _ => Device::Increment { y_s: [row(12), row(15), row(18)] },
        };
        let algorithm = match algorithm {
            0 => Algorithm::VoltageType,
            1 => Algorithm::CurrentType,
            _ => Algorithm::DampingImpedance { z_ohm: row(20) },
        };
        let scale = Scale::ONE;
        let setup = Setup { source, device, scale, algorithm, step_s: 0.1, delay_steps: d, filter: 0.5 };
        if let Ok(found) = assess(&setup) {
            prop_assert!(!found.radius.is_nan());
            prop_assert_eq!(found.verdict == Verdict::Stable, found.trip < LIMIT && found.static_gain.is_none_or(|g| g < 1.0));
        }
    }
}
