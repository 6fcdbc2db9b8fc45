//! Values over a recording of any length in bounded memory: when there are too many intervals, neighbours become one.

use serde::{Deserialize, Serialize};

/// Most intervals.
const MOST: usize = 1000;

/// Smallest, mean and largest of some values; NaN without any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    least: f64,
    sum: f64,
    most: f64,
    count: u64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { least: f64::INFINITY, sum: 0.0, most: f64::NEG_INFINITY, count: 0 }
    }
}

impl Spread {
    /// Adds a value; one that is not finite is none.
    pub fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.join(&Self { least: value, sum: value, most: value, count: 1 });
        }
    }

    fn join(&mut self, other: &Self) {
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.sum += other.sum;
        self.count += other.count;
    }

    /// Smallest, mean and largest; nothing when there is none.
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 windows")]
    pub fn values(&self) -> [Option<f64>; 3] {
        if self.count == 0 { [None; 3] } else { [self.least, self.sum / self.count as f64, self.most].map(Some) }
    }
}

/// Several quantities over time.
#[derive(Clone, Debug)]
pub struct Trend {
    quantities: usize,
    /// Windows in an interval.
    each: u64,
    intervals: Vec<Interval>,
}

#[derive(Clone, Debug)]
struct Interval {
    start_s: f64,
    windows: u64,
    flagged: u64,
    spreads: Vec<Spread>,
}

/// A trend as it is written: lists over the intervals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// When each interval begins.
    pub start_s: Vec<f64>,
    /// How many of its windows are flagged or not valid.
    pub flagged: Vec<u64>,
    /// By quantity: smallest, mean and largest of each interval.
    pub values: Vec<[Vec<Option<f64>>; 3]>,
}

impl Trend {
    /// Of so many quantities.
    pub const fn new(quantities: usize) -> Self {
        Self { quantities, each: 1, intervals: Vec::new() }
    }

    /// Adds a window's values.
    pub fn add(&mut self, start_s: f64, flagged: bool, values: impl IntoIterator<Item = f64>) {
        if self.intervals.last().is_none_or(|last| last.windows >= self.each) {
            if self.intervals.len() >= MOST {
                self.halve();
            }
            if self.intervals.last().is_none_or(|last| last.windows >= self.each) {
                let spreads = vec![Spread::default(); self.quantities];
                self.intervals.push(Interval { start_s, windows: 0, flagged: 0, spreads });
            }
        }
        if let Some(last) = self.intervals.last_mut() {
            last.windows += 1;
            last.flagged += u64::from(flagged);
            last.spreads.iter_mut().zip(values).for_each(|(spread, value)| spread.add(value));
        }
    }

    fn halve(&mut self) {
        let mut kept = Vec::with_capacity(MOST);
        for pair in self.intervals.chunks(2) {
            let [first, rest @ ..] = pair else { continue };
            let mut joined = first.clone();
            for other in rest {
                joined.windows += other.windows;
                joined.flagged += other.flagged;
                joined.spreads.iter_mut().zip(&other.spreads).for_each(|(a, b)| a.join(b));
            }
            kept.push(joined);
        }
        self.intervals = kept;
        self.each *= 2;
    }

    /// As lists.
    pub fn written(&self) -> Written {
        let list = |quantity: usize, which: usize| {
            let value = |i: &Interval| i.spreads.get(quantity).and_then(|s| s.values().get(which).copied().flatten());
            self.intervals.iter().map(value).collect()
        };
        Written {
            start_s: self.intervals.iter().map(|i| i.start_s).collect(),
            flagged: self.intervals.iter().map(|i| i.flagged).collect(),
            values: (0..self.quantities).map(|q| [list(q, 0), list(q, 1), list(q, 2)]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_when_intervals_are_joined() {
        let mut trend = Trend::new(1);
        for k in 0..10_000u32 {
            trend.add(f64::from(k), k == 7777, [f64::from(k % 100)]);
        }
        let written = trend.written();
        assert!((500..=1000).contains(&written.start_s.len()), "{}", written.start_s.len());
        assert_eq!(written.flagged.iter().sum::<u64>(), 1);
        assert_eq!(written.start_s[..2], [0.0, 16.0]);
        let [least, mean, most] = &written.values[0];
        assert_eq!((least[0], mean[0], most[0]), (Some(0.0), Some(7.5), Some(15.0)));
        assert!(most.iter().flatten().any(|x| *x == 99.0));
    }

    #[test]
    fn what_is_not_known_stays_unknown() {
        let mut trend = Trend::new(2);
        trend.add(0.0, true, [f64::NAN, 1.0]);
        assert_eq!(
            trend.written().values,
            [[vec![None], vec![None], vec![None]], [vec![Some(1.0)], vec![Some(1.0)], vec![Some(1.0)]]]
        );
    }
}
