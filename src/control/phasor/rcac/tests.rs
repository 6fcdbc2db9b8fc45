//! The adaptive law on the linear plant, and against the recursion it is a short form of.

use nalgebra::{DMatrix, DVector};

use super::super::testing::{B_632, DISTURBANCES, Plant, TARGET, TIGHT, of_phases, rms, rows, seen, settled, within};
use super::*;

fn law(settings: RcacSettings) -> Rcac {
    Rcac::new(3, &rows(&B_632), settings).unwrap()
}

fn default() -> Rcac {
    law(RcacSettings::default())
}

/// Disturbances and the target step, each from zero gains; settling steps.
fn each(plant: impl Fn() -> Plant, law: impl Fn() -> Rcac) -> Vec<Option<usize>> {
    let one = |d: [f64; 6], target: [f64; 6]| {
        let (mut plant, mut law) = (plant(), law());
        plant.run(&mut law, &[0.0; 6], 10);
        plant.d = d;
        settled(&plant.run(&mut law, &target, 300), TIGHT)
    };
    DISTURBANCES.iter().map(|d| one(*d, [0.0; 6])).chain([one([0.0; 6], TARGET)]).collect()
}

/// The whole recursion, 72 by 72, as it is usually written.
struct Whole {
    b: DMatrix<f64>,
    p: DMatrix<f64>,
    theta: DVector<f64>,
    phi: Option<DMatrix<f64>>,
    sum: DVector<f64>,
}

impl Whole {
    fn step(&mut self, error: &[f64; 6], applied: &[f64; 6], effort: f64, part: f64) -> DVector<f64> {
        let (z, u) = (-DVector::from_row_slice(error), DVector::from_row_slice(applied));
        if let Some(phi) = &self.phi {
            let mut x = DMatrix::zeros(12, 72);
            x.rows_mut(0, 6).copy_from(&(&self.b * phi));
            x.rows_mut(6, 6).copy_from(phi);
            let r = DVector::from_fn(12, |i, _| if i < 6 { 1.0 } else { effort });
            let mut zt = DVector::zeros(12);
            zt.rows_mut(0, 6).copy_from(&(&z * part - &self.b * &u));
            let inner = DMatrix::from_diagonal(&r.map(|r| 1.0 / r)) + &x * &self.p * x.transpose();
            let gamma = inner.try_inverse().unwrap();
            self.p = &self.p - &self.p * x.transpose() * gamma * &x * &self.p;
            self.theta -= &self.p * x.transpose() * DMatrix::from_diagonal(&r) * (&x * &self.theta + zt);
        }
        self.sum += &z;
        let v = DVector::from_iterator(12, z.iter().chain(self.sum.iter()).copied());
        let phi = DMatrix::identity(6, 6).kronecker(&v.transpose());
        let u = &phi * &self.theta;
        self.phi = Some(phi);
        u
    }
}

/// Remembers what it was asked.
struct Asked<'a>(&'a mut Rcac, Vec<([f64; 6], [f64; 6], [f64; 6])>);

impl Law for Asked<'_> {
    fn step(&mut self, seen: &Seen, command: &mut [f64]) {
        self.0.step(seen, command);
        let six = |x: &[f64]| <[f64; 6]>::try_from(x).unwrap();
        self.1.push((six(seen.error), six(seen.applied), six(command)));
    }

    fn restart(&mut self, applied: &[f64]) {
        self.0.restart(applied);
    }
}

#[test]
fn the_short_recursion_is_the_whole_one() {
    let settings = RcacSettings { renewal: 0.0, ..RcacSettings::default() };
    let mut law = law(settings);
    let mut asked = Asked(&mut law, Vec::new());
    // B is not the plant's, so that there is something to learn for long.
    let mut plant = Plant { b: B_632.map(|row| row.map(|x| 0.6 * x)), d: DISTURBANCES[0], ..Plant::new() };
    plant.run(&mut asked, &[0.0; 6], 25);
    plant.d = DISTURBANCES[2];
    plant.run(&mut asked, &[0.0; 6], 25);
    let b = DMatrix::from_row_slice(6, 6, &rows(&B_632));
    let mean = b.norm_squared() / 6.0;
    let p = DMatrix::identity(72, 72) * (settings.covariance / mean);
    let mut whole = Whole { b, p, theta: DVector::zeros(72), phi: None, sum: DVector::zeros(6) };
    for (k, (error, applied, command)) in asked.1.iter().enumerate() {
        let expected = whole.step(error, applied, settings.effort * mean, settings.part);
        for (u, expected) in command.iter().zip(expected.iter()) {
            assert!((u - expected).abs() < 1e-5, "step {k}: {u} {expected}");
        }
    }
    assert!(asked.1[49].2.iter().any(|u| u.abs() > 0.5), "it has learnt something");
}

