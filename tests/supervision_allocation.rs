//! After set-up, a step of L-PBC's supervision allocates nothing, also while it has something to say.

use phasorbench::control::phasor::supervise::{classify, consistency, failsafe, retarget, sync, tamper, tie};
use phasorbench::quantity::{Noise, Tick};

#[path = "support/counting.rs"]
mod counting;

/// A sensitivity of three equal, uncoupled phases: R = 0.1, X = 0.12.
fn b() -> Vec<f64> {
    let entry = |i: usize, j: usize| match (i % 3 == j % 3, i < 3, j < 3) {
        (false, ..) => 0.0,
        (_, true, true) => 0.1,
        (_, true, false) | (_, false, true) => 0.12,
        (_, false, false) => -0.1,
    };
    (0..36).map(|k| entry(k / 6, k % 6)).collect()
}

/// A network of no use: two PMUs see the same three magnitudes and angles, which are squares of states.
struct Squares;

impl consistency::Network for Squares {
    fn predict(&mut self, states: &[f64], channels: &mut [f64]) -> bool {
        channels.iter_mut().enumerate().for_each(|(k, own)| *own = states[k % 6] * states[k % 6] - 0.25);
        true
    }
}

fn squares() -> consistency::Description {
    consistency::Description {
        channel_noise: vec![1e-4; 12],
        angles: (0..12).map(|k| k % 6 >= 3).collect(),
        state_noise: vec![f64::INFINITY; 6],
        states: vec![0.5; 6],
        state_step: vec![1e-3; 6],
    }
}

#[test]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
fn a_step_of_the_supervision_allocates_nothing() {
    let actuators: Vec<_> = (0..6)
        .map(|k| classify::Actuator { phase: k % 3, s_pu: 0.3, reports: k < 3, ..classify::Actuator::default() })
        .collect();
    let settings = classify::Settings { actuators, ..classify::Settings::default() };
    let mut classifier = classify::Classifier::new(settings, &b()).unwrap();
    let mut clock = sync::Sync::new(sync::Settings::default(), &b()).unwrap();
    let mut failsafe = failsafe::FailSafe::new(failsafe::Settings::default());
    let j = retarget::by_actuator(&b(), &[0, 1, 2, 0, 1, 2]).unwrap();
    let mut retarget =
        retarget::Retarget::new(retarget::Settings { s_pu: vec![0.3; 6], ..retarget::Settings::default() }, &j)
            .unwrap();
    let inputs = [b(), b()].concat();
    let model = tamper::Model {
        base: vec![0.0; 12],
        inputs,
        unknown: Vec::new(),
        noise: vec![1e-4; 12],
        input_noise: vec![1e-3; 6],
    };
    let mut tamper = tamper::Tamper::new(tamper::Settings::default(), &model, &[]).unwrap();
    let (mut squares, description) = (Squares, squares());
    let settings = consistency::Settings::default();
    let mut together = consistency::Consistency::new(settings, &description, &mut squares, &[]).unwrap();
    let mut aligned = consistency::Aligned::new(&[6, 6]);
    let mut gate = tie::TieGate::new(tie::Settings::default()).unwrap();
    let noise = Noise::new(1, "supervision");
    let (mut before, mut said) = (0, [0usize; 7]);
    let mut u = [0.0; 6];
    let (steps, started) = (3000u64, std::time::Instant::now());
    for k in 0..steps {
        if k == 1 {
            before = counting::asked();
        }
        let tick = Tick(k);
        // Rest, swings of load, a saturated spell, a dead actuator, a wrong clock: in turn.
        let phase = k / 100 % 6;
        if k % 7 == 0 {
            u = std::array::from_fn(|i| 0.1 * noise.uniform(k * 32 + i as u64));
        }
        let told: [[f64; 2]; 6] =
            std::array::from_fn(|a| if phase == 2 { [0.3, 0.0] } else { [u[a % 3], u[3 + a % 3]] });
        let reported = told.map(|t| if phase == 3 { [0.0; 2] } else { t });
        let by_u = |i: usize| b()[i * 6..i * 6 + 6].iter().zip(&u).map(|(b, u)| b * u).sum::<f64>();
        let asked = counting::asked();
        let swing = if phase == 1 { 0.02 * noise.normal(k / 3) } else { 0.0 };
        let clock_rad = if phase == 4 { 0.02 } else { 0.0 };
        let y: [f64; 6] = std::array::from_fn(|i| {
            by_u(i) + 1e-4 * noise.normal(k * 32 + 8 + i as u64) + if i < 3 { swing } else { clock_rad }
        });
        before += counting::asked() - asked; // by the test itself
        let error = y.map(|y| 0.01 - y);
        let class = classifier.step(&classify::Input {
            tick,
            error: &error,
            measured: &y,
            fresh: true,
            age: 0,
            told: &told,
            reported: &reported,
        });
        said[0] += classifier.events().len();
        let fault = clock.step(&sync::Input { tick, measured: &y, acting: &u, fresh: true, synchronised: phase != 5 });
        said[1] += usize::from(clock.event().is_some());
        let double: [f64; 12] = std::array::from_fn(|i| y[i % 6] + if i == 2 && phase == 3 { 0.1 } else { 0.0 });
        let verdict = tamper.step(tick, &double, &u);
        said[2] += usize::from(tamper.event().is_some());
        failsafe.step(&failsafe::Health {
            tick,
            performance_age: Some(0),
            reference_age: Some(if phase == 2 { 50 } else { 0 }),
            fresh: true,
            sync: fault,
            tampered: if verdict == tamper::Verdict::Consistent {
                failsafe::Tampered::Nothing
            } else {
                failsafe::Tampered::Magnitude
            },
            acknowledged: false,
        });
        said[3] += usize::from(failsafe.event().is_some());
        let saturated = class == classify::Class::Saturation;
        let wanted = [0.2; 6];
        let input = retarget::Input { tick, wanted: &wanted, measured: &y, acting: &told, saturated };
        said[4] += usize::from(retarget.step(&input).is_some());
        for sender in 0..2 {
            aligned.put(sender, k, |i| y[i] + if sender == 1 && i == 4 && phase == 3 { 0.1 } else { 0.0 });
        }
        let whole = aligned
            .take(k)
            .is_some_and(|(_, y)| together.step(tick, &mut squares, y, &[0.5; 6]) != tamper::Verdict::Consistent);
        said[6] += usize::from(whole);
        let sides = [y, [0.0; 6]];
        let sides = sides.each_ref().map(|s| tie::Side { measured: s, age: Some(0), synchronised: phase != 5 });
        let _ = gate.step(tick, &sides, true);
        said[5] += usize::from(gate.event().is_some());
    }
    assert_eq!(counting::asked() - before, 0);
    assert!(said.iter().all(|n| *n > 0), "each had something to say: {said:?}");
    println!("{said:?}, {:.1} µs a step", started.elapsed().as_secs_f64() * 1e6 / steps as f64);
}
