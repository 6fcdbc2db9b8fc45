//! Voltage limits in figures: a dashed line with its value on the axis, and a tint beyond.

use super::axis::Frame;
use super::canvas::{Anchor, Canvas, Colour, Font, LABEL, Stroke};

/// Draws what of the limits lies inside the frame, with its grid and labels.
pub fn draw(canvas: &mut Canvas, frame: &Frame, limits_pu: [f64; 2], bottom_labels: bool) {
    let (bottom, top) = (frame.y.from, frame.y.to);
    let [low, high] = limits_pu;
    let inside: Vec<(f64, f64)> =
        [(low, bottom), (high, top)].into_iter().filter(|(limit, _)| bottom < *limit && *limit < top).collect();
    let (from, to) = (frame.x.from, frame.x.to);
    for &(limit, end) in &inside {
        let corners = [(from, limit), (to, limit), (to, end), (from, end)].map(|p| frame.at(p));
        canvas.area(corners, Colour::Red, 0.07);
    }
    let marked: Vec<f64> = inside.iter().map(|(limit, _)| *limit).collect();
    frame.draw(canvas, bottom_labels, &marked);
    for limit in marked {
        let (left, right) = (frame.at((from, limit)), frame.at((to, limit)));
        canvas.dashes(left, right, Stroke::new(Colour::Red, 1.3));
        let font = Font { colour: Colour::Red, bold: true, ..LABEL };
        canvas.text(&limit.to_string(), (left.0 - 8.0, left.1), Anchor::End, font);
    }
}
