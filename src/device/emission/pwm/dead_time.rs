//! What dead time does to a leg's voltage, on the average over a switching period: V_dc·t_d·f_sw against the current.
//!
//! For a current Î·cos θ out of the leg the mean error is −ΔV·clamp((Î/I_c)·cos θ, −1, 1) with ΔV = V_dc·t_d·f_sw. I_c is the
//! current below which ripple reverses the current within the period; for I_c = 0 the error is a square wave and its
//! order h is (4/(π·h))·ΔV, with alternating signs. For k = Î/I_c > 1 and α = arccos(1/k) the Fourier coefficients are, odd h,
//!
//! ```text
//! b_h = (4/π)·[ sin(h·α)/h − (k/2)·( sin((h−1)·α)/(h−1) + sin((h+1)·α)/(h+1) ) ]     h > 1
//! ```
//!
//! and 0 for k ≤ 1, where the error is a plain resistance. Checked against a simulation of edges in `tests/inverter/edges.rs`.
//! Limits: no turn-on and turn-off times, no diode drops, which add errors of the same shape.

use std::f64::consts::PI;

/// Coefficients b_h of clamp(k·cos θ, −1, 1) for h = 0 … `into.len()` − 1 into a list; even ones are 0. Infinite k is the
/// square wave.
pub fn clipped_cosine(k: f64, into: &mut [f64]) {
    into.fill(0.0);
    if k.is_nan() || k <= 1.0 {
        return linear(k, into);
    }
    if k > 1e9 {
        return square(into);
    }
    // sin(m·α) for all m by rotation.
    let (cosine, sine) = (1.0 / k, (1.0 - 1.0 / (k * k)).sqrt());
    let ratio = |s: f64, m: usize| s / count(m.max(1));
    let mut turn = (1.0, 0.0);
    let mut next = || {
        turn = (turn.0 * cosine - turn.1 * sine, turn.0 * sine + turn.1 * cosine);
        turn.1
    };
    let mut below = 0.0; // sin((h−1)·α)
    for h in (1..into.len()).step_by(2) {
        let (here, above) = (next(), next());
        let before = if h == 1 { sine.atan2(cosine) - 0.5 * PI } else { ratio(below, h - 1) };
        into[h] = 4.0 / PI * (ratio(here, h) - 0.5 * k * (before + ratio(above, h + 1)));
        below = above;
    }
}

/// Where nothing is clipped the cosine stays what it is.
fn linear(k: f64, into: &mut [f64]) {
    if let Some(first) = into.get_mut(1) {
        *first = if k > 0.0 { k } else { 0.0 };
    }
}

/// The square wave: (4/(π·h)), signs alternating.
fn square(into: &mut [f64]) {
    for (h, b) in into.iter_mut().enumerate().skip(1).step_by(2) {
        *b = if h % 4 == 1 { 4.0 } else { -4.0 } / (PI * count(h));
    }
}

#[allow(clippy::cast_precision_loss, reason = "orders are small")]
const fn count(h: usize) -> f64 {
    h as f64
}

/// RMS of order h in V of the error of one leg with a sharp change of sign: (4/(π·h))·V_dc·t_d·f_sw/√2, odd h.
pub fn error_v(order: u32, vdc_v: f64, dead_time_s: f64, switching_hz: f64) -> f64 {
    if order.is_multiple_of(2) {
        return 0.0;
    }
    4.0 / (PI * f64::from(order)) * vdc_v * dead_time_s * switching_hz / 2f64.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Coefficients by the midpoint rule over a quarter.
    fn numeric(k: f64, h: usize) -> f64 {
        let points = 200_000;
        let step = 0.5 * PI / f64::from(points);
        let at = |j: i32| {
            let t = (f64::from(j) + 0.5) * step;
            (k * t.cos()).clamp(-1.0, 1.0) * (count(h) * t).cos()
        };
        4.0 / PI * step * (0..points).map(at).sum::<f64>()
    }

    #[test]
    fn coefficients_are_those_of_the_integral() {
        let mut b = [0.0; 52];
        for k in [0.0, 0.4, 1.0, 1.001, 1.7, 7.0, 50.0, 1e4] {
            clipped_cosine(k, &mut b);
            for h in [1, 3, 5, 7, 25, 49] {
                assert!((b[h] - numeric(k, h)).abs() < 2e-6, "k {k}, h {h}: {} {}", b[h], numeric(k, h));
            }
            assert!(b.iter().step_by(2).all(|b| *b == 0.0));
        }
    }

    #[test]
    fn a_sharp_change_of_sign_is_a_square_wave() {
        let (mut square, mut nearly) = ([0.0; 26], [0.0; 26]);
        clipped_cosine(f64::INFINITY, &mut square);
        clipped_cosine(1e7, &mut nearly);
        square.iter().zip(nearly).for_each(|(a, b)| assert!((a - b).abs() < 1e-7, "{a} {b}"));
        // 800 V, 0.4 µs, 20 kHz: 6.4 V; order 5 is 4/(5π)·6.4/√2 = 1.152 V.
        assert!((error_v(5, 800.0, 0.4e-6, 20e3) - 1.152).abs() < 1e-3);
        assert!((square[5] * 6.4 / 2f64.sqrt() - error_v(5, 800.0, 0.4e-6, 20e3)).abs() < 1e-12);
        clipped_cosine(f64::NAN, &mut square);
        assert!(square.iter().all(|b| *b == 0.0));
    }
}
