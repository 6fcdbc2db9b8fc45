//! Multiplier sequences over time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Multipliers over time, repeated after the last.
///
/// With a fixed `interval_s`, the value at time t (s) is that of point round(t/interval) (1-based, as in OpenDSS: the
/// first point holds at t = interval); with `at_s`, values are interpolated linearly between points and the last
/// holds at time 0, too.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Time between points in s; excludes `at_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_s: Option<f64>,
    /// Time of each point in s; excludes `interval_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_s: Option<Vec<f64>>,
    /// Multipliers of active power.
    pub p: Vec<f64>,
    /// Multipliers of reactive power; those of active power when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<Vec<f64>>,
    /// The values are powers in kW and kvar, not multipliers.
    #[serde(default, skip_serializing_if = "super::defaults::is_no")]
    pub actual: bool,
}

/// A shape's value at one time: multipliers, or kW and kvar when the shape is `actual`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShapeValue {
    /// Active power.
    pub p: f64,
    /// Reactive power; `None` when the shape says nothing about it.
    pub q: Option<f64>,
}

impl Shape {
    /// The value at `t_s` seconds on the shape's clock (≥ 0); 1 for a shape without points.
    ///
    /// OpenDSS 0.14.5 (`GetMultAtHour`) is followed to the bit where it is defined: half-way between two points the even
    /// one is taken, and time and interval are compared in hours, whose rounding decides what is half-way.
    pub fn at(&self, t_s: f64) -> ShapeValue {
        let value = |point: Point| ShapeValue {
            p: point.of(&self.p).unwrap_or(1.0),
            q: self.q.as_ref().map(|q| point.of(q).unwrap_or(1.0)),
        };
        let count = self.p.len();
        match (&self.at_s, self.interval_s) {
            _ if count <= 1 => value(Point::of_one()),
            (Some(at_s), _) => value(interpolated(at_s, t_s)),
            (None, interval_s) => value(Point::at_index(nearest(count, interval_s.unwrap_or(HOUR_S), t_s))),
        }
    }
}

const HOUR_S: f64 = 3600.0;

/// Between which two points a time lies, and how far from the first.
#[derive(Clone, Copy)]
struct Point {
    before: usize,
    after: usize,
    share: f64,
}

impl Point {
    const fn at_index(index: usize) -> Self {
        Self { before: index, after: index, share: 0.0 }
    }

    const fn of_one() -> Self {
        Self::at_index(0)
    }

    fn of(self, values: &[f64]) -> Option<f64> {
        let (before, after) = (values.get(self.before)?, values.get(self.after)?);
        Some(before + self.share * (after - before))
    }
}

/// Index (0-based) of the point at `t_s` of `count` at a fixed interval.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "in 1..=count")]
fn nearest(count: usize, interval_s: f64, t_s: f64) -> usize {
    let hours = (t_s / HOUR_S).floor();
    let hour = hours + (t_s - hours * HOUR_S) / HOUR_S;
    let point = (hour / (interval_s / HOUR_S)).round_ties_even().rem_euclid(count as f64);
    if point >= 1.0 { (point as usize - 1).min(count - 1) } else { count - 1 }
}

/// The two points around `t_s`, the times being repeated after the last.
fn interpolated(at_s: &[f64], t_s: f64) -> Point {
    let Some(&period) = at_s.last().filter(|p| **p > 0.0) else { return Point::of_one() };
    let t = if t_s > period { t_s - (t_s / period).floor() * period } else { t_s };
    let after = at_s.partition_point(|&x| x < t).min(at_s.len() - 1);
    let (before, start) = match after.checked_sub(1) {
        Some(before) => (before, at_s.get(before).copied().unwrap_or(0.0)),
        // Before the first point: from the last one, which stands at time 0 of the next round.
        None => (at_s.len() - 1, 0.0),
    };
    let width = at_s.get(after).copied().unwrap_or(period) - start;
    let share = if width > 0.0 { (t - start) / width } else { 1.0 };
    Point { before, after, share }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p_at(shape: &Shape, step_s: f64, steps: u32) -> Vec<f64> {
        (1..=steps).map(|k| shape.at(f64::from(k) * step_s).p).collect()
    }

    /// Power in units of 10 kW of a 100 kW load, OpenDSS 0.14.5, `mode=daily stepsize=15m`, `npts=4 interval=1`.
    #[test]
    fn opendss_nearest_hour_by_quarters() {
        let shape = Shape { interval_s: Some(3600.0), p: vec![1.0, 2.0, 3.0, 4.0], ..Shape::default() };
        let opendss =
            [4, 4, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 4].map(f64::from);
        assert_eq!(p_at(&shape, 900.0, 30), opendss);
    }

    /// The same with `minterval=10`, `stepsize=300s`: half-way points where hours do not divide exactly.
    #[test]
    fn opendss_half_way_between_ten_minutes() {
        let shape = Shape { interval_s: Some(600.0), p: vec![1.0, 2.0, 3.0], ..Shape::default() };
        let opendss =
            [3, 1, 2, 2, 3, 3, 1, 1, 1, 2, 3, 3, 3, 1, 2, 2, 3, 3, 1, 1, 1, 2, 3, 3, 1, 1, 2, 2, 2, 3].map(f64::from);
        assert_eq!(p_at(&shape, 300.0, 30), opendss);
    }

    /// The same with `interval=0 hour=[1 2 4]`, `stepsize=20m`, from 1 h (before its first point OpenDSS reads beyond
    /// its arrays).
    #[test]
    fn opendss_interpolates_between_times() {
        let shape = Shape {
            at_s: Some(vec![3600.0, 7200.0, 14400.0]),
            p: vec![1.0, 3.0, 2.0],
            q: Some(vec![5.0, 6.0, 7.0]),
            ..Shape::default()
        };
        let opendss = [
            (1.0, 5.0),
            (1.6666667, 5.3333333),
            (2.3333333, 5.6666667),
            (3.0, 6.0),
            (2.8333333, 6.1666667),
            (2.6666667, 6.3333333),
            (2.5, 6.5),
            (2.3333333, 6.6666667),
            (2.1666667, 6.8333333),
            (2.0, 7.0),
        ];
        for round in [0.0, 14400.0] {
            for (k, (p, q)) in opendss.iter().enumerate() {
                let value = shape.at(round + 3600.0 + 1200.0 * k as f64);
                assert!((value.p - p).abs() < 1e-6, "{k}: {value:?}");
                assert!((value.q.unwrap() - q).abs() < 1e-6, "{k}: {value:?}");
            }
        }
        assert_eq!(shape.at(0.0).p, 2.0);
        assert_eq!(shape.at(1800.0).p, 1.5);
    }

    #[test]
    fn degenerate_shapes_have_values() {
        assert_eq!(Shape::default().at(5.0), ShapeValue { p: 1.0, q: None });
        let one = Shape { interval_s: Some(60.0), p: vec![0.5], ..Shape::default() };
        assert_eq!(one.at(1e9).p, 0.5);
        let zero = Shape { at_s: Some(vec![0.0, 0.0]), p: vec![0.5, 0.6], ..Shape::default() };
        assert!(zero.at(1.0).p.is_finite());
    }
}
