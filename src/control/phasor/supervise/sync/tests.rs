//! Steps and ramps of a clock against the same of loads, in the loop, with noise.

use super::super::testing::{DEG, Rig, b, disturbance, times_b};
use super::*;

fn input<'a>(rig: &'a Rig, y: &'a [f64; 6]) -> Input<'a> {
    Input { tick: Tick(rig.tick), measured: y, acting: &rig.u, fresh: true, synchronised: true }
}

fn watch() -> Sync {
    Sync::new(Settings::default(), &b()).unwrap()
}

/// Runs so many steps of a seeded loop that `before` changes; the first fault and the steps since `from` that it took.
fn first_fault(seed: u64, steps: u64, from: u64, mut before: impl FnMut(&mut Rig)) -> Option<(Fault, i64)> {
    let (mut rig, mut sync) = (Rig::new(seed), watch());
    for _ in 0..steps {
        before(&mut rig);
        let y = rig.measure();
        sync.step(&input(&rig, &y));
        if let Some(event) = sync.event() {
            return Some((event.fault, rig.tick as i64 - from as i64));
        }
        rig.control(&y);
    }
    None
}

#[test]
fn a_step_of_0_3_degrees_is_found_at_its_first_sample_and_with_its_size() {
    for seed in 1..=100 {
        for step in [0.3, -0.3, 1.0, 20.0] {
            let found = first_fault(seed, 100, 61, |rig| rig.clock_rad = if rig.tick >= 60 { step * DEG } else { 0.0 });
            assert_eq!(found, Some((Fault::Step, 0)), "seed {seed}, {step}°");
        }
    }
    let (mut rig, mut sync) = (Rig::new(1), watch());
    for _ in 0..60 {
        let y = rig.measure();
        sync.step(&input(&rig, &y));
        rig.control(&y);
    }
    rig.clock_rad = 0.5 * DEG;
    let y = rig.measure();
    assert_eq!(sync.step(&input(&rig, &y)), Fault::Step);
    // Mean of three differences: 0.01°·√(2/3) = 0.008°; five of those.
    assert!((sync.offset_rad() / DEG - 0.5).abs() < 0.041, "{}", sync.offset_rad() / DEG);
}

#[test]
fn no_step_of_load_is_a_fault_of_time() {
    for seed in 1..=100 {
        assert_eq!(first_fault(seed, 300, 0, Rig::scenario), None, "the scenario, seed {seed}");
        // Single-phase loads of any power factor that switch four times a second.
        let found = first_fault(seed, 600, 0, |rig| {
            if rig.tick.is_multiple_of(3) {
                let mut load = [0.0; 6];
                let phase = ((rig.random(0) + 1.0) * 1.5) as usize % 3;
                (load[phase], load[3 + phase]) = (0.18 * rig.random(1), 0.09 * rig.random(2));
                rig.d = times_b(&load);
            }
        });
        assert_eq!(found, None, "loads, seed {seed}");
    }
}

#[test]
fn a_ramp_of_0_05_degrees_a_second_is_found_within_ten_seconds() {
    let mut latest = 0;
    for seed in 1..=100 {
        let quick: &[f64] = if seed <= 20 { &[0.1, 0.5, 0.7, 1.0, -1.5, 1.9, 2.1, 3.0] } else { &[] };
        for rate in [0.05, -0.05].iter().chain(quick) {
            let found = first_fault(seed, 300, 100, |rig| {
                rig.clock_rad = rate * DEG * 0.1 * rig.tick.saturating_sub(99) as f64;
            });
            let (fault, after) = found.unwrap_or_else(|| panic!("seed {seed}, {rate}°/s"));
            // A ramp of more than 2°/s is a step each sample.
            assert!(fault == Fault::Ramp || rate.abs() > 1.5, "seed {seed}, {rate}°/s: {fault:?}");
            assert!((0..=100).contains(&after), "seed {seed}, {rate}°/s: {after} steps");
            latest = latest.max(after);
        }
    }
    println!("latest ramp: {latest} steps");
}

#[test]
fn a_ramp_is_found_as_well_between_steps_of_load() {
    let mut latest = 0;
    for seed in 1..=100 {
        // A load of 120 kW and 60 kvar on one phase that switches every other second.
        let found = first_fault(seed, 400, 100, |rig| {
            if rig.tick.is_multiple_of(20) {
                let mut load = [0.0; 6];
                let phase = (rig.tick as usize / 20) % 3;
                (load[phase], load[3 + phase]) = (-0.072, -0.036);
                rig.d = times_b(&load);
            }
            rig.clock_rad = 0.05 * DEG * 0.1 * rig.tick.saturating_sub(99) as f64;
        });
        let (fault, after) = found.unwrap_or_else(|| panic!("seed {seed}"));
        assert!(fault == Fault::Ramp && (0..=100).contains(&after), "seed {seed}: {fault:?}, {after} steps");
        latest = latest.max(after);
    }
    println!("latest ramp between steps of load: {latest} steps");
}

