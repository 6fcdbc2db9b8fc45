//! How late a paced run's ticks were: the share of them that took longer than a time, both on logarithmic scales, so that
//! one in a thousand is seen as well as the usual.

use super::axis::{Axis, Frame, heading, legend};
use super::canvas::{Anchor, Colour, Font, LABEL, Stroke, svg};
use super::{Figure, SIDES, WIDTH};
use crate::bench::pace::{Distribution, LoopTiming};

const HEIGHT: u32 = 330;
const TOP: f64 = 84.0;
/// What is drawn: its name in the file, in the legend, its colour.
const LINES: [(&str, &str, Colour); 4] = [
    ("wake_up", "waking up", Colour::Ink),
    ("work", "work", Colour::Blue),
    ("exchange", "programs", Colour::Green),
    ("completion", "done", Colour::Orange),
];
const CAPTION: &str = "Share of ticks that took longer than a time: waking up after the due time, the tick's work (of that, waiting \
                       for programs), and until it was done after the due time. The dashed line is when the next tick is due.";

/// The figure; `None` when nothing was measured.
pub fn timing(timing: &LoopTiming) -> Option<Figure> {
    let lines =
        LINES.iter().filter_map(|(name, legend, colour)| Some((timing.durations.get(*name)?, *legend, *colour)));
    let lines: Vec<(&Distribution, &str, Colour)> = lines.collect();
    let points = |d: &Distribution| d.bins.iter().map(|(ns, _)| *ns as f64 / 1e3).collect::<Vec<f64>>();
    let all: Vec<f64> = lines.iter().flat_map(|(d, ..)| points(d)).chain([timing.period_s * 1e6]).collect();
    let low = all.iter().copied().filter(|us| *us > 0.0).fold(f64::INFINITY, f64::min);
    let high = all.iter().copied().fold(0.0, f64::max);
    let most = lines.iter().map(|(d, ..)| d.count).max().filter(|n| *n > 0)?;
    let least = (0.7 / most as f64).log10();
    let frame = Frame {
        edges: [SIDES.0, TOP, SIDES.1, f64::from(HEIGHT) - 48.0],
        x: decades(low.log10().floor(), (high * 1.1).log10(), micros),
        y: decades(least, 0.0, share),
    };
    let drawn = svg(WIDTH, HEIGHT, "How late ticks were", |canvas| {
        heading(canvas, "How late ticks were", &format!("{} ticks", timing.ticks));
        legend(canvas, SIDES.1, &lines.iter().map(|(_, name, colour)| (*name, *colour)).collect::<Vec<_>>());
        frame.draw(canvas, true, &[]);
        frame.name_x(canvas, "time");
        frame.name_y(canvas, "share of ticks that took longer");
        let x = frame.at(((timing.period_s * 1e6).log10(), 0.0)).0;
        canvas.dashes((x, TOP), (x, frame.edges[3]), Stroke::new(Colour::Red, 1.4));
        canvas.text("next tick", (x, TOP - 8.0), Anchor::Middle, Font { colour: Colour::Red, ..LABEL });
        for (d, _, colour) in &lines {
            canvas.path(longer(d, frame.x.from, least).into_iter().map(|p| frame.at(p)), Stroke::new(*colour, 2.0));
        }
    });
    Some(Figure { name: "timing".into(), caption: CAPTION.into(), svg: drawn })
}

/// Stairs of the share that took longer than each bin's edge, as logarithms.
fn longer(d: &Distribution, from: f64, least: f64) -> Vec<(f64, f64)> {
    let mut left = d.count;
    let mut points = vec![(from, 0.0)];
    for &(ns, count) in &d.bins {
        let x = (ns as f64 / 1e3).log10().max(from);
        let before = points.last().map_or(0.0, |p| p.1);
        left = left.saturating_sub(count);
        let share = (left as f64 / d.count.max(1) as f64).log10().max(least);
        points.extend([(x, before), (x, share)]);
    }
    points
}

/// A tick at each power of ten.
fn decades(from: f64, to: f64, name: fn(i32) -> String) -> Axis {
    #[allow(clippy::cast_possible_truncation, reason = "logarithms of finite numbers")]
    let ticks = (from.ceil() as i32..=to.floor() as i32).map(|decade| (f64::from(decade), name(decade)));
    Axis { from, to, ticks: ticks.collect() }
}

/// A power of ten µs.
fn micros(decade: i32) -> String {
    match decade {
        ..0 => format!("{} ns", 10f64.powi(decade + 3)),
        0..3 => format!("{} µs", 10f64.powi(decade)),
        3..6 => format!("{} ms", 10f64.powi(decade - 3)),
        _ => format!("{} s", 10f64.powi(decade - 6)),
    }
}

/// A power of ten as a share.
fn share(decade: i32) -> String {
    format!("{} %", 10f64.powi(decade + 2))
}
