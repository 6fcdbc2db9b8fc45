//! After set-up, a step of the attribution and of the mitigation allocates nothing; neither does their way over frames.

use phasorbench::control::Controller;
use phasorbench::control::mitigation::{Mitigation, Settings as Ladder, Unit};
use phasorbench::monitor::attribution::{Attribution, Settings};
use phasorbench::quantity::{Noise, Tick, complex};
use phasorbench::signal::{Frame, HarmonicCommand};

#[path = "../support/counting.rs"]
mod counting;

#[test]
fn a_step_allocates_nothing() {
    const UNITS: usize = 20;
    let settings = Settings { unit_a: vec![32.0; UNITS], ..Settings::default() }.nameplate(0.01, 0.01);
    let mut attribution = Attribution::new(settings);
    let units = vec![Unit { headroom_a: 5.0, interleave: 2, conductance_s: 0.1, ..Unit::default() }; UNITS];
    let ladder = Ladder { limit_percent: 0.1, release_percent: 0.05, units, ..Ladder::default() };
    let mut mitigation = Mitigation::new(ladder).with_verdicts_like(attribution.verdict());
    let mut verdict = attribution.verdict().clone();
    let mut measured = Frame::new(verdict.names("m").len());
    let mut commands = Frame::new(UNITS * HarmonicCommand::CHANNELS);
    let mut sample = attribution.sample();
    (sample.valid, sample.synchronised, sample.thd_percent) = (true, true, [3.0; 3]);
    let noise = Noise::new(1, "allocation");
    let (mut before, mut events) = (0, 0);
    let (windows, started) = (600u64, std::time::Instant::now());
    for k in 0..windows {
        if k == 1 {
            before = counting::asked();
        }
        (sample.sequence, sample.tick, sample.flagged) = (k, Tick(k), k % 97 == 50);
        for cell in 0..24u64 {
            let (phase, order) = ((cell % 3) as usize, (cell / 3) as usize);
            let j = complex(20.0 + 4.0 * noise.normal(k / 9), noise.normal(100 * k + cell));
            sample.set(phase, order, complex(0.5, 0.3) + complex(0.02, 0.1) * j, j);
            (0..UNITS).for_each(|unit| sample.set_unit(unit, phase, order, j / 20.0));
        }
        sample.probe = mitigation.probing();
        if attribution.step(&sample) {
            verdict.take(attribution.verdict());
            measured.advance(Tick(k));
            verdict.write(&mut measured, 0);
        }
        Controller::step(&mut mitigation, Tick(k), &measured, &mut commands);
        events += mitigation.events().len();
    }
    assert_eq!(counting::asked() - before, 0);
    assert!(events > 3, "the ladder was at work: {events}");
    let each_us = started.elapsed().as_secs_f64() * 1e6 / windows as f64;
    println!(
        "24 phases and orders, 20 units, with the mitigation and its frames: {each_us:.0} µs per window of 200 ms"
    );
}
