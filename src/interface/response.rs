//! A device that answers its node's voltage slowly and late, as a volt-var curve does: how late it may be.
//!
//! Its output follows K times the deviation with a time constant τ, after a dead time T: the open loop is
//! K·e^(−sT)/(1 + sτ). By Nyquist it closes stably where the phase at the frequency of |gain| 1 stays above −π:
//!
//! ```text
//! K ≤ 1: at any T      K > 1: T < (π − atan(ωτ))/ω,  ω = √(K² − 1)/τ
//! ```
//!
//! K is the slope times what it acts on: of a volt-var curve X·dQ/dV, both in per unit of the same base. Source: the textbook
//! criterion for a first-order lag with dead time; checked by simulation in this file.

/// The time constant in s of an open-loop response time in s, in which 90 % of a step are answered (IEEE 1547).
pub fn time_constant_s(response_s: f64) -> f64 {
    response_s / std::f64::consts::LN_10
}

/// The dead time in s at which a loop of gain `k` and a time constant in s becomes unstable; infinite where it never does.
/// A gain that is not a number allows none.
pub fn longest_dead_time_s(k: f64, time_constant_s: f64) -> f64 {
    let k = k.abs();
    if k.is_nan() || time_constant_s.is_nan() {
        return 0.0;
    }
    if k <= 1.0 {
        return f64::INFINITY;
    }
    if time_constant_s <= 0.0 || !k.is_finite() {
        return 0.0;
    }
    let w = (k * k - 1.0).sqrt() / time_constant_s;
    (std::f64::consts::PI - (w * time_constant_s).atan()) / w
}

/// The largest gain that a dead time in s allows with a time constant in s: the inverse of [`longest_dead_time_s`], from
/// below. Infinite without dead time.
pub fn largest_gain(dead_time_s: f64, time_constant_s: f64) -> f64 {
    if dead_time_s <= 0.0 {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (1.0, 2.0);
    while longest_dead_time_s(high, time_constant_s) > dead_time_s && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if longest_dead_time_s(middle, time_constant_s) > dead_time_s { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the loop settles, by Euler's steps of 1 ms.
    fn settles(k: f64, tau_s: f64, dead_s: f64) -> bool {
        let late = (dead_s / 1e-3).round() as usize;
        let mut past = vec![1e-3; late + 1];
        let (mut early, mut last) = (0.0_f64, 0.0_f64);
        let (steps, window) = (120_000, 10_000);
        for n in 0..steps {
            let at = n % (late + 1);
            let now = past[(at + late) % (late + 1)];
            let next = now + 1e-3 / tau_s * (-k * past[at] - now);
            past[at] = next;
            if n < window {
                early = early.max(next.abs());
            }
            if n >= steps - window {
                last = last.max(next.abs());
            }
        }
        last < early
    }

    #[test]
    fn the_limit_is_where_the_loop_begins_to_swing() {
        let tau_s = time_constant_s(5.0);
        for (k, dead_s) in [(1.5, 4.47), (3.0, 1.47), (7.33, 0.51)] {
            let limit_s = longest_dead_time_s(k, tau_s);
            assert!((limit_s - dead_s).abs() < 0.006, "{k}: {limit_s}");
            assert!(settles(k, tau_s, 0.93 * limit_s), "{k} settles below its limit");
            assert!(!settles(k, tau_s, 1.07 * limit_s), "{k} does not settle above it");
            assert!((largest_gain(limit_s, tau_s) - k).abs() < 1e-6 * k);
        }
        assert!(longest_dead_time_s(1.0, tau_s).is_infinite() && settles(0.99, tau_s, 6.0));
    }

    #[test]
    fn odd_numbers_allow_nothing() {
        assert_eq!(longest_dead_time_s(f64::NAN, 1.0), 0.0);
        assert_eq!(longest_dead_time_s(f64::INFINITY, 1.0), 0.0);
        assert_eq!(longest_dead_time_s(2.0, 0.0), 0.0);
        assert!(largest_gain(0.0, 1.0).is_infinite());
        assert!(largest_gain(1e9, 1.0) >= 1.0);
    }
}
