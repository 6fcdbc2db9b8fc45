//! The laws of phasor-based control that adapt or predict allocate nothing in a step: proved by a counting allocator.

use phasorbench::control::phasor::{
    Extremum, ExtremumSettings, Law, Lqpc, LqpcSettings, PublishedLqpc, PublishedLqpcSettings, Rcac, RcacSettings, Seen,
};
use phasorbench::quantity::Tick;

#[path = "support/counting.rs"]
mod counting;

/// A law's run from disturbance to disturbance, with limits, gaps and numbers that are none.
fn run(law: &mut dyn Law, b: &[f64]) -> u64 {
    let before = counting::asked();
    let (mut command, mut applied) = ([0.0; 4], [0.0; 4]);
    for tick in 0..2000 {
        let d = if tick % 100 < 50 { 0.05 } else { -0.03 };
        let measured: [f64; 4] = std::array::from_fn(|i| {
            let moved: f64 = (0..4).map(|j| b[4 * i + j] * applied[j]).sum();
            if i < 2 { 1.0 + d + moved } else { moved }
        });
        let mut error: [f64; 4] = std::array::from_fn(|i| if i < 2 { 1.0 } else { 0.0 } - measured[i]);
        if tick % 333 == 7 {
            error[1] = f64::NAN;
        }
        let limited = [tick % 7 == 0, tick % 5 == 0];
        let (target, reference_v_pu) = ([1.0, 1.0, 0.0, 0.0], [1.0; 2]);
        law.step(
            &Seen {
                tick: Tick(tick),
                target: &target,
                measured: &measured,
                error: &error,
                reference_v_pu: &reference_v_pu,
                applied: &applied,
                saturated: &limited,
                fresh: tick % 3 != 0,
                age: tick % 3,
            },
            &mut command,
        );
        applied = command.map(|u| u.clamp(-0.5, 0.5));
        if tick % 500 == 499 {
            law.restart(&applied);
        }
    }
    counting::asked() - before
}

#[test]
fn a_step_of_a_law_allocates_nothing() {
    let b = [0.05, 0.03, 0.11, -0.02, -0.03, 0.05, -0.02, 0.11, 0.11, -0.02, -0.04, -0.03, -0.02, 0.11, 0.03, -0.04];
    assert!({
        let before = counting::asked();
        drop(vec![1.0; 9]);
        counting::asked() > before
    });
    let lqpc = Lqpc::new(2, &b, LqpcSettings::default()).expect("a law");
    let published = PublishedLqpc::new(2, &b, PublishedLqpcSettings::default()).expect("a law");
    let rcac = Rcac::new(2, &b, RcacSettings::default()).expect("a law");
    let extremum = Extremum::new(2, ExtremumSettings::default()).expect("a law");
    let laws: [(&str, Box<dyn Law>); 4] = [
        ("LQPC", Box::new(lqpc)),
        ("published LQPC", Box::new(published)),
        ("RCAC", Box::new(rcac)),
        ("extremum seeking", Box::new(extremum)),
    ];
    for (name, mut law) in laws {
        assert_eq!(run(law.as_mut(), &b), 0, "{name}");
    }
}
