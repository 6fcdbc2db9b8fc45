//! Driving-point impedance of a bus against frequency: magnitude on a logarithmic scale with its resonances, and angle.

use super::axis::{Axis, Frame, heading, legend, text_width};
use super::canvas::{Anchor, Canvas, Colour, Font, LABEL, PHASES, Stroke, svg};
use super::series::{draw_line, thinned};
use super::{Figure, SIDES, WIDTH};
use crate::study::scan::{Answer, Curve, Kind, POSITIVE, Point};

const TOP: f64 = 92.0;
const MIDDLE: f64 = 360.0;
const LOWER: f64 = 412.0;
const BOTTOM: f64 = 520.0;
const HEIGHT: u32 = 570;
const DOT: f64 = 4.0;
/// What the positive sequence is called.
const SEQUENCE: &str = "positive sequence";
/// Most resonances that are written beside their dots.
const MOST_NAMED: usize = 6;
/// Names closer than this to each other are left out, in points.
const APART: [f64; 2] = [74.0, 26.0];

/// The impedance of an answer.
pub fn scan(answer: &Answer) -> Figure {
    let title = format!("Impedance of {} against frequency", answer.at);
    let drawn = svg(WIDTH, HEIGHT, &title, |canvas| {
        let subtitle = format!("{}; order 1 is {} Hz", answer.feeder, answer.frequency_hz);
        heading(canvas, &title, &subtitle);
        let lines = lines(answer);
        let entries: Vec<(&str, Colour)> = lines.iter().map(|(name, _, stroke)| (*name, stroke.colour)).collect();
        legend(canvas, SIDES.1, &entries);
        magnitude(canvas, answer, &lines);
        angle(canvas, answer, &lines);
    });
    let caption = "Driving-point impedance with every source at rest: what a harmonic current that is injected at the bus meets. A \
                   filled dot is a parallel resonance, an open one a series resonance.";
    Figure { name: "scan".into(), caption: caption.into(), svg: drawn }
}

type Line<'a> = (&'a str, &'a Curve, Stroke);

/// Phases in their colours, the positive sequence in ink.
fn lines(answer: &Answer) -> Vec<Line<'_>> {
    let phase = |name: &str| name.rsplit('.').next().and_then(|n| n.parse::<usize>().ok());
    let mut other = PHASES.iter().cycle();
    let line = |(name, curve)| {
        let name: &String = name;
        let colour = match (name.as_str(), phase(name)) {
            (POSITIVE, _) => Colour::Ink,
            (_, Some(n @ 1..=3)) => PHASES[n - 1],
            _ => *other.next().unwrap_or(&Colour::Red),
        };
        let stroke = Stroke::new(colour, if colour == Colour::Ink { 2.4 } else { 1.8 });
        (if name == POSITIVE { SEQUENCE } else { name.as_str() }, curve, stroke)
    };
    answer.curves.iter().map(line).collect()
}

fn frequencies(lines: &[Line<'_>]) -> (f64, f64) {
    let ends = lines.iter().flat_map(|(_, curve, _)| curve.points.first().into_iter().chain(curve.points.last()));
    ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p.f_hz), high.max(p.f_hz)))
}

fn magnitude(canvas: &mut Canvas, answer: &Answer, lines: &[Line<'_>]) {
    let all = lines.iter().flat_map(|(_, curve, _)| &curve.points).map(Point::z_ohm);
    let seen = all.filter(|z| *z > 0.0 && z.is_finite());
    let (low, high) = seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), z| (low.min(z), high.max(z)));
    let (from, to) = frequencies(lines);
    if low == f64::INFINITY || from >= to {
        return;
    }
    let frame = Frame {
        edges: [SIDES.0, TOP, SIDES.1, MIDDLE],
        x: Axis::exact(from, to, 10),
        y: logarithmic(low / 1.9, high * 1.25),
    };
    frame.draw(canvas, false, &[]);
    frame.name_y(canvas, "impedance, ohm");
    orders(canvas, answer, &frame);
    for (_, curve, stroke) in lines {
        let (x, y): (Vec<f64>, Vec<f64>) = curve.points.iter().map(|p| (p.f_hz, p.z_ohm().max(low).log10())).unzip();
        draw_line(canvas, &thinned(&x, &y), false, *stroke, |p| frame.at(p));
    }
    resonances(canvas, &frame, lines);
}

