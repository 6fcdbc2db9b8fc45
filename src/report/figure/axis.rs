//! Scales with ticks at round numbers, and the frame of a figure.

use super::canvas::{Anchor, Canvas, Colour, LABEL, SUBTITLE, Stroke, TITLE};

/// Values along one side of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Value at the left or lower end.
    pub from: f64,
    /// Value at the right or upper end.
    pub to: f64,
    /// Where ticks stand, and what they say.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis that shows `from..to` with about `count` ticks at multiples of 1, 2 or 5; its ends stay as they are.
    pub fn exact(from: f64, to: f64, count: u32) -> Self {
        let (from, to) = widened(from, to);
        let step = round_step((to - from) / f64::from(count.max(1)));
        Self::with_step(from, to, step)
    }

    /// The same, with its ends moved outwards to ticks.
    pub fn rounded(from: f64, to: f64, count: u32) -> Self {
        let (from, to) = widened(from, to);
        let step = round_step((to - from) / f64::from(count.max(1)));
        Self::with_step((from / step + 1e-9).floor() * step, (to / step - 1e-9).ceil() * step, step)
    }

    fn with_step(from: f64, to: f64, step: f64) -> Self {
        let decimals = decimals(step);
        let ticks = multiples(from, to, step).map(|x| (x, format!("{:.decimals$}", if x == 0.0 { 0.0 } else { x })));
        Self { from, to, ticks: ticks.collect() }
    }

    /// Seconds on a clock, labelled as hours and minutes, days, minutes or seconds – and what these are called.
    /// `start_s` is the clock at the start of the run: short runs are labelled from there.
    pub fn time(from_s: f64, to_s: f64, start_s: f64) -> (Self, &'static str) {
        const MINUTE: f64 = 60.0;
        const HOUR: f64 = 3600.0;
        const DAY: f64 = 86_400.0;
        let span = to_s - from_s;
        let labelled = |step: f64, origin: f64, label: &dyn Fn(f64) -> String| {
            let ticks = multiples(from_s - origin, to_s - origin, step).map(|x| (x + origin, label(x))).collect();
            Self { from: from_s, to: to_s, ticks }
        };
        let from_start = |unit: f64| {
            let step = round_step(span / unit / 8.0);
            labelled(step * unit, start_s, &|x| format!("{:.*}", decimals(step), x / unit))
        };
        if span > 2.0 * DAY {
            let step = round_step(span / DAY / 8.0).max(1.0);
            (labelled(step * DAY, 0.0, &|x| format!("{:.0}", x / DAY)), "days")
        } else if span > HOUR {
            let steps = [5.0 * MINUTE, 10.0 * MINUTE, 0.5 * HOUR, HOUR, 2.0 * HOUR, 3.0 * HOUR, 6.0 * HOUR];
            let step = steps.into_iter().find(|step| span / step <= 9.0).unwrap_or(12.0 * HOUR);
            let clock = |x: f64| {
                let minutes = (x / MINUTE).round();
                let hour = (minutes / 60.0).floor();
                // The end of a day is 24:00, not 00:00 once more.
                let shown = if minutes > 24.0 * 60.0 { hour % 24.0 } else { hour };
                format!("{shown:02.0}:{:02.0}", minutes - hour * 60.0)
            };
            (labelled(step, 0.0, &clock), "time of day")
        } else if span > 5.0 * MINUTE {
            (from_start(MINUTE), "time from the start, min")
        } else {
            (from_start(1.0), "time from the start, s")
        }
    }
}

/// Something to see even where all values are one, or none.
fn widened(from: f64, to: f64) -> (f64, f64) {
    if !(from.is_finite() && to.is_finite()) {
        return (0.0, 1.0);
    }
    let least = 1e-9 * from.abs().max(to.abs()).max(1e-3);
    if to - from > least { (from, to) } else { (from - 0.5 * from.abs().max(1.0), to + 0.5 * to.abs().max(1.0)) }
}

/// The least of 1, 2, 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let candidates = [1.0, 2.0, 5.0, 10.0].map(|m| m * power);
    candidates.into_iter().find(|c| *c >= step * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

fn decimals(step: f64) -> usize {
    (0..12).find(|&d| (step * 10f64.powi(d) - (step * 10f64.powi(d)).round()).abs() < 1e-6).unwrap_or(12) as usize
}

#[allow(clippy::cast_possible_truncation, reason = "an axis has a few ticks; a float cast saturates")]
fn multiples(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    let (first, last) = ((from / step - 1e-9).ceil() as i64, (to / step + 1e-9).floor() as i64);
    (first..=last.min(first.saturating_add(100))).map(move |k| k as f64 * step)
}

/// A rectangle of a sheet with an axis on two sides.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Left, top, right and bottom edge in points.
    pub edges: [f64; 4],
    /// Along the bottom.
    pub x: Axis,
    /// Along the left.
    pub y: Axis,
}

