//! Frequency, RMS values and THD over the recording.

use super::super::axis::{Axis, Frame, heading, legend};
use super::super::canvas::{Canvas, Colour, Stroke, svg};
use super::super::series::{draw_line, range};
use super::super::{Figure, SIDES, WIDTH, panel_title};
use super::{colour, of};
use crate::study::monitor::Summary;

const PANEL: f64 = 120.0;
const GAP: f64 = 42.0;

/// One line of a panel: its name, and smallest, mean and largest of each interval.
struct Line<'a> {
    name: &'a str,
    values: [Vec<f64>; 3],
}

/// A figure each of voltages with the frequency, and of currents.
pub fn trends(summary: &Summary) -> Vec<Figure> {
    ["u", "i"].into_iter().filter_map(|letter| trend(summary, letter)).collect()
}

fn line<'a>(summary: &Summary, name: &'a str, quantity: usize) -> Option<Line<'a>> {
    let lists = summary.trend.values.get(quantity)?;
    let plain = |list: &Vec<Option<f64>>| list.iter().map(|x| x.unwrap_or(f64::NAN)).collect();
    Some(Line { name, values: [plain(&lists[0]), plain(&lists[1]), plain(&lists[2])] })
}

fn trend(summary: &Summary, letter: &str) -> Option<Figure> {
    let channels: Vec<(usize, &str)> = of(summary, letter).collect();
    if channels.is_empty() || summary.trend.start_s.len() < 2 {
        return None;
    }
    let lines = |offset: usize| {
        channels.iter().filter_map(|(k, name)| line(summary, name, 1 + 2 * k + offset)).collect::<Vec<_>>()
    };
    let unit = if letter == "u" { "RMS, V" } else { "RMS, A" };
    let mut panels = vec![(unit, lines(0)), ("THD of subgroups, %", lines(1))];
    if letter == "u" {
        panels.push(("frequency, Hz", line(summary, "f", 0).into_iter().collect()));
    }
    let what = if letter == "u" { "Voltages and frequency over time" } else { "Currents over time" };
    let top = |k: usize| 84.0 + k as f64 * (PANEL + GAP);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred points")]
    let height = (top(panels.len() - 1) + PANEL + 48.0) as u32;
    let drawn = svg(WIDTH, height, what, |canvas| {
        heading(canvas, what, "mean of each interval; the band reaches from the smallest to the largest window");
        let names: Vec<(&str, Colour)> = channels.iter().map(|(_, name)| (*name, colour(name))).collect();
        legend(canvas, SIDES.1, &names);
        for (k, (title, lines)) in panels.iter().enumerate() {
            panel(canvas, summary, (top(k), k + 1 == panels.len()), title, lines);
        }
    });
    let caption = "Grey stretches have windows that an event flags or of which samples are missing.";
    Some(Figure { name: format!("trend_{letter}"), caption: caption.into(), svg: drawn })
}

fn panel(canvas: &mut Canvas, summary: &Summary, (top, last): (f64, bool), title: &str, lines: &[Line]) {
    let (low, high) = range(lines.iter().flat_map(|l| l.values[0].iter().chain(&l.values[2])));
    let pad = 0.08 * (high - low).max(1e-4 * high.abs());
    let (x, name) = Axis::time(0.0, summary.duration_s.max(1e-3), 0.0);
    let frame = Frame { edges: [SIDES.0, top, SIDES.1, top + PANEL], x, y: Axis::exact(low - pad, high + pad, 4) };
    let start = &summary.trend.start_s;
    let end = |k: usize| start.get(k + 1).copied().unwrap_or(summary.duration_s);
    for (k, from) in start.iter().enumerate().filter(|(k, _)| summary.trend.flagged.get(*k).is_some_and(|n| *n > 0)) {
        let corners = [(*from, frame.y.from), (end(k), frame.y.from), (end(k), frame.y.to), (*from, frame.y.to)];
        canvas.area(corners.map(|p| frame.at(p)), Colour::Label, 0.16);
    }
    frame.draw(canvas, last, &[]);
    if last {
        frame.name_x(canvas, name);
    }
    panel_title(canvas, title, (SIDES.0, top - 12.0));
    for line in lines {
        let own = if line.name == "f" { Colour::Ink } else { colour(line.name) };
        let points = |which: usize| {
            line.values[which].iter().enumerate().map(|(k, v)| (0.5 * (start[k] + end(k)), *v)).collect::<Vec<_>>()
        };
        let known = |p: &(f64, f64)| !p.1.is_nan();
        let outline = points(2).into_iter().filter(known).chain(points(0).into_iter().rev().filter(known));
        canvas.area(outline.map(|p| frame.at(p)), own, 0.15);
        draw_line(canvas, &points(1), false, Stroke::new(own, 1.5), |p| frame.at(p));
    }
}
