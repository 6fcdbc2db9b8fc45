//! P–V curves before and after a loss, with the points at which the system may stand; Q–V curves.
//!
//! Left the whole curves, right the part around the operating points, larger, as in Figure 5 of von Meier et al.,
//! "Phasor-Based Control for Scalable Integration of Variable Energy Resources", Energies 13 (2020) 190.

use super::axis::{Axis, Frame, heading, text_width};
use super::canvas::{Anchor, Canvas, Colour, Font, LABEL, SUBTITLE, Stroke, svg};
use super::series::range;
use super::{Figure, SIDES, WIDTH, panel_title};
use crate::report::page::short;
use crate::study::pv::{Answer, OperatingPoint, PvCurve, QvCurve, RunCurves, RunPoint};

const BEFORE: Stroke = Stroke::new(Colour::Ink, 2.2);
const AFTER: Stroke = Stroke::new(Colour::Red, 2.2);
const TOP: f64 = 96.0;
const BOTTOM: f64 = 400.0;
const POINT_RADIUS: f64 = 4.2;
const NOSE_RADIUS: f64 = 3.2;
/// Of points, in their order.
const COLOURS: [Colour; 5] = [Colour::Ink, Colour::Red, Colour::Green, Colour::Blue, Colour::Orange];
const CAPTION: &str = "Voltage against power, before (solid) and after (dashed) the loss; a dot at each nose. Thin lines: \
                       nominal voltage ± 5 %.";
/// Length of a dash and of the gap after it, in points of the sheet.
const DASH: [f64; 2] = [7.0, 5.0];

/// Power and voltage in the units of a figure.
struct Units {
    power: (f64, &'static str),
    voltage: (f64, &'static str),
}

impl Units {
    fn of(most_power: f64, most_voltage: f64) -> Self {
        Self {
            power: if most_power.abs() >= 2e7 { (1e6, "M") } else { (1e3, "k") },
            voltage: if most_voltage >= 1e3 { (1e3, "kV") } else { (1.0, "V") },
        }
    }

    fn point(&self, power: f64, v_v: f64) -> (f64, f64) {
        (power / self.power.0, v_v / self.voltage.0)
    }
}

/// A point on the curves.
struct Mark<'a> {
    letter: &'a str,
    what: String,
    point: &'a OperatingPoint,
    colour: Colour,
}

/// The P–V curves of an answer, with the points at which the system may stand.
pub fn pv(answer: &Answer) -> Figure {
    let none_left = answer.post.is_some() && answer.operating_points.b.is_none();
    let note = none_left.then_some("B: no solution after the loss at the present load");
    drawn(answer, &marks(answer), note, CAPTION.to_owned())
}

/// The P–V curves of a run, with the points at which it stood.
pub fn of_run(run: &RunCurves) -> Figure {
    let marks: Vec<Mark> = run.points.iter().zip(COLOURS.into_iter().cycle()).filter_map(of_point).collect();
    let gone: Vec<&str> = run.points.iter().filter(|p| p.point.is_none()).map(|p| p.name.as_str()).collect();
    let note = (!gone.is_empty()).then(|| format!("without a solution: {}", gone.join(", ")));
    let caption =
        format!("{CAPTION} Points are the run's own: power is all that is drawn at the bus, devices included.");
    drawn(&run.curves, &marks, note.as_deref(), caption)
}

fn of_point((own, colour): (&RunPoint, Colour)) -> Option<Mark<'_>> {
    let what = format!("at {} s{}", short(own.at_s), if own.lost { ", after the loss" } else { "" });
    Some(Mark { letter: &own.name, what, point: own.point.as_ref()?, colour })
}

fn drawn(answer: &Answer, marks: &[Mark], note: Option<&str>, caption: String) -> Figure {
    let units = Units::of(answer.curve.nose.p_w, answer.base_v);
    let rows = marks.len() + 1;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small")]
    let height = (BOTTOM + 62.0 + 17.0 * rows as f64) as u32;
    let title = format!("Voltage at {} as its load grows", answer.at);
    let drawn = svg(WIDTH, height, &title, |canvas| {
        heading(canvas, &title, &subtitle(answer));
        names(canvas, answer);
        let near = near_frame(answer, &units, marks);
        let right = if near.is_some() { 392.0 } else { SIDES.1 };
        let whole = whole_frame(answer, &units, [SIDES.0, TOP, right, BOTTOM]);
        draw(canvas, &whole, answer, &units, marks, near.is_none());
        whole.name_y(canvas, &format!("voltage, {}", units.voltage.1));
        if let Some(near) = near {
            panel_title(canvas, "around the operating points", (near.edges[0], TOP - 14.0));
            draw(canvas, &near, answer, &units, marks, true);
        }
        table(canvas, marks, note);
    });
    Figure { name: "pv".into(), caption, svg: drawn }
}

