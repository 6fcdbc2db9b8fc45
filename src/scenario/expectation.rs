//! Checked expectations: names bound to quantities and elements, times to ticks.

use super::{Convergence, NodeRef};
use crate::quantity::Tick;

/// Something that must be true of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Its name; what it says when it has none.
    pub name: String,
    /// What it says.
    pub check: Check,
}

/// What an expectation says. Quantities are places in [`super::Plan::quantities`]; regulators and banks count the
/// feeder's, `None` is all of them together.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// A quantity is in a range.
    Level {
        /// The quantity.
        quantity: usize,
        /// At which steps.
        quantifier: Quantifier,
        /// The range.
        range: Range,
        /// The steps that are looked at.
        window: Window,
    },
    /// A quantity stays near a value.
    Settles {
        /// The quantity.
        quantity: usize,
        /// The steps from which on, and until which, it stays.
        window: Window,
        /// Largest distance.
        band: f64,
        /// The value; that of the window's last step when not given.
        to: Option<f64>,
    },
    /// A quantity goes beyond its final value by less than something.
    Overshoot {
        /// The quantity.
        quantity: usize,
        /// The steps after the disturbance: the value before is that of the step before, the final one that of the last.
        window: Window,
        /// Less than this.
        below: f64,
        /// Whether `below` is in percent of the step, not in the quantity's unit.
        percent: bool,
    },
    /// Steps have a solution.
    Converges(Convergence),
    /// A quantity's lowest, highest, mean and final value are the baseline's.
    EqualsBaseline {
        /// The quantity.
        quantity: usize,
        /// Largest difference; the rule for all quantities when not given.
        tolerance: Option<f64>,
    },
    /// A regulator moves at most so many taps.
    TapOperations {
        /// The regulator.
        regulator: Option<usize>,
        /// How many.
        at_most: u64,
    },
    /// A capacitor bank switches at most so many steps.
    CapacitorOperations {
        /// The bank.
        capacitor: Option<usize>,
        /// How many.
        at_most: u64,
    },
    /// Nodes have a voltage at the last step, or none of them has.
    Ends {
        /// The nodes.
        nodes: Vec<NodeRef>,
        /// Whether they have.
        energised: bool,
    },
    /// What a condition sets off happens.
    Happens {
        /// In words, lower-case.
        what: String,
        /// How often, exactly; at least once when not given.
        times: Option<u32>,
    },
}

/// At which steps of the window a quantity is in its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// At every one.
    Always,
    /// At none.
    Never,
    /// At one at least.
    Sometime,
    /// On average.
    Mean,
}

/// Ticks, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first.
    pub first: Tick,
    /// The last.
    pub last: Tick,
}

/// A range of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Lower end; −∞ without one.
    pub low: f64,
    /// Upper end; ∞ without one.
    pub high: f64,
    /// Whether the ends belong to it.
    pub closed: bool,
}

impl Window {
    /// Whether a tick is in it.
    pub fn has(&self, tick: Tick) -> bool {
        self.first <= tick && tick <= self.last
    }
}

impl Range {
    /// Whether a value is in it.
    pub fn has(&self, x: f64) -> bool {
        if self.closed { self.low <= x && x <= self.high } else { self.low < x && x < self.high }
    }

    /// How far inside a value is: its distance from the nearer end, negative outside.
    pub fn depth(&self, x: f64) -> f64 {
        (x - self.low).min(self.high - x)
    }

    /// The end that is nearer to a value.
    pub fn nearer(&self, x: f64) -> f64 {
        if x - self.low < self.high - x { self.low } else { self.high }
    }
}
