//! Allocation against closed forms, optimality conditions and the linear plant.

use super::testing::{B_632, TIGHT, settled};
use super::*;
use crate::quantity::{Noise, Tick};

fn b() -> Sensitivity {
    Sensitivity::new(3, B_632.as_flattened()).unwrap()
}

fn of(participants: &[Participant]) -> Allocation {
    Allocation::new(&b(), participants)
}

fn near(found: &[f64], expected: &[f64]) {
    assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-6), "{found:?} {expected:?}");
}

/// Slope of the cost of a total: Bᵀ·B·(u − u*).
fn slope(total: &[f64], asked: &[f64]) -> [f64; 6] {
    let apart: Vec<f64> = total.iter().zip(asked).map(|(u, a)| u - a).collect();
    let moved = b().moved(&apart);
    std::array::from_fn(|j| (0..6).map(|i| B_632[i][j] * moved[i]).sum())
}

#[test]
fn shares_decide_while_nobody_is_at_a_limit() {
    let mut two =
        of(&[Participant::rated([1.0; 3]), Participant { share: 9.0, ..Participant::rated([5.0, 5.0, 0.0]) }]);
    let asked = [0.8, 0.0, 0.3, -0.4, 0.0, 0.1];
    let applied = two.step(&asked);
    near(&applied.total, &asked);
    assert_eq!((applied.saturated, applied.short), ([false; 3], [false; 3]));
    // 3 : 9 on phases a and b; phase c is the first one's alone.
    near(two.told(0).unwrap().as_flattened(), &[0.2, -0.1, 0.0, 0.0, 0.3, 0.1]);
    near(two.told(1).unwrap().as_flattened(), &[0.6, -0.3, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn what_one_cannot_do_the_others_take_over() {
    let small = Participant { share: 1.0, ..Participant::rated([0.2; 3]) };
    let large = Participant { share: 1.0, ..Participant::rated([2.0; 3]) };
    let mut three = of(&[small, large.clone(), Participant { share: 2.0, ..large }]);
    let asked = [0.6 * 2.0, 0.0, 0.0, 0.8 * 2.0, 0.0, 0.0];
    let applied = three.step(&asked);
    near(&applied.total, &asked);
    assert_eq!(applied.saturated, [false; 3], "all that was asked is told");
    // 2.0 in all: 0.2 at the first one's limit, and 1.8 in the ratio 1 : 2.
    near(&three.told(0).unwrap()[0], &[0.12, 0.16]);
    near(&three.told(1).unwrap()[0], &[0.36, 0.48]);
    near(&three.told(2).unwrap()[0], &[0.72, 0.96]);
}

#[test]
fn an_actuator_that_is_taken_out_or_derated_is_replaced() {
    let mut two = of(&[Participant::rated([1.0; 3]), Participant::rated([1.0; 3])]);
    let asked = [0.5, 0.5, 0.5, 0.0, 0.0, 0.0];
    near(&two.step(&asked).total, &asked);
    two.set_in_service(0, false);
    near(&two.step(&asked).total, &asked);
    assert!(two.told(0).is_none());
    near(two.told(1).unwrap().as_flattened(), &[0.5, 0.0, 0.5, 0.0, 0.5, 0.0]);
    two.set_in_service(0, true);
    two.derate(0, 0.25);
    near(&two.step(&asked).total, &asked);
    near(&two.told(0).unwrap()[0], &[0.1, 0.0]);
    two.set_in_service(0, false);
    two.set_in_service(1, false);
    let applied = two.step(&asked);
    assert_eq!((applied.total, applied.saturated), ([0.0; 6], [true; 3]), "nobody is left");
    assert_eq!(two.phases(), [false; 3]);
}

#[test]
fn at_all_limits_the_phasors_are_as_near_as_they_can_be() {
    let noise = Noise::new(3, "asked");
    for case in 0..50 {
        let asked: [f64; 6] = std::array::from_fn(|k| 1.5 * noise.normal(case * 6 + k as u64));
        let mut two = of(&[Participant::rated([0.24; 3]), Participant::rated([0.24; 3])]);
        let mut applied = Applied::default();
        (0..20).for_each(|_| applied = two.step(&asked));
        // Optimal: at the circle the slope points straight at the centre, inside it is 0.
        let (u, g) = (applied.total, slope(&applied.total, &asked));
        for phase in 0..3 {
            let (p, q, by_p, by_q) = (u[phase], u[3 + phase], g[phase], g[3 + phase]);
            let (size, steep) = (p.hypot(q), by_p.hypot(by_q));
            assert!(size <= 0.48 + 1e-9);
            if size < 0.48 - 1e-5 {
                assert!(steep < 1e-6, "case {case}: {u:?} {g:?}");
            } else {
                assert!((p * by_p + q * by_q + size * steep).abs() < 1e-6, "case {case}: {u:?} {g:?}");
                assert!(applied.saturated[phase]);
            }
        }
    }
}

#[test]
fn actuators_that_move_the_phasors_differently_are_used_for_what_they_can() {
    // The second one is twice as effective. At the first one's limit, 0.3 of what is asked is missing, for which 0.15 of
    // the second's is enough; it took 0.5 of it before and would take 0.8 if they were alike.
    let first = Participant { share: 1.0, ..Participant::rated([0.2; 3]) };
    let second = Participant { share: 1.0, sensitivity: Some(b().scaled(2.0)), ..Participant::rated([2.0; 3]) };
    let mut two = of(&[first, second]);
    let asked = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    (0..20).for_each(|_| {
        two.step(&asked);
    });
    let [one, two] = [0, 1].map(|k| *two.told(k).unwrap());
    // What both do together is what was asked: u₁ + 2·u₂ = u*.
    for phase in 0..3 {
        for part in 0..2 {
            let asked = if (phase, part) == (0, 0) { 1.0 } else { 0.0 };
            assert!((one[phase][part] + 2.0 * two[phase][part] - asked).abs() < 1e-4, "{one:?} {two:?}");
        }
    }
}

#[test]
fn a_ramp_is_kept_and_is_no_saturation() {
    let mut one = of(&[Participant { ramp_pu: 0.1, ..Participant::rated([1.0; 3]) }]);
    let asked = [0.35, 0.0, 0.0, -0.02, 0.0, 0.0];
    let mut last = [[0.0; 2]; 3];
    for step in 0..6 {
        let applied = one.step(&asked);
        let told = *one.told(0).unwrap();
        let change = told.as_flattened().iter().zip(last.as_flattened()).map(|(x, y)| (x - y).abs());
        assert!(change.fold(0.0, f64::max) <= 0.1 + 1e-9);
        assert_eq!(applied.saturated, [false; 3]);
        assert_eq!(applied.short[0], step < 3, "{applied:?}");
        last = told;
    }
    near(&last[0], &[0.35, -0.02]);
}

#[test]
fn an_empty_storage_leaves_its_active_power_to_the_others() {
    let mut two = of(&[Participant::rated([1.0; 3]), Participant::rated([1.0; 3])]);
    two.set_p_range(0, [f64::NAN, 0.0]);
    let asked = [0.3, 0.3, 0.3, 0.2, 0.2, 0.2];
    let applied = two.step(&asked);
    near(&applied.total, &asked);
    let told = *two.told(0).unwrap();
    assert!(told.iter().map(|x| x[0]).sum::<f64>() <= 1e-9 && told[0][1] > 0.09, "{told:?}");
}

#[test]
fn whatever_is_asked_stays_within_limits() {
    let noise = Noise::new(5, "anything");
    let limited = Participant { q_pu: [-0.1, 0.3], ramp_pu: 0.2, ..Participant::rated([0.5, 0.0, 0.4]) };
    let broken =
        Participant { share: f64::NAN, s_pu: [f64::NAN, -1.0, f64::INFINITY], q_pu: [f64::NAN; 2], ..limited.clone() };
    let mut all = of(&[limited, broken, Participant::rated([0.3; 3])]);
    for case in 0..400u64 {
        let asked: Vec<f64> = (0..case % 8)
            .map(|k| match noise.bits(case * 8 + k) % 9 {
                0 => f64::NAN,
                1 => f64::INFINITY,
                2 => 1e300,
                _ => noise.normal(case * 8 + k),
            })
            .collect();
        let range = |k: u64| 2.0 * noise.normal(90_000 + case * 2 + k);
        all.set_p_range((case % 4) as usize, [range(0), if case.is_multiple_of(5) { f64::NAN } else { range(1) }]);
        all.derate((case % 3) as usize, [0.9, f64::NAN, -1.0, 1.0][(case % 4) as usize]);
        all.set_in_service((case % 5) as usize, !case.is_multiple_of(3));
        let applied = all.step(&asked);
        assert!(applied.total.iter().all(|x| x.is_finite()));
        for (k, s_pu) in [[0.5, 0.0, 0.4], [0.0, 0.0, 1e6], [0.3; 3]].iter().enumerate() {
            let Some(told) = all.told(k) else { continue };
            assert!(told.iter().zip(s_pu).all(|([p, q], s)| p.hypot(*q) <= s * (1.0 + 1e-9)), "{k}: {told:?}");
        }
    }
}

/// A law, an allocation and the plant of node 632, with the phasors' errors.
fn run(law: &mut dyn Law, allocation: &mut Allocation, off: impl Fn(usize) -> [f64; 6], steps: usize) -> Vec<[f64; 6]> {
    let mut applied = Applied { total: allocation.total(), ..Applied::default() };
    let one = |k: usize| {
        let moved = b().moved(&applied.total);
        let error: [f64; 6] = std::array::from_fn(|i| off(k)[i] - moved[i]);
        let seen = Seen {
            tick: Tick(k as u64),
            target: &[0.0; 6],
            measured: &error.map(|e| -e),
            error: &error,
            reference_v_pu: &[1.0; 3],
            applied: &applied.total,
            saturated: &applied.saturated,
            fresh: true,
            age: 0,
        };
        let mut asked = [0.0; 6];
        law.step(&seen, &mut asked);
        applied = allocation.step(&asked);
        error
    };
    (0..steps).map(one).collect()
}

#[test]
fn in_the_loop_saturation_ends_at_the_least_error_and_is_left_at_once() {
    let needed = [0.58, 0.0, 0.0, 0.835, 0.0, 0.0];
    let disturbance = b().moved(&needed);
    let size = |e: &[f64; 6]| e.iter().map(|x| x * x).sum::<f64>().sqrt();
    let inverse = b().inverse(&[true; 6], &[true; 6], MOST_CONDITION).unwrap();
    let laws: [(&str, Box<dyn Law>); 2] = [
        ("decoupled", Box::new(Decoupled::new(inverse, DecoupledGains::default()))),
        ("PI", Box::new(Pi::new(PiSettings::of_sensitivity(&b())))),
    ];
    for (name, mut law) in laws {
        let mut two = of(&[Participant::rated([0.24; 3]), Participant::rated([0.24; 3])]);
        let errors = run(law.as_mut(), &mut two, |_| disturbance, 300);
        // The least error by all: the allocation of what is needed itself.
        let mut ideal = of(&[Participant::rated([0.48; 3])]);
        (0..20).for_each(|_| {
            ideal.step(&needed);
        });
        let best = b().moved(&ideal.total());
        let least = size(&std::array::from_fn(|i| disturbance[i] - best[i]));
        let clipped = b().moved(&needed.map(|x| x * (1.0 - 0.48 / 0.58f64.hypot(0.835))));
        println!("{name}: {:.4}, least {least:.4}, clipped {:.4}", size(&errors[299]), size(&clipped));
        assert!(least < 0.8 * size(&clipped), "allocation is worth it");
        if name == "decoupled" {
            assert!((size(&errors[299]) - least).abs() < 1e-4, "{}", size(&errors[299]));
        }
        let relieved = run(law.as_mut(), &mut two, |_| disturbance.map(|x| 0.3 * x), 200);
        let steps = settled(&relieved, TIGHT).unwrap();
        println!("{name}: relieved in {steps}");
        assert!(steps <= 40, "{name}: {steps}");
    }
}