/// The Q–V curves of an answer, if it has any.
pub fn qv(answer: &Answer) -> Option<Figure> {
    let before = answer.qv.as_ref()?;
    let after = answer.post.as_ref().and_then(|post| post.qv.as_ref());
    let curves: Vec<(&QvCurve, Stroke, bool)> =
        std::iter::once((before, BEFORE, false)).chain(after.map(|curve| (curve, AFTER, true))).collect();
    let all = || curves.iter().flat_map(|(curve, ..)| &curve.points);
    let units = Units::of(all().map(|p| p.q_var.abs()).fold(0.0, f64::max), answer.base_v);
    let (voltages, powers): (Vec<f64>, Vec<f64>) =
        all().map(|p| (p.v_v / units.voltage.0, p.q_var / units.power.0)).unzip();
    let ((left, right), (low, high)) = (range(&voltages), range(&powers));
    let frame = Frame {
        edges: [SIDES.0, TOP, SIDES.1, BOTTOM],
        x: Axis::exact(left, right, 8),
        y: Axis::rounded(low, high.max(0.0), 7),
    };
    let title = format!("Q–V curve at {}", answer.at);
    let drawn = svg(WIDTH, BOTTOM as u32 + 62, &title, |canvas| {
        heading(
            canvas,
            &title,
            "at the present load: what must be injected for each voltage; below the lowest point there is no solution",
        );
        names(canvas, answer);
        frame.draw(canvas, true, &[]);
        frame.name_x(canvas, &format!("voltage, {}", units.voltage.1));
        frame.name_y(canvas, &format!("reactive injection, {}var", units.power.1));
        for (curve, stroke, dashed) in &curves {
            let points = curve.points.iter().map(|p| (p.v_v / units.voltage.0, p.q_var / units.power.0));
            line(canvas, &frame, points, *stroke, *dashed);
            let least = &curve.minimum;
            let at = frame.at((least.v_v / units.voltage.0, least.q_var / units.power.0));
            canvas.dot(at, NOSE_RADIUS, stroke.colour);
            let margin = format!("margin {} {}var", digits(curve.margin_var / units.power.0), units.power.1);
            canvas.text(&margin, (at.0, at.1 - 13.0), Anchor::Middle, Font { colour: stroke.colour, ..LABEL });
        }
    });
    let caption = "Reactive power that must be injected at the bus for each voltage, everything else as it is.";
    Some(Figure { name: "qv".into(), caption: caption.into(), svg: drawn })
}

fn subtitle(answer: &Answer) -> String {
    let lost = answer.post.as_ref().map(|post| format!("; lost: {}", post.outage.join(", ")));
    format!("{}, {}{}", answer.feeder, answer.reading.words(), lost.unwrap_or_default())
}

/// Samples of both lines with their names, at the right of the title.
fn names(canvas: &mut Canvas, answer: &Answer) {
    let entries = [("everything in service", BEFORE, false), ("after the loss", AFTER, true)];
    let shown = if answer.post.is_some() { 2 } else { 1 };
    let mut x = SIDES.1;
    for (name, stroke, dashed) in entries[..shown].iter().rev() {
        x -= text_width(name, SUBTITLE.size);
        canvas.text(name, (x, 22.0), Anchor::Start, SUBTITLE);
        let (from, to) = ((x - 32.0, 22.0), (x - 6.0, 22.0));
        if *dashed {
            canvas.dashes(from, to, *stroke)
        } else {
            canvas.path([from, to], *stroke)
        }
        x -= 46.0;
    }
}

/// The operating points of an answer.
fn marks(answer: &Answer) -> Vec<Mark<'_>> {
    let points = &answer.operating_points;
    let mark = |(letter, what, point): (_, &str, Option<_>), colour| {
        point.map(|point| Mark { letter, what: what.to_owned(), point, colour })
    };
    let all = [
        ("A", "present load", Some(&points.a)),
        ("B", "after the loss, same load", points.b.as_ref()),
        ("C", "after the loss, phasor restored", points.c.as_ref()),
    ];
    all.into_iter().zip(COLOURS).filter_map(|(all, colour)| mark(all, colour)).collect()
}

