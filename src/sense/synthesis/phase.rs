//! Angles and times as integers: what is summed over hours is summed exactly.
//!
//! A fixed-point number has 64 bits before its point and 64 behind it (`u128`); an angle is the 64 behind: turns, modulo
//! one, in units of 2⁻⁶⁴ (3e-19 rad). A frequency is an f64, that is m·2ᵉ, and a tick is a fraction of seconds, so the
//! turns in a tick are a fraction, too: whole units are added to the angle, and what is left over is carried, in units of
//! 2⁻⁶⁴ over the tick's denominator. The angle at a tick is so Σ f·h rounded down once, however many ticks there were.

/// 64 bits before the point, 64 behind.
pub type Fixed = u128;

/// One.
pub const ONE: Fixed = 1 << 64;

/// Highest frequency that is taken, in Hz.
pub const MOST_HZ: f64 = 1e9;

/// a·b, modulo 2⁶⁴, rounded down.
pub const fn product(a: Fixed, b: Fixed) -> Fixed {
    const LOW: u128 = ONE - 1;
    let (whole, part) = (a >> 64, a & LOW);
    let low = part.wrapping_mul(b >> 64).wrapping_add((part * (b & LOW)) >> 64);
    whole.wrapping_mul(b).wrapping_add(low)
}

/// `numerator / denominator`, rounded down; the denominator is below 2⁹⁶.
pub const fn quotient(numerator: u128, denominator: u128) -> Fixed {
    let upper = (numerator % denominator) << 32;
    let lower = (upper % denominator) << 32;
    ((numerator / denominator) << 64) | ((upper / denominator) << 32) | (lower / denominator)
}

/// As a number.
#[allow(clippy::cast_precision_loss, reason = "the rounding of the result")]
pub fn number(fixed: Fixed) -> f64 {
    fixed as f64 / ONE as f64
}

/// What an angle in units of 2⁻⁶⁴ turns is in rad, from −π to π.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "half a turn is the sign; the result rounds")]
pub fn radians(turns: u64) -> f64 {
    (turns as i64) as f64 * (std::f64::consts::TAU / ONE as f64)
}

/// Turns in a tick: whole units, and what is left over in units over the tick's denominator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advance {
    /// Turns, rounded down.
    pub turns: Fixed,
    left: u64,
}

impl Advance {
    /// f·h for a frequency in Hz, 0 to [`MOST_HZ`], and h = `numerator / denominator` seconds. Exact from 2⁻¹² Hz on.
    #[allow(clippy::cast_possible_truncation, reason = "what is left over is below the denominator")]
    pub fn new(f_hz: f64, (numerator, denominator): (u64, u64)) -> Self {
        let bits = f_hz.to_bits();
        let (exponent, fraction) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
        if exponent == 0 {
            return Self::default(); // zero, or below 1e-307
        }
        // f = mantissa·2^(exponent − 1075); in units of 2⁻⁶⁴ that is a shift by exponent − 1011.
        let mantissa = u128::from(fraction | (1 << 52));
        let (mantissa, shift) = match exponent.checked_sub(1011) {
            Some(shift) => (mantissa, shift.min(64)),
            None => (mantissa.checked_shr((1011 - exponent) as u32).unwrap_or(0), 0),
        };
        let denominator = u128::from(denominator);
        let product = mantissa * u128::from(numerator);
        let rest = (product % denominator) << shift;
        let turns = ((product / denominator) << shift).wrapping_add(rest / denominator);
        Self { turns, left: (rest % denominator) as u64 }
    }
}

/// An angle that advances tick by tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Angle {
    /// In units of 2⁻⁶⁴ turns.
    pub turns: u64,
    left: u64,
}

impl Angle {
    /// Advances by what was made with this denominator.
    #[allow(clippy::cast_possible_truncation, reason = "an angle is modulo one turn")]
    pub fn advance(&mut self, by: Advance, denominator: u64) {
        let left = u128::from(self.left) + u128::from(by.left);
        let carry = u128::from(left >= u128::from(denominator));
        self.left = (left - carry * u128::from(denominator)) as u64;
        self.turns = self.turns.wrapping_add((by.turns.wrapping_add(carry)) as u64);
    }
}

/// How an angle moves within a tick, s from 0 to 1: from one frequency straight to another,
/// 2·h₀·s + (h₁ − h₀)·s² turns, with h half the turns in a tick at the frequency at its start and at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Motion {
    halves: [Advance; 2],
}

impl Motion {
    /// From `from_hz` to `to_hz` in a tick of so many seconds.
    pub fn new(from_hz: f64, to_hz: f64, tick_s: (u64, u64)) -> Self {
        Self { halves: [from_hz, to_hz].map(|f_hz| Advance::new(0.5 * f_hz, tick_s)) }
    }

