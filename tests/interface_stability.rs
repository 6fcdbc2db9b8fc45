//! What `interface::stability` says of an interface, against the interface itself stepped in time.
//!
//! The numbers: `cargo test --no-default-features --features hil --test interface_stability -- --nocapture`.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use phasorbench::interface::algorithm::{
    CurrentType, DampingImpedance, Delay, DelayEstimate, Filter, PartialDuplication, VoltageType,
};
use phasorbench::interface::stability::{
    Algorithm, Assessment, Device, LIMIT, Reason, Setup, Thevenin, Verdict, assess, coefficient,
};
use phasorbench::interface::{Matrix, Phasors, Scale};
use phasorbench::quantity::{Complex, Noise, complex};

#[path = "support/counting.rs"]
mod counting;

const NONE: Complex = Complex { re: 0.0, im: 0.0 };
const STEP_S: f64 = 0.05;
const CASES: u64 = 500;

/// Random numbers of one case, by what they are for.
struct Draw(u64);

impl Draw {
    fn between(&self, name: &str, low: f64, high: f64) -> f64 {
        low + (high - low) * Noise::new(11, name).uniform(self.0)
    }

    fn whole(&self, name: &str, most: u64) -> u64 {
        Noise::new(12, name).bits(self.0) % (most + 1)
    }

    fn angle(&self, name: &str) -> f64 {
        self.between(name, -std::f64::consts::PI, std::f64::consts::PI)
    }

    fn complex(&self, name: &str, low: f64, high: f64) -> Complex {
        Complex::from_polar(self.between(name, low, high), self.angle(&format!("{name} angle")))
    }
}

fn times(z: &Matrix, v: &Phasors) -> Phasors {
    z.map(|row| row.iter().zip(v).map(|(z, v)| z * v).sum())
}

fn size(v: &Phasors) -> f64 {
    v.iter().map(|v| v.norm_sqr()).sum::<f64>().sqrt()
}

/// A network and a device with the largest |r| from 0.05 to 3; one phase or three that are all different and coupled.
fn drawn(case: u64) -> Setup {
    let draw = Draw(case);
    let phases = if draw.whole("phases", 1) == 0 { 1 } else { 3 };
    let mut z_ohm = [[NONE; 3]; 3];
    let mut zd_ohm = [NONE; 3];
    for (row, zd_ohm) in zd_ohm.iter_mut().enumerate().take(phases) {
        *zd_ohm = draw.complex(&format!("zd {row}"), 2.0, 8.0);
        for (column, z_ohm) in z_ohm[row].iter_mut().enumerate().take(phases) {
            let most = if row == column { 1.0 } else { 0.4 };
            *z_ohm = draw.complex(&format!("zs {row} {column}"), 0.2 * most, most);
        }
    }
    let filter = match draw.whole("filter", 2) {
        0 => 1.0,
        _ => draw.between("a", 0.1, 1.0),
    };
    let mut setup = Setup {
        source: Thevenin { phases, z_ohm, v_v: [complex(230.0, 0.0); 3] },
        device: Device::Impedance { z_ohm: zd_ohm },
        scale: Scale::ONE,
        algorithm: Algorithm::VoltageType,
        step_s: STEP_S,
        delay_steps: u32::try_from(draw.whole("delay", 8)).unwrap(),
        filter,
    };
    // The share makes the gain what it should be.
    setup.scale.share = draw.between("gain", 0.05, 3.0) / assess(&setup).unwrap().gain;
    setup
}

/// Whether a deviation dies out in the closed interface, stepped as it would be in a run; `None` where it does neither within
/// the steps that are tried.
fn settles(setup: &Setup, mut current: impl FnMut(&Phasors) -> Phasors, vth: Phasors, end: Phasors) -> Option<bool> {
    let start: Phasors = std::array::from_fn(|k| {
        // So small that what is not linear stays out of it: beyond the static limit another solution is near.
        let by = if k < setup.source.phases { 1e-7 * (1.0 + k as f64) } else { 0.0 };
        end[k] * complex(1.0 + by, -0.7 * by) + complex(0.0, by)
    });
    let mut interface = VoltageType { scale: setup.scale, filter: Filter::new(setup.filter, start) };
    let mut late = Delay::new(setup.delay_steps as usize, interface.to_network(current(&start)));
    let mut device_v = start;
    let apart = |v: &Phasors| size(&std::array::from_fn(|k| v[k] - end[k]));
    let first = apart(&start);
    // The largest deviation in a window as long as the loop's memory: a single one may pass through 0.
    let window = 4 * (setup.delay_steps as usize + 1);
    let mut recent = vec![first; window];
    for k in 0..40_000 {
        let drawn_a = late.step(interface.to_network(current(&device_v)));
        let drop = times(&setup.source.z_ohm, &drawn_a);
        device_v = interface.to_device(std::array::from_fn(|k| vth[k] - drop[k]));
        recent[k % window] = apart(&device_v);
        let largest = recent.iter().copied().fold(0.0, f64::max);
        if largest < 1e-3 * first {
            return Some(true);
        }
        if largest.is_nan() || largest > 300.0 * first {
            return Some(false);
        }
    }
    None
}

