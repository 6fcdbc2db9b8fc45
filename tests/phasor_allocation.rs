//! A step of L-PBC allocates nothing, saturated or not, in every mode: proved by a counting allocator.

use phasorbench::control::Controller;
use phasorbench::control::phasor::{
    Adaptive, DecoupledGains, Impedance, Law, Lpbc, LpbcActuator, LpbcSettings, MOST_CONDITION, Mode, Pi, PiSettings,
    Sensitivity, SensitivitySettings, sensitivity_of_impedance,
};
use phasorbench::quantity::{Complex, Noise, Tick, complex};
use phasorbench::signal::Frame;

#[path = "support/counting.rs"]
mod counting;

const PHASES: [char; 3] = ['a', 'b', 'c'];

fn sensitivity() -> Sensitivity {
    let mut z: Impedance = [[complex(0.01, 0.04); 3]; 3];
    (0..3).for_each(|k| z[k][k] = Complex::new(0.05, 0.12));
    sensitivity_of_impedance(3, &z).expect("three phases")
}

/// Steps with measurements that come and go, loads that saturate six actuators, one that fails.
fn allocations(law: Option<Box<dyn Law>>) -> u64 {
    let b = sensitivity();
    let actuators = (0..6).map(|k| LpbcActuator::new(&format!("x{k}"), &PHASES, 60e3 + 20e3 * f64::from(k))).collect();
    let settings = LpbcSettings::new(&PHASES, b, 5e6 / 3.0, actuators);
    let mut lpbc = match law {
        Some(law) => Lpbc::with_law(settings, law),
        None => Lpbc::new(settings),
    }
    .expect("controllable");
    let mut measured = Frame::new(lpbc.settings().measured().names().len());
    let mut commands = Frame::new(lpbc.settings().commands().names().len());
    let (noise, before) = (Noise::new(1, "loads"), counting::asked());
    let (mut saturated, mut modes) = (0, [0; 4]);
    for tick in 1..2000u64 {
        measured.advance(Tick(tick));
        let total = lpbc.report().applied.total;
        let moved = b.moved(&total);
        let load = |k: usize| if (tick / 100).is_multiple_of(2) { 0.02 } else { 0.2 } * noise.normal(tick / 100 * 8 + k as u64);
        for k in 0..3 {
            let lost = |every: u64| tick / 50 % every == 1;
            let known = |x: f64, lost: bool| if lost { f64::NAN } else { x };
            measured.set(k, known(1.0 + moved[k] + load(k), lost(7)));
            measured.set(3 + k, known(10.0 + (moved[3 + k] + load(3 + k)).to_degrees(), lost(5)));
            measured.set(6 + k, 1.0);
            measured.set(9 + k, 10.0);
            measured.set(12 + k, 1.0);
            measured.set(15 + k, 0.0);
        }
        measured.set(18 + 36, -50e3);
        lpbc.set_in_service(2, tick % 400 < 300);
        lpbc.step(Tick(tick), &measured, &mut commands);
        saturated += usize::from(lpbc.report().applied.saturated[0]);
        modes[lpbc.report().mode as usize] += 1;
    }
    let counted = counting::asked() - before;
    assert!(saturated > 100 && modes[Mode::Full as usize] > 500, "{saturated} {modes:?}");
    assert!(modes[Mode::MagnitudeOnly as usize] > 100 && modes[Mode::Hold as usize] > 50, "{modes:?}");
    counted
}

#[test]
fn a_step_allocates_nothing() {
    let b = sensitivity();
    let gains = DecoupledGains::default();
    let adaptive = Adaptive::new(b.scaled(0.7), &[true; 3], gains, SensitivitySettings::default(), MOST_CONDITION);
    assert_eq!(allocations(None), 0, "decoupled");
    assert_eq!(allocations(Some(Box::new(Pi::new(PiSettings::of_sensitivity(&b))))), 0, "PI");
    assert_eq!(allocations(Some(Box::new(adaptive.expect("controllable")))), 0, "adaptive");
}
