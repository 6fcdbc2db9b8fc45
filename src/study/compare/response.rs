//! What a controlled quantity does after each disturbance: how soon it settles, how far it goes beyond, where it ends.
//!
//! Errors are signed, target less value, one column for each phase; a missing value (before the first target, without a
//! solution) is not a number. What settles must stay settled until the next disturbance or the end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What came after one disturbance, all phases together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// Largest error of the first solution that shows the disturbance; none where nothing is known of it.
    pub first: Option<f64>,
    /// Largest error of all.
    pub peak: Option<f64>,
    /// Time until every phase is within the band for good, in s; none when they are not.
    pub settling_s: Option<f64>,
    /// Farthest that a phase goes beyond its target, seen from where it begins, in percent of the largest first error; none
    /// where that is within the band: then there is nothing to go beyond.
    pub overshoot_percent: Option<f64>,
    /// Largest error at the end.
    pub last: Option<f64>,
}

/// The response in rows `from..to`; the disturbance is in the solution of the first. `at_s` is its time.
pub fn response(t_s: &[f64], errors: &[Vec<f64>], (from, to): (usize, usize), at_s: f64, band: f64) -> Response {
    let largest: Vec<f64> = (from..to).map(|row| largest(errors, row)).collect();
    let known = |value: Option<&f64>| value.copied().filter(|v| !v.is_nan());
    let first = known(largest.first());
    let peak = largest.iter().copied().filter(|v| !v.is_nan()).max_by(f64::total_cmp);
    // What is not known is not settled.
    let outside = largest.iter().rposition(|error| error.is_nan() || *error > band);
    let settling_s = match outside {
        None if largest.is_empty() => None,
        None => Some(0.0),
        Some(last) => t_s.get(from + last + 1).filter(|_| last + 1 < largest.len()).map(|t| (t - at_s).max(0.0)),
    };
    let overshoot_percent =
        first.filter(|first| *first > band).map(|first| 100.0 * beyond(errors, from, to).max(0.0) / first);
    Response { first, peak, settling_s, overshoot_percent, last: known(largest.last()) }
}

/// Largest error of a row; not a number when any phase's is not known.
pub fn largest(errors: &[Vec<f64>], row: usize) -> f64 {
    let of = |column: &Vec<f64>| column.get(row).map_or(f64::NAN, |error| error.abs());
    // `f64::max` would pass over what is not a number.
    errors
        .iter()
        .map(of)
        .fold(if errors.is_empty() { f64::NAN } else { 0.0 }, |a, b| if a.is_nan() || a >= b { a } else { b })
}

/// Farthest error of a phase on the other side than its first.
fn beyond(errors: &[Vec<f64>], from: usize, to: usize) -> f64 {
    let of = |column: &Vec<f64>| {
        let rows = column.get(from..to).unwrap_or_default();
        let side = rows.first().copied().unwrap_or(0.0).signum();
        rows.iter().map(|error| -error * side).filter(|v| !v.is_nan()).fold(0.0, f64::max)
    };
    errors.iter().map(of).fold(0.0, f64::max)
}

/// First row at or after a time.
pub fn row_at(t_s: &[f64], at_s: f64) -> usize {
    // Times are multiples of a step as they were printed: half of one is far less than that.
    let slack = 1e-9 * at_s.abs().max(1.0);
    t_s.partition_point(|t| *t < at_s - slack)
}

/// Of each group of neighbours the largest, so that no more than `most` points are left and no peak is lost.
pub fn envelope(t_s: &[f64], values: &[f64], most: usize) -> Vec<[f64; 2]> {
    let points: Vec<[f64; 2]> = t_s.iter().zip(values).filter(|(_, v)| v.is_finite()).map(|(t, v)| [*t, *v]).collect();
    let group = points.len().div_ceil(most.max(1)).max(1);
    let largest = |group: &[[f64; 2]]| group.iter().copied().max_by(|a, b| a[1].total_cmp(&b[1]));
    points.chunks(group).filter_map(largest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: [f64; 8] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];

    #[test]
    fn what_settles_stays_settled() {
        // Into the band, out again, and in for good: from 0.6 s on, 0.4 s after the disturbance at 0.2 s.
        let errors = vec![vec![0.0, 0.1, 0.0005, 0.02, 0.002, 0.001, -0.0009, 0.0]];
        let found = response(&T, &errors, (1, 8), 0.2, 0.001);
        assert_eq!(found.settling_s.map(|s| (s * 1e9).round()), Some(0.4e9));
        assert_eq!((found.first, found.peak, found.last), (Some(0.1), Some(0.1), Some(0.0)));
    }

    #[test]
    fn all_phases_have_to_settle() {
        let errors = vec![vec![0.1, 0.0, 0.0, 0.0], vec![0.1, 0.1, 0.1, 0.0]];
        assert_eq!(response(&T, &errors, (0, 4), 0.1, 0.01).settling_s.map(|s| (s * 10.0).round()), Some(3.0));
        assert_eq!(response(&T, &errors, (0, 3), 0.1, 0.01).settling_s, None, "not by the next disturbance");
    }

    #[test]
    fn what_is_never_off_settles_at_once_and_has_no_overshoot() {
        let found = response(&T, &[vec![1e-6; 8]], (2, 8), 0.3, 0.001);
        assert_eq!((found.settling_s, found.overshoot_percent), (Some(0.0), None));
    }

    #[test]
    fn overshoot_is_seen_from_where_each_phase_begins() {
        // Phase a goes 0.02 beyond, phase b (from below) 0.03: 15 % of the largest first error, 0.2.
        let errors = vec![vec![0.2, -0.02, 0.0], vec![-0.1, 0.03, 0.0]];
        let found = response(&T, &errors, (0, 3), 0.1, 0.001);
        assert!((found.overshoot_percent.unwrap() - 15.0).abs() < 1e-9, "{found:?}");
        let found = response(&T, &[vec![0.2, 0.25, 0.1, 0.0]], (0, 4), 0.1, 0.001);
        assert_eq!((found.overshoot_percent, found.peak), (Some(0.0), Some(0.25)), "away is not beyond");
    }

    #[test]
    fn what_is_not_known_is_not_settled() {
        let found = response(&T, &[vec![0.0, 0.0, f64::NAN], vec![0.0; 3]], (0, 3), 0.1, 0.001);
        assert_eq!((found.settling_s, found.last, found.first), (None, None, Some(0.0)));
        let nothing = response(&T, &[vec![0.0; 8]], (8, 8), 0.9, 0.001);
        assert_eq!((nothing.settling_s, nothing.first, nothing.last), (None, None, None));
        assert!(largest(&[], 0).is_nan());
    }

    #[test]
    fn rows_are_found_whatever_is_rounded() {
        let t_s: Vec<f64> = (1..=2700).map(|k| f64::from(k) * 0.1).collect();
        assert_eq!(row_at(&t_s, 120.0), 1199);
        assert_eq!(row_at(&t_s, 0.0), 0);
        assert_eq!(row_at(&t_s, 271.0), 2700);
    }

    #[test]
    fn an_envelope_keeps_every_peak() {
        let t_s: Vec<f64> = (0..10_000).map(f64::from).collect();
        let mut values = vec![1e-6; 10_000];
        values[7_777] = 0.5;
        let thin = envelope(&t_s, &values, 500);
        assert!(thin.len() <= 500 && thin.contains(&[7_777.0, 0.5]));
        assert!(envelope(&[], &[], 500).is_empty());
    }
}
