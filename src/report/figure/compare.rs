//! The errors of several runs over time, one on the other: on a scale of powers of ten, since what matters is both how far a
//! disturbance throws a phasor and how close control brings it.

use super::axis::{Axis, Frame, heading, text_width};
use super::canvas::{Anchor, Canvas, Colour, LABEL, SUBTITLE, Stroke, svg};
use super::pv::dash;
use super::{Figure, SIDES, WIDTH, panel_title};
use crate::study::compare::{Comparison, Judged};

/// Lines of one figure: six colours, solid and dashed.
const MOST_LINES: usize = 12;
const COLOURS: [Colour; 6] = [Colour::Blue, Colour::Orange, Colour::Green, Colour::Red, Colour::Ink, Colour::Label];
const TALL: f64 = 190.0;
const GAP: f64 = 44.0;
/// Height of a row of names.
const ROW: f64 = 18.0;
/// Decades below the band that are shown.
const BELOW: f64 = 3.0;

/// The figure; `None` without anything to show.
pub fn errors(all: &Comparison) -> Option<Figure> {
    let shown = all.rows.len().min(MOST_LINES);
    if shown == 0 || all.measures.is_empty() {
        return None;
    }
    let places = name_places(all, shown);
    let rows = places.last().map_or(0.0, |(_, row)| row + 1.0);
    let top = 62.0 + rows * ROW + 22.0;
    #[allow(clippy::cast_precision_loss, reason = "a few panels")]
    let foot = top + all.measures.len() as f64 * (TALL + GAP) - GAP;
    let title = "Largest error of all phases over time";
    let hidden = all.rows.len() - shown;
    let subtitle = match hidden {
        0 => "powers of ten; thin lines: the band within which it is settled".to_owned(),
        _ => format!("powers of ten; thin lines: the band; {hidden} more runs are in compare.json"),
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred points")]
    let drawn = svg(WIDTH, foot as u32 + 48, title, |canvas| {
        heading(canvas, title, &subtitle);
        for (k, (x, row)) in places.iter().enumerate() {
            let y = 66.0 + row * ROW;
            line(canvas, k, &[(*x, y), (x + 24.0, y)]);
            canvas.text(&all.rows[k].scenario, (x + 30.0, y), Anchor::Start, SUBTITLE);
        }
        for (k, measure) in all.measures.iter().enumerate() {
            #[allow(clippy::cast_precision_loss, reason = "a few panels")]
            let from = top + k as f64 * (TALL + GAP);
            let edges = [SIDES.0, from, SIDES.1, from + TALL];
            panel(canvas, all, (k, measure), edges, k + 1 == all.measures.len());
        }
    });
    let caption = "Dashed upright lines are disturbances. What lies at the lower edge is smaller still.";
    Some(Figure { name: "compare_errors".into(), caption: caption.into(), svg: drawn })
}

/// Where each name stands: its left end, and its row.
fn name_places(all: &Comparison, shown: usize) -> Vec<(f64, f64)> {
    let (mut x, mut row) = (16.0, 0.0);
    let mut places = Vec::new();
    for one in all.rows.iter().take(shown) {
        let width = 30.0 + text_width(&one.scenario, SUBTITLE.size) + 28.0;
        if x + width > SIDES.1 && x > 16.0 {
            (x, row) = (16.0, row + 1.0);
        }
        places.push((x, row));
        x += width;
    }
    places
}

fn line(canvas: &mut Canvas, place: usize, points: &[(f64, f64)]) {
    let stroke = Stroke::new(COLOURS[place % COLOURS.len()], 1.7);
    if place < COLOURS.len() { canvas.path(points.iter().copied(), stroke) } else { dash(canvas, points, stroke) }
}

fn panel(canvas: &mut Canvas, all: &Comparison, (k, measure): (usize, &Judged), edges: [f64; 4], last: bool) {
    let curves = || all.rows.iter().take(MOST_LINES).map(|row| row.curves.get(k).map_or(&[][..], Vec::as_slice));
    let highest = curves().flatten().map(|[_, error]| *error).fold(measure.band, f64::max);
    let least = measure.band.max(1e-12).log10() - BELOW;
    let (x, x_name) = Axis::time(0.0, all.duration_s, 0.0);
    let frame = Frame { edges, x, y: decades(least.floor(), highest.max(1e-12).log10() + 0.1) };
    panel_title(canvas, &format!("{}, {}", measure.name, measure.unit), (edges[0], edges[1] - 12.0));
    frame.draw(canvas, last, &[]);
    if last {
        frame.name_x(canvas, x_name);
    }
    for one in &all.disturbances {
        let ends = [frame.y.from, frame.y.to].map(|y| frame.at((one.at_s, y)));
        canvas.dashes(ends[1], ends[0], Stroke::new(Colour::Label, 1.0).opacity(0.7));
    }
    let band = measure.band.max(1e-12).log10();
    canvas.path([frame.x.from, frame.x.to].map(|x| frame.at((x, band))), Stroke::new(Colour::Label, 1.0));
    canvas.text("band", (edges[2] - 4.0, frame.at((0.0, band)).1 - 8.0), Anchor::End, LABEL);
    for (place, curve) in curves().enumerate() {
        let points: Vec<(f64, f64)> = curve
            .iter()
            .map(|[t_s, error]| frame.at((*t_s, error.max(1e-300).log10().clamp(frame.y.from, frame.y.to))))
            .collect();
        line(canvas, place, &points);
    }
}

/// An axis of logarithms, labelled by what they are of.
fn decades(from: f64, to: f64) -> Axis {
    #[allow(clippy::cast_possible_truncation, reason = "a few decades")]
    let (first, last) = (from.ceil() as i32, to.floor() as i32);
    let label = |k: i32| match k {
        -3..=0 => format!("{:.*}", k.unsigned_abs() as usize, 10f64.powi(k)),
        1..=4 => format!("{:.0}", 10f64.powi(k)),
        _ => format!("1e{k}"),
    };
    Axis { from, to, ticks: (first..=last).map(|k| (f64::from(k), label(k))).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decades_are_labelled_by_their_numbers() {
        let labels: Vec<String> = decades(-5.0, 1.2).ticks.into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["1e-5", "1e-4", "0.001", "0.01", "0.1", "1", "10"]);
    }
}
