//! Linear-quadratic phasor control as it was published, to compare the velocity form with.
//!
//! (Controllers of the project at Berkeley: gtfierro/energise-implementation, `LPBC/LQRcontroller.py`; re-expressed here.)
//! States are the error `e = y − y*` and its sum; a command is thought to set the error, so `e(k+1) = B·u`,
//! `∫e(k+1) = ∫e + T·e`; K is the regulator for weights 1, 10 and 0.1. What keeps y at its target is added:
//!
//! `u = K·[e; ∫e] + B⁻¹·(y* − y_ref) − d̂`, `d̂ ← 0.9·d̂ + 0.1·(B⁻¹·(y − y_ref) − u)`,
//!
//! where d̂ is the low-passed disturbance in terms of power. y_ref is the reference node's magnitudes and no angle.
//!
//! Limits: as published. The low-pass decides how fast it is (6 s, where the velocity form needs 1 s); it knows no delay;
//! the sum stops only while *all* phases are limited. Ours is a bound on the sum, so that it cannot grow for ever.

use nalgebra::DMatrix;

use super::model::{Entries, LawError, Model, Square, checked, minus, padded, say, taken, times};
use super::riccati::{gain, riccati};
use super::{Law, Seen};

/// Settings of the published form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PublishedLqpcSettings {
    /// Time from a step to the next, s.
    pub step_s: f64,
    /// Weight of the error.
    pub error_weight: f64,
    /// Weight of its sum.
    pub sum_weight: f64,
    /// Weight of the power.
    pub power_weight: f64,
    /// Part of what is new of the disturbance that a step takes.
    pub low_pass: f64,
    /// Largest sum of an error, pu·s or rad·s.
    pub most_sum: f64,
}

impl Default for PublishedLqpcSettings {
    /// The published weights, at 0.1 s.
    fn default() -> Self {
        Self { step_s: 0.1, error_weight: 1.0, sum_weight: 10.0, power_weight: 0.1, low_pass: 0.1, most_sum: 1.0 }
    }
}

impl PublishedLqpcSettings {
    fn check(&self) -> Result<(), LawError> {
        let positive = "it must be above 0";
        for (name, value) in [
            ("step_s", self.step_s),
            ("error_weight", self.error_weight),
            ("sum_weight", self.sum_weight),
            ("power_weight", self.power_weight),
            ("low_pass", self.low_pass),
            ("most_sum", self.most_sum),
        ] {
            checked(name, value, positive, value > 0.0)?;
        }
        checked("low_pass", self.low_pass, "it must be at most 1", self.low_pass <= 1.0)
    }
}

/// The law at work.
#[derive(Clone, Debug)]
pub struct PublishedLqpc {
    settings: PublishedLqpcSettings,
    size: usize,
    /// K of e and of its sum.
    k: [Square; 2],
    /// B⁻¹.
    inverse: Square,
    last_error: Entries,
    sum: Entries,
    /// d̂; none before the first step.
    disturbance: Option<Entries>,
    applied: Entries,
}

impl PublishedLqpc {
    /// A law for n phases from the rows of B one after another (2n by 2n).
    pub fn new(phases: usize, sensitivity: &[f64], settings: PublishedLqpcSettings) -> Result<Self, LawError> {
        settings.check()?;
        let model = Model::new(phases, sensitivity)?;
        let inverse = model.dense().try_inverse().ok_or(LawError::Uncontrollable(f64::INFINITY))?;
        let k = regulator(&model, &settings).ok_or(LawError::Riccati)?;
        Ok(Self {
            settings,
            size: model.size,
            k: [0, 1].map(|part| padded(&k.columns(part * model.size, model.size).into_owned())),
            inverse: padded(&inverse),
            last_error: Entries::default(),
            sum: Entries::default(),
            disturbance: None,
            applied: Entries::default(),
        })
    }

    /// Renews d̂ by what is measured beside the command's own effect.
    fn estimate(&mut self, beside_reference: &Entries) -> Entries {
        let new = minus(&times(&self.inverse, beside_reference), &self.applied);
        let share = self.settings.low_pass;
        let next = self.disturbance.map_or(new, |old| std::array::from_fn(|i| old[i] + share * (new[i] - old[i])));
        self.disturbance = Some(next);
        next
    }
}

impl Law for PublishedLqpc {
    fn step(&mut self, seen: &Seen, command: &mut [f64]) {
        if let Some(applied) = taken(seen.applied, self.size) {
            self.applied = applied;
        }
        let numbers = [seen.error, seen.target, seen.measured].map(|slice| taken(slice, self.size));
        let ([Some(error), Some(target), Some(measured)], Some(reference)) =
            (numbers, taken(seen.reference_v_pu, self.size / 2))
        else {
            return say(command, &self.applied);
        };
        let error = error.map(|e| -e);
        if !seen.saturated.iter().all(|limited| *limited) {
            let most = self.settings.most_sum;
            for (sum, e) in self.sum.iter_mut().zip(self.last_error) {
                *sum = (*sum + self.settings.step_s * e).clamp(-most, most);
            }
        }
        self.last_error = error;
        let disturbance = self.estimate(&minus(&measured, &reference));
        let naive = times(&self.inverse, &minus(&target, &reference));
        let (of_error, of_sum) = (times(&self.k[0], &error), times(&self.k[1], &self.sum));
        say(command, &std::array::from_fn(|i| of_error[i] + of_sum[i] + naive[i] - disturbance[i]));
    }