fn curves(answer: &Answer) -> impl Iterator<Item = (&PvCurve, Stroke, bool)> {
    let after = answer.post.as_ref().map(|post| (&post.curve, AFTER, true));
    std::iter::once((&answer.curve, BEFORE, false)).chain(after)
}

fn whole_frame(answer: &Answer, units: &Units, edges: [f64; 4]) -> Frame {
    let points = || curves(answer).flat_map(|(curve, ..)| curve.points.iter().chain([&curve.nose]));
    let (powers, voltages): (Vec<f64>, Vec<f64>) = points().map(|p| units.point(p.p_w, p.v_v)).unzip();
    let ((left, right), (_, high)) = (range(&powers), range(&voltages));
    Frame {
        edges,
        x: Axis::exact(left.min(0.0), right + 0.06 * (right - left.min(0.0)), 6),
        y: Axis::exact(0.0, 1.06 * high.max(1.05 * answer.base_v / units.voltage.0), 7),
    }
}

/// The part around the operating points, where there is more than one of them.
fn near_frame(answer: &Answer, units: &Units, marks: &[Mark]) -> Option<Frame> {
    if marks.len() < 2 {
        return None;
    }
    let points = marks.iter().map(|mark| units.point(mark.point.p_w, mark.point.v_v));
    let (powers, voltages): (Vec<f64>, Vec<f64>) = points.unzip();
    let ((left, right), (low, high)) = (range(&powers), range(&voltages));
    let band = answer.base_v / units.voltage.0;
    let (low, high) = (low.min(0.95 * band), high.max(1.05 * band));
    let (wide, tall) = ((right - left).max(0.2 * right.abs()), high - low);
    Some(Frame {
        edges: [452.0, TOP, SIDES.1, BOTTOM],
        x: Axis::exact((left - 0.5 * wide).max(0.0), right + 0.5 * wide, 5),
        y: Axis::exact(low - 0.25 * tall, high + 0.06 * tall, 7),
    })
}

fn draw(canvas: &mut Canvas, frame: &Frame, answer: &Answer, units: &Units, marks: &[Mark], letters: bool) {
    frame.draw(canvas, true, &[]);
    frame.name_x(canvas, &format!("active power, {}W", units.power.1));
    for share in [0.95, 1.05] {
        let v = share * answer.base_v / units.voltage.0;
        if frame.y.from < v && v < frame.y.to {
            let ends = [frame.x.from, frame.x.to].map(|x| frame.at((x, v)));
            canvas.path(ends, Stroke::new(Colour::Label, 1.0).opacity(0.75));
        }
    }
    for (curve, stroke, dashed) in curves(answer) {
        let past = curve.points.iter().position(|p| p.past_nose).unwrap_or(curve.points.len());
        let (before, after) = curve.points.split_at(past);
        let nose = curve.fold.then_some(&curve.nose);
        let points = before.iter().chain(nose).chain(after).map(|p| units.point(p.p_w, p.v_v));
        line(canvas, frame, points, stroke, dashed);
        let nose = units.point(curve.nose.p_w, curve.nose.v_v);
        if inside(frame, nose) {
            canvas.dot(frame.at(nose), NOSE_RADIUS, stroke.colour);
            canvas.dot(frame.at(nose), NOSE_RADIUS - 1.6, Colour::Paper);
        }
    }
    for Mark { letter, point, colour, .. } in marks {
        let at = units.point(point.p_w, point.v_v);
        if !inside(frame, at) {
            continue;
        }
        let (x, y) = frame.at(at);
        canvas.dot((x, y), POINT_RADIUS + 1.6, Colour::Paper);
        canvas.dot((x, y), POINT_RADIUS, *colour);
        if letters {
            let font = Font { colour: *colour, bold: true, size: 14.0 };
            canvas.text(letter, (x + 8.0, y - 10.0), Anchor::Start, font);
        }
    }
}

fn inside(frame: &Frame, (x, y): (f64, f64)) -> bool {
    (frame.x.from..=frame.x.to).contains(&x) && (frame.y.from..=frame.y.to).contains(&y)
}

