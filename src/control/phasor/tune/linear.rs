//! A linear law as a discrete state space: `x⁺ = A·x + B·e`, `u = C·x + D·e`, from the error to the command of the step.
//!
//! Swartz's PI and the decoupled PI add the present error to their integral before they use it: `I ← I + e`,
//! `u = Kp·e + Ki·I` (gains of the integral per step). The static-gain velocity form is `u = u₋ + K·[e; Δu₋₁; Δu₋₂ …]`.

use nalgebra::DMatrix;

/// A linear law.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearLaw {
    pub(super) a: DMatrix<f64>,
    pub(super) b: DMatrix<f64>,
    pub(super) c: DMatrix<f64>,
    pub(super) d: DMatrix<f64>,
}

impl LinearLaw {
    /// A law of its four matrices; `None` when their shapes do not fit.
    pub fn new(a: DMatrix<f64>, b: DMatrix<f64>, c: DMatrix<f64>, d: DMatrix<f64>) -> Option<Self> {
        let fits = a.is_square() && a.nrows() == b.nrows() && a.ncols() == c.ncols();
        (fits && b.ncols() == d.ncols() && c.nrows() == d.nrows()).then_some(Self { a, b, c, d })
    }

    /// `u = K·e`.
    pub fn proportional(k: DMatrix<f64>) -> Self {
        let (commands, errors) = k.shape();
        Self { a: DMatrix::zeros(0, 0), b: DMatrix::zeros(0, errors), c: DMatrix::zeros(commands, 0), d: k }
    }

    /// `u = Kp·e + Ki·Σe`, the sum including the present error; `None` when the shapes differ.
    pub fn proportional_integral(kp: &DMatrix<f64>, ki: &DMatrix<f64>) -> Option<Self> {
        let errors = ki.ncols();
        let unit = DMatrix::identity(errors, errors);
        (kp.shape() == ki.shape()).then(|| Self { a: unit.clone(), b: unit, c: ki.clone(), d: kp + ki })
    }

    /// Swartz's PI: reactive power of a phase from its magnitude, active power from its angle. Each gain has one entry a
    /// phase, in pu a pu and pu a rad; `None` when they differ in number.
    pub fn swartz(kp_v: &[f64], ki_v: &[f64], kp_angle: &[f64], ki_angle: &[f64]) -> Option<Self> {
        let n = kp_v.len();
        let same = [ki_v, kp_angle, ki_angle].iter().all(|k| k.len() == n);
        same.then(|| Self::proportional_integral(&cross(kp_v, kp_angle), &cross(ki_v, ki_angle)))?
    }

    /// The decoupled PI, `u = B̂⁻¹·(kp·e + ki·Σe)`; `None` when B̂ has no inverse.
    pub fn decoupled(model: &DMatrix<f64>, kp: f64, ki: f64) -> Option<Self> {
        let inverse = model.is_square().then(|| model.clone().try_inverse())??;
        Self::proportional_integral(&(&inverse * kp), &(&inverse * ki))
    }

    /// The velocity form with a static gain over the error and so many past changes, the newest first; `None` when the
    /// width of K is no multiple of its height.
    pub fn velocity(k: &DMatrix<f64>) -> Option<Self> {
        let (m, width) = k.shape();
        if m == 0 || width == 0 || width % m != 0 {
            return None;
        }
        // States: the command before (m), then past changes (width − m).
        let unit = DMatrix::identity(m, m);
        let mut change = DMatrix::zeros(m, width);
        change.view_mut((0, m), (m, width - m)).copy_from(&k.columns(m, width - m));
        let mut c = change.clone();
        c.view_mut((0, 0), (m, m)).copy_from(&unit);
        let error = k.columns(0, m).clone_owned();
        let (mut a, mut b) = (DMatrix::zeros(width, width), DMatrix::zeros(width, m));
        a.view_mut((0, 0), (m, width)).copy_from(&c);
        b.view_mut((0, 0), (m, m)).copy_from(&error);
        if width > m {
            a.view_mut((m, 0), (m, width)).copy_from(&change);
            b.view_mut((m, 0), (m, m)).copy_from(&error);
            (2 * m..width).for_each(|i| a[(i, i - m)] = 1.0);
        }
        Some(Self { a, b, c, d: error })
    }