fn impedance(setup: &Setup) -> impl FnMut(&Phasors) -> Phasors {
    let Device::Impedance { z_ohm } = setup.device else { panic!("an impedance") };
    let n = setup.source.phases;
    move |v| std::array::from_fn(|k| if k < n { v[k] / z_ohm[k] } else { NONE })
}

#[derive(Default, Debug)]
struct Count {
    cases: u32,
    settle: u32,
    called_stable: u32,
    stable_but_diverges: u32,
    refused_but_settles: u32,
    refused_but_settles_by_step: u32,
    radius_wrong: u32,
    undecided: u32,
}

impl Count {
    fn add(&mut self, found: &Assessment, settles: Option<bool>) {
        self.cases += 1;
        self.settle += u32::from(settles == Some(true));
        let stable = found.verdict == Verdict::Stable;
        self.called_stable += u32::from(stable);
        self.stable_but_diverges += u32::from(stable && settles != Some(true));
        self.refused_but_settles += u32::from(!stable && settles == Some(true));
        self.refused_but_settles_by_step += u32::from(found.radius >= LIMIT && settles == Some(true));
        match settles {
            Some(own) => self.radius_wrong += u32::from(own != (found.radius < 1.0)),
            None => {
                // Neither within 40,000 steps: the radius is 1 to 4 digits, or the count is wrong.
                assert!((found.radius - 1.0).abs() < 2e-4, "{found:?}");
                self.undecided += 1;
            }
        }
    }

    fn share(&self, of: u32) -> f64 {
        100.0 * f64::from(of) / f64::from(self.cases)
    }
}

#[test]
fn the_radius_says_what_the_stepped_interface_does() {
    let mut all = Count::default();
    for case in 0..CASES {
        let setup = drawn(case);
        let found = assess(&setup).unwrap();
        assert!((0.049..=3.001).contains(&found.gain), "{}", found.gain);
        all.add(&found, settles(&setup, impedance(&setup), [NONE; 3], [NONE; 3]));
    }
    println!("impedances: {all:?}");
    println!(
        "called stable that diverge: {} of {}; refused that settle: {} ({:.1} %), by a limit per step: {} ({:.1} %)",
        all.stable_but_diverges,
        all.called_stable,
        all.refused_but_settles,
        all.share(all.refused_but_settles),
        all.refused_but_settles_by_step,
        all.share(all.refused_but_settles_by_step),
    );
    assert!(all.cases == 500 && all.settle > 100 && all.called_stable > 80, "{all:?}");
    assert_eq!((all.stable_but_diverges, all.radius_wrong), (0, 0), "{all:?}");
    assert!(all.share(all.refused_but_settles) <= 5.0, "{all:?}");
}

/// A device of constant power at an operating point that is chosen, so that the source's voltage follows.
fn of_constant_power(case: u64) -> (Setup, Phasors) {
    let draw = Draw(case + 10_000);
    let mut setup = drawn(case + 10_000);
    let n = setup.source.phases;
    let v_v: Phasors = std::array::from_fn(|k| {
        let unequal = draw.between(&format!("v {k}"), 0.9, 1.1);
        Complex::from_polar(230.0 * unequal, -2.0944 * k as f64)
    });
    setup.source.v_v = v_v;
    let s_va: Phasors = std::array::from_fn(|k| draw.complex(&format!("s {k}"), 3000.0, 10_000.0));
    setup.device = Device::Power { s_va };
    setup.scale.share = 1.0;
    let gain = assess(&setup).unwrap().static_gain.unwrap();
    setup.scale.share = draw.between("static gain", 0.05, 1.5) / gain;
    let drawn_a: Phasors =
        std::array::from_fn(|k| if k < n { (s_va[k] / v_v[k]).conj() * setup.scale.share } else { NONE });
    let drop = times(&setup.source.z_ohm, &drawn_a);
    let vth = std::array::from_fn(|k| if k < n { v_v[k] + drop[k] } else { v_v[k] });
    (setup, vth)
}