    /// Whether the frequency stays.
    pub fn is_steady(&self) -> bool {
        self.halves[0] == self.halves[1]
    }

    /// Turns from the tick's start to s, modulo one.
    #[allow(clippy::cast_possible_truncation, reason = "an angle is modulo one turn")]
    pub fn turns(&self, s: Fixed) -> u64 {
        let [h0, h1] = self.halves.map(|half| half.turns);
        let steady = product(h0 << 1, s);
        let moved = match h1 >= h0 {
            true => steady.wrapping_add(product(h1 - h0, product(s, s))),
            false => steady.wrapping_sub(product(h0 - h1, product(s, s))),
        };
        moved as u64
    }

    /// Turns per tick at s.
    pub fn rate(&self, s: f64) -> f64 {
        let [h0, h1] = self.halves.map(|half| number(half.turns));
        2.0 * (h0 + (h1 - h0) * s)
    }

    /// Change of the turns per tick, per tick.
    pub fn ramp(&self) -> f64 {
        let [h0, h1] = self.halves.map(|half| number(half.turns));
        2.0 * (h1 - h0)
    }

    /// Lets an angle go to the end of the tick.
    pub fn finish(&self, angle: &mut Angle, denominator: u64) {
        self.halves.iter().for_each(|half| angle.advance(*half, denominator));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_quotients_are_those_of_fractions() {
        assert_eq!(quotient(1, 4), ONE / 4);
        assert_eq!(quotient(7, 2), 3 * ONE + ONE / 2);
        assert_eq!(quotient(1, 3), ONE / 3);
        assert_eq!(quotient((1 << 95) - 2, (1 << 95) - 1), ONE - 1, "the largest denominators");
        assert_eq!(product(3 * ONE / 2, 5 * ONE / 2), 15 * ONE / 4);
        assert_eq!(product(ONE - 1, ONE), ONE - 1);
        assert_eq!(product(ONE / 3, 3 * ONE), 3 * (ONE / 3));
    }

    #[test]
    fn millions_of_ticks_are_exact() {
        // 0.1 Hz is the f64 m·2⁻⁵⁶ with m = 7205759403792794. In k ticks of 1/3 s: k·m/(3·2⁵⁶) turns; in units of 2⁻⁶⁴ that is
        // k·m·256/3, here with k = 10⁷.
        let (tick, k) = ((1, 3), 10_000_000u64);
        let advance = Advance::new(0.1, tick);
        let mut angle = Angle::default();
        for _ in 0..k {
            angle.advance(advance, tick.1);
        }
        let exact = u128::from(k) * 7_205_759_403_792_794 * 256 / 3;
        assert_eq!(u128::from(angle.turns), exact & (ONE - 1));
    }

    #[test]
    fn frequencies_of_any_size_are_taken() {
        assert_eq!(Advance::new(0.0, (1, 1000)).turns, 0);
        assert_eq!(Advance::new(50.0, (1, 1000)).turns, ONE / 20);
        assert_eq!(Advance::new(MOST_HZ, (1, 1)).turns, 1_000_000_000 * ONE);
        assert_eq!(Advance::new(2f64.powi(-40), (1, 1)).turns, ONE >> 40);
        assert_eq!(Advance::new(f64::MIN_POSITIVE / 2.0, (1, 1)).turns, 0);
        assert_eq!(Advance::new(50.0, (31_622_400_000_000_001, 1_000_000_000)).turns / ONE, 50 * 31_622_400);
    }

    #[test]
    fn a_ramp_ends_where_its_mean_frequency_does() {
        // 50 to 51 Hz in 0.1 s: 5.05 turns; at the half 2.5 + 0.1·0.125 = 2.5125.
        let motion = Motion::new(50.0, 51.0, (1, 10));
        let turns = |s| radians(motion.turns(s)) / std::f64::consts::TAU;
        assert!((turns(ONE) - 0.05).abs() < 1e-15 && (turns(ONE / 2).rem_euclid(1.0) - 0.5125).abs() < 1e-15);
        assert!((motion.rate(0.5) - 5.05).abs() < 1e-14 && (motion.ramp() - 0.1).abs() < 1e-14);
        let mut angle = Angle::default();
        motion.finish(&mut angle, 10);
        assert!(angle.turns.abs_diff(motion.turns(ONE)) <= 2);
        let falling = Motion::new(51.0, 50.0, (1, 10));
        assert!((radians(falling.turns(ONE / 2)) / std::f64::consts::TAU - (-0.4625)).abs() < 1e-15, "2.5375");
    }
}
