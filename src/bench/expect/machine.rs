//! What each kind of expectation keeps of the steps so far.

use super::Place;
use crate::bench::numbers::beside_deg;
use crate::quantity::Tick;
use crate::scenario::{Check, Quantifier, Range, Window};

/// A value of a quantity, when and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) tick: Tick,
    pub(super) place: Place,
}

/// The lowest, highest and last value of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Extent {
    pub(super) low: Option<Point>,
    pub(super) high: Option<Point>,
    pub(super) last: Option<Point>,
    /// The first step without a value.
    pub(super) missing: Option<Tick>,
}

/// An expectation about a quantity, and what it keeps of the steps so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Machine {
    /// At every, no or some step in a range: the step that decides.
    Level { range: Range, quantifier: Quantifier, window: Window, decides: Option<Point> },
    /// On average in a range.
    Mean { range: Range, window: Window, sum: f64, count: u64 },
    /// Near a value.
    Settles { band: f64, to: Option<f64>, window: Window, extent: Extent },
    /// Not far beyond the last value.
    Overshoot { below: f64, percent: bool, window: Window, before: f64, extent: Extent },
}

impl Machine {
    /// Of a check on a quantity, with the quantity.
    pub(super) fn new(check: &Check) -> Option<(usize, Self)> {
        let extent = Extent::default();
        match *check {
            Check::Level { quantity, quantifier: Quantifier::Mean, range, window } => {
                Some((quantity, Self::Mean { range, window, sum: 0.0, count: 0 }))
            }
            Check::Level { quantity, quantifier, range, window } => {
                Some((quantity, Self::Level { range, quantifier, window, decides: None }))
            }
            Check::Settles { quantity, window, band, to } => {
                Some((quantity, Self::Settles { band, to, window, extent }))
            }
            Check::Overshoot { quantity, window, below, percent } => {
                Some((quantity, Self::Overshoot { below, percent, window, before: f64::NAN, extent }))
            }
            _ => None,
        }
    }

    /// Takes in a step's value (NaN: none) and, when it matters, its place.
    pub(super) fn take(&mut self, tick: Tick, x: f64, angle: bool, place: impl FnOnce() -> Place) {
        match self {
            Self::Level { range, quantifier, window, decides } => {
                if !window.has(tick) || x.is_nan() {
                    return;
                }
                // The one farthest outside decides whether it is always there, the one deepest inside whether ever.
                let sign = if *quantifier == Quantifier::Always { 1.0 } else { -1.0 };
                let depth = |x: f64| sign * range.depth(x);
                if decides.is_none_or(|so_far| depth(x) < depth(so_far.x)) {
                    *decides = Some(Point { x, tick, place: place() });
                }
            }
            Self::Mean { window, sum, count, .. } => {
                if window.has(tick) && !x.is_nan() {
                    *sum += x;
                    *count += 1;
                }
            }
            Self::Settles { to, window, extent, .. } => {
                if window.has(tick) {
                    extent.take(tick, x, angle.then_some(*to).flatten(), angle, place);
                }
            }
            Self::Overshoot { window, before, extent, .. } => {
                if tick.next() == window.first {
                    *before = x;
                }
                if window.has(tick) {
                    extent.take(tick, x, Some(*before).filter(|x| !x.is_nan()), angle, place);
                }
            }
        }
    }
}

impl Extent {
    /// An angle is taken on the side of `reference`, or of what was there before.
    fn take(&mut self, tick: Tick, x: f64, reference: Option<f64>, angle: bool, place: impl FnOnce() -> Place) {
        self.last = None;
        if x.is_nan() {
            self.missing = self.missing.or(Some(tick));
            return;
        }
        let reference = reference.or(self.low.map(|p| p.x));
        let x = reference.filter(|_| angle).map_or(x, |reference| beside_deg(x, reference));
        let (lowest, highest) = (self.low.is_none_or(|p| x < p.x), self.high.is_none_or(|p| x > p.x));
        let place = if lowest || highest { place() } else { Place::Itself };
        let point = Point { x, tick, place };
        self.last = Some(point);
        if lowest {
            self.low = Some(point);
        }
        if highest {
            self.high = Some(point);
        }
    }
}
