//! What each quantity comes to over a run, in few numbers.

use crate::quantity::Tick;
use crate::scenario::{FIXED, Measure, Part, Plan, Quantity};

/// What a quantity comes to over a run. Steps at which it does not exist, or which have no solution, are passed over.
///
/// An angle is followed across ±180°: its numbers belong together, and are known up to a turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers {
    /// Steps with a value.
    pub count: u64,
    /// The lowest value and its first tick; ∞ when there is none.
    pub min: (f64, Tick),
    /// The highest value and its first tick; −∞ when there is none.
    pub max: (f64, Tick),
    /// The mean value; NaN when there is none.
    pub mean: f64,
    /// The value at the last step; NaN when there is none.
    pub last: f64,
}

/// How a column of the row is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Whether its values mean something at a step without a solution.
    unsolved: bool,
    /// Whether it is an angle.
    pub(super) angle: bool,
}

impl Column {
    pub(super) fn new(quantity: &Quantity) -> Self {
        let of_controls_or_solver = match quantity.measure {
            Measure::Fixed(k) => FIXED.get(k).is_some_and(|name| name.starts_with("solver.") || *name == "feeder.f_hz"),
            Measure::Tap(_) | Measure::Steps(_) => true,
            _ => false,
        };
        let angle = matches!(quantity.measure, Measure::Voltage(_, Part::Angle) | Measure::Difference(.., Part::Angle));
        Self { unsolved: of_controls_or_solver, angle }
    }

    /// The value at a step; NaN where there is none.
    pub(super) fn value(self, x: f64, converged: bool) -> f64 {
        if converged || self.unsolved { x } else { f64::NAN }
    }
}

/// The angle that differs from `x` by whole turns and from `reference` by half a turn at most.
pub(super) fn beside_deg(x: f64, reference: f64) -> f64 {
    x - 360.0 * ((x - reference) / 360.0).round()
}

/// Gathers [`Numbers`] of every quantity.
pub(super) struct Counting {
    all: Vec<(Column, Numbers)>,
}

impl Counting {
    pub(super) fn new(plan: &Plan) -> Self {
        let none = Numbers {
            count: 0,
            min: (f64::INFINITY, Tick(0)),
            max: (f64::NEG_INFINITY, Tick(0)),
            mean: 0.0,
            last: f64::NAN,
        };
        Self { all: plan.quantities.iter().map(|quantity| (Column::new(quantity), none)).collect() }
    }

    /// Takes in a step's row.
    pub(super) fn take(&mut self, tick: Tick, row: &[f64], converged: bool) {
        for ((column, numbers), &x) in self.all.iter_mut().zip(row) {
            let mut x = column.value(x, converged);
            if column.angle && numbers.count > 0 {
                // Any value so far is as good a reference as another.
                x = beside_deg(x, numbers.min.0);
            }
            numbers.last = x;
            if x.is_nan() {
                continue;
            }
            if x < numbers.min.0 {
                numbers.min = (x, tick);
            }
            if x > numbers.max.0 {
                numbers.max = (x, tick);
            }
            numbers.count += 1;
            numbers.mean += x;
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a count of steps")]
    pub(super) fn finish(self) -> Vec<Numbers> {
        let finished = |(_, n): (Column, Numbers)| Numbers { mean: n.mean / n.count as f64, ..n };
        self.all.into_iter().map(finished).collect()
    }
}
