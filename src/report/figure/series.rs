//! Lines over time: rows of a record thinned to what a figure can show.

use super::canvas::{Canvas, Stroke};

/// Most points of one line: about two for each point of width.
const MOST_POINTS: usize = 1400;

/// A line's points: all, or of each group of neighbours the lowest and the highest, so that no peak is lost.
pub fn thinned(x: &[f64], y: &[f64]) -> Vec<(f64, f64)> {
    let points: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
    if points.len() <= MOST_POINTS {
        return points;
    }
    let group = points.len().div_ceil(MOST_POINTS / 2);
    points.chunks(group).flat_map(extremes).collect()
}

/// The lowest and the highest point in the order in which they stand; a gap if there is nothing else.
fn extremes(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let known = || points.iter().copied().filter(|p| !p.1.is_nan());
    let low = known().min_by(|a, b| a.1.total_cmp(&b.1));
    let high = known().max_by(|a, b| a.1.total_cmp(&b.1));
    match low.zip(high) {
        Some((low, high)) if low.0 < high.0 => vec![low, high],
        Some((low, high)) if low.0 > high.0 => vec![high, low],
        Some((low, _)) => vec![low],
        None => points.first().copied().into_iter().collect(),
    }
}

/// Draws a line, broken where values are missing. `steps`: each value holds until the next.
pub fn draw_line(
    canvas: &mut Canvas,
    points: &[(f64, f64)],
    steps: bool,
    stroke: Stroke,
    at: impl Fn((f64, f64)) -> (f64, f64),
) {
    for part in points.split(|p| p.1.is_nan()).filter(|part| !part.is_empty()) {
        match part {
            [(x, y)] => canvas.dot(at((*x, *y)), stroke.width, stroke.colour),
            _ if steps => canvas.path(stairs(part).into_iter().map(&at), stroke),
            _ => canvas.path(part.iter().map(|p| at(*p)), stroke),
        }
    }
}

fn stairs(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let corners = points.windows(2).flat_map(|w| [w[0], (w[1].0, w[0].1)]);
    corners.chain(points.last().copied()).collect()
}

/// Smallest and largest value, missing ones left out.
pub fn range<'a>(values: impl IntoIterator<Item = &'a f64>) -> (f64, f64) {
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    values.into_iter().fold(start, |(low, high), &v| (low.min(v), high.max(v)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_every_peak() {
        let x: Vec<f64> = (0..100_000).map(f64::from).collect();
        let mut y = vec![1.0; x.len()];
        y[54_321] = 7.0;
        y[99_999] = -3.0;
        let thin = thinned(&x, &y);
        assert!(thin.len() <= MOST_POINTS);
        assert!(thin.contains(&(54_321.0, 7.0)) && thin.contains(&(99_999.0, -3.0)));
        assert!(thin.windows(2).all(|w| w[0].0 < w[1].0));
        assert_eq!(thinned(&x[..5], &y[..5]).len(), 5);
    }

    #[test]
    fn ranges_leave_out_what_is_missing() {
        assert_eq!(range(&[f64::NAN, 2.0, -1.0]), (-1.0, 2.0));
    }
}
