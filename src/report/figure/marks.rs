//! What happened, in figures over time: a thin line at each event, with a flag that bears its number in the table of
//! events, and one at the worst point of each expectation that failed, with its number in the table of expectations.

use super::Run;
use super::axis::{Frame, text_width};
use super::canvas::{Anchor, Canvas, Colour, Font, Stroke};

const FONT: Font = Font { colour: Colour::Paper, size: 10.0, bold: true };
const HEIGHT: f64 = 13.0;

/// Marks of one kind, by clock time in s, each with its number.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    events: Vec<(f64, usize)>,
    failed: Vec<(f64, usize)>,
}

/// A run's marks.
pub fn marks(run: &Run) -> Marks {
    let clock = |t_s: f64| run.clock_s(t_s);
    let numbered = run.facts.events.iter().enumerate();
    let events = numbered.map(|(k, event)| (clock(event.t_s), k + 1)).collect();
    let verdicts = run.summary.expectations.iter().enumerate().filter(|(_, v)| !v.passed);
    let mut failed: Vec<(f64, usize)> = verdicts.filter_map(|(k, v)| Some((clock(v.at_s?), k + 1))).collect();
    failed.sort_by(|a, b| a.0.total_cmp(&b.0));
    Marks { events, failed }
}

/// Draws the lines, and with `flags` the flags on top of the frame.
pub fn draw(canvas: &mut Canvas, frame: &Frame, marks: &Marks, flags: bool) {
    let kinds = [(&marks.events, Colour::Label, "", 0.0), (&marks.failed, Colour::Red, "×", HEIGHT + 3.0)];
    for (marks, colour, sign, below) in kinds {
        let [left, top, right, bottom] = frame.edges;
        let place = |clock_s: f64| frame.at((clock_s, frame.y.from)).0;
        let inside: Vec<(f64, usize)> = marks
            .iter()
            .map(|(t, n)| (place(*t), *n))
            .filter(|(x, _)| (left - 0.5..=right + 0.5).contains(x))
            .collect();
        let mut last = f64::NEG_INFINITY;
        for &(x, _) in inside.iter().filter(|_| marks.len() < 400) {
            if x > last {
                canvas.dashes((x, top), (x, bottom), Stroke::new(colour, 1.0).opacity(0.7));
            }
            last = x;
        }
        for cluster in clusters(&inside, sign).iter().filter(|_| flags) {
            flag(canvas, cluster, sign, top - 3.0 + below, colour, (left - 8.0, right + 12.0));
        }
    }
}

/// Neighbours whose flags would touch share one: where the first and the last stand, and what is known of their numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cluster {
    first: f64,
    last: f64,
    least: usize,
    most: usize,
    count: usize,
}

impl Cluster {
    const fn of(x: f64, number: usize) -> Self {
        Self { first: x, last: x, least: number, most: number, count: 1 }
    }

    fn with(self, next: Self) -> Self {
        let (least, most) = (self.least.min(next.least), self.most.max(next.most));
        Self { last: next.last, least, most, count: self.count + next.count, ..self }
    }

    fn text(&self, sign: &str) -> String {
        match self.count {
            1 => format!("{sign}{}", self.least),
            2 => format!("{sign}{}, {}", self.least, self.most),
            n if self.most - self.least + 1 == n => format!("{sign}{}–{}", self.least, self.most),
            n => format!("{sign}{}, … ({n})", self.least),
        }
    }

    /// Left and right end of its flag.
    fn room(&self, sign: &str) -> (f64, f64) {
        let half = text_width(&self.text(sign), FONT.size) / 2.0 + 4.0;
        let middle = f64::midpoint(self.first, self.last);
        (middle - half, middle + half)
    }
}

fn clusters(marks: &[(f64, usize)], sign: &str) -> Vec<Cluster> {
    let mut joined: Vec<Cluster> = Vec::new();
    for &(x, number) in marks {
        let mut next = Cluster::of(x, number);
        // Joining widens a flag, which can then touch the one before.
        while let Some(last) = joined.pop() {
            if last.room(sign).1 + 2.0 > next.room(sign).0 {
                next = last.with(next);
            } else {
                joined.push(last);
                break;
            }
        }
        joined.push(next);
    }
    joined
}

fn flag(canvas: &mut Canvas, cluster: &Cluster, sign: &str, foot: f64, colour: Colour, (least, most): (f64, f64)) {
    let (from, to) = cluster.room(sign);
    let width = to - from;
    let left = from.clamp(least, (most - width).max(least));
    let (right, top) = (left + width, foot - HEIGHT);
    // Corners cut off: at this size as good as round.
    let corners = [
        (left + 2.0, top),
        (right - 2.0, top),
        (right, top + 2.0),
        (right, foot - 2.0),
        (right - 2.0, foot),
        (left + 2.0, foot),
        (left, foot - 2.0),
        (left, top + 2.0),
    ];
    canvas.area(corners, colour, 1.0);
    canvas.text(&cluster.text(sign), (f64::midpoint(left, right), top + HEIGHT / 2.0), Anchor::Middle, FONT);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(marks: &[(f64, usize)]) -> Vec<String> {
        clusters(marks, "").iter().map(|c| c.text("")).collect()
    }

    #[test]
    fn flags_that_would_touch_are_one() {
        assert_eq!(texts(&[(10.0, 1), (100.0, 2), (200.0, 3)]), ["1", "2", "3"]);
        assert_eq!(texts(&[(10.0, 1), (12.0, 2), (200.0, 3)]), ["1, 2", "3"]);
        assert_eq!(texts(&[(10.0, 1), (12.0, 2), (14.0, 3), (200.0, 4)]), ["1–3", "4"]);
        assert_eq!(texts(&[(10.0, 4), (12.0, 2), (14.0, 9)]), ["2, … (3)"], "expectations are in no order of time");
        assert!(texts(&[]).is_empty());
    }

    #[test]
    fn a_hundred_thousand_events_are_a_few_flags() {
        let marks: Vec<(f64, usize)> = (0..100_000u32).map(|k| (f64::from(k) * 0.006, k as usize + 1)).collect();
        let flags = clusters(&marks, "");
        assert!(flags.len() < 12, "{flags:?}");
        assert_eq!(flags.iter().map(|flag| flag.count).sum::<usize>(), 100_000);
    }

    #[test]
    fn no_two_flags_overlap() {
        let marks: Vec<(f64, usize)> = (0..60u32).map(|k| (f64::from(k * k % 97) * 6.0, k as usize)).collect();
        let mut marks = marks;
        marks.sort_by(|a, b| a.0.total_cmp(&b.0));
        let flags = clusters(&marks, "×");
        assert!(flags.windows(2).all(|w| w[0].room("×").1 <= w[1].room("×").0), "{flags:?}");
    }
}