/// A line through points, cut at the frame's edges, solid or dashed along its length.
fn line(canvas: &mut Canvas, frame: &Frame, points: impl Iterator<Item = (f64, f64)>, stroke: Stroke, dashed: bool) {
    let points: Vec<(f64, f64)> = points.collect();
    let mut run: Vec<(f64, f64)> = Vec::new();
    let mut finish = |run: &mut Vec<(f64, f64)>| {
        if dashed {
            dash(canvas, run, stroke)
        } else {
            canvas.path(run.iter().copied(), stroke)
        }
        run.clear();
    };
    for pair in points.windows(2) {
        let Some([from, to]) = cut(frame, pair[0], pair[1]) else {
            finish(&mut run);
            continue;
        };
        if run.is_empty() {
            run.push(frame.at(from));
        }
        run.push(frame.at(to));
        if to != pair[1] {
            finish(&mut run);
        }
    }
    finish(&mut run);
}

/// The part of a straight piece that lies inside a frame (Liang and Barsky, 1984).
fn cut(frame: &Frame, from: (f64, f64), to: (f64, f64)) -> Option<[(f64, f64); 2]> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut enter, mut leave) = (0.0f64, 1.0f64);
    let edges = [
        (-dx, from.0 - frame.x.from),
        (dx, frame.x.to - from.0),
        (-dy, from.1 - frame.y.from),
        (dy, frame.y.to - from.1),
    ];
    for (along, room) in edges {
        if along == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if along < 0.0 {
            enter = enter.max(room / along);
        } else {
            leave = leave.min(room / along);
        }
    }
    let at = |s: f64| if s == 1.0 { to } else { (from.0 + s * dx, from.1 + s * dy) };
    (enter < leave).then(|| [at(enter), at(leave)])
}

/// Dashes along a line.
pub(super) fn dash(canvas: &mut Canvas, points: &[(f64, f64)], stroke: Stroke) {
    let (mut on, mut left) = (true, DASH[0]);
    let mut piece: Vec<(f64, f64)> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length <= left {
                left -= length;
                piece.push(to);
                break;
            }
            let share = left / length;
            from = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
            piece.push(from);
            if on {
                canvas.path(piece.drain(..), stroke);
            }
            piece.clear();
            piece.push(from);
            on = !on;
            left = DASH[usize::from(!on)];
        }
    }
    if on {
        canvas.path(piece, stroke);
    }
}

/// What the operating points are, under the curves.
fn table(canvas: &mut Canvas, marks: &[Mark], note: Option<&str>) {
    let columns = [300.0, 400.0, 500.0, 590.0, SIDES.1];
    let mut y = BOTTOM + 60.0;
    let heads = ["kW", "kvar", "V", "deg", "margin to the nose"];
    for (head, x) in heads.into_iter().zip(columns) {
        canvas.text(head, (x, y), Anchor::End, LABEL);
    }
    let letters = marks.iter().map(|mark| text_width(mark.letter, SUBTITLE.size)).fold(10.0, f64::max);
    for Mark { letter, what, point, colour } in marks {
        y += 17.0;
        canvas.text(letter, (SIDES.0, y), Anchor::Start, Font { colour: *colour, bold: true, ..SUBTITLE });
        canvas.text(what, (SIDES.0 + 8.0 + letters, y), Anchor::Start, SUBTITLE);
        let values = [
            digits(point.p_w / 1e3),
            digits(point.q_var / 1e3),
            format!("{:.1}", point.v_v),
            format!("{:.2}", point.angle_deg),
            format!("{:.1} %", point.margin_percent),
        ];
        for (value, x) in values.iter().zip(columns) {
            canvas.text(value, (x, y), Anchor::End, Font { colour: Colour::Ink, ..SUBTITLE });
        }
    }
    if let Some(note) = note {
        canvas.text(note, (SIDES.0, BOTTOM + 46.0), Anchor::Start, Font { colour: Colour::Red, ..LABEL });
    }
}

/// About four digits; no minus before nothing.
fn digits(x: f64) -> String {
    let x = if x.abs() < 5e-4 { 0.0 } else { x };
    match x.abs() {
        a if a >= 1000.0 => format!("{x:.0}"),
        a if a >= 100.0 => format!("{x:.1}"),
        a if a >= 10.0 => format!("{x:.2}"),
        _ => format!("{x:.3}"),
    }
}