#[test]
fn from_zero_gains_it_settles_in_four_seconds() {
    let found = each(Plant::new, default);
    println!("{found:?}");
    found.iter().for_each(|found| within(*found, 40, "from zero gains"));
    let b = B_632.map(|row| row.map(|x| 0.5 * x));
    each(|| Plant { b, ..Plant::new() }, default).iter().for_each(|found| within(*found, 60, "half of B"));
}

#[test]
fn what_it_has_learnt_does_not_freeze_it() {
    let (mut plant, mut law) = (Plant::new(), default());
    for round in 0..6 {
        for d in DISTURBANCES {
            plant.d = d;
            within(settled(&plant.run(&mut law, &[0.0; 6], 200), TIGHT), 60, &format!("round {round}"));
        }
    }
    assert_eq!(law.resets(), 0);
}

#[test]
fn measurement_noise_does_not_unsettle_it() {
    let noise = [1e-4, 0.01_f64.to_radians()];
    let (mut plant, mut law) = (Plant { noise, ..Plant::new() }, default());
    for d in DISTURBANCES {
        plant.d = d;
        let found = rms(&plant.run(&mut law, &[0.0; 6], 1000)[950..]);
        assert!(found[0] < 5e-4 && found[1] < 0.03_f64.to_radians(), "{found:?}");
    }
}

#[test]
fn twice_the_sensitivity_ends_well_and_limits_bound_what_does_not() {
    let b = B_632.map(|row| row.map(|x| 2.0 * x));
    for d in DISTURBANCES {
        let (mut plant, mut law) = (Plant { b, d, s_max: 1.5, ..Plant::new() }, default());
        within(settled(&plant.run(&mut law, &[0.0; 6], 600), TIGHT), 500, "B doubled");
    }
    // A delay that it does not know of.
    let (mut plant, mut law) = (Plant { command_delay: 3, s_max: 0.24, d: DISTURBANCES[1], ..Plant::new() }, default());
    let errors = plant.run(&mut law, &[0.0; 6], 3000);
    assert!(errors.iter().flatten().all(|e| e.abs() < 0.3));
}

#[test]
fn after_limits_it_settles_in_four_seconds() {
    for d in DISTURBANCES {
        let (mut plant, mut law) = (Plant { s_max: 0.24, d, ..Plant::new() }, default());
        let limited = plant.run(&mut law, &[0.0; 6], 200);
        assert!(limited.iter().flatten().all(|e| e.abs() < 0.3));
        plant.d = d.map(|x| 0.1 * x);
        within(settled(&plant.run(&mut law, &[0.0; 6], 300), TIGHT), 40, "after relief");
    }
}

#[test]
fn gains_that_leave_their_bounds_begin_anew() {
    let (mut plant, mut law) = (Plant { d: DISTURBANCES[0], ..Plant::new() }, default());
    plant.run(&mut law, &[0.0; 6], 50);
    law.directions[2].gains[1] = f64::NAN;
    within(settled(&plant.run(&mut law, &[0.0; 6], 100), TIGHT), 40, "from a gain that is none");
    law.directions[3].covariance[4][4] = -1.0;
    within(settled(&plant.run(&mut law, &[0.0; 6], 100), TIGHT), 40, "from a negative covariance");
    assert_eq!(law.resets(), 2);
}

#[test]
fn what_is_not_a_number_leaves_the_command_and_it_begins_anew_where_actuators_are() {
    let mut law = default();
    Plant { d: DISTURBANCES[0], ..Plant::new() }.run(&mut law, &[0.0; 6], 20);
    let told = [0.1, -0.2, 0.3, 0.4, 0.5, 0.6];
    let mut command = [9.0; 6];
    law.step(&seen(&[f64::NAN; 6], &told), &mut command);
    assert_eq!(command, told);
    law.restart(&told);
    law.step(&seen(&[0.0; 6], &told), &mut command);
    assert_eq!(command, told);
}

#[test]
fn fewer_phases_work_as_three_do() {
    for phases in 1..=3 {
        let (size, b) = (2 * phases, of_phases(phases));
        let mut law = Rcac::new(phases, &b, RcacSettings::default()).unwrap();
        let (mut applied, mut y) = (vec![0.0; size], vec![0.0; size]);
        for _ in 0..100 {
            y = (0..size).map(|i| dot(&b[i * size..][..size], &applied) - 0.05).collect();
            let error: Vec<f64> = y.iter().map(|y| -y).collect();
            let before = applied.clone();
            law.step(&seen(&error, &before), &mut applied);
        }
        assert!(y.iter().all(|y| y.abs() < 1e-3), "{phases}: {y:?}");
    }
}

#[test]
fn a_setting_out_of_range_is_named() {
    let settings = RcacSettings { part: 0.0, ..RcacSettings::default() };
    assert!(matches!(Rcac::new(3, &rows(&B_632), settings), Err(LawError::Setting { name: "part", .. })));
}
