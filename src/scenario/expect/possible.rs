//! Which values a quantity can have at all, so that an expectation that can never fail, or never hold, is found out.

use crate::feeder::Feeder;
use crate::scenario::check::Checker;
use crate::scenario::{Measure, Part, Range, Stored};

/// The values that a quantity can have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Possible {
    pub(super) low: f64,
    pub(super) high: f64,
    /// Whether `low` itself is out of reach.
    above_low: bool,
    /// Whether it counts something.
    pub(super) whole: bool,
}

const ANYTHING: Possible = Possible { low: f64::NEG_INFINITY, high: f64::INFINITY, above_low: false, whole: false };
const MAGNITUDE: Possible = Possible { low: 0.0, ..ANYTHING };

impl Possible {
    const fn count(low: f64, high: f64) -> Self {
        Self { low, high, above_low: false, whole: true }
    }

    /// Whether every possible value is in a range.
    pub(super) fn all_in(&self, range: Range) -> bool {
        let low = range.low < self.low || ((range.closed || self.above_low) && range.low == self.low);
        let high = self.high < range.high || (range.closed && range.high == self.high);
        (low || range.low == f64::NEG_INFINITY) && (high || range.high == f64::INFINITY)
    }

    /// Whether no possible value is in a range. The mean of whole numbers need not be one.
    pub(super) fn none_in(&self, range: Range, mean: bool) -> bool {
        if self.whole && !mean {
            let first = range.low.max(self.low).ceil();
            let first = if !range.closed && first == range.low { first + 1.0 } else { first };
            return first > self.high || !range.has(first);
        }
        let touching = |a: f64, b: f64, both: bool| if both { a > b } else { a >= b };
        touching(self.low, range.high, range.closed && !self.above_low) || touching(range.low, self.high, range.closed)
    }

    pub(super) fn in_words(&self, name: &str) -> String {
        let what = if self.whole { "a whole number" } else { "a number" };
        match (self.low.is_finite(), self.high.is_finite()) {
            (true, true) => format!("{name} is {what} from {} to {}", self.low, self.high),
            (true, false) if self.above_low => format!("{name} is always above {}", self.low),
            (true, false) => format!("{name} is never below {}", self.low),
            _ => format!("{name} can be any number"),
        }
    }
}

impl Checker<'_> {
    pub(super) fn possible(&self, measure: &Measure) -> Possible {
        match measure {
            Measure::Fixed(k) => self.possible_of_all(*k),
            Measure::Steered(_, what) => what.most().map_or(ANYTHING, |most| Possible::count(0.0, most)),
            Measure::Tied(_, what) => what.most().map_or(MAGNITUDE, |most| Possible::count(0.0, most)),
            Measure::Real(_, what) => what.most().map_or(ANYTHING, |most| Possible::count(0.0, most)),
            Measure::Checked(_, what) => what.most().map_or(MAGNITUDE, |most| Possible::count(0.0, most)),
            Measure::Tap(k) => self.tap_range(*k).map_or(ANYTHING, |[low, high]| Possible::count(low, high)),
            Measure::Steps(k) => Possible::count(0.0, bank_steps(self.feeder, *k)),
            Measure::Voltage(_, Part::Angle) | Measure::Difference(.., Part::Angle) => {
                Possible { low: -180.0, high: 180.0, ..ANYTHING }
            }
            Measure::Voltage(..)
            | Measure::Difference(..)
            | Measure::Unbalance(_)
            | Measure::Current(..)
            | Measure::Loading(_)
            | Measure::Thd(_)
            | Measure::Harmonic(..)
            | Measure::HarmonicCurrent(..)
            | Measure::Emitted(..)
            | Measure::Stored(_, Stored::Energy)
            | Measure::Age(_) => MAGNITUDE,
            Measure::Stored(_, Stored::Charge) => Possible { low: 0.0, high: 100.0, ..ANYTHING },
            Measure::ActivePower(_)
            | Measure::ReactivePower(_)
            | Measure::Injected(_)
            | Measure::InjectedReactive(_)
            | Measure::InjectedPhase(..)
            | Measure::InjectedReactivePhase(..)
            | Measure::Analysed(..)
            | Measure::Mitigated(..)
            | Measure::Planned(..)
            | Measure::Aged(..)
            | Measure::Reading(..) => ANYTHING,
        }
    }

    /// Of [`crate::scenario::FIXED`].
    #[allow(clippy::cast_precision_loss, reason = "a count of nodes")]
    fn possible_of_all(&self, k: usize) -> Possible {
        match crate::scenario::FIXED.get(k).copied().unwrap_or_default() {
            // Only what something feeds is looked at.
            "feeder.v_min_pu" | "feeder.v_mean_pu" | "feeder.v_max_pu" => Possible { above_low: true, ..MAGNITUDE },
            "feeder.out_of_limits_nodes" | "feeder.de_energised_nodes" => {
                Possible::count(0.0, self.feeder.bus_nodes().values().map(Vec::len).sum::<usize>() as f64)
            }
            "solver.converged" => Possible::count(0.0, 1.0),
            "solver.iterations" => Possible { whole: true, ..MAGNITUDE },
            "solver.mismatch_pu" | "feeder.loading_percent" | "feeder.f_hz" => MAGNITUDE,
            _ => ANYTHING,
        }
    }
}