#[test]
fn devices_of_constant_power_agree_too_and_their_limit_holds_for_every_filter() {
    let (mut all, mut beyond) = (Count::default(), 0);
    for case in 0..200 {
        let (setup, vth) = of_constant_power(case);
        let Device::Power { s_va } = setup.device else { panic!("constant power") };
        let n = setup.source.phases;
        let current = move |v: &Phasors| std::array::from_fn(|k| if k < n { (s_va[k] / v[k]).conj() } else { NONE });
        let found = assess(&setup).unwrap();
        let settled = settles(&setup, current, vth, setup.source.v_v);
        all.add(&found, settled);
        if found.static_gain.unwrap() >= 1.0 {
            beyond += 1;
            assert_eq!(found.verdict, Verdict::Refused(Reason::StaticGain));
            assert_eq!(found.filter_time_s, None);
        }
    }
    println!("constant power: {all:?}, {beyond} beyond the static limit");
    println!("refused that settle: {} ({:.1} %)", all.refused_but_settles, all.share(all.refused_but_settles));
    assert!(beyond > 40 && all.settle > 60, "{all:?}");
    assert_eq!((all.stable_but_diverges, all.radius_wrong), (0, 0), "{all:?}");
}

#[test]
fn of_one_phase_no_filter_holds_more_power_than_the_static_limit() {
    let v_v = complex(230.0, 0.0);
    for case in 0..40 {
        let draw = Draw(case + 20_000);
        let z = draw.complex("z", 0.5, 2.0);
        for (gain, filter) in [0.97, 1.03].into_iter().flat_map(|gain| [0.1, 0.5, 1.0].map(|filter| (gain, filter))) {
            let s = Complex::from_polar(gain * v_v.norm_sqr() / z.norm(), draw.angle("s"));
            let setup = Setup {
                source: Thevenin::single(z, v_v),
                device: Device::Power { s_va: [s, NONE, NONE] },
                scale: Scale::ONE,
                algorithm: Algorithm::VoltageType,
                step_s: STEP_S,
                delay_steps: 0,
                filter,
            };
            let vth = [v_v + z * (s / v_v).conj(), NONE, NONE];
            let current = move |v: &Phasors| [(s / v[0]).conj(), NONE, NONE];
            let settled = settles(&setup, current, vth, [v_v, NONE, NONE]);
            assert_eq!(settled, Some(gain < 1.0), "gain {gain}, filter {filter}");
            assert_eq!(assess(&setup).unwrap().radius < 1.0, gain < 1.0);
        }
    }
}

#[test]
fn a_filter_that_is_suggested_helps_and_where_there_is_none_none_does() {
    let (mut helped, mut none) = (0, 0);
    for case in 0..CASES {
        let setup = drawn(case);
        let found = assess(&setup).unwrap();
        if found.verdict == Verdict::Stable {
            assert_eq!(found.filter_time_s, None);
            continue;
        }
        let with = |filter: f64| {
            let setup = Setup { filter, ..setup };
            (assess(&setup).unwrap(), settles(&setup, impedance(&setup), [NONE; 3], [NONE; 3]))
        };
        match found.filter_time_s {
            Some(time_s) => {
                let (own, settled) = with(coefficient(time_s * (1.0 + 1e-9), STEP_S));
                assert_eq!((own.verdict, settled), (Verdict::Stable, Some(true)), "{setup:?}");
                helped += 1;
            }
            None => {
                for over_step in [0.0, 0.3, 1.0, 3.0, 10.0, 30.0] {
                    let (own, _) = with(coefficient(over_step * STEP_S, STEP_S));
                    assert_ne!(own.verdict, Verdict::Stable, "{setup:?} with {over_step}");
                }
                none += 1;
            }
        }
    }
    println!("refused: a filter helps {helped}, none does {none}");
    assert!(helped > 20 && none > 20);
}

#[test]
fn no_step_allocates() {
    let one = [complex(230.0, 1.0), complex(-115.0, 200.0), complex(-115.0, -200.0)];
    let (scale, filter) = (Scale { voltage: 2.0, ..Scale::ONE }, Filter::new(0.5, one));
    let shunt_s = one.map(|v| v.inv());
    let mut voltage = VoltageType { scale, filter };
    let mut current = CurrentType { scale, filter };
    let mut partial = PartialDuplication { scale, filter, shunt_s };
    let mut damping = DampingImpedance { scale, filter, shunt_s };
    let (mut delay, mut estimate) = (Delay::new(8, one), DelayEstimate::default());
    let before = counting::asked();
    let mut v = one;
    for k in 0..1000 {
        v = delay.step(voltage.to_network(voltage.clone().to_device(v)));
        v = current.to_network(current.clone().to_device(v));
        v = partial.to_device(v);
        let drawn = partial.to_network(v);
        let _ = damping.to_network(drawn, damping.clone().to_device(v));
        estimate.add(0.01 + 1e-6 * f64::from(k), 0.002);
        v = one.map(|v| estimate.compensate(v, 5, 50.0));
        let _ = (voltage.to_device(v), current.to_device(v), damping.to_device(v), estimate.residual_s());
    }
    assert_eq!(counting::asked(), before, "asked for memory in a step");
    assert!(v.iter().all(|v| v.is_finite()));
}
