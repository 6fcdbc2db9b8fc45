//! Bytes that a line damages: reflections where its termination lacks, what a power cable beside it couples in.
//!
//! Models, not measurements; `docs/models/physical-faults.md` says where each number is from. Both come to the probability
//! that a bit is read wrongly, with a signal of the least that RS-485 promises and some noise on any line:
//!
//! ```text
//! reflections    x = k^(T/2 / t),  t = 2·length/v        what is left of an edge in the middle of its bit
//!                eye = V·(1 − 2x/(1 − x²))                less what is left of all bits before, at their worst
//!                bit = Q((eye − threshold)/σ)
//! coupling       A = μ₀/2π · ω·h·I · s·area / d²          from a pair of conductors s apart, at a distance d
//!                bit = burst · mean over φ of Q((V − threshold − A·cos φ)/σ)
//! byte           1 − (1 − bit)^10                         start, eight bits, stop
//! ```

/// Speed of a signal in the cable in m/s: 0.66 of light's.
const SPEED_M_PER_S: f64 = 2e8;
/// What is left of an edge after each round trip: an open end reflects all, a driver of 30 Ω at 120 Ω six tenths.
const LEFT: f64 = 0.6;
/// Least signal of a driver, and what a receiver needs, in V (TIA-485).
const SIGNAL_V: f64 = 1.5;
const THRESHOLD_V: f64 = 0.2;
/// Noise of any line, in V: a tenth of the signal.
const NOISE_V: f64 = 0.15;
/// Bits of a byte on a serial line.
const BITS: i32 = 10;

/// µ₀/2π in V·s/(A·m).
const MU_2PI: f64 = 2e-7;
/// A switching edge rings at this angular frequency in rad/s: 1 MHz.
const RING_RAD_PER_S: f64 = 6.283e6;
/// Part of a power cable's current that rings.
const RINGING: f64 = 0.03;
/// Distance of a power cable's two conductors in m.
const SPREAD_M: f64 = 0.02;
/// Area that a communications pair encloses beside it, in m²: 20 m of 2.5 mm, unshielded and loosely twisted.
const AREA_M2: f64 = 0.05;
/// Part of the time in which an edge rings: 40 000 of 2 µs in a second.
const BURST: f64 = 0.08;
/// Phases that the mean is taken over.
const PHASES: u32 = 32;

/// The probability that a standard normal number is beyond x (Abramowitz and Stegun, 26.2.17: within 7.5e-8).
fn beyond(x: f64) -> f64 {
    if x < 0.0 {
        return 1.0 - beyond(-x);
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let series =
        t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt() * series
}

fn byte(bit: f64) -> f64 {
    1.0 - (1.0 - bit.clamp(0.0, 1.0)).powi(BITS)
}

/// Share of the bytes that a line of this length damages at this speed, with no resistor at either end.
pub fn unterminated(length_m: f64, baud: f64) -> f64 {
    let half_bit_s = 0.5 / baud;
    let round_trip_s = 2.0 * length_m / SPEED_M_PER_S;
    let left = if round_trip_s > 0.0 { LEFT.powf(half_bit_s / round_trip_s) } else { 0.0 };
    let before = if left < 1.0 { 2.0 * left / (1.0 - left * left) } else { f64::INFINITY };
    // Where the eye is shut, a bit is anything.
    byte(beyond((SIGNAL_V * (1.0 - before) - THRESHOLD_V) / NOISE_V).min(0.5))
}

/// What a power cable of this current couples into a communications pair at this distance, in V.
pub fn coupled_v(distance_m: f64, current_a: f64) -> f64 {
    MU_2PI * RING_RAD_PER_S * RINGING * current_a * SPREAD_M * AREA_M2 / (distance_m * distance_m)
}

/// Share of the bytes that a power cable of this current damages at this distance.
pub fn emi(distance_m: f64, current_a: f64) -> f64 {
    let amplitude_v = coupled_v(distance_m, current_a);
    let at = |k: u32| {
        let phase = 2.0 * std::f64::consts::PI * (f64::from(k) + 0.5) / f64::from(PHASES);
        beyond((SIGNAL_V - THRESHOLD_V - amplitude_v * phase.cos()) / NOISE_V)
    };
    byte(BURST * (0..PHASES).map(at).sum::<f64>() / f64::from(PHASES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_tail_is_right() {
        for (x, p) in [(0.0, 0.5), (1.0, 0.158_655_25), (3.0, 1.349_898e-3), (-1.0, 0.841_344_75), (6.0, 9.866e-10)] {
            assert!((beyond(x) - p).abs() < 1e-7 && (p > 1e-6 || (beyond(x) / p - 1.0).abs() < 0.01), "{x}");
        }
    }

    #[test]
    fn short_and_slow_lines_need_no_termination() {
        // The rule of thumb: reflections are gone after three round trips, and a bit is read in its middle.
        for (length_m, baud) in [(300.0, 9600.0), (600.0, 9600.0), (300.0, 19_200.0), (10.0, 115_200.0)] {
            assert!(unterminated(length_m, baud) < 1e-9, "{length_m} m at {baud}: {}", unterminated(length_m, baud));
        }
        let share = unterminated(800.0, 19_200.0);
        assert!((1e-6..1e-1).contains(&share), "3.3 round trips to the middle of a bit: {share}");
        assert!(unterminated(300.0, 115_200.0) > 0.9 && unterminated(1200.0, 38_400.0) > 0.9);
        assert!(unterminated(1e4, 1e7) <= 1.0 && unterminated(0.0, 9600.0) < 1e-9);
        let rising: Vec<f64> = (1..200).map(|k| unterminated(10.0 * f64::from(k), 38_400.0)).collect();
        assert!(rising.windows(2).all(|pair| pair[0] <= pair[1]), "longer is never better");
    }

    #[test]
    fn fifteen_centimetres_are_enough() {
        assert!(emi(0.15, 100.0) < 1e-9 && emi(0.15, 250.0) < 1e-6, "{} {}", emi(0.15, 100.0), emi(0.15, 250.0));
        assert!(emi(0.05, 100.0) > 0.05, "{}", emi(0.05, 100.0));
        assert!((1e-6..1e-2).contains(&emi(0.05, 55.0)), "{}", emi(0.05, 55.0));
        let far = coupled_v(0.05, 100.0) / coupled_v(0.15, 100.0);
        assert!((far - 9.0).abs() < 1e-9, "by the square of the distance");
        assert!(emi(0.01, 0.0) < 1e-9 && emi(0.001, 1e4) <= 1.0);
    }
}
