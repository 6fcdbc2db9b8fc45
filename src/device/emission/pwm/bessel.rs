//! Bessel functions of the first kind of whole order, all orders of one argument at once.
//!
//! Miller's downward recurrence J_{n−1}(x) = (2n/x)·J_n(x) − J_{n+1}(x), started where J_n is negligible and normalised by
//! J₀ + 2·ΣJ_{2k} = 1 (Abramowitz and Stegun, 9.1.27 and 9.1.46). Absolute error about 1e-15 for |x| ≤ [`MOST_ARGUMENT`],
//! which is what modulation needs: the argument is mπM/2.

/// Orders 0 to `ORDERS` − 1 are computed.
pub const ORDERS: usize = 40;
/// Largest argument; beyond it the start of the recurrence is not far enough out, and the result is NaN.
pub const MOST_ARGUMENT: f64 = 30.0;
/// Where the recurrence starts: J_80(30) is about 1e-21.
const START: usize = 80;

/// J_n(x) for n = 0 … 39; NaN for |x| above 30.
pub fn bessel_j(x: f64) -> [f64; ORDERS] {
    let mut j = [0.0; ORDERS];
    if x.is_nan() || x.abs() > MOST_ARGUMENT {
        return [f64::NAN; ORDERS];
    }
    if x.abs() < 1e-9 {
        (j[0], j[1]) = (1.0, 0.5 * x); // the next term is x²/4
        return j;
    }
    let (mut above, mut here, mut sum) = (0.0f64, 1e-280, 0.0f64);
    for n in (0..=START).rev() {
        if let Some(own) = j.get_mut(n) {
            *own = here;
        }
        if n % 2 == 0 {
            sum += if n == 0 { here } else { 2.0 * here };
        }
        if here.abs() > 1e200 {
            let scale = 1e-200;
            (above, here, sum) = (above * scale, here * scale, sum * scale);
            j.iter_mut().for_each(|own| *own *= scale);
        }
        #[allow(clippy::cast_precision_loss, reason = "at most START")]
        let below = 2.0 * n as f64 / x * here - above;
        (above, here) = (here, below);
    }
    j.iter_mut().for_each(|own| *own /= sum);
    j
}

/// J_n(x) for any whole n from the list of its argument: J_{−n} = (−1)ⁿ·J_n; 0 beyond the list.
pub fn of_order(j: &[f64; ORDERS], n: i32) -> f64 {
    let value = j.get(n.unsigned_abs() as usize).copied().unwrap_or(0.0);
    if n < 0 && n % 2 != 0 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    /// Bessel's integral (1/π)·∫cos(nτ − x·sin τ)dτ over 0…π by the trapezoidal rule, which converges faster than any power.
    fn integral(n: i32, x: f64) -> f64 {
        let points = 400;
        let at = |k: i32| {
            let t = PI * f64::from(k) / f64::from(points);
            (f64::from(n) * t - x * t.sin()).cos()
        };
        (0.5 * (at(0) + at(points)) + (1..points).map(at).sum::<f64>()) / f64::from(points)
    }

    #[test]
    fn all_orders_agree_with_the_integral() {
        for x in [1e-12, 1e-6, 0.01, 0.3, 1.0, 1.2566, 2.404_825_557_695_773, 5.0, 8.1, 14.9, 30.0, -3.7] {
            let j = bessel_j(x);
            for n in -39..40 {
                let error = of_order(&j, n) - integral(n, x);
                assert!(error.abs() < 1e-13, "J_{n}({x}): {error:e}");
            }
        }
    }

    #[test]
    fn values_are_those_of_the_tables() {
        // Abramowitz and Stegun, table 9.1 and 9.4.
        let j = bessel_j(1.0);
        let table = [0.765_197_686_557_967, 0.440_050_585_744_934, 0.114_903_484_931_900];
        table.iter().zip(j).for_each(|(t, own)| assert!((t - own).abs() < 1e-14, "{own}"));
        assert!((bessel_j(10.0)[10] - 0.207_486_106_6).abs() < 1e-10);
        assert!(bessel_j(31.0)[0].is_nan() && bessel_j(f64::NAN)[3].is_nan());
        assert_eq!(bessel_j(0.0)[..3], [1.0, 0.0, 0.0]);
    }
}
