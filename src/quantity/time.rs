//! Integer time: a tick counts steps, a step is an exact fraction of seconds.
//!
//! Seconds as `f64` are made from a tick by one multiplication and one rounding, never by adding up, so that the
//! millionth step is as exact as the first.

/// How many steps have passed since the start of a run. Tick 0 is the start itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(pub u64);

impl Tick {
    /// The tick after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The length of a step in seconds, as an exact fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    numerator: u64,
    denominator: u64,
}

/// Largest distance of a time from a tick, relative to its tick count, that is taken for rounding of its decimals.
const ON_TICK: f64 = 1e-9;

impl Step {
    /// A step of `numerator / denominator` seconds; `None` unless both are positive.
    pub const fn new(numerator: u64, denominator: u64) -> Option<Self> {
        if numerator == 0 || denominator == 0 {
            return None;
        }
        let g = gcd(numerator, denominator);
        Some(Self { numerator: numerator / g, denominator: denominator / g })
    }

    /// The step that `seconds` writes in decimals: a whole number of nanoseconds, up to a year. `None` otherwise.
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        const NANOSECONDS: f64 = 1e9;
        const YEAR_S: f64 = 366.0 * 86_400.0;
        if !(seconds > 0.0 && seconds <= YEAR_S) {
            return None;
        }
        let whole = (seconds * NANOSECONDS).round();
        let exact = whole >= 1.0 && (seconds * NANOSECONDS - whole).abs() <= 1e-15 * NANOSECONDS * seconds;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 3.2e16, checked above")]
        let numerator = whole as u64;
        if exact { Self::new(numerator, 1_000_000_000) } else { None }
    }

    /// Length in s as an exact fraction in lowest terms: numerator, denominator.
    pub const fn fraction(self) -> (u64, u64) {
        (self.numerator, self.denominator)
    }

    /// Length in s.
    pub fn seconds(self) -> f64 {
        self.time_s(Tick(1))
    }

    /// Time of a tick since the start, in s: correctly rounded while the tick's nanoseconds are below 2^53, else to
    /// within two roundings.
    #[allow(clippy::cast_precision_loss, reason = "the rounding of the result")]
    pub fn time_s(self, tick: Tick) -> f64 {
        let numerator = u128::from(tick.0) * u128::from(self.numerator);
        let denominator = u128::from(self.denominator);
        let g = gcd128(numerator, denominator);
        (numerator / g) as f64 / (denominator / g) as f64
    }

    /// The tick at `t_s` seconds after the start; `None` when that is before the start or between two ticks.
    pub fn tick_at(self, t_s: f64) -> Option<Tick> {
        let ticks = self.ticks(t_s);
        let whole = ticks.round();
        let on_tick = whole >= 0.0 && whole < 2f64.powi(53) && (ticks - whole).abs() <= ON_TICK * whole.max(1.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 2^53, checked above")]
        on_tick.then_some(Tick(whole as u64))
    }

    /// `t_s` as a number of steps, not rounded.
    #[allow(clippy::cast_precision_loss, reason = "a step below 2^53 ns is exact, a longer one is beyond use")]
    pub fn ticks(self, t_s: f64) -> f64 {
        t_s * self.denominator as f64 / self.numerator as f64
    }
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn gcd128(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_tenths_of_a_second_are_exact() {
        let step = Step::from_seconds(0.1).unwrap();
        assert_eq!(step, Step::new(1, 10).unwrap());
        assert_eq!(step.time_s(Tick(1_000_000)), 100_000.0);
        assert_eq!(step.time_s(Tick(3)), 0.3);
        let mut summed = 0.0;
        for _ in 0..1_000_000 {
            summed += 0.1;
        }
        assert_ne!(summed, 100_000.0, "what this type is for");
    }

    #[test]
    fn a_step_need_not_be_decimal() {
        let cycle = Step::new(1, 60).unwrap();
        assert_eq!(cycle.time_s(Tick(3600)), 60.0);
        assert_eq!(cycle.tick_at(0.05), Some(Tick(3)));
    }

    #[test]
    fn times_are_on_a_tick_or_refused() {
        let step = Step::from_seconds(0.1).unwrap();
        assert_eq!(step.tick_at(0.3), Some(Tick(3)));
        assert_eq!(step.tick_at(240.0), Some(Tick(2400)));
        assert_eq!(step.tick_at(0.35), None);
        assert_eq!(step.tick_at(-0.1), None);
        assert_eq!(step.tick_at(f64::NAN), None);
        assert_eq!(step.tick_at(f64::INFINITY), None);
        assert_eq!(step.tick_at(1e300), None);
    }

    #[test]
    fn what_is_not_a_step_is_refused() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-10, 1e12, 1.0 / 3.0] {
            assert_eq!(Step::from_seconds(bad), None, "{bad}");
        }
        assert_eq!(Step::new(1, 0), None);
        assert_eq!(Step::from_seconds(900.0), Step::new(900, 1));
        assert_eq!(Step::from_seconds(1e-9), Step::new(1, 1_000_000_000));
    }
}