    fn restart(&mut self, applied: &[f64]) {
        if let Some(applied) = taken(applied, self.size) {
            self.applied = applied;
        }
        (self.last_error, self.sum, self.disturbance) = (Entries::default(), Entries::default(), None);
    }
}

/// K of u = K·[e; ∫e].
fn regulator(model: &Model, settings: &PublishedLqpcSettings) -> Option<DMatrix<f64>> {
    let n = model.size;
    let identity = DMatrix::<f64>::identity(n, n);
    let (mut a, mut q) = (DMatrix::zeros(2 * n, 2 * n), DMatrix::zeros(2 * n, 2 * n));
    a.view_mut((n, 0), (n, n)).copy_from(&(&identity * settings.step_s));
    a.view_mut((n, n), (n, n)).copy_from(&identity);
    q.view_mut((0, 0), (n, n)).copy_from(&(&identity * settings.error_weight));
    q.view_mut((n, n), (n, n)).copy_from(&(&identity * settings.sum_weight));
    let mut b = DMatrix::zeros(2 * n, n);
    b.view_mut((0, 0), (n, n)).copy_from(&model.dense());
    let r = identity * settings.power_weight;
    let s = riccati(&a, &b, &q, &r)?;
    gain(&a, &b, &r, &s).map(|k| -k)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{
        self, B_632, DISTURBANCES, Plant, TARGET, TIGHT, of_phases, rms, rows, settled, within,
    };
    use super::*;

    fn law() -> PublishedLqpc {
        PublishedLqpc::new(3, &rows(&B_632), PublishedLqpcSettings::default()).unwrap()
    }

    #[test]
    fn it_settles_in_8_s() {
        for (d, target) in DISTURBANCES.iter().map(|d| (*d, [0.0; 6])).chain([([0.0; 6], TARGET)]) {
            let (mut plant, mut law) = (Plant::new(), law());
            plant.run(&mut law, &[0.0; 6], 10);
            plant.d = d;
            let found = settled(&plant.run(&mut law, &target, 300), TIGHT);
            println!("{found:?}");
            within(found, 80, "disturbance or target");
        }
    }

    #[test]
    fn noise_and_limits_leave_it_stable() {
        let noise = [1e-4, 0.01_f64.to_radians()];
        for d in DISTURBANCES {
            let (mut plant, mut law) = (Plant { noise, d, ..Plant::new() }, law());
            let found = rms(&plant.run(&mut law, &[0.0; 6], 300)[250..]);
            assert!(found[0] < 5e-4 && found[1] < 0.03_f64.to_radians(), "{found:?}");
            let (mut plant, mut law) = (Plant { s_max: 0.24, d, ..Plant::new() }, self::law());
            let limited = plant.run(&mut law, &[0.0; 6], 300);
            assert!(limited.iter().flatten().all(|e| e.abs() < 0.3));
            plant.d = d.map(|x| 0.1 * x);
            let found = settled(&plant.run(&mut law, &[0.0; 6], 600), TIGHT);
            println!("after relief {found:?}");
            within(found, 300, "after relief");
        }
    }

    fn seen<'a>(error: &'a [f64], target: &'a [f64], measured: &'a [f64], applied: &'a [f64]) -> Seen<'a> {
        Seen { target, measured, ..testing::seen(error, applied) }
    }

    #[test]
    fn what_is_not_a_number_leaves_the_command_and_it_begins_where_actuators_are() {
        let mut law = law();
        Plant { d: DISTURBANCES[0], ..Plant::new() }.run(&mut law, &[0.0; 6], 20);
        let (told, y) = ([0.1, -0.2, 0.3, 0.4, 0.5, 0.6], [0.99, 1.01, 1.0, 0.01, 0.02, 0.03]);
        let mut command = [9.0; 6];
        law.step(&seen(&[f64::NAN; 6], &y, &y, &told), &mut command);
        assert_eq!(command, told);
        law.restart(&told);
        law.step(&seen(&[0.0; 6], &y, &y, &told), &mut command);
        assert!(command.iter().zip(told).all(|(u, told)| (u - told).abs() < 1e-12), "{command:?}");
    }

    #[test]
    fn fewer_phases_work_as_three_do() {
        for phases in 1..=3 {
            let (size, b) = (2 * phases, of_phases(phases));
            let mut law = PublishedLqpc::new(phases, &b, PublishedLqpcSettings::default()).unwrap();
            let target: Vec<f64> = (0..size).map(|i| if i < phases { 1.0 } else { 0.0 }).collect();
            let (mut applied, mut error) = (vec![0.0; size], vec![0.0; size]);
            for k in 0..150 {
                let d = if k < 10 { 0.0 } else { 0.05 };
                let effect = |i: usize| (0..size).map(|j| b[i * size + j] * applied[j]).sum::<f64>();
                let y: Vec<f64> = (0..size).map(|i| target[i] - d + effect(i)).collect();
                error = (0..size).map(|i| target[i] - y[i]).collect();
                let before = applied.clone();
                law.step(&seen(&error, &target, &y, &before), &mut applied);
            }
            assert!(error.iter().all(|e| e.abs() < 1e-4), "{phases}: {error:?}");
        }
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        let settings = PublishedLqpcSettings { low_pass: 1.5, ..PublishedLqpcSettings::default() };
        let found = PublishedLqpc::new(3, &rows(&B_632), settings);
        assert!(matches!(found, Err(LawError::Setting { name: "low_pass", .. })), "{found:?}");
    }
}
