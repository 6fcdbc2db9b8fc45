//! Curves of one value over another, as P–V curves: several on one pair of axes, with a mark at a point of each.

use super::axis::{Axis, Frame, heading, legend};
use super::canvas::{Anchor, Canvas, Colour, Font, LABEL, Stroke, svg};
use super::series::range;
use super::{Figure, SIDES, WIDTH};

const HEIGHT: u32 = 400;
const COLOURS: [Colour; 5] = [Colour::Blue, Colour::Orange, Colour::Green, Colour::Ink, Colour::Red];

/// A curve.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    /// What it is of.
    pub name: String,
    /// Its points in order.
    pub points: Vec<(f64, f64)>,
    /// Points to mark, each with what is said there.
    pub marks: Vec<((f64, f64), String)>,
}

/// The figure; `None` without points.
pub fn curves(name: &str, title: &str, subtitle: &str, axes: [&str; 2], curves: &[Curve]) -> Option<Figure> {
    let points = || curves.iter().flat_map(|c| &c.points).filter(|p| p.0.is_finite() && p.1.is_finite());
    points().next()?;
    let (x, y) = (range(points().map(|p| &p.0)), range(points().map(|p| &p.1)));
    let pad = 0.06 * (y.1 - y.0).max(1e-9);
    let frame = Frame {
        edges: [SIDES.0, 84.0, SIDES.1, f64::from(HEIGHT) - 48.0],
        x: Axis::rounded(x.0.min(0.0), x.1 + 0.04 * (x.1 - x.0), 8),
        y: Axis::rounded(if y.0 >= 0.0 { (y.0 - pad).max(0.0) } else { y.0 - pad }, y.1 + pad, 7),
    };
    let drawn = svg(WIDTH, HEIGHT, title, |canvas| {
        heading(canvas, title, subtitle);
        let names: Vec<(&str, Colour)> =
            curves.iter().zip(COLOURS.into_iter().cycle()).map(|(c, colour)| (c.name.as_str(), colour)).collect();
        legend(canvas, SIDES.1, names.get(..names.len().min(5)).unwrap_or_default());
        frame.draw(canvas, true, &[]);
        frame.name_x(canvas, axes[0]);
        frame.name_y(canvas, axes[1]);
        for (curve, colour) in curves.iter().zip(COLOURS.into_iter().cycle()) {
            draw(canvas, &frame, curve, colour);
        }
    });
    Some(Figure { name: name.into(), caption: String::new(), svg: drawn })
}

fn draw(canvas: &mut Canvas, frame: &Frame, curve: &Curve, colour: Colour) {
    for part in curve.points.split(|p| !(p.0.is_finite() && p.1.is_finite())).filter(|part| !part.is_empty()) {
        canvas.path(part.iter().map(|p| frame.at(*p)), Stroke::new(colour, 2.0));
    }
    for (point, text) in &curve.marks {
        let (x, y) = frame.at(*point);
        canvas.dot((x, y), 4.0, colour);
        let right = x < 0.75 * SIDES.1;
        let (anchor, x) = if right { (Anchor::Start, x + 7.0) } else { (Anchor::End, x - 9.0) };
        canvas.text(text, (x, if right { y - 8.0 } else { y }), anchor, Font { colour, bold: true, ..LABEL });
    }
}
