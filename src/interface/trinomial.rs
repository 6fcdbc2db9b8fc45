//! The largest root of the closed interface's characteristic polynomial, for one eigenvalue r of its loop:
//!
//! ```text
//! p(z) = z^(d+1) − (1 − a)·z^d + a·r        0 < a ≤ 1, d ≥ 0, r complex
//! ```
//!
//! Whether all roots are within a circle is found by the recursion of Schur and Cohn (Jury: "Theory and Application of the
//! z-Transform Method", 1964), p ← (p − p(0)·p*)/z with p* the reversed conjugate. Of a polynomial A·z^m + B·z^(m−1) + C it
//! makes another of that form, so that a test is d steps with two numbers. The radius follows by bisection.

use crate::quantity::{Complex, complex};

/// Whether all roots are nearer to 0 than `radius`; false where it cannot be told for want of range.
pub(super) fn within(radius: f64, r: Complex, a: f64, d: u32) -> bool {
    let mut second = complex((a - 1.0) / radius, 0.0);
    let mut last = r * a / radius.powf(f64::from(d) + 1.0);
    for _ in 0..d {
        let rest = 1.0 - last.norm_sqr();
        if rest.is_nan() || rest <= 0.0 {
            return false;
        }
        (second, last) = (second / rest, -last * second.conj() / rest);
    }
    (second + last).norm() < 1.0
}

/// The largest magnitude of a root, to 1e-12 of it from above; infinite where r is not finite.
pub(super) fn radius(r: Complex, a: f64, d: u32) -> f64 {
    if !r.is_finite() {
        return f64::INFINITY;
    }
    if r.norm() == 0.0 {
        return 1.0 - a;
    }
    // Of a root with |z| ≥ 1: |z| − (1 − a) ≤ |z|^d·|z − (1 − a)| = a·|r|.
    let (mut low, mut high) = (0.0, (1.0 - a + a * r.norm()).max(1.0) * (1.0 + 1e-9));
    while high - low > 1e-12 * high {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if within(middle, r, a, d) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(own: f64, other: f64) {
        assert!((own - other).abs() < 1e-9 * (1.0 + other), "{own} is not {other}");
    }

    #[test]
    fn roots_solved_by_hand() {
        // Without a filter z^(d+1) = −r.
        near(radius(complex(0.0, 0.512), 1.0, 2), 0.8);
        near(radius(complex(-8.0, 0.0), 1.0, 2), 2.0);
        near(radius(complex(0.3, -0.4), 1.0, 200), 0.5_f64.powf(1.0 / 201.0));
        // Without delay z = 1 − a − a·r.
        near(radius(complex(3.0, 0.0), 0.5, 0), 1.0);
        near(radius(complex(0.0, 2.0), 0.25, 0), (0.75_f64.powi(2) + 0.25).sqrt());
        // d = 1, a = 1/2, r = 1/8: z² − z/2 + 1/16 = (z − 1/4)²; r = −1: z² − z/2 − 1/2 = (z − 1)(z + 1/2).
        assert!((radius(complex(0.125, 0.0), 0.5, 1) - 0.25).abs() < 1e-5, "a double root is found to half the digits");
        near(radius(complex(-1.0, 0.0), 0.5, 1), 1.0);
        near(radius(complex(0.0, 0.0), 0.3, 7), 0.7);
        assert!(radius(complex(f64::INFINITY, 0.0), 0.3, 7).is_infinite());
        assert!(radius(complex(1e300, 0.0), 1.0, 200).is_finite());
    }

    proptest! {
        /// Of a root z that is chosen, r = −z^d·(z − 1 + a)/a, and the largest is no smaller.
        #[test]
        fn no_root_is_overlooked(size in 0.1f64..1.4, angle in -3.1f64..3.1, a in 0.02f64..1.0, d in 0u32..201) {
            let z = Complex::from_polar(size, angle);
            let r = -z.powu(d) * (z - (1.0 - a)) / a;
            prop_assume!(r.norm() > 1e-250 && r.norm() < 1e250);
            let own = radius(r, a, d);
            prop_assert!(own >= size * (1.0 - 1e-6), "{own} is less than {size}");
        }

        /// The radius is a root's: sums of the recursion that p describes grow by it.
        #[test]
        fn the_recursion_grows_by_it(size in 0.05f64..3.0, angle in -3.1f64..3.1, a in 0.1f64..1.0, d in 0u32..9) {
            let r = Complex::from_polar(size, angle);
            let own = radius(r, a, d);
            let depth = d as usize + 1;
            let mut past: Vec<Complex> = (0..depth).map(|k| complex(1.0, 0.3 * k as f64)).collect();
            let (mut scale, steps) = (0.0, 3000);
            for _ in 0..steps {
                let next = past[depth - 1] * (1.0 - a) - past[0] * r * a;
                past.remove(0);
                past.push(next);
                let largest = past.iter().map(|v| v.norm()).fold(0.0, f64::max);
                scale += largest.ln();
                past.iter_mut().for_each(|v| *v /= largest);
            }
            let grown = (scale / f64::from(steps)).exp();
            prop_assert!((grown - own).abs() < 0.01 * own, "{grown} per step, {own} was said");
        }
    }
}
