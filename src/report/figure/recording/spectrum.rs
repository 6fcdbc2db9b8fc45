//! Harmonic subgroups by order, with the limits where there are some.

use super::super::axis::{Axis, Frame, heading, legend};
use super::super::canvas::{Canvas, Colour, Stroke, svg};
use super::super::{Figure, SIDES, WIDTH};
use super::{colour, of};
use crate::study::monitor::Summary;

const HEIGHT: u32 = 320;
/// Share of the room of an order that its bars fill.
const FILLED: f64 = 0.72;

/// The spectrum of voltages (`u`) or currents (`i`); `None` without any or without a fundamental.
pub fn spectrum(summary: &Summary, letter: &str) -> Option<Figure> {
    let percents: Vec<(&str, Vec<(f64, f64)>)> =
        of(summary, letter).filter_map(|(k, name)| Some((name, percents(summary, k)?))).collect();
    let limits = if letter == "u" { summary.limit_percent.as_slice() } else { &[] };
    let largest = percents.iter().flat_map(|(_, p)| p.iter().skip(2)).map(|(_, most)| *most).fold(0.0, f64::max);
    if percents.is_empty() {
        return None;
    }
    let top = limits.iter().flatten().copied().fold(largest, f64::max).max(0.1) * 1.06;
    let frame = Frame {
        edges: [SIDES.0, 84.0, SIDES.1, f64::from(HEIGHT) - 48.0],
        x: Axis {
            from: 1.0,
            to: 51.0,
            ticks: (2..=50).filter(|h| *h == 2 || h % 5 == 0).map(|h| (f64::from(h), h.to_string())).collect(),
        },
        y: Axis::exact(0.0, top, 5),
    };
    let what = if letter == "u" { "voltages" } else { "currents" };
    let title = format!("Harmonics of the {what}");
    let drawn = svg(WIDTH, HEIGHT, &title, |canvas| {
        heading(canvas, &title, "subgroups, % of the fundamental; ticks at the top are the largest window");
        let mut names: Vec<(&str, Colour)> = percents.iter().map(|(name, _)| (*name, colour(name))).collect();
        if limits.iter().any(Option::is_some) {
            names.push(("limit", Colour::Red));
        }
        legend(canvas, SIDES.1, &names);
        frame.draw(canvas, true, &[]);
        frame.name_x(canvas, "order");
        frame.name_y(canvas, "% of the fundamental");
        for (k, (name, percents)) in percents.iter().enumerate() {
            bars(canvas, &frame, percents, (k, names.len().min(4)), colour(name));
        }
        for (order, limit) in limits.iter().enumerate() {
            if let Some(limit) = limit {
                let half = 0.45;
                let (a, b) = (frame.at((order as f64 - half, *limit)), frame.at((order as f64 + half, *limit)));
                canvas.path([a, b], Stroke::new(Colour::Red, 1.6));
            }
        }
    });
    let caption =
        "Bars are root mean squares over all windows that no event touches; the tick above is the largest of a window.";
    Some(Figure { name: format!("spectrum_{letter}"), caption: caption.into(), svg: drawn })
}

/// Each order's mean and largest subgroup in percent of the fundamental.
fn percents(summary: &Summary, channel: usize) -> Option<Vec<(f64, f64)>> {
    let lines = &summary.channels.get(channel)?.spectrum;
    let fundamental = lines.get(1).map(|line| line.rms).filter(|rms| *rms > 0.0)?;
    Some(lines.iter().map(|line| (100.0 * line.rms / fundamental, 100.0 * line.most_rms / fundamental)).collect())
}

fn bars(canvas: &mut Canvas, frame: &Frame, percents: &[(f64, f64)], (k, count): (usize, usize), colour: Colour) {
    let width = FILLED / count.max(1) as f64;
    for (order, (mean, most)) in percents.iter().enumerate().skip(2) {
        let left = order as f64 - 0.5 * FILLED + k as f64 * width;
        let (foot, head) = (frame.at((left, 0.0)), frame.at((left + width, *mean)));
        canvas.area([foot, (head.0 - 0.4, foot.1), (head.0 - 0.4, head.1), (foot.0, head.1)], colour, 0.9);
        let tick = frame.at((left, *most)).1;
        if tick < head.1 - 1.0 {
            canvas.path([(foot.0, tick), (head.0 - 0.4, tick)], Stroke::new(colour, 0.8).opacity(0.7));
        }
    }
}