/// Steps of a capacitor bank.
#[allow(clippy::cast_precision_loss, reason = "a count of steps")]
pub(super) fn bank_steps(feeder: &Feeder, bank: usize) -> f64 {
    feeder.capacitors.get_index(bank).map_or(0.0, |(_, c)| c.q_kvar.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(high: f64) -> Range {
        Range { low: f64::NEG_INFINITY, high, closed: false }
    }

    fn above(low: f64) -> Range {
        Range { low, high: f64::INFINITY, closed: false }
    }

    fn within(low: f64, high: f64) -> Range {
        Range { low, high, closed: true }
    }

    #[test]
    fn magnitudes_are_never_negative() {
        assert!(MAGNITUDE.all_in(above(-1.0)));
        assert!(!MAGNITUDE.all_in(above(0.0)), "it can be 0");
        assert!(MAGNITUDE.all_in(within(0.0, f64::INFINITY)));
        assert!(MAGNITUDE.none_in(below(0.0), false));
        assert!(!MAGNITUDE.none_in(within(-1.0, 0.0), false));
        assert!(MAGNITUDE.none_in(within(-2.0, -1.0), false));
        let fed = Possible { above_low: true, ..MAGNITUDE };
        assert!(fed.all_in(above(0.0)) && fed.none_in(within(-1.0, 0.0), false));
    }

    #[test]
    fn angles_end_at_half_a_turn() {
        let angle = Possible { low: -180.0, high: 180.0, ..ANYTHING };
        assert!(angle.all_in(within(-180.0, 180.0)) && angle.all_in(below(181.0)));
        assert!(!angle.all_in(below(180.0)) && !angle.all_in(within(-180.0, 179.0)));
        assert!(angle.none_in(above(180.0), false) && !angle.none_in(above(179.0), false));
    }

    #[test]
    fn counts_are_whole() {
        let flag = Possible::count(0.0, 1.0);
        assert!(flag.all_in(below(2.0)) && flag.all_in(within(0.0, 1.0)) && !flag.all_in(above(0.5)));
        assert!(flag.none_in(within(0.2, 0.8), false) && !flag.none_in(within(0.2, 0.8), true));
        assert!(flag.none_in(above(1.0), false) && !flag.none_in(above(0.0), false));
        let tap = Possible::count(-16.0, 16.0);
        assert!(tap.none_in(within(16.5, 20.0), false) && !tap.none_in(within(15.5, 20.0), false));
        assert!(tap.none_in(Range { low: 3.0, high: 4.0, closed: false }, false));
    }

    #[test]
    fn power_can_be_anything() {
        assert!(!ANYTHING.all_in(above(-1e300)) && !ANYTHING.none_in(below(-1e300), false));
    }
}