fn angle(canvas: &mut Canvas, _: &Answer, lines: &[Line<'_>]) {
    let (from, to) = frequencies(lines);
    if from >= to {
        return;
    }
    let ticks = [-90.0, -45.0, 0.0, 45.0, 90.0].map(|deg: f64| (deg, format!("{deg:.0}")));
    let frame = Frame {
        edges: [SIDES.0, LOWER, SIDES.1, BOTTOM],
        x: Axis::exact(from, to, 10),
        y: Axis { from: -95.0, to: 95.0, ticks: ticks.to_vec() },
    };
    frame.draw(canvas, true, &[]);
    frame.name_x(canvas, "frequency, Hz");
    frame.name_y(canvas, "angle, degrees");
    for (_, curve, stroke) in lines {
        let (x, y): (Vec<f64>, Vec<f64>) =
            curve.points.iter().map(|p| (p.f_hz, p.angle_deg().clamp(-95.0, 95.0))).unzip();
        draw_line(canvas, &thinned(&x, &y), false, *stroke, |p| frame.at(p));
    }
}

/// Ticks at 1, 2 and 5 in every decade, or at each decade where there are many; ends stay as they are.
fn logarithmic(low: f64, high: f64) -> Axis {
    let (from, to) = (low.log10(), high.log10());
    let steps: &[f64] = if to - from > 4.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    #[allow(clippy::cast_possible_truncation, reason = "logarithms of finite numbers")]
    let decades = from.floor() as i32..=to.ceil() as i32;
    let values = decades.flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)));
    let ticks = values.filter(|v| (low..=high).contains(v)).map(|v| (v.log10(), value(v)));
    Axis { from, to, ticks: ticks.collect() }
}

fn value(v: f64) -> String {
    if (1e-3..1e5).contains(&v) { format!("{v}") } else { format!("{v:.0e}") }
}

/// The characteristic orders of six-pulse bridges, along the upper edge, where there is room.
fn orders(canvas: &mut Canvas, answer: &Answer, frame: &Frame) {
    let [left, top, right, _] = frame.edges;
    let mut free = left;
    for order in [1.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0, 25.0, 29.0, 31.0, 35.0, 37.0, 41.0, 43.0, 47.0, 49.0] {
        let f_hz = order * answer.frequency_hz;
        let x = frame.at((f_hz, frame.y.from)).0;
        if x < free || x > right || f_hz < frame.x.from {
            continue;
        }
        canvas.path([(x, top), (x, top + 5.0)], Stroke::new(Colour::Label, 1.0).opacity(0.8));
        canvas.text(&format!("h{order}"), (x, top - 8.0), Anchor::Middle, Font { size: 9.0, ..LABEL });
        free = x + 22.0;
    }
}

/// Quality, place, kind, order and colour of a resonance that may be named.
type Mark = (f64, (f64, f64), Kind, f64, Colour);

/// Dots on all resonances; order and quality beside the strongest.
fn resonances(canvas: &mut Canvas, frame: &Frame, lines: &[Line<'_>]) {
    let mut written: Vec<(f64, f64)> = Vec::new();
    let mut all: Vec<Mark> = Vec::new();
    let sequence = lines.iter().any(|(name, ..)| *name == SEQUENCE);
    for (name, curve, stroke) in lines {
        for r in curve.resonances.iter().filter(|r| r.z_ohm > 0.0) {
            let at = frame.at((r.f_hz, r.z_ohm.log10()));
            canvas.dot(at, DOT, stroke.colour);
            if r.kind == Kind::Series {
                canvas.dot(at, DOT - 1.7, Colour::Paper);
            }
            // Phases have nearly the same resonances: their sequence's are named for all.
            if sequence && *name != SEQUENCE {
                continue;
            }
            all.push((r.quality.unwrap_or(0.0), at, r.kind, r.order, stroke.colour));
        }
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (quality, (x, y), kind, order, colour) in all {
        let at = (x, if kind == Kind::Parallel { y - 13.0 } else { y + 14.0 });
        let near = |other: &(f64, f64)| (other.0 - at.0).abs() < APART[0] && (other.1 - at.1).abs() < APART[1];
        let [left, top, right, bottom] = frame.edges;
        let outside = at.1 < top + 8.0 || at.1 > bottom - 6.0;
        if written.len() >= MOST_NAMED || written.iter().any(near) || outside {
            continue;
        }
        let text = if quality > 0.0 { format!("h{order:.1}, Q {quality:.1}") } else { format!("h{order:.1}") };
        let place = at.0.clamp(left + 34.0, right - 34.0);
        let (wide, tall) = (text_width(&text, 10.5) / 2.0 + 3.0, 7.0);
        let corners = [(-wide, -tall), (wide, -tall), (wide, tall), (-wide, tall)];
        canvas.area(corners.map(|(dx, dy)| (place + dx, at.1 + dy)), Colour::Paper, 0.8);
        canvas.text(&text, (place, at.1), Anchor::Middle, Font { colour, size: 10.5, bold: true });
        written.push(at);
    }
}
