//! Algorithms in a loop with a source and an impedance: they settle where the circuit does, as fast as their gain says.

use super::*;

const VTH: Complex = Complex { re: 230.0, im: 0.0 };
const ZA: Complex = Complex { re: 0.2, im: 0.6 };
const ZB: Complex = Complex { re: 0.9, im: 0.3 };

fn near(own: Complex, other: Complex, by: f64) {
    assert!((own - other).norm() < by, "{own} is not {other}");
}

/// The ratio of the last two deviations from where a loop settles, and where that is.
fn settle(mut step: impl FnMut(Complex) -> Complex, end: Complex) -> f64 {
    let (mut v, mut ratio) = (VTH, 0.0);
    for _ in 0..8 {
        let next = step(v);
        ratio = (next - end).norm() / (v - end).norm();
        v = next;
    }
    ratio
}

#[test]
fn the_voltage_type_settles_at_the_dividers_voltage() {
    let mut own =
        VoltageType { scale: Scale { voltage: 10.0, current: 10.0, ..Scale::ONE }, filter: Filter::default() };
    // The device is a tenth in volts and amperes.
    let step = |v: Complex| {
        let device_v = own.to_device(single(v))[0];
        VTH - ZA * own.to_network(single(device_v / ZB))[0]
    };
    let ratio = settle(step, VTH * ZB / (ZA + ZB));
    assert!((ratio - gain_voltage_type(ZA, ZB).norm()).abs() < 1e-6, "{ratio}");
}

#[test]
fn the_current_type_settles_at_the_same_place() {
    let (za, zb) = (ZB, ZA);
    let mut own = CurrentType { scale: Scale { voltage: 2.0, share: 3.0, ..Scale::ONE }, filter: Filter::default() };
    let zb_device = zb * own.scale.share / own.scale.voltage;
    let step = |i: Complex| {
        let device_a = own.to_device(single(i))[0];
        (VTH - own.to_network(single(device_a * zb_device))[0]) / za
    };
    let ratio = settle(step, VTH / (za + zb));
    assert!((ratio - gain_current_type(za, zb).norm()).abs() < 1e-6, "{ratio}");
}

#[test]
fn duplication_and_damping_settle_at_the_same_place_faster() {
    let zab = complex(0.05, 0.02);
    let mut own = PartialDuplication { scale: Scale::ONE, filter: Filter::default(), shunt_s: single(zab.inv()) };
    let step = |v: Complex| {
        let device_v = own.to_device(single(v))[0] * ZB / (ZB + zab);
        // The node: Vth behind Za, the shunt, what is drawn beside it.
        let drawn = own.to_network(single(device_v))[0];
        (VTH / ZA - drawn) / (ZA.inv() + own.shunt_s[0])
    };
    let ratio = settle(step, VTH * (ZB + zab) / (ZA + ZB + zab));
    assert!((ratio - gain_partial_duplication(ZA, ZB, zab).norm()).abs() < 1e-6, "{ratio}");

    let z = ZB * 0.8;
    let mut own = DampingImpedance { scale: Scale::ONE, filter: Filter::default(), shunt_s: single(z.inv()) };
    let step = |v: Complex| {
        let device_v = own.to_device(single(v));
        let drawn = own.to_network(single(device_v[0] / ZB), device_v)[0];
        (VTH / ZA - drawn) / (ZA.inv() + own.shunt_s[0])
    };
    let ratio = settle(step, VTH * ZB / (ZA + ZB));
    let gain = gain_damping_impedance(ZA, ZB, complex(0.0, 0.0), z);
    assert!((ratio - gain.norm()).abs() < 1e-5, "{ratio}");
    assert!(gain.norm() < 0.25 * gain_voltage_type(ZA, ZB).norm());
}

#[test]
fn gains_have_the_sign_of_the_polynomial() {
    // A step further, the deviation is −r times what it was.
    let zab = complex(0.05, 0.02);
    let mut own = PartialDuplication { scale: Scale::ONE, filter: Filter::default(), shunt_s: single(zab.inv()) };
    let mut step = |v: Complex| {
        let device_v = own.to_device(single(v))[0] * ZB / (ZB + zab);
        -own.to_network(single(device_v))[0] / (ZA.inv() + own.shunt_s[0])
    };
    near(step(complex(1.0, 0.0)), -gain_partial_duplication(ZA, ZB, zab), 1e-12);
    let z = ZB * 0.8;
    let mut own = DampingImpedance { scale: Scale::ONE, filter: Filter::default(), shunt_s: single(z.inv()) };
    let mut step = |v: Complex| {
        let device_v = own.to_device(single(v));
        -own.to_network(single(device_v[0] / ZB), device_v)[0] / (ZA.inv() + own.shunt_s[0])
    };
    near(step(complex(1.0, 0.0)), -gain_damping_impedance(ZA, ZB, complex(0.0, 0.0), z), 1e-12);
}

#[test]
fn a_delay_is_as_long_as_it_is() {
    let one = |k: f64| single(complex(k, 0.0));
    let mut own = Delay::new(3, one(-1.0));
    let out: Vec<f64> = (0..6).map(|k| own.step(one(f64::from(k)))[0].re).collect();
    assert_eq!(out, [-1.0, -1.0, -1.0, 0.0, 1.0, 2.0]);
    assert_eq!(Delay::new(0, one(9.0)).step(one(1.0)), one(1.0));
}

#[test]
fn a_filter_follows_and_keeps_what_is_no_number_out() {
    let mut own = Filter::new(0.25, NONE);
    assert_eq!(own.step(single(complex(4.0, 0.0)))[0], complex(1.0, 0.0));
    assert_eq!(own.step(single(complex(f64::NAN, 0.0)))[0], complex(1.0, 0.0));
    assert_eq!(own.step(single(complex(5.0, 0.0)))[0], complex(2.0, 0.0));
    assert_eq!(Filter::new(f64::NAN, NONE).step(single(VTH)), NONE);
    assert_eq!(Filter::new(7.0, NONE).step(single(VTH)), single(VTH));
}

#[test]
fn what_came_late_is_turned_to_now() {
    // 5 ms at 50 Hz are a quarter turn of the fundamental, and five quarters of the fifth harmonic.
    near(advanced(complex(1.0, 0.0), 1, 50.0, 0.005), complex(0.0, 1.0), 1e-12);
    near(advanced(complex(1.0, 0.0), 5, 50.0, 0.005), complex(0.0, 1.0), 1e-12);
    near(advanced(complex(1.0, 0.0), 2, 50.0, 0.005), complex(-1.0, 0.0), 1e-12);
    let mut own = DelayEstimate::default();
    assert_eq!((own.late_s(), own.residual_s()), (None, None));
    near(own.compensate(VTH, 3, 50.0), VTH, 1e-12);
    for k in 0..100 {
        // Every tenth trip is ten times as long: the median does not see it.
        own.add(if k % 10 == 0 { 0.04 } else { 0.004 }, 0.003);
        own.add(f64::NAN, 0.0);
        own.add(-1.0, 0.0);
    }
    assert!((own.late_s().unwrap() - 0.005).abs() < 1e-12 && own.residual_s() == Some(0.0));
    near(own.compensate(complex(1.0, 0.0), 1, 50.0), complex(0.0, 1.0), 1e-12);
}

#[test]
fn the_median_of_an_even_number_is_between() {
    let mut own = DelayEstimate::default();
    own.add(0.0, 0.001);
    own.add(0.0, 0.003);
    assert!((own.late_s().unwrap() - 0.002).abs() < 1e-15 && (own.residual_s().unwrap() - 0.001).abs() < 1e-15);
}