impl Frame {
    /// The point of a pair of values.
    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let [left, top, right, bottom] = self.edges;
        let along = |axis: &Axis, value: f64| (value - axis.from) / (axis.to - axis.from);
        (left + along(&self.x, x) * (right - left), bottom - along(&self.y, y) * (bottom - top))
    }

    /// Grid and tick labels; `bottom_labels` says whether the lower axis is labelled. Left labels that would touch one
    /// of `marked` are left out.
    pub fn draw(&self, canvas: &mut Canvas, bottom_labels: bool, marked: &[f64]) {
        let [left, top, right, bottom] = self.edges;
        let grid = Stroke::new(Colour::Grid, 1.0);
        for (value, label) in &self.y.ticks {
            let y = self.at((self.x.from, *value)).1;
            canvas.path([(left, y), (right, y)], grid);
            let touches = |mark: &f64| (self.at((self.x.from, *mark)).1 - y).abs() < LABEL.size + 1.0;
            if !marked.iter().any(touches) {
                canvas.text(label, (left - 8.0, y), Anchor::End, LABEL);
            }
        }
        for (value, label) in &self.x.ticks {
            let x = self.at((*value, self.y.from)).0;
            canvas.path([(x, top), (x, bottom)], grid.opacity(0.6));
            if bottom_labels {
                canvas.path([(x, bottom), (x, bottom + 4.0)], Stroke::new(Colour::Label, 1.0).opacity(0.6));
                canvas.text(label, (x, bottom + 15.0), Anchor::Middle, LABEL);
            }
        }
        canvas.path([(left, bottom), (right, bottom)], Stroke::new(Colour::Label, 1.0).opacity(0.6));
    }

    /// The name of the lower axis, below its labels, at its right end.
    pub fn name_x(&self, canvas: &mut Canvas, name: &str) {
        let [.., right, bottom] = self.edges;
        canvas.text(name, (right, bottom + 32.0), Anchor::End, LABEL);
    }

    /// The name of the left axis, above it, at the sheet's edge.
    pub fn name_y(&self, canvas: &mut Canvas, name: &str) {
        let [_, top, ..] = self.edges;
        canvas.text(name, (16.0, top - 22.0), Anchor::Start, LABEL);
    }
}

/// Title and subtitle in the upper left corner.
pub fn heading(canvas: &mut Canvas, title: &str, subtitle: &str) {
    canvas.text(title, (16.0, 22.0), Anchor::Start, TITLE);
    canvas.text(subtitle, (16.0, 42.0), Anchor::Start, SUBTITLE);
}

/// Samples of lines with their names, from the right edge leftwards beside the subtitle.
pub fn legend(canvas: &mut Canvas, right: f64, entries: &[(&str, Colour)]) {
    let mut x = right;
    for (name, colour) in entries.iter().rev() {
        x -= text_width(name, SUBTITLE.size);
        canvas.text(name, (x, 42.0), Anchor::Start, SUBTITLE);
        canvas.path([(x - 22.0, 42.0), (x - 6.0, 42.0)], Stroke::new(*colour, 2.5));
        x -= 22.0 + 14.0;
    }
}

/// Width of a text in points, about: the font is the viewer's.
#[allow(clippy::cast_precision_loss, reason = "a short text")]
pub fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.53
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(labels(&Axis::exact(0.94, 1.06, 6)), ["0.94", "0.96", "0.98", "1.00", "1.02", "1.04", "1.06"]);
        let axis = Axis::rounded(-0.3, 3.2, 5);
        assert_eq!(labels(&axis), ["-1", "0", "1", "2", "3", "4"]);
        assert_eq!((axis.from, axis.to), (-1.0, 4.0));
        assert_eq!(labels(&Axis::rounded(0.0, 3.0, 3)), ["0", "1", "2", "3"], "no tick beyond what is one");
        assert_eq!(labels(&Axis::rounded(1234.0, 5678.0, 4)), ["0", "2000", "4000", "6000"]);
    }

    #[test]
    fn a_day_is_labelled_in_hours() {
        let (axis, name) = Axis::time(0.0, 86_400.0, 0.0);
        let day = ["00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "24:00"];
        assert_eq!((labels(&axis), name), (day.into(), "time of day"));
        let (night, _) = Axis::time(79_200.0, 79_200.0 + 4.0 * 3600.0, 79_200.0);
        assert_eq!(labels(&night), ["22:00", "22:30", "23:00", "23:30", "24:00", "00:30", "01:00", "01:30", "02:00"]);
    }

    #[test]
    fn short_runs_are_labelled_from_their_start() {
        let (axis, name) = Axis::time(3600.0, 3604.0, 3600.0);
        assert_eq!(labels(&axis), ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0"]);
        assert_eq!(name, "time from the start, s");
    }

    #[test]
    fn what_has_no_extent_still_has_an_axis() {
        for (from, to) in [(1.0, 1.0), (f64::NAN, 1.0), (f64::INFINITY, f64::NEG_INFINITY), (0.0, 0.0), (1e300, 1e300)]
        {
            let axis = Axis::rounded(from, to, 5);
            assert!(axis.to > axis.from && !axis.ticks.is_empty(), "{from} {to}: {axis:?}");
        }
    }
}
