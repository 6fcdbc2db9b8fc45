//! What a step of L-PBC costs with six actuators of three phases: laws that are not saturated, and one that is.
//!
//!     cargo test --release --no-default-features --test phasor_speed -- --nocapture
//!
//! Without optimisation it only checks that what is measured is what it says.

use std::time::Instant;

use phasorbench::control::Controller;
use phasorbench::control::phasor::{
    Impedance, Law, Lpbc, LpbcActuator, LpbcSettings, Pi, PiSettings, Sensitivity, sensitivity_of_impedance,
};
use phasorbench::quantity::{Tick, complex};
use phasorbench::signal::Frame;

const PHASES: [char; 3] = ['a', 'b', 'c'];

fn sensitivity() -> Sensitivity {
    let mut z: Impedance = [[complex(0.01, 0.04); 3]; 3];
    (0..3).for_each(|k| z[k][k] = complex(0.05, 0.12));
    sensitivity_of_impedance(3, &z).expect("three phases")
}

/// Least time of a step in ns, of some rounds, and whether actuators are at their limits.
fn cost(pi: bool, s_va: f64) -> (f64, bool) {
    let b = sensitivity();
    let actuators = (0..6).map(|k| LpbcActuator::new(&format!("x{k}"), &PHASES, s_va)).collect();
    let settings = LpbcSettings::new(&PHASES, b, 5e6 / 3.0, actuators);
    let law: Option<Box<dyn Law>> = pi.then(|| Box::new(Pi::new(PiSettings::of_sensitivity(&b))) as _);
    let made = match law {
        Some(law) => Lpbc::with_law(settings, law),
        None => Lpbc::new(settings),
    };
    let mut lpbc = made.expect("controllable");
    let mut measured = Frame::new(lpbc.settings().measured().names().len());
    let mut commands = Frame::new(lpbc.settings().commands().names().len());
    let (rounds, steps) = if cfg!(debug_assertions) { (1, 300) } else { (20, 20_000) };
    let (mut best, mut tick) = (f64::INFINITY, 0);
    for _ in 0..rounds {
        let (mut spent, mut saturated) = (0.0, 0);
        for _ in 0..steps {
            tick += 1;
            measured.advance(Tick(tick));
            let moved = b.moved(&lpbc.report().applied.total);
            let load = if (tick / 40).is_multiple_of(2) { 0.02 } else { 0.05 };
            for k in 0..3 {
                measured.set(k, 1.0 + moved[k] - load);
                measured.set(3 + k, (moved[3 + k] + 0.3 * load).to_degrees());
                [(6, 1.0), (9, 0.0), (12, 1.0), (15, 0.0)].iter().for_each(|(at, x)| measured.set(at + k, *x));
            }
            let started = Instant::now();
            lpbc.step(Tick(tick), &measured, &mut commands);
            spent += started.elapsed().as_secs_f64();
            saturated += usize::from(lpbc.report().applied.saturated[0]);
        }
        best = f64::min(best, 1e9 * spent / f64::from(steps));
        assert_eq!(saturated > 0, s_va < 100e3);
    }
    (best, s_va < 100e3)
}

#[test]
fn a_step_is_short() {
    for (name, pi, s_va) in [("decoupled", false, 1e6), ("PI", true, 1e6), ("decoupled, saturated", false, 50e3)] {
        println!("{name}: {:.0} ns a step, clock included", cost(pi, s_va).0);
    }
}
