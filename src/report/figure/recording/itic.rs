//! Dips, swells and interruptions by duration and voltage, in the ITI (CBEMA) curve.

use super::super::axis::{Axis, Frame, heading};
use super::super::canvas::{Anchor, Canvas, Colour, Font, LABEL, Stroke, svg};
use super::super::{Figure, SIDES, WIDTH};
use crate::monitor::event::itic::{LOWER, UPPER};
use crate::study::monitor::{EventRow, Summary};

const HEIGHT: u32 = 360;
/// Durations that are shown, as powers of ten of a second.
const DURATIONS: [f64; 2] = [-4.0, 3.0];
const HIGHEST_PERCENT: f64 = 250.0;

/// The figure; `None` without dips, swells and interruptions.
pub fn itic(summary: &Summary) -> Option<Figure> {
    let events: Vec<&EventRow> = summary.events.iter().filter(|event| event.itic.is_some()).collect();
    if events.is_empty() {
        return None;
    }
    let labels = ["0.1 ms", "1 ms", "10 ms", "0.1 s", "1 s", "10 s", "100 s", ""];
    let ticks = labels.iter().zip(-4..).map(|(label, power)| (f64::from(power), (*label).to_owned()));
    let frame = Frame {
        edges: [SIDES.0, 84.0, SIDES.1, f64::from(HEIGHT) - 48.0],
        x: Axis { from: DURATIONS[0], to: DURATIONS[1], ticks: ticks.collect() },
        y: Axis::exact(0.0, HIGHEST_PERCENT, 5),
    };
    let title = "Events in the ITI (CBEMA) curve";
    let drawn = svg(WIDTH, HEIGHT, title, |canvas| {
        heading(
            canvas,
            title,
            "by duration and residual or highest voltage; equipment is meant to ride through between the lines",
        );
        region(canvas, &frame, &curve(&UPPER), HIGHEST_PERCENT);
        region(canvas, &frame, &curve(&LOWER), 0.0);
        frame.draw(canvas, true, &[]);
        frame.name_x(canvas, "duration");
        frame.name_y(canvas, "% of the nominal voltage");
        for edge in [curve(&UPPER), curve(&LOWER)] {
            canvas.path(edge.iter().map(|p| frame.at(*p)), Stroke::new(Colour::Ink, 1.6));
        }
        names(canvas, &frame);
        for event in &events {
            let inside = event.itic.as_deref() == Some("no interruption in function");
            let at = (
                event.duration_s.max(1e-4).log10().min(DURATIONS[1]),
                event.residual_percent.clamp(0.0, HIGHEST_PERCENT),
            );
            canvas.dot(frame.at(at), 5.0, Colour::Paper);
            canvas.dot(frame.at(at), 4.0, if inside { Colour::Green } else { Colour::Red });
        }
    });
    let outside = events.iter().filter(|event| event.itic.as_deref() != Some("no interruption in function")).count();
    let caption = format!("{} events, {outside} of them outside the curve (red).", events.len());
    Some(Figure { name: "itic".into(), caption, svg: drawn })
}

/// An edge of the curve within what is shown.
fn curve(edge: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let place = |(s, percent): &(f64, f64)| (s.log10().clamp(DURATIONS[0], DURATIONS[1]), percent.min(HIGHEST_PERCENT));
    let mut points: Vec<(f64, f64)> = Vec::new();
    for pair in edge.windows(2) {
        // Straight in log-log, so bent here: in ten pieces, without what lies above the frame.
        let pieces = if pair[0].1 > HIGHEST_PERCENT { 40 } else { 10 };
        for k in 0..=pieces {
            let part = f64::from(k) / f64::from(pieces);
            let log = |a: f64, b: f64| a.max(1e-9).log10() * (1.0 - part) + b.clamp(1e-9, 1e9).log10() * part;
            let percent = if pair[0].1 == pair[1].1 { pair[0].1 } else { 10f64.powf(log(pair[0].1, pair[1].1)) };
            points.push(place(&(10f64.powf(log(pair[0].0, pair[1].0)), percent)));
        }
    }
    if let Some(last) = edge.last() {
        points.push((DURATIONS[1], last.1.min(HIGHEST_PERCENT)));
    }
    points
}

/// The tint between an edge and the frame's top or bottom.
fn region(canvas: &mut Canvas, frame: &Frame, edge: &[(f64, f64)], end: f64) {
    let Some((first, last)) = edge.first().zip(edge.last()) else { return };
    let corners = [(last.0, end), (first.0, end)];
    canvas.area(edge.iter().chain(&corners).map(|p| frame.at(*p)), Colour::Red, 0.07);
}

fn names(canvas: &mut Canvas, frame: &Frame) {
    let font = Font { colour: Colour::Label, ..LABEL };
    for (text, at) in
        [("prohibited", (0.6, 190.0)), ("no damage", (0.6, 35.0)), ("no interruption in function", (-3.0, 88.0))]
    {
        canvas.text(text, frame.at(at), Anchor::Middle, font);
    }
}