    /// The velocity form that knows its delay: `Δu = F·(e − B̂·(u₋₁ − u₋₁₋d))`, the error as it will be once all that was
    /// told has acted, under a gain F (commands by errors); `None` when the shapes differ.
    pub fn delay_aware(gain: &DMatrix<f64>, model: &DMatrix<f64>, delay_steps: usize) -> Option<Self> {
        let (m, errors) = gain.shape();
        if m != errors || model.shape() != (errors, m) {
            return None;
        }
        let mut k = DMatrix::zeros(m, m * (1 + delay_steps));
        k.columns_mut(0, m).copy_from(gain);
        let past = -(gain * model);
        (1..=delay_steps).for_each(|back| k.columns_mut(back * m, m).copy_from(&past));
        Self::velocity(&k)
    }

    /// Errors that it takes.
    pub fn errors(&self) -> usize {
        self.d.ncols()
    }

    /// Commands that it gives.
    pub fn commands(&self) -> usize {
        self.d.nrows()
    }
}

/// Gains from magnitudes to reactive power and from angles to active power, in the laws' layout.
pub(super) fn cross(v: &[f64], angle: &[f64]) -> DMatrix<f64> {
    let n = v.len();
    DMatrix::from_fn(2 * n, 2 * n, |i, j| match (i < n, j < n) {
        (true, false) if j - n == i => angle[i],
        (false, true) if i - n == j => v[j],
        _ => 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::DVector;

    /// Commands of a law that sees the same error at every step.
    fn commands(law: &LinearLaw, error: &[f64], steps: usize) -> Vec<Vec<f64>> {
        let e = DVector::from_column_slice(error);
        let mut x = DVector::zeros(law.a.nrows());
        let step = |_| {
            let u = &law.c * &x + &law.d * &e;
            x = &law.a * &x + &law.b * &e;
            u.iter().copied().collect()
        };
        (0..steps).map(step).collect()
    }

    #[test]
    fn the_pi_counts_the_present_error() {
        let law = LinearLaw::swartz(&[2.0], &[0.5], &[3.0], &[0.25]).unwrap();
        // Active power from the angle's error 0.1, reactive power from the magnitude's 1.
        let found = commands(&law, &[1.0, 0.1], 2);
        assert_eq!(found[0], [0.1 * 3.25, 2.5]);
        assert!((found[1][0] - 0.1 * 3.5).abs() < 1e-15 && (found[1][1] - 3.0).abs() < 1e-15, "{found:?}");
    }

    #[test]
    fn the_velocity_form_is_its_recursion() {
        let (ke, k1, k2) = (0.5, -0.3, 0.2);
        let law = LinearLaw::velocity(&DMatrix::from_row_slice(1, 3, &[ke, k1, k2])).unwrap();
        let (mut u, mut past) = (0.0, [0.0; 2]);
        for found in commands(&law, &[1.0], 8) {
            let change = ke + k1 * past[0] + k2 * past[1];
            (u, past) = (u + change, [change, past[0]]);
            assert!((found[0] - u).abs() < 1e-14, "{found:?} {u}");
        }
        assert!(LinearLaw::velocity(&DMatrix::zeros(2, 3)).is_none());
    }

    #[test]
    fn shapes_that_do_not_fit_are_none() {
        assert!(LinearLaw::swartz(&[1.0; 3], &[1.0; 2], &[1.0; 3], &[1.0; 3]).is_none());
        assert!(LinearLaw::decoupled(&DMatrix::zeros(2, 2), 0.0, 0.3).is_none());
        assert!(LinearLaw::proportional_integral(&DMatrix::zeros(2, 2), &DMatrix::zeros(2, 3)).is_none());
    }
}