#[test]
fn a_wrong_b_and_a_new_target_are_no_fault_of_time() {
    for seed in 1..=20 {
        for scale in [0.5, 0.75, 1.5, 2.0] {
            let b: Vec<f64> = b().iter().map(|x| scale * x).collect();
            let (mut rig, mut sync) = (Rig::new(seed), Sync::new(Settings::default(), &b).unwrap());
            for _ in 0..300 {
                rig.scenario();
                if rig.tick == 40 {
                    rig.target = [0.0, 0.0, 0.0, -2.0 * DEG, -2.0 * DEG, -2.0 * DEG];
                }
                let y = rig.measure();
                let fault = sync.step(&input(&rig, &y));
                assert_eq!(fault, Fault::None, "seed {seed}, B × {scale}, tick {}: {:?}", rig.tick, sync.event());
                rig.control(&y);
            }
        }
    }
}

#[test]
fn loads_that_drift_at_random_are_no_ramp_of_a_clock() {
    let mut alarms = 0;
    for seed in 1..=100 {
        // Each phase's P and Q drift by up to 0.03 and 0.015 pu/s (50 kW/s, 25 kvar/s), anew every five seconds.
        let mut slope = [0.0; 6];
        let mut load = [0.0; 6];
        let found = first_fault(seed, 600, 0, |rig| {
            if rig.tick.is_multiple_of(50) {
                slope = std::array::from_fn(|j| rig.random(j as u64) * if j < 3 { 0.003 } else { 0.0015 });
            }
            (0..6).for_each(|j| load[j] += slope[j]);
            rig.d = times_b(&load);
        });
        alarms += u32::from(found.is_some());
    }
    println!("random drift of loads: {alarms} false alarms in 100 minutes");
    assert_eq!(alarms, 0);
}

#[test]
fn loads_that_ramp_are_not_a_clock_at_unity_or_lagging_power_factor_or_one_phase_alone() {
    for seed in 1..=100 {
        // 0.06 pu (100 kW) a second: balanced at unity and 0.9 lagging, and one phase alone.
        let tan = 0.484;
        for load in
            [[-1.0, -1.0, -1.0, 0.0, 0.0, 0.0], [-1.0, -1.0, -1.0, -tan, -tan, -tan], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0]]
        {
            let found = first_fault(seed, 300, 0, |rig| {
                let size = 0.06 * 0.1 * rig.tick.saturating_sub(99) as f64;
                rig.d = times_b(&load.map(|x| x * size));
            });
            assert_eq!(found, None, "seed {seed}, {load:?}");
        }
    }
}

#[test]
fn the_load_that_looks_like_a_clock_is_known_and_cannot_be_told_apart_without_the_line() {
    let sync = watch();
    let w: [f64; 6] = sync.equivalent_load().unwrap().try_into().unwrap();
    // By the definition of B: magnitudes rest, angles turn by one radian.
    let y = times_b(&w);
    assert!((0..6).all(|i| (y[i] - if i < 3 { 0.0 } else { 1.0 }).abs() < 1e-12), "{y:?}");
    let found = first_fault(1, 100, 61, |rig| rig.d = if rig.tick >= 60 { y.map(|x| x * 0.5 * DEG) } else { [0.0; 6] });
    assert_eq!(found, Some((Fault::Step, 0)), "the limit of the test");
}

#[test]
fn a_flag_counts_at_once_and_its_return_after_three_samples() {
    let (mut rig, mut sync) = (Rig::new(5), watch());
    let mut faults = Vec::new();
    for k in 0..12 {
        let y = rig.measure();
        let synchronised = !(3..6).contains(&k);
        faults.push(sync.step(&Input { synchronised, ..input(&rig, &y) }).code());
        rig.control(&y);
    }
    assert_eq!(faults, [0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0]);
}

#[test]
fn a_step_that_goes_back_clears_itself_and_one_that_stays_waits_for_a_word() {
    for returns in [true, false] {
        let (mut rig, mut sync) = (Rig::new(9), watch());
        for k in 0..400 {
            let wrong = k >= 50 && !(returns && k >= 150);
            rig.clock_rad = if wrong { -0.8 * DEG } else { 0.0 };
            if k == 200 {
                rig.d = disturbance(2);
            }
            let y = rig.measure();
            sync.step(&input(&rig, &y));
            // The angle is not used while it is wrong.
            if sync.fault() == Fault::None {
                rig.control(&y);
            }
        }
        assert_eq!(sync.fault(), if returns { Fault::None } else { Fault::Step });
        sync.acknowledge();
        assert_eq!(sync.fault(), Fault::None);
    }
}

#[test]
fn what_is_not_a_number_is_no_evidence_and_no_harm() {
    let (mut rig, mut sync) = (Rig::new(2), watch());
    for k in 0..200 {
        let mut y = rig.measure();
        let good = y;
        if k % 3 == 0 {
            y[k % 6] = [f64::NAN, f64::INFINITY][k % 2];
        }
        assert_eq!(sync.step(&input(&rig, &y)), Fault::None);
        assert_eq!(sync.step(&Input { measured: &[], ..input(&rig, &y) }), Fault::None);
        rig.control(&good);
    }
    assert!(Sync::new(Settings::default(), &[1.0; 5]).is_none());
    assert!(Sync::new(Settings::default(), &[0.0; 4]).unwrap().equivalent_load().is_none());
}
